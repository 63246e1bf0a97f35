/*
 * Aggregates: answers of PostgreSQL (expected/aggregate.tsv), and what must hold for all of them: merging parts is updating
 * with everything, taking rows back leaves the rest, states survive being written and read.
 */
#include <stdio.h>

#include "core/base/memory.h"
#include "core/expr/aggregate.h"
#include "tests/core/expr/mini.h"
#include "tests/core/expr/values.h"
#include "tests/support/test.h"

enum { ROWS = 50 };

static bool same_text(const char *a, const char *b)
{
	return !a == !b && (!a || strcmp(a, b) == 0);
}

/* One group's state row of one call. */
struct group { struct spk_aggregate_call call; char *row; int size; };

static void group_init(struct group *g, const struct spk_aggregate_call *call, struct spk_arena *arena)
{
	g->call = *call;
	g->size = spk_aggregate_layout(&g->call, 1);
	g->row = spk_arena_zalloc(arena, (size_t)g->size);
}

static spk_status group_update(struct group *g, const struct spk_vector *v, const int32_t *sel, int n, const int32_t *weight, spk_error *err)
{
	char *state[ROWS];

	for (int i = 0; i < n; i++)
		state[i] = g->row;
	return g->call.step->update(&g->call, state, v, sel, n, weight, err);
}

static const char *group_final(struct group *g, struct spk_arena *arena, spk_error *err)
{
	struct spk_vector out;
	struct spk_value value;

	if (spk_vector_init(&out, g->call.type, 1, arena, err) != SPK_OK || g->call.step->final(&g->call, &g->row, 1, &out, 0, 1, arena, err) != SPK_OK)
		return spk_arena_printf(arena, "!%s", err->message);
	value = spk_vector_value(&out, 0);
	value.type = g->call.type;
	return mini_text(arena, value, NULL);
}

/* name(column 0), or name(*) without a field. */
static spk_status resolve_one(struct spk_arena *arena, const char *name, const struct spk_field *field, struct spk_aggregate_call *out, spk_error *err)
{
	struct spk_expr *arg = field ? spk_expr_column(arena, 0, field) : NULL;
	struct spk_aggregate_syntax syntax = { .name = name, .args = arg != NULL, .arg = &arg, .star = !arg, .position = 7 };

	return spk_aggregate_resolve(arena, &syntax, out, err);
}

/* --- against PostgreSQL --- */

static char *answer(struct spk_arena *arena, const struct mini_case *c)
{
	struct spk_value v;
	struct spk_field field = { .name = "x", .nullable = true };
	struct spk_aggregate_call call;
	struct spk_vector column;
	struct group g;
	spk_error err = { 0 };
	char type[64];
	const char *text;

	if (mini_value(arena, &c->arg[0], NULL, &v, &err) != SPK_OK)
		return spk_arena_printf(arena, "?\t!%s", err.message);
	field.type = v.type;
	if (resolve_one(arena, c->name, &field, &call, &err) != SPK_OK)
		return spk_arena_printf(arena, "?\t!%s", err.message);
	spk_vector_init(&column, v.type, MINI_ARGS_MAX, arena, &err);
	for (int i = 0; i < c->args; i++) {
		mini_value(arena, &c->arg[i], NULL, &v, &err);
		memcpy((char *)column.data + spk_type_width(v.type) * i, spk_value_bytes(&v), (size_t)spk_type_width(v.type));
		if (v.null) {
			spk_vector_need_valid(&column, MINI_ARGS_MAX, arena, &err);
			spk_bit_clear(column.valid, i);
		}
	}
	if (!spk_type_same(call.arg_type, v.type)) {
		struct spk_batch in = { .arena = arena, .rows = c->args, .selected = c->args, .columns = 1, .column = &column };
		struct spk_eval ev = { .arena = arena };
		struct spk_vector cast;

		CHECK_OK(spk_expr_eval(call.input[0], &in, NULL, c->args, &ev, &cast, &err), err);
		column = cast;
	}
	group_init(&g, &call, arena);
	if (group_update(&g, &column, NULL, c->args, NULL, &err) != SPK_OK)
		return spk_arena_printf(arena, "?\t!%s", err.message);
	text = group_final(&g, arena, &err);
	spk_aggregate_row_release(&g.call, 1, g.row);
	spk_type_format(call.type, type, sizeof type);
	if (strncmp(type, "numeric", 7) == 0)
		strcpy(type, "numeric");
	return text && text[0] == '!' ? spk_arena_printf(arena, "?\t%s", text) : spk_arena_printf(arena, "%s\t%s", type, text ? text : "\\N");
}

