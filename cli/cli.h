/*
 * What the files of cli/ share: the tables of commands and options, arguments, scripts, errors, standard output.
 *
 * The program is a thin shell around session/engine.h: a command parses its arguments, opens a session, binds and runs, and
 * turns a status into an exit code. Main thread only, unless said otherwise.
 */
#ifndef SPK_CLI_CLI_H
#define SPK_CLI_CLI_H

#include <stdio.h>

#include "session/engine.h"

/* X(ID, "long name", letter or 0, what it takes or NULL, help). Two of one name: commands take different values for it. */
#define SPK_CLI_OPTION_LIST(X) \
	X(ONCE, "once", 0, NULL, "process what is there at the start, checkpoint, end; the next run goes on from there") \
	X(JOB, "job", 0, "NAME", "name of the job (default: the file's name without .sql)") \
	X(DIR, "dir", 0, "DIR", "the job's folder: state, checkpoints, event log (default: .sparklet/JOB)") \
	X(COMMAND, "command", 'c', "QUERY", "the SQL itself instead of a file") \
	X(ANALYZE, "analyze", 0, NULL, "run the query, too, and show rows, time, memory and spill of every node and stage") \
	X(ROW_FORMAT, "format", 0, "table|csv|json|arrow", "how rows are written (default: table)") \
	X(PLAN_FORMAT, "format", 0, "text|json", "how the plan is written (default: text)") \
	X(LAST, "last", 0, "N", "only the newest N") \
	X(EPOCH, "epoch", 0, "N", "only this epoch") \
	X(AT, "at", 0, "EPOCH", "as of the checkpoint at the end of that epoch (default: the newest)") \
	X(SET, "set", 's', "KEY=VALUE", "set a configuration key; overrides SET in the SQL, the environment and --config; repeatable") \
	X(CONFIG, "config", 0, "FILE", "read configuration keys from a file of KEY = VALUE lines") \
	X(HELP, "help", 'h', NULL, "show this")

enum spk_cli_option {
#define SPK_CLI_OPTION_ENUM(id, name, letter, takes, help) SPK_CLI_##id,
	SPK_CLI_OPTION_LIST(SPK_CLI_OPTION_ENUM)
#undef SPK_CLI_OPTION_ENUM
	SPK_CLI_OPTION_COUNT
};

#define SPK_CLI_TAKES(id) (1u << SPK_CLI_##id)

enum { SPK_CLI_WORDS = 4, SPK_CLI_SETS = 256 };

enum { SPK_CLI_DONE = 0, SPK_CLI_FAILED = 1, SPK_CLI_WRONG = 2, SPK_CLI_UNREACHABLE = 3 };  /* exit codes */

struct spk_cli_arguments;

struct spk_cli_command {
	const char *name, *synopsis, *summary;
	unsigned options;              /* bits SPK_CLI_TAKES */
	int min_words, max_words;      /* arguments that are not options */
	const char *text;              /* the rest of its --help: what it does, examples */
	int (*run)(const struct spk_cli_arguments *a);  /* NULL: not built yet */
};

struct spk_cli_arguments {
	const struct spk_cli_command *command;
	const char *value[SPK_CLI_OPTION_COUNT];  /* NULL: not given; "" for one that takes nothing; SET: see below */
	const char *set[SPK_CLI_SETS];
	int sets;
	const char *word[SPK_CLI_WORDS];
	int words;
};

extern const struct spk_cli_command spk_cli_run, spk_cli_sql, spk_cli_explain, spk_cli_check, spk_cli_dry_run, spk_cli_epochs, spk_cli_replay,
	spk_cli_diff, spk_cli_dlq, spk_cli_history, spk_cli_checkpoint, spk_cli_state, spk_cli_watermarks, spk_cli_version, spk_cli_help;

/* --- options.c, help.c --- */

/* argv[0] is the first argument after the command's name. USAGE names the argument and what would work. */
spk_status spk_cli_parse(const struct spk_cli_command *command, int argc, char **argv, struct spk_cli_arguments *out, spk_error *err);
/* A count from 0 on; *out stays as it is when the option was not given. */
spk_status spk_cli_number(const struct spk_cli_arguments *a, enum spk_cli_option option, int64_t *out, spk_error *err);
const char *spk_cli_option_name(enum spk_cli_option option);

