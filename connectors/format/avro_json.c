/* Avro values as JSON text, for jsonb columns; and JSON text as a datum, for the defaults of fields. */
#include "connectors/format/avro_take.h"

#include <jansson.h>

#include "core/columnar/decimal.h"

/* --- data to JSON --- */

static spk_status put_word(struct spk_buffer *out, const char *word, spk_error *err)
{
	return spk_buffer_append_str(out, word, err);
}

static spk_status put_time(struct spk_buffer *out, const struct spk_avro_type *type, int64_t v, spk_error *err)
{
	int32_t day = (int32_t)v;
	int64_t us = v;
	bool fits = true;
	enum spk_type_id to = type->logical >= SPK_AVRO_LOCAL_MILLIS ? SPK_TYPE_TIMESTAMP : SPK_TYPE_TIMESTAMPTZ;

	switch (type->logical) {
	case SPK_AVRO_DATE:
		return spk_put_json_time(out, spk_type(SPK_TYPE_DATE), &day, err);
	case SPK_AVRO_TIME_MILLIS: case SPK_AVRO_TIME_MICROS:
		fits = !__builtin_mul_overflow(v, type->logical == SPK_AVRO_TIME_MILLIS ? 1000 : 1, &us) && us >= 0 && us <= INT64_C(86400000000);
		to = SPK_TYPE_TIME;
		break;
	case SPK_AVRO_TIMESTAMP_MILLIS: case SPK_AVRO_LOCAL_MILLIS:
		fits = !__builtin_mul_overflow(v, 1000, &us);
		break;
	case SPK_AVRO_TIMESTAMP_NANOS: case SPK_AVRO_LOCAL_NANOS:
		us = v / 1000 - (v % 1000 < 0);
		break;
	default:
		break;
	}
	return fits ? spk_put_json_time(out, spk_type(to), &us, err) : spk_put_json_integer(out, v, err);
}

static spk_status put_integer(struct reading *r, const struct spk_avro_type *type, spk_error *err)
{
	int64_t v;

	if (!take_long(r->in, &v) || (type->kind == SPK_AVRO_INT && v != (int32_t)v))
		return torn(r->c);
	return type->logical ? put_time(&r->c->json, type, v, err) : spk_put_json_integer(&r->c->json, v, err);
}

static spk_status put_float(struct reading *r, const struct spk_avro_type *type, spk_error *err)
{
	float f;
	double d;

	if (type->kind == SPK_AVRO_FLOAT) {
		if (!spk_wire_word(r->in, &f, sizeof(f)))
			return torn(r->c);
		return spk_put_json_double(&r->c->json, (double)f, true, err);
	}
	if (!spk_wire_word(r->in, &d, sizeof(d)))
		return torn(r->c);
	return spk_put_json_double(&r->c->json, d, false, err);
}

static spk_status put_string(struct reading *r, const char *s, uint32_t n, spk_error *err)
{
	if (!spk_cell_is_text(s, n))
		return spk_cells_bad(r->c, "a string of the Avro datum is not UTF-8 text, or holds a byte 0");
	return spk_jsonb_append_string(&r->c->json, s, n, err);
}

static spk_status put_bytes(struct reading *r, const struct spk_avro_type *type, spk_error *err)
{
	char text[64];
	const char *s;
	uint32_t n;
	spk_int128 m;

	SPK_TRY(take_bytes(r, type, &s, &n));
	if (type->kind == SPK_AVRO_STRING)
		return put_string(r, s, n, err);
	if (type->logical == SPK_AVRO_DECIMAL && type->scale <= SPK_DECIMAL_DIGITS && spk_avro_unscaled(s, n, &m) && spk_decimal_digits(m) <= SPK_DECIMAL_DIGITS)
		return spk_buffer_append(&r->c->json, text, (size_t)spk_decimal_format(m, type->scale, text), err);
	return spk_put_json_bytes(&r->c->json, s, n, err);
}

static spk_status put_blocks(struct reading *r, const struct spk_avro_type *type, int depth, spk_error *err)
{
	const struct spk_avro_type name = { .kind = SPK_AVRO_STRING };
	bool map = type->kind == SPK_AVRO_MAP, first = true;
	uint64_t count;
	const char *s;
	uint32_t n;

	SPK_TRY(put_word(&r->c->json, map ? "{" : "[", err));
	for (;;) {
		SPK_TRY(take_block(r, &count));
		if (!count)
			return put_word(&r->c->json, map ? "}" : "]", err);
		SPK_TRY(take_items(r, count));
		for (uint64_t i = 0; i < count; i++, first = false) {
			if (!first)
				SPK_TRY(put_word(&r->c->json, ",", err));
			if (map) {
				SPK_TRY(take_bytes(r, &name, &s, &n));
				SPK_TRY(put_string(r, s, n, err));
				SPK_TRY(put_word(&r->c->json, ":", err));
			}
			SPK_TRY(spk_avro_to_json(r->c, r->in, type->item[0], depth + 1, err));
		}
	}
}

