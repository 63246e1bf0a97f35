/* Watermarks of a run. See run.h. */
#include "batch/run.h"

#include "core/base/check.h"

/*
 * Minimum over the partitions that still count. When none counts: the end if all have finished, else (all idle) no progress.
 * Never goes back: a partition that wakes up behind the others brings late rows, not an older watermark.
 */
int64_t spk_run_source_watermark_after(const struct spk_run_source *s)
{
	int64_t least = INT64_MAX;
	bool any = false, all_finished = true;

	for (int i = 0; i < s->partitions; i++) {
		const struct spk_run_partition *p = &s->partition[i];

		all_finished = all_finished && p->finished;
		if (p->finished || p->idle)
			continue;
		any = true;
		least = SPK_MIN(least, p->watermark);
	}
	if (!any && all_finished)
		return SPK_WATERMARK_END;
	if (!any) {
		/* All idle or finished: the furthest of those that have seen rows is all that can be known. */
		least = SPK_WATERMARK_NONE;
		for (int i = 0; i < s->partitions; i++)
			least = SPK_MAX(least, s->partition[i].watermark);
	}
	return SPK_MAX(least, s->watermark);
}

int64_t spk_run_watermark_before(const struct spk_run *run, uint64_t bits)
{
	int64_t least = INT64_MAX;

	for (int i = 0; i < 64 && bits >> i; i++)
		if (bits >> i & 1)
			least = SPK_MIN(least, run->source[i].watermark);
	return least;
}

int64_t spk_run_watermark_after(const struct spk_run *run, uint64_t bits)
{
	int64_t least = INT64_MAX;

	for (int i = 0; i < 64 && bits >> i; i++)
		if (bits >> i & 1)
			least = SPK_MIN(least, spk_run_source_watermark_after(&run->source[i]));
	return least;
}
