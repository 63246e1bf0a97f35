/*
 * Sessions by key, once the watermark has passed their end, or as they change: aggregates of each, or its rows with the session's bounds.
 *
 *   input   rows by the hash of the key columns, append-only, behind SESSION_INPUT
 *   output  per session: start, key, aggregates, end, time; or (plan->passes) the rows, start, end, time. In order of the end; append-only, but where sessions change that
 *           have come out: those are taken back
 *   state   a key's sessions (session.h): those that may change, and for one gap more the bounds of those that were closed
 *
 * Rows are folded first: those of the epoch that are together are one run, which meets the state once. A run may make one session of two, or of more.
 */
#include <stdlib.h>

#include "core/base/memory.h"
#include "stream/operator/session.h"

static struct spk_sessions *self(struct spk_op *op) { return spk_container_of(op, struct spk_sessions, s.base); }

static spk_status session_open(struct spk_op *op, spk_error *err)
{
	struct spk_sessions *x = self(op);
	const struct spk_schema *in = op->plan->input[0]->schema;

	SPK_TRY(spk_stateful_open(op, err));
	x->gap = op->plan->window_slide_us;
	x->key_column = SPK_NEW_ARRAY(x->s.arena, struct spk_key_column, op->plan->key_count);
	SPK_TRY_PTR(x->key_column, err);
	for (int i = 0; i < op->plan->key_count; i++)
		x->key_column[i] = (struct spk_key_column){ .column = op->plan->key[i], .type = in->field[op->plan->key[i]].type };
	x->keys.account = x->encoded.bytes.account = x->batches.account = x->items.account = op->pipeline->account;
	return SPK_OK;
}

static void forget(struct spk_sessions *x)
{
	for (uint32_t i = 0; i < x->batches.size / sizeof(struct spk_batch *); i++)
		spk_batch_unref(spk_sessions_batch(x, i));
	spk_buffer_clear(&x->batches);
	spk_buffer_clear(&x->items);
	spk_keymap_clear(&x->keys);
}

static spk_status session_begin(struct spk_op *op, spk_error *err)
{
	forget(self(op));
	return spk_stateful_begin(op, err);
}

static spk_status session_push(struct spk_op *op, int input, struct spk_batch *in, spk_error *err)
{
	const struct spk_reader time = spk_vector_reader(&in->column[op->plan->time_column]);
	struct spk_sessions *x = self(op);
	uint64_t hash[SPK_BATCH_ROWS] = { 0 };
	uint32_t number[SPK_BATCH_ROWS];
	struct spk_session_item *item;

	(void)input;
	if (op->plan->key_count)
		spk_hash_columns(in, op->plan->key, op->plan->key_count, hash);
	SPK_TRY(spk_row_keys_encode(&x->encoded, in, x->key_column, op->plan->key_count, false, err));
	SPK_TRY(spk_keymap_put(&x->keys, &x->encoded, hash, number, err));
	SPK_TRY(spk_buffer_reserve(&x->items, sizeof *item * (size_t)in->selected, err));
	SPK_TRY(spk_buffer_append(&x->batches, &in, sizeof in, err));
	spk_batch_ref(in);
	item = spk_session_items(x) + x->items.size / sizeof *item;
	SPK_EACH_ROW(in, i, row)
		item[i] = (struct spk_session_item){ .time = ((const int64_t *)time.data)[spk_reader_slot(&time, row)], .key = number[i],
			.batch = (uint32_t)(x->batches.size / sizeof in) - 1, .row = row };
	x->items.size += sizeof *item * (size_t)in->selected;
	return SPK_OK;
}

/* --- rows by key and time --- */

static int by_time(const void *a, const void *b)
{
	const struct spk_session_ref *x = a, *y = b;

	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	return (x->item > y->item) - (x->item < y->item);
}

static void sort_key(struct spk_session_ref *ref, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++)
		if (ref[i].time < ref[i - 1].time) {
			qsort(ref, n, sizeof *ref, by_time);
			return;
		}
}

static spk_status sort_items(struct spk_sessions *x, uint32_t items, spk_error *err)
{
	const struct spk_session_item *item = spk_session_items(x);
	uint32_t sum = 0;

	x->ref = spk_arena_alloc(x->work, sizeof *x->ref * ((size_t)items + 1));
	x->ref_end = SPK_NEW_ARRAY(x->work, uint32_t, (size_t)x->keys.count + 1);
	SPK_TRY_PTR(x->ref && x->ref_end, err);
	for (uint32_t i = 0; i < items; i++)
		x->ref_end[item[i].key]++;
	for (uint32_t k = 0; k < x->keys.count; k++) {
		uint32_t n = x->ref_end[k];

		x->ref_end[k] = sum;
		sum += n;
	}
	for (uint32_t i = 0; i < items; i++)
		x->ref[x->ref_end[item[i].key]++] = (struct spk_session_ref){ item[i].time, i };
	for (uint32_t k = 0, from = 0; k < x->keys.count; from = x->ref_end[k++])
		sort_key(x->ref + from, x->ref_end[k] - from);
	return SPK_OK;
}

