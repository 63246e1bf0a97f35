/*
 * Comparison: = <> < <= > >=, IS [NOT] DISTINCT FROM, and the order of single values that sets, greatest and min/max use.
 *
 * One line in COMPARE_TYPES gives a type its six kernels, its six filters (column against constant, as a selection) and its
 * rows in the function table. Floats order as in PostgreSQL: NaN equals NaN and is above everything.
 */
#include "core/columnar/jsonb.h"
#include "core/expr/families.h"
#include "core/expr/internal.h"

/* --- what the six operators mean for a kind of value --- */

#define PLAIN_EQ(a, b) ((a) == (b))
#define PLAIN_NE(a, b) ((a) != (b))
#define PLAIN_LT(a, b) ((a) < (b))
#define PLAIN_LE(a, b) ((a) <= (b))
#define PLAIN_GT(a, b) ((a) > (b))
#define PLAIN_GE(a, b) ((a) >= (b))

/* Bitwise by intent: a branch per row would cost more. */
#define FLOAT_EQ(a, b) (((int)((a) == (b)) | ((int)((a) != (a)) & (int)((b) != (b)))) != 0)
#define FLOAT_LT(a, b) (((int)((a) < (b)) | ((int)((a) == (a)) & (int)((b) != (b)))) != 0)
#define FLOAT_NE(a, b) (!FLOAT_EQ(a, b))
#define FLOAT_GT(a, b) FLOAT_LT(b, a)
#define FLOAT_LE(a, b) (!FLOAT_LT(b, a))
#define FLOAT_GE(a, b) (!FLOAT_LT(a, b))

#define VIEW_EQ(a, b) spk_view_equal(&(a), &(b))
#define VIEW_NE(a, b) (!spk_view_equal(&(a), &(b)))
#define VIEW_LT(a, b) (spk_view_compare(&(a), &(b)) < 0)
#define VIEW_LE(a, b) (spk_view_compare(&(a), &(b)) <= 0)
#define VIEW_GT(a, b) (spk_view_compare(&(a), &(b)) > 0)
#define VIEW_GE(a, b) (spk_view_compare(&(a), &(b)) >= 0)

#define JSON_EQ(a, b) spk_jsonb_equal(&(a), &(b))
#define JSON_NE(a, b) (!spk_jsonb_equal(&(a), &(b)))
#define JSON_LT(a, b) (spk_jsonb_compare(&(a), &(b)) < 0)
#define JSON_LE(a, b) (spk_jsonb_compare(&(a), &(b)) <= 0)
#define JSON_GT(a, b) (spk_jsonb_compare(&(a), &(b)) > 0)
#define JSON_GE(a, b) (spk_jsonb_compare(&(a), &(b)) >= 0)

/* PostgreSQL orders intervals by months of 30 days of 24 hours. */
static inline spk_int128 span(const struct spk_interval *v)
{
	return (spk_int128)v->micros + ((spk_int128)v->months * 30 + v->days) * 86400000000ll;
}

#define SPAN_EQ(a, b) (span(&(a)) == span(&(b)))
#define SPAN_NE(a, b) (span(&(a)) != span(&(b)))
#define SPAN_LT(a, b) (span(&(a)) < span(&(b)))
#define SPAN_LE(a, b) (span(&(a)) <= span(&(b)))
#define SPAN_GT(a, b) (span(&(a)) > span(&(b)))
#define SPAN_GE(a, b) (span(&(a)) >= span(&(b)))

/* X(C type, suffix, meaning): each gives kernels for all six operators. */
#define COMPARE_TYPES(X) \
	X(uint8_t, u8, PLAIN) \
	X(int16_t, i16, PLAIN) \
	X(int32_t, i32, PLAIN) \
	X(int64_t, i64, PLAIN) \
	X(spk_int128, i128, PLAIN) \
	X(float, f32, FLOAT) \
	X(double, f64, FLOAT) \
	X(struct spk_view, view, VIEW) \
	X(struct spk_view, jsonb, JSON) \
	X(struct spk_interval, interval, SPAN)

enum op { EQ, NE, LT, LE, GT, GE, OPS };

/* --- kernels --- */

