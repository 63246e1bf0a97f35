/*
 * Digits to numbers, eight at a time. Everything here reads whole words: 8 bytes before the text and 16 behind it must be readable.
 * False always means "look again more carefully", never "this is wrong".
 */
#ifndef SPK_CONNECTORS_FORMAT_DIGITS_H
#define SPK_CONNECTORS_FORMAT_DIGITS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "core/base/check.h"

#define SPK_DIGITS_ZERO UINT64_C(0x3030303030303030)

/* Eight bytes as a word whose lowest byte is the first. */
static inline uint64_t spk_digits_load(const char *s)
{
	uint64_t v;

	memcpy(&v, s, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	v = __builtin_bswap64(v);
#endif
	return v;
}

/* Of values 0 to 9 in every byte. */
static inline bool spk_digits_are(uint64_t values)
{
	return ((values | (values + UINT64_C(0x0606060606060606))) & UINT64_C(0xf0f0f0f0f0f0f0f0)) == 0;
}

/* Eight values 0 to 9, the highest digit in the lowest byte, as a number: pairs, then fours, then all. */
static inline uint32_t spk_digits_join(uint64_t values)
{
	values = values * 2561 >> 8;
	values = (values & UINT64_C(0x00ff00ff00ff00ff)) * 6553601 >> 16;
	return (uint32_t)((values & UINT64_C(0x0000ffff0000ffff)) * UINT64_C(42949672960001) >> 32);
}

/* The n digits (1 to 8) that end before `end`, as values in the upper bytes and zeros in front. */
static inline uint64_t spk_digits_before(const char *end, uint32_t n)
{
	unsigned shift = 64 - 8 * n;

	return (spk_digits_load(end - 8) ^ SPK_DIGITS_ZERO) >> shift << shift;
}

/* 1 to 16 digits. */
static inline bool spk_digits_whole(const char *s, uint32_t n, uint64_t *out)
{
	uint64_t low, high;

	if (SPK_UNLIKELY(n - 1 > 15))
		return false;
	if (SPK_LIKELY(n <= 8)) {
		low = spk_digits_before(s + n, n);
		*out = spk_digits_join(low);
		return spk_digits_are(low);
	}
	low = spk_digits_load(s + n - 8) ^ SPK_DIGITS_ZERO;
	high = spk_digits_before(s + n - 8, n - 8);
	*out = spk_digits_join(high) * UINT64_C(100000000) + spk_digits_join(low);
	return spk_digits_are(low) && spk_digits_are(high);
}

/* [-] and 1 to 16 digits. */
static inline bool spk_digits_signed(const char *s, uint32_t n, int64_t *out)
{
	bool negative = *s == '-';
	uint64_t v;

	if (!spk_digits_whole(s + negative, n - negative, &v))
		return false;
	*out = negative ? -(int64_t)v : (int64_t)v;
	return true;
}

/* digits '.' digits, 2 to 8 in all, of them `fraction` (1 to 7) behind the point, which was found where it belongs. */
static inline bool spk_digits_around_point(const char *s, uint32_t n, uint32_t fraction, uint64_t *out)
{
	const char *end = s + n;
	unsigned behind = 8 * fraction, shift = 64 - 8 * (n - 1);
	uint64_t values = spk_digits_load(end - fraction - 9) >> behind | spk_digits_load(end - 8) >> (64 - behind) << (64 - behind);

	values = (values ^ SPK_DIGITS_ZERO) >> shift << shift;
	*out = spk_digits_join(values);
	return spk_digits_are(values);
}

/* Days since 1970-01-01 of a day of the years 1 to 9999; false: there is no such day. */
static inline bool spk_digits_day(uint32_t year, uint32_t month, uint32_t day, int32_t *days)
{
	static const uint16_t before[2][16] = {
		{ 0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365 }, { 0, 0, 31, 60, 91, 121, 152, 182, 213, 244, 274, 305, 335, 366 },
	};
	uint32_t century = year / 100, rest, leap = year % 4 == 0 && (year != century * 100 || century % 4 == 0);

	if (year - 1 > 9998 || month - 1 > 11 || day - 1 >= (uint32_t)(before[leap][month + 1] - before[leap][month]))
		return false;
	rest = year - 1;
	century = rest / 100;
	*days = (int32_t)(rest * 365 + rest / 4 - century + century / 4 + before[leap][month] + day) - 719163;
	return true;
}

/* 'YYYY-MM-DD' of those years. */
static inline bool spk_digits_date(const char *s, int32_t *days)
{
	uint64_t v = spk_digits_load(s) ^ UINT64_C(0x2d30302d30303030);
	uint32_t tens = (uint8_t)s[8] ^ '0', ones = (uint8_t)s[9] ^ '0';

	if (!spk_digits_are(v) || (v & UINT64_C(0xff0000ff00000000)) || tens > 9 || ones > 9)
		return false;
	return spk_digits_day((uint32_t)((v & 15) * 1000 + (v >> 8 & 15) * 100 + (v >> 16 & 15) * 10 + (v >> 24 & 15)),
	                      (uint32_t)((v >> 40 & 15) * 10 + (v >> 48 & 15)), tens * 10 + ones, days);
}

#endif
