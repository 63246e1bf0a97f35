/* The Kafka source: where it starts and ends, ranges that come again exactly, and the wake descriptor. */
#include <poll.h>

#include "core/base/fault.h"

#include "tests/connectors/kafka/kafka_tables.h"

enum { NO_LIMIT = 1 << 30, ROWS_MAX = 100000 };

static char *topic_with(const char *stem, int partitions, const char *lines)
{
	char *topic = spk_test_topic_name(stem);

	spk_test_topic_create(topic, partitions, NULL);
	if (lines)
		spk_test_produce_lines(topic, 0, lines);
	spk_test_flush();
	return topic;
}

/* Starts as the options say and reads partition 0 to its end as of now. */
static struct seen read_all(const char *topic, const char *const *options)
{
	int64_t resolved[PARTITIONS], end[PARTITIONS];
	struct spk_source *s;
	struct seen seen;
	struct table t;
	spk_error err = { 0 };

	table_init(&t, topic, options);
	s = open_source(&t);
	seek_all(s, SPK_POSITION_START, resolved);
	REQUIRE_OK(s->type->ends(s, false, end, &err), err);
	seen = fetch_range(s, 0, end[0], ROWS_MAX, NO_LIMIT);
	s->type->close(s);
	return seen;
}

static void starts_at_the_earliest(void)
{
	char *topic = topic_with("earliest", 1, "a\nb\nc\n");
	struct seen seen = read_all(topic, NULL);

	CHECK_EQ_STR(seen.text, "0:a 1:b 2:c");
	CHECK_EQ_INT(seen.end, 3);
	CHECK_EQ_INT(seen.bytes, 3);
	CHECK(!seen.finished);
	free(topic);
}

static void starts_at_the_latest(void)
{
	static const char *const options[] = { "scan.startup.mode", "latest-offset", NULL };
	char *topic = topic_with("latest", 1, "a\nb\n");
	int64_t resolved[PARTITIONS];
	struct spk_source *s;
	struct seen seen;
	struct table t;

	table_init(&t, topic, options);
	s = open_source(&t);
	seek_all(s, SPK_POSITION_START, resolved);
	CHECK_EQ_INT(resolved[0], 2);
	spk_test_produce_lines(topic, 0, "c\n");
	spk_test_flush();
	seen = fetch_range(s, 0, 3, ROWS_MAX, NO_LIMIT);
	CHECK_EQ_STR(seen.text, "2:c");
	s->type->close(s);
	free(topic);
}

static void starts_and_ends_at_offsets(void)
{
	static const char *const options[] = {
		"scan.startup.mode", "specific-offsets", "scan.startup.specific-offsets", "partition:0,offset:1;partition:7,offset:3",
		"scan.bounded.mode", "specific-offsets", "scan.bounded.specific-offsets", "partition:0,offset:3", NULL };
	char *topic = topic_with("offsets", 1, "a\nb\nc\nd\n");
	struct seen seen = read_all(topic, options);

	CHECK_EQ_STR(seen.text, "1:b 2:c");
	CHECK(seen.finished);
	CHECK_EQ_INT(seen.end, 3);
	free(topic);
}

static void starts_and_ends_at_times(void)
{
	static const char *const options[] = {
		"scan.startup.mode", "timestamp", "scan.startup.timestamp-millis", "1700000000200",
		"scan.bounded.mode", "timestamp", "scan.bounded.timestamp-millis", "1700000000400", NULL };
	char *topic = topic_with("times", 1, NULL);
	struct seen seen;

	for (int i = 0; i < 5; i++)
		spk_test_produce(topic, 0, NULL, 0, &"abcde"[i], 1, 1700000000100 + i * 100);
	spk_test_flush();
	seen = read_all(topic, options);
	CHECK_EQ_STR(seen.text, "1:b 2:c");
	CHECK_EQ_INT(seen.first_timestamp_us, 1700000000200000);
	CHECK(seen.finished);
	free(topic);
}

