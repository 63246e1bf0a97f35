/* extract, date_part and Flink's YEAR() and the like: fields of dates, times, timestamps and intervals. */
#include <math.h>

#include "core/expr/families.h"
#include "core/expr/fields.h"
#include "core/expr/internal.h"
#include "core/expr/session.h"

/* A field's value: whole, or with digits behind the point; or none. */
struct field_value { spk_int128 m; int scale; bool null, unknown; double infinite; };

static struct field_value whole(int64_t v)
{
	return (struct field_value){ .m = v };
}

static struct field_value scaled(spk_int128 m, int scale)
{
	return (struct field_value){ .m = m, .scale = scale };
}

static const struct field_value unsupported = { .unknown = true };

/* Units of years as PostgreSQL counts them: no year 0, centuries begin with 1. */
static int64_t shown_year(int64_t year)
{
	return year > 0 ? year : year - 1;
}

static int64_t years_by(int64_t year, int64_t unit)
{
	return year > 0 ? (year + unit - 1) / unit : -((unit - 1 - (year - 1)) / unit);
}

static struct field_value time_field(enum spk_time_field f, int64_t of_day)
{
	struct spk_time_parts t = spk_time_from_micros(of_day);
	int64_t micros = (int64_t)t.second * SPK_USEC_PER_SEC + t.micros;

	switch (f) {
	case SPK_FIELD_MICROSECONDS: return whole(micros);
	case SPK_FIELD_MILLISECONDS: return scaled(micros, 3);
	case SPK_FIELD_SECOND: return scaled(micros, 6);
	case SPK_FIELD_MINUTE: return whole(t.minute);
	case SPK_FIELD_HOUR: return whole(t.hour);
	default: return unsupported;
	}
}

static struct field_value date_field(enum spk_time_field f, int64_t days)
{
	struct spk_date_parts d = spk_date_from_days(days);
	int64_t iso_year;
	int week;

	switch (f) {
	case SPK_FIELD_DAY: return whole(d.day);
	case SPK_FIELD_MONTH: return whole(d.month);
	case SPK_FIELD_QUARTER: return whole((d.month - 1) / 3 + 1);
	case SPK_FIELD_YEAR: return whole(shown_year(d.year));
	case SPK_FIELD_DECADE: return whole(d.year >= 0 ? d.year / 10 : -((8 - (d.year - 1)) / 10));
	case SPK_FIELD_CENTURY: return whole(years_by(d.year, 100));
	case SPK_FIELD_MILLENNIUM: return whole(years_by(d.year, 1000));
	case SPK_FIELD_DOW: return whole(spk_weekday(days));
	case SPK_FIELD_ISODOW: return whole((spk_weekday(days) + 6) % 7 + 1);
	case SPK_FIELD_DOY: return whole(days - spk_days_from_date(d.year, 1, 1) + 1);
	case SPK_FIELD_JULIAN: return whole(days + 2440588);
	case SPK_FIELD_WEEK:
	case SPK_FIELD_ISOYEAR:
		week = spk_iso_week(days, &iso_year);
		return whole(f == SPK_FIELD_WEEK ? week : shown_year(iso_year));
	default: return unsupported;
	}
}

/* Julian day with its fraction, by numeric division as in PostgreSQL. */
static struct field_value julian(int64_t days, int64_t of_day)
{
	struct field_value v = whole(days + 2440588);
	spk_int128 fraction;
	int scale;

	if (spk_decimal_divide(of_day, 0, SPK_USEC_PER_DAY, 0, &fraction, &scale))
		spk_decimal_add(v.m, 0, fraction, scale, &v.m, &v.scale);
	return v;
}

static struct field_value infinite_field(enum spk_time_field f, bool positive)
{
	struct field_value v = { .null = true };

	if (f == SPK_FIELD_TIMEZONE || f == SPK_FIELD_TIMEZONE_HOUR || f == SPK_FIELD_TIMEZONE_MINUTE)
		return v;
	if ((f >= SPK_FIELD_YEAR && f <= SPK_FIELD_EPOCH) || f == SPK_FIELD_ISOYEAR || f == SPK_FIELD_JULIAN)
		v.infinite = positive ? INFINITY : -INFINITY;
	return v;
}

