/* UTF-8, on text that is valid (sources check it when it comes in). Private to core/expr. */
#ifndef SPK_CORE_EXPR_UTF8_H
#define SPK_CORE_EXPR_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline bool spk_utf8_is_start(char c) { return (c & 0xc0) != 0x80; }

/* Bytes of the character that starts with `c`. */
static inline size_t spk_utf8_size(char c)
{
	unsigned char u = (unsigned char)c;

	return u < 0xc0 ? 1 : u < 0xe0 ? 2 : u < 0xf0 ? 3 : 4;
}

/* The next character, never beyond `end`. */
static inline const char *spk_utf8_next(const char *s, const char *end)
{
	size_t n = spk_utf8_size(*s);

	return (size_t)(end - s) < n ? end : s + n;
}

static inline bool spk_is_ascii(const char *s, size_t size)
{
	uint64_t any = 0, word;

	for (; size >= 8; s += 8, size -= 8) {
		memcpy(&word, s, 8);
		any |= word;
	}
	for (; size; s++, size--)
		any |= (unsigned char)*s;
	return !(any & 0x8080808080808080ull);
}

static inline size_t spk_utf8_count(const char *s, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < size; i++)
		n += spk_utf8_is_start(s[i]);
	return n;
}

/* `n` characters on from `s`, at most to `end`. */
static inline const char *spk_utf8_skip(const char *s, const char *end, size_t n)
{
	for (; n && s < end; n--)
		s = spk_utf8_next(s, end);
	return s;
}

/* `n` characters back from `end`, at most to `s`. */
static inline const char *spk_utf8_back(const char *s, const char *end, size_t n)
{
	while (n && end > s) {
		do
			end--;
		while (end > s && !spk_utf8_is_start(*end));
		n--;
	}
	return end;
}

/* Code point at `s`. */
static inline uint32_t spk_utf8_get(const char *s, const char *end)
{
	const unsigned char *u = (const unsigned char *)s;
	size_t n = spk_utf8_size(*s);

	if (n == 1 || (size_t)(end - s) < n)
		return u[0];
	if (n == 2)
		return (u[0] & 0x1fu) << 6 | (u[1] & 0x3fu);
	if (n == 3)
		return (u[0] & 0x0fu) << 12 | (u[1] & 0x3fu) << 6 | (u[2] & 0x3fu);
	return (u[0] & 0x07u) << 18 | (u[1] & 0x3fu) << 12 | (u[2] & 0x3fu) << 6 | (u[3] & 0x3fu);
}

/* Writes a code point (at most 4 bytes), returns its size. */
static inline size_t spk_utf8_put(uint32_t c, char *out)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* The first place of `needle` in s[0..size), or NULL. Looks for the needle's rarest byte first: on short strings that beats
 * libc's memmem, which prepares a table at every call. */
const char *spk_find(const char *s, size_t size, const char *needle, size_t needle_size);

/* Lower or upper case of `size` bytes into `out`, which has room for 2 * size + 4 bytes; returns the size. */
size_t spk_utf8_lower(const char *s, size_t size, char *out);
size_t spk_utf8_upper(const char *s, size_t size, char *out);

#endif
