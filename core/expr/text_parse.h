/* Parsers of one kind of value each, behind spk_text_to_value. The text is trimmed already; messages name the whole text. */
#ifndef SPK_CORE_EXPR_TEXT_PARSE_H
#define SPK_CORE_EXPR_TEXT_PARSE_H

#include "core/expr/text.h"

/* invalid input syntax for type X: "text" (cut when long). */
spk_status spk_text_syntax(const char *type, const char *s, size_t size, spk_error *err);
spk_status spk_text_parse_uuid(const char *s, size_t size, spk_int128 *out, spk_error *err);
spk_status spk_text_parse_date(const char *s, size_t size, int32_t *out, spk_error *err);
spk_status spk_text_parse_time(const char *s, size_t size, int64_t *out, spk_error *err);
/* Seconds east of UTC from +2, -02:30, +1000, +10:00:10; UNSUPPORTED: 16 hours or more, DATA: no such. No message. */
spk_status spk_text_parse_offset(const char *s, size_t size, int32_t *out);
/* with_zone: the result is UTC, local text is taken in `timezone`; else an offset in the text is read and ignored. */
spk_status spk_text_parse_timestamp(const char *s, size_t size, bool with_zone, const char *timezone, int64_t *out, spk_error *err);
spk_status spk_text_parse_interval(const char *s, size_t size, struct spk_interval *out, spk_error *err);

#endif
