/*
 * Incremental operators over many epochs against a plain computation: random rows, cuts, partitions, watermarks and idleness, with
 * restarts from snapshots, failing tasks and failing state in between. What epochs wrote is compared after every one of them.
 */
#include "core/base/check.h"
#include "tests/batch/relations.h"
#include "tests/stream/life.h"
#include "tests/stream/session_model.h"

/* --- the jobs --- */

/* CHANGING: windows whose changes come out. REPEATS: only that replays write the same. RELATES: a random relation, whose rows change. */
enum mode { CHANGES, UPSERTS, CLOSES, CHANGING, REPEATS, RELATES };

static const struct job {
	const char *name, *sql;
	enum mode mode;
	enum result result;        /* CHANGES, UPSERTS */
	enum windowed windowed;    /* CLOSES */
	int key;                   /* UPSERTS: column */
	bool both, starts;         /* CLOSES: reads t and u; shows the window's start */
	int64_t gap;               /* CLOSES: of sessions, not windows */
	bool rows;                 /* sessions: each row comes out */
	int64_t lateness;          /* CHANGING: of rows behind a window's end */
	bool waits;                /* CHANGING: windows that have not ended are not shown */
	int64_t interval;          /* CHANGING: others show what they had at its beginning */
	bool hops;                 /* CLOSES, CHANGING: windows of twice the length, one beginning every length */
	const struct relation *relation;
} jobs[] = {
	{ .name = "count by key", .sql = "INSERT INTO deltas SELECT a, count(*) FROM t GROUP BY a", .mode = CHANGES, .result = BY_KEY_COUNT },
	{ .name = "filtered sum by key", .sql = "INSERT INTO deltas SELECT a, sum(b) FILTER (WHERE b > 0) FROM t GROUP BY a", .mode = CHANGES, .result = BY_KEY_SUM },
	{ .name = "texts by key", .sql = "INSERT INTO texts SELECT a, min(v), max(v) FROM t GROUP BY a", .mode = CHANGES, .result = BY_KEY_TEXT },
	{ .name = "rows that fail are in no group", .sql = "INSERT INTO deltas SELECT a, sum(10 / b) FILTER (WHERE b <> 3) FROM t GROUP BY a", .mode = CHANGES, .result = BY_KEY_TENTHS },
	{ .name = "over all rows", .sql = "INSERT INTO deltas SELECT count(*), sum(b) FROM t", .mode = CHANGES, .result = OVER_ALL },
	{ .name = "counts of counts", .sql = "INSERT INTO deltas SELECT n, count(*) FROM (SELECT a, count(*) AS n FROM t GROUP BY a) x GROUP BY n", .mode = CHANGES, .result = COUNT_OF_COUNTS },
	{ .name = "groups that come and go", .sql = "INSERT INTO deltas SELECT count(*), sum(n) FROM (SELECT a, count(*) AS n FROM t GROUP BY a HAVING count(*) % 3 = 0) x", .mode = CHANGES, .result = THIRDS },
	{ .name = "upserts by the group", .sql = "INSERT INTO by_x SELECT a, count(*) FROM t GROUP BY a", .mode = UPSERTS, .result = BY_KEY_COUNT, .key = 0 },
	{ .name = "upserts by another key", .sql = "INSERT INTO by_y SELECT count(*), a + 1 FROM t GROUP BY a", .mode = UPSERTS, .result = SHIFTED_KEY, .key = 1 },
	{ .name = "a union of two sources", .sql = "INSERT INTO deltas SELECT a, b FROM t WHERE b > 0 UNION ALL SELECT a, b + 1 FROM u", .mode = CHANGES, .result = ROWS_OF_BOTH },
	{ .name = "rows that fail in WHERE or SELECT", .sql = "INSERT INTO deltas SELECT a, 10 / b FROM t WHERE 100 / (b - 1) > -1000", .mode = CHANGES, .result = DIVIDED },
	{ .name = "windows", .sql = "INSERT INTO windows SELECT window_end, a, count(*), sum(b) FROM tumble(t, ts, interval '5 seconds') GROUP BY window_end, a", .mode = CLOSES },
	{ .name = "windows beside another INSERT", .sql = "INSERT INTO windows SELECT window_end, a, count(*), sum(b) FROM tumble(t, ts, interval '5 seconds') GROUP BY window_end, a;\n"
	  "INSERT INTO more SELECT b, count(*) FROM t GROUP BY b;\n"
	  "INSERT INTO doubles SELECT a, f FROM u WHERE f > 0", .mode = CLOSES },
	{ .name = "sums of doubles, whose order shows", .sql = "INSERT INTO doubles SELECT a, sum(f) FROM t GROUP BY a", .mode = REPEATS },
	{ .name = "windows whose rows are kept", .sql = "INSERT INTO windows SELECT window_end, a, cardinality(array_agg(b ORDER BY b))::bigint, sum(b) FROM tumble(t, ts, interval '5 seconds') GROUP BY window_end, a", .mode = CLOSES },
	{ .name = "windows of two sources whose rows are kept", .sql = "INSERT INTO windows SELECT window_end, a, count(DISTINCT (b, f, v)), sum(b)\n"
	  "FROM tumble((SELECT * FROM t UNION ALL SELECT * FROM u), ts, interval '5 seconds') GROUP BY window_end, a", .mode = CLOSES, .both = true },
	{ .name = "windows by their start", .sql = "INSERT INTO windows SELECT window_start, a, count(*), sum(b) FROM tumble(t, ts, interval '5 seconds') GROUP BY a, window_start",
	  .mode = CLOSES, .starts = true },
	{ .name = "windows of windows", .sql = "INSERT INTO windows SELECT window_end, 0, max(n), count(*) FROM (SELECT window_end, a, count(*) AS n\n"
	  "FROM tumble(t, ts, interval '5 seconds') GROUP BY window_end, a) x GROUP BY window_end", .mode = CLOSES, .windowed = WINDOWS_OF_WINDOWS },
	{ .name = "the largest groups of windows", .sql = "INSERT INTO windows SELECT window_end, a, n, s FROM (SELECT *, row_number() OVER (PARTITION BY window_end ORDER BY n DESC, a) AS place\n"
	  "FROM (SELECT window_end, a, count(*) AS n, sum(b) AS s FROM tumble(t, ts, interval '5 seconds') GROUP BY window_end, a) x) y WHERE place <= 2", .mode = CLOSES, .windowed = TOP_OF_WINDOWS },
	{ .name = "the first rows of windows", .sql = "INSERT INTO windows SELECT window_end, a, b, place FROM (SELECT *, row_number() OVER (PARTITION BY a, window_end ORDER BY b) AS place\n"
	  "FROM tumble(t, ts, interval '5 seconds')) y WHERE place BETWEEN 2 AND 3", .mode = CLOSES, .windowed = TOP_OF_ROWS },
	{ .name = "all rows of windows, numbered", .sql = "INSERT INTO windows SELECT window_end, a, b, nullif(nullif(place, 1), 4) FROM (SELECT *, least(4, row_number() OVER (PARTITION BY a, window_end ORDER BY b)) AS place\n"
	  "FROM tumble(t, ts, interval '5 seconds')) y WHERE place > 1 AND place < 4", .mode = CLOSES, .windowed = TOP_OF_ROWS },
	{ .name = "windows of two sources", .sql = "INSERT INTO windows SELECT window_end, a, count(*), sum(b)\n"
	  "FROM tumble((SELECT * FROM t UNION ALL SELECT * FROM u), ts, interval '5 seconds') GROUP BY window_end, a", .mode = CLOSES, .both = true },
	{ .name = "hopping windows", .sql = "INSERT INTO windows SELECT window_end, a, count(*), sum(b) FROM hop(t, ts, interval '5 seconds', interval '10 seconds') GROUP BY window_end, a",
	  .mode = CLOSES, .hops = true },
	{ .name = "hopping windows of two sources", .sql = "INSERT INTO windows SELECT e, a, n, s FROM (SELECT a, window_end AS e, window_start, count(*) AS n, sum(c) AS s\n"
	  "FROM (SELECT b + 0 AS c, * FROM hop((SELECT * FROM t UNION ALL SELECT * FROM u), ts, interval '5 seconds', interval '10 seconds')) y GROUP BY a, window_end, window_start) x",
	  .mode = CLOSES, .hops = true, .both = true },
	{ .name = "windows that change", .sql = "SET emit = 'on-update';\n"
	  "INSERT INTO changing SELECT window_end, a, count(*), sum(b) FROM tumble(t, ts, interval '5 seconds') GROUP BY window_end, a", .mode = CHANGING },
	{ .name = "windows that change behind their end, too", .sql = "SET emit.allowed-lateness = '20s'; SET emit = 'on-update';\n"
	  "INSERT INTO changing SELECT window_end, a, count(*), sum(b) FROM hop((SELECT * FROM t UNION ALL SELECT * FROM u), ts, interval '5 seconds', interval '10 seconds')\n"
	  "GROUP BY window_start, window_end, a", .mode = CHANGING, .hops = true, .both = true, .lateness = 20 * SECOND },
	{ .name = "windows that close, and change for late rows", .sql = "SET table.exec.emit.allow-lateness = '10s';\n"
	  "INSERT INTO changing SELECT window_end, a, count(*), sum(b) FROM tumble(t, ts, interval '5 seconds') GROUP BY window_end, a", .mode = CHANGING, .waits = true, .lateness = 10 * SECOND },
	{ .name = "windows of windows that change for late rows", .sql = "SET emit.allowed-lateness = '10s';\n"
	  "INSERT INTO changing SELECT window_end, 0, sum(n)::bigint, count(*) FROM (SELECT window_end, a, count(*) AS n\n"
	  "FROM tumble(t, ts, interval '5 seconds') GROUP BY window_end, a) x GROUP BY window_end", .mode = CHANGING, .waits = true, .lateness = 10 * SECOND, .windowed = SUMS_OF_WINDOWS },
	{ .name = "windows that change whose rows are kept", .sql = "SET emit = 'on-update';\n"
	  "INSERT INTO changing SELECT window_end, a, cardinality(array_agg(b ORDER BY b))::bigint, sum(b) FROM tumble(t, ts, interval '5 seconds') GROUP BY window_end, a", .mode = CHANGING },
	{ .name = "windows of rows that are kept for late ones", .sql = "SET emit.allowed-lateness = '10s';\n"
	  "INSERT INTO changing SELECT window_end, a, cardinality(array_agg(b ORDER BY b))::bigint, sum(b)\n"
	  "FROM hop((SELECT * FROM t UNION ALL SELECT * FROM u), ts, interval '5 seconds', interval '10 seconds') GROUP BY a, window_end, window_start", .mode = CHANGING, .waits = true, .hops = true, .both = true,
	  .lateness = 10 * SECOND },
	{ .name = "what is different in windows that change", .sql = "SET emit = 'on-update'; SET emit.allowed-lateness = '3s';\n"
	  "INSERT INTO changing SELECT window_end, a, count(DISTINCT (b, f, v)), sum(b) FROM tumble(t, ts, interval '5 seconds') GROUP BY window_end, a", .mode = CHANGING, .lateness = 3 * SECOND },
	{ .name = "what is different in windows that late rows change", .sql = "SET emit.allowed-lateness = '10s';\n"
	  "INSERT INTO changing SELECT window_end, a, count(DISTINCT (b, f, v)), sum(b) FROM hop((SELECT * FROM t UNION ALL SELECT * FROM u), ts, interval '5 seconds', interval '10 seconds')\n"
	  "GROUP BY window_end, a, window_start", .mode = CHANGING, .waits = true, .lateness = 10 * SECOND, .hops = true, .both = true },
	{ .name = "the largest of windows that change", .sql = "SET emit = 'on-update';\n"
	  "INSERT INTO changing SELECT window_end, 0, max(n), count(*) FROM (SELECT window_end, a, count(*) AS n\n"
	  "FROM tumble(t, ts, interval '5 seconds') GROUP BY window_end, a) x GROUP BY window_end", .mode = CHANGING, .windowed = WINDOWS_OF_WINDOWS },
	{ .name = "the largest of windows that late rows change", .sql = "SET emit.allowed-lateness = '10s';\n"
	  "INSERT INTO changing SELECT window_end, 0, max(n), count(*) FROM (SELECT window_end, a, count(*) AS n\n"
	  "FROM tumble(t, ts, interval '5 seconds') GROUP BY window_end, a) x GROUP BY window_end", .mode = CHANGING, .waits = true, .lateness = 10 * SECOND, .windowed = WINDOWS_OF_WINDOWS },
	{ .name = "the largest groups of windows that change", .sql = "SET emit = 'on-update'; SET emit.allowed-lateness = '2s';\n"
	  "INSERT INTO changing SELECT window_end, a, n, s FROM (SELECT *, row_number() OVER (PARTITION BY window_end ORDER BY n DESC, a) AS place\n"
	  "FROM (SELECT window_end, a, count(*) AS n, sum(b) AS s FROM tumble(t, ts, interval '5 seconds') GROUP BY window_end, a) x) y WHERE place <= 2", .mode = CHANGING, .windowed = TOP_OF_WINDOWS,
	  .lateness = 2 * SECOND },
	{ .name = "the largest groups of windows that late rows change", .sql = "SET emit.allowed-lateness = '20s';\n"
	  "INSERT INTO changing SELECT window_end, a, n, s FROM (SELECT *, row_number() OVER (PARTITION BY window_end ORDER BY n DESC, a) AS place\n"
	  "FROM (SELECT window_end, a, count(*) AS n, sum(b) AS s FROM tumble(t, ts, interval '5 seconds') GROUP BY window_end, a) x) y WHERE place <= 2", .mode = CHANGING, .windowed = TOP_OF_WINDOWS,
	  .waits = true, .lateness = 20 * SECOND },
	{ .name = "the first rows of windows that change", .sql = "SET emit = 'on-update';\n"
	  "INSERT INTO changing SELECT window_end, a, b, place FROM (SELECT *, row_number() OVER (PARTITION BY a, window_end ORDER BY b) AS place\n"
	  "FROM tumble(t, ts, interval '5 seconds')) y WHERE place BETWEEN 2 AND 3", .mode = CHANGING, .windowed = TOP_OF_ROWS },
	{ .name = "the first rows of windows that late rows change", .sql = "SET emit.allowed-lateness = '10s';\n"
	  "INSERT INTO changing SELECT window_end, a, b, place FROM (SELECT *, row_number() OVER (PARTITION BY a, window_end ORDER BY b) AS place\n"
	  "FROM hop((SELECT * FROM t UNION ALL SELECT * FROM u), ts, interval '5 seconds', interval '10 seconds')) y WHERE place BETWEEN 2 AND 3", .mode = CHANGING, .windowed = TOP_OF_ROWS, .waits = true, .hops = true, .both = true,
	  .lateness = 10 * SECOND },
	{ .name = "all rows of windows that change, numbered", .sql = "SET emit = 'on-update'; SET emit.allowed-lateness = '10s';\n"
	  "INSERT INTO changing SELECT window_end, a, b, nullif(nullif(place, 1), 4) FROM (SELECT *, least(4, row_number() OVER (PARTITION BY a, window_end ORDER BY b)) AS place\n"
	  "FROM tumble(t, ts, interval '5 seconds')) y WHERE place > 1 AND place < 4", .mode = CHANGING, .windowed = TOP_OF_ROWS, .lateness = 10 * SECOND },
	{ .name = "all rows of windows that late rows change, numbered", .sql = "SET emit.allowed-lateness = '3s';\n"
	  "INSERT INTO changing SELECT window_end, a, b, nullif(nullif(place, 1), 4) FROM (SELECT *, least(4, row_number() OVER (PARTITION BY a, window_end ORDER BY b)) AS place\n"
	  "FROM tumble(t, ts, interval '5 seconds')) y WHERE place > 1 AND place < 4", .mode = CHANGING, .windowed = TOP_OF_ROWS, .waits = true, .lateness = 3 * SECOND },
	{ .name = "windows that change at an interval", .sql = "SET emit = 'on-update'; SET emit.interval = '3s'; SET emit.allowed-lateness = '2s';\n"
	  "INSERT INTO changing SELECT window_end, a, count(*), sum(b) FROM hop((SELECT * FROM t UNION ALL SELECT * FROM u), ts, interval '5 seconds', interval '10 seconds')\n"
	  "GROUP BY window_start, window_end, a", .mode = CHANGING, .hops = true, .both = true, .lateness = 2 * SECOND, .interval = 3 * SECOND },
	{ .name = "windows of rows that are kept, at an interval", .sql = "SET emit = 'on-update'; SET emit.interval = '2s'; SET emit.allowed-lateness = '10s';\n"
	  "INSERT INTO changing SELECT window_end, a, cardinality(array_agg(b ORDER BY b))::bigint, sum(b) FROM tumble(t, ts, interval '5 seconds') GROUP BY a, window_end", .mode = CHANGING,
	  .lateness = 10 * SECOND, .interval = 2 * SECOND },
	{ .name = "what is different in windows, at an interval", .sql = "SET emit = 'on-update'; SET emit.interval = '5s';\n"
	  "INSERT INTO changing SELECT window_end, a, count(DISTINCT (b, f, v)), sum(b) FROM tumble(t, ts, interval '5 seconds') GROUP BY a, window_end", .mode = CHANGING, .interval = 5 * SECOND },
	{ .name = "the first rows of windows, at an interval", .sql = "SET emit = 'on-update'; SET emit.interval = '3s'; SET emit.allowed-lateness = '3s';\n"
	  "INSERT INTO changing SELECT window_end, a, b, place FROM (SELECT *, row_number() OVER (PARTITION BY a, window_end ORDER BY b) AS place\n"
	  "FROM tumble(t, ts, interval '5 seconds')) y WHERE place BETWEEN 2 AND 3", .mode = CHANGING, .windowed = TOP_OF_ROWS, .lateness = 3 * SECOND, .interval = 3 * SECOND },
	{ .name = "all rows of windows, numbered, at an interval", .sql = "SET emit = 'on-update'; SET emit.interval = '3s';\n"
	  "INSERT INTO changing SELECT window_end, a, b, nullif(nullif(place, 1), 4) FROM (SELECT *, least(4, row_number() OVER (PARTITION BY a, window_end ORDER BY b)) AS place\n"
	  "FROM tumble(t, ts, interval '5 seconds')) y WHERE place > 1 AND place < 4", .mode = CHANGING, .windowed = TOP_OF_ROWS, .interval = 3 * SECOND },
	{ .name = "sessions", .sql = "INSERT INTO windows SELECT window_end, a, count(*), sum(b) FROM TABLE(SESSION(TABLE t PARTITION BY a, DESCRIPTOR(ts), INTERVAL '2' SECOND)) GROUP BY window_end, a",
	  .mode = CLOSES, .gap = 2 * SECOND },
	{ .name = "sessions as long as the disorder", .sql = "INSERT INTO windows SELECT window_end, a, count(*), sum(b) FROM (SELECT a, b + 0 AS b, window_end, window_start\n"
	  "FROM session((SELECT * FROM t UNION ALL SELECT * FROM u) PARTITION BY a, ts, interval '8 seconds')) x GROUP BY window_start, a, window_end", .mode = CLOSES, .gap = 8 * SECOND, .both = true },
	{ .name = "sessions whose rows are kept", .sql = "INSERT INTO windows SELECT window_end, a, cardinality(array_agg(b ORDER BY b))::bigint, sum(b)\n"
	  "FROM session(t PARTITION BY a, ts, interval '1 second') GROUP BY window_end, a", .mode = CLOSES, .gap = SECOND },
	{ .name = "rows of sessions", .sql = "INSERT INTO windows SELECT window_end, a, 1, b FROM session(t PARTITION BY a, ts, interval '2 seconds')", .mode = CLOSES, .gap = 2 * SECOND, .rows = true },
};

