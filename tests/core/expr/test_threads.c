/* Trees, compiled patterns and time zones are shared by threads: several evaluate the same ones at once, for TSan to watch. */
#include <pthread.h>

#include "tests/core/expr/mini.h"
#include "tests/support/test.h"

enum { THREADS = 4, ROUNDS = 200, CASES = 6 };

static const char *const cases[CASES] = {
	"regexp_replace\ttext:hello world\t?:(l+)\t?:<\\\\1>\t?:g\t->\ttext\the<ll>o wor<l>d", "like\ttext:héllo\t?:%l_o\t->\tboolean\ttrue",
	"timezone\ttext:America/New_York\ttimestamptz:2024-07-04 12:00:00+00\t->\ttimestamp without time zone\t2024-07-04 08:00:00",
	"timezone\ttext:Asia/Kolkata\ttimestamp:2024-07-04 12:00:00\t->\ttimestamp with time zone\t2024-07-04 06:30:00+00", "upper\ttext:straße é\t->\ttext\tSTRAßE É",
	"to_char\ttimestamp:2024-01-01\t?:YYYY-MM-DD\t->\ttext\t2024-01-01",
};

static struct spk_expr *trees[CASES];
static const char *want[CASES];

static void *work(void *wrong)
{
	static const char *const zones[] = { "Europe/Berlin", "Africa/Cairo", "Nowhere/Land", "EST5EDT" };

	for (int i = 0; i < ROUNDS; i++) {
		struct spk_arena *arena = spk_arena_new(NULL);
		struct spk_eval ev = { .arena = arena };
		char out[SPK_TEXT_MAX];
		int64_t us = 1700000000000000;
		struct spk_value v;

		if (spk_expr_constant_value(trees[i % CASES], &ev, &v, NULL) != SPK_OK || strcmp(mini_text(arena, v, NULL), want[i % CASES]) != 0)
			__atomic_fetch_add((int *)wrong, 1, __ATOMIC_RELAXED);
		spk_text_from_value(spk_type(SPK_TYPE_TIMESTAMPTZ), &us, zones[i % 4], out);
		spk_arena_unref(arena);
	}
	return NULL;
}

static void shared_trees(void)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	pthread_t thread[THREADS];
	int wrong = 0;

	for (int i = 0; i < CASES; i++) {
		struct mini_case c;
		spk_error err = { 0 };

		REQUIRE(mini_parse(spk_arena_strdup(arena, cases[i]), &c));
		REQUIRE_OK(mini_build(arena, &c, false, NULL, &trees[i], &err), err);
		want[i] = c.expected;
	}
	for (int i = 0; i < THREADS; i++)
		REQUIRE(pthread_create(&thread[i], NULL, work, &wrong) == 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	CHECK_EQ_INT(wrong, 0);
	spk_arena_unref(arena);
}

SPK_TEST_SUITE("threads", { "share trees, patterns and zones", shared_trees })
