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
 * Reads one value into row `row` of the FLAT `out` (made by spk_vector_init for `rows` rows, filled in ascending order) and moves *from
 * behind it. Texts point into the bytes, which must outlive `out`. CORRUPT when they end too early.
 */
spk_status spk_plain_read(const char **from, const char *end, struct spk_vector *out, int row, int rows, struct spk_arena *arena, spk_error *err);
/* Moves *from behind a value of that type. */
spk_status spk_plain_skip(const char **from, const char *end, struct spk_type type, spk_error *err);

#endif
