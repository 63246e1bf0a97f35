/*
 * Strings: length, case, parts. Functions whose result is a part of their argument share its bytes. Positions and lengths count
 * characters of UTF-8.
 */
#include "core/expr/families.h"
#include "core/expr/internal.h"
#include "core/expr/utf8.h"

/* A function of one string to a whole number. */
#define LENGTH_KERNEL(name, HOW) \
	static spk_status name(const struct spk_call *call, struct spk_vector *out, spk_error *err) \
	{ \
		const struct spk_reader r = spk_vector_reader(&call->arg[0]); \
		(void)err; \
		SPK_EACH_CALL_ROW(call, row) { \
			const struct spk_view *v = &SPK_ARG(struct spk_view, r, row); \
			spk_vector_i32(out)[row] = (int32_t)(HOW); \
		} \
		return SPK_OK; \
	}
LENGTH_KERNEL(characters, spk_utf8_count(spk_view_data(v), v->length))
LENGTH_KERNEL(octets, v->length)
LENGTH_KERNEL(bits, v->length * 8)
LENGTH_KERNEL(ascii, v->length ? spk_utf8_get(spk_view_data(v), spk_view_data(v) + v->length) : 0)

/* --- case --- */

typedef size_t (*converter)(const char *s, size_t size, char *out);

static spk_status convert(const struct spk_call *call, converter how, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(&call->arg[0]);

	SPK_EACH_CALL_ROW(call, row) {
		const struct spk_view *v = &SPK_ARG(struct spk_view, r, row);
		char small[2 * SPK_VIEW_INLINE + 4], *to = small;

		if (v->length > SPK_VIEW_INLINE) {
			to = spk_arena_alloc(call->ev->arena, (size_t)v->length * 2 + 4);
			SPK_TRY_PTR(to, err);
		}
		size_t size = how(spk_view_data(v), v->length, to);

		if (to == small)
			SPK_TRY(spk_call_text(call, out, row, to, size, err));
		else
			spk_vector_view(out)[row] = spk_view(to, (uint32_t)size);
	}
	return SPK_OK;
}

static size_t initcap_text(const char *s, size_t size, char *out)
{
	const char *end = s + size, *next;
	bool inside = false;
	size_t n = 0;

	for (; s < end; s = next) {
		char c = *s;

		next = spk_utf8_next(s, end);
		n += (inside ? spk_utf8_lower : spk_utf8_upper)(s, (size_t)(next - s), out + n);
		inside = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (unsigned char)c >= 0x80;
	}
	return n;
}

static spk_status lower(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	return convert(call, spk_utf8_lower, out, err);
}

static spk_status upper(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	return convert(call, spk_utf8_upper, out, err);
}

static spk_status initcap(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	return convert(call, initcap_text, out, err);
}

/* --- parts --- */

/* Characters from..to (to excluded) counted from 0, both within the string by cutting. */
static struct spk_view slice(const struct spk_view *v, int64_t from, int64_t to)
{
	const char *s = spk_view_data(v), *end = s + v->length, *a, *b;

	if (to <= from || to <= 0)
		return (struct spk_view){ 0 };
	from = SPK_MAX(from, 0);
	if (from >= v->length)
		return (struct spk_view){ 0 };
	to = SPK_MIN(to, (int64_t)v->length);
	if (spk_is_ascii(s, v->length))
		return spk_view(s + from, (uint32_t)(to - from));
	a = spk_utf8_skip(s, end, (size_t)from);
	b = spk_utf8_skip(a, end, (size_t)(to - from));
	return spk_view(a, (uint32_t)(b - a));
}

static spk_status substring(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader rs = spk_vector_reader(&call->arg[0]), rf = spk_vector_reader(&call->arg[1]);
	const struct spk_reader rn = call->args > 2 ? spk_vector_reader(&call->arg[2]) : rf;

	SPK_EACH_CALL_ROW(call, row) {
		int64_t from = (int64_t)SPK_ARG(int32_t, rf, row) - 1;
		int64_t count = call->args > 2 ? SPK_ARG(int32_t, rn, row) : INT32_MAX;

		if (call->args > 2 && count < 0) {
			SPK_TRY(spk_call_fail(call, out, row, SPK_DATA, err, "negative substring length not allowed"));
			continue;
		}
		spk_vector_view(out)[row] = slice(&SPK_ARG(struct spk_view, rs, row), from, from + count);
	}
	return SPK_OK;
}

