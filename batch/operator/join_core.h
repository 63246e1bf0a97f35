/*
 * What hash and loop joins have in common: the build side is collected, then the probe side's batches are matched with it one after the other.
 * When the build side is too large for memory, both sides are cut into partitions on disk, and those are joined one after the other; a partition
 * that is still too large and cannot be cut further (all rows have one key) is taken in pieces, each matched with all its probe rows.
 *
 * A kind of join is a way to match a batch with a table. What comes out for rows without a match is decided here.
 */
#ifndef SPK_BATCH_OPERATOR_JOIN_CORE_H
#define SPK_BATCH_OPERATOR_JOIN_CORE_H

#include "batch/operator/join_pairs.h"
#include "batch/operator/join_side.h"

struct spk_join_core;

struct spk_join_kind {
	/* Another table is at hand: whatever depends on it is made anew. NULL at c->table: there is none any more. May be NULL. */
	spk_status (*use)(struct spk_join_core *c, spk_error *err);
	/*
	 * Finds the pairs of the batch's rows and the table's: pairs.hit and .unknown are noted, pairs are emitted where they come out. Rows may be
	 * marked as hit already (by another piece of the build side).
	 */
	spk_status (*match)(struct spk_join_core *c, struct spk_batch *in, spk_error *err);
	/* A faster way, where there is one: *done when the batch is dealt with, also its rows without a match. Not while c->piecewise. May be NULL. */
	spk_status (*short_cut)(struct spk_join_core *c, struct spk_batch *in, bool *done, spk_error *err);
};

struct spk_join_core {
	struct spk_op base;
	const struct spk_join_kind *kind;
	struct spk_arena *arena;         /* of what open makes */
	struct spk_arena *work;          /* of the batch at hand */
	struct spk_joiner j;
	struct spk_spill_share share;
	struct spk_join_collector collector;
	struct spk_join_side *side;      /* a reference, from the end of the build side on */
	const struct spk_schema *probe_schema;
	struct spk_join_parts waiting;   /* probe rows whose partition of the build side is on disk */
	/* At hand: the whole build side, what is resident of it, a partition or a piece of one. */
	const struct spk_join_table *table;
	uint8_t *matched;                /* by row of it, where it matters */
	bool piecewise;                  /* more of the build side is to come for the same probe rows */
	struct spk_join_pairs pairs;
};

/* An operator's functions; `open` is called by the kind's own, which sets kind. */
spk_status spk_join_core_open(struct spk_join_core *c, const struct spk_join_kind *kind, spk_error *err);
spk_status spk_join_core_begin(struct spk_op *op, spk_error *err);
spk_status spk_join_core_push(struct spk_op *op, int input, struct spk_batch *in, spk_error *err);
spk_status spk_join_core_end(struct spk_op *op, int input, spk_error *err);
spk_status spk_join_core_finish(struct spk_op *op, spk_error *err);
/* Releases everything but what the kind has. */
void spk_join_core_close(struct spk_op *op);

/* --- for join_external.c --- */

/* Takes a table to match with; NULL: none. Build rows of the last one that come out without a match must have been emitted. */
spk_status spk_join_core_use(struct spk_join_core *c, const struct spk_join_table *t, spk_error *err);
/* A batch of the probe side against the table at hand, to its end. */
spk_status spk_join_core_probe(struct spk_join_core *c, struct spk_batch *in, spk_error *err);
/* Emits the probe rows that come out for what was or was not found. */
spk_status spk_join_core_conclude(struct spk_join_core *c, spk_error *err);
/* Emits the build rows of the table at hand that come out for what they were or were not found by. */
spk_status spk_join_core_emit_build(struct spk_join_core *c, spk_error *err);
/* Joins a part of both sides; what comes of it is all that comes of these rows. */
spk_status spk_join_external_part(struct spk_join_core *c, const struct spk_join_part *build, const struct spk_join_part *probe, spk_error *err);
/* Joins the partitions on disk that wait. */
spk_status spk_join_external(struct spk_join_core *c, spk_error *err);

#endif
