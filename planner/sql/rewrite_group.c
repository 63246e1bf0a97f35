/*
 * GROUP BY of other engines:
 *   GROUP BY ALL                                          GROUP BY "sparklet all"
 *   GROUP BY tumble(...) AS w                             GROUP BY tumble(..., "sparklet alias" => "w")
 *   window(ts, '1 minute')                                "window"(ts, '1 minute')
 *   FROM s WINDOW TUMBLING (SIZE 1 HOUR) GROUP BY k       FROM s GROUP BY tumble(INTERVAL '1 HOUR'), k
 *   ... HOPPING (SIZE 1 HOUR, ADVANCE BY 10 MINUTES)      ... hop(INTERVAL '10 MINUTES', INTERVAL '1 HOUR'), k
 *   ... SESSION (10 MINUTES)                              ... session(INTERVAL '10 MINUTES'), k
 *   WINDOWSTART, WINDOWEND beside one of those            the bound in milliseconds, as a bigint
 */
#include "planner/sql/rewrite.h"

#include <string.h>

#include "core/base/check.h"

/* --- windows that stand behind FROM --- */

static const struct behind { const char *word, *function; } behinds[] = { { "TUMBLING", "tumble" }, { "HOPPING", "hop" }, { "SESSION", "session" } };

static const struct behind *behind_at(const struct spk_rewrite *r, int i)
{
	for (size_t k = 0; spk_word(r, i, "WINDOW") && spk_kind(r, i + 2) == '(' && k < SPK_COUNT_OF(behinds); k++)
		if (spk_word(r, i + 1, behinds[k].word))
			return &behinds[k];
	return NULL;
}

static spk_status bad_window(const struct spk_rewrite *r, int i, spk_error *err)
{
	spk_sql_fail(r->source, r->tokens->token[i].start, SPK_SYNTAX, err, "this window is not understood");
	return spk_hint(err, "It is WINDOW TUMBLING (SIZE 1 HOUR), HOPPING (SIZE 1 HOUR, ADVANCE BY 10 MINUTES) or SESSION (10 MINUTES), each with RETENTION and GRACE PERIOD, before WHERE and GROUP BY.");
}

/* The lengths between the brackets at `open` and `close`: *size is also the gap of a session; "" where it is not said. */
static spk_status window_lengths(struct spk_rewrite *r, int open, int close, const char **size, const char **advance, spk_error *err)
{
	*size = *advance = "";
	for (int i = open + 1; i < close; i++) {
		const bool keeps = spk_word(r, i, "RETENTION") || (spk_word(r, i, "GRACE") && spk_word(r, i + 1, "PERIOD")), by = spk_word(r, i, "ADVANCE") && spk_word(r, i + 1, "BY");
		const int number = i + (spk_word(r, i, "SIZE") || spk_word(r, i, "RETENTION")) + 2 * (by || spk_word(r, i, "GRACE"));
		const struct spk_token *t = &r->tokens->token[number];
		const char *text;

		if (number + 2 > close || spk_kind(r, number) != PG_QUERY__TOKEN__ICONST || (number + 2 < close && spk_kind(r, number + 2) != ','))
			return bad_window(r, i, err);
		SPK_TRY_PTR(text = spk_arena_printf(r->edits.arena, "INTERVAL '%.*s'", t[1].end - t[0].start, r->tokens->text + t[0].start), err);
		*size = keeps || by ? *size : text;
		*advance = by ? text : *advance;
		i = number + 2;
	}
	return **size ? SPK_OK : bad_window(r, open, err);
}

/* WINDOWSTART and WINDOWEND in the query whose window stands at token `window`, not in those around it or in it. */
static spk_status rewrite_bounds(struct spk_rewrite *r, int first, int window, int end, const char *function, const char *args, spk_error *err)
{
	int depth = 0, from = window, to;

	for (; from > first && depth >= 0; from--) {
		depth += spk_kind(r, from - 1) == ')';
		depth -= spk_kind(r, from - 1) == '(';
	}
	to = depth < 0 ? spk_rewrite_close(r, from, end) : end;
	for (int i = from + (depth < 0); i < to; i++) {
		const bool start = spk_word(r, i, "WINDOWSTART");
		const char *text;

		if (spk_kind(r, i) == '(' && spk_word(r, i + 1, "SELECT"))
			i = spk_rewrite_close(r, i, to);
		if (!start && !spk_word(r, i, "WINDOWEND"))
			continue;
		SPK_TRY_PTR(text = spk_arena_printf(r->edits.arena, "(extract(epoch FROM %s_%s(%s)) * 1000)::bigint", function, start ? "start" : "end", args), err);
		SPK_TRY(spk_rewrite_tokens(r, i, i + 1, text, err));
	}
	return SPK_OK;
}

/* The token behind GROUP BY of this depth, from i on; `end`: there is none. */
static int behind_group_by(const struct spk_rewrite *r, int i, int end)
{
	for (; i < end && spk_kind(r, i) != ')'; i++) {
		if (spk_kind(r, i) == '(')
			i = spk_rewrite_close(r, i, end);
		else if (spk_word(r, i, "GROUP") && spk_word(r, i + 1, "BY") && i + 2 < end)
			return i + 2;
	}
	return end;
}

