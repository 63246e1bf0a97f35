/* Texts as SQL writes them: literals, names; and back: escapes, names with dots. */
#include <ctype.h>
#include <stdlib.h>

#include "core/expr/appender.h"
#include "core/expr/array.h"
#include "core/expr/families.h"
#include "core/expr/utf8.h"

#define VIEW SPK_ROW_VIEW

/* --- quoting --- */

/* Words of PostgreSQL's grammar that cannot be every kind of name. */
static const char *const keywords[] = {
	"all", "analyse", "analyze", "and", "any", "array", "as", "asc", "asymmetric", "authorization", "between", "bigint", "binary", "bit", "boolean",
	"both", "case", "cast", "char", "character", "check", "coalesce", "collate", "collation", "column", "concurrently", "constraint", "create", "cross",
	"current_catalog", "current_date", "current_role", "current_schema", "current_time", "current_timestamp", "current_user", "dec", "decimal",
	"default", "deferrable", "desc", "distinct", "do", "else", "end", "except", "exists", "extract", "false", "fetch", "float", "for", "foreign",
	"freeze", "from", "full", "grant", "greatest", "group", "grouping", "having", "ilike", "in", "initially", "inner", "inout", "int", "integer",
	"intersect", "interval", "into", "is", "isnull", "join", "lateral", "leading", "least", "left", "like", "limit", "localtime", "localtimestamp",
	"national", "natural", "nchar", "none", "normalize", "not", "notnull", "null", "nullif", "numeric", "offset", "on", "only", "or", "order", "out",
	"outer", "overlaps", "overlay", "placing", "position", "precision", "primary", "real", "references", "returning", "right", "row", "select",
	"session_user", "setof", "similar", "smallint", "some", "substring", "symmetric", "table", "tablesample", "then", "time", "timestamp", "to",
	"trailing", "treat", "trim", "true", "union", "unique", "user", "using", "values", "varchar", "variadic", "verbose", "when", "where", "window",
	"with", "xmlattributes", "xmlconcat", "xmlelement", "xmlexists", "xmlforest", "xmlnamespaces", "xmlparse", "xmlpi", "xmlroot", "xmlserialize",
	"xmltable",
};

static int compare_word(const void *key, const void *word)
{
	const struct spk_view *v = key;
	const char *w = *(const char *const *)word;
	size_t size = strlen(w);
	int order = memcmp(spk_view_data(v), w, SPK_MIN(size, (size_t)v->length));

	return order ? order : (v->length > size) - (v->length < size);
}

spk_status spk_append_literal(struct spk_buffer *to, const char *s, size_t size, spk_error *err)
{
	bool escaped = memchr(s, '\\', size) != NULL;

	SPK_TRY(spk_buffer_append_str(to, escaped ? "E'" : "'", err));
	for (size_t i = 0; i < size; i++) {
		if (s[i] == '\'' || s[i] == '\\')
			SPK_TRY(spk_buffer_append(to, s + i, 1, err));
		SPK_TRY(spk_buffer_append(to, s + i, 1, err));
	}
	return spk_buffer_append_str(to, "'", err);
}

spk_status spk_append_identifier(struct spk_buffer *to, const char *s, size_t size, spk_error *err)
{
	const struct spk_view word = spk_view(s, (uint32_t)size);
	bool plain = size > 0 && ((s[0] >= 'a' && s[0] <= 'z') || s[0] == '_');

	for (size_t i = 0; i < size && plain; i++)
		plain = (s[i] >= 'a' && s[i] <= 'z') || (s[i] >= '0' && s[i] <= '9') || s[i] == '_';
	if (plain && !bsearch(&word, keywords, SPK_COUNT_OF(keywords), sizeof *keywords, compare_word))
		return spk_buffer_append(to, s, size, err);
	SPK_TRY(spk_buffer_append_str(to, "\"", err));
	for (size_t i = 0; i < size; i++) {
		if (s[i] == '"')
			SPK_TRY(spk_buffer_append_str(to, "\"", err));
		SPK_TRY(spk_buffer_append(to, s + i, 1, err));
	}
	return spk_buffer_append_str(to, "\"", err);
}

