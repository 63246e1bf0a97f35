/* Bytes as values: parts, single bytes and bits, search, LIKE, SHA-2, texts of other encodings. */
#include <ctype.h>

#include "core/base/utf8.h"
#include "core/expr/families.h"
#include "core/expr/internal.h"
#include "core/expr/sha2.h"
#include "core/expr/utf8.h"

#define VIEW(k) (&SPK_ARG(struct spk_view, r[k], row))
#define INT(k) SPK_ARG(int32_t, r[k], row)
#define BIG(k) SPK_ARG(int64_t, r[k], row)

static void read_args(const struct spk_call *call, struct spk_reader r[SPK_FUNCTION_ARGS_MAX])
{
	for (int k = 0; k < call->args; k++)
		r[k] = spk_vector_reader(&call->arg[k]);
}

/* Room for a result of `size` bytes; inline for short ones, which spk_view copies. */
static char *room(const struct spk_call *call, size_t size, char small[SPK_VIEW_INLINE])
{
	return size > SPK_VIEW_INLINE ? spk_arena_alloc(call->ev->arena, size) : small;
}

/* --- single bytes and bits --- */

static spk_status outside(const struct spk_call *call, struct spk_vector *out, int row, int64_t index, int64_t count, spk_error *err)
{
	return spk_call_fail(call, out, row, SPK_DATA, err, "index %lld out of valid range, 0..%lld", (long long)index, (long long)count - 1);
}

static spk_status get_byte(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	struct spk_reader r[SPK_FUNCTION_ARGS_MAX];

	read_args(call, r);
	SPK_EACH_CALL_ROW(call, row) {
		int32_t i = INT(1);

		if (i < 0 || (uint32_t)i >= VIEW(0)->length)
			SPK_TRY(outside(call, out, row, i, VIEW(0)->length, err));
		else
			spk_vector_i32(out)[row] = (unsigned char)spk_view_data(VIEW(0))[i];
	}
	return SPK_OK;
}

static spk_status get_bit(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	struct spk_reader r[SPK_FUNCTION_ARGS_MAX];

	read_args(call, r);
	SPK_EACH_CALL_ROW(call, row) {
		int64_t i = BIG(1), bits = (int64_t)VIEW(0)->length * 8;

		if (i < 0 || i >= bits)
			SPK_TRY(outside(call, out, row, i, bits, err));
		else
			spk_vector_i32(out)[row] = (unsigned char)spk_view_data(VIEW(0))[i / 8] >> (i % 8) & 1;
	}
	return SPK_OK;
}

/* A copy that may be changed, put into the result by `done`. */
static char *copy_of(const struct spk_call *call, const struct spk_view *v, char small[SPK_VIEW_INLINE])
{
	char *to = room(call, v->length, small);

	if (to)
		memcpy(to, spk_view_data(v), v->length);
	return to;
}

static spk_status set_byte(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	struct spk_reader r[SPK_FUNCTION_ARGS_MAX];

	read_args(call, r);
	SPK_EACH_CALL_ROW(call, row) {
		int32_t i = INT(1);
		char small[SPK_VIEW_INLINE], *to;

		if (i < 0 || (uint32_t)i >= VIEW(0)->length) {
			SPK_TRY(outside(call, out, row, i, VIEW(0)->length, err));
			continue;
		}
		SPK_TRY_PTR(to = copy_of(call, VIEW(0), small), err);
		to[i] = (char)INT(2);
		spk_vector_view(out)[row] = spk_view(to, VIEW(0)->length);
	}
	return SPK_OK;
}

static spk_status set_bit(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	struct spk_reader r[SPK_FUNCTION_ARGS_MAX];

	read_args(call, r);
	SPK_EACH_CALL_ROW(call, row) {
		int64_t i = BIG(1), bits = (int64_t)VIEW(0)->length * 8;
		char small[SPK_VIEW_INLINE], *to;

		if (i < 0 || i >= bits) {
			SPK_TRY(outside(call, out, row, i, bits, err));
			continue;
		}
		if (INT(2) != 0 && INT(2) != 1) {
			SPK_TRY(spk_call_fail(call, out, row, SPK_DATA, err, "new bit must be 0 or 1"));
			continue;
		}
		SPK_TRY_PTR(to = copy_of(call, VIEW(0), small), err);
		to[i / 8] = (char)((to[i / 8] & ~(1 << (i % 8))) | INT(2) << (i % 8));
		spk_vector_view(out)[row] = spk_view(to, VIEW(0)->length);
	}
	return SPK_OK;
}

