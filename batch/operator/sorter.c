/*
 * The sorter. See sorter.h.
 *
 * A run's rows carry their key as one more column: the 12 bytes of the item where they are all of it (stored as a numeric), else the whole
 * key. So runs are merged, also in several passes, without computing keys again.
 */
#include "batch/operator/sorter.h"

#include <stdlib.h>

enum {
	INPUTS_LEAST = 2, INPUTS_MOST = 128,
	PAGE_PARTS = 2,                  /* what a run takes while it is merged, in blocks */
};

/* --- keys --- */

spk_status spk_sort_order_init(struct spk_sort_order *order, const struct spk_sort_key *key, int count, struct spk_arena *arena, spk_error *err)
{
	*order = (struct spk_sort_order){ .count = count, .key = key };
	order->column = SPK_NEW_ARRAY(arena, struct spk_key_column, count + 1);
	order->schema = (struct spk_schema){ count, SPK_NEW_ARRAY(arena, struct spk_field, count + 1) };
	SPK_TRY_PTR(order->column && order->schema.field, err);
	for (int i = 0; i < count; i++) {
		order->column[i] = (struct spk_key_column){ i, key[i].expr->type, key[i].descending, key[i].nulls_first };
		order->schema.field[i] = (struct spk_field){ "", key[i].expr->type, true };
	}
	order->key_size = (uint32_t)spk_row_key_fixed_size(order->column, count);
	return SPK_OK;
}

spk_status spk_sort_order_keys(const struct spk_sort_order *order, const struct spk_op *op, struct spk_batch *in, struct spk_row_keys *keys, spk_error *err)
{
	struct spk_batch *values;
	spk_status status = SPK_OK;

	SPK_TRY(spk_batch_derive(&values, in, &order->schema, err));
	struct spk_eval ev = spk_op_eval(op, values->arena, NULL);

	for (int i = 0; i < order->count && status == SPK_OK; i++)
		status = spk_expr_eval(order->key[i].expr, in, in->sel, in->selected, &ev, &values->column[i], err);
	if (status == SPK_OK)
		status = spk_row_keys_encode(keys, values, order->column, order->count, false, err);
	spk_batch_unref(values);
	return status;
}

/* --- life --- */

static struct spk_memory_account *account_of(const struct spk_sorter *s) { return s->op->pipeline->account; }

static spk_status make_run_schema(struct spk_sorter *s, spk_error *err)
{
	struct spk_type key = spk_kept_rows_keyed(&s->rows) ? spk_type(SPK_TYPE_BYTEA) : spk_type_decimal(38, 0);
	int n = s->schema->count;

	s->run_schema = (struct spk_schema){ n + 1, SPK_NEW_ARRAY(s->arena, struct spk_field, n + 1) };
	SPK_TRY_PTR(s->run_schema.field, err);
	if (n)
		memcpy(s->run_schema.field, s->schema->field, (size_t)n * sizeof *s->schema->field);
	s->run_schema.field[n] = (struct spk_field){ "key", key, false };
	return SPK_OK;
}

spk_status spk_sorter_init(struct spk_sorter *s, struct spk_op *op, const struct spk_schema *schema, const struct spk_sort_key *key, int keys, spk_error *err)
{
	s->op = op;
	s->schema = schema;
	s->arena = spk_arena_new(account_of(s));
	SPK_TRY_PTR(s->arena, err);
	spk_spill_share_init(&s->share, op);
	s->keys.bytes.account = account_of(s);
	SPK_TRY(spk_sort_order_init(&s->order, key, keys, s->arena, err));
	SPK_TRY(spk_kept_rows_init(&s->rows, schema, s->order.key_size, account_of(s), s->arena, err));
	return make_run_schema(s, err);
}

void spk_sorter_clear(struct spk_sorter *s)
{
	if (!s->op)
		return;
	spk_merge_free(s->merge);
	s->merge = NULL;
	s->cursor = NULL;
	spk_arena_unref(s->reading);
	s->reading = NULL;
	s->next = 0;
	spk_kept_rows_clear(&s->rows);
	spk_row_keys_release(&s->keys);
	for (int i = 0; i < s->runs; i++)
		spk_spill_run_free(s->run[i]);
	free(s->run);
	s->run = NULL;
	s->runs = s->run_capacity = 0;
	spk_spill_share_end(&s->share);
}

void spk_sorter_close(struct spk_sorter *s)
{
	spk_sorter_clear(s);
	spk_spill_share_release(&s->share);
	spk_arena_unref(s->arena);
	s->arena = NULL;
}

