/*
 * CREATE TABLE | SOURCE | SINK, CREATE VIEW IF NOT EXISTS, and SET.
 *
 *   x AS expr                      x "sparklet computed" GENERATED ALWAYS AS (expr) STORED
 *   x type METADATA FROM 'k'       x type CONSTRAINT "sparklet metadata" DEFAULT 'k'
 *   x INT UNSIGNED, x type KEY     x BIGINT, x type
 *   x type GENERATED ALWAYS AS (e), x type AS e            the same STORED
 *   CREATE STREAM s AS query, CREATE TABLE t AS query EMIT CHANGES      CREATE MATERIALIZED VIEW s AS query
 *   c type LATENESS i              c type, CONSTRAINT "sparklet watermark" CHECK (ROW(c, c - i)); WATERMARK j behind it is a third value
 *   WATERMARK FOR c                the same with c - INTERVAL '1' SECOND
 *   WATERMARK FOR c AS expr        CONSTRAINT "sparklet watermark" CHECK (ROW(c, expr))
 *   PRIMARY KEY (a) NOT ENFORCED   PRIMARY KEY (a)
 *   PARTITIONED BY (a, b)          PARTITION BY LIST (a, b)
 *   WITH ('a.b' = 'c')             WITH ("a.b" = 'c')
 */
#include "planner/sql/rewrite.h"

#include "core/base/check.h"

/* Takes NOT ENFORCED, VIRTUAL and COMMENT 'text' away, and LOCAL of WITH LOCAL TIME ZONE; *end: the element without a comment at its end. */
static spk_status drop_words(struct spk_rewrite *r, int from, int *end, spk_error *err)
{
	int last = *end;

	if (last - from >= 3 && spk_word(r, last - 2, "COMMENT") && spk_kind(r, last - 1) == PG_QUERY__TOKEN__SCONST) {
		SPK_TRY(spk_rewrite_tokens(r, last - 2, last, "", err));
		*end = last -= 2;
	}
	for (int i = from; i < last; i++) {
		if (spk_kind(r, i) == PG_QUERY__TOKEN__NOT && spk_word(r, i + 1, "ENFORCED") && i + 1 < last)
			SPK_TRY(spk_rewrite_tokens(r, i, i + 2, "", err));
		else if (spk_word(r, i, "LOCAL") && spk_word(r, i - 1, "WITH") && spk_word(r, i + 1, "TIME"))
			SPK_TRY(spk_rewrite_tokens(r, i, i + 1, "", err));
	}
	return SPK_OK;
}

#define WATERMARK_HEAD "CONSTRAINT \"" SPK_MARK_WATERMARK "\" CHECK (ROW("

static spk_status rewrite_watermark(struct spk_rewrite *r, int first, int end, spk_error *err)
{
	int as = first + 2;

	while (as < end && spk_kind(r, as) != PG_QUERY__TOKEN__AS)
		as++;
	if (first + 3 == end) {  /* without an expression: a second behind */
		const struct spk_token *t = &r->tokens->token[first + 2];
		const char *text = spk_arena_printf(r->edits.arena, ", %.*s - INTERVAL '1' SECOND))", t->end - t->start, r->tokens->text + t->start);

		SPK_TRY_PTR(text, err);
		SPK_TRY(spk_rewrite_tokens(r, first, first + 2, WATERMARK_HEAD, err));
		return spk_rewrite_after(r, first + 2, text, err);
	}
	if (as == first + 2 || as + 1 >= end) {
		spk_sql_fail(r->source, r->tokens->token[first].start, SPK_SYNTAX, err, "a watermark needs a column and an expression");
		return spk_hint(err, "WATERMARK FOR ts AS ts - INTERVAL '4' SECOND");
	}
	SPK_TRY(spk_rewrite_tokens(r, first, first + 2, WATERMARK_HEAD, err));
	SPK_TRY(spk_rewrite_tokens(r, as, as + 1, ",", err));
	return spk_rewrite_after(r, end - 1, "))", err);
}

