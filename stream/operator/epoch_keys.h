/*
 * The keys that an epoch's rows have: numbered as they come, each with the bucket that its state lies in, where there are windows.
 */
#ifndef SPK_STREAM_OPERATOR_EPOCH_KEYS_H
#define SPK_STREAM_OPERATOR_EPOCH_KEYS_H

#include "batch/operator/operator.h"
#include "core/columnar/keymap.h"
#include "stream/operator/delta_rows.h"

struct spk_epoch_keys {
	struct spk_key_column *column;
	struct spk_keymap map;
	struct spk_buffer buckets;       /* int64_t by key: the end of its window */
	struct spk_row_keys encoded;     /* scratch */
};

/* By the operator's plan->key, whose columns lie in `arena`; bucketed by its window when it has one. */
spk_status spk_epoch_keys_init(struct spk_epoch_keys *k, const struct spk_op *op, struct spk_arena *arena, spk_error *err);
void spk_epoch_keys_clear(struct spk_epoch_keys *k);
void spk_epoch_keys_release(struct spk_epoch_keys *k);
/* number[i]: of the i-th selected row's key. */
spk_status spk_epoch_keys_put(struct spk_epoch_keys *k, const struct spk_op *op, const struct spk_batch *in, uint32_t *number, spk_error *err);
/* The same, and adds the rows, whole, to `delta` by these numbers. */
spk_status spk_epoch_keys_fold(struct spk_epoch_keys *k, const struct spk_op *op, const struct spk_batch *in, struct spk_delta_rows *delta, uint32_t *number, spk_error *err);

/* Behind it, where rows of a key are of several windows: its bucket is the least of their ends. */
void spk_epoch_keys_least_bucket(struct spk_epoch_keys *k, const struct spk_op *op, const struct spk_batch *in, const uint32_t *number);

static inline const char *spk_epoch_key(const struct spk_epoch_keys *k, uint32_t number, uint32_t *size) { return spk_keymap_key(&k->map, number, size); }
static inline uint64_t spk_epoch_key_hash(const struct spk_epoch_keys *k, uint32_t number) { return k->map.hash[number]; }
/* 0 where there are none. */
static inline int64_t spk_epoch_key_bucket(const struct spk_epoch_keys *k, uint32_t number)
{
	return k->buckets.size ? ((const int64_t *)(const void *)k->buckets.data)[number] : 0;
}

#endif
