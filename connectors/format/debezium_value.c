/*
 * Values as Debezium spells them, by the type that the table says: decimals as the bytes of their unscaled integer, days, microseconds, texts of jsonb and
 * hstore, and the marks that stand for values that an update did not touch (they lie out of line, and the log does not have them).
 *
 * What its settings change (decimal.handling.mode, binary.handling.mode, time.precision.mode) cannot be seen in a message, so the table's options say it.
 */
#include "connectors/format/debezium.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/check.h"
#include "core/columnar/decimal.h"
#include "core/expr/text.h"

#define MARK "__debezium_unavailable_value"
#define MARK_BASE64 "X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ=="
#define MARK_UUID "b68a35a7-17ad-35b3-af2a-ae46edb4545a"
#define MARK_NUMBERS "95,95,100,101,98,101,122,105,117,109,95,117,110,97,118,97,105,108,97,98,108,101,95,118,97,108,117,101"

/* Infinite dates as days: those that java.time has for what PostgreSQL's driver makes of them. */
enum { DATE_INFINITY = -2147472692, DATE_MINUS_INFINITY = -2147472691 };
#define DAY_US INT64_C(86400000000)

struct dialect {
	struct spk_json_dialect base;
	bool texts;                       /* decimals come as texts or numbers, not as bytes */
	bool hex;
	int64_t unit_ns;                  /* of times and timestamps that are numbers */
	const char *millis;               /* columns in milliseconds, separated by ';' */
};

static spk_status store(const struct spk_json_dialect *base, struct spk_json_row *r, uint32_t *k, const struct spk_json_target *t, const struct spk_field_rules *rules,
			struct spk_vector *out, int row, int rows, struct spk_arena *arena, bool *hole, spk_error *err);

static const struct dialect *of(const struct spk_json_dialect *base) { return spk_container_of((uintptr_t)base, struct dialect, base); }

/* --- options --- */

static bool listed(const char *list, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = list; p; p = strchr(p, ';'), p = p ? p + 1 : NULL)
		if (strncmp(p, name, n) == 0 && (p[n] == ';' || p[n] == '\0'))
			return true;
	return false;
}

static spk_status check_millis(const struct spk_table *t, const char *millis, spk_error *err)
{
	int words = millis && *millis ? 1 : 0, found = 0;

	for (const char *p = millis; p && *p; p++)
		words += *p == ';';
	for (int c = 0; millis && c < t->schema->count; c++) {
		enum spk_type_id id = t->schema->field[c].type.id;

		found += listed(millis, t->schema->field[c].name) && (id == SPK_TYPE_TIME || id == SPK_TYPE_TIMESTAMP || id == SPK_TYPE_TIMESTAMPTZ);
	}
	if (found == words)
		return SPK_OK;
	return spk_fail(err, SPK_USAGE, "table \"%s\": 'debezium-json.millis-columns' = '%s' names what is no column of a time or timestamp", t->name, millis);
}

spk_status spk_debezium_dialect_new(struct spk_json_dialect **out, const struct spk_format_spec *spec, spk_error *err)
{
	static const struct { const char *name; int64_t ns; } unit[] = { { "s", 1000000000 }, { "ms", 1000000 }, { "us", 1000 }, { "ns", 1 } };
	const char *decimal = spk_format_option(spec->table, "debezium-json.decimal.handling.mode"), *binary = spk_format_option(spec->table, "debezium-json.binary.handling.mode");
	const char *named = spk_format_option(spec->table, "debezium-json.timestamp-unit"), *millis = spk_format_option(spec->table, "debezium-json.millis-columns");
	struct dialect *d;

	SPK_TRY(check_millis(spec->table, millis, err));
	d = calloc(1, sizeof *d + (millis ? strlen(millis) : 0) + 1);
	SPK_TRY_PTR(d, err);
	d->base.store = store;
	d->texts = decimal && strcmp(decimal, "precise") != 0;
	d->hex = binary && strcmp(binary, "hex") == 0;
	d->millis = millis ? strcpy((char *)(d + 1), millis) : NULL;
	d->unit_ns = 1000;
	for (size_t i = 0; named && i < SPK_COUNT_OF(unit); i++)
		if (strcmp(unit[i].name, named) == 0)
			d->unit_ns = unit[i].ns;
	*out = &d->base;
	return SPK_OK;
}

