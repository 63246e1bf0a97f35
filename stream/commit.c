/*
 * The commit of one epoch while the next is read and computed: a thread of its own waits for the broker (or the disk).
 *
 * At most one commit is under way. Its epoch's outputs and record lie here until it is known to be committed; the next epoch may be computed
 * meanwhile, on state that the log does not know yet, but nothing of it is written before. Should the commit fail for good, the attempt ends, and
 * with it all that was computed on top. What became of a commit is only looked at on the loop thread: there it is settled, booked and reported.
 */
#include <poll.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/wake.h"
#include "stream/internal.h"

spk_status spk_commit_open(struct spk_job *job, spk_error *err)
{
	struct spk_commit *c = &job->commit;

	c->fd = spk_wake_new();
	SPK_TRY_PTR(c->fd >= 0, err);
	c->ended = event_new(job->base, c->fd, EV_READ | EV_PERSIST, spk_job_woken, NULL);
	SPK_TRY_PTR(c->ended, err);
	event_add(c->ended, NULL);
	return spk_local_executor_new(&c->thread, 1, err);
}

void spk_commit_close(struct spk_job *job)
{
	struct spk_commit *c = &job->commit;

	if (c->thread)
		c->thread->type->close(c->thread);
	if (c->ended)
		event_free(c->ended);
	if (c->fd >= 0)
		close(c->fd);
}

void spk_computed_release(struct spk_computed *epoch)
{
	spk_exec_output_release(&epoch->output);
	spk_buffer_release(&epoch->encoded);
	spk_arena_unref(epoch->arena);
	*epoch = (struct spk_computed){ 0 };
}

/* On the commit's thread, which has the outputs (sinks, producer, log) to itself until it has written to the descriptor. */
static void run(void *user)
{
	struct spk_job *job = user;
	struct spk_commit *c = &job->commit;

	c->status = spk_outputs_write(job, &c->epoch, &c->error);
	spk_wake(c->fd);
}

spk_status spk_commit_start(struct spk_job *job, struct spk_computed *epoch, spk_error *err)
{
	struct spk_commit *c = &job->commit;
	spk_status status;

	SPK_ASSERT(!c->epoch.record, "one commit at a time");
	c->epoch = *epoch;
	c->error = (spk_error){ 0 };
	status = c->thread->type->launch(c->thread, (struct spk_work){ run, job }, err);
	if (status != SPK_OK)
		c->epoch = (struct spk_computed){ 0 };
	else
		*epoch = (struct spk_computed){ 0 };
	return status;
}

/* --- its end, on the loop thread --- */

static void count_progress(struct spk_job *job, const struct spk_epoch_record *r, int64_t rows_in, int64_t rows_out)
{
	int64_t least = INT64_MAX;

	for (int i = 0; i < r->sources; i++)
		least = SPK_MIN(least, r->source[i].watermark);
	job->progress.rows_in += rows_in;
	job->progress.rows_out += rows_out;
	job->progress.epoch = r->epoch;
	job->progress.late += r->late_rows;
	job->progress.bad += r->bad_rows;
	job->progress.watermark_us = r->sources ? least : INT64_MIN;
	job->progress.batch_time_us = r->time_us;
}

static void log_epoch(struct spk_job *job, const struct spk_epoch_record *r, int64_t rows_in, int64_t rows_out)
{
	int64_t wall = spk_clock_monotonic_us() - job->commit.epoch.started_us;

	spk_metric_add(job->metric.epochs, 1);
	spk_metric_add(job->metric.rows_in, rows_in);
	spk_metric_add(job->metric.rows_out, rows_out);
	spk_metric_add(job->metric.late, r->late_rows);
	spk_metric_add(job->metric.bad, r->bad_rows);
	spk_metric_observe(job->metric.duration, wall);
	spk_event_log_write(job->events, SPK_EVENT_EPOCH_END, (struct spk_event_field[]){ { "epoch", NULL, r->epoch }, { "rows_in", NULL, rows_in },
		{ "rows_out", NULL, rows_out }, { "late", NULL, r->late_rows }, { "bad", NULL, r->bad_rows }, { "cpu_us", NULL, job->commit.epoch.cpu_us },
		{ "wall_us", NULL, wall }, { 0 } });
	spk_event_log_flush(job->events);
}

static void book(struct spk_job *job)
{
	const struct spk_epoch_record *r = job->commit.epoch.record;
	int64_t rows_in = 0, rows_out = 0;

	for (int i = 0; i < r->sources; i++)
		for (int p = 0; p < r->source[i].partitions; p++)
			rows_in += r->source[i].partition[p].rows;
	for (int i = 0; i < r->sinks; i++)
		rows_out += r->sink[i].rows;
	job->announced = r->checkpoint;
	job->attempts = 0;
	count_progress(job, r, rows_in, rows_out);
	log_epoch(job, r, rows_in, rows_out);
}

/* What became of the commit that has ended; `settle`: finds out and writes again, if need be. */
static spk_status look(struct spk_job *job, bool settle, spk_error *err)
{
	struct spk_commit *c = &job->commit;
	spk_status status;

	spk_wake_clear(c->fd);  /* before anything that the thread wrote is looked at */
	status = c->status;
	if (status != SPK_OK && settle)
		status = spk_outputs_settle(job, &c->epoch, status, &c->error);
	if (status == SPK_OK) {
		book(job);
	} else {
		spk_event_log_write(job->events, SPK_EVENT_EPOCH_FAILED, (struct spk_event_field[]){ { "epoch", NULL, c->epoch.record->epoch }, { "error", c->error.message, 0 }, { 0 } });
		if (err)
			*err = c->error;
	}
	spk_computed_release(&c->epoch);
	return status;
}

/* False: it has not ended within that time; -1 waits as long as it takes. */
static bool has_ended(const struct spk_commit *c, int wait_ms)
{
	struct pollfd end = { .fd = c->fd, .events = POLLIN };
	int n;

	do
		n = poll(&end, 1, wait_ms);
	while (n < 0);
	return n > 0;
}

spk_status spk_commit_poll(struct spk_job *job, spk_error *err)
{
	struct spk_commit *c = &job->commit;

	return c->epoch.record && has_ended(c, 0) ? look(job, true, err) : SPK_OK;
}

spk_status spk_commit_wait(struct spk_job *job, spk_error *err)
{
	if (!job->commit.epoch.record)
		return SPK_OK;
	has_ended(&job->commit, -1);
	return look(job, true, err);
}

void spk_commit_abandon(struct spk_job *job)
{
	if (!job->commit.epoch.record)
		return;
	has_ended(&job->commit, -1);
	look(job, false, NULL);
}
