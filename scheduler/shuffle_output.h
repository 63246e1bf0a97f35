/*
 * What one attempt of a producer wrote: batches by partition, in memory or in blocks on disk. Private to the local shuffle service.
 *
 * Written by one thread; sealed, it may be read by many. Then batches may still move to disk or go (what was read and is not needed again): under
 * `lock`, the service's, and only whole runs are shown, since a run must not be read while it grows.
 */
#ifndef SPK_SCHEDULER_SHUFFLE_OUTPUT_H
#define SPK_SCHEDULER_SHUFFLE_OUTPUT_H

#include <pthread.h>

#include "core/columnar/serialize.h"
#include "scheduler/spi.h"

struct spk_shuffle_item {
	struct spk_batch *batch;           /* NULL: on disk, or let go of */
	const struct spk_schema *schema;
	struct spk_spill_run *run;         /* when it is on disk: the block and where in it */
	uint32_t block, at, size;
	int to, rows;
	int64_t bytes;
};

struct spk_shuffle_part { struct spk_shuffle_stat stat; int start; bool gone; };  /* gone: some batch was let go of */

struct spk_shuffle_output {
	struct spk_shuffle_output *next;   /* the service's lists */
	struct spk_memory_account *account;
	struct spk_shuffle_id id;
	int producer;
	struct spk_shuffle_item *item;     /* in order of writing; sealed: by partition, then in that order */
	int items, capacity;
	int partitions;
	struct spk_shuffle_part *part;     /* sealed: partition p has the items [part[p].start, part[p + 1].start) */
	int part_capacity;
	struct spk_spill_run **run;
	int runs, run_capacity;
	int64_t kept;                      /* bytes of the items in memory, about */
	_Atomic int64_t *total;            /* the service's sum of these */
	bool pinned, orphan;               /* being reclaimed; retired meanwhile */
};

/* What moving batches to disk needs. */
struct spk_shuffle_mover { struct spk_spill_area *area; struct spk_run_scratch scratch; pthread_mutex_t *lock; };

struct spk_shuffle_output *spk_shuffle_output_new(struct spk_memory_account *account, _Atomic int64_t *total);
void spk_shuffle_output_free(struct spk_shuffle_output *o);
/* Empties it for another use: arrays are kept. */
void spk_shuffle_output_clear(struct spk_shuffle_output *o);
spk_status spk_shuffle_output_write(struct spk_shuffle_output *o, int to, struct spk_batch *batch, struct spk_shuffle_stat *sum, spk_error *err);
/* Groups the items by partition: once all are written. */
spk_status spk_shuffle_output_seal(struct spk_shuffle_output *o, spk_error *err);
/* Puts batches in memory on disk, `most` bytes of them; *moved gets what was freed. */
spk_status spk_shuffle_output_move(struct spk_shuffle_output *o, struct spk_shuffle_mover *mover, int64_t most, int64_t *moved, spk_error *err);
/* The next batch, see spi.h. go: a batch that is in memory and will not be read again is let go of. */
spk_status spk_shuffle_output_read(struct spk_shuffle_reader *reader, bool go, pthread_mutex_t *lock, struct spk_batch **out, spk_error *err);

#endif
