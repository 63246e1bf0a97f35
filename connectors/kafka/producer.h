/*
 * The job's producer: one per job and cluster. Transactional (exactly-once) or idempotent (at-least-once), and the reader of the epochs topic.
 * Loop thread only; open and commit may wait, bounded by transaction.timeout.
 *
 * After any error of commit other than OK the producer is unusable and its outcome unknown: close it, open a new one (which fences and
 * settles the old transaction) and read the epochs topic (exactly-once.md).
 */
#ifndef SPK_CONNECTORS_KAFKA_PRODUCER_H
#define SPK_CONNECTORS_KAFKA_PRODUCER_H

#include "connectors/connector.h"

struct spk_kafka_producer;

struct spk_kafka_producer_spec {
	const struct spk_table *table;       /* any of the cluster's tables: its properties.* are used */
	const char *transactional_id;        /* NULL: idempotent, no transactions */
	const struct spk_conf *conf;
	/* Asked several times a second while a broker is waited for: true ends the wait with UNAVAILABLE. May be NULL. */
	bool (*hurry)(void *user);
	void *user;
};

/* Connects; with a transactional id runs init_transactions (retrying 'coordinator load in progress'). UNAVAILABLE is retriable. */
spk_status spk_kafka_producer_open(struct spk_kafka_producer **out, const struct spk_kafka_producer_spec *spec, spk_error *err);
void spk_kafka_producer_close(struct spk_kafka_producer *p);  /* drops what is in flight; NULL is fine */
bool spk_kafka_producer_transactional(const struct spk_kafka_producer *p);

/* Number of a topic, which must exist (NOT_FOUND with a hint how to create it); partitions in *partitions. */
spk_status spk_kafka_producer_topic(struct spk_kafka_producer *p, const char *topic, int *handle, int *partitions, spk_error *err);
/* Creates a topic unless it is there (internal topics and dead-letter topics only). config: "cleanup.policy=delete" etc., NULL-terminated pairs. */
spk_status spk_kafka_create_topic(struct spk_kafka_producer *p, const char *topic, int partitions, const char *const *config, spk_error *err);

/* How many bytes of value a message to the topic may have, beside a key and headers of a few KiB; a guess on the low side when the broker does not say. */
size_t spk_kafka_value_limit(struct spk_kafka_producer *p, const char *topic);

spk_status spk_kafka_begin(struct spk_kafka_producer *p, spk_error *err);
/* Rows of a block to a topic: partition by block->partition, else murmur2 of the key as Java's default partitioner, else (no key) block->task.
 * Bytes are not copied: the block must live until commit returned OK or the producer was closed. */
spk_status spk_kafka_produce(struct spk_kafka_producer *p, int topic, const struct spk_sink_block *block, spk_error *err);
/* The same, all rows to one partition whatever their keys. */
spk_status spk_kafka_produce_to(struct spk_kafka_producer *p, int topic, int32_t partition, const struct spk_sink_block *block, spk_error *err);
/* One message with headers (dead letters, epoch records); copied. headers: NULL-terminated name, value pairs or NULL. */
spk_status spk_kafka_produce_one(struct spk_kafka_producer *p, int topic, int partition, const void *key, size_t key_size, const void *value, size_t value_size, const char *const *headers, spk_error *err);
/* Waits until all is delivered and, when transactional, commits. FENCED (fatal): another instance of the job took over. Any other error:
 * ambiguous, see above. */
spk_status spk_kafka_commit(struct spk_kafka_producer *p, spk_error *err);

/* Calls `each` for every committed record of partition 0 of a topic from offset `from` on (-2: the earliest) up to the stable end as of now. What `each`
 * returns but OK ends the reading and is returned. */
spk_status spk_kafka_read_topic(struct spk_kafka_producer *p, const char *topic, int64_t from, spk_status (*each)(void *user, int64_t offset, const void *value, size_t size, spk_error *err), void *user, spk_error *err);
/* The last committed record's bytes only are wanted often: reads from max(earliest, end - `back`) on. */
spk_status spk_kafka_read_tail(struct spk_kafka_producer *p, const char *topic, int64_t back, spk_status (*each)(void *user, int64_t offset, const void *value, size_t size, spk_error *err), void *user, spk_error *err);
/* The same as spk_kafka_read_topic, with headers: for dead letters. The record is valid during the call. */
struct spk_kafka_record { int64_t offset; const void *value; size_t size; const void *message; };
const char *spk_kafka_record_header(const struct spk_kafka_record *record, const char *name);  /* NUL-terminated; NULL: it has none of that name */
spk_status spk_kafka_read_records(struct spk_kafka_producer *p, const char *topic, int64_t from, spk_status (*each)(void *user, const struct spk_kafka_record *record, spk_error *err), void *user, spk_error *err);
/* DeleteRecords up to (not including) the offset; best effort, asynchronous is fine. */
spk_status spk_kafka_truncate(struct spk_kafka_producer *p, const char *topic, int64_t before, spk_error *err);
/* Java's murmur2 partition of a key. */
int32_t spk_kafka_murmur2_partition(const void *key, size_t size, int partitions);

#endif
