/*
 * One buffer under one mutex. The buffer only ever holds whole lines, and the file only ever ends in one: a write that did
 * not get through is cut off again, so that a full disk leaves a shorter file and never a torn one.
 */
#include "core/base/eventlog.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/buffer.h"
#include "core/base/check.h"
#include "core/base/clock.h"
#include "core/base/fault.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "core/base/metrics.h"

enum { BUFFER_SIZE = 64 * 1024, ROTATE_AT = 64 * 1024 * 1024 };

struct spk_event_log {
	pthread_mutex_t lock;
	char *path, *rotated;
	int fd;
	int64_t size, rotate_at;      /* of the file, all of it whole lines */
	struct spk_buffer job;        /* as a JSON string */
	struct spk_buffer line, pending;
	int64_t pending_lines;
	struct spk_metric *lost;
};

#define EVENT_NAME(id, name) name,
static const char *const names[] = { SPK_EVENT_LIST(EVENT_NAME) };

/* ---- JSON ----------------------------------------------------------------------------------------------------------- */

/* A text as a JSON string, secrets masked: before escaping, which would hide those that have quotes in them. */
static spk_status put_string(struct spk_buffer *out, const char *text, spk_error *err)
{
	char *copy = strdup(text);
	spk_status status;

	SPK_TRY_PTR(copy, err);
	spk_log_redact_text(copy);
	status = spk_buffer_append_json(out, copy, strlen(copy), err);
	free(copy);
	return status;
}

static spk_status format_line(struct spk_buffer *out, const struct spk_event_log *log, enum spk_event event,
                              const struct spk_event_field *fields, spk_error *err)
{
	SPK_TRY(spk_buffer_printf(out, err, "{\"ts\":%" PRId64 ",\"event\":\"%s\",\"job\":", spk_clock_wall_us(), names[event]));
	SPK_TRY(spk_buffer_append(out, log->job.data, log->job.size, err));
	for (const struct spk_event_field *f = fields; f && f->name; f++) {
		SPK_TRY(spk_buffer_append(out, ",", 1, err));
		SPK_TRY(spk_buffer_append_json(out, f->name, strlen(f->name), err));
		SPK_TRY(spk_buffer_append(out, ":", 1, err));
		if (f->text)
			SPK_TRY(put_string(out, f->text, err));
		else
			SPK_TRY(spk_buffer_printf(out, err, "%" PRId64, f->number));
	}
	return spk_buffer_append(out, "}\n", 2, err);
}

/* ---- The file; all of it with the lock held ------------------------------------------------------------------------- */

/* Opens for appending. What a crash left of a line is ended, so that the next one can be read. */
static spk_status open_file(struct spk_event_log *log, spk_error *err)
{
	struct stat info;
	char last = '\n';

	log->fd = open(log->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (log->fd < 0)
		return spk_fail_errno(err, errno, "cannot open event log %s", log->path);
	log->size = fstat(log->fd, &info) == 0 ? info.st_size : 0;
	if (log->size && pread(log->fd, &last, 1, log->size - 1) == 1 && last != '\n')
		log->size += write(log->fd, "\n", 1) == 1;
	return SPK_OK;
}

/* Never fails: when there is no second file to be had, the first grows on. */
static void rotate(struct spk_event_log *log)
{
	if (rename(log->path, log->rotated) != 0)
		return;
	close(log->fd);
	open_file(log, NULL);
}

static bool write_pending(struct spk_event_log *log)
{
	const char *at = log->pending.data;
	size_t left = log->pending.size;

	if (log->fd < 0 && open_file(log, NULL))
		return false;
	if (spk_fault(SPK_FAULT_FILE_WRITE, NULL))
		return false;
	while (left > 0) {
		ssize_t n = write(log->fd, at, left);

		if (n < 0 && errno != EINTR)
			break;
		at += n > 0 ? n : 0;
		left -= n > 0 ? (size_t)n : 0;
	}
	if (left == 0)
		log->size += (int64_t)log->pending.size;
	else if (ftruncate(log->fd, log->size) != 0)
		log->size += write(log->fd, "\n", 1) == 1;
	return left == 0;
}

static void flush_pending(struct spk_event_log *log)
{
	if (log->pending.size == 0)
		return;
	if (log->size > 0 && log->size + (int64_t)log->pending.size > log->rotate_at)
		rotate(log);
	if (!write_pending(log))
		spk_metric_add(log->lost, log->pending_lines);
	spk_buffer_clear(&log->pending);
	log->pending_lines = 0;
}

/* ---- Interface ------------------------------------------------------------------------------------------------------ */

static spk_status set_up(struct spk_event_log *log, const char *path, const char *job, spk_error *err)
{
	log->path = strdup(path);
	SPK_TRY_PTR(log->path, err);
	if (asprintf(&log->rotated, "%s.1", path) < 0) {
		log->rotated = NULL;
		return spk_fail_memory(err);
	}
	SPK_TRY(put_string(&log->job, job, err));
	/* Now, so that flushing needs no memory. */
	SPK_TRY(spk_buffer_reserve(&log->pending, BUFFER_SIZE, err));
	return open_file(log, err);
}

spk_status spk_event_log_open(struct spk_event_log **out, const char *path, const char *job, spk_error *err)
{
	struct spk_event_log *log = calloc(1, sizeof(*log));
	spk_status status;

	SPK_TRY_PTR(log, err);
	pthread_mutex_init(&log->lock, NULL);
	log->fd = -1;
	log->rotate_at = ROTATE_AT;
	log->lost = spk_metric(SPK_COUNTER, "event_log_lost_total", NULL);
	status = set_up(log, path, job, err);
	if (status) {
		spk_event_log_close(log);
		return status;
	}
	*out = log;
	return SPK_OK;
}

void spk_event_log_close(struct spk_event_log *log)
{
	if (!log)
		return;
	spk_event_log_flush(log);
	if (log->fd >= 0)
		close(log->fd);
	spk_buffer_release(&log->job);
	spk_buffer_release(&log->line);
	spk_buffer_release(&log->pending);
	pthread_mutex_destroy(&log->lock);
	free(log->rotated);
	free(log->path);
	free(log);
}

void spk_event_log_rotate_at(struct spk_event_log *log, int64_t bytes)
{
	pthread_mutex_lock(&log->lock);
	log->rotate_at = bytes;
	pthread_mutex_unlock(&log->lock);
}

void spk_event_log_write(struct spk_event_log *log, enum spk_event event, const struct spk_event_field *fields)
{
	if (!log)
		return;
	pthread_mutex_lock(&log->lock);
	spk_buffer_clear(&log->line);
	if (format_line(&log->line, log, event, fields, NULL) || log->line.size > BUFFER_SIZE) {
		spk_metric_add(log->lost, 1);
	} else {
		if (log->pending.size + log->line.size > BUFFER_SIZE)
			flush_pending(log);
		memcpy(log->pending.data + log->pending.size, log->line.data, log->line.size);
		log->pending.size += log->line.size;
		log->pending_lines++;
	}
	pthread_mutex_unlock(&log->lock);
}

void spk_event_log_flush(struct spk_event_log *log)
{
	if (!log)
		return;
	pthread_mutex_lock(&log->lock);
	flush_pending(log);
	pthread_mutex_unlock(&log->lock);
}
