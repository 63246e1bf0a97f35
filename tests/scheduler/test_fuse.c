/*
 * Exchanges that are left out: whatever the sizes, and whatever fails meanwhile, every row of the source is read once, and the sides whole by all who
 * need them; the same way each time.
 */
#include <stdatomic.h>

#include "core/base/fault.h"
#include "core/base/log.h"
#include "tests/scheduler/support.h"

/*
 * A chain: stages 0 and 1 write the sides of the first and the second join. Stage 2 writes rows for the first join, which is stage 3, which writes
 * for the second, stage 4. Each join may do the work of the stage before it.
 */
enum { SIDE_TASKS = 2, SOURCES = 4, PARTITIONS = 3, SPARE = 3, READERS = PARTITIONS + SPARE, FIRST = READERS + SOURCES, SECOND = READERS + FIRST, MOST = 400 };

struct graph {
	struct spk_dag dag;
	struct spk_stage stage[5];
	struct spk_sharing sharing;
	struct spk_fusion fusion[2];
	int side_rows[2];                      /* by producer and partition */
	int source_rows[SOURCES];
	bool skip[SOURCES];
	struct { int64_t sum; int rows, side[2]; bool ran; } task[SECOND];  /* of the last stage */
	_Atomic int sources;                   /* attempts of stage 2's own tasks */
};

static spk_status write_side(struct spk_task *task, spk_error *err)
{
	struct graph *g = spk_task_user(task);

	for (int p = 0; p < PARTITIONS; p++)
		SPK_TRY(write_numbers(task, p, 0, g->side_rows[spk_task_stage(task)], err));
	return SPK_OK;
}

/* Source rows are numbers from 1000 * task on, spread over the partitions. */
static spk_status write_source(struct spk_task *task, spk_error *err)
{
	struct graph *g = spk_task_user(task);
	int t = spk_task_partition(task);

	atomic_fetch_add(&g->sources, 1);
	for (int p = 0; p < PARTITIONS; p++)
		SPK_TRY(write_numbers(task, p, 1000 * t + 100 * p, g->source_rows[t], err));
	return SPK_OK;
}

static bool skip_source(int task, void *user) { return ((struct graph *)user)->skip[task]; }

static spk_status count(struct spk_task *task, int input, int *rows, int64_t *sum, spk_error *err)
{
	for (struct spk_batch *b;;) {
		SPK_TRY(spk_task_fetch(task, input, &b, err));
		if (!b)
			return SPK_OK;
		*rows += b->selected;
		for (int i = 0; i < b->selected; i++)
			*sum += spk_vector_i64(&b->column[0])[spk_batch_row(b, i)];
	}
}

/* The rows of one source task as it would have written them: all partitions. */
static void count_source(const struct graph *g, int t, int *rows, int64_t *sum)
{
	for (int p = 0; p < PARTITIONS; p++)
		for (int i = 0; i < g->source_rows[t]; i++) {
			++*rows;
			*sum += 1000 * t + 100 * p + i;
		}
}

/* What a task of the first join reads, for itself or for one of the second; inputs from `input` on. */
static spk_status run_first(struct spk_task *task, const struct graph *g, int t, int input, int *side, int *rows, int64_t *sum, spk_error *err)
{
	int64_t ignored = 0;

	SPK_TRY(count(task, input, side, &ignored, err));
	if (t < READERS)
		return count(task, input + 1, rows, sum, err);
	count_source(g, t - READERS, rows, sum);
	return SPK_OK;
}

static spk_status first_join(struct spk_task *task, spk_error *err)
{
	struct graph *g = spk_task_user(task);
	int side = 0, rows = 0;
	int64_t sum = 0;

	SPK_TRY(run_first(task, g, spk_task_partition(task), 0, &side, &rows, &sum, err));
	/* A batch of two numbers, what was counted: rows to partition 0, sum to 1, side to 2. */
	SPK_TRY(write_numbers(task, 0, rows, 1, err));
	SPK_TRY(write_numbers(task, 1, sum, 1, err));
	return write_numbers(task, 2, side, 1, err);
}

