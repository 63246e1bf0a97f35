/*
 * maxwell-json and canal-json in: changes of MySQL's binary log. Both give whole rows in `data`, and of an update what the columns that changed were in
 * `old`; Canal several rows in one message. What was is `data` with `old` over it: asked for where the key changed, or where there is no key.
 */
#include "connectors/format/changelog.h"

#include <stdio.h>

#include "core/base/check.h"
#include "connectors/connector.h"

enum { TYPE, DATA, OLD, DATABASE, TABLE, TS, ES, MEMBERS };

static const char *const metadata[SPK_MESSAGE_PARTS] = {
	[SPK_MESSAGE_INGESTED] = "value.ingestion-timestamp", [SPK_MESSAGE_SOURCE_TIME] = "value.event-timestamp",
	[SPK_MESSAGE_DATABASE] = "value.database", [SPK_MESSAGE_TABLE] = "value.table",
};

/* What a message does, by its type; NOTHING: it is about no row. */
enum act { NOTHING, GIVES, CHANGES, TAKES, TRUNCATES, UNKNOWN };

struct named_act { const char *type; enum act act; };

static const struct named_act maxwell_acts[] = {
	{ "insert", GIVES }, { "update", CHANGES }, { "delete", TAKES }, { "bootstrap-insert", GIVES }, { "bootstrap-start", NOTHING }, { "bootstrap-complete", NOTHING },
	{ "table-create", NOTHING }, { "table-alter", NOTHING }, { "database-create", NOTHING }, { "heartbeat", NOTHING },
}, canal_acts[] = {
	{ "INSERT", GIVES }, { "UPDATE", CHANGES }, { "DELETE", TAKES }, { "TRUNCATE", TRUNCATES }, { "CREATE", NOTHING }, { "ALTER", NOTHING }, { "QUERY", NOTHING },
	{ "CINDEX", NOTHING }, { "DINDEX", NOTHING }, { "RENAME", NOTHING },
};

static spk_status wrong(struct spk_json_row *r, const char *why)
{
	snprintf(r->reason, sizeof r->reason, "%s", why);
	return SPK_DATA;
}

/* --- one row --- */

/* The row as it was: of members that come twice the last counts. */
static spk_status row_before(struct spk_json_row *r, uint32_t data, uint32_t old, struct spk_arena *arena, struct spk_view *out, spk_error *err)
{
	struct spk_view now = spk_json_value_text(r, data), was = spk_json_value_text(r, old);
	const bool empty = r->text[r->at[old + 1]] == '}' || r->text[r->at[data + 1]] == '}';
	char *text = SPK_NEW_ARRAY(arena, char, (int)now.length + (int)was.length + SPK_CHUNK_PADDING);

	SPK_TRY_PTR(text, err);
	memcpy(text, spk_view_data(&now), now.length);
	if (empty) {
		*out = spk_view(text, now.length);
		return SPK_OK;
	}
	text[now.length - 1] = ',';
	memcpy(text + now.length, spk_view_data(&was) + 1, was.length - 1);
	*out = spk_view(text, now.length + was.length - 1);
	return SPK_OK;
}

/* Whether `old` has a column of the key. */
static bool key_changed(const struct spk_change_decoder *d, struct spk_json_row *r, uint32_t old)
{
	for (int k = 0; k < d->key_count; k++) {
		struct spk_json_member m = { .name = d->table->schema->field[d->table->key[k]].name };
		uint32_t end;

		if (spk_json_members(r, old, &m, 1, &end) && m.token)
			return true;
	}
	return false;
}

static spk_status add(struct spk_change_pieces *out, int message, enum spk_change_op op, int weight, struct spk_view row, const struct spk_message *about, spk_error *err)
{
	struct spk_change_piece *piece = spk_change_piece_add(out, message);

	SPK_TRY_PTR(piece, err);
	piece->op = (int16_t)op;
	piece->weight = weight;
	piece->row = row;
	piece->about = about;
	return SPK_OK;
}

static spk_status cut_row(struct spk_change_decoder *d, struct spk_json_row *r, enum act act, uint32_t data, uint32_t old, int message, const struct spk_message *about,
			  struct spk_change_pieces *out, spk_error *err)
{
	struct spk_view before;

