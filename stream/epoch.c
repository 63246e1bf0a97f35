/*
 * One epoch: what is pending goes through the plan, the job moves on, and the outputs are committed with the record while it does.
 *
 * A replay is the same without the commit: the record that comes of it must be the one that was written then.
 */
#include <stdatomic.h>

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
	spk_input_partition_pace(p, out);
}

static void record_sinks(const struct spk_job *job, const struct spk_exec_output *output, struct spk_epoch_record *r)
{
	for (int i = 0; i < r->sinks; i++)
		r->sink[i].table = job->spec.plan->sink[i].table->name;
	for (int t = 0; t < output->count; t++) {
		const struct spk_task_output *o = &output->task[t];

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

static spk_status make_record(struct spk_job *job, const struct spk_run *run, const struct spk_exec_output *output, struct spk_arena *arena, struct spk_epoch_record **out, spk_error *err)
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
	record_sinks(job, output, r);
	*out = r;
	return SPK_OK;
}

/* --- moving on --- */

/* The partition of that name, which is at the same place unless partitions came since. */
static const struct spk_epoch_partition *recorded_partition(const struct spk_epoch_source *source, int at, const char *name)
{
	if (at < source->partitions && strcmp(source->partition[at].name, name) == 0)
		return &source->partition[at];
	for (int i = 0; i < source->partitions; i++)
		if (strcmp(source->partition[i].name, name) == 0)
			return &source->partition[i];
	return NULL;
}

static void take_over(struct spk_input_partition *p, const struct spk_epoch_partition *was)
{
	p->watermark = was->watermark;
	p->pace_rows = was->pace_rows;
	p->pace_us = was->pace_us;
}

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
		for (int p = 0; p < in->partitions; p++) {
			const struct spk_epoch_partition *was = recorded_partition(&record->source[i], p, in->source->type->partition_name(in->source, p));

			/* One that came after a record that is replayed is not in it. */
			if (was)
				take_over(&in->partition[p], was);
		}
	}
	spk_inputs_drop_pending(job);
	return SPK_OK;
}

/* A second stop ends the epoch in the middle: nothing of it was committed, so it is done again at the next start. */
static bool stopped_at_once(void *user)
{
	struct spk_job *job = user;

	return atomic_load(&job->stops) > 1;
}

static int64_t held_until(const struct spk_exec_output *output)
{
	int64_t first = 0;

	for (int t = 0; t < output->count; t++) {
		const int64_t us = output->task[t].held_until_us;

		if (us && (!first || us < first))
			first = us;
	}
	return first;
}

/* Runs the plan over what is pending; *out gets what it left, and the record of it. */
static spk_status compute(struct spk_job *job, int64_t epoch, int64_t time_us, struct spk_computed *out, spk_error *err)
{
	struct spk_exec_watch watch = { .fd = job->stop_fd, .cancel = stopped_at_once, .user = job };
	struct spk_dag_result result = { 0 };
	struct spk_run run;

	SPK_TRY(spk_fault(SPK_FAULT_EPOCH_BEGIN, err));
	SPK_TRY(make_run(job, out->arena, epoch, time_us, &run, err));
	SPK_TRY(spk_exec_run(job->exec, &run, job->dag, &watch, &result, err));
	SPK_TRY(spk_exec_take(job->exec, out->arena, &out->output, err));
	SPK_TRY(spk_fault(SPK_FAULT_EPOCH_COMPUTED, err));
	SPK_TRY(spk_dead_letters_check(job, &out->output, epoch, err));
	SPK_TRY(make_record(job, &run, &out->output, out->arena, &out->record, err));
	job->held_until_us = held_until(&out->output);
	out->cpu_us = result.cpu_us;
	return spk_epoch_encode(out->record, &out->encoded, err);
}

/* Outputs are encoded and dead letters keep their own bytes, so the input's memory is free while the epoch is written. */
static spk_status compute_and_commit(struct spk_job *job, int64_t epoch, int64_t time_us, struct spk_computed *next, spk_error *err)
{
	SPK_TRY(compute(job, epoch, time_us, next, err));
	SPK_TRY(move_on(job, next->record, err));
	/* Only now: this epoch was computed while the one before was being committed. */
	SPK_TRY(spk_commit_wait(job, err));
	return spk_commit_start(job, next, err);
}

spk_status spk_job_epoch(struct spk_job *job, spk_error *err)
{
	int64_t epoch = job->record ? job->record->epoch + 1 : 1;
	int64_t now = spk_clock_wall_us(), time_us = job->record ? SPK_MAX(now, job->record->time_us) : now;
	struct spk_computed next = { .arena = spk_arena_new(NULL), .started_us = spk_clock_monotonic_us() };
	spk_status status = next.arena ? compute_and_commit(job, epoch, time_us, &next, err) : spk_fail_memory(err);

	if (status == SPK_OK)
		return SPK_OK;
	spk_event_log_write(job->events, SPK_EVENT_EPOCH_FAILED, (struct spk_event_field[]){ { "epoch", NULL, epoch }, { "error", err ? err->message : "", 0 }, { 0 } });
	spk_computed_release(&next);
	return status;
}

/* --- replay --- */

static spk_status run_again(struct spk_job *job, const struct spk_epoch_record *recorded, struct spk_arena *arena, spk_error *err)
{
	struct spk_exec_watch watch = { .fd = job->stop_fd, .cancel = stopped_at_once, .user = job };
	struct spk_exec_output output;
	struct spk_epoch_record *record;
	struct spk_run run;
	spk_status status;

	SPK_TRY(spk_fault(SPK_FAULT_RECOVERY_REPLAY, err));
	SPK_TRY(spk_inputs_fetch_recorded(job, recorded, err));
	SPK_TRY(make_run(job, arena, recorded->epoch, recorded->time_us, &run, err));
	SPK_TRY(spk_exec_run(job->exec, &run, job->dag, &watch, NULL, err));
	SPK_TRY(spk_exec_take(job->exec, arena, &output, err));
	status = make_record(job, &run, &output, arena, &record, err);
	spk_exec_output_release(&output);
	SPK_TRY(status);
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
