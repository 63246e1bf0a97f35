#include "core/base/fault.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/check.h"
#include "core/base/clock.h"
#include "tests/core/base/threads.h"

static void unarmed_passes(void)
{
	spk_error err = { 0 };

	CHECK_OK(spk_fault_set("", &err), err);
	CHECK_EQ_INT(spk_fault(SPK_FAULT_TXN_COMMIT, &err), SPK_OK);
	CHECK_EQ_INT(spk_fault_passes(SPK_FAULT_TXN_COMMIT), 0);
}

static void names(void)
{
	CHECK_EQ_STR(spk_fault_name(SPK_FAULT_TXN_COMMIT), "txn.commit");
	CHECK_EQ_STR(spk_fault_name(SPK_FAULT_TXN_COMMITTED), "txn.committed");
	CHECK_EQ_STR(spk_fault_name(SPK_FAULT_COUNT), "unknown");
}

/* Which of the first five passes fail, as bits. */
static int failing(enum spk_fault point)
{
	int bits = 0;

	for (int i = 0; i < 5; i++)
		bits |= (spk_fault(point, NULL) != SPK_OK) << i;
	return bits;
}

static void nth_pass(void)
{
	spk_error err = { 0 };

	REQUIRE_OK(spk_fault_set("txn.commit:3", &err), err);
	CHECK_EQ_INT(failing(SPK_FAULT_TXN_COMMIT), 4);
	CHECK_EQ_INT(failing(SPK_FAULT_TXN_COMMITTED), 0);
	CHECK_EQ_INT(spk_fault_passes(SPK_FAULT_TXN_COMMIT), 5);
	/* Setting starts the count anew. */
	REQUIRE_OK(spk_fault_set("txn.commit:2+:fail,epoch.begin:1,epoch.begin:4", &err), err);
	CHECK_EQ_INT(failing(SPK_FAULT_TXN_COMMIT), 30);
	CHECK_EQ_INT(failing(SPK_FAULT_EPOCH_BEGIN), 9);
	REQUIRE_OK(spk_fault_set(NULL, &err), err);
	CHECK_EQ_INT(failing(SPK_FAULT_TXN_COMMIT), 0);
}

static void error_names_the_point(void)
{
	spk_error err = { 0 };

	REQUIRE_OK(spk_fault_set("file.sync:1", &err), err);
	CHECK_FAILS(spk_fault(SPK_FAULT_FILE_SYNC, &err), SPK_IO, err);
	CHECK_HOLDS(err.message, "file.sync (pass 1)");
	CHECK(err.retriable);
	spk_fault_set(NULL, NULL);
}

static void bad_specifications(void)
{
	static const char *const bad[] = {
		"x", "txn.commit", "txn.commit:", "txn.commit:0", "txn.commit:-1", "txn.commit:x", "txn.commit:1:", "txn.commit:1:die",
		"txn.commit:1:killed", "txn.commit:1:sleep", "txn.commit:1:sleep=", "txn.commit:1:sleep=1s", "txn.commit:1++",
		"txn.commit:99999999999", "nowhere:1", ",", "txn.commit:1,,epoch.begin:1", "txn.commi:1", "TXN.COMMIT:1", ":1",
	};
	spk_error err = { 0 };

	REQUIRE_OK(spk_fault_set("epoch.begin:1+", &err), err);
	for (size_t i = 0; i < SPK_COUNT_OF(bad); i++) {
		CHECK_FAILS(spk_fault_set(bad[i], &err), SPK_USAGE, err);
		CHECK_HOLDS(err.hint, "sleep=MS");
	}
	/* What was armed stays armed. */
	CHECK_EQ_INT(failing(SPK_FAULT_EPOCH_BEGIN), 31);
	spk_fault_set(NULL, NULL);
}

static void too_many(void)
{
	char text[40 * 16] = "";
	spk_error err = { 0 };

	for (int i = 0; i < 40; i++)
		strcat(text, "malloc:1,");
	CHECK_FAILS(spk_fault_set(text, &err), SPK_USAGE, err);
}

static void sleeps(void)
{
	int64_t start = spk_clock_monotonic_us();

	CHECK_EQ_INT(spk_fault_set("task.start:1:sleep=20", NULL), SPK_OK);
	CHECK_EQ_INT(spk_fault(SPK_FAULT_TASK_START, NULL), SPK_OK);
	CHECK(spk_clock_monotonic_us() - start >= 20000);
	spk_fault_set(NULL, NULL);
}

static void kills(void)
{
	pid_t child = fork();
	int state = 0;

	if (child == 0) {
		setenv("SPARKLET_FAULT", "task.start:2:kill", 1);
		if (spk_fault_load_environment(NULL))
			_exit(1);
		if (spk_fault(SPK_FAULT_TASK_START, NULL))
			_exit(2);
		spk_fault(SPK_FAULT_TASK_START, NULL);
		_exit(3);
	}
	REQUIRE(waitpid(child, &state, 0) == child);
	CHECK(WIFSIGNALED(state) && WTERMSIG(state) == SIGKILL);
}

static void environment_may_be_silent(void)
{
	spk_error err = { 0 };

	unsetenv("SPARKLET_FAULT");
	CHECK_OK(spk_fault_load_environment(&err), err);
}

static _Atomic int failures;

static void *pass_often(void *unused)
{
	(void)unused;
	for (int i = 0; i < 5000; i++)
		failures += spk_fault(SPK_FAULT_STATE_READ, NULL) != SPK_OK;
	return NULL;
}

static void threads_count_each_pass(void)
{
	CHECK_EQ_INT(spk_fault_set("state.read:10000,state.read:19990+", NULL), SPK_OK);
	run_threads(pass_often);
	CHECK_EQ_INT(spk_fault_passes(SPK_FAULT_STATE_READ), 5000 * THREADS);
	CHECK_EQ_INT(failures, 1 + 11);
	spk_fault_set(NULL, NULL);
}

SPK_TEST_SUITE("fault",
	{"unarmed points pass", unarmed_passes},
	{"names", names},
	{"the n-th pass fails", nth_pass},
	{"the error names the point", error_names_the_point},
	{"bad specifications", bad_specifications},
	{"too many", too_many},
	{"sleeps", sleeps},
	{"kills", kills},
	{"the environment may be silent", environment_may_be_silent},
	{"threads count each pass", threads_count_each_pass})
