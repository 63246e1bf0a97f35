/* bit_and, bit_or, bit_xor of integers; NULL when no value is there. */
#include "core/expr/aggregate_internal.h"

struct bits { int64_t value, count; };

/* op(a, b, weight of b) and its neutral element, which takes part when the first value comes: an empty state is zeroed. */
#define AND(a, b, w) ((a) & (b))
#define OR(a, b, w) ((a) | (b))
#define XOR(a, b, w) ((a) ^ ((w) & 1 ? (b) : 0))
#define AND_NEUTRAL (-1)
#define OR_NEUTRAL 0
#define XOR_NEUTRAL 0

#define UPDATE(op, T, suffix) \
	SPK_AGGREGATE_UPDATE(update_##op##suffix) \
	{ \
		(void)err; \
		SPK_AGGREGATE_LOOP(bits, T, { \
			s->value = op((s->count ? s->value : op##_NEUTRAL), (int64_t)*v, w); \
			s->count += w; \
		}); \
		return SPK_OK; \
	}
#define FUNCTIONS(op) \
	UPDATE(op, int16_t, 16) \
	UPDATE(op, int32_t, 32) \
	UPDATE(op, int64_t, 64) \
	SPK_AGGREGATE_MERGE(merge_##op) \
	{ \
		(void)err; \
		for (int i = 0; i < n; i++) { \
			struct bits *a = SPK_STATE(bits, into, i); \
			const struct bits *b = SPK_STATE(bits, from, i); \
			\
			if (b->count) \
				a->value = op((a->count ? a->value : op##_NEUTRAL), b->value, 1); \
			a->count += b->count; \
		} \
		return SPK_OK; \
	}
FUNCTIONS(AND)
FUNCTIONS(OR)
FUNCTIONS(XOR)

SPK_AGGREGATE_FINAL(final)
{
	for (int i = 0; i < n; i++) {
		const struct bits *s = SPK_STATE(bits, state, i);

		if (s->count == 0)
			SPK_TRY(spk_aggregate_null(out, at + i, rows, arena, err));
		else if (out->type.id == SPK_TYPE_SMALLINT)
			spk_vector_i16(out)[at + i] = (int16_t)s->value;
		else if (out->type.id == SPK_TYPE_INTEGER)
			spk_vector_i32(out)[at + i] = (int32_t)s->value;
		else
			spk_vector_i64(out)[at + i] = s->value;
	}
	return SPK_OK;
}

#define ONE(name_, doc_, T, op, suffix, same) \
	{ .name = name_, .doc = doc_, .args = 1, .arg = { SPK_T(T) }, .result_of = spk_type_of_arg, .state_size = (int)sizeof(struct bits), \
	  .unordered = true, .idempotent = same, .update = update_##op##suffix, .merge = merge_##op, .final = final },
#define ALL(name_, doc_, op, same) \
	ONE(name_, doc_, SMALLINT, op, 16, same) \
	ONE(name_, doc_, INTEGER, op, 32, same) \
	ONE(name_, doc_, BIGINT, op, 64, same)

static const struct spk_aggregate aggregates[] = {
	ALL("bit_and", "Bits that are set in every value", AND, true)
	ALL("bit_or", "Bits that are set in some value", OR, true)
	ALL("bit_xor", "Bits that are set in an odd number of values", XOR, false)
};

SPK_AGGREGATE_FAMILY(bits, aggregates)
