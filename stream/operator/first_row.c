/*
 * The first row of every key by some order, of rows that are only added: TopN of one row. Deduplication, mostly.
 *
 *   input   rows by the hash of the key columns; only added
 *   output  -1 of the row that was the first one and +1 of the one that is, when another comes before it
 *   state   by key that row, as an epoch's rows have it: its place in the order in front. Keys that have not changed for plan->state_ttl_us are forgotten (expiry.h)
 *
 * Rows that the order does not tell apart go by their bytes, as in top_n.c, so that it does not matter when they came.
 */
#include "core/base/memory.h"
#include "stream/operator/ordered_input.h"
#include "stream/operator/row_changes.h"
#include "stream/operator/stream_operators.h"

enum { KEYS_AT_ONCE = 256 };

struct first_row {
	struct spk_op base;
	struct spk_arena *arena;
	struct spk_state_view *view;
	struct spk_ordered_input in;     /* the epoch */
	struct spk_row_keys keys;        /* scratch */
	struct spk_expiry expiry;
};

static struct first_row *self(struct spk_op *op) { return spk_container_of(op, struct first_row, base); }

/* Some keys, by name; what is there of them, or is to be. */
struct slice {
	int n;
	struct spk_arena *arena;
	struct spk_row_changes changes;
	uint32_t row[KEYS_AT_ONCE];      /* of the epoch's rows the first */
	struct spk_view name[KEYS_AT_ONCE];
	uint64_t hash[KEYS_AT_ONCE];
	int64_t bucket[KEYS_AT_ONCE];
	struct spk_state_value value[KEYS_AT_ONCE];
};

/* --- the table --- */

static const int64_t *buckets_of(const struct first_row *f, const struct slice *s)
{
	return spk_physical_has_buckets(f->base.plan) ? s->bucket : NULL;
}

static spk_status put(struct first_row *f, struct slice *s, spk_error *err)
{
	if (!s->n)
		return SPK_OK;
	SPK_TRY(spk_row_keys_views(&f->keys, s->name, s->n, err));
	return spk_state_put(f->view, &f->keys, s->hash, buckets_of(f, s), s->value, err);
}

static spk_status forget_some(struct first_row *f, const struct spk_expired *key, int n, struct slice *s, spk_error *err)
{
	s->n = n;
	for (int i = 0; i < n; i++) {
		s->name[i] = spk_view(key[i].key, key[i].size);
		s->hash[i] = key[i].hash;
		s->bucket[i] = SPK_EXPIRY_DATA;
		s->value[i] = (struct spk_state_value){ NULL, UINT32_MAX };
	}
	return put(f, s, err);
}

static spk_status forget_keys(void *user, const struct spk_expired *key, int n, spk_error *err)
{
	struct first_row *f = user;
	struct spk_arena *arena = spk_arena_new(f->base.pipeline->account);
	struct slice *s = arena ? SPK_NEW(arena, struct slice) : NULL;
	spk_status status = s ? SPK_OK : spk_fail_memory(err);

	for (int i = 0; i < n && status == SPK_OK; i += KEYS_AT_ONCE)
		status = forget_some(f, key + i, SPK_MIN(n - i, KEYS_AT_ONCE), s, err);
	spk_arena_unref(arena);
	return status;
}

/* --- open --- */

static spk_status first_row_open(struct spk_op *op, spk_error *err)
{
	struct first_row *f = self(op);
	int first, end;

	SPK_ASSERT(op->pipeline->store && op->plan->state_table, "a stateful operator has a store");
	SPK_TRY_PTR(f->arena = spk_arena_new(op->pipeline->account), err);
	SPK_TRY(spk_ordered_input_init(&f->in, op, f->arena, err));
	f->in.first.bound = 1;
	f->keys.bytes.account = op->pipeline->account;
	spk_shard_range(op->pipeline->partition, op->pipeline->partitions, &first, &end);
	SPK_TRY(spk_state_view_open(&f->view, op->pipeline->store, op->plan->state_table, first, end, err));
	spk_expiry_init(&f->expiry, op, f->view, forget_keys, f);
	return SPK_OK;
}

static spk_status first_row_begin(struct spk_op *op, spk_error *err)
{
	(void)err;
	spk_ordered_input_clear(&self(op)->in);
	return SPK_OK;
}

static spk_status first_row_push(struct spk_op *op, int input, struct spk_batch *in, spk_error *err)
{
	(void)input;
	return spk_ordered_input_push(&self(op)->in, op, in, err);
}

/* --- keys that change --- */

static spk_status read_row(const char *bytes, uint32_t size, struct spk_ordered_entry *out, spk_error *err)
{
	*out = (struct spk_ordered_entry){ .weight = 1 };
	if (size < sizeof out->order)
		return spk_fail(err, SPK_CORRUPT, "a kept row does not have the form that it was written in");
	memcpy(&out->order, bytes, sizeof out->order);
	out->bytes = bytes + sizeof out->order;
	out->size = size - (uint32_t)sizeof out->order;
	return out->order <= out->size ? SPK_OK : spk_fail(err, SPK_CORRUPT, "a kept row's place is longer than the row");
}

/* Of the epoch's rows of a key. */
static spk_status find_first(const struct spk_delta_rows *d, uint32_t key, uint32_t *out, spk_error *err)
{
	struct spk_ordered_entry best, row;
	uint32_t size;

	*out = d->first[key] - 1;
	if (!d->next[*out])
		return SPK_OK;
	for (uint32_t i = d->first[key]; i; i = d->next[i - 1]) {
		const char *bytes = spk_delta_row(d, i - 1, &size);

		SPK_TRY(read_row(bytes, size, &row, err));
		if (i != d->first[key] && spk_ordered_compare(&row, &best) >= 0)
			continue;
		best = row;
		*out = i - 1;
	}
	return SPK_OK;
}