/* METADATA [FROM 'key'] [VIRTUAL] at token i; without a key the column's name is it. */
static spk_status rewrite_metadata(struct spk_rewrite *r, int column, int i, int end, spk_error *err)
{
	const struct spk_token *t = r->tokens->token;

	if (i + 2 < end && spk_kind(r, i + 1) == PG_QUERY__TOKEN__FROM && spk_kind(r, i + 2) == PG_QUERY__TOKEN__SCONST) {
		SPK_TRY(spk_rewrite_tokens(r, i, i + 2, "CONSTRAINT \"" SPK_MARK_METADATA "\" DEFAULT", err));
		i += 2;
	} else {
		const char *name = spk_token_unquote(r->tokens->text, &t[column], r->edits.arena), *text;
		struct spk_buffer quoted = { 0 };
		spk_status status = spk_buffer_append_str(&quoted, "CONSTRAINT \"" SPK_MARK_METADATA "\" DEFAULT '", err);

		SPK_TRY(status);
		for (; name && *name && status == SPK_OK; name++)
			status = spk_buffer_append(&quoted, *name == '\'' ? "''" : name, *name == '\'' ? 2 : 1, err);
		text = spk_arena_printf(r->edits.arena, "%.*s'", (int)quoted.size, quoted.data);
		spk_buffer_release(&quoted);
		SPK_TRY(status);
		SPK_TRY_PTR(text && name, err);
		SPK_TRY(spk_rewrite_tokens(r, i, i + 1, text, err));
	}
	if (i + 1 < end && spk_word(r, i + 1, "VIRTUAL"))
		return spk_rewrite_tokens(r, i + 1, i + 2, "", err);
	return SPK_OK;
}

/* ts type LATENESS interval: a watermark of the column, as a constraint of the table behind it. */
static spk_status rewrite_lateness(struct spk_rewrite *r, int column, int i, int end, spk_error *err)
{
	const struct spk_token *t = &r->tokens->token[column];
	const int size = t->end - t->start;
	const char *name = r->tokens->text + t->start, *text;

	for (int k = i + 1; k < end; k++)
		if (spk_word(r, k, "WATERMARK") && spk_kind(r, k + 1) == PG_QUERY__TOKEN__INTERVAL)
			SPK_TRY(spk_rewrite_tokens(r, k, k + 1, ",", err));

	text = spk_arena_printf(r->edits.arena, ", CONSTRAINT \"" SPK_MARK_WATERMARK "\" CHECK (ROW(%.*s, %.*s -", size, name, size, name);
	SPK_TRY_PTR(text, err);
	SPK_TRY(spk_rewrite_tokens(r, i, i + 1, text, err));
	return spk_rewrite_after(r, end - 1, "))", err);
}

/* Of the table: there the words of columns are names. */
static bool is_constraint(const struct spk_rewrite *r, int first)
{
	static const char *const words[] = { "PRIMARY", "UNIQUE", "CHECK", "CONSTRAINT", "FOREIGN", "EXCLUDE" };

	for (size_t i = 0; i < SPK_COUNT_OF(words); i++)
		if (spk_word(r, first, words[i]))
			return true;
	return false;
}

/* Behind a column's name: x INT UNSIGNED, x type KEY, GENERATED ALWAYS AS (expr) without STORED. */
static spk_status rewrite_column_words(struct spk_rewrite *r, int first, int end, spk_error *err)
{
	for (int i = first + 1; i < end && !is_constraint(r, first); i++) {
		if (spk_kind(r, i) == '(') {
			i = spk_rewrite_close(r, i, end);
		} else if (i > first + 1 && spk_word(r, i, "UNSIGNED")) {
			SPK_TRY(spk_rewrite_unsigned(r, i, err));
		} else if (i > first + 1 && spk_word(r, i, "FOREIGN") && spk_word(r, i + 1, "KEY") && spk_word(r, i + 2, "REFERENCES")) {
			SPK_TRY(spk_rewrite_tokens(r, i, i + 2, "", err));
			i += 2;
		} else if (i > first + 1 && spk_word(r, i, "KEY") && !spk_word(r, i - 1, "PRIMARY")) {
			SPK_TRY(spk_rewrite_tokens(r, i, i + 1, "", err));
		} else if (spk_kind(r, i) == PG_QUERY__TOKEN__AS && i > first + 1 && i + 1 < end && !spk_word(r, i - 1, "ALWAYS") && !spk_word(r, i - 1, "DEFAULT")) {
			SPK_TRY(spk_rewrite_tokens(r, i, i + 1, "GENERATED ALWAYS AS (", err));
			return spk_rewrite_after(r, end - 1, ") STORED", err);
		} else if (spk_word(r, i, "ALWAYS") && spk_kind(r, i + 1) == PG_QUERY__TOKEN__AS && spk_kind(r, i + 2) == '(') {
			const int close = spk_rewrite_close(r, i + 2, end);

			if (close < end && spk_word(r, close + 1, "VIRTUAL"))
				return spk_rewrite_tokens(r, close + 1, close + 2, "STORED", err);
			return close < end && !spk_word(r, close + 1, "STORED") ? spk_rewrite_after(r, close, " STORED", err) : SPK_OK;
		}
	}
	return SPK_OK;
}

