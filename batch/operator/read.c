/*
 * READ begins a stage: what WRITE nodes wrote for this task, in order of (producer task, sequence). With a sort order every producer's rows are
 * sorted, and come out merged: rows of an earlier producer first among equals. Of an exchange by ranges it takes those of the task's range (range.h).
 *
 * A merge holds a batch of each producer. Where that is too much, all rows are sorted once more: that needs no more than its share.
 */
#include "batch/operator/range.h"

enum { BATCH_BYTES = 512 * 1024 };   /* what a producer's batch may take */

struct read {
	struct spk_op base;
	int input;
	struct spk_arena *arena;
	struct spk_sort_order order;
	struct spk_row_keys keys;        /* scratch: of the batch at hand */
	struct spk_range range;          /* of this task; all zeros: all rows */
	struct spk_arena *ranging;       /* it lies there */
	bool *ended;                     /* by producer: what is left is beyond the range */
	struct spk_merge *merge;
	struct spk_sorter sorter;
};

static spk_status read_open(struct spk_op *op, spk_error *err)
{
	struct read *r = (struct read *)op;

	r->input = op->pipeline->exchange_input[op->plan->exchange];
	if (op->plan->sort_count == 0)
		return SPK_OK;
	r->arena = spk_arena_new(op->pipeline->account);
	SPK_TRY_PTR(r->arena, err);
	r->keys.bytes.account = op->pipeline->account;
	SPK_TRY(spk_sort_order_init(&r->order, op->plan->sort, op->plan->sort_count, r->arena, err));
	return spk_sorter_init(&r->sorter, op, op->plan->schema, op->plan->sort, op->plan->sort_count, err);
}

static void clear(struct read *r)
{
	spk_merge_free(r->merge);
	r->merge = NULL;
	spk_row_keys_release(&r->keys);
	spk_arena_unref(r->ranging);
	r->ranging = NULL;
	r->range = (struct spk_range){ 0 };
	r->ended = NULL;
	spk_sorter_clear(&r->sorter);
}

static spk_status read_begin(struct spk_op *op, spk_error *err)
{
	(void)err;
	clear((struct read *)op);
	return SPK_OK;
}

static void read_close(struct spk_op *op)
{
	struct read *r = (struct read *)op;

	clear(r);
	spk_sorter_close(&r->sorter);
	spk_arena_unref(r->arena);
}

/* --- merging --- */

/* The same rows in dense, flat columns. */
static spk_status flatten(const struct spk_batch *in, struct spk_batch **out, spk_error *err)
{
	spk_status status = SPK_OK;
	struct spk_batch *flat;

	if (in->sel)
		return spk_batch_compact(out, in, err);
	SPK_TRY(spk_batch_derive(&flat, in, in->schema, err));
	for (int c = 0; c < in->columns && status == SPK_OK; c++)
		status = spk_vector_flatten(&in->column[c], in->rows, flat->arena, &flat->column[c], err);
	if (status != SPK_OK) {
		spk_batch_unref(flat);
		return status;
	}
	*out = flat;
	return SPK_OK;
}

/* Items and keys of the page's rows, which r->keys has, in its arena. */
static spk_status add_keys(struct read *r, struct spk_merge_page *page, spk_error *err)
{
	struct spk_arena *arena = page->batch->arena;
	bool whole = r->order.key_size && r->order.key_size <= SPK_SORT_KEY_BYTES;
	int n = page->batch->rows;
	spk_sort_item *item;
	struct spk_key_ref *key;
	const char *bytes;

	item = spk_arena_alloc_vector(arena, (size_t)n * sizeof *item);
	key = whole ? NULL : spk_arena_alloc(arena, (size_t)n * sizeof *key);
	bytes = whole ? r->keys.bytes.data : spk_arena_copy(arena, r->keys.bytes.data, r->keys.bytes.size);
	SPK_TRY_PTR(item && (whole || key) && bytes, err);
	for (int i = 0; i < n; i++) {
		uint32_t size = r->keys.offset[i + 1] - r->keys.offset[i];
		const char *at = bytes + r->keys.offset[i];

		item[i] = spk_sort_item_of(at, size, 0, 0);
		if (key)
			key[i] = (struct spk_key_ref){ at, size };
	}
	page->item = item;
	page->key = key;
	return SPK_OK;
}

/* Puts rows from, ... to - 1 in the place of *batch. */
static spk_status cut(struct spk_batch **batch, int from, int to, spk_error *err)
{
	struct spk_batch *part, *flat;
	spk_status status;

	SPK_TRY(spk_op_slice(&part, *batch, from, to - from, err));
	status = flatten(part, &flat, err);
	spk_batch_unref(part);
	SPK_TRY(status);
	spk_batch_unref(*batch);
	*batch = flat;
	return SPK_OK;
}

/* Leaves of a producer's batch what is in the range, with its keys in r->keys; there may be nothing left. */
static spk_status keep_range(struct read *r, int producer, struct spk_batch **batch, spk_error *err)
{
	int n = (*batch)->rows, from, to;

	SPK_TRY(spk_sort_order_keys(&r->order, &r->base, *batch, &r->keys, err));
	spk_range_rows(&r->range, &r->keys, n, &from, &to);
	if (r->ended)
		r->ended[producer] = to < n;
	if (to - from == n)
		return SPK_OK;
	if (from == to) {
		spk_batch_unref(*batch);
		*batch = NULL;
		return SPK_OK;
	}
	SPK_TRY(cut(batch, from, to, err));
	return spk_sort_order_keys(&r->order, &r->base, *batch, &r->keys, err);
}