static void as_in_postgresql(void)
{
	char *path = spk_test_source("tests/core/expr/expected/aggregate.tsv"), *text = spk_test_slurp(path, NULL), *rest = text, *line;
	struct spk_arena *arena = spk_arena_new(NULL);
	int cases = 0;

	REQUIRE(text != NULL);
	while ((line = strsep(&rest, "\n")) != NULL) {
		struct mini_case c;
		const char *want;
		char *key = spk_arena_strdup(arena, line);

		if (!*line || !CHECK(mini_parse(line, &c)))
			continue;
		cases++;
		want = c.fails ? spk_arena_printf(arena, "?\t!%s", c.expected) : spk_arena_printf(arena, "%s\t%s", c.type, c.null ? "\\N" : c.expected);
		if (!CHECK_EQ_STR(answer(arena, &c), want))
			fprintf(stderr, "  %s\n", key);
		spk_arena_clear(arena);
	}
	CHECK(cases > 100);
	spk_arena_unref(arena);
	free(text);
	free(path);
}

/* --- what holds for all --- */

static void write_and_read(struct group *g, struct spk_arena *arena)
{
	struct spk_buffer bytes = { 0 };
	struct group copy;
	spk_error err = { 0 };
	const char *want = group_final(g, arena, &err);

	group_init(&copy, &g->call, arena);
	CHECK_OK(spk_aggregate_row_write(&g->call, 1, g->row, &bytes, &err), err);
	CHECK_OK(spk_aggregate_row_read(&copy.call, 1, copy.row, bytes.data, bytes.size, &err), err);
	CHECK(same_text(group_final(&copy, arena, &err), want));
	spk_aggregate_row_release(&copy.call, 1, copy.row);
	for (size_t cut = 1; cut <= SPK_MIN(bytes.size, (size_t)40); cut++) {
		CHECK_FAILS(spk_aggregate_row_read(&copy.call, 1, copy.row, bytes.data, bytes.size - cut, &err), SPK_CORRUPT, err);
		spk_aggregate_row_release(&copy.call, 1, copy.row);
	}
	spk_buffer_release(&bytes);
}

/* A random call of the aggregate, and its inputs' values. */
struct trial { struct spk_aggregate_call call; struct spk_vector v[8]; bool rounds; };

static struct spk_type random_type(struct spk_type want, spk_test_rng *rng)
{
	static const enum spk_type_id any[] = { SPK_TYPE_BOOLEAN, SPK_TYPE_INTEGER, SPK_TYPE_BIGINT, SPK_TYPE_DOUBLE, SPK_TYPE_DECIMAL, SPK_TYPE_TEXT, SPK_TYPE_TIMESTAMP, SPK_TYPE_INTERVAL };

	if (want.id == SPK_TYPE_UNKNOWN)
		want = spk_test_one_in(rng, 8) ? spk_type_array(SPK_TYPE_TEXT) : spk_type(any[spk_test_below(rng, SPK_COUNT_OF(any))]);
	if (want.id == SPK_TYPE_ARRAY && !want.children)
		want = spk_type_array(SPK_TYPE_INTEGER);
	if (want.id == SPK_TYPE_DECIMAL && spk_test_one_in(rng, 2))
		want = spk_type_decimal(12, 2);
	return want;
}

/* Direct arguments are the same in every row. */
static struct spk_expr *direct_argument(struct spk_arena *arena, struct spk_type type, spk_test_rng *rng)
{
	struct spk_value v = values_one(rng, type, arena);
	struct spk_expr *e;
	spk_error err = { 0 };

	if (type.id == SPK_TYPE_DOUBLE)
		v.f64 = spk_test_unit(rng);
	if (type.id != SPK_TYPE_ARRAY)
		return spk_expr_literal(arena, v);
	REQUIRE_OK(spk_expr_cast(arena, spk_expr_unknown(arena, "{0.5,NULL,0.25}"), type, true, 0, &e, &err), err);
	return e;
}

/* Names of an object's members: scalars, and not NULL. */
static bool is_name(const struct spk_aggregate *one, int i) { return one->as_json && one->args == 2 && i == 0; }

static void make_values(struct trial *t, spk_test_rng *rng, struct spk_arena *arena)
{
	struct spk_batch none = { .arena = arena, .rows = ROWS, .selected = ROWS };
	struct spk_eval ev = { .arena = arena };
	spk_error err = { 0 };

	for (int i = 0; i < t->call.inputs; i++) {
		const struct spk_type type = t->call.input[i]->type;

		if (t->call.input[i]->kind != SPK_EXPR_COLUMN) {
			CHECK_OK(spk_expr_eval(t->call.input[i], &none, NULL, ROWS, &ev, &t->v[i], &err), err);
			continue;
		}
		values_column(rng, &t->v[i], type, ROWS, spk_test_one_in(rng, 3) ? 0 : spk_test_one_in(rng, 2) ? 1 : 4, arena);
		for (int k = 0; k < ROWS; k++) {
			if (type.id == SPK_TYPE_DOUBLE)
				spk_vector_f64(&t->v[i])[k] = t->rounds ? spk_test_unit(rng) * 200 - 100 : (double)spk_test_between(rng, -100, 100);
			if (type.id == SPK_TYPE_REAL)
				spk_vector_f32(&t->v[i])[k] = (float)spk_test_between(rng, -100, 100);
		}
		if (is_name(t->call.aggregate, i))
			t->v[i].valid = NULL;
	}
}

