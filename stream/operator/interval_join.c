/*
 * Joins whose condition bounds how far apart the event times of a pair's rows are (planner/logical/join_time.c): a row is kept until the watermark
 * says that no partner can come any more.
 *
 *   input   0 the left rows, 1 the right ones, by the hash of the keys; only added, none of them under the watermark
 *   output  pairs as their rows meet; rows that come out alone once, when they can meet nothing any more. Append-only
 *   state   bucketed by the time at which rows go: both sides' rows by key (keyed_rows.h). Where the condition has no bound rows of that side stay
 *
 * Times are taken together by bucket_us, so that buckets go whole and a row meets those of a few: a cell is what one key has in one bucket on one side.
 */
#include <stdlib.h>

#include "stream/operator/closing_rows.h"
#include "stream/operator/join_op.h"
#include "stream/operator/stream_operators.h"

/* FOREVER, EVER: buckets of rows that never go, or of a time out of all bounds: they may be of any time. */
enum { KEYS_AT_ONCE = 64 };
static const int64_t FOREVER = INT64_MAX - 1, EVER = INT64_MIN + 1;

static spk_status interval_join_open(struct spk_op *op, spk_error *err)
{
	SPK_TRY(spk_join_op_open(op, true, true, true, err));
	return spk_join_op_filter(spk_join_op_of(op), err);
}

/* --- buckets and times --- */

static int64_t clamp(spk_int128 v)
{
	return v >= FOREVER ? FOREVER : v <= EVER ? EVER : (int64_t)v;
}

/* Rows of time n w to (n + 1) w - 1 go when the watermark is at (n + 1) w + reach: later partners are beyond their reach. */
static int64_t bucket_of(const struct spk_join_time *t, int side, int64_t time)
{
	const int64_t w = t->bucket_us, part = time % w;

	if (t->reach_us[side] == INT64_MAX)
		return FOREVER;
	return clamp((spk_int128)time - part + (part < 0 ? 0 : w) + t->reach_us[side]);
}

static bool is_timeless(int64_t bucket) { return bucket == FOREVER || bucket == EVER; }
static spk_int128 first_time(const struct spk_join_time *t, int side, int64_t bucket) { return (spk_int128)bucket - t->reach_us[side] - t->bucket_us; }
static spk_int128 last_time(const struct spk_join_time *t, int side, int64_t bucket) { return (spk_int128)bucket - t->reach_us[side] - 1; }

/* Whether all times of `later`, on side `side`, are out of reach of those of `bucket` on the other side: too late for them. */
static bool is_beyond(const struct spk_join_time *t, int side, int64_t later, int64_t bucket)
{
	if (is_timeless(later) || is_timeless(bucket) || t->reach_us[!side] == INT64_MAX)
		return false;
	return first_time(t, side, later) > last_time(t, !side, bucket) + t->reach_us[!side];
}

/* --- cells --- */

struct cells {
	int n, capacity;
	struct spk_row_group *group;     /* in order of buckets within a key */
	enum spk_rows_wanted *wanted;
	struct spk_join_rows *added;
	int first[KEYS_AT_ONCE + 1];     /* by key of the slice */
};

/* Buckets, as they are found. */
struct buckets { int n, capacity; int64_t *at; };

/* By side of the kept ones: those in reach of a bucket of the other side. */
struct reach { bool known; int64_t of; struct buckets kept; struct spk_arena *arena; };

/* Rows that meet nothing and are the first of their cells. */
struct lone {
	int n;
	struct spk_row_group group[SPK_BATCH_ROWS];
	struct spk_kept_row row[SPK_BATCH_ROWS];
};

struct slice {
	struct spk_arena *arena;
	int keys;
	uint32_t number[KEYS_AT_ONCE];
	struct cells side[2];
	struct reach reach[2];
	struct lone lone[2];
};

