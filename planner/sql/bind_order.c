/* ORDER BY and DISTINCT. */
#include "planner/sql/bind.h"

#include <string.h>

spk_status spk_binder_sort_key(const struct spk_binder *b, const PgQuery__SortBy *s, struct spk_sort_key *k, spk_error *err)
{
	const char *name = s->n_use_op ? spk_node_string(s->use_op[s->n_use_op - 1]) : "";

	k->descending = s->sortby_dir == PG_QUERY__SORT_BY_DIR__SORTBY_DESC || strcmp(name, ">") == 0 || strcmp(name, "~>~") == 0;
	k->nulls_first = s->sortby_nulls == PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_FIRST || (s->sortby_nulls != PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_LAST && k->descending);
	if (s->sortby_dir != PG_QUERY__SORT_BY_DIR__SORTBY_USING)
		return SPK_OK;
	if (k->descending || strcmp(name, "<") == 0 || strcmp(name, "~<~") == 0)
		return SPK_OK;
	spk_binder_fail(b, spk_node_location(s->node), SPK_BIND, err, "operator %s is not a valid ordering operator", name);
	return spk_hint(err, "Ordering operators must be \"<\" or \">\" members of btree operator families.");
}

static bool is_distinct_on(const PgQuery__SelectStmt *s)
{
	return s->n_distinct_clause && s->distinct_clause[0] && s->distinct_clause[0]->node_case != PG_QUERY__NODE__NODE__NOT_SET;
}

/* Index of an output (hidden ones too) that is this expression; adds a hidden one when there is none. */
static spk_status target_of(struct spk_query *q, struct spk_expr *e, int location, int *out, spk_error *err)
{
	for (*out = 0; *out < q->targets; ++*out)
		if (spk_query_same(q, q->target[*out].expr, e))
			return SPK_OK;
	if (q->select->n_distinct_clause && !is_distinct_on(q->select)) {
		spk_binder_fail(q->b, location, SPK_BIND, err, "for SELECT DISTINCT, ORDER BY expressions must appear in select list");
		return SPK_BIND;
	}
	return spk_query_add_target(q, e, "?order?", spk_binder_at(q->b, location), err);
}

spk_status spk_query_bind_order(struct spk_query *q, spk_error *err)
{
	const PgQuery__SelectStmt *s = q->select;
	struct spk_exprs x = { .b = q->b, .scope = &q->scope, .aggregates = &q->aggregates, .overs = &q->overs, .sets_ok = true, .clause = "ORDER BY" };

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

		SPK_TRY(spk_binder_sort_key(q->b, by, &q->sort[i], err));
		SPK_TRY(spk_query_find_target(q, by->node, "ORDER BY", false, &target, err));
		if (target < 0) {
			SPK_TRY(spk_binder_expr(&x, by->node, &e, err));
			SPK_TRY(spk_binder_known(q->b, &e, err));
			SPK_TRY(target_of(q, e, spk_node_location(by->node), &target, err));
		}
		SPK_TRY(spk_binder_comparable(q->b, q->target[target].expr->type, true, spk_node_location(by->node), err));
		field = (struct spk_field){ q->target[target].name, q->target[target].expr->type, q->target[target].expr->nullable };
		q->sort[i].expr = spk_expr_column(q->b->arena, target, &field);
		SPK_TRY_PTR(q->sort[i].expr, err);
		q->sort[i].expr->position = spk_binder_at(q->b, spk_node_location(by->node));
		q->sorts++;
	}
	return SPK_OK;
}

spk_status spk_query_bind_distinct_on(struct spk_query *q, spk_error *err)
{
	const PgQuery__SelectStmt *s = q->select;
	struct spk_exprs x = { .b = q->b, .scope = &q->scope, .aggregates = &q->aggregates, .overs = &q->overs, .sets_ok = true, .clause = "DISTINCT ON" };

	if (!is_distinct_on(s))
		return SPK_OK;
	q->on = SPK_NEW_ARRAY(q->b->arena, int, s->n_distinct_clause);
	SPK_TRY_PTR(q->on, err);
	for (size_t i = 0; i < s->n_distinct_clause; i++) {
		const PgQuery__Node *n = s->distinct_clause[i];
		struct spk_expr *e;

		SPK_TRY(spk_query_find_target(q, n, "DISTINCT ON", false, &q->on[i], err));
		if (q->on[i] < 0) {
			SPK_TRY(spk_binder_expr(&x, n, &e, err));
			SPK_TRY(spk_binder_known(q->b, &e, err));
			SPK_TRY(target_of(q, e, spk_node_location(n), &q->on[i], err));
		}
		SPK_TRY(spk_binder_comparable(q->b, q->target[q->on[i]].expr->type, false, spk_node_location(n), err));
		q->ons++;
	}
	return SPK_OK;
}

