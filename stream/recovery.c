/*
 * Recovery: to the state at the end of the last committed epoch.
 *
 * Opening the outputs has fenced any other instance, so the log's end is final. State comes from the newest checkpoint that is whole and
 * belongs to the log's chain, plus a replay of the epochs after it, each compared with its record. A stateless job only needs positions.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/fault.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "stream/history.h"
#include "stream/operator/stream_operators.h"

/* --- state --- */

/* A damaged checkpoint is said, by name, where a person sees it. */
static void report_refused(struct spk_job *job, const spk_error *why)
{
	char text[1200];

	snprintf(text, sizeof text, "refused: %s; using an older one", why->message);
	spk_job_report(job, "recovering", text);
	SPK_LOG(WARN, "recovery", "job %s: %s", job->spec.name, text);
}

/* Whether the checkpoint is of the very epoch in the log, not of one that another instance never committed. */
static bool belongs(struct spk_job *job, const struct spk_history *h, int64_t epoch)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_checkpoint *c;
	spk_error why = { 0 };
	int at = spk_history_find(h, epoch);
	bool yes = false;

	if (arena && at >= 0) {
		if (job->checkpoints->type->read(job->checkpoints, epoch, arena, &c, &why) == SPK_OK)
			yes = c->record->hash == h->link[at].hash;
		else
			report_refused(job, &why);
	}
	spk_arena_unref(arena);
	return yes;
}

/* Clones the newest usable checkpoint into the state folder; *from: its epoch, 0 when the job must start from nothing. */
static spk_status clone_newest(struct spk_job *job, const struct spk_history *h, int64_t *from, spk_error *err)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	int64_t *epoch = NULL;
	int count = 0;
	spk_status status = arena ? job->checkpoints->type->list(job->checkpoints, arena, &epoch, &count, err) : spk_fail_memory(err);

	*from = 0;
	for (int i = count - 1; status == SPK_OK && i >= 0 && *from == 0; i--) {
		spk_error why = { 0 };

		if (!belongs(job, h, epoch[i]))
			continue;
		status = spk_dir_remove(job->state_dir, err);
		if (status == SPK_OK && job->checkpoints->type->clone(job->checkpoints, epoch[i], job->state_dir, &why) == SPK_OK)
			*from = epoch[i];
		else if (status == SPK_OK)
			report_refused(job, &why);
	}
	spk_arena_unref(arena);
	SPK_TRY(status);
	if (*from == 0 && h->link[0].epoch > 1) {
		spk_fail(err, SPK_NOT_FOUND, "job %s is at epoch %" PRId64 ", but no usable checkpoint is left and the log only goes back to epoch %" PRId64, job->spec.name,
			 h->last->epoch, h->link[0].epoch);
		return spk_hint(err, "Is --dir (or checkpoint.dir) the folder that the job used before? `sparklet checkpoint %s verify` looks at each one. To begin anew, use another --job name.",
				job->spec.name);
	}
	return SPK_OK;
}

static spk_status make_exec(struct spk_job *job, spk_error *err)
{
	int *partitions = SPK_NEW_ARRAY(job->arena, int, job->in.count);
	struct spk_exec_options options = { .plan = job->spec.plan, .readers = (int)spk_conf_int(job->spec.conf, SPK_CONF_PARALLELISM), .source_partitions = partitions,
		.store = job->store, .batch_rows = (int)spk_conf_int(job->spec.conf, SPK_CONF_BATCH_ROWS), .op_type = spk_stream_op_type };

	SPK_TRY_PTR(partitions, err);
	for (int i = 0; i < job->in.count; i++)
		partitions[i] = job->in.input[i].partitions;
	return spk_exec_new(&job->exec, &options, err);
}

static spk_status use_record(struct spk_job *job, const struct spk_epoch_record *record, spk_error *err)
{
	struct spk_arena *arena = spk_arena_new(NULL);

	SPK_TRY_PTR(arena, err);
	spk_arena_unref(job->record_arena);
	job->record_arena = arena;
	job->record = spk_epoch_copy(record, arena);
	SPK_TRY_PTR(job->record, err);
	return SPK_OK;
}

/* --- replay --- */

/*
 * The next checkpoint is due when it would have been without the crash. Counted from the start, a job that is killed more often than every
 * checkpoint.interval would never get to one, and have more to compute again each time.
 */
static void keep_time(struct spk_job *job, const struct spk_lineage *l)
{
	const struct spk_epoch_record *since = l->base ? l->base : l->record[0];

	job->checkpoint_at_us = spk_clock_monotonic_us() - SPK_MAX(spk_clock_wall_us() - since->time_us, (int64_t)0);
}

