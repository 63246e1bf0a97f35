/* Checkpoints of frames: into a folder that outlives the process, with faults and damage; placed automatically where frames are used again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/fault.h"
#include "session/engine.h"
#include "sparklet/frame.h"
#include "sparklet/function.h"
#include "tests/support/test.h"

static struct spk_session *session;
static spk_error err;
static _Atomic int64_t calls;

/* The same number, and counts how often it was asked. */
static spk_status counted(struct spk_function_context *c, const struct spk_sql_value *arg, struct spk_sql_value *result, spk_error *e)
{
	(void)c;
	(void)e;
	calls++;
	result->integer = arg[0].integer;
	return SPK_OK;
}

static void begin(void)
{
	err = (spk_error){ 0 };
	REQUIRE_OK(spk_session_new(&session, &err), err);
	REQUIRE_OK(spk_session_register_function(session, &(struct spk_function_spec){ .name = "counted", .arguments = "bigint", .returns = "bigint", .call = counted }, &err), err);
	calls = 0;
}

static void end(void) { spk_session_free(session); }

static char *shown(struct spk_frame *f)
{
	char *text = NULL;

	CHECK_OK(spk_frame_show(f, 100000, &text, &err), err);
	return text;
}

static void check_same(struct spk_frame *a, struct spk_frame *b)
{
	char *x = shown(a), *y = shown(b);

	CHECK_EQ_STR(x, y);
	free(x);
	free(y);
}

static int64_t rows_of(struct spk_frame *f)
{
	int64_t rows = -1;

	CHECK_OK(spk_frame_count(f, &rows, &err), err);
	return rows;
}

static void check_error(struct spk_frame *f, spk_status code, const char *message)
{
	int64_t rows;

	err = (spk_error){ 0 };
	CHECK_FAILS(spk_frame_count(f, &rows, &err), code, err);
	CHECK_HOLDS(err.message, message);
}

#define EVERY_TYPE \
	"SELECT i % 2 = 0 AS b, i::smallint AS s, i, i * 10000000000 AS l, i / 3.0::real AS r, i / 7.0::double precision AS d, i / 8.0 AS n, (i / 4.0)::numeric(12, 2) AS f, " \
	"CASE WHEN i % 3 > 0 THEN repeat('text ' || i, i % 9) END AS t, ('\\x' || lpad(to_hex(i), 8, '0'))::bytea AS y, DATE '2020-02-27' + i AS da, TIME '10:00' + i * INTERVAL '1 minute' AS ti, " \
	"TIMESTAMP '2020-02-27 01:02:03.456' + i * INTERVAL '1 hour' AS ts, TIMESTAMPTZ '2020-02-27 01:02:03+00' + i * INTERVAL '1 day' AS tz, i * INTERVAL '1 day 2 hours' AS iv, " \
	"jsonb_build_object('i', i, 'a', jsonb_build_array(i, NULL)) AS j, ARRAY[i, NULL, i + 1] AS a, ARRAY['x' || i] AS ta, NULLIF(i, 5) AS \"odd \"\" name\" FROM generate_series(1, 700) AS x (i)"

static void every_type_comes_back(void)
{
	char *dir = spk_test_dir("types"), *at = spk_test_format("%s/one/two", dir), *empty = spk_test_format("%s/empty", dir);
	struct spk_frame *all, *stored;

	begin();
	all = spk_frame_sql(session, EVERY_TYPE);
	stored = spk_frame_checkpoint(all, at);
	check_same(stored, all);
	check_same(spk_frame_select(spk_frame_filter(stored, "i > 690"), "j -> 'a', t, n"), spk_frame_select(spk_frame_filter(all, "i > 690"), "j -> 'a', t, n"));
	check_same(spk_frame_checkpoint(spk_frame_filter(all, "false"), empty), spk_frame_filter(all, "false"));
	end();
	/* In another session, which knows nothing of the first. */
	begin();
	check_same(spk_frame_read_checkpoint(session, at), spk_frame_sql(session, EVERY_TYPE));
	check_error(spk_frame_checkpoint(spk_frame_sql(session, EVERY_TYPE), at), SPK_EXISTS, "holds a checkpoint already");
	check_error(spk_frame_read_checkpoint(session, dir), SPK_NOT_FOUND, "holds no checkpoint");
	check_error(spk_frame_checkpoint(spk_frame_sql(session, "SELECT nothing"), dir), SPK_BIND, "column \"nothing\" does not exist");
	CHECK(spk_frame_checkpoint(NULL, dir) == NULL);
	end();
	free(empty);
	free(at);
	free(dir);
}

