/*
 * The image: what a snapshot holds beside RocksDB's files.
 *
 * To give RocksDB a cell costs several times what it costs to write it into a file (order, blocks, filters, compression), and much of what changes between two
 * checkpoints changes again before the next, or is gone by then (windows). So a snapshot writes its dirty cells as they lie, and they stay dirty; a view that is opened over
 * the clone takes those of its shards back into its cache. Cells of tables that nobody opened are carried over from image to image.
 *
 * When that does not pay: see spk_image_wanted. The file's integers are of this machine's byte order, and stand anywhere:
 *
 *   section   of one view, by bucket: bucket, number of cells, then these, each hash, sizes of key and value (UINT32_MAX: none), both one behind the other
 *   index     for each section where it begins and ends, shards, length of the table's name, name
 *   tail      where the index begins, number of sections, what store->imaged was after it, magic
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/check.h"
#include "core/base/fault.h"
#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/columnar/hash.h"
#include "state/internal.h"

#define MAGIC 0x31534c4c45434b53ull  /* "SKCELLS1" */

enum {
	OUT_BYTES = 256 * 1024,
	LOAD_CELLS = 1024,             /* in one put */
	SMALL_IMAGE = 1 << 20,
	IMAGES_PER_FLUSH = 2,          /* cells are written so often on average before they are flushed */
};

struct entry { uint64_t hash; uint32_t key_size, value_size; };
struct run { int64_t bucket; uint64_t cells; };
struct index { uint64_t begin, end, shards, name_size; };
struct tail { uint64_t index, sections, imaged, magic; };

struct section { const char *name; size_t name_size; const char *begin, *end; uint64_t shards; _Atomic uint64_t taken; };
struct spk_image { char *data; size_t size; size_t sections; struct section section[]; };

static uint64_t left_of(const struct section *s) { return s->shards & ~atomic_load(&s->taken); }

static bool is_of(const struct section *s, const char *table)
{
	return s->name_size == strlen(table) && memcmp(s->name, table, s->name_size) == 0;
}

static bool has(const struct entry *e, uint64_t shards) { return shards >> spk_shard_of(e->hash).value & 1; }

static size_t bytes_of(const struct entry *e) { return (size_t)e->key_size + (e->value_size == UINT32_MAX ? 0 : e->value_size); }

/* --- damage --- */

/* Files of checkpoints are compared with their hashes before they are cloned: so this one was written like that, or changed since. */
static void hint_older(spk_error *err)
{
	spk_hint(err, "start again; if that does not help, move the newest checkpoint-*.json of the job out of its folder: it goes on from the one before");
}

static spk_status corrupt(const struct spk_store *s, const char *what, spk_error *err)
{
	spk_fail(err, SPK_CORRUPT, "state store %s: %s %s", s->dir, SPK_IMAGE_FILE, what);
	hint_older(err);
	return SPK_CORRUPT;
}

/* What became of reading the section: damage is given its place. */
static spk_status of_section(const struct spk_store *store, const struct section *s, spk_status status, spk_error *err)
{
	if (status == SPK_CORRUPT) {
		spk_error_context(err, "state store %s: %s, table '%.*s'", store->dir, SPK_IMAGE_FILE, (int)s->name_size, s->name);
		hint_older(err);
	}
	return status;
}

/* --- when --- */

/* Memory that the dirty cells take: their part of all cells. */
static size_t dirty_bytes(const struct spk_store *s)
{
	size_t bytes = 0;

	for (const struct spk_state_view *view = s->views; view; view = view->next)
		for (int i = 0; i < view->buckets; i++) {
			const struct spk_cells *t = &view->bucket[i]->cells;

			if (t->count)
				bytes += (size_t)((double)(t->bytes - t->dead) * t->dirty / t->count);
		}
	return bytes;
}

bool spk_image_wanted(const struct spk_store *s, uint64_t *imaged)
{
	const size_t dirty = dirty_bytes(s);

	*imaged = s->imaged + dirty;
	/* A start reads the whole image, into half of the cache at most. */
	if (dirty == 0 || dirty > spk_store_cache_bound(s) / 2)
		return false;
	/* What only grows is written once more by each image until it is flushed: so they may cost no more than a part of that. */
	return dirty <= SMALL_IMAGE || s->imaged < IMAGES_PER_FLUSH * dirty;
}