/* --- a trial --- */

struct trial {
	const struct job *job;
	struct life life;
	struct seen seen[SOURCES], open;    /* by source: 0 t, 1 u */
	int shown;                          /* rows of `open` at the interval's beginning */
	struct closed_sessions closed;
	struct event *shifted;              /* hops: every row again, a window later */
	int shifts;
	int64_t mark[SOURCES][PARTITIONS], watermark[SOURCES];
	struct lines table;                 /* what the sink holds */
	int64_t late, bad;
};

/* --- the model's epoch --- */

static int64_t least_watermark(const struct trial *l, const int64_t *by_source)
{
	return l->job->both ? SPK_MIN(by_source[0], by_source[1]) : by_source[0];
}

/* A row in the later of the two windows that it is in, as one that came so much later. */
static const struct event *shift(struct trial *l, const struct event *e)
{
	struct event *later = &l->shifted[l->shifts++];

	*later = *e;
	later->ts += WINDOW;
	return later;
}

static void see(struct trial *l, int source, const struct event *e, int64_t watermark)
{
	bool changes = l->job->mode == CHANGES && !e->b_null;

	watermark = watermark == INT64_MIN || watermark == INT64_MAX ? watermark : watermark - l->job->lateness;
	seen_add(&l->seen[source], e);
	l->bad += changes && l->job->result == BY_KEY_TENTHS && e->b == 0;
	l->bad += changes && l->job->result == DIVIDED && (e->b == 0 || e->b == 1);
	if ((l->job->mode != CLOSES && l->job->mode != CHANGING) || (source == 1 && !l->job->both))
		return;
	if (e->ts_null)
		l->bad++;
	else if (l->job->hops) {
		l->late += window_end(e) + WINDOW <= watermark;
		if (window_end(e) + WINDOW > watermark)
			seen_add(&l->open, shift(l, e));
		if (window_end(e) > watermark)
			seen_add(&l->open, e);
	} else if (l->job->gap ? session_late(&l->closed, e, l->job->gap, watermark) : window_end(e) <= watermark)
		l->late++;
	else
		seen_add(&l->open, e);
}

