/*
 * Queries whose data do not fit memory.limit: ORDER BY, LIMIT and both, over several files and tasks. Whatever the limit, the threads and the
 * faults, the rows are those of the same query with room enough, in the same order.
 */
#include <unistd.h>

#include "core/base/memory.h"
#include "tests/batch/support.h"

enum { FILES = 5, ROWS = 80000, LEAST = 24 << 20 };

static char *tables, *spill;
static char ddl[4096];

/* Five files; k is one of few, t is long, some of both are NULL. */
static void make_files(void)
{
	spk_test_rng rng = spk_test_rng_new(1);

	tables = spk_test_dir("tables");
	spill = spk_test_dir("spill");
	for (int f = 0; f < FILES; f++) {
		char *path = spk_test_format("%s/part-%d.csv", tables, f);
		FILE *out = fopen(path, "w");

		fputs("id,k,t\n", out);

		for (int i = 0; i < ROWS; i++) {
			uint64_t v = spk_test_next(&rng);

			fprintf(out, "%d,", f * ROWS + i);
			fprintf(out, v % 11 ? "%d," : ",", (int)(v >> 8 & 1023) - 512);
			fprintf(out, v % 13 ? "%0*llx\n" : "\n", 16 + (int)(v >> 20 & 63), (unsigned long long)(v >> 26 & 4095));
		}
		fclose(out);
		free(path);
	}
	snprintf(ddl, sizeof ddl, "CREATE TABLE t (id integer, k integer, t text) WITH ('connector' = 'filesystem', 'path' = '%s', 'format' = 'csv');", tables);
}

static struct rows answer(const char *query, const struct how *how)
{
	struct rows out = { 0 };
	char *sql = spk_test_format("%s%s", ddl, query);
	spk_error err;

	CHECK_OK(run_query(sql, how, &out, &err), err);
	free(sql);
	return out;
}

static void check_same(const struct rows *got, const struct rows *want, int from)
{
	int differing = 0;

	for (int i = 0; i < got->count && from + i < want->count; i++)
		differing += strcmp(got->row[i], want->row[from + i]) != 0;
	CHECK_EQ_INT(differing, 0);
}

/* Rows in the order of the key, those with equal keys in that of the files: `id` rises. */
static void check_order(const struct rows *r)
{
	int before = -1000, id = -1, wrong = 0;

	for (int i = 0; i < r->count; i++) {
		const char *text = strchr(r->row[i], '|') + 1;
		int k = strncmp(text, "NULL", 4) == 0 ? 1000 : atoi(text), number = atoi(r->row[i]);

		wrong += k < before || (k == before && number <= id);
		before = k;
		id = number;
	}
	CHECK_EQ_INT(wrong, 0);
}

static void sorts_at_any_limit(void)
{
	static const char query[] = "SELECT id, k, t FROM t ORDER BY k";
	struct how plain = { .threads = 1 };
	struct rows want = answer(query, &plain);

	CHECK_EQ_INT(want.count, FILES * ROWS);
	check_order(&want);
	for (int mib = 24; mib <= 384; mib *= 4)
		for (int threads = mib == 96 ? 1 : 2; threads <= 2; threads++) {
			struct counts counts;
			struct how how = { .threads = threads, .spill = spill, .memory = spk_memory_used() + ((size_t)mib << 20), .counts = &counts };
			struct rows got = answer(query, &how);

			CHECK_EQ_INT(got.count, want.count);
			check_same(&got, &want, 0);
			CHECK((counts.written > 0) == (mib < 384));
			CHECK_EQ_INT(spk_test_files(spill), 0);
			rows_release(&got);
		}
	rows_release(&want);
}

static void sorts_by_text_and_expressions(void)
{
	static const char query[] = "SELECT t, id FROM t ORDER BY t DESC, -k NULLS FIRST, id";
	struct counts counts;
	struct how plain = { .threads = 1 }, small = { .threads = 2, .spill = spill, .memory = spk_memory_used() + LEAST, .counts = &counts };
	struct rows want = answer(query, &plain), got = answer(query, &small);

	CHECK_EQ_INT(got.count, FILES * ROWS);
	check_same(&got, &want, 0);
	CHECK(counts.written > 0);
	rows_release(&want);
	rows_release(&got);
}

