/*
 * One epoch: what is pending goes through the plan, its outputs and its record are committed, then the job has moved on.
 *
 * A replay is the same without the commit: the record that comes of it must be the one that was written then.
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/fault.h"
#include "stream/internal.h"

/* The run's inputs: a view on the pending chunks. All in `arena`. */
static spk_status make_run(struct spk_job *job, struct spk_arena *arena, int64_t epoch, int64_t time_us, struct spk_run *run, spk_error *err)
{
	*run = (struct spk_run){ .epoch = { epoch }, .time_us = time_us, .timezone = spk_conf_text(job->spec.conf, SPK_CONF_TIMEZONE), .streaming = true };
	run->source = SPK_NEW_ARRAY(arena, struct spk_run_source, job->in.count);
	run->sink = SPK_NEW_ARRAY(arena, struct spk_sink *, job->out.count);
	SPK_TRY_PTR(run->source && run->sink, err);
	for (int i = 0; i < job->in.count; i++) {
		const struct spk_input *in = &job->in.input[i];
		struct spk_run_source *s = &run->source[i];

		*s = (struct spk_run_source){ .source = in->source, .partitions = in->partitions, .watermark = in->watermark };
		s->partition = SPK_NEW_ARRAY(arena, struct spk_run_partition, in->partitions);
		SPK_TRY_PTR(s->partition, err);
		for (int p = 0; p < in->partitions; p++) {
			const struct spk_input_partition *from = &in->partition[p];

			s->partition[p] = (struct spk_run_partition){ .chunks = from->chunks, .chunk = from->chunk, .idle = from->idle, .finished = from->finished, .watermark = from->watermark };
		}
	}
	for (int i = 0; i < job->out.count; i++)
		run->sink[i] = job->out.output[i].sink;
	return SPK_OK;
}

/* --- the record --- */

static void record_partition(const struct spk_input *in, int index, const struct spk_run_partition *ran, struct spk_epoch_partition *out)
{
	const struct spk_input_partition *p = &in->partition[index];

	*out = (struct spk_epoch_partition){ .name = in->source->type->partition_name(in->source, index), .start = p->position, .end = p->position,
		.watermark = ran->watermark, .idle = ran->idle, .finished = ran->finished, .bound = p->bounded ? p->bound : INT64_MAX };
	for (int i = 0; i < p->chunks; i++) {
		out->rows += p->chunk[i].rows;
		out->hash += p->chunk[i].hash;
	}
	if (p->chunks)
		out->start = p->chunk[0].start;
}

static void record_sinks(const struct spk_job *job, const struct spk_run *run, struct spk_epoch_record *r)
{
	for (int i = 0; i < r->sinks; i++)
		r->sink[i].table = job->spec.plan->sink[i].table->name;
	for (int s = 0; s < spk_exec_stages(job->exec); s++)
		for (int t = 0; t < spk_exec_tasks(job->exec, s); t++) {
			const struct spk_task_output *o = &run->output[s][t];

			r->late_rows += o->late;
			r->bad_rows += o->bad;
			for (int i = 0; o->block && i < r->sinks; i++) {
				if (!o->block[i])
					continue;
				r->sink[i].rows += o->block[i]->rows;
				r->sink[i].hash += o->block[i]->hash;
			}
		}
}

