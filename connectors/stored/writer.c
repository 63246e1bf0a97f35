/* Writing a relation into a folder: parts, then the manifest. See stored.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "connectors/stored/internal.h"
#include "core/base/block.h"
#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/columnar/serialize.h"

struct part { int fd; int64_t at, rows; struct spk_buffer raw, packed; };

struct spk_stored_writer {
	char *dir;
	const struct spk_schema *schema;
	struct spk_memory_account *account;
	int lock;                          /* fd of the folder */
	int parts;
	struct part *part;
	bool made, committed;              /* made: the folder was not there */
};

static void close_parts(struct spk_stored_writer *w, bool remove)
{
	for (int i = 0; i < w->parts; i++) {
		char *path = remove && w->part[i].fd >= 0 ? spk_stored_part_path(w->dir, i) : NULL;

		if (w->part[i].fd >= 0)
			close(w->part[i].fd);
		if (path)
			unlink(path);
		free(path);
		spk_buffer_release(&w->part[i].raw);
		spk_buffer_release(&w->part[i].packed);
	}
	free(w->part);
	w->part = NULL;
	w->parts = 0;
}

static spk_status lock(struct spk_stored_writer *w, spk_error *err)
{
	char *manifest;
	spk_status status = SPK_OK;

	w->lock = open(w->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (w->lock < 0)
		return spk_fail_errno(err, errno, "cannot open the folder %s", w->dir);
	if (flock(w->lock, LOCK_EX | LOCK_NB) != 0)
		return spk_fail(err, SPK_UNAVAILABLE, "somebody else writes a checkpoint to %s", w->dir);
	SPK_TRY_PTR(manifest = spk_stored_manifest_path(w->dir), err);
	if (access(manifest, F_OK) == 0) {
		spk_fail(err, SPK_EXISTS, "%s holds a checkpoint already", w->dir);
		status = spk_hint(err, "Read it with spk_frame_read_checkpoint, or remove the folder first.");
	}
	free(manifest);
	return status;
}

spk_status spk_stored_writer_new(struct spk_stored_writer **out, const char *dir, const struct spk_schema *schema, spk_error *err)
{
	struct spk_stored_writer *w = calloc(1, sizeof *w);
	spk_status status = w && (w->dir = strdup(dir)) ? SPK_OK : spk_fail_memory(err);

	if (status == SPK_OK) {
		w->schema = schema;
		w->account = spk_memory_account("checkpoints");
		w->lock = -1;
		w->made = access(dir, F_OK) != 0;
		status = spk_dir_create(dir, err);
	}
	if (status == SPK_OK)
		status = lock(w, err);
	if (status == SPK_OK) {
		*out = w;
		return SPK_OK;
	}
	if (w) {
		w->made = w->made && status != SPK_EXISTS && status != SPK_UNAVAILABLE;
		spk_stored_writer_free(w);
	}
	return status;
}

spk_status spk_stored_begin(struct spk_stored_writer *w, int parts, spk_error *err)
{
	close_parts(w, true);
	w->part = calloc((size_t)parts + 1, sizeof *w->part);
	SPK_TRY_PTR(w->part, err);
	w->parts = parts;
	for (int i = 0; i < parts; i++)
		w->part[i] = (struct part){ .fd = -1, .raw.account = w->account, .packed.account = w->account };
	for (int i = 0; i < parts; i++) {
		char *path = spk_stored_part_path(w->dir, i);

		SPK_TRY_PTR(path, err);
		w->part[i].fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		if (w->part[i].fd < 0)
			spk_fail_errno(err, errno, "cannot write %s", path);
		free(path);
		if (w->part[i].fd < 0)
			return err ? err->code : SPK_IO;
	}
	return SPK_OK;
}

spk_status spk_stored_restart(struct spk_stored_writer *w, int part, spk_error *err)
{
	struct part *p = &w->part[part];

	if (p->at && (ftruncate(p->fd, 0) != 0 || lseek(p->fd, 0, SEEK_SET) != 0))
		return spk_fail_errno(err, errno, "cannot write %s/" SPK_STORED_ROWS " anew", w->dir, part);
	p->at = p->rows = 0;
	return SPK_OK;
}

/* Header, payload and what fills up to the next border, at once. */
static spk_status put_block(struct spk_stored_writer *w, int part, spk_error *err)
{
	struct part *p = &w->part[part];
	struct spk_block h = { .magic = SPK_STORED_MAGIC, .run = (uint32_t)part, .number = (uint32_t)(p->at / SPK_STORED_ALIGN) };
	static const char zeros[SPK_STORED_ALIGN];
	const void *payload;
	spk_status status;
	size_t rest;
	char *path;

	SPK_TRY(spk_block_pack(&h, p->raw.data, p->raw.size, &p->packed, &payload, err));
	rest = (SPK_STORED_ALIGN - (sizeof h + h.stored) % SPK_STORED_ALIGN) % SPK_STORED_ALIGN;
	SPK_TRY_PTR(path = spk_stored_part_path(w->dir, part), err);
	status = spk_file_append(p->fd, path, &h, sizeof h, err);
	if (status == SPK_OK)
		status = spk_file_append(p->fd, path, payload, h.stored, err);
	if (status == SPK_OK && rest)
		status = spk_file_append(p->fd, path, zeros, rest, err);
	free(path);
	p->at += (int64_t)(sizeof h + h.stored + rest);
	return status;
}

spk_status spk_stored_add(struct spk_stored_writer *w, int part, const struct spk_batch *batch, spk_error *err)
{
	struct part *p = &w->part[part];
	int n;

	if (batch->selected == 0)
		return SPK_OK;
	SPK_TRY(spk_batch_rows_per_block(batch, &n, err));
	for (int from = 0; from < batch->selected; from += n) {
		int rows = SPK_MIN(n, batch->selected - from);

		spk_buffer_clear(&p->raw);
		SPK_TRY(spk_batch_serialize(batch, from, rows, &p->raw, err));
		SPK_TRY(put_block(w, part, err));
		p->rows += rows;
	}
	return SPK_OK;
}

static spk_status sync_parts(struct spk_stored_writer *w, struct spk_stored_part *part, spk_error *err)
{
	for (int i = 0; i < w->parts; i++) {
		char *path = spk_stored_part_path(w->dir, i);
		spk_status status = path ? spk_file_sync(w->part[i].fd, path, err) : spk_fail_memory(err);

		free(path);
		SPK_TRY(status);
		part[i] = (struct spk_stored_part){ w->part[i].rows, w->part[i].at };
	}
	return spk_dir_sync(w->dir, err);
}

spk_status spk_stored_commit(struct spk_stored_writer *w, spk_error *err)
{
	struct spk_stored_part *part = calloc((size_t)w->parts + 1, sizeof *part);
	spk_status status = part ? sync_parts(w, part, err) : spk_fail_memory(err);

	if (status == SPK_OK)
		status = spk_stored_write_manifest(w->dir, w->schema, part, w->parts, err);
	free(part);
	w->committed = status == SPK_OK;
	return status;
}

/* A manifest whose name could not be made durable would outlive its parts. */
static void remove_manifest(const struct spk_stored_writer *w)
{
	char *path = spk_stored_manifest_path(w->dir);

	if (path)
		unlink(path);
	free(path);
}

void spk_stored_writer_free(struct spk_stored_writer *w)
{
	if (!w)
		return;
	if (w->parts && !w->committed)
		remove_manifest(w);
	close_parts(w, !w->committed);
	if (w->lock >= 0)
		close(w->lock);
	if (w->made && !w->committed)
		rmdir(w->dir);
	free(w->dir);
	free(w);
}
