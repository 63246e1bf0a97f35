/*
 * Sessions: SQL over files from C, and streaming jobs inside a process of your own.
 *
 *   struct spk_session *s;
 *   spk_session_new(&s, &err);
 *   spk_session_execute(s, "CREATE TABLE t (...) WITH (...)", &err);
 *   struct ArrowArrayStream rows;
 *   spk_session_query(s, "SELECT count(*) FROM t", &rows, &err);
 *
 * A session is used by one thread at a time; different sessions are independent but share the process's memory budget. The library
 * never writes to stdout, never exits and installs no signal handlers.
 */
#ifndef SPARKLET_SESSION_H
#define SPARKLET_SESSION_H

#include <stdint.h>

#include "sparklet/arrow.h"
#include "sparklet/status.h"

struct spk_session;

/* Defaults, then SPARKLET_* from the environment. */
SPK_API spk_status spk_session_new(struct spk_session **out, spk_error *err);
SPK_API void spk_session_free(struct spk_session *session);  /* NULL is fine */

/* One configuration key (docs/configuration.md), e.g. "memory.limit", "256MiB"; or a file of them. */
SPK_API spk_status spk_session_set(struct spk_session *session, const char *key, const char *value, spk_error *err);
SPK_API spk_status spk_session_load_configuration(struct spk_session *session, const char *path, spk_error *err);

/* DDL and SET statements, separated by ';'. Queries and INSERTs in it are checked but not run. */
SPK_API spk_status spk_session_execute(struct spk_session *session, const char *sql, spk_error *err);

/*
 * Runs one SELECT over bounded tables. *out streams the rows (a struct array per batch); release it by its callback, before the session: a stream
 * that is left when its session goes fails from then on.
 *
 * The query runs on while rows are taken, a few batches ahead, so that a result needs no memory of its own. What fails before the first row is this
 * call's error; later ones are get_next's: EIO, or ECANCELED after spk_session_stop, with the reason from get_last_error. Releasing a stream
 * early cancels the query. Other calls on the session are fine meanwhile. get_next and release: on the session's thread.
 */
SPK_API spk_status spk_session_query(struct spk_session *session, const char *sql, struct ArrowArrayStream *out, spk_error *err);

/* --- jobs --- */

struct spk_job;

struct spk_job_options {
	const char *name;   /* letters, digits, '.', '_', '-' */
	const char *dir;    /* state, checkpoints and event log; NULL: .sparklet/<name> */
	bool once;          /* process what is there at start, then end */
};

/*
 * Binds and plans all INSERTs of `sql` as one job, or its queries, whose rows connector `print` writes to stdout, where there is no INSERT, and runs it on the calling thread until its sources end or spk_session_stop is called.
 * OK also when it was stopped. FENCED: another instance of the job has taken over.
 */
SPK_API spk_status spk_session_run(struct spk_session *session, const char *sql, const struct spk_job_options *options, spk_error *err);
/* Ends the session's running query, or its job: the first call after the epoch and a checkpoint, a second at once. Any thread, any signal handler. */
SPK_API void spk_session_stop(struct spk_session *session);

SPK_API const char *spk_version(void);  /* "0.1.0" */

#endif