static spk_status bit_count(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	struct spk_reader r[SPK_FUNCTION_ARGS_MAX];

	(void)err;
	read_args(call, r);
	SPK_EACH_CALL_ROW(call, row) {
		int64_t count = 0;

		for (uint32_t i = 0; i < VIEW(0)->length; i++)
			count += __builtin_popcount((unsigned char)spk_view_data(VIEW(0))[i]);
		spk_vector_i64(out)[row] = count;
	}
	return SPK_OK;
}

static spk_status bit_length(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	struct spk_reader r[SPK_FUNCTION_ARGS_MAX];

	(void)err;
	read_args(call, r);
	SPK_EACH_CALL_ROW(call, row)
		spk_vector_i32(out)[row] = (int32_t)VIEW(0)->length * 8;
	return SPK_OK;
}

/* --- parts --- */

/* Bytes from..to (to excluded), counted from 0, cut to what is there. */
static struct spk_view slice(const struct spk_view *v, int64_t from, int64_t to)
{
	from = SPK_MAX(from, 0);
	to = SPK_MIN(to, (int64_t)v->length);
	return from < to ? spk_view(spk_view_data(v) + from, (uint32_t)(to - from)) : (struct spk_view){ 0 };
}

static spk_status substring(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	struct spk_reader r[SPK_FUNCTION_ARGS_MAX];

	read_args(call, r);
	SPK_EACH_CALL_ROW(call, row) {
		int64_t from = (int64_t)INT(1) - 1, count = call->args > 2 ? INT(2) : INT32_MAX;

		if (count < 0)
			SPK_TRY(spk_call_fail(call, out, row, SPK_DATA, err, "negative substring length not allowed"));
		else
			spk_vector_view(out)[row] = slice(VIEW(0), from, from + count);
	}
	return SPK_OK;
}

static spk_status overlay(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	struct spk_reader r[SPK_FUNCTION_ARGS_MAX];

	read_args(call, r);
	SPK_EACH_CALL_ROW(call, row) {
		int64_t from = INT(2), count = call->args > 3 ? INT(3) : (int64_t)VIEW(1)->length;
		struct spk_view part[3];
		char small[SPK_VIEW_INLINE], *to;
		size_t size = 0;

		if (from <= 0 || from + count > INT32_MAX) {
			SPK_TRY(spk_call_fail(call, out, row, SPK_DATA, err, from <= 0 ? "negative substring length not allowed" : "integer out of range"));
			continue;
		}
		part[0] = slice(VIEW(0), 0, from - 1);
		part[1] = *VIEW(1);
		part[2] = slice(VIEW(0), from - 1 + count, INT64_MAX);
		SPK_TRY_PTR(to = room(call, (size_t)part[0].length + part[1].length + part[2].length, small), err);
		for (int i = 0; i < 3; i++) {
			memcpy(to + size, spk_view_data(&part[i]), part[i].length);
			size += part[i].length;
		}
		spk_vector_view(out)[row] = spk_view(to, (uint32_t)size);
	}
	return SPK_OK;
}

