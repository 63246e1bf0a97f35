/* Connector 'checkpoint': the rows of a stored relation, part by part, each block checked. Batch queries only. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "connectors/format/field.h"
#include "connectors/stored/internal.h"
#include "core/base/block.h"
#include "core/base/check.h"
#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/columnar/serialize.h"

struct stored {
	struct spk_source base;
	struct spk_arena *arena;
	struct spk_stored *what;
	const char *dir;
	int *fd;                           /* by part */
	struct spk_memory_account *account;
};

static struct stored *self(const struct spk_source *s) { return spk_container_of(s, struct stored, base); }

/* --- opening --- */

static spk_status check_columns(const struct stored *s, const struct spk_table *t, spk_error *err)
{
	char type[512];

	if (t->schema->count != s->what->columns)
		return spk_fail(err, SPK_USAGE, "table \"%s\" has %d columns, the checkpoint %s has %d", t->name, t->schema->count, s->dir, s->what->columns);
	for (int i = 0; i < s->what->columns; i++) {
		const struct spk_stored_column *c = &s->what->column[i];
		const struct spk_field *f = &t->schema->field[i];

		if (strcmp(c->name, f->name) != 0 || strcmp(c->type, spk_type_format(f->type, type, sizeof type)) != 0)
			return spk_fail(err, SPK_USAGE, "table \"%s\": column %d is \"%s\" %s, in the checkpoint %s it is \"%s\" %s", t->name, i + 1, f->name, spk_type_format(f->type, type, sizeof type), s->dir,
					c->name, c->type);
	}
	return SPK_OK;
}

static spk_status open_part(struct stored *s, int part, spk_error *err)
{
	char *path = spk_stored_part_path(s->dir, part);
	struct stat info;
	spk_status status = SPK_OK;

	SPK_TRY_PTR(path, err);
	s->fd[part] = open(path, O_RDONLY | O_CLOEXEC);
	if (s->fd[part] < 0)
		status = spk_fail_errno(err, errno, "cannot open %s", path);
	else if (fstat(s->fd[part], &info) != 0 || info.st_size != s->what->part[part].bytes)
		status = spk_fail(err, SPK_CORRUPT, "%s has %lld bytes, its manifest says %lld", path, (long long)info.st_size, (long long)s->what->part[part].bytes);
	free(path);
	return status;
}

static spk_status open_all(struct stored *s, const struct spk_table *t, spk_error *err)
{
	SPK_TRY_PTR(s->arena = spk_arena_new(s->account), err);
	SPK_TRY(spk_stored_describe(s->dir, s->arena, &s->what, err));
	SPK_TRY(check_columns(s, t, err));
	SPK_TRY_PTR(s->fd = SPK_NEW_ARRAY(s->arena, int, s->what->parts + 1), err);
	for (int i = 0; i < s->what->parts; i++)
		s->fd[i] = -1;
	s->base.partitions = s->what->parts;
	for (int i = 0; i < s->what->parts; i++)
		SPK_TRY(open_part(s, i, err));
	return SPK_OK;
}

static void stored_close(struct spk_source *base)
{
	struct stored *s = self(base);

	for (int i = 0; s->fd && i < s->what->parts; i++)
		if (s->fd[i] >= 0)
			close(s->fd[i]);
	spk_arena_unref(s->arena);
	free(s);
}

static spk_status stored_open(struct spk_source **out, const struct spk_source_spec *spec, spk_error *err)
{
	struct stored *s = calloc(1, sizeof *s);
	spk_status status;

	SPK_TRY_PTR(s, err);
	s->base = (struct spk_source){ .type = &spk_stored_source, .spec = spec };
	s->dir = spk_format_option(spec->table, "path");
	s->account = spk_memory_account("checkpoints");
	status = spec->batch ? open_all(s, spec->table, err) : spk_fail(err, SPK_UNSUPPORTED, "table \"%s\": a checkpoint as a source of a job is not supported", spec->table->name);
	if (status == SPK_OK)
		*out = &s->base;
	else
		stored_close(&s->base);
	return status;
}

static const char *stored_partition_name(const struct spk_source *s, int partition)
{
	(void)partition;
	return self(s)->dir;
}

static spk_status stored_seek(struct spk_source *s, const int64_t *position, int64_t *resolved, spk_error *err)
{
	(void)err;
	for (int i = 0; i < s->partitions; i++)
		resolved[i] = SPK_MAX(position[i], 0);
	return SPK_OK;
}

static spk_status stored_ends(struct spk_source *base, bool bounded_only, int64_t *end, spk_error *err)
{
	(void)bounded_only;
	(void)err;
	for (int i = 0; i < base->partitions; i++)
		end[i] = self(base)->what->part[i].bytes;
	return SPK_OK;
}

/* --- reading --- */

