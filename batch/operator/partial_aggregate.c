/*
 * Folds rows per task into state rows before the exchange.
 *
 *   input   rows, any weights
 *   output  one row per group seen in this run: encoded key, its hash, state row bytes
 *   state   none beyond the run
 *
 * With few rows per group this costs a little more than it saves; with hot groups it cuts what crosses the exchange to almost nothing.
 */
#include "batch/operator/groups.h"

#include <stdlib.h>

struct partial {
	struct spk_op base;
	struct spk_arena *arena;
	const struct spk_schema *key_schema;
	struct spk_groups groups;
};

static spk_status partial_open(struct spk_op *op, spk_error *err)
{
	struct partial *p = (struct partial *)op;
	struct spk_schema *schema;

	p->arena = spk_arena_new(op->pipeline->account);
	SPK_TRY_PTR(p->arena, err);
	schema = SPK_NEW(p->arena, struct spk_schema);
	SPK_TRY_PTR(schema, err);
	schema->count = op->plan->expr_count;
	schema->field = SPK_NEW_ARRAY(p->arena, struct spk_field, schema->count);
	SPK_TRY_PTR(schema->field, err);
	for (int i = 0; i < schema->count; i++)
		schema->field[i] = (struct spk_field){ "", op->plan->expr[i]->type, true };
	p->key_schema = schema;
	return spk_groups_init(&p->groups, op->plan, op->pipeline->account, p->arena, err);
}

static spk_status partial_begin(struct spk_op *op, spk_error *err)
{
	(void)err;
	spk_groups_clear(&((struct partial *)op)->groups);
	return SPK_OK;
}

/* The call's inputs for the rows. */
static spk_status eval_inputs(const struct spk_aggregate_call *call, const struct spk_batch *in, const int32_t *sel, int n, struct spk_eval *ev, struct spk_vector *input, spk_error *err)
{
	for (int i = 0; i < call->inputs; i++)
		SPK_TRY(spk_expr_eval(call->input[i], in, sel, n, ev, &input[i], err));
	return SPK_OK;
}

/* One aggregate over the rows at hand: applies its FILTER, evaluates its inputs, updates the groups. */
static spk_status update_one(struct spk_op *op, const struct spk_aggregate_call *call, const struct spk_batch *keys, const struct spk_batch *in, const int32_t *sel, int n, char **state, struct spk_row_errors *errors, spk_error *err)
{
	struct spk_eval ev = spk_op_eval(op, keys->arena, errors);
	struct spk_vector *input = SPK_NEW_ARRAY(keys->arena, struct spk_vector, call->inputs);
	int32_t *keep;
	char **kept;
	int m = 0, at = 0;

	SPK_TRY_PTR(input, err);
	if (!call->filter) {
		SPK_TRY(eval_inputs(call, in, sel, n, &ev, input, err));
		return call->step->update(call, state, input, sel, n, in->weight, err);
	}
	keep = spk_arena_alloc(keys->arena, sizeof *keep * (size_t)n);
	kept = spk_arena_alloc(keys->arena, sizeof *kept * (size_t)n);
	SPK_TRY_PTR(keep && kept, err);
	SPK_TRY(spk_expr_filter(call->filter, in, sel, n, &ev, keep, &m, err));
	for (int i = 0; i < m; i++) {
		while ((sel ? sel[at] : at) != keep[i])
			at++;
		kept[i] = state[at];
	}
	if (m == 0)
		return SPK_OK;
	SPK_TRY(eval_inputs(call, in, keep, m, &ev, input, err));
	return call->step->update(call, kept, input, keep, m, in->weight, err);
}

static bool inputs_fail(const struct spk_aggregate_call *call)
{
	for (int i = 0; i < call->inputs; i++)
		if (spk_expr_can_fail(call->input[i]))
			return true;
	return false;
}

/* Finds the rows for which FILTER or an input cannot be computed, into ev->errors. */
static spk_status try_call(const struct spk_aggregate_call *call, const struct spk_batch *in, struct spk_eval *ev, spk_error *err)
{
	const bool fails = inputs_fail(call);
	const int32_t *sel = in->sel;
	struct spk_vector ignored;
	int n = in->selected;
	int32_t *keep;

	if (!fails && !(call->filter && spk_expr_can_fail(call->filter)))
		return SPK_OK;
	if (call->filter) {
		keep = spk_arena_alloc(ev->arena, sizeof *keep * (size_t)n);
		SPK_TRY_PTR(keep, err);
		SPK_TRY(spk_expr_filter(call->filter, in, in->sel, in->selected, ev, keep, &n, err));
		sel = keep;
	}
	for (int i = 0; i < call->inputs && fails && n; i++)
		SPK_TRY(spk_expr_eval(call->input[i], in, sel, n, ev, &ignored, err));
	return SPK_OK;
}