/* A slice of the sorted rows, whoever cuts it: TOP_K, or LIMIT over a sort. */
static void limits_are_slices(void)
{
	static const struct { const char *limit; int from, rows; } slices[] = {
		{ "LIMIT 1", 0, 1 }, { "LIMIT 10", 0, 10 }, { "LIMIT 500 OFFSET 77", 77, 500 }, { "LIMIT 9000 OFFSET 7000", 7000, 9000 },
		{ "LIMIT 30000 OFFSET 5", 5, 30000 }, { "LIMIT 0", 0, 0 }, { "LIMIT 10 OFFSET 399995", 399995, 5 }, { "OFFSET 399990", 399990, 10 },
		{ "LIMIT 5 OFFSET 500000", 0, 0 }, { "LIMIT 9223372036854775807 OFFSET 399999", 399999, 1 },
	};
	static const char *const orders[] = { "k", "t DESC, k", "k % 7, t NULLS FIRST" };
	struct how plain = { .threads = 1 };

	for (size_t o = 0; o < SPK_COUNT_OF(orders); o++) {
		char *query = spk_test_format("SELECT id, k, t FROM t ORDER BY %s", orders[o]);
		struct rows want = answer(query, &plain);

		for (size_t i = 0; i < SPK_COUNT_OF(slices); i++) {
			char *cut = spk_test_format("%s %s", query, slices[i].limit);
			struct how how = { .threads = 1 + (int)i % 3, .verify = i % 4 == 1, .spill = spill, .memory = spk_memory_used() + (i % 2 ? LEAST : (size_t)64 << 20) };
			struct rows got = answer(cut, &how);

			CHECK_EQ_INT(got.count, slices[i].rows);
			check_same(&got, &want, slices[i].from);
			rows_release(&got);
			free(cut);
		}
		rows_release(&want);
		free(query);
	}
}

/* LIMIT stops the scans: few rows are read, none with LIMIT 0, and those that come are always the same. */
static void limit_reads_little(void)
{
	static const struct { const char *query; int rows, most_read; } cases[] = {
		{ "SELECT id, k, t FROM t LIMIT 10", 10, 5 * SPK_BATCH_ROWS },
		{ "SELECT id, k, t FROM t LIMIT 10 OFFSET 20", 10, 5 * SPK_BATCH_ROWS },
		{ "SELECT id, k, t FROM t LIMIT 0", 0, 0 },
		{ "SELECT id, k, t FROM t WHERE id % 100 = 5 LIMIT 30", 30, 5 * SPK_BATCH_ROWS },
		{ "SELECT id + 1, k, t FROM (SELECT * FROM t LIMIT 20000) s LIMIT 7", 7, 5 * (20000 + SPK_BATCH_ROWS) },
	};
	struct how plain = { .threads = 1 };

	for (size_t i = 0; i < SPK_COUNT_OF(cases); i++) {
		struct rows want = answer(cases[i].query, &plain);

		CHECK_EQ_INT(want.count, cases[i].rows);
		for (int threads = 1; threads <= 4; threads++) {
			struct counts counts;
			struct how how = { .threads = threads, .counts = &counts };
			struct rows got = answer(cases[i].query, &how);

			CHECK_EQ_INT(got.count, want.count);
			check_same(&got, &want, 0);
			CHECK(counts.rows[SPK_PHYSICAL_SCAN] <= cases[i].most_read);
			rows_release(&got);
		}
		rows_release(&want);
	}
}

/* Tasks that fail, blocks that are lost, a disk that fails for a moment: tried again, and all is as if nothing had been. */
static void faults_change_nothing(void)
{
	static const char *const faults[] = { "task.finish:2", "task.finish:6", "shuffle.write:3", "shuffle.fetch:2", "spill.write:3", "spill.write:20", "spill.read:1", "spill.read:12" };
	static const char query[] = "SELECT id, k, t FROM t ORDER BY k DESC, t";
	struct how plain = { .threads = 1 };
	struct rows want = answer(query, &plain);

	for (size_t i = 0; i < SPK_COUNT_OF(faults); i++) {
		struct how how = { .threads = 2, .spill = spill, .memory = spk_memory_used() + LEAST, .fault = faults[i] };
		struct rows got = answer(query, &how);

		CHECK_EQ_INT(got.count, want.count);
		check_same(&got, &want, 0);
		CHECK_EQ_INT(spk_test_files(spill), 0);
		rows_release(&got);
	}
	rows_release(&want);
}

static void a_disk_that_stays_full_ends_the_query(void)
{
	struct how how = { .threads = 2, .spill = spill, .memory = spk_memory_used() + LEAST, .fault = "spill.write:5+" };
	char *sql = spk_test_format("%sSELECT id, k, t FROM t ORDER BY k DESC, t", ddl);
	struct rows got = { 0 };
	spk_error err;

	CHECK_FAILS(run_query(sql, &how, &got, &err), SPK_IO, err);
	CHECK_HOLDS(err.message, "spill.write");
	CHECK_EQ_INT(spk_test_files(spill), 0);
	rows_release(&got);
	free(sql);
}

static void runs(void (*test)(void))
{
	if (!tables)
		make_files();
	test();
}

#define TEST(name) static void name##_here(void) { runs(name); }
TEST(sorts_at_any_limit)
TEST(sorts_by_text_and_expressions)
TEST(limits_are_slices)
TEST(limit_reads_little)
TEST(faults_change_nothing)
TEST(a_disk_that_stays_full_ends_the_query)

SPK_TEST_SUITE("memory", {"ORDER BY at any limit gives the same rows in the same order", sorts_at_any_limit_here},
	{"by text and expressions", sorts_by_text_and_expressions_here}, {"LIMIT is a slice of the sorted rows", limits_are_slices_here},
	{"LIMIT reads little", limit_reads_little_here}, {"faults change nothing", faults_change_nothing_here},
	{"a disk that stays full ends the query", a_disk_that_stays_full_ends_the_query_here})
