/*
 * Which task runs when. Everything here happens under the scheduler's lock, in short steps: at the start of a run and each time a
 * task ends. Tasks themselves run without it (task.c).
 *
 * A run is over when nothing is at the task scheduler any more and either all stages are complete or it is stopping. Until then
 * every task that can go on is at the task scheduler; tasks in TASK_WAITING are set free by the end of another.
 */
#include "scheduler/dag.h"

#include "core/base/check.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/metrics.h"
#include "scheduler/run.h"

/* A backoff is slept in slices of this, which bounds how long a cancelled run lingers. */
enum { WAIT_SLICE_US = 20000 };

static void run_task(void *user);

/* --- events --- */

/* X of a stage; `why` may be NULL. @locks: held */
static void stage_event(struct spk_dag_scheduler *s, enum spk_event event, int stage, const char *why)
{
	struct spk_stage_stats stats;

	if (!s->options.events)
		return;
	spk_run_stage_stats(s, stage, &stats);
	spk_event_log_write(s->options.events, event, (struct spk_event_field[]){
		{ .name = "dag", .text = s->dag->name ? s->dag->name : "" },
		{ .name = "epoch", .number = s->dag->epoch.value },
		{ .name = "stage", .number = stage },
		{ .name = "name", .text = s->dag->stage[stage].name },
		{ .name = "tasks", .number = stats.tasks },
		{ .name = "us", .number = spk_clock_monotonic_us() - s->stage[stage].started_us },
		{ .name = "cpu_us", .number = stats.sum.cpu_us },
		{ .name = "rows", .number = stats.sum.rows_out },
		{ .name = "bytes", .number = stats.sum.bytes_out },
		{ .name = why ? "error" : NULL, .text = why },
		{ 0 },
	});
}

/* Task events are for failures, and for batch queries, where a run is one of a kind. @locks: held, but for TASK_START */
static void task_event(struct spk_task *t, enum spk_event event, const char *why)
{
	struct spk_dag_scheduler *s = t->scheduler;
	bool start = event == SPK_EVENT_TASK_START;

	if (!s->options.events || !(why || s->dag->epoch.value == 0))
		return;
	spk_event_log_write(s->options.events, event, (struct spk_event_field[]){
		{ .name = "dag", .text = s->dag->name ? s->dag->name : "" },
		{ .name = "epoch", .number = s->dag->epoch.value },
		{ .name = "stage", .number = t->stage },
		{ .name = "name", .text = task_stage(t)->name },
		{ .name = "task", .number = t->partition },
		{ .name = "attempt", .number = t->attempt },
		{ .name = start ? NULL : "us", .number = t->last.busy_us },
		{ .name = "cpu_us", .number = t->last.cpu_us },
		{ .name = "rows_in", .number = t->last.rows_in },
		{ .name = "bytes_in", .number = t->last.bytes_in },
		{ .name = "rows", .number = t->last.rows_out },
		{ .name = "bytes", .number = t->last.bytes_out },
		{ .name = why ? "error" : NULL, .text = why },
		{ 0 },
	});
}

/* --- steps of a run; @locks: s->lock held --- */

/* The first reason to stop is the run's; tasks see it and end. */
static void stop(struct spk_dag_scheduler *s, spk_status status, const spk_error *error)
{
	if (run_stopping(s))
		return;
	s->status = status;
	s->error = *error;
	s->error.code = status;
	atomic_store(&s->stopping, true);
}

static void submit(struct spk_task *t, int64_t after_us)
{
	struct spk_dag_scheduler *s = t->scheduler;
	int64_t slice = SPK_MIN(after_us, WAIT_SLICE_US);
	spk_error error = { 0 };

	t->state = TASK_QUEUED;
	t->wait_left_us = after_us - slice;
	spk_status status = s->options.tasks->type->submit(s->options.tasks, (struct spk_work){ run_task, t }, t->stage, slice, &error);

	if (status == SPK_OK) {
		s->outstanding++;
		return;
	}
	t->state = TASK_IDLE;
	stop(s, status, &error);
}

