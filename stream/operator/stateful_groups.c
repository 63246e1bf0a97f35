/* What aggregates with state share: an epoch's groups meet the state table once, in slices of a batch. */
#include "stream/operator/stream_operators.h"

static struct spk_stateful_groups *self(struct spk_op *op) { return spk_container_of(op, struct spk_stateful_groups, base); }

spk_status spk_stateful_open(struct spk_op *op, spk_error *err)
{
	struct spk_stateful_groups *s = self(op);
	int first, end;

	SPK_ASSERT(op->pipeline->store && op->plan->state_table, "a stateful operator has a store");
	s->arena = spk_arena_new(op->pipeline->account);
	SPK_TRY_PTR(s->arena, err);
	SPK_TRY(spk_groups_init(&s->epoch, op->plan, false, op->pipeline->account, s->arena, err));
	s->row_size = SPK_STATE_HEADER + op->plan->state_size;
	s->old_row = spk_arena_alloc(s->arena, (size_t)SPK_BATCH_ROWS * (size_t)s->row_size);
	SPK_TRY_PTR(s->old_row, err);
	s->bytes.account = op->pipeline->account;
	spk_shard_range(op->pipeline->partition, op->pipeline->partitions, &first, &end);
	return spk_state_view_open(&s->view, op->pipeline->store, op->plan->state_table, first, end, err);
}

spk_status spk_stateful_begin(struct spk_op *op, spk_error *err)
{
	(void)err;
	spk_groups_clear(&self(op)->epoch);
	return SPK_OK;
}

spk_status spk_stateful_push(struct spk_op *op, int input, struct spk_batch *in, spk_error *err)
{
	struct spk_stateful_groups *s = self(op);

	(void)input;
	return spk_groups_take_in(&s->epoch, op, in, err);
}

void spk_stateful_close(struct spk_op *op)
{
	struct spk_stateful_groups *s = self(op);

	spk_groups_release(&s->epoch);
	spk_state_view_close(s->view);
	spk_buffer_release(&s->bytes);
	spk_arena_unref(s->arena);
}

spk_status spk_stateful_read_row(const struct spk_stateful_groups *s, char *row, const char *value, uint32_t size, spk_error *err)
{
	memset(row, 0, (size_t)s->row_size);
	SPK_TRY(spk_state_row_split(&s->epoch, &value, &size, spk_state_count(row), spk_state_states(row), err));
	return s->epoch.plain ? SPK_OK : spk_groups_read_states(&s->epoch, spk_state_states(row), value, size, err);
}

void spk_stateful_release_row(const struct spk_stateful_groups *s, char *row)
{
	spk_aggregate_row_release(s->epoch.call, s->epoch.calls, spk_state_states(row));
}

int64_t *spk_slice_count(const struct spk_stateful_groups *s, const struct spk_slice *slice, int i)
{
	return slice->old[i] ? spk_state_count(slice->old[i]) : spk_groups_note(&s->epoch, spk_slice_number(slice, i));
}

char *spk_slice_states(const struct spk_stateful_groups *s, const struct spk_slice *slice, int i)
{
	return slice->old[i] ? spk_state_states(slice->old[i]) : spk_groups_states(&s->epoch, spk_slice_number(slice, i));
}

spk_status spk_stateful_add_standing(struct spk_stateful_groups *s, spk_error *err)
{
	const struct spk_pipeline *p = s->base.pipeline;
	const int sets = s->base.plan->empty_sets;
	uint32_t *number;

	if (s->began || !sets)
		return SPK_OK;
	number = SPK_NEW_ARRAY(s->arena, uint32_t, sets);
	s->standing = SPK_NEW_ARRAY(s->arena, struct spk_view, sets);
	SPK_TRY_PTR(number && s->standing, err);
	SPK_TRY(spk_groups_add_empty_sets(&s->epoch, p->partition, p->partitions, number, err));
	for (int i = 0; i < sets; i++) {
		uint32_t size = 0;
		const char *key = number[i] == UINT32_MAX ? NULL : spk_groups_key(&s->epoch, number[i], &size);
		char *copy = spk_arena_alloc(s->arena, size + 1);

		SPK_TRY_PTR(copy, err);
		if (size)
			memcpy(copy, key, size);
		s->standing[i] = spk_view(copy, size);
	}
	return SPK_OK;
}

bool spk_stateful_stands(const struct spk_stateful_groups *s, uint32_t number)
{
	for (int i = 0; s->standing && i < s->base.plan->empty_sets; i++) {
		uint32_t size;
		const char *bytes = spk_groups_key(&s->epoch, number, &size);
		const struct spk_view key = spk_view(bytes, size);

		if (spk_view_equal(&key, &s->standing[i]))
			return true;
	}
	return false;
}

