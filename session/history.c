/* What `sparklet history` reads. File names begin with the time, so that they sort by age. */
#include "session/history.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/log.h"

enum { PATH_BYTES = 4096, TEXT_BYTES = 16384 };

/* query-20261127-031415.123456-4711.jsonl */
static void name_file(const char *dir, char path[PATH_BYTES])
{
	int64_t now = spk_clock_wall_us();
	time_t seconds = (time_t)(now / 1000000);
	struct tm utc;
	char time[32];

	gmtime_r(&seconds, &utc);
	strftime(time, sizeof time, "%Y%m%d-%H%M%S", &utc);
	snprintf(path, PATH_BYTES, "%s/query-%s.%06d-%d.jsonl", dir, time, (int)(now % 1000000), (int)getpid());
}

void spk_session_open_events(struct spk_session *s)
{
	const char *dir = spk_conf_text(s->conf, SPK_CONF_HISTORY_DIR);
	char path[PATH_BYTES], text[TEXT_BYTES];
	spk_error err = { 0 };
	spk_status status;

	if (!*dir || s->events)
		return;
	name_file(dir, path);
	status = spk_dir_create(dir, &err);
	if (status == SPK_OK)
		status = spk_event_log_open(&s->events, path, "query", &err);
	if (status != SPK_OK) {
		SPK_LOG(WARN, "history", "history.dir: %s", err.message);
		return;
	}
	snprintf(text, sizeof text, "%s", s->text ? s->text : "");
	spk_event_log_write(s->events, SPK_EVENT_QUERY_START, (struct spk_event_field[]){ { "sql", text, 0 }, { 0 } });
}

static void note_stage(struct spk_session *s, int index)
{
	const struct spk_stage_profile *p = &s->profile->stage[index];
	const struct spk_stage_stats *t = &p->stats;

	spk_event_log_write(s->events, SPK_EVENT_QUERY_STAGE, (struct spk_event_field[]){
		{ .name = "stage", .number = index },
		{ .name = "what", .text = p->what },
		{ .name = "tasks", .number = t->tasks },
		{ .name = "start_us", .number = t->sum.start_us },
		{ .name = "end_us", .number = t->sum.end_us },
		{ .name = "slowest_us", .number = t->slowest_us },
		{ .name = "cpu_us", .number = t->sum.cpu_us },
		{ .name = "failures", .number = t->sum.failures },
		{ .name = "rows_in", .number = t->sum.rows_in },
		{ .name = "bytes_in", .number = t->sum.bytes_in },
		{ .name = "rows", .number = t->sum.rows_out },
		{ .name = "bytes", .number = t->sum.bytes_out },
		{ .name = "memory", .number = p->memory_peak },
		{ .name = "spilled", .number = p->spilled_bytes },
		{ 0 },
	});
}

static void note_end(struct spk_session *s, spk_status status, const spk_error *err)
{
	static const struct spk_query_profile none;
	const struct spk_query_profile *p = s->profile ? s->profile : &none;
	const char *why = status == SPK_OK ? NULL : err && *err->message ? err->message : spk_status_text(status);
	char plan[TEXT_BYTES];

	for (int i = 0; i < p->stages; i++)
		note_stage(s, i);
	snprintf(plan, sizeof plan, "%s", p->plan ? p->plan : "");
	spk_event_log_write(s->events, status == SPK_OK ? SPK_EVENT_QUERY_END : SPK_EVENT_QUERY_FAILED, (struct spk_event_field[]){
		{ .name = "us", .number = p->elapsed_us },
		{ .name = "cpu_us", .number = p->cpu_us },
		{ .name = "rows", .number = p->rows },
		{ .name = "tasks", .number = p->tasks_run },
		{ .name = "failures", .number = p->tasks_failed },
		{ .name = "recomputed", .number = p->tasks_recomputed },
		{ .name = "shuffle_rows", .number = p->shuffle_rows },
		{ .name = "shuffle_bytes", .number = p->shuffle_bytes },
		{ .name = "memory", .number = p->memory_peak },
		{ .name = "spilled", .number = p->spilled_bytes },
		{ .name = "plan", .text = plan },
		{ .name = why ? "error" : NULL, .text = why },
		{ 0 },
	});
}

bool spk_session_is_history(const char *name)
{
	size_t size = strlen(name);

	return strncmp(name, "query-", 6) == 0 && size > 6 && strcmp(name + size - 6, ".jsonl") == 0;
}

/* Only files that are ours by their name. */
static void drop_oldest(const char *dir, int64_t retain)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_dir_entries entries = { 0 };
	char path[PATH_BYTES];
	int64_t logs = 0;

	if (arena && spk_dir_list(dir, arena, &entries, NULL) == SPK_OK)
		for (int i = entries.count - 1; i >= 0; i--) {
			if (!spk_session_is_history(entries.name[i]) || ++logs <= retain)
				continue;
			snprintf(path, sizeof path, "%s/%s", dir, entries.name[i]);
			unlink(path);
		}
	spk_arena_unref(arena);
}

void spk_session_close_events(struct spk_session *s, spk_status status, const spk_error *err)
{
	if (!s->events)
		return;
	note_end(s, status, err);
	spk_event_log_close(s->events);
	s->events = NULL;
	drop_oldest(spk_conf_text(s->conf, SPK_CONF_HISTORY_DIR), spk_conf_int(s->conf, SPK_CONF_HISTORY_RETAIN));
}
