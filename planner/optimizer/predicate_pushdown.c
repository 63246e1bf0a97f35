/*
 * Filters go towards the scans and into them, condition by condition:
 *
 *   through PROJECT     with the projection's expressions put in; none that draws lots
 *   through UNION       into every branch
 *   through WINDOW      conditions on the input's columns; for sessions only on their PARTITION BY columns, since a row that is
 *                       left out may split a session
 *   through UNNEST      conditions on the input's columns
 *   through AGGREGATE   conditions on group expressions that cannot fail; the row of an empty grouping set, which needs no row below, is only there if it meets them
 *   through SORT        always; through LIMIT never
 *   through JOIN        see join_pushdown.c
 *
 * A condition that may fail (a cast, a division) stays behind the conditions before it: they may be there to protect it.
 */
#include "planner/optimizer/rules.h"

struct conjuncts {
	struct spk_expr **expr;
	bool *goes;
	int count, going;
};

static spk_status split(struct spk_arena *arena, struct spk_expr *e, struct conjuncts *out, spk_error *err)
{
	bool is_and = e->kind == SPK_EXPR_AND;

	out->count = is_and ? e->args : 1;
	out->expr = SPK_NEW_ARRAY(arena, struct spk_expr *, out->count);
	out->goes = SPK_NEW_ARRAY(arena, bool, out->count);
	SPK_TRY_PTR(out->expr, err);
	SPK_TRY_PTR(out->goes, err);
	for (int i = 0; i < out->count; i++)
		out->expr[i] = is_and ? e->arg[i] : e;
	return SPK_OK;
}

/* --- which conditions may go --- */

struct reach { const struct spk_logical *below; bool ok; };

static void reach_column(int column, void *user)
{
	struct reach *r = user;
	const struct spk_logical *l = r->below;
	bool partition = false;

	switch (l->kind) {
	case SPK_LOGICAL_PROJECT:
		r->ok = r->ok && spk_expr_deterministic(l->expr[column]);
		break;
	case SPK_LOGICAL_WINDOW:
		for (int i = 0; i < l->partition_count; i++)
			partition = partition || l->partition[i] == column;
		r->ok = r->ok && column < l->input[0]->schema->count && (l->window != SPK_WINDOW_SESSION || partition);
		break;
	case SPK_LOGICAL_UNNEST:
		r->ok = r->ok && column < l->input[0]->schema->count;
		break;
	case SPK_LOGICAL_AGGREGATE:
		r->ok = r->ok && column < l->expr_count && spk_expr_deterministic(l->expr[column]);
		break;
	default:
		break;
	}
}

static bool may_pass(const struct spk_expr *e, const struct spk_logical *below)
{
	struct reach r = { .below = below, .ok = spk_expr_deterministic(e) };

	switch (below->kind) {
	case SPK_LOGICAL_SCAN:
	case SPK_LOGICAL_UNION:
	case SPK_LOGICAL_SORT:
	case SPK_LOGICAL_FILTER:
		return r.ok;
	case SPK_LOGICAL_AGGREGATE:
		if (spk_expr_column_count(e) == 0 || spk_expr_can_fail(e))
			return false;
		break;
	case SPK_LOGICAL_WINDOW:
		if (below->window == SPK_WINDOW_SESSION && spk_expr_column_count(e) == 0)
			return false;
		break;
	case SPK_LOGICAL_PROJECT:
	case SPK_LOGICAL_UNNEST:
		break;
	default:
		return false;
	}
	spk_expr_columns(e, reach_column, &r);
	return r.ok;
}

/* What a condition over the groups is for the row of an empty set: these are NULL but for the last, which is the set's number. */
static spk_status of_empty_set(struct spk_arena *arena, const struct spk_expr *e, const struct spk_logical *l, int64_t set, struct spk_expr **out, spk_error *err)
{
	struct spk_expr **by = SPK_NEW_ARRAY(arena, struct spk_expr *, l->schema->count + 1);

	SPK_TRY_PTR(by, err);
	for (int i = 0; i < l->expr_count; i++)
		SPK_TRY_PTR(by[i] = spk_expr_literal(arena, (struct spk_value){ .type = l->expr[i]->type, .null = i + 1 < l->expr_count, .i64 = i + 1 < l->expr_count ? 0 : set }), err);
	SPK_TRY_PTR(*out = spk_expr_substitute(arena, e, by), err);
	spk_expr_fold(arena, out);
	return SPK_OK;
}

static spk_status is_known(struct spk_arena *arena, const struct spk_expr *e, const struct spk_logical *below, bool *known, spk_error *err)
{
	*known = true;
	for (int i = 0; *known && below->kind == SPK_LOGICAL_AGGREGATE && i < below->empty_sets; i++) {
		struct spk_expr *made;

		SPK_TRY(of_empty_set(arena, e, below, below->empty_set[i], &made, err));
		*known = made->kind == SPK_EXPR_CONSTANT;
	}
	return SPK_OK;
}

static spk_status choose(struct spk_arena *arena, struct conjuncts *c, const struct spk_logical *below, spk_error *err)
{
	for (int i = 0; i < c->count; i++) {
		bool stays_behind = c->going < i && spk_expr_can_fail(c->expr[i]);

		c->goes[i] = !stays_behind && may_pass(c->expr[i], below);
		if (c->goes[i])
			SPK_TRY(is_known(arena, c->expr[i], below, &c->goes[i], err));
		c->going += c->goes[i];
	}
	return SPK_OK;
}

