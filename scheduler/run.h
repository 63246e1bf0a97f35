/*
 * What dag.c (which task, when) and task.c (one attempt of a task) share. Nobody else includes this.
 *
 * Who may touch a task's fields: whoever has it. That is the scheduler, under its lock, while the task is not queued; the worker
 * that runs it from then on until end_task gives it back. `made` and `skipped` are read by tasks that fetch from it.
 */
#ifndef SPK_SCHEDULER_RUN_H
#define SPK_SCHEDULER_RUN_H

#include <pthread.h>
#include <stdatomic.h>

#include "core/base/memory.h"
#include "core/base/metrics.h"
#include "scheduler/dag.h"

enum task_state {
	TASK_IDLE,       /* not queued yet, or skipped */
	TASK_QUEUED,     /* at the task scheduler: queued, delayed or running */
	TASK_WAITING,    /* for the tasks in `lost` to be run again */
	TASK_DONE,       /* its output is published, as far as is known */
};

/* Readers [first, end) of task.reader, one per producer; `next` is the one at hand. left: rows that the last of them still gives, -1: all. batch: the last
 * that was handed out. */
struct task_input { int first, next, end; int64_t left; struct spk_batch *batch; };
/* made: the producer's, when its output was found missing. released: it was let go of, not lost. */
struct task_lost { int stage, partition, made; bool released; };

/*
 * What a task reads of the inputs that are not read whole: partitions first .. first + count - 1 from input_base on. Of input `splits` (-1: none)
 * only what the producers from_producer .. to_producer - 1 wrote; of the first of them from row from_row on, of the last up to row to_row (-1: all).
 */
struct task_share { int first, count, splits, from_producer, to_producer; int64_t from_row, to_row; };

struct spk_task {
	struct spk_dag_scheduler *scheduler;
	int stage, partition;
	enum task_state state;
	int attempt;               /* -1 before the first */
	int failures;              /* attempts that failed, since it last succeeded */
	int recomputed;            /* times its output was lost and made again */
	bool recomputing;          /* it is being made again */
	int64_t wait_left_us;      /* of a backoff, which is slept in slices so that a cancelled run need not wait for it */
	bool skipped;
	bool idle;                 /* it has no share: others read what it would have read */
	struct task_share share;
	bool counted;              /* its stage knows that it is done */
	bool touched;              /* `run` was called in this run */
	bool computed;             /* `output` is complete and only has to be published */
	_Atomic int made;          /* times its output was published */
	struct spk_task_stats now; /* of the attempt that runs: its worker's */
	struct spk_task_stats stats, last;  /* of all attempts, of the one before; under the lock, always */

	/* Arrays are kept from run to run. */
	struct spk_shuffle_output *output;  /* what it writes; NULL before the attempt and once it is published */
	struct spk_shuffle_stat written;    /* to it */
	int64_t *sizing, *size;    /* bytes by partition, then rows by partition: of the attempt that runs, its worker's; of the first that succeeded, under the lock */
	int sizing_capacity, size_capacity;
	struct spk_shuffle_reader *reader;
	int readers, reader_capacity;
	struct task_input *input;  /* by position in stage->input */
	int inputs, input_capacity;
	struct task_lost *lost;
	int lost_count, lost_capacity;
};

struct stage_run {
	_Atomic int32_t shuffle;           /* the stage-to-shuffle map; -1: there is none (yet, or any more) */
	bool started, complete;
	int tasks_left;
	int first_task;                    /* its tasks are task[first_task ..) */
	int64_t started_us;
	int64_t slowest_us;
	bool sized;                        /* bytes by partition are noted: a stage that reads them may share them out */
	int coalesced, coalesced_to, splits, split_partition, split_tasks;  /* as spk_stage_stats has them */
	int reader;                        /* the stage that may do its work, by `fusion`; -1: none may */
	const struct spk_fusion *fusion;
	bool decided, absorbed;            /* whether it does */
	int64_t decided_bytes;
};

struct spk_dag_scheduler {
	struct spk_dag_options options;
	struct spk_memory_account *account;
	struct { struct spk_metric *run, *failed, *recomputed, *bytes, *rows; } metric;
	pthread_mutex_t lock;
	int32_t next_shuffle;

	/* --- the run; under the lock unless said otherwise --- */
	bool busy;
	_Atomic bool stopping;             /* failed or cancelled: tasks end as soon as they see it */
	spk_status status;
	spk_error error;
	const struct spk_dag *dag;         /* read-only while it runs */
	struct stage_run *stage;           /* shuffle, first_task: read by tasks of later stages */
	int stages, stage_capacity;        /* stages: of the current or last run */
	struct spk_task **task;
	int tasks, task_capacity;
	int stages_left;
	int recomputing;                   /* tasks */
	struct spk_shuffle_id *gone;       /* nobody needs them any more; to be removed without the lock */
	int gone_count, gone_capacity;
	struct spk_shuffle_stat shuffled;  /* of those that are gone */
	int outstanding;                   /* works at the task scheduler */
	int64_t started_us;
	_Atomic int64_t tasks_run, tasks_failed, tasks_recomputed, cpu_us;
	void (*done)(void *user, spk_status status, const spk_error *error, const struct spk_dag_result *result);
	void *done_user;
};

static inline const struct spk_stage *task_stage(const struct spk_task *t) { return &t->scheduler->dag->stage[t->stage]; }
static inline struct spk_task *dag_task(const struct spk_dag_scheduler *s, int stage, int partition)
{
	return s->task[s->stage[stage].first_task + partition];
}
static inline bool run_stopping(const struct spk_dag_scheduler *s)
{
	return atomic_load_explicit(&s->stopping, memory_order_relaxed);
}

/* Makes room for element number `count` of an array that grows by doubling. */
spk_status spk_run_room(struct spk_memory_account *account, void *array, int *capacity, int count, size_t size, spk_error *err);

/* Shares out what the stage reads, its inputs being complete. Tasks that get nothing are idle and skipped. @locks: held */
spk_status spk_run_share(struct spk_dag_scheduler *s, int stage, spk_error *err);

/* --- exchanges that are left out: fuse.c --- */

/* Tasks of the stage that read partitions: all but those that stand for another stage's. */
int spk_run_own_tasks(const struct spk_stage *stage);
/* Fills in who may do the work of whom, before a run. */
void spk_run_find_fusions(struct spk_dag_scheduler *s, const struct spk_dag *dag);
/* Whether the stage may start; decides on its exchange when that can be told. @locks: held */
bool spk_run_ready(struct spk_dag_scheduler *s, int stage);
/* The fusion by which the task stands for another, when it does; NULL: it has its own work. */
const struct spk_fusion *spk_run_stands_for(const struct spk_task *t, struct spk_task **other);
/* Tasks that have nothing to do for what was decided are idle. @locks: held */
void spk_run_settle_fusions(struct spk_dag_scheduler *s, int stage);
/* Whether what the task `first` would read is left out. @locks: held */
bool spk_run_leaves_out(const struct spk_dag_scheduler *s, int stage, int first);

/* As spk_dag_stage_stats, of a stage that is there. @locks: held */
void spk_run_stage_stats(const struct spk_dag_scheduler *s, int stage, struct spk_stage_stats *out);

/* One attempt: fetches the inputs, runs the stage's function, publishes. lost_count > 0 afterwards: inputs are lost.
 * @locality: worker, without the lock */
spk_status spk_run_attempt(struct spk_task *t, spk_error *err);
/* Drops the references and marks of an attempt; with `computed` keeps what is to be published still. */
void spk_run_clear_task(struct spk_task *t);
void spk_run_free_task(struct spk_task *t);

#endif