static spk_status rewrite_element(struct spk_rewrite *r, int first, int end, spk_error *err)
{
	int next;

	if (spk_word(r, first, "WATERMARK") && spk_kind(r, first + 1) == PG_QUERY__TOKEN__FOR)
		return rewrite_watermark(r, first, end, err);
	SPK_TRY(drop_words(r, first, &end, err));
	if (first + 1 >= end)
		return SPK_OK;
	if (spk_kind(r, first + 1) == PG_QUERY__TOKEN__AS) {
		if (first + 2 >= end)
			return SPK_OK;  /* the parser will say what is missing */
		SPK_TRY(spk_rewrite_tokens(r, first + 1, first + 2, "\"" SPK_MARK_COMPUTED "\" GENERATED ALWAYS AS (", err));
		return spk_rewrite_after(r, end - 1, ") STORED", err);
	}
	SPK_TRY(spk_rewrite_type(r, first + 1, end, &next, err));
	SPK_TRY(rewrite_column_words(r, first, end, err));
	for (int i = next; i < end && !is_constraint(r, first); i++)
		if (spk_word(r, i, "LATENESS") && i + 1 < end)
			return rewrite_lateness(r, first, i, end, err);
	for (int i = next; i < end; i++)
		if (spk_word(r, i, "METADATA"))
			return rewrite_metadata(r, first, i, end, err);
	return SPK_OK;
}

/* Calls `each` for the parts between commas of the bracket [open, close]. */
static spk_status each_part(struct spk_rewrite *r, int open, int close, spk_status (*each)(struct spk_rewrite *, int, int, spk_error *), spk_error *err)
{
	int depth = 0, angles = 0, first = open + 1;

	for (int i = open + 1; i <= close; i++) {
		int kind = spk_kind(r, i);
		const struct spk_token *t = &r->tokens->token[i];

		if (i < close && kind == '<' && i > first)
			angles += spk_word(r, i - 1, "ARRAY") || spk_word(r, i - 1, "ROW") || spk_word(r, i - 1, "STRUCT") || spk_word(r, i - 1, "MAP") || spk_word(r, i - 1, "MULTISET");
		for (int c = t->start; angles && i < close && c < t->end && (kind == '>' || kind == PG_QUERY__TOKEN__Op); c++)
			angles -= r->tokens->text[c] == '>' && angles;
		depth += kind == '(' || kind == '[';
		if (i < close)
			depth -= kind == ')' || kind == ']';
		if (i < close && (kind != ',' || depth || angles))
			continue;
		if (first < i)
			SPK_TRY(each(r, first, i, err));
		first = i + 1;
		angles = 0;
	}
	return SPK_OK;
}

/* 'a.b' = v, a.b-c = v: keys of any form become one quoted name. */
static spk_status rewrite_option(struct spk_rewrite *r, int first, int end, spk_error *err)
{
	int equal = first;

	while (equal < end && spk_kind(r, equal) != '=')
		equal++;
	if (equal == end || equal == first)
		return SPK_OK;
	if (equal == first + 1 && equal + 2 == end && spk_word(r, first, "TYPE") && (spk_word(r, equal + 1, "'source'") || spk_word(r, equal + 1, "'sink'"))) {
		const bool later = spk_kind(r, first - 1) == ',';  /* which of the two a table is, its uses say */

		return spk_rewrite_tokens(r, later ? first - 1 : first, end + (!later && spk_kind(r, end) == ','), "", err);
	}
	if (equal == first + 1 && spk_kind(r, first) != PG_QUERY__TOKEN__SCONST)
		return SPK_OK;
	return spk_rewrite_as_name(r, first, equal, err);
}

/* Behind the name at `i` (a.b.c), before `end`. */
static int skip_name(const struct spk_rewrite *r, int i, int end)
{
	i++;
	while (i + 1 < end && spk_kind(r, i) == '.')
		i += 2;
	return SPK_MIN(i, end);
}

/* WITH (...) AS: of CREATE TABLE AS, which has no list of columns. */
static bool is_as_behind(const struct spk_rewrite *r, int with, int end)
{
	int close = spk_kind(r, with + 1) == '(' ? spk_rewrite_close(r, with + 1, end) : end;

	return close + 1 < end && spk_kind(r, close + 1) == PG_QUERY__TOKEN__AS;
}

