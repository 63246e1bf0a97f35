/* Batch queries whose answers were worked out by hand, under all ways of running them. */
#include "tests/batch/support.h"

/* %s: the folder with the test's files. Rows of queries without ORDER BY are compared as a set. */
static const struct { const char *sql, *rows; bool ordered; } queries[] = {
	{ "SELECT 1, 'a', NULL", "1|a|NULL\n", true },
	{ "VALUES (1, 'x'), (2, NULL), (3, 'z')", "1|x\n2|NULL\n3|z\n", true },
	{ "SELECT a + 1, b FROM (VALUES (1, 'x'), (2, NULL), (NULL, 'z')) t(a, b)", "2|x\n3|NULL\nNULL|z\n", true },
	{ "SELECT a FROM (VALUES (1), (2), (NULL), (4)) t(a) WHERE a > 1", "2\n4\n", true },
	{ "SELECT a FROM (VALUES (1), (2)) t(a) WHERE a > 9", "", true },
	/* aggregates */
	{ "SELECT count(*), count(a), sum(a), min(a), max(a), avg(a) FROM (VALUES (1), (2), (NULL), (3)) t(a)", "4|3|6|1|3|2.0000000000000000\n", true },
	{ "SELECT count(*), sum(a), max(a) FROM (VALUES (1)) t(a) WHERE a > 5", "0|NULL|NULL\n", true },
	{ "SELECT a, count(*) FROM (VALUES (1)) t(a) WHERE a > 5 GROUP BY a", "", true },
	{ "SELECT a, count(*), sum(b) FROM (VALUES (1, 10), (NULL, 5), (1, 20), (NULL, 6), (2, NULL)) t(a, b) GROUP BY a", "1|2|30\n2|1|NULL\nNULL|2|11\n", false },
	{ "SELECT count(*) FILTER (WHERE a > 1), sum(a) FILTER (WHERE a > 9) FROM (VALUES (1), (2), (3)) t(a)", "2|NULL\n", true },
	{ "SELECT a % 2 = 0, count(*) FROM (VALUES (1), (2), (3)) t(a) GROUP BY 1 HAVING count(*) > 1", "false|2\n", true },
	{ "SELECT DISTINCT a FROM (VALUES (1), (2), (NULL), (1), (NULL)) t(a)", "1\n2\nNULL\n", false },
	{ "SELECT max(t.b), min(t.b) FROM (VALUES ('x'), ('a text that is longer than twelve bytes'), (NULL)) t(b)", "x|a text that is longer than twelve bytes\n", true },
	{ "SELECT sum(n) FROM (SELECT a, count(*) AS n FROM (VALUES (1), (1), (2)) t(a) GROUP BY a) x", "3\n", true },
	/* union */
	{ "SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 1", "1\n1\n2\n", false },
	{ "SELECT 1 UNION SELECT 2 UNION SELECT 1", "1\n2\n", false },
	{ "SELECT a, count(*) FROM (VALUES (1), (1)) t(a) GROUP BY a UNION ALL SELECT count(*), 7 FROM (VALUES (5), (6), (7)) u(b)", "1|2\n3|7\n", false },
	{ "SELECT a, count(*) FROM (VALUES (1), (1)) t(a) GROUP BY a UNION ALL SELECT 9, 9 UNION ALL (SELECT a, 0 FROM (VALUES (4), (3)) t(a) ORDER BY a LIMIT 1)",
	  "1|2\n3|0\n9|9\n", false },
	/* order */
	{ "SELECT a, b FROM (VALUES (2, 'b'), (NULL, 'n'), (1, 'z'), (2, 'a')) t(a, b) ORDER BY a, b DESC", "1|z\n2|b\n2|a\nNULL|n\n", true },
	{ "SELECT a FROM (VALUES (2), (NULL), (1)) t(a) ORDER BY a DESC", "NULL\n2\n1\n", true },
	{ "SELECT a FROM (VALUES (2), (NULL), (1)) t(a) ORDER BY a NULLS FIRST", "NULL\n1\n2\n", true },
	{ "SELECT b FROM (VALUES (2, 'x'), (3, 'y'), (1, 'z')) t(a, b) ORDER BY -a", "y\nx\nz\n", true },
	{ "SELECT a FROM (VALUES (1), (2), (3), (4), (5)) t(a) ORDER BY a LIMIT 2 OFFSET 1", "2\n3\n", true },
	{ "SELECT a FROM (VALUES (1), (2), (3)) t(a) ORDER BY a LIMIT 0", "", true },
	{ "SELECT a FROM (VALUES (1), (2), (3)) t(a) ORDER BY a OFFSET 2", "3\n", true },
	{ "SELECT a FROM (VALUES (1), (2), (3)) t(a) ORDER BY a LIMIT 9223372036854775807 OFFSET 1", "2\n3\n", true },
	{ "SELECT a FROM (VALUES (1), (2), (3)) t(a) ORDER BY a OFFSET 9223372036854775807", "", true },
	{ "SELECT v FROM (VALUES ('abcdefgh'), ('abcdefg'), ('abcdefgh' || chr(1)), (''), ('abcdefgi')) t(v) ORDER BY v", "\nabcdefg\nabcdefgh\nabcdefgh\x01\nabcdefgi\n", true },
	{ "SELECT v FROM (VALUES (1.5::double precision), ('NaN'), ('-Infinity'), (0)) t(v) ORDER BY v", "-Infinity\n0\n1.5\nNaN\n", true },
	/* windows; a row without time is left out of a batch query */
	{ "SELECT window_start, window_end, window_time, n FROM (SELECT window_start, window_end, window_time, count(*) AS n FROM\n"
	  "tumble((SELECT ts FROM (VALUES (TIMESTAMP '2024-01-01 00:00:09.999999'), ('2024-01-01 00:00:10'), ('1969-12-31 23:59:59'), (NULL)) t(ts)), ts, interval '10 seconds')\n"
	  "GROUP BY window_start, window_end, window_time) x ORDER BY 1",
	  "1969-12-31 23:59:50|1970-01-01 00:00:00|1969-12-31 23:59:59.999|1\n"
	  "2024-01-01 00:00:00|2024-01-01 00:00:10|2024-01-01 00:00:09.999|1\n"
	  "2024-01-01 00:00:10|2024-01-01 00:00:20|2024-01-01 00:00:19.999|1\n", true },
	{ "SELECT window_start FROM tumble((SELECT ts FROM (VALUES (TIMESTAMP '2024-01-01 00:07:00')) t(ts)), ts, interval '10 minutes', interval '8 minutes') w",
	  "2023-12-31 23:58:00\n", true },
	/* files */
	{ "SELECT k, v FROM '%s/a.csv' ORDER BY k", "1|one\n2|NULL\n3|three\n", true },
	{ "CREATE TABLE t (k bigint, v text) WITH ('connector' = 'filesystem', 'path' = '%s', 'format' = 'csv'); SELECT count(*), sum(k), max(v) FROM t", "5|15|two\n", true },
	{ "CREATE TABLE t (k bigint, v text) WITH ('connector' = 'filesystem', 'path' = '%s/*.csv', 'format' = 'csv'); SELECT k FROM t WHERE v IS NULL UNION ALL SELECT count(*) FROM t",
	  "2\n5\n", false },
};

