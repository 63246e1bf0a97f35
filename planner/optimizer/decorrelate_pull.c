/*
 * Decorrelation by pulling conditions up: the right side without the conditions that refer to the left one, and those in the join's
 * own. What a node gives is told as expressions over what is left of it, which may refer to the left side too: projections dissolve.
 *
 * Under an aggregate, a DISTINCT, a LIMIT or window functions the conditions have to be equalities between the two sides: their right
 * sides become groups, or part of the partition. An aggregate without groups then loses the rows of empty groups, so its join becomes a
 * LEFT one, above which NULL is what most aggregates give over nothing, and a count is made zero.
 */
#include <string.h>

#include "core/expr/function.h"
#include "planner/optimizer/decorrelate.h"

static spk_status add_condition(const struct spk_pull *p, struct spk_pulled *r, struct spk_expr *e, spk_error *err)
{
	if (r->conditions == r->capacity) {
		int capacity = r->capacity ? r->capacity * 2 : 4;
		struct spk_expr **grown = SPK_NEW_ARRAY(p->arena, struct spk_expr *, capacity);

		SPK_TRY_PTR(grown, err);
		if (r->conditions)
			memcpy(grown, r->condition, sizeof(*grown) * (size_t)r->conditions);
		r->condition = grown;
		r->capacity = capacity;
	}
	r->condition[r->conditions++] = e;
	return SPK_OK;
}

static bool has_column(const struct spk_expr *e)
{
	if (e->kind == SPK_EXPR_COLUMN)
		return true;
	for (int i = 0; i < e->args; i++)
		if (has_column(e->arg[i]))
			return true;
	return false;
}

static struct spk_move over_output(const struct spk_pull *p, const struct spk_pulled *r) { return (struct spk_move){ .arena = p->arena, .column = r->out }; }

static bool gives_up(struct spk_pulled *r)
{
	r->node = NULL;
	return true;
}

/* --- equalities between the sides --- */

/* left = right (or IS NOT DISTINCT FROM) with the left side alone on one side of it; *inner: the other. */
static bool is_equality(const struct spk_pull *p, struct spk_expr *e, int *inner)
{
	const char *name = e->kind == SPK_EXPR_CALL && e->args == 2 ? e->function->name : "";

	if (strcmp(name, "=") != 0 && strcmp(name, "is not distinct from") != 0)
		return false;
	for (*inner = 0; *inner < 2; ++*inner) {
		const struct spk_expr *in = e->arg[*inner], *out = e->arg[1 - *inner];

		if (!spk_expr_has_outer(in, p->outer) && has_column(in) && !has_column(out) && spk_expr_deterministic(in))
			return true;
	}
	return false;
}

static int find_expr(struct spk_expr *const *list, int count, const struct spk_expr *e)
{
	for (int i = 0; i < count; i++)
		if (spk_expr_same(list[i], e))
			return i;
	return -1;
}

/* `e` over the listed expressions: each becomes a column at + i. False: something else of the input is in it. */
static spk_status over_list(const struct spk_pull *p, struct spk_expr *const *list, int count, struct spk_expr *e, struct spk_expr **out, bool *ok, spk_error *err)
{
	int at = find_expr(list, count, e);
	struct spk_expr *copy;

	*out = e;
	if (at >= 0) {
		SPK_TRY_PTR(*out = spk_expr_column(p->arena, at, &(struct spk_field){ e->kind == SPK_EXPR_COLUMN && e->name ? e->name : "group", e->type, e->nullable }), err);
		(*out)->position = e->position;
		return SPK_OK;
	}
	if (e->kind == SPK_EXPR_COLUMN)
		*ok = false;
	if (!e->args || !*ok)
		return SPK_OK;
	copy = spk_arena_copy(p->arena, e, sizeof *e);
	SPK_TRY_PTR(copy, err);
	SPK_TRY_PTR(copy->arg = spk_arena_copy(p->arena, e->arg, sizeof(*e->arg) * (size_t)e->args), err);
	for (int i = 0; i < e->args; i++)
		SPK_TRY(over_list(p, list, count, e->arg[i], &copy->arg[i], ok, err));
	*out = copy;
	return SPK_OK;
}

