/*
 * A directory as a sink: a file per epoch and task, epoch-000000000012-task-3.json (of a second INSERT into it epoch-000000000012-task-3-insert-2.json); of
 * a PARTITIONED BY table one in each folder day=.../hour=.../ that rows belong into, made when the first does.
 *
 *   write     rows into hidden files, .epoch-000000000012-task-3.json.part
 *   prepare   those are synced, and the directory: after a crash they are there, still hidden
 *   commit    renamed to their names; what is renamed already is fine, so commit and recovery may be repeated
 *   recover   finishes the hidden files of committed epochs, removes everything of later ones
 *
 * The directory belongs to one job, whose name is in the file .sparklet-job: recovery removes files, and must not take another's. Whoever writes holds
 * a lock on that file. A single INSERT has no job that could go on: what one that was killed has left, hidden files alone, is cleared by the next.
 */
#include "connectors/file/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/check.h"
#include "core/base/fault.h"
#include "core/base/file.h"
#include "connectors/format/field.h"

enum { FLUSH = 1 << 18, NAME = 128, OPEN_MAX = 64 };
static const char owner_file[] = ".sparklet-job";

/* A file of the epoch being written. */
struct part {
	struct part *next;
	int task, fd;                 /* -1: closed, to be opened again */
	char *folder;                 /* below the sink's directory: "" or "day=2025-01-01/" */
	struct spk_buffer pending;
	char hidden[NAME], name[NAME];
};

struct file_sink {
	struct spk_sink base;
	char *path;
	int owner_fd;                 /* of the owner's file, locked; -1: none */
	const char *ending;
	int64_t epoch;                /* of parts; 0: none */
	struct part *parts;
	int open;                     /* descriptors of parts */
};

static const struct spk_option_spec options[] = {
	{ "path", false, true, NULL, "The directory to write files into; it is made if it is not there." },
	{ 0 },
};

static struct file_sink *self(struct spk_sink *s)
{
	return spk_container_of(s, struct file_sink, base);
}

/* "dir/name", "dir/day=2025-01-01/name"; freed by the caller. */
static char *in_folder(const struct file_sink *s, const char *folder, const char *name)
{
	char *path;

	return asprintf(&path, "%s/%s%s", s->path, folder, name) < 0 ? NULL : path;
}

static char *in_dir(const struct file_sink *s, const char *name)
{
	return in_folder(s, "", name);
}

/* Whether a name in a folder that lies `depth` below the directory is one of a folder of rows. */
static bool is_folder(const struct file_sink *s, int depth, const char *name)
{
	return depth < s->base.spec->table->partition_count && name[0] != '.' && strchr(name, '=');
}

/* --- names --- */

/* What a file's name says. */
struct place { int64_t epoch; int task, writer; };

static void part_names(const struct file_sink *s, struct place at, struct part *out)
{
	char writer[24] = "";

	if (at.writer)
		snprintf(writer, sizeof(writer), "-insert-%d", at.writer + 1);
	snprintf(out->name, sizeof(out->name), "epoch-%012lld-task-%d%s.%s", (long long)at.epoch, at.task, writer, s->ending);
	snprintf(out->hidden, sizeof(out->hidden), ".epoch-%012lld-task-%d%s.%s.part", (long long)at.epoch, at.task, writer, s->ending);
}

/* Whether a name in the directory is one of ours, and of what. */
static bool parse_name(const struct file_sink *s, const char *name, struct place *at, bool *hidden)
{
	long long epoch;
	struct part p;
	int found;

	*hidden = name[0] == '.';
	*at = (struct place){ 0 };
	found = sscanf(name + *hidden, "epoch-%12lld-task-%9d-insert-%4d.", &epoch, &at->task, &at->writer);
	if (found < 2)
		return false;
	at->epoch = epoch;
	at->writer -= found == 3;
	part_names(s, *at, &p);
	return !strcmp(name, *hidden ? p.hidden : p.name);
}

/* --- opening --- */

