/*
 * Numerics in 128 bits.
 *
 * Nearly every value has a mantissa of 64 bits, so each operation tries plain 128-bit arithmetic first and goes on to 256
 * bits only on overflow. 256-bit numbers are unsigned magnitudes (struct wide); signs are put back at the end.
 */
#include "core/columnar/decimal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/check.h"

typedef unsigned __int128 u128;

struct wide { u128 high, low; };

#define powers spk_powers_of_ten
#define E18 ((spk_int128)1000000000000000000)
#define TEN(n) ((spk_int128)1e##n)

const spk_int128 spk_powers_of_ten[SPK_DECIMAL_DIGITS + 1] = {
	TEN(0), TEN(1), TEN(2), TEN(3), TEN(4), TEN(5), TEN(6), TEN(7), TEN(8), TEN(9), TEN(10), TEN(11), TEN(12),
	TEN(13), TEN(14), TEN(15), TEN(16), TEN(17), TEN(18),
	E18 * TEN(1), E18 * TEN(2), E18 * TEN(3), E18 * TEN(4), E18 * TEN(5), E18 * TEN(6), E18 * TEN(7), E18 * TEN(8),
	E18 * TEN(9), E18 * TEN(10), E18 * TEN(11), E18 * TEN(12), E18 * TEN(13), E18 * TEN(14), E18 * TEN(15),
	E18 * TEN(16), E18 * TEN(17), E18 * TEN(18),
	E18 * E18 * 10, E18 * E18 * 100,
};

spk_int128 spk_pow10(int n)
{
	SPK_ASSERT(n >= 0 && n <= SPK_DECIMAL_DIGITS, "a power of ten out of range");
	return powers[n];
}

static u128 magnitude(spk_int128 v)
{
	return v < 0 ? -(u128)v : (u128)v;
}

static spk_int128 with_sign(u128 v, bool negative)
{
	return (spk_int128)(negative ? -v : v);
}

static bool fits(u128 v)
{
	return v < (u128)powers[SPK_DECIMAL_DIGITS];
}

static int digits_of(u128 v)
{
	uint64_t high = (uint64_t)(v >> 64), low = (uint64_t)v;
	int bits, digits;

	if (!v)
		return 1;
	bits = high ? 128 - __builtin_clzll(high) : 64 - __builtin_clzll(low);
	/* 1233 / 4096 is log10(2) closely enough for 128 bits: the estimate is right or one too small. */
	digits = bits * 1233 >> 12;
	return digits + (digits > SPK_DECIMAL_DIGITS || v >= (u128)powers[digits]);
}

int spk_decimal_digits(spk_int128 v)
{
	return digits_of(magnitude(v));
}

/* --- 256 bits --- */

static struct wide multiply_wide(u128 a, u128 b)
{
	uint64_t a0 = (uint64_t)a, a1 = (uint64_t)(a >> 64), b0 = (uint64_t)b, b1 = (uint64_t)(b >> 64);
	u128 low = (u128)a0 * b0, middle = (u128)a1 * b0 + (low >> 64), other = (u128)a0 * b1 + (uint64_t)middle;

	return (struct wide){ (u128)a1 * b1 + (middle >> 64) + (other >> 64), other << 64 | (uint64_t)low };
}

static int compare_wide(struct wide a, struct wide b)
{
	if (a.high != b.high)
		return a.high < b.high ? -1 : 1;
	return (a.low > b.low) - (a.low < b.low);
}

static struct wide add_wide(struct wide a, struct wide b)
{
	u128 low = a.low + b.low;

	return (struct wide){ a.high + b.high + (low < a.low), low };
}

static struct wide subtract_wide(struct wide a, struct wide b)
{
	return (struct wide){ a.high - b.high - (a.low < b.low), a.low - b.low };
}

/* n / d rounded half up; false when the quotient needs more than 128 bits. d < 2^127. */
static bool divide_wide(struct wide n, u128 d, u128 *quotient)
{
	u128 rest, q = 0;

	if (!n.high) {
		q = n.low / d;
		rest = n.low % d;
	} else if (n.high >= d) {
		return false;
	} else {
		/* Bit by bit: rare enough. `rest` < d < 2^127, so that the shift loses nothing. */
		rest = n.high;
		for (int i = 127; i >= 0; i--) {
			rest = rest << 1 | (n.low >> i & 1);
			q <<= 1;
			if (rest >= d) {
				rest -= d;
				q |= 1;
			}
		}
	}
	*quotient = q + (rest >= d - rest);
	return *quotient >= q;
}

