/* batch/exec.h itself: runs one after the other, counts, takers that fail, ends from outside, sources without partitions. */
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/base/check.h"
#include "tests/batch/support.h"

/* A query made ready, to be run by hand. */
struct ready { struct query query; struct stack stack; struct spk_exec *exec; };

static void ready_init(struct ready *r, const char *sql)
{
	int partitions[8];
	struct spk_exec_options options = { .readers = 2, .source_partitions = partitions, .batch_rows = 2 };
	spk_error err = { 0 };

	*r = (struct ready){ 0 };
	REQUIRE_OK(query_plan(&r->query, sql, &err), err);
	REQUIRE_OK(query_open(&r->query, partitions, &err), err);
	options.plan = r->query.plan;
	REQUIRE_OK(spk_exec_new(&r->exec, &options, &err), err);
	stack_open(&r->stack, 2, 8, NULL);
}

static void ready_release(struct ready *r)
{
	spk_exec_free(r->exec);
	stack_close(&r->stack);
	query_close(&r->query);
}

static spk_status ready_run(struct ready *r, spk_status (*collect)(void *user, struct spk_batch *batch, spk_error *err), void *user, const struct spk_exec_watch *watch, struct spk_dag_result *result, spk_error *err)
{
	*err = (spk_error){ 0 };
	r->query.run = (struct spk_run){ .source = r->query.run_source, .collect = collect, .collect_user = user };
	return spk_exec_run(r->exec, &r->query.run, r->stack.dag, watch, result, err);
}

static const char grouped[] = "SELECT a % 2, count(*) FROM (VALUES (1), (2), (3), (4), (5)) t(a) WHERE a > 1 GROUP BY a % 2 ORDER BY 1";

/* The same pipelines give the same answer again and again, also after a run that failed. */
static void runs_again_and_again(void)
{
	struct ready r;

	ready_init(&r, grouped);
	for (int i = 0; i < 6; i++) {
		struct rows got = { 0 };
		char *text;
		spk_error err;

		if (i == 3) {
			spk_fault_set("task.start:1+", NULL);
			spk_log_set_levels("error", NULL);
			CHECK_FAILS(ready_run(&r, keep_rows, &got, NULL, NULL, &err), SPK_IO, err);
			spk_fault_set(NULL, NULL);
			rows_release(&got);
		}
		CHECK_OK(ready_run(&r, keep_rows, &got, NULL, NULL, &err), err);
		text = rows_text(&got);
		CHECK_EQ_STR(text, "0|2\n1|2\n");
		free(text);
		rows_release(&got);
	}
	ready_release(&r);
}

static void counts_rows_by_node(void)
{
	struct ready r;
	struct rows got = { 0 };
	struct spk_dag_result result;
	int64_t rows, batches, by_kind[SPK_PHYSICAL_COUNT] = { 0 };
	spk_error err;

	ready_init(&r, grouped);
	CHECK_OK(ready_run(&r, keep_rows, &got, NULL, &result, &err), err);
	for (int i = 0; i < r.query.plan->nodes; i++) {
		spk_exec_counts(r.exec, i, &rows, &batches);
		by_kind[r.query.plan->node[i]->kind] += rows;
		CHECK(batches <= rows);
	}
	CHECK_EQ_INT(by_kind[SPK_PHYSICAL_VALUES], 5);
	CHECK_EQ_INT(by_kind[SPK_PHYSICAL_FILTER], 4);
	/* All rows are on one task: they are passed on as they are. */
	CHECK_EQ_INT(by_kind[SPK_PHYSICAL_PARTIAL_AGGREGATE], 4);
	CHECK_EQ_INT(by_kind[SPK_PHYSICAL_FINAL_AGGREGATE], 2);
	CHECK_EQ_INT(by_kind[SPK_PHYSICAL_SORT], 2);
	CHECK(result.tasks_run > 0 && result.tasks_failed == 0);
	CHECK_EQ_INT(spk_exec_stages(r.exec), r.query.plan->stages);
	rows_release(&got);
	ready_release(&r);
}

