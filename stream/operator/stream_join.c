/*
 * Joins of two changelogs, both kept by key: for good, or, where the ends of windows are among the keys, until the watermark has passed those.
 *
 *   input   0 the left rows, 1 the right ones, by the hash of the keys; rows taken back have negative weights
 *   output  what changes of the join: pairs, and rows that come out alone (LEFT, SEMI, ANTI, ...), one change per row and epoch
 *   state   keyed: both sides' rows by key (keyed_rows.h); of a side that is only looked for (SEMI, ANTI) how many rows a key has. A side's rows of a key that have not
 *           changed for plan->state_ttl_us of the side are forgotten (expiry.h); rows of the other side keep how many they have met of them. By window (plan->time) it is
 *           bucketed by its end and what late rows are allowed, and goes when the watermark passes that
 *
 * An epoch's rows are folded first: what comes and goes within it is no change. Then keys are worked off some at a time, in the order in
 * which they came; one with many rows in pieces (join_hot_key.h).
 */
#include "stream/operator/join_op.h"

#include "core/base/check.h"
#include "core/base/memory.h"
#include "stream/operator/join_hot_key.h"
#include "stream/operator/stream_operators.h"

enum { KEYS_AT_ONCE = 256 };

static bool by_window(const struct spk_join_op *j) { return j->base.plan->time.kind == SPK_JOIN_BY_WINDOW; }

/* --- keys that do not change --- */

/* One side's. */
static spk_status forget_side(struct spk_join_op *j, int side, const struct spk_expired *key, int n, spk_error *err)
{
	struct spk_arena *arena = spk_arena_new(j->base.pipeline->account);
	struct spk_row_group *group = arena ? SPK_NEW_ARRAY(arena, struct spk_row_group, n + 1) : NULL;
	spk_status status = group ? SPK_OK : spk_fail_memory(err);
	int groups = 0;

	for (int i = 0; group && i < n; i++)
		if (key[i].side == side)
			group[groups++] = (struct spk_row_group){ .key = key[i].key, .key_size = key[i].size - 1, .hash = key[i].hash, .bucket = SPK_EXPIRY_DATA };
	if (status == SPK_OK && groups)
		status = spk_keyed_rows_forget(&j->kept[side], group, groups, arena, err);
	spk_arena_unref(arena);
	return status;
}

static spk_status forget_keys(void *user, const struct spk_expired *key, int n, spk_error *err)
{
	for (int side = 0; side < 2; side++)
		SPK_TRY(forget_side(user, side, key, n, err));
	return SPK_OK;
}

static spk_status join_open(struct spk_op *op, spk_error *err)
{
	struct spk_join_op *j = spk_join_op_of(op);

	SPK_TRY(spk_join_op_open(op, false, by_window(j), true, err));
	spk_expiry_init(&j->expiry, op, j->view, forget_keys, j);
	return SPK_OK;
}

static void join_close(struct spk_op *op)
{
	spk_expiry_release(&spk_join_op_of(op)->expiry);
	spk_join_op_close(op);
}

/* --- an epoch's end --- */

/* Some keys and all that is known of them. */
struct slice {
	struct spk_arena *arena;         /* of what is known of all of them */
	int keys;
	uint32_t number[KEYS_AT_ONCE];
	struct spk_join_key key[KEYS_AT_ONCE];
	struct spk_row_group group[2][KEYS_AT_ONCE];
	enum spk_rows_wanted wanted[2][KEYS_AT_ONCE];
	uint64_t pages[KEYS_AT_ONCE];    /* of the usual size, that are wanted of a key */
};

/* Which pages of a key's rows must be seen. */
static void decide_wanted(struct spk_join_op *j, struct slice *s, int at)
{
	const bool pairs = j->setup.pairs || j->base.plan->filter;
	struct spk_delta_sum sum[2];
	bool meets_change[2];

	for (int side = 0; side < 2; side++) {
		const int64_t before = s->group[side][at].total_before;

		sum[side] = spk_delta_rows_sum(&j->in.side[side], s->number[at]);
		meets_change[!side] = (before > 0) != (before + sum[side].weight > 0) || (j->setup.type == SPK_JOIN_SINGLE && sum[side].weight > 0);
	}
	s->pages[at] = 0;
	for (int side = 0; side < 2; side++) {
		const bool alone = j->setup.role[side].alone && (j->setup.role[side].met ? sum[!side].weight != 0 : meets_change[side]);
		const bool all = sum[!side].rows && (pairs || alone);
		const struct spk_row_group *g = &s->group[side][at];

		SPK_ASSERT(!sum[side].takes || j->kept[side].by_hash || j->kept[side].totals_only, "where rows are taken back they are found by their hash");
		s->wanted[side][at] = j->kept[side].totals_only ? SPK_ROWS_NONE : all ? SPK_ROWS_ALL : !sum[side].rows ? SPK_ROWS_NONE : j->kept[side].by_hash ? SPK_ROWS_ASKED : SPK_ROWS_LAST;
		s->pages[at] += (uint64_t)(s->wanted[side][at] == SPK_ROWS_ALL ? g->stored : SPK_MIN(g->stored, (uint32_t)sum[side].rows)) * spk_row_group_page_weight(&j->kept[side], g);
	}
}

