/* `sparklet history`: what queries and epochs of the past did, as timelines. */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/profile.h"
#include "cli/table.h"
#include "cli/timeline.h"
#include "core/base/check.h"
#include "core/base/file.h"

enum { LISTED = 20, TITLE = 60 };

static int width(void)
{
	struct winsize size = { 0 };

	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 120;
}

/* --- the folder --- */

/* Reads the newest `last` logs of history.dir, the oldest first. */
static spk_status read_folder(struct spk_timeline *t, const char *dir, int64_t last, spk_error *err)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_dir_entries logs = { 0 };
	int64_t found = 0;
	spk_status status = arena ? SPK_OK : spk_fail_memory(err);

	if (status == SPK_OK && access(dir, F_OK) == 0)
		status = spk_dir_list(dir, arena, &logs, err);
	for (int i = 0; i < logs.count; i++)
		found += spk_session_is_history(logs.name[i]);
	for (int i = 0; i < logs.count && status == SPK_OK; i++) {
		char path[4096];

		if (!spk_session_is_history(logs.name[i]) || found-- > last)
			continue;
		snprintf(path, sizeof path, "%s/%s", dir, logs.name[i]);
		status = spk_timeline_read(t, path, err);
	}
	spk_arena_unref(arena);
	return status;
}

static spk_status no_folder(spk_error *err)
{
	spk_fail(err, SPK_USAGE, "no history is kept: history.dir is not set");
	return spk_hint(err, "SPARKLET_HISTORY_DIR=DIR (or -s history.dir=DIR, or a line in --config) keeps the event log of every query there; of a job: sparklet history .sparklet/JOB/events.jsonl");
}

/* --- a list --- */

/* Its first line, blanks made one. */
static void shorten(const char *title, char out[TITLE + 4])
{
	size_t size = 0;

	for (const char *s = title; *s && size < TITLE; s++) {
		bool blank = *s == ' ' || *s == '\n' || *s == '\t' || *s == '\r';

		if (!blank || (size && out[size - 1] != ' '))
			out[size++] = blank ? ' ' : *s;
	}
	while (size && ((unsigned char)out[size - 1] & 0xc0) == 0x80 && size == TITLE)
		size--;
	out[size] = '\0';
}

static spk_status put_run(struct spk_cli_table *t, const struct spk_timeline_run *r, spk_error *err)
{
	char text[64], title[TITLE + 4];
	time_t seconds = (time_t)(r->start_us / 1000000);
	struct tm utc;

	gmtime_r(&seconds, &utc);
	strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &utc);
	SPK_TRY(spk_cli_table_printf(t, err, "%s", text));
	SPK_TRY(spk_cli_table_printf(t, err, "%s", r->end_us ? spk_cli_time(r->us, text) : "?"));
	SPK_TRY(spk_cli_table_printf(t, err, "%s", spk_cli_time(r->cpu_us, text)));
	SPK_TRY(spk_cli_table_printf(t, err, "%lld", (long long)r->rows));
	SPK_TRY(spk_cli_table_printf(t, err, "%s", spk_cli_bytes(r->memory, text)));
	SPK_TRY(spk_cli_table_printf(t, err, "%s", spk_cli_bytes(r->spilled, text)));
	SPK_TRY(spk_cli_table_printf(t, err, "%s", !r->end_us ? "did not end" : r->error ? "failed" : r->failures ? "tried again" : "done"));
	shorten(r->title ? r->title : "", title);
	return spk_cli_table_printf(t, err, "%s", title);
}

static spk_status print_list(const struct spk_timeline *t, spk_error *err)
{
	static const struct spk_cli_column columns[] = { { "started (UTC)", false }, { "time", true }, { "CPU", true }, { "rows", true }, { "memory", true }, { "spilled", true }, { "end", false },
		{ "statement", false } };
	struct spk_cli_table *table;
	spk_status status;

	SPK_TRY(spk_cli_table_new(&table, columns, SPK_COUNT_OF(columns), err));
	status = SPK_OK;
	for (int i = 0; i < t->runs && status == SPK_OK; i++)
		status = put_run(table, &t->run[i], err);
	if (status == SPK_OK)
		status = spk_cli_table_end(table, true, err);
	spk_cli_table_free(table);
	return status;
}

/* --- timelines --- */

static spk_status print_timelines(const struct spk_timeline *t, spk_error *err)
{
	int columns = width();

	if (!t->runs)
		return spk_cli_print(err, "no query or epoch is in it\n");
	if (t->runs > 1 && t->run[t->runs - 1].epoch)
		return spk_timeline_print_epochs(t, columns, err);
	for (int i = 0; i < t->runs; i++) {
		SPK_TRY(spk_cli_write("\n", i ? 1 : 0, err));
		SPK_TRY(spk_timeline_print(&t->run[i], columns, err));
	}
	return SPK_OK;
}

static spk_status show(const struct spk_cli_arguments *a, struct spk_session *session, struct spk_timeline *t, spk_error *err)
{
	const char *dir = spk_conf_text(spk_session_conf(session), SPK_CONF_HISTORY_DIR);
	int64_t last = a->words ? 0 : LISTED;

	SPK_TRY(spk_cli_number(a, SPK_CLI_LAST, &last, err));
	t->last = (int)SPK_MIN(last, INT32_MAX);
	if (a->words) {
		SPK_TRY(spk_timeline_read(t, a->word[0], err));
		return print_timelines(t, err);
	}
	if (!*dir)
		return no_folder(err);
	SPK_TRY(read_folder(t, dir, last, err));
	return a->value[SPK_CLI_LAST] ? print_timelines(t, err) : print_list(t, err);
}

static int run(const struct spk_cli_arguments *a)
{
	struct spk_session *session = NULL;
	struct spk_timeline t = { 0 };
	spk_error err = { 0 };
	int code = SPK_CLI_DONE;
	spk_status status = spk_cli_session_open(a, &session, &err);

	if (status == SPK_OK)
		status = show(a, session, &t, &err);
	if (status != SPK_OK)
		code = spk_cli_fail(NULL, &err);
	spk_timeline_release(&t);
	spk_session_free(session);
	return code;
}

const struct spk_cli_command spk_cli_history = {
	.name = "history", .synopsis = "[FILE | --last N]", .summary = "what queries of the past did, as timelines", .max_words = 1, .run = run,
	.options = SPK_CLI_TAKES(LAST) | SPK_CLI_TAKES(SET) | SPK_CLI_TAKES(CONFIG),
	.text =
		"Lists the queries whose event logs are in history.dir; with --last N it shows the newest N as timelines: a bar for each\n"
		"stage (=) and task (#; x failed, ? did not end), with its time, rows and bytes, and the plan with the figures of every\n"
		"operator. FILE is one such log, or the event log of a job: then every epoch is shown, or with --last the newest.\n"
		"Logs are written when the key history.dir is set: in the environment, by --config or -s, or by SET.\n"
		"\n"
		"  export SPARKLET_HISTORY_DIR=~/.local/state/sparklet/queries\n"
		"  sparklet sql report.sql\n"
		"  sparklet history\n"
		"  sparklet history --last 1\n"
		"  sparklet history .sparklet/delays/events.jsonl --last 3\n",
};
