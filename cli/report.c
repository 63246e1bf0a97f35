/*
 * What people and scripts get to read: errors and notes on stderr, results on stdout.
 *
 * stderr is written by the main thread, by the loop's progress and by the log's thread; a lock keeps their lines whole and the live
 * line below them.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "core/base/file.h"
#include "core/base/log.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char live[512];   /* what stands in the terminal's last line, without a newline */

int spk_cli_exit_code(spk_status status)
{
	switch (status) {
	case SPK_OK:
		return SPK_CLI_DONE;
	case SPK_USAGE: case SPK_SYNTAX: case SPK_BIND: case SPK_PLAN: case SPK_UNSUPPORTED:
		return SPK_CLI_WRONG;
	case SPK_UNAVAILABLE:
		return SPK_CLI_UNREACHABLE;
	default:
		return SPK_CLI_FAILED;
	}
}

static void erase_live(void)
{
	if (*live)
		fputs("\r\033[K", stderr);
}

void spk_cli_live(const char *line)
{
	pthread_mutex_lock(&lock);
	erase_live();
	snprintf(live, sizeof live, "%s", line ? line : "");
	fputs(live, stderr);
	fflush(stderr);
	pthread_mutex_unlock(&lock);
}

void spk_cli_put_line(const char *line, size_t size)
{
	pthread_mutex_lock(&lock);
	erase_live();
	fwrite(line, 1, size, stderr);
	fputs(live, stderr);
	fflush(stderr);
	pthread_mutex_unlock(&lock);
}

/* Secrets are masked in place. */
static void put_error(char *text)
{
	spk_log_redact_text(text);
	spk_cli_put_line(text, strlen(text));
}

void spk_cli_note(const char *format, ...)
{
	char text[2048];
	va_list arguments;
	int n;

	va_start(arguments, format);
	n = snprintf(text, sizeof text, "sparklet: ");
	vsnprintf(text + n, sizeof text - (size_t)n - 1, format, arguments);
	va_end(arguments);
	strcat(text, "\n");
	put_error(text);
}

/* Whether whoever read our standard output has gone away: not an error to talk about. */
static bool reader_is_gone(void)
{
	struct pollfd p = { .fd = STDOUT_FILENO };

	return poll(&p, 1, 0) == 1 && p.revents & POLLERR;
}

/* What SQL names and what is not there, or there already, is wrong SQL: nothing has run. */
static int exit_code(const spk_error *error)
{
	bool names = error->code == SPK_EXISTS || error->code == SPK_NOT_FOUND;

	return names && error->position > 0 ? SPK_CLI_WRONG : spk_cli_exit_code(error->code);
}

/* The place is told for errors that have one, and the file for those that are about its SQL. */
static spk_status format_error(const struct spk_cli_script *script, const spk_error *error, struct spk_buffer *out)
{
	int code = exit_code(error);

	if (script && script->text && (error->position > 0 || (script->file && code == SPK_CLI_WRONG && error->code != SPK_USAGE)))
		return spk_sql_format_error(script->file, script->text, error, out, NULL);
	SPK_TRY(spk_buffer_printf(out, NULL, "sparklet: error: %s\n", error->message));
	return error->hint[0] ? spk_buffer_printf(out, NULL, "hint: %s\n", error->hint) : SPK_OK;
}

int spk_cli_fail(const struct spk_cli_script *script, const spk_error *error)
{
	struct spk_buffer text = { 0 };
	int code = exit_code(error);

	if (error->code == SPK_IO && reader_is_gone())
		return SPK_CLI_FAILED;
	if (format_error(script, error, &text) == SPK_OK && spk_buffer_cstr(&text))
		put_error(text.data);
	else
		spk_cli_note("error: %s", error->message);
	spk_buffer_release(&text);
	return code ? code : SPK_CLI_FAILED;
}

/* --- where results go --- */

static FILE *to;            /* NULL: standard output */
static const char *to_name;

void spk_cli_redirect(FILE *file, const char *name)
{
	to = file;
	to_name = name;
}

static FILE *output(void) { return to ? to : stdout; }

static spk_status fail(spk_error *err)
{
	return spk_fail_errno(err, errno, "%s", to ? to_name : "standard output");
}

spk_status spk_cli_write(const char *data, size_t size, spk_error *err)
{
	return size && fwrite(data, 1, size, output()) != size ? fail(err) : SPK_OK;
}

spk_status spk_cli_print(spk_error *err, const char *format, ...)
{
	va_list arguments;
	int n;

	va_start(arguments, format);
	n = vfprintf(output(), format, arguments);
	va_end(arguments);
	return n < 0 ? fail(err) : SPK_OK;
}

spk_status spk_cli_flush(spk_error *err)
{
	return fflush(output()) || ferror(output()) ? fail(err) : SPK_OK;
}
