/* A job's life: made, opened, recovered, looped, closed; tried again from its last commit when something transient breaks it. */
#include "stream/job.h"

#include <ctype.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/wake.h"
#include "stream/internal.h"

enum { NAME_MAX_BYTES = 200, WAKE_US = 100000, REPORT_US = 1000000, PROGRESS_US = 100000, RECOVERIES_MAX = 5 };

spk_status spk_job_check_name(const char *name, spk_error *err)
{
	size_t n = strlen(name);
	bool good = n > 0 && n <= NAME_MAX_BYTES && name[0] != '.';

	for (size_t i = 0; i < n; i++)
		good = good && (isalnum((unsigned char)name[i]) || strchr("._-", name[i]));
	if (good)
		return SPK_OK;
	spk_fail(err, SPK_USAGE, "\"%s\" cannot be a job's name", name);
	return spk_hint(err, "Use letters, digits, '.', '_' and '-', not beginning with '.': it becomes part of a topic's name and of a path.");
}

bool spk_job_stateful(const struct spk_job *job)
{
	for (int i = 0; i < job->spec.plan->stages; i++)
		if (job->spec.plan->stage[i].stateful)
			return true;
	return false;
}

bool spk_job_stopping(const struct spk_job *job) { return atomic_load(&job->stops) > 0; }

void spk_job_stop(struct spk_job *job)
{
	atomic_fetch_add(&job->stops, 1);
	spk_wake(job->stop_fd);
}

void spk_job_report(struct spk_job *job, const char *phase, const char *trouble)
{
	int64_t now = spk_clock_monotonic_us();
	bool changed = phase != job->progress.phase || trouble;

	job->progress.phase = phase;
	job->progress.trouble = trouble;
	if (!job->spec.progress || (!changed && now - job->last_progress_us < PROGRESS_US))
		return;
	job->last_progress_us = now;
	job->progress.elapsed_us = now - job->started_us;
	job->progress.lag = job->in.count && job->in.input[0].source ? spk_inputs_lag(job) : -1;
	job->spec.progress(job->spec.user, &job->progress);
}

/* --- new and free --- */

static void on_stop(evutil_socket_t fd, short what, void *user)
{
	(void)what;
	(void)user;
	spk_wake_clear(fd);
}

void spk_job_woken(evutil_socket_t fd, short what, void *user)
{
	(void)fd;
	(void)what;
	(void)user;
}

static spk_status start_threads(struct spk_job *job, spk_error *err)
{
	struct spk_dag_options options = { .task_retry = spk_retry_default(SPK_RETRY_TASK) };

	SPK_TRY(spk_local_executor_new(&job->backend, (int)spk_conf_int(job->spec.conf, SPK_CONF_POOL_SIZE), err));
	SPK_TRY(spk_fifo_scheduler_new(&job->tasks, job->backend, err));
	SPK_TRY(spk_local_shuffle_new(&job->shuffle, NULL, err));
	options.tasks = job->tasks;
	options.shuffle = job->shuffle;
	options.task_retry.retries = (int)spk_conf_int(job->spec.conf, SPK_CONF_RETRY_MAX);
	options.task_retry.first_us = spk_conf_int(job->spec.conf, SPK_CONF_RETRY_BACKOFF);
	options.task_retry.seed = (uint64_t)spk_conf_int(job->spec.conf, SPK_CONF_SEED);
	return spk_dag_scheduler_new(&job->dag, &options, err);
}

static void find_metrics(struct spk_job *job)
{
	job->metric.epochs = spk_metric(SPK_COUNTER, "epochs_total", NULL);
	job->metric.rows_in = spk_metric(SPK_COUNTER, "rows_in_total", NULL);
	job->metric.rows_out = spk_metric(SPK_COUNTER, "rows_out_total", NULL);
	job->metric.late = spk_metric(SPK_COUNTER, "rows_late_total", NULL);
	job->metric.bad = spk_metric(SPK_COUNTER, "rows_bad_total", NULL);
	job->metric.duration = spk_metric(SPK_HISTOGRAM, "epoch_duration_us", NULL);
	job->metric.checkpoints = spk_metric(SPK_HISTOGRAM, "checkpoint_duration_us", NULL);
	job->metric.checkpoint_failures = spk_metric(SPK_COUNTER, "checkpoint_failures_total", NULL);
}

