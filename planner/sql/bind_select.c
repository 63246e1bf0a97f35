/*
 * SELECT. Clauses are bound in the order in which they see each other's names: FROM, WHERE, the output columns, GROUP BY (which
 * may name outputs), HAVING, ORDER BY (which may add hidden outputs). Then the nodes are stacked:
 *
 *   FROM -> FILTER (WHERE) -> WINDOW (GROUP BY tumble(...)) -> AGGREGATE -> FILTER (HAVING) -> OVER -> FILTER (QUALIFY) -> PROJECT -> AGGREGATE (DISTINCT) -> SORT -> LIMIT
 *   -> PROJECT (drops hidden)
 */
#include "planner/sql/bind.h"

#include <string.h>

struct spk_schema *spk_schema_new(struct spk_arena *arena, int columns)
{
	struct spk_schema *s = SPK_NEW(arena, struct spk_schema);

	if (!s)
		return NULL;
	s->count = columns;
	s->field = SPK_NEW_ARRAY(arena, struct spk_field, SPK_MAX(columns, 1));
	return s->field ? s : NULL;
}

struct spk_logical *spk_binder_project(const struct spk_binder *b, struct spk_logical *input, struct spk_expr **expr, const struct spk_schema *schema)
{
	struct spk_logical *l = spk_logical_new(b->arena, SPK_LOGICAL_PROJECT, schema, &input, 1);

	if (!l)
		return NULL;
	l->expr = expr;
	l->expr_count = schema->count;
	if (schema->count && expr[0]->position)
		l->position = expr[0]->position;
	return l;
}

spk_status spk_binder_first_columns(const struct spk_binder *b, const struct spk_schema *schema, struct spk_logical **plan, spk_error *err)
{
	struct spk_expr **expr;

	if ((*plan)->schema->count == schema->count)
		return SPK_OK;
	expr = SPK_NEW_ARRAY(b->arena, struct spk_expr *, schema->count + 1);
	SPK_TRY_PTR(expr, err);
	for (int i = 0; i < schema->count; i++)
		SPK_TRY_PTR(expr[i] = spk_expr_column(b->arena, i, &schema->field[i]), err);
	SPK_TRY_PTR(*plan = spk_binder_project(b, *plan, expr, schema), err);
	return SPK_OK;
}

spk_status spk_query_add_target(struct spk_query *q, struct spk_expr *e, const char *name, int position, spk_error *err)
{
	if (q->targets == q->capacity) {
		int capacity = q->capacity ? q->capacity * 2 : 16;
		struct spk_target *grown = SPK_NEW_ARRAY(q->b->arena, struct spk_target, capacity);

		SPK_TRY_PTR(grown, err);
		if (q->targets)
			memcpy(grown, q->target, sizeof *grown * (size_t)q->targets);
		q->target = grown;
		q->capacity = capacity;
	}
	q->target[q->targets++] = (struct spk_target){ e, name, position };
	return SPK_OK;
}

/* --- output columns --- */

static spk_status add_star(struct spk_query *q, struct spk_exprs *x, const PgQuery__Node *n, spk_error *err)
{
	struct spk_expr **column;
	int count;

	SPK_TRY(spk_binder_star(x, n, &column, &count, err));
	for (int i = 0; i < count; i++)
		SPK_TRY(spk_query_add_target(q, column[i], column[i]->name, column[i]->position, err));
	return SPK_OK;
}

static spk_status bind_targets(struct spk_query *q, bool keep_unknown, struct spk_logical **plan, spk_error *err)
{
	struct spk_exprs x = { .b = q->b, .scope = &q->scope, .aggregates = &q->aggregates, .overs = &q->overs, .sets_ok = true, .clause = "SELECT" };

	for (size_t i = 0; i < q->select->n_target_list; i++) {
		const PgQuery__ResTarget *t = q->select->target_list[i]->res_target;
		struct spk_expr *e;

		if (spk_is_star(t->val)) {
			SPK_TRY(add_star(q, &x, t->val, err));
			continue;
		}
		SPK_TRY(spk_binder_expr(&x, t->val, &e, err));
		if (!keep_unknown)
			SPK_TRY(spk_binder_known(q->b, &e, err));
		SPK_TRY(spk_query_add_target(q, e, t->name && *t->name ? t->name : spk_target_name(t->val, e), spk_binder_at(q->b, t->location), err));
	}
	q->visible = q->targets;
	return spk_query_search(q, plan, err);
}

/* --- what is not built --- */

static spk_status refuse_clauses(struct spk_binder *b, const PgQuery__SelectStmt *s, spk_error *err)
{
	if (s->into_clause)
		return spk_binder_unsupported(b, s->into_clause->rel ? s->into_clause->rel->location : -1, "SELECT INTO within a query", err);
	return SPK_OK;
}

/* --- nodes --- */

