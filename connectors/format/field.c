/*
 * Values from text, quickly for what is common; the general parsers of core/expr for the rest.
 */
#include "connectors/format/field.h"

#include <stdio.h>

#include "core/base/check.h"
#include "core/columnar/decimal.h"
#include "core/expr/text.h"
#include "connectors/format/digits.h"
#include "connectors/format/simdjson_shim.h"

#define BYTES(n) ((UINT64_C(1) << 8 * (n)) - 1)
const uint64_t spk_view_masks[SPK_VIEW_INLINE + 1] = { 0, 0, 0, 0, 0, BYTES(1), BYTES(2), BYTES(3), BYTES(4), BYTES(5), BYTES(6), BYTES(7), UINT64_MAX };
const uint32_t spk_view_prefix_masks[SPK_VIEW_INLINE + 1] = {
	0, BYTES(1), BYTES(2), BYTES(3), UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX,
};

struct spk_field_rules spk_field_rules(const struct spk_conf *conf)
{
	return (struct spk_field_rules){ .timezone = conf ? spk_conf_text(conf, SPK_CONF_TIMEZONE) : NULL };
}

static const struct spk_option *find_option(const struct spk_table *table, const char *prefix, const char *key)
{
	size_t n = strlen(prefix);

	for (int i = table->option_count - 1; i >= 0; i--)
		if (!strncmp(table->option[i].key, prefix, n) && !strcmp(table->option[i].key + n, key))
			return &table->option[i];
	return NULL;
}

static const struct spk_option *format_option(const struct spk_table *table, const char *key)
{
	const struct spk_option *o = find_option(table, "", key);

	return o ? o : find_option(table, "value.", key);
}

const char *spk_format_option(const struct spk_table *table, const char *key)
{
	const struct spk_option *o = format_option(table, key);

	return o ? o->value : NULL;
}

const char *spk_format_spec_option(const struct spk_format_spec *spec, const char *name)
{
	const char *own = spk_format_own_option(spec, name);
	const struct spk_option *common = own || !spec->key ? NULL : find_option(spec->table, "", name);

	return common ? common->value : own;
}

const char *spk_format_own_option(const struct spk_format_spec *spec, const char *name)
{
	const struct spk_option *o = spec->key ? find_option(spec->table, "key.", name) : format_option(spec->table, name);

	return o ? o->value : NULL;
}

spk_status spk_format_option_failed(const struct spk_table *table, const char *key, spk_status status, spk_error *err)
{
	const struct spk_option *o = format_option(table, key);

	if (status != SPK_OK && err && o)
		err->position = o->position;
	return status;
}

/* --- numbers --- */

bool spk_field_integer(const char *s, size_t size, int64_t *out)
{
	bool negative = size && *s == '-';
	size_t n = size - negative;
	uint64_t v = 0;

	s += negative;
	if (n == 0 || n > 18)
		return false;
	for (size_t i = 0; i < n; i++) {
		unsigned d = (uint8_t)(s[i] - '0');

		if (d > 9)
			return false;
		v = v * 10 + d;
	}
	*out = negative ? -(int64_t)v : (int64_t)v;
	return true;
}

bool spk_field_decimal(const char *s, size_t size, int64_t *mantissa, int *scale)
{
	bool negative = size && *s == '-';
	const char *p = s + negative, *end = s + size, *point = NULL;
	uint64_t v = 0;

	if (end - p == 0 || end - p > 19)
		return false;
	for (; p < end; p++) {
		unsigned d = (uint8_t)(*p - '0');

		if (d <= 9) {
			v = v * 10 + d;
		} else if (*p == '.' && !point && p > s + negative && p + 1 < end) {
			point = p + 1;
		} else {
			return false;
		}
	}
	if (!point && size - negative > 18)
		return false;
	*mantissa = negative ? -(int64_t)v : (int64_t)v;
	*scale = point ? (int)(end - point) : 0;
	return true;
}

bool spk_field_store_integer(struct spk_type type, int64_t v, void *out)
{
	int16_t small = (int16_t)v;
	int32_t middle = (int32_t)v;

	switch (type.id) {
	case SPK_TYPE_BIGINT:
		memcpy(out, &v, sizeof(v));
		return true;
	case SPK_TYPE_INTEGER:
		memcpy(out, &middle, sizeof(middle));
		return middle == v;
	default:
		memcpy(out, &small, sizeof(small));
		return small == v;
	}
}

/* [-]digits[.digits], the form that needs no thought about what else a double may be called. */
static bool plain_number(const char *s, size_t size)
{
	size_t i = size && s[0] == '-', first = i;
	bool point = false;

	for (; i < size; i++) {
		if (s[i] == '.' && !point && i > first)
			point = true;
		else if ((uint8_t)(s[i] - '0') > 9)
			return false;
	}
	return size > first && (uint8_t)(s[size - 1] - '0') <= 9;
}

/* --- everything --- */

