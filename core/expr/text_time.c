/*
 * Dates, times and timestamps from text: PostgreSQL's input with DateStyle ISO, MDY.
 *
 * The common form 'YYYY-MM-DD HH:MM:SS[.f]' is read digit by digit. Everything else is cut into tokens, of which each says by
 * its look what it is: a date with separators, a time with colons, a number, a word, a zone.
 */
#include <ctype.h>
#include <strings.h>

#include "core/expr/calendar.h"
#include "core/expr/text_parse.h"
#include "core/expr/zone.h"

struct parts {
	const char *s, *end;           /* what is still to be read */
	int64_t year;
	int month, day, day_of_year;
	bool has_year, has_month, has_day, has_day_of_year, has_julian, two_digit_year, bc;
	int64_t julian;
	int hour, minute, second, micros;
	bool has_time, am, pm;
	int32_t offset;                /* seconds east of UTC */
	const struct spk_zone *zone;
	bool has_offset;
	int special;                   /* 1: infinity, -1: -infinity, 2: epoch */
	bool range;                    /* a field is out of range: another message */
	bool far_zone;                 /* an offset of 16 hours or more: yet another */
	const char *no_zone;           /* a name with a slash that is no zone */
	size_t no_zone_size;
};

/* --- the fast path --- */

static inline bool two(const char *s, int *v)
{
	unsigned a = (unsigned)(s[0] - '0'), b = (unsigned)(s[1] - '0');

	*v = (int)(a * 10 + b);
	return a <= 9 && b <= 9;
}

/* 'YYYY-MM-DD' */
static bool fast_date(const char *s, int64_t *days)
{
	int high, low, month, day, year;

	if (!two(s, &high) || !two(s + 2, &low) || s[4] != '-' || !two(s + 5, &month) || s[7] != '-' || !two(s + 8, &day))
		return false;
	year = high * 100 + low;
	if (year == 0 || month < 1 || month > 12 || day < 1 || day > spk_days_in_month(year, month))
		return false;
	*days = spk_days_from_date(year, month, day);
	return true;
}

/* Z, +HH, +HHMM or +HH:MM up to the end. */
static bool fast_offset(const char *s, const char *end, int32_t *offset)
{
	int hours, minutes = 0;

	*offset = 0;
	if (s + 1 == end && (*s == 'Z' || *s == 'z'))
		return true;
	if (end - s < 3 || (*s != '+' && *s != '-') || !two(s + 1, &hours))
		return false;
	if (end - s == 6 ? s[3] != ':' || !two(s + 4, &minutes) : end - s == 5 ? !two(s + 3, &minutes) : end - s != 3)
		return false;
	if (hours > 15 || minutes > 59)
		return false;
	*offset = (hours * 3600 + minutes * 60) * (*s == '-' ? -1 : 1);
	return true;
}

/* Local microseconds and the offset that was written. */
static bool fast_timestamp(const char *s, size_t size, int64_t *us, int32_t *offset, bool *has_zone)
{
	const char *end = s + size;
	int hour, minute, second, micros = 0, digits = 0;
	int64_t days;

	if (size < 19 || (s[10] != ' ' && s[10] != 'T') || !fast_date(s, &days))
		return false;
	if (!two(s + 11, &hour) || s[13] != ':' || !two(s + 14, &minute) || s[16] != ':' || !two(s + 17, &second))
		return false;
	if (hour > 23 || minute > 59 || second > 59)
		return false;
	s += 19;
	if (s < end && *s == '.') {
		for (s++; s < end && *s >= '0' && *s <= '9' && digits < 6; s++, digits++)
			micros = micros * 10 + (*s - '0');
		if (digits == 0)
			return false;
		for (; digits < 6; digits++)
			micros *= 10;
	}
	*offset = 0;
	*has_zone = s < end;
	if (s < end && !fast_offset(s, end, offset))
		return false;
	*us = days * SPK_USEC_PER_DAY + (hour * 3600 + minute * 60 + second) * SPK_USEC_PER_SEC + micros;
	return true;
}

