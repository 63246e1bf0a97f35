/*
 * Chunks of raw rows, and from them to batches.
 */
#include "connectors/connector.h"

#include "core/base/check.h"
#include "core/base/memory.h"
#include "core/base/utf8.h"
#include "connectors/file/file.h"
#include "connectors/format/changelog.h"
#include "connectors/format/field.h"
#include "connectors/headers.h"
#include "connectors/not_null.h"

void spk_chunk_release(struct spk_chunk *chunk)
{
	spk_arena_unref(chunk->arena);
	*chunk = (struct spk_chunk){ 0 };
}

/* --- metadata columns --- */

enum metadata { M_OFFSET, M_PARTITION, M_TIMESTAMP, M_TOPIC, M_PATH, M_NAME, M_KEY, M_NONE };

static enum metadata metadata_kind(const char *key)
{
	static const char *const names[] = { "offset", "partition", "timestamp", "topic", "file.path", "file.name", "key" };

	for (size_t i = 0; i < SPK_COUNT_OF(names); i++)
		if (!strcmp(names[i], key))
			return (enum metadata)i;
	return M_NONE;
}

static spk_status constant(struct spk_vector *v, struct spk_type type, const void *value, struct spk_arena *arena, spk_error *err)
{
	return spk_vector_init_constant(v, type, value, arena, err);
}

/* A text that belongs to the whole partition. */
static spk_status fill_text(struct spk_source *s, const struct spk_chunk *chunk, enum metadata kind, struct spk_batch *b, int column, spk_error *err)
{
	const char *name = s->type->partition_name(s, chunk->partition), *slash = strrchr(name, '/');
	struct spk_view view = spk_view_str(name);

	if (slash && kind == M_TOPIC)
		view = spk_view(name, (uint32_t)(slash - name));
	else if (slash && kind == M_NAME)
		view = spk_view_str(slash + 1);
	return constant(&b->column[column], b->schema->field[column].type, &view, b->arena, err);
}

static spk_status fill_numbers(struct spk_vector *v, struct spk_type type, const int64_t *from, int n, struct spk_arena *arena, spk_error *err)
{
	SPK_TRY(spk_vector_init(v, type, n, arena, err));
	for (int i = 0; i < n; i++) {
		if (type.id == SPK_TYPE_INTEGER)
			spk_vector_i32(v)[i] = (int32_t)from[i];
		else
			spk_vector_i64(v)[i] = from[i];
	}
	return SPK_OK;
}

/* Positions of the rows of a piece. */
static spk_status fill_places(struct spk_vector *v, struct spk_type type, const struct spk_chunk *chunk, int from, int n, struct spk_arena *arena, spk_error *err)
{
	SPK_TRY(spk_vector_init(v, type, n, arena, err));
	for (int i = 0; i < n; i++)
		spk_vector_i64(v)[i] = chunk->piece_at + spk_piece_begin(chunk->piece, from + i);
	return SPK_OK;
}

/* Keys of messages; one of no bytes is none. */
static spk_status fill_keys(struct spk_vector *v, struct spk_type type, const struct spk_view *key, int n, struct spk_arena *arena, spk_error *err)
{
	SPK_TRY(spk_vector_init(v, type, n, arena, err));
	SPK_TRY(spk_vector_need_valid(v, n, arena, err));
	for (int i = 0; i < n; i++) {
		const bool none = !key[i].length || (type.id == SPK_TYPE_TEXT && spk_utf8_valid(spk_view_data(&key[i]), key[i].length) != key[i].length);

		spk_vector_view(v)[i] = none ? spk_view("", 0) : key[i];
		if (none)
			spk_bit_clear(v->valid, i);
	}
	return SPK_OK;
}

static spk_status wrong_metadata(const struct spk_table *t, int column, const char *expected, spk_error *err)
{
	spk_fail(err, SPK_BIND, "metadata column \"%s\" of table \"%s\" cannot be had from connector '%s' with this type",
	         t->schema->field[column].name, t->name, t->connector);
	return spk_hint(err, "%s", expected);
}

