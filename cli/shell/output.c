/*
 * Results go to standard output, to a file or command (\o), or, on a terminal, through a stream that holds them back until it is known
 * whether they are longer than the screen: then they go to the pager, line by line as they come.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/shell/shell.h"
#include "core/base/check.h"
#include "core/base/file.h"

struct spk_shell_output {
	FILE *file;                    /* \o */
	bool pipe;
	char *name;
	/* The screen, while a statement runs. */
	FILE *screen, *pager;
	enum spk_shell_pager wanted;
	struct spk_buffer held;
	int rows, columns, lines, column;
	bool left;                     /* the pager ended */
};

spk_status spk_shell_output_new(struct spk_shell_output **out, spk_error *err)
{
	*out = calloc(1, sizeof **out);
	SPK_TRY_PTR(*out, err);
	return SPK_OK;
}

static int close_file(struct spk_shell_output *o)
{
	int failed = 0;

	spk_cli_redirect(NULL, NULL);
	if (o->file)
		failed = o->pipe ? pclose(o->file) : fclose(o->file);
	o->file = NULL;
	free(o->name);
	o->name = NULL;
	return failed;
}

void spk_shell_output_free(struct spk_shell_output *o)
{
	if (!o)
		return;
	close_file(o);
	spk_buffer_release(&o->held);
	free(o);
}

spk_status spk_shell_output_to(struct spk_shell *sh, const char *target, spk_error *err)
{
	struct spk_shell_output *o = sh->output;

	if (close_file(o) && !o->pipe)
		return spk_fail_errno(err, errno, "\\o");
	if (!target)
		return SPK_OK;
	o->pipe = *target == '|';
	o->name = strdup(target);
	SPK_TRY_PTR(o->name, err);
	fflush(stdout);  /* the command may write there, too */
	o->file = o->pipe ? popen(target + 1, "we") : fopen(target, "we");
	if (!o->file) {
		spk_fail_errno(err, errno, "\\o %s", target);
		if (err)
			err->code = SPK_USAGE;
		return SPK_USAGE;
	}
	spk_cli_redirect(o->file, o->name);
	return SPK_OK;
}

/* --- the screen --- */

static const char *pager_command(void)
{
	const char *own = getenv("SPARKLET_PAGER"), *common = getenv("PAGER");

	if (own && *own)
		return own;
	return common && *common ? common : "if command -v less > /dev/null; then exec less -SX; else exec more; fi";
}

/* Counts what is shown in lines of the screen. */
static bool longer_than_screen(struct spk_shell_output *o, const char *data, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		bool full = o->column == o->columns;

		if (data[i] == '\n' || full)
			o->lines++;
		o->column = data[i] == '\n' ? 0 : full ? 1 : o->column + (((unsigned char)data[i] & 0xc0) != 0x80);
	}
	return o->lines >= o->rows - 1;
}

static bool to_pager(struct spk_shell_output *o, const char *data, size_t size)
{
	o->left = o->left || fwrite(data, 1, size, o->pager) != size || fflush(o->pager);
	return !o->left;
}

/* Held is never empty here. */
static bool open_pager(struct spk_shell_output *o)
{
	o->pager = popen(pager_command(), "we");
	return o->pager && to_pager(o, o->held.data, o->held.size);
}

static ssize_t screen_write(void *cookie, const char *data, size_t size)
{
	struct spk_shell_output *o = cookie;

	if (o->pager)
		return to_pager(o, data, size) ? (ssize_t)size : 0;
	if (spk_buffer_append(&o->held, data, size, NULL) != SPK_OK)
		return 0;
	if (o->wanted != SPK_SHELL_PAGER_ALWAYS && !longer_than_screen(o, data, size))
		return (ssize_t)size;
	return open_pager(o) ? (ssize_t)size : 0;
}

static int screen_close(void *cookie)
{
	struct spk_shell_output *o = cookie;

	if (o->pager) {
		pclose(o->pager);  /* a person reads: waits until they are done */
		return 0;
	}
	if (o->held.size)
		fwrite(o->held.data, 1, o->held.size, stdout);
	return fflush(stdout);
}

spk_status spk_shell_output_begin(struct spk_shell *sh, spk_error *err)
{
	struct spk_shell_output *o = sh->output;
	struct winsize size = { 0 };

	sh->look.width = 0;
	if (!sh->person || !isatty(STDOUT_FILENO) || o->file)
		return SPK_OK;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || !size.ws_row || !size.ws_col)
		size = (struct winsize){ .ws_row = 24, .ws_col = 80 };
	sh->look.width = size.ws_col;
	if (sh->pager == SPK_SHELL_PAGER_OFF)
		return SPK_OK;
	o->rows = size.ws_row;
	o->columns = size.ws_col;
	o->wanted = sh->pager;
	o->lines = o->column = 0;
	o->left = false;
	o->pager = NULL;
	spk_buffer_clear(&o->held);
	o->screen = fopencookie(o, "w", (cookie_io_functions_t){ .write = screen_write, .close = screen_close });
	if (!o->screen)
		return spk_fail_errno(err, errno, "terminal");
	spk_cli_redirect(o->screen, "terminal");
	return SPK_OK;
}

bool spk_shell_output_end(struct spk_shell *sh)
{
	struct spk_shell_output *o = sh->output;

	if (!o->screen)
		return false;
	spk_cli_redirect(NULL, NULL);
	fclose(o->screen);
	o->screen = NULL;
	return o->left;
}
