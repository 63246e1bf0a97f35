/*
 * Window functions over sorted rows: what the files over*.c share.
 *
 * Rows are kept in pages of page_rows until their partition is complete; row numbers run through the whole input, so row r lies in page
 * r / page_rows. Then every call goes along the partition by itself, and what is complete is handed on.
 *
 * A partition that does not fit the operator's share of memory lies on disk (over_page.c): its pages, and the results of each call. All that
 * calls look at are a few places that only move forward: the row, its peers, the edges of its frame. So pages come back one at a time
 * (over_at), with what the call at hand needs of them, and those looked at the longest ago give way.
 */
#ifndef SPK_BATCH_OPERATOR_OVER_H
#define SPK_BATCH_OPERATOR_OVER_H

#include "batch/spill.h"
#include "core/columnar/rowkey.h"

/* What one call needs of one page. */
struct over_values {
	struct spk_vector *arg;              /* arguments of a window function, inputs of an aggregate */
	struct spk_vector filter, range_key;
	struct spk_row_keys key, start, end; /* RANGE with an offset: keys at the row and at its frame's edges */
};

struct over_page {
	struct spk_batch *in, *out;          /* NULL: on disk. out: where values are; and results, as long as the page was never on disk */
	uint8_t *begins;                     /* by row: a bit when a partition, a peer group begins */
	struct over_values *value;           /* by call */
	size_t bytes;                        /* taken by all that */
	int64_t used;                        /* on disk, but in memory again: when it was looked at last */
	bool on_disk;
};

enum { OVER_PARTITION = 1, OVER_PEERS = 2, OVER_REREADS_MOST = 256 };

struct over_call {
	const struct spk_window_call *call;
	struct spk_aggregate_call aggregate; /* with the state laid out */
	int state_size;
	char *state;                         /* of the aggregate */
	char **same_state;                   /* SPK_BATCH_ROWS pointers to it */
	int64_t from, to;                    /* rows in the state */
	int64_t start_offset, end_offset;    /* ROWS, GROUPS */
	struct spk_schema schema;            /* of the result alone */
	struct spk_spill_run *result;        /* of the pages on disk, a block each */
};

struct over {
	struct spk_op base;
	struct spk_arena *arena;
	int keys;                            /* columns of partition and order */
	struct spk_key_column *key_column;
	struct spk_schema key_schema;
	struct over_call *call;
	int32_t *minus;                      /* SPK_BATCH_ROWS weights of -1 */
	struct spk_batch_builder builder;
	int page_rows, page_shift;           /* a power of two: fewer than a batch has when rows are long and memory is short */
	struct over_page *page;              /* page[k] is page number first + k */
	int pages, capacity;
	int64_t first;                       /* number of page[0] */
	int64_t rows, begun;                 /* rows kept so far, and the first of the partition that is open */
	int64_t known;                       /* rows that are known not to be of a later partition */
	struct spk_buffer last_key;          /* of the row before */
	uint32_t last_partition;             /* bytes of it that are the partition's */
	/* on disk */
	struct spk_spill_share share;
	struct spk_schema run_schema;        /* the input's, and `begins` */
	struct spk_spill_run *run;           /* pages of the open partition, a block each; NULL: all are in memory */
	int64_t run_first;                   /* number of the page in block 0 */
	size_t held, reread;                 /* bytes of all pages in memory; of those that are on disk as well */
	int64_t in_memory[OVER_REREADS_MOST];/* numbers of those */
	int rereads;
	int64_t clock;
	int computing;                       /* call whose values pages come back with */
	struct spk_batch *writing;           /* results of page `writing_page`, which is on disk */
	int64_t writing_page;
};

/* --- pages: over_page.c --- */

static inline struct over_page *over_page_of(const struct over *o, int64_t r) { return &o->page[(r >> o->page_shift) - o->first]; }

spk_status over_reread(struct over *o, struct over_page *page, spk_error *err);

