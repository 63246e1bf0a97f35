#include "core/expr/interval.h"

#include <math.h>

#include "core/expr/zone.h"

/* Rounds away the error of a double beyond the microsecond, as PostgreSQL's TSROUND. */
static double to_micro(double seconds)
{
	return rint(seconds * 1000000.0) / 1000000.0;
}

/* The quotient or product of one field. */
static double scaled(double field, double factor, double divisor)
{
	return divisor != 0 ? field / divisor : field * factor;
}

static bool fits_int(double v)
{
	return !isnan(v) && v <= INT32_MAX && v >= INT32_MIN;
}

bool spk_interval_scale(struct spk_interval v, double factor, double divisor, struct spk_interval *out)
{
	double months = scaled(v.months, factor, divisor), days = scaled(v.days, factor, divisor), month_days, seconds, micros;
	struct spk_interval r = { 0 };

	if (!fits_int(months) || !fits_int(days))
		return false;
	r.months = (int32_t)months;
	r.days = (int32_t)days;
	/* What is left of the months, in days of 30, and what is left of these and of the days, in seconds. */
	month_days = (scaled(v.months, factor, divisor) - r.months) * 30;
	month_days = to_micro(month_days);
	seconds = (scaled(v.days, factor, divisor) - r.days + month_days - (int)month_days) * 86400;
	seconds = to_micro(seconds);
	if (fabs(seconds) >= 86400) {
		if (__builtin_add_overflow(r.days, (int)(seconds / 86400), &r.days))
			return false;
		seconds -= (int)(seconds / 86400) * 86400;
	}
	if (__builtin_add_overflow(r.days, (int32_t)month_days, &r.days))
		return false;
	micros = rint(scaled((double)v.micros, factor, divisor) + seconds * 1000000);
	if (isnan(micros) || !(micros >= -0x1p63 && micros < 0x1p63))
		return false;
	r.micros = (int64_t)micros;
	*out = r;
	return true;
}

bool spk_interval_add(struct spk_interval a, struct spk_interval b, struct spk_interval *out)
{
	struct spk_interval r;

	if (__builtin_add_overflow(a.months, b.months, &r.months) || __builtin_add_overflow(a.days, b.days, &r.days) || __builtin_add_overflow(a.micros, b.micros, &r.micros))
		return false;
	*out = r;
	return true;
}

bool spk_interval_negate(struct spk_interval a, struct spk_interval *out)
{
	return !(a.months == INT32_MIN || a.days == INT32_MIN || a.micros == INT64_MIN) &&
	       (*out = (struct spk_interval){ -a.months, -a.days, -a.micros }, true);
}

static bool add_months(int64_t us, int32_t months, int64_t *out)
{
	int64_t days, of_day, month;
	struct spk_date_parts d;

	spk_split_timestamp(us, &days, &of_day);
	d = spk_date_from_days(days);
	month = (int64_t)d.month - 1 + months;
	d.year += (int)(month / 12);
	month %= 12;
	if (month < 0) {
		month += 12;
		d.year--;
	}
	d.month = (int)month + 1;
	d.day = SPK_MIN(d.day, spk_days_in_month(d.year, d.month));
	return spk_make_timestamp(spk_days_from_date(d.year, d.month, d.day), of_day, out);
}

static bool add_days(int64_t us, int32_t add, int64_t *out)
{
	int64_t days, of_day;

	spk_split_timestamp(us, &days, &of_day);
	return spk_make_timestamp(days + add, of_day, out);
}

bool spk_timestamptz_add(int64_t us, struct spk_interval v, const struct spk_zone *zone, int64_t *out)
{
	if (!spk_timestamp_finite(us)) {
		*out = us;
		return true;
	}
	if (v.months || v.days) {
		int64_t local = zone ? us + spk_zone_offset_at(zone, us) * SPK_USEC_PER_SEC : us;

		if (v.months && !add_months(local, v.months, &local))
			return false;
		if (v.days && !add_days(local, v.days, &local))
			return false;
		us = zone ? spk_zone_to_utc(zone, local) : local;
	}
	return !__builtin_add_overflow(us, v.micros, out) && spk_timestamp_valid(*out);
}

bool spk_timestamp_add(int64_t us, struct spk_interval v, int64_t *out)
{
	return spk_timestamptz_add(us, v, NULL, out);
}
