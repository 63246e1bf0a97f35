/*
 * The job's producer: opening it, and handing rows to librdkafka.
 *
 * Rows go in by rd_kafka_produce_batch to one partition at a time, without copying: librdkafka then looks the partition up once per
 * slice, and the epoch's blocks stay in memory until the commit anyway. Delivery is only reported when it failed.
 */
#include "connectors/kafka/producer_internal.h"

#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/log.h"

enum { OPEN_WAIT_MS = 10000, INIT_SLICE_MS = 1000, ROOM_SLICE_MS = 100, SETTLE_FLUSH_MS = 250, SETTLE_ABORT_MS = 1000 };

int spk_kafka_left_ms(int64_t deadline_us)
{
	return (int)SPK_MAX((deadline_us - spk_clock_monotonic_us()) / 1000, (int64_t)0);
}

bool spk_kafka_waited(const struct spk_kafka_producer *p, int64_t deadline_us)
{
	return spk_kafka_left_ms(deadline_us) == 0 || (p->hurry && p->hurry(p->hurry_user));
}

/* ---- Usefulness ------------------------------------------------------------------------------------------------------ */

spk_status spk_kafka_give_up(struct spk_kafka_producer *p, spk_status status, spk_error *err)
{
	p->unusable = true;
	if (err)
		err->fatal = true;
	return status;
}

spk_status spk_kafka_check_usable(struct spk_kafka_producer *p, spk_error *err)
{
	char reason[512];
	rd_kafka_resp_err_t code;

	if (p->unusable)
		return spk_kafka_give_up(p, spk_fail(err, SPK_UNAVAILABLE, "the producer has failed before and must be opened anew"), err);
	spk_kafka_poll(&p->client);
	code = rd_kafka_fatal_error(p->client.rk, reason, sizeof(reason));
	if (!code)
		return SPK_OK;
	return spk_kafka_fail_transaction(p, rd_kafka_error_new(code, "%s", reason), "producing", err);
}

/* ---- Opening --------------------------------------------------------------------------------------------------------- */

static spk_status set(rd_kafka_conf_t *rkconf, const char *name, const char *value, spk_error *err)
{
	char text[256];

	if (rd_kafka_conf_set(rkconf, name, value, text, sizeof(text)) == RD_KAFKA_CONF_OK)
		return SPK_OK;
	return spk_fail(err, SPK_USAGE, "%s = %s: %s", name, value, text);
}

/* A number of the client's configuration. */
static int64_t setting(const struct spk_kafka_producer *p, const char *name)
{
	char text[32] = "";
	size_t size = sizeof(text);

	rd_kafka_conf_get(rd_kafka_conf(p->client.rk), name, text, &size);
	return SPK_MAX(strtoll(text, NULL, 10), (long long)1);
}

static spk_status make_client(struct spk_kafka_producer *p, spk_error *err)
{
	rd_kafka_conf_t *rkconf;
	char number[24];
	spk_status status = SPK_OK;

	SPK_TRY(spk_kafka_conf_new(&rkconf, SPK_KAFKA_PRODUCER, p->table, NULL, p->conf, err));
	snprintf(number, sizeof(number), "%d", p->timeout_ms);
	if (p->transactional_id) {
		status = set(rkconf, "transactional.id", p->transactional_id, err);
		if (status == SPK_OK)
			status = set(rkconf, "transaction.timeout.ms", number, err);
	}
	if (status) {
		rd_kafka_conf_destroy(rkconf);
		return status;
	}
	SPK_TRY(spk_kafka_client_init(&p->client, SPK_KAFKA_PRODUCER, rkconf, err));
	p->batch_rows = setting(p, "batch.num.messages");
	p->batch_bytes = setting(p, "batch.size");
	return SPK_OK;
}