static spk_status trim(const struct spk_call *call, bool at_start, bool at_end, struct spk_vector *out)
{
	struct spk_reader r[SPK_FUNCTION_ARGS_MAX];

	read_args(call, r);
	SPK_EACH_CALL_ROW(call, row) {
		const char *s = spk_view_data(VIEW(0)), *end = s + VIEW(0)->length;

		while (at_start && s < end && memchr(spk_view_data(VIEW(1)), *s, VIEW(1)->length))
			s++;
		while (at_end && s < end && memchr(spk_view_data(VIEW(1)), end[-1], VIEW(1)->length))
			end--;
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
	struct spk_reader r[SPK_FUNCTION_ARGS_MAX];

	(void)err;
	read_args(call, r);
	SPK_EACH_CALL_ROW(call, row) {
		const char *s = spk_view_data(VIEW(0)), *at = spk_find(s, VIEW(0)->length, spk_view_data(VIEW(1)), VIEW(1)->length);

		spk_vector_i32(out)[row] = at ? (int32_t)(at - s) + 1 : 0;
	}
	return SPK_OK;
}

/* Whether p matches s; on the way the last % is where it goes on when the rest does not fit. `escape` -1: none. */
static const char *like(const char *s, const char *end, const char *p, const char *p_end, int escape, bool *yes)
{
	const char *retry = NULL, *retry_p = NULL;

	while (true) {
		if (p < p_end && *p == '%' && escape != '%') {
			retry_p = ++p;
			retry = s;
			continue;
		}
		if (p == p_end && s == end)
			break;
		if (p < p_end) {
			bool escaped = (unsigned char)*p == escape;

			if (escaped && p + 1 == p_end && s < end)
				return "LIKE pattern must not end with escape character";
			if (s < end && ((!escaped && *p == '_') || p[escaped] == *s)) {
				p += 1 + escaped;
				s++;
				continue;
			}
		}
		if (!retry || retry == end) {
			*yes = false;
			return NULL;
		}
		s = ++retry;
		p = retry_p;
	}
	*yes = true;
	return NULL;
}

static spk_status like_rows(const struct spk_call *call, bool negated, struct spk_vector *out, spk_error *err)
{
	struct spk_reader r[SPK_FUNCTION_ARGS_MAX];

	read_args(call, r);
	SPK_EACH_CALL_ROW(call, row) {
		const char *s = spk_view_data(VIEW(0)), *p = spk_view_data(VIEW(1)), *why = NULL;
		int escape = call->args < 3 ? '\\' : VIEW(2)->length ? (unsigned char)spk_view_data(VIEW(2))[0] : -1;
		bool yes = false;

		if (call->args > 2 && VIEW(2)->length > 1)
			why = "invalid escape string";
		else
			why = like(s, s + VIEW(0)->length, p, p + VIEW(1)->length, escape, &yes);
		spk_vector_bool(out)[row] = yes != negated;
		if (why)
			SPK_TRY(spk_call_fail(call, out, row, SPK_DATA, err, "%s", why));
	}
	return SPK_OK;
}

static spk_status like_kernel(const struct spk_call *call, struct spk_vector *out, spk_error *err) { return like_rows(call, false, out, err); }
static spk_status not_like(const struct spk_call *call, struct spk_vector *out, spk_error *err) { return like_rows(call, true, out, err); }

/* --- SHA-1, SHA-2 --- */

static spk_status sha2(const struct spk_call *call, int bits, struct spk_vector *out, spk_error *err)
{
	struct spk_reader r[SPK_FUNCTION_ARGS_MAX];

	read_args(call, r);
	SPK_EACH_CALL_ROW(call, row) {
		char *to = spk_arena_alloc(call->ev->arena, SPK_SHA2_MAX);

		SPK_TRY_PTR(to, err);
		spk_sha2(bits, spk_view_data(VIEW(0)), VIEW(0)->length, (unsigned char *)to);
		spk_vector_view(out)[row] = spk_view(to, (uint32_t)bits / 8);
	}
	return SPK_OK;
}

#define SHA_KERNEL(bits) static spk_status sha##bits(const struct spk_call *call, struct spk_vector *out, spk_error *err) { return sha2(call, bits, out, err); }
SHA_KERNEL(160)
SHA_KERNEL(224)
SHA_KERNEL(256)
SHA_KERNEL(384)
SHA_KERNEL(512)

/* --- encodings --- */

/* 0 UTF8, 1 LATIN1, -1 another. Names go by their letters and digits. */
static int encoding(const struct spk_view *v)
{
	static const struct { const char *name; int encoding; } names[] = { { "utf8", 0 }, { "unicode", 0 }, { "latin1", 1 }, { "iso88591", 1 } };
	char plain[16];
	size_t n = 0;

	for (uint32_t i = 0; i < v->length; i++) {
		char c = spk_view_data(v)[i];

		if (isalnum((unsigned char)c) && n + 1 < sizeof plain)
			plain[n++] = (char)tolower((unsigned char)c);
	}
	plain[n] = 0;
	for (size_t i = 0; i < SPK_COUNT_OF(names); i++)
		if (strcmp(plain, names[i].name) == 0)
			return names[i].encoding;
	return -1;
}

/* Whether PostgreSQL knows the encoding, too, is told by how its name begins. */
static spk_status no_encoding(const struct spk_call *call, struct spk_vector *out, int row, const struct spk_view *name, spk_error *err)
{
	static const char *const known[] = { "abc", "alt", "big5", "euc", "gb", "iso", "johab", "koi8", "latin", "mskanji", "mule", "shift", "sjis", "sqlascii", "tcvn", "uhc", "unicode", "vscii", "win" };
	char plain[8] = { 0 };
	size_t n = 0;
	bool other = false;

	for (uint32_t i = 0; i < name->length && n + 1 < sizeof plain; i++)
		if (isalnum((unsigned char)spk_view_data(name)[i]))
			plain[n++] = (char)tolower((unsigned char)spk_view_data(name)[i]);
	for (size_t i = 0; i < SPK_COUNT_OF(known); i++)
		other = other || strncmp(plain, known[i], strlen(known[i])) == 0;
	if (!other)
		return spk_call_fail(call, out, row, SPK_DATA, err, "invalid %s encoding name \"%.*s\"", strcmp(call->expr->function->name, "convert_to") == 0 ? "destination" : "source",
		                     (int)name->length, spk_view_data(name));
	return spk_call_fail(call, out, row, SPK_UNSUPPORTED, err, "encoding \"%.*s\" is not supported: UTF8 and LATIN1 are", (int)name->length, spk_view_data(name));
}

/* "0xe2 0x82" */
static const char *bytes_of(const char *s, size_t size, char text[32])
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < size; i++)
		memcpy(text + 5 * i, (char[]){ '0', 'x', hex[(unsigned char)s[i] >> 4], hex[s[i] & 15], i + 1 < size ? ' ' : 0 }, 5);
	return text;
}

