/*
 * f(a, VARIADIC array): a function of any number of arguments over the elements of an array.
 *
 * How many arguments there are is known row by row. Rows that follow each other and have as many elements are computed by one call of the
 * function over columns that are dictionaries of the arguments and of the array's elements, so nothing is copied.
 */
#include "core/expr/array.h"
#include "core/expr/families.h"

enum { NAME, FIXED };   /* arguments of the call: the function's name, a constant; what stands before the array; the array */

/* What a kernel call needs: the rows that wait have `length` elements each. */
struct spread {
	const struct spk_call *call;
	const char *name;
	int fixed, length, made_for;
	struct spk_vector *column;        /* FLAT or CONSTANT: what stands before the array, then the elements */
	const uint32_t *entry;            /* the elements' places in their dictionary; NULL: they are none */
	struct spk_expr *inner;           /* the call with `made_for` elements */
	int32_t *row, *first;
	int n;
};

/*
 * The functions that take any number of arguments; how many stand before those, and what type an untyped literal gets there; which call is the
 * same when there are none of them.
 */
static const struct variadic { const char *name; int fixed; enum spk_type_id literal; const char *none, *none_arg; } variadic[] = {
	{ "concat", 0, SPK_TYPE_TEXT, "concat", NULL }, { "concat_ws", 1, SPK_TYPE_TEXT, "concat_ws", NULL }, { "format", 1, SPK_TYPE_TEXT, NULL, NULL },
	{ "json_build_array", 0, SPK_TYPE_TEXT, NULL, NULL }, { "json_build_object", 0, SPK_TYPE_TEXT, NULL, NULL },
	{ "jsonb_build_array", 0, SPK_TYPE_TEXT, NULL, NULL }, { "jsonb_build_object", 0, SPK_TYPE_TEXT, NULL, NULL },
	{ "json_extract_path", 1, SPK_TYPE_JSON, "#>", "{}" }, { "json_extract_path_text", 1, SPK_TYPE_JSON, "#>>", "{}" },
	{ "jsonb_extract_path", 1, SPK_TYPE_JSONB, "#>", "{}" }, { "jsonb_extract_path_text", 1, SPK_TYPE_JSONB, "#>>", "{}" },
	{ "num_nonnulls", 0, SPK_TYPE_TEXT, "num_nonnulls", NULL }, { "num_nulls", 0, SPK_TYPE_TEXT, "num_nonnulls", NULL },
};

static const struct variadic *find(const char *name, size_t length)
{
	for (size_t i = 0; i < SPK_COUNT_OF(variadic); i++)
		if (length == strlen(variadic[i].name) && memcmp(name, variadic[i].name, length) == 0)
			return &variadic[i];
	return NULL;
}

/* The call over columns: those before the array, then `length` elements. */
static spk_status make_inner(struct spk_arena *arena, const char *name, const struct spk_type *fixed, int fixeds, struct spk_type element, int length, int position, struct spk_expr **out, spk_error *err)
{
	struct spk_expr **arg = SPK_NEW_ARRAY(arena, struct spk_expr *, fixeds + length + 1);
	const struct variadic *known = find(name, strlen(name));

	SPK_TRY_PTR(arg, err);
	for (int i = 0; i < fixeds + length; i++) {
		struct spk_field field = { "argument", i < fixeds ? fixed[i] : element, true };

		SPK_TRY_PTR(arg[i] = spk_expr_column(arena, i, &field), err);
	}
	if (length || !known->none)
		return spk_expr_call(arena, name, arg, fixeds + length, position, out, err);
	SPK_TRY_PTR(arg[fixeds] = spk_expr_unknown(arena, known->none_arg), err);
	return spk_expr_call(arena, known->none, arg, fixeds + 1, position, out, err);
}

