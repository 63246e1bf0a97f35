/* Numbers and timestamps into text at a bare pointer, for the encoders: the caller has made room, and 16 bytes more. */
#ifndef SPK_CONNECTORS_FORMAT_PUT_H
#define SPK_CONNECTORS_FORMAT_PUT_H

#include <string.h>

#include "core/base/check.h"
#include "core/expr/text.h"

static const char spk_two_digits[] =
	"00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748495051525354555657585960616263"
	"646566676869707172737475767778798081828384858687888990919293949596979899";

static inline char *spk_put2(char *p, unsigned v)
{
	memcpy(p, spk_two_digits + 2 * v, 2);
	return p + 2;
}

static inline int spk_count_digits(uint64_t v)
{
	static const uint64_t least[] = {
		0, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000, UINT64_C(10000000000), UINT64_C(100000000000), UINT64_C(1000000000000),
		UINT64_C(10000000000000), UINT64_C(100000000000000), UINT64_C(1000000000000000), UINT64_C(10000000000000000), UINT64_C(100000000000000000),
		UINT64_C(1000000000000000000), UINT64_C(10000000000000000000),
	};
	int about = (64 - __builtin_clzll(v | 1)) * 1233 >> 12;  /* log10(2) = 1233 / 4096 */

	return about + (v >= least[about] || v == 0);
}

static inline char *spk_put_u64(char *p, uint64_t v)
{
	char *end = p + spk_count_digits(v), *t = end;
	uint32_t small;

	while (v > UINT32_MAX) {
		t -= 2;
		memcpy(t, spk_two_digits + 2 * (v % 100), 2);
		v /= 100;
	}
	for (small = (uint32_t)v; small >= 100; small /= 100) {
		t -= 2;
		memcpy(t, spk_two_digits + 2 * (small % 100), 2);
	}
	if (small >= 10)
		memcpy(t - 2, spk_two_digits + 2 * small, 2);
	else
		t[-1] = (char)('0' + small);
	return end;
}

static inline char *spk_put_i64(char *p, int64_t v)
{
	if (v >= 0)
		return spk_put_u64(p, (uint64_t)v);
	*p++ = '-';
	return spk_put_u64(p, 0 - (uint64_t)v);
}

/* The day of the last timestamp and its text. `day` begins as INT64_MIN. */
struct spk_day_text { int64_t day; char text[16]; };

static const int64_t SPK_DAY_US = INT64_C(86400000000), SPK_FIRST_DAY = -719162 /* 0001-01-01 */, SPK_LAST_DAY = 2932896 /* 9999-12-31 */;

/* A timestamp of the years 1 to 9999, without its zone; the text of the day is kept for the next. */
static inline char *spk_put_timestamp(struct spk_day_text *last, char *p, int64_t us, char separator)
{
	int64_t day, rest;
	uint32_t s, f;

	if (SPK_UNLIKELY(us < SPK_FIRST_DAY * SPK_DAY_US || us >= (SPK_LAST_DAY + 1) * SPK_DAY_US))
		return p + spk_text_timestamp(us, p);
	day = us >= 0 ? us / SPK_DAY_US : -((SPK_DAY_US - 1 - us) / SPK_DAY_US);
	rest = us - day * SPK_DAY_US;
	s = (uint32_t)(rest / 1000000);
	f = (uint32_t)(rest % 1000000);
	if (SPK_UNLIKELY(day != last->day)) {
		spk_text_date((int32_t)day, last->text);
		last->day = day;
	}
	memcpy(p, last->text, 16);
	p[10] = separator;
	spk_put2(p + 11, s / 3600);
	p[13] = ':';
	spk_put2(p + 14, s / 60 % 60);
	p[16] = ':';
	p = spk_put2(p + 17, s % 60);
	if (!f)
		return p;
	*p = '.';
	spk_put2(p + 1, f / 10000);
	spk_put2(p + 3, f / 100 % 100);
	spk_put2(p + 5, f % 100);
	for (p += 7; p[-1] == '0'; p--)
		;
	return p;
}

#endif