/* --- scale --- */

bool spk_numeric_pack(spk_int128 mantissa, int scale, spk_int128 *out)
{
	const spk_int128 limit = (spk_int128)1 << 119;

	if (mantissa < -limit || mantissa >= limit || scale < 0 || scale > SPK_DECIMAL_DIGITS) {
		if (!spk_decimal_is_special(mantissa))
			return false;
		mantissa = mantissa == SPK_DECIMAL_NAN ? SPK_NUMERIC_PACKED_NAN : mantissa < 0 ? -1 : 1;
		scale = SPK_NUMERIC_SPECIAL;
	}
	*out = (spk_int128)((u128)scale << 120 | ((u128)mantissa & (((u128)1 << 120) - 1)));
	return true;
}

/* v / 10^n, half away from zero; n may be more than 38, when nothing is left. */
static spk_int128 divide_power(spk_int128 v, int n)
{
	u128 m = magnitude(v), d, rest;

	if (n > SPK_DECIMAL_DIGITS)
		return 0;
	d = (u128)powers[n];
	if (m <= UINT64_MAX && n <= 18) {
		uint64_t q = (uint64_t)m / (uint64_t)d;

		rest = (uint64_t)m % (uint64_t)d;
		m = q;
	} else {
		rest = m % d;
		m /= d;
	}
	return with_sign(m + (rest >= d - rest), v < 0);
}

bool spk_decimal_rescale(spk_int128 v, int from, int to, spk_int128 *out)
{
	spk_int128 scaled;

	/* Times a power of ten, what is not finite never fits. */
	if (to >= from) {
		if (!v) {
			*out = 0;
			return true;
		}
		if (to - from > SPK_DECIMAL_DIGITS || __builtin_mul_overflow(v, powers[to - from], &scaled))
			return false;
	} else {
		if (spk_decimal_is_special(v))
			return false;
		scaled = divide_power(v, from - to);
	}
	if (!fits(magnitude(scaled)))
		return false;
	*out = scaled;
	return true;
}

bool spk_decimal_store(struct spk_type type, spk_int128 mantissa, int scale, spk_int128 *out)
{
	spk_int128 stored;

	if (type.scale < 0) {
		/* 36 digits is what a value with a scale of its own holds: digits after the point go first. */
		while (!spk_numeric_pack(mantissa, scale, out)) {
			int drop = SPK_MAX(spk_decimal_digits(mantissa) - 36, 1);

			drop = SPK_MAX(drop, scale - SPK_DECIMAL_DIGITS);
			if (drop > scale)
				return false;
			mantissa = divide_power(mantissa, drop);
			scale -= drop;
		}
		return true;
	}
	if (!spk_decimal_rescale(mantissa, scale, type.scale, &stored)) {
		*out = mantissa;
		return spk_decimal_is_special(mantissa);
	}
	if (type.precision > 0 && type.precision < SPK_DECIMAL_DIGITS && magnitude(stored) >= (u128)powers[type.precision])
		return false;
	*out = stored;
	return true;
}

/* --- arithmetic --- */

int spk_decimal_compare(spk_int128 a, int a_scale, spk_int128 b, int b_scale)
{
	int up = b_scale - a_scale, order;
	spk_int128 scaled;

	if (up == 0 || spk_decimal_is_special(a) || spk_decimal_is_special(b))
		return (a > b) - (a < b);
	if (up < 0)
		return -spk_decimal_compare(b, b_scale, a, a_scale);
	if ((a < 0) != (b < 0))
		return a < 0 ? -1 : 1;
	/* So far apart that anything but 0 is larger; what lies in a NULL's place may be compared, too. */
	if (up > SPK_DECIMAL_DIGITS)
		return a ? (a > 0) - (a < 0) : (b < 0) - (b > 0);
	if (!__builtin_mul_overflow(a, powers[up], &scaled))
		return (scaled > b) - (scaled < b);
	order = compare_wide(multiply_wide(magnitude(a), (u128)powers[up]), (struct wide){ 0, magnitude(b) });
	return a < 0 ? -order : order;
}