spk_status spk_sorter_begin(struct spk_sorter *s, spk_error *err)
{
	spk_sorter_clear(s);
	s->merged_rows = SPK_BATCH_ROWS;
	return spk_spill_share_begin(&s->share, err);
}

/* --- runs --- */

/* Adds a run to the list. Not from the budget: a pointer for what took megabytes. */
static spk_status add_run(struct spk_sorter *s, spk_error *err)
{
	if (s->runs == s->run_capacity) {
		int capacity = s->run_capacity ? 2 * s->run_capacity : 16;
		struct spk_spill_run **grown = realloc(s->run, (size_t)capacity * sizeof(*grown));

		SPK_TRY_PTR(grown, err);
		s->run = grown;
		s->run_capacity = capacity;
	}
	SPK_TRY(spk_spill_run_make(&s->share, &s->run[s->runs], err));
	s->runs++;
	return SPK_OK;
}

/* The last column of a piece: keys of n rows, by views of where they lie. */
static spk_status put_keys(const struct spk_sorter *s, struct spk_batch *piece, size_t from, spk_error *err)
{
	struct spk_vector *v = &piece->column[piece->columns - 1];

	SPK_TRY(spk_vector_init(v, s->run_schema.field[piece->columns - 1].type, piece->rows, piece->arena, err));
	for (int i = 0; i < piece->rows; i++) {
		spk_sort_item item = s->rows.item[from + (size_t)i];

		if (spk_kept_rows_keyed(&s->rows)) {
			struct spk_key_ref key = spk_kept_key(&s->rows, item);

			spk_vector_view(v)[i] = spk_view(key.data, key.size);
		} else {
			spk_vector_i128(v)[i] = (spk_int128)(item >> 32 << 32);
		}
	}
	return SPK_OK;
}

/* n sorted rows with their keys. */
static spk_status make_piece(const struct spk_sorter *s, size_t from, int n, struct spk_batch **out, spk_error *err)
{
	struct spk_batch *rows, *piece;
	spk_status status;

	SPK_TRY(spk_kept_rows_gather(&s->rows, from, n, &rows, err));
	status = spk_batch_derive(&piece, rows, &s->run_schema, err);
	if (status == SPK_OK) {
		memcpy(piece->column, rows->column, (size_t)rows->columns * sizeof *rows->column);
		status = put_keys(s, piece, from, err);
		if (status == SPK_OK)
			*out = piece;
		else
			spk_batch_unref(piece);
	}
	spk_batch_unref(rows);
	return status;
}

static spk_status write_run(struct spk_sorter *s, spk_error *err)
{
	int n = spk_kept_rows_piece(&s->rows, SPK_SPILL_BLOCK);

	s->merged_rows = SPK_MIN(s->merged_rows, spk_kept_rows_piece(&s->rows, SPK_KEPT_OUT));
	for (size_t from = 0; from < s->rows.rows; from += (size_t)n) {
		struct spk_batch *piece;
		spk_status status;

		SPK_TRY(make_piece(s, from, (int)SPK_MIN((size_t)n, s->rows.rows - from), &piece, err));
		status = spk_spill_put(&s->share, s->run[s->runs - 1], piece, err);
		spk_batch_unref(piece);
		SPK_TRY(status);
		SPK_TRY(spk_op_check_cancelled(s->op, err));
	}
	return SPK_OK;
}

/* Sorts what is kept into a run of its own, and keeps nothing. */
static spk_status spill_rows(void *user, spk_error *err)
{
	struct spk_sorter *s = user;

	if (s->rows.rows == 0)
		return SPK_OK;
	spk_kept_rows_sort(&s->rows);
	SPK_TRY(add_run(s, err));
	SPK_TRY(write_run(s, err));
	spk_kept_rows_clear(&s->rows);
	return SPK_OK;
}

/* --- taking rows in --- */

spk_status spk_sorter_take(struct spk_sorter *s, struct spk_kept_rows *rows, spk_error *err)
{
	struct spk_kept_rows empty = s->rows;

	SPK_ASSERT(empty.rows == 0 && s->runs == 0, "rows are taken over before others come");
	s->rows = *rows;
	*rows = empty;
	return spk_spill_now(&s->share, spill_rows, s, err);
}

