/* The local checkpoint store over plain folders: what goes in comes out, damage is found and named, nothing half is trusted. */
#include <fcntl.h>
#include <sys/file.h>

#include "tests/checkpoint/store_support.h"

/* Paths of one test. */
struct place { char *dir, *store, *snapshot, *target; };

static struct place place_new(const char *name)
{
	struct place p = { .dir = spk_test_dir(name) };

	p.store = spk_test_format("%s/store", p.dir);
	p.snapshot = spk_test_format("%s/snapshot", p.dir);
	p.target = spk_test_format("%s/clone", p.dir);
	return p;
}

static void place_free(struct place *p)
{
	spk_test_remove(p->dir);
	free(p->dir);
	free(p->store);
	free(p->snapshot);
	free(p->target);
}

/* --- the plain way --- */

static void gives_back_what_was_saved(void)
{
	struct place p = place_new("plain");
	struct spk_checkpoint_store *s = open_store(p.store);
	spk_test_rng rng = spk_test_rng_new(1);
	struct content c = random_content(&rng);
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_epoch_record *want = plain_record(arena, 12, 1);
	struct spk_checkpoint *read = NULL;
	struct spk_buffer bytes = { 0 };
	int64_t epoch[64];
	spk_error err = { 0 };

	CHECK_EQ_INT(list_epochs(s, epoch), 0);
	write_content(&c, p.snapshot);
	REQUIRE_OK(save(s, p.snapshot, 12, &err), err);
	REQUIRE_OK(save(s, p.snapshot, 7, &err), err);
	s->type->close(s);
	s = open_store(p.store);
	CHECK_EQ_INT(list_epochs(s, epoch), 2);
	CHECK(epoch[0] == 7 && epoch[1] == 12);
	check_checkpoint(s, 12, &c, p.target);
	check_checkpoint(s, 7, &c, p.target);
	REQUIRE_OK(s->type->read(s, 12, arena, &read, &err), err);
	CHECK_EQ_STR(read->job, "j");
	CHECK_EQ_INT(read->epoch, 12);
	CHECK_EQ_INT(read->record->epoch, 12);
	encode_record(want, &bytes);
	CHECK(read->record->hash == want->hash);
	spk_buffer_release(&bytes);
	CHECK_EQ_INT(read->plan_hash, 7);
	CHECK_EQ_INT(read->files, c.count);
	CHECK(read->created_us > 0);
	spk_arena_unref(arena);
	s->type->close(s);
	place_free(&p);
}

static void a_stateless_job_has_no_files(void)
{
	struct place p = place_new("stateless");
	struct spk_checkpoint_store *s = open_store(p.store);
	struct content none = { 0 };
	spk_error err = { 0 };

	REQUIRE_OK(save(s, NULL, 1, &err), err);
	check_checkpoint(s, 1, &none, p.target);
	CHECK_EQ_INT(count_files(p.store, "files"), 0);
	s->type->close(s);
	place_free(&p);
}

static void equal_files_are_stored_once(void)
{
	struct place p = place_new("shared");
	struct spk_checkpoint_store *s = open_store(p.store);
	struct content c = { .count = 3, .file = { { "1.sst", "same", 4 }, { "2.sst", "same", 4 }, { "3.log", "other", 5 } } }, d = c;
	spk_error err = { 0 };

	write_content(&c, p.snapshot);
	REQUIRE_OK(save(s, p.snapshot, 1, &err), err);
	CHECK_EQ_INT(count_files(p.store, "files"), 2);
	/* An old name with another content, as RocksDB gives them after a restore. */
	memcpy(d.file[1].bytes, "diff", 4);
	write_content(&d, p.snapshot);
	REQUIRE_OK(save(s, p.snapshot, 2, &err), err);
	/* Tables of the same content once; any other file once for each checkpoint. */
	CHECK_EQ_INT(count_files(p.store, "files"), 4);
	check_checkpoint(s, 1, &c, p.target);
	check_checkpoint(s, 2, &d, p.target);
	s->type->close(s);
	place_free(&p);
}

