/*
 * A full disk under the checkpoint store and the epoch log: clean errors, nothing half that is trusted, and all is well again when
 * there is room. The disk is a tmpfs of a few MB, mounted in a name space of this process alone; that needs root.
 */
#include <sched.h>
#include <sys/mount.h>
#include <sys/statvfs.h>

#include "checkpoint/epoch_log.h"
#include "tests/checkpoint/store_support.h"

static char *disk;

/* NULL, or why it cannot be done here. */
static const char *mount_disk(void)
{
	disk = spk_test_dir("disk");
	if (unshare(CLONE_NEWNS) != 0)
		return "unshare";
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 || mount("tmpfs", disk, "tmpfs", 0, "size=4m,mode=700") != 0)
		return "mount";
	return NULL;
}

/* Fills the disk but for about `left` bytes. */
static void fill(size_t left)
{
	char *path = spk_test_format("%s/ballast", disk);
	struct statvfs v;
	FILE *f;

	spk_test_remove(path);
	REQUIRE(statvfs(disk, &v) == 0);
	f = fopen(path, "wb");
	REQUIRE(f != NULL);
	for (size_t room = (size_t)v.f_bavail * v.f_bsize; room > left; room -= SPK_MIN(room - left, 4096u))
		fwrite((char[4096]){ 1 }, 1, SPK_MIN(room - left, 4096u), f);
	fclose(f);
	free(path);
}

static void make_room(void)
{
	char *path = spk_test_format("%s/ballast", disk);

	spk_test_remove(path);
	free(path);
}

/* Whatever room there is, from none to enough: the old checkpoint stays, the new one is whole or not there. */
static void checkpoints_fail_cleanly(void)
{
	char *outside = spk_test_dir("outside"), *snapshot = spk_test_format("%s/snapshot", outside), *store = spk_test_format("%s/store", disk);
	char *target = spk_test_format("%s/clone", outside), *big = spk_test_format("%s/000009.sst", snapshot);
	char *manifest = spk_test_format("%s/checkpoint-000000000002.json", store);
	struct spk_checkpoint_store *s = open_store(store);
	struct content one = { .count = 1, .file = { { "000009.sst", "one", 3 } } };
	spk_error err = { 0 };
	int failed = 0;

	write_content(&one, snapshot);
	REQUIRE_OK(save(s, snapshot, 1, &err), err);
	spk_test_remove(snapshot);
	REQUIRE(mkdir(snapshot, 0700) == 0);
	for (size_t left = 0; left < 120 * 1024; left += 8 * 1024) {
		static char bytes[64 * 1024];
		int64_t oldest;
		spk_status status;

		memset(bytes, (int)(left / 1024), sizeof bytes);
		spk_test_spew(big, bytes, sizeof bytes);
		fill(left);
		err = (spk_error){ 0 };
		status = save(s, snapshot, 2, &err);
		if (status != SPK_OK) {
			failed++;
			CHECK_EQ_INT(status, SPK_IO);
			CHECK(err.retriable);
			CHECK_HOLDS(err.message, "checkpoint of epoch 2");
			CHECK_EQ_INT(count_files(store, "files"), 1);
		} else {
			CHECK_OK(s->type->verify(s, 2, &err), err);
		}
		check_checkpoint(s, 1, &one, target);
		make_room();
		REQUIRE_OK(save(s, snapshot, 2, &err), err);
		CHECK_OK(s->type->verify(s, 2, &err), err);
		/* As if it had never been. */
		unlink(manifest);
		CHECK_OK(s->type->retain(s, 2, &oldest, &err), err);
	}
	CHECK(failed > 3 && failed < 15);
	s->type->close(s);
	free(manifest);
	free(big);
	free(target);
	free(store);
	free(snapshot);
	free(outside);
}

static void clones_fail_cleanly(void)
{
	char *outside = spk_test_dir("outside"), *snapshot = spk_test_format("%s/snapshot", outside), *store = spk_test_format("%s/store", outside);
	char *target = spk_test_format("%s/clone", disk), *big = spk_test_format("%s/000009.log", snapshot);
	struct spk_checkpoint_store *s = open_store(store);
	static char bytes[64 * 1024];
	spk_error err = { 0 };

	REQUIRE(mkdir(snapshot, 0700) == 0);
	spk_test_spew(big, bytes, sizeof bytes);
	REQUIRE_OK(save(s, snapshot, 1, &err), err);
	fill(16 * 1024);
	CHECK_FAILS(s->type->clone(s, 1, target, &err), SPK_IO, err);
	CHECK(access(target, F_OK) != 0);
	make_room();
	CHECK_OK(s->type->clone(s, 1, target, &err), err);
	spk_test_remove(target);
	s->type->close(s);
	free(big);
	free(target);
	free(store);
	free(snapshot);
	free(outside);
}

/* --- the epoch log --- */

static spk_status count_record(void *user, const void *data, size_t size, spk_error *err)
{
	(void)data;
	(void)size;
	(void)err;
	++*(int *)user;
	return SPK_OK;
}

static spk_status append(struct spk_epoch_log *log, int64_t epoch, const char *engine, spk_error *err)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_epoch_record *r = plain_record(arena, epoch, 0);
	struct spk_buffer bytes = { 0 };
	spk_status status;

	r->engine = engine;
	encode_record(r, &bytes);
	log->type->begin(log, NULL);
	log->type->append(log, epoch, bytes.data, bytes.size, NULL);
	status = log->type->commit(log, err);
	spk_buffer_release(&bytes);
	spk_arena_unref(arena);
	return status;
}

static void commits_fail_cleanly(void)
{
	static char engine[3 * 4096];
	char *path = spk_test_format("%s/epochs.log", disk);
	struct spk_epoch_log *log = NULL;
	int64_t epoch = 1;
	int records;
	spk_error err = { 0 };

	memset(engine, 'e', sizeof engine - 1);
	REQUIRE_OK(spk_file_epoch_log_open(&log, path, &err), err);
	for (int i = 0; i < 6; i++) {
		fill((size_t)i * 4096);
		/* A large record that does not fit, or just so; then a small one where there is room. */
		if (append(log, epoch, engine, &err) == SPK_OK)
			epoch++;
		else
			CHECK(err.code == SPK_IO && err.retriable);
		records = 0;
		CHECK_OK(log->type->read(log, count_record, &records, &err), err);
		CHECK_EQ_INT(records, epoch - 1);
		if (log->type->truncate(log, 1, &err) != SPK_OK)
			CHECK(err.code == SPK_IO);
		make_room();
		REQUIRE_OK(append(log, epoch++, "t", &err), err);
		log->type->close(log);
		REQUIRE_OK(spk_file_epoch_log_open(&log, path, &err), err);
		records = 0;
		CHECK_OK(log->type->read(log, count_record, &records, &err), err);
		CHECK_EQ_INT(records, epoch - 1);
	}
	CHECK(epoch > 7 && epoch < 13);
	log->type->close(log);
	free(path);
}

int main(int argc, char **argv)
{
	static const spk_test tests[] = {
		{ "checkpoints fail cleanly", checkpoints_fail_cleanly },
		{ "clones fail cleanly", clones_fail_cleanly },
		{ "commits fail cleanly", commits_fail_cleanly },
	};
	const char *why = mount_disk();
	int code;

	if (why) {
		printf("skipped: no tmpfs can be mounted here (%s: %s)\n", why, strerror(errno));
		return 77;
	}
	code = spk_test_main(argc, argv, "full disk", tests, SPK_COUNT_OF(tests));
	umount(disk);
	free(disk);
	return code;
}