static spk_status need_inner(struct spread *s, spk_error *err)
{
	struct spk_type *fixed = SPK_NEW_ARRAY(s->call->ev->arena, struct spk_type, s->fixed + 1);

	if (s->inner && s->made_for == s->length)
		return SPK_OK;
	SPK_TRY_PTR(fixed, err);
	for (int i = 0; i < s->fixed; i++)
		fixed[i] = s->column[i].type;
	s->made_for = s->length;
	return make_inner(s->call->ev->arena, s->name, fixed, s->fixed, s->column[s->fixed].type, s->length, s->call->expr->position, &s->inner, err);
}

/* `v` seen through the index that at(i) gives; a CONSTANT as it is. */
static spk_status look_through(struct spread *s, const struct spk_vector *v, const int32_t *from, int add, const uint32_t *entry, struct spk_vector *out, spk_error *err)
{
	uint32_t *index = SPK_NEW_ARRAY(s->call->ev->arena, uint32_t, s->n);

	SPK_TRY_PTR(index, err);
	*out = *v;
	if (v->layout == SPK_CONSTANT)
		return SPK_OK;
	for (int i = 0; i < s->n; i++)
		index[i] = entry ? entry[from[i] + add] : (uint32_t)(from[i] + add);
	*out = (struct spk_vector){ .type = v->type, .layout = SPK_DICTIONARY, .index = index, .dictionary = v };
	return SPK_OK;
}

/* Computes the rows that wait. */
static spk_status flush(struct spread *s, struct spk_vector *out, spk_error *err)
{
	const int columns = s->fixed + s->length;
	struct spk_vector *column = SPK_NEW_ARRAY(s->call->ev->arena, struct spk_vector, columns + 1), result;
	struct spk_batch in = { .arena = s->call->ev->arena, .rows = s->n, .selected = s->n, .columns = columns, .column = column };
	struct spk_row_errors errors = { 0 };
	struct spk_eval ev = *s->call->ev;

	if (!s->n)
		return SPK_OK;
	SPK_TRY_PTR(column, err);
	SPK_TRY(need_inner(s, err));
	for (int i = 0; i < columns; i++)
		SPK_TRY(i < s->fixed ? look_through(s, &s->column[i], s->row, 0, NULL, &column[i], err)
			: look_through(s, &s->column[s->fixed], s->first, i - s->fixed, s->entry, &column[i], err));
	ev.errors = ev.errors ? &errors : NULL;
	SPK_TRY(spk_expr_eval(s->inner, &in, NULL, s->n, &ev, &result, err));
	for (int i = 0; i < s->n; i++)
		SPK_TRY(spk_vector_gather(out, s->row[i], s->call->rows, &result, &i, 1, false, s->call->ev->arena, err));
	for (int i = 0; i < errors.count; i++)
		SPK_TRY(spk_call_fail(s->call, out, s->row[errors.list[i].row], errors.list[i].code, err, "%s", errors.list[i].message));
	s->n = 0;
	return SPK_OK;
}

static spk_status prepare_columns(struct spread *s, const struct spk_array_reader *a, spk_error *err)
{
	const struct spk_call *call = s->call;

	SPK_TRY_PTR(s->column = SPK_NEW_ARRAY(call->ev->arena, struct spk_vector, s->fixed + 1), err);
	SPK_TRY_PTR(s->row = SPK_NEW_ARRAY(call->ev->arena, int32_t, call->n + 1), err);
	SPK_TRY_PTR(s->first = SPK_NEW_ARRAY(call->ev->arena, int32_t, call->n + 1), err);
	for (int i = 0; i < s->fixed; i++) {
		s->column[i] = call->arg[FIXED + i];
		if (s->column[i].layout == SPK_DICTIONARY)
			SPK_TRY(spk_vector_flatten(&call->arg[FIXED + i], call->rows, call->ev->arena, &s->column[i], err));
	}
	s->column[s->fixed] = a->child->layout == SPK_DICTIONARY ? *a->child->dictionary : *a->child;
	s->entry = a->child->layout == SPK_DICTIONARY ? a->child->index : NULL;
	return SPK_OK;
}

