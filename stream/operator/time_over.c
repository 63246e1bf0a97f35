/*
 * Window functions in the order of event time, which look at rows that came before: a row is computed once, when the watermark has passed its time.
 *
 *   input   rows by the hash of the partition, in the order of time from epoch to epoch (HOLD); only added
 *   output  the rows with their calls' values. Append-only
 *   state   ordered rows by partition (ordered_rows.h): as many as frames look back at, by number (plan->limit) or time (plan->window_size_us); all
 *           where a frame has no beginning (plan->limit < 0)
 *
 * The operators of a batch plan (inner_chain.h) go over what is kept of a partition and the new rows behind it; what comes out for the new ones is handed on.
 */
#include <stdlib.h>

#include "core/base/memory.h"
#include "stream/operator/inner_chain.h"
#include "stream/operator/ordered_input.h"
#include "stream/operator/row_changes.h"
#include "stream/operator/stream_operators.h"

enum { KEYS_AT_ONCE = 256 };

struct time_over {
	struct spk_op base;
	struct spk_arena *arena;
	struct spk_ordered_rows kept;
	struct spk_state_view *view;
	struct spk_inner_chain chain;
	struct spk_ordered_input in;     /* the epoch */
};

static struct time_over *self(struct spk_op *op) { return spk_container_of(op, struct time_over, base); }

/* --- what comes out of the chain: the input's columns, whether a row is new, the calls --- */

static spk_status take_result(void *user, struct spk_batch *batch, spk_error *err)
{
	struct time_over *t = user;
	const struct spk_physical *plan = t->base.plan;
	const int columns = plan->input[0]->schema->count;
	const struct spk_reader is_new = spk_vector_reader(&batch->column[columns]);
	struct spk_batch *out;
	spk_status status;
	int32_t *sel;
	int n = 0;

	SPK_TRY(spk_batch_derive(&out, batch, plan->schema, err));
	for (int c = 0; c < plan->schema->count; c++)
		out->column[c] = batch->column[c < columns ? c : c + 1];
	sel = spk_arena_alloc(out->arena, sizeof *sel * (size_t)SPK_MAX(batch->selected, 1));
	status = sel ? SPK_OK : spk_fail_memory(err);
	if (sel)
		SPK_EACH_ROW(batch, i, row)
			if (((const uint8_t *)is_new.data)[spk_reader_slot(&is_new, row)])
				sel[n++] = row;
	out->sel = sel;
	out->selected = n;
	if (status == SPK_OK)
		status = spk_op_emit(&t->base, out, err);
	spk_batch_unref(out);
	return status;
}

/* --- open --- */

static spk_status time_over_open(struct spk_op *op, spk_error *err)
{
	struct time_over *t = self(op);
	struct spk_memory_account *account = op->pipeline->account;
	int first, end;

	SPK_ASSERT(op->pipeline->store && op->plan->state_table, "a stateful operator has a store");
	t->arena = spk_arena_new(account);
	SPK_TRY_PTR(t->arena, err);
	SPK_TRY(spk_ordered_input_init(&t->in, op, t->arena, err));
	SPK_TRY(spk_inner_chain_open(&t->chain, op, take_result, t, err));
	spk_shard_range(op->pipeline->partition, op->pipeline->partitions, &first, &end);
	SPK_TRY(spk_state_view_open(&t->view, op->pipeline->store, op->plan->state_table, first, end, err));
	t->kept = (struct spk_ordered_rows){ .view = t->view, .account = account, .side = 'o', .bytes.account = account };
	return SPK_OK;
}

static spk_status time_over_begin(struct spk_op *op, spk_error *err)
{
	(void)err;
	spk_ordered_input_clear(&self(op)->in);
	return SPK_OK;
}

static spk_status time_over_push(struct spk_op *op, int input, struct spk_batch *in, spk_error *err)
{
	(void)input;
	return spk_ordered_input_push(&self(op)->in, op, in, err);
}

/* --- rows of a partition --- */

struct rows { struct spk_arena *arena; struct spk_ordered_entry *row; size_t count, capacity; };

static spk_status add_row(struct rows *r, const struct spk_ordered_entry *row, spk_error *err)
{
	if (r->count == r->capacity) {
		const size_t capacity = SPK_MAX(2 * r->capacity, (size_t)16);
		struct spk_ordered_entry *grown = SPK_NEW_ARRAY(r->arena, struct spk_ordered_entry, capacity);

		SPK_TRY_PTR(grown, err);
		if (r->count)
			memcpy(grown, r->row, r->count * sizeof *grown);
		r->row = grown;
		r->capacity = capacity;
	}
	r->row[r->count++] = *row;
	return SPK_OK;
}

