/*
 * What streaming queries must come to, computed the plain way from the rows that were read: the whole result after every epoch for
 * queries that change, the windows that close in it for those that do not.
 */
#ifndef SPK_TESTS_STREAM_MODEL_H
#define SPK_TESTS_STREAM_MODEL_H

#include <stdarg.h>

#include "tests/stream/support.h"

/* Rows read so far, by source. */
struct seen { int count, capacity; const struct event **event; };

static inline void seen_add(struct seen *s, const struct event *e)
{
	if (s->count == s->capacity) {
		s->capacity = s->capacity ? 2 * s->capacity : 256;
		s->event = realloc(s->event, sizeof(*s->event) * (size_t)s->capacity);
	}
	s->event[s->count++] = e;
}

static inline void seen_release(struct seen *s)
{
	free(s->event);
	*s = (struct seen){ 0 };
}

static inline int by_a(const void *x, const void *y)
{
	const struct event *p = *(const struct event *const *)x, *q = *(const struct event *const *)y;

	if (p->a_null || q->a_null)
		return p->a_null - q->a_null;
	return (p->a > q->a) - (p->a < q->a);
}

SPK_PRINTF(2, 3) static inline void put_line(struct lines *out, const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	lines_add(out, text, strlen(text));
}

static inline const char *number_text(bool null, int64_t v, char *out)
{
	snprintf(out, 24, null ? "NULL" : "%lld", (long long)v);
	return out;
}

/* The figures of a group of rows. */
struct figures { int64_t rows, sum, positive, tenths, sum_a; bool no_sum, no_positive, no_tenths, a_null; int64_t a; const char *min_v, *max_v; };

static inline struct figures figure(const struct event *const *from, const struct event *const *to)
{
	struct figures f = { .no_sum = true, .no_positive = true, .no_tenths = true, .a_null = from[0]->a_null, .a = from[0]->a };

	for (; from < to; from++) {
		const struct event *e = *from;

		f.rows++;
		f.min_v = !f.min_v || strcmp(e->v, f.min_v) < 0 ? e->v : f.min_v;
		f.max_v = !f.max_v || strcmp(e->v, f.max_v) > 0 ? e->v : f.max_v;
		if (e->b_null)
			continue;
		f.sum += e->b;
		f.no_sum = false;
		if (e->b > 0) {
			f.positive += e->b;
			f.no_positive = false;
		}
		if (e->b != 3 && e->b != 0) {
			f.tenths += 10 / e->b;
			f.no_tenths = false;
		}
	}
	return f;
}

enum result { BY_KEY_COUNT, BY_KEY_SUM, BY_KEY_TEXT, BY_KEY_TENTHS, OVER_ALL, COUNT_OF_COUNTS, THIRDS, SHIFTED_KEY, ROWS_OF_BOTH, DIVIDED };

static inline void put_group(enum result what, const struct figures *f, struct lines *out)
{
	char a[24], s[24];

	number_text(f->a_null, f->a, a);
	if (what == BY_KEY_COUNT)
		put_line(out, "%s|%lld", a, (long long)f->rows);
	else if (what == BY_KEY_SUM)
		put_line(out, "%s|%s", a, number_text(f->no_positive, f->positive, s));
	else if (what == BY_KEY_TEXT)
		put_line(out, "%s|%s|%s", a, f->min_v, f->max_v);
	else if (what == BY_KEY_TENTHS)
		put_line(out, "%s|%s", a, number_text(f->no_tenths, f->tenths, s));
	else if (what == SHIFTED_KEY)
		put_line(out, "%lld|%s", (long long)f->rows, number_text(f->a_null, f->a + 1, a));
}

/* How many keys have each count; or, of those whose count divides by three, how many and the sum of their counts. */
static inline void put_counts(enum result what, const int64_t *count, int keys, struct lines *out)
{
	int64_t thirds = 0, sum = 0;
	char s[24];

	for (int i = 0; i < keys; i++) {
		int same = 0, before = 0;

		thirds += count[i] % 3 == 0;
		sum += count[i] % 3 == 0 ? count[i] : 0;
		for (int k = 0; k < keys; k++) {
			same += count[k] == count[i];
			before += k < i && count[k] == count[i];
		}
		if (what == COUNT_OF_COUNTS && !before)
			put_line(out, "%lld|%d", (long long)count[i], same);
	}
	if (what == THIRDS)
		put_line(out, "%lld|%s", (long long)thirds, number_text(thirds == 0, sum, s));
}

