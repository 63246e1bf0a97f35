/*
 * Row keys: encoding, a column at a time.
 *
 * A fixed-width column takes its marker and its width in every row, NULL or not (a NULL's value bytes are 0), so that keys of
 * fixed-width columns all have one size. Then each column is a loop of stores at a fixed stride. With a text column in the
 * key the sizes are added up first and a cursor per row takes the place of the stride.
 */
#include "core/columnar/rowkey.h"

#include "core/base/memory.h"
#include "core/columnar/decimal.h"
#include "core/columnar/jsonb.h"
#include "core/columnar/rowkey_format.h"

void spk_row_keys_release(struct spk_row_keys *keys)
{
	spk_free(keys->bytes.account, keys->offset, ((size_t)keys->capacity + 1) * sizeof(*keys->offset) * (keys->offset != NULL));
	keys->offset = NULL;
	keys->count = keys->capacity = 0;
	spk_buffer_release(&keys->bytes);
}

/* Bytes of a column's part of a key, 0 when they vary. */
static int part_size(struct spk_type type)
{
	if (type.id == SPK_TYPE_DECIMAL)
		return 1 + DECIMAL_BYTES;
	return spk_type_is_view(type) || spk_type_is_nested(type) ? 0 : 1 + spk_type_width(type);
}

int spk_row_key_fixed_size(const struct spk_key_column *column, int columns)
{
	int size = 0;

	for (int c = 0; c < columns; c++) {
		int part = part_size(column[c].type);

		if (!part)
			return 0;
		size += part;
	}
	return size;
}

/* --- what a loop needs --- */

/* Where and how one column's parts are written. */
struct target {
	char *data;
	uint32_t stride;             /* strided: row i's part is at data + i * stride */
	uint32_t *cursor;            /* else: at data + cursor[i], moved on behind it */
	char value_marker, null_marker;
	uint64_t flip;               /* all ones for DESC: value bytes are inverted */
};

/* --- fixed width: a value as an unsigned integer of the same order --- */

static inline uint8_t order_u8(const void *data, uint32_t slot)
{
	return ((const uint8_t *)data)[slot];
}
static inline uint16_t order_i16(const void *data, uint32_t slot)
{
	return (uint16_t)(((const uint16_t *)data)[slot] ^ 0x8000u);
}
static inline uint32_t order_i32(const void *data, uint32_t slot)
{
	return ((const uint32_t *)data)[slot] ^ 0x80000000u;
}
static inline uint64_t order_i64(const void *data, uint32_t slot)
{
	return ((const uint64_t *)data)[slot] ^ SIGN64;
}
static inline uint32_t order_f32(const void *data, uint32_t slot)
{
	return float_to_order(((const float *)data)[slot]);
}
static inline uint64_t order_f64(const void *data, uint32_t slot)
{
	return double_to_order(((const double *)data)[slot]);
}

static inline void put_u8(char *to, uint8_t v) { *to = (char)v; }
static inline void put_u16(char *to, uint16_t v) { v = __builtin_bswap16(v); memcpy(to, &v, 2); }
static inline void put_u32(char *to, uint32_t v) { v = __builtin_bswap32(v); memcpy(to, &v, 4); }
static inline void put_u64(char *to, uint64_t v) { v = __builtin_bswap64(v); memcpy(to, &v, 8); }

#define EACH_PART(width, body) \
	for (int i = 0; i < n; i++) { \
		uint32_t slot = dense ? (uint32_t)i : spk_reader_slot(r, sel ? sel[i] : i); \
		bool valid = dense || spk_reader_valid(r, slot); \
		char *to = t->data + (strided ? (size_t)i * t->stride : t->cursor[i]); \
		\
		if (!strided) \
			t->cursor[i] += 1 + (width); \
		to[0] = valid ? t->value_marker : t->null_marker; \
		body \
	}

/* Four forms of one loop: plain rows or any layout, stride or cursors. */
#define PART_KERNEL(name, width, body) \
	static inline __attribute__((always_inline)) void name##_loop(const struct target *t, const struct spk_reader *r, const int32_t *sel, int n, int scale, bool dense, bool strided) \
	{ \
		(void)scale; \
		EACH_PART(width, body) \
	} \
	static void name(const struct target *t, const struct spk_reader *r, const int32_t *sel, int n, int scale, bool dense) \
	{ \
		if (dense && t->stride) \
			name##_loop(t, r, sel, n, scale, true, true); \
		else if (dense) \
			name##_loop(t, r, sel, n, scale, true, false); \
		else if (t->stride) \
			name##_loop(t, r, sel, n, scale, false, true); \
		else \
			name##_loop(t, r, sel, n, scale, false, false); \
	}

