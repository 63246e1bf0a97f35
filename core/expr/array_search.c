/*
 * What is in an array: containment, overlap, positions; and arrays and records compared as wholes.
 */
#include "core/base/interrupt.h"
#include "core/expr/array.h"
#include "core/expr/families.h"

enum { LONG = 1024 };            /* elements: looking through more for each of others may take long */

/* --- @> <@ && --- */

/* Whether a value among elements [first, end) is equal to element `other`: never for NULL. */
static bool holds(const struct spk_values *in, int32_t first, int32_t end, const struct spk_values *of, int32_t other)
{
	if (spk_values_null(of, other))
		return false;
	for (int32_t e = first; e < end; e++)
		if (!spk_values_null(in, e) && spk_values_compare(in, e, of, other) == 0)
			return true;
	return false;
}

/* all: every element of `parts` is in `whole`; else any is. */
static spk_status search(const struct spk_call *call, const struct spk_vector *whole, const struct spk_vector *parts, bool all, struct spk_vector *out, spk_error *err)
{
	const struct spk_array_reader a = spk_array_reader(whole), b = spk_array_reader(parts);
	const struct spk_values in = spk_values(a.child), of = spk_values(b.child);
	int32_t first, end, from, to;

	SPK_EACH_CALL_ROW(call, row) {
		bool found = all;

		spk_array_row(&a, row, &first, &end);
		spk_array_row(&b, row, &from, &to);
		for (int32_t e = from; e < to && found == all; e++) {
			if (end - first > LONG)
				SPK_TRY(spk_check_interrupt(err));
			found = holds(&in, first, end, &of, e);
		}
		spk_vector_bool(out)[row] = found;
	}
	return SPK_OK;
}

static spk_status contains(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	return search(call, &call->arg[0], &call->arg[1], true, out, err);
}

static spk_status contained(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	return search(call, &call->arg[1], &call->arg[0], true, out, err);
}

static spk_status overlaps(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	return search(call, &call->arg[0], &call->arg[1], false, out, err);
}

/* --- positions --- */

static spk_status array_position(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_array_reader a = spk_array_reader(&call->arg[0]);
	const struct spk_values in = spk_values(a.child), wanted = spk_values(&call->arg[1]);
	const struct spk_reader rs = spk_vector_reader(&call->arg[call->args - 1]);
	int32_t first, end;

	SPK_EACH_CALL_ROW(call, row) {
		int32_t from = 1, at;

		spk_array_row(&a, row, &first, &end);
		at = first;
		while (at < end && spk_values_null(&wanted, row) && !spk_values_null(&in, at))
			at++;
		/* Where nothing can be found nobody asks from where on. */
		if (at < end && call->args == 3 && spk_arg_is_null(&rs, row)) {
			SPK_TRY(spk_call_fail(call, out, row, SPK_DATA, err, "initial position must not be null"));
			continue;
		}
		if (at < end && call->args == 3)
			from = SPK_MAX(SPK_ARG(int32_t, rs, row), 1);
		at = from > end - first ? end : first + from - 1;
		while (at < end && !spk_values_same(&in, at, &wanted, row))
			at++;
		spk_vector_i32(out)[row] = at - first + 1;
		if (at == end)
			SPK_TRY(spk_call_null(call, out, row, err));
	}
	return SPK_OK;
}

static spk_status array_positions(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_array_reader a = spk_array_reader(&call->arg[0]);
	const struct spk_values in = spk_values(a.child), wanted = spk_values(&call->arg[1]);
	struct spk_array_writer w = spk_array_writer(call, out);
	int32_t first, end;

	SPK_EACH_CALL_ROW(call, row) {
		if (!spk_array_row(&a, row, &first, &end))
			SPK_TRY(spk_call_null(call, out, row, err));
		SPK_TRY(spk_array_room(&w, end - first, err));
		for (int32_t e = first; e < end; e++)
			if (spk_values_same(&in, e, &wanted, row))
				spk_vector_i32(w.child)[w.used++] = e - first + 1;
		spk_array_end(&w, row);
	}
	spk_array_end(&w, call->rows);
	return SPK_OK;
}

/* The number of thresholds that are not above the operand: they ascend. */
static spk_status width_bucket(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_array_reader a = spk_array_reader(&call->arg[1]);
	const struct spk_values in = spk_values(a.child), operand = spk_values(&call->arg[0]);
	int32_t first, end;

	SPK_EACH_CALL_ROW(call, row) {
		int32_t low, high, nulls = 0;

		spk_array_row(&a, row, &first, &end);
		for (int32_t e = first; e < end; e++)
			nulls += spk_values_null(&in, e);
		if (nulls) {
			SPK_TRY(spk_call_fail(call, out, row, SPK_DATA, err, "thresholds array must not contain NULLs"));
			continue;
		}
		for (low = first, high = end; low < high;) {
			int32_t middle = low + (high - low) / 2;

			if (spk_values_compare(&in, middle, &operand, row) <= 0)
				low = middle + 1;
			else
				high = middle;
		}
		spk_vector_i32(out)[row] = low - first;
	}
	return SPK_OK;
}

/* --- comparison of arrays and records --- */

