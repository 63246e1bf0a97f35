/*
 * What the program and the public API share: binding, planning and running within a session. cli/ uses this; others include/sparklet.
 */
#ifndef SPK_SESSION_ENGINE_H
#define SPK_SESSION_ENGINE_H

#include "batch/exec.h"
#include "checkpoint/epoch_log.h"
#include "checkpoint/store.h"
#include "planner/physical/physical.h"
#include "planner/sql/sql.h"
#include "sparklet/session.h"
#include "stream/job.h"

struct spk_conf *spk_session_conf(struct spk_session *session);
struct spk_catalog *spk_session_catalog(struct spk_session *session);

struct spk_arena *spk_session_arena(struct spk_session *session);  /* of what is bound and planned */

/* Binds all statements of `text`; what it makes lies in the session's arena until the session is freed. */
spk_status spk_session_bind(struct spk_session *session, const char *text, struct spk_script *out, spk_error *err);
/* Frees all that was bound and planned so far; catalog and configuration stay, and so does
 * all of a session with frames or kept relations. For sessions that go on and on: a shell. */
spk_status spk_session_forget(struct spk_session *session, spk_error *err);
/* Optimizes a bound query; the result may be printed with spk_logical_format. */
spk_status spk_session_optimize(struct spk_session *session, struct spk_logical *bound, struct spk_logical **out, spk_error *err);
/* Physical plan of one query (batch). Tables must be bounded: else a PLAN error says which one is not. */
spk_status spk_session_plan_query(struct spk_session *session, struct spk_logical *bound, struct spk_physical_plan **out, spk_error *err);
/* Whether the job of a script prints the rows of this statement: a query, and no statement is an INSERT. */
bool spk_session_prints(const struct spk_script *script, const struct spk_statement *s);
/* Physical plan of all INSERTs and materialized views of a script as one streaming job, or of its queries, whose rows are printed. USAGE when there is none. */
spk_status spk_session_plan_job(struct spk_session *session, const struct spk_script *script, struct spk_physical_plan **out, spk_error *err);

/* Where a query stands. Sources whose end is not known count with nothing to share_read. */
struct spk_query_progress {
	int64_t elapsed_us;
	int stages, stages_done;
	int stage, tasks, tasks_done;    /* of the first stage that is not complete, counted from 0 */
	double share_read;               /* of what the sources hold, 0 to 1; -1: not known */
	int64_t rows_read;
	int64_t memory;                  /* bytes of the budget in use */
};
/* From here on queries tell where they stand, about every so many milliseconds, on the thread that runs them. NULL: no more. */
void spk_session_on_progress(struct spk_session *session, int every_ms, void (*progress)(void *user, const struct spk_query_progress *now), void *user);

/* How a query went, for whoever wants to know. Texts and stages live until the session's next query. */
struct spk_stage_profile {
	const char *what;                /* its operators: "Scan flights, PartialAggregate" */
	struct spk_stage_stats stats;
	const char *adaptive;            /* what was decided when it started: "8 partitions read as 2, partition 5 split in 3"; NULL: nothing */
	int64_t memory_peak;             /* held by the operators of one task at the most, bytes */
	int64_t spilled_bytes;
};

struct spk_query_profile {
	struct spk_arena *arena;
	int64_t started_us;              /* wall clock */
	int64_t elapsed_us, cpu_us, rows;
	int64_t tasks_run, tasks_failed, tasks_recomputed;
	int64_t shuffle_rows, shuffle_bytes;
	int64_t spilled_bytes;           /* written to disk, compressed, by operators and exchanges */
	int64_t memory_peak;             /* of the budget, by the whole process while the query ran */
	int stages;
	struct spk_stage_profile *stage;
	const char *plan;                /* with figures of every operator, when they were measured; else NULL */
};
/* Of the last query that ran, to its end or not; NULL: none. */
const struct spk_query_profile *spk_session_profile(const struct spk_session *session);
/* Whether a file in history.dir is the event log of a query. */
bool spk_session_is_history(const char *name);
/* From here on queries measure the time of every operator, and plans say how many rows they expect. */
void spk_session_time(struct spk_session *session, bool on);

