/* Mathematics of doubles and integers. numeric.c has what numerics have of their own. */
#include <math.h>

#include "core/expr/families.h"
#include "core/expr/internal.h"

/* --- doubles: a step gives the value or says why there is none --- */

/* PostgreSQL's error texts for domains; NULL: fine. */
typedef const char *(*step1)(double a, double *v);
typedef const char *(*step2)(double a, double b, double *v);

static const char overflow[] = "value out of range: overflow", underflow[] = "value out of range: underflow";
static const char out_of_range[] = "input is out of range";

static spk_status each1(const struct spk_call *call, step1 step, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(&call->arg[0]);

	SPK_EACH_CALL_ROW(call, row) {
		const char *why = step(SPK_ARG(double, r, row), spk_vector_f64(out) + row);

		if (SPK_UNLIKELY(why))
			SPK_TRY(spk_call_fail(call, out, row, SPK_DATA, err, "%s", why));
	}
	return SPK_OK;
}

static spk_status each2(const struct spk_call *call, step2 step, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader ra = spk_vector_reader(&call->arg[0]), rb = spk_vector_reader(&call->arg[1]);

	SPK_EACH_CALL_ROW(call, row) {
		const char *why = step(SPK_ARG(double, ra, row), SPK_ARG(double, rb, row), spk_vector_f64(out) + row);

		if (SPK_UNLIKELY(why))
			SPK_TRY(spk_call_fail(call, out, row, SPK_DATA, err, "%s", why));
	}
	return SPK_OK;
}

/* One line a function: X(name, condition that fails, why, value). */
#define STEPS1(X) \
	X(sqrt, a < 0, "cannot take square root of a negative number", sqrt(a)) \
	X(ln, a <= 0, a == 0 ? "cannot take logarithm of zero" : "cannot take logarithm of a negative number", log(a)) \
	X(log10, a <= 0, a == 0 ? "cannot take logarithm of zero" : "cannot take logarithm of a negative number", log10(a)) \
	X(log2, a <= 0, a == 0 ? "cannot take logarithm of zero" : "cannot take logarithm of a negative number", log2(a)) \
	X(sin, isinf(a), out_of_range, sin(a)) \
	X(cos, isinf(a), out_of_range, cos(a)) \
	X(tan, isinf(a), out_of_range, tan(a)) \
	X(cot, isinf(a), out_of_range, 1.0 / tan(a)) \
	X(asin, a < -1 || a > 1, out_of_range, asin(a)) \
	X(acos, a < -1 || a > 1, out_of_range, acos(a)) \
	X(acosh, a < 1, out_of_range, acosh(a)) \
	X(atanh, a < -1 || a > 1, out_of_range, atanh(a))
#define PLAIN1(X) \
	X(cbrt, cbrt(a)) \
	X(ceil, ceil(a)) \
	X(floor, floor(a)) \
	X(round, rint(a)) \
	X(trunc, trunc(a)) \
	X(sign, a > 0 ? 1.0 : a < 0 ? -1.0 : 0.0) \
	X(atan, atan(a)) \
	X(sinh, sinh(a)) \
	X(cosh, cosh(a)) \
	X(tanh, tanh(a)) \
	X(asinh, asinh(a)) \
	X(radians, a * (M_PI / 180.0))

#define DEFINE1(name, fails, why, value) \
	static const char *name##_step(double a, double *v) \
	{ \
		*v = 0; \
		if (fails) \
			return why; \
		*v = value; \
		return NULL; \
	} \
	static spk_status name##_kernel(const struct spk_call *call, struct spk_vector *out, spk_error *err) { return each1(call, name##_step, out, err); }
STEPS1(DEFINE1)

