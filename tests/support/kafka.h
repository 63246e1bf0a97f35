/*
 * Kafka for tests: topics, records in, records out, against the broker that tools/run-tests shares (SPARKLET_KAFKA).
 *
 * Tests share that broker, so topic names are made unique. A call that Kafka refuses ends the program with its reason; what
 * a test expects to fail it does with librdkafka itself. One thread.
 */
#ifndef SPK_TESTS_SUPPORT_KAFKA_H
#define SPK_TESTS_SUPPORT_KAFKA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* host:port of the broker; ends the program if SPARKLET_KAFKA is not set (`make check T=...` sets it for
 * tests/integration and tests/connectors/kafka). */
const char *spk_test_kafka(void);

/* A topic name that no other run has, "stem-<random>". Caller frees. */
char *spk_test_topic_name(const char *stem);
/* Creates a topic and waits until it can be written. `settings`: NULL or pairs "name", "value", ..., NULL. */
void spk_test_topic_create(const char *topic, int partitions, const char *const *settings);
void spk_test_topic_delete(const char *topic);
/* Deletes what is before `offset`, as retention would. */
void spk_test_topic_trim(const char *topic, int partition, int64_t offset);
/* The offsets [*low, *high) of a partition, aborted records and markers included. */
void spk_test_topic_range(const char *topic, int partition, int64_t *low, int64_t *high);

/* Writing. One producer is kept for the process; a record is durable once spk_test_flush() has returned. */
/* key and value may be NULL (no key; tombstone); timestamp_ms 0 means now. */
void spk_test_produce(const char *topic, int partition, const void *key, size_t key_size, const void *value, size_t value_size,
		      int64_t timestamp_ms);
/* One record a line of `text`, without keys. */
void spk_test_produce_lines(const char *topic, int partition, const char *text);
void spk_test_flush(void);
/* Writes `count` records "aborted" in a transaction that is then aborted: a reader of committed records must not see them. */
void spk_test_produce_aborted(const char *topic, int partition, int count);

/* Reading. */
struct spk_test_record {
	int partition;
	int64_t offset, timestamp_ms;
	char *key, *value;              /* NUL behind them; NULL when there is none */
	size_t key_size, value_size;
};

struct spk_test_records {
	struct spk_test_record *at;     /* by partition, then offset */
	size_t count;
};

/* Everything in the topic as it is now, with isolation read_committed or not. */
struct spk_test_records spk_test_consume(const char *topic, bool committed_only);
void spk_test_records_release(struct spk_test_records *records);

#endif