/* Adds the right sides of the equalities among the conditions to `list`. */
static void list_equalities(const struct spk_pull *p, const struct spk_pulled *r, struct spk_expr **list, int *count)
{
	for (int i = 0; i < r->conditions; i++) {
		int inner;

		if (is_equality(p, r->condition[i], &inner) && find_expr(list, *count, r->condition[i]->arg[inner]) < 0)
			list[(*count)++] = r->condition[i]->arg[inner];
	}
}

static spk_status conditions_over_list(const struct spk_pull *p, struct spk_pulled *r, struct spk_expr *const *list, int count, bool *ok, spk_error *err)
{
	for (int i = 0; i < r->conditions; i++)
		SPK_TRY(over_list(p, list, count, r->condition[i], &r->condition[i], ok, err));
	return SPK_OK;
}

/* --- nodes --- */

static spk_status pull_filter(struct spk_pull *p, const struct spk_logical *l, struct spk_pulled *r, spk_error *err)
{
	struct spk_move m = over_output(p, r);
	struct spk_expr *e, *kept = NULL;
	int count;

	SPK_TRY(spk_move_expr(&m, l->filter, &e, err));
	if (r->scalar)
		return spk_conjoin(p->arena, r->having, e, &r->having, err);
	count = e->kind == SPK_EXPR_AND ? e->args : 1;
	for (int i = 0; i < count; i++) {
		struct spk_expr *one = e->kind == SPK_EXPR_AND ? e->arg[i] : e;

		if (spk_expr_has_outer(one, p->outer))
			SPK_TRY(add_condition(p, r, one, err));
		else
			SPK_TRY(spk_conjoin(p->arena, kept, one, &kept, err));
	}
	if (kept)
		SPK_TRY_PTR(r->node = spk_filter_node(p->arena, kept, r->node), err);
	return SPK_OK;
}

static spk_status pull_project(struct spk_pull *p, const struct spk_logical *l, struct spk_pulled *r, spk_error *err)
{
	struct spk_move m = over_output(p, r);
	struct spk_expr **out = SPK_NEW_ARRAY(p->arena, struct spk_expr *, l->expr_count + 1);

	SPK_TRY_PTR(out, err);
	for (int i = 0; i < l->expr_count; i++) {
		if (!spk_expr_deterministic(l->expr[i]) && gives_up(r))
			return SPK_OK;
		SPK_TRY(spk_move_expr(&m, l->expr[i], &out[i], err));
	}
	r->out = out;
	return SPK_OK;
}

static spk_status move_change(struct spk_expr **e, void *user, spk_error *err)
{
	return spk_move_expr(user, *e, e, err);
}

/* The node over what was pulled, if none of its expressions then refers to the left side; NULL else. */
static spk_status rebuild(const struct spk_pull *p, const struct spk_logical *l, const struct spk_pulled *r, struct spk_logical **out, spk_error *err)
{
	struct spk_move m = over_output(p, r);

	*out = spk_logical_clone(p->arena, l);
	SPK_TRY_PTR(*out, err);
	(*out)->input[0] = r->node;
	SPK_TRY(spk_logical_each_expr(*out, move_change, &m, err));
	if (spk_node_has_outer(*out, p->outer))
		*out = NULL;
	return SPK_OK;
}

static spk_status aggregate_schema(const struct spk_pull *p, const struct spk_logical *l, struct spk_expr *const *group, int groups, struct spk_schema **out, spk_error *err)
{
	struct spk_schema *s = SPK_NEW(p->arena, struct spk_schema);

	SPK_TRY_PTR(s, err);
	s->count = groups + l->aggregate_count;
	SPK_TRY_PTR(s->field = SPK_NEW_ARRAY(p->arena, struct spk_field, s->count + 1), err);
	for (int i = 0; i < groups; i++) {
		const char *name = group[i]->kind == SPK_EXPR_COLUMN && group[i]->name ? group[i]->name : "group";

		s->field[i] = (struct spk_field){ i < l->expr_count ? l->schema->field[i].name : name, group[i]->type, group[i]->nullable };
	}
	for (int i = 0; i < l->aggregate_count; i++)
		s->field[groups + i] = l->schema->field[l->expr_count + i];
	*out = s;
	return SPK_OK;
}

