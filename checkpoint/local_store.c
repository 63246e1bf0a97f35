/* Checkpoints in a local folder. See store.h. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "checkpoint/manifest.h"
#include "core/base/check.h"
#include "core/base/clock.h"
#include "core/base/fault.h"
#include "core/base/file.h"

/* A file whose content was hashed before. RocksDB's table files never change, and a snapshot links to them. */
struct known { dev_t device; ino_t inode; int64_t size; struct timespec changed; char hash[SPK_FILE_HASH_SIZE]; };

struct local_store {
	struct spk_checkpoint_store base;
	char *dir;
	struct known *known;            /* table files of the last snapshot */
	int known_count;
};

static struct local_store *self(struct spk_checkpoint_store *s) { return spk_container_of(s, struct local_store, base); }

static char *manifest_path(const struct local_store *l, int64_t epoch, struct spk_arena *arena)
{
	return spk_arena_printf(arena, "%s/checkpoint-%012" PRId64 ".json", l->dir, epoch);
}

static bool ends_with(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);

	return n > m && strcmp(name + n - m, end) == 0;
}

/* Tables of RocksDB and images of cells: they are written once. */
static bool is_table(const char *name) { return ends_with(name, ".sst") || ends_with(name, ".image"); }

/*
 * Tables are shared between checkpoints. The small files beside them, which may well be the same in
 * each, are not: one damaged byte must not take all checkpoints away.
 */
char *spk_checkpoint_stored_name(const struct spk_checkpoint_file *f, int64_t epoch, struct spk_arena *arena)
{
	return is_table(f->name) ? spk_arena_strdup(arena, f->hash) : spk_arena_printf(arena, "%s-%" PRId64, f->hash, epoch);
}

static char *file_path(const struct local_store *l, const struct spk_checkpoint_file *f, int64_t epoch, struct spk_arena *arena)
{
	const char *name = spk_checkpoint_stored_name(f, epoch, arena);

	return name ? spk_arena_printf(arena, "%s/files/%s", l->dir, name) : NULL;
}

/*
 * Files that no manifest names yet must not be taken for garbage by another process: whoever saves or clones holds the lock shared,
 * whoever removes files holds it alone, or leaves them for the next time. The lock goes with the descriptor.
 */
static spk_status lock_store(const struct local_store *l, int how, struct spk_arena *arena, int *fd, spk_error *err)
{
	const char *path = spk_arena_printf(arena, "%s/lock", l->dir);
	int lock;

	SPK_TRY_PTR(path, err);
	lock = open(path, O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
	if (lock < 0)
		return spk_fail_errno(err, errno, "cannot open %s", path);
	if (flock(lock, how) != 0) {
		spk_fail_errno(err, errno, "cannot lock %s", path);
		close(lock);
		return SPK_IO;
	}
	*fd = lock;
	return SPK_OK;
}

/* --- save --- */

/* A stored file was synced before it got its name, so only a size that is not right can tell that it was damaged since. */
static bool is_stored(const char *path, int64_t size)
{
	int64_t there;

	return spk_file_size(path, &there, NULL) == SPK_OK && there == size;
}

/* Table files never change, so a link will do; RocksDB rewrites the others. A copy is synced, *linked files are as they were. */
static spk_status link_or_copy(const char *from, const char *to, bool table, bool *linked, spk_error *err)
{
	*linked = table && link(from, to) == 0;
	return *linked ? SPK_OK : spk_file_copy(from, to, err);
}

static spk_status sync_linked(const char *path, spk_error *err)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	spk_status status;

	if (fd < 0)
		return spk_fail_errno(err, errno, "cannot open %s", path);
	status = spk_file_sync(fd, path, err);
	close(fd);
	return status;
}

static spk_status store_file(const char *from, const char *part, const char *to, bool table, spk_error *err)
{
	spk_status status;
	bool linked;

	SPK_TRY(spk_fault(SPK_FAULT_CHECKPOINT_COPY, err));
	unlink(part);
	SPK_TRY(link_or_copy(from, part, table, &linked, err));
	status = linked ? sync_linked(part, err) : SPK_OK;
	if (status == SPK_OK)
		status = spk_fault(SPK_FAULT_FILE_RENAME, err);
	if (status == SPK_OK && rename(part, to) != 0)
		status = spk_fail_errno(err, errno, "cannot rename %s to %s", part, to);
	if (status != SPK_OK)
		unlink(part);
	return status;
}

