/*
 * ANALYZE: what it finds is right, estimates made of it are near what comes out, plans get better by it, and it is forgotten when a file changes.
 * The measure is the q-error: how many times an estimate is off, in either direction.
 */
#include <math.h>
#include <stdio.h>

#include "core/base/log.h"
#include "planner/logical/statistics.h"
#include "session/engine.h"
#include "tests/support/test.h"

enum { ROWS = 20000, KEYS = 400 };

/* Stated bounds: of conditions that 1 % of the rows or more meet, and of joins of two skewed columns. */
static const double CONDITION_Q = 2, JOIN_Q = 3;

static struct spk_session *session;
static spk_error err;

static void begin(void)
{
	err = (spk_error){ 0 };
	REQUIRE_EQ_INT(spk_log_set_levels("error", NULL), SPK_OK);
	REQUIRE_OK(spk_session_new(&session, &err), err);
	spk_session_time(session, true);
}

static void end(void) { spk_session_free(session); }

/* Numbers 1 .. KEYS, the small ones far more often: log-uniform. */
static int skewed(spk_test_rng *rng) { return (int)exp(spk_test_unit(rng) * log(KEYS)); }

/* k and t: skewed, t a text; u: uniform; n: half NULL; d: dates, skewed. */
static char *write_table(const char *dir, const char *name, int rows, spk_test_rng *rng)
{
	char *path = spk_test_format("%s/%s.csv", dir, name);
	FILE *f = fopen(path, "w");

	REQUIRE(f != NULL);
	fprintf(f, "k,t,u,n,d\n");
	for (int i = 0; i < rows; i++) {
		int t = skewed(rng), day = skewed(rng) % 28 + 1;

		fprintf(f, "%d,%s%d,%.4f,", skewed(rng), t % 2 ? "value " : "another of the values ", t, spk_test_unit(rng) * 1000);
		if (spk_test_one_in(rng, 2))
			fprintf(f, "%d", skewed(rng));
		fprintf(f, ",2024-01-%02d\n", day);
	}
	fclose(f);
	return path;
}

static spk_status count_rows(void *user, struct spk_batch *batch, spk_error *why)
{
	(void)why;
	*(int64_t *)user += batch->selected;
	return SPK_OK;
}

static struct spk_physical_plan *plan_of(const char *sql)
{
	struct spk_physical_plan *plan = NULL;
	struct spk_script script;

	REQUIRE_OK(spk_session_bind(session, sql, &script, &err), err);
	REQUIRE_OK(spk_session_plan_query(session, script.statement[0].plan, &plan, &err), err);
	return plan;
}

static void analyze(const char *sql)
{
	REQUIRE_OK(spk_session_execute(session, sql, &err), err);
}

static const struct spk_physical *node_of(const struct spk_physical_plan *plan, enum spk_physical_kind kind)
{
	for (int i = plan->nodes; i-- > 0;)
		if (plan->node[i]->kind == kind)
			return plan->node[i];
	return NULL;
}

static int64_t rows_of(const struct spk_physical_plan *plan)
{
	int64_t rows = 0;

	REQUIRE_OK(spk_session_run_query(session, plan, count_rows, &rows, NULL, &err), err);
	return rows;
}

static double q_error(double expected, double got)
{
	double a = fmax(expected, 1), b = fmax(got, 1);

	return fmax(a / b, b / a);
}

static char *random_condition(spk_test_rng *rng)
{
	static const char *const compare[] = { "<", "<=", ">", ">=", "=", "<>" };
	int a = skewed(rng), b = skewed(rng);

	switch (spk_test_below(rng, 7)) {
	case 0: return spk_test_format("k %s %d", compare[spk_test_below(rng, 6)], a);
	case 1: return spk_test_format("u %s %d.5", compare[spk_test_below(rng, 4)], (int)spk_test_below(rng, 1000));
	case 2: return spk_test_format("t = '%s%d'", a % 2 ? "value " : "another of the values ", a);
	case 3: return spk_test_format("n %s %d", compare[spk_test_below(rng, 6)], a);
	case 4: return spk_test_format("n IS %sNULL", spk_test_one_in(rng, 2) ? "NOT " : "");
	case 5: return spk_test_format("k IN (%d, %d, %d)", a, a + b, a + b + 7);
	default: return spk_test_format("d %s date '2024-01-%02d'", compare[spk_test_below(rng, 6)], a % 28 + 1);
	}
}

