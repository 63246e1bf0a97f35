/*
 * What formats share: values from text, failing rows, columns of a batch being filled, base64.
 */
#ifndef SPK_CONNECTORS_FORMAT_FIELD_H
#define SPK_CONNECTORS_FORMAT_FIELD_H

#include "core/base/conf.h"
#include "core/columnar/batch.h"
#include "core/expr/expr.h"
#include "connectors/format/format.h"

/* How text is read, for a whole table. */
struct spk_field_rules {
	const char *timezone;        /* NULL: UTC */
	int64_t timestamp_unit_us;   /* of timestamps that are bare numbers; 0: they are not taken */
};

/* Rules from the session's configuration (may be NULL: defaults), without a timestamp unit. */
struct spk_field_rules spk_field_rules(const struct spk_conf *conf);

/*
 * Text into a value of any type that is not a view, as PostgreSQL's input functions read it, but quickly for what is common. Differs from
 * them in one thing: an offset or Z in the text of a `timestamp` counts (it becomes UTC) instead of being ignored.
 * DATA with PostgreSQL's message when it does not fit.
 */
spk_status spk_field_parse(struct spk_type type, const char *s, size_t size, const struct spk_field_rules *rules, void *out, spk_error *err);
/* The day that the last timestamp of a column had: the next mostly has the same. Zeroed at first. */
struct spk_day { uint64_t text; uint16_t rest; int64_t us; };
/*
 * 'YYYY-MM-DD HH:MM:SS[.f]' with up to 6 digits of fraction, also with a T, without a zone; false: anything else. 16 bytes behind the text
 * are readable.
 */
bool spk_field_timestamp(const char *s, size_t size, struct spk_day *day, int64_t *out);
/* [-]digits, whole, in range; false: anything else. */
bool spk_field_integer(const char *s, size_t size, int64_t *out);
/* [-]digits[.digits] of at most 18 digits; false: anything else. */
bool spk_field_decimal(const char *s, size_t size, int64_t *mantissa, int *scale);
/* An integer into a smallint, integer or bigint; false: out of range. */
bool spk_field_store_integer(struct spk_type type, int64_t v, void *out);
/* Whether text fits varchar(n); blanks beyond n are cut off (*size), as PostgreSQL does. */
bool spk_field_fit_varchar(struct spk_type type, const char *s, uint32_t *size);

/* bytea's text forms: \x and hexadecimal digits, else text with \\ and \ooo. `out` has room for `size` bytes. */
bool spk_field_bytea(const char *s, size_t size, char *out, size_t *length);

/* By the length of an inline view: which of its 12 bytes count. */
extern const uint64_t spk_view_masks[SPK_VIEW_INLINE + 1];       /* of the last 8 */
extern const uint32_t spk_view_prefix_masks[SPK_VIEW_INLINE + 1]; /* of the first 4 */

/* A view of bytes behind which at least 16 more may be read. Without a branch: lengths around 12 come in any order. */
static inline struct spk_view spk_view_padded(const char *p, uint32_t n)
{
	struct spk_view v = { .length = n };
	uint32_t inlined = n < SPK_VIEW_INLINE ? n : SPK_VIEW_INLINE, prefix;
	uint64_t rest, far = (uint64_t)(uintptr_t)p;

	memcpy(&prefix, p, 4);
	memcpy(&rest, p + 4, 8);
	prefix &= spk_view_prefix_masks[inlined];
	rest &= spk_view_masks[inlined];
	rest = n > SPK_VIEW_INLINE ? far : rest;
	memcpy(v.inlined, &prefix, 4);
	memcpy(v.inlined + 4, &rest, 8);
	return v;
}
_Static_assert(sizeof(const char *) == 8 && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "a view is put together from two words");

/* Only for `split`: length and pointer, whatever the length. */
static inline struct spk_view spk_view_far(const char *p, uint32_t n)
{
	struct spk_view v = { .length = n };

	v.ref.pointer = p;
	return v;
}

/* Asks for the next row's bytes: rows lie behind each other only within what came in one piece. */
static inline void spk_field_fetch_ahead(const struct spk_view *raw)
{
	const char *text = spk_view_data(raw);
	uint32_t size = SPK_MIN(raw->length, 512u);

	for (uint32_t i = 0; i < size; i += 64)
		__builtin_prefetch(text + i);
}

/* --- a batch being filled --- */

/* Row `row` of a FLAT vector becomes NULL. */
static inline spk_status spk_field_null(struct spk_vector *v, int row, int rows, struct spk_arena *arena, spk_error *err)
{
	if (SPK_UNLIKELY(!v->valid))
		SPK_TRY(spk_vector_need_valid(v, rows, arena, err));
	spk_bit_clear(v->valid, row);
	if (spk_type_is_view(v->type))
		spk_vector_view(v)[row] = (struct spk_view){ 0 };
	return SPK_OK;
}
/* All columns of the row become NULL and `reason` (copied) goes to errors; with errors == NULL the call fails with it. */
spk_status spk_field_row_failed(struct spk_batch *batch, int row, const char *reason, struct spk_row_errors *errors, spk_error *err);
/* Makes FLAT vectors of n rows for the columns of the batch that the format fills: all but metadata columns. Of the type that
 * spk_field_read_type says. */
spk_status spk_field_init_columns(struct spk_batch *batch, int n, const bool *skip, bool json, spk_error *err);
/* What a column of that type is read as by a format whose texts are JSON, or PostgreSQL's: arrays and records as texts. */
struct spk_type spk_field_read_type(struct spk_type type, bool json);
/* When all rows of the batch are read: makes values of the texts of its arrays, records and jsonb. Rows that fail are added to errors. */
spk_status spk_field_finish(struct spk_batch *batch, const bool *skip, bool json, const struct spk_field_rules *rules, struct spk_row_errors *errors, spk_error *err);
/* A short printable piece of a value for messages, at most 40 bytes and "..."; out holds SPK_SHOWN. */
enum { SPK_SHOWN = 128 };
const char *spk_field_shown(const char *s, size_t size, char *out);
const char *spk_field_shown_most(const char *s, size_t size, size_t most, char *out);  /* most <= 100 */
/* The value of a table's option, also as 'value.KEY'; NULL when it is not given. (planner's spk_table_option, without needing the planner.) */
const char *spk_format_option(const struct spk_table *table, const char *key);
/* The same for an option of a format: of a key as 'key.NAME', else as it is for the value too, without prefix. */
const char *spk_format_spec_option(const struct spk_format_spec *spec, const char *name);
/* The same for what a key cannot have in common with the value: of a key only as 'key.NAME'. */
const char *spk_format_own_option(const struct spk_format_spec *spec, const char *name);
/* Puts the place of an option into the error and returns `status`. */
spk_status spk_format_option_failed(const struct spk_table *table, const char *key, spk_status status, spk_error *err);

/* --- base64 (RFC 4648, with padding) --- */

static inline size_t spk_base64_size(size_t bytes) { return (bytes + 2) / 3 * 4; }
void spk_base64_encode(const char *data, size_t size, char *out);
/* Padding may be missing. False: not base64. `out` has room for size / 4 * 3 + 3 bytes. */
bool spk_base64_decode(const char *s, size_t size, char *out, size_t *length);

#endif
