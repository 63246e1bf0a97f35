/* What is known of a key of a changelog. See key_image.h. */
#include "stream/operator/key_image.h"

#include "core/columnar/plain.h"

/* A flag for every part that is there; behind them: */
enum { PARTS = 4, HAS_TIME = 1 << PARTS, IS_SNAPSHOT = 2 << PARTS };

static struct spk_bytes *part_of(struct spk_key_image *i, int part)
{
	struct spk_bytes *const parts[PARTS] = { &i->row, &i->mask, &i->from, &i->to };

	return parts[part];
}

bool spk_bytes_same(const struct spk_bytes *a, const struct spk_bytes *b)
{
	if (!a->data || !b->data)
		return !a->data && !b->data;
	return a->size == b->size && memcmp(a->data, b->data, a->size) == 0;
}

bool spk_key_image_same(const struct spk_key_image *a, const struct spk_key_image *b)
{
	struct spk_key_image x = *a, y = *b;

	for (int i = 0; i < PARTS; i++)
		if (!spk_bytes_same(part_of(&x, i), part_of(&y, i)))
			return false;
	return a->at.known == b->at.known && (!a->at.known || spk_change_time_compare(&a->at, &b->at) == 0) && a->snapshot == b->snapshot && a->count == b->count;
}

spk_status spk_bytes_copy(const void *data, uint32_t size, struct spk_arena *arena, struct spk_bytes *out, spk_error *err)
{
	char *copy = spk_arena_alloc(arena, (size_t)size + 1);

	SPK_TRY_PTR(copy, err);
	if (size)
		memcpy(copy, data, size);
	*out = (struct spk_bytes){ copy, size };
	return SPK_OK;
}

void spk_key_image_clear(struct spk_key_image *i)
{
	*i = (struct spk_key_image){ 0 };
}

spk_status spk_move_key(const char *key, uint32_t size, const struct spk_change_time *at, struct spk_buffer *out, spk_error *err)
{
	const int64_t time[2] = { at->known ? at->commit : 0, at->known ? at->own : 0 };
	const char mark = (char)SPK_MOVE;

	SPK_TRY(spk_buffer_append(out, &mark, sizeof mark, err));
	SPK_TRY(spk_buffer_append(out, time, sizeof time, err));
	return spk_buffer_append(out, key, size, err);
}

/* --- values of the state table --- */

spk_status spk_key_image_write(const struct spk_key_image *image, struct spk_buffer *out, spk_error *err)
{
	struct spk_key_image i = *image;
	uint8_t flags = (uint8_t)((i.at.known ? HAS_TIME : 0) | (i.snapshot ? IS_SNAPSHOT : 0));

	for (int p = 0; p < PARTS; p++)
		flags = (uint8_t)(flags | (part_of(&i, p)->data ? 1 << p : 0));
	SPK_TRY(spk_buffer_append(out, &flags, sizeof flags, err));
	SPK_TRY(spk_buffer_append(out, &i.count, sizeof i.count, err));
	if (i.at.known) {
		SPK_TRY(spk_buffer_append(out, &i.at.commit, sizeof i.at.commit, err));
		SPK_TRY(spk_buffer_append(out, &i.at.own, sizeof i.at.own, err));
	}
	for (int p = 0; p < PARTS; p++) {
		if (!part_of(&i, p)->data)
			continue;
		SPK_TRY(spk_buffer_append(out, &part_of(&i, p)->size, sizeof i.row.size, err));
		SPK_TRY(spk_buffer_append(out, part_of(&i, p)->data, part_of(&i, p)->size, err));
	}
	return SPK_OK;
}

static bool take(const char **from, const char *end, void *out, size_t size)
{
	if ((size_t)(end - *from) < size)
		return false;
	memcpy(out, *from, size);
	*from += size;
	return true;
}

static bool take_bytes(const char **from, const char *end, struct spk_bytes *out)
{
	if (!take(from, end, &out->size, sizeof out->size) || (size_t)(end - *from) < out->size)
		return false;
	out->data = *from;
	*from += out->size;
	return true;
}

spk_status spk_key_image_read(const char *value, uint32_t size, struct spk_key_image *out, spk_error *err)
{
	const char *from = value, *end = value + size;
	uint8_t flags = 0;
	bool fine = take(&from, end, &flags, sizeof flags) && take(&from, end, &out->count, sizeof out->count);

	out->snapshot = flags & IS_SNAPSHOT;
	out->at.known = flags & HAS_TIME;
	if (out->at.known)
		fine = fine && take(&from, end, &out->at.commit, sizeof out->at.commit) && take(&from, end, &out->at.own, sizeof out->at.own);
	for (int p = 0; p < PARTS && fine; p++)
		if (flags >> p & 1)
			fine = take_bytes(&from, end, part_of(out, p));
	if (fine && from == end)
		return SPK_OK;
	return spk_fail(err, SPK_CORRUPT, "the state of a changelog's key does not have the form that it was written in");
}

/* --- rows --- */

spk_status spk_mask_both(const struct spk_bytes *a, const struct spk_bytes *b, struct spk_arena *arena, struct spk_bytes *out, spk_error *err)
{
	const uint32_t size = a->data && b->data ? SPK_MIN(a->size, b->size) : 0;
	char *bits = spk_arena_alloc(arena, (size_t)size + 1), any = 0;

	SPK_TRY_PTR(bits, err);
	for (uint32_t i = 0; i < size; i++) {
		bits[i] = (char)(a->data[i] & b->data[i]);
		any = (char)(any | bits[i]);
	}
	*out = any ? (struct spk_bytes){ bits, size } : (struct spk_bytes){ 0 };
	return SPK_OK;
}

spk_status spk_row_fill(const struct spk_schema *schema, const struct spk_bytes *row, const struct spk_bytes *mask, const struct spk_bytes *other, struct spk_arena *arena, struct spk_bytes *out, spk_error *err)
{
	const char *at[2] = { row->data, other->data };
	char *to = spk_arena_alloc(arena, (size_t)row->size + other->size + 1);

	SPK_TRY_PTR(to, err);
	*out = (struct spk_bytes){ to, 0 };
	for (int c = 0; c < schema->count; c++) {
		const char *start[2] = { at[0], at[1] };
		const int from = spk_mask_has(mask, c);
		size_t size;

		SPK_TRY(spk_plain_skip(&at[0], row->data + row->size, schema->field[c].type, err));
		SPK_TRY(spk_plain_skip(&at[1], other->data + other->size, schema->field[c].type, err));
		size = (size_t)(at[from] - start[from]);
		memcpy(to + out->size, start[from], size);
		out->size += (uint32_t)size;
	}
	return SPK_OK;
}
