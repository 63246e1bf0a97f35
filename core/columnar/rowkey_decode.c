/* Row keys: back to values. One key at a time, since keys come back one by one from hash tables and state. */
#include "core/columnar/rowkey.h"

#include "core/columnar/decimal.h"
#include "core/columnar/jsonb.h"
#include "core/columnar/rowkey_format.h"

/* What is left of a key. */
struct source {
	const char *at, *end;
	uint64_t flip;
};

static spk_status corrupt(const struct spk_key_column *column, const char *why, spk_error *err)
{
	char name[64];

	return spk_fail(err, SPK_CORRUPT, "a row key's part of type %s: %s", spk_type_format(column->type, name, sizeof(name)), why);
}

static uint64_t take64(struct source *s)
{
	uint64_t v;

	memcpy(&v, s->at, sizeof v);
	s->at += sizeof v;
	return __builtin_bswap64(v ^ s->flip);
}

static uint32_t take32(struct source *s)
{
	uint32_t v;

	memcpy(&v, s->at, sizeof v);
	s->at += sizeof v;
	return __builtin_bswap32(v ^ (uint32_t)s->flip);
}

static uint16_t take16(struct source *s)
{
	uint16_t v;

	memcpy(&v, s->at, sizeof v);
	s->at += sizeof v;
	return __builtin_bswap16(v ^ (uint16_t)s->flip);
}

static uint8_t take8(struct source *s) { return (uint8_t)(*s->at++ ^ (char)s->flip); }

static unsigned __int128 take128(struct source *s)
{
	unsigned __int128 high = take64(s);

	return high << 64 | take64(s);
}

static bool take_decimal(struct source *s, struct spk_type type, spk_int128 *out)
{
	int head = take8(s), scale;
	spk_int128 normal = (spk_int128)take128(s), mantissa;
	int exponent = normal > 0 ? head - DECIMAL_HEAD_ZERO - DECIMAL_HEAD_BIAS : DECIMAL_HEAD_ZERO - DECIMAL_HEAD_BIAS - head;

	if (!normal)
		exponent = head == DECIMAL_HEAD_ZERO ? 0 : INT16_MAX;
	return spk_decimal_from_normal(normal, exponent, &mantissa, &scale) && spk_decimal_store(type, mantissa, scale, out);
}

/* Days and the time of day, as a difference of timestamps has them; months only for what no int32 of days can hold. */
static bool take_interval(struct source *s, struct spk_interval *out)
{
	const int64_t day = 86400000000;
	spk_int128 span = (spk_int128)(take128(s) ^ (unsigned __int128)SIGN64 << 64), days = span / day;
	struct spk_interval v = { .micros = (int64_t)(span % day) };

	if (days > INT32_MAX || days < INT32_MIN) {
		spk_int128 months = days / 30;

		/* The days go to the months first, what those cannot hold to the microseconds. */
		months = SPK_MAX(SPK_MIN(months, INT32_MAX), INT32_MIN);
		days -= months * 30;
		v.months = (int32_t)months;
	}
	v.days = (int32_t)SPK_MAX(SPK_MIN(days, INT32_MAX), INT32_MIN);
	days = (days - v.days) * day + v.micros;
	v.micros = (int64_t)days;
	*out = v;
	return v.micros == days;
}

/* Finds the end of a text part: its length without escapes, and how many of these there are; -1 when it has no end. */
static int64_t text_length(const struct source *s, int64_t *escapes)
{
	const char zero = (char)s->flip;
	const char *p = s->at;

	*escapes = 0;
	while ((p = memchr(p, zero, (size_t)(s->end - p)))) {
		if (++p == s->end)
			return -1;
		if (*p == zero)
			return p - 1 - s->at - *escapes;
		if ((char)(*p ^ (char)s->flip) != TEXT_ZERO)
			return -1;
		p++;
		++*escapes;
	}
	return -1;
}

