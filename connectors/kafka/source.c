/*
 * The Kafka source: every partition of its topics, started by hand (no group membership), one librdkafka consumer per source.
 *
 * Messages stay in one queue per partition until the loop fetches them (fetch.c). A queue that becomes non-empty marks its partition
 * ready and makes the wake fd readable; the fd stays readable exactly as long as some partition is ready.
 */
#include "connectors/kafka/source.h"

#include <stdlib.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "core/base/wake.h"
#include "connectors/headers.h"

enum {
	OPEN_WAIT_MS = 10000,
	TOPICS_MAX = 64,
	PARTITIONS_MAX = 65536,
	QUEUE_MIN_BYTES = 256 * 1024,     /* per partition, however many there are */
	QUEUE_MIN_ROWS = 1024,
	ROW_BYTES_GUESS = 1024,
	FETCH_MIN_BYTES = 64 * 1024,
	FETCH_MAX_BYTES = 1024 * 1024,
	PATIENT_BYTES = 32 * 1024,        /* what a fetch waits for when epochs are not started at once */
	PATIENT_INTERVAL_MS = 20,
	IDLE_WAIT_MS = 100,
};

struct topic_list {
	const char *name[TOPICS_MAX];
	int partitions[TOPICS_MAX];
	int count, total;
};

/* ---- Partitions ------------------------------------------------------------------------------------------------------ */

/* @locality any thread of librdkafka, holding the queue's lock */
static void on_queue_event(rd_kafka_t *rk, void *opaque)
{
	(void)rk;
	SPK_KAFKA_TAKEN_OVER(opaque);
	spk_kafka_ready(opaque);
}

static spk_status add_partition(struct kafka_source *s, const char *topic, int32_t number, spk_error *err)
{
	struct kafka_partition *p = &s->partition[s->base.partitions];

	*p = (struct kafka_partition){ .source = s, .topic = topic, .number = number, .position = -1, .bound = INT64_MAX, .row_bytes = ROW_BYTES_GUESS };
	if (asprintf(&p->name, "%s/%d", topic, (int)number) < 0) {
		p->name = NULL;
		return spk_fail_memory(err);
	}
	s->base.partitions++;
	p->handle = rd_kafka_topic_new(s->client.rk, topic, NULL);
	if (!p->handle)
		return spk_kafka_fail(err, rd_kafka_last_error(), "topic %s", topic);
	p->queue = rd_kafka_queue_get_partition(s->client.rk, topic, number);
	if (!p->queue)
		return spk_fail(err, SPK_INTERNAL, "no queue for %s", p->name);
	rd_kafka_queue_forward(p->queue, NULL);
	SPK_KAFKA_HANDED_OVER(p);
	rd_kafka_queue_cb_event_enable(p->queue, on_queue_event, p);
	return SPK_OK;
}

/* The topics of the option, with their numbers of partitions; the total is what the caller makes partitions of. */
static spk_status find_topics(struct kafka_source *s, struct topic_list *list, spk_error *err)
{
	char *rest = s->topics, *one;

	while ((one = strsep(&rest, ";")) != NULL) {
		one += strspn(one, " ");
		if (!*one)
			continue;
		if (list->count == TOPICS_MAX)
			return spk_fail(err, SPK_USAGE, "table %s has more than %d topics", s->base.spec->table->name, TOPICS_MAX);
		list->name[list->count] = one;
		SPK_TRY(spk_kafka_partitions(&s->client, one, OPEN_WAIT_MS, &list->partitions[list->count], err));
		list->total += list->partitions[list->count++];
	}
	if (list->total > 0 && list->total <= PARTITIONS_MAX)
		return SPK_OK;
	return spk_fail(err, SPK_USAGE, "table %s has %d partitions, not 1 to %d", s->base.spec->table->name, list->total, PARTITIONS_MAX);
}

static spk_status add_partitions(struct kafka_source *s, const struct topic_list *list, spk_error *err)
{
	s->partition = calloc((size_t)list->total, sizeof(*s->partition));
	SPK_TRY_PTR(s->partition, err);
	for (int t = 0; t < list->count; t++) {
		for (int32_t i = 0; i < list->partitions[t]; i++)
			SPK_TRY(add_partition(s, list->name[t], i, err));
	}
	return SPK_OK;
}

/* ---- Opening --------------------------------------------------------------------------------------------------------- */

