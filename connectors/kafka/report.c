/*
 * Telling the outside how far a job is: offsets of a consumer group, for lag tools. Nothing here reads them, and nothing may hang on them.
 *
 * By the admin call and not by a commit of the consumer: that would need a group handler, and a client with one does not end while a commit is under
 * way to a coordinator that is gone (librdkafka 2.0.2: its main thread spins). So a source's client is in no group.
 */
#include "connectors/kafka/source.h"

#include "core/base/clock.h"
#include "core/base/log.h"

enum { REPORT_WAIT_MS = 10000, LAST_WAIT_MS = 500 };

/* Takes the answer if it is there, or comes within that time. */
static void take_answer(struct kafka_source *s, int wait_ms)
{
	rd_kafka_event_t *event = s->reporting ? rd_kafka_queue_poll(s->answers, wait_ms) : NULL;

	if (!event)
		return;
	if (rd_kafka_event_error(event))
		SPK_LOG(DEBUG, "kafka", "reporting offsets of group %s: %s", s->group, rd_kafka_event_error_string(event));
	rd_kafka_event_destroy(event);
	s->reporting = false;
}

static void send_report(struct kafka_source *s, const rd_kafka_topic_partition_list_t *list)
{
	rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(s->client.rk, RD_KAFKA_ADMIN_OP_ALTERCONSUMERGROUPOFFSETS);
	rd_kafka_AlterConsumerGroupOffsets_t *request = rd_kafka_AlterConsumerGroupOffsets_new(s->group, list);

	rd_kafka_AdminOptions_set_request_timeout(options, REPORT_WAIT_MS, NULL, 0);
	rd_kafka_AlterConsumerGroupOffsets(s->client.rk, &request, 1, options, s->answers);
	s->reporting = true;
	rd_kafka_AlterConsumerGroupOffsets_destroy(request);
	rd_kafka_AdminOptions_destroy(options);
}

void spk_kafka_source_report(struct spk_source *base, const int64_t *position)
{
	struct kafka_source *s = kafka_source_of(base);
	rd_kafka_topic_partition_list_t *list;

	take_answer(s, 0);
	/* One at a time: the next one says what this one would have. */
	if (s->reporting || s->client.trouble[0] || !s->group[0])
		return;
	if (!s->answers)
		s->answers = rd_kafka_queue_new(s->client.rk);
	list = rd_kafka_topic_partition_list_new(base->partitions);
	for (int i = 0; i < base->partitions; i++) {
		if (position[i] >= 0)
			rd_kafka_topic_partition_list_add(list, s->partition[i].topic, s->partition[i].number)->offset = position[i];
	}
	if (list->cnt > 0)
		send_report(s, list);
	rd_kafka_topic_partition_list_destroy(list);
}

void spk_kafka_end_reports(struct kafka_source *s)
{
	take_answer(s, s->client.trouble[0] ? 0 : LAST_WAIT_MS);
	if (s->answers)
		rd_kafka_queue_destroy(s->answers);
	s->answers = NULL;
	s->reporting = false;
}