/* Takes in what the epoch read; watermarks move at its end. */
static void model_epoch(struct trial *l, const struct cut *cut)
{
	int64_t before = least_watermark(l, l->watermark);

	for (int i = 0; i < l->life.stream.plan->sources; i++) {
		int s = life_source(&l->life, i);

		for (int p = 0; p < l->life.stream.partitions[i]; p++)
			for (int k = cut->from[i][p]; k < cut->to[i][p]; k++) {
				const struct event *e = &l->life.stream.partition[i][p].event[k];

				see(l, s, e, before);
				if (!e->ts_null)
					l->mark[s][p] = SPK_MAX(l->mark[s][p], e->ts - DELAY);
			}
		l->watermark[s] = model_watermark(l->mark[s], cut->idle[i], cut->finished[i], l->life.stream.partitions[i], l->watermark[s]);
	}
}

/* --- what the sink holds --- */

static int find_line(const struct lines *l, const char *text)
{
	for (int i = 0; i < l->count; i++)
		if (strcmp(l->line[i], text) == 0)
			return i;
	return -1;
}

static void remove_line(struct lines *l, int at)
{
	free(l->line[at]);
	l->line[at] = l->line[--l->count];
}

/* The key column's text in a line "a|b". */
static bool same_key(const char *x, const char *y, int column)
{
	size_t n, m;

	for (; column > 0; column--) {
		x = strchr(x, '|') + 1;
		y = strchr(y, '|') + 1;
	}
	n = strcspn(x, "|");
	m = strcspn(y, "|");
	return n == m && memcmp(x, y, n) == 0;
}

