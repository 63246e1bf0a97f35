#include "tests/support/kafka.h"

#include <librdkafka/rdkafka.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/test.h"

enum { PATIENCE_MS = 60000, ERROR_TEXT = 512 };

SPK_PRINTF(1, 2) static _Noreturn void give_up(const char *format, ...)
{
	va_list args;

	fputs("test support: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(2);
}

static void must(rd_kafka_resp_err_t err, const char *what, const char *topic)
{
	if (err)
		give_up("%s %s: %s", what, topic, rd_kafka_err2str(err));
}

const char *spk_test_kafka(void)
{
	const char *address = getenv("SPARKLET_KAFKA");

	if (!address || !*address)
		give_up("SPARKLET_KAFKA is not set; tools/kafka.sh start prints where a broker is");
	return address;
}

/* A client with settings given as pairs, up to NULL. */
static rd_kafka_t *client(rd_kafka_type_t type, const char *const *settings)
{
	char why[ERROR_TEXT];
	rd_kafka_conf_t *conf = rd_kafka_conf_new();

	if (rd_kafka_conf_set(conf, "bootstrap.servers", spk_test_kafka(), why, sizeof why))
		give_up("%s", why);
	for (; *settings; settings += 2)
		if (rd_kafka_conf_set(conf, settings[0], settings[1], why, sizeof why))
			give_up("%s", why);
	rd_kafka_t *rk = rd_kafka_new(type, conf, why, sizeof why);
	if (!rk)
		give_up("%s", why);
	return rk;
}

/* ---- Producer: one for the process, closed at exit ------------------------------------------------------------------- */

static rd_kafka_t *producer;

static void delivered(rd_kafka_t *rk, const rd_kafka_message_t *message, void *unused)
{
	(void)rk, (void)unused;
	must(message->err, "produce to", rd_kafka_topic_name(message->rkt));
}

static void close_producer(void)
{
	rd_kafka_destroy(producer);
}

static rd_kafka_t *the_producer(void)
{
	char why[ERROR_TEXT];

	if (producer)
		return producer;
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_conf_set_dr_msg_cb(conf, delivered);
	if (rd_kafka_conf_set(conf, "bootstrap.servers", spk_test_kafka(), why, sizeof why) ||
	    rd_kafka_conf_set(conf, "enable.idempotence", "true", why, sizeof why) ||
	    rd_kafka_conf_set(conf, "linger.ms", "2", why, sizeof why))
		give_up("%s", why);
	producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
	if (!producer)
		give_up("%s", why);
	atexit(close_producer);
	return producer;
}

static void produce(rd_kafka_t *rk, const char *topic, int partition, const void *key, size_t key_size, const void *value,
		    size_t value_size, int64_t timestamp_ms)
{
	rd_kafka_resp_err_t err;

	do {
		err = rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(partition),
					RD_KAFKA_V_KEY(key, key_size), RD_KAFKA_V_VALUE((void *)(uintptr_t)value, value_size),
					RD_KAFKA_V_TIMESTAMP(timestamp_ms), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
					RD_KAFKA_V_END);
		rd_kafka_poll(rk, err == RD_KAFKA_RESP_ERR__QUEUE_FULL ? 10 : 0);
	} while (err == RD_KAFKA_RESP_ERR__QUEUE_FULL);
	must(err, "produce to", topic);
}

void spk_test_produce(const char *topic, int partition, const void *key, size_t key_size, const void *value, size_t value_size,
		      int64_t timestamp_ms)
{
	produce(the_producer(), topic, partition, key, key_size, value, value_size, timestamp_ms);
}

void spk_test_produce_lines(const char *topic, int partition, const char *text)
{
	while (*text) {
		size_t length = strcspn(text, "\n");

		spk_test_produce(topic, partition, NULL, 0, text, length, 0);
		text += length + (text[length] == '\n');
	}
}

void spk_test_flush(void)
{
	must(rd_kafka_flush(the_producer(), PATIENCE_MS), "flush", "");
}

static void must_txn(rd_kafka_error_t *error, const char *what)
{
	if (error)
		give_up("%s: %s", what, rd_kafka_error_string(error));
}

