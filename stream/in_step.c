/*
 * How many rows of each partition are read next. Partitions whose watermarks some operator waits for together are read in step: each comes as far in event time
 * as the others. So while there is a backlog what belongs together (the rows of a window, of a join by time) is mostly read in one epoch, and does not wait in
 * the state for a table that has more rows for each second. What was read is in the epoch's record, so a replay need not ask again, and so is the pace: a job
 * that is started again goes on as it would have.
 *
 * Partitions that come together are a group; each group gets the share of its partitions, as does each partition of which nothing is known yet.
 */
#include <math.h>

#include "stream/internal.h"

/* So many times what its rows move a watermark by on average is no pace. */
enum { JUMP = 1000 };

/* --- groups: sources by number --- */

static void name_group(struct spk_inputs *in, uint64_t sources, int group)
{
	for (int i = 0; i < in->count; i++)
		if (sources >> i & 1)
			in->input[i].group = group;
}

void spk_inputs_group(struct spk_job *job)
{
	struct spk_inputs *in = &job->in;
	const struct spk_physical_plan *plan = job->spec.plan;

	for (int i = 0; i < in->count; i++)
		in->input[i].group = -1;
	for (int n = 0; n < plan->nodes; n++) {
		uint64_t sources = plan->node[n]->time_sources;

		/* Those that are in a group already bring it along. */
		for (int i = 0; i < in->count; i++)
			for (int k = 0; k < in->count && sources >> i & 1; k++)
				if (in->input[i].group >= 0 && in->input[k].group == in->input[i].group)
					sources |= 1ull << k;
		if (sources)
			name_group(in, sources, __builtin_ctzll(sources));
	}
}

/* --- how fast event time passes --- */

static int64_t pending_rows(const struct spk_input_partition *p)
{
	int64_t rows = 0;

	for (int i = 0; i < p->chunks; i++)
		rows += p->chunk[i].rows;
	return rows;
}

/*
 * It is far further than its rows go by as a rule: a night without rows, or a time that is wrong. Behind the latter come rows of before, which are not to wait until the
 * others are there.
 */
static bool is_jump(const struct spk_input_partition *p, int64_t by)
{
	return p->pace_us > 0 && p->pace_rows > 0 && (double)by > JUMP * (double)SPK_MAX(pending_rows(p), 1) * (double)p->pace_us / (double)p->pace_rows;
}

void spk_input_partition_pace(const struct spk_input_partition *p, struct spk_epoch_partition *out)
{
	int64_t by = 0;

	out->pace_rows = p->pace_rows;
	out->pace_us = p->pace_us;
	if (p->watermark == SPK_WATERMARK_NONE || out->watermark == SPK_WATERMARK_END || __builtin_sub_overflow(out->watermark, p->watermark, &by) || by <= 0)
		return;
	if (is_jump(p, by)) {
		/* Until it moves on from there nothing is known. */
		out->pace_rows = out->pace_us = 0;
		return;
	}
	/* What is long ago counts less. */
	out->pace_rows = p->pace_rows / 2 + pending_rows(p);
	if (__builtin_add_overflow(p->pace_us / 2, by, &out->pace_us))
		out->pace_us = by;
}

/* Rows for each microsecond; 0: not known. */
static double pace(const struct spk_input_partition *p)
{
	return p->watermark != SPK_WATERMARK_NONE && p->pace_us > 0 && p->pace_rows > 0 ? (double)p->pace_rows / (double)p->pace_us : 0;
}

/* How far in event time the partition is, about, with what is pending. */
static double reached(const struct spk_input_partition *p) { return (double)p->watermark + (double)pending_rows(p) / pace(p); }

/* --- shares --- */

static bool is_read(const struct spk_input_partition *p) { return !p->waits && p->position < p->bound; }

/*
 * The time that `rows` rows bring all partitions of a group to which are not beyond it: those that are get none. Each of them that is found to be beyond makes it
 * earlier for the others.
 */
static double common_time(const struct spk_job *job, int group, double rows)
{
	double time = 0, before;

	do {
		double sum = rows, rate = 0;

		before = time;
		for (int i = 0; i < job->in.count; i++)
			for (int p = 0; p < job->in.input[i].partitions && job->in.input[i].group == group; p++) {
				const struct spk_input_partition *q = &job->in.input[i].partition[p];

				if (!is_read(q) || !pace(q) || (before && reached(q) >= before))
					continue;
				rate += pace(q);
				sum += pace(q) * reached(q);
			}
		time = rate > 0 ? sum / rate : before;
	} while (time != before && (!before || time < before));
	return time;
}

static void share_out_group(struct spk_job *job, int group, int64_t each)
{
	double rows = 0, time;

	for (int i = 0; i < job->in.count; i++)
		for (int p = 0; p < job->in.input[i].partitions && job->in.input[i].group == group; p++)
			if (is_read(&job->in.input[i].partition[p]) && pace(&job->in.input[i].partition[p]))
				rows += (double)each;
	if (rows < 2 * (double)each)
		return;
	time = common_time(job, group, rows);
	for (int i = 0; i < job->in.count; i++)
		for (int p = 0; p < job->in.input[i].partitions && job->in.input[i].group == group; p++) {
			struct spk_input_partition *q = &job->in.input[i].partition[p];

			if (is_read(q) && pace(q))
				q->share = (int64_t)SPK_MIN(SPK_MAX((time - reached(q)) * pace(q), 0), rows);
		}
}

void spk_inputs_share(struct spk_job *job)
{
	int64_t each, partitions = 0;

	for (int i = 0; i < job->in.count; i++)
		for (int p = 0; p < job->in.input[i].partitions; p++)
			partitions += is_read(&job->in.input[i].partition[p]);
	each = SPK_MAX((job->in.max_rows - job->in.pending_rows) / SPK_MAX(partitions, 1), 1);
	for (int i = 0; i < job->in.count; i++)
		for (int p = 0; p < job->in.input[i].partitions; p++)
			job->in.input[i].partition[p].share = each;
	for (int i = 0; i < job->in.count; i++)
		if (job->in.input[i].group == i)
			share_out_group(job, i, each);
}

/* --- what is left over --- */

/* Rows of it are there, though they have not come yet. Nobody waits for one that is idle: the watermark does not, either. */
static bool is_awaited(const struct spk_input *in, int partition)
{
	const struct spk_input_partition *p = &in->partition[partition];

	if (!p->short_of_share || p->idle || p->read || !is_read(p) || !pace(p))
		return false;
	return p->bound != INT64_MAX || (in->source->type->lag && in->source->type->lag(in->source, partition) > 0);
}

void spk_inputs_find_last(struct spk_job *job)
{
	for (int i = 0; i < job->in.count; i++)
		job->in.input[i].last = INFINITY;
	for (int i = 0; i < job->in.count; i++) {
		struct spk_input *in = &job->in.input[i];

		for (int p = 0; p < in->partitions && in->group >= 0; p++)
			if (is_awaited(in, p))
				job->in.input[in->group].last = SPK_MIN(job->in.input[in->group].last, reached(&in->partition[p]));
	}
}

bool spk_input_is_ahead(const struct spk_job *job, const struct spk_input *in, const struct spk_input_partition *p)
{
	return in->group >= 0 && is_read(p) && pace(p) && reached(p) > job->in.input[in->group].last;
}
