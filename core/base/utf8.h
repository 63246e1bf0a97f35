/* Which bytes are UTF-8. Works on any bytes; text that was checked before has its own tools in core/expr. */
#ifndef SPK_CORE_BASE_UTF8_H
#define SPK_CORE_BASE_UTF8_H

#include <stddef.h>

/* Bytes of the well-formed sequence that s[0, size) begins with (Unicode 15, table 3-7); 0: it begins with none. */
static inline size_t spk_utf8_sequence(const char *s, size_t size)
{
	const unsigned char *u = (const unsigned char *)s;
	size_t n = size == 0 ? 0 : *u < 0x80 ? 1 : *u < 0xc2 ? 0 : *u < 0xe0 ? 2 : *u < 0xf0 ? 3 : *u < 0xf5 ? 4 : 0;
	unsigned char low = 0x80, high = 0xbf;

	if (n < 2)
		return n;
	low = *u == 0xe0 ? 0xa0 : *u == 0xf0 ? 0x90 : low;
	high = *u == 0xed ? 0x9f : *u == 0xf4 ? 0x8f : high;
	if (n > size || u[1] < low || u[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++)
		if (u[i] < 0x80 || u[i] > 0xbf)
			return 0;
	return n;
}

/* Index of the first byte that is not UTF-8, else `size`. */
static inline size_t spk_utf8_valid(const char *s, size_t size)
{
	size_t at = 0, n;

	while (at < size && (n = spk_utf8_sequence(s + at, size - at)) > 0)
		at += n;
	return at;
}

#endif