/* The page that row `r` is in and its place there. The page stays until three others were asked for. */
static inline spk_status over_at(struct over *o, int64_t r, struct over_page **page, int32_t *row, spk_error *err)
{
	*row = (int32_t)(r & (o->page_rows - 1));
	*page = over_page_of(o, r);
	return (*page)->on_disk ? over_reread(o, *page, err) : SPK_OK;
}

/* How many rows pages have from here on: a batch's, or fewer where memory is short for rows like those of `in`. */
spk_status over_choose_page_rows(struct over *o, const struct spk_batch *in, spk_error *err);
/* Values of one call, or of all and vectors for their results. `in` and `out` are there. */
enum { OVER_ALL_CALLS = -1 };
spk_status over_evaluate(struct over *o, struct over_page *page, int call, spk_error *err);
/* Bytes that it takes, and will take with its results. */
spk_status over_page_measure(const struct over *o, struct over_page *page, spk_error *err);
void over_page_release(struct over *o, struct over_page *page);

/* Pages that came back with what one call needs are of no use to the next. */
void over_drop_rereads(struct over *o);
/* Puts all pages on disk that hold nothing but rows of the open partition (below `known`). */
spk_status over_spill(void *over, spk_error *err);
/* The page with its results, once all calls have gone along it (the caller's: spk_batch_unref). */
spk_status over_page_result(struct over *o, int64_t number, struct spk_batch **out, spk_error *err);
/* Removes what is on disk. */
void over_forget_runs(struct over *o);

/* Where a call puts the result of a row: in order of the rows, each once. */
struct over_target {
	struct spk_vector *vector;
	struct spk_arena *arena;
	int rows;                            /* the vector's capacity */
	int32_t row;
};
spk_status over_target(struct over *o, int c, int64_t r, struct over_target *out, spk_error *err);
/* Call `c` has gone along the partition. */
spk_status over_target_end(struct over *o, int c, spk_error *err);
/* Makes the result of row `r` NULL. */
spk_status over_set_null(struct over *o, int c, int64_t r, spk_error *err);

/* --- frames: over_frame.c --- */

/* A peer group that is gone to: its first row, and its number in the partition. */
struct over_group { int64_t row, number; };

/*
 * Goes along the rows of a partition [first, end) and tells each one's frame. Rows [start, stop) are in it but for [gap, gap_end) and,
 * where ties are left out, the row itself, which is in it.
 */
struct over_frame {
	struct over *o;
	const struct over_call *call;
	int index;                           /* of the call */
	int64_t first, end;                  /* the partition */
	int64_t group_start, group_end;      /* peers of the row */
	int64_t group;                       /* their number in the partition */
	int64_t low, high;                   /* RANGE with an offset: how far the edges have come */
	struct over_group low_group, high_group; /* GROUPS: the same */
	int64_t start, stop;                 /* out */
	int64_t gap, gap_end;                /* out: empty unless EXCLUDE */
	bool ties;                           /* out: the row is in its frame although it lies in the gap */
};

void over_frame_begin(struct over_frame *f, struct over *o, int call, int64_t first, int64_t end);
/* Rows must come in order, without a hole. */
spk_status over_frame_move(struct over_frame *f, int64_t row, spk_error *err);
/* The first row behind `row` that begins a peer group, or `end`. */
spk_status over_peers_end(struct over *o, int64_t row, int64_t end, int64_t *out, spk_error *err);

/* --- functions: results of call `c` for the partition [first, end) --- */

spk_status over_rank(struct over *o, int c, int64_t first, int64_t end, spk_error *err);       /* row_number, rank, ..., ntile */
spk_status over_offset(struct over *o, int c, int64_t first, int64_t end, spk_error *err);     /* lag, lead */
spk_status over_value(struct over *o, int c, int64_t first, int64_t end, spk_error *err);      /* first_value, last_value, nth_value */
spk_status over_aggregate(struct over *o, int c, int64_t first, int64_t end, spk_error *err);

#endif
