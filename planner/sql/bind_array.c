/* Arrays and rows in expressions: their constructors, subscripts and fields, rows compared, ANY and ALL over arrays. */
#include "planner/sql/bind.h"

#include <string.h>

/* --- ARRAY[...] --- */

enum { ELEMENTS_MAX = UINT16_MAX - 1 };  /* of a constructor */

/* An element, or an array that is a part of one of several dimensions; `element` is what a cast asks of the innermost ones. */
static spk_status bind_element(struct spk_exprs *x, const PgQuery__Node *n, const struct spk_type *element, struct spk_expr **out, spk_error *err)
{
	struct spk_type type;

	if (n->node_case == PG_QUERY__NODE__NODE_A_ARRAY_EXPR)
		return spk_binder_array(x, n->a_array_expr, element, out, err);
	SPK_TRY(spk_binder_expr(x, n, out, err));
	if (!element)
		return SPK_OK;
	type = *element;
	if ((*out)->type.id == SPK_TYPE_ARRAY)
		SPK_TRY(spk_type_of_dims(x->b->arena, type, spk_type_dims((*out)->type), &type, err));
	return spk_expr_cast(x->b->arena, *out, type, true, spk_binder_at(x->b, spk_node_location(n)), out, err);
}

spk_status spk_binder_array(struct spk_exprs *x, const PgQuery__AArrayExpr *a, const struct spk_type *element, struct spk_expr **out, spk_error *err)
{
	struct spk_type array;
	struct spk_expr **arg;

	if (a->n_elements > ELEMENTS_MAX)
		return spk_binder_fail(x->b, a->location, SPK_UNSUPPORTED, err, "ARRAY[...] of more than %d elements is not supported", ELEMENTS_MAX);
	SPK_TRY_PTR(arg = SPK_NEW_ARRAY(x->b->arena, struct spk_expr *, a->n_elements + 1), err);
	for (size_t i = 0; i < a->n_elements; i++)
		SPK_TRY(bind_element(x, a->elements[i], element, &arg[i], err));
	if (a->n_elements)
		return spk_binder_make_array(x, arg, (int)a->n_elements, a->location, out, err);
	if (!element) {
		spk_binder_fail(x->b, a->location, SPK_BIND, err, "cannot determine type of empty array");
		return spk_hint(err, "Explicitly cast to the desired type, for example ARRAY[]::integer[].");
	}
	SPK_TRY(spk_type_array_of(x->b->arena, *element, &array, err));
	SPK_TRY_PTR(arg[0] = spk_expr_unknown(x->b->arena, "{}"), err);
	return spk_expr_cast(x->b->arena, arg[0], array, true, spk_binder_at(x->b, a->location), out, err);
}

spk_status spk_binder_make_array(struct spk_exprs *x, struct spk_expr **arg, int args, int location, struct spk_expr **out, spk_error *err)
{
	bool parts = false;

	for (int i = 0; i < args; i++)
		parts = parts || arg[i]->type.id == SPK_TYPE_ARRAY;
	return spk_binder_folded(x->b, parts ? "array of arrays" : "array of", arg, args, location, out, err);
}

/* Every second one of the arguments, from `first` on, as an array. */
static spk_status every_second(struct spk_exprs *x, struct spk_expr *const *arg, int args, int first, int location, struct spk_expr **out, spk_error *err)
{
	struct spk_expr **each = SPK_NEW_ARRAY(x->b->arena, struct spk_expr *, args);
	int n = 0;

	SPK_TRY_PTR(each, err);
	for (int i = first; i < args; i += 2) {
		each[n++] = arg[i];
		if (spk_type_is_nested(arg[i]->type)) {
			spk_binder_fail(x->b, location, SPK_UNSUPPORTED, err, "MAP[...] with arrays, records or maps in it is not supported");
			return spk_hint(err, "A column of a table may hold them: m MAP<STRING, ARRAY<INT>>."), SPK_UNSUPPORTED;
		}
	}
	return spk_binder_make_array(x, each, n, location, out, err);
}