#define FIXED_KERNEL(name, unsigned_name, bits) \
	PART_KERNEL(write_##name, (bits) / 8, { \
		uint##bits##_t v = (uint##bits##_t)(order_##name(r->data, slot) ^ (uint##bits##_t)t->flip); \
		put_##unsigned_name(to + 1, valid ? v : 0); \
	})
FIXED_KERNEL(u8, u8, 8)
FIXED_KERNEL(i16, u16, 16)
FIXED_KERNEL(i32, u32, 32)
FIXED_KERNEL(i64, u64, 64)
FIXED_KERNEL(f32, u32, 32)
FIXED_KERNEL(f64, u64, 64)

static inline void put_u128(char *to, unsigned __int128 v, uint64_t flip)
{
	put_u64(to, (uint64_t)(v >> 64) ^ flip);
	put_u64(to + 8, (uint64_t)v ^ flip);
}

static inline void put_decimal(char *to, spk_int128 mantissa, int scale, uint64_t flip)
{
	int exponent;
	spk_int128 normal = spk_decimal_normal(mantissa, scale, &exponent);

	to[0] = (char)((uint64_t)decimal_head(normal, exponent) ^ flip);
	put_u128(to + 1, (unsigned __int128)normal, flip);
}

PART_KERNEL(write_decimal, DECIMAL_BYTES, {
	if (valid)
		put_decimal(to + 1, ((const spk_int128 *)r->data)[slot], scale, t->flip);
	else
		memset(to + 1, 0, DECIMAL_BYTES);
})
PART_KERNEL(write_numeric, DECIMAL_BYTES, {
	spk_int128 mantissa;
	int own_scale;

	spk_decimal_unpack(spk_type(SPK_TYPE_DECIMAL), ((const spk_int128 *)r->data)[slot], &mantissa, &own_scale);
	if (valid)
		put_decimal(to + 1, mantissa, own_scale, t->flip);
	else
		memset(to + 1, 0, DECIMAL_BYTES);
})
PART_KERNEL(write_uuid, 16, {
	if (valid)
		put_u128(to + 1, ((const unsigned __int128 *)r->data)[slot] ^ (unsigned __int128)SIGN64 << 64, t->flip);
	else
		memset(to + 1, 0, 16);
})
PART_KERNEL(write_interval, 16, {
	unsigned __int128 span = (unsigned __int128)spk_interval_span(((const struct spk_interval *)r->data)[slot]);

	if (valid)
		put_u128(to + 1, span ^ (unsigned __int128)SIGN64 << 64, t->flip);
	else
		memset(to + 1, 0, 16);
})

/* --- text --- */

static inline uint64_t load64(const char *p)
{
	uint64_t w;

	memcpy(&w, p, 8);
	return w;
}

static inline bool zero_in_word(uint64_t w)
{
	return ((w - 0x0101010101010101u) & ~w & 0x8080808080808080u) != 0;
}

/* Whether a text has a zero byte to be escaped: hardly any has. Eight bytes at a time, the last ones perhaps twice. */
static inline bool has_zero(const struct spk_view *v)
{
	const char *p = v->ref.pointer;
	uint32_t at = 0;

	if (v->length <= SPK_VIEW_INLINE) {
		uint64_t first = load64(v->inlined), second = 0;

		/* What lies behind the text is zero too: it is filled with ones. */
		memcpy(&second, v->inlined + 8, 4);
		if (v->length < 8)
			return zero_in_word(first | ~0ull << (8 * v->length));
		return zero_in_word(first) || zero_in_word(second | ~0ull << (8 * (v->length - 8)));
	}
	for (; at + 8 <= v->length; at += 8)
		if (zero_in_word(load64(p + at)))
			return true;
	return zero_in_word(load64(p + v->length - 8));
}

static uint32_t count_zeros(const struct spk_view *v)
{
	const char *s = spk_view_data(v);
	uint32_t zeros = 0;

	for (uint32_t i = 0; i < v->length; i++)
		zeros += !s[i];
	return zeros;
}

/* Adds the sizes of a text column's parts to size[]. */
static void add_text_sizes(const struct spk_reader *r, const int32_t *sel, int n, uint64_t *size)
{
	for (int i = 0; i < n; i++) {
		uint32_t slot = spk_reader_slot(r, sel ? sel[i] : i);
		const struct spk_view *v = (const struct spk_view *)r->data + slot;

		if (spk_reader_valid(r, slot))
			size[i] += 1ull + v->length + (has_zero(v) ? count_zeros(v) : 0) + TEXT_END_BYTES;
		else
			size[i] += 1;
	}
}

