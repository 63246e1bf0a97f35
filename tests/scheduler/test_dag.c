/* The DAG scheduler on the local SPIs: order, failures, cancelling, what is left behind. */
#include <stdatomic.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/fault.h"
#include "core/base/memory.h"
#include "tests/scheduler/support.h"

/* --- sum of a range: two stages --- */

/* disorder: values that came after a greater one, though producers write ascending ones and are read in their order */
struct sum { _Atomic int64_t total; _Atomic int runs, disorder; int fail_times; spk_status fail_code; bool retriable; };

static spk_status produce(struct spk_task *task, spk_error *err)
{
	int p = spk_task_partition(task);

	for (int to = 0; to < 2; to++)
		for (int i = 0; i < 3; i++)
			SPK_TRY(write_numbers(task, to, p * 1000 + i * 10, 10, err));
	return SPK_OK;
}

static spk_status add_up(struct spk_task *task, spk_error *err)
{
	struct sum *s = spk_task_user(task);
	struct spk_batch *b;
	int64_t total = 0, last = -1;

	if (atomic_fetch_add(&s->runs, 1) < s->fail_times) {
		spk_fail(err, s->fail_code, "made to fail");
		err->retriable = s->retriable;
		return s->fail_code;
	}
	for (;;) {
		SPK_TRY(spk_task_fetch(task, 0, &b, err));
		if (!b)
			break;
		for (int i = 0; i < b->selected; i++) {
			int64_t value = spk_vector_i64(&b->column[0])[i];

			atomic_fetch_add(&s->disorder, value <= last);
			last = value;
			total += value;
		}
	}
	atomic_fetch_add(&s->total, total);
	return SPK_OK;
}

static const int first_stage[] = { 0 };

