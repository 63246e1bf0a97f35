/*
 * Checkpoints: a durable image of the state now and then, and the cutting of lineage behind it.
 *
 * The image is of the last committed epoch. The next epoch's record names it; only when that record is committed may what is older be
 * forgotten. A checkpoint that fails is reported and tried again later: the job itself goes on, recovery just takes longer.
 */
#include <stdio.h>

#include "core/base/clock.h"
#include "core/base/fault.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "stream/internal.h"

static spk_status save(struct spk_job *job, spk_error *err)
{
	char snapshot[4096];
	spk_status status;

	if (!job->store)
		return job->checkpoints->type->save(job->checkpoints, NULL, job->record, err);
	snprintf(snapshot, sizeof snapshot, "%s-snapshot", job->state_dir);
	SPK_TRY(spk_dir_remove(snapshot, err));
	SPK_TRY(spk_fault(SPK_FAULT_CHECKPOINT_FLUSH, err));
	status = spk_store_snapshot(job->store, snapshot, err);
	if (status == SPK_OK)
		status = job->checkpoints->type->save(job->checkpoints, snapshot, job->record, err);
	spk_dir_remove(snapshot, NULL);
	return status;
}

/* Once a committed record names the newest checkpoint, what is older than the retained ones is not needed any more. */
static spk_status truncate_lineage(struct spk_job *job, spk_error *err)
{
	int64_t oldest;

	SPK_TRY(spk_fault(SPK_FAULT_CHECKPOINT_TRUNCATE, err));
	SPK_TRY(job->checkpoints->type->retain(job->checkpoints, (int)spk_conf_int(job->spec.conf, SPK_CONF_CHECKPOINT_RETAIN), &oldest, err));
	oldest = SPK_MIN(oldest, job->record->epoch - spk_conf_int(job->spec.conf, SPK_CONF_EPOCHS_RETAIN));
	return oldest > 1 ? job->out.log->type->truncate(job->out.log, oldest, err) : SPK_OK;
}

static void report_failure(struct spk_job *job, const char *what, const spk_error *err)
{
	SPK_LOG(WARN, "checkpoint", "%s: %s; the job goes on and tries again", what, err->message);
	spk_metric_add(job->metric.checkpoint_failures, 1);
	spk_event_log_write(job->events, SPK_EVENT_CHECKPOINT_FAILED, (struct spk_event_field[]){ { "epoch", NULL, job->record->epoch }, { "error", err->message, 0 }, { 0 } });
}

static void take(struct spk_job *job)
{
	int64_t started = spk_clock_monotonic_us();
	spk_error err = { 0 };

	spk_event_log_write(job->events, SPK_EVENT_CHECKPOINT_START, (struct spk_event_field[]){ { "epoch", NULL, job->record->epoch }, { 0 } });
	if (save(job, &err) != SPK_OK) {
		report_failure(job, "the checkpoint failed", &err);
		return;
	}
	if (spk_fault(SPK_FAULT_CHECKPOINT_DONE, &err) != SPK_OK)
		return;
	job->checkpoint = job->record->epoch;
	spk_event_log_write(job->events, SPK_EVENT_CHECKPOINT_END, (struct spk_event_field[]){ { "epoch", NULL, job->checkpoint }, { "wall_us", NULL, spk_clock_monotonic_us() - started }, { 0 } });
	spk_metric_observe(job->metric.checkpoints, spk_clock_monotonic_us() - started);
	SPK_LOG(INFO, "checkpoint", "epoch %lld in %lld ms", (long long)job->checkpoint, (long long)(spk_clock_monotonic_us() - started) / 1000);
}

static bool may_truncate(const struct spk_job *job)
{
	return job->checkpoint && job->announced == job->checkpoint && job->truncated < job->checkpoint;
}

static void truncate(struct spk_job *job)
{
	spk_error err = { 0 };

	job->truncated = job->checkpoint;
	if (truncate_lineage(job, &err) != SPK_OK)
		report_failure(job, "older lineage was not truncated", &err);
}

spk_status spk_job_checkpoint(struct spk_job *job, bool now, spk_error *err)
{
	int64_t interval = spk_conf_int(job->spec.conf, SPK_CONF_CHECKPOINT_INTERVAL), time = spk_clock_monotonic_us();
	bool due = job->record && job->record->epoch != job->checkpoint && (now || time - job->checkpoint_at_us >= interval);

	if (due || may_truncate(job))
		SPK_TRY(spk_commit_wait(job, err));
	/* The commit that was waited for may have announced the checkpoint only now. */
	if (may_truncate(job))
		truncate(job);
	if (!due)
		return SPK_OK;
	job->checkpoint_at_us = time;
	take(job);
	return SPK_OK;
}
