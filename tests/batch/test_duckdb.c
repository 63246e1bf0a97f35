/*
 * Queries over random CSV files against DuckDB. Only what both mean alike: no average (another type there), no sum of doubles (its order),
 * and NULLs ordered by name.
 */
#include "core/base/check.h"
#include "tests/batch/support.h"

static const char ddl[] =
	"CREATE TABLE orders (id integer, customer text, amount decimal(10,2), qty smallint, big bigint, price double precision,\n"
	"  paid boolean, \"at\" timestamp, day date, note text) WITH ('connector' = 'filesystem', 'path' = '%s/orders.csv', 'format' = 'csv');\n";

/* One line each: the same text goes to both. */
static const struct { const char *sql; bool ordered; } queries[] = {
	{ "SELECT id, customer, amount, qty, big, paid, \"at\", day, note FROM orders", false },
	{ "SELECT id FROM orders ORDER BY amount DESC NULLS LAST, id", true },
	{ "SELECT id, note FROM orders ORDER BY note NULLS FIRST, id DESC LIMIT 20 OFFSET 5", true },
	{ "SELECT id FROM orders ORDER BY paid NULLS LAST, day DESC NULLS FIRST, price NULLS LAST, id", true },
	{ "SELECT count(*), count(customer), count(amount), min(amount), max(amount), sum(amount), min(price), max(price) FROM orders", true },
	{ "SELECT customer, count(*), sum(amount), sum(qty), min(note), max(note), min(day), max(\"at\") FROM orders GROUP BY customer", false },
	{ "SELECT customer, paid, count(*) FROM orders WHERE amount > 100 AND note IS NOT NULL GROUP BY customer, paid HAVING count(*) > 1", false },
	{ "SELECT qty, sum(big) FILTER (WHERE paid), count(*) FILTER (WHERE amount IS NULL) FROM orders GROUP BY qty", false },
	{ "SELECT DISTINCT customer, qty FROM orders", false },
	{ "SELECT id, amount * 2, amount + 1, -amount, qty + id, big - id, big % 7 FROM orders", false },
	{ "SELECT id, CASE WHEN amount > 500 THEN 'large' WHEN amount > 100 THEN 'medium' WHEN amount IS NULL THEN 'none' ELSE 'small' END FROM orders", false },
	{ "SELECT id, coalesce(customer, 'nobody'), coalesce(qty, 0), nullif(qty, 3) FROM orders", false },
	{ "SELECT upper(customer), length(note), lower(note) || '!' FROM orders WHERE note LIKE '%%a%%'", false },
	{ "SELECT id FROM orders WHERE customer IN ('ann', 'bob') OR qty IN (1, 2, 3)", false },
	{ "SELECT id FROM orders WHERE NOT (paid AND amount > 10)", false },
	{ "SELECT id FROM orders WHERE qty BETWEEN 2 AND 5 AND customer <> 'ann'", false },
	{ "SELECT substring(note, 2, 3), count(*) FROM orders GROUP BY 1", false },
	{ "SELECT date_trunc('hour', \"at\"), count(*), sum(amount) FROM orders GROUP BY 1", false },
	{ "SELECT day, count(*) FROM orders WHERE day >= DATE '2024-01-10' GROUP BY day ORDER BY day NULLS LAST", true },
	{ "SELECT customer, n FROM (SELECT customer, count(*) AS n FROM orders GROUP BY customer) x WHERE n > 3 ORDER BY n DESC, customer NULLS LAST", true },
	{ "SELECT max(n), min(n), count(*) FROM (SELECT customer, qty, count(*) AS n FROM orders GROUP BY customer, qty) x", true },
	{ "SELECT id, 'a' FROM orders WHERE paid UNION ALL SELECT qty, customer FROM orders WHERE NOT paid UNION ALL SELECT 7, NULL", false },
	{ "SELECT customer, sum(n) FROM (SELECT customer, 1 AS n FROM orders UNION ALL SELECT customer, count(*) FROM orders GROUP BY customer) x GROUP BY customer", false },
	{ "SELECT amount, count(*) FROM orders GROUP BY amount ORDER BY amount DESC NULLS LAST LIMIT 7", true },
	{ "SELECT price > 0, price < 1000000, count(*) FROM orders GROUP BY 1, 2", false },
};

/* --- the file --- */

static void put_text(FILE *f, spk_test_rng *rng, const char *const *words, size_t count)
{
	if (!spk_test_one_in(rng, 7))
		fputs(words[spk_test_below(rng, count)], f);
	fputc(',', f);
}

