/* Batch queries: sources opened, the plan run once, rows handed to the caller or kept for an Arrow stream. */
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "batch/spill.h"
#include "connectors/stored/stored.h"
#include "stream/operator/stream_operators.h"
#include "core/base/clock.h"
#include "session/history.h"
#include "session/materialize.h"
#include "session/profile.h"
#include "session/progress.h"

enum { REPORT_MS = 100 };  /* how often a reporter is asked whether it is time */

/* What one query opens. */
struct query {
	const struct spk_physical_plan *plan;
	const struct spk_conf *conf;
	struct spk_source_spec *spec;
	struct spk_source **source;
	struct spk_run run;
	struct spk_executor_backend *backend;
	struct spk_task_scheduler *tasks;
	struct spk_shuffle_service *shuffle;
	struct spk_dag_scheduler *dag;
	struct spk_spill *spill;
	struct spk_exec *exec;
	int pinned;                    /* sources whose kept relations are held */
	/* Only for progress. */
	struct spk_session *session;
	int64_t **end;
	int64_t started_us;
	bool whole_files, misjudged;  /* misjudged: a range of a file was begun in the wrong place (connectors/file/range.h) */
};

/* Where the source's partitions end and begin, when somebody wants to know how far it is. */
static spk_status find_ends(struct query *q, int index, const int64_t *begin, spk_error *err)
{
	struct spk_source *source = q->source[index];

	if (!q->session->progress)
		return SPK_OK;
	q->end[index] = calloc((size_t)source->partitions + 1, 2 * sizeof(**q->end));
	SPK_TRY_PTR(q->end[index], err);
	memcpy(q->end[index] + source->partitions, begin, sizeof(*begin) * (size_t)source->partitions);
	return source->type->ends(source, true, q->end[index], err);
}

static spk_status open_source(struct query *q, int index, spk_error *err)
{
	const struct spk_plan_source *s = &q->plan->source[index];
	const struct spk_source_type *type = s->table->rows ? &spk_rows_source : spk_source_type(s->table->connector);
	struct spk_run_source *r = &q->run.source[index];
	int64_t *position;
	spk_status status;

	if (!type)
		return spk_fail(err, SPK_PLAN, "table \"%s\": connector '%s' cannot be read from", s->table->name, s->table->connector);
	q->spec[index] = (struct spk_source_spec){ .table = s->table, .column = s->column, .columns = s->columns, .schema = s->schema, .index = index, .job = "query", .conf = q->conf,
		.batch = true, .whole_files = q->whole_files, .misjudged = &q->misjudged };
	if (s->scan->filter)
		q->spec[index].filter = (struct spk_row_filter){ s->scan->filter, s->scan->column, s->scan->schema->count };
	SPK_TRY(type->open(&q->source[index], &q->spec[index], err));
	*r = (struct spk_run_source){ .source = q->source[index], .partitions = q->source[index]->partitions, .watermark = SPK_WATERMARK_NONE };
	r->partition = calloc((size_t)r->partitions + 1, sizeof *r->partition);
	position = calloc((size_t)r->partitions + 1, 2 * sizeof *position);
	status = r->partition && position ? SPK_OK : spk_fail_memory(err);
	for (int i = 0; i < r->partitions && status == SPK_OK; i++)
		position[i] = SPK_POSITION_START;
	if (status == SPK_OK)
		status = type->seek(q->source[index], position, position + r->partitions, err);
	if (status == SPK_OK)
		status = find_ends(q, index, position + r->partitions, err);
	free(position);
	return status;
}

/* --- kept relations that the query reads: computed if they are not there, and held until it is over --- */

static spk_status fill(struct spk_session *s, struct spk_cached *c, spk_error *err)
{
	const struct spk_recursion *recursion = spk_session_recursion(s, c);
	struct spk_physical_plan *plan;

	if (recursion)
		return spk_session_recurse(s, recursion, err);
	if (!spk_cached_plan(c))
		return spk_fail(err, SPK_NOT_FOUND, "the table that CREATE TABLE AS was to make has no rows: its query failed");
	SPK_TRY(spk_session_plan_kept(s, spk_cached_plan(c), &plan, err));
	return spk_session_keep(s, plan, c, err);
}

