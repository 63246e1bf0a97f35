/*
 * From Flink's and other streaming dialects to what PostgreSQL's grammar knows, on the token stream. Every change is an edit of
 * a range, so a place in the result leads back to the user's text; expressions are never copied elsewhere.
 *
 *   statement heads     EXPLAIN PLAN FOR, BEGIN STATEMENT SET ... END, DROP TEMPORARY     here
 *   DDL and SET         rewrite_ddl.c          window functions and files in FROM         rewrite_from.c
 *   sinks, LIKE         rewrite_sink.c
 *   GROUP BY            rewrite_group.c        functions of JSON                          rewrite_json.c
 *   joins               rewrite_join.c         words inside a statement                   rewrite_words.c
 */
#include "planner/sql/rewrite.h"

#include <string.h>

#include "core/base/check.h"

bool spk_is_free(const struct spk_rewrite *r, int i)
{
	const int keyword = i >= 0 && i < r->tokens->count ? r->tokens->token[i].keyword : 0;

	return spk_kind(r, i) == PG_QUERY__TOKEN__IDENT || keyword == PG_QUERY__KEYWORD_KIND__UNRESERVED_KEYWORD || keyword == PG_QUERY__KEYWORD_KIND__COL_NAME_KEYWORD;
}

static bool is_literal(int kind)
{
	return kind == PG_QUERY__TOKEN__SCONST || kind == PG_QUERY__TOKEN__ICONST || kind == PG_QUERY__TOKEN__FCONST || kind == PG_QUERY__TOKEN__BCONST || kind == PG_QUERY__TOKEN__XCONST ||
	       kind == PG_QUERY__TOKEN__PARAM || kind == PG_QUERY__TOKEN__NULL_P || kind == PG_QUERY__TOKEN__TRUE_P || kind == PG_QUERY__TOKEN__FALSE_P;
}

bool spk_ends_value(const struct spk_rewrite *r, int i)
{
	const int kind = spk_kind(r, i);

	return (spk_is_free(r, i) && kind != PG_QUERY__TOKEN__BY) || is_literal(kind) || kind == ')' || kind == ']' || kind == PG_QUERY__TOKEN__END_P;
}

bool spk_begins_value(const struct spk_rewrite *r, int i)
{
	static const char *const words[] = { "NOT", "CASE", "CAST", "ARRAY", "CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP", "LOCALTIME", "LOCALTIMESTAMP", "(", "-", "+" };
	const bool call = (spk_word(r, i, "LEFT") || spk_word(r, i, "RIGHT")) && spk_kind(r, i + 1) == '(';

	for (size_t k = 0; k < SPK_COUNT_OF(words); k++)
		if (spk_word(r, i, words[k]))
			return true;
	return spk_is_free(r, i) || is_literal(spk_kind(r, i)) || call;
}

int spk_rewrite_close(const struct spk_rewrite *r, int open, int end)
{
	int depth = 0;

	for (int i = open; i < end; i++) {
		depth += spk_kind(r, i) == '(';
		depth -= spk_kind(r, i) == ')';
		if (depth == 0)
			return i;
	}
	return end;
}

spk_status spk_rewrite_tokens(struct spk_rewrite *r, int from, int to, const char *text, spk_error *err)
{
	const struct spk_token *t = r->tokens->token;

	if (from >= r->tokens->count)
		return spk_rewrite_after(r, r->tokens->count - 1, text, err);
	return spk_edit(&r->edits, t[from].start, from == to ? t[from].start : t[to - 1].end, text, err);
}

spk_status spk_rewrite_after(struct spk_rewrite *r, int i, const char *text, spk_error *err)
{
	return spk_edit(&r->edits, r->tokens->token[i].end, r->tokens->token[i].end, text, err);
}

