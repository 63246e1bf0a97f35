/*
 * The table over a join's build side: all its rows as contiguous columns, and a way from a key to the rows that have it.
 *
 * Rows are numbered in the order in which they came; those with one key are a chain, in that order. Two forms of lookup:
 *
 *   direct   one key of an integer type (or a date, a time) whose values lie close together: an array by value. No hash, no comparison
 *   hashed   anything else: open addressing, 8 bytes a slot (32 bits of the hash, the first row), at most half full
 *
 * A row with a NULL in a key that is not null-safe is in no chain.
 * Read-only once made, and may then be used by any number of threads. Everything lies in `arena`: whoever points into the columns holds it.
 */
#ifndef SPK_BATCH_OPERATOR_JOIN_TABLE_H
#define SPK_BATCH_OPERATOR_JOIN_TABLE_H

#include "batch/operator/join_key.h"

#define SPK_NO_ROW UINT32_MAX

enum { SPK_JOIN_ROWS_MAX = INT32_MAX - 1 };

struct spk_join_table {
	struct spk_arena *arena;
	uint32_t rows;
	int columns;
	struct spk_vector *column;       /* FLAT; row number `rows` is there, too, and NULL in every column, if null_row */
	bool null_row;
	int keys;
	struct spk_join_key *key;        /* FLAT vectors: a column, or computed */
	bool any_null;                   /* some row is in no chain */
	uint32_t *next;                  /* by row: the next of its chain, SPK_NO_ROW at the end; NULL: no two rows have one key */
	uint32_t *direct;                /* by key - first: row + 1, 0 none; there is one entry more than `range`, always 0 */
	int64_t first;
	uint64_t range;                  /* values */
	uint64_t *slot;                  /* hash >> 32 << 32 | row + 1; 0 free */
	uint64_t mask;
};

/* Where rows come from: *out is the next batch, valid until the next call; NULL at the end. */
struct spk_join_rows {
	spk_status (*next)(void *user, struct spk_batch **out, spk_error *err);
	void *user;
};

/*
 * What a table is made from: `rows` rows in batches whose first schema->count columns are kept; keys are expressions over them all. `op`: for
 * evaluation and account. null_row: also keep a row of NULLs, at the end.
 */
struct spk_join_input {
	const struct spk_op *op;
	struct spk_join_rows source;
	int64_t rows;
	const struct spk_schema *schema; /* of the kept columns */
	int keys;
	struct spk_expr *const *key;
	const bool *null_safe;
	bool null_row;
};
/* MEMORY_LIMIT when it does not fit: nothing is left behind then. */
spk_status spk_join_table_new(struct spk_join_table **out, const struct spk_join_input *in, spk_error *err);
void spk_join_table_unref(struct spk_join_table *t);  /* NULL is fine */

/* row[i]: the first row of the chain for the i-th of the n probe rows sel[0..n) (NULL: 0..n) with these keys, SPK_NO_ROW: none. */
void spk_join_table_find(const struct spk_join_table *t, const struct spk_vector *probe, const int32_t *sel, int n, uint32_t *row);

#endif
