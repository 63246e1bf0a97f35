#include "core/base/arena.h"

#include <stdio.h>

#include "core/base/fault.h"
#include "core/base/memory.h"
#include "tests/core/base/threads.h"

static size_t used(void)
{
	return spk_memory_account_used(spk_memory_account("arena test"));
}

static struct spk_arena *fresh(void)
{
	struct spk_arena *arena = spk_arena_new(spk_memory_account("arena test"));

	REQUIRE(arena != NULL);
	return arena;
}

static void tiny_is_cheap(void)
{
	struct spk_arena *arena = fresh();

	CHECK(spk_arena_bytes(arena) <= 1024);
	CHECK(spk_arena_alloc(arena, 500) != NULL);
	CHECK(spk_arena_bytes(arena) <= 1024);
	CHECK_EQ_INT(used(), spk_arena_bytes(arena));
	spk_arena_unref(arena);
	CHECK_EQ_INT(used(), 0);
	spk_arena_unref(NULL);
}

static void alignment(void)
{
	struct spk_arena *arena = fresh();

	for (size_t size = 0; size < 3000; size += 13) {
		char *p = spk_arena_alloc(arena, size), *v = spk_arena_alloc_vector(arena, size);

		REQUIRE(p && v);
		if ((uintptr_t)p % 16 || (uintptr_t)v % 64)
			CU_FAIL("not aligned");
		/* The padding behind a vector may be touched. */
		memset(v, 1, (size + 63) / 64 * 64 + 64);
	}
	spk_arena_unref(arena);
}

/* Two full vectors of int64 or one of string views must share one chunk; that is what its size was chosen for. */
static void full_batches_fit(void)
{
	struct spk_arena *arena = fresh();
	size_t one;

	CHECK(spk_arena_alloc_vector(arena, 4096 * 16) != NULL);
	one = spk_arena_bytes(arena);
	CHECK(spk_arena_alloc_vector(arena, 4096 * 8) != NULL);
	CHECK(spk_arena_alloc_vector(arena, 4096 * 8) != NULL);
	CHECK_EQ_INT(spk_arena_bytes(arena) - one, one - 1024);
	spk_arena_unref(arena);
}

static void helpers(void)
{
	struct spk_arena *arena = fresh();
	const int *zeros = SPK_NEW_ARRAY(arena, int, 100);
	const char *text = spk_arena_strdup(arena, "text");

	REQUIRE(zeros && text);
	for (int i = 0; i < 100; i++)
		CHECK_EQ_INT(zeros[i], 0);
	CHECK_EQ_STR(text, "text");
	CHECK_EQ_STR(spk_arena_strndup(arena, "text", 2), "te");
	CHECK_EQ_STR(spk_arena_strndup(arena, "text", 20), "text");
	CHECK_EQ_STR(spk_arena_printf(arena, "%d %s", 5, "five"), "5 five");
	CHECK_EQ_MEM(spk_arena_copy(arena, "\0x", 2), "\0x", 2);
	CHECK(spk_arena_copy(arena, NULL, 0) != NULL);
	CHECK(SPK_NEW(arena, struct spk_memory_account *) != NULL);
	spk_arena_unref(arena);
}

static void absurd_sizes_are_refused(void)
{
	struct spk_arena *arena = fresh();

	CHECK(!spk_arena_alloc(arena, SIZE_MAX));
	CHECK(!spk_arena_alloc(arena, SIZE_MAX - 15));
	CHECK(!spk_arena_alloc(arena, SIZE_MAX / 2));
	CHECK(!spk_arena_alloc_vector(arena, SIZE_MAX - 63));
	CHECK(!spk_arena_zalloc_array(arena, 16, SIZE_MAX / 8));
	CHECK(!SPK_NEW_ARRAY(arena, int64_t, -1));
	CHECK(spk_arena_alloc(arena, 1) != NULL);
	spk_arena_unref(arena);
	CHECK_EQ_INT(used(), 0);
}

static void large_block_keeps_the_chunk(void)
{
	struct spk_arena *arena = fresh();
	char *a = spk_arena_alloc(arena, 64), *b;

	CHECK(spk_arena_alloc(arena, (1 << 20) - 64) != NULL);
	b = spk_arena_alloc(arena, 64);
	CHECK(b > a && b - a <= 128);
	spk_arena_unref(arena);
}

/* Large blocks come in steps; what is left of one is used. */
static void rest_of_a_large_block(void)
{
	struct spk_arena *arena = fresh();
	size_t before;

	for (size_t size = 70000; size < 6000000; size += size / 3) {
		before = spk_arena_bytes(arena);
		memset(spk_arena_alloc(arena, size), 1, size);
		CHECK(spk_arena_bytes(arena) - before >= size || before > 1024);
		CHECK(spk_arena_bytes(arena) - before <= size + size / 4 + 4096);
	}
	before = spk_arena_bytes(arena);
	memset(spk_arena_alloc(arena, 20000), 1, 20000);
	CHECK_EQ_INT(spk_arena_bytes(arena), before);
	spk_arena_unref(arena);
	CHECK_EQ_INT(used(), 0);
}

static void clear_gives_back(void)
{
	struct spk_arena *arena = fresh(), *held = fresh();
	spk_error err = { 0 };

	REQUIRE_OK(spk_arena_hold(arena, held, &err), err);
	spk_arena_unref(held);
	for (int i = 0; i < 100; i++)
		spk_arena_zalloc(arena, 10000);
	CHECK(used() > 1000000);
	spk_arena_clear(arena);
	CHECK_EQ_INT(spk_arena_bytes(arena), 1024);
	CHECK_EQ_INT(used(), 1024);
	CHECK(spk_arena_zalloc(arena, 100000) != NULL);
	spk_arena_unref(arena);
	CHECK_EQ_INT(used(), 0);
}

