/*
 * The format 'raw': a row's bytes are the value of its one column. Text, bytea and documents as they stand, as a file one value a line; in messages also a
 * boolean or a number, as as many bytes as it takes, where no bytes at all are NULL.
 */
#include "connectors/format/json.h"

#include <stdlib.h>

#include "core/base/check.h"
#include "connectors/connector.h"

static const struct spk_option_spec options[] = {
	{ "raw.charset", false, false, "UTF-8", "text is UTF-8; what is not can be read as bytea" },
	{ "raw.endianness", false, false, "big-endian|little-endian", "Order of a number's bytes (default big-endian)." },
	{ 0 },
};

struct raw_decoder { struct spk_decoder base; int column; struct spk_type type; bool swap; struct spk_field_rules rules; };  /* column: in the batch; -1: not read */
struct raw_encoder { struct spk_encoder base; struct spk_type type; bool swap; };

static bool is_number(struct spk_type type)
{
	return type.id == SPK_TYPE_BOOLEAN || spk_type_is_integer(type) || type.id == SPK_TYPE_REAL || type.id == SPK_TYPE_DOUBLE;
}

static bool is_message(const struct spk_table *t)
{
	return !strcmp(t->connector, "kafka") || !strcmp(t->connector, "upsert-kafka");
}

static spk_status check_type(const struct spk_table *t, struct spk_type type, const char *does, spk_error *err)
{
	if (type.id == SPK_TYPE_TEXT || type.id == SPK_TYPE_BYTEA || spk_type_is_json(type) || (is_number(type) && is_message(t)))
		return SPK_OK;
	spk_fail(err, SPK_USAGE, "table \"%s\": format 'raw' %s one column of type text, bytea, json or jsonb", t->name, does);
	return spk_hint(err, is_number(type) ? "numbers are for messages: connectors 'kafka' and 'upsert-kafka'" : "of a message also boolean, smallint, integer, bigint, real or double precision");
}

static bool swapped(const struct spk_format_spec *spec)
{
	const char *order = spk_format_spec_option(spec, "raw.endianness");

	return !order || !strcmp(order, "big-endian");
}

static void put_number(const char *from, size_t width, bool swap, char *to)
{
	for (size_t i = 0; i < width; i++)
		to[i] = from[swap ? width - 1 - i : i];
}

/* --- reading --- */

/* The one physical column. */
static spk_status the_column(const struct spk_table *t, int *column, spk_error *err)
{
	int found = 0;

	for (int i = 0; i < t->schema->count; i++) {
		if ((t->computed && t->computed[i]) || (t->metadata && t->metadata[i]))
			continue;
		*column = i;
		found++;
	}
	if (found == 1)
		return check_type(t, t->schema->field[*column].type, "needs", err);
	spk_fail(err, SPK_USAGE, "table \"%s\": format 'raw' needs one column of type text, bytea, json or jsonb", t->name);
	return spk_hint(err, "It has %d. Of those beside it what is computed or metadata does not count.", found), SPK_USAGE;
}

static spk_status check(const struct spk_table *table, const struct spk_conf *conf, spk_error *err)
{
	int column;

	(void)conf;
	return the_column(table, &column, err);
}

static spk_status raw_decoder_open(struct spk_decoder **out, const struct spk_format_spec *spec, spk_error *err)
{
	struct raw_decoder *d;
	int column = 0, at = -1;

	SPK_TRY(the_column(spec->table, &column, err));
	for (int i = 0; i < spec->columns; i++)
		if (spec->column[i] == column)
			at = i;
	d = calloc(1, sizeof(*d));
	SPK_TRY_PTR(d, err);
	*d = (struct raw_decoder){ { .format = &spk_format_raw }, at, spec->table->schema->field[column].type, swapped(spec), spk_field_rules(spec->conf) };
	*out = &d->base;
	return SPK_OK;
}

/* NULL, or what is wrong with the bytes. */
static const char *take_number(const struct raw_decoder *d, const struct spk_view *raw, void *out)
{
	size_t width = (size_t)spk_type_width(d->type);

	if (raw->length != width)
		return "the value has another number of bytes than its type";
	put_number(spk_view_data(raw), width, d->swap, out);
	if (d->type.id == SPK_TYPE_BOOLEAN)
		*(uint8_t *)out = *(uint8_t *)out != 0;
	return NULL;
}

