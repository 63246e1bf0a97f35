/*
 * What kernels are written with: loops over the rows of a call, readers of its arguments, tables of functions. Private to
 * core/expr.
 *
 * A kernel has a fast loop for the layouts that matter (FLAT with FLAT or CONSTANT, all rows) and one for everything else.
 * Both come from the templates here, so a new type or operator is one line in its family.
 */
#ifndef SPK_CORE_EXPR_KERNEL_H
#define SPK_CORE_EXPR_KERNEL_H

#include <string.h>

#include "core/base/check.h"
#include "core/columnar/decimal.h"
#include "core/columnar/list.h"
#include "core/expr/function.h"
#include "core/expr/text.h"

/* --- types and table entries --- */

#define SPK_T(id_) { SPK_TYPE_##id_, 0, SPK_TYPE_##id_ == SPK_TYPE_DECIMAL ? SPK_SCALE_VARIES : 0, NULL }
/* An array of a scalar type; SPK_T(ARRAY) is one of anything (function.h). */
#define SPK_TA(id_) { SPK_TYPE_ARRAY, 0, 0, &spk_element_schema[SPK_TYPE_##id_] }
#define SPK_ARGS0 .args_min = 0, .args_max = 0
#define SPK_ARGS1(a) .args_min = 1, .args_max = 1, .arg = { SPK_T(a) }
#define SPK_ARGS2(a, b) .args_min = 2, .args_max = 2, .arg = { SPK_T(a), SPK_T(b) }
#define SPK_ARGS3(a, b, c) .args_min = 3, .args_max = 3, .arg = { SPK_T(a), SPK_T(b), SPK_T(c) }
#define SPK_ARGS4(a, b, c, d) .args_min = 4, .args_max = 4, .arg = { SPK_T(a), SPK_T(b), SPK_T(c), SPK_T(d) }
#define SPK_RESULT(r) .result = SPK_T(r)

/* --- rows and arguments --- */

static inline int spk_call_row(const struct spk_call *call, int i) { return call->sel ? call->sel[i] : i; }

/* for (each row of the call) */
#define SPK_EACH_CALL_ROW(call, row) \
	for (int each_ = 0, row; each_ < (call)->n && ((row = spk_call_row(call, each_)), true); each_++)

/* The k-th argument's value at `row`, by its reader. */
#define SPK_ARG(ctype, reader, row) (((const ctype *)(reader).data)[spk_reader_slot(&(reader), (row))])

static inline bool spk_arg_is_null(const struct spk_reader *r, int row)
{
	return !spk_reader_valid(r, spk_reader_slot(r, row));
}

/* Marks a row of the result NULL. */
static inline spk_status spk_call_null(const struct spk_call *call, struct spk_vector *out, int row, spk_error *err)
{
	if (!out->valid)
		SPK_TRY(spk_vector_need_valid(out, call->rows, call->ev->arena, err));
	spk_bit_clear(out->valid, row);
	return SPK_OK;
}

/* Text of the result at `row`: a fresh copy of the bytes in the evaluation's arena (short ones inline). */
spk_status spk_call_text(const struct spk_call *call, struct spk_vector *out, int row, const char *data, size_t size, spk_error *err);

/* The constant argument k, when it is one and not NULL; else NULL. For prepare functions. */
static inline const struct spk_value *spk_constant_arg(const struct spk_expr *e, int k)
{
	return k < e->args && e->arg[k]->kind == SPK_EXPR_CONSTANT && !e->arg[k]->value.null ? &e->arg[k]->value : NULL;
}

/* --- templates ---
 *
 * EXPR and STEP are macros or inline functions of (a, b). EXPR gives the value; STEP(a, b, &v) sets v and says whether the
 * row fails, without trapping on any input: one pass without branches computes all rows and notes only that some failed,
 * a second pass names them through FAIL(call, out, row, a, b, err).
 */
#define SPK_PUT_(EXPR, r, ...) (*(r) = EXPR(__VA_ARGS__))
#define SPK_PUT_CHECKED_(STEP, r, ...) (bad_ |= STEP(__VA_ARGS__, r))