/* Settles what an earlier producer of this id left open, and fences it. */
static spk_status init_transactions(struct spk_kafka_producer *p, spk_error *err)
{
	int64_t deadline = spk_clock_monotonic_us() + (int64_t)p->timeout_ms * 1000;

	for (;;) {
		rd_kafka_error_t *error = rd_kafka_init_transactions(p->client.rk, SPK_MIN(INIT_SLICE_MS, spk_kafka_left_ms(deadline) + 1));
		rd_kafka_resp_err_t code = error ? rd_kafka_error_code(error) : RD_KAFKA_RESP_ERR_NO_ERROR;

		if (!error)
			return SPK_OK;
		spk_kafka_poll(&p->client);
		if (!rd_kafka_error_is_retriable(error))
			return spk_kafka_fail_transaction(p, error, "starting transactions", err);
		rd_kafka_error_destroy(error);
		if (p->client.down || spk_kafka_waited(p, deadline))
			return spk_kafka_fail_wait(&p->client, err, code, "starting transactions");
	}
}

static spk_status connect_producer(struct spk_kafka_producer *p, spk_error *err)
{
	const struct rd_kafka_metadata *metadata;

	SPK_TRY(make_client(p, err));
	SPK_TRY(spk_kafka_metadata(&p->client, NULL, OPEN_WAIT_MS, &metadata, err));
	rd_kafka_metadata_destroy(metadata);
	spk_kafka_note_fine(&p->client);
	return p->transactional_id ? init_transactions(p, err) : SPK_OK;
}

spk_status spk_kafka_producer_open(struct spk_kafka_producer **out, const struct spk_kafka_producer_spec *spec, spk_error *err)
{
	struct spk_kafka_producer *p = calloc(1, sizeof(*p));
	spk_status status = SPK_OK;

	SPK_TRY_PTR(p, err);
	p->table = spec->table;
	p->conf = spec->conf;
	p->hurry = spec->hurry;
	p->hurry_user = spec->user;
	p->timeout_ms = spec->conf ? (int)SPK_MIN(spk_conf_int(spec->conf, SPK_CONF_TXN_TIMEOUT) / 1000, (int64_t)INT32_MAX) : 60000;
	if (spec->transactional_id) {
		p->transactional_id = strdup(spec->transactional_id);
		status = p->transactional_id ? SPK_OK : spk_fail_memory(err);
	}
	if (status == SPK_OK)
		status = connect_producer(p, err);
	if (status)
		spk_kafka_producer_close(p);
	else
		*out = p;
	return status;
}

/*
 * Ends an open transaction in order, if that goes quickly: its readers need not wait for the next producer then. And librdkafka 2.0.2 ends
 * the process by an assertion when a client is destroyed in the moment in which it registers partitions with a transaction; what
 * was delivered is registered. An outcome that is unknown stays so: a commit that was sent is not aborted any more.
 */
static void settle(struct spk_kafka_producer *p)
{
	if (!p->in_transaction || p->client.down || rd_kafka_fatal_error(p->client.rk, NULL, 0))
		return;
	if (rd_kafka_flush(p->client.rk, SETTLE_FLUSH_MS) == RD_KAFKA_RESP_ERR_NO_ERROR)
		rd_kafka_error_destroy(rd_kafka_abort_transaction(p->client.rk, SETTLE_ABORT_MS));
}

