/*
 * Runtime filters by themselves: no value that is on the build side is ever kept out, of those that are not hardly any comes through, whatever the
 * type, the layout of the vector and the spread of the values.
 */
#include "batch/operator/key_filter.h"
#include "core/base/fault.h"
#include "core/expr/text.h"
#include "tests/support/test.h"

enum { PROBE = 4096, BUILD_MOST = 20000 };

static const struct { const char *name; bool exact; } types[] = {
	{ "smallint", true }, { "integer", false }, { "bigint", false }, { "date", false }, { "timestamp", false }, { "text", false }, { "numeric(12,2)", false }, { "double precision", false },
};

/* Value number k of the type into a row. The same number is the same value. */
static void put(struct spk_vector *v, int row, int64_t k, struct spk_arena *arena)
{
	char *text;

	switch (spk_type_width(v->type)) {
	case 2: spk_vector_i16(v)[row] = (int16_t)k; return;
	case 4: spk_vector_i32(v)[row] = (int32_t)k; return;
	case 8:
		if (v->type.id == SPK_TYPE_DOUBLE)
			((double *)v->data)[row] = (double)k;
		else
			spk_vector_i64(v)[row] = k;
		return;
	default: break;
	}
	if (v->type.id == SPK_TYPE_DECIMAL) {
		((spk_int128 *)v->data)[row] = k;
		return;
	}
	text = spk_arena_printf(arena, "value number %lld", (long long)k);
	spk_vector_view(v)[row] = spk_view_str(text);
}

static int64_t choose(spk_test_rng *rng, int64_t spread) { return (int64_t)spk_test_below(rng, (uint64_t)spread) - spread / 2; }

/* NULL in every eighth row if `nulls`. */
static void fill(struct spk_vector *v, struct spk_type type, int rows, const int64_t *value, bool nulls, struct spk_arena *arena)
{
	spk_error err = { 0 };

	REQUIRE_OK(spk_vector_init(v, type, SPK_MAX(rows, 1), arena, &err), err);
	if (nulls)
		REQUIRE_OK(spk_vector_need_valid(v, SPK_MAX(rows, 1), arena, &err), err);
	for (int i = 0; i < rows; i++) {
		put(v, i, value[i], arena);
		if (nulls && i % 8 == 0)
			spk_bit_clear(v->valid, i);
	}
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Of `rows` values; returns how many came through that are not there. */
static int one_round(spk_test_rng *rng, struct spk_type type, int rows, int64_t spread, bool nulls)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	int64_t *value = malloc(sizeof(*value) * (size_t)(rows + 1)), *there = malloc(sizeof(*there) * (size_t)(rows + 1)), probe[PROBE];
	struct spk_vector build, asked;
	struct spk_join_key key = { .vector = &build };
	struct spk_join_table t = { .rows = (uint32_t)rows, .keys = 1, .key = &key };
	int32_t sel[PROBE];
	int n = 0, kept, at = 0, wrong = 0, count = 0;
	struct spk_key_filter *f;
	spk_error err = { 0 };

	for (int i = 0; i < rows; i++)
		value[i] = choose(rng, spread);
	for (int i = 0; i < PROBE; i++)
		probe[i] = rows && spk_test_one_in(rng, 3) ? value[spk_test_below(rng, (uint64_t)rows)] : choose(rng, 2 * spread);
	fill(&build, type, rows, value, nulls, arena);
	fill(&asked, type, PROBE, probe, nulls, arena);
	for (int i = 0; i < rows; i++)
		if (!nulls || i % 8)
			there[count++] = value[i];
	qsort(there, (size_t)count, sizeof(*there), compare);
	REQUIRE_OK(spk_key_filter_new(&f, &t, 0, NULL, &err), err);
	for (int i = 0; i < PROBE; i++)
		if (spk_test_one_in(rng, 2))
			sel[n++] = i;
	kept = spk_key_filter_keep(f, &asked, sel, n);
	CHECK(kept <= n);
	for (int i = 0; i < PROBE && at < kept; i++) {
		bool is_null = nulls && i % 8 == 0, is_there = !is_null && bsearch(&probe[i], there, (size_t)count, sizeof(*there), compare);

		if (sel[at] != i)
			continue;
		at++;
		CHECK(!is_null);
		wrong += !is_there;
	}
	CHECK_EQ_INT(at, kept);
	/* All that are there and were asked for came through: the asked rows are gone through once more. */
	for (int i = 0; i < PROBE; i++)
		sel[i] = i;
	kept = spk_key_filter_keep(f, &asked, sel, PROBE);
	at = 0;
	for (int i = 0; i < PROBE; i++) {
		bool is_there = !(nulls && i % 8 == 0) && bsearch(&probe[i], there, (size_t)count, sizeof(*there), compare);
		bool came = at < kept && sel[at] == i;

		at += came;
		CHECK(came || !is_there);
	}
	spk_key_filter_free(f);
	spk_arena_unref(arena);
	free(value);
	free(there);
	return wrong;
}

