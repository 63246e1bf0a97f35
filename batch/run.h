/*
 * A run: one epoch of a job, or one batch query. Shared by all its tasks; what tasks write is by stage and task, so no locks.
 *
 * Whoever starts the run fills the inputs; tasks fill what is marked "out". Everything lives until the run is over and, in a
 * stream, until its epoch is committed; the chunks only until the plan has run.
 */
#ifndef SPK_BATCH_RUN_H
#define SPK_BATCH_RUN_H

#include "connectors/connector.h"
#include "core/base/ids.h"
#include "planner/physical/physical.h"

enum { SPK_TIME_NONE = 0 };
#define SPK_WATERMARK_NONE INT64_MIN   /* nothing known yet */
#define SPK_WATERMARK_END INT64_MAX    /* the source has ended: nothing is late any more, everything closes */

/* One partition of a source in this run. */
struct spk_run_partition {
	int chunks;
	struct spk_chunk *chunk;
	bool idle, finished;         /* at the end of the run: does not hold the watermark */
	int64_t watermark;           /* max event time seen - delay; before the run, then (out) after it */
	int reads;                   /* batch: tasks that began to read it; only the first may use the run's source */
	int64_t position, rows;      /* batch: how far it is read; by atomics, since others look at it meanwhile */
};

struct spk_run_source {
	struct spk_source *source;
	int partitions;
	struct spk_run_partition *partition;
	int64_t watermark;           /* of the source at the start of the run: never goes back */
	bool fetching;               /* batch, by atomics: a task is in a source that takes one at a time */
};

/* A row that did not make it, for the dead-letter sink. */
struct spk_dead_letter {
	struct spk_dead_letter *next;
	int source;
	int32_t partition;           /* -1: the row has no single origin (it was computed from several) */
	int64_t position;
	struct spk_view raw;
	spk_status code;
	bool late;
	int64_t watermark;           /* late: the one that judged it */
	const char *reason;
};

/* What one task leaves behind beside its shuffle output. */
struct spk_task_output {
	struct spk_arena *arena;
	struct spk_dead_letter *letters, **last;
	int64_t late, bad;
	int64_t held_until_us;           /* what operators hold comes out in an epoch of this time or a later one; 0: they hold nothing */
	struct spk_sink_block **block;   /* by sink of the plan, NULL where this task wrote none */
};

struct spk_run {
	struct spk_epoch_id epoch;       /* 0: batch */
	int64_t time_us;                 /* now() */
	const char *timezone;
	bool streaming;                  /* bad rows become dead letters; else they fail the query */
	struct spk_run_source *source;   /* by source of the plan */
	struct spk_sink **sink;          /* by sink of the plan */
	struct spk_task_output **output; /* out: [stage][task] */
	/* Batch: rows of the COLLECT node, in order, on a worker thread. */
	spk_status (*collect)(void *user, struct spk_batch *batch, spk_error *err);
	void *collect_user;
	struct spk_cached *keep;         /* instead of collect: rows go there, by task */
	struct spk_stored_writer *store; /* or there (connectors/stored/stored.h) */
	int64_t collected;               /* rows handed out, over all attempts of the task */
};

/* Watermark of an operator that depends on the sources in `bits`: at the start of the run (judges lateness) and at its end (closes
 * windows; only once all tasks of the sources' stages are done). */
int64_t spk_run_watermark_before(const struct spk_run *run, uint64_t bits);
int64_t spk_run_watermark_after(const struct spk_run *run, uint64_t bits);
/* The same for one source. */
int64_t spk_run_source_watermark_after(const struct spk_run_source *s);

#endif
