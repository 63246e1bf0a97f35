/*
 * Functions of JSON, whose clauses PostgreSQL's grammar lacks:
 *   JSON_VALUE(j, p RETURNING t DEFAULT d ON EMPTY) "sparklet try"(CAST(JSON_VALUE(j, p, (d)::text, NULL) AS t))
 *   JSON_VALUE(j, p RETURNING t DEFAULT d ON ERROR) coalesce("sparklet try"(CAST(JSON_VALUE(j, p, NULL, (d)::text) AS t)), CASE WHEN JSON_VALUE(j, p) IS NOT NULL THEN CAST((d) AS t) END)
 *   JSON_OBJECT(KEY 'a' VALUE x)                    json_compact(json_build_object('a', x))
 *   x IS JSON                                       x IS DOCUMENT
 *   JSON_ARRAY(1, x)                                json_compact(jsonb_path_query_array(jsonb_build_array(1, x), 'strict $[*] ? (@.type() != "null")'))
 *   JSON_ARRAY(1, x NULL ON NULL)                   json_compact(jsonb_build_array(1, x)); so JSON_ARRAYAGG(x), of jsonb_agg(x)
 *   JSON_OBJECTAGG(KEY k VALUE v)                   json_compact(jsonb_object_agg(k, v))
 *   JSON_OBJECT(... ABSENT ON NULL)                 json_compact(json_absent_nulls(json_build_object(...))), and so JSON_OBJECTAGG
 */
#include "planner/sql/rewrite.h"

#include "core/base/check.h"

/* --- clauses of JSON_VALUE and its like --- */

enum { ON_EMPTY, ON_ERROR };

/* Token numbers: where the clauses begin; the type of RETURNING; the values of DEFAULT by when they count. [0, 0): not there. */
struct json_clauses { int from; struct { int from, to; } type, value[2]; };

static bool clause_begins(const struct spk_rewrite *r, int i)
{
	return spk_word(r, i, "RETURNING") || spk_word(r, i, "DEFAULT") || spk_word(r, i, "WITH") || spk_word(r, i, "WITHOUT") ||
	       ((spk_word(r, i, "NULL") || spk_word(r, i, "ERROR") || spk_word(r, i, "FALSE") || spk_word(r, i, "TRUE") || spk_word(r, i, "EMPTY")) && (spk_word(r, i + 1, "ON") || spk_word(r, i + 1, "ARRAY") || spk_word(r, i + 1, "OBJECT")));
}

static bool is_on(const struct spk_rewrite *r, int i) { return spk_word(r, i, "ON") && (spk_word(r, i + 1, "EMPTY") || spk_word(r, i + 1, "ERROR")); }

/* The first token from i on of this depth for which `is` holds; `end`: none. */
static int find_json(const struct spk_rewrite *r, int i, int end, bool (*is)(const struct spk_rewrite *r, int i))
{
	for (; i < end && !is(r, i); i++)
		if (spk_kind(r, i) == '(')
			i = spk_rewrite_close(r, i, end);
	return i;
}

/* The clause at token i, up to `close`; *next is behind it, or i where it is none that is known. */
static void take_clause(const struct spk_rewrite *r, int i, int close, struct json_clauses *c, int *next)
{
	const int on = find_json(r, i, close, is_on), when = spk_word(r, on + 1, "ERROR") ? ON_ERROR : ON_EMPTY;

	*next = i;
	if (spk_word(r, i, "RETURNING") && !c->type.to) {
		c->type.from = i + 1;
		*next = c->type.to = find_json(r, i + 1, close, clause_begins);
	} else if (spk_word(r, i, "DEFAULT") && on < close && on > i + 1 && !c->value[when].to && !c->value[ON_ERROR].to) {
		c->value[when].from = i + 1;
		c->value[when].to = on;
		*next = on + 2;
	} else if ((spk_word(r, i, "NULL") || spk_word(r, i, "FALSE")) && on == i + 1) {
		*next = on + 2;
	} else if (spk_word(r, i, "WITHOUT")) {
		*next = i + 2 + spk_word(r, i + 1, "ARRAY");
	}
}

