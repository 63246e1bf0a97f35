/*
 * In FROM:
 *   TABLE(TUMBLE(TABLE bid, DESCRIPTOR(ts), INTERVAL '10' SECOND))     TUMBLE( bid, ts, INTERVAL '10' SECOND)
 *   SESSION(TABLE bid PARTITION BY a, DESCRIPTOR(ts), gap)              SESSION( bid, "sparklet partition" => ROW(a), ts, gap)
 *   session(bid PARTITION BY a, ts, gap)                                session(bid, "sparklet partition" => ROW(a), ts, gap)
 *   read_csv(['a.csv', 'b.csv'])                                        read_csv(ARRAY['a.csv', 'b.csv'])
 *   FROM 'path.csv'                                                     FROM "sparklet file"('path.csv')
 *   FROM t LATERAL VIEW explode(x) u AS c                               FROM t CROSS JOIN LATERAL unnest(x) AS u(c)
 *   FROM t LATERAL VIEW OUTER explode(x) u AS c                         FROM t LEFT JOIN LATERAL unnest(x) AS u(c) ON true
 *   FROM (SELECT ...) WHERE                                             FROM (SELECT ...) AS "sparklet subquery" WHERE
 */
#include "planner/sql/rewrite.h"

#include "core/base/check.h"

static bool is_window(const struct spk_rewrite *r, int i)
{
	return spk_word(r, i, "TUMBLE") || spk_word(r, i, "HOP") || spk_word(r, i, "CUMULATE") || spk_word(r, i, "SESSION");
}

/* The last token of the argument that begins at `first`: before a comma, or the bracket at `close`. */
static int argument_end(const struct spk_rewrite *r, int first, int close)
{
	int last = first, depth = 0;

	for (; last < close && (depth || spk_kind(r, last) != ','); last++) {
		depth += spk_kind(r, last) == '(';
		depth -= spk_kind(r, last) == ')';
	}
	return last - 1;
}

/* Of a list of columns that goes over into the other arguments without a sign: its last token. A session has two more, the time and the gap. */
static int partition_end(const struct spk_rewrite *r, int first, int close, bool session)
{
	int last = argument_end(r, first, close), left = 0;

	for (int end = last; session && end + 1 < close; end = argument_end(r, end + 2, close))
		left++;
	for (; left > 2; left--)
		last = argument_end(r, last + 2, close);
	/* Of others: until the next argument that is no name. */
	while (!session && last + 2 < close && spk_kind(r, last + 1) == ',' && (spk_kind(r, last + 3) == ',' || last + 3 == close) && spk_kind(r, last + 2) == PG_QUERY__TOKEN__IDENT)
		last += 2;
	return last;
}

/* PARTITION BY at token i, up to the argument behind its columns. */
static spk_status rewrite_partition(struct spk_rewrite *r, int i, int close, bool session, spk_error *err)
{
	const int last = partition_end(r, i + 2, close, session);

	if (last <= i + 1)
		return SPK_OK;  /* the parser will say what is missing */
	SPK_TRY(spk_rewrite_tokens(r, i, i + 2, ", \"" SPK_MARK_PARTITION "\" => ROW(", err));
	return spk_rewrite_after(r, last, ")", err);
}

/* The arguments of the window function whose bracket is at `open`. */
static spk_status rewrite_arguments(struct spk_rewrite *r, int open, int close, spk_error *err)
{
	int depth = 0;

	for (int i = open; i < close; i++) {
		int kind = spk_kind(r, i);

		if (depth == 1 && spk_word(r, i, "DESCRIPTOR") && spk_kind(r, i + 1) == '(') {
			int end = spk_rewrite_close(r, i + 1, close);

			SPK_TRY(spk_rewrite_tokens(r, i, i + 2, "", err));
			if (end < close)
				SPK_TRY(spk_rewrite_tokens(r, end, end + 1, "", err));
			i = end;
			continue;
		}
		if (depth == 1 && kind == PG_QUERY__TOKEN__TABLE)
			SPK_TRY(spk_rewrite_tokens(r, i, i + 1, "", err));
		else if (depth == 1 && kind == PG_QUERY__TOKEN__PARTITION && spk_kind(r, i + 1) == PG_QUERY__TOKEN__BY)
			SPK_TRY(rewrite_partition(r, i, close, spk_word(r, open - 1, "SESSION"), err));
		depth += kind == '(';
		depth -= kind == ')';
	}
	return SPK_OK;
}

/* What PostgreSQL's grammar has no arguments for. */
static bool flink_arguments(const struct spk_rewrite *r, int open, int close)
{
	for (int i = open + 1; i < close; i++)
		if (spk_kind(r, i) == PG_QUERY__TOKEN__TABLE || spk_kind(r, i) == PG_QUERY__TOKEN__PARTITION || (spk_word(r, i, "DESCRIPTOR") && spk_kind(r, i + 1) == '('))
			return true;
	return false;
}

spk_status spk_rewrite_windows(struct spk_rewrite *r, int first, int end, spk_error *err)
{
	for (int i = first; i < end; i++) {
		int close;

		if (spk_kind(r, i) == PG_QUERY__TOKEN__TABLE && spk_kind(r, i + 1) == '(' && spk_kind(r, i + 3) == '(' && i + 3 < end) {
			close = spk_rewrite_close(r, i + 1, end);
			SPK_TRY(spk_rewrite_tokens(r, i, i + 2, "", err));
			if (close < end)
				SPK_TRY(spk_rewrite_tokens(r, close, close + 1, "", err));
			i += 2;
		} else if (!is_window(r, i) || spk_kind(r, i + 1) != '(') {
			continue;
		}
		close = spk_rewrite_close(r, i + 1, end);
		if (flink_arguments(r, i + 1, close))
			SPK_TRY(rewrite_arguments(r, i + 1, close, err));  /* of this one: queries among them have their own */
	}
	return SPK_OK;
}

