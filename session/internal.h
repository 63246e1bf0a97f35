/* What the files of session/ share. Not for others. */
#ifndef SPK_SESSION_INTERNAL_H
#define SPK_SESSION_INTERNAL_H

#include "batch/cache.h"
#include "core/base/memory.h"
#include "core/base/reporter.h"
#include "planner/optimizer/optimizer.h"
#include "session/engine.h"
#include "session/statement.h"

#ifndef SPK_VERSION
#define SPK_VERSION "0.1.0"
#endif

struct spk_session {
	struct spk_arena *arena;       /* catalog entries' plans and all that was bound */
	struct spk_conf *conf;
	struct spk_catalog *catalog;
	_Atomic(struct spk_job *) job; /* running now, for stop */
	_Atomic int cancels;           /* asked while no job ran */
	struct spk_cache *cache;       /* kept relations, made with the first of them */
	struct spk_cache *with_cache;  /* those of WITH queries (materialize.h) */
	struct spk_materialized *materialized;
	struct spk_session_table *tables;  /* of CREATE TABLE AS */
	struct spk_analyzed *analyzed; /* what ANALYZE found */
	int64_t now_us;                /* now() of the statement that runs; 0: none does */
	struct spk_frame *frames;      /* all that were made, the newest first */
	struct spk_placement *placements;  /* automatic checkpoints of frames, the newest first; in the arena */
	int64_t writes;                /* files written by frames so far: names them */
	int64_t deadline_us;           /* monotonic: when the statement that runs is cancelled; 0: never */
	bool in_statement;             /* of statement.h */
	bool timed_out;                /* that is why it was */
	bool stopped;                  /* its run was, one way or the other */
	int cancel_fd;                 /* eventfd: wakes a running query to look at `cancels` */
	int progress_ms;
	void (*progress)(void *user, const struct spk_query_progress *now);
	void *progress_user;
	const char *text;              /* of what was bound last; in the arena */
	bool timed;                    /* operators are measured */
	struct spk_query_profile *profile;  /* of the last query */
	struct spk_event_log *events;  /* of the query that runs */
	struct spk_reporter *reporter; /* of metrics; NULL: none */
	struct spk_row_stream *streams;/* that are open (arrow_stream.c) */
	struct spk_stream *jobs;       /* that run beside (stream.c) */
};

/* The reporter that the configuration asks for now, in s->reporter. */
spk_status spk_session_open_reporter(struct spk_session *s, spk_error *err);

/* Tables of CREATE TABLE AS without options: rows kept by the session. */
spk_status spk_session_make_rows(struct spk_table *table, void *session, spk_error *err);
spk_status spk_session_fill_table(struct spk_session *s, const struct spk_table *table, const struct spk_logical *query, int64_t *rows, spk_error *err);
void spk_session_free_tables(struct spk_session *s);

/* The session's kept relations; made at first use. */
spk_status spk_session_cache(struct spk_session *s, struct spk_cache **out, spk_error *err);
/* The plan of a query that is run within another one, maybe many times; `collect` gets its rows as of any query. */
spk_status spk_session_plan_inner(struct spk_session *s, const struct spk_logical *query, struct spk_physical_plan **out, spk_error *err);
struct spk_inner_query;
spk_status spk_inner_query_open(struct spk_session *s, const struct spk_physical_plan *plan, struct spk_inner_query **out, spk_error *err);
spk_status spk_inner_query_run(struct spk_inner_query *query, spk_status (*collect)(void *user, struct spk_batch *batch, spk_error *err), void *user, spk_error *err);
void spk_inner_query_close(struct spk_inner_query *query);  /* NULL is fine */
/* Plans and runs what a kept relation is made of. */
spk_status spk_session_plan_kept(struct spk_session *s, const struct spk_logical *query, struct spk_physical_plan **out, spk_error *err);
spk_status spk_session_keep(struct spk_session *s, const struct spk_physical_plan *plan, struct spk_cached *into, spk_error *err);
/* What ANALYZE found of the table's rows, by its columns, in `arena`; *out NULL: nothing, or something else is there by now. */
/* *known: ANALYZE knows the table as it is now, *out has it. Else out->stale tells whether it knew it once. */
spk_status spk_session_analyzed(struct spk_session *s, const struct spk_table *t, struct spk_arena *arena, struct spk_table_statistics *out, bool *known, spk_error *err);
void spk_session_free_analyzed(struct spk_session *s);
struct spk_stored_writer;
/* The same into a folder; it is there when this returns. */
spk_status spk_session_store(struct spk_session *s, const struct spk_physical_plan *plan, struct spk_stored_writer *into, spk_error *err);
/* Gives every table that is read below `l` statistics, if only their number of rows, unless it has some. */
spk_status spk_session_estimate_tables(struct spk_session *s, const struct spk_logical *l, spk_error *err);
spk_status spk_session_load_function(const char *library, const char *symbol, spk_scalar_function *out, void *user, spk_error *err);
void spk_session_free_frames(struct spk_session *s);
/* Frames are views that are bound already: the name is free again after spk_catalog_drop. */
spk_status spk_session_add_frame(struct spk_session *s, const char *name, const struct spk_logical *plan, bool or_replace, spk_error *err);

/*
 * A query that runs while its rows are asked for. `take` gets batches as of spk_session_run_query, and may wait; `done` is called on a worker thread
 * when it is over. All functions are for the session's thread; other queries of the session may run meanwhile. _end is for when `done` was
 * called: gives everything back, returns how it went. *again (may be NULL): it is to be started once more, with whole files; no row was taken.
 */
struct spk_query_taker { spk_status (*take)(void *user, struct spk_batch *batch, spk_error *err); void (*done)(void *user); void *user; };
struct spk_open_query;
spk_status spk_open_query_start(struct spk_session *s, const struct spk_physical_plan *plan, bool whole_files, const struct spk_query_taker *taker, struct spk_open_query **out, spk_error *err);
void spk_open_query_tick(struct spk_open_query *o);    /* about every 100 ms while the session's thread waits for it */
void spk_open_query_cancel(struct spk_open_query *o);  /* then it will be over soon; `take` must not wait any more */
spk_status spk_open_query_end(struct spk_open_query *o, bool *again, spk_error *err);

/* The sink of a job's query number `number` (from 0): a table of connector `print`. */
spk_status spk_session_printed(struct spk_session *s, const struct spk_statement *query, int number, struct spk_logical **out, spk_error *err);

/* Where a job's files are; dir may be NULL. */
enum { SPK_JOB_DIR_BYTES = 4096 };
void spk_session_job_dir(const char *name, const char *dir, char out[SPK_JOB_DIR_BYTES]);
/* Keeps the job's text, so that its logs can be found by the job's name alone. */
spk_status spk_session_keep_job_text(const char *dir, const char *sql, spk_error *err);
/* Ends all jobs that run beside. */
void spk_session_free_jobs(struct spk_session *s);

/* Ends all streams whose rows were not taken to the end: they fail from then on. */
void spk_session_end_streams(struct spk_session *s);
/* Rows of an optimized query as an Arrow stream. */
spk_status spk_session_collect(struct spk_session *s, struct spk_logical *query, struct ArrowArrayStream *out, spk_error *err);

#endif