/* Makes room for the stage's output. */
static spk_status add_shuffle(struct spk_dag_scheduler *s, int index, spk_error *err)
{
	const struct spk_stage *stage = &s->dag->stage[index];
	struct spk_shuffle_id id = spk_shuffle_id(s->next_shuffle);

	/* Never used twice, not even when it wraps around: runs are short. */
	s->next_shuffle = s->next_shuffle == INT32_MAX ? 0 : s->next_shuffle + 1;
	SPK_TRY(s->options.shuffle->type->add(s->options.shuffle, id, stage->tasks, stage->output_partitions, err));
	atomic_store(&s->stage[index].shuffle, id.value);
	return SPK_OK;
}

static bool reads(const struct spk_stage *stage, int from)
{
	for (int k = 0; k < stage->inputs; k++)
		if (stage->input[k] == from)
			return true;
	return false;
}

/* Lets go of the stage's output when all its readers are complete, so that a long graph does not hold all there ever was. If it should
 * be needed once more, it is recomputed, as if it was lost. So it is kept when that cannot be done. */
static void release_output(struct spk_dag_scheduler *s, int index)
{
	struct stage_run *run = &s->stage[index];
	struct spk_shuffle_id id = spk_shuffle_id(atomic_load(&run->shuffle));
	struct spk_shuffle_stat stat;

	/* Tasks of complete stages that run once more may be reading it. */
	if (id.value < 0 || !s->dag->stage[index].repeatable || s->recomputing)
		return;
	for (int i = index + 1; i < s->dag->stages; i++)
		if (!s->stage[i].complete && reads(&s->dag->stage[i], index))
			return;
	if (spk_run_room(s->account, &s->gone, &s->gone_capacity, s->gone_count, sizeof(*s->gone), NULL) != SPK_OK)
		return;
	s->options.shuffle->type->stat(s->options.shuffle, id, -1, &stat);
	s->shuffled.rows += stat.rows;
	s->shuffled.bytes += stat.bytes;
	atomic_store(&run->shuffle, -1);
	s->gone[s->gone_count++] = id;
}

static void stage_complete(struct spk_dag_scheduler *s, int index)
{
	const struct spk_stage *stage = &s->dag->stage[index];

	s->stage[index].complete = true;
	s->stages_left--;
	stage_event(s, SPK_EVENT_STAGE_END, index, NULL);
	for (int k = 0; k < stage->fusions; k++)
		if (s->stage[stage->input[stage->fusion[k].input]].absorbed)
			stage_complete(s, stage->input[stage->fusion[k].input]);
	for (int k = 0; s->stages_left && k < stage->inputs; k++)
		release_output(s, stage->input[k]);
}

/* Its work is done by tasks of another stage, which take over what its own would read. */
static void start_absorbed(struct spk_dag_scheduler *s, int index)
{
	const struct spk_stage *stage = &s->dag->stage[index];

	spk_run_settle_fusions(s, index);
	for (int p = 0; p < stage->tasks; p++) {
		struct spk_task *t = dag_task(s, index, p);

		t->idle = t->idle || (stage->skip && stage->skip(p, stage->user));
		t->skipped = t->counted = true;
	}
	s->stage[index].tasks_left = 0;
}

static void start_stage(struct spk_dag_scheduler *s, int index)
{
	const struct spk_stage *stage = &s->dag->stage[index];
	struct stage_run *run = &s->stage[index];

	spk_error error = { 0 };
	spk_status status = spk_run_share(s, index, &error);

	run->started = true;
	run->started_us = spk_clock_monotonic_us();
	stage_event(s, SPK_EVENT_STAGE_START, index, NULL);
	if (status == SPK_OK && run->absorbed) {
		start_absorbed(s, index);
		return;
	}
	spk_run_settle_fusions(s, index);
	if (status == SPK_OK && stage->output_partitions)
		status = add_shuffle(s, index, &error);
	if (status != SPK_OK) {
		stop(s, status, &error);
		return;
	}
	run->tasks_left = stage->tasks;
	for (int p = 0; p < stage->tasks; p++) {
		struct spk_task *t = dag_task(s, index, p);

		if (t->idle || (stage->skip && stage->skip(p, stage->user))) {
			t->skipped = t->counted = true;
			run->tasks_left--;
		}
	}
	for (int p = 0; p < stage->tasks && !run_stopping(s); p++)
		if (!dag_task(s, index, p)->skipped)
			submit(dag_task(s, index, p), 0);
	if (!run->tasks_left)
		stage_complete(s, index);
}

