/*
 * Any value as PostgreSQL's output functions write it: an array's elements in braces, a record's fields in parentheses, each
 * quoted where it could be read as something else. The text is appended first and quoted in place when that turns out to be
 * needed, which is rare.
 */
#include "core/expr/text.h"

#include <string.h>
#include <strings.h>

#include "core/expr/jsonb.h"
#include "core/expr/utf8.h"

/* What has to be known about one way of quoting. */
struct quoting {
	const char *special;     /* characters for which a value is quoted, beside blanks and the two below */
	bool doubled;            /* a quote and a backslash are doubled; else a backslash goes before them */
	bool null_is_a_word;
};

static const struct quoting in_array = { "{},", false, true }, in_record = { "(),", true, false };

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Quotes what the buffer holds from `start` on, if it has to be. */
static spk_status quote(struct spk_buffer *out, size_t start, const struct quoting *how, spk_error *err)
{
	size_t size = out->size - start, escapes = 0, to;
	const char *s = out->data + start;
	bool needed = size == 0 || (how->null_is_a_word && size == 4 && strncasecmp(s, "null", 4) == 0);

	for (size_t i = 0; i < size; i++) {
		bool escaped = s[i] == '"' || s[i] == '\\';

		escapes += escaped;
		needed = needed || escaped || is_blank(s[i]) || (s[i] && strchr(how->special, s[i]));
	}
	if (!needed)
		return SPK_OK;
	SPK_TRY(spk_buffer_reserve(out, escapes + 2, err));
	to = start + size + escapes + 2;
	out->size = to;
	out->data[--to] = '"';
	for (size_t i = start + size; i-- > start;) {
		char c = out->data[i];

		out->data[--to] = c;
		if (c == '"' || c == '\\')
			out->data[--to] = how->doubled ? c : '\\';
	}
	out->data[--to] = '"';
	return SPK_OK;
}

static spk_status append_bytes(struct spk_buffer *out, const struct spk_view *v, spk_error *err)
{
	static const char hex[] = "0123456789abcdef";
	const unsigned char *s = (const unsigned char *)spk_view_data(v);
	char *p;

	SPK_TRY(spk_buffer_reserve(out, 2 + 2 * (size_t)v->length, err));
	p = out->data + out->size;
	*p++ = '\\';
	*p++ = 'x';
	for (uint32_t i = 0; i < v->length; i++) {
		*p++ = hex[s[i] >> 4];
		*p++ = hex[s[i] & 15];
	}
	out->size = (size_t)(p - out->data);
	return SPK_OK;
}

static spk_status append_array(struct spk_buffer *out, const struct spk_vector *v, uint32_t slot, const char *timezone, spk_error *err)
{
	const struct spk_vector *child = v->child;
	const struct spk_reader r = spk_vector_reader(child);
	const int32_t *offset = spk_vector_i32(v);

	SPK_TRY(spk_buffer_append(out, "{", 1, err));
	for (int32_t e = offset[slot]; e < offset[slot + 1]; e++) {
		uint32_t at = spk_reader_slot(&r, e);
		size_t start;

		if (e > offset[slot])
			SPK_TRY(spk_buffer_append(out, ",", 1, err));
		start = out->size;
		if (!spk_reader_valid(&r, at)) {
			SPK_TRY(spk_buffer_append(out, "NULL", 4, err));
			continue;
		}
		SPK_TRY(spk_text_append(out, child, at, timezone, err));
		if (child->type.id != SPK_TYPE_ARRAY)
			SPK_TRY(quote(out, start, &in_array, err));
	}
	return spk_buffer_append(out, "}", 1, err);
}

static spk_status append_record(struct spk_buffer *out, const struct spk_vector *v, uint32_t slot, const char *timezone, spk_error *err)
{
	SPK_TRY(spk_buffer_append(out, "(", 1, err));
	for (int c = 0; c < v->type.children->count; c++) {
		const struct spk_reader r = spk_vector_reader(&v->child[c]);
		uint32_t at = spk_reader_slot(&r, (int)slot);
		size_t start;

		if (c)
			SPK_TRY(spk_buffer_append(out, ",", 1, err));
		start = out->size;
		if (!spk_reader_valid(&r, at))
			continue;
		SPK_TRY(spk_text_append(out, &v->child[c], at, timezone, err));
		SPK_TRY(quote(out, start, &in_record, err));
	}
	return spk_buffer_append(out, ")", 1, err);
}

size_t spk_text_blanks(struct spk_type type, const struct spk_view *v)
{
	const size_t width = spk_type_is_padded(type) ? (size_t)type.precision : 0;
	const size_t size = width ? spk_utf8_count(spk_view_data(v), v->length) : 0;

	return width > size ? width - size : 0;
}

static spk_status append_text(struct spk_buffer *out, struct spk_type type, const struct spk_view *v, spk_error *err)
{
	const size_t blanks = spk_text_blanks(type, v);

	SPK_TRY(spk_buffer_append(out, spk_view_data(v), v->length, err));
	SPK_TRY(spk_buffer_reserve(out, blanks, err));
	if (blanks)
		memset(out->data + out->size, ' ', blanks);
	out->size += blanks;
	return SPK_OK;
}

spk_status spk_text_append(struct spk_buffer *out, const struct spk_vector *v, uint32_t slot, const char *timezone, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(v);
	const char *value = (const char *)r.data + (size_t)spk_type_width(v->type) * slot;

	if (v->layout == SPK_DICTIONARY && spk_type_is_nested(v->type))
		v = v->dictionary;
	if (spk_type_is_map(v->type))
		return spk_json_append_value(out, v, slot, timezone, &(struct spk_json_form){ .json = true }, err);
	switch (v->type.id) {
	case SPK_TYPE_ARRAY:
		return append_array(out, v, slot, timezone, err);
	case SPK_TYPE_ROW:
		return append_record(out, v, slot, timezone, err);
	case SPK_TYPE_BYTEA:
		return append_bytes(out, (const void *)value, err);
	case SPK_TYPE_UNKNOWN:
	case SPK_TYPE_TEXT:
	case SPK_TYPE_JSON:
	case SPK_TYPE_JSONB:
		return append_text(out, v->type, (const void *)value, err);
	case SPK_TYPE_BOOLEAN:
		return spk_buffer_append(out, *value ? "t" : "f", 1, err);
	default:
		SPK_TRY(spk_buffer_reserve(out, SPK_TEXT_MAX, err));
		out->size += (size_t)spk_text_from_value(v->type, value, timezone, out->data + out->size);
		return SPK_OK;
	}
}