static void apply_change(struct trial *l, const char *line)
{
	int at = line[0] == '-' ? find_line(&l->table, line + 1) : -1;

	if (line[0] == '+')
		lines_add(&l->table, line + 1, strlen(line + 1));
	else if (CHECK(at >= 0))
		remove_line(&l->table, at);
}

static void apply_upsert(struct trial *l, const char *line)
{
	for (int i = 0; i < l->table.count; i++)
		if (same_key(l->table.line[i], line + 1, l->job->key)) {
			remove_line(&l->table, i);
			break;
		}
	if (line[0] == '+')
		lines_add(&l->table, line + 1, strlen(line + 1));
}

/* Rows of the relation over all rows seen; its tables are t, u and t again. */
static struct lines related(const struct trial *l)
{
	struct pairs tables[RELATION_TABLES] = { 0 }, rows;
	struct lines out = { 0 };

	for (int n = 0; n < RELATION_TABLES; n++)
		for (int i = 0; i < l->seen[n % 2].count; i++) {
			const struct event *e = l->seen[n % 2].event[i];

			pairs_add(&tables[n], (struct pair){ { e->a_null, e->a }, { e->b_null, e->b } });
		}
	rows = relation_rows(l->job->relation, tables);
	for (int i = 0; i < rows.count; i++) {
		char a[24], b[24];

		put_line(&out, "%s|%s", number_text(rows.at[i].a.null, rows.at[i].a.v, a), number_text(rows.at[i].b.null, rows.at[i].b.v, b));
	}
	for (int n = 0; n < RELATION_TABLES; n++)
		pairs_release(&tables[n]);
	pairs_release(&rows);
	lines_sort(&out);
	return out;
}

