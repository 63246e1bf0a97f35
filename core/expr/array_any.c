/*
 * x <op> ANY (array) and x <op> ALL (array).
 *
 * The comparison is a tree of its own over two columns, x and an element, which is evaluated over the elements of many rows at
 * a time: both columns are dictionaries over what is there already, so nothing is copied. With = ANY and <> ALL over a
 * constant array the node becomes IN, which looks up.
 */
#include "core/expr/array.h"
#include "core/expr/families.h"

enum { CHUNK = 4096 };                       /* elements compared at once */
enum state { OPEN, OPEN_NULL, DECIDED };     /* OPEN_NULL: some comparison gave NULL */

/* What a kernel call needs; `row` and `element` are the pairs waiting to be compared. */
struct search {
	const struct spk_call *call;
	const struct spk_expr *compare;
	bool all;
	uint8_t *state;                          /* by row */
	struct spk_vector x, elements;           /* FLAT or CONSTANT */
	const uint32_t *entry;                   /* the elements' places in their dictionary, NULL: they are none */
	uint32_t row[CHUNK], element[CHUNK];
	int n;
};

static struct spk_vector view_of(const struct spk_vector *v, const uint32_t *index)
{
	if (v->layout == SPK_CONSTANT)
		return *v;
	return (struct spk_vector){ .type = v->type, .layout = SPK_DICTIONARY, .index = index, .dictionary = v };
}

/* Compares the pairs that wait and notes what follows for their rows. */
static spk_status flush(struct search *s, struct spk_arena *scratch, struct spk_vector *out, spk_error *err)
{
	struct spk_vector column[2] = { view_of(&s->x, s->row), view_of(&s->elements, s->element) }, result;
	struct spk_batch in = { .arena = scratch, .rows = s->n, .selected = s->n, .columns = 2, .column = column };
	struct spk_row_errors errors = { 0 };
	struct spk_eval ev = *s->call->ev;
	struct spk_reader r;

	if (!s->n)
		return SPK_OK;
	ev.arena = scratch;
	ev.errors = s->call->ev->errors ? &errors : NULL;
	SPK_TRY(spk_expr_eval(s->compare, &in, NULL, s->n, &ev, &result, err));
	r = spk_vector_reader(&result);
	for (int i = 0; i < s->n; i++) {
		uint8_t *state = &s->state[s->row[i]];

		if (spk_arg_is_null(&r, i))
			*state = SPK_MAX(*state, (uint8_t)OPEN_NULL);
		else if (SPK_ARG(uint8_t, r, i) != s->all)
			*state = DECIDED;
	}
	for (int i = 0; i < errors.count; i++)
		SPK_TRY(spk_call_fail(s->call, out, (int32_t)s->row[errors.list[i].row], errors.list[i].code, err, "%s", errors.list[i].message));
	s->n = 0;
	spk_arena_clear(scratch);
	return SPK_OK;
}

static spk_status compare_rows(struct search *s, const struct spk_array_reader *a, struct spk_arena *scratch, struct spk_vector *out, spk_error *err)
{
	SPK_EACH_CALL_ROW(s->call, row) {
		int32_t first, end;

		spk_array_row(a, row, &first, &end);
		for (int32_t e = first; e < end && s->state[row] != DECIDED; e++) {
			s->row[s->n] = (uint32_t)row;
			s->element[s->n++] = s->entry ? s->entry[e] : (uint32_t)e;
			if (s->n == CHUNK)
				SPK_TRY(flush(s, scratch, out, err));
		}
	}
	return flush(s, scratch, out, err);
}

static spk_status quantified(const struct spk_call *call, bool all, struct spk_vector *out, spk_error *err)
{
	const struct spk_array_reader a = spk_array_reader(&call->arg[1]);
	struct spk_arena *arena = call->ev->arena, *scratch;
	struct search *s = SPK_NEW(arena, struct search);
	spk_status status;

	SPK_TRY_PTR(s, err);
	s->call = call;
	s->compare = call->expr->prepared;
	s->all = all;
	s->state = spk_arena_zalloc(arena, (size_t)SPK_MAX(call->rows, 1));
	SPK_TRY_PTR(s->state, err);
	s->x = call->arg[0];
	s->elements = a.child->layout == SPK_DICTIONARY ? *a.child->dictionary : *a.child;
	s->entry = a.child->layout == SPK_DICTIONARY ? a.child->index : NULL;
	if (s->x.layout == SPK_DICTIONARY)
		SPK_TRY(spk_vector_flatten(&call->arg[0], call->rows, arena, &s->x, err));
	scratch = spk_arena_new(NULL);
	SPK_TRY_PTR(scratch, err);
	status = compare_rows(s, &a, scratch, out, err);
	spk_arena_unref(scratch);
	SPK_TRY(status);
	SPK_EACH_CALL_ROW(call, row) {
		spk_vector_bool(out)[row] = (s->state[row] == DECIDED) != all;
		if (spk_arg_is_null(&a.r, row) || s->state[row] == OPEN_NULL)
			SPK_TRY(spk_call_null(call, out, row, err));
	}
	return SPK_OK;
}