/* Keys, hashes and buckets of the slice's groups. */
static spk_status list_keys(struct spk_stateful_groups *s, struct spk_slice *slice, spk_error *err)
{
	struct spk_view key[SPK_BATCH_ROWS];

	for (int i = 0; i < slice->n; i++) {
		uint32_t size;
		const char *bytes = spk_groups_key(&s->epoch, spk_slice_number(slice, i), &size);

		key[i] = spk_view(bytes, size);
		slice->hash[i] = s->base.plan->panes ? spk_group_hash_behind_window(bytes, size) : spk_groups_hash(&s->epoch, spk_slice_number(slice, i));
		if (slice->bucketed)
			slice->bucket[i] = s->base.plan->window_key < 0 ? SPK_EXPIRY_DATA : spk_group_window(bytes, size) + s->base.plan->window_add_us;
	}
	return spk_row_keys_views(&slice->keys, key, slice->n, err);
}

spk_status spk_stateful_read(struct spk_stateful_groups *s, uint32_t from, int n, bool bucketed, struct spk_slice *slice, spk_error *err)
{
	struct spk_state_value value[SPK_BATCH_ROWS];

	slice->from = from;
	slice->n = n;
	slice->bucketed = bucketed;
	memset(slice->old, 0, sizeof slice->old);
	SPK_TRY(list_keys(s, slice, err));
	SPK_TRY(spk_state_get(s->view, &slice->keys, slice->hash, bucketed ? slice->bucket : NULL, value, err));
	for (int i = 0; i < n; i++) {
		char *row = s->old_row + (size_t)i * (size_t)s->row_size;

		if (!spk_state_found(&value[i]))
			continue;
		slice->old[i] = row;
		SPK_TRY(spk_stateful_read_row(s, row, value[i].data, value[i].size, err));
	}
	return SPK_OK;
}

spk_status spk_stateful_merge(struct spk_stateful_groups *s, const struct spk_slice *slice, spk_error *err)
{
	char *into[SPK_BATCH_ROWS], *from[SPK_BATCH_ROWS];
	int n = 0;

	/* The old state first, then the epoch's: the order in which the rows came, so that sums of floats repeat. */
	for (int i = 0; i < slice->n; i++) {
		const uint32_t number = spk_slice_number(slice, i);

		if (!slice->old[i])
			continue;
		*spk_state_count(slice->old[i]) += *spk_groups_note(&s->epoch, number);
		into[n] = spk_state_states(slice->old[i]);
		from[n++] = spk_groups_states(&s->epoch, number);
	}
	for (int i = 0; i < s->epoch.calls && n; i++)
		if (!s->epoch.call[i].shared)
			SPK_TRY(s->epoch.call[i].step->merge(&s->epoch.call[i], into, from, n, err));
	return SPK_OK;
}

spk_status spk_stateful_write(struct spk_stateful_groups *s, const struct spk_slice *slice, spk_error *err)
{
	struct spk_state_value value[SPK_BATCH_ROWS];
	uint32_t start[SPK_BATCH_ROWS + 1];

	spk_buffer_clear(&s->bytes);
	for (int i = 0; i < slice->n; i++) {
		const int64_t *count = spk_slice_count(s, slice, i);

		start[i] = (uint32_t)s->bytes.size;
		if (*count == 0 && !spk_stateful_stands(s, spk_slice_number(slice, i)))
			continue;
		SPK_TRY(spk_state_row_write(&s->epoch, *count, spk_slice_states(s, slice, i), &s->bytes, err));
		if (s->bytes.size > UINT32_MAX / 2)
			return spk_fail(err, SPK_MEMORY_LIMIT, "the state of %d groups takes more than 2 GiB", i + 1);
	}
	start[slice->n] = (uint32_t)s->bytes.size;
	for (int i = 0; i < slice->n; i++) {
		uint32_t size = start[i + 1] - start[i];

		value[i] = size ? (struct spk_state_value){ s->bytes.data + start[i], size } : (struct spk_state_value){ NULL, UINT32_MAX };
	}
	return spk_state_put(s->view, &slice->keys, slice->hash, slice->bucketed ? slice->bucket : NULL, value, err);
}

void spk_stateful_slice_release(struct spk_stateful_groups *s, struct spk_slice *slice)
{
	for (int i = 0; i < slice->n; i++)
		if (slice->old[i])
			spk_stateful_release_row(s, slice->old[i]);
	spk_row_keys_release(&slice->keys);
}

static spk_status fold_slice(struct spk_stateful_groups *s, uint32_t from, int n, struct spk_slice *slice, spk_error *err)
{
	SPK_TRY(spk_stateful_read(s, from, n, true, slice, err));
	SPK_TRY(spk_stateful_merge(s, slice, err));
	return spk_stateful_write(s, slice, err);
}

spk_status spk_stateful_fold(struct spk_stateful_groups *s, const uint32_t *number, uint32_t count, spk_error *err)
{
	for (uint32_t from = 0; from < count; from += SPK_BATCH_ROWS) {
		struct spk_slice slice = { .number = number ? number + from : NULL };
		spk_status status = fold_slice(s, from, (int)SPK_MIN(count - from, (uint32_t)SPK_BATCH_ROWS), &slice, err);

		spk_stateful_slice_release(s, &slice);
		SPK_TRY(status);
	}
	return SPK_OK;
}
