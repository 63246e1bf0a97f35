/*
 * Lines from a person: edited (libedit), completed by Tab, remembered from session to session.
 *
 * Keys are those of libedit's emacs mode, or what ~/.editrc says. Text that is pasted goes in as it is, whatever it holds.
 */
#ifndef SPK_CLI_SHELL_TERMINAL_H
#define SPK_CLI_SHELL_TERMINAL_H

#include "cli/shell/shell.h"

struct spk_shell_terminal;

/* On standard input and output. The history is in $XDG_STATE_HOME/sparklet/history (default ~/.local/state), readable by its owner alone. */
spk_status spk_shell_terminal_new(struct spk_shell_terminal **out, spk_error *err);
void spk_shell_terminal_free(struct spk_shell_terminal *t);  /* NULL is fine */
/*
 * Asks for the next line of in's statement and appends it to in->text. *end: the person wants to leave. CANCELLED: they want to begin anew.
 * What is read is kept as one entry of the history until it is remembered.
 */
spk_status spk_shell_terminal_line(struct spk_shell_terminal *t, struct spk_shell *shell, struct spk_shell_input *in, bool *end, spk_error *err);
/* What was read since the last time is whole: it goes into the history. */
void spk_shell_terminal_remember(struct spk_shell_terminal *t);
/* Counts as typed. */
void spk_shell_terminal_typed(struct spk_shell_terminal *t, const char *text, size_t size);

/* --- history.c: a file of entries, one a line, newlines and backslashes escaped --- */

/* Calls `each` for the newest `SPK_SHELL_HISTORY_MAX` entries, the oldest first. A file that is not there has none. */
enum { SPK_SHELL_HISTORY_MAX = 2000 };
/* The file's name to be freed, its folder is made; NULL: there is no place for one. */
char *spk_shell_history_path(void);
spk_status spk_shell_history_read(const char *path, void (*each)(void *user, const char *entry), void *user, spk_error *err);
/* Appends one entry, with known secrets masked; several shells may do so at once. */
spk_status spk_shell_history_append(const char *path, const char *entry, size_t size, spk_error *err);

/* --- complete.c --- */

/* What may follow: words to put in place of the `prefix` bytes before the cursor. */
struct spk_shell_completion {
	struct spk_arena *arena;
	const char **word;
	int count, capacity;
	size_t prefix;
	char behind;                     /* what follows a word that is the only one: ' ', or '\0' */
};

/* `text` is the statement so far up to the cursor, `after` what is behind it. Words come sorted, each once. */
spk_status spk_shell_complete(struct spk_shell *shell, const char *text, size_t size, const char *after, struct spk_shell_completion *out, spk_error *err);
void spk_shell_completion_release(struct spk_shell_completion *c);

#endif
