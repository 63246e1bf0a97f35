/*
 * Every function gives the same answer whatever the layout: row by row over constants, flat, through a selection, as
 * dictionaries, with constant columns, and re-encoded by spk_batch_verify. Arguments are random; the seed is printed.
 */
#include <stdio.h>

#include "tests/core/expr/mini.h"
#include "tests/core/expr/values.h"
#include "tests/support/test.h"

enum { ROWS = 64, ARGS_MAX = 8 };

struct answers { const char *text[ROWS]; };

static const char *error_of(const struct spk_row_errors *errors, int row)
{
	for (int i = 0; i < errors->count; i++)
		if (errors->list[i].row == row)
			return errors->list[i].message;
	return NULL;
}

/* Text of each selected row's result: the value, "NULL", or "!message". */
static bool run(struct spk_arena *arena, const struct spk_expr *e, const struct spk_batch *in, const int32_t *sel, int n, struct answers *out)
{
	struct spk_row_errors errors = { 0 };
	struct spk_eval ev = { .arena = arena, .now_us = 1700000000000000, .errors = &errors };
	struct spk_vector v;
	spk_error err = { 0 };

	if (!CHECK_OK(spk_expr_eval(e, in, sel, n, &ev, &v, &err), err))
		return false;
	for (int i = 0; i < n; i++) {
		int row = sel ? sel[i] : i;
		const char *message = error_of(&errors, row), *text;
		struct spk_value value = spk_vector_value(&v, row);

		value.type = e->type;
		text = mini_text(arena, value, NULL);
		out->text[row] = message ? spk_arena_printf(arena, "!%s", message) : text ? text : "NULL";
		if (message)
			CHECK(value.null);
	}
	return true;
}

static bool same(const char *what, const struct spk_expr *e, const struct answers *a, const struct answers *b, const int32_t *sel, int n)
{
	struct spk_buffer text = { 0 };

	for (int i = 0; i < n; i++) {
		int row = sel ? sel[i] : i;

		if (strcmp(a->text[row], b->text[row]) == 0)
			continue;
		spk_expr_format(e, &text, NULL);
		fprintf(stderr, "  %s %s, row %d: %s, flat gave %s\n", what, spk_buffer_cstr(&text), row, b->text[row], a->text[row]);
		spk_buffer_release(&text);
		return CHECK(false);
	}
	return true;
}

/* The same rows by another layout: dictionary columns in reverse order. */
static void as_dictionary(struct spk_arena *arena, const struct spk_vector *flat, struct spk_vector *out)
{
	struct spk_vector *dictionary = SPK_NEW(arena, struct spk_vector);
	uint32_t *index = SPK_NEW_ARRAY(arena, uint32_t, ROWS);
	int32_t back[ROWS];
	spk_error err = { 0 };

	for (int i = 0; i < ROWS; i++) {
		back[i] = ROWS - 1 - i;
		index[i] = (uint32_t)(ROWS - 1 - i);
	}
	REQUIRE_OK(spk_vector_init(dictionary, flat->type, ROWS, arena, &err), err);
	REQUIRE_OK(spk_vector_gather(dictionary, 0, ROWS, flat, back, ROWS, true, arena, &err), err);
	*out = (struct spk_vector){ .type = flat->type, .layout = SPK_DICTIONARY, .index = index, .dictionary = dictionary };
}

static void check_rows_alone(struct spk_arena *arena, const struct spk_expr *e, const struct spk_batch *in, const struct answers *want)
{
	for (int row = 0; row < ROWS; row += 7) {
		struct spk_vector column[ARGS_MAX];
		struct spk_batch constants = *in;
		struct answers got = { { 0 } };
		spk_error err = { 0 };
		int32_t sel[1] = { row };

		for (int k = 0; k < in->columns; k++) {
			struct spk_value v = spk_vector_value(&in->column[k], row);

			REQUIRE_OK(spk_vector_init_constant(&column[k], in->column[k].type, v.null ? NULL : spk_value_bytes(&v), arena, &err), err);
		}
		constants.column = column;
		if (run(arena, e, &constants, sel, 1, &got))
			same("constants", e, want, &got, sel, 1);
	}
}

