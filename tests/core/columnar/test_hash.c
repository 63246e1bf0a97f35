/* Hashing: golden values, layouts, equality by value, spread, shards. */
#include <inttypes.h>
#include <stdio.h>

#include "core/columnar/hash.h"
#include "tests/core/columnar/random.h"

static struct spk_arena *arena;
static spk_error err;

static uint64_t hash_of(struct spk_type type, const void *value)
{
	struct spk_vector v;
	uint64_t hash;

	REQUIRE_OK(spk_vector_init_constant(&v, type, value, arena, &err), err);
	spk_hash_column(&v, NULL, 1, &hash);
	return hash;
}

static uint64_t hash_text(const char *s)
{
	struct spk_view v = spk_view_str(s);

	return hash_of(spk_type(SPK_TYPE_TEXT), &v);
}

#define HASH_OF(id, ctype, ...) hash_of(spk_type(SPK_TYPE_##id), &(ctype){ __VA_ARGS__ })

static void check_golden(const char *what, uint64_t got, uint64_t want)
{
	if (got != want)
		printf("%s: 0x%016" PRIx64 "\n", what, got);
	CHECK(got == want);
}

/* Shards of stored state depend on these. If one of them changes, state written before is lost: they may not change. */
static void hashes_never_change(void)
{
	uint64_t two[1];
	struct spk_vector v;
	int64_t seven = 7;

	arena = spk_arena_new(NULL);
	check_golden("NULL", hash_of(spk_type(SPK_TYPE_BIGINT), NULL), UINT64_C(0xf0ae2a207dcc3148));
	check_golden("true", HASH_OF(BOOLEAN, uint8_t, 1), UINT64_C(0x90fa784dff59df1d));
	check_golden("smallint -1", HASH_OF(SMALLINT, int16_t, -1), UINT64_C(0x087164d5c9e6ae5e));
	check_golden("bigint 42", HASH_OF(BIGINT, int64_t, 42), UINT64_C(0xc95ab96fc060fdbf));
	check_golden("real 1.5", HASH_OF(REAL, float, 1.5f), UINT64_C(0xa91cd86a35efbce6));
	check_golden("double 0", HASH_OF(DOUBLE, double, 0), UINT64_C(0xb70fb2cc55af013f));
	check_golden("double NaN", HASH_OF(DOUBLE, double, NAN), UINT64_C(0x633d6937c61010e4));
	check_golden("numeric 12.5", hash_of(spk_type_decimal(10, 2), &(spk_int128){ 1250 }), UINT64_C(0x0e2d08376e6146b8));
	check_golden("numeric 0", hash_of(spk_type_decimal(10, 2), &(spk_int128){ 0 }), UINT64_C(0xb4b0647222311549));
	check_golden("numeric -1e37", hash_of(spk_type_decimal(38, 0), &(spk_int128){ -spk_pow10(37) }), UINT64_C(0xe59d069121d1267f));
	check_golden("text empty", hash_text(""), UINT64_C(0xb4b0647222311549));
	check_golden("text twelve", hash_text("twelve bytes"), UINT64_C(0x1cf34d46c029e893));
	check_golden("text thirteen", hash_text("thirteen byte"), UINT64_C(0x9f324ce845802495));
	check_golden("text long", hash_text("a text of more than sixteen and less than two hundred and forty bytes"), UINT64_C(0x6963616a95a1ae0d));
	check_golden("timestamp", HASH_OF(TIMESTAMP, int64_t, 1700000000000000), UINT64_C(0xca0142da8b86bd38));
	check_golden("interval", HASH_OF(INTERVAL, struct spk_interval, 1, 2, 3), UINT64_C(0x4d4a56d9badad185));
	REQUIRE_OK(spk_vector_init_constant(&v, spk_type(SPK_TYPE_BIGINT), &seven, arena, &err), err);
	spk_hash_column(&v, NULL, 1, two);
	spk_hash_column_more(&v, NULL, 1, two);
	check_golden("bigint 7, 7", two[0], UINT64_C(0x70fe1a9d7ebe11f0));
	spk_arena_unref(arena);
}