static spk_status project_targets(struct spk_query *q, struct spk_logical **plan, spk_error *err)
{
	struct spk_schema *schema = spk_schema_new(q->b->arena, q->targets);
	struct spk_expr **expr = SPK_NEW_ARRAY(q->b->arena, struct spk_expr *, q->targets);
	struct spk_logical *l;

	SPK_TRY_PTR(schema, err);
	SPK_TRY_PTR(expr, err);
	for (int i = 0; i < q->targets; i++) {
		expr[i] = q->target[i].expr;
		schema->field[i] = (struct spk_field){ q->target[i].name, expr[i]->type, expr[i]->nullable };
	}
	l = spk_binder_project(q->b, *plan, expr, schema);
	SPK_TRY_PTR(l, err);
	*plan = l;
	return SPK_OK;
}

static spk_status bind_qualify(struct spk_query *q, spk_error *err)
{
	struct spk_exprs x = { .b = q->b, .scope = &q->scope, .aggregates = &q->aggregates, .overs = &q->overs, .clause = "QUALIFY" };
	const PgQuery__Node *n = spk_query_qualify(q->select);

	return n ? spk_binder_condition(&x, n, &q->qualify, err) : SPK_OK;
}

spk_status spk_binder_select(struct spk_binder *b, const PgQuery__SelectStmt *s, bool keep_unknown, struct spk_logical **out, spk_error *err)
{
	struct spk_query q = { .b = b, .select = s };
	struct spk_exprs x = { .b = b, .scope = &q.scope, .clause = "WHERE" };
	struct spk_expr *where;
	struct spk_logical *plan;

	SPK_TRY(refuse_clauses(b, s, err));
	b->sublinks = NULL;
	SPK_TRY(spk_binder_hints(b, s, &b->hint, err));
	SPK_TRY(spk_binder_from(b, s->from_clause, s->n_from_clause, &q.scope, err));
	plan = q.scope.plan;
	q.overs.select = s;
	b->sublinks = &q.sublinks;
	if (s->where_clause) {
		SPK_TRY(spk_binder_condition(&x, s->where_clause, &where, err));
		SPK_TRY(spk_binder_join_windows(b, plan, &where, err));
		SPK_TRY(spk_sublinks_filter(b, &q.sublinks, &plan, where, err));
	}
	SPK_TRY(spk_query_group_window(&q, &plan, err));
	SPK_TRY(bind_targets(&q, keep_unknown && !s->n_distinct_clause && !s->n_sort_clause && !s->n_group_clause, &plan, err));
	SPK_TRY(spk_query_bind_groups(&q, err));
	SPK_TRY(spk_query_session_keys(&q, err));
	if (s->having_clause) {
		struct spk_exprs h = { .b = b, .scope = &q.scope, .aggregates = &q.aggregates, .clause = "HAVING" };

		SPK_TRY(spk_binder_condition(&h, s->having_clause, &q.having, err));
	}
	SPK_TRY(bind_qualify(&q, err));
	SPK_TRY(spk_query_bind_distinct_on(&q, err));
	SPK_TRY(spk_query_bind_order(&q, err));
	SPK_TRY(spk_query_check_windows(&q, err));
	SPK_TRY(spk_binder_check_recursive(b, s, &q.aggregates, err));
	SPK_TRY(spk_binder_locking(b, s, &q, err));
	SPK_TRY(spk_query_aggregate(&q, &plan, err));
	SPK_TRY(spk_query_attach_targets(&q, SPK_ATTACH_EARLY, &plan, err));
	SPK_TRY(spk_query_windows(&q, &plan, err));
	SPK_TRY(spk_query_sets(&q, &plan, err));
	SPK_TRY(project_targets(&q, &plan, err));
	SPK_TRY(spk_query_finish(&q, &plan, err));
	*out = plan;
	return SPK_OK;
}

/* --- any query --- */

static spk_status bind_query(struct spk_binder *b, const PgQuery__SelectStmt *s, bool keep_unknown, struct spk_logical **out, spk_error *err)
{
	if (s->op != PG_QUERY__SET_OPERATION__SETOP_NONE || s->n_values_lists)
		SPK_TRY(spk_binder_locking(b, s, NULL, err));
	if (s->op != PG_QUERY__SET_OPERATION__SETOP_NONE)
		return spk_binder_set_operation(b, s, out, err);
	if (s->n_values_lists)
		return spk_binder_values(b, s, keep_unknown, out, err);
	return spk_binder_select(b, s, keep_unknown, out, err);
}

spk_status spk_binder_query(struct spk_binder *b, const PgQuery__SelectStmt *s, bool keep_unknown, struct spk_logical **out, spk_error *err)
{
	struct spk_cte *outer = b->cte;
	struct spk_outer *query = b->query;
	struct spk_sublinks *sublinks = b->sublinks;
	const PgQuery__SelectStmt *selecting = b->selecting;
	const struct spk_hint *hint = b->hint;
	spk_status status;

	b->selecting = s;
	b->hint = NULL;
	b->query = b->outer;
	if (s->with_clause)
		SPK_TRY(spk_binder_push_with(b, s->with_clause, err));
	status = bind_query(b, s, keep_unknown, out, err);
	if (status == SPK_OK)
		status = spk_binder_check_with(b, outer, err);
	b->cte = outer;
	b->query = query;
	b->sublinks = sublinks;
	b->selecting = selecting;
	b->hint = hint;
	return status;
}
