/*
 * The state of ordered-set aggregates: the rows, and the direct arguments, which are the same for all rows of a group and so are taken
 * from the first. Private to core/expr.
 */
#ifndef SPK_CORE_EXPR_AGGREGATE_DIRECT_H
#define SPK_CORE_EXPR_AGGREGATE_DIRECT_H

#include "core/expr/aggregate_held.h"
#include "core/expr/aggregate_rows.h"

struct spk_ordered_set {
	struct spk_rows rows;
	struct spk_held direct;            /* plain bytes of the direct arguments */
};

static inline int spk_direct_args(const struct spk_aggregate_call *call) { return call->args - call->sorts; }

spk_status spk_ordered_set_update(const struct spk_aggregate_call *call, char *const *state, const struct spk_vector *input, const int32_t *sel, int n, const int32_t *weight, spk_error *err);
spk_status spk_ordered_set_merge(const struct spk_aggregate_call *call, char *const *into, char *const *from, int n, spk_error *err);
spk_status spk_ordered_set_write(const struct spk_aggregate_call *call, const char *state, struct spk_buffer *out, spk_error *err);
spk_status spk_ordered_set_read(const struct spk_aggregate_call *call, char *state, const char **from, const char *end, spk_error *err);
void spk_ordered_set_release(const struct spk_aggregate_call *call, char *state);

#define SPK_ORDERED_SET_STATE \
	.state_size = (int)sizeof(struct spk_ordered_set), .update = spk_ordered_set_update, .merge = spk_ordered_set_merge, \
	.write = spk_ordered_set_write, .read = spk_ordered_set_read, .release = spk_ordered_set_release

/*
 * Vectors of one row with the direct arguments' values, in `arena`: from the state, or, when no row came, of those that are constants
 * (NULL for the others, which PostgreSQL could not have evaluated either).
 */
spk_status spk_direct_values(const struct spk_aggregate_call *call, const struct spk_ordered_set *s, struct spk_arena *arena, struct spk_vector *out, spk_error *err);

#endif
