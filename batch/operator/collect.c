/* The end of a batch query: hands rows to whoever asked. One task, on a worker thread. */
#include "batch/operator/operator.h"

struct collect { struct spk_op base; };

static spk_status collect_push(struct spk_op *op, int input, struct spk_batch *in, spk_error *err)
{
	struct spk_run *run = op->pipeline->run;

	(void)input;
	return run->collect ? run->collect(run->collect_user, in, err) : SPK_OK;
}

const struct spk_op_type spk_op_collect = { .name = "collect", .size = sizeof(struct collect), .push = collect_push };