/* What aggregate i gives, over the node: above a left join, where there is no group, what it gives over nothing. */
static spk_status aggregate_output(const struct spk_pull *p, const struct spk_logical *node, int i, bool scalar, struct spk_expr **out, spk_error *err)
{
	const struct spk_field *f = &node->schema->field[node->expr_count + i];
	struct spk_expr *pair[2] = { spk_expr_column(p->arena, node->expr_count + i, &(struct spk_field){ f->name, f->type, f->nullable || scalar }) };

	SPK_TRY_PTR(*out = pair[0], err);
	if (!scalar || !node->aggregate[i].aggregate->never_null)
		return SPK_OK;
	SPK_TRY(spk_empty_aggregate(p->arena, &node->aggregate[i], &pair[1], err));
	return spk_expr_make(p->arena, SPK_EXPR_COALESCE, pair, 2, false, 0, out, err);
}

/* Whether COALESCE is not enough: the empty group's value and NULL of a group with rows differ. Pushing down can tell them apart. */
static bool has_odd_empty(const struct spk_logical *l)
{
	for (int i = 0; i < l->aggregate_count; i++)
		if (l->aggregate[i].aggregate->null_unlike_none)
			return true;
	return false;
}

static spk_status pull_aggregate(struct spk_pull *p, const struct spk_logical *l, struct spk_pulled *r, spk_error *err)
{
	int groups = l->expr_count, all;
	struct spk_expr **group = SPK_NEW_ARRAY(p->arena, struct spk_expr *, groups + r->conditions + 1), **out;
	struct spk_schema *schema = NULL;
	struct spk_logical *node = NULL;
	bool ok = !r->scalar && !(groups == 0 && has_odd_empty(l));

	SPK_TRY_PTR(group, err);
	SPK_TRY(rebuild(p, l, r, &node, err));
	if ((!ok || !node) && gives_up(r))
		return SPK_OK;
	for (int i = 0; i < groups; i++)
		group[i] = node->expr[i];
	all = groups;
	list_equalities(p, r, group, &all);
	SPK_TRY(conditions_over_list(p, r, group, all, &ok, err));
	if (!ok && gives_up(r))
		return SPK_OK;
	SPK_TRY(aggregate_schema(p, l, group, all, &schema, err));
	node->schema = schema;
	node->expr = group;
	node->expr_count = all;
	SPK_TRY_PTR(out = SPK_NEW_ARRAY(p->arena, struct spk_expr *, groups + l->aggregate_count + 1), err);
	for (int i = 0; i < groups; i++)
		SPK_TRY_PTR(out[i] = spk_expr_column(p->arena, i, &schema->field[i]), err);
	r->scalar = groups == 0 && l->aggregate_count > 0;
	for (int i = 0; i < l->aggregate_count; i++)
		SPK_TRY(aggregate_output(p, node, i, r->scalar, &out[groups + i], err));
	r->out = out;
	r->node = node;
	return SPK_OK;
}

/* LIMIT and window functions by the right sides of the equalities. */
static spk_status pull_partition(struct spk_pull *p, const struct spk_pulled *r, struct spk_expr *const *own, int owns, struct spk_expr ***partition, int *count, bool *ok, spk_error *err)
{
	struct spk_pulled copy = *r;

	*partition = SPK_NEW_ARRAY(p->arena, struct spk_expr *, owns + r->conditions + 1);
	SPK_TRY_PTR(*partition, err);
	if (owns)
		memcpy(*partition, own, sizeof(*own) * (size_t)owns);
	*count = owns;
	list_equalities(p, r, *partition, count);
	copy.condition = spk_arena_copy(p->arena, r->condition, sizeof(*r->condition) * (size_t)r->conditions);
	SPK_TRY_PTR(copy.condition || !r->conditions, err);
	return conditions_over_list(p, &copy, *partition, *count, ok, err);
}

