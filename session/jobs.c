/* Jobs of a session: running one, and finding the files of one that ran before. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/file.h"
#include "session/internal.h"

enum { PATH_BYTES = SPK_JOB_DIR_BYTES, TABLES_MAX = 256 };

void spk_session_job_dir(const char *name, const char *dir, char out[SPK_JOB_DIR_BYTES])
{
	snprintf(out, PATH_BYTES, dir ? "%s" : ".sparklet/%s", dir ? dir : name);
}

spk_status spk_session_keep_job_text(const char *dir, const char *sql, spk_error *err)
{
	char path[PATH_BYTES + 16];

	snprintf(path, sizeof path, "%s/job.sql", dir);
	return spk_file_write_atomic(path, sql, strlen(sql), err);
}

static spk_status run_job(struct spk_session *s, const char *sql, const struct spk_job_spec *spec, spk_error *err)
{
	struct spk_job *job;
	spk_status status;

	SPK_TRY(spk_job_new(&job, spec, err));
	status = spk_session_keep_job_text(spec->dir, sql, err);
	if (status != SPK_OK) {
		spk_job_free(job);
		return status;
	}
	atomic_store(&s->job, job);
	for (int i = atomic_exchange(&s->cancels, 0); i > 0; i--)
		spk_job_stop(job);
	status = spk_job_run(job, err);
	atomic_store(&s->job, NULL);
	spk_job_free(job);
	return status;
}

struct watched { struct spk_session *session; void (*progress)(void *user, const struct spk_job_progress *progress); void *user; };

static void on_progress(void *user, const struct spk_job_progress *progress)
{
	struct watched *w = user;

	spk_reporter_tick(w->session->reporter);
	if (w->progress)
		w->progress(w->user, progress);
}

spk_status spk_session_run_job(struct spk_session *s, const char *sql, const struct spk_physical_plan *plan, const struct spk_job_options *options,
			       void (*progress)(void *user, const struct spk_job_progress *progress), void *user, spk_error *err)
{
	char dir[PATH_BYTES];
	struct watched watched = { s, progress, user };
	struct spk_job_spec spec = { .name = options->name, .dir = dir, .plan = plan, .conf = s->conf, .once = options->once, .progress = on_progress, .user = &watched };

	SPK_TRY(spk_job_check_name(options->name, err));
	SPK_TRY(spk_session_open_reporter(s, err));
	spk_session_job_dir(options->name, options->dir, dir);
	return run_job(s, sql, &spec, err);
}

spk_status spk_session_run(struct spk_session *s, const char *sql, const struct spk_job_options *options, spk_error *err)
{
	struct spk_physical_plan *plan;
	struct spk_script script;

	SPK_TRY(spk_session_bind(s, sql, &script, err));
	SPK_TRY(spk_session_plan_job(s, &script, &plan, err));
	return spk_session_run_job(s, sql, plan, options, NULL, NULL, err);
}

/* --- looking at a job from outside --- */

static spk_status no_such_job(const char *job, const char *dir, spk_error *err)
{
	spk_fail(err, SPK_NOT_FOUND, "no job \"%s\" has run in %s", job, dir);
	return spk_hint(err, "Give the folder that it was run with by --dir, or run this in the same working folder.");
}

spk_status spk_session_open_checkpoints(struct spk_session *s, const char *job, const char *dir, struct spk_job_files *out, spk_error *err)
{
	char at[PATH_BYTES], *checkpoints;

	*out = (struct spk_job_files){ 0 };
	spk_session_job_dir(job, dir, at);
	if (access(at, R_OK) != 0)
		return no_such_job(job, at, err);
	out->dir = spk_arena_strdup(s->arena, at);
	checkpoints = spk_job_checkpoint_dir(s->conf, at, job, s->arena);
	SPK_TRY_PTR(out->dir && checkpoints, err);
	return spk_local_checkpoint_store_open(&out->checkpoints, checkpoints, err);
}

static bool is_kafka(const struct spk_table *sink)
{
	const struct spk_sink_type *type = spk_table_sink_type(sink);

	return type && type->transactional;
}

/*
 * The first Kafka sink of the job: its cluster holds the epochs topic. A stream of frames has no INSERTs in its text, only the tables that it writes
 * (stream.c).
 */
static const struct spk_table *kafka_sink(struct spk_session *s, const struct spk_script *script)
{
	const char *names[TABLES_MAX];
	const int tables = spk_catalog_names(s->catalog, names, TABLES_MAX);
	bool inserts = false;

	for (int i = 0; i < script->count; i++) {
		const struct spk_statement *statement = &script->statement[i];

		if (statement->kind != SPK_STATEMENT_INSERT)
			continue;
		inserts = true;
		if (is_kafka(statement->plan->table))
			return statement->plan->table;
	}
	for (int i = 0; i < tables && !inserts; i++) {
		const struct spk_table *t = spk_catalog_table(s->catalog, names[i]);

		if (t && is_kafka(t))
			return t;
	}
	return NULL;
}

static spk_status open_log(struct spk_session *s, const char *job, struct spk_job_files *f, const char *sql, spk_error *err)
{
	struct spk_kafka_producer_spec spec = { .conf = s->conf };
	struct spk_script script;
	char path[PATH_BYTES + 16];

	SPK_TRY(spk_session_bind(s, sql, &script, err));
	spec.table = kafka_sink(s, &script);
	if (!spec.table) {
		snprintf(path, sizeof path, "%s/epochs.log", f->dir);
		return spk_file_epoch_log_open_readonly(&f->log, path, err);
	}
	/* Without a transactional id: looking must not fence the job. */
	SPK_TRY(spk_kafka_producer_open(&f->producer, &spec, err));
	return spk_kafka_epoch_log_open(&f->log, f->producer, job, err);
}

spk_status spk_session_open_job(struct spk_session *s, const char *job, const char *dir, struct spk_job_files *out, spk_error *err)
{
	struct spk_buffer sql = { 0 };
	char path[PATH_BYTES + 16];
	spk_status status = spk_session_open_checkpoints(s, job, dir, out, err);

	if (status != SPK_OK)
		return status;
	snprintf(path, sizeof path, "%s/job.sql", out->dir);
	if (access(path, R_OK) != 0)
		status = no_such_job(job, out->dir, err);
	if (status == SPK_OK)
		status = spk_file_read_all(path, &sql, err);
	if (status == SPK_OK) {
		const char *text = spk_arena_strndup(s->arena, sql.data, sql.size);

		status = text ? open_log(s, job, out, text, err) : spk_fail_memory(err);
	}
	spk_buffer_release(&sql);
	if (status != SPK_OK)
		spk_session_close_job(out);
	return status;
}

void spk_session_close_job(struct spk_job_files *f)
{
	if (f->log)
		f->log->type->close(f->log);
	spk_kafka_producer_close(f->producer);
	if (f->checkpoints)
		f->checkpoints->type->close(f->checkpoints);
	*f = (struct spk_job_files){ 0 };
}