static spk_status put_record(struct reading *r, const struct spk_avro_type *type, int depth, spk_error *err)
{
	for (int i = 0; i < type->count; i++) {
		const char *name = type->field[i].name;

		SPK_TRY(put_word(&r->c->json, i ? "," : "{", err));
		SPK_TRY(spk_jsonb_append_string(&r->c->json, name, strlen(name), err));
		SPK_TRY(put_word(&r->c->json, ":", err));
		SPK_TRY(spk_avro_to_json(r->c, r->in, type->field[i].type, depth + 1, err));
	}
	return put_word(&r->c->json, type->count ? "}" : "{}", err);
}

spk_status spk_avro_to_json(struct spk_cells *c, struct spk_wire *in, const struct spk_avro_type *type, int depth, spk_error *err)
{
	struct reading r = { c, in };
	const char *symbol;
	uint8_t b;
	int branch;

	if (depth >= SPK_CELL_DEPTH)
		return spk_cells_bad(c, "the Avro datum is nested more than %d deep", SPK_CELL_DEPTH);
	switch (type->kind) {
	case SPK_AVRO_NULL:
		return put_word(&c->json, "null", err);
	case SPK_AVRO_BOOLEAN:
		if (!spk_wire_word(in, &b, 1) || b > 1)
			return torn(c);
		return put_word(&c->json, b ? "true" : "false", err);
	case SPK_AVRO_INT: case SPK_AVRO_LONG: return put_integer(&r, type, err);
	case SPK_AVRO_FLOAT: case SPK_AVRO_DOUBLE: return put_float(&r, type, err);
	case SPK_AVRO_BYTES: case SPK_AVRO_STRING: case SPK_AVRO_FIXED: return put_bytes(&r, type, err);
	case SPK_AVRO_ENUM:
		SPK_TRY(take_symbol(&r, type, &symbol));
		return spk_jsonb_append_string(&c->json, symbol, strlen(symbol), err);
	case SPK_AVRO_ARRAY: case SPK_AVRO_MAP: return put_blocks(&r, type, depth, err);
	case SPK_AVRO_UNION:
		SPK_TRY(take_branch(&r, type, &branch));
		return spk_avro_to_json(c, in, type->item[branch], depth + 1, err);
	default: return put_record(&r, type, depth, err);
	}
}

/* --- JSON to data: defaults --- */

static spk_status put_varint(struct spk_buffer *out, int64_t v, spk_error *err)
{
	SPK_TRY(spk_buffer_reserve(out, SPK_VARINT_MAX, err));
	out->size = (size_t)(spk_wire_put_varint(out->data + out->size, spk_wire_zigzag(v)) - out->data);
	return SPK_OK;
}

static spk_status no_value(const struct spk_avro_type *type, const json_t *json, spk_error *err)
{
	char *text = json_dumps(json, JSON_ENCODE_ANY | JSON_COMPACT), avro[128];
	spk_status status = spk_fail(err, SPK_DATA, "Avro schema: the default %.80s is no value of type %s", text ? text : "?", spk_avro_type_format(type, avro, sizeof(avro)));

	free(text);
	return status;
}

/* Bytes are written as a string of characters up to U+00FF. */
static spk_status default_bytes(const struct spk_avro_type *type, const json_t *json, struct spk_buffer *out, spk_error *err)
{
	const char *s = json_string_value(json);
	size_t n = json_string_length(json), size = 0;
	struct spk_buffer bytes = { 0 };
	spk_status status = spk_buffer_reserve(&bytes, n + 1, err);

	for (size_t i = 0; status == SPK_OK && i < n; i++) {
		uint8_t c = (uint8_t)s[i];

		if (type->kind != SPK_AVRO_STRING && c >= 0x80) {
			if (c > 0xc3 || i + 1 == n)
				status = no_value(type, json, err);
			c = (uint8_t)(c << 6 | ((uint8_t)s[++i] & 0x3f));
		}
		bytes.data[size++] = (char)c;
	}
	if (status == SPK_OK && type->kind == SPK_AVRO_FIXED && size != (size_t)type->size)
		status = no_value(type, json, err);
	if (status == SPK_OK && type->kind != SPK_AVRO_FIXED)
		status = put_varint(out, (int64_t)size, err);
	if (status == SPK_OK)
		status = spk_buffer_append(out, bytes.data, size, err);
	spk_buffer_release(&bytes);
	return status;
}

static spk_status put_default(const struct spk_avro_type *type, json_t *json, struct spk_buffer *out, spk_error *err);

