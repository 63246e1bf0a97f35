/*
 * Operators: how a physical node runs. One per file, each a const table of functions over a state of its own.
 *
 * A pipeline holds the operators of one task (stage x partition). In a stream pipelines live as long as the job and see one run per
 * epoch: open, then per run (begin, push ..., finish), then close. begin forgets what an aborted run left. push borrows the
 * batch (take a reference to keep it). Leaves are driven one after the other; `end` tells an operator that one of its inputs is over (a
 * join's build side), finish, once per run and in topological order, that all are; it may emit.
 * State tables are only touched in finish, so a run that fails before it has changed nothing.
 */
#ifndef SPK_BATCH_OPERATOR_OPERATOR_H
#define SPK_BATCH_OPERATOR_OPERATOR_H

#include <pthread.h>

#include "batch/run.h"
#include "core/base/check.h"
#include "core/base/memory.h"
#include "scheduler/dag.h"
#include "state/state.h"

struct spk_op;
struct spk_spill;

struct spk_op_type {
	const char *name;
	size_t size;                     /* of the state struct, whose first member is struct spk_op */
	spk_status (*open)(struct spk_op *op, spk_error *err);
	spk_status (*begin)(struct spk_op *op, spk_error *err);
	spk_status (*push)(struct spk_op *op, int input, struct spk_batch *in, spk_error *err);
	spk_status (*finish)(struct spk_op *op, spk_error *err);
	spk_status (*lead)(struct spk_op *op, spk_error *err);  /* leaves only: emits all batches of the run */
	spk_status (*end)(struct spk_op *op, int input, spk_error *err);  /* no more rows come to this input in this run; may be NULL */
	void (*close)(struct spk_op *op);
};

struct spk_op_edge { struct spk_op *op; int input; };

/*
 * What all tasks of a node use together in a run, such as the table over a broadcast build side: made by the first that locks it and finds
 * no value, released when the run is over. Read-only once unlocked.
 */
struct spk_shared { pthread_mutex_t lock; void *value; void (*release)(void *value); };

/* One task's operators and what they share. */
struct spk_pipeline {
	const struct spk_physical_plan *plan;
	int stage, task;                 /* index of the task in the stage */
	int tasks;                       /* of the stage */
	int partition, partitions;       /* which of the tasks of its leaves it is, of how many */
	int op_count;
	struct spk_op **op;              /* topological; only what is reachable from the leaves */
	int leaves;
	struct spk_op **leaf;            /* in the order in which they are driven */
	struct spk_shared *shared;       /* by plan node, of all tasks of the run */
	struct spk_store *store;         /* state; NULL in batch or when nothing is stateful */
	struct spk_memory_account *account;
	struct spk_spill *spill;         /* where operators put what does not fit (batch/spill.h); NULL: nowhere */
	int batch_rows;
	const int *exchange_readers;     /* by exchange: number of reader tasks */
	const int *exchange_base;        /* by exchange: first output partition in the write stage's shuffle */
	const int *exchange_input;       /* by exchange: input number of the task that reads it */
	int *own_input;                  /* it, when this task's are others than its stage's; else NULL */
	bool of_keys;                    /* inside an operator that keeps rows by key: these are the rows of some keys, and nothing comes out of groups without rows */
	bool verify;                     /* re-encode every batch (tests) */
	bool timed;                      /* measure how long each operator takes */
	bool closed;                     /* nothing is left but what was counted */
	struct spk_op *turn;             /* timed: whose time it is, since when */
	int64_t turn_us;
	/* during a run */
	struct spk_run *run;
	struct spk_task *task_handle;
	struct spk_task_output output;
};

struct spk_op {
	const struct spk_op_type *type;
	const struct spk_physical *plan;
	struct spk_pipeline *pipeline;
	int outputs;
	struct spk_op_edge *output;
	int64_t rows_out, batches_out;
	int64_t rows_filtered;           /* scans: left out by runtime filters */
	int64_t spilled_bytes, memory_peak;  /* written to disk; held at the most */
	int64_t own_us;                  /* timed: in this operator itself, without those that it pushes to */
	bool whole;                      /* joins: every task reads all of the build side because an exchange was left out, and they share what is made of it */
	struct spk_draws *draws;         /* in a stream; from malloc */
	bool led, finished;              /* in this run; kept by the pipeline */
	bool done;                       /* needs no more rows in this run, of no input: leaves stop then (LIMIT); spk_op_emit passes it on */
	int pending[2];                  /* edges into each input that have not ended */
};

/* Pushes to all consumers. Empty batches are not passed on. */
spk_status spk_op_emit(struct spk_op *op, struct spk_batch *batch, spk_error *err);

/* From here on the time is `op`'s (NULL: nobody's); returns whose it was. Does nothing when the pipeline is not timed. */
struct spk_op *spk_op_turn(struct spk_pipeline *p, struct spk_op *op);

/* CANCELLED when the run is stopping. For loops that may go on for long without a batch: spk_op_emit looks by itself. */
spk_status spk_op_check_cancelled(const struct spk_op *op, spk_error *err);

/* An operator need not go on when all that it feeds are done. */
bool spk_op_consumers_done(const struct spk_op *op);

/* An evaluation context for expressions over `in` with results in `out`'s arena. errors: where to collect failing rows. */
struct spk_eval spk_op_eval(const struct spk_op *op, struct spk_arena *arena, struct spk_row_errors *errors);
/* Row errors that may be collected: in a stream `errors`, in batch NULL (the first one fails the query). */
struct spk_row_errors *spk_op_errors(const struct spk_op *op, struct spk_row_errors *errors);
/* Turns collected errors into dead letters and takes their rows out of sel[0..*n). */
spk_status spk_op_reject(struct spk_op *op, const struct spk_batch *in, const struct spk_row_errors *errors, int32_t *sel, int *n, spk_error *err);
spk_status spk_op_dead_letter(struct spk_op *op, const struct spk_batch *in, int32_t row, spk_status code, bool late, int64_t watermark, const char *reason, spk_error *err);
/* A batch of the selected rows from, from + 1, ... from + n - 1 of `in`. */
spk_status spk_op_slice(struct spk_batch **out, const struct spk_batch *in, int from, int n, spk_error *err);
/* The batch's selection as an array in `arena` (a copy, so that it may be narrowed). */
int32_t *spk_op_selection(const struct spk_batch *in, struct spk_arena *arena);

/* The operator of a kind of node in a batch plan; NULL when it is none. */
const struct spk_op_type *spk_batch_op_type(enum spk_physical_kind kind);

/* X(KIND, type): operators of batch plans; stream/ adds its own at exec. */
extern const struct spk_op_type spk_op_scan, spk_op_values, spk_op_read, spk_op_write, spk_op_filter, spk_op_project, spk_op_expand, spk_op_window,
	spk_op_partial_aggregate, spk_op_final_aggregate, spk_op_sort, spk_op_top_k, spk_op_over, spk_op_callback, spk_op_limit, spk_op_sink, spk_op_collect,
	spk_op_hash_join, spk_op_loop_join, spk_op_merge_join, spk_op_asof_join, spk_op_unnest;

#endif
