#include "core/base/log.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/metrics.h"
#include "core/base/redact.h"
#include "tests/core/base/threads.h"

/* By default ThreadSanitizer ends a child process that starts a thread, as the log's does. */
__attribute__((visibility("default"))) const char *__tsan_default_options(void);

const char *__tsan_default_options(void)
{
	return "die_after_fork=0";
}

/* What a sink saw; written by the log's writer, read after spk_log_flush. */
static struct {
	char text[1 << 20];
	size_t size;
	int lines;
	bool torn;
} seen;

static void collect(const char *line, int size, void *user)
{
	(void)user;
	seen.torn = seen.torn || size < 1 || line[size - 1] != '\n';
	seen.lines++;
	if (seen.size + (size_t)size < sizeof(seen.text)) {
		memcpy(seen.text + seen.size, line, (size_t)size);
		seen.size += (size_t)size;
		seen.text[seen.size] = '\0';
	}
}

static void start(const char *levels)
{
	spk_error err = { 0 };

	REQUIRE_OK(spk_log_set_levels(levels, &err), err);
	spk_log_set_sink(collect, NULL);
	memset(&seen, 0, sizeof(seen));
}

static void stop(void)
{
	spk_log_set_sink(NULL, NULL);
	spk_log_set_levels("warn", NULL);
}

static void line_has_time_level_target(void)
{
	int year, month, day, hour, minute, second, us;

	start("info");
	SPK_LOG(INFO, "stream", "epoch %d done", 7);
	spk_log_flush();
	CHECK_EQ_INT(seen.lines, 1);
	CHECK_EQ_INT(sscanf(seen.text, "%d-%d-%dT%d:%d:%d.%6dZ", &year, &month, &day, &hour, &minute, &second, &us), 7);
	CHECK_HOLDS(seen.text, "Z info  stream epoch 7 done\n");
	stop();
}

static void levels_by_target(void)
{
	spk_error err = { 0 };

	REQUIRE_OK(spk_log_set_levels(" warn, stream=debug,kafka=info,kafka.consumer=error,", &err), err);
	CHECK(spk_log_enabled(SPK_LOG_WARN, "other"));
	CHECK(!spk_log_enabled(SPK_LOG_INFO, "other"));
	CHECK(spk_log_enabled(SPK_LOG_DEBUG, "stream"));
	CHECK(!spk_log_enabled(SPK_LOG_TRACE, "stream"));
	CHECK(!spk_log_enabled(SPK_LOG_INFO, "streams"));
	CHECK(spk_log_enabled(SPK_LOG_INFO, "kafka.producer"));
	CHECK(!spk_log_enabled(SPK_LOG_WARN, "kafka.consumer"));
	CHECK(spk_log_enabled(SPK_LOG_ERROR, "kafka.consumer.fetch"));
	REQUIRE_OK(spk_log_set_levels("", &err), err);
	CHECK(spk_log_enabled(SPK_LOG_WARN, "x") && !spk_log_enabled(SPK_LOG_INFO, "x"));
}

static void bad_levels(void)
{
	char many[64 * 8] = "";
	spk_error err = { 0 };

	start("error");
	CHECK_FAILS(spk_log_set_levels("inof", &err), SPK_USAGE, err);
	CHECK_HOLDS(err.hint, "'info'");
	CHECK_FAILS(spk_log_set_levels("zzzzzzzzzzzzzzzzzzzzzzzz", &err), SPK_USAGE, err);
	CHECK_HOLDS(err.hint, "trace");
	CHECK_FAILS(spk_log_set_levels("x=", &err), SPK_USAGE, err);
	CHECK_FAILS(spk_log_set_levels("=info", &err), SPK_USAGE, err);
	CHECK_FAILS(spk_log_set_levels("a23456789012345678901234567890123=info", &err), SPK_USAGE, err);
	for (int i = 0; i < 40; i++)
		strcat(many, "t=info,");
	CHECK_FAILS(spk_log_set_levels(many, &err), SPK_USAGE, err);
	CHECK(!spk_log_enabled(SPK_LOG_WARN, "x"));
	stop();
}

