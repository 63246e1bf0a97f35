/*
 * jsonb values: JSON text in the one form that PostgreSQL prints jsonb in.
 *
 *   {"b": null, "aa": [1, 2.50, "x\ny"]}
 *
 * Members are sorted by the length of their names and then by their bytes, no name comes twice; there is one blank behind each
 * comma and colon and nowhere else; numbers are as numeric prints them (1e2 is 100, trailing zeros stay); of the characters in a
 * string only those that must be are escaped. Whoever makes a jsonb value goes through spk_jsonb_parse or writes this form.
 *
 * What reads such text trusts the form, but for blanks: going over elements and members, skipping values and unescaping strings serve
 * the type json too, whose text is checked and otherwise as it came; `p` is then the first byte of a value that is whole. Equality and order are PostgreSQL's:
 * numbers by value, so that equal values may differ in their bytes (1.0 and 1.00).
 */
#ifndef SPK_CORE_COLUMNAR_JSONB_H
#define SPK_CORE_COLUMNAR_JSONB_H

#include "core/columnar/vector.h"

/* What a parser needs from one text to the next; zero-initialised is ready. */
struct spk_json_parser {
	const char *p, *end;
	struct spk_buffer *out;
	struct spk_buffer members, scratch;
	int depth;
	bool verbatim;           /* only checks, as the type json does: any number, any \\u escape, members in any order */
};
/* Appends JSON text as a jsonb value. SPK_DATA with PostgreSQL's message when it is none; *out then has some bytes more. */
spk_status spk_jsonb_parse(struct spk_json_parser *parser, const char *s, size_t size, struct spk_buffer *out, spk_error *err);
/* Whether it is JSON text, as the type json takes it; with `text` for what parsing needs. SPK_DATA: it is not. */
spk_status spk_json_check(struct spk_json_parser *parser, struct spk_buffer *text, const char *s, size_t size, spk_error *err);
void spk_json_parser_release(struct spk_json_parser *parser);
/* The same into `arena`: *out is the value. What parsing needs lies in `text` from one call to the next. */
spk_status spk_jsonb_make(struct spk_json_parser *parser, struct spk_buffer *text, const char *s, size_t size, struct spk_arena *arena, struct spk_view *out, spk_error *err);
/* A code point as UTF-8; at most 4 bytes. */
size_t spk_jsonb_put_utf8(char *to, int c);
/* Appends a string, quoted and escaped. */
spk_status spk_jsonb_append_string(struct spk_buffer *out, const char *s, size_t size, spk_error *err);

/* --- reading; the form is not checked, but nothing is read past the end --- */

/* X(ID, "name", first byte): in PostgreSQL's order. */
#define SPK_JSONB_TYPE_LIST(X) X(NULL, "null") X(STRING, "string") X(NUMBER, "number") X(BOOLEAN, "boolean") X(ARRAY, "array") X(OBJECT, "object")
enum spk_jsonb_type {
#define SPK_JSONB_ENUM(id, name) SPK_JSONB_##id,
	SPK_JSONB_TYPE_LIST(SPK_JSONB_ENUM)
#undef SPK_JSONB_ENUM
};

static inline enum spk_jsonb_type spk_jsonb_type(const char *p)
{
	switch (*p) {
	case '{': return SPK_JSONB_OBJECT;
	case '[': return SPK_JSONB_ARRAY;
	case '"': return SPK_JSONB_STRING;
	case 't':
	case 'f': return SPK_JSONB_BOOLEAN;
	case 'n': return SPK_JSONB_NULL;
	default: return SPK_JSONB_NUMBER;
	}
}
/* Byte behind the value at `p`. A number may end at `end`. */
const char *spk_jsonb_skip(const char *p, const char *end);

/* Goes over the elements of an array or the members of an object at `p`. */
struct spk_jsonb_iterator {
	const char *p, *end;             /* the next element; end of the text */
	const char *key, *key_end;       /* of a member: what is between its quotes */
	const char *value, *value_end;
	bool object;
};
struct spk_jsonb_iterator spk_jsonb_iterator(const char *p, const char *end);
/* The next one into key, value and their ends; false: no more. */
bool spk_jsonb_next(struct spk_jsonb_iterator *i);
int spk_jsonb_count(const char *p, const char *end);

/* End of what is between the quotes of the string at `p`, which begins at p + 1. */
static inline const char *spk_jsonb_string_end(const char *p, const char *end) { return end - p >= 2 ? end - 1 : p + 1; }
/* The byte that stands at `s` in a string, escaped or not; returns what is behind it. */
const char *spk_jsonb_take_byte(const char *s, const char *end, char *out);
/* What a string's bytes between its quotes stand for, into out (no longer than they are). Returns its length. */
size_t spk_jsonb_unescape(const char *s, const char *end, char *out);
/* Whether such bytes stand for this text. */
bool spk_jsonb_string_is(const char *s, const char *end, const char *text, size_t size);
/* The order in which members lie: by the length of what the names stand for, then by their bytes. */
int spk_jsonb_compare_names(const char *a, const char *a_end, const char *b, const char *b_end);
/* Value of the member of that name; false: there is none. */
bool spk_jsonb_member(const char *p, const char *end, const char *name, size_t size, const char **value, const char **value_end);
/* Element n, from the end when negative. */
bool spk_jsonb_element(const char *p, const char *end, int64_t n, const char **value, const char **value_end);

/* --- comparing --- */

/* Order of two jsonb values: <0, 0, >0. */
int spk_jsonb_compare(const struct spk_view *a, const struct spk_view *b);
static inline bool spk_jsonb_equal(const struct spk_view *a, const struct spk_view *b) { return spk_view_equal(a, b) || spk_jsonb_compare(a, b) == 0; }
/* The pieces of a value's text without the zeros at the end of fractions: equal values have the same ones. Calls `piece` for each. */
void spk_jsonb_normal(const char *s, size_t size, void (*piece)(const char *s, size_t size, void *user), void *user);

/* --- row keys (jsonb_key.c; not for other folders) --- */

/* Bytes of a value's part of a row key, and the writing of them; memcmp orders them as spk_jsonb_compare does. */
size_t spk_jsonb_key_size(const struct spk_view *v);
char *spk_jsonb_key_write(char *to, const struct spk_view *v);
/* Reads such a part, which ends before `end`, every byte xored with `flip`; appends the value. Returns the byte behind it, NULL when it
 * is none (*err set) or memory is out. */
const char *spk_jsonb_key_read(const char *at, const char *end, char flip, struct spk_buffer *out, spk_error *err);

#endif