static char *conf_text(const rd_kafka_conf_t *rkconf, const char *name)
{
	char value[4096];
	size_t size = sizeof(value);

	return strdup(rd_kafka_conf_get(rkconf, name, value, &size) == RD_KAFKA_CONF_OK ? value : "");
}

static int64_t conf_number(const rd_kafka_conf_t *rkconf, const char *name)
{
	char value[32];
	size_t size = sizeof(value);

	return rd_kafka_conf_get(rkconf, name, value, &size) == RD_KAFKA_CONF_OK ? strtoll(value, NULL, 10) : 0;
}

/* A setting that the table leaves to us. */
static spk_status suggest(struct kafka_source *s, rd_kafka_conf_t *rkconf, const char *name, const char *alias, int64_t value, spk_error *err)
{
	char option[64], number[24], text[256];

	snprintf(option, sizeof(option), "properties.%s", alias);
	if (spk_format_option(s->base.spec->table, option))
		return SPK_OK;
	snprintf(option, sizeof(option), "properties.%s", name);
	if (spk_format_option(s->base.spec->table, option))
		return SPK_OK;
	snprintf(number, sizeof(number), "%lld", (long long)value);
	if (rd_kafka_conf_set(rkconf, name, number, text, sizeof(text)) == RD_KAFKA_CONF_OK)
		return SPK_OK;
	return spk_fail(err, SPK_INTERNAL, "%s", text);
}

/*
 * What librdkafka may hold before it is fetched: half an epoch's bytes, over all partitions (a message of 240 bytes takes about 600 in
 * its queue). And how long a fetch waits: epochs that start by the clock need no answer for a single row.
 */
static spk_status size_queues(struct kafka_source *s, rd_kafka_conf_t *rkconf, int partitions, spk_error *err)
{
	const struct spk_conf *conf = s->base.spec->conf;
	int64_t bytes = (conf ? spk_conf_epoch_bytes(conf) : 16 * 1024 * 1024) / 2 / partitions;
	int64_t rows = (conf ? spk_conf_epoch_rows(conf) : 65536) / partitions;
	int64_t interval_ms = conf ? spk_conf_int(conf, SPK_CONF_EPOCH_INTERVAL) / 1000 : 0;
	bool patient = interval_ms >= PATIENT_INTERVAL_MS;

	bytes = SPK_MIN(SPK_MAX(bytes, (int64_t)QUEUE_MIN_BYTES), (int64_t)INT32_MAX);
	SPK_TRY(suggest(s, rkconf, "queued.max.messages.kbytes", "queued.max.messages.kbytes", bytes / 1024, err));
	SPK_TRY(suggest(s, rkconf, "queued.min.messages", "queued.min.messages", SPK_MIN(SPK_MAX(rows, (int64_t)QUEUE_MIN_ROWS), (int64_t)10000000), err));
	bytes = SPK_MIN(SPK_MAX(bytes / 2, (int64_t)FETCH_MIN_BYTES), (int64_t)FETCH_MAX_BYTES);
	SPK_TRY(suggest(s, rkconf, "fetch.message.max.bytes", "max.partition.fetch.bytes", bytes, err));
	SPK_TRY(suggest(s, rkconf, "fetch.max.bytes", "fetch.max.bytes", SPK_MIN(bytes * partitions, (int64_t)FETCH_MAX_BYTES * 4), err));
	SPK_TRY(suggest(s, rkconf, "fetch.min.bytes", "fetch.min.bytes", patient ? PATIENT_BYTES : 1, err));
	return suggest(s, rkconf, "fetch.wait.max.ms", "fetch.wait.max.ms", patient ? SPK_MIN(interval_ms / 4, (int64_t)IDLE_WAIT_MS) : IDLE_WAIT_MS, err);
}

static spk_status reserve_queues(struct kafka_source *s, size_t bytes, spk_error *err)
{
	spk_memory_unreserve(s->queue_account, s->reserved);
	s->reserved = 0;
	SPK_TRY(spk_memory_reserve(s->queue_account, bytes, err));
	s->reserved = bytes;
	return SPK_OK;
}

