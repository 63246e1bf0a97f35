/* Event logs to runs. How they look: timeline_print.c. */
#include "cli/timeline.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

#include "core/base/check.h"
#include "core/base/file.h"

enum { STAGES_MAX = 10000 };

/* --- runs --- */

static void run_release(struct spk_timeline_run *r)
{
	for (int i = 0; i < r->stages; i++)
		free(r->stage[i].what);
	for (int i = 0; i < r->tasks; i++)
		free(r->task[i].error);
	free(r->stage);
	free(r->task);
	free(r->title);
	free(r->error);
	free(r->plan);
}

void spk_timeline_release(struct spk_timeline *t)
{
	for (int i = 0; i < t->runs; i++)
		run_release(&t->run[i]);
	free(t->run);
	*t = (struct spk_timeline){ 0 };
}

/* A new run behind the others; the oldest goes when there are too many. */
static struct spk_timeline_run *add_run(struct spk_timeline *t)
{
	if (t->last && t->runs == t->last) {
		run_release(&t->run[0]);
		memmove(t->run, t->run + 1, sizeof *t->run * (size_t)--t->runs);
	}
	if (t->runs == t->capacity) {
		int capacity = t->capacity ? 2 * t->capacity : 16;
		struct spk_timeline_run *grown = realloc(t->run, sizeof *grown * (size_t)capacity);

		if (!grown)
			return NULL;
		t->run = grown;
		t->capacity = capacity;
	}
	t->run[t->runs] = (struct spk_timeline_run){ 0 };
	return &t->run[t->runs++];
}

static struct spk_timeline_stage *stage_of(struct spk_timeline_run *r, int64_t index)
{
	if (index < 0 || index >= STAGES_MAX)
		return NULL;
	if (index >= r->stages) {
		struct spk_timeline_stage *grown = realloc(r->stage, sizeof *grown * ((size_t)index + 1));

		if (!grown)
			return NULL;
		memset(grown + r->stages, 0, sizeof *grown * (size_t)(index + 1 - r->stages));
		r->stage = grown;
		r->stages = (int)index + 1;
	}
	return &r->stage[index];
}

static struct spk_timeline_task *add_task(struct spk_timeline_run *r)
{
	if (r->tasks == r->capacity) {
		int capacity = r->capacity ? 2 * r->capacity : 64;
		struct spk_timeline_task *grown = realloc(r->task, sizeof *grown * (size_t)capacity);

		if (!grown)
			return NULL;
		r->task = grown;
		r->capacity = capacity;
	}
	r->task[r->tasks] = (struct spk_timeline_task){ 0 };
	return &r->task[r->tasks++];
}

/* --- events --- */

static int64_t number(const json_t *e, const char *name) { return json_integer_value(json_object_get(e, name)); }

static char *text(const json_t *e, const char *name)
{
	const char *s = json_string_value(json_object_get(e, name));

	return s && *s ? strdup(s) : NULL;
}

/* The run that an event belongs to: the newest, or a new epoch. */
static struct spk_timeline_run *run_of(struct spk_timeline *t, const json_t *e)
{
	int64_t epoch = number(e, "epoch");
	struct spk_timeline_run *r = t->runs ? &t->run[t->runs - 1] : NULL;
	char title[40];

	if (r && r->epoch == epoch && !r->end_us)
		return r;
	if (!epoch)
		return r && !r->epoch ? r : NULL;
	r = add_run(t);
	if (!r)
		return NULL;
	snprintf(title, sizeof title, "epoch %lld", (long long)epoch);
	r->title = strdup(title);
	r->epoch = epoch;
	r->start_us = number(e, "ts");
	return r;
}

static void start_query(struct spk_timeline *t, const json_t *e)
{
	struct spk_timeline_run *r = add_run(t);

	if (!r)
		return;
	r->title = text(e, "sql");
	if (r->title)
		memmove(r->title, r->title + strspn(r->title, " \t\r\n"), strlen(r->title + strspn(r->title, " \t\r\n")) + 1);
	r->start_us = number(e, "ts");
}

