/*
 * Aggregate functions over groups. A group's states lie side by side in one row of bytes ("state row"); an aggregate owns
 * state_size bytes of it, aligned as a type of that size may ask for (16 at the most). States are plain bytes unless the aggregate has `release`.
 *
 * update: rows of a batch, each with its group's state row, in row order; `input` are the call's input vectors. weight (by physical
 * row, NULL = all +1) may be negative when `retract` is set; an aggregate without it is not used over retracting input. merge adds
 * partial states. Update order is the batches' order, so floating-point results repeat exactly.
 *
 * A call is run by its `step`. That is the aggregate itself, or, where the rows of a group must be seen in an order or only once
 * (ORDER BY, DISTINCT in the call), the gatherer of aggregate_rows.c: it keeps the rows in the state and feeds the aggregate at the end.
 */
#ifndef SPK_CORE_EXPR_AGGREGATE_H
#define SPK_CORE_EXPR_AGGREGATE_H

#include "core/expr/expr.h"

struct spk_aggregate_call;
struct spk_user_aggregate;

enum { SPK_AGGREGATE_ARGS_MAX = 4 };

/*
 * ORDERED_SET: called as f(direct ...) WITHIN GROUP (ORDER BY args ...); its args are the direct ones, then the sorted ones, and its
 * update sees rows in that order. HYPOTHETICAL: the same with as many sort columns as direct arguments, of any type.
 */
enum spk_aggregate_kind { SPK_AGGREGATE_PLAIN, SPK_AGGREGATE_ORDERED_SET, SPK_AGGREGATE_HYPOTHETICAL };

struct spk_aggregate {
	const char *name;
	const char *doc;
	enum spk_aggregate_kind kind;
	int args;                          /* 0: count(*), or no direct arguments */
	int direct;                        /* ordered sets: how many of them are direct */
	struct spk_type arg[SPK_AGGREGATE_ARGS_MAX];  /* ids to match; UNKNOWN matches any type */
	/* The result's type; children of an array lie in `arena`. UNKNOWN: no memory. */
	struct spk_type (*result_of)(const struct spk_type *arg, struct spk_arena *arena);
	int state_size;
	bool retract;                      /* understands negative weights */
	bool never_null;                   /* gives a value over no rows, too */
	bool null_unlike_none;             /* gives a value over no rows, yet may give NULL over some */
	bool unordered;                    /* the order of rows never shows: ORDER BY in the call means nothing */
	bool idempotent;                   /* nor does a row's repetition: DISTINCT means nothing */
	bool largest;                      /* max, not min: what functions that serve both look at */
	bool gathers;                      /* its state is rows (aggregate_rows.h): it orders them by itself */
	bool as_json;                      /* writes its arguments as JSON: those whose text depends on the session's zone come as JSON already */
	bool folds;                        /* the state depends on which rows were merged as partial states (sums of floats), beyond their order */
	/* A zeroed state row is a valid empty state for every aggregate. */
	spk_status (*update)(const struct spk_aggregate_call *call, char *const *state, const struct spk_vector *input, const int32_t *sel, int n, const int32_t *weight, spk_error *err);
	spk_status (*merge)(const struct spk_aggregate_call *call, char *const *into, char *const *from, int n, spk_error *err);
	/* Final values of n groups into rows at, at+1, ... of the FLAT `out` (capacity `rows`, views into `arena`). */
	spk_status (*final)(const struct spk_aggregate_call *call, char *const *state, int n, struct spk_vector *out, int at, int rows, struct spk_arena *arena, spk_error *err);
	/* For states with memory of their own; NULL: the state's bytes are all. write appends a self-delimiting form, read consumes it. */
	spk_status (*write)(const struct spk_aggregate_call *call, const char *state, struct spk_buffer *out, spk_error *err);
	spk_status (*read)(const struct spk_aggregate_call *call, char *state, const char **from, const char *end, spk_error *err);
	void (*release)(const struct spk_aggregate_call *call, char *state);
	const struct spk_user_aggregate *user;  /* that of a session (user_aggregate.h) whose functions these call; NULL: built in */
};

/* ORDER BY in a call: by which of its inputs. */
struct spk_aggregate_sort { int input; bool descending, nulls_first; };

