/*
 * Random queries over random files against the plainest evaluation: any number of readers and threads, any batch size, any layout of
 * vectors, and any task or shuffle block failing, give the same answer.
 */
#include "core/base/check.h"
#include "tests/batch/relations.h"
#include "tests/batch/support.h"

/* Table number n: CSV or NDJSON, one to four files. */
static void write_table(const char *dir, int n, const struct pairs *rows, int files, bool json)
{
	char *folder = spk_test_format("%s/t%d", dir, n);

	REQUIRE(mkdir(folder, 0700) == 0);
	for (int f = 0; f < files; f++) {
		char *path = spk_test_format("%s/part-%d.%s", folder, f, json ? "json" : "csv");
		struct spk_buffer b = { 0 };

		if (!json)
			spk_buffer_append_str(&b, "a,b\n", NULL);
		for (int i = f; i < rows->count; i += files) {
			const struct pair *p = &rows->at[i];

			spk_buffer_append_str(&b, json ? "{\"a\":" : "", NULL);
			p->a.null ? spk_buffer_append_str(&b, json ? "null" : "", NULL) : spk_buffer_printf(&b, NULL, "%lld", (long long)p->a.v);
			spk_buffer_append_str(&b, json ? ",\"b\":" : ",", NULL);
			p->b.null ? spk_buffer_append_str(&b, json ? "null" : "", NULL) : spk_buffer_printf(&b, NULL, "%lld", (long long)p->b.v);
			spk_buffer_append_str(&b, json ? "}\n" : "\n", NULL);
		}
		spk_test_spew(path, b.data ? b.data : "", b.size);
		spk_buffer_release(&b);
		free(path);
	}
	free(folder);
}

/* Random tables on disk; their DDL is appended to `sql`. */
static void make_tables(const char *dir, bool small, spk_test_rng *rng, struct pairs tables[RELATION_TABLES], struct spk_buffer *sql)
{
	static const uint64_t most[2][RELATION_TABLES] = { { 12, 200, 6000 }, { 6, 20, 30 } };

	for (int n = 0; n < RELATION_TABLES; n++) {
		int rows = (int)spk_test_below(rng, most[small][n]);
		bool json = spk_test_one_in(rng, 2);

		for (int i = 0; i < rows; i++)
			pairs_add(&tables[n], (struct pair){ random_number(rng), random_number(rng) });
		write_table(dir, n, &tables[n], 1 + (int)spk_test_below(rng, 4), json);
		spk_buffer_printf(sql, NULL, "CREATE TABLE t%d (a bigint, b bigint) WITH ('connector' = 'filesystem', 'path' = '%s/t%d', 'format' = '%s');\n", n, dir, n, json ? "json" : "csv");
	}
}

static struct how random_how(spk_test_rng *rng)
{
	static const int sizes[] = { 1, 2, 7, 64, 1000, 4096 };

	struct how how = { .readers = 1 + (int)spk_test_below(rng, spk_test_one_in(rng, 5) ? 64 : 5), .batch_rows = sizes[spk_test_below(rng, SPK_COUNT_OF(sizes))],
		.threads = 1 + (int)spk_test_below(rng, 4), .verify = spk_test_one_in(rng, 2) };

	random_sharing(&how, rng);
	return how;
}

static struct rows want_rows(const struct relation *r, const struct pairs *tables)
{
	struct pairs p = relation_rows(r, tables);
	struct rows out = { 0 };

	for (int i = 0; i < p.count; i++) {
		struct pair *row = &p.at[i];
		char a[24] = "NULL", b[24] = "NULL", text[64];

		if (!row->a.null)
			snprintf(a, sizeof a, "%lld", (long long)row->a.v);
		if (!row->b.null)
			snprintf(b, sizeof b, "%lld", (long long)row->b.v);
		snprintf(text, sizeof text, "%s|%s", a, b);
		rows_add(&out, text);
	}
	pairs_release(&p);
	rows_sort(&out);
	return out;
}

/* Runs and compares; true when all is well. */
static bool check_query(const char *sql, const struct how *how, const struct rows *want)
{
	struct rows got = { 0 };
	bool same;
	spk_error err;

	if (!CHECK_OK(run_query(sql, how, &got, &err), err)) {
		rows_release(&got);
		return false;
	}
	rows_sort(&got);
	same = got.count == want->count;
	for (int i = 0; same && i < got.count; i++)
		same = strcmp(got.row[i], want->row[i]) == 0;
	CHECK(same);
	if (!same)
		printf("      got %d rows, want %d\n", got.count, want->count);
	rows_release(&got);
	return same;
}

