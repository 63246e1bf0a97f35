/*
 * Streams of frames: jobs that run beside the session's thread, each on a thread of its own (that of an executor with one worker).
 *
 * What a job needs of the session is fixed when it starts: its plan lies in the session's arena, which it holds, and its configuration is a copy. So
 * the session may be used on meanwhile. A stream and its thread share what is under `lock`.
 */
#include "sparklet/stream.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "connectors/callback/callback.h"
#include "session/frame.h"

struct spk_stream {
	struct spk_session *session;
	struct spk_stream *next;           /* in the session's list */
	struct spk_arena *arena;           /* the session's, of the plan */
	struct spk_conf *conf;
	struct spk_job *job;
	char dir[SPK_JOB_DIR_BYTES];
	struct spk_executor_backend *thread;

	pthread_mutex_t lock;              /* over what follows */
	pthread_cond_t over;
	bool done;
	spk_error error;                   /* how it ended; code SPK_OK: well */
	struct spk_job_progress progress;
};

/* --- on its thread --- */

static void on_progress(void *user, const struct spk_job_progress *progress)
{
	struct spk_stream *stream = user;

	pthread_mutex_lock(&stream->lock);
	stream->progress = *progress;
	pthread_mutex_unlock(&stream->lock);
}

static void run(void *user)
{
	struct spk_stream *stream = user;
	spk_error error = { 0 };
	spk_status status = spk_job_run(stream->job, &error);

	pthread_mutex_lock(&stream->lock);
	stream->error = error;
	stream->error.code = status;
	stream->done = true;
	pthread_cond_broadcast(&stream->over);
	pthread_mutex_unlock(&stream->lock);
}

/* --- its sinks --- */

static const char *const modes[] = { [SPK_OUTPUT_APPEND] = "append", [SPK_OUTPUT_UPDATE] = "update", [SPK_OUTPUT_DELTA] = "delta", [SPK_OUTPUT_COMPLETE] = "complete" };

/* CREATE TABLE `name` for the sink; a function's rows go to nowhere as far as SQL is concerned. */
static spk_status put_ddl(const struct spk_stream_sink *sink, const char *name, struct spk_buffer *out, spk_error *err)
{
	const char *quoted = spk_frame_quoted(sink->frame->session, name);
	size_t list;

	SPK_TRY_PTR(quoted, err);
	SPK_TRY(spk_buffer_printf(out, err, "CREATE TABLE %s (", quoted));
	SPK_TRY(spk_frame_put_columns(sink->frame, out, err));
	if (sink->key)
		SPK_TRY(spk_buffer_printf(out, err, ", PRIMARY KEY (%s\n) NOT ENFORCED", sink->key));
	SPK_TRY(spk_buffer_append_str(out, ") WITH (", err));
	list = out->size;
	SPK_TRY(spk_frame_put_options(out, sink->option ? sink->option : (const char *const[]){ "connector", "blackhole", NULL }, err));
	if (sink->mode != SPK_OUTPUT_AUTO)
		SPK_TRY(spk_frame_put_options(out, (const char *const[]){ "sink.output-mode", modes[sink->mode], NULL }, err));
	if (out->size > list)
		out->data[list] = ' ';  /* the list begins with a comma */
	return spk_buffer_append_str(out, ")", err);
}

/* The sink's own table: by its name, and with its function. */
static spk_status name_table(const struct spk_stream_sink *sink, const char *name, struct spk_logical *insert, spk_error *err)
{
	struct spk_arena *arena = spk_catalog_arena(sink->frame->session->catalog);
	struct spk_table *table = SPK_NEW(arena, struct spk_table);
	struct spk_consumer *consumer = SPK_NEW(arena, struct spk_consumer);

	SPK_TRY_PTR(table && consumer, err);
	*table = *insert->table;
	table->name = spk_arena_strdup(arena, name);
	if (!sink->option) {
		*consumer = (struct spk_consumer){ sink->changes, sink->user };
		table->connector = "callback";
		table->consumer = consumer;
	}
	insert->table = table;
	return table->name ? SPK_OK : spk_fail_memory(err);
}

static spk_status check_sink(const struct spk_stream_sink *sink, spk_error *err)
{
	SPK_TRY(spk_frame_ready(sink->frame, err));
	if ((unsigned)sink->mode > SPK_OUTPUT_COMPLETE)
		return spk_fail(err, SPK_USAGE, "write_stream: there is no output mode %d", (int)sink->mode);
	if (!sink->option && !sink->changes)
		return spk_fail(err, SPK_USAGE, "write_stream: the sink has neither options of a table nor a function");
	if (sink->option && sink->changes)
		return spk_fail(err, SPK_USAGE, "write_stream: the sink has both options of a table and a function; give one, or two sinks");
	return SPK_OK;
}