static spk_status second_join(struct spk_task *task, spk_error *err)
{
	struct graph *g = spk_task_user(task);
	int t = spk_task_partition(task), side[2] = { 0 }, rows = 0, batches = 0;
	int64_t sum = 0, ignored = 0;

	SPK_TRY(count(task, 0, &side[1], &ignored, err));
	if (t >= READERS)
		SPK_TRY(run_first(task, g, t - READERS, 2, &side[0], &rows, &sum, err));
	else
		SPK_TRY(count(task, 1, &batches, &sum, err));
	g->task[t].ran = true;
	g->task[t].rows = rows;
	g->task[t].sum = sum;
	memcpy(g->task[t].side, side, sizeof side);
	return SPK_OK;
}

static void make_graph(struct graph *g, spk_test_rng *rng)
{
	static const int first_inputs[] = { 0, 2 }, second_inputs[] = { 1, 3 }, side[] = { 0 };

	memset(g, 0, sizeof *g);
	for (int s = 0; s < 2; s++) {
		g->side_rows[s] = (int)spk_test_below(rng, 20);
		g->stage[s] = (struct spk_stage){ .name = "side", .tasks = SIDE_TASKS, .output_partitions = READERS, .run = write_side, .repeatable = true, .user = g };
		g->fusion[s] = (struct spk_fusion){ .input = 1, .sides = 1, .side = side, .most_bytes = MOST, .own = READERS, .partitions = PARTITIONS, .first = READERS };
	}
	for (int t = 0; t < SOURCES; t++) {
		g->source_rows[t] = (int)spk_test_below(rng, 30);
		g->skip[t] = spk_test_one_in(rng, 5);
	}
	g->sharing = (struct spk_sharing){ .partitions = PARTITIONS, .tasks = READERS, .coalesces = true, .splits = -1 };
	g->stage[2] = (struct spk_stage){ .name = "source", .tasks = SOURCES, .output_partitions = READERS, .run = write_source, .skip = skip_source, .repeatable = true, .user = g };
	g->stage[3] = (struct spk_stage){ .name = "first", .tasks = FIRST, .inputs = 2, .input = first_inputs, .output_partitions = READERS, .run = first_join, .repeatable = true,
		.user = g, .sharings = 1, .sharing = &g->sharing, .fusions = 1, .fusion = &g->fusion[0] };
	g->stage[4] = (struct spk_stage){ .name = "second", .tasks = SECOND, .inputs = 2, .input = second_inputs, .run = second_join, .repeatable = true,
		.user = g, .sharings = 1, .sharing = &g->sharing, .fusions = 1, .fusion = &g->fusion[1] };
	g->dag = (struct spk_dag){ .name = "fuse", .stages = 5, .stage = g->stage };
	g->dag.share.target_bytes = spk_test_one_in(rng, 2) ? 0 : 1000;
}

/* 8 bytes a row. */
static bool is_small(const struct graph *g, int side) { return 8 * g->side_rows[side] * SIDE_TASKS * PARTITIONS <= MOST; }

static void check_sides(const struct graph *g, int t)
{
	int all[2] = { g->side_rows[0] * SIDE_TASKS * PARTITIONS, g->side_rows[1] * SIDE_TASKS * PARTITIONS };

	CHECK_EQ_INT(t >= READERS, is_small(g, 1));
	if (t >= READERS)
		CHECK_EQ_INT(g->task[t].side[1], all[1]);
	if (t >= 2 * READERS)
		CHECK_EQ_INT(g->task[t].side[0], all[0]);
}

/* Rows and their sum, when the second join did all the work; else what it read of the first. */
static void check_rows(const struct graph *g)
{
	int rows = 0, side[2] = { 0 }, want = 0;
	int64_t sum = 0, want_sum = 0;

	for (int t = 0; t < SECOND; t++) {
		if (!g->task[t].ran)
			continue;
		check_sides(g, t);
		rows += g->task[t].rows;
		sum += g->task[t].sum;
		side[0] += g->task[t].side[0];
		side[1] += g->task[t].side[1];
	}
	for (int t = 0; t < SOURCES; t++)
		if (!g->skip[t])
			count_source(g, t, &want, &want_sum);
	if (is_small(g, 1)) {
		CHECK_EQ_INT(rows, want);
		CHECK_EQ_INT(sum, want_sum);
		if (!is_small(g, 0))
			CHECK_EQ_INT(side[0], g->side_rows[0] * SIDE_TASKS * PARTITIONS);
	} else {
		/* rows + sum + sides of all tasks of the first join. */
		int stands = 0;

		for (int t = 0; t < SOURCES; t++)
			stands += !g->skip[t];
		CHECK_EQ_INT(sum, want + want_sum + g->side_rows[0] * SIDE_TASKS * PARTITIONS * (is_small(g, 0) ? stands : 1));
		CHECK_EQ_INT(side[1], g->side_rows[1] * SIDE_TASKS * PARTITIONS);
	}
}

