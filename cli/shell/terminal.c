#include "cli/shell/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <histedit.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "core/base/check.h"
#include "core/base/log.h"

enum { LISTED_MAX = 400 };   /* completions that are shown at the most */

struct spk_shell_terminal {
	EditLine *el;
	History *history;
	char *path;                      /* of the history; NULL: none is kept */
	struct spk_buffer entry;         /* what was read and is not remembered yet */
	char prompt[32];
	int keys;                        /* the terminal, opened once more: reading from it never waits */
	int wake;                        /* descriptor of signals */
	bool interrupted, leave;
	bool tabbed;                     /* the key before was a Tab, too */
	struct spk_shell *shell;         /* while a line is read */
	const struct spk_shell_input *in;
	mbstate_t state;
};

static struct spk_shell_terminal *of(EditLine *el)
{
	struct spk_shell_terminal *t = NULL;

	el_get(el, EL_CLIENTDATA, &t);
	return t;
}

static char *prompt(EditLine *el) { return of(el)->prompt; }

/* --- characters --- */

static volatile sig_atomic_t resized;

static void on_resize(int number)
{
	(void)number;
	resized = 1;
}

/* Waits until there is a byte. False: a signal ends the line. */
static bool wait_for_byte(EditLine *el, struct spk_shell_terminal *t)
{
	struct pollfd fds[2] = { { .fd = t->keys, .events = POLLIN }, { .fd = t->wake, .events = POLLIN } };

	while (!t->interrupted && !t->leave) {
		int n = poll(fds, 2, -1), number;

		if (resized) {
			resized = 0;
			el_resize(el);
		}
		if (n < 0)
			continue;
		if (fds[1].revents & POLLIN && (number = spk_cli_take_signal()) != 0) {
			t->interrupted = number == SIGINT;
			t->leave = number != SIGINT;
		} else if (fds[0].revents) {
			return true;
		}
	}
	return false;
}

/*
 * As libedit wants it: 1 for a character, 0 at the end. From a signal on it looks as if somebody kept pressing Enter: that leaves the
 * terminal in order, whatever key was half read.
 */
static int read_character(EditLine *el, wchar_t *out)
{
	struct spk_shell_terminal *t = of(el);
	char byte;

	for (;;) {
		ssize_t n;
		size_t used;

		if (!wait_for_byte(el, t)) {
			*out = L'\n';
			return 1;
		}
		n = read(t->keys, &byte, 1);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))  /* a Ctrl-C throws away what poll() saw */
			continue;
		if (n <= 0)
			return 0;
		used = mbrtowc(out, &byte, 1, &t->state);
		if (used == (size_t)-2)
			continue;
		if (used == (size_t)-1) {   /* not UTF-8: dropped */
			t->state = (mbstate_t){ 0 };
			continue;
		}
		return 1;
	}
}

/* --- keys --- */

/* Between the marks that a terminal puts around what is pasted: it goes in as text, Tabs and newlines too. */
static unsigned char paste(EditLine *el, int key)
{
	static const wchar_t end[] = L"\033[201~";
	size_t marks = SPK_COUNT_OF(end) - 1, size = 0, capacity = 0;
	struct spk_shell_terminal *t = of(el);
	wchar_t *text = NULL, c;
	bool whole = false;

	(void)key;
	while (!whole && read_character(el, &c) == 1 && !t->interrupted && !t->leave) {
		if (size + 2 > capacity) {
			wchar_t *grown = realloc(text, (capacity = 2 * capacity + 256) * sizeof *text);

			if (!grown)
				break;
			text = grown;
		}
		text[size++] = c == L'\r' ? L'\n' : c;
		whole = size >= marks && wmemcmp(text + size - marks, end, marks) == 0;
	}
	size -= whole ? marks : 0;
	while (whole && size && text[size - 1] == L'\n')
		size--;
	if (text && size) {
		text[size] = L'\0';
		el_winsertstr(el, text);
	}
	free(text);
	return CC_REFRESH;
}

