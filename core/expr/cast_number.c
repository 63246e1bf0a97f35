/* Casts between numbers: to a narrower integer with a range check, from floats rounding half to even, numerics half away from zero. */
#include <math.h>
#include <stdio.h>

#include "core/expr/cast.h"
#include "core/expr/locale.h"

/* The templates define static functions; these lines give them their public names. */
#define PUBLIC(name) \
	spk_status spk_cast_##name(const struct spk_call *call, struct spk_vector *out, spk_error *err) { return k_##name(call, out, err); }

/* --- widening: never fails --- */

#define WIDEN_I16_I32(a) ((int32_t)(a))
#define WIDEN_TO_I64(a) ((int64_t)(a))
#define WIDEN_TO_F32(a) ((float)(a))
#define WIDEN_TO_F64(a) ((double)(a))
#define IS_SET(a) ((uint8_t)((a) != 0))
#define AS_I32(a) ((int32_t)(a))

#define WIDEN(name, FROM, TO, HOW) \
	SPK_UNARY_KERNEL(k_##name, FROM, TO, HOW) \
	PUBLIC(name)
WIDEN(i16_i32, int16_t, int32_t, WIDEN_I16_I32)
WIDEN(i16_i64, int16_t, int64_t, WIDEN_TO_I64)
WIDEN(i32_i64, int32_t, int64_t, WIDEN_TO_I64)
WIDEN(i16_f32, int16_t, float, WIDEN_TO_F32)
WIDEN(i32_f32, int32_t, float, WIDEN_TO_F32)
WIDEN(i64_f32, int64_t, float, WIDEN_TO_F32)
WIDEN(i16_f64, int16_t, double, WIDEN_TO_F64)
WIDEN(i32_f64, int32_t, double, WIDEN_TO_F64)
WIDEN(i64_f64, int64_t, double, WIDEN_TO_F64)
WIDEN(f32_f64, float, double, WIDEN_TO_F64)
WIDEN(i32_bool, int32_t, uint8_t, IS_SET)
WIDEN(bool_i32, uint8_t, int32_t, AS_I32)

/* --- narrowing --- */

static spk_status out_of_range(const struct spk_call *call, struct spk_vector *out, int32_t row, double a, spk_error *err)
{
	char name[64];

	(void)a;
	return spk_call_fail(call, out, row, SPK_DATA, err, "%s out of range", spk_type_format(call->expr->type, name, sizeof name));
}

#define NARROW_STEP(name, FROM, TO) \
	static inline bool narrow_##name(FROM a, TO *v) \
	{ \
		*v = (TO)a; \
		return *v != a; \
	} \
	static inline spk_status range_##name(const struct spk_call *call, struct spk_vector *out, int32_t row, FROM a, spk_error *err) \
	{ \
		(void)a; \
		return out_of_range(call, out, row, 0, err); \
	} \
	SPK_CHECKED_UNARY_KERNEL(k_##name, FROM, TO, narrow_##name, range_##name) \
	PUBLIC(name)
NARROW_STEP(i32_i16, int32_t, int16_t)
NARROW_STEP(i64_i16, int64_t, int16_t)
NARROW_STEP(i64_i32, int64_t, int32_t)

/* 2^(bits-1) is exact as a float, the largest integer is not. */
#define ROUND_STEP(name, FROM, TO, LIMIT) \
	static inline bool round_##name(FROM a, TO *v) \
	{ \
		double r = rint((double)a); \
		bool bad = !(r >= -(LIMIT) && r < (LIMIT)); \
		*v = bad ? 0 : (TO)r; \
		return bad; \
	} \
	SPK_CHECKED_UNARY_KERNEL(k_##name, FROM, TO, round_##name, out_of_range) \
	PUBLIC(name)
ROUND_STEP(f32_i16, float, int16_t, 0x1p15)
ROUND_STEP(f32_i32, float, int32_t, 0x1p31)
ROUND_STEP(f32_i64, float, int64_t, 0x1p63)
ROUND_STEP(f64_i16, double, int16_t, 0x1p15)
ROUND_STEP(f64_i32, double, int32_t, 0x1p31)
ROUND_STEP(f64_i64, double, int64_t, 0x1p63)

static inline bool to_single(double a, float *v)
{
	*v = (float)a;
	return (isinf(*v) && !isinf(a)) || (*v == 0 && a != 0);
}

static inline spk_status single_range(const struct spk_call *call, struct spk_vector *out, int32_t row, double a, spk_error *err)
{
	return spk_call_fail(call, out, row, SPK_DATA, err, "value out of range: %s", fabs(a) > 1 ? "overflow" : "underflow");
}
SPK_CHECKED_UNARY_KERNEL(k_f64_f32, double, float, to_single, single_range)
PUBLIC(f64_f32)

/* --- to numeric --- */

static spk_status field_overflow(const struct spk_call *call, struct spk_vector *out, int32_t row, spk_error *err)
{
	return spk_call_fail(call, out, row, SPK_DATA, err, "%s", call->expr->type.scale >= 0 ? "numeric field overflow" : "value overflows numeric format");
}

#define INTEGER_TO_DECIMAL(name, FROM) \
	spk_status spk_cast_##name##_decimal(const struct spk_call *call, struct spk_vector *out, spk_error *err) \
	{ \
		const struct spk_reader r = spk_vector_reader(&call->arg[0]); \
		const struct spk_type type = call->expr->type; \
		spk_int128 *v = spk_vector_i128(out); \
		if (spk_cast_is_noop(spk_numeric_type_of(call->arg[0].type), type)) { \
			SPK_EACH_CALL_ROW(call, row) \
				v[row] = SPK_ARG(FROM, r, row); \
			return SPK_OK; \
		} \
		SPK_EACH_CALL_ROW(call, row) \
			if (!spk_decimal_store(type, SPK_ARG(FROM, r, row), 0, &v[row])) \
				SPK_TRY(field_overflow(call, out, row, err)); \
		return SPK_OK; \
	}
INTEGER_TO_DECIMAL(i16, int16_t)
INTEGER_TO_DECIMAL(i32, int32_t)
INTEGER_TO_DECIMAL(i64, int64_t)

/* As PostgreSQL: by way of the shortest-precision text, 15 digits of a double and 6 of a real. */
static spk_status float_to_decimal(const struct spk_call *call, struct spk_vector *out, int row, double value, int digits, spk_error *err)
{
	char text[64];
	spk_int128 m;
	int scale, size;
	locale_t before;

	if (!isfinite(value)) {
		m = isnan(value) ? SPK_DECIMAL_NAN : value < 0 ? -SPK_DECIMAL_INFINITY : SPK_DECIMAL_INFINITY;
		return spk_decimal_store_declared(call->expr->type, m, 0, spk_vector_i128(out) + row) ? SPK_OK : field_overflow(call, out, row, err);
	}
	before = uselocale(spk_locale());
	size = snprintf(text, sizeof text, "%.*g", digits, value);
	uselocale(before);
	if (fabs(value) < 1 && !spk_decimal_parse(text, (size_t)size, &m, &scale)) {
		before = uselocale(spk_locale());
		size = snprintf(text, sizeof text, "%.*f", SPK_DECIMAL_DIGITS - 1, value);
		uselocale(before);
	}
	if (!spk_decimal_parse(text, (size_t)size, &m, &scale) || !spk_decimal_store(call->expr->type, m, scale, spk_vector_i128(out) + row))
		return field_overflow(call, out, row, err);
	return SPK_OK;
}

spk_status spk_cast_f64_decimal(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(&call->arg[0]);

	SPK_EACH_CALL_ROW(call, row)
		SPK_TRY(float_to_decimal(call, out, row, SPK_ARG(double, r, row), 15, err));
	return SPK_OK;
}

spk_status spk_cast_f32_decimal(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(&call->arg[0]);

	SPK_EACH_CALL_ROW(call, row)
		SPK_TRY(float_to_decimal(call, out, row, (double)SPK_ARG(float, r, row), 6, err));
	return SPK_OK;
}

spk_status spk_cast_decimal_decimal(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(&call->arg[0]);
	const struct spk_type from = call->arg[0].type, to = call->expr->type;

	SPK_EACH_CALL_ROW(call, row) {
		spk_int128 m;
		int scale;

		spk_decimal_unpack(from, SPK_ARG(spk_int128, r, row), &m, &scale);
		if (!spk_decimal_store_declared(to, m, scale, spk_vector_i128(out) + row))
			SPK_TRY(field_overflow(call, out, row, err));
	}
	return SPK_OK;
}

/* --- from numeric --- */

static spk_status no_integer(const struct spk_call *call, struct spk_vector *out, int32_t row, spk_int128 m, spk_error *err)
{
	char name[64];

	if (!spk_decimal_is_special(m))
		return out_of_range(call, out, row, 0, err);
	return spk_call_fail(call, out, row, SPK_DATA, err, "cannot convert %s to %s", m == SPK_DECIMAL_NAN ? "NaN" : "infinity", spk_type_format(call->expr->type, name, sizeof name));
}

#define DECIMAL_TO_INTEGER(name, TO, MIN, MAX) \
	spk_status spk_cast_decimal_##name(const struct spk_call *call, struct spk_vector *out, spk_error *err) \
	{ \
		const struct spk_reader r = spk_vector_reader(&call->arg[0]); \
		const struct spk_type from = call->arg[0].type; \
		TO *v = out->data; \
		SPK_EACH_CALL_ROW(call, row) { \
			spk_int128 m, whole; \
			int scale; \
			spk_decimal_unpack(from, SPK_ARG(spk_int128, r, row), &m, &scale); \
			if (!spk_decimal_rescale(m, scale, 0, &whole) || whole < (MIN) || whole > (MAX)) \
				SPK_TRY(no_integer(call, out, row, m, err)); \
			else \
				v[row] = (TO)whole; \
		} \
		return SPK_OK; \
	}
DECIMAL_TO_INTEGER(i16, int16_t, INT16_MIN, INT16_MAX)
DECIMAL_TO_INTEGER(i32, int32_t, INT32_MIN, INT32_MAX)
DECIMAL_TO_INTEGER(i64, int64_t, INT64_MIN, INT64_MAX)

spk_status spk_cast_decimal_f64(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(&call->arg[0]);
	const struct spk_type from = call->arg[0].type;

	(void)err;
	SPK_EACH_CALL_ROW(call, row) {
		spk_int128 m;
		int scale;

		spk_decimal_unpack(from, SPK_ARG(spk_int128, r, row), &m, &scale);
		spk_vector_f64(out)[row] = spk_decimal_to_double(m, scale);
	}
	return SPK_OK;
}

spk_status spk_cast_decimal_f32(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(&call->arg[0]);
	const struct spk_type from = call->arg[0].type;
	spk_error local = { 0 };

	SPK_EACH_CALL_ROW(call, row) {
		char text[SPK_TEXT_MAX];
		int size = spk_text_from_value(from, &SPK_ARG(spk_int128, r, row), NULL, text);

		if (spk_text_to_value(spk_type(SPK_TYPE_REAL), text, (size_t)size, NULL, spk_vector_f32(out) + row, &local) != SPK_OK)
			SPK_TRY(spk_call_fail(call, out, row, SPK_DATA, err, "%s", local.message));
	}
	return SPK_OK;
}