static void check_selection(struct spk_arena *arena, spk_test_rng *rng, const struct spk_expr *e, const struct spk_batch *in, const struct answers *want)
{
	int32_t sel[ROWS];
	struct answers got = { { 0 } };
	int n = 0;

	for (int i = 0; i < ROWS; i++)
		if (spk_test_one_in(rng, 3))
			sel[n++] = i;
	if (n && run(arena, e, in, sel, n, &got))
		same("selection", e, want, &got, sel, n);
}

/* Some columns as dictionaries, one as a constant: the rows that have that constant anyway must not change. */
static void check_mixed(struct spk_arena *arena, spk_test_rng *rng, const struct spk_expr *e, const struct spk_batch *in, const struct answers *want)
{
	struct spk_vector column[ARGS_MAX];
	struct spk_batch mixed = *in;
	struct answers got = { { 0 } };

	for (int k = 0; k < in->columns; k++) {
		if (spk_test_one_in(rng, 2))
			as_dictionary(arena, &in->column[k], &column[k]);
		else
			column[k] = in->column[k];
	}
	mixed.column = column;
	if (run(arena, e, &mixed, NULL, ROWS, &got))
		same("dictionary", e, want, &got, NULL, ROWS);
	for (int k = 0; k < in->columns && in->columns > 1; k++) {
		int row = (int)spk_test_below(rng, ROWS);
		struct spk_value v = spk_vector_value(&in->column[k], row);
		struct answers flat = { { 0 } };
		spk_error err = { 0 };
		struct spk_vector spread;

		memcpy(column, in->column, sizeof(*column) * (size_t)in->columns);
		REQUIRE_OK(spk_vector_init_constant(&column[k], in->column[k].type, v.null ? NULL : spk_value_bytes(&v), arena, &err), err);
		if (!run(arena, e, &mixed, NULL, ROWS, &got))
			return;
		REQUIRE_OK(spk_vector_flatten(&column[k], ROWS, arena, &spread, &err), err);
		column[k] = spread;
		if (run(arena, e, &mixed, NULL, ROWS, &flat))
			same("constant column", e, &flat, &got, NULL, ROWS);
	}
}

/* What the engine's own re-encoding does to the batch. */
static void check_verified(struct spk_arena *arena, spk_test_rng *rng, const struct spk_expr *e, struct spk_schema *schema, const struct spk_batch *in, const struct answers *want)
{
	struct spk_batch *batch, *other;
	spk_error err = { 0 };

	setenv("SPARKLET_VERIFY", "1", 1);
	if (in->columns == 0)
		return;
	REQUIRE_OK(spk_batch_new(&batch, schema, NULL, &err), err);
	REQUIRE_OK(spk_arena_hold(batch->arena, arena, &err), err);
	memcpy(batch->column, in->column, sizeof(*batch->column) * (size_t)in->columns);
	batch->rows = batch->selected = ROWS;
	REQUIRE_OK(spk_batch_verify(&other, batch, spk_test_next(rng), &err), err);
	if (CHECK_EQ_INT(other->selected, ROWS)) {
		struct answers got = { { 0 } };
		struct spk_row_errors errors = { 0 };
		struct spk_eval ev = { .arena = arena, .now_us = 1700000000000000, .errors = &errors };
		struct spk_vector v;

		if (CHECK_OK(spk_expr_eval(e, other, other->sel, other->selected, &ev, &v, &err), err)) {
			for (int i = 0; i < ROWS; i++) {
				int row = spk_batch_row(other, i);
				const char *message = error_of(&errors, row), *text;
				struct spk_value value = spk_vector_value(&v, row);

				value.type = e->type;
				text = mini_text(arena, value, NULL);
				got.text[i] = message ? spk_arena_printf(arena, "!%s", message) : text ? text : "NULL";
			}
			same("verified", e, want, &got, NULL, ROWS);
		}
	}
	spk_batch_unref(other);
	spk_batch_unref(batch);
}