void spk_kafka_producer_close(struct spk_kafka_producer *p)
{
	if (!p)
		return;
	if (p->admin)
		rd_kafka_queue_destroy(p->admin);
	if (p->client.rk) {
		settle(p);
		rd_kafka_purge(p->client.rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
		spk_kafka_poll(&p->client);
	}
	for (int i = 0; i < p->topics; i++) {
		rd_kafka_topic_destroy(p->topic[i].handle);
		free(p->topic[i].name);
	}
	spk_kafka_client_release(&p->client);
	free(p->transactional_id);
	free(p->topic);
	free(p->row);
	free(p->partition);
	free(p);
}

bool spk_kafka_producer_transactional(const struct spk_kafka_producer *p)
{
	return p->transactional_id != NULL;
}

/* A row that cannot pass is told from the others before it is sent. With compression only the broker knows. */
static size_t row_limit(struct spk_kafka_producer *p, const char *topic)
{
	char codec[32] = "";
	size_t size = sizeof(codec), limit = 0;

	rd_kafka_conf_get(rd_kafka_conf(p->client.rk), "compression.codec", codec, &size);
	if (strcmp(codec, "none") == 0)
		limit = spk_kafka_ask_limit(p, topic);
	return limit ? limit : SIZE_MAX;
}

spk_status spk_kafka_producer_topic(struct spk_kafka_producer *p, const char *topic, int *handle, int *partitions, spk_error *err)
{
	struct producer_topic t = { 0 }, *grown;

	for (int i = 0; i < p->topics; i++) {
		if (strcmp(p->topic[i].name, topic) == 0) {
			*handle = i;
			*partitions = p->topic[i].partitions;
			return SPK_OK;
		}
	}
	SPK_TRY(spk_kafka_partitions(&p->client, topic, OPEN_WAIT_MS, &t.partitions, err));
	grown = realloc(p->topic, (size_t)(p->topics + 1) * sizeof(*grown));
	SPK_TRY_PTR(grown, err);
	p->topic = grown;
	t.name = strdup(topic);
	SPK_TRY_PTR(t.name, err);
	t.handle = rd_kafka_topic_new(p->client.rk, topic, NULL);
	if (!t.handle) {
		free(t.name);
		return spk_kafka_fail(err, rd_kafka_last_error(), "topic %s", topic);
	}
	t.limit = row_limit(p, topic);
	*handle = p->topics;
	*partitions = t.partitions;
	p->topic[p->topics++] = t;
	return SPK_OK;
}

/* ---- Producing ------------------------------------------------------------------------------------------------------- */

static void hint_size(rd_kafka_resp_err_t code, spk_error *err)
{
	if (code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE)
		spk_hint(err, "raise max.message.bytes of the topic, and 'properties.message.max.bytes' of the sink if it is set");
}

spk_status spk_kafka_fail_undelivered(struct spk_kafka_producer *p, spk_error *err)
{
	spk_status status = spk_kafka_fail(err, p->client.undelivered, "a message was not delivered");

	hint_size(p->client.undelivered, err);
	return spk_kafka_give_up(p, status, err);
}

static spk_status fail_row(struct spk_kafka_producer *p, const struct producer_topic *t, rd_kafka_resp_err_t code, size_t size, spk_error *err)
{
	SPK_TRY(spk_kafka_check_usable(p, err));
	spk_kafka_fail(err, code, "a row of %zu bytes to topic %s", size, t->name);
	hint_size(code, err);
	return spk_kafka_give_up(p, err ? err->code : SPK_UNAVAILABLE, err);
}

/* Waits until librdkafka has room again. */
static spk_status wait_room(struct spk_kafka_producer *p, int64_t deadline, spk_error *err)
{
	spk_kafka_deliver(p, SPK_MIN(deadline, spk_clock_monotonic_us() + ROOM_SLICE_MS * 1000));
	SPK_TRY(spk_kafka_check_usable(p, err));
	if (p->client.undelivered)
		return spk_kafka_fail_undelivered(p, err);
	if (spk_kafka_waited(p, deadline))
		return spk_kafka_give_up(p, spk_kafka_fail_wait(&p->client, err, RD_KAFKA_RESP_ERR__TIMED_OUT, "waiting for room in the producer's queue"), err);
	return SPK_OK;
}

/* The scratch messages [0, n) to one partition. */
static spk_status produce_slice(struct spk_kafka_producer *p, const struct producer_topic *t, int32_t partition, int n, spk_error *err)
{
	int64_t deadline = 0;
	int at = 0;

	while (at < n) {
		int taken = rd_kafka_produce_batch(t->handle, partition, 0, p->message + at, n - at);

		if (taken == n - at)
			return SPK_OK;
		/* A full queue turns away all from one message on; anything else is about a single one. */
		while (p->message[at].err == RD_KAFKA_RESP_ERR_NO_ERROR)
			at++;
		if (p->message[at].err != RD_KAFKA_RESP_ERR__QUEUE_FULL)
			return fail_row(p, t, p->message[at].err, p->message[at].len, err);
		if (!deadline || taken > 0)
			deadline = spk_clock_monotonic_us() + (int64_t)p->timeout_ms * 1000;
		SPK_TRY(wait_room(p, deadline, err));
	}
	return SPK_OK;
}

/* An empty text still is one: only tombstones are NULL. */
static void *text_at(const struct spk_buffer *b, uint32_t offset)
{
	static char empty[1];

	return b->data ? b->data + offset : empty;
}

static void fill_message(rd_kafka_message_t *m, const struct spk_sink_block *b, int row)
{
	uint32_t value = row ? b->value_end[row - 1] : 0, key = row ? b->key_end[row - 1] : 0;
	uint8_t flags = b->flags ? b->flags[row] : 0;

	m->payload = flags & SPK_ROW_TOMBSTONE ? NULL : text_at(&b->value, value);
	m->len = flags & SPK_ROW_TOMBSTONE ? 0 : b->value_end[row] - value;
	m->key = flags & SPK_ROW_HAS_KEY ? text_at(&b->key, key) : NULL;
	m->key_len = flags & SPK_ROW_HAS_KEY ? b->key_end[row] - key : 0;
	m->err = RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* Rows row[0..n) (NULL: first..first+n) to one partition. */
static spk_status produce_rows(struct spk_kafka_producer *p, const struct producer_topic *t, int32_t partition, const struct spk_sink_block *b, const int32_t *row, int n, spk_error *err)
{
	for (int at = 0; at < n;) {
		int slice = SPK_MIN(n - at, (int)PRODUCER_SLICE);

		for (int i = 0; i < slice; i++) {
			fill_message(&p->message[i], b, row ? row[at + i] : at + i);
			if (SPK_UNLIKELY(p->message[i].len > t->limit))
				return fail_row(p, t, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, p->message[i].len, err);
			p->handed_bytes += (int64_t)(p->message[i].len + p->message[i].key_len);
		}
		p->handed_rows += slice;
		SPK_TRY(produce_slice(p, t, partition, slice, err));
		at += slice;
	}
	return SPK_OK;
}

static spk_status need_rows(struct spk_kafka_producer *p, int rows, spk_error *err)
{
	int32_t *row, *partition;

	if (rows <= p->row_capacity)
		return SPK_OK;
	row = realloc(p->row, (size_t)rows * sizeof(*row));
	SPK_TRY_PTR(row, err);
	p->row = row;
	partition = realloc(p->partition, (size_t)rows * sizeof(*partition));
	SPK_TRY_PTR(partition, err);
	p->partition = partition;
	p->row_capacity = rows;
	return SPK_OK;
}

static int32_t partition_of(const struct spk_sink_block *b, int row, int partitions)
{
	uint32_t key = row ? b->key_end[row - 1] : 0;

	if (b->partition)
		return b->partition[row];
	if (b->flags && b->flags[row] & SPK_ROW_HAS_KEY)
		return spk_kafka_murmur2_partition(text_at(&b->key, key), b->key_end[row] - key, partitions);
	return b->task % partitions;
}

/* A counting sort by partition: rows of one partition keep their order. */
static spk_status produce_by_partition(struct spk_kafka_producer *p, const struct producer_topic *t, const struct spk_sink_block *b, spk_error *err)
{
	int32_t *start = calloc((size_t)t->partitions + 1, sizeof(*start));
	spk_status status = start ? need_rows(p, b->rows, err) : spk_fail_memory(err);

	for (int i = 0; status == SPK_OK && i < b->rows; i++) {
		p->partition[i] = partition_of(b, i, t->partitions);
		if (p->partition[i] < 0 || p->partition[i] >= t->partitions)
			status = spk_fail(err, SPK_INTERNAL, "a row for partition %d of topic %s, which has %d", (int)p->partition[i], t->name, t->partitions);
		else
			start[p->partition[i] + 1]++;
	}
	for (int k = 0; status == SPK_OK && k < t->partitions; k++)
		start[k + 1] += start[k];
	/* After this start[k] is where partition k ends. */
	for (int i = 0; status == SPK_OK && i < b->rows; i++)
		p->row[start[p->partition[i]]++] = i;
	for (int k = 0; status == SPK_OK && k < t->partitions; k++) {
		int from = k ? start[k - 1] : 0;

		status = produce_rows(p, t, k, b, p->row + from, start[k] - from, err);
	}
	free(start);
	return status;
}

spk_status spk_kafka_produce(struct spk_kafka_producer *p, int topic, const struct spk_sink_block *block, spk_error *err)
{
	const struct producer_topic *t;

	SPK_ASSERT(topic >= 0 && topic < p->topics, "a handle from spk_kafka_producer_topic");
	t = &p->topic[topic];
	if (p->unusable)
		return spk_kafka_check_usable(p, err);
	if (block->partition || (block->flags && t->partitions > 1))
		return produce_by_partition(p, t, block, err);
	return produce_rows(p, t, block->task % t->partitions, block, NULL, block->rows, err);
}

spk_status spk_kafka_produce_to(struct spk_kafka_producer *p, int topic, int32_t partition, const struct spk_sink_block *block, spk_error *err)
{
	SPK_ASSERT(topic >= 0 && topic < p->topics && partition >= 0 && partition < p->topic[topic].partitions, "a partition of a known topic");
	if (p->unusable)
		return spk_kafka_check_usable(p, err);
	return produce_rows(p, &p->topic[topic], partition, block, NULL, block->rows, err);
}

static rd_kafka_headers_t *make_headers(const char *const *pairs)
{
	rd_kafka_headers_t *headers = pairs ? rd_kafka_headers_new(8) : NULL;

	for (; headers && pairs[0]; pairs += 2)
		rd_kafka_header_add(headers, pairs[0], -1, pairs[1], -1);
	return headers;
}

spk_status spk_kafka_produce_one(struct spk_kafka_producer *p, int topic, int partition, const void *key, size_t key_size, const void *value, size_t value_size, const char *const *headers, spk_error *err)
{
	const struct producer_topic *t;
	int64_t deadline = spk_clock_monotonic_us() + (int64_t)p->timeout_ms * 1000;

	SPK_ASSERT(topic >= 0 && topic < p->topics, "a handle from spk_kafka_producer_topic");
	t = &p->topic[topic];
	if (p->unusable)
		return spk_kafka_check_usable(p, err);
	if (value_size > t->limit)
		return fail_row(p, t, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, value_size, err);
	for (;;) {
		rd_kafka_headers_t *list = make_headers(headers);
		rd_kafka_resp_err_t code = rd_kafka_producev(p->client.rk, RD_KAFKA_V_RKT(t->handle), RD_KAFKA_V_PARTITION(partition),
			RD_KAFKA_V_KEY((void *)(uintptr_t)key, key_size), RD_KAFKA_V_VALUE((void *)(uintptr_t)value, value_size),
			RD_KAFKA_V_HEADERS(list), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);

		if (!code)
			return SPK_OK;
		/* Only a message that was taken owns its headers. */
		if (list)
			rd_kafka_headers_destroy(list);
		if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL)
			return fail_row(p, t, code, value_size, err);
		SPK_TRY(wait_room(p, deadline, err));
	}
}