spk_status spk_binder_map(struct spk_exprs *x, struct spk_expr *const *arg, int args, int location, struct spk_expr **out, spk_error *err)
{
	struct spk_expr *part[2];

	if (!args || args % 2) {
		spk_binder_fail(x->b, location, SPK_BIND, err, args ? "MAP[...] needs a value for every key" : "cannot determine the types of an empty map");
		return spk_hint(err, args ? "For example: MAP['a', 1, 'b', 2]." : "Say them in a cast: CAST('{}' AS MAP<STRING, INT>).");
	}
	for (int k = 0; k < 2; k++)
		SPK_TRY(every_second(x, arg, args, k, location, &part[k], err));
	return spk_binder_call(x->b, "map_from_arrays", part, 2, location, out, err);
}

/* --- a[i], a[i:j], j['key'], (r).field --- */

static spk_status bind_index(struct spk_exprs *x, const PgQuery__Node *n, int32_t otherwise, struct spk_expr **out, spk_error *err)
{
	int location = spk_node_location(n);

	if (!n) {
		*out = spk_expr_literal(x->b->arena, (struct spk_value){ .type = spk_type(SPK_TYPE_INTEGER), .i32 = otherwise });
		return *out ? SPK_OK : spk_fail_memory(err);
	}
	SPK_TRY(spk_binder_expr(x, n, out, err));
	if ((*out)->type.id != SPK_TYPE_UNKNOWN && !spk_type_is_number((*out)->type))
		return spk_binder_fail(x->b, location, SPK_BIND, err, "array subscript must have type integer");
	return spk_expr_cast(x->b->arena, *out, spk_type(SPK_TYPE_INTEGER), true, spk_binder_at(x->b, location), out, err);
}

/* a[i][j]: an element where there are as many subscripts as dimensions; NULL else, as PostgreSQL finds. */
static spk_status bind_array_element(struct spk_exprs *x, PgQuery__Node *const *n, size_t count, int location, struct spk_expr **e, spk_error *err)
{
	const bool element = (int)count == spk_type_dims((*e)->type);
	struct spk_type type = (*e)->type;

	for (size_t k = 0; k < count; k++) {
		struct spk_expr *arg[2] = { *e };

		SPK_TRY(bind_index(x, n[k]->a_indices->uidx, 0, &arg[1], err));
		if (element)
			SPK_TRY(spk_binder_call(x->b, "array element", arg, 2, location, e, err));
	}
	if (element)
		return SPK_OK;
	while (type.id == SPK_TYPE_ARRAY)
		type = spk_type_element(type);
	*e = spk_expr_literal(x->b->arena, (struct spk_value){ .type = type, .null = true });
	return *e ? SPK_OK : spk_fail_memory(err);
}

/* Subscripts one after the other; where one is a slice all are, a[3] then being a[1:3]. *used of them. */
static spk_status bind_array_subscripts(struct spk_exprs *x, PgQuery__Node *const *n, size_t count, size_t *used, int location, struct spk_expr **e, spk_error *err)
{
	struct spk_expr **arg;
	bool slice = false;

	for (*used = 0; *used < count && n[*used]->node_case == PG_QUERY__NODE__NODE_A_INDICES; ++*used)
		slice = slice || n[*used]->a_indices->is_slice;
	if (*used > 6)
		return spk_binder_fail(x->b, location, SPK_BIND, err, "number of array dimensions (%zu) exceeds the maximum allowed (6)", *used);
	if (!slice)
		return bind_array_element(x, n, *used, location, e, err);
	arg = SPK_NEW_ARRAY(x->b->arena, struct spk_expr *, 2 * *used + 1);
	SPK_TRY_PTR(arg, err);
	arg[0] = *e;
	for (size_t k = 0; k < *used; k++) {
		SPK_TRY(bind_index(x, n[k]->a_indices->lidx, 1, &arg[2 * k + 1], err));
		SPK_TRY(bind_index(x, n[k]->a_indices->uidx, INT32_MAX, &arg[2 * k + 2], err));
	}
	return spk_binder_call(x->b, "array slice", arg, 2 * (int)*used + 1, location, e, err);
}

