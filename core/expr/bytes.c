/* Bytes: hashes, hex, base64. */
#include <strings.h>

#include "core/expr/families.h"
#include "core/expr/internal.h"

/* --- MD5 (RFC 1321) --- */

static uint32_t rotate(uint32_t v, int n)
{
	return v << n | v >> (32 - n);
}

static void md5_block(uint32_t state[4], const unsigned char *p)
{
	static const uint32_t sines[64] = {
		0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501, 0x698098d8, 0x8b44f7af, 0xffff5bb1,
		0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821, 0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453,
		0xd8a1e681, 0xe7d3fbc8, 0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a, 0xfffa3942,
		0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70, 0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05,
		0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665, 0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d,
		0x85845dd1, 0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
	};
	static const int8_t shifts[4][4] = { { 7, 12, 17, 22 }, { 5, 9, 14, 20 }, { 4, 11, 16, 23 }, { 6, 10, 15, 21 } };
	uint32_t a = state[0], b = state[1], c = state[2], d = state[3], word[16];

	for (int i = 0; i < 16; i++)
		word[i] = (uint32_t)p[i * 4] | (uint32_t)p[i * 4 + 1] << 8 | (uint32_t)p[i * 4 + 2] << 16 | (uint32_t)p[i * 4 + 3] << 24;
	for (int i = 0; i < 64; i++) {
		int round = i / 16, g = round == 0 ? i : round == 1 ? (5 * i + 1) % 16 : round == 2 ? (3 * i + 5) % 16 : 7 * i % 16;
		uint32_t f = round == 0 ? (b & c) | (~b & d) : round == 1 ? (d & b) | (~d & c) : round == 2 ? b ^ c ^ d : c ^ (b | ~d);
		uint32_t next = b + rotate(a + f + sines[i] + word[g], shifts[round][i % 4]);

		a = d;
		d = c;
		c = b;
		b = next;
	}
	state[0] += a;
	state[1] += b;
	state[2] += c;
	state[3] += d;
}

static void md5_of(const char *data, size_t size, unsigned char out[16])
{
	uint32_t state[4] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476 };
	const unsigned char *p = (const unsigned char *)data;
	unsigned char tail[128] = { 0 };
	size_t left = size % 64, padded = left < 56 ? 64 : 128;

	for (size_t i = 0; i + 64 <= size; i += 64)
		md5_block(state, p + i);
	memcpy(tail, p + size - left, left);
	tail[left] = 0x80;
	for (int i = 0; i < 8; i++)
		tail[padded - 8 + (size_t)i] = (unsigned char)((uint64_t)size * 8 >> (8 * i));
	for (size_t i = 0; i < padded; i += 64)
		md5_block(state, tail + i);
	for (int i = 0; i < 16; i++)
		out[i] = (unsigned char)(state[i / 4] >> (8 * (i % 4)));
}

static const char hex[] = "0123456789abcdef";

static spk_status md5(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(&call->arg[0]);

	SPK_EACH_CALL_ROW(call, row) {
		const struct spk_view *v = &SPK_ARG(struct spk_view, r, row);
		unsigned char digest[16];
		char text[32];

		md5_of(spk_view_data(v), v->length, digest);
		for (int i = 0; i < 16; i++) {
			text[2 * i] = hex[digest[i] >> 4];
			text[2 * i + 1] = hex[digest[i] & 15];
		}
		SPK_TRY(spk_call_text(call, out, row, text, sizeof text, err));
	}
	return SPK_OK;
}

/* --- to_hex --- */

static spk_status put_hex(const struct spk_call *call, struct spk_vector *out, int row, uint64_t v, spk_error *err)
{
	char text[16];
	int at = 16;

	do {
		text[--at] = hex[v & 15];
		v >>= 4;
	} while (v);
	return spk_call_text(call, out, row, text + at, (size_t)(16 - at), err);
}

static spk_status hex_i32(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(&call->arg[0]);

	SPK_EACH_CALL_ROW(call, row)
		SPK_TRY(put_hex(call, out, row, (uint32_t)SPK_ARG(int32_t, r, row), err));
	return SPK_OK;
}

