/* What is known of a key of a changelog. See key_image.h. */
#include "stream/operator/key_image.h"

#include "core/columnar/plain.h"

/* A flag for every part that is there, then for every time. */
enum { PARTS = 7, TIMES = 4, IS_SNAPSHOT = 1 << (PARTS + TIMES) };

static struct spk_bytes *part_of(struct spk_key_image *i, int part)
{
	struct spk_bytes *const parts[PARTS] = { &i->row, &i->mask, &i->from, &i->gone, &i->gone_to, &i->gone_mask, &i->gone_from };

	return parts[part];
}

static struct spk_change_time *time_of(struct spk_key_image *i, int time)
{
	struct spk_change_time *const times[TIMES] = { &i->at, &i->from_at, &i->gone_at, &i->gone_from_at };

	return times[time];
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
	for (int i = 0; i < TIMES; i++)
		if (!spk_change_same_time(time_of(&x, i), time_of(&y, i)))
			return false;
	return a->snapshot == b->snapshot && a->count == b->count;
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

/* --- parts --- */

void spk_key_image_drop_row(struct spk_key_image *i)
{
	i->row = i->mask = (struct spk_bytes){ 0 };
	i->at = (struct spk_change_time){ 0 };
	i->snapshot = false;
}

void spk_key_image_drop_gone(struct spk_key_image *i)
{
	i->gone = i->gone_to = i->gone_mask = i->gone_from = (struct spk_bytes){ 0 };
	i->gone_at = i->gone_from_at = (struct spk_change_time){ 0 };
}

void spk_key_image_drop_from(struct spk_key_image *i)
{
	i->from = (struct spk_bytes){ 0 };
	i->from_at = (struct spk_change_time){ 0 };
}

void spk_key_image_truncate(struct spk_key_image *i, const struct spk_change_time *t)
{
	if (!spk_change_before(t, &i->at))
		spk_key_image_drop_row(i);
	if (!spk_change_before(t, &i->gone_at))
		spk_key_image_drop_gone(i);
	if (!spk_change_before(t, &i->from_at))
		spk_key_image_drop_from(i);
}

/* --- values of the state table --- */

static spk_status write_time(const struct spk_change_time *t, struct spk_buffer *out, spk_error *err)
{
	if (!t->known)
		return SPK_OK;
	SPK_TRY(spk_buffer_append(out, &t->commit, sizeof t->commit, err));
	return spk_buffer_append(out, &t->own, sizeof t->own, err);
}

spk_status spk_key_image_write(const struct spk_key_image *image, struct spk_buffer *out, spk_error *err)
{
	struct spk_key_image i = *image;
	uint16_t flags = i.snapshot ? IS_SNAPSHOT : 0;

	for (int p = 0; p < PARTS; p++)
		flags = (uint16_t)(flags | (part_of(&i, p)->data ? 1 << p : 0));
	for (int t = 0; t < TIMES; t++)
		flags = (uint16_t)(flags | (time_of(&i, t)->known ? 1 << (PARTS + t) : 0));
	SPK_TRY(spk_buffer_append(out, &flags, sizeof flags, err));
	SPK_TRY(spk_buffer_append(out, &i.count, sizeof i.count, err));
	for (int t = 0; t < TIMES; t++)
		SPK_TRY(write_time(time_of(&i, t), out, err));
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

static bool take_time(const char **from, const char *end, struct spk_change_time *t)
{
	return !t->known || (take(from, end, &t->commit, sizeof t->commit) && take(from, end, &t->own, sizeof t->own));
}

spk_status spk_key_image_read(const char *value, uint32_t size, struct spk_key_image *out, spk_error *err)
{
	const char *from = value, *end = value + size;
	uint16_t flags = 0;
	bool fine = take(&from, end, &flags, sizeof flags) && take(&from, end, &out->count, sizeof out->count);

	out->snapshot = flags & IS_SNAPSHOT;
	for (int t = 0; t < TIMES && fine; t++) {
		time_of(out, t)->known = flags >> (PARTS + t) & 1;
		fine = take_time(&from, end, time_of(out, t));
	}
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
