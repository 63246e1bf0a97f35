/*
 * count, sum, avg, bool_and, bool_or. All of them understand negative weights: a state is a sum and a count of rows, and
 * NULL comes out when no row is left. Sums of integers and numerics are exact; those of floats follow the order of rows.
 */
#include "core/expr/aggregate_internal.h"

#include "core/expr/interval.h"

#include <math.h>

/* --- count --- */

struct counter { int64_t count; };

SPK_AGGREGATE_UPDATE(count_rows)
{
	(void)input;
	(void)err;
	for (int i = 0; i < n; i++)
		SPK_STATE(counter, state, i)->count += weight ? weight[sel ? sel[i] : i] : 1;
	return SPK_OK;
}

SPK_AGGREGATE_UPDATE(count_values)
{
	const struct spk_reader r = spk_vector_reader(input);

	if (!r.valid)
		return count_rows(call, state, input, sel, n, weight, err);
	for (int i = 0; i < n; i++) {
		int row = sel ? sel[i] : i;

		if (!spk_arg_is_null(&r, row))
			SPK_STATE(counter, state, i)->count += weight ? weight[row] : 1;
	}
	return SPK_OK;
}

SPK_AGGREGATE_MERGE(count_merge)
{
	(void)err;
	for (int i = 0; i < n; i++)
		SPK_STATE(counter, into, i)->count += SPK_STATE(counter, from, i)->count;
	return SPK_OK;
}

SPK_AGGREGATE_FINAL(count_final)
{
	(void)rows;
	(void)arena;
	(void)err;
	for (int i = 0; i < n; i++)
		spk_vector_i64(out)[at + i] = SPK_STATE(counter, state, i)->count;
	return SPK_OK;
}

/* --- sums of small integers, as bigint --- */

struct small_sum { int64_t sum, count; };

static spk_status bigint_range(spk_error *err)
{
	return spk_fail(err, SPK_DATA, "bigint out of range");
}

#define SMALL_SUM_BODY \
	int64_t product; \
	bad |= __builtin_mul_overflow((int64_t)*v, w, &product) || __builtin_add_overflow(s->sum, product, &s->sum); \
	s->count += w;

SPK_AGGREGATE_UPDATE(sum_i16)
{
	bool bad = false;

	SPK_AGGREGATE_LOOP(small_sum, int16_t, SMALL_SUM_BODY);
	return bad ? bigint_range(err) : SPK_OK;
}

SPK_AGGREGATE_UPDATE(sum_i32)
{
	bool bad = false;

	SPK_AGGREGATE_LOOP(small_sum, int32_t, SMALL_SUM_BODY);
	return bad ? bigint_range(err) : SPK_OK;
}

SPK_AGGREGATE_MERGE(small_merge)
{
	bool bad = false;

	for (int i = 0; i < n; i++) {
		struct small_sum *a = SPK_STATE(small_sum, into, i), *b = SPK_STATE(small_sum, from, i);

		bad |= __builtin_add_overflow(a->sum, b->sum, &a->sum);
		a->count += b->count;
	}
	return bad ? bigint_range(err) : SPK_OK;
}

SPK_AGGREGATE_FINAL(small_final)
{
	for (int i = 0; i < n; i++) {
		const struct small_sum *s = SPK_STATE(small_sum, state, i);

		spk_vector_i64(out)[at + i] = s->sum;
		if (s->count == 0)
			SPK_TRY(spk_aggregate_null(out, at + i, rows, arena, err));
	}
	return SPK_OK;
}

/* --- exact sums in 128 bits, of bigint and numeric; `scale` is the largest seen when scales vary --- */

/* nan, plus, minus: how many values were NaN or infinite, which are not in the sum. Small, since nearly none ever is: a count that reaches
 * INT16_MAX stays there, and then nothing can be taken back. */
struct exact_sum { spk_int128 sum; int64_t count; int16_t scale, nan, plus, minus; };

static spk_status numeric_range(spk_error *err)
{
	return spk_fail(err, SPK_DATA, "value overflows numeric format");
}

#define EXACT_SUM_BODY \
	s->sum += (spk_int128)*v * w; \
	s->count += w;

