/* VALUES, and giving a type to a query's untyped literals once it is known what they are for. */
#include "planner/sql/bind.h"

/* --- untyped literals among a query's columns --- */

static spk_status retype_exprs(const struct spk_binder *b, struct spk_expr **expr, int step, int rows, struct spk_type type, int location, spk_error *err)
{
	for (int i = 0; i < rows; i++)
		SPK_TRY(spk_expr_cast(b->arena, expr[i * step], type, true, spk_binder_at(b, location), &expr[i * step], err));
	return SPK_OK;
}

/* Nodes above share the schema of the node that makes the column, and nothing else refers to a column of unknown type. */
spk_status spk_binder_retype(const struct spk_binder *b, struct spk_logical *query, int column, struct spk_type type, int location, spk_error *err)
{
	switch (query->kind) {
	case SPK_LOGICAL_PROJECT:
		SPK_TRY(retype_exprs(b, &query->expr[column], 1, 1, type, location, err));
		break;
	case SPK_LOGICAL_VALUES:
		SPK_TRY(retype_exprs(b, &query->value[column], query->schema->count, query->value_rows, type, location, err));
		break;
	case SPK_LOGICAL_LIMIT:
		return spk_binder_retype(b, query->input[0], column, type, location, err);
	default:
		return spk_fail(err, SPK_INTERNAL, "an untyped literal passed through a %s", spk_logical_kind_name(query->kind));
	}
	query->schema->field[column].type = type;
	return SPK_OK;
}

static spk_status settle(const struct spk_binder *b, struct spk_logical *query, spk_error *err)
{
	for (int i = 0; i < query->schema->count; i++)
		if (query->schema->field[i].type.id == SPK_TYPE_UNKNOWN)
			SPK_TRY(spk_binder_retype(b, query, i, spk_type(SPK_TYPE_TEXT), -1, err));
	return SPK_OK;
}

/* --- VALUES --- */

/* DEFAULT is NULL: columns have no other defaults. */
static spk_status bind_value(struct spk_exprs *x, const PgQuery__Node *n, struct spk_expr **out, spk_error *err)
{
	if (n->node_case != PG_QUERY__NODE__NODE_SET_TO_DEFAULT)
		return spk_binder_expr(x, n, out, err);
	*out = spk_expr_unknown(x->b->arena, NULL);
	SPK_TRY_PTR(*out, err);
	return SPK_OK;
}

/* Casts column `i` of all rows to its common type; all untyped literals: left alone. */
static spk_status unify_column(struct spk_binder *b, const PgQuery__SelectStmt *s, struct spk_logical *l, int i, spk_error *err)
{
	int columns = l->schema->count;
	struct spk_type t = spk_type(SPK_TYPE_UNKNOWN);

	for (int r = 0; r < l->value_rows; r++) {
		struct spk_type with = l->value[r * columns + i]->type;
		int location = spk_node_location(s->values_lists[r]->list->items[i]);

		if (with.id != SPK_TYPE_UNKNOWN && t.id != SPK_TYPE_UNKNOWN && spk_expr_common_type(t, with, &t, 0, err) != SPK_OK)
			return spk_no_common_type("VALUES", t, with, spk_binder_at(b, location), err);
		if (t.id == SPK_TYPE_UNKNOWN)
			t = with;
	}
	l->schema->field[i].type = t;
	for (int r = 0; r < l->value_rows; r++) {
		struct spk_expr **e = &l->value[r * columns + i];

		if (t.id != SPK_TYPE_UNKNOWN)
			SPK_TRY(spk_expr_cast(b->arena, *e, t, true, (*e)->position, e, err));
		l->schema->field[i].nullable = l->schema->field[i].nullable || (*e)->nullable;
	}
	return SPK_OK;
}

static spk_status bind_row(struct spk_binder *b, const PgQuery__List *row, struct spk_sublinks *sublinks, struct spk_expr **value, spk_error *err)
{
	static const struct spk_scope none;
	struct spk_exprs x = { .b = b, .scope = &none, .clause = "VALUES" };
	struct spk_sublinks *around = b->sublinks;
	spk_status status = SPK_OK;

	b->sublinks = sublinks;
	for (size_t i = 0; i < row->n_items && status == SPK_OK; i++)
		status = bind_value(&x, row->items[i], &value[i], err);
	b->sublinks = around;
	return status;
}