static spk_status take_text(struct source *s, const struct spk_key_column *column, struct spk_view *out, struct spk_arena *arena, spk_error *err)
{
	int64_t escapes, length = text_length(s, &escapes);
	char inlined[SPK_VIEW_INLINE], *to = inlined;

	if (length < 0)
		return corrupt(column, "a text without its end", err);
	if (length > SPK_VIEW_INLINE) {
		to = spk_arena_alloc(arena, (size_t)length);
		SPK_TRY_PTR(to, err);
	}
	if (!escapes && !s->flip) {
		memcpy(to, s->at, (size_t)length);
		s->at += length;
	} else {
		for (int64_t i = 0; i < length; i++) {
			to[i] = (char)take8(s);
			s->at += to[i] == 0;
		}
	}
	s->at += TEXT_END_BYTES;
	*out = spk_view(to, (uint32_t)length);
	return SPK_OK;
}

static spk_status take_jsonb(struct source *s, struct spk_view *out, struct spk_arena *arena, spk_error *err)
{
	struct spk_buffer text = { 0 };
	const char *behind = spk_jsonb_key_read(s->at, s->end, (char)s->flip, &text, err);
	const char *copy = behind ? spk_arena_copy(arena, text.data, text.size) : NULL;

	if (copy) {
		*out = spk_view(copy, (uint32_t)text.size);
		s->at = behind;
	}
	spk_buffer_release(&text);
	if (!behind)
		return err ? err->code : SPK_CORRUPT;
	return copy ? SPK_OK : spk_fail_memory(err);
}

/* Bytes of the value after the marker, -1 when they vary. */
static int value_bytes(struct spk_type type)
{
	if (type.id == SPK_TYPE_DECIMAL)
		return DECIMAL_BYTES;
	return spk_type_is_view(type) || spk_type_is_nested(type) ? -1 : spk_type_width(type);
}

static spk_status take_part(struct source *s, const struct spk_key_column *column, char marker, struct spk_vector *out, int row, int rows, struct spk_arena *arena, spk_error *err);

/* Where row `row`'s elements begin: behind those of earlier rows. Rows that were passed over become empty. */
static int array_start(struct spk_vector *out, int row)
{
	int32_t *offset = spk_vector_i32(out);
	int last = row, used;

	while (last > 0 && !offset[last])
		last--;
	used = offset[last];
	while (last < row)
		offset[++last] = used;
	return used;
}

static spk_status take_array(struct source *s, const struct spk_key_column *column, struct spk_vector *out, int row, struct spk_arena *arena, spk_error *err)
{
	struct spk_key_column element = { .type = spk_type_element(column->type) };
	int used = array_start(out, row);
	char marker;

	while (s->at < s->end && (marker = (char)(*s->at ^ (char)s->flip)) != ARRAY_END) {
		s->at++;
		SPK_TRY(spk_vector_grow_child(out->child, used, 1, arena, err));
		SPK_TRY(take_part(s, &element, marker, out->child, used, spk_vector_child_capacity(used + 1), arena, err));
		used++;
	}
	if (s->at == s->end)
		return corrupt(column, "an array without its end", err);
	s->at++;
	spk_vector_i32(out)[row + 1] = used;
	return SPK_OK;
}

static spk_status take_record(struct source *s, const struct spk_key_column *column, struct spk_vector *out, int row, int rows, struct spk_arena *arena, spk_error *err)
{
	for (int c = 0; c < column->type.children->count; c++) {
		struct spk_key_column field = { .type = column->type.children->field[c].type };

		if (s->at == s->end)
			return corrupt(column, "a record cut off", err);
		SPK_TRY(take_part(s, &field, (char)take8(s), &out->child[c], row, rows, arena, err));
	}
	return SPK_OK;
}

