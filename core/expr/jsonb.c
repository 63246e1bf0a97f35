/* jsonb values in kernels: rows that are written, any value as JSON. */
#include "core/expr/jsonb.h"

#include <math.h>

spk_status spk_json_rows(const struct spk_call *call, struct spk_vector *out, spk_json_row one, void *user, spk_error *err)
{
	struct spk_json_work w = { .call = call, .out = out, .user = user };
	spk_status status = SPK_OK;

	for (int i = 0; i < call->n && status == SPK_OK; i++) {
		int row = spk_call_row(call, i);
		bool done = false;

		spk_buffer_clear(&w.text);
		status = one(&w, row, &done, err);
		if (status == SPK_OK && !done)
			status = spk_call_text(call, out, row, w.text.data, w.text.size, err);
	}
	spk_buffer_release(&w.text);
	spk_buffer_release(&w.scratch);
	spk_json_parser_release(&w.parser);
	return status;
}

bool spk_json_member_raw(struct spk_json j, const char *key, const char *key_end, struct spk_json *out)
{
	struct spk_jsonb_iterator i = spk_jsonb_iterator(j.p, j.end);
	size_t size = (size_t)(key_end - key);

	while (spk_jsonb_next(&i)) {
		if ((size_t)(i.key_end - i.key) != size || memcmp(i.key, key, size) != 0)
			continue;
		*out = (struct spk_json){ i.value, i.value_end };
		return true;
	}
	return false;
}

/* --- any value --- */

/* Dates and times with a T, and the zone as hours and minutes: ISO 8601, as JSON users expect. */
static spk_status append_time(struct spk_buffer *out, struct spk_type type, const char *text, size_t size, spk_error *err)
{
	const char *blank = memchr(text, ' ', size), *sign = NULL;
	size_t head = blank ? (size_t)(blank - text) : size;
	const char *rest = text + head, *end = text + size, *era;

	SPK_TRY(spk_buffer_append(out, "\"", 1, err));
	SPK_TRY(spk_buffer_append(out, text, head, err));
	if (type.id == SPK_TYPE_DATE || !blank) {
		SPK_TRY(spk_buffer_append(out, rest, (size_t)(end - rest), err));
		return spk_buffer_append(out, "\"", 1, err);
	}
	era = memchr(rest + 1, ' ', (size_t)(end - rest - 1));
	if (!era)
		era = end;
	for (const char *p = rest + 1; p < era; p++)
		if (*p == '+' || *p == '-')
			sign = p;
	SPK_TRY(spk_buffer_append(out, "T", 1, err));
	SPK_TRY(spk_buffer_append(out, rest + 1, (size_t)(era - rest - 1), err));
	if (sign && era - sign == 3)
		SPK_TRY(spk_buffer_append(out, ":00", 3, err));
	SPK_TRY(spk_buffer_append(out, era, (size_t)(end - era), err));
	return spk_buffer_append(out, "\"", 1, err);
}

/* Between elements or fields; lines are broken at the outermost level alone. */
static const char *take_comma(struct spk_json_form *form)
{
	const char *comma = !form->json ? ", " : form->lines ? ",\n " : ",";

	form->lines = false;
	return comma;
}

static spk_status append_array(struct spk_buffer *out, const struct spk_vector *v, uint32_t slot, const char *timezone, struct spk_json_form *form, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(v->child);
	const int32_t *offset = spk_vector_i32(v);
	const char *comma = take_comma(form);

	SPK_TRY(spk_buffer_append(out, "[", 1, err));
	for (int32_t e = offset[slot]; e < offset[slot + 1]; e++) {
		uint32_t at = spk_reader_slot(&r, e);

		if (e > offset[slot])
			SPK_TRY(spk_json_put(out, comma, err));
		if (spk_reader_valid(&r, at))
			SPK_TRY(spk_json_append_value(out, v->child, at, timezone, form, err));
		else
			SPK_TRY(spk_buffer_append(out, "null", 4, err));
	}
	return spk_buffer_append(out, "]", 1, err);
}

