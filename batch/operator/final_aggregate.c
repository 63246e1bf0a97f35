/*
 * Merges partial states and passed rows by group and emits every group at the end of the query. An aggregate without GROUP BY gives its one
 * row also over no rows.
 *
 *   input   batches of enum spk_partial_column
 *   output  a row per group, in the order of the groups' hashes: an order that depends on nothing but the groups, since tasks own ranges of
 *           hashes; not on how many tasks there are, nor on when or whether something was spilled
 *   state   groups; when memory is short, packed groups on disk, by the upper bits of their hashes (group_spill.h)
 */
#include "batch/operator/group_spill.h"

struct final {
	struct spk_op base;
	struct spk_arena *arena;
	struct spk_groups groups;
	struct spk_spill_share share;
	struct spk_group_spill spill;
};

static spk_status final_open(struct spk_op *op, spk_error *err)
{
	struct final *f = (struct final *)op;

	f->arena = spk_arena_new(op->pipeline->account);
	SPK_TRY_PTR(f->arena, err);
	spk_spill_share_init(&f->share, op);
	f->spill = (struct spk_group_spill){ .groups = &f->groups, .share = &f->share, .op = op };
	return spk_groups_init(&f->groups, op->plan, true, op->pipeline->account, f->arena, err);
}

static spk_status final_begin(struct spk_op *op, spk_error *err)
{
	struct final *f = (struct final *)op;

	spk_groups_clear(&f->groups);
	spk_group_spill_clear(&f->spill);
	return spk_spill_share_begin(&f->share, err);
}

static spk_status final_push(struct spk_op *op, int input, struct spk_batch *in, spk_error *err)
{
	(void)input;
	return spk_group_spill_push(&((struct final *)op)->spill, in, err);
}

static spk_status emit_groups(struct final *f, const uint32_t *order, spk_error *err)
{
	const uint32_t count = spk_groups_count(&f->groups), piece = (uint32_t)spk_groups_piece(&f->groups);

	for (uint32_t from = 0; from < count && !f->base.done; from += piece) {
		struct spk_batch *out;
		spk_status status;

		SPK_TRY(spk_groups_rows(&f->groups, order + from, (int)SPK_MIN(count - from, piece), f->base.pipeline->account, &out, err));
		status = spk_op_emit(&f->base, out, err);
		spk_batch_unref(out);
		SPK_TRY(status);
	}
	return SPK_OK;
}

/* All groups that are in memory, in order. MEMORY_LIMIT before the first is handed on: *refused. */
static spk_status emit_ordered(struct final *f, bool *refused, spk_error *err)
{
	const size_t bytes = spk_groups_count(&f->groups) * sizeof(uint32_t);
	uint32_t *order = spk_malloc(f->groups.meter, bytes);
	spk_status status = order ? spk_group_table_order(&f->groups.table, order, err) : spk_fail_memory(err);

	*refused = status == SPK_MEMORY_LIMIT;
	if (status == SPK_OK)
		status = emit_groups(f, order, err);
	spk_free(f->groups.meter, order, order ? bytes : 0);
	return status;
}

/* The one group of an aggregate without GROUP BY, when no row came. */
static spk_status emit_empty(struct final *f, spk_error *err)
{
	char *states = spk_arena_zalloc(f->arena, (size_t)f->base.plan->state_size + 1);
	struct spk_batch *out;
	spk_status status;

	SPK_TRY_PTR(states, err);
	SPK_TRY(spk_groups_output(f->base.plan->schema, 1, f->base.pipeline->account, &out, err));
	status = spk_groups_final(&f->groups, &states, 1, out->column, 0, 1, out->arena, err);
	if (status == SPK_OK)
		status = spk_op_emit(&f->base, out, err);
	spk_batch_unref(out);
	return status;
}

static spk_status emit_part(void *user, spk_error *err)
{
	bool ignored;

	return emit_ordered(user, &ignored, err);
}

static spk_status emit_all(struct final *f, spk_error *err)
{
	const struct spk_physical *plan = f->base.plan;
	bool refused = false;
	spk_status status;

	if (!f->base.pipeline->of_keys)
		SPK_TRY(spk_groups_add_empty_sets(&f->groups, f->base.pipeline->partition, f->base.pipeline->partitions, NULL, err));
	if (spk_group_spill_any(&f->spill))
		return spk_group_spill_each(&f->spill, emit_part, f, err);
	if (spk_groups_count(&f->groups) == 0)
		return plan->expr_count == 0 && plan->aggregate_count > 0 ? emit_empty(f, err) : SPK_OK;
	status = emit_ordered(f, &refused, err);
	return refused && f->share.spill && spk_groups_count(&f->groups) > 1 ? spk_group_spill_each(&f->spill, emit_part, f, err) : status;
}

static spk_status final_finish(struct spk_op *op, spk_error *err)
{
	struct final *f = (struct final *)op;
	const spk_status status = emit_all(f, err);

	spk_groups_clear(&f->groups);
	spk_group_spill_clear(&f->spill);
	spk_spill_share_end(&f->share);
	return status;
}

static void final_close(struct spk_op *op)
{
	struct final *f = (struct final *)op;

	spk_group_spill_clear(&f->spill);
	spk_spill_share_release(&f->share);
	spk_groups_release(&f->groups);
	spk_arena_unref(f->arena);
}

const struct spk_op_type spk_op_final_aggregate = {
	.name = "final aggregate",
	.size = sizeof(struct final),
	.open = final_open,
	.begin = final_begin,
	.push = final_push,
	.finish = final_finish,
	.close = final_close,
};
