/*
 * Whatever a batch can do with the rows of a key, kept up to date: for every key that changes the operators inside (inner_chain.h) go over its rows
 * as they were and as they are, and the difference comes out.
 *
 *   input   rows by the hash of the key columns; those taken back have negative weights
 *   output  what changes of the results; or all of them of what changes (plan->complete). By window with plan->on_close the results of every window that the watermark
 *           closes, and then what late rows change of them
 *   state   the rows by key (keyed_rows.h); by window they are bucketed by its end and what late rows are allowed, and go when the watermark passes that; else keys that
 *           have not changed for plan->state_ttl_us are forgotten (expiry.h)
 *
 * What was is computed again and not kept: the rows come in the same order as then, and batch operators repeat.
 *
 * An aggregate without GROUP BY, and an empty grouping set, have a row also over no rows: their keys stand. Those of a task are made in the first epoch that it computes and that
 * finds none of them in the state, go through the chain by themselves, all together, and stay when their last row is taken back.
 */
#include "core/base/memory.h"
#include "stream/operator/closing_rows.h"
#include "stream/operator/delta_rows.h"
#include "stream/operator/epoch_keys.h"
#include "stream/operator/inner_chain.h"
#include "stream/operator/row_changes.h"
#include "stream/operator/stream_operators.h"

enum { KEYS_AT_ONCE = 256 };

struct recompute {
	struct spk_op base;
	struct spk_arena *arena;
	struct spk_keyed_rows kept;
	struct spk_state_view *view;
	struct spk_expiry expiry;
	struct spk_inner_chain chain;
	int standings;
	uint32_t *standing;              /* keys that stand, by their numbers in the epoch; UINT32_MAX: another task's */
	bool began;                      /* the keys that stand are in the state */
	/* the epoch */
	struct spk_epoch_keys keys;
	struct spk_delta_rows delta;
	/* what comes out of the chain */
	struct spk_delta_rows results;
	int weight;                      /* of them: -1 those that were, 1 those that are; 0: handed on as they come */
};

static struct recompute *self(struct spk_op *op) { return spk_container_of(op, struct recompute, base); }

static bool by_window(const struct recompute *r) { return r->base.plan->window_key >= 0; }

/* --- what comes out --- */

static spk_status take_result(void *user, struct spk_batch *batch, spk_error *err)
{
	struct recompute *r = user;

	if (!r->weight)
		return spk_op_emit(&r->base, batch, err);
	SPK_TRY(spk_delta_rows_begin(&r->results, batch, batch->columns, err));
	SPK_EACH_ROW(batch, i, row)
		SPK_TRY(spk_delta_rows_add(&r->results, row, NULL, 0, r->weight * spk_batch_weight(batch, row), err));
	return SPK_OK;
}

static spk_status emit_results(struct recompute *r, struct spk_arena *arena, spk_error *err)
{
	struct spk_row_changes changes = { .op = &r->base, .arena = arena };
	struct spk_kept_row *row = SPK_NEW_ARRAY(arena, struct spk_kept_row, r->results.count + 1);
	spk_status status = row ? SPK_OK : spk_fail_memory(err);

	for (uint32_t i = 0; i < r->results.count && status == SPK_OK; i++) {
		if (!r->results.weight[i])
			continue;
		status = spk_delta_row_own(&r->results, i, arena, &row[i], err);
		if (status == SPK_OK)
			status = spk_row_changes_add(&changes, (struct spk_row_change){ .left = &row[i], .weight = r->results.weight[i] }, err);
	}
	if (status == SPK_OK)
		status = spk_row_changes_emit(&changes, err);
	spk_row_changes_release(&changes);
	spk_delta_rows_clear(&r->results);
	return status;
}

/* --- keys that do not change --- */