static void keeps_the_newest(void)
{
	struct place p = place_new("retain");
	struct spk_checkpoint_store *s = open_store(p.store);
	struct content c[7] = { 0 };
	int64_t oldest = -1, epoch[64];
	spk_error err = { 0 };

	CHECK_OK(s->type->retain(s, 3, &oldest, &err), err);
	CHECK_EQ_INT(oldest, 0);
	for (int e = 1; e <= 6; e++) {
		c[e] = (struct content){ .count = 2, .file = { { "same.sst", "same", 4 }, { "own", "", 1 } } };
		c[e].file[1].bytes[0] = (char)('0' + e);
		write_content(&c[e], p.snapshot);
		REQUIRE_OK(save(s, p.snapshot, e, &err), err);
	}
	CHECK_OK(s->type->retain(s, 3, &oldest, &err), err);
	CHECK_EQ_INT(oldest, 4);
	CHECK_EQ_INT(list_epochs(s, epoch), 3);
	CHECK_EQ_INT(count_files(p.store, "files"), 4);
	/* Never fewer than two. */
	CHECK_OK(s->type->retain(s, 0, &oldest, &err), err);
	CHECK_EQ_INT(oldest, 5);
	CHECK_EQ_INT(count_files(p.store, "files"), 3);
	for (int e = 5; e <= 6; e++)
		check_checkpoint(s, e, &c[e], p.target);
	s->type->close(s);
	place_free(&p);
}

static void names_of_others_are_not_listed(void)
{
	static const char *const names[] = { "checkpoint-7.json", "checkpoint-000000000007.json.tmp", "checkpoint-00000000007x.json", "checkpoint--00000000001.json",
		"checkpoint- 00000000001.json", "other", "checkpoint-" };
	struct place p = place_new("names");
	struct spk_checkpoint_store *s = open_store(p.store);
	int64_t epoch[64], oldest;
	spk_error err = { 0 };

	for (size_t i = 0; i < SPK_COUNT_OF(names); i++) {
		char *path = spk_test_format("%s/%s", p.store, names[i]);

		spk_test_spew(path, "x", 1);
		free(path);
	}
	CHECK_EQ_INT(list_epochs(s, epoch), 0);
	CHECK_OK(s->type->retain(s, 2, &oldest, &err), err);
	CHECK_FAILS(s->type->verify(s, 7, &err), SPK_NOT_FOUND, err);
	CHECK_HOLDS(err.message, "checkpoint of epoch 7");
	s->type->close(s);
	place_free(&p);
}

static void clones_into_empty_folders_only(void)
{
	struct place p = place_new("target");
	struct spk_checkpoint_store *s = open_store(p.store);
	struct content c = { .count = 1, .file = { { "1.sst", "a", 1 } } }, other = { .count = 1, .file = { { "2.sst", "b", 1 } } };
	spk_error err = { 0 };

	write_content(&c, p.snapshot);
	REQUIRE_OK(save(s, p.snapshot, 1, &err), err);
	write_content(&other, p.target);
	CHECK_FAILS(s->type->clone(s, 1, p.target, &err), SPK_EXISTS, err);
	CHECK_HOLDS(err.message, p.target);
	CHECK(has_content(&other, p.target));
	s->type->close(s);
	place_free(&p);
}

/* --- damage --- */

/* Flips one byte after the other of a file; verify must refuse, naming checkpoint and file. */
static void flip_bytes(struct spk_checkpoint_store *s, const char *path, int64_t epoch, const char *name, const char *target)
{
	char *where = spk_test_format("checkpoint of epoch %d", (int)epoch);
	size_t size;
	char *bytes = spk_test_slurp(path, &size);
	spk_error err = { 0 };

	REQUIRE(bytes != NULL);
	for (size_t i = 0; i < size; i++) {
		char was = bytes[i];

		bytes[i] = (char)(was ^ (1 << i % 8));
		spk_test_spew(path, bytes, size);
		if (CHECK_FAILS(s->type->verify(s, epoch, &err), SPK_CORRUPT, err)) {
			CHECK_HOLDS(err.message, where);
			CHECK_HOLDS(err.message, name);
		}
		bytes[i] = was;
	}
	CHECK_FAILS(s->type->clone(s, epoch, target, &err), SPK_CORRUPT, err);
	CHECK(access(target, F_OK) != 0);
	spk_test_spew(path, bytes, size);
	CHECK_OK(s->type->verify(s, epoch, &err), err);
	free(bytes);
	free(where);
}

