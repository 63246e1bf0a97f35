/*
 * One attempt of a task, and what a running task may ask.
 *
 * All inputs are located before the stage's function is called: a lost block is found while nothing has been touched yet, so even
 * stages that must not be repeated recover from it.
 */
#include "core/base/check.h"
#include "core/base/clock.h"
#include "core/base/fault.h"
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

void spk_run_clear_task(struct spk_task *t)
{
	if (!t->computed) {
		for (int i = 0; i < t->written_count; i++)
			spk_batch_unref(t->written[i].batch);
		t->written_count = 0;
	}
	t->fetched_count = 0;
}

void spk_run_free_task(struct spk_task *t)
{
	struct spk_memory_account *account = t->scheduler->account;

	t->computed = false;
	spk_run_clear_task(t);
	spk_free(account, t->written, (size_t)t->written_capacity * sizeof(*t->written));
	spk_free(account, t->fetched, (size_t)t->fetched_capacity * sizeof(*t->fetched));
	spk_free(account, t->input, (size_t)t->input_capacity * sizeof(*t->input));
	spk_free(account, t->lost, (size_t)t->lost_capacity * sizeof(*t->lost));
	spk_free(account, t, sizeof(*t));
}

static spk_status note_lost(struct spk_task *t, int stage, int partition, int made, bool released, spk_error *err)
{
	SPK_TRY(spk_run_room(t->scheduler->account, &t->lost, &t->lost_capacity, t->lost_count, sizeof(*t->lost), err));
	t->lost[t->lost_count++] = (struct task_lost){ .stage = stage, .partition = partition, .made = made, .released = released };
	return SPK_OK;
}

/* Appends the producer's batches of that partition to t->fetched; a lost output goes to t->lost. */
static spk_status fetch_from(struct spk_task *t, int stage, int partition, int producer, spk_error *err)
{
	struct spk_dag_scheduler *s = t->scheduler;
	struct spk_shuffle_service *shuffle = s->options.shuffle;
	struct spk_shuffle_id id = spk_shuffle_id(atomic_load(&s->stage[stage].shuffle));
	struct spk_task *from = dag_task(s, stage, producer);
	struct spk_batch **batches;
	int count;

	if (from->skipped)
		return SPK_OK;
	/* Read before the fetch: a producer that has published since then need not run again for us. */
	int made = atomic_load(&from->made);

	if (id.value < 0)
		return note_lost(t, stage, producer, made, true, err);
	if (spk_fault(SPK_FAULT_SHUFFLE_FETCH, NULL) != SPK_OK)
		shuffle->type->lose(shuffle, id, producer);
	spk_status status = shuffle->type->fetch(shuffle, id, producer, partition, &batches, &count, err);

	if (status == SPK_NOT_FOUND)
		return note_lost(t, stage, producer, made, false, err);
	SPK_TRY(status);
	SPK_TRY(spk_run_room(s->account, &t->fetched, &t->fetched_capacity, t->fetched_count + count, sizeof(*t->fetched), err));
	if (count)
		memcpy(t->fetched + t->fetched_count, batches, (size_t)count * sizeof(*batches));
	t->fetched_count += count;
	return SPK_OK;
}

/* Locates all inputs, in order of (input, producer, sequence); goes through all even when some are lost, so that those are
 * recomputed together. */
static spk_status gather(struct spk_task *t, spk_error *err)
{
	const struct spk_stage *stage = task_stage(t);

	t->fetched_count = 0;
	if (stage->inputs)
		SPK_TRY(spk_run_room(t->scheduler->account, &t->input, &t->input_capacity, stage->inputs - 1, sizeof(*t->input), err));
	for (int k = 0; k < stage->inputs; k++) {
		const struct spk_stage *from = &t->scheduler->dag->stage[stage->input[k]];
		bool broadcast = stage->input_broadcast && stage->input_broadcast[k];
		int partition = from->output_partitions == 1 ? 0 : (broadcast ? 0 : t->partition) + (stage->input_base ? stage->input_base[k] : 0);

		t->input[k].next = t->fetched_count;
		for (int p = 0; p < from->tasks; p++)
			SPK_TRY(fetch_from(t, stage->input[k], partition, p, err));
		t->input[k].end = t->fetched_count;
	}
	for (int i = 0; i < t->fetched_count; i++) {
		t->now.rows_in += t->fetched[i]->selected;
		t->now.bytes_in += spk_shuffle_bytes(t->fetched[i]);
	}
	if (!t->lost_count)
		return SPK_OK;
	return spk_fail(err, SPK_NOT_FOUND, "stage '%s' task %d: the output of %d task(s) it reads is lost", stage->name,
	                t->partition, t->lost_count);
}

