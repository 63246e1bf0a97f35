/* One statement: bound, run, its rows or its tag printed, its time told. */
#include <signal.h>
#include <unistd.h>

#include "cli/profile.h"
#include "cli/shell/bar.h"
#include "cli/shell/shell.h"
#include "core/base/check.h"
#include "core/base/clock.h"
#include "session/statement.h"

/* psql's empty line between results; the other formats have rows and nothing else. A person gets one behind each, as in psql. */
static spk_status separate(struct spk_shell *sh, spk_error *err)
{
	bool first = !sh->shown;

	sh->shown = true;
	return first || sh->person || sh->look.format != SPK_CLI_TABLE ? SPK_OK : spk_cli_write("\n", 1, err);
}

static spk_status end_result(const struct spk_shell *sh, spk_error *err)
{
	return sh->person && sh->look.format == SPK_CLI_TABLE ? spk_cli_write("\n", 1, err) : SPK_OK;
}

static spk_status print_batch(void *user, struct spk_batch *batch, spk_error *err)
{
	spk_shell_bar_hide();
	return spk_cli_rows_batch(user, batch, err);
}

static spk_status run_select(struct spk_shell *sh, const struct spk_statement *s, spk_error *err)
{
	struct spk_physical_plan *plan;
	struct spk_cli_rows *rows = NULL;
	spk_status status;

	SPK_TRY(spk_session_plan_query(sh->session, s->plan, &plan, err));
	SPK_TRY(separate(sh, err));
	SPK_TRY(spk_cli_rows_new(&rows, &sh->look, plan->collect->schema, spk_session_conf(sh->session), err));
	status = spk_session_run_query(sh->session, plan, print_batch, rows, NULL, err);
	spk_shell_bar_hide();
	if (status == SPK_OK)
		status = spk_cli_rows_end(rows, err);
	if (status == SPK_OK)
		status = end_result(sh, err);
	spk_cli_rows_free(rows);
	return status;
}

/* --- EXPLAIN --- */

static spk_status drop_batch(void *user, struct spk_batch *batch, spk_error *err)
{
	(void)user;
	(void)batch;
	(void)err;
	return SPK_OK;
}

/* INSERT files are named by shell and statement: none takes another's files for its own. */
static spk_status insert_rows(struct spk_shell *sh, const struct spk_statement *s, int64_t *rows, spk_error *err)
{
	char owner[64];

	snprintf(owner, sizeof owner, "sql-%lld-%d", (long long)sh->started_us, (int)getpid());
	SPK_TRY(spk_cli_flush(err));  /* the sink may be standard output, too */
	return spk_session_insert(sh->session, s->plan, owner, ++sh->inserts, rows, err);
}

/* Runs it, too, and says how it went. */
static spk_status analyze(struct spk_shell *sh, const struct spk_statement *s, struct spk_buffer *out, spk_error *err)
{
	struct spk_physical_plan *plan;
	int64_t rows;
	spk_status status;

	spk_session_time(sh->session, true);
	if (s->plan->kind == SPK_LOGICAL_SINK) {
		status = insert_rows(sh, s, &rows, err);
	} else {
		status = spk_session_plan_query(sh->session, s->plan, &plan, err);
		if (status == SPK_OK)
			status = spk_session_run_query(sh->session, plan, drop_batch, NULL, NULL, err);
	}
	spk_session_time(sh->session, false);
	SPK_TRY(status);
	SPK_TRY_PTR(spk_session_profile(sh->session), err);
	return spk_cli_profile_text(spk_session_profile(sh->session), out, err);
}

static spk_status explain_into(struct spk_shell *sh, const struct spk_statement *s, struct spk_buffer *out, spk_error *err)
{
	struct spk_statement insert = *s;
	struct spk_script script = { .count = 1, .statement = &insert };
	struct spk_physical_plan *plan;

	if (s->analyze)
		return analyze(sh, s, out, err);
	if (s->plan->kind == SPK_LOGICAL_SINK) {
		insert.kind = SPK_STATEMENT_INSERT;
		SPK_TRY(spk_session_plan_job(sh->session, &script, &plan, err));
	} else {
		SPK_TRY(spk_session_plan_query(sh->session, s->plan, &plan, err));
	}
	return spk_physical_format(plan, NULL, NULL, out, err);
}

static spk_status run_explain(struct spk_shell *sh, const struct spk_statement *s, spk_error *err)
{
	struct spk_buffer text = { 0 };
	spk_status status = explain_into(sh, s, &text, err);

	if (status == SPK_OK)
		status = separate(sh, err);
	if (status == SPK_OK)
		status = spk_cli_rows_text(&sh->look, "QUERY PLAN", text.data ? text.data : "", text.size, spk_session_conf(sh->session), err);
	if (status == SPK_OK)
		status = end_result(sh, err);
	spk_buffer_release(&text);
	return status;
}

