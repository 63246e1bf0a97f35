/* The row of a key's rows in order that a percentile is. */
#ifndef SPK_STREAM_OPERATOR_PERCENTILE_H
#define SPK_STREAM_OPERATOR_PERCENTILE_H

#include "stream/operator/ordered_rows.h"

/*
 * The row at op->plan->percentile of the tree's rows, or one whose last column lies between two of them (spk_percentile_between); *any false: there are no rows. Without what says where
 * it stands (`order` 0), so that the same values are the same bytes. Lies in the tree's arena.
 */
spk_status spk_percentile_row(const struct spk_op *op, struct spk_ordered_rows *o, struct spk_ordered_tree *tree, struct spk_ordered_entry *out, bool *any, spk_error *err);

#endif