/* All windows of rows that were taken, or those of them that have ended; with an interval others have the rows of its beginning. */
static struct lines changing_windows(const struct trial *l)
{
	struct seen copy = { 0 };
	struct lines out;

	for (int i = 0; i < l->open.count; i++)
		if (!l->job->interval || i < l->shown || window_end(l->open.event[i]) <= least_watermark(l, l->watermark))
			seen_add(&copy, l->open.event[i]);
	out = close_windows_of(l->job->windowed, &copy, l->job->waits ? least_watermark(l, l->watermark) : INT64_MAX, false);
	seen_release(&copy);
	return out;
}

static bool check_result(struct trial *l, const struct outcome *o)
{
	struct lines want = l->job->mode == CHANGING ? changing_windows(l) : l->job->mode == RELATES ? related(l) : result_of(l->job->result, &l->seen[0], &l->seen[1]);
	bool same;

	/* Sorted, '+' comes before '-': a row is not taken back before it is there. */
	for (int i = 0; i < o->out[0].count; i++)
		(l->job->mode == UPSERTS ? apply_upsert : apply_change)(l, o->out[0].line[i]);
	lines_sort(&l->table);
	same = CHECK(lines_same(&l->table, &want));
	for (int i = 0; !same && i < SPK_MIN(SPK_MAX(l->table.count, want.count), 20); i++)
		printf("      got %s, want %s\n", i < l->table.count ? l->table.line[i] : "nothing", i < want.count ? want.line[i] : "nothing");
	lines_release(&want);
	return same;
}

static bool check_windows(struct trial *l, const struct outcome *o)
{
	const int64_t watermark = least_watermark(l, l->watermark);
	struct lines want = l->job->gap ? close_sessions_of(&l->closed, &l->open, l->job->gap, watermark, l->job->rows) :
		close_windows_of(l->job->windowed, &l->open, watermark, l->job->starts);
	bool same = want.count == o->out[0].count;

	for (int i = 0; same && i < want.count; i++)
		same = o->out[0].line[i][0] == '+' && strcmp(o->out[0].line[i] + 1, want.line[i]) == 0;
	CHECK(same);
	lines_release(&want);
	return same;
}

