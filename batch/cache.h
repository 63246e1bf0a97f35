/*
 * Relations kept for later: persisted frames, imported Arrow streams. A relation has partitions, each a sequence of batches, which lie in
 * memory or in spill space; it is read like any table, through a source (connector 'rows').
 *
 *   fill   spk_cached_begin, then per partition spk_cached_add (any thread, one per partition), then spk_cached_finish
 *   read   spk_cached_pin (fails when it is not complete), a scan of spk_cached_table's table, spk_cached_unpin
 *
 * All relations of a session share a bound of bytes in memory, and give it back when operators are short of it (spk_cache_reclaim). The relation
 * that was used the longest ago and is not pinned gives way first: to disk, or, kept in memory only, it is dropped and has to be computed
 * again by whoever asks for it. What is pinned or being filled goes to disk at every level, if nothing else is left: a relation that is
 * asked for is there. Readers do not notice. Evictions are counted (metric cache_evictions_total) and logged at level debug.
 *
 * Threads: any, but for filling as said.
 */
#ifndef SPK_BATCH_CACHE_H
#define SPK_BATCH_CACHE_H

#include "connectors/connector.h"
#include "planner/logical/logical.h"

struct spk_cache;
struct spk_cached;

/* X(ID, "name") */
#define SPK_CACHE_LEVEL_LIST(X) \
	X(MEMORY, "memory") \
	X(DISK, "disk") \
	X(BOTH, "memory and disk")

enum spk_cache_level {
#define SPK_CACHE_LEVEL_ENUM(id, name) SPK_CACHE_##id,
	SPK_CACHE_LEVEL_LIST(SPK_CACHE_LEVEL_ENUM)
#undef SPK_CACHE_LEVEL_ENUM
};

/* bytes: in memory at the most, over all relations. directory: of spill space, as for spk_spill_area_new. */
spk_status spk_cache_new(struct spk_cache **out, const char *directory, size_t bytes, spk_error *err);
/* After all of its relations were released. NULL is fine. */
void spk_cache_free(struct spk_cache *cache);

/* Takes so many bytes of memory from relations, if they have them; returns how many. Any thread that holds no lock of the cache. */
size_t spk_cache_reclaim(struct spk_cache *cache, size_t bytes);

/* An empty relation with one reference. The schema is borrowed: it must outlive it. plan: what computes it, for whoever fills it; may be NULL. */
spk_status spk_cached_new(struct spk_cached **out, struct spk_cache *cache, const struct spk_schema *schema, enum spk_cache_level level, const struct spk_logical *plan, spk_error *err);
void spk_cached_unref(struct spk_cached *c);  /* NULL is fine */
const struct spk_logical *spk_cached_plan(const struct spk_cached *c);
/* A table over it, in `arena`. */
spk_status spk_cached_table(struct spk_cached *c, const char *name, struct spk_arena *arena, struct spk_table **out, spk_error *err);

/* Drops what is there, and makes room for so many partitions. */
spk_status spk_cached_begin(struct spk_cached *c, int partitions, spk_error *err);
/* Forgets what an earlier attempt at the partition added. */
void spk_cached_restart(struct spk_cached *c, int partition);
/* Keeps a copy of the batch's selected rows. */
spk_status spk_cached_add(struct spk_cached *c, int partition, struct spk_batch *batch, spk_error *err);
void spk_cached_finish(struct spk_cached *c);
/* Drops its rows, whether or not they are pinned later. */
void spk_cached_drop(struct spk_cached *c);

/* True and held where it is when it is complete. */
bool spk_cached_pin(struct spk_cached *c);
void spk_cached_unpin(struct spk_cached *c);
int64_t spk_cached_rows(const struct spk_cached *c);
/* When it gave way last: the cache's how many-th eviction that was; 0: it never did. */
int64_t spk_cached_evicted(const struct spk_cached *c);
/* Bytes in memory, on disk. */
void spk_cached_bytes(const struct spk_cached *c, size_t *memory, int64_t *disk);

/* Not in the list of connectors: nobody can write 'connector' = 'rows'. */
extern const struct spk_source_type spk_rows_source;

#endif
