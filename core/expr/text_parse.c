/* Text to values: numbers, booleans and bytes; dates and times are in text_time.c and text_interval.c. */
#include "core/expr/text_parse.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "core/columnar/decimal.h"
#include "core/expr/locale.h"

enum { SHOWN_MAX = 200 };

static int shown(size_t size)
{
	return (int)SPK_MIN(size, SHOWN_MAX);
}

spk_status spk_text_syntax(const char *type, const char *s, size_t size, spk_error *err)
{
	return spk_fail(err, SPK_DATA, "invalid input syntax for type %s: \"%.*s\"", type, shown(size), s);
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* --- integers --- */

/* Digits into *out; 0 done, 1 not a number, 2 too large for -max - 1 .. max, said at the first digit too many. */
static int read_integer(const char *s, const char *end, int64_t max, int64_t *out)
{
	bool negative = false;
	uint64_t v = 0, limit;

	if (s < end && (*s == '-' || *s == '+'))
		negative = *s++ == '-';
	if (s == end)
		return 1;
	limit = (uint64_t)max + negative;
	for (; s < end; s++) {
		unsigned d = (unsigned)(*s - '0');

		if (d > 9)
			return 1;
		if (v > (limit - d) / 10)
			return 2;
		v = v * 10 + d;
	}
	*out = (int64_t)(negative ? 0 - v : v);
	return 0;
}

static spk_status parse_integer(const char *type, const char *s, size_t size, int64_t max, int64_t *out, spk_error *err)
{
	int failed = read_integer(s, s + size, max, out);

	if (failed == 1)
		return spk_text_syntax(type, s, size, err);
	if (failed)
		return spk_fail(err, SPK_DATA, "value \"%.*s\" is out of range for type %s", shown(size), s, type);
	return SPK_OK;
}

/* --- floats --- */

/* Up to 15 digits and a power of ten up to 22: both are exact doubles, so one division or multiplication rounds rightly. */
static bool read_short_double(const char *s, const char *end, double *out)
{
	static const double power[] = { 1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15 };
	bool negative = s < end && *s == '-';
	int digits = 0, behind = 0;
	bool point = false;
	int64_t m = 0;

	for (s += negative; s < end; s++) {
		if (*s == '.' && !point) {
			point = true;
			continue;
		}
		if (*s < '0' || *s > '9' || ++digits > 15)
			return false;
		m = m * 10 + (*s - '0');
		behind += point;
	}
	if (digits == 0)
		return false;
	*out = negative ? -(double)m / power[behind] : (double)m / power[behind];
	return true;
}

static bool read_special(const char *s, size_t size, double *out)
{
	static const struct { const char *word; double value; } special[] = {
		{ "nan", NAN }, { "infinity", INFINITY }, { "+infinity", INFINITY }, { "-infinity", -INFINITY },
		{ "inf", INFINITY }, { "+inf", INFINITY }, { "-inf", -INFINITY },
	};

	for (size_t i = 0; i < SPK_COUNT_OF(special); i++) {
		if (strlen(special[i].word) == size && strncasecmp(special[i].word, s, size) == 0) {
			*out = special[i].value;
			return true;
		}
	}
	return false;
}

static spk_status parse_double(const char *type, const char *s, size_t size, bool single, double *out, spk_error *err)
{
	char text[128], *end, *copy = text;
	double v;

	if (!single && read_short_double(s, s + size, out))
		return SPK_OK;
	if (read_special(s, size, out))
		return SPK_OK;
	if (size == 0 || !(strchr("0123456789+-.", s[0])))
		return spk_text_syntax(type, s, size, err);
	if (size >= sizeof text && !(copy = malloc(size + 1)))
		return spk_fail_memory(err);
	memcpy(copy, s, size);
	copy[size] = 0;
	errno = 0;
	v = single ? (double)strtof_l(copy, &end, spk_locale()) : strtod_l(copy, &end, spk_locale());
	size -= (size_t)(end - copy);
	if (copy != text)
		free(copy);
	if (size != 0)
		return spk_text_syntax(type, s, size + (size_t)(end - copy), err);
	if (errno == ERANGE && (v == 0 || isinf(v)))
		return spk_fail(err, SPK_DATA, "\"%.*s\" is out of range for type %s", shown((size_t)(end - copy)), s, type);
	*out = v;
	return SPK_OK;
}

/* --- numerics --- */

/* [+-]digits[.digits][e[+-]digits], however long. */
static bool is_decimal_text(const char *s, const char *end)
{
	bool digits = false;

	s += s < end && (*s == '+' || *s == '-');
	for (; s < end && *s >= '0' && *s <= '9'; s++)
		digits = true;
	s += s < end && *s == '.';
	for (; s < end && *s >= '0' && *s <= '9'; s++)
		digits = true;
	if (digits && s < end && (*s == 'e' || *s == 'E')) {
		s++;
		s += s < end && (*s == '+' || *s == '-');
		for (digits = false; s < end && *s >= '0' && *s <= '9'; s++)
			digits = true;
	}
	return digits && s == end;
}

static spk_status field_overflow(struct spk_type type, bool infinite, spk_error *err)
{
	if (type.scale < 0)
		return spk_fail(err, SPK_DATA, "value overflows numeric format");
	if (infinite) {
		spk_fail(err, SPK_DATA, "numeric field overflow");
		return spk_hint(err, "A field with precision %d, scale %d cannot hold an infinite value.", type.precision, type.scale);
	}
	spk_fail(err, SPK_DATA, "numeric field overflow");
	return spk_hint(err, "A field with precision %d, scale %d must round to an absolute value less than 10^%d.", type.precision, type.scale, type.precision - type.scale);
}

static spk_status parse_decimal(struct spk_type type, const char *s, size_t size, spk_int128 *out, spk_error *err)
{
	spk_int128 m;
	int scale = 0;

	if (!spk_decimal_parse(s, size, &m, &scale) && !spk_decimal_parse_special(s, size, &m))
		return is_decimal_text(s, s + size) ? field_overflow(type, false, err) : spk_text_syntax("numeric", s, size, err);
	return spk_decimal_store_declared(type, m, scale, out) ? SPK_OK : field_overflow(type, spk_decimal_is_special(m), err);
}

/* --- booleans and bytes --- */

static spk_status parse_boolean(const char *s, size_t size, uint8_t *out, spk_error *err)
{
	static const struct { const char *word; size_t least; uint8_t value; } words[] = {
		{ "true", 1, 1 }, { "false", 1, 0 }, { "yes", 1, 1 }, { "no", 1, 0 }, { "on", 2, 1 }, { "off", 2, 0 }, { "1", 1, 1 }, { "0", 1, 0 },
	};

	for (size_t i = 0; i < SPK_COUNT_OF(words); i++) {
		if (size >= words[i].least && size <= strlen(words[i].word) && strncasecmp(s, words[i].word, size) == 0) {
			*out = words[i].value;
			return SPK_OK;
		}
	}
	return spk_text_syntax("boolean", s, size, err);
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool is_octal(const char *s)
{
	return s[0] >= '0' && s[0] <= '3' && s[1] >= '0' && s[1] <= '7' && s[2] >= '0' && s[2] <= '7';
}

spk_status spk_text_decode_bytes(const char *s, size_t size, char *out, size_t *length, spk_error *err)
{
	size_t n = 0;

	if (size >= 2 && s[0] == '\\' && s[1] == 'x') {
		int high = -1;

		for (size_t i = 2; i < size; i++) {
			int d = hex_digit(s[i]);

			if (d < 0 && is_space(s[i]) && high < 0)
				continue;
			if (d < 0)
				return spk_fail(err, SPK_DATA, "invalid hexadecimal digit: \"%c\"", s[i]);
			if (high >= 0)
				out[n++] = (char)(high << 4 | d);
			high = high >= 0 ? -1 : d;
		}
		if (high >= 0)
			return spk_fail(err, SPK_DATA, "invalid hexadecimal data: odd number of digits");
		*length = n;
		return SPK_OK;
	}
	for (size_t i = 0; i < size; i++) {
		if (s[i] != '\\') {
			out[n++] = s[i];
		} else if (i + 1 < size && s[i + 1] == '\\') {
			out[n++] = s[++i];
		} else if (i + 3 < size && is_octal(s + i + 1)) {
			out[n++] = (char)((s[i + 1] - '0') << 6 | (s[i + 2] - '0') << 3 | (s[i + 3] - '0'));
			i += 3;
		} else {
			return spk_fail(err, SPK_DATA, "invalid input syntax for type bytea");
		}
	}
	*length = n;
	return SPK_OK;
}

/* Bytes without an escape are the text itself; a decoded value must be short enough to lie in the view. */
static spk_status parse_bytes(const char *s, size_t size, struct spk_view *out, spk_error *err)
{
	char small[64];
	size_t length;

	if (!memchr(s, '\\', size)) {
		*out = spk_view(s, (uint32_t)size);
		return SPK_OK;
	}
	if (size > sizeof small)
		return spk_fail(err, SPK_UNSUPPORTED, "bytea text of %zu bytes needs memory: use spk_text_decode_bytes", size);
	SPK_TRY(spk_text_decode_bytes(s, size, small, &length, err));
	if (length > SPK_VIEW_INLINE)
		return spk_fail(err, SPK_UNSUPPORTED, "bytea text of %zu bytes needs memory: use spk_text_decode_bytes", size);
	*out = spk_view(small, (uint32_t)length);
	return SPK_OK;
}

static spk_status parse_text(struct spk_type type, const char *s, size_t size, struct spk_view *out, spk_error *err)
{
	size_t characters = 0, i = 0;
	char name[64];

	size = spk_text_kept(type, s, size);
	for (; type.precision > 0 && i < size && (characters < (size_t)type.precision || (s[i] & 0xc0) == 0x80); i++)
		characters += (s[i] & 0xc0) != 0x80;
	for (size_t k = i; type.precision > 0 && k < size; k++)
		if (s[k] != ' ')
			return spk_fail(err, SPK_DATA, "value too long for type %s", spk_type_format(type, name, sizeof name));
	*out = spk_view(s, (uint32_t)(type.precision > 0 ? i : size));
	return SPK_OK;
}

/* --- any type --- */

static spk_status parse_number(struct spk_type type, const char *s, size_t size, void *out, spk_error *err)
{
	int64_t i;
	double d;

	switch (type.id) {
	case SPK_TYPE_SMALLINT:
		SPK_TRY(parse_integer("smallint", s, size, INT16_MAX, &i, err));
		*(int16_t *)out = (int16_t)i;
		return SPK_OK;
	case SPK_TYPE_INTEGER:
		SPK_TRY(parse_integer("integer", s, size, INT32_MAX, &i, err));
		*(int32_t *)out = (int32_t)i;
		return SPK_OK;
	case SPK_TYPE_BIGINT:
		return parse_integer("bigint", s, size, INT64_MAX, out, err);
	case SPK_TYPE_REAL:
		SPK_TRY(parse_double("real", s, size, true, &d, err));
		*(float *)out = (float)d;
		return SPK_OK;
	case SPK_TYPE_DOUBLE:
		return parse_double("double precision", s, size, false, out, err);
	default:
		return parse_decimal(type, s, size, out, err);
	}
}

static spk_status parse_trimmed(struct spk_type type, const char *s, size_t size, const char *timezone, void *out, spk_error *err)
{
	char name[64];

	switch (type.id) {
	case SPK_TYPE_BOOLEAN:
		return parse_boolean(s, size, out, err);
	case SPK_TYPE_DATE:
		return spk_text_parse_date(s, size, out, err);
	case SPK_TYPE_TIME:
		return spk_text_parse_time(s, size, out, err);
	case SPK_TYPE_TIMESTAMP:
		return spk_text_parse_timestamp(s, size, false, timezone, out, err);
	case SPK_TYPE_TIMESTAMPTZ:
		return spk_text_parse_timestamp(s, size, true, timezone, out, err);
	case SPK_TYPE_INTERVAL:
		return spk_text_parse_interval(s, size, out, err);
	default:
		if (spk_type_is_number(type))
			return parse_number(type, s, size, out, err);
		return spk_fail(err, SPK_UNSUPPORTED, "text to %s", spk_type_format(type, name, sizeof name));
	}
}

/* A message that quotes the trimmed text quotes it as it came. */
static void quote_whole(const char *s, size_t size, const char *trimmed, size_t trimmed_size, spk_error *err)
{
	char before[sizeof err->message];
	char *at = trimmed_size ? memmem(err->message, strlen(err->message), trimmed, trimmed_size) : strstr(err->message, "\"\"");
	size_t skip = trimmed_size ? 0 : 1;

	if (!at)
		return;
	memcpy(before, err->message, sizeof before);
	snprintf(at + skip, sizeof before - (size_t)(at + skip - err->message), "%.*s%s", shown(size), s, before + (at + skip - err->message) + trimmed_size);
}

spk_status spk_text_to_value(struct spk_type type, const char *s, size_t size, const char *timezone, void *out, spk_error *err)
{
	const char *all = s;
	size_t all_size = size;
	spk_status status;

	if (type.id == SPK_TYPE_TEXT || type.id == SPK_TYPE_UNKNOWN)
		return parse_text(type, s, size, out, err);
	if (type.id == SPK_TYPE_BYTEA)
		return parse_bytes(s, size, out, err);
	if (type.id == SPK_TYPE_UUID)
		return spk_text_parse_uuid(s, size, out, err);
	for (; size && is_space(*s); s++)
		size--;
	while (size && is_space(s[size - 1]))
		size--;
	status = parse_trimmed(type, s, size, timezone, out, err);
	if (status != SPK_OK && err && size != all_size)
		quote_whole(all, all_size, s, size, err);
	return status;
}
