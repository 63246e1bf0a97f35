/*
 * Aggregates: answers of PostgreSQL (expected/aggregate.tsv), and what must hold for all of them: merging parts is updating
 * with everything, taking rows back leaves the rest, states survive being written and read.
 */
#include <stdio.h>

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
	if (bytes.size)
		CHECK_FAILS(spk_aggregate_row_read(&copy.call, 1, copy.row, bytes.data, bytes.size - 1, &err), SPK_CORRUPT, err);
	spk_aggregate_row_release(&copy.call, 1, copy.row);
	spk_buffer_release(&bytes);
}

/* Rows 0..n in two parts against all at once; floats only up to rounding, so they are whole numbers here. */
static void merge_is_update(const struct spk_aggregate_call *call, const struct spk_vector *v, struct spk_arena *arena, spk_test_rng *rng)
{
	struct group all, first, second;
	int32_t sel[ROWS];
	int split = (int)spk_test_below(rng, ROWS);
	spk_error err = { 0 };

	for (int i = 0; i < ROWS; i++)
		sel[i] = i;
	group_init(&all, call, arena);
	group_init(&first, call, arena);
	group_init(&second, call, arena);
	CHECK_OK(group_update(&all, v, NULL, ROWS, NULL, &err), err);
	CHECK_OK(group_update(&first, v, sel, split, NULL, &err), err);
	CHECK_OK(group_update(&second, v, sel + split, ROWS - split, NULL, &err), err);
	CHECK_OK(call->step->merge(&first.call, &first.row, &second.row, 1, &err), err);
	CHECK(same_text(group_final(&first, arena, &err), group_final(&all, arena, &err)));
	write_and_read(&all, arena);
	spk_aggregate_row_release(&all.call, 1, all.row);
	spk_aggregate_row_release(&first.call, 1, first.row);
	spk_aggregate_row_release(&second.call, 1, second.row);
}

static void taking_back(const struct spk_aggregate_call *call, const struct spk_vector *v, struct spk_arena *arena, spk_test_rng *rng)
{
	struct group left, both;
	int32_t plus[ROWS], minus[ROWS], kept[ROWS];
	int n = 0;
	spk_error err = { 0 };

	if (!call->step->retract)
		return;
	for (int i = 0; i < ROWS; i++) {
		bool keep = spk_test_one_in(rng, 2);

		plus[i] = 2;
		minus[i] = keep ? -1 : -2;
		if (keep)
			kept[n++] = i;
	}
	group_init(&left, call, arena);
	group_init(&both, call, arena);
	CHECK_OK(group_update(&left, v, kept, n, NULL, &err), err);
	CHECK_OK(group_update(&both, v, NULL, ROWS, plus, &err), err);
	CHECK_OK(group_update(&both, v, NULL, ROWS, minus, &err), err);
	/* What is left of a numeric may show more zeros: the scale of a row that was taken back stays. */
	if (call->type.id != SPK_TYPE_DECIMAL || call->arg_type.id != SPK_TYPE_DECIMAL)
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
		const struct spk_aggregate *one = &a[round % count];
		struct spk_arena *arena = spk_arena_new(NULL);
		struct spk_field field = { .name = "x", .nullable = true, .type = one->arg[0] };
		struct spk_aggregate_call call;
		struct spk_vector v;
		spk_error err = { 0 };

		if (field.type.id == SPK_TYPE_UNKNOWN)
			field.type = spk_type(SPK_TYPE_TEXT);
		if (field.type.id == SPK_TYPE_DECIMAL && spk_test_one_in(&rng, 2))
			field.type = spk_type_decimal(12, 2);
		REQUIRE_OK(resolve_one(arena, one->name, one->args ? &field : NULL, &call, &err), err);
		values_column(&rng, &v, field.type, ROWS, spk_test_one_in(&rng, 3) ? 0 : spk_test_one_in(&rng, 2) ? 1 : 4, arena);
		for (int i = 0; i < ROWS; i++) {
			if (field.type.id == SPK_TYPE_DOUBLE)
				spk_vector_f64(&v)[i] = (double)spk_test_between(&rng, -100, 100);
			if (field.type.id == SPK_TYPE_REAL)
				spk_vector_f32(&v)[i] = (float)spk_test_between(&rng, -100, 100);
		}
		if (strncmp(one->name, "var", 3) != 0 && strncmp(one->name, "stddev", 6) != 0) {
			merge_is_update(&call, &v, arena, &rng);
			taking_back(&call, &v, arena, &rng);
		}
		spk_arena_unref(arena);
	}
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
