/*
 * Window functions in the order of event time, and the first rows in it, against a plain computation: each row that is not late comes out once, in the epoch in which the
 * watermark passes its time, with its value over the rows before it. Restarts, faults, partitions and cuts at random.
 */
#include "tests/stream/life.h"
#include "tests/stream/model.h"

enum timed { SUM_OF_THREE, COUNT_OF_SECONDS, LAG_OF_TWO, SUM_SO_FAR, NUMBER, FIRST_ROW, FIRST_THREE };

static const struct query {
	const char *sql;
	enum timed what;
	bool both, all;            /* reads t and u; all rows are one partition */
} queries[] = {
	{ .sql = "INSERT INTO deltas SELECT a, sum(b) OVER (PARTITION BY a ORDER BY ts, f ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) FROM t", .what = SUM_OF_THREE },
	{ .sql = "INSERT INTO deltas SELECT a, count(*) OVER (PARTITION BY a ORDER BY ts RANGE BETWEEN INTERVAL '3 seconds' PRECEDING AND CURRENT ROW) FROM t", .what = COUNT_OF_SECONDS },
	{ .sql = "INSERT INTO deltas SELECT a, lag(b, 2) OVER (PARTITION BY a ORDER BY ts, f) FROM t", .what = LAG_OF_TWO },
	{ .sql = "INSERT INTO deltas SELECT a, sum(b) OVER (PARTITION BY a ORDER BY ts, f) FROM t", .what = SUM_SO_FAR },
	{ .sql = "INSERT INTO deltas SELECT a, dense_rank() OVER (PARTITION BY a ORDER BY ts, f) FROM t", .what = NUMBER },
	{ .sql = "INSERT INTO deltas SELECT a, sum(b) FILTER (WHERE b > -9) OVER (PARTITION BY a ORDER BY ts, f ROWS UNBOUNDED PRECEDING) FROM t", .what = SUM_SO_FAR },
	{ .sql = "INSERT INTO deltas SELECT a, sum(b + 0) OVER (PARTITION BY a + 0 ORDER BY ts, f ROWS 2 PRECEDING) FROM (SELECT * FROM t UNION ALL SELECT * FROM u) x", .what = SUM_OF_THREE, .both = true },
	{ .sql = "INSERT INTO deltas SELECT a, sum(b) OVER (ORDER BY ts, f ROWS 2 PRECEDING) FROM t", .what = SUM_OF_THREE, .all = true },
	{ .sql = "INSERT INTO deltas SELECT a, b FROM t QUALIFY row_number() OVER (PARTITION BY a ORDER BY ts, f) = 1", .what = FIRST_ROW },
	{ .sql = "INSERT INTO deltas SELECT DISTINCT ON (a) a, b FROM t ORDER BY a, ts, f", .what = FIRST_ROW },
	{ .sql = "INSERT INTO deltas SELECT a, n FROM (SELECT a, row_number() OVER (PARTITION BY a ORDER BY ts, f) AS n FROM t) x WHERE n < 4", .what = FIRST_THREE },
	{ .sql = "INSERT INTO deltas SELECT a, n FROM (SELECT a, rank() OVER (PARTITION BY a ORDER BY ts, f) AS n FROM t) x WHERE n < 4 AND n <> 7", .what = FIRST_THREE },
};

struct trial {
	struct life life;
	const struct query *query;
	struct seen open, past;    /* rows that wait; that came out, in order */
	int64_t late, bad;
};

/* --- the model --- */

static int by_time(const void *x, const void *y)
{
	const struct event *p = *(const struct event *const *)x, *q = *(const struct event *const *)y;

	if (p->ts != q->ts)
		return (p->ts > q->ts) - (p->ts < q->ts);
	return (p->f > q->f) - (p->f < q->f);
}

static void sum(const struct event *const *event, int from, int n, bool *null, int64_t *v)
{
	for (int i = SPK_MAX(from, 0); i < n; i++)
		if (!event[i]->b_null) {
			*null = false;
			*v += event[i]->b;
		}
}

