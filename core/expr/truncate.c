/* date_trunc and date_bin, and the make_ functions that put dates and times together from fields. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>

#include "core/expr/families.h"
#include "core/expr/fields.h"
#include "core/expr/internal.h"
#include "core/expr/interval.h"
#include "core/expr/session.h"
#include "core/expr/text_parse.h"

/* --- date_trunc --- */

static const int64_t unit_micros[] = {
	[SPK_FIELD_MICROSECONDS] = 1, [SPK_FIELD_MILLISECONDS] = 1000, [SPK_FIELD_SECOND] = SPK_USEC_PER_SEC,
	[SPK_FIELD_MINUTE] = SPK_USEC_PER_MINUTE, [SPK_FIELD_HOUR] = SPK_USEC_PER_HOUR, [SPK_FIELD_DAY] = SPK_USEC_PER_DAY,
};

static int64_t floor_to(int64_t us, int64_t unit)
{
	int64_t rest = us % unit;

	return us - (rest < 0 ? rest + unit : rest);
}

/* First year of the unit of `unit` years that a year lies in; centuries begin with year 1, decades with 0. */
static int64_t year_floor(int64_t year, int64_t unit)
{
	if (unit == 10)
		return year > 0 ? year / 10 * 10 : -((8 - (year - 1)) / 10) * 10;
	return year > 0 ? (year + unit - 1) / unit * unit - (unit - 1) : -((unit - 1 - (year - 1)) / unit) * unit + 1;
}

/* Local time cut down to a unit; false for a field that is none, or a result out of range. */
static bool truncate_local(enum spk_time_field f, int64_t us, int64_t *out)
{
	int64_t days, of_day;
	struct spk_date_parts d;

	if (f <= SPK_FIELD_DAY) {
		*out = floor_to(us, unit_micros[f]);
		return true;
	}
	spk_split_timestamp(us, &days, &of_day);
	if (f == SPK_FIELD_WEEK)
		return spk_make_timestamp(days - (spk_weekday(days) + 6) % 7, 0, out);
	d = spk_date_from_days(days);
	switch (f) {
	case SPK_FIELD_MONTH: return spk_make_timestamp(spk_days_from_date(d.year, d.month, 1), 0, out);
	case SPK_FIELD_QUARTER: return spk_make_timestamp(spk_days_from_date(d.year, (d.month - 1) / 3 * 3 + 1, 1), 0, out);
	case SPK_FIELD_YEAR: return spk_make_timestamp(spk_days_from_date(d.year, 1, 1), 0, out);
	case SPK_FIELD_DECADE: return spk_make_timestamp(spk_days_from_date(year_floor(d.year, 10), 1, 1), 0, out);
	case SPK_FIELD_CENTURY: return spk_make_timestamp(spk_days_from_date(year_floor(d.year, 100), 1, 1), 0, out);
	case SPK_FIELD_MILLENNIUM: return spk_make_timestamp(spk_days_from_date(year_floor(d.year, 1000), 1, 1), 0, out);
	default: return false;
	}
}

static bool truncate_interval(enum spk_time_field f, struct spk_interval v, struct spk_interval *out)
{
	static const int months[] = { [SPK_FIELD_MONTH] = 1, [SPK_FIELD_QUARTER] = 3, [SPK_FIELD_YEAR] = 12, [SPK_FIELD_DECADE] = 120, [SPK_FIELD_CENTURY] = 1200, [SPK_FIELD_MILLENNIUM] = 12000 };

	if (f > SPK_FIELD_MILLENNIUM || f == SPK_FIELD_WEEK)
		return false;
	if (f < SPK_FIELD_DAY) {
		v.micros -= v.micros % unit_micros[f];
	} else {
		v.micros = 0;
		if (f > SPK_FIELD_DAY) {
			v.days = 0;
			v.months -= v.months % months[f];
		}
	}
	*out = v;
	return true;
}

static spk_status no_unit(const struct spk_call *call, struct spk_vector *out, int row, const struct spk_view *name, enum spk_time_field f, spk_error *err)
{
	char type[64], shown[64];

	if (f <= SPK_FIELD_MILLENNIUM && call->arg[1].type.id != SPK_TYPE_INTERVAL)
		return spk_call_fail(call, out, row, SPK_DATA, err, "timestamp out of range");
	spk_type_format(call->arg[1].type, type, sizeof type);
	spk_time_field_shown(spk_view_data(name), name->length, shown, sizeof shown);
	return spk_call_fail(call, out, row, SPK_DATA, err, "unit \"%s\" not %s for type %s", shown, f <= SPK_FIELD_MILLENNIUM || (f >= SPK_FIELD_TIMEZONE && f != SPK_FIELD_NONE) ? "supported" : "recognized", type);
}