/* Figures that the events of queries and epochs call the same. */
static void end_run(struct spk_timeline_run *r, const json_t *e)
{
	r->end_us = number(e, "ts");
	r->us = r->epoch ? number(e, "wall_us") : number(e, "us");
	r->cpu_us = number(e, "cpu_us");
	r->rows = number(e, r->epoch ? "rows_out" : "rows");
	r->rows_in = number(e, "rows_in");
	r->late = number(e, "late");
	r->bad = number(e, "bad");
	r->memory = number(e, "memory");
	r->spilled = number(e, "spilled");
	r->failures = number(e, "failures");
	r->error = text(e, "error");
	r->plan = text(e, "plan");
	if (r->epoch && r->us)
		r->start_us = r->end_us - r->us;
}

static void stage_event(struct spk_timeline_run *r, const json_t *e, bool start)
{
	struct spk_timeline_stage *s = stage_of(r, number(e, "stage"));

	if (!s)
		return;
	s->tasks = (int)number(e, "tasks");
	if (start) {
		s->start_us = number(e, "ts");
		return;
	}
	s->end_us = number(e, "ts");
	s->rows = number(e, "rows");
	s->bytes = number(e, "bytes");
}

static void describe_stage(struct spk_timeline_run *r, const json_t *e)
{
	struct spk_timeline_stage *s = stage_of(r, number(e, "stage"));

	if (!s)
		return;
	free(s->what);
	s->what = text(e, "what");
	s->memory = number(e, "memory");
	s->spilled = number(e, "spilled");
}

static void start_task(struct spk_timeline_run *r, const json_t *e)
{
	struct spk_timeline_task *t = add_task(r);

	if (t)
		*t = (struct spk_timeline_task){ .stage = (int)number(e, "stage"), .task = (int)number(e, "task"), .attempt = (int)number(e, "attempt"), .start_us = number(e, "ts") };
}

/* Of an epoch only failures are logged, without their start. */
static void end_task(struct spk_timeline_run *r, const json_t *e)
{
	struct spk_timeline_task *t = NULL;

	for (int i = r->tasks - 1; i >= 0 && !t; i--)
		if (r->task[i].stage == number(e, "stage") && r->task[i].task == number(e, "task") && r->task[i].attempt == number(e, "attempt") && !r->task[i].end_us)
			t = &r->task[i];
	if (!t) {
		start_task(r, e);
		if (!r->tasks)
			return;
		t = &r->task[r->tasks - 1];
		t->start_us -= number(e, "us");
	}
	t->end_us = number(e, "ts");
	t->rows = number(e, "rows");
	t->bytes = number(e, "bytes");
	t->error = text(e, "error");
}

static void take_event(struct spk_timeline *t, const json_t *e)
{
	const char *name = json_string_value(json_object_get(e, "event"));
	struct spk_timeline_run *r;

	if (!name)
		return;
	if (strcmp(name, "query.start") == 0) {
		start_query(t, e);
		return;
	}
	if (strncmp(name, "query.", 6) != 0 && strncmp(name, "epoch.", 6) != 0 && strncmp(name, "stage.", 6) != 0 && strncmp(name, "task.", 5) != 0)
		return;
	r = run_of(t, e);
	if (!r)
		return;
	if (strcmp(name, "query.stage") == 0)
		describe_stage(r, e);
	else if (*name == 'q' || *name == 'e')
		end_run(r, e);
	else if (*name == 's')
		stage_event(r, e, strcmp(name, "stage.start") == 0);
	else if (strcmp(name, "task.start") == 0)
		start_task(r, e);
	else
		end_task(r, e);
}

spk_status spk_timeline_read(struct spk_timeline *t, const char *path, spk_error *err)
{
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t capacity = 0;
	ssize_t size;

	if (!f) {
		spk_fail_errno(err, errno, "%s", path);
		if (err)
			err->code = SPK_USAGE;
		return SPK_USAGE;
	}
	while ((size = getline(&line, &capacity, f)) > 0) {
		json_t *e = json_loadb(line, (size_t)size, 0, NULL);

		if (e)
			take_event(t, e);
		json_decref(e);
	}
	free(line);
	fclose(f);
	return SPK_OK;
}