static void holding_keeps_alive(void)
{
	struct spk_arena *first = fresh(), *second = fresh(), *third = fresh();
	char *text = spk_arena_strdup(first, "still here");
	size_t one = spk_arena_bytes(first);
	spk_error err = { 0 };

	REQUIRE_OK(spk_arena_hold(second, first, &err), err);
	REQUIRE_OK(spk_arena_hold(second, first, &err), err);
	REQUIRE_OK(spk_arena_hold(third, second, &err), err);
	REQUIRE_OK(spk_arena_hold(third, NULL, &err), err);
	REQUIRE_OK(spk_arena_hold(third, third, &err), err);
	spk_arena_unref(first);
	spk_arena_unref(second);
	CHECK_EQ_STR(text, "still here");
	CHECK_EQ_INT(used(), 3 * one);
	spk_arena_unref(spk_arena_ref(third));
	CHECK_EQ_INT(used(), 3 * one);
	spk_arena_unref(third);
	CHECK_EQ_INT(used(), 0);
}

/* As long as a stream is: recursion would run out of stack. */
static void long_chains_unwind(void)
{
	struct spk_arena *last = fresh();
	spk_error err = { 0 };

	for (int i = 0; i < 100000; i++) {
		struct spk_arena *next = fresh();

		REQUIRE_OK(spk_arena_hold(next, last, &err), err);
		spk_arena_unref(last);
		last = next;
	}
	spk_arena_unref(last);
	CHECK_EQ_INT(used(), 0);
}

static void budget_and_faults(void)
{
	size_t limit = spk_memory_limit();
	struct spk_arena *arena = fresh();
	spk_error err = { 0 };

	spk_memory_set_limit(spk_memory_used() + 100 * 1000);
	CHECK(spk_arena_alloc(arena, 20000) != NULL);
	CHECK(!spk_arena_alloc(arena, 100000));
	CHECK(spk_arena_alloc(arena, 20000) != NULL);
	spk_memory_set_limit(limit);
	REQUIRE_OK(spk_fault_set("malloc:1+", &err), err);
	CHECK(!spk_arena_alloc(arena, 100000));
	CHECK(!spk_arena_zalloc(arena, 100000));
	CHECK(!spk_arena_alloc_vector(arena, 100000));
	CHECK(!spk_arena_new(NULL));
	spk_fault_set(NULL, NULL);
	spk_arena_unref(arena);
	CHECK_EQ_INT(used(), 0);
}

/* Every allocation of a random history keeps its own bytes to the end. */
enum { BLOCKS = 400 };

static void random_histories(void)
{
	spk_test_rng rng = spk_test_rng_new(1);
	int rounds = spk_test_long() ? 2000 : 100;

	for (int round = 0; round < rounds; round++) {
		struct spk_arena *arena = fresh();
		struct { unsigned char *data; size_t size; } block[BLOCKS];
		int count = (int)spk_test_below(&rng, BLOCKS) + 1, wrong = 0;

		for (int i = 0; i < count; i++) {
			size_t bound = spk_test_one_in(&rng, 20) ? 200000 : spk_test_one_in(&rng, 4) ? 9000 : 100;

			block[i].size = spk_test_below(&rng, bound);
			block[i].data = spk_test_one_in(&rng, 3) ? spk_arena_alloc_vector(arena, block[i].size)
			                                         : spk_arena_alloc(arena, block[i].size);
			REQUIRE(block[i].data != NULL);
			memset(block[i].data, i & 0xff, block[i].size);
		}
		for (int i = 0; i < count; i++) {
			for (size_t j = 0; j < block[i].size; j++)
				wrong += block[i].data[j] != (i & 0xff);
		}
		CHECK_EQ_INT(wrong, 0);
		CHECK_EQ_INT(used(), spk_arena_bytes(arena));
		spk_arena_unref(arena);
	}
	CHECK_EQ_INT(used(), 0);
}

static struct spk_arena *shared;
static _Atomic long wrong_texts;

static void *use_shared(void *index)
{
	for (int i = 0; i < 2000; i++) {
		struct spk_arena *own = spk_arena_new(spk_memory_account("arena test"));
		char *text;

		if (!own || spk_arena_hold(own, shared, NULL)) {
			wrong_texts++;
			continue;
		}
		text = spk_arena_printf(own, "%d of %d", i, (int)(intptr_t)index);
		spk_arena_alloc(own, 70000);
		wrong_texts += !text || atoi(text) != i;
		spk_arena_unref(own);
	}
	spk_arena_unref(shared);
	return NULL;
}

/* Whoever comes last frees it; what the maker wrote is seen by all. */
static void threads_share(void)
{
	shared = fresh();
	for (int i = 0; i < THREADS; i++)
		spk_arena_ref(shared);
	spk_arena_unref(shared);
	run_threads(use_shared);
	CHECK_EQ_INT(wrong_texts, 0);
	CHECK_EQ_INT(used(), 0);
}

SPK_TEST_SUITE("arena",
	{"tiny is cheap", tiny_is_cheap},
	{"alignment", alignment},
	{"full batches fit", full_batches_fit},
	{"helpers", helpers},
	{"absurd sizes are refused", absurd_sizes_are_refused},
	{"a large block keeps the chunk", large_block_keeps_the_chunk}, {"the rest of a large block is used", rest_of_a_large_block},
	{"clear gives back", clear_gives_back},
	{"holding keeps alive", holding_keeps_alive},
	{"long chains unwind", long_chains_unwind},
	{"budget and faults", budget_and_faults},
	{"random histories", random_histories},
	{"threads share", threads_share})