/* An offset or Z counts: the text is read as a point in time and kept as UTC. */
static spk_status parse_timestamp(struct spk_type type, const char *s, size_t size, const struct spk_field_rules *rules, int64_t *out, spk_error *err)
{
	bool zoned = false, tz = type.id == SPK_TYPE_TIMESTAMPTZ;
	bool utc = !tz || !rules->timezone || !strcmp(rules->timezone, "UTC");

	if (SPK_LIKELY(spk_text_parse_timestamp_fast(s, size, out, &zoned)) && (zoned || utc))
		return SPK_OK;
	return spk_text_to_value(spk_type(SPK_TYPE_TIMESTAMPTZ), s, size, tz ? rules->timezone : "UTC", out, err);
}

/* Eight digits as HHMMSS with anything between the pairs ("03:04:05"): their number of seconds, -1 when they are none. */
static inline int32_t clock_seconds(const char *s)
{
	uint64_t v, digits;

	memcpy(&v, s, 8);
	if ((v & UINT64_C(0x0000ff0000ff0000)) != UINT64_C(0x00003a00003a0000))
		return -1;
	digits = (v & UINT64_C(0xffff00ffff00ffff)) - UINT64_C(0x3030003030003030);
	/* A byte that was below '0' or above '9' shows in its high half, now or with 6 added. */
	if ((digits | (digits + UINT64_C(0x0606000606000606))) & UINT64_C(0xf0f000f0f000f0f0))
		return -1;
	{
		int32_t h = (int32_t)(digits & 15) * 10 + (int32_t)(digits >> 8 & 15), m = (int32_t)(digits >> 24 & 15) * 10 + (int32_t)(digits >> 32 & 15);
		int32_t sec = (int32_t)(digits >> 48 & 15) * 10 + (int32_t)(digits >> 56 & 15);

		return h < 24 && m < 60 && sec < 60 ? h * 3600 + m * 60 + sec : -1;
	}
}

static bool new_day(const char *s, struct spk_day *day)
{
	int32_t days;

	if (!spk_digits_date(s, &days))
		return false;
	day->us = days * INT64_C(86400000000);
	memcpy(&day->text, s, 8);
	memcpy(&day->rest, s + 8, 2);
	return true;
}

bool spk_field_timestamp(const char *s, size_t size, struct spk_day *day, int64_t *out)
{
	static const int32_t unit[] = { 1000000, 100000, 10000, 1000, 100, 10, 1 };
	uint64_t text;
	uint16_t rest;
	int32_t seconds, fraction = 0;
	size_t digits = size - 20;

	if (size < 19 || size == 20 || size > 26 || (s[10] != ' ' && s[10] != 'T') || (size > 19 && s[19] != '.'))
		return false;
	memcpy(&text, s, 8);
	memcpy(&rest, s + 8, 2);
	seconds = clock_seconds(s + 11);
	if (SPK_UNLIKELY(seconds < 0) || (SPK_UNLIKELY(text != day->text || rest != day->rest) && !new_day(s, day)))
		return false;
	if (size > 19) {
		for (size_t i = 0; i < digits; i++) {
			unsigned d = (uint8_t)(s[20 + i] - '0');

			if (d > 9)
				return false;
			fraction = fraction * 10 + (int32_t)d;
		}
		fraction *= unit[digits];
	}
	*out = day->us + (int64_t)seconds * 1000000 + fraction;
	return true;
}

spk_status spk_field_parse(struct spk_type type, const char *s, size_t size, const struct spk_field_rules *rules, void *out, spk_error *err)
{
	int64_t v;
	int scale;

	switch (type.id) {
	case SPK_TYPE_SMALLINT: case SPK_TYPE_INTEGER: case SPK_TYPE_BIGINT:
		if (SPK_LIKELY(spk_field_integer(s, size, &v)) && spk_field_store_integer(type, v, out))
			return SPK_OK;
		break;
	case SPK_TYPE_DOUBLE:
		if (plain_number(s, size) && spk_simdjson_double(s, size, out))
			return SPK_OK;
		break;
	case SPK_TYPE_DECIMAL:
		if (spk_field_decimal(s, size, &v, &scale) && spk_decimal_store(type, v, scale, out))
			return SPK_OK;
		break;
	case SPK_TYPE_DATE:
		if (size == 10 && spk_digits_date(s, out))
			return SPK_OK;
		break;
	case SPK_TYPE_TIMESTAMP: case SPK_TYPE_TIMESTAMPTZ:
		return parse_timestamp(type, s, size, rules, out, err);
	default:
		break;
	}
	return spk_text_to_value(type, s, size, rules->timezone, out, err);
}