static void equal_values_hash_equal(void)
{
	spk_int128 packed;

	arena = spk_arena_new(NULL);
	CHECK(HASH_OF(SMALLINT, int16_t, -5) == HASH_OF(BIGINT, int64_t, -5));
	CHECK(HASH_OF(INTEGER, int32_t, 5) == HASH_OF(DATE, int32_t, 5));
	CHECK(HASH_OF(DOUBLE, double, 0.0) == HASH_OF(DOUBLE, double, -0.0));
	CHECK(HASH_OF(REAL, float, -0.0f) == HASH_OF(DOUBLE, double, 0.0));
	CHECK(HASH_OF(DOUBLE, double, NAN) == HASH_OF(DOUBLE, double, -NAN));
	CHECK(HASH_OF(REAL, float, NAN) == HASH_OF(DOUBLE, double, NAN));
	CHECK(HASH_OF(INTERVAL, struct spk_interval, 1, 0, 0) == HASH_OF(INTERVAL, struct spk_interval, 0, 30, 0));
	CHECK(HASH_OF(INTERVAL, struct spk_interval, 0, 1, 0) == HASH_OF(INTERVAL, struct spk_interval, 0, 0, 86400000000));
	CHECK(spk_numeric_pack(125, 1, &packed));
	CHECK(hash_of(spk_type(SPK_TYPE_DECIMAL), &packed) == hash_of(spk_type_decimal(10, 2), &(spk_int128){ 1250 }));
	CHECK(spk_numeric_pack(0, 7, &packed));
	CHECK(hash_of(spk_type(SPK_TYPE_DECIMAL), &packed) == hash_of(spk_type_decimal(38, 0), &(spk_int128){ 0 }));
	CHECK(hash_of(spk_type_decimal(10, 2), &(spk_int128){ 1250 }) != hash_of(spk_type_decimal(10, 2), &(spk_int128){ 12500 }));
	CHECK(hash_of(spk_type_decimal(10, 2), &(spk_int128){ 1250 }) != hash_of(spk_type_decimal(10, 2), &(spk_int128){ -1250 }));
	CHECK(spk_hash_bytes("twelve bytes", 12) == hash_text("twelve bytes"));
	CHECK(spk_hash_bytes("a bit longer than that", 22) == hash_text("a bit longer than that"));
	CHECK(spk_hash_bytes("", 0) == hash_text(""));
	CHECK(spk_hash_bytes("\0", 1) != hash_text(""));
	spk_arena_unref(arena);
}

/* The hash of a row must not depend on how its vector is encoded, nor on how rows are chosen. */
static void layouts_hash_equal(void)
{
	spk_test_rng rng = spk_test_rng_new(1);
	struct spk_type types[32];
	int n_types = scalar_types(types);

	for (int round = 0; round < 9 * n_types; round++) {
		struct spk_type type = types[round % n_types];
		uint64_t hash[200], more[200], flat_hash[200], flat_more[200];
		struct spk_vector in, flat;
		int32_t *sel = NULL;
		int n = 200;

		arena = spk_arena_new(NULL);
		in = random_vector(&rng, type, 200, spk_test_below(&rng, 4), random_layout(&rng), arena);
		if (spk_test_one_in(&rng, 2))
			sel = random_selection(&rng, 200, &n, arena);
		REQUIRE_OK(spk_vector_init(&flat, type, n, arena, &err), err);
		REQUIRE_OK(spk_vector_gather(&flat, 0, n, &in, sel, n, true, arena, &err), err);
		for (int i = 0; i < n; i++)
			more[i] = flat_more[i] = spk_test_next(&rng);
		spk_hash_column(&in, sel, n, hash);
		spk_hash_column_more(&in, sel, n, more);
		spk_hash_column(&flat, NULL, n, flat_hash);
		spk_hash_column_more(&flat, NULL, n, flat_more);
		for (int i = 0; i < n; i++) {
			struct spk_value a = spk_vector_value(&flat, i), b = spk_vector_value(&flat, 0);

			CHECK(hash[i] == flat_hash[i]);
			CHECK(more[i] == flat_more[i]);
			CHECK_EQ_INT(flat_hash[i] == flat_hash[0], same_values(&a, &b));
		}
		spk_arena_unref(arena);
	}
}

