/*
 * Joins that know time, over random rows, cuts, watermarks, restarts and faults, against loops over all rows that were not late: intervals between
 * event times, windows, and what follows behind them; the nearest row, the version of then, what is there now. When all is over nothing is left in the state
 * but what is looked up.
 */
#include "tests/stream/life.h"
#include "tests/stream/model.h"

/* --- random queries --- */

enum shape { INTERVAL, WINDOWED, COUNTED, NEAREST, VERSION, LOOKED_UP, SHAPES };
enum kind { K_INNER, K_LEFT, K_RIGHT, K_FULL, K_SEMI, K_ANTI, KINDS };

/*
 * t and u, or windows of them, joined. INTERVAL: t.ts - u.ts between `least` and `most`, as far as there are such bounds. WINDOWED: equal ends; `slide`
 * is the slide of windows of three times its size, 0: they tumble. COUNTED: pairs of an INTERVAL join by windows of t's time, or by the windows that
 * are joined; of a FULL JOIN by the time, or window, of whichever side is there. NEAREST: an ASOF join;
 * VERSION: the same as versions of u. LOOKED_UP: what u, or a view of it (`form` 1: counts by a), has in the epoch, or (2) has at its end.
 */
struct query {
	enum shape shape;
	enum kind kind;
	bool by_a, b_less, strict, forward, has_least, has_most;
	int64_t least, most, slide;
	int64_t lateness;                /* WINDOWED: of rows behind a window's end */
	int64_t interval;                /* `changes`: they come so often, of windows that have not ended; 0: in every epoch */
	bool windows;                    /* WINDOWED; COUNTED: of those */
	bool changes, grouped;           /* WINDOWED: what open windows have comes out, too; t's rows are counted by window and a, and change where windows do */
	int form;                        /* how the bounds are written */
	char *sql;
};

static const char tables[] =
	"CREATE TABLE pairs (ta bigint, tb bigint, tt timestamp, ua bigint, ub bigint, ut timestamp) WITH ('connector' = 'appends');\n"
	"CREATE TABLE ones (ta bigint, tb bigint, tt timestamp) WITH ('connector' = 'appends');\n"
	"CREATE TABLE late_pairs (ta bigint, tb bigint, tt timestamp, ua bigint, ub bigint, ut timestamp) WITH ('connector' = 'deltas');\n"
	"CREATE TABLE late_ones (ta bigint, tb bigint, tt timestamp) WITH ('connector' = 'deltas');\n"
	"CREATE TABLE counts (w timestamp, n bigint) WITH ('connector' = 'appends');\n"
	"CREATE TABLE late_counts (w timestamp, n bigint) WITH ('connector' = 'deltas');\n"
	"CREATE TABLE versions (a bigint, b bigint, ts timestamp, WATERMARK FOR ts AS ts - INTERVAL '4' SECOND, PRIMARY KEY (a) NOT ENFORCED) WITH ('connector' = 'kafka');\n"
	"CREATE TABLE ended (a bigint, b bigint, ts timestamp) WITH ('connector' = 'kafka', 'scan.bounded.mode' = 'latest-offset');\n"
	"CREATE VIEW counted AS SELECT a, count(*) AS b, NULL::timestamp AS ts FROM u GROUP BY a;\n"
	"CREATE VIEW now AS SELECT *, PROCTIME() AS p FROM t;\n";

static bool shows_both(const struct query *q) { return q->kind != K_SEMI && q->kind != K_ANTI; }

static char *bound_text(const struct query *q, const char *t, const char *u)
{
	const long long least = (long long)q->least, most = (long long)q->most;
	const char *more = q->strict ? ">" : ">=", *less = q->strict ? "<" : "<=";
	char *low = q->form == 0 ? spk_test_format("%s %s %s + interval '%lld microseconds'", t, more, u, least) :
		    q->form == 1 ? spk_test_format("%s - interval '%lld microseconds' %s %s", t, least, more, u) :
				   spk_test_format("%s - %s %s interval '%lld microseconds'", t, u, more, least);
	char *high = q->form == 0 ? spk_test_format("%s + interval '%lld microseconds' %s %s", u, most, q->strict ? ">" : ">=", t) :
		     q->form == 1 ? spk_test_format("%s %s %s - interval '%lld microseconds'", t, less, u, -most) :
				    spk_test_format("interval '%lld microseconds' %s %s - %s", most, more, t, u);
	char *both = q->has_least && q->has_most ? (q->least == q->most && !q->strict ? spk_test_format("%s = %s + interval '%lld microseconds'", t, u, least) : spk_test_format("%s AND %s", low, high)) :
							     strdup(q->has_least ? low : high);

	free(low);
	free(high);
	return both;
}