/* j['a'][0]: one path of all subscripts that follow each other; *used of them. */
static spk_status bind_json_subscripts(struct spk_exprs *x, PgQuery__Node *const *n, size_t count, size_t *used, int location, struct spk_expr **e, spk_error *err)
{
	struct spk_expr **arg = SPK_NEW_ARRAY(x->b->arena, struct spk_expr *, count + 1);
	char type[64];

	SPK_TRY_PTR(arg, err);
	arg[0] = *e;
	for (*used = 0; *used < count && n[*used]->node_case == PG_QUERY__NODE__NODE_A_INDICES; ++*used) {
		const PgQuery__AIndices *i = n[*used]->a_indices;
		struct spk_expr **step = &arg[*used + 1];

		if (i->is_slice)
			return spk_binder_fail(x->b, location, SPK_BIND, err, "jsonb subscript does not support slices");
		SPK_TRY(spk_binder_expr(x, i->uidx, step, err));
		if ((*step)->type.id != SPK_TYPE_UNKNOWN && (*step)->type.id != SPK_TYPE_TEXT && (*step)->type.id != SPK_TYPE_INTEGER && (*step)->type.id != SPK_TYPE_SMALLINT) {
			spk_type_format_bare((*step)->type, type, sizeof type);
			spk_binder_fail(x->b, spk_node_location(i->uidx), SPK_BIND, err, "subscript type %s is not supported", type);
			return spk_hint(err, "jsonb subscript must be coercible to either integer or text.");
		}
		SPK_TRY(spk_expr_cast(x->b->arena, *step, spk_type(SPK_TYPE_TEXT), true, spk_binder_at(x->b, location), step, err));
	}
	return spk_binder_call(x->b, "jsonb subscript", arg, (int)*used + 1, location, e, err);
}

/* m['key'] */
static spk_status bind_map_subscript(struct spk_exprs *x, const PgQuery__AIndices *i, int location, struct spk_expr **e, spk_error *err)
{
	const struct spk_type key = spk_type_element((*e)->type).children->field[0].type;
	struct spk_expr *arg[2] = { *e, NULL };

	if (i->is_slice)
		return spk_binder_fail(x->b, location, SPK_BIND, err, "maps have no slices");
	SPK_TRY(spk_binder_expr(x, i->uidx, &arg[1], err));
	SPK_TRY(spk_expr_cast(x->b->arena, arg[1], key, false, spk_binder_at(x->b, spk_node_location(i->uidx)), &arg[1], err));
	return spk_binder_call(x->b, "map element", arg, 2, location, e, err);
}

/* The name of what gives the record, where it is a table's: (e).x. */
static const char *table_name(const struct spk_exprs *x, const PgQuery__Node *n)
{
	const char *name = n->node_case == PG_QUERY__NODE__NODE_COLUMN_REF && n->column_ref->n_fields == 1 ? spk_node_string(n->column_ref->fields[0]) : NULL;
	const struct spk_range *ignored;

	return name && spk_binder_range(x->b, x->scope, name, 0, &ignored, NULL) == SPK_OK ? name : NULL;
}

spk_status spk_binder_field(struct spk_exprs *x, const PgQuery__Node *of, const char *name, int location, struct spk_expr **e, spk_error *err)
{
	char type[64];
	int at;

	if ((*e)->type.id != SPK_TYPE_ROW) {
		spk_type_format_bare((*e)->type, type, sizeof type);
		return spk_binder_fail(x->b, location, SPK_BIND, err, "column notation .%s applied to type %s, which is not a composite type", name, type);
	}
	at = spk_schema_lookup((*e)->type.children, name);
	if (at < 0 && table_name(x, of))
		return spk_binder_fail(x->b, location, SPK_BIND, err, "column %s.%s does not exist", table_name(x, of), name);
	if (at < 0)
		return spk_binder_fail(x->b, location, SPK_BIND, err, "could not identify column \"%s\" in record data type", name);
	return spk_expr_field(x->b->arena, *e, at, spk_binder_at(x->b, location), e, err);
}