/* The time that a row is ordered by first: behind its marker, as row keys have it (rowkey.h). */
static int64_t time_of(const struct spk_ordered_entry *row)
{
	uint64_t bits;

	memcpy(&bits, row->bytes + 1, sizeof bits);
	return (int64_t)(__builtin_bswap64(bits) ^ (uint64_t)1 << 63);
}

/* Whether a row is looked back at by one of this time, before which `rows` others are. */
static bool reaches(const struct spk_physical *plan, const struct spk_ordered_entry *row, int64_t rows, int64_t time)
{
	int64_t from;

	if (plan->limit < 0 || rows < plan->limit)
		return true;
	return plan->window_size_us >= 0 && (__builtin_sub_overflow(time, plan->window_size_us, &from) || time_of(row) >= from);
}

struct looking { const struct spk_physical *plan; struct rows *rows; int64_t seen, time; };

static spk_status look_back(void *user, const struct spk_ordered_entry *row, bool *go, spk_error *err)
{
	struct looking *l = user;

	*go = reaches(l->plan, row, l->seen, l->time);
	l->seen += row->weight;
	return *go ? add_row(l->rows, row, err) : SPK_OK;
}

static int compare_rows(const void *a, const void *b) { return spk_ordered_compare(a, b); }

/* What is kept of the partition, as far as its new rows look back, and then those, in order; *fresh: the first of them. */
static spk_status gather(struct time_over *t, struct spk_ordered_tree *tree, uint32_t key, struct rows *rows, size_t *fresh, spk_error *err)
{
	struct rows added = { .arena = tree->arena };
	struct looking l = { .plan = t->base.plan, .rows = rows };

	for (uint32_t i = t->in.delta.first[key]; i; i = t->in.delta.next[i - 1]) {
		struct spk_ordered_entry row = { .weight = t->in.delta.weight[i - 1] };

		SPK_TRY(spk_delta_row_ordered(&t->in.delta, i - 1, tree->arena, &row, err));
		SPK_TRY(add_row(&added, &row, err));
	}
	qsort(added.row, added.count, sizeof *added.row, compare_rows);
	l.time = time_of(&added.row[0]);
	SPK_TRY(spk_ordered_walk(&t->kept, tree, true, look_back, &l, err));
	for (size_t i = 0; i < rows->count / 2; i++) {
		const struct spk_ordered_entry other = rows->row[i];

		rows->row[i] = rows->row[rows->count - 1 - i];
		rows->row[rows->count - 1 - i] = other;
	}
	*fresh = rows->count;
	for (size_t i = 0; i < added.count; i++)
		SPK_TRY(add_row(rows, &added.row[i], err));
	return SPK_OK;
}

/* Keeps of all these what rows to come may look back at: none of them is earlier than the last one here, so those under its reach are of no use. */
static spk_status keep(struct time_over *t, struct spk_ordered_tree *tree, const struct rows *rows, size_t fresh, spk_error *err)
{
	const int64_t last = time_of(&rows->row[rows->count - 1]);
	size_t from = rows->count;

	for (int64_t seen = 0; from > 0 && reaches(t->base.plan, &rows->row[from - 1], seen, last); from--)
		seen += rows->row[from - 1].weight;
	for (size_t i = SPK_MAX(from, fresh); i < rows->count; i++)
		SPK_TRY(spk_ordered_add(&t->kept, tree, &rows->row[i], err));
	/* All that was there already lies before the new rows. */
	return spk_ordered_cut_front(&t->kept, tree, from < rows->count ? &rows->row[from] : NULL, err);
}

/* --- through the chain --- */

struct feed { struct time_over *t; struct spk_arena *arena; int n; bool is_new[SPK_BATCH_ROWS]; const struct spk_kept_row *row[SPK_BATCH_ROWS]; };

