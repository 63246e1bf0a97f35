/* Random values and columns of every type, leaning to the edges; for tests of core/expr. */
#ifndef SPK_TESTS_CORE_EXPR_VALUES_H
#define SPK_TESTS_CORE_EXPR_VALUES_H

#include <math.h>

#include "core/columnar/decimal.h"
#include "core/expr/expr.h"
#include "tests/support/test.h"

static inline int64_t values_integer(spk_test_rng *rng, int64_t min, int64_t max)
{
	static const int64_t edges[] = { 0, 1, -1, 2, 7, 10, 100 };

	switch (spk_test_below(rng, 6)) {
	case 0: return min;
	case 1: return max;
	case 2: return spk_test_between(rng, min, max);
	case 3: return spk_test_between(rng, -1000, 1000);
	default: return edges[spk_test_below(rng, sizeof edges / sizeof edges[0])];
	}
}

static inline double values_double(spk_test_rng *rng)
{
	static const double edges[] = { 0, -0.0, 1, -1, 0.5, 0.1, 1e300, -1e-300, 1e15, 123.456 };
	union { uint64_t bits; double v; } any = { spk_test_next(rng) };

	switch (spk_test_below(rng, 8)) {
	case 0: return any.v;
	case 1: return spk_test_one_in(rng, 3) ? NAN : spk_test_one_in(rng, 2) ? INFINITY : -INFINITY;
	case 2: return spk_test_unit(rng) * 100 - 50;
	case 3: return (double)spk_test_between(rng, -1000, 1000) / 4;
	default: return edges[spk_test_below(rng, sizeof edges / sizeof edges[0])];
	}
}

static inline struct spk_view values_text(spk_test_rng *rng, struct spk_arena *arena)
{
	static const char *const words[] = { "", "a", "abc", "hello world", "héllo wörld €", "日本語テキスト", "12", "-3.5", "2024-02-29", "day", "hour", "%a_", "a%", "(a|b)*c", "utf8", "hex", "UTC",
	                                     "YYYY-MM-DD HH24:MI", "999.99", "longer than twelve bytes", "aaaa", "A" };
	char text[40];
	size_t n = spk_test_below(rng, 20);

	if (!spk_test_one_in(rng, 3))
		return spk_view_str(words[spk_test_below(rng, sizeof words / sizeof words[0])]);
	for (size_t i = 0; i < n; i++)
		text[i] = (char)spk_test_between(rng, 32, 126);
	return spk_view(spk_arena_copy(arena, text, n), (uint32_t)n);
}

static inline struct spk_value values_one(spk_test_rng *rng, struct spk_type type, struct spk_arena *arena)
{
	struct spk_value v = { .type = type };
	const int64_t day = 86400000000ll;

	switch (type.id) {
	case SPK_TYPE_BOOLEAN: v.boolean = (uint8_t)spk_test_below(rng, 2); break;
	case SPK_TYPE_SMALLINT: v.i16 = (int16_t)values_integer(rng, INT16_MIN, INT16_MAX); break;
	case SPK_TYPE_INTEGER: v.i32 = (int32_t)values_integer(rng, INT32_MIN, INT32_MAX); break;
	case SPK_TYPE_BIGINT: v.i64 = values_integer(rng, INT64_MIN, INT64_MAX); break;
	case SPK_TYPE_REAL: v.f32 = (float)values_double(rng); break;
	case SPK_TYPE_DOUBLE: v.f64 = values_double(rng); break;
	case SPK_TYPE_DATE: v.i32 = spk_test_one_in(rng, 10) ? INT32_MAX : (int32_t)spk_test_between(rng, -200000, 200000); break;
	case SPK_TYPE_TIME: v.i64 = spk_test_between(rng, 0, day); break;
	case SPK_TYPE_TIMESTAMP:
	case SPK_TYPE_TIMESTAMPTZ: v.i64 = spk_test_one_in(rng, 10) ? INT64_MAX : spk_test_between(rng, -100000 * day, 100000 * day); break;
	case SPK_TYPE_UUID: v.i128 = (spk_int128)((unsigned __int128)values_integer(rng, INT64_MIN, INT64_MAX) << 64) | (uint64_t)values_integer(rng, INT64_MIN, INT64_MAX); break;
	case SPK_TYPE_INTERVAL:
		v.interval = (struct spk_interval){ (int32_t)spk_test_between(rng, -30, 30), (int32_t)spk_test_between(rng, -40, 40), spk_test_between(rng, -2 * day, 2 * day) };
		break;
	case SPK_TYPE_DECIMAL: {
		int scale = type.scale >= 0 ? type.scale : (int)spk_test_below(rng, 8);
		int64_t m = spk_test_one_in(rng, 4) ? spk_test_between(rng, -1000000000000, 1000000000000) : spk_test_between(rng, -5000, 5000);

		v.i128 = m;
		if (type.scale < 0)
			spk_numeric_pack(m, scale, &v.i128);
		break;
	}
	default: v.view = values_text(rng, arena);
	}
	return v;
}

static inline void values_column(spk_test_rng *rng, struct spk_vector *out, struct spk_type type, int rows, uint64_t nulls, struct spk_arena *arena);

/* Arrays of up to 5 elements, and records. */
static inline void values_nested(spk_test_rng *rng, struct spk_vector *out, int rows, uint64_t nulls, struct spk_arena *arena)
{
	int elements = rows;
	spk_error err = { 0 };

	if (out->type.id == SPK_TYPE_ARRAY) {
		elements = 0;
		for (int i = 0; i < rows; i++)
			spk_vector_i32(out)[i + 1] = elements += (int)spk_test_below(rng, 6);
	}
	for (int c = 0; c < out->type.children->count; c++)
		values_column(rng, &out->child[c], out->type.children->field[c].type, elements, nulls, arena);
	for (int i = 0; nulls && i < rows; i++) {
		if (!spk_test_one_in(rng, nulls))
			continue;
		REQUIRE_OK(spk_vector_need_valid(out, rows, arena, &err), err);
		spk_bit_clear(out->valid, i);
	}
}

/* A FLAT column with NULLs one in `nulls` (0: none). */
static inline void values_column(spk_test_rng *rng, struct spk_vector *out, struct spk_type type, int rows, uint64_t nulls, struct spk_arena *arena)
{
	size_t width = (size_t)spk_type_width(type);
	spk_error err = { 0 };

	REQUIRE_OK(spk_vector_init(out, type, rows, arena, &err), err);
	if (spk_type_is_nested(type)) {
		values_nested(rng, out, rows, nulls, arena);
		return;
	}
	memset(out->data, 0, width * (size_t)rows);
	for (int i = 0; i < rows; i++) {
		struct spk_value v = values_one(rng, type, arena);

		memcpy((char *)out->data + width * (size_t)i, spk_value_bytes(&v), width);
		if (nulls && spk_test_one_in(rng, nulls)) {
			REQUIRE_OK(spk_vector_need_valid(out, rows, arena, &err), err);
			spk_bit_clear(out->valid, i);
			if (spk_type_is_view(type))
				memset((char *)out->data + width * (size_t)i, 0, width);
		}
	}
}

#endif