/* The owner of a single INSERT, as sessions name them: no job that will go on. */
static bool is_insert(const struct spk_buffer *owner)
{
	char name[64];
	int end = 0;

	if (owner->size >= sizeof name)
		return false;
	memcpy(name, owner->data, owner->size);
	name[owner->size] = 0;
	if (sscanf(name, "sql-%*[0-9]-%*[0-9]%n", &end), end == 0)
		sscanf(name, "frame-%*[0-9]-0x%*[0-9a-f]%n", &end);
	return end > 0 && (size_t)end == owner->size;
}

/* Nobody holds the owner's file. */
static bool is_left(const char *owner_path)
{
	int fd = open(owner_path, O_RDONLY | O_CLOEXEC);
	bool left = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0;

	if (fd >= 0)
		close(fd);
	return left;
}

/* Removes hidden files; false when there are others of ours, which somebody may want. */
static bool clear_hidden(const struct file_sink *s, const char *path, int depth, bool remove)
{
	DIR *dir = opendir(path);
	bool only = dir != NULL;

	for (struct dirent *e; only && (e = readdir(dir)) != NULL;) {
		bool hidden, ours;
		struct place at;
		char *below;

		if (is_folder(s, depth, e->d_name)) {
			only = asprintf(&below, "%s/%s", path, e->d_name) >= 0;
			if (only) {
				only = clear_hidden(s, below, depth + 1, remove);
				free(below);
			}
			continue;
		}
		ours = parse_name(s, e->d_name, &at, &hidden);
		only = !ours || hidden;
		if (ours && hidden && remove)
			unlinkat(dirfd(dir), e->d_name, 0);
	}
	if (dir)
		closedir(dir);
	return only;
}

/* What a killed INSERT has left goes; true when the directory may be had. */
static bool take_over(const struct file_sink *s, const char *owner_path, const struct spk_buffer *owner)
{
	return s->base.spec->once && is_insert(owner) && is_left(owner_path) && clear_hidden(s, s->path, 0, false) && clear_hidden(s, s->path, 0, true);
}

static spk_status lock_owner(struct file_sink *s, const char *owner_path, spk_error *err)
{
	s->owner_fd = open(owner_path, O_RDONLY | O_CLOEXEC);
	if (s->owner_fd < 0)
		return spk_fail_errno(err, errno, "cannot open '%s'", owner_path);
	(void)flock(s->owner_fd, LOCK_SH | LOCK_NB);   /* where there are no locks, nothing is taken over either */
	return SPK_OK;
}

/* Makes the directory this job's, or finds that it is. */
static spk_status claim(struct file_sink *s, const char *job, spk_error *err)
{
	char *path = in_dir(s, owner_file);
	struct spk_buffer owner = { 0 };
	spk_status status;

	SPK_TRY_PTR(path, err);
	status = spk_file_read_all(path, &owner, NULL);
	if (status == SPK_NOT_FOUND || (status == SPK_OK && take_over(s, path, &owner)))
		status = spk_file_write_atomic(path, job, strlen(job), err);
	else if (status != SPK_OK)
		status = spk_fail(err, status, "cannot read '%s'", path);
	else if (owner.size != strlen(job) || (owner.size && memcmp(owner.data, job, owner.size) != 0)) {
		status = spk_fail(err, SPK_EXISTS, "directory '%s' holds the output of job '%.*s'", s->path, (int)owner.size, owner.data);
		spk_hint(err, "write to another directory, or remove this one if its files are no longer needed");
	}
	if (status == SPK_OK)
		status = lock_owner(s, path, err);
	spk_buffer_release(&owner);
	free(path);
	return status;
}

static void close_part(struct file_sink *s, struct part *p)
{
	if (p->fd < 0)
		return;
	close(p->fd);
	p->fd = -1;
	s->open--;
}

static void drop_parts(struct file_sink *s, bool remove)
{
	struct part *next;

	for (struct part *p = s->parts; p; p = next) {
		char *path = remove ? in_folder(s, p->folder, p->hidden) : NULL;

		next = p->next;
		close_part(s, p);
		if (path)
			unlink(path);
		free(path);
		spk_buffer_release(&p->pending);
		free(p->folder);
		free(p);
	}
	s->parts = NULL;
	s->epoch = 0;
}

