/* Aligned tables for people at a terminal. */
#include "connectors/print/print.h"

#include <stdlib.h>

#include "core/base/check.h"
#include "core/expr/text.h"

/* --- cells --- */

static spk_status put_text(struct spk_buffer *out, const char *s, size_t n, spk_error *err)
{
	static const char hex[] = "0123456789abcdef";

	SPK_TRY(spk_buffer_reserve(out, 4 * n + 1, err));
	for (size_t i = 0; i < n; i++) {
		uint8_t c = (uint8_t)s[i];
		char *p = out->data + out->size;

		if (c >= 32 && c != 127) {
			*p = s[i];
			out->size++;
		} else if (c == '\n' || c == '\r' || c == '\t') {
			p[0] = '\\';
			p[1] = c == '\n' ? 'n' : c == '\r' ? 'r' : 't';
			out->size += 2;
		} else {
			memcpy(p, "\\x", 2);
			p[2] = hex[c >> 4];
			p[3] = hex[c & 15];
			out->size += 4;
		}
	}
	return SPK_OK;
}

static spk_status put_nested(struct spk_buffer *out, const struct spk_vector *v, uint32_t slot, const char *timezone, spk_error *err)
{
	struct spk_buffer text = { 0 };
	spk_status status = spk_text_append(&text, v, slot, timezone, err);

	if (status == SPK_OK)
		status = put_text(out, text.data, text.size, err);
	spk_buffer_release(&text);
	return status;
}

static spk_status put_cell(struct spk_buffer *out, const struct spk_vector *v, int row, const char *timezone, spk_error *err)
{
	struct spk_reader r = spk_vector_reader(v);
	uint32_t slot = spk_reader_slot(&r, row);
	char text[SPK_TEXT_MAX];

	if (spk_reader_valid(&r, slot)) {
		const void *value = (const char *)r.data + (size_t)slot * (size_t)spk_type_width(v->type);

		if (spk_type_is_nested(v->type))
			SPK_TRY(put_nested(out, v, slot, timezone, err));
		else if (spk_type_is_view(v->type))
			SPK_TRY(put_text(out, spk_view_data(value), ((const struct spk_view *)value)->length, err));
		else
			SPK_TRY(put_text(out, text, (size_t)spk_text_from_value(v->type, value, timezone, text), err));
	}
	return spk_buffer_append(out, "", 1, err);
}

spk_status spk_print_cells(const struct spk_batch *batch, const char *timezone, struct spk_sink_block *block, spk_error *err)
{
	SPK_TRY(spk_sink_block_reserve(block, batch->selected, err));
	SPK_EACH_ROW(batch, i, row) {
		for (int c = 0; c < batch->columns; c++)
			SPK_TRY(put_cell(&block->value, &batch->column[c], row, timezone, err));
		block->value_end[block->rows] = (uint32_t)block->value.size;
		block->key_end[block->rows++] = 0;
	}
	return SPK_OK;
}

/* --- the table --- */

/* Characters, not bytes. */
static int width_of(const char *s)
{
	int n = 0;

	for (; *s; s++)
		n += ((uint8_t)*s & 0xc0) != 0x80;
	return n;
}

static spk_status put_aligned(struct spk_buffer *out, const char *text, int width, int align, spk_error *err)
{
	int gap = width - width_of(text), left = align > 0 ? gap : align == 0 ? gap / 2 : 0;

	return spk_buffer_printf(out, err, " %*s%s%*s ", left, "", text, gap - left, "");
}

/* align: 1 at the right, -1 at the left, 0 in the middle; by column. */
static spk_status put_line(struct spk_buffer *out, const char **cell, const int *width, const int8_t *align, int columns, spk_error *err)
{
	for (int c = 0; c < columns; c++) {
		if (c)
			SPK_TRY(spk_buffer_append_str(out, "|", err));
		SPK_TRY(put_aligned(out, cell[c], width[c], align ? align[c] : 0, err));
	}
	/* As psql: no blanks at the end of a line of text. */
	while (align && out->size && out->data[out->size - 1] == ' ')
		out->size--;
	return spk_buffer_append_str(out, "\n", err);
}

static spk_status put_rule(struct spk_buffer *out, const int *width, int columns, spk_error *err)
{
	for (int c = 0; c < columns; c++) {
		if (c)
			SPK_TRY(spk_buffer_append_str(out, "+", err));
		SPK_TRY(spk_buffer_reserve(out, (size_t)width[c] + 2, err));
		memset(out->data + out->size, '-', (size_t)width[c] + 2);
		out->size += (size_t)width[c] + 2;
	}
	return spk_buffer_append_str(out, "\n", err);
}

static const char *take_row(const char *p, const char **cell, int columns)
{
	for (int c = 0; c < columns; c++) {
		cell[c] = p;
		p += strlen(p) + 1;
	}
	return p;
}

static spk_status format(const struct spk_schema *schema, const char *cells, size_t size, const char **cell, int *width, int8_t *align, struct spk_buffer *out, spk_error *err)
{
	int columns = schema->count, rows = 0;

	for (int c = 0; c < columns; c++) {
		cell[c] = schema->field[c].name;
		width[c] = width_of(cell[c]);
		align[c] = spk_type_is_number(schema->field[c].type) ? 1 : -1;
	}
	for (const char *p = cells; p < cells + size;) {
		p = take_row(p, cell, columns);
		for (int c = 0; c < columns; c++)
			width[c] = SPK_MAX(width[c], width_of(cell[c]));
	}
	for (int c = 0; c < columns; c++)
		cell[c] = schema->field[c].name;
	SPK_TRY(put_line(out, cell, width, NULL, columns, err));
	SPK_TRY(put_rule(out, width, columns, err));
	for (const char *p = cells; p < cells + size; rows++) {
		p = take_row(p, cell, columns);
		SPK_TRY(put_line(out, cell, width, align, columns, err));
	}
	return spk_buffer_printf(out, err, "(%d row%s)\n", rows, rows == 1 ? "" : "s");
}

spk_status spk_print_table(const struct spk_schema *schema, const char *cells, size_t size, struct spk_buffer *out, spk_error *err)
{
	size_t n = (size_t)schema->count + 1;
	const char **cell = calloc(n, sizeof(*cell));
	int *width = calloc(n, sizeof(*width));
	int8_t *align = calloc(n, sizeof(*align));
	spk_status status = cell && width && align ? SPK_OK : spk_fail_memory(err);

	if (status == SPK_OK)
		status = format(schema, cells, size, cell, width, align, out, err);
	free(cell);
	free(width);
	free(align);
	return status;
}
