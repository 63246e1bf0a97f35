/*
 * Merges partial states by group and emits every group at the end of the query. An aggregate without GROUP BY gives its one row
 * also over no rows.
 */
#include "batch/operator/groups.h"

struct final { struct spk_op base; struct spk_arena *arena; struct spk_groups groups; };

static spk_status final_open(struct spk_op *op, spk_error *err)
{
	struct final *f = (struct final *)op;

	f->arena = spk_arena_new(op->pipeline->account);
	SPK_TRY_PTR(f->arena, err);
	return spk_groups_init(&f->groups, op->plan, op->pipeline->account, f->arena, err);
}

static spk_status final_begin(struct spk_op *op, spk_error *err)
{
	(void)err;
	spk_groups_clear(&((struct final *)op)->groups);
	return SPK_OK;
}

static spk_status final_push(struct spk_op *op, int input, struct spk_batch *in, spk_error *err)
{
	(void)input;
	return spk_groups_merge(&((struct final *)op)->groups, in, err);
}

static spk_status emit_groups(struct spk_op *op, uint32_t from, int n, spk_error *err)
{
	struct final *f = (struct final *)op;
	char *state[SPK_BATCH_ROWS];
	struct spk_batch *out;
	spk_status status = SPK_OK;

	SPK_TRY(spk_groups_output(&f->groups, n, &out, err));
	for (int i = 0; i < n && status == SPK_OK; i++) {
		uint32_t size;
		const char *key = spk_keymap_key(&f->groups.map, from + (uint32_t)i, &size);

		state[i] = spk_group_states(spk_groups_row(&f->groups, from + (uint32_t)i));
		status = spk_groups_decode(&f->groups, key, size, out->column, i, n, out->arena, err);
	}
	if (status == SPK_OK)
		status = spk_groups_final(&f->groups, state, n, out->column, 0, n, out->arena, err);
	if (status == SPK_OK)
		status = spk_op_emit(op, out, err);
	spk_batch_unref(out);
	return status;
}

/* The one group of an aggregate without GROUP BY, when no row came. */
static spk_status emit_empty(struct spk_op *op, spk_error *err)
{
	struct final *f = (struct final *)op;
	int row_size = f->groups.row_size;
	char *row = spk_arena_zalloc(f->arena, (size_t)row_size), *state;
	struct spk_batch *out;
	spk_status status;

	SPK_TRY_PTR(row, err);
	state = spk_group_states(row);
	SPK_TRY(spk_groups_output(&f->groups, 1, &out, err));
	status = spk_groups_final(&f->groups, &state, 1, out->column, 0, 1, out->arena, err);
	if (status == SPK_OK)
		status = spk_op_emit(op, out, err);
	spk_batch_unref(out);
	return status;
}

static spk_status final_finish(struct spk_op *op, spk_error *err)
{
	struct final *f = (struct final *)op;
	uint32_t count;

	SPK_TRY(spk_groups_add_empty_sets(&f->groups, op->pipeline->partition, op->pipeline->partitions, err));
	count = f->groups.map.count;
	if (count == 0 && op->plan->expr_count == 0 && op->plan->aggregate_count > 0)
		return emit_empty(op, err);
	for (uint32_t from = 0; from < count; from += SPK_BATCH_ROWS)
		SPK_TRY(emit_groups(op, from, (int)SPK_MIN(count - from, (uint32_t)SPK_BATCH_ROWS), err));
	spk_groups_clear(&f->groups);
	return SPK_OK;
}

static void final_close(struct spk_op *op)
{
	struct final *f = (struct final *)op;

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