static const struct how ways[] = {
	{ 0 },
	{ .readers = 1, .batch_rows = 1, .threads = 1 },
	{ .readers = 3, .batch_rows = 2, .threads = 4, .verify = true },
	{ .readers = 64, .batch_rows = 4096, .threads = 2, .verify = true },
};

static char *make_files(void)
{
	char *dir = spk_test_dir("files"), *path;

	path = spk_test_format("%s/a.csv", dir);
	spk_test_spew(path, "k,v\n1,one\n2,\n3,three\n", 21);
	free(path);
	path = spk_test_format("%s/b.csv", dir);
	spk_test_spew(path, "v,k\nfour,4\ntwo,5\n", 17);
	free(path);
	return dir;
}

static void answers(void)
{
	char *dir = make_files();

	for (size_t i = 0; i < SPK_COUNT_OF(queries); i++)
		for (size_t w = 0; w < SPK_COUNT_OF(ways); w++) {
			char *sql = spk_test_format(queries[i].sql, dir), *text;
			struct rows got = { 0 };
			spk_error err;

			if (!CHECK_OK(run_query(sql, &ways[w], &got, &err), err))
				printf("      (%s)\n", sql);
			if (!queries[i].ordered)
				rows_sort(&got);
			text = rows_text(&got);
			if (!CHECK_EQ_STR(text, queries[i].rows))
				printf("      (way %d: %s)\n", (int)w, sql);
			free(text);
			rows_release(&got);
			free(sql);
		}
	free(dir);
}

/* In a batch query the first row that fails fails the query, whatever task meets it; and it is not tried again. */
static void bad_rows_fail_the_query(void)
{
	static const struct { const char *sql; spk_status code; const char *part; } bad[] = {
		{ "SELECT 1 / a FROM (VALUES (1), (0)) t(a)", SPK_DATA, "division by zero" },
		{ "SELECT a FROM (VALUES (1), (0)) t(a) WHERE 1 / a > 0", SPK_DATA, "division by zero" },
		{ "SELECT sum(1 / a) FROM (VALUES (1), (0)) t(a)", SPK_DATA, "division by zero" },
		{ "SELECT 1 / a, count(*) FROM (VALUES (1), (0)) t(a) GROUP BY 1", SPK_DATA, "division by zero" },
		{ "SELECT a FROM (VALUES (1), (0)) t(a) ORDER BY 1 / a", SPK_DATA, "division by zero" },
		{ "SELECT a FROM (VALUES ('1'), ('x')) t(a) WHERE a::integer > 0", SPK_DATA, "invalid input syntax" },
		{ "SELECT window_end FROM tumble((SELECT 'infinity'::timestamp AS ts), ts, interval '1 hour') w", SPK_DATA, "out of range" },
	};

	for (size_t i = 0; i < SPK_COUNT_OF(bad); i++)
		for (size_t w = 0; w < SPK_COUNT_OF(ways); w++) {
			struct rows got = { 0 };
			spk_error err;

			if (CHECK_FAILS(run_query(bad[i].sql, &ways[w], &got, &err), bad[i].code, err))
				CHECK_HOLDS(err.message, bad[i].part);
			CHECK(!err.retriable);
			rows_release(&got);
		}
}

/* A column that FILTER keeps out is not computed. */
static void filtered_arguments_are_not_computed(void)
{
	struct rows got = { 0 };
	spk_error err;

	CHECK_OK(run_query("SELECT sum(1 / a) FILTER (WHERE a <> 0) FROM (VALUES (1), (0)) t(a)", &ways[0], &got, &err), err);
	CHECK(got.count == 1 && strcmp(got.row[0], "1") == 0);
	rows_release(&got);
}

SPK_TEST_SUITE("batch queries",
	{ "have the right answers", answers },
	{ "fail with their first bad row", bad_rows_fail_the_query },
	{ "do not compute what FILTER keeps out", filtered_arguments_are_not_computed })
