/*
 * Epoch records in a local file, one after the other, each fsync'd: for jobs whose sinks have no transactions. A torn record at
 * the end (a crash while writing) was never committed and is cut off at open; damage before it is an error.
 *
 * The lock is on a file of its own (PATH.lock, with the owner's pid), since truncation puts another file in the log's place.
 * The fault point txn.commit is passed twice per commit, as with Kafka: odd passes fail before, even ones lose the answer.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "checkpoint/epoch_log.h"
#include "core/base/check.h"
#include "core/base/fault.h"
#include "core/base/file.h"

struct file_log {
	struct spk_epoch_log base;
	char *path, *lock_path, *dir;
	int fd;                      /* -1: to be opened anew */
	int lock_fd;
	off_t end;                   /* of the last whole record; -1: not known */
	struct spk_buffer pending;
};

static struct file_log *self(struct spk_epoch_log *log) { return spk_container_of(log, struct file_log, base); }

static bool all_zero(const char *at, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (at[i])
			return false;
	return true;
}

/*
 * Whether what is at `at` up to the end of the file was never written whole: the file ends within the record, or (the size reached
 * the disk, the bytes did not) there are zeros where its end should be.
 */
static bool is_torn(const char *at, size_t left)
{
	size_t size = spk_epoch_size(at, left);

	if (size == 0)
		return (left < SPK_EPOCH_HEADER && memcmp(at, "SPKE", SPK_MIN(left, 4u)) == 0) || all_zero(at, left);
	return size > left || all_zero(at + size - SPK_EPOCH_TRAILER, left - size + SPK_EPOCH_TRAILER);
}

static spk_status check_record(const char *at, size_t size, size_t offset, spk_error *err)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_epoch_record *record;
	spk_status status = arena ? spk_epoch_decode(at, size, arena, &record, err) : spk_fail_memory(err);

	if (status != SPK_OK)
		spk_error_context(err, "byte %zu", offset);
	spk_arena_unref(arena);
	return status;
}

/* Walks the records in `data`; *end is set behind the last whole one. */
static spk_status walk(struct file_log *f, const struct spk_buffer *data, spk_status (*each)(void *user, const void *bytes, size_t size, spk_error *err), void *user, spk_error *err)
{
	size_t at = 0;

	while (at < data->size) {
		size_t size = spk_epoch_size(data->data + at, data->size - at);

		if (is_torn(data->data + at, data->size - at))
			break;
		SPK_TRY(check_record(data->data + at, size ? size : data->size - at, at, err));
		if (each)
			SPK_TRY(each(user, data->data + at, size, err));
		at += size;
	}
	f->end = (off_t)at;
	return SPK_OK;
}

static spk_status file_read(struct spk_epoch_log *log, spk_status (*each)(void *user, const void *data, size_t size, spk_error *err), void *user, spk_error *err)
{
	struct file_log *f = self(log);
	struct spk_buffer data = { 0 };
	spk_status status = spk_file_read_all(f->path, &data, err);

	if (status == SPK_OK)
		status = walk(f, &data, each, user, err);
	if (status != SPK_OK)
		spk_error_context(err, "%s", f->path);
	spk_buffer_release(&data);
	return status;
}

static spk_status file_begin(struct spk_epoch_log *log, spk_error *err)
{
	spk_buffer_clear(&self(log)->pending);
	return spk_fault(SPK_FAULT_TXN_BEGIN, err);
}

static spk_status file_append(struct spk_epoch_log *log, int64_t epoch, const void *data, size_t size, spk_error *err)
{
	(void)epoch;
	return spk_buffer_append(&self(log)->pending, data, size, err);
}

static spk_status open_file(struct file_log *f, int flags, spk_error *err)
{
	f->fd = open(f->path, O_RDWR | O_CLOEXEC | flags, 0600);
	return f->fd < 0 ? spk_fail_errno(err, errno, "cannot open %s", f->path) : SPK_OK;
}

static spk_status write_pending(struct file_log *f, spk_error *err)
{
	size_t done = 0;

	SPK_TRY(spk_fault(SPK_FAULT_FILE_WRITE, err));
	while (done < f->pending.size) {
		ssize_t n = pwrite(f->fd, f->pending.data + done, f->pending.size - done, f->end + (off_t)done);

		if (n < 0 && errno != EINTR)
			return spk_fail_errno(err, errno, "cannot write %s", f->path);
		done += (size_t)SPK_MAX(n, 0);
	}
	SPK_TRY(spk_fault(SPK_FAULT_FILE_SYNC, err));
	if (fdatasync(f->fd) != 0)
		return spk_fail_errno(err, errno, "cannot sync %s", f->path);
	return SPK_OK;
}

static spk_status cut(struct file_log *f, spk_error *err)
{
	if (ftruncate(f->fd, f->end) != 0)
		return spk_fail_errno(err, errno, "cannot cut %s", f->path);
	return SPK_OK;
}