static enum spk_time_field field_named(const struct spk_view *name)
{
	return spk_time_field(spk_view_data(name), name->length);
}

/* `zone` NULL: plain local time. */
static spk_status truncate_rows(const struct spk_call *call, const struct spk_zone *zone, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader rn = spk_vector_reader(&call->arg[0]), rv = spk_vector_reader(&call->arg[1]);
	const struct spk_view *last = NULL;
	enum spk_time_field f = SPK_FIELD_NONE;

	SPK_EACH_CALL_ROW(call, row) {
		const struct spk_view *name = &SPK_ARG(struct spk_view, rn, row);
		int64_t us = SPK_ARG(int64_t, rv, row), local, *v = spk_vector_i64(out) + row;

		if (name != last)
			f = field_named(name);
		last = name;
		*v = us;
		if (!spk_timestamp_finite(us))
			continue;
		/* Below a day the offset at the instant itself counts, from a day on that of the day's start. */
		if (!truncate_local(f, spk_session_local(zone, us), &local))
			SPK_TRY(no_unit(call, out, row, name, f, err));
		else if (f >= SPK_FIELD_DAY)
			*v = spk_session_utc(zone, local);
		else
			*v = zone ? local - spk_zone_offset_at(zone, us) * SPK_USEC_PER_SEC : local;
	}
	return SPK_OK;
}

static spk_status trunc_timestamp(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	return truncate_rows(call, NULL, out, err);
}

static spk_status trunc_timestamptz(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_zone *zone;

	SPK_TRY(spk_session_zone(call, &zone, err));
	return truncate_rows(call, zone, out, err);
}

/* date_trunc(unit, timestamptz, zone), row by row: zones differ. */
static spk_status trunc_in_zone(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader rn = spk_vector_reader(&call->arg[0]), rv = spk_vector_reader(&call->arg[1]), rz = spk_vector_reader(&call->arg[2]);

	SPK_EACH_CALL_ROW(call, row) {
		const struct spk_view *name = &SPK_ARG(struct spk_view, rn, row), *z = &SPK_ARG(struct spk_view, rz, row);
		const struct spk_zone *zone = spk_zone_find(spk_view_data(z), z->length);
		int64_t us = SPK_ARG(int64_t, rv, row), local, *v = spk_vector_i64(out) + row;
		enum spk_time_field f = field_named(name);

		*v = us;
		if (!zone)
			SPK_TRY(spk_call_fail(call, out, row, SPK_DATA, err, "time zone \"%.*s\" not recognized", (int)z->length, spk_view_data(z)));
		else if (!spk_timestamp_finite(us) && f <= SPK_FIELD_MILLENNIUM)
			continue;
		else if (!truncate_local(f, spk_session_local(zone, us), &local))
			SPK_TRY(no_unit(call, out, row, name, f, err));
		else
			*v = f >= SPK_FIELD_DAY ? spk_session_utc(zone, local) : local - spk_zone_offset_at(zone, us) * SPK_USEC_PER_SEC;
	}
	return SPK_OK;
}

static spk_status trunc_interval(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader rn = spk_vector_reader(&call->arg[0]), rv = spk_vector_reader(&call->arg[1]);

	SPK_EACH_CALL_ROW(call, row) {
		const struct spk_view *name = &SPK_ARG(struct spk_view, rn, row);
		enum spk_time_field f = field_named(name);

		if (!truncate_interval(f, SPK_ARG(struct spk_interval, rv, row), spk_vector_interval(out) + row))
			SPK_TRY(no_unit(call, out, row, name, f, err));
	}
	return SPK_OK;
}

/* date_bin(stride, timestamp, origin) */
static spk_status bin(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader rs = spk_vector_reader(&call->arg[0]), rv = spk_vector_reader(&call->arg[1]), ro = spk_vector_reader(&call->arg[2]);

	SPK_EACH_CALL_ROW(call, row) {
		struct spk_interval stride = SPK_ARG(struct spk_interval, rs, row);
		int64_t us = SPK_ARG(int64_t, rv, row), origin = SPK_ARG(int64_t, ro, row), size = 0, distance, rest;
		const char *why = NULL;

		if (!spk_timestamp_finite(us)) {
			spk_vector_i64(out)[row] = us;
			continue;
		}
		if (!spk_timestamp_finite(origin))
			why = "origin out of range";
		else if (stride.months)
			why = "timestamps cannot be binned into intervals containing months or years";
		else if (__builtin_mul_overflow((int64_t)stride.days, SPK_USEC_PER_DAY, &size) || __builtin_add_overflow(size, stride.micros, &size))
			why = "interval out of range";
		else if (size <= 0)
			why = "stride must be greater than zero";
		else if (__builtin_sub_overflow(us, origin, &distance))
			why = "interval out of range";
		if (why) {
			SPK_TRY(spk_call_fail(call, out, row, SPK_DATA, err, "%s", why));
			continue;
		}
		rest = distance % size;
		spk_vector_i64(out)[row] = us - (rest < 0 ? rest + size : rest);
	}
	return SPK_OK;
}