static struct field_value timestamp_field(enum spk_time_field f, int64_t us)
{
	int64_t days, of_day;

	if (!spk_timestamp_finite(us))
		return infinite_field(f, us > 0);
	if (f == SPK_FIELD_EPOCH)
		return scaled(us, 6);
	spk_split_timestamp(us, &days, &of_day);
	if (f <= SPK_FIELD_HOUR)
		return time_field(f, of_day);
	return f == SPK_FIELD_JULIAN ? julian(days, of_day) : date_field(f, days);
}

static struct field_value timestamptz_field(enum spk_time_field f, int64_t us, const struct spk_zone *zone)
{
	int32_t offset = zone && spk_timestamp_finite(us) ? spk_zone_offset_at(zone, us) : 0;

	switch (spk_timestamp_finite(us) ? f : SPK_FIELD_NONE) {
	case SPK_FIELD_EPOCH: return scaled(us, 6);
	case SPK_FIELD_TIMEZONE: return whole(offset);
	case SPK_FIELD_TIMEZONE_HOUR: return whole(offset / 3600);
	case SPK_FIELD_TIMEZONE_MINUTE: return whole(offset / 60 % 60);
	default: return timestamp_field(f, spk_session_local(zone, us));
	}
}

static struct field_value interval_field(enum spk_time_field f, const struct spk_interval *v)
{
	int64_t seconds;

	switch (f) {
	case SPK_FIELD_HOUR: return whole(v->micros / SPK_USEC_PER_HOUR);
	case SPK_FIELD_MINUTE: return whole(v->micros / SPK_USEC_PER_MINUTE % 60);
	case SPK_FIELD_MICROSECONDS: return whole(v->micros % SPK_USEC_PER_MINUTE);
	case SPK_FIELD_MILLISECONDS: return scaled(v->micros % SPK_USEC_PER_MINUTE, 3);
	case SPK_FIELD_SECOND: return scaled(v->micros % SPK_USEC_PER_MINUTE, 6);
	case SPK_FIELD_DAY: return whole(v->days);
	case SPK_FIELD_MONTH: return whole(v->months % 12);
	case SPK_FIELD_QUARTER: return whole(v->months % 12 / 3 + 1);
	case SPK_FIELD_YEAR: return whole(v->months / 12);
	case SPK_FIELD_DECADE: return whole(v->months / 120);
	case SPK_FIELD_CENTURY: return whole(v->months / 1200);
	case SPK_FIELD_MILLENNIUM: return whole(v->months / 12000);
	case SPK_FIELD_EPOCH:
		/* A year counts 365.25 days, a month 30. */
		seconds = (1461ll * (v->months / 12) + 120ll * (v->months % 12) + 4ll * v->days) * 21600;
		return scaled((spk_int128)seconds * SPK_USEC_PER_SEC + v->micros, 6);
	default: return unsupported;
	}
}

/* As double precision PostgreSQL adds up doubles, from the microseconds on. */
static double interval_epoch(const struct spk_interval *v)
{
	double seconds = (double)v->micros / 1e6;

	seconds += 365.25 * 86400 * (v->months / 12);
	seconds += 30.0 * 86400 * (v->months % 12);
	return seconds + 86400.0 * v->days;
}

static struct field_value field_of(enum spk_type_id type, enum spk_time_field f, const void *value, const struct spk_zone *zone)
{
	struct field_value v;

	switch (type) {
	case SPK_TYPE_DATE:
		if (!spk_date_finite(*(const int32_t *)value))
			return infinite_field(f, *(const int32_t *)value > 0);
		return f == SPK_FIELD_EPOCH ? whole(*(const int32_t *)value * 86400ll) : date_field(f, *(const int32_t *)value);
	case SPK_TYPE_TIME:
		v = time_field(f, *(const int64_t *)value);
		return f == SPK_FIELD_EPOCH ? scaled(*(const int64_t *)value, 6) : v;
	case SPK_TYPE_TIMESTAMP:
		return timestamp_field(f, *(const int64_t *)value);
	case SPK_TYPE_TIMESTAMPTZ:
		return timestamptz_field(f, *(const int64_t *)value, zone);
	default:
		return interval_field(f, value);
	}
}