#define DEFINE_PLAIN1(name, value) \
	static inline double name##_value(double a) { return value; } \
	SPK_UNARY_KERNEL(name##_kernel, double, double, name##_value)
PLAIN1(DEFINE_PLAIN1)

static const char *exp_step(double a, double *v)
{
	*v = exp(a);
	return isinf(*v) && !isinf(a) ? overflow : *v == 0 && !isinf(a) ? underflow : NULL;
}

static const char *degrees_step(double a, double *v)
{
	*v = a / (M_PI / 180.0);
	return isinf(*v) && !isinf(a) ? overflow : NULL;
}

static const char *power_step(double a, double b, double *v)
{
	*v = 0;
	if (isnan(a) || isnan(b)) {
		*v = a == 1 || b == 0 ? 1 : NAN;
		return NULL;
	}
	if (a == 0 && b < 0)
		return "zero raised to a negative power is undefined";
	if (a < 0 && !isinf(b) && floor(b) != b)
		return "a negative number raised to a non-integer power yields a complex result";
	*v = pow(a, b);
	if (isinf(a) || isinf(b))
		return NULL;
	return isinf(*v) ? overflow : *v == 0 && a != 0 ? underflow : NULL;
}

static const char *atan2_step(double a, double b, double *v)
{
	*v = atan2(a, b);
	return NULL;
}

#define KERNEL(name, each, step) \
	static spk_status name(const struct spk_call *call, struct spk_vector *out, spk_error *err) { return each(call, step, out, err); }
KERNEL(exp_kernel, each1, exp_step)
KERNEL(degrees_kernel, each1, degrees_step)
KERNEL(power_kernel, each2, power_step)
KERNEL(atan2_kernel, each2, atan2_step)

static spk_status pi_kernel(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	(void)err;
	SPK_EACH_CALL_ROW(call, row)
		spk_vector_f64(out)[row] = M_PI;
	return SPK_OK;
}

static spk_status random_kernel(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	uint64_t bits[2];

	(void)err;
	SPK_EACH_CALL_ROW(call, row) {
		spk_call_draw(call, bits);
		spk_vector_f64(out)[row] = (double)(bits[0] >> 11) * 0x1p-53;
	}
	return SPK_OK;
}

/* --- integers --- */

static uint64_t magnitude(int64_t v)
{
	return v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
}

static uint64_t gcd_of(uint64_t a, uint64_t b)
{
	while (b) {
		uint64_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

#define GCD_STEPS(T, s, MAX) \
	static inline bool gcd_##s(T a, T b, T *v) \
	{ \
		uint64_t g = gcd_of(magnitude(a), magnitude(b)); \
		*v = (T)g; \
		return g > (uint64_t)(MAX); \
	} \
	static inline bool lcm_##s(T a, T b, T *v) \
	{ \
		uint64_t g = gcd_of(magnitude(a), magnitude(b)), r = 0; \
		bool bad = g != 0 && __builtin_mul_overflow(magnitude(a) / g, magnitude(b), &r); \
		*v = (T)r; \
		return bad || r > (uint64_t)(MAX); \
	} \
	static inline spk_status gcd_fail_##s(const struct spk_call *call, struct spk_vector *out, int32_t row, T a, T b, spk_error *err) \
	{ \
		(void)a; \
		(void)b; \
		return spk_call_fail(call, out, row, SPK_DATA, err, #s " out of range"); \
	} \
	SPK_CHECKED_BINARY_KERNEL(gcd_kernel_##s, T, T, T, gcd_##s, gcd_fail_##s) \
	SPK_CHECKED_BINARY_KERNEL(lcm_kernel_##s, T, T, T, lcm_##s, gcd_fail_##s)
GCD_STEPS(int32_t, integer, INT32_MAX)
GCD_STEPS(int64_t, bigint, INT64_MAX)

static spk_status width_bucket(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader r[4] = { spk_vector_reader(&call->arg[0]), spk_vector_reader(&call->arg[1]), spk_vector_reader(&call->arg[2]), spk_vector_reader(&call->arg[3]) };

	SPK_EACH_CALL_ROW(call, row) {
		double v = SPK_ARG(double, r[0], row), low = SPK_ARG(double, r[1], row), high = SPK_ARG(double, r[2], row), part;
		int32_t count = SPK_ARG(int32_t, r[3], row);
		const char *why = NULL;

		if (count <= 0)
			why = "count must be greater than zero";
		else if (isnan(v) || isnan(low) || isnan(high))
			why = "operand, lower bound, and upper bound cannot be NaN";
		else if (isinf(low) || isinf(high))
			why = "lower and upper bounds must be finite";
		else if (low == high)
			why = "lower bound cannot equal upper bound";
		else if (count == INT32_MAX && (low < high ? v >= high : v <= high))
			why = "integer out of range";
		if (why) {
			SPK_TRY(spk_call_fail(call, out, row, SPK_DATA, err, "%s", why));
			continue;
		}
		part = low < high ? (v - low) / (high - low) : (low - v) / (low - high);
		if (low < high ? v < low : v > low)
			spk_vector_i32(out)[row] = 0;
		else if (low < high ? v >= high : v <= high)
			spk_vector_i32(out)[row] = count + 1;
		else
			spk_vector_i32(out)[row] = SPK_MIN((int32_t)(part * count), count - 1) + 1;
	}
	return SPK_OK;
}

/* --- the table --- */

#define DOUBLE1(name_, kernel_, doc_) { .name = name_, .doc = doc_, SPK_ARGS1(DOUBLE), SPK_RESULT(DOUBLE), .can_fail = true, .kernel = kernel_ }
#define TOTAL1(name_, kernel_, doc_) { .name = name_, .doc = doc_, SPK_ARGS1(DOUBLE), SPK_RESULT(DOUBLE), .total = true, .kernel = kernel_ }
#define DOUBLE2(name_, kernel_, doc_) { .name = name_, .doc = doc_, SPK_ARGS2(DOUBLE, DOUBLE), SPK_RESULT(DOUBLE), .can_fail = true, .kernel = kernel_ }
#define INTEGER2(name_, T, kernel_, doc_) { .name = name_, .doc = doc_, SPK_ARGS2(T, T), SPK_RESULT(T), .can_fail = true, .kernel = kernel_ }

static const struct spk_function math_functions[] = {
	DOUBLE1("sqrt", sqrt_kernel, "Square root"),
	DOUBLE1("|/", sqrt_kernel, "Square root"),
	TOTAL1("cbrt", cbrt_kernel, "Cube root"),
	TOTAL1("||/", cbrt_kernel, "Cube root"),
	TOTAL1("ceil", ceil_kernel, "Smallest whole number not below"),
	TOTAL1("ceiling", ceil_kernel, "Smallest whole number not below"),
	TOTAL1("floor", floor_kernel, "Largest whole number not above"),
	TOTAL1("round", round_kernel, "Nearest whole number, ties to even"),
	TOTAL1("trunc", trunc_kernel, "Towards zero"),
	TOTAL1("sign", sign_kernel, "-1, 0 or 1"),
	DOUBLE1("exp", exp_kernel, "e to a power"),
	DOUBLE1("ln", ln_kernel, "Natural logarithm"),
	DOUBLE1("log", log10_kernel, "Logarithm of base 10"),
	DOUBLE1("log10", log10_kernel, "Logarithm of base 10"),
	DOUBLE1("log2", log2_kernel, "Logarithm of base 2"),
	DOUBLE2("power", power_kernel, "The first argument to the power of the second"),
	DOUBLE2("pow", power_kernel, "The first argument to the power of the second"),
	DOUBLE2("^", power_kernel, "The first argument to the power of the second"),
	DOUBLE1("sin", sin_kernel, "Sine"),
	DOUBLE1("cos", cos_kernel, "Cosine"),
	DOUBLE1("tan", tan_kernel, "Tangent"),
	DOUBLE1("cot", cot_kernel, "Cotangent"),
	DOUBLE1("asin", asin_kernel, "Inverse sine"),
	DOUBLE1("acos", acos_kernel, "Inverse cosine"),
	TOTAL1("atan", atan_kernel, "Inverse tangent"),
	DOUBLE2("atan2", atan2_kernel, "Inverse tangent of a quotient"),
	TOTAL1("sinh", sinh_kernel, "Hyperbolic sine"),
	TOTAL1("cosh", cosh_kernel, "Hyperbolic cosine"),
	TOTAL1("tanh", tanh_kernel, "Hyperbolic tangent"),
	TOTAL1("asinh", asinh_kernel, "Inverse hyperbolic sine"),
	DOUBLE1("acosh", acosh_kernel, "Inverse hyperbolic cosine"),
	DOUBLE1("atanh", atanh_kernel, "Inverse hyperbolic tangent"),
	DOUBLE1("degrees", degrees_kernel, "Radians to degrees"),
	TOTAL1("radians", radians_kernel, "Degrees to radians"),
	{ .name = "pi", .doc = "3.14159...", SPK_ARGS0, SPK_RESULT(DOUBLE), .kernel = pi_kernel },
	{ .name = "random", .doc = "A number from 0 to 1, another for every row", SPK_ARGS0, SPK_RESULT(DOUBLE), .volatility = SPK_VOLATILE, .kernel = random_kernel },
	{ .name = "rand", .doc = "As random", SPK_ARGS0, SPK_RESULT(DOUBLE), .volatility = SPK_VOLATILE, .kernel = random_kernel },
	INTEGER2("gcd", INTEGER, gcd_kernel_integer, "Greatest common divisor"),
	INTEGER2("gcd", BIGINT, gcd_kernel_bigint, "Greatest common divisor"),
	INTEGER2("lcm", INTEGER, lcm_kernel_integer, "Least common multiple"),
	INTEGER2("lcm", BIGINT, lcm_kernel_bigint, "Least common multiple"),
	{ .name = "width_bucket", .doc = "Which of n equal parts of a range a value falls into, from 1; 0 below, n + 1 above", SPK_ARGS4(DOUBLE, DOUBLE, DOUBLE, INTEGER),
	  SPK_RESULT(INTEGER), .can_fail = true, .kernel = width_bucket },
};

SPK_FUNCTION_FAMILY(math, math_functions)
