/*
 * Numerics: 128-bit integers with a scale.
 *
 * Fixed scale (type.scale >= 0): the value times 10^scale. Varying scale (SPK_SCALE_VARIES): the top byte is the scale (0..38),
 * the lower 120 bits the signed mantissa. Overflow is reported by a false return; the caller says which value it was.
 *
 * What is not finite is a mantissa of no number, since those have 38 digits at the most: the greatest 128-bit integer is NaN, the one below
 * it Infinity, that with its sign changed -Infinity. So mantissas of one scale have PostgreSQL's order (NaN above all) as they are. With a
 * varying scale the top byte is SPK_NUMERIC_SPECIAL and the rest one of 2, 1, -1.
 */
#ifndef SPK_CORE_COLUMNAR_DECIMAL_H
#define SPK_CORE_COLUMNAR_DECIMAL_H

#include "core/columnar/type.h"

extern const spk_int128 spk_powers_of_ten[SPK_DECIMAL_DIGITS + 1];
spk_int128 spk_pow10(int n);  /* 0..38 */
int spk_decimal_digits(spk_int128 v);  /* decimal digits of |v|, 1 for 0 */

#define SPK_DECIMAL_NAN ((spk_int128)(~(unsigned __int128)0 >> 1))
#define SPK_DECIMAL_INFINITY (SPK_DECIMAL_NAN - 1)
enum { SPK_NUMERIC_SPECIAL = 64, SPK_NUMERIC_PACKED_NAN = 2 };

/* NaN or infinite. The upper words of 38 digits stay far from both ends. */
static inline bool spk_decimal_is_special(spk_int128 mantissa)
{
	return (uint64_t)(mantissa >> 64) - (uint64_t)INT64_MAX <= 1;
}

/* Negative unless the upper two bits are the same, that is unless |v| < 2^126: so it is for what is not finite, and for a sum beyond 38
 * digits. What hot loops ask of several values at once, before they look closer. */
static inline int64_t spk_decimal_is_large(spk_int128 v)
{
	uint64_t high = (uint64_t)(v >> 64);

	return (int64_t)(high ^ high << 1);
}

static inline int spk_numeric_scale(spk_int128 packed) { return (int)((unsigned __int128)packed >> 120); }
static inline spk_int128 spk_numeric_mantissa(spk_int128 packed) { return (spk_int128)((unsigned __int128)packed << 8) >> 8; }
/* False when the mantissa needs more than 120 bits. */
bool spk_numeric_pack(spk_int128 mantissa, int scale, spk_int128 *out);
/* Mantissa at another scale, rounding half away from zero as PostgreSQL; false on overflow of 38 digits, and for what is not finite. */
bool spk_decimal_rescale(spk_int128 v, int from, int to, spk_int128 *out);
/* By value, so that callers can keep theirs in registers. */
static inline spk_int128 spk_numeric_special(spk_int128 packed)
{
	return packed == SPK_NUMERIC_PACKED_NAN ? SPK_DECIMAL_NAN : packed < 0 ? -SPK_DECIMAL_INFINITY : SPK_DECIMAL_INFINITY;
}
/* Mantissa and scale of a stored value of either form. */
static inline void spk_decimal_unpack(struct spk_type type, spk_int128 stored, spk_int128 *mantissa, int *scale)
{
	if (type.scale >= 0) {
		*mantissa = stored;
		*scale = type.scale;
	} else {
		*mantissa = spk_numeric_mantissa(stored);
		*scale = spk_numeric_scale(stored);
		if (__builtin_expect(*scale == SPK_NUMERIC_SPECIAL, 0)) {
			*mantissa = spk_numeric_special(*mantissa);
			*scale = 0;
		}
	}
}
/* Stores (mantissa, scale) as `type` wants it: rescales for a fixed scale and checks its precision. A varying scale holds
 * 36 digits: of a longer mantissa, digits behind the point are rounded away; false when those in front do not fit. */
bool spk_decimal_store(struct spk_type type, spk_int128 mantissa, int scale, spk_int128 *out);
/* The same for a declared type, as casts and input know it: where the scale is fixed an infinity is too large, NaN is not. */
static inline bool spk_decimal_store_declared(struct spk_type type, spk_int128 mantissa, int scale, spk_int128 *out)
{
	return (type.scale < 0 || mantissa == SPK_DECIMAL_NAN || !spk_decimal_is_special(mantissa)) && spk_decimal_store(type, mantissa, scale, out);
}
int spk_decimal_compare(spk_int128 a, int a_scale, spk_int128 b, int b_scale);
/* Sum, product and quotient have PostgreSQL's scale as long as they fit in 38 digits. Where they do not, digits behind the
 * point are rounded away (half away from zero); false when those in front of it do not fit. NaN and infinities as PostgreSQL. */
bool spk_decimal_add(spk_int128 a, int a_scale, spk_int128 b, int b_scale, spk_int128 *out, int *scale);
bool spk_decimal_multiply(spk_int128 a, int a_scale, spk_int128 b, int b_scale, spk_int128 *out, int *scale);
/* PostgreSQL's numeric division: the result's scale by its rule of at least 16 significant digits. Divisor not 0. */
bool spk_decimal_divide(spk_int128 a, int a_scale, spk_int128 b, int b_scale, spk_int128 *out, int *scale);
/* The value with its sign changed; NaN stays itself. */
static inline spk_int128 spk_decimal_negate(spk_int128 v) { return v == SPK_DECIMAL_NAN ? v : -v; }
/* One form for equal values, for hashing and ordered keys: the value is the result / 10^38 * 10^exponent, the result having 38
 * digits (0: 0, 0). What is not finite stays as it is, with an exponent above all others. Inline: the inner loop of every decimal key. */
static inline spk_int128 spk_decimal_normal(spk_int128 v, int scale, int *exponent)
{
	unsigned __int128 m = v < 0 ? -(unsigned __int128)v : (unsigned __int128)v;
	uint64_t high = (uint64_t)(m >> 64);
	/* 1233 / 4096 is log10(2) closely enough for 128 bits: the estimate is right or one too small. */
	int digits = (high ? 128 - __builtin_clzll(high) : 64 - __builtin_clzll((uint64_t)m | 1)) * 1233 >> 12;

	digits += digits < SPK_DECIMAL_DIGITS && m >= (unsigned __int128)spk_powers_of_ten[digits];
	*exponent = spk_decimal_is_special(v) ? SPK_DECIMAL_DIGITS + 1 : v ? digits - scale : 0;
	return v * spk_powers_of_ten[SPK_DECIMAL_DIGITS - digits];
}
/* The value of such a form with its least scale; false when it is none. */
bool spk_decimal_from_normal(spk_int128 normal, int exponent, spk_int128 *out, int *scale);
/* Nearest double; NaN and infinities as such. */
double spk_decimal_to_double(spk_int128 v, int scale);
/* Writes "-12.50", "NaN" or "Infinity" (no NUL); at most 48 bytes; returns the length. */
int spk_decimal_format(spk_int128 v, int scale, char *out);
/* Parses NaN, [+-]inf, [+-]infinity in any case. */
bool spk_decimal_parse_special(const char *s, size_t size, spk_int128 *out);
/* Parses [+-]digits[.digits][e[+-]n] whole; the scale is what was written (after the exponent); false: not a number or too long. */
bool spk_decimal_parse(const char *s, size_t size, spk_int128 *out, int *scale);

#endif