static void check_stats(const struct stack *s, const struct graph *g)
{
	struct spk_stage_stats stats;

	for (int k = 0; k < 2; k++) {
		REQUIRE(spk_dag_stage_stats(s->dag, 2 + k, &stats));
		CHECK_EQ_INT(stats.done_by, is_small(g, k) ? 3 + k : -1);
		CHECK(stats.complete);
		REQUIRE(spk_dag_stage_stats(s->dag, 3 + k, &stats));
		CHECK(stats.decided);
		CHECK_EQ_INT(stats.left_out, is_small(g, k));
		CHECK_EQ_INT(stats.decided_bytes, 8 * g->side_rows[k] * SIDE_TASKS * PARTITIONS);
	}
	CHECK_EQ_INT(atomic_load(&g->sources) > 0, !is_small(g, 0) && !(g->skip[0] && g->skip[1] && g->skip[2] && g->skip[3]));
}

static void run(struct stack *s, struct graph *g)
{
	spk_error err = { 0 };

	memset(g->task, 0, sizeof g->task);
	atomic_store(&g->sources, 0);
	REQUIRE_OK(spk_dag_run(s->dag, &g->dag, NULL, &err), err);
	check_rows(g);
	check_stats(s, g);
}

static void all_is_read_once(void)
{
	static const char *const faults[] = { "task.start:%d", "task.finish:%d", "shuffle.write:%d", "shuffle.fetch:%d" };
	spk_test_rng rng = spk_test_rng_new(1);
	struct graph *g = calloc(1, sizeof *g);
	int seen[2][2] = { 0 };
	struct stack s;

	REQUIRE_EQ_INT(spk_log_set_levels("error", NULL), SPK_OK);
	stack_open(&s, 3, 3, NULL);
	for (int i = 0; i < (spk_test_long() ? 5000 : 300); i++) {
		char *fault;

		make_graph(g, &rng);
		run(&s, g);
		seen[is_small(g, 0)][is_small(g, 1)]++;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		fault = spk_test_format(faults[spk_test_below(&rng, 4)], 1 + (int)spk_test_below(&rng, 40));
#pragma GCC diagnostic pop
		REQUIRE_EQ_INT(spk_fault_set(fault, NULL), SPK_OK);
		free(fault);
		run(&s, g);
		REQUIRE_EQ_INT(spk_fault_set(NULL, NULL), SPK_OK);
	}
	CHECK(seen[0][0] && seen[0][1] && seen[1][0] && seen[1][1]);
	stack_close(&s);
	free(g);
}

/* A run whose tasks are given up, or that is cancelled before anything was decided, ends like any other. */
static void failing_runs_end(void)
{
	static const char *const faults[] = { "task.start:%d+", "shuffle.write:%d+", "malloc:%d+" };
	spk_test_rng rng = spk_test_rng_new(2);
	struct graph *g = calloc(1, sizeof *g);
	spk_error err = { 0 };
	struct stack s;

	stack_open(&s, 2, 1, NULL);
	make_graph(g, &rng);
	for (int k = 0; k < 3; k++)
		for (int n = 1; n < 40; n++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
			char *fault = spk_test_format(faults[k], n);
#pragma GCC diagnostic pop

			REQUIRE_EQ_INT(spk_fault_set(fault, NULL), SPK_OK);
			free(fault);
			spk_status status = spk_dag_run(s.dag, &g->dag, NULL, &err);

			REQUIRE_EQ_INT(spk_fault_set(NULL, NULL), SPK_OK);
			CHECK(status == SPK_OK || err.message[0]);
		}
	run(&s, g);
	stack_close(&s);
	free(g);
}

SPK_TEST_SUITE("scheduler/fuse",
	{ "every row is read once, sides whole, whatever fails", all_is_read_once },
	{ "runs that fail end", failing_runs_end })
