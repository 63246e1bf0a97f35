/* Runs an operator that is brought from above: planner/logical/callback.h. */
#include "planner/logical/callback.h"

#include <stdlib.h>

#include "batch/operator/operator.h"

struct callback { struct spk_op base; void *state; bool begun; };

static spk_status callback_open(struct spk_op *op, spk_error *err)
{
	struct callback *c = (struct callback *)op;

	c->state = calloc(1, op->plan->callback->type->state_size + 1);
	SPK_TRY_PTR(c->state, err);
	return SPK_OK;
}

static void end(struct callback *c)
{
	if (c->begun)
		c->base.plan->callback->type->end(c->state);
	c->begun = false;
}

static spk_status callback_begin(struct spk_op *op, spk_error *err)
{
	struct callback *c = (struct callback *)op;

	end(c);
	c->begun = true;
	return op->plan->callback->type->begin(c->state, op->plan->callback, op->pipeline->account, err);
}

static spk_status emit(void *op, struct spk_batch *batch, spk_error *err) { return spk_op_emit(op, batch, err); }

static spk_status callback_push(struct spk_op *op, int input, struct spk_batch *in, spk_error *err)
{
	struct callback *c = (struct callback *)op;

	(void)input;
	return op->plan->callback->type->push(c->state, in, &(struct spk_callback_out){ emit, op }, err);
}

static spk_status callback_finish(struct spk_op *op, spk_error *err)
{
	struct callback *c = (struct callback *)op;
	spk_status status = op->plan->callback->type->finish(c->state, &(struct spk_callback_out){ emit, op }, err);

	end(c);
	return status;
}

static void callback_close(struct spk_op *op)
{
	struct callback *c = (struct callback *)op;

	end(c);
	free(c->state);
}

const struct spk_op_type spk_op_callback = {
	.name = "callback",
	.size = sizeof(struct callback),
	.open = callback_open,
	.begin = callback_begin,
	.push = callback_push,
	.finish = callback_finish,
	.close = callback_close,
};