/* left(s, n) and right(s, n): a negative n leaves out that many characters at the other end. */
static spk_status side(const struct spk_call *call, bool right, struct spk_vector *out)
{
	const struct spk_reader rs = spk_vector_reader(&call->arg[0]), rn = spk_vector_reader(&call->arg[1]);

	SPK_EACH_CALL_ROW(call, row) {
		const struct spk_view *v = &SPK_ARG(struct spk_view, rs, row);
		int64_t n = SPK_ARG(int32_t, rn, row), all;

		if (!right && n >= 0) {
			spk_vector_view(out)[row] = slice(v, 0, n);
			continue;
		}
		all = (int64_t)spk_utf8_count(spk_view_data(v), v->length);
		if (right)
			spk_vector_view(out)[row] = n >= 0 ? slice(v, all - n, all) : slice(v, -n, all);
		else
			spk_vector_view(out)[row] = slice(v, 0, all + n);
	}
	return SPK_OK;
}

static spk_status left(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	(void)err;
	return side(call, false, out);
}

static spk_status right(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	(void)err;
	return side(call, true, out);
}

/* The next delimiter. Fields are short as a rule: a byte is looked for here before somebody is called for it. */
static const char *next_delimiter(const char *s, const char *end, const char *d, size_t size)
{
	enum { NEAR = 32 };
	const char *near = end - s > NEAR ? s + NEAR : end;

	if (size != 1)
		return spk_find(s, (size_t)(end - s), d, size);
	for (; s < near; s++)
		if (*s == *d)
			return s;
	return memchr(s, *d, (size_t)(end - s));
}

/* The n-th field between delimiters, from the end for negative n. */
static struct spk_view field(const struct spk_view *v, const struct spk_view *by, int32_t n)
{
	const char *s = spk_view_data(v), *end = s + v->length, *d = spk_view_data(by);
	int64_t fields = 1;

	if (v->length == 0 || by->length == 0)
		return v->length && (n == 1 || n == -1) ? *v : (struct spk_view){ 0 };
	if (n < 0) {
		for (const char *p = s; (p = next_delimiter(p, end, d, by->length)) != NULL; p += by->length)
			fields++;
		if (-(int64_t)n > fields)
			return (struct spk_view){ 0 };
		n = (int32_t)(fields + n + 1);
	}
	for (; n > 1; n--) {
		const char *p = next_delimiter(s, end, d, by->length);

		if (!p)
			return (struct spk_view){ 0 };
		s = p + by->length;
	}
	d = next_delimiter(s, end, d, by->length);
	return spk_view(s, (uint32_t)((d ? d : end) - s));
}

static spk_status split_part(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader rs = spk_vector_reader(&call->arg[0]), rd = spk_vector_reader(&call->arg[1]), rn = spk_vector_reader(&call->arg[2]);

	SPK_EACH_CALL_ROW(call, row) {
		int32_t n = SPK_ARG(int32_t, rn, row);

		if (n == 0)
			SPK_TRY(spk_call_fail(call, out, row, SPK_DATA, err, "field position must not be zero"));
		else
			spk_vector_view(out)[row] = field(&SPK_ARG(struct spk_view, rs, row), &SPK_ARG(struct spk_view, rd, row), n);
	}
	return SPK_OK;
}

/* Flink's: counted from 0, NULL for a field that is not there. */
static spk_status split_index(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader rs = spk_vector_reader(&call->arg[0]), rd = spk_vector_reader(&call->arg[1]), rn = spk_vector_reader(&call->arg[2]);

	SPK_EACH_CALL_ROW(call, row) {
		const struct spk_view *v = &SPK_ARG(struct spk_view, rs, row), *d = &SPK_ARG(struct spk_view, rd, row);
		const char *s = spk_view_data(v), *end = s + v->length, *by = spk_view_data(d), *next;
		int32_t n = SPK_ARG(int32_t, rn, row);

		for (; s && n > 0; n--) {
			next = d->length ? next_delimiter(s, end, by, d->length) : NULL;
			s = next ? next + d->length : NULL;
		}
		if (!s || n < 0) {
			SPK_TRY(spk_call_null(call, out, row, err));
			continue;
		}
		next = d->length ? next_delimiter(s, end, by, d->length) : NULL;
		spk_vector_view(out)[row] = spk_view(s, (uint32_t)((next ? next : end) - s));
	}
	return SPK_OK;
}

