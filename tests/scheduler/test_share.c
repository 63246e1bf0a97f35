/*
 * How partitions are shared out: whatever their sizes, every row is read once, in its order, and what belongs to a split partition is read by all of its
 * tasks; by the same tasks whatever fails meanwhile.
 */
#include <stdatomic.h>

#include "core/base/fault.h"
#include "core/base/log.h"
#include "tests/scheduler/support.h"

enum { PRODUCERS = 5, PARTITIONS = 6, TASKS = 2 * PARTITIONS, ROWS = 1500, SIDES = 2 };

/* Two stages write, a third reads both: side 0 may be split. A number is side, producer, partition and its place among those. */
struct graph {
	struct spk_dag dag;
	struct spk_stage stage[3];
	struct spk_sharing sharing;
	int rows[SIDES][PRODUCERS][PARTITIONS];
	struct { _Atomic int runs; int count[SIDES]; int64_t got[SIDES][PRODUCERS * PARTITIONS]; int batches[SIDES]; } task[TASKS];  /* the first number of every batch */
	int64_t read[SIDES][TASKS][PRODUCERS][PARTITIONS];     /* rows, by who read them */
};

static int64_t number_of(int side, int producer, int partition) { return ((int64_t)side * 1000 + producer * 100 + partition) * 100000; }

static spk_status produce(struct spk_task *task, spk_error *err)
{
	struct graph *g = spk_task_user(task);
	int side = spk_task_stage(task), producer = spk_task_partition(task);

	for (int p = 0; p < PARTITIONS; p++)
		if (g->rows[side][producer][p])
			SPK_TRY(write_numbers(task, p, number_of(side, producer, p), g->rows[side][producer][p], err));
	return SPK_OK;
}

static spk_status consume(struct spk_task *task, spk_error *err)
{
	struct graph *g = spk_task_user(task);
	int t = spk_task_partition(task);

	atomic_fetch_add(&g->task[t].runs, 1);
	memset(g->task[t].batches, 0, sizeof g->task[t].batches);
	memset(g->task[t].count, 0, sizeof g->task[t].count);
	for (int side = 0; side < SIDES; side++)
		for (struct spk_batch *b;;) {
			SPK_TRY(spk_task_fetch(task, side, &b, err));
			if (!b)
				break;
			g->task[t].got[side][g->task[t].batches[side]++] = spk_vector_i64(&b->column[0])[0];
			g->task[t].count[side] += b->selected;
		}
	return SPK_OK;
}

static void make_graph(struct graph *g, spk_test_rng *rng)
{
	static const int inputs[SIDES] = { 0, 1 };
	int hot = (int)spk_test_below(rng, PARTITIONS);

	memset(g, 0, sizeof *g);
	for (int s = 0; s < SIDES; s++) {
		g->stage[s] = (struct spk_stage){ .name = "write", .tasks = PRODUCERS, .output_partitions = TASKS, .run = produce, .repeatable = true, .user = g };
		for (int p = 0; p < PRODUCERS; p++)
			for (int i = 0; i < PARTITIONS; i++)
				g->rows[s][p][i] = spk_test_one_in(rng, 4) ? 0 : 1 + (int)spk_test_below(rng, i == hot && s == 0 ? ROWS : 60);
	}
	g->sharing = (struct spk_sharing){ .partitions = PARTITIONS, .tasks = (int)spk_test_between(rng, PARTITIONS, TASKS), .coalesces = !spk_test_one_in(rng, 4), .splits = spk_test_one_in(rng, 4) ? -1 : 0 };
	g->stage[2] = (struct spk_stage){ .name = "read", .tasks = TASKS, .inputs = 2, .input = inputs, .run = consume, .repeatable = true, .user = g, .sharings = 1, .sharing = &g->sharing };
	g->dag = (struct spk_dag){ .name = "share", .stages = 3, .stage = g->stage };
	g->dag.share.target_bytes = spk_test_one_in(rng, 4) ? 0 : (int64_t)spk_test_below(rng, 4000);
	g->dag.share.skew_bytes = spk_test_one_in(rng, 4) ? 0 : 1 + (int64_t)spk_test_below(rng, 3000);
	g->dag.share.skew_factor = 1 + 3 * spk_test_unit(rng);
}

/* Who read what, and that each read in order. */
static void take_apart(struct graph *g)
{
	memset(g->read, 0, sizeof g->read);
	for (int t = 0; t < TASKS; t++)
		for (int s = 0; s < SIDES && g->task[t].runs; s++)
			for (int i = 0, last = -1; i < g->task[t].batches[s]; i++) {
				int64_t n = g->task[t].got[s][i] / 100000;
				int producer = (int)(n / 100 % 10), partition = (int)(n % 100);

				CHECK_EQ_INT(n / 1000, s);
				CHECK(partition * PRODUCERS + producer > last);
				last = partition * PRODUCERS + producer;
				g->read[s][t][producer][partition] += g->rows[s][producer][partition];
			}
}