static spk_status forget_keys(void *user, const struct spk_expired *key, int n, spk_error *err)
{
	struct recompute *r = user;
	struct spk_arena *arena = spk_arena_new(r->base.pipeline->account);
	struct spk_row_group *group = arena ? SPK_NEW_ARRAY(arena, struct spk_row_group, n) : NULL;
	spk_status status = group ? SPK_OK : spk_fail_memory(err);

	for (int i = 0; group && i < n; i++)
		group[i] = (struct spk_row_group){ .key = key[i].key, .key_size = key[i].size, .hash = key[i].hash, .bucket = SPK_EXPIRY_DATA };
	if (status == SPK_OK)
		status = spk_keyed_rows_forget(&r->kept, group, n, arena, err);
	spk_arena_unref(arena);
	return status;
}

/* --- open --- */

/* Windows come out when they close, with what is in them; the whole result of an epoch has what changed. */
static int count_standing(const struct recompute *r)
{
	return by_window(r) || r->base.plan->complete ? 0 : r->base.plan->empty_sets;
}

static spk_status recompute_open(struct spk_op *op, spk_error *err)
{
	struct recompute *r = self(op);
	struct spk_memory_account *account = op->pipeline->account;
	int first, end;

	SPK_ASSERT(op->pipeline->store && op->plan->state_table, "a stateful operator has a store");
	r->arena = spk_arena_new(account);
	SPK_TRY_PTR(r->arena, err);
	SPK_TRY(spk_epoch_keys_init(&r->keys, op, r->arena, err));
	spk_delta_rows_init(&r->delta, false, account);
	spk_delta_rows_init(&r->results, false, account);
	r->standings = count_standing(r);
	r->standing = SPK_NEW_ARRAY(r->arena, uint32_t, r->standings + 1);
	SPK_TRY_PTR(r->standing, err);
	r->kept = (struct spk_keyed_rows){ .account = account, .side = 'r', .bucketed = spk_physical_has_buckets(op->plan), .bytes.account = account };
	SPK_TRY(spk_inner_chain_open(&r->chain, op, take_result, r, err));
	spk_shard_range(op->pipeline->partition, op->pipeline->partitions, &first, &end);
	SPK_TRY(spk_state_view_open(&r->view, op->pipeline->store, op->plan->state_table, first, end, err));
	r->kept.view = r->view;
	spk_expiry_init(&r->expiry, op, r->view, forget_keys, r);
	return SPK_OK;
}

static void forget(struct recompute *r)
{
	spk_epoch_keys_clear(&r->keys);
	spk_delta_rows_clear(&r->delta);
	spk_delta_rows_clear(&r->results);
}

static spk_status recompute_begin(struct spk_op *op, spk_error *err)
{
	(void)err;
	forget(self(op));
	return SPK_OK;
}

/* --- folding --- */

static spk_status recompute_push(struct spk_op *op, int input, struct spk_batch *in, spk_error *err)
{
	struct recompute *r = self(op);
	uint32_t number[SPK_BATCH_ROWS];

	(void)input;
	return spk_epoch_keys_fold(&r->keys, op, in, &r->delta, number, err);
}

/* --- the rows of some keys through the chain --- */

/* Rows that fill a batch. */
struct feed { struct recompute *r; struct spk_arena *arena; int n; const struct spk_kept_row *row[SPK_BATCH_ROWS]; };

static spk_status flush(struct feed *f, spk_error *err)
{
	const struct spk_op *op = &f->r->base;
	struct spk_batch *batch = NULL;
	spk_status status;

	if (!f->n)
		return SPK_OK;
	status = spk_kept_rows_batch(op, op->plan->input[0]->schema, f->arena, f->row, f->n, &batch, err);
	if (status == SPK_OK)
		status = spk_inner_chain_push(&f->r->chain, batch, err);
	spk_batch_unref(batch);
	f->n = 0;
	return status;
}

/* A row as often as it is there; one that was taken back before it came is not there. */
static spk_status feed_row(struct feed *f, const struct spk_kept_row *row, int64_t weight, spk_error *err)
{
	for (; weight > 0; weight--) {
		f->row[f->n++] = row;
		if (f->n == f->r->base.pipeline->batch_rows)
			SPK_TRY(flush(f, err));
	}
	return SPK_OK;
}

