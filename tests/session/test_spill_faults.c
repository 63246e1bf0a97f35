/* Queries that spill: whatever fails about the disk or memory, in whatever operator, the rows are those of the undisturbed run or there is an error. */

#include "tests/session/spilling.h"

#define ROWS(n, t) "(SELECT g AS i, g * 7919 % 10007 AS k, repeat('" t "', 20) || g AS t FROM generate_series(1, " n ") AS x (g)) "

/* recomputed: all that spills are tasks, which are run again. The others fill relations before the query runs, or collect on the way. */
static const struct query { const char *name, *sql; bool recomputed; } queries[] = {
	{ "sort", "SELECT i, t FROM " ROWS("9000", "s") "q ORDER BY k, i DESC", true },
	{ "aggregate", "SELECT k, count(*), string_agg(t, ',' ORDER BY i) FROM " ROWS("20000", "a") "q GROUP BY k ORDER BY k", true },
	{ "distinct", "SELECT DISTINCT k % 5000 AS m, length(t) FROM " ROWS("12000", "d") "q ORDER BY 1, 2", true },
	{ "hash join", "SELECT /*+ shuffle_hash(b) */ a.i, b.t FROM " ROWS("8000", "h") "a FULL JOIN " ROWS("9000", "j") "b ON a.i = b.k ORDER BY 1, 2", true },
	{ "merge join", "SELECT /*+ merge(b) */ a.i, b.t FROM " ROWS("8000", "m") "a JOIN " ROWS("9000", "j") "b ON a.i = b.k ORDER BY 1, 2", true },
	{ "window", "SELECT i, sum(i) OVER (PARTITION BY k % 7 ORDER BY i), lag(t, 3) OVER (PARTITION BY k % 7 ORDER BY i) FROM " ROWS("8000", "w") "q ORDER BY i", true },
	{ "except", "SELECT t FROM " ROWS("8000", "e") "a EXCEPT ALL SELECT t FROM " ROWS("3000", "e") "b ORDER BY 1", true },
	{ "recursive", "WITH RECURSIVE r (i, t) AS (SELECT i, t FROM " ROWS("6000", "r") "q UNION SELECT (i + 997) % 9000, t FROM r WHERE i < 3000) SELECT i, t FROM r ORDER BY 1, 2", false },
};

enum { QUERIES = sizeof queries / sizeof *queries };

static size_t held(void)
{
	static const char *const accounts[] = { "operators", "shuffle", "scheduler", "spill", "recursion" };
	size_t bytes = 0;

	for (size_t i = 0; i < sizeof accounts / sizeof *accounts; i++)
		bytes += spk_memory_account_used(spk_memory_account(accounts[i]));
	return bytes;
}

static void check_clean(const char *name, const char *fault)
{
	bool clean = held() == 0 && (spk_test_files(spill) == 0 || strcmp(name, "recursive") == 0);

	/* What WITH queries keep lies in the session's own spill space until it forgets them. */
	REQUIRE_OK(spk_session_forget(session, &err), err);
	if (!clean || spk_test_files(spill))
		printf("%s after %s: %zu bytes held, %d files\n", name, fault, held(), spk_test_files(spill));
	CHECK(clean);
	CHECK_EQ_INT(spk_test_files(spill), 0);
}

/* The n-th pass of a point fails while everything spills; `said` is in the error when there is one. */
static int sweep(const struct query *q, uint64_t want, enum spk_fault point, int64_t passes, const char *said)
{
	int64_t at[] = { 1, 2, passes / 4, passes / 2, passes - 1, passes };
	int recomputed = 0;

	for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
		char *fault = spk_test_format("spill.wanted:1+,%s:%d", spk_fault_name(point), (int)(at[i] < 1 ? 1 : at[i]));
		uint64_t got;
		spk_status status = run_query(q->sql, fault, &got);

		if (status == SPK_OK)
			recomputed++;
		else if (q->recomputed || !strstr(err.message, said))
			printf("%s, %s: %s\n", q->name, fault, err.message);
		CHECK(status == SPK_OK ? got == want : !q->recomputed && strstr(err.message, said));
		check_clean(q->name, fault);
		free(fault);
	}
	return recomputed;
}

static void disks(void)
{
	static const struct { enum spk_fault point; const char *said; } faults[] = {
		{ SPK_FAULT_SPILL_WRITE, "spill.write" }, { SPK_FAULT_SPILL_READ, "spill.read" }, { SPK_FAULT_SPILL_DAMAGE, "spill file" } };

	begin_spilling("2", "2");
	for (int i = 0; i < QUERIES; i++) {
		uint64_t want, got;
		int64_t passes[sizeof faults / sizeof *faults];

		REQUIRE_OK(run_query(queries[i].sql, "", &want), err);
		REQUIRE_OK(run_query(queries[i].sql, "spill.wanted:1+", &got), err);
		for (size_t f = 0; f < sizeof faults / sizeof *faults; f++)
			passes[f] = spk_fault_passes(faults[f].point);
		CHECK(got == want);
		if (passes[0] == 0)
			printf("%s does not spill\n", queries[i].name);
		CHECK(passes[0] > 0 && passes[1] > 0);
		for (size_t f = 0; f < sizeof faults / sizeof *faults; f++)
			CHECK(sweep(&queries[i], want, faults[f].point, passes[f], faults[f].said) > 0 || !queries[i].recomputed);
	}
	end();
}

/* Every block is damaged: no answer, but the file's name. */
static void no_good_disk(void)
{
	begin_spilling("2", "2");
	for (int i = 0; i < QUERIES; i++) {
		uint64_t got;

		CHECK_FAILS(run_query(queries[i].sql, "spill.wanted:1+,spill.damage:1+", &got), SPK_CORRUPT, err);
		CHECK_HOLDS(err.message, "spill file ");
		CHECK_HOLDS(err.message, "/data-");
		check_clean(queries[i].name, "all damaged");
	}
	end();
}

/* The n-th allocation fails: an error, and nothing is left. */
static void no_memory(void)
{
	begin_spilling("2", "2");
	for (int i = 0; i < QUERIES; i++) {
		uint64_t want, got;
		int64_t passes;

		REQUIRE_OK(run_query(queries[i].sql, "spill.wanted:1+", &want), err);
		passes = spk_fault_passes(SPK_FAULT_MALLOC);
		for (int64_t n = 1; n <= passes; n += passes / (spk_test_long() ? 200 : 6) + 1) {
			char *fault = spk_test_format("spill.wanted:1+,malloc:%d", (int)n);
			spk_status status = run_query(queries[i].sql, fault, &got);

			CHECK(status == SPK_OK ? got == want : status == SPK_NO_MEMORY || status == SPK_MEMORY_LIMIT);
			check_clean(queries[i].name, fault);
			free(fault);
		}
	}
	end();
}

SPK_TEST_SUITE("session/spill_faults",
	{ "a disk that fails or changes a byte, at any block of any operator", disks },
	{ "a disk that changes every block is named", no_good_disk },
	{ "memory that is not there", no_memory })
