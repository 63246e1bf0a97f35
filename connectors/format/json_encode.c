/*
 * Columns into rows of JSON, a batch at a time.
 *
 * The longest the batch can get without escapes is computed first and reserved once; rows are then written with a bare pointer.
 * Every column has its `,"name":` ready. Text is copied 16 bytes at a time while looking for what must be escaped; only a string
 * in which something is found takes the slow way and may ask for more room.
 */
#include "connectors/format/json.h"
#include "connectors/format/put.h"

#include <math.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "core/base/check.h"
#include "core/base/memory.h"
#include "core/columnar/decimal.h"
#include "core/expr/text.h"

enum { SLACK = 128 };  /* pieces and inline strings are copied in whole blocks */

enum kind { PLAIN_BOOLEAN, PLAIN_I16, PLAIN_I32, PLAIN_I64, PLAIN_REAL, PLAIN_DOUBLE, PLAIN_DECIMAL, QUOTED_VIEW, QUOTED_BYTES,
            RAW_JSON, QUOTED_TIMESTAMP, QUOTED_TIMESTAMPTZ, QUOTED_OTHER, NESTED };

static bool is_quoted(enum kind kind) { return kind == QUOTED_VIEW || kind == QUOTED_BYTES || kind == QUOTED_TIMESTAMP || kind == QUOTED_TIMESTAMPTZ || kind == QUOTED_OTHER; }

struct column {
	struct spk_type type;
	enum kind kind;
	char *piece;           /* `,"name":`, and the quote when the kind is quoted; padded to a multiple of 16 */
	uint32_t piece_size;   /* with the quote */
	bool quoted;
};

struct spk_json_writer {
	struct spk_arena *arena;
	const char *timezone;
	bool iso;              /* timestamps with a T */
	bool utc;              /* timestamps with a zone as Flink has them: of UTC, with a Z */
	bool hex_bytes;        /* bytea as \x and digits; else base64 */
	bool no_nulls;         /* members that are null are left out */
	int columns;
	struct column *column;
};

/* One call. */
struct pen {
	const struct spk_json_writer *w;
	struct spk_buffer *out;
	char *p;
	size_t bound;          /* bytes from `start` on that all rows need at the most, as far as is known */
	size_t start;
	struct spk_day_text day;
	spk_error *err;
	spk_status failed;     /* why a function returned NULL */
};

/* --- numbers: JSON has no word for what is not finite, then a string, as PostgreSQL's to_json --- */

static char *put_decimal(char *p, struct spk_type type, spk_int128 stored)
{
	spk_int128 m;
	int scale;

	spk_decimal_unpack(type, stored, &m, &scale);
	if (scale == 0 && m >= INT64_MIN && m <= INT64_MAX)
		return spk_put_i64(p, (int64_t)m);
	if (!spk_decimal_is_special(m))
		return p + spk_decimal_format(m, scale, p);
	*p++ = '"';
	p += spk_decimal_format(m, scale, p);
	*p++ = '"';
	return p;
}

static char *put_float(char *p, struct spk_type type, const void *value, const char *timezone)
{
	double v = type.id == SPK_TYPE_DOUBLE ? *(const double *)value : (double)*(const float *)value;

	if (isfinite(v))
		return p + spk_text_from_value(type, value, timezone, p);
	*p++ = '"';
	p += spk_text_from_value(type, value, timezone, p);
	*p++ = '"';
	return p;
}

/* --- text --- */

