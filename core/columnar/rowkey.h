/*
 * Row keys: several columns of a row as one string of bytes whose memcmp order is the rows' order. Used as keys of hash
 * tables, of state tables (where order makes range scans possible) and of sorts.
 *
 * Encoding per column: a marker byte (`nulls_first` alone decides whether NULL sorts before or after values: PostgreSQL's
 * default is false for ASC, true for DESC, and the planner fills that in), then for integers and times big-endian with the
 * sign bit flipped; for floats the IEEE bits made monotonic (-0 as 0, NaN greatest); for text and bytea the bytes with 0x00
 * escaped as 00 FF and an end mark 00 00; numerics by value (sign and exponent, 38 digits), so that 1.0 and 1.00 are one key;
 * intervals by their span, as PostgreSQL compares them. DESC inverts the bytes after the marker. A NULL of a fixed-width type
 * keeps its width, so such keys all have one size; a NULL text is its marker alone. An array is its elements' parts (NULLs
 * last) and an end mark 00, a record its fields' parts.
 *
 * Decoding restores the value: numerics with their least scale (a fixed-scale column its own), intervals as days and
 * microseconds (1 month as 30 days, which are equal in PostgreSQL). jsonb is ordered as
 * PostgreSQL does (jsonb_key.c).
 */
#ifndef SPK_CORE_COLUMNAR_ROWKEY_H
#define SPK_CORE_COLUMNAR_ROWKEY_H

#include "core/columnar/batch.h"

struct spk_key_column {
	int column;          /* in the batch (when encoding, or decoded into its place) */
	struct spk_type type;
	bool descending, nulls_first;
};

/* Keys of n rows: row i's bytes are data[offset[i] .. offset[i+1]). */
struct spk_row_keys {
	struct spk_buffer bytes;
	uint32_t *offset;    /* n + 1 */
	int count, capacity;
};

void spk_row_keys_release(struct spk_row_keys *keys);
/* Replaces *keys by those of the batch's selected rows, in order. With `more` it appends instead. */
spk_status spk_row_keys_encode(struct spk_row_keys *keys, const struct spk_batch *batch, const struct spk_key_column *column, int columns, bool more, spk_error *err);
/* Replaces *keys by n ready-encoded ones: rows sel[0..n) (NULL: 0..n) of a BYTEA vector. */
spk_status spk_row_keys_copy(struct spk_row_keys *keys, const struct spk_vector *encoded, const int32_t *sel, int n, spk_error *err);
/* The same of views. */
spk_status spk_row_keys_views(struct spk_row_keys *keys, const struct spk_view *encoded, int n, spk_error *err);
/* Eight bytes of an encoded key from `from` on, as a number that orders as they do; a shorter key is padded. */
static inline uint64_t spk_row_key_word(const char *key, uint32_t size, uint32_t from)
{
	uint64_t word = 0;

	if (from < size)
		memcpy(&word, key + from, size - from < sizeof word ? size - from : sizeof word);
	return __builtin_bswap64(word);
}
static inline const char *spk_row_key(const struct spk_row_keys *k, int i, uint32_t *size)
{
	*size = k->offset[i + 1] - k->offset[i];
	return k->bytes.data + k->offset[i];
}
/* Decodes one key into row `row` of the FLAT vectors out[0..columns) of `rows` capacity, which spk_vector_init made; text goes to
 * `arena`. The rows of ARRAY columns must ascend from call to call. CORRUPT when it does not fit. */
spk_status spk_row_key_decode(const char *key, size_t size, const struct spk_key_column *column, int columns, struct spk_vector *out, int row, int rows, struct spk_arena *arena, spk_error *err);
/* The same, but part i goes into out[column[i].column]. */
spk_status spk_row_key_decode_placed(const char *key, size_t size, const struct spk_key_column *column, int columns, struct spk_vector *out, int row, int rows, struct spk_arena *arena, spk_error *err);
/*
 * Decodes n keys that all have the size that spk_row_key_fixed_size gives, a column at a time, into rows 0..n of vectors that
 * spk_vector_init made for n rows.
 */
spk_status spk_row_keys_decode(const char *const *key, int n, const struct spk_key_column *column, int columns, struct spk_vector *out, struct spk_arena *arena, spk_error *err);
/* Bytes of a key when all columns are fixed-width and every key has the same length, else 0. */
int spk_row_key_fixed_size(const struct spk_key_column *column, int columns);

#endif
