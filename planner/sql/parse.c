/* libpg_query's tree, unpacked into an arena, and its complaints in the user's terms. */
#include "planner/sql/parse.h"

#include <limits.h>
#include <string.h>
#include <strings.h>

#include "core/base/check.h"
#include "core/base/conf.h"

/* --- the tree --- */

static void *arena_alloc(void *arena, size_t size) { return spk_arena_alloc(arena, size); }
static void arena_free(void *arena, void *p) { (void)arena, (void)p; }

spk_status spk_sql_parse(const struct spk_source *s, struct spk_arena *arena, PgQuery__ParseResult **out, spk_error *err)
{
	ProtobufCAllocator allocator = { .alloc = arena_alloc, .free = arena_free, .allocator_data = arena };
	PgQueryProtobufParseResult r = pg_query_parse_protobuf(s->sql);
	spk_status status = SPK_OK;

	if (r.error) {
		status = spk_parser_error(s, s->sql, r.error, &s->to_quoted, err);
	} else {
		*out = pg_query__parse_result__unpack(&allocator, r.parse_tree.len, (const uint8_t *)r.parse_tree.data);
		if (!*out)
			status = spk_fail_memory(err);
	}
	pg_query_free_protobuf_parse_result(r);
	return status;
}

/* --- errors --- */

/* cursorpos counts characters from 1. */
static int byte_of_character(const char *text, int character)
{
	int i = 0;

	for (; text[i]; i++)
		if (((unsigned char)text[i] & 0xc0) != 0x80 && --character == 0)
			break;
	return i;
}

struct complaint {
	const struct spk_tokens *tokens;
	int at;                       /* index of the token complained of; tokens->count: the end of the text */
};

static bool is_keyword(const struct complaint *c, int i, const char *const *words)
{
	for (; *words; words++)
		if (spk_token_is_word(c->tokens, i, *words))
			return true;
	return false;
}

static const char *const clauses[] = { "FROM", "WHERE", "GROUP", "HAVING", "LIMIT", "UNION", ")", ";", NULL };
static const char *const starts[] = { "SELECT", "INSERT", "CREATE", "SET", "EXPLAIN", "DROP", "WITH", "VALUES", NULL };

/* The clause or statement keyword that the word at token i may have been meant to be. */
static const char *meant(const struct complaint *c, int i)
{
	static const char *const words[] = { "select", "from", "where", "group", "order", "having", "limit", "insert", "into", "values",
		"create", "table", "view", "explain", "analyze", "with", "union", "between", "distinct", "window", "offset", "drop", "join" };
	char word[24];
	const char *found;
	int size;

	if (i < 0 || i >= c->tokens->count || c->tokens->token[i].kind != PG_QUERY__TOKEN__IDENT)
		return NULL;
	size = c->tokens->token[i].end - c->tokens->token[i].start;
	if (size < 3 || size >= (int)sizeof word)
		return NULL;
	for (int k = 0; k < size; k++) {
		char l = c->tokens->text[c->tokens->token[i].start + k];

		word[k] = (char)(l >= 'A' && l <= 'Z' ? l + 32 : l);
	}
	word[size] = 0;
	found = spk_closest_name(word, words, SPK_COUNT_OF(words));
	for (size_t k = 0; !found && k < SPK_COUNT_OF(words); k++) {  /* two letters swapped, which is two changes to the measure above */
		int from = 0, differ = 0;

		if ((int)strlen(words[k]) != size)
			continue;
		for (int l = size - 1; l >= 0; l--) {
			if (word[l] != words[k][l]) {
				from = l;
				differ++;
			}
		}
		if (differ == 2 && from + 1 < size && word[from] == words[k][from + 1] && word[from + 1] == words[k][from])
			found = words[k];
	}
	return found;
}

/* Index of the bracket that nobody closes before token `end`, or -1. */
static int open_bracket(const struct complaint *c, int end)
{
	int depth = 0;

	for (int i = end - 1; i >= 0 && c->tokens->token[i].kind != ';'; i--) {
		depth += c->tokens->token[i].kind == ')';
		depth -= c->tokens->token[i].kind == '(';
		if (depth < 0)
			return i;
	}
	return -1;
}

static int line_of(const char *text, int at)
{
	int line = 1;

	for (int i = 0; i < at; i++)
		line += text[i] == '\n';
	return line;
}

static bool is_reserved(const struct complaint *c, int i)
{
	return i >= 0 && i < c->tokens->count && c->tokens->token[i].keyword >= PG_QUERY__KEYWORD_KIND__COL_NAME_KEYWORD;
}

/* A name belongs behind these. */
static bool wants_name(const struct complaint *c, int i)
{
	static const char *const words[] = { "SELECT", ",", ".", "(", "AS", "FROM", "INTO", "TABLE", "VIEW", "BY", NULL };

	return i >= 0 && is_keyword(c, i, words);
}

static spk_status hint_reserved(const struct complaint *c, int i, spk_error *err)
{
	const struct spk_token *t = &c->tokens->token[i];

	return spk_hint(err, "\"%.*s\" is a reserved word; as a name it must be quoted.", t->end - t->start, c->tokens->text + t->start);
}