struct spk_query_stats { int64_t elapsed_us, cpu_us, rows; };

/*
 * Runs a batch plan: `collect` gets every batch in order, on a worker thread, one at a time (borrowed; spk_batch_ref to keep). INSERT plans into bounded
 * sinks are run as jobs instead. spk_session_profile tells afterwards how it went.
 */
spk_status spk_session_run_query(struct spk_session *session, const struct spk_physical_plan *plan, spk_status (*collect)(void *user, struct spk_batch *batch, spk_error *err), void *user,
				 struct spk_query_stats *stats, spk_error *err);
/*
 * Runs a bound INSERT as a batch. `owner` and `number` name its files: one owner a script, numbers from 1. Rows are visible when it is done, or
 * none. USAGE for sinks and sources that belong to jobs: Kafka, tables without an end.
 */
spk_status spk_session_insert(struct spk_session *session, const struct spk_logical *insert, const char *owner, int64_t number, int64_t *rows, spk_error *err);

/*
 * Runs a bound ANALYZE: later plans of the session know of the tables' rows until the files change. `show` (may be NULL) gets what was found, one
 * line of text for each table and column.
 */
spk_status spk_session_analyze(struct spk_session *session, const struct spk_statement *statement, struct spk_buffer *show, spk_error *err);

/* Cancels the query or stops the job that runs; any thread, any signal handler. */
void spk_session_cancel(struct spk_session *session);
/* Drops cancels that found nothing to cancel: else the next query would be. */
void spk_session_clear_cancel(struct spk_session *session);

/* A job with progress. Writes DIR/job.sql (0600) so that `sparklet epochs JOB` and others can find the job again. dir NULL: .sparklet/<name>. */
spk_status spk_session_run_job(struct spk_session *session, const char *sql, const struct spk_physical_plan *plan, const struct spk_job_options *options,
			       void (*progress)(void *user, const struct spk_job_progress *progress), void *user, spk_error *err);

/* Opens the epoch log of a job that was run before, for reading (no fencing, no lock). Binds DIR/job.sql. Close with spk_session_close_job. */
struct spk_job_files { const char *dir; struct spk_epoch_log *log; struct spk_kafka_producer *producer; struct spk_checkpoint_store *checkpoints; };
spk_status spk_session_open_job(struct spk_session *session, const char *job, const char *dir, struct spk_job_files *out, spk_error *err);
/* Only the checkpoint store: needs no broker. */
spk_status spk_session_open_checkpoints(struct spk_session *session, const char *job, const char *dir, struct spk_job_files *out, spk_error *err);
void spk_session_close_job(struct spk_job_files *files);

/* --- what a job keeps (job_state.c) --- */

struct spk_job_state;
/* A state table: how many entries, bytes of keys and values, and the text that says what they mean. */
struct spk_state_summary { const char *name; bool bucketed; int version; int64_t entries, bytes; const char *meaning; };

/* The state in the checkpoint at the end of `epoch` (0: in the newest one), from a copy that goes with it. NOT_FOUND names those that are there. */
spk_status spk_job_state_open(struct spk_session *session, const char *job, const char *dir, int64_t epoch, struct spk_job_state **out, spk_error *err);
int64_t spk_job_state_epoch(const struct spk_job_state *state);
/* Its tables, in the session's arena. */
spk_status spk_job_state_tables(struct spk_job_state *state, const struct spk_state_summary **out, int *count, spk_error *err);
/* Binds the job's own text; then its materialized views are tables of the session, and so are, by the name of their state, rows that operators keep. */
spk_status spk_job_state_declare(struct spk_job_state *state, spk_error *err);
void spk_job_state_close(struct spk_job_state *state);  /* NULL is fine */

#endif
