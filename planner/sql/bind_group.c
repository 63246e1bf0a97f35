/*
 * GROUP BY and aggregates. Expressions are first bound over the input, aggregate calls standing as columns behind the input's. Here
 * they are turned over to the AGGREGATE node's output: group expressions, wherever they occur, and aggregates become its columns;
 * what is left of input columns is the well-known error.
 */
#include "planner/sql/bind.h"

#include <string.h>

#include "planner/sql/rewrite.h"

/* The one output of that name; -2 when different expressions have it. */
static int target_named(const struct spk_query *q, const char *name)
{
	int found = -1;

	for (int exact = 1; exact >= 0 && found == -1; exact--) {
		for (int i = 0; i < q->visible; i++) {
			if (!spk_name_fits(q->target[i].name, name, exact))
				continue;
			if (found >= 0 && !spk_query_same(q, q->target[found].expr, q->target[i].expr))
				return -2;
			found = found < 0 ? i : found;
		}
	}
	return found;
}

static bool is_input_column(const struct spk_query *q, const char *name)
{
	for (int k = 0; k < q->scope.count; k++)
		if (spk_schema_lookup(q->scope.range[k].schema, name) != -1)
			return true;
	return false;
}

static spk_status ordinal(struct spk_query *q, const PgQuery__AConst *c, const char *clause, int *out, spk_error *err)
{
	if (c->val_case != PG_QUERY__A__CONST__VAL_IVAL || c->isnull)
		return spk_binder_fail(q->b, c->location, SPK_BIND, err, "non-integer constant in %s", clause);
	if (c->ival->ival < 1 || c->ival->ival > q->visible)
		return spk_binder_fail(q->b, c->location, SPK_BIND, err, "%s position %d is not in select list", clause, c->ival->ival);
	*out = c->ival->ival - 1;
	return SPK_OK;
}

spk_status spk_query_find_target(struct spk_query *q, const PgQuery__Node *n, const char *clause, bool columns_first, int *out, spk_error *err)
{
	const char *name;

	*out = -1;
	if (n->node_case == PG_QUERY__NODE__NODE_A_CONST)
		return ordinal(q, n->a_const, clause, out, err);
	if (n->node_case != PG_QUERY__NODE__NODE_COLUMN_REF || n->column_ref->n_fields != 1 || !(name = spk_node_string(n->column_ref->fields[0])))
		return SPK_OK;
	if (columns_first && is_input_column(q, name))
		return SPK_OK;
	*out = target_named(q, name);
	if (*out == -2)
		return spk_binder_fail(q->b, n->column_ref->location, SPK_BIND, err, "%s \"%s\" is ambiguous", clause, name);
	return SPK_OK;
}

/* --- GROUP BY --- */

/* What is looked for in an output that is to be grouped by: stand-ins for aggregates and window functions, also in its subqueries. */
struct calls { struct spk_query *q; int number, own, position; bool aggregate, window; };

static spk_status note_calls(struct spk_expr **e, void *user, spk_error *err);

static spk_status note_plan(struct spk_logical *l, struct calls *c, spk_error *err)
{
	SPK_TRY(spk_logical_each_expr(l, note_calls, c, err));
	for (int i = 0; i < l->inputs; i++)
		SPK_TRY(note_plan(l->input[i], c, err));
	return SPK_OK;
}

/* The condition has the subquery's own columns in it, too. */
static spk_status note_sublink(int id, struct calls *c, spk_error *err)
{
	const struct spk_sublink *link = &c->q->sublinks.sublink[id - 1];
	struct calls below = { .q = c->q, .number = link->number };
	struct spk_expr *condition = link->condition;
	const int own = c->own;

	if (id == own)
		return SPK_OK;
	c->own = id;
	if (condition)
		SPK_TRY(note_calls(&condition, c, err));
	c->own = own;
	if (link->used)
		SPK_TRY(note_plan(link->plan, &below, err));
	c->aggregate = c->aggregate || below.aggregate;
	return SPK_OK;
}