static spk_status find_clauses(const struct spk_rewrite *r, int open, int close, struct json_clauses *c, spk_error *err)
{
	int i = find_json(r, open + 1, close, clause_begins), next;

	for (c->from = i; i < close; i = next) {
		take_clause(r, i, close, c, &next);
		if (next > i)
			continue;
		spk_sql_fail(r->source, r->tokens->token[i].start, SPK_UNSUPPORTED, err, "this clause of a JSON function is not supported");
		return spk_hint(err, "RETURNING type, NULL or DEFAULT value ON EMPTY, then NULL or DEFAULT value ON ERROR are."), SPK_UNSUPPORTED;
	}
	return SPK_OK;
}

/* DEFAULT values become the third and fourth argument. */
static spk_status put_defaults(struct spk_rewrite *r, const struct json_clauses *c, int close, const char *tail, spk_error *err)
{
	const bool empty = c->value[ON_EMPTY].to, error = c->value[ON_ERROR].to;

	if (!empty && !error)
		return spk_rewrite_tokens(r, c->from, close + 1, tail, err);
	SPK_TRY_PTR(tail = spk_arena_printf(r->edits.arena, ")::text%s%s", error ? "" : ", NULL", tail), err);
	SPK_TRY(spk_rewrite_tokens(r, c->from, c->value[empty ? ON_EMPTY : ON_ERROR].from, empty ? ", (" : ", NULL, (", err));
	if (empty && error)
		SPK_TRY(spk_rewrite_tokens(r, c->value[ON_EMPTY].to, c->value[ON_ERROR].from, ")::text, (", err));
	return spk_rewrite_tokens(r, c->value[error ? ON_ERROR : ON_EMPTY].to, close + 1, tail, err);
}

static int length_of(const struct spk_rewrite *r, int from, int to) { return r->tokens->token[to - 1].end - r->tokens->token[from].start; }
static const char *text_of(const struct spk_rewrite *r, int from) { return r->tokens->text + r->tokens->token[from].start; }

/* RETURNING for the call at token i. A value that is there, but not of the type, is an error, too: then the text alone is asked for again. */
static spk_status put_type(struct spk_rewrite *r, int i, const struct json_clauses *c, const char **tail, spk_error *err)
{
	const int type = length_of(r, c->type.from, c->type.to), from = c->value[ON_ERROR].from, to = c->value[ON_ERROR].to;
	const char *name = text_of(r, c->type.from);

	SPK_TRY_PTR(*tail = spk_arena_printf(r->edits.arena, ") AS %.*s))", type, name), err);
	if (to)
		SPK_TRY_PTR(*tail = spk_arena_printf(r->edits.arena, "%s, CASE WHEN %.*s) IS NOT NULL THEN CAST((%.*s) AS %.*s) END)", *tail, length_of(r, i, c->from), text_of(r, i), length_of(r, from, to),
						     text_of(r, from), type, name), err);
	return spk_rewrite_tokens(r, i, i, to ? "coalesce(\"" SPK_MARK_TRY "\"(CAST(" : "\"" SPK_MARK_TRY "\"(CAST(", err);
}

/* JSON_VALUE and its like at token i. */
static spk_status rewrite_value(struct spk_rewrite *r, int i, int end, spk_error *err)
{
	const int close = spk_rewrite_close(r, i + 1, end);
	struct json_clauses c = { 0 };
	const char *tail = ")";

	if (close == end)
		return SPK_OK;  /* the parser will say what is missing */
	SPK_TRY(find_clauses(r, i + 1, close, &c, err));
	if (c.from >= close)
		return SPK_OK;
	if (c.type.to > c.type.from)
		SPK_TRY(put_type(r, i, &c, &tail, err));
	return put_defaults(r, &c, close, tail, err);
}

/* VALUE between the name and the value of the pair at token i, -1: none; *end: the comma behind the pair, or `close`. */
static int pair_value(const struct spk_rewrite *r, int i, int close, int *end)
{
	int value = -1, lists = 0;

	for (*end = i; *end < close && (lists || spk_kind(r, *end) != ','); ++*end) {
		const int k = *end;
		const bool name = k == i || (k == i + 1 && spk_word(r, i, "KEY") && spk_word(r, k + 1, "VALUE") && spk_begins_value(r, k + 2));

		lists += (spk_kind(r, k) == '[') - (spk_kind(r, k) == ']');
		if (spk_kind(r, k) == '(')
			*end = spk_rewrite_close(r, k, close);
		else if (value < 0 && !name && spk_word(r, k, "VALUE") && spk_ends_value(r, k - 1) && spk_begins_value(r, k + 1))
			value = k;
	}
	return value;
}

