/*
 * Outputs: sinks, the job's producer and the epoch log; one epoch's outputs and its record in one atomic step.
 *
 * With Kafka sinks that step is a transaction. Without, it is the fsync of the record in the local log: sinks prepare before it and
 * make their files visible after it, both repeatable. A commit whose answer did not come is settled by asking the log.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/fault.h"
#include "core/base/log.h"
#include "stream/internal.h"

enum { SETTLE_ATTEMPTS = 20, STOP_PATIENCE_US = 3000000 };

/* --- open and close --- */

static bool uses_kafka(const struct spk_sink_type *type) { return type && type->transactional; }

/* The table whose cluster holds the epochs topic: all transactional sinks must agree on it. */
static spk_status find_cluster(struct spk_job *job, spk_error *err)
{
	const struct spk_physical_plan *plan = job->spec.plan;
	const char *servers = NULL;

	for (int i = 0; i < plan->sinks; i++) {
		const struct spk_table *t = plan->sink[i].table;
		const char *mine = spk_table_option(t, "properties.bootstrap.servers");

		if (!uses_kafka(spk_table_sink_type(t)))
			continue;
		if (servers && mine && strcmp(servers, mine) != 0) {
			spk_fail(err, SPK_PLAN, "sinks \"%s\" and \"%s\" are in different Kafka clusters", job->out.kafka_table->name, t->name);
			return spk_hint(err, "One transaction covers all sinks of a job, so they must share a cluster. Split the job in two.");
		}
		if (!servers) {
			servers = mine;
			job->out.kafka_table = t;
		}
	}
	return SPK_OK;
}

/* A job that is to stop waits no longer for a broker than it takes to be sure that it is away. */
static bool in_a_hurry(void *user)
{
	struct spk_job *job = user;
	int64_t now = spk_clock_monotonic_us();

	if (!spk_job_stopping(job))
		return false;
	if (!job->stopping_us)
		job->stopping_us = now;
	return atomic_load(&job->stops) > 1 || now - job->stopping_us > STOP_PATIENCE_US;
}

static spk_status open_producer(struct spk_job *job, spk_error *err)
{
	char id[300];
	struct spk_kafka_producer_spec spec = { .table = job->out.kafka_table, .conf = job->spec.conf, .hurry = in_a_hurry, .user = job };

	snprintf(id, sizeof id, "sparklet.%s", job->spec.name);
	spec.transactional_id = job->out.exactly_once ? id : NULL;
	return spk_kafka_producer_open(&job->out.producer, &spec, err);
}

/* How many sinks before this one write to the same place. */
static int count_writers(const struct spk_physical_plan *plan, int index)
{
	const char *path = spk_table_option(plan->sink[index].table, "path");
	int n = 0;

	for (int i = 0; i < index && path; i++) {
		const char *other = spk_table_option(plan->sink[i].table, "path");

		n += other && strcmp(other, path) == 0;
	}
	return n;
}

static spk_status open_sink(struct spk_job *job, int index, spk_error *err)
{
	const struct spk_plan_sink *s = &job->spec.plan->sink[index];
	const struct spk_sink_type *type = spk_table_sink_type(s->table);
	struct spk_output *o = &job->out.output[index];

	if (!type)
		return spk_fail(err, SPK_PLAN, "table \"%s\": connector '%s' cannot be written to", s->table->name, s->table->connector);
	o->spec = (struct spk_sink_spec){ .table = s->table, .schema = s->schema, .index = index, .writer = count_writers(job->spec.plan, index), .job = job->spec.name, .conf = job->spec.conf,
		.producer = job->out.producer, .once = job->spec.once, .retracts = s->retracts };
	return type->open(&o->sink, &o->spec, err);
}

static spk_status open_log(struct spk_job *job, spk_error *err)
{
	if (job->out.producer)
		return spk_kafka_epoch_log_open(&job->out.log, job->out.producer, job->spec.name, err);
	return spk_file_epoch_log_open(&job->out.log, spk_arena_printf(job->arena, "%s/epochs.log", job->spec.dir), err);
}

spk_status spk_outputs_open(struct spk_job *job, spk_error *err)
{
	const char *topic = spk_conf_text(job->spec.conf, SPK_CONF_DLQ_TOPIC);

	job->out.exactly_once = spk_conf_int(job->spec.conf, SPK_CONF_EXACTLY_ONCE) == 0;
	job->out.dlq_handle = -1;
	job->out.dlq_topic = *topic ? spk_arena_strdup(job->arena, topic) : spk_arena_printf(job->arena, "%s.dlq", job->spec.name);
	job->out.count = job->spec.plan->sinks;
	job->out.output = calloc((size_t)job->out.count + 1, sizeof *job->out.output);
	SPK_TRY_PTR(job->out.output && job->out.dlq_topic, err);
	SPK_TRY(find_cluster(job, err));
	if (job->out.kafka_table)
		SPK_TRY(open_producer(job, err));
	SPK_TRY(open_log(job, err));
	for (int i = 0; i < job->out.count; i++)
		SPK_TRY(open_sink(job, i, err));
	return SPK_OK;
}

