#include "core/base/conf.h"

#include <locale.h>
#include <stdio.h>

#include "core/base/check.h"
#include "core/base/fault.h"
#include "core/base/log.h"
#include "tests/core/base/threads.h"

static struct spk_conf *fresh(void)
{
	struct spk_conf *conf = spk_conf_new();

	REQUIRE(conf != NULL);
	return conf;
}

static void defaults(void)
{
	struct spk_conf *conf = fresh();

	CHECK_EQ_INT(spk_conf_int(conf, SPK_CONF_MEMORY_LIMIT), 1 << 30);
	CHECK_EQ_INT(spk_conf_int(conf, SPK_CONF_EPOCH_INTERVAL), 100000);
	CHECK_EQ_INT(spk_conf_int(conf, SPK_CONF_IDLE_TIMEOUT), 5000000);
	CHECK_EQ_INT(spk_conf_int(conf, SPK_CONF_EXACTLY_ONCE), 0);
	CHECK_EQ_STR(spk_conf_text(conf, SPK_CONF_EXACTLY_ONCE), "exactly-once");
	CHECK_EQ_INT(spk_conf_int(conf, SPK_CONF_EVENT_LOG), 1);
	CHECK_EQ_STR(spk_conf_text(conf, SPK_CONF_TIMEZONE), "UTC");
	CHECK_EQ_STR(spk_conf_text(conf, SPK_CONF_DLQ_TOPIC), "");
	CHECK_NEAR(spk_conf_double(conf, SPK_CONF_BATCH_ROWS), 4096, 0);
	CHECK_EQ_STR(spk_conf_name(SPK_CONF_IDLE_TIMEOUT), "watermark.idle-timeout");
	spk_conf_free(conf);
	spk_conf_free(NULL);
}

static void set_each_kind(void)
{
	static const struct { const char *name, *value; enum spk_conf_key key; int64_t number; const char *shown; } cases[] = {
		{ "parallelism", " 7 ", SPK_CONF_PARALLELISM, 7, "7" },
		{ "parallelism", "+7", SPK_CONF_PARALLELISM, 7, "7" },
		{ "memory.limit", "64 MiB", SPK_CONF_MEMORY_LIMIT, 64 << 20, "64MiB" },
		{ "memory.limit", "1.5g", SPK_CONF_MEMORY_LIMIT, 3LL << 29, "1536MiB" },
		{ "memory.limit", "33554433", SPK_CONF_MEMORY_LIMIT, 33554433, "33554433" },
		{ "state.cache", "0", SPK_CONF_STATE_CACHE, 0, "0" },
		{ "epoch.interval", "250", SPK_CONF_EPOCH_INTERVAL, 250000, "250ms" },
		{ "epoch.interval", "1.5 s", SPK_CONF_EPOCH_INTERVAL, 1500000, "1500ms" },
		{ "epoch.interval", "10us", SPK_CONF_EPOCH_INTERVAL, 10, "10us" },
		{ "epoch.interval", "2MIN", SPK_CONF_EPOCH_INTERVAL, 120000000, "2min" },
		{ "epoch.interval", "1h", SPK_CONF_EPOCH_INTERVAL, 3600000000, "60min" },
		{ "epoch.interval", "0", SPK_CONF_EPOCH_INTERVAL, 0, "0s" },
		{ "event.log", "Off", SPK_CONF_EVENT_LOG, 0, "false" },
		{ "event.log", " yes ", SPK_CONF_EVENT_LOG, 1, "true" },
		{ "bad.rows", "fail", SPK_CONF_BAD_ROWS, 2, "fail" },
		{ "json.timestamp-unit", "s", SPK_CONF_JSON_TIMESTAMP_UNIT, 0, "s" },
	};
	struct spk_conf *conf = fresh();
	spk_error err = { 0 };

	for (size_t i = 0; i < SPK_COUNT_OF(cases); i++) {
		struct spk_buffer shown = { 0 };

		CHECK_OK(spk_conf_set(conf, cases[i].name, cases[i].value, &err), err);
		CHECK_EQ_INT(spk_conf_int(conf, cases[i].key), cases[i].number);
		CHECK_OK(spk_conf_format(conf, cases[i].key, &shown, &err), err);
		CHECK_EQ_STR(spk_buffer_cstr(&shown), cases[i].shown);
		spk_buffer_release(&shown);
	}
	CHECK_OK(spk_conf_set(conf, "timezone", "Europe/Berlin", &err), err);
	CHECK_EQ_STR(spk_conf_text(conf, SPK_CONF_TIMEZONE), "Europe/Berlin");
	spk_conf_free(conf);
}