static void write_other_sql(struct query *q)
{
	static const char *const tables_of[] = { "u", "counted", "ended" };
	const char *select = "INSERT INTO pairs SELECT t.a, t.b, t.ts, u.a, u.b, u.ts FROM", *join = q->kind == K_LEFT ? "LEFT JOIN" : "JOIN";

	if (q->shape == NEAREST)
		q->sql = spk_test_format("%s%s t ASOF %s u ON %s%s %s%s %s", tables, select, join, q->by_a ? "t.a = u.a AND " : "", q->form ? "t.ts" : "u.ts", (q->form != 0) == q->forward ? "<" : ">",
				 q->strict ? "" : "=", q->form ? "u.ts" : "t.ts");
	else if (q->shape == VERSION)
		q->sql = spk_test_format("%s%s t %s versions FOR SYSTEM_TIME AS OF t.ts AS u ON t.a = u.a", tables, select, join);
	else
		q->sql = spk_test_format("%s%s now AS t %s %s FOR SYSTEM_TIME AS OF t.p AS u ON t.a = u.a%s", tables, select, join, tables_of[q->form], q->b_less ? " AND t.b < u.b" : "");
}

static void write_sql(struct query *q)
{
	static const char *const joins[] = { "JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN" };
	const bool windows = q->windows;
	char *bound = windows ? strdup("t.window_start = u.window_start AND t.window_end = u.window_end") : bound_text(q, "t.ts", "u.ts");
	char *on = spk_test_format("%s%s%s", bound, q->by_a ? " AND t.a = u.a" : "", q->b_less ? " AND t.b < u.b" : "");
	const bool deltas = q->lateness || q->changes;
	char *from[2], set[140] = "";

	if (deltas)
		snprintf(set, sizeof set, "SET emit.allowed-lateness = '%lldms';\nSET emit = '%s';\nSET emit.interval = '%lldms';\n", (long long)(q->lateness / 1000), q->changes ? "on-update" : "auto", (long long)(q->interval / 1000));
	for (int i = 0; i < 2; i++) {
		const char *name = i ? "u" : "t";

		if (!windows)
			from[i] = strdup(name);
		else if (q->slide)
			from[i] = spk_test_format("hop(%s, ts, interval '%lld microseconds', interval '%lld microseconds') AS %s", name, (long long)q->slide, (long long)q->slide * 3, name);
		else
			from[i] = spk_test_format("tumble(%s, ts, interval '5 seconds') AS %s", name, name);
		if (i == 0 && q->grouped) {
			char *all = from[0];

			from[0] = spk_test_format("(SELECT window_start, window_end, a, count(*) AS b, NULL::timestamp AS ts FROM %s GROUP BY window_start, window_end, a) AS t", all);
			free(all);
		}
	}
	if (q->shape == COUNTED && windows)
		q->sql = spk_test_format("%s%sINSERT INTO %s SELECT window_end, count(*) FROM %s %s %s USING (window_start, window_end%s) GROUP BY window_start, window_end", tables, set, deltas ? "late_counts" : "counts", from[0], joins[q->kind],
					 from[1], q->by_a ? ", a" : "");
	else if (q->shape == COUNTED && q->kind == K_FULL)
		q->sql = spk_test_format("%sINSERT INTO counts SELECT window_end, count(*) FROM tumble((SELECT coalesce(%s) AS ts FROM t FULL JOIN u ON %s WHERE t.ts IS NOT NULL OR u.ts IS NOT NULL), ts, interval '5 seconds') GROUP BY window_end",
				 tables, q->form ? "t.ts, u.ts" : "u.ts, t.ts", on);
	else if (q->shape == COUNTED)
		q->sql = spk_test_format("%sINSERT INTO counts SELECT window_end, count(*) FROM tumble((SELECT t.ts FROM t %s u ON %s WHERE t.ts IS NOT NULL), ts, interval '5 seconds') GROUP BY window_end", tables, joins[q->kind], on);
	else if (shows_both(q))
		q->sql = spk_test_format("%s%sINSERT INTO %s SELECT t.a, t.b, t.ts, u.a, u.b, u.ts FROM %s %s %s ON %s", tables, set, deltas ? "late_pairs" : "pairs", from[0], joins[q->kind], from[1], on);
	else
		q->sql = spk_test_format("%s%sINSERT INTO %s SELECT t.a, t.b, t.ts FROM %s WHERE %s (SELECT 1 FROM %s WHERE %s)", tables, set, deltas ? "late_ones" : "ones", from[0], q->kind == K_SEMI ? "EXISTS" : "NOT EXISTS", from[1], on);
	free(from[0]);
	free(from[1]);
	free(bound);
	free(on);
}