/* All, or those alone that write through the producer. */
static void close_sinks(struct spk_job *job, bool all)
{
	for (int i = 0; i < job->out.count; i++) {
		struct spk_sink *sink = job->out.output[i].sink;

		if (!sink || !(all || uses_kafka(sink->type)))
			continue;
		sink->type->close(sink);
		job->out.output[i].sink = NULL;
	}
}

static void close_kafka(struct spk_job *job)
{
	if (job->out.log)
		job->out.log->type->close(job->out.log);
	job->out.log = NULL;
	spk_kafka_producer_close(job->out.producer);
	job->out.producer = NULL;
	job->out.dlq_handle = -1;
}

void spk_outputs_close(struct spk_job *job)
{
	close_sinks(job, true);
	close_kafka(job);
	free(job->out.output);
	job->out = (struct spk_outputs){ 0 };
}

/* --- one epoch --- */

static spk_status write_blocks(struct spk_job *job, const struct spk_exec_output *output, int64_t epoch, spk_error *err)
{
	for (int t = 0; t < output->count; t++)
		for (int i = 0; i < output->sinks && output->task[t].block; i++) {
			struct spk_sink *sink = job->out.output[i].sink;
			const struct spk_sink_block *block = output->task[t].block[i];

			if (block && block->rows)
				SPK_TRY(sink->type->write(sink, epoch, block, err));
		}
	return SPK_OK;
}

static spk_status write_epoch(struct spk_job *job, const struct spk_computed *epoch, spk_error *err)
{
	SPK_TRY(job->out.log->type->begin(job->out.log, err));
	SPK_TRY(write_blocks(job, &epoch->output, epoch->record->epoch, err));
	SPK_TRY(spk_dead_letters_write(job, &epoch->output, epoch->record->epoch, err));
	SPK_TRY(spk_fault(SPK_FAULT_TXN_PRODUCED, err));
	for (int i = 0; i < job->out.count; i++)
		if (job->out.output[i].sink->type->prepare)
			SPK_TRY(job->out.output[i].sink->type->prepare(job->out.output[i].sink, epoch->record->epoch, err));
	SPK_TRY(job->out.log->type->append(job->out.log, epoch->record->epoch, epoch->encoded.data, epoch->encoded.size, err));
	SPK_TRY(spk_fault(SPK_FAULT_TXN_RECORD, err));
	return job->out.log->type->commit(job->out.log, err);
}

static spk_status commit_sinks(struct spk_job *job, int64_t epoch, spk_error *err)
{
	SPK_TRY(spk_fault(SPK_FAULT_TXN_COMMITTED, err));
	for (int i = 0; i < job->out.count; i++)
		if (job->out.output[i].sink->type->commit)
			SPK_TRY(job->out.output[i].sink->type->commit(job->out.output[i].sink, epoch, err));
	return spk_dead_letters_commit(job, epoch, err);
}

/* --- settling --- */

struct newest { int64_t epoch; uint64_t hash; };

static spk_status note_newest(void *user, const void *data, size_t size, spk_error *err)
{
	struct newest *n = user;
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_epoch_record *record;
	spk_status status;

	SPK_TRY_PTR(arena, err);
	status = spk_epoch_decode(data, size, arena, &record, err);
	if (status == SPK_OK)
		*n = (struct newest){ record->epoch, record->hash };
	spk_arena_unref(arena);
	return status;
}

/* A new producer (which settles the old one's transaction) with its sinks, and the log's end. Other sinks keep what they hold of the epoch. */
static spk_status reopen(struct spk_job *job, struct newest *newest, spk_error *err)
{
	*newest = (struct newest){ 0 };
	if (job->out.kafka_table) {
		close_sinks(job, false);
		close_kafka(job);
		SPK_TRY(open_producer(job, err));
		SPK_TRY(open_log(job, err));
		for (int i = 0; i < job->out.count; i++)
			if (!job->out.output[i].sink)
				SPK_TRY(open_sink(job, i, err));
	}
	return job->out.log->type->read(job->out.log, note_newest, newest, err);
}

static spk_status fail_fatally(spk_error *err, spk_status status)
{
	if (err)
		err->fatal = true;
	return status;
}