static void bad_values(void)
{
	static const struct { const char *name, *value, *part; } cases[] = {
		{ "parallelism", "", "whole number" }, { "parallelism", "7x", "whole number" }, { "parallelism", "1.5", "whole number" },
		{ "parallelism", "99999999999999999999", "whole number" }, { "parallelism", "-1", "out of range: 0 to 1024" },
		{ "parallelism", "1025", "0 to 1024" }, { "memory.limit", "1", "at least 32MiB" }, { "memory.limit", "64MB", "'MB'" },
		{ "memory.limit", "x", "number of bytes" }, { "memory.limit", "-5", "number of bytes" },
		{ "memory.limit", "64 Mi B", "unit" }, { "memory.limit", "9999999999999G", "too large" },
		{ "memory.limit", "0.3KiB", "finer" }, { "memory.limit", "1.", "unit" }, { "memory.limit", ".5G", "number of bytes" },
		{ "memory.limit", "1.0000000001G", "number of bytes" }, { "epoch.interval", "5m", "'m'" },
		{ "epoch.interval", "0.1us", "finer" }, { "epoch.interval", "", "duration" },
		{ "transaction.timeout", "1ms", "at least 1s" }, { "event.log", "maybe", "true or false" },
		{ "event.log", "on off", "true or false" }, { "delivery", "maybe-once", "exactly-once|at-least-once" },
		{ "delivery", "", "exactly-once" }, { "delivery", "exactly", "exactly-once" },
	};
	struct spk_conf *conf = fresh();
	spk_error err = { 0 };

	for (size_t i = 0; i < SPK_COUNT_OF(cases); i++) {
		CHECK_FAILS(spk_conf_set(conf, cases[i].name, cases[i].value, &err), SPK_USAGE, err);
		CHECK_HOLDS(err.message, cases[i].part);
		CHECK(strncmp(err.message, cases[i].name, strlen(cases[i].name)) == 0);
	}
	CHECK_EQ_INT(spk_conf_int(conf, SPK_CONF_MEMORY_LIMIT), 1 << 30);
	spk_conf_free(conf);
}

static void unknown_keys(void)
{
	struct spk_conf *conf = fresh();
	enum spk_conf_key key = SPK_CONF_SEED;
	spk_error err = { 0 };

	CHECK_FAILS(spk_conf_set(conf, "memory.limt", "1GiB", &err), SPK_USAGE, err);
	CHECK_HOLDS(err.hint, "'memory.limit'");
	CHECK_FAILS(spk_conf_find("nothing like it at all", &key, &err), SPK_USAGE, err);
	CHECK_HOLDS(err.hint, "docs/configuration.md");
	CHECK_EQ_INT(key, SPK_CONF_SEED);
	CHECK_OK(spk_conf_find("memory.limit", &key, &err), err);
	CHECK_EQ_INT(key, SPK_CONF_MEMORY_LIMIT);
	spk_conf_free(conf);
}