static void outlives_its_process(void)
{
	char *dir, *at;
	int status = -1;
	pid_t child;

	if (spk_test_sanitized())
		return;   /* no threads after a fork */
	dir = spk_test_dir("process");
	at = spk_test_format("%s/rows", dir);
	fflush(NULL);
	child = fork();
	if (child == 0) {
		int64_t rows = 0;

		alarm(300);
		if (spk_session_new(&session, &err) != SPK_OK || spk_frame_count(spk_frame_checkpoint(spk_frame_sql(session, "SELECT i, i * 2 AS d FROM generate_series(1, 50000) AS x (i)"), at), &rows, &err) != SPK_OK)
			_exit(1);
		_exit(rows == 50000 ? 0 : 2);
	}
	REQUIRE_EQ_INT(waitpid(child, &status, 0), child);
	CHECK_EQ_INT(status, 0);
	begin();
	CHECK_EQ_INT(rows_of(spk_frame_filter(spk_frame_read_checkpoint(session, at), "d = 2 * i")), 50000);
	end();
	free(at);
	free(dir);
}

static void cuts_the_lineage(void)
{
	char *dir = spk_test_dir("lineage"), *at = spk_test_format("%s/rows", dir), *csv = spk_test_format("%s/a.csv", dir), *text = NULL;
	struct spk_frame *stored;

	begin();
	spk_test_spew(csv, "n\n1\n2\n3\n", 8);
	stored = spk_frame_checkpoint(spk_frame_select(spk_frame_read_csv(session, csv, NULL), "counted(n) AS n"), at);
	CHECK_EQ_INT(calls, 3);
	unlink(csv);
	for (int i = 0; i < 3; i++)
		CHECK_EQ_INT(rows_of(spk_frame_filter(stored, "n > 1")), 2);
	CHECK_EQ_INT(calls, 3);
	CHECK_OK(spk_frame_explain(stored, &text, &err), err);
	CHECK_HOLDS(text, "frame checkpoint");
	CHECK(text && !strstr(text, "counted"));
	free(text);
	end();
	free(csv);
	free(at);
	free(dir);
}

/* Whatever write, sync or rename fails: nothing is there, nothing is left; and the next attempt succeeds. */
static void faults_leave_nothing(void)
{
	static const char *const point[] = { "file.write", "file.sync", "file.rename" };
	char *dir = spk_test_dir("faults"), *at = spk_test_format("%s/rows", dir);
	char fault[64];
	int failures = 0;

	begin();
	CHECK_OK(spk_session_set(session, "retry.max", "0", &err), err);
	for (size_t p = 0; p < sizeof point / sizeof *point; p++)
		for (int nth = 1;; nth++) {
			struct spk_frame *stored;
			spk_error failed = { 0 };

			snprintf(fault, sizeof fault, "%s:%d", point[p], nth);
			CHECK_OK(spk_fault_set(fault, &err), err);
			stored = spk_frame_checkpoint(spk_frame_sql(session, "SELECT i FROM generate_series(1, 9000) AS x (i)"), at);
			spk_fault_set(NULL, NULL);
			if (spk_frame_check(stored, &failed) == SPK_OK) {
				CHECK_EQ_INT(rows_of(stored), 9000);
				CHECK_EQ_INT(spk_test_run(NULL, "rm -r '%s'", at), 0);
				break;
			}
			failures++;
			CHECK_EQ_INT(failed.code, SPK_IO);
			CHECK_HOLDS(failed.message, "checkpoint(\"");
			CHECK(access(at, F_OK) != 0);
			REQUIRE(nth < 100);
		}
	CHECK(failures >= 5);
	end();
	free(at);
	free(dir);
}

