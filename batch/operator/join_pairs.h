/*
 * Pairs of a probe batch at hand: collected to full batches, decided by the rest of the condition, emitted; and what is known by them of the
 * rows of either side. Shared by all join operators.
 */
#ifndef SPK_BATCH_OPERATOR_JOIN_PAIRS_H
#define SPK_BATCH_OPERATOR_JOIN_PAIRS_H

#include "batch/operator/join_batch.h"

struct spk_join_pairs {
	const struct spk_joiner *j;
	const struct spk_expr *filter;   /* the condition that pairs are yet to meet; NULL: they are decided when they come */
	const struct spk_join_table *table;
	uint8_t *matched;                /* by build row, where it matters, else NULL */
	struct spk_batch *in;            /* the probe batch, borrowed */
	int count;
	int32_t at[SPK_BATCH_ROWS];      /* by pair: position in the batch's selection, its row, build row */
	int32_t probe_row[SPK_BATCH_ROWS];
	uint32_t build_row[SPK_BATCH_ROWS];
	uint8_t hit[SPK_BATCH_ROWS];     /* by position in the selection: some pair met the condition */
	uint8_t unknown[SPK_BATCH_ROWS]; /* some pair's condition was NULL (MARK) */
};

/* Starts with a probe batch. */
void spk_join_pairs_begin(struct spk_join_pairs *p, struct spk_batch *in);
/* Decides the pairs at hand and emits those that come out. */
spk_status spk_join_pairs_flush(struct spk_join_pairs *p, spk_error *err);
/* A pair; a build row beyond the table's is its row of NULLs, which counts as decided. */
static inline spk_status spk_join_pairs_add(struct spk_join_pairs *p, int at, int32_t probe_row, uint32_t build_row, spk_error *err)
{
	p->at[p->count] = at;
	p->probe_row[p->count] = probe_row;
	p->build_row[p->count++] = build_row;
	return SPK_LIKELY(p->count < p->j->op->pipeline->batch_rows) ? SPK_OK : spk_join_pairs_flush(p, err);
}
/* Emits the probe's rows that were hit, or those that were not, with NULLs for the build side where it is shown. */
spk_status spk_join_pairs_emit_probe(const struct spk_join_pairs *p, bool hit, spk_error *err);
/* Emits the probe's rows with MARK's answer. */
spk_status spk_join_pairs_emit_mark(const struct spk_join_pairs *p, spk_error *err);

#endif