static void flinks_names(void)
{
	struct spk_conf *conf = fresh();
	spk_error err = { 0 };

	CHECK_OK(spk_conf_set(conf, "table.exec.emit.allow-lateness", "1min", &err), err);
	CHECK_EQ_INT(spk_conf_int(conf, SPK_CONF_EMIT_LATENESS), 60000000);
	CHECK_OK(spk_conf_set(conf, "table.exec.emit.early-fire.enabled", "true", &err), err);
	CHECK_EQ_INT(spk_conf_int(conf, SPK_CONF_EMIT), 2);
	CHECK_OK(spk_conf_set(conf, "table.exec.emit.early-fire.delay", "0s", &err), err);
	CHECK_EQ_INT(spk_conf_int(conf, SPK_CONF_EMIT), 2);
	CHECK_OK(spk_conf_set(conf, "table.exec.emit.early-fire.enabled", "false", &err), err);
	CHECK_EQ_INT(spk_conf_int(conf, SPK_CONF_EMIT), 0);
	CHECK_OK(spk_conf_set(conf, "table.exec.emit.early-fire.delay", "10 s", &err), err);
	CHECK_EQ_INT(spk_conf_int(conf, SPK_CONF_EMIT_INTERVAL), 10000000);
	CHECK_OK(spk_conf_set(conf, "table.exec.state.ttl", "2 days", &err), err);
	CHECK_EQ_INT(spk_conf_int(conf, SPK_CONF_STATE_TTL) / 1000000, 2 * 86400);
	CHECK(spk_conf_without_effect("table.exec.mini-batch.enabled") && !spk_conf_without_effect("emit"));
	CHECK_FAILS(spk_conf_set(conf, "table.exec.emit.early-fire.delay", "soon", &err), SPK_USAGE, err);
	CHECK_FAILS(spk_conf_set(conf, "table.exec.emit.early-fire.enabled", "now", &err), SPK_USAGE, err);
	CHECK_FAILS(spk_conf_set(conf, "table.exec.emit.early-fire.never", "true", &err), SPK_USAGE, err);
	spk_conf_free(conf);
}

static void closest_names(void)
{
	static const char *const names[] = { "watermark", "window", "epoch", "id",
		"a name that is much too long to be the nearest of any other name, whatever it is" };

	CHECK_EQ_STR(spk_closest_name("watermrak", names, 5), "watermark");
	CHECK_EQ_STR(spk_closest_name("WATERMARKS", names, 5), "watermark");
	CHECK_EQ_STR(spk_closest_name("widow", names, 5), "window");
	CHECK_EQ_STR(spk_closest_name("epcoh", names, 5), "epoch");
	CHECK_EQ_STR(spk_closest_name("id", names, 5), "id");
	CHECK(!spk_closest_name("ix", names, 5));
	CHECK(!spk_closest_name("", names, 5));
	CHECK(!spk_closest_name("epoch", names, 0));
	CHECK(!spk_closest_name(names[4], names, 4));
}

static void numbers(void)
{
	int64_t n = 0;
	double d = 0;
	spk_error err = { 0 };

	CHECK_OK(spk_conf_parse_int("-9223372036854775807", &n, &err), err);
	CHECK_EQ_INT(n, -INT64_MAX);
	CHECK_OK(spk_conf_parse_double(" -1.5e3 ", &d, &err), err);
	CHECK_NEAR(d, -1500, 0);
	CHECK_FAILS(spk_conf_parse_double("1,5", &d, &err), SPK_USAGE, err);
	CHECK_FAILS(spk_conf_parse_double("inf", &d, &err), SPK_USAGE, err);
	CHECK_FAILS(spk_conf_parse_double("nan", &d, &err), SPK_USAGE, err);
	CHECK_FAILS(spk_conf_parse_double("", &d, &err), SPK_USAGE, err);
	CHECK_OK(spk_conf_parse_duration("3", 1000000, &n, &err), err);
	CHECK_EQ_INT(n, 3000000);
	CHECK_OK(spk_conf_parse_bytes("2TiB", &n, &err), err);
	CHECK_EQ_INT(n, 2LL << 40);
	CHECK_FAILS(spk_conf_parse_bool("", &n, &err), SPK_USAGE, err);
	CHECK_EQ_INT(n, 2LL << 40);
}