static void starts_at_a_time_behind_all(void)
{
	static const char *const options[] = { "scan.startup.mode", "timestamp", "scan.startup.timestamp-millis", "4000000000000", NULL };
	char *topic = topic_with("late", 1, "a\nb\n");
	struct seen seen = read_all(topic, options);

	CHECK_EQ_INT(seen.rows, 0);
	CHECK_EQ_INT(seen.end, 2);
	free(topic);
}

static void ends_at_the_latest(void)
{
	static const char *const options[] = { "scan.bounded.mode", "latest-offset", NULL };
	char *topic = topic_with("bounded", 1, "a\nb\n");
	int64_t resolved[PARTITIONS], end[PARTITIONS];
	struct spk_source *s;
	struct seen seen;
	struct table t;
	spk_error err = { 0 };

	table_init(&t, topic, options);
	s = open_source(&t);
	seek_all(s, SPK_POSITION_START, resolved);
	spk_test_produce_lines(topic, 0, "c\n");
	spk_test_flush();
	/* The end does not move with what comes later. */
	REQUIRE_OK(s->type->ends(s, true, end, &err), err);
	CHECK_EQ_INT(end[0], 2);
	seen = fetch_range(s, 0, INT64_MAX, ROWS_MAX, NO_LIMIT);
	CHECK_EQ_STR(seen.text, "0:a 1:b");
	CHECK(seen.finished);
	s->type->close(s);
	free(topic);
}

static void unbounded_has_no_end(void)
{
	char *topic = topic_with("unbounded", 1, "a\n");
	int64_t resolved[PARTITIONS], end[PARTITIONS];
	struct spk_source *s;
	struct table t;
	spk_error err = { 0 };

	table_init(&t, topic, NULL);
	s = open_source(&t);
	seek_all(s, SPK_POSITION_START, resolved);
	REQUIRE_OK(s->type->ends(s, true, end, &err), err);
	CHECK(end[0] == INT64_MAX);
	s->type->close(s);
	free(topic);
}

/* report() commits what lag tools see, and group-offsets starts there. */
static void starts_where_the_group_is(void)
{
	char *topic = topic_with("group", 1, "a\nb\nc\n"), *group = spk_test_topic_name("group");
	const char *const options[] = { "scan.startup.mode", "group-offsets", "properties.group.id", group, NULL };
	const char *const reset[] = { "scan.startup.mode", "group-offsets", "properties.group.id", group, "properties.auto.offset.reset", "latest", NULL };
	int64_t resolved[PARTITIONS], wanted[PARTITIONS] = { SPK_POSITION_START };
	struct spk_source *s;
	struct table t;
	spk_error err = { 0 };

	table_init(&t, topic, options);
	s = open_source(&t);
	CHECK_FAILS(s->type->seek(s, wanted, resolved, &err), SPK_NOT_FOUND, err);
	CHECK_HOLDS(err.hint, "auto.offset.reset");
	s->type->close(s);
	table_init(&t, topic, reset);
	s = open_source(&t);
	seek_all(s, SPK_POSITION_START, resolved);
	CHECK_EQ_INT(resolved[0], 3);
	s->type->report(s, (int64_t[]){ 1 });
	for (int i = 0; i < 50 && resolved[0] != 1; i++) {
		sleep_ms(100);
		seek_all(s, SPK_POSITION_START, resolved);
	}
	CHECK_EQ_INT(resolved[0], 1);
	s->type->close(s);
	free(topic);
	free(group);
}

static void reads_several_topics(void)
{
	char *a = topic_with("first", 2, "a\n"), *b = topic_with("second", 1, "b\n"), *both = spk_test_format("%s; %s", a, b);
	int64_t resolved[PARTITIONS];
	struct spk_source *s;
	struct table t;

	table_init(&t, both, NULL);
	s = open_source(&t);
	CHECK_EQ_INT(s->partitions, 3);
	CHECK_HOLDS(s->type->partition_name(s, 1), "first-");
	CHECK_HOLDS(s->type->partition_name(s, 1), "/1");
	CHECK_HOLDS(s->type->partition_name(s, 2), "second-");
	seek_all(s, SPK_POSITION_START, resolved);
	CHECK_EQ_STR(fetch_range(s, 0, 1, ROWS_MAX, NO_LIMIT).text, "0:a");
	CHECK_EQ_STR(fetch_range(s, 2, 1, ROWS_MAX, NO_LIMIT).text, "0:b");
	s->type->close(s);
	free(a);
	free(b);
	free(both);
}