/* --- INSERT --- */

static spk_status run_insert(struct spk_shell *sh, const struct spk_statement *s, spk_error *err)
{
	int64_t rows;

	SPK_TRY(insert_rows(sh, s, &rows, err));
	return sh->look.format == SPK_CLI_TABLE ? spk_cli_print(err, "INSERT 0 %lld\n", (long long)rows) : SPK_OK;
}

/* --- ANALYZE --- */

static spk_status run_analyze(struct spk_shell *sh, const struct spk_statement *s, spk_error *err)
{
	struct spk_buffer text = { 0 };
	spk_status status = spk_session_analyze(sh->session, s, s->analyze ? &text : NULL, err);

	spk_shell_bar_hide();
	if (status == SPK_OK && s->analyze)
		status = separate(sh, err);
	if (status == SPK_OK && s->analyze)
		status = spk_cli_rows_text(&sh->look, "STATISTICS", text.data ? text.data : "", text.size, spk_session_conf(sh->session), err);
	if (status == SPK_OK && s->analyze)
		status = end_result(sh, err);
	spk_buffer_release(&text);
	SPK_TRY(status);
	return sh->person ? spk_cli_print(err, "%s\n", s->tag) : SPK_OK;
}

/* --- any --- */

static spk_status run_bound(struct spk_shell *sh, const struct spk_statement *s, spk_error *err)
{
	switch (s->kind) {
	case SPK_STATEMENT_SELECT:
		return run_select(sh, s, err);
	case SPK_STATEMENT_EXPLAIN:
		return run_explain(sh, s, err);
	case SPK_STATEMENT_INSERT:
		return run_insert(sh, s, err);
	case SPK_STATEMENT_ANALYZE:
		return run_analyze(sh, s, err);
	case SPK_STATEMENT_DDL: case SPK_STATEMENT_SET:
		break;
	}
	return sh->person ? spk_cli_print(err, "%s\n", s->tag) : SPK_OK;
}

static spk_status bind_and_run(struct spk_shell *sh, const char *text, spk_error *err)
{
	struct spk_cli_script script = { .text = text };
	struct spk_statement_time time;
	struct spk_script bound;
	spk_status status;

	spk_session_begin_statement(sh->session, &time);
	status = spk_cli_bind(sh->session, &script, &bound, err);
	for (int i = 0; status == SPK_OK && i < bound.count; i++)
		status = run_bound(sh, &bound.statement[i], err);
	status = spk_session_end_statement(sh->session, &time, status, err);
	return status == SPK_OK ? spk_cli_flush(err) : status;
}

/* "Time: 3127.402 ms (00:03.127)" */
static spk_status tell_time(int64_t us, spk_error *err)
{
	int64_t s = us / 1000000;

	SPK_TRY(spk_cli_print(err, "Time: %.3f ms", (double)us / 1000));
	if (s >= 3600)
		SPK_TRY(spk_cli_print(err, " (%02lld:%02lld:%06.3f)", (long long)s / 3600, (long long)s / 60 % 60, (double)(us % 60000000) / 1e6));
	else if (s >= 1)
		SPK_TRY(spk_cli_print(err, " (%02lld:%06.3f)", (long long)s / 60, (double)(us % 60000000) / 1e6));
	SPK_TRY(spk_cli_write("\n", 1, err));
	return spk_cli_flush(err);
}

/* What interrupts a query interrupts a script as well, and a person's statement only. */
static void listen(const struct spk_shell *sh)
{
	if (!sh->person)
		return;
	spk_session_clear_cancel(sh->session);  /* one that came too late for the statement before */
	spk_cli_cancel_on_signals(sh->session);
}

static void stop_listening(struct spk_shell *sh)
{
	int number;

	if (!sh->person)
		return;
	spk_cli_wait_on_signals();
	number = spk_cli_take_signal();
	sh->leave = sh->leave || (number && number != SIGINT);
}

spk_status spk_shell_statement(struct spk_shell *sh, const char *text, spk_error *err)
{
	int64_t started = spk_clock_monotonic_us();
	spk_status status;
	bool left;

	SPK_TRY(spk_session_forget(sh->session, err));
	SPK_TRY(spk_shell_output_begin(sh, err));
	listen(sh);
	sh->statements++;
	spk_shell_bar_begin(sh->session);
	status = bind_and_run(sh, text, err);
	spk_shell_bar_end(sh->session);
	if (status == SPK_CANCELLED && spk_cli_signals())
		spk_fail(err, SPK_CANCELLED, "canceling statement due to user request");
	started = spk_clock_monotonic_us() - started;
	left = spk_shell_output_end(sh);
	if (status == SPK_IO && left)
		status = SPK_OK;
	stop_listening(sh);
	return sh->timing && status == SPK_OK ? tell_time(started, err) : status;
}
