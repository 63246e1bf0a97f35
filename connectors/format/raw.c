/*
 * The format 'raw': a row's bytes are the value of its one column, text or bytea. As a file: one value a line.
 */
#include "connectors/format/json.h"

#include <stdlib.h>


#include "core/base/check.h"

struct raw_decoder { struct spk_decoder base; int columns; int column; bool text; };  /* column: in the batch; -1: not read */

/* The one physical column; which of the batch's it is in *at, -1: none. */
static spk_status the_column(const struct spk_format_spec *spec, int *column, int *at, spk_error *err)
{
	const struct spk_table *t = spec->table;
	int found = 0;

	*at = -1;
	for (int i = 0; i < t->schema->count; i++) {
		if ((t->computed && t->computed[i]) || (t->metadata && t->metadata[i]))
			continue;
		*column = i;
		found++;
	}
	if (found != 1 || (t->schema->field[*column].type.id != SPK_TYPE_TEXT && t->schema->field[*column].type.id != SPK_TYPE_BYTEA))
		return spk_fail(err, SPK_USAGE, "table \"%s\": format 'raw' needs one column of type text or bytea", t->name);
	for (int i = 0; i < spec->columns; i++)
		if (spec->column[i] == *column)
			*at = i;
	return SPK_OK;
}

static spk_status raw_decoder_open(struct spk_decoder **out, const struct spk_format_spec *spec, spk_error *err)
{
	struct raw_decoder *d;
	int column = 0, at;

	SPK_TRY(the_column(spec, &column, &at, err));
	d = calloc(1, sizeof(*d));
	SPK_TRY_PTR(d, err);
	*d = (struct raw_decoder){ { .format = &spk_format_raw }, spec->columns, at, spec->table->schema->field[column].type.id == SPK_TYPE_TEXT };
	*out = &d->base;
	return SPK_OK;
}

static spk_status raw_decode(struct spk_decoder *base, const struct spk_view *raw, int n, struct spk_batch *batch, struct spk_row_errors *errors, spk_error *err)
{
	struct raw_decoder *d = spk_container_of(base, struct raw_decoder, base);
	struct spk_view *out;

	batch->rows = batch->selected = n;
	if (d->column < 0)
		return SPK_OK;
	SPK_TRY(spk_vector_init(&batch->column[d->column], batch->schema->field[d->column].type, n, batch->arena, err));
	out = spk_vector_view(&batch->column[d->column]);
	for (int i = 0; i < n; i++) {
		if (d->text && !spk_simdjson_is_text(spk_view_data(&raw[i]), raw[i].length))
			SPK_TRY(spk_field_row_failed(batch, i, "the value is not UTF-8 text", errors, err));
		else
			out[i] = raw[i];
	}
	return SPK_OK;
}

static void raw_decoder_close(struct spk_decoder *base)
{
	if (base)
		free(spk_container_of(base, struct raw_decoder, base));
}

/* The one column to write: the table's, or its key. */
static spk_status raw_encoder_open(struct spk_encoder **out, const struct spk_format_spec *spec, spk_error *err)
{
	struct spk_encoder *e;

	if (spec->columns != 1 || (spec->schema->field[0].type.id != SPK_TYPE_TEXT && spec->schema->field[0].type.id != SPK_TYPE_BYTEA))
		return spk_fail(err, SPK_USAGE, "table \"%s\": format 'raw' writes one column of type text or bytea", spec->table->name);
	e = calloc(1, sizeof(*e));
	SPK_TRY_PTR(e, err);
	e->format = &spk_format_raw;
	*out = e;
	return SPK_OK;
}

/* A NULL is written as nothing. */
static spk_status raw_encode(struct spk_encoder *e, const struct spk_batch *batch, struct spk_buffer *out, uint32_t *end, spk_error *err)
{
	struct spk_reader r = spk_vector_reader(&batch->column[0]);

	(void)e;
	SPK_EACH_ROW(batch, i, row) {
		uint32_t slot = spk_reader_slot(&r, row);

		if (spk_reader_valid(&r, slot)) {
			const struct spk_view *v = (const struct spk_view *)r.data + slot;

			SPK_TRY(spk_buffer_append(out, spk_view_data(v), v->length, err));
		}
		end[i] = (uint32_t)out->size;
	}
	return SPK_OK;
}

static void raw_encoder_close(struct spk_encoder *e)
{
	free(e);
}

const struct spk_format spk_format_raw = {
	.name = "raw",
	.decoder_open = raw_decoder_open,
	.decode = raw_decode,
	.decoder_close = raw_decoder_close,
	.split = spk_split_lines,
	.encoder_open = raw_encoder_open,
	.encode = raw_encode,
	.encoder_close = raw_encoder_close,
};