/* Starts every stage that may. Some are complete at once because all their tasks had nothing to do, so others may start then. */
static void advance(struct spk_dag_scheduler *s)
{
	bool any;

	do {
		any = false;
		for (int i = 0; i < s->dag->stages && !run_stopping(s); i++) {
			if (!spk_run_ready(s, i))
				continue;
			start_stage(s, i);
			any = true;
		}
	} while (any && !run_stopping(s));
}

/* True when all that the waiting task found lost has been made again. */
static bool may_go_on(const struct spk_task *t)
{
	for (int i = 0; i < t->lost_count; i++)
		if (dag_task(t->scheduler, t->lost[i].stage, t->lost[i].partition)->state != TASK_DONE)
			return false;
	return true;
}

static void wake_waiting(struct spk_dag_scheduler *s)
{
	for (int i = 0; i < s->tasks; i++)
		if (s->task[i]->state == TASK_WAITING && may_go_on(s->task[i]))
			submit(s->task[i], 0);
}

/* What is decided by sizes is decided by those of the first time: the same, whatever is lost and made again. */
static void keep_sizes(struct spk_task *t)
{
	int64_t *size = t->size;
	int capacity = t->size_capacity;

	t->size = t->sizing;
	t->size_capacity = t->sizing_capacity;
	t->sizing = size;
	t->sizing_capacity = capacity;
}

static void task_succeeded(struct spk_task *t)
{
	struct spk_dag_scheduler *s = t->scheduler;
	struct stage_run *run = &s->stage[t->stage];

	task_event(t, SPK_EVENT_TASK_END, NULL);
	t->state = TASK_DONE;
	t->failures = 0;
	if (t->recomputing) {
		t->recomputing = false;
		s->recomputing--;
		wake_waiting(s);
	}
	if (t->counted)
		return;
	t->counted = true;
	keep_sizes(t);
	if (--run->tasks_left == 0) {
		stage_complete(s, t->stage);
		advance(s);
	}
}

/* Runs a producer again whose output is gone. Only losses count against the bound: output that was released is needed again for
 * the sake of one of those alone. */
static void recompute(struct spk_task *producer, bool released)
{
	struct spk_dag_scheduler *s = producer->scheduler;
	const struct spk_stage *stage = task_stage(producer);
	int bound = spk_retry_default(SPK_RETRY_FETCH).retries;
	spk_status status = SPK_OK;
	spk_error error = { 0 };

	if (!stage->repeatable) {
		spk_fail(&error, SPK_UNAVAILABLE, "the output of stage '%s' task %d was lost, and the stage cannot be run twice",
		         stage->name, producer->partition);
		stop(s, SPK_UNAVAILABLE, &error);
	} else if (!released && producer->recomputed == bound) {
		spk_fail(&error, SPK_UNAVAILABLE, "the output of stage '%s' task %d was lost %d times", stage->name,
		         producer->partition, bound + 1);
		stop(s, SPK_UNAVAILABLE, &error);
	} else {
		SPK_LOG(WARN, "scheduler", "stage '%s' task %d: its output was %s, running it again", stage->name, producer->partition,
		        released ? "let go of" : "lost");
		producer->recomputed += !released;
		producer->recomputing = true;
		s->recomputing++;
		atomic_fetch_add_explicit(&s->tasks_recomputed, 1, memory_order_relaxed);
		if (atomic_load(&s->stage[producer->stage].shuffle) < 0)
			status = add_shuffle(s, producer->stage, &error);
		if (status == SPK_OK)
			submit(producer, 0);
		else
			stop(s, status, &error);
	}
}

static void task_lost_inputs(struct spk_task *t)
{
	struct spk_dag_scheduler *s = t->scheduler;

	t->state = TASK_WAITING;
	for (int i = 0; i < t->lost_count && !run_stopping(s); i++) {
		struct spk_task *producer = dag_task(s, t->lost[i].stage, t->lost[i].partition);

		/* Not DONE: it is being run again already. Published since: it was, for another reader. */
		if (producer->state == TASK_DONE && atomic_load(&producer->made) == t->lost[i].made)
			recompute(producer, t->lost[i].released);
	}
	if (!run_stopping(s) && may_go_on(t))
		submit(t, 0);
}