/* changing: of windows that change. */
static struct query query_new(spk_test_rng *rng, bool changing)
{
	struct query q = { .shape = changing ? (spk_test_one_in(rng, 4) ? COUNTED : WINDOWED) : (enum shape)spk_test_below(rng, SHAPES), .kind = (enum kind)spk_test_below(rng, KINDS) };

	q.by_a = !spk_test_one_in(rng, 4);
	q.b_less = spk_test_one_in(rng, 3);
	q.strict = spk_test_one_in(rng, 2);
	q.has_least = q.has_most = true;
	q.least = spk_test_between(rng, -20, 20) * SECOND / (spk_test_one_in(rng, 3) ? 100 : 1);
	q.most = q.least + (spk_test_one_in(rng, 6) ? 0 : spk_test_between(rng, -1, 20) * SECOND / (spk_test_one_in(rng, 3) ? 50 : 1));
	q.slide = spk_test_one_in(rng, 2) ? 2 * SECOND : 0;
	q.form = (int)spk_test_below(rng, 3);
	if (changing) {
		q.changes = spk_test_one_in(rng, 2);
		q.lateness = q.changes && spk_test_one_in(rng, 3) ? 0 : spk_test_one_in(rng, 2) ? 3 * SECOND : 45 * SECOND;
	}
	if (q.changes && q.shape == WINDOWED && q.kind != K_INNER && q.kind != K_SEMI && spk_test_one_in(rng, 2))
		q.interval = 3 * SECOND;
	q.grouped = q.shape == WINDOWED && !q.interval && spk_test_one_in(rng, 3);
	/* Behind the join the times of t must be known, and t must be there. */
	if (q.shape == COUNTED) {
		q.kind = spk_test_one_in(rng, 2) ? K_FULL : spk_test_one_in(rng, 2) ? K_INNER : K_LEFT;
		q.windows = changing || spk_test_one_in(rng, 3);
	}
	if (q.windows) {
		q.slide = 0;
		q.b_less = false;
	}
	q.windows = q.windows || q.shape == WINDOWED;
	/* One bound: the side that can go goes; which of them may come out alone depends on that. */
	if (q.shape == INTERVAL && spk_test_one_in(rng, 4)) {
		q.has_least = spk_test_one_in(rng, 2);
		q.has_most = !q.has_least;
		q.kind = spk_test_one_in(rng, 2) ? K_INNER : q.has_most ? K_RIGHT : K_LEFT;
	}
	if (q.shape >= NEAREST) {
		q.kind = spk_test_one_in(rng, 2) ? K_INNER : K_LEFT;
		q.b_less = q.b_less && q.shape == LOOKED_UP;
		q.strict = q.strict && q.shape == NEAREST;
		q.forward = q.shape == NEAREST && spk_test_one_in(rng, 2);
		q.by_a = q.by_a || q.shape != NEAREST;
		write_other_sql(&q);
	} else {
		write_sql(&q);
	}
	return q;
}

/* --- what it must come to --- */

/* A row of t or u, in the window that ends then. */
struct row { const struct event *event; int64_t end; };
struct rows { int count, capacity; struct row *row; };

static void rows_add(struct rows *r, struct row row)
{
	if (r->count == r->capacity) {
		r->capacity = r->capacity ? 2 * r->capacity : 256;
		r->row = realloc(r->row, sizeof *r->row * (size_t)r->capacity);
	}
	r->row[r->count++] = row;
}

