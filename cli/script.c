/* The SQL that a command is given: a file, -c, or standard input. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "core/base/check.h"
#include "core/base/file.h"

enum { SCRIPT_MAX = 16 * 1024 * 1024 };

static spk_status read_input(struct spk_buffer *out, spk_error *err)
{
	ssize_t n;

	do {
		SPK_TRY(spk_buffer_reserve(out, 65536, err));
		do
			n = read(STDIN_FILENO, out->data + out->size, 65536);
		while (n < 0 && errno == EINTR);
		if (n < 0)
			return spk_fail_errno(err, errno, "standard input");
		out->size += (size_t)n;
	} while (n > 0 && out->size <= SCRIPT_MAX);
	return SPK_OK;
}

/* A file that is not there is wrong usage, not a job that failed. */
static spk_status read_file(const char *file, struct spk_buffer *out, spk_error *err)
{
	spk_error why = { 0 };
	int64_t size = 0;
	spk_status status = spk_file_size(file, &size, &why);

	if (status == SPK_OK && size <= SCRIPT_MAX)
		status = spk_file_read_all(file, out, &why);
	if (status == SPK_OK && size > SCRIPT_MAX)
		status = spk_fail(&why, SPK_USAGE, "%s is larger than %d bytes", file, SCRIPT_MAX);
	if (status == SPK_OK)
		return SPK_OK;
	spk_fail(err, SPK_USAGE, "%s", why.message);
	return spk_hint(err, "the SQL is read from a file; -c 'SELECT ...' of sql and explain gives it in the command");
}

static spk_status check_text(const struct spk_cli_script *s, spk_error *err)
{
	const char *name = s->file ? s->file : "-c";

	if (s->buffer.size > SCRIPT_MAX)
		return spk_fail(err, SPK_USAGE, "%s: more than %d bytes", name, SCRIPT_MAX);
	if (s->buffer.size && memchr(s->buffer.data, '\0', s->buffer.size))
		return spk_fail(err, SPK_USAGE, "%s: not a text file, there is a NUL byte in it", name);
	return SPK_OK;
}

static spk_status finish(struct spk_cli_script *s, spk_error *err)
{
	SPK_TRY(check_text(s, err));
	s->text = spk_buffer_cstr(&s->buffer);
	SPK_TRY_PTR(s->text, err);
	return SPK_OK;
}

spk_status spk_cli_script_read(const char *file, struct spk_cli_script *out, spk_error *err)
{
	spk_status status;

	*out = (struct spk_cli_script){ .file = file };
	status = read_file(file, &out->buffer, err);
	if (status == SPK_OK)
		status = finish(out, err);
	if (status != SPK_OK)
		spk_cli_script_release(out);
	return status;
}

spk_status spk_cli_script_load(const struct spk_cli_arguments *a, const char *file, struct spk_cli_script *out, spk_error *err)
{
	const char *command = a->value[SPK_CLI_COMMAND];
	spk_status status;

	*out = (struct spk_cli_script){ 0 };
	if (command && file) {
		spk_fail(err, SPK_USAGE, "%s: both -c and the file '%s' are given", a->command->name, file);
		return spk_hint(err, "leave one of them out");
	}
	if (command)
		status = spk_buffer_append_str(&out->buffer, command, err);
	else if (strcmp(file, "-") == 0)
		status = read_input(&out->buffer, err);
	else
		status = read_file(file, &out->buffer, err);
	out->file = command ? NULL : strcmp(file, "-") == 0 ? "stdin" : file;
	return status == SPK_OK ? finish(out, err) : status;
}

void spk_cli_script_release(struct spk_cli_script *script)
{
	spk_buffer_release(&script->buffer);
	*script = (struct spk_cli_script){ 0 };
}
