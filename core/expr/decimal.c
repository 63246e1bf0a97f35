/*
 * Arithmetic of numerics. Fixed scales stay fixed where PostgreSQL's rules give every row the same scale (+ - * %): then rows
 * are plain 128-bit integers. Division, and whatever has a varying side, gives each value its own scale.
 */
#include "core/expr/families.h"
#include "core/expr/internal.h"

struct number { spk_int128 m; int scale; };

static inline struct number number_at(struct spk_type type, const struct spk_reader *r, int row)
{
	struct number n;

	spk_decimal_unpack(type, SPK_ARG(spk_int128, *r, row), &n.m, &n.scale);
	return n;
}

static spk_status overflow(const struct spk_call *call, struct spk_vector *out, int32_t row, spk_error *err)
{
	return spk_call_fail(call, out, row, SPK_DATA, err, "value overflows numeric format");
}

/* --- types of results --- */

static struct spk_type varying(void)
{
	return spk_type(SPK_TYPE_DECIMAL);
}

static int precision_of(struct spk_type t)
{
	return t.precision > 0 ? t.precision : SPK_DECIMAL_DIGITS;
}

static struct spk_type sum_type(const struct spk_type *arg, int args)
{
	int whole, scale;

	if (args == 1)
		return arg[0];
	if (arg[0].scale < 0 || arg[1].scale < 0)
		return varying();
	scale = SPK_MAX(arg[0].scale, arg[1].scale);
	whole = SPK_MAX(precision_of(arg[0]) - arg[0].scale, precision_of(arg[1]) - arg[1].scale) + 1;
	return spk_type_decimal(SPK_MIN(whole + scale, SPK_DECIMAL_DIGITS), scale);
}

static struct spk_type product_type(const struct spk_type *arg, int args)
{
	(void)args;
	if (arg[0].scale < 0 || arg[1].scale < 0 || arg[0].scale + arg[1].scale > SPK_DECIMAL_DIGITS)
		return varying();
	return spk_type_decimal(SPK_MIN(precision_of(arg[0]) + precision_of(arg[1]), SPK_DECIMAL_DIGITS), arg[0].scale + arg[1].scale);
}

static struct spk_type remainder_type(const struct spk_type *arg, int args)
{
	(void)args;
	if (arg[0].scale < 0 || arg[1].scale < 0)
		return varying();
	return spk_type_decimal(SPK_DECIMAL_DIGITS, SPK_MAX(arg[0].scale, arg[1].scale));
}

/* --- fixed scales: plain integers --- */


static inline spk_int128 limit(void)
{
	const spk_int128 e19 = (spk_int128)1000000000000000000 * 10;

	return e19 * e19;
}

static inline bool beyond(spk_int128 v)
{
	return v >= limit() || v <= -limit();
}

static inline bool some_special(spk_int128 a, spk_int128 b)
{
	return spk_decimal_is_special(a) | spk_decimal_is_special(b);
}

static inline bool any_large(spk_int128 a, spk_int128 b, spk_int128 v)
{
	return (spk_decimal_is_large(a) | spk_decimal_is_large(b) | spk_decimal_is_large(v)) < 0;
}

/* The steps send everything that may be special or overflow to the second look; what is left of that is computed there. */
static inline bool add_step(spk_int128 a, spk_int128 b, spk_int128 *v)
{
	*v = (spk_int128)((unsigned __int128)a + (unsigned __int128)b);
	return any_large(a, b, *v);
}

static inline bool sub_step(spk_int128 a, spk_int128 b, spk_int128 *v)
{
	*v = (spk_int128)((unsigned __int128)a - (unsigned __int128)b);
	return any_large(a, b, *v);
}

static inline bool mul_step(spk_int128 a, spk_int128 b, spk_int128 *v)
{
	return __builtin_mul_overflow(a, b, v) | any_large(a, b, *v);
}

/* For precisions whose product always fits. */
static inline bool mul_free_step(spk_int128 a, spk_int128 b, spk_int128 *v)
{
	*v = (spk_int128)((unsigned __int128)a * (unsigned __int128)b);
	return any_large(a, b, 0);
}

