/*
 * Words of other dialects inside a statement:
 *   INTERVAL '10' MINUTES, INTERVAL 10 MINUTE       INTERVAL '10' MINUTE
 *   INTERVAL '2' WEEK                               INTERVAL '2 WEEK'
 *   TRY_CAST(x AS t), SAFE_CAST(x AS t)             "sparklet try"(CAST(x AS t))
 *   TIMESTAMPDIFF(HOUR, a, b), TIMESTAMPADD(...)    TIMESTAMPDIFF('HOUR', a, b)
 *   FLOOR(ts TO HOUR), CEIL(ts TO HOUR)             "sparklet floor"(ts, 'HOUR'); so TIMESTAMP_TRUNC(ts, HOUR)
 *   ARRAY[1, 2][1], f(x)[1], f(x).a                 (ARRAY[1, 2])[1], (f(x))[1], (f(x)).a
 *   a <=> b                                         a IS NOT DISTINCT FROM b
 *   window.start, PARTITION BY window               "window".start
 *   [1, 2]                                          ARRAY[1, 2]
 *   MAP['a', 1], MAP('a' := 1)                      ("sparklet map"('a', 1))
 *   STRUCT(a := 1, b := x)                          named_struct('a', 1, 'b', x)
 *   CAST(x AS BIGINT UNSIGNED), x::INT UNSIGNED     CAST(x AS BIGINT), x::BIGINT
 *   x RLIKE p, x NOT RLIKE p                        x ~ p, x !~ p
 *   GROUPING_ID(a, b)                               GROUPING(a, b)
 *   EMIT CHANGES, FINAL, ON WINDOW CLOSE, AFTER WATERMARK       (nothing)
 *   OPTIONS (AGGREGATE INPUT GROUP SIZE = n)        (nothing)
 * and the functions of JSON (rewrite_json.c).
 */
#include "planner/sql/rewrite.h"

#include <string.h>

#include "core/base/check.h"

/* --- units of time --- */

/* Those that PostgreSQL's grammar takes behind INTERVAL, and those that only the text of an interval may have. */
static const struct unit { const char *one, *many; bool word; } units[] = {
	{ "SECOND", "SECONDS", true }, { "MINUTE", "MINUTES", true }, { "HOUR", "HOURS", true }, { "DAY", "DAYS", true }, { "MONTH", "MONTHS", true }, { "YEAR", "YEARS", true },
	{ "WEEK", "WEEKS", false }, { "MILLISECOND", "MILLISECONDS", false }, { "MICROSECOND", "MICROSECONDS", false }, { "QUARTER", "QUARTERS", false },
};

static const struct unit *unit_at(const struct spk_rewrite *r, int i, bool *many)
{
	for (size_t k = 0; k < SPK_COUNT_OF(units); k++) {
		*many = spk_word(r, i, units[k].many);
		if (*many || spk_word(r, i, units[k].one))
			return &units[k];
	}
	return NULL;
}

/* A number alone, without a unit of its own. */
static bool is_number(const char *text)
{
	return *text && text[strspn(text, "0123456789.+-:  ")] == 0;
}

/* INTERVAL at token i. */
static spk_status rewrite_interval(struct spk_rewrite *r, int i, int end, spk_error *err)
{
	const int kind = spk_kind(r, i + 1);
	const bool bare = kind == PG_QUERY__TOKEN__ICONST || kind == PG_QUERY__TOKEN__FCONST;
	bool many = false;
	const struct unit *unit = i + 2 < end ? unit_at(r, i + 2, &many) : NULL;
	const char *number, *text;
	bool fits;

	if (!unit || (!bare && kind != PG_QUERY__TOKEN__SCONST) || (!bare && unit->word && !many))
		return SPK_OK;
	number = spk_token_unquote(r->tokens->text, &r->tokens->token[i + 1], r->edits.arena);
	SPK_TRY_PTR(number, err);
	if (!is_number(number))
		return SPK_OK;
	fits = !unit->word || number[strspn(number, "0123456789.+-")] == 0;  /* with fractions, which a unit behind the text cuts off */
	text = !fits ? spk_arena_printf(r->edits.arena, "'%s' %s", number, unit->one) : spk_arena_printf(r->edits.arena, "'%s %s'", number, unit->one);
	SPK_TRY_PTR(text, err);
	return spk_rewrite_tokens(r, i + 1, i + 3, text, err);
}

