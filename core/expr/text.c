/*
 * Values to text, in PostgreSQL's formats. Digits are written directly; only doubles with many digits go through printf.
 * text_parse.c and text_time.c read them back.
 */
#include "core/expr/text.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/columnar/decimal.h"
#include "core/expr/calendar.h"
#include "core/expr/locale.h"
#include "core/expr/zone.h"

const char *const spk_month_names[13] = { "", "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December" };
const char *const spk_day_names[7] = { "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday" };

/* --- integers --- */

static const char pairs[] =
	"0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849"
	"5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";

static char *put2(char *p, unsigned v)
{
	memcpy(p, pairs + v * 2, 2);
	return p + 2;
}

static int put_unsigned(uint64_t v, char *out)
{
	char buffer[20], *p = buffer + sizeof buffer;
	int n;

	while (v >= 100) {
		p -= 2;
		memcpy(p, pairs + v % 100 * 2, 2);
		v /= 100;
	}
	if (v >= 10) {
		p -= 2;
		memcpy(p, pairs + v * 2, 2);
	} else {
		*--p = (char)('0' + v);
	}
	n = (int)(buffer + sizeof buffer - p);
	memcpy(out, p, (size_t)n);
	return n;
}

int spk_text_bigint(int64_t v, char *out)
{
	if (v >= 0)
		return put_unsigned((uint64_t)v, out);
	*out = '-';
	return 1 + put_unsigned(0 - (uint64_t)v, out + 1);
}

/* --- floats --- */

/* Lays digits with a decimal exponent (value = 0.d1d2... * 10^exponent) out as PostgreSQL does for a type of `limit` digits. */
static int put_digits(const char *digits, int count, int exponent, int limit, char *out)
{
	char *p = out;
	int e = exponent - 1;

	while (count > 1 && digits[count - 1] == '0')
		count--;
	if (e < -4 || e >= limit) {
		*p++ = digits[0];
		if (count > 1) {
			*p++ = '.';
			memcpy(p, digits + 1, (size_t)(count - 1));
			p += count - 1;
		}
		*p++ = 'e';
		*p++ = e < 0 ? '-' : '+';
		e = abs(e);
		if (e >= 100)
			*p++ = (char)('0' + e / 100);
		p = put2(p, (unsigned)(e % 100));
	} else if (exponent <= 0) {
		*p++ = '0';
		*p++ = '.';
		for (int i = exponent; i < 0; i++)
			*p++ = '0';
		memcpy(p, digits, (size_t)count);
		p += count;
	} else {
		for (int i = 0; i < SPK_MAX(count, exponent); i++) {
			if (i == exponent)
				*p++ = '.';
			*p++ = i < count ? digits[i] : '0';
		}
	}
	return (int)(p - out);
}

static int put_special(double v, char *out)
{
	const char *s = isnan(v) ? "NaN" : v > 0 ? "Infinity" : "-Infinity";

	memcpy(out, s, strlen(s));
	return (int)strlen(s);
}

/* Decimals with few digits behind the point, which most doubles in data are: v * 10^k is an exact integer again. A decimal of
 * at most 15 digits that reads back as v is the only one, hence the shortest. */
static int put_short_double(double v, char *out)
{
	static const double power[] = { 1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6 };

	for (int k = 0; k <= 6; k++) {
		double scaled = v * power[k];
		int64_t m;
		char digits[20];
		int count;

		if (!(scaled < 1e15))
			return 0;
		m = (int64_t)(scaled + 0.5);
		if (m == 0 || (double)m / power[k] != v)
			continue;
		count = put_unsigned((uint64_t)m, digits);
		return put_digits(digits, count, count - k, 15, out);
	}
	return 0;
}

/* Shortest digits by trying: printf rounds correctly, so the first precision that reads back is it, but for powers of two,
 * whose lower neighbour is nearer: there the next larger last digit may read back too. */