/* The next rows of a producer, flat, their keys in r->keys; NULL at the end. */
static spk_status next_of(struct read *r, int producer, struct spk_batch **out, spk_error *err)
{
	*out = NULL;
	while (!*out && !(r->ended && r->ended[producer])) {
		struct spk_batch *batch;
		spk_status status;

		SPK_TRY(spk_task_fetch_from(r->base.pipeline->task_handle, r->input, producer, &batch, err));
		if (!batch)
			return SPK_OK;
		status = flatten(batch, out, err);
		spk_batch_unref(batch);
		if (status == SPK_OK)
			status = keep_range(r, producer, out, err);
		if (status != SPK_OK) {
			spk_batch_unref(*out);
			*out = NULL;
			return status;
		}
	}
	return SPK_OK;
}

static spk_status load_page(void *user, int producer, struct spk_merge_page *page, spk_error *err)
{
	struct read *r = user;
	spk_status status;

	SPK_TRY(next_of(r, producer, &page->batch, err));
	if (!page->batch)
		return SPK_OK;
	status = add_keys(r, page, err);
	if (status != SPK_OK)
		spk_batch_unref(page->batch);
	return status;
}

static spk_status emit_and_unref(struct spk_op *op, struct spk_batch *batch, spk_error *err)
{
	spk_status status = spk_op_emit(op, batch, err);

	spk_batch_unref(batch);
	return status;
}

static spk_status read_merged(struct read *r, int producers, spk_error *err)
{
	struct spk_op *op = &r->base;

	SPK_TRY(spk_merge_new(&r->merge, op->plan->schema, producers, load_page, r, op->pipeline->account, err));
	while (!op->done) {
		struct spk_batch *batch;

		SPK_TRY(spk_merge_next(r->merge, SPK_BATCH_ROWS, &batch, err));
		if (!batch)
			break;
		SPK_TRY(emit_and_unref(op, batch, err));
	}
	clear(r);
	return SPK_OK;
}

/* --- sorting once more --- */

static spk_status push_all(struct read *r, int producers, spk_error *err)
{
	for (int p = 0; p < producers;) {
		struct spk_batch *batch;
		spk_status status;

		SPK_TRY(next_of(r, p, &batch, err));
		if (!batch) {
			p++;
			continue;
		}
		status = spk_sorter_push(&r->sorter, batch, err);
		spk_batch_unref(batch);
		SPK_TRY(status);
	}
	return SPK_OK;
}

static spk_status read_sorted(struct read *r, int producers, spk_error *err)
{
	SPK_TRY(spk_sorter_begin(&r->sorter, err));
	SPK_TRY(push_all(r, producers, err));
	SPK_TRY(spk_sorter_end(&r->sorter, err));
	while (!r->base.done) {
		struct spk_batch *batch;

		SPK_TRY(spk_sorter_next(&r->sorter, &batch, err));
		if (!batch)
			break;
		SPK_TRY(emit_and_unref(&r->base, batch, err));
	}
	clear(r);
	return SPK_OK;
}

/* --- as they come --- */

static spk_status read_plain(struct read *r, spk_error *err)
{
	while (!r->base.done) {
		struct spk_batch *batch;

		SPK_TRY(spk_task_fetch(r->base.pipeline->task_handle, r->input, &batch, err));
		if (!batch)
			return SPK_OK;
		SPK_TRY(spk_op_emit(&r->base, batch, err));
	}
	return SPK_OK;
}

/* --- of a range --- */

static spk_status find_range(struct read *r, spk_error *err)
{
	const struct spk_op *op = &r->base;

	SPK_TRY_PTR(r->ranging = spk_arena_new(op->pipeline->account), err);
	SPK_TRY(spk_range_find(op, r->input + 1, op->pipeline->exchange_readers[op->plan->exchange], r->ranging, &r->range, err));
	SPK_TRY_PTR(r->ended = SPK_NEW_ARRAY(r->ranging, bool, r->range.producers + 1), err);
	for (int p = 0; p < r->range.producers; p++)
		spk_task_skip(op->pipeline->task_handle, r->input, p, r->range.skip[p]);
	return SPK_OK;
}

static spk_status read_lead(struct spk_op *op, spk_error *err)
{
	struct read *r = (struct read *)op;
	size_t room = spk_memory_limit() / 100 * SPK_SPILL_PERCENT / 4;
	int producers;

	if (op->plan->sort_count == 0)
		return read_plain(r, err);
	if (op->pipeline->plan->exchange[op->plan->exchange].range)
		SPK_TRY(find_range(r, err));
	if (r->range.nothing)
		return SPK_OK;
	producers = spk_task_producers(op->pipeline->task_handle, r->input);
	return (size_t)producers * BATCH_BYTES <= room ? read_merged(r, producers, err) : read_sorted(r, producers, err);
}

const struct spk_op_type spk_op_read = {
	.name = "exchange read",
	.size = sizeof(struct read),
	.open = read_open,
	.begin = read_begin,
	.lead = read_lead,
	.close = read_close,
};
