/*
 * Partitions that are split within what one producer wrote: every row is read once, whatever size the parts have, and although a producer that runs again
 * hands on the same rows in batches of other sizes.
 */
#include "core/base/fault.h"
#include "core/base/log.h"
#include "tests/scheduler/support.h"

enum { PRODUCERS = 3, PARTITIONS = 4, SPARE = 8, TASKS = PARTITIONS + SPARE, ROWS = 3000, SIDE_ROWS = 5 };

struct graph {
	struct spk_dag dag;
	struct spk_stage stage[3];
	struct spk_sharing sharing;
	int rows[PRODUCERS][PARTITIONS];
	uint64_t seed;
	struct { int rows, side; uint8_t got[PRODUCERS][PARTITIONS][ROWS]; bool ordered; } task[TASKS];
};

static int64_t number_of(int producer, int partition, int row) { return ((int64_t)producer * PARTITIONS + partition) * ROWS + row; }

static spk_status produce(struct spk_task *task, spk_error *err)
{
	struct graph *g = spk_task_user(task);
	int producer = spk_task_partition(task);
	spk_test_rng rng = { g->seed + (uint64_t)spk_task_attempt(task) * 977 + (uint64_t)producer };

	for (int p = 0; p < PARTITIONS; p++)
		for (int done = 0, n; done < g->rows[producer][p]; done += n) {
			n = 1 + (int)spk_test_below(&rng, 700);
			n = SPK_MIN(n, g->rows[producer][p] - done);
			SPK_TRY(write_numbers(task, p, number_of(producer, p, done), n, err));
		}
	return SPK_OK;
}

static spk_status produce_side(struct spk_task *task, spk_error *err)
{
	for (int p = 0; p < PARTITIONS; p++)
		SPK_TRY(write_numbers(task, p, 0, SIDE_ROWS, err));
	return SPK_OK;
}

static spk_status consume(struct spk_task *task, spk_error *err)
{
	struct graph *g = spk_task_user(task);
	int t = spk_task_partition(task);
	int64_t last = -1;

	memset(&g->task[t], 0, sizeof g->task[t]);
	g->task[t].ordered = true;
	for (int input = 0; input < 2; input++)
		for (struct spk_batch *b;;) {
			SPK_TRY(spk_task_fetch(task, input, &b, err));
			if (!b)
				break;
			g->task[t].side += input ? b->selected : 0;
			SPK_EACH_ROW(b, i, row) {
				int64_t n = spk_vector_i64(&b->column[0])[row];

				if (input)
					continue;
				g->task[t].rows++;
				g->task[t].ordered = g->task[t].ordered && (n > last || n / ROWS / PARTITIONS != last / ROWS / PARTITIONS || n / ROWS != last / ROWS);
				g->task[t].got[n / ROWS / PARTITIONS][n / ROWS % PARTITIONS][n % ROWS]++;
				last = n;
			}
		}
	return SPK_OK;
}

static void make_graph(struct graph *g, spk_test_rng *rng)
{
	static const int inputs[] = { 0, 1 };
	int hot = (int)spk_test_below(rng, PARTITIONS), alone = (int)spk_test_below(rng, PRODUCERS);

	memset(g, 0, sizeof *g);
	g->seed = spk_test_next(rng);
	for (int p = 0; p < PRODUCERS; p++)
		for (int i = 0; i < PARTITIONS; i++)
			g->rows[p][i] = i != hot ? (int)spk_test_below(rng, 50) : p == alone || spk_test_one_in(rng, 3) ? (int)spk_test_below(rng, ROWS) : 0;
	g->stage[0] = (struct spk_stage){ .name = "rows", .tasks = PRODUCERS, .output_partitions = TASKS, .run = produce, .repeatable = true, .user = g };
	g->stage[1] = (struct spk_stage){ .name = "side", .tasks = 1, .output_partitions = TASKS, .run = produce_side, .repeatable = true, .user = g };
	g->sharing = (struct spk_sharing){ .partitions = PARTITIONS, .tasks = TASKS, .coalesces = spk_test_one_in(rng, 2), .splits = 0, .cuts = true };
	g->stage[2] = (struct spk_stage){ .name = "read", .tasks = TASKS, .inputs = 2, .input = inputs, .run = consume, .repeatable = true, .user = g, .sharings = 1, .sharing = &g->sharing };
	g->dag = (struct spk_dag){ .name = "cut", .stages = 3, .stage = g->stage };
	g->dag.share.target_bytes = (int64_t)spk_test_below(rng, 1000);
	g->dag.share.skew_bytes = 1 + (int64_t)spk_test_below(rng, 6000);
	g->dag.share.skew_factor = 2;
}

