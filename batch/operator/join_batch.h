/*
 * What all join operators share: which side's columns are where, and batches of pairs without copying values.
 *
 * A pair is a row of a probe batch and a row of the kept (build) side, by number. A batch of pairs has the columns of left ++ right: dictionary
 * vectors whose indexes are the pairs' row numbers and whose dictionaries are the batch's and the table's own columns. So a column costs
 * nothing until somebody reads it, and texts are never copied.
 */
#ifndef SPK_BATCH_OPERATOR_JOIN_BATCH_H
#define SPK_BATCH_OPERATOR_JOIN_BATCH_H

#include "batch/operator/join_table.h"

struct spk_joiner {
	struct spk_op *op;
	enum spk_join_type type;
	bool build_left;
	const struct spk_schema *probe, *build;  /* the sides */
	int probe_first, build_first;            /* their first columns in left ++ right */
	struct spk_schema pairs;                 /* left ++ right */
	bool *looked_at;                         /* by column of it: by the condition */
	/* What comes out. */
	bool shows_pairs;                        /* both sides' columns, a row per pair */
	bool keeps_probe, keeps_build;           /* rows of that side without a match come out with NULLs */
};

/* From the plan of op; lies in `arena`. */
spk_status spk_joiner_init(struct spk_joiner *j, struct spk_op *op, struct spk_arena *arena, spk_error *err);

/*
 * n pairs (probe_row[i], build_row[i]); all columns, or those that the condition looks at. The arrays are copied. A build row may be the table's
 * row of NULLs.
 */
spk_status spk_joiner_pairs(const struct spk_joiner *j, struct spk_batch *in, const int32_t *probe_row, const struct spk_join_table *t, const uint32_t *build_row, int n, bool all, struct spk_batch **out, spk_error *err);
/* Emits the probe's rows sel[0..n), with NULLs for the build side where it is shown. */
spk_status spk_joiner_emit_probe(const struct spk_joiner *j, struct spk_batch *in, const int32_t *sel, int n, spk_error *err);
/* Emits the build rows for which matched[row] is `want`, with NULLs for the probe side where it is shown. */
spk_status spk_joiner_emit_build(const struct spk_joiner *j, const struct spk_join_table *t, const uint8_t *matched, uint8_t want, spk_error *err);
/* The error of a scalar subquery with more than one row. */
spk_status spk_joiner_more_than_one(const struct spk_joiner *j, spk_error *err);

#endif
