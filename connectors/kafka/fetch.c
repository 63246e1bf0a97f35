/*
 * The hot path of the Kafka source: from librdkafka's queue of a partition into a chunk.
 *
 * Messages are served by callback, not by batch: that moves the whole queue under one lock instead of taking two per message. Each
 * payload is copied once, behind the last one, into 64 KiB blocks of the chunk's arena, and the message is gone when the callback
 * returns: a kept message would pin the whole fetch response it came in.
 *
 * A range ends at the first message at or behind `end`, or at an end-of-partition event, never by counting: transaction markers,
 * aborted transactions and compaction take offsets without giving rows.
 */
#include "connectors/kafka/source.h"

#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "core/base/fault.h"
#include "core/base/log.h"
#include "core/base/memory.h"
#include "core/base/wake.h"
#include "connectors/headers.h"

enum {
	BLOCK_SIZE = 64 * 1024,       /* what the arena's pool has at hand */
	FIRST_ROWS = 1024,            /* room when waiting for rows that are not there yet */
};

/* One call of fetch. */
struct fetching {
	struct kafka_source *s;
	struct kafka_partition *p;
	struct spk_chunk *chunk;
	int64_t end, position;
	int capacity;
	size_t max_bytes;
	char *at, *limit;             /* free part of the block being filled; padding lies behind limit */
	bool stopped;                 /* left messages in the queue */
	bool heard;                   /* a broker said something */
	spk_status status;
	spk_error *err;
};

/* ---- Who is ready ---------------------------------------------------------------------------------------------------- */

/* Also called by librdkafka's threads. Before the loop looks into the queue: what comes in meanwhile makes it ready again. */
static void not_ready(struct kafka_partition *p)
{
	struct kafka_source *s = p->source;

	if (!atomic_exchange(&p->ready, false) || atomic_fetch_sub(&s->ready_count, 1) != 1)
		return;
	spk_wake_clear(s->wake);
	/* One may have become ready between counting and reading. */
	if (atomic_load(&s->ready_count) > 0)
		spk_wake(s->wake);
}

void spk_kafka_ready(struct kafka_partition *p)
{
	if (atomic_load(&p->muted))
		return;
	if (!atomic_exchange(&p->ready, true) && atomic_fetch_add(&p->source->ready_count, 1) == 0)
		spk_wake(p->source->wake);
	/* Looked at last: whoever mutes a partition clears `ready` after it, so one of the two sees the other. */
	if (atomic_load(&p->muted))
		not_ready(p);
}

static void mute(struct kafka_partition *p)
{
	atomic_store(&p->muted, true);
	not_ready(p);
}

/* More than `part` of 4 quarters of what a queue may hold. */
static bool fills(const struct kafka_partition *p, size_t rows, size_t part)
{
	return rows * 4 >= p->source->queue_rows * part || rows * p->row_bytes * 4 >= p->source->queue_bytes * part;
}

/*
 * A fetcher that finds its queue full sleeps up to a second, however soon the queue is empty again (librdkafka 2.0.2; later ones have
 * fetch.queue.backoff.ms). Setting the credentials, to what they are, is the one call that wakes all broker threads and does nothing
 * else: one lock and one small operation per broker. It is done when a queue that may have been full has room again; and, the
 * bytes being an estimate, at the latest when a queue's worth was taken.
 */
static void wake_fetcher(struct kafka_partition *p, size_t taken_rows, size_t taken_bytes, size_t left_rows)
{
	struct kafka_source *s = p->source;

	if (taken_rows)
		p->row_bytes = (3 * p->row_bytes + taken_bytes / taken_rows) / 4 + 1;
	p->taken_rows += taken_rows;
	p->taken_bytes += taken_bytes;
	p->full = p->full || fills(p, taken_rows + left_rows, 2);
	if (!(p->full && !fills(p, left_rows, 3)) && p->taken_bytes < s->queue_bytes && p->taken_rows < s->queue_rows)
		return;
	p->full = false;
	p->taken_bytes = p->taken_rows = 0;
	rd_kafka_error_destroy(rd_kafka_sasl_set_credentials(s->client.rk, s->user, s->password));
}

/* ---- Rows ------------------------------------------------------------------------------------------------------------ */

/* Sums over rows, so it does not matter how an epoch's rows were cut into chunks; finish as in XXH64's avalanche. */
static uint64_t row_hash(int64_t offset, const void *value, size_t size)
{
	uint64_t h = XXH3_64bits(value, size) ^ ((uint64_t)offset * 0x9e3779b97f4a7c15u);

	h = (h ^ h >> 33) * 0xc2b2ae3d27d4eb4fu;
	h = (h ^ h >> 29) * 0x165667b19e3779f9u;
	return h ^ h >> 32;
}

