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

/* Arrays and records do not fit in a slot: the rows of each argument are one piece of the result. */
static spk_status put_nested(const struct spk_call *call, const int32_t *chosen, struct spk_vector *out, spk_error *err)
{
	struct spk_vector_piece *piece = SPK_NEW_ARRAY(call->ev->arena, struct spk_vector_piece, call->args);
	int32_t *rows = spk_arena_alloc(call->ev->arena, sizeof(*rows) * (size_t)call->n);

	SPK_TRY_PTR(piece, err);
	SPK_TRY_PTR(rows, err);
	for (int k = 0; k < call->args; k++) {
		piece[k] = (struct spk_vector_piece){ call->arg[k], rows, 0 };
		SPK_EACH_CALL_ROW(call, row)
			if (chosen[row] == k)
				rows[piece[k].n++] = row;
		rows += piece[k].n;
	}
	return spk_vector_join(out, out->type, piece, call->args, call->rows, call->ev->arena, err);
}

/* Each row gets the value of the argument chosen for it, NULL when that is -1. */
static spk_status put_chosen(const struct spk_call *call, const int32_t *chosen, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader *r = readers_of(call);
	const size_t width = (size_t)spk_type_width(out->type);

	SPK_TRY_PTR(r, err);
	if (spk_type_is_nested(out->type))
		return put_nested(call, chosen, out, err);
	SPK_EACH_CALL_ROW(call, row) {
		int k = chosen[row];

		if (k >= 0)
			memcpy((char *)out->data + width * (size_t)row, (const char *)r[k].data + width * spk_reader_slot(&r[k], row), width);
		else
			SPK_TRY(spk_call_null(call, out, row, err));
	}
	return SPK_OK;
}

/* NULLs are passed over; NULL when all are. */
static spk_status extreme(const struct spk_call *call, int sign, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader *r = readers_of(call);
	const struct spk_type type = call->expr->type;
	const spk_value_compare compare = spk_value_comparer(type);
	int32_t *chosen = spk_arena_alloc(call->ev->arena, sizeof(*chosen) * (size_t)SPK_MAX(call->rows, 1));

	SPK_TRY_PTR(r, err);
	SPK_TRY_PTR(chosen, err);
	SPK_EACH_CALL_ROW(call, row) {
		struct spk_nested nested[2];
		const void *best = NULL;

		chosen[row] = -1;
		for (int k = 0; k < call->args; k++) {
			uint32_t slot = spk_reader_slot(&r[k], row);
			const void *v = spk_slot_bytes(&call->arg[k], &r[k], slot, &nested[best == &nested[0]]);

			if (!spk_reader_valid(&r[k], slot) || (best && compare(type, v, best) * sign <= 0))
				continue;
			best = v;
			chosen[row] = k;
		}
	}
	return put_chosen(call, chosen, out, err);
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
	int32_t *chosen = spk_arena_alloc(call->ev->arena, sizeof(*chosen) * (size_t)SPK_MAX(call->rows, 1));
	struct spk_nested na, nb;

	SPK_TRY_PTR(chosen, err);
	SPK_EACH_CALL_ROW(call, row) {
		uint32_t sa = spk_reader_slot(&a, row), sb = spk_reader_slot(&b, row);
		const void *v = spk_slot_bytes(&call->arg[0], &a, sa, &na);
		bool same = !spk_reader_valid(&a, sa) || (spk_reader_valid(&b, sb) && compare(type, v, spk_slot_bytes(&call->arg[1], &b, sb, &nb)) == 0);

		chosen[row] = same ? -1 : 0;
	}
	return put_chosen(call, chosen, out, err);
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
