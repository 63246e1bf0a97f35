/* `sparklet sql`: the shell over a script, standard input, or a person at a terminal. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/shell/shell.h"
#include "cli/shell/terminal.h"
#include "core/base/clock.h"

static const char greeting[] = "sparklet %s: SQL ends with ;  \\? lists commands, \\h explains SQL, Ctrl-D leaves\n";

/* --- a script --- */

static int run_script(struct spk_shell *sh, struct spk_shell_input *in)
{
	int code = in->file ? SPK_CLI_DONE : spk_shell_check(in);

	spk_cli_cancel_on_signals(sh->session);
	if (code == SPK_CLI_DONE)
		code = spk_shell_run(sh, in);
	spk_cli_cancel_on_signals(NULL);
	return code;
}

/* --- a person --- */

static spk_status run_person(struct spk_shell *sh, struct spk_shell_input *in, spk_error *err)
{
	sh->person = true;
	sh->pager = SPK_SHELL_PAGER_ON;
	in->terminal = true;
	SPK_TRY(spk_shell_terminal_new(&sh->terminal, err));
	SPK_TRY(spk_cli_print(err, greeting, spk_version()));
	SPK_TRY(spk_cli_flush(err));
	spk_shell_run(sh, in);
	return SPK_OK;
}

/* --- either --- */

/* Standard input is read as it comes, a file before anything is done. */
static spk_status open_input(const struct spk_cli_arguments *a, struct spk_cli_script *script, struct spk_shell_input *in, spk_error *err)
{
	const char *file = a->words ? a->word[0] : NULL;

	if (!a->value[SPK_CLI_COMMAND] && (!file || strcmp(file, "-") == 0)) {
		in->name = "stdin";
		in->file = stdin;
		return SPK_OK;
	}
	SPK_TRY(spk_cli_script_load(a, file, script, err));
	in->name = script->file;
	in->text = script->buffer;   /* taken over */
	script->buffer = (struct spk_buffer){ 0 };
	return SPK_OK;
}

static void release(struct spk_shell *sh, struct spk_shell_input *in)
{
	spk_shell_terminal_free(sh->terminal);
	spk_shell_output_free(sh->output);
	spk_buffer_release(&sh->null);
	spk_buffer_release(&sh->last);
	spk_buffer_release(&in->text);
	spk_session_free(sh->session);
}

static int run(const struct spk_cli_arguments *a)
{
	bool person = !a->words && !a->value[SPK_CLI_COMMAND] && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	struct spk_shell sh = { .started_us = spk_clock_wall_us() };
	struct spk_shell_input in = { 0 };
	struct spk_cli_script script = { 0 };
	spk_error err = { 0 };
	int code = SPK_CLI_DONE;
	spk_status status = spk_cli_row_format(a, &sh.look.format, &err);

	if (status == SPK_OK && !person)
		status = open_input(a, &script, &in, &err);
	if (status == SPK_OK)
		status = spk_cli_session_open(a, &sh.session, &err);
	if (status == SPK_OK)
		status = spk_shell_output_new(&sh.output, &err);
	if (status == SPK_OK && person)
		status = run_person(&sh, &in, &err);
	if (status != SPK_OK)
		code = spk_cli_fail(&script, &err);
	else if (!person)
		code = run_script(&sh, &in);
	release(&sh, &in);
	spk_cli_script_release(&script);
	return code;
}

const struct spk_cli_command spk_cli_sql = {
	.name = "sql", .synopsis = "[-c QUERY | FILE.sql] [--format table|csv|json|arrow] [-s KEY=VALUE]...", .summary = "run queries over files; a shell on a terminal", .max_words = 1, .run = run,
	.options = SPK_CLI_TAKES(COMMAND) | SPK_CLI_TAKES(ROW_FORMAT) | SPK_CLI_TAKES(SET) | SPK_CLI_TAKES(CONFIG),
	.text =
		"Runs every statement in order and prints the rows of every SELECT. A file may stand where a table is expected. Without\n"
		"QUERY and FILE it is a shell on a terminal, with history, completion and commands (\\?); elsewhere it reads statements from\n"
		"standard input and runs each when its ; is there. INSERT works from bounded tables; jobs are for sparklet run.\n"
		"\n"
		"  sparklet sql -c \"SELECT origin, count(*) FROM 'flights.csv' GROUP BY origin ORDER BY 2 DESC\"\n"
		"  sparklet sql -c \"SELECT * FROM read_json('events.ndjson') LIMIT 5\" --format json | jq .\n"
		"  sparklet sql report.sql --format csv > report.csv\n"
		"  sparklet sql\n"
		"\n"
		"table is what psql prints. json: an object a line, keys in the order of the columns, timestamps as 'YYYY-MM-DD HH:MM:SS',\n"
		"decimals with their scale, NULL as null. csv: a header, RFC 4180. arrow: an Arrow IPC stream for each result. Only rows go\n"
		"to standard output. The first mistake in a script ends it; one in the grammar is found before any statement runs.\n",
};
