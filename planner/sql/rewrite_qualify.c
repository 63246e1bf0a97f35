/*
 * QUALIFY condition becomes a window whose PARTITION BY is the condition, in a WINDOW clause of its own or at the end of the one there is:
 *   FROM t QUALIFY row_number() OVER w = 1 ORDER BY a      FROM t WINDOW "sparklet qualify" AS (PARTITION BY ( row_number() OVER w = 1 )) ORDER BY a
 */
#include "planner/sql/rewrite.h"

#include "core/base/check.h"

/* QUALIFY as a word of the dialect, not a name: something comes before it that it can follow, and an expression after it. */
bool spk_is_qualify(const struct spk_rewrite *r, int i, int end)
{
	int before = spk_kind(r, i - 1), after = i + 1 < end ? spk_kind(r, i + 1) : 0;

	if (!spk_word(r, i, "qualify") || spk_kind(r, i) != PG_QUERY__TOKEN__IDENT)
		return false;
	if (before == ',' || before == '.' || before == '(' || before == PG_QUERY__TOKEN__SELECT || before == PG_QUERY__TOKEN__AS || before == PG_QUERY__TOKEN__BY ||
	    before == PG_QUERY__TOKEN__FROM || before == PG_QUERY__TOKEN__JOIN)
		return false;
	switch (after) {
	case PG_QUERY__TOKEN__IDENT: case PG_QUERY__TOKEN__ICONST: case PG_QUERY__TOKEN__ROW: case PG_QUERY__TOKEN__NOT: case PG_QUERY__TOKEN__FCONST:
	case PG_QUERY__TOKEN__SCONST: case PG_QUERY__TOKEN__COALESCE: case PG_QUERY__TOKEN__CASE: case PG_QUERY__TOKEN__TRUE_P: case PG_QUERY__TOKEN__FALSE_P:
	case PG_QUERY__TOKEN__EXISTS: case PG_QUERY__TOKEN__GREATEST: case PG_QUERY__TOKEN__LEAST: case PG_QUERY__TOKEN__NULLIF: case '(': case '-':
		return true;
	default:
		return false;
	}
}

static bool ends_condition(int kind)
{
	switch (kind) {
	case PG_QUERY__TOKEN__ORDER: case PG_QUERY__TOKEN__LIMIT: case PG_QUERY__TOKEN__OFFSET: case PG_QUERY__TOKEN__FETCH: case PG_QUERY__TOKEN__FOR:
	case PG_QUERY__TOKEN__UNION: case PG_QUERY__TOKEN__INTERSECT: case PG_QUERY__TOKEN__EXCEPT:
		return true;
	default:
		return false;
	}
}

/* Index of the token behind the condition that begins at `i`. */
static int condition_end(const struct spk_rewrite *r, int i, int end)
{
	int depth = 0;

	for (; i < end; i++) {
		int kind = spk_kind(r, i);

		if (depth == 0 && (kind == ')' || ends_condition(kind)))
			break;
		depth += kind == '(' || kind == '[';
		depth -= kind == ')' || kind == ']';
	}
	return i;
}

/* Whether the query that token `i` stands in has a WINDOW clause before it. */
static bool after_windows(const struct spk_rewrite *r, int i, int first)
{
	int depth = 0;

	for (i--; i >= first && depth >= 0; i--) {
		int kind = spk_kind(r, i);

		depth += kind == ')';
		depth -= kind == '(';
		if (depth == 0 && kind == PG_QUERY__TOKEN__WINDOW)
			return true;
		if (depth == 0 && kind == PG_QUERY__TOKEN__SELECT)
			return false;
	}
	return false;
}

spk_status spk_rewrite_qualify(struct spk_rewrite *r, int first, int end, spk_error *err)
{
	for (int i = first; i < end; i++) {
		const char *head = "WINDOW \"" SPK_MARK_QUALIFY "\" AS (PARTITION BY (";

		if (!spk_is_qualify(r, i, end))
			continue;
		if (after_windows(r, i, first))
			head = ", \"" SPK_MARK_QUALIFY "\" AS (PARTITION BY (";
		SPK_TRY(spk_rewrite_tokens(r, i, i + 1, head, err));
		SPK_TRY(spk_rewrite_after(r, condition_end(r, i + 1, end) - 1, "))", err));
	}
	return SPK_OK;
}
