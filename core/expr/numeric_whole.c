/* What numerics share with whole numbers: divisors and multiples, factorials, buckets of a range. */
#include "core/expr/families.h"
#include "core/expr/internal.h"

struct number { spk_int128 m; int scale; };

static struct number number_at(const struct spk_call *call, int k, int row)
{
	const struct spk_reader r = spk_vector_reader(&call->arg[k]);
	struct number n;

	spk_decimal_unpack(call->arg[k].type, SPK_ARG(spk_int128, r, row), &n.m, &n.scale);
	return n;
}

static spk_status overflow(const struct spk_call *call, struct spk_vector *out, int row, spk_error *err)
{
	return spk_call_fail(call, out, row, SPK_DATA, err, "value overflows numeric format");
}

/* --- gcd and lcm: of the mantissas at the larger scale --- */

static spk_int128 gcd_of(spk_int128 a, spk_int128 b)
{
	while (b) {
		spk_int128 rest = a % b;

		a = b;
		b = rest;
	}
	return a < 0 ? -a : a;
}

static bool lcm_of(spk_int128 a, spk_int128 b, spk_int128 *out)
{
	*out = 0;
	if (!a || !b)
		return true;
	if (__builtin_mul_overflow(a / gcd_of(a, b), b, out))
		return false;
	*out = *out < 0 ? -*out : *out;
	return true;
}

static spk_status divisors(const struct spk_call *call, bool multiple, struct spk_vector *out, spk_error *err)
{
	SPK_EACH_CALL_ROW(call, row) {
		struct number a = number_at(call, 0, row), b = number_at(call, 1, row);
		int scale = SPK_MAX(a.scale, b.scale);
		spk_int128 v = 0;
		bool fits = spk_decimal_rescale(a.m, a.scale, scale, &a.m) && spk_decimal_rescale(b.m, b.scale, scale, &b.m);

		if (spk_decimal_is_special(a.m) || spk_decimal_is_special(b.m)) {
			v = SPK_DECIMAL_NAN;
			fits = true;
		} else if (fits && multiple) {
			fits = lcm_of(a.m, b.m, &v);
		} else if (fits) {
			v = gcd_of(a.m, b.m);
		}
		if (!fits || !spk_decimal_store(call->expr->type, v, scale, spk_vector_i128(out) + row))
			SPK_TRY(overflow(call, out, row, err));
	}
	return SPK_OK;
}

static spk_status gcd(const struct spk_call *call, struct spk_vector *out, spk_error *err) { return divisors(call, false, out, err); }
static spk_status lcm(const struct spk_call *call, struct spk_vector *out, spk_error *err) { return divisors(call, true, out, err); }

/* --- factorial --- */

static struct spk_type whole_type(const struct spk_type *arg, int args)
{
	(void)arg;
	(void)args;
	return spk_type_decimal(SPK_DECIMAL_DIGITS, 0);
}

static spk_status factorial(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(&call->arg[0]);

	SPK_EACH_CALL_ROW(call, row) {
		int64_t n = SPK_ARG(int64_t, r, row);
		spk_int128 v = 1;

		if (n < 0) {
			SPK_TRY(spk_call_fail(call, out, row, SPK_DATA, err, "factorial of a negative number is undefined"));
			continue;
		}
		/* 34! has 39 digits. */
		if (n > 33) {
			SPK_TRY(overflow(call, out, row, err));
			continue;
		}
		for (int64_t i = 2; i <= n; i++)
			v *= i;
		spk_vector_i128(out)[row] = v;
	}
	return SPK_OK;
}

/* --- width_bucket --- */

/* floor((v - low) * count / (high - low)) + 1, where v lies between the bounds, or both negated. */
static bool bucket(struct number v, struct number low, struct number high, int32_t count, int32_t *out)
{
	struct number above, range;
	spk_int128 whole;

	if (!spk_decimal_add(v.m, v.scale, -low.m, low.scale, &above.m, &above.scale) || !spk_decimal_add(high.m, high.scale, -low.m, low.scale, &range.m, &range.scale))
		return false;
	if (!spk_decimal_multiply(above.m, above.scale, count, 0, &above.m, &above.scale) || !spk_decimal_divide(above.m, above.scale, range.m, range.scale, &above.m, &above.scale))
		return false;
	whole = above.m / spk_pow10(above.scale);
	*out = (int32_t)SPK_MIN(whole, (spk_int128)count - 1) + 1;
	return true;
}

static const char *not_finite(struct number v, struct number low, struct number high)
{
	if (v.m == SPK_DECIMAL_NAN || low.m == SPK_DECIMAL_NAN || high.m == SPK_DECIMAL_NAN)
		return "operand, lower bound, and upper bound cannot be NaN";
	return spk_decimal_is_special(low.m) || spk_decimal_is_special(high.m) ? "lower and upper bounds must be finite" : NULL;
}

static spk_status width_bucket(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader rn = spk_vector_reader(&call->arg[3]);

	SPK_EACH_CALL_ROW(call, row) {
		struct number v = number_at(call, 0, row), low = number_at(call, 1, row), high = number_at(call, 2, row);
		int32_t count = SPK_ARG(int32_t, rn, row);
		int way = spk_decimal_compare(low.m, low.scale, high.m, high.scale);
		bool before = way * spk_decimal_compare(v.m, v.scale, low.m, low.scale) > 0, behind = way * spk_decimal_compare(v.m, v.scale, high.m, high.scale) <= 0;
		const char *why = count <= 0 ? "count must be greater than zero" : not_finite(v, low, high) ? not_finite(v, low, high) : !way ? "lower bound cannot equal upper bound" : behind && !before && count == INT32_MAX ? "integer out of range" : NULL;

		if (why)
			SPK_TRY(spk_call_fail(call, out, row, SPK_DATA, err, "%s", why));
		else if (before || behind)
			spk_vector_i32(out)[row] = before ? 0 : count + 1;
		else if (!bucket(v, low, high, count, spk_vector_i32(out) + row))
			SPK_TRY(overflow(call, out, row, err));
	}
	return SPK_OK;
}

static const struct spk_function numeric_whole_functions[] = {
	{ .name = "gcd", .doc = "Greatest common divisor", SPK_ARGS2(DECIMAL, DECIMAL), SPK_RESULT(DECIMAL), .can_fail = true, .kernel = gcd },
	{ .name = "lcm", .doc = "Least common multiple", SPK_ARGS2(DECIMAL, DECIMAL), SPK_RESULT(DECIMAL), .can_fail = true, .kernel = lcm },
	{ .name = "factorial", .doc = "n!, up to 33", SPK_ARGS1(BIGINT), SPK_RESULT(DECIMAL), .result_of = whole_type, .can_fail = true, .kernel = factorial },
	{ .name = "width_bucket", .doc = "Which of n equal parts of a range a value falls into, from 1; 0 below, n + 1 above", SPK_ARGS4(DECIMAL, DECIMAL, DECIMAL, INTEGER),
	  SPK_RESULT(INTEGER), .can_fail = true, .kernel = width_bucket },
};

SPK_FUNCTION_FAMILY(numeric_whole, numeric_whole_functions)