/* --- late rows --- */

static spk_status tell_late(struct spk_sessions *x, const struct spk_session_item *item, const struct spk_session *closed, int64_t watermark, spk_error *err)
{
	const struct spk_batch *in = spk_sessions_batch(x, item->batch);
	const struct spk_vector *from = in->column + in->columns - SPK_SESSION_ORIGINS;
	struct spk_origin origin = { 0 };
	struct spk_batch row = { .rows = 1, .selected = 1 };
	struct spk_view raw;
	int64_t offset;

	if (!spk_vector_is_null(&from[SPK_SESSION_SOURCE], item->row)) {
		origin.source = spk_vector_value(&from[SPK_SESSION_SOURCE], item->row).i32;
		origin.partition = spk_vector_value(&from[SPK_SESSION_PARTITION], item->row).i32;
		offset = spk_vector_value(&from[SPK_SESSION_OFFSET], item->row).i64;
		raw = spk_vector_value(&from[SPK_SESSION_RAW], item->row).view;
		origin.offset = &offset;
		origin.raw = &raw;
		row.origin = &origin;
		if (origin.source < 0)
			return SPK_OK;
	}
	return spk_late_report(&x->s.base, &row, 0, closed->last + x->gap, watermark, err);
}

/* The rows of a key that belong to a session that was closed. */
static spk_status judge_key(struct spk_sessions *x, uint32_t key, const struct spk_session_list *list, int64_t watermark, spk_error *err)
{
	for (uint32_t i = key ? x->ref_end[key - 1] : 0; i < x->ref_end[key] && x->ref[i].time <= watermark; i++)
		for (int k = 0; k < list->count; k++) {
			const struct spk_session *s = &list->at[k];
			struct spk_session_item *item = &spk_session_items(x)[x->ref[i].item];

			if (!s->closed || item->time > s->last + x->gap || item->time + x->gap < s->first)
				continue;
			item->run = SPK_SESSION_LATE;
			SPK_TRY(tell_late(x, item, s, watermark, err));
			break;
		}
	return SPK_OK;
}

static spk_status judge_some(struct spk_sessions *x, const struct spk_session_keys *keys, const uint32_t *number, int64_t watermark, spk_error *err)
{
	struct spk_session_list list[SPK_SESSION_KEYS];
	struct spk_arena *arena = spk_arena_new(x->s.base.pipeline->account);
	spk_status status;

	SPK_TRY_PTR(arena, err);
	status = spk_sessions_read(x, keys, list, arena, err);
	for (int i = 0; i < keys->n && status == SPK_OK; i++)
		status = judge_key(x, number[i], &list[i], watermark, err);
	spk_arena_unref(arena);
	return status;
}

/* Only rows older than the watermark can be; mostly there are none, and the state is not asked. */
static spk_status judge(struct spk_sessions *x, int64_t watermark, spk_error *err)
{
	struct spk_session_keys *keys = SPK_NEW(x->work, struct spk_session_keys);
	uint32_t number[SPK_SESSION_KEYS];

	SPK_TRY_PTR(keys, err);
	for (uint32_t k = 0, from = 0; k < x->keys.count; from = x->ref_end[k++]) {
		if (from == x->ref_end[k] || x->ref[from].time > watermark)
			continue;
		number[keys->n] = k;
		keys->hash[keys->n] = x->keys.hash[k];
		keys->key[keys->n++] = spk_sessions_key(x, k);
		if (keys->n < SPK_SESSION_KEYS)
			continue;
		SPK_TRY(judge_some(x, keys, number, watermark, err));
		keys->n = 0;
	}
	return keys->n ? judge_some(x, keys, number, watermark, err) : SPK_OK;
}

/* --- runs --- */

static spk_status make_runs(struct spk_sessions *x, uint32_t items, spk_error *err)
{
	struct spk_session_item *item = spk_session_items(x);
	uint32_t runs = 0;

	x->run = spk_arena_alloc(x->work, sizeof *x->run * ((size_t)items + 1));
	x->run_end = SPK_NEW_ARRAY(x->work, uint32_t, (size_t)x->keys.count + 1);
	SPK_TRY_PTR(x->run && x->run_end, err);
	for (uint32_t k = 0, i = 0; k < x->keys.count; k++) {
		struct spk_session_run *r = NULL;

		for (; i < x->ref_end[k]; i++) {
			if (item[x->ref[i].item].run == SPK_SESSION_LATE)
				continue;
			if (!r || x->ref[i].time > r->last + x->gap) {
				r = &x->run[runs++];
				*r = (struct spk_session_run){ .first = x->ref[i].time, .from = i };
			}
			r->last = x->ref[i].time;
			r->end = i + 1;
			item[x->ref[i].item].run = runs - 1;
		}
		x->run_end[k] = runs;
	}
	return SPK_OK;
}