/* Group columns of the rows; rows that fail anywhere are taken out first, so that no group sees half a row. */
static spk_status evaluate_keys(struct spk_op *op, struct spk_batch *in, struct spk_batch *keys, spk_error *err)
{
	struct spk_row_errors errors = { 0 };
	struct spk_eval ev = spk_op_eval(op, keys->arena, &errors);

	for (int i = 0; i < op->plan->expr_count; i++)
		SPK_TRY(spk_expr_eval(op->plan->expr[i], in, in->sel, in->selected, &ev, &keys->column[i], err));
	for (int i = 0; i < op->plan->aggregate_count && op->pipeline->run->streaming; i++)
		SPK_TRY(try_call(&op->plan->aggregate[i], in, &ev, err));
	if (errors.count) {
		int32_t *sel = spk_op_selection(in, keys->arena);
		int n = in->selected;

		SPK_TRY_PTR(sel, err);
		SPK_TRY(spk_op_reject(op, in, &errors, sel, &n, err));
		keys->sel = sel;
		keys->selected = n;
	}
	return SPK_OK;
}

static spk_status fold(struct spk_op *op, struct spk_batch *in, struct spk_batch *keys, spk_error *err)
{
	struct partial *p = (struct partial *)op;
	struct spk_row_errors errors = { 0 };
	char *state[SPK_BATCH_ROWS];

	SPK_TRY(evaluate_keys(op, in, keys, err));
	if (keys->selected == 0)
		return SPK_OK;
	SPK_TRY(spk_groups_find(&p->groups, keys, state, err));
	SPK_EACH_ROW(keys, i, row)
		*spk_group_count(state[i] - SPK_GROUP_HEADER) += spk_batch_weight(in, row);
	for (int i = 0; i < op->plan->aggregate_count; i++)
		SPK_TRY(update_one(op, &op->plan->aggregate[i], keys, in, keys->sel, keys->selected, state, &errors, err));
	for (int i = 0; i < errors.count; i++)
		SPK_TRY(spk_op_dead_letter(op, in, errors.list[i].row, errors.list[i].code, false, 0, errors.list[i].message, err));
	return SPK_OK;
}

static spk_status partial_push(struct spk_op *op, int input, struct spk_batch *in, spk_error *err)
{
	struct partial *p = (struct partial *)op;
	struct spk_batch *keys;
	spk_status status;

	(void)input;
	SPK_TRY(spk_batch_derive(&keys, in, p->key_schema, err));
	status = fold(op, in, keys, err);
	spk_batch_unref(keys);
	return status;
}

/* Groups [from, from + n) as a batch of (key, hash, state). */
static spk_status emit_groups(struct spk_op *op, uint32_t from, int n, spk_error *err)
{
	struct partial *p = (struct partial *)op;
	const struct spk_physical *plan = op->plan;
	struct spk_buffer bytes = { .account = op->pipeline->account };
	struct spk_batch *out;
	spk_status status;

	SPK_TRY(spk_groups_output(&p->groups, n, &out, err));
	status = SPK_OK;
	for (int i = 0; i < n && status == SPK_OK; i++) {
		uint32_t size;
		const char *key = spk_keymap_key(&p->groups.map, from + (uint32_t)i, &size);
		char *row = spk_groups_row(&p->groups, from + (uint32_t)i), *copy;

		spk_buffer_clear(&bytes);
		status = spk_buffer_append(&bytes, key, size, err);
		if (status == SPK_OK)
			status = spk_buffer_append(&bytes, row, SPK_GROUP_HEADER, err);
		if (status == SPK_OK)
			status = spk_aggregate_row_write(plan->aggregate, plan->aggregate_count, spk_group_states(row), &bytes, err);
		if (status != SPK_OK)
			break;
		copy = spk_arena_copy(out->arena, bytes.data, bytes.size);
		if (!copy) {
			status = spk_fail_memory(err);
			break;
		}
		spk_vector_view(&out->column[0])[i] = spk_view(copy, size);
		spk_vector_i64(&out->column[1])[i] = (int64_t)p->groups.map.hash[from + (uint32_t)i];
		spk_vector_view(&out->column[2])[i] = spk_view(copy + size, (uint32_t)bytes.size - size);
	}
	if (status == SPK_OK)
		status = spk_op_emit(op, out, err);
	spk_buffer_release(&bytes);
	spk_batch_unref(out);
	return status;
}

static spk_status partial_finish(struct spk_op *op, spk_error *err)
{
	struct partial *p = (struct partial *)op;
	uint32_t count = p->groups.map.count;

	for (uint32_t from = 0; from < count; from += SPK_BATCH_ROWS)
		SPK_TRY(emit_groups(op, from, (int)SPK_MIN(count - from, (uint32_t)SPK_BATCH_ROWS), err));
	spk_groups_clear(&p->groups);
	return SPK_OK;
}

static void partial_close(struct spk_op *op)
{
	struct partial *p = (struct partial *)op;

	spk_groups_release(&p->groups);
	spk_arena_unref(p->arena);
}

const struct spk_op_type spk_op_partial_aggregate = {
	.name = "partial aggregate",
	.size = sizeof(struct partial),
	.open = partial_open,
	.begin = partial_begin,
	.push = partial_push,
	.finish = partial_finish,
	.close = partial_close,
};