static spk_status pull_limit(struct spk_pull *p, const struct spk_logical *l, struct spk_pulled *r, spk_error *err)
{
	struct spk_logical *in = r->node;
	bool sorted = in->kind == SPK_LOGICAL_SORT, ok = !r->scalar;
	struct spk_expr **partition;
	int count;

	SPK_TRY(pull_partition(p, r, NULL, 0, &partition, &count, &ok, err));
	if (!ok && gives_up(r))
		return SPK_OK;
	return spk_limit_per_partition(p->arena, l, sorted ? in->input[0] : in, partition, count, sorted ? in->sort : NULL, sorted ? in->sort_count : 0, &r->node, err);
}

static spk_status pull_over(struct spk_pull *p, const struct spk_logical *l, struct spk_pulled *r, spk_error *err)
{
	struct spk_expr **out, **partition;
	int columns = l->input[0]->schema->count, width, count;
	bool ok = !r->scalar;
	struct spk_logical *node;
	struct spk_schema *s;

	SPK_TRY(rebuild(p, l, r, &node, err));
	if (!node && gives_up(r))
		return SPK_OK;
	SPK_TRY(pull_partition(p, r, node->expr, node->expr_count, &partition, &count, &ok, err));
	if (!ok && gives_up(r))
		return SPK_OK;
	node->expr = partition;
	node->expr_count = count;
	width = r->node->schema->count;
	SPK_TRY_PTR(s = SPK_NEW(p->arena, struct spk_schema), err);
	s->count = width + l->calls;
	SPK_TRY_PTR(s->field = SPK_NEW_ARRAY(p->arena, struct spk_field, s->count + 1), err);
	memcpy(s->field, r->node->schema->field, sizeof *s->field * (size_t)width);
	memcpy(s->field + width, l->schema->field + columns, sizeof *s->field * (size_t)l->calls);
	node->schema = s;
	SPK_TRY_PTR(out = SPK_NEW_ARRAY(p->arena, struct spk_expr *, l->schema->count + 1), err);
	memcpy(out, r->out, sizeof(*out) * (size_t)columns);
	for (int i = 0; i < l->calls; i++)
		SPK_TRY_PTR(out[columns + i] = spk_expr_column(p->arena, width + i, &s->field[width + i]), err);
	r->out = out;
	r->node = node;
	return SPK_OK;
}

static spk_status pull_sort(struct spk_pull *p, const struct spk_logical *l, struct spk_pulled *r, spk_error *err)
{
	struct spk_logical *node;

	if (r->scalar)
		return SPK_OK;
	SPK_TRY(rebuild(p, l, r, &node, err));
	if (node)
		node->schema = r->node->schema;
	r->node = node;
	return SPK_OK;
}

/* --- joins in the right side --- */

/* The outputs of both sides over the joined node; the right one's conditions join the left one's. */
static spk_status side_by_side(struct spk_pull *p, const struct spk_logical *l, struct spk_pulled *left, const struct spk_pulled *right, spk_error *err)
{
	int nl = l->input[0]->schema->count, nr = l->input[1]->schema->count;
	struct spk_move m = { .arena = p->arena, .shift = left->node->schema->count };
	struct spk_expr **out = SPK_NEW_ARRAY(p->arena, struct spk_expr *, nl + nr + 1), *e;

	SPK_TRY_PTR(out, err);
	memcpy(out, left->out, sizeof(*out) * (size_t)nl);
	for (int i = 0; i < nr; i++)
		SPK_TRY(spk_move_expr(&m, right->out[i], &out[nl + i], err));
	for (int i = 0; i < right->conditions; i++) {
		SPK_TRY(spk_move_expr(&m, right->condition[i], &e, err));
		SPK_TRY(add_condition(p, left, e, err));
	}
	left->out = out;
	return SPK_OK;
}

