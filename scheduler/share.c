/*
 * How a stage's tasks share out what they read, once its size is known.
 *
 *   coalescing   neighbouring partitions go to one task, one after the other, up to target_bytes: a query over few rows gets one task
 *   splitting    a partition that is far larger than the others goes to several tasks, each of which reads it from some of its producers, or some rows of
 *                a producer, and whatever belongs to it (a join's build side) whole
 *
 * Sizes alone decide, and those of the first time that each producer succeeded: not the order in which tasks ran, nor what was lost since. Rows of a
 * partition keep their order, and so do partitions.
 */
#include <stdlib.h>

#include "core/base/check.h"
#include "scheduler/run.h"

/* Bytes of partition `i` of a sharing: of input `only`, or of all (-1) that are not read whole. */
static int64_t partition_bytes(const struct spk_dag_scheduler *s, int index, const struct spk_sharing *sharing, int i, int only)
{
	const struct spk_stage *stage = &s->dag->stage[index];
	int64_t sum = 0;

	for (int k = 0; k < stage->inputs; k++) {
		const struct spk_stage *from = &s->dag->stage[stage->input[k]];
		bool whole = from->output_partitions == 1 || (stage->input_broadcast && stage->input_broadcast[k]);
		int at = (stage->input_base ? stage->input_base[k] : 0) + sharing->first + i;

		for (int p = 0; p < from->tasks && !whole && (only < 0 || only == k); p++) {
			const struct spk_task *t = dag_task(s, stage->input[k], p);

			sum += t->skipped ? 0 : t->size[at];
		}
	}
	return sum;
}

/* The bytes that producer `p` wrote for partition `i` of the input that may be split. */
static int64_t producer_bytes(const struct spk_dag_scheduler *s, int index, const struct spk_sharing *sharing, int i, int p)
{
	const struct spk_stage *stage = &s->dag->stage[index];
	const struct spk_task *t = dag_task(s, stage->input[sharing->splits], p);

	return t->skipped ? 0 : t->size[(stage->input_base ? stage->input_base[sharing->splits] : 0) + sharing->first + i];
}

static int64_t producer_rows(const struct spk_dag_scheduler *s, int index, const struct spk_sharing *sharing, int i, int p)
{
	const struct spk_stage *stage = &s->dag->stage[index];
	int from = stage->input[sharing->splits];
	const struct spk_task *t = dag_task(s, from, p);

	return t->skipped ? 0 : t->size[s->dag->stage[from].output_partitions + (stage->input_base ? stage->input_base[sharing->splits] : 0) + sharing->first + i];
}

