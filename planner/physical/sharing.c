/*
 * What may be decided at run time about a stage behind exchanges: which of its tasks read which partitions. The plan says what is allowed, the
 * scheduler knows the sizes.
 *
 * Several partitions may be read by one task wherever rows that belong together only have to be on one task, which is everywhere but where a task's
 * number counts. A partition may be read by several tasks when whatever is above takes its rows one by one, or by parts that are put together behind
 * the next exchange; a join's other side is read whole by each of these tasks. Of what a single task wrote they may have a part each where it
 * would write the same rows in the same order once more.
 */
#include "planner/physical/build.h"

static bool is_join(const struct spk_physical *n)
{
	return n->kind == SPK_PHYSICAL_HASH_JOIN || n->kind == SPK_PHYSICAL_MERGE_JOIN || n->kind == SPK_PHYSICAL_LOOP_JOIN;
}

/* The node's rows end in what a join keeps, whatever path they take. */
static bool ends_in_build(const struct spk_physical *n)
{
	for (int i = 0; i < n->outputs; i++)
		if (!(is_join(n->output[i].node) && n->output[i].input == 1) && !ends_in_build(n->output[i].node))
			return false;
	return n->outputs > 0;
}

/* Whether `n` gives the same when each of several tasks has a part of the rows of its input. */
static bool takes_parts(const struct spk_physical *n, int input)
{
	switch (n->kind) {
	case SPK_PHYSICAL_FILTER:
	case SPK_PHYSICAL_PROJECT:
	case SPK_PHYSICAL_UNNEST:
	case SPK_PHYSICAL_EXPAND:
	case SPK_PHYSICAL_WINDOW:
	case SPK_PHYSICAL_PARTIAL_AGGREGATE:
	case SPK_PHYSICAL_WRITE:
	case SPK_PHYSICAL_SINK:
		return true;
	case SPK_PHYSICAL_SORT:
	case SPK_PHYSICAL_TOP_K:
	case SPK_PHYSICAL_LIMIT:
		return n->partial;
	case SPK_PHYSICAL_HASH_JOIN:
	case SPK_PHYSICAL_MERGE_JOIN:
	case SPK_PHYSICAL_LOOP_JOIN:
		return input == 0 && spk_join_may_share(n->join, n->build_left ? 0 : 1);
	default:
		return false;
	}
}

static bool all_take_parts(const struct spk_physical *n)
{
	for (int i = 0; i < n->outputs; i++)
		if (!takes_parts(n->output[i].node, n->output[i].input) || !all_take_parts(n->output[i].node))
			return false;
	return true;
}

/* Whether somebody in the stage goes by the number of its task or its partition. */
static bool counts_tasks(const struct spk_physical_stage *stage)
{
	for (int i = 0; i < stage->nodes; i++) {
		const struct spk_physical *n = stage->node[i];

		/* What is said to all tasks of the exchange is said once to each. */
		if (n->kind == SPK_PHYSICAL_NORMALIZE || n->kind == SPK_PHYSICAL_CALLBACK || (n->kind == SPK_PHYSICAL_FINAL_AGGREGATE && n->empty_sets))
			return true;
	}
	return false;
}

static bool all_deterministic(struct spk_expr *const *expr, int n)
{
	for (int i = 0; i < n; i++)
		if (!spk_expr_deterministic(expr[i]))
			return false;
	return true;
}

/*
 * Whether a task that runs again hands on the same rows in the same order, so that some may be taken from one run and the others from another: rows of
 * a file one by one. Aggregates and joins do not promise it: their order depends on what was spilled.
 */
static bool keeps_order(const struct spk_physical *n)
{
	switch (n->kind) {
	case SPK_PHYSICAL_SCAN:
	case SPK_PHYSICAL_VALUES:
	case SPK_PHYSICAL_FILTER:
	case SPK_PHYSICAL_PROJECT:
	case SPK_PHYSICAL_UNNEST:
	case SPK_PHYSICAL_WRITE:
		break;
	default:
		return false;
	}
	if ((n->filter && !spk_expr_deterministic(n->filter)) || !all_deterministic(n->expr, n->expr ? n->expr_count : 0))
		return false;
	for (int i = 0; i < n->inputs; i++)
		if (!keeps_order(n->input[i]))
			return false;
	return true;
}

static bool is_shareable(const struct spk_build *b, const struct spk_physical *leaf)
{
	const struct spk_exchange *x = leaf->kind == SPK_PHYSICAL_READ ? &b->plan->exchange[leaf->exchange] : NULL;

	return x && !x->range && !x->single && !x->direct && !x->spread && !x->asked_for && !x->readers;
}

void spk_build_sharing(const struct spk_build *b, const struct spk_physical_stage *stage, struct spk_leaf_group *group)
{
	int streams = 0, at = -1;

	group->splits = -1;
	group->coalesces = !b->plan->streaming && !stage->stateful && !counts_tasks(stage);
	for (int i = 0; i < group->leaves; i++) {
		const struct spk_physical *leaf = group->leaf[i];
		bool broadcast = leaf->kind == SPK_PHYSICAL_READ && b->plan->exchange[leaf->exchange].broadcast;

		group->coalesces = group->coalesces && (broadcast || is_shareable(b, leaf));
		if (ends_in_build(leaf))
			continue;
		streams++;
		at = broadcast || !all_take_parts(leaf) ? -1 : i;
	}
	/* The rows that the others are looked up for; without any there is nothing that would be gained. */
	if (group->coalesces && streams == 1 && group->leaves > 1)
		group->splits = at;
	group->cuts = group->splits >= 0 && keeps_order(group->leaf[at]->input[0]);
}
