/* FROM: tables, views (bound anew from their text at every use), WITH queries (the same), subqueries. */
#include "planner/sql/bind.h"

#include <string.h>
#include <strings.h>

#include "planner/sql/rewrite.h"

enum { INLINED_MAX = 1000, NAMES_MAX = 256 };

/* --- scopes --- */

/* The range's columns under other names; the plan's own stay. */
static spk_status rename_columns(const struct spk_binder *b, const PgQuery__Alias *alias, int location, struct spk_range *r, spk_error *err)
{
	struct spk_schema *renamed = spk_schema_new(b->arena, r->schema->count);

	SPK_TRY_PTR(renamed, err);
	if ((int)alias->n_colnames > r->schema->count)
		return spk_binder_fail(b, location, SPK_BIND, err, "table \"%s\" has %d columns available but %zu columns specified", r->alias, r->schema->count, alias->n_colnames);
	for (int i = 0; i < r->schema->count; i++) {
		renamed->field[i] = r->schema->field[i];
		if (i < (int)alias->n_colnames)
			renamed->field[i].name = spk_node_string(alias->colnames[i]);
	}
	r->schema = renamed;
	return SPK_OK;
}

spk_status spk_binder_one_range(const struct spk_binder *b, struct spk_logical *plan, const char *name, const PgQuery__Alias *alias, int location, struct spk_scope *out, spk_error *err)
{
	struct spk_range *r = SPK_NEW(b->arena, struct spk_range);

	SPK_TRY_PTR(r, err);
	r->alias = alias && alias->aliasname && *alias->aliasname ? alias->aliasname : name;
	if (r->alias && strcmp(r->alias, SPK_MARK_SUBQUERY) == 0)
		r->alias = NULL;
	r->schema = plan->schema;
	*out = (struct spk_scope){ .plan = plan, .count = 1, .range = r };
	return alias && alias->n_colnames ? rename_columns(b, alias, location, r, err) : SPK_OK;
}

static spk_status count_inlined(const struct spk_binder *b, int location, const char *name, spk_error *err)
{
	if (++*b->inlined <= INLINED_MAX)
		return SPK_OK;
	spk_binder_fail(b, location, SPK_UNSUPPORTED, err, "the statement uses views and WITH queries more than %d times, \"%s\" being one too many", INLINED_MAX, name);
	return spk_hint(err, "A query that is named several times is computed that often; views that use views twice double it each time.");
}

/* --- WITH --- */

spk_status spk_binder_push_with(struct spk_binder *b, const PgQuery__WithClause *with, spk_error *err)
{
	const struct spk_cte *outer = b->cte;

	if (with->recursive)
		return spk_binder_unsupported(b, with->location, "WITH RECURSIVE", err);
	for (size_t i = 0; i < with->n_ctes; i++) {
		const PgQuery__CommonTableExpr *e = with->ctes[i]->common_table_expr;
		struct spk_cte *cte = SPK_NEW(b->arena, struct spk_cte);

		SPK_TRY_PTR(cte, err);
		if (e->ctequery->node_case != PG_QUERY__NODE__NODE_SELECT_STMT)
			return spk_binder_unsupported(b, e->location, "WITH over anything but a query", err);
		for (const struct spk_cte *c = b->cte; c && c != outer; c = c->next)
			if (strcmp(c->name, e->ctename) == 0)
				return spk_binder_fail(b, e->location, SPK_BIND, err, "WITH query name \"%s\" specified more than once", e->ctename);
		*cte = (struct spk_cte){ .name = e->ctename, .cte = e, .next = b->cte };
		b->cte = cte;
	}
	return SPK_OK;
}

static spk_status bind_cte(struct spk_binder *b, struct spk_cte *cte, struct spk_scope *out, spk_error *err)
{
	PgQuery__Alias names = PG_QUERY__ALIAS__INIT;
	struct spk_cte *here = b->cte;
	struct spk_logical *plan;
	spk_status status;

	SPK_TRY(count_inlined(b, cte->cte->location, cte->name, err));
	cte->used = true;
	b->cte = cte->next;
	status = spk_binder_query(b, cte->cte->ctequery->select_stmt, false, &plan, err);
	b->cte = here;
	SPK_TRY(status);
	names.n_colnames = cte->cte->n_aliascolnames;
	names.colnames = cte->cte->aliascolnames;
	return spk_binder_one_range(b, plan, cte->name, &names, cte->cte->location, out, err);
}

