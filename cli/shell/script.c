/*
 * Text to statements and commands, from a script, a pipe or a terminal. A statement runs as soon as its ';' is there; what is left at the
 * end of a script without one runs, too.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/shell/shell.h"
#include "cli/shell/terminal.h"
#include "core/base/check.h"
#include "core/base/file.h"

enum { TEXT_MAX = 16 * 1024 * 1024, FILES_MAX = 16, LINE_MIN = 256 };

/* --- mistakes --- */

/* From a place in the statement to one in the text, and the line it has in the whole input. */
static void place(const struct spk_shell_input *in, size_t statement, spk_error *err)
{
	const char *text = in->text.data;
	size_t at, line = 0;

	if (err->position <= 0)
		return;
	at = SPK_MIN(statement + (size_t)err->position - 1, in->text.size);
	err->position = (int)at + 1;
	err->line = in->lines + 1;
	err->column = 1;
	for (size_t i = 0; i < at; i++) {
		if (text[i] == '\n') {
			err->line++;
			line = i + 1;
		}
	}
	for (size_t i = line; i < at; i++)
		err->column += ((unsigned char)text[i] & 0xc0) != 0x80;
}

/* Prints it; returns its exit code. */
static int tell(const struct spk_shell_input *in, size_t statement, spk_error *err)
{
	struct spk_cli_script script = { .file = in->name, .text = in->text.size ? in->text.data : "" };

	place(in, statement, err);
	fflush(stdout);  /* rows that were there come before the error */
	return spk_cli_fail(&script, err);
}

/* --- more text --- */

static spk_status keep_end(struct spk_buffer *text, spk_error *err)
{
	return spk_buffer_cstr(text) ? SPK_OK : spk_fail_memory(err);
}

/* Lets go of the lines that have run. */
static void drop_done(struct spk_shell_input *in)
{
	const char *newline = in->statement ? memrchr(in->text.data, '\n', in->statement) : NULL;
	size_t done = newline ? (size_t)(newline + 1 - in->text.data) : 0;

	for (size_t i = 0; i < done; i++)
		in->lines += in->text.data[i] == '\n';
	if (done)
		memmove(in->text.data, in->text.data + done, in->text.size - done);
	in->text.size -= done;
	in->at -= done;
	in->statement -= done;
	if (in->terminal && !in->statement)
		in->lines = 0;   /* a person counts from where they began */
}

static spk_status read_line(struct spk_shell_input *in, bool *end, spk_error *err)
{
	size_t before = in->text.size;

	do {
		char *to;

		SPK_TRY(spk_buffer_reserve(&in->text, LINE_MIN, err));
		to = in->text.data + in->text.size;
		if (!fgets(to, LINE_MIN, in->file)) {
			if (ferror(in->file))
				return spk_fail_errno(err, errno, "%s", in->name);
			break;
		}
		in->text.size += strlen(to);
	} while (in->text.data[in->text.size - 1] != '\n' && in->text.size <= TEXT_MAX);
	*end = in->text.size == before;
	return SPK_OK;
}

/* The next line. *end: there is none. CANCELLED: the person wants to begin anew. */
static spk_status more(struct spk_shell *sh, struct spk_shell_input *in, bool *end, spk_error *err)
{
	drop_done(in);
	*end = true;
	if (in->text.size > TEXT_MAX)
		return spk_fail(err, SPK_USAGE, "a statement of more than %d bytes", TEXT_MAX);
	if (in->terminal)
		SPK_TRY(spk_shell_terminal_line(sh->terminal, sh, in, end, err));
	else if (in->file)
		SPK_TRY(read_line(in, end, err));
	return keep_end(&in->text, err);
}

/* --- statements --- */

/* Text of the statement that is written so far, NUL-terminated, in *out. */
static spk_status copy_statement(const struct spk_shell_input *in, struct spk_buffer *out, spk_error *err)
{
	spk_buffer_clear(out);
	SPK_TRY(spk_buffer_append(out, in->text.data + in->statement, in->at - in->statement, err));
	return keep_end(out, err);
}

static int run_statement(struct spk_shell *sh, struct spk_shell_input *in, spk_error *err)
{
	size_t begin = in->statement;
	int code = SPK_CLI_DONE;
	spk_status status = copy_statement(in, &sh->last, err);

	if (in->terminal)
		spk_shell_terminal_remember(sh->terminal);
	in->statement = in->at;
	if (status == SPK_OK)
		status = spk_shell_statement(sh, sh->last.data, err);
	if (status != SPK_OK)
		code = tell(in, begin, err);
	return code;
}

/* --- commands --- */

/* Puts `query` in place of the statement that is written so far; what follows it in the text stays. */
static spk_status replace_query(struct spk_shell_input *in, const struct spk_buffer *query, spk_error *err)
{
	struct spk_buffer made = { 0 };
	spk_status status = spk_buffer_append(&made, query->data, query->size, err);

	if (status == SPK_OK && in->at < in->text.size)
		status = spk_buffer_append(&made, in->text.data + in->at, in->text.size - in->at, err);
	if (status == SPK_OK)
		status = keep_end(&made, err);
	if (status != SPK_OK) {
		spk_buffer_release(&made);
		return status;
	}
	spk_buffer_release(&in->text);
	in->text = made;
	in->statement = in->at = 0;
	in->lexer = (struct spk_shell_lexer){ 0 };
	return SPK_OK;
}