static struct spk_type random_type(spk_test_rng *rng)
{
	static const enum spk_type_id ids[] = { SPK_TYPE_INTEGER, SPK_TYPE_BIGINT, SPK_TYPE_TEXT, SPK_TYPE_DOUBLE, SPK_TYPE_TIMESTAMP };

	return spk_type(ids[spk_test_below(rng, sizeof ids / sizeof ids[0])]);
}

/* Lengths are kept short: repeat(s, 2^31 - 1) and a series of a billion are no test of layouts. */
static void keep_short(const struct spk_function *f, struct spk_vector *v)
{
	bool series = strcmp(f->name, "generate_series") == 0;

	if (!series && !strstr(f->name, "pad") && strcmp(f->name, "repeat") != 0 && strcmp(f->name, "space") != 0 && strcmp(f->name, "array_fill") != 0 &&
	    strncmp(f->name, "bits ", 5) != 0)
		return;
	if (v->type.id == SPK_TYPE_ARRAY && v->child->type.id == SPK_TYPE_INTEGER) {
		for (int i = 0; i < spk_vector_i32(v)[ROWS]; i++)
			spk_vector_i32(v->child)[i] %= 50;
		return;
	}
	for (int i = 0; i < ROWS; i++) {
		if (v->type.id == SPK_TYPE_INTEGER)
			spk_vector_i32(v)[i] %= 50;
		else if (series && v->type.id == SPK_TYPE_BIGINT)
			spk_vector_i64(v)[i] %= 50;
		else if (series && v->type.id == SPK_TYPE_DECIMAL)
			spk_vector_i128(v)[i] %= 50;
		else if (series && (v->type.id == SPK_TYPE_TIMESTAMP || v->type.id == SPK_TYPE_TIMESTAMPTZ) && spk_vector_i64(v)[i] == INT64_MAX)
			spk_vector_i64(v)[i] = 0;
		else if (series && v->type.id == SPK_TYPE_INTERVAL)
			spk_vector_interval(v)[i].micros = spk_vector_interval(v)[i].days = 0;
	}
}

/* What stands for any type in the table, with one type in its place. */
static struct spk_type concrete(struct spk_type t, struct spk_type any)
{
	static struct spk_field fields[] = { { "a", { .id = SPK_TYPE_INTEGER }, true }, { "b", { .id = SPK_TYPE_TEXT }, true } };
	static const struct spk_schema record = { 2, fields };

	if (t.id == SPK_TYPE_UNKNOWN)
		return any;
	if (t.id == SPK_TYPE_ARRAY && !t.children)
		return spk_type_array(any.id);
	if (t.id == SPK_TYPE_ROW && !t.children)
		return (struct spk_type){ .id = SPK_TYPE_ROW, .children = &record };
	return t;
}

/* Of functions over maps: a map, its keys being integers. */
static struct spk_type of_map(const struct spk_function *f, int k)
{
	static struct spk_field fields[] = { { "key", { .id = SPK_TYPE_INTEGER }, false }, { "value", { .id = SPK_TYPE_TEXT }, true } };
	static const struct spk_schema entry = { 2, fields };
	static struct spk_field element = { "element", { .id = SPK_TYPE_ROW, .children = &entry }, true };
	static const struct spk_schema children = { 1, &element };

	if (k == 0 && strcmp(f->name, "map_from_arrays") != 0)
		return (struct spk_type){ .id = SPK_TYPE_ARRAY, .precision = SPK_ARRAY_MAP, .children = &children };
	return concrete(f->arg[k], spk_type(SPK_TYPE_INTEGER));
}