bool spk_field_fit_varchar(struct spk_type type, const char *s, uint32_t *size)
{
	uint32_t bound = (uint32_t)type.precision, n = 0, cut = 0;

	*size = (uint32_t)spk_text_kept(type, s, *size);
	if (*size <= bound)
		return true;
	while (cut < *size && n < bound) {
		cut++;
		while (cut < *size && ((uint8_t)s[cut] & 0xc0) == 0x80)
			cut++;
		n++;
	}
	for (uint32_t i = cut; i < *size; i++)
		if (s[i] != ' ')
			return false;
	*size = cut;
	return true;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool bytea_escapes(const char *s, size_t size, char *out, size_t *length)
{
	size_t n = 0;

	for (size_t i = 0; i < size; i++) {
		if (s[i] != '\\') {
			out[n++] = s[i];
		} else if (i + 1 < size && s[i + 1] == '\\') {
			out[n++] = '\\';
			i++;
		} else if (i + 3 < size && s[i + 1] >= '0' && s[i + 1] <= '3' && s[i + 2] >= '0' && s[i + 2] <= '7' && s[i + 3] >= '0' && s[i + 3] <= '7') {
			out[n++] = (char)((s[i + 1] - '0') << 6 | (s[i + 2] - '0') << 3 | (s[i + 3] - '0'));
			i += 3;
		} else {
			return false;
		}
	}
	*length = n;
	return true;
}

bool spk_field_bytea(const char *s, size_t size, char *out, size_t *length)
{
	if (size < 2 || s[0] != '\\' || s[1] != 'x')
		return bytea_escapes(s, size, out, length);
	if (size % 2)
		return false;
	for (size_t i = 2; i < size; i += 2) {
		int high = hex_digit(s[i]), low = hex_digit(s[i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i / 2 - 1] = (char)(high << 4 | low);
	}
	*length = size / 2 - 1;
	return true;
}

/* --- batches --- */

spk_status spk_field_init_columns(struct spk_batch *batch, int n, const bool *skip, bool json, spk_error *err)
{
	for (int c = 0; c < batch->columns; c++)
		if (!skip || !skip[c])
			SPK_TRY(spk_vector_init(&batch->column[c], spk_field_read_type(batch->schema->field[c].type, json), n, batch->arena, err));
	return SPK_OK;
}

static spk_status add_error(struct spk_row_errors *list, struct spk_row_error error, struct spk_arena *arena, spk_error *err)
{
	if (list->count == list->capacity) {
		int capacity = list->capacity ? list->capacity * 2 : 16;
		struct spk_row_error *grown = spk_arena_alloc(arena, sizeof(*grown) * (size_t)capacity);

		SPK_TRY_PTR(grown, err);
		if (list->count)
			memcpy(grown, list->list, sizeof(*grown) * (size_t)list->count);
		list->list = grown;
		list->capacity = capacity;
	}
	list->list[list->count++] = error;
	return SPK_OK;
}

spk_status spk_field_row_failed(struct spk_batch *batch, int row, const char *reason, struct spk_row_errors *errors, spk_error *err)
{
	const char *kept;

	if (!errors)
		return spk_fail(err, SPK_DATA, "%s", reason);
	for (int c = 0; c < batch->columns; c++)
		if (batch->column[c].data)
			SPK_TRY(spk_field_null(&batch->column[c], row, batch->rows, batch->arena, err));
	kept = spk_arena_strdup(batch->arena, reason);
	SPK_TRY_PTR(kept, err);
	return add_error(errors, (struct spk_row_error){ .row = row, .code = SPK_DATA, .message = kept }, batch->arena, err);
}

const char *spk_field_shown_most(const char *s, size_t size, size_t most, char *out)
{
	size_t n = SPK_MIN(size, most);
	bool text;

	while (n < size && n > 0 && ((uint8_t)s[n] & 0xc0) == 0x80)
		n--;
	text = spk_simdjson_is_text(s, n);
	for (size_t i = 0; i < n; i++)
		out[i] = (uint8_t)s[i] < 0x20 || s[i] == 0x7f || (!text && (uint8_t)s[i] > 0x7f) ? '?' : s[i];
	strcpy(out + n, n < size ? "..." : "");
	return out;
}

const char *spk_field_shown(const char *s, size_t size, char *out)
{
	return spk_field_shown_most(s, size, 40, out);
}

/* --- base64 --- */

static const char digits64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void spk_base64_encode(const char *data, size_t size, char *out)
{
	for (size_t i = 0; i < size; i += 3) {
		size_t have = SPK_MIN(size - i, (size_t)3);
		uint32_t v = (uint32_t)(uint8_t)data[i] << 16;

		if (have > 1)
			v |= (uint32_t)(uint8_t)data[i + 1] << 8;
		if (have > 2)
			v |= (uint8_t)data[i + 2];
		*out++ = digits64[v >> 18];
		*out++ = digits64[v >> 12 & 63];
		*out++ = have > 1 ? digits64[v >> 6 & 63] : '=';
		*out++ = have > 2 ? digits64[v & 63] : '=';
	}
}

static int digit64(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

bool spk_base64_decode(const char *s, size_t size, char *out, size_t *length)
{
	uint32_t v = 0;
	size_t n = 0;
	int bits = 0;

	if (size && size % 4 == 0 && s[size - 1] == '=')
		size -= s[size - 2] == '=' ? 2 : 1;
	for (size_t i = 0; i < size; i++) {
		int d = digit64(s[i]);

		if (d < 0)
			return false;
		v = v << 6 | (uint32_t)d;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			out[n++] = (char)(v >> bits);
		}
	}
	*length = n;
	return bits < 6 && (v & ((1u << bits) - 1)) == 0;
}
