/*
 * ORDER BY ... LIMIT n: keeps the first offset + limit rows of a task in order, and forgets the rest as it goes.
 *
 *   input   rows
 *   output  rows offset .. offset + limit of them, sorted; rows with equal keys in the order in which they came
 *   state   twice as many rows as are wanted, and a batch: then they are sorted and cut
 *
 * Once there are enough, a row that does not come before the last of them is dropped by one comparison of 12 key bytes.
 */
#include "batch/operator/sorter.h"

enum { CUT_LEAST = 256 };        /* rows that are not wanted, before they are looked for */

struct top_k {
	struct spk_op base;
	struct spk_arena *arena;
	struct spk_sort_order order;
	struct spk_kept_rows rows, spare;/* spare: empty but while rows are cut */
	struct spk_row_keys keys;        /* scratch: of the batch at hand */
	size_t wanted;
	bool full;                       /* `last` is the key of the last row that is wanted so far */
	spk_sort_item last_item;
	struct spk_buffer last;
};

static spk_status top_k_open(struct spk_op *op, spk_error *err)
{
	struct top_k *t = (struct top_k *)op;
	struct spk_memory_account *account = op->pipeline->account;

	t->wanted = (size_t)(op->plan->limit + op->plan->offset);
	t->arena = spk_arena_new(account);
	SPK_TRY_PTR(t->arena, err);
	t->keys.bytes.account = t->last.account = account;
	SPK_TRY(spk_sort_order_init(&t->order, op->plan->sort, op->plan->sort_count, t->arena, err));
	SPK_TRY(spk_kept_rows_init(&t->rows, op->plan->schema, t->order.key_size, account, t->arena, err));
	return spk_kept_rows_init(&t->spare, op->plan->schema, t->order.key_size, account, t->arena, err);
}

static spk_status top_k_begin(struct spk_op *op, spk_error *err)
{
	struct top_k *t = (struct top_k *)op;

	(void)err;
	spk_kept_rows_clear(&t->rows);
	t->full = false;
	op->done = t->wanted == 0;
	return SPK_OK;
}

static bool comes_before_last(const struct top_k *t, const char *key, uint32_t size)
{
	spk_sort_item item = spk_sort_item_of(key, size, 0, 0);
	struct spk_key_ref row = { key, size }, last = { t->last.data, (uint32_t)t->last.size };

	/* A row with the last one's key came later: it is not wanted. */
	return item != t->last_item ? item < t->last_item : spk_key_compare(&row, &last) < 0;
}

static spk_status add_batch(struct top_k *t, struct spk_batch *in, spk_error *err)
{
	int32_t pick[SPK_BATCH_ROWS];
	int n = 0;

	SPK_TRY(spk_sort_order_keys(&t->order, &t->base, in, &t->keys, err));
	if (!t->full)
		return spk_kept_rows_add(&t->rows, in, NULL, in->selected, &t->keys, err);
	for (int i = 0; i < in->selected; i++) {
		uint32_t size;
		const char *key = spk_row_key(&t->keys, i, &size);

		pick[n] = i;
		n += comes_before_last(t, key, size);
	}
	return n ? spk_kept_rows_add(&t->rows, in, pick, n, &t->keys, err) : SPK_OK;
}

/* The first `wanted` sorted rows alone, to `spare`; `last` becomes the key of the last of them. */
static spk_status copy_wanted(struct top_k *t, spk_error *err)
{
	for (size_t from = 0; from < t->wanted; from += SPK_BATCH_ROWS) {
		int n = (int)SPK_MIN(t->wanted - from, (size_t)SPK_BATCH_ROWS);
		struct spk_batch *batch;
		const char *key;
		uint32_t size;
		spk_status status;

		SPK_TRY(spk_kept_rows_gather(&t->rows, from, n, &batch, err));
		status = spk_sort_order_keys(&t->order, &t->base, batch, &t->keys, err);
		if (status == SPK_OK)
			status = spk_kept_rows_add(&t->spare, batch, NULL, n, &t->keys, err);
		spk_batch_unref(batch);
		SPK_TRY(status);
		key = spk_row_key(&t->keys, n - 1, &size);
		spk_buffer_clear(&t->last);
		SPK_TRY(spk_buffer_append(&t->last, key, size, err));
		t->last_item = spk_sort_item_of(key, size, 0, 0);
	}
	return SPK_OK;
}

static spk_status cut(struct top_k *t, spk_error *err)
{
	struct spk_kept_rows kept;
	spk_status status;

	spk_kept_rows_sort(&t->rows);
	status = copy_wanted(t, err);
	if (status == SPK_OK) {
		kept = t->spare;
		t->spare = t->rows;
		t->rows = kept;
		t->full = true;
	}
	spk_kept_rows_clear(&t->spare);
	return status;
}

static spk_status top_k_push(struct spk_op *op, int input, struct spk_batch *in, spk_error *err)
{
	struct top_k *t = (struct top_k *)op;

	(void)input;
	if (t->wanted == 0)
		return SPK_OK;
	SPK_TRY(add_batch(t, in, err));
	op->memory_peak = SPK_MAX(op->memory_peak, (int64_t)spk_kept_rows_bytes(&t->rows));
	return t->rows.rows >= SPK_MAX(2 * t->wanted, t->wanted + CUT_LEAST) ? cut(t, err) : SPK_OK;
}

static spk_status top_k_finish(struct spk_op *op, spk_error *err)
{
	struct top_k *t = (struct top_k *)op;
	size_t end = SPK_MIN(t->rows.rows, t->wanted);

	spk_kept_rows_sort(&t->rows);
	for (size_t from = (size_t)op->plan->offset; from < end && !op->done; from += SPK_BATCH_ROWS) {
		struct spk_batch *batch;
		spk_status status;

		SPK_TRY(spk_kept_rows_gather(&t->rows, from, (int)SPK_MIN(end - from, (size_t)SPK_BATCH_ROWS), &batch, err));
		status = spk_op_emit(op, batch, err);
		spk_batch_unref(batch);
		SPK_TRY(status);
	}
	spk_kept_rows_clear(&t->rows);
	spk_row_keys_release(&t->keys);
	return SPK_OK;
}

static void top_k_close(struct spk_op *op)
{
	struct top_k *t = (struct top_k *)op;

	spk_kept_rows_clear(&t->rows);
	spk_row_keys_release(&t->keys);
	spk_buffer_release(&t->last);
	spk_arena_unref(t->arena);
}

const struct spk_op_type spk_op_top_k = {
	.name = "top k",
	.size = sizeof(struct top_k),
	.open = top_k_open,
	.begin = top_k_begin,
	.push = top_k_push,
	.finish = top_k_finish,
	.close = top_k_close,
};
