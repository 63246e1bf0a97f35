/* Arithmetic of dates, times, timestamps and intervals. */
#include <math.h>

#include "core/expr/families.h"
#include "core/expr/internal.h"
#include "core/expr/interval.h"
#include "core/expr/session.h"

/* --- failures --- */

#define FAIL(name, message) \
	static inline spk_status name(const struct spk_call *call, struct spk_vector *out, int32_t row, spk_error *err) \
	{ \
		return spk_call_fail(call, out, row, SPK_DATA, err, message); \
	}
FAIL(date_range, "date out of range")
FAIL(timestamp_range, "timestamp out of range")
FAIL(interval_range, "interval out of range")

#define FAIL2(name, why, TA, TB) \
	static inline spk_status name(const struct spk_call *call, struct spk_vector *out, int32_t row, TA a, TB b, spk_error *err) \
	{ \
		(void)a; \
		(void)b; \
		return why(call, out, row, err); \
	}

/* --- dates --- */

static inline bool date_plus_days(int32_t d, int32_t n, int32_t *v)
{
	int64_t r = (int64_t)d + n;

	*v = (int32_t)r;
	if (!spk_date_finite(d)) {
		*v = d;
		return false;
	}
	return !spk_date_valid(r);
}

static inline bool days_plus_date(int32_t n, int32_t d, int32_t *v)
{
	return date_plus_days(d, n, v);
}

static inline bool date_minus_days(int32_t d, int32_t n, int32_t *v)
{
	int64_t r = (int64_t)d - n;

	*v = (int32_t)r;
	if (!spk_date_finite(d)) {
		*v = d;
		return false;
	}
	return !spk_date_valid(r);
}

static inline bool date_minus_date(int32_t a, int32_t b, int32_t *v)
{
	*v = (int32_t)((int64_t)a - b);
	return !spk_date_finite(a) || !spk_date_finite(b);
}
FAIL2(date_days_range, date_range, int32_t, int32_t)
FAIL(infinite_dates, "cannot subtract infinite dates")
FAIL2(no_difference, infinite_dates, int32_t, int32_t)
SPK_CHECKED_BINARY_KERNEL(add_date_days, int32_t, int32_t, int32_t, date_plus_days, date_days_range)
SPK_CHECKED_BINARY_KERNEL(add_days_date, int32_t, int32_t, int32_t, days_plus_date, date_days_range)
SPK_CHECKED_BINARY_KERNEL(sub_date_days, int32_t, int32_t, int32_t, date_minus_days, date_days_range)
SPK_CHECKED_BINARY_KERNEL(sub_dates, int32_t, int32_t, int32_t, date_minus_date, no_difference)

static inline bool date_plus_time(int32_t d, int64_t t, int64_t *v)
{
	if (!spk_date_finite(d)) {
		*v = d > 0 ? SPK_TIMESTAMP_INFINITY : SPK_TIMESTAMP_MINUS_INFINITY;
		return false;
	}
	*v = 0;
	return !spk_make_timestamp(d, t, v);
}

static inline bool time_plus_date(int64_t t, int32_t d, int64_t *v)
{
	return date_plus_time(d, t, v);
}
FAIL2(date_time_range, timestamp_range, int32_t, int64_t)
FAIL2(time_date_range, timestamp_range, int64_t, int32_t)
SPK_CHECKED_BINARY_KERNEL(add_date_time, int32_t, int64_t, int64_t, date_plus_time, date_time_range)
SPK_CHECKED_BINARY_KERNEL(add_time_date, int64_t, int32_t, int64_t, time_plus_date, time_date_range)

/* --- timestamps and intervals --- */

static inline struct spk_interval minus(struct spk_interval v)
{
	struct spk_interval r = { 0 };

	/* The few intervals without a negative are far out of any timestamp's range. */
	return spk_interval_negate(v, &r) ? r : (struct spk_interval){ INT32_MAX, INT32_MAX, INT64_MAX };
}

/* An interval of time alone is plain addition: the common case of windows and watermarks. */
static inline bool timestamp_plus(int64_t us, struct spk_interval v, int64_t *r)
{
	*r = 0;
	if (SPK_LIKELY((v.months | v.days) == 0 && spk_timestamp_finite(us)))
		return __builtin_add_overflow(us, v.micros, r) || !spk_timestamp_valid(*r);
	return !spk_timestamp_add(us, v, r);
}

