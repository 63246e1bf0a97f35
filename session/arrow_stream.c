/*
 * A query's rows as an Arrow C stream, computed as they are asked for: the last task puts batches into a short queue and waits while it is full. So a
 * result takes no more memory than the query itself; a stream that is released early cancels what is left.
 *
 * The call that opens the stream waits for the first batch: what fails before it is that call's error. The queue wakes a waiting consumer by an
 * eventfd, beside that of cancels.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/check.h"
#include "core/base/clock.h"
#include "core/base/wake.h"
#include "core/columnar/arrow_c.h"
#include "session/internal.h"

enum { QUEUE = 4, TICK_MS = 100 };

struct spk_row_stream {
	struct spk_session *session;
	struct spk_row_stream *next;       /* in the session's list */
	struct spk_arena *arena;           /* the session's, of plan and schema */
	const struct spk_physical_plan *plan;
	const struct spk_schema *schema;
	struct spk_open_query *query;      /* NULL: it is over */
	spk_error error;                   /* how, when it failed */
	bool timed_out;

	pthread_mutex_t lock;              /* over what follows */
	pthread_cond_t taken;
	struct spk_batch *batch[QUEUE];
	int first, count;
	bool done, closed, waiting;
	int fd;                            /* readable: there is a batch, or it is done */
};

/* --- the query's side, on a worker thread --- */

/* @locks: lock held */
static void wake(struct spk_row_stream *r)
{
	if (!r->waiting)
		return;
	r->waiting = false;
	spk_wake(r->fd);
}

static spk_status take(void *user, struct spk_batch *batch, spk_error *err)
{
	struct spk_row_stream *r = user;
	struct spk_batch *own;
	bool closed;

	/* The exchange's batches may point into memory of the run: a copy stands alone. */
	SPK_TRY(spk_batch_compact(&own, batch, err));
	pthread_mutex_lock(&r->lock);
	while (r->count == QUEUE && !r->closed)
		pthread_cond_wait(&r->taken, &r->lock);
	closed = r->closed;
	if (!closed) {
		r->batch[(r->first + r->count++) % QUEUE] = own;
		wake(r);
	}
	pthread_mutex_unlock(&r->lock);
	if (!closed)
		return SPK_OK;
	spk_batch_unref(own);
	return spk_fail(err, SPK_CANCELLED, "the stream was released before its end");
}

static void on_done(void *user)
{
	struct spk_row_stream *r = user;

	pthread_mutex_lock(&r->lock);
	r->done = true;
	wake(r);
	pthread_mutex_unlock(&r->lock);
}

/* --- the consumer's side --- */

static void close_queue(struct spk_row_stream *r)
{
	pthread_mutex_lock(&r->lock);
	r->closed = true;
	pthread_cond_broadcast(&r->taken);
	pthread_mutex_unlock(&r->lock);
	if (r->query)
		spk_open_query_cancel(r->query);
}

/* Neither a batch nor the end; says so to the other side. */
static bool must_wait(struct spk_row_stream *r)
{
	bool wait;

	pthread_mutex_lock(&r->lock);
	wait = r->waiting = !r->count && !r->done;
	pthread_mutex_unlock(&r->lock);
	return wait;
}

/* statement_timeout is that of a wait: a consumer that thinks for long is not the query's fault. PostgreSQL has it so for FETCH. */
static void wait_for_rows(struct spk_row_stream *r)
{
	int64_t timeout_us = spk_conf_int(r->session->conf, SPK_CONF_STATEMENT_TIMEOUT), began_us = timeout_us ? spk_clock_monotonic_us() : 0;
	struct pollfd fds[2] = { { .fd = r->fd, .events = POLLIN }, { .fd = r->session->cancel_fd, .events = POLLIN } };

	for (;;) {
		if (atomic_exchange(&r->session->cancels, 0) > 0)
			close_queue(r);
		if (!must_wait(r))
			return;
		if (timeout_us && !r->timed_out && spk_clock_monotonic_us() - began_us >= timeout_us) {
			r->timed_out = true;
			close_queue(r);
		}
		if (poll(fds, 2, timeout_us ? (int)SPK_MIN(timeout_us / 1000 + 1, TICK_MS) : TICK_MS) == 0)
			spk_open_query_tick(r->query);
		spk_wake_clear(r->fd);
		spk_wake_clear(r->session->cancel_fd);
	}
}

/* The next batch, the caller's; NULL once the query is over. */
static struct spk_batch *next_batch(struct spk_row_stream *r)
{
	struct spk_batch *batch = NULL;

	wait_for_rows(r);
	pthread_mutex_lock(&r->lock);
	if (r->count) {
		batch = r->batch[r->first];
		r->first = (r->first + 1) % QUEUE;
		r->count--;
		pthread_cond_signal(&r->taken);
	}
	pthread_mutex_unlock(&r->lock);
	return batch;
}

/* The query is over, or is made to be: takes note of how it went, and gives all of it back. */
static void end_query(struct spk_row_stream *r, bool *again)
{
	struct spk_row_stream **at = &r->session->streams;
	struct spk_batch *batch;

	while ((batch = next_batch(r)) != NULL)
		spk_batch_unref(batch);
	if (spk_open_query_end(r->query, again, &r->error) == SPK_CANCELLED && r->timed_out)
		spk_fail(&r->error, SPK_CANCELLED, "canceling statement due to statement timeout");
	r->query = NULL;
	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
}

