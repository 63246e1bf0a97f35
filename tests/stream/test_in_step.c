/* Reading in step over sources that bring what the tests let them have: nobody waits for what is not there, and what nobody asked for is not idle. */
#include "core/base/clock.h"
#include "stream/internal.h"
#include "tests/support/test.h"

enum { PARTITIONS = 3, MAX_ROWS = 90, BYTES = 100, SECOND = 1000000 };

/* Of each partition: rows that there are, those of them that have come, microseconds of event time from one to the next, and the latest time of any. */
struct fake { struct spk_source base; int64_t there[PARTITIONS], come[PARTITIONS], step_us[PARTITIONS], latest[PARTITIONS], position[PARTITIONS]; };

static struct fake *fake_of(const struct spk_source *s) { return (struct fake *)(uintptr_t)s; }

static spk_status fetch(struct spk_source *s, int partition, int64_t end, int max_rows, size_t max_bytes, int64_t wait_us, struct spk_chunk *chunk, spk_error *err)
{
	struct fake *f = fake_of(s);
	int64_t *at = &f->position[partition];
	const int64_t rows = SPK_MIN(SPK_MIN(f->come[partition], end) - *at, SPK_MIN(max_rows, (int64_t)max_bytes / BYTES + 1));

	(void)wait_us, (void)err;
	*chunk = (struct spk_chunk){ .partition = partition, .start = *at, .end = *at + rows, .rows = (int)rows, .bytes = (size_t)rows * BYTES };
	*at += rows;
	return SPK_OK;
}

static int64_t lag(const struct spk_source *s, int partition) { return fake_of(s)->there[partition] - fake_of(s)->position[partition]; }

static const struct spk_source_type fake_type = { .name = "fake", .fetch = fetch, .lag = lag };

struct reader { struct fake source; struct spk_input input; struct spk_input_partition partition[PARTITIONS]; struct spk_job job; };

static void init(struct reader *r)
{
	*r = (struct reader){ 0 };
	r->source.base = (struct spk_source){ .type = &fake_type, .partitions = PARTITIONS };
	r->input = (struct spk_input){ .source = &r->source.base, .partitions = PARTITIONS, .partition = r->partition, .watermark = SPK_WATERMARK_NONE, .alignment.idle_timeout_us = 60LL * SECOND };
	for (int p = 0; p < PARTITIONS; p++) {
		r->partition[p] = (struct spk_input_partition){ .bound = INT64_MAX, .watermark = SPK_WATERMARK_NONE };
		r->source.step_us[p] = SECOND;
	}
	r->job.in = (struct spk_inputs){ .count = 1, .input = &r->input, .max_rows = MAX_ROWS, .max_bytes = INT64_MAX };
}

static void have(struct reader *r, int partition, int64_t there, int64_t come)
{
	r->source.there[partition] = there;
	r->source.come[partition] = come;
}

/* What an epoch would do with what is pending. */
static void move_on(struct reader *r)
{
	for (int i = 0; i < PARTITIONS; i++) {
		struct spk_input_partition *p = &r->partition[i];
		struct spk_epoch_partition was = { .watermark = p->position ? SPK_MAX(p->position * r->source.step_us[i], r->source.latest[i]) : SPK_WATERMARK_NONE };

		spk_input_partition_pace(p, &was);
		p->watermark = was.watermark;
		p->pace_rows = was.pace_rows;
		p->pace_us = was.pace_us;
	}
	spk_inputs_drop_pending(&r->job);
}

static void epochs(struct reader *r, int n)
{
	spk_error err;

	for (int i = 0; i < n; i++) {
		REQUIRE_OK(spk_inputs_fetch(&r->job, &err), err);
		move_on(r);
	}
}

static void release(struct reader *r)
{
	spk_inputs_drop_pending(&r->job);
	for (int p = 0; p < PARTITIONS; p++)
		free(r->partition[p].chunk);
}

/* One partition ends early: whatever the others have in store, it has no more. */
static void ends_early(void)
{
	struct reader r;

	init(&r);
	have(&r, 0, 50, 50);
	have(&r, 1, 3000, 3000);
	have(&r, 2, 3000, 3000);
	epochs(&r, 100);
	CHECK_EQ_INT(r.partition[0].position, 50);
	CHECK_EQ_INT(r.partition[1].position, 3000);
	CHECK_EQ_INT(r.partition[2].position, 3000);
	release(&r);
}

/* One has rows that do not come: the others wait, and do not become idle by that. Once it is idle nobody waits for it. */
static void waits_for_rows(void)
{
	const int64_t ahead = 50 + 2 * MAX_ROWS;
	struct reader r;
	spk_error err;

	init(&r);
	have(&r, 0, 3000, 50);
	have(&r, 1, 3000, 3000);
	have(&r, 2, 3000, 3000);
	epochs(&r, 100);
	CHECK(r.partition[1].position <= ahead && r.partition[2].position <= ahead);
	for (int p = 0; p < PARTITIONS; p++)
		r.partition[p].last_rows_us = 0;
	REQUIRE_OK(spk_inputs_fetch(&r.job, &err), err);
	CHECK(r.input.held);
	spk_inputs_judge(&r.job, spk_clock_monotonic_us());
	CHECK(r.partition[0].idle && !r.partition[1].idle && !r.partition[2].idle);
	epochs(&r, 100);
	CHECK_EQ_INT(r.partition[1].position + r.partition[2].position, 6000);
	release(&r);
}

/* A row of one is of another year. Those behind it are not: they do not wait for the others to get there. */
static void wrong_time(void)
{
	struct reader r;

	init(&r);
	for (int p = 0; p < PARTITIONS; p++)
		have(&r, p, 100000, 100000);
	epochs(&r, 10);
	r.source.latest[1] = 400LL * 86400 * SECOND;
	epochs(&r, 100);
	CHECK(r.partition[1].position >= 3000 && r.partition[0].position >= 3000 && r.partition[2].position >= 3000);
	CHECK_EQ_INT(r.partition[1].pace_rows, 0);
	release(&r);
}

/* Rows are so large that an epoch is full of bytes before any partition has its share of rows. */
static void large_rows(void)
{
	struct reader r;

	init(&r);
	r.job.in.max_bytes = MAX_ROWS / 10 * BYTES;
	for (int p = 0; p < PARTITIONS; p++)
		have(&r, p, 100000, 100000);
	epochs(&r, 100);
	for (int p = 0; p < PARTITIONS; p++)
		CHECK(r.partition[p].position >= 200);
	release(&r);
}

/* Rows of one are a hundred times as far apart: as far as the others come, it comes. */
static void comes_as_far(void)
{
	struct reader r;

	init(&r);
	for (int p = 0; p < PARTITIONS; p++)
		have(&r, p, 100000, 100000);
	r.source.step_us[2] = 100LL * SECOND;
	epochs(&r, 200);
	CHECK(r.partition[2].position * 100 - r.partition[0].position < 100 * MAX_ROWS);
	CHECK(r.partition[0].position > 3000 && r.partition[1].position > 3000);
	release(&r);
}

SPK_TEST_SUITE("reading in step", { "nobody waits for a partition that has no more", ends_early }, { "rows that come later are waited for, until they are idle", waits_for_rows }, { "large rows", large_rows }, { "a time that is wrong", wrong_time }, { "sparse rows", comes_as_far })
