/* Columns and types from samples. See guess.h. */
#include "connectors/guess.h"

#include <stdio.h>
#include <strings.h>

#include "core/base/check.h"
#include "core/columnar/decimal.h"
#include "core/expr/text.h"
#include "connectors/format/json.h"

/* What every value so far could be, as bits. */
enum { MAY_BOOLEAN = 1, MAY_BIGINT = 2, MAY_NUMERIC = 4, MAY_DOUBLE = 8, MAY_DATE = 16, MAY_TIMESTAMP = 32, MAY_TIMESTAMPTZ = 64, MAY_TIME = 128, MAY_JSONB = 256, MAY_ALL = 511 };

/* --- values --- */

static bool is_time(const char *s, size_t n)
{
	int64_t us;

	return spk_text_to_value(spk_type(SPK_TYPE_TIME), s, n, NULL, &us, NULL) == SPK_OK;
}

static unsigned may_be_time(const char *s, size_t n)
{
	int64_t us;
	bool zoned;
	char midnight[20];

	if (n >= 8 && n <= 15 && s[2] == ':' && s[5] == ':')
		return is_time(s, n) ? MAY_TIME : 0;
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

void spk_guess_see(struct spk_guess_column *c, const char *s, size_t n)
{
	unsigned may = may_be_number(s, n);

	if (!may)
		may = is_boolean(s, n) ? MAY_BOOLEAN : may_be_time(s, n);
	c->may &= may;
	c->seen = true;
}

struct spk_type spk_guess_type(const struct spk_guess_column *c)
{
	static const struct { unsigned bit; enum spk_type_id id; } order[] = {
		{ MAY_BOOLEAN, SPK_TYPE_BOOLEAN }, { MAY_BIGINT, SPK_TYPE_BIGINT }, { MAY_NUMERIC, SPK_TYPE_DECIMAL }, { MAY_DOUBLE, SPK_TYPE_DOUBLE },
		{ MAY_DATE, SPK_TYPE_DATE }, { MAY_TIME, SPK_TYPE_TIME }, { MAY_TIMESTAMP, SPK_TYPE_TIMESTAMP }, { MAY_TIMESTAMPTZ, SPK_TYPE_TIMESTAMPTZ }, { MAY_JSONB, SPK_TYPE_JSONB },
	};

	for (size_t i = 0; c->seen && i < SPK_COUNT_OF(order); i++)
		if (c->may & order[i].bit)
			return spk_type(order[i].id);
	return spk_type(SPK_TYPE_TEXT);
}

spk_status spk_guess_add(struct spk_guess *g, const char *name, size_t size, spk_error *err)
{
	const char *copy = spk_arena_strndup(g->arena, name, size);

	SPK_TRY_PTR(copy, err);
	if (g->columns == SPK_GUESS_COLUMNS_MAX)
		return spk_fail(err, SPK_DATA, "there are more than %d different columns", SPK_GUESS_COLUMNS_MAX);
	g->column[g->columns++] = (struct spk_guess_column){ .name = copy, .may = MAY_ALL };
	return SPK_OK;
}

/* --- JSON --- */

/* The value at token k of a row that was checked. */
static void see_value(struct spk_guess_column *c, const struct spk_json_row *r, uint32_t k)
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
		c->may &= MAY_JSONB;
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

/* -1: there is none. CSV headers are compared as the decoder compares them: exactly, else without regard to case. */
static int find_column(const struct spk_guess *g, const char *name, size_t n, bool folded)
{
	for (int i = 0; i < g->columns; i++)
		if (strlen(g->column[i].name) == n && (folded ? strncasecmp(g->column[i].name, name, n) : memcmp(g->column[i].name, name, n)) == 0)
			return i;
	return -1;
}

static spk_status member_column(struct spk_guess *g, const char *name, size_t n, struct spk_guess_column **out, spk_error *err)
{
	int at = find_column(g, name, n, false);

	if (at < 0) {
		SPK_TRY(spk_guess_add(g, name, n, err));
		at = g->columns - 1;
	}
	*out = &g->column[at];
	return SPK_OK;
}

/* Rows that are not whole objects are left out: they will be bad rows when the file is read. */
static spk_status see_object(struct spk_guess *g, struct spk_json_row *r, spk_error *err)
{
	uint32_t k = 0;

	if (!spk_json_skip(r, &k, 0) || k != r->count || r->text[r->at[0]] != '{')
		return SPK_OK;
	for (k = 1; r->text[r->at[k]] == '"'; k++) {
		uint32_t n, value = k + 2;
		const char *s = spk_json_string(r, k, &n);
		struct spk_guess_column *c;
		char *plain = spk_arena_alloc(g->arena, n + 1);

		SPK_TRY_PTR(plain, err);
		if (spk_json_unescape(s, n, plain, &n) == SPK_JSON_ESCAPE_OK && !memchr(plain, '\0', n)) {
			SPK_TRY(member_column(g, plain, n, &c, err));
			see_value(c, r, value);
		}
		k = value;
		spk_json_skip(r, &k, 1);
	}
	return SPK_OK;
}

spk_status spk_guess_json(struct spk_guess *g, const struct spk_view *row, int rows, spk_error *err)
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
	return status;
}