/* Markers and aborted rows take offsets; ranges end behind them by the end-of-partition event. */
static void sees_no_aborted_rows(void)
{
	char *topic = topic_with("aborted", 1, "a\n");
	struct seen seen;
	int64_t low, high = 0;

	spk_test_produce_aborted(topic, 0, 3);
	spk_test_produce_lines(topic, 0, "b\n");
	spk_test_flush();
	spk_test_produce_aborted(topic, 0, 2);
	/* Markers are written after the abort was answered. */
	for (int i = 0; i < 100 && high < 9; i++) {
		sleep_ms(20);
		spk_test_topic_range(topic, 0, &low, &high);
	}
	seen = read_all(topic, NULL);
	/* The first marker may come before or behind b. */
	CHECK_EQ_INT(seen.rows, 2);
	CHECK_HOLDS(seen.text, "0:a ");
	CHECK_HOLDS(seen.text, ":b");
	CHECK_EQ_INT(seen.end, high);
	CHECK_EQ_INT(high, 9);
	free(topic);
}

static void reads_uncommitted_when_told(void)
{
	static const char *const options[] = { "properties.isolation.level", "read_uncommitted", NULL };
	char *topic = topic_with("dirty", 1, "a\n");
	struct seen seen;

	spk_test_produce_aborted(topic, 0, 2);
	seen = read_all(topic, options);
	CHECK_EQ_STR(seen.text, "0:a 1:aborted 2:aborted");
	free(topic);
}

static void steps_over_compacted_rows(void)
{
	static const char *const settings[] = {
		"cleanup.policy", "compact", "segment.ms", "100", "min.cleanable.dirty.ratio", "0.001", "min.compaction.lag.ms", "0",
		"max.compaction.lag.ms", "100", NULL };
	char *topic = spk_test_topic_name("compact");
	struct spk_test_records left = { 0 };
	struct seen seen;
	int64_t low, high;
	int rounds = 0;

	spk_test_topic_create(topic, 1, settings);
	for (; rounds < 60; rounds++) {
		for (int i = 0; i < 10; i++)
			spk_test_produce(topic, 0, "k", 1, "old", 3, 0);
		spk_test_flush();
		sleep_ms(500);
		spk_test_records_release(&left);
		left = spk_test_consume(topic, true);
		if (left.count > 0 && left.count < (size_t)(rounds + 1) * 10)
			break;
	}
	CHECK(rounds < 60);
	spk_test_topic_range(topic, 0, &low, &high);
	seen = read_all(topic, NULL);
	CHECK(seen.rows < high);
	CHECK(seen.rows > 0);
	CHECK_EQ_INT(seen.end, high);
	spk_test_records_release(&left);
	free(topic);
}