static bool is_text_subscript(const PgQuery__Node *n)
{
	const PgQuery__Node *at = n->node_case == PG_QUERY__NODE__NODE_A_INDICES && !n->a_indices->is_slice ? n->a_indices->uidx : NULL;

	return at && at->node_case == PG_QUERY__NODE__NODE_A_CONST && at->a_const->val_case == PG_QUERY__A__CONST__VAL_SVAL;
}

/* record['field'] */
static spk_status bind_record_subscript(struct spk_exprs *x, const PgQuery__Node *n, int location, struct spk_expr **e, spk_error *err)
{
	char type[64];

	if (is_text_subscript(n))
		return spk_binder_field(x, n, n->a_indices->uidx->a_const->sval->sval, location, e, err);
	spk_type_format_bare((*e)->type, type, sizeof type);
	spk_binder_fail(x->b, location, SPK_BIND, err, "cannot subscript type %s because it does not support subscripting", type);
	return spk_hint(err, "A field has a name: (record).field, record['field'].");
}

/* The subscripts from n[0] on, as far as they follow each other; *used of them. */
static spk_status bind_subscripts(struct spk_exprs *x, PgQuery__Node *const *n, size_t count, size_t *used, int location, struct spk_expr **e, spk_error *err)
{
	char type[64];

	if ((*e)->type.id == SPK_TYPE_JSONB)
		return bind_json_subscripts(x, n, count, used, location, e, err);
	*used = 1;
	if (spk_type_is_map((*e)->type))
		return bind_map_subscript(x, n[0]->a_indices, location, e, err);
	/* Behind the places of an array of records stands a field's name. */
	for (size_t i = 1; i < count && (*e)->type.id == SPK_TYPE_ARRAY && spk_type_element((*e)->type).id == SPK_TYPE_ROW; i++)
		count = is_text_subscript(n[i]) ? i : count;
	if ((*e)->type.id == SPK_TYPE_ARRAY)
		return bind_array_subscripts(x, n, count, used, location, e, err);
	if ((*e)->type.id == SPK_TYPE_ROW)
		return bind_record_subscript(x, n[0], location, e, err);
	spk_type_format_bare((*e)->type, type, sizeof type);
	return spk_binder_fail(x->b, location, SPK_BIND, err, "cannot subscript type %s because it does not support subscripting", type);
}

spk_status spk_binder_indirection(struct spk_exprs *x, const PgQuery__AIndirection *a, struct spk_expr **out, spk_error *err)
{
	int location = spk_node_location(a->arg);
	size_t used;

	SPK_TRY(spk_binder_expr(x, a->arg, out, err));
	SPK_TRY(spk_binder_known(x->b, out, err));
	for (size_t i = 0; i < a->n_indirection; i += used) {
		const PgQuery__Node *n = a->indirection[i];

		used = 1;
		if (n->node_case == PG_QUERY__NODE__NODE_A_STAR)
			return spk_binder_unsupported(x->b, location, "a row's fields by .*", err);
		if (n->node_case == PG_QUERY__NODE__NODE_STRING)
			SPK_TRY(spk_binder_field(x, a->arg, n->string->sval, location, out, err));
		else
			SPK_TRY(bind_subscripts(x, a->indirection + i, a->n_indirection - i, &used, location, out, err));
	}
	return SPK_OK;
}

/* --- rows --- */

/* The values in ROW(...), t.* being all of t's columns. */
static spk_status bind_fields(struct spk_exprs *x, const PgQuery__RowExpr *r, struct spk_expr ***out, int *count, spk_error *err)
{
	struct spk_expr ***part = SPK_NEW_ARRAY(x->b->arena, struct spk_expr **, r->n_args + 1);
	int *parts = SPK_NEW_ARRAY(x->b->arena, int, r->n_args + 1), n = 0;

	SPK_TRY_PTR(part && parts, err);
	for (size_t i = 0; i < r->n_args; n += parts[i++]) {
		parts[i] = 1;
		if (spk_is_star(r->args[i]))
			SPK_TRY(spk_binder_star(x, r->args[i], &part[i], &parts[i], err));
		else
			SPK_TRY(spk_binder_exprs(x, &r->args[i], 1, &part[i], err));
	}
	SPK_TRY_PTR(*out = SPK_NEW_ARRAY(x->b->arena, struct spk_expr *, n + 1), err);
	*count = 0;
	for (size_t i = 0; i < r->n_args; i++)
		for (int k = 0; k < parts[i]; k++)
			(*out)[(*count)++] = part[i][k];
	return SPK_OK;
}

