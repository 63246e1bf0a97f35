/* \e: the statement in an editor. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/shell/command.h"
#include "cli/shell/terminal.h"
#include "core/base/check.h"
#include "core/base/file.h"

enum { PATH_BYTES = 4096 };

static const char *editor(void)
{
	static const char *const names[] = { "SPARKLET_EDITOR", "VISUAL", "EDITOR" };

	for (size_t i = 0; i < SPK_COUNT_OF(names); i++) {
		const char *value = getenv(names[i]);

		if (value && *value)
			return value;
	}
	return "vi";
}

/* A file of our own, readable by nobody else, that ends in .sql for the editor's sake. */
static spk_status write_temporary(const struct spk_buffer *text, char path[PATH_BYTES], spk_error *err)
{
	const char *folder = getenv("TMPDIR");
	spk_status status = SPK_OK;
	int fd;

	snprintf(path, PATH_BYTES, "%s/sparklet-XXXXXX.sql", folder && *folder ? folder : "/tmp");
	fd = mkstemps(path, 4);
	if (fd < 0)
		return spk_fail_errno(err, errno, "%s", path);
	if (text->size && write(fd, text->data, text->size) != (ssize_t)text->size)
		status = spk_fail_errno(err, errno, "%s", path);
	if (text->size && text->data[text->size - 1] != '\n' && write(fd, "\n", 1) != 1)
		status = spk_fail_errno(err, errno, "%s", path);
	close(fd);
	if (status != SPK_OK)
		unlink(path);
	return status;
}

static spk_status run_editor(const char *path, spk_error *err)
{
	struct spk_buffer command = { 0 };
	spk_status status = spk_buffer_printf(&command, err, "%s \"$SPARKLET_EDITED\"", editor());
	int result;

	if (status == SPK_OK && !spk_buffer_cstr(&command))
		status = spk_fail_memory(err);
	if (status == SPK_OK) {
		setenv("SPARKLET_EDITED", path, 1);
		fflush(stdout);
		result = system(command.data);
		unsetenv("SPARKLET_EDITED");
		if (result != 0) {
			spk_fail(err, SPK_USAGE, "the editor '%s' did not end well", editor());
			status = spk_hint(err, "EDITOR names the one to use");
		}
	}
	spk_buffer_release(&command);
	return status;
}

static spk_status read_back(const char *path, struct spk_buffer *query, spk_error *err)
{
	struct spk_cli_script script;

	SPK_TRY(spk_cli_script_read(path, &script, err));
	spk_buffer_release(query);
	*query = script.buffer;
	return SPK_OK;
}

spk_status spk_shell_edit(struct spk_shell *sh, struct spk_shell_call *c, spk_error *err)
{
	const struct spk_buffer *text = c->query->size ? c->query : &sh->last;
	const char *file = spk_shell_word(&c->arguments);
	char path[PATH_BYTES];
	spk_status status;

	SPK_TRY(spk_shell_no_more(c, c->arguments, err));
	if (file)
		snprintf(path, sizeof path, "%s", file);
	else
		SPK_TRY(write_temporary(text, path, err));
	status = run_editor(path, err);
	if (status == SPK_OK)
		status = read_back(path, c->query, err);
	if (!file)
		unlink(path);
	SPK_TRY(status);
	c->action = SPK_SHELL_NEW_QUERY;
	if (!sh->person)
		return SPK_OK;
	if (sh->terminal)
		spk_shell_terminal_typed(sh->terminal, c->query->data, c->query->size);
	return spk_cli_write(c->query->data, c->query->size, err);
}
