/*
 * The DAG scheduler: runs a graph of stages, each a set of tasks, and recovers what fails.
 *
 * It knows tasks, attempts, shuffle outputs and which stage made them (lineage); it does not know what a task does. It depends on
 * its SPIs alone (spi.h): a task scheduler, which orders tasks onto an executor backend, and a shuffle service. Shuffle ids are made
 * by the runtime (this scheduler) alone and kept in an explicit stage-to-shuffle map.
 *
 * A task that fails with a retriable error is tried again by its retry policy (retry.h: exponential backoff, jitter from a seed). A
 * task whose input turns out to be lost (which is found out before its function is called) makes the scheduler run the producer again, from
 * lineage, as deep as needed, then the reader. A fatal error cancels the run; running tasks see spk_task_cancelled and stop.
 */
#ifndef SPK_SCHEDULER_DAG_H
#define SPK_SCHEDULER_DAG_H

#include "core/base/eventlog.h"
#include "core/base/ids.h"
#include "core/columnar/batch.h"
#include "scheduler/retry.h"
#include "scheduler/spi.h"

struct spk_task;

/*
 * Tasks of a stage that may share out anew what they read, once its size is known: when the stage starts, its inputs are complete. Task `first` + i
 * would read partition i (from input_base on) of every input that is not read whole. The others, up to `tasks`, are there for what is split.
 */
struct spk_sharing {
	int first, partitions, tasks;     /* tasks >= partitions */
	bool coalesces;                   /* a task may read several neighbouring partitions, one after the other */
	int splits;                       /* input whose partitions several tasks may read, each of some producers, and the other inputs' whole; -1: none */
	bool cuts;                        /* what a producer writes may be cut as well: it comes in the same order whenever it is made */
};

/*
 * An exchange that may be left out: instead of reading what the stage behind `input` wrote, tasks of this stage do that one's work themselves. Decided
 * by the bytes of the inputs `side` once they are complete, which the other stage waits for; those are then read whole by every such task. The
 * other stage must have no other reader, and may leave out an exchange of its own.
 */
struct spk_fusion {
	int input;
	int sides;
	const int *side;
	int64_t most_bytes;               /* of all sides together: up to so many it is left out */
	int first_own, own, partitions;   /* tasks with nothing to do then; partitions of the sides, from first_own on */
	int first;                        /* from here on a task for each of the other stage's, with nothing to do when the exchange is done */
};

/* What to run: read-only while it runs. */
struct spk_stage {
	const char *name;                 /* for messages and the event log */
	int tasks;                        /* partitions of the stage, >= 1 */
	int inputs;                       /* stages whose shuffle output it reads */
	const int *input;                 /* indexes into the dag, all smaller than its own */
	/* By input: task t reads output partition input_base[i] + t of that stage, so that one stage can feed several readers
	 * through one shuffle. NULL: all 0, and each input has as many partitions as there are tasks. */
	const int *input_base;
	/* By input: every task reads output partition input_base[i], whole. NULL: none is read so. */
	const bool *input_broadcast;
	int output_partitions;            /* partitions of its shuffle output: one per task of each of its readers, or 1: every task of
	                                   * theirs reads all of it (broadcast); 0: it has none */
	spk_status (*run)(struct spk_task *task, spk_error *err);  /* on a worker thread; may run again after a failure */
	int sharings;
	const struct spk_sharing *sharing; /* of tasks that do not overlap, in ascending order; they must not depend on which partitions they get */
	int fusions;
	const struct spk_fusion *fusion;  /* their tasks come last, in order */
	/* NULL, or: this task has nothing to do in this run (it still counts as done, without output). Asked once, when the stage
	 * starts, under the scheduler's lock: must be quick and call nothing of this header. */
	bool (*skip)(int task, void *user);
	/* false: once `run` was called it must not be called again in this run (it touched state): its failure fails the run, and so
	 * does the loss of its output. Failures before (a lost input) and after (storing the output) are still recovered from. */
	bool repeatable;
	void *user;
};

struct spk_dag {
	const char *name;
	struct spk_epoch_id epoch;        /* 0 in batch queries */
	int stages;
	const struct spk_stage *stage;
	/* How work is shared out. Decisions depend on the sizes of what was written alone, as spk_shuffle_bytes has them. */
	struct {
		int64_t target_bytes;         /* neighbouring partitions are read by one task up to so many; 0: never */
		int64_t skew_bytes;           /* a partition is split that has more bytes than this; 0: none is */
		double skew_factor;           /* and more than so many times those of the median partition */
	} share;
};

struct spk_dag_result {
	int64_t tasks_run, tasks_failed, tasks_recomputed;
	int64_t cpu_us;                   /* thread CPU of all tasks */
	int64_t shuffle_bytes, shuffle_rows;
};

