#include "core/base/memory.h"

#include <stdio.h>

#include "core/base/check.h"
#include "core/base/fault.h"
#include "tests/core/base/threads.h"

/* Sanitizers end the program at a malloc that cannot be; here it must come back with NULL as it does without them. */
__attribute__((visibility("default"))) const char *__asan_default_options(void);
__attribute__((visibility("default"))) const char *__tsan_default_options(void);

const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

const char *__tsan_default_options(void)
{
	return "allocator_may_return_null=1";
}

static const size_t default_limit = (size_t)1 << 30;

static void accounts_are_found_again(void)
{
	struct spk_memory_account *a = spk_memory_account("a");

	CHECK(a != NULL && a == spk_memory_account("a"));
	CHECK(a != spk_memory_account("b"));
	CHECK(spk_memory_account("other") != a);
	CHECK_EQ_INT(spk_memory_account_used(a), 0);
}

static void reserve_and_give_back(void)
{
	struct spk_memory_account *a = spk_memory_account("a");
	size_t before = spk_memory_used();
	spk_error err = { 0 };

	CHECK_OK(spk_memory_reserve(a, 1000, &err), err);
	CHECK_OK(spk_memory_reserve(NULL, 10, &err), err);
	CHECK_EQ_INT(spk_memory_used(), before + 1010);
	CHECK_EQ_INT(spk_memory_account_used(a), 1000);
	CHECK(spk_memory_account_used(NULL) >= 10);
	CHECK(spk_memory_peak() >= before + 1010);
	spk_memory_unreserve(a, 1000);
	spk_memory_unreserve(NULL, 10);
	CHECK_EQ_INT(spk_memory_used(), before);
	CHECK(spk_memory_peak() >= before + 1010);
	CHECK(spk_memory_take_peak() >= before + 1010);
	CHECK_EQ_INT(spk_memory_take_peak(), before);
	spk_memory_peak_restart();
	CHECK_EQ_INT(spk_memory_peak(), before);
}

static void limit_names_the_largest(void)
{
	static const char *const names[] = { "tiny", "small", "middle", "large" };
	size_t base = spk_memory_used();
	spk_error err = { 0 };

	spk_memory_set_limit(base + 1000);
	CHECK_EQ_INT(spk_memory_limit(), base + 1000);
	for (size_t i = 0; i < 4; i++)
		CHECK_OK(spk_memory_reserve(spk_memory_account(names[i]), 100 * (i + 1), &err), err);
	CHECK_FAILS(spk_memory_reserve(spk_memory_account("tiny"), 1, &err), SPK_MEMORY_LIMIT, err);
	CHECK_HOLDS(err.message, "tiny asks for 1 bytes");
	CHECK_HOLDS(err.message, "large 400, middle 300, small 200");
	CHECK(!strstr(err.message, "tiny 100"));
	CHECK_HOLDS(err.hint, "-s memory.limit=");
	CHECK(err.retriable);
	CHECK_FAILS(spk_memory_reserve(NULL, SIZE_MAX, &err), SPK_MEMORY_LIMIT, err);
	CHECK_EQ_INT(spk_memory_used(), base + 1000);
	/* A limit lowered under what is in use refuses all and breaks nothing. */
	spk_memory_set_limit(1);
	CHECK_EQ_INT(spk_memory_reserve(NULL, 1, NULL), SPK_MEMORY_LIMIT);
	for (size_t i = 0; i < 4; i++)
		spk_memory_unreserve(spk_memory_account(names[i]), 100 * (i + 1));
	CHECK_EQ_INT(spk_memory_used(), base);
	spk_memory_set_limit(default_limit);
}

static void pressure(void)
{
	size_t base = spk_memory_used();

	spk_memory_set_limit((base + 1000) * 10);
	CHECK_EQ_INT(spk_memory_reserve(NULL, (base + 1000) * 5, NULL), SPK_OK);
	CHECK(spk_memory_pressure(40));
	CHECK(!spk_memory_pressure(70));
	spk_memory_unreserve(NULL, (base + 1000) * 5);
	spk_memory_set_limit(default_limit);
}

struct seen { char names[512]; size_t last; bool sorted; };

static void note(const char *name, size_t bytes, void *user)
{
	struct seen *s = user;
	size_t at = strlen(s->names);

	s->sorted = s->sorted && bytes <= s->last && bytes > 0;
	s->last = bytes;
	snprintf(s->names + at, sizeof(s->names) - at, "%s=%zu;", name, bytes);
}

static void each_is_sorted(void)
{
	struct seen seen = { .last = SIZE_MAX, .sorted = true };

	spk_memory_reserve(spk_memory_account("each.x"), 5, NULL);
	spk_memory_reserve(spk_memory_account("each.y"), 50, NULL);
	spk_memory_account("each.none");
	spk_memory_each(note, &seen);
	CHECK(seen.sorted);
	CHECK_HOLDS(seen.names, "each.y=50;");
	CHECK_HOLDS(seen.names, "each.x=5;");
	CHECK(!strstr(seen.names, "each.none"));
	spk_memory_unreserve(spk_memory_account("each.x"), 5);
	spk_memory_unreserve(spk_memory_account("each.y"), 50);
}

