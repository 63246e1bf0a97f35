/*
 * approx_percentile: a merging t-digest (Dunning and Ertl 2019, "Computing extremely accurate quantiles using t-digests") with the scale
 * function k1 and a compression of 200. Clusters are small at both ends, so that extreme fractions are exact to a few rows; in the middle a
 * rank is off by about 0.2 % of the rows. Up to BUFFER rows the answer is that of percentile_cont.
 *
 * The digest depends on which rows were merged as digests of their own (`folds`); a digest of one row is merged as that row.
 */
#include <math.h>
#include <stdlib.h>

#include "core/base/memory.h"
#include "core/expr/aggregate_internal.h"

enum { COMPRESSION = 200, BUFFER = 1024 };

struct cluster { double mean, weight; };

/* The first `settled` clusters are ascending and as few as the compression allows; what came since lies behind them. */
struct digest { struct cluster *cluster; int32_t count, settled, capacity; bool has_fraction, null_fraction; double fraction, least, most; };

static int by_mean(const void *a, const void *b)
{
	const double x = ((const struct cluster *)a)->mean, y = ((const struct cluster *)b)->mean;

	return (x > y) - (x < y);
}

/* k1: how many clusters there may be below fraction q. */
static double scale(double q) { return COMPRESSION / (2 * M_PI) * asin(2 * SPK_MIN(SPK_MAX(q, 0.0), 1.0) - 1); }

static void settle(struct digest *d)
{
	double total = 0, before = 0;
	int32_t last = 0;

	if (d->count == d->settled)
		return;
	qsort(d->cluster, (size_t)d->count, sizeof *d->cluster, by_mean);
	for (int32_t i = 0; i < d->count; i++)
		total += d->cluster[i].weight;
	for (int32_t i = 1; i < d->count; i++) {
		struct cluster *to = &d->cluster[last];
		const struct cluster *c = &d->cluster[i];
		const double weight = to->weight + c->weight;

		if (scale((before + weight) / total) - scale(before / total) <= 1) {
			to->mean += (c->mean - to->mean) * c->weight / weight;
			to->weight = weight;
			continue;
		}
		before += to->weight;
		d->cluster[++last] = *c;
	}
	d->count = d->settled = last + 1;
}

static spk_status add(const struct spk_aggregate_call *call, struct digest *d, struct cluster c, spk_error *err)
{
	if (d->count == BUFFER)
		settle(d);
	if (d->count == d->capacity) {
		const int32_t capacity = SPK_MIN(d->capacity ? d->capacity * 2 : 8, (int)BUFFER);
		struct cluster *grown = spk_realloc(call->account, d->cluster, (size_t)d->capacity * sizeof *grown, (size_t)capacity * sizeof *grown);

		SPK_TRY_PTR(grown, err);
		d->cluster = grown;
		d->capacity = capacity;
	}
	if (!d->count || c.mean < d->least)
		d->least = c.mean;
	if (!d->count || c.mean > d->most)
		d->most = c.mean;
	d->cluster[d->count++] = c;
	return SPK_OK;
}

SPK_AGGREGATE_UPDATE(update)
{
	const struct spk_reader r = spk_vector_reader(&input[0]);

	for (int i = 0; i < n; i++) {
		const int row = sel ? sel[i] : i;
		const uint32_t slot = spk_reader_slot(&r, row);
		struct digest *d = SPK_STATE(digest, state, i);

		if (!d->has_fraction) {
			const struct spk_value p = spk_vector_value(&input[1], row);

			d->has_fraction = true;
			d->null_fraction = p.null;
			d->fraction = p.null ? 0 : p.f64;
		}
		if (!spk_reader_valid(&r, slot) || isnan(((const double *)r.data)[slot]))
			continue;
		for (int32_t w = weight ? weight[row] : 1; w > 0; w--)
			SPK_TRY(add(call, d, (struct cluster){ ((const double *)r.data)[slot], 1 }, err));
	}
	return SPK_OK;
}

SPK_AGGREGATE_MERGE(merge)
{
	for (int i = 0; i < n; i++) {
		struct digest *a = SPK_STATE(digest, into, i);
		const struct digest *b = SPK_STATE(digest, from, i);

		if (!a->has_fraction) {
			a->has_fraction = b->has_fraction;
			a->null_fraction = b->null_fraction;
			a->fraction = b->fraction;
		}
		for (int32_t k = 0; k < b->count; k++)
			SPK_TRY(add(call, a, b->cluster[k], err));
		if (b->count) {
			a->least = SPK_MIN(a->least, b->least);
			a->most = SPK_MAX(a->most, b->most);
		}
	}
	return SPK_OK;
}

