/*
 * State: what operators remember between epochs, in tables over one RocksDB per job.
 *
 *   store      one RocksDB in a scratch directory; made empty or from a cloned checkpoint
 *   table      one column family; holds key -> value bytes of one operator
 *   view       what one task may touch of a table: a range of shards. Used by one thread at a time.
 *
 * Hot entries live in a write-back cache per view (a keymap per shard or per bucket); dirty ones go to RocksDB in sorted write
 * batches at spk_store_flush and under memory pressure, and into an image at a snapshot (image.c). The store directory is scratch: after a restart it is rebuilt from a checkpoint.
 * RocksDB keys: shard (1 byte), bucket (8 bytes big-endian, sign flipped; only bucketed tables), key bytes (rowkey.h).
 *
 * Tables: KEYED: key -> value. BUCKETED: (bucket, key) -> value, where a bucket is e.g. a window's end in microseconds; buckets are
 * taken whole (spk_view_take_bucket) in order and dropped with one range delete, never by scanning.
 */
#ifndef SPK_STATE_STATE_H
#define SPK_STATE_STATE_H

#include "core/base/ids.h"
#include "core/columnar/keymap.h"

enum spk_table_kind { SPK_TABLE_KEYED, SPK_TABLE_BUCKETED };

struct spk_store;
struct spk_state_view;

struct spk_store_options {
	/* Upper bound of all write-back caches together; beyond it cold entries are written and dropped. A view under its even share
	 * of it keeps what it has. 0: 64 MiB. */
	size_t cache_bytes;
	/* RocksDB's block cache + memtables are bounded by this, reserved from the budget at open. 0: 8 MiB, less is raised to 1 MiB. */
	size_t block_cache_bytes;
	/* A view of which so many cells are to be written at a flush writes them as one file, which RocksDB takes in as it is. 0: 4096. */
	size_t ingest_cells;
};

/* Opens the store in `dir`, which must be empty, new, or hold a clone of a checkpoint (see spk_store_snapshot). */
spk_status spk_store_open(struct spk_store **out, const char *dir, const struct spk_store_options *options, spk_error *err);
void spk_store_close(struct spk_store *store);  /* drops what was not snapshotted; NULL is fine */

/*
 * Makes a table known; its name (stable over restarts, e.g. "aggregate-4") is the column family. `schema_version` and `fingerprint` (a
 * text that says what the values mean) are kept with it; opening it with another fingerprint fails with BIND naming both.
 */
spk_status spk_store_add_table(struct spk_store *store, const char *name, enum spk_table_kind kind, int schema_version, const char *fingerprint, spk_error *err);
/* Calls `each` for every table in the store, added or only found in the checkpoint (`added` false: its query is gone or changed). */
spk_status spk_store_each_table(struct spk_store *store, spk_status (*each)(void *user, const char *name, enum spk_table_kind kind, int schema_version, const char *fingerprint, bool added, spk_error *err), void *user, spk_error *err);
/* Drops a table with all its data; it has no views. One that is not there is fine. */
spk_status spk_store_drop_table(struct spk_store *store, const char *name, spk_error *err);
/* A task's view on shards [first, end) of a table. Views of one table must not overlap. */
spk_status spk_state_view_open(struct spk_state_view **out, struct spk_store *store, const char *table, int first_shard, int end_shard, spk_error *err);
/* Drops what was not flushed: a view opened next sees what RocksDB and the clone have. */
void spk_state_view_close(struct spk_state_view *view);

/* Values of a batch of keys. value[i] points into the cache: valid until the next call on this view. size UINT32_MAX: not there. */
struct spk_state_value { const char *data; uint32_t size; };
enum { SPK_STATE_ABSENT = -1 };
static inline bool spk_state_found(const struct spk_state_value *v) { return v->size != UINT32_MAX; }

/*
 * Reads n keys at once: cache first, then one MultiGet for the misses (which then are in the cache; absence is cached too).
 * bucket: array of n buckets, NULL for KEYED tables. hash[i] gives shard and slot.
 */
spk_status spk_state_get(struct spk_state_view *view, const struct spk_row_keys *keys, const uint64_t *hash, const int64_t *bucket, struct spk_state_value *value, spk_error *err);
/* Writes n values (size UINT32_MAX deletes) into the cache. After a failure part of them is written. Values must
 * not be ones that spk_state_get gave: copy those first. When memory is refused, reads and writes both empty the view's cache into
 * RocksDB and try again before they fail. */
spk_status spk_state_put(struct spk_state_view *view, const struct spk_row_keys *keys, const uint64_t *hash, const int64_t *bucket, const struct spk_state_value *value, spk_error *err);

/* The smallest bucket that has entries in this view (cache or RocksDB), or INT64_MAX. Cheap: kept in memory. A bucket whose entries
 * were deleted one by one may still be named once it was written to RocksDB; taking it yields nothing. */
int64_t spk_state_first_bucket(const struct spk_state_view *view);
/* The smallest one from `from` on, that one included. */
int64_t spk_state_next_bucket(const struct spk_state_view *view, int64_t from);
/* Calls `each` (NULL: nobody) for every live entry of the bucket in order of (shard, key), then drops the bucket. When `each` fails
 * nothing is dropped. `each` must not use the view, and what it is given is valid during the call alone; so for scan. */
spk_status spk_state_take_bucket(struct spk_state_view *view, int64_t bucket, spk_status (*each)(void *user, const char *key, uint32_t key_size, const char *value, uint32_t value_size, spk_error *err), void *user, spk_error *err);
/* The same, but the bucket stays. */
spk_status spk_state_scan_bucket(struct spk_state_view *view, int64_t bucket, spk_status (*each)(void *user, const char *key, uint32_t key_size, const char *value, uint32_t value_size, spk_error *err), void *user, spk_error *err);
/* The same, in no order that could be relied on. */
spk_status spk_state_visit_bucket(struct spk_state_view *view, int64_t bucket, spk_status (*each)(void *user, const char *key, uint32_t key_size, const char *value, uint32_t value_size, spk_error *err), void *user, spk_error *err);
/* Calls `each` for every live entry of the view in order of (shard, bucket, key); for `sparklet state`, complete mode and checks. */
spk_status spk_state_scan(struct spk_state_view *view, spk_status (*each)(void *user, int64_t bucket, const char *key, uint32_t key_size, const char *value, uint32_t value_size, spk_error *err), void *user, spk_error *err);
/* Entries and bytes in cache, estimate of entries in RocksDB. */
struct spk_state_stat { int64_t cached, cached_bytes, dirty, stored_estimate; };
void spk_state_view_stat(const struct spk_state_view *view, struct spk_state_stat *out);

/*
 * Another bound for all write-back caches together than that of the options, from now on; where they hold more, views give way with their next
 * call. Any thread.
 */
void spk_store_bound_cache(struct spk_store *store, size_t bytes);
size_t spk_store_cache_bound(const struct spk_store *store);
size_t spk_store_cached(const struct spk_store *store);

/* Writes all dirty entries of all views to RocksDB. No view may be in use meanwhile (also for snapshot). Values got before are no
 * longer valid. After a failure it can be called again. */
spk_status spk_store_flush(struct spk_store *store, spk_error *err);
/*
 * Makes a RocksDB checkpoint (hard links) in the new directory `dir` (its parent must exist), and beside it an image of the dirty cells, which
 * stay dirty; now and then, and when they are many, they are flushed instead.
 */
spk_status spk_store_snapshot(struct spk_store *store, const char *dir, spk_error *err);
/* Bytes of all data by RocksDB's estimate, plus caches. */
int64_t spk_store_bytes(const struct spk_store *store);

#endif