/* SELECT a, b + 1 FROM u, with t's rows where b > 0; or SELECT a, 10 / b FROM t WHERE 100 / (b - 1) > -1000. */
static inline void put_rows(enum result what, const struct seen *s, bool is_u, struct lines *out)
{
	for (int i = 0; i < s->count; i++) {
		const struct event *e = s->event[i];
		char a[24], b[24];

		number_text(e->a_null, e->a, a);
		if (what == DIVIDED && !e->b_null && e->b != 0 && e->b != 1)
			put_line(out, "%s|%lld", a, (long long)(10 / e->b));
		if (what == ROWS_OF_BOTH && (is_u || (!e->b_null && e->b > 0)))
			put_line(out, "%s|%s", a, number_text(e->b_null, e->b + is_u, b));
	}
}

/* The whole result over all rows of t (and u), sorted. */
static inline struct lines result_of(enum result what, const struct seen *t, const struct seen *u)
{
	struct seen rows = { 0 };
	struct lines out = { 0 };
	int64_t *count = calloc((size_t)t->count + 1, sizeof *count);
	int keys = 0;

	for (int i = 0; i < t->count; i++)
		if (what != BY_KEY_TENTHS || t->event[i]->b_null || t->event[i]->b != 0)
			seen_add(&rows, t->event[i]);
	if (what == ROWS_OF_BOTH || what == DIVIDED) {
		put_rows(what, t, false, &out);
		if (what == ROWS_OF_BOTH)
			put_rows(what, u, true, &out);
		rows.count = 0;
	}
	if (rows.count)
		qsort(rows.event, (size_t)rows.count, sizeof(*rows.event), by_a);
	for (int i = 0, end; i < rows.count; i = end) {
		struct figures f;

		for (end = i + 1; end < rows.count && (what == OVER_ALL || by_a(&rows.event[i], &rows.event[end]) == 0);)
			end++;
		f = figure(rows.event + i, rows.event + end);
		count[keys++] = f.rows;
		put_group(what, &f, &out);
		if (what == OVER_ALL) {
			char s[24];

			put_line(&out, "%lld|%s", (long long)f.rows, number_text(f.no_sum, f.sum, s));
		}
	}
	if (what == OVER_ALL && !keys)
		put_line(&out, "0|NULL");
	if (what == COUNT_OF_COUNTS || what == THIRDS)
		put_counts(what, count, keys, &out);
	free(count);
	seen_release(&rows);
	lines_sort(&out);
	return out;
}

/* --- windows --- */

enum { WINDOW = 5 * SECOND };

static inline int64_t window_end(const struct event *e)
{
	int64_t r = e->ts % WINDOW;

	return e->ts - (r < 0 ? r + WINDOW : r) + WINDOW;
}

/* A source's watermark by the rule of the design: least of the partitions that count, never back. */
static inline int64_t model_watermark(const int64_t *mark, const bool *idle, const bool *finished, int partitions, int64_t before)
{
	int64_t least = INT64_MAX, most = INT64_MIN;
	int counted = 0, ended = 0;

	for (int p = 0; p < partitions; p++) {
		ended += finished[p];
		most = mark[p] > most ? mark[p] : most;
		if (finished[p] || idle[p])
			continue;
		counted++;
		least = mark[p] < least ? mark[p] : least;
	}
	if (ended == partitions)
		return INT64_MAX;
	least = counted ? least : most;
	return least > before ? least : before;
}

static inline int by_window(const void *x, const void *y)
{
	const struct event *p = *(const struct event *const *)x, *q = *(const struct event *const *)y;
	int64_t a = window_end(p), b = window_end(q);

	return a != b ? (a > b) - (a < b) : by_a(x, y);
}

