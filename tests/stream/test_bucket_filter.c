/* Filters of buckets: what was put there is never missed; buckets go, are unknown. */
#include "core/columnar/hash.h"
#include "stream/operator/bucket_filter.h"
#include "tests/support/test.h"

/* Hashes as those of one view are: of one shard. */
static uint64_t hash_of(int64_t key) { return spk_hash_bytes(&key, sizeof key) >> 6 | (uint64_t)5 << 58; }

static int taken_for_there(const struct spk_bucket_filter *f, int64_t bucket, int64_t from, int n)
{
	int found = 0;

	for (int64_t key = from; key < from + n; key++)
		found += spk_bucket_filter_may(f, bucket, hash_of(key));
	return found;
}

static void put(struct spk_bucket_filter *f, int64_t bucket, int64_t from, int n)
{
	spk_error err;

	for (int64_t key = from; key < from + n; key++)
		REQUIRE_OK(spk_bucket_filter_add(f, bucket, hash_of(key), &err), err);
}

static void buckets(void)
{
	spk_test_rng rng = spk_test_rng_new(73);
	struct spk_bucket_filter f = { 0 };
	bool there[50] = { false };
	spk_error err;

	for (int i = 0; i < 2000; i++) {
		const int64_t bucket = (int64_t)spk_test_below(&rng, SPK_COUNT_OF(there));

		if (spk_test_one_in(&rng, 3)) {
			spk_bucket_filter_drop(&f, bucket);
			there[bucket] = false;
		} else {
			put(&f, bucket, 1000 * bucket, 30);
			there[bucket] = true;
		}
		for (size_t b = 0; b < SPK_COUNT_OF(there); b++)
			CHECK_EQ_INT(taken_for_there(&f, (int64_t)b, 1000 * (int64_t)b, 30), there[b] ? 30 : 0);
	}
	REQUIRE_OK(spk_bucket_filter_unknown(&f, 7, &err), err);
	CHECK_EQ_INT(taken_for_there(&f, 7, 1 << 20, 100), 100);
	put(&f, 7, 0, 10);
	spk_bucket_filter_drop(&f, 7);
	CHECK_EQ_INT(taken_for_there(&f, 7, 0, 10), 0);
	spk_bucket_filter_release(&f);
}

SPK_TEST_SUITE("filters of buckets", { "come and go", buckets })
