/*
 * ORDER BY by ranges of the keys: several tasks merge a range each, one after the other they give what one task that merges all gives, to the order of
 * rows with equal keys; whatever the keys, however skewed, in little memory, and with tasks and blocks lost.
 */
#include "core/base/check.h"
#include "tests/batch/support.h"

enum { MOST_ROWS = 30000 };

struct table { char *dir, *ddl; int rows; };

/* k: from few values to many, NULLs; t: texts, short and long; d: numerics; f: doubles with NaN; id: the row. */
static struct table make_table(spk_test_rng *rng)
{
	struct table t = { .dir = spk_test_dir("ranges"), .rows = (int)spk_test_below(rng, spk_test_one_in(rng, 4) ? 10 : MOST_ROWS) };
	int files = 1 + (int)spk_test_below(rng, 4), values = 1 + (int)spk_test_below(rng, spk_test_one_in(rng, 2) ? 10 : 20000), hot = spk_test_one_in(rng, 2) ? 2 : 0;

	for (int n = 0; n < files; n++) {
		char *path = spk_test_format("%s/part-%d.csv", t.dir, n);
		FILE *f = fopen(path, "w");

		REQUIRE(f != NULL);
		fprintf(f, "k,t,d,f,id\n");
		for (int i = n; i < t.rows; i += files) {
			int k = hot && spk_test_below(rng, 10) < 7 ? hot : (int)spk_test_below(rng, (uint64_t)values);

			if (!spk_test_one_in(rng, 20))
				fprintf(f, "%d", k - values / 2);
			fprintf(f, ",%s%d,%d.%02d,%s,%d\n", k % 3 ? "t" : "a text of many letters ", k % 50, k % 7 - 3, k % 100, k % 40 ? "1.5" : "NaN", i);
		}
		fclose(f);
		free(path);
	}
	t.ddl = spk_test_format("CREATE TABLE t (k integer, t text, d numeric, f double precision, id bigint) WITH ('connector' = 'filesystem', 'path' = '%s', 'format' = 'csv');\n", t.dir);
	return t;
}

static void free_table(struct table *t)
{
	spk_test_remove(t->dir);
	free(t->dir);
	free(t->ddl);
}

static char *random_query(const struct table *t, spk_test_rng *rng)
{
	static const char *const key[] = { "k", "t", "d", "f", "k % 5", "id", "t || k" }, *const direction[] = { "", " DESC", " NULLS FIRST", " DESC NULLS LAST" }, *const end[] = { "", "", "", " LIMIT 20000", " LIMIT 17000 OFFSET 500", " LIMIT 100", " OFFSET 3000" };
	struct spk_buffer sql = { 0 };
	int keys = 1 + (int)spk_test_below(rng, 3);
	char *out;

	spk_buffer_printf(&sql, NULL, "%sSELECT k, t, d, f, id FROM t%s ORDER BY ", t->ddl, spk_test_one_in(rng, 3) ? " WHERE id % 3 < 2" : "");
	for (int i = 0; i < keys; i++)
		spk_buffer_printf(&sql, NULL, "%s%s%s", i ? ", " : "", key[spk_test_below(rng, SPK_COUNT_OF(key))], direction[spk_test_below(rng, SPK_COUNT_OF(direction))]);
	spk_buffer_append_str(&sql, end[spk_test_below(rng, SPK_COUNT_OF(end))], NULL);
	out = strdup(spk_buffer_cstr(&sql));
	spk_buffer_release(&sql);
	return out;
}

/* The rows in their order; false: the query failed. */
static bool run(const char *sql, const struct how *how, char **out)
{
	struct rows rows = { 0 };
	spk_error err;
	bool fine = CHECK_OK(run_query(sql, how, &rows, &err), err);

	*out = rows_text(&rows);
	rows_release(&rows);
	return fine;
}

static bool one_query(const struct table *t, spk_test_rng *rng, const char *fault, bool spills)
{
	char *sql = random_query(t, rng), *want, *got;
	struct how how = { .readers = 1 + (int)spk_test_below(rng, 8), .threads = 1 + (int)spk_test_below(rng, 3), .batch_rows = spk_test_one_in(rng, 3) ? 1 + (int)spk_test_below(rng, 2000) : 0, .ranges = SPK_SORT_RANGES_NEVER };
	bool fine = run(sql, &how, &want);

	how.ranges = SPK_SORT_RANGES_ALWAYS;
	how.readers = 1 + (int)spk_test_below(rng, 8);
	how.verify = spk_test_one_in(rng, 3);
	how.fault = fault;
	how.spill = spills ? t->dir : NULL;
	fine = run(sql, &how, &got) && fine;
	fine = CHECK(strcmp(want, got) == 0) && fine;
	if (!fine)
		printf("      readers %d, threads %d, batch rows %d, fault %s:\n%s\n", how.readers, how.threads, how.batch_rows, fault ? fault : "none", sql);
	free(want);
	free(got);
	free(sql);
	return fine;
}

