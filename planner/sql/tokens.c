/*
 * Tokens, by PostgreSQL's own lexer, and what must be refused before PostgreSQL's parser sees the text: nesting that would
 * overrun its stack (it recurses without a limit of its own), and names that it would cut silently.
 */
#include <pg_query.h>
#include <pg_query/pg_query.pb-c.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/check.h"
#include "core/base/utf8.h"
#include "planner/sql/parse.h"
#include "planner/sql/source.h"

enum {
	NESTING_MAX = 250,   /* needs less than 2 MiB of stack in libpg_query */
};

static spk_status check_encoding(struct spk_source *s, spk_error *err)
{
	size_t at = spk_utf8_valid(s->text, s->size);

	if (at == s->size)
		return SPK_OK;
	spk_fail(err, SPK_SYNTAX, "the text is not valid UTF-8: byte 0x%02x", (unsigned char)s->text[at]);
	spk_hint(err, "Save the file as UTF-8.");
	if (err)
		err->position = (int)at + 1;
	return SPK_SYNTAX;
}

/*
 * An upper bound of how deep the parse tree can be: per open bracket, the operators since the last comma or clause (they nest to
 * the left) and one for the bracket.
 */
struct nesting {
	int total, open;
	struct { int operators, sets; } level[NESTING_MAX + 2];
};

static bool opens(int kind) { return kind == '(' || kind == '[' || kind == PG_QUERY__TOKEN__CASE; }
static bool closes(int kind) { return kind == ')' || kind == ']' || kind == PG_QUERY__TOKEN__END_P; }

static bool resets(int kind)
{
	switch (kind) {
	case ',':
	case PG_QUERY__TOKEN__AND:
	case PG_QUERY__TOKEN__OR:
	case PG_QUERY__TOKEN__SELECT:
	case PG_QUERY__TOKEN__FROM:
	case PG_QUERY__TOKEN__WHERE:
	case PG_QUERY__TOKEN__GROUP_P:
	case PG_QUERY__TOKEN__HAVING:
	case PG_QUERY__TOKEN__ORDER:
	case PG_QUERY__TOKEN__WHEN:
	case PG_QUERY__TOKEN__THEN:
	case PG_QUERY__TOKEN__ELSE:
		return true;
	default:
		return false;
	}
}

static bool nests(int kind)
{
	switch (kind) {
	case '+': case '-': case '*': case '/': case '%': case '^': case '<': case '>': case '=': case '.':
	case PG_QUERY__TOKEN__Op:
	case PG_QUERY__TOKEN__TYPECAST:
	case PG_QUERY__TOKEN__LESS_EQUALS:
	case PG_QUERY__TOKEN__GREATER_EQUALS:
	case PG_QUERY__TOKEN__NOT_EQUALS:
	case PG_QUERY__TOKEN__NOT:
	case PG_QUERY__TOKEN__IS:
	case PG_QUERY__TOKEN__ISNULL:
	case PG_QUERY__TOKEN__NOTNULL:
	case PG_QUERY__TOKEN__LIKE:
	case PG_QUERY__TOKEN__ILIKE:
	case PG_QUERY__TOKEN__IN_P:
	case PG_QUERY__TOKEN__AT:
	case PG_QUERY__TOKEN__COLLATE:
	case PG_QUERY__TOKEN__OPERATOR:
	case PG_QUERY__TOKEN__EXPLAIN:
		return true;
	default:
		return false;
	}
}

/* A table of many joins or set operations is a tree as deep as they are many. */
static bool chains(int kind)
{
	return kind == PG_QUERY__TOKEN__UNION || kind == PG_QUERY__TOKEN__EXCEPT || kind == PG_QUERY__TOKEN__INTERSECT || kind == PG_QUERY__TOKEN__JOIN;
}