static void columns_are_combined_in_order(void)
{
	spk_test_rng rng = spk_test_rng_new(2);
	const struct spk_schema *schema;
	struct spk_batch *b;
	uint64_t ab[100], ba[100], step[100], none[100], first, second;

	arena = spk_arena_new(NULL);
	schema = wide_schema(arena);
	b = random_batch(&rng, schema, 100, false);
	spk_hash_columns(b, (int[]){ 3, 9 }, 2, ab);
	spk_hash_columns(b, (int[]){ 9, 3 }, 2, ba);
	spk_hash_columns(b, NULL, 0, none);
	spk_hash_column(&b->column[3], b->sel, b->selected, step);
	spk_hash_column_more(&b->column[9], b->sel, b->selected, step);
	for (int i = 0; i < b->selected; i++) {
		CHECK(ab[i] == step[i]);
		spk_hash_column(&b->column[3], &(int32_t){ spk_batch_row(b, i) }, 1, &first);
		spk_hash_column(&b->column[9], &(int32_t){ spk_batch_row(b, i) }, 1, &second);
		CHECK_EQ_INT(ab[i] == ba[i], first == second);
		CHECK(none[i] == none[0]);
	}
	spk_batch_unref(b);
	spk_arena_unref(arena);
}

/* Over n equal buckets, the sum of squared deviations in units of the expected: about n when the spread is random. */
static double chi_square(const int *bucket, int n, int total)
{
	double expected = (double)total / n, sum = 0;

	for (int i = 0; i < n; i++)
		sum += ((double)bucket[i] - expected) * ((double)bucket[i] - expected) / expected;
	return sum;
}

/* Keys as they come in practice (counters, multiples, texts with counters) fill shards and table slots evenly. */
static void top_and_low_bits_are_spread(void)
{
	enum { KEYS = 4096 };
	static int64_t value[KEYS];
	static struct spk_view view[KEYS];
	static char bytes[KEYS][32];
	static uint64_t hash[KEYS];
	struct spk_vector v = { .type = spk_type(SPK_TYPE_BIGINT), .data = value };

	for (int kind = 0; kind < 8; kind++) {
		int top[64] = { 0 }, low[64] = { 0 }, middle[64] = { 0 };

		for (int i = 0; i < KEYS; i++) {
			static const int64_t steps[] = { 1, 64, 4096, 1000000, 1ll << 32, 1ll << 50 };

			if (kind < 6) {
				value[i] = i * steps[kind];
			} else {
				snprintf(bytes[i], sizeof(bytes[i]), kind == 6 ? "k%d" : "customer-number-%08d", i);
				view[i] = spk_view_str(bytes[i]);
				v = (struct spk_vector){ .type = spk_type(SPK_TYPE_TEXT), .data = view };
			}
		}
		spk_hash_column(&v, NULL, KEYS, hash);
		for (int i = 0; i < KEYS; i++) {
			top[spk_shard_of(hash[i]).value]++;
			low[hash[i] & 63]++;
			middle[hash[i] >> 20 & 63]++;
		}
		/* 63 degrees of freedom: more than 130 has a chance of 1 in a million, and keys and hash are fixed. */
		CHECK(chi_square(top, 64, KEYS) < 130);
		CHECK(chi_square(low, 64, KEYS) < 130);
		CHECK(chi_square(middle, 64, KEYS) < 130);
	}
}