static spk_status hex_i64(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(&call->arg[0]);

	SPK_EACH_CALL_ROW(call, row)
		SPK_TRY(put_hex(call, out, row, (uint64_t)SPK_ARG(int64_t, r, row), err));
	return SPK_OK;
}

/* --- encode and decode --- */

static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

enum coding { HEX, BASE64, ESCAPE, UTF_8, NO_CODING };

static enum coding coding_of(const struct spk_view *v)
{
	static const char *const names[] = { "hex", "base64", "escape", "utf-8", "utf8" };

	for (size_t i = 0; i < SPK_COUNT_OF(names); i++)
		if (v->length == strlen(names[i]) && strncasecmp(spk_view_data(v), names[i], v->length) == 0)
			return i == 4 ? UTF_8 : (enum coding)i;
	return NO_CODING;
}

/* Lines of 76 characters, as in PostgreSQL. */
static size_t to_base64(const unsigned char *s, size_t size, char *out)
{
	size_t n = 0, line = 0;

	for (size_t i = 0; i < size; i += 3) {
		uint32_t v = (uint32_t)s[i] << 16 | (i + 1 < size ? (uint32_t)s[i + 1] << 8 : 0) | (i + 2 < size ? s[i + 2] : 0u);

		if (line == 76) {
			out[n++] = '\n';
			line = 0;
		}
		out[n++] = base64[v >> 18];
		out[n++] = base64[v >> 12 & 63];
		out[n++] = i + 1 < size ? base64[v >> 6 & 63] : '=';
		out[n++] = i + 2 < size ? base64[v & 63] : '=';
		line += 4;
	}
	return n;
}

static size_t to_escape(const unsigned char *s, size_t size, char *out)
{
	size_t n = 0;

	for (size_t i = 0; i < size; i++) {
		if (s[i] == '\\') {
			out[n++] = '\\';
			out[n++] = '\\';
		} else if (s[i] == 0 || s[i] >= 0x80) {
			out[n++] = '\\';
			out[n++] = (char)('0' + (s[i] >> 6));
			out[n++] = (char)('0' + (s[i] >> 3 & 7));
			out[n++] = (char)('0' + (s[i] & 7));
		} else {
			out[n++] = (char)s[i];
		}
	}
	return n;
}

static size_t to_hex(const unsigned char *s, size_t size, char *out)
{
	for (size_t i = 0; i < size; i++) {
		out[2 * i] = hex[s[i] >> 4];
		out[2 * i + 1] = hex[s[i] & 15];
	}
	return 2 * size;
}

static spk_status encode(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader rs = spk_vector_reader(&call->arg[0]), rc = spk_vector_reader(&call->arg[1]);

	SPK_EACH_CALL_ROW(call, row) {
		const struct spk_view *v = &SPK_ARG(struct spk_view, rs, row), *c = &SPK_ARG(struct spk_view, rc, row);
		const unsigned char *s = (const unsigned char *)spk_view_data(v);
		enum coding coding = coding_of(c);
		char *text = spk_arena_alloc(call->ev->arena, (size_t)v->length * 4 + 8);
		size_t size;

		SPK_TRY_PTR(text, err);
		if (coding >= UTF_8) {
			SPK_TRY(spk_call_fail(call, out, row, SPK_DATA, err, "unrecognized encoding: \"%.*s\"", (int)c->length, spk_view_data(c)));
			continue;
		}
		size = coding == HEX ? to_hex(s, v->length, text) : coding == BASE64 ? to_base64(s, v->length, text) : to_escape(s, v->length, text);
		spk_vector_view(out)[row] = spk_view(text, (uint32_t)size);
	}
	return SPK_OK;
}

static spk_status from_base64(const char *s, size_t size, char *out, size_t *length, spk_error *err)
{
	uint32_t v = 0;
	int have = 0, padding = 0;
	size_t n = 0;

	for (size_t i = 0; i < size; i++) {
		const char *at = s[i] ? strchr(base64, s[i]) : NULL;

		if (s[i] == ' ' || s[i] == '\n' || s[i] == '\t' || s[i] == '\r')
			continue;
		if (s[i] == '=' && have >= 2)
			padding++;
		else if (!at || padding)
			return spk_fail(err, SPK_DATA, s[i] == '=' || padding ? "unexpected \"=\" while decoding base64 sequence" : "invalid symbol \"%c\" found while decoding base64 sequence", s[i]);
		v = v << 6 | (at ? (uint32_t)(at - base64) : 0);
		if (++have == 4) {
			out[n++] = (char)(v >> 16);
			if (padding < 2)
				out[n++] = (char)(v >> 8);
			if (padding < 1)
				out[n++] = (char)v;
			have = 0;
			v = 0;
		}
	}
	if (have)
		return spk_fail(err, SPK_DATA, "invalid base64 end sequence");
	*length = n;
	return SPK_OK;
}