/* `text` with every `quote` doubled, between two of them, after `before` and before `after`. */
static const char *quote(struct spk_arena *arena, const char *before, char mark, const char *text, size_t size, const char *after)
{
	char *out = spk_arena_alloc(arena, strlen(before) + strlen(after) + size * 2 + 3);
	size_t n = strlen(before);

	if (!out)
		return NULL;
	memcpy(out, before, n);
	out[n++] = mark;
	for (size_t i = 0; i < size; i++) {
		if (text[i] == mark)
			out[n++] = mark;
		out[n++] = text[i];
	}
	out[n++] = mark;
	memcpy(out + n, after, strlen(after) + 1);
	return out;
}

spk_status spk_rewrite_as_name(struct spk_rewrite *r, int from, int to, spk_error *err)
{
	const char *name = "", *text;

	for (int i = from; i < to; i++) {
		const char *part = spk_token_unquote(r->tokens->text, &r->tokens->token[i], r->edits.arena);

		SPK_TRY_PTR(part, err);
		name = i == from ? part : spk_arena_printf(r->edits.arena, "%s%s", name, part);
		SPK_TRY_PTR(name, err);
	}
	text = quote(r->edits.arena, "", '"', name, strlen(name), "");
	SPK_TRY_PTR(text, err);
	return spk_rewrite_tokens(r, from, to, text, err);
}

/* --- types --- */

/* Tokens [i, last] as a type with a string as its parameter. */
static spk_status as_type(struct spk_rewrite *r, int i, int last, int *next, spk_error *err)
{
	const struct spk_token *t = r->tokens->token;
	const char *text = quote(r->edits.arena, "\"" SPK_MARK_TYPE "\"(", '\'', r->tokens->text + t[i].start, (size_t)(t[last].end - t[i].start), ")");

	SPK_TRY_PTR(text, err);
	*next = last + 1;
	return spk_rewrite_tokens(r, i, last + 1, text, err);
}

spk_status spk_rewrite_type(struct spk_rewrite *r, int i, int end, int *next, spk_error *err)
{
	const struct spk_token *t = r->tokens->token;
	int depth = 0, k;

	*next = i + 1;
	/* ROW(a int): behind AS it may be a value. */
	if (spk_word(r, i, "ROW") && spk_kind(r, i + 1) == '(' && spk_kind(r, i - 1) != PG_QUERY__TOKEN__AS && spk_rewrite_close(r, i + 1, end) < end)
		return as_type(r, i, spk_rewrite_close(r, i + 1, end), next, err);
	if (!(spk_word(r, i, "ARRAY") || spk_word(r, i, "ROW") || spk_word(r, i, "STRUCT") || spk_word(r, i, "MAP") || spk_word(r, i, "MULTISET")) || i + 1 >= end || r->tokens->text[t[i + 1].start] != '<')
		return SPK_OK;
	for (k = i + 1; k < end; k++) {
		for (int c = t[k].start; c < t[k].end && (t[k].kind == '<' || t[k].kind == '>' || t[k].kind == PG_QUERY__TOKEN__Op || t[k].kind == PG_QUERY__TOKEN__NOT_EQUALS); c++)
			depth += r->tokens->text[c] == '<' ? 1 : r->tokens->text[c] == '>' ? -1 : 0;
		if (depth <= 0)
			break;
	}
	if (k >= end)
		return spk_sql_fail(r->source, t[i + 1].start, SPK_SYNTAX, err, "the \"<\" of this type is not closed");
	return as_type(r, i, k, next, err);
}

spk_status spk_rewrite_unsigned(struct spk_rewrite *r, int i, spk_error *err)
{
	static const struct { const char *type, *wider; } types[] = { { "TINYINT", "SMALLINT" }, { "SMALLINT", "INTEGER" }, { "INT", "BIGINT" }, { "INTEGER", "BIGINT" }, { "BIGINT", "BIGINT" } };

	for (size_t k = 0; k < SPK_COUNT_OF(types); k++)
		if (spk_word(r, i - 1, types[k].type))
			return spk_rewrite_tokens(r, i - 1, i + 1, types[k].wider, err);
	return SPK_OK;  /* the parser will say what is wrong */
}

