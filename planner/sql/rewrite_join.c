/*
 * Joins that PostgreSQL's grammar has no word for:
 *   a ASOF [LEFT] JOIN b ON condition              a [LEFT] JOIN b ON "sparklet asof"(condition)
 *   a ASOF [LEFT] JOIN b USING (k, ts)            a [LEFT] JOIN b USING ("sparklet asof", k, ts)
 *   a LEFT ASOF JOIN b MATCH_CONDITION (x) ON y    a LEFT JOIN b ON "sparklet asof"((x) AND (y))
 *   a LEFT SEMI JOIN b ON x [WHERE y]              a WHERE EXISTS (SELECT FROM b WHERE x) [AND (y)]; of ANTI: NOT EXISTS
 *   a JOIN b WITHIN 15 SECONDS ON x                a JOIN b ON "sparklet within"(INTERVAL '15 SECONDS', INTERVAL '15 SECONDS') AND (x)
 *   a JOIN b WITHIN (1 HOUR, 2 HOURS) ON x         the same; how much earlier, how much later b may be
 *   t FOR SYSTEM_TIME AS OF a.ts [AS s]            "sparklet as of"(t, a.ts) [AS s]
 */
#include "planner/sql/rewrite.h"

#include "core/base/check.h"

/* What comes behind a join's condition. */
static bool ends_condition(const struct spk_rewrite *r, int i)
{
	static const char *const follows[] = { "WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "OFFSET", "FETCH", "UNION", "INTERSECT", "EXCEPT", "WINDOW", "JOIN", "INNER", "FULL", "CROSS",
		"NATURAL", "ASOF", "FOR", "QUALIFY", "ON", "USING", ",", ")" };
	/* These are functions, too. */
	const bool side = (spk_word(r, i, "LEFT") || spk_word(r, i, "RIGHT")) && spk_kind(r, i + 1) != '(';

	for (size_t k = 0; k < SPK_COUNT_OF(follows); k++)
		if (spk_word(r, i, follows[k]))
			return true;
	return side;
}

/* The token of this depth from `i` on for which `is` holds; `end` when the bracket around it closes before. */
static int find_at_depth(const struct spk_rewrite *r, int i, int end, bool (*is)(const struct spk_rewrite *r, int i))
{
	for (; i < end && !is(r, i); i++) {
		if (spk_kind(r, i) == ')')
			return end;
		if (spk_kind(r, i) == '(')
			i = spk_rewrite_close(r, i, end);
	}
	return i;
}

static bool is_condition(const struct spk_rewrite *r, int i) { return spk_kind(r, i) == PG_QUERY__TOKEN__ON || spk_kind(r, i) == PG_QUERY__TOKEN__USING; }

/* How many tokens JOIN and what is before it are, behind ASOF; 0: none. */
static int join_tokens(const struct spk_rewrite *r, int i)
{
	int n = 0;

	if (spk_word(r, i, "LEFT") || spk_word(r, i, "RIGHT") || spk_word(r, i, "FULL") || spk_word(r, i, "INNER"))
		n++;
	if (n && spk_word(r, i + n, "OUTER"))
		n++;
	return spk_kind(r, i + n) == PG_QUERY__TOKEN__JOIN ? n + 1 : 0;
}

static bool is_match(const struct spk_rewrite *r, int i) { return spk_word(r, i, "MATCH_CONDITION") && spk_kind(r, i + 1) == '('; }

/* Where the condition that begins at `i` ends: at a word that follows one, a closing bracket of this depth, or `end`. */
static int condition_end(const struct spk_rewrite *r, int i, int end)
{
	for (; i < end && !ends_condition(r, i); i++)
		if (spk_kind(r, i) == '(')
			i = spk_rewrite_close(r, i, end);
	return i;
}

static spk_status rewrite_asof(struct spk_rewrite *r, int i, int joins, int end, spk_error *err)
{
	const int on = find_at_depth(r, i + 1 + joins, end, is_condition), match = find_at_depth(r, i + 1 + joins, on, is_match);
	int last;

	SPK_TRY(spk_rewrite_tokens(r, i, i + 1, "", err));
	if (on < end && match == on && spk_kind(r, on) == PG_QUERY__TOKEN__USING && spk_kind(r, on + 1) == '(')
		return spk_rewrite_after(r, on + 1, "\"" SPK_MARK_ASOF "\",", err);
	if (on >= end || spk_kind(r, on) != PG_QUERY__TOKEN__ON) {
		spk_sql_fail(r->source, r->tokens->token[i].start, SPK_UNSUPPORTED, err, "ASOF JOIN without a condition is not supported%s", on < end ? ", nor MATCH_CONDITION beside USING" : "");
		return spk_hint(err, "Write it out: ... ASOF JOIN b ON a.k = b.k AND a.ts >= b.ts; or, for that comparison, ASOF JOIN b USING (k, ts)."), SPK_UNSUPPORTED;
	}
	last = condition_end(r, on + 1, end);
	if (last <= on + 1)
		return SPK_OK;  /* the parser will say what is missing */
	if (match < on)
		SPK_TRY(spk_rewrite_tokens(r, match, match + 1, "ON \"" SPK_MARK_ASOF "\"(", err));
	SPK_TRY(match < on ? spk_rewrite_tokens(r, on, on + 1, "AND (", err) : spk_rewrite_tokens(r, on + 1, on + 1, "\"" SPK_MARK_ASOF "\"(", err));
	return spk_rewrite_after(r, last - 1, match < on ? "))" : ")", err);
}

