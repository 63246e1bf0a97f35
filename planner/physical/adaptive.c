/*
 * Joins that are settled at run time: the exchange of the probe side is left out when the build side turns out small, whatever was estimated. Then each
 * task reads the build side whole, and goes on with its probe rows where they are. scheduler/fuse.c decides.
 *
 *   which            hash joins without a hint, of which several tasks may share the kept side (join.c marks their exchanges)
 *   what follows     must not mind which task a row is on, up to the next exchange: as for partitions that are split (sharing.c)
 *   the kept sides   come straight from their exchanges: every task reads all of them, which must cost nothing more
 *   the probe side   is a stage that writes this exchange and nothing else, so that other tasks can do its work
 *
 * Where that does not hold a join stays what the planner took it for: exchanged, or with the kept side for all from the start.
 */
#include "planner/physical/build.h"

#include "core/base/check.h"

static struct spk_physical *find_node(const struct spk_build *b, enum spk_physical_kind kind, int exchange)
{
	int i = 0;

	while (b->plan->node[i]->kind != kind || b->plan->node[i]->exchange != exchange)
		i++;
	return b->plan->node[i];
}

/* --- whether it may be left out --- */

/* Rows of `leaf` are what a hash join keeps, as they are. */
static bool is_kept(const struct spk_build *b, const struct spk_physical *leaf)
{
	const struct spk_physical_edge *to = leaf->output;

	if (b->plan->exchange[leaf->exchange].broadcast)
		return true;
	return leaf->outputs == 1 && to->input == 1 && to->node->kind == SPK_PHYSICAL_HASH_JOIN && !to->node->logical->hint;
}

static bool fits_group(const struct spk_build *b, const struct spk_leaf_group *g, const struct spk_physical *read)
{
	int sides = 0;

	if (g->splits < 0 || g->leaf[g->splits] != read)
		return false;
	for (int i = 0; i < g->leaves; i++) {
		if (i != g->splits && !is_kept(b, g->leaf[i]))
			return false;
		sides += i != g->splits && !b->plan->exchange[g->leaf[i]->exchange].broadcast;
	}
	return sides > 0;
}

static bool writes_nothing_else(const struct spk_physical_stage *stage)
{
	int ends = 0;

	for (int i = 0; i < stage->nodes; i++)
		ends += stage->node[i]->outputs == 0;
	return ends == 1 && !stage->stateful;
}

static bool may_be_left_out(const struct spk_build *b, int x)
{
	const struct spk_physical_stage *reads = &b->plan->stage[b->plan->exchange[x].read_stage];
	const struct spk_physical *read = find_node(b, SPK_PHYSICAL_READ, x);
	bool fits = false;

	for (int i = 0; i < reads->groups; i++)
		fits = fits || fits_group(b, &reads->group[i], read);
	return fits && writes_nothing_else(&b->plan->stage[b->plan->exchange[x].write_stage]);
}

/* --- taking it out for good --- */

/* What wrote the exchange feeds the join itself. */
static spk_status bridge(struct spk_build *b, const struct spk_physical *write, const struct spk_physical *read, spk_error *err)
{
	struct spk_physical *join = read->output[0].node;
	struct spk_physical **input = SPK_NEW_ARRAY(b->arena, struct spk_physical *, join->inputs + write->inputs);
	int n = 0;

	SPK_TRY_PTR(input, err);
	for (int i = 0; i < join->inputs; i++) {
		if (join->input[i] != read)
			input[n++] = join->input[i];
		for (int k = 0; k < write->inputs && join->input[i] == read; k++)
			input[n++] = write->input[k];
	}
	join->input = input;
	join->inputs = n;
	for (int i = 0; i < write->inputs; i++)
		for (int k = 0; k < write->input[i]->outputs; k++)
			if (write->input[i]->output[k].node == write)
				write->input[i]->output[k].node = join;
	return SPK_OK;
}

/* Numbers of nodes and exchanges without those of exchange x. */
static void renumber(struct spk_physical_plan *p, int x)
{
	int n = 0;

	for (int i = 0; i < p->nodes; i++) {
		struct spk_physical *node = p->node[i];

		if (node->exchange == x)
			continue;
		node->exchange -= node->exchange > x;
		node->id = n;
		p->node[n++] = node;
	}
	p->nodes = n;
	p->exchanges--;
	memmove(&p->exchange[x], &p->exchange[x + 1], sizeof *p->exchange * (size_t)(p->exchanges - x));
}

static spk_status take_out(struct spk_build *b, int x, spk_error *err)
{
	struct spk_physical *write = find_node(b, SPK_PHYSICAL_WRITE, x), *read = find_node(b, SPK_PHYSICAL_READ, x), *join = read->output[0].node, *build = join->input[join->inputs - 1];

	SPK_ASSERT(read->outputs == 1 && build->kind == SPK_PHYSICAL_READ, "a join between two exchanges");
	SPK_TRY(bridge(b, write, read, err));
	join->broadcast = true;
	b->plan->exchange[build->exchange].broadcast = true;
	b->plan->exchange[build->exchange].whole = false;
	build->input[0]->key_count = 0;
	renumber(b->plan, x);
	return SPK_OK;
}

spk_status spk_build_adaptive(struct spk_build *b, bool *again, spk_error *err)
{
	*again = false;
	for (int x = 0; x < b->plan->exchanges; x++) {
		struct spk_exchange *e = &b->plan->exchange[x];

		if (!e->left_out_bytes || may_be_left_out(b, x))
			continue;
		if (e->unlikely) {
			*again = true;
			return take_out(b, x, err);
		}
		e->left_out_bytes = 0;
	}
	return SPK_OK;
}
