/*
 * Variance and standard deviation of doubles (other numbers are cast to double, where PostgreSQL keeps integers and numerics
 * exact). Single pass by the method of Youngs and Cramer (1971), as PostgreSQL's float8_accum; merging after Chan et al.
 */
#include "core/expr/aggregate_internal.h"

#include <math.h>

struct moments { double n, sum, squares; };

static void add_value(struct moments *s, double x)
{
	s->n += 1;
	s->sum += x;
	if (s->n > 1) {
		double d = x * s->n - s->sum;

		s->squares += d * d / (s->n * (s->n - 1));
	} else if (isnan(x) || isinf(x)) {
		s->squares = NAN;
	}
}

SPK_AGGREGATE_UPDATE(update)
{
	(void)err;
	SPK_AGGREGATE_LOOP(moments, double, {
		for (int64_t k = 0; k < w; k++)
			add_value(s, *v);
	});
	return SPK_OK;
}

SPK_AGGREGATE_MERGE(merge)
{
	(void)err;
	for (int i = 0; i < n; i++) {
		struct moments *a = SPK_STATE(moments, into, i);
		const struct moments *b = SPK_STATE(moments, from, i);
		double d;

		if (b->n == 0)
			continue;
		if (a->n == 0) {
			*a = *b;
			continue;
		}
		d = a->sum / a->n - b->sum / b->n;
		a->squares += b->squares + a->n * b->n * d * d / (a->n + b->n);
		a->n += b->n;
		a->sum += b->sum;
	}
	return SPK_OK;
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
	  .update = update, .merge = merge, .final = final_ },

static const struct spk_aggregate aggregates[] = {
	AGGREGATE("variance", "Variance of the sample", var_samp)
	AGGREGATE("var_samp", "Variance of the sample", var_samp)
	AGGREGATE("var_pop", "Variance of the population", var_pop)
	AGGREGATE("stddev", "Standard deviation of the sample", stddev_samp)
	AGGREGATE("stddev_samp", "Standard deviation of the sample", stddev_samp)
	AGGREGATE("stddev_pop", "Standard deviation of the population", stddev_pop)
};

SPK_AGGREGATE_FAMILY(statistic, aggregates)
