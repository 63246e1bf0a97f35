/* The incremental operators, one per file, and what they share. See README.md. */
#ifndef SPK_STREAM_OPERATOR_STREAM_OPERATORS_H
#define SPK_STREAM_OPERATOR_STREAM_OPERATORS_H

#include <stdio.h>

#include "batch/operator/groups.h"
#include "core/columnar/hash.h"
#include "core/expr/text.h"
#include "stream/operator/expiry.h"

extern const struct spk_op_type spk_op_late, spk_op_timed, spk_op_window_aggregate, spk_op_stream_aggregate, spk_op_stream_join, spk_op_interval_join, spk_op_window_join, spk_op_stream_asof_join,
	spk_op_lookup_join, spk_op_recompute, spk_op_top_n, spk_op_first_row, spk_op_session_input, spk_op_session, spk_op_pane_aggregate, spk_op_normalize, spk_op_hold, spk_op_time_over, spk_op_running_over, spk_op_fold_changes, spk_op_paced_changes, spk_op_paced_sessions;

/* The operator type of a node in a stream, NULL when it is a batch operator's. */
const struct spk_op_type *spk_stream_op_type(const struct spk_physical *node);

/* Dead-letters a row as late: what it belongs to ended at `end`. */
spk_status spk_late_report(struct spk_op *op, const struct spk_batch *in, int32_t row, int64_t end, int64_t watermark, spk_error *err);

/* The watermark of an operator with `time_sources`, before and after the epoch at hand: that of the sources, less how long rows may be under way. */
int64_t spk_op_watermark_before(const struct spk_op *op);
int64_t spk_op_watermark_after(const struct spk_op *op);

/* --- operators by window, with a bucket for each: its end, and behind that what late rows are allowed (plan->lateness_us) --- */

/* Whether changes of what is in this bucket come out now: not those of a window that is yet to close, where that is waited for (plan->on_close). */
bool spk_op_window_speaks(const struct spk_op *op, int64_t bucket);
/* Buckets of the windows that close in this epoch, where that is waited for: those behind `behind` up to `to`, that one included. */
struct spk_closing_buckets { int64_t behind, to; };
struct spk_closing_buckets spk_op_windows_closing(const struct spk_op *op);
/* Drops what nothing may change any more. */
spk_status spk_op_drop_windows(const struct spk_op *op, struct spk_state_view *view, spk_error *err);

/* --- an aggregate with state: groups of the epoch, met with a state table in finish --- */

/* A state row in memory: the number of rows, weighted, and the states at the next multiple of 16. */
enum { SPK_STATE_HEADER = 16 };
static inline int64_t *spk_state_count(char *row) { return (int64_t *)(void *)row; }
static inline char *spk_state_states(char *row) { return row + SPK_STATE_HEADER; }

/* A state row as a table's value (state_row.c), appended to `out`. */
spk_status spk_state_row_write(const struct spk_groups *g, int64_t count, const char *states, struct spk_buffer *out, spk_error *err);
/* The other way round. States that are their bytes (g->plain) go to `states`, and *size becomes 0; of others *value and *size are what spk_groups_read_states takes. */
spk_status spk_state_row_split(const struct spk_groups *g, const char **value, uint32_t *size, int64_t *count, char *states, spk_error *err);

struct spk_stateful_groups {
	struct spk_op base;
	struct spk_arena *arena;
	struct spk_groups epoch;          /* this epoch's groups only */
	struct spk_state_view *view;
	int row_size;                     /* of a state row */
	char *old_row;                    /* scratch: state rows read from the table, one per group of a slice */
	struct spk_buffer bytes;          /* scratch: values to write */
	struct spk_expiry expiry;         /* of groups that do not change, where they are forgotten */
	struct spk_view *standing;        /* keys of the groups that are there in any case (plan->empty_set), in the arena; empty: another task's */
	bool began;                       /* these are in the state */
};

spk_status spk_stateful_open(struct spk_op *op, spk_error *err);
spk_status spk_stateful_begin(struct spk_op *op, spk_error *err);
spk_status spk_stateful_push(struct spk_op *op, int input, struct spk_batch *in, spk_error *err);
void spk_stateful_close(struct spk_op *op);

/*
 * A slice of the epoch's groups [from, from + n), or those that number[] names, n <= SPK_BATCH_ROWS, with their old state: old[i] is the state row read from the table or
 * NULL. The rows lie in s->old_row and must be released by spk_stateful_slice_release.
 */
struct spk_slice {
	const uint32_t *number;           /* set before it is read; NULL: by `from` */
	uint32_t from;
	int n;
	struct spk_row_keys keys;
	uint64_t hash[SPK_BATCH_ROWS];
	int64_t bucket[SPK_BATCH_ROWS];
	bool bucketed;
	char *old[SPK_BATCH_ROWS];
};
static inline uint32_t spk_slice_number(const struct spk_slice *slice, int i) { return slice->number ? slice->number[i] : slice->from + (uint32_t)i; }
/* Number of rows and states of the slice's i-th group as they are by now: the old row's when there is one, else the epoch's. */
int64_t *spk_slice_count(const struct spk_stateful_groups *s, const struct spk_slice *slice, int i);
char *spk_slice_states(const struct spk_stateful_groups *s, const struct spk_slice *slice, int i);
spk_status spk_stateful_read(struct spk_stateful_groups *s, uint32_t from, int n, bool bucketed, struct spk_slice *slice, spk_error *err);
/* Merges the epoch's rows into the old ones, which become the new state; groups without an old row are new as they are. */
spk_status spk_stateful_merge(struct spk_stateful_groups *s, const struct spk_slice *slice, spk_error *err);
/* Groups that are there in any case, without GROUP BY or of an empty grouping set: makes sure of those of this task, in the first epoch that it computes; and whether this is one. */
spk_status spk_stateful_add_standing(struct spk_stateful_groups *s, spk_error *err);
bool spk_stateful_stands(const struct spk_stateful_groups *s, uint32_t number);
/* Writes the new rows of the slice; a group whose row count is 0 is deleted unless it is there in any case. */
spk_status spk_stateful_write(struct spk_stateful_groups *s, const struct spk_slice *slice, spk_error *err);
/* Groups of the epoch into a bucketed table, slice by slice: number[0..count). NULL: the first `count`. */
spk_status spk_stateful_fold(struct spk_stateful_groups *s, const uint32_t *number, uint32_t count, spk_error *err);
/* Emits the final rows of all groups in buckets [from, to] of a bucketed table; take: these are dropped. */
spk_status spk_stateful_emit_windows(struct spk_stateful_groups *s, int64_t from, int64_t to, bool take, spk_error *err);
void spk_stateful_release_row(const struct spk_stateful_groups *s, char *row);
void spk_stateful_slice_release(struct spk_stateful_groups *s, struct spk_slice *slice);
/* A state row from the bytes of a table's value; it must be released, also after a failure. */
spk_status spk_stateful_read_row(const struct spk_stateful_groups *s, char *row, const char *value, uint32_t size, spk_error *err);

#endif
