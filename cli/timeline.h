/*
 * Runs of the past, out of event logs (core/base/eventlog.h), as text: what was done, a bar for every stage and task, what failed.
 *
 * A run is a batch query, or an epoch of a job. Only the newest are kept while a log is read.
 */
#ifndef SPK_CLI_TIMELINE_H
#define SPK_CLI_TIMELINE_H

#include "cli/cli.h"

/* An attempt of a task. */
struct spk_timeline_task {
	int stage, task, attempt;
	int64_t start_us, end_us;        /* wall clock; end 0: it did not end */
	int64_t rows, bytes;
	char *error;                     /* NULL: it went well */
};

struct spk_timeline_stage {
	int tasks;
	int64_t start_us, end_us, rows, bytes, memory, spilled;
	char *what;                      /* may be NULL */
};

struct spk_timeline_run {
	char *title;                     /* the statement, or "epoch 12" */
	int64_t epoch;                   /* 0: a query */
	int64_t start_us, end_us;        /* end 0: it did not end */
	int64_t us, cpu_us, rows, memory, spilled, failures, rows_in, late, bad;
	char *error, *plan;
	struct spk_timeline_stage *stage;
	int stages;
	struct spk_timeline_task *task;
	int tasks, capacity;
};

struct spk_timeline { struct spk_timeline_run *run; int runs, capacity, last; };   /* last: how many are kept; 0: all */

/* Reads a log, adding its runs. Lines that are none are skipped: the last one of a program that was killed. USAGE: no such file. */
spk_status spk_timeline_read(struct spk_timeline *t, const char *path, spk_error *err);
void spk_timeline_release(struct spk_timeline *t);
/* Prints a run; `width` is that of the whole text. */
spk_status spk_timeline_print(const struct spk_timeline_run *r, int width, spk_error *err);
/* Prints the epochs of a job over one axis, a line each. */
spk_status spk_timeline_print_epochs(const struct spk_timeline *t, int width, spk_error *err);

#endif