static spk_status rewrite_casts(struct spk_rewrite *r, int first, int end, spk_error *err)
{
	for (int i = first + 1, next; i < end; i++) {
		if (spk_kind(r, i - 1) != PG_QUERY__TOKEN__TYPECAST && spk_kind(r, i - 1) != PG_QUERY__TOKEN__AS)
			continue;
		SPK_TRY(spk_rewrite_type(r, i, end, &next, err));
		i = next - 1;
	}
	return SPK_OK;
}

/* --- what is known by name but not built --- */

static spk_status refuse(const struct spk_rewrite *r, int i, const char *what, const char *hint, spk_error *err)
{
	spk_sql_fail(r->source, r->tokens->token[i].start, SPK_UNSUPPORTED, err, "%s is not supported yet", what);
	if (hint)
		spk_hint(err, "%s", hint);
	return SPK_UNSUPPORTED;
}

static spk_status refuse_unknown(struct spk_rewrite *r, int first, int end, spk_error *err)
{
	for (int i = first; i < end; i++) {
		if (spk_kind(r, i) != PG_QUERY__TOKEN__IDENT)
			continue;
		if (spk_word(r, i, "match_recognize") && spk_kind(r, i + 1) == '(')
			return refuse(r, i, "MATCH_RECOGNIZE", NULL, err);
	}
	return SPK_OK;
}

/* --- statements --- */

/* CREATE [DEFAULT] INDEX, LATENESS v.ts INTERVAL ..., FLUSH and WAIT, which change no answer: nothing. SUBSCRIBE [TO] v, SUBSCRIBE (query): the query, whose rows a job prints. */
static spk_status rewrite_view_words(struct spk_rewrite *r, int *first, int end, spk_error *err)
{
	const int i = *first, to = i + 1 + spk_word(r, i + 1, "TO");

	const bool lateness = spk_word(r, i, "LATENESS") && spk_kind(r, i + 2) == '.' && spk_kind(r, i + 4) == PG_QUERY__TOKEN__INTERVAL;
	const bool waits = i + 1 == end && (spk_word(r, i, "FLUSH") || spk_word(r, i, "WAIT"));

	if (lateness || waits || (spk_kind(r, i) == PG_QUERY__TOKEN__CREATE && spk_word(r, i + 1 + spk_word(r, i + 1, "DEFAULT"), "INDEX"))) {
		*first = end;
		return spk_rewrite_tokens(r, i, end, "", err);
	}
	if (!spk_word(r, i, "SUBSCRIBE") || to >= end)
		return SPK_OK;
	*first = to;
	return spk_rewrite_tokens(r, i, to, spk_kind(r, to) == '(' ? "" : "TABLE", err);
}

/* Takes off what stands before a statement; *first comes out at the statement itself. */
static spk_status rewrite_head(struct spk_rewrite *r, int *first, int end, bool *in_set, spk_error *err)
{
	int i = *first;

	if (spk_word(r, i, "BEGIN") && spk_word(r, i + 1, "STATEMENT") && spk_word(r, i + 2, "SET") && i + 3 == end) {
		*in_set = true;
		*first = end;
		return spk_rewrite_tokens(r, i, end, "", err);
	}
	if (spk_word(r, i, "EXECUTE") && spk_word(r, i + 1, "STATEMENT") && spk_word(r, i + 2, "SET") && spk_word(r, i + 3, "BEGIN") && i + 4 <= end) {
		*in_set = true;
		*first = i + 4;
		return spk_rewrite_tokens(r, i, i + 4, "", err);
	}
	if (*in_set && spk_word(r, i, "END") && i + 1 == end) {
		*in_set = false;
		*first = end;
		return spk_rewrite_tokens(r, i, end, "", err);
	}
	if (spk_kind(r, i) == PG_QUERY__TOKEN__EXPLAIN) {
		i++;
		if (spk_word(r, i, "PLAN") && spk_kind(r, i + 1) == PG_QUERY__TOKEN__FOR && i + 2 <= end)
			SPK_TRY(spk_rewrite_tokens(r, i, i + 2, "", err));
	}
	if (spk_kind(r, i) == PG_QUERY__TOKEN__DROP && (spk_word(r, i + 1, "TEMPORARY") || spk_word(r, i + 1, "TEMP")))
		SPK_TRY(spk_rewrite_tokens(r, i + 1, i + 2, "", err));
	if (spk_kind(r, i) == PG_QUERY__TOKEN__DROP && (spk_word(r, i + 1, "SOURCE") || spk_word(r, i + 1, "SINK")))
		SPK_TRY(spk_rewrite_tokens(r, i + 1, i + 2, "TABLE", err));
	*first = i;
	return rewrite_view_words(r, first, end, err);
}

