/*
 * Mathematics of numerics: rounding, roots, powers, logarithms. Rounding with a constant number of digits keeps a fixed scale.
 *
 * The scales of irrational results are PostgreSQL's (at least 16 significant digits, numeric.c there); their digits come from arithmetic
 * of 60 digits (precise.h). long double only estimates.
 */
#include <math.h>

#include "core/expr/families.h"
#include "core/expr/internal.h"
#include "core/expr/precise.h"

enum { LEAST_DIGITS = 16 };

struct number { spk_int128 m; int scale; };

static struct number number_at(struct spk_type type, const struct spk_reader *r, int row)
{
	struct number n;

	spk_decimal_unpack(type, SPK_ARG(spk_int128, *r, row), &n.m, &n.scale);
	return n;
}

static spk_status store(const struct spk_call *call, struct spk_vector *out, int row, spk_int128 m, int scale, spk_error *err)
{
	if (!spk_decimal_store(call->expr->type, m, scale, spk_vector_i128(out) + row))
		return spk_call_fail(call, out, row, SPK_DATA, err, "value overflows numeric format");
	return SPK_OK;
}

/* --- rounding to `digits` behind the point (negative: before it) --- */

enum rounding { NEAREST, DOWN, UP, CUT };

static bool rounded(struct number n, int digits, enum rounding how, struct number *out)
{
	spk_int128 q, rest, power;

	*out = n;
	if (spk_decimal_is_special(n.m))
		return true;
	if (digits >= n.scale) {
		out->scale = digits;
		return spk_decimal_rescale(n.m, n.scale, digits, &out->m);
	}
	out->scale = SPK_MAX(digits, 0);
	if (n.scale - digits > SPK_DECIMAL_DIGITS) {
		out->m = 0;
		return true;
	}
	power = spk_pow10(n.scale - digits);
	q = n.m / power;
	rest = n.m % power;
	if (how == NEAREST && (rest < 0 ? -rest : rest) >= power - (rest < 0 ? -rest : rest))
		q += n.m < 0 ? -1 : 1;
	else if ((how == DOWN && rest < 0) || (how == UP && rest > 0))
		q += how == UP ? 1 : -1;
	out->m = q;
	return digits >= 0 || spk_decimal_rescale(q, 0, -digits, &out->m);
}

static spk_status round_rows(const struct spk_call *call, enum rounding how, struct spk_vector *out, spk_error *err)
{
	const struct spk_type type = call->arg[0].type;
	const struct spk_reader r = spk_vector_reader(&call->arg[0]), rd = call->args > 1 ? spk_vector_reader(&call->arg[1]) : r;

	SPK_EACH_CALL_ROW(call, row) {
		int32_t digits = call->args > 1 ? SPK_ARG(int32_t, rd, row) : 0;
		struct number n;

		digits = SPK_MAX(SPK_MIN(digits, SPK_DECIMAL_DIGITS), -SPK_DECIMAL_DIGITS);
		if (!rounded(number_at(type, &r, row), digits, how, &n))
			SPK_TRY(spk_call_fail(call, out, row, SPK_DATA, err, "value overflows numeric format"));
		else
			SPK_TRY(store(call, out, row, n.m, n.scale, err));
	}
	return SPK_OK;
}

#define ROUND_KERNEL(name, how) \
	static spk_status name(const struct spk_call *call, struct spk_vector *out, spk_error *err) { return round_rows(call, how, out, err); }
ROUND_KERNEL(round_kernel, NEAREST)
ROUND_KERNEL(trunc_kernel, CUT)
ROUND_KERNEL(ceil_kernel, UP)
ROUND_KERNEL(floor_kernel, DOWN)

static struct spk_type scaled_type(struct spk_type arg, int scale)
{
	int precision = arg.precision > 0 ? arg.precision : SPK_DECIMAL_DIGITS;

	if (arg.scale < 0)
		return arg;
	return spk_type_decimal(SPK_MIN(precision - arg.scale + 1 + scale, SPK_DECIMAL_DIGITS), scale);
}

static struct spk_type whole_type(const struct spk_type *arg, int args)
{
	return args > 1 ? spk_type(SPK_TYPE_DECIMAL) : scaled_type(arg[0], 0);
}

static spk_status prepare_round(struct spk_arena *arena, struct spk_expr *e, spk_error *err)
{
	const struct spk_value *digits = spk_constant_arg(e, 1);

	(void)arena;
	(void)err;
	if (digits && digits->i32 <= SPK_DECIMAL_DIGITS)
		e->type = scaled_type(e->arg[0]->type, SPK_MAX(digits->i32, 0));
	return SPK_OK;
}

/* --- what a value looks like --- */

