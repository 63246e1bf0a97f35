/*
 * One attempt of a task, and what a running task may ask.
 *
 * All inputs are located before the stage's function is called: a lost block is found while nothing has been touched yet, so even
 * stages that must not be repeated recover from it.
 */
#include "core/base/check.h"
#include "core/base/clock.h"
#include "core/base/fault.h"
#include "core/base/interrupt.h"
#include "scheduler/run.h"

spk_status spk_run_room(struct spk_memory_account *account, void *array, int *capacity, int count, size_t size, spk_error *err)
{
	void *old, *grown;

	if (count < *capacity)
		return SPK_OK;
	int more = SPK_MAX(count + 1, *capacity ? *capacity * 2 : 8);

	memcpy(&old, array, sizeof(old));
	grown = spk_realloc(account, old, (size_t)*capacity * size, (size_t)more * size);
	SPK_TRY_PTR(grown, err);
	memcpy(array, &grown, sizeof(grown));
	*capacity = more;
	return SPK_OK;
}

static struct spk_shuffle_service *shuffle_of(const struct spk_task *t) { return t->scheduler->options.shuffle; }

static void end_reader(struct spk_task *t, int i)
{
	struct spk_shuffle_service *shuffle = shuffle_of(t);

	t->now.rows_in += t->reader[i].sum.rows;
	t->now.bytes_in += t->reader[i].sum.bytes;
	shuffle->type->end(shuffle, &t->reader[i]);
}

void spk_run_clear_task(struct spk_task *t)
{
	struct spk_shuffle_service *shuffle = shuffle_of(t);

	if (!t->computed) {
		shuffle->type->discard(shuffle, t->output);
		t->output = NULL;
	}
	for (int i = 0; i < t->inputs; i++)
		spk_batch_unref(t->input[i].batch);
	for (int i = 0; i < t->readers; i++)
		end_reader(t, i);
	t->inputs = t->readers = 0;
}

void spk_run_free_task(struct spk_task *t)
{
	struct spk_memory_account *account = t->scheduler->account;

	t->computed = false;
	spk_run_clear_task(t);
	spk_free(account, t->reader, (size_t)t->reader_capacity * sizeof(*t->reader));
	spk_free(account, t->input, (size_t)t->input_capacity * sizeof(*t->input));
	spk_free(account, t->sizing, (size_t)t->sizing_capacity * sizeof(*t->sizing));
	spk_free(account, t->size, (size_t)t->size_capacity * sizeof(*t->size));
	spk_free(account, t->lost, (size_t)t->lost_capacity * sizeof(*t->lost));
	spk_free(account, t, sizeof(*t));
}

static spk_status note_lost(struct spk_task *t, int stage, int partition, int made, bool released, spk_error *err)
{
	SPK_TRY(spk_run_room(t->scheduler->account, &t->lost, &t->lost_capacity, t->lost_count, sizeof(*t->lost), err));
	t->lost[t->lost_count++] = (struct task_lost){ .stage = stage, .partition = partition, .made = made, .released = released };
	return SPK_OK;
}

/* Adds a reader of the producer's batches of that partition; a lost output goes to t->lost. */
static spk_status fetch_from(struct spk_task *t, int stage, int partition, int producer, bool once, spk_error *err)
{
	struct spk_dag_scheduler *s = t->scheduler;
	struct spk_shuffle_service *shuffle = shuffle_of(t);
	struct spk_shuffle_id id = spk_shuffle_id(atomic_load(&s->stage[stage].shuffle));
	struct spk_task *from = dag_task(s, stage, producer);
	struct spk_shuffle_reader *reader;

	SPK_TRY(spk_run_room(s->account, &t->reader, &t->reader_capacity, t->readers, sizeof(*t->reader), err));
	reader = &t->reader[t->readers];
	*reader = (struct spk_shuffle_reader){ .once = once };
	/* Also one of a producer that had nothing to do, so that readers are numbered like producers. */
	t->readers++;
	if (from->skipped)
		return SPK_OK;
	/* Read before the fetch: a producer that has published since then need not run again for us. */
	int made = atomic_load(&from->made);

	if (id.value < 0)
		return note_lost(t, stage, producer, made, true, err);
	if (spk_fault(SPK_FAULT_SHUFFLE_FETCH, NULL) != SPK_OK)
		shuffle->type->lose(shuffle, id, producer);
	spk_status status = shuffle->type->fetch(shuffle, id, producer, partition, reader, err);

	return status == SPK_NOT_FOUND ? note_lost(t, stage, producer, made, false, err) : status;
}

