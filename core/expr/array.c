/*
 * Arrays: making them from values, their elements and slices, how many elements there are. Subscripts begin at 1.
 */
#include "core/expr/array.h"
#include "core/expr/families.h"

enum { ARRAY_ELEMENTS_MAX = 134217727 };  /* as PostgreSQL has it */

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

/* ARRAY[array, array, ...]: the parts are of one shape; empty and NULL ones among others are not. */
static spk_status construct_nested(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	struct spk_list_builder b = spk_call_lists(call, out, call->arg, call->args);
	int32_t dim[SPK_ARRAY_DIMS_MAX];

	SPK_EACH_CALL_ROW(call, row) {
		int filled = 0;
		bool alike = true;

		for (int k = 0; k < call->args; k++)
			filled += spk_array_shape(&call->arg[k], row, dim) > 0;
		for (int k = 1; k < call->args && filled; k++)
			alike = alike && spk_array_same_shape(&call->arg[0], row, &call->arg[k], row);
		if (!alike)
			SPK_TRY(spk_call_fail(call, out, row, SPK_DATA, err, "multidimensional arrays must have array expressions with matching dimensions"));
		for (int k = 0; k < call->args && filled && alike; k++)
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

/* --- slices --- */

/* What a[l:u][l:u]... leaves of an array: by row and dimension, from 0, ends excluded. */
struct cut { int32_t from, to; };

/* False: nothing is left. Dimensions without bounds are whole. */
static bool cuts_of(const struct spk_call *call, const struct spk_reader *bound, int row, struct cut *cut)
{
	int32_t dim[SPK_ARRAY_DIMS_MAX];
	int dims = spk_array_shape(&call->arg[0], row, dim), given = (call->args - 1) / 2;
	bool any = dims >= given;

	for (int d = 0; d < dims; d++) {
		const int64_t low = d < given ? SPK_ARG(int32_t, bound[2 * d], row) : 1, high = d < given ? SPK_ARG(int32_t, bound[2 * d + 1], row) : dim[d];

		cut[d] = (struct cut){ (int32_t)(SPK_MAX(low, 1) - 1), (int32_t)SPK_MIN(high, (int64_t)dim[d]) };
		any = any && cut[d].from < cut[d].to;
	}
	return any;
}

/* Cuts every array of `v`, each by what its owner says of this dimension; *owner: of the elements that are left. */
static spk_status cut_parts(struct spk_vector *v, int rows, const struct cut *cut, int d, int32_t **owner, struct spk_arena *arena, spk_error *err)
{
	const struct spk_array_reader a = spk_array_reader(v);
	struct spk_vector out;
	struct spk_list_builder b;
	int32_t first, end, *next;

	SPK_TRY(spk_vector_init(&out, v->type, rows, arena, err));
	b = spk_list_builder(&out, rows, a.child, 1, arena);
	for (int i = 0; i < rows; i++) {
		const struct cut *c = &cut[(*owner)[i] * SPK_ARRAY_DIMS_MAX + d];

		spk_array_row(&a, i, &first, &end);
		SPK_TRY(spk_list_pick(&b, 0, first + c->from, first + c->to, err));
		spk_list_end(&b, i);
	}
	SPK_TRY(spk_list_finish(&b, err));
	next = spk_arena_alloc(arena, sizeof *next * ((size_t)spk_vector_i32(&out)[rows] + 1));
	SPK_TRY_PTR(next, err);
	for (int i = 0; i < rows; i++)
		for (int32_t e = spk_vector_i32(&out)[i]; e < spk_vector_i32(&out)[i + 1]; e++)
			next[e] = (*owner)[i];
	*owner = next;
	*v = out;
	return SPK_OK;
}

static spk_status slice(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	struct spk_arena *arena = call->ev->arena;
	const struct spk_array_reader a = spk_array_reader(&call->arg[0]);
	struct spk_list_builder b = spk_call_lists(call, out, a.child, 1);
	struct spk_reader bound[2 * SPK_ARRAY_DIMS_MAX];
	struct cut *cut = SPK_NEW_ARRAY(arena, struct cut, call->rows * SPK_ARRAY_DIMS_MAX + 1);
	int32_t first, end, *owner;

	SPK_TRY_PTR(cut, err);
	for (int k = 1; k < call->args; k++)
		bound[k - 1] = spk_vector_reader(&call->arg[k]);
	SPK_EACH_CALL_ROW(call, row) {
		struct cut *c = &cut[row * SPK_ARRAY_DIMS_MAX];

		spk_array_row(&a, row, &first, &end);
		if (cuts_of(call, bound, row, c))
			SPK_TRY(spk_list_pick(&b, 0, first + c->from, first + c->to, err));
		spk_list_end(&b, row);
	}
	SPK_TRY(spk_list_finish(&b, err));
	owner = spk_arena_alloc(arena, sizeof *owner * ((size_t)spk_vector_i32(out)[call->rows] + 1));
	SPK_TRY_PTR(owner, err);
	for (int row = 0; row < call->rows; row++)
		for (int32_t e = spk_vector_i32(out)[row]; e < spk_vector_i32(out)[row + 1]; e++)
			owner[e] = row;
	for (int d = 1, rows = spk_vector_i32(out)[call->rows]; out->child->type.id == SPK_TYPE_ARRAY; d++) {
		out = out->child;
		SPK_TRY(cut_parts(out, rows, cut, d, &owner, arena, err));
		rows = spk_vector_i32(out)[rows];
	}
	return SPK_OK;
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
	(void)err;
	SPK_EACH_CALL_ROW(call, row) {
		int32_t dim[SPK_ARRAY_DIMS_MAX];
		int dims = spk_array_shape(&call->arg[0], row, dim);

		spk_vector_i32(out)[row] = dims > 0;
		for (int d = 0; d < dims; d++)
			spk_vector_i32(out)[row] *= dim[d];
	}
	return SPK_OK;
}

/* What holds of a dimension; NULL for an empty array and where there is no such dimension. */
static spk_status bound(const struct spk_call *call, bool lower, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader rd = spk_vector_reader(&call->arg[1]);

	SPK_EACH_CALL_ROW(call, row) {
		int32_t dim[SPK_ARRAY_DIMS_MAX], d = SPK_ARG(int32_t, rd, row);

		if (d < 1 || d > spk_array_shape(&call->arg[0], row, dim))
			SPK_TRY(spk_call_null(call, out, row, err));
		else
			spk_vector_i32(out)[row] = lower ? 1 : dim[d - 1];
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
	SPK_EACH_CALL_ROW(call, row) {
		int32_t dim[SPK_ARRAY_DIMS_MAX];

		spk_vector_i32(out)[row] = spk_array_shape(&call->arg[0], row, dim);
		if (!spk_vector_i32(out)[row])
			SPK_TRY(spk_call_null(call, out, row, err));
	}
	return SPK_OK;
}

static spk_status array_dims(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	SPK_EACH_CALL_ROW(call, row) {
		char text[24 * SPK_ARRAY_DIMS_MAX];
		int32_t dim[SPK_ARRAY_DIMS_MAX];
		int dims = spk_array_shape(&call->arg[0], row, dim), size = 0;

		for (int d = 0; d < dims; d++) {
			memcpy(text + size, "[1:", 3);
			size += 3 + spk_text_bigint(dim[d], text + size + 3);
			text[size++] = ']';
		}
		if (dims)
			SPK_TRY(spk_call_text(call, out, row, text, (size_t)size, err));
		else
			SPK_TRY(spk_call_null(call, out, row, err));
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
		for (int32_t e = first; e < end && !wrong; e++)
			wrong = spk_arg_is_null(&rd, e) ? "dimension values cannot be null" : NULL;
		if (!wrong && end - first > 1)
			wrong = "array_fill with sizes of several dimensions that are no constants is not supported";
		else if (end > first)
			n = SPK_ARG(int32_t, rd, first);
		if (!wrong && (n < 0 || n > ARRAY_ELEMENTS_MAX))
			wrong = "array size exceeds the maximum allowed (134217727)";
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
	{ .name = "array of arrays", .doc = "ARRAY[array, array, ...]: an array of one dimension more", .args_min = 1, .args_max = -1, .arg = { SPK_T(UNKNOWN) }, SPK_RESULT(ARRAY),
	  .not_strict = true, .common = true, .can_fail = true, .kernel = construct_nested },
	ARRAY_INT("array element", UNKNOWN, element, "a[i]: an element, from 1; NULL when there is none"),
	{ .name = "array slice", .doc = "a[i:j]: the elements from i to j; a[i:j][k:l] of several dimensions", .args_min = 3, .args_max = -1,
	  .arg = { SPK_T(ARRAY), SPK_T(INTEGER), SPK_T(INTEGER) }, SPK_RESULT(ARRAY), .alike = SPK_ALIKE_SAME, .kernel = slice },
	ARRAY_INT("trim_array", ARRAY, trim, "Without its last n elements", .can_fail = true),
	ARRAY1("cardinality", INTEGER, cardinality, "Number of elements"),
	ARRAY_INT("array_length", INTEGER, array_upper, "Number of elements in that dimension, from 1; NULL where there is none"),
	ARRAY_INT("array_upper", INTEGER, array_upper, "Last subscript in that dimension, from 1; NULL where there is none"),
	ARRAY_INT("array_lower", INTEGER, array_lower, "First subscript in that dimension: 1; NULL where there is none"),
	ARRAY1("array_ndims", INTEGER, array_ndims, "Number of dimensions; NULL for an empty array"),
	ARRAY1("array_dims", TEXT, array_dims, "The subscripts as text: [1:n][1:m]"),
	{ .name = "array_fill", .doc = "An array of that many times the value", .args_min = 2, .args_max = 3, .arg = { SPK_T(UNKNOWN), SPK_TA(INTEGER), SPK_TA(INTEGER) },
	  SPK_RESULT(ARRAY), .alike = SPK_ALIKE_SAME, .not_strict = true, .can_fail = true, .kernel = array_fill },
};

SPK_FUNCTION_FAMILY(array, array_functions)
