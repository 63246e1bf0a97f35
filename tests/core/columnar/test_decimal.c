/* Decimals: against what PostgreSQL printed, and against plain long arithmetic on digits. */
#include <stdio.h>

#include "tests/core/columnar/random.h"

static struct { spk_int128 v; int scale; } number;

static bool parse(const char *s)
{
	return spk_decimal_parse(s, strlen(s), &number.v, &number.scale);
}

static const char *text(spk_int128 v, int scale)
{
	static char out[4][64];
	static int turn;
	char *to = out[turn++ & 3];

	to[spk_decimal_format(v, scale, to)] = 0;
	return to;
}

static void numbers_are_parsed_as_written(void)
{
	static const struct { const char *in, *out; } cases[] = {
		{ "0", "0" }, { "-0", "0" }, { "+7", "7" }, { ".5", "0.5" }, { "5.", "5" }, { "-12.50", "-12.50" }, { "000123", "123" },
		{ "1.5e1", "15" }, { "1.50e1", "15.0" }, { "1e-3", "0.001" }, { "1E+3", "1000" }, { "0e20", "0" }, { "0.00", "0.00" },
		{ "99999999999999999999999999999999999999", "99999999999999999999999999999999999999" },
		{ "-0.00000000000000000000000000000000000001", "-0.00000000000000000000000000000000000001" },
		{ "1e37", "10000000000000000000000000000000000000" },
	};
	static const char *const wrong[] = { "", "-", ".", "+.", "1x", "x", "1e", "1e+", "1.2.3", " 1", "1 ", "--1", "NaN", "Infinity", "1e38",
		"100000000000000000000000000000000000000", "1e-39", "1e99999999999", "1_000", "0x10" };

	for (size_t i = 0; i < SPK_COUNT_OF(cases); i++) {
		CHECK(parse(cases[i].in));
		CHECK_EQ_STR(text(number.v, number.scale), cases[i].out);
	}
	for (size_t i = 0; i < SPK_COUNT_OF(wrong); i++)
		CHECK(!parse(wrong[i]));
}

static void digits_are_counted(void)
{
	CHECK_EQ_INT(spk_decimal_digits(0), 1);
	for (int n = 0; n < SPK_DECIMAL_DIGITS; n++) {
		CHECK_EQ_INT(spk_decimal_digits(spk_pow10(n)), n + 1);
		CHECK_EQ_INT(spk_decimal_digits(-(spk_pow10(n + 1) - 1)), n + 1);
	}
	CHECK_EQ_INT(spk_decimal_digits(spk_pow10(38)), 39);
	CHECK_EQ_INT(spk_decimal_digits((spk_int128)((unsigned __int128)1 << 127)), 39);
}