/* --- CSV --- */

static int count_fields(const struct spk_view *row, const struct spk_csv_options *o)
{
	bool inside = false;
	int n = 1;

	for (uint32_t i = 0; i < row->length; i++) {
		if (o->quote && row->ref.pointer[i] == o->quote)
			inside = !inside;
		else if (row->ref.pointer[i] == o->delimiter && !inside)
			n++;
	}
	return n;
}

char spk_guess_delimiter(const struct spk_view *row, int rows, const struct spk_csv_options *options, int want)
{
	enum { ROWS = 50 };
	struct spk_csv_options o = *options;
	int best = 0;
	char delimiter = ',';

	for (const char *c = ",;\t|"; *c; c++) {
		int first, agree = 0, seen = SPK_MIN(rows, ROWS), score;

		o.delimiter = *c;
		first = rows ? count_fields(&row[0], &o) : 1;
		for (int i = 0; i < seen; i++)
			agree += count_fields(&row[i], &o) == first;
		/* The number of columns that there should be, rows that agree, many fields. */
		score = first == 1 ? 0 : (want && first == want) * 1000000 + (agree == seen) * 100000 + SPK_MIN(first, 10000);
		if (score > best) {
			best = score;
			delimiter = *c;
		}
	}
	return delimiter;
}

static spk_status add_named(struct spk_guess *g, const struct spk_csv_field *f, int number, spk_error *err)
{
	char unnamed[24];

	if (f && f->size)
		return spk_guess_add(g, f->text, f->size, err);
	snprintf(unnamed, sizeof(unnamed), "column%d", number);
	return spk_guess_add(g, unnamed, strlen(unnamed), err);
}

/* Which column each of the n fields is, -1 none. The first file's make the columns. */
static spk_status map_fields(struct spk_guess *g, const struct spk_csv_field *field, int n, bool header, int *column, spk_error *err)
{
	bool first = g->columns == 0;

	if (n < 0 || n > SPK_GUESS_COLUMNS_MAX)
		return spk_fail(err, SPK_DATA, "the first row %s", n < 0 ? "has a quote that is not closed" : "has too many columns");
	for (int i = 0; i < n; i++) {
		if (first)
			SPK_TRY(add_named(g, header ? &field[i] : NULL, i + 1, err));
		column[i] = first || !header ? (i < g->columns ? i : -1) : find_column(g, field[i].text, field[i].size, false);
		if (column[i] < 0 && header && !first)
			column[i] = find_column(g, field[i].text, field[i].size, true);
		if (column[i] < 0 && header && g->all) {
			column[i] = g->columns;
			SPK_TRY(add_named(g, &field[i], i + 1, err));
		}
	}
	return SPK_OK;
}

spk_status spk_guess_csv(struct spk_guess *g, const struct spk_view *row, int rows, const struct spk_csv_options *o, spk_error *err)
{
	struct spk_csv_field *field = SPK_NEW_ARRAY(g->arena, struct spk_csv_field, SPK_GUESS_COLUMNS_MAX);
	int *column = SPK_NEW_ARRAY(g->arena, int, SPK_GUESS_COLUMNS_MAX), fields;
	uint32_t longest = 0;
	char *scratch;

	if (!rows)
		return SPK_OK;
	for (int i = 0; i < rows; i++)
		longest = SPK_MAX(longest, row[i].length);
	scratch = spk_arena_alloc(g->arena, (size_t)longest + 16);
	SPK_TRY_PTR(field && column && scratch, err);
	fields = spk_csv_cut(row[0].ref.pointer, row[0].length, o, field, SPK_GUESS_COLUMNS_MAX, scratch);
	SPK_TRY(map_fields(g, field, fields, o->header, column, err));
	for (int i = o->header; i < rows; i++) {
		int n = spk_csv_cut(row[i].ref.pointer, row[i].length, o, field, fields, scratch);

		/* Rows with another number of fields will be bad rows when the file is read. */
		for (int k = 0; n == fields && k < n; k++)
			if (column[k] >= 0 && (field[k].quoted || field[k].size != o->null_size || memcmp(field[k].text, o->null, o->null_size) != 0))
				spk_guess_see(&g->column[column[k]], field[k].text, field[k].size);
	}
	return SPK_OK;
}
