/*
 * What stands behind the columns of a table in the DDL of other engines:
 *   CREATE SINK s FROM v WITH (options)             CREATE TABLE s WITH (options) AS SELECT * FROM v
 *   CREATE SINK s AS SELECT ... WITH (options)      CREATE TABLE s WITH (options) AS SELECT ...
 *   WITH (options) FORMAT PLAIN ENCODE JSON         WITH (options, "format" = 'json')
 *   t (columns) [WITH (options)] LIKE u (words)     t (LIKE u INCLUDING ALL words, columns) [WITH (options)]
 */
#include "planner/sql/rewrite.h"

#include <string.h>

#include "core/base/check.h"

/* --- FORMAT ... ENCODE ... --- */

static const struct { const char *format, *encode, *name; } encodings[] = {
	{ "PLAIN", "JSON", "json" }, { "PLAIN", "CSV", "csv" }, { "PLAIN", "AVRO", "avro" }, { "PLAIN", "PROTOBUF", "protobuf" }, { "PLAIN", "BYTES", "raw" },
	{ "UPSERT", "JSON", SPK_UPSERT_JSON }, { "DEBEZIUM", "JSON", "debezium-json" }, { "MAXWELL", "JSON", "maxwell-json" }, { "CANAL", "JSON", "canal-json" },
};

/* What may stand in brackets behind ENCODE, as options of the format. `not`: of true and false the other one. */
static const struct { const char *encode, *word, *key; bool not; } encode_options[] = {
	{ "CSV", "without_header", "csv.header", true }, { "CSV", "delimiter", "csv.delimiter", false },
	{ "JSON", "force_append_only", NULL, false },  /* what would be left out makes the query one that the sink cannot take */
};

static spk_status bad_format(const struct spk_rewrite *r, int i, spk_error *err)
{
	spk_sql_fail(r->source, r->tokens->token[i].start, SPK_UNSUPPORTED, err, "this FORMAT ... ENCODE ... is not supported");
	return spk_hint(err, "Write it as options: 'format' = 'json', and changes by key as 'connector' = 'upsert-kafka'; docs/formats.md lists all."), SPK_UNSUPPORTED;
}

/* word = 'value' at token i, behind ENCODE at token `encode`; added to *out. */
static spk_status encode_option(struct spk_rewrite *r, int encode, int i, const char **out, spk_error *err)
{
	const char *value;

	for (size_t k = 0; k < SPK_COUNT_OF(encode_options) && spk_kind(r, i + 1) == '='; k++) {
		if (!spk_word(r, encode + 1, encode_options[k].encode) || !spk_word(r, i, encode_options[k].word))
			continue;
		SPK_TRY_PTR(value = spk_token_unquote(r->tokens->text, &r->tokens->token[i + 2], r->edits.arena), err);
		if (encode_options[k].not)
			value = strcmp(value, "true") == 0 ? "false" : "true";
		if (!encode_options[k].key)
			return SPK_OK;
		SPK_TRY_PTR(*out = spk_arena_printf(r->edits.arena, "%s, \"%s\" = '%s%s'", *out, encode_options[k].key, value, *value == '\'' ? "'" : ""), err);
		return SPK_OK;
	}
	return bad_format(r, i, err);
}

/* The options that FORMAT at token i says, `, "format" = 'json'`; *out stays NULL where none stands there. */
static spk_status format_option(struct spk_rewrite *r, int i, int end, bool sink, const char **out, spk_error *err)
{
	const int open = i + 4, close = open < end && spk_kind(r, open) == '(' ? spk_rewrite_close(r, open, end) : open;
	const bool brackets = close > open;

	if (!spk_word(r, i, "FORMAT") || !spk_word(r, i + 2, "ENCODE") || i + 3 >= end)
		return SPK_OK;
	for (size_t k = 0; k < SPK_COUNT_OF(encodings) && close + brackets == end; k++) {
		if (!spk_word(r, i + 1, encodings[k].format) || !spk_word(r, i + 3, encodings[k].encode))
			continue;
		SPK_TRY_PTR(*out = spk_arena_printf(r->edits.arena, ", \"format\" = '%s'", sink && strcmp(encodings[k].name, SPK_UPSERT_JSON) == 0 ? SPK_UPSERT_SINK : encodings[k].name), err);
		for (int at = open + 1; at < close; at += 4)
			SPK_TRY(encode_option(r, i + 2, at, out, err));
		return SPK_OK;
	}
	return bad_format(r, i, err);
}

spk_status spk_rewrite_format(struct spk_rewrite *r, int close, int end, spk_error *err)
{
	const char *option = NULL;

	SPK_TRY(format_option(r, close + 1, end, false, &option, err));
	if (!option)
		return SPK_OK;
	SPK_TRY(spk_rewrite_tokens(r, close, close, option, err));
	return spk_rewrite_tokens(r, close + 1, end, "", err);
}

/* --- CREATE SINK --- */