static void conditions_are_near(void)
{
	spk_test_rng rng = spk_test_rng_new(1);
	char *dir = spk_test_dir("analyze"), *path = write_table(dir, "t", ROWS, &rng), *command = spk_test_format("ANALYZE '%s'", path);
	struct spk_session *knows[2];
	double worst = 1, sum[2] = { 0 };
	int n = 0;

	begin();
	knows[0] = session;
	begin();
	knows[1] = session;
	analyze(command);
	for (int i = 0; i < (spk_test_long() ? 2000 : 120); i++) {
		char *condition = random_condition(&rng), *sql = spk_test_format("SELECT * FROM '%s' WHERE %s", path, condition);
		double q[2];
		int64_t got;

		for (int k = 0; k < 2; k++) {
			session = knows[k];
			q[k] = node_of(plan_of(sql), SPK_PHYSICAL_SCAN)->expected_rows;
		}
		got = rows_of(plan_of(sql));
		for (int k = 0; k < 2; k++)
			q[k] = q_error(q[k], (double)got);
		/* An exact count beside one from the sketch, whose error is some percent; the sample holds all rows. */
		if (got >= ROWS / 100 && !CHECK(q[1] <= CONDITION_Q))
			printf("      %s: got %lld, q-error %.2f\n", condition, (long long)got, q[1]);
		if (got >= ROWS / 100)
			worst = fmax(worst, q[1]);
		sum[0] += log(q[0]);
		sum[1] += log(q[1]);
		n++;
		free(condition);
		free(sql);
	}
	printf("\n    q-error of conditions: %.2f on average (%.2f without ANALYZE), %.2f at the most where 1 %% of the rows meet them\n", exp(sum[1] / n), exp(sum[0] / n), worst);
	CHECK(sum[1] < sum[0]);
	spk_session_free(knows[0]);
	end();
	free(command);
	free(path);
	free(dir);
}

static void joins_are_near(void)
{
	spk_test_rng rng = spk_test_rng_new(2);
	char *dir = spk_test_dir("analyze"), *a = write_table(dir, "a", 3000, &rng), *b = write_table(dir, "b", 2000, &rng);
	char *command = spk_test_format("ANALYZE '%s', '%s'", a, b);
	static const char *const keys[] = { "k", "t", "n", "d" };

	begin();
	analyze(command);
	printf("\n    q-error of joins:");
	for (int i = 0; i < 4; i++) {
		char *sql = spk_test_format("SELECT a.u FROM '%s' a JOIN '%s' b ON a.%s = b.%s", a, b, keys[i], keys[i]);
		const struct spk_physical_plan *plan = plan_of(sql);
		double q = q_error(node_of(plan, SPK_PHYSICAL_HASH_JOIN)->expected_rows, (double)rows_of(plan));

		printf(" %s %.2f", keys[i], q);
		CHECK(q <= JOIN_Q);
		free(sql);
	}
	printf("\n");
	end();
	free(command);
	free(a);
	free(b);
	free(dir);
}

/* 95 of 100 rows of a are common, 5 of b are: without statistics both conditions look alike. */
static char *write_flags(const char *dir, const char *name, int rows, int rare)
{
	char *path = spk_test_format("%s/%s.csv", dir, name);
	FILE *f = fopen(path, "w");

	REQUIRE(f != NULL);
	fprintf(f, "id,flag\n");
	for (int i = 0; i < rows; i++)
		fprintf(f, "%d,%s\n", i, i % rare ? "common" : "rare");
	fclose(f);
	return path;
}

static void plans_get_better(void)
{
	char *dir = spk_test_dir("analyze"), *a = write_flags(dir, "a", 4000, 20), *b = write_flags(dir, "b", 4400, 20);
	char *sql = spk_test_format("SELECT * FROM '%s' a JOIN '%s' b ON a.id = b.id WHERE a.flag = 'common' AND b.flag = 'rare'", a, b), *command = spk_test_format("ANALYZE '%s' (id, flag), '%s'", a, b);
	const struct spk_physical *join;
	FILE *f;

	begin();
	join = node_of(plan_of(sql), SPK_PHYSICAL_HASH_JOIN);
	bool kept_left = join->build_left;

	analyze(command);
	join = node_of(plan_of(sql), SPK_PHYSICAL_HASH_JOIN);
	/* 220 rows of b are kept, and not 3,800 of a. */
	CHECK(kept_left);
	CHECK(!join->build_left);
	/* Another file under that name: nothing is known of it. */
	f = fopen(b, "a");
	REQUIRE(f != NULL);
	fprintf(f, "9999,rare\n");
	fclose(f);
	char *scan = spk_test_format("SELECT * FROM '%s' WHERE flag = 'common'", b);

	CHECK(node_of(plan_of(scan), SPK_PHYSICAL_SCAN)->expected_rows < 1000);
	analyze(command);
	CHECK(node_of(plan_of(scan), SPK_PHYSICAL_SCAN)->expected_rows > 4000);
	end();
	free(scan);
	free(sql);
	free(command);
	free(a);
	free(b);
	free(dir);
}

