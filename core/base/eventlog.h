/*
 * The event log: JSON lines of what a job did (job, epoch, stage, task, checkpoint: start, end, failure), for people and
 * for `sparklet history`. One object a line: {"ts":<us>,"event":"epoch.end","job":"j","epoch":12,...}.
 * Appended through a buffer, flushed at each epoch end; a full disk loses events, never the job. Threads: any.
 */
#ifndef SPK_CORE_BASE_EVENTLOG_H
#define SPK_CORE_BASE_EVENTLOG_H

#include <stdint.h>

#include "sparklet/status.h"

struct spk_event_log;

/* X(id, "name"): the closed set of events. */
#define SPK_EVENT_LIST(X) \
	X(JOB_START, "job.start") X(JOB_END, "job.end") X(JOB_FAILED, "job.failed") \
	X(EPOCH_START, "epoch.start") X(EPOCH_END, "epoch.end") X(EPOCH_FAILED, "epoch.failed") \
	X(STAGE_START, "stage.start") X(STAGE_END, "stage.end") X(STAGE_FAILED, "stage.failed") \
	X(TASK_START, "task.start") X(TASK_END, "task.end") X(TASK_FAILED, "task.failed") \
	X(CHECKPOINT_START, "checkpoint.start") X(CHECKPOINT_END, "checkpoint.end") \
	X(CHECKPOINT_FAILED, "checkpoint.failed") \
	X(RECOVERY_START, "recovery.start") X(RECOVERY_END, "recovery.end") \
	X(QUERY_START, "query.start") X(QUERY_STAGE, "query.stage") X(QUERY_END, "query.end") X(QUERY_FAILED, "query.failed")

enum spk_event {
#define SPK_EVENT_ENUM(id, name) SPK_EVENT_##id,
	SPK_EVENT_LIST(SPK_EVENT_ENUM)
#undef SPK_EVENT_ENUM
};

/* A field of an event: a string when `text` is set, else the number. End the list with { 0 }. */
struct spk_event_field { const char *name; const char *text; int64_t number; };

/* Appends to `path`, rotating at 64 MiB to path.1. */
spk_status spk_event_log_open(struct spk_event_log **out, const char *path, const char *job, spk_error *err);
void spk_event_log_close(struct spk_event_log *log);  /* NULL is fine */
/* For tests and small disks: rotates at another size. */
void spk_event_log_rotate_at(struct spk_event_log *log, int64_t bytes);
/* NULL log: does nothing. `fields` may be NULL. Secrets (log.h) in texts are masked. Never fails; what cannot be written
 * is counted in event_log_lost_total. */
void spk_event_log_write(struct spk_event_log *log, enum spk_event event, const struct spk_event_field *fields);
void spk_event_log_flush(struct spk_event_log *log);

#endif
