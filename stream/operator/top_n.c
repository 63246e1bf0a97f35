/*
 * The first rows of every key by some order: those whose row_number(), rank() or dense_rank() lies within bounds, ORDER BY ... LIMIT. Or the one row that a
 * percentile is (percentile.h).
 *
 *   input   rows by the hash of the key columns; those taken back have negative weights
 *   output  -1/+1 of what changes among the rows within the bounds, with their rank where it is asked for. By window with plan->on_close those of every window that
 *           the watermark closes, and then what late rows change of them
 *   state   ordered rows by key (ordered_rows.h). While rows are only added, none but those within the upper bound: what ranks behind it never comes
 *           back. Else all; but only those up to the bound are read. By window they are bucketed by its end and what late rows are allowed, and go when the watermark
 *           passes that; else keys that have not changed for plan->state_ttl_us are forgotten (expiry.h)
 *
 * Rows that the order does not tell apart are numbered by their bytes, so that it does not matter when they came. What moves within the bounds is no
 * change where the rank is not asked for.
 */
#include "core/base/memory.h"
#include "stream/operator/ordered_input.h"
#include "stream/operator/percentile.h"
#include "stream/operator/row_changes.h"
#include "stream/operator/stream_operators.h"

enum { KEYS_AT_ONCE = 256 };

struct top_n {
	struct spk_op base;
	struct spk_arena *arena;
	struct spk_ordered_rows kept;
	struct spk_state_view *view;
	struct spk_ordered_input in;     /* the epoch */
	struct spk_expiry expiry;
};

static struct top_n *self(struct spk_op *op) { return spk_container_of(op, struct top_n, base); }

static bool by_window(const struct top_n *t) { return t->base.plan->window_key >= 0; }
/* Its window is waited for. */
static bool is_silent(const struct top_n *t, const struct spk_ordered_tree *tree) { return by_window(t) && !spk_op_window_speaks(&t->base, tree->bucket); }
/* While rows are only added, those behind the bound are forgotten. */
static bool forgets(const struct top_n *t) { return !spk_top_n_keeps_all(t->base.plan); }
/* How many rows, whatever their weight, no row within the bounds has before it; 0: that is not known. */
static int64_t most_before(const struct top_n *t)
{
	const struct spk_physical *plan = t->base.plan;
	const int64_t bound = plan->offset + plan->limit;

	return !forgets(t) || bound > INT32_MAX || (plan->calls && plan->call->function == SPK_WINDOW_FUNCTION_DENSE_RANK) ? 0 : bound;
}

/* --- keys that do not change --- */

static spk_status forget_keys(void *user, const struct spk_expired *key, int n, spk_error *err)
{
	struct top_n *t = user;
	struct spk_arena *arena = spk_arena_new(t->base.pipeline->account);
	struct spk_ordered_tree *tree = arena ? SPK_NEW_ARRAY(arena, struct spk_ordered_tree, n) : NULL;
	spk_status status = tree ? SPK_OK : spk_fail_memory(err);

	for (int i = 0; tree && i < n; i++)
		tree[i] = (struct spk_ordered_tree){ .key = key[i].key, .key_size = key[i].size, .hash = key[i].hash, .bucket = SPK_EXPIRY_DATA, .arena = arena };
	if (status == SPK_OK)
		status = spk_ordered_open(&t->kept, tree, n, err);
	for (int i = 0; i < n && status == SPK_OK; i++)
		status = spk_ordered_cut_front(&t->kept, &tree[i], NULL, err);
	if (status == SPK_OK)
		status = spk_ordered_write(&t->kept, tree, n, err);
	spk_arena_unref(arena);
	return status;
}

/* --- open --- */

static spk_status top_n_open(struct spk_op *op, spk_error *err)
{
	struct top_n *t = self(op);
	struct spk_memory_account *account = op->pipeline->account;
	int first, end;

	SPK_ASSERT(op->pipeline->store && op->plan->state_table, "a stateful operator has a store");
	t->arena = spk_arena_new(account);
	SPK_TRY_PTR(t->arena, err);
	SPK_TRY(spk_ordered_input_init(&t->in, op, t->arena, err));
	t->in.first.bound = most_before(t);
	spk_shard_range(op->pipeline->partition, op->pipeline->partitions, &first, &end);
	SPK_TRY(spk_state_view_open(&t->view, op->pipeline->store, op->plan->state_table, first, end, err));
	t->kept = (struct spk_ordered_rows){ .view = t->view, .account = account, .side = 't', .bucketed = spk_physical_has_buckets(op->plan), .bytes.account = account };
	spk_expiry_init(&t->expiry, op, t->view, forget_keys, t);
	return SPK_OK;
}