/* Rows [from, from + n) of the batch, whose keys are there; or none. */
static spk_status absorb(struct spk_sorter *s, struct spk_batch *in, int from, int n, spk_error *err)
{
	int32_t pick[SPK_BATCH_ROWS];

	for (int i = 0; i < n; i++)
		pick[i] = from + i;
	return spk_kept_rows_add(&s->rows, in, n == in->selected ? NULL : pick, n, &s->keys, err);
}

static spk_status make_keys(struct spk_sorter *s, struct spk_batch *in, spk_error *err)
{
	spk_status status = spk_sort_order_keys(&s->order, s->op, in, &s->keys, err);

	if (!spk_spill_refused(&s->share, status, s->rows.rows))
		return status;
	SPK_TRY(spk_spill_now(&s->share, spill_rows, s, err));
	return spk_sort_order_keys(&s->order, s->op, in, &s->keys, err);
}

/* A batch that does not even fit when nothing else is kept is taken in parts. */
spk_status spk_sorter_push(struct spk_sorter *s, struct spk_batch *in, spk_error *err)
{
	int n = in->selected;

	SPK_TRY(spk_spill_room(&s->share, spk_kept_rows_bytes(&s->rows), spk_kept_rows_guess(&s->rows, in->selected), spill_rows, s, err));
	SPK_TRY(make_keys(s, in, err));
	for (int from = 0; from < in->selected;) {
		spk_status status = absorb(s, in, from, n, err);

		if (status == SPK_OK)
			from += n;
		else if (spk_spill_refused(&s->share, status, s->rows.rows))
			SPK_TRY(spk_spill_now(&s->share, spill_rows, s, err));
		else if (s->share.spill && status == SPK_MEMORY_LIMIT && n > 1)
			n /= 2;
		else
			return status;
		n = SPK_MIN(n, in->selected - from);
	}
	return SPK_OK;
}

/* --- merging --- */

/* Items and keys of a page, from its last column. */
static spk_status read_keys(struct spk_merge_page *page, bool whole, spk_error *err)
{
	struct spk_batch *b = page->batch;
	const struct spk_vector *v = &b->column[b->columns - 1];
	spk_sort_item *item = spk_arena_alloc_vector(b->arena, (size_t)b->rows * sizeof *item);
	struct spk_key_ref *key = whole ? NULL : spk_arena_alloc(b->arena, (size_t)b->rows * sizeof *key);

	SPK_TRY_PTR(item && (whole || key), err);
	for (int i = 0; i < b->rows; i++)
		if (whole) {
			item[i] = (spk_sort_item)spk_vector_i128(v)[i];
		} else {
			const struct spk_view *view = &spk_vector_view(v)[i];

			key[i] = (struct spk_key_ref){ spk_view_data(view), view->length };
			item[i] = spk_sort_item_of(key[i].data, key[i].size, 0, 0);
		}
	page->item = item;
	page->key = key;
	return SPK_OK;
}

static spk_status load_page(void *user, int input, struct spk_merge_page *page, spk_error *err)
{
	struct spk_sorter *s = user;
	spk_status status = SPK_OK;

	SPK_TRY(spk_spill_get(&s->share, &s->cursor[input], &s->run_schema, &page->batch, err));
	if (!page->batch)
		return SPK_OK;
	for (int c = 0; c < page->batch->columns && status == SPK_OK; c++)
		status = spk_vector_flatten(&page->batch->column[c], page->batch->rows, page->batch->arena, &page->batch->column[c], err);
	if (status == SPK_OK)
		status = read_keys(page, !spk_kept_rows_keyed(&s->rows), err);
	if (status != SPK_OK) {
		spk_batch_unref(page->batch);
		s->cursor[input].next--;
	}
	return status;
}

/* A merge of n runs from run `first` on. */
static spk_status start_merge(struct spk_sorter *s, int first, int n, const struct spk_schema *schema, spk_error *err)
{
	spk_arena_unref(s->reading);
	s->reading = spk_arena_new(account_of(s));
	SPK_TRY_PTR(s->reading, err);
	s->cursor = SPK_NEW_ARRAY(s->reading, struct spk_spill_cursor, n);
	SPK_TRY_PTR(s->cursor, err);
	for (int i = 0; i < n; i++)
		s->cursor[i].run = s->run[first + i];
	SPK_TRY(spk_merge_new(&s->merge, schema, n, load_page, s, account_of(s), err));
	spk_merge_loads_again(s->merge);
	return SPK_OK;
}

