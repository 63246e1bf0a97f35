/* Spill space: what is read is what was written, damage is found and named, nothing is left behind. */
#include "core/base/spillfile.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/fault.h"
#include "core/base/memory.h"
#include "tests/support/test.h"

static spk_error err;

/* The spill folders in `dir`. */
static int folders(const char *dir, char *one, size_t size)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	int n = 0;

	while (d && (e = readdir(d)))
		if (strncmp(e->d_name, "sparklet-spill-", 15) == 0) {
			n++;
			if (one)
				snprintf(one, size, "%s/%s", dir, e->d_name);
		}
	closedir(d);
	return n;
}

static void fill(spk_test_rng *rng, char *data, size_t size)
{
	bool noise = spk_test_one_in(rng, 3);

	for (size_t i = 0; i < size; i++)
		data[i] = noise ? (char)spk_test_next(rng) : (char)(i % 251);
}

/* Every block of a run begins with a number of its own. */
static void append(struct spk_spill_run *run, spk_test_rng *rng, struct spk_buffer *scratch, char *data, size_t size, uint64_t number)
{
	fill(rng, data, size);
	memcpy(data, &number, 8);
	memcpy(data + size - 8, &number, 8);
	REQUIRE_OK(spk_spill_run_append(run, data, size, scratch, &err), err);
}

static void check_block(const struct spk_spill_run *run, int64_t i, uint64_t number, struct spk_buffer *scratch)
{
	size_t size = spk_spill_run_size(run, i);
	char *data = malloc(size);

	if (CHECK_OK(spk_spill_run_read(run, i, data, scratch, &err), err)) {
		CHECK_EQ_MEM(data, &number, 8);
		CHECK_EQ_MEM(data + size - 8, &number, 8);
	}
	free(data);
}

static void runs_written_side_by_side_are_read_back(void)
{
	enum { RUNS = 20, BLOCKS = 15, MOST = 300000 };
	spk_test_rng rng = spk_test_rng_new(1);
	char *dir = spk_test_dir("side"), *data = malloc(MOST);
	struct spk_spill_run *run[RUNS];
	struct spk_buffer scratch = { 0 };
	struct spk_spill_usage usage;
	struct spk_spill_area *area;

	REQUIRE_OK(spk_spill_area_new(&area, dir, &err), err);
	CHECK(spk_spill_area_path(area) == NULL);
	CHECK_EQ_INT(folders(dir, NULL, 0), 0);
	for (int r = 0; r < RUNS; r++)
		REQUIRE_OK(spk_spill_run_new(&run[r], area, &err), err);
	CHECK_EQ_INT(folders(dir, NULL, 0), 1);
	for (int b = 0; b < BLOCKS; b++)
		for (int r = 0; r < RUNS; r++)
			append(run[r], &rng, &scratch, data, 16 + spk_test_below(&rng, spk_test_one_in(&rng, 4) ? MOST - 16 : 2000), (uint64_t)(r * 1000 + b));
	for (int r = 0; r < RUNS; r++)
		for (int b = 0; b < BLOCKS; b++)
			check_block(run[r], b, (uint64_t)(r * 1000 + b), &scratch);
	spk_spill_area_usage(area, &usage);
	CHECK_EQ_INT(usage.runs, RUNS);
	CHECK(usage.written > 0 && usage.written == usage.read && usage.held == usage.written && usage.peak == usage.held);
	for (int r = 0; r < RUNS; r++)
		spk_spill_run_free(run[r]);
	spk_spill_area_usage(area, &usage);
	CHECK_EQ_INT(usage.held, 0);
	spk_spill_area_free(area);
	CHECK_EQ_INT(folders(dir, NULL, 0), 0);
	spk_buffer_release(&scratch);
	free(data);
	free(dir);
}

struct reading { const struct spk_spill_run *run; int blocks; bool ok; };