/* --- kernels --- */

static spk_status no_field(const struct spk_call *call, struct spk_vector *out, int row, const struct spk_view *name, bool known, spk_error *err)
{
	char type[64], shown[64];

	struct spk_type of = call->arg[call->args - 1].type;

	/* date_part of a date is that of its midnight, as PostgreSQL defines it. */
	if (of.id == SPK_TYPE_DATE && strcmp(call->expr->function->name, "date_part") == 0)
		of = spk_type(SPK_TYPE_TIMESTAMP);
	spk_type_format(of, type, sizeof type);
	spk_time_field_shown(spk_view_data(name), name->length, shown, sizeof shown);
	return spk_call_fail(call, out, row, SPK_DATA, err, "unit \"%s\" not %s for type %s", shown, known ? "supported" : "recognized", type);
}

/* Puts a field's value where the result type wants it. */
static spk_status put(const struct spk_call *call, struct spk_vector *out, int row, struct field_value v, spk_error *err)
{
	switch (out->type.id) {
	case SPK_TYPE_DOUBLE:
		if (v.null && v.infinite == 0)
			return spk_call_null(call, out, row, err);
		spk_vector_f64(out)[row] = v.null ? v.infinite : v.m == (int64_t)v.m ? (double)(int64_t)v.m / (double)spk_pow10(v.scale) : spk_decimal_to_double(v.m, v.scale);
		return SPK_OK;
	case SPK_TYPE_BIGINT:
		if (v.null)
			return spk_call_null(call, out, row, err);
		spk_vector_i64(out)[row] = (int64_t)(v.m / spk_pow10(v.scale));
		return SPK_OK;
	default:
		if (v.null && v.infinite == 0)
			return spk_call_null(call, out, row, err);
		if (v.null) {
			v.m = v.infinite < 0 ? -SPK_DECIMAL_INFINITY : SPK_DECIMAL_INFINITY;
			v.scale = 0;
		}
		if (!spk_decimal_store(out->type, v.m, v.scale, spk_vector_i128(out) + row))
			return spk_call_fail(call, out, row, SPK_DATA, err, "value overflows numeric format");
		return SPK_OK;
	}
}

static spk_status fields(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader rn = spk_vector_reader(&call->arg[0]), rv = spk_vector_reader(&call->arg[1]);
	const enum spk_type_id type = call->arg[1].type.id;
	const size_t width = (size_t)spk_type_width(call->arg[1].type);
	const struct spk_view *last = NULL;
	const struct spk_zone *zone = NULL;
	enum spk_time_field f = SPK_FIELD_NONE;

	if (type == SPK_TYPE_TIMESTAMPTZ)
		SPK_TRY(spk_session_zone(call, &zone, err));
	SPK_EACH_CALL_ROW(call, row) {
		const struct spk_view *name = &SPK_ARG(struct spk_view, rn, row);
		struct field_value v;

		if (name != last)
			f = spk_time_field(spk_view_data(name), name->length);
		last = name;
		v = f == SPK_FIELD_NONE ? unsupported : field_of(type, f, (const char *)rv.data + width * spk_reader_slot(&rv, row), zone);
		if (f == SPK_FIELD_EPOCH && type == SPK_TYPE_INTERVAL && out->type.id == SPK_TYPE_DOUBLE)
			spk_vector_f64(out)[row] = interval_epoch(&SPK_ARG(struct spk_interval, rv, row));
		else if (SPK_UNLIKELY(v.unknown))
			SPK_TRY(no_field(call, out, row, name, f != SPK_FIELD_NONE, err));
		else
			SPK_TRY(put(call, out, row, v, err));
	}
	return SPK_OK;
}