static spk_status corrupt(const struct stored *s, int part, int64_t at, const char *why, spk_error *err)
{
	spk_fail(err, SPK_CORRUPT, "%s/" SPK_STORED_ROWS ", block at byte %lld: %s", s->dir, part, (long long)at, why);
	return spk_hint(err, "The disk or another program has changed it: remove the checkpoint and write it again.");
}

static spk_status read_at(const struct stored *s, int part, int64_t at, void *to, size_t size, spk_error *err)
{
	char *p = to;

	while (size > 0) {
		ssize_t n = pread(s->fd[part], p, size, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return spk_fail_errno(err, errno, "cannot read %s/" SPK_STORED_ROWS, s->dir, part);
		if (n == 0)
			return corrupt(s, part, at, "the file ends in the middle of it", err);
		p += n;
		at += n;
		size -= (size_t)n;
	}
	return SPK_OK;
}

/* The block's data in memory of the batch. */
static spk_status read_block(const struct stored *s, int part, int64_t *at, struct spk_batch *batch, spk_error *err)
{
	struct spk_buffer packed = { .account = s->account };
	const int64_t left = s->what->part[part].bytes - *at;
	const char *wrong;
	struct spk_block h;
	spk_status status;
	size_t used;
	char *data;

	SPK_TRY(read_at(s, part, *at, &h, sizeof h, err));
	if (h.magic != SPK_STORED_MAGIC || h.run != (uint32_t)part || h.number != (uint32_t)(*at / SPK_STORED_ALIGN) || !h.raw || h.raw > SPK_SPILL_BLOCK_MAX || (int64_t)h.stored > left - (int64_t)sizeof h)
		return corrupt(s, part, *at, "its header is not what was written", err);
	SPK_TRY(spk_buffer_reserve(&packed, h.stored, err));
	status = read_at(s, part, *at + (int64_t)sizeof h, packed.data, h.stored, err);
	/* alloc_vector leaves 64 readable bytes behind, as deserializing wants. */
	data = status == SPK_OK ? spk_arena_alloc_vector(batch->arena, h.raw) : NULL;
	if (status == SPK_OK && !data)
		status = spk_fail_memory(err);
	wrong = status == SPK_OK ? spk_block_unpack(&h, packed.data, data) : NULL;
	spk_buffer_release(&packed);
	SPK_TRY(status);
	if (wrong)
		return corrupt(s, part, *at, wrong, err);
	SPK_TRY(spk_batch_deserialize(batch, data, h.raw, &used, err));
	*at += (int64_t)((sizeof h + h.stored + SPK_STORED_ALIGN - 1) / SPK_STORED_ALIGN * SPK_STORED_ALIGN);
	return SPK_OK;
}

static spk_status stored_next(struct spk_source *base, int partition, int64_t *at, struct spk_batch **out, spk_error *err)
{
	const struct stored *s = self(base);
	struct spk_batch *whole;
	spk_status status;

	*out = NULL;
	if (*at >= s->what->part[partition].bytes)
		return SPK_OK;
	SPK_TRY(spk_batch_new(&whole, base->spec->table->schema, s->account, err));
	status = read_block(s, partition, at, whole, err);
	if (status == SPK_OK)
		status = spk_batch_pick(out, whole, base->spec->schema, base->spec->column, err);
	spk_batch_unref(whole);
	return status;
}

/* The manifest is written last, and once: a checkpoint that replaces another has its own. */
static uint64_t version_of(const char *dir)
{
	char *path = spk_stored_manifest_path(dir);
	uint64_t version = 0;
	struct stat st;

	if (path && stat(path, &st) == 0)
		version = (uint64_t)st.st_mtim.tv_sec * 1000000000u + (uint64_t)st.st_mtim.tv_nsec;
	free(path);
	return version;
}

static spk_status stored_estimate(const struct spk_table *table, const struct spk_conf *conf, struct spk_source_estimate *out, spk_error *err)
{
	struct spk_arena *arena = spk_arena_new(spk_memory_account("checkpoints"));
	const char *dir = spk_format_option(table, "path");
	struct spk_stored *what;
	spk_status status;

	(void)conf;
	SPK_TRY_PTR(arena, err);
	status = dir ? spk_stored_describe(dir, arena, &what, err) : SPK_USAGE;
	if (status == SPK_OK)
		*out = (struct spk_source_estimate){ (double)what->rows, what->bytes, version_of(dir) };
	spk_arena_unref(arena);
	return status;
}

static const struct spk_option_spec options[] = {
	{ "path", false, true, NULL, "The folder that spk_frame_checkpoint wrote." },
	{ 0 },
};

const struct spk_source_type spk_stored_source = {
	.name = "checkpoint",
	.options = options,
	.replayable = true,
	.open = stored_open,
	.partition_name = stored_partition_name,
	.seek = stored_seek,
	.ends = stored_ends,
	.next = stored_next,
	.estimate = stored_estimate,
	.close = stored_close,
};
