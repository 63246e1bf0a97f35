/* ORDER BY, DISTINCT, LIMIT and OFFSET. */
#include "planner/sql/bind.h"

#include <string.h>

static bool sort_key(const struct spk_binder *b, const PgQuery__SortBy *s, struct spk_sort_key *k, spk_status *status, spk_error *err)
{
	k->descending = s->sortby_dir == PG_QUERY__SORT_BY_DIR__SORTBY_DESC;
	k->nulls_first = s->sortby_nulls == PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_FIRST || (s->sortby_nulls != PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_LAST && k->descending);
	if (s->sortby_dir != PG_QUERY__SORT_BY_DIR__SORTBY_USING)
		return true;
	*status = spk_binder_unsupported(b, spk_node_location(s->node), "ORDER BY ... USING", err);
	return false;
}

/* Index of an output (hidden ones too) that is this expression; adds a hidden one when there is none. */
static spk_status target_of(struct spk_query *q, struct spk_expr *e, int location, int *out, spk_error *err)
{
	for (*out = 0; *out < q->targets; ++*out)
		if (spk_expr_same(q->target[*out].expr, e))
			return SPK_OK;
	if (q->select->n_distinct_clause) {
		spk_binder_fail(q->b, location, SPK_BIND, err, "for SELECT DISTINCT, ORDER BY expressions must appear in select list");
		return SPK_BIND;
	}
	return spk_query_add_target(q, e, "?order?", spk_binder_at(q->b, location), err);
}

spk_status spk_query_bind_order(struct spk_query *q, spk_error *err)
{
	const PgQuery__SelectStmt *s = q->select;
	struct spk_exprs x = { .b = q->b, .scope = &q->scope, .aggregates = &q->aggregates, .clause = "ORDER BY" };
	spk_status status = SPK_OK;

	if (!s->n_sort_clause)
		return SPK_OK;
	q->sort = SPK_NEW_ARRAY(q->b->arena, struct spk_sort_key, s->n_sort_clause);
	SPK_TRY_PTR(q->sort, err);
	q->sort_position = spk_binder_at(q->b, spk_node_location(s->sort_clause[0]));
	for (size_t i = 0; i < s->n_sort_clause; i++) {
		const PgQuery__SortBy *by = s->sort_clause[i]->sort_by;
		struct spk_field field = { 0 };
		struct spk_expr *e;
		int target;

		if (!sort_key(q->b, by, &q->sort[i], &status, err))
			return status;
		SPK_TRY(spk_query_find_target(q, by->node, "ORDER BY", false, &target, err));
		if (target < 0) {
			SPK_TRY(spk_binder_expr(&x, by->node, &e, err));
			SPK_TRY(spk_binder_known(q->b, &e, err));
			SPK_TRY(target_of(q, e, spk_node_location(by->node), &target, err));
		}
		field = (struct spk_field){ q->target[target].name, q->target[target].expr->type, q->target[target].expr->nullable };
		q->sort[i].expr = spk_expr_column(q->b->arena, target, &field);
		SPK_TRY_PTR(q->sort[i].expr, err);
		q->sort[i].expr->position = spk_binder_at(q->b, spk_node_location(by->node));
		q->sorts++;
	}
	return SPK_OK;
}

spk_status spk_binder_distinct(const struct spk_binder *b, struct spk_logical **plan, int position, spk_error *err)
{
	const struct spk_schema *schema = (*plan)->schema;
	struct spk_logical *l = spk_logical_new(b->arena, SPK_LOGICAL_AGGREGATE, schema, plan, 1);

	SPK_TRY_PTR(l, err);
	l->expr_count = schema->count;
	l->expr = SPK_NEW_ARRAY(b->arena, struct spk_expr *, schema->count);
	SPK_TRY_PTR(l->expr, err);
	for (int i = 0; i < schema->count; i++)
		SPK_TRY_PTR(l->expr[i] = spk_expr_column(b->arena, i, &schema->field[i]), err);
	if (position)
		l->position = position;
	*plan = l;
	return SPK_OK;
}

/* --- LIMIT --- */

static spk_status bind_count(struct spk_binder *b, const PgQuery__Node *n, const char *clause, int64_t none, int64_t *out, spk_error *err)
{
	struct spk_exprs x = { .b = b, .clause = clause };
	struct spk_value v;

	*out = none;
	if (!n)
		return SPK_OK;
	SPK_TRY(spk_binder_constant(&x, n, spk_type(SPK_TYPE_BIGINT), &v, err));
	if (v.null)
		return SPK_OK;
	if (v.i64 < 0)
		return spk_binder_fail(b, spk_node_location(n), SPK_BIND, err, "%s must not be negative", clause);
	*out = v.i64;
	return SPK_OK;
}