static void task_failed(struct spk_task *t, spk_status status, spk_error *error)
{
	struct spk_dag_scheduler *s = t->scheduler;
	struct spk_retry_policy policy = s->options.task_retry;
	int failure = t->failures++;

	atomic_fetch_add_explicit(&s->tasks_failed, 1, memory_order_relaxed);
	task_event(t, SPK_EVENT_TASK_FAILED, error->message);
	bool repeatable = task_stage(t)->repeatable || !t->touched || t->computed;

	if (repeatable && spk_retry_again(&policy, failure, error)) {
		policy.seed ^= ((uint64_t)t->stage << 32 | (uint32_t)t->partition) * 0x9e3779b97f4a7c15u;
		int64_t wait = spk_retry_wait_us(&policy, failure);

		SPK_LOG(WARN, "scheduler", "stage '%s' task %d failed, again in %d ms: %s", task_stage(t)->name, t->partition,
		        (int)(wait / 1000), error->message);
		submit(t, wait);
		return;
	}
	if (failure)
		spk_error_context(error, "stage '%s' task %d, given up after %d attempts", task_stage(t)->name, t->partition, failure + 1);
	t->state = TASK_IDLE;
	stage_event(s, SPK_EVENT_STAGE_FAILED, t->stage, error->message);
	stop(s, status, error);
}

/* --- the end --- */

static void find_metrics(struct spk_dag_scheduler *s)
{
	s->metric.run = spk_metric(SPK_COUNTER, "scheduler_tasks_total", NULL);
	s->metric.failed = spk_metric(SPK_COUNTER, "scheduler_tasks_failed_total", NULL);
	s->metric.recomputed = spk_metric(SPK_COUNTER, "scheduler_tasks_recomputed_total", NULL);
	s->metric.bytes = spk_metric(SPK_COUNTER, "scheduler_shuffle_bytes_total", NULL);
	s->metric.rows = spk_metric(SPK_COUNTER, "scheduler_shuffle_rows_total", NULL);
}

static void add_metrics(const struct spk_dag_scheduler *s, const struct spk_dag_result *r)
{
	spk_metric_add(s->metric.run, r->tasks_run);
	spk_metric_add(s->metric.failed, r->tasks_failed);
	spk_metric_add(s->metric.recomputed, r->tasks_recomputed);
	spk_metric_add(s->metric.bytes, r->shuffle_bytes);
	spk_metric_add(s->metric.rows, r->shuffle_rows);
}

static void remove_gone(struct spk_dag_scheduler *s, bool locked)
{
	while (s->gone_count) {
		struct spk_shuffle_id id = s->gone[--s->gone_count];

		/* Many batches may have to be freed: not while others wait. */
		if (locked)
			pthread_mutex_unlock(&s->lock);
		s->options.shuffle->type->remove(s->options.shuffle, id);
		if (locked)
			pthread_mutex_lock(&s->lock);
	}
}

/* Gives all of the run back and fills *result. Nothing of it is at the task scheduler any more. */
static void clean_up(struct spk_dag_scheduler *s, struct spk_dag_result *result)
{
	struct spk_shuffle_service *shuffle = s->options.shuffle;

	*result = (struct spk_dag_result){
		.tasks_run = atomic_load(&s->tasks_run),
		.tasks_failed = atomic_load(&s->tasks_failed),
		.tasks_recomputed = atomic_load(&s->tasks_recomputed),
		.cpu_us = atomic_load(&s->cpu_us),
		.shuffle_rows = s->shuffled.rows,
		.shuffle_bytes = s->shuffled.bytes,
	};
	remove_gone(s, false);
	for (int i = 0; i < s->tasks; i++) {
		s->task[i]->computed = false;
		spk_run_clear_task(s->task[i]);
	}
	for (int i = 0; i < s->dag->stages; i++) {
		struct spk_shuffle_id id = spk_shuffle_id(atomic_load(&s->stage[i].shuffle));
		struct spk_shuffle_stat stat;

		if (id.value < 0)
			continue;
		shuffle->type->stat(shuffle, id, -1, &stat);
		result->shuffle_rows += stat.rows;
		result->shuffle_bytes += stat.bytes;
		shuffle->type->remove(shuffle, id);
	}
	add_metrics(s, result);
}

