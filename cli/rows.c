/*
 * json and csv are written by the encoders of the connectors, a batch at a time; a table's cells are the values' texts.
 */
#include "cli/rows.h"

#include <stdlib.h>
#include <string.h>

#include "cli/rows_arrow.h"
#include "cli/table.h"
#include "connectors/format/format.h"
#include "core/base/check.h"
#include "core/expr/text.h"

struct spk_cli_rows {
	struct spk_cli_look look;
	const struct spk_schema *schema;
	const struct spk_conf *conf;
	const char *timezone;
	/* csv, json */
	struct spk_table result;             /* a table of no options, for the encoder */
	struct spk_format_spec spec;
	int *column;
	struct spk_encoder *encoder;
	bool begun;
	struct spk_buffer text;
	uint32_t end[SPK_BATCH_ROWS];
	struct spk_cli_table *table;
	struct spk_cli_arrow *arrow;
};

static const char *const names[] = {
#define NAME(id, name) name,
	SPK_CLI_FORMAT_LIST(NAME)
#undef NAME
};

const char *spk_cli_format_name(enum spk_cli_format format) { return names[format]; }

spk_status spk_cli_format_find(const char *name, const char *context, enum spk_cli_format *out, spk_error *err)
{
	const char *closest;

	for (int i = 0; i < SPK_CLI_FORMAT_COUNT; i++) {
		if (strcmp(name, names[i]) == 0) {
			*out = (enum spk_cli_format)i;
			return SPK_OK;
		}
	}
	closest = spk_closest_name(name, names, SPK_CLI_FORMAT_COUNT);
	spk_fail(err, SPK_USAGE, "%s %s: expected table, csv, json or arrow", context, name);
	return closest ? spk_hint(err, "did you mean '%s'?", closest) : SPK_USAGE;
}

spk_status spk_cli_row_format(const struct spk_cli_arguments *a, enum spk_cli_format *out, spk_error *err)
{
	const char *name = a->value[SPK_CLI_ROW_FORMAT];

	*out = SPK_CLI_TABLE;
	return name ? spk_cli_format_find(name, "--format", out, err) : SPK_OK;
}

/* --- making --- */

static spk_status open_encoder(struct spk_cli_rows *r, spk_error *err)
{
	const struct spk_format *format = spk_format(r->look.format == SPK_CLI_CSV ? "csv" : "json");

	if (!format || !format->encoder_open)
		return spk_fail(err, SPK_UNSUPPORTED, "this format cannot be written");
	r->result = (struct spk_table){ .name = "result", .connector = "print", .schema = r->schema, .time_column = -1 };
	r->column = calloc((size_t)r->schema->count + 1, sizeof *r->column);
	SPK_TRY_PTR(r->column, err);
	for (int i = 0; i < r->schema->count; i++)
		r->column[i] = i;
	r->spec = (struct spk_format_spec){ .table = &r->result, .column = r->column, .columns = r->schema->count, .schema = r->schema, .conf = r->conf, .hex_bytes = true };
	return format->encoder_open(&r->encoder, &r->spec, err);
}

static spk_status open_table(struct spk_cli_rows *r, spk_error *err)
{
	struct spk_cli_column *column = calloc((size_t)r->schema->count + 1, sizeof *column);
	spk_status status;

	SPK_TRY_PTR(column, err);
	for (int i = 0; i < r->schema->count; i++)
		column[i] = (struct spk_cli_column){ .name = r->schema->field[i].name, .right = spk_type_is_number(r->schema->field[i].type) };
	status = spk_cli_table_new(&r->table, column, r->schema->count, err);
	free(column);
	if (status == SPK_OK)
		spk_cli_table_expand(r->table, r->look.expanded, r->look.width);
	return status;
}

static spk_status open_format(struct spk_cli_rows *r, spk_error *err)
{
	switch (r->look.format) {
	case SPK_CLI_TABLE:
		return open_table(r, err);
	case SPK_CLI_ARROW:
		return spk_cli_arrow_new(&r->arrow, r->schema, err);
	default:
		return open_encoder(r, err);
	}
}

spk_status spk_cli_rows_new(struct spk_cli_rows **out, const struct spk_cli_look *look, const struct spk_schema *schema, const struct spk_conf *conf, spk_error *err)
{
	struct spk_cli_rows *r = calloc(1, sizeof *r);
	spk_status status;

	SPK_TRY_PTR(r, err);
	r->look = *look;
	r->schema = schema;
	r->conf = conf;
	r->timezone = spk_conf_text(conf, SPK_CONF_TIMEZONE);
	status = open_format(r, err);
	if (status != SPK_OK) {
		spk_cli_rows_free(r);
		return status;
	}
	*out = r;
	return SPK_OK;
}

