/* What the files of column pruning share. Private to planner/optimizer. */
#ifndef SPK_PLANNER_OPTIMIZER_COLUMN_PRUNING_H
#define SPK_PLANNER_OPTIMIZER_COLUMN_PRUNING_H

#include "planner/optimizer/rules.h"

struct spk_pruned {
	struct spk_logical *node;
	int *at;                     /* by old column: its new place, -1 gone */
};

/* `l` with the columns that are needed, and at times others. */
spk_status spk_prune(struct spk_arena *arena, struct spk_logical *l, const bool *needed, struct spk_pruned *out, spk_error *err);
spk_status spk_prune_over(struct spk_arena *arena, struct spk_logical *l, const bool *needed, struct spk_pruned *out, spk_error *err);
spk_status spk_prune_join(struct spk_arena *arena, struct spk_logical *l, const bool *needed, struct spk_pruned *out, spk_error *err);

#endif