/* Ends the run: from here on `done` may start another, or free s. @locks: none */
static void finish(struct spk_dag_scheduler *s)
{
	struct spk_dag_result result;

	clean_up(s, &result);
	pthread_mutex_lock(&s->lock);
	spk_status status = s->status;
	spk_error error = s->error;
	void (*done)(void *, spk_status, const spk_error *, const struct spk_dag_result *) = s->done;
	void *user = s->done_user;

	s->busy = false;
	pthread_mutex_unlock(&s->lock);
	done(user, status, &error, &result);
}

/* Takes one work off the books; true when that was the last of the run. @locks: s->lock held */
static bool retire(struct spk_dag_scheduler *s)
{
	s->outstanding--;
	SPK_ASSERT(s->outstanding || run_stopping(s) || !s->stages_left, "a run that is not over has work");
	return !s->outstanding;
}

/* Takes over what the attempt measured. @locks: s->lock held */
static void note_attempt(struct spk_task *t, bool failed)
{
	struct spk_task_stats *sum = &t->stats, before = t->stats;

	*sum = t->now;
	sum->attempts += before.attempts;
	sum->failures = before.failures + failed;
	sum->busy_us += before.busy_us;
	sum->cpu_us += before.cpu_us;
	if (!failed)
		t->scheduler->stage[t->stage].slowest_us = SPK_MAX(t->scheduler->stage[t->stage].slowest_us, t->now.busy_us);
	t->last = t->now;
	t->now = (struct spk_task_stats){ 0 };
}

static void end_task(struct spk_task *t, spk_status status, spk_error *error)
{
	struct spk_dag_scheduler *s = t->scheduler;

	pthread_mutex_lock(&s->lock);
	if (t->now.attempts)
		note_attempt(t, status != SPK_OK && !t->lost_count);
	if (run_stopping(s))
		t->state = TASK_IDLE;
	else if (status == SPK_OK)
		task_succeeded(t);
	else if (t->lost_count)
		task_lost_inputs(t);
	else
		task_failed(t, status, error);
	/* Before this work is retired: the run must not end meanwhile. */
	remove_gone(s, true);
	bool over = retire(s);

	pthread_mutex_unlock(&s->lock);
	if (over)
		finish(s);
}

/* @locality: worker */
static void run_task(void *user)
{
	struct spk_task *t = user;
	struct spk_dag_scheduler *s = t->scheduler;
	spk_status status = SPK_CANCELLED;
	spk_error error = { 0 };

	if (!run_stopping(s) && t->wait_left_us > 0) {
		pthread_mutex_lock(&s->lock);
		submit(t, t->wait_left_us);
		bool over = retire(s);

		pthread_mutex_unlock(&s->lock);
		if (over)
			finish(s);
		return;
	}
	if (!run_stopping(s)) {
		t->attempt++;
		task_event(t, SPK_EVENT_TASK_START, NULL);
		status = spk_run_attempt(t, &error);
	}
	end_task(t, status, &error);
}

/* What is left to do when a run had nothing to do. @locality: worker */
static void run_nothing(void *user)
{
	struct spk_dag_scheduler *s = user;

	pthread_mutex_lock(&s->lock);
	bool over = retire(s);

	pthread_mutex_unlock(&s->lock);
	SPK_ASSERT(over, "nothing was all there was");
	finish(s);
}

/* --- starting --- */

static spk_status check_stage(const struct spk_dag *dag, int index, spk_error *err)
{
	const struct spk_stage *stage = &dag->stage[index];

	if (stage->tasks < 1 || !stage->run || stage->output_partitions < 0)
		return spk_fail(err, SPK_INTERNAL, "stage %d '%s' has no tasks or no function", index, stage->name);
	for (int k = 0; k < stage->inputs; k++) {
		int from = stage->input[k];

		if (from < 0 || from >= index)
			return spk_fail(err, SPK_INTERNAL, "stage %d '%s' reads stage %d, which is not before it", index, stage->name, from);
		int partitions = dag->stage[from].output_partitions, base = stage->input_base ? stage->input_base[k] : 0;
		bool broadcast = stage->input_broadcast && stage->input_broadcast[k] && base >= 0 && base < partitions;
		int own = spk_run_own_tasks(stage);
		bool fits = broadcast || (stage->input_base ? base >= 0 && base + own <= partitions : partitions == own);

		if (!fits && partitions != 1)
			return spk_fail(err, SPK_INTERNAL, "stage %d '%s' has %d tasks, but its input stage %d writes %d partitions, of which it reads those from %d",
			                index, stage->name, stage->tasks, from, partitions, base);
	}
	for (int k = 0; k < stage->sharings; k++)
		SPK_ASSERT(stage->sharing[k].partitions <= stage->sharing[k].tasks && stage->sharing[k].first + stage->sharing[k].tasks <= stage->tasks, "a task for each partition");
	return SPK_OK;
}

