/*
 * Window functions. Batch only.
 *
 *   input   rows sorted by partition, then by the window's order
 *   output  the same rows in the same order, one more column per call
 *   state   the rows of the open partition, and of the page it began in; on disk beyond the operator's share (over_page.c)
 *
 * Partitions and peers are told apart by row keys, compared from row to row. Once the next partition begins (or the input ends), every
 * call goes along the complete one by itself (over_*.c).
 */
#include "batch/operator/over.h"

#include <stdlib.h>

/* --- open --- */

static spk_status open_call(struct over *o, struct over_call *c, const struct spk_window_call *call, spk_error *err)
{
	c->call = call;
	c->schema = (struct spk_schema){ 1, SPK_NEW(o->arena, struct spk_field) };
	SPK_TRY_PTR(c->schema.field, err);
	c->schema.field[0] = (struct spk_field){ "", call->type, true };
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

/* Rows on disk: as they came, and where partitions and peers begin. */
static spk_status open_run_schema(struct over *o, spk_error *err)
{
	const struct spk_schema *in = o->base.plan->input[0]->schema;

	o->run_schema = (struct spk_schema){ in->count + 1, SPK_NEW_ARRAY(o->arena, struct spk_field, in->count + 1) };
	SPK_TRY_PTR(o->run_schema.field, err);
	if (in->count)
		memcpy(o->run_schema.field, in->field, (size_t)in->count * sizeof *in->field);
	o->run_schema.field[in->count] = (struct spk_field){ "begins", spk_type(SPK_TYPE_SMALLINT), false };
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
	spk_spill_share_init(&o->share, op);
	return open_run_schema(o, err);
}

/* The value of an offset, at a row of `in`; NULL: it is a constant. */
static spk_status offset_value(struct over *o, const struct spk_expr *e, const struct spk_batch *in, int32_t row, struct spk_value *out, spk_error *err)
{
	struct spk_eval ev = spk_op_eval(&o->base, in ? in->arena : o->arena, NULL);
	struct spk_vector value;

	if (!in)
		return spk_expr_constant_value(e, &ev, out, err);
	SPK_TRY(spk_expr_eval(e, in, &row, 1, &ev, &value, err));
	*out = spk_vector_value(&value, row);
	return SPK_OK;
}

static spk_status frame_offset(struct over *o, const struct spk_expr *e, const struct spk_batch *in, int32_t row, const char *which, int64_t *out, spk_error *err)
{
	struct spk_value v;

	if (!e || (spk_expr_column_count(e) > 0) != (in != NULL))
		return SPK_OK;
	SPK_TRY(offset_value(o, e, in, row, &v, err));
	if (v.null)
		return spk_fail(err, SPK_DATA, "frame %s offset must not be null", which);
	if (e->type.id == SPK_TYPE_BOOLEAN)
		return v.boolean ? spk_fail(err, SPK_DATA, "invalid preceding or following size in window function") : SPK_OK;
	if (v.i64 < 0)
		return spk_fail(err, SPK_DATA, "frame %s offset must not be negative", which);
	*out = v.i64;
	return SPK_OK;
}

/* Constants are known from the start; what subqueries gave is the same for all rows of a partition. */
static spk_status frame_offsets(struct over *o, const struct spk_batch *in, int32_t row, spk_error *err)
{
	for (int i = 0; i < o->base.plan->calls; i++) {
		const struct spk_window_frame *f = &o->base.plan->call[i].frame;

		SPK_TRY(frame_offset(o, f->start_offset, in, row, "starting", &o->call[i].start_offset, err));
		SPK_TRY(frame_offset(o, f->end_offset, in, row, "ending", &o->call[i].end_offset, err));
	}
	return SPK_OK;
}

/* All pages and files. */
static void forget(struct over *o)
{
	for (int i = 0; i < o->pages; i++)
		over_page_release(o, &o->page[i]);
	o->pages = 0;
	o->held = 0;
	over_forget_runs(o);
	spk_builder_release(&o->builder);
	spk_spill_share_end(&o->share);
}

static spk_status over_begin(struct spk_op *op, spk_error *err)
{
	struct over *o = (struct over *)op;

	forget(o);
	spk_buffer_clear(&o->last_key);
	o->first = o->rows = o->begun = o->known = 0;
	return frame_offsets(o, NULL, 0, err);
}

/* --- what calls need of rows --- */

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

static spk_status evaluate_call(struct over *o, int c, struct over_page *page, spk_error *err)
{
	const struct spk_window_call *call = &o->base.plan->call[c];
	const struct spk_window_frame *f = &call->frame;
	struct spk_arena *arena = page->out->arena;
	struct spk_eval ev = spk_op_eval(&o->base, arena, NULL);
	const struct spk_batch *in = page->in;
	struct over_values *v = &page->value[c];
	struct spk_vector edge;

	v->arg = SPK_NEW_ARRAY(arena, struct spk_vector, SPK_MAX(call->args, call->aggregate.inputs) + 1);
	SPK_TRY_PTR(v->arg, err);
	for (int i = 0; i < call->args; i++)
		SPK_TRY(spk_expr_eval(call->arg[i], in, NULL, in->rows, &ev, &v->arg[i], err));
	if (call->aggregate.filter)
		SPK_TRY(spk_expr_eval(call->aggregate.filter, in, NULL, in->rows, &ev, &v->filter, err));
	for (int i = 0; i < call->aggregate.inputs; i++)
		SPK_TRY(spk_expr_eval(call->aggregate.input[i], in, NULL, in->rows, &ev, &v->arg[i], err));
	if (f->start_edge || f->end_edge)
		SPK_TRY(encode_one(o, f->range_key, in, arena, &v->range_key, &v->key, err));
	if (f->start_edge)
		SPK_TRY(encode_one(o, f->start_edge, in, arena, &edge, &v->start, err));
	return f->end_edge ? encode_one(o, f->end_edge, in, arena, &edge, &v->end, err) : SPK_OK;
}

spk_status over_evaluate(struct over *o, struct over_page *page, int call, spk_error *err)
{
	const struct spk_physical *plan = o->base.plan;
	int first = plan->schema->count - plan->calls;

	page->value = SPK_NEW_ARRAY(page->out->arena, struct over_values, plan->calls);
	SPK_TRY_PTR(page->value, err);
	if (call != OVER_ALL_CALLS)
		return evaluate_call(o, call, page, err);
	for (int c = 0; c < plan->calls; c++) {
		SPK_TRY(evaluate_call(o, c, page, err));
		SPK_TRY(spk_vector_init(&page->out->column[first + c], plan->call[c].type, page->in->rows, page->out->arena, err));
	}
	return SPK_OK;
}

static bool differs(const struct spk_buffer *last, const char *key, uint32_t size)
{
	return last->size != size || (size && memcmp(last->data, key, size) != 0);
}

/* The room that the row before's key may need, so that marking cannot fail half-way. */
static spk_status reserve_last(struct over *o, const struct spk_row_keys *both, spk_error *err)
{
	uint32_t most = 1, size;

	for (int i = 0; i < both->count; i++) {
		spk_row_key(both, i, &size);
		most = SPK_MAX(most, size);
	}
	return spk_buffer_reserve(&o->last_key, most > o->last_key.size ? most - o->last_key.size : 0, err);
}

/* Marks where partitions and peers begin, against the row before. */
static spk_status mark(struct over *o, struct over_page *page, const struct spk_row_keys *partition, const struct spk_row_keys *both, spk_error *err)
{
	SPK_TRY(reserve_last(o, both, err));
	for (int i = 0; i < page->in->rows; i++) {
		uint32_t size, all;
		const char *whole = spk_row_key(both, i, &all);

		spk_row_key(partition, i, &size);
		if (o->rows + i == 0 || differs(&o->last_key, whole, all)) {
			bool same = o->rows + i > 0 && size == o->last_partition && (!size || memcmp(o->last_key.data, whole, size) == 0);

			page->begins[i] = same ? OVER_PEERS : OVER_PEERS | OVER_PARTITION;
			spk_buffer_clear(&o->last_key);
			SPK_TRY(spk_buffer_append(&o->last_key, whole, all, err));
			o->last_partition = size;
		}
	}
	return SPK_OK;
}

static spk_status mark_all(struct over *o, struct over_page *page, spk_error *err)
{
	const struct spk_physical *plan = o->base.plan;
	struct spk_row_keys partition = { 0 }, both = { 0 };
	struct spk_batch *keys;
	spk_status status;

	SPK_TRY(spk_batch_derive(&keys, page->in, &o->key_schema, err));
	struct spk_eval ev = spk_op_eval(&o->base, keys->arena, NULL);

	status = SPK_OK;
	for (int i = 0; i < o->keys && status == SPK_OK; i++) {
		const struct spk_expr *e = i < plan->expr_count ? plan->expr[i] : plan->sort[i - plan->expr_count].expr;

		status = spk_expr_eval(e, page->in, NULL, page->in->rows, &ev, &keys->column[i], err);
	}
	if (status == SPK_OK)
		status = spk_row_keys_encode(&partition, keys, o->key_column, plan->expr_count, false, err);
	if (status == SPK_OK)
		status = spk_row_keys_encode(&both, keys, o->key_column, o->keys, false, err);
	if (status == SPK_OK)
		status = mark(o, page, &partition, &both, err);
	spk_row_keys_release(&partition);
	spk_row_keys_release(&both);
	spk_batch_unref(keys);
	return status;
}

static spk_status make_room(struct over *o, spk_error *err)
{
	struct spk_memory_account *account = o->base.pipeline->account;
	int capacity = SPK_MAX(2 * o->capacity, 16);
	struct over_page *grown;

	if (o->pages < o->capacity)
		return SPK_OK;
	grown = spk_realloc(account, o->page, (size_t)o->capacity * sizeof *grown, (size_t)capacity * sizeof *grown);
	SPK_TRY_PTR(grown, err);
	o->page = grown;
	o->capacity = capacity;
	return SPK_OK;
}

/* Marks come last: they are what cannot be done twice. */
static spk_status fill_page(struct over *o, struct over_page *page, spk_error *err)
{
	SPK_TRY(spk_batch_derive(&page->out, page->in, o->base.plan->schema, err));
	memcpy(page->out->column, page->in->column, sizeof *page->in->column * (size_t)page->in->columns);
	page->begins = spk_arena_zalloc(page->out->arena, (size_t)page->in->rows);
	SPK_TRY_PTR(page->begins, err);
	SPK_TRY(over_evaluate(o, page, OVER_ALL_CALLS, err));
	SPK_TRY(over_page_measure(o, page, err));
	return mark_all(o, page, err);
}

/* Adds the page, or changes nothing. */
static spk_status absorb(struct over *o, struct spk_batch *in, spk_error *err)
{
	struct over_page *page;
	spk_status status;

	SPK_TRY(make_room(o, err));
	page = &o->page[o->pages];
	*page = (struct over_page){ .in = spk_batch_ref(in) };
	status = fill_page(o, page, err);
	if (status != SPK_OK) {
		over_page_release(o, page);
		return status;
	}
	o->pages++;
	o->held += page->bytes;
	return SPK_OK;
}

/* --- a partition is complete --- */

static spk_status compute_call(struct over *o, int c, int64_t first, int64_t end, spk_error *err)
{
	switch (o->call[c].call->function) {
	case SPK_WINDOW_FUNCTION_AGGREGATE:
		return over_aggregate(o, c, first, end, err);
	case SPK_WINDOW_FUNCTION_LAG:
	case SPK_WINDOW_FUNCTION_LEAD:
		return over_offset(o, c, first, end, err);
	case SPK_WINDOW_FUNCTION_FIRST_VALUE:
	case SPK_WINDOW_FUNCTION_LAST_VALUE:
	case SPK_WINDOW_FUNCTION_NTH_VALUE:
		return over_value(o, c, first, end, err);
	default:
		return over_rank(o, c, first, end, err);
	}
}

/* The open partition ends before row `end`. */
static spk_status compute(struct over *o, int64_t end, spk_error *err)
{
	struct over_page *page;
	int32_t row;

	o->known = end;
	o->computing = 0;
	SPK_TRY(over_at(o, o->begun, &page, &row, err));
	SPK_TRY(frame_offsets(o, page->in, row, err));
	/* Once some of it is on disk, the rest makes room for what comes back. */
	if (o->run)
		SPK_TRY(spk_spill_now(&o->share, over_spill, o, err));
	for (int c = 0; c < o->base.plan->calls; c++) {
		o->computing = c;
		SPK_TRY(compute_call(o, c, o->begun, end, err));
		SPK_TRY(over_target_end(o, c, err));
		over_drop_rereads(o);
	}
	o->begun = end;
	return spk_op_check_cancelled(&o->base, err);
}

static spk_status emit_page(struct over *o, struct over_page *page, spk_error *err)
{
	struct spk_batch *out;
	spk_status status;

	SPK_TRY(over_page_result(o, o->first + (page - o->page), &out, err));
	if (!page->on_disk)
		o->held -= page->bytes;
	over_page_release(o, page);
	status = spk_op_emit(&o->base, out, err);
	spk_batch_unref(out);
	return status;
}

/* Hands on the pages that lie before the open partition. */
static spk_status emit_done(struct over *o, spk_error *err)
{
	int done = 0;
	spk_status status = SPK_OK;

	while (done < o->pages && SPK_MIN((o->first + done + 1) << o->page_shift, o->rows) <= o->begun && status == SPK_OK)
		status = emit_page(o, &o->page[done++], err);
	if (status == SPK_OK && done)
		over_forget_runs(o);
	if (done)
		memmove(o->page, o->page + done, (size_t)(o->pages - done) * sizeof *o->page);
	o->pages -= done;
	o->first += done;
	return status;
}

/* --- rows come in --- */

static spk_status add_page(struct over *o, struct spk_batch *in, spk_error *err)
{
	const size_t more = o->pages ? o->page[o->pages - 1].bytes : 0;
	int64_t end = o->rows + in->rows;
	spk_status status;

	o->known = o->rows;
	SPK_TRY(spk_spill_room(&o->share, o->held, more, over_spill, o, err));
	status = absorb(o, in, err);
	if (spk_spill_refused(&o->share, status, o->held)) {
		SPK_TRY(spk_spill_now(&o->share, over_spill, o, err));
		status = absorb(o, in, err);
	}
	SPK_TRY(status);
	const uint8_t *begins = o->page[o->pages - 1].begins;
	int64_t from = o->rows;

	o->rows = end;
	for (int64_t r = from; r < end; r++)
		if (r > o->begun && (begins[r - from] & OVER_PARTITION))
			SPK_TRY(compute(o, r, err));
	return emit_done(o, err);
}

/* What was collected becomes a page. */
static spk_status add_collected(struct over *o, spk_error *err)
{
	struct spk_batch *full = spk_builder_take(&o->builder);
	spk_status status = full ? add_page(o, full, err) : SPK_OK;

	spk_batch_unref(full);
	return status;
}

static int collected(const struct over *o) { return o->builder.batch ? o->builder.batch->rows : 0; }

/* Rows are collected into full pages, unless they come as such. */
static spk_status over_push(struct spk_op *op, int input, struct spk_batch *in, spk_error *err)
{
	struct over *o = (struct over *)op;

	(void)input;
	if (in->selected == 0)
		return SPK_OK;
	if (o->rows == 0 && collected(o) == 0) {
		SPK_TRY(spk_spill_share_begin(&o->share, err));
		SPK_TRY(over_choose_page_rows(o, in, err));
	}
	if (in->selected == o->page_rows && !in->sel && collected(o) == 0)
		return add_page(o, in, err);
	for (int done = 0; done < in->selected;) {
		int n = SPK_MIN(spk_builder_room(&o->builder), in->selected - done);
		int32_t sel[SPK_BATCH_ROWS];

		for (int i = 0; i < n; i++)
			sel[i] = spk_batch_row(in, done + i);
		SPK_TRY(spk_builder_append(&o->builder, in, sel, n, err));
		done += n;
		if (spk_builder_room(&o->builder) == 0)
			SPK_TRY(add_collected(o, err));
	}
	return SPK_OK;
}

static spk_status over_finish(struct spk_op *op, spk_error *err)
{
	struct over *o = (struct over *)op;

	SPK_TRY(add_collected(o, err));
	if (o->rows > o->begun)
		SPK_TRY(compute(o, o->rows, err));
	SPK_TRY(emit_done(o, err));
	spk_spill_share_end(&o->share);
	return SPK_OK;
}

static void over_close(struct spk_op *op)
{
	struct over *o = (struct over *)op;

	forget(o);
	spk_spill_share_release(&o->share);
	for (int i = 0; o->call && i < op->plan->calls; i++)
		if (o->call[i].state)
			spk_aggregate_row_release(&o->call[i].aggregate, 1, o->call[i].state);
	spk_free(op->pipeline->account, o->page, (size_t)o->capacity * sizeof *o->page);
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
