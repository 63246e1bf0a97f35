/*
 * The Kafka source: every partition of its topics, assigned by hand (no group membership), one librdkafka consumer per source.
 *
 * Messages stay in one queue per partition until the loop fetches them (fetch.c). A queue that becomes non-empty marks its partition
 * ready and makes the wake fd readable; the fd stays readable exactly as long as some partition is ready.
 */
#include "connectors/kafka/source.h"

#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/memory.h"

enum {
	OPEN_WAIT_MS = 10000,
	REPORT_EVERY_US = 1000000,
	PARTITIONS_MAX = 65536,
};

/* ---- Partitions ------------------------------------------------------------------------------------------------------ */

/* @locality any thread of librdkafka, holding the queue's lock */
static void on_queue_event(rd_kafka_t *rk, void *opaque)
{
	(void)rk;
	spk_kafka_ready(opaque);
}

static spk_status add_partition(struct kafka_source *s, const char *topic, int32_t number, spk_error *err)
{
	struct kafka_partition *p = &s->partition[s->base.partitions];

	*p = (struct kafka_partition){ .source = s, .topic = topic, .number = number, .position = -1, .bound = INT64_MAX };
	if (asprintf(&p->name, "%s/%d", topic, (int)number) < 0) {
		p->name = NULL;
		return spk_fail_memory(err);
	}
	s->base.partitions++;
	p->queue = rd_kafka_queue_get_partition(s->client.rk, topic, number);
	if (!p->queue)
		return spk_fail(err, SPK_INTERNAL, "no queue for %s", p->name);
	/* Before the first assignment: librdkafka then leaves the queue alone. */
	rd_kafka_queue_forward(p->queue, NULL);
	rd_kafka_queue_cb_event_enable(p->queue, on_queue_event, p);
	return SPK_OK;
}