static int shortest(double v, bool single, char *digits, int *exponent)
{
	int from = single ? (v < 1.17549435e-38 ? 1 : 6) : (v < 2.2250738585072014e-308 ? 1 : 15), to = single ? 9 : 17;

	for (int precision = from; precision <= to; precision++) {
		char text[40], *e;

		for (int up = 0; up < 2; up++) {
			snprintf(text, sizeof text, "%.*e", precision - 1, v);
			e = strchr(text, 'e');
			if (up) {
				char *last = e - 1;

				if (*last == '9' || *last == '.')
					break;
				++*last;
			}
			if (single ? strtof(text, NULL) != (float)v : strtod(text, NULL) != v)
				continue;
			*exponent = atoi(e + 1) + 1;
			digits[0] = text[0];
			memcpy(digits + 1, text + 2, (size_t)(precision - 1));
			return precision;
		}
	}
	return 0;
}

static int put_float(double v, bool single, char *out)
{
	char digits[24];
	int exponent = 0, count, at = 0;
	locale_t before;

	if (isnan(v) || isinf(v))
		return put_special(v, out);
	if (signbit(v)) {
		out[at++] = '-';
		v = -v;
	}
	if (v == 0) {
		out[at++] = '0';
		return at;
	}
	if (!single && (count = put_short_double(v, out + at)) > 0)
		return at + count;
	before = uselocale(spk_locale());
	count = shortest(v, single, digits, &exponent);
	uselocale(before);
	return at + put_digits(digits, count, exponent, single ? 6 : 15, out + at);
}

int spk_text_double(double v, char *out)
{
	return put_float(v, false, out);
}

/* --- dates and times --- */

static char *put_year(char *p, int year)
{
	unsigned y = (unsigned)(year > 0 ? year : 1 - year);

	if (y <= 9999)
		return put2(put2(p, y / 100), y % 100);
	return p + put_unsigned(y, p);
}

static char *put_date(char *p, struct spk_date_parts d)
{
	p = put_year(p, d.year);
	*p++ = '-';
	p = put2(p, (unsigned)d.month);
	*p++ = '-';
	return put2(p, (unsigned)d.day);
}

static char *put_fraction(char *p, int micros)
{
	int digits = 6;

	if (micros == 0)
		return p;
	*p++ = '.';
	put2(put2(put2(p, (unsigned)(micros / 10000)), (unsigned)(micros / 100 % 100)), (unsigned)(micros % 100));
	while (p[digits - 1] == '0')
		digits--;
	return p + digits;
}

static char *put_time(char *p, int64_t of_day)
{
	struct spk_time_parts t = spk_time_from_micros(of_day);

	p = put2(p, (unsigned)t.hour);
	*p++ = ':';
	p = put2(p, (unsigned)t.minute);
	*p++ = ':';
	return put_fraction(put2(p, (unsigned)t.second), t.micros);
}

static char *put_word(char *p, const char *word)
{
	size_t n = strlen(word);

	memcpy(p, word, n);
	return p + n;
}

int spk_text_date(int32_t days, char *out)
{
	struct spk_date_parts d;
	char *p;

	if (!spk_date_finite(days))
		return (int)(put_word(out, days > 0 ? "infinity" : "-infinity") - out);
	d = spk_date_from_days(days);
	p = put_date(out, d);
	return (int)((d.year <= 0 ? put_word(p, " BC") : p) - out);
}

/* `zone`: seconds east of UTC to add and show; INT32_MIN: none. */
static int put_timestamp(int64_t us, int32_t zone, char *out)
{
	int64_t days, of_day;
	struct spk_date_parts d;
	char *p;

	if (!spk_timestamp_finite(us))
		return (int)(put_word(out, us > 0 ? "infinity" : "-infinity") - out);
	spk_split_timestamp(us, &days, &of_day);
	if (zone != INT32_MIN) {
		of_day += zone * SPK_USEC_PER_SEC;
		days += of_day < 0 ? -1 : of_day >= SPK_USEC_PER_DAY;
		of_day = (of_day + SPK_USEC_PER_DAY) % SPK_USEC_PER_DAY;
	}
	d = spk_date_from_days(days);
	p = put_date(out, d);
	*p++ = ' ';
	p = put_time(p, of_day);
	if (zone != INT32_MIN)
		p += spk_text_offset(zone, p);
	return (int)((d.year <= 0 ? put_word(p, " BC") : p) - out);
}

