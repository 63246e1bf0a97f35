/*
 * A join's build side in one task: its batches while they come, then the table over them, the task's own or that of all tasks when it is
 * broadcast, and which of its rows found a match.
 */
#ifndef SPK_BATCH_OPERATOR_JOIN_BUILD_H
#define SPK_BATCH_OPERATOR_JOIN_BUILD_H

#include "batch/operator/join_batch.h"

struct spk_join_build {
	const struct spk_joiner *j;
	struct spk_batch **batch;        /* references */
	int batches, capacity;
	int64_t rows;
	struct spk_join_table *table;    /* a reference */
	uint8_t *matched;                /* by row; NULL: it does not matter */
};

spk_status spk_join_build_keep(struct spk_join_build *b, struct spk_batch *in, spk_error *err);
/* All are there: makes the table, or takes the one that another task has made of the same rows. The batches are let go. */
spk_status spk_join_build_end(struct spk_join_build *b, spk_error *err);
/* Forgets everything; keeps room for batches. */
void spk_join_build_clear(struct spk_join_build *b);
void spk_join_build_release(struct spk_join_build *b);

#endif
