#include "core/base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xxhash.h>

#include "core/base/check.h"
#include "core/base/fault.h"

enum { BLOCK = 128 * 1024, DEPTH_MAX = 64 };

spk_status spk_fail_errno(spk_error *err, int error, const char *format, ...)
{
	spk_status code = error == ENOENT || error == ENOTDIR ? SPK_NOT_FOUND : SPK_IO;
	char what[sizeof(err->message)], reason[128];
	va_list args;

	if (!err)
		return code;
	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	spk_fail(err, code, "%s: %s", what, strerror_r(error, reason, sizeof(reason)));
	err->retriable = error == ENOSPC || error == EDQUOT || error == EMFILE || error == ENFILE || error == EAGAIN ||
	                 error == EINTR;
	return code;
}

static int open_retrying(const char *path, int flags)
{
	int fd;

	do
		fd = open(path, flags | O_CLOEXEC, 0600);
	while (fd < 0 && errno == EINTR);
	return fd;
}

/* Reads up to `size` bytes; 0 at the end. */
static spk_status read_some(int fd, const char *path, void *data, size_t size, size_t *got, spk_error *err)
{
	ssize_t n;

	do
		n = read(fd, data, size);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return spk_fail_errno(err, errno, "cannot read %s", path);
	*got = (size_t)n;
	return SPK_OK;
}

spk_status spk_file_append(int fd, const char *path, const void *data, size_t size, spk_error *err)
{
	const char *at = data;

	SPK_TRY(spk_fault(SPK_FAULT_FILE_WRITE, err));
	while (size > 0) {
		ssize_t n = write(fd, at, size);

		if (n < 0 && errno != EINTR)
			return spk_fail_errno(err, errno, "cannot write %s", path);
		if (n > 0) {
			at += n;
			size -= (size_t)n;
		}
	}
	return SPK_OK;
}

spk_status spk_file_sync(int fd, const char *path, spk_error *err)
{
	SPK_TRY(spk_fault(SPK_FAULT_FILE_SYNC, err));
	if (fsync(fd) != 0)
		return spk_fail_errno(err, errno, "cannot sync %s", path);
	return SPK_OK;
}

/* Calls `each` with the blocks of a file. */
typedef spk_status (*block_fn)(const void *data, size_t size, void *user, spk_error *err);

static spk_status each_block_of(int fd, const char *path, char *block, block_fn each, void *user, spk_error *err)
{
	for (;;) {
		size_t got = 0;

		SPK_TRY(read_some(fd, path, block, BLOCK, &got, err));
		if (got == 0)
			return SPK_OK;
		SPK_TRY(each(block, got, user, err));
	}
}

static spk_status each_block(const char *path, block_fn each, void *user, spk_error *err)
{
	int fd = open_retrying(path, O_RDONLY);
	spk_status status;
	char *block;

	if (fd < 0)
		return spk_fail_errno(err, errno, "cannot open %s", path);
	block = malloc(BLOCK);
	status = block ? each_block_of(fd, path, block, each, user, err) : spk_fail_memory(err);
	free(block);
	close(fd);
	return status;
}

static spk_status append_block(const void *data, size_t size, void *user, spk_error *err)
{
	return spk_buffer_append(user, data, size, err);
}

spk_status spk_file_read_all(const char *path, struct spk_buffer *out, spk_error *err)
{
	size_t before = out->size;
	spk_status status = each_block(path, append_block, out, err);

	if (status)
		out->size = before;
	return status;
}

static spk_status hash_block(const void *data, size_t size, void *user, spk_error *err)
{
	(void)err;
	XXH3_128bits_update(user, data, size);
	return SPK_OK;
}

spk_status spk_file_hash(const char *path, char out[SPK_FILE_HASH_SIZE], spk_error *err)
{
	XXH3_state_t *state = XXH3_createState();
	XXH128_canonical_t digest;
	spk_status status;

	SPK_TRY_PTR(state, err);
	XXH3_128bits_reset(state);
	status = each_block(path, hash_block, state, err);
	XXH128_canonicalFromHash(&digest, XXH3_128bits_digest(state));
	XXH3_freeState(state);
	for (size_t i = 0; !status && i < sizeof(digest.digest); i++)
		snprintf(out + 2 * i, 3, "%02x", digest.digest[i]);
	return status;
}

