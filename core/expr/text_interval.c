/*
 * Intervals from text: "1 day 02:03:04", "1-2" (years-months), "3 4:05:06", "1.5 hours ago", ISO 8601 "P1DT2H". Fractions of
 * a unit go down to the next smaller ones as in PostgreSQL: of months to days of 30, of days to time.
 */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <strings.h>

#include "core/expr/calendar.h"
#include "core/expr/text_parse.h"

struct span {
	const char *s, *end;
	spk_int128 months, days, micros;
	bool any, overflow;
	unsigned seen;                 /* units that were given: each may be once */
	int fields;                    /* those the type has, SPK_INTERVAL_ALL: any */
};

enum unit { MICROS, MILLIS, SECONDS, MINUTES, HOURS, DAYS, WEEKS, MONTHS, YEARS, DECADES, CENTURIES, MILLENNIA, NO_UNIT };

static const struct { const char *name; enum unit unit; } names[] = {
	{ "us", MICROS }, { "usec", MICROS }, { "usecs", MICROS }, { "microsecond", MICROS }, { "microseconds", MICROS }, { "microsecon", MICROS },
	{ "ms", MILLIS }, { "msec", MILLIS }, { "msecs", MILLIS }, { "millisecond", MILLIS }, { "milliseconds", MILLIS }, { "mseconds", MILLIS },
	{ "s", SECONDS }, { "sec", SECONDS }, { "secs", SECONDS }, { "second", SECONDS }, { "seconds", SECONDS },
	{ "m", MINUTES }, { "min", MINUTES }, { "mins", MINUTES }, { "minute", MINUTES }, { "minutes", MINUTES },
	{ "h", HOURS }, { "hr", HOURS }, { "hrs", HOURS }, { "hour", HOURS }, { "hours", HOURS },
	{ "d", DAYS }, { "day", DAYS }, { "days", DAYS }, { "w", WEEKS }, { "week", WEEKS }, { "weeks", WEEKS },
	{ "mon", MONTHS }, { "mons", MONTHS }, { "month", MONTHS }, { "months", MONTHS },
	{ "y", YEARS }, { "yr", YEARS }, { "yrs", YEARS }, { "year", YEARS }, { "years", YEARS },
	{ "dec", DECADES }, { "decs", DECADES }, { "decade", DECADES }, { "decades", DECADES },
	{ "c", CENTURIES }, { "cent", CENTURIES }, { "century", CENTURIES }, { "centuries", CENTURIES },
	{ "mil", MILLENNIA }, { "mils", MILLENNIA }, { "millennium", MILLENNIA }, { "millennia", MILLENNIA },
};

/* Words count as far as PostgreSQL keeps them. */
static enum unit unit_of(const char *s, size_t size)
{
	const size_t kept = 10;

	size = SPK_MIN(size, kept);
	for (size_t i = 0; i < SPK_COUNT_OF(names); i++)
		if (SPK_MIN(strlen(names[i].name), kept) == size && strncasecmp(names[i].name, s, size) == 0)
			return names[i].unit;
	return NO_UNIT;
}

enum { ALL_SECONDS = 1u << SECONDS | 1u << MILLIS | 1u << MICROS };  /* what a fraction of a second takes up */

static bool first_time(struct span *v, unsigned units)
{
	bool first = !(v->seen & units);

	v->seen |= units;
	return first;
}

static void add_months(struct span *v, int64_t whole, double fraction, int months)
{
	v->months += (spk_int128)whole * months;
	if (months == 1) {
		double days = fraction * 30, all = trunc(days);

		v->days += (spk_int128)all;
		v->micros += (spk_int128)rint((days - all) * (double)SPK_USEC_PER_DAY);
	} else {
		v->months += (spk_int128)rint(fraction * months);
	}
}

static void add_days(struct span *v, int64_t whole, double fraction, int days)
{
	double part = fraction * days, all = trunc(part);

	v->days += (spk_int128)whole * days + (spk_int128)all;
	v->micros += (spk_int128)rint((part - all) * (double)SPK_USEC_PER_DAY);
}