static int digits_wide(struct wide v)
{
	int digits = SPK_DECIMAL_DIGITS;

	if (!v.high)
		return digits_of(v.low);
	while (digits < 2 * SPK_DECIMAL_DIGITS &&
	       compare_wide(v, multiply_wide((u128)powers[SPK_DECIMAL_DIGITS], (u128)powers[digits - SPK_DECIMAL_DIGITS])) >= 0)
		digits++;
	return digits;
}

/* Rounds digits behind the point away until the value has 38 digits and at most that scale. */
static bool fit_wide(struct wide v, bool negative, spk_int128 *out, int *scale)
{
	int drop = SPK_MAX(SPK_MAX(digits_wide(v), *scale) - SPK_DECIMAL_DIGITS, 0);
	u128 m;

	for (; drop <= SPK_MIN(*scale, SPK_DECIMAL_DIGITS); drop++) {
		if (divide_wide(v, (u128)powers[drop], &m) && fits(m)) {
			*out = with_sign(m, negative);
			*scale -= drop;
			return true;
		}
	}
	return false;
}

/* The sum when a term aligned to the other's scale does not fit in 128 bits, or the sum not in 38 digits. */
static bool add_slow(spk_int128 a, int a_up, spk_int128 b, int b_up, spk_int128 *out, int *scale)
{
	struct wide x = multiply_wide(magnitude(a), (u128)powers[a_up]), y = multiply_wide(magnitude(b), (u128)powers[b_up]);

	if ((a < 0) == (b < 0))
		return fit_wide(add_wide(x, y), a < 0, out, scale);
	if (compare_wide(x, y) >= 0)
		return fit_wide(subtract_wide(x, y), a < 0, out, scale);
	return fit_wide(subtract_wide(y, x), b < 0, out, scale);
}

static inline bool both_finite(spk_int128 a, spk_int128 b)
{
	if (__builtin_expect((spk_decimal_is_large(a) | spk_decimal_is_large(b)) >= 0, 1))
		return true;
	return !spk_decimal_is_special(a) && !spk_decimal_is_special(b);
}

/* The result of an operation where one side is not finite: NaN, or an infinity of that sign. */
static bool special(bool nan, bool negative, spk_int128 *out, int *scale)
{
	*out = nan ? SPK_DECIMAL_NAN : negative ? -SPK_DECIMAL_INFINITY : SPK_DECIMAL_INFINITY;
	*scale = 0;
	return true;
}

static bool either_nan(spk_int128 a, spk_int128 b)
{
	return a == SPK_DECIMAL_NAN || b == SPK_DECIMAL_NAN;
}

bool spk_decimal_add(spk_int128 a, int a_scale, spk_int128 b, int b_scale, spk_int128 *out, int *scale)
{
	int to = SPK_MAX(a_scale, b_scale);
	spk_int128 x = a, y = b, sum;

	if (!both_finite(a, b))
		return special(either_nan(a, b) || a == -b, spk_decimal_is_special(a) ? a < 0 : b < 0, out, scale);
	SPK_ASSERT(to - a_scale <= SPK_DECIMAL_DIGITS && to - b_scale <= SPK_DECIMAL_DIGITS, "scales too far apart");
	if ((to != a_scale && __builtin_mul_overflow(a, powers[to - a_scale], &x)) ||
	    (to != b_scale && __builtin_mul_overflow(b, powers[to - b_scale], &y)) || __builtin_add_overflow(x, y, &sum) ||
	    !fits(magnitude(sum))) {
		int slow_scale = to;

		if (!add_slow(a, to - a_scale, b, to - b_scale, &sum, &slow_scale))
			return false;
		to = slow_scale;
	}
	*out = sum;
	*scale = to;
	return true;
}

bool spk_decimal_multiply(spk_int128 a, int a_scale, spk_int128 b, int b_scale, spk_int128 *out, int *scale)
{
	int s = a_scale + b_scale;
	spk_int128 plain;

	if (!both_finite(a, b))
		return special(either_nan(a, b) || !a || !b, (a < 0) != (b < 0), out, scale);
	if (s <= SPK_DECIMAL_DIGITS && !__builtin_mul_overflow(a, b, &plain) && fits(magnitude(plain)))
		*out = plain;
	else if (!fit_wide(multiply_wide(magnitude(a), magnitude(b)), (a < 0) != (b < 0), out, &s))
		return false;
	*scale = s;
	return true;
}

