#include "core/expr/utf8.h"

#include <wctype.h>

#include "core/expr/locale.h"

/* How common a byte is in text, roughly: letters by their frequency, then digits and marks; all else is rare. */
static const unsigned char commonness[256] = {
	['z'] = 2, ['q'] = 3, ['x'] = 4, ['j'] = 5, ['k'] = 6, ['v'] = 7, ['b'] = 8, ['p'] = 9, ['y'] = 10, ['g'] = 11,
	['f'] = 12, ['w'] = 13, ['m'] = 14, ['u'] = 15, ['c'] = 16, ['l'] = 17, ['d'] = 18, ['r'] = 19, ['h'] = 20, ['s'] = 21,
	['n'] = 22, ['i'] = 23, ['o'] = 24, ['a'] = 25, ['t'] = 26, ['e'] = 27, ['/'] = 28, ['.'] = 29, [' '] = 30, ['-'] = 31,
	['0'] = 32, ['1'] = 33, ['2'] = 34, ['3'] = 35, ['4'] = 36, ['5'] = 37, ['6'] = 38, ['7'] = 39, ['8'] = 40, ['9'] = 41,
};

const char *spk_find(const char *s, size_t size, const char *needle, size_t needle_size)
{
	const char *end = s + size;
	size_t rare = 0;

	if (needle_size > size)
		return NULL;
	if (needle_size <= 1)
		return needle_size ? memchr(s, *needle, size) : s;
	for (size_t i = 1, least = commonness[(unsigned char)needle[0]]; i < needle_size && least > 0; i++) {
		unsigned c = commonness[(unsigned char)needle[i]];

		if (c < least) {
			least = c;
			rare = i;
		}
	}
	for (const char *p = s; (size_t)(end - p) >= needle_size; p++) {
		const char *at = memchr(p + rare, needle[rare], (size_t)(end - p) - needle_size + 1);

		if (!at)
			return NULL;
		p = at - rare;
		if (memcmp(p, needle, needle_size) == 0)
			return p;
	}
	return NULL;
}

/* Eight ASCII letters at a time: bit 5 of those from `first` on, 26 of them, is flipped. */
static uint64_t flip_case(uint64_t word, unsigned char first)
{
	const uint64_t ones = 0x0101010101010101ull;
	uint64_t from = word + ones * (unsigned char)(0x80 - first), beyond = word + ones * (unsigned char)(0x80 - first - 26);

	return word ^ ((from ^ beyond) & 0x8080808080808080ull) >> 2;
}

static void flip_ascii(const char *s, size_t size, unsigned char first, char *out)
{
	uint64_t word;

	for (; size >= 8; s += 8, out += 8, size -= 8) {
		memcpy(&word, s, 8);
		word = flip_case(word, first);
		memcpy(out, &word, 8);
	}
	for (; size; size--, s++)
		*out++ = (char)((unsigned char)(*s - (char)first) < 26 ? *s ^ 0x20 : *s);
}

static size_t convert(const char *s, size_t size, bool lower, char *out)
{
	const char *end = s + size;
	locale_t locale = spk_locale();
	size_t n = 0;

	while (s < end) {
		wint_t c = spk_utf8_get(s, end);

		n += spk_utf8_put((uint32_t)(lower ? towlower_l(c, locale) : towupper_l(c, locale)), out + n);
		s = spk_utf8_next(s, end);
	}
	return n;
}

size_t spk_utf8_lower(const char *s, size_t size, char *out)
{
	if (!spk_is_ascii(s, size))
		return convert(s, size, true, out);
	flip_ascii(s, size, 'A', out);
	return size;
}

size_t spk_utf8_upper(const char *s, size_t size, char *out)
{
	if (!spk_is_ascii(s, size))
		return convert(s, size, false, out);
	flip_ascii(s, size, 'a', out);
	return size;
}