static spk_status file_commit(struct spk_epoch_log *log, spk_error *err)
{
	struct file_log *f = self(log);
	spk_status status;

	SPK_TRY(spk_fault(SPK_FAULT_TXN_COMMIT, err));
	if (f->fd < 0)
		SPK_TRY(open_file(f, 0, err));
	if (f->end < 0)
		SPK_TRY(file_read(log, NULL, NULL, err));
	/* What a failed commit left may be longer than this one. */
	SPK_TRY(cut(f, err));
	status = write_pending(f, err);
	if (status != SPK_OK) {
		cut(f, NULL);
		return status;
	}
	f->end += (off_t)f->pending.size;
	spk_buffer_clear(&f->pending);
	return spk_fault(SPK_FAULT_TXN_COMMIT, err);
}

struct keeper { int64_t epoch; struct spk_buffer kept; };

static spk_status keep_newer(void *user, const void *data, size_t size, spk_error *err)
{
	struct keeper *k = user;
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_epoch_record *record;
	spk_status status;

	SPK_TRY_PTR(arena, err);
	status = spk_epoch_decode(data, size, arena, &record, err);
	if (status == SPK_OK && record->epoch >= k->epoch)
		status = spk_buffer_append(&k->kept, data, size, err);
	spk_arena_unref(arena);
	return status;
}

/*
 * Writes the newer records to a new file and puts it in place of the old one. Even a failure may have come after that, so the file is
 * opened anew in any case: what is written to the old one would be lost.
 */
static spk_status file_truncate(struct spk_epoch_log *log, int64_t epoch, spk_error *err)
{
	struct file_log *f = self(log);
	struct keeper k = { .epoch = epoch };
	spk_status status = file_read(log, keep_newer, &k, err);

	if (status == SPK_OK) {
		status = spk_file_write_atomic(f->path, k.kept.data, k.kept.size, err);
		if (f->fd >= 0)
			close(f->fd);
		f->fd = -1;
		f->end = status == SPK_OK ? (off_t)k.kept.size : -1;
	}
	spk_buffer_release(&k.kept);
	return status;
}

/* --- open and close --- */

static void file_close(struct spk_epoch_log *log)
{
	struct file_log *f = self(log);

	if (f->fd >= 0)
		close(f->fd);
	if (f->lock_fd >= 0)
		close(f->lock_fd);
	spk_buffer_release(&f->pending);
	free(f->path);
	free(f->lock_path);
	free(f->dir);
	free(f);
}

static spk_status take_lock(struct file_log *f, spk_error *err)
{
	char owner[16] = "?";
	ssize_t n;

	f->lock_fd = open(f->lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (f->lock_fd < 0)
		return spk_fail_errno(err, errno, "cannot open %s", f->lock_path);
	if (flock(f->lock_fd, LOCK_EX | LOCK_NB) == 0) {
		n = snprintf(owner, sizeof owner, "%d", (int)getpid());
		if (ftruncate(f->lock_fd, 0) != 0 || pwrite(f->lock_fd, owner, (size_t)n, 0) != n)
			return spk_fail_errno(err, errno, "cannot write %s", f->lock_path);
		return SPK_OK;
	}
	n = pread(f->lock_fd, owner, sizeof owner - 1, 0);
	if (n > 0)
		owner[n] = '\0';
	spk_fail(err, SPK_EXISTS, "process %s runs this job already (it has locked %s)", owner, f->lock_path);
	spk_hint(err, "Stop it first, or give this one another name (--job) or folder (--dir).");
	if (err)
		err->fatal = true;
	return SPK_EXISTS;
}

/* The folder that `path` is in. */
static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == path ? strdup("/") : slash ? strndup(path, (size_t)(slash - path)) : strdup(".");
}

static spk_status open_log(struct file_log *f, const char *path, spk_error *err)
{
	f->path = strdup(path);
	f->dir = folder_of(path);
	if (asprintf(&f->lock_path, "%s.lock", path) < 0)
		f->lock_path = NULL;
	SPK_TRY_PTR(f->path && f->dir && f->lock_path, err);
	SPK_TRY(take_lock(f, err));
	SPK_TRY(open_file(f, O_CREAT, err));
	SPK_TRY(file_read(&f->base, NULL, NULL, err));
	SPK_TRY(cut(f, err));
	/* A log that was just made must be found again after a crash. */
	return spk_dir_sync(f->dir, err);
}

static const struct spk_epoch_log_type file_log_type = {
	.name = "file", .read = file_read, .begin = file_begin, .append = file_append, .commit = file_commit, .truncate = file_truncate, .close = file_close,
};

spk_status spk_file_epoch_log_open(struct spk_epoch_log **out, const char *path, spk_error *err)
{
	struct file_log *f = calloc(1, sizeof *f);
	spk_status status;

	SPK_TRY_PTR(f, err);
	f->base.type = &file_log_type;
	f->fd = f->lock_fd = -1;
	status = open_log(f, path, err);
	if (status != SPK_OK) {
		file_close(&f->base);
		return status;
	}
	*out = &f->base;
	return SPK_OK;
}

spk_status spk_file_epoch_log_open_readonly(struct spk_epoch_log **out, const char *path, spk_error *err)
{
	struct file_log *f = calloc(1, sizeof *f);

	SPK_TRY_PTR(f, err);
	f->base.type = &file_log_type;
	f->fd = f->lock_fd = -1;
	f->path = strdup(path);
	if (!f->path) {
		free(f);
		return spk_fail_memory(err);
	}
	*out = &f->base;
	return SPK_OK;
}