	if (!spk_json_is_object(r, data))
		return wrong(r, "member \"data\" has no row");
	if (act == CHANGES && !spk_json_is_object(r, old))
		return wrong(r, "member \"old\" of an update has no row");
	if (act == CHANGES && (!d->key_count || key_changed(d, r, old))) {
		SPK_TRY(row_before(r, data, old, out->arena, &before, err));
		SPK_TRY(add(out, message, SPK_CHANGE_DELETE, -1, before, about, err));
	}
	if (act == TAKES)
		return add(out, message, SPK_CHANGE_DELETE, -1, spk_json_value_text(r, data), about, err);
	return add(out, message, SPK_CHANGE_UPSERT, 1, spk_json_value_text(r, data), about, err);
}

/* --- messages --- */

static int64_t scaled(struct spk_json_row *r, uint32_t token, int64_t unit_us)
{
	int64_t v;

	return spk_json_value_integer(r, token, &v) && v > INT64_MIN / unit_us && v < INT64_MAX / unit_us ? v * unit_us : SPK_CHANGE_TIME_NONE;
}

static spk_status note_message(struct spk_json_row *r, const struct spk_json_member *m, int64_t ts_unit_us, struct spk_arena *arena, const struct spk_message **out, spk_error *err)
{
	struct spk_message *about = SPK_NEW(arena, struct spk_message);

	SPK_TRY_PTR(about, err);
	about->time[SPK_MESSAGE_INGESTED] = scaled(r, m[TS].token, ts_unit_us);
	about->time[SPK_MESSAGE_SOURCE_TIME] = scaled(r, m[ES].token, 1000);
	if (m[DATABASE].token)
		about->text[SPK_MESSAGE_DATABASE] = spk_json_value_text(r, m[DATABASE].token);
	if (m[TABLE].token)
		about->text[SPK_MESSAGE_TABLE] = spk_json_value_text(r, m[TABLE].token);
	*out = about;
	return SPK_OK;
}

static spk_status read_members(struct spk_json_row *r, struct spk_json_member *m)
{
	static const char *const names[MEMBERS] = { "type", "data", "old", "database", "table", "ts", "es" };
	uint32_t end;

	for (int i = 0; i < MEMBERS; i++)
		m[i].name = names[i];
	if (!spk_json_members(r, 0, m, MEMBERS, &end))
		return SPK_DATA;
	if (end == r->count)
		return SPK_OK;
	spk_json_unexpected(r, end, "the end of the message after its object");
	return SPK_DATA;
}

/* UNKNOWN: its type is none of the list's. */
static enum act find_act(struct spk_json_row *r, uint32_t type, const struct named_act *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (spk_json_text_is(r, type, list[i].type))
			return list[i].act;
	return UNKNOWN;
}

static spk_status cut_maxwell(struct spk_change_decoder *d, struct spk_json_row *r, int message, const struct spk_chunk *chunk, int at, struct spk_change_pieces *out, spk_error *err)
{
	struct spk_json_member m[MEMBERS];
	const struct spk_message *about;
	enum act act;

	(void)chunk, (void)at;
	SPK_TRY(read_members(r, m));
	act = find_act(r, m[TYPE].token, maxwell_acts, SPK_COUNT_OF(maxwell_acts));
	if (act == NOTHING)
		return SPK_OK;
	if (act == UNKNOWN)
		return wrong(r, "member \"type\" is none of Maxwell's: insert, update, delete, bootstrap-insert, ...");
	SPK_TRY(note_message(r, m, 1000000, out->arena, &about, err));
	return cut_row(d, r, act, m[DATA].token, m[OLD].token, message, about, out, err);
}

/* The rows of a list, one after the other, with those of the other list beside them. */
static spk_status cut_list(struct spk_change_decoder *d, struct spk_json_row *r, enum act act, uint32_t data, uint32_t old, int message, const struct spk_message *about,
			   struct spk_change_pieces *out, spk_error *err)
{
	uint32_t k = data + 1, o = old + 1;

	if (!data || r->text[r->at[data]] != '[' || (act == CHANGES && (!old || r->text[r->at[old]] != '[')))
		return wrong(r, "member \"data\", or \"old\" of an update, is no list of rows");
	if (r->text[r->at[k]] == ']')
		return SPK_OK;
	for (;;) {
		if (out->count + 2 > SPK_BATCH_ROWS)
			return wrong(r, "more rows in one message than a batch has");
		SPK_TRY(cut_row(d, r, act, k, act == CHANGES ? o : 0, message, about, out, err));
		/* The whole message was checked. */
		(void)spk_json_skip(r, &k, 1);
		if (act == CHANGES)
			(void)spk_json_skip(r, &o, 1);
		if (r->text[r->at[k]] != ',')
			return SPK_OK;
		if (act == CHANGES && r->text[r->at[o]] != ',')
			return wrong(r, "member \"old\" has fewer rows than \"data\"");
		k++;
		o++;
	}
}