/* Binds the sink's INSERT; its DDL is added to the job's text. */
static spk_status bind_sink(const struct spk_stream_sink *sink, int number, struct spk_statement *out, struct spk_buffer *text, spk_error *err)
{
	struct spk_buffer ddl = { 0 };
	char name[32];
	spk_status status;

	SPK_TRY(check_sink(sink, err));
	snprintf(name, sizeof name, "sink-%d", number);
	*out = (struct spk_statement){ .kind = SPK_STATEMENT_INSERT };
	status = put_ddl(sink, "frame table", &ddl, err);
	if (status == SPK_OK)
		status = spk_buffer_append(&ddl, "", 1, err);
	if (status == SPK_OK)
		status = spk_frame_bind_insert(sink->frame, ddl.data, &out->plan, err);
	spk_buffer_release(&ddl);
	if (status != SPK_OK)
		return spk_error_context(err, "write_stream, %s", sink->name ? sink->name : name);
	SPK_TRY(name_table(sink, sink->name ? sink->name : name, out->plan, err));
	SPK_TRY(put_ddl(sink, sink->name ? sink->name : name, text, err));
	return spk_buffer_append_str(text, ";\n", err);
}

static spk_status plan_sinks(struct spk_session *s, const struct spk_stream_sink *sink, int sinks, struct spk_physical_plan **out, struct spk_buffer *text, spk_error *err)
{
	struct spk_script script = { .count = sinks, .statement = SPK_NEW_ARRAY(s->arena, struct spk_statement, sinks + 1) };

	SPK_TRY_PTR(script.statement, err);
	SPK_TRY(spk_buffer_append_str(text, "-- A stream of frames: the tables that it writes. What it computes is in the program that started it.\n", err));
	for (int i = 0; i < sinks; i++) {
		if (!sink[i].frame)
			return spk_fail(err, SPK_USAGE, "write_stream: sink %d has no frame", i + 1);
		if (sink[i].frame->session != s)
			return spk_fail(err, SPK_USAGE, "write_stream: the frame of sink %d belongs to another session", i + 1);
		SPK_TRY(bind_sink(&sink[i], i + 1, &script.statement[i], text, err));
	}
	return spk_session_plan_job(s, &script, out, err);
}

/* --- starting --- */

static spk_status stream_new(struct spk_session *s, const struct spk_stream_options *options, struct spk_stream **out, spk_error *err)
{
	struct spk_stream *stream = calloc(1, sizeof *stream);
	pthread_condattr_t attributes;

	SPK_TRY_PTR(stream, err);
	*stream = (struct spk_stream){ .session = s, .arena = spk_arena_ref(s->arena), .conf = spk_conf_copy(s->conf), .done = true, .progress = { .phase = "connecting", .watermark_us = INT64_MIN, .lag = -1 } };
	pthread_mutex_init(&stream->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&stream->over, &attributes);
	pthread_condattr_destroy(&attributes);
	spk_session_job_dir(options->name, options->dir, stream->dir);
	*out = stream;
	stream->next = s->jobs;
	s->jobs = stream;
	return stream->conf ? SPK_OK : spk_fail_memory(err);
}

static spk_status launch(struct spk_stream *stream, const struct spk_physical_plan *plan, const struct spk_stream_options *options, const char *text, spk_error *err)
{
	const bool once = options->trigger && strcmp(options->trigger, "once") == 0;
	struct spk_job_spec spec = { .name = spk_arena_strdup(stream->arena, options->name), .dir = stream->dir, .plan = plan, .conf = stream->conf, .once = once, .progress = on_progress, .user = stream };

	SPK_TRY_PTR(spec.name, err);
	if (options->trigger && !once && spk_conf_set(stream->conf, "epoch.interval", options->trigger, err) != SPK_OK)
		return spk_error_context(err, "write_stream: the trigger");
	SPK_TRY(spk_job_new(&stream->job, &spec, err));
	SPK_TRY(spk_session_keep_job_text(stream->dir, text, err));
	SPK_TRY(spk_local_executor_new(&stream->thread, 1, err));
	stream->done = false;
	if (stream->thread->type->launch(stream->thread, (struct spk_work){ run, stream }, err) == SPK_OK)
		return SPK_OK;
	stream->done = true;
	return err ? err->code : SPK_NO_MEMORY;
}