/* Whether `newest` is this very epoch, or the one before it. Anything else is the work of somebody else. */
static spk_status judge(const struct spk_job *job, const struct spk_epoch_record *record, const struct newest *newest, bool *committed, spk_error *err)
{
	*committed = newest->epoch == record->epoch && newest->hash == record->hash;
	if (*committed || (newest->epoch == record->epoch - 1 && newest->hash == record->previous_hash))
		return SPK_OK;
	if (newest->epoch >= record->epoch - 1)
		return fail_fatally(err, spk_fail(err, SPK_FENCED, "another instance of job %s has taken over: it has committed epoch %lld", job->spec.name, (long long)newest->epoch));
	spk_fail(err, SPK_CORRUPT, "the epoch log of job %s ends at epoch %lld, but epoch %lld was committed to it", job->spec.name, (long long)newest->epoch, (long long)record->epoch - 1);
	spk_hint(err, "Its topic (or file) was removed or cut while the job ran. Without it the job cannot go on exactly once: start it under a new name (--job).");
	return fail_fatally(err, SPK_CORRUPT);
}

/* Failures that trying again may cure. */
static bool may_pass(spk_status status)
{
	return status == SPK_IO || status == SPK_UNAVAILABLE || status == SPK_TIMEOUT || status == SPK_MEMORY_LIMIT || status == SPK_INTERNAL;
}

static void abort_sinks(struct spk_job *job, int64_t epoch)
{
	for (int i = 0; i < job->out.count; i++) {
		struct spk_sink *sink = job->out.output[i].sink;

		if (sink && sink->type->abort)
			sink->type->abort(sink, epoch);
	}
}

/* One try: what became of the epoch, and if nothing, writes it again. Sinks without transactions must forget the first attempt's rows. */
static spk_status settle_once(struct spk_job *job, const struct spk_computed *epoch, spk_error *err)
{
	struct newest newest;
	bool committed = false;

	SPK_TRY(reopen(job, &newest, err));
	SPK_TRY(judge(job, epoch->record, &newest, &committed, err));
	if (committed)
		return SPK_OK;
	abort_sinks(job, epoch->record->epoch);
	return write_epoch(job, epoch, err);
}

/* How often and how long it is tried: a broker that is away is waited for (kafka.retry), but not long when the job is to stop. */
struct patience { int attempts; int64_t started_us; };

static bool goes_on(struct spk_job *job, spk_status status, struct patience *p)
{
	int64_t now = spk_clock_monotonic_us(), bound = spk_conf_int(job->spec.conf, SPK_CONF_KAFKA_RETRY);

	p->attempts++;
	if (in_a_hurry(job))
		return false;
	if (status == SPK_UNAVAILABLE || status == SPK_TIMEOUT)
		return bound == 0 || now - p->started_us < bound;
	return may_pass(status) && p->attempts < SETTLE_ATTEMPTS;
}

/*
 * Finds out what became of the epoch after a failed commit, and writes it again if it was not committed: the encoded outputs are still there. A
 * takeover by another instance shows as FENCED, from the broker or from the log.
 */
static spk_status settle(struct spk_job *job, const struct spk_computed *epoch, spk_error *err)
{
	struct spk_retry_policy policy = spk_retry_default(SPK_RETRY_BROKER);
	struct patience patience = { .started_us = spk_clock_monotonic_us() };
	spk_error why = { 0 };
	spk_status status;

	while ((status = settle_once(job, epoch, &why)) != SPK_OK && goes_on(job, status, &patience)) {
		spk_job_report(job, spk_job_stopping(job) ? "stopping" : "running", why.message);
		SPK_LOG(WARN, "stream", "epoch %lld is not committed yet: %s", (long long)epoch->record->epoch, why.message);
		spk_job_pause(job, spk_retry_wait_us(&policy, patience.attempts - 1));
	}
	if (status != SPK_OK && may_pass(status) && spk_job_stopping(job))
		return spk_fail(err, SPK_CANCELLED, "stopped before epoch %lld could be committed; it will be done again: %s", (long long)epoch->record->epoch, why.message);
	if (status != SPK_OK && err)
		*err = why;
	return status;
}

spk_status spk_outputs_write(struct spk_job *job, const struct spk_computed *epoch, spk_error *err)
{
	SPK_TRY(write_epoch(job, epoch, err));
	job->out.written = epoch->record->epoch;
	return commit_sinks(job, epoch->record->epoch, err);
}

spk_status spk_outputs_settle(struct spk_job *job, const struct spk_computed *epoch, spk_status status, spk_error *err)
{
	/* The record is in the log: what is left of it is the next attempt's to do. */
	if (job->out.written == epoch->record->epoch)
		return status;
	if (may_pass(status)) {
		SPK_LOG(WARN, "stream", "commit of epoch %lld: %s; asking what became of it", (long long)epoch->record->epoch, err->message);
		status = settle(job, epoch, err);
	}
	if (status != SPK_OK) {
		abort_sinks(job, epoch->record->epoch);
		return status;
	}
	return commit_sinks(job, epoch->record->epoch, err);
}
