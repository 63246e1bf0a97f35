/*
 * Tables out of files: the columns of a CSV file by its header, of an NDJSON file by its members, and their types by a sample.
 *
 * A column's type is the narrowest that takes every value of the sample: boolean, bigint, numeric, double, date, timestamp, text in
 * the end. Nothing, or only NULLs, is text.
 */
#include "connectors/connector.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "core/base/check.h"
#include "core/columnar/decimal.h"
#include "core/expr/text.h"
#include "connectors/file/file.h"
#include "connectors/format/csv.h"
#include "connectors/format/json.h"

enum { SAMPLE_BYTES = 1 << 20, SAMPLE_ROWS = 4096, COLUMNS_MAX = 1600 };

/* What every value so far could be, as bits. */
enum { MAY_BOOLEAN = 1, MAY_BIGINT = 2, MAY_NUMERIC = 4, MAY_DOUBLE = 8, MAY_DATE = 16, MAY_TIMESTAMP = 32, MAY_TIMESTAMPTZ = 64, MAY_ALL = 127 };

struct column { const char *name; unsigned may; bool seen; };
struct guess { struct spk_arena *arena; struct column column[COLUMNS_MAX]; int columns; };

/* --- values --- */

static unsigned may_be_time(const char *s, size_t n)
{
	int64_t us;
	bool zoned;
	char midnight[20];

	if (n == 10) {
		memcpy(midnight, s, 10);
		memcpy(midnight + 10, " 00:00:00", 10);
		return spk_text_parse_timestamp_fast(midnight, 19, &us, &zoned) ? MAY_DATE | MAY_TIMESTAMP | MAY_TIMESTAMPTZ : 0;
	}
	if (!spk_text_parse_timestamp_fast(s, n, &us, &zoned))
		return 0;
	return zoned ? MAY_TIMESTAMPTZ : MAY_TIMESTAMP | MAY_TIMESTAMPTZ;
}

/* [-]digits, with no zero before others: 007 is a text, as a code is. */
static bool is_integer(const char *s, size_t n)
{
	size_t i = n && s[0] == '-', first = i;

	for (; i < n; i++)
		if (s[i] < '0' || s[i] > '9')
			return false;
	return n > first && (s[first] != '0' || n == first + 1);
}

static unsigned may_be_number(const char *s, size_t n)
{
	bool whole;
	uint32_t length = n ? spk_json_number(s, s + n, &whole) : 0;
	int64_t v;
	spk_int128 m;
	int scale;

	if (is_integer(s, n)) {
		bool fits = spk_text_to_value(spk_type(SPK_TYPE_BIGINT), s, n, NULL, &v, NULL) == SPK_OK;

		return (fits ? MAY_BIGINT : 0) | (spk_decimal_parse(s, n, &m, &scale) ? MAY_NUMERIC : 0) | MAY_DOUBLE;
	}
	return length == n && n ? MAY_DOUBLE : 0;
}

static bool is_boolean(const char *s, size_t n)
{
	return (n == 4 && !strncasecmp(s, "true", 4)) || (n == 5 && !strncasecmp(s, "false", 5));
}

static void see_text(struct column *c, const char *s, size_t n)
{
	unsigned may = may_be_number(s, n);

	if (!may)
		may = is_boolean(s, n) ? MAY_BOOLEAN : may_be_time(s, n);
	c->may &= may;
	c->seen = true;
}

static struct spk_type type_of(const struct column *c)
{
	static const struct { unsigned bit; enum spk_type_id id; } order[] = {
		{ MAY_BOOLEAN, SPK_TYPE_BOOLEAN }, { MAY_BIGINT, SPK_TYPE_BIGINT }, { MAY_NUMERIC, SPK_TYPE_DECIMAL }, { MAY_DOUBLE, SPK_TYPE_DOUBLE },
		{ MAY_DATE, SPK_TYPE_DATE }, { MAY_TIMESTAMP, SPK_TYPE_TIMESTAMP }, { MAY_TIMESTAMPTZ, SPK_TYPE_TIMESTAMPTZ },
	};

	for (size_t i = 0; c->seen && i < SPK_COUNT_OF(order); i++)
		if (c->may & order[i].bit)
			return spk_type(order[i].id);
	return spk_type(SPK_TYPE_TEXT);
}

static struct column *add_column(struct guess *g, const char *name, size_t size)
{
	const char *copy;

	if (g->columns == COLUMNS_MAX || !(copy = spk_arena_strndup(g->arena, name, size)))
		return NULL;
	g->column[g->columns] = (struct column){ .name = copy, .may = MAY_ALL };
	return &g->column[g->columns++];
}

/* --- CSV --- */

/* The delimiter that the header has most of. */
static char guess_delimiter(const char *s, uint32_t n)
{
	static const char candidates[] = ",;\t|";
	int best = 0, count[4] = { 0 };

	for (uint32_t i = 0; i < n; i++)
		for (int k = 0; k < 4; k++)
			count[k] += s[i] == candidates[k];
	for (int k = 1; k < 4; k++)
		if (count[k] > count[best])
			best = k;
	return candidates[best];
}