/* To the line above or below in a statement of several; else through the history, by the keys that do that. */
static unsigned char up_or_down(EditLine *el, bool up)
{
	const LineInfoW *line = el_wline(el);
	const wchar_t *start = line->cursor, *to;
	int column;

	while (start > line->buffer && start[-1] != L'\n')
		start--;
	column = (int)(line->cursor - start);
	to = up ? start - 1 : wmemchr(line->cursor, L'\n', (size_t)(line->lastchar - line->cursor));
	if (!to || to < line->buffer) {
		el_push(el, up ? "\020" : "\016");
		return CC_NORM;
	}
	if (up)
		for (start = to; start > line->buffer && start[-1] != L'\n';)
			start--;
	else
		start = to + 1;
	for (to = start; to < line->lastchar && *to != L'\n' && to - start < column;)
		to++;
	el_cursor(el, (int)(to - line->cursor));
	return CC_CURSOR;
}

/* To the beginning or end of the line; from there to that of the whole statement. */
static unsigned char to_edge(EditLine *el, bool end)
{
	const LineInfoW *line = el_wline(el);
	const wchar_t *last = end ? line->lastchar : line->buffer, *to = line->cursor;

	if (to == last)
		return CC_NORM;
	while (to != last && (end ? *to : to[-1]) != L'\n')
		to += end ? 1 : -1;
	el_cursor(el, (int)((to == line->cursor ? last : to) - line->cursor));
	return CC_CURSOR;
}

static unsigned char home(EditLine *el, int key) { (void)key; return to_edge(el, false); }
static unsigned char end(EditLine *el, int key) { (void)key; return to_edge(el, true); }
static unsigned char up(EditLine *el, int key) { (void)key; return up_or_down(el, true); }
static unsigned char down(EditLine *el, int key) { (void)key; return up_or_down(el, false); }

/* --- Tab --- */

static size_t common_size(const struct spk_shell_completion *c)
{
	size_t size = strlen(c->word[0]);

	for (int i = 1; i < c->count; i++)
		for (size_t k = 0; k < size; k++)
			if (c->word[i][k] != c->word[0][k])
				size = k;
	while (size && ((unsigned char)c->word[0][size] & 0xc0) == 0x80)
		size--;
	return size;
}

/* In columns, as ls does, below the line that is being edited. */
static void list(const struct spk_shell_completion *c)
{
	struct winsize size = { 0 };
	int shown = SPK_MIN(c->count, LISTED_MAX), widest = 1, columns, rows;

	for (int i = 0; i < shown; i++)
		widest = SPK_MAX(widest, (int)strlen(c->word[i]));
	columns = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 80;
	columns = SPK_MAX(columns / (widest + 2), 1);
	rows = (shown + columns - 1) / columns;
	fputc('\n', stdout);
	for (int r = 0; r < rows; r++) {
		for (int i = r; i < shown; i += rows)
			fprintf(stdout, "%-*s", i + rows < shown ? widest + 2 : 0, c->word[i]);
		fputc('\n', stdout);
	}
	if (c->count > shown)
		fprintf(stdout, "and %d more\n", c->count - shown);
	fflush(stdout);
}

static int characters(const char *text, size_t size)
{
	int n = 0;

	for (size_t i = 0; i < size; i++)
		n += ((unsigned char)text[i] & 0xc0) != 0x80;
	return n;
}

/* Puts in what all words have in common; when that is nothing new, the second Tab lists them. */
static unsigned char put_completion(EditLine *el, struct spk_shell_terminal *t, const struct spk_shell_completion *c, const char *typed)
{
	char text[512];
	size_t size;
	bool again = t->tabbed, only = c->count == 1;

	t->tabbed = false;
	if (!c->count)
		return CC_ERROR;
	size = common_size(c);
	if (size > c->prefix || only) {
		snprintf(text, sizeof text, "%.*s%s", (int)size, c->word[0], only && c->behind ? " " : "");
		el_deletestr(el, characters(typed - c->prefix, c->prefix));
		el_insertstr(el, text);
		return CC_REFRESH;
	}
	t->tabbed = true;
	if (!again)
		return CC_REFRESH_BEEP;
	list(c);
	return CC_REDISPLAY;
}