static void copies_are_their_own(void)
{
	struct spk_conf *conf = fresh(), *copy;

	spk_conf_set(conf, "timezone", "Asia/Tokyo", NULL);
	copy = spk_conf_copy(conf);
	REQUIRE(copy != NULL);
	spk_conf_set(conf, "timezone", "UTC", NULL);
	spk_conf_set(conf, "parallelism", "3", NULL);
	CHECK_EQ_STR(spk_conf_text(copy, SPK_CONF_TIMEZONE), "Asia/Tokyo");
	CHECK_EQ_INT(spk_conf_int(copy, SPK_CONF_PARALLELISM), 0);
	spk_conf_free(conf);
	spk_conf_free(copy);
}

static void fixed_keys_stay(void)
{
	struct spk_conf *conf = fresh(), *copy;
	spk_error err;

	CHECK_OK(spk_conf_fix(conf, "parallelism", "3", &err), err);
	CHECK_OK(spk_conf_set(conf, "parallelism", "4", &err), err);
	CHECK_EQ_INT(spk_conf_int(conf, SPK_CONF_PARALLELISM), 3);
	CHECK_FAILS(spk_conf_set(conf, "parallelism", "many", &err), SPK_USAGE, err);
	CHECK_FAILS(spk_conf_fix(conf, "parallelism", "-1", &err), SPK_USAGE, err);
	CHECK_OK(spk_conf_set(conf, "parallelism", "5", &err), err);
	CHECK_EQ_INT(spk_conf_int(conf, SPK_CONF_PARALLELISM), 3);
	copy = spk_conf_copy(conf);
	REQUIRE(copy != NULL);
	CHECK_OK(spk_conf_set(copy, "parallelism", "6", &err), err);
	CHECK_EQ_INT(spk_conf_int(copy, SPK_CONF_PARALLELISM), 3);
	CHECK_OK(spk_conf_fix(copy, "parallelism", "7", &err), err);
	CHECK_EQ_INT(spk_conf_int(copy, SPK_CONF_PARALLELISM), 7);
	CHECK_FAILS(spk_conf_fix(conf, "paralelism", "3", &err), SPK_USAGE, err);
	spk_conf_free(conf);
	spk_conf_free(copy);
}

static void substitution(void)
{
	char *dir = spk_test_dir("secret"), *path = spk_test_format("%s/pw", dir);
	char *value = spk_test_format("a-${file:%s}-${env:SPK_TEST_USER}-$${x}-$", path), *masked = strdup("s3cret pw! and alice");
	struct spk_conf *conf = fresh();
	struct spk_buffer shown = { 0 };
	spk_error err = { 0 };

	spk_test_spew(path, "s3cret pw!\r\n", 12);
	setenv("SPK_TEST_USER", "alice", 1);
	CHECK_OK(spk_conf_set(conf, "dlq.topic", value, &err), err);
	CHECK_EQ_STR(spk_conf_text(conf, SPK_CONF_DLQ_TOPIC), "a-s3cret pw!-alice-${x}-$");
	CHECK_OK(spk_conf_format(conf, SPK_CONF_DLQ_TOPIC, &shown, &err), err);
	CHECK_EQ_STR(spk_buffer_cstr(&shown), "a-***-***-${x}-$");
	spk_log_redact_text(masked);
	CHECK_EQ_STR(masked, "*** and ***");
	spk_buffer_release(&shown);
	spk_conf_free(conf);
	free(masked);
	free(value);
	free(path);
	free(dir);
}

static void plain_substitution(void)
{
	struct spk_buffer out = { 0 };
	char *text = strdup("broker.example:9092");
	spk_error err = { 0 };

	setenv("SPK_TEST_ADDRESS", "broker.example:9092", 1);
	CHECK_OK(spk_conf_substitute_plain("${env:SPK_TEST_ADDRESS},b", &out, &err), err);
	CHECK_EQ_STR(spk_buffer_cstr(&out), "broker.example:9092,b");
	spk_log_redact_text(text);
	CHECK_EQ_STR(text, "broker.example:9092");
	spk_buffer_release(&out);
	free(text);
}