/* All bits of the manifest, whose format has more structure. */
static void flip_bits(struct spk_checkpoint_store *s, const char *path, int64_t epoch)
{
	size_t size;
	char *bytes = spk_test_slurp(path, &size);

	REQUIRE(bytes != NULL);
	for (size_t i = 0; i < 8 * size; i++) {
		spk_error err = { 0 };

		bytes[i / 8] = (char)(bytes[i / 8] ^ 1 << i % 8);
		spk_test_spew(path, bytes, size);
		if (CHECK_FAILS(s->type->verify(s, epoch, &err), SPK_CORRUPT, err)) {
			CHECK_HOLDS(err.message, "checkpoint of epoch 7");
			CHECK_HOLDS(err.message, path);
		}
		bytes[i / 8] = (char)(bytes[i / 8] ^ 1 << i % 8);
	}
	spk_test_spew(path, bytes, size);
	free(bytes);
}

static void every_flipped_byte_is_found(void)
{
	struct place p = place_new("flipped");
	struct spk_checkpoint_store *s = open_store(p.store);
	struct content c = { .count = 3, .file = { { "CURRENT", "MANIFEST-000005\n", 16 }, { "000007.sst", "0123456789abcdefghij", 20 }, { "OPTIONS-9", "a=b\n", 4 } } };
	char *manifest = spk_test_format("%s/checkpoint-000000000007.json", p.store);
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_checkpoint *read = NULL;
	spk_error err = { 0 };

	write_content(&c, p.snapshot);
	REQUIRE_OK(save(s, p.snapshot, 7, &err), err);
	REQUIRE_OK(s->type->read(s, 7, arena, &read, &err), err);
	for (int i = 0; i < read->files; i++) {
		char *path = stored_path(p.store, read, i);

		flip_bytes(s, path, 7, read->file[i].name, p.target);
		free(path);
	}
	flip_bits(s, manifest, 7);
	flip_bytes(s, manifest, 7, manifest, p.target);
	check_checkpoint(s, 7, &c, p.target);
	free(manifest);
	spk_arena_unref(arena);
	s->type->close(s);
	place_free(&p);
}

static void missing_and_cut_files_are_found(void)
{
	struct place p = place_new("missing");
	struct spk_checkpoint_store *s = open_store(p.store);
	struct content c = { .count = 1, .file = { { "000007.sst", "0123456789", 10 } } };
	char *manifest = spk_test_format("%s/checkpoint-000000000007.json", p.store), *path, *text;
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_checkpoint *read = NULL;
	spk_error err = { 0 };
	size_t size;

	write_content(&c, p.snapshot);
	REQUIRE_OK(save(s, p.snapshot, 7, &err), err);
	REQUIRE_OK(s->type->read(s, 7, arena, &read, &err), err);
	path = stored_path(p.store, read, 0);
	unlink(path);  /* the snapshot's file is the same one */
	spk_test_spew(path, "01234", 5);
	CHECK_FAILS(s->type->verify(s, 7, &err), SPK_CORRUPT, err);
	CHECK_HOLDS(err.message, "000007.sst");
	/* A new checkpoint with that content does not trust what is there. */
	REQUIRE_OK(save(s, p.snapshot, 8, &err), err);
	check_checkpoint(s, 8, &c, p.target);
	unlink(path);
	CHECK_FAILS(s->type->verify(s, 7, &err), SPK_NOT_FOUND, err);
	CHECK_HOLDS(err.message, "checkpoint of epoch 7");
	CHECK_HOLDS(err.message, "000007.sst");
	CHECK_FAILS(s->type->clone(s, 7, p.target, &err), SPK_NOT_FOUND, err);
	/* Every length of the manifest but its own. */
	text = spk_test_slurp(manifest, &size);
	for (size_t i = 0; i < size; i++) {
		spk_test_spew(manifest, text, i);
		CHECK_FAILS(s->type->read(s, 7, arena, &read, &err), SPK_CORRUPT, err);
		CHECK_HOLDS(err.message, manifest);
	}
	/* Another epoch's manifest under this name. */
	free(text);
	free(path);
	path = spk_test_format("%s/checkpoint-000000000008.json", p.store);
	text = spk_test_slurp(path, &size);
	spk_test_spew(manifest, text, size);
	CHECK_FAILS(s->type->read(s, 7, arena, &read, &err), SPK_CORRUPT, err);
	free(text);
	free(path);
	free(manifest);
	spk_arena_unref(arena);
	s->type->close(s);
	place_free(&p);
}