/* Whether a stage that reads this one may share its partitions out. */
static bool is_sized(const struct spk_dag *dag, int index)
{
	bool sized = false;

	if (dag->stage[index].output_partitions < 1)
		return false;
	for (int i = index + 1; i < dag->stages && !sized; i++)
		sized = (dag->stage[i].sharings || dag->stage[i].fusions) && reads(&dag->stage[i], index);
	return sized;
}

/* Tasks for what is split have nothing to do until something is. */
static void idle_spare_tasks(struct spk_dag_scheduler *s, const struct spk_dag *dag, int index)
{
	for (int k = 0; k < dag->stage[index].sharings; k++) {
		const struct spk_sharing *sharing = &dag->stage[index].sharing[k];

		for (int t = sharing->partitions; t < sharing->tasks; t++)
			dag_task(s, index, sharing->first + t)->idle = true;
	}
}

static spk_status add_tasks(struct spk_dag_scheduler *s, const struct spk_dag *dag, spk_error *err)
{
	s->tasks = s->stages = 0;
	if (dag->stages)
		SPK_TRY(spk_run_room(s->account, &s->stage, &s->stage_capacity, dag->stages - 1, sizeof(*s->stage), err));
	for (int i = 0; i < dag->stages; i++) {
		s->stage[i] = (struct stage_run){ .shuffle = -1, .reader = -1, .first_task = s->tasks, .sized = is_sized(dag, i) };
		for (int p = 0; p < dag->stage[i].tasks; p++, s->tasks++) {
			int had = s->task_capacity;

			SPK_TRY(spk_run_room(s->account, &s->task, &s->task_capacity, s->tasks, sizeof(*s->task), err));
			for (int k = had; k < s->task_capacity; k++)
				s->task[k] = NULL;
			if (!s->task[s->tasks])
				s->task[s->tasks] = spk_calloc(s->account, sizeof(struct spk_task));
			struct spk_task *t = s->task[s->tasks];

			SPK_TRY_PTR(t, err);
			t->scheduler = s;
			t->stage = i;
			t->partition = p;
			t->state = TASK_IDLE;
			t->attempt = -1;
			t->failures = t->recomputed = t->lost_count = 0;
			t->skipped = t->idle = t->counted = t->touched = t->computed = t->recomputing = false;
			t->share = (struct task_share){ .first = p, .count = 1, .splits = -1 };
			t->now = t->stats = (struct spk_task_stats){ 0 };
			atomic_store_explicit(&t->made, 0, memory_order_relaxed);
		}
		idle_spare_tasks(s, dag, i);
	}
	s->stages = dag->stages;
	spk_run_find_fusions(s, dag);
	return SPK_OK;
}

static void reset(struct spk_dag_scheduler *s, const struct spk_dag *dag)
{
	s->dag = dag;
	s->status = SPK_OK;
	s->error = (spk_error){ 0 };
	s->stages_left = dag->stages;
	s->started_us = spk_clock_monotonic_us();
	s->outstanding = s->recomputing = s->gone_count = 0;
	s->shuffled = (struct spk_shuffle_stat){ 0 };
	atomic_store(&s->stopping, false);
	atomic_store(&s->tasks_run, 0);
	atomic_store(&s->tasks_failed, 0);
	atomic_store(&s->tasks_recomputed, 0);
	atomic_store(&s->cpu_us, 0);
}

/* Sets the run going. On failure nothing of it is left. @locks: s->lock held */
static spk_status begin(struct spk_dag_scheduler *s, const struct spk_dag *dag, spk_error *err)
{
	struct spk_dag_result none;

	SPK_TRY(add_tasks(s, dag, err));
	reset(s, dag);
	advance(s);
	if (s->outstanding)
		return SPK_OK;
	if (!run_stopping(s)) {
		spk_error error = { 0 };
		spk_status status = s->options.tasks->type->submit(s->options.tasks, (struct spk_work){ run_nothing, s }, 0, 0, &error);

		s->outstanding++;
		if (status == SPK_OK)
			return SPK_OK;
		stop(s, status, &error);
	}
	clean_up(s, &none);
	if (err)
		*err = s->error;
	return s->status;
}