extern const struct spk_cli_command *const spk_cli_commands[];  /* ends with NULL */
const struct spk_cli_command *spk_cli_find(const char *name, spk_error *err);  /* NULL: unknown, *err says so */
void spk_cli_print_help(const struct spk_cli_command *command, FILE *to);     /* NULL: of the program */

/* --- scripts: SQL from a file, -c or standard input (script.c) --- */

struct spk_cli_script {
	const char *file;              /* for error messages; NULL: -c */
	struct spk_buffer buffer;
	const char *text;              /* NUL-terminated */
};

/* `file` is the argument that names it: "-" is standard input, NULL takes -c. */
spk_status spk_cli_script_load(const struct spk_cli_arguments *a, const char *file, struct spk_cli_script *out, spk_error *err);
/* A file whatever its name, borrowed. USAGE when it cannot be read or is no text. */
spk_status spk_cli_script_read(const char *file, struct spk_cli_script *out, spk_error *err);
void spk_cli_script_release(struct spk_cli_script *script);

/* --- setup.c --- */

/* A session with defaults, --config, the environment and -s, in this order of rising weight; sets up the log from it. */
spk_status spk_cli_session_open(const struct spk_cli_arguments *a, struct spk_session **out, spk_error *err);
/* Binds the script; then takes over what it SETs about the log. */
spk_status spk_cli_bind(struct spk_session *session, const struct spk_cli_script *script, struct spk_script *out, spk_error *err);

/* A job by name and folder, as --job, --dir and the file or word say. Zeroed is valid; release always. */
struct spk_cli_job { char *name, *dir; };
/* `file` gives the name when --job does not. */
spk_status spk_cli_job_of_file(const struct spk_cli_arguments *a, const char *file, struct spk_cli_job *out, spk_error *err);
/* The job is to be there: USAGE lists those that are. */
spk_status spk_cli_job_named(const struct spk_cli_arguments *a, const char *name, struct spk_cli_job *out, spk_error *err);
void spk_cli_job_release(struct spk_cli_job *job);

/* For `COMMAND JOB ACTION` and `COMMAND ACTION JOB`: which word is which. USAGE when there is no action of that name. */
spk_status spk_cli_job_action(const struct spk_cli_arguments *a, const char *const *actions, int count, int *action, const char **job, spk_error *err);

/* SIGINT, SIGTERM and SIGHUP cancel the session: first in order, then at once, then they kill. NULL: the default again. */
void spk_cli_cancel_on_signals(struct spk_session *session);
int spk_cli_signals(void);  /* how many came since the last session was given */
/* Nothing runs, a person is waited for: signals only make this descriptor readable. -1: there is none. */
int spk_cli_wait_on_signals(void);
/* The number of the last one, 0 when none came since this was asked; the descriptor is read empty. */
int spk_cli_take_signal(void);

/* --- report.c --- */

int spk_cli_exit_code(spk_status status);
/* Prints the error with its place in the script (may be NULL) and its hint, secrets masked; returns the exit code. */
int spk_cli_fail(const struct spk_cli_script *script, const spk_error *err);
/* "sparklet: ..." on stderr, secrets masked. */
void spk_cli_note(const char *format, ...) SPK_PRINTF(1, 2);
/* A line as it is, with its newline, already masked: of the log. Any thread. */
void spk_cli_put_line(const char *line, size_t size);
/* The line that is rewritten in place on a terminal; what else goes to stderr is put above it. NULL takes it away. Any thread. */
void spk_cli_live(const char *line);

/* From here on results go to `file`, which errors call `name`; both are borrowed. NULL: to standard output, as at the start. */
void spk_cli_redirect(FILE *file, const char *name);
/* To standard output or where it is redirected to. Any thread, one at a time. */
spk_status spk_cli_write(const char *data, size_t size, spk_error *err);
spk_status spk_cli_print(spk_error *err, const char *format, ...) SPK_PRINTF(2, 3);
/* All that was written so far reaches the reader. */
spk_status spk_cli_flush(spk_error *err);

#endif
