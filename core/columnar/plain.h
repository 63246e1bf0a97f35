/*
 * Single values as bytes that restore them exactly: what keeps rows aside where order does not matter (row keys, rowkey.h, keep the order
 * but not every value). A byte that is 0 for NULL; else 1 and the value's bytes as they lie in a vector, of texts their length and bytes,
 * of arrays their number of elements and each element so, of rows their fields.
 */
#ifndef SPK_CORE_COLUMNAR_PLAIN_H
#define SPK_CORE_COLUMNAR_PLAIN_H

#include "core/columnar/vector.h"

/* Appends the value at `row` of a vector of any layout. */
spk_status spk_plain_write(const struct spk_vector *v, int row, struct spk_buffer *out, spk_error *err);
/*
 * Rows of several columns: their values one behind the other, as spk_plain_write has each. A writer is got ready for a batch's columns, which must outlive its use;
 * then a row's size is known before it is written. Zero-initialised with an account it is valid.
 */
struct spk_plain_column;
struct spk_plain_writer {
	struct spk_memory_account *account;
	struct spk_plain_column *column;
	int columns, capacity;
	bool nested;                     /* some are arrays or rows */
	struct spk_buffer whole;         /* then: the row that was measured */
};
spk_status spk_plain_writer_begin(struct spk_plain_writer *w, const struct spk_vector *column, int columns, spk_error *err);
/* Bytes of a row. It may be written until another one is measured. */
spk_status spk_plain_writer_measure(struct spk_plain_writer *w, int row, size_t *size, spk_error *err);
/* Writes the row that was measured last to `out`, which has room for it. */
void spk_plain_writer_write(const struct spk_plain_writer *w, int row, char *out);
void spk_plain_writer_release(struct spk_plain_writer *w);
/*
 * Reads one value into row `row` of the FLAT `out` (made by spk_vector_init for `rows` rows, filled in ascending order) and moves *from
 * behind it. Texts point into the bytes, which must outlive `out`. CORRUPT when they end too early.
 */
spk_status spk_plain_read(const char **from, const char *end, struct spk_vector *out, int row, int rows, struct spk_arena *arena, spk_error *err);
/* Moves *from behind a value of that type. */
spk_status spk_plain_skip(const char **from, const char *end, struct spk_type type, spk_error *err);

#endif