void spk_debezium_dialect_free(struct spk_json_dialect *dialect)
{
	if (dialect)
		free(spk_container_of(dialect, struct dialect, base));
}

/* --- saying what does not fit --- */

static spk_status misfit(struct spk_json_row *r, uint32_t k, const struct spk_json_target *t, const char *why)
{
	char shown[SPK_SHOWN], name[SPK_SHOWN], type[64];
	struct spk_view text = spk_json_value_text(r, k);

	snprintf(r->reason, sizeof r->reason, "member \"%s\": found %s, expected %s: %.110s", spk_field_shown_most(t->name, strlen(t->name), 40, name),
		 spk_field_shown(spk_view_data(&text), text.length, shown), spk_type_format(t->type, type, sizeof type), why);
	return SPK_DATA;
}

/* --- marks --- */

/* Whether the text of the value, its quotes aside, is one of the marks of the type. */
static bool is_hole(struct spk_json_row *r, uint32_t k, struct spk_type type)
{
	const struct spk_view text = spk_json_value_text(r, k);
	const char *s = spk_view_data(&text);
	const char first = r->text[r->at[k]];
	static const char *const string[] = { MARK, "{\\\"" MARK "\\\":\\\"" MARK "\\\"}", MARK_BASE64 }, *const list[] = { "[\"" MARK "\"]", "[" MARK_NUMBERS "]", "[\"" MARK_UUID "\"]" };
	static const char object[] = "{\"" MARK "\":\"" MARK "\"}";
	/* base64 is a mark of bytea alone. */
	const int strings = type.id == SPK_TYPE_BYTEA ? 3 : 2;

	if (!spk_change_may_be_hole(type) || text.length < sizeof MARK - 1)
		return false;
	if (first == '{')
		return text.length == sizeof object - 1 && memcmp(s, object, text.length) == 0;
	for (int i = 0; i < (first == '"' ? strings : 3); i++) {
		const char *mark = first == '"' ? string[i] : list[i];

		if (text.length == strlen(mark) && memcmp(s, mark, text.length) == 0)
			return true;
	}
	return false;
}

/* --- decimals --- */

/* Bytes of a two's complement integer, the highest first. False: not base64, or more than 38 digits can have. */
static bool read_unscaled(const char *s, size_t n, spk_int128 *out)
{
	char bytes[64];
	size_t length;
	unsigned __int128 v = 0;

	if (n == 0 || n > sizeof bytes / 4 * 4 - 4 || !spk_base64_decode(s, n, bytes, &length) || length == 0)
		return false;
	/* Leading bytes that only repeat the sign. */
	for (size_t i = 0; i + 16 < length; i++)
		if ((uint8_t)bytes[i] != ((uint8_t)bytes[length - 16] & 0x80 ? 0xff : 0))
			return false;
	if ((uint8_t)bytes[0] & 0x80)
		v = ~v;
	for (size_t i = length > 16 ? length - 16 : 0; i < length; i++)
		v = v << 8 | (uint8_t)bytes[i];
	*out = (spk_int128)v;
	return true;
}

static spk_status store_decimal(struct spk_json_row *r, uint32_t k, const struct spk_json_target *t, const struct spk_view *bytes, int scale, spk_int128 *out)
{
	spk_int128 m;

	if (!read_unscaled(spk_view_data(bytes), bytes->length, &m))
		return misfit(r, k, t, "no bytes of a decimal in base64; see option 'debezium-json.decimal.handling.mode'");
	return spk_decimal_store_declared(t->type, m, scale, out) ? SPK_OK : misfit(r, k, t, "out of range");
}