/* What stands for a character in a JSON string; length 0: itself. */
static char *put_escaped(char *p, uint8_t c)
{
	static const char hex[] = "0123456789abcdef";
	static const char letter[32] = { ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r' };

	*p++ = '\\';
	if (c >= 32 || letter[c]) {
		*p++ = c >= 32 ? (char)c : letter[c];
		return p;
	}
	memcpy(p, "u00", 3);
	p[3] = hex[c >> 4];
	p[4] = hex[c & 15];
	return p + 5;
}

static bool must_escape(uint8_t c)
{
	return c < 32 || c == '"' || c == '\\';
}

/* Makes `more` bytes of room beside what the rest of the batch needs, of which `counted` belong to that from now on. The pen may
 * lie elsewhere afterwards; NULL: no memory. */
static char *make_room(struct pen *pen, char *p, size_t more, size_t counted)
{
	size_t used = (size_t)(p - pen->out->data);

	pen->out->size = used;
	pen->failed = spk_buffer_reserve(pen->out, pen->start + pen->bound - used + more + SLACK, pen->err);
	pen->bound += counted;
	return pen->failed == SPK_OK ? pen->out->data + used : NULL;
}

/* The string with its escapes: room is made for every byte to become six. */
static char *put_text_slowly(struct pen *pen, char *p, const char *s, uint32_t n)
{
	char *begin;

	begin = p = make_room(pen, p, (size_t)n * 5, 0);
	if (!p)
		return NULL;
	for (uint32_t i = 0; i < n; i++) {
		if (must_escape((uint8_t)s[i]))
			p = put_escaped(p, (uint8_t)s[i]);
		else
			*p++ = s[i];
	}
	pen->bound += (size_t)(p - begin) - n;
	return p;
}

/* Bytes of eight that must be escaped have their high bit set in the result (others may too, behind the first that does). */
static inline uint64_t escapes8(uint64_t v)
{
	const uint64_t ones = ~UINT64_C(0) / 255, high = ones * 128;
	uint64_t quote = v ^ ones * '"', slash = v ^ ones * '\\';

	return ((v - ones * 32) | (quote - ones) | (slash - ones)) & ~v & high;
}

/* A string that lies in its view, as two words; what is behind it is made harmless. */
static inline char *put_inlined(struct pen *pen, char *p, const struct spk_view *v)
{
	const uint64_t blanks = ~UINT64_C(0) / 255 * ' ';
	uint32_t n = v->length, high32;
	uint64_t low, high;

	memcpy(&low, v->inlined, 8);
	memcpy(&high32, v->inlined + 8, 4);
	high = high32 | blanks << 32;
	if (n < 8)
		low |= blanks << 8 * n;
	if (n < 12)
		high |= n <= 8 ? blanks : blanks << 8 * (n - 8);
	if (SPK_UNLIKELY(escapes8(low) | escapes8(high)))
		return put_text_slowly(pen, p, v->inlined, n);
	memcpy(p, &low, 8);
	memcpy(p + 8, &high, 8);
	return p + n;
}

/* 13 to 15 bytes: two words that overlap. */
static inline char *put_short(struct pen *pen, char *p, const char *s, uint32_t n)
{
	uint64_t a, b;

	memcpy(&a, s, 8);
	memcpy(&b, s + n - 8, 8);
	if (SPK_UNLIKELY(escapes8(a) | escapes8(b)))
		return put_text_slowly(pen, p, s, n);
	memcpy(p, &a, 8);
	memcpy(p + n - 8, &b, 8);
	return p + n;
}

#if defined(__SSE2__)
static inline bool clean16(const char *s, char *p)
{
	__m128i v = _mm_loadu_si128((const __m128i *)(const void *)s);
	__m128i low = _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(31)), v);
	__m128i bad = _mm_or_si128(low, _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')), _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'))));

	_mm_storeu_si128((__m128i *)(void *)p, v);
	return _mm_movemask_epi8(bad) == 0;
}
#else
static inline bool clean16(const char *s, char *p)
{
	uint64_t v[2];

	memcpy(v, s, 16);
	memcpy(p, v, 16);
	return !(escapes8(v[0]) | escapes8(v[1]));
}
#endif

static inline char *put_text(struct pen *pen, char *p, const struct spk_view *view)
{
	uint32_t n = view->length, i;
	const char *s = view->ref.pointer;

	if (n <= SPK_VIEW_INLINE)
		return put_inlined(pen, p, view);
	if (n < 16)
		return put_short(pen, p, s, n);
	for (i = 0; i + 16 <= n; i += 16)
		if (SPK_UNLIKELY(!clean16(s + i, p + i)))
			return put_text_slowly(pen, p, s, n);
	if (i < n && SPK_UNLIKELY(!clean16(s + n - 16, p + n - 16)))
		return put_text_slowly(pen, p, s, n);
	return p + n;
}

/* --- a value --- */

/* The backslash is escaped. */
static char *put_hex(char *p, const struct spk_view *v)
{
	static const char digits[] = "0123456789abcdef";
	const char *s = spk_view_data(v);

	memcpy(p, "\\\\x", 3);
	p += 3;
	for (uint32_t i = 0; i < v->length; i++) {
		*p++ = digits[(uint8_t)s[i] >> 4];
		*p++ = digits[(uint8_t)s[i] & 15];
	}
	return p;
}

