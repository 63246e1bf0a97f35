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
#include "stream/internal.h"
#include "stream/operator/stream_operators.h"

struct history {
	const char *job;
	struct spk_arena *arena;
	struct spk_epoch_record **record;   /* ascending, without gaps */
	int count, capacity;
};

/* --- the log --- */

static spk_status keep_record(void *user, const void *data, size_t size, spk_error *err)
{
	struct history *h = user;
	struct spk_epoch_record *r;

	SPK_TRY(spk_epoch_decode(data, size, h->arena, &r, err));
	if (strcmp(r->job, h->job) != 0)
		return spk_fail(err, SPK_CORRUPT, "the epoch log of job %s holds a record of job %s", h->job, r->job);
	/* At-least-once jobs may have written a record twice. */
	while (h->count && h->record[h->count - 1]->epoch >= r->epoch)
		h->count--;
	if (h->count && (h->record[h->count - 1]->epoch + 1 != r->epoch || h->record[h->count - 1]->hash != r->previous_hash))
		return spk_fail(err, SPK_CORRUPT, "the epoch log is broken: epoch %" PRId64 " does not follow on epoch %" PRId64, r->epoch, h->record[h->count - 1]->epoch);
	if (h->count == h->capacity) {
		int capacity = h->capacity ? 2 * h->capacity : 64;
		struct spk_epoch_record **grown = SPK_NEW_ARRAY(h->arena, struct spk_epoch_record *, capacity);

		SPK_TRY_PTR(grown, err);
		if (h->count)
			memcpy(grown, h->record, sizeof(*grown) * (size_t)h->count);
		h->record = grown;
		h->capacity = capacity;
	}
	h->record[h->count++] = r;
	return SPK_OK;
}

static int find_epoch(const struct history *h, int64_t epoch)
{
	int at = h->count ? (int)(epoch - h->record[0]->epoch) : -1;

	return at >= 0 && at < h->count ? at : -1;
}

/* --- state --- */

static spk_status open_store(struct spk_job *job, spk_error *err)
{
	int64_t limit = spk_conf_int(job->spec.conf, SPK_CONF_MEMORY_LIMIT), cache = spk_conf_int(job->spec.conf, SPK_CONF_STATE_CACHE);
	struct spk_store_options options = { .cache_bytes = (size_t)(cache ? cache : limit / 2), .block_cache_bytes = (size_t)SPK_MIN(limit / 8, 64 << 20) };

	return spk_store_open(&job->store, job->state_dir, &options, err);
}

/* A damaged checkpoint is said, by name, where a person sees it. */
static void report_refused(struct spk_job *job, const spk_error *why)
{
	char text[1200];

	snprintf(text, sizeof text, "refused: %s; using an older one", why->message);
	spk_job_report(job, "recovering", text);
	SPK_LOG(WARN, "recovery", "job %s: %s", job->spec.name, text);
}

/* Whether the checkpoint is of the very epoch in the log, not of one that another instance never committed. */
static bool belongs(struct spk_job *job, const struct history *h, int64_t epoch)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_checkpoint *c;
	spk_error why = { 0 };
	int at = find_epoch(h, epoch);
	bool yes = false;

	if (arena && at >= 0) {
		if (job->checkpoints->type->read(job->checkpoints, epoch, arena, &c, &why) == SPK_OK)
			yes = c->record->hash == h->record[at]->hash;
		else
			report_refused(job, &why);
	}
	spk_arena_unref(arena);
	return yes;
}

/* Clones the newest usable checkpoint into the state folder; *from: its epoch, 0 when the job must start from nothing. */
static spk_status clone_newest(struct spk_job *job, const struct history *h, int64_t *from, spk_error *err)
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
	if (*from == 0 && h->record[0]->epoch > 1) {
		spk_fail(err, SPK_NOT_FOUND, "job %s is at epoch %" PRId64 ", but no usable checkpoint is left and the log only goes back to epoch %" PRId64, job->spec.name,
			 h->record[h->count - 1]->epoch, h->record[0]->epoch);
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

static spk_status replay(struct spk_job *job, const struct history *h, int64_t from, spk_error *err)
{
	int64_t started = spk_clock_monotonic_us();
	int first = from ? find_epoch(h, from) : -1;

	if (first >= 0)
		SPK_TRY(use_record(job, h->record[first], err));
	SPK_TRY(spk_inputs_seek(job, job->record, err));
	for (int i = first + 1; i < h->count; i++) {
		job->progress.epoch = h->record[i]->epoch;
		spk_job_report(job, "recovering", NULL);
		SPK_TRY(spk_job_replay(job, h->record[i], err));
	}
	job->progress.epoch = h->record[h->count - 1]->epoch;
	SPK_LOG(INFO, "recovery", "checkpoint %" PRId64 ", %d epochs replayed in %" PRId64 " ms", from, h->count - 1 - first, (spk_clock_monotonic_us() - started) / 1000);
	spk_event_log_write(job->events, SPK_EVENT_RECOVERY_END, (struct spk_event_field[]){ { "checkpoint", NULL, from }, { "replayed", NULL, h->count - 1 - first },
		{ "wall_us", NULL, spk_clock_monotonic_us() - started }, { 0 } });
	return SPK_OK;
}

static spk_status recover_sinks(struct spk_job *job, int64_t committed, spk_error *err)
{
	for (int i = 0; i < job->out.count; i++)
		if (job->out.output[i].sink->type->recover)
			SPK_TRY(job->out.output[i].sink->type->recover(job->out.output[i].sink, committed, err));
	return spk_dead_letters_recover(job, committed, err);
}

/* True when the last record says that every source was bounded and done. */
static bool all_finished(const struct spk_epoch_record *r)
{
	for (int s = 0; s < r->sources; s++)
		for (int p = 0; p < r->source[s].partitions; p++)
			if (!r->source[s].partition[p].finished)
				return false;
	return r->sources > 0;
}

static spk_status resume(struct spk_job *job, const struct history *h, spk_error *err)
{
	const struct spk_epoch_record *last = h->record[h->count - 1];
	int64_t from = last->epoch;

	job->incarnation = last->incarnation + 1;
	job->checkpoint = job->announced = last->checkpoint;
	job->complete = all_finished(last);
	SPK_TRY(recover_sinks(job, last->epoch, err));
	if (spk_job_stateful(job)) {
		SPK_TRY(clone_newest(job, h, &from, err));
		job->checkpoint = from;
		SPK_TRY(open_store(job, err));
	}
	SPK_TRY(make_exec(job, err));
	return replay(job, h, from, err);
}

static spk_status begin(struct spk_job *job, spk_error *err)
{
	job->incarnation = 1;
	SPK_TRY(recover_sinks(job, 0, err));
	if (spk_job_stateful(job))
		SPK_TRY(open_store(job, err));
	SPK_TRY(make_exec(job, err));
	return spk_inputs_seek(job, NULL, err);
}

spk_status spk_job_recover(struct spk_job *job, spk_error *err)
{
	struct history h = { .job = job->spec.name, .arena = spk_arena_new(NULL) };
	spk_status status = h.arena ? SPK_OK : spk_fail_memory(err);

	spk_event_log_write(job->events, SPK_EVENT_RECOVERY_START, (struct spk_event_field[]){ { 0 } });
	if (status == SPK_OK)
		status = job->out.log->type->read(job->out.log, keep_record, &h, err);
	if (status == SPK_OK)
		status = h.count ? resume(job, &h, err) : begin(job, err);
	spk_arena_unref(h.arena);
	return status;
}
