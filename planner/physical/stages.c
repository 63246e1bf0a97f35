/*
 * Cuts the graph into stages: nodes that batches reach without an exchange are one stage. Stages are numbered so that a stage
 * comes after those it reads from.
 */
#include "planner/physical/build.h"

#include "core/base/check.h"

static int find_root(int *parent, int i)
{
	while (parent[i] != i)
		i = parent[i] = parent[parent[i]];
	return i;
}

/* Groups by edges (a READ's input is no edge). Returns the number of groups, group[i] by node. */
static spk_status group_nodes(struct spk_build *b, int *group, int *groups, spk_error *err)
{
	struct spk_physical_plan *p = b->plan;
	int *parent = SPK_NEW_ARRAY(b->arena, int, p->nodes);

	SPK_TRY_PTR(parent, err);
	for (int i = 0; i < p->nodes; i++)
		parent[i] = i;
	for (int i = 0; i < p->nodes; i++)
		for (int k = 0; k < p->node[i]->outputs; k++)
			parent[find_root(parent, i)] = find_root(parent, p->node[i]->output[k].node->id);
	*groups = 0;
	for (int i = 0; i < p->nodes; i++)
		group[i] = parent[i] == i ? (*groups)++ : -1;
	for (int i = 0; i < p->nodes; i++)
		if (group[i] < 0)
			group[i] = group[find_root(parent, i)];
	return SPK_OK;
}

/* Numbers the groups so that writers come before readers: stage[group]. */
static spk_status order_groups(struct spk_build *b, const int *group, int groups, int *stage, spk_error *err)
{
	struct spk_physical_plan *p = b->plan;
	int done = 0;

	for (int i = 0; i < groups; i++)
		stage[i] = -1;
	while (done < groups) {
		int before = done;

		for (int g = 0; g < groups; g++) {
			bool ready = stage[g] < 0;

			for (int i = 0; i < p->nodes && ready; i++)
				if (group[i] == g && p->node[i]->kind == SPK_PHYSICAL_READ)
					ready = stage[group[p->node[i]->input[0]->id]] >= 0;
			if (ready)
				stage[g] = done++;
		}
		if (done == before)
			return spk_fail(err, SPK_INTERNAL, "the stages of the plan form a circle");
	}
	return SPK_OK;
}

static spk_status fill_stage(struct spk_build *b, struct spk_physical_stage *s, spk_error *err)
{
	s->node = SPK_NEW_ARRAY(b->arena, struct spk_physical *, s->nodes);
	SPK_TRY_PTR(s->node, err);
	s->nodes = 0;
	return SPK_OK;
}

spk_status spk_build_stages(struct spk_build *b, spk_error *err)
{
	struct spk_physical_plan *p = b->plan;
	int *group = SPK_NEW_ARRAY(b->arena, int, p->nodes), *stage = SPK_NEW_ARRAY(b->arena, int, p->nodes);

	SPK_TRY_PTR(group && stage, err);
	SPK_TRY(group_nodes(b, group, &p->stages, err));
	SPK_TRY(order_groups(b, group, p->stages, stage, err));
	p->stage = SPK_NEW_ARRAY(b->arena, struct spk_physical_stage, p->stages);
	SPK_TRY_PTR(p->stage, err);
	for (int i = 0; i < p->nodes; i++) {
		p->node[i]->stage = stage[group[i]];
		p->stage[p->node[i]->stage].nodes++;
	}
	for (int i = 0; i < p->stages; i++)
		SPK_TRY(fill_stage(b, &p->stage[i], err));
	/* Nodes were made bottom-up, so their numbers are a topological order. */
	for (int i = 0; i < p->nodes; i++) {
		struct spk_physical *n = p->node[i];
		struct spk_physical_stage *s = &p->stage[n->stage];

		s->node[s->nodes++] = n;
		s->stateful = s->stateful || n->state_table;
		if (n->kind == SPK_PHYSICAL_WRITE)
			p->exchange[n->exchange].write_stage = n->stage;
		if (n->kind == SPK_PHYSICAL_READ)
			p->exchange[n->exchange].read_stage = n->stage;
	}
	for (int i = 0; i < p->stages; i++)
		SPK_TRY(spk_build_leaf_groups(b, i, err));
	return SPK_OK;
}