/* With joins over small tables alone. */
static struct relation *random_relation(spk_test_rng *rng, bool joins)
{
	struct relation *r;

	while (relation_joins(r = relation_new(rng, 1 + (int)spk_test_below(rng, 4))) && !joins)
		relation_free(r);
	return r;
}

static void one_round(spk_test_rng *rng, const char *const *faults, int fault_count)
{
	char *dir = spk_test_dir("tables");
	struct pairs tables[RELATION_TABLES] = { 0 };
	struct spk_buffer ddl = { 0 };
	bool small = spk_test_one_in(rng, 2);

	make_tables(dir, small, rng, tables, &ddl);
	for (int q = 0; q < 8; q++) {
		struct relation *r = random_relation(rng, small);
		struct rows want = want_rows(r, tables);
		struct spk_buffer sql = { 0 };

		spk_buffer_append(&sql, ddl.data, ddl.size, NULL);
		relation_sql(r, &sql);
		for (int k = 0; k < 3; k++) {
			struct how how = random_how(rng);
			char *fault = fault_count ? spk_test_format(faults[spk_test_below(rng, (uint64_t)fault_count)], 1 + (int)spk_test_below(rng, 12)) : NULL;

			how.fault = fault;
			if (!check_query(spk_buffer_cstr(&sql), &how, &want))
				printf("      readers %d, batch rows %d, threads %d, verify %d, fault %s:\n%s\n", how.readers, how.batch_rows, how.threads, how.verify, fault ? fault : "none", sql.data);
			free(fault);
		}
		spk_buffer_release(&sql);
		rows_release(&want);
		relation_free(r);
	}
	for (int n = 0; n < RELATION_TABLES; n++)
		pairs_release(&tables[n]);
	spk_buffer_release(&ddl);
	free(dir);
}

static void any_way_of_running_gives_the_answer(void)
{
	spk_test_rng rng = spk_test_rng_new(1);

	for (int i = 0; i < (spk_test_long() ? 500 : 12); i++)
		one_round(&rng, NULL, 0);
}

static void failing_tasks_and_lost_blocks_change_nothing(void)
{
	static const char *const faults[] = { "task.start:%d", "task.finish:%d", "shuffle.write:%d", "shuffle.fetch:%d" };
	spk_test_rng rng = spk_test_rng_new(2);

	for (int i = 0; i < (spk_test_long() ? 500 : 12); i++)
		one_round(&rng, faults, SPK_COUNT_OF(faults));
}

/* Every n-th failing allocation: the right answer or a clean error, and nothing leaks (which the sanitizer sees). */
static void running_out_of_memory_is_an_error(void)
{
	static const char sql[] = "SELECT a, n FROM (SELECT a % 3 AS a, count(*) AS n FROM (SELECT a FROM (VALUES (1), (2), (3), (4)) t(a) UNION ALL SELECT 7) u GROUP BY a % 3) x ORDER BY a";
	struct query q = { 0 };
	int n = 0, failed = 0;
	spk_status status;
	spk_error err = { 0 };

	REQUIRE_OK(query_plan(&q, sql, &err), err);
	do {
		struct rows got = { 0 };
		char *fault = spk_test_format("malloc:%d+", ++n);

		status = query_execute(&q, &(struct how){ .readers = 2, .fault = fault }, &got, &err);
		failed += status != SPK_OK;
		if (status != SPK_OK)
			CHECK(err.code == SPK_NO_MEMORY || err.code == SPK_MEMORY_LIMIT);
		else
			CHECK(got.count == 3 && strcmp(got.row[0], "0|1") == 0 && strcmp(got.row[1], "1|3") == 0);
		rows_release(&got);
		free(fault);
	} while (status != SPK_OK && n < 2000);
	CHECK(status == SPK_OK && failed > 5);
	query_close(&q);
}

SPK_TEST_SUITE("random batch queries",
	{ "any way of running gives the answer", any_way_of_running_gives_the_answer },
	{ "failing tasks and lost blocks change nothing", failing_tasks_and_lost_blocks_change_nothing },
	{ "running out of memory is an error", running_out_of_memory_is_an_error })
