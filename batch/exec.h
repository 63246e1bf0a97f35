/*
 * Execution of physical plans: makes pipelines for every task, and the scheduler's graph, and runs them.
 *
 *   spk_exec       a plan made ready: pipelines are opened at first use and kept (a job runs the same ones each epoch)
 *   spk_exec_run   one run (epoch or query) through the DAG scheduler
 */
#ifndef SPK_BATCH_EXEC_H
#define SPK_BATCH_EXEC_H

#include "batch/operator/operator.h"

struct spk_exec;

struct spk_exec_options {
	const struct spk_physical_plan *plan;
	int readers;                     /* tasks behind an exchange; 0: one per core */
	const int *source_partitions;    /* by source of the plan */
	struct spk_store *store;         /* NULL when the plan has no state */
	int batch_rows;                  /* 0: SPK_BATCH_ROWS */
	struct spk_spill *spill;         /* borrowed; NULL: what does not fit memory.limit fails */
	/* Of spk_dag: work is shared out anew behind exchanges where the plan allows it. All zero: never. */
	int64_t share_target_bytes, skew_bytes;
	double skew_factor;
	bool timed;                      /* measure the time of every operator */
	/* Operator types beyond those of batch/: asked first, may be NULL. */
	const struct spk_op_type *(*op_type)(const struct spk_physical *node);
};

/* Adds the plan's state tables to the store, when there is one. */
spk_status spk_exec_new(struct spk_exec **out, const struct spk_exec_options *options, spk_error *err);
void spk_exec_free(struct spk_exec *exec);
int spk_exec_stages(const struct spk_exec *exec);
int spk_exec_tasks(const struct spk_exec *exec, int stage);

/*
 * How a run may be ended from outside: whenever `fd` (an eventfd) becomes readable it is drained and `cancel` is asked on the caller's
 * thread. So whoever wants to cancel sets a flag and writes to the fd: both may be done in a signal handler.
 * `tick`, when there is one, is called on the same thread about every tick_ms. deadline_us (monotonic clock; 0: none): `cancel` is asked then, too.
 */
struct spk_exec_watch { int fd; bool (*cancel)(void *user); void *user; int tick_ms; void (*tick)(void *user); int64_t deadline_us; };

/*
 * Runs it: run->source, sink and the rest are filled by the caller; run->output is set to arrays that live in the exec until the next
 * run or spk_exec_clear. On failure the outputs are dropped. `watch` and `result` may be NULL.
 */
spk_status spk_exec_run(struct spk_exec *exec, struct spk_run *run, struct spk_dag_scheduler *scheduler, const struct spk_exec_watch *watch, struct spk_dag_result *result, spk_error *err);
/* As spk_exec_run, but returns at once: `done` is called on a worker thread when it is over (not at all when this fails). Then comes spk_exec_end, on
 * any thread. */
spk_status spk_exec_start(struct spk_exec *exec, struct spk_run *run, struct spk_dag_scheduler *scheduler,
			  void (*done)(void *user, spk_status status, const spk_error *error, const struct spk_dag_result *result), void *user, spk_error *err);
void spk_exec_end(struct spk_exec *exec, spk_status status);
/* Frees the outputs of the last run. */
void spk_exec_clear(struct spk_exec *exec);

/* What the tasks of a run left, in order of stage and task: the same order whenever the run is repeated. */
struct spk_exec_output { int count, sinks; struct spk_task_output *task; };
/* Moves the last run's outputs out of the exec, so that it may run again while they are written. The array is the arena's; release before that goes. */
spk_status spk_exec_take(struct spk_exec *exec, struct spk_arena *arena, struct spk_exec_output *out, spk_error *err);
void spk_exec_output_release(struct spk_exec_output *output);

/* Rows and batches that came out of a node so far, over all its tasks: for EXPLAIN ANALYZE. */
void spk_exec_counts(const struct spk_exec *exec, int node, int64_t *rows, int64_t *batches);
/* What a node has done so far, over all its tasks; memory: the most that one of them held. own_us: only when options.timed. */
struct spk_node_stats { int64_t rows, batches, filtered, own_us, spilled_bytes, memory_peak; };
void spk_exec_node(const struct spk_exec *exec, int node, struct spk_node_stats *out);
/* The same of all nodes of a stage, without rows and batches; memory: what the nodes of one task held, each at its peak. */
void spk_exec_stage(const struct spk_exec *exec, int stage, struct spk_node_stats *out);

#endif
