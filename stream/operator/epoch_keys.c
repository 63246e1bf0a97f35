/* An epoch's keys. See epoch_keys.h. */
#include "stream/operator/epoch_keys.h"

#include "core/columnar/hash.h"

spk_status spk_epoch_keys_init(struct spk_epoch_keys *k, const struct spk_op *op, struct spk_arena *arena, spk_error *err)
{
	const struct spk_schema *in = op->plan->input[0]->schema;

	k->column = SPK_NEW_ARRAY(arena, struct spk_key_column, op->plan->key_count + 1);
	SPK_TRY_PTR(k->column, err);
	for (int i = 0; i < op->plan->key_count; i++)
		k->column[i] = (struct spk_key_column){ .column = op->plan->key[i], .type = in->field[op->plan->key[i]].type };
	k->map.account = k->encoded.bytes.account = k->buckets.account = op->pipeline->account;
	return SPK_OK;
}

void spk_epoch_keys_clear(struct spk_epoch_keys *k)
{
	spk_keymap_clear(&k->map);
	spk_buffer_clear(&k->buckets);
}

void spk_epoch_keys_release(struct spk_epoch_keys *k)
{
	spk_keymap_release(&k->map);
	spk_buffer_release(&k->buckets);
	spk_row_keys_release(&k->encoded);
}

/* The bucket of a key that is new: the end of its window. */
static spk_status note_buckets(struct spk_epoch_keys *k, const struct spk_physical *plan, const struct spk_batch *in, const uint32_t *number, spk_error *err)
{
	const struct spk_reader window = spk_vector_reader(&in->column[plan->window_key]);

	SPK_EACH_ROW(in, i, row) {
		int64_t end;

		if (number[i] < k->buckets.size / sizeof end)
			continue;
		end = ((const int64_t *)window.data)[spk_reader_slot(&window, row)] + plan->window_add_us;
		SPK_TRY(spk_buffer_append(&k->buckets, &end, sizeof end, err));
	}
	return SPK_OK;
}

spk_status spk_epoch_keys_put(struct spk_epoch_keys *k, const struct spk_op *op, const struct spk_batch *in, uint32_t *number, spk_error *err)
{
	uint64_t hash[SPK_BATCH_ROWS] = { 0 };

	if (op->plan->key_count)
		spk_hash_columns(in, op->plan->key, op->plan->key_count, hash);
	SPK_TRY(spk_row_keys_encode(&k->encoded, in, k->column, op->plan->key_count, false, err));
	SPK_TRY(spk_keymap_put(&k->map, &k->encoded, hash, number, err));
	return op->plan->window_key >= 0 ? note_buckets(k, op->plan, in, number, err) : SPK_OK;
}

spk_status spk_epoch_keys_fold(struct spk_epoch_keys *k, const struct spk_op *op, const struct spk_batch *in, struct spk_delta_rows *delta, uint32_t *number, spk_error *err)
{
	SPK_TRY(spk_epoch_keys_put(k, op, in, number, err));
	SPK_TRY(spk_delta_rows_begin(delta, in, in->columns, err));
	SPK_EACH_ROW(in, i, row)
		SPK_TRY(spk_delta_rows_add(delta, row, NULL, number[i], spk_batch_weight(in, row), err));
	return SPK_OK;
}

void spk_epoch_keys_least_bucket(struct spk_epoch_keys *k, const struct spk_op *op, const struct spk_batch *in, const uint32_t *number)
{
	const struct spk_reader window = spk_vector_reader(&in->column[op->plan->window_key]);
	int64_t *bucket = (int64_t *)(void *)k->buckets.data;

	SPK_EACH_ROW(in, i, row)
		bucket[number[i]] = SPK_MIN(bucket[number[i]], ((const int64_t *)window.data)[spk_reader_slot(&window, row)] + op->plan->window_add_us);
}