static void bad_references(void)
{
	static const struct { const char *text, *part; spk_status code; } cases[] = {
		{ "a${env:SPK_TEST_NONE}", "SPK_TEST_NONE is not set", SPK_USAGE },
		{ "${file:/nowhere/at/all}", "/nowhere/at/all", SPK_NOT_FOUND },
		{ "${vault:x}", "${vault:x}", SPK_USAGE },
		{ "${}", "${}", SPK_USAGE },
		{ "x${env:HOME", "has no }", SPK_USAGE },
	};
	struct spk_buffer out = { 0 };
	spk_error err = { 0 };

	unsetenv("SPK_TEST_NONE");
	REQUIRE_OK(spk_buffer_append_str(&out, "kept", &err), err);
	for (size_t i = 0; i < SPK_COUNT_OF(cases); i++) {
		CHECK_FAILS(spk_conf_substitute(cases[i].text, &out, &err), cases[i].code, err);
		CHECK_HOLDS(err.message, cases[i].part);
		CHECK_EQ_STR(spk_buffer_cstr(&out), "kept");
	}
	spk_buffer_release(&out);
}

/* A secret file with these bytes in it is refused. */
static void check_refused(const char *data, size_t size, const char *part)
{
	char *dir = spk_test_dir("bad"), *path = spk_test_format("%s/secret", dir), *text = spk_test_format("${file:%s}", path);
	struct spk_buffer out = { 0 };
	spk_error err = { 0 };

	spk_test_spew(path, data, size);
	CHECK_FAILS(spk_conf_substitute(text, &out, &err), SPK_USAGE, err);
	CHECK_HOLDS(err.message, part);
	CHECK_EQ_INT(out.size, 0);
	spk_buffer_release(&out);
	free(text);
	free(path);
	free(dir);
}

static void bad_secret_files(void)
{
	char *block = calloc(1, 70000);

	REQUIRE(block != NULL);
	check_refused("a\0b", 3, "NUL");
	check_refused(block, 70000, "larger than");
	free(block);
}

static spk_status load(struct spk_conf *conf, const char *text, spk_error *err)
{
	char *dir = spk_test_dir("conf"), *path = spk_test_format("%s/sparklet.conf", dir);
	spk_status status;

	spk_test_spew(path, text, strlen(text));
	status = spk_conf_load_file(conf, path, err);
	free(path);
	free(dir);
	return status;
}

static void files(void)
{
	struct spk_conf *conf = fresh();
	spk_error err = { 0 };

	CHECK_OK(load(conf,
	              "# a comment\n"
	              "\n"
	              "  parallelism = 3   # why three\r\n"
	              "dlq.topic=a#b\n"
	              "timezone = ' padded # not a comment '\n"
	              "log.level=\"warn,x=debug\"  # quoted\n"
	              "log.file =\n"
	              "files.root = x y = z # last line without an end", &err), err);
	CHECK_EQ_INT(spk_conf_int(conf, SPK_CONF_PARALLELISM), 3);
	CHECK_EQ_STR(spk_conf_text(conf, SPK_CONF_DLQ_TOPIC), "a#b");
	CHECK_EQ_STR(spk_conf_text(conf, SPK_CONF_TIMEZONE), " padded # not a comment ");
	CHECK_EQ_STR(spk_conf_text(conf, SPK_CONF_LOG_LEVEL), "warn,x=debug");
	CHECK_EQ_STR(spk_conf_text(conf, SPK_CONF_LOG_FILE), "");
	CHECK_EQ_STR(spk_conf_text(conf, SPK_CONF_FILES_ROOT), "x y = z");
	CHECK_OK(load(conf, "", &err), err);
	spk_conf_free(conf);
}