static char *escape(char *to, const char *s, uint32_t n)
{
	const char *end = s + n;

	while (s < end) {
		const char *zero = memchr(s, 0, (size_t)(end - s));
		size_t plain = (size_t)((zero ? zero : end) - s);

		memcpy(to, s, plain);
		to += plain;
		s += plain;
		if (zero) {
			*to++ = 0;
			*to++ = TEXT_ZERO;
			s++;
		}
	}
	return to;
}

/* Copies exactly `n` bytes: a short text by two loads and stores that may overlap, which a call of memcpy would dwarf. */
static inline char *copy_text(char *to, const char *s, uint32_t n)
{
	if (n > 16) {
		memcpy(to, s, n);
	} else if (n >= 8) {
		uint64_t head = load64(s), tail = load64(s + n - 8);

		memcpy(to, &head, 8);
		memcpy(to + n - 8, &tail, 8);
	} else if (n >= 4) {
		uint32_t head, tail;

		memcpy(&head, s, 4);
		memcpy(&tail, s + n - 4, 4);
		memcpy(to, &head, 4);
		memcpy(to + n - 4, &tail, 4);
	} else {
		for (uint32_t i = 0; i < n; i++)
			to[i] = s[i];
	}
	return to + n;
}

static void write_text(const struct target *t, const struct spk_reader *r, const int32_t *sel, int n)
{
	for (int i = 0; i < n; i++) {
		uint32_t slot = spk_reader_slot(r, sel ? sel[i] : i);
		const struct spk_view *v = (const struct spk_view *)r->data + slot;
		bool valid = spk_reader_valid(r, slot);
		char *start = t->data + t->cursor[i], *to = start;

		*to++ = valid ? t->value_marker : t->null_marker;
		if (valid) {
			to = has_zero(v) ? escape(to, spk_view_data(v), v->length) : copy_text(to, spk_view_data(v), v->length);
			memset(to, 0, TEXT_END_BYTES);
			to += TEXT_END_BYTES;
			for (char *p = start + 1; t->flip && p < to; p++)
				*p = (char)~*p;
		}
		t->cursor[i] += (uint32_t)(to - start);
	}
}

/* --- jsonb --- */

static void add_jsonb_sizes(const struct spk_reader *r, const int32_t *sel, int n, uint64_t *size)
{
	for (int i = 0; i < n; i++) {
		uint32_t slot = spk_reader_slot(r, sel ? sel[i] : i);

		size[i] += 1 + (spk_reader_valid(r, slot) ? spk_jsonb_key_size((const struct spk_view *)r->data + slot) : 0);
	}
}

static void write_jsonb(const struct target *t, const struct spk_reader *r, const int32_t *sel, int n)
{
	for (int i = 0; i < n; i++) {
		uint32_t slot = spk_reader_slot(r, sel ? sel[i] : i);
		bool valid = spk_reader_valid(r, slot);
		char *start = t->data + t->cursor[i], *to = start;

		*to++ = valid ? t->value_marker : t->null_marker;
		if (valid)
			to = spk_jsonb_key_write(to, (const struct spk_view *)r->data + slot);
		for (char *p = start + 1; t->flip && p < to; p++)
			*p = (char)~*p;
		t->cursor[i] += (uint32_t)(to - start);
	}
}

/* --- arrays and records: part by part --- */

static void write_part(const struct target *t, const struct spk_vector *v, const int32_t *sel, int n);

/* Adds the sizes of a column's parts, whose sizes vary, to size[]. */
static void add_sizes(const struct spk_vector *v, const int32_t *sel, int n, uint64_t *size)
{
	struct spk_reader r = spk_vector_reader(v);
	const struct spk_vector *child;

	if (!spk_type_is_nested(v->type)) {
		(v->type.id == SPK_TYPE_JSONB ? add_jsonb_sizes : add_text_sizes)(&r, sel, n, size);
		return;
	}
	child = spk_vector_children(v);
	for (int i = 0; i < n; i++) {
		int32_t slot = (int32_t)spk_reader_slot(&r, sel ? sel[i] : i), first = 0, end = 1;

		size[i] += 1;
		if (!spk_reader_valid(&r, (uint32_t)slot))
			continue;
		if (v->type.id == SPK_TYPE_ARRAY) {
			first = ((const int32_t *)r.data)[slot];
			end = ((const int32_t *)r.data)[slot + 1];
			size[i] += 1;
		}
		for (int c = 0; c < v->type.children->count; c++) {
			int fixed = part_size(child[c].type);

			size[i] += (uint64_t)fixed * (uint64_t)(end - first);
			for (int32_t e = first; !fixed && e < end; e++)
				add_sizes(&child[c], v->type.id == SPK_TYPE_ARRAY ? &e : &slot, 1, &size[i]);
		}
	}
}