static int compare(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Of an even number the lower one: of two partitions one may be skewed. */
static int64_t median(const int64_t *bytes, int n, int64_t *scratch)
{
	memcpy(scratch, bytes, (size_t)n * sizeof *bytes);
	qsort(scratch, (size_t)n, sizeof *scratch, compare);
	return scratch[(n - 1) / 2];
}

/* Into how many parts a partition of the input that may be split is to be cut. */
static int parts_of(const struct spk_dag *dag, int64_t bytes, int64_t usual, int most)
{
	if (!dag->share.skew_bytes || bytes <= dag->share.skew_bytes || (double)bytes <= dag->share.skew_factor * (double)usual)
		return 1;
	return (int)SPK_MIN((bytes - 1) / SPK_MAX(usual, dag->share.skew_bytes) + 1, most);
}

/*
 * Gives partition `i` to tasks from `task` on, `parts` at the most: a producer's rows stay together, so there may be fewer. Returns how many.
 */
static int split(struct spk_dag_scheduler *s, int index, const struct spk_sharing *sharing, int i, int64_t bytes, int task, int parts)
{
	int producers = s->dag->stage[s->dag->stage[index].input[sharing->splits]].tasks, from = 0, n = 0;
	int64_t sum = 0;

	for (int p = 0; p < producers; p++) {
		sum += producer_bytes(s, index, sharing, i, p);
		/* The last part takes all that is left. */
		if (p + 1 < producers && (n == parts - 1 || sum < bytes / parts * (n + 1) || sum == bytes))
			continue;
		dag_task(s, index, task + n++)->share = (struct task_share){ .first = sharing->first + i, .count = 1, .splits = sharing->splits, .from_producer = from, .to_producer = p + 1, .to_row = -1 };
		from = p + 1;
	}
	return n;
}

/* A place between two rows of a partition: before row `row` of producer `producer`. */
struct place { int producer; int64_t row; };

/* Where about `bytes` of partition `i` lie before. */
static struct place find_place(const struct spk_dag_scheduler *s, int index, const struct spk_sharing *sharing, int i, int64_t bytes)
{
	int producers = s->dag->stage[s->dag->stage[index].input[sharing->splits]].tasks, p = 0;
	int64_t before = 0;

	for (; p < producers; p++) {
		int64_t own = producer_bytes(s, index, sharing, i, p);

		if (before + own > bytes)
			return (struct place){ p, (int64_t)((double)producer_rows(s, index, sharing, i, p) * (double)(bytes - before) / (double)own) };
		before += own;
	}
	return (struct place){ producers, 0 };
}

/* The same by rows: every part has about as many bytes as the others. */
static int split_by_rows(struct spk_dag_scheduler *s, int index, const struct spk_sharing *sharing, int i, int64_t bytes, int task, int parts)
{
	struct place from = { 0 };
	int n = 0;

	for (int k = 1; k <= parts; k++) {
		/* Behind the last there is nothing: also not what sizes do not tell of. */
		struct place to = find_place(s, index, sharing, i, k < parts ? (int64_t)((double)bytes / parts * k) : bytes);

		if (to.producer == from.producer && to.row == from.row)
			continue;
		dag_task(s, index, task + n++)->share = (struct task_share){ .first = sharing->first + i, .count = 1, .splits = sharing->splits, .from_producer = from.producer, .from_row = from.row,
			.to_producer = to.row ? to.producer + 1 : to.producer, .to_row = to.row ? to.row : -1 };
		from = to;
	}
	return n;
}

static void note_split(struct stage_run *run, const struct spk_sharing *sharing, int i, int tasks)
{
	if (tasks < 2)
		return;
	if (run->splits++ == 0) {
		run->split_partition = sharing->first + i;
		run->split_tasks = tasks;
	}
}

struct sizes { int64_t *all, *split, usual; };

/* The tasks of one sharing get their shares, in the order of the partitions. */
static void share_out(struct spk_dag_scheduler *s, int index, const struct spk_sharing *sharing, const struct sizes *sizes)
{
	int64_t target = sharing->coalesces ? s->dag->share.target_bytes : 0, open = 0;
	int task = sharing->first - 1, end = sharing->first + sharing->tasks, whole = 0;
	struct spk_task *last = NULL;   /* the one that may take another partition */

	for (int i = 0; i < sharing->partitions; i++) {
		int spare = end - (task + 1) - (sharing->partitions - i);
		int parts = sizes->split ? parts_of(s->dag, sizes->split[i], sizes->usual, spare + 1) : 1;

		if (parts > 1) {
			int n = (sharing->cuts ? split_by_rows : split)(s, index, sharing, i, sizes->split[i], task + 1, parts);

			task += n;
			note_split(&s->stage[index], sharing, i, n);
			last = NULL;
		} else if (last && open + sizes->all[i] <= target) {
			last->share.count++;
			open += sizes->all[i];
			whole++;
		} else {
			last = dag_task(s, index, ++task);
			last->share = (struct task_share){ .first = sharing->first + i, .count = 1, .splits = -1 };
			open = sizes->all[i];
			s->stage[index].coalesced_to++;
			whole++;
		}
	}
	s->stage[index].coalesced += whole;
	for (int t = sharing->first; t < end; t++)
		dag_task(s, index, t)->idle = t > task;
}

spk_status spk_run_share(struct spk_dag_scheduler *s, int index, spk_error *err)
{
	const struct spk_stage *stage = &s->dag->stage[index];
	struct stage_run *run = &s->stage[index];

	if (!s->dag->share.target_bytes && !s->dag->share.skew_bytes)
		return SPK_OK;
	for (int g = 0; g < stage->sharings; g++) {
		const struct spk_sharing *sharing = &stage->sharing[g];

		if (spk_run_leaves_out(s, index, sharing->first))
			continue;
		bool splits = sharing->splits >= 0 && s->dag->share.skew_bytes;
		size_t size = 3 * (size_t)sharing->partitions * sizeof(int64_t);
		struct sizes sizes = { .all = spk_malloc(s->account, size) };

		SPK_TRY_PTR(sizes.all, err);
		sizes.split = splits ? sizes.all + sharing->partitions : NULL;
		for (int i = 0; i < sharing->partitions; i++) {
			sizes.all[i] = partition_bytes(s, index, sharing, i, -1);
			if (splits)
				sizes.split[i] = partition_bytes(s, index, sharing, i, sharing->splits);
		}
		if (splits)
			sizes.usual = median(sizes.split, sharing->partitions, sizes.all + 2 * sharing->partitions);
		share_out(s, index, sharing, &sizes);
		spk_free(s->account, sizes.all, size);
	}
	if (run->coalesced == run->coalesced_to)
		run->coalesced = run->coalesced_to = 0;
	return SPK_OK;
}
