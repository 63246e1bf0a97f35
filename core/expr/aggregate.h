/*
 * Aggregate functions over groups. A group's states lie side by side in one row of bytes ("state row"); an aggregate owns
 * state_size bytes at an 16-aligned offset of it. States are plain bytes unless the aggregate has `release`.
 *
 * update: rows of a batch, each with its group's state row, in row order. weight (by physical row, NULL = all +1) may be
 * negative when `retract` is set; an aggregate without it is not used over retracting input. merge adds partial states.
 * Update order is the batches' order, so floating-point results repeat exactly.
 */
#ifndef SPK_CORE_EXPR_AGGREGATE_H
#define SPK_CORE_EXPR_AGGREGATE_H

#include "core/expr/expr.h"

struct spk_aggregate_call;

struct spk_aggregate {
	const char *name;
	const char *doc;
	int args;                          /* 0: count(*) */
	struct spk_type arg;               /* id to match; UNKNOWN matches any type */
	struct spk_type (*result_of)(struct spk_type arg);
	int state_size;
	bool retract;                      /* understands negative weights */
	/* A zeroed state row is a valid empty state for every aggregate. */
	spk_status (*update)(const struct spk_aggregate_call *call, char *const *state, const struct spk_vector *arg, const int32_t *sel, int n, const int32_t *weight, spk_error *err);
	spk_status (*merge)(const struct spk_aggregate_call *call, char *const *into, char *const *from, int n, spk_error *err);
	/* Final values of n groups into rows at, at+1, ... of the FLAT `out` (capacity `rows`, views into `arena`). */
	spk_status (*final)(const struct spk_aggregate_call *call, char *const *state, int n, struct spk_vector *out, int at, int rows, struct spk_arena *arena, spk_error *err);
	/* For states with memory of their own; NULL: the state's bytes are all. write appends a self-delimiting form, read consumes it. */
	spk_status (*write)(const struct spk_aggregate_call *call, const char *state, struct spk_buffer *out, spk_error *err);
	spk_status (*read)(const struct spk_aggregate_call *call, char *state, const char **from, const char *end, spk_error *err);
	void (*release)(char *state);
};

/* One aggregate of a query: sum(price) FILTER (WHERE ...). Read-only after planning. */
struct spk_aggregate_call {
	const struct spk_aggregate *aggregate;
	struct spk_expr *arg;              /* NULL for count(*) */
	struct spk_expr *filter;           /* NULL: all rows */
	struct spk_type arg_type, type;    /* type: the result's */
	bool distinct;
	int offset;                        /* of its state in the state row */
	const char *name;                  /* output column */
	int position;
};

/* Resolves by name and argument (NULL: '*'), adding an implicit cast to the argument where PostgreSQL does. */
spk_status spk_aggregate_resolve(struct spk_arena *arena, const char *name, struct spk_expr *arg, struct spk_expr *filter, bool distinct, int position, struct spk_aggregate_call *out, spk_error *err);
bool spk_aggregate_known(const char *name);
/* Assigns the offsets of calls in a state row and returns its size (a multiple of 16). */
int spk_aggregate_layout(struct spk_aggregate_call *calls, int count);
/* Whole state rows, through write/read where an aggregate has them (raw bytes otherwise). */
spk_status spk_aggregate_row_write(const struct spk_aggregate_call *calls, int count, const char *row, struct spk_buffer *out, spk_error *err);
spk_status spk_aggregate_row_read(const struct spk_aggregate_call *calls, int count, char *row, const char *data, size_t size, spk_error *err);
void spk_aggregate_row_release(const struct spk_aggregate_call *calls, int count, char *row);
const struct spk_aggregate *spk_aggregates(int *count);

#endif
