/*
 * Trigonometry in degrees. Exact where the result is (sind(30) is 0.5): values are divided by what the C library gives at
 * angles whose result is known, and angles are brought into the first quadrant beforehand, where two formulas meet.
 */
#include <math.h>

#include "core/expr/families.h"
#include "core/expr/internal.h"

#define RADIANS (M_PI / 180.0)

/* What the library gives at those angles; computed at run time, so that it is the same library that computes the others. */
struct known { double sin_30, one_minus_cos_60, asin_half, acos_half, atan_1, tan_45, cot_45; };

static double sin_30_down(const struct known *k, double x) { return sin(x * RADIANS) / k->sin_30 / 2; }
static double cos_60_down(const struct known *k, double x) { return 1 - (1 - cos(x * RADIANS)) / k->one_minus_cos_60 / 2; }
/* 0 <= x <= 90 */
static double sin_q1(const struct known *k, double x) { return x <= 30 ? sin_30_down(k, x) : cos_60_down(k, 90 - x); }
static double cos_q1(const struct known *k, double x) { return x <= 60 ? cos_60_down(k, x) : sin_30_down(k, 90 - x); }
/* 0 <= x <= 1 */
static double asin_q1(const struct known *k, double x) { return x <= 0.5 ? asin(x) / k->asin_half * 30 : 90 - acos(x) / k->acos_half * 60; }
static double acos_q1(const struct known *k, double x) { return x <= 0.5 ? 90 - asin(x) / k->asin_half * 30 : acos(x) / k->acos_half * 60; }

static struct known known(void)
{
	volatile double thirty = 30, forty_five = 45, sixty = 60, half = 0.5, one = 1;
	struct known k = { sin(thirty * RADIANS), 1 - cos(sixty * RADIANS), asin(half), acos(half), atan(one), 1, 1 };

	k.tan_45 = sin_q1(&k, forty_five) / cos_q1(&k, forty_five);
	k.cot_45 = cos_q1(&k, forty_five) / sin_q1(&k, forty_five);
	return k;
}

/* The angle within the first quadrant; *sign as the function's changes by `turns`: for each of the mirrors (x < 0, x > 180, x > 90). */
static double first_quadrant(double x, const int mirror[3], int *sign)
{
	*sign = 1;
	x = fmod(x, 360);
	if (x < 0) {
		x = -x;
		*sign *= mirror[0];
	}
	if (x > 180) {
		x = 360 - x;
		*sign *= mirror[1];
	}
	if (x > 90) {
		x = 180 - x;
		*sign *= mirror[2];
	}
	return x;
}

static double sind_value(const struct known *k, double x)
{
	int sign;

	x = first_quadrant(x, (const int[]){ -1, -1, 1 }, &sign);
	return sign * sin_q1(k, x);
}

static double cosd_value(const struct known *k, double x)
{
	int sign;

	x = first_quadrant(x, (const int[]){ 1, 1, -1 }, &sign);
	return sign * cos_q1(k, x);
}

/* A sum with 0, since PostgreSQL gives no negative zero. */
static double tand_value(const struct known *k, double x)
{
	int sign;

	x = first_quadrant(x, (const int[]){ -1, -1, -1 }, &sign);
	return sign * (sin_q1(k, x) / cos_q1(k, x) / k->tan_45) + 0.0;
}

static double cotd_value(const struct known *k, double x)
{
	int sign;

	x = first_quadrant(x, (const int[]){ -1, -1, -1 }, &sign);
	return sign * (cos_q1(k, x) / sin_q1(k, x) / k->cot_45) + 0.0;
}

static double asind_value(const struct known *k, double x) { return x >= 0 ? asin_q1(k, x) : -asin_q1(k, -x); }
static double acosd_value(const struct known *k, double x) { return x >= 0 ? acos_q1(k, x) : 90 + asin_q1(k, -x); }
static double atand_value(const struct known *k, double x) { return atan(x) / k->atan_1 * 45; }

#define KERNEL(name, fails) \
	static spk_status name(const struct spk_call *call, struct spk_vector *out, spk_error *err) \
	{ \
		const struct spk_reader r = spk_vector_reader(&call->arg[0]); \
		const struct known k = known(); \
		SPK_EACH_CALL_ROW(call, row) { \
			double x = SPK_ARG(double, r, row); \
			if (SPK_UNLIKELY(fails)) \
				SPK_TRY(spk_call_fail(call, out, row, SPK_DATA, err, "input is out of range")); \
			else \
				spk_vector_f64(out)[row] = isnan(x) ? x : name##_value(&k, x); \
		} \
		return SPK_OK; \
	}
KERNEL(sind, isinf(x))
KERNEL(cosd, isinf(x))
KERNEL(tand, isinf(x))
KERNEL(cotd, isinf(x))
KERNEL(asind, x < -1 || x > 1)
KERNEL(acosd, x < -1 || x > 1)
KERNEL(atand, false)

static spk_status atan2d(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader ry = spk_vector_reader(&call->arg[0]), rx = spk_vector_reader(&call->arg[1]);
	const struct known k = known();

	(void)err;
	SPK_EACH_CALL_ROW(call, row)
		spk_vector_f64(out)[row] = atan2(SPK_ARG(double, ry, row), SPK_ARG(double, rx, row)) / k.atan_1 * 45;
	return SPK_OK;
}

#define DOUBLE1(name_, doc_) { .name = #name_, .doc = doc_, SPK_ARGS1(DOUBLE), SPK_RESULT(DOUBLE), .can_fail = true, .kernel = name_ }

static const struct spk_function degrees_functions[] = {
	DOUBLE1(sind, "Sine of degrees"),
	DOUBLE1(cosd, "Cosine of degrees"),
	DOUBLE1(tand, "Tangent of degrees"),
	DOUBLE1(cotd, "Cotangent of degrees"),
	DOUBLE1(asind, "Inverse sine in degrees"),
	DOUBLE1(acosd, "Inverse cosine in degrees"),
	DOUBLE1(atand, "Inverse tangent in degrees"),
	{ .name = "atan2d", .doc = "Inverse tangent of a quotient in degrees", SPK_ARGS2(DOUBLE, DOUBLE), SPK_RESULT(DOUBLE), .kernel = atan2d },
};

SPK_FUNCTION_FAMILY(degrees, degrees_functions)