void spk_test_produce_aborted(const char *topic, int partition, int count)
{
	char *id = spk_test_topic_name("aborting");
	rd_kafka_t *rk = client(RD_KAFKA_PRODUCER, (const char *[]){"transactional.id", id, NULL});

	must_txn(rd_kafka_init_transactions(rk, PATIENCE_MS), "init_transactions");
	must_txn(rd_kafka_begin_transaction(rk), "begin_transaction");
	for (int i = 0; i < count; i++)
		produce(rk, topic, partition, NULL, 0, "aborted", 7, 0);
	/* Unless they have reached the log there is nothing to abort. */
	must(rd_kafka_flush(rk, PATIENCE_MS), "flush", topic);
	must_txn(rd_kafka_abort_transaction(rk, PATIENCE_MS), "abort_transaction");
	rd_kafka_destroy(rk);
	free(id);
}

/* ---- Topics ---------------------------------------------------------------------------------------------------------- */

char *spk_test_topic_name(const char *stem)
{
	static spk_test_rng rng;

	/* Not from the seed: a repeated run must not meet the topics of the first. */
	if (!rng.state) {
		FILE *random = fopen("/dev/urandom", "rb");
		if (!random || fread(&rng.state, sizeof rng.state, 1, random) != 1)
			give_up("cannot read /dev/urandom");
		fclose(random);
	}
	return spk_test_format("%s-%08x", stem, (unsigned)(spk_test_next(&rng) >> 32));
}

/* Waits for an admin call's answer and returns it; the caller reads it before it destroys it. */
static rd_kafka_event_t *answer(rd_kafka_queue_t *queue, const char *what, const char *topic)
{
	rd_kafka_event_t *event = rd_kafka_queue_poll(queue, PATIENCE_MS);

	if (!event)
		give_up("%s %s: no answer", what, topic);
	must(rd_kafka_event_error(event), what, topic);
	return event;
}

/* A topic is there for the controller before its leader takes records. */
static void wait_for_leaders(rd_kafka_t *rk, const char *topic, int partitions)
{
	for (int p = 0; p < partitions; p++) {
		int64_t low, high;
		rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR_NO_ERROR;

		for (int tries = 0; tries < 300; tries++) {
			err = rd_kafka_query_watermark_offsets(rk, topic, p, &low, &high, PATIENCE_MS);
			if (err != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART && err != RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION &&
			    err != RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE && err != RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC &&
			    err != RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION)
				break;
			rd_kafka_poll(rk, 20);
		}
		must(err, "offsets of", topic);
	}
}

void spk_test_topic_create(const char *topic, int partitions, const char *const *settings)
{
	char why[ERROR_TEXT];
	rd_kafka_t *rk = client(RD_KAFKA_PRODUCER, (const char *[]){NULL});
	rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
	rd_kafka_NewTopic_t *wanted = rd_kafka_NewTopic_new(topic, partitions, 1, why, sizeof why);

	if (!wanted)
		give_up("topic %s: %s", topic, why);
	for (; settings && *settings; settings += 2)
		must(rd_kafka_NewTopic_set_config(wanted, settings[0], settings[1]), "setting for", topic);
	rd_kafka_CreateTopics(rk, &wanted, 1, NULL, queue);

	rd_kafka_event_t *event = answer(queue, "create", topic);
	size_t count;
	const rd_kafka_topic_result_t **results =
		rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
	must(rd_kafka_topic_result_error(results[0]), "create", topic);
	rd_kafka_event_destroy(event);
	rd_kafka_NewTopic_destroy(wanted);
	rd_kafka_queue_destroy(queue);
	wait_for_leaders(rk, topic, partitions);
	rd_kafka_destroy(rk);
}

void spk_test_topic_delete(const char *topic)
{
	rd_kafka_t *rk = client(RD_KAFKA_PRODUCER, (const char *[]){NULL});
	rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
	rd_kafka_DeleteTopic_t *unwanted = rd_kafka_DeleteTopic_new(topic);

	rd_kafka_DeleteTopics(rk, &unwanted, 1, NULL, queue);
	rd_kafka_event_destroy(answer(queue, "delete", topic));
	rd_kafka_DeleteTopic_destroy(unwanted);
	rd_kafka_queue_destroy(queue);
	rd_kafka_destroy(rk);
}

