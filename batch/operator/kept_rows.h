/*
 * Rows that an operator keeps to put them in order: records (row_layout.h) in a few blocks of memory, and an item per row to sort by.
 *
 * Not thread-safe. Adding is all or nothing.
 */
#ifndef SPK_BATCH_OPERATOR_KEPT_ROWS_H
#define SPK_BATCH_OPERATOR_KEPT_ROWS_H

#include "batch/operator/row_layout.h"
#include "batch/operator/sort_order.h"
#include "core/base/memory.h"

enum { SPK_KEPT_OUT = 1 << 20 };         /* bytes of a batch of rows that were kept, about: fewer rows where they are long */

struct spk_kept_block { char *data; size_t size, used; uint32_t slot; };
struct spk_kept_side { struct spk_vector *column; int rows; };

struct spk_kept_rows {
	struct spk_row_layout layout;
	struct spk_memory_account *account;
	uint32_t key_size;               /* bytes of every key; 0: they vary */
	bool *nullable;                  /* by column: a NULL was seen */
	bool weighted;
	struct spk_kept_block *block;
	uint32_t blocks, block_capacity;
	char **base;                     /* by slot: the address of its first record */
	uint32_t slots, slot_capacity;
	size_t block_bytes;              /* of all blocks */
	spk_sort_item *item;             /* by row, in the order of arrival until they are sorted */
	size_t rows, capacity;
	struct spk_arena *nested;        /* arrays and records: columns of their own, in chunks of SPK_BATCH_ROWS rows */
	struct spk_kept_side *side;
	uint32_t sides, side_capacity;
};

/* key_size: as spk_row_key_fixed_size says. What stays as it is lies in `arena`. */
spk_status spk_kept_rows_init(struct spk_kept_rows *k, const struct spk_schema *schema, uint32_t key_size, struct spk_memory_account *account, struct spk_arena *arena, spk_error *err);
/* Forgets all rows and gives their memory back. Fine for one that is all zeros. */
void spk_kept_rows_clear(struct spk_kept_rows *k);
/* Whether keys are stored: they are not when items hold all of them. */
static inline bool spk_kept_rows_keyed(const struct spk_kept_rows *k) { return k->layout.keyed; }
/*
 * Adds the selected rows pick[0..n) (positions in the selection; NULL: all of them) of `in`; keys has one per selected row. MEMORY_LIMIT when
 * the budget refuses, or beyond 64 GiB: nothing is added then.
 */
spk_status spk_kept_rows_add(struct spk_kept_rows *k, const struct spk_batch *in, const int32_t *pick, int n, const struct spk_row_keys *keys, spk_error *err);
/* Bytes that they take, with what sorting them takes. */
size_t spk_kept_rows_bytes(const struct spk_kept_rows *k);
/* Bytes that n rows more will take, judging by those there are. */
size_t spk_kept_rows_guess(const struct spk_kept_rows *k, int n);
/* How many of the rows make about so many bytes: 1 to SPK_BATCH_ROWS. */
int spk_kept_rows_piece(const struct spk_kept_rows *k, size_t bytes);
/* Puts the items in order. Whatever is refused makes it slower, not fail. */
void spk_kept_rows_sort(struct spk_kept_rows *k);
/* Rows from, from + 1, ... from + n - 1 (n <= SPK_BATCH_ROWS) of the items' order as a batch that owns its bytes. */
spk_status spk_kept_rows_gather(const struct spk_kept_rows *k, size_t from, int n, struct spk_batch **out, spk_error *err);

static inline char *spk_kept_record(const struct spk_kept_rows *k, spk_sort_item item) { return spk_sort_record(k->base, spk_sort_row(item)); }
/* The key of a row, when keys are stored. */
static inline struct spk_key_ref spk_kept_key(const struct spk_kept_rows *k, spk_sort_item item)
{
	struct spk_key_ref key;

	key.data = spk_row_key_at(spk_kept_record(k, item), k->layout.fixed, &key.size);
	return key;
}

#endif
