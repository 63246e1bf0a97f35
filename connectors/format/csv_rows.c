/*
 * Pieces of CSV into rows, and rows into fields, for any options. What is said about them in csv.h is decided here.
 */
#include "connectors/format/csv.h"

#include "core/base/check.h"

static const char *find(const char *p, const char *end, char c)
{
	const char *found = p < end ? memchr(p, c, (size_t)(end - p)) : NULL;

	return found ? found : end;
}

/* The same for what is plain. *quote: a quote not before p, or end; kept from row to row. */
static const char *plain_row_end(const char *p, const char *end, char c, const char **quote)
{
	const char *stop = find(p, end, '\n');

	for (;;) {
		if (*quote < p)
			*quote = find(p, end, c);
		if (stop < *quote || *quote == end)
			return stop;
		p = find(*quote + 1, end, c) + 1;  /* behind the closing quote */
		if (p > end)
			return end;
		if (stop < p)
			stop = find(p, end, '\n');
	}
}

const char *spk_csv_row_end(const char *p, const char *end, const struct spk_csv_options *o)
{
	bool inside = false;

	if (!o->quote || (o->comment && p < end && *p == o->comment))
		return find(p, end, '\n');
	for (; p < end; p++) {
		if (inside && o->escape != o->quote && *p == o->escape && p + 1 < end && (p[1] == o->quote || p[1] == o->escape))
			p++;
		else if (*p == o->quote)
			inside = !inside;
		else if (*p == '\n' && !inside)
			return p;
	}
	return end;
}

static bool one_column(const struct spk_table *t)
{
	int n = 0;

	for (int i = 0; i < t->schema->count; i++)
		n += !(t->computed && t->computed[i]) && !(t->metadata && t->metadata[i]);
	return n == 1;
}

/* Blank lines are nothing, unless there is only one column: then they are its NULLs. */
spk_status spk_csv_split(const char *data, size_t size, bool last, struct spk_view *rows, int max_rows, int *n, size_t *used, const struct spk_table *table, spk_error *err)
{
	const char *p = data, *end = data + size, *quote = data - 1;
	struct spk_csv_options o = spk_csv_options(table);
	bool keep_blank = one_column(table);

	*n = 0;
	while (p < end && *n < max_rows) {
		const char *stop = o.plain && o.quote ? plain_row_end(p, end, o.quote, &quote) : spk_csv_row_end(p, end, &o);
		bool comment = o.comment && *p == o.comment;
		size_t length = (size_t)(stop - p);

		if (stop == end && !last)
			break;
		if (length && p[length - 1] == '\r')
			length--;
		if (length > UINT32_MAX)
			return spk_fail(err, SPK_DATA, "a row is longer than 4 GiB");
		if ((length || keep_blank) && !comment)
			rows[(*n)++] = spk_view_far(p, (uint32_t)length);
		p = stop < end ? stop + 1 : end;
	}
	*used = (size_t)(p - data);
	return SPK_OK;
}

/* What is quoted, from behind the opening quote on, into *out; the place behind the closing one, NULL when there is none. */
static const char *cut_quoted(const char *p, const char *end, const struct spk_csv_options *o, char **out)
{
	char *to = *out;

	for (; p < end && *p != o->quote; p++) {
		if (*p == o->escape && p + 1 < end && (p[1] == o->quote || p[1] == o->escape))
			p++;
		*to++ = *p;
	}
	*out = to;
	return p < end ? p + 1 : NULL;
}

/* The same where two quotes are one: the second begins the next quoted piece. */
static const char *cut_quoted_plain(const char *p, const char *end, const struct spk_csv_options *o, char **out)
{
	const char *close = find(p, end, o->quote);

	if (close == end)
		return NULL;
	memcpy(*out, p, (size_t)(close - p));
	*out += close - p;
	p = close + 1;
	if (p < end && *p == o->quote)
		*(*out)++ = o->quote;
	return p;
}

int spk_csv_cut(const char *row, uint32_t size, const struct spk_csv_options *o, struct spk_csv_field *out, int capacity, char *scratch)
{
	const char *p = row, *end = row + size;
	int n = 0;

	for (;;) {
		struct spk_csv_field f = { .text = scratch };

		while (p < end && *p != o->delimiter) {
			if (!o->quote || *p != o->quote) {
				*scratch++ = *p++;
				continue;
			}
			f.quoted = true;
			p = o->escape == o->quote ? cut_quoted_plain(p + 1, end, o, &scratch) : cut_quoted(p + 1, end, o, &scratch);
			if (!p)
				return -1;
		}
		f.size = (uint32_t)(scratch - f.text);
		if (n < capacity)
			out[n] = f;
		n++;
		if (p == end)
			return n;
		p++;
	}
}
