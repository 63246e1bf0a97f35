/*
 * debezium-json in: envelopes {"before", "after", "source", "op", ...}, bare or as {"schema", "payload"}, and rows as ExtractNewRecordState flattens
 * them (with __deleted or __op). What it is shows in the members.
 *
 * With a PRIMARY KEY rows go by it and `before` is asked for the key alone: what else it has is filler unless the table has REPLICA IDENTITY FULL,
 * and nothing in the message says so. Without a key the row before is all there is, and taken for what it says.
 */
#include "connectors/format/debezium.h"

#include <stdio.h>

#include "core/base/check.h"
#include "connectors/connector.h"

enum { OP, BEFORE, AFTER, SOURCE, TS_MS, SCHEMA, PAYLOAD, FLAT_DELETED, FLAT_OP, MEMBERS };
enum { SNAPSHOT, SEQUENCE, SOURCE_TS, SOURCE_DB, SOURCE_SCHEMA, SOURCE_TABLE, SOURCE_MEMBERS };

static const char *const metadata[SPK_MESSAGE_PARTS] = {
	[SPK_MESSAGE_INGESTED] = "value.ingestion-timestamp", [SPK_MESSAGE_SOURCE_TIME] = "value.source.timestamp", [SPK_MESSAGE_DATABASE] = "value.source.database",
	[SPK_MESSAGE_SCHEMA] = "value.source.schema", [SPK_MESSAGE_TABLE] = "value.source.table", [SPK_MESSAGE_SOURCE] = "value.source.properties",
};

static spk_status wrong(struct spk_json_row *r, const char *why)
{
	snprintf(r->reason, sizeof r->reason, "%s", why);
	return SPK_DATA;
}

/* --- when it happened --- */

/* One of the two numbers of ["123","456"], whose quotes may be escaped; false: null. */
static bool take_number(const char **at, const char *end, int64_t *out)
{
	const char *start;

	while (*at < end && (**at < '0' || **at > '9') && **at != ',')
		++*at;
	start = *at;
	while (*at < end && **at >= '0' && **at <= '9')
		++*at;
	return spk_field_integer(start, (size_t)(*at - start), out);
}

/* The place in the database's log: the last commit before it and its own. The first may be null: nothing was committed since the connector started. */
static void read_sequence(const struct spk_view *text, struct spk_change_piece *piece)
{
	const char *at = spk_view_data(text), *end = at + text->length;
	int64_t commit = 0, own = 0;
	bool has_commit = take_number(&at, end, &commit);

	while (at < end && *at != ',')
		at++;
	if (at == end || (at++, !take_number(&at, end, &own)))
		return;
	piece->own = own;
	piece->commit = has_commit ? commit : own;
}

static int64_t milliseconds(struct spk_json_row *r, uint32_t token)
{
	int64_t ms;

	return spk_json_value_integer(r, token, &ms) && ms > INT64_MIN / 1000 && ms < INT64_MAX / 1000 ? ms * 1000 : SPK_CHANGE_TIME_NONE;
}

/* --- envelopes --- */

struct envelope {
	struct spk_json_member member[MEMBERS], source[SOURCE_MEMBERS];
	const struct spk_message *about;
};

static bool read_source(struct spk_json_row *r, struct envelope *e)
{
	static const char *const names[SOURCE_MEMBERS] = { "snapshot", "sequence", "ts_ms", "db", "schema", "table" };
	uint32_t end;

	for (int i = 0; i < SOURCE_MEMBERS; i++)
		e->source[i] = (struct spk_json_member){ .name = names[i] };
	if (!spk_json_is_object(r, e->member[SOURCE].token))
		return true;
	return spk_json_members(r, e->member[SOURCE].token, e->source, SOURCE_MEMBERS, &end);
}