static void one_message_is_one_line(void)
{
	start("info");
	spk_log_write(SPK_LOG_INFO, "t", "a\nb\tc\x1b[31m\x7f \xc3\xa9");
	spk_log_flush();
	CHECK_EQ_INT(seen.lines, 1);
	CHECK_HOLDS(seen.text, "a\\nb\\tc\\x1b[31m\\x7f \xc3\xa9\n");
	stop();
}

static void secrets_are_masked(void)
{
	char text[64] = "hunter22 and hunter2, hunter";

	spk_log_redact("hunter2");
	spk_log_redact("hunter22");
	spk_log_redact("hunter2");
	spk_log_redact("abc");
	spk_log_redact("");
	spk_log_redact(NULL);
	spk_log_redact_text(text);
	CHECK_EQ_STR(text, "*** and ***, hunter");
	strcpy(text, "abc");
	spk_log_redact_text(text);
	CHECK_EQ_STR(text, "abc");
	strcpy(text, "");
	spk_log_redact_text(text);
	CHECK_EQ_STR(text, "");
	start("info");
	spk_log_write(SPK_LOG_INFO, "t", "password=%s", "hunter22");
	spk_log_flush();
	CHECK_HOLDS(seen.text, "password=***\n");
	stop();
}

/* A line that is cut in the middle of a secret must not show its first half. */
static void cut_secrets_are_masked(void)
{
	static const char secret[] = "correct horse battery staple";

	spk_log_redact(secret);
	start("info");
	for (int room = 0; room < (int)sizeof(secret) + 2; room++) {
		memset(&seen, 0, sizeof(seen));
		spk_log_write(SPK_LOG_INFO, "t", "%*s%s", 4095 - room, "|", secret);
		spk_log_flush();
		CHECK_EQ_INT(seen.lines, 1);
		CHECK(!strstr(seen.text, "|c"));
	}
	stop();
}

static void to_a_file(void)
{
	char *dir = spk_test_dir("log"), *path = spk_test_format("%s/log", dir), *text;
	spk_error err = { 0 };

	REQUIRE_OK(spk_log_open_file(path, &err), err);
	spk_log_write(SPK_LOG_ERROR, "t", "first");
	REQUIRE_OK(spk_log_open_file(path, &err), err);
	spk_log_write(SPK_LOG_ERROR, "t", "second");
	spk_log_set_sink(NULL, NULL);
	text = spk_test_slurp(path, NULL);
	REQUIRE(text != NULL);
	CHECK_HOLDS(text, "first\n");
	CHECK_HOLDS(text, "second\n");
	CHECK_FAILS(spk_log_open_file("/nowhere/at/all", &err), SPK_NOT_FOUND, err);
	CHECK_HOLDS(err.message, "/nowhere/at/all");
	free(text);
	free(path);
	free(dir);
}

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool at_gate;

static void wait_at_gate(const char *line, int size, void *user)
{
	atomic_store(&at_gate, true);
	pthread_mutex_lock(&gate);
	pthread_mutex_unlock(&gate);
	collect(line, size, user);
}

/* While the sink hangs, callers go on; what has no room is counted and the writer says so. */
static void full_ring_drops_and_tells(void)
{
	struct spk_metric *lost = spk_metric(SPK_COUNTER, "log_lost_total", NULL);
	int64_t before = spk_metric_get(lost), dropped;
	char expected[64];

	start("info");
	spk_log_set_sink(wait_at_gate, NULL);
	pthread_mutex_lock(&gate);
	/* A writer that came later would find a full ring, and so two stretches of lost lines to tell of. */
	atomic_store(&at_gate, false);
	spk_log_write(SPK_LOG_INFO, "t", "first");
	while (!atomic_load(&at_gate))
		sched_yield();
	for (int i = 0; i < 10000; i++)
		spk_log_write(SPK_LOG_INFO, "t", "line %d %0100d", i, 0);
	dropped = spk_metric_get(lost) - before;
	CHECK(dropped > 0 && dropped < 10000);
	pthread_mutex_unlock(&gate);
	spk_log_flush();
	snprintf(expected, sizeof(expected), "%lld lines lost", (long long)dropped);
	CHECK_HOLDS(seen.text, expected);
	CHECK_EQ_INT(seen.lines, 1 + 10000 - dropped + 1);
	CHECK(!seen.torn);
	stop();
}

