/* The file of what was typed. Appended to entry by entry, so that a shell that is killed, or another beside it, takes nothing away. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/shell/terminal.h"
#include "core/base/check.h"
#include "core/base/file.h"
#include "core/base/log.h"

enum { KEPT_BYTES = 1 << 20 };   /* beyond this the older half is dropped */

static char *in_folder(const char *base, const char *below)
{
	char *path = NULL;

	if (asprintf(&path, "%s%s/sparklet/history", base, below) < 0)
		return NULL;
	*strrchr(path, '/') = '\0';
	if (spk_dir_create(path, NULL) != SPK_OK) {
		free(path);
		return NULL;
	}
	path[strlen(path)] = '/';
	return path;
}

char *spk_shell_history_path(void)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

	if (state && *state == '/')
		return in_folder(state, "");
	return home && *home == '/' ? in_folder(home, "/.local/state") : NULL;
}

/* In place; an escape is longer than what it stands for. */
static void unescape(char *entry)
{
	char *to = entry;

	for (const char *from = entry; *from; from++) {
		bool escaped = *from == '\\' && from[1];

		from += escaped;
		*to++ = escaped && *from == 'n' ? '\n' : *from;
	}
	*to = '\0';
}

/* The place from which on there are no more than the newest entries. */
static char *newest(char *text, size_t size)
{
	char *from = text + size;
	int lines = 0;

	while (from > text && lines <= SPK_SHELL_HISTORY_MAX)
		lines += *--from == '\n';
	return lines > SPK_SHELL_HISTORY_MAX ? from + 1 : text;
}

spk_status spk_shell_history_read(const char *path, void (*each)(void *user, const char *entry), void *user, spk_error *err)
{
	struct spk_buffer text = { 0 };
	spk_status status = spk_file_read_all(path, &text, err);

	if (status == SPK_OK && !spk_buffer_cstr(&text))
		status = spk_fail_memory(err);
	if (status == SPK_OK && text.size) {
		char *rest = newest(text.data, text.size), *entry;

		while ((entry = strsep(&rest, "\n")) != NULL) {
			unescape(entry);
			if (*entry)
				each(user, entry);
		}
	}
	spk_buffer_release(&text);
	return status == SPK_NOT_FOUND ? SPK_OK : status;
}

static spk_status put_escaped(struct spk_buffer *out, const char *entry, size_t size, spk_error *err)
{
	for (size_t i = 0; i < size; i++) {
		if (entry[i] == '\n')
			SPK_TRY(spk_buffer_append_str(out, "\\n", err));
		else if (entry[i] == '\\')
			SPK_TRY(spk_buffer_append_str(out, "\\\\", err));
		else
			SPK_TRY(spk_buffer_append(out, &entry[i], 1, err));
	}
	return spk_buffer_append(out, "\n", 2, err);   /* with its NUL, for the masking */
}

/* Drops the older half, the lock is held. A history that cannot be made shorter stays long. */
static void shorten(int fd, const char *path)
{
	struct spk_buffer text = { 0 };
	const char *from;

	if (spk_file_read_all(path, &text, NULL) == SPK_OK && text.size > KEPT_BYTES / 2) {
		from = memchr(text.data + text.size - KEPT_BYTES / 2, '\n', KEPT_BYTES / 2);
		if (from && ftruncate(fd, 0) == 0 && write(fd, from + 1, text.size - (size_t)(from + 1 - text.data)) < 0)
			SPK_LOG(WARN, "shell", "%s: %s", path, strerror(errno));
	}
	spk_buffer_release(&text);
}

static spk_status append(const char *path, const char *line, spk_error *err)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	struct stat now;
	spk_status status = SPK_OK;

	if (fd < 0)
		return spk_fail_errno(err, errno, "%s", path);
	flock(fd, LOCK_EX);
	/* One that others may read was not made by us. */
	if (fstat(fd, &now) || (now.st_mode & 077 && fchmod(fd, 0600)) || write(fd, line, strlen(line)) < 0)
		status = spk_fail_errno(err, errno, "%s", path);
	else if (now.st_size > KEPT_BYTES)
		shorten(fd, path);
	close(fd);
	return status;
}

spk_status spk_shell_history_append(const char *path, const char *entry, size_t size, spk_error *err)
{
	struct spk_buffer line = { 0 };
	spk_status status = put_escaped(&line, entry, size, err);

	if (status == SPK_OK) {
		spk_log_redact_text(line.data);
		status = append(path, line.data, err);
	}
	spk_buffer_release(&line);
	return status;
}
