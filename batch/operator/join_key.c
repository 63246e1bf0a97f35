/* Sameness of join keys, by kind of value. See join_key.h. */
#include "batch/operator/join_key.h"

#include "core/columnar/decimal.h"

#define PLAIN_SAME(a, b, ta, tb) ((a) == (b))
/* NaN is NaN, and -0 is 0. */
#define FLOAT_SAME(a, b, ta, tb) ((a) == (b) || ((a) != (a) && (b) != (b)))
#define VIEW_SAME(a, b, ta, tb) spk_view_equal(&(a), &(b))
#define SPAN_SAME(a, b, ta, tb) (spk_interval_span(a) == spk_interval_span(b))
#define DECIMAL_SAME(a, b, ta, tb) equal_numerics(ta, a, tb, b)

/* X(C type, suffix, meaning) */
#define KEY_TYPES(X) \
	X(uint8_t, u8, PLAIN) \
	X(int16_t, i16, PLAIN) \
	X(int32_t, i32, PLAIN) \
	X(int64_t, i64, PLAIN) \
	X(float, f32, FLOAT) \
	X(double, f64, FLOAT) \
	X(struct spk_view, view, VIEW) \
	X(struct spk_interval, interval, SPAN) \
	X(spk_int128, decimal, DECIMAL) \
	X(spk_int128, uuid, PLAIN)

static inline bool equal_numerics(struct spk_type ta, spk_int128 a, struct spk_type tb, spk_int128 b)
{
	spk_int128 ma, mb;
	int sa, sb;

	if (ta.scale == tb.scale && a == b)
		return true;
	spk_decimal_unpack(ta, a, &ma, &sa);
	spk_decimal_unpack(tb, b, &mb, &sb);
	return sa == sb ? ma == mb : spk_decimal_compare(ma, sa, mb, sb) == 0;
}

#define KEY_KERNELS(ctype, suffix, how) \
	static int same_##suffix(const struct spk_join_key *key, const struct spk_vector *probe, const int32_t *sel, int32_t *at, int n, const uint32_t *row, int32_t *other, int *others) \
	{ \
		const struct spk_reader r = spk_vector_reader(probe); \
		const ctype *a = r.data, *b = key->vector->data; \
		const struct spk_type ta SPK_UNUSED = probe->type, tb SPK_UNUSED = key->vector->type; \
		const uint64_t *valid = key->null_safe ? key->vector->valid : NULL; \
		const bool nulls = key->null_safe && (valid || r.valid); \
		int kept = 0, left = *others; \
		\
		for (int j = 0; j < n; j++) { \
			int32_t i = at[j]; \
			uint32_t slot = spk_reader_slot(&r, sel ? sel[i] : i), k = row[i]; \
			bool in_a = !nulls || spk_reader_valid(&r, slot), in_b = !nulls || !valid || spk_bit(valid, (int)k); \
			/* What lies under a NULL may be no value at all. */ \
			bool same = in_a && in_b ? how##_SAME(a[slot], b[k], ta, tb) : in_a == in_b; \
			\
			at[kept] = i; \
			other[left] = i; \
			kept += same; \
			left += !same; \
		} \
		*others = left; \
		return kept; \
	} \
	static bool same_rows_##suffix(const struct spk_join_key *key, uint32_t i, uint32_t k) \
	{ \
		const struct spk_type ta SPK_UNUSED = key->vector->type, tb SPK_UNUSED = ta; \
		const ctype *data = key->vector->data; \
		const uint64_t *valid = key->vector->valid; \
		\
		if (valid && !(spk_bit(valid, (int)i) && spk_bit(valid, (int)k))) \
			return spk_bit(valid, (int)i) == spk_bit(valid, (int)k); \
		return how##_SAME(data[i], data[k], ta, tb); \
	} \
	static const struct spk_join_key_type type_##suffix = { same_##suffix, same_rows_##suffix };
KEY_TYPES(KEY_KERNELS)

const struct spk_join_key_type *spk_join_key_type(struct spk_type type)
{
	switch (type.id) {
	case SPK_TYPE_BOOLEAN: return &type_u8;
	case SPK_TYPE_SMALLINT: return &type_i16;
	case SPK_TYPE_INTEGER:
	case SPK_TYPE_DATE: return &type_i32;
	case SPK_TYPE_BIGINT:
	case SPK_TYPE_TIME:
	case SPK_TYPE_TIMESTAMP:
	case SPK_TYPE_TIMESTAMPTZ: return &type_i64;
	case SPK_TYPE_REAL: return &type_f32;
	case SPK_TYPE_DOUBLE: return &type_f64;
	case SPK_TYPE_DECIMAL: return &type_decimal;
	case SPK_TYPE_INTERVAL: return &type_interval;
	case SPK_TYPE_UUID: return &type_uuid;
	case SPK_TYPE_UNKNOWN:
	case SPK_TYPE_TEXT:
	case SPK_TYPE_BYTEA:
	case SPK_TYPE_JSONB:
	case SPK_TYPE_JSON: return &type_view;
	case SPK_TYPE_ARRAY:
	case SPK_TYPE_ROW:
	case SPK_TYPE_COUNT: break;
	}
	SPK_ASSERT(false, "a join key of a type that the planner makes no key of");
	return NULL;
}

bool spk_join_key_is_integer(struct spk_type type)
{
	return spk_type_is_integer(type) || (type.id >= SPK_TYPE_DATE && type.id <= SPK_TYPE_TIMESTAMPTZ);
}