static void malloc_family_counts(void)
{
	struct spk_memory_account *a = spk_memory_account("family");
	char *p = spk_malloc(a, 100), *q = spk_calloc(a, 50), *none = spk_malloc(a, 0);

	REQUIRE(p && q && none);
	CHECK_EQ_INT(spk_memory_account_used(a), 150);
	for (int i = 0; i < 50; i++)
		CHECK_EQ_INT(q[i], 0);
	memset(p, 'x', 100);
	p = spk_realloc(a, p, 100, 400);
	REQUIRE(p != NULL);
	CHECK(p[0] == 'x' && p[99] == 'x');
	CHECK_EQ_INT(spk_memory_account_used(a), 450);
	p = spk_realloc(a, p, 400, 10);
	CHECK_EQ_INT(spk_memory_account_used(a), 60);
	spk_free(a, p, 10);
	spk_free(a, q, 50);
	spk_free(a, none, 0);
	spk_free(a, NULL, 77);
	CHECK_EQ_INT(spk_memory_account_used(a), 0);
}

/* NULL says nothing about why; the error made of it must. */
static void null_becomes_the_right_error(void)
{
	size_t base = spk_memory_used();
	spk_error err = { 0 };
	void *p;

	spk_memory_set_limit(base + 100);
	CHECK(!spk_malloc(spk_memory_account("asker"), 200));
	CHECK_EQ_INT(spk_fail_memory(&err), SPK_MEMORY_LIMIT);
	CHECK_HOLDS(err.message, "asker asks for 200 bytes");
	CHECK_EQ_INT(spk_fail_memory(&err), SPK_NO_MEMORY);
	CHECK(!spk_calloc(NULL, 200));
	CHECK(!spk_realloc(NULL, NULL, 0, 200));
	/* Several are often looked at together: that one succeeds hides no refusal. */
	p = spk_malloc(NULL, 10);
	CHECK_EQ_INT(spk_fail_memory(&err), SPK_MEMORY_LIMIT);
	CHECK_EQ_INT(spk_fail_memory(&err), SPK_NO_MEMORY);
	/* A refused growth leaves the old block as it was. */
	CHECK(!spk_realloc(NULL, p, 10, 1000));
	spk_free(NULL, p, 10);
	CHECK_EQ_INT(spk_memory_used(), base);
	spk_memory_set_limit(SIZE_MAX);
	CHECK(!spk_malloc(NULL, SIZE_MAX / 2));
	CHECK_EQ_INT(spk_fail_memory(&err), SPK_NO_MEMORY);
	CHECK(!spk_calloc(NULL, SIZE_MAX / 2));
	CHECK_EQ_INT(spk_memory_used(), base);
	spk_memory_set_limit(default_limit);
}

static void fault_point(void)
{
	spk_error err = { 0 };
	size_t base = spk_memory_used();

	REQUIRE_OK(spk_fault_set("malloc:2", &err), err);
	CHECK_EQ_INT(spk_memory_reserve(NULL, 1, &err), SPK_OK);
	CHECK_FAILS(spk_memory_reserve(NULL, 1, &err), SPK_NO_MEMORY, err);
	CHECK_EQ_INT(spk_memory_reserve(NULL, 1, &err), SPK_OK);
	spk_fault_set(NULL, NULL);
	spk_memory_unreserve(NULL, 2);
	CHECK_EQ_INT(spk_memory_used(), base);
}

static _Atomic long over_limit;

static void *reserve_much(void *index)
{
	struct spk_memory_account *a = spk_memory_account((intptr_t)index % 2 ? "odd" : "even");

	for (int i = 0; i < 20000; i++) {
		size_t bytes = (size_t)(i % 7 + 1) * 10;

		if (spk_memory_reserve(a, bytes, NULL))
			continue;
		over_limit += spk_memory_used() > spk_memory_limit();
		spk_memory_unreserve(a, bytes);
	}
	return NULL;
}

static void threads_stay_exact(void)
{
	size_t base = spk_memory_used();

	spk_memory_set_limit(base + 120);
	run_threads(reserve_much);
	CHECK_EQ_INT(over_limit, 0);
	CHECK_EQ_INT(spk_memory_used(), base);
	CHECK_EQ_INT(spk_memory_account_used(spk_memory_account("odd")), 0);
	CHECK_EQ_INT(spk_memory_account_used(spk_memory_account("even")), 0);
	spk_memory_set_limit(default_limit);
}

static struct spk_memory_account *found[THREADS][16];

static void *find_accounts(void *index)
{
	for (int i = 0; i < 16; i++) {
		char name[16];

		snprintf(name, sizeof(name), "shared.%d", i);
		found[(intptr_t)index][i] = spk_memory_account(name);
	}
	return NULL;
}

static void threads_find_the_same_accounts(void)
{
	run_threads(find_accounts);
	for (int t = 1; t < THREADS; t++)
		CHECK_EQ_MEM(found[t], found[0], sizeof(found[0]));
}

/* Last: it uses up the table. */
static void too_many_accounts_are_other(void)
{
	char name[64];

	for (int i = 0; i < SPK_MEMORY_ACCOUNTS_MAX; i++) {
		snprintf(name, sizeof(name), "one of many %d", i);
		CHECK(spk_memory_account(name) != NULL);
	}
	CHECK(spk_memory_account("one too many") == spk_memory_account("other"));
	CHECK(spk_memory_account("a") != spk_memory_account("other"));
}

SPK_TEST_SUITE("memory",
	{"accounts are found again", accounts_are_found_again},
	{"reserve and give back", reserve_and_give_back},
	{"a refusal names the largest accounts", limit_names_the_largest},
	{"pressure", pressure},
	{"each is sorted", each_is_sorted},
	{"the malloc family counts", malloc_family_counts},
	{"NULL becomes the right error", null_becomes_the_right_error},
	{"fault point", fault_point},
	{"threads stay exact", threads_stay_exact},
	{"threads find the same accounts", threads_find_the_same_accounts},
	{"too many accounts are other", too_many_accounts_are_other})
