#include "core/base/eventlog.h"

#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

#include "core/base/fault.h"
#include "core/base/log.h"
#include "core/base/metrics.h"
#include "tests/core/base/threads.h"

static char *path_in(const char *name)
{
	char *dir = spk_test_dir(name), *path = spk_test_format("%s/events.jsonl", dir);

	free(dir);
	return path;
}

static struct spk_event_log *open_log(const char *path)
{
	struct spk_event_log *log = NULL;
	spk_error err = { 0 };

	REQUIRE_OK(spk_event_log_open(&log, path, "the \"job\"", &err), err);
	return log;
}

static int64_t lost(void)
{
	return spk_metric_get(spk_metric(SPK_COUNTER, "event_log_lost_total", NULL));
}

/* Number of lines, all of which must be JSON objects with the four members that each event has; -1 otherwise. */
static int count_events(const char *path)
{
	char *text = spk_test_slurp(path, NULL), *at = text, *end;
	int count = 0;

	for (; at && *at && count >= 0; at = end + 1) {
		json_t *object;

		end = strchr(at, '\n');
		if (!end)
			break;
		object = json_loadb(at, (size_t)(end - at), 0, NULL);
		count = json_is_integer(json_object_get(object, "ts")) && json_is_string(json_object_get(object, "event")) &&
		        json_is_string(json_object_get(object, "job")) ? count + 1 : -1;
		json_decref(object);
	}
	count = at && *at ? -1 : count;
	free(text);
	return count;
}

static void events_are_json(void)
{
	char *path = path_in("json"), *text;
	struct spk_event_log *log = open_log(path);
	json_t *object;

	spk_log_redact("pass\"word");
	spk_event_log_write(log, SPK_EVENT_EPOCH_END, (struct spk_event_field[]){
		{ .name = "epoch", .number = -12 },
		{ .name = "text", .text = "q\" b\\ \n\t\r\b\f \x01 \x7f \xc3\xa9 \xf0\x9f\x8c\x8d" },
		{ .name = "bad", .text = "\xff \xc0\xaf \xed\xa0\x80 \xe2\x82" },
		{ .name = "secret", .text = "is pass\"word!" },
		{ 0 },
	});
	spk_event_log_close(log);
	text = spk_test_slurp(path, NULL);
	REQUIRE(text != NULL);
	object = json_loads(text, 0, NULL);
	REQUIRE(object != NULL);
	CHECK_EQ_STR(json_string_value(json_object_get(object, "event")), "epoch.end");
	CHECK_EQ_STR(json_string_value(json_object_get(object, "job")), "the \"job\"");
	CHECK_EQ_INT(json_integer_value(json_object_get(object, "epoch")), -12);
	CHECK(json_integer_value(json_object_get(object, "ts")) > 1600000000000000);
	CHECK_EQ_STR(json_string_value(json_object_get(object, "text")), "q\" b\\ \n\t\r\b\f \x01 \x7f \xc3\xa9 \xf0\x9f\x8c\x8d");
	CHECK_EQ_STR(json_string_value(json_object_get(object, "bad")),
	             "\xef\xbf\xbd \xef\xbf\xbd\xef\xbf\xbd \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd \xef\xbf\xbd\xef\xbf\xbd");
	CHECK_EQ_STR(json_string_value(json_object_get(object, "secret")), "is ***!");
	json_decref(object);
	free(text);
	free(path);
}

static void appends_and_flushes(void)
{
	char *path = path_in("append");
	struct spk_event_log *log = open_log(path);

	spk_event_log_write(log, SPK_EVENT_JOB_START, NULL);
	CHECK_EQ_INT(count_events(path), 0);
	spk_event_log_flush(log);
	CHECK_EQ_INT(count_events(path), 1);
	spk_event_log_close(log);
	log = open_log(path);
	for (int i = 0; i < 2000; i++)
		spk_event_log_write(log, SPK_EVENT_TASK_END, (struct spk_event_field[]){ { .name = "n", .number = i }, { 0 } });
	spk_event_log_close(log);
	CHECK_EQ_INT(count_events(path), 2001);
	spk_event_log_write(NULL, SPK_EVENT_JOB_START, NULL);
	spk_event_log_flush(NULL);
	spk_event_log_close(NULL);
	free(path);
}

static void cannot_open(void)
{
	struct spk_event_log *log = NULL;
	spk_error err = { 0 };

	CHECK_FAILS(spk_event_log_open(&log, "/nowhere/at/all", "j", &err), SPK_NOT_FOUND, err);
	CHECK_HOLDS(err.message, "/nowhere/at/all");
	CHECK(log == NULL);
}

static void torn_line_is_ended(void)
{
	char *path = path_in("torn"), *text;
	struct spk_event_log *log;

	spk_test_spew(path, "{\"ts\":1,\"ev", 11);
	log = open_log(path);
	spk_event_log_write(log, SPK_EVENT_JOB_START, NULL);
	spk_event_log_close(log);
	text = spk_test_slurp(path, NULL);
	REQUIRE(text != NULL);
	CHECK_HOLDS(text, "{\"ts\":1,\"ev\n{\"ts\":");
	free(text);
	free(path);
}

