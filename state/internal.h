/*
 * What the files of state/ share; nobody else includes this.
 *
 *   store.c    RocksDB: options, column families, tables, flush, snapshot
 *   view.c     get and put; which cells leave the cache
 *   bucket.c   the sorted buckets of a view; what RocksDB holds of each
 *   write.c    dirty cells to RocksDB, range deletes
 *   ingest.c   all dirty cells of a view as a file
 *   image.c    dirty cells beside RocksDB in a snapshot
 *   scan.c     cache and RocksDB merged in key order
 *   sort.c     the sort for both of these
 *   cell.h     the hash table under it all
 *
 * Locks: the store's lock guards its lists of tables and views. A view has none: it belongs to one thread at a time, and to the
 * caller of flush and snapshot meanwhile.
 */
#ifndef SPK_STATE_INTERNAL_H
#define SPK_STATE_INTERNAL_H

#include <pthread.h>
#include <rocksdb/c.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/metrics.h"
#include "core/columnar/hash.h"
#include "core/columnar/hash_filter.h"
#include "state/cell.h"
#include "state/state.h"

enum {
	SPK_STATE_PREFIX_MAX = 9,      /* shard and bucket */
	SPK_STATE_READ_KEYS = 256,     /* of one MultiGet */
};

struct spk_table {
	struct spk_table *next;
	struct spk_store *store;
	char *name, *fingerprint;
	enum spk_table_kind kind;
	int version;
	bool added;                    /* by this process; else only found in the checkpoint */
	_Atomic bool stored;           /* RocksDB may hold entries of it */
	uint64_t shards;               /* that have a view */
	rocksdb_column_family_handle_t *cf;
	struct spk_metric *reads, *misses, *writes;  /* rows: asked for; of those from RocksDB; written there */
};

struct spk_store {
	struct spk_store_options options;
	struct spk_memory_account *cache_account, *rocksdb_account;
	size_t reserved;               /* of rocksdb_account */
	char *dir;
	rocksdb_t *db;
	rocksdb_options_t *db_options;
	rocksdb_cache_t *block_cache;
	rocksdb_block_based_table_options_t *block_options;
	rocksdb_readoptions_t *get_options;
	rocksdb_writeoptions_t *write_options;
	rocksdb_column_family_handle_t *meta;  /* the default column family: one key per table */
	_Atomic size_t cached;         /* bytes of all cells */
	_Atomic size_t cache_bound;    /* what they may be */
	_Atomic int view_count;
	pthread_mutex_t lock;
	struct spk_table *tables;
	struct spk_state_view *views;
	struct spk_image *image;       /* of the clone that was opened; NULL: it has none */
	uint64_t imaged;               /* memory of the cells that were written into images since the last flush at a snapshot, of each as often as it was */
};

struct spk_bucket {
	int64_t bucket;                /* 0 in keyed tables */
	uint64_t stored;               /* bit per shard: RocksDB may hold entries of it */
	struct spk_hash_filter keys;   /* that were written to RocksDB; of a clone's nobody has said anything */
	uint64_t used;                 /* the view's clock when it was last touched */
	struct spk_cells cells;
};

struct spk_state_view {
	struct spk_state_view *next, *previous;
	struct spk_store *store;
	struct spk_table *table;
	int first_shard, end_shard;
	struct spk_cell_memory memory;
	uint64_t clock;                /* calls so far */
	struct spk_bucket **bucket;    /* ascending; exactly one in keyed tables */
	struct spk_bucket **bucket_room;  /* of bucket_capacity; `bucket` points into it, behind those that were dropped at the front */
	int buckets, bucket_capacity;
	/* Scratch of a batch. */
	struct spk_bucket **at;        /* bucket of each row */
	int32_t *miss;                 /* rows to be read from RocksDB */
	int row_capacity;
	struct spk_buffer keys;        /* of one MultiGet, or one write */
};

/* --- keys in RocksDB --- */

/* Writes shard and, in bucketed tables, bucket; returns the number of bytes. */
int spk_state_prefix(const struct spk_table *table, int shard, int64_t bucket, char out[SPK_STATE_PREFIX_MAX]);
/* The smallest key behind all that start with the prefix; `out` may be `prefix`. */
void spk_state_prefix_end(const char *prefix, int size, char *out);
int64_t spk_state_bucket_of(const char *key);  /* of a bucketed table's key */
/* Turns RocksDB's message into an error and frees it. */
spk_status spk_state_fail(const struct spk_store *store, char *message, const char *what, spk_error *err);

/* The table of that name, added or found in the checkpoint, or NULL. */
struct spk_table *spk_store_table(struct spk_store *store, const char *name);

/* --- bucket.c --- */