static void arithmetic_is_postgresqls(void)
{
	char *path = spk_test_source("tests/core/columnar/decimal_postgresql.txt"), *file = spk_test_slurp(path, NULL), *save = NULL;
	int lines = 0;

	REQUIRE(file != NULL);
	for (char *line = strtok_r(file, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char a[64], op, b[64], want[64];
		spk_int128 x, y, z = 0;
		int xs, ys, zs = 0;
		bool ok;

		if (*line == '#')
			continue;
		REQUIRE_EQ_INT(sscanf(line, "%63s %c %63s %63s", a, &op, b, want), 4);
		REQUIRE(spk_decimal_parse(a, strlen(a), &x, &xs) && spk_decimal_parse(b, strlen(b), &y, &ys));
		switch (op) {
		case '+': ok = spk_decimal_add(x, xs, y, ys, &z, &zs); break;
		case '-': ok = spk_decimal_add(x, xs, -y, ys, &z, &zs); break;
		case '*': ok = spk_decimal_multiply(x, xs, y, ys, &z, &zs); break;
		default: ok = spk_decimal_divide(x, xs, y, ys, &z, &zs);
		}
		CHECK(ok);
		if (strcmp(text(z, zs), want) != 0)
			printf("in: %s\n", line);
		CHECK_EQ_STR(text(z, zs), want);
		lines++;
	}
	CHECK(lines > 200);
	free(file);
	free(path);
}

/* --- long arithmetic as at school, on little-endian decimal digits: slow and plain --- */

enum { LONG_DIGITS = 160 };
struct digits { int8_t d[LONG_DIGITS]; };

static struct digits to_digits(spk_int128 v, int shift)
{
	unsigned __int128 m = v < 0 ? -(unsigned __int128)v : (unsigned __int128)v;
	struct digits out = { { 0 } };

	for (int i = shift; m; i++, m /= 10)
		out.d[i] = (int8_t)(m % 10);
	return out;
}

static struct digits long_multiply(const struct digits *a, const struct digits *b)
{
	struct digits out = { { 0 } };

	for (int i = 0; i < 77; i++) {
		int carry = 0;

		for (int k = 0; i + k < LONG_DIGITS; k++) {
			int sum = out.d[i + k] + a->d[i] * b->d[k] + carry;

			out.d[i + k] = (int8_t)(sum % 10);
			carry = sum / 10;
		}
	}
	return out;
}

static int long_compare(const struct digits *a, const struct digits *b)
{
	for (int i = LONG_DIGITS - 1; i >= 0; i--)
		if (a->d[i] != b->d[i])
			return a->d[i] < b->d[i] ? -1 : 1;
	return 0;
}

static void long_subtract(struct digits *a, const struct digits *b)
{
	int borrow = 0;

	for (int i = 0; i < LONG_DIGITS; i++) {
		int d = a->d[i] - b->d[i] - borrow;

		borrow = d < 0;
		a->d[i] = (int8_t)(d + 10 * borrow);
	}
}

/* v / 10^drop, half up. */
static struct digits long_round(const struct digits *v, int drop)
{
	struct digits out = { { 0 } };
	int carry = drop && v->d[drop - 1] >= 5;

	for (int i = 0; i + drop < LONG_DIGITS; i++) {
		int sum = v->d[i + drop] + carry;

		out.d[i] = (int8_t)(sum % 10);
		carry = sum / 10;
	}
	return out;
}

static int long_length(const struct digits *v)
{
	int n = LONG_DIGITS;

	while (n && !v->d[n - 1])
		n--;
	return n;
}

static void check_digits(bool ok, spk_int128 got, int got_scale, bool negative, const struct digits *exact, int exact_scale)
{
	/* The largest scale at which the exact result has 38 digits. */
	int drop = SPK_MAX(exact_scale - 38, 0);
	struct digits want = long_round(exact, drop), have = to_digits(got, 0);

	while (long_length(&want) > 38)
		want = long_round(exact, ++drop);
	if (drop > exact_scale) {
		CHECK(!ok);
		return;
	}
	CHECK(ok);
	CHECK_EQ_INT(got_scale, exact_scale - drop);
	CHECK_EQ_INT(long_compare(&want, &have), 0);
	CHECK(got == 0 || (got < 0) == negative);
}

static void products_and_sums_are_exact_or_rounded_once(void)
{
	spk_test_rng rng = spk_test_rng_new(1);

	for (int round = 0; round < (spk_test_long() ? 200000 : 4000); round++) {
		spk_int128 a = random_int128(&rng, 38), b = random_int128(&rng, 38), out = 0;
		int as = (int)spk_test_below(&rng, 39), bs = (int)spk_test_below(&rng, 39), scale = 0, s = SPK_MAX(as, bs);
		struct digits x = to_digits(a, 0), y = to_digits(b, 0), exact = long_multiply(&x, &y);
		bool ok = spk_decimal_multiply(a, as, b, bs, &out, &scale), negative = a < 0;

		check_digits(ok, out, scale, (a < 0) != (b < 0), &exact, as + bs);
		x = to_digits(a, s - as);
		y = to_digits(b, s - bs);
		if ((a < 0) != (b < 0)) {
			exact = x;
			if (long_compare(&x, &y) < 0) {
				exact = y;
				y = x;
				negative = b < 0;
			}
			long_subtract(&exact, &y);
		} else {
			int carry = 0;

			for (int i = 0; i < LONG_DIGITS; i++) {
				int sum = x.d[i] + y.d[i] + carry;

				exact.d[i] = (int8_t)(sum % 10);
				carry = sum / 10;
			}
		}
		ok = spk_decimal_add(a, as, b, bs, &out, &scale);
		check_digits(ok, out, scale, negative, &exact, s);
	}
}

/* Twice the rest of n = q * d is at most d, in long digits. */
static void quotients_are_nearest(void)
{
	spk_test_rng rng = spk_test_rng_new(2);

	for (int round = 0; round < (spk_test_long() ? 200000 : 4000); round++) {
		spk_int128 a = random_int128(&rng, 38), b = random_int128(&rng, 38), q = 0;
		int as = (int)spk_test_below(&rng, 39), bs = (int)spk_test_below(&rng, 39), scale = 0, up;
		struct digits n, d, product, two = to_digits(2, 0);

		if (!b || !spk_decimal_divide(a, as, b, bs, &q, &scale))
			continue;
		/* n / d with n = a * 10^up, all integers */
		up = scale + bs - as;
		n = to_digits(a, SPK_MAX(up, 0));
		d = to_digits(b, SPK_MAX(-up, 0));
		product = to_digits(q, 0);
		product = long_multiply(&product, &d);
		if (long_compare(&n, &product) < 0) {
			struct digits swap = n;

			n = product;
			product = swap;
		}
		long_subtract(&n, &product);
		n = long_multiply(&two, &n);
		CHECK(long_compare(&n, &d) <= 0);
		CHECK(q == 0 || (q < 0) == ((a < 0) != (b < 0)));
		CHECK(spk_decimal_digits(q) <= 38 && scale >= 0 && scale <= 38);
	}
	/* Too large for 38 digits at any scale. */
	spk_int128 out;
	int scale;

	CHECK(!spk_decimal_divide(spk_pow10(37), 0, 1, 38, &out, &scale));
	/* 44 digits in PostgreSQL; ours end at 38. */
	CHECK(spk_decimal_divide(spk_pow10(20), 0, 7, 12, &out, &scale));
	CHECK_EQ_STR(text(out, scale), "14285714285714285714285714285714.285714");
}

static void comparison_is_by_value(void)
{
	spk_test_rng rng = spk_test_rng_new(3);

	for (int round = 0; round < 5000; round++) {
		spk_int128 a = random_int128(&rng, 38), b = spk_test_one_in(&rng, 4) ? a : random_int128(&rng, 38);
		int as = (int)spk_test_below(&rng, 48), bs = (int)spk_test_below(&rng, 48), s = SPK_MAX(as, bs);
		struct digits x = to_digits(a, s - as), y = to_digits(b, s - bs);
		int want = long_compare(&x, &y);

		if ((a < 0) != (b < 0))
			want = a == 0 && b == 0 ? 0 : a < 0 ? -1 : 1;
		else if (a < 0)
			want = -want;
		CHECK_EQ_INT(spk_decimal_compare(a, as, b, bs), want);
		CHECK_EQ_INT(spk_decimal_compare(b, bs, a, as), -want);
	}
}

static void rescaling_rounds_half_away_from_zero(void)
{
	static const struct { const char *in; int to; const char *out; } cases[] = {
		{ "2.5", 0, "3" }, { "-2.5", 0, "-3" }, { "2.4999", 0, "2" }, { "1.005", 2, "1.01" }, { "1", 3, "1.000" }, { "0.05", 0, "0" },
		{ "-0.5", 0, "-1" }, { "99.5", 0, "100" },
	};
	spk_int128 out;

	for (size_t i = 0; i < SPK_COUNT_OF(cases); i++) {
		REQUIRE(parse(cases[i].in));
		CHECK(spk_decimal_rescale(number.v, number.scale, cases[i].to, &out));
		CHECK_EQ_STR(text(out, cases[i].to), cases[i].out);
	}
	CHECK(!spk_decimal_rescale(spk_pow10(20), 0, 18, &out));
	CHECK(!spk_decimal_rescale(spk_pow10(37), 0, 38, &out));
	CHECK(spk_decimal_rescale(0, 0, 38, &out) && out == 0);
	CHECK(spk_decimal_rescale(spk_pow10(37) * 9, 38, 0, &out) && out == 1);
}

static void values_are_stored_as_their_type_wants(void)
{
	spk_int128 out, m;
	int scale;

	CHECK(spk_decimal_store(spk_type_decimal(4, 2), 12345, 3, &out) && out == 1235);
	CHECK(!spk_decimal_store(spk_type_decimal(4, 2), 100, 0, &out));
	CHECK(!spk_decimal_store(spk_type_decimal(4, 2), 99995, 3, &out));
	CHECK(spk_decimal_store(spk_type(SPK_TYPE_DECIMAL), -1250, 2, &out));
	spk_decimal_unpack(spk_type(SPK_TYPE_DECIMAL), out, &m, &scale);
	CHECK_EQ_STR(text(m, scale), "-12.50");
	/* 38 digits, 20 of them behind the point: 36 stay. */
	CHECK(spk_decimal_store(spk_type(SPK_TYPE_DECIMAL), spk_pow10(38) - 50, 20, &out));
	spk_decimal_unpack(spk_type(SPK_TYPE_DECIMAL), out, &m, &scale);
	CHECK_EQ_STR(text(m, scale), "1000000000000000000.00000000000000000");
	CHECK(!spk_decimal_store(spk_type(SPK_TYPE_DECIMAL), spk_pow10(37), 0, &out));
	CHECK(!spk_numeric_pack((spk_int128)1 << 119, 0, &out));
	CHECK(spk_numeric_pack(-((spk_int128)1 << 119), 38, &out));
	CHECK(spk_numeric_mantissa(out) == -((spk_int128)1 << 119) && spk_numeric_scale(out) == 38);
}

static void doubles_are_the_nearest(void)
{
	spk_test_rng rng = spk_test_rng_new(4);

	for (int round = 0; round < 3000; round++) {
		spk_int128 v = random_int128(&rng, 38);
		int scale = (int)spk_test_below(&rng, 39);
		double want = strtod(text(v, scale), NULL), got = spk_decimal_to_double(v, scale);

		CHECK_EQ_MEM(&got, &want, v ? 8 : 0);
		CHECK(v || got == 0);
	}
}

static void text_and_back_is_the_same(void)
{
	spk_test_rng rng = spk_test_rng_new(5);

	for (int round = 0; round < 3000; round++) {
		spk_int128 v = random_int128(&rng, 38), normal, back;
		int scale = (int)spk_test_below(&rng, 39), exponent, least;

		REQUIRE(parse(text(v, scale)));
		CHECK(number.v == v && number.scale == scale);
		normal = spk_decimal_normal(v, scale, &exponent);
		CHECK(spk_decimal_from_normal(normal, exponent, &back, &least));
		CHECK(least <= scale && spk_decimal_compare(back, least, v, scale) == 0);
		CHECK(least == 0 || back % 10 != 0);
	}
}

SPK_TEST_SUITE("core/columnar/decimal",
	{"numbers are parsed as written", numbers_are_parsed_as_written},
	{"digits are counted", digits_are_counted},
	{"arithmetic is PostgreSQL's", arithmetic_is_postgresqls},
	{"products and sums are exact or rounded once", products_and_sums_are_exact_or_rounded_once},
	{"quotients are nearest", quotients_are_nearest},
	{"comparison is by value", comparison_is_by_value},
	{"rescaling rounds half away from zero", rescaling_rounds_half_away_from_zero},
	{"values are stored as their type wants", values_are_stored_as_their_type_wants},
	{"doubles are the nearest", doubles_are_the_nearest},
	{"text and back is the same", text_and_back_is_the_same})
