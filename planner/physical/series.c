/*
 * A series over constants that is long is made by several tasks, each a part of it in order, as files are read in ranges.
 *
 * How many there are depends on the series alone and not on the number of threads: sums of floats stay the same. It does not pay where rows would
 * only be sent to the one task that hands them out: that one makes them while they are asked for.
 */
#include "planner/physical/build.h"

#include "core/expr/series.h"

static const double EACH = 1e6;      /* values that a task makes at least */
enum { TASKS_MOST = 64 };

void spk_build_series(const struct spk_build *b, struct spk_physical *unnest)
{
	struct spk_physical *leaf = unnest->inputs == 1 ? unnest->input[0] : NULL;
	struct spk_series_facts facts;

	if (!b->spreads || b->options->streaming || !leaf || leaf->kind != SPK_PHYSICAL_VALUES || leaf->value_rows != 1 || leaf->outputs != 1)
		return;
	if (unnest->expr_count != 1 || !spk_series_known(unnest->expr[0], &facts) || !facts.counted || facts.count < 2 * EACH)
		return;
	leaf->tasks = unnest->tasks = (int)SPK_MIN(facts.count / EACH, (double)TASKS_MOST);
}
