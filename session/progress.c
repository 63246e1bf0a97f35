/* Figures of a query that runs, from the scheduler and the positions of its scans. */
#include "session/progress.h"

#include "core/base/clock.h"

/* Of all sources whose end is known. A scan that begins again goes back to its start. */
static double share_read(const struct spk_query_watched *w, int64_t *rows)
{
	double read = 0, all = 0;

	*rows = 0;
	for (int i = 0; i < w->plan->sources; i++) {
		for (int p = 0; p < w->run->source[i].partitions; p++) {
			const struct spk_run_partition *partition = &w->run->source[i].partition[p];
			const int64_t *end = w->end[i], begin = end ? end[w->run->source[i].partitions + p] : 0;

			*rows += __atomic_load_n(&partition->rows, __ATOMIC_RELAXED);
			if (!end || end[p] == INT64_MAX)
				continue;
			read += (double)(SPK_MAX(SPK_MIN(__atomic_load_n(&partition->position, __ATOMIC_RELAXED), end[p]), begin) - begin);
			all += (double)(end[p] - begin);
		}
	}
	return all > 0 ? read / all : -1;
}

void spk_query_progress_now(const struct spk_query_watched *w, struct spk_query_progress *out)
{
	struct spk_stage_stats stage;
	bool found = false;

	*out = (struct spk_query_progress){ .elapsed_us = spk_clock_monotonic_us() - w->started_us, .memory = (int64_t)spk_memory_used() };
	out->share_read = share_read(w, &out->rows_read);
	for (int i = 0; spk_dag_stage_stats(w->dag, i, &stage); i++) {
		out->stages++;
		out->stages_done += stage.complete;
		if (found || stage.complete)
			continue;
		found = true;
		out->stage = i;
		out->tasks = stage.tasks;
		out->tasks_done = stage.tasks_done;
	}
}
