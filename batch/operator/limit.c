/* LIMIT and OFFSET over the rows in the order in which they come; one task. Once it has them, it is done: leaves stop reading. */
#include "batch/operator/operator.h"

struct limit { struct spk_op base; int64_t seen; };

static spk_status limit_begin(struct spk_op *op, spk_error *err)
{
	(void)err;
	((struct limit *)op)->seen = 0;
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
	op->done = l->seen >= end;
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
