/*
 * Window functions. Batch only.
 *
 *   input   rows sorted by partition, then by the window's order
 *   output  the same rows in the same order, one more column per call
 *   state   the rows of the open partition, and of the batch it began in
 *
 * Partitions and peers are told apart by row keys, compared from row to row. Once the next partition begins (or the input ends), every
 * call goes along the complete one by itself (over_*.c).
 */
#include "batch/operator/over.h"

#include <stdlib.h>

spk_status over_set_null(const struct over *o, int c, int64_t r, spk_error *err)
{
	int32_t row;
	struct over_batch *b = over_at(o, r, &row);
	struct spk_vector *out = over_result(o, b, c);

	SPK_TRY(spk_vector_need_valid(out, b->out->rows, b->out->arena, err));
	spk_bit_clear(out->valid, row);
	return SPK_OK;
}

/* --- open --- */

static spk_status open_call(struct over *o, struct over_call *c, const struct spk_window_call *call, spk_error *err)
{
	c->call = call;
	if (call->function != SPK_WINDOW_FUNCTION_AGGREGATE)
		return SPK_OK;
	c->aggregate = call->aggregate;
	c->state_size = spk_aggregate_layout(&c->aggregate, 1);
	c->state = spk_arena_zalloc(o->arena, (size_t)c->state_size + 16);
	c->same_state = SPK_NEW_ARRAY(o->arena, char *, SPK_BATCH_ROWS);
	SPK_TRY_PTR(c->state && c->same_state, err);
	for (int i = 0; i < SPK_BATCH_ROWS; i++)
		c->same_state[i] = c->state;
	return SPK_OK;
}

static spk_status over_open(struct spk_op *op, spk_error *err)
{
	struct over *o = (struct over *)op;
	const struct spk_physical *plan = op->plan;

	o->arena = spk_arena_new(op->pipeline->account);
	SPK_TRY_PTR(o->arena, err);
	o->keys = plan->expr_count + plan->sort_count;
	o->key_column = SPK_NEW_ARRAY(o->arena, struct spk_key_column, o->keys + 1);
	o->key_schema.field = SPK_NEW_ARRAY(o->arena, struct spk_field, o->keys + 1);
	o->call = SPK_NEW_ARRAY(o->arena, struct over_call, plan->calls);
	o->minus = SPK_NEW_ARRAY(o->arena, int32_t, SPK_BATCH_ROWS);
	SPK_TRY_PTR(o->key_column && o->key_schema.field && o->call && o->minus, err);
	o->key_schema.count = o->keys;
	for (int i = 0; i < o->keys; i++) {
		const struct spk_sort_key *sort = i < plan->expr_count ? NULL : &plan->sort[i - plan->expr_count];
		struct spk_type type = sort ? sort->expr->type : plan->expr[i]->type;

		o->key_column[i] = (struct spk_key_column){ i, type, sort && sort->descending, sort && sort->nulls_first };
		o->key_schema.field[i] = (struct spk_field){ "", type, true };
	}
	for (int i = 0; i < SPK_BATCH_ROWS; i++)
		o->minus[i] = -1;
	for (int i = 0; i < plan->calls; i++)
		SPK_TRY(open_call(o, &o->call[i], &plan->call[i], err));
	o->builder = (struct spk_batch_builder){ .schema = plan->input[0]->schema, .account = op->pipeline->account };
	o->last_key.account = op->pipeline->account;
	return SPK_OK;
}

static void values_release(struct over_values *v)
{
	spk_row_keys_release(&v->key);
	spk_row_keys_release(&v->start);
	spk_row_keys_release(&v->end);
}

static void batch_release(const struct over *o, struct over_batch *b)
{
	for (int i = 0; b->value && i < o->base.plan->calls; i++)
		values_release(&b->value[i]);
	spk_batch_unref(b->out);
	spk_batch_unref(b->in);
	*b = (struct over_batch){ 0 };
}

