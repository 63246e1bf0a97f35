/* A query of many stages survives the death of any of its tasks; one that is cancelled, at whatever moment, leaves nothing behind. */
#include <pthread.h>
#include <unistd.h>

#include "tests/session/spilling.h"

/* Five relations joined, aggregated, sorted. Hints, so that both sides of the joins are exchanged: more stages, and none too small to be worth it. */
#define DATA "'examples/data/"
#define QUERY \
	"SELECT /*+ SHUFFLE_HASH(p) */ a.name, p.manufacturer, count(*) AS n, sum(f.distance) AS d, max(w.temp) AS t, min(o.name) AS o " \
	"FROM " DATA "flights.csv' f JOIN " DATA "airlines.csv' a ON a.carrier = f.carrier JOIN " DATA "planes.csv' p ON p.tailnum = f.tailnum " \
	"JOIN " DATA "airports.csv' o ON o.faa = f.dest JOIN " DATA "weather.csv' w ON w.origin = f.origin AND w.time_hour = f.time_hour " \
	"GROUP BY a.name, p.manufacturer ORDER BY n DESC, 1, 2"

/* --- faults --- */

/* One worker: tasks pass the point one after the other, so passes 1, 2, ... are every task of every stage in turn. */
static void kill_each(enum spk_fault point, const char *query, uint64_t want)
{
	for (int n = 1;; n++) {
		char *spec = spk_test_format("%s:%d", spk_fault_name(point), n);
		uint64_t got;

		REQUIRE(n < 1000);
		REQUIRE_OK(spk_fault_set(spec, &err), err);
		free(spec);
		CHECK_OK(run_query(query, NULL, &got), err);
		CHECK(got == want);
		if (spk_fault_passes(point) < n)
			break;
		const struct spk_query_profile *p = spk_session_profile(session);

		CHECK(p && p->tasks_failed + p->tasks_recomputed >= 1);
	}
	REQUIRE_OK(spk_fault_set("", &err), err);
}

static void survives_any_task(void)
{
	static const enum spk_fault points[] = { SPK_FAULT_TASK_START, SPK_FAULT_TASK_FINISH, SPK_FAULT_SHUFFLE_WRITE, SPK_FAULT_SHUFFLE_FETCH };
	uint64_t want;

	begin_spilling("3", "1");
	REQUIRE_OK(run_query(QUERY, NULL, &want), err);
	CHECK(spk_session_profile(session)->stages >= 7);
	CHECK(spk_session_profile(session)->rows > 20);
	for (size_t i = 0; i < sizeof points / sizeof *points; i++)
		kill_each(points[i], QUERY, want);
	end();
}

/* --- joins that turn out otherwise than planned --- */

/*
 * Estimates know nothing of expressions: the first kept side is expected to be large and is nearly empty, the second the other way round. `%s`: a
 * hint, or nothing.
 */
#define SMALL "SELECT %s a.name, count(*) AS n, sum(f.distance) AS d FROM " DATA "flights.csv' f JOIN " DATA "airlines.csv' a ON a.carrier = f.carrier " \
	"JOIN (SELECT * FROM " DATA "planes.csv' WHERE length(tailnum || model) <> 13) p ON p.tailnum = f.tailnum GROUP BY a.name ORDER BY n, 1"
#define LARGE "SELECT %s p.manufacturer, count(*) AS n, sum(f.distance) AS d FROM " DATA "flights.csv' f LEFT JOIN " \
	"(SELECT * FROM " DATA "planes.csv' WHERE length(tailnum) = 6) p ON p.tailnum = f.tailnum GROUP BY p.manufacturer ORDER BY n, 1"

struct settled { int left_out, exchanged; };

static struct settled settled(void)
{
	const struct spk_query_profile *p = spk_session_profile(session);
	struct settled out = { 0 };