/* Two stages: 4 producers, 2 readers; the sum of what the readers see is known. */
#define SUM_GRAPH(graph_, sum_) \
	const struct spk_stage graph_##_stages[] = { \
		{ .name = "make", .tasks = 4, .output_partitions = 2, .run = produce, .repeatable = true }, \
		{ .name = "sum", .tasks = 2, .inputs = 1, .input = first_stage, .run = add_up, .repeatable = true, .user = (sum_) }, \
	}; \
	const struct spk_dag graph_ = { .name = #graph_, .stages = 2, .stage = graph_##_stages }

static int64_t expected_sum(void)
{
	int64_t sum = 0;

	for (int p = 0; p < 4; p++)
		for (int i = 0; i < 30; i++)
			sum += 2 * (p * 1000 + i);
	return sum;
}

static void runs_two_stages(void)
{
	struct stack s;
	struct sum sum = { 0 };
	struct spk_dag_result result;
	spk_error err = { 0 };
	SUM_GRAPH(graph, &sum);

	stack_open(&s, 3, 3, NULL);
	for (int i = 0; i < 200; i++) {
		sum.total = 0;
		REQUIRE_OK(spk_dag_run(s.dag, &graph, &result, &err), err);
		CHECK_EQ_INT(sum.total, expected_sum());
		CHECK_EQ_INT(sum.disorder, 0);
		CHECK_EQ_INT(result.tasks_run, 6);
		CHECK_EQ_INT(result.tasks_failed, 0);
		CHECK_EQ_INT(result.shuffle_rows, 4 * 2 * 30);
		CHECK_EQ_INT(result.shuffle_bytes, 4 * 2 * 30 * 8);
	}
	stack_close(&s);
}

static void leaves_nothing_behind(void)
{
	struct stack s;
	struct sum sum = { .fail_times = 100, .fail_code = SPK_DATA };
	size_t other;
	spk_error err = { 0 };
	SUM_GRAPH(graph, &sum);

	stack_open(&s, 2, 3, NULL);
	other = spk_memory_account_used(spk_memory_account("other"));
	CHECK_FAILS(spk_dag_run(s.dag, &graph, NULL, &err), SPK_DATA, err);
	CHECK_EQ_STR(err.message, "made to fail");
	CHECK_EQ_INT(spk_memory_account_used(spk_memory_account("other")), other);
	/* A hard error is not tried again, though the other reader may have been on its way. */
	CHECK(sum.runs <= 2);
	stack_close(&s);
	CHECK_EQ_INT(spk_memory_account_used(spk_memory_account("scheduler")), 0);
	CHECK_EQ_INT(spk_memory_account_used(spk_memory_account("shuffle")), 0);
}

static void retries_transient_failures(void)
{
	struct stack s;
	struct sum sum = { .fail_times = 3, .fail_code = SPK_IO, .retriable = true };
	struct spk_dag_result result;
	spk_error err = { 0 };
	SUM_GRAPH(graph, &sum);

	stack_open(&s, 2, 3, NULL);
	REQUIRE_OK(spk_dag_run(s.dag, &graph, &result, &err), err);
	CHECK_EQ_INT(sum.total, expected_sum());
	CHECK_EQ_INT(result.tasks_failed, 3);
	CHECK_EQ_INT(result.tasks_run, 9);
	stack_close(&s);
}

static void gives_up(void)
{
	struct stack s;
	struct sum sum = { .fail_times = 1000, .fail_code = SPK_IO, .retriable = true };
	spk_error err = { 0 };
	SUM_GRAPH(graph, &sum);

	stack_open(&s, 2, 3, NULL);
	CHECK_FAILS(spk_dag_run(s.dag, &graph, NULL, &err), SPK_IO, err);
	CHECK_HOLDS(err.message, "given up after 4 attempts");
	CHECK_HOLDS(err.message, "made to fail");
	stack_close(&s);
}

/* --- stages that must not be repeated --- */

static spk_status touch_once(struct spk_task *task, spk_error *err)
{
	struct sum *s = spk_task_user(task);
	struct spk_batch *b = NULL;

	atomic_fetch_add(&s->runs, 1);
	if (s->fail_times) {
		spk_fail(err, SPK_IO, "made to fail");
		err->retriable = true;
		return SPK_IO;
	}
	do
		SPK_TRY(spk_task_fetch(task, 0, &b, err));
	while (b);
	return write_numbers(task, 0, 1, 1, err);
}

static const int second_stage[] = { 1 };

static spk_status run_touching(struct sum *touch, const char *fault, spk_error *err)
{
	struct stack s;
	struct sum sum = { 0 };
	const struct spk_stage stages[] = {
		{ .name = "make", .tasks = 2, .output_partitions = 2, .run = produce, .repeatable = true },
		{ .name = "touch", .tasks = 2, .inputs = 1, .input = first_stage, .output_partitions = 1, .run = touch_once, .user = touch },
		{ .name = "sum", .tasks = 1, .inputs = 1, .input = second_stage, .run = add_up, .repeatable = true, .user = &sum },
	};
	const struct spk_dag graph = { .name = "touch", .stages = 3, .stage = stages };

	stack_open(&s, 1, 3, NULL);
	CHECK_OK(spk_fault_set(fault, NULL), *err);
	spk_status status = spk_dag_run(s.dag, &graph, NULL, err);

	CHECK_OK(spk_fault_set(NULL, NULL), *err);
	stack_close(&s);
	if (status == SPK_OK)
		CHECK(sum.total > 0 && sum.total % 2 == 0);  /* the last reader is repeated in one case */
	return status;
}

static void touches_state_once(void)
{
	/* One thread: passes 1 and 2 are the makers, 3 and 4 the ones that touch state, 5 the reader. Fetches: 1-4, then 5-6. */
	static const char *const recovered[] = { NULL, "task.start:3", "shuffle.write:3", "shuffle.write:4", "shuffle.fetch:2", "shuffle.fetch:4",
	                                         "task.finish:1", "task.start:5", "task.finish:5" };
	static const char *const failed[] = { "task.finish:3", "task.finish:4", "shuffle.fetch:5" };
	spk_error err = { 0 };

	for (size_t i = 0; i < SPK_COUNT_OF(recovered); i++) {
		struct sum touch = { 0 };

		CHECK_OK(run_touching(&touch, recovered[i], &err), err);
		CHECK_EQ_INT(touch.runs, 2);
	}
	for (size_t i = 0; i < SPK_COUNT_OF(failed); i++) {
		struct sum touch = { 0 };

		CHECK(run_touching(&touch, failed[i], &err) != SPK_OK);
		CHECK(touch.runs <= 2);
	}
	struct sum touch = { .fail_times = 1 };

	CHECK_FAILS(run_touching(&touch, NULL, &err), SPK_IO, err);
	CHECK_EQ_INT(touch.runs, 1);
}

static void recomputation_ends(void)
{
	struct stack s;
	struct sum sum = { 0 };
	spk_error err = { 0 };
	SUM_GRAPH(graph, &sum);

	stack_open(&s, 2, 3, NULL);
	REQUIRE_OK(spk_fault_set("shuffle.fetch:1+", &err), err);
	CHECK_FAILS(spk_dag_run(s.dag, &graph, NULL, &err), SPK_UNAVAILABLE, err);
	CHECK_HOLDS(err.message, "was lost 4 times");
	REQUIRE_OK(spk_fault_set(NULL, &err), err);
	stack_close(&s);
}

/* --- skipping --- */

static bool skip_odd(int task, void *user) { (void)user; return task % 2; }
static bool skip_all(int task, void *user) { (void)task; (void)user; return true; }

static void skips(void)
{
	struct stack s;
	struct sum sum = { 0 };
	struct spk_dag_result result;
	spk_error err = { 0 };
	struct spk_stage stages[] = {
		{ .name = "make", .tasks = 4, .output_partitions = 2, .run = produce, .repeatable = true, .skip = skip_odd },
		{ .name = "sum", .tasks = 2, .inputs = 1, .input = first_stage, .run = add_up, .repeatable = true, .user = &sum },
	};
	const struct spk_dag graph = { .name = "skip", .stages = 2, .stage = stages };

	stack_open(&s, 2, 3, NULL);
	REQUIRE_OK(spk_dag_run(s.dag, &graph, &result, &err), err);
	CHECK_EQ_INT(result.tasks_run, 4);
	CHECK_EQ_INT(result.shuffle_rows, 2 * 2 * 30);
	stages[0].skip = skip_all;
	sum.total = 0;
	REQUIRE_OK(spk_dag_run(s.dag, &graph, &result, &err), err);
	CHECK_EQ_INT(result.tasks_run, 2);
	CHECK_EQ_INT(sum.total, 0);
	stages[1].skip = skip_all;
	REQUIRE_OK(spk_dag_run(s.dag, &graph, &result, &err), err);
	CHECK_EQ_INT(result.tasks_run, 0);
	REQUIRE_OK(spk_dag_run(s.dag, &(struct spk_dag){ .name = "none" }, &result, &err), err);
	stack_close(&s);
}

/* --- order and concurrency --- */

struct meet { _Atomic int here; _Atomic int late; };

/* Two independent stages with a task each, both of which wait for the other. */
static spk_status wait_for_other(struct spk_task *task, spk_error *err)
{
	struct meet *m = spk_task_user(task);
	int64_t until = spk_clock_monotonic_us() + 10000000;

	atomic_fetch_add(&m->here, 1);
	while (atomic_load(&m->here) < 2)
		if (spk_clock_monotonic_us() > until)
			return spk_fail(err, SPK_TIMEOUT, "the other stage did not come");
	return write_numbers(task, 0, spk_task_stage(task), 1, err);
}

static spk_status both_in_order(struct spk_task *task, spk_error *err)
{
	struct meet *m = spk_task_user(task);
	struct spk_batch *b;

	for (int input = 0; input < 2; input++) {
		SPK_TRY(spk_task_fetch(task, input, &b, err));
		if (!b || spk_vector_i64(&b->column[0])[0] != input)
			atomic_fetch_add(&m->late, 1);
		SPK_TRY(spk_task_fetch(task, input, &b, err));
		if (b)
			atomic_fetch_add(&m->late, 1);
	}
	return SPK_OK;
}

static void runs_stages_side_by_side(void)
{
	static const int both[] = { 0, 1 };
	struct stack s;
	struct meet m = { 0 };
	spk_error err = { 0 };
	const struct spk_stage stages[] = {
		{ .name = "left", .tasks = 1, .output_partitions = 1, .run = wait_for_other, .user = &m },
		{ .name = "right", .tasks = 1, .output_partitions = 1, .run = wait_for_other, .user = &m },
		{ .name = "join", .tasks = 3, .inputs = 2, .input = both, .run = both_in_order, .user = &m },
	};
	const struct spk_dag graph = { .name = "meet", .stages = 3, .stage = stages };

	stack_open(&s, 2, 3, NULL);
	REQUIRE_OK(spk_dag_run(s.dag, &graph, NULL, &err), err);
	CHECK_EQ_INT(m.late, 0);
	stack_close(&s);
}

static void refuses_bad_graphs(void)
{
	static const int itself[] = { 1 };
	struct stack s;
	spk_error err = { 0 };
	struct spk_stage stages[] = {
		{ .name = "make", .tasks = 2, .output_partitions = 2, .run = produce },
		{ .name = "read", .tasks = 3, .inputs = 1, .input = first_stage, .run = add_up },
	};
	const struct spk_dag graph = { .name = "bad", .stages = 2, .stage = stages };

	stack_open(&s, 1, 3, NULL);
	CHECK_FAILS(spk_dag_run(s.dag, &graph, NULL, &err), SPK_INTERNAL, err);
	CHECK_HOLDS(err.message, "3 tasks");
	stages[1].tasks = 2;
	stages[1].input = itself;
	CHECK_FAILS(spk_dag_run(s.dag, &graph, NULL, &err), SPK_INTERNAL, err);
	stages[1].tasks = 0;
	CHECK_FAILS(spk_dag_run(s.dag, &graph, NULL, &err), SPK_INTERNAL, err);
	stack_close(&s);
}

/* --- cancelling, asynchronous runs --- */

struct spin { _Atomic int running; _Atomic bool done; spk_status status; struct stack *stack; _Atomic int rounds; const struct spk_dag *dag; };

static spk_status spin(struct spk_task *task, spk_error *err)
{
	struct spin *s = spk_task_user(task);

	atomic_fetch_add(&s->running, 1);
	while (!spk_task_cancelled(task))
		usleep(100);
	return spk_fail(err, SPK_CANCELLED, "stopped");
}

static void note_done(void *user, spk_status status, const spk_error *error, const struct spk_dag_result *result)
{
	struct spin *s = user;

	(void)error;
	(void)result;
	s->status = status;
	atomic_store(&s->done, true);
}

static void wait_done(struct spin *s)
{
	int64_t until = spk_clock_monotonic_us() + 20000000;

	while (!atomic_load(&s->done) && spk_clock_monotonic_us() < until)
		usleep(200);
	REQUIRE(atomic_load(&s->done));
}

static void cancels_running_tasks(void)
{
	struct stack s;
	struct spin state = { 0 };
	spk_error err = { 0 };
	const struct spk_stage stage = { .name = "spin", .tasks = 50, .run = spin, .repeatable = true, .user = &state };
	const struct spk_dag graph = { .name = "spin", .stages = 1, .stage = &stage };

	stack_open(&s, 2, 3, NULL);
	spk_dag_cancel(s.dag);  /* nothing to cancel */
	REQUIRE_OK(spk_dag_start(s.dag, &graph, note_done, &state, &err), err);
	CHECK_FAILS(spk_dag_start(s.dag, &graph, note_done, &state, &err), SPK_INTERNAL, err);
	while (atomic_load(&state.running) < 2)
		usleep(100);
	spk_dag_cancel(s.dag);
	wait_done(&state);
	CHECK_EQ_INT(state.status, SPK_CANCELLED);
	CHECK_EQ_INT(state.running, 2);
	stack_close(&s);
}

static void cancels_backoff(void)
{
	struct stack s;
	struct spin state = { 0 };
	struct sum sum = { .fail_times = 1000, .fail_code = SPK_IO, .retriable = true };
	spk_error err = { 0 };
	struct spk_dag_options options;
	SUM_GRAPH(graph, &sum);

	stack_open(&s, 2, 3, NULL);
	spk_dag_scheduler_free(s.dag);
	options = (struct spk_dag_options){ .tasks = s.tasks, .shuffle = s.shuffle,
	                                    .task_retry = { .retries = -1, .first_us = 3600000000, .longest_us = 3600000000 } };
	REQUIRE_OK(spk_dag_scheduler_new(&s.dag, &options, &err), err);
	REQUIRE_OK(spk_dag_start(s.dag, &graph, note_done, &state, &err), err);
	while (atomic_load(&sum.runs) < 2)
		usleep(100);
	usleep(50000);
	spk_dag_cancel(s.dag);   /* else the next attempt is an hour away */
	wait_done(&state);
	CHECK_EQ_INT(state.status, SPK_CANCELLED);
	CHECK_EQ_INT(sum.runs, 2);
	stack_close(&s);
}

static void start_again(void *user, spk_status status, const spk_error *error, const struct spk_dag_result *result)
{
	struct spin *s = user;

	(void)error;
	(void)result;
	/* Once the next run is started, s is that one's. */
	if (status == SPK_OK && atomic_fetch_add(&s->rounds, 1) < 20)
		status = spk_dag_start(s->stack->dag, s->dag, start_again, s, NULL);
	else
		status = status == SPK_OK ? SPK_EXISTS : status;
	if (status == SPK_OK)
		return;
	s->status = status;
	atomic_store(&s->done, true);
}

static void done_may_start_the_next_run(void)
{
	struct stack s;
	struct sum sum = { 0 };
	SUM_GRAPH(graph, &sum);
	struct spin state = { .stack = &s, .dag = &graph };
	spk_error err = { 0 };

	stack_open(&s, 2, 3, NULL);
	REQUIRE_OK(spk_dag_start(s.dag, &graph, start_again, &state, &err), err);
	wait_done(&state);
	CHECK_EQ_INT(state.status, SPK_EXISTS);  /* ended by itself */
	CHECK_EQ_INT(state.rounds, 21);
	CHECK_EQ_INT(sum.total, 21 * expected_sum());
	stack_close(&s);
}

/* --- memory --- */

struct chain { size_t start, one, most; };

/* Passes 64 batches on; what is held meanwhile is noted. */
static spk_status pass_on(struct spk_task *task, spk_error *err)
{
	struct chain *c = spk_task_user(task);
	struct spk_batch *b = NULL;
	size_t used = spk_memory_account_used(spk_memory_account("other"));

	if (spk_task_stage(task) == 1 && !c->one)
		c->one = used - c->start;
	c->most = used - c->start > c->most ? used - c->start : c->most;
	do
		SPK_TRY(spk_task_stage(task) ? spk_task_fetch(task, 0, &b, err) : SPK_OK);
	while (b);
	for (int i = 0; spk_task_stage(task) < 7 && i < 64; i++)
		SPK_TRY(write_numbers(task, 0, i, 1000, err));
	return SPK_OK;
}

static void lets_go_of_what_was_read(void)
{
	static const int before[8][1] = { { 0 }, { 0 }, { 1 }, { 2 }, { 3 }, { 4 }, { 5 }, { 6 } };
	struct spk_stage stages[8];
	struct stack s;
	struct chain c = { .start = spk_memory_account_used(spk_memory_account("other")) };
	struct spk_dag_result result;
	spk_error err = { 0 };

	for (int i = 0; i < 8; i++)
		stages[i] = (struct spk_stage){ .name = "pass", .tasks = 1, .inputs = i > 0, .input = before[i], .output_partitions = i < 7, .run = pass_on,
		                                .repeatable = true, .user = &c };
	const struct spk_dag graph = { .name = "chain", .stages = 8, .stage = stages };

	stack_open(&s, 2, 3, NULL);
	REQUIRE_OK(spk_dag_run(s.dag, &graph, &result, &err), err);
	CHECK_EQ_INT(result.shuffle_rows, 7 * 64000);
	/* One output is there when a stage starts, two for a moment, not seven. */
	CHECK(c.one > 0 && c.most <= c.one * 2);
	/* The last of them loses its input: all is computed again, from the first stage on. */
	REQUIRE_OK(spk_fault_set("shuffle.fetch:7", &err), err);
	REQUIRE_OK(spk_dag_run(s.dag, &graph, &result, &err), err);
	REQUIRE_OK(spk_fault_set(NULL, &err), err);
	CHECK_EQ_INT(result.tasks_recomputed, 7);
	stack_close(&s);
}


/* Every reservation of a run fails once: an error or the right sum, and nothing is left behind. */
static void survives_refused_memory(void)
{
	spk_error err = { 0 };
	int n = 1;

	for (int through = 0; through < 3 && n < 1000; n++) {
		struct stack s;
		struct sum sum = { 0 };
		char *spec = spk_test_format("malloc:%d", n);
		SUM_GRAPH(graph, &sum);

		stack_open(&s, 2, 3, NULL);
		REQUIRE_OK(spk_fault_set(spec, &err), err);
		spk_status status = spk_dag_run(s.dag, &graph, NULL, &err);

		CHECK_EQ_INT(spk_fault_set(NULL, NULL), SPK_OK);
		if (status == SPK_OK) {
			CHECK_EQ_INT(sum.total, expected_sum());
			through++;
		} else {
			CHECK(err.code == SPK_NO_MEMORY || err.code == SPK_MEMORY_LIMIT || err.code == SPK_IO);
			through = 0;
		}
		stack_close(&s);
		CHECK_EQ_INT(spk_memory_account_used(spk_memory_account("scheduler")), 0);
		CHECK_EQ_INT(spk_memory_account_used(spk_memory_account("shuffle")), 0);
		free(spec);
	}
	CHECK(n > 20);
}

/* --- figures --- */

static void keeps_figures(void)
{
	struct stack s;
	struct sum sum = { .fail_times = 1, .fail_code = SPK_IO, .retriable = true };
	struct spk_stage_stats first, last;
	struct spk_task_stats task;
	spk_error err = { 0 };
	SUM_GRAPH(graph, &sum);

	stack_open(&s, 2, 3, NULL);
	CHECK(!spk_dag_stage_stats(s.dag, 0, &first));
	for (int i = 0; i < 3; i++) {
		REQUIRE_OK(spk_dag_run(s.dag, &graph, NULL, &err), err);
		REQUIRE(spk_dag_stage_stats(s.dag, 0, &first));
		REQUIRE(spk_dag_stage_stats(s.dag, 1, &last));
		CHECK(!spk_dag_stage_stats(s.dag, 2, &last) && !spk_dag_task_stats(s.dag, 1, 2, &task));
		CHECK(first.started && first.complete && last.complete);
		CHECK_EQ_INT(first.tasks, 4);
		CHECK_EQ_INT(first.tasks_done, 4);
		CHECK_EQ_INT(first.sum.rows_out, 4 * 2 * 30);
		CHECK_EQ_INT(first.sum.bytes_out, 4 * 2 * 30 * 8);
		CHECK_EQ_INT(last.sum.rows_in, 4 * 2 * 30);
		CHECK_EQ_INT(last.sum.bytes_in, 4 * 2 * 30 * 8);
		CHECK_EQ_INT(last.sum.attempts, i ? 2 : 3);
		CHECK_EQ_INT(last.sum.failures, i ? 0 : 1);
		CHECK(last.sum.start_us >= first.sum.start_us && last.sum.end_us >= last.sum.start_us);
		REQUIRE(spk_dag_task_stats(s.dag, 1, 1, &task));
		CHECK_EQ_INT(task.rows_in, 4 * 30);
		CHECK(task.busy_us >= task.end_us - task.start_us);
	}
	stack_close(&s);
}

/* --- events --- */

static void writes_events(void)
{
	char *dir = spk_test_dir("dag"), *path = spk_test_format("%s/events", dir), *text;
	struct spk_event_log *log;
	struct stack s;
	struct sum sum = { .fail_times = 1, .fail_code = SPK_IO, .retriable = true };
	spk_error err = { 0 };
	SUM_GRAPH(graph, &sum);
	struct spk_dag epoch = graph;

	REQUIRE_OK(spk_event_log_open(&log, path, "test", &err), err);
	stack_open(&s, 2, 3, log);
	epoch.epoch.value = 12;
	REQUIRE_OK(spk_dag_run(s.dag, &epoch, NULL, &err), err);
	spk_event_log_flush(log);
	text = spk_test_slurp(path, NULL);
	CHECK_HOLDS(text, "stage.start");
	CHECK_HOLDS(text, "stage.end");
	CHECK_HOLDS(text, "task.failed");
	CHECK_HOLDS(text, "made to fail");
	CHECK_HOLDS(text, "\"epoch\":12");
	CHECK(!strstr(text, "task.start"));
	free(text);
	REQUIRE_OK(spk_dag_run(s.dag, &graph, NULL, &err), err);
	stack_close(&s);
	spk_event_log_close(log);
	text = spk_test_slurp(path, NULL);
	CHECK_HOLDS(text, "task.start");
	CHECK_HOLDS(text, "task.end");
	CHECK_HOLDS(text, "\"rows_in\":120");
	free(text);
	free(path);
	free(dir);
}

SPK_TEST_SUITE("scheduler/dag",
	{ "two stages, many runs", runs_two_stages },
	{ "a failed run leaves nothing behind", leaves_nothing_behind },
	{ "transient failures are tried again", retries_transient_failures },
	{ "retries are bounded", gives_up },
	{ "stages that touch state run once and still recover around it", touches_state_once },
	{ "recomputation is bounded", recomputation_ends },
	{ "skipped tasks count as done without output", skips },
	{ "independent stages run side by side, inputs stay in order", runs_stages_side_by_side },
	{ "graphs that do not fit together are refused", refuses_bad_graphs },
	{ "cancelling stops running tasks and drops queued ones", cancels_running_tasks },
	{ "cancelling does not wait for a backoff", cancels_backoff },
	{ "done may start the next run", done_may_start_the_next_run },
	{ "outputs go when their readers are done, and come back when needed", lets_go_of_what_was_read },
	{ "figures of stages and tasks, run by run", keeps_figures },
	{ "any reservation may be refused", survives_refused_memory },
	{ "events of stages always, of tasks when they fail or in batch", writes_events })