/* `sink`: CREATE SINK, whose options may stand at its end. */
static spk_status rewrite_create_table(struct spk_rewrite *r, int i, int end, bool sink, spk_error *err)
{
	bool done = false;
	int close;

	if (spk_word(r, i, "IF") && spk_word(r, i + 1, "NOT") && spk_word(r, i + 2, "EXISTS"))
		i += 3;
	if (i >= end)
		return SPK_OK;
	i = skip_name(r, i, end);
	if (sink)
		SPK_TRY(spk_rewrite_sink(r, i, end, &done, err));
	if (done)
		return SPK_OK;
	SPK_TRY(spk_rewrite_like(r, i, end, &done, err));
	if (!done && i < end && spk_kind(r, i) == PG_QUERY__TOKEN__WITH && !is_as_behind(r, i, end))
		SPK_TRY(spk_rewrite_after(r, i - 1, " ()", err));
	if (i < end && spk_kind(r, i) == '(') {
		close = spk_rewrite_close(r, i, end);
		SPK_TRY(each_part(r, i, close, rewrite_element, err));
		i = close + 1;
	}
	if (i + 1 < end && spk_word(r, i, "COMMENT") && spk_kind(r, i + 1) == PG_QUERY__TOKEN__SCONST) {
		SPK_TRY(spk_rewrite_tokens(r, i, i + 2, "", err));
		i += 2;
	}
	if (spk_word(r, i, "DISTRIBUTED") && (spk_word(r, i + 1, "BY") || spk_word(r, i + 1, "INTO"))) {  /* how rows are laid out, which changes none of them */
		const int from = i;

		while (i < end && spk_kind(r, i) != PG_QUERY__TOKEN__WITH && !spk_word(r, i, "PARTITIONED"))
			i++;
		SPK_TRY(spk_rewrite_tokens(r, from, i, "", err));
	}
	if (i + 2 < end && spk_word(r, i, "PARTITIONED") && spk_kind(r, i + 1) == PG_QUERY__TOKEN__BY && spk_kind(r, i + 2) == '(') {
		SPK_TRY(spk_rewrite_tokens(r, i, i + 2, "PARTITION BY LIST", err));
		i = spk_rewrite_close(r, i + 2, end) + 1;
	}
	if (i + 1 < end && spk_word(r, i, "APPEND") && spk_word(r, i + 1, "ONLY")) {  /* as any table is whose format has no changes */
		SPK_TRY(spk_rewrite_tokens(r, i, i + 2, "", err));
		i += 2;
	}
	if (i + 1 < end && spk_kind(r, i) == PG_QUERY__TOKEN__WITH && spk_kind(r, i + 1) == '(') {
		close = spk_rewrite_close(r, i + 1, end);
		SPK_TRY(each_part(r, i + 1, close, rewrite_option, err));
		return close < end ? spk_rewrite_format(r, close, end, err) : SPK_OK;
	}
	return SPK_OK;
}

/* CREATE [TEMPORARY] [SYSTEM] FUNCTION name AS 'com.example.Class': no arguments are said, the class has them. */
static spk_status refuse_classes(const struct spk_rewrite *r, int function, int end, spk_error *err)
{
	int as = skip_name(r, function + 1, end);

	if (as >= end || spk_kind(r, as) != PG_QUERY__TOKEN__AS)
		return SPK_OK;
	spk_sql_fail(r->source, r->tokens->token[as].start, SPK_UNSUPPORTED, err, "a function that is a class of the JVM is not supported");
	return spk_hint(err, "A function in C says its types: CREATE FUNCTION name(text, text) RETURNS bigint LANGUAGE c AS 'library.so', 'symbol'.");
}

/* CREATE STREAM s AS SELECT ..., CREATE TABLE t AS SELECT ... EMIT CHANGES: a part of the job that has a name. */
static bool is_derived(const struct spk_rewrite *r, int i, int end)
{
	const bool emits = end >= 2 && spk_word(r, end - 2, "EMIT");

	return (spk_word(r, i, "STREAM") || (emits && spk_word(r, i, "TABLE"))) && spk_kind(r, skip_name(r, i + 1, end)) == PG_QUERY__TOKEN__AS;
}