static void rotates(void)
{
	char *path = path_in("rotate"), *old = spk_test_format("%s.1", path);
	struct spk_event_log *log = open_log(path);
	int in_old, in_new;

	spk_event_log_rotate_at(log, 1000);
	for (int i = 0; i < 20; i++) {
		spk_event_log_write(log, SPK_EVENT_EPOCH_END, NULL);
		spk_event_log_flush(log);
	}
	spk_event_log_close(log);
	in_old = count_events(old);
	in_new = count_events(path);
	CHECK(in_old > 5 && in_new > 0);
	CHECK(in_old + in_new <= 20);
	free(old);
	free(path);
}

static void too_long_is_lost(void)
{
	char *path = path_in("long"), *big = calloc(1, 100001);
	struct spk_event_log *log = open_log(path);
	int64_t before = lost();

	REQUIRE(big != NULL);
	memset(big, 'x', 100000);
	spk_event_log_write(log, SPK_EVENT_JOB_FAILED, (struct spk_event_field[]){ { .name = "why", .text = big }, { 0 } });
	spk_event_log_write(log, SPK_EVENT_JOB_FAILED, NULL);
	spk_event_log_close(log);
	CHECK_EQ_INT(lost(), before + 1);
	CHECK_EQ_INT(count_events(path), 1);
	free(big);
	free(path);
}

static void failing_writes_are_counted(void)
{
	char text[1000] = "";
	char *path = path_in("fail");
	struct spk_event_log *log = open_log(path);
	int64_t before = lost();

	CHECK_EQ_INT(spk_fault_set("file.write:1", NULL), SPK_OK);
	spk_event_log_write(log, SPK_EVENT_JOB_START, NULL);
	spk_event_log_write(log, SPK_EVENT_JOB_END, NULL);
	spk_event_log_flush(log);
	CHECK_EQ_INT(lost(), before + 2);
	spk_event_log_write(log, SPK_EVENT_JOB_END, NULL);
	spk_event_log_flush(log);
	CHECK_EQ_INT(count_events(path), 1);
	CHECK_EQ_INT(spk_fault_set("malloc:1+", NULL), SPK_OK);
	/* Longer than the line's buffer is by now, so that it must grow. */
	memset(text, 'x', sizeof(text) - 1);
	spk_event_log_write(log, SPK_EVENT_JOB_END, (struct spk_event_field[]){ { .name = "x", .text = text }, { 0 } });
	spk_fault_set(NULL, NULL);
	CHECK_EQ_INT(lost(), before + 3);
	spk_event_log_close(log);
	free(path);
}

/* A disk that is full in the middle of a write: the file must still end in a whole line. */
static void short_writes_are_cut_off(void)
{
	char *path = path_in("short");
	struct spk_event_log *log = open_log(path);
	struct rlimit all, little;
	int64_t before = lost();

	spk_event_log_write(log, SPK_EVENT_JOB_START, NULL);
	spk_event_log_flush(log);
	signal(SIGXFSZ, SIG_IGN);
	REQUIRE(getrlimit(RLIMIT_FSIZE, &all) == 0);
	little = (struct rlimit){ .rlim_cur = 100, .rlim_max = all.rlim_max };
	REQUIRE(setrlimit(RLIMIT_FSIZE, &little) == 0);
	for (int i = 0; i < 3; i++)
		spk_event_log_write(log, SPK_EVENT_EPOCH_END, NULL);
	spk_event_log_flush(log);
	setrlimit(RLIMIT_FSIZE, &all);
	CHECK_EQ_INT(lost(), before + 3);
	CHECK_EQ_INT(count_events(path), 1);
	spk_event_log_write(log, SPK_EVENT_JOB_END, NULL);
	spk_event_log_close(log);
	CHECK_EQ_INT(count_events(path), 2);
	free(path);
}

static struct spk_event_log *shared;

static void *write_much(void *index)
{
	for (int i = 0; i < 1000; i++) {
		spk_event_log_write(shared, SPK_EVENT_TASK_START, (struct spk_event_field[]){
			{ .name = "thread", .number = (intptr_t)index }, { .name = "i", .number = i }, { 0 } });
		if (i % 100 == 0)
			spk_event_log_flush(shared);
	}
	return NULL;
}

static void threads_write_whole_lines(void)
{
	char *path = path_in("threads");

	shared = open_log(path);
	run_threads(write_much);
	spk_event_log_close(shared);
	CHECK_EQ_INT(count_events(path), 1000 * THREADS);
	free(path);
}

SPK_TEST_SUITE("event log",
	{"events are JSON", events_are_json},
	{"appends and flushes", appends_and_flushes},
	{"cannot open", cannot_open},
	{"a torn line is ended", torn_line_is_ended},
	{"rotates", rotates},
	{"too long is lost", too_long_is_lost},
	{"failing writes are counted", failing_writes_are_counted},
	{"short writes are cut off", short_writes_are_cut_off},
	{"threads write whole lines", threads_write_whole_lines})
