/*
 * Epoch records in a local file, one after the other, each fsync'd: for jobs whose sinks have no transactions. A torn record at
 * the end (a crash while writing) was never committed and is cut off at open; damage before it is an error.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "checkpoint/epoch_log.h"
#include "core/base/check.h"
#include "core/base/fault.h"
#include "core/base/file.h"

struct file_log {
	struct spk_epoch_log base;
	char *path;
	int fd;
	off_t end;                   /* of the last whole record */
	struct spk_buffer pending;
};

static struct file_log *self(struct spk_epoch_log *log) { return spk_container_of(log, struct file_log, base); }

/* A record that is whole but wrong is damage; one that the end of the file cuts off was never committed. */
static spk_status check_record(const char *at, size_t size, size_t left, size_t offset, spk_error *err)
{
	struct spk_arena *arena;
	struct spk_epoch_record *record;
	spk_status status;

	if (size == 0)
		return left >= 4 && memcmp(at, "SPKE", 4) != 0 ? spk_fail(err, SPK_CORRUPT, "no epoch record at byte %zu", offset) : SPK_OK;
	arena = spk_arena_new(NULL);
	SPK_TRY_PTR(arena, err);
	status = spk_epoch_decode(at, size, arena, &record, err);
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

		SPK_TRY(check_record(data->data + at, size, data->size - at, at, err));
		if (size == 0)
			break;
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
	(void)err;
	spk_buffer_clear(&self(log)->pending);
	return SPK_OK;
}

static spk_status file_append(struct spk_epoch_log *log, int64_t epoch, const void *data, size_t size, spk_error *err)
{
	(void)epoch;
	return spk_buffer_append(&self(log)->pending, data, size, err);
}

static spk_status file_commit(struct spk_epoch_log *log, spk_error *err)
{
	struct file_log *f = self(log);
	size_t done = 0;

	SPK_TRY(spk_fault(SPK_FAULT_TXN_COMMIT, err));
	while (done < f->pending.size) {
		ssize_t n = pwrite(f->fd, f->pending.data + done, f->pending.size - done, f->end + (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return spk_fail_errno(err, errno, "cannot write %s", f->path);
		done += (size_t)n;
	}
	if (fdatasync(f->fd) != 0)
		return spk_fail_errno(err, errno, "cannot sync %s", f->path);
	f->end += (off_t)f->pending.size;
	spk_buffer_clear(&f->pending);
	return SPK_OK;
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

static spk_status open_locked(struct file_log *f, spk_error *err)
{
	f->fd = open(f->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (f->fd < 0)
		return spk_fail_errno(err, errno, "cannot open %s", f->path);
	if (flock(f->fd, LOCK_EX | LOCK_NB) != 0) {
		spk_fail(err, SPK_EXISTS, "another process runs this job (it has locked %s)", f->path);
		spk_hint(err, "Stop it first, or give this one another name (--job) or folder (--dir).");
		if (err)
			err->fatal = true;
		return SPK_EXISTS;
	}
	return SPK_OK;
}

/* Writes the newer records to a new file and puts it in place of the old one. */
static spk_status file_truncate(struct spk_epoch_log *log, int64_t epoch, spk_error *err)
{
	struct file_log *f = self(log);
	struct keeper k = { .epoch = epoch };
	spk_status status = file_read(log, keep_newer, &k, err);
	int old = f->fd;

	if (status == SPK_OK)
		status = spk_file_write_atomic(f->path, k.kept.data, k.kept.size, err);
	if (status == SPK_OK) {
		status = open_locked(f, err);
		if (status == SPK_OK) {
			f->end = (off_t)k.kept.size;
			close(old);
		} else {
			f->fd = old;
		}
	}
	spk_buffer_release(&k.kept);
	return status;
}

static void file_close(struct spk_epoch_log *log)
{
	struct file_log *f = self(log);

	if (f->fd >= 0)
		close(f->fd);
	spk_buffer_release(&f->pending);
	free(f->path);
	free(f);
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
	f->fd = -1;
	f->path = strdup(path);
	status = f->path ? open_locked(f, err) : spk_fail_memory(err);
	if (status == SPK_OK)
		status = file_read(&f->base, NULL, NULL, err);
	if (status == SPK_OK && ftruncate(f->fd, f->end) != 0)
		status = spk_fail_errno(err, errno, "cannot cut %s", f->path);
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
	f->fd = -1;
	f->path = strdup(path);
	if (!f->path) {
		free(f);
		return spk_fail_memory(err);
	}
	*out = &f->base;
	return SPK_OK;
}
