/* Arrow streams of results: computed as they are taken, in bounded memory; released early, cancelled, failing in the middle, several at once. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "session/engine.h"
#include "sparklet/frame.h"
#include "tests/support/test.h"

static struct spk_session *session;
static spk_error err;

/* Far more rows than anybody waits for. */
#define ENDLESS "SELECT (a.i * 3001::bigint + b.i) * 3001 + c.i AS n FROM generate_series(1, 3000) AS a (i), generate_series(1, 3000) AS b (i), generate_series(1, 3000) AS c (i)"

static void begin(void)
{
	err = (spk_error){ 0 };
	REQUIRE_OK(spk_session_new(&session, &err), err);
}

static void end(void) { spk_session_free(session); }

/* All rows that are left, or -1 with the code of get_next negated. */
static int64_t take_all(struct ArrowArrayStream *rows)
{
	int64_t count = 0;

	for (;;) {
		struct ArrowArray array = { 0 };
		int code = rows->get_next(rows, &array);

		if (code)
			return -code;
		if (!array.release)
			return count;
		count += array.length;
		array.release(&array);
	}
}

static int64_t take_one(struct ArrowArrayStream *rows)
{
	struct ArrowArray array = { 0 };
	int64_t length;
	int code = rows->get_next(rows, &array);

	if (code)
		return -code;
	length = array.release ? array.length : 0;
	if (array.release)
		array.release(&array);
	return length;
}

static int threads(void)
{
	char *text = NULL;
	int count = spk_test_run(&text, "ls /proc/%d/task | wc -l", (int)getpid()) == 0 ? atoi(text) : -1;

	free(text);
	return count;
}

static void results_need_no_memory(void)
{
	struct ArrowArrayStream rows = { 0 };
	const struct spk_query_profile *p;

	begin();
	CHECK_OK(spk_session_set(session, "memory.limit", "32MiB", &err), err);
	/* 350 MB of text, eleven times the limit. */
	REQUIRE_OK(spk_session_query(session, "SELECT repeat('some text, ', 10) || b.i AS s FROM generate_series(1, 320) AS a (i), generate_series(1, 10000) AS b (i)", &rows, &err), err);
	CHECK_EQ_INT(take_all(&rows), 3200000);
	CHECK_EQ_INT(take_all(&rows), 0);
	rows.release(&rows);
	p = spk_session_profile(session);
	CHECK(p && p->rows == 3200000 && p->memory_peak <= 32 << 20);
	end();
}

static void released_early(void)
{
	int before = threads();
	struct ArrowArrayStream rows = { 0 };
	size_t used;

	begin();
	REQUIRE_OK(spk_session_query(session, "SELECT 1 AS n", &rows, &err), err);
	rows.release(&rows);
	used = spk_memory_used();
	for (int taken = 0; taken < 20; taken += 7) {
		REQUIRE_OK(spk_session_query(session, ENDLESS, &rows, &err), err);
		for (int i = 0; i < taken; i++)
			CHECK(take_one(&rows) > 0);
		rows.release(&rows);
		CHECK(rows.release == NULL);
		CHECK_EQ_INT(threads(), before);
	}
	/* What was bound and planned stays with the session. */
	CHECK(spk_memory_used() < used + (8 << 20));
	end();
}

static void fails_in_the_middle(void)
{
	struct ArrowArrayStream rows = { 0 };

	begin();
	REQUIRE_OK(spk_session_query(session, "SELECT 7 / (i - 90000) AS n FROM generate_series(1, 100000) AS a (i)", &rows, &err), err);
	CHECK_EQ_INT(take_all(&rows), -EIO);
	CHECK_HOLDS(rows.get_last_error(&rows), "division by zero");
	CHECK_EQ_INT(take_all(&rows), -EIO);
	rows.release(&rows);
	CHECK_FAILS(spk_session_query(session, "SELECT 7 / (i - i) AS n FROM generate_series(1, 10000) AS b (i)", &rows, &err), SPK_DATA, err);
	CHECK_HOLDS(err.message, "division by zero");
	end();
}