static spk_status build(struct spk_job *job, spk_error *err)
{
	find_metrics(job);
	SPK_TRY(spk_job_check_name(job->spec.name, err));
	SPK_TRY(spk_job_claim_folder(job->spec.dir, job->spec.name, err));
	job->base = event_base_new();
	job->stop_fd = spk_wake_new();
	SPK_TRY_PTR(job->base && job->stop_fd >= 0, err);
	job->stop_event = event_new(job->base, job->stop_fd, EV_READ | EV_PERSIST, on_stop, job);
	job->timer = event_new(job->base, -1, 0, spk_job_woken, job);
	SPK_TRY_PTR(job->stop_event && job->timer, err);
	event_add(job->stop_event, NULL);
	SPK_TRY(spk_commit_open(job, err));
	return start_threads(job, err);
}

spk_status spk_job_new(struct spk_job **out, const struct spk_job_spec *spec, spk_error *err)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_job *job = calloc(1, sizeof *job);
	spk_status status;

	if (!arena || !job) {
		spk_arena_unref(arena);
		free(job);
		return spk_fail_memory(err);
	}
	job->arena = arena;
	job->spec = *spec;
	job->stop_fd = job->state_lock = job->commit.fd = -1;
	job->progress = (struct spk_job_progress){ .phase = "connecting", .watermark_us = INT64_MIN, .lag = -1 };
	status = build(job, err);
	if (status != SPK_OK) {
		spk_job_free(job);
		return status;
	}
	*out = job;
	return SPK_OK;
}

/* Everything that a new attempt opens again. */
static void close_attempt(struct spk_job *job)
{
	spk_commit_abandon(job);
	spk_exec_free(job->exec);
	job->exec = NULL;
	spk_store_close(job->store);
	job->store = NULL;
	spk_inputs_close(job);
	spk_outputs_close(job);
	spk_arena_unref(job->record_arena);
	job->record_arena = NULL;
	job->record = NULL;
	spk_job_folder_close(job);
}

void spk_job_free(struct spk_job *job)
{
	if (!job)
		return;
	close_attempt(job);
	spk_dag_scheduler_free(job->dag);
	if (job->shuffle)
		job->shuffle->type->close(job->shuffle);
	if (job->tasks)
		job->tasks->type->close(job->tasks);
	if (job->backend)
		job->backend->type->close(job->backend);
	spk_commit_close(job);
	if (job->timer)
		event_free(job->timer);
	if (job->stop_event)
		event_free(job->stop_event);
	if (job->base)
		event_base_free(job->base);
	if (job->stop_fd >= 0)
		close(job->stop_fd);
	spk_arena_unref(job->arena);
	free(job);
}

/* --- opening, with patience --- */

/* Sleeps until something happens: rows, a stop, or the time is over. Rows of a partition that waits for others wake nobody: they have been there all the time. */
static void wait_us(struct spk_job *job, int64_t us)
{
	struct timeval tv = { us / 1000000, us % 1000000 };

	for (int i = 0; i < job->in.count; i++)
		if (job->in.input[i].wake && job->in.input[i].held)
			event_del(job->in.input[i].wake);
	event_add(job->timer, &tv);
	event_base_loop(job->base, EVLOOP_ONCE);
	for (int i = 0; i < job->in.count; i++)
		if (job->in.input[i].wake && job->in.input[i].held)
			event_add(job->in.input[i].wake, NULL);
}

void spk_job_pause(struct spk_job *job, int64_t us)
{
	struct pollfd stop = { .fd = job->stop_fd, .events = POLLIN };
	int64_t end = spk_clock_monotonic_us() + us;
	int seen = atomic_load(&job->stops);

	/* Whoever waited before may have left the descriptor readable, or drained it: what was asked is in `stops`. */
	on_stop(job->stop_fd, 0, job);
	while (atomic_load(&job->stops) == seen && us > 0 && poll(&stop, 1, (int)(us / 1000) + 1) != 0)
		us = end - spk_clock_monotonic_us();
}

static spk_status open_all(struct spk_job *job, spk_error *err)
{
	SPK_TRY(spk_job_folder_open(job, err));
	SPK_TRY(spk_outputs_open(job, err));
	return spk_inputs_open(job, err);
}

