/*
 * Random trees of joins over random files: every kind of join by every strategy that a hint can ask for, with NULLs, duplicates and conditions
 * beside the keys, gives what nested loops give, whatever the number of tasks and threads, the size of batches and the layout of vectors.
 */
#include "tests/batch/joins.h"

/* Over all rounds of a test: that sharing out was tried at all. */
static int coalesced, splits, left_out, exchanged;

static struct how random_how(spk_test_rng *rng)
{
	static const int sizes[] = { 1, 2, 7, 64, 1000, 4096 };

	struct how how = { .readers = 1 + (int)spk_test_below(rng, spk_test_one_in(rng, 5) ? 64 : 5), .batch_rows = sizes[spk_test_below(rng, SPK_COUNT_OF(sizes))],
		.threads = 1 + (int)spk_test_below(rng, 4), .verify = spk_test_one_in(rng, 2) };

	random_sharing(&how, rng);
	return how;
}

static void show(const struct query *q, const struct how *how)
{
	struct spk_buffer text = { 0 };

	printf("      readers %d, batch rows %d, threads %d, verify %d, target %lld, skew %lld, factor %g, fault %s\n", how->readers, how->batch_rows, how->threads, how->verify,
	       (long long)how->target, (long long)how->skew, how->factor, how->fault ? how->fault : "none");
	if (q->plan && spk_physical_format(q->plan, NULL, NULL, &text, NULL) == SPK_OK)
		printf("%s\n", spk_buffer_cstr(&text));
	spk_buffer_release(&text);
}

static bool same_rows(const struct rows *got, const struct rows *want)
{
	bool same = got->count == want->count;

	for (int i = 0; i < got->count && i < want->count; i++) {
		if (strcmp(got->row[i], want->row[i]) == 0)
			continue;
		printf("      row %d: got  %s\n              want %s\n", i, got->row[i], want->row[i]);
		same = false;
		break;
	}
	if (got->count != want->count)
		printf("      got %d rows, want %d\n", got->count, want->count);
	return same;
}

static int64_t rows_filtered;            /* by runtime filters, of all queries of a test */

static bool check_tree(struct model *m, const struct join_tree *t, const struct how *how, const struct model_rows *want, const struct rows *text)
{
	struct query q = { 0 };
	struct rows got = { 0 };
	spk_error err = { 0 };
	spk_status status = join_plan(&q, m, t, &err);
	struct counts counts = { 0 };
	struct how counted = *how;
	bool fine;

	counted.counts = &counts;
	if (status == SPK_OK)
		status = query_execute(&q, &counted, &got, &err);
	coalesced += counts.coalesced;
	splits += counts.splits;
	left_out += counts.left_out;
	exchanged += counts.exchanged;
	rows_filtered += counts.filtered;
	/* A filter above that has gone below may have taken the rows that would have been too many. */
	if (want->too_many && status != SPK_OK) {
		fine = CHECK_FAILS(status, SPK_DATA, err) && CHECK_HOLDS(err.message, "more than one row returned by a subquery used as an expression");
	} else if (CHECK_OK(status, err)) {
		rows_sort(&got);
		fine = CHECK(same_rows(&got, text));
	} else {
		fine = false;
	}
	if (!fine)
		show(&q, how);
	rows_release(&got);
	query_close(&q);
	return fine;
}

/* Sides are of some ten to a few ten thousand bytes, whatever the planner was told. */
static void random_adaptivity(struct model *m, spk_test_rng *rng)
{
	static const int64_t most[] = { 0, 1, 300, 1000, 5000, 20000 };

	m->adaptive = !spk_test_one_in(rng, 3);
	m->broadcast_bytes = most[spk_test_below(rng, SPK_COUNT_OF(most))];
}

/* The fault's place is one of 1 .. places. */
static bool one_round(spk_test_rng *rng, int rows, const char *const *faults, int fault_count, int places, bool spills)
{
	struct model m;
	bool fine = true;

	model_init(&m, rows, rng);
	for (int n = 0; n < 6 && fine; n++) {
		int leaves = 2 + (spk_test_one_in(rng, 3) ? (int)spk_test_below(rng, JOIN_TABLES - 1) : 0);
		struct join_tree *t = join_tree_new((int)spk_test_below(rng, (uint64_t)(JOIN_TABLES - leaves + 1)), leaves, rng);
		struct model_rows want = model_evaluate(&m, t);
		struct rows text = model_text(&m, t, &want);

		for (int k = 0; k < 3 && fine && want.count < (spk_test_long() ? 200000 : 30000); k++) {
			struct how how = random_how(rng);
			char *fault = fault_count ? spk_test_format(faults[spk_test_below(rng, (uint64_t)fault_count)], 1 + (int)spk_test_below(rng, (uint64_t)places)) : NULL;

			random_adaptivity(&m, rng);
			how.fault = fault;
			how.spill = spills ? m.dir : NULL;
			/* Many small batches of all pairs fill the memory by themselves. */
			if (want.count > 20000)
				how.batch_rows = SPK_MAX(how.batch_rows, 1000);
			fine = check_tree(&m, t, &how, &want, &text);
			free(fault);
		}
		rows_release(&text);
		free(want.value);
		join_tree_free(t);
	}
	model_release(&m);
	return fine;
}