static void check_function(const struct spk_function *f, spk_test_rng *rng)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	int args = f->args_max < 0 ? f->args_min + 1 : (int)spk_test_between(rng, f->args_min, f->args_max);
	struct spk_vector column[ARGS_MAX];
	struct spk_field field[ARGS_MAX];
	struct spk_schema schema = { .count = args, .field = field };
	struct spk_batch in = { .arena = arena, .schema = &schema, .rows = ROWS, .selected = ROWS, .columns = args, .column = column };
	struct spk_expr *arg[ARGS_MAX] = { NULL }, *e;
	struct spk_type any = random_type(rng);
	uint64_t nulls = spk_test_one_in(rng, 2) ? 0 : 5;
	struct answers want = { { 0 } };
	spk_error err = { 0 };

	for (int k = 0; k < args; k++) {
		struct spk_type t = strncmp(f->name, "map", 3) == 0 ? of_map(f, k) : concrete(f->arg[f->args_max < 0 ? SPK_MIN(k, SPK_MAX(f->args_min, 1) - 1) : k], any);

		if (t.id == SPK_TYPE_DECIMAL && spk_test_one_in(rng, 2))
			t = spk_type_decimal(18, (int)spk_test_below(rng, 5));
		values_column(rng, &column[k], t, ROWS, nulls, arena);
		keep_short(f, &column[k]);
		field[k] = (struct spk_field){ .name = "c", .type = t, .nullable = true };
		arg[k] = spk_expr_column(arena, k, &field[k]);
	}
	if (getenv("SPARKLET_SHOW_FUNCTIONS"))
		fprintf(stderr, "  %s\n", f->name);
	if (CHECK_OK(spk_expr_call(arena, f->name, arg, args, 0, &e, &err), err) && run(arena, e, &in, NULL, ROWS, &want)) {
		check_rows_alone(arena, e, &in, &want);
		check_selection(arena, rng, e, &in, &want);
		check_mixed(arena, rng, e, &in, &want);
		check_verified(arena, rng, e, &schema, &in, &want);
	}
	spk_arena_unref(arena);
}

static void every_function(void)
{
	spk_test_rng rng = spk_test_rng_new(1);
	int families, rounds = spk_test_long() ? 40 : 3;
	const struct spk_function_family *family = spk_function_families(&families);

	for (int round = 0; round < rounds; round++)
		for (int k = 0; k < families; k++)
			for (int i = 0; i < family[k].count; i++)
				if (family[k].function[i].volatility != SPK_VOLATILE)
					check_function(&family[k].function[i], &rng);
}

/* --- logic, CASE, COALESCE, IN over random trees --- */

static struct spk_expr *random_boolean(struct spk_arena *arena, spk_test_rng *rng, struct spk_field *field, int depth)
{
	struct spk_expr *arg[5], *out = NULL;
	spk_error err = { 0 };
	int n;

