/*
 * Columns into CSV. A field is quoted where it must be to come back as it is.
 */
#include "connectors/format/csv.h"
#include "connectors/format/put.h"

#include <stdlib.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "core/base/check.h"
#include "core/expr/text.h"

struct csv_encoder {
	struct spk_encoder base;
	struct spk_arena *arena;
	struct spk_csv_options options;
	const char *timezone;
	const struct spk_schema *schema;
	int columns;
	bool plain_numbers;         /* no number can look like NULL or hold what must be quoted */
	bool plain_bytes;           /* nor can \x and hexadecimal digits */
	bool special[256];          /* bytes for which a field is quoted */
};

static bool holds_special(const struct csv_encoder *e, const char *characters)
{
	while (*characters && !e->special[(uint8_t)*characters] && *characters != e->options.escape && *characters != e->options.comment)
		characters++;
	return *characters;
}

spk_status spk_csv_encoder_open(struct spk_encoder **out, const struct spk_format_spec *spec, spk_error *err)
{
	struct spk_arena *arena;
	struct csv_encoder *e;

	if (!spk_csv_options(spec->table).quote)
		return spk_fail(err, SPK_UNSUPPORTED, "table \"%s\": writing CSV without quotes ('csv.quote' = '')", spec->table->name);
	arena = spk_arena_new(NULL);
	SPK_TRY_PTR(arena, err);
	e = SPK_NEW(arena, struct csv_encoder);
	if (!e) {
		spk_arena_unref(arena);
		return spk_fail_memory(err);
	}
	*e = (struct csv_encoder){ .base.format = &spk_format_csv, .arena = arena, .options = spk_csv_options(spec->table),
	                           .timezone = spk_field_rules(spec->conf).timezone, .schema = spec->schema, .columns = spec->columns };
	e->special[(uint8_t)e->options.delimiter] = e->special[(uint8_t)e->options.quote] = e->special['\n'] = e->special['\r'] = true;
	e->plain_numbers = !strpbrk(e->options.null, "0123456789y") /* infinity */ && !holds_special(e, "0123456789-: .");
	e->plain_bytes = e->options.null[0] != '\\' && !holds_special(e, "\\x0123456789abcdef");
	*out = &e->base;
	return SPK_OK;
}

/* Copies bytes, 16 at a time where there are so many; true when there is one among them that must be quoted. */
static inline bool copy_looking(const struct csv_encoder *e, char *p, const char *s, uint32_t n)
{
	uint32_t i = 0;
	bool found = false;

#if defined(__SSE2__)
	const __m128i d = _mm_set1_epi8(e->options.delimiter), q = _mm_set1_epi8(e->options.quote), lf = _mm_set1_epi8('\n'), cr = _mm_set1_epi8('\r');
	__m128i bad = _mm_setzero_si128();

	for (; i + 16 <= n; i += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)(s + i));

		_mm_storeu_si128((__m128i *)(void *)(p + i), v);
		bad = _mm_or_si128(bad, _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(v, d), _mm_cmpeq_epi8(v, q)), _mm_or_si128(_mm_cmpeq_epi8(v, lf), _mm_cmpeq_epi8(v, cr))));
	}
	found = _mm_movemask_epi8(bad) != 0;
#endif
	for (; i < n; i++) {
		p[i] = s[i];
		found |= e->special[(uint8_t)s[i]];
	}
	return found;
}

/* What would be read as something else: the text for NULL, a comment, and what ends the data in COPY's text form. */
static bool is_reserved(const struct csv_encoder *e, const char *s, uint32_t n)
{
	return (e->options.comment && n && s[0] == e->options.comment) || (n == e->options.null_size && memcmp(s, e->options.null, n) == 0) || (e->columns == 1 && n == 2 && s[0] == '\\' && s[1] == '.');
}

static char *put_quoted(const struct csv_encoder *e, char *p, char c)
{
	if (c == e->options.quote || c == e->options.escape)
		*p++ = e->options.escape;
	*p++ = c;
	return p;
}

/* At most 2n + 2 bytes. */
static char *put_field(const struct csv_encoder *e, char *p, const char *s, uint32_t n)
{
	if (SPK_LIKELY(!copy_looking(e, p, s, n) && !is_reserved(e, s, n)))
		return p + n;
	*p++ = e->options.quote;
	for (uint32_t i = 0; i < n; i++)
		p = put_quoted(e, p, s[i]);
	*p++ = e->options.quote;
	return p;
}