static void file_close(struct spk_sink *base)
{
	struct file_sink *s;

	if (!base)
		return;
	s = self(base);
	drop_parts(s, false);
	if (s->owner_fd >= 0)
		close(s->owner_fd);
	spk_sink_close_format(base);
	free(s->path);
	free(s);
}

static spk_status prepare_directory(struct file_sink *s, spk_error *err)
{
	const struct spk_sink_spec *spec = s->base.spec;
	const char *path = spk_format_option(spec->table, "path");
	struct stat st;

	SPK_TRY(spk_files_check_path(path, spec->conf, err));
	s->path = strdup(path);
	SPK_TRY_PTR(s->path, err);
	if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode)) {
		spk_fail(err, SPK_USAGE, "'path' = '%s' is a file", path);
		return spk_hint(err, "as a sink, 'filesystem' writes files into a directory");
	}
	SPK_TRY(spk_dir_create(path, err));
	return claim(s, spec->job ? spec->job : "", err);
}

static spk_status file_open(struct spk_sink **out, const struct spk_sink_spec *spec, spk_error *err)
{
	struct file_sink *s = calloc(1, sizeof(*s));
	spk_status status;

	SPK_TRY_PTR(s, err);
	s->base.type = &spk_file_sink;
	s->owner_fd = -1;
	s->base.spec = spec;
	status = spk_sink_open_format(&s->base, err);
	if (status == SPK_OK) {
		s->ending = s->base.encoder->format == &spk_format_csv ? "csv" : s->base.encoder->format == &spk_format_raw ? "txt" : "json";
		status = prepare_directory(s, err);
		if (status != SPK_OK)
			spk_error_context(err, "table \"%s\"", spec->table->name);
	}
	if (status != SPK_OK) {
		file_close(&s->base);
		return status;
	}
	*out = &s->base;
	return SPK_OK;
}

/* --- writing --- */

/* `how`: O_TRUNC for the first time, O_APPEND again. */
static spk_status open_file(struct file_sink *s, struct part *p, int how, spk_error *err)
{
	char *path = in_folder(s, p->folder, p->hidden);
	spk_status status = SPK_OK;

	SPK_TRY_PTR(path, err);
	p->fd = open(path, O_WRONLY | O_CREAT | how | O_CLOEXEC, 0600);
	if (p->fd < 0)
		status = spk_fail_errno(err, errno, "cannot make '%s'", path);
	else
		s->open++;
	free(path);
	return status;
}