static bool is_known(const struct known *k, const struct stat *s)
{
	return k->device == s->st_dev && k->inode == s->st_ino && k->size == s->st_size && k->changed.tv_sec == s->st_mtim.tv_sec && k->changed.tv_nsec == s->st_mtim.tv_nsec;
}

/* The file's hash, into *out as well, from the last save if it was there already. */
static spk_status hash_file(const struct local_store *l, const char *path, bool table, struct known *out, spk_error *err)
{
	struct stat s;

	if (stat(path, &s) != 0)
		return spk_fail_errno(err, errno, "cannot look at %s", path);
	for (int i = 0; i < l->known_count && table; i++)
		if (is_known(&l->known[i], &s)) {
			*out = l->known[i];
			return SPK_OK;
		}
	*out = (struct known){ .device = s.st_dev, .inode = s.st_ino, .size = s.st_size, .changed = s.st_mtim };
	return spk_file_hash(path, out->hash, err);
}

static spk_status save_file(const struct local_store *l, const char *snapshot, const char *name, int64_t epoch, struct known *known, struct spk_arena *arena, struct spk_checkpoint_file *out, spk_error *err)
{
	const char *from = spk_arena_printf(arena, "%s/%s", snapshot, name), *to, *part;

	SPK_TRY_PTR(from, err);
	SPK_TRY(hash_file(l, from, is_table(name), known, err));
	*out = (struct spk_checkpoint_file){ .name = name, .size = known->size, .hash = spk_arena_strdup(arena, known->hash) };
	SPK_TRY_PTR(out->hash, err);
	to = file_path(l, out, epoch, arena);
	SPK_TRY_PTR(to, err);
	part = spk_arena_printf(arena, "%s.%d.part", to, (int)getpid());
	SPK_TRY_PTR(part, err);
	return is_stored(to, out->size) ? SPK_OK : store_file(from, part, to, is_table(name), err);
}

static void keep_known(struct local_store *l, struct known *known, int count)
{
	free(l->known);
	l->known = known;
	l->known_count = count;
}

static spk_status save_files(struct local_store *l, const char *snapshot, int64_t epoch, struct spk_arena *arena, struct spk_checkpoint_file **out, int *count, spk_error *err)
{
	struct spk_dir_entries names = { 0 };
	const char *files = spk_arena_printf(arena, "%s/files", l->dir);
	struct known *known;
	spk_status status = SPK_OK;

	SPK_TRY_PTR(files, err);
	if (snapshot)
		SPK_TRY(spk_dir_list(snapshot, arena, &names, err));
	*out = SPK_NEW_ARRAY(arena, struct spk_checkpoint_file, names.count);
	known = calloc((size_t)names.count + 1, sizeof *known);
	if (!*out || !known) {
		free(known);
		return spk_fail_memory(err);
	}
	for (int i = 0; i < names.count && status == SPK_OK; i++)
		status = save_file(l, snapshot, names.name[i], epoch, &known[i], arena, &(*out)[i], err);
	keep_known(l, known, status == SPK_OK ? names.count : 0);
	SPK_TRY(status);
	*count = names.count;
	return names.count ? spk_dir_sync(files, err) : SPK_OK;
}

static spk_status save_all(struct local_store *l, const char *snapshot, struct spk_epoch_record *record, struct spk_arena *arena, struct spk_buffer *text, spk_error *err)
{
	const char *path = manifest_path(l, record->epoch, arena);
	struct spk_checkpoint_file *file = NULL;
	int files = 0;

	SPK_TRY_PTR(path, err);
	SPK_TRY(save_files(l, snapshot, record->epoch, arena, &file, &files, err));
	SPK_TRY(spk_manifest_write(record, spk_clock_wall_us(), file, files, text, err));
	SPK_TRY(spk_fault(SPK_FAULT_CHECKPOINT_MANIFEST, err));
	return spk_file_write_atomic(path, text->data, text->size, err);
}

