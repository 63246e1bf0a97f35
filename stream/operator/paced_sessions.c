/*
 * Changes of open sessions at an interval of their own, instead of every epoch's (emit.interval). What changes a session takes one with another end back, so what is held of a key
 * goes together.
 *
 *   input   changes by the hash of the key columns, those that sessions are of, and the sessions' ends in plan->window_key; rows taken back have negative weights
 *   output  the same, netted: what is held of all keys when the interval is over by the times of epochs; what is held of a key when the watermark passes an end that some of it
 *           had, and what comes for sessions that have ended, at once
 *   state   in one bucket what is held: rows by key (keyed_rows.h), on one side those that are taken back, on the other those that come. In buckets of ends: key -> its hash, to look
 *           at what is held of the key then. And when all of it is due (dues.h)
 */
#include "core/base/ids.h"
#include "core/base/memory.h"
#include "stream/operator/closing_rows.h"
#include "stream/operator/delta_rows.h"
#include "stream/operator/dues.h"
#include "stream/operator/epoch_keys.h"
#include "stream/operator/row_changes.h"
#include "stream/operator/stream_operators.h"

enum { KEYS_AT_ONCE = 256, GOES = 0, COMES = 1 };
#define HELD (SPK_DUES_BUCKET - 1)

struct paced_sessions {
	struct spk_op base;
	struct spk_arena *arena;
	struct spk_state_view *view;
	struct spk_dues dues;
	struct spk_keyed_rows kept[2];   /* GOES, COMES */
	struct spk_epoch_keys keys;      /* a key's bucket: the least end of its rows */
	struct spk_delta_rows delta;     /* the epoch */
	struct spk_row_keys encoded;     /* scratch */
};

static struct paced_sessions *self(struct spk_op *op) { return spk_container_of(op, struct paced_sessions, base); }

static spk_status paced_open(struct spk_op *op, spk_error *err)
{
	struct paced_sessions *p = self(op);
	struct spk_memory_account *account = op->pipeline->account;
	int first, end;

	SPK_ASSERT(op->pipeline->store && op->plan->state_table, "a stateful operator has a store");
	SPK_TRY_PTR(p->arena = spk_arena_new(account), err);
	SPK_TRY(spk_epoch_keys_init(&p->keys, op, p->arena, err));
	spk_delta_rows_init(&p->delta, false, account);
	p->encoded.bytes.account = account;
	spk_shard_range(op->pipeline->partition, op->pipeline->partitions, &first, &end);
	SPK_TRY(spk_state_view_open(&p->view, op->pipeline->store, op->plan->state_table, first, end, err));
	for (int side = 0; side < 2; side++)
		p->kept[side] = (struct spk_keyed_rows){ .view = p->view, .account = account, .side = (char)('a' + side), .bucketed = true, .bytes.account = account };
	spk_dues_init(&p->dues, op, p->view);
	return SPK_OK;
}

static void forget(struct paced_sessions *p)
{
	spk_epoch_keys_clear(&p->keys);
	spk_delta_rows_clear(&p->delta);
}

static spk_status paced_begin(struct spk_op *op, spk_error *err)
{
	(void)err;
	forget(self(op));
	return SPK_OK;
}

static spk_status paced_push(struct spk_op *op, int input, struct spk_batch *in, spk_error *err)
{
	struct paced_sessions *p = self(op);
	uint32_t number[SPK_BATCH_ROWS];

	(void)input;
	SPK_TRY(spk_epoch_keys_fold(&p->keys, op, in, &p->delta, number, err));
	spk_epoch_keys_least_bucket(&p->keys, op, in, number);
	return SPK_OK;
}

/* --- what is held, let go --- */

static spk_status note_rows(struct spk_row_changes *changes, const struct spk_row_group *g, int side, spk_error *err)
{
	for (uint32_t i = 0; i < g->rows; i++)
		if (g->row[i].weight)
			SPK_TRY(spk_row_changes_add(changes, (struct spk_row_change){ .left = &g->row[i], .weight = side == GOES ? -g->row[i].weight : g->row[i].weight }, err));
	return SPK_OK;
}

struct letting_go { struct paced_sessions *p; const struct spk_closing_rows *rows; };

static spk_status let_go(void *user, struct spk_row_group *group, int groups, struct spk_arena *arena, spk_error *err)
{
	const struct letting_go *l = user;
	struct spk_row_changes changes = { .op = &l->p->base, .arena = arena };
	spk_status status = SPK_OK;

	for (int i = 0; i < groups && status == SPK_OK; i++)
		status = note_rows(&changes, &group[i], spk_closing_rows_side(l->rows, &group[i]), err);
	if (status == SPK_OK)
		status = spk_row_changes_emit(&changes, err);
	spk_row_changes_release(&changes);
	return status;
}

/* Looks that were to be taken find nothing then. */
static spk_status let_all_go(struct paced_sessions *p, spk_error *err)
{
	struct letting_go l = { .p = p };
	const struct spk_closing_rows rows = { .op = &p->base, .view = p->view, .kept = p->kept, .sides = 2, .take = let_go, .user = &l };

	l.rows = &rows;
	return spk_closing_rows_take(&rows, HELD, err);
}