static bool is_on(const struct spk_query *q, int target)
{
	for (int i = 0; i < q->ons; i++)
		if (q->on[i] == target || spk_query_same(q, q->target[q->on[i]].expr, q->target[target].expr))
			return true;
	return false;
}

/* The first sort keys must be the expressions of ON, in any order: otherwise which row is first would mean nothing. */
static spk_status check_on(const struct spk_query *q, spk_error *err)
{
	for (int i = 0, left = q->ons; i < q->sorts && left > 0; i++, left--)
		if (!is_on(q, q->sort[i].expr->column))
			return spk_binder_fail(q->b, spk_node_location(q->select->distinct_clause[0]), SPK_BIND, err, "SELECT DISTINCT ON expressions must match initial ORDER BY expressions");
	return SPK_OK;
}

/* The first row of each group of ON, by ORDER BY: row_number() = 1. */
static spk_status distinct_on(struct spk_query *q, struct spk_logical **plan, spk_error *err)
{
	const struct spk_schema *in = (*plan)->schema;
	struct spk_schema *schema = spk_schema_new(q->b->arena, in->count + 1);
	struct spk_expr *is_first[2], *condition;
	struct spk_logical *l;

	SPK_TRY(check_on(q, err));
	SPK_TRY_PTR(schema, err);
	memcpy(schema->field, in->field, sizeof *in->field * (size_t)in->count);
	schema->field[in->count] = (struct spk_field){ "row_number", spk_type(SPK_TYPE_BIGINT), false };
	l = spk_logical_new(q->b->arena, SPK_LOGICAL_OVER, schema, plan, 1);
	SPK_TRY_PTR(l, err);
	l->calls = 1;
	l->call = SPK_NEW(q->b->arena, struct spk_window_call);
	l->expr = SPK_NEW_ARRAY(q->b->arena, struct spk_expr *, q->ons);
	SPK_TRY_PTR(l->call, err);
	SPK_TRY_PTR(l->expr, err);
	*l->call = (struct spk_window_call){ .function = SPK_WINDOW_FUNCTION_ROW_NUMBER, .type = spk_type(SPK_TYPE_BIGINT), .name = "row_number", .frame = { .end = SPK_FRAME_CURRENT } };
	for (int i = 0; i < q->ons; i++)
		SPK_TRY_PTR(l->expr[l->expr_count++] = spk_expr_column(q->b->arena, q->on[i], &in->field[q->on[i]]), err);
	l->sort = q->sort;
	l->sort_count = q->sorts;
	*plan = l;
	is_first[0] = spk_expr_column(q->b->arena, in->count, &schema->field[in->count]);
	is_first[1] = spk_expr_literal(q->b->arena, (struct spk_value){ .type = spk_type(SPK_TYPE_BIGINT), .i64 = 1 });
	SPK_TRY_PTR(is_first[0], err);
	SPK_TRY_PTR(is_first[1], err);
	SPK_TRY(spk_expr_call(q->b->arena, "=", is_first, 2, 0, &condition, err));
	l = spk_logical_new(q->b->arena, SPK_LOGICAL_FILTER, schema, plan, 1);
	SPK_TRY_PTR(l, err);
	l->filter = condition;
	*plan = l;
	return SPK_OK;
}

