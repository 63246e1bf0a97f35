/* INSERT INTO table [(columns)] query: the query's columns cast to the table's as PostgreSQL assigns, then a SINK. */
#include "planner/sql/bind.h"

#include <stdio.h>

#include "planner/sql/rewrite.h"

enum { NAMES_MAX = 256 };

struct insert {
	struct spk_binder *b;
	const PgQuery__InsertStmt *s;
	const struct spk_table *table;
	int count;
	int *column;               /* target column by input column */
	const PgQuery__SelectStmt *query;
};

static spk_status find_target(struct insert *in, spk_error *err)
{
	const PgQuery__RangeVar *v = in->s->relation;
	const char *names[NAMES_MAX], *name;
	int count;

	SPK_TRY(spk_binder_simple_name(in->b, v, &name, err));
	in->table = spk_catalog_table(in->b->catalog, name);
	if (in->table)
		return SPK_OK;
	if (spk_catalog_view(in->b->catalog, name))
		return spk_binder_fail(in->b, v->location, SPK_BIND, err, "cannot insert into view \"%s\"", name);
	count = spk_catalog_names(in->b->catalog, names, NAMES_MAX);
	spk_binder_fail(in->b, v->location, SPK_BIND, err, "relation \"%s\" does not exist", name);
	if (!count)
		return spk_hint(err, "No table is declared yet: CREATE TABLE %s (...) WITH ('connector' = ...).", name);
	spk_binder_suggest(err, name, names, count, "Tables and views");
	return SPK_BIND;
}

static const char *why_not(const struct spk_table *t, int column)
{
	if (t->computed && t->computed[column])
		return "it is computed";
	return t->metadata && t->metadata[column] ? "it is metadata" : NULL;
}

static spk_status named_column(struct insert *in, const PgQuery__ResTarget *r, spk_error *err)
{
	int column = spk_schema_lookup(in->table->schema, r->name);
	const char *names[NAMES_MAX];

	if (column == -2)
		return spk_binder_fail(in->b, r->location, SPK_BIND, err, "column reference \"%s\" is ambiguous", r->name);
	if (column < 0) {
		spk_binder_fail(in->b, r->location, SPK_BIND, err, "column \"%s\" of relation \"%s\" does not exist", r->name, in->table->name);
		for (int i = 0; i < in->table->schema->count && i < NAMES_MAX; i++)
			names[i] = in->table->schema->field[i].name;
		spk_binder_suggest(err, r->name, names, SPK_MIN(in->table->schema->count, NAMES_MAX), "Its columns");
		return SPK_BIND;
	}
	if (r->n_indirection)
		return spk_binder_unsupported(in->b, r->location, "inserting into a part of a column", err);
	if (why_not(in->table, column))
		return spk_binder_fail(in->b, r->location, SPK_BIND, err, "cannot insert into column \"%s\": %s", in->table->schema->field[column].name, why_not(in->table, column));
	for (int i = 0; i < in->count; i++)
		if (in->column[i] == column)
			return spk_binder_fail(in->b, r->location, SPK_BIND, err, "column \"%s\" specified more than once", in->table->schema->field[column].name);
	in->column[in->count++] = column;
	return SPK_OK;
}

static spk_status target_columns(struct insert *in, spk_error *err)
{
	in->column = SPK_NEW_ARRAY(in->b->arena, int, SPK_MAX(in->table->schema->count, (int)in->s->n_cols) + 1);
	SPK_TRY_PTR(in->column, err);
	for (size_t i = 0; i < in->s->n_cols; i++)
		SPK_TRY(named_column(in, in->s->cols[i]->res_target, err));
	for (int i = 0; !in->s->n_cols && i < in->table->schema->count; i++)
		if (!why_not(in->table, i))
			in->column[in->count++] = i;
	return SPK_OK;
}

