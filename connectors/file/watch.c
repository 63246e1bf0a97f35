/*
 * Watched files ('source.monitor-interval'): a source without an end. New files become partitions when the job opens its sources again; a file that grows
 * gives its new rows. A row counts when its line end is there, so one that is being written is left for later.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "connectors/file/source.h"
#include "core/base/clock.h"
#include "core/base/file.h"

enum { WINDOW = 64 << 10 };

spk_status spk_files_whole_rows(const char *path, int64_t size, int64_t *end, spk_error *err)
{
	char window[WINDOW];
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return spk_fail_errno(err, errno, "cannot open '%s'", path);
	*end = 0;
	for (int64_t at = size; at > 0 && !*end;) {
		int64_t from = SPK_MAX(at - WINDOW, 0);
		ssize_t got = pread(fd, window, (size_t)(at - from), from);
		const char *last = got > 0 ? memrchr(window, '\n', (size_t)got) : NULL;

		if (got < 0) {
			int failed = errno;

			close(fd);
			return spk_fail_errno(err, failed, "cannot read '%s'", path);
		}
		if (last)
			*end = from + (last - window) + 1;
		at = from;
	}
	close(fd);
	return SPK_OK;
}

/* What has an end of its own is taken whole when it is first seen. */
static bool grows(const struct spk_file_source *s, const struct spk_source_file *f) { return s->watch_us && !f->compressed && !f->array; }

spk_status spk_file_watch_size(const struct spk_file_source *s, struct spk_source_file *f, spk_error *err)
{
	return grows(s, f) ? spk_files_whole_rows(f->path, f->size, &f->size, err) : SPK_OK;
}

spk_status spk_file_watch_part(const struct spk_file_source *s, struct spk_file_part *p, spk_error *err)
{
	int64_t now = spk_clock_monotonic_us(), size;
	struct stat st;

	if (!grows(s, p->file) || now - p->looked_us < s->watch_us)
		return SPK_OK;
	p->looked_us = now;
	/* One that is gone has no more rows; that it was cut is found by whoever asks for what was there. */
	if (stat(p->file->path, &st) != 0 || st.st_size <= p->file->size)
		return SPK_OK;
	SPK_TRY(spk_files_whole_rows(p->file->path, st.st_size, &size, err));
	p->end = p->file->size = SPK_MAX(size, p->file->size);
	return SPK_OK;
}

static bool knows(const struct spk_file_source *s, const char *path)
{
	int low = 0, high = s->files;

	/* They are in the order of their names. */
	while (low < high) {
		int middle = (low + high) / 2, order = strcmp(s->file[middle].path, path);

		if (order == 0)
			return true;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

bool spk_file_watch_grown(struct spk_source *base)
{
	struct spk_file_source *s = spk_file_source_of(base);
	int64_t now = spk_clock_monotonic_us();
	struct spk_arena *arena;
	struct spk_files found = { 0 };
	bool grown = false;

	if (!s->watch_us || now - s->watched_us < s->watch_us)
		return false;
	s->watched_us = now;
	arena = spk_arena_new(NULL);
	/* What cannot be listed now is listed later. */
	if (arena && spk_files_of_table(s->base.spec->table, s->base.spec->conf, arena, &found, NULL) == SPK_OK)
		for (int i = 0; i < found.count && !grown; i++)
			grown = !knows(s, found.path[i]);
	spk_arena_unref(arena);
	return grown;
}
