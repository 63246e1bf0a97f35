/*
 * A join's build side, once all of its rows are there: a table over them, or, when they do not fit the operator's share of memory, partitions on
 * disk and a table over as many of them as fit. Of one task, or of all tasks together when it is broadcast. Read-only.
 */
#ifndef SPK_BATCH_OPERATOR_JOIN_SIDE_H
#define SPK_BATCH_OPERATOR_JOIN_SIDE_H

#include <stdatomic.h>

#include "batch/operator/join_batch.h"
#include "batch/operator/join_parts.h"
#include "batch/operator/key_filter.h"

struct spk_join_side {
	_Atomic int refs;
	struct spk_join_table *table;
	int filters;                     /* the join's keys, or 0: nobody asks for them */
	struct spk_key_filter **filter;  /* by key; NULL: not of this one, or spilled, or no room */
	bool spilled;
	struct spk_join_parts parts;     /* spilled */
	bool resident[SPK_JOIN_PARTS];   /* spilled: this partition is in the table */
};

void spk_join_side_unref(void *side);  /* NULL is fine */

/* The side in the making, in one task. */
struct spk_join_collector {
	const struct spk_joiner *j;
	struct spk_spill_share *share;
	const struct spk_schema *schema; /* of the input's rows, which may have more columns than come out */
	int parts;                       /* partitions when it spills: 1 where rows cannot be told apart by their keys */
	struct spk_batch **batch;        /* references */
	int batches, capacity;
	int64_t rows;
	size_t bytes;
	bool spilled, skips;             /* its rows are on disk; somebody else has made the side already */
	struct spk_join_parts on_disk;
};

/* Looks whether the side is there already: then rows that come are not wanted. */
void spk_join_collector_begin(struct spk_join_collector *c);
spk_status spk_join_collector_add(struct spk_join_collector *c, struct spk_batch *in, spk_error *err);
/* All rows are there. *out is a reference. */
spk_status spk_join_collector_end(struct spk_join_collector *c, struct spk_join_side **out, spk_error *err);
void spk_join_collector_clear(struct spk_join_collector *c);
void spk_join_collector_release(struct spk_join_collector *c);

/* Bytes of a table over so many rows of so many bytes, about. */
size_t spk_join_table_need(int64_t rows, size_t bytes);
/* Whether a table of that size may be made: within 3/4 of the share. */
bool spk_join_table_fits(struct spk_spill_share *share, int64_t rows, size_t bytes);
/* A table over `rows` rows of the build side. */
spk_status spk_join_table_make(const struct spk_joiner *j, struct spk_join_rows source, int64_t rows, struct spk_join_table **out, spk_error *err);
/* Hashes of the selected rows' keys (of which side: build or probe), evaluated in `work`. */
spk_status spk_join_hash(const struct spk_joiner *j, bool build, struct spk_batch *in, struct spk_arena *work, uint64_t *hash, spk_error *err);

#endif