/* Place of the expression for column `i`, as far as the query shows it. */
static int value_location(const struct insert *in, int i)
{
	const PgQuery__SelectStmt *q = in->query;
	PgQuery__Node whole = { .node_case = PG_QUERY__NODE__NODE_SELECT_STMT, .select_stmt = (PgQuery__SelectStmt *)(uintptr_t)q };

	while (q->op != PG_QUERY__SET_OPERATION__SETOP_NONE)
		q = q->larg;
	if (q->n_values_lists && i < (int)q->values_lists[0]->list->n_items)
		return spk_node_location(q->values_lists[0]->list->items[i]);
	for (int k = 0; k < (int)q->n_target_list && k <= i; k++) {
		const PgQuery__Node *v = q->target_list[k]->res_target->val;

		if (v->node_case == PG_QUERY__NODE__NODE_COLUMN_REF && v->column_ref->fields[v->column_ref->n_fields - 1]->node_case == PG_QUERY__NODE__NODE_A_STAR)
			return spk_node_location(v);
		if (k == i)
			return spk_node_location(v);
	}
	return spk_node_location(&whole);
}

static struct spk_expr *default_of(const struct spk_table *t, int column) { return t->given ? t->given[column] : NULL; }

static spk_status check_count(struct insert *in, const struct spk_logical *query, spk_error *err)
{
	const struct spk_schema *t = in->table->schema;
	int have = query->schema->count;

	if (have > in->count) {
		spk_binder_fail(in->b, value_location(in, in->count), SPK_BIND, err, "INSERT has more expressions than target columns: %d for the %d of \"%s\"", have, in->count, in->table->name);
		return spk_hint(err, "Nothing takes output column \"%s\".", query->schema->field[in->count].name);
	}
	if (have < in->count && in->s->n_cols) {
		spk_binder_fail(in->b, in->s->cols[have]->res_target->location, SPK_BIND, err, "INSERT has more target columns than expressions: %d for %d", in->count, have);
		return spk_hint(err, "Nothing is given for column \"%s\".", t->field[in->column[have]].name);
	}
	in->count = have;
	for (int c = 0; c < t->count; c++) {
		bool given = t->field[c].nullable || why_not(in->table, c) || default_of(in->table, c);

		for (int i = 0; i < in->count; i++)
			given = given || in->column[i] == c;
		if (given)
			continue;
		spk_binder_fail(in->b, in->s->relation->location, SPK_BIND, err, "column \"%s\" of \"%s\" must not be NULL, and nothing is given for it", t->field[c].name, in->table->name);
		return spk_hint(err, "INSERT gives %d of %d columns.", in->count, t->count);
	}
	return SPK_OK;
}

/*
 * An untyped literal takes the column's type; for varchar(n) as an assignment does, which refuses what is too long, and not as
 * a written cast, which cuts it. What cannot work is told now and not by the first row.
 */
static spk_status assign_literal(struct insert *in, struct spk_expr *e, struct spk_type type, int location, struct spk_expr **out, spk_error *err)
{
	struct spk_eval ev = { .arena = in->b->arena };
	int position = spk_binder_at(in->b, location);
	struct spk_value v;
	spk_status status;

	if (type.id == SPK_TYPE_TEXT)
		SPK_TRY(spk_binder_known(in->b, &e, err));
	SPK_TRY(spk_expr_cast(in->b->arena, e, type, false, position, out, err));
	if (!spk_expr_foldable(*out))
		return SPK_OK;
	status = spk_expr_constant_value(*out, &ev, &v, err);
	if (status == SPK_OK)
		return SPK_OK;
	if (err) {
		err->code = SPK_BIND;
		err->position = position;
	}
	return SPK_BIND;
}

/* As the column's type wants it: timestamp(3). */
static spk_status round_value(const struct insert *in, int i, struct spk_expr **e, spk_error *err)
{
	const struct spk_table *t = in->table;
	const int column = in->column[i];
	struct spk_expr **by;

	if (!t->rounded || !t->rounded[column])
		return SPK_OK;
	SPK_TRY_PTR(by = SPK_NEW_ARRAY(in->b->arena, struct spk_expr *, t->schema->count), err);
	by[column] = *e;
	SPK_TRY(spk_binder_over_inserted(in->b, t, t->rounded[column], by, e, err));
	return SPK_OK;
}