/* {"scale": 2, "value": "ATo="} of a numeric without a scale. */
static spk_status store_struct(struct spk_json_row *r, uint32_t k, const struct spk_json_target *t, spk_int128 *out)
{
	struct spk_json_member member[2] = { { .name = "scale" }, { .name = "value" } };
	struct spk_view bytes;
	int64_t scale;
	uint32_t end;

	if (!spk_json_members(r, k, member, 2, &end))
		return SPK_DATA;
	if (!spk_json_value_integer(r, member[0].token, &scale) || !member[1].token || scale < 0 || scale > SPK_DECIMAL_DIGITS)
		return misfit(r, k, t, "no members scale (0 to 38) and value");
	bytes = spk_json_value_text(r, member[1].token);
	return store_decimal(r, k, t, &bytes, (int)scale, out);
}

/* --- times --- */

static bool to_micros(int64_t v, int64_t unit_ns, int64_t *us)
{
	if (unit_ns >= 1000)
		return !__builtin_mul_overflow(v, unit_ns / 1000, us);
	*us = v / (1000 / unit_ns) - (v % (1000 / unit_ns) < 0);
	return true;
}

static spk_status store_days(struct spk_json_row *r, uint32_t k, const struct spk_json_target *t, int64_t v, int32_t *out)
{
	char text[SPK_TEXT_MAX];

	if (v == DATE_INFINITY || v == DATE_MINUS_INFINITY) {
		const char *name = v == DATE_INFINITY ? "infinity" : "-infinity";

		return spk_field_parse(t->type, name, strlen(name), &(struct spk_field_rules){ 0 }, out, NULL);
	}
	if (v < INT32_MIN || v > INT32_MAX)
		return misfit(r, k, t, "out of range");
	*out = (int32_t)v;
	/* Written and read again, so that no date is there that the type does not have. */
	if (spk_field_parse(t->type, text, (size_t)spk_text_date(*out, text), &(struct spk_field_rules){ 0 }, out, NULL) != SPK_OK || *out != v)
		return misfit(r, k, t, "out of range");
	return SPK_OK;
}

static spk_status store_number(const struct dialect *d, struct spk_json_row *r, uint32_t k, const struct spk_json_target *t, int64_t v, void *out)
{
	const int64_t unit = listed(d->millis, t->name) ? 1000000 : d->unit_ns;
	int64_t us;

	if (t->type.id == SPK_TYPE_DATE)
		return store_days(r, k, t, v, out);
	if (t->type.id == SPK_TYPE_INTERVAL) {
		*(struct spk_interval *)out = (struct spk_interval){ .micros = v };
		return SPK_OK;
	}
	if (!to_micros(v, unit, &us) || (t->type.id == SPK_TYPE_TIME && (us < 0 || us > DAY_US)))
		return misfit(r, k, t, "out of range; 'debezium-json.timestamp-unit' and 'debezium-json.millis-columns' say in which unit times come");
	*(int64_t *)out = us;
	return SPK_OK;
}

/* Texts of java.time: a Z behind what has no zone, signs before years. Any other text is read as it is. */
static spk_status store_time_text(struct spk_json_row *r, uint32_t k, const struct spk_json_target *t, const struct spk_field_rules *rules, void *out)
{
	const struct spk_view view = spk_json_value_text(r, k);
	const char *s = spk_view_data(&view);
	size_t n = view.length;
	char text[64];
	bool bc = n > 1 && s[0] == '-' && s[1] >= '0' && s[1] <= '9';
	int year = 0, length;

	if (n > 40)
		return misfit(r, k, t, "too long");
	if ((t->type.id == SPK_TYPE_DATE || t->type.id == SPK_TYPE_TIME) && n && s[n - 1] == 'Z')
		n--;
	if (bc || (n && s[0] == '+')) {
		s++;
		n--;
	}
	if (bc) {
		/* Year 0 is 1 BC. */
		while (n && *s >= '0' && *s <= '9' && year < 1000000) {
			year = 10 * year + (*s - '0');
			s++;
			n--;
		}
		length = snprintf(text, sizeof text, "%04d%.*s BC", year + 1, (int)n, s);
	} else {
		length = snprintf(text, sizeof text, "%.*s", (int)n, s);
	}
	return spk_field_parse(t->type, text, (size_t)length, rules, out, NULL) == SPK_OK ? SPK_OK : misfit(r, k, t, "no text of that type");
}

