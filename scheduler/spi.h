/*
 * The scheduler's service provider interfaces. Local implementations are beside this file; a distributed engine would bring others.
 * Every call names its thread; implementations must be thread-safe where it says "any".
 */
#ifndef SPK_SCHEDULER_SPI_H
#define SPK_SCHEDULER_SPI_H

#include "core/base/ids.h"
#include "core/base/spillfile.h"
#include "core/columnar/batch.h"

/* --- executor backend: runs closures somewhere --- */

struct spk_work { void (*run)(void *user); void *user; };

struct spk_executor_backend {
	const struct spk_executor_backend_type *type;
};
struct spk_executor_backend_type {
	const char *name;
	int (*slots)(const struct spk_executor_backend *b);                       /* how many run at once; any thread */
	spk_status (*launch)(struct spk_executor_backend *b, struct spk_work work, spk_error *err);  /* any thread; runs later */
	/* Runs work after a delay (for backoff). Any thread. */
	spk_status (*launch_later)(struct spk_executor_backend *b, struct spk_work work, int64_t delay_us, spk_error *err);
	/* Runs what is queued (delayed work at once), waits for it, frees b. Not from work of its own. */
	void (*close)(struct spk_executor_backend *b);
};
/* A pool of `threads` worker threads (0: one per core). */
spk_status spk_local_executor_new(struct spk_executor_backend **out, int threads, spk_error *err);

/* --- task scheduler: which task next --- */

struct spk_task_scheduler {
	const struct spk_task_scheduler_type *type;
};
struct spk_task_scheduler_type {
	const char *name;
	/* Queues work; lower priority values go first, equal ones in order of submission. after_us: not before this delay. Any thread.
	 * Work that is submitted by work may have to wait for that one's end, so it must not be waited for there. */
	spk_status (*submit)(struct spk_task_scheduler *s, struct spk_work work, int64_t priority, int64_t after_us, spk_error *err);
	void (*close)(struct spk_task_scheduler *s);  /* when nothing is queued or running; frees s, not the backend */
};
spk_status spk_fifo_scheduler_new(struct spk_task_scheduler **out, struct spk_executor_backend *backend, spk_error *err);

/* --- shuffle service: keeps what stages exchange. Ids are unique per DAG scheduler, so each of those has a service of its own --- */

struct spk_shuffle_service {
	const struct spk_shuffle_service_type *type;
};
struct spk_shuffle_stat { int64_t rows, bytes; };
int64_t spk_shuffle_bytes(const struct spk_batch *batch);  /* of the selected rows' values, as they would lie in dense vectors */

struct spk_shuffle_output;   /* what one attempt of a producer writes: the service's */

/* Reads what a producer wrote for one partition, batch after batch. All zeros reads nothing. One thread at a time. */
struct spk_shuffle_reader {
	struct spk_shuffle_output *output;
	int partition, next;
	struct spk_shuffle_stat sum; /* of what was read; the service adds it up */
	/* Rows at the beginning that the caller drops: batches that have no others may be passed over, if their rows are taken off it. */
	int64_t skip;
	/* Nobody else will read this partition: a batch that was read may go when memory is short, and is lost for a later fetch. */
	bool once;
	/* The service's: what it keeps from one batch to the next. */
	struct spk_arena *block;
	const void *run;
	char *data;
	int64_t number;
};

struct spk_shuffle_service_type {
	const char *name;
	/* Announces a shuffle of producers x partitions. Any thread. */
	spk_status (*add)(struct spk_shuffle_service *s, struct spk_shuffle_id id, int producers, int partitions, spk_error *err);
	/* Begins the output of one attempt of a producer; nobody sees it before it is published. Used by one thread, then given up by publish or discard. */
	spk_status (*open)(struct spk_shuffle_service *s, struct spk_shuffle_id id, int producer, struct spk_shuffle_output **out, spk_error *err);
	/* Adds a batch (takes a reference of its own) for partition `to`, and its rows and bytes to *sum. May put what was written on disk. */
	spk_status (*write)(struct spk_shuffle_service *s, struct spk_shuffle_output *output, int to, struct spk_batch *batch, struct spk_shuffle_stat *sum, spk_error *err);
	/* Publishes all of it at once, replacing an earlier one. On failure it stays with the caller. */
	spk_status (*publish)(struct spk_shuffle_service *s, struct spk_shuffle_output *output, spk_error *err);
	void (*discard)(struct spk_shuffle_service *s, struct spk_shuffle_output *output);  /* NULL is fine */
	/* Locates the batches of (producer, partition): *out (zeros before) reads them until the shuffle is removed, even when the output is lost or
	 * published anew meanwhile. NOT_FOUND: lost, or never published. Any thread. */
	spk_status (*fetch)(struct spk_shuffle_service *s, struct spk_shuffle_id id, int producer, int partition, struct spk_shuffle_reader *out, spk_error *err);
	/* The next batch in the order in which they were written: the caller's reference, NULL at the end. */
	spk_status (*read)(struct spk_shuffle_service *s, struct spk_shuffle_reader *reader, struct spk_batch **out, spk_error *err);
	void (*end)(struct spk_shuffle_service *s, struct spk_shuffle_reader *reader);  /* releases what it keeps; all zeros are fine */
	/* Forgets the output of a producer, as a lost executor would (also used by tests). Any thread. */
	void (*lose)(struct spk_shuffle_service *s, struct spk_shuffle_id id, int producer);
	/* What was published and not lost, in memory or on disk: of the whole shuffle, or of one partition (>= 0). Any thread. */
	void (*stat)(struct spk_shuffle_service *s, struct spk_shuffle_id id, int partition, struct spk_shuffle_stat *out);
	/* Memory is short: puts published batches on disk, about `bytes` of them; the bytes that were freed. May be NULL. Any thread. */
	size_t (*reclaim)(struct spk_shuffle_service *s, size_t bytes);
	void (*remove)(struct spk_shuffle_service *s, struct spk_shuffle_id id);  /* any thread; unknown ids are fine */
	void (*close)(struct spk_shuffle_service *s);                             /* with all that is left in it */
};
/* In this process. References to batches change hands; with an area (borrowed) they go to disk when memory is short, with NULL never. */
spk_status spk_local_shuffle_new(struct spk_shuffle_service **out, struct spk_spill_area *area, spk_error *err);

/* --- partitioner: which partition a row goes to --- */

struct spk_partitioner {
	const struct spk_partitioner_type *type;
	int partitions;
};
struct spk_partitioner_type {
	const char *name;
	/* to[i] for the i-th selected row of the batch, given hash[i] of its key (NULL when the partitioner needs none). */
	void (*assign)(const struct spk_partitioner *p, const struct spk_batch *batch, const uint64_t *hash, int32_t *to);
};
extern const struct spk_partitioner_type spk_hash_partitioner;    /* by shard: tasks own ranges of the 64 shards */
extern const struct spk_partitioner_type spk_single_partitioner;  /* all to 0 */

#endif
