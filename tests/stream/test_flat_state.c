/*
 * State that is bounded by the watermark stays flat: over a hundred windows of event time it is as large at the end as in the beginning, and nothing is
 * left of it when the sources have ended. The bytes are printed.
 */
#include "tests/stream/life.h"

enum { WINDOWS = 100, PER_WINDOW = 40, LENGTH = 10 };

static const struct job { const char *name, *sql; } jobs[] = {
	{ "tumble", "INSERT INTO windows SELECT window_end, a, count(*), sum(b) FROM tumble(t, ts, interval '10 seconds') GROUP BY window_end, a" },
	{ "hop", "INSERT INTO windows SELECT window_end, a, count(*), sum(b) FROM hop(t, ts, interval '5 seconds', interval '30 seconds') GROUP BY window_end, a" },
	{ "cumulate", "INSERT INTO windows SELECT window_end, a, count(*), sum(b) FROM cumulate(t, ts, interval '5 seconds', interval '30 seconds') GROUP BY window_end, a" },
	{ "sessions", "INSERT INTO windows SELECT window_end, a, count(*), sum(b) FROM session(t PARTITION BY a, ts, interval '3 seconds') GROUP BY window_end, a" },
	{ "rows of sessions", "INSERT INTO windows SELECT window_end, a, 1, b FROM session(t PARTITION BY a, ts, interval '3 seconds')" },
	{ "changes", "SET emit = 'on-update'; INSERT INTO changing SELECT window_end, a, count(*), sum(b) FROM tumble(t, ts, interval '10 seconds') GROUP BY window_end, a" },
	{ "late rows", "SET emit.allowed-lateness = '20s'; INSERT INTO changing SELECT window_end, a, count(*), sum(b) FROM tumble(t, ts, interval '10 seconds') GROUP BY window_end, a" },
	{ "changes, all rows", "SET emit = 'on-update'; INSERT INTO changing SELECT window_end, a, count(DISTINCT f), cardinality(array_agg(b))::bigint FROM tumble(t, ts, interval '10 seconds') GROUP BY window_end, a" },
	{ "changes, distinct", "SET emit = 'on-update'; INSERT INTO changing SELECT window_end, a, count(DISTINCT f), sum(b) FROM tumble(t, ts, interval '10 seconds') GROUP BY window_end, a" },
	{ "late rows, first", "SET emit.allowed-lateness = '20s'; INSERT INTO changing SELECT window_end, a, b, n FROM (SELECT *, row_number() OVER (PARTITION BY window_end, a ORDER BY ts) AS n\n"
	  "FROM tumble(t, ts, interval '10 seconds')) AS x WHERE n < 3" },
	{ "changes, joined", "SET emit = 'on-update'; INSERT INTO changing SELECT x.window_end, x.a, y.a, y.b FROM tumble(t, ts, interval '10 seconds') AS x\n"
	  "LEFT JOIN tumble(t, ts, interval '10 seconds') AS y ON x.window_end = y.window_end AND x.a = y.a - 1" },
};

/* Rows of a hundred windows; keys come and go. */
static struct partition steady_rows(void)
{
	spk_test_rng rng = spk_test_rng_new(1);
	struct partition p = { .event = calloc(WINDOWS * PER_WINDOW, sizeof *p.event), .events = WINDOWS * PER_WINDOW };

	for (int i = 0; i < p.events; i++) {
		int64_t now = (int64_t)1700000000 * SECOND + (int64_t)i * LENGTH * SECOND / PER_WINDOW;

		p.event[i] = (struct event){ .a = i / 100 + spk_test_between(&rng, 0, 5), .b = 1, .ts = now - spk_test_between(&rng, 0, 3 * SECOND) };
	}
	return p;
}

static spk_status count_entry(void *user, int64_t bucket, const char *key, uint32_t key_size, const char *value, uint32_t value_size, spk_error *err)
{
	int64_t *sum = user;

	(void)bucket, (void)key, (void)value, (void)err;
	*sum += (int64_t)key_size + value_size;
	return SPK_OK;
}

/* Bytes of keys and values of all tables, from a snapshot: the views of the live store are the operators'. */
static int64_t state_bytes(struct stream *s, const char *dir)
{
	struct spk_store_options options = { 0 };
	struct spk_store *store;
	int64_t bytes = 0;
	spk_error err = { 0 };

	spk_test_remove(dir);
	REQUIRE_OK(spk_store_snapshot(s->store, dir, &err), err);
	REQUIRE_OK(spk_store_open(&store, dir, &options, &err), err);
	for (int i = 0; i < s->plan->nodes; i++) {
		const struct spk_physical *n = s->plan->node[i];
		struct spk_state_view *view;

		if (!n->state_table)
			continue;
		REQUIRE_OK(spk_store_add_table(store, n->state_table, spk_physical_has_buckets(n) ? SPK_TABLE_BUCKETED : SPK_TABLE_KEYED, 2, n->fingerprint, &err), err);
		REQUIRE_OK(spk_state_view_open(&view, store, n->state_table, 0, SPK_SHARDS, &err), err);
		REQUIRE_OK(spk_state_scan(view, count_entry, &bytes, &err), err);
		spk_state_view_close(view);
	}
	spk_store_close(store);
	return bytes;
}

static void stays_flat(const struct job *job)
{
	char *dir = spk_test_dir("flat"), *state = spk_test_format("%s/state", dir), *snapshot = spk_test_format("%s/snapshot", dir);
	struct partition t = steady_rows();
	struct cut cut = { .chunk = 100 };
	struct outcome o;
	struct stream s;
	int64_t early = 0, late = 0, left;
	spk_error err = { 0 };

	stream_init(&s, job->sql, &t, 1, NULL, 0);
	stream_open(&s, state, 2, 0, 1, false);
	for (int w = 0; w < WINDOWS; w++) {
		cut.from[0][0] = w * PER_WINDOW;
		cut.to[0][0] = (w + 1) * PER_WINDOW;
		REQUIRE_OK(stream_epoch(&s, &cut, NULL, &o, &err), err);
		outcome_release(&o);
		/* Means: what is there at one moment depends on the rows that happen to be. */
		if (w >= 10 && w < 30)
			early += state_bytes(&s, snapshot) / 20;
		if (w >= 80)
			late += state_bytes(&s, snapshot) / 20;
	}
	cut.from[0][0] = t.events;
	cut.finished[0][0] = true;
	REQUIRE_OK(stream_epoch(&s, &cut, NULL, &o, &err), err);
	outcome_release(&o);
	left = state_bytes(&s, snapshot);
	printf("      %-17s %6lld bytes of state after 10 to 30 windows, %6lld after 80 to 100, %lld at the end\n", job->name, (long long)early, (long long)late, (long long)left);
	CHECK(early > 0 && late < early + early / 2);
	CHECK_EQ_INT(left, 0);
	stream_close(&s);
	stream_release(&s);
	free(t.event);
	free(snapshot);
	free(state);
	free(dir);
}

static void state_stays_flat(void)
{
	spk_log_set_levels("error", NULL);
	for (size_t i = 0; i < SPK_COUNT_OF(jobs); i++)
		stays_flat(&jobs[i]);
}

SPK_TEST_SUITE("flat state", { "over a hundred windows", state_stays_flat })
