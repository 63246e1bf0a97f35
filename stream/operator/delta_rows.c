/* An epoch's changed rows, folded. See delta_rows.h. */
#include "stream/operator/delta_rows.h"

#include "core/base/memory.h"
#include "core/columnar/hash.h"
#include "core/columnar/plain.h"

void spk_delta_rows_init(struct spk_delta_rows *d, struct spk_memory_account *account)
{
	d->account = d->map.account = d->bytes.account = account;
}

void spk_delta_rows_clear(struct spk_delta_rows *d)
{
	spk_keymap_clear(&d->map);
}

void spk_delta_rows_release(struct spk_delta_rows *d)
{
	spk_free(d->account, d->weight, d->capacity * (sizeof *d->weight + sizeof *d->key + sizeof *d->next));
	spk_keymap_release(&d->map);
	spk_buffer_release(&d->bytes);
	*d = (struct spk_delta_rows){ 0 };
}

spk_status spk_delta_rows_encode(struct spk_delta_rows *d, const struct spk_batch *in, int columns, int32_t row, spk_error *err)
{
	spk_buffer_clear(&d->bytes);
	for (int c = 0; c < columns; c++)
		SPK_TRY(spk_plain_write(&in->column[c], row, &d->bytes, err));
	return SPK_OK;
}

spk_status spk_delta_rows_encode_ordered(struct spk_delta_rows *d, const char *order, uint32_t size, const struct spk_batch *in, int32_t row, spk_error *err)
{
	spk_buffer_clear(&d->bytes);
	SPK_TRY(spk_buffer_append(&d->bytes, &size, sizeof size, err));
	SPK_TRY(spk_buffer_append(&d->bytes, order, size, err));
	for (int c = 0; c < in->columns; c++)
		SPK_TRY(spk_plain_write(&in->column[c], row, &d->bytes, err));
	return SPK_OK;
}

spk_status spk_delta_row_ordered(const struct spk_delta_rows *d, uint32_t row, struct spk_arena *arena, struct spk_ordered_entry *out, spk_error *err)
{
	const char *bytes = spk_delta_row(d, row, &out->size);

	memcpy(&out->order, bytes, sizeof out->order);
	out->size -= (uint32_t)sizeof out->order;
	out->bytes = spk_arena_copy(arena, bytes + sizeof out->order, out->size);
	return out->bytes ? SPK_OK : spk_fail_memory(err);
}

static spk_status make_room(struct spk_delta_rows *d, spk_error *err)
{
	const size_t each = sizeof *d->weight + sizeof *d->key + sizeof *d->next, before = d->capacity, after = SPK_MAX(2 * before, (size_t)1024);
	int64_t *weight;
	uint32_t *key;

	if (d->map.count < d->capacity)
		return SPK_OK;
	weight = spk_malloc(d->account, after * each);
	SPK_TRY_PTR(weight, err);
	key = (uint32_t *)(void *)(weight + after);
	if (before) {
		memcpy(weight, d->weight, before * sizeof *weight);
		memcpy(key, d->key, before * sizeof *key);
	}
	spk_free(d->account, d->weight, before * each);
	d->weight = weight;
	d->key = key;
	d->next = key + after;
	d->capacity = (uint32_t)after;
	return SPK_OK;
}

spk_status spk_delta_rows_add(struct spk_delta_rows *d, uint32_t key, int64_t weight, spk_error *err)
{
	const char *bytes = d->bytes.data ? d->bytes.data : "";
	uint32_t before = d->map.count, number;

	SPK_TRY(make_room(d, err));
	SPK_TRY(spk_keymap_put_one(&d->map, bytes, (uint32_t)d->bytes.size, spk_hash_bytes(bytes, d->bytes.size), &number, err));
	if (number == before) {
		d->weight[number] = 0;
		d->key[number] = key;
	}
	d->weight[number] += weight;
	return SPK_OK;
}

spk_status spk_delta_rows_chain(struct spk_delta_rows *d, uint32_t keys, struct spk_arena *arena, spk_error *err)
{
	d->first = SPK_NEW_ARRAY(arena, uint32_t, (size_t)keys + 1);
	SPK_TRY_PTR(d->first, err);
	for (uint32_t i = d->map.count; i-- > 0;) {
		if (!d->weight[i] || d->key[i] == SPK_DELTA_NO_KEY)
			continue;
		d->next[i] = d->first[d->key[i]];
		d->first[d->key[i]] = i + 1;
	}
	return SPK_OK;
}

struct spk_delta_sum spk_delta_rows_sum(const struct spk_delta_rows *d, uint32_t key)
{
	struct spk_delta_sum sum = { 0 };

	for (uint32_t i = d->first[key]; i; i = d->next[i - 1]) {
		sum.rows++;
		sum.takes = sum.takes || d->weight[i - 1] < 0;
		sum.weight += d->weight[i - 1];
	}
	return sum;
}