static spk_status top_n_begin(struct spk_op *op, spk_error *err)
{
	(void)err;
	spk_ordered_input_clear(&self(op)->in);
	return SPK_OK;
}

static spk_status top_n_push(struct spk_op *op, int input, struct spk_batch *in, spk_error *err)
{
	(void)input;
	return spk_ordered_input_push(&self(op)->in, op, in, err);
}

/* --- which rows are within the bounds --- */

struct ranked { struct spk_ordered_entry row; int64_t rank, weight; };

/* A walk from the first row on. */
struct walk {
	const struct spk_physical *plan;
	struct spk_arena *arena;
	struct ranked *item;
	size_t count, capacity;
	int64_t rows, rank, dense;       /* so far; of the row at hand */
	struct spk_ordered_entry last;   /* the last one within the upper bound */
};

static spk_status add_item(struct walk *w, const struct spk_ordered_entry *row, int64_t rank, int64_t weight, spk_error *err)
{
	if (w->count == w->capacity) {
		const size_t capacity = SPK_MAX(2 * w->capacity, (size_t)16);
		struct ranked *grown = SPK_NEW_ARRAY(w->arena, struct ranked, capacity);

		SPK_TRY_PTR(grown, err);
		if (w->count)
			memcpy(grown, w->item, w->count * sizeof *grown);
		w->item = grown;
		w->capacity = capacity;
	}
	w->item[w->count++] = (struct ranked){ .row = *row, .rank = rank, .weight = weight };
	return SPK_OK;
}

/* A row that is there several times has as many numbers. */
static spk_status add_numbers(struct walk *w, const struct spk_ordered_entry *row, spk_error *err)
{
	const struct spk_physical *plan = w->plan;
	const int64_t from = SPK_MAX(w->rows, plan->offset), to = SPK_MIN(w->rows + row->weight, plan->offset + plan->limit);

	if (!spk_top_n_shows_rank(plan))
		return from < to ? add_item(w, row, 0, to - from, err) : SPK_OK;
	for (int64_t number = from; number < to; number++)
		SPK_TRY(add_item(w, row, number + 1, 1, err));
	return SPK_OK;
}

static spk_status visit(void *user, const struct spk_ordered_entry *row, bool *go, spk_error *err)
{
	struct walk *w = user;
	const struct spk_physical *plan = w->plan;
	const enum spk_window_function function = plan->calls ? plan->call->function : SPK_WINDOW_FUNCTION_ROW_NUMBER;
	const int64_t bound = plan->offset + plan->limit;
	int64_t rank;

	if (!w->rows || !spk_ordered_peers(&w->last, row)) {
		w->rank = w->rows + 1;
		w->dense++;
	}
	rank = function == SPK_WINDOW_FUNCTION_RANK ? w->rank : function == SPK_WINDOW_FUNCTION_DENSE_RANK ? w->dense : w->rows + 1;
	if (rank > bound) {
		*go = false;
		return SPK_OK;
	}
	if (function == SPK_WINDOW_FUNCTION_ROW_NUMBER)
		SPK_TRY(add_numbers(w, row, err));
	else if (rank > plan->offset)
		SPK_TRY(add_item(w, row, spk_top_n_shows_rank(plan) ? rank : 0, row->weight, err));
	w->rows += row->weight;
	w->last = *row;
	/* Of what comes behind nothing need be read. */
	*go = function != SPK_WINDOW_FUNCTION_ROW_NUMBER || w->rows < bound;
	return SPK_OK;
}

static spk_status find_items(struct top_n *t, struct spk_ordered_tree *tree, struct walk *w, spk_error *err)
{
	struct spk_ordered_entry row;
	bool any;

	*w = (struct walk){ .plan = t->base.plan, .arena = tree->arena };
	if (w->plan->percentile.asked) {
		SPK_TRY(spk_percentile_row(&t->base, &t->kept, tree, &row, &any, err));
		return any ? add_item(w, &row, 0, 1, err) : SPK_OK;
	}
	return spk_ordered_walk(&t->kept, tree, false, visit, w, err);
}

/* --- what comes out --- */

