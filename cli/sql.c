/*
 * `sparklet sql`: all statements of a script in their order. The whole script is bound before the first statement runs, so a mistake in
 * the last one stops nothing half way.
 */
#include <unistd.h>

#include "cli/cli.h"
#include "cli/rows.h"
#include "core/base/clock.h"

struct sql {
	struct spk_session *session;
	struct spk_script script;
	enum spk_cli_format format;
	bool shown;   /* a result was printed */
	int64_t started_us;
	int inserts;
};

/* psql's empty line between results; csv and json are one row a line and nothing else. */
static spk_status separate(struct sql *q, spk_error *err)
{
	bool first = !q->shown;

	q->shown = true;
	return first || q->format != SPK_CLI_TABLE ? SPK_OK : spk_cli_write("\n", 1, err);
}

static spk_status run_select(struct sql *q, const struct spk_statement *s, spk_error *err)
{
	struct spk_physical_plan *plan;
	struct spk_cli_rows *rows = NULL;
	spk_status status;

	SPK_TRY(spk_session_plan_query(q->session, s->plan, &plan, err));
	SPK_TRY(separate(q, err));
	SPK_TRY(spk_cli_rows_new(&rows, q->format, plan->collect->schema, spk_session_conf(q->session), err));
	status = spk_session_run_query(q->session, plan, spk_cli_rows_batch, rows, NULL, NULL, err);
	if (status == SPK_OK)
		status = spk_cli_rows_end(rows, err);
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

static spk_status explain_into(struct sql *q, const struct spk_statement *s, struct spk_buffer *out, spk_error *err)
{
	struct spk_script one = q->script;
	struct spk_statement statement = *s;
	struct spk_physical_plan *plan;

	if (s->plan->kind == SPK_LOGICAL_SINK) {
		if (s->analyze)
			return spk_fail(err, SPK_UNSUPPORTED, "EXPLAIN ANALYZE of an INSERT is not built yet");
		statement.kind = SPK_STATEMENT_INSERT;
		one.count = 1;
		one.statement = &statement;
		SPK_TRY(spk_session_plan_job(q->session, &one, &plan, err));
		return spk_physical_format(plan, NULL, NULL, out, err);
	}
	SPK_TRY(spk_session_plan_query(q->session, s->plan, &plan, err));
	if (!s->analyze)
		return spk_physical_format(plan, NULL, NULL, out, err);
	return spk_session_run_query(q->session, plan, drop_batch, NULL, out, NULL, err);
}

static spk_status run_explain(struct sql *q, const struct spk_statement *s, spk_error *err)
{
	struct spk_buffer text = { 0 };
	spk_status status = explain_into(q, s, &text, err);

	if (status == SPK_OK)
		status = separate(q, err);
	if (status == SPK_OK)
		status = spk_cli_rows_text(q->format, "QUERY PLAN", text.data ? text.data : "", text.size, spk_session_conf(q->session), err);
	spk_buffer_release(&text);
	return status;
}

/* --- INSERT --- */

/* Files are named by script and statement: a script never takes another's files for its own. */
static spk_status run_insert(struct sql *q, const struct spk_statement *s, spk_error *err)
{
	char owner[64];
	int64_t rows;

	snprintf(owner, sizeof owner, "sql-%lld-%d", (long long)q->started_us, (int)getpid());
	SPK_TRY(spk_cli_flush(err));  /* the sink may be standard output, too */
	SPK_TRY(spk_session_insert(q->session, s->plan, owner, ++q->inserts, &rows, err));
	return q->format == SPK_CLI_TABLE ? spk_cli_print(err, "INSERT 0 %lld\n", (long long)rows) : SPK_OK;
}

/* --- the script --- */

static spk_status run_statement(struct sql *q, const struct spk_statement *s, spk_error *err)
{
	switch (s->kind) {
	case SPK_STATEMENT_SELECT:
		return run_select(q, s, err);
	case SPK_STATEMENT_EXPLAIN:
		return run_explain(q, s, err);
	case SPK_STATEMENT_INSERT:
		return run_insert(q, s, err);
	case SPK_STATEMENT_DDL: case SPK_STATEMENT_SET:
		break;
	}
	return SPK_OK;
}

static spk_status run_script(struct sql *q, const struct spk_cli_script *text, spk_error *err)
{
	SPK_TRY(spk_cli_bind(q->session, text, &q->script, err));
	for (int i = 0; i < q->script.count; i++)
		SPK_TRY(run_statement(q, &q->script.statement[i], err));
	return SPK_OK;
}

static spk_status load(const struct spk_cli_arguments *a, struct spk_cli_script *out, spk_error *err)
{
	const char *file = a->words ? a->word[0] : NULL;

	if (!file && !a->value[SPK_CLI_COMMAND]) {
		if (isatty(STDIN_FILENO)) {
			spk_fail(err, SPK_UNSUPPORTED, "the shell is not built yet");
			return spk_hint(err, "sparklet sql -c 'SELECT ...', sparklet sql FILE.sql, or a script on standard input");
		}
		file = "-";
	}
	return spk_cli_script_load(a, file, out, err);
}

static int run(const struct spk_cli_arguments *a)
{
	struct spk_cli_script text = { 0 };
	struct sql q = { 0 };
	spk_error err = { 0 };
	int code = SPK_CLI_DONE;
	spk_status status = spk_cli_row_format(a, &q.format, &err);

	if (status == SPK_OK)
		status = load(a, &text, &err);
	if (status == SPK_OK)
		status = spk_cli_session_open(a, &q.session, &err);
	if (status == SPK_OK) {
		q.started_us = spk_clock_wall_us();
		spk_cli_cancel_on_signals(q.session);
		status = run_script(&q, &text, &err);
		spk_cli_cancel_on_signals(NULL);
	}
	if (status != SPK_OK) {
		fflush(stdout);  /* rows that were there come before the error */
		code = spk_cli_fail(&text, &err);
	}
	spk_session_free(q.session);
	spk_cli_script_release(&text);
	return code;
}

const struct spk_cli_command spk_cli_sql = {
	.name = "sql", .synopsis = "[-c QUERY | FILE.sql] [--format table|csv|json] [-s KEY=VALUE]...", .summary = "run queries over files", .max_words = 1, .run = run,
	.options = SPK_CLI_TAKES(COMMAND) | SPK_CLI_TAKES(ROW_FORMAT) | SPK_CLI_TAKES(SET) | SPK_CLI_TAKES(CONFIG),
	.text =
		"Runs every statement in order and prints the rows of every SELECT. A file may stand where a table is expected. Without\n"
		"QUERY and FILE a script is read from standard input. INSERT works from bounded tables; jobs are for sparklet run.\n"
		"\n"
		"  sparklet sql -c \"SELECT origin, count(*) FROM 'flights.csv' GROUP BY origin ORDER BY 2 DESC\"\n"
		"  sparklet sql -c \"SELECT * FROM read_json('events.ndjson') LIMIT 5\" --format json | jq .\n"
		"  sparklet sql report.sql --format csv > report.csv\n"
		"\n"
		"table is what psql prints. json: an object a line, keys in the order of the columns, timestamps as 'YYYY-MM-DD HH:MM:SS',\n"
		"decimals with their scale, NULL as null. csv: a header, RFC 4180. Only rows go to standard output.\n",
};