static spk_status make_client(struct kafka_source *s, rd_kafka_conf_t *rkconf, int partitions, spk_error *err)
{
	spk_status status = size_queues(s, rkconf, partitions, err);

	s->queue_bytes = (size_t)conf_number(rkconf, "queued.max.messages.kbytes") * 1024;
	s->queue_rows = (size_t)conf_number(rkconf, "queued.min.messages");
	if (status == SPK_OK)
		status = reserve_queues(s, s->queue_bytes * (size_t)partitions, err);
	if (status) {
		rd_kafka_conf_destroy(rkconf);
		return status;
	}
	return spk_kafka_client_init(&s->client, SPK_KAFKA_SOURCE, rkconf, err);
}

static spk_status connect_client(struct kafka_source *s, int partitions, spk_error *err)
{
	const struct spk_source_spec *spec = s->base.spec;
	rd_kafka_conf_t *rkconf;

	spk_kafka_client_release(&s->client);
	SPK_TRY(spk_kafka_conf_new(&rkconf, SPK_KAFKA_SOURCE, spec->table, spec->job, spec->conf, err));
	if (!s->user)
		s->user = conf_text(rkconf, "sasl.username");
	if (!s->password)
		s->password = conf_text(rkconf, "sasl.password");
	if (!s->group)
		s->group = conf_text(rkconf, "group.id");
	/* See report.c. Only to be asked where a group is, a client must be in it. */
	if (s->startup.mode != SPK_KAFKA_GROUP)
		rd_kafka_conf_set(rkconf, "group.id", "", NULL, 0);
	SPK_TRY(make_client(s, rkconf, partitions, err));
	SPK_TRY_PTR(s->user, err);
	SPK_TRY_PTR(s->password, err);
	SPK_TRY_PTR(s->group, err);
	return SPK_OK;
}

/* The sizes of the queues depend on how many there are, and cannot be changed later: a second client then takes over. */
static spk_status connect_and_find(struct kafka_source *s, spk_error *err)
{
	struct topic_list list = { .count = 0 };

	SPK_TRY(connect_client(s, 1, err));
	SPK_TRY(find_topics(s, &list, err));
	if (list.total > 1)
		SPK_TRY(connect_client(s, list.total, err));
	return add_partitions(s, &list, err);
}

/* Whether columns come from the messages' keys. */
static bool reads_keys(const struct spk_source *s)
{
	const struct spk_table *t = s->spec->table;
	const char *include = spk_format_option(t, "value.fields-include");

	return strcmp(s->type->name, "upsert-kafka") == 0 ||
	       (spk_format_option(t, "key.fields") && ((include && strcmp(include, "EXCEPT_KEY") == 0) || spk_format_option(t, "key.fields-prefix")));
}

static spk_status open_format(struct kafka_source *s, spk_error *err)
{
	const struct spk_source_spec *spec = s->base.spec;
	const struct spk_format_spec f = { .table = spec->table, .column = spec->column, .columns = spec->columns, .schema = spec->schema, .conf = spec->conf };

	if (!reads_keys(&s->base))
		SPK_TRY(spk_source_open_format(&s->base, (struct spk_view){ 0 }, err));
	else
		SPK_TRY(spk_keyed_decoder_open(&s->base.decoder, &f, err));
	s->wants_keys = s->wants_keys || s->base.decoder->keys;
	s->wants_others = s->base.decoder->other_keys;
	return SPK_OK;
}

static bool table_wants_keys(const struct spk_table *t)
{
	for (int i = 0; t->metadata && i < t->schema->count; i++) {
		if (t->metadata[i] && strcmp(t->metadata[i], "key") == 0)
			return true;
	}
	return spk_format_option(t, "key.fields") != NULL;
}

static spk_status open_all(struct kafka_source *s, spk_error *err)
{
	const struct spk_table *table = s->base.spec->table;
	const char *topic = spk_format_option(table, "topic");

	if (!topic)
		return spk_fail(err, SPK_USAGE, "table %s has no 'topic'", table->name);
	SPK_TRY(spk_kafka_check_table(table, NULL, err));
	SPK_TRY(spk_kafka_startup(table, &s->startup, err));
	SPK_TRY(spk_kafka_bounded(table, &s->bounded, err));
	s->wants_keys = table_wants_keys(table);
	s->wants_headers = spk_headers_wanted(table);
	s->topics = strdup(topic);
	SPK_TRY_PTR(s->topics, err);
	s->wake = spk_wake_new();
	if (s->wake < 0)
		return spk_fail(err, SPK_IO, "no event descriptor for table %s", table->name);
	SPK_TRY(open_format(s, err));
	return connect_and_find(s, err);
}