/* Any cut of a range gives the same rows and the same hash, and what lies behind the range comes with the next one. */
static void ranges_come_again(void)
{
	char *topic = topic_with("again", 1, NULL);
	int64_t resolved[PARTITIONS], cut;
	struct seen whole, first, second;
	spk_test_rng rng = spk_test_rng_new(1);
	struct spk_source *s;
	struct table t;

	for (int i = 0; i < 5000; i++) {
		char text[400];
		int n = snprintf(text, sizeof(text), "%d", i), more = (int)spk_test_below(&rng, 300);

		memset(text + n, 'x', (size_t)more);
		spk_test_produce(topic, 0, NULL, 0, text, (size_t)(n + more), 0);
	}
	spk_test_flush();
	table_init(&t, topic, NULL);
	s = open_source(&t);
	seek_all(s, 0, resolved);
	whole = fetch_range(s, 0, 5000, ROWS_MAX, NO_LIMIT);
	CHECK_EQ_INT(whole.rows, 5000);
	for (int round = 0; round < 20; round++) {
		cut = spk_test_between(&rng, 0, 5000);
		seek_all(s, 0, resolved);
		first = fetch_range(s, 0, cut, (int)spk_test_between(&rng, 1, 2000), (size_t)spk_test_between(&rng, 1, 100000));
		second = fetch_range(s, 0, 5000, (int)spk_test_between(&rng, 1, 2000), NO_LIMIT);
		CHECK_EQ_INT(first.rows, cut);
		CHECK_EQ_INT(first.rows + second.rows, 5000);
		CHECK_EQ_INT(second.start, cut);
		CHECK(first.hash + second.hash == whole.hash);
		CHECK_EQ_INT(first.bytes + second.bytes, whole.bytes);
	}
	s->type->close(s);
	free(topic);
}

/* Whatever fails in a fetch, the next ones give every row once: what had left the queue is fetched again. */
static void loses_nothing_when_a_fetch_fails(void)
{
	char *topic = topic_with("faults", 1, NULL), fault[32];
	int64_t resolved[PARTITIONS];
	struct seen whole, again;
	struct spk_source *s;
	struct table t;
	spk_error err = { 0 };
	int failed = 0;

	for (int i = 0; i < 2000; i++)
		spk_test_produce(topic, 0, NULL, 0, "0123456789012345678901234567890123456789012345678901234567890123456789", 70, 0);
	spk_test_flush();
	table_init(&t, topic, NULL);
	s = open_source(&t);
	seek_all(s, 0, resolved);
	whole = fetch_range(s, 0, 2000, ROWS_MAX, NO_LIMIT);
	for (int n = 1; n <= 12; n++) {
		struct spk_chunk c = { 0 };
		spk_status status = SPK_OK;

		seek_all(s, 0, resolved);
		sleep_ms(50);
		again = fetch_range(s, 0, 700, ROWS_MAX, NO_LIMIT);
		snprintf(fault, sizeof(fault), n == 12 ? "source.read:1" : "malloc:%d", n);
		REQUIRE_OK(spk_fault_set(fault, &err), err);
		status = s->type->fetch(s, 0, 1900, ROWS_MAX, NO_LIMIT, 100000, &c, &err);
		REQUIRE_OK(spk_fault_set(NULL, &err), err);
		failed += status != SPK_OK;
		if (status == SPK_OK)
			seen_add(&again, &c);
		else
			CHECK(c.arena == NULL && c.rows == 0);
		spk_chunk_release(&c);
		CHECK(again.hash + fetch_range(s, 0, 2000, ROWS_MAX, NO_LIMIT).hash == whole.hash);
	}
	CHECK(failed > 3);
	s->type->close(s);
	free(topic);
}

/* Rows of every length keep readable bytes behind them, the short ones too. */
static void rows_are_padded(void)
{
	char *topic = topic_with("padded", 1, NULL), *big = calloc(1, 300000);
	int64_t resolved[PARTITIONS];
	struct spk_chunk c = { 0 };
	struct spk_source *s;
	struct table t;
	volatile char sum = 0;
	int rows = 0;

	memset(big, 'y', 300000);
	for (int n = 0; n < 100; n++)
		spk_test_produce(topic, 0, NULL, 0, big, (size_t)n, 0);
	spk_test_produce(topic, 0, NULL, 0, big, 300000, 0);
	spk_test_flush();
	table_init(&t, topic, NULL);
	s = open_source(&t);
	seek_all(s, 0, resolved);
	while (rows < 101) {
		spk_error err = { 0 };

		REQUIRE_OK(s->type->fetch(s, 0, 101, ROWS_MAX, NO_LIMIT, 1000000, &c, &err), err);
		for (int i = 0; i < c.rows; i++, rows++) {
			const char *data = spk_view_data(&c.raw[i]);

			CHECK_EQ_INT(c.raw[i].length, rows < 100 ? rows : 300000);
			for (size_t k = 0; k < c.raw[i].length + SPK_CHUNK_PADDING; k++)
				sum = (char)(sum + data[k]);
		}
		spk_chunk_release(&c);
	}
	s->type->close(s);
	free(big);
	free(topic);
}