/* ANALYZE 'path': a name to the grammar. */
static spk_status rewrite_analyze(struct spk_rewrite *r, int first, int end, spk_error *err)
{
	for (int i = first + 1; i < end; i++)
		if (spk_kind(r, i) == PG_QUERY__TOKEN__SCONST)
			SPK_TRY(spk_rewrite_as_name(r, i, i + 1, err));
	return SPK_OK;
}

static spk_status rewrite_statement(struct spk_rewrite *r, int first, int end, bool *in_set, spk_error *err)
{
	SPK_TRY(rewrite_head(r, &first, end, in_set, err));
	if (first >= end)
		return SPK_OK;
	if (spk_kind(r, first) == PG_QUERY__TOKEN__SET || spk_kind(r, first) == PG_QUERY__TOKEN__RESET)
		return spk_rewrite_set(r, first, end, err);
	if (spk_kind(r, first) == PG_QUERY__TOKEN__SHOW && end > first + 2 && spk_kind(r, first + 2) != PG_QUERY__TOKEN__ZONE)
		return spk_rewrite_as_name(r, first + 1, end, err);
	if (spk_kind(r, first - 1) != PG_QUERY__TOKEN__EXPLAIN && (spk_kind(r, first) == PG_QUERY__TOKEN__ANALYZE || spk_kind(r, first) == PG_QUERY__TOKEN__ANALYSE))
		return rewrite_analyze(r, first, end, err);
	if (spk_kind(r, first) == PG_QUERY__TOKEN__CREATE)
		SPK_TRY(spk_rewrite_create(r, first, end, err));
	SPK_TRY(refuse_unknown(r, first, end, err));
	SPK_TRY(rewrite_casts(r, first, end, err));
	SPK_TRY(spk_rewrite_words(r, first, end, err));
	SPK_TRY(spk_rewrite_groups(r, first, end, err));
	SPK_TRY(spk_rewrite_qualify(r, first, end, err));
	SPK_TRY(spk_rewrite_windows(r, first, end, err));
	SPK_TRY(spk_rewrite_joins(r, first, end, err));
	SPK_TRY(spk_rewrite_file_lists(r, first, end, err));
	return spk_rewrite_from(r, first, end, err);
}

spk_status spk_sql_rewrite(struct spk_source *s, struct spk_arena *arena, spk_error *err)
{
	struct spk_rewrite r = { .source = s, .tokens = &s->tokens, .edits = { .arena = arena } };
	bool in_set = false;

	s->optional_view = SPK_NEW_ARRAY(arena, int, s->tokens.count + 1);
	SPK_TRY_PTR(s->optional_view, err);
	for (int i = 0, first = 0; i <= s->tokens.count; i++) {
		if (i < s->tokens.count && spk_kind(&r, i) != ';')
			continue;
		if (first < i)
			SPK_TRY(rewrite_statement(&r, first, i, &in_set, err));
		first = i + 1;
	}
	return spk_edits_apply(&r.edits, s->quoted, strlen(s->quoted), &s->sql, &s->to_quoted, err);
}