static bool meets(const struct query *q, const struct row *x, const struct row *y)
{
	const struct event *t = x->event, *u = y->event;
	const int64_t apart = t->ts - u->ts;

	if ((q->by_a && (t->a_null || u->a_null || t->a != u->a)) || (q->b_less && (t->b_null || u->b_null || t->b >= u->b)))
		return false;
	if (q->windows)
		return x->end == y->end;
	if (q->shape == LOOKED_UP)
		return true;
	if (t->ts_null || u->ts_null)
		return false;
	if (q->shape >= NEAREST)
		return q->strict ? (q->forward ? apart < 0 : apart > 0) : q->forward ? apart <= 0 : apart >= 0;
	if (q->has_least && q->has_most && q->least == q->most && !q->strict)
		return apart == q->least;
	return (!q->has_least || (q->strict ? apart > q->least : apart >= q->least)) && (!q->has_most || (q->strict ? apart < q->most : apart <= q->most));
}

static void put_side(const struct event *e, char *out, size_t size)
{
	char a[24], b[24], ts[SPK_TEXT_MAX];
	int n;

	if (!e) {
		snprintf(out, size, "NULL|NULL|NULL");
		return;
	}
	n = e->ts_null ? snprintf(ts, sizeof ts, "NULL") : spk_text_timestamp(e->ts, ts);
	snprintf(out, size, "%s|%s|%.*s", number_text(e->a_null, e->a, a), number_text(e->b_null, e->b, b), n, ts);
}

static void put_pair(const struct query *q, const struct event *t, const struct event *u, struct lines *out)
{
	char left[120], right[120];

	put_side(t, left, sizeof left);
	put_side(u, right, sizeof right);
	put_line(out, shows_both(q) ? "+%s|%s" : "+%s", left, right);
}

static int by_number(const void *x, const void *y)
{
	const int64_t a = *(const int64_t *)x, b = *(const int64_t *)y;

	return (a > b) - (a < b);
}

/* COUNTED: the windows' ends of rows that come out. */
struct ends { int count, capacity; int64_t *at; };

static void note_end(struct ends *e, const struct event *of)
{
	if (of->ts_null)
		return;
	if (e->count == e->capacity)
		e->at = realloc(e->at, sizeof *e->at * (size_t)(e->capacity = 2 * e->capacity + 64));
	e->at[e->count++] = window_end(of);
}

/* They, counted. */
static void put_counts_of(int64_t *end, int n, struct lines *out)
{
	if (n)
		qsort(end, (size_t)n, sizeof *end, by_number);
	for (int i = 0, to; i < n; i = to) {
		char text[SPK_TEXT_MAX];
		int size = spk_text_timestamp(end[i], text);

		for (to = i; to < n && end[to] == end[i];)
			to++;
		put_line(out, "+%.*s|%d", size, text, to - i);
	}
}

/* Every row of t with the nearest one of u. */
static struct lines joined_nearest(const struct query *q, const struct rows *t, const struct rows *u)
{
	struct lines out = { 0 };

	for (int i = 0; i < t->count; i++) {
		const struct event *best = NULL;

		for (int k = 0; k < u->count; k++)
			if (meets(q, &t->row[i], &u->row[k]) && (!best || (q->forward ? u->row[k].event->ts < best->ts : u->row[k].event->ts > best->ts)))
				best = u->row[k].event;
		if (best || q->kind == K_LEFT)
			put_pair(q, t->row[i].event, best, &out);
	}
	lines_sort(&out);
	return out;
}

/* What rows of t from `from` on find among those of u that are there. */
static void look_up(const struct query *q, const struct rows *t, int from, const struct rows *u, struct lines *out)
{
	for (int i = from; i < t->count; i++) {
		struct event counted = { .ts_null = true };
		int found = 0;

		for (int k = 0; k < u->count; k++) {
			const struct query by_key = { .shape = LOOKED_UP, .by_a = true, .b_less = q->b_less && q->form != 1 };

			if (!meets(&by_key, &t->row[i], &u->row[k]))
				continue;
			found++;
			counted.a = u->row[k].event->a;
			counted.b++;
			if (q->form != 1)
				put_pair(q, t->row[i].event, u->row[k].event, out);
		}
		if (q->form == 1)
			found = found && meets(q, &t->row[i], &(struct row){ .event = &counted });
		if (q->form == 1 && found)
			put_pair(q, t->row[i].event, &counted, out);
		if (!found && q->kind == K_LEFT)
			put_pair(q, t->row[i].event, NULL, out);
	}
}

static struct lines joined(const struct query *q, const struct rows *t, const struct rows *u)
{
	bool *met = calloc((size_t)u->count + 1, sizeof *met);
	struct lines out = { 0 };
	struct ends ends = { 0 };