bool spk_text_parse_timestamp_fast(const char *s, size_t size, int64_t *us, bool *has_zone)
{
	int32_t offset;
	int64_t local;

	if (!fast_timestamp(s, size, &local, &offset, has_zone))
		return false;
	*us = local - offset * SPK_USEC_PER_SEC;
	return true;
}

/* --- tokens --- */

static int word_index(const char *s, size_t size, const char *const *names, int from, int to)
{
	for (int i = from; i < to; i++)
		if ((size == 3 || size == strlen(names[i])) && strncasecmp(s, names[i], size) == 0)
			return i;
	if (from == 1 && size == 4 && strncasecmp(s, "sept", 4) == 0)
		return 9;
	return -1;
}

static bool is_word(const char *s, size_t size, const char *word)
{
	return strlen(word) == size && strncasecmp(s, word, size) == 0;
}

static size_t digits_at(const char *s, const char *end)
{
	const char *p = s;

	while (p < end && isdigit((unsigned char)*p))
		p++;
	return (size_t)(p - s);
}

/* What has too many digits is beyond every field's range, and does not wrap. */
static int64_t number(const char *s, size_t digits)
{
	const int64_t most = INT64_C(99999999);
	int64_t v = 0;

	for (size_t i = 0; i < digits; i++)
		v = v > most ? v : v * 10 + (s[i] - '0');
	return v;
}

static bool set_year(struct parts *p, const char *s, size_t digits)
{
	if (p->has_year || digits == 0 || digits > 7)
		return false;
	p->year = number(s, digits);
	p->two_digit_year = digits <= 2;
	p->has_year = true;
	return true;
}

static bool set_month(struct parts *p, int64_t month)
{
	if (p->has_month)
		return false;
	p->month = (int)month;
	p->has_month = true;
	return true;
}

static bool set_day(struct parts *p, int64_t day)
{
	if (p->has_day)
		return false;
	p->day = (int)day;
	p->has_day = true;
	return true;
}

/* Up to six digits behind a point, the seventh rounds. */
static int read_micros(struct parts *p)
{
	int micros = 0, digits = 0, next = 0;

	for (; p->s < p->end && isdigit((unsigned char)*p->s); p->s++, digits++) {
		if (digits < 6)
			micros = micros * 10 + (*p->s - '0');
		else if (digits == 6)
			next = *p->s - '0';
	}
	for (; digits < 6; digits++)
		micros *= 10;
	return micros + (next >= 5);
}

/* HH:MM[:SS[.f]] */
static bool read_time(struct parts *p)
{
	size_t n = digits_at(p->s, p->end);

	if (p->has_time || n == 0 || n > 9)
		return false;
	p->hour = (int)number(p->s, n);
	p->s += n;
	for (int part = 0; part < 2 && p->s < p->end && *p->s == ':'; part++) {
		n = digits_at(p->s + 1, p->end);
		if (n == 0 || n > 9)
			return false;
		*(part ? &p->second : &p->minute) = (int)number(p->s + 1, n);
		p->s += 1 + n;
	}
	if (p->s < p->end && *p->s == '.') {
		p->s++;
		p->micros = read_micros(p);
	}
	p->has_time = true;
	return true;
}

/* HHMMSS[.f] or HHMM, as after a T or a full date. */
static bool set_packed_time(struct parts *p, const char *s, size_t digits)
{
	if (p->has_time || (digits != 6 && digits != 4))
		return false;
	p->hour = (int)number(s, 2);
	p->minute = (int)number(s + 2, 2);
	p->second = digits == 6 ? (int)number(s + 4, 2) : 0;
	if (p->s < p->end && *p->s == '.' && digits == 6) {
		p->s++;
		p->micros = read_micros(p);
	}
	p->has_time = true;
	return true;
}

