#include "cli/table.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "core/base/check.h"

struct cell { size_t end; int width; };  /* end: in `text` */

struct spk_cli_table {
	int columns;
	struct spk_cli_column *column;
	int *width, names_width, values_width;  /* the latter two: of records */
	struct spk_buffer text;        /* of the cells held, escaped */
	struct cell *cell;
	size_t cells, capacity;
	int64_t rows, printed;         /* complete ones */
	enum spk_cli_expanded expanded;
	int screen;                    /* columns that there are for AUTO */
	bool begun;                    /* the head is printed, widths are settled */
};

/* --- text as it is shown --- */

/* Appends one character of `text` (at most `size` bytes) or its escape; returns the bytes taken, *width the columns. */
static size_t put_character(const char *text, size_t size, struct spk_buffer *out, int *width, spk_status *status, spk_error *err)
{
	static const char letters[32] = { ['\n'] = 'n', ['\t'] = 't', ['\r'] = 'r' };
	unsigned char c = (unsigned char)*text;
	mbstate_t state = { 0 };
	wchar_t wide;
	size_t n = mbrtowc(&wide, text, size, &state);
	int columns = n > 0 && n <= size ? wcwidth(wide) : -1;
	char escape[8];

	if (columns >= 0) {
		*width = columns;
		*status = spk_buffer_append(out, text, n, err);
		return n;
	}
	*width = c < 32 && letters[c] ? snprintf(escape, sizeof escape, "\\%c", letters[c]) : snprintf(escape, sizeof escape, "\\x%02x", c);
	*status = spk_buffer_append(out, escape, (size_t)*width, err);
	return 1;
}

static spk_status put_shown(const char *text, size_t size, struct spk_buffer *out, int *width, spk_error *err)
{
	*width = 0;
	for (size_t i = 0; i < size;) {
		size_t run = i;
		int columns;
		spk_status status;

		while (run < size && text[run] >= ' ' && text[run] < 127)
			run++;
		SPK_TRY(spk_buffer_append(out, text + i, run - i, err));
		*width += (int)(run - i);
		i = run;
		if (i == size)
			break;
		i += put_character(text + i, size - i, out, &columns, &status, err);
		SPK_TRY(status);
		*width += columns;
	}
	return SPK_OK;
}

/* --- making --- */

spk_status spk_cli_table_new(struct spk_cli_table **out, const struct spk_cli_column *column, int columns, spk_error *err)
{
	struct spk_cli_table *t = calloc(1, sizeof *t);

	SPK_TRY_PTR(t, err);
	t->columns = columns;
	t->column = calloc((size_t)columns + 1, sizeof *t->column);
	t->width = calloc((size_t)columns + 1, sizeof *t->width);
	if (!t->column || !t->width) {
		spk_cli_table_free(t);
		return spk_fail_memory(err);
	}
	if (columns)
		memcpy(t->column, column, sizeof *column * (size_t)columns);
	*out = t;
	return SPK_OK;
}

void spk_cli_table_free(struct spk_cli_table *t)
{
	if (!t)
		return;
	spk_buffer_release(&t->text);
	free(t->cell);
	free(t->column);
	free(t->width);
	free(t);
}

void spk_cli_table_expand(struct spk_cli_table *t, enum spk_cli_expanded expanded, int width)
{
	t->expanded = expanded;
	t->screen = width;
}

/* --- printing --- */

static spk_status put_blanks(int n, spk_error *err)
{
	return n > 0 ? spk_cli_print(err, "%*s", n, "") : SPK_OK;
}

/* As it is shown, blanks before and behind it. */
static spk_status print_name(const char *name, int before, int behind, spk_error *err)
{
	struct spk_buffer shown = { 0 };
	int width;
	spk_status status = put_shown(name, strlen(name), &shown, &width, err);

	if (status == SPK_OK)
		status = put_blanks(before, err);
	if (status == SPK_OK)
		status = spk_cli_write(shown.data, shown.size, err);
	spk_buffer_release(&shown);
	return status == SPK_OK ? put_blanks(behind, err) : status;
}

static spk_status name_width(const char *name, int *width, spk_error *err)
{
	struct spk_buffer shown = { 0 };
	spk_status status = put_shown(name, strlen(name), &shown, width, err);

	spk_buffer_release(&shown);
	return status;
}

/* Column names are centred and, unlike values, padded in the last column: so does psql. */
static spk_status print_head(struct spk_cli_table *t, spk_error *err)
{
	for (int i = 0; i < t->columns; i++) {
		int pad;

		SPK_TRY(name_width(t->column[i].name, &pad, err));
		pad = t->width[i] - pad;
		SPK_TRY(spk_cli_write("| ", i ? 2 : 0, err));
		SPK_TRY(print_name(t->column[i].name, pad / 2 + (i ? 0 : 1), pad - pad / 2 + 1, err));
	}
	SPK_TRY(spk_cli_write("\n", 1, err));
	for (int i = 0; i < t->columns; i++) {
		SPK_TRY(spk_cli_write("+-", i ? 1 : 0, err));
		for (int k = 0; k < t->width[i] + 2; k++)
			SPK_TRY(spk_cli_write("-", 1, err));
	}
	return spk_cli_write("\n", 1, err);
}

static const char *cell_text(const struct spk_cli_table *t, size_t index, size_t *size)
{
	size_t start = index ? t->cell[index - 1].end : 0;

	*size = t->cell[index].end - start;
	return t->text.data + start;
}