/* Whether the call at token i is a whole value of JSON_OBJECT or JSON_ARRAY around it: it stands in that as what it is, not as a text. */
static bool is_part(const struct spk_rewrite *r, int i, int close)
{
	const bool ends = spk_kind(r, close + 1) == ',' || spk_kind(r, close + 1) == ')' || spk_word(r, close + 1, "NULL") || spk_word(r, close + 1, "ABSENT");
	int open = i - 1, depth = 0;

	if (!ends || spk_word(r, i - 1, "VALUE"))
		return ends;
	if (spk_kind(r, i - 1) != ',' && spk_kind(r, i - 1) != '(')
		return false;
	for (; open > 0 && (depth || spk_kind(r, open) != '('); open--)
		depth += (spk_kind(r, open) == ')') - (spk_kind(r, open) == '(');
	return spk_word(r, open - 1, "JSON_ARRAY") || spk_word(r, open - 1, "JSON_ARRAYAGG");
}

/* NULL ON NULL or ABSENT ON NULL before the bracket at `close` of an object, which keeps NULLs unless it is told otherwise: *absent. */
static spk_status drop_null_clause(struct spk_rewrite *r, int close, bool *absent, spk_error *err)
{
	const bool says = spk_word(r, close - 2, "ON") && spk_word(r, close - 1, "NULL");

	*absent = says && spk_word(r, close - 3, "ABSENT");
	return *absent || (says && spk_word(r, close - 3, "NULL")) ? spk_rewrite_tokens(r, close - 3, close, "", err) : SPK_OK;
}

/* `function` in place of the word at token i, whose call ends at `last`: as a text, unless the object stands as it is; without members that are null where they are to be absent. */
static spk_status put_object(struct spk_rewrite *r, int i, int last, const char *function, bool part, bool absent, spk_error *err)
{
	const char *head = spk_arena_printf(r->edits.arena, "%s%s%s", part ? "" : "json_compact(", absent ? "json_absent_nulls(" : "", function);

	SPK_TRY_PTR(head, err);
	SPK_TRY(spk_rewrite_tokens(r, i, i + 1, head, err));
	return spk_rewrite_after(r, last, part && !absent ? "" : part || !absent ? ")" : "))", err);
}

/* JSON_OBJECT at token i, with pairs `[KEY] name VALUE value`: a text without blanks; as the value of another one it stands in that as it is. */
static spk_status rewrite_object(struct spk_rewrite *r, int i, int end, spk_error *err)
{
	const int close = spk_rewrite_close(r, i + 1, end);
	bool absent;
	int next;

	if (close == end || pair_value(r, i + 2, close, &next) < 0)
		return SPK_OK;
	for (int k = i + 2; k < close; k = next + 1) {
		const int value = pair_value(r, k, close, &next);

		if (spk_word(r, k, "KEY") && value > k + 1)
			SPK_TRY(spk_rewrite_tokens(r, k, k + 1, "", err));
		if (value > k)
			SPK_TRY(spk_rewrite_tokens(r, value, value + 1, ",", err));
	}
	SPK_TRY(drop_null_clause(r, close, &absent, err));
	return put_object(r, i, close, "json_build_object", is_part(r, i, close), absent, err);
}

spk_status spk_rewrite_is_json(struct spk_rewrite *r, int i, spk_error *err)
{
	const int json = i + 1 + (spk_kind(r, i + 1) == PG_QUERY__TOKEN__NOT);

	if (!spk_word(r, json, "JSON"))
		return SPK_OK;
	if (!spk_word(r, json + 1, "OBJECT") && !spk_word(r, json + 1, "ARRAY") && !spk_word(r, json + 1, "SCALAR"))
		return spk_rewrite_tokens(r, json, json + 1 + spk_word(r, json + 1, "VALUE"), "DOCUMENT", err);
	spk_sql_fail(r->source, r->tokens->token[json + 1].start, SPK_UNSUPPORTED, err, "IS JSON OBJECT, ARRAY or SCALAR is not supported");
	return spk_hint(err, "Ask for the type: jsonb_typeof(TRY_CAST(x AS jsonb)) = 'object'."), SPK_UNSUPPORTED;
}