/* Queries that nobody used are bound all the same: their errors are errors. */
spk_status spk_binder_check_with(struct spk_binder *b, const struct spk_cte *until, spk_error *err)
{
	struct spk_scope unused;

	for (struct spk_cte *c = b->cte; c && c != until; c = c->next)
		if (!c->used)
			SPK_TRY(bind_cte(b, c, &unused, err));
	return SPK_OK;
}

static struct spk_cte *find_cte(const struct spk_binder *b, const char *name)
{
	for (int exact = 1; exact >= 0; exact--)
		for (struct spk_cte *c = b->cte; c; c = c->next)
			if ((exact ? strcmp(c->name, name) : strcasecmp(c->name, name)) == 0)
				return c;
	return NULL;
}

/* --- tables --- */

spk_status spk_binder_scan(const struct spk_binder *b, const struct spk_table *table, const char *alias, int location, struct spk_logical **out, spk_error *err)
{
	struct spk_schema *schema = spk_schema_new(b->arena, table->schema->count);
	struct spk_logical *l;

	SPK_TRY_PTR(schema, err);
	memcpy(schema->field, table->schema->field, sizeof *schema->field * (size_t)schema->count);
	l = spk_logical_new(b->arena, SPK_LOGICAL_SCAN, schema, NULL, 0);
	SPK_TRY_PTR(l, err);
	l->table = table;
	l->alias = alias;
	l->position = spk_binder_at(b, location);
	l->column = SPK_NEW_ARRAY(b->arena, int, schema->count);
	SPK_TRY_PTR(l->column, err);
	for (int i = 0; i < schema->count; i++)
		l->column[i] = i;
	*out = l;
	return SPK_OK;
}

/* --- views --- */

static spk_status check_recursion(const struct spk_binder *b, const char *name, int location, spk_error *err)
{
	for (const struct spk_inlining *i = b->inlining; i; i = i->outer)
		if (strcmp(i->name, name) == 0)
			return spk_binder_fail(b, location, SPK_BIND, err, "view \"%s\" refers to itself", name);
	return SPK_OK;
}

static spk_status bind_view(struct spk_binder *b, const struct spk_view_def *view, const PgQuery__RangeVar *v, struct spk_scope *out, spk_error *err)
{
	const struct spk_view_query *q = view->query;
	const struct spk_inlining inlining = { .name = view->name, .outer = b->inlining };
	struct spk_binder inner = *b;
	struct spk_logical *plan;
	struct spk_range *r;
	spk_status status;

	SPK_TRY(check_recursion(b, view->name, v->location, err));
	SPK_TRY(count_inlined(b, v->location, view->name, err));
	inner.cte = NULL;
	inner.inlining = &inlining;
	if (!b->pinned && q->source != b->source)
		inner.pinned = spk_binder_at(b, v->location);
	inner.source = q->source;
	status = spk_binder_query(&inner, q->select, false, &plan, err);
	if (status != SPK_OK) {  /* the view was fine when it was made: what is wrong now is that it is used */
		if (err)
			err->position = spk_binder_at(b, v->location);
		spk_error_context(err, "in view \"%s\"", view->name);
		return status;
	}
	SPK_TRY(spk_binder_one_range(b, plan, view->name, NULL, v->location, out, err));
	r = out->range;
	if (q->names) {
		struct spk_schema *renamed = spk_schema_new(b->arena, plan->schema->count);

		SPK_TRY_PTR(renamed, err);
		for (int i = 0; i < renamed->count; i++) {
			renamed->field[i] = plan->schema->field[i];
			if (i < q->names)
				renamed->field[i].name = q->name[i];
		}
		r->schema = renamed;
	}
	if (v->alias) {
		r->alias = v->alias->aliasname;
		return v->alias->n_colnames ? rename_columns(b, v->alias, v->location, r, err) : SPK_OK;
	}
	return SPK_OK;
}

/* --- by name --- */

static spk_status no_such_relation(const struct spk_binder *b, const PgQuery__RangeVar *v, spk_error *err)
{
	const char *names[NAMES_MAX];
	int count = spk_catalog_names(b->catalog, names, NAMES_MAX);

	for (const struct spk_cte *c = b->cte; c && count < NAMES_MAX; c = c->next)
		names[count++] = c->name;
	spk_binder_fail(b, v->location, SPK_BIND, err, "relation \"%s\" does not exist", v->relname);
	if (!count)
		return spk_hint(err, "No table is declared yet: CREATE TABLE %s (...) WITH ('connector' = ...).", v->relname);
	spk_binder_suggest(err, v->relname, names, count, "Tables and views");
	return SPK_BIND;
}