/* The options between two brackets, their keys as names. */
static spk_status options_text(struct spk_rewrite *r, int open, int close, const char *more, const char **out, spk_error *err)
{
	const char *text = " WITH (";

	for (int first = open + 1, i = first; i <= close; i++) {
		int equal = first;
		const char *key = "", *part;

		if (i < close && spk_kind(r, i) != ',')
			continue;
		for (; equal < i && spk_kind(r, equal) != '='; equal++) {
			SPK_TRY_PTR(part = spk_token_unquote(r->tokens->text, &r->tokens->token[equal], r->edits.arena), err);
			SPK_TRY_PTR(key = spk_arena_printf(r->edits.arena, "%s%s", key, part), err);
		}
		if (equal + 1 < i) {
			const int from = r->tokens->token[equal].start, until = r->tokens->token[i - 1].end;

			SPK_TRY_PTR(text = spk_arena_printf(r->edits.arena, "%s%s\"%s\" %.*s", text, first > open + 1 ? ", " : "", key, until - from, r->tokens->text + from), err);
		}
		first = i + 1;
	}
	SPK_TRY_PTR(*out = spk_arena_printf(r->edits.arena, "%s%s)", text, more ? more : ""), err);
	return SPK_OK;
}

spk_status spk_rewrite_sink(struct spk_rewrite *r, int i, int end, bool *done, spk_error *err)
{
	const bool from = spk_kind(r, i) == PG_QUERY__TOKEN__FROM;
	const char *options, *format = NULL, *text;
	int with = i, close;

	*done = from || spk_kind(r, i) == PG_QUERY__TOKEN__AS;
	for (int k = i; *done && k + 1 < end; k++) {  /* the last one that is in no bracket */
		if (spk_kind(r, k) == '(')
			k = spk_rewrite_close(r, k, end);
		else if (spk_kind(r, k) == PG_QUERY__TOKEN__WITH && spk_kind(r, k + 1) == '(')
			with = k;
	}
	*done = with > i;
	if (!*done)
		return SPK_OK;
	close = spk_rewrite_close(r, with + 1, end);
	SPK_TRY(format_option(r, close + 1, end, true, &format, err));
	SPK_TRY(options_text(r, with + 1, close, format, &options, err));
	SPK_TRY_PTR(text = spk_arena_printf(r->edits.arena, "%s AS%s", options, from ? " SELECT * FROM" : ""), err);
	SPK_TRY(spk_rewrite_tokens(r, i, i + 1, text, err));
	return spk_rewrite_tokens(r, with, end, "", err);
}

/* --- LIKE --- */

/* What the words of LIKE are called in PostgreSQL, whose own meaning nobody needs. */
static const struct { const char *word, *stands; } likes[] = {
	{ "OPTIONS", "STORAGE" }, { "WATERMARKS", "STATISTICS" }, { "METADATA", "DEFAULTS" }, { "PARTITIONS", "IDENTITY" }, { "CONSTRAINTS", "INDEXES" }, { "GENERATED", "GENERATED" }, { "ALL", "ALL" },
};

/* Behind the words of LIKE from token i on, in or without brackets; they are added to *text. */
static spk_status like_words(struct spk_rewrite *r, int i, int end, const char **text, spk_error *err)
{
	for (; i < end; i++) {
		const bool excluding = spk_word(r, i, "EXCLUDING");
		const char *found = NULL;

		if (!excluding && !spk_word(r, i, "INCLUDING") && !spk_word(r, i, "OVERWRITING"))
			continue;
		for (size_t k = 0; k < SPK_COUNT_OF(likes); k++)
			found = spk_word(r, i + 1, likes[k].word) ? likes[k].stands : found;
		if (!found) {
			spk_sql_fail(r->source, r->tokens->token[i].start, SPK_SYNTAX, err, "LIKE does not know what is to be %s", excluding ? "left out" : "taken over");
			return spk_hint(err, "It knows ALL, CONSTRAINTS, GENERATED, METADATA, OPTIONS, PARTITIONS and WATERMARKS.");
		}
		SPK_TRY_PTR(*text = spk_arena_printf(r->edits.arena, "%s %s %s", *text, excluding ? "EXCLUDING" : "INCLUDING", found), err);
	}
	return SPK_OK;
}

spk_status spk_rewrite_like(struct spk_rewrite *r, int name_end, int end, bool *done, spk_error *err)
{
	const int open = spk_kind(r, name_end) == '(' ? name_end : 0;
	int like = name_end;
	const char *text;

	/* Behind AS a LIKE is the query's. */
	for (; like < end && !spk_word(r, like, "LIKE") && spk_kind(r, like) != PG_QUERY__TOKEN__AS; like++)
		if (spk_kind(r, like) == '(')
			like = spk_rewrite_close(r, like, end);
	*done = like + 1 < end && spk_word(r, like, "LIKE");
	if (!*done)
		return SPK_OK;
	SPK_TRY_PTR(text = spk_token_unquote(r->tokens->text, &r->tokens->token[like + 1], r->edits.arena), err);
	SPK_TRY_PTR(text = spk_arena_printf(r->edits.arena, "LIKE \"%s\" INCLUDING ALL", text), err);
	SPK_TRY(like_words(r, like + 2, end, &text, err));
	SPK_TRY_PTR(text = spk_arena_printf(r->edits.arena, open ? "%s, " : " (%s)", text), err);
	SPK_TRY(open ? spk_rewrite_after(r, open, text, err) : spk_rewrite_after(r, name_end - 1, text, err));
	return spk_rewrite_tokens(r, like, end, "", err);
}
