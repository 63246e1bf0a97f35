/*
 * The Kafka sinks: 'kafka' (append, or debezium-json) and 'upsert-kafka' (by PRIMARY KEY, with tombstones).
 *
 * A sink only puts its rows into the job's producer: the transaction of the epoch is begun and committed by the loop, for all sinks
 * and the epoch's record at once. So there is nothing to prepare, commit, abort or recover here.
 */
#include "connectors/kafka/client.h"
#include "connectors/kafka/producer.h"

#include <stdlib.h>

#include "core/base/log.h"

struct kafka_sink {
	struct spk_sink base;
	int topic;                 /* handle in the producer */
	int partitions;
	bool by_task;              /* 'sink.partitioner' = 'fixed' */
};

static struct kafka_sink *sink_of(struct spk_sink *s)
{
	return spk_container_of(s, struct kafka_sink, base);
}

/* Options that Flink needs and this engine decides otherwise: said once, so that nobody waits for their effect. */
static void say_ignored(const struct spk_table *table)
{
	static const char *const names[] = { "sink.transactional-id-prefix", "sink.parallelism", "sink.buffer-flush.max-rows", "sink.buffer-flush.interval" };

	for (size_t i = 0; i < SPK_COUNT_OF(names); i++) {
		if (spk_format_option(table, names[i]))
			SPK_LOG(INFO, "kafka", "table %s: '%s' has no effect here", table->name, names[i]);
	}
}

static spk_status open_all(struct kafka_sink *s, spk_error *err)
{
	const struct spk_sink_spec *spec = s->base.spec;
	const char *topic = spk_format_option(spec->table, "topic");
	const char *partitioner = spk_format_option(spec->table, "sink.partitioner");

	if (!topic || strchr(topic, ';'))
		return spk_fail(err, SPK_USAGE, "table %s needs one 'topic' to be written to", spec->table->name);
	if (!spec->producer)
		return spk_fail(err, SPK_INTERNAL, "table %s has no producer", spec->table->name);
	SPK_TRY(spk_kafka_check_table(spec->table, spec->conf, err));
	s->by_task = partitioner && strcmp(partitioner, "fixed") == 0;
	say_ignored(spec->table);
	SPK_TRY(spk_sink_open_format(&s->base, err));
	return spk_kafka_producer_topic(spec->producer, topic, &s->topic, &s->partitions, err);
}

static void sink_close(struct spk_sink *base)
{
	spk_sink_close_format(base);
	free(sink_of(base));
}

static spk_status open_type(struct spk_sink **out, const struct spk_sink_type *type, const struct spk_sink_spec *spec, spk_error *err)
{
	struct kafka_sink *s = calloc(1, sizeof(*s));
	spk_status status;

	SPK_TRY_PTR(s, err);
	s->base = (struct spk_sink){ .type = type, .spec = spec };
	status = open_all(s, err);
	if (status)
		sink_close(&s->base);
	else
		*out = &s->base;
	return status;
}

static spk_status sink_write(struct spk_sink *base, int64_t epoch, const struct spk_sink_block *block, spk_error *err)
{
	struct kafka_sink *s = sink_of(base);

	(void)epoch;
	if (s->by_task)
		return spk_kafka_produce_to(base->spec->producer, s->topic, block->task % s->partitions, block, err);
	return spk_kafka_produce(base->spec->producer, s->topic, block, err);
}

static spk_status nothing(struct spk_sink *base, int64_t epoch, spk_error *err)
{
	(void)base, (void)epoch, (void)err;
	return SPK_OK;
}

static void nothing_to_abort(struct spk_sink *base, int64_t epoch)
{
	(void)base, (void)epoch;
}

extern const struct spk_sink_type spk_kafka_sink, spk_upsert_kafka_sink;

static spk_status kafka_open(struct spk_sink **out, const struct spk_sink_spec *spec, spk_error *err)
{
	return open_type(out, &spk_kafka_sink, spec, err);
}

static spk_status upsert_kafka_open(struct spk_sink **out, const struct spk_sink_spec *spec, spk_error *err)
{
	if (spec->table->key_count == 0)
		return spk_fail(err, SPK_USAGE, "table %s: connector 'upsert-kafka' needs a PRIMARY KEY", spec->table->name);
	return open_type(out, &spk_upsert_kafka_sink, spec, err);
}

/* With a PRIMARY KEY, 'kafka' takes changes by key as well: the key says what the table is. */
#define KAFKA_SINK(type_name, open_function) { \
	.name = type_name, \
	.options = spk_kafka_sink_options, \
	.takes_format = true, \
	.upserts = true, \
	.transactional = true, \
	.open = open_function, \
	.write = sink_write, \
	.prepare = nothing, \
	.commit = nothing, \
	.abort = nothing_to_abort, \
	.recover = nothing, \
	.close = sink_close, \
}

const struct spk_sink_type spk_kafka_sink = KAFKA_SINK("kafka", kafka_open);
const struct spk_sink_type spk_upsert_kafka_sink = KAFKA_SINK("upsert-kafka", upsert_kafka_open);