/* --- the estimate --- */

static double total_weight(const struct digest *d)
{
	double total = 0;

	for (int32_t i = 0; i < d->count; i++)
		total += d->cluster[i].weight;
	return total;
}

/*
 * Rows 0 .. total - 1; a cluster's mean stands at the middle of its rows, the least and the largest value at the ends; between two of
 * these places the value goes in a straight line.
 */
static double value_at(const struct digest *d, double place, double total)
{
	double left = 0, left_value = d->least, first = 0;

	for (int32_t i = 0; i <= d->count; i++) {
		const bool end = i == d->count;
		const double right = end ? total - 1 : first + (d->cluster[i].weight - 1) / 2, right_value = end ? d->most : d->cluster[i].mean;

		if (place <= right)
			return right > left ? left_value + (right_value - left_value) * ((place - left) / (right - left)) : right_value;
		first += end ? 0 : d->cluster[i].weight;
		left = right;
		left_value = right_value;
	}
	return d->most;
}

SPK_AGGREGATE_FINAL(final)
{
	for (int i = 0; i < n; i++) {
		struct digest *d = SPK_STATE(digest, state, i);
		double total;

		if (d->has_fraction && !d->null_fraction && !(d->fraction >= 0 && d->fraction <= 1))
			return spk_fail(err, SPK_DATA, "percentile value %g is not between 0 and 1", d->fraction);
		if (!d->count || d->null_fraction) {
			SPK_TRY(spk_aggregate_null(out, at + i, rows, arena, err));
			continue;
		}
		/* Sorting them is enough while every cluster is a row. */
		total = total_weight(d);
		if (total <= BUFFER)
			qsort(d->cluster, (size_t)d->count, sizeof *d->cluster, by_mean);
		else
			settle(d);
		spk_vector_f64(out)[at + i] = value_at(d, d->fraction * (total - 1), total);
	}
	return SPK_OK;
}

/* --- as bytes --- */

struct stored { int32_t count, settled; uint8_t has_fraction, null_fraction, unused[6]; double fraction, least, most; };

SPK_AGGREGATE_WRITE(write)
{
	const struct digest *d = (const struct digest *)(const void *)state;
	const struct stored head = { d->count, d->settled, d->has_fraction, d->null_fraction, { 0 }, d->fraction, d->least, d->most };

	(void)call;
	SPK_TRY(spk_buffer_append(out, &head, sizeof head, err));
	return spk_buffer_append(out, d->cluster, (size_t)d->count * sizeof *d->cluster, err);
}

static void release(const struct spk_aggregate_call *call, char *state)
{
	struct digest *d = (struct digest *)(void *)state;

	spk_free(call->account, d->cluster, (size_t)d->capacity * sizeof *d->cluster);
	*d = (struct digest){ .count = 0 };
}

SPK_AGGREGATE_READ(read)
{
	struct digest *d = (struct digest *)(void *)state;
	struct stored head;
	size_t size;

	if (end - *from < (ptrdiff_t)sizeof head)
		return spk_aggregate_cut_off(call, err);
	memcpy(&head, *from, sizeof head);
	*from += sizeof head;
	if (head.count < 0 || head.count > BUFFER || head.settled < 0 || head.settled > head.count)
		return spk_fail(err, SPK_CORRUPT, "the aggregate state of %s is damaged", call->aggregate->name);
	size = (size_t)head.count * sizeof *d->cluster;
	if ((size_t)(end - *from) < size)
		return spk_aggregate_cut_off(call, err);
	release(call, state);
	*d = (struct digest){ NULL, head.count, head.settled, head.count, head.has_fraction, head.null_fraction, head.fraction, head.least, head.most };
	d->cluster = size ? spk_malloc(call->account, size) : NULL;
	if (size && !d->cluster) {
		*d = (struct digest){ .count = 0 };
		return spk_fail_memory(err);
	}
	if (size)
		memcpy(d->cluster, *from, size);
	*from += size;
	return SPK_OK;
}

#define DIGEST(name_) \
	{ .name = name_, .doc = "Value at that fraction (second argument, 0 to 1) of the sorted values, interpolated; exact up to 1,024 rows, beyond by a t-digest", \
	  .args = 2, .arg = { SPK_T(DOUBLE), SPK_T(DOUBLE) }, .result_of = spk_type_double, .state_size = (int)sizeof(struct digest), .folds = true, \
	  .update = update, .merge = merge, .final = final, .write = write, .read = read, .release = release }

static const struct spk_aggregate aggregates[] = {
	DIGEST("approx_percentile"),
	DIGEST("approx_quantile"),
};

SPK_AGGREGATE_FAMILY(digest, aggregates)
