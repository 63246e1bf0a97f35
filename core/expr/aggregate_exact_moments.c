/*
 * Variance and standard deviation of integers and numerics, exact until the last division: count, sum and sum of squares are kept as whole
 * numbers, and the result has the scale that PostgreSQL's numeric division and square root give it (numeric_stddev_internal,
 * select_div_scale in its numeric.c). Beyond 38 digits, digits behind the point are rounded away; where those in front do not fit the result
 * is an error.
 *
 * Bounds: a value has 127 bits, so a sum of up to 2^63 of them 190 (three limbs), a sum of squares 317 (five), times the count 380.
 */
#include "core/expr/aggregate_internal.h"
#include "core/expr/wide.h"

enum { SUM_LIMBS = 3, SQUARE_LIMBS = 5, LEAST_DIGITS = 16, GROUP = 4 };

/*
 * Both sums are in two's complement: rows taken back count negative, and a part of a stream may hold more of these than of others. scale:
 * digits after the point of the values' unit, the largest seen. special: how many values are NaN or infinite; they are counted, not summed.
 */
struct exact { int64_t count; int32_t scale, special; uint64_t sum[SUM_LIMBS], squares[SQUARE_LIMBS]; };

/* --- adding --- */

/* limb += m, or -= m. */
static void add_limbs(uint64_t *limb, int limbs, const uint64_t *m, int of, bool negative)
{
	bool carry = false;

	for (int i = 0; i < limbs && (i < of || carry); i++) {
		const uint64_t add = i < of ? m[i] : 0, was = limb[i];

		limb[i] = negative ? was - add - carry : was + add + carry;
		carry = negative ? was < add || (was == add && carry) : limb[i] < was || (limb[i] == was && carry);
	}
}

/* Adds the row, or takes it back. */
static void add_magnitude(struct exact *s, spk_uint128 m, bool negative, bool back)
{
	const struct spk_wide value = spk_wide_of(m), square = spk_wide_multiply(&value, &value);

	add_limbs(s->sum, SUM_LIMBS, value.limb, 2, negative != back);
	add_limbs(s->squares, SQUARE_LIMBS, square.limb, 4, back);
	s->count += back ? -1 : 1;
}

static spk_uint128 magnitude(spk_int128 v) { return v < 0 ? -(spk_uint128)v : (spk_uint128)v; }

/* The common case, when values fit in 64 bits: one multiplication. */
static inline void add_small(struct exact *s, int64_t v, bool back)
{
	const uint64_t m = v < 0 ? -(uint64_t)v : (uint64_t)v;
	const spk_uint128 square = (spk_uint128)m * m;
	const uint64_t limbs[2] = { (uint64_t)square, (uint64_t)(square >> 64) };

	add_limbs(s->sum, SUM_LIMBS, &m, 1, (v < 0) != back);
	add_limbs(s->squares, SQUARE_LIMBS, limbs, 2, back);
	s->count += back ? -1 : 1;
}

#define EACH_TIME(w) (int64_t k_ = 0, times_ = (w) < 0 ? -(w) : (w); k_ < times_; k_++)

