/* What the files of stream/ share. Not for others. */
#ifndef SPK_STREAM_INTERNAL_H
#define SPK_STREAM_INTERNAL_H

#include <event2/event.h>

#include "batch/exec.h"
#include "checkpoint/epoch.h"
#include "checkpoint/epoch_log.h"
#include "checkpoint/store.h"
#include "connectors/alignment.h"
#include "core/base/eventlog.h"
#include "core/base/metrics.h"
#include "stream/job.h"
#include "stream/room.h"

/* --- inputs: what is read (inputs.c) --- */

struct spk_input_partition {
	int64_t position;              /* of the next row to read */
	int64_t bound;                 /* where it ends for this job or this --once run; INT64_MAX: nowhere */
	int64_t watermark;
	bool idle, finished;
	bool had_rows;                 /* ever */
	bool bounded;                  /* the source ends at `bound`, not just this run */
	bool waits;                    /* it is too far ahead of its group (alignment.c) */
	bool read;                     /* the last fetch got all that is there */
	bool asked;                    /* by the last fetch */
	bool short_of_share;           /* less than its share came */
	int64_t share;                 /* rows of it to read next (in_step.c) */
	int64_t pace_rows, pace_us;    /* rows of late, and by how much the watermark moved with them */
	int64_t last_rows_us;          /* monotonic */
	struct spk_chunk *chunk;       /* pending: read, not yet in an epoch */
	int chunks, chunk_capacity;
};

struct spk_input {
	struct spk_source_spec spec;
	struct spk_source *source;
	struct event *wake;
	struct spk_alignment alignment;
	int partitions;
	struct spk_input_partition *partition;
	int64_t watermark;
	bool held;                     /* the last fetch passed over a partition that waits for others */
	int group;                     /* of sources that are read in step: the first one's number; -1: none */
	double last;                   /* of the group whose first this is: where in event time the last of those is that the others wait for */
};

struct spk_inputs {
	int count;
	struct spk_input *input;
	int64_t pending_rows, pending_bytes;
	int64_t max_rows, max_bytes;
	int64_t idle_timeout_us;
	const char *trouble;           /* of any source, NULL when fine */
};

spk_status spk_inputs_open(struct spk_job *job, spk_error *err);
void spk_inputs_close(struct spk_job *job);
/* Starts reading at the positions of `record`, partitions that it does not know at their beginning (NULL: where the tables say). */
spk_status spk_inputs_seek(struct spk_job *job, const struct spk_epoch_record *record, spk_error *err);
/* DIVERGED when a source ends before what the record says was read of it. */
spk_status spk_inputs_check_reach(struct spk_job *job, const struct spk_epoch_record *record, spk_error *err);
/* Whether a source has partitions that are not read yet. */
bool spk_inputs_grown(const struct spk_job *job);
/* Decides which partitions wait for others. */
void spk_inputs_align(struct spk_job *job);
/* Finds the sources that are read in step (in_step.c). */
void spk_inputs_group(struct spk_job *job);
/* Sets how many rows of each partition to read next. */
void spk_inputs_share(struct spk_job *job);
/* The partition's pace after an epoch of what is pending, into its record. */
void spk_input_partition_pace(const struct spk_input_partition *p, struct spk_epoch_partition *out);
/* Finds the last of each group's partitions that did not get their share, though there are more rows of them. Those that are ahead of it take none of what is left over. */
void spk_inputs_find_last(struct spk_job *job);
bool spk_input_is_ahead(const struct spk_job *job, const struct spk_input *in, const struct spk_input_partition *p);
/* Moves what is there into pending chunks, up to the epoch's bounds; never waits. */
spk_status spk_inputs_fetch(struct spk_job *job, spk_error *err);
/* Reads exactly what the record says into pending chunks; waits for it. */
spk_status spk_inputs_fetch_recorded(struct spk_job *job, const struct spk_epoch_record *record, spk_error *err);
/* Marks partitions idle or finished; true when a source's watermark would move by it. */
bool spk_inputs_judge(struct spk_job *job, int64_t now_us);
bool spk_inputs_full(const struct spk_job *job);
/* Every partition has reached its bound. */
bool spk_inputs_at_end(const struct spk_job *job);
void spk_inputs_drop_pending(struct spk_job *job);
int64_t spk_inputs_lag(const struct spk_job *job);

