#include "core/expr/precise.h"

#include <math.h>

#include "core/base/check.h"

enum { DIGITS = 60 };

static bool is_zero(const struct spk_precise *a) { return spk_wide_is_zero(&a->digits); }

/* Drops `n` digits, rounding half up. */
static struct spk_wide drop(struct spk_wide v, int n)
{
	spk_uint128 rest = 0, power = 1;

	while (n > 0) {
		const int step = n < SPK_DECIMAL_DIGITS ? n : SPK_DECIMAL_DIGITS;

		power = (spk_uint128)spk_pow10(step);
		v = spk_wide_divide(&v, power, &rest);
		n -= step;
	}
	if (rest && rest >= power - rest) {
		const struct spk_wide one = spk_wide_of(1);

		v = spk_wide_add(&v, &one);
	}
	return v;
}

/* At most DIGITS digits. */
static struct spk_precise normal(struct spk_precise a)
{
	const int over = spk_wide_digits(&a.digits) - DIGITS;

	if (over > 0) {
		a.digits = drop(a.digits, over);
		a.exponent += over;
	}
	return a;
}

struct spk_precise spk_precise_of(spk_int128 mantissa, int scale)
{
	const spk_uint128 magnitude = mantissa < 0 ? -(spk_uint128)mantissa : (spk_uint128)mantissa;

	return (struct spk_precise){ spk_wide_of(magnitude), -scale, mantissa < 0 };
}

/* `a` with its digits written down to a lower exponent. */
static struct spk_wide shifted(const struct spk_precise *a, int exponent)
{
	const struct spk_wide power = spk_wide_power_of_ten(a->exponent - exponent);

	return spk_wide_multiply(&a->digits, &power);
}

struct spk_precise spk_precise_add(struct spk_precise a, struct spk_precise b)
{
	struct spk_precise r;
	struct spk_wide x, y;

	if (is_zero(&a) || is_zero(&b))
		return is_zero(&a) ? b : a;
	if (a.exponent < b.exponent)
		return spk_precise_add(b, a);
	/* What lies below the last digit that counts does not count. */
	if (a.exponent - b.exponent > 2 * DIGITS)
		return a;
	x = shifted(&a, b.exponent);
	y = b.digits;
	r.exponent = b.exponent;
	if (a.negative == b.negative) {
		r.digits = spk_wide_add(&x, &y);
		r.negative = a.negative;
	} else if (spk_wide_compare(&x, &y) >= 0) {
		r.digits = spk_wide_subtract(&x, &y);
		r.negative = a.negative;
	} else {
		r.digits = spk_wide_subtract(&y, &x);
		r.negative = b.negative;
	}
	return normal(r);
}

/* What is so large or so small no numeric holds: the exponents of two of these can still be added. */
enum { EXPONENT_MAX = 1 << 28 };

static int in_range(int exponent) { return SPK_MAX(-EXPONENT_MAX, SPK_MIN(exponent, EXPONENT_MAX)); }

struct spk_precise spk_precise_multiply(struct spk_precise a, struct spk_precise b)
{
	a = normal(a);
	b = normal(b);
	return normal((struct spk_precise){ spk_wide_multiply(&a.digits, &b.digits), in_range(a.exponent + b.exponent), a.negative != b.negative });
}

static struct spk_precise negated(struct spk_precise a)
{
	a.negative = !a.negative;
	return a;
}

/* The first 18 digits as a fraction from 0.1 to 1, and the power of ten that it is to be multiplied by. */
static long double leading(const struct spk_precise *a, int *exponent)
{
	const int digits = spk_wide_digits(&a->digits);
	struct spk_wide head = digits > 18 ? drop(a->digits, digits - 18) : a->digits;
	spk_uint128 value = 0;

	spk_wide_fits(&head, &value);
	*exponent = a->exponent + digits;
	return (long double)value / powl(10, digits > 18 ? 18 : digits);
}

/* 17 digits behind the point of a number from -10 to 10. */
static struct spk_precise of_long(long double v)
{
	return spk_precise_of((spk_int128)roundl(v * 1e17L), 17);
}

struct spk_precise spk_precise_inverse(struct spk_precise a)
{
	const struct spk_precise two = spk_precise_of(2, 0);
	int exponent;
	long double head = leading(&a, &exponent);
	struct spk_precise r = of_long(1 / head);