/* --- arrays, aggregates --- */

/* Behind the call whose bracket closes at `close`, and its FILTER and OVER. */
static int behind_call(const struct spk_rewrite *r, int close, int end)
{
	if (spk_word(r, close + 1, "FILTER") && spk_kind(r, close + 2) == '(')
		close = spk_rewrite_close(r, close + 2, end);
	if (spk_word(r, close + 1, "OVER") && close + 2 < end)
		close = spk_kind(r, close + 2) == '(' ? spk_rewrite_close(r, close + 2, end) : close + 2;
	return SPK_MIN(close, end - 1);
}

/* JSON_ARRAY and JSON_ARRAYAGG at token i, which leave NULLs out unless they are told to keep them; `function` is what keeps them. */
static spk_status rewrite_array(struct spk_rewrite *r, int i, int end, const char *function, spk_error *err)
{
	const int close = spk_rewrite_close(r, i + 1, end), clause = close - 3;
	const bool says = clause > i + 1 && spk_word(r, clause + 1, "ON") && spk_word(r, clause + 2, "NULL"), keeps = says && spk_word(r, clause, "NULL");
	const char *head;

	if (close == end)
		return SPK_OK;
	if (keeps || (says && spk_word(r, clause, "ABSENT")))
		SPK_TRY(spk_rewrite_tokens(r, clause, close, "", err));
	SPK_TRY_PTR(head = spk_arena_printf(r->edits.arena, "%s(%s%s", is_part(r, i, close) ? "" : "json_compact", keeps ? "" : "jsonb_path_query_array(", function), err);
	SPK_TRY(spk_rewrite_tokens(r, i, i + 1, head, err));
	return spk_rewrite_after(r, behind_call(r, close, end), keeps ? ")" : ", 'strict $[*] ? (@.type() != \"null\")'))", err);
}

/* JSON_OBJECTAGG at token i. */
static spk_status rewrite_object_aggregate(struct spk_rewrite *r, int i, int end, spk_error *err)
{
	const int close = spk_rewrite_close(r, i + 1, end);
	int last, value = pair_value(r, i + 2, close, &last);
	bool absent;

	if (close == end || value < 0 || last != close)
		return SPK_OK;
	if (spk_word(r, i + 2, "KEY") && value > i + 3)
		SPK_TRY(spk_rewrite_tokens(r, i + 2, i + 3, "", err));
	SPK_TRY(spk_rewrite_tokens(r, value, value + 1, ",", err));
	SPK_TRY(drop_null_clause(r, close, &absent, err));
	return put_object(r, i, behind_call(r, close, end), "jsonb_object_agg", false, absent, err);
}

/* --- all --- */

bool spk_is_json_call(const struct spk_rewrite *r, int i)
{
	static const char *const names[] = { "JSON_VALUE", "JSON_QUERY", "JSON_EXISTS", "JSON_OBJECT", "JSON_ARRAY", "JSON_ARRAYAGG", "JSON_OBJECTAGG" };

	for (size_t k = 0; k < SPK_COUNT_OF(names); k++)
		if (spk_word(r, i, names[k]))
			return true;
	return false;
}

spk_status spk_rewrite_json(struct spk_rewrite *r, int i, int end, spk_error *err)
{
	if (spk_word(r, i, "JSON_OBJECT"))
		return rewrite_object(r, i, end, err);
	if (spk_word(r, i, "JSON_ARRAY"))
		return rewrite_array(r, i, end, "jsonb_build_array", err);
	if (spk_word(r, i, "JSON_ARRAYAGG"))
		return rewrite_array(r, i, end, "jsonb_agg", err);
	return spk_word(r, i, "JSON_OBJECTAGG") ? rewrite_object_aggregate(r, i, end, err) : rewrite_value(r, i, end, err);
}