/* A list of files in brackets alone is no expression in PostgreSQL. */
spk_status spk_rewrite_file_lists(struct spk_rewrite *r, int first, int end, spk_error *err)
{
	for (int i = first; i + 2 < end; i++)
		if ((spk_word(r, i, "READ_CSV") || spk_word(r, i, "READ_JSON")) && spk_kind(r, i + 1) == '(' && spk_kind(r, i + 2) == '[')
			SPK_TRY(spk_rewrite_tokens(r, i + 2, i + 2, "ARRAY", err));
	return SPK_OK;
}

/* PostgreSQL 15 wants an alias for a subquery in FROM; other dialects do not. */
static spk_status name_subquery(struct spk_rewrite *r, int open, int end, spk_error *err)
{
	static const char *const follows[] = { "WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "OFFSET", "FETCH", "UNION", "INTERSECT", "EXCEPT",
		"WINDOW", "JOIN", "INNER", "LEFT", "RIGHT", "FULL", "CROSS", "NATURAL", "WITH", "ON", "USING", ",", ")" };
	int close = spk_rewrite_close(r, open, end);
	bool bare = close + 1 == end;

	if (close == end || (!spk_word(r, open + 1, "SELECT") && !spk_word(r, open + 1, "WITH") && !spk_word(r, open + 1, "VALUES")))
		return SPK_OK;
	for (size_t i = 0; !bare && i < SPK_COUNT_OF(follows); i++)
		bare = spk_word(r, close + 1, follows[i]);
	bare = bare || spk_is_other_join(r, close + 1) || spk_emit_words(r, close + 1, end) || spk_option_words(r, close + 1, end) || spk_is_qualify(r, close + 1, end);
	return bare ? spk_rewrite_after(r, close, " AS \"" SPK_MARK_SUBQUERY "\"", err) : SPK_OK;
}

/* LATERAL VIEW at token i. */
static spk_status rewrite_view(struct spk_rewrite *r, int i, int end, spk_error *err)
{
	const bool outer = spk_word(r, i + 2, "OUTER");
	const int call = i + 2 + outer, close = spk_kind(r, call + 1) == '(' ? spk_rewrite_close(r, call + 1, end) : end;
	const int as = close + 1 + (spk_kind(r, close + 1) != PG_QUERY__TOKEN__AS);

	if (!spk_word(r, call, "EXPLODE") || as + 1 >= end || spk_kind(r, as) != PG_QUERY__TOKEN__AS || spk_kind(r, as + 2) == ',') {
		spk_sql_fail(r->source, r->tokens->token[i].start, SPK_UNSUPPORTED, err, "LATERAL VIEW is only supported with explode(array) and one name");
		return spk_hint(err, "LATERAL VIEW explode(x) t AS c; or CROSS JOIN LATERAL unnest(x) AS t (c)."), SPK_UNSUPPORTED;
	}
	SPK_TRY(spk_rewrite_tokens(r, i, call + 1, outer ? "LEFT JOIN LATERAL unnest" : "CROSS JOIN LATERAL unnest", err));
	SPK_TRY(as == close + 1 ? spk_rewrite_tokens(r, as, as + 1, "AS \"" SPK_MARK_SUBQUERY "\" (", err) : spk_rewrite_tokens(r, as, as + 1, "(", err));
	return spk_rewrite_after(r, as + 1, outer ? ") ON true" : ")", err);
}

/* FROM of a SELECT, not of EXTRACT(x FROM y) and its like, nor of IS DISTINCT FROM. */
spk_status spk_rewrite_from(struct spk_rewrite *r, int first, int end, spk_error *err)
{
	enum { DEPTH_MAX = 512 };
	bool selecting[DEPTH_MAX] = { false };
	int depth = 0;

	for (int i = first; i + 1 < end; i++) {
		int kind = spk_kind(r, i);
		bool from;

		if (kind == '(' && depth + 1 < DEPTH_MAX)
			selecting[++depth] = false;
		else if (kind == ')' && depth > 0)
			depth--;
		else if (kind == PG_QUERY__TOKEN__SELECT)
			selecting[depth] = true;
		if (spk_word(r, i, "LATERAL") && spk_word(r, i + 1, "VIEW"))
			SPK_TRY(rewrite_view(r, i, end, err));
		from = kind == PG_QUERY__TOKEN__FROM && selecting[depth] && spk_kind(r, i - 1) != PG_QUERY__TOKEN__DISTINCT;
		if (from)
			selecting[depth] = false;
		if (!from && kind != PG_QUERY__TOKEN__JOIN)
			continue;
		if (spk_kind(r, i + 1) == '(')
			SPK_TRY(name_subquery(r, i + 1, end, err));
		if (spk_kind(r, i + 1) != PG_QUERY__TOKEN__SCONST)
			continue;
		SPK_TRY(spk_rewrite_tokens(r, i + 1, i + 1, "\"" SPK_MARK_FILE "\"(", err));
		SPK_TRY(spk_rewrite_after(r, i + 1, ")", err));
	}
	return SPK_OK;
}