#define COMPARE_KERNEL(name, test) \
	static spk_status name(const struct spk_call *call, struct spk_vector *out, spk_error *err) \
	{ \
		const struct spk_values a = spk_values(&call->arg[0]), b = spk_values(&call->arg[1]); \
		(void)err; \
		SPK_EACH_CALL_ROW(call, row) \
			spk_vector_bool(out)[row] = spk_values_compare(&a, row, &b, row) test 0; \
		return SPK_OK; \
	}
COMPARE_KERNEL(eq, ==)
COMPARE_KERNEL(ne, !=)
COMPARE_KERNEL(lt, <)
COMPARE_KERNEL(le, <=)
COMPARE_KERNEL(gt, >)
COMPARE_KERNEL(ge, >=)

/* An untyped NULL beside a record is a record as that one. */
static spk_status type_null_record(struct spk_arena *arena, struct spk_expr *e, spk_error *err)
{
	const int untyped = e->arg[0]->type.children ? 1 : 0;
	struct spk_value null = { .type = e->arg[!untyped]->type, .null = true };

	if (e->arg[untyped]->type.children)
		return SPK_OK;
	if (!null.type.children || e->arg[untyped]->kind != SPK_EXPR_CONSTANT || !e->arg[untyped]->value.null)
		return spk_bind_fail(err, e->position, "input of anonymous composite types is not implemented");
	SPK_TRY_PTR(e->arg[untyped] = spk_expr_literal(arena, null), err);
	return SPK_OK;
}

/* Records that are compared have fields of the same types, one by one. */
static spk_status check_records(struct spk_arena *arena, struct spk_expr *e, spk_error *err)
{
	const struct spk_schema *a, *b;
	char ta[64], tb[64];

	SPK_TRY(type_null_record(arena, e, err));
	a = e->arg[0]->type.children;
	b = e->arg[1]->type.children;
	if (a->count != b->count)
		return spk_bind_fail(err, e->position, "cannot compare record types with different numbers of columns");
	for (int i = 0; i < a->count; i++)
		if (a->field[i].type.id != b->field[i].type.id)
			return spk_bind_fail(err, e->position, "cannot compare dissimilar column types %s and %s at record column %d",
			                     spk_type_format(a->field[i].type, ta, sizeof ta), spk_type_format(b->field[i].type, tb, sizeof tb), i + 1);
	return spk_expr_cast(arena, e->arg[1], e->arg[0]->type, true, e->position, &e->arg[1], err);
}

/* --- the table --- */

#define SEARCH(name_, kernel_, doc_) \
	{ .name = name_, .doc = doc_, SPK_ARGS2(ARRAY, ARRAY), SPK_RESULT(BOOLEAN), .alike = SPK_ALIKE_SAME, .kernel = kernel_ }
#define COMPARE(T, name_, kernel_, doc_, ...) \
	{ .name = name_, .doc = doc_, SPK_ARGS2(T, T), SPK_RESULT(BOOLEAN), .kernel = kernel_, __VA_ARGS__ }
#define COMPARES(T, ...) \
	COMPARE(T, "=", eq, "Equal", __VA_ARGS__), \
	COMPARE(T, "<>", ne, "Not equal", __VA_ARGS__), \
	COMPARE(T, "<", lt, "Less", __VA_ARGS__), \
	COMPARE(T, "<=", le, "Less or equal", __VA_ARGS__), \
	COMPARE(T, ">", gt, "Greater", __VA_ARGS__), \
	COMPARE(T, ">=", ge, "Greater or equal", __VA_ARGS__), \
	COMPARE(T, "!=", ne, "Not equal", __VA_ARGS__)

static const struct spk_function array_search_functions[] = {
	COMPARES(ARRAY, .alike = SPK_ALIKE_SAME),
	COMPARES(ROW, .prepare = check_records),
	SEARCH("@>", contains, "Whether the first array holds all elements of the second"),
	SEARCH("<@", contained, "Whether the second array holds all elements of the first"),
	SEARCH("&&", overlaps, "Whether the arrays have an element in common"),
	{ .name = "array_position", .doc = "Subscript of the first element equal to a value, from a subscript on; NULL: there is none", .args_min = 2, .args_max = 3,
	  .arg = { SPK_T(ARRAY), SPK_T(UNKNOWN), SPK_T(INTEGER) }, SPK_RESULT(INTEGER), .alike = SPK_ALIKE_COMPATIBLE, .not_strict = true, .can_fail = true, .kernel = array_position },
	{ .name = "array_positions", .doc = "Subscripts of all elements equal to a value", SPK_ARGS2(ARRAY, UNKNOWN), .result = SPK_TA(INTEGER),
	  .alike = SPK_ALIKE_COMPATIBLE, .not_strict = true, .kernel = array_positions },
	{ .name = "width_bucket", .doc = "Number of ascending thresholds that are not above a value", SPK_ARGS2(UNKNOWN, ARRAY), SPK_RESULT(INTEGER),
	  .alike = SPK_ALIKE_COMPATIBLE, .can_fail = true, .kernel = width_bucket },
};

SPK_FUNCTION_FAMILY(array_search, array_search_functions)
