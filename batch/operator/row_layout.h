/*
 * Rows one after the other in memory, each with all its columns together: what is read back in another order than it was written (sorts) then
 * costs one miss per row and not one per value.
 *
 *   record   a bit per column (1: NULL), the weight, the values of fixed width, [size and bytes of the key], bytes of long texts
 *
 * Texts are views whose bytes lie in the record, so a record must not be moved. Arrays and records (the type) are not in it, but a number: whoever
 * keeps the rows keeps those columns beside (`nested`).
 */
#ifndef SPK_BATCH_OPERATOR_ROW_LAYOUT_H
#define SPK_BATCH_OPERATOR_ROW_LAYOUT_H

#include "core/columnar/batch.h"
#include "core/columnar/rowkey.h"

struct spk_row_layout {
	const struct spk_schema *schema;
	int *offset;                     /* by column */
	int weight, side, fixed;         /* offsets; of the number of the row's nested values; bytes before key and texts */
	bool keyed, nested;              /* a key is stored; there are arrays or records among the columns */
};

/* Offsets lie in `arena`. */
spk_status spk_row_layout_init(struct spk_row_layout *l, const struct spk_schema *schema, bool keyed, struct spk_arena *arena, spk_error *err);

/* Rows to be stored: physical rows sel[0..n) (NULL: 0..n) of `in`; the i-th one's key is number pick[i] (NULL: i) of `keys` (may be NULL: not keyed). */
struct spk_row_input { const struct spk_batch *in; const int32_t *sel; int n; const struct spk_row_keys *keys; const int32_t *pick; };
static inline const char *spk_row_input_key(const struct spk_row_input *r, int i, uint32_t *size)
{
	return spk_row_key(r->keys, r->pick ? r->pick[i] : i, size);
}

/* size[i]: bytes of the i-th record. */
void spk_row_layout_sizes(const struct spk_row_layout *l, const struct spk_row_input *rows, size_t *size);
/* Writes record i to at[i]; nested values of it are number side + i. Sets seen_null[c] for columns in which a NULL is. */
void spk_row_layout_write(const struct spk_row_layout *l, const struct spk_row_input *rows, char *const *at, uint32_t side, bool *seen_null);
/*
 * Fills columns of `out` (its rows set, its arena empty so far) from the records at[0..n), deep; nested columns are left out. nullable[c]: some
 * row has a NULL there. weighted: some row's weight is not 1.
 */
spk_status spk_row_layout_read(const struct spk_row_layout *l, char *const *at, int n, const bool *nullable, bool weighted, struct spk_batch *out, spk_error *err);

static inline const char *spk_row_key_at(const char *record, int fixed, uint32_t *size)
{
	memcpy(size, record + fixed, sizeof *size);
	return record + fixed + sizeof *size;
}
static inline uint32_t spk_row_side(const struct spk_row_layout *l, const char *record)
{
	uint32_t side;

	memcpy(&side, record + l->side, sizeof side);
	return side;
}

#endif