static bool readable(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, ms) == 1;
}

/* Rows of a partition that are there within 5 s, as a loop gets them. */
static int rows_within(struct spk_source *s, int partition)
{
	int64_t deadline = spk_clock_monotonic_us() + 5000000;
	struct spk_chunk c = { 0 };
	spk_error err = { 0 };
	int rows = 0;

	while (rows == 0 && spk_clock_monotonic_us() < deadline) {
		REQUIRE_OK(s->type->fetch(s, partition, INT64_MAX, ROWS_MAX, NO_LIMIT, 1000, &c, &err), err);
		rows = c.rows;
		spk_chunk_release(&c);
	}
	return rows;
}

static void wakes_up_and_goes_to_sleep(void)
{
	char *topic = topic_with("wake", 2, "a\n");
	int64_t resolved[PARTITIONS];
	struct spk_chunk c = { 0 };
	struct spk_source *s;
	struct table t;
	spk_error err = { 0 };
	int fd;

	table_init(&t, topic, NULL);
	s = open_source(&t);
	fd = s->type->wake_fd(s);
	seek_all(s, SPK_POSITION_START, resolved);
	CHECK_EQ_STR(fetch_range(s, 0, 1, ROWS_MAX, NO_LIMIT).text, "0:a");
	/* End-of-partition events may still come; after them it is quiet. */
	for (int i = 0; i < 100 && readable(fd, 300); i++) {
		for (int p = 0; p < 2; p++) {
			REQUIRE_OK(s->type->fetch(s, p, INT64_MAX, ROWS_MAX, NO_LIMIT, 0, &c, &err), err);
			spk_chunk_release(&c);
		}
	}
	CHECK(!readable(fd, 300));
	for (int round = 0; round < 20; round++) {
		spk_test_produce(topic, round % 2, NULL, 0, "x", 1, 0);
		spk_test_flush();
		CHECK(readable(fd, 5000));
		CHECK_EQ_INT(rows_within(s, round % 2), 1);
	}
	s->type->close(s);
	free(topic);
}

/* A partition whose range is read keeps quiet, whatever comes behind it; a wider range gives that. */
static void is_quiet_at_the_end_of_a_range(void)
{
	char *topic = topic_with("quiet", 1, "a\nb\nc\n");
	int64_t resolved[PARTITIONS];
	struct spk_source *s;
	struct table t;

	table_init(&t, topic, NULL);
	s = open_source(&t);
	seek_all(s, SPK_POSITION_START, resolved);
	CHECK_EQ_STR(fetch_range(s, 0, 2, ROWS_MAX, NO_LIMIT).text, "0:a 1:b");
	CHECK(!readable(s->type->wake_fd(s), 0));
	spk_test_produce_lines(topic, 0, "d\n");
	spk_test_flush();
	CHECK(!readable(s->type->wake_fd(s), 300));
	CHECK_EQ_STR(fetch_range(s, 0, 4, ROWS_MAX, NO_LIMIT).text, "2:c 3:d");
	s->type->close(s);
	free(topic);
}

/* Rows that a limit left in the queue keep the descriptor readable. */
static void stays_awake_while_rows_wait(void)
{
	char *topic = topic_with("awake", 1, "a\nb\nc\nd\n");
	int64_t resolved[PARTITIONS];
	struct spk_chunk c = { 0 };
	struct spk_source *s;
	struct table t;
	spk_error err = { 0 };

	table_init(&t, topic, NULL);
	s = open_source(&t);
	seek_all(s, SPK_POSITION_START, resolved);
	for (int64_t i = 0; i < 4; i++) {
		CHECK(readable(s->type->wake_fd(s), 5000));
		do {
			spk_chunk_release(&c);
			REQUIRE_OK(s->type->fetch(s, 0, INT64_MAX, 1, NO_LIMIT, 100000, &c, &err), err);
		} while (c.rows == 0);
		CHECK_EQ_INT(c.position[0], i);
	}
	spk_chunk_release(&c);
	s->type->close(s);
	free(topic);
}