static void any_way_of_joining_gives_the_answer(void)
{
	spk_test_rng rng = spk_test_rng_new(1);

	rows_filtered = 0;
	for (int i = 0; i < (spk_test_long() ? 2000 : 60); i++)
		if (!one_round(&rng, 40, NULL, 0, 0, false))
			return;
	CHECK(coalesced > 0);
	CHECK(splits > 0);
	CHECK(left_out > 30);
	CHECK(exchanged > 10);
	/* Of a thousand joins many have a side that meets less than all. */
	CHECK(rows_filtered > 0);
}

static void large_sides_join(void)
{
	spk_test_rng rng = spk_test_rng_new(2);

	for (int i = 0; i < (spk_test_long() ? 60 : 3); i++)
		if (!one_round(&rng, 700, NULL, 0, 0, spk_test_one_in(&rng, 2)))
			return;
}

static void failing_tasks_and_lost_blocks_change_nothing(void)
{
	static const char *const faults[] = { "task.start:%d", "task.finish:%d", "shuffle.write:%d", "shuffle.fetch:%d" };
	spk_test_rng rng = spk_test_rng_new(3);

	for (int i = 0; i < (spk_test_long() ? 500 : 15); i++)
		if (!one_round(&rng, 40, faults, SPK_COUNT_OF(faults), 12, false))
			return;
}

/* Memory is said to be short at any time, once or from then on: partitions, partitions of partitions and pieces. */
static void spilled_joins_are_as_in_memory(void)
{
	static const char *const faults[] = { "spill.wanted:%d", "spill.wanted:%d+" };
	spk_test_rng rng = spk_test_rng_new(5);

	for (int i = 0; i < (spk_test_long() ? 2000 : 60); i++)
		if (!one_round(&rng, 60, faults, SPK_COUNT_OF(faults), 10, true))
			return;
	for (int i = 0; i < (spk_test_long() ? 60 : 3); i++)
		if (!one_round(&rng, 700, faults, SPK_COUNT_OF(faults), 30, true))
			return;
}

/* Every n-th failing allocation: the right answer or a clean error, and nothing leaks (which the sanitizer sees). */
static void running_out_of_memory_is_an_error(void)
{
	spk_test_rng rng = spk_test_rng_new(4);
	struct model m;

	model_init(&m, 30, &rng);
	m.adaptive = true;
	for (int i = 0; i < 8; i++) {
		struct join_tree *t = join_tree_new(0, 2, &rng);
		struct model_rows want = model_evaluate(&m, t);
		spk_error err = { 0 };
		spk_status status = SPK_NO_MEMORY;

		for (int n = 1; status != SPK_OK && !want.too_many && n < 3000; n += 1 + n / 20) {
			struct rows got = { 0 };
			char *fault = spk_test_format("malloc:%d+", n);
			struct query q = { 0 };

			REQUIRE_OK(join_plan(&q, &m, t, &err), err);
			status = query_execute(&q, &(struct how){ .readers = 2, .fault = fault }, &got, &err);
			if (status != SPK_OK)
				CHECK(err.code == SPK_NO_MEMORY || err.code == SPK_MEMORY_LIMIT);
			else
				CHECK_EQ_INT(got.count, want.count);
			rows_release(&got);
			free(fault);
			query_close(&q);
		}
		CHECK(status == SPK_OK || want.too_many);
		free(want.value);
		join_tree_free(t);
	}
	model_release(&m);
}

SPK_TEST_SUITE("joins",
	{ "any way of joining gives the answer", any_way_of_joining_gives_the_answer },
	{ "large sides join", large_sides_join },
	{ "failing tasks and lost blocks change nothing", failing_tasks_and_lost_blocks_change_nothing },
	{ "spilled joins are as in memory", spilled_joins_are_as_in_memory },
	{ "running out of memory is an error", running_out_of_memory_is_an_error })