/* --- look --- */

static bool parse_name(const char *name, int64_t *epoch)
{
	char again[64];

	if (sscanf(name, "checkpoint-%" SCNd64, epoch) != 1 || *epoch < 0)
		return false;
	snprintf(again, sizeof again, "checkpoint-%012" PRId64 ".json", *epoch);
	return strcmp(name, again) == 0;
}

static spk_status local_list(struct spk_checkpoint_store *s, struct spk_arena *arena, int64_t **epoch, int *count, spk_error *err)
{
	struct spk_dir_entries names;
	int n = 0;

	SPK_TRY(spk_dir_list(self(s)->dir, arena, &names, err));
	*epoch = SPK_NEW_ARRAY(arena, int64_t, names.count);
	SPK_TRY_PTR(*epoch, err);
	for (int i = 0; i < names.count; i++)
		n += parse_name(names.name[i], &(*epoch)[n]);
	*count = n;
	return SPK_OK;
}

static spk_status local_read(struct spk_checkpoint_store *s, int64_t epoch, struct spk_arena *arena, struct spk_checkpoint **out, spk_error *err)
{
	const char *path = manifest_path(self(s), epoch, arena);
	struct spk_buffer text = { 0 };
	spk_status status = path ? spk_file_read_all(path, &text, err) : spk_fail_memory(err);

	if (status == SPK_OK) {
		status = spk_manifest_read(text.data, text.size, arena, out, err);
		if (status == SPK_OK && (*out)->epoch != epoch)
			status = spk_fail(err, SPK_CORRUPT, "it says that it is of epoch %" PRId64, (*out)->epoch);
		if (status != SPK_OK)
			spk_error_context(err, "manifest %s", path);
	}
	spk_buffer_release(&text);
	return status;
}

static spk_status verify_file(const struct local_store *l, const struct spk_checkpoint_file *f, int64_t epoch, struct spk_arena *arena, spk_error *err)
{
	const char *path = file_path(l, f, epoch, arena);
	char hash[SPK_FILE_HASH_SIZE];
	spk_status status;

	SPK_TRY_PTR(path, err);
	status = spk_file_hash(path, hash, err);
	if (status == SPK_OK && strcmp(hash, f->hash) != 0)
		status = spk_fail(err, SPK_CORRUPT, "%s has been changed: its hash is %s", path, hash);
	if (status != SPK_OK)
		spk_error_context(err, "file %s", f->name);
	return status;
}

static spk_status verify_all(struct spk_checkpoint_store *s, int64_t epoch, struct spk_arena *arena, struct spk_checkpoint **out, spk_error *err)
{
	SPK_TRY(local_read(s, epoch, arena, out, err));
	for (int i = 0; i < (*out)->files; i++)
		SPK_TRY(verify_file(self(s), &(*out)->file[i], epoch, arena, err));
	return SPK_OK;
}

static spk_status local_verify(struct spk_checkpoint_store *s, int64_t epoch, spk_error *err)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_checkpoint *c;
	spk_status status = arena ? verify_all(s, epoch, arena, &c, err) : spk_fail_memory(err);

	if (status != SPK_OK)
		spk_error_context(err, "checkpoint of epoch %" PRId64, epoch);
	spk_arena_unref(arena);
	return status;
}

static spk_status clone_file(const struct local_store *l, const struct spk_checkpoint_file *f, int64_t epoch, const char *target, struct spk_arena *arena, spk_error *err)
{
	const char *from = file_path(l, f, epoch, arena), *to = spk_arena_printf(arena, "%s/%s", target, f->name);
	bool linked;

	SPK_TRY_PTR(from && to, err);
	return link_or_copy(from, to, is_table(f->name), &linked, err);
}

static spk_status make_target(const char *target, struct spk_arena *arena, spk_error *err)
{
	struct spk_dir_entries names;

	SPK_TRY(spk_dir_create(target, err));
	SPK_TRY(spk_dir_list(target, arena, &names, err));
	return names.count ? spk_fail(err, SPK_EXISTS, "folder %s is not empty", target) : SPK_OK;
}

