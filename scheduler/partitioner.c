/* The two ways rows are spread over the tasks of the next stage. */
#include "core/base/check.h"
#include "core/columnar/hash.h"
#include "scheduler/spi.h"

static void hash_assign(const struct spk_partitioner *p, const struct spk_batch *batch, const uint64_t *hash, int32_t *to)
{
	int32_t owner[SPK_SHARDS];

	SPK_ASSERT(hash, "the hash partitioner needs hashes");
	SPK_ASSERT(p->partitions >= 1 && p->partitions <= SPK_SHARDS, "every task owns a shard at least");
	for (int shard = 0; shard < SPK_SHARDS; shard++)
		owner[shard] = spk_shard_task(spk_shard_id(shard), p->partitions);
	for (int i = 0; i < batch->selected; i++)
		to[i] = owner[spk_shard_of(hash[i]).value];
}

const struct spk_partitioner_type spk_hash_partitioner = { .name = "hash", .assign = hash_assign };

static void single_assign(const struct spk_partitioner *p, const struct spk_batch *batch, const uint64_t *hash, int32_t *to)
{
	(void)p;
	(void)hash;
	memset(to, 0, (size_t)batch->selected * sizeof(*to));
}

const struct spk_partitioner_type spk_single_partitioner = { .name = "single", .assign = single_assign };
