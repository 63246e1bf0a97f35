/* Keeps the rows for which a predicate is true. Stateless and linear: weights and origin pass through. */
#include "batch/operator/operator.h"

struct filter { struct spk_op base; };

static spk_status filter_push(struct spk_op *op, int input, struct spk_batch *in, spk_error *err)
{
	struct spk_row_errors errors = { 0 };
	struct spk_batch *out = NULL;
	struct spk_eval ev;
	int32_t *keep;
	int kept = 0;
	spk_status status;

	(void)input;
	SPK_TRY(spk_batch_derive(&out, in, in->schema, err));
	memcpy(out->column, in->column, sizeof *in->column * (size_t)in->columns);
	ev = spk_op_eval(op, out->arena, &errors);
	keep = spk_arena_alloc(out->arena, sizeof *keep * (size_t)in->selected);
	status = keep ? spk_expr_filter(op->plan->filter, in, in->sel, in->selected, &ev, keep, &kept, err) : spk_fail_memory(err);
	if (status == SPK_OK && errors.count) {
		int32_t *all = spk_op_selection(in, out->arena);
		int n = in->selected;

		/* A failing row's predicate came as NULL, so it is not in keep[]; this only reports it. */
		status = all ? spk_op_reject(op, in, &errors, all, &n, err) : spk_fail_memory(err);
	}
	if (status == SPK_OK && kept == in->selected)
		status = spk_op_emit(op, in, err);
	else if (status == SPK_OK) {
		out->sel = keep;
		out->selected = kept;
		status = spk_op_emit(op, out, err);
	}
	spk_batch_unref(out);
	return status;
}

const struct spk_op_type spk_op_filter = { .name = "filter", .size = sizeof(struct filter), .push = filter_push };
