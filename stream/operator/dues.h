/*
 * When what is held for an interval is due (SET emit.interval): at the end of the interval in which it came, by the times of epochs.
 *
 * For every shard that holds something the table has an entry that says so, in a bucket of its own. What is held is let go before the epoch's own rows are added, so all shards hold
 * rows of the same interval, however many tasks share them. When that will be is told the job, which starts an epoch then if no rows do: that changes which epochs there are, not
 * what one of a given time lets go.
 */
#ifndef SPK_STREAM_OPERATOR_DUES_H
#define SPK_STREAM_OPERATOR_DUES_H

#include "batch/operator/operator.h"
#include "core/columnar/rowkey.h"

/* Before all buckets that are times; the one before it is the operator's. */
#define SPK_DUES_BUCKET (INT64_MIN + 1)

struct spk_dues {
	struct spk_op *op;
	struct spk_state_view *view;
	int first_shard, end_shard;
	struct spk_row_keys encoded;     /* scratch */
};

void spk_dues_init(struct spk_dues *d, struct spk_op *op, struct spk_state_view *view);
void spk_dues_release(struct spk_dues *d);
/* In finish: whether what is held is due; then nothing is said to be held any more. */
spk_status spk_dues_take(struct spk_dues *d, bool *due, spk_error *err);
/* These shards (wanted[SPK_SHARDS]) hold something of this epoch's. */
spk_status spk_dues_put(struct spk_dues *d, const bool *wanted, spk_error *err);
/* At the end of finish: tells the job when what is held now must come out. Nothing is where there is no bucket behind that of the dues. */
spk_status spk_dues_tell(struct spk_dues *d, spk_error *err);

#endif