/* A unit as the first argument of the call at token i: a name to the grammar. */
static spk_status rewrite_unit(struct spk_rewrite *r, int i, spk_error *err)
{
	bool many = false;
	const struct unit *unit = unit_at(r, i + 2, &many);
	const char *text = unit ? spk_arena_printf(r->edits.arena, "'%s'", unit->one) : "";

	SPK_TRY_PTR(text, err);
	if (unit && spk_kind(r, i + 3) == ',' && spk_word(r, i, "DATEDIFF"))
		SPK_TRY(spk_rewrite_tokens(r, i, i + 1, "TIMESTAMPDIFF", err));
	if (unit && spk_kind(r, i + 3) == ',' && spk_word(r, i, "DATEADD"))
		SPK_TRY(spk_rewrite_tokens(r, i, i + 1, "TIMESTAMPADD", err));
	return unit && spk_kind(r, i + 3) == ',' ? spk_rewrite_tokens(r, i + 2, i + 3, text, err) : SPK_OK;
}

/* FLOOR(x TO unit), CEIL(x TO unit), TIMESTAMP_TRUNC(x, unit) at token i. */
static spk_status rewrite_rounding(struct spk_rewrite *r, int i, int end, spk_error *err)
{
	const int close = spk_rewrite_close(r, i + 1, end);
	bool many = false;
	const struct unit *unit = close < end ? unit_at(r, close - 1, &many) : NULL;
	const bool cuts = spk_word(r, i, "TIMESTAMP_TRUNC") || spk_word(r, i, "DATE_TRUNC");
	const char *text;

	if (spk_word(r, i, "DATE_TRUNC") && spk_kind(r, i + 2) == PG_QUERY__TOKEN__SCONST)
		return SPK_OK;  /* the unit: what stands last is a column */
	if (!unit || (cuts ? spk_kind(r, close - 2) != ',' : spk_kind(r, close - 2) != PG_QUERY__TOKEN__TO))
		return SPK_OK;
	text = spk_arena_printf(r->edits.arena, ", '%s'", unit->one);
	SPK_TRY_PTR(text, err);
	SPK_TRY(spk_rewrite_tokens(r, i, i + 1, spk_word(r, i, "CEIL") ? "\"" SPK_MARK_CEIL "\"" : "\"" SPK_MARK_FLOOR "\"", err));
	return spk_rewrite_tokens(r, close - 2, close, text, err);
}

/* --- others --- */

static spk_status rewrite_try(struct spk_rewrite *r, int i, int end, spk_error *err)
{
	const int close = spk_rewrite_close(r, i + 1, end);

	if (close == end)
		return SPK_OK;  /* the parser will say what is missing */
	SPK_TRY(spk_rewrite_tokens(r, i, i + 1, "\"" SPK_MARK_TRY "\"(CAST", err));
	return spk_rewrite_after(r, close, ")", err);
}

/* The bracket that closes the one at token `open`; `end`: none. */
static int close_square(const struct spk_rewrite *r, int open, int end)
{
	int depth = 0, i = open;

	for (; i < end; i++) {
		depth += spk_kind(r, i) == '[';
		depth -= spk_kind(r, i) == ']';
		if (!depth)
			break;
	}
	return i;
}

/* Whether token i is MAP before a list of several values: map[1] is a column's. */
static bool is_map(const struct spk_rewrite *r, int i, int end)
{
	const int close = spk_word(r, i, "MAP") && spk_kind(r, i + 1) == '[' && spk_kind(r, i - 1) != '.' ? close_square(r, i + 1, end) : end;
	int depth = 0;

	for (int k = i + 2; k < close && close < end; k++) {
		depth += spk_kind(r, k) == '[' || spk_kind(r, k) == '(';
		depth -= spk_kind(r, k) == ']' || spk_kind(r, k) == ')';
		if (!depth && spk_kind(r, k) == ',')
			return true;
	}
	return false;
}

/* Whether the bracket at token i, an opening or a closing one, is that of MAP[...]. */
static bool is_map_bracket(const struct spk_rewrite *r, int i, int end)
{
	int depth = 0;

	for (; i > 0; i--) {
		depth += spk_kind(r, i) == ']';
		depth -= spk_kind(r, i) == '[';
		if (spk_kind(r, i) == '[' && depth <= 0)
			break;
	}
	return is_map(r, i - 1, end);
}

