/*
 * Holds rows until the watermark has passed their event time: what is behind it sees them in the order of time, from epoch to epoch.
 *
 *   input   rows by the hash of the key columns; only added, none of them under the watermark (LATE)
 *   output  the rows whose time is over: all that have an earlier one came out before or come out with them. Append-only
 *   state   rows in the order of time (ordered_rows.h), by shard; bounded by the watermark
 *
 * A row whose time is over in the epoch it comes in is not kept at all. One without a time has no place in the order, so it goes to the dead letters.
 */
#include "core/base/memory.h"
#include "stream/operator/delta_rows.h"
#include "stream/operator/row_changes.h"
#include "stream/operator/stream_operators.h"

enum { TIME_BYTES = 8 };

/* next[]: nothing is known of the shard; it holds no rows, or those of the end of time. */
static const int64_t UNKNOWN = INT64_MIN, EMPTY = INT64_MAX;

struct hold {
	struct spk_op base;
	struct spk_ordered_rows kept;
	struct spk_state_view *view;
	int first, end;                  /* shards */
	int64_t next[SPK_SHARDS];        /* by shard: the earliest time that it holds */
	struct spk_delta_rows delta;     /* the epoch's rows, by shard */
};

static struct hold *self(struct spk_op *op) { return spk_container_of(op, struct hold, base); }

/* Bytes in the order of times. */
static void put_time(int64_t time, char *out)
{
	const uint64_t bits = __builtin_bswap64((uint64_t)time ^ (uint64_t)1 << 63);

	memcpy(out, &bits, TIME_BYTES);
}

static int64_t time_of(const struct spk_ordered_entry *row)
{
	uint64_t bits;

	memcpy(&bits, row->bytes, TIME_BYTES);
	return (int64_t)(__builtin_bswap64(bits) ^ (uint64_t)1 << 63);
}

static spk_status hold_open(struct spk_op *op, spk_error *err)
{
	struct hold *h = self(op);
	struct spk_memory_account *account = op->pipeline->account;

	SPK_ASSERT(op->pipeline->store && op->plan->state_table, "a stateful operator has a store");
	for (int i = 0; i < SPK_SHARDS; i++)
		h->next[i] = UNKNOWN;
	spk_delta_rows_init(&h->delta, true, account);
	spk_shard_range(op->pipeline->partition, op->pipeline->partitions, &h->first, &h->end);
	SPK_TRY(spk_state_view_open(&h->view, op->pipeline->store, op->plan->state_table, h->first, h->end, err));
	h->kept = (struct spk_ordered_rows){ .view = h->view, .account = account, .side = 'h', .bytes.account = account };
	return SPK_OK;
}

static spk_status hold_begin(struct spk_op *op, spk_error *err)
{
	(void)err;
	spk_delta_rows_clear(&self(op)->delta);
	return SPK_OK;
}

static spk_status hold_push(struct spk_op *op, int input, struct spk_batch *in, spk_error *err)
{
	static const char no_time[] = "the event time is NULL: the row has no place in the order of time";
	struct hold *h = self(op);
	const struct spk_reader time = spk_vector_reader(&in->column[op->plan->time_column]);
	uint64_t hash[SPK_BATCH_ROWS] = { 0 };
	char order[TIME_BYTES];

	(void)input;
	if (op->plan->key_count)
		spk_hash_columns(in, op->plan->key, op->plan->key_count, hash);
	SPK_TRY(spk_delta_rows_begin(&h->delta, in, in->columns, err));
	SPK_EACH_ROW(in, i, row) {
		const struct spk_delta_frame frame = { .ordered = true, .order = order, .order_size = TIME_BYTES };
		const uint32_t slot = spk_reader_slot(&time, row);

		if (!spk_reader_valid(&time, slot)) {
			SPK_TRY(spk_op_dead_letter(op, in, row, SPK_DATA, false, 0, no_time, err));
			continue;
		}
		put_time(((const int64_t *)time.data)[slot], order);
		SPK_TRY(spk_delta_rows_add(&h->delta, row, &frame, (uint32_t)spk_shard_of(hash[i]).value, spk_batch_weight(in, row), err));
	}
	return SPK_OK;
}