void spk_test_topic_trim(const char *topic, int partition, int64_t offset)
{
	rd_kafka_t *rk = client(RD_KAFKA_PRODUCER, (const char *[]){NULL});
	rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
	rd_kafka_topic_partition_list_t *before = rd_kafka_topic_partition_list_new(1);

	rd_kafka_topic_partition_list_add(before, topic, partition)->offset = offset;
	rd_kafka_DeleteRecords_t *request = rd_kafka_DeleteRecords_new(before);
	rd_kafka_DeleteRecords(rk, &request, 1, NULL, queue);
	rd_kafka_event_t *event = answer(queue, "trim", topic);
	const rd_kafka_topic_partition_list_t *done =
		rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(event));
	must(done->elems[0].err, "trim", topic);
	rd_kafka_event_destroy(event);
	rd_kafka_DeleteRecords_destroy(request);
	rd_kafka_topic_partition_list_destroy(before);
	rd_kafka_queue_destroy(queue);
	rd_kafka_destroy(rk);
}

void spk_test_topic_range(const char *topic, int partition, int64_t *low, int64_t *high)
{
	must(rd_kafka_query_watermark_offsets(the_producer(), topic, partition, low, high, PATIENCE_MS), "offsets of", topic);
}

/* ---- Reading --------------------------------------------------------------------------------------------------------- */

static char *copy(const void *data, size_t size)
{
	char *out = data ? malloc(size + 1) : NULL;

	if (out) {
		memcpy(out, data, size);
		out[size] = 0;
	} else if (data) {
		give_up("out of memory");
	}
	return out;
}

static void keep(struct spk_test_records *records, const rd_kafka_message_t *m)
{
	/* Doubling: a full array has a power of two of them. */
	if ((records->count & (records->count - 1)) == 0) {
		size_t room = records->count ? 2 * records->count : 1;
		records->at = realloc(records->at, room * sizeof *records->at);
		if (!records->at)
			give_up("out of memory");
	}
	records->at[records->count++] = (struct spk_test_record){
		.partition = m->partition, .offset = m->offset, .timestamp_ms = rd_kafka_message_timestamp(m, NULL),
		.key = copy(m->key, m->key_len), .key_size = m->key_len,
		.value = copy(m->payload, m->len), .value_size = m->len};
}

/* Reads one partition from its start to where it ended when we came. */
static void consume_partition(rd_kafka_t *rk, const char *topic, int partition, struct spk_test_records *out)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

	rd_kafka_topic_partition_list_add(list, topic, partition)->offset = RD_KAFKA_OFFSET_BEGINNING;
	must(rd_kafka_assign(rk, list), "assign", topic);
	rd_kafka_topic_partition_list_destroy(list);
	for (bool end = false; !end;) {
		rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, PATIENCE_MS);

		if (!m)
			give_up("consume %s: nothing came", topic);
		end = m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
		if (!m->err)
			keep(out, m);
		else if (!end && m->err != RD_KAFKA_RESP_ERR__TRANSPORT)
			must(m->err, "consume", topic);
		rd_kafka_message_destroy(m);
	}
}

static int partitions_of(rd_kafka_t *rk, const char *topic)
{
	const struct rd_kafka_metadata *about;
	rd_kafka_topic_t *handle = rd_kafka_topic_new(rk, topic, NULL);

	must(rd_kafka_metadata(rk, 0, handle, &about, PATIENCE_MS), "metadata of", topic);
	must(about->topics[0].err, "metadata of", topic);
	int count = about->topics[0].partition_cnt;
	rd_kafka_metadata_destroy(about);
	rd_kafka_topic_destroy(handle);
	return count;
}

struct spk_test_records spk_test_consume(const char *topic, bool committed_only)
{
	struct spk_test_records out = {0};
	rd_kafka_t *rk = client(RD_KAFKA_CONSUMER,
				(const char *[]){"group.id", "sparklet-test", "enable.auto.commit", "false",
						 "enable.partition.eof", "true", "auto.offset.reset", "earliest",
						 "isolation.level", committed_only ? "read_committed" : "read_uncommitted",
						 "fetch.wait.max.ms", "10", NULL});

	rd_kafka_poll_set_consumer(rk);
	int partitions = partitions_of(rk, topic);
	for (int p = 0; p < partitions; p++)
		consume_partition(rk, topic, p, &out);
	rd_kafka_consumer_close(rk);
	rd_kafka_destroy(rk);
	return out;
}

void spk_test_records_release(struct spk_test_records *records)
{
	for (size_t i = 0; i < records->count; i++) {
		free(records->at[i].key);
		free(records->at[i].value);
	}
	free(records->at);
	*records = (struct spk_test_records){0};
}