static spk_status note(struct spk_row_changes *c, const struct ranked *item, int64_t weight, spk_error *err)
{
	return spk_row_changes_add_ordered(c, &item->row, spk_top_n_shows_rank(c->op->plan) ? &item->rank : NULL, weight, err);
}

static int compare_items(const struct ranked *a, const struct ranked *b)
{
	const int order = spk_ordered_compare(&a->row, &b->row);

	return order ? order : (a->rank > b->rank) - (a->rank < b->rank);
}

/* Both are in order. */
static spk_status note_difference(struct spk_row_changes *c, const struct walk *before, const struct walk *after, spk_error *err)
{
	size_t i = 0, k = 0;

	while (i < before->count || k < after->count) {
		const int order = i == before->count ? 1 : k == after->count ? -1 : compare_items(&before->item[i], &after->item[k]);

		if (order < 0)
			SPK_TRY(note(c, &before->item[i], -before->item[i].weight, err));
		else if (order > 0)
			SPK_TRY(note(c, &after->item[k], after->item[k].weight, err));
		else
			SPK_TRY(note(c, &after->item[k], after->item[k].weight - before->item[i].weight, err));
		i += order <= 0;
		k += order >= 0;
	}
	return SPK_OK;
}

/* --- keys that change --- */

struct slice {
	int keys;
	struct spk_arena *arena;
	struct spk_row_changes changes;
	uint32_t number[KEYS_AT_ONCE];
	struct spk_ordered_tree tree[KEYS_AT_ONCE];
};

static spk_status change_rows(struct top_n *t, struct spk_ordered_tree *tree, uint32_t key, spk_error *err)
{
	for (uint32_t i = t->in.delta.first[key]; i; i = t->in.delta.next[i - 1]) {
		struct spk_ordered_entry row = { .weight = t->in.delta.weight[i - 1] };

		SPK_TRY(spk_delta_row_ordered(&t->in.delta, i - 1, tree->arena, &row, err));
		SPK_TRY(spk_ordered_add(&t->kept, tree, &row, err));
	}
	return SPK_OK;
}

static spk_status change_key(struct top_n *t, struct slice *s, int i, spk_error *err)
{
	struct spk_ordered_tree *tree = &s->tree[i];
	const bool silent = is_silent(t, tree);
	struct walk before = { 0 }, after;

	if (!silent)
		SPK_TRY(find_items(t, tree, &before, err));
	SPK_TRY(change_rows(t, tree, s->number[i], err));
	if (silent && !forgets(t))
		return SPK_OK;
	SPK_TRY(find_items(t, tree, &after, err));
	if (forgets(t) && after.rows)
		SPK_TRY(spk_ordered_cut(&t->kept, tree, &after.last, err));
	return silent ? SPK_OK : note_difference(&s->changes, &before, &after, err);
}

static spk_status touch(struct top_n *t, const struct slice *s, spk_error *err)
{
	struct spk_view name[KEYS_AT_ONCE];
	uint64_t hash[KEYS_AT_ONCE];

	for (int i = 0; i < s->keys; i++) {
		name[i] = spk_view(s->tree[i].key, s->tree[i].key_size);
		hash[i] = s->tree[i].hash;
	}
	return spk_expiry_touch(&t->expiry, 0, name, hash, s->keys, err);
}

static spk_status work_off(struct top_n *t, struct slice *s, spk_error *err)
{
	for (int i = 0; i < s->keys; i++) {
		s->tree[i] = spk_ordered_input_tree(&t->in, s->number[i], s->arena);
		if (!by_window(t))
			s->tree[i].bucket = SPK_EXPIRY_DATA;
	}
	SPK_TRY(spk_ordered_open(&t->kept, s->tree, s->keys, err));
	for (int i = 0; i < s->keys; i++)
		SPK_TRY(change_key(t, s, i, err));
	SPK_TRY(spk_ordered_write(&t->kept, s->tree, s->keys, err));
	if (spk_expires(t->base.plan))
		SPK_TRY(touch(t, s, err));
	return spk_row_changes_emit(&s->changes, err);
}

/* Does `work` with an arena of its own for what it reads and emits. */
static spk_status with_arena(struct top_n *t, struct slice *s, spk_status (*work)(struct top_n *t, struct slice *s, spk_error *err), spk_error *err)
{
	spk_status status;

	if (!s->arena)
		s->arena = spk_arena_new(t->base.pipeline->account);
	SPK_TRY_PTR(s->arena, err);
	s->changes = (struct spk_row_changes){ .op = &t->base, .arena = s->arena };
	status = work(t, s, err);
	spk_row_changes_release(&s->changes);
	spk_arena_unref(s->arena);
	s->arena = NULL;
	s->keys = 0;
	return status;
}