/* \x and hexadecimal digits: at most 4n + 6 bytes. */
static char *put_bytea(const struct csv_encoder *e, char *p, const struct spk_view *v)
{
	static const char hex[] = "0123456789abcdef";
	const uint8_t *s = (const uint8_t *)spk_view_data(v);

	if (!e->plain_bytes) {
		*p++ = e->options.quote;
		p = put_quoted(e, put_quoted(e, p, '\\'), 'x');
		for (uint32_t i = 0; i < v->length; i++)
			p = put_quoted(e, put_quoted(e, p, hex[s[i] >> 4]), hex[s[i] & 15]);
		*p++ = e->options.quote;
		return p;
	}
	*p++ = '\\';
	*p++ = 'x';
	for (uint32_t i = 0; i < v->length; i++) {
		*p++ = hex[s[i] >> 4];
		*p++ = hex[s[i] & 15];
	}
	return p;
}

static char *put_value(const struct csv_encoder *e, char *p, struct spk_type type, const struct spk_reader *r, uint32_t slot, struct spk_day_text *day)
{
	const struct spk_view *view = (const struct spk_view *)r->data + slot;
	const void *value;
	char text[SPK_TEXT_MAX];

	if (type.id == SPK_TYPE_TEXT)
		return put_field(e, p, spk_view_data(view), view->length);
	if (type.id == SPK_TYPE_BIGINT && e->plain_numbers)
		return spk_put_i64(p, ((const int64_t *)r->data)[slot]);
	if (type.id == SPK_TYPE_TIMESTAMP && e->plain_numbers)
		return spk_put_timestamp(day, p, ((const int64_t *)r->data)[slot], ' ');
	if (type.id == SPK_TYPE_BYTEA)
		return put_bytea(e, p, view);
	if (spk_type_is_view(type))
		return put_field(e, p, spk_view_data(view), view->length);
	value = (const char *)r->data + (size_t)slot * (size_t)spk_type_width(type);
	if (type.id == SPK_TYPE_BOOLEAN) {
		*text = *(const uint8_t *)value ? 't' : 'f';
		return put_field(e, p, text, 1);
	}
	return put_field(e, p, text, (uint32_t)spk_text_from_value(type, value, e->timezone, text));
}

static size_t bound(const struct csv_encoder *e, const struct spk_batch *batch)
{
	size_t total = 16 + ((size_t)e->columns * (2 * SPK_TEXT_MAX + e->options.null_size + 3) + 2) * (size_t)batch->selected;

	for (int c = 0; c < e->columns; c++) {
		struct spk_reader r = spk_vector_reader(&batch->column[c]);

		if (!spk_type_is_view(batch->column[c].type))
			continue;
		SPK_EACH_ROW(batch, i, row)
			total += (e->plain_bytes ? 2 : 4) * (size_t)((const struct spk_view *)r.data)[spk_reader_slot(&r, row)].length;
	}
	return total;
}

/* An array's or record's texts as a column. */
static spk_status write_nested(const struct csv_encoder *e, const struct spk_batch *batch, const struct spk_vector *v, struct spk_arena *arena, struct spk_vector *out, spk_error *err)
{
	struct spk_reader r = spk_vector_reader(v);
	struct spk_buffer text = { 0 };
	spk_status status = spk_vector_init(out, spk_type(SPK_TYPE_TEXT), batch->rows, arena, err);

	for (int i = 0; status == SPK_OK && i < batch->selected; i++) {
		int row = spk_batch_row(batch, i);
		struct spk_value value = { .type = out->type, .null = !spk_reader_valid(&r, spk_reader_slot(&r, row)) };
		char *copy = NULL;

		spk_buffer_clear(&text);
		if (!value.null)
			status = spk_text_append(&text, v, spk_reader_slot(&r, row), e->timezone, err);
		if (status == SPK_OK && !(copy = spk_arena_copy(arena, text.data, text.size)))
			status = spk_fail_memory(err);
		if (status != SPK_OK)
			break;
		value.view = spk_view(copy, (uint32_t)text.size);
		status = spk_vector_set(out, row, batch->rows, &value, arena, err);
	}
	spk_buffer_release(&text);
	return status;
}