static spk_status convert_from(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	struct spk_reader r[SPK_FUNCTION_ARGS_MAX];

	read_args(call, r);
	SPK_EACH_CALL_ROW(call, row) {
		const char *s = spk_view_data(VIEW(0)), *zero = memchr(s, 0, VIEW(0)->length);
		size_t size = VIEW(0)->length, valid = size, n = 0;
		int from = encoding(VIEW(1));
		char *to, text[32];

		if (from < 0) {
			SPK_TRY(no_encoding(call, out, row, VIEW(1), err));
			continue;
		}
		valid = from ? size : spk_utf8_valid(s, size);
		valid = zero ? SPK_MIN(valid, (size_t)(zero - s)) : valid;
		if (valid < size) {
			size_t width = from || !s[valid] ? 1 : SPK_MIN(spk_utf8_size(s[valid]), size - valid);

			SPK_TRY(spk_call_fail(call, out, row, SPK_DATA, err, "invalid byte sequence for encoding \"%s\": %s", from ? "LATIN1" : "UTF8", bytes_of(s + valid, width, text)));
			continue;
		}
		if (from == 0) {
			spk_vector_view(out)[row] = *VIEW(0);
			continue;
		}
		SPK_TRY_PTR(to = spk_arena_alloc(call->ev->arena, 2 * size + 1), err);
		for (size_t i = 0; i < size; i++)
			n += spk_utf8_put((unsigned char)s[i], to + n);
		spk_vector_view(out)[row] = spk_view(to, (uint32_t)n);
	}
	return SPK_OK;
}