static spk_status start(struct spk_session *s, const struct spk_stream_sink *sink, int sinks, const struct spk_stream_options *options, struct spk_stream **out, struct spk_buffer *text, spk_error *err)
{
	struct spk_physical_plan *plan;
	spk_status status;

	SPK_TRY(plan_sinks(s, sink, sinks, &plan, text, err));
	SPK_TRY(spk_buffer_append(text, "", 1, err));
	status = stream_new(s, options, out, err);
	if (status == SPK_OK)
		status = launch(*out, plan, options, text->data, err);
	if (status != SPK_OK)
		spk_stream_free(*out);
	return status;
}

spk_status spk_stream_start(struct spk_session *session, const struct spk_stream_sink *sink, int sinks, const struct spk_stream_options *options, struct spk_stream **out, spk_error *err)
{
	struct spk_buffer text = { 0 };
	struct spk_statement_time time;
	spk_error local = { 0 };
	spk_status status;

	*out = NULL;
	err = err ? err : &local;
	if (!sink || sinks < 1)
		return spk_fail(err, SPK_USAGE, "write_stream: there is no sink");
	if (!options || !options->name)
		return spk_fail(err, SPK_USAGE, "write_stream: a stream needs a name (spk_stream_options.name)");
	SPK_TRY(spk_job_check_name(options->name, err));
	spk_session_begin_statement(session, &time);
	status = spk_session_end_statement(session, &time, start(session, sink, sinks, options, out, &text, err), err);
	spk_buffer_release(&text);
	if (status != SPK_OK)
		*out = NULL;
	return status;
}

spk_status spk_frame_write_stream(struct spk_frame *frame, const struct spk_stream_sink *sink, const struct spk_stream_options *options, struct spk_stream **out, spk_error *err)
{
	struct spk_stream_sink own;

	*out = NULL;
	SPK_TRY(spk_frame_ready(frame, err));
	if (!sink)
		return spk_fail(err, SPK_USAGE, "write_stream: there is no sink");
	own = *sink;
	own.frame = frame;
	return spk_stream_start(frame->session, &own, 1, options, out, err);
}

/* --- a running stream --- */

/* The monotonic time at which a wait of so long is over. */
static struct timespec deadline(int64_t timeout_ms)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_sec += timeout_ms / 1000;
	at.tv_nsec += timeout_ms % 1000 * 1000000;
	if (at.tv_nsec >= 1000000000) {
		at.tv_sec++;
		at.tv_nsec -= 1000000000;
	}
	return at;
}

spk_status spk_stream_await(struct spk_stream *stream, int64_t timeout_ms, spk_error *err)
{
	const struct timespec until = deadline(SPK_MAX(timeout_ms, 0));
	spk_error error = { 0 };
	int waited = 0;
	bool done;

	pthread_mutex_lock(&stream->lock);
	while (!stream->done && waited != ETIMEDOUT)
		waited = timeout_ms < 0 ? pthread_cond_wait(&stream->over, &stream->lock) : pthread_cond_timedwait(&stream->over, &stream->lock, &until);
	done = stream->done;
	if (done)
		error = stream->error;
	pthread_mutex_unlock(&stream->lock);
	if (!done)
		return spk_fail(err, SPK_TIMEOUT, "the stream goes on");
	if (error.code != SPK_OK && err)
		*err = error;
	return error.code;
}

void spk_stream_stop(struct spk_stream *stream) { spk_job_stop(stream->job); }

void spk_stream_progress(struct spk_stream *stream, struct spk_stream_progress *out)
{
	struct spk_job_progress now;

	pthread_mutex_lock(&stream->lock);
	now = stream->progress;
	pthread_mutex_unlock(&stream->lock);
	*out = (struct spk_stream_progress){ now.phase, now.epoch, now.rows_in, now.rows_out, now.late, now.bad, now.lag, now.watermark_us };
}

void spk_stream_free(struct spk_stream *stream)
{
	struct spk_stream **at;

	if (!stream)
		return;
	for (at = &stream->session->jobs; *at && *at != stream;)
		at = &(*at)->next;
	if (*at)
		*at = stream->next;
	if (stream->thread) {
		spk_job_stop(stream->job);
		spk_stream_await(stream, -1, NULL);
		stream->thread->type->close(stream->thread);
	}
	spk_job_free(stream->job);
	spk_conf_free(stream->conf);
	spk_arena_unref(stream->arena);
	pthread_cond_destroy(&stream->over);
	pthread_mutex_destroy(&stream->lock);
	free(stream);
}

void spk_session_free_jobs(struct spk_session *s)
{
	while (s->jobs)
		spk_stream_free(s->jobs);
}