static spk_status replay(struct spk_job *job, const struct spk_lineage *l, spk_error *err)
{
	int64_t started = spk_clock_monotonic_us();
	const struct spk_epoch_record *start = spk_lineage_start(job, l);

	SPK_TRY_PTR(start, err);
	if (l->base)
		SPK_TRY(use_record(job, l->base, err));
	SPK_TRY(spk_inputs_seek(job, start, err));
	for (int i = 0; i < l->count; i++) {
		job->progress.epoch = l->record[i]->epoch;
		spk_job_report(job, "recovering", NULL);
		SPK_TRY(spk_job_replay(job, l->record[i], err));
		spk_job_make_room(job);
	}
	if (l->count)
		keep_time(job, l);
	SPK_LOG(INFO, "recovery", "checkpoint %" PRId64 ", %d epochs replayed in %" PRId64 " ms", l->from, l->count, (spk_clock_monotonic_us() - started) / 1000);
	spk_event_log_write(job->events, SPK_EVENT_RECOVERY_END, (struct spk_event_field[]){ { "checkpoint", NULL, l->from }, { "replayed", NULL, l->count },
		{ "wall_us", NULL, spk_clock_monotonic_us() - started }, { 0 } });
	return SPK_OK;
}

static spk_status replay_from(struct spk_job *job, const struct spk_history *h, int64_t from, spk_error *err)
{
	struct spk_lineage l = { .history = h, .arena = spk_arena_new(NULL), .from = from };
	spk_status status = l.arena ? SPK_OK : spk_fail_memory(err);

	if (status == SPK_OK && from == h->last->epoch)
		l.base = h->last;
	else if (status == SPK_OK)
		status = spk_lineage_read(job, &l, err);
	if (status == SPK_OK)
		status = replay(job, &l, err);
	job->progress.epoch = h->last->epoch;
	spk_arena_unref(l.arena);
	return status;
}

static spk_status recover_sinks(struct spk_job *job, int64_t committed, spk_error *err)
{
	for (int i = 0; i < job->out.count; i++)
		if (job->out.output[i].sink->type->recover)
			SPK_TRY(job->out.output[i].sink->type->recover(job->out.output[i].sink, committed, err));
	return spk_dead_letters_recover(job, committed, err);
}

/* --- does the state fit the query? --- */

struct tables { int there, planned; const char *unused; };

static spk_status count_table(void *user, const char *name, enum spk_table_kind kind, int schema_version, const char *fingerprint, bool added, spk_error *err)
{
	struct tables *t = user;

	(void)kind, (void)schema_version, (void)fingerprint, (void)err;
	t->there++;
	t->planned += added;
	if (!added)
		t->unused = name;
	return SPK_OK;
}

/*
 * Opens the restored store for the plan. Every table of either must be in both: one that only the checkpoint has would be forgotten, one that only the
 * query has would start from nothing in the middle of the stream. That the common ones mean the same is found out when they are added.
 */
static spk_status open_restored(struct spk_job *job, int64_t from, spk_error *err)
{
	struct tables before = { 0 }, after = { 0 };

	SPK_TRY(spk_job_open_store(job, err));
	SPK_TRY(spk_store_each_table(job->store, count_table, &before, err));
	SPK_TRY(make_exec(job, err));
	SPK_TRY(spk_store_each_table(job->store, count_table, &after, err));
	if (from == 0 || (!after.unused && after.planned == before.there))
		return SPK_OK;
	if (after.unused)
		spk_fail(err, SPK_BIND, "job %s has state \"%s\", which the query does not use any more", job->spec.name, after.unused);
	else
		spk_fail(err, SPK_BIND, "the query keeps state that job %s does not have: %d tables, not %d", job->spec.name, after.planned, before.there);
	return spk_hint(err, "The query changed. Run it under a new job name (--job), which reads its topics anew, or run the old one.");
}

static spk_status resume(struct spk_job *job, const struct spk_history *h, spk_error *err)
{
	int64_t from = h->last->epoch;

	job->incarnation = h->last->incarnation + 1;
	job->checkpoint = job->announced = h->last->checkpoint;
	SPK_TRY(recover_sinks(job, h->last->epoch, err));
	SPK_TRY(spk_inputs_check_reach(job, h->last, err));
	if (!spk_job_stateful(job)) {
		SPK_TRY(make_exec(job, err));
		return replay_from(job, h, from, err);
	}
	SPK_TRY(clone_newest(job, h, &from, err));
	job->checkpoint = from;
	SPK_TRY(open_restored(job, from, err));
	return replay_from(job, h, from, err);
}

static spk_status begin(struct spk_job *job, spk_error *err)
{
	job->incarnation = 1;
	SPK_TRY(recover_sinks(job, 0, err));
	if (spk_job_stateful(job))
		SPK_TRY(spk_job_open_store(job, err));
	SPK_TRY(make_exec(job, err));
	return spk_inputs_seek(job, NULL, err);
}

spk_status spk_job_recover(struct spk_job *job, spk_error *err)
{
	struct spk_history h = { .job = job->spec.name };
	spk_status status;

	spk_event_log_write(job->events, SPK_EVENT_RECOVERY_START, (struct spk_event_field[]){ { 0 } });
	status = spk_history_read(&h, job, err);
	if (status == SPK_OK)
		status = h.count ? resume(job, &h, err) : begin(job, err);
	spk_history_release(&h);
	return status;
}