static void put_row(FILE *f, int id, spk_test_rng *rng)
{
	static const char *const customers[] = { "ann", "bob", "\"carol, of \"\"the\"\" hill\"", "dörte", "a customer with a long name", "\"two\nlines\"" };
	static const char *const notes[] = { "a", "banana", "a note of more than twelve bytes", "a note of more than twelve letters", "Zebra", "x|y", "\"\"\"\"" };

	fprintf(f, "%d,", id);
	put_text(f, rng, customers, SPK_COUNT_OF(customers));
	if (!spk_test_one_in(rng, 6))
		fprintf(f, "%s%d.%02d", spk_test_one_in(rng, 5) ? "-" : "", (int)spk_test_below(rng, 1000), (int)spk_test_below(rng, 100));
	fputc(',', f);
	if (!spk_test_one_in(rng, 6))
		fprintf(f, "%d", (int)spk_test_between(rng, -3, 6));
	fprintf(f, ",%lld,", (long long)(int64_t)spk_test_next(rng) / 1000);
	if (!spk_test_one_in(rng, 6))
		fprintf(f, "%s", spk_test_one_in(rng, 9) ? "1e300" : spk_test_one_in(rng, 2) ? "-0.25" : "3.5");
	fprintf(f, ",%s,", spk_test_one_in(rng, 6) ? "" : spk_test_one_in(rng, 2) ? "true" : "false");
	fprintf(f, "2024-01-%02d %02d:%02d:%02d.%06d,", 1 + (int)spk_test_below(rng, 3), (int)spk_test_below(rng, 24), (int)spk_test_below(rng, 60), (int)spk_test_below(rng, 60), (int)spk_test_below(rng, 1000000));
	if (!spk_test_one_in(rng, 6))
		fprintf(f, "2024-01-%02d", 1 + (int)spk_test_below(rng, 31));
	fputc(',', f);
	if (!spk_test_one_in(rng, 7))
		fputs(notes[spk_test_below(rng, SPK_COUNT_OF(notes))], f);
	fputc('\n', f);
}

static void write_files(const char *dir, int rows, spk_test_rng *rng)
{
	char *path = spk_test_format("%s/orders.csv", dir);
	FILE *f = fopen(path, "w");

	REQUIRE(f != NULL);
	fputs("id,customer,amount,qty,big,price,paid,at,day,note\n", f);
	for (int i = 0; i < rows; i++)
		put_row(f, i, rng);
	fclose(f);
	free(path);
	path = spk_test_format("%s/queries.sql", dir);
	f = fopen(path, "w");
	REQUIRE(f != NULL);
	for (size_t i = 0; i < SPK_COUNT_OF(queries); i++) {
		char *sql = spk_test_format("%s", queries[i].sql);

		/* The list doubles its percent signs for printf. */
		for (char *at; (at = strstr(sql, "%%")) != NULL;)
			memmove(at, at + 1, strlen(at));
		fprintf(f, "%s\n", sql);
		free(sql);
	}
	fclose(f);
	free(path);
}

/* --- comparing --- */

static int count_newlines(const char *text)
{
	int n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

/* Rows by rows do not do here, since values have newlines in them: lines do, in order or sorted. */
static char *sorted_lines(char *text, bool sort)
{
	struct rows lines = { 0 };
	char *at = text, *end, *out;

	while ((end = strchr(at, '\n')) != NULL) {
		*end = '\0';
		rows_add(&lines, at);
		at = end + 1;
	}
	if (sort)
		rows_sort(&lines);
	out = rows_text(&lines);
	rows_release(&lines);
	return out;
}

static void compare(const char *dir, size_t query, const struct how *how)
{
	char *path = spk_test_format("%s/%d.out", dir, (int)query), *answer = spk_test_slurp(path, NULL), *tables = spk_test_format(ddl, dir), *all, *text, *got, *want;
	char *sql = spk_test_format(queries[query].sql, "");
	struct rows rows = { 0 };
	spk_error err;

	REQUIRE(answer != NULL);
	all = spk_test_format("%s%s", tables, sql);
	if (!CHECK_OK(run_query(all, how, &rows, &err), err))
		printf("      (%s)\n", sql);
	text = rows_text(&rows);
	CHECK_EQ_INT(count_newlines(text), count_newlines(answer));
	got = sorted_lines(text, !queries[query].ordered);
	want = sorted_lines(answer, !queries[query].ordered);
	if (!CHECK_EQ_STR(got, want))
		printf("      (%s)\n", sql);
	rows_release(&rows);
	free(text);
	free(got);
	free(want);
	free(all);
	free(sql);
	free(tables);
	free(answer);
	free(path);
}

static void answers_as_duckdb_does(void)
{
	static const int sizes[] = { 0, 1, 40, 3000 };
	spk_test_rng rng = spk_test_rng_new(1);
	char *script = spk_test_source("tests/batch/duckdb_answers.py");

	for (size_t s = 0; s < SPK_COUNT_OF(sizes); s++) {
		char *dir = spk_test_dir("duckdb");

		write_files(dir, sizes[s], &rng);
		REQUIRE_EQ_INT(spk_test_run(NULL, "\"$SPARKLET_PYTHON\" '%s' '%s'", script, dir), 0);
		for (size_t i = 0; i < SPK_COUNT_OF(queries); i++)
			compare(dir, i, &(struct how){ .readers = 1 + (int)spk_test_below(&rng, 4), .batch_rows = 1 + (int)spk_test_below(&rng, 600), .verify = spk_test_one_in(&rng, 2) });
		free(dir);
	}
	free(script);
}

int main(int argc, char **argv)
{
	static const spk_test tests[] = { { "answers as DuckDB does", answers_as_duckdb_does } };
	const char *python = getenv("SPARKLET_PYTHON");

	if (!python || !*python) {
		printf("skipped: SPARKLET_PYTHON names no Python with duckdb (make check sets it)\n");
		return 77;
	}
	return spk_test_main(argc, argv, "batch queries and DuckDB", tests, SPK_COUNT_OF(tests));
}
