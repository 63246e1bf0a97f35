/*
 * A job's folder: whose it is, and the scratch folders of state in it.
 *
 *   DIR/job.name          the job that DIR belongs to; any other is refused, for it would delete checkpoints that it takes for its own
 *   DIR/state.<pid>       scratch of one process, with a lock beside it that goes with the process: what is not locked is swept
 *   DIR/checkpoints       or <checkpoint.dir>/<job>
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/file.h"
#include "stream/internal.h"

enum { SCRATCH_TRIES = 1000 };

/* --- whose it is --- */

static spk_status check_owner(const char *dir, const char *name, const struct spk_buffer *owner, spk_error *err)
{
	size_t n = strlen(name);

	if (owner->size == n + 1 && memcmp(owner->data, name, n) == 0)
		return SPK_OK;
	spk_fail(err, SPK_EXISTS, "folder %s belongs to job \"%.*s\"", dir, (int)SPK_MAX(owner->size, (size_t)1) - 1, owner->data ? owner->data : "");
	spk_hint(err, "Give job \"%s\" another folder (--dir): its epochs and checkpoints would mix with those that are there.", name);
	if (err)
		err->fatal = true;
	return SPK_EXISTS;
}

static spk_status claim(const char *dir, const char *name, const char *path, struct spk_buffer *owner, spk_error *err)
{
	spk_status status = spk_file_read_all(path, owner, err);

	if (status != SPK_NOT_FOUND)
		return status == SPK_OK ? check_owner(dir, name, owner, err) : status;
	SPK_TRY(spk_buffer_printf(owner, err, "%s\n", name));
	return spk_file_write_atomic(path, owner->data, owner->size, err);
}

spk_status spk_job_claim_folder(const char *dir, const char *name, spk_error *err)
{
	struct spk_buffer path = { 0 }, owner = { 0 };
	spk_status status = spk_dir_create(dir, err);

	if (status == SPK_OK)
		status = spk_buffer_printf(&path, err, "%s/job.name", dir);
	if (status == SPK_OK)
		status = spk_buffer_cstr(&path) ? claim(dir, name, path.data, &owner, err) : spk_fail_memory(err);
	spk_buffer_release(&path);
	spk_buffer_release(&owner);
	return status;
}

char *spk_job_checkpoint_dir(const struct spk_conf *conf, const char *dir, const char *name, struct spk_arena *arena)
{
	const char *configured = spk_conf_text(conf, SPK_CONF_CHECKPOINT_DIR);

	return *configured ? spk_arena_printf(arena, "%s/%s", configured, name) : spk_arena_printf(arena, "%s/checkpoints", dir);
}

/* --- scratch --- */

/* Locks PATH.lock; -1: somebody has it. The file may be swept between opening and locking: then it is made again. */
static int lock_scratch(const char *path)
{
	char lock[4096 + 8];
	struct stat held, there;
	int fd;

	snprintf(lock, sizeof lock, "%s.lock", path);
	for (int i = 0; i < SCRATCH_TRIES; i++) {
		fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0)
			break;
		if (fstat(fd, &held) == 0 && stat(lock, &there) == 0 && held.st_ino == there.st_ino)
			return fd;
		close(fd);
		fd = -1;
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

/* Removes the scratch folder whose lock is held, and the lock with it. */
static void remove_scratch(const char *path, int lock)
{
	char beside[4096 + 16];

	spk_dir_remove(path, NULL);
	snprintf(beside, sizeof beside, "%s-snapshot", path);
	spk_dir_remove(beside, NULL);
	snprintf(beside, sizeof beside, "%s.lock", path);
	unlink(beside);
	close(lock);
}

static void strip_ending(char *name, const char *ending)
{
	size_t n = strlen(name), m = strlen(ending);

	if (n > m && strcmp(name + n - m, ending) == 0)
		name[n - m] = '\0';
}

/* Removes what processes that are gone have left. */
static void sweep_scratch(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		char path[4096];
		int lock;

		if (strncmp(e->d_name, "state.", 6) != 0)
			continue;
		snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
		strip_ending(path, ".lock");
		strip_ending(path, "-snapshot");
		lock = lock_scratch(path);
		if (lock >= 0)
			remove_scratch(path, lock);
	}
	if (d)
		closedir(d);
}

/* A number behind the process's own when another has that too: in containers process numbers are not unique. */
static spk_status take_scratch(struct spk_job *job, spk_error *err)
{
	for (int i = 0; i < SCRATCH_TRIES && job->state_lock < 0; i++) {
		job->state_dir = i ? spk_arena_printf(job->arena, "%s/state.%d.%d", job->spec.dir, (int)getpid(), i) : spk_arena_printf(job->arena, "%s/state.%d", job->spec.dir, (int)getpid());
		SPK_TRY_PTR(job->state_dir, err);
		job->state_lock = lock_scratch(job->state_dir);
	}
	return job->state_lock < 0 ? spk_fail_errno(err, errno, "cannot lock a folder for state in %s", job->spec.dir) : SPK_OK;
}

/* --- open and close --- */

spk_status spk_job_folder_open(struct spk_job *job, spk_error *err)
{
	const char *checkpoints = spk_job_checkpoint_dir(job->spec.conf, job->spec.dir, job->spec.name, job->arena);

	SPK_TRY_PTR(checkpoints, err);
	SPK_TRY(spk_job_claim_folder(job->spec.dir, job->spec.name, err));
	sweep_scratch(job->spec.dir);
	SPK_TRY(take_scratch(job, err));
	SPK_TRY(spk_local_checkpoint_store_open(&job->checkpoints, checkpoints, err));
	if (spk_conf_int(job->spec.conf, SPK_CONF_EVENT_LOG))
		SPK_TRY(spk_event_log_open(&job->events, spk_arena_printf(job->arena, "%s/events.jsonl", job->spec.dir), job->spec.name, err));
	return SPK_OK;
}

void spk_job_folder_close(struct spk_job *job)
{
	if (job->checkpoints)
		job->checkpoints->type->close(job->checkpoints);
	job->checkpoints = NULL;
	spk_event_log_close(job->events);
	job->events = NULL;
	if (job->state_lock >= 0)
		remove_scratch(job->state_dir, job->state_lock);
	job->state_lock = -1;
	job->state_dir = NULL;
}