/* Keeps trying while the broker is away, and says so. */
static spk_status open_patiently(struct spk_job *job, spk_error *err)
{
	struct spk_retry_policy policy = spk_retry_default(SPK_RETRY_BROKER);
	int64_t started = spk_clock_monotonic_us(), bound = spk_conf_int(job->spec.conf, SPK_CONF_KAFKA_RETRY);

	for (int attempt = 0;; attempt++) {
		spk_error why = { 0 };
		char text[1200];
		spk_status status = open_all(job, &why);

		if (status != SPK_UNAVAILABLE || spk_job_stopping(job) || (bound > 0 && spk_clock_monotonic_us() - started >= bound)) {
			why.fatal = why.fatal || status == SPK_UNAVAILABLE;  /* patience is over */
			if (status != SPK_OK && err)
				*err = why;
			return status;
		}
		close_attempt(job);
		snprintf(text, sizeof text, "%s; still trying", why.message);
		spk_job_report(job, "connecting", text);
		wait_us(job, spk_retry_wait_us(&policy, attempt));
		if (spk_job_stopping(job))
			return spk_fail(err, SPK_CANCELLED, "stopped while connecting");
	}
}

/* --- the loop --- */

/* Rows of VALUES, and those that aggregates have over no rows, come in the first epoch, which is due without any of a source. */
static bool begins_with_rows(const struct spk_job *job)
{
	for (int i = 0; i < job->spec.plan->nodes && !job->record; i++) {
		const struct spk_physical *n = job->spec.plan->node[i];

		if (n->kind == SPK_PHYSICAL_VALUES || (n->state_table && n->empty_sets && n->window_key < 0))
			return true;
	}
	return false;
}

/* Whether an epoch should start now; *wait: microseconds until it might. */
static bool is_due(struct spk_job *job, bool moved, bool at_end, int64_t *wait)
{
	int64_t interval = spk_conf_int(job->spec.conf, SPK_CONF_EPOCH_INTERVAL), since = spk_clock_monotonic_us() - job->last_epoch_us;
	bool something = job->in.pending_rows > 0 || moved || begins_with_rows(job) || (job->held_until_us && spk_clock_wall_us() >= job->held_until_us);

	*wait = WAKE_US;
	if (!something)
		return false;
	if (spk_inputs_full(job) || at_end || since >= interval)
		return true;
	*wait = SPK_MIN(interval - since, WAKE_US);
	return false;
}

/* Of what an attempt begins with operators tell nothing before an epoch: it is asked for where some may hold rows. */
static int64_t held_at_start(const struct spk_job *job)
{
	for (int i = 0; i < job->spec.plan->nodes && job->record; i++)
		if (job->spec.plan->node[i]->kind == SPK_PHYSICAL_PACED_CHANGES)
			return job->record->time_us;
	return 0;
}

/* Nothing more will come: every partition is at its bound and has been through an epoch. What operators still hold is for the next run. */
static bool is_done(const struct spk_job *job, bool moved, bool at_end)
{
	if (!at_end || job->in.pending_rows > 0 || moved || begins_with_rows(job))
		return false;
	for (int i = 0; i < job->in.count; i++)
		for (int p = 0; p < job->in.input[i].partitions; p++)
			if (job->in.input[i].partition[p].bound == INT64_MAX)
				return false;
	return true;
}

/* Tells lag tools of the positions after the last epoch, when it is committed: about once a second, and at the end. */
static void report_positions(struct spk_job *job, bool now)
{
	int64_t time = spk_clock_monotonic_us();

	if (!job->record || job->commit.epoch.record || (!now && time - job->reported_us < REPORT_US))
		return;
	job->reported_us = time;
	for (int i = 0; i < job->in.count; i++) {
		struct spk_input *in = &job->in.input[i];
		int64_t *position;

		if (!in->source || !in->source->type->report || !(position = calloc((size_t)in->partitions + 1, sizeof *position)))
			continue;
		for (int p = 0; p < in->partitions; p++) {
			const struct spk_epoch_partition *was = spk_epoch_find_partition(job->record, in->spec.table->name, in->source->type->partition_name(in->source, p));

			position[p] = was ? was->end : in->partition[p].position;
		}
		in->source->type->report(in->source, position);
		free(position);
	}
}