/* \g: what is written so far, or the statement before. */
static int run_query(struct spk_shell *sh, struct spk_shell_input *in, spk_error *err)
{
	spk_status status;

	if (in->lexer.begun) {
		in->lexer = (struct spk_shell_lexer){ 0 };
		return run_statement(sh, in, err);
	}
	status = sh->last.size ? spk_shell_statement(sh, sh->last.data, err) : SPK_OK;
	err->position = 0;
	return status == SPK_OK ? SPK_CLI_DONE : tell(in, in->statement, err);
}

/* in->at is on the backslash. The command's bytes become blanks, so that the places of what is around it hold. */
static int run_command(struct spk_shell *sh, struct spk_shell_input *in, spk_error *err)
{
	size_t rest = in->text.size - in->at, size;
	char *text = in->text.data + in->at, *newline = memchr(text, '\n', rest), *line;
	struct spk_buffer query = { 0 };
	struct spk_shell_call call;
	spk_status status = copy_statement(in, &query, err);

	if (in->terminal)
		spk_shell_terminal_remember(sh->terminal);
	size = newline ? (size_t)(newline - text) : rest;
	line = strndup(text + 1, size - 1);
	memset(text, ' ', size);
	if (status == SPK_OK)
		status = line ? spk_shell_command(sh, line, &query, &call, err) : spk_fail_memory(err);
	if (!in->lexer.begun && newline)
		in->statement = in->at = in->at + size + 1;
	if (status == SPK_OK && call.action == SPK_SHELL_NEW_QUERY)
		status = replace_query(in, &query, err);
	free(line);
	spk_buffer_release(&query);
	if (status != SPK_OK) {
		err->position = 0;
		return tell(in, in->statement, err);
	}
	return call.action == SPK_SHELL_RUN_QUERY ? run_query(sh, in, err) : call.code;
}

/* --- all of it --- */

static int run_next(struct spk_shell *sh, struct spk_shell_input *in, bool *end, spk_error *err)
{
	switch (spk_shell_lex(&in->lexer, in->text.data, in->text.size, &in->at)) {
	case SPK_SHELL_STATEMENT:
		return run_statement(sh, in, err);
	case SPK_SHELL_COMMAND:
		return run_command(sh, in, err);
	case SPK_SHELL_MORE:
		break;
	}
	if (!in->lexer.begun && in->lexer.within == SPK_SHELL_PLAIN)
		in->statement = in->at;
	switch (more(sh, in, end, err)) {
	case SPK_OK:
		break;
	case SPK_CANCELLED:
		in->statement = in->at = in->text.size;
		in->lexer = (struct spk_shell_lexer){ 0 };
		*end = false;
		return SPK_CLI_DONE;
	default:
		return tell(in, in->statement, err);
	}
	return *end && in->lexer.begun && !in->terminal ? run_statement(sh, in, err) : SPK_CLI_DONE;
}

/* A script ends at its first mistake or when it is interrupted, whatever was running. */
int spk_shell_run(struct spk_shell *sh, struct spk_shell_input *in)
{
	bool end = false;
	int code = SPK_CLI_DONE;

	while (!end && !sh->leave && (code == SPK_CLI_DONE || in->terminal)) {
		spk_error err = { 0 };

		code = run_next(sh, in, &end, &err);
		if (code == SPK_CLI_DONE && !sh->person && spk_cli_signals()) {
			spk_fail(&err, SPK_CANCELLED, "canceling statement due to user request");
			code = tell(in, in->statement, &err);
		}
	}
	return in->terminal ? SPK_CLI_DONE : code;
}

int spk_shell_check(const struct spk_shell_input *input)
{
	struct spk_shell_input in = *input;   /* shares the text, which is only read */
	struct spk_buffer one = { 0 };
	spk_error err = { 0 };
	spk_status status = SPK_OK;
	enum spk_shell_found found;

	do {
		const char *newline;

		found = spk_shell_lex(&in.lexer, in.text.data, in.text.size, &in.at);
		if (found == SPK_SHELL_COMMAND) {
			/* What is before it is looked at when it runs. */
			newline = memchr(in.text.data + in.at, '\n', in.text.size - in.at);
			in.statement = in.at = newline ? (size_t)(newline - in.text.data) : in.text.size;
			in.lexer = (struct spk_shell_lexer){ 0 };
			continue;
		}
		status = copy_statement(&in, &one, &err);
		if (status == SPK_OK)
			status = spk_sql_check(one.data, &err);
		if (status == SPK_OK)
			in.statement = in.at;
	} while (status == SPK_OK && found != SPK_SHELL_MORE);
	spk_buffer_release(&one);
	return status == SPK_OK ? SPK_CLI_DONE : tell(&in, in.statement, &err);
}

/* --- files --- */

spk_status spk_shell_include(struct spk_shell *sh, const char *path, int *code, spk_error *err)
{
	struct spk_shell_input in = { .name = path };
	struct spk_cli_script script;

	if (sh->files == FILES_MAX) {
		spk_fail(err, SPK_USAGE, "\\i %s: files within files, more than %d deep", path, FILES_MAX);
		return spk_hint(err, "does it include itself?");
	}
	SPK_TRY(spk_cli_script_read(path, &script, err));
	in.text = script.buffer;
	sh->files++;
	*code = spk_shell_check(&in);
	if (*code == SPK_CLI_DONE)
		*code = spk_shell_run(sh, &in);
	sh->files--;
	spk_buffer_release(&in.text);
	return SPK_OK;
}
