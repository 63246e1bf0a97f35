/* How the files of aggregates are written: loops over (state, value, weight), tables. Private to core/expr. */
#ifndef SPK_CORE_EXPR_AGGREGATE_INTERNAL_H
#define SPK_CORE_EXPR_AGGREGATE_INTERNAL_H

#include "core/expr/aggregate.h"
#include "core/expr/internal.h"

struct spk_aggregate_family { const struct spk_aggregate *aggregate; int count; };

/* X(id): struct spk_aggregate_family spk_<id>_aggregates(void) gives the table of a family. */
#define SPK_AGGREGATE_FAMILY_LIST(X) \
	X(number) \
	X(order) \
	X(pick) \
	X(bits) \
	X(text) \
	X(array) \
	X(json) \
	X(exact_moments) \
	X(moments) \
	X(regression) \
	X(ordered_set) \
	X(hypothetical) \
	X(approximate) \
	X(digest)

#define SPK_AGGREGATE_FAMILY_DECLARE(id) struct spk_aggregate_family spk_##id##_aggregates(void);
SPK_AGGREGATE_FAMILY_LIST(SPK_AGGREGATE_FAMILY_DECLARE)
#undef SPK_AGGREGATE_FAMILY_DECLARE

/* Defines the accessor of a family over its table. */
#define SPK_AGGREGATE_FAMILY(id, table) \
	struct spk_aggregate_family spk_##id##_aggregates(void) \
	{ \
		return (struct spk_aggregate_family){ table, (int)SPK_COUNT_OF(table) }; \
	}

/* The i-th of all aggregates, NULL past the end. */
const struct spk_aggregate *spk_aggregate_each(int i);
/* The step of calls with DISTINCT or ORDER BY (aggregate_gather.c). */
const struct spk_aggregate *spk_aggregate_gatherer(void);
/* CORRUPT: bytes of a state end too early. */
spk_status spk_aggregate_cut_off(const struct spk_aggregate_call *call, spk_error *err);

/* --- writing aggregates --- */

/* BODY sees `s` (struct S *), `v` (const T *) and `w` (int64_t) for every row whose argument is not NULL. */
#define SPK_AGGREGATE_LOOP(S, T, BODY) \
	do { \
		const struct spk_reader reader_ = spk_vector_reader(input); \
		if (!sel && !weight && !reader_.valid && input->layout == SPK_FLAT) { \
			const T *values_ = input->data; \
			for (int i = 0; i < n; i++) { \
				struct S *s = (struct S *)(void *)(state[i] + call->offset); \
				const T *v = &values_[i]; \
				const int64_t w = 1; \
				BODY \
			} \
			break; \
		} \
		for (int i = 0; i < n; i++) { \
			const int row_ = sel ? sel[i] : i; \
			const uint32_t slot_ = spk_reader_slot(&reader_, row_); \
			struct S *s = (struct S *)(void *)(state[i] + call->offset); \
			const T *v = &((const T *)reader_.data)[slot_]; \
			const int64_t w = weight ? weight[row_] : 1; \
			if (!spk_reader_valid(&reader_, slot_)) \
				continue; \
			BODY \
		} \
	} while (0)

#define SPK_AGGREGATE_UPDATE(name) \
	static spk_status name(const struct spk_aggregate_call *call, char *const *state, const struct spk_vector *input, const int32_t *sel, int n, const int32_t *weight, spk_error *err)
#define SPK_AGGREGATE_MERGE(name) \
	static spk_status name(const struct spk_aggregate_call *call, char *const *into, char *const *from, int n, spk_error *err)
#define SPK_AGGREGATE_FINAL(name) \
	static spk_status name(const struct spk_aggregate_call *call, char *const *state, int n, struct spk_vector *out, int at, int rows, struct spk_arena *arena, spk_error *err)
#define SPK_AGGREGATE_WRITE(name) \
	static spk_status name(const struct spk_aggregate_call *call, const char *state, struct spk_buffer *out, spk_error *err)
#define SPK_AGGREGATE_READ(name) \
	static spk_status name(const struct spk_aggregate_call *call, char *state, const char **from, const char *end, spk_error *err)

#define SPK_STATE(S, rows_, i) ((struct S *)(void *)((rows_)[i] + call->offset))

static inline spk_status spk_aggregate_null(struct spk_vector *out, int row, int rows, struct spk_arena *arena, spk_error *err)
{
	SPK_TRY(spk_vector_need_valid(out, rows, arena, err));
	spk_bit_clear(out->valid, row);
	return SPK_OK;
}

#define SPK_RESULT_OF(name) static inline struct spk_type name(const struct spk_type *arg, struct spk_arena *arena)

/* The first argument's, but a varchar(n) is any text. */
SPK_RESULT_OF(spk_type_of_arg)
{
	struct spk_type type = arg[0];

	(void)arena;
	if (type.id == SPK_TYPE_TEXT && !type.scale)
		type = spk_type(SPK_TYPE_TEXT);
	return type;
}
/* An array of the first argument's. */
SPK_RESULT_OF(spk_type_array_of_arg)
{
	struct spk_type type;

	return spk_type_array_of(arena, spk_type_of_arg(arg, arena), &type, NULL) == SPK_OK ? type : spk_type(SPK_TYPE_UNKNOWN);
}
SPK_RESULT_OF(spk_type_bigint) { (void)arg; (void)arena; return spk_type(SPK_TYPE_BIGINT); }
SPK_RESULT_OF(spk_type_double) { (void)arg; (void)arena; return spk_type(SPK_TYPE_DOUBLE); }
SPK_RESULT_OF(spk_type_boolean) { (void)arg; (void)arena; return spk_type(SPK_TYPE_BOOLEAN); }
SPK_RESULT_OF(spk_type_numeric) { (void)arg; (void)arena; return spk_type(SPK_TYPE_DECIMAL); }

#endif