/* WINDOW at token i of the statement [first, end). */
static spk_status rewrite_behind(struct spk_rewrite *r, int first, int i, int end, const struct behind *w, spk_error *err)
{
	const int close = spk_rewrite_close(r, i + 2, end), group = behind_group_by(r, close + 1, end);
	const char *size, *advance, *args, *text;

	if (close >= end || group >= end)
		return bad_window(r, i, err);
	SPK_TRY(window_lengths(r, i + 2, close, &size, &advance, err));
	if ((strcmp(w->function, "hop") == 0) != (*advance != 0))
		return bad_window(r, i, err);
	SPK_TRY_PTR(args = spk_arena_printf(r->edits.arena, "%s%s%s", advance, *advance ? ", " : "", size), err);
	SPK_TRY_PTR(text = spk_arena_printf(r->edits.arena, "%s(%s), ", w->function, args), err);
	SPK_TRY(rewrite_bounds(r, first, i, end, w->function, args, err));
	SPK_TRY(spk_rewrite_tokens(r, i, close + 1, "", err));
	return spk_rewrite_tokens(r, group, group, text, err);
}

/* --- GROUP BY --- */

static bool is_window_name(const struct spk_rewrite *r, int i)
{
	return spk_kind(r, i + 1) == '(' && (spk_word(r, i, "TUMBLE") || spk_word(r, i, "HOP") || spk_word(r, i, "CUMULATE") || spk_word(r, i, "SESSION") || spk_word(r, i, "WINDOW") || spk_word(r, i, "SESSION_WINDOW"));
}

bool spk_is_window_alias(const struct spk_rewrite *r, int i)
{
	int depth = 0, k = i - 2;

	if (spk_kind(r, i - 1) != PG_QUERY__TOKEN__AS || spk_kind(r, k) != ')')
		return false;
	for (; k > 0; k--) {
		depth += spk_kind(r, k) == ')';
		depth -= spk_kind(r, k) == '(';
		if (depth == 0)
			break;
	}
	if (!is_window_name(r, k - 1))
		return false;
	for (depth = 0, k--; k > 0 && depth >= 0 && !spk_word(r, k, "SELECT"); k--) {
		depth += spk_kind(r, k) == ')';
		depth -= spk_kind(r, k) == '(';
		if (!depth && spk_word(r, k, "GROUP") && spk_word(r, k + 1, "BY"))
			return true;
	}
	return false;
}

/* A window with a name, at token i. */
static spk_status rewrite_alias(struct spk_rewrite *r, int i, int end, spk_error *err)
{
	const int close = spk_rewrite_close(r, i + 1, end), name = close + 2;
	const struct spk_token *t = r->tokens->token;
	const char *text;

	if (spk_kind(r, close + 1) != PG_QUERY__TOKEN__AS || name >= end)
		return SPK_OK;
	text = spk_word(r, name, "WINDOW") ? spk_arena_printf(r->edits.arena, ", \"" SPK_MARK_ALIAS "\" => \"window\"")
		: spk_arena_printf(r->edits.arena, ", \"" SPK_MARK_ALIAS "\" => %.*s", t[name].end - t[name].start, r->tokens->text + t[name].start);
	SPK_TRY_PTR(text, err);
	SPK_TRY(spk_rewrite_tokens(r, close, close, text, err));
	return spk_rewrite_tokens(r, close + 1, name + 1, "", err);
}

/* A word behind the items of GROUP BY; WINDOW is none, since a column may be called so. */
static bool follows_groups(const struct spk_rewrite *r, int i)
{
	static const char *const follows[] = { "HAVING", "ORDER", "LIMIT", "OFFSET", "FETCH", "UNION", "INTERSECT", "EXCEPT", "WITH", ")" };

	for (size_t k = 0; k < SPK_COUNT_OF(follows); k++)
		if (spk_word(r, i, follows[k]))
			return true;
	return false;
}

/* Whether the clause ends before token i, so that ALL before it is no word of PostgreSQL's GROUP BY ALL (a), (b). */
static bool ends_groups(const struct spk_rewrite *r, int i, int end)
{
	return i >= end || follows_groups(r, i) || spk_word(r, i, "WINDOW") || spk_emit_words(r, i, end) || spk_option_words(r, i, end) || spk_is_qualify(r, i, end);
}

/* The items behind GROUP BY, from token i on. */
static spk_status rewrite_items(struct spk_rewrite *r, int i, int end, spk_error *err)
{
	if (spk_word(r, i, "ALL") && ends_groups(r, i + 1, end))
		return spk_rewrite_tokens(r, i, i + 1, "\"" SPK_MARK_ALL "\"", err);
	for (bool item = true; i < end && !follows_groups(r, i); i++) {
		if (item && is_window_name(r, i))
			SPK_TRY(rewrite_alias(r, i, end, err));
		item = spk_kind(r, i) == ',';
		if (spk_kind(r, i) == '(')
			i = spk_rewrite_close(r, i, end);
	}
	return SPK_OK;
}

spk_status spk_rewrite_groups(struct spk_rewrite *r, int first, int end, spk_error *err)
{
	for (int i = first; i < end; i++) {
		const struct behind *w = behind_at(r, i);

		if (w) {
			SPK_TRY(rewrite_behind(r, first, i, end, w, err));
			i = spk_rewrite_close(r, i + 2, end);
		} else if (spk_word(r, i, "GROUP") && spk_word(r, i + 1, "BY") && i + 2 < end) {
			SPK_TRY(rewrite_items(r, i + 2, end, err));
		} else if (spk_word(r, i, "WINDOW") && spk_kind(r, i + 1) == '(') {
			SPK_TRY(spk_rewrite_tokens(r, i, i + 1, "\"window\"", err));
		}
	}
	return SPK_OK;
}
