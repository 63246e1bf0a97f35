/*
 * ASOF joins, and joins with versions of a table: a row meets the nearest row before it in event time, or behind it, if there is one, when the watermark has made
 * certain which that is.
 *
 *   input   0 the left rows, 1 the right ones, by the hash of the keys; only added, none of them under the watermark. Of a changelog (`history`) right rows are versions with
 *           numbers (normalize_history.c), of which one may come late, and one may be that the key has no row any more
 *   output  left rows with their partner, or alone (LEFT), in order of time by buckets; append-only. Forward in time that of the partner; those that come alone come at the end
 *   state   bucketed. Backward: left rows, and marks of keys that got right rows, by time; in FOREVER the right rows by key, of which those that no left row can meet any
 *           more go when the bucket of a later one does: one stays for each key. Forward: right rows by time, which go with their bucket; in FOREVER the left rows by key, which wait
 *           for one of them
 *
 * Of right rows of one time the one that is last by its bytes is the nearest, so that it does not matter which came first; of versions the newest.
 */
#include <stdlib.h>

#include "stream/operator/closing_rows.h"
#include "stream/operator/join_op.h"
#include "stream/operator/stream_operators.h"

enum { KEYS_AT_ONCE = 256, LEFT = 0, RIGHT = 1, MARK = 2, SIDES = 3 };
static const int64_t FOREVER = INT64_MAX - 1;

/* The side whose rows lie in FOREVER; those of the other one are in buckets of their times, and find them by the hash. */
static int staying(const struct spk_join_op *j) { return j->base.plan->asof.backward ? RIGHT : LEFT; }

static spk_status asof_join_open(struct spk_op *op, spk_error *err)
{
	return spk_join_op_open(op, true, true, false, err);
}

/* --- an epoch's rows, put to those that wait --- */

/* Times n w to (n + 1) w - 1 are over when the watermark is at (n + 1) w. */
static int64_t bucket_of(int64_t time)
{
	const int64_t w = SPK_ASOF_BUCKET_US, part = time % w;
	int64_t bucket;

	if (__builtin_add_overflow(time - part, part < 0 ? 0 : w, &bucket))
		return FOREVER - 1;
	return SPK_MIN(bucket, FOREVER - 1);
}

/* A row that is to be stored, and where. */
struct item { int side; int64_t bucket; uint32_t key; struct spk_kept_row row; };
struct items { struct item *item; size_t count; };

static int compare_items(const void *x, const void *y)
{
	const struct item *a = x, *b = y;

	if (a->side != b->side)
		return a->side - b->side;
	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	return (a->bucket > b->bucket) - (a->bucket < b->bucket);
}

static spk_status add_item(struct spk_join_op *j, struct items *items, int side, int64_t bucket, uint32_t key, struct spk_kept_row row, struct spk_arena *arena, spk_error *err)
{
	/* Who finds the row in its bucket has to find its key's rows of the other side: by the hash. */
	if (side != staying(j)) {
		SPK_TRY_PTR(row.bytes = spk_join_row_with(&row, (int64_t)j->in.keys.hash[key], arena), err);
		row.size += sizeof(int64_t);
	}
	items->item[items->count++] = (struct item){ side, bucket, key, row };
	return SPK_OK;
}

/* Where a key is marked that got a row of that time. One that comes late is not told from the others before the next bucket is over. */
static int64_t mark_bucket(const struct spk_join_op *j, int64_t time) { return bucket_of(SPK_MAX(time, spk_op_watermark_before(&j->base))); }

/* The key of a right row that stays is marked. */
static spk_status list_items(struct spk_join_op *j, struct items *items, struct spk_arena *arena, spk_error *err)
{
	const size_t most = (size_t)j->in.side[0].count + 2 * (size_t)j->in.side[1].count;

	SPK_TRY_PTR(items->item = SPK_NEW_ARRAY(arena, struct item, most + 1), err);
	for (int side = 0; side < 2; side++) {
		const struct spk_delta_rows *d = &j->in.side[side];

		for (uint32_t i = 0; i < d->count; i++) {
			struct spk_kept_row row = { .weight = d->weight[i] };
			int64_t bucket, time;

			if (d->key[i] == SPK_DELTA_NO_KEY || !row.weight)
				continue;
			row.bytes = spk_delta_row(d, i, &row.size);
			time = spk_join_row_number(row.bytes, row.size);
			bucket = bucket_of(time);
			SPK_TRY(add_item(j, items, side, side == staying(j) ? FOREVER : bucket, d->key[i], row, arena, err));
			if (side == RIGHT && staying(j) == RIGHT)
				SPK_TRY(add_item(j, items, MARK, mark_bucket(j, time), d->key[i], (struct spk_kept_row){ .bytes = "", .weight = 1 }, arena, err));
		}
	}
	if (items->count)
		qsort(items->item, items->count, sizeof *items->item, compare_items);
	return SPK_OK;
}