/* --- outputs: what is written (outputs.c, dead_letters.c) --- */

struct spk_output {
	struct spk_sink_spec spec;
	struct spk_sink *sink;
};

struct spk_outputs {
	int count;
	struct spk_output *output;
	struct spk_kafka_producer *producer;  /* NULL: no Kafka sinks */
	const struct spk_table *kafka_table;  /* whose cluster the producer talks to */
	struct spk_epoch_log *log;
	char *dlq_topic;
	int dlq_handle;                       /* -1: not yet known */
	size_t dlq_limit;                     /* bytes of a letter that the topic takes */
	bool exactly_once;
	int64_t written;                      /* epoch whose commit is known to have come through */
};

/* An epoch that was computed: what is to be written of it. */
struct spk_computed {
	struct spk_arena *arena;              /* of the record, and of the array of outputs */
	struct spk_epoch_record *record;
	struct spk_exec_output output;
	struct spk_buffer encoded;            /* the record */
	int64_t started_us, cpu_us;
};

spk_status spk_outputs_open(struct spk_job *job, spk_error *err);
void spk_outputs_close(struct spk_job *job);
/* Writes and commits an epoch's outputs and its record. @locality: the commit's thread. A failure leaves it open whether they are committed. */
spk_status spk_outputs_write(struct spk_job *job, const struct spk_computed *epoch, spk_error *err);
/* After that has failed with `status` and *err: finds out what became of the epoch and writes it again if need be. FENCED is fatal. */
spk_status spk_outputs_settle(struct spk_job *job, const struct spk_computed *epoch, spk_status status, spk_error *err);
/* With bad.rows=fail the first bad row is an error; asked before anything is written. */
spk_status spk_dead_letters_check(struct spk_job *job, const struct spk_exec_output *output, int64_t epoch, spk_error *err);
spk_status spk_dead_letters_write(struct spk_job *job, const struct spk_exec_output *output, int64_t epoch, spk_error *err);
/* Jobs without Kafka: moves the file of an epoch's dead letters into place. */
spk_status spk_dead_letters_commit(struct spk_job *job, int64_t epoch, spk_error *err);
/* The same at a start for all epochs up to `committed`; drops what later ones left, which were never committed. */
spk_status spk_dead_letters_recover(struct spk_job *job, int64_t committed, spk_error *err);

/* --- the commit under way (commit.c) --- */

struct spk_commit {
	struct spk_executor_backend *thread;  /* of one worker: it waits for brokers and disks, which those of the pool should not */
	int fd;                               /* an eventfd, readable when it has ended */
	struct event *ended;
	struct spk_computed epoch;            /* the thread's until it has ended; its record is NULL when no commit is under way */
	spk_status status;
	spk_error error;
};

/* Frees what it holds and zeroes it. */
void spk_computed_release(struct spk_computed *epoch);

spk_status spk_commit_open(struct spk_job *job, spk_error *err);
void spk_commit_close(struct spk_job *job);
/* Begins to commit the epoch, which is taken over (on failure it stays the caller's): none may be under way. */
spk_status spk_commit_start(struct spk_job *job, struct spk_computed *epoch, spk_error *err);
/* Waits for the end of the commit, if one is under way. The job's error when it failed for good. */
spk_status spk_commit_wait(struct spk_job *job, spk_error *err);
/* The same without waiting: OK also when it has not ended. */
spk_status spk_commit_poll(struct spk_job *job, spk_error *err);
/* Waits, but settles nothing: the attempt is over, and the next one finds out. */
void spk_commit_abandon(struct spk_job *job);

/* --- the job --- */