static spk_status sign_kernel(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_type type = call->arg[0].type;
	const struct spk_reader r = spk_vector_reader(&call->arg[0]);

	SPK_EACH_CALL_ROW(call, row) {
		struct number n = number_at(type, &r, row);

		SPK_TRY(store(call, out, row, n.m == SPK_DECIMAL_NAN ? n.m : (n.m > 0) - (n.m < 0), 0, err));
	}
	return SPK_OK;
}

static int least_scale(struct number n)
{
	if (spk_decimal_is_special(n.m))
		return 0;
	for (; n.scale > 0 && n.m % 10 == 0; n.scale--)
		n.m /= 10;
	return n.scale;
}

static spk_status scale_kernel(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_type type = call->arg[0].type;
	const struct spk_reader r = spk_vector_reader(&call->arg[0]);
	bool least = call->expr->function->name[0] == 'm';

	SPK_EACH_CALL_ROW(call, row) {
		struct number n = number_at(type, &r, row);

		if (spk_decimal_is_special(n.m))
			SPK_TRY(spk_call_null(call, out, row, err));
		else
			spk_vector_i32(out)[row] = least ? least_scale(n) : n.scale;
	}
	return SPK_OK;
}

static spk_status trim_scale(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_type type = call->arg[0].type;
	const struct spk_reader r = spk_vector_reader(&call->arg[0]);

	SPK_EACH_CALL_ROW(call, row) {
		struct number n = number_at(type, &r, row);
		int scale = least_scale(n);

		SPK_TRY(store(call, out, row, n.m / spk_pow10(n.scale - scale), scale, err));
	}
	return SPK_OK;
}

/* --- irrational results --- */

static long double to_long(struct number n)
{
	return (long double)n.m / (long double)spk_pow10(n.scale);
}

/* A number of decimal digits, cut to what any scale can be. */
static int to_digits(long double v)
{
	return v > 1000 ? 1000 : v < -1000 ? -1000 : (int)v;
}

/* Decimal weight of the first digit: 0 for 1..9. */
static int weight10(struct number n)
{
	return n.m ? spk_decimal_digits(n.m) - 1 - n.scale : 0;
}

static struct spk_precise precise_at(struct number n) { return spk_precise_of(n.m, n.scale); }

/* With `scale` digits behind the point, or fewer where so many do not fit. */
static spk_status store_precise(const struct spk_call *call, struct spk_vector *out, int row, struct spk_precise v, int scale, spk_error *err)
{
	spk_int128 m;

	scale = SPK_MAX(SPK_MIN(scale, SPK_DECIMAL_DIGITS), 0);
	while (scale > 0 && !spk_precise_round(v, scale, &m))
		scale--;
	if (!spk_precise_round(v, scale, &m))
		return spk_call_fail(call, out, row, SPK_DATA, err, "value overflows numeric format");
	return store(call, out, row, m, scale, err);
}

/* The root of m * 10^shift, rounded; the power makes it a number of 127 bits at most. */
static spk_int128 root_of(spk_int128 m, int shift)
{
	const struct spk_wide power = spk_wide_power_of_ten(shift), whole = spk_wide_of((spk_uint128)m), scaled = spk_wide_multiply(&whole, &power);

	return (spk_int128)spk_wide_root(&scaled);
}

static spk_status sqrt_row(const struct spk_call *call, struct spk_vector *out, int row, struct number n, spk_error *err)
{
	int top = weight10(n), weight = top >= 0 ? top / 4 : -((3 - top) / 4);
	int scale = SPK_MAX(SPK_MAX(LEAST_DIGITS - (weight * 2 + 1), n.scale), 0);

	if (n.m < 0)
		return spk_call_fail(call, out, row, SPK_DATA, err, "cannot take square root of a negative number");
	if (spk_decimal_is_special(n.m))
		return store(call, out, row, n.m, 0, err);
	/* A root of 38 digits has 76 under it. */
	scale = SPK_MIN(scale, SPK_DECIMAL_DIGITS - SPK_MAX(top, 0) / 2 - 1);
	return store(call, out, row, root_of(n.m, SPK_MAX(2 * scale - n.scale, 0)), SPK_MAX(2 * scale, n.scale) / 2, err);
}

static spk_status sqrt_kernel(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(&call->arg[0]);

	SPK_EACH_CALL_ROW(call, row)
		SPK_TRY(sqrt_row(call, out, row, number_at(call->arg[0].type, &r, row), err));
	return SPK_OK;
}

/* e^v, where x is about v: 0 and what overflows are not computed. */
static struct spk_precise power_of_e(struct spk_precise v, long double x)
{
	if (fabsl(x) < 1000)
		return spk_precise_exp(v);
	return x < 0 ? spk_precise_of(0, 0) : spk_precise_power(spk_precise_of(10, 0), 1000);
}

