/* Leaf: constant rows of VALUES or of a SELECT without FROM. In a stream they come once, in the first epoch. */
#include "batch/operator/operator.h"

struct values { struct spk_op base; };

static spk_status fill_column(struct spk_op *op, struct spk_batch *batch, int column, int from, spk_error *err)
{
	const struct spk_physical *plan = op->plan;
	struct spk_vector *v = &batch->column[column];
	struct spk_eval ev = spk_op_eval(op, batch->arena, NULL);

	ev.errors = NULL;
	SPK_TRY(spk_vector_init(v, plan->schema->field[column].type, batch->rows, batch->arena, err));
	for (int row = 0; row < batch->rows; row++) {
		struct spk_value value;

		SPK_TRY(spk_expr_constant_value(plan->value[(from + row) * plan->schema->count + column], &ev, &value, err));
		SPK_TRY(spk_vector_set(v, row, batch->rows, &value, batch->arena, err));
	}
	return SPK_OK;
}

static spk_status values_lead(struct spk_op *op, spk_error *err)
{
	const struct spk_physical *plan = op->plan;

	if (op->pipeline->run->streaming && op->pipeline->run->epoch.value > 1)
		return SPK_OK;
	for (int from = 0; from < plan->value_rows && !op->done; from += op->pipeline->batch_rows) {
		struct spk_batch *batch;
		spk_status status = SPK_OK;

		SPK_TRY(spk_batch_new(&batch, plan->schema, op->pipeline->account, err));
		batch->rows = batch->selected = SPK_MIN(op->pipeline->batch_rows, plan->value_rows - from);
		for (int i = 0; i < plan->schema->count && status == SPK_OK; i++)
			status = fill_column(op, batch, i, from, err);
		if (status == SPK_OK)
			status = spk_op_emit(op, batch, err);
		spk_batch_unref(batch);
		SPK_TRY(status);
	}
	return SPK_OK;
}

const struct spk_op_type spk_op_values = { .name = "values", .size = sizeof(struct values), .lead = values_lead };