	for (int i = 0; i < t->count; i++) {
		int partners = 0;

		for (int k = 0; k < u->count; k++) {
			if (!meets(q, &t->row[i], &u->row[k]))
				continue;
			partners++;
			met[k] = true;
			if (q->shape == COUNTED)
				note_end(&ends, q->kind == K_FULL && !q->form ? u->row[k].event : t->row[i].event);
			else if (shows_both(q))
				put_pair(q, t->row[i].event, u->row[k].event, &out);
		}
		if (q->shape == COUNTED) {
			if (!partners && q->kind != K_INNER)
				note_end(&ends, t->row[i].event);
			continue;
		}
		if (partners ? q->kind == K_SEMI : q->kind == K_LEFT || q->kind == K_FULL || q->kind == K_ANTI)
			put_pair(q, t->row[i].event, NULL, &out);
	}
	for (int k = 0; k < u->count && (q->kind == K_RIGHT || q->kind == K_FULL); k++)
		if (!met[k] && q->shape == COUNTED)
			note_end(&ends, u->row[k].event);
		else if (!met[k])
			put_pair(q, NULL, u->row[k].event, &out);
	put_counts_of(ends.at, ends.count, &out);
	free(met);
	free(ends.at);
	lines_sort(&out);
	return out;
}

/* GROUPED: rows of t as their counts by window and a. */
struct groups { struct rows rows; struct event *event; };

static int by_group(const void *x, const void *y)
{
	const struct row *a = x, *b = y;

	if (a->end != b->end)
		return a->end < b->end ? -1 : 1;
	return by_a(&a->event, &b->event);
}

static struct groups counted_groups(const struct rows *t)
{
	struct groups g = { .event = calloc((size_t)t->count + 1, sizeof *g.event) };
	struct row *sorted = malloc(sizeof *sorted * ((size_t)t->count + 1));

	if (t->count)
		memcpy(sorted, t->row, sizeof *sorted * (size_t)t->count);
	qsort(sorted, (size_t)t->count, sizeof *sorted, by_group);
	for (int i = 0; i < t->count; i++) {
		struct event *e = &g.event[g.rows.count];

		if (i && by_group(&sorted[i - 1], &sorted[i]) == 0) {
			g.event[g.rows.count - 1].b++;
			continue;
		}
		*e = (struct event){ .a = sorted[i].event->a, .a_null = sorted[i].event->a_null, .b = 1, .ts_null = true };
		rows_add(&g.rows, (struct row){ e, sorted[i].end });
	}
	free(sorted);
	return g;
}

/*
 * Of windows, what those that ended up to then have; and rows that meet nothing whatever there is, which need not wait: GROUPED, for nothing but the end of t's windows,
 * `until_t`. With an interval, of windows that have not ended by then the rows of its beginning.
 */
static struct lines joined_windows(const struct query *q, const struct rows *rows, const int *shown, int64_t until, int64_t until_t)
{
	struct rows ended[2] = { { 0 } };
	struct groups groups = { .event = NULL };
	struct lines out;

	for (int s = 0; s < 2; s++)
		for (int i = 0; i < rows[s].count; i++)
			if (rows[s].row[i].end <= until || i < shown[s] || (!q->interval && q->shape == WINDOWED && q->by_a && rows[s].row[i].event->a_null && (!q->grouped || s == 1 || rows[s].row[i].end <= until_t)))
				rows_add(&ended[s], rows[s].row[i]);
	if (q->grouped)
		groups = counted_groups(&ended[0]);
	out = joined(q, q->grouped ? &groups.rows : &ended[0], &ended[1]);
	for (int s = 0; s < 2; s++)
		free(ended[s].row);
	free(groups.rows.row);
	free(groups.event);
	return out;
}

/* --- trials --- */

struct trial { const struct query *query; struct life life; struct rows rows[2]; int shown[2]; struct lines out, found; int64_t late, bad; };