static spk_status constant_count(struct spk_op *op, const struct spk_expr *e, const char *which, int64_t *out, spk_error *err)
{
	struct spk_eval ev = spk_op_eval(op, ((struct over *)op)->arena, NULL);
	struct spk_value v;

	*out = 0;
	if (!e)
		return SPK_OK;
	SPK_TRY(spk_expr_constant_value(e, &ev, &v, err));
	if (v.null)
		return spk_fail(err, SPK_DATA, "frame %s offset must not be null", which);
	if (v.type.id == SPK_TYPE_BOOLEAN)
		return v.boolean ? spk_fail(err, SPK_DATA, "invalid preceding or following size in window function") : SPK_OK;
	if (v.i64 < 0)
		return spk_fail(err, SPK_DATA, "frame %s offset must not be negative", which);
	*out = v.i64;
	return SPK_OK;
}

static spk_status over_begin(struct spk_op *op, spk_error *err)
{
	struct over *o = (struct over *)op;

	for (int i = 0; i < o->batches; i++)
		batch_release(o, &o->batch[i]);
	spk_builder_release(&o->builder);
	spk_buffer_clear(&o->last_key);
	o->batches = 0;
	o->first = o->rows = o->begun = 0;
	for (int i = 0; i < op->plan->calls; i++) {
		const struct spk_window_frame *f = &op->plan->call[i].frame;

		SPK_TRY(constant_count(op, f->start_offset, "starting", &o->call[i].start_offset, err));
		SPK_TRY(constant_count(op, f->end_offset, "ending", &o->call[i].end_offset, err));
	}
	return SPK_OK;
}

/* --- a batch comes in --- */

static spk_status encode_one(struct over *o, const struct spk_expr *e, const struct spk_batch *in, struct spk_arena *arena, struct spk_vector *vector, struct spk_row_keys *out, spk_error *err)
{
	const struct spk_sort_key *sort = &o->base.plan->sort[0];
	struct spk_eval ev = spk_op_eval(&o->base, arena, NULL);
	struct spk_key_column column = { 0, e->type, sort->descending, sort->nulls_first };
	struct spk_batch one = *in;

	SPK_TRY(spk_expr_eval(e, in, NULL, in->rows, &ev, vector, err));
	one.columns = 1;
	one.column = vector;
	return spk_row_keys_encode(out, &one, &column, 1, false, err);
}

static spk_status evaluate_call(struct over *o, int c, struct over_batch *b, spk_error *err)
{
	const struct spk_window_call *call = &o->base.plan->call[c];
	const struct spk_window_frame *f = &call->frame;
	struct spk_eval ev = spk_op_eval(&o->base, b->out->arena, NULL);
	struct over_values *v = &b->value[c];
	struct spk_vector edge;

	v->arg = SPK_NEW_ARRAY(b->out->arena, struct spk_vector, SPK_MAX(call->args, call->aggregate.inputs) + 1);
	SPK_TRY_PTR(v->arg, err);
	for (int i = 0; i < call->args; i++)
		SPK_TRY(spk_expr_eval(call->arg[i], b->in, NULL, b->in->rows, &ev, &v->arg[i], err));
	if (call->aggregate.filter)
		SPK_TRY(spk_expr_eval(call->aggregate.filter, b->in, NULL, b->in->rows, &ev, &v->filter, err));
	for (int i = 0; i < call->aggregate.inputs; i++)
		SPK_TRY(spk_expr_eval(call->aggregate.input[i], b->in, NULL, b->in->rows, &ev, &v->arg[i], err));
	if (f->start_edge || f->end_edge)
		SPK_TRY(encode_one(o, f->range_key, b->in, b->out->arena, &v->range_key, &v->key, err));
	if (f->start_edge)
		SPK_TRY(encode_one(o, f->start_edge, b->in, b->out->arena, &edge, &v->start, err));
	if (f->end_edge)
		SPK_TRY(encode_one(o, f->end_edge, b->in, b->out->arena, &edge, &v->end, err));
	return spk_vector_init(over_result(o, b, c), call->type, b->in->rows, b->out->arena, err);
}

static bool differs(const struct spk_buffer *last, const char *key, uint32_t size)
{
	return last->size != size || memcmp(last->data, key, size) != 0;
}