static bool check_epoch(struct life *life)
{
	struct trial *l = spk_container_of(life, struct trial, life);
	int64_t e = l->life.stream.epoch - 1, late = l->late, bad = l->bad;
	struct outcome *o = &l->life.outcome[e];
	bool good;

	if (l->job->interval && life_begins_interval(life, l->job->interval))
		l->shown = l->open.count;
	model_epoch(l, &l->life.cut[e]);
	for (int i = 0; i < l->life.stream.plan->sources; i++)
		CHECK_EQ_INT(o->after[i], l->watermark[life_source(&l->life, i)]);
	good = CHECK_EQ_INT(o->late, l->late - late) && CHECK_EQ_INT(o->bad, l->bad - bad);
	if (l->job->mode == REPEATS)
		return good;
	return (l->job->mode == CLOSES ? check_windows(l, o) : check_result(l, o)) && good;
}

/* --- trials --- */

static void trial_init(struct trial *l, const struct job *job, uint64_t stream, int events)
{
	*l = (struct trial){ .job = job };
	for (int s = 0; s < SOURCES; s++) {
		l->watermark[s] = INT64_MIN;
		for (int p = 0; p < PARTITIONS; p++)
			l->mark[s][p] = INT64_MIN;
	}
	life_init(&l->life, job->sql, stream, events);
	l->shifted = calloc(2 * PARTITIONS * (size_t)events, sizeof *l->shifted);
}

static void trial_release(struct trial *l)
{
	life_release(&l->life);
	for (int s = 0; s < SOURCES; s++)
		seen_release(&l->seen[s]);
	seen_release(&l->open);
	free(l->closed.at);
	free(l->shifted);
	lines_release(&l->table);
}

static void live(const struct job *job, uint64_t stream, int events, int epochs)
{
	struct trial *l = calloc(1, sizeof *l);
	bool good;

	trial_init(l, job, stream, events);
	good = life_run(&l->life, epochs, check_epoch);
	CHECK(!good || l->open.count == 0 || job->mode == CHANGING);
	stream_settle(&l->life.stream);
	/* When all is over nothing of windows is left. */
	if (good && (job->mode == CLOSES || job->mode == CHANGING) && !job->gap && l->life.stream.plan->sinks == 1 && !CHECK_EQ_INT(stream_entries(&l->life.stream, SPK_PHYSICAL_COUNT), 0))
		printf("      (%s)\n", job->name);
	if (!good)
		printf("      (%s, epoch %d)\n", job->name, (int)l->life.stream.epoch);
	trial_release(l);
	free(l);
}

static void every_epoch_comes_to_the_plain_result(void)
{
	int rounds = spk_test_long() ? 60 : 2;

	spk_log_set_levels("error", NULL);
	for (size_t j = 0; j < SPK_COUNT_OF(jobs); j++)
		for (int r = 0; r < rounds; r++)
			live(&jobs[j], 100 * j + (uint64_t)r, r % 2 ? 60 : 700, 2 + r % 2 * 10 + 28);
}

/* min and max cannot take rows back yet, so those over changes are refused. */
static bool is_refused(const char *sql)
{
	struct spk_physical_options options = { .streaming = true, .sink_takes = stream_sink_takes };
	struct spk_physical_plan *plan;
	struct stream s = { 0 };
	struct spk_logical *root;
	spk_status status;
	spk_error err = { 0 };

	root = stream_bind(&s, sql);
	status = spk_physical_plan_make(s.arena, &root, 1, &options, &plan, &err);
	CHECK(status == SPK_OK || status == SPK_UNSUPPORTED);
	stream_release(&s);
	return status != SPK_OK;
}

/* Keeps the relation up to date for some epochs, if a stream can; false: it cannot. */
static bool keep_up_to_date(const struct relation *r, uint64_t stream, int events)
{
	static const char views[] = "CREATE VIEW t0 AS SELECT a, b FROM t; CREATE VIEW t1 AS SELECT a, b FROM u; CREATE VIEW t2 AS SELECT a, b FROM t;\nINSERT INTO deltas ";
	struct spk_buffer sql = { 0 };
	bool can;

	spk_buffer_append_str(&sql, views, NULL);
	relation_sql(r, &sql);
	can = !is_refused(spk_buffer_cstr(&sql));
	if (can) {
		struct job job = { .name = spk_buffer_cstr(&sql), .sql = sql.data, .mode = RELATES, .relation = r };

		live(&job, stream, events, 15);
	}
	spk_buffer_release(&sql);
	return can;
}

/* What ranks, groups and limits rows that change all the time: sums by key, which go up and down, the keys taken together. */
static void what_changes_is_ranked_and_grouped(void)
{
	static const struct { enum relation_kind kind; int variants, step; } tops[] = { { R_RANK, TOPS, TOPS }, { R_GROUP, GROUPINGS, 0 }, { R_TOP, 3, 0 } };
	struct relation t = { .kind = R_TABLE }, sums = { .kind = R_GROUP, .variant = 1, .input = { &t }, .inputs = 1 }, third = { .kind = R_PROJECT, .variant = 1, .k = 1, .input = { &sums }, .inputs = 1 };

	spk_log_set_levels("error", NULL);
	for (size_t i = 0; i < SPK_COUNT_OF(tops); i++)
		for (int v = 0; v < tops[i].variants; v++) {
			struct relation top = { .kind = tops[i].kind, .variant = v + 2 * tops[i].step, .k = 2, .input = { &third }, .inputs = 1 };

			CHECK(keep_up_to_date(&top, 20000 + 100 * i + (uint64_t)v, 120));
		}
}

static void random_relations_are_kept_up_to_date(void)
{
	spk_test_rng rng = spk_test_rng_new(5);
	int rounds = spk_test_long() ? 600 : 30;

	spk_log_set_levels("error", NULL);
	for (int i = 0; i < rounds;) {
		struct relation *r = relation_new(&rng, 2 + (int)spk_test_below(&rng, 4));

		i += keep_up_to_date(r, 10000 + (uint64_t)i, relation_joins(r) ? 12 : i % 3 ? 40 : 300);
		relation_free(r);
	}
}

