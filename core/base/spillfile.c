/*
 * Spill space: folders, files, runs. See spillfile.h.
 *
 * A run takes extents of 1 MiB from one of the area's files, so that its blocks lie together (they are read in order) and can be given back
 * by punching holes along page borders. Files are sparse: what an extent does not use takes no room on the disk.
 */
#include "core/base/spillfile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/base/block.h"
#include "core/base/check.h"
#include "core/base/fault.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "core/base/metrics.h"

enum {
	FILES = 8,
	EXTENT = 1 << 20,
	PAGE = 4096,
	HOLDERS = 1000,              /* folders of one process */
	MAGIC = 0x4c4c4950,
};

#define PREFIX "sparklet-spill-"

struct spill_file { int fd; _Atomic int64_t end; };

struct spk_spill_area {
	char *directory, *path;      /* path: NULL until the first write; set once, under lock */
	pthread_mutex_t lock;
	int fd;                      /* of the folder, locked */
	_Atomic bool ready;          /* path and files are there */
	struct spill_file file[FILES];
	_Atomic int folders;         /* whose names were given out */
	_Atomic int64_t runs, written, read, held, peak;
	struct { struct spk_metric *written, *read, *runs, *held; } metric;
};

struct block { int64_t at; uint32_t raw, stored; };   /* stored: with the header */
struct extent { int64_t at, size; };

struct spk_spill_run {
	struct spk_spill_area *area;
	int file;
	uint32_t number;             /* in the area */
	int64_t blocks, block_capacity, stored;
	struct block *block;
	int64_t extents, extent_capacity;
	struct extent *extent;
	int64_t at, end;             /* what is left of the last extent */
};

/* --- folders of processes that are gone --- */