static void rounds(uint64_t stream, int count, const char *const *faults, int fault_count, bool spills)
{
	spk_test_rng rng = spk_test_rng_new(stream);

	for (int i = 0; i < count; i++) {
		struct table t = make_table(&rng);

		for (int n = 0; n < 4; n++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
			char *fault = fault_count ? spk_test_format(faults[spk_test_below(&rng, (uint64_t)fault_count)], 1 + (int)spk_test_below(&rng, 15)) : NULL;
#pragma GCC diagnostic pop
			bool fine = one_query(&t, &rng, fault, spills);

			free(fault);
			if (!fine)
				return;
		}
		free_table(&t);
	}
}

static void ranges_are_in_order(void) { rounds(1, spk_test_long() ? 400 : 12, NULL, 0, false); }

static void failing_tasks_and_lost_blocks_change_nothing(void)
{
	static const char *const faults[] = { "task.start:%d", "task.finish:%d", "shuffle.write:%d", "shuffle.fetch:%d" };

	rounds(2, spk_test_long() ? 400 : 10, faults, SPK_COUNT_OF(faults), false);
}

/* Sorts that spill hand on other batches than those that do not; a run again may do either. */
static void spilled_sorts_have_the_same_ranges(void)
{
	static const char *const faults[] = { "spill.wanted:%d", "spill.wanted:%d+" };

	rounds(3, spk_test_long() ? 300 : 8, faults, SPK_COUNT_OF(faults), true);
}

static void running_out_of_memory_is_an_error(void)
{
	spk_test_rng rng = spk_test_rng_new(4);
	struct table t = make_table(&rng);
	char *sql = spk_test_format("%sSELECT k, id FROM t ORDER BY k DESC, id", t.ddl);
	spk_status status = SPK_NO_MEMORY;
	spk_error err = { 0 };

	for (int n = 1; status != SPK_OK && n < 3000; n += 1 + n / 10) {
		char *fault = spk_test_format("malloc:%d+", n);
		struct query q = { .ranges = SPK_SORT_RANGES_ALWAYS };
		struct rows got = { 0 };

		REQUIRE_OK(query_plan(&q, sql, &err), err);
		status = query_execute(&q, &(struct how){ .readers = 3, .fault = fault }, &got, &err);
		if (status == SPK_OK)
			CHECK_EQ_INT(got.count, t.rows);
		else
			CHECK(err.code == SPK_NO_MEMORY || err.code == SPK_MEMORY_LIMIT);
		rows_release(&got);
		query_close(&q);
		free(fault);
	}
	CHECK(status == SPK_OK);
	free(sql);
	free_table(&t);
}

/* Several tasks have rows, as EXPLAIN says, and what groups by the keys needs no other exchange. */
static void plans_say_so(void)
{
	static const struct { const char *sql; int exchanges; } cases[] = {
		{ "SELECT k, id FROM t ORDER BY k DESC, id", 2 },
		{ "SELECT k, count(*) FROM (SELECT * FROM t ORDER BY k NULLS FIRST) s GROUP BY k", 2 },
		{ "SELECT k, t, row_number() OVER (PARTITION BY k, t ORDER BY id) FROM (SELECT * FROM t ORDER BY k, t DESC) s", 2 },
		{ "SELECT k, t, count(*) FROM (SELECT * FROM t ORDER BY k, id) s GROUP BY k, t", 3 },
	};
	spk_test_rng rng = spk_test_rng_new(5);
	struct table t = make_table(&rng);

	for (size_t i = 0; i < SPK_COUNT_OF(cases); i++) {
		char *sql = spk_test_format("%s%s", t.ddl, cases[i].sql);
		struct query q = { .ranges = SPK_SORT_RANGES_ALWAYS };
		struct spk_buffer text = { 0 };
		spk_error err = { 0 };
		struct rows got[2] = { { 0 }, { 0 } };

		REQUIRE_OK(query_plan(&q, sql, &err), err);
		REQUIRE_OK(spk_physical_format(q.plan, NULL, NULL, &text, &err), err);
		CHECK_HOLDS(spk_buffer_cstr(&text), "[range of k");
		CHECK_EQ_INT(q.plan->exchanges, cases[i].exchanges);
		spk_buffer_release(&text);
		query_close(&q);
		for (int k = 0; k < 2; k++) {
			CHECK_OK(run_query(sql, &(struct how){ .readers = 4, .ranges = k ? SPK_SORT_RANGES_ALWAYS : SPK_SORT_RANGES_NEVER }, &got[k], &err), err);
			rows_sort(&got[k]);
		}
		CHECK_EQ_INT(got[0].count, got[1].count);
		for (int k = 0; k < got[0].count && k < got[1].count; k++)
			if (!CHECK_EQ_STR(got[0].row[k], got[1].row[k]))
				break;
		rows_release(&got[0]);
		rows_release(&got[1]);
		free(sql);
	}
	free_table(&t);
}

SPK_TEST_SUITE("sorting by ranges",
	{ "ranges come in order", ranges_are_in_order },
	{ "failing tasks and lost blocks change nothing", failing_tasks_and_lost_blocks_change_nothing },
	{ "spilled sorts have the same ranges", spilled_sorts_have_the_same_ranges },
	{ "running out of memory is an error", running_out_of_memory_is_an_error },
	{ "plans say so, and need no other exchange", plans_say_so })
