/*
 * Compiling jsonpath: recursive descent over the text, one function for every level of precedence.
 *
 *   or: and (|| and)*     and: not (&& not)*     not: ! (...) | comparison     comparison: sum [op sum | starts with .. | like_regex ..]
 *   sum: product ((+|-) product)*     product: sign ((*|/|%) sign)*     sign: [+|-] accessor     accessor: primary step*
 *
 * Predicates and values share the grammar, as their brackets look alike; what stands where is checked by the node's kind.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/check.h"
#include "core/expr/jsonb_path.h"
#include "core/expr/utf8.h"

enum { DEPTH_MAX = 500 };

struct parser {
	struct spk_arena *arena;
	const char *s, *p, *end;
	int depth, subscripts, filters;
	spk_error *err;
	spk_status status;
};

typedef struct spk_path_node node;

static node *parse_or(struct parser *p);

/* --- failing --- */

static void *failed(struct parser *p, spk_status status)
{
	p->status = p->status ? p->status : status;
	return NULL;
}

/* At the token that begins here. */
static void *syntax(struct parser *p, const char *at)
{
	static const char *const pairs[] = { "&&", "||", "==", "<>", "!=", "<=", ">=", "**" };
	const char *end = at;
	bool word = at < p->end && (isalnum((unsigned char)*at) || *at == '_' || (unsigned char)*at > 127);

	if (p->status)
		return NULL;
	while (word && end < p->end && (isalnum((unsigned char)*end) || *end == '_' || (unsigned char)*end > 127))
		end++;
	/* A word that the text ends with is only known for one at the end. */
	if (at >= p->end || (word && end == p->end))
		return failed(p, spk_fail(p->err, SPK_DATA, "syntax error at end of jsonpath input"));
	for (size_t i = 0; !word && end == at && i < SPK_COUNT_OF(pairs); i++)
		if (p->end - at >= 2 && memcmp(at, pairs[i], 2) == 0)
			end = at + 2;
	if (end == at)
		end++;
	return failed(p, spk_fail(p->err, SPK_DATA, "syntax error at or near \"%.*s\" of jsonpath input", (int)(end - at), at));
}

/* A point with digits behind it is a number where none belongs. */
static void *syntax_of_number(struct parser *p, const char *at)
{
	const char *end = at + 1;

	while (end < p->end && isdigit((unsigned char)*end))
		end++;
	return failed(p, spk_fail(p->err, SPK_DATA, "syntax error at or near \"%.*s\" of jsonpath input", (int)(end - at), at));
}

static node *make(struct parser *p, enum spk_path_kind kind, const node *left, const node *right)
{
	node *n = SPK_NEW(p->arena, node);

	if (!n)
		return failed(p, spk_fail_memory(p->err));
	n->kind = kind;
	n->left = left;
	n->right = right;
	return n;
}

/* --- tokens --- */

static void skip(struct parser *p)
{
	for (;;) {
		while (p->p < p->end && isspace((unsigned char)*p->p))
			p->p++;
		if (p->end - p->p < 2 || p->p[0] != '/' || p->p[1] != '*')
			return;
		for (p->p += 2; p->p < p->end && !(p->p[-1] == '/' && p->p[-2] == '*' ); p->p++)
			;
	}
}

static bool take(struct parser *p, const char *sign)
{
	size_t n = strlen(sign);

	skip(p);
	if ((size_t)(p->end - p->p) < n || memcmp(p->p, sign, n) != 0)
		return false;
	p->p += n;
	return true;
}

static bool is_name(char c)
{
	return c && !strchr("?%$.[]{}()|&!=<>@#,*:-+/\"\\ \t\n\r\f", c);
}

/* A word without regard to case; *at stays where it is when it is another. */
static bool take_word(struct parser *p, const char *word)
{
	size_t n = strlen(word);

	skip(p);
	if ((size_t)(p->end - p->p) < n || strncasecmp(p->p, word, n) != 0 || (p->p + n < p->end && is_name(p->p[n])))
		return false;
	p->p += n;
	return true;
}