/* Grows the array; only while no queue is open yet, because the queues' events point into it. */
static spk_status find_partitions(struct kafka_source *s, spk_error *err)
{
	const char *topic[64];
	int count[64], topics = 0, total = 0;
	char *rest = s->topics, *one;

	while ((one = strsep(&rest, ";")) != NULL) {
		one += strspn(one, " ");
		if (!*one)
			continue;
		if (topics == (int)SPK_COUNT_OF(topic))
			return spk_fail(err, SPK_USAGE, "table %s has more than %d topics", s->base.spec->table->name, topics);
		topic[topics] = one;
		SPK_TRY(spk_kafka_partitions(&s->client, one, OPEN_WAIT_MS, &count[topics], err));
		total += count[topics++];
	}
	if (total == 0 || total > PARTITIONS_MAX)
		return spk_fail(err, SPK_USAGE, "table %s has %d partitions, not 1 to %d", s->base.spec->table->name, total, PARTITIONS_MAX);
	s->partition = calloc((size_t)total, sizeof(*s->partition));
	SPK_TRY_PTR(s->partition, err);
	for (int t = 0; t < topics; t++) {
		for (int32_t i = 0; i < count[t]; i++)
			SPK_TRY(add_partition(s, topic[t], i, err));
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

static spk_status connect_client(struct kafka_source *s, spk_error *err)
{
	const struct spk_source_spec *spec = s->base.spec;
	rd_kafka_conf_t *rkconf;

	SPK_TRY(spk_kafka_conf_new(&rkconf, SPK_KAFKA_SOURCE, spec->table, spec->job, spec->conf, err));
	s->user = conf_text(rkconf, "sasl.username");
	s->password = conf_text(rkconf, "sasl.password");
	/* A quarter of what one queue may hold: the fetcher then works while three quarters wait. */
	s->wake_bytes = (size_t)conf_number(rkconf, "queued.max.messages.kbytes") * 1024 / 4;
	s->wake_rows = (size_t)conf_number(rkconf, "queued.min.messages") / 4;
	SPK_TRY(spk_kafka_client_init(&s->client, SPK_KAFKA_SOURCE, rkconf, err));
	SPK_TRY_PTR(s->user, err);
	SPK_TRY_PTR(s->password, err);
	return SPK_OK;
}

static bool table_wants_keys(const struct spk_table *t)
{
	for (int i = 0; t->metadata && i < t->schema->count; i++) {
		if (t->metadata[i] && strcmp(t->metadata[i], "key") == 0)
			return true;
	}
	return spk_table_option(t, "key.fields") != NULL;
}

static spk_status open_all(struct kafka_source *s, spk_error *err)
{
	const struct spk_table *table = s->base.spec->table;
	const char *topic = spk_table_option(table, "topic");

	if (!topic)
		return spk_fail(err, SPK_USAGE, "table %s has no 'topic'", table->name);
	SPK_TRY(spk_kafka_check_table(table, NULL, err));
	SPK_TRY(spk_kafka_startup(table, &s->startup, err));
	SPK_TRY(spk_kafka_bounded(table, &s->bounded, err));
	s->wants_keys = table_wants_keys(table);
	s->topics = strdup(topic);
	SPK_TRY_PTR(s->topics, err);
	s->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (s->wake < 0)
		return spk_fail(err, SPK_IO, "no event descriptor for table %s", table->name);
	SPK_TRY(spk_source_open_format(&s->base, (struct spk_view){ 0 }, err));
	SPK_TRY(connect_client(s, err));
	return find_partitions(s, err);
}

static void source_close(struct spk_source *base)
{
	struct kafka_source *s = kafka_source_of(base);

	for (int i = 0; i < base->partitions; i++) {
		struct kafka_partition *p = &s->partition[i];

		if (p->queue) {
			rd_kafka_queue_cb_event_enable(p->queue, NULL, NULL);
			rd_kafka_queue_destroy(p->queue);
		}
	}
	/* Joins librdkafka's threads: no event comes after this. */
	spk_kafka_client_release(&s->client);
	for (int i = 0; i < base->partitions; i++) {
		spk_buffer_release(&s->partition[i].held_value);
		spk_buffer_release(&s->partition[i].held_key);
		free(s->partition[i].name);
	}
	spk_source_close_format(base);
	if (s->wake >= 0)
		close(s->wake);
	if (s->password)
		explicit_bzero(s->password, strlen(s->password));
	free(s->password);
	free(s->user);
	free(s->topics);
	free(s->partition);
	free(s);
}

extern const struct spk_source_type spk_kafka_source;

static spk_status source_open(struct spk_source **out, const struct spk_source_spec *spec, spk_error *err)
{
	struct kafka_source *s = calloc(1, sizeof(*s));
	spk_status status;

	SPK_TRY_PTR(s, err);
	s->base = (struct spk_source){ .type = &spk_kafka_source, .spec = spec };
	s->wake = -1;
	s->account = spk_memory_account("source");
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
static int64_t source_lag(const struct spk_source *base)
{
	struct kafka_source *s = kafka_source_of(base);
	int64_t lag = 0;

	for (int i = 0; i < base->partitions; i++) {
		struct kafka_partition *p = &s->partition[i];
		int64_t low, high;

		if (p->position < 0 || rd_kafka_get_watermark_offsets(s->client.rk, p->topic, p->number, &low, &high) || high < 0)
			return -1;
		lag += SPK_MAX(SPK_MIN(high, p->bound) - p->position, 0);
	}
	return lag;
}

static void source_report(struct spk_source *base, const int64_t *position)
{
	struct kafka_source *s = kafka_source_of(base);
	int64_t now = spk_clock_monotonic_us();
	rd_kafka_topic_partition_list_t *list;

	if (now - s->reported_us < REPORT_EVERY_US)
		return;
	s->reported_us = now;
	list = rd_kafka_topic_partition_list_new(base->partitions);
	for (int i = 0; i < base->partitions; i++) {
		if (position[i] >= 0)
			rd_kafka_topic_partition_list_add(list, s->partition[i].topic, s->partition[i].number)->offset = position[i];
	}
	if (list->cnt > 0)
		rd_kafka_commit(s->client.rk, list, 1);
	rd_kafka_topic_partition_list_destroy(list);
}

const struct spk_source_type spk_kafka_source = {
	.name = "kafka",
	.options = spk_kafka_source_options,
	.takes_format = true,
	.replayable = true,
	.open = source_open,
	.partition_name = source_partition_name,
	.seek = spk_kafka_source_seek,
	.ends = spk_kafka_source_ends,
	.wake_fd = source_wake_fd,
	.fetch = spk_kafka_source_fetch,
	.trouble = source_trouble,
	.lag = source_lag,
	.report = source_report,
	.close = source_close,
};
