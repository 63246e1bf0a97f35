/*
 * Reading a one-partition topic to its stable end: the epochs topic, at start and after an ambiguous commit.
 *
 * A consumer of its own that lives for one call. It must not share the producer's handle (librdkafka has one kind per handle), and
 * must come after init_transactions: only then is every earlier transaction of the job settled, and the stable end the end.
 */
#include "connectors/kafka/producer_internal.h"

#include "core/base/clock.h"
#include "core/base/log.h"

enum { SILENCE_MS = 30000, END_WAIT_MS = 5000, BATCH = 256, POLL_MS = 100 };

typedef spk_status (*each_fn)(void *user, int64_t offset, const void *value, size_t size, spk_error *err);
typedef spk_status (*each_record_fn)(void *user, const struct spk_kafka_record *record, spk_error *err);

struct reading {
	struct spk_kafka_producer *producer;
	struct spk_kafka_client client;
	rd_kafka_topic_t *handle;
	int64_t low, end, next;
	each_fn each;
	each_record_fn each_record;   /* instead of `each` */
	void *user;
};

const char *spk_kafka_record_header(const struct spk_kafka_record *record, const char *name)
{
	rd_kafka_headers_t *headers;
	const void *value;
	size_t size;

	if (rd_kafka_message_headers(record->message, &headers) || rd_kafka_header_get_last(headers, name, &value, &size))
		return NULL;
	return value;
}

static spk_status open_reader(struct reading *r, struct spk_kafka_producer *p, const char *topic, spk_error *err)
{
	rd_kafka_conf_t *rkconf;
	rd_kafka_resp_err_t code;
	int partitions;

	SPK_TRY(spk_kafka_conf_new(&rkconf, SPK_KAFKA_READER, p->table, NULL, p->conf, err));
	/* Whatever the table's sources may say: uncommitted epochs are none. */
	rd_kafka_conf_set(rkconf, "isolation.level", "read_committed", NULL, 0);
	SPK_TRY(spk_kafka_client_init(&r->client, SPK_KAFKA_READER, rkconf, err));
	SPK_TRY(spk_kafka_partitions(&r->client, topic, SILENCE_MS, &partitions, err));
	code = rd_kafka_query_watermark_offsets(r->client.rk, topic, 0, &r->low, &r->end, END_WAIT_MS);
	if (code)
		return spk_kafka_fail_wait(&r->client, err, code, "asking for the end of a topic");
	r->handle = rd_kafka_topic_new(r->client.rk, topic, NULL);
	return r->handle ? SPK_OK : spk_kafka_fail(err, rd_kafka_last_error(), "topic %s", topic);
}

static spk_status take(struct reading *r, const rd_kafka_message_t *m, spk_error *err)
{
	if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
		r->next = SPK_MAX(r->next, m->offset);
		return SPK_OK;
	}
	if (m->err == RD_KAFKA_RESP_ERR__BAD_MSG || m->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET || m->err == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION)
		return spk_kafka_fail(err, m->err, "reading %s: %s", rd_kafka_topic_name(r->handle), rd_kafka_message_errstr(m));
	if (m->err) {
		spk_kafka_note(&r->client, m->err, rd_kafka_message_errstr(m));
		return SPK_OK;
	}
	r->next = m->offset + 1;
	if (m->offset >= r->end)
		return SPK_OK;
	if (r->each_record)
		return r->each_record(r->user, &(struct spk_kafka_record){ m->offset, m->payload, m->len, m }, err);
	return r->each(r->user, m->offset, m->payload, m->len, err);
}

/* Until the end as it was when asked for, or the end of the partition: markers and trimming take offsets without giving records. */
static spk_status read_to_end(struct reading *r, spk_error *err)
{
	rd_kafka_message_t *batch[BATCH];
	int64_t deadline = spk_clock_monotonic_us() + (int64_t)SILENCE_MS * 1000;
	spk_status status = SPK_OK;

	while (status == SPK_OK && r->next < r->end) {
		ssize_t n = rd_kafka_consume_batch(r->handle, 0, POLL_MS, batch, BATCH);

		for (ssize_t i = 0; i < n; i++) {
			if (status == SPK_OK)
				status = take(r, batch[i], err);
			rd_kafka_message_destroy(batch[i]);
		}
		if (n > 0)
			deadline = spk_clock_monotonic_us() + (int64_t)SILENCE_MS * 1000;
		else if (spk_kafka_waited(r->producer, deadline))
			status = spk_kafka_fail_wait(&r->client, err, RD_KAFKA_RESP_ERR__TIMED_OUT, "reading a topic");
		spk_kafka_poll(&r->client);
	}
	return status;
}

static spk_status read_from(struct reading *r, int64_t from, spk_error *err)
{
	spk_status status;

	r->next = SPK_MAX(from, r->low);
	if (r->next >= r->end)
		return SPK_OK;
	if (rd_kafka_consume_start(r->handle, 0, r->next))
		return spk_kafka_fail(err, rd_kafka_last_error(), "reading %s", rd_kafka_topic_name(r->handle));
	status = read_to_end(r, err);
	rd_kafka_consume_stop(r->handle, 0);
	return status;
}

static spk_status read_any(struct reading *r, struct spk_kafka_producer *p, const char *topic, int64_t from, int64_t back, spk_error *err)
{
	spk_status status;

	r->producer = p;
	status = open_reader(r, p, topic, err);

	if (status == SPK_OK)
		status = read_from(r, back >= 0 ? r->end - back : from, err);
	if (r->handle)
		rd_kafka_topic_destroy(r->handle);
	spk_kafka_client_release(&r->client);
	return status;
}

spk_status spk_kafka_read_topic(struct spk_kafka_producer *p, const char *topic, int64_t from, each_fn each, void *user, spk_error *err)
{
	return read_any(&(struct reading){ .each = each, .user = user }, p, topic, from, -1, err);
}

spk_status spk_kafka_read_tail(struct spk_kafka_producer *p, const char *topic, int64_t back, each_fn each, void *user, spk_error *err)
{
	return read_any(&(struct reading){ .each = each, .user = user }, p, topic, 0, back, err);
}

spk_status spk_kafka_read_records(struct spk_kafka_producer *p, const char *topic, int64_t from, each_record_fn each, void *user, spk_error *err)
{
	return read_any(&(struct reading){ .each_record = each, .user = user }, p, topic, from, -1, err);
}