/* One value as a part of its own, not inverted; returns the place behind it. */
static char *write_inner(char *to, const struct spk_vector *v, int32_t row)
{
	uint32_t fixed = (uint32_t)part_size(v->type), cursor = 0;
	const struct target t = { .data = to, .stride = fixed, .cursor = &cursor, .value_marker = MARKER_VALUE, .null_marker = MARKER_NULL_LAST };

	write_part(&t, v, &row, 1);
	return to + (fixed ? fixed : cursor);
}

static void write_nested(const struct target *t, const struct spk_vector *v, const struct spk_reader *r, const int32_t *sel, int n)
{
	const struct spk_vector *child = spk_vector_children(v);
	const int32_t *offset = r->data;

	for (int i = 0; i < n; i++) {
		uint32_t slot = spk_reader_slot(r, sel ? sel[i] : i);
		bool valid = spk_reader_valid(r, slot), array = v->type.id == SPK_TYPE_ARRAY;
		char *start = t->data + t->cursor[i], *to = start;

		*to++ = valid ? t->value_marker : t->null_marker;
		for (int32_t e = valid && array ? offset[slot] : 0; valid && array && e < offset[slot + 1]; e++)
			to = write_inner(to, child, e);
		if (valid && array)
			*to++ = ARRAY_END;
		for (int c = 0; valid && !array && c < v->type.children->count; c++)
			to = write_inner(to, &child[c], (int32_t)slot);
		for (char *p = start + 1; t->flip && p < to; p++)
			*p = (char)~*p;
		t->cursor[i] += (uint32_t)(to - start);
	}
}

/* --- all columns --- */

static void write_part(const struct target *t, const struct spk_vector *v, const int32_t *sel, int n)
{
	struct spk_reader reader = spk_vector_reader(v), *r = &reader;
	bool dense = v->layout == SPK_FLAT && !v->valid && !sel;

	switch (v->type.id) {
	case SPK_TYPE_BOOLEAN: write_u8(t, r, sel, n, 0, dense); break;
	case SPK_TYPE_SMALLINT: write_i16(t, r, sel, n, 0, dense); break;
	case SPK_TYPE_INTEGER:
	case SPK_TYPE_DATE: write_i32(t, r, sel, n, 0, dense); break;
	case SPK_TYPE_BIGINT:
	case SPK_TYPE_TIME:
	case SPK_TYPE_TIMESTAMP:
	case SPK_TYPE_TIMESTAMPTZ: write_i64(t, r, sel, n, 0, dense); break;
	case SPK_TYPE_REAL: write_f32(t, r, sel, n, 0, dense); break;
	case SPK_TYPE_DOUBLE: write_f64(t, r, sel, n, 0, dense); break;
	case SPK_TYPE_DECIMAL:
		if (v->type.scale >= 0)
			write_decimal(t, r, sel, n, v->type.scale, dense);
		else
			write_numeric(t, r, sel, n, 0, dense);
		break;
	case SPK_TYPE_UUID: write_uuid(t, r, sel, n, 0, dense); break;
	case SPK_TYPE_INTERVAL: write_interval(t, r, sel, n, 0, dense); break;
	case SPK_TYPE_ARRAY:
	case SPK_TYPE_ROW: write_nested(t, v, r, sel, n); break;
	case SPK_TYPE_JSONB: write_jsonb(t, r, sel, n); break;
	default: SPK_ASSERT(!t->stride, "a text part at a stride"); write_text(t, r, sel, n);
	}
}

static spk_status grow_offsets(struct spk_row_keys *keys, int count, spk_error *err)
{
	int capacity = SPK_MAX(count, keys->capacity + keys->capacity / 2);
	size_t old = keys->offset ? ((size_t)keys->capacity + 1) * sizeof(*keys->offset) : 0;
	uint32_t *offset;

	if (keys->offset && count <= keys->capacity)
		return SPK_OK;
	offset = spk_realloc(keys->bytes.account, keys->offset, old, ((size_t)capacity + 1) * sizeof(*offset));
	SPK_TRY_PTR(offset, err);
	if (!old)
		offset[0] = 0;
	keys->offset = offset;
	keys->capacity = capacity;
	return SPK_OK;
}

