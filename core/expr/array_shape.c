/*
 * Arrays of several dimensions are arrays of arrays: every array in one has as many elements as its neighbours, which is checked where such
 * values are made. The type knows the number of dimensions, the value their sizes.
 */
#include <strings.h>

#include "core/expr/array.h"
#include "core/expr/families.h"

int spk_array_shape(const struct spk_vector *v, int row, int32_t *dim)
{
	int dims = 0;

	for (int32_t first, end; v->type.id == SPK_TYPE_ARRAY && dims < SPK_ARRAY_DIMS_MAX; row = first) {
		const struct spk_array_reader a = spk_array_reader(v);

		if (!spk_array_row(&a, row, &first, &end) || first == end)
			return 0;
		dim[dims++] = end - first;
		v = a.child;
	}
	return dims;
}

bool spk_array_same_shape(const struct spk_vector *a, int row, const struct spk_vector *b, int other)
{
	int32_t x[SPK_ARRAY_DIMS_MAX], y[SPK_ARRAY_DIMS_MAX];
	int dims = spk_array_shape(a, row, x);

	return dims == spk_array_shape(b, other, y) && memcmp(x, y, sizeof *x * (size_t)dims) == 0;
}

int spk_type_dims(struct spk_type type)
{
	int dims = 0;

	for (; type.id == SPK_TYPE_ARRAY && type.children; type = spk_type_element(type))
		dims++;
	return dims;
}

spk_status spk_type_of_dims(struct spk_arena *arena, struct spk_type array, int dims, struct spk_type *out, spk_error *err)
{
	for (*out = array; out->id == SPK_TYPE_ARRAY && out->children;)
		*out = spk_type_element(*out);
	for (int i = 0; i < dims; i++)
		SPK_TRY(spk_type_array_of(arena, *out, out, err));
	return SPK_OK;
}

/* Opening braces before the first element. */
static int dims_of_text(const struct spk_view *text)
{
	const char *s = spk_view_data(text), *end = s + text->length, *equals = memchr(s, '=', text->length);
	int dims = 0;

	if (text->length && *s == '[' && equals)
		s = equals + 1;
	for (; s < end && (*s == '{' || *s == ' ' || (*s >= '\t' && *s <= '\r')); s++)
		dims += *s == '{';
	return dims;
}

spk_status spk_expr_cast_dims(struct spk_arena *arena, const struct spk_expr *arg, struct spk_type *type, spk_error *err)
{
	int dims = spk_type_dims(*type);

	if (type->id != SPK_TYPE_ARRAY)
		return SPK_OK;
	if (arg->type.id == SPK_TYPE_ARRAY)
		dims = spk_type_dims(arg->type);
	else if (arg->type.id == SPK_TYPE_UNKNOWN && arg->kind == SPK_EXPR_CONSTANT && !arg->value.null)
		dims = SPK_MAX(dims_of_text(&arg->value.view), 1);
	if (dims > SPK_ARRAY_DIMS_MAX)
		return spk_bind_fail(err, arg->position, "number of array dimensions (%d) exceeds the maximum allowed (%d)", dims, SPK_ARRAY_DIMS_MAX);
	return dims == spk_type_dims(*type) ? SPK_OK : spk_type_of_dims(arena, *type, dims, type, err);
}

/* --- array_fill of several dimensions --- */

/* The numbers of a constant array of integers, at most SPK_ARRAY_DIMS_MAX; -1: it is none, or a number is NULL. */
static int constant_numbers(const struct spk_expr *e, int32_t *out)
{
	const struct spk_nested n = e->value.nested;
	int count, first;

	if (e->kind != SPK_EXPR_CONSTANT || e->value.null || e->type.id != SPK_TYPE_ARRAY || spk_type_element(e->type).id != SPK_TYPE_INTEGER)
		return -1;
	count = spk_nested_count(n);
	first = spk_vector_i32(n.vector)[n.row];
	for (int i = 0; i < count; i++) {
		const struct spk_value v = spk_vector_value(n.vector->child, first + i);

		if (v.null || count > SPK_ARRAY_DIMS_MAX)
			return -1;
		out[i] = v.i32;
	}
	return count;
}

