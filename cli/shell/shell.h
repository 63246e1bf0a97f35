/*
 * What the files of cli/shell/ share: a session with its settings, where its text comes from, and what may be done with a statement.
 *
 * The same shell runs a script, a pipe and a person at a terminal; `person` says which. Main thread only, unless said otherwise.
 */
#ifndef SPK_CLI_SHELL_SHELL_H
#define SPK_CLI_SHELL_SHELL_H

#include "cli/rows.h"
#include "cli/shell/lexer.h"

enum spk_shell_pager { SPK_SHELL_PAGER_OFF, SPK_SHELL_PAGER_ON, SPK_SHELL_PAGER_ALWAYS };

struct spk_shell_output;
struct spk_shell_terminal;

struct spk_shell {
	struct spk_session *session;
	bool person;                     /* at a terminal: prompts, tags, pager; a mistake ends the statement only */
	bool leave;                      /* \q, or the end of the terminal */
	/* What \-commands set. */
	struct spk_cli_look look;        /* look.null is `null`'s text */
	struct spk_buffer null;
	bool timing;
	enum spk_shell_pager pager;
	struct spk_shell_output *output;
	struct spk_shell_terminal *terminal;  /* NULL: no person, or no terminal that can be edited on */
	/* What has been. */
	struct spk_buffer last;          /* the statement before, for \g and \e */
	bool shown;                      /* a result was printed */
	int64_t started_us;
	int inserts, statements;
	int files;                       /* \i within \i */
};

/* --- text: script.c --- */

struct spk_shell_input {
	const char *name;                /* for messages; NULL: -c, or a person */
	FILE *file;                      /* where more comes from, by lines; NULL: `text` is all there is, unless it is the terminal's */
	bool terminal;
	struct spk_buffer text;
	size_t statement, at;            /* in text: where the statement begins, how far it is read */
	int lines;                       /* dropped from the beginning of text */
	struct spk_shell_lexer lexer;
};

/*
 * Runs all of it: statements at their ';', commands at the end of their line. Without a person the first mistake ends it. Mistakes are
 * printed here; the result is the exit code, that of the mistake, or 0.
 */
int spk_shell_run(struct spk_shell *shell, struct spk_shell_input *input);
/* Checks the grammar of all of input->text before any of it is run; prints the mistake. */
int spk_shell_check(const struct spk_shell_input *input);
/* \i: USAGE when the file cannot be read; *code is that of its mistakes. */
spk_status spk_shell_include(struct spk_shell *shell, const char *path, int *code, spk_error *err);

/* --- statements: statement.c --- */

/* Binds and runs one statement. Positions of errors are within `text`. */
spk_status spk_shell_statement(struct spk_shell *shell, const char *text, spk_error *err);

/* --- commands: command.c --- */

/* What a command may do with the statement that is being written. */
enum spk_shell_action { SPK_SHELL_GO_ON, SPK_SHELL_RUN_QUERY, SPK_SHELL_NEW_QUERY };

struct spk_shell_call {
	const char *name;                /* without the backslash */
	char *arguments;                 /* the rest of the line, blanks at its ends cut off; may be written to */
	struct spk_buffer *query;        /* what is written so far; NEW_QUERY: what it is to be */
	enum spk_shell_action action;
	int code;                        /* exit code of what it ran */
};

/* `line` is what follows the backslash, without the newline; it is written to. */
spk_status spk_shell_command(struct spk_shell *shell, char *line, struct spk_buffer *query, struct spk_shell_call *out, spk_error *err);
/* The next argument: a word, or what is in '...' or "..." (a doubled quote stands for itself). NULL: there is none. *rest goes on. */
char *spk_shell_word(char **rest);
/* Names of all commands, one by one; NULL at the end. */
const char *spk_shell_command_name(int index);
/* \h: statements that help is there for. */
const char *spk_shell_help_name(int index);
spk_status spk_shell_help(struct spk_shell *shell, const char *statement, spk_error *err);
/* \d and its like: describe.c */
spk_status spk_shell_list(struct spk_shell *shell, const char *pattern, bool tables, bool views, spk_error *err);
spk_status spk_shell_describe(struct spk_shell *shell, const char *name, spk_error *err);
spk_status spk_shell_functions(struct spk_shell *shell, const char *pattern, spk_error *err);
/* Columns of a table, view or file as SELECT * FROM it gives them; in the session's arena. `name` as SQL writes it. */
spk_status spk_shell_columns(struct spk_shell *shell, const char *name, const struct spk_schema **out, spk_error *err);

/* --- where results go: output.c --- */

spk_status spk_shell_output_new(struct spk_shell_output **out, spk_error *err);
void spk_shell_output_free(struct spk_shell_output *o);
/* \o: a file, or "|command"; NULL: standard output again. */
spk_status spk_shell_output_to(struct spk_shell *shell, const char *target, spk_error *err);
/* Around what prints results: on a terminal what is longer than the screen goes through the pager. */
spk_status spk_shell_output_begin(struct spk_shell *shell, spk_error *err);
/* True: the reader left before the end, so writing errors are none. */
bool spk_shell_output_end(struct spk_shell *shell);

#endif