static spk_status make_record(struct spk_job *job, const struct spk_run *run, struct spk_arena *arena, struct spk_epoch_record **out, spk_error *err)
{
	struct spk_epoch_record *r = SPK_NEW(arena, struct spk_epoch_record);

	SPK_TRY_PTR(r, err);
	*r = (struct spk_epoch_record){ .job = job->spec.name, .incarnation = job->incarnation, .epoch = run->epoch.value,
		.previous_hash = job->record ? job->record->hash : 0, .plan_hash = job->spec.plan->hash, .time_us = run->time_us, .sources = job->in.count,
		.sinks = job->out.count, .checkpoint = job->checkpoint, .engine = "sparklet" };
	r->source = SPK_NEW_ARRAY(arena, struct spk_epoch_source, r->sources);
	r->sink = SPK_NEW_ARRAY(arena, struct spk_epoch_sink, r->sinks);
	SPK_TRY_PTR(r->source && r->sink, err);
	for (int i = 0; i < r->sources; i++) {
		const struct spk_input *in = &job->in.input[i];

		r->source[i] = (struct spk_epoch_source){ .table = in->spec.table->name, .watermark = spk_run_source_watermark_after(&run->source[i]), .partitions = in->partitions };
		r->source[i].partition = SPK_NEW_ARRAY(arena, struct spk_epoch_partition, in->partitions);
		SPK_TRY_PTR(r->source[i].partition, err);
		for (int p = 0; p < in->partitions; p++)
			record_partition(in, p, &run->source[i].partition[p], &r->source[i].partition[p]);
	}
	record_sinks(job, run, r);
	*out = r;
	return SPK_OK;
}

/* --- moving on --- */

/* The job is now at the end of `record`: keeps a copy, takes over watermarks, frees what was read. */
static spk_status move_on(struct spk_job *job, const struct spk_epoch_record *record, spk_error *err)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_epoch_record *copy = arena ? spk_epoch_copy(record, arena) : NULL;

	if (!copy) {
		spk_arena_unref(arena);
		return spk_fail_memory(err);
	}
	spk_arena_unref(job->record_arena);
	job->record_arena = arena;
	job->record = copy;
	for (int i = 0; i < job->in.count; i++) {
		struct spk_input *in = &job->in.input[i];

		in->watermark = record->source[i].watermark;
		for (int p = 0; p < in->partitions; p++)
			in->partition[p].watermark = record->source[i].partition[p].watermark;
	}
	spk_exec_clear(job->exec);
	spk_inputs_drop_pending(job);
	return SPK_OK;
}

static void count_progress(struct spk_job *job, const struct spk_epoch_record *r)
{
	int64_t least = INT64_MAX;

	for (int i = 0; i < r->sources; i++) {
		least = SPK_MIN(least, r->source[i].watermark);
		for (int p = 0; p < r->source[i].partitions; p++)
			job->progress.rows_in += r->source[i].partition[p].rows;
	}
	for (int i = 0; i < r->sinks; i++)
		job->progress.rows_out += r->sink[i].rows;
	job->progress.epoch = r->epoch;
	job->progress.late += r->late_rows;
	job->progress.bad += r->bad_rows;
	job->progress.watermark_us = r->sources ? least : INT64_MIN;
	job->progress.batch_time_us = r->time_us;
}

static void log_epoch(struct spk_job *job, const struct spk_epoch_record *r, const struct spk_dag_result *result, int64_t started_us)
{
	int64_t rows_in = 0, rows_out = 0;

	for (int i = 0; i < r->sources; i++)
		for (int p = 0; p < r->source[i].partitions; p++)
			rows_in += r->source[i].partition[p].rows;
	for (int i = 0; i < r->sinks; i++)
		rows_out += r->sink[i].rows;
	spk_metric_add(job->metric.epochs, 1);
	spk_metric_add(job->metric.rows_in, rows_in);
	spk_metric_add(job->metric.rows_out, rows_out);
	spk_metric_add(job->metric.late, r->late_rows);
	spk_metric_add(job->metric.bad, r->bad_rows);
	spk_metric_observe(job->metric.duration, spk_clock_monotonic_us() - started_us);
	spk_event_log_write(job->events, SPK_EVENT_EPOCH_END, (struct spk_event_field[]){ { "epoch", NULL, r->epoch }, { "rows_in", NULL, rows_in },
		{ "rows_out", NULL, rows_out }, { "late", NULL, r->late_rows }, { "bad", NULL, r->bad_rows }, { "cpu_us", NULL, result->cpu_us },
		{ "wall_us", NULL, spk_clock_monotonic_us() - started_us }, { 0 } });
	spk_event_log_flush(job->events);
}

