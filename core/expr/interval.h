/* Arithmetic of intervals and of timestamps with them, as PostgreSQL does it. False: out of range. */
#ifndef SPK_CORE_EXPR_INTERVAL_H
#define SPK_CORE_EXPR_INTERVAL_H

#include "core/columnar/vector.h"
#include "core/expr/calendar.h"

struct spk_zone;

/* Microseconds of an interval without months, whose days have 24 hours. */
static inline bool spk_interval_micros(struct spk_interval v, int64_t *us)
{
	int64_t days;

	return !__builtin_mul_overflow((int64_t)v.days, INT64_C(86400) * 1000000, &days) && !__builtin_add_overflow(days, v.micros, us);
}

/* v * factor; when `divisor` is not 0, v / divisor instead. Fractions of months go to days, those of days to time. */
bool spk_interval_scale(struct spk_interval v, double factor, double divisor, struct spk_interval *out);
bool spk_interval_add(struct spk_interval a, struct spk_interval b, struct spk_interval *out);
bool spk_interval_negate(struct spk_interval a, struct spk_interval *out);
/* Timestamp plus interval: months first (the day is cut to the month's length), then days, then time. */
bool spk_timestamp_add(int64_t us, struct spk_interval v, int64_t *out);
/* The same on local days of a zone (NULL: UTC). */
bool spk_timestamptz_add(int64_t us, struct spk_interval v, const struct spk_zone *zone, int64_t *out);

#endif
