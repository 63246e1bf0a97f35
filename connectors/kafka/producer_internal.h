/* The producer's inside: producer.c opens and produces, transaction.c begins and commits, topics.c and read_topic.c do the rest. */
#ifndef SPK_CONNECTORS_KAFKA_PRODUCER_INTERNAL_H
#define SPK_CONNECTORS_KAFKA_PRODUCER_INTERNAL_H

#include "connectors/kafka/client.h"
#include "connectors/kafka/producer.h"

enum {
	PRODUCER_SLICE = 1024,         /* messages handed to librdkafka at once */
	ADMIN_WAIT_MS = 30000,
};

/* limit: of a value's bytes, beyond which the topic does not take a message */
struct producer_topic { char *name; rd_kafka_topic_t *handle; int partitions; size_t limit; };

struct spk_kafka_producer {
	struct spk_kafka_client client;
	const struct spk_table *table;
	const struct spk_conf *conf;
	char *transactional_id;        /* NULL: none */
	int timeout_ms;                /* transaction.timeout */
	bool (*hurry)(void *user);
	void *hurry_user;
	bool in_transaction, unusable;
	int64_t begun_us, committed_us;     /* the last transaction; 0: none */
	int64_t batch_rows, batch_bytes;    /* of a full batch, by the client's settings */
	int64_t handed_rows, handed_bytes;  /* to librdkafka, since begin */
	int topics;
	struct producer_topic *topic;
	rd_kafka_queue_t *admin;       /* answers of the asynchronous DeleteRecords */
	rd_kafka_message_t message[PRODUCER_SLICE];   /* scratch */
	int32_t *row;                  /* scratch: rows ordered by partition, and their partitions */
	int32_t *partition;
	int row_capacity;
};

/* Time left until `deadline` (monotonic), 0 when it is over. */
int spk_kafka_left_ms(int64_t deadline_us);
/* Whether a wait until `deadline` is over, because of the time or because the job is to end. */
bool spk_kafka_waited(const struct spk_kafka_producer *p, int64_t deadline_us);
/* Ends the producer's usefulness; returns `status`. */
spk_status spk_kafka_give_up(struct spk_kafka_producer *p, spk_status status, spk_error *err);
/* Fails when the producer is unusable or librdkafka has had a fatal error. */
spk_status spk_kafka_check_usable(struct spk_kafka_producer *p, spk_error *err);
/* Fails with the reason why a message was not delivered, and gives the producer up. */
spk_status spk_kafka_fail_undelivered(struct spk_kafka_producer *p, spk_error *err);
/* Waits for deliveries, until `until_us` (monotonic) at most; some, not all. Why rd_kafka_flush is not all that it takes: transaction.c. */
void spk_kafka_deliver(struct spk_kafka_producer *p, int64_t until_us);
/* max.message.bytes of a topic, 0: not known. */
size_t spk_kafka_ask_limit(struct spk_kafka_producer *p, const char *topic);
/* Turns an error of the transaction calls (consumed) into ours and gives the producer up. */
spk_status spk_kafka_fail_transaction(struct spk_kafka_producer *p, rd_kafka_error_t *error, const char *doing, spk_error *err);

#endif