static spk_status csv_header(struct guess *g, const struct spk_view *row, const struct spk_csv_options *o, struct spk_csv_field *field, char *scratch, spk_error *err)
{
	int n = spk_csv_cut(row->ref.pointer, row->length, o, field, COLUMNS_MAX, scratch);

	if (n < 0 || n > COLUMNS_MAX)
		return spk_fail(err, SPK_DATA, "the CSV header %s", n < 0 ? "has a quote that is not closed" : "has too many columns");
	for (int i = 0; i < n; i++) {
		char unnamed[24];

		snprintf(unnamed, sizeof(unnamed), "column%d", i + 1);
		SPK_TRY_PTR(add_column(g, field[i].size ? field[i].text : unnamed, field[i].size ? field[i].size : strlen(unnamed)), err);
	}
	return SPK_OK;
}

static spk_status guess_csv(struct guess *g, const struct spk_view *row, int rows, size_t bytes, char *delimiter, spk_error *err)
{
	struct spk_csv_field *field = SPK_NEW_ARRAY(g->arena, struct spk_csv_field, COLUMNS_MAX);
	char *scratch = spk_arena_alloc(g->arena, bytes + 16);
	struct spk_csv_options o = { .quote = '"', .escape = '"', .null = "" };

	SPK_TRY_PTR(field && scratch, err);
	if (!rows)
		return spk_fail(err, SPK_DATA, "the file is empty: there is no header to take the columns from");
	*delimiter = guess_delimiter(row[0].ref.pointer, row[0].length);
	o.delimiter = *delimiter;
	SPK_TRY(csv_header(g, &row[0], &o, field, scratch, err));
	for (int i = 1; i < rows; i++) {
		int n = spk_csv_cut(row[i].ref.pointer, row[i].length, &o, field, g->columns, scratch);

		for (int c = 0; n == g->columns && c < n; c++)
			if (field[c].size || field[c].quoted)
				see_text(&g->column[c], field[c].text, field[c].size);
	}
	return SPK_OK;
}

/* --- NDJSON --- */

/* The value at token k of a row that was checked. */
static void see_value(struct column *c, const struct spk_json_row *r, uint32_t k)
{
	const char *s = r->text + r->at[k];
	uint32_t n;
	bool integer;

	switch (*s) {
	case 'n':
		return;
	case 't': case 'f':
		c->may &= MAY_BOOLEAN;
		break;
	case '{': case '[':
		c->may = 0;
		break;
	case '"':
		s = spk_json_string(r, k, &n);
		c->may &= may_be_time(s, n);
		break;
	default:
		n = spk_json_number(s, r->text + r->size, &integer);
		c->may &= may_be_number(s, n);
	}
	c->seen = true;
}

static spk_status find_column(struct guess *g, const char *name, uint32_t n, struct column **out, spk_error *err)
{
	for (int i = 0; i < g->columns; i++) {
		if (strlen(g->column[i].name) == n && !memcmp(g->column[i].name, name, n)) {
			*out = &g->column[i];
			return SPK_OK;
		}
	}
	if (g->columns == COLUMNS_MAX)
		return spk_fail(err, SPK_DATA, "the file's rows have more than %d different members", COLUMNS_MAX);
	*out = add_column(g, name, n);
	SPK_TRY_PTR(*out, err);
	return SPK_OK;
}

/* Rows that are not whole objects are left out: they will be bad rows when the file is read. */
static spk_status see_object(struct guess *g, struct spk_json_row *r, spk_error *err)
{
	uint32_t k = 0;

	if (!spk_json_skip(r, &k, 0) || k != r->count || r->text[r->at[0]] != '{')
		return SPK_OK;
	for (k = 1; r->text[r->at[k]] == '"'; k++) {
		uint32_t n, value = k + 2;
		const char *s = spk_json_string(r, k, &n);
		struct column *c;
		char *plain = spk_arena_alloc(g->arena, n + 1);

		SPK_TRY_PTR(plain, err);
		if (spk_json_unescape(s, n, plain, &n) == SPK_JSON_ESCAPE_OK && !memchr(plain, '\0', n)) {
			SPK_TRY(find_column(g, plain, n, &c, err));
			see_value(c, r, value);
		}
		k = value;
		spk_json_skip(r, &k, 1);
	}
	return SPK_OK;
}

static spk_status guess_json(struct guess *g, const struct spk_view *row, int rows, spk_error *err)
{
	struct spk_simdjson *parser = spk_simdjson_new();
	spk_status status = parser ? SPK_OK : spk_fail_memory(err);

	for (int i = 0; i < rows && status == SPK_OK; i++) {
		struct spk_json_row r;
		bool no_memory;

		if (spk_json_row_init(&r, parser, row[i].ref.pointer, row[i].length, &no_memory))
			status = see_object(g, &r, err);
	}
	spk_simdjson_free(parser);
	SPK_TRY(status);
	if (!g->columns)
		return spk_fail(err, SPK_DATA, "no JSON object in the file's first %d bytes: there is nothing to take columns from", SAMPLE_BYTES);
	return SPK_OK;
}

