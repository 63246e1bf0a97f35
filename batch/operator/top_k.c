/*
 * ORDER BY ... LIMIT n: keeps the first offset + limit rows of a task in order, and forgets the rest as it goes.
 *
 *   input   rows
 *   output  rows offset .. offset + limit of them, sorted; rows with equal keys in the order in which they came
 *   state   twice as many rows as are wanted, and a batch: then they are sorted and cut. Where those do not fit the operator's share of
 *           memory they go to a sorter, and so do all that come later
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
	struct spk_sorter sorter;        /* its share is the operator's */
	bool sorts;                      /* the rows are there */
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
	SPK_TRY(spk_kept_rows_init(&t->spare, op->plan->schema, t->order.key_size, account, t->arena, err));
	return spk_sorter_init(&t->sorter, op, op->plan->schema, op->plan->sort, op->plan->sort_count, err);
}

static spk_status top_k_begin(struct spk_op *op, spk_error *err)
{
	struct top_k *t = (struct top_k *)op;

	spk_kept_rows_clear(&t->rows);
	t->full = t->sorts = false;
	op->done = t->wanted == 0;
	return spk_sorter_begin(&t->sorter, err);
}

static bool comes_before_last(const struct top_k *t, const char *key, uint32_t size)
{
	spk_sort_item item = spk_sort_item_of(key, size, 0, 0);
	struct spk_key_ref row = { key, size }, last = { t->last.data, (uint32_t)t->last.size };

	/* A row with the last one's key came later: it is not wanted. */
	return item != t->last_item ? item < t->last_item : spk_key_compare(&row, &last) < 0;
}

/* Which of the selected rows may be wanted, by position. */
static int pick_wanted(const struct top_k *t, const struct spk_batch *in, int32_t *pick)
{
	int n = 0;

	for (int i = 0; i < in->selected; i++) {
		uint32_t size;
		const char *key = spk_row_key(&t->keys, i, &size);

		pick[n] = i;
		n += !t->full || comes_before_last(t, key, size);
	}
	return n;
}

static spk_status add_batch(struct top_k *t, struct spk_batch *in, spk_error *err)
{
	int32_t pick[SPK_BATCH_ROWS];
	int n;

	SPK_TRY(spk_sort_order_keys(&t->order, &t->base, in, &t->keys, err));
	n = pick_wanted(t, in, pick);
	return n ? spk_kept_rows_add(&t->rows, in, n == in->selected ? NULL : pick, n, &t->keys, err) : SPK_OK;
}