/* Its PARTITION BY at the end says where messages go in a topic that there is not. */
static spk_status rewrite_derived(struct spk_rewrite *r, int i, int end, spk_error *err)
{
	SPK_TRY(spk_rewrite_tokens(r, i, i + 1, "MATERIALIZED VIEW", err));
	for (i++; i < end; i++) {
		if (spk_kind(r, i) == '(')
			i = spk_rewrite_close(r, i, end);
		else if (spk_kind(r, i) == PG_QUERY__TOKEN__PARTITION && spk_word(r, i + 1, "BY"))
			return spk_rewrite_tokens(r, i, spk_word(r, end - 2, "EMIT") ? end - 2 : end, "", err);
	}
	return SPK_OK;
}

/* WITH ('emit_final' = 'column') before AS of the view whose name is at token i: when results come is for SET emit and the sink to say. */
static spk_status drop_final(struct spk_rewrite *r, int i, int end, spk_error *err)
{
	i = skip_name(r, i, end);
	if (spk_kind(r, i) == '(')
		i = spk_rewrite_close(r, i, end) + 1;
	return spk_kind(r, i) == PG_QUERY__TOKEN__WITH && spk_word(r, i + 2, "'emit_final'") && spk_kind(r, i + 5) == ')' ? spk_rewrite_tokens(r, i, i + 6, "", err) : SPK_OK;
}

spk_status spk_rewrite_create(struct spk_rewrite *r, int first, int end, spk_error *err)
{
	int i = first + 1;
	bool sink;

	if (spk_word(r, i, "OR") && spk_word(r, i + 1, "REPLACE"))
		i += 2;
	if (spk_word(r, i, "LOCAL") && spk_word(r, i + 1, "VIEW"))
		SPK_TRY(spk_rewrite_tokens(r, i, i + 1, "", err));
	if (spk_word(r, i, "TEMPORARY") || spk_word(r, i, "TEMP") || spk_word(r, i, "LOCAL"))
		i++;
	if (spk_word(r, i, "FUNCTION") || spk_word(r, i + 1, "FUNCTION"))
		return refuse_classes(r, spk_word(r, i, "FUNCTION") ? i : i + 1, end, err);
	if (spk_word(r, i, "VIEW") || spk_word(r, i + 1, "VIEW"))
		SPK_TRY(drop_final(r, spk_word(r, i, "VIEW") ? i + 1 : i + 2, end, err));
	if (spk_word(r, i, "VIEW")) {
		if (!spk_word(r, i + 1, "IF") || !spk_word(r, i + 2, "NOT") || !spk_word(r, i + 3, "EXISTS") || i + 4 >= end)
			return SPK_OK;
		r->source->optional_view[r->source->optional_views++] = r->tokens->token[i + 4].start;
		return spk_rewrite_tokens(r, i + 1, i + 4, "", err);
	}
	if (is_derived(r, i, end))
		return rewrite_derived(r, i, end, err);
	sink = spk_word(r, i, "SINK");
	if (spk_word(r, i, "SOURCE") || sink || spk_word(r, i, "STREAM"))
		SPK_TRY(spk_rewrite_tokens(r, i, i + 1, spk_word(r, i + 1, "TABLE") ? "" : "TABLE", err));
	else if (!spk_word(r, i, "TABLE"))
		return SPK_OK;
	i += spk_word(r, i + 1, "TABLE") ? 2 : 1;
	return rewrite_create_table(r, i, end, sink, err);
}

/* SET 'key' = 'value', SET a.b-c = on-close, RESET 'key'. */
spk_status spk_rewrite_set(struct spk_rewrite *r, int first, int end, spk_error *err)
{
	int key = first + 1, equal = key;

	while (equal < end && spk_kind(r, equal) != '=' && spk_kind(r, equal) != PG_QUERY__TOKEN__TO)
		equal++;
	if (equal == key || spk_word(r, key, "LOCAL") || spk_word(r, key, "SESSION") || spk_word(r, key, "TIME"))
		return SPK_OK;
	if (equal == end && spk_kind(r, first) != PG_QUERY__TOKEN__RESET)
		return SPK_OK;
	if (equal > key + 1 || spk_kind(r, key) == PG_QUERY__TOKEN__SCONST)
		SPK_TRY(spk_rewrite_as_name(r, key, equal, err));
	if (equal + 2 >= end)
		return SPK_OK;
	for (int i = equal + 1; i < end; i++)
		if (spk_kind(r, i) == ',' || spk_kind(r, i) == PG_QUERY__TOKEN__SCONST || (i == equal + 1 && spk_kind(r, i) == '-'))
			return SPK_OK;
	SPK_TRY(spk_rewrite_tokens(r, equal + 1, equal + 1, "'", err));
	return spk_rewrite_after(r, end - 1, "'", err);
}
