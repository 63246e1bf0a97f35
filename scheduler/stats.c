/* What is known of a run's stages and tasks, while it runs and after. */
#include "core/base/check.h"
#include "scheduler/run.h"

/* A run that is over has no dag any more that may be looked at: the arrays of the scheduler tell all. @locks: held */
static int stage_tasks(const struct spk_dag_scheduler *s, int stage)
{
	int next = stage + 1 < s->stages ? s->stage[stage + 1].first_task : s->tasks;

	return next - s->stage[stage].first_task;
}

static void add(struct spk_task_stats *sum, const struct spk_task_stats *one)
{
	sum->attempts += one->attempts;
	sum->failures += one->failures;
	sum->end_us = SPK_MAX(sum->end_us, one->end_us);
	sum->busy_us += one->busy_us;
	sum->cpu_us += one->cpu_us;
	sum->rows_in += one->rows_in;
	sum->bytes_in += one->bytes_in;
	sum->rows_out += one->rows_out;
	sum->bytes_out += one->bytes_out;
}

/* Of several exchanges that could be left out the first that is, or else the last. */
static void note_fusions(const struct spk_dag_scheduler *s, int stage, struct spk_stage_stats *out)
{
	for (int i = 0; i < stage && !out->left_out; i++) {
		const struct stage_run *other = &s->stage[i];

		if (!other->fusion || other->reader != stage || !other->decided)
			continue;
		out->decided = true;
		out->left_out = other->absorbed;
		out->decided_bytes = other->decided_bytes;
	}
}

void spk_run_stage_stats(const struct spk_dag_scheduler *s, int stage, struct spk_stage_stats *out)
{
	const struct stage_run *run = &s->stage[stage];

	*out = (struct spk_stage_stats){ .tasks = stage_tasks(s, stage), .started = run->started, .complete = run->complete, .slowest_us = run->slowest_us };
	out->tasks_done = run->started ? out->tasks - run->tasks_left : 0;
	for (int t = stage_tasks(s, stage); t-- > 0;) {
		add(&out->sum, &dag_task(s, stage, t)->stats);
		out->tasks -= dag_task(s, stage, t)->idle;
		out->tasks_done -= run->started && dag_task(s, stage, t)->idle;
	}
	out->done_by = run->absorbed ? run->reader : -1;
	if (run->absorbed)
		out->tasks = out->tasks_done = 0;
	note_fusions(s, stage, out);
	out->coalesced = run->coalesced;
	out->coalesced_to = run->coalesced_to;
	out->splits = run->splits;
	out->split_partition = run->split_partition;
	out->split_tasks = run->split_tasks;
	out->sum.start_us = run->started ? run->started_us - s->started_us : 0;
}

bool spk_dag_stage_stats(struct spk_dag_scheduler *s, int stage, struct spk_stage_stats *out)
{
	bool there;

	pthread_mutex_lock(&s->lock);
	there = stage >= 0 && stage < s->stages;
	if (there)
		spk_run_stage_stats(s, stage, out);
	pthread_mutex_unlock(&s->lock);
	return there;
}

bool spk_dag_task_stats(struct spk_dag_scheduler *s, int stage, int task, struct spk_task_stats *out)
{
	bool there;

	pthread_mutex_lock(&s->lock);
	there = stage >= 0 && stage < s->stages && task >= 0 && task < stage_tasks(s, stage);
	if (there)
		*out = dag_task(s, stage, task)->stats;
	pthread_mutex_unlock(&s->lock);
	return there;
}