static unsigned char complete(EditLine *el, int key)
{
	struct spk_shell_terminal *t = of(el);
	const LineInfo *line = el_line(el);
	size_t before = t->in->text.size - t->in->statement, typed = (size_t)(line->cursor - line->buffer);
	struct spk_buffer text = { 0 }, after = { 0 };
	struct spk_shell_completion c = { 0 };
	unsigned char result = CC_ERROR;

	(void)key;
	if (spk_buffer_append(&text, before ? t->in->text.data + t->in->statement : "", before, NULL) == SPK_OK && spk_buffer_append(&text, line->buffer, typed, NULL) == SPK_OK &&
	    spk_buffer_append(&after, line->cursor, (size_t)(line->lastchar - line->cursor), NULL) == SPK_OK && spk_buffer_cstr(&text) && spk_buffer_cstr(&after) &&
	    spk_shell_complete(t->shell, text.data, text.size, after.data, &c, NULL) == SPK_OK)
		result = put_completion(el, t, &c, text.data + text.size);
	spk_shell_completion_release(&c);
	spk_buffer_release(&text);
	spk_buffer_release(&after);
	return result;
}

/* --- making --- */

static void bind_keys(EditLine *el)
{
	static const char *const keys[][2] = {
		{ "^I", "sparklet-complete" }, { "^R", "em-inc-search-prev" }, { "^A", "sparklet-home" }, { "^E", "sparklet-end" }, { "\\e[A", "sparklet-up" }, { "\\eOA", "sparklet-up" },
		{ "\\e[B", "sparklet-down" }, { "\\eOB", "sparklet-down" }, { "\\e[3~", "ed-delete-next-char" }, { "\\e[1~", "sparklet-home" },
		{ "\\e[4~", "sparklet-end" }, { "\\e[H", "sparklet-home" }, { "\\e[F", "sparklet-end" }, { "\\eOH", "sparklet-home" },
		{ "\\eOF", "sparklet-end" }, { "\\e[1;5D", "ed-prev-word" }, { "\\e[1;5C", "em-next-word" }, { "\\e[200~", "sparklet-paste" },
	};

	/* Wide: el_set copies the names and never frees them. */
	el_wset(el, EL_ADDFN, L"sparklet-complete", L"complete a name", complete);
	el_wset(el, EL_ADDFN, L"sparklet-up", L"line above, or entry before", up);
	el_wset(el, EL_ADDFN, L"sparklet-down", L"line below, or entry behind", down);
	el_wset(el, EL_ADDFN, L"sparklet-home", L"beginning of the line", home);
	el_wset(el, EL_ADDFN, L"sparklet-end", L"end of the line", end);
	el_wset(el, EL_ADDFN, L"sparklet-paste", L"pasted text", paste);
	for (size_t i = 0; i < SPK_COUNT_OF(keys); i++)
		el_set(el, EL_BIND, keys[i][0], keys[i][1], NULL);
}

