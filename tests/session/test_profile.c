/* What a session tells of its queries: where they stand, how they went; and what it forgets. */
#include <pthread.h>
#include <unistd.h>

#include "core/base/fault.h"
#include "core/base/memory.h"
#include "session/engine.h"
#include "tests/support/test.h"

#define QUERY "SELECT origin, count(*) AS n FROM 'examples/data/flights.csv' GROUP BY origin"

static struct spk_session *session;
static spk_error err;

static void begin(void)
{
	err = (spk_error){ 0 };
	REQUIRE_OK(spk_session_new(&session, &err), err);
}

static void end(void)
{
	REQUIRE_OK(spk_fault_set("", &err), err);
	spk_session_free(session);
}

static spk_status drop(void *user, struct spk_batch *batch, spk_error *why)
{
	(void)user;
	(void)batch;
	(void)why;
	return SPK_OK;
}

static spk_status run(const char *sql)
{
	struct spk_physical_plan *plan;
	struct spk_script script;

	REQUIRE_OK(spk_session_bind(session, sql, &script, &err), err);
	REQUIRE_OK(spk_session_plan_query(session, script.statement[0].plan, &plan, &err), err);
	return spk_session_run_query(session, plan, drop, NULL, NULL, &err);
}

static void tells_how_it_went(void)
{
	const struct spk_query_profile *p;

	begin();
	CHECK(spk_session_profile(session) == NULL);
	CHECK_OK(run(QUERY), err);
	p = spk_session_profile(session);
	REQUIRE(p != NULL);
	CHECK_EQ_INT(p->rows, 3);
	CHECK_EQ_INT(p->stages, 3);
	CHECK(p->plan == NULL);            /* not asked for */
	CHECK(p->elapsed_us > 0 && p->memory_peak > 0);
	CHECK_HOLDS(p->stage[1].what, "FinalAggregate");
	CHECK_EQ_INT(p->stage[0].stats.sum.rows_out, p->stage[1].stats.sum.rows_in);
	CHECK(p->stage[2].stats.complete);
	spk_session_time(session, true);
	CHECK_OK(run(QUERY), err);
	REQUIRE_OK(spk_session_forget(session, &err), err);
	p = spk_session_profile(session);
	REQUIRE(p && p->plan);             /* stays when plans go */
	CHECK_HOLDS(p->plan, "rows=27004 (expected ");
	CHECK_HOLDS(p->plan, " time=");
	end();
}

/* Also a query that fails has a profile: of how far it came. */
static void tells_of_failures(void)
{
	begin();
	CHECK_FAILS(run("SELECT 1 / (flight - flight) FROM 'examples/data/flights.csv'"), SPK_DATA, err);
	REQUIRE(spk_session_profile(session) != NULL);
	CHECK(!spk_session_profile(session)->stage[1].stats.started);
	end();
}

struct seen { int calls; struct spk_query_progress last; bool back; };

static void see(void *user, const struct spk_query_progress *now)
{
	struct seen *s = user;

	s->back = s->back || now->rows_read < s->last.rows_read || now->elapsed_us < s->last.elapsed_us;
	s->last = *now;
	s->calls++;
}

static void tells_where_it_stands(void)
{
	struct seen seen = { 0 };

	begin();
	REQUIRE_OK(spk_fault_set("source.read:1+:sleep=50", &err), err);
	spk_session_on_progress(session, 1, see, &seen);
	CHECK_OK(run(QUERY), err);
	CHECK(seen.calls > 5 && !seen.back);
	CHECK_EQ_INT(seen.last.stages, 3);
	CHECK(seen.last.share_read >= 0 && seen.last.share_read <= 1);
	CHECK(seen.last.rows_read <= 27004 && seen.last.tasks_done <= seen.last.tasks);
	seen.calls = 0;
	spk_session_on_progress(session, 0, NULL, NULL);
	CHECK_OK(run(QUERY), err);
	CHECK_EQ_INT(seen.calls, 0);
	end();
}

static void *cancel_soon(void *user)
{
	usleep(20000);
	spk_session_cancel(user);
	return NULL;
}

static void cancels_once(void)
{
	pthread_t thread;

	begin();
	REQUIRE_OK(spk_fault_set("source.read:1+:sleep=200", &err), err);
	REQUIRE(pthread_create(&thread, NULL, cancel_soon, session) == 0);
	CHECK_FAILS(run(QUERY), SPK_CANCELLED, err);
	pthread_join(thread, NULL);
	REQUIRE_OK(spk_fault_set("", &err), err);
	CHECK_OK(run(QUERY), err);
	/* One that found nothing to cancel ends the next query, unless it is dropped. */
	spk_session_cancel(session);
	CHECK_FAILS(run(QUERY), SPK_CANCELLED, err);
	spk_session_cancel(session);
	spk_session_clear_cancel(session);
	CHECK_OK(run(QUERY), err);
	end();
}

/* A shell may go on for weeks: what was bound and planned does not pile up, tables and views stay. */
static void forgets(void)
{
	struct spk_script script;
	size_t after_few = 0;

	begin();
	REQUIRE_OK(spk_session_bind(session, "CREATE VIEW v AS SELECT origin, dest FROM 'examples/data/flights.csv' WHERE flight > 1", &script, &err), err);
	for (int i = 0; i < 60; i++) {
		REQUIRE_OK(spk_session_forget(session, &err), err);
		CHECK_OK(run("SELECT origin, count(*) FROM v GROUP BY 1 ORDER BY 2"), err);
		if (i == 5)
			after_few = spk_memory_used();
	}
	CHECK(spk_memory_used() < after_few + 1024 * 1024);
	end();
}

SPK_TEST_SUITE("session/profile",
	{ "a profile of the last query", tells_how_it_went },
	{ "a profile of a query that failed", tells_of_failures },
	{ "progress while it runs", tells_where_it_stands },
	{ "cancelling ends one query", cancels_once },
	{ "what was planned is forgotten", forgets })
