/* Frames: every call, over the flights of the examples; what is kept is read again, not computed again; errors name the call. */
#include <stdio.h>

#include "sparklet/frame.h"
#include "tests/support/test.h"

static struct spk_session *session;
static spk_error err;

static void begin(void)
{
	err = (spk_error){ 0 };
	REQUIRE_OK(spk_session_new(&session, &err), err);
}

static void end(void) { spk_session_free(session); }

/* The rows as show prints them, 100 at the most. */
static void check_shows(struct spk_frame *f, const char *want)
{
	char *text = NULL;

	if (CHECK_OK(spk_frame_show(f, 100, &text, &err), err))
		CHECK_EQ_STR(text, want);
	free(text);
}

static void check_error(struct spk_frame *f, spk_status code, const char *message)
{
	char *text = NULL;

	err = (spk_error){ 0 };
	CHECK_FAILS(spk_frame_show(f, 1, &text, &err), code, err);
	CHECK_HOLDS(err.message, message);
}

static int64_t count(struct spk_frame *f)
{
	int64_t n = -1;

	CHECK_OK(spk_frame_count(f, &n, &err), err);
	return n;
}

static struct spk_frame *flights(void) { return spk_frame_read_csv(session, "examples/data/flights.csv", NULL); }

static struct spk_frame *numbers(void) { return spk_frame_sql(session, "SELECT * FROM (VALUES (1, 'a'), (2, 'b'), (2, 'c'), (NULL, 'd')) AS t (n, s)"); }

static void reads_and_aggregates(void)
{
	struct spk_frame *late, *worst;

	begin();
	CHECK_EQ_INT(count(flights()), 27004);
	late = spk_frame_filter(flights(), "dep_delay > 60");
	worst = spk_frame_agg(spk_frame_group_by(late, "origin"), "count(*) AS n, max(dep_delay) AS worst");
	check_shows(spk_frame_sort(worst, "n DESC"),
		" origin |  n  | worst \n"
		"--------+-----+-------\n"
		" EWR    | 918 |  1126\n"
		" JFK    | 523 |  1301\n"
		" LGA    | 380 |   478\n"
		"(3 rows)\n");
	end();
}

static void changes_columns(void)
{
	begin();
	check_shows(spk_frame_sort(spk_frame_select(numbers(), "s, n * 10 AS ten"), "s DESC"), " s | ten \n---+-----\n d |\n c |  20\n b |  20\n a |  10\n(4 rows)\n");
	check_shows(spk_frame_filter(spk_frame_with_column(numbers(), "m", "n + 1"), "m = 2"), " n | s | m \n---+---+---\n 1 | a | 2\n(1 row)\n");
	check_shows(spk_frame_filter(spk_frame_with_column(numbers(), "n", "n + 1"), "n = 2"), " n | s \n---+---\n 2 | a\n(1 row)\n");
	check_shows(spk_frame_limit(spk_frame_drop(numbers(), "s"), 1, 1), " n \n---\n 2\n(1 row)\n");
	check_shows(spk_frame_limit(spk_frame_rename(numbers(), "s", "odd \" name"), 1, 0), " n | odd \" name \n---+------------\n 1 | a\n(1 row)\n");
	end();
}

static void joins_and_unites(void)
{
	struct spk_frame *a, *b;

	begin();
	a = numbers();
	b = spk_frame_sql(session, "SELECT * FROM (VALUES (2, true), (3, false)) AS t (n, flag)");
	CHECK_EQ_INT(count(spk_frame_join(a, b, "inner", "l.n = r.n")), 2);
	CHECK_EQ_INT(count(spk_frame_join(spk_frame_alias(a, "x"), spk_frame_alias(b, "y"), "left", "x.n = y.n")), 4);
	CHECK_EQ_INT(count(spk_frame_join(a, b, "full", "l.n = r.n")), 5);
	CHECK_EQ_INT(count(spk_frame_join(a, b, "cross", NULL)), 8);
	CHECK_EQ_INT(count(spk_frame_join(a, b, "semi", "l.n = r.n")), 2);
	CHECK_EQ_INT(count(spk_frame_join(a, b, "anti", "l.n = r.n")), 2);
	check_shows(spk_frame_sort(spk_frame_join_using(a, b, "inner", "n"), "s"), " n | s | flag \n---+---+------\n 2 | b | true\n 2 | c | true\n(2 rows)\n");
	CHECK_EQ_INT(count(spk_frame_join(a, a, "inner", "l.n = r.n")), 5);
	CHECK_EQ_INT(count(spk_frame_union(a, a)), 8);
	CHECK_EQ_INT(count(spk_frame_distinct(spk_frame_union(a, a))), 4);
	check_error(spk_frame_join(a, b, "outer", "true"), SPK_USAGE, "there is no \"outer\" join");
	end();
}

