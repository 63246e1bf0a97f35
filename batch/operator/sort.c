/*
 * ORDER BY: all rows of a task by row keys, with PostgreSQL's order of NULLs. Stable: rows with equal keys stay in the order in which they
 * came. Memory-bounded (sorter.h).
 */
#include "batch/operator/sorter.h"

struct sort { struct spk_op base; struct spk_sorter sorter; };

static spk_status sort_open(struct spk_op *op, spk_error *err)
{
	return spk_sorter_init(&((struct sort *)op)->sorter, op, op->plan->schema, op->plan->sort, op->plan->sort_count, err);
}

static spk_status sort_begin(struct spk_op *op, spk_error *err)
{
	return spk_sorter_begin(&((struct sort *)op)->sorter, err);
}

static spk_status sort_push(struct spk_op *op, int input, struct spk_batch *in, spk_error *err)
{
	(void)input;
	return spk_sorter_push(&((struct sort *)op)->sorter, in, err);
}

static spk_status sort_finish(struct spk_op *op, spk_error *err)
{
	struct spk_sorter *s = &((struct sort *)op)->sorter;
	struct spk_batch *batch;

	SPK_TRY(spk_sorter_end(s, err));
	while (!op->done) {
		spk_status status;

		SPK_TRY(spk_sorter_next(s, &batch, err));
		if (!batch)
			return SPK_OK;
		status = spk_op_emit(op, batch, err);
		spk_batch_unref(batch);
		SPK_TRY(status);
	}
	spk_sorter_clear(s);
	return SPK_OK;
}

static void sort_close(struct spk_op *op)
{
	spk_sorter_close(&((struct sort *)op)->sorter);
}

const struct spk_op_type spk_op_sort = {
	.name = "sort",
	.size = sizeof(struct sort),
	.open = sort_open,
	.begin = sort_begin,
	.push = sort_push,
	.finish = sort_finish,
	.close = sort_close,
};