spk_status spk_binder_simple_name(const struct spk_binder *b, const PgQuery__RangeVar *v, const char **out, spk_error *err)
{
	if ((v->schemaname && *v->schemaname) || (v->catalogname && *v->catalogname)) {
		spk_binder_fail(b, v->location, SPK_UNSUPPORTED, err, "schemas are not supported: \"%s\" of schema \"%s\"", v->relname, v->schemaname);
		return spk_hint(err, "Quote the name if the dot is part of it: \"%s.%s\".", v->schemaname, v->relname);
	}
	*out = v->relname;
	return SPK_OK;
}

spk_status spk_binder_relation(struct spk_binder *b, const PgQuery__RangeVar *v, struct spk_scope *out, spk_error *err)
{
	const struct spk_view_def *view;
	const struct spk_table *table;
	struct spk_logical *plan;
	struct spk_cte *cte;
	const char *name;

	SPK_TRY(spk_binder_simple_name(b, v, &name, err));
	if ((cte = find_cte(b, name))) {
		SPK_TRY(bind_cte(b, cte, out, err));
		if (v->alias) {
			out->range->alias = v->alias->aliasname;
			return v->alias->n_colnames ? rename_columns(b, v->alias, v->location, out->range, err) : SPK_OK;
		}
		return SPK_OK;
	}
	if ((view = spk_catalog_view(b->catalog, name)))
		return bind_view(b, view, v, out, err);
	table = spk_catalog_table(b->catalog, name);
	if (!table)
		return no_such_relation(b, v, err);
	SPK_TRY(spk_binder_scan(b, table, v->alias ? v->alias->aliasname : table->name, v->location, &plan, err));
	return spk_binder_one_range(b, plan, table->name, v->alias, v->location, out, err);
}

/* --- FROM --- */

static spk_status bind_subquery(struct spk_binder *b, const PgQuery__RangeSubselect *s, struct spk_scope *out, spk_error *err)
{
	struct spk_logical *plan;

	if (s->lateral)
		return spk_binder_unsupported_word(b, spk_node_location(s->subquery), "LATERAL", "LATERAL", err);
	SPK_TRY(spk_binder_query(b, s->subquery->select_stmt, false, &plan, err));
	return spk_binder_one_range(b, plan, NULL, s->alias, spk_node_location(s->subquery), out, err);
}

/* No FROM: one row without columns. */
static spk_status bind_nothing(struct spk_binder *b, struct spk_scope *out, spk_error *err)
{
	struct spk_schema *schema = spk_schema_new(b->arena, 0);
	struct spk_logical *l;

	SPK_TRY_PTR(schema, err);
	l = spk_logical_new(b->arena, SPK_LOGICAL_VALUES, schema, NULL, 0);
	SPK_TRY_PTR(l, err);
	l->value_rows = 1;
	*out = (struct spk_scope){ .plan = l };
	return SPK_OK;
}

static const char *join_name(PgQuery__JoinType type)
{
	switch (type) {
	case PG_QUERY__JOIN_TYPE__JOIN_LEFT: return "LEFT JOIN";
	case PG_QUERY__JOIN_TYPE__JOIN_RIGHT: return "RIGHT JOIN";
	case PG_QUERY__JOIN_TYPE__JOIN_FULL: return "FULL JOIN";
	default: return "JOIN";
	}
}

spk_status spk_binder_from(struct spk_binder *b, PgQuery__Node *const *from, size_t count, struct spk_scope *out, spk_error *err)
{
	if (!count)
		return bind_nothing(b, out, err);
	if (count > 1)
		return spk_binder_unsupported(b, spk_node_location(from[1]), "a join (several tables in FROM)", err);
	switch (from[0]->node_case) {
	case PG_QUERY__NODE__NODE_RANGE_VAR: return spk_binder_relation(b, from[0]->range_var, out, err);
	case PG_QUERY__NODE__NODE_RANGE_SUBSELECT: return bind_subquery(b, from[0]->range_subselect, out, err);
	case PG_QUERY__NODE__NODE_RANGE_FUNCTION: return spk_binder_table_function(b, from[0]->range_function, out, err);
	case PG_QUERY__NODE__NODE_JOIN_EXPR: return spk_binder_unsupported_word(b, spk_node_location(from[0]), "JOIN", join_name(from[0]->join_expr->jointype), err);
	default: return spk_binder_unsupported(b, spk_node_location(from[0]), spk_node_what(from[0]), err);
	}
}