static spk_status any(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	return quantified(call, false, out, err);
}

static spk_status all(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	return quantified(call, true, out, err);
}

/* By whether the comparison can fail. Called only through spk_expr_quantified, whence no names to call them by. */
static const struct spk_function functions[2][2] = {
	{ { .name = "any", SPK_ARGS2(UNKNOWN, ARRAY), SPK_RESULT(BOOLEAN), .not_strict = true, .kernel = any },
	  { .name = "any", SPK_ARGS2(UNKNOWN, ARRAY), SPK_RESULT(BOOLEAN), .not_strict = true, .can_fail = true, .kernel = any } },
	{ { .name = "all", SPK_ARGS2(UNKNOWN, ARRAY), SPK_RESULT(BOOLEAN), .not_strict = true, .kernel = all },
	  { .name = "all", SPK_ARGS2(UNKNOWN, ARRAY), SPK_RESULT(BOOLEAN), .not_strict = true, .can_fail = true, .kernel = all } },
};

/* --- building --- */

/* x IN (elements) or NOT IN: x = ANY and x <> ALL of a constant array. No elements: nothing is in there. */
static spk_status make_in(struct spk_arena *arena, struct spk_expr *x, const struct spk_expr *array, bool negated, int position, struct spk_expr **out, spk_error *err)
{
	const struct spk_nested n = array->value.nested;
	int count = spk_nested_count(n), first = spk_vector_i32(n.vector)[n.row];
	struct spk_expr **arg = SPK_NEW_ARRAY(arena, struct spk_expr *, count + 1);

	SPK_TRY_PTR(arg, err);
	arg[0] = x;
	for (int i = 0; i < count; i++) {
		arg[i + 1] = spk_expr_literal(arena, spk_vector_value(n.vector->child, first + i));
		SPK_TRY_PTR(arg[i + 1], err);
	}
	if (count)
		return spk_expr_make(arena, SPK_EXPR_IN, arg, count + 1, negated, position, out, err);
	*out = spk_expr_literal(arena, (struct spk_value){ .type = spk_type(SPK_TYPE_BOOLEAN), .boolean = negated });
	return *out ? SPK_OK : spk_fail_memory(err);
}

/* The comparison over two columns, x the first. */
static spk_status make_comparison(struct spk_arena *arena, const char *op, struct spk_type x, struct spk_type element, int position, struct spk_expr **out, spk_error *err)
{
	struct spk_field field[2] = { { "x", x, true }, { "element", element, true } };
	struct spk_expr *pair[2] = { spk_expr_column(arena, 0, &field[0]), spk_expr_column(arena, 1, &field[1]) };

	SPK_TRY_PTR(pair[0], err);
	SPK_TRY_PTR(pair[1], err);
	SPK_TRY(spk_expr_call(arena, op, pair, 2, position, out, err));
	if ((*out)->type.id != SPK_TYPE_BOOLEAN)
		return spk_bind_fail(err, position, "op ANY/ALL (array) requires operator to yield boolean");
	return SPK_OK;
}

spk_status spk_expr_quantified(struct spk_arena *arena, const char *op, struct spk_expr *x, struct spk_expr *array, bool all_of, int position, struct spk_expr **out, spk_error *err)
{
	struct spk_expr *pair[2] = { x, array }, *compare;
	struct spk_type type;

	if (array->type.id == SPK_TYPE_UNKNOWN) {
		SPK_TRY(spk_type_array_of(arena, x->type.id == SPK_TYPE_UNKNOWN ? spk_type(SPK_TYPE_TEXT) : x->type, &type, err));
		SPK_TRY(spk_expr_cast(arena, array, type, true, position, &pair[1], err));
	}
	SPK_TRY(spk_array_of_elements(arena, &pair[1], position, err));
	if (pair[1]->type.id != SPK_TYPE_ARRAY)
		return spk_bind_fail(err, position, "op ANY/ALL (array) requires array on right side");
	if (x->type.id == SPK_TYPE_UNKNOWN)
		SPK_TRY(spk_expr_cast(arena, x, spk_type_element(pair[1]->type), true, position, &pair[0], err));
	SPK_TRY(make_comparison(arena, op, pair[0]->type, spk_type_element(pair[1]->type), position, &compare, err));
	if (pair[1]->kind == SPK_EXPR_CONSTANT && !pair[1]->value.null && strcmp(op, all_of ? "<>" : "=") == 0)
		return make_in(arena, pair[0], pair[1], all_of, position, out, err);
	*out = spk_expr_node(arena, SPK_EXPR_CALL, spk_type(SPK_TYPE_BOOLEAN), pair, 2, position);
	SPK_TRY_PTR(*out, err);
	(*out)->function = &functions[all_of][spk_expr_can_fail(compare)];
	(*out)->prepared = compare;
	return SPK_OK;
}

bool spk_is_quantified(const struct spk_expr *e)
{
	return e->kind == SPK_EXPR_CALL && e->function >= &functions[0][0] && e->function <= &functions[1][1];
}
