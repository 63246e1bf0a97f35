/*
 * Arithmetic of integers and floats, and the bit operators. Overflow, division by zero and float overflow or underflow fail
 * the row with PostgreSQL's words.
 */
#include <math.h>

#include "core/expr/families.h"
#include "core/expr/internal.h"

/* --- integers --- */

#define FAIL_RANGE(what) \
	static spk_status fail_##what(const struct spk_call *call, struct spk_vector *out, int32_t row, bool zero, spk_error *err) \
	{ \
		if (zero) \
			return spk_call_fail(call, out, row, SPK_DATA, err, "division by zero"); \
		return spk_call_fail(call, out, row, SPK_DATA, err, #what " out of range"); \
	}
FAIL_RANGE(smallint)
FAIL_RANGE(integer)
FAIL_RANGE(bigint)

/* The step macros of one integer width: they compute wrapped around and say whether the true value did not fit. */
#define INTEGER_STEPS(T, U, what) \
	static inline bool add_##what(T a, T b, T *v) \
	{ \
		T r = (T)((U)a + (U)b); \
		*v = r; \
		return ((a ^ r) & (b ^ r)) < 0; \
	} \
	static inline bool sub_##what(T a, T b, T *v) \
	{ \
		T r = (T)((U)a - (U)b); \
		*v = r; \
		return ((a ^ b) & (a ^ r)) < 0; \
	} \
	static inline bool mul_##what(T a, T b, T *v) { return __builtin_mul_overflow(a, b, v); } \
	static inline bool div_##what(T a, T b, T *v) \
	{ \
		bool overflow = b == -1 && a != 0 && a == (T)(0 - (U)a); \
		bool bad = b == 0 || overflow; \
		*v = (T)(a / (bad ? 1 : b)); \
		return bad; \
	} \
	static inline bool mod_##what(T a, T b, T *v) \
	{ \
		*v = (T)(a % (b == 0 || b == -1 ? 1 : b)); \
		return b == 0; \
	} \
	static inline bool neg_##what(T a, T *v) \
	{ \
		*v = (T)(0 - (U)a); \
		return a != 0 && *v == a; \
	} \
	static inline bool abs_##what(T a, T *v) \
	{ \
		*v = a < 0 ? (T)(0 - (U)a) : a; \
		return *v < 0; \
	}
INTEGER_STEPS(int16_t, uint16_t, smallint)
INTEGER_STEPS(int32_t, uint32_t, integer)
INTEGER_STEPS(int64_t, uint64_t, bigint)

#define INTEGER_FAILS(what) \
	SPK_UNUSED static inline spk_status fail2_##what(const struct spk_call *call, struct spk_vector *out, int32_t row, int64_t a, int64_t b, spk_error *err) \
	{ \
		(void)a; \
		return fail_##what(call, out, row, b == 0, err); \
	} \
	static inline spk_status range2_##what(const struct spk_call *call, struct spk_vector *out, int32_t row, int64_t a, int64_t b, spk_error *err) \
	{ \
		(void)a; \
		(void)b; \
		return fail_##what(call, out, row, false, err); \
	} \
	static inline spk_status range1_##what(const struct spk_call *call, struct spk_vector *out, int32_t row, int64_t a, spk_error *err) \
	{ \
		(void)a; \
		return fail_##what(call, out, row, false, err); \
	}
INTEGER_FAILS(smallint)
INTEGER_FAILS(integer)
INTEGER_FAILS(bigint)

#define BIT_AND(a, b) ((a) & (b))
#define BIT_OR(a, b) ((a) | (b))
#define BIT_XOR(a, b) ((a) ^ (b))
#define BIT_NOT(a) (~(a))
#define SAME(a) (a)

/* The shift distance wraps at the width that the machine computes in, as in PostgreSQL: a smallint is an int there. */
#define SHIFTS(T, U, width, what) \
	static inline T shl_##what(T a, int32_t b) { return (T)((U)a << (b & ((width) - 1))); } \
	static inline T shr_##what(T a, int32_t b) { return (T)(a >> (b & ((width) - 1))); }
SHIFTS(int16_t, uint32_t, 32, smallint)
SHIFTS(int32_t, uint32_t, 32, integer)
SHIFTS(int64_t, uint64_t, 64, bigint)

#define INTEGER_KERNELS(T, what) \
	SPK_CHECKED_BINARY_KERNEL(k_add_##what, T, T, T, add_##what, range2_##what) \
	SPK_CHECKED_BINARY_KERNEL(k_sub_##what, T, T, T, sub_##what, range2_##what) \
	SPK_CHECKED_BINARY_KERNEL(k_mul_##what, T, T, T, mul_##what, range2_##what) \
	SPK_CHECKED_BINARY_KERNEL(k_div_##what, T, T, T, div_##what, fail2_##what) \
	SPK_CHECKED_BINARY_KERNEL(k_mod_##what, T, T, T, mod_##what, fail2_##what) \
	SPK_CHECKED_UNARY_KERNEL(k_neg_##what, T, T, neg_##what, range1_##what) \
	SPK_CHECKED_UNARY_KERNEL(k_abs_##what, T, T, abs_##what, range1_##what) \
	SPK_UNARY_KERNEL(k_plus_##what, T, T, SAME) \
	SPK_BINARY_KERNEL(k_and_##what, T, T, T, (T)BIT_AND) \
	SPK_BINARY_KERNEL(k_or_##what, T, T, T, (T)BIT_OR) \
	SPK_BINARY_KERNEL(k_xor_##what, T, T, T, (T)BIT_XOR) \
	SPK_UNARY_KERNEL(k_not_##what, T, T, (T)BIT_NOT) \
	SPK_BINARY_KERNEL(k_shl_##what, T, int32_t, T, shl_##what) \
	SPK_BINARY_KERNEL(k_shr_##what, T, int32_t, T, shr_##what)
INTEGER_KERNELS(int16_t, smallint)
INTEGER_KERNELS(int32_t, integer)
INTEGER_KERNELS(int64_t, bigint)

/* --- floats --- */

/* Why a float operation went out of range, if it did: an infinity that no operand had, or a zero from non-zeros. */
#define FLOAT_STEPS(T, s) \
	static inline bool add_##s(T a, T b, T *v) { *v = a + b; return isinf(*v) && !isinf(a) && !isinf(b); } \
	static inline bool sub_##s(T a, T b, T *v) { *v = a - b; return isinf(*v) && !isinf(a) && !isinf(b); } \
	static inline bool mul_##s(T a, T b, T *v) \
	{ \
		*v = a * b; \
		return (isinf(*v) && !isinf(a) && !isinf(b)) || (*v == 0 && a != 0 && b != 0); \
	} \
	static inline bool div_##s(T a, T b, T *v) \
	{ \
		*v = a / b; \
		return (b == 0 && !isnan(a)) || (isinf(*v) && !isinf(a)) || (*v == 0 && a != 0 && !isinf(b)); \
	} \
	static inline T neg_##s(T a) { return -a; } \
	static inline T abs_##s(T a) { return a < 0 ? -a : a == 0 ? 0 : a; }
FLOAT_STEPS(float, real)
FLOAT_STEPS(double, double)

static spk_status fail_float(const struct spk_call *call, struct spk_vector *out, int32_t row, double a, double b, spk_error *err)
{
	const char *why = "value out of range: overflow";

	(void)a;
	if (call->expr->function->name[0] == '/' && b == 0)
		why = "division by zero";
	else if ((call->expr->function->name[0] == '*' && fabs(a) < 1 && fabs(b) < 1) || (call->expr->function->name[0] == '/' && fabs(b) > 1))
		why = "value out of range: underflow";
	return spk_call_fail(call, out, row, SPK_DATA, err, "%s", why);
}

#define FLOAT_KERNELS(T, s) \
	SPK_CHECKED_BINARY_KERNEL(k_add_##s, T, T, T, add_##s, fail_float) \
	SPK_CHECKED_BINARY_KERNEL(k_sub_##s, T, T, T, sub_##s, fail_float) \
	SPK_CHECKED_BINARY_KERNEL(k_mul_##s, T, T, T, mul_##s, fail_float) \
	SPK_CHECKED_BINARY_KERNEL(k_div_##s, T, T, T, div_##s, fail_float) \
	SPK_UNARY_KERNEL(k_neg_##s, T, T, neg_##s) \
	SPK_UNARY_KERNEL(k_abs_##s, T, T, abs_##s) \
	SPK_UNARY_KERNEL(k_plus_##s, T, T, SAME)
FLOAT_KERNELS(float, real)
FLOAT_KERNELS(double, double)

/* --- the table --- */

#define CHECKED(name_, T, kernel_, doc_) { .name = name_, .doc = doc_, SPK_ARGS2(T, T), SPK_RESULT(T), .can_fail = true, .kernel = kernel_ },
#define TOTAL2(name_, T, B, kernel_, doc_) { .name = name_, .doc = doc_, SPK_ARGS2(T, B), SPK_RESULT(T), .total = true, .kernel = kernel_ },
#define TOTAL1(name_, T, kernel_, doc_) { .name = name_, .doc = doc_, SPK_ARGS1(T), SPK_RESULT(T), .total = true, .kernel = kernel_ },

#define BASIC_ROWS(T, s) \
	CHECKED("+", T, k_add_##s, "Sum") \
	CHECKED("-", T, k_sub_##s, "Difference") \
	CHECKED("*", T, k_mul_##s, "Product") \
	CHECKED("/", T, k_div_##s, "Quotient; of integers cut towards zero") \
	TOTAL1("+", T, k_plus_##s, "The number itself")
#define INTEGER_ROWS(T, s) \
	BASIC_ROWS(T, s) \
	CHECKED("%", T, k_mod_##s, "Remainder, with the dividend's sign") \
	{ .name = "mod", .doc = "Remainder, with the dividend's sign", SPK_ARGS2(T, T), SPK_RESULT(T), .can_fail = true, .kernel = k_mod_##s }, \
	{ .name = "-", .doc = "Sign changed", SPK_ARGS1(T), SPK_RESULT(T), .can_fail = true, .kernel = k_neg_##s }, \
	{ .name = "abs", .doc = "Absolute value", SPK_ARGS1(T), SPK_RESULT(T), .can_fail = true, .kernel = k_abs_##s }, \
	{ .name = "@", .doc = "Absolute value", SPK_ARGS1(T), SPK_RESULT(T), .can_fail = true, .kernel = k_abs_##s }, \
	TOTAL2("&", T, T, k_and_##s, "Bitwise and") \
	TOTAL2("|", T, T, k_or_##s, "Bitwise or") \
	TOTAL2("#", T, T, k_xor_##s, "Bitwise exclusive or") \
	TOTAL2("<<", T, INTEGER, k_shl_##s, "Bits shifted left") \
	TOTAL2(">>", T, INTEGER, k_shr_##s, "Bits shifted right") \
	TOTAL1("~", T, k_not_##s, "Bitwise not")
#define FLOAT_ROWS(T, s) \
	BASIC_ROWS(T, s) \
	TOTAL1("-", T, k_neg_##s, "Sign changed") \
	TOTAL1("@", T, k_abs_##s, "Absolute value") \
	{ .name = "abs", .doc = "Absolute value", SPK_ARGS1(T), SPK_RESULT(T), .total = true, .kernel = k_abs_##s },

static const struct spk_function arithmetic_functions[] = {
	INTEGER_ROWS(SMALLINT, smallint)
	INTEGER_ROWS(INTEGER, integer)
	INTEGER_ROWS(BIGINT, bigint)
	FLOAT_ROWS(REAL, real)
	FLOAT_ROWS(DOUBLE, double)
};

SPK_FUNCTION_FAMILY(arithmetic, arithmetic_functions)
