/* What percentiles are, for those who find a group's values otherwise than percentile_cont and percentile_disc do themselves. */
#ifndef SPK_CORE_EXPR_PERCENTILE_H
#define SPK_CORE_EXPR_PERCENTILE_H

#include <math.h>

#include "core/columnar/vector.h"

/* Where among n > 0 values in order, counted from 0, the one at `share` (0 to 1) of them is: the first at or behind it. */
static inline int64_t spk_percentile_place(double share, int64_t n)
{
	const double at = ceil(share * (double)n);

	return at < 1 ? 0 : (int64_t)at - 1;
}

/* The place of percentile_cont: its whole part and the next one are the two values that it lies between. */
static inline double spk_percentile_point(double share, int64_t n) { return share * (double)(n - 1); }

/* What lies at `part` (0 to 1) of the way between values 0 and 1 of `two`, doubles or intervals, into value `at` of `out`, of the same type; which may be `two`. */
spk_status spk_percentile_between(const struct spk_vector *two, double part, struct spk_vector *out, int at, spk_error *err);

#endif