/* Returns the most rows that one task read. */
static int check(const struct graph *g)
{
	int most = 0;

	for (int t = 0; t < TASKS; t++) {
		CHECK(!g->task[t].rows || (g->task[t].ordered && g->task[t].side >= SIDE_ROWS));
		most = SPK_MAX(most, g->task[t].rows);
	}
	for (int p = 0; p < PRODUCERS; p++)
		for (int i = 0; i < PARTITIONS; i++)
			for (int r = 0; r < ROWS; r++) {
				int times = 0;

				for (int t = 0; t < TASKS; t++)
					times += g->task[t].got[p][i][r];
				if (times != (r < g->rows[p][i])) {
CHECK_EQ_INT(times, r < g->rows[p][i]);
					return most;
				}
			}
	return most;
}

static void run(struct stack *s, struct graph *g, struct spk_stage_stats *stats)
{
	spk_error err = { 0 };

	for (int t = 0; t < TASKS; t++)
		memset(&g->task[t], 0, sizeof g->task[t]);
	REQUIRE_OK(spk_dag_run(s->dag, &g->dag, NULL, &err), err);
	REQUIRE(spk_dag_stage_stats(s->dag, 2, stats));
}

static void rows_are_read_once(void)
{
	static const char *const faults[] = { "task.start:%d", "task.finish:%d", "shuffle.write:%d", "shuffle.fetch:%d", "shuffle.fetch:%d" };
	spk_test_rng rng = spk_test_rng_new(1);
	struct graph *g = calloc(1, sizeof *g);
	struct stack s;
	int splits = 0;

	REQUIRE_EQ_INT(spk_log_set_levels("error", NULL), SPK_OK);
	stack_open(&s, 3, 3, NULL);
	for (int i = 0; i < (spk_test_long() ? 2000 : 100); i++) {
		struct spk_stage_stats calm, stats;
		char *fault;

		make_graph(g, &rng);
		run(&s, g, &calm);
		check(g);
		splits += calm.splits > 0;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		fault = spk_test_format(faults[spk_test_below(&rng, SPK_COUNT_OF(faults))], 1 + (int)spk_test_below(&rng, 40));
#pragma GCC diagnostic pop
		REQUIRE_EQ_INT(spk_fault_set(fault, NULL), SPK_OK);
		free(fault);
		run(&s, g, &stats);
		REQUIRE_EQ_INT(spk_fault_set(NULL, NULL), SPK_OK);
		check(g);
		CHECK_EQ_INT(stats.split_tasks, calm.split_tasks);
	}
	CHECK(splits > 20);
	stack_close(&s);
	free(g);
}

/* What one producer wrote alone goes to several tasks, each of which has about as much. */
static void one_producer_is_cut(void)
{
	spk_test_rng rng = spk_test_rng_new(2);
	struct graph *g = calloc(1, sizeof *g);
	struct spk_stage_stats stats;
	struct stack s;

	stack_open(&s, 2, 0, NULL);
	make_graph(g, &rng);
	memset(g->rows, 0, sizeof g->rows);
	for (int i = 0; i < PARTITIONS; i++)
		g->rows[1][i] = i == 2 ? 2400 : 20;
	g->dag.share.skew_bytes = 4000;   /* of 19,200: five parts */
	run(&s, g, &stats);
	CHECK_EQ_INT(stats.split_partition, 2);
	CHECK_EQ_INT(stats.split_tasks, 5);
	CHECK_EQ_INT(check(g), 480);
	g->sharing.cuts = false;
	run(&s, g, &stats);
	CHECK_EQ_INT(stats.splits, 0);
	CHECK_EQ_INT(check(g), 2400);
	stack_close(&s);
	free(g);
}

SPK_TEST_SUITE("scheduler/cut",
	{ "every row is read once, however it comes again", rows_are_read_once },
	{ "what one producer wrote alone is cut", one_producer_is_cut })