static spk_status pull_inner(struct spk_pull *p, const struct spk_logical *l, struct spk_pulled *r, spk_error *err)
{
	struct spk_pulled right = { 0 };
	struct spk_move m;
	struct spk_expr *on = NULL, *kept = NULL;
	int count = 0;

	SPK_TRY(spk_pull(p, l->input[1], &right, err));
	if ((!right.node || right.scalar || r->scalar) && gives_up(r))
		return SPK_OK;
	SPK_TRY(side_by_side(p, l, r, &right, err));
	m = over_output(p, r);
	if (l->filter) {
		SPK_TRY(spk_move_expr(&m, l->filter, &on, err));
		count = on->kind == SPK_EXPR_AND ? on->args : 1;
	}
	for (int i = 0; i < count; i++) {
		struct spk_expr *one = on->kind == SPK_EXPR_AND ? on->arg[i] : on;

		if (spk_expr_has_outer(one, p->outer))
			SPK_TRY(add_condition(p, r, one, err));
		else
			SPK_TRY(spk_conjoin(p->arena, kept, one, &kept, err));
	}
	SPK_TRY(spk_join_node(p->arena, SPK_JOIN_INNER, r->node, right.node, kept, l->position, &r->node, err));
	r->node->hint = l->hint;
	return SPK_OK;
}

/* A join that keeps its left rows, whose right side knows nothing of the outer query: conditions on the left pass through. */
static spk_status pull_left(struct spk_pull *p, const struct spk_logical *l, struct spk_pulled *r, spk_error *err)
{
	struct spk_pulled right = { .node = l->input[1] };
	int nl = l->input[0]->schema->count, width, added = l->schema->count - nl;
	struct spk_expr **out = SPK_NEW_ARRAY(p->arena, struct spk_expr *, l->schema->count + 1), *on = NULL;
	struct spk_pulled sides = *r;
	struct spk_move m;

	SPK_TRY_PTR(out, err);
	if ((r->scalar || spk_tree_has_outer(l->input[1], p->outer)) && gives_up(r))
		return SPK_OK;
	SPK_TRY(spk_column_exprs(p->arena, l->input[1]->schema, 0, &right.out, err));
	SPK_TRY(side_by_side(p, l, &sides, &right, err));
	m = over_output(p, &sides);
	if (l->filter)
		SPK_TRY(spk_move_expr(&m, l->filter, &on, err));
	if (on && spk_expr_has_outer(on, p->outer) && gives_up(r))
		return SPK_OK;
	width = r->node->schema->count;
	SPK_TRY(spk_join_node(p->arena, l->join, r->node, l->input[1], on, l->position, &r->node, err));
	r->node->hint = l->hint;
	memcpy(out, r->out, sizeof(*out) * (size_t)nl);
	for (int i = 0; i < added; i++)
		SPK_TRY_PTR(out[nl + i] = spk_expr_column(p->arena, width + i, &r->node->schema->field[width + i]), err);
	r->out = out;
	return SPK_OK;
}

static spk_status pull_join(struct spk_pull *p, const struct spk_logical *l, struct spk_pulled *r, spk_error *err)
{
	switch (l->join) {
	case SPK_JOIN_INNER: return pull_inner(p, l, r, err);
	case SPK_JOIN_RIGHT:
	case SPK_JOIN_FULL:
	case SPK_JOIN_ASOF:
	case SPK_JOIN_ASOF_LEFT: r->node = NULL; return SPK_OK;
	default: return pull_left(p, l, r, err);
	}
}

spk_status spk_pull(struct spk_pull *p, struct spk_logical *l, struct spk_pulled *r, spk_error *err)
{
	*r = (struct spk_pulled){ 0 };
	if (!spk_tree_has_outer(l, p->outer)) {
		r->node = l;
		return spk_column_exprs(p->arena, l->schema, 0, &r->out, err);
	}
	if (!l->inputs)
		return SPK_OK;
	SPK_TRY(spk_pull(p, l->input[0], r, err));
	if (!r->node)
		return SPK_OK;
	switch (l->kind) {
	case SPK_LOGICAL_FILTER: return pull_filter(p, l, r, err);
	case SPK_LOGICAL_PROJECT: return pull_project(p, l, r, err);
	case SPK_LOGICAL_AGGREGATE: return pull_aggregate(p, l, r, err);
	case SPK_LOGICAL_LIMIT: return pull_limit(p, l, r, err);
	case SPK_LOGICAL_OVER: return pull_over(p, l, r, err);
	case SPK_LOGICAL_SORT: return pull_sort(p, l, r, err);
	case SPK_LOGICAL_JOIN: return pull_join(p, l, r, err);
	default: r->node = NULL; return SPK_OK;
	}
}