static spk_status flush(struct feed *f, spk_error *err)
{
	const struct spk_op *op = &f->t->base;
	const struct spk_schema *in = op->plan->input[0]->schema;
	struct spk_batch *batch;
	spk_status status;

	if (!f->n)
		return SPK_OK;
	SPK_TRY(spk_kept_rows_begin(op, op->plan->inner->node[0]->schema, f->arena, f->n, &batch, err));
	status = spk_kept_rows_read(batch, 0, in, f->row, f->n, err);
	if (status == SPK_OK)
		status = spk_vector_init(&batch->column[in->count], spk_type(SPK_TYPE_BOOLEAN), f->n, batch->arena, err);
	for (int i = 0; i < f->n && status == SPK_OK; i++)
		spk_vector_bool(&batch->column[in->count])[i] = f->is_new[i];
	if (status == SPK_OK)
		status = spk_inner_chain_push(&f->t->chain, batch, err);
	spk_batch_unref(batch);
	f->n = 0;
	return status;
}

static spk_status feed_rows(struct feed *f, const struct rows *rows, size_t fresh, spk_error *err)
{
	for (size_t i = 0; i < rows->count; i++) {
		const struct spk_ordered_entry *e = &rows->row[i];
		struct spk_kept_row *row = SPK_NEW(f->arena, struct spk_kept_row);

		SPK_TRY_PTR(row, err);
		*row = (struct spk_kept_row){ .bytes = e->bytes + e->order, .size = e->size - e->order };
		for (int64_t w = e->weight; w > 0; w--) {
			f->row[f->n] = row;
			f->is_new[f->n++] = i >= fresh;
			if (f->n == f->t->base.pipeline->batch_rows)
				SPK_TRY(flush(f, err));
		}
	}
	return SPK_OK;
}

/* --- keys with new rows --- */

struct slice { int keys; uint32_t number[KEYS_AT_ONCE]; struct spk_ordered_tree tree[KEYS_AT_ONCE]; struct feed feed; };

static spk_status work_off(struct time_over *t, struct slice *s, struct spk_arena *arena, spk_error *err)
{
	for (int i = 0; i < s->keys; i++)
		s->tree[i] = spk_ordered_input_tree(&t->in, s->number[i], arena);
	SPK_TRY(spk_ordered_open(&t->kept, s->tree, s->keys, err));
	s->feed.t = t;
	s->feed.arena = arena;
	s->feed.n = 0;
	SPK_TRY(spk_inner_chain_begin(&t->chain, err));
	for (int i = 0; i < s->keys; i++) {
		struct rows rows = { .arena = arena };
		size_t fresh;

		SPK_TRY(gather(t, &s->tree[i], s->number[i], &rows, &fresh, err));
		SPK_TRY(feed_rows(&s->feed, &rows, fresh, err));
		SPK_TRY(keep(t, &s->tree[i], &rows, fresh, err));
	}
	SPK_TRY(flush(&s->feed, err));
	SPK_TRY(spk_inner_chain_end(&t->chain, err));
	return spk_ordered_write(&t->kept, s->tree, s->keys, err);
}

static spk_status with_arena(struct time_over *t, struct slice *s, spk_error *err)
{
	struct spk_arena *arena = spk_arena_new(t->base.pipeline->account);
	spk_status status;

	SPK_TRY_PTR(arena, err);
	status = work_off(t, s, arena, err);
	spk_arena_unref(arena);
	s->keys = 0;
	return status;
}

static spk_status time_over_finish(struct spk_op *op, spk_error *err)
{
	struct time_over *t = self(op);
	struct spk_arena *work = spk_arena_new(op->pipeline->account);
	struct slice *s = work ? SPK_NEW(work, struct slice) : NULL;
	spk_status status = s ? spk_delta_rows_chain(&t->in.delta, t->in.keys.map.count, work, err) : spk_fail_memory(err);

	for (uint32_t k = 0; k < t->in.keys.map.count && status == SPK_OK; k++) {
		if (!t->in.delta.first[k])
			continue;
		s->number[s->keys++] = k;
		if (s->keys == KEYS_AT_ONCE)
			status = with_arena(t, s, err);
	}
	if (status == SPK_OK && s->keys)
		status = with_arena(t, s, err);
	spk_arena_unref(work);
	spk_ordered_input_clear(&t->in);
	return status;
}

static void time_over_close(struct spk_op *op)
{
	struct time_over *t = self(op);

	spk_inner_chain_close(&t->chain);
	spk_ordered_input_release(&t->in);
	spk_ordered_release(&t->kept);
	spk_state_view_close(t->view);
	spk_arena_unref(t->arena);
}

const struct spk_op_type spk_op_time_over = {
	.name = "over by time",
	.size = sizeof(struct time_over),
	.open = time_over_open,
	.begin = time_over_begin,
	.push = time_over_push,
	.finish = time_over_finish,
	.close = time_over_close,
};
