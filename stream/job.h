/*
 * A job: the micro-batch loop that runs a streaming plan epoch by epoch, exactly once.
 *
 *   spk_job_run   fences other instances, recovers (clone of a checkpoint, replay), then loops until the sources end or it is stopped
 *   spk_job_stop  from any thread or signal handler
 *
 * The loop runs on the caller's thread with a libevent loop of its own; tasks run on a pool. See README.md for the files.
 */
#ifndef SPK_STREAM_JOB_H
#define SPK_STREAM_JOB_H

#include "core/base/conf.h"
#include "planner/physical/physical.h"

struct spk_job;

/* What a job is doing, for people; called on the loop thread about ten times a second and at changes. */
struct spk_job_progress {
	const char *phase;            /* "connecting", "recovering", "running", "stopping", "done" */
	const char *trouble;          /* NULL, or why it does not get on: "broker 127.0.0.1:9092 is not reachable, still trying" */
	int64_t epoch;
	int64_t rows_in, rows_out;    /* since start */
	int64_t late, bad;
	int64_t lag;                  /* rows not yet read, -1 unknown */
	int64_t watermark_us;         /* least of all sources; INT64_MIN none, INT64_MAX ended */
	int64_t batch_time_us;
	int64_t elapsed_us;
};

struct spk_job_spec {
	const char *name;             /* letters, digits, '.', '_' and '-' */
	const char *dir;              /* the job's folder: state, checkpoints, event log */
	const struct spk_physical_plan *plan;
	const struct spk_conf *conf;
	bool once;                    /* process what is there at start, then checkpoint and end */
	void (*progress)(void *user, const struct spk_job_progress *progress);
	void *user;
};

/* Claims the folder; borrows the spec until free. */
spk_status spk_job_new(struct spk_job **out, const struct spk_job_spec *spec, spk_error *err);
void spk_job_free(struct spk_job *job);
/* OK: stopped or everything done. FENCED: another instance has taken over. UNAVAILABLE: gave up on a broker (kafka.retry). */
spk_status spk_job_run(struct spk_job *job, spk_error *err);
/* First call: finish the epoch, checkpoint, end. Second: end at once. Async-signal-safe. */
void spk_job_stop(struct spk_job *job);

/* Makes the folder of a job, or finds that it is its own: EXISTS names the job that has it. */
spk_status spk_job_claim_folder(const char *dir, const char *name, spk_error *err);
/* Where the job's checkpoints are, in `arena`. */
char *spk_job_checkpoint_dir(const struct spk_conf *conf, const char *dir, const char *name, struct spk_arena *arena);
/* Whether a job name may be used in topics and paths. */
spk_status spk_job_check_name(const char *name, spk_error *err);

#endif