static spk_status run_chain(struct recompute *r, const struct spk_row_group *group, int keys, bool before, struct spk_arena *arena, spk_error *err)
{
	struct feed *f = SPK_NEW(arena, struct feed);

	SPK_TRY_PTR(f, err);
	f->r = r;
	f->arena = arena;
	SPK_TRY(spk_inner_chain_begin(&r->chain, err));
	for (int k = 0; k < keys; k++)
		for (uint32_t i = 0; i < group[k].rows; i++)
			SPK_TRY(feed_row(f, &group[k].row[i], before ? group[k].row[i].weight_before : group[k].row[i].weight, err));
	SPK_TRY(flush(f, err));
	return spk_inner_chain_end(&r->chain, err);
}

/* --- keys that change --- */

struct slice {
	struct spk_arena *arena;
	bool silent;                     /* its keys are in windows that are waited for */
	bool stands;                     /* its keys are those that stand */
	int keys;
	/* by key */
	uint32_t *number;
	struct spk_row_group *group;
	enum spk_rows_wanted *wanted;
};

static struct slice *slice_new(struct spk_arena *work, int standings)
{
	const int keys = SPK_MAX(KEYS_AT_ONCE, standings);
	struct slice *s = SPK_NEW(work, struct slice);

	if (!s)
		return NULL;
	s->number = SPK_NEW_ARRAY(work, uint32_t, keys);
	s->group = SPK_NEW_ARRAY(work, struct spk_row_group, keys);
	s->wanted = SPK_NEW_ARRAY(work, enum spk_rows_wanted, keys);
	return s->number && s->group && s->wanted ? s : NULL;
}

/* Of windows that are waited for rows are only looked through when one is taken back: the rest is for the window's end. */
static spk_status load(struct recompute *r, struct slice *s, spk_error *err)
{
	for (int i = 0; i < s->keys; i++) {
		struct spk_row_group *g = &s->group[i];

		*g = (struct spk_row_group){ .hash = spk_epoch_key_hash(&r->keys, s->number[i]), .bucket = spk_epoch_key_bucket(&r->keys, s->number[i]) };
		g->key = spk_epoch_key(&r->keys, s->number[i], &g->key_size);
		if (!by_window(r))
			g->bucket = SPK_EXPIRY_DATA;
		s->wanted[i] = s->silent && !spk_delta_rows_sum(&r->delta, s->number[i]).takes ? SPK_ROWS_LAST : SPK_ROWS_ALL;
	}
	SPK_TRY(spk_keyed_rows_open(&r->kept, s->group, s->keys, s->arena, err));
	return spk_keyed_rows_load(&r->kept, s->group, s->wanted, s->keys, s->arena, err);
}

static spk_status change_rows(struct recompute *r, struct spk_row_group *g, uint32_t key, struct spk_arena *arena, spk_error *err)
{
	struct spk_kept_row added[2];

	/* First what goes: what comes is put behind what is left. */
	for (int comes = 0; comes < 2; comes++)
		for (uint32_t i = r->delta.first[key]; i; i = r->delta.next[i - 1]) {
			struct spk_kept_row *row = &added[comes];
			int64_t taken = 0;

			if ((r->delta.weight[i - 1] > 0) != comes)
				continue;
			*row = (struct spk_kept_row){ .weight = r->delta.weight[i - 1] };
			row->bytes = spk_delta_row(&r->delta, i - 1, &row->size);
			row->bytes = spk_arena_copy(arena, row->bytes, row->size);
			SPK_TRY_PTR(row->bytes, err);
			if (!comes)
				SPK_TRY(spk_row_group_take(&r->kept, g, row->bytes, row->size, -row->weight, &taken, arena, err));
			row->weight += taken;
			if (row->weight)
				SPK_TRY(spk_row_group_add(&r->kept, g, row, arena, err));
		}
	return SPK_OK;
}