static spk_status note_message(const struct spk_change_decoder *d, struct spk_json_row *r, struct envelope *e, struct spk_arena *arena, spk_error *err)
{
	struct spk_message *m;
	bool wanted = false;

	for (int c = 0; c < d->columns; c++)
		wanted = wanted || d->part[c] >= 0;
	if (!wanted)
		return SPK_OK;
	m = SPK_NEW(arena, struct spk_message);
	SPK_TRY_PTR(m, err);
	m->time[SPK_MESSAGE_INGESTED] = milliseconds(r, e->member[TS_MS].token);
	m->time[SPK_MESSAGE_SOURCE_TIME] = milliseconds(r, e->source[SOURCE_TS].token);
	for (int i = 0; i < 3; i++)
		if (e->source[SOURCE_DB + i].token)
			m->text[SPK_MESSAGE_DATABASE + i] = spk_json_value_text(r, e->source[SOURCE_DB + i].token);
	if (e->member[SOURCE].token)
		m->text[SPK_MESSAGE_SOURCE] = spk_json_value_text(r, e->member[SOURCE].token);
	e->about = m;
	return SPK_OK;
}

/* `row`: token of the row's object. */
static spk_status add_piece(struct spk_json_row *r, const struct envelope *e, uint32_t row, enum spk_change_op op, int weight, int message, struct spk_change_pieces *out, spk_error *err)
{
	struct spk_change_piece *piece = spk_change_piece_add(out, message);
	struct spk_view sequence;

	SPK_TRY_PTR(piece, err);
	piece->op = (int16_t)op;
	piece->weight = weight;
	piece->about = e->about;
	if (row)
		piece->row = spk_json_value_text(r, row);
	if (!e->source[SEQUENCE].token)
		return SPK_OK;
	sequence = spk_json_value_text(r, e->source[SEQUENCE].token);
	read_sequence(&sequence, piece);
	return SPK_OK;
}

static spk_status cut_by_key(struct spk_json_row *r, const struct envelope *e, char op, int message, const struct spk_view *other, struct spk_change_pieces *out, spk_error *err)
{
	/* Read again while the table changes: its place in the log is that of the reading, not of the row. */
	bool incremental = spk_json_text_is(r, e->source[SNAPSHOT].token, "incremental");
	enum spk_change_op kind = op == 't' ? SPK_CHANGE_TRUNCATE : op == 'd' ? SPK_CHANGE_DELETE : op == 'r' && !incremental ? SPK_CHANGE_SNAPSHOT : SPK_CHANGE_UPSERT;
	uint32_t row = kind == SPK_CHANGE_TRUNCATE ? 0 : e->member[kind == SPK_CHANGE_DELETE ? BEFORE : AFTER].token;

	if (kind != SPK_CHANGE_TRUNCATE && !spk_json_is_object(r, row))
		return wrong(r, kind == SPK_CHANGE_DELETE ? "member \"before\" of a deletion is no object, so that its key is not known" : "member \"after\" is no object");
	SPK_TRY(add_piece(r, e, row, kind, 1, message, out, err));
	if (other)
		out->piece[out->count - 1].other = *other;
	if (op == 'r' && incremental)
		out->piece[out->count - 1].commit = out->piece[out->count - 1].own = SPK_CHANGE_TIME_NONE;
	return SPK_OK;
}

static spk_status cut_weighted(struct spk_json_row *r, const struct envelope *e, char op, int message, struct spk_change_pieces *out, spk_error *err)
{
	const bool takes = op == 'u' || op == 'd', gives = op != 'd';

	if (op == 't')
		return wrong(r, "a TRUNCATE cannot be followed without a PRIMARY KEY: declare one, or leave truncates out at the connector (skipped.operations = t)");
	if (takes && !spk_json_is_object(r, e->member[BEFORE].token))
		return wrong(r, "member \"before\" is no object: without a PRIMARY KEY changes need the whole row before (REPLICA IDENTITY FULL)");
	if (gives && !spk_json_is_object(r, e->member[AFTER].token))
		return wrong(r, "member \"after\" is no object");
	if (takes)
		SPK_TRY(add_piece(r, e, e->member[BEFORE].token, SPK_CHANGE_DELETE, -1, message, out, err));
	return gives ? add_piece(r, e, e->member[AFTER].token, SPK_CHANGE_UPSERT, 1, message, out, err) : SPK_OK;
}

static spk_status cut_envelope(struct spk_change_decoder *d, struct spk_json_row *r, struct envelope *e, int message, const struct spk_view *other, struct spk_change_pieces *out, spk_error *err)
{
	struct spk_view op = spk_json_value_text(r, e->member[OP].token);
	char kind = op.length == 1 ? spk_view_data(&op)[0] : '\0';

	if (kind == 'm')
		return SPK_OK;
	if (!kind || !strchr("rcudt", kind))
		return wrong(r, "member \"op\" is none of r, c, u, d, t, m");
	if (!read_source(r, e))
		return SPK_DATA;
	SPK_TRY(note_message(d, r, e, out->arena, err));
	return d->key_count ? cut_by_key(r, e, kind, message, other, out, err) : cut_weighted(r, e, kind, message, out, err);
}

