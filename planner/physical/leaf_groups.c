/*
 * Which leaves of a stage one task drives together, and in which order.
 *
 * Leaves that meet in a join belong together, except that what is broadcast is read by every task of whatever it meets. The order puts
 * the build side of every join before its probe side, so that a join has all it keeps before the first row probes it.
 */
#include "planner/physical/build.h"

#include "core/base/check.h"

struct grouping {
	struct spk_build *b;
	const struct spk_physical_plan *plan;
	int stage;
	int *parent;              /* union-find over leaves, by node id */
	struct spk_leaf_group *group;
	bool *member, *visited;   /* scratch, by node id */
};

static bool is_leaf(const struct spk_physical *n)
{
	return n->kind == SPK_PHYSICAL_SCAN || n->kind == SPK_PHYSICAL_READ || n->kind == SPK_PHYSICAL_VALUES || n->kind == SPK_PHYSICAL_WORK_TABLE;
}

static bool is_broadcast(const struct spk_physical_plan *plan, const struct spk_physical *n)
{
	return n->kind == SPK_PHYSICAL_READ && plan->exchange[n->exchange].broadcast;
}

static int find_root(int *parent, int i)
{
	while (parent[i] != i)
		i = parent[i] = parent[parent[i]];
	return i;
}

/* The input of `to` that the edge from `from` is, the n-th of several. */
static int edge_input(const struct spk_physical *from, const struct spk_physical *to)
{
	for (int i = 0; i < from->outputs; i++)
		if (from->output[i].node == to)
			return from->output[i].input;
	return 0;
}

/* Calls `visit` for every partitioned leaf below `n`. */
static void each_leaf(struct grouping *g, const struct spk_physical *n, void (*visit)(struct grouping *g, const struct spk_physical *leaf, int *user), int *user)
{
	if (is_leaf(n)) {
		if (!is_broadcast(g->plan, n))
			visit(g, n, user);
		return;
	}
	for (int i = 0; i < n->inputs; i++)
		each_leaf(g, n->input[i], visit, user);
}

static void join_leaf(struct grouping *g, const struct spk_physical *leaf, int *first)
{
	if (*first < 0)
		*first = leaf->id;
	g->parent[find_root(g->parent, leaf->id)] = find_root(g->parent, *first);
}

static void count_leaf(struct grouping *g, const struct spk_physical *leaf, int *count)
{
	(void)g;
	(void)leaf;
	++*count;
}

/* A join whose build side is partitioned brings all leaves below it together. */
static void join_leaves(struct grouping *g, const struct spk_physical *n)
{
	int first = -1, build = 0;

	for (int i = 0; i < n->inputs; i++)
		if (edge_input(n->input[i], n) == 1)
			each_leaf(g, n->input[i], count_leaf, &build);
	if (build)
		each_leaf(g, n, join_leaf, &first);
}

/* Marks what is reached from `n` in its stage. */
static void reach(struct grouping *g, const struct spk_physical *n)
{
	if (g->member[n->id])
		return;
	g->member[n->id] = true;
	for (int i = 0; i < n->outputs; i++)
		reach(g, n->output[i].node);
}

/* Leaves below `n` into the group, build sides first; members are what the group's own leaves reach. */
static void order_leaves(struct grouping *g, int root, const struct spk_physical *n)
{
	if (g->visited[n->id])
		return;
	g->visited[n->id] = true;
	if (is_leaf(n)) {
		struct spk_leaf_group *group = g->group;

		if (!is_broadcast(g->plan, n) && find_root(g->parent, n->id) != root)
			return;
		if (!is_broadcast(g->plan, n))
			group->partitioned = group->leaves;
		group->leaf[group->leaves++] = (struct spk_physical *)(uintptr_t)n;
		return;
	}
	for (int input = 1; input >= 0; input--)
		for (int i = 0; i < n->inputs; i++)
			if (edge_input(n->input[i], n) == input && (g->member[n->input[i]->id] || is_leaf(n->input[i])))
				order_leaves(g, root, n->input[i]);
}

static spk_status fill_group(struct grouping *g, int root, spk_error *err)
{
	const struct spk_physical_stage *s = &g->plan->stage[g->stage];

	g->group->leaf = SPK_NEW_ARRAY(g->b->arena, struct spk_physical *, s->nodes);
	g->group->partitioned = -1;
	g->member = SPK_NEW_ARRAY(g->b->arena, bool, g->plan->nodes);
	g->visited = SPK_NEW_ARRAY(g->b->arena, bool, g->plan->nodes);
	SPK_TRY_PTR(g->group->leaf && g->member && g->visited, err);
	for (int i = 0; i < s->nodes; i++)
		if (is_leaf(s->node[i]) && !is_broadcast(g->plan, s->node[i]) && find_root(g->parent, s->node[i]->id) == root)
			reach(g, s->node[i]);
	for (int i = 0; i < s->nodes; i++)
		if (g->member[s->node[i]->id] && s->node[i]->outputs == 0)
			order_leaves(g, root, s->node[i]);
	SPK_ASSERT(g->group->partitioned >= 0, "a group has a leaf that says how many tasks it has");
	return SPK_OK;
}

spk_status spk_build_leaf_groups(struct spk_build *b, int stage, spk_error *err)
{
	struct grouping g = { .b = b, .plan = b->plan, .stage = stage };
	struct spk_physical_stage *s = &b->plan->stage[stage];

	g.parent = SPK_NEW_ARRAY(b->arena, int, b->plan->nodes);
	s->group = SPK_NEW_ARRAY(b->arena, struct spk_leaf_group, s->nodes);
	SPK_TRY_PTR(g.parent && s->group, err);
	for (int i = 0; i < b->plan->nodes; i++)
		g.parent[i] = i;
	for (int i = 0; i < s->nodes; i++)
		join_leaves(&g, s->node[i]);
	for (int i = 0; i < s->nodes; i++) {
		const struct spk_physical *n = s->node[i];
		bool first = is_leaf(n) && !is_broadcast(b->plan, n);

		for (int k = 0; k < i && first; k++)
			first = !is_leaf(s->node[k]) || is_broadcast(b->plan, s->node[k]) || find_root(g.parent, s->node[k]->id) != find_root(g.parent, n->id);
		if (!first)
			continue;
		g.group = &s->group[s->groups++];
		SPK_TRY(fill_group(&g, find_root(g.parent, n->id), err));
		spk_build_sharing(b, s, g.group);
	}
	SPK_ASSERT(s->groups > 0, "a stage has a task");
	return SPK_OK;
}