#define SPK_BINARY_LOOPS_(TA, TB, PUT, F) \
	const struct spk_vector *va_ = &call->arg[0], *vb_ = &call->arg[1]; \
	const struct spk_reader ra_ = spk_vector_reader(va_), rb_ = spk_vector_reader(vb_); \
	if (!call->sel && va_->layout == SPK_FLAT && vb_->layout == SPK_FLAT) { \
		const TA *pa_ = va_->data; \
		const TB *pb_ = vb_->data; \
		for (int i = 0; i < call->n; i++) \
			PUT(F, &r_[i], pa_[i], pb_[i]); \
	} else if (!call->sel && va_->layout == SPK_FLAT && vb_->layout == SPK_CONSTANT) { \
		const TA *pa_ = va_->data; \
		const TB cb_ = *(const TB *)vb_->data; \
		for (int i = 0; i < call->n; i++) \
			PUT(F, &r_[i], pa_[i], cb_); \
	} else if (!call->sel && va_->layout == SPK_CONSTANT && vb_->layout == SPK_FLAT) { \
		const TA ca_ = *(const TA *)va_->data; \
		const TB *pb_ = vb_->data; \
		for (int i = 0; i < call->n; i++) \
			PUT(F, &r_[i], ca_, pb_[i]); \
	} else { \
		SPK_EACH_CALL_ROW(call, row) \
			PUT(F, &r_[row], SPK_ARG(TA, ra_, row), SPK_ARG(TB, rb_, row)); \
	}

#define SPK_UNARY_LOOPS_(TA, PUT, F) \
	const struct spk_reader ra_ = spk_vector_reader(&call->arg[0]); \
	if (!call->sel && call->arg[0].layout == SPK_FLAT) { \
		const TA *pa_ = call->arg[0].data; \
		for (int i = 0; i < call->n; i++) \
			PUT(F, &r_[i], pa_[i]); \
	} else { \
		SPK_EACH_CALL_ROW(call, row) \
			PUT(F, &r_[row], SPK_ARG(TA, ra_, row)); \
	}

#define SPK_BINARY_KERNEL(name, TA, TB, TR, EXPR) \
	static spk_status name(const struct spk_call *call, struct spk_vector *out, spk_error *err) \
	{ \
		TR *restrict r_ = out->data; \
		(void)err; \
		SPK_BINARY_LOOPS_(TA, TB, SPK_PUT_, EXPR) \
		return SPK_OK; \
	}

#define SPK_UNARY_KERNEL(name, TA, TR, EXPR) \
	static spk_status name(const struct spk_call *call, struct spk_vector *out, spk_error *err) \
	{ \
		TR *restrict r_ = out->data; \
		(void)err; \
		SPK_UNARY_LOOPS_(TA, SPK_PUT_, EXPR) \
		return SPK_OK; \
	}

#define SPK_CHECKED_BINARY_KERNEL(name, TA, TB, TR, STEP, FAIL) \
	static spk_status name(const struct spk_call *call, struct spk_vector *out, spk_error *err) \
	{ \
		TR *restrict r_ = out->data; \
		bool bad_ = false; \
		SPK_BINARY_LOOPS_(TA, TB, SPK_PUT_CHECKED_, STEP) \
		if (SPK_LIKELY(!bad_)) \
			return SPK_OK; \
		SPK_EACH_CALL_ROW(call, row) { \
			TA a_ = SPK_ARG(TA, ra_, row); \
			TB b_ = SPK_ARG(TB, rb_, row); \
			TR v_; \
			if (STEP(a_, b_, &v_)) \
				SPK_TRY(FAIL(call, out, row, a_, b_, err)); \
		} \
		return SPK_OK; \
	}

#define SPK_CHECKED_UNARY_KERNEL(name, TA, TR, STEP, FAIL) \
	static spk_status name(const struct spk_call *call, struct spk_vector *out, spk_error *err) \
	{ \
		TR *restrict r_ = out->data; \
		bool bad_ = false; \
		SPK_UNARY_LOOPS_(TA, SPK_PUT_CHECKED_, STEP) \
		if (SPK_LIKELY(!bad_)) \
			return SPK_OK; \
		SPK_EACH_CALL_ROW(call, row) { \
			TA a_ = SPK_ARG(TA, ra_, row); \
			TR v_; \
			if (STEP(a_, &v_)) \
				SPK_TRY(FAIL(call, out, row, a_, err)); \
		} \
		return SPK_OK; \
	}

#endif
