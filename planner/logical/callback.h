/*
 * Operators that somebody above the planner brings (typed Datasets): what the plan keeps of them, and what batch/operator/callback.c calls.
 *
 * One state per task. begin comes before the first row of a run, also after one that was given up; finish when all rows are there; end, once per
 * begin, gives back what the state holds. With keys the rows come sorted by them, so that those of a key are neighbours, all in one task.
 */
#ifndef SPK_PLANNER_LOGICAL_CALLBACK_H
#define SPK_PLANNER_LOGICAL_CALLBACK_H

#include "core/columnar/batch.h"

/* Hands batches on. The callee takes no reference of the caller's. */
struct spk_callback_out { spk_status (*emit)(void *op, struct spk_batch *batch, spk_error *err); void *op; };

struct spk_callback;

struct spk_callback_type {
	const char *name;            /* in EXPLAIN */
	size_t state_size;           /* zeroed when the task is made */
	spk_status (*begin)(void *state, const struct spk_callback *c, struct spk_memory_account *account, spk_error *err);
	spk_status (*push)(void *state, struct spk_batch *in, const struct spk_callback_out *out, spk_error *err);
	spk_status (*finish)(void *state, const struct spk_callback_out *out, spk_error *err);
	void (*end)(void *state);
};

/* Read-only, shared by all tasks. What it is embedded in knows the rest. */
struct spk_callback { const struct spk_callback_type *type; const struct spk_schema *schema; };

#endif
