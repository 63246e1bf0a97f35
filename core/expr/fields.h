/* The fields of dates, times and intervals by name: what extract and date_trunc speak about. Private to core/expr. */
#ifndef SPK_CORE_EXPR_FIELDS_H
#define SPK_CORE_EXPR_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(ID, names separated by blanks; the first is the one that messages show) */
#define SPK_TIME_FIELD_LIST(X) \
	X(MICROSECONDS, "microseconds microsecond us usec usecs usecond useconds") \
	X(MILLISECONDS, "milliseconds millisecond ms msec msecs msecond mseconds") \
	X(SECOND, "second seconds s sec secs") \
	X(MINUTE, "minute minutes m min mins") \
	X(HOUR, "hour hours h hr hrs") \
	X(DAY, "day days d") \
	X(WEEK, "week weeks w") \
	X(MONTH, "month months mon mons") \
	X(QUARTER, "quarter qtr") \
	X(YEAR, "year years y yr yrs") \
	X(DECADE, "decade decades dec decs") \
	X(CENTURY, "century centuries c cent") \
	X(MILLENNIUM, "millennium millennia mil mils") \
	X(EPOCH, "epoch") \
	X(DOW, "dow") \
	X(ISODOW, "isodow") \
	X(DOY, "doy") \
	X(ISOYEAR, "isoyear") \
	X(JULIAN, "julian j jd") \
	X(TIMEZONE, "timezone") \
	X(TIMEZONE_HOUR, "timezone_hour timezone_h") \
	X(TIMEZONE_MINUTE, "timezone_minute timezone_m")

enum spk_time_field {
#define SPK_TIME_FIELD_ENUM(id, names) SPK_FIELD_##id,
	SPK_TIME_FIELD_LIST(SPK_TIME_FIELD_ENUM)
#undef SPK_TIME_FIELD_ENUM
	SPK_FIELD_NONE
};

/* Without regard to case; SPK_FIELD_NONE when there is none of that name. */
enum spk_time_field spk_time_field(const char *name, size_t size);

/* The name as messages show it: in lower case, cut to `size`. */
const char *spk_time_field_shown(const char *name, size_t length, char *out, size_t size);

/* Week of the ISO year and that year, of a day number. */
int spk_iso_week(int64_t days, int64_t *iso_year);
/* First day of that ISO year (a Monday). */
int64_t spk_iso_year_start(int64_t iso_year);

#endif
