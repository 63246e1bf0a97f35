/*
 * ORDER BY and LIMIT.
 *
 *   ORDER BY            every task sorts its rows, one task merges what they send
 *   ORDER BY, LIMIT n   every task keeps its first n rows, one task the first n of those; beyond SPK_TOP_K_MOST rows as above, each task
 *                       sending n at most
 *   LIMIT n             every task sends n rows at most and stops reading then
 *
 * Where all rows are on one task already nothing is sent.
 */
#include "planner/physical/build.h"

#include "core/base/check.h"

enum { TOP_K_MOST = 16384 };     /* rows that are kept, in memory, by every task */

/* --- where the rows are --- */

static bool is_join(const struct spk_physical *n)
{
	return n->kind == SPK_PHYSICAL_HASH_JOIN || n->kind == SPK_PHYSICAL_MERGE_JOIN || n->kind == SPK_PHYSICAL_LOOP_JOIN;
}

/* Several inputs that do not meet in a join (UNION ALL) are several tasks. */
static bool single_node(const struct spk_build *b, const struct spk_physical *n)
{
	if (n->kind == SPK_PHYSICAL_READ)
		return b->plan->exchange[n->exchange].single || b->plan->exchange[n->exchange].broadcast;
	if (n->kind == SPK_PHYSICAL_INPUT)
		return true;
	if (n->kind == SPK_PHYSICAL_VALUES)
		return n->tasks == 1;
	if (n->inputs == 2 && is_join(n))
		return single_node(b, n->input[0]) && single_node(b, n->input[1]);
	return n->inputs == 1 && single_node(b, n->input[0]);
}

bool spk_build_is_single(const struct spk_build *b, const struct spk_ports *ports)
{
	return ports->count == 1 && single_node(b, ports->node[0]);
}

/* --- nodes --- */

static spk_status add_sort(struct spk_build *b, const struct spk_logical *sort, bool partial, struct spk_ports *ports, spk_error *err)
{
	struct spk_physical *node = spk_build_node(b, SPK_PHYSICAL_SORT, ports->node[0]->schema, ports, sort);

	SPK_TRY_PTR(node, err);
	node->sort = sort->sort;
	node->sort_count = sort->sort_count;
	node->partial = partial;
	*ports = spk_build_port(b, node, ports->retracts);
	SPK_TRY_PTR(ports->node, err);
	return SPK_OK;
}

/* LIMIT, or TOP_K by the order of `sort`. */
static spk_status add_limit(struct spk_build *b, const struct spk_logical *l, const struct spk_logical *sort, int64_t limit, int64_t offset, bool partial, struct spk_ports *ports, spk_error *err)
{
	struct spk_physical *node = spk_build_node(b, sort ? SPK_PHYSICAL_TOP_K : SPK_PHYSICAL_LIMIT, ports->node[0]->schema, ports, l);

	SPK_TRY_PTR(node, err);
	node->limit = limit;
	node->offset = offset;
	node->partial = partial;
	if (sort) {
		node->sort = sort->sort;
		node->sort_count = sort->sort_count;
	}
	*ports = spk_build_port(b, node, ports->retracts);
	SPK_TRY_PTR(ports->node, err);
	return SPK_OK;
}

/* All to one task, which merges them by the order that they are in. */
static spk_status add_merge(struct spk_build *b, const struct spk_logical *sort, struct spk_ports *ports, spk_error *err)
{
	struct spk_physical *read;

	SPK_TRY(spk_build_exchange(b, ports, NULL, 0, -1, ports, err));
	read = ports->node[0];
	read->sort = read->input[0]->sort = sort->sort;
	read->sort_count = read->input[0]->sort_count = sort->sort_count;
	return SPK_OK;
}

/* --- plans --- */

/* most < 0: all rows; else no more than that are wanted. */
static spk_status sort_all(struct spk_build *b, const struct spk_logical *sort, int64_t most, struct spk_ports *ports, spk_error *err)
{
	if (spk_build_is_single(b, ports))
		return add_sort(b, sort, false, ports, err);
	SPK_TRY(add_sort(b, sort, true, ports, err));
	if (most >= 0)
		SPK_TRY(add_limit(b, sort, NULL, most, 0, true, ports, err));
	return add_merge(b, sort, ports, err);
}

spk_status spk_build_sort(struct spk_build *b, const struct spk_logical *l, struct spk_ports *in, struct spk_ports *out, spk_error *err)
{
	SPK_TRY(sort_all(b, l, -1, in, err));
	*out = *in;
	return SPK_OK;
}

/* Rows that are wanted in all; -1: no end. */
static int64_t wanted(const struct spk_logical *l)
{
	int64_t rows;

	return l->limit < 0 || __builtin_add_overflow(l->limit, l->offset, &rows) ? -1 : rows;
}

static spk_status top_k(struct spk_build *b, const struct spk_logical *l, const struct spk_logical *sort, struct spk_ports *ports, spk_error *err)
{
	if (!spk_build_is_single(b, ports)) {
		SPK_TRY(add_limit(b, sort, sort, wanted(l), 0, true, ports, err));
		SPK_TRY(spk_build_exchange(b, ports, NULL, 0, -1, ports, err));
	}
	return add_limit(b, l, sort, l->limit, l->offset, false, ports, err);
}

static spk_status limit_alone(struct spk_build *b, const struct spk_logical *l, struct spk_ports *ports, spk_error *err)
{
	if (!spk_build_is_single(b, ports)) {
		if (wanted(l) >= 0)
			SPK_TRY(add_limit(b, l, NULL, wanted(l), 0, true, ports, err));
		SPK_TRY(spk_build_exchange(b, ports, NULL, 0, -1, ports, err));
	}
	return add_limit(b, l, NULL, l->limit, l->offset, false, ports, err);
}

spk_status spk_build_limit(struct spk_build *b, const struct spk_logical *l, struct spk_ports *in, struct spk_ports *out, spk_error *err)
{
	const struct spk_logical *sort = l->input[0]->kind == SPK_LOGICAL_SORT ? l->input[0] : NULL;

	if (!sort) {
		SPK_TRY(limit_alone(b, l, in, err));
	} else if (wanted(l) >= 0 && wanted(l) <= TOP_K_MOST) {
		SPK_TRY(top_k(b, l, sort, in, err));
	} else {
		SPK_TRY(sort_all(b, sort, wanted(l), in, err));
		SPK_TRY(add_limit(b, l, NULL, l->limit, l->offset, false, in, err));
	}
	*out = *in;
	return SPK_OK;
}
