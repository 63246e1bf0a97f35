/*
 * Numerics: 128-bit integers with a scale.
 *
 * Fixed scale (type.scale >= 0): the value times 10^scale. Varying scale (SPK_SCALE_VARIES): the top byte is the scale (0..38),
 * the lower 120 bits the signed mantissa. Overflow is reported by a false return; the caller says which value it was.
 */
#ifndef SPK_CORE_COLUMNAR_DECIMAL_H
#define SPK_CORE_COLUMNAR_DECIMAL_H

#include "core/columnar/type.h"

spk_int128 spk_pow10(int n);  /* 0..38 */
int spk_decimal_digits(spk_int128 v);  /* decimal digits of |v|, 1 for 0 */

static inline int spk_numeric_scale(spk_int128 packed) { return (int)((unsigned __int128)packed >> 120); }
static inline spk_int128 spk_numeric_mantissa(spk_int128 packed) { return (spk_int128)((unsigned __int128)packed << 8) >> 8; }
/* False when the mantissa needs more than 120 bits. */
bool spk_numeric_pack(spk_int128 mantissa, int scale, spk_int128 *out);
/* Mantissa at another scale, rounding half away from zero as PostgreSQL; false on overflow of 38 digits. */
bool spk_decimal_rescale(spk_int128 v, int from, int to, spk_int128 *out);
/* Mantissa and scale of a stored value of either form. */
static inline void spk_decimal_unpack(struct spk_type type, spk_int128 stored, spk_int128 *mantissa, int *scale)
{
	if (type.scale >= 0) {
		*mantissa = stored;
		*scale = type.scale;
	} else {
		*mantissa = spk_numeric_mantissa(stored);
		*scale = spk_numeric_scale(stored);
	}
}
/* Stores (mantissa, scale) as `type` wants it: rescales for a fixed scale and checks its precision. */
bool spk_decimal_store(struct spk_type type, spk_int128 mantissa, int scale, spk_int128 *out);
int spk_decimal_compare(spk_int128 a, int a_scale, spk_int128 b, int b_scale);
bool spk_decimal_add(spk_int128 a, int a_scale, spk_int128 b, int b_scale, spk_int128 *out, int *scale);
bool spk_decimal_multiply(spk_int128 a, int a_scale, spk_int128 b, int b_scale, spk_int128 *out, int *scale);
/* PostgreSQL's numeric division: the result's scale by its rule of at least 16 significant digits. Divisor not 0. */
bool spk_decimal_divide(spk_int128 a, int a_scale, spk_int128 b, int b_scale, spk_int128 *out, int *scale);
double spk_decimal_to_double(spk_int128 v, int scale);
/* Writes "-12.50" (no NUL); at most 48 bytes; returns the length. */
int spk_decimal_format(spk_int128 v, int scale, char *out);
/* Parses [+-]digits[.digits][e[+-]n] whole; the scale is what was written (after the exponent); false: not a number or too long. */
bool spk_decimal_parse(const char *s, size_t size, spk_int128 *out, int *scale);

#endif