static void log_again(const char *line, int size, void *user)
{
	collect(line, size, user);
	if (seen.lines == 1) {
		spk_log_write(SPK_LOG_ERROR, "t", "from the sink");
		spk_log_flush();
	}
}

static void sink_may_log(void)
{
	start("info");
	spk_log_set_sink(log_again, NULL);
	spk_log_write(SPK_LOG_ERROR, "t", "outer");
	spk_log_flush();
	spk_log_flush();
	CHECK_EQ_INT(seen.lines, 2);
	CHECK_HOLDS(seen.text, "from the sink");
	stop();
}

static void child_process_logs_too(void)
{
	char *dir = spk_test_dir("fork"), *path = spk_test_format("%s/log", dir), *text;
	spk_error err = { 0 };
	pid_t child;
	int state = 1;

	REQUIRE_OK(spk_log_open_file(path, &err), err);
	spk_log_write(SPK_LOG_ERROR, "t", "parent");
	child = fork();
	if (child == 0) {
		spk_log_write(SPK_LOG_ERROR, "t", "child");
		spk_log_flush();
		_exit(0);
	}
	REQUIRE(waitpid(child, &state, 0) == child);
	CHECK_EQ_INT(state, 0);
	spk_log_set_sink(NULL, NULL);
	text = spk_test_slurp(path, NULL);
	REQUIRE(text != NULL);
	CHECK_HOLDS(text, "parent");
	CHECK_HOLDS(text, "child");
	free(text);
	free(path);
	free(dir);
}

static void *log_much(void *index)
{
	for (int i = 0; i < 500; i++) {
		char secret[32], text[64];

		SPK_LOG(INFO, "t", "thread %d line %d", (int)(intptr_t)index, i);
		if (i % 100 == 0) {
			spk_log_set_levels(i % 200 ? "info" : "info,x=debug", NULL);
			snprintf(secret, sizeof(secret), "secret-%d-%d", (int)(intptr_t)index, i);
			spk_log_redact(secret);
			spk_log_flush();
		}
		strcpy(text, "secret-0-0");
		spk_log_redact_text(text);
	}
	return NULL;
}

static void threads_lose_nothing(void)
{
	struct spk_metric *lost = spk_metric(SPK_COUNTER, "log_lost_total", NULL);
	int64_t before = spk_metric_get(lost);
	char *at;

	start("info");
	run_threads(log_much);
	spk_log_flush();
	CHECK(!seen.torn);
	CHECK_EQ_INT(spk_metric_get(lost), before);
	CHECK_EQ_INT(seen.lines, 500 * THREADS);
	/* A thread's own lines come in its order. */
	at = strstr(seen.text, "thread 2 line 10\n");
	CHECK(at && strstr(at, "thread 2 line 11\n") && !strstr(at, "thread 2 line 9\n"));
	stop();
}

SPK_TEST_SUITE("log",
	{"a line has time, level and target", line_has_time_level_target},
	{"levels by target", levels_by_target},
	{"bad levels", bad_levels},
	{"one message is one line", one_message_is_one_line},
	{"secrets are masked", secrets_are_masked},
	{"cut secrets are masked", cut_secrets_are_masked},
	{"to a file", to_a_file},
	{"a full ring drops and tells", full_ring_drops_and_tells},
	{"a sink may log", sink_may_log},
	{"a child process logs too", child_process_logs_too},
	{"threads lose nothing", threads_lose_nothing})