	if (depth == 0 || spk_test_one_in(rng, 4)) {
		struct spk_value v = values_one(rng, spk_type(SPK_TYPE_INTEGER), arena);
		static const char *const op[] = { "=", "<>", "<", "<=", ">", ">=" };

		if (spk_test_one_in(rng, 3))
			return spk_expr_column(arena, 0, &field[0]);
		arg[0] = spk_expr_column(arena, 1 + (int)spk_test_below(rng, 2), &field[1]);
		arg[1] = spk_test_one_in(rng, 2) ? spk_expr_literal(arena, v) : spk_expr_column(arena, 1 + (int)spk_test_below(rng, 2), &field[1]);
		if (spk_test_one_in(rng, 3)) {
			arg[2] = spk_expr_literal(arena, v);
			arg[1] = spk_expr_literal(arena, values_one(rng, spk_type(SPK_TYPE_INTEGER), arena));
			CHECK_OK(spk_expr_make(arena, SPK_EXPR_IN, arg, 3, spk_test_one_in(rng, 2), 0, &out, &err), err);
		} else {
			CHECK_OK(spk_expr_call(arena, op[spk_test_below(rng, 6)], arg, 2, 0, &out, &err), err);
		}
		return out;
	}
	n = 2 + (int)spk_test_below(rng, 2);
	switch (spk_test_below(rng, 5)) {
	case 0:
	case 1:
		for (int i = 0; i < n; i++)
			arg[i] = random_boolean(arena, rng, field, depth - 1);
		CHECK_OK(spk_expr_make(arena, spk_test_one_in(rng, 2) ? SPK_EXPR_AND : SPK_EXPR_OR, arg, n, false, 0, &out, &err), err);
		break;
	case 2:
		arg[0] = random_boolean(arena, rng, field, depth - 1);
		CHECK_OK(spk_expr_make(arena, spk_test_one_in(rng, 2) ? SPK_EXPR_NOT : SPK_EXPR_IS_NULL, arg, 1, false, 0, &out, &err), err);
		break;
	case 3:
		for (int i = 0; i < 5; i++)
			arg[i] = random_boolean(arena, rng, field, depth - 1);
		CHECK_OK(spk_expr_make(arena, SPK_EXPR_CASE, arg, 5, false, 0, &out, &err), err);
		break;
	default:
		for (int i = 0; i < n; i++)
			arg[i] = random_boolean(arena, rng, field, depth - 1);
		CHECK_OK(spk_expr_make(arena, SPK_EXPR_COALESCE, arg, n, false, 0, &out, &err), err);
	}
	return out;
}

static void check_filter(struct spk_arena *arena, spk_test_rng *rng, const struct spk_expr *e, const struct spk_batch *in, const struct answers *want)
{
	struct spk_eval ev = { .arena = arena };
	int32_t sel[ROWS], keep[ROWS];
	int n = 0, kept, expected = 0;
	bool all = spk_test_one_in(rng, 2);
	spk_error err = { 0 };

	for (int i = 0; i < ROWS; i++)
		if (all || spk_test_one_in(rng, 2))
			sel[n++] = i;
	if (!CHECK_OK(spk_expr_filter(e, in, all ? NULL : sel, n, &ev, keep, &kept, &err), err))
		return;
	for (int i = 0; i < n; i++) {
		if (strcmp(want->text[sel[i]], "true") != 0)
			continue;
		if (!CHECK(expected < kept && keep[expected] == sel[i]))
			return;
		expected++;
	}
	CHECK_EQ_INT(kept, expected);
}

static void random_conditions(void)
{
	spk_test_rng rng = spk_test_rng_new(2);
	int rounds = spk_test_long() ? 20000 : 1500;

	for (int round = 0; round < rounds; round++) {
		struct spk_arena *arena = spk_arena_new(NULL);
		struct spk_vector column[3];
		struct spk_field field[3] = { { "b", spk_type(SPK_TYPE_BOOLEAN), true }, { "i", spk_type(SPK_TYPE_INTEGER), true }, { "j", spk_type(SPK_TYPE_INTEGER), true } };
		struct spk_schema schema = { .count = 3, .field = field };
		struct spk_batch in = { .arena = arena, .schema = &schema, .rows = ROWS, .selected = ROWS, .columns = 3, .column = column };
		struct answers want = { { 0 } };
		const struct spk_expr *e;

		for (int k = 0; k < 3; k++)
			values_column(&rng, &column[k], field[k].type, ROWS, spk_test_one_in(&rng, 2) ? 3 : 0, arena);
		e = random_boolean(arena, &rng, field, 3);
		if (run(arena, e, &in, NULL, ROWS, &want)) {
			check_rows_alone(arena, e, &in, &want);
			check_selection(arena, &rng, e, &in, &want);
			check_mixed(arena, &rng, e, &in, &want);
			check_filter(arena, &rng, e, &in, &want);
		}
		spk_arena_unref(arena);
	}
}

SPK_TEST_SUITE("layouts of arguments", { "every function, every layout", every_function }, { "random conditions, and as filters", random_conditions })