/* ARRAY at token i, whose elements stand in brackets: a subscript behind them. */
static spk_status rewrite_array(struct spk_rewrite *r, int i, int end, spk_error *err)
{
	const int close = close_square(r, i + 1, end);

	if (close + 1 >= end || spk_kind(r, close + 1) != '[')
		return SPK_OK;
	SPK_TRY(spk_rewrite_tokens(r, i, i, "(", err));
	return spk_rewrite_after(r, close, ")", err);
}

/* MAP at token i, before its brackets. */
static spk_status rewrite_map(struct spk_rewrite *r, int i, int end, spk_error *err)
{
	const bool round = spk_kind(r, i + 1) == '(';
	const int close = round ? spk_rewrite_close(r, i + 1, end) : close_square(r, i + 1, end);
	bool pairs = !round;

	for (int k = i + 2; k < close && round; k++) {
		if (spk_kind(r, k) == '(')
			k = spk_rewrite_close(r, k, close);
		else if (spk_kind(r, k) == PG_QUERY__TOKEN__COLON_EQUALS) {
			SPK_TRY(spk_rewrite_tokens(r, k, k + 1, ",", err));
			pairs = true;
		}
	}
	if (!pairs || close == end)
		return SPK_OK;
	SPK_TRY(spk_rewrite_tokens(r, i, i + 2, "(\"" SPK_MARK_MAP "\"(", err));
	return spk_rewrite_tokens(r, close, close + 1, "))", err);
}

/* STRUCT at token i. */
static spk_status rewrite_struct(struct spk_rewrite *r, int i, int end, spk_error *err)
{
	const int close = spk_rewrite_close(r, i + 1, end);

	if (spk_kind(r, i + 3) != PG_QUERY__TOKEN__COLON_EQUALS || close == end)
		return SPK_OK;
	for (int k = i + 2; k < close; k++) {
		const char *name;

		if (spk_kind(r, k) == '(')
			k = spk_rewrite_close(r, k, close);
		if (spk_kind(r, k + 1) != PG_QUERY__TOKEN__COLON_EQUALS || !spk_is_free(r, k))
			continue;
		SPK_TRY_PTR(name = spk_token_unquote(r->tokens->text, &r->tokens->token[k], r->edits.arena), err);
		if (strchr(name, '\''))
			continue;  /* the parser will say that names of arguments do not belong here */
		SPK_TRY_PTR(name = spk_arena_printf(r->edits.arena, "'%s',", name), err);
		SPK_TRY(spk_rewrite_tokens(r, k, k + 2, name, err));
	}
	return spk_rewrite_tokens(r, i, i + 1, "named_struct", err);
}

/* Whether token i, which may be a name, is the end of what a value stands behind: what is in brackets behind it are no arguments. */
static bool precedes_value(const struct spk_rewrite *r, int i)
{
	static const char *const words[] = { "BY", "BETWEEN", "ESCAPE", "RLIKE", "QUALIFY", "VALUE", "KEY" };

	for (size_t k = 0; k < SPK_COUNT_OF(words); k++)
		if (spk_word(r, i, words[k]))
			return true;
	return (spk_word(r, i, "ZONE") && spk_word(r, i - 1, "TIME")) || ((spk_word(r, i, "FIRST") || spk_word(r, i, "NEXT")) && spk_word(r, i - 1, "FETCH"));
}

/* Whether the name at token i, before a bracket, is that of a type: varchar(3)[2]. */
static bool is_sized_type(const struct spk_rewrite *r, int i)
{
	static const char *const types[] = { "VARCHAR", "CHAR", "CHARACTER", "NUMERIC", "DECIMAL", "DEC", "FLOAT", "TIMESTAMP", "TIMESTAMPTZ", "TIME", "INTERVAL", "BIT", "VARBIT", "BPCHAR", "VALUES" };

	for (size_t k = 0; k < SPK_COUNT_OF(types); k++)
		if (spk_word(r, i, types[k]))
			return true;
	return spk_kind(r, i - 1) == PG_QUERY__TOKEN__TYPECAST;
}

