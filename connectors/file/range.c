/* Where rows begin in the middle of a file. See range.h. */
#include "connectors/file/range.h"

#include <stdlib.h>

#include "core/base/check.h"

enum { WINDOW = 64 << 10, ROWS_LOOKED_AT = 16 };
enum inside { OUTSIDE, INSIDE, UNSURE };

/* --- judging --- */

static bool is_end(const struct spk_csv_options *o, char c) { return c == o->delimiter || c == '\n'; }

/*
 * What stood before a run of quotes data[i, j), by the characters around it. Behind an end a field begins: an odd number of quotes leaves one
 * that opened it, if no end follows. Quotes between two characters of a field are pairs of one inside of quotes.
 */
static enum inside before_quotes(const struct spk_csv_options *o, const char *data, size_t i, size_t j)
{
	bool ended = is_end(o, data[i - 1]), ends = is_end(o, data[j]) || data[j] == '\r';

	if ((j - i) % 2)
		return ended == ends ? UNSURE : ended ? OUTSIDE : INSIDE;
	return ended || ends ? UNSURE : INSIDE;
}

/* Whether data[0] lies inside of quotes, by the first quotes that tell. */
static enum inside judge_quotes(const struct spk_csv_options *o, const char *data, size_t size)
{
	bool odd = false;
	size_t i = 0;

	while (i < size) {
		const char *found = memchr(data + i, o->quote, size - i);
		size_t j;
		enum inside before;

		if (!found)
			return i ? UNSURE : OUTSIDE;
		j = i = (size_t)(found - data);
		while (j < size && data[j] == o->quote)
			j++;
		before = i && j < size ? before_quotes(o, data, i, j) : UNSURE;
		if (before != UNSURE)
			return odd ? (before == INSIDE ? OUTSIDE : INSIDE) : before;
		odd ^= (j - i) & 1;
		i = j;
	}
	return UNSURE;
}

/* Fields of the row [p, end), which is outside of quotes at p. */
static int count_fields(const struct spk_csv_options *o, const char *p, const char *end)
{
	bool inside = false;
	int n = 1;

	for (; p < end; p++) {
		if (*p == o->quote && o->quote)
			inside = !inside;
		else if (*p == o->delimiter && !inside)
			n++;
	}
	return n;
}

/* The first line end that counts in data[0, size), size when there is none; *inside is carried on. */
static size_t find_line_end(const struct spk_csv_options *o, const char *data, size_t size, bool *inside)
{
	const char *found;

	if (!o || !o->quote) {
		found = memchr(data, '\n', size);
		return found ? (size_t)(found - data) : size;
	}
	for (size_t i = 0; i < size; i++) {
		if (data[i] == o->quote)
			*inside = !*inside;
		else if (data[i] == '\n' && !*inside)
			return i;
	}
	return size;
}

/* Whether whole rows follow the first line end, and each has the right number of fields or is blank. */
static bool rows_look_right(const struct spk_range_file *f, const char *data, size_t size, bool inside)
{
	size_t at = find_line_end(f->csv, data, size, &inside) + 1, stop;
	int rows = 0;

	for (; at < size && rows < ROWS_LOOKED_AT; at = stop + 1) {
		size_t length;

		inside = false;
		stop = at + find_line_end(f->csv, data + at, size - at, &inside);
		if (stop == size)
			break;
		length = stop - at - (stop > at && data[stop - 1] == '\r');
		if (length && count_fields(f->csv, data + at, data + at + length) != f->fields)
			return false;
		rows += length > 0;
	}
	return rows > 0;
}

static enum inside judge(const struct spk_range_file *f, const char *data, size_t size)
{
	enum inside inside;

	if (!f->csv || !f->csv->quote)
		return OUTSIDE;
	inside = judge_quotes(f->csv, data, size);
	return inside != UNSURE && rows_look_right(f, data, size, inside == INSIDE) ? inside : UNSURE;
}

/* --- counting --- */

static spk_status count_quotes(const struct spk_range_file *f, struct spk_quote_count *q, struct spk_file_bytes *b, char *window, int64_t to, spk_error *err)
{
	if (q->to < f->data || q->to > to)
		*q = (struct spk_quote_count){ .to = f->data };
	while (q->to < to) {
		size_t got, n = 0;

		SPK_TRY(spk_file_bytes_read(b, window, (size_t)SPK_MIN(to - q->to, (int64_t)WINDOW), q->to, &got, err));
		if (got == 0)
			return spk_fail(err, SPK_CORRUPT, "a file was cut to %lld bytes while it was read", (long long)q->to);
		for (size_t i = 0; i < got; i++)
			n += window[i] == f->csv->quote;
		q->odd ^= n & 1;
		q->to += (int64_t)got;
	}
	return SPK_OK;
}

/* --- the answer --- */

static spk_status find_start(const struct spk_range_file *f, struct spk_file_bytes *b, char *window, int64_t at, struct spk_quote_count *quotes, bool *unsure, int64_t *out, spk_error *err)
{
	bool inside = false;
	size_t got, end;

	/* The byte before may be the line end of the row before. */
	at--;
	SPK_TRY(spk_file_bytes_read(b, window, WINDOW, at, &got, err));
	if (quotes && f->csv && f->csv->quote) {
		SPK_TRY(count_quotes(f, quotes, b, window, at, err));
		inside = quotes->odd;
		SPK_TRY(spk_file_bytes_read(b, window, WINDOW, at, &got, err));
	} else {
		enum inside judged = judge(f, window, got);

		*unsure = judged == UNSURE;
		inside = judged == INSIDE;
		if (*unsure)
			return SPK_OK;
	}
	while (got && (end = find_line_end(f->csv, window, got, &inside)) == got) {
		at += (int64_t)got;
		SPK_TRY(spk_file_bytes_read(b, window, WINDOW, at, &got, err));
	}
	*out = got ? at + (int64_t)end + 1 : f->size;
	return SPK_OK;
}

spk_status spk_range_start(const struct spk_range_file *f, struct spk_file_bytes *b, int64_t at, struct spk_quote_count *quotes, bool *unsure, int64_t *out, spk_error *err)
{
	char *window;
	spk_status status;

	*unsure = false;
	*out = at <= f->data ? f->data : f->size;
	if (at <= f->data || at >= f->size)
		return SPK_OK;
	window = malloc(WINDOW);
	SPK_TRY_PTR(window, err);
	status = find_start(f, b, window, at, quotes, unsure, out, err);
	*out = SPK_MIN(*out, f->size);
	free(window);
	return status;
}