/*
 * One aggregate of a query: sum(price ORDER BY at) FILTER (WHERE ...). Read-only after planning. Its inputs are what update takes: the
 * arguments (of ordered sets the direct ones, then the sorted ones), then sort keys that are no arguments.
 */
struct spk_aggregate_call {
	const struct spk_aggregate *aggregate;
	const struct spk_aggregate *step;  /* keeps its state: all but name, doc, kind are asked of this one */
	int args, inputs;
	struct spk_expr **input;           /* none for count(*) */
	struct spk_expr *filter;           /* NULL: all rows */
	struct spk_type arg_type;          /* of input 0 */
	struct spk_type type;              /* the result's */
	bool distinct;
	int sorts, ordered;                /* `ordered` of the sort keys were written; DISTINCT adds the rest */
	struct spk_aggregate_sort *sort;
	int offset;                        /* of its state in the state row */
	bool elsewhere;                    /* of a partial aggregate: its state is updated by another one */
	bool shared;                       /* the state is that of a call before it: only its final is asked */
	struct spk_memory_account *account;/* what states with memory of their own count to */
	const char *name;                  /* output column */
	int position;
};

/* What a query writes. order: sort keys in the call, or WITHIN GROUP. */
struct spk_aggregate_syntax {
	const char *name;
	const struct spk_aggregate *own;   /* the session's of that name: the only one that is meant; NULL: built-in ones */
	int args;                          /* NULL arg, 0: '*' or nothing */
	struct spk_expr **arg;
	int orders;
	struct spk_sort_key *order;
	struct spk_expr *filter;
	bool distinct, within_group, star;
	int position;
};

/*
 * Resolves by name and arguments, adding implicit casts to the arguments where PostgreSQL does. BIND errors with PostgreSQL's texts, at
 * the syntax's position. The call's expressions lie in `arena`.
 */
spk_status spk_aggregate_resolve(struct spk_arena *arena, const struct spk_aggregate_syntax *syntax, struct spk_aggregate_call *out, spk_error *err);
bool spk_aggregate_known(const char *name);
/* The call over rows of which each comes once: without DISTINCT. */
void spk_aggregate_without_distinct(struct spk_aggregate_call *call);
/* The call with its state as the result, of type bytea; and the call over such states, which `state` gives. */
spk_status spk_aggregate_giving_state(struct spk_arena *arena, const struct spk_aggregate_call *call, struct spk_aggregate_call *out, spk_error *err);
spk_status spk_aggregate_merging_states(struct spk_arena *arena, const struct spk_aggregate_call *call, struct spk_expr *state, struct spk_aggregate_call *out, spk_error *err);
/* Whether there is a row for which `filter` is true, which understands negative weights. */
void spk_aggregate_whether(struct spk_expr *filter, struct spk_aggregate_call *out);
/* The call where others have found its value: over rows of which a group has at most one, `value`, that may be taken back. */
spk_status spk_aggregate_of_one(struct spk_arena *arena, const struct spk_aggregate_call *call, struct spk_expr *value, struct spk_aggregate_call *out, spk_error *err);
/* True when the two give the same value for the same rows. */
bool spk_aggregate_same(const struct spk_aggregate_call *a, const struct spk_aggregate_call *b);
/* "sum(DISTINCT x ORDER BY y)", without FILTER. */
spk_status spk_aggregate_format(const struct spk_aggregate_call *call, struct spk_buffer *out, spk_error *err);
/* Whether the result may be NULL. */
bool spk_aggregate_nullable(const struct spk_aggregate_call *call);
/* Assigns the offsets of calls in a state row and returns its size (a multiple of 16). */
int spk_aggregate_layout(struct spk_aggregate_call *calls, int count);
/* The same, where calls that keep the same state (sum and avg of one argument) have one: `shared` are those that nobody else must update. */
int spk_aggregate_layout_shared(struct spk_aggregate_call *calls, int count);
/* Whole state rows, through write/read where an aggregate has them (raw bytes otherwise). */
spk_status spk_aggregate_row_write(const struct spk_aggregate_call *calls, int count, const char *row, struct spk_buffer *out, spk_error *err);
spk_status spk_aggregate_row_read(const struct spk_aggregate_call *calls, int count, char *row, const char *data, size_t size, spk_error *err);
void spk_aggregate_row_release(const struct spk_aggregate_call *calls, int count, char *row);
const struct spk_aggregate *spk_aggregates(int *count);

#endif