static spk_status pin_all(struct spk_session *s, struct query *q, spk_error *err)
{
	for (; q->pinned < q->plan->sources; q->pinned++) {
		struct spk_cached *c = q->plan->source[q->pinned].table->rows;

		if (!c || spk_cached_pin(c))
			continue;
		SPK_TRY(fill(s, c, err));
		if (!spk_cached_pin(c))
			return spk_fail(err, SPK_INTERNAL, "a kept relation was given up while it was made");
	}
	return SPK_OK;
}

static void unpin_all(struct query *q)
{
	while (q->pinned > 0) {
		struct spk_cached *c = q->plan->source[--q->pinned].table->rows;

		if (c)
			spk_cached_unpin(c);
	}
}

/*
 * How much of an exchange one task should read: what it may hold of memory.limit when all workers are busy. The less memory there is, the smaller
 * partitions are: then a task's hash table or sort fits, instead of being written once more.
 */
static int64_t partition_bytes(const struct query *q)
{
	const int64_t workers = spk_conf_int(q->conf, SPK_CONF_POOL_SIZE), cores = sysconf(_SC_NPROCESSORS_ONLN);

	return (int64_t)(spk_memory_limit() / 100 * SPK_SPILL_PERCENT) / SPK_MAX(workers ? workers : cores, 1);
}

/* Tasks that read an exchange. Which of them get rows together is decided when it is known how many there are (scheduler/README.md). */
static int readers(const struct query *q)
{
	const int64_t asked_for = spk_conf_int(q->conf, SPK_CONF_SHUFFLE_PARTITIONS), tasks = spk_conf_int(q->conf, SPK_CONF_PARALLELISM);
	const double needed = q->plan->spread_bytes / (double)partition_bytes(q) + 1;

	if (asked_for)
		return (int)asked_for;
	return (int)SPK_MAX(SPK_MIN(needed, (double)SPK_SHARDS), (double)(tasks ? tasks : sysconf(_SC_NPROCESSORS_ONLN)));
}

static spk_status open_query(struct query *q, spk_error *err)
{
	struct spk_dag_options options = { .task_retry = spk_retry_default(SPK_RETRY_TASK) };
	int *partitions = calloc((size_t)q->plan->sources + 1, sizeof *partitions);
	struct spk_exec_options exec = { .plan = q->plan, .readers = readers(q), .source_partitions = partitions,
		.batch_rows = (int)spk_conf_int(q->conf, SPK_CONF_BATCH_ROWS), .share_target_bytes = SPK_MIN(spk_conf_int(q->conf, SPK_CONF_SHUFFLE_TARGET), partition_bytes(q)),
		.skew_bytes = spk_conf_int(q->conf, SPK_CONF_SKEW_BYTES), .skew_factor = spk_conf_double(q->conf, SPK_CONF_SKEW_FACTOR) };
	spk_status status;

	SPK_TRY_PTR(partitions, err);
	for (int i = 0; i < q->plan->sources; i++)
		partitions[i] = q->source[i]->partitions;
	status = spk_local_executor_new(&q->backend, (int)spk_conf_int(q->conf, SPK_CONF_POOL_SIZE), err);
	if (status == SPK_OK)
		status = spk_fifo_scheduler_new(&q->tasks, q->backend, err);
	if (status == SPK_OK)
		status = spk_spill_new(&q->spill, spk_conf_text(q->conf, SPK_CONF_SPILL_DIR), err);
	if (status == SPK_OK)
		status = spk_local_shuffle_new(&q->shuffle, spk_spill_area(q->spill), err);
	options.tasks = q->tasks;
	options.shuffle = q->shuffle;
	options.events = q->session->events;
	options.task_retry.retries = (int)spk_conf_int(q->conf, SPK_CONF_RETRY_MAX);
	options.task_retry.first_us = spk_conf_int(q->conf, SPK_CONF_RETRY_BACKOFF);
	options.task_retry.seed = (uint64_t)spk_conf_int(q->conf, SPK_CONF_SEED);
	if (status == SPK_OK)
		status = spk_dag_scheduler_new(&q->dag, &options, err);
	if (status == SPK_OK) {
		spk_spill_reclaims(q->spill, q->shuffle);
		spk_spill_reclaims_rows(q->spill, q->session->cache);
		spk_spill_reclaims_rows(q->spill, q->session->with_cache);
		exec.spill = q->spill;
		exec.op_type = spk_stream_op_type;  /* a changelog's rows */
		exec.timed = q->session->timed || q->session->events;
		status = spk_exec_new(&q->exec, &exec, err);
	}
	free(partitions);
	return status;
}