/* When a process started, in ticks since the boot; 0 when there is no such process. */
static unsigned long long process_start(long pid)
{
	char path[64], text[1024];
	unsigned long long start = 0;
	const char *at;
	FILE *file;
	size_t n;

	snprintf(path, sizeof path, "/proc/%ld/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	n = fread(text, 1, sizeof text - 1, file);
	fclose(file);
	text[n] = '\0';
	/* Field 22; the second is the program's name in parentheses, which may hold anything. */
	at = strrchr(text, ')');
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	return at && sscanf(at, "%llu", &start) == 1 ? start : 0;
}

static bool is_alive(const char *name)
{
	unsigned long long start;
	long pid;

	if (sscanf(name, PREFIX "%ld-%llu-", &pid, &start) != 2)
		return true;
	return pid > 0 && process_start(pid) == start && start > 0;
}

/* Removes a folder if its owner is gone. The number may mean nothing here (another container), the lock always does. */
static void remove_dead(const char *directory, const char *name)
{
	char path[4096];
	struct stat info;
	int fd;

	if (is_alive(name) || (size_t)snprintf(path, sizeof path, "%s/%s", directory, name) >= sizeof path)
		return;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return;
	if (fstat(fd, &info) == 0 && info.st_uid == geteuid() && flock(fd, LOCK_EX | LOCK_NB) == 0) {
		spk_error err = { 0 };

		if (spk_dir_remove(path, &err) != SPK_OK)
			SPK_LOG(WARN, "spill", "cannot remove the spill folder of a dead process: %s", err.message);
	}
	close(fd);
}

static spk_status clean(const char *directory, bool must_be_there, spk_error *err)
{
	DIR *dir = opendir(directory);
	struct dirent *entry;

	if (!dir && must_be_there) {
		spk_fail_errno(err, errno, "cannot use spill.dir %s", directory);
		return spk_hint(err, "name a folder that is there and may be written to, or leave it out for the system's temporary one");
	}
	while (dir && (entry = readdir(dir)))
		if (strncmp(entry->d_name, PREFIX, sizeof PREFIX - 1) == 0)
			remove_dead(directory, entry->d_name);
	if (dir)
		closedir(dir);
	return SPK_OK;
}

/* --- areas --- */

static const char *default_directory(void)
{
	const char *directory = getenv("TMPDIR");

	return directory && *directory ? directory : "/tmp";
}

spk_status spk_spill_area_new(struct spk_spill_area **out, const char *directory, spk_error *err)
{
	bool given = directory && *directory;
	struct spk_spill_area *a;

	SPK_TRY(clean(given ? directory : default_directory(), given, err));
	a = calloc(1, sizeof *a);
	SPK_TRY_PTR(a, err);
	a->directory = strdup(given ? directory : default_directory());
	if (!a->directory) {
		free(a);
		return spk_fail_memory(err);
	}
	pthread_mutex_init(&a->lock, NULL);
	a->fd = -1;
	for (int i = 0; i < FILES; i++)
		a->file[i].fd = -1;
	a->metric.written = spk_metric(SPK_COUNTER, "spill_written_bytes_total", NULL);
	a->metric.read = spk_metric(SPK_COUNTER, "spill_read_bytes_total", NULL);
	a->metric.runs = spk_metric(SPK_COUNTER, "spill_runs_total", NULL);
	a->metric.held = spk_metric(SPK_GAUGE, "spill_held_bytes", NULL);
	*out = a;
	return SPK_OK;
}

void spk_spill_area_free(struct spk_spill_area *a)
{
	spk_error err = { 0 };

	if (!a)
		return;
	for (int i = 0; i < FILES; i++)
		if (a->file[i].fd >= 0)
			close(a->file[i].fd);
	if (a->path && spk_dir_remove(a->path, &err) != SPK_OK)
		SPK_LOG(WARN, "spill", "cannot remove a spill folder: %s", err.message);
	if (a->fd >= 0)
		close(a->fd);
	pthread_mutex_destroy(&a->lock);
	free(a->directory);
	free(a->path);
	free(a);
}

const char *spk_spill_area_path(const struct spk_spill_area *a)
{
	return atomic_load(&a->ready) ? a->path : NULL;
}

void spk_spill_area_usage(const struct spk_spill_area *a, struct spk_spill_usage *out)
{
	*out = (struct spk_spill_usage){ .written = atomic_load(&a->written), .read = atomic_load(&a->read), .held = atomic_load(&a->held),
		.peak = atomic_load(&a->peak), .runs = atomic_load(&a->runs) };
}

/* A folder that nobody else has, locked. A cleaner may have taken it for dead before the lock was there: then the next one. */
static spk_status make_folder(struct spk_spill_area *a, char *path, size_t size, spk_error *err)
{
	unsigned long long start = process_start(getpid());
	struct stat info;

	for (int n = 0; n < HOLDERS; n++) {
		int fd;

		if ((size_t)snprintf(path, size, "%s/" PREFIX "%ld-%llu-%d", a->directory, (long)getpid(), start, n) >= size)
			return spk_fail(err, SPK_USAGE, "the path of spill.dir is too long: %s", a->directory);
		if (mkdir(path, 0700) != 0) {
			if (errno == EEXIST)
				continue;
			spk_fail_errno(err, errno, "cannot make a spill folder in %s", a->directory);
			return spk_hint(err, "name a folder that may be written to with -s spill.dir=FOLDER");
		}
		fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &info) == 0 && info.st_nlink > 0) {
			a->fd = fd;
			return SPK_OK;
		}
		if (fd >= 0)
			close(fd);
	}
	return spk_fail(err, SPK_IO, "cannot make a spill folder in %s: %d names are taken", a->directory, HOLDERS);
}

