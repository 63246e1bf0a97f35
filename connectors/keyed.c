/*
 * Messages whose key and value each have a format: rows of 'upsert-kafka', where a message without value deletes its key, and of 'kafka' tables that
 * read columns from the key. A decoder over two others, each over a table of its own columns.
 */
#include "connectors/connector.h"

#include <stdlib.h>

#include "core/base/check.h"
#include "connectors/format/changelog.h"

struct part {
	struct spk_decoder *decoder;
	const struct spk_format *format;
	struct spk_table table;           /* of the part's columns alone */
	struct spk_schema wanted;         /* those that are read */
	int *column, *to;                 /* of those: number in `table`; decoded column */
	int columns;
};

struct keyed_decoder {
	struct spk_decoder base;
	struct spk_arena *arena;
	struct part key, value;
	int *primary, primary_count;      /* decoded columns that must not be NULL */
	bool upserts;
};

/* --- opening --- */

static bool has_word(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = list; p; p = strchr(p, ';'), p = p ? p + 1 : NULL)
		if (strncmp(p, word, n) == 0 && (p[n] == ';' || p[n] == '\0'))
			return true;
	return false;
}

static bool in_key(const struct spk_table *t, int column)
{
	const char *fields = spk_format_option(t, "key.fields");

	if (fields)
		return has_word(fields, t->schema->field[column].name);
	for (int k = 0; k < t->key_count; k++)
		if (t->key[k] == column)
			return true;
	return false;
}

static bool is_physical(const struct spk_table *t, int c)
{
	return !(t->computed && t->computed[c]) && !(t->metadata && t->metadata[c]);
}

static int wanted_as(const struct spk_format_spec *spec, int column)
{
	for (int i = 0; i < spec->columns; i++)
		if (spec->column[i] == column)
			return i;
	return -1;
}

static bool belongs(const struct spk_table *t, int c, bool key)
{
	const char *include = spk_format_option(t, "value.fields-include");
	bool except = (include && strcmp(include, "EXCEPT_KEY") == 0) || spk_format_option(t, "key.fields-prefix");

	return is_physical(t, c) && (key ? in_key(t, c) : !except || !in_key(t, c));
}

/* A column's name in its part of the message. */
static spk_status part_name(const struct spk_table *t, int c, bool key, const char **out, spk_error *err)
{
	const char *prefix = key ? spk_format_option(t, "key.fields-prefix") : NULL;

	*out = t->schema->field[c].name;
	if (!prefix || !*prefix)
		return SPK_OK;
	if (strncmp(*out, prefix, strlen(prefix)) != 0 || !(*out)[strlen(prefix)]) {
		spk_fail(err, SPK_USAGE, "table \"%s\": key column \"%s\" does not begin with 'key.fields-prefix' = '%s'", t->name, *out, prefix);
		return spk_hint(err, "The prefix tells the table's key columns from those of the value; in the message they have none.");
	}
	*out += strlen(prefix);
	return SPK_OK;
}

/* The table of a part's columns alone; from[n]: which column of the whole table its n-th is. */
static spk_status part_table(const struct spk_table *t, bool key, struct spk_arena *arena, struct spk_table *out, int *from, spk_error *err)
{
	struct spk_schema *schema = SPK_NEW(arena, struct spk_schema);

	SPK_TRY_PTR(schema, err);
	schema->field = SPK_NEW_ARRAY(arena, struct spk_field, t->schema->count + 1);
	SPK_TRY_PTR(schema->field, err);
	for (int c = 0; c < t->schema->count; c++) {
		if (!belongs(t, c, key))
			continue;
		schema->field[schema->count] = t->schema->field[c];
		SPK_TRY(part_name(t, c, key, &schema->field[schema->count].name, err));
		from[schema->count++] = c;
	}
	*out = *t;
	out->schema = schema;
	out->computed = NULL;
	out->metadata = NULL;
	out->key_count = 0;
	return SPK_OK;
}

spk_status spk_keyed_check_value(const struct spk_table *t, const struct spk_format *format, const struct spk_conf *conf, spk_error *err)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	int *from = arena ? SPK_NEW_ARRAY(arena, int, t->schema->count + 1) : NULL;
	struct spk_table value;
	spk_status status = from ? SPK_OK : spk_fail_memory(err);

	if (status == SPK_OK)
		status = part_table(t, false, arena, &value, from, err);
	if (status == SPK_OK)
		status = format->check(&value, conf, err);
	spk_arena_unref(arena);
	return status;
}