/* number > 0: in a subquery, where this query's columns are OUTER ones of that number. */
static spk_status note_calls(struct spk_expr **e, void *user, spk_error *err)
{
	struct calls *c = user;
	const bool own = c->number ? (*e)->kind == SPK_EXPR_OUTER && (*e)->outer == c->number : (*e)->kind == SPK_EXPR_COLUMN;

	if (own && (*e)->column >= SPK_OVER_COLUMN) {
		struct spk_over *o = &c->q->overs.over[(*e)->column - SPK_OVER_COLUMN];
		struct spk_logical window = { .expr_count = o->exprs, .expr = o->expr, .sort_count = o->sorts, .sort = o->sort, .calls = 1, .call = &o->call };

		c->window = true;
		c->position = c->position ? c->position : (*e)->position;
		SPK_TRY(spk_logical_each_expr(&window, note_calls, c, err));
	} else if (own && (*e)->column >= SPK_AGGREGATE_COLUMN) {
		c->aggregate = true;
		c->position = c->position ? c->position : (*e)->position;
	}
	if (!c->number && (*e)->kind == SPK_EXPR_OUTER && (*e)->outer < 0)
		SPK_TRY(note_sublink(-(*e)->outer, c, err));
	for (int i = 0; i < (*e)->args; i++)
		SPK_TRY(note_calls(&(*e)->arg[i], c, err));
	return SPK_OK;
}

static spk_status check_group(struct spk_query *q, struct spk_expr *e, int location, spk_error *err)
{
	struct calls c = { .q = q };

	SPK_TRY(note_calls(&e, &c, err));
	if (!c.aggregate && !c.window)
		return SPK_OK;
	spk_binder_fail(q->b, location, SPK_BIND, err, "%s functions are not allowed in GROUP BY", c.aggregate ? "aggregate" : "window");
	if (err && c.position)
		err->position = c.position;
	return SPK_BIND;
}

/* Number of a group that is known or new. */
static int number_of_group(struct spk_query *q, struct spk_expr *e)
{
	for (int i = 0; i < q->groups; i++)
		if (spk_query_same(q, q->group[i], e))
			return i;
	q->group[q->groups] = e;
	return q->groups++;
}

/* The query's window is grouped by its bounds, and by its time where that is asked for. */
static spk_status add_window(struct spk_query *q, struct spk_expr *e, int *out, int *count, spk_error *err)
{
	const struct spk_group_window *w = q->scope.window;
	struct spk_expr *time;

	*out = number_of_group(q, e->arg[0]);
	number_of_group(q, e->arg[1]);
	*count = 2 + w->time;
	if (!w->time)
		return SPK_OK;
	SPK_TRY_PTR(time = spk_expr_column(q->b->arena, w->first + 2, &w->node->schema->field[w->first + 2]), err);
	number_of_group(q, time);
	return SPK_OK;
}

spk_status spk_query_add_group(struct spk_query *q, const PgQuery__Node *n, int *out, int *count, spk_error *err)
{
	struct spk_exprs x = { .b = q->b, .scope = &q->scope, .sets_ok = true, .clause = "GROUP BY" };
	struct spk_expr *e, *bound[2];
	bool window = false;
	int target;

	SPK_TRY(spk_query_find_target(q, n, "GROUP BY", true, &target, err));
	if (target >= 0) {
		e = q->target[target].expr;
		SPK_TRY(check_group(q, e, spk_node_location(n), err));
		if (e->kind == SPK_EXPR_CONSTANT && spk_query_has_sets(q)) {  /* NULL in the sets without it: no constant any more */
			SPK_TRY(spk_binder_known(q->b, &e, err));
			SPK_TRY(spk_expr_make(q->b->arena, SPK_EXPR_COALESCE, &e, 1, false, e->position, &e, err));
			q->target[target].expr = e;
		}
	} else {
		SPK_TRY(spk_binder_expr(&x, n, &e, err));
	}
	if (spk_query_is_window(q, e))
		return add_window(q, e, out, count, err);
	*count = 1;
	SPK_TRY(spk_binder_known(q->b, &e, err));
	SPK_TRY(spk_binder_comparable(q->b, e->type, false, spk_node_location(n), err));
	*out = number_of_group(q, e);
	/* A window from below: its bounds close the group. */
	SPK_TRY(spk_binder_window_bounds(q->b, q->scope.plan, e, bound, &window, err));
	for (int i = 0; window && !spk_query_has_sets(q) && i < 2; i++)
		number_of_group(q, bound[i]);
	return SPK_OK;
}