/* The rows' groups: their run's first time, then the key columns. */
static spk_status fill_groups(struct spk_sessions *x, struct spk_batch *in, const struct spk_session_item *item, int n, struct spk_batch *keys, spk_error *err)
{
	struct spk_groups *g = &x->s.epoch;
	struct spk_eval ev = spk_op_eval(&x->s.base, keys->arena, NULL);
	uint32_t number[SPK_BATCH_ROWS];
	int32_t sel[SPK_BATCH_ROWS];
	int kept = 0;

	SPK_TRY(spk_vector_init(&keys->column[0], keys->schema->field[0].type, in->rows, keys->arena, err));
	for (int i = 0; i < x->s.base.plan->key_count; i++)
		keys->column[1 + i] = in->column[x->s.base.plan->key[i]];
	for (int i = 0; i < n; i++) {
		if (item[i].run == SPK_SESSION_LATE)
			continue;
		spk_vector_i64(&keys->column[0])[item[i].row] = x->run[item[i].run].first;
		sel[kept++] = item[i].row;
	}
	keys->sel = sel;
	keys->selected = kept;
	SPK_TRY(spk_groups_room(g, keys, err));
	SPK_TRY(spk_groups_find(g, keys, NULL, number, err));
	for (int i = 0, at = 0; i < n; i++)
		if (item[i].run != SPK_SESSION_LATE)
			x->run[item[i].run].group = number[at++];
	return spk_groups_update(g, g->call, &(struct spk_group_rows){ in, sel, kept, number }, &ev, err);
}

/* Items of a batch lie one after the other. */
static spk_status fold(struct spk_sessions *x, uint32_t items, spk_error *err)
{
	const struct spk_session_item *item = spk_session_items(x);

	for (uint32_t from = 0, to; from < items; from = to) {
		struct spk_batch *in = spk_sessions_batch(x, item[from].batch), *keys;
		spk_status status;

		for (to = from; to < items && item[to].batch == item[from].batch;)
			to++;
		SPK_TRY(spk_batch_derive(&keys, in, x->s.epoch.key_schema, err));
		status = fill_groups(x, in, item + from, (int)(to - from), keys, err);
		spk_batch_unref(keys);
		SPK_TRY(status);
	}
	return SPK_OK;
}

static spk_status work_off(struct spk_sessions *x, spk_error *err)
{
	const size_t items = x->items.size / sizeof(struct spk_session_item);

	if (items >= SPK_SESSION_LATE)
		return spk_fail(err, SPK_MEMORY_LIMIT, "more than 4 billion rows of sessions in one epoch");
	SPK_TRY(sort_items(x, (uint32_t)items, err));
	SPK_TRY(judge(x, spk_op_watermark_before(&x->s.base), err));
	SPK_TRY(make_runs(x, (uint32_t)items, err));
	if (!spk_sessions_keep_rows(x))
		SPK_TRY(fold(x, (uint32_t)items, err));
	SPK_TRY(spk_session_out_new(x, &x->out, err));
	SPK_TRY(spk_sessions_merge(x, err));
	SPK_TRY(spk_sessions_close(x, spk_op_watermark_after(&x->s.base), err));
	return spk_session_out_emit(x->out, err);
}

static spk_status session_finish(struct spk_op *op, spk_error *err)
{
	struct spk_sessions *x = self(op);
	spk_status status;

	x->work = spk_arena_new(op->pipeline->account);
	SPK_TRY_PTR(x->work, err);
	status = work_off(x, err);
	spk_session_out_drop(x->out);
	x->out = NULL;
	spk_arena_unref(x->work);
	x->work = NULL;
	spk_groups_clear(&x->s.epoch);
	forget(x);
	return status;
}

static void session_close(struct spk_op *op)
{
	struct spk_sessions *x = self(op);

	forget(x);
	spk_buffer_release(&x->batches);
	spk_buffer_release(&x->items);
	spk_keymap_release(&x->keys);
	spk_row_keys_release(&x->encoded);
	spk_stateful_close(op);
}

const struct spk_op_type spk_op_session = {
	.name = "session",
	.size = sizeof(struct spk_sessions),
	.open = session_open,
	.begin = session_begin,
	.push = session_push,
	.finish = session_finish,
	.close = session_close,
};
