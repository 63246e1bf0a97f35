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
			last = read_partition(stage, &dag->stage[from], k, stage->tasks - 1);
			if (partition >= first && partition <= last)
				readers += first == last ? stage->tasks : 1;
		}
	return dag->stage[from].repeatable && readers == 1;
}

/* The task's share of input k, partition after partition. */
static spk_status gather_input(struct spk_task *t, int k, spk_error *err)
{
	const struct spk_stage *stage = task_stage(t), *from = &t->scheduler->dag->stage[stage->input[k]];
	bool whole = reads_whole(stage, from, k), part = t->share.splits == k, beside = t->share.splits >= 0 && !part;
	int first = read_partition(stage, from, k, whole ? 0 : t->share.first), count = whole ? 1 : t->share.count;

	for (int i = 0; i < count; i++) {
		bool once = !beside && reads_once(t->scheduler->dag, stage->input[k], first + i);

		for (int p = part ? t->share.from_producer : 0; p < (part ? t->share.to_producer : from->tasks); p++)
			SPK_TRY(fetch_from(t, stage->input[k], first + i, p, once, err));
	}
	return SPK_OK;
}

/*
 * Locates all inputs, in order of (input, partition, producer); goes through all even when some are lost, so that those are recomputed together.
 */
static spk_status gather(struct spk_task *t, spk_error *err)
{
	const struct spk_stage *stage = task_stage(t);

	if (stage->inputs)
		SPK_TRY(spk_run_room(t->scheduler->account, &t->input, &t->input_capacity, stage->inputs - 1, sizeof(*t->input), err));
	for (int k = 0; k < stage->inputs; k++) {
		t->input[t->inputs++] = (struct task_input){ .first = t->readers, .next = t->readers };
		SPK_TRY(gather_input(t, k, err));
		t->input[k].end = t->readers;
	}
	if (!t->lost_count)
		return SPK_OK;
	return spk_fail(err, SPK_NOT_FOUND, "stage '%s' task %d: the output of %d task(s) it reads is lost", stage->name,
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

		SPK_TRY(spk_run_room(t->scheduler->account, &t->sizing, &t->sizing_capacity, partitions - 1, sizeof(*t->sizing), err));
		memset(t->sizing, 0, (size_t)partitions * sizeof(*t->sizing));
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

	int64_t before = task->written.bytes;

	SPK_ASSERT(to >= 0 && to < task_stage(task)->output_partitions, "a partition of the stage's output");
	SPK_TRY(shuffle->type->write(shuffle, task->output, to, batch, &task->written, err));
	if (task->scheduler->stage[task->stage].sized)
		task->sizing[to] += task->written.bytes - before;
	return SPK_OK;
}

static spk_status check_stopping(const struct spk_task *task, spk_error *err)
{
	return run_stopping(task->scheduler) ? spk_fail(err, SPK_CANCELLED, "the run was stopped") : SPK_OK;
}

spk_status spk_task_fetch(struct spk_task *task, int input, struct spk_batch **out, spk_error *err)
{
	struct spk_shuffle_service *shuffle = shuffle_of(task);
	struct task_input *in = &task->input[input];

	SPK_ASSERT(input >= 0 && input < task_stage(task)->inputs, "an input of the stage");
	SPK_TRY(check_stopping(task, err));
	spk_batch_unref(in->batch);
	in->batch = NULL;
	while (in->next < in->end && !in->batch) {
		SPK_TRY(shuffle->type->read(shuffle, &task->reader[in->next], &in->batch, err));
		if (!in->batch)
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

	SPK_ASSERT(input >= 0 && input < task_stage(task)->inputs, "an input of the stage");
	SPK_ASSERT(producer >= 0 && producer < in->end - in->first, "a producer of the input");
	SPK_TRY(check_stopping(task, err));
	return shuffle->type->read(shuffle, &task->reader[in->first + producer], out, err);
}
