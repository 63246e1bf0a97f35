/* The epoch log in a local file: what is committed is there, what was torn is cut, what was damaged is refused. */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "checkpoint/epoch_log.h"
#include "core/base/check.h"
#include "tests/checkpoint/support.h"

static spk_status append(struct spk_epoch_log *log, int64_t epoch, const char *engine, spk_error *err)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_epoch_record *r = plain_record(arena, epoch, 0);
	struct spk_buffer bytes = { 0 };
	spk_status status;

	r->engine = engine;
	encode_record(r, &bytes);
	status = log->type->begin(log, err);
	if (status == SPK_OK)
		status = log->type->append(log, epoch, bytes.data, bytes.size, err);
	if (status == SPK_OK)
		status = log->type->commit(log, err);
	spk_buffer_release(&bytes);
	spk_arena_unref(arena);
	return status;
}

static struct spk_epoch_log *open_log(const char *path)
{
	struct spk_epoch_log *log = NULL;
	spk_error err = { 0 };

	REQUIRE_OK(spk_file_epoch_log_open(&log, path, &err), err);
	return log;
}

/* The log opens and holds just these. */
static void check_file(const char *path, int64_t first, int64_t last)
{
	struct spk_epoch_log *log = open_log(path);

	check_log(log, first, last);
	log->type->close(log);
}

static char *fresh_path(const char *name)
{
	char *dir = spk_test_dir(name), *path = spk_test_format("%s/epochs.log", dir);

	free(dir);
	return path;
}

/* A log of epochs 1 .. n; returns its bytes. */
static char *write_log(const char *path, int64_t n, size_t *size)
{
	struct spk_epoch_log *log;
	spk_error err = { 0 };

	spk_test_remove(path);
	log = open_log(path);
	for (int64_t e = 1; e <= n; e++)
		REQUIRE_OK(append(log, e, "t", &err), err);
	log->type->close(log);
	return spk_test_slurp(path, size);
}

/* --- the plain way --- */

static void keeps_what_is_committed(void)
{
	char *path = fresh_path("plain");
	struct spk_epoch_log *log = open_log(path);
	spk_error err = { 0 };

	check_log(log, 1, 0);
	for (int64_t e = 1; e <= 5; e++) {
		REQUIRE_OK(append(log, e, "t", &err), err);
		check_log(log, 1, e);
	}
	/* What was appended but not committed goes with the next begin. */
	REQUIRE_OK(log->type->begin(log, &err), err);
	REQUIRE_OK(log->type->append(log, 9, "nonsense", 8, &err), err);
	check_log(log, 1, 5);
	REQUIRE_OK(append(log, 6, "t", &err), err);
	log->type->close(log);
	check_file(path, 1, 6);
	free(path);
}

static void forgets_what_is_old(void)
{
	char *path = fresh_path("truncate");
	struct spk_epoch_log *log = open_log(path);
	spk_error err = { 0 };

	for (int64_t e = 1; e <= 8; e++)
		REQUIRE_OK(append(log, e, "t", &err), err);
	CHECK_OK(log->type->truncate(log, 4, &err), err);
	check_log(log, 4, 8);
	REQUIRE_OK(append(log, 9, "t", &err), err);
	check_log(log, 4, 9);
	CHECK_OK(log->type->truncate(log, 1, &err), err);
	CHECK_OK(log->type->truncate(log, 9, &err), err);
	log->type->close(log);
	check_file(path, 9, 9);
	free(path);
}

/* --- damage --- */

/* Where the records of a log of three end. */
static void find_ends(const char *bytes, size_t size, size_t end[3])
{
	for (int i = 0; i < 3; i++) {
		size_t from = i ? end[i - 1] : 0;

		end[i] = from + spk_epoch_size(bytes + from, size - from);
	}
}

/* Wherever the last write was cut off, the records before it are there and the log goes on behind them. */
static void a_torn_tail_is_cut(void)
{
	char *path = fresh_path("torn");
	size_t size, end[3];
	char *bytes = write_log(path, 3, &size);

	find_ends(bytes, size, end);
	for (size_t cut = 0; cut <= size; cut++) {
		struct spk_epoch_log *log;
		spk_error err = { 0 };
		int64_t whole = (cut >= end[0]) + (cut >= end[1]) + (cut >= end[2]);

		spk_test_spew(path, bytes, cut);
		log = open_log(path);
		check_log(log, 1, whole);
		REQUIRE_OK(append(log, whole + 1, "t", &err), err);
		log->type->close(log);
		check_file(path, 1, whole + 1);
	}
	free(bytes);
	free(path);
}