static void groups_and_windows(void)
{
	begin();
	check_shows(spk_frame_agg(spk_frame_group_by(numbers(), NULL), "count(*), sum(n)"), " count | sum \n-------+-----\n     4 |   5\n(1 row)\n");
	check_shows(spk_frame_sort(spk_frame_agg(spk_frame_group_by(numbers(), "n"), "min(s) AS s"), "n NULLS FIRST"), " n | s \n---+---\n   | d\n 1 | a\n 2 | b\n(3 rows)\n");
	check_shows(spk_frame_sort(spk_frame_window(numbers(), "row_number() OVER w AS place", "PARTITION BY n ORDER BY s DESC"), "s"),
		" n | s | place \n---+---+-------\n 1 | a |     1\n 2 | b |     2\n 2 | c |     1\n   | d |     1\n(4 rows)\n");
	end();
}

static void spreads_rows(void)
{
	char *text = NULL;

	begin();
	CHECK_EQ_INT(count(spk_frame_repartition(flights(), 7, NULL)), 27004);
	CHECK_EQ_INT(count(spk_frame_repartition(flights(), 3, "carrier")), 27004);
	CHECK_EQ_INT(count(spk_frame_coalesce(flights(), 1)), 27004);
	CHECK_EQ_INT(count(spk_frame_partition_by(flights(), "carrier, origin")), 27004);
	CHECK_OK(spk_frame_explain(spk_frame_repartition(numbers(), 3, "s"), &text, &err), err);
	CHECK_HOLDS(text, "Repartition 3 by s");
	free(text);
	check_error(spk_frame_repartition(numbers(), -1, NULL), SPK_USAGE, "-1 tasks");
	end();
}

/* A file that changes shows whether rows were kept. */
static void keeps_rows(void)
{
	static const enum spk_persist levels[] = { SPK_PERSIST_MEMORY, SPK_PERSIST_DISK, SPK_PERSIST_BOTH };
	char *dir = spk_test_dir("kept"), *path = spk_test_format("%s/t.csv", dir);

	for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
		struct spk_frame *f, *doubled;

		begin();
		spk_test_spew(path, "a\n1\n2\n", 6);
		f = spk_frame_persist(spk_frame_read_csv(session, path, NULL), levels[i]);
		doubled = spk_frame_select(f, "a * 2 AS b");
		CHECK_EQ_INT(count(f), 2);
		spk_test_spew(path, "a\n1\n2\n3\n", 8);
		CHECK_EQ_INT(count(f), 2);
		CHECK_EQ_INT(count(doubled), 2);
		CHECK_EQ_INT(count(spk_frame_join(f, f, "inner", "l.a = r.a")), 2);
		spk_frame_unpersist(f);
		CHECK_EQ_INT(count(doubled), 3);
		end();
	}
	free(path);
	free(dir);
}

/* More kept rows than may be in memory: the coldest give way, and all are right. */
static void gives_way(void)
{
	struct spk_frame *kept[6];

	begin();
	CHECK_OK(spk_session_set(session, "memory.limit", "64MiB", &err), err);
	CHECK_OK(spk_session_set(session, "cache.percent", "5", &err), err);
	for (int i = 0; i < 6; i++)
		kept[i] = spk_frame_persist(spk_frame_filter(flights(), i % 2 ? "dep_delay > 0" : "true"), i % 3 ? SPK_PERSIST_BOTH : SPK_PERSIST_MEMORY);
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < 6; i++)
			CHECK_EQ_INT(count(kept[i]), i % 2 ? 9662 : 27004);
	end();
}

static void goes_through_arrow(void)
{
	struct ArrowArrayStream rows = { 0 };
	struct spk_frame *back;

	begin();
	REQUIRE_OK(spk_frame_collect(numbers(), &rows, &err), err);
	back = spk_frame_from_arrow(session, &rows);
	CHECK(rows.release == NULL);
	check_shows(spk_frame_sort(back, "s"), " n | s \n---+---\n 1 | a\n 2 | b\n 2 | c\n   | d\n(4 rows)\n");
	end();
}