/* Marks where partitions and peers begin, against the row before. */
static spk_status mark(struct over *o, struct over_batch *b, const struct spk_row_keys *partition, const struct spk_row_keys *both, spk_error *err)
{
	for (int i = 0; i < b->in->rows; i++) {
		uint32_t size, all;
		const char *whole = spk_row_key(both, i, &all);

		spk_row_key(partition, i, &size);
		if (o->rows + i == 0 || differs(&o->last_key, whole, all)) {
			bool same = o->rows + i > 0 && size == o->last_partition && memcmp(o->last_key.data, whole, size) == 0;

			b->begins[i] = same ? OVER_PEERS : OVER_PEERS | OVER_PARTITION;
			spk_buffer_clear(&o->last_key);
			SPK_TRY(spk_buffer_append(&o->last_key, whole, all, err));
			o->last_partition = size;
		}
	}
	return SPK_OK;
}

static spk_status mark_all(struct over *o, struct over_batch *b, spk_error *err)
{
	const struct spk_physical *plan = o->base.plan;
	struct spk_row_keys partition = { 0 }, both = { 0 };
	struct spk_batch *keys;
	spk_status status;

	SPK_TRY(spk_batch_derive(&keys, b->in, &o->key_schema, err));
	struct spk_eval ev = spk_op_eval(&o->base, keys->arena, NULL);

	status = SPK_OK;
	for (int i = 0; i < o->keys && status == SPK_OK; i++) {
		const struct spk_expr *e = i < plan->expr_count ? plan->expr[i] : plan->sort[i - plan->expr_count].expr;

		status = spk_expr_eval(e, b->in, NULL, b->in->rows, &ev, &keys->column[i], err);
	}
	if (status == SPK_OK)
		status = spk_row_keys_encode(&partition, keys, o->key_column, plan->expr_count, false, err);
	if (status == SPK_OK)
		status = spk_row_keys_encode(&both, keys, o->key_column, o->keys, false, err);
	if (status == SPK_OK)
		status = mark(o, b, &partition, &both, err);
	spk_row_keys_release(&partition);
	spk_row_keys_release(&both);
	spk_batch_unref(keys);
	return status;
}

static spk_status make_room(struct over *o, spk_error *err)
{
	struct spk_memory_account *account = o->base.pipeline->account;
	int capacity = SPK_MAX(2 * o->capacity, 16);
	struct over_batch *grown;

	if (o->batches < o->capacity)
		return SPK_OK;
	grown = spk_realloc(account, o->batch, (size_t)o->capacity * sizeof *grown, (size_t)capacity * sizeof *grown);
	SPK_TRY_PTR(grown, err);
	o->batch = grown;
	o->capacity = capacity;
	return SPK_OK;
}

static spk_status fill_batch(struct over *o, struct over_batch *b, spk_error *err)
{
	const struct spk_physical *plan = o->base.plan;

	SPK_TRY(spk_batch_derive(&b->out, b->in, plan->schema, err));
	memcpy(b->out->column, b->in->column, sizeof *b->in->column * (size_t)b->in->columns);
	b->begins = spk_arena_zalloc(b->out->arena, (size_t)b->in->rows);
	b->value = SPK_NEW_ARRAY(b->out->arena, struct over_values, plan->calls);
	SPK_TRY_PTR(b->begins && b->value, err);
	SPK_TRY(mark_all(o, b, err));
	for (int i = 0; i < plan->calls; i++)
		SPK_TRY(evaluate_call(o, i, b, err));
	return SPK_OK;
}

/* --- a partition is complete --- */

static spk_status compute(struct over *o, int64_t first, int64_t end, spk_error *err)
{
	for (int c = 0; c < o->base.plan->calls; c++) {
		switch (o->call[c].call->function) {
		case SPK_WINDOW_FUNCTION_AGGREGATE:
			SPK_TRY(over_aggregate(o, c, first, end, err));
			break;
		case SPK_WINDOW_FUNCTION_LAG:
		case SPK_WINDOW_FUNCTION_LEAD:
			SPK_TRY(over_offset(o, c, first, end, err));
			break;
		case SPK_WINDOW_FUNCTION_FIRST_VALUE:
		case SPK_WINDOW_FUNCTION_LAST_VALUE:
		case SPK_WINDOW_FUNCTION_NTH_VALUE:
			SPK_TRY(over_value(o, c, first, end, err));
			break;
		default:
			SPK_TRY(over_rank(o, c, first, end, err));
		}
	}
	if (spk_task_cancelled(o->base.pipeline->task_handle))
		return spk_fail(err, SPK_CANCELLED, "the query was cancelled");
	return SPK_OK;
}