struct spk_job {
	struct spk_job_spec spec;
	struct spk_arena *arena;              /* as long as the job */
	struct event_base *base;
	struct event *timer, *stop_event;
	int stop_fd;
	_Atomic int stops;                    /* calls of spk_job_stop */
	int64_t stopping_us;                  /* monotonic time when a wait for a broker first saw that, 0: not yet */
	struct spk_inputs in;
	struct spk_outputs out;
	/* execution */
	struct spk_executor_backend *backend;
	struct spk_task_scheduler *tasks;
	struct spk_shuffle_service *shuffle;
	struct spk_dag_scheduler *dag;
	struct spk_store *store;              /* NULL: stateless */
	struct spk_exec *exec;
	struct spk_event_log *events;
	/* recovery */
	struct spk_checkpoint_store *checkpoints;
	char *state_dir;                      /* scratch of this attempt */
	int state_lock;                       /* held while it is in use; -1: there is none */
	struct spk_arena *record_arena;
	struct spk_epoch_record *record;      /* of the last epoch, which may still be being committed; NULL before the first */
	struct spk_commit commit;
	int64_t incarnation;
	int64_t checkpoint;                   /* epoch of the newest durable checkpoint, 0 none */
	int64_t announced;                    /* newest checkpoint that a committed record names */
	int64_t truncated;                    /* newest checkpoint behind which lineage was cut */
	int64_t checkpoint_at_us;             /* monotonic time of the last attempt, also where it was another process's */
	bool reopen;                          /* the attempt ended only to start again with what is new */
	/* progress */
	struct spk_job_progress progress;
	int64_t started_us, last_progress_us, last_epoch_us, reported_us;
	int64_t held_until_us;                /* wall clock: when an epoch lets go what operators hold; 0: they hold nothing */
	int attempts;                         /* failed in a row */
	struct { struct spk_room bounds; int64_t looked_us, trim_us; int over; bool warned; } room;  /* room.c */
	struct { struct spk_metric *epochs, *rows_in, *rows_out, *late, *bad, *duration, *checkpoints, *checkpoint_failures; } metric;
};

bool spk_job_stateful(const struct spk_job *job);
void spk_job_report(struct spk_job *job, const char *phase, const char *trouble);
/* Claims the job's folder, sweeps what dead processes left in it, opens checkpoint store and event log (folder.c). */
spk_status spk_job_folder_open(struct spk_job *job, spk_error *err);
void spk_job_folder_close(struct spk_job *job);
/* For events that only wake the loop, which then looks at everything itself. */
void spk_job_woken(evutil_socket_t fd, short what, void *user);
/* Sleeps, whatever the sources have, until the time is over or someone asks to stop once more. */
void spk_job_pause(struct spk_job *job, int64_t us);
/* True when someone asked to stop. */
bool spk_job_stopping(const struct spk_job *job);

/* One epoch over what is pending (epoch.c). `recorded`: replay of it, outputs suppressed and compared. */
spk_status spk_job_epoch(struct spk_job *job, spk_error *err);
spk_status spk_job_replay(struct spk_job *job, const struct spk_epoch_record *recorded, spk_error *err);

/* Opens the store in its folder, empty or with a clone, with the memory that it may have (room.c). */
spk_status spk_job_open_store(struct spk_job *job, spk_error *err);
/* Bounds the caches of state by what memory.limit leaves, and has malloc give back what it keeps (room.c). Between epochs: no view is in use. */
void spk_job_make_room(struct spk_job *job);

/* Brings the job to the state of its last committed epoch (recovery.c). */
spk_status spk_job_recover(struct spk_job *job, spk_error *err);
/*
 * Checkpoints when it is time (or `now`), truncates lineage (checkpointing.c). Failures are reported, not returned, but for that of a commit
 * under way, which is waited for: a checkpoint is of a committed epoch.
 */
spk_status spk_job_checkpoint(struct spk_job *job, bool now, spk_error *err);

#endif