spk_status spk_binder_struct(struct spk_exprs *x, struct spk_expr *const *arg, int args, int location, struct spk_expr **out, spk_error *err)
{
	struct spk_expr **value = SPK_NEW_ARRAY(x->b->arena, struct spk_expr *, args + 1);
	struct spk_schema *fields;

	SPK_TRY_PTR(value, err);
	for (int i = 0; i < args; i += 2) {
		const bool named = i + 1 < args && arg[i]->kind == SPK_EXPR_CONSTANT && spk_type_is_view(arg[i]->type) && !arg[i]->value.null;

		if (!named) {
			spk_binder_fail(x->b, location, SPK_BIND, err, "a record with named fields takes a name, which is a text, before every value");
			return spk_hint(err, "For example: named_struct('a', 1, 'b', 'x').");
		}
		value[i / 2] = arg[i + 1];
	}
	SPK_TRY(spk_binder_call(x->b, "row of", value, args / 2, location, out, err));
	SPK_TRY_PTR(fields = spk_schema_new(x->b->arena, args / 2), err);
	for (int i = 0; i < args / 2; i++) {
		const struct spk_view *name = &arg[2 * i]->value.view;

		fields->field[i] = (*out)->type.children->field[i];
		SPK_TRY_PTR(fields->field[i].name = spk_arena_printf(x->b->arena, "%.*s", (int)name->length, spk_view_data(name)), err);
	}
	(*out)->type.children = fields;
	return SPK_OK;
}

spk_status spk_binder_row(struct spk_exprs *x, const PgQuery__RowExpr *r, struct spk_expr **out, spk_error *err)
{
	struct spk_expr **arg = NULL;
	int args = 0;

	SPK_TRY(bind_fields(x, r, &arg, &args, err));
	for (int i = 0; i < args; i++)
		SPK_TRY(spk_binder_known(x->b, &arg[i], err));
	return spk_binder_folded(x->b, "row of", arg, args, r->location, out, err);
}

/* The pairs from the `at`-th on as PostgreSQL compares rows: a < c OR (a = c AND b < d). Any NULL on the way to the decision gives NULL. */
static spk_status compare_from(struct spk_exprs *x, const char *name, struct spk_expr **a, struct spk_expr **b, int at, int n, int location, struct spk_expr **out, spk_error *err)
{
	const char strict[2] = { name[0], 0 };
	struct spk_expr *pair[2] = { a[at], b[at] }, *same[2], *either[2];

	if (at + 1 == n)
		return spk_binder_call(x->b, name, pair, 2, location, out, err);
	SPK_TRY(spk_binder_call(x->b, strict, pair, 2, location, &either[0], err));
	pair[0] = a[at];
	pair[1] = b[at];
	SPK_TRY(spk_binder_call(x->b, "=", pair, 2, location, &same[0], err));
	SPK_TRY(compare_from(x, name, a, b, at + 1, n, location, &same[1], err));
	SPK_TRY(spk_expr_make(x->b->arena, SPK_EXPR_AND, same, 2, false, spk_binder_at(x->b, location), &either[1], err));
	return spk_expr_make(x->b->arena, SPK_EXPR_OR, either, 2, false, spk_binder_at(x->b, location), out, err);
}

/* Two rows of values, pair by pair. */
static spk_status compare_pairs(struct spk_exprs *x, const char *name, struct spk_expr **a, struct spk_expr **b, int n, int location, struct spk_expr **out, spk_error *err)
{
	bool any = strcmp(name, "<>") == 0 || strcmp(name, "is distinct from") == 0;
	struct spk_expr **each = SPK_NEW_ARRAY(x->b->arena, struct spk_expr *, n);

	SPK_TRY_PTR(each, err);
	if (name[0] == '<' && !any)
		return compare_from(x, name, a, b, 0, n, location, out, err);
	if (name[0] == '>')
		return compare_from(x, name, a, b, 0, n, location, out, err);
	for (int i = 0; i < n; i++) {
		struct spk_expr *pair[2] = { a[i], b[i] };

		SPK_TRY(spk_binder_call(x->b, name, pair, 2, location, &each[i], err));
	}
	return spk_expr_make(x->b->arena, any ? SPK_EXPR_OR : SPK_EXPR_AND, each, n, false, spk_binder_at(x->b, location), out, err);
}

