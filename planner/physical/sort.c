/*
 * ORDER BY and LIMIT.
 *
 *   ORDER BY            every task sorts its rows, one task merges what they send; or, where several tasks take the sorted rows, each merges a range of
 *                       the keys, whose bounds are found from samples (batch/operator/range.h)
 *   ORDER BY, LIMIT n   every task keeps its first n rows, one task the first n of those; beyond SPK_TOP_K_MOST rows as above, each task
 *                       sending n at most
 *   LIMIT n             every task sends n rows at most and stops reading then
 *
 * Where all rows are on one task already nothing is sent.
 */
#include "planner/physical/build.h"

#include "core/base/check.h"

enum { TOP_K_MOST = 16384 };     /* rows that are kept, in memory, by every task */

/* Fewer bytes are merged by one task, whoever takes them. */
static const double RANGE_BYTES = 4 << 20;

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

/* --- ranges --- */

/* All that rows are sorted by is among what `l` groups by. */
static bool groups_by(const struct spk_logical *l, const struct spk_logical *sort)
{
	for (int i = 0; i < sort->sort_count; i++) {
		bool found = false;

		for (int k = 0; k < l->expr_count; k++)
			found = found || (sort->sort[i].expr->kind == SPK_EXPR_COLUMN && l->expr[k]->kind == SPK_EXPR_COLUMN && l->expr[k]->column == sort->sort[i].expr->column);
		if (!found)
			return false;
	}
	return true;
}

void spk_build_note_sort(struct spk_build *b, const struct spk_logical *l, const struct spk_logical *input)
{
	bool by_task = !l || (l->kind == SPK_LOGICAL_CALLBACK && !l->expr_count), groups = l && (l->kind == SPK_LOGICAL_AGGREGATE || l->kind == SPK_LOGICAL_OVER);

	while (input->kind == SPK_LOGICAL_FILTER || (by_task && input->kind == SPK_LOGICAL_PROJECT))
		input = input->input[0];
	if (input->kind == SPK_LOGICAL_SORT && (by_task || (groups && groups_by(l, input))))
		b->range_sort = input;
}

static bool by_ranges(const struct spk_build *b, const struct spk_logical *sort)
{
	if (b->options->sort_ranges != SPK_SORT_RANGES_AUTO)
		return b->options->sort_ranges == SPK_SORT_RANGES_ALWAYS;
	return b->range_sort == sort && spk_build_rows(b, sort) * spk_build_row_bytes(b, sort) >= RANGE_BYTES;
}

static spk_status add_ranges(struct spk_build *b, const struct spk_logical *sort, struct spk_ports *ports, spk_error *err)
{
	struct spk_partition_key *key = SPK_NEW_ARRAY(b->arena, struct spk_partition_key, sort->sort_count);
	int *column = SPK_NEW_ARRAY(b->arena, int, sort->sort_count);
	bool known = true;

	SPK_TRY_PTR(key && column, err);
	SPK_TRY(spk_build_ranges(b, ports, sort->sort, sort->sort_count, ports, err));
	for (int i = 0; i < sort->sort_count; i++) {
		known = known && sort->sort[i].expr->kind == SPK_EXPR_COLUMN;
		column[i] = sort->sort[i].expr->column;
		key[i] = (struct spk_partition_key){ 1, &column[i] };
	}
	ports->partitioned = (struct spk_partitioning){ .keys = known ? sort->sort_count : 0, .key = key, .range = true, .sort_count = sort->sort_count, .sort = sort->sort };
	return SPK_OK;
}

/* The rows are in this order already, task after task. */
static bool is_sorted(const struct spk_partitioning *p, const struct spk_logical *sort)
{
	if (sort->sort_count > p->sort_count)
		return false;
	for (int i = 0; i < sort->sort_count; i++) {
		const struct spk_sort_key *has = &p->sort[i], *wants = &sort->sort[i];

		if (!spk_expr_same(has->expr, wants->expr) || has->descending != wants->descending || has->nulls_first != wants->nulls_first)
			return false;
	}
	return true;
}

/* --- plans --- */

/* most < 0: all rows; else no more than that are wanted. */
static spk_status sort_all(struct spk_build *b, const struct spk_logical *sort, int64_t most, struct spk_ports *ports, spk_error *err)
{
	if (spk_build_is_single(b, ports))
		return add_sort(b, sort, false, ports, err);
	SPK_TRY(add_sort(b, sort, true, ports, err));
	if (most < 0 && by_ranges(b, sort))
		return add_ranges(b, sort, ports, err);
	if (most >= 0)
		SPK_TRY(add_limit(b, sort, NULL, most, 0, true, ports, err));
	return add_merge(b, sort, ports, err);
}

spk_status spk_build_sort(struct spk_build *b, const struct spk_logical *l, struct spk_ports *in, struct spk_ports *out, spk_error *err)
{
	if (!is_sorted(&in->partitioned, l))
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
		if (!spk_build_is_single(b, in))
			SPK_TRY(spk_build_exchange(b, in, NULL, 0, -1, in, err));
		SPK_TRY(add_limit(b, l, NULL, l->limit, l->offset, false, in, err));
	}
	*out = *in;
	return SPK_OK;
}