enum windowed { WINDOW_AND_KEY, WINDOWS_OF_WINDOWS, SUMS_OF_WINDOWS, TOP_OF_WINDOWS, TOP_OF_ROWS };

static inline void put_window(enum windowed what, int64_t at, const struct figures *f, struct lines *out)
{
	char end[SPK_TEXT_MAX], a[24], s[24];
	int size = spk_text_timestamp(at, end);

	put_line(out, "%.*s|%s|%lld|%s", size, end, number_text(what == WINDOW_AND_KEY && f->a_null, f->a, a), (long long)f->rows, number_text(f->no_sum, f->sum, s));
}

static inline int by_figures(const void *x, const void *y)
{
	const struct figures *p = x, *q = y;

	if (p->rows != q->rows)
		return p->rows < q->rows ? 1 : -1;
	if (p->a_null || q->a_null)
		return p->a_null - q->a_null;
	return (p->a > q->a) - (p->a < q->a);
}

/* The two keys of a window with the most rows. */
static inline void put_top_keys(int64_t at, struct figures *key, int keys, struct lines *out)
{
	qsort(key, (size_t)keys, sizeof *key, by_figures);
	for (int i = 0; i < keys && i < 2; i++)
		put_window(WINDOW_AND_KEY, at, &key[i], out);
}

static inline int by_b(const void *x, const void *y)
{
	const struct event *p = *(const struct event *const *)x, *q = *(const struct event *const *)y;

	if (p->b_null || q->b_null)
		return p->b_null - q->b_null;
	return (p->b > q->b) - (p->b < q->b);
}

/* The rows of a window and key that are second and third by b, numbered. */
static inline void put_top_rows(int64_t at, const struct event **event, int n, struct lines *out)
{
	qsort(event, (size_t)n, sizeof *event, by_b);
	for (int i = 1; i < n && i < 3; i++) {
		const struct figures f = { .rows = event[i]->b, .sum = i + 1, .a_null = event[i]->a_null, .a = event[i]->a };
		char end[SPK_TEXT_MAX], a[24], b[24];
		int size = spk_text_timestamp(at, end);

		put_line(out, "%.*s|%s|%s|%lld", size, end, number_text(f.a_null, f.a, a), number_text(event[i]->b_null, f.rows, b), (long long)f.sum);
	}
}

/* Rows of windows that close at `watermark`, sorted; their events are taken out of `open`. starts: the window's start is shown. */
static inline struct lines close_windows_of(enum windowed what, struct seen *open, int64_t watermark, bool starts)
{
	struct seen left = { 0 };
	struct lines out = { 0 };

	if (open->count)
		qsort(open->event, (size_t)open->count, sizeof(*open->event), by_window);
	for (int i = 0, end; i < open->count; i = end) {
		int64_t at = window_end(open->event[i]);
		struct figures whole = { 0 }, *key = calloc((size_t)open->count, sizeof *key);
		int keys = 0;

		for (end = i; end < open->count && window_end(open->event[end]) == at;) {
			int from = end;
			struct figures f;

			while (end < open->count && by_window(&open->event[from], &open->event[end]) == 0)
				end++;
			f = key[keys++] = figure(open->event + from, open->event + end);
			if (at <= watermark && what == TOP_OF_ROWS)
				put_top_rows(at, open->event + from, end - from, &out);
			/* Of a window's keys: the largest count, or all, and how many there are. */
			whole.rows = what == SUMS_OF_WINDOWS ? whole.rows + f.rows : f.rows > whole.rows ? f.rows : whole.rows;
			whole.sum++;
			if (at <= watermark && what == WINDOW_AND_KEY)
				put_window(what, starts ? at - WINDOW : at, &f, &out);
		}
		if (at <= watermark && (what == WINDOWS_OF_WINDOWS || what == SUMS_OF_WINDOWS))
			put_window(what, at, &whole, &out);
		if (at <= watermark && what == TOP_OF_WINDOWS)
			put_top_keys(at, key, keys, &out);
		free(key);
		for (int k = i; at > watermark && k < end; k++)
			seen_add(&left, open->event[k]);
	}
	seen_release(open);
	*open = left;
	lines_sort(&out);
	return out;
}

#endif