SPK_AGGREGATE_UPDATE(exact_i16)
{
	(void)err;
	SPK_AGGREGATE_LOOP(exact_sum, int16_t, EXACT_SUM_BODY);
	return SPK_OK;
}

SPK_AGGREGATE_UPDATE(exact_i32)
{
	(void)err;
	SPK_AGGREGATE_LOOP(exact_sum, int32_t, EXACT_SUM_BODY);
	return SPK_OK;
}

SPK_AGGREGATE_UPDATE(exact_i64)
{
	(void)err;
	SPK_AGGREGATE_LOOP(exact_sum, int64_t, EXACT_SUM_BODY);
	return SPK_OK;
}

static bool count_special(int16_t *count, int64_t w)
{
	if (w < 0 && *count == INT16_MAX)
		return false;
	*count = (int16_t)SPK_MIN(*count + w, INT16_MAX);
	return true;
}

/* A value that is NaN or infinite; false when it cannot be taken back. */
static bool add_special(struct exact_sum *s, spk_int128 m, int64_t w)
{
	s->count += w;
	return count_special(m == SPK_DECIMAL_NAN ? &s->nan : m < 0 ? &s->minus : &s->plus, w);
}

/* Of both: what counts for the result is whether there are any. */
static void merge_special(struct exact_sum *a, const struct exact_sum *b)
{
	count_special(&a->nan, b->nan);
	count_special(&a->plus, b->plus);
	count_special(&a->minus, b->minus);
}

/* Whether the sum, and with it the mean, is none of the finite values; then which. */
static bool special_sum(const struct exact_sum *s, spk_int128 *out)
{
	if (!s->nan && !s->plus && !s->minus)
		return false;
	*out = s->nan || (s->plus && s->minus) ? SPK_DECIMAL_NAN : s->plus ? SPK_DECIMAL_INFINITY : -SPK_DECIMAL_INFINITY;
	return true;
}

/* Adds m * w at a scale of its own to the sum; false when 38 digits do not hold it. */
static bool add_scaled(struct exact_sum *s, spk_int128 m, int scale, int64_t w)
{
	spk_int128 product, sum;
	int to = (int)s->scale;

	if (__builtin_mul_overflow(m, (spk_int128)w, &product))
		return false;
	if (scale == to) {
		if (__builtin_add_overflow(s->sum, product, &sum))
			return false;
	} else if (!spk_decimal_add(s->sum, to, product, scale, &sum, &to)) {
		return false;
	}
	s->sum = sum;
	s->scale = (int16_t)to;
	s->count += w;
	return true;
}

SPK_AGGREGATE_UPDATE(exact_decimal)
{
	const struct spk_type type = input->type;
	bool bad = false;

	if (type.scale >= 0) {
		const int16_t scale = type.scale;

		SPK_AGGREGATE_LOOP(exact_sum, spk_int128, {
			s->scale = scale;
			if (SPK_LIKELY(!spk_decimal_is_special(*v))) {
				spk_int128 product = w == 1 ? *v : *v * w;

				bad |= __builtin_add_overflow(s->sum, product, &s->sum);
				s->count += w;
			} else {
				bad |= !add_special(s, *v, w);
			}
		});
	} else {
		SPK_AGGREGATE_LOOP(exact_sum, spk_int128, {
			spk_int128 m;
			int scale;

			spk_decimal_unpack(type, *v, &m, &scale);
			bad |= spk_decimal_is_special(m) ? !add_special(s, m, w) : !add_scaled(s, m, scale, w);
		});
	}
	return bad ? numeric_range(err) : SPK_OK;
}

SPK_AGGREGATE_MERGE(exact_merge)
{
	for (int i = 0; i < n; i++) {
		struct exact_sum *a = SPK_STATE(exact_sum, into, i);
		const struct exact_sum *b = SPK_STATE(exact_sum, from, i);
		int64_t count = a->count + b->count;

		if (a->count == 0 && a->sum == 0 && a->scale == 0)
			*a = *b;
		else if (!add_scaled(a, b->sum, (int)b->scale, 1))
			return numeric_range(err);
		else
			merge_special(a, b);
		a->count = count;
	}
	return SPK_OK;
}

