/*
 * A chain of batch operators inside an operator of a stream: rows of some keys go in, what a batch would make of them comes out. See
 * spk_physical.inner.
 */
#ifndef SPK_STREAM_OPERATOR_INNER_CHAIN_H
#define SPK_STREAM_OPERATOR_INNER_CHAIN_H

#include "batch/operator/operator.h"

struct spk_inner_chain {
	struct spk_pipeline pipeline;    /* of the inner plan; shares the outer one's store, account, spill */
	struct spk_run run;              /* the epoch's, but not streaming: what fails here was computed from rows that were good */
	struct spk_op *outer;
	spk_status (*take)(void *user, struct spk_batch *batch, spk_error *err);
	void *user;
};

/* `take` gets what comes out. */
spk_status spk_inner_chain_open(struct spk_inner_chain *c, struct spk_op *outer, spk_status (*take)(void *user, struct spk_batch *batch, spk_error *err), void *user, spk_error *err);
/* One run: begin, any number of batches, end. */
spk_status spk_inner_chain_begin(struct spk_inner_chain *c, spk_error *err);
spk_status spk_inner_chain_push(struct spk_inner_chain *c, struct spk_batch *batch, spk_error *err);
spk_status spk_inner_chain_end(struct spk_inner_chain *c, spk_error *err);
void spk_inner_chain_close(struct spk_inner_chain *c);

#endif