/* u{1F600}: one to six digits. */
static bool take_braced(struct parser *p, char **to)
{
	uint32_t code = 0;
	int digits = 0;

	for (p->p += 2; p->p < p->end && isxdigit((unsigned char)*p->p) && digits < 6; p->p++, digits++)
		code = code * 16 + (uint32_t)(isdigit((unsigned char)*p->p) ? *p->p - '0' : (*p->p | 32) - 'a' + 10);
	if (!digits || p->p == p->end || *p->p++ != '}' || !code || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
		return false;
	*to += spk_utf8_put(code, *to);
	return true;
}

/* What stands behind a backslash in a name or string, as UTF-8 into *to. */
static bool take_escape(struct parser *p, char **to)
{
	static const char letters[] = "b\bf\fn\nr\rt\tv\v";
	struct spk_json_parser json = { 0 };
	struct spk_buffer text = { 0 };
	const char *from = p->p - 1, *close;
	char quoted[16];
	bool ok;
	int n;

	if (p->p == p->end)
		return false;
	if (*p->p == 'x' && p->end - p->p >= 3 && isxdigit((unsigned char)p->p[1]) && isxdigit((unsigned char)p->p[2])) {
		char digits[3] = { p->p[1], p->p[2], 0 };

		*to += spk_utf8_put((uint32_t)strtol(digits, NULL, 16), *to);
		p->p += 3;
		return true;
	}
	if (*p->p == 'u' && p->end - p->p > 1 && p->p[1] == '{')
		return take_braced(p, to);
	if (*p->p != 'u') {
		const char *at = strchr(letters, *p->p);

		*(*to)++ = at && (at - letters) % 2 == 0 ? at[1] : *p->p;
		p->p++;
		return true;
	}
	/* As in JSON: its reader knows surrogates. */
	close = p->p + 5;
	if (p->end - close >= 6 && close[0] == '\\' && close[1] == 'u' && (p->p[1] | 32) == 'd' && strchr("89abAB", p->p[2]))
		close += 6;
	if (close > p->end)
		return false;
	n = snprintf(quoted, sizeof quoted, "\"%.*s\"", (int)(close - from), from);
	ok = spk_jsonb_parse(&json, quoted, (size_t)n, &text, NULL) == SPK_OK;
	if (ok)
		*to += spk_jsonb_unescape(text.data + 1, text.data + text.size - 1, *to);
	spk_buffer_release(&text);
	spk_json_parser_release(&json);
	p->p = close;
	return ok;
}

/* A quoted string (behind its quote), or a bare name. */
static bool take_text(struct parser *p, bool quoted, const char **out, size_t *size)
{
	const char *start = p->p;
	char *copy = spk_arena_alloc(p->arena, (size_t)(p->end - p->p) + 8), *to = copy;

	if (!copy) {
		failed(p, spk_fail_memory(p->err));
		return false;
	}
	while (p->p < p->end && (quoted ? *p->p != '"' : is_name(*p->p) || *p->p == '\\')) {
		if (*p->p != '\\') {
			*to++ = *p->p++;
			continue;
		}
		p->p++;
		if (!take_escape(p, &to)) {
			const char *stop = start;

			while (stop < p->end && *stop != '"')
				stop++;
			failed(p, spk_fail(p->err, SPK_DATA, "invalid unicode sequence at or near \"%.*s\" of jsonpath input", (int)SPK_MIN(stop - start, (ptrdiff_t)40), start));
			return false;
		}
	}
	if (quoted && p->p == p->end) {
		failed(p, spk_fail(p->err, SPK_DATA, "unexpected end of quoted string at end of jsonpath input"));
		return false;
	}
	p->p += quoted;
	*out = copy;
	*size = (size_t)(to - copy);
	return true;
}

/* --- primaries --- */

static node *literal(struct parser *p, const char *s, size_t size, bool string)
{
	node *n = make(p, SPK_PATH_LITERAL, NULL, NULL);
	struct spk_json_parser json = { 0 };
	struct spk_buffer text = { 0 };
	spk_status status = string ? spk_jsonb_append_string(&text, s, size, p->err) : spk_jsonb_parse(&json, s, size, &text, p->err);
	const char *copy = status == SPK_OK ? spk_arena_copy(p->arena, text.data, text.size) : NULL;

	if (copy && n)
		n->literal = (struct spk_json){ copy, copy + text.size };
	else
		failed(p, status != SPK_OK ? status : spk_fail_memory(p->err));
	spk_buffer_release(&text);
	spk_json_parser_release(&json);
	return p->status ? NULL : n;
}

static void skip_digits(struct parser *p)
{
	while (p->p < p->end && isdigit((unsigned char)*p->p))
		p->p++;
}

static node *junk(struct parser *p, const char *start)
{
	return failed(p, spk_fail(p->err, SPK_DATA, "trailing junk after numeric literal at or near \"%.*s\" of jsonpath input", (int)(p->p + 1 - start), start));
}

/* Digits, a point and an exponent; JSON wants digits on both sides of the point. */
static node *number(struct parser *p)
{
	const char *start = p->p, *point = NULL, *e = NULL;
	char text[512];
	int n;

	if (*start == '0' && start + 1 < p->end && isdigit((unsigned char)start[1]) && p->p++)
		return junk(p, start);
	skip_digits(p);
	if (p->p < p->end && *p->p == '.') {
		point = p->p++;
		skip_digits(p);
	}
	if (p->p < p->end && (*p->p | 32) == 'e') {
		const char *sign = p->p + 1 < p->end && strchr("+-", p->p[1]) ? p->p + 2 : p->p + 1;

		if (sign < p->end && isdigit((unsigned char)*sign)) {
			e = p->p;
			p->p = sign;
			skip_digits(p);
		}
	}
	if (p->p < p->end && is_name(*p->p))
		return junk(p, start);
	if (p->p - start > 500)
		return syntax(p, start);
	if (!e)
		e = p->p;
	if (!point)
		point = e;
	n = snprintf(text, sizeof text, "%s%.*s%.*s", point == start ? "0" : "", (int)(point - start), start, e - point > 1 ? (int)(e - point) : 0, point);
	n += snprintf(text + n, sizeof text - (size_t)n, "%.*s", (int)(p->p - e), e);
	return literal(p, text, (size_t)n, false);
}

static node *variable(struct parser *p)
{
	node *n = make(p, SPK_PATH_VARIABLE, NULL, NULL);
	bool quoted = p->p < p->end && *p->p == '"';

	if (!n)
		return NULL;
	if (!quoted && (p->p == p->end || !is_name(*p->p))) {
		n->kind = SPK_PATH_ROOT;
		return n;
	}
	p->p += quoted;
	return take_text(p, quoted, &n->name, &n->name_size) ? n : NULL;
}

static node *exists(struct parser *p)
{
	const node *inner;

	if (!take(p, "("))
		return syntax(p, p->p);
	inner = parse_or(p);
	if (!inner)
		return NULL;
	return take(p, ")") ? make(p, SPK_PATH_EXISTS, inner, NULL) : syntax(p, p->p);
}

/* (...): a value or a predicate; (predicate) is unknown. */
static node *bracketed(struct parser *p)
{
	node *inner = parse_or(p);

	if (!inner)
		return NULL;
	if (!take(p, ")"))
		return syntax(p, p->p);
	if (spk_path_is_predicate(inner) && take_word(p, "is"))
		return take_word(p, "unknown") ? make(p, SPK_PATH_IS_UNKNOWN, inner, NULL) : syntax(p, p->p);
	return inner;
}

static node *primary(struct parser *p)
{
	const char *text, *at;
	size_t size;

	skip(p);
	at = p->p;
	if (at == p->end)
		return syntax(p, at);
	if (take(p, "$"))
		return variable(p);
	if (take(p, "@"))
		return p->filters ? make(p, SPK_PATH_CURRENT, NULL, NULL) : failed(p, spk_fail(p->err, SPK_DATA, "@ is not allowed in root expressions"));
	if (take(p, "("))
		return bracketed(p);
	if (*at == '"') {
		p->p++;
		return take_text(p, true, &text, &size) ? literal(p, text, size, true) : NULL;
	}
	if (isdigit((unsigned char)*at) || (*at == '.' && at + 1 < p->end && isdigit((unsigned char)at[1])))
		return number(p);
	if (take_word(p, "null"))
		return literal(p, "null", 4, false);
	if (take_word(p, "true"))
		return literal(p, "true", 4, false);
	if (take_word(p, "false"))
		return literal(p, "false", 5, false);
	if (take_word(p, "exists"))
		return exists(p);
	if (take_word(p, "last"))
		return p->subscripts ? make(p, SPK_PATH_LAST, NULL, NULL) : failed(p, spk_fail(p->err, SPK_DATA, "LAST is allowed only in array subscripts"));
	return syntax(p, at);
}

/* --- steps --- */

static node *subscripts(struct parser *p)
{
	node *n = make(p, SPK_PATH_INDEX, NULL, NULL);
	int capacity = 0;

	if (!n)
		return NULL;
	p->subscripts++;
	do {
		struct spk_path_range r = { .from = parse_or(p) };

		if (!r.from)
			return NULL;
		if (take_word(p, "to") && !(r.to = parse_or(p)))
			return NULL;
		if (spk_path_is_predicate(r.from) || (r.to && spk_path_is_predicate(r.to)))
			return syntax(p, p->p);
		if (n->ranges == capacity) {
			struct spk_path_range *grown = SPK_NEW_ARRAY(p->arena, struct spk_path_range, capacity = capacity * 2 + 2);

			if (!grown)
				return failed(p, spk_fail_memory(p->err));
			if (n->ranges)
				memcpy(grown, n->range, sizeof *grown * (size_t)n->ranges);
			n->range = grown;
		}
		n->range[n->ranges++] = r;
	} while (take(p, ","));
	p->subscripts--;
	return take(p, "]") ? n : syntax(p, p->p);
}

static bool level(struct parser *p, uint32_t *out)
{
	char *end;

	skip(p);
	if (take_word(p, "last")) {
		*out = UINT32_MAX;
		return true;
	}
	if (p->p == p->end || !isdigit((unsigned char)*p->p))
		return false;
	*out = (uint32_t)strtoul(p->p, &end, 10);
	p->p = end;
	return true;
}

/* Behind "**": all depths, or {a}, {a to b}. */
static node *any_depth(struct parser *p)
{
	node *n = make(p, SPK_PATH_ANY_DEPTH, NULL, NULL);

	if (!n)
		return NULL;
	n->last = UINT32_MAX;
	if (!take(p, "{"))
		return n;
	if (!level(p, &n->first))
		return syntax(p, p->p);
	n->last = n->first;
	if (take_word(p, "to") && !level(p, &n->last))
		return syntax(p, p->p);
	return take(p, "}") ? n : syntax(p, p->p);
}

/* .datetime( up to its bracket: there may be a template. */
static node *datetime(struct parser *p)
{
	node *n = make(p, SPK_PATH_DATETIME, NULL, NULL);

	if (!n)
		return NULL;
	if (take(p, "\"")) {
		if (!take_text(p, true, &n->name, &n->name_size))
			return NULL;
		n->template = spk_template_new(p->arena, n->name, n->name_size);
		if (!n->template)
			return failed(p, spk_fail_memory(p->err));
	}
	return take(p, ")") ? n : syntax(p, p->p);
}

/* Behind a point: a method with its brackets, or a name. */
static node *member(struct parser *p)
{
	static const struct { const char *word; enum spk_path_kind kind; } methods[] = {
		{ "type", SPK_PATH_TYPE }, { "size", SPK_PATH_SIZE }, { "abs", SPK_PATH_ABS }, { "floor", SPK_PATH_FLOOR }, { "ceiling", SPK_PATH_CEILING },
		{ "double", SPK_PATH_DOUBLE }, { "keyvalue", SPK_PATH_KEYVALUE },
	};
	const char *at;
	node *n;

	if (take(p, "**"))
		return any_depth(p);
	if (take(p, "*"))
		return make(p, SPK_PATH_ANY_KEY, NULL, NULL);
	skip(p);
	at = p->p;
	for (size_t i = 0; i < SPK_COUNT_OF(methods); i++) {
		if (take_word(p, methods[i].word) && take(p, "("))
			return take(p, ")") ? make(p, methods[i].kind, NULL, NULL) : syntax(p, p->p);
		p->p = at;
	}
	if (take_word(p, "datetime") && take(p, "("))
		return datetime(p);
	p->p = at;
	n = make(p, SPK_PATH_KEY, NULL, NULL);
	if (!n)
		return NULL;
	if (take(p, "\""))
		return take_text(p, true, &n->name, &n->name_size) ? n : NULL;
	if (at < p->end && isdigit((unsigned char)*at))
		return syntax_of_number(p, at - 1);
	if (at == p->end || (!is_name(*at) && *at != '\\'))
		return syntax(p, at);
	return take_text(p, false, &n->name, &n->name_size) ? n : NULL;
}

static node *filter(struct parser *p)
{
	node *inner;

	if (!take(p, "("))
		return syntax(p, p->p);
	p->filters++;
	inner = parse_or(p);
	p->filters--;
	if (!inner)
		return NULL;
	if (!spk_path_is_predicate(inner) || !take(p, ")"))
		return syntax(p, p->p);
	return make(p, SPK_PATH_FILTER, inner, NULL);
}

/* The next step, NULL without one (or when it is malformed). */
static node *step(struct parser *p)
{
	skip(p);
	if (take(p, "."))
		return member(p);
	if (take(p, "?"))
		return filter(p);
	if (!take(p, "["))
		return NULL;
	if (take(p, "*"))
		return take(p, "]") ? make(p, SPK_PATH_ANY_ELEMENT, NULL, NULL) : syntax(p, p->p);
	return subscripts(p);
}

static node *accessor(struct parser *p)
{
	node *first = primary(p), *last = first, *n;

	/* What is in brackets may have steps of its own. */
	while (last && last->next) {
		union { const node *in; node *out; } cast = { .in = last->next };

		last = cast.out;
	}
	while (last && (n = step(p)) != NULL) {
		last->next = n;
		last = n;
	}
	return p->status ? NULL : first;
}

/* --- operators --- */

static bool is_value(struct parser *p, const node *n, const char *at)
{
	if (n && !spk_path_is_predicate(n))
		return true;
	if (n)
		syntax(p, at);
	return false;
}

/* A number with a sign before it is a number, too. */
static node *signed_number(struct parser *p, node *n, bool minus)
{
	const struct spk_json *l = &n->literal;
	const size_t size = (size_t)(l->end - l->p);
	char text[600] = "-";

	if (!minus || size + 2 > sizeof text)
		return minus ? make(p, SPK_PATH_MINUS, n, NULL) : n;
	if (*l->p == '-')
		return literal(p, l->p + 1, size - 1, false);
	memcpy(text + 1, l->p, size);
	return literal(p, text, size + 1, false);
}

static node *sign(struct parser *p)
{
	bool minus;
	node *n;

	skip(p);
	if (p->p == p->end || (*p->p != '-' && *p->p != '+'))
		return accessor(p);
	minus = *p->p++ == '-';
	if (++p->depth > DEPTH_MAX)
		return failed(p, spk_fail(p->err, SPK_DATA, "stack depth limit exceeded"));
	n = sign(p);
	p->depth--;
	if (n && n->kind == SPK_PATH_LITERAL && !n->next && (isdigit((unsigned char)*n->literal.p) || *n->literal.p == '-'))
		return signed_number(p, n, minus);
	return is_value(p, n, p->p) ? make(p, minus ? SPK_PATH_MINUS : SPK_PATH_PLUS, n, NULL) : NULL;
}

static node *product(struct parser *p)
{
	node *left = sign(p), *right;

	while (left) {
		const char *at;
		enum spk_path_kind kind;

		skip(p);
		at = p->p;
		if (at == p->end || !strchr("*/%", *at))
			return left;
		kind = *at == '*' ? SPK_PATH_MULTIPLY : *at == '/' ? SPK_PATH_DIVIDE : SPK_PATH_MODULO;
		p->p++;
		right = is_value(p, left, at) ? sign(p) : NULL;
		left = is_value(p, right, at) ? make(p, kind, left, right) : NULL;
	}
	return NULL;
}

static node *sum(struct parser *p)
{
	node *left = product(p), *right;

	while (left) {
		const char *at;

		skip(p);
		at = p->p;
		if (at == p->end || (*at != '+' && *at != '-'))
			return left;
		p->p++;
		right = is_value(p, left, at) ? product(p) : NULL;
		left = is_value(p, right, at) ? make(p, *at == '+' ? SPK_PATH_ADD : SPK_PATH_SUBTRACT, left, right) : NULL;
	}
	return NULL;
}

/* A pattern whose characters all stand for themselves. */
static const char *quote_pattern(struct parser *p, const char *s, size_t size, size_t *out)
{
	char *to = spk_arena_alloc(p->arena, 2 * size + 1);

	*out = 0;
	for (size_t i = 0; to && i < size; i++) {
		if (strchr("\\^$.[]|()*+?{}", s[i]) && s[i])
			to[(*out)++] = '\\';
		to[(*out)++] = s[i];
	}
	return to;
}

/* like_regex "pattern" [flag "flags"]: XQuery's flags as PostgreSQL's. */
static node *like_regex(struct parser *p, const node *left)
{
	node *n = make(p, SPK_PATH_LIKE_REGEX, left, NULL);
	const char *pattern, *given = "";
	size_t size, count = 0;
	char flags[8] = "";
	bool icase = false, dot_all = false, lines = false, literal_text = false, expanded = false;
	spk_status status;

	if (!n || !take(p, "\""))
		return n ? syntax(p, p->p) : NULL;
	if (!take_text(p, true, &pattern, &size))
		return NULL;
	if (take_word(p, "flag") && (!take(p, "\"") || !take_text(p, true, &given, &count)))
		return p->status ? NULL : syntax(p, p->p);
	for (size_t i = 0; i < count; i++) {
		switch (given[i]) {
		case 'i': icase = true; break;
		case 's': dot_all = true; break;
		case 'm': lines = true; break;
		case 'q': literal_text = true; break;
		case 'x': expanded = true; break;
		default: return failed(p, spk_fail(p->err, SPK_DATA, "invalid input syntax for type jsonpath"));
		}
	}
	if (expanded && !literal_text)
		return failed(p, spk_fail(p->err, SPK_DATA, "XQuery \"x\" flag (expanded regular expressions) is not implemented"));
	n->name = pattern;
	n->name_size = size;
	snprintf(n->flags, sizeof n->flags, "%s%s%s%s%s", icase ? "i" : "", dot_all ? "s" : "", lines ? "m" : "", expanded ? "x" : "", literal_text ? "q" : "");
	if (literal_text && !(pattern = quote_pattern(p, pattern, size, &size)))
		return failed(p, spk_fail_memory(p->err));
	snprintf(flags, sizeof flags, "%s%s", icase ? "i" : "", literal_text ? "" : dot_all ? (lines ? "w" : "") : lines ? "n" : "p");
	status = spk_regex_compile(p->arena, pattern, size, flags, strlen(flags), &n->regex, p->err);
	return status == SPK_OK ? n : failed(p, status);
}

static node *starts_with(struct parser *p, const node *left)
{
	node *right;
	const char *at;

	if (!take_word(p, "with"))
		return syntax(p, p->p);
	skip(p);
	at = p->p;
	right = primary(p);
	if (!right)
		return NULL;
	if (right->kind != SPK_PATH_VARIABLE && !(right->kind == SPK_PATH_LITERAL && *right->literal.p == '"'))
		return syntax(p, at);
	return make(p, SPK_PATH_STARTS_WITH, left, right);
}

static node *comparison(struct parser *p)
{
	static const struct { const char *sign; enum spk_path_kind kind; } signs[] = {
		{ "==", SPK_PATH_EQ }, { "<>", SPK_PATH_NE }, { "!=", SPK_PATH_NE }, { "<=", SPK_PATH_LE }, { ">=", SPK_PATH_GE }, { "<", SPK_PATH_LT }, { ">", SPK_PATH_GT },
	};
	node *left = sum(p), *right;
	const char *at;

	if (!left || spk_path_is_predicate(left))
		return left;
	skip(p);
	at = p->p;
	if (take_word(p, "starts"))
		return starts_with(p, left);
	if (take_word(p, "like_regex"))
		return like_regex(p, left);
	for (size_t i = 0; i < SPK_COUNT_OF(signs); i++) {
		if (!take(p, signs[i].sign))
			continue;
		right = sum(p);
		return is_value(p, right, at) ? make(p, signs[i].kind, left, right) : NULL;
	}
	return left;
}

static node *parse_not(struct parser *p)
{
	const char *at;
	node *n;

	skip(p);
	at = p->p;
	if (p->end - at >= 2 && at[0] == '!' && at[1] == '=')
		return syntax(p, at);
	if (!take(p, "!"))
		return comparison(p);
	skip(p);
	at = p->p;
	if (take(p, "("))
		n = bracketed(p);
	else
		n = take_word(p, "exists") ? exists(p) : syntax(p, at);
	if (n && !spk_path_is_predicate(n))
		return syntax(p, p->p);
	return n ? make(p, SPK_PATH_NOT, n, NULL) : NULL;
}

static node *parse_and(struct parser *p)
{
	node *left = parse_not(p), *right;
	const char *at;

	while (left) {
		skip(p);
		at = p->p;
		if (!take(p, "&&"))
			return left;
		right = spk_path_is_predicate(left) ? parse_not(p) : syntax(p, at);
		if (right && !spk_path_is_predicate(right))
			right = syntax(p, p->p);
		left = right ? make(p, SPK_PATH_AND, left, right) : NULL;
	}
	return NULL;
}

static node *parse_or(struct parser *p)
{
	node *left, *right;
	const char *at;

	if (++p->depth > DEPTH_MAX)
		return failed(p, spk_fail(p->err, SPK_DATA, "stack depth limit exceeded"));
	left = parse_and(p);
	while (left) {
		skip(p);
		at = p->p;
		if (!take(p, "||"))
			break;
		right = spk_path_is_predicate(left) ? parse_and(p) : syntax(p, at);
		if (right && !spk_path_is_predicate(right))
			right = syntax(p, p->p);
		left = right ? make(p, SPK_PATH_OR, left, right) : NULL;
	}
	p->depth--;
	return left;
}

spk_status spk_path_compile(struct spk_arena *arena, const char *s, size_t size, const struct spk_path **out, spk_error *err)
{
	struct spk_path *path = SPK_NEW(arena, struct spk_path);
	struct parser p = { .arena = arena, .s = s, .p = s, .end = s + size, .err = err };

	SPK_TRY_PTR(path, err);
	skip(&p);
	if (p.p == p.end)
		return spk_fail(err, SPK_DATA, "invalid input syntax for type jsonpath: \"%.*s\"", (int)SPK_MIN(size, (size_t)100), s);
	path->lax = !take_word(&p, "strict");
	if (path->lax)
		take_word(&p, "lax");
	path->root = parse_or(&p);
	skip(&p);
	if (path->root && p.p < p.end)
		syntax(&p, p.p);
	*out = path;
	return p.status;
}