static spk_status open_files(struct spk_spill_area *a, spk_error *err)
{
	for (int i = 0; i < FILES; i++) {
		char name[32];

		snprintf(name, sizeof name, "data-%d", i);
		a->file[i].fd = openat(a->fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (a->file[i].fd < 0)
			return spk_fail_errno(err, errno, "cannot make the spill file %s/%s", a->path, name);
	}
	return SPK_OK;
}

static spk_status make_ready(struct spk_spill_area *a, spk_error *err)
{
	spk_status status = SPK_OK;
	char path[4096];

	if (atomic_load_explicit(&a->ready, memory_order_acquire))
		return SPK_OK;
	pthread_mutex_lock(&a->lock);
	if (!a->path) {
		status = make_folder(a, path, sizeof path, err);
		a->path = status == SPK_OK ? strdup(path) : NULL;
		if (status == SPK_OK && !a->path)
			status = spk_fail_memory(err);
	}
	if (status == SPK_OK && a->file[FILES - 1].fd < 0)
		status = open_files(a, err);
	if (status == SPK_OK)
		atomic_store_explicit(&a->ready, true, memory_order_release);
	pthread_mutex_unlock(&a->lock);
	return status;
}

spk_status spk_spill_area_folder(struct spk_spill_area *a, char *path, size_t size, spk_error *err)
{
	SPK_TRY(make_ready(a, err));
	if ((size_t)snprintf(path, size, "%s/%d", a->path, atomic_fetch_add(&a->folders, 1)) >= size)
		return spk_fail(err, SPK_USAGE, "the path of spill.dir is too long: %s", a->directory);
	return SPK_OK;
}

/* --- runs --- */

spk_status spk_spill_run_new(struct spk_spill_run **out, struct spk_spill_area *area, spk_error *err)
{
	struct spk_spill_run *run;

	SPK_TRY(make_ready(area, err));
	run = calloc(1, sizeof *run);
	SPK_TRY_PTR(run, err);
	run->area = area;
	run->number = (uint32_t)atomic_fetch_add(&area->runs, 1);
	run->file = (int)(run->number % FILES);
	spk_metric_add(area->metric.runs, 1);
	*out = run;
	return SPK_OK;
}

static void add_held(struct spk_spill_area *a, int64_t bytes)
{
	int64_t held = atomic_fetch_add(&a->held, bytes) + bytes, peak = atomic_load(&a->peak);

	while (held > peak && !atomic_compare_exchange_weak(&a->peak, &peak, held)) {
	}
	spk_metric_add(a->metric.held, bytes);
}

void spk_spill_run_free(struct spk_spill_run *run)
{
	if (!run)
		return;
	/* Where the file system cannot do this, the space is given back with the area. */
	for (int64_t i = 0; i < run->extents; i++)
		(void)fallocate(run->area->file[run->file].fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, run->extent[i].at, run->extent[i].size);
	add_held(run->area, -run->stored);
	free(run->block);
	free(run->extent);
	free(run);
}

int64_t spk_spill_run_blocks(const struct spk_spill_run *run) { return run->blocks; }
int64_t spk_spill_run_stored(const struct spk_spill_run *run) { return run->stored; }
size_t spk_spill_run_size(const struct spk_spill_run *run, int64_t i) { return run->block[i].raw; }
size_t spk_spill_scratch(size_t size) { return spk_block_scratch(size); }

/* Room for one more element. Not from the budget: 16 bytes for a block of 256 KiB, and asked for just when the budget is used up. */
static spk_status grow(void *array, int64_t count, int64_t *capacity, size_t size, spk_error *err)
{
	int64_t more = *capacity ? 2 * *capacity : 8;
	void *old, *grown;

	if (count < *capacity)
		return SPK_OK;
	memcpy(&old, array, sizeof old);
	grown = realloc(old, (size_t)more * size);
	SPK_TRY_PTR(grown, err);
	memcpy(array, &grown, sizeof grown);
	*capacity = more;
	return SPK_OK;
}

static spk_status take_room(struct spk_spill_run *run, int64_t size, spk_error *err)
{
	int64_t whole = SPK_MAX((size + PAGE - 1) / PAGE * PAGE, (int64_t)EXTENT);

	if (run->end - run->at >= size)
		return SPK_OK;
	SPK_TRY(grow(&run->extent, run->extents, &run->extent_capacity, sizeof *run->extent, err));
	run->at = atomic_fetch_add(&run->area->file[run->file].end, whole);
	run->end = run->at + whole;
	run->extent[run->extents++] = (struct extent){ run->at, whole };
	return SPK_OK;
}

static spk_status write_failed(const struct spk_spill_run *run, int error, spk_error *err)
{
	const struct spk_spill_area *a = run->area;
	bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;
	spk_status status = spk_fail_errno(err, error, "cannot write to the spill file %s/data-%d", a->path, run->file);

	if (!full)
		return status;
	if (err)
		err->retriable = false;
	return spk_hint(err, "the query holds %lld MiB there: let it spill to a larger disk with -s spill.dir=FOLDER, or give it more memory with -s memory.limit=...",
	                (long long)(atomic_load(&a->held) >> 20));
}

static spk_status write_all(const struct spk_spill_run *run, struct iovec *part, int parts, int64_t at, spk_error *err)
{
	SPK_TRY(spk_fault(SPK_FAULT_SPILL_WRITE, err));
	while (parts > 0) {
		ssize_t n = pwritev(run->area->file[run->file].fd, part, parts, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return write_failed(run, n < 0 ? errno : EIO, err);
		at += n;
		while (parts > 0 && (size_t)n >= part->iov_len) {
			n -= (ssize_t)part->iov_len;
			part++;
			parts--;
		}
		if (parts > 0) {
			part->iov_base = (char *)part->iov_base + n;
			part->iov_len -= (size_t)n;
		}
	}
	return SPK_OK;
}

/* For tests: as a disk does that gives another byte than it was given. */
static void damage(const struct spk_spill_run *run, int64_t at, uint8_t byte)
{
	byte ^= 0x10;
	(void)!pwrite(run->area->file[run->file].fd, &byte, 1, at);
}

spk_status spk_spill_run_append(struct spk_spill_run *run, const void *data, size_t size, struct spk_buffer *scratch, spk_error *err)
{
	struct spk_block h = { .magic = MAGIC, .run = run->number, .number = (uint32_t)run->blocks };
	struct spk_spill_area *a = run->area;
	const void *payload;
	int64_t stored;

	SPK_ASSERT(size > 0 && size <= SPK_SPILL_BLOCK_MAX, "a block of a size that cannot be");
	SPK_TRY(grow(&run->block, run->blocks, &run->block_capacity, sizeof *run->block, err));
	SPK_TRY(spk_block_pack(&h, data, size, scratch, &payload, err));
	stored = (int64_t)sizeof h + h.stored;
	SPK_TRY(take_room(run, stored, err));
	struct iovec part[2] = { { &h, sizeof h }, { (void *)(uintptr_t)payload, h.stored } };

	SPK_TRY(write_all(run, part, 2, run->at, err));
	if (spk_fault(SPK_FAULT_SPILL_DAMAGE, NULL) != SPK_OK)
		damage(run, run->at + (int64_t)sizeof h, *(const uint8_t *)payload);
	run->block[run->blocks++] = (struct block){ run->at, (uint32_t)size, (uint32_t)stored };
	run->at += stored;
	run->stored += stored;
	atomic_fetch_add(&a->written, stored);
	spk_metric_add(a->metric.written, stored);
	add_held(a, stored);
	return SPK_OK;
}

/* --- reading --- */

static spk_status corrupt(const struct spk_spill_run *run, int64_t i, const char *why, spk_error *err)
{
	spk_fail(err, SPK_CORRUPT, "spill file %s/data-%d, block %lld of run %u at byte %lld: %s", run->area->path, run->file, (long long)i, run->number,
	         (long long)run->block[i].at, why);
	/* A task that put it there may run again. */
	if (err)
		err->retriable = true;
	return spk_hint(err, "the disk or another program has changed it: check the disk, or spill elsewhere with -s spill.dir=FOLDER, and run the query again");
}

static spk_status read_all(const struct spk_spill_run *run, int64_t i, char *to, size_t size, spk_error *err)
{
	int64_t at = run->block[i].at;

	SPK_TRY(spk_fault(SPK_FAULT_SPILL_READ, err));
	while (size > 0) {
		ssize_t n = pread(run->area->file[run->file].fd, to, size, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return spk_fail_errno(err, errno, "cannot read the spill file %s/data-%d", run->area->path, run->file);
		if (n == 0)
			return corrupt(run, i, "the file ends in the middle of it", err);
		to += n;
		at += n;
		size -= (size_t)n;
	}
	return SPK_OK;
}

spk_status spk_spill_run_read(const struct spk_spill_run *run, int64_t i, void *to, struct spk_buffer *scratch, spk_error *err)
{
	const struct block *b = &run->block[i];
	struct spk_spill_area *a = run->area;
	struct spk_block h;
	const char *wrong;

	SPK_ASSERT(i >= 0 && i < run->blocks, "a block of the run");
	spk_buffer_clear(scratch);
	SPK_TRY(spk_buffer_reserve(scratch, b->stored, err));
	SPK_TRY(read_all(run, i, scratch->data, b->stored, err));
	if (i + 1 < run->blocks)
		(void)posix_fadvise(a->file[run->file].fd, run->block[i + 1].at, run->block[i + 1].stored, POSIX_FADV_WILLNEED);
	memcpy(&h, scratch->data, sizeof h);
	if (h.magic != MAGIC || h.run != run->number || h.number != (uint32_t)i || h.raw != b->raw || h.stored + sizeof h != b->stored)
		return corrupt(run, i, "its header is not what was written", err);
	wrong = spk_block_unpack(&h, scratch->data + sizeof h, to);
	if (wrong)
		return corrupt(run, i, wrong, err);
	atomic_fetch_add(&a->read, b->stored);
	spk_metric_add(a->metric.read, b->stored);
	return SPK_OK;
}