static spk_status fill_metadata(struct spk_source *s, const struct spk_chunk *chunk, int from, int n, struct spk_batch *b, int column, spk_error *err)
{
	const struct spk_table *t = s->spec->table;
	int at = s->spec->column[column];
	struct spk_type type = b->schema->field[column].type;
	enum metadata kind = metadata_kind(t->metadata[at]);
	const char *name = s->type->partition_name(s, chunk->partition);
	int64_t partition = chunk->partition;
	int32_t partition32 = chunk->partition;
	bool fits, wide = type.id == SPK_TYPE_BIGINT, integer = wide || type.id == SPK_TYPE_INTEGER;

	if (!strncmp(t->metadata[at], "path.", 5))
		return spk_path_column(name, t->metadata[at] + 5, type, s->spec->conf ? spk_conf_text(s->spec->conf, SPK_CONF_TIMEZONE) : NULL, &b->column[column], b->arena, err);
	if (kind == M_OFFSET && wide && chunk->piece)
		return fill_places(&b->column[column], type, chunk, from, n, b->arena, err);
	if (kind == M_OFFSET && wide && chunk->position)
		return fill_numbers(&b->column[column], type, chunk->position + from, n, b->arena, err);
	if (kind == M_TIMESTAMP && (type.id == SPK_TYPE_TIMESTAMP || type.id == SPK_TYPE_TIMESTAMPTZ)) {
		if (!chunk->timestamp_us)
			return constant(&b->column[column], type, NULL, b->arena, err);
		return fill_numbers(&b->column[column], type, chunk->timestamp_us + from, n, b->arena, err);
	}
	if (kind == M_PARTITION && integer)
		return constant(&b->column[column], type, wide ? (const void *)&partition : &partition32, b->arena, err);
	if ((kind == M_TOPIC || kind == M_PATH || kind == M_NAME) && type.id == SPK_TYPE_TEXT)
		return fill_text(s, chunk, kind, b, column, err);
	if (kind == M_KEY && chunk->key && (type.id == SPK_TYPE_TEXT || type.id == SPK_TYPE_BYTEA))
		return fill_keys(&b->column[column], type, chunk->key + from, n, b->arena, err);
	SPK_TRY(spk_headers_fill(chunk, from, n, t->metadata[at], type, &b->column[column], b->arena, &fits, err));
	if (fits)
		return SPK_OK;
	return wrong_metadata(t, at, "there are: offset bigint, partition integer, timestamp timestamp, topic text, of messages key text or bytea, headers jsonb, headers.NAME text or bytea, file.path text, file.name text, path.KEY of any type", err);
}

/* --- decoding --- */

static spk_status set_origin(struct spk_source *s, const struct spk_chunk *chunk, int from, struct spk_batch *b, spk_error *err)
{
	struct spk_origin *o;

	if (b->origin || !chunk->position || !chunk->raw)
		return SPK_OK;
	o = SPK_NEW(b->arena, struct spk_origin);
	SPK_TRY_PTR(o, err);
	*o = (struct spk_origin){ s->spec->index, chunk->partition, chunk->position + from, chunk->raw + from };
	b->origin = o;
	return SPK_OK;
}

/* Whether values may point into the rows' bytes. */
static bool has_views(const struct spk_schema *schema)
{
	for (int i = 0; i < schema->count; i++)
		if (spk_type_is_view(schema->field[i].type))
			return true;
	return false;
}

spk_status spk_sieve_batch(const struct spk_sieve *sieve, struct spk_batch *b, spk_error *err)
{
	int32_t *sel = spk_arena_alloc(b->arena, sizeof(*sel) * (size_t)SPK_MAX(b->selected, 1));
	int n = b->selected;

	SPK_TRY_PTR(sel, err);
	for (int i = 0; i < n; i++)
		sel[i] = b->sel ? b->sel[i] : i;
	SPK_TRY(sieve->keep(sieve->user, b, sel, &n, err));
	b->sel = sel;
	b->selected = n;
	return SPK_OK;
}

/* Metadata columns that the format has not made. */
static spk_status fill_all_metadata(struct spk_source *s, const struct spk_chunk *chunk, int from, int n, struct spk_batch *b, spk_error *err)
{
	const struct spk_table *t = s->spec->table;

	for (int c = 0; t->metadata && c < s->spec->columns; c++)
		if (t->metadata[s->spec->column[c]] && !b->column[c].data)
			SPK_TRY(fill_metadata(s, chunk, from, n, b, c, err));
	return SPK_OK;
}

/* The chunk as it would be with a message for every row. */
static spk_status spread_chunk(const struct spk_chunk *chunk, int from, const struct spk_change_rows *rows, struct spk_arena *arena, struct spk_chunk *out, spk_error *err)
{
	int64_t *position = SPK_NEW_ARRAY(arena, int64_t, rows->rows + 1), *timestamp = SPK_NEW_ARRAY(arena, int64_t, rows->rows + 1);
	struct spk_view *raw = SPK_NEW_ARRAY(arena, struct spk_view, rows->rows + 1), *headers = SPK_NEW_ARRAY(arena, struct spk_view, rows->rows + 1);
	struct spk_view *key = SPK_NEW_ARRAY(arena, struct spk_view, rows->rows + 1);

	SPK_TRY_PTR(position && timestamp && raw && headers && key, err);
	*out = *chunk;
	out->headers = chunk->headers ? headers : NULL;
	out->key = chunk->key ? key : NULL;
	out->rows = rows->rows;
	out->position = chunk->position ? position : NULL;
	out->timestamp_us = chunk->timestamp_us ? timestamp : NULL;
	out->raw = raw;
	for (int i = 0; i < rows->rows; i++) {
		int m = from + rows->message[i];

		position[i] = chunk->position ? chunk->position[m] : 0;
		timestamp[i] = chunk->timestamp_us ? chunk->timestamp_us[m] : 0;
		raw[i] = chunk->raw[m];
		headers[i] = chunk->headers ? chunk->headers[m] : spk_view("", 0);
		key[i] = chunk->key ? chunk->key[m] : spk_view("", 0);
	}
	return SPK_OK;
}