static void add(struct span *v, int64_t whole, double fraction, enum unit unit)
{
	static const int64_t micros[] = { 1, 1000, SPK_USEC_PER_SEC, SPK_USEC_PER_MINUTE, SPK_USEC_PER_HOUR };
	static const int months[] = { [MONTHS] = 1, [YEARS] = 12, [DECADES] = 120, [CENTURIES] = 1200, [MILLENNIA] = 12000 };

	v->any = true;
	if (unit <= HOURS)
		v->micros += (spk_int128)whole * micros[unit] + (spk_int128)rint(fraction * (double)micros[unit]);
	else if (unit == DAYS || unit == WEEKS)
		add_days(v, whole, fraction, unit == DAYS ? 1 : 7);
	else
		add_months(v, whole, fraction, months[unit]);
}

/* An unsigned integer; what does not fit is noted in `overflow`. */
static bool read_whole(struct span *v, int64_t *out)
{
	int digits = 0;

	*out = 0;
	for (; v->s < v->end && isdigit((unsigned char)*v->s); v->s++, digits++)
		if (__builtin_mul_overflow(*out, 10, out) || __builtin_add_overflow(*out, *v->s - '0', out)) {
			v->overflow = true;
			*out = INT64_MAX / 10;
		}
	return digits > 0;
}

static double read_fraction(struct span *v)
{
	double fraction = 0, place = 1;

	if (v->s == v->end || *v->s != '.')
		return 0;
	for (v->s++; v->s < v->end && isdigit((unsigned char)*v->s); v->s++) {
		if (place < 1e17) {
			place *= 10;
			fraction = fraction * 10 + (*v->s - '0');
		}
	}
	return fraction / place;
}

/* What follows a number that began a time: [HH]:MM[:SS[.f]]; MM:SS.f when there is a fraction after the second part. */
static bool read_time(struct span *v, int64_t first, int sign)
{
	int64_t second, third = 0;
	double fraction;
	spk_int128 micros;

	v->s++;
	if (!first_time(v, 1u << HOURS | 1u << MINUTES | ALL_SECONDS) || !read_whole(v, &second) || (second > 59 && !v->overflow))
		return false;
	if (v->s < v->end && *v->s == ':') {
		v->s++;
		if (!read_whole(v, &third) || (third > 60 && !v->overflow))
			return false;
		fraction = read_fraction(v);
		micros = (spk_int128)first * SPK_USEC_PER_HOUR + (spk_int128)second * SPK_USEC_PER_MINUTE + (spk_int128)third * SPK_USEC_PER_SEC;
	} else if ((v->s < v->end && *v->s == '.') || v->fields == (SPK_INTERVAL_MINUTE | SPK_INTERVAL_SECOND)) {
		fraction = read_fraction(v);
		micros = (spk_int128)first * SPK_USEC_PER_MINUTE + (spk_int128)second * SPK_USEC_PER_SEC;
	} else {
		fraction = 0;
		micros = (spk_int128)first * SPK_USEC_PER_HOUR + (spk_int128)second * SPK_USEC_PER_MINUTE;
	}
	v->micros += sign * (micros + (spk_int128)rint(fraction * SPK_USEC_PER_SEC));
	v->any = true;
	return true;
}

static void skip_space(struct span *v)
{
	while (v->s < v->end && isspace((unsigned char)*v->s))
		v->s++;
}

static size_t word_at(const struct span *v)
{
	size_t n = 0;

	while (v->s + n < v->end && isalpha((unsigned char)v->s[n]))
		n++;
	return n;
}

/* The smallest field that the type has. */
static enum unit least_unit(int fields)
{
	static const struct { int field; enum unit unit; } least[] = { { SPK_INTERVAL_SECOND, SECONDS }, { SPK_INTERVAL_MINUTE, MINUTES }, { SPK_INTERVAL_HOUR, HOURS },
		{ SPK_INTERVAL_DAY, DAYS }, { SPK_INTERVAL_MONTH, MONTHS } };

	for (size_t i = 0; i < SPK_COUNT_OF(least); i++)
		if (fields & least[i].field)
			return least[i].unit;
	return YEARS;
}

/* A bare number is of the smallest field at the end, and days before a time, or before hours without a unit. */
static enum unit bare_unit(struct span *v)
{
	const char *p = v->s;

