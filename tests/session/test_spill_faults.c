/* Queries that spill: whatever fails about the disk or memory, in whatever operator, the rows are those of the undisturbed run or there is an error. */
#include <dirent.h>

#include "core/base/fault.h"
#include "core/base/log.h"
#include "core/base/memory.h"
#include "core/expr/text.h"
#include "session/engine.h"
#include "tests/support/test.h"

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

static struct spk_session *session;
static char *spill;
static spk_error err;

static void begin(void)
{
	err = (spk_error){ 0 };
	spill = spk_test_dir("spill");
	REQUIRE_OK(spk_log_set_levels("error", &err), err);
	REQUIRE_OK(spk_session_new(&session, &err), err);
	REQUIRE_OK(spk_session_set(session, "spill.dir", spill, &err), err);
	REQUIRE_OK(spk_session_set(session, "retry.backoff", "0", &err), err);
	REQUIRE_OK(spk_session_set(session, "parallelism", "2", &err), err);
	REQUIRE_OK(spk_session_set(session, "pool.size", "2", &err), err);
}

static void end(void)
{
	REQUIRE_OK(spk_fault_set("", &err), err);
	spk_session_free(session);
	spk_test_remove(spill);
	free(spill);
}

/* Rows as they come: the queries sort them. */
static spk_status digest(void *user, struct spk_batch *batch, spk_error *why)
{
	uint64_t *h = user;

	(void)why;
	SPK_EACH_ROW(batch, i, row) {
		for (int c = 0; c < batch->columns; c++) {
			struct spk_reader r = spk_vector_reader(&batch->column[c]);
			uint32_t slot = spk_reader_slot(&r, row);
			const char *at = (const char *)r.data + (size_t)slot * (size_t)spk_type_width(batch->column[c].type);
			bool view = spk_type_is_view(batch->column[c].type), there = spk_reader_valid(&r, slot);
			const char *data = view && there ? spk_view_data((const struct spk_view *)(const void *)at) : at;
			size_t size = !there ? 0 : view ? ((const struct spk_view *)(const void *)at)->length : (size_t)spk_type_width(batch->column[c].type);

			for (size_t k = 0; k < size; k++)
				*h = (*h ^ (uint8_t)data[k]) * 0x100000001b3u;
			*h = (*h ^ (there ? 1 : 2)) * 0x100000001b3u;
		}
	}
	return SPK_OK;
}

static spk_status run(const char *sql, const char *fault, uint64_t *out)
{
	struct spk_physical_plan *plan;
	struct spk_script script;
	spk_status status;

	*out = 0xcbf29ce484222325u;
	err = (spk_error){ 0 };
	REQUIRE_OK(spk_session_forget(session, &err), err);
	REQUIRE_OK(spk_session_bind(session, sql, &script, &err), err);
	REQUIRE_OK(spk_session_plan_query(session, script.statement[0].plan, &plan, &err), err);
	REQUIRE_OK(spk_fault_set(fault, &err), err);
	status = spk_session_run_query(session, plan, digest, out, NULL, &err);
	return status;
}

static int files(void)
{
	DIR *d = opendir(spill);
	int n = 0;

	REQUIRE(d != NULL);
	for (struct dirent *e; (e = readdir(d)) != NULL;)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

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
	bool clean = held() == 0 && (files() == 0 || strcmp(name, "recursive") == 0);

	/* What WITH queries keep lies in the session's own spill space until it forgets them. */
	REQUIRE_OK(spk_session_forget(session, &err), err);
	if (!clean || files())
		printf("%s after %s: %zu bytes held, %d files\n", name, fault, held(), files());
	CHECK(clean);
	CHECK_EQ_INT(files(), 0);
}

/* The n-th pass of a point fails while everything spills; `said` is in the error when there is one. */
static int sweep(const struct query *q, uint64_t want, enum spk_fault point, int64_t passes, const char *said)
{
	int64_t at[] = { 1, 2, passes / 4, passes / 2, passes - 1, passes };
	int recomputed = 0;

	for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
		char *fault = spk_test_format("spill.wanted:1+,%s:%d", spk_fault_name(point), (int)(at[i] < 1 ? 1 : at[i]));
		uint64_t got;
		spk_status status = run(q->sql, fault, &got);

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

	begin();
	for (int i = 0; i < QUERIES; i++) {
		uint64_t want, got;
		int64_t passes[sizeof faults / sizeof *faults];

		REQUIRE_OK(run(queries[i].sql, "", &want), err);
		REQUIRE_OK(run(queries[i].sql, "spill.wanted:1+", &got), err);
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
	begin();
	for (int i = 0; i < QUERIES; i++) {
		uint64_t got;

		CHECK_FAILS(run(queries[i].sql, "spill.wanted:1+,spill.damage:1+", &got), SPK_CORRUPT, err);
		CHECK_HOLDS(err.message, "spill file ");
		CHECK_HOLDS(err.message, "/data-");
		check_clean(queries[i].name, "all damaged");
	}
	end();
}

/* The n-th allocation fails: an error, and nothing is left. */
static void no_memory(void)
{
	begin();
	for (int i = 0; i < QUERIES; i++) {
		uint64_t want, got;
		int64_t passes;

		REQUIRE_OK(run(queries[i].sql, "spill.wanted:1+", &want), err);
		passes = spk_fault_passes(SPK_FAULT_MALLOC);
		for (int64_t n = 1; n <= passes; n += passes / (spk_test_long() ? 200 : 6) + 1) {
			char *fault = spk_test_format("spill.wanted:1+,malloc:%d", (int)n);
			spk_status status = run(queries[i].sql, fault, &got);

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