/* --- some keys' rows --- */

struct slice { struct spk_arena *arena; int keys; struct spk_row_group group[2][KEYS_AT_ONCE]; };

static void add_key(struct slice *s, const char *key, uint32_t size, uint64_t hash)
{
	for (int side = 0; side < 2; side++)
		s->group[side][s->keys] = (struct spk_row_group){ .key = key, .key_size = size, .hash = hash, .bucket = HELD };
	s->keys++;
}

static spk_status load(struct paced_sessions *p, struct slice *s, spk_error *err)
{
	enum spk_rows_wanted wanted[KEYS_AT_ONCE];

	for (int i = 0; i < s->keys; i++)
		wanted[i] = SPK_ROWS_ALL;
	for (int side = 0; side < 2; side++) {
		SPK_TRY(spk_keyed_rows_open(&p->kept[side], s->group[side], s->keys, s->arena, err));
		SPK_TRY(spk_keyed_rows_load(&p->kept[side], s->group[side], wanted, s->keys, s->arena, err));
	}
	return SPK_OK;
}

/* Does `work` for the slice's keys, whose rows are loaded, in an arena of their own. */
static spk_status with_rows(struct paced_sessions *p, struct slice *s, const uint32_t *number, spk_status (*work)(struct paced_sessions *p, struct slice *s, const uint32_t *number, spk_error *err), spk_error *err)
{
	spk_status status;

	SPK_TRY_PTR(s->arena = spk_arena_new(p->base.pipeline->account), err);
	status = load(p, s, err);
	if (status == SPK_OK)
		status = work(p, s, number, err);
	spk_arena_unref(s->arena);
	s->keys = 0;
	return status;
}

/* --- the epoch's rows, added to what is held --- */

static spk_status hold_row(struct paced_sessions *p, struct slice *s, int key, const struct spk_kept_row *own, spk_error *err)
{
	const int side = own->weight > 0 ? COMES : GOES;
	struct spk_kept_row row = *own;
	int64_t taken;

	row.weight = row.weight > 0 ? row.weight : -row.weight;
	SPK_TRY(spk_row_group_take(&p->kept[!side], &s->group[!side][key], row.bytes, row.size, row.weight, &taken, s->arena, err));
	row.weight -= taken;
	return row.weight ? spk_row_group_add(&p->kept[side], &s->group[side][key], &row, s->arena, err) : SPK_OK;
}

static spk_status hold_rows(struct paced_sessions *p, struct slice *s, const uint32_t *number, spk_error *err)
{
	for (int k = 0; k < s->keys; k++)
		for (uint32_t i = p->delta.first[number[k]]; i; i = p->delta.next[i - 1]) {
			struct spk_kept_row row = { .weight = p->delta.weight[i - 1] };

			SPK_TRY(spk_delta_row_own(&p->delta, i - 1, s->arena, &row, err));
			SPK_TRY(hold_row(p, s, k, &row, err));
		}
	for (int side = 0; side < 2; side++)
		SPK_TRY(spk_keyed_rows_write(&p->kept[side], s->group[side], s->keys, s->arena, err));
	return SPK_OK;
}

/* The keys are to be looked at when the watermark has passed the least end. */
static spk_status put_looks(struct paced_sessions *p, const struct slice *s, const uint32_t *number, bool *holds, spk_error *err)
{
	const int64_t watermark = spk_op_watermark_after(&p->base);
	struct spk_state_value value[KEYS_AT_ONCE];
	struct spk_view name[KEYS_AT_ONCE];
	int64_t bucket[KEYS_AT_ONCE];
	uint64_t hash[KEYS_AT_ONCE];

	for (int i = 0; i < s->keys; i++) {
		name[i] = spk_view(s->group[0][i].key, s->group[0][i].key_size);
		hash[i] = s->group[0][i].hash;
		bucket[i] = spk_epoch_key_bucket(&p->keys, number[i]);
		value[i] = (struct spk_state_value){ (const char *)&hash[i], sizeof hash[i] };
		if (bucket[i] > watermark)
			holds[spk_shard_of(hash[i]).value] = true;
	}
	SPK_TRY(spk_row_keys_views(&p->encoded, name, s->keys, err));
	return spk_state_put(p->view, &p->encoded, hash, bucket, value, err);
}

static spk_status hold_keys(struct paced_sessions *p, struct slice *s, const uint32_t *number, bool *holds, spk_error *err)
{
	if (!s->keys)
		return SPK_OK;
	SPK_TRY(put_looks(p, s, number, holds, err));
	return with_rows(p, s, number, hold_rows, err);
}

static spk_status add_epoch(struct paced_sessions *p, struct slice *s, spk_error *err)
{
	bool holds[SPK_SHARDS] = { false };
	uint32_t number[KEYS_AT_ONCE];

	for (uint32_t k = 0; k < p->keys.map.count; k++) {
		uint32_t size;
		const char *key = spk_epoch_key(&p->keys, k, &size);

		if (!p->delta.first[k])
			continue;
		number[s->keys] = k;
		add_key(s, key, size, spk_epoch_key_hash(&p->keys, k));
		if (s->keys == KEYS_AT_ONCE)
			SPK_TRY(hold_keys(p, s, number, holds, err));
	}
	SPK_TRY(hold_keys(p, s, number, holds, err));
	return spk_dues_put(&p->dues, holds, err);
}

