/*
 * Sessions by the key `a`, computed the plain way: which rows are late, and which sessions close in an epoch. A row is late when the watermark
 * is behind it and the gap, or when it would have belonged to a session that was closed.
 */
#ifndef SPK_TESTS_STREAM_SESSION_MODEL_H
#define SPK_TESTS_STREAM_SESSION_MODEL_H

#include "tests/stream/model.h"

struct closed_session { bool a_null; int64_t a, first, last; };
struct closed_sessions { int count, capacity; struct closed_session *at; };

static inline bool session_late(const struct closed_sessions *closed, const struct event *e, int64_t gap, int64_t watermark)
{
	if (e->ts + gap < watermark)
		return true;
	for (int i = 0; i < closed->count; i++) {
		const struct closed_session *s = &closed->at[i];

		if (s->a_null == e->a_null && (s->a_null || s->a == e->a) && e->ts <= s->last + gap && e->ts + gap >= s->first)
			return true;
	}
	return false;
}

static inline void session_remember(struct closed_sessions *closed, const struct event *first, const struct event *last)
{
	if (closed->count == closed->capacity) {
		closed->capacity = closed->capacity ? 2 * closed->capacity : 64;
		closed->at = realloc(closed->at, sizeof *closed->at * (size_t)closed->capacity);
	}
	closed->at[closed->count++] = (struct closed_session){ first->a_null, first->a, first->ts, last->ts };
}

static inline int by_a_and_time(const void *x, const void *y)
{
	const struct event *p = *(const struct event *const *)x, *q = *(const struct event *const *)y;
	int order = by_a(x, y);

	return order ? order : (p->ts > q->ts) - (p->ts < q->ts);
}

/* Rows of sessions that close at `watermark`, sorted; their events are taken out of `open`. rows: each row by itself, not what they come to. */
static inline struct lines close_sessions_of(struct closed_sessions *closed, struct seen *open, int64_t gap, int64_t watermark, bool rows)
{
	struct seen left = { 0 };
	struct lines out = { 0 };

	if (open->count)
		qsort(open->event, (size_t)open->count, sizeof(*open->event), by_a_and_time);
	for (int i = 0, end; i < open->count; i = end) {
		const struct event *const *e = open->event;
		int64_t over;

		for (end = i + 1; end < open->count && by_a(&e[i], &e[end]) == 0 && e[end]->ts <= e[end - 1]->ts + gap;)
			end++;
		over = e[end - 1]->ts + gap;
		for (int k = i; over >= watermark && k < end; k++)
			seen_add(&left, e[k]);
		if (over >= watermark)
			continue;
		session_remember(closed, e[i], e[end - 1]);
		for (int k = i; k < end; k = rows ? k + 1 : end) {
			struct figures f = figure(e + k, e + (rows ? k + 1 : end));

			put_window(WINDOW_AND_KEY, over, &f, &out);
		}
	}
	seen_release(open);
	*open = left;
	lines_sort(&out);
	return out;
}

#endif