static void make_trial(struct trial *t, const struct spk_aggregate *one, spk_test_rng *rng, struct spk_arena *arena)
{
	const bool set = one->kind != SPK_AGGREGATE_PLAIN, hypothetical = one->kind == SPK_AGGREGATE_HYPOTHETICAL;
	struct spk_expr *arg[SPK_AGGREGATE_ARGS_MAX + 1];
	struct spk_sort_key order[2] = { { .descending = spk_test_one_in(rng, 2), .nulls_first = spk_test_one_in(rng, 2) }, { .descending = spk_test_one_in(rng, 2) } };
	struct spk_aggregate_syntax syntax = { .name = one->name, .arg = arg, .order = order, .within_group = set, .star = !one->args && !set };
	const int args = hypothetical ? 2 : one->args, direct = hypothetical ? 1 : one->direct;
	spk_error err = { 0 };

	for (int i = 0; i < args; i++) {
		struct spk_type type = hypothetical && i ? arg[0]->type : random_type(hypothetical ? spk_type(SPK_TYPE_INTEGER) : is_name(one, i) ? spk_type(SPK_TYPE_TEXT) : one->arg[i], rng);
		const struct spk_field field = { .name = "x", .nullable = true, .type = type };

		if (set && i >= direct)
			order[syntax.orders++].expr = spk_expr_column(arena, i, &field);
		else
			arg[syntax.args++] = set ? direct_argument(arena, type, rng) : spk_expr_column(arena, i, &field);
	}
	syntax.distinct = !set && args && spk_test_one_in(rng, 4);
	if (!set && args && !syntax.distinct && spk_test_one_in(rng, 4))
		order[syntax.orders++].expr = spk_expr_column(arena, args, &(struct spk_field){ .name = "by", .type = spk_type(SPK_TYPE_INTEGER), .nullable = true });
	*t = (struct trial){ .rounds = one->folds && spk_test_one_in(rng, 2) };
	REQUIRE_OK(spk_aggregate_resolve(arena, &syntax, &t->call, &err), err);
	make_values(t, rng, arena);
}

/* Rows 0..n in two parts against all at once; sums of floats only up to rounding, so they are whole numbers, others are left out. */
static void merge_is_update(const struct trial *t, struct spk_arena *arena, spk_test_rng *rng)
{
	const bool rounds = t->call.step->folds && (t->rounds || (t->call.aggregate->name[0] != 's' && t->call.aggregate->name[0] != 'a') || t->call.aggregate->name[1] == 't');
	struct group all, first, second;
	int32_t sel[ROWS];
	int split = (int)spk_test_below(rng, ROWS);
	spk_error err = { 0 };

	for (int i = 0; i < ROWS; i++)
		sel[i] = i;
	group_init(&all, &t->call, arena);
	group_init(&first, &t->call, arena);
	group_init(&second, &t->call, arena);
	CHECK_OK(group_update(&all, t->v, NULL, ROWS, NULL, &err), err);
	CHECK_OK(group_update(&first, t->v, sel, split, NULL, &err), err);
	CHECK_OK(group_update(&second, t->v, sel + split, ROWS - split, NULL, &err), err);
	CHECK_OK(t->call.step->merge(&first.call, &first.row, &second.row, 1, &err), err);
	if (!rounds && !CHECK(same_text(group_final(&first, arena, &err), group_final(&all, arena, &err))))
		fprintf(stderr, "  %s\n", t->call.aggregate->name);
	write_and_read(&all, arena);
	spk_aggregate_row_release(&all.call, 1, all.row);
	spk_aggregate_row_release(&first.call, 1, first.row);
	spk_aggregate_row_release(&second.call, 1, second.row);
}