static bool nest(struct nesting *n, int kind)
{
	if (kind == ';') {
		n->open = n->total = 0;
		memset(&n->level[0], 0, sizeof n->level[0]);
	} else if (opens(kind)) {
		n->open++;
		n->total++;
		if (n->total > NESTING_MAX)
			return false;
		memset(&n->level[n->open], 0, sizeof n->level[0]);
	} else if (closes(kind) && n->open > 0) {
		n->total -= n->level[n->open].operators + n->level[n->open].sets + 1;
		n->open--;
	} else if (resets(kind)) {
		n->total -= n->level[n->open].operators;
		n->level[n->open].operators = 0;
	} else if (chains(kind)) {
		n->level[n->open].sets++;
		n->total++;
	} else if (nests(kind)) {
		n->level[n->open].operators++;
		n->total++;
	}
	return n->total <= NESTING_MAX;
}

static spk_status check_tokens(struct spk_source *s, spk_error *err)
{
	struct nesting nesting = { 0 };

	for (int i = 0; i < s->tokens.count; i++) {
		const struct spk_token *t = &s->tokens.token[i];

		if (!nest(&nesting, t->kind)) {
			spk_sql_fail(s, t->start, SPK_UNSUPPORTED, err, "the statement is nested too deeply: more than %d levels", NESTING_MAX);
			return spk_hint(err, "Break it up with WITH or views.");
		}
	}
	return SPK_OK;
}

static spk_status keep_hint(struct spk_source *s, const char *text, int start, int end, size_t most, struct spk_arena *arena, spk_error *err)
{
	if (end - start < 5 || memcmp(text + start, "/*+", 3) != 0)
		return SPK_OK;
	if (!s->hint)
		SPK_TRY_PTR(s->hint = SPK_NEW_ARRAY(arena, struct spk_hint_comment, most), err);
	s->hint[s->hints].start = start;
	SPK_TRY_PTR(s->hint[s->hints].text = spk_arena_strndup(arena, text + start + 3, (size_t)(end - start - 5)), err);
	s->hints++;
	return SPK_OK;
}

/*
 * Comments are blanked: libpg_query's lexer hands them on, and its parser, where it looks ahead by one token (NULLS FIRST, NOT
 * BETWEEN, WITH TIME ZONE), takes them for that token and gives up.
 */
static spk_status keep_tokens(struct spk_source *s, const PgQuery__ScanResult *r, struct spk_arena *arena, spk_error *err)
{
	char *text = spk_arena_strdup(arena, s->quoted);

	SPK_TRY_PTR(text, err);
	s->tokens.text = s->quoted = text;
	s->tokens.token = SPK_NEW_ARRAY(arena, struct spk_token, r->n_tokens + 1);
	SPK_TRY_PTR(s->tokens.token, err);
	for (size_t i = 0; i < r->n_tokens; i++) {
		const PgQuery__ScanToken *t = r->tokens[i];

		if (t->token == PG_QUERY__TOKEN__SQL_COMMENT || t->token == PG_QUERY__TOKEN__C_COMMENT) {
			SPK_TRY(keep_hint(s, text, t->start, t->end, r->n_tokens, arena, err));
			memset(text + t->start, ' ', (size_t)(t->end - t->start));
			continue;
		}
		s->tokens.token[s->tokens.count++] = (struct spk_token){ t->start, t->end, (int)t->token, (int)t->keyword_kind };
	}
	return SPK_OK;
}

spk_status spk_sql_scan(struct spk_source *s, struct spk_arena *arena, spk_error *err)
{
	PgQueryScanResult scan;
	PgQuery__ScanResult *r = NULL;
	spk_status status;

	SPK_TRY(check_encoding(s, err));
	scan = pg_query_scan(s->quoted);
	if (scan.error) {
		status = spk_parser_error(s, s->quoted, scan.error, NULL, err);
	} else {
		r = pg_query__scan_result__unpack(NULL, scan.pbuf.len, (const uint8_t *)scan.pbuf.data);
		status = r ? keep_tokens(s, r, arena, err) : spk_fail_memory(err);
	}
	pg_query__scan_result__free_unpacked(r, NULL);
	pg_query_free_scan_result(scan);
	return status != SPK_OK ? status : check_tokens(s, err);
}
