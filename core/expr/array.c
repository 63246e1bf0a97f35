/*
 * Arrays: making them from values, their elements and slices, how many elements there are. Subscripts begin at 1; an array has
 * one dimension.
 */
#include "core/expr/array.h"
#include "core/expr/families.h"

/* ARRAY[a, b, ...]: every argument is one source of elements. */
static spk_status construct(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	struct spk_list_builder b = spk_call_lists(call, out, call->arg, call->args);

	SPK_EACH_CALL_ROW(call, row) {
		for (int k = 0; k < call->args; k++)
			SPK_TRY(spk_list_pick(&b, k, row, row + 1, err));
		spk_list_end(&b, row);
	}
	return spk_list_finish(&b, err);
}

/* a[i]: NULL where there is none. */
static spk_status element(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_array_reader a = spk_array_reader(&call->arg[0]);
	const struct spk_reader ri = spk_vector_reader(&call->arg[1]);
	int32_t *index = spk_arena_alloc(call->ev->arena, sizeof(*index) * (size_t)SPK_MAX(call->rows, 1)), first, end;

	SPK_TRY_PTR(index, err);
	SPK_EACH_CALL_ROW(call, row) {
		int32_t i = SPK_ARG(int32_t, ri, row);

		spk_array_row(&a, row, &first, &end);
		index[row] = i >= 1 && i <= end - first ? first + i - 1 : -1;
	}
	return spk_vector_take(out, a.child, index, call->rows, call->sel, call->n, call->ev->arena, err);
}

/* Elements `from`..`to`, both counted from 1 and within the array by cutting. */
static spk_status pick_slice(struct spk_list_builder *b, int source, int32_t first, int32_t end, int64_t from, int64_t to, spk_error *err)
{
	int64_t low = first + SPK_MAX(from, 1) - 1, high = first + SPK_MIN(to, (int64_t)end - first);

	return low < high ? spk_list_pick(b, source, (int32_t)low, (int32_t)high, err) : SPK_OK;
}

static spk_status slice(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_array_reader a = spk_array_reader(&call->arg[0]);
	const struct spk_reader rl = spk_vector_reader(&call->arg[1]), ru = spk_vector_reader(&call->arg[2]);
	struct spk_list_builder b = spk_call_lists(call, out, a.child, 1);
	int32_t first, end;

	SPK_EACH_CALL_ROW(call, row) {
		spk_array_row(&a, row, &first, &end);
		SPK_TRY(pick_slice(&b, 0, first, end, SPK_ARG(int32_t, rl, row), SPK_ARG(int32_t, ru, row), err));
		spk_list_end(&b, row);
	}
	return spk_list_finish(&b, err);
}

static spk_status trim(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_array_reader a = spk_array_reader(&call->arg[0]);
	const struct spk_reader rn = spk_vector_reader(&call->arg[1]);
	struct spk_list_builder b = spk_call_lists(call, out, a.child, 1);
	int32_t first, end;

	SPK_EACH_CALL_ROW(call, row) {
		int32_t n = SPK_ARG(int32_t, rn, row);

		spk_array_row(&a, row, &first, &end);
		if (n < 0 || n > end - first)
			SPK_TRY(spk_call_fail(call, out, row, SPK_DATA, err, "number of elements to trim must be between 0 and %d", end - first));
		else
			SPK_TRY(spk_list_pick(&b, 0, first, end - n, err));
		spk_list_end(&b, row);
	}
	return spk_list_finish(&b, err);
}

/* --- lengths --- */

static spk_status cardinality(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_array_reader a = spk_array_reader(&call->arg[0]);
	int32_t first, end;

	(void)err;
	SPK_EACH_CALL_ROW(call, row) {
		spk_array_row(&a, row, &first, &end);
		spk_vector_i32(out)[row] = end - first;
	}
	return SPK_OK;
}

/* What holds of the one dimension; NULL for an empty array and any other dimension. */
static spk_status bound(const struct spk_call *call, bool lower, struct spk_vector *out, spk_error *err)
{
	const struct spk_array_reader a = spk_array_reader(&call->arg[0]);
	const struct spk_reader rd = spk_vector_reader(&call->arg[1]);
	int32_t first, end;

	SPK_EACH_CALL_ROW(call, row) {
		spk_array_row(&a, row, &first, &end);
		spk_vector_i32(out)[row] = lower ? 1 : end - first;
		if (first == end || SPK_ARG(int32_t, rd, row) != 1)
			SPK_TRY(spk_call_null(call, out, row, err));
	}
	return SPK_OK;
}

static spk_status array_upper(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	return bound(call, false, out, err);
}

static spk_status array_lower(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	return bound(call, true, out, err);
}

static spk_status array_ndims(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_array_reader a = spk_array_reader(&call->arg[0]);
	int32_t first, end;

	SPK_EACH_CALL_ROW(call, row) {
		spk_array_row(&a, row, &first, &end);
		spk_vector_i32(out)[row] = 1;
		if (first == end)
			SPK_TRY(spk_call_null(call, out, row, err));
	}
	return SPK_OK;
}