/* Beyond 60,000 rows a sample tells of common values and histograms; it is the same each time, whatever the number of threads. */
static void samples_are_the_same_each_time(void)
{
	spk_test_rng rng = spk_test_rng_new(3);
	char *dir = spk_test_dir("analyze"), *path = write_table(dir, "big", 100000, &rng), *text[2], *command = spk_test_format("ANALYZE VERBOSE '%s'", path);

	for (int i = 0; i < 2; i++) {
		struct spk_buffer show = { 0 };
		struct spk_script script;

		begin();
		REQUIRE_OK(spk_session_set(session, "files.range", "500KiB", &err), err);
		REQUIRE_OK(spk_session_set(session, "pool.size", i ? "4" : "1", &err), err);
		REQUIRE_OK(spk_session_bind(session, command, &script, &err), err);
		REQUIRE_OK(spk_session_analyze(session, &script.statement[0], &show, &err), err);
		text[i] = strdup(spk_buffer_cstr(&show));
		spk_buffer_release(&show);
		char *sql = spk_test_format("SELECT * FROM '%s' WHERE k = 1", path);
		const struct spk_physical_plan *plan = plan_of(sql);

		CHECK(q_error(node_of(plan, SPK_PHYSICAL_SCAN)->expected_rows, (double)rows_of(plan)) < 1.2);
		free(sql);
		end();
	}
	CHECK_EQ_STR(text[0], text[1]);
	CHECK_HOLDS(text[0], ": 100000 rows\n");
	free(text[0]);
	free(text[1]);
	free(command);
	free(path);
	free(dir);
}

static void tells_what_it_found(void)
{
	struct spk_buffer show = { 0 };
	struct spk_script script;

	begin();
	REQUIRE_OK(spk_session_execute(session, "CREATE TABLE f (origin text, dep_delay integer, distance integer) WITH ('connector' = 'filesystem', 'path' = 'examples/data/flights.csv', 'format' = 'csv')", &err), err);
	REQUIRE_OK(spk_session_execute(session, "ANALYZE; ANALYZE f (origin)", &err), err);
	REQUIRE_OK(spk_session_bind(session, "ANALYZE VERBOSE f", &script, &err), err);
	REQUIRE_OK(spk_session_analyze(session, &script.statement[0], &show, &err), err);
	CHECK_EQ_STR(spk_buffer_cstr(&show),
	             "f: 27004 rows\n"
	             "  origin: 3 values, 0.0 % NULL, 3.0 bytes; 'EWR' 36.6 %, 'JFK' 33.9 %, 'LGA' 29.4 %\n"
	             "  dep_delay: 317 values, 1.9 % NULL, -30 to 1301, histogram of 100; most common of 34: -5 7.9 %, -4 7.9 %, -3 7.2 %\n"
	             "  distance: 177 values, 0.0 % NULL, 80 to 4983, histogram of 100; most common of 53: 2475 3.5 %, 762 3.3 %, 2586 2.5 %\n");
	spk_buffer_release(&show);
	/* Empty tables, and columns that are NULL throughout. */
	char *dir = spk_test_dir("analyze"), *path = spk_test_format("%s/e.csv", dir), *command = spk_test_format("ANALYZE '%s'", path);

	spk_test_spew(path, "a,b\n", 4);
	CHECK_OK(spk_session_execute(session, command, &err), err);
	spk_test_spew(path, "a,b\n1,\n2,\n", 10);
	CHECK_OK(spk_session_execute(session, command, &err), err);
	/* Mistakes. */
	CHECK_FAILS(spk_session_execute(session, "ANALYZE g", &err), SPK_BIND, err);
	CHECK_EQ_INT(err.position, 9);
	CHECK_FAILS(spk_session_execute(session, "ANALYZE f (nothing)", &err), SPK_BIND, err);
	CHECK_HOLDS(err.message, "column \"nothing\" does not exist");
	CHECK_FAILS(spk_session_execute(session, "ANALYZE (SKIP_LOCKED) f", &err), SPK_UNSUPPORTED, err);
	CHECK_FAILS(spk_session_execute(session, "VACUUM f", &err), SPK_UNSUPPORTED, err);
	REQUIRE_OK(spk_session_execute(session, "CREATE VIEW v AS SELECT origin, count(*) AS n FROM f GROUP BY 1", &err), err);
	CHECK_FAILS(spk_session_execute(session, "ANALYZE v", &err), SPK_USAGE, err);
	end();
	free(command);
	free(path);
	free(dir);
}

SPK_TEST_SUITE("session/analyze",
	{ "estimates of conditions are near", conditions_are_near },
	{ "estimates of joins are near", joins_are_near },
	{ "plans get better, until the files change", plans_get_better },
	{ "samples are the same each time", samples_are_the_same_each_time },
	{ "it tells what it found, and what is wrong", tells_what_it_found })