/* --- moving --- */

static spk_status join(struct spk_arena *arena, const struct conjuncts *c, bool goes, struct spk_expr **out, spk_error *err)
{
	struct spk_expr **list = SPK_NEW_ARRAY(arena, struct spk_expr *, c->count);
	int n = 0;

	SPK_TRY_PTR(list, err);
	for (int i = 0; i < c->count; i++)
		if (c->goes[i] == goes)
			list[n++] = c->expr[i];
	*out = n == 0 ? NULL : list[0];
	return n > 1 ? spk_expr_make(arena, SPK_EXPR_AND, list, n, false, list[0]->position, out, err) : SPK_OK;
}


/* `below` with the condition put over its input k and pushed on from there. */
static spk_status put_under(struct spk_arena *arena, struct spk_expr *e, struct spk_logical *below, struct spk_logical **out, spk_error *err)
{
	struct spk_logical **input = SPK_NEW_ARRAY(arena, struct spk_logical *, below->inputs);

	SPK_TRY_PTR(input, err);
	for (int k = 0; k < below->inputs; k++) {
		struct spk_logical *f = spk_filter_node(arena, e, below->input[k]);

		SPK_TRY_PTR(f, err);
		SPK_TRY(spk_push_filter(arena, f, &input[k], err));
	}
	*out = spk_logical_with(arena, below, input);
	SPK_TRY_PTR(*out, err);
	return SPK_OK;
}

/* Empty sets whose row meets the condition. `l` is a copy of the caller's. */
static spk_status keep_sets(struct spk_arena *arena, const struct spk_expr *e, struct spk_logical *l, spk_error *err)
{
	int64_t *kept = SPK_NEW_ARRAY(arena, int64_t, l->empty_sets + 1);
	int n = 0;

	SPK_TRY_PTR(kept, err);
	for (int i = 0; i < l->empty_sets; i++) {
		struct spk_expr *made;

		SPK_TRY(of_empty_set(arena, e, l, l->empty_set[i], &made, err));
		if (spk_is_true(made))
			kept[n++] = l->empty_set[i];
	}
	l->empty_set = kept;
	l->empty_sets = n;
	return SPK_OK;
}

static spk_status into_scan(struct spk_arena *arena, struct spk_expr *e, struct spk_logical *scan, struct spk_logical **out, spk_error *err)
{
	*out = spk_arena_copy(arena, scan, sizeof *scan);
	SPK_TRY_PTR(*out, err);
	return spk_conjoin(arena, scan->filter, e, &(*out)->filter, err);
}

/* Filter over filter: one of both, pushed on. */
static spk_status into_filter(struct spk_arena *arena, struct spk_expr *e, struct spk_logical *lower, struct spk_logical **out, spk_error *err)
{
	struct spk_logical *f;
	struct spk_expr *both;

	SPK_TRY(spk_conjoin(arena, lower->filter, e, &both, err));
	f = spk_filter_node(arena, both, lower->input[0]);
	SPK_TRY_PTR(f, err);
	return spk_push_filter(arena, f, out, err);
}

spk_status spk_push_filter(struct spk_arena *arena, struct spk_logical *filter, struct spk_logical **out, spk_error *err)
{
	struct spk_logical *below = filter->input[0];
	struct spk_expr *going, *staying, *asked;
	struct conjuncts c = { 0 };

	*out = filter;
	if (below->kind == SPK_LOGICAL_JOIN)
		return spk_push_join(arena, filter, out, err);
	SPK_TRY(split(arena, filter->filter, &c, err));
	SPK_TRY(choose(arena, &c, below, err));
	if (!c.going)
		return SPK_OK;
	SPK_TRY(join(arena, &c, true, &going, err));
	asked = going;
	SPK_TRY(join(arena, &c, false, &staying, err));
	if (below->kind == SPK_LOGICAL_PROJECT || below->kind == SPK_LOGICAL_AGGREGATE) {
		going = spk_expr_substitute(arena, going, below->expr);
		SPK_TRY_PTR(going, err);
	}
	if (below->kind == SPK_LOGICAL_SCAN)
		SPK_TRY(into_scan(arena, going, below, out, err));
	else if (below->kind == SPK_LOGICAL_FILTER)
		SPK_TRY(into_filter(arena, going, below, out, err));
	else
		SPK_TRY(put_under(arena, going, below, out, err));
	if (below->kind == SPK_LOGICAL_AGGREGATE)
		SPK_TRY(keep_sets(arena, asked, *out, err));
	if (!staying)
		return SPK_OK;
	*out = spk_filter_node(arena, staying, *out);
	SPK_TRY_PTR(*out, err);
	return SPK_OK;
}

static spk_status push_node(struct spk_arena *arena, struct spk_logical *l, struct spk_logical **out, spk_error *err)
{
	if (l->kind == SPK_LOGICAL_FILTER)
		return spk_push_filter(arena, l, out, err);
	if (l->kind == SPK_LOGICAL_JOIN)
		return spk_push_join(arena, l, out, err);
	*out = l;
	return SPK_OK;
}

spk_status spk_rule_predicate_pushdown(struct spk_arena *arena, struct spk_logical *root, struct spk_logical **out, spk_error *err)
{
	return spk_rule_walk(arena, root, push_node, out, err);
}