/* Each flipped bit of a key flips about half of the hash's bits, and each of these about equally often. */
static void every_bit_matters(void)
{
	spk_test_rng rng = spk_test_rng_new(3);
	int flips[64] = { 0 }, rounds = 0;

	arena = spk_arena_new(NULL);
	for (int round = 0; round < 40; round++) {
		int64_t key = (int64_t)spk_test_next(&rng);

		for (int bit = 0; bit < 64; bit++, rounds++) {
			uint64_t a = HASH_OF(BIGINT, int64_t, key), b = HASH_OF(BIGINT, int64_t, key ^ (int64_t)(1ull << bit));

			for (int out = 0; out < 64; out++)
				flips[out] += (int)((a ^ b) >> out & 1);
			CHECK(__builtin_popcountll(a ^ b) > 8);
		}
	}
	for (int out = 0; out < 64; out++)
		CHECK_NEAR((double)flips[out] / rounds, 0.5, 0.06);
	spk_arena_unref(arena);
}

static void tasks_share_the_shards(void)
{
	for (int tasks = 1; tasks <= 70; tasks++) {
		int covered = 0;

		for (int t = 0; t < tasks; t++) {
			int first, end;

			spk_shard_range(t, tasks, &first, &end);
			CHECK_EQ_INT(first, covered);
			CHECK(end - first <= SPK_SHARDS / tasks + 1);
			for (int s = first; s < end; s++)
				CHECK_EQ_INT(spk_shard_task((struct spk_shard_id){ s }, tasks), t);
			covered = end;
		}
		CHECK_EQ_INT(covered, SPK_SHARDS);
	}
}

static void arrays_and_records_hash_by_value(void)
{
	struct spk_field fields[2] = { { "element", spk_type(SPK_TYPE_BIGINT), true }, { "b", spk_type(SPK_TYPE_BIGINT), true } };
	struct spk_schema one = { 1, fields }, two = { 2, fields };
	struct spk_vector list, record, gathered;
	uint64_t hash[4], more[4];

	arena = spk_arena_new(NULL);
	REQUIRE_OK(spk_vector_init(&list, (struct spk_type){ .id = SPK_TYPE_ARRAY, .children = &one }, 4, arena, &err), err);
	memcpy(list.data, (int32_t[]){ 0, 2, 4, 6, 7 }, 20);
	memcpy(list.child->data, (int64_t[]){ 1, 2, 1, 2, 2, 1, 1 }, 56);
	spk_hash_column(&list, NULL, 4, hash);
	CHECK(hash[0] == hash[1] && hash[1] != hash[2] && hash[3] != hash[0]);
	REQUIRE_OK(spk_vector_init(&gathered, list.type, 2, arena, &err), err);
	REQUIRE_OK(spk_vector_gather(&gathered, 0, 2, &list, (int32_t[]){ 1, 2 }, 2, true, arena, &err), err);
	spk_hash_column(&gathered, NULL, 2, more);
	CHECK(more[0] == hash[1] && more[1] == hash[2]);
	REQUIRE_OK(spk_vector_init(&record, (struct spk_type){ .id = SPK_TYPE_ROW, .children = &two }, 3, arena, &err), err);
	memcpy(record.child[0].data, (int64_t[]){ 1, 1, 2 }, 24);
	memcpy(record.child[1].data, (int64_t[]){ 2, 2, 1 }, 24);
	spk_hash_column(&record, (int32_t[]){ 0, 1, 2 }, 3, hash);
	CHECK(hash[0] == hash[1] && hash[1] != hash[2]);
	spk_arena_unref(arena);
}

SPK_TEST_SUITE("core/columnar/hash",
	{"hashes never change", hashes_never_change},
	{"equal values hash equal", equal_values_hash_equal},
	{"layouts hash equal", layouts_hash_equal},
	{"columns are combined in order", columns_are_combined_in_order},
	{"top and low bits are spread", top_and_low_bits_are_spread},
	{"every bit matters", every_bit_matters},
	{"tasks share the shards", tasks_share_the_shards},
	{"arrays and records hash by value", arrays_and_records_hash_by_value})