/* A map's entries in their own order: loose. */
static spk_status append_map(struct spk_buffer *out, const struct spk_vector *v, uint32_t slot, const char *timezone, struct spk_json_form *form, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(v->child);
	const struct spk_vector *part = spk_vector_children(v->child);
	const struct spk_reader key = spk_vector_reader(&part[0]), value = spk_vector_reader(&part[1]);
	const int32_t *offset = spk_vector_i32(v);
	const char *comma = take_comma(form), *wrong;

	form->loose = true;
	SPK_TRY(spk_buffer_append(out, "{", 1, err));
	for (int32_t e = offset[slot]; e < offset[slot + 1]; e++) {
		const int at = (int)spk_reader_slot(&r, e);
		const uint32_t place = spk_reader_slot(&value, at);

		if (e > offset[slot])
			SPK_TRY(spk_json_put(out, comma, err));
		SPK_TRY(spk_json_append_name(out, &part[0], spk_reader_slot(&key, at), timezone, &wrong, err));
		SPK_TRY(spk_json_put(out, form->json ? ":" : ": ", err));
		if (spk_reader_valid(&value, place))
			SPK_TRY(spk_json_append_value(out, &part[1], place, timezone, form, err));
		else
			SPK_TRY(spk_buffer_append(out, "null", 4, err));
	}
	return spk_buffer_append(out, "}", 1, err);
}

/* Fields in their own order: loose. */
static spk_status append_record(struct spk_buffer *out, const struct spk_vector *v, uint32_t slot, const char *timezone, struct spk_json_form *form, spk_error *err)
{
	const char *comma = take_comma(form);

	form->loose = true;
	SPK_TRY(spk_buffer_append(out, "{", 1, err));
	for (int c = 0; c < v->type.children->count; c++) {
		const struct spk_reader r = spk_vector_reader(&v->child[c]);
		const char *name = v->type.children->field[c].name;
		uint32_t at = spk_reader_slot(&r, (int)slot);

		if (c)
			SPK_TRY(spk_json_put(out, comma, err));
		SPK_TRY(spk_jsonb_append_string(out, name, strlen(name), err));
		SPK_TRY(spk_json_put(out, form->json ? ":" : ": ", err));
		if (spk_reader_valid(&r, at))
			SPK_TRY(spk_json_append_value(out, &v->child[c], at, timezone, form, err));
		else
			SPK_TRY(spk_buffer_append(out, "null", 4, err));
	}
	return spk_buffer_append(out, "}", 1, err);
}

/* Numbers may have an exponent: loose. What is not finite, whose text does not end in a digit, is a string. */
static spk_status append_float(struct spk_buffer *out, struct spk_type type, const void *value, struct spk_json_form *form, spk_error *err)
{
	bool finite = type.id == SPK_TYPE_REAL ? isfinite(*(const float *)value) : isfinite(*(const double *)value);
	char text[SPK_TEXT_MAX];
	int size = spk_text_from_value(type, value, NULL, text);

	if (!finite)
		return spk_jsonb_append_string(out, text, (size_t)size, err);
	form->loose = form->loose || memchr(text, 'e', (size_t)size) || *text == '-';
	return spk_buffer_append(out, text, (size_t)size, err);
}

static spk_status append_scalar(struct spk_buffer *out, const struct spk_vector *v, const void *value, const char *timezone, struct spk_json_form *form, spk_error *err)
{
	char text[SPK_TEXT_MAX];
	size_t size;

	if (v->type.id == SPK_TYPE_REAL || v->type.id == SPK_TYPE_DOUBLE)
		return append_float(out, v->type, value, form, err);
	size = (size_t)spk_text_from_value(v->type, value, timezone, text);
	if (v->type.id == SPK_TYPE_BOOLEAN || (spk_type_is_number(v->type) && text[size - 1] >= '0' && text[size - 1] <= '9'))
		return spk_buffer_append(out, text, size, err);
	if (v->type.id == SPK_TYPE_DATE || v->type.id == SPK_TYPE_TIMESTAMP || v->type.id == SPK_TYPE_TIMESTAMPTZ)
		return append_time(out, v->type, text, size, err);
	return spk_jsonb_append_string(out, text, size, err);
}