static spk_status prepare(struct spk_session *s, struct query *q, spk_error *err)
{
	int n = q->plan->sources;

	SPK_TRY(pin_all(s, q, err));

	q->spec = calloc((size_t)n + 1, sizeof *q->spec);
	q->source = calloc((size_t)n + 1, sizeof(*q->source));
	q->run.source = calloc((size_t)n + 1, sizeof *q->run.source);
	q->end = calloc((size_t)n + 1, sizeof(*q->end));
	SPK_TRY_PTR(q->spec && q->source && q->run.source && q->end, err);
	for (int i = 0; i < n; i++)
		SPK_TRY(open_source(q, i, err));
	return open_query(q, err);
}

static void close_sources(struct query *q)
{
	for (int i = 0; q->source && i < q->plan->sources; i++) {
		if (q->source[i])
			q->source[i]->type->close(q->source[i]);
		q->source[i] = NULL;
		if (q->run.source) {
			free(q->run.source[i].partition);
			q->run.source[i].partition = NULL;
		}
		if (q->end) {
			free(q->end[i]);
			q->end[i] = NULL;
		}
	}
}

static void release(struct query *q)
{
	spk_exec_free(q->exec);
	spk_dag_scheduler_free(q->dag);
	if (q->shuffle)
		q->shuffle->type->close(q->shuffle);
	spk_spill_free(q->spill);
	if (q->tasks)
		q->tasks->type->close(q->tasks);
	if (q->backend)
		q->backend->type->close(q->backend);
	close_sources(q);
	free(q->run.source);
	free(q->source);
	free(q->spec);
	unpin_all(q);
	free(q->end);
}

struct counter { spk_status (*collect)(void *user, struct spk_batch *batch, spk_error *err); void *user; int64_t rows; };

static spk_status count_rows(void *user, struct spk_batch *batch, spk_error *err)
{
	struct counter *c = user;

	c->rows += batch->selected;
	return c->collect ? c->collect(c->user, batch, err) : SPK_OK;
}

static bool cancelled(void *user) { return spk_session_must_stop(((struct query *)user)->session); }

static void tick(void *user)
{
	const struct query *q = user;
	struct spk_query_watched watched = { .plan = q->plan, .run = &q->run, .dag = q->dag, .end = q->end, .started_us = q->started_us };
	struct spk_query_progress now;

	spk_reporter_tick(q->session->reporter);
	if (!q->session->progress)
		return;
	spk_query_progress_now(&watched, &now);
	q->session->progress(q->session->progress_user, &now);
}

static spk_status run(struct spk_session *s, struct query *q, struct spk_dag_result *result, spk_error *err)
{
	struct spk_exec_watch watch = { .fd = s->cancel_fd, .cancel = cancelled, .user = q, .tick_ms = s->progress ? s->progress_ms : REPORT_MS,
		.tick = s->progress || s->reporter ? tick : NULL, .deadline_us = s->deadline_us };
	spk_status status;

	q->started_us = spk_clock_monotonic_us();
	q->run.time_us = s->now_us ? s->now_us : spk_clock_wall_us();
	q->run.timezone = spk_conf_text(q->conf, SPK_CONF_TIMEZONE);
	status = spk_exec_run(q->exec, &q->run, q->dag, &watch, result, err);
	atomic_store(&s->cancels, 0);
	s->stopped = s->stopped || status == SPK_CANCELLED;
	return status == SPK_CANCELLED && s->timed_out ? spk_fail(err, SPK_CANCELLED, "canceling statement due to statement timeout") : status;
}

static spk_status run_profiled(struct spk_session *s, struct query *q, struct counter *counter, struct spk_query_stats *stats, spk_error *err)
{
	struct spk_dag_result result = { 0 };
	struct spk_profiled profiled = { .plan = q->plan, .exec = q->exec, .dag = q->dag, .result = &result, .spill = spk_spill_area(q->spill) };
	spk_status status;

	q->run.collect = count_rows;
	q->run.collect_user = counter;
	spk_memory_peak_restart();
	status = run(s, q, &result, err);
	profiled.wall_us = q->run.time_us;
	profiled.elapsed_us = spk_clock_monotonic_us() - q->started_us;
	profiled.rows = counter->rows;
	spk_session_keep_profile(s, &profiled);
	if (stats)
		*stats = (struct spk_query_stats){ .elapsed_us = profiled.elapsed_us, .cpu_us = result.cpu_us, .rows = counter->rows };
	return status;
}