/* --- flat rows --- */

static spk_status cut_flat(struct spk_change_decoder *d, struct spk_json_row *r, struct envelope *e, uint32_t at, int message, const struct spk_view *other, struct spk_change_pieces *out, spk_error *err)
{
	const bool deleted = spk_json_text_is(r, e->member[FLAT_DELETED].token, "true") || spk_json_text_is(r, e->member[FLAT_OP].token, "d");
	struct spk_change_piece *piece;

	if (!d->key_count)
		return wrong(r, "a flattened row does not say what it replaces: declare the table's PRIMARY KEY, or send whole envelopes");
	SPK_TRY(add_piece(r, e, 0, deleted ? SPK_CHANGE_DELETE : spk_json_text_is(r, e->member[FLAT_OP].token, "r") ? SPK_CHANGE_SNAPSHOT : SPK_CHANGE_UPSERT, 1, message, out, err));
	piece = &out->piece[out->count - 1];
	piece->row = spk_json_value_text(r, at);
	if (other)
		piece->other = *other;
	return SPK_OK;
}

/* --- one message --- */

static spk_status cut_message(struct spk_change_decoder *d, struct spk_json_row *r, int message, const struct spk_chunk *chunk, int at, struct spk_change_pieces *out, spk_error *err)
{
	static const char *const names[MEMBERS] = { "op", "before", "after", "source", "ts_ms", "schema", "payload", "__deleted", "__op" };
	const struct spk_view *other = d->base.other_keys && chunk->other_key && chunk->other_key[at].length ? &chunk->other_key[at] : NULL;
	struct envelope e = { .about = NULL };
	uint32_t token = 0, end;

	for (int i = 0; i < MEMBERS; i++)
		e.member[i].name = names[i];
	if (!spk_json_members(r, 0, e.member, MEMBERS, &end))
		return SPK_DATA;
	if (end != r->count) {
		spk_json_unexpected(r, end, "the end of the message after its object");
		return SPK_DATA;
	}
	if (!e.member[OP].token && spk_json_is_object(r, e.member[SCHEMA].token)) {
		token = e.member[PAYLOAD].token;
		if (!token)
			return SPK_OK;
		if (!spk_json_members(r, token, e.member, MEMBERS, &end))
			return SPK_DATA;
	}
	if (e.member[FLAT_DELETED].token || e.member[FLAT_OP].token)
		return cut_flat(d, r, &e, token, message, other, out, err);
	if (e.member[OP].token)
		return cut_envelope(d, r, &e, message, other, out, err);
	return wrong(r, "neither an envelope (members \"op\", \"after\") nor a flattened row (\"__deleted\" or \"__op\")");
}

/* --- the format --- */

spk_status spk_debezium_decoder_open(struct spk_decoder **out, const struct spk_format_spec *spec, spk_error *err)
{
	struct spk_change_decoder *d;
	struct spk_json_dialect *dialect;

	SPK_TRY(spk_debezium_dialect_new(&dialect, spec, err));
	if (spk_change_decoder_open(&d, &spk_format_debezium_json, spec, dialect, metadata, err) != SPK_OK) {
		spk_debezium_dialect_free(dialect);
		return err ? err->code : SPK_BIND;
	}
	d->user = dialect;
	d->base.other_keys = spk_table_carries(spec->table);
	*out = &d->base;
	return SPK_OK;
}

void spk_debezium_decoder_close(struct spk_decoder *base)
{
	struct spk_json_dialect *dialect = base ? spk_change_decoder_of(base)->user : NULL;

	spk_change_decoder_close(base);
	spk_debezium_dialect_free(dialect);
}

spk_status spk_debezium_decode(struct spk_decoder *base, const struct spk_chunk *chunk, int from, int n, struct spk_batch *batch, struct spk_change_rows *out, struct spk_row_errors *errors, spk_error *err)
{
	return spk_messages_decode(spk_change_decoder_of(base), cut_message, chunk, from, n, batch, out, errors, err);
}