/* The value of the last of the partition's rows so far; false: it does not come out. */
static bool value_of(enum timed what, const struct seen *rows, bool *null, int64_t *v)
{
	const int n = rows->count;
	const struct event *const *event = rows->event, *last = event[n - 1];

	*null = what == SUM_OF_THREE || what == SUM_SO_FAR;
	*v = 0;
	switch (what) {
	case SUM_OF_THREE:
		sum(event, n - 3, n, null, v);
		return true;
	case SUM_SO_FAR:
		sum(event, 0, n, null, v);
		return true;
	case COUNT_OF_SECONDS:
		for (int i = 0; i < n; i++)
			*v += event[i]->ts >= last->ts - 3 * SECOND;
		return true;
	case LAG_OF_TWO:
		*null = n < 3 || event[n - 3]->b_null;
		*v = *null ? 0 : event[n - 3]->b;
		return true;
	case NUMBER:
		*v = n;
		return true;
	case FIRST_ROW:
		*null = last->b_null;
		*v = last->b;
		return n == 1;
	case FIRST_THREE:
		*v = n;
		return n <= 3;
	}
	return false;
}

static void put_value(struct trial *l, const struct event *e, struct lines *out)
{
	struct seen rows = { 0 };
	char a[24], b[24];
	bool null;
	int64_t v;

	for (int i = 0; i < l->past.count; i++)
		if (l->query->all || by_a(&l->past.event[i], &e) == 0)
			seen_add(&rows, l->past.event[i]);
	if (value_of(l->query->what, &rows, &null, &v))
		put_line(out, "+%s|%s", number_text(e->a_null, e->a, a), number_text(null, v, b));
	seen_release(&rows);
}

/* What comes out when the watermark is that. */
static struct lines pass(struct trial *l, int64_t watermark)
{
	struct seen left = { 0 };
	struct lines out = { 0 };

	if (l->open.count)
		qsort(l->open.event, (size_t)l->open.count, sizeof(*l->open.event), by_time);
	for (int i = 0; i < l->open.count; i++) {
		if (l->open.event[i]->ts >= watermark) {
			seen_add(&left, l->open.event[i]);
			continue;
		}
		seen_add(&l->past, l->open.event[i]);
		put_value(l, l->open.event[i], &out);
	}
	seen_release(&l->open);
	l->open = left;
	lines_sort(&out);
	return out;
}

static void see(struct trial *l, const struct event *e, int64_t watermark)
{
	if (e->ts_null)
		l->bad++;
	else if (e->ts < watermark)
		l->late++;
	else
		seen_add(&l->open, e);
}

/* --- trials --- */

static int64_t least(const struct trial *l, const int64_t *by_source)
{
	return l->query->both ? SPK_MIN(by_source[0], by_source[1]) : by_source[0];
}

static bool check_epoch(struct life *life)
{
	struct trial *l = spk_container_of(life, struct trial, life);
	const int64_t e = l->life.stream.epoch - 1, late = l->late, bad = l->bad;
	const struct cut *cut = &l->life.cut[e];
	const struct outcome *o = &l->life.outcome[e];
	struct lines want;
	bool same;

	for (int i = 0; i < l->life.stream.plan->sources; i++)
		for (int p = 0; p < l->life.stream.partitions[i]; p++)
			for (int k = cut->from[i][p]; k < cut->to[i][p]; k++)
				see(l, &l->life.stream.partition[i][p].event[k], least(l, o->before));
	want = pass(l, least(l, o->after));
	same = CHECK(lines_same(&o->out[0], &want));
	for (int i = 0; !same && i < SPK_MIN(SPK_MAX(o->out[0].count, want.count), 20); i++)
		printf("      got %s, want %s\n", i < o->out[0].count ? o->out[0].line[i] : "nothing", i < want.count ? want.line[i] : "nothing");
	lines_release(&want);
	return CHECK_EQ_INT(o->late, l->late - late) && CHECK_EQ_INT(o->bad, l->bad - bad) && same;
}

struct counting { int64_t entries, most; };

static spk_status count_entry(void *user, int64_t bucket, const char *key, uint32_t key_size, const char *value, uint32_t size, spk_error *err)
{
	struct counting *c = user;

	(void)bucket, (void)key, (void)key_size, (void)value, (void)err;
	c->entries++;
	c->most = SPK_MAX(c->most, (int64_t)size);
	return SPK_OK;
}

