/*
 * The values of a call of generate_series, a few at a time: for who makes rows of them without having them all in memory first.
 *
 * Read-only but for struct spk_series itself, which is one thread's.
 */
#ifndef SPK_CORE_EXPR_SERIES_H
#define SPK_CORE_EXPR_SERIES_H

#include "core/expr/expr.h"

struct spk_zone;

struct spk_series {
	struct spk_type type;            /* of a value */
	bool counted;                    /* whole numbers and numerics: it is known how many come */
	int64_t left;                    /* counted: how many */
	union {
		struct { uint64_t at, step; } whole;
		struct { spk_int128 at, step; int scale, shown, later; } number;  /* shown: scale of the next value; later: of those behind it */
		struct { int64_t at, stop; struct spk_interval step; const struct spk_zone *zone; bool zoned, forward, over; } time;
	};
};

/* A call of generate_series, which gives an array where it is evaluated. */
bool spk_is_series(const struct spk_expr *e);
/* The series of row `row` of the call's arguments, none of them NULL. DATA: the step is zero, or the numbers have too many digits. */
spk_status spk_series_begin(struct spk_series *s, const struct spk_expr *e, const struct spk_vector *arg, int row, const char *timezone, spk_error *err);
/* The next values, `n` at the most, to the FLAT out[at ...]; *made is how many there were: fewer than n at the end. */
spk_status spk_series_next(struct spk_series *s, struct spk_vector *out, int at, int n, int *made, spk_error *err);
/* Leaves out the next n values of a counted series. */
void spk_series_skip(struct spk_series *s, int64_t n);

/* What is known of a call over constants: how many values (about, of times), and the least and greatest as statistics order them. */
struct spk_series_facts { double count, low, high; bool counted; };
bool spk_series_known(const struct spk_expr *e, struct spk_series_facts *out);

#endif