/* The batch with its arrays and records as texts, what is new in *arena; or the batch itself. */
static spk_status flatten_nested(const struct csv_encoder *e, const struct spk_batch *batch, struct spk_batch *flat, struct spk_arena **arena, spk_error *err)
{
	bool any = false;

	*flat = *batch;
	*arena = NULL;
	for (int c = 0; c < e->columns; c++)
		any = any || spk_type_is_nested(batch->column[c].type);
	if (!any)
		return SPK_OK;
	*arena = spk_arena_new(NULL);
	SPK_TRY_PTR(*arena, err);
	flat->column = spk_arena_copy(*arena, batch->column, sizeof(*batch->column) * (size_t)batch->columns);
	SPK_TRY_PTR(flat->column, err);
	for (int c = 0; c < e->columns; c++)
		if (spk_type_is_nested(batch->column[c].type))
			SPK_TRY(write_nested(e, batch, &batch->column[c], *arena, &flat->column[c], err));
	return SPK_OK;
}

static char *put_row(const struct csv_encoder *e, char *p, const struct spk_batch *batch, const struct spk_reader *reader, int row, struct spk_day_text *day)
{
	for (int c = 0; c < e->columns; c++) {
		const struct spk_reader *r = &reader[c];
		uint32_t slot = spk_reader_slot(r, row);

		if (c)
			*p++ = e->options.delimiter;
		if (SPK_LIKELY(spk_reader_valid(r, slot))) {
			p = put_value(e, p, batch->column[c].type, r, slot, day);
		} else if (e->options.null_size) {
			memcpy(p, e->options.null, e->options.null_size);
			p += e->options.null_size;
		}
	}
	return p;
}

static spk_status encode_rows(const struct csv_encoder *e, const struct spk_batch *batch, struct spk_buffer *out, uint32_t *end, spk_error *err)
{
	struct spk_reader *reader = calloc((size_t)e->columns + 1, sizeof(*reader));
	struct spk_day_text day = { .day = INT64_MIN };
	spk_status status = reader ? spk_buffer_reserve(out, bound(e, batch), err) : spk_fail_memory(err);
	char *p;

	if (status != SPK_OK) {
		free(reader);
		return status;
	}
	for (int c = 0; c < e->columns; c++)
		reader[c] = spk_vector_reader(&batch->column[c]);
	p = out->data + out->size;
	SPK_EACH_ROW(batch, i, row) {
		p = put_row(e, p, batch, reader, row, &day);
		end[i] = (uint32_t)(p - out->data);
	}
	out->size = (size_t)(p - out->data);
	free(reader);
	return SPK_OK;
}

spk_status spk_csv_encode(struct spk_encoder *base, const struct spk_batch *batch, struct spk_buffer *out, uint32_t *end, spk_error *err)
{
	struct csv_encoder *e = spk_container_of(base, struct csv_encoder, base);
	struct spk_arena *arena;
	struct spk_batch flat;
	spk_status status = flatten_nested(e, batch, &flat, &arena, err);

	if (status == SPK_OK)
		status = encode_rows(e, &flat, out, end, err);
	spk_arena_unref(arena);
	return status;
}

spk_status spk_csv_file_head(struct spk_encoder *base, struct spk_buffer *out, spk_error *err)
{
	struct csv_encoder *e = spk_container_of(base, struct csv_encoder, base);

	if (!e->options.header)
		return SPK_OK;
	for (int c = 0; c < e->columns; c++) {
		const char *name = e->schema->field[c].name;
		uint32_t n = (uint32_t)strlen(name);
		char *p;

		SPK_TRY(spk_buffer_reserve(out, 2 * (size_t)n + 4, err));
		p = out->data + out->size;
		if (c)
			*p++ = e->options.delimiter;
		out->size = (size_t)(put_field(e, p, name, n) - out->data);
	}
	return spk_buffer_append_str(out, "\n", err);
}

void spk_csv_encoder_close(struct spk_encoder *base)
{
	if (base)
		spk_arena_unref(spk_container_of(base, struct csv_encoder, base)->arena);
}