/* A call at token i with a subscript or a field behind it. */
static spk_status rewrite_subscripted(struct spk_rewrite *r, int i, int end, spk_error *err)
{
	const int close = spk_rewrite_close(r, i + 1, end);
	const bool field = spk_kind(r, close + 1) == '.' && spk_is_free(r, close + 2), element = spk_kind(r, close + 1) == '[' && spk_kind(r, close + 2) != ']';
	int first = i;

	if (close + 2 >= end || (!field && !element) || (!spk_is_free(r, i) && spk_kind(r, i) != PG_QUERY__TOKEN__CAST))
		return SPK_OK;
	while (spk_kind(r, first - 1) == '.')
		first -= 2;  /* the function's schema */
	if (precedes_value(r, i) || is_sized_type(r, i) || (spk_ends_value(r, first - 1) && !precedes_value(r, first - 1)))
		return SPK_OK;  /* two values do not stand beside each other: ESCAPE (a)[1], character varying(3)[2] */
	SPK_TRY(spk_rewrite_tokens(r, first, first, "(", err));
	return spk_rewrite_after(r, close, ")", err);
}

/* What a value may stand behind, so that a bracket there begins a list. */
static bool awaits_value(const struct spk_rewrite *r, int i)
{
	static const char *const words[] = { "SELECT", "THEN", "ELSE", "WHEN", "AND", "OR", "NOT", "IN", "WHERE", "ON", "HAVING", "BY" };
	const int kind = spk_kind(r, i), before = spk_kind(r, i - 1);

	if (kind == '(' || kind == ',' || kind == '=' || kind == PG_QUERY__TOKEN__Op)
		return !(kind == '(' && (spk_word(r, i - 1, "READ_CSV") || spk_word(r, i - 1, "READ_JSON")));
	if (before == '.' || (kind == PG_QUERY__TOKEN__BY && before != PG_QUERY__TOKEN__GROUP_P && before != PG_QUERY__TOKEN__ORDER && before != PG_QUERY__TOKEN__PARTITION))
		return false;  /* a column that is called so */
	for (size_t k = 0; k < SPK_COUNT_OF(words); k++)
		if (spk_word(r, i, words[k]))
			return true;
	return false;
}

/* RLIKE at token i, between two values: else a name. */
static bool is_rlike(const struct spk_rewrite *r, int i)
{
	return spk_word(r, i, "RLIKE") && spk_ends_value(r, i - 1 - (spk_kind(r, i - 1) == PG_QUERY__TOKEN__NOT)) && spk_begins_value(r, i + 1);
}

static spk_status rewrite_rlike(struct spk_rewrite *r, int i, spk_error *err)
{
	const bool not = spk_kind(r, i - 1) == PG_QUERY__TOKEN__NOT;

	return spk_rewrite_tokens(r, i - not, i + 1, not ? "!~" : "~", err);
}

/* --- columns called window, EMIT --- */

/* A column that is called window: what is no WINDOW clause, which a name and AS follow. */
static bool is_column_window(const struct spk_rewrite *r, int i)
{
	const int before = spk_kind(r, i - 1);
	const bool clause = spk_kind(r, i + 2) == PG_QUERY__TOKEN__AS && spk_kind(r, i + 3) == '(';

	if (!spk_word(r, i, "WINDOW") || spk_kind(r, i + 1) == '(' || spk_is_window_alias(r, i))
		return false;
	return spk_kind(r, i + 1) == '.' || (!clause && (before == ',' || before == '(' || before == PG_QUERY__TOKEN__BY || before == PG_QUERY__TOKEN__AS || before == PG_QUERY__TOKEN__SELECT));
}

int spk_emit_words(const struct spk_rewrite *r, int i, int end)
{
	const bool after = spk_word(r, i + 1, "AFTER") && (spk_word(r, i + 2, "WATERMARK") || (spk_word(r, i + 2, "WINDOW") && spk_word(r, i + 3, "CLOSE")));
	const bool closed = spk_word(r, i + 1, "ON") && spk_word(r, i + 2, "WINDOW") && spk_word(r, i + 3, "CLOSE");
	const int n = spk_word(r, i + 1, "CHANGES") || spk_word(r, i + 1, "FINAL") ? 2 : closed || (after && spk_word(r, i + 2, "WINDOW")) ? 4 : after ? 3 : 0;

	const int before = spk_kind(r, i - 1);
	const bool name = before == PG_QUERY__TOKEN__FROM || before == PG_QUERY__TOKEN__JOIN || before == ',' || before == '.';

	return spk_word(r, i, "EMIT") && n && !name && (i + n == end || spk_kind(r, i + n) == ')' || spk_word(r, i + n, "LIMIT") || spk_word(r, i + n, "WITH")) ? n : 0;
}