/* --- keys to look at --- */

struct look { struct look *next; const char *key; uint32_t size; uint64_t hash; };
struct looks { struct spk_arena *arena; struct look *first, **last; };

static spk_status note_look(void *user, const char *key, uint32_t key_size, const char *value, uint32_t size, spk_error *err)
{
	struct looks *l = user;
	struct look *look = SPK_NEW(l->arena, struct look);

	if (size != sizeof look->hash)
		return spk_fail(err, SPK_CORRUPT, "a look at what is held has %u bytes", size);
	SPK_TRY_PTR(look && (look->key = spk_arena_copy(l->arena, key, key_size)), err);
	look->size = key_size;
	memcpy(&look->hash, value, sizeof look->hash);
	*l->last = look;
	l->last = &look->next;
	return SPK_OK;
}

static spk_status release_rows(struct paced_sessions *p, struct slice *s, const uint32_t *number, spk_error *err)
{
	struct spk_row_changes changes = { .op = &p->base, .arena = s->arena };
	struct spk_row_group *gone = SPK_NEW_ARRAY(s->arena, struct spk_row_group, KEYS_AT_ONCE);
	spk_status status = gone ? SPK_OK : spk_fail_memory(err);

	(void)number;
	for (int i = 0; i < s->keys && status == SPK_OK; i++)
		for (int side = 0; side < 2 && status == SPK_OK; side++)
			status = note_rows(&changes, &s->group[side][i], side, err);
	if (status == SPK_OK)
		status = spk_row_changes_emit(&changes, err);
	spk_row_changes_release(&changes);
	for (int side = 0; side < 2 && status == SPK_OK; side++) {
		for (int i = 0; i < s->keys; i++) {
			const struct spk_row_group *g = &s->group[side][i];

			gone[i] = (struct spk_row_group){ .key = g->key, .key_size = g->key_size, .hash = g->hash, .bucket = HELD };
		}
		status = spk_keyed_rows_forget(&p->kept[side], gone, s->keys, s->arena, err);
	}
	return status;
}

/* A key is in a bucket once; what it is in later ones finds nothing of it any more. */
static spk_status take_bucket(struct paced_sessions *p, struct slice *s, int64_t bucket, spk_error *err)
{
	struct looks l = { .arena = spk_arena_new(p->base.pipeline->account), .last = &l.first };
	spk_status status = l.arena ? spk_state_take_bucket(p->view, bucket, note_look, &l, err) : spk_fail_memory(err);

	for (const struct look *look = l.first; look && status == SPK_OK; look = look->next) {
		add_key(s, look->key, look->size, look->hash);
		if (s->keys == KEYS_AT_ONCE || !look->next)
			status = with_rows(p, s, NULL, release_rows, err);
	}
	spk_arena_unref(l.arena);
	return status;
}

static spk_status take_looks(struct paced_sessions *p, struct slice *s, spk_error *err)
{
	const int64_t watermark = spk_op_watermark_after(&p->base);
	int64_t bucket;

	while ((bucket = spk_state_next_bucket(p->view, SPK_DUES_BUCKET + 1)) <= watermark && bucket != INT64_MAX)
		SPK_TRY(take_bucket(p, s, bucket, err));
	return SPK_OK;
}

static spk_status paced_finish(struct spk_op *op, spk_error *err)
{
	struct paced_sessions *p = self(op);
	struct spk_arena *work = spk_arena_new(op->pipeline->account);
	struct slice *s = work ? SPK_NEW(work, struct slice) : NULL;
	spk_status status = s ? spk_delta_rows_chain(&p->delta, p->keys.map.count, work, err) : spk_fail_memory(err);
	bool due = false;

	if (status == SPK_OK)
		status = spk_dues_take(&p->dues, &due, err);
	if (status == SPK_OK && due)
		status = let_all_go(p, err);
	if (status == SPK_OK)
		status = add_epoch(p, s, err);
	if (status == SPK_OK)
		status = take_looks(p, s, err);
	if (status == SPK_OK)
		status = spk_dues_tell(&p->dues, err);
	spk_arena_unref(work);
	forget(p);
	return status;
}

static void paced_close(struct spk_op *op)
{
	struct paced_sessions *p = self(op);

	spk_epoch_keys_release(&p->keys);
	spk_delta_rows_release(&p->delta);
	spk_row_keys_release(&p->encoded);
	spk_dues_release(&p->dues);
	for (int side = 0; side < 2; side++)
		spk_keyed_rows_release(&p->kept[side]);
	spk_state_view_close(p->view);
	spk_arena_unref(p->arena);
}

const struct spk_op_type spk_op_paced_sessions = {
	.name = "paced sessions",
	.size = sizeof(struct paced_sessions),
	.open = paced_open,
	.begin = paced_begin,
	.push = paced_push,
	.finish = paced_finish,
	.close = paced_close,
};