#define SECOND_LOOK(name, SPECIAL, PLAIN) \
	static spk_status name(const struct spk_call *call, struct spk_vector *out, int32_t row, spk_int128 a, spk_int128 b, spk_error *err) \
	{ \
		spk_int128 *v = spk_vector_i128(out) + row; \
		int scale; \
		if (some_special(a, b)) \
			SPECIAL; \
		else if (PLAIN(a, b, v) || beyond(*v)) \
			return overflow(call, out, row, err); \
		return SPK_OK; \
	}
SECOND_LOOK(add_failed, spk_decimal_add(a, 0, b, 0, v, &scale), __builtin_add_overflow)
SECOND_LOOK(sub_failed, spk_decimal_add(a, 0, spk_decimal_negate(b), 0, v, &scale), __builtin_sub_overflow)
SECOND_LOOK(mul_failed, spk_decimal_multiply(a, 0, b, 0, v, &scale), __builtin_mul_overflow)

SPK_CHECKED_BINARY_KERNEL(add_fixed, spk_int128, spk_int128, spk_int128, add_step, add_failed)
SPK_CHECKED_BINARY_KERNEL(sub_fixed, spk_int128, spk_int128, spk_int128, sub_step, sub_failed)
SPK_CHECKED_BINARY_KERNEL(mul_fixed, spk_int128, spk_int128, spk_int128, mul_step, mul_failed)
SPK_CHECKED_BINARY_KERNEL(mul_fits, spk_int128, spk_int128, spk_int128, mul_free_step, mul_failed)

/* --- the general way --- */

typedef bool (*operation)(struct number a, struct number b, struct number *r);

static bool add_numbers(struct number a, struct number b, struct number *r)
{
	return spk_decimal_add(a.m, a.scale, b.m, b.scale, &r->m, &r->scale);
}

static bool sub_numbers(struct number a, struct number b, struct number *r)
{
	return spk_decimal_add(a.m, a.scale, spk_decimal_negate(b.m), b.scale, &r->m, &r->scale);
}

static bool mul_numbers(struct number a, struct number b, struct number *r)
{
	return spk_decimal_multiply(a.m, a.scale, b.m, b.scale, &r->m, &r->scale);
}

static bool div_numbers(struct number a, struct number b, struct number *r)
{
	return spk_decimal_divide(a.m, a.scale, b.m, b.scale, &r->m, &r->scale);
}

static bool mod_numbers(struct number a, struct number b, struct number *r)
{
	int scale = SPK_MAX(a.scale, b.scale);
	spk_int128 x, y;

	if (spk_decimal_is_special(a.m) || spk_decimal_is_special(b.m)) {
		*r = a.m == SPK_DECIMAL_NAN || b.m == SPK_DECIMAL_NAN || spk_decimal_is_special(a.m) ? (struct number){ SPK_DECIMAL_NAN, 0 } : a;
		return true;
	}
	if (!spk_decimal_rescale(b.m, b.scale, scale, &y))
		return false;
	r->scale = scale;
	if (!spk_decimal_rescale(a.m, a.scale, scale, &x))
		return false;
	r->m = x % y;
	return true;
}

/* div(a, b): the quotient cut to an integer. */
static bool whole_numbers(struct number a, struct number b, struct number *r)
{
	struct number rest;

	if (spk_decimal_is_special(a.m) || spk_decimal_is_special(b.m))
		return spk_decimal_divide(a.m, a.scale, b.m, b.scale, &r->m, &r->scale);
	if (!mod_numbers(a, b, &rest))
		return false;
	if (!spk_decimal_add(a.m, a.scale, -rest.m, rest.scale, &r->m, &r->scale))
		return false;
	a = *r;
	if (!spk_decimal_divide(a.m, a.scale, b.m, b.scale, &r->m, &r->scale) || !spk_decimal_rescale(r->m, r->scale, 0, &r->m))
		return false;
	r->scale = 0;
	return true;
}

/* NaN comes first: PostgreSQL does not mind what it is divided by. */
static spk_status divide_by_zero(const struct spk_call *call, struct spk_vector *out, int row, struct number a, spk_error *err)
{
	if (a.m != SPK_DECIMAL_NAN)
		return spk_call_fail(call, out, row, SPK_DATA, err, "division by zero");
	spk_decimal_store(call->expr->type, a.m, 0, spk_vector_i128(out) + row);
	return SPK_OK;
}

