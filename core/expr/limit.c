/* What LIMIT and OFFSET check when their numbers are known only as the query runs. */
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

static const struct spk_function table[] = {
	{ .name = "limit_rows", .doc = "Its argument, which must not be negative: a LIMIT", SPK_ARGS1(BIGINT), SPK_RESULT(BIGINT), .can_fail = true, .kernel = limit_rows },
	{ .name = "offset_rows", .doc = "Its argument, which must not be negative: an OFFSET", SPK_ARGS1(BIGINT), SPK_RESULT(BIGINT), .can_fail = true, .kernel = offset_rows },
};

SPK_FUNCTION_FAMILY(limit, table)