/* --- the table --- */

static spk_status make_table(struct guess *g, const char *path, const char *format, char delimiter, struct spk_table **out, spk_error *err)
{
	struct spk_table *t = SPK_NEW(g->arena, struct spk_table);
	struct spk_schema *schema = SPK_NEW(g->arena, struct spk_schema);
	struct spk_option *option = SPK_NEW_ARRAY(g->arena, struct spk_option, 4);
	struct spk_field *field = SPK_NEW_ARRAY(g->arena, struct spk_field, g->columns + 1);
	char *separator = spk_arena_zalloc(g->arena, 4);

	SPK_TRY_PTR(t && schema && option && field && separator, err);
	separator[0] = delimiter;
	for (int i = 0; i < g->columns; i++)
		field[i] = (struct spk_field){ g->column[i].name, type_of(&g->column[i]), true };
	*schema = (struct spk_schema){ g->columns, field };
	option[0] = (struct spk_option){ "connector", "filesystem", 0 };
	option[1] = (struct spk_option){ "path", spk_arena_strdup(g->arena, path), 0 };
	option[2] = (struct spk_option){ "format", spk_arena_strdup(g->arena, format), 0 };
	option[3] = (struct spk_option){ "csv.delimiter", separator, 0 };
	*t = (struct spk_table){ .name = option[1].value, .connector = "filesystem", .schema = schema, .option = option,
	                         .option_count = delimiter ? 4 : 3, .time_column = -1 };
	t->computed = SPK_NEW_ARRAY(g->arena, struct spk_expr *, g->columns + 1);
	t->metadata = SPK_NEW_ARRAY(g->arena, const char *, g->columns + 1);
	SPK_TRY_PTR(option[1].value && option[2].value && t->computed && t->metadata, err);
	*out = t;
	return SPK_OK;
}

/* Whole rows at the beginning of the file. */
static spk_status sample(const char *path, const struct spk_format *format, struct spk_arena *arena, struct spk_buffer *bytes, struct spk_view **row, int *rows, spk_error *err)
{
	const struct spk_schema none = { 0 };
	const struct spk_table many = { .schema = &none };
	size_t used, skip;

	SPK_TRY(spk_files_head(path, SAMPLE_BYTES, bytes, err));
	SPK_TRY(spk_buffer_reserve(bytes, SPK_CHUNK_PADDING, err));
	skip = bytes->size >= 3 && !memcmp(bytes->data, "\xef\xbb\xbf", 3) ? 3 : 0;
	*row = SPK_NEW_ARRAY(arena, struct spk_view, SAMPLE_ROWS);
	SPK_TRY_PTR(*row, err);
	return format->split(bytes->data + skip, bytes->size - skip, bytes->size < SAMPLE_BYTES, *row, SAMPLE_ROWS, rows, &used, &many, err);
}

static spk_status describe(struct guess *g, const char *path, const char *name, struct spk_table **out, spk_error *err)
{
	const struct spk_format *format = spk_format(name);
	struct spk_buffer bytes = { 0 };
	struct spk_files files;
	struct spk_view *row;
	char delimiter = 0;
	int rows = 0;
	spk_status status;

	SPK_TRY(spk_files_find(path, g->arena, &files, err));
	if (!files.count)
		return spk_fail(err, SPK_NOT_FOUND, "there is no file in '%s'", path);
	status = sample(files.path[0], format, g->arena, &bytes, &row, &rows, err);
	if (status == SPK_OK)
		status = format == &spk_format_csv ? guess_csv(g, row, rows, bytes.size, &delimiter, err) : guess_json(g, row, rows, err);
	spk_buffer_release(&bytes);
	SPK_TRY(status);
	return make_table(g, path, name, delimiter, out, err);
}

spk_status spk_connector_describe_file(const char *path, const char *format, struct spk_arena *arena, struct spk_table **out, void *conf, spk_error *err)
{
	const char *name = format ? format : spk_files_format(path);
	struct guess *g;
	spk_status status;

	if (!name) {
		spk_fail(err, SPK_USAGE, "the ending of '%s' does not say what it holds", path);
		return spk_hint(err, "name it .csv, .json, .jsonl or .ndjson, or call read_csv('...') or read_json('...')");
	}
	if (strcmp(name, "csv") && strcmp(name, "json"))
		return spk_fail(err, SPK_UNSUPPORTED, "finding the columns of a file of format '%s'", name);
	SPK_TRY(spk_files_check_path(path, conf, err));
	g = SPK_NEW(arena, struct guess);
	SPK_TRY_PTR(g, err);
	g->arena = arena;
	status = describe(g, path, name, out, err);
	return status == SPK_OK ? SPK_OK : (spk_error_context(err, "'%s'", path), status);
}