static spk_status spread(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_array_reader a = spk_array_reader(&call->arg[call->args - 1]);
	const struct spk_view *name = &call->expr->arg[NAME]->value.view;
	struct spread s = { .call = call, .name = find(spk_view_data(name), name->length)->name, .fixed = call->args - FIXED - 1 };
	const bool whatever = strcmp(s.name, "format") == 0;  /* a NULL array is one without elements */

	SPK_TRY(prepare_columns(&s, &a, err));
	SPK_EACH_CALL_ROW(call, row) {
		int32_t first, end;

		if (!spk_array_row(&a, row, &first, &end) && !whatever) {
			SPK_TRY(spk_call_null(call, out, row, err));
			continue;
		}
		if (end - first != s.length)
			SPK_TRY(flush(&s, out, err));
		s.length = end - first;
		s.row[s.n] = row;
		s.first[s.n++] = first;
	}
	return flush(&s, out, err);
}

/* Called only through spk_expr_spread, whence no name to call it by. */
static const struct spk_function function = { .name = "variadic", .args_min = 2, .args_max = -1, .arg = { SPK_T(UNKNOWN) }, SPK_RESULT(UNKNOWN), .not_strict = true,
	.can_fail = true, .volatility = SPK_STABLE, .kernel = spread };

/* The type of the call's result, whatever the number of elements: two, as the makers of objects want an even number. */
static spk_status result_of(struct spk_arena *arena, const char *name, struct spk_type *type, int args, int position, struct spk_type *out, spk_error *err)
{
	struct spk_expr *inner;

	SPK_TRY(make_inner(arena, name, type, args - 1, spk_type_element(type[args - 1]), 2, position, &inner, err));
	*out = inner->type;
	return SPK_OK;
}

/* all[]: the call's arguments, cast to what can be given; type[]: what they are. */
static spk_status take_arguments(struct spk_arena *arena, const char *name, struct spk_expr **arg, int args, int position, struct spk_expr **all, struct spk_type *type, spk_error *err)
{
	const struct variadic *known = find(name, strlen(name));

	for (int i = 0; i < args; i++) {
		all[i] = arg[i];
		type[i] = arg[i]->type;
	}
	if (!known || known->fixed != args - 1)
		return spk_no_function(name, type, args, position, err);
	for (int i = 0; i < args; i++)
		if (type[i].id == SPK_TYPE_UNKNOWN)
			SPK_TRY(spk_expr_cast(arena, arg[i], i < args - 1 ? spk_type(known->literal) : spk_type_array(SPK_TYPE_TEXT), true, position, &all[i], err));
	if (all[args - 1]->type.id != SPK_TYPE_ARRAY)
		return spk_bind_fail(err, position, "VARIADIC argument must be an array");
	SPK_TRY(spk_array_of_elements(arena, &all[args - 1], position, err));
	for (int i = 0; i < args; i++)
		type[i] = all[i]->type;
	return SPK_OK;
}

spk_status spk_expr_spread(struct spk_arena *arena, const char *name, struct spk_expr **arg, int args, int position, struct spk_expr **out, spk_error *err)
{
	struct spk_expr **all = SPK_NEW_ARRAY(arena, struct spk_expr *, args + 1);
	struct spk_type *type = SPK_NEW_ARRAY(arena, struct spk_type, args), result;

	SPK_TRY_PTR(all, err);
	SPK_TRY_PTR(type, err);
	SPK_TRY_PTR(all[NAME] = spk_expr_literal(arena, (struct spk_value){ .type = spk_type(SPK_TYPE_TEXT), .view = spk_view_str(name) }), err);
	SPK_TRY(take_arguments(arena, name, arg, args, position, all + FIXED, type, err));
	SPK_TRY(result_of(arena, name, type, args, position, &result, err));
	SPK_TRY_PTR(*out = spk_expr_node(arena, SPK_EXPR_CALL, result, all, args + 1, position), err);
	(*out)->function = &function;
	(*out)->nullable = true;
	return SPK_OK;
}
