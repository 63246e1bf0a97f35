/* The options of connector 'kafka' and 'upsert-kafka', with Flink's names, and what their values mean. */
#include "connectors/kafka/client.h"

#include <stdlib.h>

#define COMMON_OPTIONS \
	{ .name = "topic", .required = true, .doc = "Topic; a source takes several, separated by ';'." }, \
	{ .name = "properties.bootstrap.servers", .required = true, .doc = "Brokers to start from, host:port, separated by ','." }, \
	{ .name = "properties.", .prefix = true, .doc = "Any librdkafka property (CONFIGURATION.md), except those that load code or run programs." }, \
	{ .name = "format", .doc = "Format of the value." }, \
	{ .name = "value.format", .doc = "The same as 'format'." }, \
	{ .name = "key.fields", .doc = "Columns that make the message key, separated by ';'." }, \
	{ .name = "key.format", .doc = "Format of the key; default: the value's." }, \
	{ .name = "key.fields-prefix", .doc = "What the names of the key's columns begin with in the table and not in the message; goes with value.fields-include = EXCEPT_KEY." }, \
	{ .name = "value.fields-include", .values = "ALL|EXCEPT_KEY", .doc = "Whether the key's columns are in the value, too (default ALL)." }

#define SOURCE_OPTIONS \
	{ .name = "scan.startup.mode", .values = "earliest-offset|latest-offset|group-offsets|timestamp|specific-offsets", .doc = "Where a new job starts (default earliest-offset); a known job goes on where its last epoch ended." }, \
	{ .name = "scan.startup.timestamp-millis", .doc = "For mode timestamp: the first record at or after this time." }, \
	{ .name = "scan.startup.specific-offsets", .doc = "For mode specific-offsets: 'partition:0,offset:42;partition:1,offset:300'." }, \
	{ .name = "scan.bounded.mode", .values = "unbounded|latest-offset|group-offsets|timestamp|specific-offsets", .doc = "Where reading ends (default unbounded)." }, \
	{ .name = "scan.bounded.timestamp-millis", .doc = "For mode timestamp: ends before the first record at or after this time." }, \
	{ .name = "scan.bounded.specific-offsets", .doc = "For mode specific-offsets, as for scan.startup; the offset itself is not read." }

#define SINK_OPTIONS \
	{ .name = "sink.partitioner", .values = "default|fixed", .doc = "default: by key as Java clients do, by task without key; fixed: by task." }, \
	{ .name = "sink.delivery-guarantee", .values = "exactly-once|at-least-once|none", .doc = "Must agree with the job's `delivery` (none: whatever that is)." }, \
	{ .name = "sink.transactional-id-prefix", .doc = "Accepted for Flink's sake: the transactional id is always sparklet.<job>." }, \
	{ .name = "sink.parallelism", .doc = "Accepted for Flink's sake: `parallelism` decides." }, \
	{ .name = "sink.buffer-flush.max-rows", .doc = "Accepted for Flink's sake: an epoch is flushed as a whole." }, \
	{ .name = "sink.buffer-flush.interval", .doc = "Accepted for Flink's sake: an epoch is flushed as a whole." }

/* One table may be read and written, so either side takes the other's options. */
const struct spk_option_spec spk_kafka_source_options[] = { COMMON_OPTIONS, SOURCE_OPTIONS, SINK_OPTIONS, { .name = NULL } };
const struct spk_option_spec spk_kafka_sink_options[] = { COMMON_OPTIONS, SOURCE_OPTIONS, SINK_OPTIONS, { .name = NULL } };

static const struct { const char *name; enum spk_kafka_mode mode; } modes[] = {
	{ "earliest-offset", SPK_KAFKA_EARLIEST }, { "latest-offset", SPK_KAFKA_LATEST }, { "group-offsets", SPK_KAFKA_GROUP },
	{ "timestamp", SPK_KAFKA_TIMESTAMP }, { "specific-offsets", SPK_KAFKA_SPECIFIC }, { "unbounded", SPK_KAFKA_UNBOUNDED },
};

