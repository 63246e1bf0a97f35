/*
 * The proleptic Gregorian calendar on day numbers since 1970-01-01, and the limits of the date types. Private to core/expr.
 * Year 0 is 1 BC. Day arithmetic after Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
 */
#ifndef SPK_CORE_EXPR_CALENDAR_H
#define SPK_CORE_EXPR_CALENDAR_H

#include <stdbool.h>
#include <stdint.h>

#define SPK_USEC_PER_SEC 1000000ll
#define SPK_USEC_PER_MINUTE 60000000ll
#define SPK_USEC_PER_HOUR 3600000000ll
#define SPK_USEC_PER_DAY 86400000000ll

/* PostgreSQL's ranges; the last timestamp is a little earlier here, because our epoch is 30 years older than its. */
#define SPK_DATE_MIN (-2440588)                    /* 4714-11-24 BC */
#define SPK_DATE_MAX 2145042905                    /* 5874897-12-31 */
#define SPK_TIMESTAMP_MIN (SPK_DATE_MIN * SPK_USEC_PER_DAY)
#define SPK_TIMESTAMP_MAX (INT64_MAX - 1)          /* 294247-01-10 04:00:54.775806 */
#define SPK_DATE_INFINITY INT32_MAX
#define SPK_DATE_MINUS_INFINITY INT32_MIN
#define SPK_TIMESTAMP_INFINITY INT64_MAX
#define SPK_TIMESTAMP_MINUS_INFINITY INT64_MIN

struct spk_date_parts { int year, month, day; };   /* year 0 is 1 BC */
struct spk_time_parts { int hour, minute, second, micros; };

static inline int64_t spk_days_from_date(int64_t year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year, era = (y >= 0 ? y : y - 399) / 400;
	int64_t of_era = y - era * 400, of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static inline struct spk_date_parts spk_date_from_days(int64_t days)
{
	int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097, doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365, doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;
	int month = (int)(mp < 10 ? mp + 3 : mp - 9);

	return (struct spk_date_parts){ (int)(yoe + era * 400 + (month <= 2)), month, (int)(doy - (153 * mp + 2) / 5 + 1) };
}

static inline bool spk_is_leap(int64_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

static inline int spk_days_in_month(int64_t year, int month)
{
	static const int8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return month == 2 && spk_is_leap(year) ? 29 : days[month - 1];
}

/* Day number and microseconds of the day. */
static inline void spk_split_timestamp(int64_t us, int64_t *days, int64_t *of_day)
{
	int64_t d = us / SPK_USEC_PER_DAY, t = us % SPK_USEC_PER_DAY;

	*days = t < 0 ? d - 1 : d;
	*of_day = t < 0 ? t + SPK_USEC_PER_DAY : t;
}

static inline struct spk_time_parts spk_time_from_micros(int64_t of_day)
{
	int64_t seconds = of_day / SPK_USEC_PER_SEC;

	return (struct spk_time_parts){ (int)(seconds / 3600), (int)(seconds / 60 % 60), (int)(seconds % 60), (int)(of_day % SPK_USEC_PER_SEC) };
}

/* 0 Sunday .. 6 Saturday. */
static inline int spk_weekday(int64_t days)
{
	int64_t w = (days + 4) % 7;

	return (int)(w < 0 ? w + 7 : w);
}

static inline bool spk_timestamp_finite(int64_t us) { return us != SPK_TIMESTAMP_INFINITY && us != SPK_TIMESTAMP_MINUS_INFINITY; }
static inline bool spk_date_finite(int32_t d) { return d != SPK_DATE_INFINITY && d != SPK_DATE_MINUS_INFINITY; }
static inline bool spk_timestamp_valid(int64_t us) { return us >= SPK_TIMESTAMP_MIN && us <= SPK_TIMESTAMP_MAX; }
static inline bool spk_date_valid(int64_t d) { return d >= SPK_DATE_MIN && d <= SPK_DATE_MAX; }

/* Days and microseconds as a timestamp; false when it is out of range. */
static inline bool spk_make_timestamp(int64_t days, int64_t of_day, int64_t *us)
{
	int64_t r;

	if (__builtin_mul_overflow(days, SPK_USEC_PER_DAY, &r) || __builtin_add_overflow(r, of_day, &r) || !spk_timestamp_valid(r))
		return false;
	*us = r;
	return true;
}

/* English names, from 1 (January) and 0 (Sunday); full, and cut to three letters the abbreviations. */
extern const char *const spk_month_names[13];
extern const char *const spk_day_names[7];

#endif
