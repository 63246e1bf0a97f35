/*
 * A job's epoch log, as recovery needs it. It is read twice: first for its chain and its last record, then, when a checkpoint is chosen, for
 * the records that are to be replayed. It may hold thousands, each as large as the sources have partitions.
 */
#ifndef SPK_STREAM_HISTORY_H
#define SPK_STREAM_HISTORY_H

#include "stream/internal.h"

/* One committed epoch. Their hashes form the chain. */
struct spk_link { int64_t epoch; uint64_t hash; };

struct spk_history {
	const char *job;
	struct spk_arena *arena;            /* of the links */
	struct spk_link *link;                  /* ascending, without gaps */
	int count, capacity;
	struct spk_arena *last_arena;
	struct spk_epoch_record *last;
};

/* What is to be replayed: the records after `base`, which is the checkpoint's (NULL: from the beginning). */
struct spk_lineage {
	const struct spk_history *history;
	struct spk_arena *arena;
	int64_t from;
	struct spk_epoch_record *base, **record;
	int count, wanted;
};

/* Reads the chain: CORRUPT when it is broken or another job's. Zeroed but for `job`; release it also after a failure. */
spk_status spk_history_read(struct spk_history *h, struct spk_job *job, spk_error *err);
void spk_history_release(struct spk_history *h);
/* Index of the epoch's link, -1: it is not in the log. */
int spk_history_find(const struct spk_history *h, int64_t epoch);

/* Reads the records from `from` on, with `history`, `arena` and `from` set. */
spk_status spk_lineage_read(struct spk_job *job, struct spk_lineage *l, spk_error *err);
/* What to seek to before the replay, in its arena; NULL: memory is out. Not where the tables say: that may be another place now than it was then. */
struct spk_epoch_record *spk_lineage_start(const struct spk_job *job, const struct spk_lineage *l);

#endif