static spk_status note(struct slice *s, const struct spk_ordered_entry *row, int64_t weight, spk_error *err)
{
	static const int64_t first = 1;

	return spk_row_changes_add_ordered(&s->changes, row, spk_top_n_shows_rank(s->changes.op->plan) ? &first : NULL, weight, err);
}

/* *changed: the epoch's row is the first one now. Then `value` is what the key has from now on. */
static spk_status change_key(struct first_row *f, struct slice *s, int i, bool *changed, spk_error *err)
{
	const struct spk_state_value *old = &s->value[i];
	struct spk_ordered_entry before, now;
	struct spk_kept_row row;

	SPK_TRY(spk_delta_row_own(&f->in.delta, s->row[i], s->arena, &row, err));
	SPK_TRY(read_row(row.bytes, row.size, &now, err));
	*changed = true;
	if (spk_state_found(old)) {
		SPK_TRY(read_row(old->data, old->size, &before, err));
		*changed = spk_ordered_compare(&now, &before) < 0;
		if (!*changed)
			return SPK_OK;
		SPK_TRY_PTR(before.bytes = spk_arena_copy(s->arena, before.bytes, before.size), err);
		SPK_TRY(note(s, &before, -1, err));
	}
	s->value[i] = (struct spk_state_value){ row.bytes, row.size };
	return note(s, &now, 1, err);
}

/* Keys whose first row stays what it was have nothing to be written. */
static spk_status change_keys(struct first_row *f, struct slice *s, spk_error *err)
{
	int n = 0;

	for (int i = 0; i < s->n; i++) {
		bool changed;

		SPK_TRY(change_key(f, s, i, &changed, err));
		if (!changed)
			continue;
		s->name[n] = s->name[i];
		s->hash[n] = s->hash[i];
		s->bucket[n] = s->bucket[i];
		s->value[n++] = s->value[i];
	}
	s->n = n;
	return SPK_OK;
}

static spk_status work_off(struct first_row *f, struct slice *s, spk_error *err)
{
	/* A key that rows come for has changed, whether its first one does or not. Before what is read of it: that is gone with the next call. */
	if (spk_expires(f->base.plan))
		SPK_TRY(spk_expiry_touch(&f->expiry, 0, s->name, s->hash, s->n, err));
	SPK_TRY(spk_row_keys_views(&f->keys, s->name, s->n, err));
	SPK_TRY(spk_state_get(f->view, &f->keys, s->hash, buckets_of(f, s), s->value, err));
	SPK_TRY(change_keys(f, s, err));
	SPK_TRY(put(f, s, err));
	return spk_row_changes_emit(&s->changes, err);
}

/* In an arena of its own, which what is emitted holds. */
static spk_status with_arena(struct first_row *f, struct slice *s, spk_error *err)
{
	spk_status status;

	s->arena = spk_arena_new(f->base.pipeline->account);
	SPK_TRY_PTR(s->arena, err);
	s->changes = (struct spk_row_changes){ .op = &f->base, .arena = s->arena };
	status = work_off(f, s, err);
	spk_row_changes_release(&s->changes);
	spk_arena_unref(s->arena);
	s->n = 0;
	return status;
}

static spk_status work_off_keys(struct first_row *f, struct slice *s, spk_error *err)
{
	const struct spk_epoch_keys *keys = &f->in.keys;

	for (uint32_t k = 0; k < keys->map.count; k++) {
		uint32_t size;
		const char *name = spk_epoch_key(keys, k, &size);

		if (!f->in.delta.first[k])
			continue;
		SPK_TRY(find_first(&f->in.delta, k, &s->row[s->n], err));
		s->name[s->n] = spk_view(name, size);
		s->hash[s->n] = spk_epoch_key_hash(keys, k);
		s->bucket[s->n++] = SPK_EXPIRY_DATA;
		if (s->n == KEYS_AT_ONCE)
			SPK_TRY(with_arena(f, s, err));
	}
	return s->n ? with_arena(f, s, err) : SPK_OK;
}

static spk_status first_row_finish(struct spk_op *op, spk_error *err)
{
	struct first_row *f = self(op);
	struct spk_arena *work = spk_arena_new(op->pipeline->account);
	struct slice *s = work ? SPK_NEW(work, struct slice) : NULL;
	spk_status status = s ? spk_delta_rows_chain(&f->in.delta, f->in.keys.map.count, work, err) : spk_fail_memory(err);

	if (status == SPK_OK)
		status = work_off_keys(f, s, err);
	if (status == SPK_OK && spk_expires(op->plan))
		status = spk_expiry_run(&f->expiry, err);
	spk_arena_unref(work);
	spk_ordered_input_clear(&f->in);
	return status;
}

static void first_row_close(struct spk_op *op)
{
	struct first_row *f = self(op);

	spk_expiry_release(&f->expiry);
	spk_ordered_input_release(&f->in);
	spk_row_keys_release(&f->keys);
	spk_state_view_close(f->view);
	spk_arena_unref(f->arena);
}

const struct spk_op_type spk_op_first_row = {
	.name = "first row",
	.size = sizeof(struct first_row),
	.open = first_row_open,
	.begin = first_row_begin,
	.push = first_row_push,
	.finish = first_row_finish,
	.close = first_row_close,
};