static struct spk_type exact_sum_type(const struct spk_type *arg, struct spk_arena *arena)
{
	(void)arena;
	if (arg->id == SPK_TYPE_DECIMAL)
		return arg->scale >= 0 ? spk_type_decimal(SPK_DECIMAL_DIGITS, arg->scale) : *arg;
	return spk_type_decimal(SPK_DECIMAL_DIGITS, 0);
}

SPK_AGGREGATE_FINAL(exact_final)
{
	for (int i = 0; i < n; i++) {
		const struct exact_sum *s = SPK_STATE(exact_sum, state, i);
		spk_int128 special;

		if (s->count == 0)
			SPK_TRY(spk_aggregate_null(out, at + i, rows, arena, err));
		else if (special_sum(s, &special))
			spk_decimal_store(out->type, special, 0, spk_vector_i128(out) + at + i);
		else if (!spk_decimal_store(out->type, s->sum, (int)s->scale, spk_vector_i128(out) + at + i))
			return numeric_range(err);
	}
	return SPK_OK;
}

SPK_AGGREGATE_FINAL(exact_average)
{
	for (int i = 0; i < n; i++) {
		const struct exact_sum *s = SPK_STATE(exact_sum, state, i);
		spk_int128 quotient;
		int scale;

		if (s->count == 0)
			SPK_TRY(spk_aggregate_null(out, at + i, rows, arena, err));
		else if (special_sum(s, &quotient))
			spk_decimal_store(out->type, quotient, 0, spk_vector_i128(out) + at + i);
		else if (!spk_decimal_divide(s->sum, (int)s->scale, s->count, 0, &quotient, &scale) || !spk_decimal_store(out->type, quotient, scale, spk_vector_i128(out) + at + i))
			return numeric_range(err);
	}
	return SPK_OK;
}

/* --- floats, in the order of rows --- */

struct float_sum { double sum; int64_t count; };

static spk_status float_range(spk_error *err)
{
	return spk_fail(err, SPK_DATA, "value out of range: overflow");
}

/* An infinite sum of finite terms. */
#define OVERFLOWS(sum, a, b) (isinf(sum) && !isinf(a) && !isinf(b))

/* The first value itself, so that the sum of -0 is -0. */
#define FLOAT_SUM_BODY(step) \
	const double term = (double)*v * (double)w, sum = s->count == 0 && s->sum == 0 && w == 1 ? term : step(s->sum, term); \
	bad |= OVERFLOWS(sum, s->sum, term); \
	s->sum = sum; \
	s->count += w;
#define ADD_DOUBLE(a, b) ((a) + (b))
#define ADD_REAL(a, b) ((double)((float)(a) + (float)(b)))

SPK_AGGREGATE_UPDATE(sum_f64)
{
	bool bad = false;

	SPK_AGGREGATE_LOOP(float_sum, double, { FLOAT_SUM_BODY(ADD_DOUBLE) });
	return bad ? float_range(err) : SPK_OK;
}

/* sum(real) stays real, step by step. */
SPK_AGGREGATE_UPDATE(sum_f32)
{
	bool bad = false;

	SPK_AGGREGATE_LOOP(float_sum, float, { FLOAT_SUM_BODY(ADD_REAL) });
	return bad ? float_range(err) : SPK_OK;
}

SPK_AGGREGATE_UPDATE(average_f32)
{
	bool bad = false;

	SPK_AGGREGATE_LOOP(float_sum, float, { FLOAT_SUM_BODY(ADD_DOUBLE) });
	return bad ? float_range(err) : SPK_OK;
}

SPK_AGGREGATE_MERGE(float_merge)
{
	const bool real = call->type.id == SPK_TYPE_REAL;
	bool bad = false;

	for (int i = 0; i < n; i++) {
		struct float_sum *a = SPK_STATE(float_sum, into, i);
		const struct float_sum *b = SPK_STATE(float_sum, from, i);
		const double sum = a->count == 0 && a->sum == 0 ? b->sum : real ? ADD_REAL(a->sum, b->sum) : ADD_DOUBLE(a->sum, b->sum);

		bad |= OVERFLOWS(sum, a->sum, b->sum);
		a->sum = sum;
		a->count += b->count;
	}
	return bad ? float_range(err) : SPK_OK;
}