/* Three parts with separators: Y-M-D when the first has more than two digits, D-Mon-Y with a month's name, else M/D/Y. */
static bool set_date(struct parts *p, const char *const *part, const size_t *size, int count)
{
	int named = -1;

	if (count < 2 || count > 3)
		return false;
	for (int i = 0; i < count; i++)
		if (isalpha((unsigned char)part[i][0]))
			named = i;
	if (named >= 0) {
		int month = word_index(part[named], size[named], spk_month_names, 1, 13);
		int first = named == 0 ? 1 : 0, second = 2;

		if (month < 0 || count != 3 || named == 2 || !set_month(p, month))
			return false;
		if (size[first] > 2)
			return set_year(p, part[first], size[first]) && set_day(p, number(part[second], size[second]));
		return set_day(p, number(part[first], size[first])) && set_year(p, part[second], size[second]);
	}
	if (count == 2 && size[0] >= 4 && size[1] == 3) {
		p->day_of_year = (int)number(part[1], 3);
		p->has_day_of_year = true;
		return set_year(p, part[0], size[0]);
	}
	if (count != 3)
		return false;
	if (size[0] > 2)
		return set_year(p, part[0], size[0]) && set_month(p, number(part[1], size[1])) && set_day(p, number(part[2], size[2]));
	return set_month(p, number(part[0], size[0])) && set_day(p, number(part[1], size[1])) && set_year(p, part[2], size[2]);
}

static bool read_date(struct parts *p)
{
	const char *part[3];
	size_t size[3];
	char separator = 0;
	int count = 0;

	while (p->s < p->end && count < 3) {
		const char *s = p->s;
		bool letters = isalpha((unsigned char)*s);

		while (p->s < p->end && (letters ? isalpha((unsigned char)*p->s) : isdigit((unsigned char)*p->s)))
			p->s++;
		if (p->s == s || p->s - s > 9)
			return false;
		part[count] = s;
		size[count++] = (size_t)(p->s - s);
		if (count == 3 || p->s == p->end || !strchr("-/.", *p->s) || (separator && *p->s != separator))
			break;
		separator = *p->s++;
	}
	return set_date(p, part, size, count);
}

/* A bare number: packed date or time, a day or a year beside a month's name. */
static bool read_number(struct parts *p)
{
	const char *s = p->s;
	size_t n = digits_at(s, p->end);
	bool date_done = p->has_year && p->has_month && p->has_day;

	p->s += n;
	if (n == 8 && !p->has_month && !p->has_year)
		return set_year(p, s, 4) && set_month(p, number(s + 4, 2)) && set_day(p, number(s + 6, 2));
	if (date_done && (n == 6 || n == 4))
		return set_packed_time(p, s, n);
	if (n == 6 && !p->has_month && !p->has_year)
		return set_year(p, s, 2) && set_month(p, number(s + 2, 2)) && set_day(p, number(s + 4, 2));
	if (p->has_month && p->has_year)
		return set_day(p, number(s, n));
	if (p->has_month && !p->has_day && n <= 2)
		return set_day(p, number(s, n));
	if (!p->has_month && (p->has_year || n <= 2))  /* the month comes first; the day where a month's name follows */
		return set_month(p, number(s, n));
	return set_year(p, s, n);
}

/* +HH[:MM[:SS]] or +HHMM[SS] */
static bool read_offset(struct parts *p)
{
	int sign = *p->s++ == '-' ? -1 : 1, part[3] = { 0, 0, 0 };
	size_t n = digits_at(p->s, p->end);

	if (n == 0 || n > 6 || p->has_offset)
		return false;
	if (n > 2) {  /* +100 is an hour: pairs from the right */
		const size_t lead = n % 2 ? 1 : 2;

		part[0] = (int)number(p->s, lead);
		for (size_t i = lead, k = 1; i < n; i += 2)
			part[k++] = (int)number(p->s + i, 2);
		p->s += n;
	} else {
		part[0] = (int)number(p->s, n);
		p->s += n;
		for (int i = 1; i < 3 && p->s < p->end && *p->s == ':'; i++) {
			n = digits_at(p->s + 1, p->end);
			if (n > 2)
				return false;
			part[i] = (int)number(p->s + 1, n);
			p->s += 1 + n;
		}
	}
	if (part[0] > 15 || part[1] > 59 || part[2] > 59) {
		p->far_zone = true;
		return false;
	}
	p->offset = sign * (part[0] * 3600 + part[1] * 60 + part[2]);
	p->has_offset = true;
	return true;
}

