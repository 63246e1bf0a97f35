/* An epoch's changed rows, folded. See delta_rows.h. */
#include "stream/operator/delta_rows.h"

#include "core/base/memory.h"
#include "core/columnar/hash.h"

void spk_delta_rows_init(struct spk_delta_rows *d, bool appends, struct spk_memory_account *account)
{
	d->appends = appends;
	d->account = d->map.account = d->bytes.account = d->writer.account = account;
}

/* Bytes for each row in the block of lists. */
static size_t each_row(const struct spk_delta_rows *d)
{
	return sizeof *d->weight + sizeof *d->key + sizeof *d->next + (d->appends ? sizeof *d->row : 0);
}

void spk_delta_rows_clear(struct spk_delta_rows *d)
{
	spk_keymap_clear(&d->map);
	spk_arena_unref(d->arena);
	d->arena = NULL;
	d->count = 0;
}

void spk_delta_rows_release(struct spk_delta_rows *d)
{
	spk_free(d->account, d->weight, d->capacity * each_row(d));
	spk_arena_unref(d->arena);
	spk_keymap_release(&d->map);
	spk_plain_writer_release(&d->writer);
	spk_buffer_release(&d->bytes);
	*d = (struct spk_delta_rows){ 0 };
}

spk_status spk_delta_rows_begin(struct spk_delta_rows *d, const struct spk_batch *in, int columns, spk_error *err)
{
	if (d->appends && !d->arena)
		SPK_TRY_PTR(d->arena = spk_arena_new(d->account), err);
	return spk_plain_writer_begin(&d->writer, in->column, columns, err);
}

static spk_status make_room(struct spk_delta_rows *d, spk_error *err)
{
	const size_t before = d->capacity, after = SPK_MAX(2 * before, (size_t)1024);
	struct spk_delta_bytes *row = NULL;
	int64_t *weight;
	uint32_t *key;

	if (d->count < d->capacity)
		return SPK_OK;
	if (after >= UINT32_MAX)
		return spk_fail(err, SPK_MEMORY_LIMIT, "more than %zu changed rows in an epoch", before);
	weight = spk_malloc(d->account, after * each_row(d));
	SPK_TRY_PTR(weight, err);
	if (d->appends)
		row = (struct spk_delta_bytes *)(void *)(weight + after);
	key = row ? (uint32_t *)(void *)(row + after) : (uint32_t *)(void *)(weight + after);
	if (before) {
		memcpy(weight, d->weight, before * sizeof *weight);
		memcpy(key, d->key, before * sizeof *key);
		memcpy(key + after, d->next, before * sizeof *d->next);
		if (row)
			memcpy(row, d->row, before * sizeof *row);
	}
	spk_free(d->account, d->weight, before * each_row(d));
	d->weight = weight;
	d->row = row;
	d->key = key;
	d->next = key + after;
	d->capacity = (uint32_t)after;
	return SPK_OK;
}

static void write_row(const struct spk_delta_rows *d, int32_t row, const struct spk_delta_frame *frame, size_t size, char *out)
{
	if (frame->ordered) {
		memcpy(out, &frame->order_size, sizeof frame->order_size);
		out += sizeof frame->order_size;
		if (frame->order_size)
			memcpy(out, frame->order, frame->order_size);
		out += frame->order_size;
	}
	spk_plain_writer_write(&d->writer, row, out);
	if (frame->tail_size)
		memcpy(out + size, frame->tail, frame->tail_size);
}

/* As it comes. */
static spk_status append(struct spk_delta_rows *d, int32_t row, const struct spk_delta_frame *frame, size_t size, size_t whole, spk_error *err)
{
	char *at = spk_arena_alloc(d->arena, whole);

	SPK_TRY_PTR(at, err);
	write_row(d, row, frame, size, at);
	d->row[d->count] = (struct spk_delta_bytes){ at, (uint32_t)whole };
	d->weight[d->count++] = 0;
	return SPK_OK;
}

/* Finds the row that is the same, or adds it. */
static spk_status fold(struct spk_delta_rows *d, int32_t row, const struct spk_delta_frame *frame, size_t size, size_t whole, uint32_t *number, spk_error *err)
{
	spk_buffer_clear(&d->bytes);
	SPK_TRY(spk_buffer_reserve(&d->bytes, whole + 1, err));
	write_row(d, row, frame, size, d->bytes.data);
	SPK_TRY(spk_keymap_put_one(&d->map, d->bytes.data, (uint32_t)whole, spk_hash_bytes(d->bytes.data, whole), number, err));
	if (*number == d->count)
		d->weight[d->count++] = 0;
	return SPK_OK;
}

spk_status spk_delta_rows_add(struct spk_delta_rows *d, int32_t row, const struct spk_delta_frame *frame, uint32_t key, int64_t weight, spk_error *err)
{
	static const struct spk_delta_frame bare;
	uint32_t number = d->count;
	size_t size, whole;

	frame = frame ? frame : &bare;
	SPK_ASSERT(!d->appends || weight > 0, "rows that are only added are there");
	SPK_TRY(make_room(d, err));
	SPK_TRY(spk_plain_writer_measure(&d->writer, row, &size, err));
	whole = size + frame->tail_size + (frame->ordered ? sizeof frame->order_size + frame->order_size : 0);
	if (whole > UINT32_MAX)
		return spk_fail(err, SPK_MEMORY_LIMIT, "a row of more than 4 GiB");
	SPK_TRY(d->appends ? append(d, row, frame, size, whole, err) : fold(d, row, frame, size, whole, &number, err));
	d->key[number] = key;
	d->weight[number] += weight;
	return SPK_OK;
}

spk_status spk_delta_row_own(const struct spk_delta_rows *d, uint32_t row, struct spk_arena *arena, struct spk_kept_row *out, spk_error *err)
{
	out->bytes = spk_delta_row(d, row, &out->size);
	if (d->appends)
		return spk_arena_hold(arena, d->arena, err);
	SPK_TRY_PTR(out->bytes = spk_arena_copy(arena, out->bytes, out->size), err);
	return SPK_OK;
}

spk_status spk_delta_row_ordered(const struct spk_delta_rows *d, uint32_t row, struct spk_arena *arena, struct spk_ordered_entry *out, spk_error *err)
{
	struct spk_kept_row own;

	SPK_TRY(spk_delta_row_own(d, row, arena, &own, err));
	memcpy(&out->order, own.bytes, sizeof out->order);
	out->bytes = own.bytes + sizeof out->order;
	out->size = own.size - (uint32_t)sizeof out->order;
	return SPK_OK;
}

spk_status spk_delta_rows_chain(struct spk_delta_rows *d, uint32_t keys, struct spk_arena *arena, spk_error *err)
{
	d->first = SPK_NEW_ARRAY(arena, uint32_t, (size_t)keys + 1);
	SPK_TRY_PTR(d->first, err);
	for (uint32_t i = d->count; i-- > 0;) {
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