static spk_status refuse(void *user, struct spk_batch *batch, spk_error *err)
{
	(void)batch;
	++*(int *)user;
	spk_fail(err, SPK_IO, "the pipe is closed");
	if (err)
		err->retriable = true;
	return SPK_IO;
}

/* What was handed out cannot be taken back: whoever takes the rows is never asked twice. */
static void a_taker_that_fails_is_not_asked_again(void)
{
	struct ready r;
	int asked = 0;
	spk_error err;

	ready_init(&r, "SELECT a FROM (VALUES (1), (2), (3)) t(a) ORDER BY a");
	CHECK_FAILS(ready_run(&r, refuse, &asked, NULL, NULL, &err), SPK_IO, err);
	CHECK_HOLDS(err.message, "the pipe is closed");
	CHECK(!err.retriable);
	CHECK_EQ_INT(asked, 1);
	ready_release(&r);
}

/* --- ended from outside --- */

struct end { int fd; _Atomic bool wanted; };

static bool is_wanted(void *user) { return ((struct end *)user)->wanted; }

/* Asks for the end with the first rows. */
static spk_status end_it(void *user, struct spk_batch *batch, spk_error *err)
{
	struct end *e = user;
	uint64_t one = 1;

	(void)batch;
	(void)err;
	e->wanted = true;
	return write(e->fd, &one, sizeof one) == sizeof one ? SPK_OK : SPK_IO;
}

static void a_run_can_be_ended_from_outside(void)
{
	struct end e = { .fd = eventfd(0, EFD_CLOEXEC) };
	struct spk_exec_watch watch = { .fd = e.fd, .cancel = is_wanted, .user = &e };
	struct rows got = { 0 };
	struct ready r;
	spk_error err;

	REQUIRE(e.fd >= 0);
	ready_init(&r, grouped);
	CHECK_OK(ready_run(&r, keep_rows, &got, &watch, NULL, &err), err);
	CHECK_EQ_INT(got.count, 2);
	rows_release(&got);
	/* Wanted before it begins. */
	e.wanted = true;
	CHECK_FAILS(ready_run(&r, keep_rows, &got, &watch, NULL, &err), SPK_CANCELLED, err);
	rows_release(&got);
	/* Wanted when it is nearly over: either is fine, but it ends. */
	e.wanted = false;
	spk_status status = ready_run(&r, end_it, &e, &watch, NULL, &err);

	CHECK(status == SPK_OK || status == SPK_CANCELLED);
	e.wanted = false;
	CHECK_OK(ready_run(&r, keep_rows, &got, &watch, NULL, &err), err);
	CHECK_EQ_INT(got.count, 2);
	rows_release(&got);
	ready_release(&r);
	close(e.fd);
}

/* A folder without files is a table without rows. */
static void a_source_may_have_no_partition(void)
{
	char *dir = spk_test_dir("empty"), *sql;
	struct rows got = { 0 };
	spk_error err;

	sql = spk_test_format("CREATE TABLE t (a bigint) WITH ('connector' = 'filesystem', 'path' = '%s', 'format' = 'csv'); SELECT count(*), sum(a) FROM t", dir);
	CHECK_OK(run_query(sql, &(struct how){ .readers = 3 }, &got, &err), err);
	CHECK(got.count == 1 && strcmp(got.row[0], "0|NULL") == 0);
	rows_release(&got);
	free(sql);
	sql = spk_test_format("CREATE TABLE t (a bigint) WITH ('connector' = 'filesystem', 'path' = '%s', 'format' = 'csv'); SELECT a FROM t UNION ALL SELECT 7", dir);
	CHECK_OK(run_query(sql, &(struct how){ .readers = 3 }, &got, &err), err);
	CHECK(got.count == 1 && strcmp(got.row[0], "7") == 0);
	rows_release(&got);
	free(sql);
	free(dir);
}

SPK_TEST_SUITE("execution",
	{ "runs again and again", runs_again_and_again },
	{ "counts rows by node", counts_rows_by_node },
	{ "a taker that fails is not asked again", a_taker_that_fails_is_not_asked_again },
	{ "a run can be ended from outside", a_run_can_be_ended_from_outside },
	{ "a source may have no partition", a_source_may_have_no_partition })
