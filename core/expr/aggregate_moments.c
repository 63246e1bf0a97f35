/*
 * Variance and standard deviation of doubles. Single pass by the method of Youngs and Cramer (1971), step by step as PostgreSQL does it, so
 * that the digits are its; partial states are merged after Chan et al. A state of one row is merged as that row.
 */
#include "core/expr/aggregate_internal.h"

#include <math.h>

struct moments { double n, sum, squares; };

static bool finite_both(double a, double b) { return isfinite(a) && isfinite(b); }

/* False when finite values overflow. */
static bool add_value(struct moments *s, double x)
{
	const double sum = s->sum + x, n = s->n + 1;
	double squares = s->squares;
	bool fits = true;

	if (s->n > 0) {
		const double d = x * n - sum;

		squares += d * d / (n * s->n);
		if (isinf(sum) || isinf(squares)) {
			fits = !finite_both(s->sum, x);
			squares = NAN;
		}
	} else if (!isfinite(x)) {
		squares = NAN;
	}
	*s = (struct moments){ n, sum, squares };
	return fits;
}

static spk_status overflow(spk_error *err)
{
	return spk_fail(err, SPK_DATA, "value out of range: overflow");
}

SPK_AGGREGATE_UPDATE(update)
{
	bool fits = true;

	SPK_AGGREGATE_LOOP(moments, double, {
		for (int64_t k = 0; k < w; k++)
			fits &= add_value(s, *v);
	});
	return fits ? SPK_OK : overflow(err);
}

static bool add_part(struct moments *a, const struct moments *b)
{
	const double n = a->n + b->n, d = a->sum / a->n - b->sum / b->n, sum = a->sum + b->sum;
	const double squares = a->squares + b->squares + a->n * b->n * d * d / n;
	const bool fits = !(isinf(sum) && finite_both(a->sum, b->sum)) && !(isinf(squares) && finite_both(a->squares, b->squares));

	*a = (struct moments){ n, sum, squares };
	return fits;
}

SPK_AGGREGATE_MERGE(merge)
{
	bool fits = true;

	for (int i = 0; i < n; i++) {
		struct moments *a = SPK_STATE(moments, into, i);
		const struct moments *b = SPK_STATE(moments, from, i);

		if (b->n == 1)
			fits &= add_value(a, b->sum);
		else if (a->n == 0)
			*a = *b;
		else if (b->n > 0)
			fits &= add_part(a, b);
	}
	return fits ? SPK_OK : overflow(err);
}

static spk_status result(const struct spk_aggregate_call *call, char *const *state, int n, bool sample, bool root, struct spk_vector *out, int at, int rows, struct spk_arena *arena, spk_error *err)
{
	for (int i = 0; i < n; i++) {
		const struct moments *s = SPK_STATE(moments, state, i);
		double divisor = sample ? s->n - 1 : s->n;

		if (divisor <= 0) {
			SPK_TRY(spk_aggregate_null(out, at + i, rows, arena, err));
			continue;
		}
		spk_vector_f64(out)[at + i] = root ? sqrt(s->squares / divisor) : s->squares / divisor;
	}
	return SPK_OK;
}

#define FINAL(name, sample, root) \
	SPK_AGGREGATE_FINAL(name) { return result(call, state, n, sample, root, out, at, rows, arena, err); }
FINAL(var_samp, true, false)
FINAL(var_pop, false, false)
FINAL(stddev_samp, true, true)
FINAL(stddev_pop, false, true)

#define AGGREGATE(name_, doc_, final_) \
	{ .name = name_, .doc = doc_, .args = 1, .arg = { SPK_T(DOUBLE) }, .result_of = spk_type_double, .state_size = (int)sizeof(struct moments), \
	  .folds = true, .update = update, .merge = merge, .final = final_ },

static const struct spk_aggregate aggregates[] = {
	AGGREGATE("variance", "Variance of the sample", var_samp)
	AGGREGATE("var_samp", "Variance of the sample", var_samp)
	AGGREGATE("var_pop", "Variance of the population", var_pop)
	AGGREGATE("stddev", "Standard deviation of the sample", stddev_samp)
	AGGREGATE("stddev_samp", "Standard deviation of the sample", stddev_samp)
	AGGREGATE("stddev_pop", "Standard deviation of the population", stddev_pop)
};

SPK_AGGREGATE_FAMILY(moments, aggregates)