int spk_text_offset(int32_t seconds, char *out)
{
	unsigned a = (unsigned)abs(seconds);
	char *p = out;

	*p++ = seconds < 0 ? '-' : '+';
	p = put2(p, a / 3600);
	if (a % 3600) {
		*p++ = ':';
		p = put2(p, a / 60 % 60);
	}
	if (a % 60) {
		*p++ = ':';
		p = put2(p, a % 60);
	}
	return (int)(p - out);
}

int spk_text_timestamp(int64_t us, char *out)
{
	return put_timestamp(us, INT32_MIN, out);
}

static int put_timestamptz(int64_t us, const char *timezone, char *out)
{
	const struct spk_zone *zone = timezone ? spk_zone_find(timezone, strlen(timezone)) : NULL;

	if (!spk_timestamp_finite(us))
		return put_timestamp(us, INT32_MIN, out);
	return put_timestamp(us, zone ? spk_zone_offset_at(zone, us) : 0, out);
}

/* --- intervals --- */

struct interval_text { char *p; bool first, before; };

static void put_part(struct interval_text *t, int64_t value, const char *unit)
{
	if (value == 0)
		return;
	if (!t->first)
		*t->p++ = ' ';
	if (t->before && value > 0)
		*t->p++ = '+';
	t->p += spk_text_bigint(value, t->p);
	*t->p++ = ' ';
	t->p = put_word(t->p, unit);
	if (value != 1)
		*t->p++ = 's';
	t->before = value < 0;
	t->first = false;
}

static int put_interval(const struct spk_interval *v, char *out)
{
	struct interval_text t = { out, true, false };
	uint64_t us = v->micros < 0 ? 0 - (uint64_t)v->micros : (uint64_t)v->micros, hours = us / (uint64_t)SPK_USEC_PER_HOUR;

	put_part(&t, v->months / 12, "year");
	put_part(&t, v->months % 12, "mon");
	put_part(&t, v->days, "day");
	if (us == 0 && !t.first)
		return (int)(t.p - out);
	if (!t.first)
		*t.p++ = ' ';
	if (v->micros < 0)
		*t.p++ = '-';
	else if (t.before)
		*t.p++ = '+';
	if (hours < 10)
		*t.p++ = '0';
	t.p += put_unsigned(hours, t.p);
	*t.p++ = ':';
	us %= (uint64_t)SPK_USEC_PER_HOUR;
	t.p = put2(t.p, (unsigned)(us / 60000000));
	*t.p++ = ':';
	us %= 60000000;
	return (int)(put_fraction(put2(t.p, (unsigned)(us / 1000000)), (int)(us % 1000000)) - out);
}

/* --- any value --- */

int spk_text_from_value(struct spk_type type, const void *value, const char *timezone, char *out)
{
	spk_int128 mantissa;
	int scale;

	switch (type.id) {
	case SPK_TYPE_BOOLEAN:
		return (int)(put_word(out, *(const uint8_t *)value ? "true" : "false") - out);
	case SPK_TYPE_SMALLINT:
		return spk_text_bigint(*(const int16_t *)value, out);
	case SPK_TYPE_INTEGER:
		return spk_text_bigint(*(const int32_t *)value, out);
	case SPK_TYPE_BIGINT:
		return spk_text_bigint(*(const int64_t *)value, out);
	case SPK_TYPE_REAL:
		return put_float(*(const float *)value, true, out);
	case SPK_TYPE_DOUBLE:
		return put_float(*(const double *)value, false, out);
	case SPK_TYPE_DECIMAL:
		spk_decimal_unpack(type, *(const spk_int128 *)value, &mantissa, &scale);
		return spk_decimal_format(mantissa, scale, out);
	case SPK_TYPE_DATE:
		return spk_text_date(*(const int32_t *)value, out);
	case SPK_TYPE_TIME:
		return (int)(put_time(out, *(const int64_t *)value) - out);
	case SPK_TYPE_TIMESTAMP:
		return spk_text_timestamp(*(const int64_t *)value, out);
	case SPK_TYPE_TIMESTAMPTZ:
		return put_timestamptz(*(const int64_t *)value, timezone, out);
	case SPK_TYPE_INTERVAL:
		return put_interval(value, out);
	case SPK_TYPE_UUID:
		return spk_text_uuid(*(const spk_int128 *)value, out);
	default:
		SPK_ASSERT(false, "text of a string or nested value is not made here");
		return 0;
	}
}
