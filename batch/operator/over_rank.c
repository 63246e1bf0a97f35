/* row_number, rank, dense_rank, percent_rank, cume_dist, ntile: what needs no values of other rows. */
#include "batch/operator/over.h"

static void put(const struct over *o, int c, int64_t r, int64_t number)
{
	int32_t row;
	struct spk_vector *out = over_result(o, over_at(o, r, &row), c);

	spk_vector_i64(out)[row] = number;
}

static void put_fraction(const struct over *o, int c, int64_t r, double fraction)
{
	int32_t row;
	struct spk_vector *out = over_result(o, over_at(o, r, &row), c);

	spk_vector_f64(out)[row] = fraction;
}

static int64_t peers_end(const struct over *o, int64_t r, int64_t end)
{
	for (r++; r < end && !over_begins(o, r, OVER_PEERS);)
		r++;
	return r;
}

/* One peer group [from, to) of the partition [first, end), the group-th. */
static void rank_peers(const struct over *o, int c, int64_t first, int64_t end, int64_t from, int64_t to, int64_t group)
{
	double rows = (double)(end - first);

	for (int64_t r = from; r < to; r++) {
		switch (o->call[c].call->function) {
		case SPK_WINDOW_FUNCTION_ROW_NUMBER:
			put(o, c, r, r - first + 1);
			break;
		case SPK_WINDOW_FUNCTION_RANK:
			put(o, c, r, from - first + 1);
			break;
		case SPK_WINDOW_FUNCTION_DENSE_RANK:
			put(o, c, r, group);
			break;
		case SPK_WINDOW_FUNCTION_PERCENT_RANK:
			put_fraction(o, c, r, rows > 1 ? (double)(from - first) / (rows - 1) : 0);
			break;
		default:  /* CUME_DIST */
			put_fraction(o, c, r, (double)(to - first) / rows);
		}
	}
}

/* Buckets as equal as can be, the larger ones first. */
static spk_status ntile(struct over *o, int c, int64_t first, int64_t end, spk_error *err)
{
	int32_t row;
	struct spk_reader arg = spk_vector_reader(&over_at(o, first, &row)->value[c].arg[0]);
	uint32_t slot = spk_reader_slot(&arg, row);
	int64_t rows = end - first, buckets, size, larger;

	if (!spk_reader_valid(&arg, slot)) {
		for (int64_t r = first; r < end; r++)
			SPK_TRY(over_set_null(o, c, r, err));
		return SPK_OK;
	}
	buckets = ((const int32_t *)arg.data)[slot];
	if (buckets <= 0)
		return spk_fail(err, SPK_DATA, "argument of ntile must be greater than zero");
	size = rows / buckets;
	larger = rows % buckets;
	for (int64_t r = first; r < end; r++) {
		int64_t at = r - first, in_larger = larger * (size + 1);
		struct spk_vector *out = over_result(o, over_at(o, r, &row), c);

		spk_vector_i32(out)[row] = (int32_t)(at < in_larger ? at / (size + 1) + 1 : larger + (at - in_larger) / size + 1);
	}
	return SPK_OK;
}

spk_status over_rank(struct over *o, int c, int64_t first, int64_t end, spk_error *err)
{
	int64_t group = 0;

	if (o->call[c].call->function == SPK_WINDOW_FUNCTION_NTILE)
		return ntile(o, c, first, end, err);
	for (int64_t from = first, to; from < end; from = to) {
		to = peers_end(o, from, end);
		rank_peers(o, c, first, end, from, to, ++group);
	}
	return SPK_OK;
}
