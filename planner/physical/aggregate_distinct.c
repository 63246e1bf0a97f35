/*
 * DISTINCT in aggregates, at scale. Where all DISTINCT calls of a node have the same arguments it becomes two aggregations:
 *
 *   count(DISTINCT x), sum(y) group by k   ->   count(x), merge(s) group by k   over   state of sum(y) as s group by k, x
 *
 * so that repetitions are dropped before the exchange, on all tasks, and nothing grows with the number of distinct values of one group. A
 * DISTINCT call's FILTER is asked of the rows below: whether it was true for one of them.
 *
 * Otherwise, and beside calls whose result depends on the order of rows, the calls keep their distinct rows in their states.
 */
#include "planner/physical/build.h"

#include "core/base/check.h"

static bool same_arguments(const struct spk_aggregate_call *a, const struct spk_aggregate_call *b)
{
	if (a->args != b->args)
		return false;
	for (int i = 0; i < a->args; i++)
		if (!spk_expr_same(a->input[i], b->input[i]))
			return false;
	return true;
}

/* The first DISTINCT call, when two levels are possible; else NULL. */
static const struct spk_aggregate_call *common_call(const struct spk_logical *l)
{
	const struct spk_aggregate_call *first = NULL;

	for (int i = 0; i < l->aggregate_count; i++) {
		const struct spk_aggregate_call *c = &l->aggregate[i];

		if (!c->distinct && (!c->aggregate->unordered || c->step->folds))
			return NULL;
		if (!c->distinct)
			continue;
		if (first && !same_arguments(first, c))
			return NULL;
		first = c;
	}
	for (int i = 0; first && i < first->args; i++)
		if (!spk_expr_deterministic(first->input[i]))
			return NULL;
	return first;
}

/* While the two nodes are made: columns of the lower one's output. */
struct levels {
	struct spk_build *b;
	const struct spk_logical *l;
	struct spk_logical *lower, *upper;
	struct spk_schema *schema;         /* of the lower node */
};

static spk_status lower_column(struct levels *w, const char *name, struct spk_type type, struct spk_expr **out, spk_error *err)
{
	struct spk_field *field = &w->schema->field[w->schema->count];

	*field = (struct spk_field){ name, type, true };
	*out = spk_expr_column(w->b->arena, w->schema->count++, field);
	SPK_TRY_PTR(*out, err);
	return SPK_OK;
}

/* Groups of the lower node: the node's own, then the arguments that are none of them. */
static spk_status lower_groups(struct levels *w, const struct spk_aggregate_call *call, struct spk_expr **argument, spk_error *err)
{
	struct spk_logical *lower = w->lower;

	lower->expr = SPK_NEW_ARRAY(w->b->arena, struct spk_expr *, w->l->expr_count + call->args);
	w->upper->expr = SPK_NEW_ARRAY(w->b->arena, struct spk_expr *, w->l->expr_count + 1);
	SPK_TRY_PTR(lower->expr && w->upper->expr, err);
	for (lower->expr_count = 0; lower->expr_count < w->l->expr_count; lower->expr_count++) {
		const int i = lower->expr_count;

		lower->expr[i] = w->l->expr[i];
		SPK_TRY(lower_column(w, w->l->schema->field[i].name, lower->expr[i]->type, &w->upper->expr[i], err));
	}
	for (int k = 0; k < call->args; k++) {
		int at = 0;

		while (at < lower->expr_count && !spk_expr_same(lower->expr[at], call->input[k]))
			at++;
		if (at < lower->expr_count) {
			argument[k] = spk_expr_column(w->b->arena, at, &w->schema->field[at]);
			SPK_TRY_PTR(argument[k], err);
			continue;
		}
		lower->expr[lower->expr_count++] = call->input[k];
		SPK_TRY(lower_column(w, call->input[k]->name ? call->input[k]->name : "distinct", call->input[k]->type, &argument[k], err));
	}
	return SPK_OK;
}

/* Whether the filter was true for some row: a column of the lower node. */
static spk_status lower_filter(struct levels *w, struct spk_expr **filter, spk_error *err)
{
	const struct spk_aggregate_syntax syntax = { .name = "bool_or", .args = 1, .arg = filter };
	struct spk_aggregate_call *any = &w->lower->aggregate[w->lower->aggregate_count++];

	SPK_TRY(spk_aggregate_resolve(w->b->arena, &syntax, any, err));
	return lower_column(w, "filter", any->type, filter, err);
}

static spk_status upper_distinct(struct levels *w, struct spk_expr *const *argument, struct spk_aggregate_call *c, spk_error *err)
{
	spk_aggregate_without_distinct(c);
	c->input = spk_arena_copy(w->b->arena, argument, sizeof *argument * (size_t)c->inputs);
	SPK_TRY_PTR(c->input, err);
	return c->filter ? lower_filter(w, &c->filter, err) : SPK_OK;
}

static spk_status upper_other(struct levels *w, struct spk_aggregate_call *c, spk_error *err)
{
	struct spk_aggregate_call *below = &w->lower->aggregate[w->lower->aggregate_count++];
	struct spk_expr *state;

	SPK_TRY(spk_aggregate_giving_state(w->b->arena, c, below, err));
	SPK_TRY(lower_column(w, c->aggregate->name, below->type, &state, err));
	return spk_aggregate_merging_states(w->b->arena, c, state, c, err);
}

static spk_status make_calls(struct levels *w, struct spk_expr *const *argument, spk_error *err)
{
	const int calls = w->l->aggregate_count;

	w->lower->aggregate_count = 0;
	w->lower->aggregate = SPK_NEW_ARRAY(w->b->arena, struct spk_aggregate_call, calls + 1);
	w->upper->aggregate = spk_arena_copy(w->b->arena, w->l->aggregate, sizeof *w->l->aggregate * (size_t)calls);
	SPK_TRY_PTR(w->lower->aggregate && w->upper->aggregate, err);
	for (int i = 0; i < calls; i++) {
		struct spk_aggregate_call *c = &w->upper->aggregate[i];

		SPK_TRY(c->distinct ? upper_distinct(w, argument, c, err) : upper_other(w, c, err));
	}
	return SPK_OK;
}

spk_status spk_build_distinct_levels(struct spk_build *b, const struct spk_logical *l, struct spk_logical **lower, struct spk_logical **upper, spk_error *err)
{
	const struct spk_aggregate_call *call = common_call(l);
	struct levels w = { .b = b, .l = l };
	struct spk_expr **argument;

	*lower = *upper = NULL;
	if (!call)
		return SPK_OK;
	w.lower = spk_arena_copy(b->arena, l, sizeof *l);
	w.upper = spk_arena_copy(b->arena, l, sizeof *l);
	w.schema = SPK_NEW(b->arena, struct spk_schema);
	argument = SPK_NEW_ARRAY(b->arena, struct spk_expr *, call->args + 1);
	SPK_TRY_PTR(w.lower && w.upper && w.schema && argument, err);
	w.schema->field = SPK_NEW_ARRAY(b->arena, struct spk_field, l->expr_count + call->args + l->aggregate_count + 1);
	SPK_TRY_PTR(w.schema->field, err);
	w.lower->schema = w.schema;
	w.lower->empty_sets = 0;
	SPK_TRY(lower_groups(&w, call, argument, err));
	SPK_TRY(make_calls(&w, argument, err));
	*lower = w.lower;
	*upper = w.upper;
	return SPK_OK;
}
