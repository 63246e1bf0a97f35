/* row_number, rank, dense_rank, percent_rank, cume_dist, ntile: what needs no values of other rows. */
#include "batch/operator/over.h"

/* One peer group [from, to) of the partition [first, end), the group-th. */
static spk_status rank_peers(struct over *o, int c, int64_t first, int64_t end, int64_t from, int64_t to, int64_t group, spk_error *err)
{
	double rows = (double)(end - first);

	for (int64_t r = from; r < to; r++) {
		struct over_target t;

		SPK_TRY(over_target(o, c, r, &t, err));
		switch (o->call[c].call->function) {
		case SPK_WINDOW_FUNCTION_ROW_NUMBER:
			spk_vector_i64(t.vector)[t.row] = r - first + 1;
			break;
		case SPK_WINDOW_FUNCTION_RANK:
			spk_vector_i64(t.vector)[t.row] = from - first + 1;
			break;
		case SPK_WINDOW_FUNCTION_DENSE_RANK:
			spk_vector_i64(t.vector)[t.row] = group;
			break;
		case SPK_WINDOW_FUNCTION_PERCENT_RANK:
			spk_vector_f64(t.vector)[t.row] = rows > 1 ? (double)(from - first) / (rows - 1) : 0;
			break;
		default:  /* CUME_DIST */
			spk_vector_f64(t.vector)[t.row] = (double)(to - first) / rows;
		}
	}
	return SPK_OK;
}

/* Buckets as equal as can be, the larger ones first. */
static spk_status fill_buckets(struct over *o, int c, int64_t first, int64_t end, int64_t buckets, spk_error *err)
{
	int64_t rows = end - first, size = rows / buckets, larger = rows % buckets, in_larger = larger * (size + 1);

	for (int64_t r = first; r < end; r++) {
		int64_t at = r - first;
		struct over_target t;

		SPK_TRY(over_target(o, c, r, &t, err));
		spk_vector_i32(t.vector)[t.row] = (int32_t)(at < in_larger ? at / (size + 1) + 1 : larger + (at - in_larger) / size + 1);
	}
	return SPK_OK;
}

static spk_status ntile(struct over *o, int c, int64_t first, int64_t end, spk_error *err)
{
	struct over_page *page;
	struct spk_reader arg;
	int32_t row, buckets;
	uint32_t slot;

	SPK_TRY(over_at(o, first, &page, &row, err));
	arg = spk_vector_reader(&page->value[c].arg[0]);
	slot = spk_reader_slot(&arg, row);
	if (!spk_reader_valid(&arg, slot)) {
		for (int64_t r = first; r < end; r++)
			SPK_TRY(over_set_null(o, c, r, err));
		return SPK_OK;
	}
	buckets = ((const int32_t *)arg.data)[slot];
	return buckets > 0 ? fill_buckets(o, c, first, end, buckets, err) : spk_fail(err, SPK_DATA, "argument of ntile must be greater than zero");
}

spk_status over_rank(struct over *o, int c, int64_t first, int64_t end, spk_error *err)
{
	int64_t group = 0;

	if (o->call[c].call->function == SPK_WINDOW_FUNCTION_NTILE)
		return ntile(o, c, first, end, err);
	for (int64_t from = first, to; from < end; from = to) {
		SPK_TRY(over_peers_end(o, from, end, &to, err));
		SPK_TRY(rank_peers(o, c, first, end, from, to, ++group, err));
	}
	return SPK_OK;
}