/* An item of a plain GROUP BY: an expression, or several in brackets. */
static spk_status add_item(struct spk_query *q, const PgQuery__Node *n, spk_error *err)
{
	int group, count;

	if (n->node_case != PG_QUERY__NODE__NODE_ROW_EXPR)
		return spk_query_add_group(q, n, &group, &count, err);
	for (size_t i = 0; i < n->row_expr->n_args; i++)
		SPK_TRY(add_item(q, n->row_expr->args[i], err));
	return SPK_OK;
}

static size_t count_groups(PgQuery__Node *const *n, size_t count)
{
	size_t groups = 0;

	for (size_t i = 0; i < count; i++) {
		if (n[i]->node_case == PG_QUERY__NODE__NODE_ROW_EXPR)
			groups += count_groups(n[i]->row_expr->args, n[i]->row_expr->n_args);
		else if (n[i]->node_case == PG_QUERY__NODE__NODE_GROUPING_SET)
			groups += count_groups(n[i]->grouping_set->content, n[i]->grouping_set->n_content);
		else
			groups++;
	}
	return groups;
}

bool spk_is_group_by_all(PgQuery__Node *const *n, size_t count)
{
	const PgQuery__ColumnRef *c = count == 1 && n[0]->node_case == PG_QUERY__NODE__NODE_COLUMN_REF ? n[0]->column_ref : NULL;
	const char *name = c ? spk_node_string(c->fields[0]) : NULL;

	return name && strcmp(name, SPK_MARK_ALL) == 0;
}

/* GROUP BY ALL: by the outputs in which no aggregate stands. */
static spk_status add_outputs(struct spk_query *q, spk_error *err)
{
	for (int i = 0; i < q->targets; i++) {
		struct calls c = { .q = q };
		PgQuery__AConst place = PG_QUERY__A__CONST__INIT;
		PgQuery__Integer number = PG_QUERY__INTEGER__INIT;
		PgQuery__Node n = PG_QUERY__NODE__INIT;
		int group, count;

		SPK_TRY(note_calls(&q->target[i].expr, &c, err));
		if (c.aggregate || c.window)
			continue;
		number.ival = i + 1;
		place.val_case = PG_QUERY__A__CONST__VAL_IVAL;
		place.ival = &number;
		place.location = -1;
		n.node_case = PG_QUERY__NODE__NODE_A_CONST;
		n.a_const = &place;
		SPK_TRY(spk_query_add_group(q, &n, &group, &count, err));
	}
	return SPK_OK;
}

spk_status spk_query_bind_groups(struct spk_query *q, spk_error *err)
{
	const PgQuery__SelectStmt *s = q->select;
	const bool all = spk_is_group_by_all(s->group_clause, s->n_group_clause);

	if (!s->n_group_clause)
		return SPK_OK;
	q->group = SPK_NEW_ARRAY(q->b->arena, struct spk_expr *, (all ? (size_t)q->targets : count_groups(s->group_clause, s->n_group_clause)) * 3 + 3);  /* a window is up to three */
	SPK_TRY_PTR(q->group, err);
	q->group_position = spk_binder_at(q->b, spk_node_location(s->group_clause[0]));
	if (spk_query_has_sets(q))
		return spk_query_bind_sets(q, err);
	if (all)
		return add_outputs(q, err);
	for (size_t i = 0; i < s->n_group_clause; i++)
		SPK_TRY(add_item(q, s->group_clause[i], err));
	return SPK_OK;
}

/* --- turning over --- */

