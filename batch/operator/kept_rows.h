/*
 * Rows that an operator keeps to put them in order: their columns as dense copies in one arena, and an item per row to sort by.
 *
 * Not thread-safe. Adding is all or nothing.
 */
#ifndef SPK_BATCH_OPERATOR_KEPT_ROWS_H
#define SPK_BATCH_OPERATOR_KEPT_ROWS_H

#include "batch/operator/slots.h"
#include "core/base/memory.h"
#include "core/columnar/rowkey.h"

struct spk_kept_chunk {
	struct spk_vector *column;
	int32_t *weight;                 /* NULL: all +1 */
	struct spk_key_ref *key;         /* by row; NULL when items hold whole keys */
	int rows, capacity;
};

struct spk_kept_rows {
	const struct spk_schema *schema;
	struct spk_memory_account *account;
	uint32_t key_size;               /* bytes of every key; 0: they vary */
	struct spk_arena *arena;
	struct spk_kept_chunk *chunk;
	const struct spk_key_ref **key;  /* by chunk: its keys */
	uint32_t chunks, chunk_capacity;
	spk_sort_item *item;             /* by row, in the order of arrival until they are sorted */
	size_t rows, capacity;
};

/* key_size: as spk_row_key_fixed_size says. */
void spk_kept_rows_init(struct spk_kept_rows *k, const struct spk_schema *schema, uint32_t key_size, struct spk_memory_account *account);
/* Forgets all rows and gives their memory back. */
void spk_kept_rows_clear(struct spk_kept_rows *k);
static inline bool spk_kept_rows_have_keys(const struct spk_kept_rows *k) { return k->key_size == 0 || k->key_size > SPK_SORT_KEY_BYTES; }
/*
 * Adds the selected rows pick[0..n) (positions in the selection; NULL: all of them) of `in`; keys has one per selected row. At most 2^32 - 1
 * rows: MEMORY_LIMIT beyond, as when the budget refuses. Nothing is added then.
 */
spk_status spk_kept_rows_add(struct spk_kept_rows *k, const struct spk_batch *in, const int32_t *pick, int n, const struct spk_row_keys *keys, spk_error *err);
/* Bytes that they take, with what sorting them takes. */
size_t spk_kept_rows_bytes(const struct spk_kept_rows *k);
/* Bytes that n rows more will take, judging by those there are. */
size_t spk_kept_rows_guess(const struct spk_kept_rows *k, int n);
/* Puts the items in order. Whatever is refused makes it slower, not fail. */
void spk_kept_rows_sort(struct spk_kept_rows *k);
/* The chunks as slots of `s`, in `arena`. */
spk_status spk_kept_rows_slots(const struct spk_kept_rows *k, struct spk_slots *s, struct spk_arena *arena, spk_error *err);

#endif