static spk_status exp_kernel(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(&call->arg[0]);

	SPK_EACH_CALL_ROW(call, row) {
		struct number n = number_at(call->arg[0].type, &r, row);
		long double x = to_long(n);

		if (spk_decimal_is_special(n.m))
			SPK_TRY(store(call, out, row, n.m < 0 ? 0 : n.m, 0, err));
		else
			SPK_TRY(store_precise(call, out, row, power_of_e(precise_at(n), x), SPK_MAX(LEAST_DIGITS - to_digits(x * 0.434294481903252L), n.scale), err));
	}
	return SPK_OK;
}

/* Decimal weight of a natural logarithm, estimated as PostgreSQL does. */
static int ln_weight(struct number n)
{
	long double x = to_long(n);

	if (x >= 0.9L && x <= 1.1L) {
		n.m -= spk_pow10(n.scale);
		return weight10(n);
	}
	return (int)log10l(fabsl(logl(x)));
}

static const char *no_logarithm(struct number n)
{
	return n.m < 0 ? "cannot take logarithm of a negative number" : n.m == 0 ? "cannot take logarithm of zero" : NULL;
}

static spk_status ln_kernel(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(&call->arg[0]);

	SPK_EACH_CALL_ROW(call, row) {
		struct number n = number_at(call->arg[0].type, &r, row);

		if (no_logarithm(n))
			SPK_TRY(spk_call_fail(call, out, row, SPK_DATA, err, "%s", no_logarithm(n)));
		else if (spk_decimal_is_special(n.m))
			SPK_TRY(store(call, out, row, n.m, 0, err));
		else
			SPK_TRY(store_precise(call, out, row, spk_precise_ln(precise_at(n)), SPK_MAX(LEAST_DIGITS - ln_weight(n), n.scale), err));
	}
	return SPK_OK;
}

/* log(x) of base 10, log(b, x). */
static spk_status log_kernel(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const int last = call->args - 1;
	const struct spk_reader rb = spk_vector_reader(&call->arg[0]), rx = spk_vector_reader(&call->arg[last]);

	SPK_EACH_CALL_ROW(call, row) {
		struct number base = { 10, 0 }, x = number_at(call->arg[last].type, &rx, row);
		bool special;
		int scale;

		if (last)
			base = number_at(call->arg[0].type, &rb, row);
		if (base.m == SPK_DECIMAL_NAN || x.m == SPK_DECIMAL_NAN) {
			SPK_TRY(store(call, out, row, SPK_DECIMAL_NAN, 0, err));
			continue;
		}
		special = spk_decimal_is_special(base.m) || spk_decimal_is_special(x.m);
		if (no_logarithm(base) || no_logarithm(x)) {
			const bool first = no_logarithm(base) && !(special && x.m < 0);

			SPK_TRY(spk_call_fail(call, out, row, SPK_DATA, err, "%s", no_logarithm(first ? base : x)));
			continue;
		}
		if (to_long(base) == 1 && !special) {
			SPK_TRY(spk_call_fail(call, out, row, SPK_DATA, err, "division by zero"));
			continue;
		}
		if (special) {
			SPK_TRY(store(call, out, row, base.m == x.m ? SPK_DECIMAL_NAN : spk_decimal_is_special(x.m) ? x.m : 0, 0, err));
			continue;
		}
		scale = SPK_MAX(LEAST_DIGITS - (ln_weight(x) - ln_weight(base)), SPK_MAX(base.scale, x.scale));
		SPK_TRY(store_precise(call, out, row, spk_precise_multiply(spk_precise_ln(precise_at(x)), spk_precise_inverse(spk_precise_ln(precise_at(base)))), scale, err));
	}
	return SPK_OK;
}

static bool is_value(struct number n, int v)
{
	return spk_decimal_compare(n.m, n.scale, v, 0) == 0;
}

/* b^e where one is not finite: PostgreSQL's rules, which are those of POSIX's pow. Errors of signs were seen to. */
static spk_int128 special_power(struct number b, struct number e)
{
	const bool above_one = b.m == -SPK_DECIMAL_INFINITY || spk_decimal_compare(b.m < 0 ? -b.m : b.m, b.scale, 1, 0) > 0;
	spk_int128 odd;

	if (is_value(b, 1) || e.m == 0)
		return 1;
	if (b.m == SPK_DECIMAL_NAN || e.m == SPK_DECIMAL_NAN)
		return SPK_DECIMAL_NAN;
	if (b.m == 0)
		return 0;
	if (spk_decimal_is_special(e.m))
		return is_value(b, -1) ? 1 : (e.m > 0) == above_one ? SPK_DECIMAL_INFINITY : 0;
	if (e.m < 0)
		return 0;
	return b.m < 0 && spk_decimal_rescale(e.m, e.scale, 0, &odd) && odd % 2 ? -SPK_DECIMAL_INFINITY : SPK_DECIMAL_INFINITY;
}