	if (p == v->end)
		return least_unit(v->fields);
	if (p < v->end && (*p == '+' || *p == '-'))
		p++;
	while (p < v->end && isdigit((unsigned char)*p))
		p++;
	if (p > v->s && p < v->end && *p == ':')
		return DAYS;
	return p == v->end && least_unit(v->fields) == HOURS ? DAYS : least_unit(v->fields);
}

static bool read_number(struct span *v)
{
	int sign = 1;
	int64_t whole = 0;
	double fraction;
	enum unit unit;
	size_t n;
	bool digits;

	if (*v->s == '+' || *v->s == '-')
		sign = *v->s++ == '-' ? -1 : 1;
	skip_space(v);
	digits = read_whole(v, &whole);
	if (!digits && (v->s == v->end || *v->s != '.'))
		return false;
	if (v->s < v->end && *v->s == ':')
		return read_time(v, whole, sign);
	if (v->s + 1 < v->end && *v->s == '-' && isdigit((unsigned char)v->s[1])) {
		int64_t months;

		v->s++;
		if (!first_time(v, 1u << YEARS | 1u << MONTHS) || !read_whole(v, &months) || months > 11)
			return false;
		v->months += sign * ((spk_int128)whole * 12 + months);
		v->any = true;
		return v->s == v->end || isspace((unsigned char)*v->s);
	}
	fraction = read_fraction(v);
	skip_space(v);
	n = word_at(v);
	unit = n ? unit_of(v->s, n) : bare_unit(v);
	if (unit == NO_UNIT || !first_time(v, unit == SECONDS && fraction != 0 ? ALL_SECONDS : 1u << unit))
		return false;
	v->s += n;
	add(v, sign * whole, sign * fraction, unit);
	return true;
}

/* --- ISO 8601 --- */

/* [-]12, 1.5, .5, 1e3; *digits: of a plain integer, how many; else 0. */
static bool read_iso_number(struct span *v, int64_t *whole, double *fraction, int *digits)
{
	const char *start = v->s;
	char text[64], *stop;
	size_t n = SPK_MIN((size_t)(v->end - v->s), sizeof text - 1);
	double d, all;

	if (v->s == v->end || !(isdigit((unsigned char)*v->s) || *v->s == '-' || *v->s == '+' || *v->s == '.'))
		return false;
	memcpy(text, v->s, n);
	text[n] = 0;
	d = strtod(text, &stop);
	if (stop == text)
		return false;
	v->s += stop - text;
	*digits = (int)(v->s - start);
	for (const char *p = start; p < v->s; p++)
		*digits = isdigit((unsigned char)*p) ? *digits : 0;
	v->overflow = v->overflow || d > 1e15 || d < -1e15;
	*fraction = v->overflow ? 0 : modf(d, &all);
	*whole = v->overflow ? 0 : (int64_t)all;
	return true;
}

/* 8 digits YYYYMMDD or years[-months[-days]], before T or the end. */
static bool read_iso_date(struct span *v, int64_t whole, double fraction, int digits)
{
	static const enum unit units[] = { YEARS, MONTHS, DAYS };

	if (digits == 8) {
		add(v, whole / 10000, 0, YEARS);
		add(v, whole / 100 % 100, 0, MONTHS);
		add(v, whole % 100, fraction, DAYS);
		return v->s == v->end || *v->s == 'T';
	}
	add(v, whole, fraction, YEARS);
	for (int i = 1; i < 3 && v->s < v->end && *v->s == '-'; i++) {
		v->s++;
		if (!read_iso_number(v, &whole, &fraction, &digits))
			return false;
		add(v, whole, fraction, units[i]);
	}
	return v->s == v->end || *v->s == 'T';
}

/* 6 digits HHMMSS, with a fraction, or hours[:minutes[:seconds]], to the end. */
static bool read_iso_time(struct span *v, int64_t whole, double fraction, int digits)
{
	static const enum unit units[] = { HOURS, MINUTES, SECONDS };

	if (digits == 6 && v->s == v->end) {
		add(v, whole / 10000, 0, HOURS);
		add(v, whole / 100 % 100, 0, MINUTES);
		add(v, whole % 100, fraction, SECONDS);
		return true;
	}
	add(v, whole, fraction, HOURS);
	for (int i = 1; i < 3 && v->s < v->end && *v->s == ':'; i++) {
		v->s++;
		if (!read_iso_number(v, &whole, &fraction, &digits))
			return false;
		add(v, whole, fraction, units[i]);
	}
	return v->s == v->end;
}