SPK_AGGREGATE_FINAL(float_final)
{
	for (int i = 0; i < n; i++) {
		const struct float_sum *s = SPK_STATE(float_sum, state, i);

		if (s->count == 0)
			SPK_TRY(spk_aggregate_null(out, at + i, rows, arena, err));
		else if (out->type.id == SPK_TYPE_REAL)
			spk_vector_f32(out)[at + i] = (float)s->sum;
		else
			spk_vector_f64(out)[at + i] = s->sum;
	}
	return SPK_OK;
}

SPK_AGGREGATE_FINAL(float_average)
{
	for (int i = 0; i < n; i++) {
		const struct float_sum *s = SPK_STATE(float_sum, state, i);

		if (s->count == 0)
			SPK_TRY(spk_aggregate_null(out, at + i, rows, arena, err));
		else
			spk_vector_f64(out)[at + i] = s->sum / (double)s->count;
	}
	return SPK_OK;
}

/* --- intervals --- */

struct interval_sum { int64_t months, days, micros, count; };

SPK_AGGREGATE_UPDATE(sum_interval)
{
	bool bad = false;

	SPK_AGGREGATE_LOOP(interval_sum, struct spk_interval, {
		int64_t product;

		s->months += v->months * w;
		s->days += v->days * w;
		bad |= __builtin_mul_overflow(v->micros, w, &product) || __builtin_add_overflow(s->micros, product, &s->micros);
		s->count += w;
	});
	return bad ? spk_fail(err, SPK_DATA, "interval out of range") : SPK_OK;
}

SPK_AGGREGATE_MERGE(interval_merge)
{
	bool bad = false;

	for (int i = 0; i < n; i++) {
		struct interval_sum *a = SPK_STATE(interval_sum, into, i);
		const struct interval_sum *b = SPK_STATE(interval_sum, from, i);

		a->months += b->months;
		a->days += b->days;
		bad |= __builtin_add_overflow(a->micros, b->micros, &a->micros);
		a->count += b->count;
	}
	return bad ? spk_fail(err, SPK_DATA, "interval out of range") : SPK_OK;
}

static spk_status interval_result(const struct spk_aggregate_call *call, char *const *state, int n, bool average, struct spk_vector *out, int at, int rows, struct spk_arena *arena, spk_error *err)
{
	for (int i = 0; i < n; i++) {
		const struct interval_sum *s = SPK_STATE(interval_sum, state, i);
		struct spk_interval v = { .months = (int32_t)s->months, .days = (int32_t)s->days, .micros = s->micros };

		if (s->count == 0) {
			SPK_TRY(spk_aggregate_null(out, at + i, rows, arena, err));
			continue;
		}
		if (s->months != v.months || s->days != v.days || (average && !spk_interval_scale(v, 1.0 / (double)s->count, (double)s->count, &v)))
			return spk_fail(err, SPK_DATA, "interval out of range");
		spk_vector_interval(out)[at + i] = v;
	}
	return SPK_OK;
}

SPK_AGGREGATE_FINAL(interval_total)
{
	return interval_result(call, state, n, false, out, at, rows, arena, err);
}

SPK_AGGREGATE_FINAL(interval_average)
{
	return interval_result(call, state, n, true, out, at, rows, arena, err);
}

/* --- booleans --- */

struct votes { int64_t yes, no; };

SPK_AGGREGATE_UPDATE(vote)
{
	(void)err;
	SPK_AGGREGATE_LOOP(votes, uint8_t, {
		if (*v)
			s->yes += w;
		else
			s->no += w;
	});
	return SPK_OK;
}

SPK_AGGREGATE_MERGE(vote_merge)
{
	(void)err;
	for (int i = 0; i < n; i++) {
		SPK_STATE(votes, into, i)->yes += SPK_STATE(votes, from, i)->yes;
		SPK_STATE(votes, into, i)->no += SPK_STATE(votes, from, i)->no;
	}
	return SPK_OK;
}

SPK_AGGREGATE_FINAL(vote_and)
{
	for (int i = 0; i < n; i++) {
		const struct votes *s = SPK_STATE(votes, state, i);

		spk_vector_bool(out)[at + i] = s->no == 0;
		if (s->yes == 0 && s->no == 0)
			SPK_TRY(spk_aggregate_null(out, at + i, rows, arena, err));
	}
	return SPK_OK;
}