#define SMALL_UPDATE(T, suffix) \
	SPK_AGGREGATE_UPDATE(update_##suffix) \
	{ \
		(void)err; \
		SPK_AGGREGATE_LOOP(exact, T, { \
			for EACH_TIME(w) \
				add_small(s, *v, w < 0); \
		}); \
		return SPK_OK; \
	}
SMALL_UPDATE(int16_t, i16)
SMALL_UPDATE(int32_t, i32)
SMALL_UPDATE(int64_t, i64)

/* --- values with scales of their own --- */

static bool is_negative(const uint64_t *limb, int limbs) { return limb[limbs - 1] >> 63; }

static struct spk_wide limbs_magnitude(const uint64_t *limb, int limbs)
{
	struct spk_wide w = spk_wide_of_limbs(limb, limbs);
	const struct spk_wide zero = { { 0 } };

	if (!is_negative(limb, limbs))
		return w;
	for (int i = limbs; i < SPK_WIDE_LIMBS; i++)
		w.limb[i] = UINT64_MAX;
	return spk_wide_subtract(&zero, &w);
}

/* limb *= up; false when they do not hold it. */
static bool multiply_limbs(uint64_t *limb, int limbs, const struct spk_wide *up)
{
	const struct spk_wide old = limbs_magnitude(limb, limbs), now = spk_wide_multiply(&old, up);
	const bool negative = is_negative(limb, limbs);

	if (spk_wide_bits(&old) + spk_wide_bits(up) > 64 * limbs - 1)
		return false;
	memset(limb, 0, sizeof *limb * (size_t)limbs);
	add_limbs(limb, limbs, now.limb, limbs, negative);
	return true;
}

/* To a larger scale; false when the sums do not hold it. */
static bool rescale(struct exact *s, int32_t scale)
{
	const struct spk_wide up = spk_wide_power_of_ten(scale - s->scale), square = spk_wide_multiply(&up, &up);

	s->scale = scale;
	return multiply_limbs(s->sum, SUM_LIMBS, &up) && multiply_limbs(s->squares, SQUARE_LIMBS, &square);
}

/* A value of a smaller scale than the sums' grows instead. */
static bool add_scaled(struct exact *s, spk_int128 m, int scale, bool back)
{
	spk_uint128 value = magnitude(m);

	if (scale > s->scale && !rescale(s, scale))
		return false;
	if (scale < s->scale && __builtin_mul_overflow(value, (spk_uint128)spk_pow10(s->scale - scale), &value))
		return false;
	if (value >> 127)
		return false;
	add_magnitude(s, value, m < 0, back);
	return true;
}

static spk_status numeric_range(spk_error *err)
{
	return spk_fail(err, SPK_DATA, "value overflows numeric format");
}

SPK_AGGREGATE_UPDATE(update_decimal)
{
	const struct spk_type type = input->type;
	bool bad = false;

	SPK_AGGREGATE_LOOP(exact, spk_int128, {
		spk_int128 m;
		int scale;

		spk_decimal_unpack(type, *v, &m, &scale);
		if (spk_decimal_is_special(m)) {
			s->count += w;
			bad |= __builtin_add_overflow(s->special, w, &s->special);
		} else if (scale == s->scale && m == (int64_t)m) {
			for EACH_TIME(w)
				add_small(s, (int64_t)m, w < 0);
		} else {
			for EACH_TIME(w)
				bad |= !add_scaled(s, m, scale, w < 0);
		}
	});
	return bad ? numeric_range(err) : SPK_OK;
}

SPK_AGGREGATE_MERGE(merge)
{
	for (int i = 0; i < n; i++) {
		struct exact *a = SPK_STATE(exact, into, i), b = *SPK_STATE(exact, from, i);

		if ((b.scale > a->scale && !rescale(a, b.scale)) || (a->scale > b.scale && !rescale(&b, a->scale)))
			return numeric_range(err);
		if (__builtin_add_overflow(a->special, b.special, &a->special))
			return numeric_range(err);
		add_limbs(a->sum, SUM_LIMBS, b.sum, SUM_LIMBS, false);
		add_limbs(a->squares, SQUARE_LIMBS, b.squares, SQUARE_LIMBS, false);
		a->count += b.count;
	}
	return SPK_OK;
}

/* --- results --- */

/* Weight of the first base-10000 digit (units: 0) and that digit, as PostgreSQL stores a numeric of that scale. */
static void first_digit(const struct spk_wide *v, int scale, int *weight, int *digit)
{
	const int digits = spk_wide_digits(v), first = digits - 1 - scale;
	int leading;
	spk_uint128 out;

	*weight = first >= 0 ? first / GROUP : -((GROUP - 1 - first) / GROUP);
	leading = first - GROUP * *weight + 1;
	if (digits < leading) {
		const struct spk_wide up = spk_wide_power_of_ten(leading - digits), w = spk_wide_multiply(v, &up);

		*digit = spk_wide_fits(&w, &out) ? (int)out : 0;
		return;
	}
	struct spk_wide w = *v;

	for (int drop = digits - leading; drop > 0; drop -= 18)
		w = spk_wide_divide(&w, (spk_uint128)spk_pow10(SPK_MIN(drop, 18)), &out);
	*digit = (int)w.limb[0];
}

/* select_div_scale: at least 16 significant digits, no fewer than the dividend shows. */
static int quotient_scale(const struct spk_wide *a, int a_scale, const struct spk_wide *b)
{
	int a_weight, a_digit, b_weight, b_digit, weight;

	first_digit(a, a_scale, &a_weight, &a_digit);
	first_digit(b, 0, &b_weight, &b_digit);
	weight = a_weight - b_weight - (a_digit <= b_digit);
	return SPK_MAX(LEAST_DIGITS - GROUP * weight, SPK_MAX(a_scale, 0));
}

/* a / d at `scale`, rounded half up. Bounds: 380 bits of a, and those of the power of ten, which is large only for small quotients. */
static struct spk_wide quotient(const struct spk_wide *a, int a_scale, spk_uint128 d, int scale)
{
	const struct spk_wide up = spk_wide_power_of_ten(SPK_MAX(scale - a_scale, 0)), n = spk_wide_multiply(a, &up), one = spk_wide_of(1);
	spk_uint128 rest;
	struct spk_wide q = spk_wide_divide(&n, d, &rest);

	return rest >= d - rest ? spk_wide_add(&q, &one) : q;
}

/* A numeric has 38 digits: those behind the point go first. */
static bool store(struct spk_type type, struct spk_wide v, int scale, spk_int128 *out)
{
	const int drop = SPK_MAX(SPK_MAX(spk_wide_digits(&v), scale) - SPK_DECIMAL_DIGITS, 0);
	const struct spk_wide one = spk_wide_of(1);
	spk_uint128 m, rest;

	if (drop > scale)
		return false;
	for (int left = drop; left > 0; left -= 18) {
		const spk_uint128 d = (spk_uint128)spk_pow10(SPK_MIN(left, 18));

		v = spk_wide_divide(&v, d, &rest);
		if (left <= 18 && rest >= d - rest)
			v = spk_wide_add(&v, &one);
	}
	return spk_wide_fits(&v, &m) && spk_decimal_store(type, (spk_int128)m, scale - drop, out);
}

/* count * squares - sum^2, the numerator; never negative. */
static struct spk_wide numerator(const struct exact *s)
{
	const struct spk_wide squares = spk_wide_of_limbs(s->squares, SQUARE_LIMBS), count = spk_wide_of((spk_uint128)s->count), sum = limbs_magnitude(s->sum, SUM_LIMBS);
	const struct spk_wide left = spk_wide_multiply(&squares, &count), right = spk_wide_multiply(&sum, &sum);

	return spk_wide_subtract(&left, &right);
}

static bool one_result(const struct exact *s, bool sample, bool root, struct spk_type type, spk_int128 *out)
{
	const struct spk_wide above = numerator(s);
	const int above_scale = 2 * s->scale;
	const spk_uint128 below = (spk_uint128)s->count * (spk_uint128)(s->count - sample);
	const struct spk_wide divisor = spk_wide_of(below);
	struct spk_wide v;
	int scale;

	if (spk_wide_is_zero(&above))
		return spk_decimal_store(type, 0, 0, out);
	scale = quotient_scale(&above, above_scale, &divisor);
	v = quotient(&above, above_scale, below, scale);
	if (root) {
		const struct spk_wide up = spk_wide_power_of_ten(scale), square = spk_wide_multiply(&v, &up);

		if (spk_wide_bits(&square) > 254)
			return false;
		v = spk_wide_of(spk_wide_root(&square));
	}
	return store(type, v, scale, out);
}

static spk_status result(const struct spk_aggregate_call *call, char *const *state, int n, bool sample, bool root, struct spk_vector *out, int at, int rows, struct spk_arena *arena, spk_error *err)
{
	for (int i = 0; i < n; i++) {
		const struct exact *s = SPK_STATE(exact, state, i);

		if (s->count <= sample)
			SPK_TRY(spk_aggregate_null(out, at + i, rows, arena, err));
		else if (s->special)
			spk_decimal_store(out->type, SPK_DECIMAL_NAN, 0, spk_vector_i128(out) + at + i);
		else if (!one_result(s, sample, root, out->type, spk_vector_i128(out) + at + i))
			return numeric_range(err);
	}
	return SPK_OK;
}

#define FINAL(name, sample, root) \
	SPK_AGGREGATE_FINAL(name) { return result(call, state, n, sample, root, out, at, rows, arena, err); }
FINAL(var_samp, true, false)
FINAL(var_pop, false, false)
FINAL(stddev_samp, true, true)
FINAL(stddev_pop, false, true)

#define ONE(name_, doc_, T, update_, final_) \
	{ .name = name_, .doc = doc_, .args = 1, .arg = { SPK_T(T) }, .result_of = spk_type_numeric, .state_size = (int)sizeof(struct exact), \
	  .unordered = true, .retract = true, .update = update_, .merge = merge, .final = final_ },
#define ALL(name_, doc_, final_) \
	ONE(name_, doc_ "; of integers and numerics as numeric", SMALLINT, update_i16, final_) \
	ONE(name_, doc_ "; of integers and numerics as numeric", INTEGER, update_i32, final_) \
	ONE(name_, doc_ "; of integers and numerics as numeric", BIGINT, update_i64, final_) \
	ONE(name_, doc_ "; of integers and numerics as numeric", DECIMAL, update_decimal, final_)

static const struct spk_aggregate aggregates[] = {
	ALL("variance", "Variance of the sample", var_samp)
	ALL("var_samp", "Variance of the sample", var_samp)
	ALL("var_pop", "Variance of the population", var_pop)
	ALL("stddev", "Standard deviation of the sample", stddev_samp)
	ALL("stddev_samp", "Standard deviation of the sample", stddev_samp)
	ALL("stddev_pop", "Standard deviation of the population", stddev_pop)
};

SPK_AGGREGATE_FAMILY(exact_moments, aggregates)