/* Whether every task reads the same of input k: all there is. */
static bool reads_whole(const struct spk_stage *stage, const struct spk_stage *from, int k)
{
	return from->output_partitions == 1 || (stage->input_broadcast && stage->input_broadcast[k]);
}

/* Which partition of stage `from` task `partition` of `stage` reads by its input k, unless it is shared out. */
static int read_partition(const struct spk_stage *stage, const struct spk_stage *from, int k, int partition)
{
	if (from->output_partitions == 1)
		return 0;
	return (stage->input_base ? stage->input_base[k] : 0) + (stage->input_broadcast && stage->input_broadcast[k] ? 0 : partition);
}

/*
 * True when one task alone reads that partition of stage `from`, and the stage can make it again: then what was read need not be kept.
 */
static bool reads_once(const struct spk_dag *dag, int from, int partition)
{
	int readers = 0;

	for (int i = from + 1; i < dag->stages; i++)
		for (int k = 0; k < dag->stage[i].inputs; k++) {
			const struct spk_stage *stage = &dag->stage[i];
			int first, last;

			if (stage->input[k] != from)
				continue;
			first = read_partition(stage, &dag->stage[from], k, 0);
			last = read_partition(stage, &dag->stage[from], k, spk_run_own_tasks(stage) - 1);
			if (partition >= first && partition <= last)
				readers += first == last ? stage->tasks : 1;
		}
	return dag->stage[from].repeatable && readers == 1;
}

/* A part of a partition: what some producers wrote, of the first and the last perhaps not all. */
static spk_status gather_part(struct spk_task *t, const struct task_share *share, int stage, int partition, spk_error *err)
{
	struct task_input *in = &t->input[t->inputs - 1];
	bool last_cut = share->to_row >= 0;

	for (int p = share->from_producer; p < share->to_producer; p++) {
		bool cut = (p == share->from_producer && share->from_row) || (p == share->to_producer - 1 && last_cut);

		SPK_TRY(fetch_from(t, stage, partition, p, !cut && reads_once(t->scheduler->dag, stage, partition), err));
		if (p == share->from_producer)
			t->reader[t->readers - 1].skip = share->from_row;
	}
	if (last_cut)
		in->left = share->to_row - (share->to_producer - 1 == share->from_producer ? share->from_row : 0);
	return SPK_OK;
}

/* The share that task `of` has of its input k, partition after partition. */
static spk_status gather_input(struct spk_task *t, const struct spk_task *of, int k, spk_error *err)
{
	const struct spk_stage *stage = task_stage(of), *from = &t->scheduler->dag->stage[stage->input[k]];
	bool whole = reads_whole(stage, from, k), beside = of->share.splits >= 0;
	int first = read_partition(stage, from, k, whole ? 0 : of->share.first), count = whole ? 1 : of->share.count;

	if (of->share.splits == k)
		return gather_part(t, &of->share, stage->input[k], first, err);
	for (int i = 0; i < count; i++) {
		bool once = !beside && reads_once(t->scheduler->dag, stage->input[k], first + i);

		for (int p = 0; p < from->tasks; p++)
			SPK_TRY(fetch_from(t, stage->input[k], first + i, p, once, err));
	}
	return SPK_OK;
}

/* What a task reads of input k of its stage beside doing another stage's work: what all such tasks read. */
static spk_status gather_side(struct spk_task *t, const struct spk_task *of, const struct spk_fusion *f, int k, spk_error *err)
{
	const struct spk_stage *stage = task_stage(of), *from = &t->scheduler->dag->stage[stage->input[k]];
	bool whole = reads_whole(stage, from, k), side = false;
	int first = read_partition(stage, from, k, whole ? 0 : f->first_own);

	for (int i = 0; i < f->sides; i++)
		side = side || f->side[i] == k;
	for (int i = 0; i < (whole ? 1 : side ? f->partitions : 0); i++)
		for (int p = 0; p < from->tasks; p++)
			SPK_TRY(fetch_from(t, stage->input[k], first + i, p, false, err));
	return SPK_OK;
}

/* All that task `of` reads, for `t`, which may be another that does its work: then the inputs of `of` come behind those before. */
static spk_status gather_all(struct spk_task *t, const struct spk_task *of, spk_error *err)
{
	const struct spk_stage *stage = task_stage(of);
	struct spk_task *other;
	const struct spk_fusion *f = spk_run_stands_for(of, &other);

	for (int k = 0; k < stage->inputs; k++) {
		SPK_TRY(spk_run_room(t->scheduler->account, &t->input, &t->input_capacity, t->inputs, sizeof(*t->input), err));
		t->input[t->inputs++] = (struct task_input){ .first = t->readers, .next = t->readers, .left = -1 };
		SPK_TRY(f ? gather_side(t, of, f, k, err) : gather_input(t, of, k, err));
		t->input[t->inputs - 1].end = t->readers;
	}
	return f ? gather_all(t, other, err) : SPK_OK;
}