/* O_NONBLOCK belongs to what was opened, and standard input is shared with the program that started this one. */
static int open_keys(void)
{
	const char *name = ttyname(STDIN_FILENO);
	int fd = open(name ? name : "/dev/tty", O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	return fd >= 0 ? fd : STDIN_FILENO;
}

static void add_entry(void *user, const char *entry)
{
	struct spk_shell_terminal *t = user;
	HistEvent event;

	history(t->history, &event, H_ENTER, entry);
}

static void load_history(struct spk_shell_terminal *t)
{
	HistEvent event;
	spk_error err = { 0 };

	history(t->history, &event, H_SETSIZE, SPK_SHELL_HISTORY_MAX);
	history(t->history, &event, H_SETUNIQUE, 1);
	t->path = spk_shell_history_path();
	if (t->path && spk_shell_history_read(t->path, add_entry, t, &err) != SPK_OK)
		spk_cli_note("the history is not read: %s", err.message);
}

spk_status spk_shell_terminal_new(struct spk_shell_terminal **out, spk_error *err)
{
	struct spk_shell_terminal *t = calloc(1, sizeof *t);

	SPK_TRY_PTR(t, err);
	t->keys = open_keys();
	t->wake = spk_cli_wait_on_signals();
	t->history = history_init();
	t->el = el_init("sparklet", stdin, stdout, stderr);
	if (!t->history || !t->el) {
		spk_shell_terminal_free(t);
		return spk_fail_memory(err);
	}
	el_set(t->el, EL_CLIENTDATA, t);
	el_set(t->el, EL_PROMPT, prompt);
	el_set(t->el, EL_EDITOR, "emacs");
	el_set(t->el, EL_GETCFN, read_character);
	el_set(t->el, EL_HIST, history, t->history);
	load_history(t);
	bind_keys(t->el);
	el_source(t->el, NULL);
	*out = t;
	return SPK_OK;
}

void spk_shell_terminal_free(struct spk_shell_terminal *t)
{
	if (!t)
		return;
	if (t->el)
		el_end(t->el);
	if (t->history)
		history_end(t->history);
	if (t->keys != STDIN_FILENO)
		close(t->keys);
	spk_buffer_release(&t->entry);
	free(t->path);
	free(t);
}

/* --- lines --- */

/* Asks the terminal to mark what is pasted, or no longer. */
static void mark_pastes(bool on)
{
	fputs(on ? "\033[?2004h" : "\033[?2004l", stdout);
	fflush(stdout);
}

static const char *read_line(struct spk_shell_terminal *t, int *size)
{
	struct sigaction resize = { .sa_handler = on_resize }, before;
	const char *line;

	t->interrupted = t->leave = t->tabbed = false;
	t->state = (mbstate_t){ 0 };
	sigaction(SIGWINCH, &resize, &before);
	el_set(t->el, EL_PREP_TERM, 1);  /* libedit would do so after the prompt, and not at all when keys wait already */
	mark_pastes(true);
	line = el_gets(t->el, size);
	mark_pastes(false);
	sigaction(SIGWINCH, &before, NULL);
	return line;
}

spk_status spk_shell_terminal_line(struct spk_shell_terminal *t, struct spk_shell *sh, struct spk_shell_input *in, bool *end, spk_error *err)
{
	const char *line;
	int size = 0;

	snprintf(t->prompt, sizeof t->prompt, "sparklet%c> ", spk_shell_prompt(&in->lexer));
	t->shell = sh;
	t->in = in;
	spk_cli_wait_on_signals();
	line = read_line(t, &size);
	if (t->interrupted) {
		fputs("^C\n", stdout);
		fflush(stdout);
		spk_buffer_clear(&t->entry);
		return spk_fail(err, SPK_CANCELLED, "interrupted");
	}
	*end = t->leave || !line || size <= 0;
	if (*end) {
		fputs(t->leave ? "" : "\n", stdout);
		return SPK_OK;
	}
	spk_shell_terminal_typed(t, line, (size_t)size);
	SPK_TRY(spk_buffer_append(&in->text, line, (size_t)size, err));
	return line[size - 1] == '\n' ? SPK_OK : spk_buffer_append(&in->text, "\n", 1, err);
}

void spk_shell_terminal_typed(struct spk_shell_terminal *t, const char *text, size_t size)
{
	if (spk_buffer_append(&t->entry, text, size, NULL) != SPK_OK)
		spk_buffer_clear(&t->entry);
}

/* What begins with a blank is not remembered: nor do shells. */
void spk_shell_terminal_remember(struct spk_shell_terminal *t)
{
	HistEvent last;
	bool again;

	while (t->entry.size && strchr(" \t\r\n", t->entry.data[t->entry.size - 1]))
		t->entry.size--;
	if (t->entry.size && t->entry.data[0] != ' ' && spk_buffer_cstr(&t->entry)) {
		again = history(t->history, &last, H_FIRST) == 0 && strcmp(last.str, t->entry.data) == 0;
		add_entry(t, t->entry.data);
		if (!again && t->path && spk_shell_history_append(t->path, t->entry.data, t->entry.size, NULL) != SPK_OK)
			SPK_LOG(DEBUG, "shell", "the history is not written");
	}
	spk_buffer_clear(&t->entry);
}
