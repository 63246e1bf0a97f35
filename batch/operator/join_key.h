/* Sameness of join keys: many probe rows with one build row each, and one row with one row. A kernel per kind of value. */
#ifndef SPK_BATCH_OPERATOR_JOIN_KEY_H
#define SPK_BATCH_OPERATOR_JOIN_KEY_H

#include "batch/operator/operator.h"

struct spk_join_key_type;

/* One key column of the build side. */
struct spk_join_key {
	const struct spk_join_key_type *type;
	struct spk_vector *vector;       /* FLAT */
	bool null_safe;
};

struct spk_join_key_type {
	/*
	 * at[0..n) are numbers of probe rows (positions in sel, or rows where it is NULL), row[at[j]] the build row to compare with. Those that
	 * are the same stay in at[], in order; the others are appended to other[*others..]. Returns how many stay.
	 */
	int (*same)(const struct spk_join_key *key, const struct spk_vector *probe, const int32_t *sel, int32_t *at, int n, const uint32_t *row, int32_t *other, int *others);
	/* Whether two build rows have the same value. NULLs are the same. */
	bool (*same_rows)(const struct spk_join_key *key, uint32_t a, uint32_t b);
};

const struct spk_join_key_type *spk_join_key_type(struct spk_type type);
/* True when values are integers of up to 64 bits: what a direct table takes. */
bool spk_join_key_is_integer(struct spk_type type);

#endif