/* What a manifest names cannot be known when it cannot be read. */
static void a_broken_manifest_keeps_all_files(void)
{
	struct place p = place_new("broken");
	struct spk_checkpoint_store *s = open_store(p.store);
	char *manifest = spk_test_format("%s/checkpoint-000000000002.json", p.store), *stray = spk_test_format("%s/files/stray", p.store);
	int64_t oldest;
	spk_error err = { 0 };

	for (int e = 1; e <= 3; e++) {
		struct content c = { .count = 1, .file = { { "own", "", 1 } } };

		c.file[0].bytes[0] = (char)('0' + e);
		write_content(&c, p.snapshot);
		REQUIRE_OK(save(s, p.snapshot, e, &err), err);
	}
	spk_test_spew(manifest, "{}", 2);
	spk_test_spew(stray, "x", 1);
	CHECK_OK(s->type->retain(s, 2, &oldest, &err), err);
	CHECK_EQ_INT(oldest, 2);
	CHECK_EQ_INT(count_files(p.store, "files"), 4);
	unlink(manifest);
	CHECK_OK(s->type->retain(s, 2, &oldest, &err), err);
	CHECK_EQ_INT(count_files(p.store, "files"), 1);
	free(manifest);
	free(stray);
	s->type->close(s);
	place_free(&p);
}

static void garbage_stays_while_another_saves(void)
{
	struct place p = place_new("busy");
	struct spk_checkpoint_store *s = open_store(p.store);
	char *lock = spk_test_format("%s/lock", p.store), *stray = spk_test_format("%s/files/stray", p.store);
	int fd = open(lock, O_RDONLY | O_CREAT, 0600);
	int64_t oldest;
	spk_error err = { 0 };

	REQUIRE(fd >= 0 && flock(fd, LOCK_SH) == 0);
	spk_test_spew(stray, "x", 1);
	CHECK_OK(s->type->retain(s, 2, &oldest, &err), err);
	CHECK_EQ_INT(count_files(p.store, "files"), 1);
	close(fd);
	CHECK_OK(s->type->retain(s, 2, &oldest, &err), err);
	CHECK_EQ_INT(count_files(p.store, "files"), 0);
	free(lock);
	free(stray);
	s->type->close(s);
	place_free(&p);
}

/* --- failures --- */

static const char *const save_points[] = { "checkpoint.copy", "checkpoint.manifest", "file.write", "file.sync", "file.rename", "malloc" };