/* Weight of the first base-10000 digit (units: 0) and that digit, as PostgreSQL stores numerics. */
static void first_digit(spk_int128 v, int scale, int *weight, int *digit)
{
	int digits = spk_decimal_digits(v), top = digits - 1 - scale, leading;

	*weight = 0;
	*digit = 0;
	if (!v)
		return;
	*weight = top >= 0 ? top / 4 : -((3 - top) / 4);
	leading = top - 4 * *weight + 1;
	*digit = (int)(digits >= leading ? magnitude(v) / (u128)powers[digits - leading] :
	                                   magnitude(v) * (u128)powers[leading - digits]);
}

/* select_div_scale of PostgreSQL's numeric.c: at least 16 significant digits, no fewer than either input shows. */
static int quotient_scale(spk_int128 a, int a_scale, spk_int128 b, int b_scale)
{
	int a_weight, a_digit, b_weight, b_digit, weight;

	first_digit(a, a_scale, &a_weight, &a_digit);
	first_digit(b, b_scale, &b_weight, &b_digit);
	weight = a_weight - b_weight - (a_digit <= b_digit);
	return SPK_MAX(SPK_MAX(16 - 4 * weight, 0), SPK_MAX(a_scale, b_scale));
}

/* a * 10^up / b in 38 digits. */
static bool quotient_at(u128 a, u128 b, int up, u128 *q)
{
	struct wide n = { 0, a };

	if (up < 0) {
		/* The dividend shows more digits than the quotient will: the divisor grows instead. */
		if (up < -SPK_DECIMAL_DIGITS || __builtin_mul_overflow(b, (u128)powers[-up], &b) || b >> 127)
			return false;
	} else {
		n = multiply_wide(a, (u128)powers[SPK_MIN(up, SPK_DECIMAL_DIGITS)]);
	}
	if (up > SPK_DECIMAL_DIGITS) {
		u128 power = (u128)powers[up - SPK_DECIMAL_DIGITS];
		struct wide low = multiply_wide(n.low, power);

		/* The caller sees to it that this stays under 10^76. */
		n = (struct wide){ low.high + n.high * power, low.low };
	}
	return divide_wide(n, b, q) && fits(*q);
}

bool spk_decimal_divide(spk_int128 a, int a_scale, spk_int128 b, int b_scale, spk_int128 *out, int *scale)
{
	int to, room;
	u128 q;

	SPK_ASSERT(b != 0, "division of a numeric by zero");
	if (spk_decimal_is_special(a))
		return special(either_nan(a, b) || spk_decimal_is_special(b), (a < 0) != (b < 0), out, scale);
	if (spk_decimal_is_special(b)) {
		*out = b == SPK_DECIMAL_NAN ? b : 0;
		*scale = 0;
		return true;
	}
	to = quotient_scale(a, a_scale, b, b_scale);
	room = SPK_DECIMAL_DIGITS + spk_decimal_digits(b) - spk_decimal_digits(a) + a_scale - b_scale;
	/* Where PostgreSQL would go on for hundreds of digits, ours end at 38. */
	for (to = SPK_MIN(to, SPK_MIN(SPK_DECIMAL_DIGITS, room)); to >= 0; to--) {
		if (quotient_at(magnitude(a), magnitude(b), to + b_scale - a_scale, &q)) {
			*out = with_sign(q, (a < 0) != (b < 0));
			*scale = to;
			return true;
		}
	}
	return false;
}

bool spk_decimal_from_normal(spk_int128 normal, int exponent, spk_int128 *out, int *scale)
{
	int s = SPK_DECIMAL_DIGITS - exponent;

	if (spk_decimal_is_special(normal)) {
		*out = normal;
		*scale = 0;
		return exponent == SPK_DECIMAL_DIGITS + 1;
	}
	if (!fits(magnitude(normal)) || exponent > SPK_DECIMAL_DIGITS || exponent < -SPK_DECIMAL_DIGITS)
		return false;
	if (!normal)
		s = 0;
	for (; s > 0 && normal % 10 == 0; s--)
		normal /= 10;
	*out = normal;
	*scale = s;
	return s <= SPK_DECIMAL_DIGITS;
}

/* --- text and double --- */

