/*
 * The end of a batch query: hands rows to whoever asked. One task, on a worker thread.
 *
 * What was handed out cannot be taken back: when the task is tried again, it gets the same batches in the same order, and those that
 * went out before are dropped. For the same reason the failure of the taker is never tried again.
 */
#include "batch/operator/operator.h"

struct collect { struct spk_op base; int64_t batches; };

static spk_status collect_begin(struct spk_op *op, spk_error *err)
{
	(void)err;
	((struct collect *)op)->batches = 0;
	return SPK_OK;
}

static spk_status collect_push(struct spk_op *op, int input, struct spk_batch *in, spk_error *err)
{
	struct spk_run *run = op->pipeline->run;
	spk_status status;

	(void)input;
	if (!run->collect || ++((struct collect *)op)->batches <= run->collected)
		return SPK_OK;
	run->collected++;
	status = run->collect(run->collect_user, in, err);
	if (status != SPK_OK && err)
		err->retriable = false;
	return status;
}

const struct spk_op_type spk_op_collect = { .name = "collect", .size = sizeof(struct collect), .begin = collect_begin, .push = collect_push };
