/* FROM: tables, views (bound anew from their text at every use), subqueries. */
#include "planner/sql/bind.h"

#include <string.h>
#include <strings.h>

#include "planner/sql/rewrite.h"

enum { NAMES_MAX = 256 };

/* --- scopes --- */

spk_status spk_binder_rename(const struct spk_binder *b, const PgQuery__Alias *alias, const char *what, int location, struct spk_range *r, spk_error *err)
{
	struct spk_schema *renamed = spk_schema_new(b->arena, r->schema->count);

	SPK_TRY_PTR(renamed, err);
	if ((int)alias->n_colnames > r->schema->count)
		return spk_binder_fail(b, location, SPK_BIND, err, "%s \"%s\" has %d columns available but %zu columns specified", what, r->alias, r->schema->count, alias->n_colnames);
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
	return alias && alias->n_colnames ? spk_binder_rename(b, alias, "table", location, r, err) : SPK_OK;
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

/* A use of a materialized view, which nothing is pushed into: so all uses are the same. */
static spk_status share(const struct spk_binder *b, const struct spk_view_def *view, struct spk_logical **plan, spk_error *err)
{
	struct spk_logical *l = spk_logical_new(b->arena, SPK_LOGICAL_SHARED, (*plan)->schema, plan, 1);

	SPK_TRY_PTR(l, err);
	l->number = ++*b->dependents;
	l->alias = view->name;
	*plan = l;
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

	if (view->plan) {
		SPK_TRY_PTR(plan = spk_logical_copy_tree(b->arena, view->plan), err);
		return spk_binder_one_range(b, plan, view->name, v->alias, v->location, out, err);
	}
	SPK_TRY(check_recursion(b, view->name, v->location, err));
	SPK_TRY(spk_binder_count_inlined(b, v->location, view->name, err));
	inner.cte = inner.recursing = NULL;
	inner.barrier = NULL;
	inner.outer = inner.query = NULL;
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
	if (view->materialized)
		SPK_TRY(share(b, view, &plan, err));
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
		return v->alias->n_colnames ? spk_binder_rename(b, v->alias, "table", v->location, r, err) : SPK_OK;
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

/* PostgreSQL's schema, and the catalog and database that Flink's sessions begin with. */
static bool is_only_schema(const char *catalog, const char *schema)
{
	const bool flink = schema && strcmp(schema, "default_database") == 0;

	if (catalog && *catalog)
		return flink && strcmp(catalog, "default_catalog") == 0;
	return !schema || !*schema || strcmp(schema, "public") == 0 || flink;
}

spk_status spk_binder_simple_name(const struct spk_binder *b, const PgQuery__RangeVar *v, const char **out, spk_error *err)
{
	*out = v->relname;
	if (is_only_schema(v->catalogname, v->schemaname))
		return SPK_OK;
	if (v->catalogname && *v->catalogname)
		return spk_binder_fail(b, v->location, SPK_BIND, err, "cross-database references are not implemented: \"%s.%s.%s\"", v->catalogname, v->schemaname, v->relname);
	spk_binder_fail(b, v->location, SPK_BIND, err, "relation \"%s.%s\" does not exist", v->schemaname, v->relname);
	return spk_hint(err, "There is one schema, public. Quote the name if the dot is part of it: \"%s.%s\".", v->schemaname, v->relname);
}

spk_status spk_binder_relation(struct spk_binder *b, const PgQuery__RangeVar *v, struct spk_scope *out, spk_error *err)
{
	const struct spk_view_def *view;
	const struct spk_table *table;
	struct spk_logical *plan;
	struct spk_cte *cte;
	const char *name;

	SPK_TRY(spk_binder_simple_name(b, v, &name, err));
	if ((cte = spk_binder_find_cte(b, name))) {
		SPK_TRY(cte->state == SPK_CTE_IDLE ? spk_binder_cte(b, cte, out, err) : spk_binder_self_reference(b, cte, v, out, err));
		if (v->alias) {
			out->range->alias = v->alias->aliasname;
			return v->alias->n_colnames ? spk_binder_rename(b, v->alias, "table", v->location, out->range, err) : SPK_OK;
		}
		return SPK_OK;
	}
	if ((view = spk_catalog_view(b->catalog, name)))
		return bind_view(b, view, v, out, err);
	table = spk_catalog_table(b->catalog, name);
	if (!table)
		return no_such_relation(b, v, err);
	if (table->memory) {
		SPK_TRY(spk_binder_memory_rows(b, table, v->location, &plan, err));
		return spk_binder_one_range(b, plan, table->name, v->alias, v->location, out, err);
	}
	SPK_TRY(spk_binder_scan(b, table, v->alias ? v->alias->aliasname : table->name, v->location, &plan, err));
	SPK_TRY(spk_binder_one_range(b, plan, table->name, v->alias, v->location, out, err));
	out->range->table = v->alias ? table->name : NULL;
	out->range->key_count = table->key_count;
	out->range->key = table->key;
	return SPK_OK;
}

/* --- FROM --- */

/* What stands to the left in FROM is seen by LATERAL only; others are told that it is there. */
static void hide_left(struct spk_binder *b, bool hidden)
{
	for (struct spk_outer *o = b->outer; o != b->query; o = o->next)
		o->hidden = hidden;
}

static spk_status bind_subquery(struct spk_binder *b, const PgQuery__RangeSubselect *s, struct spk_scope *out, spk_error *err)
{
	struct spk_logical *plan;
	spk_status status;

	hide_left(b, !s->lateral);
	status = spk_binder_query(b, s->subquery->select_stmt, false, &plan, err);
	hide_left(b, true);
	SPK_TRY(status);
	return spk_binder_one_range(b, plan, NULL, s->alias, spk_node_location(s->subquery), out, err);
}

static spk_status bind_function(struct spk_binder *b, const PgQuery__RangeFunction *f, struct spk_scope *out, spk_error *err)
{
	spk_status status;

	hide_left(b, false);
	status = spk_binder_table_function(b, f, out, err);
	hide_left(b, true);
	return status;
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

spk_status spk_binder_from_item(struct spk_binder *b, const PgQuery__Node *n, struct spk_scope *out, spk_error *err)
{
	hide_left(b, true);
	switch (n->node_case) {
	case PG_QUERY__NODE__NODE_RANGE_VAR:
		SPK_TRY(spk_binder_relation(b, n->range_var, out, err));
		return spk_binder_show_bounds(b, out, err);
	case PG_QUERY__NODE__NODE_RANGE_SUBSELECT:
		SPK_TRY(bind_subquery(b, n->range_subselect, out, err));
		return spk_binder_show_bounds(b, out, err);
	case PG_QUERY__NODE__NODE_RANGE_FUNCTION: return bind_function(b, n->range_function, out, err);
	case PG_QUERY__NODE__NODE_JOIN_EXPR: return spk_binder_join(b, n->join_expr, out, err);
	case PG_QUERY__NODE__NODE_RANGE_TABLE_SAMPLE: return spk_binder_sample(b, n->range_table_sample, out, err);
	default: return spk_binder_unsupported(b, spk_node_location(n), spk_node_what(n), err);
	}
}

spk_status spk_binder_from(struct spk_binder *b, PgQuery__Node *const *from, size_t count, struct spk_scope *out, spk_error *err)
{
	if (!count)
		return bind_nothing(b, out, err);
	SPK_TRY(spk_binder_from_item(b, from[0], out, err));
	for (size_t i = 1; i < count; i++)
		SPK_TRY(spk_binder_cross(b, out, from[i], err));
	return SPK_OK;
}