SPK_AGGREGATE_FINAL(vote_or)
{
	for (int i = 0; i < n; i++) {
		const struct votes *s = SPK_STATE(votes, state, i);

		spk_vector_bool(out)[at + i] = s->yes != 0;
		if (s->yes == 0 && s->no == 0)
			SPK_TRY(spk_aggregate_null(out, at + i, rows, arena, err));
	}
	return SPK_OK;
}

/* --- the table --- */

#define AGGREGATE(name_, doc_, T, result_, S, update_, merge_, final_, ...) \
	{ .name = name_, .doc = doc_, .args = 1, .arg = { SPK_T(T) }, .result_of = result_, .state_size = (int)sizeof(struct S), .retract = true, \
	  .update = update_, .merge = merge_, .final = final_, __VA_ARGS__ }
#define EXACT .unordered = true
#define FLOAT .folds = true
#define VOTE .unordered = true, .idempotent = true
#define SUM "Sum of the values that are not NULL; NULL when there are none"
#define AVG "Mean of the values that are not NULL; NULL when there are none"

static const struct spk_aggregate aggregates[] = {
	{ .name = "count", .doc = "Number of rows", .args = 0, .result_of = spk_type_bigint, .state_size = (int)sizeof(struct counter), .never_null = true,
	  EXACT, .retract = true, .update = count_rows, .merge = count_merge, .final = count_final },
	AGGREGATE("count", "Number of rows where the argument is not NULL", UNKNOWN, spk_type_bigint, counter, count_values, count_merge, count_final, EXACT, .never_null = true),
	AGGREGATE("sum", SUM ", as bigint", SMALLINT, spk_type_bigint, small_sum, sum_i16, small_merge, small_final, EXACT),
	AGGREGATE("sum", SUM ", as bigint", INTEGER, spk_type_bigint, small_sum, sum_i32, small_merge, small_final, EXACT),
	AGGREGATE("sum", SUM ", as numeric", BIGINT, exact_sum_type, exact_sum, exact_i64, exact_merge, exact_final, EXACT),
	AGGREGATE("sum", SUM, DECIMAL, exact_sum_type, exact_sum, exact_decimal, exact_merge, exact_final, EXACT),
	AGGREGATE("sum", SUM, REAL, spk_type_of_arg, float_sum, sum_f32, float_merge, float_final, FLOAT),
	AGGREGATE("sum", SUM, DOUBLE, spk_type_of_arg, float_sum, sum_f64, float_merge, float_final, FLOAT),
	AGGREGATE("sum", SUM, INTERVAL, spk_type_of_arg, interval_sum, sum_interval, interval_merge, interval_total, EXACT),
	AGGREGATE("avg", AVG ", as numeric", SMALLINT, spk_type_numeric, exact_sum, exact_i16, exact_merge, exact_average, EXACT),
	AGGREGATE("avg", AVG ", as numeric", INTEGER, spk_type_numeric, exact_sum, exact_i32, exact_merge, exact_average, EXACT),
	AGGREGATE("avg", AVG ", as numeric", BIGINT, spk_type_numeric, exact_sum, exact_i64, exact_merge, exact_average, EXACT),
	AGGREGATE("avg", AVG ", as numeric", DECIMAL, spk_type_numeric, exact_sum, exact_decimal, exact_merge, exact_average, EXACT),
	AGGREGATE("avg", AVG, REAL, spk_type_double, float_sum, average_f32, float_merge, float_average, FLOAT),
	AGGREGATE("avg", AVG, DOUBLE, spk_type_double, float_sum, sum_f64, float_merge, float_average, FLOAT),
	AGGREGATE("avg", AVG, INTERVAL, spk_type_of_arg, interval_sum, sum_interval, interval_merge, interval_average, EXACT),
	AGGREGATE("bool_and", "True when every value is", BOOLEAN, spk_type_boolean, votes, vote, vote_merge, vote_and, VOTE),
	AGGREGATE("every", "True when every value is", BOOLEAN, spk_type_boolean, votes, vote, vote_merge, vote_and, VOTE),
	AGGREGATE("bool_or", "True when some value is", BOOLEAN, spk_type_boolean, votes, vote, vote_merge, vote_or, VOTE),
};

SPK_AGGREGATE_FAMILY(number, aggregates)