/* The type json may have line ends between its parts, a row is one line. In strings they are escaped in any case. */
static char *put_json(char *p, const struct spk_view *v)
{
	char *end = p + v->length;

	memcpy(p, spk_view_data(v), v->length);
	for (char *at = p; (at = memchr(at, '\n', (size_t)(end - at))) != NULL;)
		*at = ' ';
	for (char *at = p; (at = memchr(at, '\r', (size_t)(end - at))) != NULL;)
		*at = ' ';
	return end;
}

static char *put_view(struct pen *pen, char *p, enum kind kind, const struct spk_view *v)
{
	if (kind == QUOTED_VIEW) {
		p = put_text(pen, p, v);
	} else if (kind == QUOTED_BYTES && pen->w->hex_bytes) {
		p = put_hex(p, v);
	} else if (kind == QUOTED_BYTES) {
		spk_base64_encode(spk_view_data(v), v->length, p);
		p += spk_base64_size(v->length);
	} else if (v->length) {
		p = put_json(p, v);
	}
	return p;
}

static char *put_timestamptz(struct pen *pen, char *p, const struct column *c, int64_t us)
{
	if (!pen->w->utc || us < SPK_FIRST_DAY * SPK_DAY_US || us >= (SPK_LAST_DAY + 1) * SPK_DAY_US)
		return p + spk_text_from_value(c->type, &us, pen->w->timezone, p);
	p = spk_put_timestamp(&pen->day, p, us, pen->w->iso ? 'T' : ' ');
	*p++ = 'Z';
	return p;
}

/* Without the quotes around it. NULL: no memory. */
static inline char *put_value(struct pen *pen, char *p, const struct column *c, const void *data, uint32_t slot)
{
	switch (c->kind) {
	case PLAIN_BOOLEAN:
		memcpy(p, ((const uint8_t *)data)[slot] ? "true " : "false", 5);
		return p + 5 - ((const uint8_t *)data)[slot];
	case PLAIN_I16:
		return spk_put_i64(p, ((const int16_t *)data)[slot]);
	case PLAIN_I32:
		return spk_put_i64(p, ((const int32_t *)data)[slot]);
	case PLAIN_I64:
		return spk_put_i64(p, ((const int64_t *)data)[slot]);
	case PLAIN_REAL:
		return put_float(p, c->type, (const float *)data + slot, NULL);
	case PLAIN_DOUBLE:
		return put_float(p, c->type, (const double *)data + slot, NULL);
	case PLAIN_DECIMAL:
		return put_decimal(p, c->type, ((const spk_int128 *)data)[slot]);
	case QUOTED_TIMESTAMP:
		return spk_put_timestamp(&pen->day, p, ((const int64_t *)data)[slot], pen->w->iso ? 'T' : ' ');
	case QUOTED_TIMESTAMPTZ:
		return put_timestamptz(pen, p, c, ((const int64_t *)data)[slot]);
	case QUOTED_VIEW: case QUOTED_BYTES: case RAW_JSON:
		return put_view(pen, p, c->kind, (const struct spk_view *)data + slot);
	default:
		return p + spk_text_from_value(c->type, (const char *)data + (size_t)slot * (size_t)spk_type_width(c->type), pen->w->timezone, p);
	}
}

/* --- nested values: rare, so by the general way --- */

static enum kind kind_of(struct spk_type type);

static char *put_nested(struct pen *pen, char *p, const struct spk_vector *v, int row);

static char *put_as(struct pen *pen, char *p, const struct spk_vector *v, int row, enum kind kind)
{
	struct spk_reader r = spk_vector_reader(v);
	uint32_t slot = spk_reader_slot(&r, row);
	struct column c = { .type = v->type, .kind = kind };
	bool quoted = is_quoted(c.kind);
	size_t more = SPK_TEXT_MAX + SLACK;

	if (!spk_reader_valid(&r, slot)) {
		memcpy(p, "null", 4);
		return p + 4;
	}
	if (c.kind == NESTED)
		return put_nested(pen, p, v, row);
	if (spk_type_is_view(v->type))
		more += (size_t)((const struct spk_view *)r.data)[slot].length * 2;
	p = make_room(pen, p, more, more);
	if (!p)
		return NULL;
	if (quoted)
		*p++ = '"';
	p = put_value(pen, p, &c, r.data, slot);
	if (p && quoted)
		*p++ = '"';
	return p;
}

