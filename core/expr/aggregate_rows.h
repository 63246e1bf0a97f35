/*
 * Rows kept in a state: for calls that must see all rows of a group at the end, in an order or each only once. Private to core/expr.
 *
 * A state is a list of records in the order in which rows came: sizes of its two parts, the sort keys encoded so that memcmp orders them
 * (none without ORDER BY), the arguments as plain bytes (of ordered sets those that are sorted). Merging and writing are copying. Under DISTINCT a list that has grown to twice its
 * size is sorted and rid of repetitions, so that it takes the room of its distinct rows.
 */
#ifndef SPK_CORE_EXPR_AGGREGATE_ROWS_H
#define SPK_CORE_EXPR_AGGREGATE_ROWS_H

#include "core/columnar/rowkey.h"
#include "core/expr/aggregate_internal.h"

/* Zeroed is empty. */
struct spk_rows {
	struct spk_buffer bytes;
	uint64_t count;
	uint64_t clean;                    /* bytes at the front that hold no repetitions */
};

/* The functions of an aggregate whose state is a struct spk_rows. Ordered sets leave out rows whose sort key is NULL. */
spk_status spk_rows_update(const struct spk_aggregate_call *call, char *const *state, const struct spk_vector *input, const int32_t *sel, int n, const int32_t *weight, spk_error *err);
spk_status spk_rows_merge(const struct spk_aggregate_call *call, char *const *into, char *const *from, int n, spk_error *err);
spk_status spk_rows_write(const struct spk_aggregate_call *call, const char *state, struct spk_buffer *out, spk_error *err);
spk_status spk_rows_read(const struct spk_aggregate_call *call, char *state, const char **from, const char *end, spk_error *err);
void spk_rows_release(const struct spk_aggregate_call *call, char *state);

#define SPK_ROWS_STATE \
	.state_size = (int)sizeof(struct spk_rows), .update = spk_rows_update, .merge = spk_rows_merge, .write = spk_rows_write, .read = spk_rows_read, .release = spk_rows_release

/* Records in their order; they lie in the state. */
struct spk_sorted_row { uint64_t prefix; const char *record; };
struct spk_sorted { size_t count; struct spk_sorted_row *row; };

/* The rows in the call's order (that in which they came, without one), under DISTINCT each once: the first of equal ones. */
spk_status spk_rows_sort(const struct spk_aggregate_call *call, const struct spk_rows *rows, struct spk_arena *arena, struct spk_sorted *out, spk_error *err);
/* The values 0..count of a record into row `row` of FLAT vectors for `capacity` rows, filled in ascending order. */
spk_status spk_record_read(const char *record, struct spk_vector *vector, int count, int row, int capacity, struct spk_arena *arena, spk_error *err);
/* Equal sort keys. */
bool spk_record_same_key(const char *a, const char *b);
/* The record's sort key against another of the same columns: <0, 0, >0. */
int spk_record_compare_key(const char *record, const char *key, uint32_t size);

#endif
