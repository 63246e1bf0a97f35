/*
 * Sorts rows, however many: for ORDER BY, and for operators that want their input sorted (merge joins, window functions).
 *
 *	init, then per run: begin, push ..., end, next until NULL; close at last
 *
 * Rows are kept and sorted in memory as long as the operator's share (batch/spill.h) allows, else as sorted runs on disk, which `next` merges.
 * Stable: rows with equal keys come in the order in which they were pushed, spilled or not.
 */
#ifndef SPK_BATCH_OPERATOR_SORTER_H
#define SPK_BATCH_OPERATOR_SORTER_H

#include "batch/operator/kept_rows.h"
#include "batch/operator/merge.h"
#include "batch/spill.h"

/* How rows are ordered: expressions over them, encoded as row keys. */
struct spk_sort_order {
	int count;
	const struct spk_sort_key *key;
	struct spk_key_column *column;
	struct spk_schema schema;
	uint32_t key_size;               /* 0: keys vary in size */
};
/* `key` is borrowed; the rest lies in `arena`. */
spk_status spk_sort_order_init(struct spk_sort_order *order, const struct spk_sort_key *key, int count, struct spk_arena *arena, spk_error *err);
/* Keys of the selected rows of `in`. */
spk_status spk_sort_order_keys(const struct spk_sort_order *order, const struct spk_op *op, struct spk_batch *in, struct spk_row_keys *keys, spk_error *err);

struct spk_sorter {
	struct spk_op *op;
	struct spk_spill_share share;
	struct spk_sort_order order;
	const struct spk_schema *schema;   /* of the rows */
	struct spk_schema run_schema;      /* the same and the key */
	struct spk_arena *arena;           /* what lives as long as the sorter */
	struct spk_row_keys keys;          /* scratch: of the batch at hand */
	struct spk_kept_rows rows;
	struct spk_spill_run **run;
	int runs, run_capacity;
	int merged_rows;                   /* rows that come out of a merge at once: few when they are long */
	/* while rows are taken out */
	struct spk_arena *reading;
	size_t next;
	struct spk_merge *merge;
	struct spk_spill_cursor *cursor;   /* by input of the merge */
};

/* Zeroed before. Keys are over `schema`, which is that of the batches to come. */
spk_status spk_sorter_init(struct spk_sorter *s, struct spk_op *op, const struct spk_schema *schema, const struct spk_sort_key *key, int keys, spk_error *err);
spk_status spk_sorter_begin(struct spk_sorter *s, spk_error *err);
spk_status spk_sorter_push(struct spk_sorter *s, struct spk_batch *in, spk_error *err);
/* Rows that were kept elsewhere come first: by the same keys over the same schema and account. They go to disk; *rows is empty then. */
spk_status spk_sorter_take(struct spk_sorter *s, struct spk_kept_rows *rows, spk_error *err);
/* No more rows come. */
spk_status spk_sorter_end(struct spk_sorter *s, spk_error *err);
/* The next rows in order (the caller's: spk_batch_unref); NULL at the end, and all memory and files are given back. */
spk_status spk_sorter_next(struct spk_sorter *s, struct spk_batch **out, spk_error *err);
/* The same for who takes rows one by one: another batch and *at = 0 when row *at of *batch is beyond its end. *fresh: there is another one. */
spk_status spk_sorter_refill(struct spk_sorter *s, struct spk_batch **batch, int *at, bool *fresh, spk_error *err);
/* Gives everything back early. */
void spk_sorter_clear(struct spk_sorter *s);
void spk_sorter_close(struct spk_sorter *s);

#endif