static spk_status not_grouped(struct spk_query *q, const struct spk_expr *e, spk_error *err)
{
	const char *name = spk_scope_column_name(q->b, &q->scope, e->column);

	SPK_TRY_PTR(name, err);
	spk_fail(err, SPK_BIND, "column \"%s\" must appear in the GROUP BY clause or be used in an aggregate function", name);
	if (err)
		err->position = e->position;
	return spk_hint(err, "Add it to GROUP BY, or say which of a group's values is meant: max(%s).", e->name ? e->name : name);
}

int spk_query_find_group(const struct spk_query *q, const struct spk_expr *e)
{
	for (int i = 0; i < q->groups; i++)
		if (spk_query_same(q, q->group[i], e) && e->kind != SPK_EXPR_CONSTANT)
			return i;
	return -1;
}

/* Whether an input column is grouped by, in every set. */
static bool group_key(const struct spk_query *q, const struct spk_expr *e)
{
	const int group = spk_query_find_group(q, e);

	return group >= 0 && spk_query_in_every_set(q, group);
}

/* Columns of the AGGREGATE before its calls: the groups, and the number of the grouping set. */
static int group_columns(const struct spk_query *q) { return q->groups + (q->sets > 1); }

/* Whether the groups tell the input column: all of its table's primary key is among them. */
static bool depends_on_groups(const struct spk_query *q, int column)
{
	for (int k = 0; k < q->scope.count; k++) {
		const struct spk_range *r = &q->scope.range[k];
		bool in = false, all = r->key_count > 0;

		for (int i = 0; i < r->schema->count; i++)
			in = in || spk_range_at(r, i) == column;
		for (int i = 0; i < r->key_count && in && all; i++) {
			const struct spk_expr key = { .kind = SPK_EXPR_COLUMN, .type = r->schema->field[r->key[i]].type, .column = spk_range_at(r, r->key[i]) };

			all = group_key(q, &key);
		}
		if (in && all)
			return true;
	}
	return false;
}

spk_status spk_binder_any_value(const struct spk_binder *b, const struct spk_expr *e, struct spk_aggregate_call *out, spk_error *err)
{
	struct spk_expr *arg = (struct spk_expr *)(uintptr_t)e;
	const struct spk_aggregate_syntax syntax = { .name = "any_value", .args = 1, .arg = &arg, .position = e->position };

	SPK_TRY(spk_aggregate_resolve(b->arena, &syntax, out, err));
	out->type = e->type;
	out->name = e->name ? e->name : out->name;
	return SPK_OK;
}

bool spk_loses_scale(struct spk_type type) { return type.id == SPK_TYPE_DECIMAL && type.scale == SPK_SCALE_VARIES; }

/*
 * The AGGREGATE groups by 1.50 and 1.5 as by one key, which comes out with the least scale: what is shown is the group as a row of it has
 * it. q->shown: by group, the column that is.
 */
static spk_status show_groups(struct spk_query *q, const struct spk_logical *l, spk_error *err)
{
	SPK_TRY_PTR(q->shown = SPK_NEW_ARRAY(q->b->arena, int, q->groups + 1), err);
	for (int i = 0; i < q->groups; i++) {
		struct spk_aggregate_call call;
		int at;

		q->shown[i] = i;
		if (!spk_loses_scale(l->expr[i]->type))
			continue;
		SPK_TRY(spk_binder_any_value(q->b, l->expr[i], &call, err));
		SPK_TRY(spk_aggregates_add(q->b, &q->aggregates, &call, &at, err));
		q->shown[i] = group_columns(q) + at;
		if (q->shown[i] == q->aggregated->count)
			q->aggregated->field[q->aggregated->count++] = q->aggregated->field[i];
	}
	return SPK_OK;
}

/* Such a column comes out as any_value(column): every row of the group has the same. */
static spk_status add_dependent(struct spk_query *q, const struct spk_expr *e, int *out, spk_error *err)
{
	struct spk_aggregate_call call;
	int at;

	SPK_TRY(spk_binder_any_value(q->b, e, &call, err));
	SPK_TRY(spk_aggregates_add(q->b, &q->aggregates, &call, &at, err));
	*out = group_columns(q) + at;
	if (*out == q->aggregated->count)
		q->aggregated->field[q->aggregated->count++] = (struct spk_field){ call.name, call.type, e->nullable };
	return SPK_OK;
}

