/* Tables, sources and fetch loops for the tests of the Kafka connector. Every test program includes this once. */
#ifndef SPK_TESTS_CONNECTORS_KAFKA_TABLES_H
#define SPK_TESTS_CONNECTORS_KAFKA_TABLES_H

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "connectors/connector.h"
#include "connectors/kafka/producer.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "tests/support/kafka.h"
#include "tests/support/test.h"

#define TEST_UNUSED __attribute__((unused))

extern const struct spk_source_type spk_kafka_source;
extern const struct spk_sink_type spk_kafka_sink, spk_upsert_kafka_sink;

enum { TABLE_OPTIONS_MAX = 24, PARTITIONS = 8 };

/* A table with one text column "line" in format raw, its options, and what a source or sink needs around it. */
struct table {
	struct spk_table table;
	struct spk_option option[TABLE_OPTIONS_MAX];
	struct spk_field field[3];
	struct spk_schema schema;
	int column[3];
	struct spk_source_spec source;
	struct spk_sink_spec sink;
};

static inline void table_option(struct table *t, const char *key, const char *value)
{
	t->option[t->table.option_count++] = (struct spk_option){ key, value, 0 };
}

/* `options`: NULL or name, value, ..., NULL beside topic, bootstrap.servers and format. */
static inline void table_init(struct table *t, const char *topic, const char *const *options)
{
	*t = (struct table){ 0 };
	t->field[0] = (struct spk_field){ "line", spk_type(SPK_TYPE_TEXT), true };
	t->schema = (struct spk_schema){ 1, t->field };
	t->table = (struct spk_table){ .name = "t", .connector = "kafka", .schema = &t->schema, .option = t->option, .time_column = -1 };
	table_option(t, "topic", topic);
	table_option(t, "format", "raw");
	table_option(t, "properties.bootstrap.servers", spk_test_kafka());
	for (; options && options[0]; options += 2)
		table_option(t, options[0], options[1]);
	t->source = (struct spk_source_spec){ .table = &t->table, .column = t->column, .columns = 1, .schema = &t->schema, .job = "test" };
	t->sink = (struct spk_sink_spec){ .table = &t->table, .schema = &t->schema, .job = "test" };
}

/* With the bootstrap servers replaced. */
TEST_UNUSED static void table_broker(struct table *t, const char *address)
{
	for (int i = 0; i < t->table.option_count; i++) {
		if (strcmp(t->option[i].key, "properties.bootstrap.servers") == 0)
			t->option[i].value = address;
	}
}

TEST_UNUSED static struct spk_source *open_source(struct table *t)
{
	struct spk_source *s = NULL;
	spk_error err = { 0 };

	REQUIRE_OK(spk_kafka_source.open(&s, &t->source, &err), err);
	return s;
}

TEST_UNUSED static void seek_all(struct spk_source *s, int64_t position, int64_t *resolved)
{
	int64_t wanted[PARTITIONS];
	spk_error err = { 0 };

	for (int i = 0; i < PARTITIONS; i++)
		wanted[i] = position;
	REQUIRE_OK(s->type->seek(s, wanted, resolved, &err), err);
}

/* What came out of one partition, as text: "offset:payload" with blanks between. */
struct seen {
	int64_t start, end;
	int rows, chunks;
	uint64_t hash;
	size_t bytes;
	bool finished;
	int64_t first_timestamp_us;
	char text[8192];
};

TEST_UNUSED static void seen_add(struct seen *seen, const struct spk_chunk *c)
{
	if (!seen->chunks++)
		seen->start = c->start;
	for (int i = 0; i < c->rows; i++) {
		size_t used = strlen(seen->text);

		if (!seen->rows++)
			seen->first_timestamp_us = c->timestamp_us[i];
		if (used < sizeof(seen->text) - 300)
			snprintf(seen->text + used, sizeof(seen->text) - used, "%s%lld:%.*s", used ? " " : "", (long long)c->position[i], (int)SPK_MIN(c->raw[i].length, 200u), spk_view_data(&c->raw[i]));
	}
	seen->end = c->end;
	seen->hash += c->hash;
	seen->bytes += c->bytes;
	seen->finished = c->finished;
}

/* Fetches [position, end) of a partition in chunks of at most max_rows, until `end` or for at most 20 s. */
TEST_UNUSED static struct seen fetch_range(struct spk_source *s, int partition, int64_t end, int max_rows, size_t max_bytes)
{
	int64_t deadline = spk_clock_monotonic_us() + 20000000;
	struct seen seen = { .end = -1 };
	spk_error err = { 0 };

	while (seen.end < end && spk_clock_monotonic_us() < deadline) {
		struct spk_chunk c = { 0 };

		REQUIRE_OK(s->type->fetch(s, partition, end, max_rows, max_bytes, 100000, &c, &err), err);
		CHECK(c.rows <= max_rows);
		seen_add(&seen, &c);
		spk_chunk_release(&c);
		if (seen.finished)
			break;
	}
	CHECK(seen.end <= end);
	return seen;
}

TEST_UNUSED static void sleep_ms(int ms)
{
	nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000L }, NULL);
}

#endif