/*
 * Locates all inputs, in order of (input, partition, producer); goes through all even when some are lost, so that those are recomputed together.
 */
static spk_status gather(struct spk_task *t, spk_error *err)
{
	SPK_TRY(gather_all(t, t, err));
	if (!t->lost_count)
		return SPK_OK;
	return spk_fail(err, SPK_NOT_FOUND, "stage '%s' task %d: the output of %d task(s) it reads is lost", task_stage(t)->name,
	                t->partition, t->lost_count);
}

static spk_status publish(struct spk_task *t, spk_error *err)
{
	struct spk_shuffle_service *shuffle = shuffle_of(t);

	if (!t->output)
		return SPK_OK;
	SPK_TRY(spk_fault(SPK_FAULT_SHUFFLE_WRITE, err));
	SPK_TRY(shuffle->type->publish(shuffle, t->output, err));
	t->now.rows_out = t->written.rows;
	t->now.bytes_out = t->written.bytes;
	t->output = NULL;
	atomic_fetch_add(&t->made, 1);
	return SPK_OK;
}

static spk_status open_output(struct spk_task *t, spk_error *err)
{
	struct spk_shuffle_service *shuffle = shuffle_of(t);
	struct spk_shuffle_id id = spk_shuffle_id(atomic_load(&t->scheduler->stage[t->stage].shuffle));

	t->written = (struct spk_shuffle_stat){ 0 };
	if (t->scheduler->stage[t->stage].sized) {
		int partitions = task_stage(t)->output_partitions;

		SPK_TRY(spk_run_room(t->scheduler->account, &t->sizing, &t->sizing_capacity, 2 * partitions - 1, sizeof(*t->sizing), err));
		memset(t->sizing, 0, 2 * (size_t)partitions * sizeof(*t->sizing));
	}
	return task_stage(t)->output_partitions ? shuffle->type->open(shuffle, id, t->partition, &t->output, err) : SPK_OK;
}

static bool must_stop(void *task) { return run_stopping(((struct spk_task *)task)->scheduler); }

/* Whatever the stage calls finds out when the run is over. */
static spk_status run_stage(struct spk_task *t, spk_error *err)
{
	struct spk_interrupt before = spk_interrupt_set((struct spk_interrupt){ must_stop, t });
	spk_status status = task_stage(t)->run(t, err);

	spk_interrupt_set(before);
	return status;
}

static spk_status compute(struct spk_task *t, spk_error *err)
{
	SPK_TRY(spk_fault(SPK_FAULT_TASK_START, err));
	SPK_TRY(gather(t, err));
	SPK_TRY(open_output(t, err));
	t->touched = true;
	atomic_fetch_add_explicit(&t->scheduler->tasks_run, 1, memory_order_relaxed);
	SPK_TRY(run_stage(t, err));
	SPK_TRY(spk_fault(SPK_FAULT_TASK_FINISH, err));
	t->computed = true;
	return SPK_OK;
}

spk_status spk_run_attempt(struct spk_task *t, spk_error *err)
{
	int64_t cpu = spk_clock_thread_cpu_us();
	spk_status status = SPK_OK;

	t->now = (struct spk_task_stats){ .attempts = 1, .start_us = spk_clock_monotonic_us() - t->scheduler->started_us };
	t->lost_count = 0;
	if (!t->computed)
		status = compute(t, err);
	if (status == SPK_OK)
		status = publish(t, err);
	if (status == SPK_OK)
		t->computed = false;
	spk_run_clear_task(t);
	t->now.cpu_us = spk_clock_thread_cpu_us() - cpu;
	t->now.end_us = spk_clock_monotonic_us() - t->scheduler->started_us;
	t->now.busy_us = t->now.end_us - t->now.start_us;
	atomic_fetch_add_explicit(&t->scheduler->cpu_us, t->now.cpu_us, memory_order_relaxed);
	return status;
}

/* --- what a task may ask --- */

int spk_task_stage(const struct spk_task *task) { return task->stage; }
int spk_task_partition(const struct spk_task *task) { return task->partition; }
int spk_task_attempt(const struct spk_task *task) { return task->attempt; }
void *spk_task_user(const struct spk_task *task) { return task_stage(task)->user; }
struct spk_epoch_id spk_task_epoch(const struct spk_task *task) { return task->scheduler->dag->epoch; }
bool spk_task_cancelled(const struct spk_task *task) { return run_stopping(task->scheduler); }