static char *put_element(struct pen *pen, char *p, const struct spk_vector *v, int row) { return put_as(pen, p, v, row, kind_of(v->type)); }

static char *put_array(struct pen *pen, char *p, const struct spk_vector *v, uint32_t slot)
{
	const int32_t *offset = v->layout == SPK_DICTIONARY ? spk_vector_i32(v->dictionary) : spk_vector_i32(v);
	const struct spk_vector *child = v->layout == SPK_DICTIONARY ? v->dictionary->child : v->child;

	*p++ = '[';
	for (int32_t i = offset[slot]; i < offset[slot + 1] && p; i++) {
		if (i > offset[slot])
			*p++ = ',';
		p = put_element(pen, p, child, i);
		p = p ? make_room(pen, p, 8, 8) : NULL;
	}
	if (p)
		*p++ = ']';
	return p;
}

/* Keys are strings, whatever they are: what JSON has words for is their text in quotes. */
static char *put_key(struct pen *pen, char *p, const struct spk_vector *keys, int row)
{
	const enum kind kind = kind_of(keys->type);

	return put_as(pen, p, keys, row, is_quoted(kind) ? kind : QUOTED_OTHER);
}

static char *put_map(struct pen *pen, char *p, const struct spk_vector *v, uint32_t slot)
{
	const int32_t *offset = v->layout == SPK_DICTIONARY ? spk_vector_i32(v->dictionary) : spk_vector_i32(v);
	const struct spk_vector *entry = v->layout == SPK_DICTIONARY ? v->dictionary->child : v->child, *part = spk_vector_children(entry);
	const struct spk_reader r = spk_vector_reader(entry);

	*p++ = '{';
	for (int32_t i = offset[slot]; i < offset[slot + 1] && p; i++) {
		const int at = (int)spk_reader_slot(&r, i);

		if (i > offset[slot])
			*p++ = ',';
		p = put_key(pen, p, &part[0], at);
		p = p ? make_room(pen, p, 8, 8) : NULL;
		if (!p)
			return NULL;
		*p++ = ':';
		p = put_element(pen, p, &part[1], at);
		p = p ? make_room(pen, p, 8, 8) : NULL;
	}
	if (p)
		*p++ = '}';
	return p;
}

static char *put_row(struct pen *pen, char *p, const struct spk_vector *v, uint32_t slot)
{
	const struct spk_vector *child = v->layout == SPK_DICTIONARY ? v->dictionary->child : v->child;
	const struct spk_schema *fields = v->type.children;
	bool first = true;

	*p++ = '{';
	for (int i = 0; i < fields->count && p; i++) {
		const char *name = fields->field[i].name;
		struct spk_view view = spk_view_str(name);

		if (pen->w->no_nulls && spk_vector_is_null(&child[i], (int)slot))
			continue;
		p = make_room(pen, p, view.length + 16, view.length + 16);
		if (!p)
			return NULL;
		if (!first)
			*p++ = ',';
		first = false;
		*p++ = '"';
		p = put_text(pen, p, &view);
		if (!p)
			return NULL;
		memcpy(p, "\":", 2);
		p = put_element(pen, p + 2, &child[i], (int)slot);
	}
	if (p)
		*p++ = '}';
	return p;
}

static char *put_nested(struct pen *pen, char *p, const struct spk_vector *v, int row)
{
	struct spk_reader r = spk_vector_reader(v);
	uint32_t slot = spk_reader_slot(&r, row);

	p = make_room(pen, p, 32, 32);
	if (!p)
		return NULL;
	if (spk_type_is_map(v->type))
		return put_map(pen, p, v, slot);
	return v->type.id == SPK_TYPE_ARRAY ? put_array(pen, p, v, slot) : put_row(pen, p, v, slot);
}

/* --- rows --- */

static inline char *put_piece(char *p, const struct column *c)
{
	memcpy(p, c->piece, 16);
	for (uint32_t i = 16; SPK_UNLIKELY(i < c->piece_size); i += 16)
		memcpy(p + i, c->piece + i, 16);
	return p + c->piece_size;
}