/* --- make_date and its like --- */

/* A negative year is BC; there is no year 0. */
static bool days_of(int32_t year, int32_t month, int32_t day, int64_t *days)
{
	int64_t y = year < 0 ? (int64_t)year + 1 : year;

	if (year == 0 || month < 1 || month > 12 || day < 1 || day > spk_days_in_month(y, month))
		return false;
	*days = spk_days_from_date(y, month, day);
	return spk_date_valid(*days);
}

static bool micros_of(int32_t hour, int32_t minute, double second, int64_t *of_day)
{
	if (hour < 0 || minute < 0 || minute > 59 || isnan(second) || second < 0 || second > 60 || hour > 24 || (hour == 24 && (minute > 0 || second > 0)))
		return false;
	*of_day = hour * SPK_USEC_PER_HOUR + minute * SPK_USEC_PER_MINUTE + (int64_t)rint(second * 1000000);
	return true;
}

static spk_status bad_date(const struct spk_call *call, struct spk_vector *out, int row, int32_t year, int32_t month, int32_t day, spk_error *err)
{
	return spk_call_fail(call, out, row, SPK_DATA, err, "date field value out of range: %d-%02d-%02d", year < 0 && strcmp(call->expr->function->name, "make_date") == 0 ? year + 1 : year, month, day);
}

static spk_status bad_time(const struct spk_call *call, struct spk_vector *out, int row, int32_t hour, int32_t minute, double second, spk_error *err)
{
	char text[SPK_TEXT_MAX];

	if (isfinite(second))
		return spk_call_fail(call, out, row, SPK_DATA, err, "time field value out of range: %d:%02d:%02g", hour, minute, second);
	return spk_call_fail(call, out, row, SPK_DATA, err, "time field value out of range: %d:%02d:%.*s", hour, minute, spk_text_double(second, text), text);
}

static void read_args(const struct spk_call *call, struct spk_reader *r)
{
	for (int k = 0; k < call->args; k++)
		r[k] = spk_vector_reader(&call->arg[k]);
}

#define INT(k) SPK_ARG(int32_t, r[k], row)

static spk_status make_date(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	struct spk_reader r[3];

	read_args(call, r);
	SPK_EACH_CALL_ROW(call, row) {
		int64_t days;

		if (!days_of(INT(0), INT(1), INT(2), &days))
			SPK_TRY(bad_date(call, out, row, INT(0), INT(1), INT(2), err));
		else
			spk_vector_i32(out)[row] = (int32_t)days;
	}
	return SPK_OK;
}

static spk_status make_time(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	struct spk_reader r[3];

	read_args(call, r);
	SPK_EACH_CALL_ROW(call, row) {
		double second = SPK_ARG(double, r[2], row);

		if (!micros_of(INT(0), INT(1), second, spk_vector_i64(out) + row))
			SPK_TRY(bad_time(call, out, row, INT(0), INT(1), second, err));
	}
	return SPK_OK;
}

/* Local time to UTC in the zone that make_timestamptz was given: +2 is east here, as in a timestamp's text. */
static spk_status in_named_zone(const struct spk_call *call, const struct spk_view *name, struct spk_vector *out, int row, int64_t us, spk_error *err)
{
	const char *s = spk_view_data(name);
	const int size = (int)name->length;
	const bool numeric = size && (*s == '+' || *s == '-');
	const struct spk_zone *zone = numeric ? NULL : spk_zone_find(s, name->length);
	int32_t offset;

	if (size && isdigit((unsigned char)*s))
		return spk_call_fail(call, out, row, SPK_DATA, err, "invalid input syntax for type numeric time zone: \"%.*s\"", size, s);
	if (numeric) {
		switch (spk_text_parse_offset(s, name->length, &offset)) {
		case SPK_OK: spk_vector_i64(out)[row] = us - offset * SPK_USEC_PER_SEC; return SPK_OK;
		case SPK_UNSUPPORTED: return spk_call_fail(call, out, row, SPK_DATA, err, "numeric time zone \"%.*s\" out of range", size, s);
		default: return spk_call_fail(call, out, row, SPK_DATA, err, "time zone \"%.*s\" not recognized", size, s);
		}
	}
	if (!zone)
		return spk_call_fail(call, out, row, SPK_DATA, err, "time zone \"%.*s\" not recognized", size, s);
	spk_vector_i64(out)[row] = spk_session_utc(zone, us);
	return SPK_OK;
}

