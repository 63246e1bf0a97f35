/* Folders to be checkpointed, and stores to put them in. */
#ifndef SPK_TESTS_CHECKPOINT_STORE_SUPPORT_H
#define SPK_TESTS_CHECKPOINT_STORE_SUPPORT_H

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "checkpoint/store.h"
#include "core/base/check.h"
#include "core/base/file.h"
#include "tests/checkpoint/support.h"

/* What a folder holds: `count` files, number i named by i with this content. */
enum { FILES_MAX = 8, CONTENT_MAX = 400 };
struct content { int count; struct { char name[24]; char bytes[CONTENT_MAX]; size_t size; } file[FILES_MAX]; };

static inline struct content random_content(spk_test_rng *rng)
{
	struct content c = { .count = 1 + (int)spk_test_below(rng, FILES_MAX) };

	for (int i = 0; i < c.count; i++) {
		snprintf(c.file[i].name, sizeof c.file[i].name, "%06d.%s", i, i % 2 ? "sst" : "log");
		c.file[i].size = spk_test_below(rng, CONTENT_MAX);
		spk_test_bytes(rng, c.file[i].bytes, c.file[i].size);
	}
	return c;
}

static inline void write_content(const struct content *c, const char *dir)
{
	spk_test_remove(dir);
	REQUIRE(mkdir(dir, 0700) == 0);
	for (int i = 0; i < c->count; i++) {
		char *path = spk_test_format("%s/%s", dir, c->file[i].name);

		spk_test_spew(path, c->file[i].bytes, c->file[i].size);
		free(path);
	}
}

static inline bool has_content(const struct content *c, const char *dir)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_dir_entries names = { 0 };
	bool same = spk_dir_list(dir, arena, &names, NULL) == SPK_OK && names.count == c->count;

	for (int i = 0; i < c->count && same; i++) {
		char *path = spk_test_format("%s/%s", dir, c->file[i].name);
		size_t size = 0;
		char *bytes = spk_test_slurp(path, &size);

		same = bytes && size == c->file[i].size && memcmp(bytes, c->file[i].bytes, size) == 0;
		free(bytes);
		free(path);
	}
	spk_arena_unref(arena);
	return same;
}

static inline struct spk_checkpoint_store *open_store(const char *dir)
{
	struct spk_checkpoint_store *s = NULL;
	spk_error err = { 0 };

	REQUIRE_OK(spk_local_checkpoint_store_open(&s, dir, &err), err);
	return s;
}

static inline spk_status save(struct spk_checkpoint_store *s, const char *snapshot, int64_t epoch, spk_error *err)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	spk_status status = s->type->save(s, snapshot, plain_record(arena, epoch, 1), err);

	spk_arena_unref(arena);
	return status;
}

/* Epochs in the store, into epoch[0..64). */
static inline int list_epochs(struct spk_checkpoint_store *s, int64_t *epoch)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	int64_t *found = NULL;
	int count = 0;
	spk_error err = { 0 };

	CHECK_OK(s->type->list(s, arena, &found, &count, &err), err);
	REQUIRE(count <= 64);
	if (count)
		memcpy(epoch, found, sizeof *found * (size_t)count);
	spk_arena_unref(arena);
	return count;
}

static inline bool lists(struct spk_checkpoint_store *s, int64_t epoch)
{
	int64_t found[64];
	int count = list_epochs(s, found);

	for (int i = 0; i < count; i++)
		if (found[i] == epoch)
			return true;
	return false;
}

/* The checkpoint gives back just this content. */
static inline void check_checkpoint(struct spk_checkpoint_store *s, int64_t epoch, const struct content *c, const char *target)
{
	spk_error err = { 0 };

	CHECK_OK(s->type->verify(s, epoch, &err), err);
	spk_test_remove(target);
	CHECK_OK(s->type->clone(s, epoch, target, &err), err);
	CHECK(has_content(c, target));
	spk_test_remove(target);
}

/* Names in a folder. */
static inline int count_files(const char *dir, const char *sub)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_dir_entries names = { 0 };
	char *path = spk_test_format("%s/%s", dir, sub);
	spk_error err = { 0 };
	int count;

	CHECK_OK(spk_dir_list(path, arena, &names, &err), err);
	count = names.count;
	free(path);
	spk_arena_unref(arena);
	return count;
}

/* Where a file of a checkpoint lies in the store. */
static inline char *stored_path(const char *store, const struct spk_checkpoint *c, int file)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	char *path = spk_test_format("%s/files/%s", store, spk_checkpoint_stored_name(&c->file[file], c->epoch, arena));

	spk_arena_unref(arena);
	return path;
}

#endif