static bool same_group(const struct item *a, const struct item *b)
{
	return a->side == b->side && a->key == b->key && a->bucket == b->bucket;
}

/* Items of one side: some groups of them; *from comes out behind. One mark in a bucket is enough. */
static spk_status store_some(struct spk_join_op *j, const struct items *items, size_t *from, spk_error *err)
{
	struct spk_arena *arena = spk_arena_new(j->base.pipeline->account);
	struct spk_row_group *group = arena ? SPK_NEW_ARRAY(arena, struct spk_row_group, KEYS_AT_ONCE) : NULL;
	const struct item *first = &items->item[*from];
	struct spk_keyed_rows *k = &j->kept[first->side];
	enum spk_rows_wanted wanted[KEYS_AT_ONCE];
	spk_status status = group ? SPK_OK : spk_fail_memory(err);
	size_t end = *from;
	int n = 0;

	for (; group && end < items->count && items->item[end].side == first->side; end++) {
		const struct item *it = &items->item[end];

		if (end > *from && same_group(it, it - 1))
			continue;
		if (n == KEYS_AT_ONCE)
			break;
		wanted[n] = SPK_ROWS_LAST;
		group[n] = (struct spk_row_group){ .hash = j->in.keys.hash[it->key], .bucket = it->bucket };
		group[n].key = spk_keymap_key(&j->in.keys, it->key, &group[n].key_size);
		n++;
	}
	if (status == SPK_OK)
		status = spk_keyed_rows_open(k, group, n, arena, err);
	if (status == SPK_OK)
		status = spk_keyed_rows_load(k, group, wanted, n, arena, err);
	n = 0;
	for (size_t i = *from; i < end && status == SPK_OK; i++) {
		n += i > *from && !same_group(&items->item[i], &items->item[i - 1]);
		if (first->side != MARK || !group[n].rows)
			status = spk_row_group_add(k, &group[n], &items->item[i].row, arena, err);
	}
	if (status == SPK_OK)
		status = spk_keyed_rows_write(k, group, end > *from ? n + 1 : 0, arena, err);
	spk_arena_unref(arena);
	*from = end;
	return status;
}

/* --- times that are over --- */

/* Behind the time of a row in a bucket is its hash. */
static int64_t time_of(const struct spk_join_op *j, int side, const struct spk_kept_row *row)
{
	return spk_join_row_number(row->bytes, row->size - (side == staying(j) ? 0 : (uint32_t)sizeof(int64_t)));
}

/* That of a version is before its time; it always stays. */
static int64_t number_of(const struct spk_join_op *j, const struct spk_kept_row *row)
{
	return j->base.plan->history ? spk_join_row_number(row->bytes, row->size - (uint32_t)sizeof(int64_t)) : 0;
}

/* A key's right rows, in order of time; number: of a version of a changelog, else 0. */
struct version { int64_t time, number; struct spk_kept_row *row; };
struct versions { struct version *at; int count; };

static bool is_gone(const struct version *v) { return v->number & 1; }

static int by_time(const void *x, const void *y)
{
	const struct version *a = x, *b = y;
	int order;

	if (a->time != b->time)
		return a->time < b->time ? -1 : 1;
	if (a->number != b->number)
		return a->number < b->number ? -1 : 1;
	order = memcmp(a->row->bytes, b->row->bytes, SPK_MIN(a->row->size, b->row->size));
	return order ? order : (a->row->size > b->row->size) - (a->row->size < b->row->size);
}

static spk_status sort_versions(const struct spk_join_op *j, const struct spk_row_group *g, struct versions *v, struct spk_arena *arena, spk_error *err)
{
	SPK_TRY_PTR(v->at = SPK_NEW_ARRAY(arena, struct version, g->rows + 1), err);
	for (uint32_t i = 0; i < g->rows; i++)
		v->at[v->count++] = (struct version){ time_of(j, RIGHT, &g->row[i]), number_of(j, &g->row[i]), &g->row[i] };
	if (v->count)
		qsort(v->at, (size_t)v->count, sizeof *v->at, by_time);
	return SPK_OK;
}