static spk_status flush_part(struct file_sink *s, struct part *p, spk_error *err)
{
	size_t done = 0;

	if (p->fd < 0)
		SPK_TRY(open_file(s, p, O_APPEND, err));
	while (done < p->pending.size) {
		ssize_t n;

		SPK_TRY(spk_fault(SPK_FAULT_FILE_WRITE, err));
		n = write(p->fd, p->pending.data + done, p->pending.size - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return spk_fail_errno(err, errno, "cannot write '%s/%s%s'", s->path, p->folder, p->hidden);
		done += (size_t)n;
	}
	p->pending.size = 0;
	return SPK_OK;
}

/* Many folders have more files than a process may open: what is beyond a few is written and closed. */
static spk_status settle_part(struct file_sink *s, struct part *p, spk_error *err)
{
	if (s->open <= OPEN_MAX || p->fd < 0)
		return SPK_OK;
	SPK_TRY(flush_part(s, p, err));
	close_part(s, p);
	return SPK_OK;
}

static spk_status make_folder(const struct file_sink *s, const char *folder, spk_error *err)
{
	char *path = in_folder(s, folder, "");
	spk_status status = path ? spk_dir_create(path, err) : spk_fail_memory(err);

	free(path);
	return status;
}

static spk_status open_part(struct file_sink *s, int64_t epoch, int task, const char *folder, size_t size, struct part **out, spk_error *err)
{
	struct part *p = calloc(1, sizeof(*p));

	SPK_TRY_PTR(p, err);
	p->task = task;
	p->fd = -1;
	part_names(s, (struct place){ epoch, task, s->base.spec->writer }, p);
	p->next = s->parts;
	s->parts = p;
	p->folder = calloc(1, size + 1);
	SPK_TRY_PTR(p->folder, err);
	if (size)
		memcpy(p->folder, folder, size);
	if (size)
		SPK_TRY(make_folder(s, p->folder, err));
	SPK_TRY(open_file(s, p, O_TRUNC, err));
	*out = p;
	if (s->base.encoder->format->file_head)
		return s->base.encoder->format->file_head(s->base.encoder, &p->pending, err);
	return SPK_OK;
}

static bool is_part(const struct part *p, int task, const char *folder, size_t size)
{
	return p->task == task && strlen(p->folder) == size && (size == 0 || memcmp(p->folder, folder, size) == 0);
}

/* The file for rows of a task in a folder; *p may be it already. */
static spk_status find_part(struct file_sink *s, int64_t epoch, int task, const char *folder, size_t size, struct part **p, spk_error *err)
{
	if (*p && is_part(*p, task, folder, size))
		return SPK_OK;
	if (*p)
		SPK_TRY(settle_part(s, *p, err));
	for (*p = s->parts; *p && !is_part(*p, task, folder, size); *p = (*p)->next)
		;
	return *p ? SPK_OK : open_part(s, epoch, task, folder, size, p, err);
}

static spk_status append_row(struct file_sink *s, struct part *p, const char *data, size_t size, spk_error *err)
{
	SPK_TRY(spk_buffer_reserve(&p->pending, size + 1, err));
	if (size)
		memcpy(p->pending.data + p->pending.size, data, size);
	p->pending.size += size;
	p->pending.data[p->pending.size++] = '\n';
	return p->pending.size >= FLUSH ? flush_part(s, p, err) : SPK_OK;
}

static spk_status file_write(struct spk_sink *base, int64_t epoch, const struct spk_sink_block *block, spk_error *err)
{
	struct file_sink *s = self(base);
	uint32_t start = 0, key = 0;
	struct part *p = NULL;

	if (s->epoch != epoch)
		drop_parts(s, true);
	s->epoch = epoch;
	if (!s->base.keys)
		SPK_TRY(find_part(s, epoch, block->task, NULL, 0, &p, err));
	for (int i = 0; i < block->rows; i++) {
		if (s->base.keys)
			SPK_TRY(find_part(s, epoch, block->task, block->key.data + key, block->key_end[i] - key, &p, err));
		SPK_TRY(append_row(s, p, block->value.data + start, block->value_end[i] - start, err));
		start = block->value_end[i];
		key = block->key_end[i];
	}
	return SPK_OK;
}

/* A new folder's name stands in the one above it. */
static spk_status sync_folders(const struct file_sink *s, const struct part *p, spk_error *err)
{
	size_t size = strlen(p->folder);
	char *path = in_folder(s, p->folder, ""), *end;
	spk_status status = SPK_OK;

	SPK_TRY_PTR(path, err);
	end = path + strlen(path);
	for (char *c = end; status == SPK_OK && c-- > end - size;) {
		if (*c != '/')
			continue;
		*c = '\0';
		status = spk_dir_sync(path, err);
	}
	free(path);
	return status;
}

static spk_status file_prepare(struct spk_sink *base, int64_t epoch, spk_error *err)
{
	struct file_sink *s = self(base);

	if (s->epoch != epoch || !s->parts)
		return SPK_OK;
	for (struct part *p = s->parts; p; p = p->next) {
		SPK_TRY(flush_part(s, p, err));
		SPK_TRY(spk_fault(SPK_FAULT_FILE_SYNC, err));
		if (fsync(p->fd) != 0)
			return spk_fail_errno(err, errno, "cannot sync '%s/%s%s'", s->path, p->folder, p->hidden);
		SPK_TRY(settle_part(s, p, err));
		SPK_TRY(sync_folders(s, p, err));
	}
	return spk_dir_sync(s->path, err);
}

/* --- becoming visible --- */

/* One that is not there was renamed before. */
static spk_status make_visible(const struct file_sink *s, const struct part *p, spk_error *err)
{
	char *from = in_folder(s, p->folder, p->hidden), *to = in_folder(s, p->folder, p->name);
	spk_status status = from && to ? spk_fault(SPK_FAULT_FILE_RENAME, err) : spk_fail_memory(err);

	if (status == SPK_OK && rename(from, to) != 0 && !(errno == ENOENT && access(to, F_OK) == 0))
		status = spk_fail_errno(err, errno, "cannot rename '%s' to '%s'", from, to);
	free(from);
	free(to);
	return status;
}

static spk_status file_commit(struct spk_sink *base, int64_t epoch, spk_error *err)
{
	struct file_sink *s = self(base);

	if (s->epoch != epoch || !s->parts)
		return SPK_OK;
	for (struct part *p = s->parts; p; p = p->next) {
		SPK_TRY(make_visible(s, p, err));
		SPK_TRY(sync_folders(s, p, err));
	}
	SPK_TRY(spk_dir_sync(s->path, err));
	drop_parts(s, false);
	return SPK_OK;
}

static void file_abort(struct spk_sink *base, int64_t epoch)
{
	if (self(base)->epoch == epoch)
		drop_parts(self(base), true);
}

static spk_status settle_name(struct file_sink *s, char *folder, const char *name, int64_t committed, spk_error *err)
{
	struct place at;
	bool hidden;
	struct part p = { .folder = folder };
	char *path;
	spk_status status = SPK_OK;

	if (!parse_name(s, name, &at, &hidden))
		return SPK_OK;
	part_names(s, at, &p);
	if (at.epoch <= committed)
		return hidden ? make_visible(s, &p, err) : SPK_OK;
	path = in_folder(s, folder, name);
	SPK_TRY_PTR(path, err);
	if (unlink(path) != 0 && errno != ENOENT)
		status = spk_fail_errno(err, errno, "cannot remove '%s'", path);
	free(path);
	return status;
}

/* Everything in a folder, "" or "day=2025-01-01/", and in those below it. */
static spk_status settle_folder(struct file_sink *s, char *folder, int depth, int64_t committed, struct spk_arena *arena, spk_error *err)
{
	const char *path = spk_arena_printf(arena, "%s/%s", s->path, folder);
	struct spk_dir_entries entries = { 0 };

	SPK_TRY_PTR(path, err);
	SPK_TRY(spk_dir_list(path, arena, &entries, err));
	for (int i = 0; i < entries.count; i++) {
		char *below;

		if (!is_folder(s, depth, entries.name[i])) {
			SPK_TRY(settle_name(s, folder, entries.name[i], committed, err));
			continue;
		}
		below = spk_arena_printf(arena, "%s%s/", folder, entries.name[i]);
		SPK_TRY_PTR(below, err);
		SPK_TRY(settle_folder(s, below, depth + 1, committed, arena, err));
	}
	return spk_dir_sync(path, err);
}

static spk_status file_recover(struct spk_sink *base, int64_t committed, spk_error *err)
{
	struct file_sink *s = self(base);
	struct spk_arena *arena = spk_arena_new(NULL);
	char top[] = "";
	spk_status status;

	SPK_TRY_PTR(arena, err);
	drop_parts(s, false);
	status = settle_folder(s, top, 0, committed, arena, err);
	spk_arena_unref(arena);
	return status;
}

const struct spk_sink_type spk_file_sink = {
	.name = "filesystem",
	.options = options,
	.takes_format = true,
	.open = file_open,
	.write = file_write,
	.prepare = file_prepare,
	.commit = file_commit,
	.abort = file_abort,
	.recover = file_recover,
	.close = file_close,
};
