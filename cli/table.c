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
	int *width;
	struct spk_buffer text;        /* of the cells held, escaped */
	struct cell *cell;
	size_t cells, capacity;
	int64_t rows;                  /* complete ones, printed or not */
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

/* --- printing --- */

static spk_status put_blanks(int n, spk_error *err)
{
	return n > 0 ? spk_cli_print(err, "%*s", n, "") : SPK_OK;
}

/* Column names are centred and, unlike values, padded in the last column: so does psql. */
static spk_status print_head(struct spk_cli_table *t, spk_error *err)
{
	struct spk_buffer name = { 0 };
	spk_status status = SPK_OK;

	for (int i = 0; i < t->columns && status == SPK_OK; i++) {
		int width, pad;

		spk_buffer_clear(&name);
		status = put_shown(t->column[i].name, strlen(t->column[i].name), &name, &width, err);
		t->width[i] = SPK_MAX(t->width[i], width);
		pad = t->width[i] - width;
		if (status == SPK_OK)
			status = spk_cli_print(err, "%s %*s%.*s%*s ", i ? "|" : "", pad / 2, "", (int)name.size, name.size ? name.data : "", pad - pad / 2, "");
	}
	spk_buffer_release(&name);
	SPK_TRY(status);
	SPK_TRY(spk_cli_write("\n", 1, err));
	for (int i = 0; i < t->columns; i++) {
		SPK_TRY(spk_cli_write("+-", i ? 1 : 0, err));
		for (int k = 0; k < t->width[i] + 2; k++)
			SPK_TRY(spk_cli_write("-", 1, err));
	}
	return spk_cli_write("\n", 1, err);
}

static spk_status print_cell(const struct spk_cli_table *t, size_t index, spk_error *err)
{
	int column = (int)(index % (size_t)t->columns), pad = t->width[column] - t->cell[index].width;
	size_t start = index ? t->cell[index - 1].end : 0;
	bool last = column + 1 == t->columns;

	SPK_TRY(spk_cli_write(column ? "| " : " ", column ? 2 : 1, err));
	if (t->column[column].right)
		SPK_TRY(put_blanks(pad, err));
	SPK_TRY(spk_cli_write(t->text.data + start, t->cell[index].end - start, err));
	if (!t->column[column].right && !last)
		SPK_TRY(put_blanks(pad, err));
	return last ? spk_cli_write("\n", 1, err) : spk_cli_write(" ", 1, err);
}

/* Prints the rows that are held, and before the first of all the head. */
static spk_status print_held(struct spk_cli_table *t, spk_error *err)
{
	if (!t->begun) {
		for (size_t i = 0; i < t->cells; i++)
			t->width[i % (size_t)t->columns] = SPK_MAX(t->width[i % (size_t)t->columns], t->cell[i].width);
		SPK_TRY(print_head(t, err));
		t->begun = true;
	}
	for (size_t i = 0; i < t->cells; i++)
		SPK_TRY(print_cell(t, i, err));
	t->cells = 0;
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
	return count ? spk_cli_print(err, "(%" PRId64 " row%s)\n", t->rows, t->rows == 1 ? "" : "s") : SPK_OK;
}

int64_t spk_cli_table_rows(const struct spk_cli_table *t)
{
	return t->rows;
}
