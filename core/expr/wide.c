/* Whole numbers of 640 bits. See wide.h. */
#include "core/expr/wide.h"

#include <math.h>
#include <string.h>

#include "core/base/check.h"
#include "core/columnar/decimal.h"

#define LIMBS SPK_WIDE_LIMBS

struct spk_wide spk_wide_of(spk_uint128 v)
{
	return (struct spk_wide){ { (uint64_t)v, (uint64_t)(v >> 64) } };
}

struct spk_wide spk_wide_of_limbs(const uint64_t *limb, int limbs)
{
	struct spk_wide w = { { 0 } };

	memcpy(w.limb, limb, sizeof *limb * (size_t)limbs);
	return w;
}

struct spk_wide spk_wide_add(const struct spk_wide *a, const struct spk_wide *b)
{
	struct spk_wide sum;
	spk_uint128 carry = 0;

	for (int i = 0; i < LIMBS; i++) {
		carry += (spk_uint128)a->limb[i] + b->limb[i];
		sum.limb[i] = (uint64_t)carry;
		carry >>= 64;
	}
	return sum;
}

struct spk_wide spk_wide_subtract(const struct spk_wide *a, const struct spk_wide *b)
{
	struct spk_wide difference;
	bool borrow = false;

	for (int i = 0; i < LIMBS; i++) {
		uint64_t d = a->limb[i] - b->limb[i], less = d - borrow;

		borrow = a->limb[i] < b->limb[i] || d < borrow;
		difference.limb[i] = less;
	}
	return difference;
}

static int top(const struct spk_wide *a)
{
	int n = LIMBS;

	while (n > 0 && !a->limb[n - 1])
		n--;
	return n;
}

struct spk_wide spk_wide_multiply(const struct spk_wide *a, const struct spk_wide *b)
{
	struct spk_wide product = { { 0 } };
	const int na = top(a), nb = top(b);

	for (int i = 0; i < na; i++) {
		spk_uint128 carry = 0;

		for (int k = 0; k < nb && i + k < LIMBS; k++) {
			carry += (spk_uint128)a->limb[i] * b->limb[k] + product.limb[i + k];
			product.limb[i + k] = (uint64_t)carry;
			carry >>= 64;
		}
		if (i + nb < LIMBS)
			product.limb[i + nb] = (uint64_t)carry;
	}
	return product;
}

struct spk_wide spk_wide_power_of_ten(int n)
{
	struct spk_wide w = spk_wide_of(1);

	SPK_ASSERT(n >= 0, "a power of ten");
	while (n > 0) {
		const int step = SPK_MIN(n, SPK_DECIMAL_DIGITS);
		const struct spk_wide power = spk_wide_of((spk_uint128)spk_pow10(step));

		w = spk_wide_multiply(&w, &power);
		n -= step;
	}
	return w;
}

int spk_wide_compare(const struct spk_wide *a, const struct spk_wide *b)
{
	for (int i = LIMBS - 1; i >= 0; i--)
		if (a->limb[i] != b->limb[i])
			return a->limb[i] < b->limb[i] ? -1 : 1;
	return 0;
}

bool spk_wide_is_zero(const struct spk_wide *a) { return top(a) == 0; }

int spk_wide_bits(const struct spk_wide *a)
{
	const int n = top(a);

	return n ? 64 * n - __builtin_clzll(a->limb[n - 1]) : 0;
}

int spk_wide_digits(const struct spk_wide *a)
{
	/* 1233 / 4096 is a little more than log10(2): the estimate is right or, for the widest numbers, some too small. */
	int digits = SPK_MAX((spk_wide_bits(a) - 1) * 1233 / 4096, 1);
	struct spk_wide power = spk_wide_power_of_ten(digits);

	for (const struct spk_wide ten = spk_wide_of(10); spk_wide_compare(a, &power) >= 0; digits++)
		power = spk_wide_multiply(&power, &ten);
	return digits;
}

/* --- division --- */

static struct spk_wide divide_by_limb(const struct spk_wide *n, uint64_t d, spk_uint128 *rest)
{
	struct spk_wide q = { { 0 } };
	spk_uint128 r = 0;

	for (int i = top(n) - 1; i >= 0; i--) {
		r = r << 64 | n->limb[i];
		q.limb[i] = (uint64_t)(r / d);
		r %= d;
	}
	*rest = r;
	return q;
}

/* Bit by bit: only for more than 2^32 rows. d < 2^127, so that the shift loses nothing. */
static struct spk_wide divide_by_two_limbs(const struct spk_wide *n, spk_uint128 d, spk_uint128 *rest)
{
	struct spk_wide q = { { 0 } };
	spk_uint128 r = 0;

	SPK_ASSERT(d >> 127 == 0, "a divisor of at most 127 bits");
	for (int i = spk_wide_bits(n) - 1; i >= 0; i--) {
		r = r << 1 | (n->limb[i / 64] >> (i % 64) & 1);
		if (r >= d) {
			r -= d;
			q.limb[i / 64] |= 1ull << (i % 64);
		}
	}
	*rest = r;
	return q;
}

struct spk_wide spk_wide_divide(const struct spk_wide *n, spk_uint128 d, spk_uint128 *rest)
{
	SPK_ASSERT(d != 0, "division by zero");
	return d >> 64 ? divide_by_two_limbs(n, d, rest) : divide_by_limb(n, (uint64_t)d, rest);
}

bool spk_wide_fits(const struct spk_wide *a, spk_uint128 *out)
{
	*out = (spk_uint128)a->limb[1] << 64 | a->limb[0];
	return spk_wide_bits(a) <= 127;
}

/* --- square root --- */

/* Rounded down; an estimate by floating point, then corrected. */
static uint64_t root_of_two_limbs(spk_uint128 v)
{
	const long double estimate = sqrtl((long double)v);
	uint64_t r = estimate >= 0x1p64L ? UINT64_MAX : (uint64_t)estimate;

	while ((spk_uint128)r * r > v)
		r--;
	while (r < UINT64_MAX && (spk_uint128)(r + 1) * (r + 1) <= v)
		r++;
	return r;
}

/* Rounded down, a bit at a time from the top. */
static spk_uint128 root_of_four_limbs(const struct spk_wide *v)
{
	spk_uint128 r = 0;

	for (int bit = (spk_wide_bits(v) - 1) / 2; bit >= 0; bit--) {
		const struct spk_wide tried = spk_wide_of(r | (spk_uint128)1 << bit), square = spk_wide_multiply(&tried, &tried);

		if (spk_wide_compare(&square, v) <= 0)
			r |= (spk_uint128)1 << bit;
	}
	return r;
}

spk_uint128 spk_wide_root(const struct spk_wide *a)
{
	const spk_uint128 r = top(a) <= 2 ? root_of_two_limbs((spk_uint128)a->limb[1] << 64 | a->limb[0]) : root_of_four_limbs(a);
	const struct spk_wide down = spk_wide_of(r), square = spk_wide_multiply(&down, &down), rest = spk_wide_subtract(a, &square);

	/* (r + 1/2)^2 = r^2 + r + 1/4: the rest is a whole number. */
	return r + (spk_wide_compare(&rest, &down) > 0);
}