static spk_status from_hex(const char *s, size_t size, struct spk_arena *arena, char *out, size_t *length, spk_error *err)
{
	char *prefixed = spk_arena_alloc(arena, size + 2);

	SPK_TRY_PTR(prefixed, err);
	memcpy(prefixed, "\\x", 2);
	memcpy(prefixed + 2, s, size);
	return spk_text_decode_bytes(prefixed, size + 2, out, length, err);
}

static spk_status decode(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader rs = spk_vector_reader(&call->arg[0]), rc = spk_vector_reader(&call->arg[1]);
	spk_error local = { 0 };

	SPK_EACH_CALL_ROW(call, row) {
		const struct spk_view *v = &SPK_ARG(struct spk_view, rs, row), *c = &SPK_ARG(struct spk_view, rc, row);
		enum coding coding = coding_of(c);
		char *bytes = spk_arena_alloc(call->ev->arena, (size_t)v->length + 4);
		size_t size = 0;
		spk_status status;

		SPK_TRY_PTR(bytes, err);
		if (coding == HEX)
			status = from_hex(spk_view_data(v), v->length, call->ev->arena, bytes, &size, &local);
		else if (coding == BASE64)
			status = from_base64(spk_view_data(v), v->length, bytes, &size, &local);
		else if (coding == ESCAPE)
			status = spk_text_decode_bytes(spk_view_data(v), v->length, bytes, &size, &local);
		else
			status = spk_fail(&local, SPK_DATA, "unrecognized encoding: \"%.*s\"", (int)c->length, spk_view_data(c));
		if (status != SPK_OK)
			SPK_TRY(spk_call_fail(call, out, row, SPK_DATA, err, "%s", local.message));
		else
			spk_vector_view(out)[row] = spk_view(bytes, (uint32_t)size);
	}
	return SPK_OK;
}

static spk_status octets(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(&call->arg[0]);

	(void)err;
	SPK_EACH_CALL_ROW(call, row)
		spk_vector_i32(out)[row] = (int32_t)SPK_ARG(struct spk_view, r, row).length;
	return SPK_OK;
}

static const struct spk_function bytes_functions[] = {
	{ .name = "md5", .doc = "MD5 in hexadecimal", SPK_ARGS1(TEXT), SPK_RESULT(TEXT), .kernel = md5 },
	{ .name = "md5", .doc = "MD5 in hexadecimal", SPK_ARGS1(BYTEA), SPK_RESULT(TEXT), .kernel = md5 },
	{ .name = "to_hex", .doc = "In hexadecimal", SPK_ARGS1(INTEGER), SPK_RESULT(TEXT), .kernel = hex_i32 },
	{ .name = "to_hex", .doc = "In hexadecimal", SPK_ARGS1(BIGINT), SPK_RESULT(TEXT), .kernel = hex_i64 },
	{ .name = "encode", .doc = "Bytes as text: hex, base64 or escape", SPK_ARGS2(BYTEA, TEXT), SPK_RESULT(TEXT), .can_fail = true, .kernel = encode },
	{ .name = "decode", .doc = "Bytes from text: hex, base64 or escape", SPK_ARGS2(TEXT, TEXT), SPK_RESULT(BYTEA), .can_fail = true, .kernel = decode },
	{ .name = "length", .doc = "Number of bytes", SPK_ARGS1(BYTEA), SPK_RESULT(INTEGER), .kernel = octets },
	{ .name = "octet_length", .doc = "Number of bytes", SPK_ARGS1(BYTEA), SPK_RESULT(INTEGER), .kernel = octets },
};

SPK_FUNCTION_FAMILY(bytes, bytes_functions)
