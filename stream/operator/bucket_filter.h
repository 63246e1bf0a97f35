/*
 * Which keys a bucketed table surely has nothing of, by bucket: a key that was never put there is told without a look at the table, but for one in fifty.
 *
 * Each bucket has a filter of its keys' hashes (core/columnar/hash_filter.h). It lives in memory alone, so of buckets that were there before all keys may be in the table;
 * so also when there is no memory for a filter.
 */
#ifndef SPK_STREAM_OPERATOR_BUCKET_FILTER_H
#define SPK_STREAM_OPERATOR_BUCKET_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "sparklet/status.h"

struct spk_memory_account;
struct spk_bucket_keys;

/* Zero-initialised with an account it says of every bucket that nothing is there. Of one thread. */
struct spk_bucket_filter {
	struct spk_memory_account *account;
	struct spk_bucket_keys *at;      /* ascending */
	int n, capacity;
};

/* Of keys that are there nobody has said anything. */
spk_status spk_bucket_filter_unknown(struct spk_bucket_filter *f, int64_t bucket, spk_error *err);
spk_status spk_bucket_filter_add(struct spk_bucket_filter *f, int64_t bucket, uint64_t hash, spk_error *err);
bool spk_bucket_filter_may(const struct spk_bucket_filter *f, int64_t bucket, uint64_t hash);
/* The bucket is gone. */
void spk_bucket_filter_drop(struct spk_bucket_filter *f, int64_t bucket);
void spk_bucket_filter_release(struct spk_bucket_filter *f);

#endif
