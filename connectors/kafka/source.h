/* The Kafka source's inside: source.c opens and closes, positions.c finds where to read, fetch.c reads, report.c tells lag tools. */
#ifndef SPK_CONNECTORS_KAFKA_SOURCE_H
#define SPK_CONNECTORS_KAFKA_SOURCE_H

#include <stdatomic.h>

#include "connectors/kafka/client.h"

/* What is handed to librdkafka's threads is ordered by its locks, which ThreadSanitizer does not see. */
#if defined(__SANITIZE_THREAD__)
#define SPK_KAFKA_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SPK_KAFKA_SANITIZED 1
#endif
#endif
#ifdef SPK_KAFKA_SANITIZED
#include <sanitizer/tsan_interface.h>
#define SPK_KAFKA_HANDED_OVER(p) __tsan_release(p)
#define SPK_KAFKA_TAKEN_OVER(p) __tsan_acquire(p)
#else
#define SPK_KAFKA_HANDED_OVER(p) ((void)0)
#define SPK_KAFKA_TAKEN_OVER(p) ((void)0)
#endif

struct kafka_source;

/* One partition of one topic; partitions of several topics follow each other. */
struct kafka_partition {
	struct kafka_source *source;
	const char *topic;
	int32_t number;                /* within the topic */
	char *name;                    /* "topic/3" */
	rd_kafka_topic_t *handle;
	rd_kafka_queue_t *queue;       /* its messages, kept apart from the consumer's queue */
	_Atomic bool ready;            /* something was put into the queue since it was last looked at */
	bool full;                     /* the queue held so much that its fetcher may have stopped, and was not woken since */
	size_t taken_bytes, taken_rows;    /* out of the queue since its fetcher was woken */
	size_t row_bytes;              /* mean size of late */
	_Atomic bool muted;            /* at the end of the range that was last asked for: nothing makes it ready until the next fetch */

	bool started;                  /* librdkafka fetches it */
	bool stale;                    /* messages were lost between queue and chunk: to be started again before the next fetch */
	int64_t position;              /* everything before it was given out; -1 before the first seek */
	int64_t bound;                 /* where reading ends for good; INT64_MAX when unbounded */
	/* The message that ended a range by lying behind it: it has left the queue and waits here for the next fetch. */
	bool holding;
	int64_t held_offset, held_timestamp_us;
	struct spk_buffer held_value, held_key, held_other, held_headers;
	bool held_no_value;
};

struct kafka_source {
	struct spk_source base;
	struct spk_kafka_client client;
	struct spk_kafka_bound startup, bounded;
	bool bounds_known;             /* partition.bound is resolved: once, so that the end does not move */
	bool wants_headers;            /* for columns (headers.h) */
	struct spk_buffer headers;     /* scratch: of the message at hand */
	bool wants_keys, wants_others; /* keys of messages; keys that their headers tell of (connector.h, struct spk_chunk) */
	char *topics;                  /* the option, cut at ';' */
	struct kafka_partition *partition;

	int wake;                      /* eventfd, readable while ready_count > 0 */
	_Atomic int ready_count;
	size_t queue_bytes, queue_rows;    /* what librdkafka lets one queue hold before it stops fetching */
	struct spk_memory_account *account, *queue_account;
	size_t reserved;               /* of queue_account, for librdkafka's queues */
	char *user, *password;         /* as configured or "" (see wake_fetcher) */
	char *group;                   /* what lag tools see; "": nothing */
	rd_kafka_queue_t *answers;     /* to reports */
	bool reporting;                /* one is under way */
	int64_t looked_us;             /* when it was last asked for new partitions */
};

static inline struct kafka_source *kafka_source_of(const struct spk_source *s)
{
	return spk_container_of((uintptr_t)s, struct kafka_source, base);
}

/* positions.c */
spk_status spk_kafka_source_seek(struct spk_source *base, const int64_t *position, int64_t *resolved, spk_error *err);
spk_status spk_kafka_source_ends(struct spk_source *base, bool bounded_only, int64_t *end, spk_error *err);
bool spk_kafka_source_grown(struct spk_source *base);
/* Has librdkafka fetch a partition from its `position` on; what was fetched before never comes out again. */
spk_status spk_kafka_start(struct kafka_partition *p, spk_error *err);
/* Earliest offset of a partition, for messages; -1 unknown. */
int64_t spk_kafka_earliest(struct kafka_source *s, const struct kafka_partition *p);

/* report.c */
void spk_kafka_source_report(struct spk_source *base, const int64_t *position);
void spk_kafka_end_reports(struct kafka_source *s);

/* fetch.c */
spk_status spk_kafka_source_fetch(struct spk_source *base, int partition, int64_t end, int max_rows, size_t max_bytes, int64_t wait_us, struct spk_chunk *chunk, spk_error *err);
void spk_kafka_ready(struct kafka_partition *p);

#endif