static enum unit iso_unit(char c, bool time)
{
	switch (c) {
	case 'Y': return time ? NO_UNIT : YEARS;
	case 'M': return time ? MINUTES : MONTHS;
	case 'W': return time ? NO_UNIT : WEEKS;
	case 'D': return time ? NO_UNIT : DAYS;
	case 'H': return time ? HOURS : NO_UNIT;
	case 'S': return time ? SECONDS : NO_UNIT;
	default: return NO_UNIT;
	}
}

/* P1Y2M3W4DT5H6M7.8S, P0001-02-04T05:06:07, P00010204T050607 */
static bool read_iso(struct span *v)
{
	bool time = false, first = true;

	for (v->s++; v->s < v->end;) {
		int64_t whole;
		double fraction;
		int digits;

		if (*v->s == 'T') {
			if (time)
				return false;
			time = first = true;
			v->s++;
			continue;
		}
		if (!read_iso_number(v, &whole, &fraction, &digits))
			return false;
		if (v->s == v->end || *v->s == (time ? ':' : '-') || (!time && *v->s == 'T')) {
			if (!first || !(time ? read_iso_time(v, whole, fraction, digits) : read_iso_date(v, whole, fraction, digits)))
				return false;
			continue;
		}
		if (iso_unit(*v->s, time) == NO_UNIT)
			return false;
		add(v, whole, fraction, iso_unit(*v->s++, time));
		first = false;
	}
	return v->any;
}

/* --- both --- */

static bool read_words(struct span *v)
{
	while (true) {
		skip_space(v);
		if (v->s == v->end)
			return v->any;
		if (v->s + 3 <= v->end && strncasecmp(v->s, "ago", 3) == 0) {
			v->s += 3;
			skip_space(v);
			v->months = -v->months;
			v->days = -v->days;
			v->micros = -v->micros;
			return v->any && v->s == v->end;
		}
		if (*v->s == '@') {
			v->s++;
			continue;
		}
		if (!read_number(v))
			return false;
	}
}

spk_status spk_text_interval_of(const char *s, size_t size, int fields, struct spk_interval *out, spk_error *err)
{
	struct span v = { .s = s, .end = s + size, .fields = fields };
	bool ok;

	skip_space(&v);
	while (v.end > v.s && isspace((unsigned char)v.end[-1]))
		v.end--;
	ok = v.end - v.s > 1 && *v.s == 'P' ? read_iso(&v) : read_words(&v);
	if (!ok)
		return spk_text_syntax("interval", s, size, err);
	if (v.overflow || v.months != (int32_t)v.months || v.days != (int32_t)v.days || v.micros != (int64_t)v.micros)
		return spk_fail(err, SPK_DATA, "interval field value out of range: \"%.*s\"", (int)SPK_MIN(size, (size_t)200), s);
	*out = (struct spk_interval){ .months = (int32_t)v.months, .days = (int32_t)v.days, .micros = (int64_t)v.micros };
	spk_interval_cut(out, fields);
	return SPK_OK;
}

spk_status spk_text_parse_interval(const char *s, size_t size, struct spk_interval *out, spk_error *err)
{
	return spk_text_interval_of(s, size, SPK_INTERVAL_ALL, out, err);
}

void spk_interval_cut(struct spk_interval *v, int fields)
{
	if (fields & SPK_INTERVAL_SECOND)
		return;
	if (fields & SPK_INTERVAL_MINUTE)
		v->micros -= v->micros % SPK_USEC_PER_MINUTE;
	else if (fields & SPK_INTERVAL_HOUR)
		v->micros -= v->micros % SPK_USEC_PER_HOUR;
	else
		v->micros = 0;
	if (fields & (SPK_INTERVAL_MINUTE | SPK_INTERVAL_HOUR | SPK_INTERVAL_DAY))
		return;
	v->days = 0;
	if (!(fields & SPK_INTERVAL_MONTH))
		v->months -= v->months % 12;
}
