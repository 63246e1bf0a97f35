#include "core/base/check.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/ids.h"
#include "tests/support/test.h"

static void assertion_says_where_and_dies(void)
{
	char *dir = spk_test_dir("check"), *path = spk_test_format("%s/stderr", dir), *text;
	pid_t child = fork();
	int state = 0;

	if (child == 0) {
		int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

		signal(SIGABRT, SIG_DFL);
		dup2(fd, STDERR_FILENO);
		SPK_ASSERT(1 + 1 == 2, "arithmetic");
		SPK_ASSERT(1 + 1 == 3, "the sky fell");
		_exit(0);
	}
	REQUIRE(waitpid(child, &state, 0) == child);
	CHECK(WIFSIGNALED(state) && WTERMSIG(state) == SIGABRT);
	text = spk_test_slurp(path, NULL);
	REQUIRE(text != NULL);
	CHECK_HOLDS(text, "test_check.c:");
	CHECK_HOLDS(text, "1 + 1 == 3");
	CHECK_HOLDS(text, "the sky fell");
	free(text);
	free(path);
	free(dir);
}

struct outer { int a; struct { int x; } inner; };

static void macros(void)
{
	static const int numbers[7] = { 0 };
	struct outer o;

	CHECK_EQ_INT(SPK_COUNT_OF(numbers), 7);
	CHECK_EQ_INT(SPK_MIN(3, 2), 2);
	CHECK_EQ_INT(SPK_MAX(3, 2), 3);
	CHECK(spk_container_of(&o.inner, struct outer, inner) == &o);
}

static spk_status need(const void *p, spk_error *err)
{
	SPK_TRY_PTR(p, err);
	return SPK_OK;
}

static void null_is_out_of_memory(void)
{
	spk_error err = { 0 };

	CHECK_OK(need(&err, &err), err);
	CHECK_FAILS(need(NULL, &err), SPK_NO_MEMORY, err);
	CHECK_EQ_INT(need(NULL, NULL), SPK_NO_MEMORY);
}

static void ids(void)
{
	CHECK(spk_stage_same(spk_stage_id(3), spk_stage_id(3)));
	CHECK(!spk_shard_same(spk_shard_id(3), spk_shard_id(4)));
	CHECK_EQ_INT(SPK_SHARDS, 64);
}

SPK_TEST_SUITE("check",
	{"an assertion says where and dies", assertion_says_where_and_dies},
	{"macros", macros},
	{"NULL is out of memory", null_is_out_of_memory},
	{"typed ids", ids})