/* --- trimming --- */

static bool in_set(const char *c, size_t size, const struct spk_view *set)
{
	const char *s = spk_view_data(set), *end = s + set->length, *next;

	for (; s < end; s = next) {
		next = spk_utf8_next(s, end);
		if ((size_t)(next - s) == size && memcmp(s, c, size) == 0)
			return true;
	}
	return false;
}

static spk_status trim(const struct spk_call *call, bool at_start, bool at_end, struct spk_vector *out)
{
	const struct spk_view space = spk_view(" ", 1);
	const struct spk_reader rs = spk_vector_reader(&call->arg[0]);
	const struct spk_reader rc = call->args > 1 ? spk_vector_reader(&call->arg[1]) : rs;

	SPK_EACH_CALL_ROW(call, row) {
		const struct spk_view *v = &SPK_ARG(struct spk_view, rs, row), *set = call->args > 1 ? &SPK_ARG(struct spk_view, rc, row) : &space;
		const char *s = spk_view_data(v), *end = s + v->length;

		while (at_start && s < end && in_set(s, (size_t)(spk_utf8_next(s, end) - s), set))
			s = spk_utf8_next(s, end);
		while (at_end && s < end) {
			const char *p = spk_utf8_back(s, end, 1);

			if (!in_set(p, (size_t)(end - p), set))
				break;
			end = p;
		}
		spk_vector_view(out)[row] = spk_view(s, (uint32_t)(end - s));
	}
	return SPK_OK;
}

#define TRIM_KERNEL(name, start, end) \
	static spk_status name(const struct spk_call *call, struct spk_vector *out, spk_error *err) \
	{ \
		(void)err; \
		return trim(call, start, end, out); \
	}
TRIM_KERNEL(btrim, true, true)
TRIM_KERNEL(ltrim, true, false)
TRIM_KERNEL(rtrim, false, true)

/* --- search --- */

static spk_status position(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader rs = spk_vector_reader(&call->arg[0]), rt = spk_vector_reader(&call->arg[1]);

	(void)err;
	SPK_EACH_CALL_ROW(call, row) {
		const struct spk_view *v = &SPK_ARG(struct spk_view, rs, row), *t = &SPK_ARG(struct spk_view, rt, row);
		const char *s = spk_view_data(v), *at = spk_find(s, v->length, spk_view_data(t), t->length);

		spk_vector_i32(out)[row] = at ? (int32_t)spk_utf8_count(s, (size_t)(at - s)) + 1 : 0;
	}
	return SPK_OK;
}

/* starts_with, ends_with, contains */
enum where { AT_START, AT_END, ANYWHERE };

static spk_status has(const struct spk_call *call, enum where where, struct spk_vector *out)
{
	const struct spk_reader rs = spk_vector_reader(&call->arg[0]), rt = spk_vector_reader(&call->arg[1]);

	SPK_EACH_CALL_ROW(call, row) {
		const struct spk_view *v = &SPK_ARG(struct spk_view, rs, row), *t = &SPK_ARG(struct spk_view, rt, row);
		const char *s = spk_view_data(v), *p = spk_view_data(t);
		bool yes = t->length <= v->length;

		if (yes && where == ANYWHERE)
			yes = spk_find(s, v->length, p, t->length) != NULL;
		else if (yes)
			yes = memcmp(where == AT_START ? s : s + v->length - t->length, p, t->length) == 0;
		spk_vector_bool(out)[row] = yes;
	}
	return SPK_OK;
}

#define HAS_KERNEL(name, where) \
	static spk_status name(const struct spk_call *call, struct spk_vector *out, spk_error *err) \
	{ \
		(void)err; \
		return has(call, where, out); \
	}