/* Copies bytes so that SPK_CHUNK_PADDING readable ones follow. */
static bool keep(struct fetching *f, const void *data, size_t size, struct spk_view *out)
{
	if (SPK_UNLIKELY(f->limit - f->at < (ptrdiff_t)size)) {
		size_t block = SPK_MAX((size_t)BLOCK_SIZE, size + SPK_CHUNK_PADDING);

		f->at = spk_arena_alloc(f->chunk->arena, block);
		if (!f->at) {
			f->limit = NULL;
			return false;
		}
		f->limit = f->at + block - SPK_CHUNK_PADDING;
	}
	if (size)
		memcpy(f->at, data, size);
	*out = spk_view(f->at, (uint32_t)size);
	f->at += size;
	return true;
}

struct bytes { const void *data; size_t size; };
/* other: the key that a header tells of. A value of no data is none. */
struct message { int64_t offset, timestamp_us; struct bytes value, key, other, headers; };

static spk_status add_row(struct fetching *f, const struct message *m)
{
	struct spk_chunk *c = f->chunk;
	int row = c->rows;

	if (!keep(f, m->value.data, m->value.size, &c->raw[row]))
		return spk_fail_memory(f->err);
	c->hash += row_hash(m->offset, m->value.data, m->value.size);
	if (c->key) {
		if (!keep(f, m->key.data, m->key.size, &c->key[row]))
			return spk_fail_memory(f->err);
		if (m->key.data)
			c->hash += row_hash(~m->offset, m->key.data, m->key.size);
		c->no_value[row] = !m->value.data;
	}
	if (c->other_key) {
		if (!keep(f, m->other.data, m->other.size, &c->other_key[row]))
			return spk_fail_memory(f->err);
		if (m->other.data)
			c->hash += row_hash(~m->offset, m->other.data, m->other.size);
	}
	if (c->headers) {
		if (!keep(f, m->headers.data, m->headers.size, &c->headers[row]))
			return spk_fail_memory(f->err);
		if (m->headers.size)
			c->hash += row_hash(~m->offset, m->headers.data, m->headers.size);
	}
	c->position[row] = m->offset;
	c->timestamp_us[row] = m->timestamp_us;
	c->bytes += m->value.size;
	c->rows++;
	f->position = m->offset + 1;
	return SPK_OK;
}

/* Of a row that moves, Debezium says in a header where to, or where from. */
static struct bytes other_key(const rd_kafka_message_t *m)
{
	static const char *const names[] = { "__debezium.newkey", "__debezium.oldkey" };
	struct bytes found = { 0 };
	rd_kafka_headers_t *headers;