bool spk_is_row(const PgQuery__Node *n)
{
	return n && n->node_case == PG_QUERY__NODE__NODE_ROW_EXPR;
}

static bool compares_rows(const char *name)
{
	static const char *const names[] = { "=", "<>", "<", "<=", ">", ">=", "is distinct from", "is not distinct from" };

	for (size_t i = 0; i < SPK_COUNT_OF(names); i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

spk_status spk_binder_row_operator(struct spk_exprs *x, const char *name, const PgQuery__RowExpr *left, const PgQuery__RowExpr *right, int location, struct spk_expr **out, spk_error *err)
{
	struct spk_expr **a = NULL, **b = NULL;
	int lefts = 0, rights = 0;

	SPK_TRY(bind_fields(x, left, &a, &lefts, err));
	SPK_TRY(bind_fields(x, right, &b, &rights, err));
	if (lefts != rights)
		return spk_binder_fail(x->b, location, SPK_BIND, err, "unequal number of entries in row expressions");
	if (!lefts)
		return spk_binder_fail(x->b, location, SPK_BIND, err, "cannot compare rows of zero length");
	if (!compares_rows(name)) {
		spk_binder_fail(x->b, location, SPK_BIND, err, "could not determine interpretation of row comparison operator %s", name);
		return spk_hint(err, "Row comparison operators must be associated with btree operator families.");
	}
	return compare_pairs(x, name, a, b, lefts, location, out, err);
}

spk_status spk_binder_row_in(struct spk_exprs *x, const PgQuery__RowExpr *left, const PgQuery__List *list, bool negated, int location, struct spk_expr **out, spk_error *err)
{
	struct spk_expr **each = SPK_NEW_ARRAY(x->b->arena, struct spk_expr *, list->n_items);

	SPK_TRY_PTR(each, err);
	for (size_t i = 0; i < list->n_items; i++) {
		struct spk_expr *pair[2];

		if (spk_is_row(list->items[i])) {
			SPK_TRY(spk_binder_row_operator(x, negated ? "<>" : "=", left, list->items[i]->row_expr, location, &each[i], err));
			continue;
		}
		SPK_TRY(spk_binder_row(x, left, &pair[0], err));
		SPK_TRY(spk_binder_expr(x, list->items[i], &pair[1], err));
		SPK_TRY(spk_binder_call(x->b, negated ? "<>" : "=", pair, 2, location, &each[i], err));
	}
	return spk_expr_make(x->b->arena, negated ? SPK_EXPR_AND : SPK_EXPR_OR, each, (int)list->n_items, false, spk_binder_at(x->b, location), out, err);
}

/* --- ANY and ALL --- */

spk_status spk_binder_quantified(struct spk_exprs *x, const PgQuery__AExpr *e, const char *name, bool all, struct spk_expr **out, spk_error *err)
{
	struct spk_expr *left, *array;

	SPK_TRY(spk_binder_expr(x, e->lexpr, &left, err));
	SPK_TRY(spk_binder_expr(x, e->rexpr, &array, err));
	return spk_expr_quantified(x->b->arena, name, left, array, all, spk_binder_at(x->b, e->location), out, err);
}

spk_status spk_binder_folded(const struct spk_binder *b, const char *name, struct spk_expr **arg, int args, int location, struct spk_expr **out, spk_error *err)
{
	bool constant = true;

	SPK_TRY(spk_binder_call(b, name, arg, args, location, out, err));
	for (int i = 0; i < (*out)->args; i++)
		constant = constant && (*out)->arg[i]->kind == SPK_EXPR_CONSTANT;
	if (constant)
		spk_expr_fold(b->arena, out);
	return SPK_OK;
}