static spk_status convert_to(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	struct spk_reader r[SPK_FUNCTION_ARGS_MAX];

	read_args(call, r);
	SPK_EACH_CALL_ROW(call, row) {
		const char *s = spk_view_data(VIEW(0)), *end = s + VIEW(0)->length;
		int into = encoding(VIEW(1));
		char *to, text[32];
		size_t n = 0;

		if (into < 0) {
			SPK_TRY(no_encoding(call, out, row, VIEW(1), err));
			continue;
		}
		SPK_TRY_PTR(to = spk_arena_alloc(call->ev->arena, VIEW(0)->length + 1), err);
		for (; into == 1 && s < end && spk_utf8_get(s, end) < 256; s = spk_utf8_next(s, end))
			to[n++] = (char)spk_utf8_get(s, end);
		if (into == 0)
			spk_vector_view(out)[row] = *VIEW(0);
		else if (s == end)
			spk_vector_view(out)[row] = spk_view(to, (uint32_t)n);
		else
			SPK_TRY(spk_call_fail(call, out, row, SPK_DATA, err, "character with byte sequence %s in encoding \"UTF8\" has no equivalent in encoding \"LATIN1\"", bytes_of(s, spk_utf8_size(*s), text)));
	}
	return SPK_OK;
}

/* --- the table --- */

#define B SPK_T(BYTEA)
#define I SPK_T(INTEGER)
#define ROW(name_, min, max, result_, kernel_, doc_, ...) { .name = name_, .doc = doc_, .args_min = min, .args_max = max, .arg = { __VA_ARGS__ }, SPK_RESULT(result_), .can_fail = true, .kernel = kernel_ }
#define SURE(name_, n, result_, kernel_, doc_, ...) { .name = name_, .doc = doc_, .args_min = n, .args_max = n, .arg = { __VA_ARGS__ }, SPK_RESULT(result_), .kernel = kernel_ }

static const struct spk_function bytea_functions[] = {
	ROW("get_byte", 2, 2, INTEGER, get_byte, "The n-th byte, from 0", B, I),
	ROW("get_bit", 2, 2, INTEGER, get_bit, "The n-th bit, from 0, the lowest of each byte first", B, SPK_T(BIGINT)),
	ROW("set_byte", 3, 3, BYTEA, set_byte, "With another n-th byte", B, I, I),
	ROW("set_bit", 3, 3, BYTEA, set_bit, "With another n-th bit", B, SPK_T(BIGINT), I),
	SURE("bit_count", 1, BIGINT, bit_count, "Number of bits that are set", B),
	SURE("bit_length", 1, INTEGER, bit_length, "Number of bits", B),
	ROW("substring", 2, 3, BYTEA, substring, "From a position (1 is the first) for a number of bytes", B, I, I),
	ROW("substr", 2, 3, BYTEA, substring, "As substring", B, I, I),
	ROW("overlay", 3, 4, BYTEA, overlay, "With the second argument laid over from a position", B, B, I, I),
	SURE("btrim", 2, BYTEA, btrim, "Without the second argument's bytes at both ends", B, B),
	SURE("trim", 2, BYTEA, btrim, "Without the second argument's bytes at both ends", B, B),
	SURE("ltrim", 2, BYTEA, ltrim, "Without the second argument's bytes at the start", B, B),
	SURE("rtrim", 2, BYTEA, rtrim, "Without the second argument's bytes at the end", B, B),
	SURE("position", 2, INTEGER, position, "Where the second argument first occurs in the first, from 1; 0: nowhere", B, B),
	ROW("like", 2, 3, BOOLEAN, like_kernel, "Pattern with % and _; a third argument is the escape character", B, B, B),
	ROW("~~", 2, 2, BOOLEAN, like_kernel, "LIKE", B, B),
	ROW("!~~", 2, 2, BOOLEAN, not_like, "NOT LIKE", B, B),
	SURE("sha1", 1, BYTEA, sha160, "SHA-1", B),
	SURE("sha224", 1, BYTEA, sha224, "SHA-224", B),
	SURE("sha256", 1, BYTEA, sha256, "SHA-256", B),
	SURE("sha384", 1, BYTEA, sha384, "SHA-384", B),
	SURE("sha512", 1, BYTEA, sha512, "SHA-512", B),
	ROW("convert_from", 2, 2, TEXT, convert_from, "Text of bytes in an encoding (UTF8, LATIN1)", B, SPK_T(TEXT)),
	ROW("convert_to", 2, 2, BYTEA, convert_to, "Bytes of a text in an encoding (UTF8, LATIN1)", SPK_T(TEXT), SPK_T(TEXT)),
};

SPK_FUNCTION_FAMILY(bytea, bytea_functions)