static void knows_its_lag(void)
{
	char *topic = topic_with("lag", 1, "a\nb\nc\n");
	int64_t resolved[PARTITIONS];
	struct spk_source *s;
	struct table t;

	table_init(&t, topic, NULL);
	s = open_source(&t);
	CHECK_EQ_INT(s->type->lag(s, 0), -1);
	seek_all(s, SPK_POSITION_START, resolved);
	fetch_range(s, 0, 1, 1, NO_LIMIT);
	CHECK_EQ_INT(s->type->lag(s, 0), 2);
	fetch_range(s, 0, 3, ROWS_MAX, NO_LIMIT);
	CHECK_EQ_INT(s->type->lag(s, 0), 0);
	CHECK(s->type->trouble(s) == NULL);
	s->type->close(s);
	free(topic);
}

static void names_expired_offsets(void)
{
	char *topic = topic_with("expired", 1, "a\nb\nc\nd\n");
	int64_t resolved[PARTITIONS], deadline = spk_clock_monotonic_us() + 10000000;
	struct spk_chunk c = { 0 };
	struct spk_source *s;
	struct table t;
	spk_error err = { 0 };
	spk_status status = SPK_OK;

	spk_test_topic_trim(topic, 0, 2);
	table_init(&t, topic, NULL);
	s = open_source(&t);
	seek_all(s, 1, resolved);
	while (status == SPK_OK && spk_clock_monotonic_us() < deadline)
		status = s->type->fetch(s, 0, 4, ROWS_MAX, NO_LIMIT, 100000, &c, &err);
	CHECK_EQ_INT(status, SPK_NOT_FOUND);
	CHECK_HOLDS(err.message, "offset 1 is wanted");
	CHECK_HOLDS(err.message, "from 2 on");
	CHECK_HOLDS(err.message, topic);
	/* A start that is there is fine again. */
	seek_all(s, SPK_POSITION_START, resolved);
	CHECK_EQ_INT(resolved[0], 2);
	CHECK_EQ_STR(fetch_range(s, 0, 4, ROWS_MAX, NO_LIMIT).text, "2:c 3:d");
	s->type->close(s);
	free(topic);
}

SPK_TEST_SUITE("kafka source",
	{ "starts at the earliest offset", starts_at_the_earliest },
	{ "starts at the latest offset", starts_at_the_latest },
	{ "starts and ends at specific offsets", starts_and_ends_at_offsets },
	{ "starts and ends at timestamps", starts_and_ends_at_times },
	{ "starts at the end when the time is behind all records", starts_at_a_time_behind_all },
	{ "ends at the latest offset as it was at the start", ends_at_the_latest },
	{ "has no end when unbounded", unbounded_has_no_end },
	{ "starts where the group is", starts_where_the_group_is },
	{ "reads several topics", reads_several_topics },
	{ "gives no aborted rows and steps over markers", sees_no_aborted_rows },
	{ "gives uncommitted rows when told", reads_uncommitted_when_told },
	{ "steps over compacted rows", steps_over_compacted_rows },
	{ "gives the same range again however it is cut", ranges_come_again },
	{ "loses nothing when a fetch fails", loses_nothing_when_a_fetch_fails },
	{ "pads rows", rows_are_padded },
	{ "wakes up for rows and goes to sleep", wakes_up_and_goes_to_sleep },
	{ "is quiet at the end of a range", is_quiet_at_the_end_of_a_range },
	{ "stays awake while rows wait", stays_awake_while_rows_wait },
	{ "knows its lag", knows_its_lag },
	{ "names offsets that have expired", names_expired_offsets })