/* A row of the values with the subqueries in it joined to it. */
static spk_status attach_row(struct spk_binder *b, struct spk_sublinks *sublinks, const struct spk_logical *values, int row, struct spk_logical **out, spk_error *err)
{
	int columns = values->schema->count;
	struct spk_schema *nothing = spk_schema_new(b->arena, 0);
	struct spk_expr **expr = SPK_NEW_ARRAY(b->arena, struct spk_expr *, columns + 1);
	struct spk_logical *plan = spk_logical_new(b->arena, SPK_LOGICAL_VALUES, nothing, NULL, 0);

	SPK_TRY_PTR(nothing && expr && plan, err);
	plan->value_rows = 1;
	for (int i = 0; i < columns; i++) {
		expr[i] = values->value[row * columns + i];
		SPK_TRY(spk_sublinks_attach(b, sublinks, &plan, &expr[i], err));
	}
	SPK_TRY_PTR(*out = spk_binder_project(b, plan, expr, values->schema), err);
	return SPK_OK;
}

spk_status spk_values_attach(struct spk_binder *b, struct spk_sublinks *sublinks, struct spk_logical **values, spk_error *err)
{
	struct spk_logical *from = *values, **row;

	if (!sublinks->count)
		return SPK_OK;
	SPK_TRY_PTR(row = SPK_NEW_ARRAY(b->arena, struct spk_logical *, from->value_rows), err);
	for (int i = 0; i < from->value_rows; i++)
		SPK_TRY(attach_row(b, sublinks, from, i, &row[i], err));
	SPK_TRY_PTR(*values = spk_logical_new(b->arena, SPK_LOGICAL_UNION, from->schema, row, from->value_rows), err);
	return SPK_OK;
}

spk_status spk_binder_rows(struct spk_binder *b, const PgQuery__SelectStmt *s, struct spk_sublinks *sublinks, struct spk_logical **out, spk_error *err)
{
	int rows = (int)s->n_values_lists, columns = (int)s->values_lists[0]->list->n_items;
	struct spk_schema *schema = spk_schema_new(b->arena, columns);
	struct spk_logical *l;

	SPK_TRY_PTR(schema, err);
	l = spk_logical_new(b->arena, SPK_LOGICAL_VALUES, schema, NULL, 0);
	SPK_TRY_PTR(l, err);
	l->value_rows = rows;
	l->value = SPK_NEW_ARRAY(b->arena, struct spk_expr *, (size_t)rows * (size_t)columns);
	l->position = spk_binder_at(b, spk_select_location(s));
	SPK_TRY_PTR(l->value, err);
	for (int i = 0; i < columns; i++)
		SPK_TRY_PTR(schema->field[i].name = spk_arena_printf(b->arena, "column%d", i + 1), err);
	for (int r = 0; r < rows; r++) {
		const PgQuery__List *row = s->values_lists[r]->list;

		if ((int)row->n_items != columns) {
			spk_binder_fail(b, spk_node_location(s->values_lists[r]), SPK_BIND, err, "VALUES lists must all be the same length");
			return spk_hint(err, "The first has %d, this one has %zu.", columns, row->n_items);
		}
		SPK_TRY(bind_row(b, row, sublinks, &l->value[r * columns], err));
	}
	*out = l;
	return SPK_OK;
}

spk_status spk_binder_values(struct spk_binder *b, const PgQuery__SelectStmt *s, bool keep_unknown, struct spk_logical **out, spk_error *err)
{
	struct spk_sublinks sublinks = { 0 };

	SPK_TRY(spk_binder_rows(b, s, &sublinks, out, err));
	for (int i = 0; i < (*out)->schema->count; i++)
		SPK_TRY(unify_column(b, s, *out, i, err));
	if (!keep_unknown || s->n_sort_clause || sublinks.count)
		SPK_TRY(settle(b, *out, err));
	SPK_TRY(spk_values_attach(b, &sublinks, out, err));
	return spk_binder_order_output(b, s, out, err);
}
