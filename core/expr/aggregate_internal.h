/* How the files of aggregates are written: loops over (state, value, weight), tables. Private to core/expr. */
#ifndef SPK_CORE_EXPR_AGGREGATE_INTERNAL_H
#define SPK_CORE_EXPR_AGGREGATE_INTERNAL_H

#include "core/expr/aggregate.h"
#include "core/expr/internal.h"

struct spk_aggregate_family { const struct spk_aggregate *aggregate; int count; };
struct spk_aggregate_family spk_number_aggregates(void);
struct spk_aggregate_family spk_order_aggregates(void);
struct spk_aggregate_family spk_statistic_aggregates(void);

/* BODY sees `s` (struct S *), `v` (const T *) and `w` (int64_t) for every row whose argument is not NULL. */
#define SPK_AGGREGATE_LOOP(S, T, BODY) \
	do { \
		const struct spk_reader reader_ = spk_vector_reader(arg); \
		if (!sel && !weight && !reader_.valid && arg->layout == SPK_FLAT) { \
			const T *values_ = arg->data; \
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
	static spk_status name(const struct spk_aggregate_call *call, char *const *state, const struct spk_vector *arg, const int32_t *sel, int n, const int32_t *weight, spk_error *err)
#define SPK_AGGREGATE_MERGE(name) \
	static spk_status name(const struct spk_aggregate_call *call, char *const *into, char *const *from, int n, spk_error *err)
#define SPK_AGGREGATE_FINAL(name) \
	static spk_status name(const struct spk_aggregate_call *call, char *const *state, int n, struct spk_vector *out, int at, int rows, struct spk_arena *arena, spk_error *err)

#define SPK_STATE(S, rows_, i) ((struct S *)(void *)((rows_)[i] + call->offset))

static inline spk_status spk_aggregate_null(struct spk_vector *out, int row, int rows, struct spk_arena *arena, spk_error *err)
{
	SPK_TRY(spk_vector_need_valid(out, rows, arena, err));
	spk_bit_clear(out->valid, row);
	return SPK_OK;
}

static inline struct spk_type spk_type_of_arg(struct spk_type arg) { return arg; }
static inline struct spk_type spk_type_bigint(struct spk_type arg) { (void)arg; return spk_type(SPK_TYPE_BIGINT); }
static inline struct spk_type spk_type_double(struct spk_type arg) { (void)arg; return spk_type(SPK_TYPE_DOUBLE); }
static inline struct spk_type spk_type_boolean(struct spk_type arg) { (void)arg; return spk_type(SPK_TYPE_BOOLEAN); }
static inline struct spk_type spk_type_numeric(struct spk_type arg) { (void)arg; return spk_type(SPK_TYPE_DECIMAL); }

#endif