spk_status spk_file_size(const char *path, int64_t *out, spk_error *err)
{
	struct stat info;

	if (stat(path, &info) != 0)
		return spk_fail_errno(err, errno, "cannot look at %s", path);
	*out = info.st_size;
	return SPK_OK;
}

/* Where copy_block writes. */
struct target { int fd; const char *path; };

static spk_status copy_block(const void *data, size_t size, void *user, spk_error *err)
{
	const struct target *to = user;

	return spk_file_append(to->fd, to->path, data, size, err);
}

/* Closes what was written. An error of close is a lost write like any other. */
static spk_status finish_file(int fd, const char *path, spk_status status, spk_error *err)
{
	if (!status)
		status = spk_file_sync(fd, path, err);
	if (close(fd) != 0 && !status)
		status = spk_fail_errno(err, errno, "cannot close %s", path);
	if (status)
		unlink(path);
	return status;
}

/* True when both names are of one file: opening the copy would empty the original. */
static bool same_file(const struct stat *from, const char *to)
{
	struct stat info;

	return stat(to, &info) == 0 && info.st_dev == from->st_dev && info.st_ino == from->st_ino;
}

spk_status spk_file_copy(const char *from, const char *to, spk_error *err)
{
	struct target target = { .path = to };
	struct stat info;

	if (stat(from, &info) != 0)
		return spk_fail_errno(err, errno, "cannot copy %s", from);
	if (same_file(&info, to))
		return spk_fail(err, SPK_USAGE, "cannot copy %s onto itself (%s)", from, to);
	target.fd = open_retrying(to, O_WRONLY | O_CREAT | O_TRUNC);
	if (target.fd < 0)
		return spk_fail_errno(err, errno, "cannot create %s", to);
	return finish_file(target.fd, to, each_block(from, copy_block, &target, err), err);
}

/* A name of its own, for two processes may write the same file. */
static spk_status write_temporary(char *path, const void *data, size_t size, spk_error *err)
{
	int fd = mkostemps(path, (int)strlen(".tmp"), O_CLOEXEC);

	if (fd < 0)
		return spk_fail_errno(err, errno, "cannot create %s", path);
	return finish_file(fd, path, spk_file_append(fd, path, data, size, err), err);
}

static spk_status rename_file(const char *from, const char *to, spk_error *err)
{
	SPK_TRY(spk_fault(SPK_FAULT_FILE_RENAME, err));
	if (rename(from, to) != 0)
		return spk_fail_errno(err, errno, "cannot rename %s to %s", from, to);
	return SPK_OK;
}

static spk_status sync_folder_of(char *path, spk_error *err)
{
	char *slash = strrchr(path, '/');

	if (!slash)
		return spk_dir_sync(".", err);
	slash[slash == path] = '\0';
	return spk_dir_sync(path, err);
}

spk_status spk_file_write_atomic(const char *path, const void *data, size_t size, spk_error *err)
{
	spk_status status;
	char *temporary;

	if (asprintf(&temporary, "%s.XXXXXX.tmp", path) < 0)
		return spk_fail_memory(err);
	status = write_temporary(temporary, data, size, err);
	if (!status) {
		status = rename_file(temporary, path, err);
		if (status)
			unlink(temporary);
	}
	if (!status)
		status = sync_folder_of(temporary, err);
	free(temporary);
	return status;
}

spk_status spk_dir_sync(const char *path, spk_error *err)
{
	int fd = open_retrying(path, O_RDONLY | O_DIRECTORY);
	spk_status status;

	if (fd < 0)
		return spk_fail_errno(err, errno, "cannot open folder %s", path);
	status = spk_file_sync(fd, path, err);
	close(fd);
	return status;
}

static spk_status make_folder(const char *path, spk_error *err)
{
	struct stat info;

	if (mkdir(path, 0700) == 0)
		return SPK_OK;
	if (errno == EEXIST && stat(path, &info) == 0 && S_ISDIR(info.st_mode))
		return SPK_OK;
	return spk_fail_errno(err, errno, "cannot make folder %s", path);
}