/* --- writing --- */

struct out { int fd; const char *path; char *bytes; size_t size; uint64_t written; };

static spk_status drain(struct out *o, spk_error *err)
{
	SPK_TRY(spk_file_append(o->fd, o->path, o->bytes, o->size, err));
	o->size = 0;
	return SPK_OK;
}

static spk_status put(struct out *o, const void *data, size_t size, spk_error *err)
{
	if (o->size + size > OUT_BYTES)
		SPK_TRY(drain(o, err));
	o->written += size;
	if (size > OUT_BYTES)
		return spk_file_append(o->fd, o->path, data, size, err);
	memcpy(o->bytes + o->size, data, size);
	o->size += size;
	return SPK_OK;
}

static spk_status write_bucket(struct out *o, const struct spk_bucket *b, spk_error *err)
{
	struct spk_cell_cursor at = { 0 };

	if (!b->cells.dirty)
		return SPK_OK;
	SPK_TRY(put(o, &(struct run){ b->bucket, b->cells.dirty }, sizeof(struct run), err));
	for (const struct spk_cell *c; (c = spk_cells_next(&b->cells, &at)) != NULL;) {
		const struct entry e = { c->hash, c->key_size, c->value_size };

		if (!(c->flags & SPK_CELL_DIRTY))
			continue;
		SPK_TRY(put(o, &e, sizeof e, err));
		SPK_TRY(put(o, c->bytes, bytes_of(&e), err));
	}
	return SPK_OK;
}

/* Through a section that was opened: where it is, the cells that are left of its bucket, the one at hand and its bytes. */
struct walk { const char *at, *end; struct run run; struct entry entry; const char *bytes; };

static struct walk begin_walk(const struct section *s) { return (struct walk){ .at = s->begin, .end = s->end }; }

static spk_status take(struct walk *w, void *out, size_t size, const char *within, spk_error *err)
{
	if ((size_t)(w->end - w->at) < size)
		return spk_fail(err, SPK_CORRUPT, "it ends within a %s", within);
	memcpy(out, w->at, size);
	w->at += size;
	return SPK_OK;
}

static spk_status next_entry(struct walk *w, spk_error *err)
{
	while (!w->run.cells)
		SPK_TRY(take(w, &w->run, sizeof w->run, "bucket", err));
	w->run.cells--;
	SPK_TRY(take(w, &w->entry, sizeof w->entry, "cell", err));
	w->bytes = w->at;
	if ((size_t)(w->end - w->at) < bytes_of(&w->entry))
		return spk_fail(err, SPK_CORRUPT, "it ends within a cell");
	w->at += bytes_of(&w->entry);
	return SPK_OK;
}

/* To the next cell of these shards; w->bytes is NULL behind the last. */
static spk_status walk_on(struct walk *w, uint64_t shards, spk_error *err)
{
	do {
		w->bytes = NULL;
		if (w->at == w->end)
			return w->run.cells ? spk_fail(err, SPK_CORRUPT, "it ends within a bucket") : SPK_OK;
		SPK_TRY(next_entry(w, err));
	} while (!has(&w->entry, shards));
	return SPK_OK;
}

/* Of a section that was opened the cells that no view took: each a run of its own, they are few. */
static spk_status carry_over(struct out *o, const struct section *s, spk_error *err)
{
	const uint64_t left = left_of(s);
	struct walk w = begin_walk(s);

	for (;;) {
		SPK_TRY(walk_on(&w, left, err));
		if (!w.bytes)
			return SPK_OK;
		SPK_TRY(put(o, &(struct run){ w.run.bucket, 1 }, sizeof(struct run), err));
		SPK_TRY(put(o, &w.entry, sizeof w.entry, err));
		SPK_TRY(put(o, w.bytes, bytes_of(&w.entry), err));
	}
}

struct indexes { struct spk_buffer bytes; uint64_t count; };

