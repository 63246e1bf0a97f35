/* An epoch's rows of an operator that keeps them in order: folded, by key, each with what says where it stands (plan->sort, which are columns). */
#ifndef SPK_STREAM_OPERATOR_ORDERED_INPUT_H
#define SPK_STREAM_OPERATOR_ORDERED_INPUT_H

#include "stream/operator/delta_rows.h"
#include "stream/operator/epoch_keys.h"
#include "stream/operator/first_rows.h"

struct spk_ordered_input {
	struct spk_key_column *order;
	struct spk_epoch_keys keys;
	struct spk_delta_rows delta;     /* see spk_delta_rows_encode_ordered */
	struct spk_first_rows first;     /* bound: only so many of a key's rows in order are asked for; 0: all */
	struct spk_row_keys sorted;      /* scratch */
};

spk_status spk_ordered_input_init(struct spk_ordered_input *i, const struct spk_op *op, struct spk_arena *arena, spk_error *err);
void spk_ordered_input_clear(struct spk_ordered_input *i);
void spk_ordered_input_release(struct spk_ordered_input *i);
spk_status spk_ordered_input_push(struct spk_ordered_input *i, const struct spk_op *op, const struct spk_batch *in, spk_error *err);
/* The tree of a key, not read yet. */
struct spk_ordered_tree spk_ordered_input_tree(const struct spk_ordered_input *i, uint32_t key, struct spk_arena *arena);

#endif