	/* Every turn doubles the digits that are right. */
	r.exponent -= exponent;
	r.negative = a.negative;
	for (int i = 0; i < 3; i++)
		r = spk_precise_multiply(r, spk_precise_add(two, negated(spk_precise_multiply(a, r))));
	return r;
}

struct spk_precise spk_precise_power(struct spk_precise a, int64_t e)
{
	struct spk_precise r = spk_precise_of(1, 0);

	for (uint64_t n = e < 0 ? -(uint64_t)e : (uint64_t)e; n; n >>= 1) {
		if (n & 1)
			r = spk_precise_multiply(r, a);
		if (n > 1)
			a = spk_precise_multiply(a, a);
	}
	return e < 0 ? spk_precise_inverse(r) : r;
}

/* ln 10, 70 digits (OEIS A002392). */
static struct spk_precise ln10(void)
{
	static const spk_int128 head = (spk_int128)2302585092994045684 * 10000000000000000 + 179914546843642, tail = (spk_int128)76011014886287729 * 10000000000000000 + 7603332790096757;
	const struct spk_precise low = { spk_wide_of((spk_uint128)tail), -68, false };

	return spk_precise_add(spk_precise_of(head, 34), low);
}

/* By a small number, to all digits. */
static struct spk_precise divided(struct spk_precise a, unsigned k)
{
	const int exponent = a.exponent - (DIGITS + 5 - spk_wide_digits(&a.digits));
	spk_uint128 rest;

	a.digits = shifted(&a, exponent);
	a.exponent = exponent;
	a.digits = spk_wide_divide(&a.digits, k, &rest);
	return normal(a);
}

/* The series, for |a| of about 1. */
static struct spk_precise exp_series(struct spk_precise a)
{
	struct spk_precise sum = spk_precise_of(1, 0), term = sum;

	for (unsigned k = 1; k < 200; k++) {
		term = spk_precise_multiply(term, a);
		if (is_zero(&term) || term.exponent + spk_wide_digits(&term.digits) < -DIGITS - 5)
			break;
		term = divided(term, k);
		sum = spk_precise_add(sum, term);
	}
	return sum;
}

struct spk_precise spk_precise_exp(struct spk_precise a)
{
	int exponent, tens;
	long double v = leading(&a, &exponent);
	struct spk_precise r;

	if (is_zero(&a))
		return spk_precise_of(1, 0);
	v *= powl(10, exponent) * (a.negative ? -1 : 1);
	tens = (int)roundl(v / 2.302585092994045684L);
	r = exp_series(spk_precise_add(a, negated(spk_precise_multiply(ln10(), spk_precise_of(tens, 0)))));
	r.exponent += tens;
	return r;
}

struct spk_precise spk_precise_ln(struct spk_precise a)
{
	int exponent;
	long double head = leading(&a, &exponent);
	struct spk_precise first, t, square, sum;

	/* a = head * 10^exponent; ln of head to 17 digits, and what is left from the series of ln(1 + t), whose t is below 10^-16. */
	a.exponent -= exponent;
	first = of_long(logl(head));
	t = spk_precise_add(spk_precise_multiply(a, spk_precise_exp(negated(first))), spk_precise_of(-1, 0));
	square = spk_precise_multiply(t, t);
	sum = spk_precise_add(first, t);
	sum = spk_precise_add(sum, spk_precise_multiply(square, spk_precise_of(-5, 1)));
	sum = spk_precise_add(sum, spk_precise_multiply(spk_precise_multiply(square, t), spk_precise_inverse(spk_precise_of(3, 0))));
	return spk_precise_add(sum, spk_precise_multiply(ln10(), spk_precise_of(exponent, 0)));
}

bool spk_precise_round(struct spk_precise a, int scale, spk_int128 *out)
{
	const int digits = spk_wide_digits(&a.digits), dropped = -scale - a.exponent;
	spk_uint128 value = 0;
	struct spk_wide v;

	*out = 0;
	if (is_zero(&a) || dropped > digits)
		return true;
	if (dropped < 0 && digits - dropped > SPK_DECIMAL_DIGITS)
		return false;
	v = dropped > 0 ? drop(a.digits, dropped) : shifted(&a, -scale);
	if (spk_wide_digits(&v) > SPK_DECIMAL_DIGITS || !spk_wide_fits(&v, &value))
		return false;
	*out = a.negative ? -(spk_int128)value : (spk_int128)value;
	return true;
}