/* --- rows whose time is over --- */

struct release { struct spk_row_changes changes; int64_t watermark; struct spk_ordered_entry next; bool any_due, any_next; };

static bool is_due(const struct release *r, int64_t time)
{
	return r->watermark == SPK_WATERMARK_END || time < r->watermark;
}

static spk_status visit(void *user, const struct spk_ordered_entry *row, bool *go, spk_error *err)
{
	struct release *r = user;

	if (is_due(r, time_of(row))) {
		r->any_due = true;
		return spk_row_changes_add_ordered(&r->changes, row, NULL, row->weight, err);
	}
	r->any_next = true;
	r->next = *row;
	*go = false;
	return SPK_OK;
}

/* Lets those go that are over, and keeps the rest of the epoch's. */
static spk_status work_off_shard(struct hold *h, int shard, struct release *r, spk_error *err)
{
	struct spk_ordered_tree tree = { .key = "", .hash = (uint64_t)shard << 58, .arena = r->changes.arena };

	SPK_TRY(spk_ordered_open(&h->kept, &tree, 1, err));
	r->any_due = r->any_next = false;
	SPK_TRY(spk_ordered_walk(&h->kept, &tree, false, visit, r, err));
	h->next[shard] = r->any_next ? time_of(&r->next) : EMPTY;
	if (r->any_due)
		SPK_TRY(spk_ordered_cut_front(&h->kept, &tree, r->any_next ? &r->next : NULL, err));
	for (uint32_t i = h->delta.first[shard]; i; i = h->delta.next[i - 1]) {
		struct spk_ordered_entry row = { .weight = h->delta.weight[i - 1] };

		SPK_TRY(spk_delta_row_ordered(&h->delta, i - 1, tree.arena, &row, err));
		if (is_due(r, time_of(&row))) {
			SPK_TRY(spk_row_changes_add_ordered(&r->changes, &row, NULL, row.weight, err));
			continue;
		}
		SPK_TRY(spk_ordered_add(&h->kept, &tree, &row, err));
		h->next[shard] = SPK_MIN(h->next[shard], time_of(&row));
	}
	SPK_TRY(spk_ordered_write(&h->kept, &tree, 1, err));
	return spk_row_changes_emit(&r->changes, err);
}

static spk_status with_arena(struct hold *h, int shard, struct release *r, spk_error *err)
{
	struct spk_arena *arena = spk_arena_new(h->base.pipeline->account);
	spk_status status;

	SPK_TRY_PTR(arena, err);
	r->changes = (struct spk_row_changes){ .op = &h->base, .arena = arena };
	status = work_off_shard(h, shard, r, err);
	spk_row_changes_release(&r->changes);
	spk_arena_unref(arena);
	return status;
}

static spk_status hold_finish(struct spk_op *op, spk_error *err)
{
	struct hold *h = self(op);
	struct spk_arena *work = spk_arena_new(op->pipeline->account);
	struct release r = { .watermark = spk_op_watermark_after(op) };
	spk_status status = work ? spk_delta_rows_chain(&h->delta, SPK_SHARDS, work, err) : spk_fail_memory(err);

	for (int shard = h->first; shard < h->end && status == SPK_OK; shard++)
		if (h->delta.first[shard] || is_due(&r, h->next[shard]))
			status = with_arena(h, shard, &r, err);
	spk_arena_unref(work);
	spk_delta_rows_clear(&h->delta);
	return status;
}

static void hold_close(struct spk_op *op)
{
	struct hold *h = self(op);

	spk_delta_rows_release(&h->delta);
	spk_ordered_release(&h->kept);
	spk_state_view_close(h->view);
}

const struct spk_op_type spk_op_hold = {
	.name = "hold",
	.size = sizeof(struct hold),
	.open = hold_open,
	.begin = hold_begin,
	.push = hold_push,
	.finish = hold_finish,
	.close = hold_close,
};
