/* When what is held is due. See dues.h. */
#include "stream/operator/dues.h"

#include <string.h>

#include "batch/run.h"
#include "core/base/ids.h"
#include "core/columnar/hash.h"
#include "state/state.h"

void spk_dues_init(struct spk_dues *d, struct spk_op *op, struct spk_state_view *view)
{
	*d = (struct spk_dues){ .op = op, .view = view, .encoded.bytes.account = op->pipeline->account };
	spk_shard_range(op->pipeline->partition, op->pipeline->partitions, &d->first_shard, &d->end_shard);
}

void spk_dues_release(struct spk_dues *d) { spk_row_keys_release(&d->encoded); }

/* An entry of each shard: its key, and a hash that lies in it. */
struct entries { int n; struct spk_view key[SPK_SHARDS]; uint64_t hash[SPK_SHARDS]; int64_t bucket[SPK_SHARDS]; struct spk_state_value value[SPK_SHARDS]; };

static spk_status name_entries(struct spk_dues *d, const bool *wanted, struct entries *e, spk_error *err)
{
	e->n = 0;
	for (int shard = d->first_shard; shard < d->end_shard; shard++) {
		if (wanted && !wanted[shard])
			continue;
		e->key[e->n] = spk_view("due", 3);
		e->bucket[e->n] = SPK_DUES_BUCKET;
		e->hash[e->n++] = spk_shard_hash(shard);
	}
	return e->n ? spk_row_keys_views(&d->encoded, e->key, e->n, err) : SPK_OK;
}

/* The least of all shards; INT64_MAX: nothing is held. */
static spk_status read_least(struct spk_dues *d, int64_t *out, spk_error *err)
{
	struct entries e;

	*out = INT64_MAX;
	SPK_TRY(name_entries(d, NULL, &e, err));
	if (!e.n)
		return SPK_OK;
	SPK_TRY(spk_state_get(d->view, &d->encoded, e.hash, e.bucket, e.value, err));
	for (int i = 0; i < e.n; i++) {
		int64_t due;

		if (!spk_state_found(&e.value[i]))
			continue;
		memcpy(&due, e.value[i].data, sizeof due);
		*out = SPK_MIN(*out, due);
	}
	return SPK_OK;
}

/* Of the shards that are wanted; INT64_MAX: they hold nothing any more. */
static spk_status write_all(struct spk_dues *d, const bool *wanted, int64_t due, spk_error *err)
{
	struct entries e;

	SPK_TRY(name_entries(d, wanted, &e, err));
	for (int i = 0; i < e.n; i++)
		e.value[i] = due == INT64_MAX ? (struct spk_state_value){ NULL, UINT32_MAX } : (struct spk_state_value){ (const char *)&due, sizeof due };
	return e.n ? spk_state_put(d->view, &d->encoded, e.hash, e.bucket, e.value, err) : SPK_OK;
}

/* The end of the interval that a time lies in. */
static int64_t end_of(int64_t time_us, int64_t interval_us) { return time_us - (time_us % interval_us + interval_us) % interval_us + interval_us; }

spk_status spk_dues_take(struct spk_dues *d, bool *due, spk_error *err)
{
	int64_t least;

	SPK_TRY(read_least(d, &least, err));
	*due = least <= d->op->pipeline->run->time_us;
	return *due ? write_all(d, NULL, INT64_MAX, err) : SPK_OK;
}

spk_status spk_dues_put(struct spk_dues *d, const bool *wanted, spk_error *err)
{
	return write_all(d, wanted, end_of(d->op->pipeline->run->time_us, d->op->plan->emit_interval_us), err);
}

spk_status spk_dues_tell(struct spk_dues *d, spk_error *err)
{
	struct spk_task_output *out = &d->op->pipeline->output;
	int64_t due;

	SPK_TRY(read_least(d, &due, err));
	if (due != INT64_MAX && spk_state_next_bucket(d->view, SPK_DUES_BUCKET + 1) == INT64_MAX)
		return write_all(d, NULL, INT64_MAX, err);
	if (due != INT64_MAX)
		out->held_until_us = out->held_until_us ? SPK_MIN(out->held_until_us, due) : due;
	return SPK_OK;
}