spk_status spk_text_parse_offset(const char *s, size_t size, int32_t *out)
{
	struct parts p = { .s = s, .end = s + size };
	bool ok = read_offset(&p) && p.s == p.end;

	*out = p.offset;
	return ok ? SPK_OK : p.far_zone ? SPK_UNSUPPORTED : SPK_DATA;
}

static bool read_special(struct parts *p, const char *s, size_t n, bool negative)
{
	if (is_word(s, n, "infinity") || is_word(s, n, "inf"))
		p->special = negative ? -1 : 1;
	else if (is_word(s, n, "epoch") && !negative)
		p->special = 2;
	else
		return false;
	return true;
}

/* A zone's name: letters, and what may follow them in "America/Port-au-Prince" or "Etc/GMT+5". */
static bool read_zone(struct parts *p, const char *s)
{
	const char *e = s;

	while (e < p->end && (isalnum((unsigned char)*e) || strchr("/_+-", *e)))
		e++;
	if (!memchr(s, '/', (size_t)(e - s)))
		for (e = s; e < p->end && isalnum((unsigned char)*e);)
			e++;
	p->zone = spk_zone_find(s, (size_t)(e - s));
	p->s = e;
	if (p->zone && p->end - e > 1 && (*e == '+' || *e == '-') && isdigit((unsigned char)e[1])) {  /* POSIX: GMT+4 is west of it */
		p->zone = NULL;
		if (!read_offset(p))
			return false;
		p->offset = -p->offset;
		return true;
	}
	if (!p->zone && memchr(s, '/', (size_t)(e - s))) {
		p->no_zone = s;
		p->no_zone_size = (size_t)(e - s);
	}
	return p->zone && !p->has_offset;
}

static bool read_word(struct parts *p)
{
	const char *s = p->s;
	size_t n = 0;
	int i;

	while (s + n < p->end && isalpha((unsigned char)s[n]))
		n++;
	p->s = s + n;
	if ((i = word_index(s, n, spk_month_names, 1, 13)) >= 0) {
		if (p->has_month && !p->has_day && p->month >= 1 && p->month <= 31) {  /* "01 Jan": what was taken for a month was the day */
			p->day = p->month;
			p->has_day = true;
			p->has_month = false;
		}
		return set_month(p, i);
	}
	if (word_index(s, n, spk_day_names, 0, 7) >= 0)
		return true;
	if (is_word(s, n, "am") || is_word(s, n, "pm")) {
		p->pm = (s[0] | 32) == 'p';
		p->am = !p->pm;
		return true;
	}
	if (is_word(s, n, "bc") || is_word(s, n, "ad")) {
		p->bc = (s[0] | 32) == 'b';
		return true;
	}
	if (is_word(s, n, "t") && p->s < p->end && isdigit((unsigned char)*p->s)) {
		n = digits_at(p->s, p->end);
		if (n <= 2)
			return read_time(p);
		p->s += n;
		return set_packed_time(p, p->s - n, n);
	}
	if (is_word(s, n, "j") && p->s < p->end && isdigit((unsigned char)*p->s)) {
		n = digits_at(p->s, p->end);
		p->julian = n <= 9 ? number(p->s, n) : -1;
		p->has_julian = true;
		p->s += n;
		return p->julian >= 0;
	}
	if (read_special(p, s, n, false))
		return p->s == p->end;
	if (is_word(s, n, "at") || is_word(s, n, "on"))
		return true;
	if (is_word(s, n, "allballs") && !p->has_time) {  /* midnight of UTC */
		p->has_time = p->has_offset = true;
		return true;
	}
	return read_zone(p, s);
}