int spk_option_words(const struct spk_rewrite *r, int i, int end)
{
	const bool known = ((spk_word(r, i + 2, "AGGREGATE") || spk_word(r, i + 2, "LIMIT")) && spk_word(r, i + 3, "INPUT")) ||
	                   (spk_word(r, i + 2, "DISTINCT") && spk_word(r, i + 3, "ON")) || (spk_word(r, i + 2, "EXPECTED") && spk_word(r, i + 3, "GROUP"));

	return spk_word(r, i, "OPTIONS") && spk_kind(r, i + 1) == '(' && known ? SPK_MIN(spk_rewrite_close(r, i + 1, end) + 1, end) - i : 0;
}

spk_status spk_rewrite_words(struct spk_rewrite *r, int first, int end, spk_error *err)
{
	int lists = 0;  /* brackets around the token: within them lists need no word */

	for (int i = first; i < end; i++) {
		const bool call = spk_kind(r, i + 1) == '(' && i + 1 < end;

		if (call)
			SPK_TRY(rewrite_subscripted(r, i, end, err));
		if (spk_kind(r, i) == PG_QUERY__TOKEN__INTERVAL)
			SPK_TRY(rewrite_interval(r, i, end, err));
		else if (call && (spk_word(r, i, "TRY_CAST") || spk_word(r, i, "SAFE_CAST")))
			SPK_TRY(rewrite_try(r, i, end, err));
		else if (call && (spk_word(r, i, "TIMESTAMPDIFF") || spk_word(r, i, "TIMESTAMPADD") || spk_word(r, i, "DATEDIFF") || spk_word(r, i, "DATEADD")))
			SPK_TRY(rewrite_unit(r, i, err));
		else if (call && (spk_word(r, i, "FLOOR") || spk_word(r, i, "CEIL") || spk_word(r, i, "TIMESTAMP_TRUNC") || spk_word(r, i, "DATE_TRUNC")))
			SPK_TRY(rewrite_rounding(r, i, end, err));
		else if (call && spk_word(r, i, "GROUPING_ID"))
			SPK_TRY(spk_rewrite_tokens(r, i, i + 1, "GROUPING", err));
		else if (call && spk_is_json_call(r, i))
			SPK_TRY(spk_rewrite_json(r, i, end, err));
		else if (spk_kind(r, i) == '[' && i > first && awaits_value(r, i - 1) && !lists)
			SPK_TRY(spk_rewrite_tokens(r, i, i, "ARRAY", err));
		else if (spk_kind(r, i) == PG_QUERY__TOKEN__ARRAY && spk_kind(r, i + 1) == '[')
			SPK_TRY(rewrite_array(r, i, end, err));
		else if (call && spk_word(r, i, "STRUCT"))
			SPK_TRY(rewrite_struct(r, i, end, err));
		else if (is_map(r, i, end) || (call && spk_word(r, i, "MAP")))
			SPK_TRY(rewrite_map(r, i, end, err));
		else if (is_rlike(r, i) && i > first && i + 1 < end && !call)
			SPK_TRY(rewrite_rlike(r, i, err));
		else if (spk_kind(r, i) == PG_QUERY__TOKEN__Op && spk_word(r, i, "<=>"))
			SPK_TRY(spk_rewrite_tokens(r, i, i + 1, " IS NOT DISTINCT FROM ", err));
		else if (spk_kind(r, i) == PG_QUERY__TOKEN__IS)
			SPK_TRY(spk_rewrite_is_json(r, i, err));
		else if (spk_word(r, i, "UNSIGNED") && (spk_kind(r, i - 2) == PG_QUERY__TOKEN__AS || spk_kind(r, i - 2) == PG_QUERY__TOKEN__TYPECAST))
			SPK_TRY(spk_rewrite_unsigned(r, i, err));
		else if (is_column_window(r, i))
			SPK_TRY(spk_rewrite_tokens(r, i, i + 1, "\"window\"", err));
		else if (spk_option_words(r, i, end))
			SPK_TRY(spk_rewrite_tokens(r, i, i + spk_option_words(r, i, end), "", err));
		else if (spk_emit_words(r, i, end))
			SPK_TRY(spk_rewrite_tokens(r, i, i + spk_emit_words(r, i, end), "", err));
		if ((spk_kind(r, i) == '[' || spk_kind(r, i) == ']') && !is_map_bracket(r, i, end))
			lists += spk_kind(r, i) == '[' ? 1 : -1;
	}
	return SPK_OK;
}