void spk_cli_rows_free(struct spk_cli_rows *r)
{
	if (!r)
		return;
	if (r->encoder)
		r->encoder->format->encoder_close(r->encoder);
	spk_cli_table_free(r->table);
	spk_cli_arrow_free(r->arrow);
	spk_buffer_release(&r->text);
	free(r->column);
	free(r);
}

/* --- csv and json --- */

static spk_status begin_file(struct spk_cli_rows *r, spk_error *err)
{
	if (r->begun)
		return SPK_OK;
	r->begun = true;
	spk_buffer_clear(&r->text);
	if (r->encoder->format->file_head)
		SPK_TRY(r->encoder->format->file_head(r->encoder, &r->text, err));
	if (r->text.size && r->text.data[r->text.size - 1] != '\n')
		SPK_TRY(spk_buffer_append_str(&r->text, "\n", err));
	return spk_cli_write(r->text.data, r->text.size, err);
}

static spk_status write_encoded(struct spk_cli_rows *r, const struct spk_batch *batch, spk_error *err)
{
	size_t at = 0;

	SPK_TRY(begin_file(r, err));
	spk_buffer_clear(&r->text);
	SPK_TRY(r->encoder->format->encode(r->encoder, batch, &r->text, r->end, err));
	for (int i = 0; i < batch->selected; i++) {
		SPK_TRY(spk_cli_write(r->text.data + at, r->end[i] - at, err));
		SPK_TRY(spk_cli_write("\n", 1, err));
		at = r->end[i];
	}
	return SPK_OK;
}

/* --- tables --- */

static spk_status put_value(struct spk_cli_rows *r, const struct spk_batch *batch, int column, int row, spk_error *err)
{
	const struct spk_vector *v = &batch->column[column];
	struct spk_reader reader = spk_vector_reader(v);
	uint32_t slot = spk_reader_slot(&reader, row);

	if (!spk_reader_valid(&reader, slot))
		return spk_cli_table_cell(r->table, r->look.null ? r->look.null : "", r->look.null ? strlen(r->look.null) : 0, err);
	spk_buffer_clear(&r->text);
	SPK_TRY(spk_text_append(&r->text, v, slot, r->timezone, err));
	return spk_cli_table_cell(r->table, r->text.data, r->text.size, err);
}

static spk_status write_cells(struct spk_cli_rows *r, const struct spk_batch *batch, spk_error *err)
{
	SPK_EACH_ROW(batch, i, row)
		for (int c = 0; c < batch->columns; c++)
			SPK_TRY(put_value(r, batch, c, row, err));
	return SPK_OK;
}

spk_status spk_cli_rows_batch(void *user, struct spk_batch *batch, spk_error *err)
{
	struct spk_cli_rows *r = user;

	if (r->arrow)
		return spk_cli_arrow_batch(r->arrow, batch, err);
	return r->table ? write_cells(r, batch, err) : write_encoded(r, batch, err);
}

spk_status spk_cli_rows_end(struct spk_cli_rows *r, spk_error *err)
{
	if (r->arrow)
		SPK_TRY(spk_cli_arrow_end(r->arrow, err));
	else
		SPK_TRY(r->table ? spk_cli_table_end(r->table, true, err) : begin_file(r, err));
	return spk_cli_flush(err);
}

/* --- text --- */

/* Fills *batch with the lines of the text. */
static spk_status fill_lines(struct spk_batch *batch, const char *text, size_t size, spk_error *err)
{
	struct spk_vector *v = &batch->column[0];
	const char *end = text + size;

	SPK_TRY(spk_vector_init(v, batch->schema->field[0].type, SPK_BATCH_ROWS, batch->arena, err));
	while (text < end && batch->rows < SPK_BATCH_ROWS) {
		const char *newline = memchr(text, '\n', (size_t)(end - text)), *stop = newline ? newline : end;

		spk_vector_view(v)[batch->rows++] = spk_view(text, (uint32_t)(stop - text));
		text = stop + 1;
	}
	batch->selected = batch->rows;
	return SPK_OK;
}

spk_status spk_cli_rows_text(const struct spk_cli_look *look, const char *column, const char *text, size_t size, const struct spk_conf *conf, spk_error *err)
{
	struct spk_field field = { .name = column, .type = spk_type(SPK_TYPE_TEXT) };
	struct spk_schema schema = { .count = 1, .field = &field };
	struct spk_cli_rows *rows = NULL;
	struct spk_batch *batch = NULL;
	spk_status status = spk_batch_new(&batch, &schema, NULL, err);

	if (status == SPK_OK)
		status = fill_lines(batch, text, size, err);
	if (status == SPK_OK)
		status = spk_cli_rows_new(&rows, look, &schema, conf, err);
	if (status == SPK_OK)
		status = spk_cli_rows_batch(rows, batch, err);
	if (status == SPK_OK)
		status = spk_cli_rows_end(rows, err);
	spk_cli_rows_free(rows);
	spk_batch_unref(batch);
	return status;
}
