/* Filters of hashes: what was added is never missed, of what was not little is taken for added; unknown ones and those without memory say yes to all. */
#include "core/base/fault.h"
#include "core/base/memory.h"
#include "core/columnar/hash.h"
#include "core/columnar/hash_filter.h"
#include "tests/support/test.h"

/* Hashes as those of one task are: of one shard. */
static uint64_t hash_of(int64_t key) { return spk_hash_bytes(&key, sizeof key) >> 6 | (uint64_t)5 << 58; }

static int taken_for_added(const struct spk_hash_filter *f, int64_t from, int n)
{
	int found = 0;

	for (int64_t key = from; key < from + n; key++)
		found += spk_hash_filter_may(f, hash_of(key));
	return found;
}

static void add(struct spk_hash_filter *f, int64_t from, int n)
{
	for (int64_t key = from; key < from + n; key++)
		spk_hash_filter_add(f, hash_of(key));
}

static void few_and_many(void)
{
	static const int sizes[] = { 0, 1, 7, 31, 32, 33, 159, 161, 5000, 200000 };

	for (size_t i = 0; i < SPK_COUNT_OF(sizes); i++) {
		struct spk_hash_filter f = { 0 };

		add(&f, 0, sizes[i]);
		add(&f, 0, sizes[i]);
		CHECK_EQ_INT(taken_for_added(&f, 0, sizes[i]), sizes[i]);
		CHECK(taken_for_added(&f, 1 << 20, 10000) < 300);
		CHECK(sizes[i] || taken_for_added(&f, 1 << 20, 10000) == 0);
		spk_hash_filter_release(&f);
		CHECK_EQ_INT(taken_for_added(&f, 0, 1000), 0);
	}
}

static void says_yes_when_it_cannot_know(void)
{
	struct spk_memory_account *account = spk_memory_account("test filter");
	struct spk_hash_filter f = { .account = account };
	spk_error err = { 0 };

	add(&f, 0, 100);
	CHECK(spk_memory_account_used(account) > 0);
	spk_hash_filter_unknown(&f);
	add(&f, 0, 100000);
	CHECK_EQ_INT(taken_for_added(&f, 1 << 20, 1000), 1000);
	CHECK_EQ_INT((int)spk_memory_account_used(account), 0);
	spk_hash_filter_release(&f);
	add(&f, 0, 100);
	REQUIRE_OK(spk_fault_set("malloc:1+", &err), err);
	add(&f, 100, 1000);
	REQUIRE_OK(spk_fault_set(NULL, &err), err);
	CHECK_EQ_INT(taken_for_added(&f, 0, 2000), 2000);
	CHECK_EQ_INT((int)spk_memory_account_used(account), 0);
}

/* There are many of few hashes, and those of many leave room for others. */
static void take_little(void)
{
	struct spk_memory_account *account = spk_memory_account("test filter");
	struct spk_hash_filter f = { .account = account };
	const size_t limit = spk_memory_limit();

	add(&f, 0, 1);
	CHECK_EQ_INT((int)spk_memory_account_used(account), 64);
	spk_memory_set_limit(1 << 20);
	add(&f, 0, 20000);
	CHECK(spk_memory_account_used(account) > 0);
	CHECK(taken_for_added(&f, 1 << 20, 1000) < 30);
	add(&f, 0, 1000000);
	spk_memory_set_limit(limit);
	CHECK_EQ_INT((int)spk_memory_account_used(account), 0);
	CHECK_EQ_INT(taken_for_added(&f, 1 << 20, 1000), 1000);
	spk_hash_filter_release(&f);
}

SPK_TEST_SUITE("filters of hashes", { "miss nothing", few_and_many }, { "say yes when they cannot know", says_yes_when_it_cannot_know },
	{ "take little", take_little })
