/*
 * The optimizer: rules, one per file, applied in a fixed order until nothing changes. Each rule takes a tree and gives one
 * that computes the same rows; it builds new nodes and never changes old ones.
 */
#ifndef SPK_PLANNER_OPTIMIZER_OPTIMIZER_H
#define SPK_PLANNER_OPTIMIZER_OPTIMIZER_H

#include "planner/logical/logical.h"

struct spk_rule {
	const char *name;
	spk_status (*apply)(struct spk_arena *arena, struct spk_logical *root, struct spk_logical **out, spk_error *err);
};

/* All rules in order; *count of them. `SET optimizer.disable`-like switches are for tests: spk_optimize skips names in `skip`. */
const struct spk_rule *spk_rules(int *count);
/* Optimizes, then spk_logical_finish. skip: NULL-terminated rule names or NULL. */
spk_status spk_optimize(struct spk_arena *arena, struct spk_logical *root, const char *const *skip, struct spk_logical **out, spk_error *err);

#endif