/* A row of table s (0 t, 1 u), once for every window that it is in; late by the watermark before the epoch. */
static void see(struct trial *l, int s, const struct event *e, int64_t watermark)
{
	const struct query *q = l->query;
	const int64_t size = q->slide ? 3 * q->slide : WINDOW, slide = q->slide ? q->slide : WINDOW;

	if (!q->windows) {
		if (q->shape == COUNTED && (s == 0 || q->kind == K_FULL) && e->ts_null)
			return;
		if (!e->ts_null && e->ts < watermark && q->shape != LOOKED_UP)
			l->late++;
		else
			rows_add(&l->rows[s], (struct row){ .event = e });
		return;
	}
	if (e->ts_null) {
		l->bad++;
		return;
	}
	/* Told once, when the last of its windows is closed. */
	l->late += e->ts - e->ts % slide + size + q->lateness <= watermark;
	for (int64_t end = e->ts - e->ts % slide + slide; end <= e->ts - e->ts % slide + size; end += slide)
		if (end + q->lateness > watermark)
			rows_add(&l->rows[s], (struct row){ e, end });
}

/* A line more, or one that is taken back, which must be there. */
static void take_line(struct lines *out, char *line)
{
	if (line[0] == '+') {
		lines_add(out, line, strlen(line));
		return;
	}
	line[0] = '+';
	CHECK(lines_take(out, line));
	line[0] = '-';
}

/* What came out is this, which is released. */
static bool check_lines(struct trial *l, struct lines want)
{
	bool same;

	lines_sort(&want);
	lines_sort(&l->out);
	same = CHECK(lines_same(&l->out, &want));
	for (int i = 0, shown = 0; !same && i < SPK_MAX(l->out.count, want.count) && shown < 10; i++) {
		const char *got = i < l->out.count ? l->out.line[i] : "nothing", *wanted = i < want.count ? want.line[i] : "nothing";

		if (strcmp(got, wanted) != 0)
			printf("      line %d: got %s, want %s\n", ++shown, got, wanted);
	}
	if (!same)
		printf("      %d lines, want %d: %s\n", l->out.count, want.count, l->query->sql);
	lines_release(&want);
	return same;
}

static bool check_epoch(struct life *life)
{
	struct trial *l = spk_container_of(life, struct trial, life);
	const int64_t e = l->life.stream.epoch - 1, late = l->late, bad = l->bad;
	const struct cut *cut = &l->life.cut[e];
	const struct outcome *o = &l->life.outcome[e];
	const int64_t watermark = SPK_MIN(o->before[0], o->before[1]), alone = o->before[life_source(&l->life, 0)];
	const int from = l->rows[0].count;

	for (int s = 0; s < 2 && l->query->interval && life_begins_interval(life, l->query->interval); s++)
		l->shown[s] = l->rows[s].count;
	for (int i = 0; i < l->life.stream.plan->sources; i++)
		for (int p = 0; p < l->life.stream.partitions[i]; p++)
			for (int k = cut->from[i][p]; k < cut->to[i][p]; k++)
				see(l, life_source(&l->life, i), &l->life.stream.partition[i][p].event[k], l->query->grouped && life_source(&l->life, i) == 0 ? alone : watermark);
	if (l->query->shape == LOOKED_UP && l->query->form != 2)
		look_up(l->query, &l->rows[0], from, &l->rows[1], &l->found);
	for (int come = 1; come >= 0; come--)
		for (int i = 0; i < o->out[0].count; i++)
			if ((o->out[0].line[i][0] == '+') == come)
				take_line(&l->out, o->out[0].line[i]);
	if (l->query->windows && !check_lines(l, joined_windows(l->query, l->rows, l->shown, l->query->changes && !l->query->interval ? INT64_MAX : SPK_MIN(o->after[0], o->after[1]), o->after[life_source(&l->life, 0)])))
		return false;
	return CHECK_EQ_INT(o->late, l->late - late) && CHECK_EQ_INT(o->bad, l->bad - bad);
}

static void check_all(struct trial *l)
{
	const struct query *q = l->query;

	if (q->shape == LOOKED_UP && q->form == 2)
		look_up(q, &l->rows[0], 0, &l->rows[1], &l->found);
	if (!q->windows)
		check_lines(l, q->shape == LOOKED_UP ? l->found : q->shape >= NEAREST ? joined_nearest(q, &l->rows[0], &l->rows[1]) : joined(q, &l->rows[0], &l->rows[1]));
	stream_settle(&l->life.stream);
	CHECK(q->shape == LOOKED_UP || stream_entries(&l->life.stream, SPK_PHYSICAL_COUNT) == 0);
}

