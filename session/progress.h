/* How far a query is. For session/query.c. */
#ifndef SPK_SESSION_PROGRESS_H
#define SPK_SESSION_PROGRESS_H

#include "session/internal.h"

/* What is watched; all borrowed. `end`: by source of the plan, where its partitions end, INT64_MAX where that is not known; behind all
 * ends of a source, where they begin. */
struct spk_query_watched {
	const struct spk_physical_plan *plan;
	const struct spk_run *run;
	struct spk_dag_scheduler *dag;
	int64_t *const *end;
	int64_t started_us;
};

void spk_query_progress_now(const struct spk_query_watched *w, struct spk_query_progress *out);

#endif