/* Whether the query is to be run again with whole files: ranges of them were begun in the wrong place, and no row was handed out. */
static bool run_again(const struct query *q, spk_status status, int64_t handed_out, spk_error *err)
{
	if (status == SPK_OK || !q->misjudged || q->whole_files || handed_out)
		return false;
	if (err)
		*err = (spk_error){ 0 };
	return true;
}

spk_status spk_session_run_query(struct spk_session *s, const struct spk_physical_plan *plan, spk_status (*collect)(void *user, struct spk_batch *batch, spk_error *err), void *user,
				 struct spk_query_stats *stats, spk_error *err)
{
	struct counter counter = { collect, user, 0 };
	spk_error own = { 0 };
	struct spk_statement_time time;
	bool again = false;
	spk_status status;

	spk_session_drop_profile(s);
	SPK_TRY(spk_session_open_reporter(s, err));
	spk_session_open_events(s);
	spk_session_begin_statement(s, &time);
	s->now_us = spk_clock_wall_us();
	do {
		struct query q = { .plan = plan, .conf = s->conf, .session = s, .whole_files = again };

		status = prepare(s, &q, &own);
		if (status == SPK_OK)
			status = run_profiled(s, &q, &counter, stats, &own);
		again = run_again(&q, status, counter.rows, &own);
		release(&q);
	} while (again);
	status = spk_session_end_statement(s, &time, status, &own);
	s->now_us = 0;
	spk_session_drop_materialized(s);
	spk_session_close_events(s, status, &own);
	if (status != SPK_OK && err)
		*err = own;
	return status;
}

/* --- a query that runs while its rows are asked for --- */

struct spk_open_query {
	struct query q;
	struct counter counter;
	struct spk_event_log *events;
	struct spk_dag_result result;
	spk_status status;
	spk_error error;
	bool started;
	void (*done)(void *user);
	void *user;
};

static void on_end(void *user, spk_status status, const spk_error *error, const struct spk_dag_result *result)
{
	struct spk_open_query *o = user;

	o->status = status;
	if (error)
		o->error = *error;
	if (result)
		o->result = *result;
	o->done(o->user);
}

static spk_status start(struct spk_open_query *o, spk_error *err)
{
	struct query *q = &o->q;

	q->run.collect = count_rows;
	q->run.collect_user = &o->counter;
	q->run.time_us = q->session->now_us;
	q->run.timezone = spk_arena_strdup(q->session->arena, spk_conf_text(q->conf, SPK_CONF_TIMEZONE));
	SPK_TRY_PTR(q->run.timezone, err);
	spk_memory_peak_restart();
	q->started_us = spk_clock_monotonic_us();
	SPK_TRY(spk_exec_start(q->exec, &q->run, q->dag, on_end, o, err));
	o->started = true;
	return SPK_OK;
}

spk_status spk_open_query_start(struct spk_session *s, const struct spk_physical_plan *plan, bool whole_files, const struct spk_query_taker *taker, struct spk_open_query **out, spk_error *err)
{
	struct spk_open_query *o = calloc(1, sizeof *o);
	spk_error own = { 0 };
	spk_status status;

	SPK_TRY_PTR(o, err);
	*o = (struct spk_open_query){ .q = { .plan = plan, .conf = s->conf, .session = s, .whole_files = whole_files }, .counter = { taker->take, taker->user, 0 }, .done = taker->done, .user = taker->user };
	spk_session_drop_profile(s);
	status = spk_session_open_reporter(s, &own);
	if (status == SPK_OK) {
		spk_session_open_events(s);
		s->now_us = spk_clock_wall_us();
		status = prepare(s, &o->q, &own);
		if (status == SPK_OK)
			status = start(o, &own);
		s->now_us = 0;
	}
	o->events = s->events;   /* another query of the session has its own */
	s->events = NULL;
	if (status == SPK_OK) {
		*out = o;
		return SPK_OK;
	}
	o->status = status;
	o->error = own;
	return spk_open_query_end(o, NULL, err);
}

void spk_open_query_tick(struct spk_open_query *o) { tick(&o->q); }
void spk_open_query_cancel(struct spk_open_query *o) { spk_dag_cancel(o->q.dag); }