static void bad_files(void)
{
	static const struct { const char *text, *part; } cases[] = {
		{ "parallelism = 5\nnothing here\n", "sparklet.conf:2: expected key = value" },
		{ "parallelism = 5\n\n\nparalelism = 6\n", "sparklet.conf:4: unrecognized configuration parameter \"paralelism\"" },
		{ "timezone = 'open\n", "conf:1: a quoted value" },
		{ "timezone = 'a' b\n", "conf:1: a quoted value" },
		{ "parallelism = 5\nseed = x", "conf:2: seed: 'x'" },
	};
	struct spk_conf *conf = fresh();
	spk_error err = { 0 };

	for (size_t i = 0; i < SPK_COUNT_OF(cases); i++) {
		CHECK_FAILS(load(conf, cases[i].text, &err), SPK_USAGE, err);
		CHECK_HOLDS(err.message, cases[i].part);
		CHECK_EQ_INT(spk_conf_int(conf, SPK_CONF_PARALLELISM), 0);
	}
	CHECK_FAILS(spk_conf_load_file(conf, "/nowhere/at/all", &err), SPK_NOT_FOUND, err);
	spk_conf_free(conf);
}

static void no_text_files(void)
{
	char *dir = spk_test_dir("notext"), *path = spk_test_format("%s/conf", dir), *big = calloc(1, (1 << 20) + 1);
	struct spk_conf *conf = fresh();
	spk_error err = { 0 };

	REQUIRE(big != NULL);
	spk_test_spew(path, big, 10);
	CHECK_FAILS(spk_conf_load_file(conf, path, &err), SPK_USAGE, err);
	CHECK_HOLDS(err.message, "not a text file");
	spk_test_spew(path, big, (1 << 20) + 1);
	CHECK_FAILS(spk_conf_load_file(conf, path, &err), SPK_USAGE, err);
	CHECK_HOLDS(err.message, "larger than");
	spk_conf_free(conf);
	free(big);
	free(path);
	free(dir);
}

static char warned[4096];

static void catch_warning(const char *line, int size, void *user)
{
	(void)user;
	snprintf(warned + strlen(warned), sizeof(warned) - strlen(warned), "%.*s", size, line);
}

static void environment(void)
{
	struct spk_conf *conf = fresh();
	spk_error err = { 0 };

	setenv("SPARKLET_WATERMARK_IDLE_TIMEOUT", "9s", 1);
	setenv("SPARKLET_EPOCH_MAX_ROW", "9", 1);
	setenv("SPARKLET_SOMETHING_ELSE_ENTIRELY", "9", 1);
	spk_log_set_sink(catch_warning, NULL);
	CHECK_OK(spk_conf_load_environment(conf, &err), err);
	spk_log_set_sink(NULL, NULL);
	CHECK_EQ_INT(spk_conf_int(conf, SPK_CONF_IDLE_TIMEOUT), 9000000);
	CHECK_HOLDS(warned, "SPARKLET_EPOCH_MAX_ROW is not known; did you mean SPARKLET_EPOCH_MAX_ROWS?");
	CHECK(!strstr(warned, "ENTIRELY"));
	CHECK(!strstr(warned, "IDLE"));
	CHECK(!strstr(warned, "SPARKLET_SRC") && !strstr(warned, "SPARKLET_TMP"));
	setenv("SPARKLET_PARALLELISM", "4", 1);
	setenv("SPARKLET_SEED", "none", 1);
	CHECK_FAILS(spk_conf_load_environment(conf, &err), SPK_USAGE, err);
	CHECK_HOLDS(err.message, "SPARKLET_SEED");
	CHECK_EQ_INT(spk_conf_int(conf, SPK_CONF_PARALLELISM), 0);
	unsetenv("SPARKLET_SEED");
	unsetenv("SPARKLET_PARALLELISM");
	spk_conf_free(conf);
}