	REQUIRE(p != NULL);
	for (int i = 0; i < p->stages; i++) {
		out.left_out += p->stage[i].stats.left_out;
		out.exchanged += p->stage[i].stats.decided && !p->stage[i].stats.left_out;
	}
	return out;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static struct settled settle(const char *query, const char *hint, uint64_t *got)
{
	char *sql = spk_test_format(query, hint);

	REQUIRE_OK(run_query(sql, NULL, got), err);
	free(sql);
	return settled();
}
#pragma GCC diagnostic pop

static void set(const char *key, const char *value) { REQUIRE_OK(spk_session_set(session, key, value, &err), err); }

/* By hint, or by the key, a join is what it was planned as; with neither its real size decides. The rows are the same. */
static void joins_are_settled_by_size(void)
{
	static const struct { const char *query, *most; bool small; } cases[] = { { SMALL, "100KiB", true }, { LARGE, "20KiB", false } };

	for (size_t i = 0; i < SPK_COUNT_OF(cases); i++) {
		uint64_t want, got;
		struct settled s;

		begin_spilling("3", "2");
		set("join.broadcast.bytes", cases[i].most);
		set("join.adaptive", "false");
		s = settle(cases[i].query, "", &want);
		CHECK_EQ_INT(s.left_out + s.exchanged, 0);
		set("join.adaptive", "true");
		s = settle(cases[i].query, "", &got);
		CHECK(got == want);
		CHECK(cases[i].small ? s.left_out == 2 && !s.exchanged : s.exchanged == 1);
		s = settle(cases[i].query, "/*+ SHUFFLE_HASH(p) SHUFFLE_HASH(a) */", &got);
		CHECK(got == want);
		CHECK_EQ_INT(s.left_out + s.exchanged, 0);
		s = settle(cases[i].query, "/*+ BROADCAST(p) BROADCAST(a) */", &got);
		CHECK(got == want);
		CHECK_EQ_INT(s.left_out + s.exchanged, 0);
		set("memory.limit", "40MiB");
		(void)settle(cases[i].query, "", &got);
		CHECK(got == want);
		set("memory.limit", "1GiB");
		end();
	}
}

static void settled_joins_survive_any_task(void)
{
	static const enum spk_fault points[] = { SPK_FAULT_TASK_START, SPK_FAULT_TASK_FINISH, SPK_FAULT_SHUFFLE_WRITE, SPK_FAULT_SHUFFLE_FETCH };
	static const char *const query[] = { SMALL, LARGE };

	for (int k = 0; k < 2; k++) {
		char *sql = k ? spk_test_format(LARGE, "") : spk_test_format(SMALL, "");
		uint64_t want;

		begin_spilling("3", "1");
		set("join.broadcast.bytes", k ? "20KiB" : "100KiB");
		(void)settle(query[k], "", &want);
		for (size_t i = 0; i < SPK_COUNT_OF(points); i++)
			kill_each(points[i], sql, want);
		free(sql);
		end();
	}
}

/* Again and again, anywhere: more failures than a task may have end the query, with the reason. */
static void gives_up(void)
{
	uint64_t got;

	begin_spilling("3", "2");
	REQUIRE_OK(spk_session_set(session, "retry.max", "2", &err), err);
	REQUIRE_OK(spk_fault_set("task.finish:1+", &err), err);
	CHECK_FAILS(run_query(QUERY, NULL, &got), SPK_IO, err);
	CHECK_HOLDS(err.message, "given up after 3 attempts");
	end();
}

/* --- cancelling --- */

/* A thread that was joined may be in the list for a moment more. */
static void check_threads(int want)
{
	for (int i = 0; i < 1000 && spk_test_files("/proc/self/task") > want; i++)
		usleep(10000);
	CHECK_EQ_INT(spk_test_files("/proc/self/task"), want);
}

static size_t held(void)
{
	static const char *const accounts[] = { "operators", "shuffle", "scheduler", "spill" };
	size_t bytes = 0;

	for (size_t i = 0; i < sizeof accounts / sizeof *accounts; i++)
		bytes += spk_memory_account_used(spk_memory_account(accounts[i]));
	return bytes;
}

static _Atomic int64_t cancel_after_us;

static void *cancel_later(void *user)
{
	usleep((useconds_t)cancel_after_us);
	spk_session_cancel(user);
	return NULL;
}

/* With spills wanted all the time, so that there are files to leave. */
static void cancelled_leaves_nothing(void)
{
	spk_test_rng rng = spk_test_rng_new(7);
	int threads = spk_test_files("/proc/self/task");
	size_t before;
	uint64_t want, got;

	begin_spilling("3", "2");
	before = held();
	REQUIRE_OK(run_query(QUERY, NULL, &want), err);
	CHECK_EQ_INT(held(), before);
	for (int i = 0; i < (spk_test_long() ? 200 : 20); i++) {
		pthread_t canceller;

		cancel_after_us = (int64_t)spk_test_below(&rng, 60000);
		REQUIRE_OK(spk_fault_set(spk_test_one_in(&rng, 2) ? "spill.wanted:1+" : "", &err), err);
		REQUIRE(pthread_create(&canceller, NULL, cancel_later, session) == 0);
		spk_status status = run_query(QUERY, NULL, &got);

		pthread_join(canceller, NULL);
		spk_session_clear_cancel(session);
		CHECK(status == SPK_CANCELLED || (status == SPK_OK && got == want));
		CHECK_EQ_INT(held(), before);
		CHECK_EQ_INT(spk_test_files(spill), 0);
		check_threads(threads);
	}
	REQUIRE_OK(spk_fault_set("", &err), err);
	CHECK_OK(run_query(QUERY, NULL, &got), err);
	CHECK(got == want);
	end();
}

static void times_out(void)
{
	int threads = spk_test_files("/proc/self/task");
	size_t before;
	uint64_t got;

	begin_spilling("3", "2");
	before = held();
	REQUIRE_OK(spk_fault_set("source.read:1+:sleep=200", &err), err);
	REQUIRE_OK(spk_session_set(session, "statement_timeout", "5ms", &err), err);
	CHECK_FAILS(run_query(QUERY, NULL, &got), SPK_CANCELLED, err);
	CHECK_EQ_STR(err.message, "canceling statement due to statement timeout");
	CHECK_EQ_INT(held(), before);
	CHECK_EQ_INT(spk_test_files(spill), 0);
	check_threads(threads);
	/* WITH queries are run before, on the same clock. */
	CHECK_FAILS(run_query("WITH x AS MATERIALIZED (SELECT * FROM 'examples/data/flights.csv') SELECT count(*) FROM x a, x b WHERE a.flight = b.flight", NULL, &got), SPK_CANCELLED, err);
	CHECK_EQ_STR(err.message, "canceling statement due to statement timeout");
	CHECK_EQ_INT(held(), before);
	/* The next statement has a clock of its own; 0 is none. */
	REQUIRE_OK(spk_fault_set("", &err), err);
	REQUIRE_OK(spk_session_set(session, "statement_timeout", "10min", &err), err);
	CHECK_OK(run_query(QUERY, NULL, &got), err);
	REQUIRE_OK(spk_session_set(session, "statement_timeout", "0", &err), err);
	CHECK_OK(run_query(QUERY, NULL, &got), err);
	end();
}

/* Loops that give no rows for long look up, too. */
static void times_out_in_a_loop(void)
{
	uint64_t got;

	begin_spilling("3", "1");
	REQUIRE_OK(spk_session_set(session, "statement_timeout", "20", &err), err);
	CHECK_FAILS(run_query("SELECT count(*) FROM generate_series(1, 4000) a(x), generate_series(1, 4000) b(y), generate_series(1, 4000) c(z) WHERE x + y + z < 0", NULL, &got),
	            SPK_CANCELLED, err);
	CHECK_EQ_STR(err.message, "canceling statement due to statement timeout");
	CHECK_FAILS(run_query("SELECT count(*) FROM generate_series(1, 4000) a(x) JOIN generate_series(1, 4000) b(y) ON x % 1 = y % 1 JOIN generate_series(1, 4000) c(z) "
	                "ON x % 1 = z % 1 WHERE x + y + z < 0", NULL, &got), SPK_CANCELLED, err);
	end();
}

SPK_TEST_SUITE("session/faults",
	{ "a query survives the death of each task of each stage", survives_any_task },
	{ "joins are settled by the size of their kept side", joins_are_settled_by_size },
	{ "so are they whichever task dies", settled_joins_survive_any_task },
	{ "a task that fails too often ends the query with the reason", gives_up },
	{ "a query cancelled at any moment leaves no memory, files or threads", cancelled_leaves_nothing },
	{ "statement_timeout ends a query and its WITH queries", times_out },
	{ "statement_timeout ends loops without rows", times_out_in_a_loop })