/* Size of every key, and of all of them. */
static uint64_t measure(const struct spk_batch *batch, const struct spk_key_column *column, int columns, uint64_t *size)
{
	int n = batch->selected;
	uint64_t fixed = 0, total = 0;

	for (int c = 0; c < columns; c++)
		fixed += (uint64_t)part_size(column[c].type);
	for (int i = 0; i < n; i++)
		size[i] = fixed;
	for (int c = 0; c < columns; c++)
		if (!part_size(column[c].type))
			add_sizes(&batch->column[column[c].column], batch->sel, n, size);
	for (int i = 0; i < n; i++)
		total += size[i];
	return total;
}

static spk_status make_room(struct spk_row_keys *keys, int n, uint64_t bytes, spk_error *err)
{
	if (keys->bytes.size + bytes > UINT32_MAX || n > INT32_MAX - 1 - keys->count)
		return spk_fail(err, SPK_MEMORY_LIMIT, "more than 4 GiB of row keys in one list");
	SPK_TRY(grow_offsets(keys, keys->count + n, err));
	/* Keys of no columns are empty, but they have an address. */
	return spk_buffer_reserve(&keys->bytes, bytes ? bytes : 1, err);
}

spk_status spk_row_keys_encode(struct spk_row_keys *keys, const struct spk_batch *batch, const struct spk_key_column *column, int columns, bool more, spk_error *err)
{
	int n = batch->selected;
	uint32_t stride = (uint32_t)spk_row_key_fixed_size(column, columns), part = 0;
	uint32_t cursor[SPK_BATCH_ROWS], *offset;
	uint64_t size[SPK_BATCH_ROWS], total;

	SPK_ASSERT(n <= SPK_BATCH_ROWS, "a batch of too many rows");
	for (int c = 0; c < columns; c++) {
		SPK_ASSERT(column[c].column >= 0 && column[c].column < batch->columns, "a key column that is not in the batch");
		SPK_ASSERT(batch->column[column[c].column].type.id == column[c].type.id, "a key column of another type");
	}
	if (!more) {
		keys->count = 0;
		spk_buffer_clear(&keys->bytes);
		if (keys->offset)
			keys->offset[0] = 0;
	}
	total = stride || !columns ? (uint64_t)stride * (uint64_t)n : measure(batch, column, columns, size);
	SPK_TRY(make_room(keys, n, total, err));
	offset = keys->offset + keys->count;
	for (int i = 0; i < n; i++) {
		cursor[i] = offset[i];
		offset[i + 1] = offset[i] + (stride || !columns ? stride : (uint32_t)size[i]);
	}
	for (int c = 0; c < columns; c++) {
		struct target t = {
			.data = stride ? keys->bytes.data + keys->bytes.size + part : keys->bytes.data,
			.stride = stride,
			.cursor = cursor,
			.value_marker = MARKER_VALUE,
			.null_marker = column[c].nulls_first ? MARKER_NULL_FIRST : MARKER_NULL_LAST,
			.flip = column[c].descending ? ~0ull : 0,
		};

		write_part(&t, &batch->column[column[c].column], batch->sel, n);
		part += (uint32_t)part_size(column[c].type);
	}
	keys->bytes.size += total;
	keys->count += n;
	return SPK_OK;
}

spk_status spk_row_keys_copy(struct spk_row_keys *keys, const struct spk_vector *encoded, const int32_t *sel, int n, spk_error *err)
{
	struct spk_reader r = spk_vector_reader(encoded);
	uint64_t bytes = 0;
	uint32_t at = 0;

	for (int i = 0; i < n; i++)
		bytes += ((const struct spk_view *)r.data)[spk_reader_slot(&r, sel ? sel[i] : i)].length;
	keys->count = 0;
	spk_buffer_clear(&keys->bytes);
	SPK_TRY(make_room(keys, n, bytes, err));
	keys->offset[0] = 0;
	for (int i = 0; i < n; i++) {
		const struct spk_view *v = &((const struct spk_view *)r.data)[spk_reader_slot(&r, sel ? sel[i] : i)];

		memcpy(keys->bytes.data + at, spk_view_data(v), v->length);
		keys->offset[i + 1] = at += v->length;
	}
	keys->bytes.size = at;
	keys->count = n;
	return SPK_OK;
}

spk_status spk_row_keys_views(struct spk_row_keys *keys, const struct spk_view *encoded, int n, spk_error *err)
{
	const struct spk_vector v = { .type = spk_type(SPK_TYPE_BYTEA), .layout = SPK_FLAT, .data = (void *)(uintptr_t)encoded };

	return spk_row_keys_copy(keys, &v, NULL, n, err);
}