/* The join must be one that lets rows go. */
static void check_plan(const struct trial *l)
{
	const struct spk_physical_plan *plan = l->life.stream.plan;
	static const enum spk_physical_kind kinds[SHAPES] = { SPK_PHYSICAL_INTERVAL_JOIN, SPK_PHYSICAL_WINDOW_JOIN, SPK_PHYSICAL_INTERVAL_JOIN, SPK_PHYSICAL_STREAM_ASOF_JOIN,
		SPK_PHYSICAL_STREAM_ASOF_JOIN, SPK_PHYSICAL_LOOKUP_JOIN };
	const struct query *q = l->query;
	const enum spk_physical_kind kind = q->changes ? SPK_PHYSICAL_STREAM_JOIN : q->windows ? SPK_PHYSICAL_WINDOW_JOIN : kinds[q->shape];
	const bool retracts = q->changes ? q->shape == COUNTED || q->grouped || (q->kind != K_INNER && q->kind != K_SEMI) : q->lateness > 0;
	bool found = false;

	for (int i = 0; i < plan->nodes; i++)
		found = found || plan->node[i]->kind == kind;
	if (!CHECK(found) || !CHECK(plan->sink[0].retracts == retracts))
		printf("      %s\n", l->query->sql);
}

static void live(const struct query *q, uint64_t stream, int events, int epochs)
{
	struct trial *l = calloc(1, sizeof *l);
	bool good;

	l->query = q;
	life_init(&l->life, q->sql, stream, events);
	check_plan(l);
	good = life_run(&l->life, epochs, check_epoch);
	if (!good)
		printf("      epoch %d of %s\n", (int)l->life.stream.epoch, q->sql);
	else
		check_all(l);
	life_release(&l->life);
	for (int s = 0; s < 2; s++)
		free(l->rows[s].row);
	lines_release(&l->out);
	free(l);
}

static void try_queries(int stream, bool changing, int rounds)
{
	spk_test_rng rng = spk_test_rng_new((uint64_t)stream);

	spk_log_set_levels("error", NULL);
	for (int i = 0; i < rounds; i++) {
		struct query q = query_new(&rng, changing);

		live(&q, 30000 + 1000 * (uint64_t)changing + (uint64_t)i, i % 3 ? 60 : 250, 8 + i % 3 * 8);
		free(q.sql);
	}
}

static void all_that_was_not_late_is_joined(void) { try_queries(9, false, spk_test_long() ? 800 : 60); }

/* Windows that are open, or have come out: what their rows change of them comes out as well. */
static void windows_change(void) { try_queries(10, true, spk_test_long() ? 400 : 40); }