static spk_status assign_expr(struct insert *in, int i, struct spk_expr *e, int location, struct spk_expr **out, spk_error *err)
{
	const struct spk_field *to = &in->table->schema->field[in->column[i]];
	char have[64], want[64];

	if (e->type.id == SPK_TYPE_UNKNOWN)
		return assign_literal(in, e, to->type, location, out, err) == SPK_OK ? round_value(in, i, out, err) : spk_error_context(err, "column \"%s\"", to->name);
	spk_type_format_bare(e->type, have, sizeof have);
	spk_type_format_bare(to->type, want, sizeof want);
	if (spk_expr_cast(in->b->arena, e, to->type, false, spk_binder_at(in->b, location), out, err) == SPK_OK)
		return round_value(in, i, out, err);
	spk_binder_fail(in->b, location, SPK_BIND, err, "column \"%s\" is of type %s but expression is of type %s", to->name, want, have);
	return spk_hint(err, "Cast it: CAST(... AS %s).", want);
}

static spk_status assign(struct insert *in, struct spk_logical *query, int i, struct spk_expr **out, spk_error *err)
{
	const struct spk_field *to = &in->table->schema->field[in->column[i]];
	struct spk_field *from = &query->schema->field[i];
	int location = value_location(in, i);

	if (from->type.id == SPK_TYPE_UNKNOWN && spk_binder_retype(in->b, query, i, to->type.id == SPK_TYPE_TEXT ? spk_type(SPK_TYPE_TEXT) : to->type, location, err) != SPK_OK)
		return spk_error_context(err, "column \"%s\"", to->name);
	*out = spk_expr_column(in->b->arena, i, from);
	SPK_TRY_PTR(*out, err);
	(*out)->position = spk_binder_at(in->b, location);
	return assign_expr(in, i, *out, location, out, err);
}

/* VALUES alone: every value by itself takes the type of its column, as in PostgreSQL; no common type first. */
static spk_status assign_rows(struct insert *in, struct spk_logical *values, spk_error *err)
{
	int columns = values->schema->count;

	for (int i = 0; i < columns; i++) {
		const struct spk_field *to = &in->table->schema->field[in->column[i]];

		values->schema->field[i] = (struct spk_field){ to->name, to->type, true };
		for (int r = 0; r < values->value_rows; r++) {
			struct spk_expr **e = &values->value[r * columns + i];
			const PgQuery__Node *item = in->query->values_lists[r]->list->items[i];
			struct spk_expr *otherwise = item->node_case == PG_QUERY__NODE__NODE_SET_TO_DEFAULT ? default_of(in->table, in->column[i]) : NULL;

			SPK_TRY(assign_expr(in, i, otherwise ? otherwise : *e, spk_node_location(item), e, err));
		}
	}
	return SPK_OK;
}

static spk_status cast_columns(struct insert *in, struct spk_logical **query, spk_error *err)
{
	struct spk_schema *schema = spk_schema_new(in->b->arena, in->count);
	struct spk_expr **expr = SPK_NEW_ARRAY(in->b->arena, struct spk_expr *, in->count);
	bool same = true;

	SPK_TRY_PTR(schema, err);
	SPK_TRY_PTR(expr, err);
	for (int i = 0; i < in->count; i++) {
		SPK_TRY(assign(in, *query, i, &expr[i], err));
		same = same && expr[i]->kind == SPK_EXPR_COLUMN && spk_type_same(expr[i]->type, (*query)->schema->field[i].type);
		schema->field[i] = (struct spk_field){ in->table->schema->field[in->column[i]].name, expr[i]->type, expr[i]->nullable };
	}
	if (same)
		return SPK_OK;
	*query = spk_binder_project(in->b, *query, expr, schema);
	SPK_TRY_PTR(*query, err);
	return SPK_OK;
}