static void keeps_what_is_there(void)
{
	spk_test_rng rng = spk_test_rng_new(1);

	for (int round = 0; round < (spk_test_long() ? 2000 : 100); round++) {
		size_t k = spk_test_below(&rng, SPK_COUNT_OF(types));
		struct spk_type type;
		spk_error err = { 0 };
		int64_t spread = k == 0 ? 10000 : (int64_t)1 << (1 + spk_test_below(&rng, 29));
		int rows = (int)spk_test_below(&rng, spk_test_one_in(&rng, 3) ? BUILD_MOST : 100), wrong;

		REQUIRE_OK(spk_type_parse(types[k].name, &type, &err), err);
		wrong = one_round(&rng, type, rows, spread, spk_test_one_in(&rng, 2));
		if (types[k].exact)
			CHECK_EQ_INT(wrong, 0);
		CHECK(wrong < PROBE / 40);
	}
}

static void the_ends_of_integers(void)
{
	static const int64_t ends[] = { INT64_MIN, INT64_MAX, 0, -1, 1, INT64_MIN + 1, INT64_MAX - 1 };
	struct spk_arena *arena = spk_arena_new(NULL);
	spk_error err = { 0 };

	for (int mask = 0; mask < 1 << 7; mask++) {
		int64_t value[7];
		struct spk_vector build, asked;
		struct spk_join_key key = { .vector = &build };
		struct spk_join_table t = { .keys = 1, .key = &key };
		struct spk_key_filter *f;
		int32_t sel[7] = { 0, 1, 2, 3, 4, 5, 6 };
		int kept, at = 0;

		for (int i = 0; i < 7; i++)
			if (mask >> i & 1)
				value[t.rows++] = ends[i];
		fill(&build, spk_type(SPK_TYPE_BIGINT), (int)t.rows, value, false, arena);
		fill(&asked, spk_type(SPK_TYPE_BIGINT), 7, ends, false, arena);
		REQUIRE_OK(spk_key_filter_new(&f, &t, 0, NULL, &err), err);
		kept = spk_key_filter_keep(f, &asked, sel, 7);
		for (int i = 0; i < 7; i++) {
			bool came = at < kept && sel[at] == i;

			at += came;
			CHECK(came || !(mask >> i & 1));
		}
		CHECK(mask || kept == 0);
		spk_key_filter_free(f);
	}
	spk_arena_unref(arena);
}

static void no_memory(void)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	int64_t value[100];
	struct spk_vector build;
	struct spk_join_key key = { .vector = &build };
	struct spk_join_table t = { .rows = 100, .keys = 1, .key = &key };
	struct spk_key_filter *f = NULL;
	spk_error err = { 0 };
	size_t used = spk_memory_used();

	for (int i = 0; i < 100; i++)
		value[i] = (int64_t)i << 40;
	fill(&build, spk_type(SPK_TYPE_BIGINT), 100, value, false, arena);
	for (int n = 1; n <= 2; n++) {
		spk_fault_set(n == 1 ? "malloc:1" : "malloc:2", NULL);
		CHECK_FAILS(spk_key_filter_new(&f, &t, 0, NULL, &err), SPK_NO_MEMORY, err);
		CHECK(f == NULL);
	}
	spk_fault_set(NULL, NULL);
	/* Where the budget has no room, there is no filter, and nothing is wrong. */
	used = spk_memory_used();
	spk_memory_set_limit(1);
	CHECK_OK(spk_key_filter_new(&f, &t, 0, NULL, &err), err);
	CHECK(f == NULL);
	spk_memory_set_limit((size_t)1 << 30);
	CHECK_EQ_INT(spk_memory_used(), used);
	spk_arena_unref(arena);
}

SPK_TEST_SUITE("runtime filters",
	{ "keep what is there", keeps_what_is_there },
	{ "the ends of integers", the_ends_of_integers },
	{ "no memory", no_memory })
