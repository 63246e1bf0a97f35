/* The cast kernels, by files. Private to core/expr. */
#ifndef SPK_CORE_EXPR_CAST_H
#define SPK_CORE_EXPR_CAST_H

#include "core/expr/internal.h"

#define SPK_CAST_KERNEL_LIST(X) \
	/* cast_number.c */ \
	X(i16_i32) X(i16_i64) X(i16_f32) X(i16_f64) X(i16_decimal) \
	X(i32_i16) X(i32_i64) X(i32_f32) X(i32_f64) X(i32_decimal) X(i32_bool) X(bool_i32) \
	X(i64_i16) X(i64_i32) X(i64_f32) X(i64_f64) X(i64_decimal) \
	X(f32_i16) X(f32_i32) X(f32_i64) X(f32_f64) X(f32_decimal) \
	X(f64_i16) X(f64_i32) X(f64_i64) X(f64_f32) X(f64_decimal) \
	X(decimal_i16) X(decimal_i32) X(decimal_i64) X(decimal_f32) X(decimal_f64) X(decimal_decimal) \
	/* cast_text.c */ \
	X(to_text) X(from_text) X(text_text) X(bytea_text) X(text_bytea) \
	/* cast_jsonb.c */ \
	X(text_jsonb) X(text_json) X(jsonb_text) X(jsonb_bool) X(jsonb_number) \
	/* cast_nested.c */ \
	X(nested_text) X(text_nested) X(array_array) X(row_row) \
	/* cast_time.c */ \
	X(date_timestamp) X(date_timestamptz) X(time_interval) X(timestamp_date) X(timestamp_time) X(timestamp_timestamptz) \
	X(timestamptz_date) X(timestamptz_time) X(timestamptz_timestamp) X(interval_time)

#define SPK_CAST_DECLARE(name) spk_status spk_cast_##name(const struct spk_call *call, struct spk_vector *out, spk_error *err);
SPK_CAST_KERNEL_LIST(SPK_CAST_DECLARE)
#undef SPK_CAST_DECLARE

/* varchar(n): an explicit cast cuts *size, an assignment fails (false) unless only spaces are lost. */
bool spk_cast_fit_length(const struct spk_expr *e, const char *s, size_t *size);

#endif