static void meets_sql(void)
{
	struct ArrowArrayStream rows = { 0 };
	struct ArrowArray array = { 0 };

	begin();
	CHECK_OK(spk_frame_register(numbers(), "numbers", &err), err);
	REQUIRE_OK(spk_session_query(session, "SELECT count(*) FROM numbers WHERE n = 2", &rows, &err), err);
	REQUIRE_EQ_INT(rows.get_next(&rows, &array), 0);
	CHECK_EQ_INT(((const int64_t *)array.children[0]->buffers[1])[0], 2);
	array.release(&array);
	rows.release(&rows);
	CHECK_EQ_INT(count(spk_frame_table(session, "numbers")), 4);
	check_error(spk_frame_table(session, "nobody"), SPK_BIND, "does not exist");
	end();
}

static void writes_and_reads_back(void)
{
	char *dir = spk_test_dir("written");
	const char *const pipe[] = { "csv.delimiter", "|", NULL }, *const odd[] = { "csv.delimiter", NULL };
	char *csv = spk_test_format("%s/csv", dir), *json = spk_test_format("%s/json", dir);
	struct spk_frame *back;

	begin();
	CHECK_OK(spk_frame_write(numbers(), "csv", csv, pipe, &err), err);
	CHECK_OK(spk_frame_write(numbers(), "json", json, NULL, &err), err);
	back = spk_frame_read_csv(session, csv, &(struct spk_read_options){ .schema = "n int, s text", .option = pipe });
	check_shows(spk_frame_filter(back, "n = 1"), " n | s \n---+---\n 1 | a\n(1 row)\n");
	CHECK_EQ_INT(count(spk_frame_read_json(session, json, NULL)), 4);
	CHECK_FAILS(spk_frame_write(numbers(), "csv", csv, odd, &err), SPK_USAGE, err);
	CHECK_FAILS(spk_frame_write(numbers(), "parquet", csv, NULL, &err), SPK_UNSUPPORTED, err);
	CHECK_HOLDS(err.message, "write(\"parquet\"");
	end();
	free(csv);
	free(json);
	free(dir);
}

static void errors_name_the_call(void)
{
	struct spk_frame *wrong;

	begin();
	wrong = spk_frame_filter(numbers(), "m > 1");
	check_error(wrong, SPK_BIND, "filter(\"m > 1\"): column \"m\" does not exist");
	CHECK_EQ_INT(err.column, 1);
	check_error(spk_frame_sort(spk_frame_select(wrong, "n"), "n"), SPK_BIND, "filter(\"m > 1\")");
	CHECK_FAILS(spk_frame_check(wrong, &err), SPK_BIND, err);
	check_error(spk_frame_select(numbers(), "n FROM (SELECT 1 AS n) x; SELECT 2"), SPK_SYNTAX, "select(");
	check_error(spk_frame_group_by(numbers(), "n"), SPK_USAGE, "has no rows yet");
	check_error(spk_frame_drop(numbers(), "s, nn"), SPK_BIND, "drop(\"nn\")");
	check_error(spk_frame_drop(numbers(), "s, n"), SPK_USAGE, "leaves no column");
	check_error(spk_frame_rename(numbers(), "x", "y"), SPK_BIND, "rename(\"x\")");
	check_error(spk_frame_read_csv(session, "no/such/file.csv", NULL), SPK_NOT_FOUND, "read_csv(\"no/such/file.csv\")");
	check_error(NULL, SPK_NO_MEMORY, "out of memory");
	check_error(spk_frame_filter(NULL, "true"), SPK_NO_MEMORY, "out of memory");
	check_error(spk_frame_filter(spk_frame_select(numbers(), "1 / (n - n) AS x"), "x > 0"), SPK_DATA, "division by zero");
	spk_frame_free(wrong);
	end();
}

SPK_TEST_SUITE("frames",
	{"files are read, rows filtered, grouped, sorted", reads_and_aggregates},
	{"columns are chosen, added, replaced, dropped, renamed", changes_columns},
	{"frames are joined and united, also with themselves", joins_and_unites},
	{"groups and windows", groups_and_windows},
	{"rows are spread over tasks", spreads_rows},
	{"persisted rows are kept until they are dropped", keeps_rows},
	{"kept rows give way to others", gives_way},
	{"rows go out and come in as Arrow streams", goes_through_arrow},
	{"SQL over frames, frames over SQL", meets_sql},
	{"files are written and read back", writes_and_reads_back},
	{"errors name the call that caused them", errors_name_the_call})
