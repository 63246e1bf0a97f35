/* Functions whose result is a new text: each row's is put together in a buffer that a call reuses for all its rows. Private to core/expr. */
#ifndef SPK_CORE_EXPR_APPENDER_H
#define SPK_CORE_EXPR_APPENDER_H

#include "core/expr/internal.h"

/* What functions make at most, where a small argument could ask for any length. */
enum { SPK_TEXT_LENGTH_MAX = 1 << 30 };

/* Appends the result of one row, or says that it is NULL; what fails with DATA fails the row. */
typedef spk_status (*spk_appender)(const struct spk_call *call, const struct spk_reader *r, int row, struct spk_buffer *to, bool *null, spk_error *err);
spk_status spk_append_rows(const struct spk_call *call, spk_appender append, struct spk_vector *out, spk_error *err);

/* A kernel `name` and the head of its appender. */
#define SPK_APPENDER(name) \
	static spk_status name##_row(const struct spk_call *call, const struct spk_reader *r, int row, struct spk_buffer *to, bool *null, spk_error *err); \
	static spk_status name(const struct spk_call *call, struct spk_vector *out, spk_error *err) { return spk_append_rows(call, name##_row, out, err); } \
	static spk_status name##_row(SPK_UNUSED const struct spk_call *call, SPK_UNUSED const struct spk_reader *r, SPK_UNUSED int row, struct spk_buffer *to, SPK_UNUSED bool *null, spk_error *err)

#define SPK_ROW_VIEW(k) (&SPK_ARG(struct spk_view, r[k], row))
#define SPK_ROW_INT(k) SPK_ARG(int32_t, r[k], row)

/* A text as an SQL string, and as a name: in quotes unless it can do without. */
spk_status spk_append_literal(struct spk_buffer *to, const char *s, size_t size, spk_error *err);
spk_status spk_append_identifier(struct spk_buffer *to, const char *s, size_t size, spk_error *err);

#endif
