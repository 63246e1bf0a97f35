/*
 * One JSON value into one column: what fits, what does not, and what is said about it.
 */
#include "connectors/format/json.h"

#include <stdio.h>

#include "core/base/check.h"
#include "core/columnar/decimal.h"

/* --- saying what does not fit --- */

static spk_status misfit(struct spk_json_row *r, const struct spk_json_target *t, const char *found, uint32_t size, const char *why)
{
	char shown[SPK_SHOWN], name[SPK_SHOWN], type[64];

	snprintf(r->reason, sizeof(r->reason), "member \"%s\": found %s, expected %s%s%.80s", spk_field_shown(t->name, strlen(t->name), name),
	         spk_field_shown(found, size, shown), spk_type_format(t->type, type, sizeof(type)), why ? ": " : "", why ? why : "");
	return SPK_DATA;
}

static spk_status malformed(struct spk_json_row *r, uint32_t k)
{
	spk_json_unexpected(r, k, "a value");
	return SPK_DATA;
}

/* --- strings --- */

/* The string at token k without quotes and escapes: a view into the row, or of a copy in the arena. */
static spk_status read_string(struct spk_json_row *r, uint32_t k, const struct spk_json_target *t, struct spk_arena *arena, const char **s, uint32_t *size, spk_error *err)
{
	uint32_t n;
	char *copy;

	*s = spk_json_string(r, k, size);
	n = *size;
	if (SPK_LIKELY(!r->escapes) || !memchr(*s, '\\', n))
		return SPK_OK;
	copy = spk_arena_alloc(arena, (size_t)n + 16);
	SPK_TRY_PTR(copy, err);
	switch (spk_json_unescape(*s, n, copy, size)) {
	case SPK_JSON_ESCAPE_BAD:
		spk_json_unexpected(r, k, "a string with valid escapes");
		return SPK_DATA;
	case SPK_JSON_ESCAPE_SURROGATE:
		return misfit(r, t, *s - 1, n + 2, "half of a surrogate pair is no character");
	case SPK_JSON_ESCAPE_OK:
		break;
	}
	memset(copy + *size, 0, 16);
	*s = copy;
	return SPK_OK;
}

static spk_status store_text(struct spk_json_row *r, const struct spk_json_target *t, const char *s, uint32_t n, bool may_hold_nul, struct spk_view *out)
{
	if (t->type.precision && !spk_field_fit_varchar(t->type, s, &n))
		return misfit(r, t, s, n, "too long");
	/* PostgreSQL's text cannot hold it; only an escape can have made one. */
	if (SPK_UNLIKELY(may_hold_nul) && memchr(s, '\0', n))
		return misfit(r, t, s, n, "\\u0000 cannot be in a text");
	*out = spk_view_padded(s, n);
	return SPK_OK;
}

static spk_status store_bytea(struct spk_json_row *r, const struct spk_json_target *t, const char *s, uint32_t n, struct spk_view *out, struct spk_arena *arena, spk_error *err)
{
	char *bytes = spk_arena_alloc(arena, (size_t)n / 4 * 3 + 3);
	size_t length;

	SPK_TRY_PTR(bytes, err);
	if (!spk_base64_decode(s, n, bytes, &length))
		return misfit(r, t, s, n, "not base64");
	*out = spk_view(bytes, (uint32_t)length);
	return SPK_OK;
}

static void *slot(const struct spk_vector *out, int row)
{
	return (char *)out->data + (size_t)row * (size_t)spk_type_width(out->type);
}

static spk_status store_string(struct spk_json_row *r, uint32_t k, const struct spk_json_target *t, const struct spk_field_rules *rules, struct spk_vector *out, int row, struct spk_arena *arena, spk_error *err)
{
	const char *s;
	uint32_t n;
	spk_error why;
	spk_status status;

	SPK_TRY(read_string(r, k, t, arena, &s, &n, err));
	if (SPK_LIKELY(t->type.id == SPK_TYPE_TEXT))
		return store_text(r, t, s, n, r->escapes, spk_vector_view(out) + row);
	if (t->type.id == SPK_TYPE_BYTEA)
		return store_bytea(r, t, s, n, spk_vector_view(out) + row, arena, err);
	status = spk_field_parse(t->type, s, n, rules, slot(out, row), &why);
	if (status == SPK_DATA)
		return misfit(r, t, r->text + r->at[k], n + 2, NULL);
	if (status != SPK_OK && err)
		*err = why;
	return status;
}

/* --- numbers --- */

/* Mantissa and scale without the zeros that end it: 1.50e3 is 15 and -2. */
static bool exact_integer(const char *s, uint32_t n, int64_t *out)
{
	spk_int128 m, whole;
	int scale;

	if (!spk_decimal_parse(s, n, &m, &scale) || !spk_decimal_rescale(m, scale, 0, &whole))
		return false;
	if (scale > 0) {
		spk_int128 back;

		if (!spk_decimal_rescale(whole, 0, scale, &back) || back != m)
			return false;
	}
	if (whole < INT64_MIN || whole > INT64_MAX)
		return false;
	*out = (int64_t)whole;
	return true;
}

static bool store_double(struct spk_type type, const char *s, uint32_t n, void *out)
{
	double v;
	float f;

	if (!spk_simdjson_double(s, n, &v))
		return false;
	if (type.id == SPK_TYPE_DOUBLE) {
		memcpy(out, &v, sizeof(v));
		return true;
	}
	f = (float)v;
	if (__builtin_isinf(f) || (f == 0 && v != 0))
		return false;
	memcpy(out, &f, sizeof(f));
	return true;
}