static spk_status power_row(const struct spk_call *call, struct spk_vector *out, int row, struct number b, struct number e, spk_error *err)
{
	long double x = to_long(b), y = to_long(e), weight;
	const bool whole = floorl(y) == y, finite = !spk_decimal_is_special(b.m) && !spk_decimal_is_special(e.m);
	int scale;

	if (b.m == 0 && e.m < 0)
		return spk_call_fail(call, out, row, SPK_DATA, err, "zero raised to a negative power is undefined");
	if (b.m < 0 && !spk_decimal_is_special(e.m) && floorl(y) != y)
		return spk_call_fail(call, out, row, SPK_DATA, err, "a negative number raised to a non-integer power yields a complex result");
	if (!finite)
		return store(call, out, row, special_power(b, e), 0, err);
	weight = b.m ? y * log10l(fabsl(x)) : 0;
	if (weight > 38)
		return spk_call_fail(call, out, row, SPK_DATA, err, "value overflows numeric format");
	/* A whole exponent has 16 digits behind the point, another one 16 significant digits. */
	scale = SPK_MAX(floorl(y) == y ? LEAST_DIGITS : LEAST_DIGITS - to_digits(weight), SPK_MAX(b.scale, e.scale));
	scale = SPK_MAX(SPK_MIN(scale, SPK_DECIMAL_DIGITS), 0);
	if (b.m == 0)
		return store(call, out, row, e.m == 0 ? spk_pow10(scale) : 0, scale, err);
	if (whole && fabsl(y) < 9e18L)
		return store_precise(call, out, row, spk_precise_power(precise_at(b), (int64_t)y), scale, err);
	return store_precise(call, out, row, power_of_e(spk_precise_multiply(precise_at(e), spk_precise_ln(precise_at(b))), weight * 2.302585092994045684L), scale, err);
}

static spk_status power_kernel(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader rb = spk_vector_reader(&call->arg[0]), re = spk_vector_reader(&call->arg[1]);

	SPK_EACH_CALL_ROW(call, row)
		SPK_TRY(power_row(call, out, row, number_at(call->arg[0].type, &rb, row), number_at(call->arg[1].type, &re, row), err));
	return SPK_OK;
}

/* --- the table --- */

#define ONE(name_, kernel_, doc_, ...) \
	{ .name = name_, .doc = doc_, SPK_ARGS1(DECIMAL), SPK_RESULT(DECIMAL), .can_fail = true, .kernel = kernel_, __VA_ARGS__ }
#define TWO(name_, b, kernel_, doc_, ...) \
	{ .name = name_, .doc = doc_, SPK_ARGS2(DECIMAL, b), SPK_RESULT(DECIMAL), .can_fail = true, .kernel = kernel_, __VA_ARGS__ }

static const struct spk_function numeric_functions[] = {
	ONE("ceil", ceil_kernel, "Smallest whole number not below", .result_of = whole_type),
	ONE("ceiling", ceil_kernel, "Smallest whole number not below", .result_of = whole_type),
	ONE("floor", floor_kernel, "Largest whole number not above", .result_of = whole_type),
	ONE("round", round_kernel, "Nearest whole number, ties away from zero", .result_of = whole_type),
	TWO("round", INTEGER, round_kernel, "To a number of digits behind the point", .result_of = whole_type, .prepare = prepare_round),
	ONE("trunc", trunc_kernel, "Towards zero", .result_of = whole_type),
	TWO("trunc", INTEGER, trunc_kernel, "To a number of digits behind the point, towards zero", .result_of = whole_type, .prepare = prepare_round),
	ONE("sign", sign_kernel, "-1, 0 or 1"),
	{ .name = "scale", .doc = "Digits behind the point", SPK_ARGS1(DECIMAL), SPK_RESULT(INTEGER), .kernel = scale_kernel },
	{ .name = "min_scale", .doc = "Digits behind the point that are needed", SPK_ARGS1(DECIMAL), SPK_RESULT(INTEGER), .kernel = scale_kernel },
	ONE("trim_scale", trim_scale, "Without zeros at the end"),
	ONE("sqrt", sqrt_kernel, "Square root"),
	ONE("exp", exp_kernel, "e to a power"),
	ONE("ln", ln_kernel, "Natural logarithm"),
	ONE("log", log_kernel, "Logarithm of base 10"),
	ONE("log10", log_kernel, "Logarithm of base 10"),
	TWO("log", DECIMAL, log_kernel, "Logarithm of the second argument, of the first as base"),
	TWO("power", DECIMAL, power_kernel, "The first argument to the power of the second"),
	TWO("pow", DECIMAL, power_kernel, "The first argument to the power of the second"),
	TWO("^", DECIMAL, power_kernel, "The first argument to the power of the second"),
};

SPK_FUNCTION_FAMILY(numeric, numeric_functions)