/* A second stop ends the epoch in the middle: nothing of it was committed, so it is done again at the next start. */
static bool stopped_at_once(void *user)
{
	struct spk_job *job = user;

	return atomic_load(&job->stops) > 1;
}

static spk_status run_and_commit(struct spk_job *job, struct spk_arena *arena, int64_t epoch, int64_t time_us, spk_error *err)
{
	int64_t started = spk_clock_monotonic_us();
	struct spk_buffer encoded = { 0 };
	struct spk_dag_result result = { 0 };
	struct spk_exec_watch watch = { .fd = job->stop_fd, .cancel = stopped_at_once, .user = job };
	struct spk_epoch_record *record;
	struct spk_run run;
	spk_status status;

	SPK_TRY(spk_fault(SPK_FAULT_EPOCH_BEGIN, err));
	SPK_TRY(make_run(job, arena, epoch, time_us, &run, err));
	SPK_TRY(spk_exec_run(job->exec, &run, job->dag, &watch, &result, err));
	SPK_TRY(spk_fault(SPK_FAULT_EPOCH_COMPUTED, err));
	SPK_TRY(spk_dead_letters_check(job, &run, epoch, err));
	SPK_TRY(make_record(job, &run, arena, &record, err));
	/* Outputs are encoded and dead letters keep their own bytes: the input's memory is free while the epoch is written. */
	spk_inputs_drop_pending(job);
	status = spk_epoch_encode(record, &encoded, err);
	if (status == SPK_OK)
		status = spk_outputs_commit(job, &run, record, &encoded, err);
	spk_buffer_release(&encoded);
	SPK_TRY(status);
	job->announced = record->checkpoint;
	count_progress(job, record);
	log_epoch(job, record, &result, started);
	return move_on(job, record, err);
}

spk_status spk_job_epoch(struct spk_job *job, spk_error *err)
{
	int64_t epoch = job->record ? job->record->epoch + 1 : 1;
	int64_t now = spk_clock_wall_us(), time_us = job->record ? SPK_MAX(now, job->record->time_us) : now;
	struct spk_arena *arena = spk_arena_new(NULL);
	spk_status status = arena ? run_and_commit(job, arena, epoch, time_us, err) : spk_fail_memory(err);

	if (status != SPK_OK)
		spk_event_log_write(job->events, SPK_EVENT_EPOCH_FAILED, (struct spk_event_field[]){ { "epoch", NULL, epoch }, { "error", err ? err->message : "", 0 }, { 0 } });
	spk_arena_unref(arena);
	return status;
}

/* --- replay --- */

static spk_status run_again(struct spk_job *job, const struct spk_epoch_record *recorded, struct spk_arena *arena, spk_error *err)
{
	struct spk_exec_watch watch = { .fd = job->stop_fd, .cancel = stopped_at_once, .user = job };
	struct spk_epoch_record *record;
	struct spk_run run;

	SPK_TRY(spk_fault(SPK_FAULT_RECOVERY_REPLAY, err));
	SPK_TRY(spk_inputs_fetch_recorded(job, recorded, err));
	SPK_TRY(make_run(job, arena, recorded->epoch, recorded->time_us, &run, err));
	SPK_TRY(spk_exec_run(job->exec, &run, job->dag, &watch, NULL, err));
	SPK_TRY(make_record(job, &run, arena, &record, err));
	SPK_TRY(spk_epoch_compare(recorded, record, err));
	return move_on(job, recorded, err);
}

spk_status spk_job_replay(struct spk_job *job, const struct spk_epoch_record *recorded, spk_error *err)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	spk_status status = arena ? run_again(job, recorded, arena, err) : spk_fail_memory(err);

	spk_arena_unref(arena);
	return status;
}