/* What is a group is read from there; the subqueries in it are the group's. */
static void leave_sublinks(struct spk_query *q, const struct spk_expr *e)
{
	if (e->kind == SPK_EXPR_OUTER && e->outer < 0)
		q->sublinks.sublink[-e->outer - 1].grouped = true;
	for (int i = 0; i < e->args; i++)
		leave_sublinks(q, e->arg[i]);
}

static spk_status turn_over(struct spk_query *q, const struct spk_schema *out_schema, const struct spk_expr *e, struct spk_expr **out, spk_error *err)
{
	struct spk_expr *copy;
	int column = spk_query_find_group(q, e);

	if (e->kind == SPK_EXPR_COLUMN && e->column >= SPK_OVER_COLUMN) {
		*out = (struct spk_expr *)(uintptr_t)e;
		return SPK_OK;
	}
	if (column < 0 && e->kind == SPK_EXPR_COLUMN && e->column >= SPK_GROUPING_COLUMN)
		return spk_query_grouping(q, e, out, err);
	if (column < 0 && e->kind == SPK_EXPR_COLUMN && e->column >= SPK_AGGREGATE_COLUMN)
		column = group_columns(q) + e->column - SPK_AGGREGATE_COLUMN;
	if (column < 0 && e->kind == SPK_EXPR_COLUMN && depends_on_groups(q, e->column))
		SPK_TRY(add_dependent(q, e, &column, err));
	if (column >= 0 && column < q->groups) {
		leave_sublinks(q, e);
		column = q->shown[column];
	}
	if (column >= 0) {
		*out = spk_expr_column(q->b->arena, column, &out_schema->field[column]);
		SPK_TRY_PTR(*out, err);
		(*out)->position = e->position;
		return SPK_OK;
	}
	if (e->kind == SPK_EXPR_COLUMN)
		return not_grouped(q, e, err);
	copy = spk_arena_copy(q->b->arena, e, sizeof *e);
	SPK_TRY_PTR(copy, err);
	if (e->args) {
		copy->arg = SPK_NEW_ARRAY(q->b->arena, struct spk_expr *, e->args);
		SPK_TRY_PTR(copy->arg, err);
	}
	for (int i = 0; i < e->args; i++)
		SPK_TRY(turn_over(q, out_schema, e->arg[i], &copy->arg[i], err));
	*out = copy;
	return SPK_OK;
}

spk_status spk_query_turn_over(struct spk_query *q, const struct spk_schema *aggregated, struct spk_expr **e, spk_error *err)
{
	return turn_over(q, aggregated, *e, e, err);
}

/* A name for a group expression: the output column's that is the same. */
static const char *group_name(const struct spk_query *q, int group)
{
	const struct spk_expr *e = q->group[group];

	if (e->kind == SPK_EXPR_COLUMN && e->name)
		return e->name;
	for (int i = 0; i < q->visible; i++)
		if (spk_query_same(q, q->target[i].expr, e))
			return q->target[i].name;
	return spk_arena_printf(q->b->arena, "group%d", group + 1);
}

/* Groups and aggregates; with room for all columns of the input, which may depend on the groups. */
static spk_status aggregate_schema(struct spk_query *q, int columns, spk_error *err)
{
	const int groups = group_columns(q);
	struct spk_schema *s = spk_schema_new(q->b->arena, 2 * groups + q->aggregates.count + columns);

	SPK_TRY_PTR(s, err);
	s->count = groups + q->aggregates.count;
	for (int i = 0; i < q->groups; i++) {
		s->field[i] = (struct spk_field){ group_name(q, i), q->group[i]->type, q->group[i]->nullable || !spk_query_in_every_set(q, i) };
		SPK_TRY_PTR(s->field[i].name, err);
	}
	if (groups > q->groups)
		s->field[q->groups] = (struct spk_field){ "grouping_set", spk_type(SPK_TYPE_BIGINT), false };
	for (int i = 0; i < q->aggregates.count; i++) {
		const struct spk_aggregate_call *c = &q->aggregates.call[i];

		s->field[groups + i] = (struct spk_field){ c->name, c->type, spk_aggregate_nullable(c) };
	}
	q->aggregated = s;
	return SPK_OK;
}