/* States of one row, merged one by one onto the rows before them: updating with all rows, to the last bit. */
static void rows_as_states(const struct trial *t, struct spk_arena *arena, spk_test_rng *rng)
{
	int32_t sel[ROWS];
	int split = (int)spk_test_below(rng, ROWS);
	struct group all, parts, one;
	spk_error err = { 0 };

	for (int i = 0; i < ROWS; i++)
		sel[i] = i;
	group_init(&all, &t->call, arena);
	group_init(&parts, &t->call, arena);
	CHECK_OK(group_update(&all, t->v, NULL, ROWS, NULL, &err), err);
	CHECK_OK(group_update(&parts, t->v, sel, split, NULL, &err), err);
	for (int i = split; i < ROWS; i++) {
		group_init(&one, &t->call, arena);
		CHECK_OK(group_update(&one, t->v, sel + i, 1, NULL, &err), err);
		CHECK_OK(t->call.step->merge(&parts.call, &parts.row, &one.row, 1, &err), err);
		spk_aggregate_row_release(&one.call, 1, one.row);
	}
	if (!CHECK(same_text(group_final(&parts, arena, &err), group_final(&all, arena, &err))))
		fprintf(stderr, "  %s\n", t->call.aggregate->name);
	spk_aggregate_row_release(&all.call, 1, all.row);
	spk_aggregate_row_release(&parts.call, 1, parts.row);
}

static void taking_back(const struct trial *t, struct spk_arena *arena, spk_test_rng *rng)
{
	struct group left, both;
	int32_t plus[ROWS], minus[ROWS], kept[ROWS];
	int n = 0;
	spk_error err = { 0 };

	if (!t->call.step->retract || t->rounds)
		return;
	for (int i = 0; i < ROWS; i++) {
		bool keep = spk_test_one_in(rng, 2);

		plus[i] = 2;
		minus[i] = keep ? -1 : -2;
		if (keep)
			kept[n++] = i;
	}
	group_init(&left, &t->call, arena);
	group_init(&both, &t->call, arena);
	CHECK_OK(group_update(&left, t->v, kept, n, NULL, &err), err);
	CHECK_OK(group_update(&both, t->v, NULL, ROWS, plus, &err), err);
	CHECK_OK(group_update(&both, t->v, NULL, ROWS, minus, &err), err);
	/* What is left of a numeric may show more zeros: the scale of a row that was taken back stays. */
	if (t->call.type.id != SPK_TYPE_DECIMAL || t->call.arg_type.id != SPK_TYPE_DECIMAL)
		CHECK(same_text(group_final(&both, arena, &err), group_final(&left, arena, &err)));
	spk_aggregate_row_release(&left.call, 1, left.row);
	spk_aggregate_row_release(&both.call, 1, both.row);
}

static void all_aggregates(void)
{
	spk_test_rng rng = spk_test_rng_new(3);
	int count, rounds = spk_test_long() ? 500 : 20;
	const struct spk_aggregate *a = spk_aggregates(&count);

	for (int round = 0; round < rounds * count; round++) {
		struct spk_arena *arena = spk_arena_new(NULL);
		struct trial t;

		make_trial(&t, &a[round % count], &rng, arena);
		merge_is_update(&t, arena, &rng);
		rows_as_states(&t, arena, &rng);
		taking_back(&t, arena, &rng);
		spk_arena_unref(arena);
	}
	CHECK_EQ_INT(spk_memory_account_used(spk_memory_account("aggregates")), 0);
}

static void overflow(void)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_field field = { .name = "x", .type = spk_type(SPK_TYPE_INTEGER) };
	int32_t values[2] = { INT32_MAX, INT32_MAX }, weight[2] = { INT32_MAX, INT32_MAX };
	struct spk_vector v = { .type = field.type, .data = values };
	struct spk_aggregate_call call;
	struct group g;
	spk_error err = { 0 };

	REQUIRE_OK(resolve_one(arena, "sum", &field, &call, &err), err);
	group_init(&g, &call, arena);
	CHECK_OK(group_update(&g, &v, NULL, 2, weight, &err), err);
	CHECK_FAILS(group_update(&g, &v, NULL, 2, weight, &err), SPK_DATA, err);
	CHECK_HOLDS(err.message, "bigint out of range");
	spk_arena_unref(arena);
}

static void names(void)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_field field = { .name = "x", .type = spk_type(SPK_TYPE_TEXT) };
	struct spk_aggregate_call call;
	spk_error err = { 0 };

	CHECK_FAILS(resolve_one(arena, "summ", &field, &call, &err), SPK_BIND, err);
	CHECK_HOLDS(err.hint, "sum");
	CHECK_EQ_INT(err.position, 7);
	CHECK_FAILS(resolve_one(arena, "sum", &field, &call, &err), SPK_BIND, err);
	CHECK_EQ_STR(err.message, "function sum(text) does not exist");
	CHECK(spk_aggregate_known("COUNT") && !spk_aggregate_known("lower"));
	spk_arena_unref(arena);
}

SPK_TEST_SUITE("aggregates", { "as in PostgreSQL", as_in_postgresql }, { "merging, taking back, writing, reading", all_aggregates }, { "overflow", overflow }, { "names", names })