static void markdown_has_all(void)
{
	struct spk_buffer out = { 0 };
	spk_error err = { 0 };
	const char *text;

	REQUIRE_OK(spk_conf_markdown(&out, &err), err);
	text = spk_buffer_cstr(&out);
	REQUIRE(text != NULL);
	for (int i = 0; i < SPK_CONF_COUNT; i++) {
		char row[128];

		snprintf(row, sizeof(row), "\n| `%s` | ", spk_conf_name((enum spk_conf_key)i));
		CHECK_HOLDS(text, row);
	}
	CHECK_HOLDS(text, "| `delivery` | exactly-once\\|at-least-once | `exactly-once` |  |");
	CHECK_HOLDS(text, "| `watermark.idle-timeout` | duration (ms) | `5s` | at least 0s |");
	CHECK_HOLDS(text, "`SPARKLET_WATERMARK_IDLE_TIMEOUT` |\n");
	spk_buffer_release(&out);
}

/* Whatever is shown can be set again and gives the same value. */
static void shown_values_can_be_set(void)
{
	static const enum spk_conf_key keys[] = {
		SPK_CONF_STATE_CACHE, SPK_CONF_EPOCH_INTERVAL, SPK_CONF_SEED, SPK_CONF_EVENT_LOG,
	};
	spk_test_rng rng = spk_test_rng_new(2);
	struct spk_conf *conf = fresh();
	spk_error err = { 0 };

	for (int i = 0; i < (spk_test_long() ? 100000 : 2000); i++) {
		enum spk_conf_key key = keys[spk_test_below(&rng, SPK_COUNT_OF(keys))];
		int64_t number = (int64_t)(spk_test_next(&rng) >> spk_test_between(&rng, 1, 63));
		struct spk_buffer shown = { 0 };
		char text[32];

		number = key == SPK_CONF_EVENT_LOG ? number & 1 : number / 1000 * (int64_t)(spk_test_one_in(&rng, 2) ? 1000 : 1);
		snprintf(text, sizeof(text), key == SPK_CONF_EPOCH_INTERVAL ? "%lldus" : "%lld", (long long)number);
		if (key == SPK_CONF_EVENT_LOG)
			snprintf(text, sizeof(text), "%s", number ? "on" : "off");
		CHECK_EQ_INT(spk_conf_set(conf, spk_conf_name(key), text, &err), SPK_OK);
		CHECK_EQ_INT(spk_conf_int(conf, key), number);
		CHECK_EQ_INT(spk_conf_format(conf, key, &shown, &err), SPK_OK);
		CHECK_EQ_INT(spk_conf_set(conf, spk_conf_name(key), spk_buffer_cstr(&shown), &err), SPK_OK);
		CHECK_EQ_INT(spk_conf_int(conf, key), number);
		spk_buffer_release(&shown);
	}
	spk_conf_free(conf);
}

/* Garbage made of the pieces that the parsers look for: an error or a value, and never anything else. */
static void random_texts(void)
{
	static const char *const pieces[] = {
		"1", "9", ".", "KiB", "ms", " ", "\t", "-", "+", "=", "#", "\n", "\r", "'", "\"", "${", "}", "$", "env:", "HOME",
		"timezone", "memory.limit", "epoch.interval", "h", "e", "\xff", "99999999999999999999",
	};
	spk_test_rng rng = spk_test_rng_new(3);
	struct spk_conf *conf = fresh();

	for (int i = 0; i < (spk_test_long() ? 200000 : 5000); i++) {
		char text[512] = "";
		struct spk_buffer out = { 0 };
		int64_t n;
		double d;

		for (int j = (int)spk_test_below(&rng, 16); j > 0; j--)
			strcat(text, pieces[spk_test_below(&rng, SPK_COUNT_OF(pieces))]);
		if (!spk_conf_parse_bytes(text, &n, NULL))
			CHECK(n >= 0);
		if (!spk_conf_parse_duration(text, 1000, &n, NULL))
			CHECK(n >= 0);
		spk_conf_parse_int(text, &n, NULL);
		spk_conf_parse_double(text, &d, NULL);
		spk_conf_parse_bool(text, &n, NULL);
		spk_conf_substitute(text, &out, NULL);
		spk_buffer_release(&out);
		if (i % 50 == 0)
			load(conf, text, NULL);
	}
	spk_conf_free(conf);
}