static spk_status open_keys(struct spk_join_op *j, struct slice *s, spk_error *err)
{
	for (int side = 0; side < 2; side++) {
		for (int i = 0; i < s->keys; i++) {
			struct spk_row_group *g = &s->group[side][i];

			*g = (struct spk_row_group){ .hash = j->in.keys.hash[s->number[i]], .bucket = SPK_EXPIRY_DATA };
			if (by_window(j))
				g->bucket = spk_join_window(j, s->number[i]) + j->base.plan->lateness_us;
			g->key = spk_keymap_key(&j->in.keys, s->number[i], &g->key_size);
			s->key[i].group[side] = g;
		}
		SPK_TRY(spk_keyed_rows_open(&j->kept[side], s->group[side], s->keys, s->arena, err));
	}
	for (int i = 0; i < s->keys; i++)
		decide_wanted(j, s, i);
	return SPK_OK;
}

/* The pages of keys from, from + 1, ..., to - 1. */
static spk_status load(struct spk_join_op *j, struct slice *s, int from, int to, struct spk_arena *arena, spk_error *err)
{
	for (int side = 0; side < 2; side++) {
		for (int i = from; i < to; i++)
			if (s->wanted[side][i] == SPK_ROWS_ASKED)
				SPK_TRY(spk_join_ask(&j->kept[side], &s->group[side][i], &j->in.side[side], s->number[i], arena, err));
		SPK_TRY(spk_keyed_rows_load(&j->kept[side], s->group[side] + from, s->wanted[side] + from, to - from, arena, err));
	}
	return SPK_OK;
}

static spk_status store(struct spk_join_op *j, struct slice *s, int from, int to, struct spk_arena *arena, spk_error *err)
{
	for (int side = 0; side < 2; side++) {
		for (int i = from; i < to; i++)
			for (int a = 0; a < s->key[i].added[side].count; a++)
				SPK_TRY(spk_row_group_add(&j->kept[side], &s->group[side][i], &s->key[i].added[side].row[a], arena, err));
		SPK_TRY(spk_keyed_rows_write(&j->kept[side], s->group[side] + from, to - from, arena, err));
	}
	return SPK_OK;
}

static spk_status work_off_part(struct spk_join_op *j, struct slice *s, int from, int to, struct spk_join_delta *d, spk_error *err)
{
	struct spk_arena *arena = d->changes->arena;

	SPK_TRY(load(j, s, from, to, arena, err));
	for (int i = from; i < to; i++) {
		for (int side = 0; side < 2; side++)
			SPK_TRY(spk_join_take_rows(j, s->number[i], side, &s->key[i], arena, err));
		SPK_TRY(spk_join_delta_key(d, &s->key[i], err));
	}
	SPK_TRY(spk_join_delta_flush(d, err));
	for (int i = from; i < to; i++)
		SPK_TRY(spk_join_delta_alone(d, &s->key[i], err));
	/* Writing may move rows within their group, so changes go out before. */
	SPK_TRY(spk_row_changes_emit(d->changes, err));
	return store(j, s, from, to, arena, err);
}

/* So many pages of rows are in memory together; a key with more is worked off in pieces. */
static uint64_t pages_at_once(const struct spk_join_op *j) { return 4 * (uint64_t)spk_join_piece(j); }