/* What became of a task. Times in us since the run began; rows and bytes (spk_shuffle_bytes) are those of the last attempt. */
struct spk_task_stats {
	int attempts, failures;
	int64_t start_us, end_us;         /* of the last attempt that has ended */
	int64_t busy_us, cpu_us;          /* of all of them: by the clock, and on a processor */
	int64_t rows_in, bytes_in;        /* what it read of other stages */
	int64_t rows_out, bytes_out;      /* what it wrote for other stages */
};

/* What became of a stage: the sums over its tasks. */
struct spk_stage_stats {
	int tasks, tasks_done;            /* done: also those that had nothing to do */
	bool started, complete;
	int coalesced, coalesced_to;      /* partitions that were read by fewer tasks, and by how many; 0: none */
	int splits;                       /* partitions that were split; the first of them, and among how many tasks */
	int split_partition, split_tasks;
	int done_by;                      /* its exchange was left out: the stage whose tasks do its work; else -1 */
	bool decided;                     /* an exchange that it reads could be left out: the bytes that decided, and whether it is */
	bool left_out;
	int64_t decided_bytes;
	int64_t slowest_us;               /* the longest attempt that counted */
	struct spk_task_stats sum;        /* start_us: of the stage; end_us: of its last task so far */
};

struct spk_dag_scheduler;

struct spk_dag_options {
	struct spk_task_scheduler *tasks;     /* borrowed */
	struct spk_shuffle_service *shuffle;  /* borrowed */
	struct spk_retry_policy task_retry;
	struct spk_event_log *events;         /* may be NULL */
};

spk_status spk_dag_scheduler_new(struct spk_dag_scheduler **out, const struct spk_dag_options *options, spk_error *err);
void spk_dag_scheduler_free(struct spk_dag_scheduler *s);
/* Runs the graph to its end on the task scheduler; the caller's thread waits. *result may be NULL. All shuffle data is gone after. */
spk_status spk_dag_run(struct spk_dag_scheduler *s, const struct spk_dag *dag, struct spk_dag_result *result, spk_error *err);
/* As spk_dag_run, but returns at once; `done` is called on a worker thread when all is over (it may start the next run or free s) and
 * not at all when this call fails. One run at a time per scheduler; `dag` is borrowed until `done`. */
spk_status spk_dag_start(struct spk_dag_scheduler *s, const struct spk_dag *dag, void (*done)(void *user, spk_status status, const spk_error *error, const struct spk_dag_result *result), void *user, spk_error *err);
/* Asks the current run (if any) to stop; it ends with CANCELLED. Any thread. */
void spk_dag_cancel(struct spk_dag_scheduler *s);

/* Where the current run stands, or how the last one ended (until the next begins). False: there is no such stage or task. Any thread. */
bool spk_dag_stage_stats(struct spk_dag_scheduler *s, int stage, struct spk_stage_stats *out);
bool spk_dag_task_stats(struct spk_dag_scheduler *s, int stage, int task, struct spk_task_stats *out);

/* --- what a task may ask, on its own thread --- */

int spk_task_stage(const struct spk_task *task);       /* index in the dag */
int spk_task_partition(const struct spk_task *task);
int spk_task_attempt(const struct spk_task *task);
void *spk_task_user(const struct spk_task *task);      /* the stage's */
struct spk_epoch_id spk_task_epoch(const struct spk_task *task);
bool spk_task_cancelled(const struct spk_task *task);
/* Hands a batch (takes a reference of its own) to partition `to` of this stage's shuffle output. Invisible until the task succeeded. */
spk_status spk_task_write(struct spk_task *task, int to, struct spk_batch *batch, spk_error *err);
/* The batches for this task in input number `input` (position in stage->input), ordered by (producer task, sequence). *out is a borrowed
 * batch valid until the next call for this input (take a reference to keep it), NULL at the end. CANCELLED when the run is stopping: return it
 * as it is. */
spk_status spk_task_fetch(struct spk_task *task, int input, struct spk_batch **out, spk_error *err);

/* The same for each producer by itself: producers 0 .. n - 1, in their order; *out is the caller's reference. An input is read in one of the two ways. */
int spk_task_producers(const struct spk_task *task, int input);
spk_status spk_task_fetch_from(struct spk_task *task, int input, int producer, struct spk_batch **out, spk_error *err);
/* The first `rows` rows of what the producer wrote will not be looked at: batches of nothing else may be left out of what spk_task_fetch_from gives. */
void spk_task_skip(struct spk_task *task, int input, int producer, int64_t rows);
/* What is published of a partition of stage `stage`'s output in the current run: complete once the stage is. Any thread, while the run goes on. */
void spk_dag_partition_stat(struct spk_dag_scheduler *s, int stage, int partition, struct spk_shuffle_stat *out);

#endif
