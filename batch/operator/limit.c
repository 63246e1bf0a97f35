/*
 * LIMIT and OFFSET over the rows in the order in which they come; one task. Once it has them, it is done: leaves stop reading.
 *
 * Before the exchange each task takes as many of its own rows as can be wanted (`partial`), and tells the others how many it has: rows of a task
 * are only wanted when those of the tasks before it are not enough, so it need not read any more once they are. What comes out does not depend on
 * who was faster.
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "batch/operator/operator.h"

struct limit { struct spk_op base; int64_t seen; _Atomic int64_t *taken; };  /* taken: by task of the stage, partial ones only */

static spk_status share_counts(struct spk_op *op, spk_error *err)
{
	struct spk_shared *shared = &op->pipeline->shared[op->plan->id];
	struct limit *l = (struct limit *)op;

	pthread_mutex_lock(&shared->lock);
	if (!shared->value) {
		shared->value = calloc((size_t)op->pipeline->tasks, sizeof *l->taken);
		shared->release = free;
	}
	l->taken = shared->value;
	pthread_mutex_unlock(&shared->lock);
	SPK_TRY_PTR(l->taken, err);
	return SPK_OK;
}

/* Rows that the tasks before this one have taken. */
static int64_t taken_before(const struct limit *l)
{
	int64_t rows = 0;

	for (int i = 0; l->taken && i < l->base.pipeline->task; i++)
		rows += atomic_load_explicit(&l->taken[i], memory_order_relaxed);
	return rows;
}

static spk_status limit_begin(struct spk_op *op, spk_error *err)
{
	struct limit *l = (struct limit *)op;

	l->seen = 0;
	/* Of sorted rows those of later tasks are wanted as well. */
	if (op->plan->partial && op->plan->input[0]->kind != SPK_PHYSICAL_SORT) {
		SPK_TRY(share_counts(op, err));
		atomic_store_explicit(&l->taken[op->pipeline->task], 0, memory_order_relaxed);
	}
	op->done = op->plan->limit == 0 || (l->taken && taken_before(l) >= op->plan->limit);
	return SPK_OK;
}

static spk_status limit_push(struct spk_op *op, int input, struct spk_batch *in, spk_error *err)
{
	struct limit *l = (struct limit *)op;
	int64_t first = op->plan->offset, end;
	int64_t skip = SPK_MIN(SPK_MAX(first - l->seen, 0), in->selected);
	int64_t take;
	struct spk_batch *out;
	spk_status status;

	(void)input;
	if (op->plan->limit < 0 || __builtin_add_overflow(first, op->plan->limit, &end))
		end = INT64_MAX;
	take = SPK_MIN(SPK_MAX(end - l->seen - skip, 0), in->selected - skip);
	l->seen += in->selected;
	if (l->taken)
		atomic_store_explicit(&l->taken[op->pipeline->task], SPK_MIN(l->seen, end), memory_order_relaxed);
	op->done = l->seen >= end || (l->taken && taken_before(l) >= end);
	if (take == 0)
		return SPK_OK;
	if (take == in->selected)
		return spk_op_emit(op, in, err);
	SPK_TRY(spk_op_slice(&out, in, (int)skip, (int)take, err));
	status = spk_op_emit(op, out, err);
	spk_batch_unref(out);
	return status;
}

const struct spk_op_type spk_op_limit = { .name = "limit", .size = sizeof(struct limit), .begin = limit_begin, .push = limit_push };