/* --- by hand --- */

/* A partition of rows with these times in seconds; a is the second, b 1. */
static struct partition rows_at(const int *second, int n)
{
	struct partition p = { .event = calloc((size_t)n, sizeof *p.event), .events = n };

	for (int i = 0; i < n; i++)
		p.event[i] = (struct event){ .a = second[i], .b = 1, .ts = (int64_t)second[i] * SECOND, .ts_null = second[i] < 0 };
	return p;
}

static void check_lines(const struct lines *got, const char *const *want, int n)
{
	if (CHECK_EQ_INT(got->count, n))
		for (int i = 0; i < n; i++)
			CHECK_EQ_STR(got->line[i], want[i]);
}

/* Judged by the watermark at the epoch's start, whatever comes in it; closed in order of time; told why. */
static void late_rows_are_told(void)
{
	static const int second[] = { 1, 12, 20, /* */ 3, 30, 16, /* */ 2, -1, 17 };
	static const char *const closed[] = { "+1970-01-01 00:00:05|1|1|1", "+1970-01-01 00:00:15|12|1|1" };
	static const char *const letters[] = { "3 late: its window ended at 1970-01-01 00:00:05, the watermark was 1970-01-01 00:00:16" };
	static const char *const more[] = { "6 late: its window ended at 1970-01-01 00:00:05, the watermark was 1970-01-01 00:00:26", "7 the event time is NULL: the row belongs to no window",
		"8 late: its window ended at 1970-01-01 00:00:20, the watermark was 1970-01-01 00:00:26" };
	struct partition t = rows_at(second, 9);
	char *dir = spk_test_dir("late"), *state = spk_test_format("%s/state", dir);
	struct cut cut = { .chunk = 2 };
	struct outcome o;
	struct stream s;
	spk_error err = { 0 };

	stream_init(&s, "INSERT INTO windows SELECT window_end, a, count(*), sum(b) FROM tumble(t, ts, interval '5 seconds') GROUP BY window_end, a", &t, 1, NULL, 0);
	stream_open(&s, state, 1, 1, 1, false);
	cut.to[0][0] = 3;
	REQUIRE_OK(stream_epoch(&s, &cut, NULL, &o, &err), err);
	check_lines(&o.out[0], closed, 2);
	CHECK_EQ_INT(o.after[0], 16 * SECOND);
	outcome_release(&o);
	/* 30 comes before 16 and moves the watermark to 26, but 16 is in time. */
	cut.from[0][0] = 3;
	cut.to[0][0] = 6;
	REQUIRE_OK(stream_epoch(&s, &cut, NULL, &o, &err), err);
	check_lines(&o.out[0], (const char *const[]){ "+1970-01-01 00:00:20|16|1|1", "+1970-01-01 00:00:25|20|1|1" }, 2);
	check_lines(&o.letter, letters, 1);
	CHECK(o.late == 1 && o.bad == 0);
	outcome_release(&o);
	cut.from[0][0] = 6;
	cut.to[0][0] = 9;
	REQUIRE_OK(stream_epoch(&s, &cut, NULL, &o, &err), err);
	lines_sort(&o.letter);
	CHECK_EQ_INT(o.out[0].count, 0);
	CHECK(o.late == 2 && o.bad == 1);
	check_lines(&o.letter, more, 3);
	outcome_release(&o);
	/* The end of the source closes what is open, without rows. */
	cut.from[0][0] = 9;
	cut.finished[0][0] = true;
	REQUIRE_OK(stream_epoch(&s, &cut, NULL, &o, &err), err);
	check_lines(&o.out[0], (const char *const[]){ "+1970-01-01 00:00:35|30|1|1" }, 1);
	CHECK(o.after[0] == SPK_WATERMARK_END);
	outcome_release(&o);
	stream_close(&s);
	stream_release(&s);
	free(t.event);
	free(state);
	free(dir);
}

/* A job that starts again gets a row of a session that has just closed, and nothing else. */
static void only_late_rows_of_sessions(void)
{
	struct partition t = rows_at((const int[]){ 14, 21, 15 }, 3);
	char *dir = spk_test_dir("sessions"), *state = spk_test_format("%s/state", dir), *then = spk_test_format("%s/then", dir);
	struct cut cut = { .chunk = 2, .to = { { 2 } } };
	struct outcome o;
	struct stream s;
	spk_error err = { 0 };

	stream_init(&s, "INSERT INTO windows SELECT window_end, a, count(*), sum(b) FROM session(t PARTITION BY a, ts, interval '2 seconds') GROUP BY window_end, a", &t, 1, NULL, 0);
	for (int i = 0; i < t.events; i++)
		t.event[i].a = 1;
	stream_open(&s, state, 1, 0, 1, false);
	REQUIRE_OK(stream_epoch(&s, &cut, NULL, &o, &err), err);
	check_lines(&o.out[0], (const char *const[]){ "+1970-01-01 00:00:16|1|1|1" }, 1);
	outcome_release(&o);
	REQUIRE_OK(spk_store_snapshot(s.store, then, &err), err);
	stream_close(&s);
	stream_open(&s, then, 1, 0, 1, false);
	cut.from[0][0] = 2;
	cut.to[0][0] = 3;
	REQUIRE_OK(stream_epoch(&s, &cut, NULL, &o, &err), err);
	CHECK(o.out[0].count == 0 && o.late == 1);
	outcome_release(&o);
	stream_close(&s);
	stream_release(&s);
	free(t.event);
	free(then);
	free(state);
	free(dir);
}