/* [LEFT] SEMI | ANTI JOIN at token i, `words` tokens: the last join of its FROM. */
static spk_status rewrite_semi(struct spk_rewrite *r, int i, int words, int end, spk_error *err)
{
	const bool anti = spk_word(r, i + words - 2, "ANTI");
	const int on = find_at_depth(r, i + words, end, is_condition), last = condition_end(r, on + 1, end);

	if (on >= end || spk_kind(r, on) != PG_QUERY__TOKEN__ON || last == on + 1 || (last < end && (spk_word(r, last, "JOIN") || spk_word(r, last, "LEFT") || spk_word(r, last, "INNER") || spk_kind(r, last) == ','))) {
		spk_sql_fail(r->source, r->tokens->token[i].start, SPK_UNSUPPORTED, err, "%s JOIN is only supported with ON, as the last join of FROM", anti ? "ANTI" : "SEMI");
		return spk_hint(err, "Write WHERE %sEXISTS (SELECT FROM b WHERE condition) instead, or put the join into a subquery.", anti ? "NOT " : ""), SPK_UNSUPPORTED;
	}
	SPK_TRY(spk_rewrite_tokens(r, i, i + words, anti ? "WHERE NOT EXISTS (SELECT FROM" : "WHERE EXISTS (SELECT FROM", err));
	SPK_TRY(spk_rewrite_tokens(r, on, on + 1, "WHERE", err));
	if (last >= end || !spk_word(r, last, "WHERE"))
		return spk_rewrite_after(r, last - 1, ")", err);
	SPK_TRY(spk_rewrite_tokens(r, last, last + 1, ") AND (", err));
	return spk_rewrite_after(r, condition_end(r, last + 1, end) - 1, ")", err);
}

/* How many tokens [LEFT] SEMI JOIN and its like are; 0: none. */
static int semi_words(const struct spk_rewrite *r, int i)
{
	const int left = spk_word(r, i, "LEFT");

	return (spk_word(r, i + left, "SEMI") || spk_word(r, i + left, "ANTI")) && spk_kind(r, i + left + 1) == PG_QUERY__TOKEN__JOIN ? left + 2 : 0;
}