static spk_status note(struct indexes *all, uint64_t begin, uint64_t end, uint64_t shards, const char *name, size_t name_size, spk_error *err)
{
	const struct index i = { begin, end, shards, name_size };

	if (begin == end)
		return SPK_OK;
	all->count++;
	SPK_TRY(spk_buffer_append(&all->bytes, &i, sizeof i, err));
	return spk_buffer_append(&all->bytes, name, name_size, err);
}

static spk_status write_sections(struct spk_store *s, bool cells, struct out *o, struct indexes *all, spk_error *err)
{
	for (const struct spk_state_view *view = s->views; view && cells; view = view->next) {
		const uint64_t begin = o->written;

		for (int i = 0; i < view->buckets; i++)
			SPK_TRY(write_bucket(o, view->bucket[i], err));
		SPK_TRY(note(all, begin, o->written, spk_view_shards(view), view->table->name, strlen(view->table->name), err));
	}
	for (size_t i = 0; s->image && i < s->image->sections; i++) {
		const struct section *old = &s->image->section[i];
		const uint64_t begin = o->written;

		if (left_of(old))
			SPK_TRY(of_section(s, old, carry_over(o, old, err), err));
		SPK_TRY(note(all, begin, o->written, left_of(old), old->name, old->name_size, err));
	}
	return SPK_OK;
}

static spk_status write_image(struct spk_store *s, bool cells, uint64_t imaged, struct out *o, spk_error *err)
{
	struct indexes all = { 0 };
	spk_status status = write_sections(s, cells, o, &all, err);
	const uint64_t index = o->written;

	if (status == SPK_OK)
		status = put(o, all.bytes.data, all.bytes.size, err);
	if (status == SPK_OK)
		status = put(o, &(struct tail){ index, all.count, imaged, MAGIC }, sizeof(struct tail), err);
	if (status == SPK_OK)
		status = drain(o, err);
	spk_buffer_release(&all.bytes);
	return status;
}

bool spk_image_is_left(const struct spk_store *s)
{
	for (size_t i = 0; s->image && i < s->image->sections; i++)
		if (left_of(&s->image->section[i]))
			return true;
	return false;
}

spk_status spk_image_write(struct spk_store *s, bool cells, uint64_t imaged, const char *path, spk_error *err)
{
	struct out o = { .path = path };
	spk_status status;

	SPK_TRY(spk_fault(SPK_FAULT_STATE_WRITE, err));
	o.fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (o.fd < 0)
		return spk_fail_errno(err, errno, "cannot make %s", path);
	/* Not from the budget: a checkpoint may come where that is used up. */
	o.bytes = malloc(OUT_BYTES);
	status = o.bytes ? write_image(s, cells, imaged, &o, err) : spk_fail_memory(err);
	free(o.bytes);
	close(o.fd);
	if (status != SPK_OK)
		unlink(path);
	return status;
}

/* --- opening --- */

static spk_status read_index(const struct spk_store *s, struct spk_image *image, uint64_t at, uint64_t end, spk_error *err)
{
	for (size_t i = 0; i < image->sections; i++) {
		struct section *section = &image->section[i];
		struct index x;

		if (end - at < sizeof x)
			return corrupt(s, "has a shorter index than it says", err);
		memcpy(&x, image->data + at, sizeof x);
		at += sizeof x;
		if (x.name_size > end - at || x.begin > x.end || x.end > end)
			return corrupt(s, "has an index that points out of it", err);
		*section = (struct section){ .name = image->data + at, .name_size = x.name_size, .begin = image->data + x.begin, .end = image->data + x.end, .shards = x.shards };
		at += x.name_size;
	}
	return SPK_OK;
}

static spk_status map_file(struct spk_store *s, int fd, size_t size, spk_error *err)
{
	struct tail tail;
	char *data;

	if (size < sizeof tail)
		return corrupt(s, "is too short", err);
	data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		return spk_fail_errno(err, errno, "cannot map %s/%s", s->dir, SPK_IMAGE_FILE);
	memcpy(&tail, data + size - sizeof tail, sizeof tail);
	const bool whole = tail.magic == MAGIC && tail.index <= size - sizeof tail && tail.sections <= size / sizeof(struct index);

	s->image = whole ? calloc(1, sizeof *s->image + tail.sections * sizeof(struct section)) : NULL;
	if (!s->image) {
		munmap(data, size);
		return whole ? spk_fail_memory(err) : corrupt(s, "is no image of cells", err);
	}
	*s->image = (struct spk_image){ .data = data, .size = size, .sections = tail.sections };
	s->imaged = tail.imaged;
	return read_index(s, s->image, tail.index, size - sizeof tail, err);
}