/* The column's texts become documents. */
static spk_status make_documents(const struct raw_decoder *d, struct spk_batch *batch, struct spk_row_errors *errors, spk_error *err)
{
	bool *skip = spk_arena_alloc(batch->arena, sizeof *skip * (size_t)batch->columns);

	SPK_TRY_PTR(skip, err);
	for (int i = 0; i < batch->columns; i++)
		skip[i] = i != d->column;
	return spk_field_finish(batch, skip, true, &d->rules, errors, err);
}

static spk_status raw_decode(struct spk_decoder *base, const struct spk_view *raw, int n, struct spk_batch *batch, struct spk_row_errors *errors, spk_error *err)
{
	struct raw_decoder *d = spk_container_of(base, struct raw_decoder, base);
	size_t width = (size_t)spk_type_width(d->type);
	struct spk_vector *v;

	batch->rows = batch->selected = n;
	if (d->column < 0)
		return SPK_OK;
	v = &batch->column[d->column];
	SPK_TRY(spk_vector_init(v, d->type, n, batch->arena, err));
	for (int i = 0; i < n; i++) {
		const char *why = NULL;

		if (!is_number(d->type) && d->type.id != SPK_TYPE_BYTEA && !spk_simdjson_is_text(spk_view_data(&raw[i]), raw[i].length))
			why = "the value is not UTF-8 text";
		else if (!is_number(d->type))
			spk_vector_view(v)[i] = raw[i];
		else if (raw[i].length == 0)
			SPK_TRY(spk_field_null(v, i, n, batch->arena, err));
		else
			why = take_number(d, &raw[i], (char *)v->data + (size_t)i * width);
		if (why)
			SPK_TRY(spk_field_row_failed(batch, i, why, errors, err));
	}
	return spk_type_is_json(d->type) ? make_documents(d, batch, errors, err) : SPK_OK;
}

static void raw_decoder_close(struct spk_decoder *base)
{
	if (base)
		free(spk_container_of(base, struct raw_decoder, base));
}

/* --- writing --- */

/* The one column to write: the table's, or its key. */
static spk_status raw_encoder_open(struct spk_encoder **out, const struct spk_format_spec *spec, spk_error *err)
{
	struct raw_encoder *e;

	if (spec->columns != 1)
		return spk_fail(err, SPK_USAGE, "table \"%s\": format 'raw' writes one column of type text, bytea, json or jsonb", spec->table->name);
	SPK_TRY(check_type(spec->table, spec->schema->field[0].type, "writes", err));
	e = calloc(1, sizeof(*e));
	SPK_TRY_PTR(e, err);
	*e = (struct raw_encoder){ { &spk_format_raw }, spec->schema->field[0].type, swapped(spec) };
	*out = &e->base;
	return SPK_OK;
}

/* A NULL is written as nothing. */
static spk_status raw_encode(struct spk_encoder *base, const struct spk_batch *batch, struct spk_buffer *out, uint32_t *end, spk_error *err)
{
	const struct raw_encoder *e = spk_container_of(base, struct raw_encoder, base);
	struct spk_reader r = spk_vector_reader(&batch->column[0]);
	size_t width = (size_t)spk_type_width(e->type);

	SPK_EACH_ROW(batch, i, row) {
		uint32_t slot = spk_reader_slot(&r, row);
		const struct spk_view *v = (const struct spk_view *)r.data + slot;

		if (spk_reader_valid(&r, slot) && is_number(e->type)) {
			SPK_TRY(spk_buffer_reserve(out, width, err));
			put_number((const char *)r.data + slot * width, width, e->swap, out->data + out->size);
			out->size += width;
		} else if (spk_reader_valid(&r, slot)) {
			SPK_TRY(spk_buffer_append(out, spk_view_data(v), v->length, err));
		}
		end[i] = (uint32_t)out->size;
	}
	return SPK_OK;
}

static void raw_encoder_close(struct spk_encoder *base)
{
	free(spk_container_of(base, struct raw_encoder, base));
}

const struct spk_format spk_format_raw = {
	.name = "raw",
	.options = options,
	.check = check,
	.key_options = true,
	.decoder_open = raw_decoder_open,
	.decode = raw_decode,
	.decoder_close = raw_decoder_close,
	.split = spk_split_lines,
	.encoder_open = raw_encoder_open,
	.encode = raw_encode,
	.encoder_close = raw_encoder_close,
};
