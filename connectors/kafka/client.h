/*
 * What the files of this folder share: a librdkafka client made from a table's options, its health, and its errors as spk_error.
 * Nobody outside connectors/kafka includes this, except connector.c for spk_kafka_check_table.
 */
#ifndef SPK_CONNECTORS_KAFKA_CLIENT_H
#define SPK_CONNECTORS_KAFKA_CLIENT_H

#include <librdkafka/rdkafka.h>

#include "connectors/connector.h"
#include "connectors/format/field.h"

enum spk_kafka_role { SPK_KAFKA_SOURCE, SPK_KAFKA_READER, SPK_KAFKA_PRODUCER };

enum { SPK_KAFKA_WAIT_MS = 30000, SPK_KAFKA_TROUBLE_SIZE = 512 };

/* A librdkafka handle and what is known of its health. Loop thread only, but for the log callback. */
struct spk_kafka_client {
	rd_kafka_t *rk;
	enum spk_kafka_role role;
	rd_kafka_queue_t *main;                 /* errors and failed deliveries */
	char *bootstrap;                        /* bootstrap.servers as configured, for messages */
	int servers;                            /* in it */
	bool down;                              /* every broker is unreachable, as of the last poll */
	int unreached;                          /* connections that came to nothing since a broker last answered */
	bool rejected;                          /* a broker would not have our credentials or certificate */
	int64_t probed_us;                      /* when a broker was last asked whether it is back */
	char trouble[SPK_KAFKA_TROUBLE_SIZE];   /* the last error that librdkafka reported; "" when fine */
	rd_kafka_resp_err_t undelivered;        /* PRODUCER: why a message was not delivered, the first since it was last cleared */
};

/* --- options.c --- */

extern const struct spk_option_spec spk_kafka_source_options[];
extern const struct spk_option_spec spk_kafka_sink_options[];

enum spk_kafka_mode { SPK_KAFKA_EARLIEST, SPK_KAFKA_LATEST, SPK_KAFKA_GROUP, SPK_KAFKA_TIMESTAMP, SPK_KAFKA_SPECIFIC, SPK_KAFKA_UNBOUNDED };

/* Where reading starts or ends. */
struct spk_kafka_bound {
	enum spk_kafka_mode mode;
	int64_t timestamp_ms;          /* TIMESTAMP */
	const char *offsets;           /* SPECIFIC: the option's text */
};

/* scan.startup.* and scan.bounded.* of a table; checks modes and that what a mode needs is there. */
spk_status spk_kafka_startup(const struct spk_table *table, struct spk_kafka_bound *out, spk_error *err);
spk_status spk_kafka_bounded(const struct spk_table *table, struct spk_kafka_bound *out, spk_error *err);
/* Offset of a partition in 'partition:0,offset:42;partition:1,offset:300'; -1 when it is not in the list. */
spk_status spk_kafka_specific_offset(const char *text, int partition, int64_t *out, spk_error *err);

/* --- properties.c --- */

/*
 * A librdkafka configuration for a role: defaults, then the table's properties.* with ${file:} and ${env:} replaced. Secrets are registered
 * for redaction. USAGE, with librdkafka's text, for a property that it does not take; USAGE with the reason for one that is refused.
 */
spk_status spk_kafka_conf_new(rd_kafka_conf_t **out, enum spk_kafka_role role, const struct spk_table *table, const char *job, const struct spk_conf *conf, spk_error *err);
/* Refuses denylisted properties and contradictory options, without connecting. */
spk_status spk_kafka_check_table(const struct spk_table *table, const struct spk_conf *conf, spk_error *err);

/* --- client.c --- */

/* Makes the handle; consumes `rkconf` whether it succeeds or not. Release a client that failed, too. */
spk_status spk_kafka_client_init(struct spk_kafka_client *c, enum spk_kafka_role role, rd_kafka_conf_t *rkconf, spk_error *err);
void spk_kafka_client_release(struct spk_kafka_client *c);
/* Notes an error that librdkafka reported. */
void spk_kafka_note(struct spk_kafka_client *c, rd_kafka_resp_err_t code, const char *reason);
/* Something came from a broker: whatever was wrong is over. */
static inline void spk_kafka_note_fine(struct spk_kafka_client *c)
{
	c->down = c->rejected = false;
	c->unreached = 0;
	c->trouble[0] = '\0';
}
/* NULL when fine. A client in trouble asks a broker now and then (at most 100 ms every 2 s) whether it is back. */
const char *spk_kafka_trouble(struct spk_kafka_client *c);
/* Serves errors and failed deliveries that are waiting; never blocks. */
void spk_kafka_poll(struct spk_kafka_client *c);

/* Fails with the code that fits librdkafka's: UNAVAILABLE and TIMEOUT are retriable, authentication and authorization are not. */
spk_status spk_kafka_fail(spk_error *err, rd_kafka_resp_err_t code, const char *format, ...) SPK_PRINTF(3, 4);
/* Fails with the client's trouble as the reason when there is one: UNAVAILABLE. */
spk_status spk_kafka_fail_wait(struct spk_kafka_client *c, spk_error *err, rd_kafka_resp_err_t code, const char *doing);

/*
 * Metadata of one topic, or (topic NULL) of the whole cluster; waits up to wait_ms, but gives up as soon as no broker can be reached.
 * NOT_FOUND with a hint for a topic that is not there. The caller destroys *out (rd_kafka_metadata_destroy).
 */
spk_status spk_kafka_metadata(struct spk_kafka_client *c, const char *topic, int wait_ms, const struct rd_kafka_metadata **out, spk_error *err);
/* Number of a topic's partitions; else as spk_kafka_metadata. */
spk_status spk_kafka_partitions(struct spk_kafka_client *c, const char *topic, int wait_ms, int *partitions, spk_error *err);

#endif