HAS_KERNEL(starts_with, AT_START)
HAS_KERNEL(ends_with, AT_END)
HAS_KERNEL(contains, ANYWHERE)

/* --- the table --- */

#define TEXT1(name_, result_, kernel_, doc_) { .name = name_, .doc = doc_, SPK_ARGS1(TEXT), SPK_RESULT(result_), .kernel = kernel_ }
#define TEXT2(name_, b, result_, kernel_, doc_) { .name = name_, .doc = doc_, SPK_ARGS2(TEXT, b), SPK_RESULT(result_), .kernel = kernel_ }

static const struct spk_function string_functions[] = {
	TEXT1("length", INTEGER, characters, "Number of characters"),
	TEXT1("char_length", INTEGER, characters, "Number of characters"),
	TEXT1("character_length", INTEGER, characters, "Number of characters"),
	TEXT1("octet_length", INTEGER, octets, "Number of bytes"),
	TEXT1("bit_length", INTEGER, bits, "Number of bits"),
	TEXT1("ascii", INTEGER, ascii, "Code point of the first character, 0 for an empty string"),
	TEXT1("lower", TEXT, lower, "In lower case"),
	TEXT1("upper", TEXT, upper, "In upper case"),
	TEXT1("initcap", TEXT, initcap, "First letter of each word in upper case, the others in lower case"),
	{ .name = "substring", .doc = "From a position (1 is the first) for a number of characters", .args_min = 2, .args_max = 3,
	  .arg = { SPK_T(TEXT), SPK_T(INTEGER), SPK_T(INTEGER) }, SPK_RESULT(TEXT), .can_fail = true, .kernel = substring },
	{ .name = "substr", .doc = "As substring", .args_min = 2, .args_max = 3, .arg = { SPK_T(TEXT), SPK_T(INTEGER), SPK_T(INTEGER) },
	  SPK_RESULT(TEXT), .can_fail = true, .kernel = substring },
	TEXT2("left", INTEGER, TEXT, left, "First n characters; negative: all but the last -n"),
	TEXT2("right", INTEGER, TEXT, right, "Last n characters; negative: all but the first -n"),
	{ .name = "split_part", .doc = "The n-th field between delimiters, from 1; negative: from the end", SPK_ARGS3(TEXT, TEXT, INTEGER), SPK_RESULT(TEXT),
	  .can_fail = true, .kernel = split_part },
	{ .name = "split_index", .doc = "Flink: the n-th field between delimiters, from 0; NULL when there is none", SPK_ARGS3(TEXT, TEXT, INTEGER),
	  SPK_RESULT(TEXT), .kernel = split_index },
	TEXT1("btrim", TEXT, btrim, "Without spaces at both ends"),
	TEXT2("btrim", TEXT, TEXT, btrim, "Without the second string's characters at both ends"),
	TEXT1("trim", TEXT, btrim, "Without spaces at both ends"),
	TEXT2("trim", TEXT, TEXT, btrim, "Without the second string's characters at both ends"),
	TEXT1("ltrim", TEXT, ltrim, "Without spaces at the start"),
	TEXT2("ltrim", TEXT, TEXT, ltrim, "Without the second string's characters at the start"),
	TEXT1("rtrim", TEXT, rtrim, "Without spaces at the end"),
	TEXT2("rtrim", TEXT, TEXT, rtrim, "Without the second string's characters at the end"),
	TEXT2("position", TEXT, INTEGER, position, "Where the second string first occurs in the first, from 1; 0: nowhere"),
	TEXT2("strpos", TEXT, INTEGER, position, "As position"),
	TEXT2("instr", TEXT, INTEGER, position, "As position"),
	TEXT2("starts_with", TEXT, BOOLEAN, starts_with, "Whether the first string starts with the second"),
	TEXT2("^@", TEXT, BOOLEAN, starts_with, "As starts_with"),
	TEXT2("startswith", TEXT, BOOLEAN, starts_with, "Flink: as starts_with"),
	TEXT2("endswith", TEXT, BOOLEAN, ends_with, "Flink: whether the first string ends with the second"),
	TEXT2("contains", TEXT, BOOLEAN, contains, "Whether the second string occurs in the first"),
};

SPK_FUNCTION_FAMILY(string, string_functions)
