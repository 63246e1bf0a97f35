/* Whole numbers of 640 bits against 128-bit arithmetic, and laws where that ends. */
#include "core/columnar/decimal.h"
#include "core/expr/wide.h"
#include "tests/support/test.h"

static spk_uint128 random_number(spk_test_rng *rng, int bits)
{
	spk_uint128 v = (spk_uint128)spk_test_next(rng) << 64 | spk_test_next(rng);

	return v >> (128 - 1 - (int)spk_test_below(rng, (uint64_t)bits));
}

static struct spk_wide random_wide(spk_test_rng *rng, int limbs)
{
	struct spk_wide w = { { 0 } };
	int n = 1 + (int)spk_test_below(rng, (uint64_t)limbs);

	for (int i = 0; i < n; i++)
		w.limb[i] = spk_test_one_in(rng, 5) ? UINT64_MAX : spk_test_one_in(rng, 5) ? 0 : spk_test_next(rng);
	return w;
}

static bool same(struct spk_wide a, struct spk_wide b) { return spk_wide_compare(&a, &b) == 0; }

static void small_numbers(void)
{
	spk_test_rng rng = spk_test_rng_new(8);

	for (int i = 0; i < 20000; i++) {
		const spk_uint128 a = random_number(&rng, 64), b = random_number(&rng, 63), d = b + 1;
		const struct spk_wide x = spk_wide_of(a), y = spk_wide_of(b), product = spk_wide_multiply(&x, &y), sum = spk_wide_add(&x, &y);
		spk_uint128 rest, out;
		const struct spk_wide q = spk_wide_divide(&x, d, &rest);

		CHECK(same(product, spk_wide_of(a * b)));
		CHECK(same(sum, spk_wide_of(a + b)));
		CHECK(same(spk_wide_subtract(&sum, &x), y));
		CHECK(same(q, spk_wide_of(a / d)) && rest == a % d);
		CHECK(spk_wide_fits(&x, &out) && out == a);
		CHECK_EQ_INT(spk_wide_digits(&x), spk_decimal_digits((spk_int128)a));
		CHECK(spk_wide_compare(&x, &y) == (a > b) - (a < b));
	}
}

static void large_numbers(void)
{
	spk_test_rng rng = spk_test_rng_new(9);

	for (int i = 0; i < 5000; i++) {
		const struct spk_wide a = random_wide(&rng, 7), b = random_wide(&rng, 3), product = spk_wide_multiply(&a, &b), sum = spk_wide_add(&a, &b);
		const spk_uint128 d = (random_number(&rng, 126) >> 1) + 1;
		const struct spk_wide divisor = spk_wide_of(d);
		spk_uint128 rest;
		const struct spk_wide q = spk_wide_divide(&product, d, &rest), most = spk_wide_multiply(&q, &divisor), left = spk_wide_of(rest);
		const int digits = spk_wide_digits(&a);
		const struct spk_wide above = spk_wide_power_of_ten(digits), below = spk_wide_power_of_ten(digits - 1);

		CHECK(same(spk_wide_subtract(&sum, &b), a));
		CHECK(rest < d && same(spk_wide_add(&most, &left), product));
		CHECK(spk_wide_compare(&a, &above) < 0 && (digits == 1 || spk_wide_compare(&a, &below) >= 0));
	}
}

/* (r - 1/2)^2 <= v < (r + 1/2)^2: r^2 - r < v <= r^2 + r, v being whole. */
static void roots(void)
{
	spk_test_rng rng = spk_test_rng_new(10);

	for (int i = 0; i < 5000; i++) {
		struct spk_wide v = random_wide(&rng, 4);

		v.limb[3] >>= 2;
		if (i % 2)
			v.limb[2] = v.limb[3] = 0;
		const struct spk_wide r = spk_wide_of(spk_wide_root(&v)), square = spk_wide_multiply(&r, &r), high = spk_wide_add(&square, &r), low = spk_wide_subtract(&square, &r);

		CHECK(spk_wide_compare(&v, &high) <= 0);
		CHECK(spk_wide_is_zero(&r) || spk_wide_compare(&v, &low) > 0);
	}
}

SPK_TEST_SUITE("wide numbers", { "small ones as in 128 bits", small_numbers }, { "large ones", large_numbers }, { "roots", roots })
