/* SQL values in C: single ones, and columns of them. */
#ifndef SPARKLET_VALUE_H
#define SPARKLET_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct spk_text { const char *data; size_t size; };   /* UTF-8, not terminated */
struct spk_decimal { __int128 value; int scale; };    /* value / 10^scale; scale 0 to 38; of what is not finite: 2^127 - 1 NaN, +-(2^127 - 2) infinities */

/*
 * A value of a known SQL type: boolean in `boolean`; smallint, integer, bigint, date (days since 1970-01-01), time (microseconds of the day) and
 * timestamps (microseconds since 1970-01-01 00:00) in `integer`; real and double precision in `real`; text, bytea and jsonb in `text`; numeric in
 * `decimal`.
 */
struct spk_sql_value {
	bool null;
	union {
		bool boolean;
		int64_t integer;
		double real;
		struct spk_text text;
		struct spk_decimal decimal;
	};
};

/* Values of one SQL type, in the member that struct spk_sql_value would have them in. */
struct spk_sql_column {
	const bool *null;              /* by row; NULL: no value is NULL. What stands in place of a NULL is not specified */
	union {
		const bool *boolean;
		const int64_t *integer;
		const double *real;
		const struct spk_text *text;
		const struct spk_decimal *decimal;
	};
};

#endif