/* "Jan-08-99", "Jan/8/1999": a month's name with a separator and a digit behind it. */
static bool month_leads(const struct parts *p)
{
	size_t n = 0;

	while (p->s + n < p->end && isalpha((unsigned char)p->s[n]))
		n++;
	return !p->has_month && p->end - p->s > (ptrdiff_t)n + 1 && strchr("-/.", p->s[n]) && isdigit((unsigned char)p->s[n + 1]) && word_index(p->s, n, spk_month_names, 1, 13) >= 0;
}

static bool read_parts(struct parts *p)
{
	while (p->s < p->end) {
		size_t n = digits_at(p->s, p->end);
		char next = p->s + n < p->end ? p->s[n] : 0;
		bool ok;

		if (isspace((unsigned char)*p->s) || *p->s == ',') {
			p->s++;
			continue;
		}
		if (n && next == ':')
			ok = read_time(p);
		else if (n && next && strchr("-/.", next) && !(p->has_day && p->has_month) && !p->has_julian)
			ok = read_date(p);
		else if (n)
			ok = read_number(p);
		else if (*p->s == '-' && p->end - p->s >= 4 && isalpha((unsigned char)p->s[1]))
			return read_special(p, p->s + 1, (size_t)(p->end - p->s - 1), true);
		else if (*p->s == '+' || *p->s == '-')
			ok = read_offset(p);
		else if (isalpha((unsigned char)*p->s))
			ok = month_leads(p) ? read_date(p) : read_word(p);
		else
			ok = false;
		if (!ok)
			return false;
	}
	return true;
}

/* --- putting together --- */

/* Day number; false with p->range when a field is out of range. */
static bool finish_date(struct parts *p, int64_t *days)
{
	int64_t year = p->year;

	if (p->has_julian) {
		*days = p->julian - 2440588;
		return true;
	}
	if (!p->has_year || (!p->has_day_of_year && (!p->has_month || !p->has_day)))
		return false;
	p->range = true;
	if (p->two_digit_year && !p->bc)
		year += year < 70 ? 2000 : 1900;
	if (year == 0)
		return false;
	if (p->bc)
		year = 1 - year;
	if (p->has_day_of_year) {
		if (p->day_of_year < 1 || p->day_of_year > 365 + spk_is_leap(year))
			return false;
		*days = spk_days_from_date(year, 1, 1) + p->day_of_year - 1;
		return true;
	}
	if (p->month < 1 || p->month > 12 || p->day < 1 || p->day > spk_days_in_month(year, p->month))
		return false;
	*days = spk_days_from_date(year, p->month, p->day);
	p->range = false;
	return true;
}

static bool finish_time(struct parts *p, int64_t *of_day)
{
	int hour = p->hour;

	p->range = true;
	if ((p->am || p->pm) && (hour > 12 || hour == 0))
		return false;
	if (p->am || p->pm)
		hour = hour % 12 + (p->pm ? 12 : 0);
	if (hour > 24 || p->minute > 59 || p->second > 60)
		return false;
	*of_day = hour * SPK_USEC_PER_HOUR + p->minute * SPK_USEC_PER_MINUTE + p->second * SPK_USEC_PER_SEC + p->micros;
	if (*of_day > SPK_USEC_PER_DAY)
		return false;
	p->range = false;
	return true;
}

static spk_status fail_range(const char *s, size_t size, spk_error *err)
{
	return spk_fail(err, SPK_DATA, "date/time field value out of range: \"%.*s\"", (int)SPK_MIN(size, (size_t)200), s);
}

static spk_status fail_parse(const struct parts *p, const char *type, const char *s, size_t size, spk_error *err)
{
	if (p->far_zone)
		return spk_fail(err, SPK_DATA, "time zone displacement out of range: \"%.*s\"", (int)SPK_MIN(size, (size_t)200), s);
	if (p->no_zone) {
		char name[64] = { 0 };

		for (size_t i = 0; i < p->no_zone_size && i + 1 < sizeof name; i++)
			name[i] = (char)tolower((unsigned char)p->no_zone[i]);
		return spk_fail(err, SPK_DATA, "time zone \"%s\" not recognized", name);
	}
	return p->range ? fail_range(s, size, err) : spk_text_syntax(type, s, size, err);
}