static void source_close(struct spk_source *base)
{
	struct kafka_source *s = kafka_source_of(base);

	for (int i = 0; i < base->partitions; i++) {
		struct kafka_partition *p = &s->partition[i];

		/* Or the group handler waits for it for ever when the client is destroyed. */
		if (p->started)
			rd_kafka_consume_stop(p->handle, p->number);
		if (p->queue) {
			rd_kafka_queue_cb_event_enable(p->queue, NULL, NULL);
			rd_kafka_queue_destroy(p->queue);
		}
		if (p->handle)
			rd_kafka_topic_destroy(p->handle);
	}
	spk_kafka_end_reports(s);
	/* Joins librdkafka's threads: no event comes after this. */
	spk_kafka_client_release(&s->client);
	for (int i = 0; i < base->partitions; i++) {
		spk_buffer_release(&s->partition[i].held_value);
		spk_buffer_release(&s->partition[i].held_key);
		spk_buffer_release(&s->partition[i].held_other);
		spk_buffer_release(&s->partition[i].held_headers);
		free(s->partition[i].name);
	}
	spk_buffer_release(&s->headers);
	spk_memory_unreserve(s->queue_account, s->reserved);
	spk_source_close_format(base);
	if (s->wake >= 0)
		close(s->wake);
	if (s->password)
		explicit_bzero(s->password, strlen(s->password));
	free(s->password);
	free(s->user);
	free(s->group);
	free(s->topics);
	free(s->partition);
	free(s);
}

static spk_status open_type(struct spk_source **out, const struct spk_source_type *type, const struct spk_source_spec *spec, spk_error *err)
{
	struct kafka_source *s = calloc(1, sizeof(*s));
	spk_status status;

	SPK_TRY_PTR(s, err);
	s->base = (struct spk_source){ .type = type, .spec = spec };
	s->wake = -1;
	s->account = spk_memory_account("source");
	s->queue_account = spk_memory_account("kafka queues");
	s->looked_us = spk_clock_monotonic_us();
	status = open_all(s, err);
	if (status)
		source_close(&s->base);
	else
		*out = &s->base;
	return status;
}

/* ---- The small entries ----------------------------------------------------------------------------------------------- */

static const char *source_partition_name(const struct spk_source *base, int partition)
{
	return kafka_source_of(base)->partition[partition].name;
}

static int source_wake_fd(const struct spk_source *base)
{
	return kafka_source_of(base)->wake;
}

static const char *source_trouble(const struct spk_source *base)
{
	return spk_kafka_trouble(&kafka_source_of(base)->client);
}

/* From what the last fetch responses said; control records count as rows. */
static int64_t source_lag(const struct spk_source *base, int partition)
{
	struct kafka_source *s = kafka_source_of(base);
	struct kafka_partition *p = &s->partition[partition];
	int64_t low, high;

	if (p->position < 0 || rd_kafka_get_watermark_offsets(s->client.rk, p->topic, p->number, &low, &high) || high < 0)
		return -1;
	return SPK_MAX(SPK_MIN(high, p->bound) - p->position, 0);
}

extern const struct spk_source_type spk_kafka_source, spk_upsert_kafka_source;

static spk_status kafka_open(struct spk_source **out, const struct spk_source_spec *spec, spk_error *err)
{
	return open_type(out, &spk_kafka_source, spec, err);
}

static spk_status upsert_kafka_open(struct spk_source **out, const struct spk_source_spec *spec, spk_error *err)
{
	return open_type(out, &spk_upsert_kafka_source, spec, err);
}

#define KAFKA_SOURCE(type_name, open_function) { \
	.name = type_name, \
	.options = spk_kafka_source_options, \
	.takes_format = true, \
	.replayable = true, \
	.open = open_function, \
	.partition_name = source_partition_name, \
	.seek = spk_kafka_source_seek, \
	.ends = spk_kafka_source_ends, \
	.wake_fd = source_wake_fd, \
	.fetch = spk_kafka_source_fetch, \
	.trouble = source_trouble, \
	.grown = spk_kafka_source_grown, \
	.lag = source_lag, \
	.report = spk_kafka_source_report, \
	.close = source_close, \
}

const struct spk_source_type spk_kafka_source = KAFKA_SOURCE("kafka", kafka_open);
const struct spk_source_type spk_upsert_kafka_source = KAFKA_SOURCE("upsert-kafka", upsert_kafka_open);
