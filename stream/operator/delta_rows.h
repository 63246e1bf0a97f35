/*
 * An epoch's changed rows, folded: each row once, with the sum of its weights, found by the key that it belongs to. What comes and goes
 * within the epoch has the weight 0 and is no change.
 */
#ifndef SPK_STREAM_OPERATOR_DELTA_ROWS_H
#define SPK_STREAM_OPERATOR_DELTA_ROWS_H

#include "core/columnar/keymap.h"
#include "stream/operator/ordered_rows.h"

#define SPK_DELTA_NO_KEY UINT32_MAX

struct spk_delta_rows {
	struct spk_memory_account *account;
	struct spk_keymap map;           /* of the rows' bytes */
	struct spk_buffer bytes;         /* scratch: of the row at hand */
	uint32_t capacity;
	int64_t *weight;                 /* by row; the block that has all three lists */
	uint32_t *key, *next;            /* by row: its key's number; the next row of that key, + 1 */
	uint32_t *first;                 /* by key: its first row, + 1; 0: none changes */
};

void spk_delta_rows_init(struct spk_delta_rows *d, struct spk_memory_account *account);
void spk_delta_rows_clear(struct spk_delta_rows *d);
void spk_delta_rows_release(struct spk_delta_rows *d);

/* Encodes row `row` of the first `columns` columns into d->bytes (plain.h). */
spk_status spk_delta_rows_encode(struct spk_delta_rows *d, const struct spk_batch *in, int columns, int32_t row, spk_error *err);
/* The same of all columns, behind what says where the row stands in some order. */
spk_status spk_delta_rows_encode_ordered(struct spk_delta_rows *d, const char *order, uint32_t size, const struct spk_batch *in, int32_t row, spk_error *err);
/* A row that was encoded so, as ordered rows have it; its bytes are copied into `arena`, the weight is left alone. */
spk_status spk_delta_row_ordered(const struct spk_delta_rows *d, uint32_t row, struct spk_arena *arena, struct spk_ordered_entry *out, spk_error *err);
/* Adds the row whose bytes are in d->bytes. */
spk_status spk_delta_rows_add(struct spk_delta_rows *d, uint32_t key, int64_t weight, spk_error *err);
/* When all rows are there: chains those of each key that change, in the order in which they came. `first` lies in `arena`. */
spk_status spk_delta_rows_chain(struct spk_delta_rows *d, uint32_t keys, struct spk_arena *arena, spk_error *err);
/* What changes of a key. */
struct spk_delta_sum { int rows; bool takes; int64_t weight; };
struct spk_delta_sum spk_delta_rows_sum(const struct spk_delta_rows *d, uint32_t key);

static inline const char *spk_delta_row(const struct spk_delta_rows *d, uint32_t row, uint32_t *size) { return spk_keymap_key(&d->map, row, size); }

#endif