static spk_status add_limit(struct spk_binder *b, const PgQuery__SelectStmt *s, struct spk_logical **plan, spk_error *err)
{
	int64_t limit, offset;
	struct spk_logical *l;

	if (s->limit_option == PG_QUERY__LIMIT_OPTION__LIMIT_OPTION_WITH_TIES)
		return spk_binder_unsupported(b, spk_node_location(s->limit_count), "FETCH FIRST ... WITH TIES", err);
	SPK_TRY(bind_count(b, s->limit_count, "LIMIT", -1, &limit, err));
	SPK_TRY(bind_count(b, s->limit_offset, "OFFSET", 0, &offset, err));
	if (limit < 0 && !offset)
		return SPK_OK;
	l = spk_logical_new(b->arena, SPK_LOGICAL_LIMIT, (*plan)->schema, plan, 1);
	SPK_TRY_PTR(l, err);
	l->limit = limit;
	l->offset = offset;
	l->position = spk_binder_at(b, spk_node_location(s->limit_count ? s->limit_count : s->limit_offset));
	*plan = l;
	return SPK_OK;
}

static spk_status add_sort(const struct spk_binder *b, struct spk_sort_key *key, int count, int position, struct spk_logical **plan, spk_error *err)
{
	struct spk_logical *l;

	if (!count)
		return SPK_OK;
	l = spk_logical_new(b->arena, SPK_LOGICAL_SORT, (*plan)->schema, plan, 1);
	SPK_TRY_PTR(l, err);
	l->sort = key;
	l->sort_count = count;
	l->position = position;
	*plan = l;
	return SPK_OK;
}

static spk_status drop_hidden(struct spk_query *q, struct spk_logical **plan, spk_error *err)
{
	struct spk_schema *schema;
	struct spk_expr **expr;
	struct spk_logical *l;

	if (q->targets == q->visible)
		return SPK_OK;
	schema = spk_schema_new(q->b->arena, q->visible);
	expr = SPK_NEW_ARRAY(q->b->arena, struct spk_expr *, q->visible);
	SPK_TRY_PTR(schema, err);
	SPK_TRY_PTR(expr, err);
	for (int i = 0; i < q->visible; i++) {
		schema->field[i] = (*plan)->schema->field[i];
		SPK_TRY_PTR(expr[i] = spk_expr_column(q->b->arena, i, &schema->field[i]), err);
	}
	l = spk_binder_project(q->b, *plan, expr, schema);
	SPK_TRY_PTR(l, err);
	*plan = l;
	return SPK_OK;
}

spk_status spk_query_finish(struct spk_query *q, struct spk_logical **plan, spk_error *err)
{
	if (q->select->n_distinct_clause)
		SPK_TRY(spk_binder_distinct(q->b, plan, 0, err));
	SPK_TRY(add_sort(q->b, q->sort, q->sorts, q->sort_position, plan, err));
	SPK_TRY(add_limit(q->b, q->select, plan, err));
	return drop_hidden(q, plan, err);
}

spk_status spk_binder_order_output(struct spk_binder *b, const PgQuery__SelectStmt *s, struct spk_logical **plan, spk_error *err)
{
	const struct spk_schema *schema = (*plan)->schema;
	struct spk_sort_key *key = SPK_NEW_ARRAY(b->arena, struct spk_sort_key, s->n_sort_clause + 1);
	struct spk_query q = { .b = b, .select = s };
	spk_status status = SPK_OK;

	SPK_TRY_PTR(key, err);
	for (int i = 0; i < schema->count; i++) {
		struct spk_expr *e = spk_expr_column(b->arena, i, &schema->field[i]);

		SPK_TRY_PTR(e, err);
		SPK_TRY(spk_query_add_target(&q, e, schema->field[i].name, 0, err));
	}
	q.visible = q.targets;
	for (size_t i = 0; i < s->n_sort_clause; i++) {
		const PgQuery__SortBy *by = s->sort_clause[i]->sort_by;
		int target;

		if (!sort_key(b, by, &key[i], &status, err))
			return status;
		SPK_TRY(spk_query_find_target(&q, by->node, "ORDER BY", false, &target, err));
		if (target < 0) {
			spk_binder_fail(b, spk_node_location(by->node), SPK_BIND, err, "ORDER BY of a UNION or of VALUES can only name output columns");
			return spk_hint(err, "Put the query into FROM and order what comes out.");
		}
		key[i].expr = q.target[target].expr;
	}
	SPK_TRY(add_sort(b, key, (int)s->n_sort_clause, s->n_sort_clause ? spk_binder_at(b, spk_node_location(s->sort_clause[0])) : 0, plan, err));
	return add_limit(b, s, plan, err);
}