static spk_status take_value(struct source *s, const struct spk_key_column *column, struct spk_vector *out, int row, int rows, struct spk_arena *arena, spk_error *err)
{
	switch (column->type.id) {
	case SPK_TYPE_BOOLEAN: spk_vector_bool(out)[row] = take8(s); break;
	case SPK_TYPE_SMALLINT: spk_vector_i16(out)[row] = (int16_t)(take16(s) ^ 0x8000u); break;
	case SPK_TYPE_INTEGER:
	case SPK_TYPE_DATE: spk_vector_i32(out)[row] = (int32_t)(take32(s) ^ 0x80000000u); break;
	case SPK_TYPE_BIGINT:
	case SPK_TYPE_TIME:
	case SPK_TYPE_TIMESTAMP:
	case SPK_TYPE_TIMESTAMPTZ: spk_vector_i64(out)[row] = (int64_t)(take64(s) ^ SIGN64); break;
	case SPK_TYPE_REAL: spk_vector_f32(out)[row] = float_from_order(take32(s)); break;
	case SPK_TYPE_DOUBLE: spk_vector_f64(out)[row] = double_from_order(take64(s)); break;
	case SPK_TYPE_DECIMAL:
		if (!take_decimal(s, column->type, &spk_vector_i128(out)[row]))
			return corrupt(column, "no number", err);
		break;
	case SPK_TYPE_INTERVAL:
		if (!take_interval(s, &spk_vector_interval(out)[row]))
			return corrupt(column, "no interval", err);
		break;
	case SPK_TYPE_UUID: spk_vector_i128(out)[row] = (spk_int128)(take128(s) ^ (unsigned __int128)SIGN64 << 64); break;
	case SPK_TYPE_JSONB: return take_jsonb(s, &spk_vector_view(out)[row], arena, err);
	case SPK_TYPE_ARRAY: return take_array(s, column, out, row, arena, err);
	case SPK_TYPE_ROW: return take_record(s, column, out, row, rows, arena, err);
	default: return take_text(s, column, &spk_vector_view(out)[row], arena, err);
	}
	return SPK_OK;
}

/* The value under a NULL is readable: 0, the empty text, no elements. */
static void clear_value(struct spk_vector *out, int row)
{
	size_t width = (size_t)spk_type_width(out->type);

	if (out->type.id == SPK_TYPE_ARRAY)
		spk_vector_i32(out)[row + 1] = array_start(out, row);
	else if (out->type.id != SPK_TYPE_ROW)
		memset((char *)out->data + (size_t)row * width, 0, width);
	else
		for (int c = 0; c < out->type.children->count; c++)
			clear_value(&out->child[c], row);
}

static spk_status take_null(struct source *s, const struct spk_key_column *column, struct spk_vector *out, int row, int rows, struct spk_arena *arena, spk_error *err)
{
	SPK_TRY(spk_vector_need_valid(out, rows, arena, err));
	spk_bit_clear(out->valid, row);
	clear_value(out, row);
	s->at += SPK_MAX(value_bytes(column->type), 0);
	return SPK_OK;
}

/* A part whose marker has been taken. `column` says NULLs last unless it is a key's own. */
static spk_status take_part(struct source *s, const struct spk_key_column *column, char marker, struct spk_vector *out, int row, int rows, struct spk_arena *arena, spk_error *err)
{
	if (s->end - s->at < value_bytes(column->type))
		return corrupt(column, "cut off", err);
	if (marker == (column->nulls_first ? MARKER_NULL_FIRST : MARKER_NULL_LAST))
		return take_null(s, column, out, row, rows, arena, err);
	if (marker != MARKER_VALUE)
		return corrupt(column, "a marker that is none", err);
	SPK_TRY(take_value(s, column, out, row, rows, arena, err));
	if (out->valid)
		spk_bit_set(out->valid, row);
	return SPK_OK;
}

/* placed: into the vectors that the columns name. */
static spk_status decode(const char *key, size_t size, const struct spk_key_column *column, int columns, bool placed, struct spk_vector *out, int row, int rows, struct spk_arena *arena, spk_error *err)
{
	struct source s = { key, key + size, 0 };

	SPK_ASSERT(row >= 0 && row < rows, "a row past the end");
	for (int c = 0; c < columns; c++) {
		struct spk_vector *v = &out[placed ? column[c].column : c];

		SPK_ASSERT(v->layout == SPK_FLAT && v->type.id == column[c].type.id, "a vector of another kind");
		s.flip = column[c].descending ? ~0ull : 0;
		if (s.at == s.end)
			return corrupt(&column[c], "missing", err);
		s.at++;
		SPK_TRY(take_part(&s, &column[c], s.at[-1], v, row, rows, arena, err));
	}
	if (s.at != s.end)
		return spk_fail(err, SPK_CORRUPT, "a row key with %zu bytes too many", (size_t)(s.end - s.at));
	return SPK_OK;
}

spk_status spk_row_key_decode(const char *key, size_t size, const struct spk_key_column *column, int columns, struct spk_vector *out, int row, int rows, struct spk_arena *arena, spk_error *err)
{
	return decode(key, size, column, columns, false, out, row, rows, arena, err);
}