static spk_status decode_changes(struct spk_source *s, struct spk_decoder *d, const struct spk_chunk *chunk, int from, int n, struct spk_row_errors *errors, struct spk_batch *b, spk_error *err)
{
	struct spk_change_rows rows = { 0 };
	struct spk_chunk spread;

	SPK_TRY(d->format->decode_changes(d, chunk, from, n, b, &rows, errors, err));
	SPK_TRY(spread_chunk(chunk, from, &rows, b->arena, &spread, err));
	SPK_TRY(set_origin(s, &spread, 0, b, err));
	SPK_TRY(fill_all_metadata(s, &spread, 0, rows.rows, b, err));
	return spk_change_columns_fill(s, chunk->partition, &rows, b, err);
}

int spk_source_fits(const struct spk_source *s, const struct spk_chunk *chunk, int from, int n)
{
	int (*at_most)(const struct spk_view *message) = s->decoder && s->decoder->format->decode_changes ? s->decoder->format->rows_at_most : NULL;
	int rows = 0, taken = 0;

	if (!at_most)
		return n;
	while (taken < n && (rows += at_most(&chunk->raw[from + taken])) <= SPK_BATCH_ROWS)
		taken++;
	return SPK_MAX(taken, 1);
}

spk_status spk_chunk_decode(struct spk_source *s, struct spk_decoder *d, const struct spk_chunk *chunk, int from, int n, const struct spk_sieve *sieve, struct spk_row_errors *errors, struct spk_batch **out, spk_error *err)
{
	const struct spk_source_spec *spec = s->spec;
	struct spk_batch *b;
	spk_status status = SPK_OK;

	SPK_TRY(spk_batch_new(&b, spec->schema, spk_memory_account("decoded input"), err));
	b->rows = b->selected = n;
	if (!chunk->piece || has_views(spec->schema))
		status = spk_arena_hold(b->arena, chunk->arena, err);
	if (status == SPK_OK && d->format->decode_changes)
		status = decode_changes(s, d, chunk, from, n, errors, b, err);
	else if (status == SPK_OK && chunk->piece)
		status = d->format->decode_piece(d, chunk->piece, from, n, b, sieve && sieve->first ? sieve : NULL, errors, err);
	else if (status == SPK_OK)
		status = d->format->decode(d, chunk->raw + from, n, b, errors, err);
	if (status == SPK_OK)
		status = spk_check_not_null(s, b, false, errors, err);
	if (status != SPK_OK) {
		spk_batch_unref(b);
		return status;
	}
	*out = b;
	return SPK_OK;
}

spk_status spk_source_decode(struct spk_source *s, const struct spk_chunk *chunk, int from, int n, struct spk_row_errors *errors, struct spk_batch **out, spk_error *err)
{
	return spk_source_decode_sieved(s, chunk, from, n, NULL, errors, out, err);
}

spk_status spk_source_decode_sieved(struct spk_source *s, const struct spk_chunk *chunk, int from, int n, const struct spk_sieve *sieve, struct spk_row_errors *errors, struct spk_batch **out, spk_error *err)
{
	struct spk_batch *b = NULL;
	spk_status status;

	SPK_ASSERT(n >= 0 && n <= SPK_BATCH_ROWS && from >= 0 && from + n <= chunk->rows, "rows of a chunk that are not there");
	if (s->type->decode)
		SPK_TRY(s->type->decode(s, chunk, from, n, sieve, errors, &b, err));
	else
		SPK_TRY(spk_chunk_decode(s, s->decoder, chunk, from, n, sieve, errors, &b, err));
	status = set_origin(s, chunk, from, b, err);
	if (status == SPK_OK)
		status = fill_all_metadata(s, chunk, from, n, b, err);
	if (status == SPK_OK)
		status = spk_check_not_null(s, b, true, errors, err);
	if (status == SPK_OK && sieve && !b->sel)
		status = spk_sieve_batch(sieve, b, err);
	if (status != SPK_OK) {
		spk_batch_unref(b);
		return status;
	}
	*out = b;
	return SPK_OK;
}

spk_status spk_source_open_format(struct spk_source *s, struct spk_view header, spk_error *err)
{
	const struct spk_source_spec *spec = s->spec;
	struct spk_format_spec f = { .table = spec->table, .column = spec->column, .columns = spec->columns, .schema = spec->schema,
	                             .conf = spec->conf, .header = header };
	const struct spk_format *format;

	SPK_TRY(spk_connector_format(spec->table, &format, err));
	if (!format || !format->decoder_open)
		return spk_fail(err, SPK_UNSUPPORTED, "table \"%s\": reading format '%s'", spec->table->name, format ? format->name : "none");
	return format->decoder_open(&s->decoder, &f, err);
}

void spk_source_close_format(struct spk_source *s)
{
	if (s->decoder)
		s->decoder->format->decoder_close(s->decoder);
	s->decoder = NULL;
}