static spk_status array_dims(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_array_reader a = spk_array_reader(&call->arg[0]);
	int32_t first, end;

	SPK_EACH_CALL_ROW(call, row) {
		char text[24] = "[1:";
		int size;

		spk_array_row(&a, row, &first, &end);
		if (first == end) {
			SPK_TRY(spk_call_null(call, out, row, err));
			continue;
		}
		size = 3 + spk_text_bigint(end - first, text + 3);
		text[size++] = ']';
		SPK_TRY(spk_call_text(call, out, row, text, (size_t)size, err));
	}
	return SPK_OK;
}

/* array_fill(value, ARRAY[n]) */
static spk_status array_fill(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_array_reader dims = spk_array_reader(&call->arg[1]);
	const struct spk_array_reader low = spk_array_reader(&call->arg[call->args - 1]);
	const struct spk_reader rd = spk_vector_reader(dims.child), rl = spk_vector_reader(low.child);
	struct spk_list_builder b = spk_call_lists(call, out, call->arg, 1);
	int32_t first, end, low_first, low_end;

	SPK_EACH_CALL_ROW(call, row) {
		bool known = spk_array_row(&dims, row, &first, &end);
		const char *wrong = NULL;
		int32_t n = 0;

		known = spk_array_row(&low, row, &low_first, &low_end) && known;
		if (!known)
			wrong = "dimension array or low bound array cannot be null";
		else if (end - first > 1)
			wrong = "arrays of several dimensions are not supported";
		else if (end > first && spk_arg_is_null(&rd, first))
			wrong = "dimension values cannot be null";
		else if (end > first)
			n = SPK_ARG(int32_t, rd, first);
		if (call->args == 3 && known && low_end > low_first && !spk_arg_is_null(&rl, low_first) && SPK_ARG(int32_t, rl, low_first) != 1)
			wrong = "arrays whose first subscript is not 1 are not supported";
		if (wrong)
			SPK_TRY(spk_call_fail(call, out, row, strstr(wrong, "supported") ? SPK_UNSUPPORTED : SPK_DATA, err, "%s", wrong));
		for (int32_t i = 0; !wrong && i < n; i++)
			SPK_TRY(spk_list_pick(&b, 0, row, row + 1, err));
		spk_list_end(&b, row);
	}
	return spk_list_finish(&b, err);
}

/* --- the table --- */

#define ARRAY1(name_, result_, kernel_, doc_) \
	{ .name = name_, .doc = doc_, SPK_ARGS1(ARRAY), SPK_RESULT(result_), .alike = SPK_ALIKE_SAME, .kernel = kernel_ }
#define ARRAY_INT(name_, result_, kernel_, doc_, ...) \
	{ .name = name_, .doc = doc_, SPK_ARGS2(ARRAY, INTEGER), SPK_RESULT(result_), .alike = SPK_ALIKE_SAME, .kernel = kernel_, __VA_ARGS__ }

static const struct spk_function array_functions[] = {
	{ .name = "array of", .doc = "ARRAY[a, b, ...]: an array of these values", .args_min = 1, .args_max = -1, .arg = { SPK_T(UNKNOWN) }, SPK_RESULT(ARRAY),
	  .not_strict = true, .common = true, .kernel = construct },
	ARRAY_INT("array element", UNKNOWN, element, "a[i]: an element, from 1; NULL when there is none"),
	{ .name = "array slice", .doc = "a[i:j]: the elements from i to j", SPK_ARGS3(ARRAY, INTEGER, INTEGER), SPK_RESULT(ARRAY), .alike = SPK_ALIKE_SAME, .kernel = slice },
	ARRAY_INT("trim_array", ARRAY, trim, "Without its last n elements", .can_fail = true),
	ARRAY1("cardinality", INTEGER, cardinality, "Number of elements"),
	ARRAY_INT("array_length", INTEGER, array_upper, "Number of elements in that dimension (1); NULL for an empty array"),
	ARRAY_INT("array_upper", INTEGER, array_upper, "Last subscript in that dimension (1); NULL for an empty array"),
	ARRAY_INT("array_lower", INTEGER, array_lower, "First subscript in that dimension: 1; NULL for an empty array"),
	ARRAY1("array_ndims", INTEGER, array_ndims, "Number of dimensions: 1; NULL for an empty array"),
	ARRAY1("array_dims", TEXT, array_dims, "The subscripts as text: [1:n]"),
	{ .name = "array_fill", .doc = "An array of that many times the value", .args_min = 2, .args_max = 3, .arg = { SPK_T(UNKNOWN), SPK_TA(INTEGER), SPK_TA(INTEGER) },
	  SPK_RESULT(ARRAY), .alike = SPK_ALIKE_SAME, .not_strict = true, .can_fail = true, .kernel = array_fill },
};

SPK_FUNCTION_FAMILY(array, array_functions)
