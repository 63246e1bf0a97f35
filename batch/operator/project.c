/* Computes expressions over each row. Stateless and linear: selection, weights and origin pass through. */
#include "batch/operator/operator.h"

struct project { struct spk_op base; };

static spk_status compute(struct spk_op *op, const struct spk_batch *in, struct spk_batch *out, struct spk_row_errors *errors, spk_error *err)
{
	struct spk_eval ev = spk_op_eval(op, out->arena, errors);

	for (int i = 0; i < op->plan->expr_count; i++)
		SPK_TRY(spk_expr_eval(op->plan->expr[i], in, in->sel, in->selected, &ev, &out->column[i], err));
	return SPK_OK;
}

static spk_status project_push(struct spk_op *op, int input, struct spk_batch *in, spk_error *err)
{
	struct spk_row_errors errors = { 0 };
	struct spk_batch *out = NULL;
	spk_status status;

	(void)input;
	SPK_TRY(spk_batch_derive(&out, in, op->plan->schema, err));
	status = compute(op, in, out, &errors, err);
	if (status == SPK_OK && errors.count) {
		int32_t *sel = spk_op_selection(in, out->arena);
		int n = in->selected;

		status = sel ? spk_op_reject(op, in, &errors, sel, &n, err) : spk_fail_memory(err);
		out->sel = sel;
		out->selected = n;
	}
	if (status == SPK_OK)
		status = spk_op_emit(op, out, err);
	spk_batch_unref(out);
	return status;
}

const struct spk_op_type spk_op_project = { .name = "project", .size = sizeof(struct project), .push = project_push };