/* After a power failure a file may have the size of what was written, but zeros for its bytes. */
static void zeros_at_the_end_are_cut(void)
{
	char *path = fresh_path("zeros");
	size_t size, end[3];
	char *bytes = write_log(path, 3, &size);

	find_ends(bytes, size, end);
	for (size_t from = end[1]; from <= size - SPK_EPOCH_TRAILER; from++) {
		if (from > end[1] && from < end[1] + SPK_EPOCH_HEADER)
			continue;
		memset(bytes + from, 0, size - from);
		spk_test_spew(path, bytes, size);
		check_file(path, 1, 2);
		free(bytes);
		bytes = write_log(path, 3, &size);
	}
	free(bytes);
	free(path);
}

/* Were it taken for a torn tail, the job would do committed epochs again. */
static void every_flipped_bit_is_refused(void)
{
	char *path = fresh_path("flipped");
	size_t size;
	char *bytes = write_log(path, 3, &size);

	for (size_t i = 0; i < 8 * size; i++) {
		struct spk_epoch_log *log;
		spk_error err = { 0 };

		bytes[i / 8] = (char)(bytes[i / 8] ^ 1 << i % 8);
		spk_test_spew(path, bytes, size);
		if (CHECK_FAILS(spk_file_epoch_log_open(&log, path, &err), SPK_CORRUPT, err)) {
			CHECK_HOLDS(err.message, path);
			CHECK_HOLDS(err.message, "byte ");
		} else {
			log->type->close(log);
		}
		bytes[i / 8] = (char)(bytes[i / 8] ^ 1 << i % 8);
	}
	free(bytes);
	free(path);
}

/* --- one process at a time --- */

/* Runs `work` in a process of its own; its exit status, or 128 + signal. */
static int in_child(int (*work)(const char *path), const char *path)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0)
		_exit(work(path));
	while (waitpid(pid, &status, 0) < 0)
		;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* 0 when it was locked out by name. */
static int try_to_open(const char *path)
{
	struct spk_epoch_log *log;
	spk_error err = { 0 };
	char owner[32];

	snprintf(owner, sizeof owner, "process %d ", (int)getppid());
	if (spk_file_epoch_log_open(&log, path, &err) != SPK_EXISTS)
		return 1;
	return err.fatal && strstr(err.message, owner) && strstr(err.hint, "--job") ? 0 : 2;
}

static int open_and_die(const char *path)
{
	open_log(path);
	kill(getpid(), SIGKILL);
	return 0;
}

static void a_second_process_is_locked_out(void)
{
	char *path = fresh_path("locked");
	struct spk_epoch_log *log = open_log(path), *second;
	spk_error err = { 0 };

	REQUIRE_OK(append(log, 1, "t", &err), err);
	REQUIRE_OK(append(log, 2, "t", &err), err);
	CHECK_EQ_INT(in_child(try_to_open, path), 0);
	CHECK_FAILS(spk_file_epoch_log_open(&second, path, &err), SPK_EXISTS, err);
	/* Truncation puts another file in its place. */
	CHECK_OK(log->type->truncate(log, 2, &err), err);
	CHECK_EQ_INT(in_child(try_to_open, path), 0);
	log->type->close(log);
	CHECK_EQ_INT(in_child(try_to_open, path), 1);
	/* A lock does not outlive its owner. */
	CHECK_EQ_INT(in_child(open_and_die, path), 128 + SIGKILL);
	check_file(path, 2, 2);
	free(path);
}

/* --- failures --- */

/* Fails the n-th pass of every point that a commit goes through; then the log says which epoch was the last, and goes on from there. */
static void a_failed_commit_can_be_settled(void)
{
	static const char *const faults[] = { "txn.commit:1", "txn.commit:2", "file.write:1", "file.sync:1" };
	static const int64_t committed[] = { 1, 2, 1, 1 };
	spk_error err = { 0 };

	for (size_t i = 0; i < SPK_COUNT_OF(faults); i++) {
		char *path = fresh_path("commit");
		struct spk_epoch_log *log = open_log(path);

		REQUIRE_OK(append(log, 1, "t", &err), err);
		REQUIRE_OK(spk_fault_set(faults[i], &err), err);
		CHECK_FAILS(append(log, 2, "an engine with a long name", &err), SPK_IO, err);
		spk_fault_set(NULL, NULL);
		check_log(log, 1, committed[i]);
		for (int64_t e = committed[i] + 1; e <= 4; e++)
			REQUIRE_OK(append(log, e, "t", &err), err);
		log->type->close(log);
		check_file(path, 1, 4);
		free(path);
	}
}