static bool is_name(const struct spk_rewrite *r, int i)
{
	const char *const text = r->source->quoted + (i >= 0 && i < r->tokens->count ? r->tokens->token[i].start : 0);

	return i >= 0 && i < r->tokens->count && (*text == '"' || *text == '_' || (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z'));
}

/* FOR at token i. */
static spk_status rewrite_as_of(struct spk_rewrite *r, int i, spk_error *err)
{
	int table = i - 1, time = i + 4;

	while (spk_kind(r, table - 1) == '.' && is_name(r, table - 2))
		table -= 2;
	while (is_name(r, time) && spk_kind(r, time + 1) == '.' && is_name(r, time + 2))
		time += 2;
	if (spk_word(r, time, "PROCTIME") && spk_kind(r, time + 1) == '(' && spk_kind(r, time + 2) == ')')
		time += 2;
	if (!is_name(r, i - 1) || spk_kind(r, i + 2) != PG_QUERY__TOKEN__AS || !spk_word(r, i + 3, "OF") || (spk_kind(r, time) != ')' && !is_name(r, time)) || spk_kind(r, time + 1) == '(') {
		spk_sql_fail(r->source, r->tokens->token[i].start, SPK_UNSUPPORTED, err, "FOR SYSTEM_TIME AS OF takes a table before it and a time column behind it");
		return spk_hint(err, "For example: FROM a JOIN t FOR SYSTEM_TIME AS OF a.ts AS t ON t.k = a.k. The time a row comes at is a column, too: PROCTIME() AS now."), SPK_UNSUPPORTED;
	}
	SPK_TRY(spk_rewrite_tokens(r, table, table, "\"" SPK_MARK_AS_OF "\"(", err));
	SPK_TRY(spk_rewrite_tokens(r, i, i + 4, ",", err));
	return spk_rewrite_after(r, time, ")", err);
}

static spk_status bad_within(const struct spk_rewrite *r, int i, spk_error *err)
{
	spk_sql_fail(r->source, r->tokens->token[i].start, SPK_SYNTAX, err, "WITHIN takes a length of time, or two in brackets, and ON behind them");
	return spk_hint(err, "For example: a JOIN b WITHIN 15 SECONDS ON a.k = b.k, or WITHIN (1 HOUR, 2 HOURS).");
}

/* Two lengths, `n unit`, at tokens i and k as arguments of the call. */
static spk_status within_text(struct spk_rewrite *r, int i, int k, const char **out, spk_error *err)
{
	const struct spk_token *t = r->tokens->token;
	const char *text = r->tokens->text;

	if (spk_kind(r, i) != PG_QUERY__TOKEN__ICONST || spk_kind(r, k) != PG_QUERY__TOKEN__ICONST || !is_name(r, i + 1) || !is_name(r, k + 1))
		return bad_within(r, i, err);
	SPK_TRY_PTR(*out = spk_arena_printf(r->edits.arena, "ON \"" SPK_MARK_WITHIN "\"(INTERVAL '%.*s', INTERVAL '%.*s') AND (", t[i + 1].end - t[i].start, text + t[i].start, t[k + 1].end - t[k].start, text + t[k].start), err);
	return SPK_OK;
}

/* WITHIN at token i: behind a join's right side. */
static spk_status rewrite_within(struct spk_rewrite *r, int i, int end, spk_error *err)
{
	const bool two = spk_kind(r, i + 1) == '(';
	const int on = find_at_depth(r, i + 1, end, is_condition), last = condition_end(r, on + 1, end);
	const char *text = NULL;

	if (on >= end || spk_kind(r, on) != PG_QUERY__TOKEN__ON || last <= on + 1 || (two && spk_kind(r, i + 4) != ','))
		return bad_within(r, i, err);
	SPK_TRY(two ? within_text(r, i + 2, i + 5, &text, err) : within_text(r, i + 1, i + 1, &text, err));
	SPK_TRY(spk_rewrite_tokens(r, i, on + 1, text, err));
	return spk_rewrite_after(r, last - 1, ")", err);
}

/* WITHIN as a word of a join: WITHIN GROUP is another. */
static bool is_within(const struct spk_rewrite *r, int i)
{
	return spk_word(r, i, "WITHIN") && (spk_kind(r, i + 1) == PG_QUERY__TOKEN__ICONST || (spk_kind(r, i + 1) == '(' && spk_kind(r, i + 2) == PG_QUERY__TOKEN__ICONST));
}

/* Whether the word at token i is a table's name in its statement: it stands behind AS, or somewhere before a dot. */
static bool is_table_name(const struct spk_rewrite *r, int i, const char *word)
{
	int first = i;

	if (spk_kind(r, i - 1) == PG_QUERY__TOKEN__AS)
		return true;
	while (first > 0 && spk_kind(r, first - 1) != ';')
		first--;
	for (int k = first; k < r->tokens->count && spk_kind(r, k) != ';'; k++)
		if (spk_kind(r, k + 1) == '.' && spk_word(r, k, word))
			return true;
	return false;
}

bool spk_is_other_join(const struct spk_rewrite *r, int i)
{
	if (spk_word(r, i, "ASOF"))
		return join_tokens(r, i + 1) && !is_table_name(r, i, "ASOF");
	return !spk_word(r, i, "LEFT") && semi_words(r, i) && !is_table_name(r, i, spk_word(r, i, "SEMI") ? "SEMI" : "ANTI");
}

spk_status spk_rewrite_joins(struct spk_rewrite *r, int first, int end, spk_error *err)
{
	for (int i = first; i < end; i++) {
		const int joins = spk_is_other_join(r, i) && spk_word(r, i, "ASOF") ? join_tokens(r, i + 1) : 0;

		if (semi_words(r, i) && (spk_word(r, i, "LEFT") || spk_is_other_join(r, i))) {
			SPK_TRY(rewrite_semi(r, i, semi_words(r, i), end, err));
			i += semi_words(r, i) - 1;
		} else if (is_within(r, i))
			SPK_TRY(rewrite_within(r, i, end, err));
		else if (joins)
			SPK_TRY(rewrite_asof(r, i, joins, end, err));
		else if (spk_kind(r, i) == PG_QUERY__TOKEN__FOR && spk_word(r, i + 1, "SYSTEM_TIME"))
			SPK_TRY(rewrite_as_of(r, i, err));
	}
	return SPK_OK;
}
