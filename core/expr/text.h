/*
 * Values as text and back, in PostgreSQL's formats (DateStyle ISO): the casts, the printers, JSON and CSV all use these.
 */
#ifndef SPK_CORE_EXPR_TEXT_H
#define SPK_CORE_EXPR_TEXT_H

#include "core/columnar/vector.h"

/* char(n), of TEXT, has scale SPK_TEXT_PADDED. Its values lie there without the blanks at their end, which do not count anywhere but where a query
 * shows its result, or an array, a record or a document that the value is in: there they are filled up. */
enum { SPK_TEXT_PADDED = 1, SPK_TEXT_BITS, SPK_TEXT_VARBITS };
/* bit and bit varying, of TEXT, have these scales: the digits are the text (bits.c). Their lengths are no part of the type. */
enum { SPK_BITS_MAX = 83886080 };  /* PostgreSQL's longest */
static inline bool spk_type_is_bits(struct spk_type type) { return type.id == SPK_TYPE_TEXT && type.scale >= SPK_TEXT_BITS; }
static inline bool spk_type_is_padded(struct spk_type type) { return type.id == SPK_TYPE_TEXT && type.scale == SPK_TEXT_PADDED; }
/* Size of a text without the blanks that its type does not keep. */
static inline size_t spk_text_kept(struct spk_type type, const char *s, size_t size)
{
	while (spk_type_is_padded(type) && size && s[size - 1] == ' ')
		size--;
	return size;
}

/* Blanks that a value of the type lies without, and has where it is shown; 0 of any other type than char(n). */
size_t spk_text_blanks(struct spk_type type, const struct spk_view *v);

enum { SPK_TEXT_MAX = 80 };  /* longest text of a value that is not a view */

/* Text of a non-NULL value of any non-view type into out (SPK_TEXT_MAX bytes, no NUL); returns its length.
 * `value` points at the value as it lies in a vector. timezone for timestamptz; NULL: UTC. */
int spk_text_from_value(struct spk_type type, const void *value, const char *timezone, char *out);
/* Parses text into a value of `type` at `out` (its width); the message is PostgreSQL's, e.g. invalid input syntax for type
 * integer: "x". Text borrows `s`. So does bytea without escapes; with them more than 12 decoded bytes are
 * UNSUPPORTED here: spk_text_decode_bytes takes the memory for them. jsonb is UNSUPPORTED: spk_text_put makes it. */
spk_status spk_text_to_value(struct spk_type type, const char *s, size_t size, const char *timezone, void *out, spk_error *err);

/* Fields that an interval's type has (INTERVAL DAY TO MINUTE): PostgreSQL's masks. */
enum { SPK_INTERVAL_MONTH = 1 << 1, SPK_INTERVAL_YEAR = 1 << 2, SPK_INTERVAL_DAY = 1 << 3, SPK_INTERVAL_HOUR = 1 << 10, SPK_INTERVAL_MINUTE = 1 << 11,
	SPK_INTERVAL_SECOND = 1 << 12, SPK_INTERVAL_ALL = 0x7fff };
/* An interval of those fields from its text: a number without a unit counts in the smallest one. */
spk_status spk_text_interval_of(const char *s, size_t size, int fields, struct spk_interval *out, spk_error *err);
/* What is smaller than the smallest field falls away. */
void spk_interval_cut(struct spk_interval *v, int fields);

/* Appends a value that is not NULL, of any type, as PostgreSQL's output functions write it: t and f, {1,NULL,"a b"}, (1,,"a b").
 * `slot` as the vector's reader gives it. */
spk_status spk_text_append(struct spk_buffer *out, const struct spk_vector *v, uint32_t slot, const char *timezone, spk_error *err);
/* Parses text into row `row` of the FLAT vector, of any type, that spk_vector_init made with room for `rows`. Rows ascend from
 * call to call without gaps where the type holds arrays: spk_text_put_null fills those. Strings borrow `s` or lie in `arena`. */
spk_status spk_text_put(struct spk_vector *out, int row, int rows, const char *s, size_t size, const char *timezone, struct spk_arena *arena, spk_error *err);
/* The same from a jsonb value, which lives as long as the vector: arrays from arrays, records from objects (members by name, exactly or
 * without regard to case; a missing one is NULL), anything else from its text. */
spk_status spk_text_put_json(struct spk_vector *out, int row, int rows, const struct spk_view *json, const char *timezone, struct spk_arena *arena, spk_error *err);
spk_status spk_text_put_null(struct spk_vector *out, int row, int rows, struct spk_arena *arena, spk_error *err);

int spk_text_bigint(int64_t v, char *out);      /* at most 20 bytes */
int spk_text_double(double v, char *out);       /* shortest that round-trips, PostgreSQL's form */
int spk_text_uuid(spk_int128 value, char *out);   /* 36 bytes */
int spk_text_timestamp(int64_t us, char *out);  /* YYYY-MM-DD HH:MM:SS[.ffffff]; at most 32 bytes; also BC and infinity */
int spk_text_date(int32_t days, char *out);
/* Fast path for 'YYYY-MM-DD HH:MM:SS[.f{1,6}]' with ' ' or 'T', optional Z or offset (*has_zone); false: try the general parser. */
bool spk_text_parse_timestamp_fast(const char *s, size_t size, int64_t *us, bool *has_zone);
/* Bytes of bytea text ("\\x0aff" or the escape format) into out (capacity `size`). */
spk_status spk_text_decode_bytes(const char *s, size_t size, char *out, size_t *length, spk_error *err);
/* Any type by SQL name with parameters: "varchar(10)", "timestamp(3)", "double precision", "string"; arrays of those without: "text[]". */
spk_status spk_type_parse(const char *name, struct spk_type *out, spk_error *err);

#endif