/* The next part of the slice: keys whose pages fit, or one that is worked off in pieces. In an arena of its own, unless it is the first, which what is emitted holds. */
static spk_status next_part(struct spk_join_op *j, struct slice *s, int *from, struct spk_join_delta *d, spk_error *err)
{
	uint64_t pages = s->pages[*from];
	int to = *from + 1;
	spk_status status;

	while (to < s->keys && pages + s->pages[to] <= pages_at_once(j))
		pages += s->pages[to++];
	d->changes->arena = *from ? spk_arena_new(j->base.pipeline->account) : spk_arena_ref(s->arena);
	status = d->changes->arena ? SPK_OK : spk_fail_memory(err);
	if (status == SPK_OK && *from)
		status = spk_arena_hold(d->changes->arena, s->arena, err);
	if (status == SPK_OK && pages > pages_at_once(j))
		status = spk_join_hot_key(j, d, s->number[*from], (const struct spk_row_group *[]){ &s->group[0][*from], &s->group[1][*from] }, (const enum spk_rows_wanted[]){ s->wanted[0][*from], s->wanted[1][*from] }, err);
	else if (status == SPK_OK)
		status = work_off_part(j, s, *from, to, d, err);
	spk_arena_unref(d->changes->arena);
	*from = to;
	return status;
}

/* Notes the keys of which a side changed in this epoch. */
static spk_status touch(struct spk_join_op *j, struct slice *s, int side, spk_error *err)
{
	struct spk_view name[KEYS_AT_ONCE];
	uint64_t hash[KEYS_AT_ONCE];
	int n = 0;

	for (int i = 0; i < s->keys; i++) {
		if (!j->in.side[side].first[s->number[i]])
			continue;
		SPK_TRY(spk_keyed_rows_name(&j->kept[side], &s->group[side][i], s->arena, &name[n], err));
		hash[n++] = s->group[side][i].hash;
	}
	return spk_expiry_touch(&j->expiry, side, name, hash, n, err);
}

static spk_status with_slice(struct spk_join_op *j, struct slice *s, struct spk_join_delta *d, spk_error *err)
{
	spk_status status;

	s->arena = spk_arena_new(j->base.pipeline->account);
	SPK_TRY_PTR(s->arena, err);
	memset(s->key, 0, sizeof s->key);
	status = open_keys(j, s, err);
	for (int side = 0; side < 2 && status == SPK_OK && spk_expires(j->base.plan); side++)
		status = touch(j, s, side, err);
	for (int from = 0; from < s->keys && status == SPK_OK;)
		status = next_part(j, s, &from, d, err);
	spk_arena_unref(s->arena);
	s->keys = 0;
	return status;
}

static spk_status work_off_keys(struct spk_join_op *j, struct slice *s, struct spk_join_delta *d, spk_error *err)
{
	for (uint32_t k = 0; k < j->in.keys.count; k++) {
		if (!j->in.side[0].first[k] && !j->in.side[1].first[k])
			continue;
		s->number[s->keys++] = k;
		if (s->keys == KEYS_AT_ONCE)
			SPK_TRY(with_slice(j, s, d, err));
	}
	if (s->keys)
		SPK_TRY(with_slice(j, s, d, err));
	return spk_join_op_emit_keyless(j, err);
}

static spk_status join_finish(struct spk_op *op, spk_error *err)
{
	struct spk_join_op *j = spk_join_op_of(op);
	struct spk_row_changes changes = { .op = op };
	struct spk_join_delta d = { .setup = &j->setup, .changes = &changes };
	struct spk_arena *work = spk_arena_new(op->pipeline->account);
	struct slice *s = work ? SPK_NEW(work, struct slice) : NULL;
	spk_status status;

	d.pair = s ? spk_arena_alloc(work, sizeof *d.pair * (size_t)op->pipeline->batch_rows) : NULL;
	status = d.pair ? SPK_OK : spk_fail_memory(err);
	if (status == SPK_OK)
		status = spk_join_input_chain(&j->in, work, err);
	if (status == SPK_OK)
		status = work_off_keys(j, s, &d, err);
	if (status == SPK_OK && spk_expires(op->plan))
		status = spk_expiry_run(&j->expiry, err);
	if (status == SPK_OK && by_window(j))
		status = spk_op_drop_windows(op, j->view, err);
	spk_row_changes_release(&changes);
	spk_arena_unref(work);
	spk_join_input_clear(&j->in);
	return status;
}

const struct spk_op_type spk_op_stream_join = {
	.name = "stream join",
	.size = sizeof(struct spk_join_op),
	.open = join_open,
	.begin = spk_join_op_begin,
	.push = spk_join_op_push,
	.finish = join_finish,
	.close = join_close,
};