static void retried_tasks_begin_anew(void)
{
	char *dir = spk_test_dir("retried"), *at = spk_test_format("%s/rows", dir);
	struct spk_frame *f;

	begin();
	f = spk_frame_sql(session, "SELECT i FROM generate_series(1, 100000) AS x (i)");
	CHECK_OK(spk_fault_set("file.write:5", &err), err);
	check_same(spk_frame_select(spk_frame_checkpoint(f, at), "count(*), sum(i)"), spk_frame_select(f, "count(*), sum(i)"));
	spk_fault_set(NULL, NULL);
	end();
	free(at);
	free(dir);
}

static void damage_is_named(void)
{
	char *dir = spk_test_dir("damage"), *at = spk_test_format("%s/rows", dir), *rows = spk_test_format("%s/rows-00000", at), *manifest = spk_test_format("%s/manifest.json", at);
	spk_test_rng random = spk_test_rng_new(1);
	size_t size, length;
	char *good, *text;

	begin();
	CHECK_EQ_INT(rows_of(spk_frame_checkpoint(spk_frame_sql(session, "SELECT i, 'row ' || i AS t FROM generate_series(1, 20000) AS x (i)"), at)), 20000);
	good = spk_test_slurp(rows, &size);
	text = spk_test_slurp(manifest, &length);
	REQUIRE(good && text && size > 1000);
	for (int i = 0; i < 40; i++) {
		size_t where = spk_test_below(&random, size);
		struct spk_frame *f;
		int64_t sum;

		good[where] = (char)(good[where] ^ (1 << i % 8));
		spk_test_spew(rows, good, size);
		f = spk_frame_read_checkpoint(session, at);
		err = (spk_error){ 0 };
		/* Bytes that only fill up a block may change. */
		if (spk_frame_count(spk_frame_filter(f, "t <> ''"), &sum, &err) == SPK_OK) {
			CHECK_EQ_INT(sum, 20000);
		} else {
			CHECK_EQ_INT(err.code, SPK_CORRUPT);
			CHECK_HOLDS(err.message, "rows-00000, block at byte");
		}
		good[where] = (char)(good[where] ^ (1 << i % 8));
	}
	spk_test_spew(rows, good, size - 5);
	check_error(spk_frame_read_checkpoint(session, at), SPK_CORRUPT, "rows-00000 has ");
	unlink(rows);
	check_error(spk_frame_read_checkpoint(session, at), SPK_NOT_FOUND, "rows-00000");
	spk_test_spew(rows, good, size);
	for (int i = 0; i < 20; i++) {
		size_t where = spk_test_below(&random, length);
		char was = text[where];

		text[where] = (char)(was ^ (1 << i % 7));
		spk_test_spew(manifest, text, length);
		check_error(spk_frame_read_checkpoint(session, at), SPK_CORRUPT, "manifest.json: ");
		text[where] = was;
	}
	spk_test_spew(manifest, "x", 1);
	check_error(spk_frame_read_checkpoint(session, at), SPK_CORRUPT, "it is too short");
	end();
	free(good);
	free(text);
	free(rows);
	free(manifest);
	free(at);
	free(dir);
}

static void as_a_table(void)
{
	char *dir = spk_test_dir("table"), *at = spk_test_format("%s/rows", dir), *sql = spk_test_format("CREATE TABLE c (i INT, t TEXT) WITH ('connector' = 'checkpoint', 'path' = '%s')", at);
	char *wrong = spk_test_format("CREATE TABLE w (i BIGINT, t TEXT) WITH ('connector' = 'checkpoint', 'path' = '%s')", at);

	begin();
	CHECK_EQ_INT(rows_of(spk_frame_checkpoint(spk_frame_sql(session, "SELECT i, 'x' AS t FROM generate_series(1, 10) AS x (i)"), at)), 10);
	CHECK_OK(spk_session_execute(session, sql, &err), err);
	CHECK_EQ_INT(rows_of(spk_frame_sql(session, "SELECT * FROM c WHERE i > 4")), 6);
	CHECK_OK(spk_session_execute(session, wrong, &err), err);
	check_error(spk_frame_table(session, "w"), SPK_USAGE, "column 1 is \"i\" bigint, in the checkpoint");
	CHECK_FAILS(spk_session_execute(session, "CREATE TABLE n (i INT) WITH ('connector' = 'checkpoint')", &err), SPK_USAGE, err);
	end();
	free(sql);
	free(wrong);
	free(at);
	free(dir);
}