spk_status spk_text_parse_date(const char *s, size_t size, int32_t *out, spk_error *err)
{
	struct parts p = { .s = s, .end = s + size };
	int64_t days, of_day;

	if (size == 10 && fast_date(s, &days)) {
		*out = (int32_t)days;
		return SPK_OK;
	}
	if (!read_parts(&p))
		return fail_parse(&p, "date", s, size, err);
	if (p.special) {
		*out = p.special == 2 ? 0 : p.special > 0 ? SPK_DATE_INFINITY : SPK_DATE_MINUS_INFINITY;
		return SPK_OK;
	}
	if (!finish_date(&p, &days) || !finish_time(&p, &of_day))
		return fail_parse(&p, "date", s, size, err);
	if (!spk_date_valid(days))
		return spk_fail(err, SPK_DATA, "date out of range: \"%.*s\"", (int)SPK_MIN(size, (size_t)200), s);
	*out = (int32_t)days;
	return SPK_OK;
}

spk_status spk_text_parse_time(const char *s, size_t size, int64_t *out, spk_error *err)
{
	struct parts p = { .s = s, .end = s + size };

	if (size == 6 || size == 4) {
		if (digits_at(s, s + size) == size) {
			p.s = p.end;
			set_packed_time(&p, s, size);
		}
	}
	if (!p.has_time && (!read_parts(&p) || !p.has_time || p.special))
		return fail_parse(&p, "time", s, size, err);
	if (!finish_time(&p, out))
		return fail_parse(&p, "time", s, size, err);
	return SPK_OK;
}

static spk_status to_utc(const struct parts *p, int64_t local, const char *timezone, int64_t *out, spk_error *err)
{
	const struct spk_zone *zone = p->zone;

	if (p->has_offset) {
		*out = local - p->offset * SPK_USEC_PER_SEC;
		return SPK_OK;
	}
	if (!zone && timezone) {
		zone = spk_zone_find(timezone, strlen(timezone));
		if (!zone)
			return spk_fail(err, SPK_DATA, "time zone \"%s\" not recognized", timezone);
	}
	*out = zone ? spk_zone_to_utc(zone, local) : local;
	return SPK_OK;
}

spk_status spk_text_parse_timestamp(const char *s, size_t size, bool with_zone, const char *timezone, int64_t *out, spk_error *err)
{
	const char *type = with_zone ? "timestamp with time zone" : "timestamp";
	struct parts p = { .s = s, .end = s + size };
	int64_t days, of_day, local;

	if (fast_timestamp(s, size, &local, &p.offset, &p.has_offset)) {
		if (!with_zone) {
			*out = local;
			return SPK_OK;
		}
		return to_utc(&p, local, timezone, out, err);
	}
	p.has_offset = false;
	if (!read_parts(&p))
		return fail_parse(&p, type, s, size, err);
	if (p.special) {
		*out = p.special == 2 ? 0 : p.special > 0 ? SPK_TIMESTAMP_INFINITY : SPK_TIMESTAMP_MINUS_INFINITY;
		return SPK_OK;
	}
	if (!finish_date(&p, &days) || !finish_time(&p, &of_day))
		return fail_parse(&p, type, s, size, err);
	if (!spk_make_timestamp(days, of_day, &local))
		return spk_fail(err, SPK_DATA, "timestamp out of range: \"%.*s\"", (int)SPK_MIN(size, (size_t)200), s);
	if (!with_zone) {
		*out = local;
		return SPK_OK;
	}
	SPK_TRY(to_utc(&p, local, timezone, out, err));
	if (!spk_timestamp_valid(*out))
		return spk_fail(err, SPK_DATA, "timestamp out of range: \"%.*s\"", (int)SPK_MIN(size, (size_t)200), s);
	return SPK_OK;
}