void spk_session_end_streams(struct spk_session *s)
{
	while (s->streams) {
		struct spk_row_stream *r = s->streams;

		close_queue(r);
		end_query(r, NULL);
		r->error = (spk_error){ 0 };
		spk_fail(&r->error, SPK_CANCELLED, "the session of the stream is gone");
	}
}

static void stream_free(struct spk_row_stream *r)
{
	if (!r)
		return;
	if (r->query) {
		close_queue(r);
		end_query(r, NULL);
	}
	if (r->fd >= 0)
		close(r->fd);
	pthread_mutex_destroy(&r->lock);
	pthread_cond_destroy(&r->taken);
	spk_arena_unref(r->arena);
	free(r);
}

/* --- the interface --- */

static int get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out)
{
	struct spk_row_stream *r = stream->private_data;

	return spk_arrow_export_schema(r->schema, out, &r->error) == SPK_OK ? 0 : EINVAL;
}

static int get_next(struct ArrowArrayStream *stream, struct ArrowArray *out)
{
	struct spk_row_stream *r = stream->private_data;
	struct spk_batch *batch = r->query ? next_batch(r) : NULL;
	spk_status status;

	out->release = NULL;
	if (batch) {
		status = spk_arrow_export_batch(batch, out, &r->error);
		spk_batch_unref(batch);
		return status == SPK_OK ? 0 : EIO;
	}
	if (r->query)
		end_query(r, NULL);
	return r->error.code == SPK_OK ? 0 : r->error.code == SPK_CANCELLED ? ECANCELED : EIO;
}

static const char *last_error(struct ArrowArrayStream *stream)
{
	struct spk_row_stream *r = stream->private_data;

	return r->error.message[0] ? r->error.message : NULL;
}

static void release(struct ArrowArrayStream *stream)
{
	stream_free(stream->private_data);
	stream->release = NULL;
}

/* --- opening --- */

static spk_status stream_new(struct spk_session *s, const struct spk_physical_plan *plan, struct spk_row_stream **out, spk_error *err)
{
	struct spk_row_stream *r = calloc(1, sizeof *r);

	SPK_TRY_PTR(r, err);
	*r = (struct spk_row_stream){ .session = s, .arena = spk_arena_ref(s->arena), .plan = plan, .schema = plan->collect->schema, .fd = spk_wake_new() };
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->taken, NULL);
	*out = r;
	return r->fd >= 0 ? SPK_OK : spk_fail(err, SPK_IO, "no eventfd: %s", strerror(errno));
}

/* Starts the query and waits for the first batch, or for the end of a query without rows. */
static spk_status start(struct spk_row_stream *r, spk_error *err)
{
	const struct spk_query_taker taker = { take, on_done, r };
	bool again = false, rows;

	do {
		r->error = (spk_error){ 0 };
		r->done = false;
		SPK_TRY(spk_open_query_start(r->session, r->plan, again, &taker, &r->query, err));
		again = false;
		r->next = r->session->streams;
		r->session->streams = r;
		wait_for_rows(r);
		pthread_mutex_lock(&r->lock);
		rows = r->count > 0;
		pthread_mutex_unlock(&r->lock);
		if (!rows)
			end_query(r, &again);
	} while (again);
	if (r->error.code != SPK_OK && err)
		*err = r->error;
	return r->error.code;
}

static spk_status find_query(const struct spk_script *script, struct spk_logical **out, spk_error *err)
{
	*out = NULL;
	for (int i = 0; i < script->count; i++) {
		if (script->statement[i].kind != SPK_STATEMENT_SELECT)
			continue;
		if (*out)
			return spk_fail(err, SPK_USAGE, "more than one query in the text; give one at a time");
		*out = script->statement[i].plan;
	}
	return *out ? SPK_OK : spk_fail(err, SPK_USAGE, "there is no query in the text");
}

static spk_status collect(struct spk_session *s, struct spk_logical *query, struct ArrowArrayStream *out, spk_error *err)
{
	struct spk_physical_plan *plan;
	struct spk_row_stream *r = NULL;
	spk_status status;

	SPK_TRY(spk_session_plan_query(s, query, &plan, err));
	status = stream_new(s, plan, &r, err);
	if (status == SPK_OK)
		status = start(r, err);
	if (status != SPK_OK) {
		stream_free(r);
		return status;
	}
	*out = (struct ArrowArrayStream){ .get_schema = get_schema, .get_next = get_next, .get_last_error = last_error, .release = release, .private_data = r };
	return SPK_OK;
}

spk_status spk_session_collect(struct spk_session *s, struct spk_logical *query, struct ArrowArrayStream *out, spk_error *err)
{
	struct spk_statement_time time;

	spk_session_begin_statement(s, &time);
	return spk_session_end_statement(s, &time, collect(s, query, out, err), err);
}

static spk_status bind_and_collect(struct spk_session *s, const char *sql, struct ArrowArrayStream *out, spk_error *err)
{
	struct spk_logical *query;
	struct spk_script script;

	SPK_TRY(spk_session_bind(s, sql, &script, err));
	SPK_TRY(find_query(&script, &query, err));
	return spk_session_collect(s, query, out, err);
}

spk_status spk_session_query(struct spk_session *s, const char *sql, struct ArrowArrayStream *out, spk_error *err)
{
	struct spk_statement_time time;

	spk_session_begin_statement(s, &time);
	return spk_session_end_statement(s, &time, bind_and_collect(s, sql, out, err), err);
}