/* Of rows that wait nothing is left; of partitions no more than frames look back at, which is a page each, but where a frame has no beginning. */
static void check_state(struct trial *l)
{
	struct stream *s = &l->life.stream;
	spk_error err = { 0 };

	REQUIRE_OK(spk_store_flush(s->store, &err), err);
	spk_exec_free(s->exec);
	s->exec = NULL;
	for (int i = 0; i < s->plan->nodes; i++) {
		const struct spk_physical *n = s->plan->node[i];
		struct counting c = { 0 };
		struct spk_state_view *view;

		if (!n->state_table)
			continue;
		REQUIRE_OK(spk_state_view_open(&view, s->store, n->state_table, 0, SPK_SHARDS, &err), err);
		REQUIRE_OK(spk_state_scan(view, count_entry, &c, &err), err);
		spk_state_view_close(view);
		if (n->kind == SPK_PHYSICAL_HOLD)
			CHECK_EQ_INT(c.entries, 0);
		else if (l->query->what != SUM_SO_FAR && l->query->what != COUNT_OF_SECONDS)
			CHECK(c.most < 600);
	}
}

static void live(const struct query *q, uint64_t stream, int events, int epochs)
{
	struct trial *l = calloc(1, sizeof *l);
	bool good;

	l->query = q;
	life_init(&l->life, q->sql, stream, events);
	for (int i = 0; i < l->life.stream.plan->sinks; i++)
		CHECK(!l->life.stream.plan->sink[i].node->retracts);
	good = life_run(&l->life, epochs, check_epoch);
	if (good) {
		CHECK_EQ_INT(l->open.count, 0);
		check_state(l);
	} else {
		printf("      (epoch %d of %s)\n", (int)l->life.stream.epoch, q->sql);
	}
	life_release(&l->life);
	seen_release(&l->open);
	seen_release(&l->past);
	free(l);
}

static void rows_come_out_once(void)
{
	const int rounds = spk_test_long() ? 40 : 2;

	spk_log_set_levels("error", NULL);
	for (size_t i = 0; i < SPK_COUNT_OF(queries); i++)
		for (int r = 0; r < rounds; r++)
			live(&queries[i], 100 * i + (uint64_t)r, r % 2 ? 40 : 300, 20 + r % 2 * 20);
}

/* Rows of one time are peers, more of them than a batch has: RANGE shows all of them what it has seen of all. */
static void peers_are_seen_together(void)
{
	static const struct { const char *sql, *line[8]; } list[] = {
		{ "INSERT INTO deltas SELECT sum(b) OVER (ORDER BY ts), rank() OVER (ORDER BY ts) FROM t", { "+5|1", "+5|1", "+5|1", "+5|1", "+5|1", "+8|6", "+8|6", "+8|6" } },
		{ "INSERT INTO deltas SELECT count(*) OVER (ORDER BY ts ROWS UNBOUNDED PRECEDING), dense_rank() OVER (ORDER BY ts) FROM t", { "+1|1", "+2|1", "+3|1", "+4|1", "+5|1", "+6|2", "+7|2", "+8|2" } },
	};

	for (size_t i = 0; i < SPK_COUNT_OF(list); i++)
		for (int rows = 1; rows < 9; rows += 3) {
			struct event event[8];
			struct partition t = { .event = event, .events = 8 };
			char *dir = spk_test_dir("peers"), *state = spk_test_format("%s/state", dir);
			struct cut cut = { .chunk = 3 };
			struct outcome o;
			struct stream s;
			spk_error err = { 0 };

			for (int k = 0; k < 8; k++)
				event[k] = (struct event){ .a = k, .b = 1, .ts = (k < 5 ? 1 : 2) * SECOND };
			stream_init(&s, list[i].sql, &t, 1, NULL, 0);
			stream_open(&s, state, 1, rows, 1, false);
			cut.to[0][0] = 8;
			cut.finished[0][0] = true;
			REQUIRE_OK(stream_epoch(&s, &cut, NULL, &o, &err), err);
			lines_sort(&o.out[0]);
			if (CHECK_EQ_INT(o.out[0].count, 8))
				for (int k = 0; k < 8; k++)
					CHECK_EQ_STR(o.out[0].line[k], list[i].line[k]);
			outcome_release(&o);
			stream_close(&s);
			stream_release(&s);
			spk_test_remove(dir);
			free(state);
			free(dir);
		}
}

SPK_TEST_SUITE("window functions in the order of time", { "rows come out once", rows_come_out_once }, { "peers are seen together", peers_are_seen_together })
