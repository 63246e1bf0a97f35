/* Casts between dates, times, timestamps and intervals; those with a time zone use the session's. */
#include "core/expr/calendar.h"
#include "core/expr/cast.h"
#include "core/expr/session.h"

/* The templates define static functions; these lines give them their public names. */
#define PUBLIC(name) \
	spk_status spk_cast_##name(const struct spk_call *call, struct spk_vector *out, spk_error *err) { return k_##name(call, out, err); }

static inline bool date_to_timestamp(int32_t d, int64_t *v)
{
	if (!spk_date_finite(d)) {
		*v = d > 0 ? SPK_TIMESTAMP_INFINITY : SPK_TIMESTAMP_MINUS_INFINITY;
		return false;
	}
	return !spk_make_timestamp(d, 0, v);
}

static inline spk_status date_range(const struct spk_call *call, struct spk_vector *out, int32_t row, int32_t d, spk_error *err)
{
	(void)d;
	return spk_call_fail(call, out, row, SPK_DATA, err, "date out of range for timestamp");
}
SPK_CHECKED_UNARY_KERNEL(k_date_timestamp, int32_t, int64_t, date_to_timestamp, date_range)
PUBLIC(date_timestamp)

static inline int32_t date_of(int64_t us)
{
	int64_t days, of_day;

	if (!spk_timestamp_finite(us))
		return us > 0 ? SPK_DATE_INFINITY : SPK_DATE_MINUS_INFINITY;
	spk_split_timestamp(us, &days, &of_day);
	return (int32_t)days;
}
SPK_UNARY_KERNEL(k_timestamp_date, int64_t, int32_t, date_of)
PUBLIC(timestamp_date)

/* The time of an infinite timestamp is NULL. */
static spk_status time_of_local(const struct spk_call *call, struct spk_vector *out, const struct spk_zone *zone, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(&call->arg[0]);

	SPK_EACH_CALL_ROW(call, row) {
		int64_t us = SPK_ARG(int64_t, r, row), days;

		if (!spk_timestamp_finite(us))
			SPK_TRY(spk_call_null(call, out, row, err));
		else
			spk_split_timestamp(spk_session_local(zone, us), &days, spk_vector_i64(out) + row);
	}
	return SPK_OK;
}

spk_status spk_cast_timestamp_time(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	return time_of_local(call, out, NULL, err);
}

spk_status spk_cast_timestamptz_time(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_zone *zone;

	SPK_TRY(spk_session_zone(call, &zone, err));
	return time_of_local(call, out, zone, err);
}

static spk_status to_utc(const struct spk_call *call, struct spk_vector *out, int row, const struct spk_zone *zone, int64_t local, spk_error *err)
{
	int64_t us = spk_session_utc(zone, local);

	spk_vector_i64(out)[row] = us;
	if (spk_timestamp_finite(local) && !spk_timestamp_valid(us))
		return spk_call_fail(call, out, row, SPK_DATA, err, "timestamp out of range");
	return SPK_OK;
}

spk_status spk_cast_timestamp_timestamptz(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(&call->arg[0]);
	const struct spk_zone *zone;

	SPK_TRY(spk_session_zone(call, &zone, err));
	SPK_EACH_CALL_ROW(call, row)
		SPK_TRY(to_utc(call, out, row, zone, SPK_ARG(int64_t, r, row), err));
	return SPK_OK;
}

spk_status spk_cast_date_timestamptz(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(&call->arg[0]);
	const struct spk_zone *zone;

	SPK_TRY(spk_session_zone(call, &zone, err));
	SPK_EACH_CALL_ROW(call, row) {
		int64_t local;

		if (date_to_timestamp(SPK_ARG(int32_t, r, row), &local))
			SPK_TRY(date_range(call, out, row, 0, err));
		else
			SPK_TRY(to_utc(call, out, row, zone, local, err));
	}
	return SPK_OK;
}

spk_status spk_cast_timestamptz_timestamp(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(&call->arg[0]);
	const struct spk_zone *zone;

	SPK_TRY(spk_session_zone(call, &zone, err));
	SPK_EACH_CALL_ROW(call, row)
		spk_vector_i64(out)[row] = spk_session_local(zone, SPK_ARG(int64_t, r, row));
	return SPK_OK;
}

spk_status spk_cast_timestamptz_date(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(&call->arg[0]);
	const struct spk_zone *zone;

	SPK_TRY(spk_session_zone(call, &zone, err));
	SPK_EACH_CALL_ROW(call, row)
		spk_vector_i32(out)[row] = date_of(spk_session_local(zone, SPK_ARG(int64_t, r, row)));
	return SPK_OK;
}

static inline struct spk_interval interval_of_time(int64_t us)
{
	return (struct spk_interval){ .micros = us };
}
SPK_UNARY_KERNEL(k_time_interval, int64_t, struct spk_interval, interval_of_time)
PUBLIC(time_interval)

static inline int64_t time_of_interval(struct spk_interval v)
{
	int64_t us = v.micros % SPK_USEC_PER_DAY;

	return us < 0 ? us + SPK_USEC_PER_DAY : us;
}
SPK_UNARY_KERNEL(k_interval_time, struct spk_interval, int64_t, time_of_interval)
PUBLIC(interval_time)
