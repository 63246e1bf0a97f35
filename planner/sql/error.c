/* Where an error is, and how a person is shown it. */
#include <stdio.h>
#include <string.h>

#include "core/base/check.h"
#include "planner/sql/source.h"
#include "planner/sql/sql.h"

static bool continues(char c) { return ((unsigned char)c & 0xc0) == 0x80; }

static int characters(const char *s, size_t size)
{
	int n = 0;

	for (size_t i = 0; i < size; i++)
		n += !continues(s[i]);
	return n;
}

void spk_sql_place(const char *text, spk_error *err)
{
	size_t size, at, line_start = 0;

	if (!err || err->position <= 0)
		return;
	size = strlen(text);
	at = (size_t)err->position - 1;
	if (at > size)
		at = size;
	err->line = 1;
	for (size_t i = 0; i < at; i++) {
		if (text[i] == '\n') {
			err->line++;
			line_start = i + 1;
		}
	}
	err->column = characters(text + line_start, at - line_start) + 1;
}

bool spk_is_word_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$' || (unsigned char)c >= 0x80;
}

/* Bytes of the word, quoted word or sign at `s`: what the caret underlines; never past `size`. */
static size_t word_size(const char *s, size_t size)
{
	size_t n = 0;

	if (!size)
		return 0;
	if (*s == '\'' || *s == '"' || *s == '`') {
		const char *end = memchr(s + 1, *s, size - 1);

		return end ? (size_t)(end - s) + 1 : size;
	}
	while (n < size && spk_is_word_byte(s[n]))
		n++;
	return n ? n : 1;
}

/* The line itself with tabs as blanks, so that the caret stands where it should; and no control characters on a terminal. */
static spk_status put_line(const char *line, size_t size, struct spk_buffer *out, spk_error *err)
{
	for (size_t i = 0; i < size; i++) {
		char c = (unsigned char)line[i] < ' ' || line[i] == 127 ? ' ' : line[i];

		SPK_TRY(spk_buffer_append(out, &c, 1, err));
	}
	return spk_buffer_append_str(out, "\n", err);
}

static spk_status put_repeated(char c, int times, struct spk_buffer *out, spk_error *err)
{
	for (int i = 0; i < times; i++)
		SPK_TRY(spk_buffer_append(out, &c, 1, err));
	return SPK_OK;
}

static spk_status put_excerpt(const char *text, const spk_error *error, struct spk_buffer *out, spk_error *err)
{
	enum { LEFT = 100, SHOWN = 160 };  /* bytes of a long line around the place */
	size_t size = strlen(text), at = (size_t)error->position - 1, start, end;
	char number[16];
	int margin;

	if (at > size)
		at = size;
	start = at;
	while (start > 0 && text[start - 1] != '\n' && (at - start < LEFT || continues(text[start])))
		start--;
	end = at;
	while (end < size && text[end] != '\n' && text[end] != '\r' && (end - start < SHOWN || continues(text[end])))
		end++;
	margin = snprintf(number, sizeof number, "  %d | ", error->line);
	SPK_TRY(spk_buffer_append(out, number, (size_t)margin, err));
	SPK_TRY(put_line(text + start, end - start, out, err));
	SPK_TRY(put_repeated(' ', margin - 2, out, err));
	SPK_TRY(spk_buffer_append_str(out, "| ", err));
	SPK_TRY(put_repeated(' ', characters(text + start, at - start), out, err));
	SPK_TRY(put_repeated('^', SPK_MAX(characters(text + at, word_size(text + at, end - at)), 1), out, err));
	return spk_buffer_append_str(out, "\n", err);
}

spk_status spk_sql_format_error(const char *file, const char *text, const spk_error *error, struct spk_buffer *out, spk_error *err)
{
	spk_error placed = *error;

	if (text && !placed.line)
		spk_sql_place(text, &placed);
	if (file)
		SPK_TRY(spk_buffer_printf(out, err, "%s:", file));
	if (placed.line)
		SPK_TRY(spk_buffer_printf(out, err, "%d:%d:", placed.line, placed.column));
	SPK_TRY(spk_buffer_printf(out, err, "%serror: %s\n", file || placed.line ? " " : "", placed.message));
	if (text && placed.position > 0)
		SPK_TRY(put_excerpt(text, &placed, out, err));
	return placed.hint[0] ? spk_buffer_printf(out, err, "hint: %s\n", placed.hint) : SPK_OK;
}