static spk_status find_mode(const char *text, const char *option, enum spk_kafka_mode refused, enum spk_kafka_mode *out, spk_error *err)
{
	for (size_t i = 0; i < SPK_COUNT_OF(modes); i++) {
		if (strcmp(modes[i].name, text) == 0 && modes[i].mode != refused) {
			*out = modes[i].mode;
			return SPK_OK;
		}
	}
	return spk_fail(err, SPK_USAGE, "'%s' = '%s' is not a mode this option has", option, text);
}

/* "scan.startup" or "scan.bounded" with ".mode", ".timestamp-millis" and ".specific-offsets" behind it. */
static spk_status find_bound(const struct spk_table *table, const char *prefix, enum spk_kafka_mode by_default, enum spk_kafka_mode refused, struct spk_kafka_bound *out, spk_error *err)
{
	char mode_key[48], time_key[48], offsets_key[48];
	const char *mode, *time;

	snprintf(mode_key, sizeof(mode_key), "%s.mode", prefix);
	snprintf(time_key, sizeof(time_key), "%s.timestamp-millis", prefix);
	snprintf(offsets_key, sizeof(offsets_key), "%s.specific-offsets", prefix);
	*out = (struct spk_kafka_bound){ .mode = by_default, .offsets = spk_format_option(table, offsets_key) };
	mode = spk_format_option(table, mode_key);
	time = spk_format_option(table, time_key);
	if (mode)
		SPK_TRY(find_mode(mode, mode_key, refused, &out->mode, err));
	if ((out->mode == SPK_KAFKA_TIMESTAMP) != (time != NULL))
		return spk_fail(err, SPK_USAGE, "'%s' goes with '%s' = 'timestamp', the one not without the other", time_key, mode_key);
	if ((out->mode == SPK_KAFKA_SPECIFIC) != (out->offsets != NULL))
		return spk_fail(err, SPK_USAGE, "'%s' goes with '%s' = 'specific-offsets', the one not without the other", offsets_key, mode_key);
	if (time && (spk_conf_parse_int(time, &out->timestamp_ms, NULL) || out->timestamp_ms < 0))
		return spk_fail(err, SPK_USAGE, "'%s' = '%s' is not a number of milliseconds since 1970", time_key, time);
	if (out->offsets) {
		int64_t offset;

		SPK_TRY(spk_kafka_specific_offset(out->offsets, 0, &offset, err));
	}
	return SPK_OK;
}

spk_status spk_kafka_startup(const struct spk_table *table, struct spk_kafka_bound *out, spk_error *err)
{
	return find_bound(table, "scan.startup", SPK_KAFKA_EARLIEST, SPK_KAFKA_UNBOUNDED, out, err);
}

spk_status spk_kafka_bounded(const struct spk_table *table, struct spk_kafka_bound *out, spk_error *err)
{
	return find_bound(table, "scan.bounded", SPK_KAFKA_UNBOUNDED, SPK_KAFKA_EARLIEST, out, err);
}

static bool take_number(const char **at, const char *name, int64_t *out)
{
	size_t length = strlen(name);
	const char *p = *at + strspn(*at, " ");
	char *end;

	if (strncmp(p, name, length) != 0 || p[length] < '0' || p[length] > '9')
		return false;
	*out = strtoll(p + length, &end, 10);
	*at = end + strspn(end, " ");
	return *out >= 0 && *out < INT64_MAX;
}

spk_status spk_kafka_specific_offset(const char *text, int partition, int64_t *out, spk_error *err)
{
	const char *at = text;

	*out = -1;
	while (*at) {
		int64_t number, offset;
		bool fine = take_number(&at, "partition:", &number) && *at == ',' && (at++, take_number(&at, "offset:", &offset));

		if (!fine || (*at != ';' && *at != '\0')) {
			spk_fail(err, SPK_USAGE, "specific offsets '%s' cannot be read at '%s'", text, at);
			return spk_hint(err, "write them as 'partition:0,offset:42;partition:1,offset:300'");
		}
		if (number == partition)
			*out = offset;
		at += *at == ';';
	}
	return SPK_OK;
}
