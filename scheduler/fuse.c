/*
 * Exchanges that are left out, once the size of what their rows meet is known.
 *
 * A join exchanges both sides, unless the one that it keeps turns out small: then it is read whole by every task, and rows of the other side need not
 * go anywhere. The stage that would write them waits for the decision; when it falls that way, tasks of the reading stage stand for its own, one each.
 * They read its inputs by its shares, and their outputs are those of the reading stage. Bytes alone decide, those of the first success of each
 * producer: what is lost and made again later changes nothing.
 */
#include "core/base/check.h"
#include "scheduler/run.h"

int spk_run_own_tasks(const struct spk_stage *stage) { return stage->fusions ? stage->fusion[0].first : stage->tasks; }

void spk_run_find_fusions(struct spk_dag_scheduler *s, const struct spk_dag *dag)
{
	for (int i = 0; i < dag->stages; i++)
		for (int k = 0; k < dag->stage[i].fusions; k++) {
			const struct spk_fusion *f = &dag->stage[i].fusion[k];
			struct stage_run *other = &s->stage[dag->stage[i].input[f->input]];

			other->reader = i;
			other->fusion = f;
			for (int t = f->first; t < f->first + dag->stage[dag->stage[i].input[f->input]].tasks; t++)
				dag_task(s, i, t)->idle = true;
		}
}

/* --- deciding --- */

static bool all_complete(const struct spk_dag_scheduler *s, const struct stage_run *run)
{
	const struct spk_stage *reader = &s->dag->stage[run->reader];

	for (int k = 0; k < run->fusion->sides; k++)
		if (!s->stage[reader->input[run->fusion->side[k]]].complete)
			return false;
	return true;
}

static int64_t side_bytes(const struct spk_dag_scheduler *s, const struct spk_stage *reader, const struct spk_fusion *f, int input)
{
	const struct spk_stage *from = &s->dag->stage[reader->input[input]];
	int first = (reader->input_base ? reader->input_base[input] : 0) + f->first_own;
	int64_t sum = 0;

	for (int p = 0; p < from->tasks; p++) {
		const struct spk_task *t = dag_task(s, reader->input[input], p);

		for (int i = 0; i < f->partitions && !t->skipped; i++)
			sum += t->size[first + i];
	}
	return sum;
}

static void decide(const struct spk_dag_scheduler *s, struct stage_run *run)
{
	for (int k = 0; k < run->fusion->sides; k++)
		run->decided_bytes += side_bytes(s, &s->dag->stage[run->reader], run->fusion, run->fusion->side[k]);
	run->absorbed = run->decided_bytes <= run->fusion->most_bytes;
	run->decided = true;
}

bool spk_run_ready(struct spk_dag_scheduler *s, int stage)
{
	struct stage_run *run = &s->stage[stage];

	if (run->started)
		return false;
	for (int k = 0; k < s->dag->stage[stage].inputs; k++) {
		const struct stage_run *input = &s->stage[s->dag->stage[stage].input[k]];

		if (!input->complete && !(input->absorbed && input->started))
			return false;
	}
	if (!run->fusion || run->decided)
		return true;
	if (!all_complete(s, run))
		return false;
	decide(s, run);
	return true;
}

/* --- what was decided --- */

const struct spk_fusion *spk_run_stands_for(const struct spk_task *t, struct spk_task **other)
{
	const struct spk_stage *stage = task_stage(t);

	for (int k = 0; k < stage->fusions; k++) {
		const struct spk_fusion *f = &stage->fusion[k];
		int from = stage->input[f->input];

		if (t->partition < f->first || t->partition >= f->first + t->scheduler->dag->stage[from].tasks)
			continue;
		*other = dag_task(t->scheduler, from, t->partition - f->first);
		return f;
	}
	return NULL;
}

bool spk_run_leaves_out(const struct spk_dag_scheduler *s, int stage, int first)
{
	const struct spk_stage *d = &s->dag->stage[stage];

	for (int k = 0; k < d->fusions; k++)
		if (first >= d->fusion[k].first_own && first < d->fusion[k].first_own + d->fusion[k].own)
			return s->stage[d->input[d->fusion[k].input]].absorbed;
	return false;
}

void spk_run_settle_fusions(struct spk_dag_scheduler *s, int stage)
{
	const struct spk_stage *d = &s->dag->stage[stage];

	for (int k = 0; k < d->fusions; k++) {
		const struct spk_fusion *f = &d->fusion[k];
		int from = d->input[f->input];

		if (!s->stage[from].absorbed)
			continue;
		for (int t = 0; t < f->own; t++)
			dag_task(s, stage, f->first_own + t)->idle = true;
		for (int t = 0; t < s->dag->stage[from].tasks; t++)
			dag_task(s, stage, f->first + t)->idle = dag_task(s, from, t)->idle;
	}
}