static spk_status each(const struct spk_call *call, struct spk_vector *out, operation op, bool divides, spk_error *err)
{
	const struct spk_type ta = call->arg[0].type, tb = call->arg[1].type, type = call->expr->type;
	const struct spk_reader ra = spk_vector_reader(&call->arg[0]), rb = spk_vector_reader(&call->arg[1]);

	SPK_EACH_CALL_ROW(call, row) {
		struct number a = number_at(ta, &ra, row), b = number_at(tb, &rb, row), r;
		spk_int128 *v = spk_vector_i128(out) + row;

		if (divides && b.m == 0)
			SPK_TRY(divide_by_zero(call, out, row, a, err));
		else if (!op(a, b, &r) || !spk_decimal_store(type, r.m, r.scale, v))
			SPK_TRY(overflow(call, out, row, err));
	}
	return SPK_OK;
}

static bool same_scales(const struct spk_call *call)
{
	return call->arg[0].type.scale >= 0 && call->arg[0].type.scale == call->arg[1].type.scale;
}

static spk_status add(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	return same_scales(call) ? add_fixed(call, out, err) : each(call, out, add_numbers, false, err);
}

static spk_status sub(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	return same_scales(call) ? sub_fixed(call, out, err) : each(call, out, sub_numbers, false, err);
}

static spk_status mul(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	if (call->expr->type.scale < 0)
		return each(call, out, mul_numbers, false, err);
	if (precision_of(call->arg[0].type) + precision_of(call->arg[1].type) <= SPK_DECIMAL_DIGITS)
		return mul_fits(call, out, err);
	return mul_fixed(call, out, err);
}

static spk_status divide(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	return each(call, out, div_numbers, true, err);
}

static spk_status mod(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	return each(call, out, mod_numbers, true, err);
}

static spk_status whole(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	return each(call, out, whole_numbers, true, err);
}

/* Unary: sign changes keep mantissa bounds and scale. */
static inline spk_status unary(const struct spk_call *call, struct spk_vector *out, bool absolute)
{
	const struct spk_type type = call->arg[0].type;
	const struct spk_reader r = spk_vector_reader(&call->arg[0]);

	SPK_EACH_CALL_ROW(call, row) {
		struct number n = number_at(type, &r, row);
		spk_int128 *v = spk_vector_i128(out) + row;

		n.m = absolute && n.m >= 0 ? n.m : spk_decimal_negate(n.m);
		if (type.scale >= 0)
			*v = n.m;
		else if (!spk_numeric_pack(n.m, n.scale, v))
			*v = SPK_ARG(spk_int128, r, row);  /* -2^119 only, which no operation makes */
	}
	return SPK_OK;
}

static spk_status negate(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	(void)err;
	return unary(call, out, false);
}

static spk_status absolute(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	(void)err;
	return unary(call, out, true);
}

static spk_status plus(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(&call->arg[0]);

	(void)err;
	SPK_EACH_CALL_ROW(call, row)
		spk_vector_i128(out)[row] = SPK_ARG(spk_int128, r, row);
	return SPK_OK;
}

#define BINARY(name_, type_, kernel_, ...) \
	{ .name = name_, SPK_ARGS2(DECIMAL, DECIMAL), SPK_RESULT(DECIMAL), .result_of = type_, .can_fail = true, .kernel = kernel_, __VA_ARGS__ }
#define UNARY(name_, kernel_, ...) \
	{ .name = name_, SPK_ARGS1(DECIMAL), SPK_RESULT(DECIMAL), .result_of = sum_type, .total = true, .kernel = kernel_, __VA_ARGS__ }

static const struct spk_function decimal_functions[] = {
	BINARY("+", sum_type, add, .doc = "Sum"),
	BINARY("-", sum_type, sub, .doc = "Difference"),
	BINARY("*", product_type, mul, .doc = "Product"),
	BINARY("/", NULL, divide, .doc = "Quotient, with at least 16 significant digits"),
	BINARY("%", remainder_type, mod, .doc = "Remainder"),
	BINARY("mod", remainder_type, mod, .doc = "Remainder, with the dividend's sign"),
	BINARY("div", NULL, whole, .doc = "Quotient cut to an integer"),
	UNARY("-", negate, .doc = "Sign changed"),
	UNARY("+", plus, .doc = "The number itself"),
	UNARY("@", absolute, .doc = "Absolute value"),
	UNARY("abs", absolute, .doc = "Absolute value"),
};

SPK_FUNCTION_FAMILY(decimal, decimal_functions)