/* The whole object. A string with escapes may move the buffer, so what has to be found again is kept as an offset. */
static char *put_object(struct pen *pen, char *p, const struct spk_batch *batch, const struct spk_reader *reader, int row)
{
	const struct spk_json_writer *w = pen->w;
	size_t begin = (size_t)(p - pen->out->data);

	for (int i = 0; i < w->columns; i++) {
		const struct column *c = &w->column[i];
		const struct spk_reader *r = &reader[i];
		uint32_t slot = spk_reader_slot(r, row);

		if (SPK_UNLIKELY(!spk_reader_valid(r, slot)) && w->no_nulls)
			continue;
		p = put_piece(p, c);
		if (SPK_UNLIKELY(!spk_reader_valid(r, slot))) {
			p -= c->quoted;
			memcpy(p, "null", 4);
			p += 4;
			continue;
		}
		p = c->kind == NESTED ? put_nested(pen, p, &batch->column[i], row) : put_value(pen, p, c, r->data, slot);
		if (SPK_UNLIKELY(!p))
			return NULL;
		*p = '"';
		p += c->quoted;
	}
	p += (size_t)(p - pen->out->data) == begin;  /* nothing has been written */
	pen->out->data[begin] = '{';  /* over the first comma */
	*p++ = '}';
	return p;
}

/* --- room --- */

static size_t fixed_bound(const struct column *c)
{
	switch (c->kind) {
	case PLAIN_BOOLEAN: return 5;
	case PLAIN_I16: case PLAIN_I32: case PLAIN_I64: return 20;
	case PLAIN_DECIMAL: return 48;
	default: return SPK_TEXT_MAX;
	}
}

static size_t view_bytes(const struct column *c, const struct spk_batch *batch, const struct spk_reader *r)
{
	const struct spk_view *view = r->data;
	size_t sum = 0;

	SPK_EACH_ROW(batch, i, row)
		sum += view[spk_reader_slot(r, row)].length;
	return c->kind == QUOTED_BYTES ? sum * 2 + 4 * (size_t)batch->selected : sum;
}

static size_t batch_bound(const struct spk_json_writer *w, const struct spk_batch *batch, const struct spk_reader *reader, const struct spk_json_frame *frame)
{
	size_t row = 2, around = 0, total = 0;

	for (int i = 0; i < SPK_JSON_FRAMES && frame; i++)
		around = SPK_MAX(around, frame->head[i].length + frame->tail[i].length);
	row += around;
	for (int i = 0; i < w->columns; i++) {
		const struct column *c = &w->column[i];

		row += c->piece_size + 5;
		if (spk_type_is_view(c->type))
			total += view_bytes(c, batch, &reader[i]);
		else if (c->kind != NESTED)
			row += fixed_bound(c);
	}
	return total + row * (size_t)batch->selected;
}

static inline char *put_frame(char *p, const struct spk_view *part)
{
	if (part->length)
		memcpy(p, spk_view_data(part), part->length);
	return p + part->length;
}

static spk_status write_rows(struct pen *pen, const struct spk_batch *batch, const struct spk_reader *reader, const struct spk_json_frame *frame, uint32_t *end, spk_error *err)
{
	struct spk_buffer *out = pen->out;
	char *p;

	pen->bound = batch_bound(pen->w, batch, reader, frame);
	SPK_TRY(spk_buffer_reserve(out, pen->bound + SLACK, err));
	p = out->data + out->size;
	SPK_EACH_ROW(batch, i, row) {
		int which = frame && frame->which ? frame->which[i] : frame && spk_batch_weight(batch, row) < 0;

		if (frame)
			p = put_frame(p, &frame->head[which]);
		p = put_object(pen, p, batch, reader, row);
		if (!p)
			return pen->failed;
		if (frame)
			p = put_frame(p, &frame->tail[which]);
		end[i] = (uint32_t)(p - out->data);
	}
	if (p - out->data > (int64_t)UINT32_MAX)
		return spk_fail(err, SPK_DATA, "the rows of one block take more than 4 GiB as JSON");
	out->size = (size_t)(p - out->data);
	return SPK_OK;
}

spk_status spk_json_write(struct spk_json_writer *w, const struct spk_batch *batch, const struct spk_json_frame *frame, struct spk_buffer *out, uint32_t *end, spk_error *err)
{
	struct pen pen = { .w = w, .out = out, .start = out->size, .day.day = INT64_MIN, .err = err };
	size_t size = sizeof(struct spk_reader) * (size_t)SPK_MAX(w->columns, 1);
	struct spk_reader small[32], *reader = w->columns <= (int)SPK_COUNT_OF(small) ? small : spk_malloc(NULL, size);
	spk_status status;

	SPK_TRY_PTR(reader, err);
	for (int i = 0; i < w->columns; i++)
		reader[i] = spk_vector_reader(&batch->column[i]);
	status = write_rows(&pen, batch, reader, frame, end, err);
	if (status != SPK_OK)
		out->size = pen.start;
	if (reader != small)
		spk_free(NULL, reader, size);
	return status;
}

