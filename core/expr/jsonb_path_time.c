/* Dates and times in jsonpath. See jsonb_path_time.h. */
#include "core/expr/jsonb_path_time.h"

#include <ctype.h>
#include <stdio.h>

#include "core/expr/session.h"
#include "core/expr/text.h"

struct reader { const char *s, *end; };

static bool number(struct reader *r, int least, int most, int *out)
{
	int digits = 0;

	for (*out = 0; digits < most && r->s < r->end && isdigit((unsigned char)*r->s); digits++)
		*out = *out * 10 + (*r->s++ - '0');
	return digits >= least;
}

static bool sign(struct reader *r, char c)
{
	if (r->s == r->end || *r->s != c)
		return false;
	r->s++;
	return true;
}

static bool read_date(struct reader *r, int64_t *days)
{
	int year, month, day;

	if (!number(r, 1, 4, &year) || !sign(r, '-') || !number(r, 1, 2, &month) || !sign(r, '-') || !number(r, 1, 2, &day))
		return false;
	if (year == 0 || month < 1 || month > 12 || day < 1 || day > spk_days_in_month(year, month))
		return false;
	*days = spk_days_from_date(year, month, day);
	return true;
}

/* HH:MM:SS, then .f */
static bool read_time(struct reader *r, int64_t *of_day)
{
	int hour, minute, second, micros = 0, digits = 0;

	if (!number(r, 1, 2, &hour) || !sign(r, ':') || !number(r, 1, 2, &minute) || !sign(r, ':') || !number(r, 1, 2, &second))
		return false;
	if (sign(r, '.')) {
		const char *from = r->s;

		if (!number(r, 1, 6, &micros))
			return false;
		for (digits = (int)(r->s - from); digits < 6; digits++)
			micros *= 10;
	}
	*of_day = hour * SPK_USEC_PER_HOUR + minute * SPK_USEC_PER_MINUTE + second * SPK_USEC_PER_SEC + micros;
	return hour < 24 && minute < 60 && second < 60;
}

/* +HH or +HH:MM; blanks before it are PostgreSQL's where the time stands behind one. */
static bool read_offset(struct reader *r, bool blanks, int32_t *offset)
{
	int hours, minutes = 0;
	bool west;

	while (blanks && sign(r, ' '))
		;
	if (r->s == r->end || !strchr("+-", *r->s))
		return false;
	west = *r->s++ == '-';
	if (!number(r, 1, 2, &hours) || (sign(r, ':') && !number(r, 1, 2, &minutes)) || hours > 15 || minutes > 59)
		return false;
	*offset = (hours * 3600 + minutes * 60) * (west ? -1 : 1);
	return true;
}

static bool read_iso(const char *s, size_t size, struct spk_path_time *out)
{
	struct reader r = { s, s + size };
	const bool dated = size > 4 && memchr(s, '-', SPK_MIN(size, (size_t)5)) != NULL;
	bool blank;

	if (dated && !read_date(&r, &out->days))
		return false;
	if (dated && r.s == r.end) {
		out->kind = SPK_PATH_DATE;
		return true;
	}
	blank = dated && sign(&r, ' ');
	if ((dated && !blank && !sign(&r, 'T')) || !read_time(&r, &out->of_day))
		return false;
	out->kind = dated ? SPK_PATH_TIMESTAMP : SPK_PATH_TIME;
	if (r.s == r.end)
		return true;
	out->kind = dated ? SPK_PATH_TIMESTAMPTZ : SPK_PATH_TIMETZ;
	return read_offset(&r, blank, &out->offset) && r.s == r.end;
}

spk_status spk_path_time_parse(const char *s, size_t size, const struct spk_template *t, struct spk_path_time *out, spk_error *err)
{
	*out = (struct spk_path_time){ .mark = SPK_PATH_TIME_MARK };
	if (t)
		return spk_template_read(t, s, size, out, err);
	if (read_iso(s, size, out))
		return SPK_OK;
	spk_fail(err, SPK_DATA, "datetime format is not recognized: \"%.*s\"", (int)SPK_MIN(size, (size_t)200), s);
	return spk_hint(err, "Use a datetime template argument to specify the input data format.");
}

const char *spk_path_time_type(enum spk_path_time_kind kind)
{
	static const char *const names[] = {
		[SPK_PATH_DATE] = "\"date\"", [SPK_PATH_TIME] = "\"time without time zone\"", [SPK_PATH_TIMETZ] = "\"time with time zone\"",
		[SPK_PATH_TIMESTAMP] = "\"timestamp without time zone\"", [SPK_PATH_TIMESTAMPTZ] = "\"timestamp with time zone\"",
	};

	return names[kind];
}

static int64_t local_us(const struct spk_path_time *v)
{
	return v->days * SPK_USEC_PER_DAY + v->of_day;
}

int spk_path_time_format(const struct spk_path_time *v, char *out)
{
	char *p = out, *blank;
	int32_t minutes = (v->offset < 0 ? -v->offset : v->offset) / 60;

	*p++ = '"';
	if (v->kind == SPK_PATH_DATE) {
		p += spk_text_date((int32_t)v->days, p);
	} else if (v->kind == SPK_PATH_TIME || v->kind == SPK_PATH_TIMETZ) {
		p += spk_text_from_value(spk_type(SPK_TYPE_TIME), &v->of_day, NULL, p);
	} else {
		int n = spk_text_timestamp(local_us(v), p);

		blank = memchr(p, ' ', (size_t)n);
		if (blank)
			*blank = 'T';
		p += n;
	}
	if (v->kind == SPK_PATH_TIMETZ || v->kind == SPK_PATH_TIMESTAMPTZ)
		p += sprintf(p, "%c%02d:%02d", v->offset < 0 ? '-' : '+', minutes / 60, minutes % 60);
	*p++ = '"';
	return (int)(p - out);
}

/* --- order --- */

static bool has_zone(const struct spk_path_time *v) { return v->kind == SPK_PATH_TIMETZ || v->kind == SPK_PATH_TIMESTAMPTZ; }
static bool is_of_day(const struct spk_path_time *v) { return v->kind == SPK_PATH_TIME || v->kind == SPK_PATH_TIMETZ; }

static int32_t offset_of(const struct spk_path_time *v, const struct spk_zone *zone)
{
	return has_zone(v) ? v->offset : zone ? spk_zone_offset_at(zone, 0) : 0;
}

static int64_t instant(const struct spk_path_time *v, const struct spk_zone *zone)
{
	if (has_zone(v))
		return local_us(v) - v->offset * SPK_USEC_PER_SEC;
	return is_of_day(v) ? local_us(v) - offset_of(v, zone) * SPK_USEC_PER_SEC : spk_session_utc(zone, local_us(v));
}

bool spk_path_time_compare(const struct spk_path_time *a, const struct spk_path_time *b, bool zoned, const struct spk_zone *zone, int *order, bool *needs_zone)
{
	int64_t x, y;

	*needs_zone = false;
	if (is_of_day(a) != is_of_day(b))
		return false;
	*needs_zone = has_zone(a) != has_zone(b) && !zoned;
	if (*needs_zone)
		return false;
	x = has_zone(a) || has_zone(b) ? instant(a, zone) : local_us(a);
	y = has_zone(a) || has_zone(b) ? instant(b, zone) : local_us(b);
	*order = (x > y) - (x < y);
	/* Of two times of day that are one instant the one farther west is greater. */
	if (!*order && is_of_day(a) && (has_zone(a) || has_zone(b)))
		*order = (offset_of(a, zone) < offset_of(b, zone)) - (offset_of(a, zone) > offset_of(b, zone));
	return true;
}