static bool was_known(const struct slice *s)
{
	for (int i = 0; i < s->keys; i++)
		if (s->group[i].stored)
			return true;
	return false;
}

static spk_status touch(struct recompute *r, const struct slice *s, spk_error *err)
{
	struct spk_view name[KEYS_AT_ONCE];
	uint64_t hash[KEYS_AT_ONCE];

	for (int i = 0; i < s->keys; i++) {
		name[i] = spk_view(s->group[i].key, s->group[i].key_size);
		hash[i] = s->group[i].hash;
	}
	return spk_expiry_touch(&r->expiry, 0, name, hash, s->keys, err);
}

static bool changes(const struct recompute *r, const struct slice *s)
{
	for (int i = 0; i < s->keys; i++)
		if (r->delta.first[s->number[i]])
			return true;
	return false;
}

static spk_status work_off(struct recompute *r, struct slice *s, spk_error *err)
{
	SPK_TRY(load(r, s, err));
	if (s->stands && was_known(s) && !changes(r, s))
		return SPK_OK;
	r->kept.stays = s->stands;
	r->chain.pipeline.of_keys = !s->stands;
	for (int i = 0; i < s->keys && s->stands; i++)
		s->group[i].changed = true;   /* written, also without a row */
	if (spk_expires(r->base.plan) && !s->stands)
		SPK_TRY(touch(r, s, err));
	for (int i = 0; i < s->keys; i++)
		SPK_TRY(change_rows(r, &s->group[i], s->number[i], s->arena, err));
	if (r->base.plan->complete) {
		r->weight = 0;
		SPK_TRY(run_chain(r, s->group, s->keys, false, s->arena, err));
	} else if (!s->silent) {
		r->weight = -1;
		if (was_known(s))
			SPK_TRY(run_chain(r, s->group, s->keys, true, s->arena, err));
		r->weight = 1;
		SPK_TRY(run_chain(r, s->group, s->keys, false, s->arena, err));
		SPK_TRY(emit_results(r, s->arena, err));
	}
	return spk_keyed_rows_write(&r->kept, s->group, s->keys, s->arena, err);
}

static spk_status with_arena(struct recompute *r, struct slice *s, spk_error *err)
{
	spk_status status;

	s->arena = spk_arena_new(r->base.pipeline->account);
	SPK_TRY_PTR(s->arena, err);
	status = work_off(r, s, err);
	spk_arena_unref(s->arena);
	s->keys = 0;
	return status;
}

static bool stands(const struct recompute *r, uint32_t key)
{
	for (int i = 0; i < r->standings; i++)
		if (r->standing[i] == key)
			return true;
	return false;
}

static spk_status work_off_keys(struct recompute *r, struct slice *s, bool silent, spk_error *err)
{
	s->silent = silent;
	for (uint32_t k = 0; k < r->keys.map.count; k++) {
		if (!r->delta.first[k] || stands(r, k) || silent != (by_window(r) && !spk_op_window_speaks(&r->base, spk_epoch_key_bucket(&r->keys, k))))
			continue;
		s->number[s->keys++] = k;
		if (s->keys == KEYS_AT_ONCE)
			SPK_TRY(with_arena(r, s, err));
	}
	return s->keys ? with_arena(r, s, err) : SPK_OK;
}

/* --- keys that stand --- */

/* A row of NULLs, but for the number of an empty set. */
static spk_status find_standing(struct recompute *r, struct spk_batch *row, int64_t set, uint32_t *number, spk_error *err)
{
	const struct spk_physical *plan = r->base.plan;
	uint64_t hash;

	for (int c = 0; c < row->columns; c++)
		SPK_TRY(spk_vector_init_constant(&row->column[c], row->schema->field[c].type, plan->key_count && c == plan->key[plan->key_count - 1] ? &set : NULL, row->arena, err));
	row->rows = row->selected = 1;
	spk_hash_columns(row, plan->key, plan->key_count, &hash);
	*number = UINT32_MAX;
	if (spk_shard_task(spk_shard_of(hash), r->base.pipeline->partitions) != r->base.pipeline->partition)
		return SPK_OK;
	return spk_epoch_keys_put(&r->keys, &r->base, row, number, err);
}