static spk_status make_timestamp(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const bool zoned = out->type.id == SPK_TYPE_TIMESTAMPTZ;
	const struct spk_zone *session = NULL;
	struct spk_reader r[7];

	read_args(call, r);
	if (zoned)
		SPK_TRY(spk_session_zone(call, &session, err));
	SPK_EACH_CALL_ROW(call, row) {
		double second = SPK_ARG(double, r[5], row);
		int64_t days, of_day, us;

		if (!days_of(INT(0), INT(1), INT(2), &days))
			SPK_TRY(bad_date(call, out, row, INT(0), INT(1), INT(2), err));
		else if (!micros_of(INT(3), INT(4), second, &of_day))
			SPK_TRY(bad_time(call, out, row, INT(3), INT(4), second, err));
		else if (!spk_make_timestamp(days, of_day, &us))
			SPK_TRY(spk_call_fail(call, out, row, SPK_DATA, err, "timestamp out of range"));
		else if (call->args > 6)
			SPK_TRY(in_named_zone(call, &SPK_ARG(struct spk_view, r[6], row), out, row, us, err));
		else
			spk_vector_i64(out)[row] = zoned ? spk_session_utc(session, us) : us;
	}
	return SPK_OK;
}

/* make_interval(years, months, weeks, days, hours, mins, secs), all of them from 0. */
static spk_status make_interval(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	struct spk_reader r[7];

	read_args(call, r);
	SPK_EACH_CALL_ROW(call, row) {
		int64_t field[6] = { 0 }, months, days;
		double seconds = call->args > 6 ? SPK_ARG(double, r[6], row) : 0, micros = rint(seconds * 1000000);

		for (int k = 0; k < SPK_MIN(call->args, 6); k++)
			field[k] = INT(k);
		months = field[0] * 12 + field[1];
		days = field[2] * 7 + field[3];
		if (!isfinite(seconds) || fabs(micros) >= 0x1p62 || months != (int32_t)months || days != (int32_t)days) {
			SPK_TRY(spk_call_fail(call, out, row, SPK_DATA, err, "interval out of range"));
			continue;
		}
		spk_vector_interval(out)[row] = (struct spk_interval){ (int32_t)months, (int32_t)days, field[4] * SPK_USEC_PER_HOUR + field[5] * SPK_USEC_PER_MINUTE + (int64_t)micros };
	}
	return SPK_OK;
}

/* --- to a number of digits behind the seconds, as a cast to timestamp(3) has them: half away from zero --- */

static int64_t rounded(int64_t us, int32_t digits)
{
	static const int64_t unit[] = { 1000000, 100000, 10000, 1000, 100, 10 };

	if (digits < 0 || digits >= (int32_t)SPK_COUNT_OF(unit) || !spk_timestamp_finite(us))
		return us;
	return us < 0 ? -((-us + unit[digits] / 2) / unit[digits] * unit[digits]) : (us + unit[digits] / 2) / unit[digits] * unit[digits];
}

static spk_status round_us(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader rv = spk_vector_reader(&call->arg[0]), rd = spk_vector_reader(&call->arg[1]);

	SPK_EACH_CALL_ROW(call, row) {
		int32_t digits = SPK_ARG(int32_t, rd, row);

		spk_vector_i64(out)[row] = rounded(SPK_ARG(int64_t, rv, row), digits);
		if (out->type.id != SPK_TYPE_TIME && (digits < 0 || digits > 6))
			SPK_TRY(spk_call_fail(call, out, row, SPK_DATA, err, "timestamp(%d) precision must be between 0 and 6", digits));
	}
	return SPK_OK;
}

static spk_status round_interval(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader rv = spk_vector_reader(&call->arg[0]), rd = spk_vector_reader(&call->arg[1]);

	(void)err;
	SPK_EACH_CALL_ROW(call, row) {
		struct spk_interval v = SPK_ARG(struct spk_interval, rv, row);

		v.micros = rounded(v.micros, SPK_ARG(int32_t, rd, row));
		spk_vector_interval(out)[row] = v;
	}
	return SPK_OK;
}