static spk_status clone_all(struct spk_checkpoint_store *s, int64_t epoch, const char *target, struct spk_arena *arena, spk_error *err)
{
	spk_status status = SPK_OK;
	struct spk_checkpoint *c;

	SPK_TRY(verify_all(s, epoch, arena, &c, err));
	SPK_TRY(spk_fault(SPK_FAULT_RECOVERY_CLONE, err));
	SPK_TRY(make_target(target, arena, err));
	for (int i = 0; i < c->files && status == SPK_OK; i++)
		status = clone_file(self(s), &c->file[i], epoch, target, arena, err);
	if (status != SPK_OK)
		spk_dir_remove(target, NULL);
	return status;
}

static spk_status clone_locked(struct spk_checkpoint_store *s, int64_t epoch, const char *target, struct spk_arena *arena, spk_error *err)
{
	spk_status status;
	int lock;

	SPK_TRY(lock_store(self(s), LOCK_SH, arena, &lock, err));
	status = clone_all(s, epoch, target, arena, err);
	close(lock);
	return status;
}

static spk_status local_clone(struct spk_checkpoint_store *s, int64_t epoch, const char *target, spk_error *err)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	spk_status status = arena ? clone_locked(s, epoch, target, arena, err) : spk_fail_memory(err);

	if (status != SPK_OK)
		spk_error_context(err, "checkpoint of epoch %" PRId64, epoch);
	spk_arena_unref(arena);
	return status;
}

/* --- retain --- */

static int by_name(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

/* All names in the store that the checkpoints need, sorted. */
static spk_status list_names(struct spk_checkpoint *const *c, int count, struct spk_arena *arena, struct spk_dir_entries *out, spk_error *err)
{
	int files = 0;

	for (int i = 0; i < count; i++)
		files += c[i]->files;
	*out = (struct spk_dir_entries){ .name = SPK_NEW_ARRAY(arena, const char *, files) };
	SPK_TRY_PTR(out->name, err);
	for (int i = 0; i < count; i++)
		for (int k = 0; k < c[i]->files; k++) {
			out->name[out->count] = spk_checkpoint_stored_name(&c[i]->file[k], c[i]->epoch, arena);
			SPK_TRY_PTR(out->name[out->count++], err);
		}
	if (out->count)
		qsort(out->name, (size_t)out->count, sizeof *out->name, by_name);
	return SPK_OK;
}

static spk_status remove_file(const char *path, spk_error *err)
{
	SPK_TRY_PTR(path, err);
	return unlink(path) == 0 || errno == ENOENT ? SPK_OK : spk_fail_errno(err, errno, "cannot remove %s", path);
}

/* Manifests that a crash left unfinished. */
static spk_status remove_unfinished(const struct local_store *l, struct spk_arena *arena, spk_error *err)
{
	struct spk_dir_entries names;

	SPK_TRY(spk_dir_list(l->dir, arena, &names, err));
	for (int i = 0; i < names.count; i++) {
		size_t n = strlen(names.name[i]);

		if (strncmp(names.name[i], "checkpoint-", 11) == 0 && strcmp(names.name[i] + n - 4, ".tmp") == 0)
			SPK_TRY(remove_file(spk_arena_printf(arena, "%s/%s", l->dir, names.name[i]), err));
	}
	return SPK_OK;
}

/* Removes files that none of these checkpoints names. A manifest that cannot be read keeps everything: better too much. */
static spk_status remove_unnamed(struct spk_checkpoint_store *s, const int64_t *epoch, int count, struct spk_arena *arena, spk_error *err)
{
	struct spk_checkpoint **kept = SPK_NEW_ARRAY(arena, struct spk_checkpoint *, count);
	const char *folder = spk_arena_printf(arena, "%s/files", self(s)->dir);
	struct spk_dir_entries names, needed;

	SPK_TRY_PTR(kept && folder, err);
	for (int i = 0; i < count; i++)
		if (local_read(s, epoch[i], arena, &kept[i], NULL) != SPK_OK)
			return SPK_OK;
	SPK_TRY(list_names(kept, count, arena, &needed, err));
	SPK_TRY(spk_dir_list(folder, arena, &names, err));
	for (int i = 0; i < names.count; i++)
		if (!needed.count || !bsearch(&names.name[i], needed.name, (size_t)needed.count, sizeof *needed.name, by_name))
			SPK_TRY(remove_file(spk_arena_printf(arena, "%s/%s", folder, names.name[i]), err));
	return SPK_OK;
}

static spk_status collect_garbage(struct spk_checkpoint_store *s, struct spk_arena *arena, spk_error *err)
{
	int lock, count;
	int64_t *epoch;
	spk_status status;

	if (lock_store(self(s), LOCK_EX | LOCK_NB, arena, &lock, NULL) != SPK_OK)
		return SPK_OK;
	status = local_list(s, arena, &epoch, &count, err);
	if (status == SPK_OK)
		status = remove_unfinished(self(s), arena, err);
	if (status == SPK_OK)
		status = remove_unnamed(s, epoch, count, arena, err);
	close(lock);
	return status;
}

static spk_status retain_all(struct spk_checkpoint_store *s, int keep, int64_t *oldest, struct spk_arena *arena, spk_error *err)
{
	int64_t *epoch;
	int count, drop;

	SPK_TRY(local_list(s, arena, &epoch, &count, err));
	drop = SPK_MAX(count - keep, 0);
	for (int i = 0; i < drop; i++)
		SPK_TRY(remove_file(manifest_path(self(s), epoch[i], arena), err));
	/* A manifest must not come back after a crash without its files. */
	if (drop)
		SPK_TRY(spk_dir_sync(self(s)->dir, err));
	*oldest = count ? epoch[drop] : 0;
	return collect_garbage(s, arena, err);
}

static spk_status local_retain(struct spk_checkpoint_store *s, int keep, int64_t *oldest, spk_error *err)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	spk_status status = arena ? retain_all(s, SPK_MAX(keep, 2), oldest, arena, err) : spk_fail_memory(err);

	spk_arena_unref(arena);
	return status;
}