static void add_hint(const struct spk_source *s, const struct complaint *c, spk_error *err)
{
	const struct spk_token *t = c->at < c->tokens->count ? &c->tokens->token[c->at] : NULL;
	bool ends = !t || is_keyword(c, c->at, clauses);
	int before = c->at - 1, open = open_bracket(c, c->at);
	const char *word;

	if ((word = meant(c, c->at)) || (word = meant(c, before)) || (word = meant(c, before - 1))) {
		char upper[24];
		size_t i = 0;

		for (; word[i]; i++)
			upper[i] = (char)(word[i] - 32);
		upper[i] = 0;
		spk_hint(err, "Did you mean %s?", upper);
	} else if (before >= 0 && c->tokens->token[before].kind == ',' && ends) {
		spk_hint(err, "Is the comma before it one too many?");
	} else if (is_reserved(c, before) && wants_name(c, before - 1) && !is_keyword(c, before, starts) && !is_keyword(c, before, clauses)) {
		hint_reserved(c, before, err);
	} else if (t && before >= 0 && is_keyword(c, c->at, starts) && c->tokens->token[before].kind != ';' && c->tokens->token[before].kind != '(') {
		spk_hint(err, "Is a semicolon missing before it?");
	} else if (before > 0 && is_keyword(c, before, starts) && c->tokens->token[before - 1].kind != ';' && is_reserved(c, c->at)) {
		spk_hint(err, "Is a semicolon missing before \"%.*s\"?", c->tokens->token[before].end - c->tokens->token[before].start, c->tokens->text + c->tokens->token[before].start);
	} else if (ends && open >= 0 && (!t || t->kind != ')')) {
		int at = spk_map_back(&s->to_text, c->tokens->token[open].start, NULL);

		spk_hint(err, "The \"(\" in line %d is not closed.", line_of(s->text, at));
	} else if (t && t->kind == ')' && open < 0) {
		spk_hint(err, "There is no \"(\" that it closes.");
	} else if (is_reserved(c, c->at) && wants_name(c, before)) {
		hint_reserved(c, c->at, err);
	}
}

/* "... at or near "x"" as the parser says it, without that part: it may name what only the rewritten text has. */
static int said(const char *message)
{
	const char *near = strstr(message, " at or near ");

	if (!near)
		near = strstr(message, " at end of input");
	return near ? (int)(near - message) : (int)strlen(message);
}

/* 123abc: PostgreSQL names all of it, the parser the first letter. */
static spk_status junk_after_number(const struct spk_source *s, int at, const char *message, spk_error *err)
{
	const char *near = strstr(message, " at or near \"");
	int size = near ? (int)strlen(near + 13) - 1 : 0;

	if (size <= 0 || strncmp(s->quoted + at, near + 13, (size_t)size) != 0)
		return spk_sql_fail(s, at, SPK_SYNTAX, err, "%s", message);
	while (spk_is_word_byte(s->quoted[at + size]))
		size++;
	spk_sql_fail(s, at, SPK_SYNTAX, err, "%.*s at or near \"%.*s\"", (int)(near - message), message, size, s->quoted + at);
	return spk_hint(err, "A number with a unit is written in quotes: '100ms'.");
}

spk_status spk_parser_error(const struct spk_source *s, const char *parsed, const PgQueryError *e, const struct spk_map *map, spk_error *err)
{
	enum { SHOWN = 40 };
	int at = e->cursorpos > 0 ? byte_of_character(parsed, e->cursorpos) : 0;
	bool near = strstr(e->message, " at or near ") || strstr(e->message, " at end of input");
	struct complaint c = { .tokens = &s->tokens };
	const struct spk_token *t;

	if (map)
		at = spk_map_back(map, at, NULL);
	if (!map || !near || strncmp(e->message, "syntax error", 12) != 0) {
		if (strncmp(e->message, "trailing junk after numeric literal", 35) == 0)
			return junk_after_number(s, at, e->message, err), SPK_SYNTAX;
		spk_sql_fail(s, at, SPK_SYNTAX, err, "%s", e->message);
		if (strncmp(e->message, "unterminated quoted string", 26) == 0)
			spk_hint(err, "A quote inside a string is written twice: 'it''s'.");
		return SPK_SYNTAX;
	}
	t = spk_source_token(s, at);
	if (!t) {
		c.at = s->tokens.count;
		spk_sql_fail(s, (int)strlen(s->quoted), SPK_SYNTAX, err, "%.*s at end of input", said(e->message), e->message);
	} else {
		c.at = (int)(t - s->tokens.token);
		spk_sql_fail(s, t->start, SPK_SYNTAX, err, "%.*s at or near \"%.*s\"", said(e->message), e->message, SPK_MIN(t->end - t->start, SHOWN), s->quoted + t->start);
	}
	if (err)
		add_hint(s, &c, err);
	return SPK_SYNTAX;
}

spk_status spk_sql_read(struct spk_source *source, const char *text, struct spk_arena *arena, PgQuery__ParseResult **out, spk_error *err)
{
	source->size = strlen(text);
	if (source->size > INT32_MAX / 8)
		return spk_fail(err, SPK_UNSUPPORTED, "the SQL text is too long: %zu bytes", source->size);
	source->text = spk_arena_strndup(arena, text, source->size);
	SPK_TRY_PTR(source->text, err);
	SPK_TRY(spk_sql_backquotes(source, arena, err));
	SPK_TRY(spk_sql_scan(source, arena, err));
	SPK_TRY(spk_sql_rewrite(source, arena, err));
	return spk_sql_parse(source, arena, out, err);
}