/* Flink's YEAR(x), HOUR(x): the function's name is the field. */
static spk_status named_field(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	static const struct { const char *name; enum spk_time_field field; } names[] = {
		{ "dayofmonth", SPK_FIELD_DAY }, { "dayofweek", SPK_FIELD_DOW }, { "dayofyear", SPK_FIELD_DOY },
	};
	const char *name = call->expr->function->name;
	enum spk_time_field f = spk_time_field(name, strlen(name));
	const struct spk_reader r = spk_vector_reader(&call->arg[0]);
	const size_t width = (size_t)spk_type_width(call->arg[0].type);
	const struct spk_zone *zone = NULL;

	for (size_t i = 0; i < SPK_COUNT_OF(names); i++)
		if (strcmp(names[i].name, name) == 0)
			f = names[i].field;
	if (call->arg[0].type.id == SPK_TYPE_TIMESTAMPTZ)
		SPK_TRY(spk_session_zone(call, &zone, err));
	SPK_EACH_CALL_ROW(call, row) {
		struct field_value v = field_of(call->arg[0].type.id, f, (const char *)r.data + width * spk_reader_slot(&r, row), zone);

		if (f == SPK_FIELD_DOW)
			v.m++;  /* Flink counts Sunday as 1 */
		SPK_TRY(put(call, out, row, v, err));
	}
	return SPK_OK;
}

/* With the field known, its scale is fixed. */
static spk_status prepare_extract(struct spk_arena *arena, struct spk_expr *e, spk_error *err)
{
	const struct spk_value *name = spk_constant_arg(e, 0);
	enum spk_time_field f = name ? spk_time_field(spk_view_data(&name->view), name->view.length) : SPK_FIELD_NONE;
	bool date = e->arg[1]->type.id == SPK_TYPE_DATE;

	(void)arena;
	(void)err;
	if (f == SPK_FIELD_NONE || (f == SPK_FIELD_JULIAN && !date))
		return SPK_OK;
	if (f == SPK_FIELD_SECOND || (f == SPK_FIELD_EPOCH && !date))
		e->type = spk_type_decimal(20, 6);
	else
		e->type = spk_type_decimal(19, f == SPK_FIELD_MILLISECONDS ? 3 : 0);
	return SPK_OK;
}

/* --- the table --- */

#define EXTRACT(T, stable) \
	{ .name = "extract", .doc = "A field (hour, dow, epoch, ...) as numeric", SPK_ARGS2(TEXT, T), SPK_RESULT(DECIMAL), .can_fail = true, \
	  .volatility = stable, .kernel = fields, .prepare = prepare_extract }, \
	{ .name = "date_part", .doc = "A field (hour, dow, epoch, ...) as double precision", SPK_ARGS2(TEXT, T), SPK_RESULT(DOUBLE), .can_fail = true, \
	  .volatility = stable, .kernel = fields },
#define NAMED(name_, T, stable) \
	{ .name = name_, .doc = "Flink: that field as bigint", SPK_ARGS1(T), SPK_RESULT(BIGINT), .volatility = stable, .kernel = named_field },
#define NAMED_DATE(name_) NAMED(name_, DATE, SPK_IMMUTABLE) NAMED(name_, TIMESTAMP, SPK_IMMUTABLE) NAMED(name_, TIMESTAMPTZ, SPK_STABLE)
#define NAMED_TIME(name_) NAMED(name_, TIME, SPK_IMMUTABLE) NAMED(name_, TIMESTAMP, SPK_IMMUTABLE) NAMED(name_, TIMESTAMPTZ, SPK_STABLE)

static const struct spk_function extract_functions[] = {
	EXTRACT(DATE, SPK_IMMUTABLE)
	EXTRACT(TIME, SPK_IMMUTABLE)
	EXTRACT(TIMESTAMP, SPK_IMMUTABLE)
	EXTRACT(TIMESTAMPTZ, SPK_STABLE)
	EXTRACT(INTERVAL, SPK_IMMUTABLE)
	NAMED_DATE("year")
	NAMED_DATE("quarter")
	NAMED_DATE("month")
	NAMED_DATE("week")
	NAMED_DATE("dayofyear")
	NAMED_DATE("dayofmonth")
	NAMED_DATE("dayofweek")
	NAMED_TIME("hour")
	NAMED_TIME("minute")
	NAMED_TIME("second")
};

SPK_FUNCTION_FAMILY(extract, extract_functions)