#define KERNELS(ctype, suffix, how) \
	SPK_BINARY_KERNEL(eq_##suffix, ctype, ctype, uint8_t, how##_EQ) \
	SPK_BINARY_KERNEL(ne_##suffix, ctype, ctype, uint8_t, how##_NE) \
	SPK_BINARY_KERNEL(lt_##suffix, ctype, ctype, uint8_t, how##_LT) \
	SPK_BINARY_KERNEL(le_##suffix, ctype, ctype, uint8_t, how##_LE) \
	SPK_BINARY_KERNEL(gt_##suffix, ctype, ctype, uint8_t, how##_GT) \
	SPK_BINARY_KERNEL(ge_##suffix, ctype, ctype, uint8_t, how##_GE)
COMPARE_TYPES(KERNELS)

static int order_decimal(struct spk_type ta, spk_int128 a, struct spk_type tb, spk_int128 b)
{
	spk_int128 ma, mb;
	int sa, sb;

	spk_decimal_unpack(ta, a, &ma, &sa);
	spk_decimal_unpack(tb, b, &mb, &sb);
	return spk_decimal_compare(ma, sa, mb, sb);
}

static bool same_fixed_scale(struct spk_type a, struct spk_type b)
{
	return a.scale == b.scale && a.scale >= 0;
}

#define DECIMAL_KERNEL(op, test) \
	static spk_status op##_decimal(const struct spk_call *call, struct spk_vector *out, spk_error *err) \
	{ \
		const struct spk_type ta = call->arg[0].type, tb = call->arg[1].type; \
		const struct spk_reader ra = spk_vector_reader(&call->arg[0]), rb = spk_vector_reader(&call->arg[1]); \
		if (same_fixed_scale(ta, tb)) \
			return op##_i128(call, out, err); \
		SPK_EACH_CALL_ROW(call, row) \
			spk_vector_bool(out)[row] = order_decimal(ta, SPK_ARG(spk_int128, ra, row), tb, SPK_ARG(spk_int128, rb, row)) test 0; \
		return SPK_OK; \
	}
DECIMAL_KERNEL(eq, ==)
DECIMAL_KERNEL(ne, !=)
DECIMAL_KERNEL(lt, <)
DECIMAL_KERNEL(le, <=)
DECIMAL_KERNEL(gt, >)
DECIMAL_KERNEL(ge, >=)

/* Brings a numeric constant to the scale of the column beside it when that loses nothing: then integers are compared. */
static spk_status prepare_decimal(struct spk_arena *arena, struct spk_expr *e, spk_error *err)
{
	for (int k = 0; k < 2; k++) {
		const struct spk_value *v = spk_constant_arg(e, k);
		struct spk_type want = e->arg[!k]->type;
		struct spk_value same = { .type = want };
		spk_int128 m, back;
		int scale;

		if (!v || want.scale < 0 || same_fixed_scale(v->type, want))
			continue;
		spk_decimal_unpack(v->type, v->i128, &m, &scale);
		if (!spk_decimal_rescale(m, scale, want.scale, &same.i128) || !spk_decimal_rescale(same.i128, want.scale, scale, &back) || back != m)
			continue;
		same.type.precision = (int16_t)SPK_MAX(want.precision, spk_decimal_digits(same.i128));
		e->arg[k] = spk_expr_literal(arena, same);
		SPK_TRY_PTR(e->arg[k], err);
	}
	return SPK_OK;
}

/* --- order of single values --- */

#define ORDER(ctype, suffix, how) \
	static int order_##suffix(struct spk_type type, const void *pa, const void *pb) \
	{ \
		const ctype a = *(const ctype *)pa, b = *(const ctype *)pb; \
		(void)type; \
		return how##_LT(a, b) ? -1 : how##_LT(b, a); \
	}
COMPARE_TYPES(ORDER)

static int order_decimals(struct spk_type type, const void *a, const void *b)
{
	if (type.scale >= 0)
		return order_i128(type, a, b);
	return order_decimal(type, *(const spk_int128 *)a, type, *(const spk_int128 *)b);
}

spk_value_compare spk_value_comparer(struct spk_type type)
{
	switch (type.id) {
	case SPK_TYPE_BOOLEAN: return order_u8;
	case SPK_TYPE_SMALLINT: return order_i16;
	case SPK_TYPE_INTEGER:
	case SPK_TYPE_DATE: return order_i32;
	case SPK_TYPE_REAL: return order_f32;
	case SPK_TYPE_DOUBLE: return order_f64;
	case SPK_TYPE_DECIMAL: return order_decimals;
	case SPK_TYPE_UUID: return order_i128;
	case SPK_TYPE_INTERVAL: return order_interval;
	case SPK_TYPE_UNKNOWN:
	case SPK_TYPE_TEXT:
	case SPK_TYPE_BYTEA:
	case SPK_TYPE_JSON: return order_view;
	case SPK_TYPE_JSONB: return order_jsonb;
	case SPK_TYPE_ARRAY:
	case SPK_TYPE_ROW: return spk_nested_compare;
	default: return order_i64;
	}
}

/* --- IS [NOT] DISTINCT FROM --- */

static spk_status distinct(const struct spk_call *call, uint8_t when_same, struct spk_vector *out)
{
	const struct spk_reader a = spk_vector_reader(&call->arg[0]), b = spk_vector_reader(&call->arg[1]);
	const struct spk_type type = call->arg[0].type;
	const spk_value_compare compare = spk_value_comparer(type);
	struct spk_nested na, nb;

	SPK_EACH_CALL_ROW(call, row) {
		uint32_t sa = spk_reader_slot(&a, row), sb = spk_reader_slot(&b, row);
		bool va = spk_reader_valid(&a, sa), vb = spk_reader_valid(&b, sb);
		bool same = va == vb && (!va || compare(type, spk_slot_bytes(&call->arg[0], &a, sa, &na), spk_slot_bytes(&call->arg[1], &b, sb, &nb)) == 0);

		spk_vector_bool(out)[row] = same ? when_same : !when_same;
	}
	return SPK_OK;
}

static spk_status is_distinct(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	(void)err;
	return distinct(call, false, out);
}

static spk_status is_not_distinct(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	(void)err;
	return distinct(call, true, out);
}

/* --- filters: column against constant --- */

/* Writes every row and moves on only past those that are kept: no branch depends on the data. */
#define FILTER(ctype, suffix, how, OP) \
	static int filter_##OP##_##suffix(const struct spk_vector *v, const void *constant, const int32_t *sel, int n, int32_t *keep) \
	{ \
		const ctype *p = v->data, c = *(const ctype *)constant; \
		int kept = 0; \
		if (!sel && !v->valid) { \
			for (int i = 0; i < n; i++) { \
				keep[kept] = i; \
				kept += how##_##OP(p[i], c); \
			} \
			return kept; \
		} \
		for (int i = 0; i < n; i++) { \
			int32_t row = sel ? sel[i] : i; \
			keep[kept] = row; \
			kept += how##_##OP(p[row], c) && (!v->valid || spk_bit(v->valid, row)); \
		} \
		return kept; \
	}
#define FILTERS(ctype, suffix, how) \
	FILTER(ctype, suffix, how, EQ) \
	FILTER(ctype, suffix, how, NE) \
	FILTER(ctype, suffix, how, LT) \
	FILTER(ctype, suffix, how, LE) \
	FILTER(ctype, suffix, how, GT) \
	FILTER(ctype, suffix, how, GE) \
	static int (*const filters_##suffix[OPS])(const struct spk_vector *, const void *, const int32_t *, int, int32_t *) = { \
		filter_EQ_##suffix, filter_NE_##suffix, filter_LT_##suffix, filter_LE_##suffix, filter_GT_##suffix, filter_GE_##suffix };
COMPARE_TYPES(FILTERS)

typedef int (*filter_function)(const struct spk_vector *, const void *, const int32_t *, int, int32_t *);

static filter_function filter_for(struct spk_type type, enum op op)
{
	switch (type.id) {
	case SPK_TYPE_BOOLEAN: return filters_u8[op];
	case SPK_TYPE_SMALLINT: return filters_i16[op];
	case SPK_TYPE_INTEGER:
	case SPK_TYPE_DATE: return filters_i32[op];
	case SPK_TYPE_BIGINT:
	case SPK_TYPE_TIME:
	case SPK_TYPE_TIMESTAMP:
	case SPK_TYPE_TIMESTAMPTZ: return filters_i64[op];
	case SPK_TYPE_UUID:
	case SPK_TYPE_DECIMAL: return filters_i128[op];
	case SPK_TYPE_REAL: return filters_f32[op];
	case SPK_TYPE_DOUBLE: return filters_f64[op];
	case SPK_TYPE_INTERVAL: return filters_interval[op];
	case SPK_TYPE_JSONB: return filters_jsonb[op];
	default: return filters_view[op];
	}
}

/* --- the table --- */

#define COMPARE_ROW(name_, doc_, kernel_, T, ...) \
	{ .name = name_, .doc = doc_, SPK_ARGS2(T, T), SPK_RESULT(BOOLEAN), .total = true, .kernel = kernel_, __VA_ARGS__ },
#define COMPARE_ROWS(T, suffix, ...) \
	COMPARE_ROW("=", "Equal", eq_##suffix, T, __VA_ARGS__) \
	COMPARE_ROW("<>", "Not equal", ne_##suffix, T, __VA_ARGS__) \
	COMPARE_ROW("<", "Less", lt_##suffix, T, __VA_ARGS__) \
	COMPARE_ROW("<=", "Less or equal", le_##suffix, T, __VA_ARGS__) \
	COMPARE_ROW(">", "Greater", gt_##suffix, T, __VA_ARGS__) \
	COMPARE_ROW(">=", "Greater or equal", ge_##suffix, T, __VA_ARGS__) \
	COMPARE_ROW("!=", "Not equal", ne_##suffix, T, __VA_ARGS__)

static const struct spk_function compare_functions[] = {
	COMPARE_ROWS(BOOLEAN, u8)
	COMPARE_ROWS(SMALLINT, i16)
	COMPARE_ROWS(INTEGER, i32)
	COMPARE_ROWS(BIGINT, i64)
	COMPARE_ROWS(REAL, f32)
	COMPARE_ROWS(DOUBLE, f64)
	COMPARE_ROWS(DECIMAL, decimal, .prepare = prepare_decimal)
	COMPARE_ROWS(TEXT, view)
	COMPARE_ROWS(BYTEA, view)
	COMPARE_ROWS(DATE, i32)
	COMPARE_ROWS(TIME, i64)
	COMPARE_ROWS(TIMESTAMP, i64)
	COMPARE_ROWS(TIMESTAMPTZ, i64)
	COMPARE_ROWS(INTERVAL, interval)
	COMPARE_ROWS(JSONB, jsonb)
	COMPARE_ROWS(UUID, i128)
	{ .name = "is distinct from", .doc = "Unequal, with NULL as a value like others", SPK_ARGS2(UNKNOWN, UNKNOWN), SPK_RESULT(BOOLEAN),
	  .not_strict = true, .common = true, .kernel = is_distinct },
	{ .name = "is not distinct from", .doc = "Equal, with NULL as a value like others", SPK_ARGS2(UNKNOWN, UNKNOWN), SPK_RESULT(BOOLEAN),
	  .not_strict = true, .common = true, .kernel = is_not_distinct },
};

SPK_FUNCTION_FAMILY(compare, compare_functions)

static enum op op_of(const char *name)
{
	switch (name[0]) {
	case '=': return EQ;
	case '!': return NE;
	case '<': return name[1] == '>' ? NE : name[1] == '=' ? LE : LT;
	default: return name[1] == '=' ? GE : GT;
	}
}

bool spk_compare_filter(const struct spk_expr *e, const struct spk_batch *in, const int32_t *sel, int n, int32_t *keep, int *kept)
{
	static const enum op mirrored[OPS] = { [EQ] = EQ, [NE] = NE, [LT] = GT, [LE] = GE, [GT] = LT, [GE] = LE };
	const struct spk_function *first = compare_functions, *last = first + SPK_COUNT_OF(compare_functions) - 3;
	const struct spk_expr *column, *constant;
	const struct spk_vector *v;
	enum op op;

	if (e->kind != SPK_EXPR_CALL || e->function < first || e->function > last)
		return false;
	op = op_of(e->function->name);
	column = e->arg[0];
	constant = e->arg[1];
	if (column->kind == SPK_EXPR_CONSTANT) {
		constant = e->arg[0];
		column = e->arg[1];
		op = mirrored[op];
	}
	if (column->kind != SPK_EXPR_COLUMN || constant->kind != SPK_EXPR_CONSTANT)
		return false;
	v = &in->column[column->column];
	if (v->layout != SPK_FLAT || (v->type.id == SPK_TYPE_DECIMAL && !same_fixed_scale(v->type, constant->type)))
		return false;
	*kept = constant->value.null ? 0 : filter_for(v->type, op)(v, spk_value_bytes(&constant->value), sel, n, keep);
	return true;
}