spk_status spk_image_open(struct spk_store *s, spk_error *err)
{
	struct stat st;
	spk_status status;
	char *path;
	int fd;

	if (asprintf(&path, "%s/%s", s->dir, SPK_IMAGE_FILE) < 0)
		return spk_fail_memory(err);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		status = errno == ENOENT ? SPK_OK : spk_fail_errno(err, errno, "cannot open %s", path);
	else
		status = fstat(fd, &st) == 0 ? map_file(s, fd, (size_t)st.st_size, err) : spk_fail_errno(err, errno, "cannot look at %s", path);
	if (fd >= 0)
		close(fd);
	free(path);
	return status;
}

void spk_image_close(struct spk_store *s)
{
	if (!s->image)
		return;
	munmap(s->image->data, s->image->size);
	free(s->image);
	s->image = NULL;
}

void spk_image_forget(struct spk_store *s, const char *table, uint64_t shards)
{
	for (size_t i = 0; s->image && i < s->image->sections; i++)
		if (is_of(&s->image->section[i], table))
			s->image->section[i].shards &= ~shards;
}

void spk_image_give_back(const struct spk_state_view *view)
{
	struct spk_image *image = view->store->image;

	for (size_t i = 0; image && i < image->sections; i++)
		if (is_of(&image->section[i], view->table->name))
			atomic_fetch_and(&image->section[i].taken, ~spk_view_shards(view));
}

/* --- taking cells back --- */

struct load {
	struct spk_state_view *view;
	int n;
	struct spk_row_keys keys;
	struct spk_view key[LOAD_CELLS];
	uint64_t hash[LOAD_CELLS];
	int64_t bucket[LOAD_CELLS];
	struct spk_state_value value[LOAD_CELLS];
};

static spk_status put_loaded(struct load *l, spk_error *err)
{
	SPK_TRY(spk_row_keys_views(&l->keys, l->key, l->n, err));
	SPK_TRY(spk_state_put(l->view, &l->keys, l->hash, l->view->table->kind == SPK_TABLE_BUCKETED ? l->bucket : NULL, l->value, err));
	l->n = 0;
	return SPK_OK;
}

static spk_status load_section(struct load *l, const struct section *s, uint64_t shards, spk_error *err)
{
	struct walk w = begin_walk(s);

	for (;;) {
		SPK_TRY(walk_on(&w, shards, err));
		if (!w.bytes)
			return put_loaded(l, err);
		l->key[l->n] = spk_view(w.bytes, w.entry.key_size);
		l->hash[l->n] = w.entry.hash;
		l->bucket[l->n] = w.run.bucket;
		l->value[l->n] = (struct spk_state_value){ w.bytes + w.entry.key_size, w.entry.value_size };
		if (++l->n == LOAD_CELLS)
			SPK_TRY(put_loaded(l, err));
	}
}

spk_status spk_image_load(struct spk_state_view *view, spk_error *err)
{
	struct spk_image *image = view->store->image;
	struct load *l;
	spk_status status = SPK_OK;

	if (!image)
		return SPK_OK;
	SPK_TRY(spk_fault(SPK_FAULT_STATE_READ, err));
	l = calloc(1, sizeof *l);
	SPK_TRY_PTR(l, err);
	l->view = view;
	for (size_t i = 0; i < image->sections && status == SPK_OK; i++) {
		struct section *s = &image->section[i];
		const uint64_t shards = left_of(s) & spk_view_shards(view);

		if (!shards || !is_of(s, view->table->name))
			continue;
		status = of_section(view->store, s, load_section(l, s, shards, err), err);
		if (status == SPK_OK)
			atomic_fetch_or(&s->taken, shards);
	}
	spk_row_keys_release(&l->keys);
	free(l);
	/* What was read is not needed again, whole pages at least. */
	if (status == SPK_OK && !spk_image_is_left(view->store))
		madvise(image->data, image->size, MADV_DONTNEED);
	return status;
}
