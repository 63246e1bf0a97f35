/*
 * What pairs of doubles have to do with each other: covariance, correlation, the regression line. One state for all of them, kept as in
 * aggregate_moments.c (Youngs and Cramer, merged after Chan et al.), step by step as PostgreSQL does it. The first argument is Y, the second
 * X; rows where either is NULL do not count.
 */
#include "core/expr/aggregate_internal.h"

#include <math.h>

struct pairs { double n, sx, sxx, sy, syy, sxy; };

static bool overflows(const struct pairs *was, const struct pairs *now, double x, double y)
{
	const bool x_finite = isfinite(was->sx) && isfinite(x), y_finite = isfinite(was->sy) && isfinite(y);

	return ((isinf(now->sx) || isinf(now->sxx)) && x_finite) || ((isinf(now->sy) || isinf(now->syy)) && y_finite) || (isinf(now->sxy) && x_finite && y_finite);
}

/* False when finite values overflow. */
static bool add_pair(struct pairs *s, double x, double y)
{
	struct pairs now = { s->n + 1, s->sx + x, s->sxx, s->sy + y, s->syy, s->sxy };
	bool fits;

	if (s->n > 0) {
		const double dx = x * now.n - now.sx, dy = y * now.n - now.sy, scale = 1.0 / (now.n * s->n);

		now.sxx += dx * dx * scale;
		now.syy += dy * dy * scale;
		now.sxy += dx * dy * scale;
	} else {
		if (!isfinite(x))
			now.sxx = now.sxy = NAN;
		if (!isfinite(y))
			now.syy = now.sxy = NAN;
	}
	fits = !overflows(s, &now, x, y);
	now.sxx = isinf(now.sxx) ? NAN : now.sxx;
	now.syy = isinf(now.syy) ? NAN : now.syy;
	now.sxy = isinf(now.sxy) ? NAN : now.sxy;
	*s = now;
	return fits;
}

static spk_status overflow(spk_error *err)
{
	return spk_fail(err, SPK_DATA, "value out of range: overflow");
}

SPK_AGGREGATE_UPDATE(update)
{
	const struct spk_reader ry = spk_vector_reader(&input[0]), rx = spk_vector_reader(&input[1]);
	bool fits = true;

	for (int i = 0; i < n; i++) {
		const int row = sel ? sel[i] : i;
		const uint32_t y = spk_reader_slot(&ry, row), x = spk_reader_slot(&rx, row);

		if (!spk_reader_valid(&ry, y) || !spk_reader_valid(&rx, x))
			continue;
		for (int32_t w = weight ? weight[row] : 1; w > 0; w--)
			fits &= add_pair(SPK_STATE(pairs, state, i), ((const double *)rx.data)[x], ((const double *)ry.data)[y]);
	}
	return fits ? SPK_OK : overflow(err);
}

static bool add_part(struct pairs *a, const struct pairs *b)
{
	const double n = a->n + b->n, dx = a->sx / a->n - b->sx / b->n, dy = a->sy / a->n - b->sy / b->n;
	const struct pairs sum = { n, a->sx + b->sx, a->sxx + b->sxx + a->n * b->n * dx * dx / n, a->sy + b->sy,
		a->syy + b->syy + a->n * b->n * dy * dy / n, a->sxy + b->sxy + a->n * b->n * dx * dy / n };
	const bool fits = !(isinf(sum.sx) && isfinite(a->sx) && isfinite(b->sx)) && !(isinf(sum.sy) && isfinite(a->sy) && isfinite(b->sy)) &&
		!(isinf(sum.sxx) && isfinite(a->sxx) && isfinite(b->sxx)) && !(isinf(sum.syy) && isfinite(a->syy) && isfinite(b->syy)) &&
		!(isinf(sum.sxy) && isfinite(a->sxy) && isfinite(b->sxy));

	*a = sum;
	return fits;
}

SPK_AGGREGATE_MERGE(merge)
{
	bool fits = true;

	for (int i = 0; i < n; i++) {
		struct pairs *a = SPK_STATE(pairs, into, i);
		const struct pairs *b = SPK_STATE(pairs, from, i);

		if (b->n == 1)
			fits &= add_pair(a, b->sx, b->sy);
		else if (a->n == 0)
			*a = *b;
		else if (b->n > 0)
			fits &= add_part(a, b);
	}
	return fits ? SPK_OK : overflow(err);
}

/* X(name, needs, value, "doc"): NULL unless `needs`, over s. */
#define RESULTS(X) \
	X(covar_pop, s->n > 0, s->sxy / s->n, "Covariance of the population") \
	X(covar_samp, s->n > 1, s->sxy / (s->n - 1), "Covariance of the sample") \
	X(corr, s->n > 0 && s->sxx != 0 && s->syy != 0, s->sxy / sqrt(s->sxx * s->syy), "Correlation coefficient") \
	X(regr_sxx, s->n > 0, s->sxx, "Sum of squares of the second argument: sum(X^2) - sum(X)^2 / N") \
	X(regr_syy, s->n > 0, s->syy, "Sum of squares of the first argument: sum(Y^2) - sum(Y)^2 / N") \
	X(regr_sxy, s->n > 0, s->sxy, "Sum of products of both arguments: sum(X * Y) - sum(X) * sum(Y) / N") \
	X(regr_avgx, s->n > 0, s->sx / s->n, "Mean of the second argument") \
	X(regr_avgy, s->n > 0, s->sy / s->n, "Mean of the first argument") \
	X(regr_r2, s->n > 0 && s->sxx != 0, s->syy == 0 ? 1.0 : s->sxy * s->sxy / (s->sxx * s->syy), "Square of the correlation coefficient") \
	X(regr_slope, s->n > 0 && s->sxx != 0, s->sxy / s->sxx, "Slope of the line that fits the (X, Y) pairs best") \
	X(regr_intercept, s->n > 0 && s->sxx != 0, (s->sy - s->sx * s->sxy / s->sxx) / s->n, "Where the line that fits the (X, Y) pairs best meets the Y axis")

#define FINAL(name, needs, value, doc_) \
	SPK_AGGREGATE_FINAL(final_##name) \
	{ \
		for (int i = 0; i < n; i++) { \
			const struct pairs *s = SPK_STATE(pairs, state, i); \
			\
			if (!(needs)) \
				SPK_TRY(spk_aggregate_null(out, at + i, rows, arena, err)); \
			else \
				spk_vector_f64(out)[at + i] = value; \
		} \
		return SPK_OK; \
	}
RESULTS(FINAL)

SPK_AGGREGATE_FINAL(final_count)
{
	(void)rows;
	(void)arena;
	(void)err;
	for (int i = 0; i < n; i++)
		spk_vector_i64(out)[at + i] = (int64_t)SPK_STATE(pairs, state, i)->n;
	return SPK_OK;
}

#define STATE .args = 2, .arg = { SPK_T(DOUBLE), SPK_T(DOUBLE) }, .state_size = (int)sizeof(struct pairs), .folds = true, .update = update, .merge = merge
#define ROW(name_, needs, value, doc_) { .name = #name_, .doc = doc_ " (Y, X)", STATE, .result_of = spk_type_double, .final = final_##name_ },

static const struct spk_aggregate aggregates[] = {
	RESULTS(ROW)
	{ .name = "regr_count", .doc = "Number of rows where neither argument is NULL", STATE, .result_of = spk_type_bigint, .never_null = true, .final = final_count },
};

SPK_AGGREGATE_FAMILY(regression, aggregates)