/* --- texts --- */

static spk_status unescape(struct spk_json_row *r, uint32_t k, const struct spk_json_target *t, struct spk_arena *arena, const char **out, uint32_t *n, spk_error *err)
{
	const struct spk_view text = spk_json_value_text(r, k);
	char *copy = spk_arena_alloc(arena, (size_t)text.length + 16);

	SPK_TRY_PTR(copy, err);
	if (spk_json_unescape(spk_view_data(&text), text.length, copy, n) != SPK_JSON_ESCAPE_OK)
		return misfit(r, k, t, "a string with invalid escapes");
	memset(copy + *n, 0, 16);
	*out = copy;
	return SPK_OK;
}

static spk_status store_hex(struct spk_json_row *r, uint32_t k, const struct spk_json_target *t, struct spk_view *out, struct spk_arena *arena, spk_error *err)
{
	const struct spk_view text = spk_json_value_text(r, k);
	char *with_mark = spk_arena_alloc(arena, (size_t)text.length + 3), *bytes = spk_arena_alloc(arena, (size_t)text.length + 3);
	size_t n;

	SPK_TRY_PTR(with_mark && bytes, err);
	memcpy(with_mark, "\\x", 2);
	memcpy(with_mark + 2, spk_view_data(&text), text.length);
	if (!spk_field_bytea(with_mark, (size_t)text.length + 2, bytes, &n))
		return misfit(r, k, t, "not hexadecimal digits");
	*out = spk_view(bytes, (uint32_t)n);
	return SPK_OK;
}

/* json and jsonb come as their text, within a string. */
static spk_status store_json_text(struct spk_json_row *r, uint32_t k, const struct spk_json_target *t, struct spk_view *out, struct spk_arena *arena, spk_error *err)
{
	const char *s = "";
	uint32_t n = 0;

	SPK_TRY(unescape(r, k, t, arena, &s, &n, err));
	*out = spk_view(s, n);
	return SPK_OK;
}

/* --- one value --- */

static void *slot(const struct spk_vector *v, int row) { return (char *)v->data + (size_t)row * (size_t)spk_type_width(v->type); }

static bool is_time(struct spk_type type)
{
	return type.id == SPK_TYPE_DATE || type.id == SPK_TYPE_TIME || type.id == SPK_TYPE_TIMESTAMP || type.id == SPK_TYPE_TIMESTAMPTZ;
}

/* *done: the value was Debezium's own. */
static spk_status store_string(const struct dialect *d, struct spk_json_row *r, uint32_t k, const struct spk_json_target *t, const struct spk_field_rules *rules, struct spk_vector *out,
			       int row, struct spk_arena *arena, bool *done, spk_error *err)
{
	const struct spk_view text = spk_json_value_text(r, k);

	*done = true;
	if (t->type.id == SPK_TYPE_DECIMAL && !d->texts)
		return store_decimal(r, k, t, &text, t->type.scale >= 0 ? t->type.scale : 0, slot(out, row));
	if (t->type.id == SPK_TYPE_BYTEA && d->hex)
		return store_hex(r, k, t, slot(out, row), arena, err);
	if (spk_type_is_json(t->type))
		return store_json_text(r, k, t, slot(out, row), arena, err);
	if (is_time(t->type))
		return store_time_text(r, k, t, rules, slot(out, row));
	*done = false;
	return SPK_OK;
}

static spk_status store_scalar(const struct dialect *d, struct spk_json_row *r, uint32_t k, const struct spk_json_target *t, const struct spk_field_rules *rules, struct spk_vector *out,
			       int row, struct spk_arena *arena, bool *done, spk_error *err)
{
	const char *s = r->text + r->at[k];
	int64_t v;

	*done = false;
	if (*s == '"')
		return store_string(d, r, k, t, rules, out, row, arena, done, err);
	if (*s == '{' && t->type.id == SPK_TYPE_DECIMAL) {
		*done = true;
		return store_struct(r, k, t, slot(out, row));
	}
	if ((is_time(t->type) || t->type.id == SPK_TYPE_INTERVAL) && (*s == '-' || (*s >= '0' && *s <= '9'))) {
		if (!spk_json_value_integer(r, k, &v))
			return misfit(r, k, t, "no whole number");
		*done = true;
		return store_number(d, r, k, t, v, slot(out, row));
	}
	return SPK_OK;
}

