/* greatest, least, nullif: over any type, by the order of its values. */
#include "core/expr/families.h"
#include "core/expr/internal.h"

static struct spk_reader *readers_of(const struct spk_call *call)
{
	struct spk_reader *r = spk_arena_alloc(call->ev->arena, sizeof(*r) * (size_t)call->args);

	for (int k = 0; r && k < call->args; k++)
		r[k] = spk_vector_reader(&call->arg[k]);
	return r;
}

/* NULLs are passed over; NULL when all are. */
static spk_status extreme(const struct spk_call *call, int sign, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader *r = readers_of(call);
	const struct spk_type type = call->expr->type;
	const spk_value_compare compare = spk_value_comparer(type);
	const size_t width = (size_t)spk_type_width(type);

	SPK_TRY_PTR(r, err);
	SPK_EACH_CALL_ROW(call, row) {
		const char *best = NULL;

		for (int k = 0; k < call->args; k++) {
			uint32_t slot = spk_reader_slot(&r[k], row);
			const char *v = (const char *)r[k].data + width * slot;

			if (spk_reader_valid(&r[k], slot) && (!best || compare(type, v, best) * sign > 0))
				best = v;
		}
		if (best)
			memcpy((char *)out->data + width * (size_t)row, best, width);
		else
			SPK_TRY(spk_call_null(call, out, row, err));
	}
	return SPK_OK;
}

static spk_status greatest(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	return extreme(call, 1, out, err);
}

static spk_status least(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	return extreme(call, -1, out, err);
}

static spk_status nullif(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader a = spk_vector_reader(&call->arg[0]), b = spk_vector_reader(&call->arg[1]);
	const struct spk_type type = call->expr->type;
	const spk_value_compare compare = spk_value_comparer(type);
	const size_t width = (size_t)spk_type_width(type);

	SPK_EACH_CALL_ROW(call, row) {
		uint32_t sa = spk_reader_slot(&a, row), sb = spk_reader_slot(&b, row);
		const char *v = (const char *)a.data + width * sa;

		if (!spk_reader_valid(&a, sa) || (spk_reader_valid(&b, sb) && compare(type, v, (const char *)b.data + width * sb) == 0))
			SPK_TRY(spk_call_null(call, out, row, err));
		else
			memcpy((char *)out->data + width * (size_t)row, v, width);
	}
	return SPK_OK;
}

static const struct spk_function choice_functions[] = {
	{ .name = "greatest", .doc = "Largest argument that is not NULL", .args_min = 1, .args_max = -1, .arg = { SPK_T(UNKNOWN) }, SPK_RESULT(UNKNOWN),
	  .not_strict = true, .common = true, .kernel = greatest },
	{ .name = "least", .doc = "Smallest argument that is not NULL", .args_min = 1, .args_max = -1, .arg = { SPK_T(UNKNOWN) }, SPK_RESULT(UNKNOWN),
	  .not_strict = true, .common = true, .kernel = least },
	{ .name = "nullif", .doc = "NULL when both are equal, else the first", SPK_ARGS2(UNKNOWN, UNKNOWN), SPK_RESULT(UNKNOWN),
	  .not_strict = true, .common = true, .kernel = nullif },
};

SPK_FUNCTION_FAMILY(choice, choice_functions)