static spk_status open_part(struct keyed_decoder *d, struct part *p, const struct spk_format_spec *spec, bool key, spk_error *err)
{
	const struct spk_table *t = spec->table;
	struct spk_format_spec f = *spec;
	int *from = SPK_NEW_ARRAY(d->arena, int, t->schema->count + 1);

	SPK_TRY_PTR(from, err);
	SPK_TRY(part_table(t, key, d->arena, &p->table, from, err));
	p->wanted.field = SPK_NEW_ARRAY(d->arena, struct spk_field, t->schema->count + 1);
	p->column = SPK_NEW_ARRAY(d->arena, int, t->schema->count + 1);
	p->to = SPK_NEW_ARRAY(d->arena, int, t->schema->count + 1);
	SPK_TRY_PTR(p->wanted.field && p->column && p->to, err);
	for (int n = 0; n < p->table.schema->count; n++) {
		const int as = wanted_as(spec, from[n]);

		/* What is in both comes from the key. */
		if (as < 0 || (!key && in_key(t, from[n])))
			continue;
		p->wanted.field[p->columns] = p->table.schema->field[n];
		p->column[p->columns] = n;
		p->to[p->columns++] = as;
	}
	p->wanted.count = p->columns;
	f.key = key;
	f.table = &p->table;
	f.column = p->column;
	f.columns = p->columns;
	f.schema = &p->wanted;
	if (!p->format->decoder_open || !p->format->decode || p->format->decode_changes)
		return spk_fail(err, SPK_UNSUPPORTED, "table \"%s\": reading %ss of format '%s'", t->name, key ? "key" : "value", p->format->name);
	return p->format->decoder_open(&p->decoder, &f, err);
}

static spk_status find_formats(struct keyed_decoder *d, const struct spk_table *t, spk_error *err)
{
	const char *name = spk_format_option(t, "key.format");

	SPK_TRY(spk_connector_format(t, &d->value.format, err));
	d->key.format = name ? spk_format(name) : d->value.format;
	if (d->value.format && d->key.format)
		return SPK_OK;
	return spk_fail(err, SPK_USAGE, "table \"%s\": unknown 'key.format' = '%s'; there are: %s", t->name, name ? name : "", spk_format_names());
}

static spk_status find_primary(struct keyed_decoder *d, const struct spk_format_spec *spec, spk_error *err)
{
	const struct spk_table *t = spec->table;

	d->primary = SPK_NEW_ARRAY(d->arena, int, t->key_count + 1);
	SPK_TRY_PTR(d->primary, err);
	for (int k = 0; k < t->key_count && d->upserts; k++)
		d->primary[d->primary_count++] = wanted_as(spec, t->key[k]);
	return SPK_OK;
}

static void keyed_close(struct spk_decoder *base)
{
	struct keyed_decoder *d = spk_container_of(base, struct keyed_decoder, base);

	if (d->key.decoder)
		d->key.decoder->format->decoder_close(d->key.decoder);
	if (d->value.decoder)
		d->value.decoder->format->decoder_close(d->value.decoder);
	spk_arena_unref(d->arena);
}

extern const struct spk_format spk_format_keyed;

spk_status spk_keyed_decoder_open(struct spk_decoder **out, const struct spk_format_spec *spec, spk_error *err)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	struct keyed_decoder *d = arena ? SPK_NEW(arena, struct keyed_decoder) : NULL;
	spk_status status = d ? SPK_OK : spk_fail_memory(err);

	if (status != SPK_OK) {
		spk_arena_unref(arena);
		return status;
	}
	*d = (struct keyed_decoder){ .base = { .format = &spk_format_keyed, .keys = true }, .arena = arena, .upserts = spk_table_changes(spec->table) == SPK_CHANGES_BY_KEY };
	status = find_formats(d, spec->table, err);
	if (status == SPK_OK)
		status = find_primary(d, spec, err);
	if (status == SPK_OK)
		status = open_part(d, &d->key, spec, true, err);
	if (status == SPK_OK)
		status = open_part(d, &d->value, spec, false, err);
	if (status == SPK_OK)
		*out = &d->base;
	else
		keyed_close(&d->base);
	return status;
}

/* --- decoding --- */

/* Messages that are there, as rows of a part. message[i]: which the i-th is. */
struct some { struct spk_view *raw; int32_t *message; int n; };

static spk_status take_some(const struct spk_chunk *chunk, int from, int n, bool key, struct spk_arena *arena, struct some *out, spk_error *err)
{
	/* Short ones lie in their views: something readable must follow the last. */
	out->raw = SPK_NEW_ARRAY(arena, struct spk_view, n + SPK_CHUNK_PADDING / (int)sizeof *out->raw);
	out->message = SPK_NEW_ARRAY(arena, int32_t, n + 1);
	SPK_TRY_PTR(out->raw && out->message, err);
	for (int i = 0; i < n; i++) {
		if (!key && chunk->no_value && chunk->no_value[from + i])
			continue;
		out->raw[out->n] = key ? chunk->key[from + i] : chunk->raw[from + i];
		out->message[out->n++] = i;
	}
	return SPK_OK;
}

static spk_status report(struct spk_batch *batch, int row, const char *reason, struct spk_row_errors *errors, spk_error *err)
{
	struct spk_batch bare = *batch;

	bare.columns = 0;
	return spk_field_row_failed(&bare, row, reason, errors, err);
}