/* --- making --- */

static enum kind kind_of(struct spk_type type)
{
	switch (type.id) {
	case SPK_TYPE_BOOLEAN: return PLAIN_BOOLEAN;
	case SPK_TYPE_SMALLINT: return PLAIN_I16;
	case SPK_TYPE_INTEGER: return PLAIN_I32;
	case SPK_TYPE_BIGINT: return PLAIN_I64;
	case SPK_TYPE_REAL: return PLAIN_REAL;
	case SPK_TYPE_DOUBLE: return PLAIN_DOUBLE;
	case SPK_TYPE_DECIMAL: return PLAIN_DECIMAL;
	case SPK_TYPE_BYTEA: return QUOTED_BYTES;
	case SPK_TYPE_JSON: case SPK_TYPE_JSONB: return RAW_JSON;
	case SPK_TYPE_TIMESTAMP: return QUOTED_TIMESTAMP;
	case SPK_TYPE_TIMESTAMPTZ: return QUOTED_TIMESTAMPTZ;
	case SPK_TYPE_ARRAY: case SPK_TYPE_ROW: return NESTED;
	case SPK_TYPE_TEXT: case SPK_TYPE_UNKNOWN: return QUOTED_VIEW;
	default: return QUOTED_OTHER;
	}
}

static spk_status column_init(struct spk_json_writer *w, struct column *c, const struct spk_field *field, spk_error *err)
{
	size_t n = strlen(field->name);
	char *p;

	c->type = field->type;
	c->kind = kind_of(field->type);
	c->quoted = is_quoted(c->kind);
	c->piece = p = spk_arena_zalloc(w->arena, n * 6 + 24);
	SPK_TRY_PTR(p, err);
	*p++ = ',';
	*p++ = '"';
	for (size_t i = 0; i < n; i++) {
		if (must_escape((uint8_t)field->name[i]))
			p = put_escaped(p, (uint8_t)field->name[i]);
		else
			*p++ = field->name[i];
	}
	*p++ = '"';
	*p++ = ':';
	if (c->quoted)
		*p++ = '"';
	c->piece_size = (uint32_t)(p - c->piece);
	return SPK_OK;
}

/* The option, under the name of any format that writes JSON; NULL: it is not given. */
static const char *timestamp_standard(const struct spk_table *table)
{
	static const char *const names[] = { "json.timestamp-format.standard", "debezium-json.timestamp-format.standard", "changelog-json.timestamp-format.standard" };
	const char *standard = NULL;

	for (size_t i = 0; i < SPK_COUNT_OF(names) && !standard; i++)
		standard = spk_format_option(table, names[i]);
	return standard;
}

spk_status spk_json_writer_new(struct spk_json_writer **out, const struct spk_format_spec *spec, spk_error *err)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	const char *standard = timestamp_standard(spec->table);
	const char *nulls = spk_format_option(spec->table, "json.encode.ignore-null-fields");
	struct spk_json_writer *w;
	spk_status status = SPK_OK;

	SPK_TRY_PTR(arena, err);
	w = SPK_NEW(arena, struct spk_json_writer);
	if (w)
		w->column = SPK_NEW_ARRAY(arena, struct column, spec->columns);
	if (!w || !w->column)
		status = spk_fail_memory(err);
	for (int i = 0; status == SPK_OK && i < spec->columns; i++) {
		w->arena = arena;
		status = column_init(w, &w->column[i], &spec->schema->field[i], err);
	}
	if (status != SPK_OK) {
		spk_arena_unref(arena);
		return status;
	}
	w->arena = arena;
	w->columns = spec->columns;
	w->hex_bytes = spec->hex_bytes;
	w->timezone = spk_field_rules(spec->conf).timezone;
	w->no_nulls = nulls && !strcmp(nulls, "true");
	w->iso = standard && !strcmp(standard, "ISO-8601");
	w->utc = standard != NULL;
	*out = w;
	return SPK_OK;
}

void spk_json_writer_free(struct spk_json_writer *w)
{
	if (w)
		spk_arena_unref(w->arena);
}