static spk_status one_number(struct spk_arena *arena, int32_t n, int position, struct spk_expr **out, spk_error *err)
{
	SPK_TRY_PTR(*out = spk_expr_literal(arena, (struct spk_value){ .type = spk_type(SPK_TYPE_INTEGER), .i32 = n }), err);
	return spk_expr_call(arena, "array of", out, 1, position, out, err);
}

static spk_status fill_dims(struct spk_arena *arena, struct spk_expr **arg, int *args, int position, spk_error *err)
{
	int32_t size[SPK_ARRAY_DIMS_MAX], low[SPK_ARRAY_DIMS_MAX];
	bool empty = false;
	int dims, lows;

	for (int i = 1; i < *args; i++)
		if (arg[i]->type.id == SPK_TYPE_UNKNOWN)
			SPK_TRY(spk_expr_cast(arena, arg[i], spk_type_array(SPK_TYPE_INTEGER), false, position, &arg[i], err));
	dims = constant_numbers(arg[1], size);
	lows = *args == 3 ? constant_numbers(arg[2], low) : -1;
	if (dims < 2)
		return SPK_OK;
	for (int i = 0; i < dims; i++)
		empty = empty || size[i] == 0;
	for (int i = 0; i < lows; i++)
		if (lows == dims && low[i] != 1)
			return SPK_OK;
	if (lows >= 0 && lows != dims)
		return spk_bind_fail(err, position, "wrong number of array subscripts");
	/* The innermost dimension first; the call itself makes the outermost. */
	for (int i = dims - 1; i > 0; i--) {
		struct spk_expr *pair[2] = { arg[0], NULL };

		SPK_TRY(one_number(arena, size[i], position, &pair[1], err));
		SPK_TRY(spk_expr_call(arena, "array_fill", pair, 2, position, &arg[0], err));
	}
	*args = 2;
	return one_number(arena, empty ? 0 : size[0], position, &arg[1], err);
}

/* --- all elements, whatever their dimension --- */

static struct spk_type innermost(const struct spk_type *arg, int args)
{
	struct spk_type type = arg[0];

	(void)args;
	while (spk_type_element(type).id == SPK_TYPE_ARRAY)
		type = spk_type_element(type);
	return type;
}

/* Elements of neighbours lie side by side, so that the bounds of an array are those of its first and last part. */
static spk_status flatten(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	struct spk_arena *arena = call->ev->arena;
	int32_t *offset = spk_arena_alloc(arena, sizeof *offset * ((size_t)call->rows + 1));
	struct spk_vector outer, child;

	SPK_TRY_PTR(offset, err);
	SPK_TRY(spk_vector_flatten(&call->arg[0], call->rows, arena, &outer, err));
	memcpy(offset, outer.data, sizeof *offset * ((size_t)call->rows + 1));
	child = *outer.child;
	while (child.type.id == SPK_TYPE_ARRAY) {
		SPK_TRY(spk_vector_flatten(&child, offset[call->rows], arena, &child, err));
		for (int row = 0; row <= call->rows; row++)
			offset[row] = spk_vector_i32(&child)[offset[row]];
		child = *child.child;
	}
	*out = outer;
	out->type = call->expr->type;
	out->data = offset;
	out->child = SPK_NEW(arena, struct spk_vector);
	SPK_TRY_PTR(out->child, err);
	*out->child = child;
	return SPK_OK;
}

/* The same of an array of two dimensions whose parts are pairs. */
static spk_status flatten_pairs(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_array_reader a = spk_array_reader(&call->arg[0]);
	const bool pairs = a.child->type.id == SPK_TYPE_ARRAY;
	const struct spk_array_reader part = pairs ? spk_array_reader(a.child) : a;
	struct spk_list_builder b = spk_call_lists(call, out, part.child, 1);

	SPK_EACH_CALL_ROW(call, row) {
		int32_t first, end, from, to;
		bool two = true;

		if (!spk_array_row(&a, row, &first, &end))
			SPK_TRY(spk_call_null(call, out, row, err));
		for (int32_t e = first; e < end; e++) {
			if (pairs)
				spk_array_row(&part, e, &from, &to);
			two = two && (!pairs || to - from == 2);
			SPK_TRY(spk_list_pick(&b, 0, pairs ? from : e, pairs ? to : e + 1, err));
		}
		spk_list_end(&b, row);
		if (!two)
			SPK_TRY(spk_call_fail(call, out, row, SPK_DATA, err, "array must have two columns"));
	}
	return spk_list_finish(&b, err);
}