/* Out of memory from every allocation on, in turn: an error each time, and nothing leaks (make check SAN=address). */
static void without_memory(void)
{
	struct spk_conf *conf = fresh();
	bool ended = false;
	spk_error err = { 0 };

	for (int n = 1; !ended && n < 1000; n++) {
		struct spk_buffer out = { 0 };
		char specification[32];
		struct spk_conf *other;
		spk_status status;

		snprintf(specification, sizeof(specification), "malloc:%d+", n);
		REQUIRE_OK(spk_fault_set(specification, &err), err);
		other = spk_conf_new();
		status = spk_conf_set(conf, "timezone", "${env:HOME}", NULL);
		status = status ? status : spk_conf_markdown(&out, NULL);
		status = status ? status : spk_conf_format(conf, SPK_CONF_TIMEZONE, &out, NULL);
		ended = spk_fault_passes(SPK_FAULT_MALLOC) < n;
		CHECK(ended == (other && !status));
		spk_conf_free(other);
		spk_fault_set(NULL, NULL);
		spk_buffer_release(&out);
	}
	CHECK(ended);
	spk_conf_free(conf);
}

static struct spk_conf *shared;
static _Atomic int wrong;

static void *read_much(void *unused)
{
	(void)unused;
	for (int i = 0; i < 2000; i++) {
		struct spk_buffer out = { 0 };

		wrong += spk_conf_int(shared, SPK_CONF_BATCH_ROWS) != 4096 || strcmp(spk_conf_text(shared, SPK_CONF_TIMEZONE), "UTC") ||
		         spk_conf_format(shared, SPK_CONF_TIMEZONE, &out, NULL);
		spk_buffer_release(&out);
	}
	return NULL;
}

static void threads_read(void)
{
	shared = fresh();
	run_threads(read_much);
	CHECK_EQ_INT(wrong, 0);
	spk_conf_free(shared);
}

/* With little memory epochs are small, whatever their size was set to. */
static void epochs_go_with_memory(void)
{
	struct spk_conf *conf = fresh();
	spk_error err = { 0 };

	CHECK_EQ_INT(spk_conf_epoch_rows(conf), 32768);
	CHECK_EQ_INT(spk_conf_epoch_bytes(conf), 16 << 20);
	CHECK_OK(spk_conf_set(conf, "memory.limit", "64MiB", &err), err);
	CHECK_EQ_INT(spk_conf_epoch_rows(conf), 8192);
	CHECK_EQ_INT(spk_conf_epoch_bytes(conf), 4 << 20);
	CHECK_OK(spk_conf_set(conf, "epoch.max.rows", "1", &err), err);
	CHECK_EQ_INT(spk_conf_epoch_rows(conf), 1);
	spk_conf_free(conf);
}

SPK_TEST_SUITE("conf",
	{"defaults", defaults},
	{"set each kind", set_each_kind},
	{"epochs go with memory", epochs_go_with_memory},
	{"bad values", bad_values},
	{"unknown keys", unknown_keys},
	{"knows what Flink calls the same", flinks_names},
	{"closest names", closest_names},
	{"numbers", numbers},
	{"copies are their own", copies_are_their_own},
	{"fixed keys stay", fixed_keys_stay},
	{"substitution", substitution},
	{"plain substitution", plain_substitution},
	{"bad references", bad_references},
	{"bad secret files", bad_secret_files},
	{"files", files},
	{"bad files", bad_files},
	{"files that are no text", no_text_files},
	{"environment", environment},
	{"markdown has all", markdown_has_all},
	{"shown values can be set", shown_values_can_be_set},
	{"random texts", random_texts},
	{"without memory", without_memory},
	{"threads read", threads_read})