/* The part's columns into the batch; rows that have none of it get what stands in another row: nobody looks. */
static spk_status spread(const struct part *p, const struct spk_batch *part, const struct some *some, int n, struct spk_batch *batch, spk_error *err)
{
	uint32_t *index = NULL;

	if (some->n < n) {
		index = SPK_NEW_ARRAY(batch->arena, uint32_t, n + 1);
		SPK_TRY_PTR(index, err);
		for (int i = 0; i < some->n; i++)
			index[some->message[i]] = (uint32_t)i;
	}
	for (int c = 0; c < p->columns; c++) {
		struct spk_vector *v = &batch->column[p->to[c]], *flat;

		if (!index) {
			*v = part->column[c];
		} else if (some->n == 0) {
			SPK_TRY(spk_vector_init_constant(v, p->wanted.field[c].type, NULL, batch->arena, err));
		} else {
			flat = SPK_NEW(batch->arena, struct spk_vector);
			SPK_TRY_PTR(flat, err);
			SPK_TRY(spk_vector_flatten(&part->column[c], some->n, batch->arena, flat, err));
			*v = (struct spk_vector){ .type = flat->type, .layout = SPK_DICTIONARY, .index = index, .dictionary = flat };
		}
	}
	return SPK_OK;
}

static spk_status decode_part(struct part *p, const struct spk_chunk *chunk, int from, int n, bool key, struct spk_batch *batch, struct spk_row_errors *errors, spk_error *err)
{
	struct spk_batch part = *batch;
	struct spk_row_errors own = { 0 };
	struct some some = { 0 };

	SPK_TRY(take_some(chunk, from, n, key, batch->arena, &some, err));
	part.schema = &p->wanted;
	part.columns = p->columns;
	part.column = SPK_NEW_ARRAY(batch->arena, struct spk_vector, p->columns + 1);
	SPK_TRY_PTR(part.column, err);
	if (some.n)
		SPK_TRY(p->decoder->format->decode(p->decoder, some.raw, some.n, &part, errors ? &own : NULL, err));
	for (int i = 0; i < own.count; i++)
		SPK_TRY(report(batch, some.message[own.list[i].row], own.list[i].message, errors, err));
	return spread(p, &part, &some, n, batch, err);
}

static bool failed(const struct spk_row_errors *errors, int row)
{
	for (int i = 0; errors && i < errors->count; i++)
		if (errors->list[i].row == row)
			return true;
	return false;
}

/* A message without a key, or with a part of it missing, says nothing of any row. */
static spk_status check_primary(const struct keyed_decoder *d, struct spk_batch *batch, struct spk_row_errors *errors, spk_error *err)
{
	for (int k = 0; k < d->primary_count; k++)
		for (int i = 0; i < batch->rows; i++)
			if (spk_vector_is_null(&batch->column[d->primary[k]], i) && !failed(errors, i))
				SPK_TRY(report(batch, i, "the message's key lacks a column of the PRIMARY KEY, or has null there", errors, err));
	return SPK_OK;
}

/* Where rows are only added a message without value is no row: its columns of the value would be another's (spread). */
static spk_status check_values(const struct keyed_decoder *d, const struct spk_chunk *chunk, int from, struct spk_batch *batch, struct spk_row_errors *errors, spk_error *err)
{
	if (d->upserts || !chunk->no_value || !d->value.table.schema->count)
		return SPK_OK;
	for (int i = 0; i < batch->rows; i++)
		if (chunk->no_value[from + i] && !failed(errors, i))
			SPK_TRY(report(batch, i, "the message has no value, which only 'upsert-kafka' takes: as a deletion of its key", errors, err));
	return SPK_OK;
}

static spk_status keyed_decode(struct spk_decoder *base, const struct spk_chunk *chunk, int from, int n, struct spk_batch *batch, struct spk_change_rows *out, struct spk_row_errors *errors, spk_error *err)
{
	struct keyed_decoder *d = spk_container_of(base, struct keyed_decoder, base);

	SPK_ASSERT(chunk->key, "a source of keyed messages gives their keys");
	batch->rows = batch->selected = n;
	out->rows = n;
	out->message = SPK_NEW_ARRAY(batch->arena, int32_t, n + 1);
	out->op = d->upserts ? SPK_NEW_ARRAY(batch->arena, int16_t, n + 1) : NULL;
	out->commit = SPK_NEW_ARRAY(batch->arena, int64_t, n + 1);
	out->own = SPK_NEW_ARRAY(batch->arena, int64_t, n + 1);
	SPK_TRY_PTR(out->message && out->commit && out->own && (out->op || !d->upserts), err);
	for (int i = 0; i < n; i++) {
		out->message[i] = i;
		out->commit[i] = out->own[i] = SPK_CHANGE_TIME_NONE;
		if (out->op)
			out->op[i] = chunk->no_value && chunk->no_value[from + i] ? SPK_CHANGE_DELETE : SPK_CHANGE_UPSERT;
	}
	SPK_TRY(decode_part(&d->key, chunk, from, n, true, batch, errors, err));
	SPK_TRY(decode_part(&d->value, chunk, from, n, false, batch, errors, err));
	SPK_TRY(check_values(d, chunk, from, batch, errors, err));
	return check_primary(d, batch, errors, err);
}

const struct spk_format spk_format_keyed = { .name = "key and value", .decode_changes = keyed_decode, .decoder_close = keyed_close };