spk_status spk_dir_create(const char *path, spk_error *err)
{
	char *prefix = strdup(path);
	spk_status status = SPK_OK;

	SPK_TRY_PTR(prefix, err);
	for (char *at = prefix + 1; *prefix && *at && !status; at++) {
		if (*at != '/')
			continue;
		*at = '\0';
		status = make_folder(prefix, err);
		*at = '/';
	}
	free(prefix);
	return status ? status : make_folder(path, err);
}

static spk_status remove_contents(int fd, const char *path, int depth, spk_error *err);

/* Removes one name; `path` is of the folder at `fd`, for messages. */
static spk_status remove_entry(int fd, const char *name, const char *path, int depth, spk_error *err)
{
	int child;

	if (unlinkat(fd, name, 0) == 0 || errno == ENOENT)
		return SPK_OK;
	if (errno != EISDIR && errno != EPERM)
		return spk_fail_errno(err, errno, "cannot remove %s in %s", name, path);
	child = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (child < 0)
		return spk_fail_errno(err, errno, "cannot open %s in %s", name, path);
	SPK_TRY(remove_contents(child, path, depth + 1, err));
	if (unlinkat(fd, name, AT_REMOVEDIR) != 0 && errno != ENOENT)
		return spk_fail_errno(err, errno, "cannot remove folder %s in %s", name, path);
	return SPK_OK;
}

static bool is_dot(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* Empties the folder at `fd` and closes it. Works by descriptors, so that no name can be swapped for a link underway. */
static spk_status remove_contents(int fd, const char *path, int depth, spk_error *err)
{
	spk_status status = SPK_OK;
	DIR *dir = depth < DEPTH_MAX ? fdopendir(fd) : NULL;

	if (!dir) {
		close(fd);
		return spk_fail(err, SPK_IO, "cannot remove %s: nested deeper than %d folders", path, DEPTH_MAX);
	}
	for (struct dirent *e; !status && (e = readdir(dir));) {
		if (!is_dot(e->d_name))
			status = remove_entry(dirfd(dir), e->d_name, path, depth, err);
	}
	closedir(dir);
	return status;
}

spk_status spk_dir_remove(const char *path, spk_error *err)
{
	int fd = open_retrying(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);

	if (fd < 0 && errno == ENOENT)
		return SPK_OK;
	if (fd < 0)
		return spk_fail_errno(err, errno, "cannot open folder %s", path);
	SPK_TRY(remove_contents(fd, path, 0, err));
	if (rmdir(path) != 0)
		return spk_fail_errno(err, errno, "cannot remove folder %s", path);
	return SPK_OK;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Collects the names; the array doubles in the arena, which at most doubles what a listing takes. */
static spk_status collect(DIR *dir, const char *path, struct spk_arena *arena, struct spk_dir_entries *out, spk_error *err)
{
	int capacity = 0;

	for (;;) {
		struct dirent *e;

		errno = 0;
		e = readdir(dir);
		if (!e)
			return errno ? spk_fail_errno(err, errno, "cannot list %s", path) : SPK_OK;
		if (is_dot(e->d_name))
			continue;
		if (out->count == capacity) {
			const char **wider = SPK_NEW_ARRAY(arena, const char *, SPK_MAX(capacity * 2, 16));

			SPK_TRY_PTR(wider, err);
			if (out->count)
				memcpy(wider, out->name, sizeof(*wider) * (size_t)out->count);
			capacity = SPK_MAX(capacity * 2, 16);
			out->name = wider;
		}
		out->name[out->count] = spk_arena_strdup(arena, e->d_name);
		SPK_TRY_PTR(out->name[out->count], err);
		out->count++;
	}
}

spk_status spk_dir_list(const char *path, struct spk_arena *arena, struct spk_dir_entries *out, spk_error *err)
{
	struct spk_dir_entries found = { .count = 0 };
	DIR *dir = opendir(path);
	spk_status status;

	if (!dir)
		return spk_fail_errno(err, errno, "cannot list %s", path);
	status = collect(dir, path, arena, &found, err);
	closedir(dir);
	if (status)
		return status;
	if (found.count)
		qsort(found.name, (size_t)found.count, sizeof(*found.name), by_bytes);
	*out = found;
	return SPK_OK;
}