/* Of a key with pages of rows most go in the epoch in which those that stay meet something: what is written moves them together. */
static void rows_that_move_are_not_mistaken(void)
{
	enum { ROWS = 200, STAY = 10, FIRST = 5 };
	char *dir = spk_test_dir("move"), *state = spk_test_format("%s/state", dir);
	int *second = calloc(2 * ROWS, sizeof *second);
	struct partition t, u = rows_at((const int[]){ 1 }, 1);
	struct cut cut = { .chunk = 1000 };
	struct outcome o;
	struct stream s;
	spk_error err = { 0 };

	/* Every number once, then all but some again. */
	for (int i = 0; i < 2 * ROWS - STAY; i++)
		second[i] = i < ROWS + FIRST ? i % ROWS : i - ROWS + STAY;
	t = rows_at(second, 2 * ROWS - STAY);
	stream_init(&s, "INSERT INTO deltas SELECT x.a, u.b FROM (SELECT a, count(*) AS n FROM t GROUP BY a) AS x JOIN u ON x.n = u.a", &t, 1, &u, 1);
	stream_open(&s, state, 1, 0, 1, false);
	for (int i = 0; i < 2; i++) {
		for (int k = 0; k < 2; k++) {
			const bool is_u = s.partition[k] == &u;

			cut.from[k][0] = cut.to[k][0];
			cut.to[k][0] = is_u ? i : i ? 2 * ROWS - STAY : ROWS;
		}
		REQUIRE_OK(stream_epoch(&s, &cut, NULL, &o, &err), err);
		lines_sort(&o.out[0]);
		if (CHECK_EQ_INT(o.out[0].count, i ? STAY : 0))
			for (int k = 0; k < o.out[0].count; k++) {
				const int a = atoi(o.out[0].line[k] + 1);

				CHECK(a >= FIRST && a < FIRST + STAY && (!k || strcmp(o.out[0].line[k], o.out[0].line[k - 1]) != 0));
			}
		outcome_release(&o);
	}
	stream_close(&s);
	stream_release(&s);
	free(t.event);
	free(u.event);
	free(second);
	free(state);
	free(dir);
}

/* Constants come in the first epoch and never again. */
static void constants_come_once(void)
{
	char *dir = spk_test_dir("constants"), *state = spk_test_format("%s/state", dir);
	struct partition t = rows_at((const int[]){ 1, 2 }, 2);
	struct cut cut = { .chunk = 1 };
	struct outcome o;
	struct stream s;
	spk_error err = { 0 };

	stream_init(&s, "INSERT INTO deltas SELECT a, b FROM t UNION ALL VALUES (7, 8)", &t, 1, NULL, 0);
	stream_open(&s, state, 2, 0, 1, false);
	cut.to[0][0] = 1;
	REQUIRE_OK(stream_epoch(&s, &cut, NULL, &o, &err), err);
	lines_sort(&o.out[0]);
	check_lines(&o.out[0], (const char *const[]){ "+1|1", "+7|8" }, 2);
	outcome_release(&o);
	cut.from[0][0] = 1;
	cut.to[0][0] = 2;
	REQUIRE_OK(stream_epoch(&s, &cut, NULL, &o, &err), err);
	check_lines(&o.out[0], (const char *const[]){ "+2|1" }, 1);
	outcome_release(&o);
	stream_close(&s);
	stream_release(&s);
	free(t.event);
	free(state);
	free(dir);
}

/* Another meaning under the same name is refused before it can be mixed with the old one. */
static void changed_state_is_refused(void)
{
	char *dir = spk_test_dir("changed"), *state = spk_test_format("%s/state", dir), *snapshot = spk_test_format("%s/snapshot", dir);
	struct spk_store_options store = { 0 };
	struct spk_exec_options options = { .readers = 1 };
	struct spk_exec *exec = NULL;
	struct stream s;
	spk_error err = { 0 };

	stream_init(&s, "INSERT INTO deltas SELECT a, count(*) FROM t GROUP BY a", NULL, 0, NULL, 0);
	stream_open(&s, state, 1, 0, 1, false);
	REQUIRE_OK(spk_store_snapshot(s.store, snapshot, &err), err);
	stream_close(&s);
	stream_release(&s);
	stream_init(&s, "INSERT INTO deltas SELECT a, sum(b) FROM t GROUP BY a", NULL, 0, NULL, 0);
	REQUIRE_OK(spk_store_open(&s.store, snapshot, &store, &err), err);
	options.plan = s.plan;
	options.source_partitions = s.partitions;
	options.store = s.store;
	options.op_type = spk_stream_op_type;
	CHECK_FAILS(spk_exec_new(&exec, &options, &err), SPK_BIND, err);
	CHECK_HOLDS(err.message, "deltas.aggregate-1");
	CHECK_HOLDS(err.message, "count(*)");
	CHECK_HOLDS(err.message, "sum(b)");
	spk_store_close(s.store);
	stream_release(&s);
	free(snapshot);
	free(state);
	free(dir);
}

SPK_TEST_SUITE("stream operators",
	{ "late rows are told", late_rows_are_told },
	{ "only late rows of sessions", only_late_rows_of_sessions },
	{ "constants come once", constants_come_once },
	{ "rows that move are not mistaken", rows_that_move_are_not_mistaken },
	{ "changed state is refused", changed_state_is_refused },
	{ "every epoch comes to the plain result", every_epoch_comes_to_the_plain_result },
	{ "what changes is ranked and grouped", what_changes_is_ranked_and_grouped },
	{ "random relations are kept up to date", random_relations_are_kept_up_to_date })