spk_status spk_open_query_end(struct spk_open_query *o, bool *again, spk_error *err)
{
	struct spk_session *s = o->q.session;
	struct spk_event_log *other = s->events;
	struct spk_profiled profiled = { .plan = o->q.plan, .exec = o->q.exec, .dag = o->q.dag, .result = &o->result, .wall_us = o->q.run.time_us, .rows = o->counter.rows };
	bool rerun = run_again(&o->q, o->status, o->counter.rows, NULL);
	spk_status status = o->status;

	if (o->started) {
		spk_exec_end(o->q.exec, status);
		profiled.spill = spk_spill_area(o->q.spill);
		profiled.elapsed_us = spk_clock_monotonic_us() - o->q.started_us;
		spk_session_keep_profile(s, &profiled);
	}
	release(&o->q);
	spk_session_drop_materialized(s);
	s->events = o->events;
	spk_session_close_events(s, status, &o->error);
	s->events = other;
	if (again)
		*again = rerun;
	if (status != SPK_OK && err)
		*err = o->error;
	free(o);
	return status;
}

/* --- queries within queries --- */

struct spk_inner_query { struct query q; bool used; };

spk_status spk_inner_query_open(struct spk_session *s, const struct spk_physical_plan *plan, struct spk_inner_query **out, spk_error *err)
{
	struct spk_inner_query *i = calloc(1, sizeof *i);

	SPK_TRY_PTR(i, err);
	i->q = (struct query){ .plan = plan, .conf = s->conf, .session = s, .whole_files = true };  /* there is no second try */
	*out = i;
	return SPK_OK;
}

void spk_inner_query_close(struct spk_inner_query *i)
{
	if (i)
		release(&i->q);
	free(i);
}

/* What a run has read has to be opened again; tasks and exchanges are used again as they are. */
static spk_status ready_again(struct spk_inner_query *i, spk_error *err)
{
	struct query *q = &i->q;

	if (!i->used)
		return prepare(q->session, q, err);
	close_sources(q);
	unpin_all(q);
	SPK_TRY(pin_all(q->session, q, err));
	for (int k = 0; k < q->plan->sources; k++)
		SPK_TRY(open_source(q, k, err));
	return SPK_OK;
}

spk_status spk_inner_query_run(struct spk_inner_query *i, spk_status (*collect)(void *user, struct spk_batch *batch, spk_error *err), void *user, spk_error *err)
{
	struct spk_session *s = i->q.session;
	struct spk_event_log *events = s->events;
	struct spk_dag_result result = { 0 };
	spk_status status;

	s->events = NULL;   /* those are of the query that this one is for */
	status = ready_again(i, err);
	i->used = true;
	i->q.run.collect = collect;
	i->q.run.collect_user = user;
	i->q.run.collected = 0;
	if (status == SPK_OK)
		status = run(s, &i->q, &result, err);
	s->events = events;
	return status;
}

/* Where the rows of a query go by task: into a cached or a stored relation. */
struct place { struct spk_cached *cached; struct spk_stored_writer *stored; };

static spk_status keep_in(struct spk_session *s, const struct spk_physical_plan *plan, struct place to, spk_error *err)
{
	struct spk_event_log *events = s->events;
	struct spk_dag_result result = { 0 };
	struct spk_statement_time time;
	bool again = false;
	spk_status status;

	spk_session_begin_statement(s, &time);
	s->events = NULL;   /* those are of the query that the relation is kept for */
	do {
		struct query q = { .plan = plan, .conf = s->conf, .session = s, .whole_files = again };
		int tasks;

		status = prepare(s, &q, err);
		q.run.keep = to.cached;
		q.run.store = to.stored;
		tasks = status == SPK_OK ? spk_exec_tasks(q.exec, plan->collect->stage) : 0;
		if (status == SPK_OK)
			status = to.stored ? spk_stored_begin(to.stored, tasks, err) : spk_cached_begin(to.cached, tasks, err);
		if (status == SPK_OK)
			status = run(s, &q, &result, err);
		again = run_again(&q, status, 0, err);
		release(&q);
	} while (again);
	s->events = events;
	return spk_session_end_statement(s, &time, status, err);
}

spk_status spk_session_keep(struct spk_session *s, const struct spk_physical_plan *plan, struct spk_cached *into, spk_error *err)
{
	SPK_TRY(keep_in(s, plan, (struct place){ .cached = into }, err));
	spk_cached_finish(into);
	return SPK_OK;
}

spk_status spk_session_store(struct spk_session *s, const struct spk_physical_plan *plan, struct spk_stored_writer *into, spk_error *err)
{
	SPK_TRY(keep_in(s, plan, (struct place){ .stored = into }, err));
	return spk_stored_commit(into, err);
}