/* Columns that are left out and have a DEFAULT, behind the others. */
static spk_status add_defaults(struct insert *in, struct spk_logical **query, spk_error *err)
{
	const struct spk_schema *t = in->table->schema;
	struct spk_expr **expr = SPK_NEW_ARRAY(in->b->arena, struct spk_expr *, t->count + 1);
	struct spk_schema *schema = spk_schema_new(in->b->arena, t->count);
	const int shown = in->count;

	SPK_TRY_PTR(expr && schema, err);
	for (int i = 0; i < shown; i++) {
		schema->field[i] = (*query)->schema->field[i];
		SPK_TRY_PTR(expr[i] = spk_expr_column(in->b->arena, i, &schema->field[i]), err);
	}
	for (int c = 0; c < t->count; c++) {
		bool given = !default_of(in->table, c) || why_not(in->table, c);

		for (int i = 0; i < shown && !given; i++)
			given = in->column[i] == c;
		if (given)
			continue;
		in->column[in->count] = c;
		SPK_TRY(assign_expr(in, in->count, default_of(in->table, c), in->s->relation->location, &expr[in->count], err));
		schema->field[in->count++] = t->field[c];
	}
	schema->count = in->count;
	if (in->count > shown)
		SPK_TRY_PTR(*query = spk_binder_project(in->b, *query, expr, schema), err);
	return SPK_OK;
}

static spk_status refuse_clauses(const struct insert *in, spk_error *err)
{
	const PgQuery__InsertStmt *s = in->s;

	if (s->on_conflict_clause) {
		spk_binder_unsupported(in->b, s->on_conflict_clause->location, "ON CONFLICT", err);
		return spk_hint(err, "A sink with a PRIMARY KEY takes every row as an upsert.");
	}
	if (s->n_returning_list)
		return spk_binder_unsupported(in->b, spk_node_location(s->returning_list[0]), "RETURNING", err);
	if (!s->select_stmt || s->select_stmt->node_case != PG_QUERY__NODE__NODE_SELECT_STMT)
		return spk_binder_unsupported(in->b, s->relation->location, "INSERT ... DEFAULT VALUES", err);
	return SPK_OK;
}

spk_status spk_binder_insert(struct spk_binder *b, const PgQuery__InsertStmt *s, struct spk_logical **out, spk_error *err)
{
	struct insert in = { .b = b, .s = s };
	struct spk_cte *outer = b->cte;
	struct spk_sublinks sublinks = { 0 };
	struct spk_logical *query, *sink;
	bool rows;

	SPK_TRY(refuse_clauses(&in, err));
	in.query = s->select_stmt->select_stmt;
	SPK_TRY(find_target(&in, err));
	SPK_TRY(target_columns(&in, err));
	if (s->with_clause)
		SPK_TRY(spk_binder_push_with(b, s->with_clause, err));
	rows = in.query->n_values_lists && !in.query->n_sort_clause && !in.query->limit_count && !in.query->limit_offset && !in.query->with_clause;
	SPK_TRY(rows ? spk_binder_rows(b, in.query, &sublinks, &query, err) : spk_binder_query(b, in.query, true, &query, err));
	SPK_TRY(spk_binder_check_with(b, outer, err));
	b->cte = outer;
	SPK_TRY(check_count(&in, query, err));
	SPK_TRY(rows ? assign_rows(&in, query, err) : cast_columns(&in, &query, err));
	SPK_TRY(spk_values_attach(b, &sublinks, &query, err));
	SPK_TRY(add_defaults(&in, &query, err));
	sink = spk_logical_new(b->arena, SPK_LOGICAL_SINK, query->schema, &query, 1);
	SPK_TRY_PTR(sink, err);
	sink->table = in.table;
	sink->column = in.column;
	sink->position = spk_binder_at(b, s->relation->location);
	*out = sink;
	return SPK_OK;
}