static inline bool date_plus(int32_t d, struct spk_interval v, int64_t *r)
{
	return date_plus_time(d, 0, r) || timestamp_plus(*r, v, r);
}

/* add_NAME, add_to_NAME and sub_NAME of a type of time and an interval, by what adds the two. */
#define INTERVAL_KERNELS(name, type, plus) \
	static inline bool plus_##name(struct spk_interval v, type t, int64_t *r) { return plus(t, v, r); } \
	static inline bool minus_##name(type t, struct spk_interval v, int64_t *r) { return plus(t, minus(v), r); } \
	FAIL2(name##_interval_range, timestamp_range, type, struct spk_interval) \
	FAIL2(interval_##name##_range, timestamp_range, struct spk_interval, type) \
	SPK_CHECKED_BINARY_KERNEL(add_##name, type, struct spk_interval, int64_t, plus, name##_interval_range) \
	SPK_CHECKED_BINARY_KERNEL(add_to_##name, struct spk_interval, type, int64_t, plus_##name, interval_##name##_range) \
	SPK_CHECKED_BINARY_KERNEL(sub_##name, type, struct spk_interval, int64_t, minus_##name, name##_interval_range)
INTERVAL_KERNELS(timestamp, int64_t, timestamp_plus)
INTERVAL_KERNELS(date, int32_t, date_plus)

/* With a zone: days and months are local ones. `at` says which argument is the timestamp. */
static spk_status zoned(const struct spk_call *call, int at, bool negative, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader rt = spk_vector_reader(&call->arg[at]), ri = spk_vector_reader(&call->arg[!at]);
	const struct spk_zone *zone;

	SPK_TRY(spk_session_zone(call, &zone, err));
	SPK_EACH_CALL_ROW(call, row) {
		struct spk_interval v = SPK_ARG(struct spk_interval, ri, row);

		if (!spk_timestamptz_add(SPK_ARG(int64_t, rt, row), negative ? minus(v) : v, zone, spk_vector_i64(out) + row))
			SPK_TRY(timestamp_range(call, out, row, err));
	}
	return SPK_OK;
}

static spk_status add_timestamptz(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	return zoned(call, 0, false, out, err);
}

static spk_status add_to_timestamptz(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	return zoned(call, 1, false, out, err);
}

static spk_status sub_timestamptz(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	return zoned(call, 0, true, out, err);
}

static inline bool difference(int64_t a, int64_t b, struct spk_interval *v)
{
	int64_t us;
	bool bad = !spk_timestamp_finite(a) || !spk_timestamp_finite(b) || __builtin_sub_overflow(a, b, &us);

	*v = (struct spk_interval){ 0 };
	if (!bad) {
		v->days = (int32_t)(us / SPK_USEC_PER_DAY);
		v->micros = us % SPK_USEC_PER_DAY;
	}
	return bad;
}
FAIL(infinite_timestamps, "cannot subtract infinite timestamps")
FAIL2(no_timestamps, infinite_timestamps, int64_t, int64_t)
SPK_CHECKED_BINARY_KERNEL(sub_timestamps, int64_t, int64_t, struct spk_interval, difference, no_timestamps)

/* --- times --- */

static inline int64_t wrap_day(int64_t us)
{
	us %= SPK_USEC_PER_DAY;
	return us < 0 ? us + SPK_USEC_PER_DAY : us;
}

static inline int64_t time_plus(int64_t t, struct spk_interval v) { return wrap_day(t + v.micros % SPK_USEC_PER_DAY); }
static inline int64_t plus_time(struct spk_interval v, int64_t t) { return time_plus(t, v); }
static inline int64_t time_minus(int64_t t, struct spk_interval v) { return wrap_day(t - v.micros % SPK_USEC_PER_DAY); }
static inline struct spk_interval time_difference(int64_t a, int64_t b) { return (struct spk_interval){ .micros = a - b }; }
SPK_BINARY_KERNEL(add_time, int64_t, struct spk_interval, int64_t, time_plus)
SPK_BINARY_KERNEL(add_to_time, struct spk_interval, int64_t, int64_t, plus_time)
SPK_BINARY_KERNEL(sub_time, int64_t, struct spk_interval, int64_t, time_minus)
SPK_BINARY_KERNEL(sub_times, int64_t, int64_t, struct spk_interval, time_difference)

/* --- intervals --- */

static inline bool interval_plus(struct spk_interval a, struct spk_interval b, struct spk_interval *v)
{
	return !spk_interval_add(a, b, v);
}

static inline bool interval_minus(struct spk_interval a, struct spk_interval b, struct spk_interval *v)
{
	return __builtin_sub_overflow(a.months, b.months, &v->months) || __builtin_sub_overflow(a.days, b.days, &v->days) || __builtin_sub_overflow(a.micros, b.micros, &v->micros);
}

static inline bool interval_times(struct spk_interval a, double b, struct spk_interval *v)
{
	return !spk_interval_scale(a, b, 0, v);
}

static inline bool times_interval(double a, struct spk_interval b, struct spk_interval *v)
{
	return !spk_interval_scale(b, a, 0, v);
}

static inline bool interval_over(struct spk_interval a, double b, struct spk_interval *v)
{
	return b == 0 || !spk_interval_scale(a, 0, b, v);
}

static inline bool interval_negative(struct spk_interval a, struct spk_interval *v)
{
	return !spk_interval_negate(a, v);
}

static inline spk_status one_interval_range(const struct spk_call *call, struct spk_vector *out, int32_t row, struct spk_interval a, spk_error *err)
{
	(void)a;
	return interval_range(call, out, row, err);
}

static inline spk_status over_range(const struct spk_call *call, struct spk_vector *out, int32_t row, struct spk_interval a, double b, spk_error *err)
{
	(void)a;
	return spk_call_fail(call, out, row, SPK_DATA, err, "%s", b == 0 ? "division by zero" : "interval out of range");
}
FAIL2(intervals_range, interval_range, struct spk_interval, struct spk_interval)
FAIL2(interval_double_range, interval_range, struct spk_interval, double)
FAIL2(double_interval_range, interval_range, double, struct spk_interval)
SPK_CHECKED_BINARY_KERNEL(add_intervals, struct spk_interval, struct spk_interval, struct spk_interval, interval_plus, intervals_range)
SPK_CHECKED_BINARY_KERNEL(sub_intervals, struct spk_interval, struct spk_interval, struct spk_interval, interval_minus, intervals_range)
SPK_CHECKED_BINARY_KERNEL(mul_interval, struct spk_interval, double, struct spk_interval, interval_times, interval_double_range)
SPK_CHECKED_BINARY_KERNEL(mul_by_interval, double, struct spk_interval, struct spk_interval, times_interval, double_interval_range)
SPK_CHECKED_BINARY_KERNEL(div_interval, struct spk_interval, double, struct spk_interval, interval_over, over_range)
SPK_CHECKED_UNARY_KERNEL(neg_interval, struct spk_interval, struct spk_interval, interval_negative, one_interval_range)

/* --- bringing an interval into shape --- */

static bool hours_to_days(struct spk_interval a, struct spk_interval *v)
{
	int64_t whole = a.micros / SPK_USEC_PER_DAY;

	*v = a;
	v->micros -= whole * SPK_USEC_PER_DAY;
	if (__builtin_add_overflow(a.days, whole, &v->days))
		return true;
	if (v->days > 0 && v->micros < 0) {
		v->micros += SPK_USEC_PER_DAY;
		v->days--;
	} else if (v->days < 0 && v->micros > 0) {
		v->micros -= SPK_USEC_PER_DAY;
		v->days++;
	}
	return false;
}

static bool days_to_months(struct spk_interval a, struct spk_interval *v)
{
	*v = a;
	v->days -= a.days / 30 * 30;
	if (__builtin_add_overflow(a.months, a.days / 30, &v->months))
		return true;
	if (v->months > 0 && v->days < 0) {
		v->days += 30;
		v->months--;
	} else if (v->months < 0 && v->days > 0) {
		v->days -= 30;
		v->months++;
	}
	return false;
}

/* Hours to days and days to months, then one sign for all fields. */
static bool justify(struct spk_interval a, struct spk_interval *v)
{
	int64_t whole = a.micros / SPK_USEC_PER_DAY;

	*v = a;
	v->micros -= whole * SPK_USEC_PER_DAY;
	if (__builtin_add_overflow(a.days, whole, &v->days))
		return true;
	if (__builtin_add_overflow(v->months, v->days / 30, &v->months))
		return true;
	v->days %= 30;
	if (v->months > 0 && (v->days < 0 || (v->days == 0 && v->micros < 0))) {
		v->days += 30;
		v->months--;
	} else if (v->months < 0 && (v->days > 0 || (v->days == 0 && v->micros > 0))) {
		v->days -= 30;
		v->months++;
	}
	if (v->days > 0 && v->micros < 0) {
		v->micros += SPK_USEC_PER_DAY;
		v->days--;
	} else if (v->days < 0 && v->micros > 0) {
		v->micros -= SPK_USEC_PER_DAY;
		v->days++;
	}
	return false;
}
SPK_CHECKED_UNARY_KERNEL(justify_hours, struct spk_interval, struct spk_interval, hours_to_days, one_interval_range)
SPK_CHECKED_UNARY_KERNEL(justify_days, struct spk_interval, struct spk_interval, days_to_months, one_interval_range)
SPK_CHECKED_UNARY_KERNEL(justify_interval, struct spk_interval, struct spk_interval, justify, one_interval_range)

/* --- age: the difference in calendar fields --- */

static struct spk_interval age_of(int64_t a, int64_t b)
{
	bool negative = a < b;
	int64_t later = negative ? b : a, earlier = negative ? a : b, days, of_day, from_days, from_of_day;
	struct spk_date_parts x, y;
	int years, months, d;
	int64_t micros;

	spk_split_timestamp(later, &days, &of_day);
	spk_split_timestamp(earlier, &from_days, &from_of_day);
	x = spk_date_from_days(days);
	y = spk_date_from_days(from_days);
	years = x.year - y.year;
	months = x.month - y.month;
	d = x.day - y.day;
	micros = of_day - from_of_day;
	if (micros < 0) {
		micros += SPK_USEC_PER_DAY;
		d--;
	}
	while (d < 0) {
		d += spk_days_in_month(y.year, y.month);  /* a month is as long as the earlier one */
		months--;
	}
	while (months < 0) {
		months += 12;
		years--;
	}
	if (negative)
		return (struct spk_interval){ -(years * 12 + months), -d, -micros };
	return (struct spk_interval){ years * 12 + months, d, micros };
}

static spk_status age_rows(const struct spk_call *call, bool local, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader ra = spk_vector_reader(&call->arg[0]), rb = spk_vector_reader(&call->arg[call->args - 1]);
	const struct spk_zone *zone = NULL;
	int64_t today, of_day;

	if (local || call->args == 1)
		SPK_TRY(spk_session_zone(call, &zone, err));
	spk_split_timestamp(spk_session_local(zone, call->ev->now_us), &today, &of_day);
	SPK_EACH_CALL_ROW(call, row) {
		int64_t a = SPK_ARG(int64_t, ra, row), b = SPK_ARG(int64_t, rb, row);

		if (!spk_timestamp_finite(a) || !spk_timestamp_finite(b)) {
			SPK_TRY(infinite_timestamps(call, out, row, err));
			continue;
		}
		if (local) {
			a = spk_session_local(zone, a);
			b = spk_session_local(zone, b);
		}
		if (call->args == 1)
			spk_vector_interval(out)[row] = age_of(today * SPK_USEC_PER_DAY, a);
		else
			spk_vector_interval(out)[row] = age_of(a, b);
	}
	return SPK_OK;
}

static spk_status age(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	return age_rows(call, false, out, err);
}

static spk_status age_zoned(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	return age_rows(call, true, out, err);
}

/* --- isfinite --- */

static inline uint8_t date_finite(int32_t d) { return spk_date_finite(d); }
static inline uint8_t timestamp_finite(int64_t us) { return spk_timestamp_finite(us); }
static inline uint8_t always(struct spk_interval v) { return (void)v, 1; }
SPK_UNARY_KERNEL(isfinite_date, int32_t, uint8_t, date_finite)
SPK_UNARY_KERNEL(isfinite_timestamp, int64_t, uint8_t, timestamp_finite)
SPK_UNARY_KERNEL(isfinite_interval, struct spk_interval, uint8_t, always)

/* --- the table --- */

#define OP(name_, a, b, r, kernel_) { .name = name_, .doc = "Days are integers; months are cut to the month's length", SPK_ARGS2(a, b), SPK_RESULT(r), .can_fail = true, .kernel = kernel_ },
#define STABLE(name_, a, b, r, kernel_) { .name = name_, .doc = "Days and months are those of the session's zone", SPK_ARGS2(a, b), SPK_RESULT(r), .can_fail = true, .volatility = SPK_STABLE, .kernel = kernel_ },
#define ONE(name_, a, r, kernel_, doc_) { .name = name_, .doc = doc_, SPK_ARGS1(a), SPK_RESULT(r), .can_fail = true, .kernel = kernel_ },

static const struct spk_function time_functions[] = {
	OP("+", DATE, INTEGER, DATE, add_date_days)
	OP("+", INTEGER, DATE, DATE, add_days_date)
	OP("-", DATE, INTEGER, DATE, sub_date_days)
	OP("-", DATE, DATE, INTEGER, sub_dates)
	OP("+", DATE, TIME, TIMESTAMP, add_date_time)
	OP("+", TIME, DATE, TIMESTAMP, add_time_date)
	OP("+", DATE, INTERVAL, TIMESTAMP, add_date)
	OP("+", INTERVAL, DATE, TIMESTAMP, add_to_date)
	OP("-", DATE, INTERVAL, TIMESTAMP, sub_date)
	OP("+", TIMESTAMP, INTERVAL, TIMESTAMP, add_timestamp)
	OP("+", INTERVAL, TIMESTAMP, TIMESTAMP, add_to_timestamp)
	OP("-", TIMESTAMP, INTERVAL, TIMESTAMP, sub_timestamp)
	OP("-", TIMESTAMP, TIMESTAMP, INTERVAL, sub_timestamps)
	STABLE("+", TIMESTAMPTZ, INTERVAL, TIMESTAMPTZ, add_timestamptz)
	STABLE("+", INTERVAL, TIMESTAMPTZ, TIMESTAMPTZ, add_to_timestamptz)
	STABLE("-", TIMESTAMPTZ, INTERVAL, TIMESTAMPTZ, sub_timestamptz)
	OP("-", TIMESTAMPTZ, TIMESTAMPTZ, INTERVAL, sub_timestamps)
	OP("+", TIME, INTERVAL, TIME, add_time)
	OP("+", INTERVAL, TIME, TIME, add_to_time)
	OP("-", TIME, INTERVAL, TIME, sub_time)
	OP("-", TIME, TIME, INTERVAL, sub_times)
	OP("+", INTERVAL, INTERVAL, INTERVAL, add_intervals)
	OP("-", INTERVAL, INTERVAL, INTERVAL, sub_intervals)
	OP("*", INTERVAL, DOUBLE, INTERVAL, mul_interval)
	OP("*", DOUBLE, INTERVAL, INTERVAL, mul_by_interval)
	OP("/", INTERVAL, DOUBLE, INTERVAL, div_interval)
	ONE("-", INTERVAL, INTERVAL, neg_interval, "Sign changed")
	ONE("justify_hours", INTERVAL, INTERVAL, justify_hours, "24 hours become a day")
	ONE("justify_days", INTERVAL, INTERVAL, justify_days, "30 days become a month")
	ONE("justify_interval", INTERVAL, INTERVAL, justify_interval, "Both, with one sign for all fields")
	{ .name = "age", .doc = "Difference in years, months, days and time", SPK_ARGS2(TIMESTAMP, TIMESTAMP), SPK_RESULT(INTERVAL), .can_fail = true, .kernel = age },
	{ .name = "age", .doc = "Difference in local years, months, days and time", SPK_ARGS2(TIMESTAMPTZ, TIMESTAMPTZ), SPK_RESULT(INTERVAL), .can_fail = true,
	  .volatility = SPK_STABLE, .kernel = age_zoned },
	{ .name = "age", .doc = "Up to the start of today", SPK_ARGS1(TIMESTAMP), SPK_RESULT(INTERVAL), .can_fail = true, .volatility = SPK_STABLE, .kernel = age },
	{ .name = "age", .doc = "Up to the start of today", SPK_ARGS1(TIMESTAMPTZ), SPK_RESULT(INTERVAL), .can_fail = true, .volatility = SPK_STABLE, .kernel = age_zoned },
	ONE("isfinite", DATE, BOOLEAN, isfinite_date, "False for infinity")
	ONE("isfinite", TIMESTAMP, BOOLEAN, isfinite_timestamp, "False for infinity")
	ONE("isfinite", TIMESTAMPTZ, BOOLEAN, isfinite_timestamp, "False for infinity")
	ONE("isfinite", INTERVAL, BOOLEAN, isfinite_interval, "Always true")
};

SPK_FUNCTION_FAMILY(time, time_functions)