/* How many of them are before that time; or, unless `strict`, at it. */
static int count_before(const struct versions *v, int64_t time, bool strict)
{
	int low = 0, high = v->count;

	while (low < high) {
		const int middle = low + (high - low) / 2;

		if (strict ? v->at[middle].time < time : v->at[middle].time <= time)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static spk_status match(struct spk_join_op *j, struct spk_row_changes *changes, const struct spk_row_group *left, const struct versions *v, spk_error *err)
{
	for (uint32_t i = 0; i < left->rows; i++) {
		const struct spk_kept_row *row = &left->row[i];
		const int n = count_before(v, time_of(j, LEFT, row), j->base.plan->asof.strict);
		const struct spk_kept_row *right = n && !is_gone(&v->at[n - 1]) ? v->at[n - 1].row : NULL;

		if (right || j->setup.role[0].alone)
			SPK_TRY(spk_row_changes_add(changes, (struct spk_row_change){ .left = row, .right = right, .weight = row->weight }, err));
	}
	return SPK_OK;
}

/* Rows of times before this are all there: of the right ones before it only the last can be met by others, and nobody if it says that there is none. */
static spk_status drop_old(const struct spk_join_op *j, struct spk_row_group *right, const struct versions *v, int64_t over, struct spk_arena *arena, spk_error *err)
{
	const int before = count_before(v, over, true), kept = before && !is_gone(&v->at[before - 1]);

	for (int i = 0; i < before - kept; i++) {
		int64_t taken;

		SPK_TRY(spk_row_group_take(&j->kept[RIGHT], right, v->at[i].row->bytes, v->at[i].row->size, v->at[i].row->weight, &taken, arena, err));
	}
	return SPK_OK;
}

/* Groups of one bucket, left rows and marks; or, when all is over, what is left of the right side. */
static spk_status close_keys(void *user, struct spk_row_group *group, int groups, struct spk_arena *arena, spk_error *err)
{
	struct spk_join_op *j = user;
	struct spk_row_changes changes = { .op = &j->base, .arena = arena };
	struct spk_row_group *right = SPK_NEW_ARRAY(arena, struct spk_row_group, groups + 1);
	struct versions *versions = SPK_NEW_ARRAY(arena, struct versions, groups + 1);
	enum spk_rows_wanted *wanted = SPK_NEW_ARRAY(arena, enum spk_rows_wanted, groups + 1);
	int *of = SPK_NEW_ARRAY(arena, int, groups + 1), n = 0;
	spk_status status = SPK_OK;

	SPK_TRY_PTR(right && versions && wanted && of, err);
	for (int i = 0; i < groups; i++) {
		const struct spk_row_group *g = &group[i];

		if (g->key[g->key_size - 1] == j->kept[RIGHT].side)
			return SPK_OK;
		if (!i || g->key_size != group[i - 1].key_size || memcmp(g->key, group[i - 1].key, g->key_size - 1) != 0) {
			wanted[n] = SPK_ROWS_ALL;
			right[n++] = (struct spk_row_group){ .key = g->key, .key_size = g->key_size - 1, .bucket = FOREVER, .hash = (uint64_t)spk_join_row_number(g->row[0].bytes, g->row[0].size) };
		}
		of[i] = n - 1;
	}
	SPK_TRY(spk_keyed_rows_open(&j->kept[RIGHT], right, n, arena, err));
	SPK_TRY(spk_keyed_rows_load(&j->kept[RIGHT], right, wanted, n, arena, err));
	for (int i = 0; i < n; i++)
		SPK_TRY(sort_versions(j, &right[i], &versions[i], arena, err));
	for (int i = 0; i < groups && status == SPK_OK; i++)
		if (group[i].key[group[i].key_size - 1] == j->kept[LEFT].side)
			status = match(j, &changes, &group[i], &versions[of[i]], err);
	for (int i = 0; i < groups && status == SPK_OK; i++)
		status = drop_old(j, &right[of[i]], &versions[of[i]], group[i].bucket, arena, err);
	/* Writing may move rows within their group. */
	if (status == SPK_OK)
		status = spk_row_changes_emit(&changes, err);
	if (status == SPK_OK)
		status = spk_keyed_rows_write(&j->kept[RIGHT], right, n, arena, err);
	spk_row_changes_release(&changes);
	return status;
}

/* --- forward in time --- */

/* The left rows that the first right row behind them is one of these: they have waited long enough. */
static spk_status match_waiting(struct spk_join_op *j, struct spk_row_changes *changes, struct spk_row_group *left, const struct versions *v, struct spk_arena *arena, spk_error *err)
{
	for (uint32_t i = 0; i < left->rows; i++) {
		struct spk_kept_row *row = &left->row[i], *gone;
		int n = count_before(v, time_of(j, LEFT, row), !j->base.plan->asof.strict);
		int64_t taken;

		if (n == v->count)
			continue;
		while (n + 1 < v->count && v->at[n + 1].time == v->at[n].time)
			n++;
		/* What comes out has the weight that the row had. */
		SPK_TRY_PTR(gone = spk_arena_copy(arena, row, sizeof *row), err);
		SPK_TRY(spk_row_changes_add(changes, (struct spk_row_change){ .left = gone, .right = v->at[n].row, .weight = row->weight }, err));
		SPK_TRY(spk_row_group_take(&j->kept[LEFT], left, row->bytes, row->size, row->weight, &taken, arena, err));
	}
	return SPK_OK;
}

/* Left rows for which nothing has come, when all is over. */
static spk_status end_waiting(struct spk_join_op *j, struct spk_row_changes *changes, const struct spk_row_group *group, int groups, spk_error *err)
{
	for (int i = 0; i < groups && j->setup.role[0].alone; i++)
		for (uint32_t r = 0; r < group[i].rows; r++)
			SPK_TRY(spk_row_changes_add(changes, (struct spk_row_change){ .left = &group[i].row[r], .weight = group[i].row[r].weight }, err));
	return spk_row_changes_emit(changes, err);
}

/* Groups of right rows of one bucket, or, when all is over, of left rows. */
static spk_status close_right(struct spk_join_op *j, struct spk_row_changes *changes, struct spk_row_group *group, int groups, struct spk_arena *arena, spk_error *err)
{
	struct spk_row_group *left = SPK_NEW_ARRAY(arena, struct spk_row_group, groups + 1);
	struct versions *versions = SPK_NEW_ARRAY(arena, struct versions, groups + 1);
	enum spk_rows_wanted *wanted = SPK_NEW_ARRAY(arena, enum spk_rows_wanted, groups + 1);

	SPK_TRY_PTR(left && versions && wanted, err);
	for (int i = 0; i < groups; i++) {
		const struct spk_row_group *g = &group[i];

		if (g->key[g->key_size - 1] == j->kept[LEFT].side)
			return end_waiting(j, changes, group, groups, err);
		wanted[i] = SPK_ROWS_ALL;
		left[i] = (struct spk_row_group){ .key = g->key, .key_size = g->key_size - 1, .bucket = FOREVER, .hash = (uint64_t)spk_join_row_number(g->row[0].bytes, g->row[0].size) };
		SPK_TRY(sort_versions(j, g, &versions[i], arena, err));
	}
	SPK_TRY(spk_keyed_rows_open(&j->kept[LEFT], left, groups, arena, err));
	SPK_TRY(spk_keyed_rows_load(&j->kept[LEFT], left, wanted, groups, arena, err));
	for (int i = 0; i < groups; i++)
		SPK_TRY(match_waiting(j, changes, &left[i], &versions[i], arena, err));
	SPK_TRY(spk_row_changes_emit(changes, err));
	return spk_keyed_rows_write(&j->kept[LEFT], left, groups, arena, err);
}

static spk_status close_forward(void *user, struct spk_row_group *group, int groups, struct spk_arena *arena, spk_error *err)
{
	struct spk_join_op *j = user;
	struct spk_row_changes changes = { .op = &j->base, .arena = arena };
	spk_status status = close_right(j, &changes, group, groups, arena, err);

	spk_row_changes_release(&changes);
	return status;
}

static spk_status asof_join_finish(struct spk_op *op, spk_error *err)
{
	struct spk_join_op *j = spk_join_op_of(op);
	const struct spk_closing_rows over = { .op = op, .view = j->view, .kept = j->kept, .sides = SIDES, .take = op->plan->asof.backward ? close_keys : close_forward, .user = j, .later = true };
	struct spk_arena *work = spk_arena_new(op->pipeline->account);
	struct items items = { 0 };
	spk_status status = work ? list_items(j, &items, work, err) : spk_fail_memory(err);

	for (size_t at = 0; at < items.count && status == SPK_OK;)
		status = store_some(j, &items, &at, err);
	if (status == SPK_OK)
		status = spk_join_op_emit_keyless(j, err);
	if (status == SPK_OK)
		status = spk_closing_rows_take(&over, spk_op_watermark_after(op), err);
	spk_arena_unref(work);
	spk_join_input_clear(&j->in);
	return status;
}

const struct spk_op_type spk_op_stream_asof_join = {
	.name = "asof join",
	.size = sizeof(struct spk_join_op),
	.open = asof_join_open,
	.begin = spk_join_op_begin,
	.push = spk_join_op_push,
	.finish = asof_join_finish,
	.close = spk_join_op_close,
};