/* Whoever does not ask writes over it: the shorter record must not be followed by the longer one's rest. */
static void a_failed_commit_may_be_repeated(void)
{
	static const char *const faults[] = { "txn.commit:1", "txn.commit:2", "file.write:1", "file.sync:1" };
	spk_error err = { 0 };

	for (size_t i = 0; i < SPK_COUNT_OF(faults); i++) {
		char *path = fresh_path("again");
		struct spk_epoch_log *log = open_log(path);

		REQUIRE_OK(append(log, 1, "t", &err), err);
		REQUIRE_OK(spk_fault_set(faults[i], &err), err);
		CHECK_FAILS(append(log, 2, "an engine with a long name", &err), SPK_IO, err);
		spk_fault_set(NULL, NULL);
		if (i != 1)
			REQUIRE_OK(append(log, 2, "t", &err), err);
		REQUIRE_OK(append(log, 3, "t", &err), err);
		log->type->close(log);
		check_file(path, 1, 3);
		free(path);
	}
}

static void a_failed_truncation_loses_nothing(void)
{
	static const char *const points[] = { "file.write", "file.sync", "file.rename", "malloc" };
	spk_error err = { 0 };

	for (size_t i = 0; i < SPK_COUNT_OF(points); i++) {
		spk_status status = SPK_IO;

		for (int n = 1; status != SPK_OK && n < 100; n++) {
			char *path = fresh_path("truncating"), *fault = spk_test_format("%s:%d", points[i], n);
			struct spk_epoch_log *log = open_log(path);
			struct epochs e = { 0 };

			for (int64_t epoch = 1; epoch <= 5; epoch++)
				REQUIRE_OK(append(log, epoch, "t", &err), err);
			REQUIRE_OK(spk_fault_set(fault, &err), err);
			status = log->type->truncate(log, 3, &err);
			spk_fault_set(NULL, NULL);
			REQUIRE_OK(append(log, 6, "t", &err), err);
			log->type->close(log);
			log = open_log(path);
			CHECK_OK(log->type->read(log, note_epoch, &e, &err), err);
			CHECK(e.count == 6 || e.count == 4);
			for (int k = 0; k < e.count; k++)
				CHECK_EQ_INT(e.epoch[k], 6 - e.count + 1 + k);
			log->type->close(log);
			free(fault);
			free(path);
		}
		CHECK_OK(status, err);
	}
}

static const char *kill_at;

static int append_until_killed(const char *path)
{
	struct spk_epoch_log *log = open_log(path);

	spk_fault_set(kill_at, NULL);
	append(log, 4, "t", NULL);
	log->type->truncate(log, 3, NULL);
	return 0;
}

/* Dies at every point of a commit and a truncation; what is left is a whole log with epoch 4 or without. */
static void dying_leaves_a_whole_log(void)
{
	static const char *const points[] = { "txn.commit", "file.write", "file.sync", "file.rename" };

	for (size_t i = 0; i < SPK_COUNT_OF(points); i++) {
		int exit = 128 + SIGKILL;

		for (int n = 1; exit == 128 + SIGKILL && n < 20; n++) {
			char *path = fresh_path("killed"), *fault = spk_test_format("%s:%d:kill", points[i], n), *bytes;
			struct spk_epoch_log *log;
			struct epochs e = { 0 };
			spk_error err = { 0 };
			size_t size;

			bytes = write_log(path, 3, &size);
			kill_at = fault;
			exit = in_child(append_until_killed, path);
			log = open_log(path);
			CHECK_OK(log->type->read(log, note_epoch, &e, &err), err);
			CHECK(e.count >= 2 && e.epoch[e.count - 1] >= 3);
			for (int k = 0; k < e.count; k++)
				CHECK(e.epoch[k] == e.epoch[0] + k && (e.epoch[0] == 1 || e.epoch[0] == 3));
			log->type->close(log);
			free(bytes);
			free(fault);
			free(path);
		}
		CHECK_EQ_INT(exit, 0);
	}
}

static void says_why_it_cannot_open(void)
{
	char *dir = spk_test_dir("unopened"), *path = spk_test_format("%s/not/there/epochs.log", dir);
	struct spk_epoch_log *log;
	spk_error err = { 0 };

	CHECK_FAILS(spk_file_epoch_log_open(&log, path, &err), SPK_NOT_FOUND, err);
	CHECK_HOLDS(err.message, path);
	free(path);
	free(dir);
}

SPK_TEST_SUITE("file epoch log",
	{ "keeps what is committed", keeps_what_is_committed },
	{ "forgets what is old", forgets_what_is_old },
	{ "a torn tail is cut", a_torn_tail_is_cut },
	{ "zeros at the end are cut", zeros_at_the_end_are_cut },
	{ "every flipped bit is refused", every_flipped_bit_is_refused },
	{ "a second process is locked out", a_second_process_is_locked_out },
	{ "a failed commit can be settled", a_failed_commit_can_be_settled },
	{ "a failed commit may be repeated", a_failed_commit_may_be_repeated },
	{ "a failed truncation loses nothing", a_failed_truncation_loses_nothing },
	{ "dying leaves a whole log", dying_leaves_a_whole_log },
	{ "says why it cannot open", says_why_it_cannot_open })