static spk_status print_cell(const struct spk_cli_table *t, size_t index, spk_error *err)
{
	int column = (int)(index % (size_t)t->columns), pad = t->width[column] - t->cell[index].width;
	size_t size;
	const char *text = cell_text(t, index, &size);
	bool last = column + 1 == t->columns;

	SPK_TRY(spk_cli_write(column ? "| " : " ", column ? 2 : 1, err));
	if (t->column[column].right)
		SPK_TRY(put_blanks(pad, err));
	SPK_TRY(spk_cli_write(text, size, err));
	if (!t->column[column].right && !last)
		SPK_TRY(put_blanks(pad, err));
	return last ? spk_cli_write("\n", 1, err) : spk_cli_write(" ", 1, err);
}

/* --- records --- */

/* "-[ RECORD 1 ]--+----": the label lies over the line above names and values, which may be shorter than it. */
static spk_status print_record_head(const struct spk_cli_table *t, int64_t number, spk_error *err)
{
	char label[40];
	int size = snprintf(label, sizeof label, "-[ RECORD %" PRId64 " ]", number), width = t->names_width + 3 + t->values_width;

	SPK_TRY(spk_cli_write(label, (size_t)size, err));
	for (int i = size; i < width; i++)
		SPK_TRY(spk_cli_write(i == t->names_width + 1 ? "+" : "-", 1, err));
	return spk_cli_write("\n", 1, err);
}

static spk_status print_records(struct spk_cli_table *t, spk_error *err)
{
	for (size_t i = 0; i < t->cells; i++) {
		int column = (int)(i % (size_t)t->columns), width;
		size_t size;
		const char *text = cell_text(t, i, &size);

		if (column == 0)
			SPK_TRY(print_record_head(t, t->printed + (int64_t)(i / (size_t)t->columns) + 1, err));
		SPK_TRY(name_width(t->column[column].name, &width, err));
		SPK_TRY(print_name(t->column[column].name, 0, t->names_width - width, err));
		SPK_TRY(spk_cli_write(" | ", 3, err));
		SPK_TRY(spk_cli_write(text, size, err));
		SPK_TRY(spk_cli_write("\n", 1, err));
	}
	return SPK_OK;
}

/* --- what is held --- */

/* Widths by what is held, and by them whether rows or records are shown. */
static spk_status measure(struct spk_cli_table *t, spk_error *err)
{
	int total = 0;

	for (size_t i = 0; i < t->cells; i++) {
		int *width = &t->width[i % (size_t)t->columns];

		*width = SPK_MAX(*width, t->cell[i].width);
		t->values_width = SPK_MAX(t->values_width, t->cell[i].width);
	}
	for (int i = 0; i < t->columns; i++) {
		int width;

		SPK_TRY(name_width(t->column[i].name, &width, err));
		t->names_width = SPK_MAX(t->names_width, width);
		t->width[i] = SPK_MAX(t->width[i], width);
		total += t->width[i] + 3;
	}
	if (t->expanded == SPK_CLI_EXPANDED_AUTO)
		t->expanded = t->screen > 0 && total - 1 > t->screen ? SPK_CLI_EXPANDED_ON : SPK_CLI_EXPANDED_OFF;
	if (t->rows == 0)
		t->expanded = SPK_CLI_EXPANDED_OFF;
	return SPK_OK;
}

/* Prints the rows that are held, and before the first of all the head. Without a row records show nothing but their count. */
static spk_status print_held(struct spk_cli_table *t, spk_error *err)
{
	bool records = t->expanded == SPK_CLI_EXPANDED_ON;

	if (!t->begun) {
		SPK_TRY(measure(t, err));
		records = records || t->expanded == SPK_CLI_EXPANDED_ON;
		if (!records)
			SPK_TRY(print_head(t, err));
		t->begun = true;
	}
	if (records)
		SPK_TRY(print_records(t, err));
	for (size_t i = 0; i < t->cells && !records; i++)
		SPK_TRY(print_cell(t, i, err));
	t->cells = 0;
	t->printed = t->rows;
	spk_buffer_clear(&t->text);
	return SPK_OK;
}

spk_status spk_cli_table_cell(struct spk_cli_table *t, const char *text, size_t size, spk_error *err)
{
	struct cell c;

	if (t->cells == t->capacity) {
		size_t capacity = t->capacity ? 2 * t->capacity : 256;
		struct cell *grown = realloc(t->cell, capacity * sizeof *grown);

		SPK_TRY_PTR(grown, err);
		t->cell = grown;
		t->capacity = capacity;
	}
	SPK_TRY(put_shown(text, size, &t->text, &c.width, err));
	c.end = t->text.size;
	t->cell[t->cells++] = c;
	if (t->cells % (size_t)t->columns)
		return SPK_OK;
	t->rows++;
	return t->begun || t->text.size + t->cells * sizeof c > SPK_CLI_TABLE_HELD ? print_held(t, err) : SPK_OK;
}

spk_status spk_cli_table_printf(struct spk_cli_table *t, spk_error *err, const char *format, ...)
{
	char text[512];
	va_list arguments;
	int n;

	va_start(arguments, format);
	n = vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	return spk_cli_table_cell(t, text, SPK_MIN((size_t)SPK_MAX(n, 0), sizeof text - 1), err);
}

spk_status spk_cli_table_end(struct spk_cli_table *t, bool count, spk_error *err)
{
	SPK_TRY(print_held(t, err));
	count = count && t->expanded != SPK_CLI_EXPANDED_ON;
	return count ? spk_cli_print(err, "(%" PRId64 " row%s)\n", t->rows, t->rows == 1 ? "" : "s") : SPK_OK;
}

int64_t spk_cli_table_rows(const struct spk_cli_table *t)
{
	return t->rows;
}