spk_status spk_row_key_decode_placed(const char *key, size_t size, const struct spk_key_column *column, int columns, struct spk_vector *out, int row, int rows, struct spk_arena *arena, spk_error *err)
{
	return decode(key, size, column, columns, true, out, row, rows, arena, err);
}

/* --- many keys of one size --- */

/* Values of NULLs are 0, whose bytes give some value or other: they are never looked at, but numerics, which might be none. */
#define EACH_VALUE(T, bits, BODY) \
	do { \
		T *to = out->data; \
		\
		for (int i = 0; i < n; i++) { \
			uint##bits##_t v; \
			\
			memcpy(&v, key[i] + at + 1, sizeof v); \
			v ^= (uint##bits##_t)flip; \
			BODY \
		} \
	} while (0)

static bool decode_plain(const char *const *key, int n, int at, uint64_t flip, enum spk_type_id id, struct spk_vector *out)
{
	switch (id) {
	case SPK_TYPE_BOOLEAN: EACH_VALUE(uint8_t, 8, { to[i] = v; }); return true;
	case SPK_TYPE_SMALLINT: EACH_VALUE(int16_t, 16, { to[i] = (int16_t)(__builtin_bswap16(v) ^ 0x8000u); }); return true;
	case SPK_TYPE_INTEGER:
	case SPK_TYPE_DATE: EACH_VALUE(int32_t, 32, { to[i] = (int32_t)(__builtin_bswap32(v) ^ 0x80000000u); }); return true;
	case SPK_TYPE_BIGINT:
	case SPK_TYPE_TIME:
	case SPK_TYPE_TIMESTAMP:
	case SPK_TYPE_TIMESTAMPTZ: EACH_VALUE(int64_t, 64, { to[i] = (int64_t)(__builtin_bswap64(v) ^ SIGN64); }); return true;
	case SPK_TYPE_REAL: EACH_VALUE(float, 32, { to[i] = float_from_order(__builtin_bswap32(v)); }); return true;
	case SPK_TYPE_DOUBLE: EACH_VALUE(double, 64, { to[i] = double_from_order(__builtin_bswap64(v)); }); return true;
	default: return false;
	}
}

static spk_status decode_nulls(const char *const *key, int n, int at, const struct spk_key_column *column, struct spk_vector *out, struct spk_arena *arena, spk_error *err)
{
	const char null = column->nulls_first ? MARKER_NULL_FIRST : MARKER_NULL_LAST;

	for (int i = 0; i < n; i++) {
		if (key[i][at] == MARKER_VALUE)
			continue;
		if (key[i][at] != null)
			return corrupt(column, "a marker that is none", err);
		SPK_TRY(spk_vector_need_valid(out, n, arena, err));
		spk_bit_clear(out->valid, i);
		clear_value(out, i);
	}
	return SPK_OK;
}

static spk_status decode_column(const char *const *key, int n, int at, const struct spk_key_column *column, struct spk_vector *out, struct spk_arena *arena, spk_error *err)
{
	const uint64_t flip = column->descending ? ~0ull : 0;
	const int bytes = value_bytes(column->type);

	if (decode_plain(key, n, at, flip, column->type.id, out))
		return decode_nulls(key, n, at, column, out, arena, err);
	for (int i = 0; i < n; i++) {
		struct source s = { key[i] + at + 1, key[i] + at + 1 + bytes, flip };

		SPK_TRY(take_part(&s, column, key[i][at], out, i, n, arena, err));
	}
	return SPK_OK;
}

spk_status spk_row_keys_decode(const char *const *key, int n, const struct spk_key_column *column, int columns, struct spk_vector *out, struct spk_arena *arena, spk_error *err)
{
	int at = 0;

	for (int c = 0; c < columns; c++) {
		SPK_ASSERT(out[c].layout == SPK_FLAT && out[c].type.id == column[c].type.id && value_bytes(column[c].type) >= 0, "a vector of another kind");
		SPK_TRY(decode_column(key, n, at, &column[c], &out[c], arena, err));
		at += 1 + value_bytes(column[c].type);
	}
	return SPK_OK;
}
