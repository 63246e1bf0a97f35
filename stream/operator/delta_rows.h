/*
 * An epoch's changed rows, folded: each row once, with the sum of its weights, found by the key that it belongs to. What comes and goes
 * within the epoch has the weight 0 and is no change. Where rows are only added (`appends`) there is nothing to fold: the same row twice stays two.
 */
#ifndef SPK_STREAM_OPERATOR_DELTA_ROWS_H
#define SPK_STREAM_OPERATOR_DELTA_ROWS_H

#include "core/columnar/keymap.h"
#include "core/columnar/plain.h"
#include "stream/operator/ordered_rows.h"

#define SPK_DELTA_NO_KEY UINT32_MAX

/* What a row's bytes have beside its columns: in front, where it stands in some order (with its size); behind them, anything. */
struct spk_delta_frame { bool ordered; uint32_t order_size, tail_size; const char *order; const void *tail; };

/* A row where nothing looks for its like. */
struct spk_delta_bytes { char *at; uint32_t size; };

struct spk_delta_rows {
	struct spk_memory_account *account;
	bool appends;                    /* rows are only added: each stays what it is, and the bytes lie in `arena` until the epoch is over */
	struct spk_arena *arena;
	struct spk_delta_bytes *row;     /* then, by row */
	struct spk_keymap map;           /* else: of the rows' bytes */
	struct spk_plain_writer writer;
	struct spk_buffer bytes;         /* scratch: of the row at hand */
	uint32_t count, capacity;
	int64_t *weight;                 /* by row; the block that has all three lists */
	uint32_t *key, *next;            /* by row: its key's number; the next row of that key, + 1 (until they are chained for whoever adds rows) */
	uint32_t *first;                 /* by key: its first row, + 1; 0: none changes */
};

/* appends: no row that comes is ever taken back. */
void spk_delta_rows_init(struct spk_delta_rows *d, bool appends, struct spk_memory_account *account);
void spk_delta_rows_clear(struct spk_delta_rows *d);
void spk_delta_rows_release(struct spk_delta_rows *d);

/* Rows of the first `columns` columns of a batch come next. */
spk_status spk_delta_rows_begin(struct spk_delta_rows *d, const struct spk_batch *in, int columns, spk_error *err);
/* Adds row `row` of it (plain.h), with what the frame says (NULL: nothing) beside it. */
spk_status spk_delta_rows_add(struct spk_delta_rows *d, int32_t row, const struct spk_delta_frame *frame, uint32_t key, int64_t weight, spk_error *err);
/* When all rows are there: chains those of each key that change, in the order in which they came. `first` lies in `arena`. */
spk_status spk_delta_rows_chain(struct spk_delta_rows *d, uint32_t keys, struct spk_arena *arena, spk_error *err);
/* What changes of a key. */
struct spk_delta_sum { int rows; bool takes; int64_t weight; };
struct spk_delta_sum spk_delta_rows_sum(const struct spk_delta_rows *d, uint32_t key);

/* A row's bytes, until the epoch's rows are cleared. */
static inline const char *spk_delta_row(const struct spk_delta_rows *d, uint32_t row, uint32_t *size)
{
	if (!d->appends)
		return spk_keymap_key(&d->map, row, size);
	*size = d->row[row].size;
	return d->row[row].at;
}
/* The same for as long as `arena` lives, which the bytes lie in, or which holds the one that they lie in. */
spk_status spk_delta_row_own(const struct spk_delta_rows *d, uint32_t row, struct spk_arena *arena, struct spk_kept_row *out, spk_error *err);
/* The same of a row with a place in some order, as ordered rows have it; the weight is left alone. */
spk_status spk_delta_row_ordered(const struct spk_delta_rows *d, uint32_t row, struct spk_arena *arena, struct spk_ordered_entry *out, spk_error *err);

#endif
