/* `sparklet state`: what a job keeps between epochs, as of a checkpoint. */
#include <inttypes.h>
#include <string.h>

#include "cli/shell/shell.h"
#include "cli/table.h"
#include "core/base/check.h"
#include "core/base/clock.h"

static spk_status list(struct spk_job_state *state, spk_error *err)
{
	static const struct spk_cli_column column[] = { { "state", false }, { "entries", true }, { "bytes", true }, { "what", false } };
	const struct spk_state_summary *table;
	struct spk_cli_table *t;
	spk_status status;
	int count;

	SPK_TRY(spk_job_state_tables(state, &table, &count, err));
	SPK_TRY(spk_cli_print(err, "checkpoint of epoch %" PRId64 "\n", spk_job_state_epoch(state)));
	if (count == 0)
		return spk_cli_print(err, "the job keeps no state\n");
	SPK_TRY(spk_cli_table_new(&t, column, (int)SPK_COUNT_OF(column), err));
	status = SPK_OK;
	for (int i = 0; i < count && status == SPK_OK; i++) {
		status = spk_cli_table_printf(t, err, "%s", table[i].name);
		if (status == SPK_OK)
			status = spk_cli_table_printf(t, err, "%" PRId64, table[i].entries);
		if (status == SPK_OK)
			status = spk_cli_table_printf(t, err, "%" PRId64, table[i].bytes);
		if (status == SPK_OK)
			status = spk_cli_table_cell(t, table[i].meaning, strlen(table[i].meaning), err);
	}
	if (status == SPK_OK)
		status = spk_cli_table_end(t, true, err);
	spk_cli_table_free(t);
	return status;
}

/* The query as `sparklet sql -c` runs it; *code is that of its mistakes, which are printed here. */
static spk_status ask(struct spk_session *session, struct spk_job_state *state, const char *query, enum spk_cli_format format, int *code, spk_error *err)
{
	struct spk_shell sh = { .session = session, .look.format = format, .started_us = spk_clock_wall_us() };
	struct spk_shell_input in = { 0 };
	spk_status status;

	SPK_TRY(spk_job_state_declare(state, err));
	status = spk_buffer_append_str(&in.text, query, err);
	if (status == SPK_OK)
		status = spk_shell_output_new(&sh.output, err);
	if (status == SPK_OK) {
		*code = spk_shell_check(&in);
		spk_cli_cancel_on_signals(session);
		if (*code == SPK_CLI_DONE)
			*code = spk_shell_run(&sh, &in);
		spk_cli_cancel_on_signals(NULL);
	}
	spk_shell_output_free(sh.output);
	spk_buffer_release(&sh.last);
	spk_buffer_release(&in.text);
	return status;
}

static int run(const struct spk_cli_arguments *a)
{
	struct spk_job_state *state = NULL;
	struct spk_session *session = NULL;
	struct spk_cli_job job = { 0 };
	enum spk_cli_format format = 0;
	spk_error err = { 0 };
	int64_t epoch = 0;
	int code = SPK_CLI_DONE;
	spk_status status = spk_cli_row_format(a, &format, &err);

	if (status == SPK_OK)
		status = spk_cli_number(a, SPK_CLI_AT, &epoch, &err);
	if (status == SPK_OK)
		status = spk_cli_job_named(a, a->word[0], &job, &err);
	if (status == SPK_OK)
		status = spk_cli_session_open(a, &session, &err);
	if (status == SPK_OK)
		status = spk_job_state_open(session, job.name, job.dir, epoch, &state, &err);
	if (status == SPK_OK)
		status = a->words > 1 ? ask(session, state, a->word[1], format, &code, &err) : list(state, &err);
	if (status != SPK_OK) {
		fflush(stdout);
		code = spk_cli_fail(NULL, &err);
	}
	spk_job_state_close(state);
	spk_session_free(session);
	spk_cli_job_release(&job);
	return code;
}

const struct spk_cli_command spk_cli_state = {
	.name = "state", .synopsis = "JOB [QUERY] [--at EPOCH] [--format table|csv|json|arrow] [--dir DIR]", .summary = "read a job's state by SQL", .min_words = 1, .max_words = 2, .run = run,
	.options = SPK_CLI_TAKES(AT) | SPK_CLI_TAKES(DIR) | SPK_CLI_TAKES(ROW_FORMAT) | SPK_CLI_TAKES(SET) | SPK_CLI_TAKES(CONFIG),
	.text =
		"Without a query: every state table of the newest checkpoint (or of that at the end of an epoch), its entries and bytes, and what is\n"
		"in it. With one: the job's materialized views are tables that it may ask, and so is, under the name of its state table, whatever\n"
		"keeps rows as they came. The job may run meanwhile; its state as of now is that of its next checkpoint.\n"
		"\n"
		"  sparklet state delays\n"
		"  sparklet state delays 'SELECT * FROM totals ORDER BY n DESC LIMIT 10'\n"
		"  sparklet state delays 'SELECT count(*) FROM totals' --at 120 --format json\n",
};