/* Every step of a save fails once: no half checkpoint, nothing left over, and the next attempt works. */
static void a_failed_save_leaves_nothing_behind(void)
{
	struct content one = { .count = 2, .file = { { "a.sst", "same", 4 }, { "b", "one", 3 } } }, two = { .count = 3, .file = { { "a.sst", "same", 4 }, { "b", "two", 3 }, { "c", "new", 3 } } };

	for (size_t i = 0; i < SPK_COUNT_OF(save_points); i++) {
		spk_status status = SPK_IO;
		int n = 0;

		while (status != SPK_OK && ++n < 200) {
			struct place p = place_new("faulty");
			struct spk_checkpoint_store *s = open_store(p.store);
			char *fault = spk_test_format("%s:%d", save_points[i], n);
			struct spk_arena *arena = spk_arena_new(NULL);
			struct spk_epoch_record *record = plain_record(arena, 2, 1);
			spk_error err = { 0 };

			write_content(&one, p.snapshot);
			REQUIRE_OK(save(s, p.snapshot, 1, &err), err);
			write_content(&two, p.snapshot);
			REQUIRE_OK(spk_fault_set(fault, &err), err);
			status = s->type->save(s, p.snapshot, record, &err);
			spk_fault_set(NULL, NULL);
			check_checkpoint(s, 1, &one, p.target);
			/* The very last step may fail when all is done: then it must be whole. */
			if (lists(s, 2))
				check_checkpoint(s, 2, &two, p.target);
			else
				CHECK_EQ_INT(count_files(p.store, "files"), 2);
			REQUIRE_OK(save(s, p.snapshot, 2, &err), err);
			check_checkpoint(s, 2, &two, p.target);
			s->type->close(s);
			spk_arena_unref(arena);
			free(fault);
			place_free(&p);
		}
		CHECK(status == SPK_OK && n > 1);
	}
}

static void a_failed_clone_leaves_nothing_behind(void)
{
	static const char *const points[] = { "recovery.clone", "file.write", "file.sync", "malloc" };
	struct place p = place_new("unclonable");
	struct spk_checkpoint_store *s = open_store(p.store);
	struct content c = { .count = 3, .file = { { "1.sst", "abc", 3 }, { "2.sst", "def", 3 }, { "LOG", "xyz", 3 } } };
	spk_error err = { 0 };

	write_content(&c, p.snapshot);
	REQUIRE_OK(save(s, p.snapshot, 1, &err), err);
	for (size_t i = 0; i < SPK_COUNT_OF(points); i++) {
		spk_status status = SPK_IO;
		int n = 0;

		while (status != SPK_OK && ++n < 100) {
			char *fault = spk_test_format("%s:%d", points[i], n);

			REQUIRE_OK(spk_fault_set(fault, &err), err);
			status = s->type->clone(s, 1, p.target, &err);
			spk_fault_set(NULL, NULL);
			CHECK(status == SPK_OK ? has_content(&c, p.target) : access(p.target, F_OK) != 0);
			free(fault);
		}
		CHECK(status == SPK_OK && n > 1);
		check_checkpoint(s, 1, &c, p.target);
	}
	s->type->close(s);
	place_free(&p);
}

/* Saves epoch 2 and retains, dying on the way. */
static int save_in_child(const struct place *p, const char *fault)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		struct spk_checkpoint_store *s = open_store(p->store);
		int64_t oldest;

		spk_fault_set(fault, NULL);
		save(s, p->snapshot, 3, NULL);
		s->type->retain(s, 2, &oldest, NULL);
		s->type->close(s);
		_exit(0);
	}
	while (waitpid(pid, &status, 0) < 0)
		;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void check_after_death(const struct place *p, const struct content *two, const struct content *three)
{
	struct spk_checkpoint_store *s = open_store(p->store);
	int64_t oldest;
	spk_error err = { 0 };

	check_checkpoint(s, 2, two, p->target);
	if (lists(s, 3))
		check_checkpoint(s, 3, three, p->target);
	REQUIRE_OK(save(s, p->snapshot, 3, &err), err);
	check_checkpoint(s, 3, three, p->target);
	CHECK_OK(s->type->retain(s, 2, &oldest, &err), err);
	CHECK_EQ_INT(oldest, 2);
	/* Nothing is left of what was half done: files "same", "two", "three"; two manifests, lock and files/. */
	CHECK_EQ_INT(count_files(p->store, "files"), 3);
	CHECK_EQ_INT(count_files(p->store, "."), 4);
	s->type->close(s);
}