/* Hands on the batches that lie before the open partition. */
static spk_status emit_done(struct over *o, spk_error *err)
{
	int done = 0;
	spk_status status = SPK_OK;

	while (done < o->batches && (o->first + done) * SPK_BATCH_ROWS + o->batch[done].in->rows <= o->begun && status == SPK_OK) {
		status = spk_op_emit(&o->base, o->batch[done].out, err);
		batch_release(o, &o->batch[done++]);
	}
	memmove(o->batch, o->batch + done, (size_t)(o->batches - done) * sizeof *o->batch);
	o->batches -= done;
	o->first += done;
	return status;
}

static spk_status add_batch(struct over *o, struct spk_batch *in, spk_error *err)
{
	struct over_batch *b;

	SPK_TRY(make_room(o, err));
	b = &o->batch[o->batches++];
	*b = (struct over_batch){ .in = spk_batch_ref(in) };
	SPK_TRY(fill_batch(o, b, err));
	for (int64_t r = o->rows, end = o->rows + in->rows; r < end; r++) {
		if (r == o->begun || !over_begins(o, r, OVER_PARTITION))
			continue;
		SPK_TRY(compute(o, o->begun, r, err));
		o->begun = r;
	}
	o->rows += in->rows;
	return emit_done(o, err);
}

/* Rows are collected into full batches, unless they come as such. */
static spk_status over_push(struct spk_op *op, int input, struct spk_batch *in, spk_error *err)
{
	struct over *o = (struct over *)op;
	struct spk_batch *full;
	int done = 0;
	spk_status status;

	(void)input;
	if (in->selected == SPK_BATCH_ROWS && !in->sel && spk_builder_room(&o->builder) == SPK_BATCH_ROWS)
		return add_batch(o, in, err);
	while (done < in->selected) {
		int n = SPK_MIN(spk_builder_room(&o->builder), in->selected - done);
		int32_t sel[SPK_BATCH_ROWS];

		for (int i = 0; i < n; i++)
			sel[i] = spk_batch_row(in, done + i);
		SPK_TRY(spk_builder_append(&o->builder, in, sel, n, err));
		done += n;
		if (spk_builder_room(&o->builder) > 0)
			continue;
		full = spk_builder_take(&o->builder);
		status = add_batch(o, full, err);
		spk_batch_unref(full);
		SPK_TRY(status);
	}
	return SPK_OK;
}

static spk_status over_finish(struct spk_op *op, spk_error *err)
{
	struct over *o = (struct over *)op;
	struct spk_batch *rest = spk_builder_take(&o->builder);
	spk_status status = rest ? add_batch(o, rest, err) : SPK_OK;

	spk_batch_unref(rest);
	SPK_TRY(status);
	if (o->rows == o->begun)
		return SPK_OK;
	SPK_TRY(compute(o, o->begun, o->rows, err));
	o->begun = o->rows;
	return emit_done(o, err);
}

static void over_close(struct spk_op *op)
{
	struct over *o = (struct over *)op;
	struct spk_memory_account *account = op->pipeline->account;

	for (int i = 0; i < o->batches; i++)
		batch_release(o, &o->batch[i]);
	for (int i = 0; o->call && i < op->plan->calls; i++)
		if (o->call[i].state)
			spk_aggregate_row_release(&o->call[i].aggregate, 1, o->call[i].state);
	spk_free(account, o->batch, (size_t)o->capacity * sizeof *o->batch);
	spk_free(account, o->group, (size_t)o->group_capacity * sizeof *o->group);
	spk_builder_release(&o->builder);
	spk_buffer_release(&o->last_key);
	spk_arena_unref(o->arena);
}

const struct spk_op_type spk_op_over = {
	.name = "over",
	.size = sizeof(struct over),
	.open = over_open,
	.begin = over_begin,
	.push = over_push,
	.finish = over_finish,
	.close = over_close,
};