static spk_status cut_interval(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader rv = spk_vector_reader(&call->arg[0]), rf = spk_vector_reader(&call->arg[1]);

	(void)err;
	SPK_EACH_CALL_ROW(call, row) {
		struct spk_interval v = SPK_ARG(struct spk_interval, rv, row);

		spk_interval_cut(&v, SPK_ARG(int32_t, rf, row));
		spk_vector_interval(out)[row] = v;
	}
	return SPK_OK;
}

/* --- the table --- */

#define ROUNDED(name_, T, kernel_) \
	{ .name = name_, .doc = "To a number of digits behind the seconds", SPK_ARGS2(T, INTEGER), SPK_RESULT(T), .can_fail = true, .kernel = kernel_ }

#define DATE_ARGS SPK_T(INTEGER), SPK_T(INTEGER), SPK_T(INTEGER)
#define TIME_ARGS SPK_T(INTEGER), SPK_T(INTEGER), SPK_T(DOUBLE)

static const struct spk_function truncate_functions[] = {
	ROUNDED("timestamp", TIMESTAMP, round_us),
	ROUNDED("timestamptz", TIMESTAMPTZ, round_us),
	ROUNDED("time", TIME, round_us),
	ROUNDED("interval", INTERVAL, round_interval),
	{ .name = "interval of fields", .doc = "INTERVAL DAY TO MINUTE and its like: what is smaller falls away", SPK_ARGS2(INTERVAL, INTEGER), SPK_RESULT(INTERVAL), .kernel = cut_interval },
	{ .name = "date_trunc", .doc = "Cut down to a unit (hour, week, quarter, ...)", SPK_ARGS2(TEXT, TIMESTAMP), SPK_RESULT(TIMESTAMP), .can_fail = true, .kernel = trunc_timestamp },
	{ .name = "date_trunc", .doc = "Cut down to a unit of local time", SPK_ARGS2(TEXT, TIMESTAMPTZ), SPK_RESULT(TIMESTAMPTZ), .can_fail = true,
	  .volatility = SPK_STABLE, .kernel = trunc_timestamptz },
	{ .name = "date_trunc", .doc = "Cut down to a unit of a zone's time", SPK_ARGS3(TEXT, TIMESTAMPTZ, TEXT), SPK_RESULT(TIMESTAMPTZ), .can_fail = true, .kernel = trunc_in_zone },
	{ .name = "date_trunc", .doc = "Cut down to a unit", SPK_ARGS2(TEXT, INTERVAL), SPK_RESULT(INTERVAL), .can_fail = true, .kernel = trunc_interval },
	{ .name = "date_bin", .doc = "Start of the stride, counted from an origin, that a timestamp lies in", SPK_ARGS3(INTERVAL, TIMESTAMP, TIMESTAMP), SPK_RESULT(TIMESTAMP),
	  .can_fail = true, .kernel = bin },
	{ .name = "date_bin", .doc = "Start of the stride, counted from an origin, that a timestamp lies in", SPK_ARGS3(INTERVAL, TIMESTAMPTZ, TIMESTAMPTZ), SPK_RESULT(TIMESTAMPTZ),
	  .can_fail = true, .kernel = bin },
	{ .name = "make_date", .doc = "From year, month and day", .args_min = 3, .args_max = 3, .arg = { DATE_ARGS }, SPK_RESULT(DATE), .can_fail = true, .kernel = make_date },
	{ .name = "make_time", .doc = "From hour, minute and seconds", .args_min = 3, .args_max = 3, .arg = { TIME_ARGS }, SPK_RESULT(TIME), .can_fail = true, .kernel = make_time },
	{ .name = "make_timestamp", .doc = "From year, month, day, hour, minute and seconds", .args_min = 6, .args_max = 6, .arg = { DATE_ARGS, TIME_ARGS }, SPK_RESULT(TIMESTAMP),
	  .can_fail = true, .kernel = make_timestamp },
	{ .name = "make_timestamptz", .doc = "From year, month, day, hour, minute, seconds and zone", .args_min = 6, .args_max = 7, .arg = { DATE_ARGS, TIME_ARGS, SPK_T(TEXT) },
	  SPK_RESULT(TIMESTAMPTZ), .can_fail = true, .volatility = SPK_STABLE, .kernel = make_timestamp },
	{ .name = "make_interval", .doc = "From years, months, weeks, days, hours, minutes and seconds", .args_min = 0, .args_max = 7,
	  .arg = { DATE_ARGS, DATE_ARGS, SPK_T(DOUBLE) }, SPK_RESULT(INTERVAL), .can_fail = true, .kernel = make_interval },
};

SPK_FUNCTION_FAMILY(truncate, truncate_functions)
