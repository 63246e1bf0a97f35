/*
 * Arrays of several dimensions are arrays of arrays: every array in one has as many elements as its neighbours, which is checked where such
 * values are made. The type knows the number of dimensions, the value their sizes.
 */
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

spk_status spk_array_fill_dims(struct spk_arena *arena, struct spk_expr **arg, int *args, int position, spk_error *err)
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

static const char *const any_dimension[] = { "unnest", "array_to_string", "@>", "<@", "&&" };

static const struct spk_function array_shape_functions[] = {
	{ .name = "array elements", .doc = "All elements of an array of several dimensions", SPK_ARGS1(ARRAY), SPK_RESULT(ARRAY), .result_of = innermost, .kernel = flatten },
};

SPK_FUNCTION_FAMILY(array_shape, array_shape_functions)

spk_status spk_array_of_elements(struct spk_arena *arena, struct spk_expr **array, int position, spk_error *err)
{
	struct spk_expr *arg = *array;

	if (spk_type_dims(arg->type) < 2)
		return SPK_OK;
	SPK_TRY(spk_expr_call_function(arena, &array_shape_functions[0], &arg, 1, position, array, err));
	if (arg->kind == SPK_EXPR_CONSTANT)
		spk_expr_fold(arena, array);
	return SPK_OK;
}

bool spk_array_any_dimension(const char *name)
{
	for (size_t i = 0; i < SPK_COUNT_OF(any_dimension); i++)
		if (strcmp(any_dimension[i], name) == 0)
			return true;
	return false;
}