static spk_status work_off_keys(struct top_n *t, struct slice *s, spk_error *err)
{
	for (uint32_t k = 0; k < t->in.keys.map.count; k++) {
		if (!t->in.delta.first[k])
			continue;
		s->number[s->keys++] = k;
		if (s->keys == KEYS_AT_ONCE)
			SPK_TRY(with_arena(t, s, work_off, err));
	}
	return s->keys ? with_arena(t, s, work_off, err) : SPK_OK;
}

/* --- windows that close --- */

static spk_status emit_closed(struct top_n *t, struct slice *s, spk_error *err)
{
	for (int i = 0; i < s->keys; i++) {
		struct walk w;

		SPK_TRY(find_items(t, &s->tree[i], &w, err));
		SPK_TRY(note_difference(&s->changes, &(struct walk){ 0 }, &w, err));
	}
	return spk_row_changes_emit(&s->changes, err);
}

struct closing { struct top_n *t; struct slice *s; };

static spk_status close_entry(void *user, const char *key, uint32_t key_size, const char *value, uint32_t size, spk_error *err)
{
	const struct spk_state_entry entry = { key, key_size, value, size };
	struct closing *c = user;
	struct slice *s = c->s;
	bool same = false;

	if (s->keys)
		SPK_TRY(spk_ordered_gather(&s->tree[s->keys - 1], &entry, &same, err));
	if (same)
		return SPK_OK;
	if (s->keys == KEYS_AT_ONCE)
		SPK_TRY(with_arena(c->t, s, emit_closed, err));
	if (!s->arena)
		s->arena = spk_arena_new(c->t->base.pipeline->account);
	SPK_TRY_PTR(s->arena, err);
	s->tree[s->keys++] = (struct spk_ordered_tree){ .arena = s->arena };
	return spk_ordered_gather(&s->tree[s->keys - 1], &entry, &same, err);
}

static spk_status close_windows(struct top_n *t, struct slice *s, spk_error *err)
{
	const struct spk_closing_buckets closing = spk_op_windows_closing(&t->base);
	struct closing c = { t, s };
	int64_t bucket = closing.behind;

	while (t->base.plan->on_close && bucket != INT64_MAX && (bucket = spk_state_next_bucket(t->view, bucket + 1)) <= closing.to && bucket != INT64_MAX) {
		SPK_TRY(t->base.plan->lateness_us ? spk_state_scan_bucket(t->view, bucket, close_entry, &c, err) : spk_state_take_bucket(t->view, bucket, close_entry, &c, err));
		/* In order of time, one window after the other. */
		if (s->keys)
			SPK_TRY(with_arena(t, s, emit_closed, err));
	}
	return spk_op_drop_windows(&t->base, t->view, err);
}

static spk_status top_n_finish(struct spk_op *op, spk_error *err)
{
	struct top_n *t = self(op);
	struct spk_arena *work = spk_arena_new(op->pipeline->account);
	struct slice *s = work ? SPK_NEW(work, struct slice) : NULL;
	spk_status status = s ? spk_delta_rows_chain(&t->in.delta, t->in.keys.map.count, work, err) : spk_fail_memory(err);

	if (status == SPK_OK)
		status = work_off_keys(t, s, err);
	if (status == SPK_OK && by_window(t))
		status = close_windows(t, s, err);
	if (status == SPK_OK && spk_expires(op->plan))
		status = spk_expiry_run(&t->expiry, err);
	if (s)
		spk_arena_unref(s->arena);
	spk_arena_unref(work);
	spk_ordered_input_clear(&t->in);
	return status;
}

static void top_n_close(struct spk_op *op)
{
	struct top_n *t = self(op);

	spk_expiry_release(&t->expiry);
	spk_ordered_input_release(&t->in);
	spk_ordered_release(&t->kept);
	spk_state_view_close(t->view);
	spk_arena_unref(t->arena);
}

const struct spk_op_type spk_op_top_n = {
	.name = "top n",
	.size = sizeof(struct top_n),
	.open = top_n_open,
	.begin = top_n_begin,
	.push = top_n_push,
	.finish = top_n_finish,
	.close = top_n_close,
};