/* --- the parts of save that need the others --- */

static spk_status save_locked(struct spk_checkpoint_store *s, const char *snapshot, struct spk_epoch_record *record, struct spk_arena *arena, spk_error *err)
{
	struct spk_buffer text = { 0 };
	spk_status status;
	int lock;

	SPK_TRY(lock_store(self(s), LOCK_SH, arena, &lock, err));
	status = save_all(self(s), snapshot, record, arena, &text, err);
	spk_buffer_release(&text);
	close(lock);
	/* Gives back the room that a failed attempt took: on a full disk nobody else would. */
	if (status != SPK_OK)
		collect_garbage(s, arena, NULL);
	return status;
}

static spk_status local_save(struct spk_checkpoint_store *s, const char *snapshot, struct spk_epoch_record *record, spk_error *err)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	spk_status status = arena ? save_locked(s, snapshot, record, arena, err) : spk_fail_memory(err);

	if (status != SPK_OK)
		spk_error_context(err, "checkpoint of epoch %" PRId64, record->epoch);
	spk_arena_unref(arena);
	return status;
}

static void local_close(struct spk_checkpoint_store *s)
{
	free(self(s)->known);
	free(self(s)->dir);
	free(self(s));
}

static const struct spk_checkpoint_store_type local_type = {
	.name = "local", .save = local_save, .list = local_list, .read = local_read, .verify = local_verify, .clone = local_clone, .retain = local_retain, .close = local_close,
};

spk_status spk_local_checkpoint_store_open(struct spk_checkpoint_store **out, const char *dir, spk_error *err)
{
	struct local_store *l = calloc(1, sizeof *l);
	struct spk_arena *arena = spk_arena_new(NULL);
	const char *files = arena ? spk_arena_printf(arena, "%s/files", dir) : NULL;
	spk_status status = l && files ? spk_dir_create(files, err) : spk_fail_memory(err);

	if (status == SPK_OK) {
		l->base.type = &local_type;
		l->dir = strdup(dir);
		status = l->dir ? SPK_OK : spk_fail_memory(err);
	}
	spk_arena_unref(arena);
	if (status != SPK_OK) {
		free(l);
		return status;
	}
	*out = &l->base;
	return SPK_OK;
}
