#include "core/expr/utf8.h"

#include <wctype.h>

#include "core/expr/locale.h"

static char ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static char ascii_upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c & ~0x20) : c;
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
	for (size_t i = 0; i < size; i++)
		out[i] = ascii_lower(s[i]);
	return size;
}

size_t spk_utf8_upper(const char *s, size_t size, char *out)
{
	if (!spk_is_ascii(s, size))
		return convert(s, size, false, out);
	for (size_t i = 0; i < size; i++)
		out[i] = ascii_upper(s[i]);
	return size;
}