static spk_status note_bucket(struct buckets *b, int64_t bucket, struct spk_arena *arena, spk_error *err)
{
	if (b->n && b->at[b->n - 1] == bucket)
		return SPK_OK;
	if (b->n == b->capacity) {
		int64_t *grown = SPK_NEW_ARRAY(arena, int64_t, 2 * b->capacity + 16);

		SPK_TRY_PTR(grown, err);
		if (b->n)
			memcpy(grown, b->at, sizeof *grown * (size_t)b->n);
		b->at = grown;
		b->capacity = 2 * b->capacity + 16;
	}
	b->at[b->n++] = bucket;
	return SPK_OK;
}

static int by_time(const void *x, const void *y)
{
	const int64_t a = *(const int64_t *)x, b = *(const int64_t *)y;

	return (a > b) - (a < b);
}

static void sort_buckets(struct buckets *b)
{
	int kept = 0;

	if (b->n)
		qsort(b->at, (size_t)b->n, sizeof *b->at, by_time);
	for (int i = 0; i < b->n; i++)
		if (!kept || b->at[kept - 1] != b->at[i])
			b->at[kept++] = b->at[i];
	b->n = kept;
}

/* Of the key's new rows on that side. */
static spk_status note_new(struct spk_join_op *j, int side, uint32_t key, struct buckets *b, struct spk_arena *arena, spk_error *err)
{
	const struct spk_delta_rows *d = &j->in.side[side];

	for (uint32_t i = d->first[key]; i; i = d->next[i - 1]) {
		uint32_t size;
		const char *row = spk_delta_row(d, i - 1, &size);

		SPK_TRY(note_bucket(b, bucket_of(&j->base.plan->time, side, spk_join_row_number(row, size)), arena, err));
	}
	sort_buckets(b);
	return SPK_OK;
}

/*
 * Kept buckets of `side` whose rows one of the other side's bucket `other` may meet. What this epoch puts there before may be missing: it is of other keys. Rows
 * come by time, so the last answer is mostly the next one, too.
 */
static spk_status find_reach(struct spk_join_op *j, struct reach *r, int side, int64_t other, spk_error *err)
{
	const struct spk_join_time *t = &j->base.plan->time;
	/* The earliest time that is in reach of one of the bucket, and its own bucket. */
	const spk_int128 earliest = is_timeless(other) || t->reach_us[side] == INT64_MAX ? EVER : first_time(t, !side, other) - t->reach_us[side];

	if (r->known && r->of == other)
		return SPK_OK;
	r->known = false;
	r->kept.n = 0;
	for (int64_t at = spk_state_next_bucket(j->view, bucket_of(t, side, clamp(earliest))); at != INT64_MAX && !is_beyond(t, side, at, other); at = spk_state_next_bucket(j->view, at + 1))
		SPK_TRY(note_bucket(&r->kept, at, r->arena, err));
	r->of = other;
	r->known = true;
	return SPK_OK;
}

/* Of the key's kept rows of `side` that new rows of the other one, in these buckets, may meet. */
static spk_status note_kept(struct spk_join_op *j, struct slice *s, int side, uint32_t key, const struct buckets *others, struct buckets *b, spk_error *err)
{
	struct reach *r = &s->reach[side];

	for (int i = 0; i < others->n; i++) {
		SPK_TRY(find_reach(j, r, side, others->at[i], err));
		for (int k = 0; k < r->kept.n; k++)
			if (spk_bucket_filter_may(&j->filter[side], r->kept.at[k], j->in.keys.hash[key]))
				SPK_TRY(note_bucket(b, r->kept.at[k], s->arena, err));
	}
	sort_buckets(b);
	return SPK_OK;
}

static spk_status grow(struct cells *c, int more, struct spk_arena *arena, spk_error *err)
{
	const int capacity = SPK_MAX(2 * c->capacity, c->n + more + 64);
	struct cells grown = { .capacity = capacity };

	if (c->n + more <= c->capacity)
		return SPK_OK;
	grown.group = SPK_NEW_ARRAY(arena, struct spk_row_group, capacity);
	grown.wanted = SPK_NEW_ARRAY(arena, enum spk_rows_wanted, capacity);
	grown.added = SPK_NEW_ARRAY(arena, struct spk_join_rows, capacity);
	SPK_TRY_PTR(grown.group && grown.wanted && grown.added, err);
	if (c->n) {
		memcpy(grown.group, c->group, sizeof *c->group * (size_t)c->n);
		memcpy(grown.wanted, c->wanted, sizeof *c->wanted * (size_t)c->n);
		memcpy(grown.added, c->added, sizeof *c->added * (size_t)c->n);
	}
	c->group = grown.group;
	c->wanted = grown.wanted;
	c->added = grown.added;
	c->capacity = capacity;
	return SPK_OK;
}