static bool store_decimal(struct spk_type type, const char *s, uint32_t n, spk_int128 *out)
{
	int64_t small;
	spk_int128 m;
	int scale;

	if (SPK_LIKELY(spk_field_decimal(s, n, &small, &scale))) {
		m = small;
	} else if (!spk_decimal_parse(s, n, &m, &scale)) {
		/* A string, since JSON has no word for it. */
		scale = 0;
		if (!spk_decimal_parse_special(s, n, &m))
			return false;
	}
	return spk_decimal_store_declared(type, m, scale, out);
}

/* A number of seconds, milliseconds or microseconds since 1970, with a fraction or not. */
static bool store_epoch(const char *s, uint32_t n, int64_t unit_us, int64_t *out)
{
	spk_int128 m, us;
	int scale;

	if (!unit_us || !spk_decimal_parse(s, n, &m, &scale) || m > (spk_int128)INT64_MAX * 1000000 || m < (spk_int128)INT64_MIN * 1000000)
		return false;
	if (!spk_decimal_rescale(m * unit_us, scale, 0, &us) || us < INT64_MIN || us > INT64_MAX)
		return false;
	*out = (int64_t)us;
	return true;
}

static spk_status store_number_slow(struct spk_json_row *r, uint32_t k, const struct spk_json_target *t, const struct spk_field_rules *rules, struct spk_vector *out, int row)
{
	const char *s = r->text + r->at[k];
	bool integer, ok = false;
	uint32_t n = spk_json_number(s, r->text + r->size, &integer);
	const char *why = NULL;
	int64_t v;

	if (!n)
		return malformed(r, k);
	switch (t->type.id) {
	case SPK_TYPE_SMALLINT: case SPK_TYPE_INTEGER: case SPK_TYPE_BIGINT:
		ok = exact_integer(s, n, &v) && spk_field_store_integer(t->type, v, slot(out, row));
		why = integer ? "out of range" : NULL;
		break;
	case SPK_TYPE_REAL: case SPK_TYPE_DOUBLE:
		ok = store_double(t->type, s, n, slot(out, row));
		why = "out of range";
		break;
	case SPK_TYPE_DECIMAL:
		ok = store_decimal(t->type, s, n, spk_vector_i128(out) + row);
		why = "out of range";
		break;
	case SPK_TYPE_TIMESTAMP: case SPK_TYPE_TIMESTAMPTZ:
		ok = store_epoch(s, n, rules->timestamp_unit_us, spk_vector_i64(out) + row);
		break;
	case SPK_TYPE_TEXT: case SPK_TYPE_JSONB: case SPK_TYPE_JSON:
		return store_text(r, t, s, n, false, spk_vector_view(out) + row);
	default:
		break;
	}
	return ok ? SPK_OK : misfit(r, t, s, n, why);
}

/* --- all --- */

/* Objects and arrays as they stand, into text; booleans and null. */
static spk_status store_other(struct spk_json_row *r, uint32_t *k, const struct spk_json_target *t, struct spk_vector *out, int row, int rows, struct spk_arena *arena, spk_error *err)
{
	uint32_t first = *k, at = r->at[first], end;
	char c = r->text[at];

	if (!spk_json_skip(r, k, 1))
		return SPK_DATA;
	if (c == 'n')
		return spk_field_null(out, row, rows, arena, err);
	if (t->type.id == SPK_TYPE_BOOLEAN && c != '{' && c != '[') {
		spk_vector_bool(out)[row] = c == 't';
		return SPK_OK;
	}
	end = c == '{' || c == '[' ? r->at[*k - 1] + 1 : at + (c == 't' ? 4 : 5);
	if (t->type.id == SPK_TYPE_TEXT || spk_type_is_json(t->type))
		return store_text(r, t, r->text + at, end - at, false, spk_vector_view(out) + row);
	return misfit(r, t, r->text + at, end - at, NULL);
}

/* jsonb keeps the value's JSON text, a string with its quotes. */
static spk_status store_jsonb_string(struct spk_json_row *r, uint32_t *k, struct spk_vector *out, int row)
{
	uint32_t n, at = *k;
	const char *s = spk_json_string(r, at, &n);

	if (!spk_json_skip(r, k, 1))
		return SPK_DATA;
	spk_vector_view(out)[row] = spk_view(s - 1, n + 2);
	return SPK_OK;
}

spk_status spk_json_store(struct spk_json_row *r, uint32_t *k, const struct spk_json_target *t, const struct spk_field_rules *rules, struct spk_vector *out, int row, int rows, struct spk_arena *arena, spk_error *err)
{
	const char *s = r->text + r->at[*k], *end;
	int64_t v;
	uint32_t at = *k;

	switch (*s) {
	case '"':
		if (SPK_UNLIKELY(spk_type_is_json(t->type)))
			return store_jsonb_string(r, k, out, row);
		++*k;
		return store_string(r, at, t, rules, out, row, arena, err);
	case '-': case '0': case '1': case '2': case '3': case '4': case '5': case '6': case '7': case '8': case '9':
		++*k;
		if (t->type.id == SPK_TYPE_BIGINT && SPK_LIKELY(spk_json_plain_integer(s, &v, &end))) {
			spk_vector_i64(out)[row] = v;
			return SPK_OK;
		}
		if ((t->type.id == SPK_TYPE_INTEGER || t->type.id == SPK_TYPE_SMALLINT) && spk_json_plain_integer(s, &v, &end) &&
		    spk_field_store_integer(t->type, v, slot(out, row)))
			return SPK_OK;
		return store_number_slow(r, at, t, rules, out, row);
	default:
		return store_other(r, k, t, out, row, rows, arena, err);
	}
}
