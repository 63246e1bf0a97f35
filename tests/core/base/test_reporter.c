/* Reporters of metrics: what each writes, when, and what happens when it cannot. */
#include "core/base/reporter.h"

#include <sys/stat.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/memory.h"
#include "core/base/metrics.h"
#include "tests/support/test.h"

static struct spk_conf *conf_of(const char *reporter, const char *file, const char *interval)
{
	struct spk_conf *conf = spk_conf_new();
	spk_error err = { 0 };

	REQUIRE(conf != NULL);
	REQUIRE_OK(spk_conf_set(conf, "metrics.reporter", reporter, &err), err);
	REQUIRE_OK(spk_conf_set(conf, "metrics.file", file, &err), err);
	REQUIRE_OK(spk_conf_set(conf, "metrics.interval", interval, &err), err);
	return conf;
}

static void count(int n)
{
	spk_metric_add(spk_metric(SPK_COUNTER, "test_rows_total", "task=1"), n);
	spk_metric_observe(spk_metric(SPK_HISTOGRAM, "test_wait_us", NULL), 5);
}

static void reports_nothing(void)
{
	struct spk_conf *conf = conf_of("none", "", "10ms");
	struct spk_reporter *r;
	spk_error err = { 0 };

	REQUIRE_OK(spk_reporter_open(&r, conf, &err), err);
	CHECK(r == NULL);
	spk_reporter_tick(r);
	spk_reporter_close(r);
	spk_conf_free(conf);
}

static void writes_lines(void)
{
	char *dir = spk_test_dir("reporter"), *path = spk_test_format("%s/metrics.jsonl", dir), *text;
	struct spk_conf *conf = conf_of("file", path, "10ms");
	int64_t end = spk_clock_monotonic_us() + 10000000;
	struct spk_reporter *r;
	spk_error err = { 0 };
	int lines = 0;

	count(3);
	REQUIRE_OK(spk_reporter_open(&r, conf, &err), err);
	spk_reporter_tick(r);
	text = spk_test_slurp(path, NULL);
	CHECK_EQ_STR(text, "");   /* not yet */
	free(text);
	while (lines < 2 && spk_clock_monotonic_us() < end) {
		spk_reporter_tick(r);
		text = spk_test_slurp(path, NULL);
		lines = 0;
		for (const char *s = text; *s; s++)
			lines += *s == '\n';
		free(text);
	}
	CHECK(lines >= 2);
	spk_reporter_close(r);
	text = spk_test_slurp(path, NULL);
	CHECK_HOLDS(text, "{\"ts\":");
	CHECK_HOLDS(text, ",\"test_rows_total{task=1}\":3,");
	CHECK_HOLDS(text, ",\"test_wait_us\":{\"count\":1,\"sum\":5,\"p50\":7,\"p99\":7}");
	CHECK_HOLDS(text, "\"memory_used_bytes\":");
	free(text);
	spk_conf_free(conf);
	free(path);
	free(dir);
}

static void writes_prometheus(void)
{
	char *dir = spk_test_dir("reporter"), *path = spk_test_format("%s/sparklet.prom", dir), *text;
	struct spk_conf *conf = conf_of("prometheus", path, "1h");
	struct spk_memory_account *account = spk_memory_account("reporter test");
	struct spk_reporter *r;
	spk_error err = { 0 };

	REQUIRE_OK(spk_memory_reserve(account, 4321, &err), err);
	REQUIRE_OK(spk_reporter_open(&r, conf, &err), err);
	spk_reporter_close(r);    /* the last report comes whatever the interval is */
	text = spk_test_slurp(path, NULL);
	CHECK_HOLDS(text, "# TYPE sparklet_memory_limit_bytes gauge");
	CHECK_HOLDS(text, "sparklet_memory_account_bytes{account=\"reporter test\"} 4321\n");
	free(text);
	spk_memory_unreserve(account, 4321);
	REQUIRE_OK(spk_reporter_open(&r, conf, &err), err);
	spk_reporter_close(r);
	text = spk_test_slurp(path, NULL);
	CHECK_HOLDS(text, "sparklet_memory_account_bytes{account=\"reporter test\"} 0\n");
	free(text);
	spk_conf_free(conf);
	free(path);
	free(dir);
}

static struct { char text[8192]; size_t size; } shown;

static void keep_line(const char *line, int size, void *user)
{
	(void)user;
	if (shown.size + (size_t)size < sizeof shown.text) {
		memcpy(shown.text + shown.size, line, (size_t)size);
		shown.size += (size_t)size;
		shown.text[shown.size] = '\0';
	}
}

static void tells_changes(void)
{
	struct spk_conf *conf = conf_of("console", "", "1h");
	struct spk_reporter *r;
	spk_error err = { 0 };

	spk_log_set_sink(keep_line, NULL);
	REQUIRE_OK(spk_reporter_open(&r, conf, &err), err);
	count(5);
	spk_reporter_close(r);
	spk_log_flush();
	CHECK_HOLDS(shown.text, "test_rows_total{task=1} ");
	CHECK_HOLDS(shown.text, "/s)");
	CHECK_HOLDS(shown.text, " metrics ");
	spk_log_set_sink(NULL, NULL);
	spk_conf_free(conf);
}

static void says_what_is_wrong(void)
{
	char *dir = spk_test_dir("reporter"), *path = spk_test_format("%s/nowhere/metrics", dir);
	struct spk_conf *conf = conf_of("file", "", "1h");
	struct spk_reporter *r = NULL;
	spk_error err = { 0 };

	CHECK_FAILS(spk_reporter_open(&r, conf, &err), SPK_USAGE, err);
	CHECK_HOLDS(err.message, "metrics.file");
	spk_conf_free(conf);
	conf = conf_of("file", path, "1h");
	CHECK_FAILS(spk_reporter_open(&r, conf, &err), SPK_USAGE, err);
	CHECK_HOLDS(err.message, path);
	spk_conf_free(conf);
	/* A report that fails is logged, once. */
	conf = conf_of("prometheus", path, "10ms");
	shown.size = 0;
	spk_log_set_sink(keep_line, NULL);
	REQUIRE_OK(spk_reporter_open(&r, conf, &err), err);
	for (int i = 0; i < 5; i++) {
		usleep(11000);
		spk_reporter_tick(r);
	}
	spk_reporter_close(r);
	spk_log_flush();
	CHECK_HOLDS(shown.text, "metrics are not reported");
	CHECK(!strstr(strstr(shown.text, "not reported") + 1, "not reported"));
	spk_log_set_sink(NULL, NULL);
	spk_conf_free(conf);
	free(path);
	free(dir);
}

SPK_TEST_SUITE("reporter",
	{ "none", reports_nothing },
	{ "JSON lines, as often as asked and at the end", writes_lines },
	{ "Prometheus text, whole", writes_prometheus },
	{ "console: a line of changes in the log", tells_changes },
	{ "wrong files are said at the start, full disks once", says_what_is_wrong })