/* Sorts t->written by partition (stable: the sequence stays) into *batches; blocks and counts get one entry a partition. */
static void group_written(const struct spk_task *t, int partitions, struct spk_batch ***blocks, int *counts, struct spk_batch **batches)
{
	int n = 0;

	memset(counts, 0, (size_t)partitions * sizeof(*counts));
	for (int i = 0; i < t->written_count; i++)
		counts[t->written[i].to]++;
	for (int p = 0; p < partitions; p++) {
		blocks[p] = batches + n;
		n += counts[p];
		counts[p] = 0;
	}
	for (int i = 0; i < t->written_count; i++) {
		int to = t->written[i].to;

		blocks[to][counts[to]++] = t->written[i].batch;
	}
}

static spk_status publish(struct spk_task *t, spk_error *err)
{
	struct spk_dag_scheduler *s = t->scheduler;
	struct spk_shuffle_service *shuffle = s->options.shuffle;
	int partitions = task_stage(t)->output_partitions;

	if (!partitions)
		return SPK_OK;
	SPK_TRY(spk_fault(SPK_FAULT_SHUFFLE_WRITE, err));
	size_t head = (size_t)partitions * (sizeof(struct spk_batch **) + sizeof(int));
	size_t size = head + (size_t)t->written_count * sizeof(struct spk_batch *);
	struct spk_batch ***blocks = spk_malloc(s->account, size);

	SPK_TRY_PTR(blocks, err);
	struct spk_batch **batches = (struct spk_batch **)(void *)(blocks + partitions);
	int *counts = (int *)(void *)(batches + t->written_count);

	group_written(t, partitions, blocks, counts, batches);
	for (int i = 0; i < t->written_count; i++) {
		t->now.rows_out += batches[i]->selected;
		t->now.bytes_out += spk_shuffle_bytes(batches[i]);
	}
	spk_status status = shuffle->type->publish(shuffle, spk_shuffle_id(atomic_load(&s->stage[t->stage].shuffle)), t->partition, blocks, counts, err);

	spk_free(s->account, blocks, size);
	if (status == SPK_OK) {
		t->written_count = 0;  /* the references are the service's now */
		atomic_fetch_add(&t->made, 1);
	}
	return status;
}

static spk_status compute(struct spk_task *t, spk_error *err)
{
	SPK_TRY(spk_fault(SPK_FAULT_TASK_START, err));
	SPK_TRY(gather(t, err));
	t->touched = true;
	atomic_fetch_add_explicit(&t->scheduler->tasks_run, 1, memory_order_relaxed);
	SPK_TRY(task_stage(t)->run(t, err));
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
	SPK_ASSERT(to >= 0 && to < task_stage(task)->output_partitions, "a partition of the stage's output");
	SPK_TRY(spk_run_room(task->scheduler->account, &task->written, &task->written_capacity, task->written_count,
	                   sizeof(*task->written), err));
	task->written[task->written_count++] = (struct task_written){ .to = to, .batch = spk_batch_ref(batch) };
	return SPK_OK;
}

spk_status spk_task_fetch(struct spk_task *task, int input, struct spk_batch **out, spk_error *err)
{
	SPK_ASSERT(input >= 0 && input < task_stage(task)->inputs, "an input of the stage");
	struct task_input *in = &task->input[input];

	if (run_stopping(task->scheduler))
		return spk_fail(err, SPK_CANCELLED, "the run was stopped");
	*out = in->next < in->end ? task->fetched[in->next++] : NULL;
	return SPK_OK;
}