static void dying_leaves_no_half_checkpoint(void)
{
	struct content one = { .count = 2, .file = { { "a.sst", "same", 4 }, { "b", "one", 3 } } }, two = { .count = 2, .file = { { "a.sst", "same", 4 }, { "b", "two", 3 } } },
		       three = { .count = 2, .file = { { "a.sst", "same", 4 }, { "b", "three", 5 } } };

	for (size_t i = 0; i < SPK_COUNT_OF(save_points); i++) {
		int exit = 128 + SIGKILL, n = 0;

		while (exit == 128 + SIGKILL && ++n < 100) {
			struct place p = place_new("killed");
			struct spk_checkpoint_store *s = open_store(p.store);
			char *fault = spk_test_format("%s:%d:kill", save_points[i], n);
			spk_error err = { 0 };

			write_content(&one, p.snapshot);
			REQUIRE_OK(save(s, p.snapshot, 1, &err), err);
			write_content(&two, p.snapshot);
			REQUIRE_OK(save(s, p.snapshot, 2, &err), err);
			s->type->close(s);
			write_content(&three, p.snapshot);
			exit = save_in_child(&p, fault);
			check_after_death(&p, &two, &three);
			free(fault);
			place_free(&p);
		}
		CHECK(exit == 0 && n > 1);
	}
}

/* A long life with failures drawn at random: what is listed is always whole and what was put in. */
static void a_long_life_at_random(void)
{
	struct place p = place_new("random");
	struct spk_checkpoint_store *s = open_store(p.store);
	spk_test_rng rng = spk_test_rng_new(2);
	int rounds = spk_test_long() ? 2000 : 150;
	struct content *c = calloc((size_t)rounds + 1, sizeof *c);
	int64_t epoch[64];

	for (int e = 1; e <= rounds; e++) {
		char *fault = spk_test_format("%s:%d", save_points[spk_test_below(&rng, 5)], (int)spk_test_below(&rng, 12));
		int64_t oldest = 0;
		spk_status status;
		spk_error err = { 0 };
		int count;

		c[e] = spk_test_one_in(&rng, 3) && e > 1 ? c[e - 1] : random_content(&rng);
		write_content(&c[e], p.snapshot);
		if (spk_test_one_in(&rng, 2))
			spk_fault_set(fault, NULL);
		status = save(s, p.snapshot, e, &err);
		CHECK(status != SPK_OK || lists(s, e));
		if (spk_test_one_in(&rng, 2))
			s->type->retain(s, 1 + (int)spk_test_below(&rng, 5), &oldest, NULL);
		spk_fault_set(NULL, NULL);
		count = list_epochs(s, epoch);
		for (int i = 0; i < count; i++)
			check_checkpoint(s, epoch[i], &c[epoch[i]], p.target);
		if (count > 20)
			CHECK_OK(s->type->retain(s, 5, &oldest, &err), err);
		free(fault);
	}
	free(c);
	s->type->close(s);
	place_free(&p);
}

SPK_TEST_SUITE("local checkpoint store",
	{ "gives back what was saved", gives_back_what_was_saved },
	{ "a stateless job has no files", a_stateless_job_has_no_files },
	{ "equal files are stored once", equal_files_are_stored_once },
	{ "keeps the newest", keeps_the_newest },
	{ "names of others are not listed", names_of_others_are_not_listed },
	{ "clones into empty folders only", clones_into_empty_folders_only },
	{ "every flipped byte is found", every_flipped_byte_is_found },
	{ "missing and cut files are found", missing_and_cut_files_are_found },
	{ "a broken manifest keeps all files", a_broken_manifest_keeps_all_files },
	{ "garbage stays while another saves", garbage_stays_while_another_saves },
	{ "a failed save leaves nothing behind", a_failed_save_leaves_nothing_behind },
	{ "a failed clone leaves nothing behind", a_failed_clone_leaves_nothing_behind },
	{ "dying leaves no half checkpoint", dying_leaves_no_half_checkpoint },
	{ "a long life at random", a_long_life_at_random })