static spk_status cut_canal(struct spk_change_decoder *d, struct spk_json_row *r, int message, const struct spk_chunk *chunk, int at, struct spk_change_pieces *out, spk_error *err)
{
	struct spk_json_member m[MEMBERS];
	const struct spk_message *about;
	enum act act;

	(void)chunk, (void)at;
	SPK_TRY(read_members(r, m));
	act = find_act(r, m[TYPE].token, canal_acts, SPK_COUNT_OF(canal_acts));
	if (act == NOTHING)
		return SPK_OK;
	if (act == UNKNOWN)
		return wrong(r, "member \"type\" is none of Canal's: INSERT, UPDATE, DELETE, TRUNCATE, ...");
	if (act == TRUNCATES && !d->key_count)
		return wrong(r, "a TRUNCATE cannot be followed without a PRIMARY KEY: declare one");
	SPK_TRY(note_message(r, m, 1000, out->arena, &about, err));
	if (act == TRUNCATES)
		return add(out, message, SPK_CHANGE_TRUNCATE, 1, (struct spk_view){ 0 }, about, err);
	return cut_list(d, r, act, m[DATA].token, m[OLD].token, message, about, out, err);
}

/* No more than there are objects, and of each what was and what is. */
static int canal_rows(const struct spk_view *message)
{
	const char *p = spk_view_data(message), *end = p + message->length;
	int rows = 0;

	while ((p = memchr(p, '{', (size_t)(end - p))) != NULL && rows < SPK_BATCH_ROWS) {
		rows += 2;
		p++;
	}
	return SPK_MAX(rows, 1);
}

/* --- the formats --- */

static spk_status open_as(struct spk_decoder **out, const struct spk_format *format, const struct spk_format_spec *spec, spk_error *err)
{
	struct spk_change_decoder *d;

	SPK_TRY(spk_change_decoder_open(&d, format, spec, NULL, metadata, err));
	*out = &d->base;
	return SPK_OK;
}

static spk_status maxwell_open(struct spk_decoder **out, const struct spk_format_spec *spec, spk_error *err) { return open_as(out, &spk_format_maxwell_json, spec, err); }
static spk_status canal_open(struct spk_decoder **out, const struct spk_format_spec *spec, spk_error *err) { return open_as(out, &spk_format_canal_json, spec, err); }

static spk_status maxwell_decode(struct spk_decoder *base, const struct spk_chunk *chunk, int from, int n, struct spk_batch *batch, struct spk_change_rows *out, struct spk_row_errors *errors, spk_error *err)
{
	return spk_messages_decode(spk_change_decoder_of(base), cut_maxwell, chunk, from, n, batch, out, errors, err);
}

static spk_status canal_decode(struct spk_decoder *base, const struct spk_chunk *chunk, int from, int n, struct spk_batch *batch, struct spk_change_rows *out, struct spk_row_errors *errors, spk_error *err)
{
	return spk_messages_decode(spk_change_decoder_of(base), cut_canal, chunk, from, n, batch, out, errors, err);
}

#define OPTIONS(format) { \
	{ .name = format ".ignore-parse-errors", .values = "true|false", .doc = "Whether messages that cannot be read are skipped (default false: as the key bad.rows says)." }, \
	{ .name = NULL }, \
}

static const struct spk_option_spec maxwell_options[] = OPTIONS("maxwell-json"), canal_options[] = OPTIONS("canal-json");

const struct spk_format spk_format_maxwell_json = {
	.name = "maxwell-json",
	.options = maxwell_options,
	.decoder_open = maxwell_open,
	.decode_changes = maxwell_decode,
	.rows_at_most = spk_change_two_rows,
	.decoder_close = spk_change_decoder_close,
	.split = spk_split_lines,
};

const struct spk_format spk_format_canal_json = {
	.name = "canal-json",
	.options = canal_options,
	.decoder_open = canal_open,
	.decode_changes = canal_decode,
	.rows_at_most = canal_rows,
	.decoder_close = spk_change_decoder_close,
	.split = spk_split_lines,
};