static int find_cell(const struct cells *c, int from, int64_t bucket)
{
	int low = from, high = c->n - 1;

	while (low < high) {
		const int middle = low + (high - low) / 2;

		if (c->group[middle].bucket < bucket)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Hands the key's new rows to its cells, the last of `c`. */
static spk_status deal_rows(struct spk_join_op *j, int side, uint32_t key, struct cells *c, int from, struct spk_arena *arena, spk_error *err)
{
	const struct spk_delta_rows *d = &j->in.side[side];

	/* First how many, then they themselves. */
	for (int pass = 0; pass < 2; pass++) {
		for (int i = from; pass && i < c->n; i++) {
			SPK_TRY_PTR(c->added[i].row = SPK_NEW_ARRAY(arena, struct spk_kept_row, c->added[i].count + 1), err);
			c->added[i].count = 0;
		}
		for (uint32_t i = d->first[key]; i; i = d->next[i - 1]) {
			struct spk_kept_row row = { .weight = d->weight[i - 1] };
			struct spk_join_rows *added;

			row.bytes = spk_delta_row(d, i - 1, &row.size);
			added = &c->added[find_cell(c, from, bucket_of(&j->base.plan->time, side, spk_join_row_number(row.bytes, row.size)))];
			if (pass) {
				SPK_TRY(spk_delta_row_own(d, i - 1, arena, &row, err));
				added->row[added->count] = row;
			}
			added->count++;
		}
	}
	return SPK_OK;
}

static spk_status add_cells(struct spk_join_op *j, struct slice *s, int side, int at, const struct buckets *b, spk_error *err)
{
	struct cells *c = &s->side[side];
	const uint32_t key = s->number[at];
	const int from = c->n;

	SPK_TRY(grow(c, b->n, s->arena, err));
	for (int i = 0; i < b->n; i++) {
		struct spk_row_group *g = &c->group[c->n++];

		*g = (struct spk_row_group){ .hash = j->in.keys.hash[key], .bucket = b->at[i] };
		g->key = spk_keymap_key(&j->in.keys, key, &g->key_size);
	}
	c->first[at + 1] = c->n;
	return c->n > from ? deal_rows(j, side, key, c, from, s->arena, err) : SPK_OK;
}

static spk_status make_cells(struct spk_join_op *j, struct slice *s, spk_error *err)
{
	struct buckets fresh[2] = { 0 }, all = { 0 };

	for (int i = 0; i < s->keys; i++) {
		for (int side = 0; side < 2; side++) {
			fresh[side].n = 0;
			SPK_TRY(note_new(j, side, s->number[i], &fresh[side], s->arena, err));
		}
		for (int side = 0; side < 2; side++) {
			all.n = 0;
			for (int k = 0; k < fresh[side].n; k++)
				SPK_TRY(note_bucket(&all, fresh[side].at[k], s->arena, err));
			SPK_TRY(note_kept(j, s, side, s->number[i], &fresh[!side], &all, err));
			SPK_TRY(add_cells(j, s, side, i, &all, err));
		}
	}
	return SPK_OK;
}

/* --- cells that meet --- */

static spk_status want(struct spk_join_delta *d, struct slice *s, int left, int right, spk_error *err)
{
	(void)d, (void)err;
	if (s->side[0].added[left].count)
		s->side[1].wanted[right] = SPK_ROWS_ALL;
	if (s->side[1].added[right].count)
		s->side[0].wanted[left] = SPK_ROWS_ALL;
	return SPK_OK;
}

static spk_status meet(struct spk_join_delta *d, struct slice *s, int left, int right, spk_error *err)
{
	struct spk_join_key key = { .group = { &s->side[0].group[left], &s->side[1].group[right] }, .added = { s->side[0].added[left], s->side[1].added[right] } };

	return key.added[0].count || key.added[1].count ? spk_join_delta_key(d, &key, err) : SPK_OK;
}

/* Calls `each` for every two cells of a key that are in reach of each other. */
static spk_status each_meeting(struct spk_join_op *j, struct slice *s, struct spk_join_delta *d,
			       spk_status (*each)(struct spk_join_delta *d, struct slice *s, int left, int right, spk_error *err), spk_error *err)
{
	const struct spk_join_time *t = &j->base.plan->time;
	const struct cells *left = &s->side[0], *right = &s->side[1];

	for (int i = 0; i < s->keys; i++) {
		int from = right->first[i];

		for (int l = left->first[i]; l < left->first[i + 1]; l++) {
			/* What this one is beyond, later ones are, too. */
			while (from < right->first[i + 1] && is_beyond(t, 0, left->group[l].bucket, right->group[from].bucket))
				from++;
			for (int r = from; r < right->first[i + 1] && !is_beyond(t, 1, right->group[r].bucket, left->group[l].bucket); r++)
				SPK_TRY(each(d, s, l, r, err));
		}
	}
	return SPK_OK;
}

/* Calls `work` for the side's cells, as many as may be asked for at once. */
static spk_status by_batches(struct spk_join_op *j, struct slice *s, spk_status (*work)(struct spk_join_op *j, struct slice *s, int side, int from, int n, spk_error *err), spk_error *err)
{
	for (int side = 0; side < 2; side++)
		for (int from = 0; from < s->side[side].n; from += SPK_BATCH_ROWS)
			SPK_TRY(work(j, s, side, from, SPK_MIN(s->side[side].n - from, SPK_BATCH_ROWS), err));
	return SPK_OK;
}

static spk_status load(struct spk_join_op *j, struct slice *s, int side, int from, int n, spk_error *err)
{
	struct cells *c = &s->side[side];

	SPK_TRY(spk_keyed_rows_open(&j->kept[side], c->group + from, n, s->arena, err));
	for (int i = from; i < from + n; i++)
		if (c->wanted[i] == SPK_ROWS_NONE && c->added[i].count)
			c->wanted[i] = SPK_ROWS_LAST;
	return spk_keyed_rows_load(&j->kept[side], c->group + from, c->wanted + from, n, s->arena, err);
}

/* Nobody asks for a row again that goes in this epoch, unless it comes out then. */
static bool is_kept(const struct spk_join_op *j, int side, int64_t bucket)
{
	return bucket > spk_op_watermark_after(&j->base) || j->setup.role[side].alone;
}

static spk_status store(struct spk_join_op *j, struct slice *s, int side, int from, int n, spk_error *err)
{
	struct cells *c = &s->side[side];

	for (int i = from; i < from + n; i++)
		for (int a = 0; a < c->added[i].count && is_kept(j, side, c->group[i].bucket); a++)
			SPK_TRY(spk_row_group_add(&j->kept[side], &c->group[i], &c->added[i].row[a], s->arena, err));
	return spk_keyed_rows_write(&j->kept[side], c->group + from, n, s->arena, err);
}

static spk_status note_first_meeting(struct spk_join_delta *d, const struct spk_kept_row *row, uint32_t rows, spk_error *err)
{
	for (uint32_t i = 0; i < rows; i++)
		if (row[i].met > 0 && !row[i].met_before)
			SPK_TRY(spk_row_changes_add(d->changes, (struct spk_row_change){ .left = &row[i], .weight = row[i].weight }, err));
	return SPK_OK;
}

/* SEMI: rows come out when they meet something for the first time. */
static spk_status emit_semi(struct spk_join_delta *d, const struct cells *left, spk_error *err)
{
	for (int i = 0; i < left->n; i++) {
		SPK_TRY(note_first_meeting(d, left->group[i].row, left->group[i].rows, err));
		SPK_TRY(note_first_meeting(d, left->added[i].row, (uint32_t)left->added[i].count, err));
	}
	return SPK_OK;
}

static spk_status work_off(struct spk_join_op *j, struct slice *s, struct spk_join_delta *d, spk_error *err)
{
	SPK_TRY(make_cells(j, s, err));
	SPK_TRY(each_meeting(j, s, d, want, err));
	SPK_TRY(by_batches(j, s, load, err));
	SPK_TRY(each_meeting(j, s, d, meet, err));
	SPK_TRY(spk_join_delta_flush(d, err));
	if (j->setup.type == SPK_JOIN_SEMI)
		SPK_TRY(emit_semi(d, &s->side[0], err));
	/* Writing may move rows within their group, so changes go out before. */
	SPK_TRY(spk_row_changes_emit(d->changes, err));
	return by_batches(j, s, store, err);
}

/* A slice in an arena of its own, which what is emitted holds. */
static spk_status with_slice(struct spk_join_op *j, struct slice *s, spk_error *err)
{
	struct spk_row_changes changes = { .op = &j->base };
	struct spk_join_delta d = { .setup = &j->setup, .changes = &changes, .pair = j->pair };
	spk_status status;

	s->arena = changes.arena = spk_arena_new(j->base.pipeline->account);
	SPK_TRY_PTR(s->arena, err);
	s->side[0] = s->side[1] = (struct cells){ 0 };
	status = work_off(j, s, &d, err);
	spk_row_changes_release(&changes);
	spk_arena_unref(s->arena);
	s->keys = 0;
	return status;
}

/* --- most keys of many: one row, and nothing else is known of them --- */

/* Sets *bucket, that of the only row. */
static spk_status is_lone(struct spk_join_op *j, struct slice *s, int side, uint32_t key, bool *lone, int64_t *bucket, spk_error *err)
{
	const struct spk_delta_rows *d = &j->in.side[side];
	const uint64_t hash = j->in.keys.hash[key];
	struct reach *r = &s->reach[!side];
	const char *row;
	uint32_t size;

	*lone = false;
	if (!d->appends || j->in.side[!side].first[key] || d->next[d->first[key] - 1])
		return SPK_OK;
	row = spk_delta_row(d, d->first[key] - 1, &size);
	*bucket = bucket_of(&j->base.plan->time, side, spk_join_row_number(row, size));
	SPK_TRY(find_reach(j, r, !side, *bucket, err));
	*lone = !spk_bucket_filter_may(&j->filter[side], *bucket, hash);
	for (int i = 0; i < r->kept.n && *lone; i++)
		*lone = !spk_bucket_filter_may(&j->filter[!side], r->kept.at[i], hash);
	return SPK_OK;
}

static spk_status flush_lone(struct spk_join_op *j, struct slice *s, int side, spk_error *err)
{
	struct lone *l = &s->lone[side];
	struct spk_arena *arena = l->n ? spk_arena_new(j->base.pipeline->account) : NULL;
	spk_status status = !l->n ? SPK_OK : arena ? spk_keyed_rows_put_first(&j->kept[side], l->group, l->row, l->n, arena, err) : spk_fail_memory(err);

	spk_arena_unref(arena);
	l->n = 0;
	return status;
}

static spk_status keep_lone(struct spk_join_op *j, struct slice *s, int side, uint32_t key, int64_t bucket, spk_error *err)
{
	const struct spk_delta_rows *d = &j->in.side[side];
	const uint32_t number = d->first[key] - 1;
	struct lone *l = &s->lone[side];
	struct spk_row_group *g = &l->group[l->n];
	struct spk_kept_row *row = &l->row[l->n];

	if (!is_kept(j, side, bucket))
		return SPK_OK;
	*g = (struct spk_row_group){ .hash = j->in.keys.hash[key], .bucket = bucket };
	g->key = spk_keymap_key(&j->in.keys, key, &g->key_size);
	*row = (struct spk_kept_row){ .weight = d->weight[number] };
	row->bytes = spk_delta_row(d, number, &row->size);
	return ++l->n == SPK_BATCH_ROWS ? flush_lone(j, s, side, err) : SPK_OK;
}

static spk_status work_off_key(struct spk_join_op *j, struct slice *s, uint32_t key, spk_error *err)
{
	const int side = j->in.side[0].first[key] ? 0 : 1;
	int64_t bucket;
	bool lone;

	if (!j->in.side[side].first[key])
		return SPK_OK;
	SPK_TRY(is_lone(j, s, side, key, &lone, &bucket, err));
	if (lone)
		return keep_lone(j, s, side, key, bucket, err);
	s->number[s->keys++] = key;
	return s->keys == KEYS_AT_ONCE ? with_slice(j, s, err) : SPK_OK;
}

/* The rows of an epoch are more than a cache holds. */
static void prefetch_key(const struct spk_join_op *j, uint32_t key)
{
	for (int side = 0; side < 2; side++) {
		const struct spk_delta_rows *d = &j->in.side[side];
		const uint32_t row = d->first[key];

		if (row && d->appends) {
			__builtin_prefetch(d->row[row - 1].at);
			__builtin_prefetch(d->row[row - 1].at + d->row[row - 1].size - 1);
		}
	}
}

static spk_status work_off_keys(struct spk_join_op *j, struct slice *s, spk_error *err)
{
	enum { AHEAD = 8 };

	for (uint32_t k = 0; k < j->in.keys.count; k++) {
		if (k + AHEAD < j->in.keys.count)
			prefetch_key(j, k + AHEAD);
		SPK_TRY(work_off_key(j, s, k, err));
	}
	if (s->keys)
		SPK_TRY(with_slice(j, s, err));
	for (int side = 0; side < 2; side++)
		SPK_TRY(flush_lone(j, s, side, err));
	return spk_join_op_emit_keyless(j, err);
}

/* --- rows whose time is over --- */

struct going { struct spk_join_op *j; const struct spk_closing_rows *rows; };

static spk_status emit_alone(void *user, struct spk_row_group *group, int groups, struct spk_arena *arena, spk_error *err)
{
	const struct going *g = user;
	struct spk_row_changes changes = { .op = &g->j->base, .arena = arena };
	spk_status status = SPK_OK;

	for (int i = 0; i < groups && status == SPK_OK; i++) {
		const int side = spk_closing_rows_side(g->rows, &group[i]);

		for (uint32_t r = 0; r < group[i].rows && status == SPK_OK && spk_join_comes_alone(g->j->setup.type, side); r++) {
			const struct spk_kept_row *row = &group[i].row[r];

			if (row->met == 0)
				status = spk_row_changes_add(&changes, (struct spk_row_change){ .left = side ? NULL : row, .right = side ? row : NULL, .weight = row->weight }, err);
		}
	}
	if (status == SPK_OK)
		status = spk_row_changes_emit(&changes, err);
	spk_row_changes_release(&changes);
	return status;
}

static spk_status let_go(struct spk_join_op *j, spk_error *err)
{
	const bool alone = spk_join_comes_alone(j->setup.type, 0) || spk_join_comes_alone(j->setup.type, 1);
	struct going going = { .j = j };
	const struct spk_closing_rows rows = { .op = &j->base, .view = j->view, .kept = j->kept, .sides = 2, .take = alone ? emit_alone : NULL, .user = &going };

	going.rows = &rows;
	return spk_closing_rows_take(&rows, spk_op_watermark_after(&j->base), err);
}

static spk_status interval_join_finish(struct spk_op *op, spk_error *err)
{
	struct spk_join_op *j = spk_join_op_of(op);
	struct spk_arena *work = spk_arena_new(op->pipeline->account);
	struct slice *s = work ? SPK_NEW(work, struct slice) : NULL;
	spk_status status = s ? spk_join_input_chain(&j->in, work, err) : spk_fail_memory(err);

	if (status == SPK_OK) {
		s->reach[0].arena = s->reach[1].arena = work;
		status = work_off_keys(j, s, err);
	}
	if (status == SPK_OK)
		status = let_go(j, err);
	spk_arena_unref(work);
	spk_join_input_clear(&j->in);
	return status;
}

const struct spk_op_type spk_op_interval_join = {
	.name = "interval join",
	.size = sizeof(struct spk_join_op),
	.open = interval_join_open,
	.begin = spk_join_op_begin,
	.push = spk_join_op_push,
	.finish = interval_join_finish,
	.close = spk_join_op_close,
};