static spk_status default_items(const struct spk_avro_type *type, json_t *json, struct spk_buffer *out, spk_error *err)
{
	static const struct spk_avro_type name = { .kind = SPK_AVRO_STRING };
	size_t n = type->kind == SPK_AVRO_MAP ? json_object_size(json) : json_array_size(json);
	const char *key;
	json_t *value;

	if (n)
		SPK_TRY(put_varint(out, (int64_t)n, err));
	if (type->kind == SPK_AVRO_MAP) {
		json_object_foreach(json, key, value) {
			json_t *text = json_string(key);
			spk_status status = text ? default_bytes(&name, text, out, err) : spk_fail_memory(err);

			json_decref(text);
			SPK_TRY(status);
			SPK_TRY(put_default(type->item[0], value, out, err));
		}
	}
	for (size_t i = 0; type->kind == SPK_AVRO_ARRAY && i < n; i++)
		SPK_TRY(put_default(type->item[0], json_array_get(json, i), out, err));
	return put_varint(out, 0, err);
}

/* A record's members, or the defaults of their own. */
static spk_status default_record(const struct spk_avro_type *type, json_t *json, struct spk_buffer *out, spk_error *err)
{
	for (int i = 0; i < type->count; i++) {
		json_t *value = json_object_get(json, type->field[i].name);

		if (value)
			SPK_TRY(put_default(type->field[i].type, value, out, err));
		else if (type->field[i].by_default)
			SPK_TRY(spk_avro_default(type->field[i].type, type->field[i].by_default, out, err));
		else
			return no_value(type, json, err);
	}
	return SPK_OK;
}

static spk_status default_number(const struct spk_avro_type *type, const json_t *json, struct spk_buffer *out, spk_error *err)
{
	double d = json_number_value(json);
	float f = (float)d;

	if (type->kind == SPK_AVRO_FLOAT)
		return spk_buffer_append(out, &f, sizeof(f), err);
	if (type->kind == SPK_AVRO_DOUBLE)
		return spk_buffer_append(out, &d, sizeof(d), err);
	if (!json_is_integer(json) || (type->kind == SPK_AVRO_INT && json_integer_value(json) != (int32_t)json_integer_value(json)))
		return no_value(type, json, err);
	return put_varint(out, json_integer_value(json), err);
}

/* Whether a default can be of that type, at a glance. */
static bool looks_like(const struct spk_avro_type *type, const json_t *json)
{
	switch (type->kind) {
	case SPK_AVRO_NULL: return json_is_null(json);
	case SPK_AVRO_BOOLEAN: return json_is_boolean(json);
	case SPK_AVRO_INT: case SPK_AVRO_LONG: return json_is_integer(json);
	case SPK_AVRO_FLOAT: case SPK_AVRO_DOUBLE: return json_is_number(json);
	case SPK_AVRO_ENUM: return json_is_string(json) && spk_avro_symbol(type, json_string_value(json), json_string_length(json)) >= 0;
	case SPK_AVRO_BYTES: case SPK_AVRO_STRING: case SPK_AVRO_FIXED: return json_is_string(json);
	case SPK_AVRO_ARRAY: return json_is_array(json);
	case SPK_AVRO_MAP: case SPK_AVRO_RECORD: return json_is_object(json);
	default: return true;
	}
}

/* The first branch that the value can be of; the specification of old took the very first. */
static spk_status default_union(const struct spk_avro_type *type, json_t *json, struct spk_buffer *out, spk_error *err)
{
	for (int i = 0; i < type->count; i++) {
		if (!looks_like(type->item[i], json))
			continue;
		SPK_TRY(put_varint(out, i, err));
		return put_default(type->item[i], json, out, err);
	}
	return no_value(type, json, err);
}

static spk_status put_default(const struct spk_avro_type *type, json_t *json, struct spk_buffer *out, spk_error *err)
{
	char b = json_is_true(json);

	if (!looks_like(type, json))
		return no_value(type, json, err);
	switch (type->kind) {
	case SPK_AVRO_NULL: return SPK_OK;
	case SPK_AVRO_BOOLEAN: return spk_buffer_append(out, &b, 1, err);
	case SPK_AVRO_BYTES: case SPK_AVRO_STRING: case SPK_AVRO_FIXED: return default_bytes(type, json, out, err);
	case SPK_AVRO_ENUM: return put_varint(out, spk_avro_symbol(type, json_string_value(json), json_string_length(json)), err);
	case SPK_AVRO_ARRAY: case SPK_AVRO_MAP: return default_items(type, json, out, err);
	case SPK_AVRO_UNION: return default_union(type, json, out, err);
	case SPK_AVRO_RECORD: return default_record(type, json, out, err);
	default: return default_number(type, json, out, err);
	}
}

spk_status spk_avro_default(const struct spk_avro_type *type, const char *json, struct spk_buffer *out, spk_error *err)
{
	json_t *value = json_loads(json, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	spk_status status;

	SPK_TRY_PTR(value, err);
	status = put_default(type, value, out, err);
	json_decref(value);
	return status;
}