/* Direct arguments of ordered sets are told by the groups. */
static spk_status check_direct(struct spk_query *q, spk_error *err)
{
	for (int i = 0; i < q->aggregates.count; i++) {
		const struct spk_aggregate_call *c = &q->aggregates.call[i];
		struct spk_expr *ignored;

		for (int k = 0; c->aggregate->kind != SPK_AGGREGATE_PLAIN && k < c->args - c->sorts; k++)
			SPK_TRY(turn_over(q, q->aggregated, c->input[k], &ignored, err));
	}
	return SPK_OK;
}

/* Puts the calls that were added for dependent columns behind the node's own. */
static spk_status add_dependents(const struct spk_query *q, struct spk_logical *l, spk_error *err)
{
	struct spk_aggregate_call *call = SPK_NEW_ARRAY(q->b->arena, struct spk_aggregate_call, q->aggregates.count + 1);

	SPK_TRY_PTR(call, err);
	for (int i = 0; i < q->aggregates.count; i++)
		call[i] = i < l->aggregate_count ? l->aggregate[i] : q->aggregates.call[i];
	l->aggregate = call;
	l->aggregate_count = q->aggregates.count;
	return SPK_OK;
}

/* A group of all rows comes out because an aggregate is asked of it: count(*), when the query asks none. */
static spk_status need_call(struct spk_query *q, spk_error *err)
{
	const struct spk_aggregate_syntax syntax = { .name = "count", .star = true };
	struct spk_aggregate_call call;
	int ignored;

	if (q->groups || q->aggregates.count)
		return SPK_OK;
	SPK_TRY(spk_aggregate_resolve(q->b->arena, &syntax, &call, err));
	return spk_aggregates_add(q->b, &q->aggregates, &call, &ignored, err);
}

spk_status spk_query_aggregate(struct spk_query *q, struct spk_logical **plan, spk_error *err)
{
	struct spk_schema *schema;
	struct spk_logical *l;

	if (!q->select->n_group_clause && !q->aggregates.count && !q->aggregates.groupings && !q->having)
		return SPK_OK;
	SPK_TRY(need_call(q, err));
	SPK_TRY(spk_query_check_groupings(q, err));
	SPK_TRY(spk_query_group_sets(q, plan, err));
	SPK_TRY(aggregate_schema(q, (*plan)->schema->count, err));
	schema = q->aggregated;
	l = spk_logical_new(q->b->arena, SPK_LOGICAL_AGGREGATE, schema, plan, 1);
	SPK_TRY_PTR(l, err);
	l->expr_count = q->groups;
	l->expr = q->group;
	l->aggregate_count = q->aggregates.count;
	l->aggregate = q->aggregates.call;
	l->position = q->group_position ? q->group_position : q->aggregates.count ? q->aggregates.call[0].position : l->position;
	SPK_TRY(spk_query_expand(q, l, err));
	SPK_TRY(spk_query_attach_groups(q, l, err));
	*plan = l;
	SPK_TRY(show_groups(q, l, err));
	SPK_TRY(check_direct(q, err));
	SPK_TRY(spk_query_expand_direct(q, l, err));
	for (int i = 0; i < q->targets; i++)
		SPK_TRY(turn_over(q, schema, q->target[i].expr, &q->target[i].expr, err));
	SPK_TRY(spk_query_turn_over_windows(q, schema, err));
	if (q->qualify)
		SPK_TRY(turn_over(q, schema, q->qualify, &q->qualify, err));
	if (q->having)
		SPK_TRY(turn_over(q, schema, q->having, &q->having, err));
	SPK_TRY(spk_query_turn_over_sublinks(q, schema, err));
	SPK_TRY(add_dependents(q, l, err));
	if (!q->having)
		return SPK_OK;
	return spk_sublinks_filter(q->b, &q->sublinks, plan, q->having, err);
}
