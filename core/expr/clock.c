/* now(), time zones, and epoch numbers. The clock is the evaluation's: fixed for an epoch or a statement. */
#include <math.h>

#include "core/expr/families.h"
#include "core/expr/internal.h"
#include "core/expr/session.h"

/* --- the clock --- */

static spk_status now(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	(void)err;
	SPK_EACH_CALL_ROW(call, row)
		spk_vector_i64(out)[row] = call->ev->now_us;
	return SPK_OK;
}

static spk_status local_now(const struct spk_call *call, int64_t *days, int64_t *of_day, spk_error *err)
{
	const struct spk_zone *zone;

	SPK_TRY(spk_session_zone(call, &zone, err));
	spk_split_timestamp(spk_session_local(zone, call->ev->now_us), days, of_day);
	return SPK_OK;
}

static spk_status localtimestamp(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	int64_t days, of_day;

	SPK_TRY(local_now(call, &days, &of_day, err));
	SPK_EACH_CALL_ROW(call, row)
		spk_vector_i64(out)[row] = days * SPK_USEC_PER_DAY + of_day;
	return SPK_OK;
}

static spk_status current_date(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	int64_t days, of_day;

	SPK_TRY(local_now(call, &days, &of_day, err));
	SPK_EACH_CALL_ROW(call, row)
		spk_vector_i32(out)[row] = (int32_t)days;
	return SPK_OK;
}

static spk_status localtime_kernel(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	int64_t days, of_day;

	SPK_TRY(local_now(call, &days, &of_day, err));
	SPK_EACH_CALL_ROW(call, row)
		spk_vector_i64(out)[row] = of_day;
	return SPK_OK;
}

/* --- timezone(zone, x): AT TIME ZONE --- */

static spk_status in_zone(const struct spk_call *call, bool to_utc, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader rz = spk_vector_reader(&call->arg[0]), rv = spk_vector_reader(&call->arg[1]);
	const struct spk_view *last = NULL;
	const struct spk_zone *zone = NULL;

	SPK_EACH_CALL_ROW(call, row) {
		const struct spk_view *name = &SPK_ARG(struct spk_view, rz, row);
		int64_t us = SPK_ARG(int64_t, rv, row);

		if (name != last)
			zone = spk_zone_find(spk_view_data(name), name->length);
		last = name;
		if (!spk_timestamp_finite(us))
			spk_vector_i64(out)[row] = us;
		else if (!zone)
			SPK_TRY(spk_call_fail(call, out, row, SPK_DATA, err, "time zone \"%.*s\" not recognized", (int)name->length, spk_view_data(name)));
		else
			spk_vector_i64(out)[row] = to_utc ? spk_session_utc(zone, us) : spk_session_local(zone, us);
	}
	return SPK_OK;
}

static spk_status zone_to_utc(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	return in_zone(call, true, out, err);
}

static spk_status zone_to_local(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	return in_zone(call, false, out, err);
}

static spk_status no_offset(const struct spk_call *call, struct spk_vector *out, int row, const struct spk_interval *by, spk_error *err)
{
	char text[SPK_TEXT_MAX];
	int size = spk_text_from_value(spk_type(SPK_TYPE_INTERVAL), by, NULL, text);

	return spk_call_fail(call, out, row, SPK_DATA, err, "interval time zone \"%.*s\" must not include months or days", size, text);
}

static spk_status shifted(const struct spk_call *call, int sign, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader rz = spk_vector_reader(&call->arg[0]), rv = spk_vector_reader(&call->arg[1]);

	SPK_EACH_CALL_ROW(call, row) {
		struct spk_interval by = SPK_ARG(struct spk_interval, rz, row);
		int64_t us = SPK_ARG(int64_t, rv, row);

		if (!spk_timestamp_finite(us))
			spk_vector_i64(out)[row] = us;
		else if (by.months || by.days)
			SPK_TRY(no_offset(call, out, row, &by, err));
		else
			spk_vector_i64(out)[row] = us + sign * (by.micros - by.micros % SPK_USEC_PER_SEC);
	}
	return SPK_OK;
}

static spk_status interval_to_utc(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	return shifted(call, -1, out, err);
}

static spk_status interval_to_local(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	return shifted(call, 1, out, err);
}

/* --- epoch numbers --- */

