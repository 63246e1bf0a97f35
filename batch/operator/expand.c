/*
 * EXPAND: every row comes out once per grouping set, with that set's expressions. Stateless and linear: selection, weights and origin pass
 * through.
 *
 * An expression that several sets share (the same node of the plan) is evaluated once per batch; a set's batch is then a choice of vectors.
 * A row that fails in any of them fails as a whole, before the first set is handed on.
 */
#include "batch/operator/operator.h"

struct expand { struct spk_op base; };

/* The vectors of all sets, set by set. */
static spk_status compute(struct spk_op *op, const struct spk_batch *in, struct spk_arena *arena, struct spk_row_errors *errors, struct spk_vector *out, spk_error *err)
{
	const struct spk_physical *plan = op->plan;
	const int columns = plan->schema->count;
	struct spk_eval ev = spk_op_eval(op, arena, errors);

	for (int k = 0; k < plan->value_rows; k++)
		for (int c = 0; c < columns; c++) {
			int earlier = 0;

			while (earlier < k && plan->value[earlier * columns + c] != plan->value[k * columns + c])
				earlier++;
			if (earlier < k)
				out[k * columns + c] = out[earlier * columns + c];
			else
				SPK_TRY(spk_expr_eval(plan->value[k * columns + c], in, in->sel, in->selected, &ev, &out[k * columns + c], err));
		}
	return SPK_OK;
}

/* One set's rows, a batch that holds the one with all vectors. */
static spk_status emit_set(struct spk_op *op, const struct spk_batch *all, const struct spk_vector *vector, spk_error *err)
{
	struct spk_batch *out;
	spk_status status;

	SPK_TRY(spk_batch_derive(&out, all, op->plan->schema, err));
	memcpy(out->column, vector, sizeof *vector * (size_t)out->columns);
	status = spk_op_emit(op, out, err);
	spk_batch_unref(out);
	return status;
}

static spk_status emit_sets(struct spk_op *op, struct spk_batch *in, struct spk_batch *all, spk_error *err)
{
	const struct spk_physical *plan = op->plan;
	struct spk_vector *vector = SPK_NEW_ARRAY(all->arena, struct spk_vector, plan->value_rows * plan->schema->count + 1);
	struct spk_row_errors errors = { 0 };

	SPK_TRY_PTR(vector, err);
	SPK_TRY(compute(op, in, all->arena, &errors, vector, err));
	if (errors.count) {
		int32_t *sel = spk_op_selection(in, all->arena);
		int n = in->selected;

		SPK_TRY_PTR(sel, err);
		SPK_TRY(spk_op_reject(op, in, &errors, sel, &n, err));
		all->sel = sel;
		all->selected = n;
	}
	for (int k = 0; k < plan->value_rows; k++)
		SPK_TRY(emit_set(op, all, vector + k * plan->schema->count, err));
	return SPK_OK;
}

static spk_status expand_push(struct spk_op *op, int input, struct spk_batch *in, spk_error *err)
{
	struct spk_batch *all = NULL;
	spk_status status;

	(void)input;
	SPK_TRY(spk_batch_derive(&all, in, op->plan->schema, err));
	status = emit_sets(op, in, all, err);
	spk_batch_unref(all);
	return status;
}

const struct spk_op_type spk_op_expand = { .name = "expand", .size = sizeof(struct expand), .push = expand_push };
