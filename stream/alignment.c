/*
 * Partitions that are too far ahead of the last one of their group wait: they are not fetched, so that rows of a fast one do not fill the memory (of
 * joins, of windows that cannot close) while a slow one lags. What was read is in the epoch's record, so a replay need not ask again.
 */
#include <string.h>

#include "stream/internal.h"

/* Holds the others back: there is something to wait for, and it is known where it is. */
static bool counts(const struct spk_input_partition *p)
{
	return !p->idle && !p->finished && p->position < p->bound && p->watermark != SPK_WATERMARK_NONE;
}

static int64_t least_of_group(const struct spk_job *job, const char *group)
{
	int64_t least = INT64_MAX;

	for (int i = 0; i < job->in.count; i++) {
		const struct spk_input *in = &job->in.input[i];

		if (!in->alignment.group || strcmp(in->alignment.group, group) != 0)
			continue;
		for (int p = 0; p < in->partitions; p++)
			if (counts(&in->partition[p]))
				least = SPK_MIN(least, in->partition[p].watermark);
	}
	return least;
}

void spk_inputs_align(struct spk_job *job)
{
	for (int i = 0; i < job->in.count; i++) {
		struct spk_input *in = &job->in.input[i];
		int64_t limit;

		if (!in->alignment.group || __builtin_add_overflow(least_of_group(job, in->alignment.group), in->alignment.max_drift_us, &limit))
			limit = INT64_MAX;
		for (int p = 0; p < in->partitions; p++)
			in->partition[p].waits = in->partition[p].watermark > limit;
	}
}