/* The first `wanted` sorted rows alone, to `spare`; `last` becomes the key of the last of them. */
static spk_status copy_wanted(struct top_k *t, spk_error *err)
{
	const size_t most = (size_t)spk_kept_rows_piece(&t->rows, SPK_KEPT_OUT);

	for (size_t from = 0; from < t->wanted; from += most) {
		int n = (int)SPK_MIN(t->wanted - from, most);
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

/* Fails without having changed the rows, but in no order that more could be added to. */
static spk_status cut(struct top_k *t, spk_error *err)
{
	struct spk_kept_rows kept;
	spk_status status;

	spk_kept_rows_sort(&t->rows);
	status = copy_wanted(t, err);
	t->full = status == SPK_OK;
	if (status == SPK_OK) {
		kept = t->spare;
		t->spare = t->rows;
		t->rows = kept;
	}
	spk_kept_rows_clear(&t->spare);
	return status;
}

/* --- too many for memory --- */

static spk_status begin_to_sort(struct top_k *t, spk_error *err)
{
	t->sorts = true;
	return spk_sorter_take(&t->sorter, &t->rows, err);
}

/* A batch over those of its rows that may be wanted. */
static spk_status narrow(struct top_k *t, struct spk_batch *in, struct spk_batch **out, spk_error *err)
{
	int32_t *sel;

	SPK_TRY(spk_sort_order_keys(&t->order, &t->base, in, &t->keys, err));
	SPK_TRY(spk_batch_derive(out, in, in->schema, err));
	memcpy((*out)->column, in->column, sizeof *in->column * (size_t)in->columns);
	sel = spk_arena_alloc((*out)->arena, sizeof *sel * (size_t)in->selected);
	if (!sel) {
		spk_batch_unref(*out);
		return spk_fail_memory(err);
	}
	(*out)->selected = pick_wanted(t, in, sel);
	for (int i = 0; i < (*out)->selected; i++)
		sel[i] = spk_batch_row(in, sel[i]);
	(*out)->sel = sel;
	return SPK_OK;
}

static spk_status sort_batch(struct top_k *t, struct spk_batch *in, spk_error *err)
{
	struct spk_batch *some = in;
	spk_status status = SPK_OK;

	if (!t->full)
		return spk_sorter_push(&t->sorter, in, err);
	SPK_TRY(narrow(t, in, &some, err));
	if (some->selected)
		status = spk_sorter_push(&t->sorter, some, err);
	spk_batch_unref(some);
	return status;
}

/* Rows offset .. offset + limit of what the sorter has. */
static spk_status emit_sorted(struct top_k *t, spk_error *err)
{
	struct spk_op *op = &t->base;
	int64_t at = 0, from = op->plan->offset, end = (int64_t)t->wanted;

	SPK_TRY(spk_sorter_end(&t->sorter, err));
	while (at < end && !op->done) {
		struct spk_batch *batch, *some;
		int64_t skip, take;
		spk_status status;

		SPK_TRY(spk_sorter_next(&t->sorter, &batch, err));
		if (!batch)
			break;
		skip = SPK_MIN(SPK_MAX(from - at, 0), batch->selected);
		take = SPK_MIN(end - at, batch->selected) - skip;
		at += batch->selected;
		status = take > 0 ? spk_op_slice(&some, batch, (int)skip, (int)take, err) : SPK_OK;
		if (take > 0 && status == SPK_OK) {
			status = spk_op_emit(op, some, err);
			spk_batch_unref(some);
		}
		spk_batch_unref(batch);
		SPK_TRY(status);
	}
	return SPK_OK;
}

/* --- the operator --- */

/* Keeps the batch's rows. MEMORY_LIMIT: all that were kept are still there, and those of `in` either all or not at all (*taken). */
static spk_status keep_batch(struct top_k *t, struct spk_batch *in, bool *taken, spk_error *err)
{
	*taken = false;
	SPK_TRY(add_batch(t, in, err));
	*taken = true;
	t->base.memory_peak = SPK_MAX(t->base.memory_peak, (int64_t)spk_kept_rows_bytes(&t->rows));
	return t->rows.rows >= SPK_MAX(2 * t->wanted, t->wanted + CUT_LEAST) ? cut(t, err) : SPK_OK;
}

static spk_status top_k_push(struct spk_op *op, int input, struct spk_batch *in, spk_error *err)
{
	struct top_k *t = (struct top_k *)op;
	bool taken;
	spk_status status;

	(void)input;
	if (t->wanted == 0)
		return SPK_OK;
	if (!t->sorts && spk_spill_wanted(&t->sorter.share, spk_kept_rows_bytes(&t->rows), spk_kept_rows_guess(&t->rows, in->selected)) && t->rows.rows)
		SPK_TRY(begin_to_sort(t, err));
	if (t->sorts)
		return sort_batch(t, in, err);
	status = keep_batch(t, in, &taken, err);
	if (!t->sorter.share.spill || status != SPK_MEMORY_LIMIT)
		return status;
	SPK_TRY(begin_to_sort(t, err));
	return taken ? SPK_OK : sort_batch(t, in, err);
}

static spk_status emit_kept(struct top_k *t, spk_error *err)
{
	struct spk_op *op = &t->base;
	size_t end = SPK_MIN(t->rows.rows, t->wanted), most = (size_t)spk_kept_rows_piece(&t->rows, SPK_KEPT_OUT);

	spk_kept_rows_sort(&t->rows);
	for (size_t from = (size_t)op->plan->offset; from < end && !op->done; from += most) {
		struct spk_batch *batch;
		spk_status status;

		SPK_TRY(spk_kept_rows_gather(&t->rows, from, (int)SPK_MIN(end - from, most), &batch, err));
		status = spk_op_emit(op, batch, err);
		spk_batch_unref(batch);
		SPK_TRY(status);
	}
	return SPK_OK;
}

static spk_status top_k_finish(struct spk_op *op, spk_error *err)
{
	struct top_k *t = (struct top_k *)op;

	SPK_TRY(t->sorts ? emit_sorted(t, err) : emit_kept(t, err));
	spk_kept_rows_clear(&t->rows);
	spk_row_keys_release(&t->keys);
	spk_sorter_clear(&t->sorter);
	return SPK_OK;
}

static void top_k_close(struct spk_op *op)
{
	struct top_k *t = (struct top_k *)op;

	spk_kept_rows_clear(&t->rows);
	spk_row_keys_release(&t->keys);
	spk_sorter_close(&t->sorter);
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