/* --- placed automatically --- */

static void used_again_is_kept(void)
{
	struct spk_frame *f;
	char *text = NULL;

	begin();
	CHECK_OK(spk_session_set(session, "frames.checkpoint.cost", "1", &err), err);
	f = spk_frame_select(spk_frame_sql(session, "SELECT i FROM generate_series(1, 1000) AS x (i)"), "counted(i + 1 + 2 + 3 + i + i) AS c");
	for (int i = 0; i < 4; i++) {
		CHECK_EQ_INT(rows_of(spk_frame_filter(f, "c > 0")), 1000);
		/* The first use computes it, the second keeps it, the others read. */
		CHECK_EQ_INT(calls, i ? 2000 : 1000);
	}
	CHECK_OK(spk_frame_explain(f, &text, &err), err);
	CHECK_HOLDS(text, "Automatic checkpoints\n  checkpoint-1: at use 2, since 2 x recompute");
	free(text);
	spk_frame_unpersist(f);
	CHECK_EQ_INT(rows_of(spk_frame_filter(f, "c > 0")), 1000);
	CHECK_EQ_INT(calls, 3000);
	end();
}

static void only_where_it_pays(void)
{
	static const char *const cost[] = { "0", "1000000000", "1" };
	static const char *const columns[] = { "counted(i + 1 + 2 + 3 + i + i) AS c", "counted(i + 1 + 2 + 3 + i + i) AS c", "counted((random() * 0 + i + i + i + i + i)::bigint) AS c" };

	for (int k = 0; k < 3; k++) {
		struct spk_frame *f;
		char *text = NULL;

		begin();
		CHECK_OK(spk_session_set(session, "frames.checkpoint.cost", cost[k], &err), err);
		f = spk_frame_select(spk_frame_sql(session, "SELECT i FROM generate_series(1, 1000) AS x (i)"), columns[k]);
		for (int i = 1; i < 4; i++) {
			CHECK_EQ_INT(rows_of(spk_frame_filter(f, "c > 0")), 1000);
			CHECK_EQ_INT(calls, 1000 * i);
		}
		CHECK_OK(spk_frame_explain(f, &text, &err), err);
		CHECK(text && !strstr(text, "Automatic"));
		free(text);
		end();
	}
}

/* A loop that looks at each frame it makes: without checkpoints step k computes k steps. */
static void long_lineages_are_cut(void)
{
	enum { STEPS = 40, ROWS = 500 };
	int64_t made[2];

	for (int on = 0; on < 2; on++) {
		struct spk_frame *f;

		begin();
		CHECK_OK(spk_session_set(session, "frames.checkpoint.cost", on ? "1" : "0", &err), err);
		f = spk_frame_sql(session, "SELECT i, i::bigint AS v FROM generate_series(1, 500) AS x (i)");
		for (int step = 1; step <= STEPS; step++) {
			char *text;

			f = spk_frame_with_column(f, "v", "counted(v + 1)");
			text = shown(spk_frame_select(f, "sum(v) AS s"));
			if (text) {
				char *want = spk_test_format("%d", ROWS * (ROWS + 1) / 2 + ROWS * step);

				CHECK_HOLDS(text, want);
				free(want);
			}
			free(text);
		}
		made[on] = calls / ROWS;
		end();
	}
	CHECK_EQ_INT(made[0], STEPS * (STEPS + 1) / 2);
	printf("steps computed: %d without, %d with checkpoints\n", (int)made[0], (int)made[1]);
	CHECK(made[1] < made[0] / 2);
}

SPK_TEST_SUITE("checkpoints of frames",
	{"outlives its process", outlives_its_process},
	{"every type comes back", every_type_comes_back},
	{"cuts the lineage", cuts_the_lineage},
	{"faults leave nothing", faults_leave_nothing},
	{"retried tasks begin anew", retried_tasks_begin_anew},
	{"damage is named", damage_is_named},
	{"as a table", as_a_table},
	{"what is used again is kept", used_again_is_kept},
	{"only where it pays", only_where_it_pays},
	{"long lineages are cut", long_lineages_are_cut})
