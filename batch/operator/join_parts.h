/*
 * Rows of one side of a join on disk, cut into partitions by a few bits of their keys' hash: rows that agree in the keys are in partitions of
 * one number.
 */
#ifndef SPK_BATCH_OPERATOR_JOIN_PARTS_H
#define SPK_BATCH_OPERATOR_JOIN_PARTS_H

#include "batch/spill.h"

enum {
	SPK_JOIN_PARTS = 16,
	SPK_JOIN_LEVELS = 6,             /* a partition may be cut again so often: other bits each time, none that exchange or table use */
};

struct spk_join_part {
	struct spk_spill_run *run;       /* NULL: no rows */
	int64_t rows;
	size_t bytes;                    /* in memory, about */
};

/* Partitions being written, or those that were. All zeros is one without rows. */
struct spk_join_parts {
	struct spk_spill_share *share;
	const struct spk_schema *schema; /* of the rows */
	int count, level;                /* count 1: nothing tells rows apart */
	struct spk_join_part part[SPK_JOIN_PARTS];
	struct spk_batch_builder builder[SPK_JOIN_PARTS];  /* rows that wait for a full batch */
};

void spk_join_parts_init(struct spk_join_parts *p, struct spk_spill_share *share, const struct spk_schema *schema, int count, int level);
static inline int spk_join_part_of(const struct spk_join_parts *p, uint64_t hash)
{
	return (int)(hash >> (54 - 4 * p->level)) & (p->count - 1);
}
/* Physical rows row[0..n) of `in` to partition `to`. */
spk_status spk_join_parts_put(struct spk_join_parts *p, struct spk_batch *in, const int32_t *row, int n, int to, spk_error *err);
/* All selected rows of `in` by hash[i]; hash may be NULL when there is one partition. */
spk_status spk_join_parts_put_all(struct spk_join_parts *p, struct spk_batch *in, const uint64_t *hash, spk_error *err);
/* No more rows come: they can be read. */
spk_status spk_join_parts_end(struct spk_join_parts *p, spk_error *err);
void spk_join_parts_release(struct spk_join_parts *p);

/* The rows of some partitions, one after the other: a struct spk_join_rows's source. */
struct spk_join_part_reader {
	struct spk_spill_share *share;
	const struct spk_schema *schema;
	const struct spk_join_part *part;
	int parts;
	const bool *wanted;              /* by part; NULL: all */
	int at;
	struct spk_spill_cursor cursor;
	struct spk_batch *batch;         /* the last one given */
};
/* The next batch, valid until the next call; NULL at the end. `user` is the reader. */
spk_status spk_join_part_next(void *user, struct spk_batch **out, spk_error *err);
void spk_join_part_reader_release(struct spk_join_part_reader *r);

#endif