static void *read_run(void *user)
{
	struct reading *r = user;
	struct spk_buffer scratch = { 0 };
	char data[4096];

	r->ok = true;
	for (int64_t i = 0; i < r->blocks; i++) {
		uint64_t number;
		spk_error e;

		r->ok = r->ok && spk_spill_run_read(r->run, i, data, &scratch, &e) == SPK_OK;
		memcpy(&number, data, 8);
		r->ok = r->ok && number == (uint64_t)i;
	}
	spk_buffer_release(&scratch);
	return NULL;
}

static void several_threads_read_one_run(void)
{
	enum { BLOCKS = 300, THREADS = 4 };
	spk_test_rng rng = spk_test_rng_new(2);
	char *dir = spk_test_dir("threads"), data[4096];
	struct reading reading[THREADS];
	struct spk_buffer scratch = { 0 };
	struct spk_spill_area *area;
	struct spk_spill_run *run;
	pthread_t thread[THREADS];

	REQUIRE_OK(spk_spill_area_new(&area, dir, &err), err);
	REQUIRE_OK(spk_spill_run_new(&run, area, &err), err);
	for (int b = 0; b < BLOCKS; b++)
		append(run, &rng, &scratch, data, sizeof data, (uint64_t)b);
	for (int i = 0; i < THREADS; i++) {
		reading[i] = (struct reading){ run, BLOCKS, false };
		REQUIRE_EQ_INT(pthread_create(&thread[i], NULL, read_run, &reading[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(thread[i], NULL);
		CHECK(reading[i].ok);
	}
	spk_spill_run_free(run);
	spk_spill_area_free(area);
	spk_buffer_release(&scratch);
	free(dir);
}

/* Changes one byte of the area's files at a time: whatever it hits is found, and the error says where. */
static void a_changed_byte_is_found(void)
{
	spk_test_rng rng = spk_test_rng_new(3);
	char *dir = spk_test_dir("changed"), data[5000], path[4096], byte;
	struct spk_buffer scratch = { 0 };
	struct spk_spill_area *area;
	struct spk_spill_run *run;
	int fd;

	REQUIRE_OK(spk_spill_area_new(&area, dir, &err), err);
	REQUIRE_OK(spk_spill_run_new(&run, area, &err), err);
	append(run, &rng, &scratch, data, sizeof data, 1);
	append(run, &rng, &scratch, data, 3000, 2);
	snprintf(path, sizeof path, "%s/data-0", spk_spill_area_path(area));
	fd = open(path, O_RDWR);
	REQUIRE(fd >= 0);
	for (int i = 0; i < 200; i++) {
		off_t at = (off_t)spk_test_below(&rng, i < 50 ? 32 : (uint64_t)spk_spill_run_stored(run));
		spk_status first, second;

		REQUIRE_EQ_INT(pread(fd, &byte, 1, at), 1);
		byte = (char)(byte ^ (1 << spk_test_below(&rng, 8)));
		REQUIRE_EQ_INT(pwrite(fd, &byte, 1, at), 1);
		first = spk_spill_run_read(run, 0, data, &scratch, &err);
		second = spk_spill_run_read(run, 1, data, &scratch, first ? NULL : &err);
		CHECK((first == SPK_CORRUPT) != (second == SPK_CORRUPT));
		CHECK_HOLDS(err.message, path);
		CHECK_HOLDS(err.message, first ? "block 0 of run 0" : "block 1 of run 0");
		CHECK_HOLDS(err.hint, "spill.dir");
		REQUIRE_EQ_INT(pread(fd, &byte, 1, at), 1);
		/* Put right again by reading it from the other side: all other bytes are as they were. */
		for (int bit = 0; bit < 8 && (first || second); bit++) {
			char fixed = (char)(byte ^ (1 << bit));

			REQUIRE_EQ_INT(pwrite(fd, &fixed, 1, at), 1);
			first = spk_spill_run_read(run, 0, data, &scratch, NULL);
			second = spk_spill_run_read(run, 1, data, &scratch, NULL);
		}
		CHECK(!first && !second);
	}
	REQUIRE_EQ_INT(ftruncate(fd, spk_spill_run_stored(run) - 1), 0);
	CHECK_FAILS(spk_spill_run_read(run, 1, data, &scratch, &err), SPK_CORRUPT, err);
	CHECK_HOLDS(err.message, "ends in the middle");
	close(fd);
	spk_spill_run_free(run);
	spk_spill_area_free(area);
	spk_buffer_release(&scratch);
	free(dir);
}

static void faults_are_told(void)
{
	char *dir = spk_test_dir("faults"), data[100] = "x";
	struct spk_buffer scratch = { 0 };
	struct spk_spill_area *area;
	struct spk_spill_run *run;

	REQUIRE_OK(spk_spill_area_new(&area, dir, &err), err);
	REQUIRE_OK(spk_spill_run_new(&run, area, &err), err);
	REQUIRE_OK(spk_fault_set("spill.write:2,spill.read:1", &err), err);
	CHECK_OK(spk_spill_run_append(run, data, sizeof data, &scratch, &err), err);
	CHECK_FAILS(spk_spill_run_append(run, data, sizeof data, &scratch, &err), SPK_IO, err);
	CHECK_HOLDS(err.message, "spill.write");
	CHECK_EQ_INT(spk_spill_run_blocks(run), 1);
	CHECK_OK(spk_spill_run_append(run, data, sizeof data, &scratch, &err), err);
	CHECK_FAILS(spk_spill_run_read(run, 0, data, &scratch, &err), SPK_IO, err);
	CHECK_HOLDS(err.message, "spill.read");
	CHECK_OK(spk_spill_run_read(run, 1, data, &scratch, &err), err);
	spk_fault_set(NULL, NULL);
	spk_spill_run_free(run);
	spk_spill_area_free(area);
	spk_buffer_release(&scratch);
	free(dir);
}

/* A file size limit stands in for a full disk: the same place fails, with EFBIG. */
static void a_full_disk_says_what_to_do(void)
{
	char *dir = spk_test_dir("full"), *output = NULL;
	pid_t child = fork();
	int status;

	if (child == 0) {
		struct spk_buffer scratch = { 0 };
		struct spk_spill_area *area;
		struct spk_spill_run *run;
		char data[1024];
		int n = 0;

		for (size_t i = 0; i < sizeof data; i++)
			data[i] = (char)(i * i * 31 >> 3);
		if (spk_spill_area_new(&area, dir, &err) || spk_spill_run_new(&run, area, &err))
			_exit(2);
		signal(SIGXFSZ, SIG_IGN);
		setrlimit(RLIMIT_FSIZE, &(struct rlimit){ 65536, 65536 });
		while (n < 1000 && spk_spill_run_append(run, data, sizeof data, &scratch, &err) == SPK_OK)
			n++;
		status = err.code == SPK_IO && !err.retriable && strstr(err.hint, "spill.dir") && strstr(err.hint, "memory.limit") && strstr(err.message, dir) ? 0 : 1;
		spk_spill_run_free(run);
		spk_spill_area_free(area);
		_exit(n > 10 && n < 1000 ? status : 3);
	}
	REQUIRE_EQ_INT(waitpid(child, &status, 0), child);
	CHECK_EQ_INT(status, 0);
	CHECK_EQ_INT(folders(dir, NULL, 0), 0);
	free(output);
	free(dir);
}

static void a_killed_process_leaves_a_folder_that_the_next_one_removes(void)
{
	char *dir = spk_test_dir("killed"), path[4096], mine[4096];
	struct spk_spill_area *area, *other;
	struct spk_buffer scratch = { 0 };
	struct spk_spill_run *run;
	struct stat info;
	pid_t child = fork();
	int status;

	if (child == 0) {
		if (spk_spill_area_new(&area, dir, &err) || spk_spill_run_new(&run, area, &err) || spk_spill_run_append(run, "abc", 3, &scratch, &err))
			_exit(2);
		kill(getpid(), SIGKILL);
	}
	REQUIRE_EQ_INT(waitpid(child, &status, 0), child);
	CHECK(WIFSIGNALED(status));
	REQUIRE_EQ_INT(folders(dir, path, sizeof path), 1);
	REQUIRE_EQ_INT(stat(path, &info), 0);
	CHECK_EQ_INT(info.st_mode & 0777, 0700);
	REQUIRE_OK(spk_spill_area_new(&area, dir, &err), err);
	CHECK_EQ_INT(folders(dir, NULL, 0), 0);
	/* Those of a process that lives stay, also when it is this one. */
	REQUIRE_OK(spk_spill_run_new(&run, area, &err), err);
	REQUIRE_OK(spk_spill_area_new(&other, dir, &err), err);
	CHECK_EQ_INT(folders(dir, mine, sizeof mine), 1);
	CHECK_EQ_STR(mine, spk_spill_area_path(area));
	spk_spill_area_free(other);
	spk_spill_run_free(run);
	spk_spill_area_free(area);
	spk_buffer_release(&scratch);
	free(dir);
}

/* A folder whose number means nothing here, as that of another container's process: its lock says whether it is in use. */
static void a_lock_protects_a_folder_of_another_world(void)
{
	char *dir = spk_test_dir("world"), path[4096];
	struct spk_spill_area *area;
	struct spk_spill_run *run;

	REQUIRE_OK(spk_spill_area_new(&area, dir, &err), err);
	REQUIRE_OK(spk_spill_run_new(&run, area, &err), err);
	spk_spill_run_free(run);
	snprintf(path, sizeof path, "%s/sparklet-spill-999999999-1-0", dir);
	REQUIRE_EQ_INT(rename(spk_spill_area_path(area), path), 0);
	struct spk_spill_area *other;

	REQUIRE_OK(spk_spill_area_new(&other, dir, &err), err);
	CHECK_EQ_INT(folders(dir, NULL, 0), 1);
	spk_spill_area_free(other);
	spk_spill_area_free(area);
	REQUIRE_OK(spk_spill_area_new(&other, dir, &err), err);
	CHECK_EQ_INT(folders(dir, NULL, 0), 0);
	spk_spill_area_free(other);
	free(dir);
}

static void a_folder_that_cannot_be_used_is_named(void)
{
	char *dir = spk_test_dir("none"), *missing = spk_test_format("%s/missing", dir), *file = spk_test_format("%s/file", dir);
	struct spk_spill_area *area;
	struct spk_spill_run *run;

	CHECK_FAILS(spk_spill_area_new(&area, missing, &err), SPK_NOT_FOUND, err);
	CHECK_HOLDS(err.message, missing);
	CHECK_HOLDS(err.hint, "folder");
	spk_test_spew(file, "", 0);
	CHECK_FAILS(spk_spill_area_new(&area, file, &err), SPK_NOT_FOUND, err);
	REQUIRE_EQ_INT(mkdir(missing, 0700), 0);
	REQUIRE_OK(spk_spill_area_new(&area, missing, &err), err);
	REQUIRE_EQ_INT(rmdir(missing), 0);
	CHECK_FAILS(spk_spill_run_new(&run, area, &err), SPK_NOT_FOUND, err);
	CHECK_HOLDS(err.hint, "spill.dir");
	/* Once there is one again, it goes on. */
	REQUIRE_EQ_INT(mkdir(missing, 0700), 0);
	REQUIRE_OK(spk_spill_run_new(&run, area, &err), err);
	spk_spill_run_free(run);
	spk_spill_area_free(area);
	free(missing);
	free(file);
	free(dir);
}

SPK_TEST_SUITE("spill files", {"runs written side by side are read back", runs_written_side_by_side_are_read_back},
	{"several threads read one run", several_threads_read_one_run}, {"a changed byte is found, wherever it is", a_changed_byte_is_found},
	{"faults are told", faults_are_told}, {"a full disk says what to do", a_full_disk_says_what_to_do},
	{"a killed process leaves a folder that the next one removes", a_killed_process_leaves_a_folder_that_the_next_one_removes},
	{"a lock protects a folder of another world", a_lock_protects_a_folder_of_another_world},
	{"a folder that cannot be used is named", a_folder_that_cannot_be_used_is_named})