spk_status spk_task_write(struct spk_task *task, int to, struct spk_batch *batch, spk_error *err)
{
	struct spk_shuffle_service *shuffle = shuffle_of(task);

	struct spk_shuffle_stat before = task->written;
	int partitions = task_stage(task)->output_partitions;

	SPK_ASSERT(to >= 0 && to < partitions, "a partition of the stage's output");
	SPK_TRY(shuffle->type->write(shuffle, task->output, to, batch, &task->written, err));
	if (!task->scheduler->stage[task->stage].sized)
		return SPK_OK;
	task->sizing[to] += task->written.bytes - before.bytes;
	task->sizing[partitions + to] += task->written.rows - before.rows;
	return SPK_OK;
}

static spk_status check_stopping(const struct spk_task *task, spk_error *err)
{
	return run_stopping(task->scheduler) ? spk_fail(err, SPK_CANCELLED, "the run was stopped") : SPK_OK;
}

/* Selected rows from, from + 1, ... from + n - 1 of *batch take its place. */
static spk_status cut_batch(struct spk_batch **batch, int from, int n, spk_error *err)
{
	struct spk_batch *in = *batch, *part;
	int32_t *sel;

	SPK_TRY(spk_batch_derive(&part, in, in->schema, err));
	memcpy(part->column, in->column, sizeof *in->column * (size_t)in->columns);
	sel = spk_arena_alloc(part->arena, sizeof *sel * (size_t)n);
	if (!sel) {
		spk_batch_unref(part);
		return spk_fail_memory(err);
	}
	for (int i = 0; i < n; i++)
		sel[i] = spk_batch_row(in, from + i);
	part->sel = sel;
	part->selected = n;
	spk_batch_unref(in);
	*batch = part;
	return SPK_OK;
}

/* Leaves of a batch just read what is the task's: *ended when the reader has no more of that. */
static spk_status keep_part(struct spk_task *task, struct task_input *in, bool *ended, spk_error *err)
{
	struct spk_shuffle_reader *reader = &task->reader[in->next];
	bool last = in->next + 1 == in->end && in->left >= 0;
	int from, n;

	*ended = false;
	if (!reader->skip && !last)
		return SPK_OK;
	from = (int)SPK_MIN(reader->skip, (int64_t)in->batch->selected);
	n = in->batch->selected - from;
	reader->skip -= from;
	if (last) {
		n = (int)SPK_MIN((int64_t)n, in->left);
		in->left -= n;
		*ended = in->left == 0;
	}
	if (n == in->batch->selected)
		return SPK_OK;
	if (n)
		return cut_batch(&in->batch, from, n, err);
	spk_batch_unref(in->batch);
	in->batch = NULL;
	return SPK_OK;
}

spk_status spk_task_fetch(struct spk_task *task, int input, struct spk_batch **out, spk_error *err)
{
	struct spk_shuffle_service *shuffle = shuffle_of(task);
	struct task_input *in = &task->input[input];

	SPK_ASSERT(input >= 0 && input < task->inputs, "an input of the task");
	SPK_TRY(check_stopping(task, err));
	spk_batch_unref(in->batch);
	in->batch = NULL;
	while (in->next < in->end && !in->batch) {
		bool ended;

		SPK_TRY(shuffle->type->read(shuffle, &task->reader[in->next], &in->batch, err));
		ended = !in->batch;
		if (in->batch)
			SPK_TRY(keep_part(task, in, &ended, err));
		if (ended)
			end_reader(task, in->next++);
	}
	*out = in->batch;
	return SPK_OK;
}

int spk_task_producers(const struct spk_task *task, int input) { return task->input[input].end - task->input[input].first; }

spk_status spk_task_fetch_from(struct spk_task *task, int input, int producer, struct spk_batch **out, spk_error *err)
{
	struct spk_shuffle_service *shuffle = shuffle_of(task);
	struct task_input *in = &task->input[input];

	SPK_ASSERT(input >= 0 && input < task->inputs, "an input of the task");
	SPK_ASSERT(producer >= 0 && producer < in->end - in->first, "a producer of the input");
	SPK_TRY(check_stopping(task, err));
	SPK_TRY(shuffle->type->read(shuffle, &task->reader[in->first + producer], out, err));
	task->reader[in->first + producer].skip = 0;   /* the rest of it lies in this batch */
	return SPK_OK;
}

void spk_task_skip(struct spk_task *task, int input, int producer, int64_t rows)
{
	struct task_input *in = &task->input[input];

	SPK_ASSERT(producer >= 0 && producer < in->end - in->first, "a producer of the input");
	task->reader[in->first + producer].skip = rows;
}