static spk_status find_all_standing(struct recompute *r, spk_error *err)
{
	const struct spk_physical *plan = r->base.plan;

	for (int i = 0; i < r->standings; i++) {
		struct spk_batch *row;
		spk_status status;

		SPK_TRY(spk_batch_new(&row, plan->input[0]->schema, r->base.pipeline->account, err));
		status = find_standing(r, row, plan->empty_set[i], &r->standing[i], err);
		spk_batch_unref(row);
		SPK_TRY(status);
	}
	return SPK_OK;
}

static spk_status work_off_standing(struct recompute *r, struct slice *s, spk_error *err)
{
	s->silent = false;
	s->stands = true;
	for (int i = 0; i < r->standings; i++)
		if (r->standing[i] != UINT32_MAX)
			s->number[s->keys++] = r->standing[i];
	if (s->keys && (!r->began || changes(r, s)))
		SPK_TRY(with_arena(r, s, err));
	r->began = true;
	return SPK_OK;
}

/* --- windows that close --- */

static spk_status close_keys(void *user, struct spk_row_group *group, int groups, struct spk_arena *arena, spk_error *err)
{
	struct recompute *r = user;

	r->weight = 0;
	return run_chain(r, group, groups, false, arena, err);
}

static spk_status close_windows(struct recompute *r, spk_error *err)
{
	const struct spk_closing_buckets buckets = spk_op_windows_closing(&r->base);
	const struct spk_closing_rows closing = { .op = &r->base, .view = r->view, .kept = &r->kept, .sides = 1, .take = close_keys, .user = r, .stays = r->base.plan->lateness_us > 0,
		.from = buckets.behind };

	if (r->base.plan->on_close)
		SPK_TRY(spk_closing_rows_take(&closing, buckets.to, err));
	return spk_op_drop_windows(&r->base, r->view, err);
}

static spk_status recompute_finish(struct spk_op *op, spk_error *err)
{
	struct recompute *r = self(op);
	struct spk_arena *work = spk_arena_new(op->pipeline->account);
	struct slice *s = work ? slice_new(work, r->standings) : NULL;
	spk_status status = s ? find_all_standing(r, err) : spk_fail_memory(err);

	if (status == SPK_OK)
		status = spk_delta_rows_chain(&r->delta, r->keys.map.count, work, err);
	if (status == SPK_OK)
		status = work_off_keys(r, s, false, err);
	if (status == SPK_OK && by_window(r))
		status = work_off_keys(r, s, true, err);
	if (status == SPK_OK && by_window(r))
		status = close_windows(r, err);
	if (status == SPK_OK)
		status = work_off_standing(r, s, err);
	if (status == SPK_OK && spk_expires(op->plan))
		status = spk_expiry_run(&r->expiry, err);
	spk_arena_unref(work);
	forget(r);
	return status;
}

static void recompute_close(struct spk_op *op)
{
	struct recompute *r = self(op);

	spk_expiry_release(&r->expiry);
	spk_inner_chain_close(&r->chain);
	spk_epoch_keys_release(&r->keys);
	spk_delta_rows_release(&r->delta);
	spk_delta_rows_release(&r->results);
	spk_keyed_rows_release(&r->kept);
	spk_state_view_close(r->view);
	spk_arena_unref(r->arena);
}

const struct spk_op_type spk_op_recompute = {
	.name = "recompute",
	.size = sizeof(struct recompute),
	.open = recompute_open,
	.begin = recompute_begin,
	.push = recompute_push,
	.finish = recompute_finish,
	.close = recompute_close,
};