	if (rd_kafka_message_headers(m, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
		return found;
	for (size_t i = 0; i < SPK_COUNT_OF(names) && !found.data; i++)
		if (rd_kafka_header_get_last(headers, names[i], &found.data, &found.size) != RD_KAFKA_RESP_ERR_NO_ERROR)
			found = (struct bytes){ 0 };
	return found;
}

/* All headers of a message into the buffer, which is cleared. */
static spk_status put_headers(const rd_kafka_message_t *m, struct spk_buffer *out, spk_error *err)
{
	rd_kafka_headers_t *headers;
	const char *name;
	const void *value;
	size_t size;

	spk_buffer_clear(out);
	if (rd_kafka_message_headers(m, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
		return SPK_OK;
	for (size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; i++)
		SPK_TRY(spk_headers_put(out, name, value, size, err));
	return SPK_OK;
}

static int64_t message_time_us(const rd_kafka_message_t *m)
{
	rd_kafka_timestamp_type_t type;

	return rd_kafka_message_timestamp(m, &type) * 1000;
}

/* The message lies behind the range: it is the first of the next one. */
static void hold(struct fetching *f, const rd_kafka_message_t *m)
{
	struct kafka_partition *p = f->p;

	f->position = f->end;
	f->stopped = true;
	p->held_offset = m->offset;
	p->held_timestamp_us = message_time_us(m);
	spk_buffer_clear(&p->held_value);
	spk_buffer_clear(&p->held_key);
	spk_buffer_clear(&p->held_other);
	p->held_no_value = !m->payload;
	p->holding = spk_buffer_append(&p->held_value, m->payload, m->len, NULL) == SPK_OK &&
	             (!f->s->wants_keys || spk_buffer_append(&p->held_key, m->key, m->key_len, NULL) == SPK_OK);
	if (p->holding && f->s->wants_others) {
		struct bytes other = other_key(m);

		p->holding = spk_buffer_append(&p->held_other, other.data, other.size, NULL) == SPK_OK;
	}
	if (p->holding && f->s->wants_headers)
		p->holding = put_headers(m, &p->held_headers, NULL) == SPK_OK;
	/* Without memory for it: have it fetched again. */
	if (!p->holding)
		p->stale = true;
}

/* The held message, if there is one and this range reaches it. */
static spk_status take_held(struct fetching *f)
{
	struct kafka_partition *p = f->p;

	if (!p->holding)
		return SPK_OK;
	if (p->held_offset >= f->end) {
		f->position = f->end;
		f->stopped = true;
		return SPK_OK;
	}
	/* An empty value is not none, though the buffer may have nothing to point to. */
	SPK_TRY(add_row(f, &(struct message){ .offset = p->held_offset, .timestamp_us = p->held_timestamp_us,
		.value = { p->held_no_value ? NULL : p->held_value.data ? p->held_value.data : "", p->held_value.size },
		.key = { p->held_key.data, p->held_key.size }, .other = { p->held_other.size ? p->held_other.data : NULL, p->held_other.size },
		.headers = { p->held_headers.data, p->held_headers.size } }));
	p->holding = false;
	return SPK_OK;
}

/* ---- What is not a row ----------------------------------------------------------------------------------------------- */

static spk_status fail_expired(struct fetching *f)
{
	int64_t earliest = spk_kafka_earliest(f->s, f->p);

	spk_fail(f->err, SPK_NOT_FOUND, "%s: offset %lld is wanted, but the topic has only offsets from %lld on", f->p->name, (long long)f->position, (long long)earliest);
	if (f->err)
		f->err->fatal = true;
	return spk_hint(f->err, "the records have expired, or the topic was made anew: lengthen its retention.ms, and start a new job (or from a newer position)");
}

/* End of partition, or an error that librdkafka has for this partition. */
static spk_status take_event(struct fetching *f, const rd_kafka_message_t *m)
{
	switch (m->err) {
	case RD_KAFKA_RESP_ERR__PARTITION_EOF:
		f->heard = true;
		f->position = SPK_MAX(f->position, SPK_MIN(m->offset, f->end));
		return SPK_OK;
	case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
	case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
		return fail_expired(f);
	case RD_KAFKA_RESP_ERR__BAD_MSG:
	case RD_KAFKA_RESP_ERR__BAD_COMPRESSION:
	case RD_KAFKA_RESP_ERR_INVALID_MSG:
	case RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED:
		/* librdkafka would go on behind it. */
		return spk_kafka_fail(f->err, m->err == RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED ? RD_KAFKA_RESP_ERR__BAD_COMPRESSION : m->err, "%s: offset %lld: %s", f->p->name, (long long)m->offset, rd_kafka_message_errstr(m));
	case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
	case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
	case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
	case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
		return spk_kafka_fail(f->err, m->err, "reading %s", f->p->name);
	default:
		spk_kafka_note(&f->s->client, m->err, rd_kafka_message_errstr(m));
		return SPK_OK;
	}
}

static void stop(struct fetching *f)
{
	f->stopped = true;
	rd_kafka_yield(f->s->client.rk);
}

static void on_message(rd_kafka_message_t *m, void *opaque)
{
	struct fetching *f = opaque;

	if (SPK_UNLIKELY(m->err)) {
		f->status = take_event(f, m);
	} else if (SPK_UNLIKELY(m->offset >= f->end)) {
		hold(f, m);
		rd_kafka_yield(f->s->client.rk);
		return;
	} else if (SPK_LIKELY(m->offset >= f->position)) {
		f->status = f->s->wants_headers ? put_headers(m, &f->s->headers, f->err) : SPK_OK;
		f->status = f->status ? f->status : add_row(f, &(struct message){ .offset = m->offset, .timestamp_us = message_time_us(m), .value = { m->payload, m->len }, .key = { m->key, m->key_len },
			.other = f->s->wants_others ? other_key(m) : (struct bytes){ 0 }, .headers = { f->s->headers.data, f->s->headers.size } });
	}
	if (SPK_UNLIKELY(f->status || f->chunk->rows == f->capacity || f->chunk->bytes >= f->max_bytes))
		stop(f);
}

/* ---- Fetching -------------------------------------------------------------------------------------------------------- */

static spk_status make_room(struct fetching *f, int rows)
{
	struct spk_chunk *c = f->chunk;
	/* Short rows lie in the views themselves: the padding is behind the last view. */
	size_t views = (size_t)rows + SPK_CHUNK_PADDING / sizeof(struct spk_view);

	c->arena = spk_arena_new(f->s->account);
	SPK_TRY_PTR(c->arena, f->err);
	c->raw = spk_arena_alloc(c->arena, views * sizeof(*c->raw));
	SPK_TRY_PTR(c->raw, f->err);
	c->position = spk_arena_alloc(c->arena, (size_t)rows * sizeof(*c->position));
	SPK_TRY_PTR(c->position, f->err);
	c->timestamp_us = spk_arena_alloc(c->arena, (size_t)rows * sizeof(*c->timestamp_us));
	SPK_TRY_PTR(c->timestamp_us, f->err);
	if (f->s->wants_keys) {
		c->key = spk_arena_alloc(c->arena, views * sizeof(*c->key));
		c->no_value = spk_arena_alloc(c->arena, (size_t)rows * sizeof(*c->no_value));
		SPK_TRY_PTR(c->key && c->no_value, f->err);
	}
	if (f->s->wants_others) {
		c->other_key = spk_arena_alloc(c->arena, views * sizeof(*c->other_key));
		SPK_TRY_PTR(c->other_key, f->err);
	}
	if (f->s->wants_headers) {
		c->headers = spk_arena_alloc(c->arena, views * sizeof(*c->headers));
		SPK_TRY_PTR(c->headers, f->err);
	}
	f->capacity = rows;
	return SPK_OK;
}

static spk_status serve(struct fetching *f, int max_rows, int wait_ms)
{
	size_t waiting = rd_kafka_queue_length(f->p->queue) + f->p->holding;
	int rows = (int)SPK_MIN(waiting ? waiting : (size_t)FIRST_ROWS, (size_t)max_rows);

	if (!waiting && !wait_ms)
		return SPK_OK;
	SPK_TRY(make_room(f, rows));
	SPK_TRY(take_held(f));
	if (f->stopped)
		return SPK_OK;
	if (f->chunk->rows == f->capacity) {
		f->stopped = rd_kafka_queue_length(f->p->queue) > 0;
		return SPK_OK;
	}
	rd_kafka_consume_callback_queue(f->p->queue, f->chunk->rows ? 0 : wait_ms, on_message, f);
	return f->status;
}

static void finish(struct fetching *f)
{
	struct kafka_source *s = f->s;
	struct spk_chunk *c = f->chunk;

	f->p->position = c->end = f->position;
	c->finished = c->end >= f->p->bound;
	if (c->rows)
		wake_fetcher(f->p, (size_t)c->rows, c->bytes, f->stopped ? rd_kafka_queue_length(f->p->queue) : 0);
	if (f->heard || c->rows)
		spk_kafka_note_fine(&s->client);
	/* At the end of its range a partition is not ready, whatever its queue holds: nobody would take it. */
	if (f->position >= f->end)
		mute(f->p);
	else if (f->stopped)
		spk_kafka_ready(f->p);
	if (c->rows == 0) {
		spk_arena_unref(c->arena);
		*c = (struct spk_chunk){ .partition = c->partition, .start = c->start, .end = c->end, .finished = c->finished };
	}
}

spk_status spk_kafka_source_fetch(struct spk_source *base, int partition, int64_t end, int max_rows, size_t max_bytes, int64_t wait_us, struct spk_chunk *chunk, spk_error *err)
{
	struct kafka_source *s = kafka_source_of(base);
	struct kafka_partition *p = &s->partition[partition];
	struct fetching f = { .s = s, .p = p, .chunk = chunk, .max_bytes = max_bytes, .err = err };
	spk_status status;

	SPK_ASSERT(p->position >= 0, "seek comes before fetch");
	SPK_TRY(spk_fault(SPK_FAULT_SOURCE_READ, err));
	if (p->stale)
		SPK_TRY(spk_kafka_start(p, err));
	f.end = SPK_MIN(end, p->bound);
	f.position = p->position;
	chunk->partition = partition;
	chunk->start = chunk->end = p->position;
	atomic_store(&p->muted, false);
	not_ready(p);
	status = f.position < f.end && max_rows > 0 ? serve(&f, max_rows, (int)((wait_us + 999) / 1000)) : SPK_OK;
	if (status == SPK_OK) {
		finish(&f);
		return SPK_OK;
	}
	/* What was taken out of the queue is given up: it is fetched again. */
	p->stale = true;
	spk_arena_unref(chunk->arena);
	*chunk = (struct spk_chunk){ .partition = partition, .start = p->position, .end = p->position };
	return status;
}