static spk_status turn(struct spk_job *job, bool *done, spk_error *err)
{
	bool moved, at_end;
	int64_t wait;

	SPK_TRY(spk_commit_poll(job, err));
	report_positions(job, false);
	if (spk_inputs_grown(job)) {
		*done = job->reopen = true;
		return SPK_OK;
	}
	SPK_TRY(spk_inputs_fetch(job, err));
	at_end = spk_inputs_at_end(job);
	moved = spk_inputs_judge(job, spk_clock_monotonic_us());
	*done = is_done(job, moved, at_end);
	if (!*done && is_due(job, moved, at_end, &wait)) {
		job->last_epoch_us = spk_clock_monotonic_us();
		SPK_TRY(spk_job_epoch(job, err));
		spk_job_make_room(job);
		SPK_TRY(spk_job_checkpoint(job, false, err));
		spk_job_report(job, "running", job->in.trouble);
		return SPK_OK;
	}
	spk_job_report(job, "running", job->in.trouble);
	if (!*done && !spk_job_stopping(job))
		wait_us(job, wait);
	return SPK_OK;
}

static spk_status run_attempt(struct spk_job *job, spk_error *err)
{
	bool done = false;

	job->reopen = false;
	SPK_TRY(open_patiently(job, err));
	spk_job_report(job, "recovering", NULL);
	job->checkpoint_at_us = spk_clock_monotonic_us();
	SPK_TRY(spk_job_recover(job, err));
	job->last_epoch_us = spk_clock_monotonic_us();
	job->held_until_us = held_at_start(job);
	spk_job_report(job, "running", NULL);
	while (!done && !spk_job_stopping(job))
		SPK_TRY(turn(job, &done, err));
	spk_job_report(job, job->reopen ? "recovering" : "stopping", NULL);
	SPK_TRY(spk_commit_wait(job, err));
	if (atomic_load(&job->stops) < 2) {
		SPK_TRY(spk_job_checkpoint(job, true, err));
		report_positions(job, true);
	}
	return SPK_OK;
}

/* Transient trouble is met by starting again from the last commit; what would come back each time is not. */
static bool try_again(struct spk_job *job, const spk_error *err)
{
	if (err->code == SPK_FENCED || err->fatal || spk_job_stopping(job) || ++job->attempts > RECOVERIES_MAX)
		return false;
	return err->retriable || err->code == SPK_IO || err->code == SPK_UNAVAILABLE || err->code == SPK_TIMEOUT;
}

static void before_next_attempt(struct spk_job *job, const spk_error *why)
{
	struct spk_retry_policy policy = spk_retry_default(SPK_RETRY_TASK);
	/* Now: a commit that comes through while the attempt is closed sets the count to 0. */
	const int64_t wait = spk_retry_wait_us(&policy, job->attempts - 1);

	SPK_LOG(WARN, "stream", "job %s: %s; recovering from its last commit", job->spec.name, why->message);
	spk_event_log_write(job->events, SPK_EVENT_JOB_FAILED, (struct spk_event_field[]){ { "error", why->message, 0 }, { "attempt", NULL, job->attempts }, { 0 } });
	spk_job_report(job, "recovering", why->message);
	close_attempt(job);
	wait_us(job, wait);
}

spk_status spk_job_run(struct spk_job *job, spk_error *err)
{
	spk_error why = { 0 };
	spk_status status;

	job->started_us = spk_clock_monotonic_us();
	for (;;) {
		status = run_attempt(job, &why);
		if (status == SPK_OK ? !job->reopen || spk_job_stopping(job) : !try_again(job, &why))
			break;
		if (status != SPK_OK)
			before_next_attempt(job, &why);
		close_attempt(job);
		why = (spk_error){ 0 };
	}
	if ((status == SPK_CANCELLED || status == SPK_UNAVAILABLE) && spk_job_stopping(job))
		status = SPK_OK;
	spk_event_log_write(job->events, status == SPK_OK ? SPK_EVENT_JOB_END : SPK_EVENT_JOB_FAILED, (struct spk_event_field[]){ { "error", why.message, 0 }, { 0 } });
	spk_job_report(job, status == SPK_OK ? "done" : "failed", NULL);
	close_attempt(job);
	if (status != SPK_OK && err)
		*err = why;
	return status;
}