/* The text of a value of any type, quoted. */
static spk_status append_quoted(const struct spk_call *call, const struct spk_reader *r, int row, struct spk_buffer *to, spk_error *err)
{
	struct spk_buffer text = { 0 };
	spk_status status;

	if (call->arg[0].type.id == SPK_TYPE_TEXT)
		return spk_append_literal(to, spk_view_data(VIEW(0)), VIEW(0)->length, err);
	/* As the cast to text has it, not the output function. */
	if (call->arg[0].type.id == SPK_TYPE_BOOLEAN)
		return spk_buffer_append_str(to, SPK_ARG(uint8_t, r[0], row) ? "'true'" : "'false'", err);
	status = spk_text_append(&text, &call->arg[0], spk_reader_slot(&r[0], row), call->ev->timezone, err);
	if (status == SPK_OK)
		status = spk_append_literal(to, text.data ? text.data : "", text.size, err);
	spk_buffer_release(&text);
	return status;
}

SPK_APPENDER(quote_literal)
{
	return append_quoted(call, r, row, to, err);
}

SPK_APPENDER(quote_ident)
{
	return spk_append_identifier(to, spk_view_data(VIEW(0)), VIEW(0)->length, err);
}

SPK_APPENDER(quote_nullable)
{
	if (spk_arg_is_null(&r[0], row))
		return spk_buffer_append_str(to, "NULL", err);
	return append_quoted(call, r, row, to, err);
}

/* --- unistr --- */

/* Value of `digits` hex digits at s; false when there are not so many. */
static bool hex(const char *s, const char *end, int digits, uint32_t *v)
{
	*v = 0;
	for (int i = 0; i < digits; i++) {
		if (s + i >= end || !isxdigit((unsigned char)s[i]))
			return false;
		*v = *v << 4 | (uint32_t)(isdigit((unsigned char)s[i]) ? s[i] - '0' : (s[i] | 32) - 'a' + 10);
	}
	return true;
}

/* The code point of an escape behind its backslash; NULL: it is none. */
static const char *read_escape(const char *s, const char *end, uint32_t *c)
{
	static const struct { char mark; int digits; } forms[] = { { 'u', 4 }, { 'U', 8 }, { '+', 6 } };

	for (size_t i = 0; i < SPK_COUNT_OF(forms); i++)
		if (s < end && *s == forms[i].mark)
			return hex(s + 1, end, forms[i].digits, c) ? s + 1 + forms[i].digits : NULL;
	return hex(s, end, 4, c) ? s + 4 : NULL;
}

static bool is_high(uint32_t c) { return c >= 0xd800 && c <= 0xdbff; }
static bool is_low(uint32_t c) { return c >= 0xdc00 && c <= 0xdfff; }

SPK_APPENDER(unistr)
{
	const char *s = spk_view_data(VIEW(0)), *end = s + VIEW(0)->length;
	uint32_t high = 0, c;
	char text[4];

	while (s < end) {
		bool escape = *s == '\\', doubled = escape && s + 1 < end && s[1] == '\\';

		if (!escape || doubled) {
			if (high)
				return spk_fail(err, SPK_DATA, "invalid Unicode surrogate pair");
			SPK_TRY(spk_buffer_append(to, s, 1, err));
			s += 1 + doubled;
			continue;
		}
		s = read_escape(s + 1, end, &c);
		if (!s) {
			spk_fail(err, SPK_DATA, "invalid Unicode escape");
			return spk_hint(err, "Unicode escapes must be \\XXXX, \\+XXXXXX, \\uXXXX, or \\UXXXXXXXX.");
		}
		if (c == 0 || c > 0x10ffff)
			return spk_fail(err, SPK_DATA, "invalid Unicode code point: %04X", c);
		if (high ? !is_low(c) : is_low(c))
			return spk_fail(err, SPK_DATA, "invalid Unicode surrogate pair");
		if (high)
			c = 0x10000 + ((high & 0x3ff) << 10) + (c & 0x3ff);
		high = is_high(c) ? c : 0;
		if (!high)
			SPK_TRY(spk_buffer_append(to, text, spk_utf8_put(c, text), err));
	}
	return high ? spk_fail(err, SPK_DATA, "invalid Unicode surrogate pair") : SPK_OK;
}

/* --- parse_ident --- */

static bool starts_name(char c) { return c == '_' || isalpha((unsigned char)c) || (unsigned char)c >= 0x80; }
static bool is_blank(char c) { return c && strchr(" \t\n\r\f\v", c); }

static const char *skip_blanks(const char *s, const char *end)
{
	while (s < end && is_blank(*s))
		s++;
	return s;
}

