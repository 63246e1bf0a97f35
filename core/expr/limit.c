/* What LIMIT and OFFSET check when their numbers are known only as the query runs; which rows TABLESAMPLE takes. */
#include "core/expr/families.h"
#include "core/expr/internal.h"

#define ROW_COUNT(name, clause) \
	static spk_status name(const struct spk_call *call, struct spk_vector *out, spk_error *err) \
	{ \
		const struct spk_reader r = spk_vector_reader(&call->arg[0]); \
		SPK_EACH_CALL_ROW(call, row) { \
			int64_t n = SPK_ARG(int64_t, r, row); \
			if (n < 0) \
				SPK_TRY(spk_call_fail(call, out, row, SPK_DATA, err, clause " must not be negative")); \
			spk_vector_i64(out)[row] = n; \
		} \
		return SPK_OK; \
	}
ROW_COUNT(limit_rows, "LIMIT")
ROW_COUNT(offset_rows, "OFFSET")

/* A number's own lot under a seed, spread evenly over 64 bits. */
static uint64_t lot(uint64_t number, uint64_t seed)
{
	uint64_t z = number + seed * 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return (z ^ z >> 31) * 0x9e3779b97f4a7c15ull;
}

static spk_status in_sample(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader number = spk_vector_reader(&call->arg[0]), seed = spk_vector_reader(&call->arg[1]), share = spk_vector_reader(&call->arg[2]);

	(void)err;
	SPK_EACH_CALL_ROW(call, row) {
		double s = SPK_ARG(double, seed, row);
		uint64_t bits;

		memcpy(&bits, &s, sizeof bits);
		spk_vector_bool(out)[row] = (double)(lot((uint64_t)SPK_ARG(int64_t, number, row), bits) >> 11) * 0x1p-53 < SPK_ARG(double, share, row);
	}
	return SPK_OK;
}

static const struct spk_function table[] = {
	{ .name = "in_sample", .doc = "Whether the row of that number is in a sample: number, seed, share of all rows", SPK_ARGS3(BIGINT, DOUBLE, DOUBLE), SPK_RESULT(BOOLEAN), .kernel = in_sample },
	{ .name = "limit_rows", .doc = "Its argument, which must not be negative: a LIMIT", SPK_ARGS1(BIGINT), SPK_RESULT(BIGINT), .can_fail = true, .kernel = limit_rows },
	{ .name = "offset_rows", .doc = "Its argument, which must not be negative: an OFFSET", SPK_ARGS1(BIGINT), SPK_RESULT(BIGINT), .can_fail = true, .kernel = offset_rows },
};

SPK_FUNCTION_FAMILY(limit, table)