/* Of a char(n): before the quote that ends the string. */
static spk_status fill_blanks(struct spk_buffer *out, size_t blanks, spk_error *err)
{
	if (!blanks)
		return SPK_OK;
	SPK_TRY(spk_buffer_reserve(out, blanks, err));
	memset(out->data + out->size - 1, ' ', blanks);
	out->size += blanks;
	out->data[out->size - 1] = '"';
	return SPK_OK;
}

spk_status spk_json_append_value(struct spk_buffer *out, const struct spk_vector *v, uint32_t slot, const char *timezone, struct spk_json_form *form, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(v);
	const char *value = (const char *)r.data + (size_t)spk_type_width(v->type) * slot;
	const struct spk_view *view = (const void *)value;

	if (v->layout == SPK_DICTIONARY && spk_type_is_nested(v->type))
		v = v->dictionary;
	if (spk_type_is_map(v->type))
		return append_map(out, v, slot, timezone, form, err);
	switch (v->type.id) {
	case SPK_TYPE_ARRAY: return append_array(out, v, slot, timezone, form, err);
	case SPK_TYPE_ROW: return append_record(out, v, slot, timezone, form, err);
	case SPK_TYPE_JSON:
		form->loose = true;
		return spk_buffer_append(out, spk_view_data(view), view->length, err);
	case SPK_TYPE_JSONB: return spk_buffer_append(out, spk_view_data(view), view->length, err);
	case SPK_TYPE_UNKNOWN:
	case SPK_TYPE_TEXT:
		SPK_TRY(spk_jsonb_append_string(out, spk_view_data(view), view->length, err));
		return fill_blanks(out, spk_text_blanks(v->type, view), err);
	case SPK_TYPE_BYTEA:
		/* Hexadecimal digits need no escape, the backslash before them does. */
		SPK_TRY(spk_buffer_append(out, "\"\\", 2, err));
		SPK_TRY(spk_text_append(out, v, slot, timezone, err));
		return spk_buffer_append(out, "\"", 1, err);
	default: return append_scalar(out, v, value, timezone, form, err);
	}
}

spk_status spk_json_append_name(struct spk_buffer *out, const struct spk_vector *v, uint32_t slot, const char *timezone, const char **wrong, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(v);
	const struct spk_view *view = (const struct spk_view *)r.data + slot;
	struct spk_json_form form = { 0 };
	struct spk_buffer text = { 0 };
	spk_status status;

	if (spk_type_is_nested(v->type) || spk_type_is_json(v->type)) {
		*wrong = "key value must be scalar, not array, composite, or json";
		return SPK_OK;
	}
	if (v->type.id == SPK_TYPE_TEXT || v->type.id == SPK_TYPE_UNKNOWN)
		return spk_jsonb_append_string(out, spk_view_data(view), view->length, err);
	if (v->type.id == SPK_TYPE_BOOLEAN)
		return spk_json_put(out, ((const uint8_t *)r.data)[slot] ? "\"true\"" : "\"false\"", err);
	if (v->type.id == SPK_TYPE_DATE || v->type.id == SPK_TYPE_TIMESTAMP || v->type.id == SPK_TYPE_TIMESTAMPTZ)
		return spk_json_append_value(out, v, slot, timezone, &form, err);
	status = spk_text_append(&text, v, slot, timezone, err);
	if (status == SPK_OK)
		status = spk_jsonb_append_string(out, text.data, text.size, err);
	spk_buffer_release(&text);
	return status;
}