static int write_digits(u128 v, char *end)
{
	char *p = end;

	while (v > UINT64_MAX) {
		uint64_t part = (uint64_t)(v % (u128)E18);

		v /= (u128)E18;
		for (int i = 0; i < 18; i++, part /= 10)
			*--p = (char)('0' + part % 10);
	}
	for (uint64_t rest = (uint64_t)v; rest || p == end; rest /= 10)
		*--p = (char)('0' + rest % 10);
	return (int)(end - p);
}

int spk_decimal_format(spk_int128 v, int scale, char *out)
{
	char buffer[80], *end = buffer + sizeof(buffer), *p;
	int n = write_digits(magnitude(v), end);
	char *to = out;

	if (spk_decimal_is_special(v)) {
		const char *word = v == SPK_DECIMAL_NAN ? "NaN" : v < 0 ? "-Infinity" : "Infinity";

		memcpy(out, word, strlen(word));
		return (int)strlen(word);
	}
	SPK_ASSERT(scale >= 0 && scale <= SPK_DECIMAL_DIGITS, "a scale out of range");
	p = end - n;
	for (; n <= scale; n++)
		*--p = '0';
	if (v < 0)
		*to++ = '-';
	memcpy(to, p, (size_t)(n - scale));
	to += n - scale;
	if (scale) {
		*to++ = '.';
		memcpy(to, end - scale, (size_t)scale);
		to += scale;
	}
	return (int)(to - out);
}

double spk_decimal_to_double(spk_int128 v, int scale)
{
	char text[64], *end = text + 48;

	if (spk_decimal_is_special(v))
		return v == SPK_DECIMAL_NAN ? NAN : v < 0 ? -INFINITY : INFINITY;
	/* Both operands exact: the one rounding of the division is the right one. */
	if (magnitude(v) <= (u128)1 << 53 && scale <= 22)
		return (double)v / (double)powers[scale];
	/* No decimal point in it, so no locale can misread it. */
	snprintf(end, 16, "e-%d", scale);
	end -= write_digits(magnitude(v), end);
	if (v < 0)
		*--end = '-';
	return strtod(end, NULL);
}

bool spk_decimal_parse_special(const char *s, size_t size, spk_int128 *out)
{
	const bool negative = size && *s == '-', sign = size && (*s == '-' || *s == '+');

	*out = SPK_DECIMAL_NAN;
	if (size == 3 && strncasecmp(s, "nan", size) == 0)
		return true;
	*out = negative ? -SPK_DECIMAL_INFINITY : SPK_DECIMAL_INFINITY;
	s += sign;
	size -= sign;
	return (size == 3 && strncasecmp(s, "inf", size) == 0) || (size == 8 && strncasecmp(s, "infinity", size) == 0);
}

/* Reads the exponent behind 'e'; its magnitude is cut at 999, where all is over anyway. */
static bool parse_exponent(const char *p, const char *end, int *exponent)
{
	bool negative = p < end && *p == '-';
	int n = 0;

	if (p < end && (*p == '-' || *p == '+'))
		p++;
	if (p == end)
		return false;
	for (; p < end; p++) {
		if (*p < '0' || *p > '9')
			return false;
		n = SPK_MIN(n * 10 + (*p - '0'), 999);
	}
	*exponent = negative ? -n : n;
	return true;
}

bool spk_decimal_parse(const char *s, size_t size, spk_int128 *out, int *scale)
{
	const char *p = s, *end = s + size;
	bool negative = size && *p == '-', point = false, any = false;
	int after = 0, digits = 0, exponent = 0;
	u128 m = 0;

	if (size && (*p == '-' || *p == '+'))
		p++;
	for (; p < end; p++) {
		if (*p == '.' && !point) {
			point = true;
		} else if (*p >= '0' && *p <= '9') {
			any = true;
			digits += digits || *p != '0';
			after += point;
			if (digits > SPK_DECIMAL_DIGITS || after > 999)
				return false;
			m = m * 10 + (unsigned)(*p - '0');
		} else {
			break;
		}
	}
	if (!any || (p < end && ((*p != 'e' && *p != 'E') || !parse_exponent(p + 1, end, &exponent))))
		return false;
	after -= exponent;
	if (after < 0) {
		if (m && digits - after > SPK_DECIMAL_DIGITS)
			return false;
		m *= m ? (u128)powers[-after] : 1;
		after = 0;
	}
	if (after > SPK_DECIMAL_DIGITS)
		return false;
	*out = with_sign(m, negative);
	*scale = after;
	return true;
}
