/*
 * Hashing of rows, a column at a time. The hash of a row is computed once and carried: to the exchange (shard = hash >> 58),
 * to hash tables (low bits) and to state. Equal values of a type hash equal whatever the vector's layout, -0.0 as 0.0,
 * all NaNs alike, numerics by value (1.0 as 1.00), intervals by span (1 month as 30 days), NULL as a fixed constant. Integers
 * and times of all widths hash alike, so do real and double. Stable for ever: shards depend on it.
 */
#ifndef SPK_CORE_COLUMNAR_HASH_H
#define SPK_CORE_COLUMNAR_HASH_H

#include "core/base/ids.h"
#include "core/columnar/batch.h"

/* hash[i] for the i-th of n rows sel[0..n) (NULL: rows 0..n), dense by i. */
void spk_hash_column(const struct spk_vector *v, const int32_t *sel, int n, uint64_t *hash);
/* hash[i] = combine(hash[i], row's value). */
void spk_hash_column_more(const struct spk_vector *v, const int32_t *sel, int n, uint64_t *hash);
/* Over columns `key[0..keys)` of the batch's selected rows. */
void spk_hash_columns(const struct spk_batch *batch, const int *key, int keys, uint64_t *hash);
/* As a text column's value of these bytes. */
uint64_t spk_hash_bytes(const void *data, size_t size);
static inline struct spk_shard_id spk_shard_of(uint64_t hash) { return (struct spk_shard_id){ (int32_t)(hash >> 58) }; }
/* A hash that lies in the shard. */
static inline uint64_t spk_shard_hash(int shard) { return (uint64_t)shard << 58; }
/* The shards of task `task` of `tasks`: [first, end). Empty for some when there are more tasks than shards. */
void spk_shard_range(int task, int tasks, int *first, int *end);
/* Which of `tasks` tasks owns the shard. */
int spk_shard_task(struct spk_shard_id shard, int tasks);

#endif