/* RocksDB may hold the key. */
static inline bool spk_bucket_may_hold(const struct spk_bucket *b, uint64_t hash)
{
	return b->stored >> spk_shard_of(hash).value & 1 && spk_hash_filter_may(&b->keys, hash);
}
/* RocksDB is about to be given the key: said before it is true, since a write that fails must not be taken for none. */
static inline void spk_bucket_announce(const struct spk_state_view *view, struct spk_bucket *b, struct spk_cell *c)
{
	/* Views of a table share the line. */
	if (!atomic_load_explicit(&view->table->stored, memory_order_relaxed))
		atomic_store_explicit(&view->table->stored, true, memory_order_relaxed);
	c->flags &= ~(uint32_t)SPK_CELL_NEW;
	b->stored |= 1ull << spk_shard_of(c->hash).value;
	spk_hash_filter_add(&b->keys, c->hash);
}
struct spk_bucket *spk_bucket_find(const struct spk_state_view *view, int64_t bucket);  /* NULL when it is not there */
spk_status spk_bucket_add(struct spk_state_view *view, int64_t bucket, struct spk_bucket **out, spk_error *err);
void spk_bucket_drop(struct spk_state_view *view, struct spk_bucket *b);
/* Drops those that hold nothing, neither here nor in RocksDB. */
void spk_buckets_prune(struct spk_state_view *view);
void spk_buckets_free(struct spk_state_view *view);
/* Finds out which shards and buckets of the view RocksDB holds, by seeking from prefix to prefix. */
spk_status spk_buckets_discover(struct spk_state_view *view, spk_error *err);

/* --- write.c --- */

enum spk_write_what {
	SPK_WRITE_ALL,
	SPK_WRITE_OLDEST,              /* of the oldest chunk */
	SPK_WRITE_OLDEST_UNUSED,       /* of those only what eviction would drop */
};
/* Writes dirty cells of a bucket. */
spk_status spk_state_write(struct spk_state_view *view, struct spk_bucket *b, enum spk_write_what what, spk_error *err);
spk_status spk_state_write_view(struct spk_state_view *view, spk_error *err);
/* Makes view->keys the cell's key in RocksDB: shard, bucket, key. */
spk_status spk_state_full_key(struct spk_state_view *view, const struct spk_bucket *b, const struct spk_cell *c, spk_error *err);
/* ingest.c: all `dirty` cells of the view, more than none, in one file. *done is false where there was no memory to order them: nothing was done. */
spk_status spk_state_ingest(struct spk_state_view *view, size_t dirty, bool *done, spk_error *err);
/* Deletes all entries of the bucket in RocksDB, if there may be any. keys: the deletes of all there are; NULL: not known one by one. */
spk_status spk_state_delete_stored(struct spk_state_view *view, struct spk_bucket *b, rocksdb_writebatch_t *keys, spk_error *err);

/* --- image.c --- */

#define SPK_IMAGE_FILE "cells.image"
/* Whether a snapshot should leave its dirty cells to the image instead of flushing them; *imaged: what store->imaged is then, once it counts. */
bool spk_image_wanted(const struct spk_store *store, uint64_t *imaged);
/* Whether the image that was opened has cells that no view has taken. */
bool spk_image_is_left(const struct spk_store *store);
/* Writes an image of the dirty cells, if `cells`, and of what is left of the one that was opened. No view may be in use. */
spk_status spk_image_write(struct spk_store *store, bool cells, uint64_t imaged, const char *path, spk_error *err);
/* Opens the image in the store's directory, if there is one. */
spk_status spk_image_open(struct spk_store *store, spk_error *err);
void spk_image_close(struct spk_store *store);
/* The cells of the view's shards become cells of the view, dirty ones. */
spk_status spk_image_load(struct spk_state_view *view, spk_error *err);
/* The view is closed: its cells are in the image alone again. */
void spk_image_give_back(const struct spk_state_view *view);
/* What is in RocksDB by now, or was dropped, is not to be taken from the image any more. No view may be in use. */
void spk_image_forget(struct spk_store *store, const char *table, uint64_t shards);

/* --- view.c --- */

uint64_t spk_view_shards(const struct spk_state_view *view);  /* a bit each */

/* Writes and drops cold cells until the view holds `target` bytes at most. */
spk_status spk_state_evict(struct spk_state_view *view, size_t target, spk_error *err);
/* Does so when the store's caches are over their bound and this view over its share, or the process's memory runs short. */
spk_status spk_state_trim(struct spk_state_view *view, spk_error *err);

/* --- sort.c --- */

struct spk_sorted_cell {
	uint64_t prefix;               /* eight bytes of the key; set by the sort, as is shard */
	int64_t bucket;
	struct spk_cell *cell;
	int shard;
};
/* Sorts cells of one bucket by (shard, key). `spare` has room for as many. */
void spk_sort_cells(struct spk_sorted_cell *cells, struct spk_sorted_cell *spare, size_t count);
int spk_compare_keys(const char *a, size_t a_size, const char *b, size_t b_size);

#endif