static spk_status write_merged(struct spk_sorter *s, struct spk_spill_run *to, spk_error *err)
{
	for (;;) {
		struct spk_batch *batch;
		spk_status status;

		SPK_TRY(spk_merge_next(s->merge, s->merged_rows, &batch, err));
		if (!batch)
			return SPK_OK;
		status = spk_spill_put(&s->share, to, batch, err);
		spk_batch_unref(batch);
		SPK_TRY(status);
		SPK_TRY(spk_op_check_cancelled(s->op, err));
	}
}

/* Makes one run of n neighbours, in their place: rows of earlier runs come first among equals. */
static spk_status merge_runs(struct spk_sorter *s, int first, int n, spk_error *err)
{
	struct spk_spill_run *merged;

	SPK_TRY(start_merge(s, first, n, &s->run_schema, err));
	SPK_TRY(add_run(s, err));
	merged = s->run[s->runs - 1];
	SPK_TRY(write_merged(s, merged, err));
	spk_merge_free(s->merge);
	s->merge = NULL;
	for (int i = 0; i < n; i++)
		spk_spill_run_free(s->run[first + i]);
	s->run[first] = merged;
	memmove(s->run + first + 1, s->run + first + n, (size_t)(s->runs - 1 - first - n) * sizeof(*s->run));
	s->runs -= n;
	return SPK_OK;
}

/* What a run takes while it is merged: blocks are larger than usual where single rows are. */
static size_t page_bytes(const struct spk_sorter *s)
{
	size_t block = SPK_SPILL_BLOCK;

	for (int i = 0; i < s->runs; i++)
		for (int64_t k = 0; k < spk_spill_run_blocks(s->run[i]); k++)
			block = SPK_MAX(block, spk_spill_run_size(s->run[i], k));
	return PAGE_PARTS * block;
}

/* Runs that may be merged at once: half of the share, or of what is left at all when others took more than theirs. */
static int most_inputs(const struct spk_sorter *s)
{
	size_t limit = spk_memory_limit(), left = limit - SPK_MIN(spk_memory_used(), limit);
	size_t inputs = SPK_MIN(spk_spill_share_bytes(&s->share), left) / 2 / page_bytes(s);

	return (int)SPK_MIN(SPK_MAX(inputs, (size_t)INPUTS_LEAST), (size_t)INPUTS_MOST);
}

spk_status spk_sorter_end(struct spk_sorter *s, spk_error *err)
{
	int most;

	spk_row_keys_release(&s->keys);
	s->share.op->memory_peak = SPK_MAX(s->share.op->memory_peak, (int64_t)spk_kept_rows_bytes(&s->rows));
	if (s->runs == 0) {
		spk_kept_rows_sort(&s->rows);
		return SPK_OK;
	}
	SPK_TRY(spk_spill_last(&s->share, spill_rows, s, err));
	most = most_inputs(s);
	for (int first = 0; s->runs > most; first++) {
		first = first + 1 < s->runs ? first : 0;
		SPK_TRY(merge_runs(s, first, SPK_MIN(SPK_MIN(most, s->runs - most + 1), s->runs - first), err));
	}
	return start_merge(s, 0, s->runs, s->schema, err);
}

/* Rows that were never spilled: few at once when they are long. */
static spk_status next_kept(struct spk_sorter *s, struct spk_batch **out, spk_error *err)
{
	int n = (int)SPK_MIN(s->rows.rows - s->next, (size_t)spk_kept_rows_piece(&s->rows, SPK_KEPT_OUT));

	if (n == 0)
		return SPK_OK;
	SPK_TRY(spk_kept_rows_gather(&s->rows, s->next, n, out, err));
	s->next += (size_t)n;
	return SPK_OK;
}

spk_status spk_sorter_next(struct spk_sorter *s, struct spk_batch **out, spk_error *err)
{
	*out = NULL;
	SPK_TRY(s->merge ? spk_merge_next(s->merge, s->merged_rows, out, err) : next_kept(s, out, err));
	if (!*out)
		spk_sorter_clear(s);
	return SPK_OK;
}

spk_status spk_sorter_refill(struct spk_sorter *s, struct spk_batch **batch, int *at, bool *fresh, spk_error *err)
{
	*fresh = false;
	if (*batch && *at < (*batch)->selected)
		return SPK_OK;
	spk_batch_unref(*batch);
	*batch = NULL;
	*at = 0;
	SPK_TRY(spk_sorter_next(s, batch, err));
	*fresh = *batch != NULL;
	return SPK_OK;
}