spk_status spk_dag_start(struct spk_dag_scheduler *s, const struct spk_dag *dag, void (*done)(void *user, spk_status status, const spk_error *error, const struct spk_dag_result *result), void *user, spk_error *err)
{
	for (int i = 0; i < dag->stages; i++)
		SPK_TRY(check_stage(dag, i, err));
	pthread_mutex_lock(&s->lock);
	if (s->busy) {
		pthread_mutex_unlock(&s->lock);
		return spk_fail(err, SPK_INTERNAL, "a DAG scheduler runs one graph at a time");
	}
	s->busy = true;
	s->done = done;
	s->done_user = user;
	spk_status status = begin(s, dag, err);

	if (status != SPK_OK)
		s->busy = false;
	pthread_mutex_unlock(&s->lock);
	return status;
}

struct waiter {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool over;
	spk_status status;
	spk_error *err;
	struct spk_dag_result *result;
};

static void wake(void *user, spk_status status, const spk_error *error, const struct spk_dag_result *result)
{
	struct waiter *w = user;

	pthread_mutex_lock(&w->lock);
	w->status = status;
	if (status != SPK_OK && w->err)
		*w->err = *error;
	if (w->result)
		*w->result = *result;
	w->over = true;
	pthread_cond_signal(&w->cond);
	pthread_mutex_unlock(&w->lock);
}

spk_status spk_dag_run(struct spk_dag_scheduler *s, const struct spk_dag *dag, struct spk_dag_result *result, spk_error *err)
{
	struct waiter w = { .lock = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER, .err = err, .result = result };

	SPK_TRY(spk_dag_start(s, dag, wake, &w, err));
	pthread_mutex_lock(&w.lock);
	while (!w.over)
		pthread_cond_wait(&w.cond, &w.lock);
	pthread_mutex_unlock(&w.lock);
	pthread_cond_destroy(&w.cond);
	pthread_mutex_destroy(&w.lock);
	return w.status;
}

void spk_dag_cancel(struct spk_dag_scheduler *s)
{
	spk_error error = { 0 };

	spk_fail(&error, SPK_CANCELLED, "the run was cancelled");
	pthread_mutex_lock(&s->lock);
	if (s->busy && s->outstanding)
		stop(s, SPK_CANCELLED, &error);
	pthread_mutex_unlock(&s->lock);
}

spk_status spk_dag_scheduler_new(struct spk_dag_scheduler **out, const struct spk_dag_options *options, spk_error *err)
{
	struct spk_memory_account *account = spk_memory_account("scheduler");

	SPK_ASSERT(options->tasks && options->shuffle, "a DAG scheduler stands on a task scheduler and a shuffle service");
	struct spk_dag_scheduler *s = spk_calloc(account, sizeof(*s));

	SPK_TRY_PTR(s, err);
	s->options = *options;
	s->account = account;
	find_metrics(s);
	pthread_mutex_init(&s->lock, NULL);
	*out = s;
	return SPK_OK;
}

void spk_dag_scheduler_free(struct spk_dag_scheduler *s)
{
	if (!s)
		return;
	SPK_ASSERT(!s->busy, "a DAG scheduler is freed after its run");
	for (int i = 0; i < s->task_capacity; i++)
		if (s->task[i])
			spk_run_free_task(s->task[i]);
	spk_free(s->account, s->task, (size_t)s->task_capacity * sizeof(*s->task));
	spk_free(s->account, s->gone, (size_t)s->gone_capacity * sizeof(*s->gone));
	spk_free(s->account, s->stage, (size_t)s->stage_capacity * sizeof(*s->stage));
	pthread_mutex_destroy(&s->lock);
	spk_free(s->account, s, sizeof(*s));
}

void spk_dag_partition_stat(struct spk_dag_scheduler *s, int stage, int partition, struct spk_shuffle_stat *out)
{
	struct spk_shuffle_id id = spk_shuffle_id(atomic_load(&s->stage[stage].shuffle));

	*out = (struct spk_shuffle_stat){ 0 };
	if (id.value >= 0)
		s->options.shuffle->type->stat(s->options.shuffle, id, partition, out);
}