static spk_status from_epoch(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(&call->arg[0]);

	SPK_EACH_CALL_ROW(call, row) {
		double seconds = SPK_ARG(double, r, row), us = rint(seconds * 1000000);
		char text[32];

		if (isnan(seconds)) {
			SPK_TRY(spk_call_fail(call, out, row, SPK_DATA, err, "timestamp cannot be NaN"));
		} else if (isinf(seconds)) {
			spk_vector_i64(out)[row] = seconds > 0 ? SPK_TIMESTAMP_INFINITY : SPK_TIMESTAMP_MINUS_INFINITY;
		} else if (!(us >= (double)SPK_TIMESTAMP_MIN && us < 0x1p63)) {
			int n = spk_text_double(seconds, text);

			SPK_TRY(spk_call_fail(call, out, row, SPK_DATA, err, "timestamp out of range: \"%.*s\"", n, text));
		} else {
			spk_vector_i64(out)[row] = (int64_t)us;
		}
	}
	return SPK_OK;
}

/* Flink's TO_TIMESTAMP_LTZ(number, precision): 0 seconds, 3 milliseconds, 6 microseconds. */
static spk_status from_epoch_digits(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader rv = spk_vector_reader(&call->arg[0]), rp = spk_vector_reader(&call->arg[1]);

	SPK_EACH_CALL_ROW(call, row) {
		int32_t digits = SPK_ARG(int32_t, rp, row);
		int64_t us;

		if (digits != 0 && digits != 3 && digits != 6)
			SPK_TRY(spk_call_fail(call, out, row, SPK_DATA, err, "the precision must be 0, 3 or 6, not %d", digits));
		else if (__builtin_mul_overflow(SPK_ARG(int64_t, rv, row), (int64_t)spk_pow10(6 - digits), &us) || !spk_timestamp_valid(us))
			SPK_TRY(spk_call_fail(call, out, row, SPK_DATA, err, "timestamp out of range"));
		else
			spk_vector_i64(out)[row] = us;
	}
	return SPK_OK;
}

static spk_status unix_now(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	(void)err;
	SPK_EACH_CALL_ROW(call, row)
		spk_vector_i64(out)[row] = call->ev->now_us / SPK_USEC_PER_SEC;
	return SPK_OK;
}

/* --- the table --- */

#define CLOCK(name_, T, kernel_, doc_) { .name = name_, .doc = doc_, SPK_ARGS0, SPK_RESULT(T), .volatility = SPK_STABLE, .kernel = kernel_ }

static const struct spk_function zone_functions[] = {
	CLOCK("now", TIMESTAMPTZ, now, "The time of the epoch or statement"),
	CLOCK("current_timestamp", TIMESTAMPTZ, now, "The time of the epoch or statement"),
	CLOCK("transaction_timestamp", TIMESTAMPTZ, now, "As now"),
	CLOCK("statement_timestamp", TIMESTAMPTZ, now, "As now"),
	CLOCK("proctime", TIMESTAMPTZ, now, "Flink: now; a join FOR SYSTEM_TIME AS OF it looks up what is there then"),
	CLOCK("clock_timestamp", TIMESTAMPTZ, now, "As now: a clock that runs could not be replayed"),
	CLOCK("localtimestamp", TIMESTAMP, localtimestamp, "now in the session's zone"),
	CLOCK("localtime", TIME, localtime_kernel, "Time of day of now in the session's zone"),
	CLOCK("current_date", DATE, current_date, "Day of now in the session's zone"),
	CLOCK("unix_timestamp", BIGINT, unix_now, "Flink: now in seconds since 1970"),
	{ .name = "timezone", .doc = "Local time of a zone as an instant (AT TIME ZONE)", SPK_ARGS2(TEXT, TIMESTAMP), SPK_RESULT(TIMESTAMPTZ), .can_fail = true, .kernel = zone_to_utc },
	{ .name = "timezone", .doc = "An instant as local time of a zone (AT TIME ZONE)", SPK_ARGS2(TEXT, TIMESTAMPTZ), SPK_RESULT(TIMESTAMP), .can_fail = true, .kernel = zone_to_local },
	{ .name = "timezone", .doc = "The same with an offset", SPK_ARGS2(INTERVAL, TIMESTAMP), SPK_RESULT(TIMESTAMPTZ), .can_fail = true, .kernel = interval_to_utc },
	{ .name = "timezone", .doc = "The same with an offset", SPK_ARGS2(INTERVAL, TIMESTAMPTZ), SPK_RESULT(TIMESTAMP), .can_fail = true, .kernel = interval_to_local },
	{ .name = "to_timestamp", .doc = "Seconds since 1970 as an instant", SPK_ARGS1(DOUBLE), SPK_RESULT(TIMESTAMPTZ), .can_fail = true, .kernel = from_epoch },
	{ .name = "to_timestamp_ltz", .doc = "Flink: a number of seconds (0), milliseconds (3) or microseconds (6) since 1970 as an instant", SPK_ARGS2(BIGINT, INTEGER),
	  SPK_RESULT(TIMESTAMPTZ), .can_fail = true, .kernel = from_epoch_digits },
};

SPK_FUNCTION_FAMILY(zone, zone_functions)
