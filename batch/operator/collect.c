/*
 * The end of a batch query: hands rows to whoever asked, one task on a worker thread; or keeps them in a cached or stored relation, each task in
 * a partition of its own.
 *
 * What was handed out cannot be taken back: when the task is tried again, it gets the same rows in the same order (but maybe in other
 * batches), and those that went out before are dropped. For the same reason the failure of the taker is never tried again.
 */
#include "batch/cache.h"
#include "batch/operator/operator.h"
#include "connectors/stored/stored.h"

struct collect { struct spk_op base; int64_t rows; };

static spk_status collect_begin(struct spk_op *op, spk_error *err)
{
	struct spk_run *run = op->pipeline->run;

	((struct collect *)op)->rows = 0;
	if (run->keep)
		spk_cached_restart(run->keep, op->pipeline->task);
	return run->store ? spk_stored_restart(run->store, op->pipeline->task, err) : SPK_OK;
}

static spk_status hand_out(struct spk_run *run, struct spk_batch *batch, spk_error *err)
{
	spk_status status;

	run->collected += batch->selected;
	status = run->collect(run->collect_user, batch, err);
	if (status != SPK_OK && err)
		err->retriable = false;
	return status;
}

static spk_status collect_push(struct spk_op *op, int input, struct spk_batch *in, spk_error *err)
{
	struct spk_run *run = op->pipeline->run;
	struct collect *c = (struct collect *)op;
	int64_t skip = SPK_MIN(SPK_MAX(run->collected - c->rows, 0), in->selected);
	struct spk_batch *rest;
	spk_status status;

	(void)input;
	if (run->store)
		return spk_stored_add(run->store, op->pipeline->task, in, err);
	if (run->keep)
		return spk_cached_add(run->keep, op->pipeline->task, in, err);
	c->rows += in->selected;
	if (!run->collect || skip == in->selected)
		return SPK_OK;
	if (skip == 0)
		return hand_out(run, in, err);
	SPK_TRY(spk_op_slice(&rest, in, (int)skip, in->selected - (int)skip, err));
	status = hand_out(run, rest, err);
	spk_batch_unref(rest);
	return status;
}

const struct spk_op_type spk_op_collect = { .name = "collect", .size = sizeof(struct collect), .begin = collect_begin, .push = collect_push };