static void is_cancelled(void)
{
	struct ArrowArrayStream rows = { 0 };

	begin();
	REQUIRE_OK(spk_session_query(session, ENDLESS, &rows, &err), err);
	CHECK(take_one(&rows) > 0);
	spk_session_stop(session);
	CHECK_EQ_INT(take_all(&rows), -ECANCELED);
	CHECK(rows.get_last_error(&rows) != NULL);
	rows.release(&rows);
	/* The next one is not. */
	REQUIRE_OK(spk_session_query(session, "SELECT i FROM generate_series(1, 10000) AS b (i)", &rows, &err), err);
	CHECK_EQ_INT(take_all(&rows), 10000);
	rows.release(&rows);
	end();
}

static void times_out(void)
{
	struct ArrowArrayStream rows = { 0 };

	begin();
	CHECK_OK(spk_session_set(session, "statement_timeout", "30ms", &err), err);
	CHECK_FAILS(spk_session_query(session, "SELECT count(*) FROM (" ENDLESS ") AS e", &rows, &err), SPK_CANCELLED, err);
	CHECK_HOLDS(err.message, "canceling statement due to statement timeout");
	CHECK_OK(spk_session_set(session, "statement_timeout", "10min", &err), err);
	REQUIRE_OK(spk_session_query(session, ENDLESS, &rows, &err), err);
	CHECK(take_one(&rows) > 0);
	rows.release(&rows);
	end();
}

static void several_at_once(void)
{
	struct ArrowArrayStream rows[3] = { { 0 } };
	struct spk_frame *kept;
	int64_t count = 0;

	begin();
	kept = spk_frame_cache(spk_frame_sql(session, "SELECT i FROM generate_series(1, 50000) AS b (i)"));
	for (int i = 0; i < 3; i++)
		REQUIRE_OK(spk_frame_collect(kept, &rows[i], &err), err);
	CHECK_OK(spk_frame_register(spk_frame_filter(kept, "i % 2 = 0"), "even", &err), err);
	for (int i = 0; i < 9; i++)
		count += take_one(&rows[i % 3]);
	spk_frame_unpersist(kept);
	rows[2].release(&rows[2]);
	CHECK_OK(spk_frame_count(spk_frame_sql(session, "WITH w AS MATERIALIZED (SELECT * FROM even) SELECT * FROM w UNION ALL SELECT * FROM w"), &count, &err), err);
	CHECK_EQ_INT(count, 50000);
	for (int i = 0; i < 2; i++) {
		CHECK(take_all(&rows[i]) > 30000);
		rows[i].release(&rows[i]);
	}
	end();
}

static void outlives_its_session(void)
{
	int before = threads();
	struct ArrowArrayStream rows = { 0 };
	struct ArrowArray array = { 0 };

	begin();
	REQUIRE_OK(spk_session_query(session, ENDLESS, &rows, &err), err);
	REQUIRE_EQ_INT(rows.get_next(&rows, &array), 0);
	end();
	CHECK_EQ_INT(threads(), before);
	CHECK_EQ_INT(take_all(&rows), -ECANCELED);
	CHECK_HOLDS(rows.get_last_error(&rows), "session of the stream is gone");
	rows.release(&rows);
	/* Rows that were taken stay. */
	CHECK(array.length > 0 && ((const int64_t *)array.children[0]->buffers[1])[0] > 0);
	array.release(&array);
}

SPK_TEST_SUITE("streams of results",
	{"a result eleven times the memory limit", results_need_no_memory},
	{"released early, the query ends", released_early},
	{"fails in the middle", fails_in_the_middle},
	{"is cancelled", is_cancelled},
	{"statement_timeout ends a wait", times_out},
	{"several at once, among other queries", several_at_once},
	{"outlives its session, and says so", outlives_its_session})