static const struct spk_function array_shape_functions[] = {
	{ .name = "pair elements", .doc = "All elements of an array of pairs", SPK_ARGS1(ARRAY), SPK_RESULT(ARRAY), .result_of = innermost, .can_fail = true, .kernel = flatten_pairs },
	{ .name = "array elements", .doc = "All elements of an array of several dimensions", SPK_ARGS1(ARRAY), SPK_RESULT(ARRAY), .result_of = innermost, .kernel = flatten },
};

SPK_FUNCTION_FAMILY(array_shape, array_shape_functions)

spk_status spk_array_of_elements(struct spk_arena *arena, struct spk_expr **array, int position, spk_error *err)
{
	struct spk_expr *arg = *array;

	if (spk_type_dims(arg->type) < 2)
		return SPK_OK;
	SPK_TRY(spk_expr_call_function(arena, &array_shape_functions[1], &arg, 1, position, array, err));
	if (arg->kind == SPK_EXPR_CONSTANT)
		spk_expr_fold(arena, array);
	return SPK_OK;
}

/* json(b)_object takes an array of pairs for one whose elements alternate. */
static spk_status object_pairs(struct spk_arena *arena, struct spk_expr **arg, int args, int position, spk_error *err)
{
	struct spk_expr *pairs;

	for (int i = 0; i < args; i++) {
		struct spk_type type = spk_type_array(SPK_TYPE_TEXT);

		if (arg[i]->type.id != SPK_TYPE_UNKNOWN)
			continue;
		SPK_TRY(spk_expr_cast_dims(arena, arg[i], &type, err));
		SPK_TRY(spk_expr_cast(arena, arg[i], type, true, position, &arg[i], err));
	}
	for (int i = 0; i < args; i++)
		if (spk_type_dims(arg[i]->type) > 3 - args)
			return spk_bind_fail(err, position, "wrong number of array subscripts");
	if (args > 1 || spk_type_dims(arg[0]->type) != 2)
		return SPK_OK;
	pairs = arg[0];
	return spk_expr_call_function(arena, &array_shape_functions[0], &pairs, 1, position, &arg[0], err);
}

/* What takes an array of one dimension alone, and says so where there are more. */
static spk_status one_dimension(const char *name, struct spk_expr *const *arg, int args, int position, spk_error *err)
{
	static const struct { const char *name, *error; int at; } list[] = {
		{ "array_append", "argument must be empty or one-dimensional array", 0 },
		{ "array_prepend", "argument must be empty or one-dimensional array", 1 },
		{ "array_position", "searching for elements in multidimensional arrays is not supported", 0 },
		{ "array_positions", "searching for elements in multidimensional arrays is not supported", 0 },
		{ "array_remove", "removing elements from multidimensional arrays is not supported", 0 },
	};

	for (size_t i = 0; i < SPK_COUNT_OF(list); i++)
		if (args > list[i].at && strcasecmp(list[i].name, name) == 0 && spk_type_dims(arg[list[i].at]->type) > 1)
			return spk_bind_fail(err, position, "%s", list[i].error);
	return SPK_OK;
}

spk_status spk_array_adapt(struct spk_arena *arena, const char *name, struct spk_expr **arg, int *args, int position, spk_error *err)
{
	static const char *const any_dimension[] = { "unnest", "array_to_string", "@>", "<@", "&&" };

	for (size_t k = 0; k < SPK_COUNT_OF(any_dimension); k++)
		for (int i = 0; i < *args && strcasecmp(any_dimension[k], name) == 0; i++)
			SPK_TRY(spk_array_of_elements(arena, &arg[i], position, err));
	if (strcasecmp(name, "array_fill") == 0 && (*args == 2 || *args == 3))
		return fill_dims(arena, arg, args, position, err);
	if ((strcasecmp(name, "json_object") == 0 || strcasecmp(name, "jsonb_object") == 0) && (*args == 1 || *args == 2))
		return object_pairs(arena, arg, *args, position, err);
	return one_dimension(name, arg, *args, position, err);
}