/* What EXPLAIN says of the join of t and u under a condition; NULL: it has to say nothing of time. */
static void the_bound_is_said(void)
{
	static const struct { const char *from, *said, *bound; } list[] = {
		{ "t JOIN u ON t.a = u.a AND t.ts BETWEEN u.ts - INTERVAL '10' MINUTE AND u.ts + INTERVAL '5' SECOND", "IntervalJoin", "; right.ts - left.ts between -00:00:05 and 00:10:00]" },
		{ "t LEFT JOIN u ON t.ts = u.ts", "IntervalJoin", "; right.ts - left.ts between 00:00:00 and 00:00:00]" },
		{ "t JOIN u ON t.ts - u.ts < INTERVAL '1 day' AND INTERVAL '-1 day' < t.ts - u.ts", "IntervalJoin", "; right.ts - left.ts between -24:00:00 and 24:00:00]" },
		{ "t JOIN u ON u.ts >= t.ts AND u.ts < t.ts + INTERVAL '1 month'", "IntervalJoin", "; right.ts - left.ts between 00:00:00 and 744:00:00]" },
		{ "t JOIN u ON t.a = u.a AND t.ts >= u.ts", "IntervalJoin", "; right.ts - left.ts up to 00:00:00, right is kept for good]" },
		{ "t LEFT JOIN u ON t.a = u.a AND t.ts >= u.ts", "IntervalJoin", "; right.ts - left.ts up to 00:00:00, right is kept for good]" },
		{ "t JOIN (SELECT window_end AS w, max(a) AS a FROM tumble(u, ts, INTERVAL '10' SECOND) GROUP BY window_start, window_end) AS u ON t.a = u.a AND t.ts BETWEEN u.w - INTERVAL '10' SECOND AND u.w",
		  "IntervalJoin", "; right.w - left.ts between 00:00:00 and 00:00:10]" },
		{ "t JOIN (SELECT coalesce(x.ts, u.ts) AS ts, u.a FROM t AS x FULL JOIN u ON x.ts = u.ts AND x.a = u.a) AS u ON t.ts BETWEEN u.ts - INTERVAL '1' SECOND AND u.ts", "IntervalJoin", "; right.ts - left.ts between 00:00:00 and 00:00:01]" },
		{ "t RIGHT JOIN u ON t.a = u.a AND t.ts >= u.ts", "StreamJoin", NULL },
		{ "t JOIN u ON t.a = u.a AND t.ts <> u.ts", "StreamJoin", NULL },
		{ "t JOIN u ON t.a = u.a AND t.ts > timestamp '2024-01-01'", "StreamJoin", NULL },
		{ "t JOIN u ON t.a = u.a AND t.ts < u.ts + t.a * INTERVAL '1' SECOND", "StreamJoin", NULL },
		{ "t JOIN (SELECT a, count(*) AS n, max(ts) AS ts FROM u GROUP BY a) AS u ON t.ts < u.ts", "StreamJoin", NULL },
		{ "tumble(t, ts, INTERVAL '5' SECOND) AS t JOIN tumble(u, ts, INTERVAL '5' SECOND) AS u USING (window_start, window_end)", "WindowJoin", "; when the window closes]" },
		{ "tumble(t, ts, INTERVAL '5' SECOND) AS t JOIN tumble(u, ts, INTERVAL '5' SECOND) AS u ON t.window_start = u.window_end", "StreamJoin", NULL },
	};

	for (size_t i = 0; i < SPK_COUNT_OF(list); i++) {
		char *sql = spk_test_format("%sINSERT INTO deltas SELECT t.a, u.a FROM %s", tables, list[i].from);
		struct spk_buffer text = { 0 };
		struct stream s = { 0 };

		stream_plan(&s, sql);
		spk_physical_format(s.plan, NULL, NULL, &text, NULL);
		CHECK_HOLDS(spk_buffer_cstr(&text), list[i].said);
		if (list[i].bound)
			CHECK_HOLDS(text.data, list[i].bound);
		else
			CHECK(!strstr(text.data, "right.ts - left.ts"));
		spk_buffer_release(&text);
		stream_release(&s);
		free(sql);
	}
}

/* What a stream cannot answer is refused, with the way out. */
static void what_cannot_be_is_refused(void)
{
	static const struct { const char *from, *message, *hint; } list[] = {
		{ "t ASOF JOIN u ON t.a = u.a AND t.b >= u.b", "must compare the event times of both sides", "WATERMARK" },
		{ "t ASOF JOIN (SELECT a, max(ts) AS ts FROM u GROUP BY a) AS u ON t.a = u.a AND t.ts >= u.ts", "an ASOF JOIN of rows that may be taken back is not supported", "PROCTIME()" },
		{ "(SELECT a, count(*) AS b, PROCTIME() AS p FROM t GROUP BY a) AS t JOIN u FOR SYSTEM_TIME AS OF t.p AS u ON t.b = u.a", "rows that may be taken back cannot be looked up for", "Join first" },
		{ "t JOIN u ON t.a = u.a WHERE (t.a, t.b) NOT IN (SELECT a, b FROM u)", "IN or NOT IN with several values, or conditions, that may be NULL is not supported", "NOT EXISTS" },
		{ "t ASOF JOIN u ON ARRAY[t.a] = ARRAY[u.a] AND t.ts >= u.ts", "must be of values that can be hashed", "" },
	};

	for (size_t i = 0; i < SPK_COUNT_OF(list); i++) {
		char *sql = spk_test_format("%sINSERT INTO deltas SELECT t.a, u.a FROM %s", tables, list[i].from);
		struct spk_physical_options options = { .streaming = true, .sink_takes = stream_sink_takes };
		struct spk_physical_plan *plan;
		struct stream s = { 0 };
		struct spk_logical *root = stream_bind(&s, sql);
		spk_error err = { 0 };

		CHECK(spk_physical_plan_make(s.arena, &root, 1, &options, &plan, &err) != SPK_OK);
		CHECK_HOLDS(err.message, list[i].message);
		CHECK_HOLDS(err.hint, list[i].hint);
		CHECK(err.position > 0);
		stream_release(&s);
		free(sql);
	}
}

SPK_TEST_SUITE("joins that know time", { "what cannot be is refused", what_cannot_be_is_refused }, { "the bound is said", the_bound_is_said }, { "all that was not late is joined", all_that_was_not_late_is_joined },
	       { "windows change", windows_change })