/* --- arrays --- */

/* An element that is spelt as other readers do: appended to the text. */
static spk_status put_element(const struct dialect *d, struct spk_json_row *r, uint32_t k, const struct spk_json_target *element, const struct spk_field_rules *rules, struct spk_arena *arena,
			      struct spk_buffer *text, spk_error *err)
{
	struct spk_vector v;
	bool done = false;

	SPK_TRY(spk_vector_init(&v, element->type, 1, arena, err));
	if (!spk_type_is_json(element->type))
		SPK_TRY(store_scalar(d, r, k, element, rules, &v, 0, arena, &done, err));
	if (!done) {
		uint32_t end = k;

		(void)spk_json_skip(r, &end, 1);
		return spk_buffer_append(text, r->text + r->at[k], (end < r->count ? r->at[end] : r->size) - r->at[k], err);
	}
	SPK_TRY(spk_buffer_append_str(text, "\"", err));
	SPK_TRY(spk_text_append(text, &v, 0, rules->timezone, err));
	return spk_buffer_append_str(text, "\"", err);
}

/* Arrays are read from their text when all rows are there (field.h): its elements are rewritten where Debezium spells them its own way. */
static spk_status store_array(const struct dialect *d, struct spk_json_row *r, uint32_t *k, const struct spk_json_target *t, const struct spk_field_rules *rules, struct spk_type array,
			      struct spk_vector *out, int row, struct spk_arena *arena, spk_error *err)
{
	const struct spk_json_target element = { .type = spk_type_element(array), .name = t->name };
	struct spk_buffer text = { 0 };
	uint32_t at = *k + 1, end = *k;
	spk_status status = spk_json_skip(r, &end, 1) ? spk_buffer_append_str(&text, "[", err) : SPK_DATA;
	const char *copy;

	while (status == SPK_OK && at + 1 < end) {
		uint32_t next = at;

		if (text.size > 1)
			status = spk_buffer_append_str(&text, ",", err);
		if (status == SPK_OK)
			status = put_element(d, r, at, &element, rules, arena, &text, err);
		(void)spk_json_skip(r, &next, 1);
		at = next + 1;
	}
	if (status == SPK_OK)
		status = spk_buffer_append_str(&text, "]", err);
	copy = status == SPK_OK ? spk_arena_strndup(arena, text.data, text.size) : NULL;
	if (copy)
		spk_vector_view(out)[row] = spk_view(copy, (uint32_t)text.size);
	else if (status == SPK_OK)
		status = spk_fail_memory(err);
	spk_buffer_release(&text);
	*k = end;
	return status;
}

static bool needs_rewriting(struct spk_type element)
{
	return element.id == SPK_TYPE_DECIMAL || is_time(element) || element.id == SPK_TYPE_INTERVAL;
}

static spk_status store(const struct spk_json_dialect *base, struct spk_json_row *r, uint32_t *k, const struct spk_json_target *t, const struct spk_field_rules *rules,
			struct spk_vector *out, int row, int rows, struct spk_arena *arena, bool *hole, spk_error *err)
{
	const char first = r->text[r->at[*k]];
	bool done;

	*hole = (first == '"' || first == '[' || first == '{') && is_hole(r, *k, t->declared);
	if (*hole)
		return spk_json_skip(r, k, 1) ? SPK_OK : SPK_DATA;
	if (first == '[' && t->declared.id == SPK_TYPE_ARRAY && needs_rewriting(spk_type_element(t->declared)))
		return store_array(of(base), r, k, t, rules, t->declared, out, row, arena, err);
	SPK_TRY(store_scalar(of(base), r, *k, t, rules, out, row, arena, &done, err));
	if (!done)
		return spk_json_store(r, k, t, rules, out, row, rows, arena, err);
	return spk_json_skip(r, k, 1) ? SPK_OK : SPK_DATA;
}
