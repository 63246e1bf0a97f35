/* Topics that belong to a job: the epochs topic and the dead-letter topic are made when they are not there, and trimmed. */
#include "connectors/kafka/producer_internal.h"

#include <stdlib.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/base/log.h"

enum { LIMIT_WAIT_MS = 5000, LIMIT_GUESS = 1000000, LIMIT_ASIDE = 8192 };
enum { VISIBLE_WAIT_MS = 10000, VISIBLE_STEP_NS = 20000000, ERROR_TEXT = 512 };

static spk_status fill_topic(rd_kafka_NewTopic_t *topic, const char *const *config, spk_error *err)
{
	for (; config && config[0]; config += 2) {
		rd_kafka_resp_err_t code = rd_kafka_NewTopic_set_config(topic, config[0], config[1]);

		if (code)
			return spk_kafka_fail(err, code, "topic setting %s = %s", config[0], config[1]);
	}
	return SPK_OK;
}

static spk_status result_of(rd_kafka_event_t *event, const char *name, spk_error *err)
{
	const rd_kafka_CreateTopics_result_t *result = event ? rd_kafka_event_CreateTopics_result(event) : NULL;
	const rd_kafka_topic_result_t **topics;
	rd_kafka_resp_err_t code;
	size_t n = 0;

	if (!event)
		return spk_kafka_fail(err, RD_KAFKA_RESP_ERR__TIMED_OUT, "creating topic %s", name);
	if (rd_kafka_event_error(event))
		return spk_kafka_fail(err, rd_kafka_event_error(event), "creating topic %s: %s", name, rd_kafka_event_error_string(event));
	topics = result ? rd_kafka_CreateTopics_result_topics(result, &n) : NULL;
	if (!topics || n != 1)
		return spk_fail(err, SPK_INTERNAL, "creating topic %s: an answer about %zu topics", name, n);
	code = rd_kafka_topic_result_error(topics[0]);
	if (!code || code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
		return SPK_OK;
	return spk_kafka_fail(err, code, "creating topic %s: %s", name, rd_kafka_topic_result_error_string(topics[0]));
}

static spk_status request_topic(struct spk_kafka_producer *p, rd_kafka_NewTopic_t *topic, const char *name, spk_error *err)
{
	rd_kafka_queue_t *answers = rd_kafka_queue_new(p->client.rk);
	rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(p->client.rk, RD_KAFKA_ADMIN_OP_CREATETOPICS);
	rd_kafka_event_t *event;
	spk_status status;

	rd_kafka_AdminOptions_set_request_timeout(options, ADMIN_WAIT_MS, NULL, 0);
	rd_kafka_CreateTopics(p->client.rk, &topic, 1, options, answers);
	event = rd_kafka_queue_poll(answers, ADMIN_WAIT_MS);
	status = result_of(event, name, err);
	if (event)
		rd_kafka_event_destroy(event);
	rd_kafka_AdminOptions_destroy(options);
	rd_kafka_queue_destroy(answers);
	return status;
}

/* A new topic takes a moment until every broker names it. */
static spk_status wait_visible(struct spk_kafka_producer *p, const char *topic, spk_error *err)
{
	int64_t deadline = spk_clock_monotonic_us() + (int64_t)VISIBLE_WAIT_MS * 1000;
	int partitions = 0;
	spk_status status;

	do {
		status = spk_kafka_partitions(&p->client, topic, VISIBLE_WAIT_MS, &partitions, err);
		if (status == SPK_OK && partitions > 0)
			return SPK_OK;
		nanosleep(&(struct timespec){ .tv_nsec = VISIBLE_STEP_NS }, NULL);
	} while (spk_kafka_left_ms(deadline) > 0);
	return status ? status : spk_fail(err, SPK_UNAVAILABLE, "topic %s has no partitions yet", topic);
}

spk_status spk_kafka_create_topic(struct spk_kafka_producer *p, const char *topic, int partitions, const char *const *config, spk_error *err)
{
	char text[ERROR_TEXT];
	rd_kafka_NewTopic_t *made;
	int there = 0;
	spk_error missing = { 0 };
	spk_status status = spk_kafka_partitions(&p->client, topic, ADMIN_WAIT_MS, &there, &missing);

	if (status != SPK_NOT_FOUND) {
		if (status && err)
			*err = missing;
		return status;
	}
	/* -1: as many replicas as the cluster gives by default. */
	made = rd_kafka_NewTopic_new(topic, partitions, -1, text, sizeof(text));
	if (!made)
		return spk_fail(err, SPK_USAGE, "topic %s: %s", topic, text);
	status = fill_topic(made, config, err);
	if (status == SPK_OK)
		status = request_topic(p, made, topic, err);
	rd_kafka_NewTopic_destroy(made);
	if (status)
		return status;
	SPK_LOG(INFO, "kafka", "topic %s is made, with %d partitions", topic, partitions);
	return wait_visible(p, topic, err);
}

/* --- what a topic takes --- */

/* max.message.bytes of the topic in the answer, 0: it is not there. */
static size_t limit_in(rd_kafka_event_t *event)
{
	const rd_kafka_DescribeConfigs_result_t *result = event ? rd_kafka_event_DescribeConfigs_result(event) : NULL;
	const rd_kafka_ConfigResource_t **resource = NULL;
	const rd_kafka_ConfigEntry_t **entry = NULL;
	size_t resources = 0, entries = 0;

	if (result)
		resource = rd_kafka_DescribeConfigs_result_resources(result, &resources);
	if (resources == 1)
		entry = rd_kafka_ConfigResource_configs(resource[0], &entries);
	for (size_t i = 0; i < entries; i++) {
		const char *value = rd_kafka_ConfigEntry_value(entry[i]);

		if (value && strcmp(rd_kafka_ConfigEntry_name(entry[i]), "max.message.bytes") == 0)
			return strtoull(value, NULL, 10);
	}
	return 0;
}

size_t spk_kafka_ask_limit(struct spk_kafka_producer *p, const char *topic)
{
	rd_kafka_queue_t *answers = rd_kafka_queue_new(p->client.rk);
	rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(p->client.rk, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
	rd_kafka_ConfigResource_t *resource = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
	rd_kafka_event_t *event;
	size_t limit;

	rd_kafka_AdminOptions_set_request_timeout(options, LIMIT_WAIT_MS, NULL, 0);
	rd_kafka_DescribeConfigs(p->client.rk, &resource, 1, options, answers);
	event = rd_kafka_queue_poll(answers, LIMIT_WAIT_MS);
	limit = limit_in(event);
	if (event)
		rd_kafka_event_destroy(event);
	rd_kafka_ConfigResource_destroy(resource);
	rd_kafka_AdminOptions_destroy(options);
	rd_kafka_queue_destroy(answers);
	return limit;
}

size_t spk_kafka_value_limit(struct spk_kafka_producer *p, const char *topic)
{
	char own[32] = "";
	size_t size = sizeof(own), limit = spk_kafka_ask_limit(p, topic);

	rd_kafka_conf_get(rd_kafka_conf(p->client.rk), "message.max.bytes", own, &size);
	limit = SPK_MIN(limit ? limit : (size_t)LIMIT_GUESS, (size_t)strtoull(own, NULL, 10));
	return limit > 2 * LIMIT_ASIDE ? limit - LIMIT_ASIDE : limit / 2;
}

/* --- trimming --- */

/* Answers to earlier requests: only worth a word when they failed. */
static void take_answers(struct spk_kafka_producer *p)
{
	rd_kafka_event_t *event;

	while ((event = rd_kafka_queue_poll(p->admin, 0)) != NULL) {
		const rd_kafka_DeleteRecords_result_t *result = rd_kafka_event_DeleteRecords_result(event);
		const rd_kafka_topic_partition_list_t *list = result ? rd_kafka_DeleteRecords_result_offsets(result) : NULL;

		if (rd_kafka_event_error(event))
			SPK_LOG(WARN, "kafka", "trimming a topic: %s", rd_kafka_event_error_string(event));
		else if (list && list->cnt > 0 && list->elems[0].err)
			SPK_LOG(WARN, "kafka", "trimming topic %s: %s", list->elems[0].topic, rd_kafka_err2str(list->elems[0].err));
		rd_kafka_event_destroy(event);
	}
}

spk_status spk_kafka_truncate(struct spk_kafka_producer *p, const char *topic, int64_t before, spk_error *err)
{
	rd_kafka_topic_partition_list_t *list;
	rd_kafka_DeleteRecords_t *request;

	if (!p->admin)
		p->admin = rd_kafka_queue_new(p->client.rk);
	SPK_TRY_PTR(p->admin, err);
	take_answers(p);
	list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_list_add(list, topic, 0)->offset = before;
	request = rd_kafka_DeleteRecords_new(list);
	rd_kafka_DeleteRecords(p->client.rk, &request, 1, NULL, p->admin);
	rd_kafka_DeleteRecords_destroy(request);
	rd_kafka_topic_partition_list_destroy(list);
	return SPK_OK;
}
