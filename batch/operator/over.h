/*
 * Window functions over sorted rows: what the files over*.c share.
 *
 * Rows are kept in full batches until their partition is complete; row numbers run through the whole input, so row r lies in batch
 * r / SPK_BATCH_ROWS. Every batch has its results beside it and is handed on when all of its rows have theirs.
 */
#ifndef SPK_BATCH_OPERATOR_OVER_H
#define SPK_BATCH_OPERATOR_OVER_H

#include "batch/operator/operator.h"
#include "core/columnar/rowkey.h"

/* What one call needs of one batch. */
struct over_values {
	struct spk_vector *arg;              /* arguments of a window function, inputs of an aggregate */
	struct spk_vector filter, range_key;
	struct spk_row_keys key, start, end; /* RANGE with an offset: keys at the row and at its frame's edges */
};

struct over_batch {
	struct spk_batch *in, *out;
	uint8_t *begins;                     /* by row: a bit when a partition, a peer group begins */
	struct over_values *value;           /* by call */
};

enum { OVER_PARTITION = 1, OVER_PEERS = 2 };

struct over_call {
	const struct spk_window_call *call;
	struct spk_aggregate_call aggregate; /* with the state laid out */
	int state_size;
	char *state;                         /* of the aggregate */
	char **same_state;                   /* SPK_BATCH_ROWS pointers to it */
	int64_t from, to;                    /* rows in the state */
	int64_t start_offset, end_offset;    /* ROWS, GROUPS */
};

struct over {
	struct spk_op base;
	struct spk_arena *arena;
	int keys;                            /* columns of partition and order */
	struct spk_key_column *key_column;
	struct spk_schema key_schema;
	struct over_call *call;
	struct spk_batch_builder builder;
	struct over_batch *batch;            /* ring of what is kept: batch[k] is batch number first + k */
	int batches, capacity;
	int64_t first;                       /* number of batch[0] */
	int64_t rows, begun;                 /* rows kept so far, and the first of the partition that is open */
	struct spk_buffer last_key;          /* of the row before */
	uint32_t last_partition;             /* bytes of it that are the partition's */
	int64_t *group;                      /* first rows of the peer groups of the partition at hand, for GROUPS */
	int64_t groups, group_capacity;
	int32_t *minus;                      /* SPK_BATCH_ROWS weights of -1 */
};

_Static_assert((SPK_BATCH_ROWS & (SPK_BATCH_ROWS - 1)) == 0, "row numbers are split by shifts");

/* The batch that row `r` is in, and its place there. */
static inline struct over_batch *over_at(const struct over *o, int64_t r, int32_t *row)
{
	*row = (int32_t)(r % SPK_BATCH_ROWS);
	return &o->batch[r / SPK_BATCH_ROWS - o->first];
}
static inline bool over_begins(const struct over *o, int64_t r, int what)
{
	int32_t row;
	const struct over_batch *b = over_at(o, r, &row);

	return b->begins[row] & what;
}
/* The vector that call `c` has its results of batch `b` in. */
static inline struct spk_vector *over_result(const struct over *o, struct over_batch *b, int c)
{
	return &b->out->column[o->base.plan->schema->count - o->base.plan->calls + c];
}
/* Makes the result of row `r` NULL. */
spk_status over_set_null(const struct over *o, int c, int64_t r, spk_error *err);

/*
 * Goes along the rows of a partition [first, end) and tells each one's frame. Rows [start, stop) are in it but for [gap, gap_end) and,
 * where ties are left out, the row itself, which is in it.
 */
struct over_frame {
	const struct over *o;
	const struct over_call *call;
	int index;                           /* of the call */
	int64_t first, end;                  /* the partition */
	int64_t group_start, group_end;      /* peers of the row */
	int64_t group;                       /* their number in the partition */
	int64_t low, high;                   /* RANGE with an offset: how far the edges have come */
	int64_t start, stop;                 /* out */
	int64_t gap, gap_end;                /* out: empty unless EXCLUDE */
	bool ties;                           /* out: the row is in its frame although it lies in the gap */
};

spk_status over_frame_begin(struct over_frame *f, struct over *o, int call, int64_t first, int64_t end, spk_error *err);
/* Rows must come in order, without a hole. */
void over_frame_move(struct over_frame *f, int64_t row);

/* Results of call `c` for the partition [first, end). */
spk_status over_rank(struct over *o, int c, int64_t first, int64_t end, spk_error *err);       /* row_number, rank, ..., ntile */
spk_status over_offset(struct over *o, int c, int64_t first, int64_t end, spk_error *err);     /* lag, lead */
spk_status over_value(struct over *o, int c, int64_t first, int64_t end, spk_error *err);      /* first_value, last_value, nth_value */
spk_status over_aggregate(struct over *o, int c, int64_t first, int64_t end, spk_error *err);

#endif