/* Of the sides' rows of a partition that is there: side 0 once in all, side 1 once by every task that has some of the partition. */
static void check_shares(struct graph *g)
{
	for (int i = 0; i < PARTITIONS; i++) {
		int readers = 0;

		for (int p = 0; p < PRODUCERS; p++) {
			int by = 0;

			for (int t = 0; t < TASKS; t++)
				by += g->read[0][t][p][i] > 0;
			CHECK_EQ_INT(by, g->rows[0][p][i] > 0);
		}
		for (int t = 0; t < TASKS; t++) {
			int64_t mine = 0, other = 0, all = 0;

			for (int p = 0; p < PRODUCERS; p++) {
				mine += g->read[0][t][p][i];
				other += g->read[1][t][p][i];
				all += g->rows[1][p][i];
			}
			CHECK(other == all || other == 0);
			CHECK(!mine || other == all);
			readers += other > 0;
		}
		CHECK(readers >= 1 || g->rows[1][0][i] + g->rows[1][1][i] + g->rows[1][2][i] + g->rows[1][3][i] + g->rows[1][4][i] == 0);
		CHECK(readers <= 1 || (g->sharing.splits == 0 && g->dag.share.skew_bytes));
	}
}

static void run(struct stack *s, struct graph *g, struct spk_stage_stats *stats)
{
	spk_error err = { 0 };

	for (int t = 0; t < TASKS; t++)
		atomic_store(&g->task[t].runs, 0);
	REQUIRE_OK(spk_dag_run(s->dag, &g->dag, NULL, &err), err);
	REQUIRE(spk_dag_stage_stats(s->dag, 2, stats));
	take_apart(g);
	check_shares(g);
}

static void rows_are_read_once(void)
{
	static const char *const faults[] = { "task.start:%d", "task.finish:%d", "shuffle.write:%d", "shuffle.fetch:%d" };
	spk_test_rng rng = spk_test_rng_new(1);
	struct graph *g = calloc(1, sizeof *g);
	int coalesced = 0, splits = 0;
	struct stack s;

	REQUIRE_EQ_INT(spk_log_set_levels("error", NULL), SPK_OK);
	stack_open(&s, 3, 3, NULL);
	for (int i = 0; i < (spk_test_long() ? 3000 : 150); i++) {
		struct spk_stage_stats calm, stats;
		int64_t want[sizeof g->read / sizeof(int64_t)];
		char *fault;

		make_graph(g, &rng);
		run(&s, g, &calm);
		memcpy(want, g->read, sizeof want);
		coalesced += calm.coalesced > 0;
		splits += calm.splits > 0;
		/* The same again, with something failing: the same shares. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		fault = spk_test_format(faults[spk_test_below(&rng, 4)], 1 + (int)spk_test_below(&rng, 40));
#pragma GCC diagnostic pop
		REQUIRE_EQ_INT(spk_fault_set(fault, NULL), SPK_OK);
		free(fault);
		run(&s, g, &stats);
		REQUIRE_EQ_INT(spk_fault_set(NULL, NULL), SPK_OK);
		CHECK_EQ_MEM(g->read, want, sizeof want);
		CHECK_EQ_INT(stats.tasks, calm.tasks);
		CHECK_EQ_INT(stats.splits, calm.splits);
	}
	CHECK(coalesced > 0 && splits > 0);
	stack_close(&s);
	free(g);
}

static void set_rows(struct graph *g, int side, int partition, int rows)
{
	for (int p = 0; p < PRODUCERS; p++)
		g->rows[side][p][partition] = rows;
}

/* Sizes that are easy to follow: 8 bytes a row. */
static void decides_by_sizes(void)
{
	spk_test_rng rng = spk_test_rng_new(2);
	struct graph *g = calloc(1, sizeof *g);
	struct spk_stage_stats stats;
	struct stack s;

	stack_open(&s, 2, 0, NULL);
	make_graph(g, &rng);
	g->sharing = (struct spk_sharing){ .partitions = PARTITIONS, .tasks = TASKS, .coalesces = true, .splits = 0 };
	for (int i = 0; i < PARTITIONS; i++) {
		set_rows(g, 0, i, 10);
		set_rows(g, 1, i, 2);
	}
	/* 480 bytes a partition: all of them in one task, two in each, none with another. */
	g->dag.share.skew_bytes = 0;
	g->dag.share.target_bytes = 6 * 480;
	run(&s, g, &stats);
	CHECK_EQ_INT(stats.tasks, 1);
	CHECK_EQ_INT(stats.coalesced, 6);
	CHECK_EQ_INT(stats.coalesced_to, 1);
	g->dag.share.target_bytes = 1000;
	run(&s, g, &stats);
	CHECK_EQ_INT(stats.tasks, 3);
	g->dag.share.target_bytes = 900;
	run(&s, g, &stats);
	CHECK_EQ_INT(stats.tasks, 6);
	CHECK_EQ_INT(stats.coalesced, 0);
	/* Partition 2 has ten times the rows: 4,000 bytes of its own kind where others have 400; five producers bound the parts. */
	set_rows(g, 0, 2, 100);
	g->dag.share.skew_bytes = 1000;
	g->dag.share.skew_factor = 4;
	run(&s, g, &stats);
	CHECK_EQ_INT(stats.splits, 1);
	CHECK_EQ_INT(stats.split_partition, 2);
	CHECK_EQ_INT(stats.split_tasks, 4);
	CHECK_EQ_INT(stats.tasks, 5 + 4);
	g->dag.share.skew_bytes = 4000;   /* not more than that */
	run(&s, g, &stats);
	CHECK_EQ_INT(stats.splits, 0);
	g->dag.share.skew_bytes = 100;
	g->dag.share.skew_factor = 10;    /* nor more than so many medians */
	run(&s, g, &stats);
	CHECK_EQ_INT(stats.splits, 0);
	stack_close(&s);
	free(g);
}

SPK_TEST_SUITE("scheduler/share",
	{ "every row is read once, by the same task whatever fails", rows_are_read_once },
	{ "sizes decide", decides_by_sizes })