/* One name at *s into `to` (which is as large as the text); NULL, or what is wrong with it. */
static const char *read_name(const char **s, const char *end, bool behind_dot, char *to, size_t *size)
{
	const char *p = *s;
	bool quoted = p < end && *p == '"';

	*size = 0;
	if (quoted) {
		for (p++; p < end && (*p != '"' || (p + 1 < end && p[1] == '"')); p++) {
			p += *p == '"';
			to[(*size)++] = *p;
		}
		if (p == end)
			return "String has unclosed double quotes.";
		*s = p + 1;
		return *size ? NULL : "Quoted identifier must not be empty.";
	}
	if (p == end || !starts_name(*p))
		return p < end && *p == '.' ? "No valid identifier before \".\"." : behind_dot ? "No valid identifier after \".\"." : "";
	for (; p < end && (starts_name(*p) || isdigit((unsigned char)*p) || *p == '$'); p++)
		to[(*size)++] = (char)((unsigned char)*p < 0x80 ? tolower((unsigned char)*p) : *p);
	*s = p;
	return NULL;
}

/* Names of one text; NULL, or what is wrong with it. */
static spk_status parse_names(struct spk_array_writer *w, const struct spk_view *v, bool strict, const char **why, spk_error *err)
{
	const char *end = spk_view_data(v) + v->length, *s = skip_blanks(spk_view_data(v), end);
	bool behind_dot = false;
	size_t size;

	*why = NULL;
	while (true) {
		char *to = spk_arena_alloc(w->call->ev->arena, (size_t)(end - s) + 1);

		SPK_TRY_PTR(to, err);
		*why = read_name(&s, end, behind_dot, to, &size);
		if (*why)
			return SPK_OK;
		SPK_TRY(spk_array_room(w, 1, err));
		spk_vector_view(w->child)[w->used++] = spk_view(to, (uint32_t)size);
		s = skip_blanks(s, end);
		if (s == end || (*s != '.' && !strict))
			return SPK_OK;
		if (*s != '.') {
			*why = "";
			return SPK_OK;
		}
		behind_dot = true;
		s = skip_blanks(s + 1, end);
	}
}

static spk_status parse_ident(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(&call->arg[0]), rs = spk_vector_reader(&call->arg[call->args - 1]);
	struct spk_array_writer w = spk_array_writer(call, out);

	SPK_EACH_CALL_ROW(call, row) {
		const struct spk_view *v = &SPK_ARG(struct spk_view, r, row);
		int before = w.used;
		const char *why;

		SPK_TRY(parse_names(&w, v, call->args < 2 || SPK_ARG(uint8_t, rs, row), &why, err));
		if (why) {
			spk_status status = spk_call_fail(call, out, row, SPK_DATA, err, "string is not a valid identifier: \"%.*s\"", (int)v->length, spk_view_data(v));

			if (status)
				return *why ? spk_hint(err, "%s", why) : status;
			w.used = before;
		}
		spk_array_end(&w, row);
	}
	spk_array_end(&w, call->rows);
	return SPK_OK;
}

/* --- the table --- */

static const struct spk_function quote_functions[] = {
	{ .name = "quote_literal", .doc = "As an SQL string", SPK_ARGS1(TEXT), SPK_RESULT(TEXT), .kernel = quote_literal },
	{ .name = "quote_literal", .doc = "Its text as an SQL string", SPK_ARGS1(UNKNOWN), SPK_RESULT(TEXT), .volatility = SPK_STABLE, .kernel = quote_literal },
	{ .name = "quote_ident", .doc = "As an SQL name", SPK_ARGS1(TEXT), SPK_RESULT(TEXT), .kernel = quote_ident },
	{ .name = "quote_nullable", .doc = "As an SQL string, NULL as the word", SPK_ARGS1(TEXT), SPK_RESULT(TEXT), .not_strict = true, .kernel = quote_nullable },
	{ .name = "quote_nullable", .doc = "Its text as an SQL string, NULL as the word", SPK_ARGS1(UNKNOWN), SPK_RESULT(TEXT), .not_strict = true, .volatility = SPK_STABLE, .kernel = quote_nullable },
	{ .name = "unistr", .doc = "With escapes \\\\XXXX, \\\\+XXXXXX, \\\\uXXXX and \\\\UXXXXXXXX replaced by their characters", SPK_ARGS1(TEXT), SPK_RESULT(TEXT), .can_fail = true, .kernel = unistr },
	{ .name = "parse_ident", .doc = "The parts of a name with dots; false: what follows it does not matter", .args_min = 1, .args_max = 2, .arg = { SPK_T(TEXT), SPK_T(BOOLEAN) },
	  .result = SPK_TA(TEXT), .can_fail = true, .kernel = parse_ident },
};

SPK_FUNCTION_FAMILY(quote, quote_functions)
