/*
 * Changes of open windows at an interval of their own, instead of every epoch's (emit.interval).
 *
 *   input   changes by the hash of the key columns, among them a window's bound; rows taken back have negative weights
 *   output  the same, netted: what is held of all windows when the interval is over by the times of epochs; what is held of a window when the watermark passes its end, and
 *           what comes for it after that, at once
 *   state   bucketed by the windows' ends: rows and their weights, which go with what comes out; and when that is due (dues.h)
 */
#include "core/base/ids.h"
#include "core/base/memory.h"
#include "stream/operator/delta_rows.h"
#include "stream/operator/dues.h"
#include "stream/operator/epoch_keys.h"
#include "stream/operator/row_changes.h"
#include "stream/operator/stream_operators.h"

struct paced {
	struct spk_op base;
	struct spk_arena *arena;
	struct spk_state_view *view;
	struct spk_dues dues;
	struct spk_epoch_keys keys;
	struct spk_delta_rows delta;     /* the epoch */
	struct spk_row_keys encoded;     /* scratch */
};

static struct paced *self(struct spk_op *op) { return spk_container_of(op, struct paced, base); }

static spk_status paced_open(struct spk_op *op, spk_error *err)
{
	struct paced *p = self(op);
	int first, end;

	SPK_ASSERT(op->pipeline->store && op->plan->state_table, "a stateful operator has a store");
	SPK_TRY_PTR(p->arena = spk_arena_new(op->pipeline->account), err);
	SPK_TRY(spk_epoch_keys_init(&p->keys, op, p->arena, err));
	spk_delta_rows_init(&p->delta, false, op->pipeline->account);
	p->encoded.bytes.account = op->pipeline->account;
	spk_shard_range(op->pipeline->partition, op->pipeline->partitions, &first, &end);
	SPK_TRY(spk_state_view_open(&p->view, op->pipeline->store, op->plan->state_table, first, end, err));
	spk_dues_init(&p->dues, op, p->view);
	return SPK_OK;
}

static void forget(struct paced *p)
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
	struct paced *p = self(op);
	uint32_t number[SPK_BATCH_ROWS];

	(void)input;
	return spk_epoch_keys_fold(&p->keys, op, in, &p->delta, number, err);
}

/* --- what is held of a window, let go --- */

static spk_status let_go(void *user, const char *key, uint32_t key_size, const char *value, uint32_t size, spk_error *err)
{
	struct spk_row_changes *c = user;
	struct spk_kept_row *row = SPK_NEW(c->arena, struct spk_kept_row);
	int64_t weight;

	if (size != sizeof weight)
		return spk_fail(err, SPK_CORRUPT, "the weight of a row that is held has %u bytes", size);
	SPK_TRY_PTR(row, err);
	memcpy(&weight, value, sizeof weight);
	row->size = key_size;
	SPK_TRY_PTR(row->bytes = spk_arena_copy(c->arena, key, key_size), err);
	return spk_row_changes_add(c, (struct spk_row_change){ .left = row, .weight = weight }, err);
}

static spk_status take_windows(struct paced *p, int64_t until, spk_error *err)
{
	int64_t bucket;

	while ((bucket = spk_state_next_bucket(p->view, SPK_DUES_BUCKET + 1)) <= until && bucket != INT64_MAX) {
		struct spk_arena *arena = spk_arena_new(p->base.pipeline->account);
		struct spk_row_changes changes = { .op = &p->base, .arena = arena };
		spk_status status = arena ? spk_state_take_bucket(p->view, bucket, let_go, &changes, err) : spk_fail_memory(err);

		if (status == SPK_OK)
			status = spk_row_changes_emit(&changes, err);
		spk_row_changes_release(&changes);
		spk_arena_unref(arena);
		SPK_TRY(status);
	}
	return SPK_OK;
}

/* --- the epoch's rows, added to what is held --- */

struct hold { int n; struct spk_view key[SPK_BATCH_ROWS]; uint64_t hash[SPK_BATCH_ROWS]; int64_t bucket[SPK_BATCH_ROWS], weight[SPK_BATCH_ROWS]; struct spk_state_value value[SPK_BATCH_ROWS]; };

static spk_status hold_rows(struct paced *p, struct hold *h, spk_error *err)
{
	SPK_TRY(spk_row_keys_views(&p->encoded, h->key, h->n, err));
	SPK_TRY(spk_state_get(p->view, &p->encoded, h->hash, h->bucket, h->value, err));
	for (int i = 0; i < h->n; i++) {
		int64_t held = 0;

		if (spk_state_found(&h->value[i]))
			memcpy(&held, h->value[i].data, sizeof held);
		h->weight[i] += held;
	}
	for (int i = 0; i < h->n; i++)
		h->value[i] = h->weight[i] ? (struct spk_state_value){ (const char *)&h->weight[i], sizeof h->weight[i] } : (struct spk_state_value){ NULL, UINT32_MAX };
	SPK_TRY(spk_state_put(p->view, &p->encoded, h->hash, h->bucket, h->value, err));
	h->n = 0;
	return SPK_OK;
}

static spk_status add_epoch(struct paced *p, struct hold *h, spk_error *err)
{
	const int64_t watermark = spk_op_watermark_after(&p->base);
	bool holds[SPK_SHARDS] = { false };

	for (uint32_t i = 0; i < p->delta.count; i++) {
		const uint32_t key = p->delta.key[i];
		uint32_t size;
		const char *bytes = spk_delta_row(&p->delta, i, &size);

		if (!p->delta.weight[i])
			continue;
		h->key[h->n] = spk_view(bytes, size);
		h->hash[h->n] = spk_epoch_key_hash(&p->keys, key);
		h->bucket[h->n] = spk_epoch_key_bucket(&p->keys, key);
		h->weight[h->n] = p->delta.weight[i];
		if (h->bucket[h->n] > watermark)
			holds[spk_shard_of(h->hash[h->n]).value] = true;
		if (++h->n == SPK_BATCH_ROWS)
			SPK_TRY(hold_rows(p, h, err));
	}
	if (h->n)
		SPK_TRY(hold_rows(p, h, err));
	return spk_dues_put(&p->dues, holds, err);
}

static spk_status paced_finish(struct spk_op *op, spk_error *err)
{
	struct paced *p = self(op);
	struct hold *h = spk_malloc(op->pipeline->account, sizeof *h);
	spk_status status = h ? SPK_OK : spk_fail_memory(err);
	bool due = false;

	if (h)
		h->n = 0;
	if (status == SPK_OK)
		status = spk_dues_take(&p->dues, &due, err);
	if (status == SPK_OK && due)
		status = take_windows(p, INT64_MAX - 1, err);
	if (status == SPK_OK)
		status = add_epoch(p, h, err);
	if (status == SPK_OK)
		status = take_windows(p, spk_op_watermark_after(op), err);
	if (status == SPK_OK)
		status = spk_dues_tell(&p->dues, err);
	spk_free(op->pipeline->account, h, h ? sizeof *h : 0);
	forget(p);
	return status;
}

static void paced_close(struct spk_op *op)
{
	struct paced *p = self(op);

	spk_epoch_keys_release(&p->keys);
	spk_delta_rows_release(&p->delta);
	spk_row_keys_release(&p->encoded);
	spk_dues_release(&p->dues);
	spk_state_view_close(p->view);
	spk_arena_unref(p->arena);
}

const struct spk_op_type spk_op_paced_changes = {
	.name = "paced changes",
	.size = sizeof(struct paced),
	.open = paced_open,
	.begin = paced_begin,
	.push = paced_push,
	.finish = paced_finish,
	.close = paced_close,
};