spk_status spk_binder_show_keys(const struct spk_binder *b, struct spk_logical **aggregate, spk_error *err)
{
	struct spk_logical *l = *aggregate;
	const struct spk_schema *schema = l->schema;
	struct spk_schema *wide = spk_schema_new(b->arena, schema->count + l->expr_count);
	struct spk_aggregate_call *call = SPK_NEW_ARRAY(b->arena, struct spk_aggregate_call, l->aggregate_count + l->expr_count + 1);
	struct spk_expr **expr = SPK_NEW_ARRAY(b->arena, struct spk_expr *, schema->count + 1);
	int n = schema->count;

	SPK_TRY_PTR(wide && call && expr, err);
	for (int i = 0; i < n; i++)
		wide->field[i] = schema->field[i];
	for (int i = 0; i < l->aggregate_count; i++)
		call[i] = l->aggregate[i];
	for (int i = 0; i < schema->count; i++) {
		const bool shown = i < l->expr_count && spk_loses_scale(schema->field[i].type);

		if (shown) {
			SPK_TRY(spk_binder_any_value(b, l->expr[i], &call[l->aggregate_count + n - schema->count], err));
			wide->field[n] = schema->field[i];
		}
		SPK_TRY_PTR(expr[i] = spk_expr_column(b->arena, shown ? n++ : i, &schema->field[i]), err);
	}
	if (n == schema->count)
		return SPK_OK;
	l->aggregate = call;
	l->aggregate_count += n - schema->count;
	wide->count = n;
	l->schema = wide;
	SPK_TRY_PTR(*aggregate = spk_binder_project(b, l, expr, schema), err);
	(*aggregate)->position = l->position;
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
	return spk_binder_show_keys(b, plan, err);
}

spk_status spk_binder_sort(const struct spk_binder *b, struct spk_sort_key *key, int count, int position, struct spk_logical **plan, spk_error *err)
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

	if ((*plan)->schema->count == q->visible)
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

static spk_status distinct(struct spk_query *q, struct spk_logical **plan, spk_error *err)
{
	for (int i = 0; i < q->visible; i++) {
		const spk_status status = spk_binder_comparable(q->b, q->target[i].expr->type, false, -1, err);

		if (status != SPK_OK && err)
			err->position = q->target[i].position;
		SPK_TRY(status);
	}
	return spk_binder_distinct(q->b, plan, 0, err);
}

spk_status spk_query_finish(struct spk_query *q, struct spk_logical **plan, spk_error *err)
{
	if (q->ons)
		SPK_TRY(distinct_on(q, plan, err));
	else if (q->select->n_distinct_clause)
		SPK_TRY(distinct(q, plan, err));
	SPK_TRY(spk_query_late_sets(q, plan, err));
	SPK_TRY(spk_binder_limit(q->b, q->select, &q->scope, &(struct spk_limit_order){ q->sort, q->sorts, q->sort_position }, plan, err));
	return drop_hidden(q, plan, err);
}

/* VALUES may be ordered by any expression of its columns, a set operation by its columns alone. */
static spk_status order_expr(struct spk_binder *b, const PgQuery__SelectStmt *s, const struct spk_schema *schema, const PgQuery__Node *n, struct spk_expr **out, spk_error *err)
{
	struct spk_range range = { .alias = "*VALUES*", .schema = schema };
	struct spk_scope scope = { .count = 1, .range = &range };
	struct spk_exprs x = { .b = b, .scope = &scope, .clause = "ORDER BY" };

	SPK_TRY(spk_binder_expr(&x, n, out, err));
	if (s->op == PG_QUERY__SET_OPERATION__SETOP_NONE || n->node_case == PG_QUERY__NODE__NODE_COLUMN_REF)
		return spk_binder_known(b, out, err);
	spk_binder_fail(b, spk_node_location(n), SPK_BIND, err, "invalid UNION/INTERSECT/EXCEPT ORDER BY clause");
	return spk_hint(err, "Only result column names can be used. Add the expression to every SELECT, or move the UNION into a FROM clause.");
}

spk_status spk_binder_order_output(struct spk_binder *b, const PgQuery__SelectStmt *s, struct spk_logical **plan, spk_error *err)
{
	const struct spk_schema *schema = (*plan)->schema;
	struct spk_sort_key *key = SPK_NEW_ARRAY(b->arena, struct spk_sort_key, s->n_sort_clause + 1);
	struct spk_query q = { .b = b, .select = s };
	struct spk_limit_order order;

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

		SPK_TRY(spk_binder_sort_key(b, by, &key[i], err));
		SPK_TRY(spk_query_find_target(&q, by->node, "ORDER BY", false, &target, err));
		if (target >= 0)
			key[i].expr = q.target[target].expr;
		else
			SPK_TRY(order_expr(b, s, schema, by->node, &key[i].expr, err));
		SPK_TRY(spk_binder_comparable(b, key[i].expr->type, true, spk_node_location(by->node), err));
	}
	order = (struct spk_limit_order){ key, (int)s->n_sort_clause, s->n_sort_clause ? spk_binder_at(b, spk_node_location(s->sort_clause[0])) : 0 };
	return spk_binder_limit(b, s, NULL, &order, plan, err);
}
