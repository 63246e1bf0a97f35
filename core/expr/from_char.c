/*
 * to_timestamp and to_date with a template. As in PostgreSQL spaces before a field are passed over, a separator of the template
 * takes any one separator of the input or none, and a number ends where its digits do unless another number follows at once.
 */
#include <ctype.h>
#include <strings.h>

#include "core/expr/families.h"
#include "core/expr/fields.h"
#include "core/expr/internal.h"
#include "core/expr/jsonb_path_time.h"
#include "core/expr/session.h"
#include "core/expr/template.h"
#include "core/expr/utf8.h"

struct parsed {
	int64_t year, iso_year, julian;
	int century, month, day, day_of_year, week, iso_week, iso_day, week_of_month;
	int hour, minute, second, millis, micros;
	int fraction;                  /* FF1 to FF6: digits behind the seconds, to which is rounded; 0: all */
	int convention;
	int64_t seconds_of_day;
	bool bc, pm, am, twelve, has_year, has_iso_year, has_julian, has_seconds, has_offset;
	int year_digits, offset_sign, offset_hour, offset_minute;
};

static const struct { const char *name; int digits; } fields[] = {
#define FIELD(id, text, digits) { text, digits },
	SPK_TEMPLATE_LIST(FIELD)
#undef FIELD
};

struct input { const char *s, *end; bool minus; };  /* minus: the one before was passed over though no separator of the template took it */

static void skip_spaces(struct input *in)
{
	while (in->s < in->end && isspace((unsigned char)*in->s))
		in->s++;
}

/* Whether a number may take all digits that come: what follows in the template is none. */
static bool number_ends(const struct spk_template *t, int i)
{
	const struct spk_template_node *next = &t->node[i + 1];

	if (t->node[i].ordinal || i + 1 == t->count)
		return true;
	if (next->key != SPK_TEMPLATE_TEXT)
		return fields[next->key].digits == 0 || next->key == SPK_TEMPLATE_TZH;
	return next->size > 1 || !isdigit((unsigned char)next->text[0]);
}

/* The field as the template spells it. */
static const char *name_of(const struct spk_template_node *n, char out[16])
{
	size_t size = 0;

	for (const char *s = fields[n->key].name; *s && size < 15; s++, size++)
		out[size] = (char)(n->letters == SPK_TEMPLATE_LOWER || (n->letters == SPK_TEMPLATE_CAPITAL && size) ? tolower((unsigned char)*s) : *s);
	out[size] = 0;
	return out;
}

/* `size`: bytes that were looked at; of a word all up to the next space. */
static spk_status no_value(const struct input *in, const struct spk_template_node *n, int size, spk_error *err)
{
	const bool word = size < 0;
	char name[16];

	for (size = word ? 0 : size; word && in->s + size < in->end && !isspace((unsigned char)in->s[size]);)
		size++;
	spk_fail(err, SPK_DATA, "invalid value \"%.*s\" for \"%s\"", (int)SPK_MIN(in->end - in->s, (ptrdiff_t)size), in->s, name_of(n, name));
	return spk_hint(err, word ? "The given value did not match any of the allowed values for this field." : "Value must be an integer.");
}

static spk_status too_short(const struct input *in, const struct spk_template_node *n, int digits, spk_error *err)
{
	char name[16];

	spk_fail(err, SPK_DATA, "source string too short for \"%s\" formatting field", name_of(n, name));
	return spk_hint(err, "Field requires %d characters, but only %d remain. If your source string is not fixed-width, try using the \"FM\" modifier.", digits, (int)(in->end - in->s));
}

/* `greedy`: all digits that come; else exactly as many as the field has. *digits: bytes that were taken. */
static spk_status read_number(struct input *in, const struct spk_template_node *n, bool greedy, int64_t *out, int *digits, spk_error *err)
{
	const int most = fields[n->key].digits;
	const char *start = in->s, *stop;
	char name[16];
	int sign = 1;

	skip_spaces(in);
	if (!greedy && in->end - in->s < most)
		return too_short(in, n, most, err);
	stop = greedy ? in->end : in->s + most;
	start = in->s;
	if (in->s < stop && (*in->s == '-' || *in->s == '+') && in->s + 1 < stop && isdigit((unsigned char)in->s[1]))
		sign = *in->s++ == '-' ? -1 : 1;
	*out = 0;
	for (; in->s < stop && isdigit((unsigned char)*in->s); in->s++)
		*out = *out > INT32_MAX ? *out : *out * 10 + (*in->s - '0');
	*digits = (int)(in->s - start);
	if (in->s == start || (!greedy && in->s < stop)) {
		in->s = start;
		return no_value(in, n, most, err);
	}
	if (*out > INT32_MAX)
		return spk_fail(err, SPK_DATA, "value for \"%s\" in source string is out of range", name_of(n, name));
	*out *= sign;
	if (n->ordinal && in->end - in->s >= 2)
		in->s += 2;
	return SPK_OK;
}

static bool read_name(struct input *in, const char *const *names, int from, int to, bool whole, int *out)
{
	skip_spaces(in);
	for (int i = from; i < to; i++) {
		size_t size = whole ? strlen(names[i]) : 3;

		if ((size_t)(in->end - in->s) >= size && strncasecmp(in->s, names[i], size) == 0) {
			in->s += size;
			*out = i;
			return true;
		}
	}
	return false;
}

static bool read_word(struct input *in, const char *a, const char *b, bool *second)
{
	const char *const words[] = { a, b };
	int which;

	skip_spaces(in);
	for (which = 0; which < 2; which++) {
		size_t size = strlen(words[which]);

		if ((size_t)(in->end - in->s) >= size && strncasecmp(in->s, words[which], size) == 0) {
			in->s += size;
			*second = which == 1;
			return true;
		}
	}
	return false;
}

static bool read_roman(struct input *in, int *month)
{
	static const char *const roman[] = { "XII", "XI", "VIII", "VII", "III", "II", "IX", "IV", "VI", "X", "V", "I" };
	static const int value[] = { 12, 11, 8, 7, 3, 2, 9, 4, 6, 10, 5, 1 };

	skip_spaces(in);
	for (int i = 0; i < 12; i++) {
		size_t size = strlen(roman[i]);

		if ((size_t)(in->end - in->s) >= size && strncasecmp(in->s, roman[i], size) == 0) {
			in->s += size;
			*month = value[i];
			return true;
		}
	}
	return false;
}

/* "Two digit" years lie around 2020. */
static int64_t full_year(int64_t year, int digits)
{
	if (digits >= 4 || year < 0)
		return year;
	return year < 70 ? year + 2000 : year < 100 ? year + 1900 : year < 520 ? year + 2000 : year < 1000 ? year + 1000 : year;
}

/* More digits than microseconds have are too many seconds. */
static int micros_of(int64_t v, int digits)
{
	for (; digits < 6; digits++)
		v *= 10;
	return (int)SPK_MIN(v, (int64_t)1000000000);
}

/* A field that is given twice says the same both times; 0 says nothing. */
static bool set(int *field, int64_t v)
{
	bool fits = *field == 0 || *field == v;

	*field = (int)v;
	return fits;
}

static bool set_long(int64_t *field, int64_t v)
{
	bool fits = *field == 0 || *field == v;

	*field = v;
	return fits;
}

static bool take_year(struct parsed *p, enum spk_template_key key, int64_t v, int digits)
{
	if (key >= SPK_TEMPLATE_IYYY && key <= SPK_TEMPLATE_I) {
		p->has_iso_year = true;
		return set_long(&p->iso_year, key == SPK_TEMPLATE_IYYY ? v : full_year(v, digits));
	}
	p->year_digits = key == SPK_TEMPLATE_YYYY ? 4 : digits;
	p->has_year = true;
	return set_long(&p->year, key == SPK_TEMPLATE_YYYY ? v : full_year(v, digits));
}

/* False when it contradicts what was there. */
static bool take_number(struct parsed *p, enum spk_template_key key, int64_t v, int digits)
{
	switch (key) {
	case SPK_TEMPLATE_HH:
	case SPK_TEMPLATE_HH12: p->twelve = true;  /* fall through */
	case SPK_TEMPLATE_HH24: return set(&p->hour, v);
	case SPK_TEMPLATE_MI: return set(&p->minute, v);
	case SPK_TEMPLATE_SS: return set(&p->second, v);
	case SPK_TEMPLATE_SSSS:
	case SPK_TEMPLATE_SSSSS: p->has_seconds = true; return set_long(&p->seconds_of_day, v);
	case SPK_TEMPLATE_MS: return set(&p->millis, SPK_MIN(digits <= 3 ? micros_of(v, digits) : v * 1000, (int64_t)1000000000));
	case SPK_TEMPLATE_FF1:
	case SPK_TEMPLATE_FF2:
	case SPK_TEMPLATE_FF3:
	case SPK_TEMPLATE_FF4:
	case SPK_TEMPLATE_FF5:
	case SPK_TEMPLATE_FF6: p->fraction = (int)(key - SPK_TEMPLATE_FF1) + 1;  /* fall through */
	case SPK_TEMPLATE_US: return set(&p->micros, micros_of(v, digits));
	case SPK_TEMPLATE_MM: return set(&p->month, v);
	case SPK_TEMPLATE_DD: return set(&p->day, v);
	case SPK_TEMPLATE_IDDD:
	case SPK_TEMPLATE_DDD: return set(&p->day_of_year, v);
	case SPK_TEMPLATE_WW: return set(&p->week, v);
	case SPK_TEMPLATE_W: return set(&p->week_of_month, v);
	case SPK_TEMPLATE_IW: return set(&p->iso_week, v);
	case SPK_TEMPLATE_ID: return set(&p->iso_day, v);
	case SPK_TEMPLATE_CC: return set(&p->century, v);
	case SPK_TEMPLATE_J: p->has_julian = true; return set_long(&p->julian, v);
	case SPK_TEMPLATE_D:
	case SPK_TEMPLATE_Q: return true;  /* read and not used, as in PostgreSQL */
	default: return take_year(p, key, v, digits);
	}
}

/* Whether a field belongs to weeks of ISO years (1) or to months and days (2); both do not go together. */
static int convention(enum spk_template_key key)
{
	switch (key) {
	case SPK_TEMPLATE_IDDD: case SPK_TEMPLATE_ID: case SPK_TEMPLATE_IW: case SPK_TEMPLATE_IYYY: case SPK_TEMPLATE_IYY: case SPK_TEMPLATE_IY: case SPK_TEMPLATE_I: return 1;
	case SPK_TEMPLATE_DDD: case SPK_TEMPLATE_DD: case SPK_TEMPLATE_D: case SPK_TEMPLATE_MM: case SPK_TEMPLATE_MONTH: case SPK_TEMPLATE_MON: case SPK_TEMPLATE_RM:
	case SPK_TEMPLATE_WW: case SPK_TEMPLATE_W: case SPK_TEMPLATE_Y_YYY: case SPK_TEMPLATE_YYYY: case SPK_TEMPLATE_YYY: case SPK_TEMPLATE_YY: case SPK_TEMPLATE_Y: return 2;
	default: return 0;
	}
}

static spk_status read_zone(struct input *in, const struct spk_template_node *n, bool greedy, struct parsed *p, spk_error *err)
{
	struct spk_template_node two = { .key = SPK_TEMPLATE_TZH };
	int64_t v;
	int digits;

	if (n->key == SPK_TEMPLATE_TZ)
		return spk_fail(err, SPK_DATA, "formatting field \"%s\" is only supported in to_char", fields[n->key].name);
	p->has_offset = true;
	if (n->key == SPK_TEMPLATE_TZM) {
		SPK_TRY(read_number(in, n, greedy, &v, &digits, err));
		p->offset_minute = (int)v;
		return SPK_OK;
	}
	skip_spaces(in);
	p->offset_sign = (in->s < in->end && *in->s == '-') || in->minus ? -1 : 1;
	if (in->s < in->end && (*in->s == '-' || *in->s == '+'))
		in->s++;
	two.key = SPK_TEMPLATE_TZM;
	SPK_TRY(read_number(in, &two, greedy, &v, &digits, err));
	p->offset_hour = (int)v;
	if (n->key == SPK_TEMPLATE_OF && in->s < in->end && *in->s == ':') {
		in->s++;
		SPK_TRY(read_number(in, &two, false, &v, &digits, err));
		p->offset_minute = (int)v;
	}
	return SPK_OK;
}

/* 1,999: a number of any length, a comma, up to three digits. */
static spk_status read_thousands(struct input *in, const struct spk_template_node *n, struct parsed *p, spk_error *err)
{
	int64_t thousands = 0, years = 0;
	int digits = 0, behind = 0;

	skip_spaces(in);
	for (; in->s < in->end && isdigit((unsigned char)*in->s) && digits < 6; in->s++, digits++)
		thousands = thousands * 10 + (*in->s - '0');
	if (digits && in->s < in->end && *in->s == ',')
		for (in->s++; in->s < in->end && isdigit((unsigned char)*in->s) && behind < 3; in->s++, behind++)
			years = years * 10 + (*in->s - '0');
	if (!behind)
		return spk_fail(err, SPK_DATA, "invalid input string for \"Y,YYY\"");
	if (n->ordinal && in->end - in->s >= 2)
		in->s += 2;
	p->year = thousands * 1000 + years;
	p->year_digits = 4;
	p->has_year = true;
	return SPK_OK;
}

static spk_status read_node(struct input *in, const struct spk_template *t, int i, struct parsed *p, spk_error *err)
{
	const struct spk_template_node *n = &t->node[i];
	int64_t v;
	int digits, month = 0, ignored;
	bool ok = true, fits = true;
	char name[16];

	if (convention(n->key) && p->convention && p->convention != convention(n->key)) {
		spk_fail(err, SPK_DATA, "invalid combination of date conventions");
		return spk_hint(err, "Do not mix Gregorian and ISO week date conventions in a formatting template.");
	}
	p->convention = convention(n->key) ? convention(n->key) : p->convention;
	switch (n->key) {
	case SPK_TEMPLATE_MONTH:
		ok = read_name(in, spk_month_names, 1, 13, true, &month);
		fits = !ok || set(&p->month, month);
		break;
	case SPK_TEMPLATE_MON:
		ok = read_name(in, spk_month_names, 1, 13, false, &month);
		fits = !ok || set(&p->month, month);
		break;
	case SPK_TEMPLATE_DAY:
		ok = read_name(in, spk_day_names, 0, 7, true, &ignored);
		break;
	case SPK_TEMPLATE_DY:
		ok = read_name(in, spk_day_names, 0, 7, false, &ignored);
		break;
	case SPK_TEMPLATE_AM:
	case SPK_TEMPLATE_PM:
		ok = read_word(in, "AM", "PM", &p->pm);
		p->twelve = p->am = ok;
		break;
	case SPK_TEMPLATE_AM_DOTS:
	case SPK_TEMPLATE_PM_DOTS:
		ok = read_word(in, "A.M.", "P.M.", &p->pm);
		p->twelve = p->am = ok;
		break;
	case SPK_TEMPLATE_AD:
	case SPK_TEMPLATE_BC:
		ok = read_word(in, "AD", "BC", &p->bc);
		break;
	case SPK_TEMPLATE_AD_DOTS:
	case SPK_TEMPLATE_BC_DOTS:
		ok = read_word(in, "A.D.", "B.C.", &p->bc);
		break;
	case SPK_TEMPLATE_RM:
		ok = read_roman(in, &month);
		fits = !ok || set(&p->month, month);
		break;
	case SPK_TEMPLATE_TZ:
	case SPK_TEMPLATE_TZH:
	case SPK_TEMPLATE_TZM:
	case SPK_TEMPLATE_OF:
		return read_zone(in, n, n->fill || number_ends(t, i), p, err);
	case SPK_TEMPLATE_Y_YYY: return read_thousands(in, n, p, err);
	default:
		SPK_TRY(read_number(in, n, n->fill || number_ends(t, i), &v, &digits, err));
		fits = take_number(p, n->key, v, digits);
	}
	if (!fits) {
		spk_fail(err, SPK_DATA, "conflicting values for \"%s\" field in formatting string", name_of(n, name));
		return spk_hint(err, "This value contradicts a previous setting for the same field type.");
	}
	return ok ? SPK_OK : no_value(in, n, -1, err);
}

/* Text of the template in jsonpath's strict reading. */
static void skip_text(struct input *in)
{
	skip_spaces(in);
	if (in->s < in->end)
		in->s++;
}

static bool separates(char c) { return isspace((unsigned char)c) || ispunct((unsigned char)c); }

/*
 * A separator or space of the template takes one of the input, if there is one. Other text takes one character, unless spaces beyond those of the
 * template were passed over before: `extra` of them, less what separators wanted.
 */
static spk_status read_all(const struct spk_template *t, const char *s, size_t size, struct parsed *p, spk_error *err)
{
	struct input in = { .s = s, .end = s + size };
	int extra = 0;

	for (int i = 0; i < t->count && in.s < in.end; i++) {
		const struct spk_template_node *n = &t->node[i];
		const char *before = in.s;

		if (!t->exact && (n->key != SPK_TEMPLATE_TEXT || i == 0))
			skip_spaces(&in);
		extra += (int)(in.s - before);
		if (n->key == SPK_TEMPLATE_TEXT && !n->quoted && !t->exact) {
			bool taken = in.s < in.end && separates(*in.s);

			in.s += taken;
			extra += taken - 1;
			continue;
		}
		if (n->key == SPK_TEMPLATE_TEXT) {
			if (extra > 0 && !t->exact)
				extra--;
			else
				in.s = spk_utf8_next(in.s, in.end);
			continue;
		}
		if (in.s == in.end)
			break;
		in.minus = extra > 0 && in.s > s && in.s[-1] == '-';
		SPK_TRY(read_node(&in, t, i, p, err));
		before = in.s;
		if (!t->exact)
			skip_spaces(&in);
		extra = (int)(in.s - before);
	}
	return SPK_OK;
}

/* --- putting together --- */

static bool finish_date(const struct parsed *p, int64_t *days)
{
	int64_t year = p->has_year ? p->year : 0;
	int month = p->month ? p->month : 1, day = p->day ? p->day : 1;

	if (p->has_julian) {
		*days = p->julian - 2440588;
		return true;
	}
	if (p->has_iso_year) {
		*days = spk_iso_year_start(p->iso_year) + (p->iso_week ? (p->iso_week - 1) * 7 : 0) + (p->iso_day ? p->iso_day - 1 : 0);
		if (p->day_of_year && !p->iso_week)
			*days += p->day_of_year - 1;
		return p->iso_week <= 53 && p->iso_day <= 7;
	}
	if (p->century && !p->has_year)
		year = (p->century - 1) * 100 + 1;
	else if (p->century && p->year_digits <= 2)
		year = p->year % 100 == 0 ? p->century * 100 : (p->century - 1) * 100 + p->year % 100;
	if (p->bc)
		year = -year;
	if (year < 0)
		year++;
	if (p->day_of_year || p->week) {
		int64_t of_year = p->day_of_year ? p->day_of_year : (p->week - 1) * 7 + 1;

		*days = spk_days_from_date(year, 1, 1) + of_year - 1;
		return of_year >= 1 && of_year <= 365 + spk_is_leap(year);
	}
	if (p->week_of_month && !p->day)
		day = (p->week_of_month - 1) * 7 + 1;
	if (month < 1 || month > 12 || day < 1 || day > spk_days_in_month(year, month))
		return false;
	*days = spk_days_from_date(year, month, day);
	return true;
}

static bool finish_time(const struct parsed *p, int64_t *of_day, spk_error *err)
{
	const int64_t micros = (int64_t)p->millis + p->micros;
	int hour = p->hour;

	if (p->has_seconds) {
		*of_day = p->seconds_of_day * SPK_USEC_PER_SEC + micros;
		return p->seconds_of_day < 86400 && micros < SPK_USEC_PER_SEC;
	}
	if (p->twelve) {
		if (hour < 1 || hour > 12) {
			spk_fail(err, SPK_DATA, "hour \"%d\" is invalid for the 12-hour clock", hour);
			return false;
		}
		if (p->pm && hour < 12)
			hour += 12;
		else if (!p->pm && hour == 12)
			hour = 0;
	}
	*of_day = hour * SPK_USEC_PER_HOUR + p->minute * SPK_USEC_PER_MINUTE + p->second * SPK_USEC_PER_SEC + micros;
	return micros < SPK_USEC_PER_SEC && hour >= 0 && hour < 24 && p->minute >= 0 && p->minute < 60 && p->second >= 0 && p->second < 60;
}

static spk_status finish(const struct parsed *p, const char *s, size_t size, int64_t *days, int64_t *of_day, spk_error *err)
{
	spk_error local = { 0 };

	if (!finish_date(p, days) || !finish_time(p, of_day, &local)) {
		if (local.message[0])
			return spk_fail(err, SPK_DATA, "%s", local.message);
		return spk_fail(err, SPK_DATA, "date/time field value out of range: \"%.*s\"", (int)SPK_MIN(size, (size_t)200), s);
	}
	return SPK_OK;
}

/* --- strict, for jsonpath --- */

static void classes(const struct spk_template *t, bool *dated, bool *timed, bool *zoned)
{
	*dated = *timed = *zoned = false;
	for (int i = 0; i < t->count; i++) {
		switch (t->node[i].key) {
		case SPK_TEMPLATE_TEXT: break;
		case SPK_TEMPLATE_TZ: case SPK_TEMPLATE_TZH: case SPK_TEMPLATE_TZM: case SPK_TEMPLATE_OF: *zoned = true; break;
		case SPK_TEMPLATE_AM: case SPK_TEMPLATE_PM: case SPK_TEMPLATE_AM_DOTS: case SPK_TEMPLATE_PM_DOTS: case SPK_TEMPLATE_HH: case SPK_TEMPLATE_HH12:
		case SPK_TEMPLATE_HH24: case SPK_TEMPLATE_MI: case SPK_TEMPLATE_SS: case SPK_TEMPLATE_MS: case SPK_TEMPLATE_US: case SPK_TEMPLATE_SSSS: case SPK_TEMPLATE_SSSSS:
		case SPK_TEMPLATE_FF1: case SPK_TEMPLATE_FF2: case SPK_TEMPLATE_FF3: case SPK_TEMPLATE_FF4: case SPK_TEMPLATE_FF5: case SPK_TEMPLATE_FF6: *timed = true; break;
		default: *dated = true;
		}
	}
}

static spk_status read_strictly(const struct spk_template *t, const char *s, size_t size, struct parsed *p, spk_error *err)
{
	struct input in = { .s = s, .end = s + size };

	for (int i = 0; i < t->count; i++) {
		const struct spk_template_node *n = &t->node[i];

		if (in.s == in.end)
			return spk_fail(err, SPK_DATA, "input string is too short for datetime format");
		if (n->key != SPK_TEMPLATE_TEXT) {
			skip_spaces(&in);
			SPK_TRY(read_node(&in, t, i, p, err));
		} else if (n->quoted) {
			skip_text(&in);
		} else if (*in.s == n->text[0]) {
			in.s++;
		} else {
			return spk_fail(err, SPK_DATA, "unmatched format separator \"%c\"", n->text[0]);
		}
	}
	skip_spaces(&in);
	return in.s == in.end ? SPK_OK : spk_fail(err, SPK_DATA, "trailing characters remain in input string after datetime format");
}

spk_status spk_template_read(const struct spk_template *t, const char *s, size_t size, struct spk_path_time *out, spk_error *err)
{
	struct parsed p = { .offset_sign = 1 };
	bool dated, timed, zoned;

	classes(t, &dated, &timed, &zoned);
	SPK_TRY(read_strictly(t, s, size, &p, err));
	SPK_TRY(finish(&p, s, size, &out->days, &out->of_day, err));
	if (!dated && !timed)
		return spk_fail(err, SPK_DATA, "datetime format is not dated and not timed");
	if (zoned && !timed)
		return spk_fail(err, SPK_DATA, "datetime format is zoned but not timed");
	out->offset = p.offset_sign * (p.offset_hour * 3600 + p.offset_minute * 60);
	out->kind = !timed ? SPK_PATH_DATE : dated ? (zoned ? SPK_PATH_TIMESTAMPTZ : SPK_PATH_TIMESTAMP) : zoned ? SPK_PATH_TIMETZ : SPK_PATH_TIME;
	out->days = dated ? out->days : 0;
	return SPK_OK;
}

/* --- kernels --- */

struct source { struct spk_reader text, pattern; const struct spk_view *last; const struct spk_template *t; };

static spk_status parse_row(const struct spk_call *call, struct source *from, int row, struct parsed *p, int64_t *days, int64_t *of_day, spk_error *err)
{
	const struct spk_view *v = &SPK_ARG(struct spk_view, from->text, row), *pattern = &SPK_ARG(struct spk_view, from->pattern, row);

	if (call->expr->prepared) {
		from->t = call->expr->prepared;
	} else if (from->last != pattern) {
		from->t = spk_template_new(call->ev->arena, spk_view_data(pattern), pattern->length);
		SPK_TRY_PTR(from->t, err);
	}
	from->last = pattern;
	*p = (struct parsed){ .offset_sign = 1 };
	SPK_TRY(read_all(from->t, spk_view_data(v), v->length, p, err));
	SPK_TRY(finish(p, spk_view_data(v), v->length, days, of_day, err));
	for (int64_t unit = 1, k = 6; p->fraction && k >= p->fraction; unit *= 10, k--)
		if (k == p->fraction)
			*of_day = (*of_day + unit / 2) / unit * unit;
	return SPK_OK;
}

static spk_status to_timestamp(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	struct source from = { spk_vector_reader(&call->arg[0]), spk_vector_reader(&call->arg[1]), NULL, NULL };
	const struct spk_zone *zone;
	spk_error local = { 0 };

	SPK_TRY(spk_session_zone(call, &zone, err));
	SPK_EACH_CALL_ROW(call, row) {
		struct parsed p;
		int64_t days, of_day, us = 0;
		spk_status status = parse_row(call, &from, row, &p, &days, &of_day, &local);

		if (status == SPK_OK && !spk_make_timestamp(days, of_day, &us))
			status = spk_fail(&local, SPK_DATA, "timestamp out of range");
		if (status != SPK_OK)
			SPK_TRY(spk_call_fail(call, out, row, status, err, "%s", local.message));
		else if (p.has_offset)
			spk_vector_i64(out)[row] = us - p.offset_sign * (p.offset_hour * SPK_USEC_PER_HOUR + p.offset_minute * SPK_USEC_PER_MINUTE);
		else
			spk_vector_i64(out)[row] = spk_session_utc(zone, us);
	}
	return SPK_OK;
}

static spk_status to_date(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	struct source from = { spk_vector_reader(&call->arg[0]), spk_vector_reader(&call->arg[1]), NULL, NULL };
	spk_error local = { 0 };

	SPK_EACH_CALL_ROW(call, row) {
		struct parsed p;
		int64_t days, of_day;
		spk_status status = parse_row(call, &from, row, &p, &days, &of_day, &local);

		if (status == SPK_OK && !spk_date_valid(days))
			status = spk_fail(&local, SPK_DATA, "date out of range");
		if (status != SPK_OK)
			SPK_TRY(spk_call_fail(call, out, row, status, err, "%s", local.message));
		else
			spk_vector_i32(out)[row] = (int32_t)days;
	}
	return SPK_OK;
}

static spk_status prepare(struct spk_arena *arena, struct spk_expr *e, spk_error *err)
{
	const struct spk_value *text = spk_constant_arg(e, 1);

	if (!text)
		return SPK_OK;
	e->prepared = spk_template_new(arena, spk_view_data(&text->view), text->view.length);
	SPK_TRY_PTR(e->prepared, err);
	return SPK_OK;
}

/* Flink's TO_TIMESTAMP(text) and TO_DATE(text): the plain cast under another name. */
static spk_status from_text(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(&call->arg[0]);
	const size_t width = (size_t)spk_type_width(out->type);
	spk_error local = { 0 };

	SPK_EACH_CALL_ROW(call, row) {
		const struct spk_view *v = &SPK_ARG(struct spk_view, r, row);
		spk_status status = spk_text_to_value(out->type, spk_view_data(v), v->length, call->ev->timezone, (char *)out->data + width * (size_t)row, &local);

		if (status != SPK_OK)
			SPK_TRY(spk_call_fail(call, out, row, status, err, "%s", local.message));
	}
	return SPK_OK;
}

/* Flink's UNIX_TIMESTAMP(text): seconds since 1970 of local time. */
static spk_status unix_timestamp(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(&call->arg[0]);
	spk_error local = { 0 };

	SPK_EACH_CALL_ROW(call, row) {
		const struct spk_view *v = &SPK_ARG(struct spk_view, r, row);
		int64_t us = 0;
		spk_status status = spk_text_to_value(spk_type(SPK_TYPE_TIMESTAMPTZ), spk_view_data(v), v->length, call->ev->timezone, &us, &local);

		if (status != SPK_OK)
			SPK_TRY(spk_call_fail(call, out, row, status, err, "%s", local.message));
		else
			spk_vector_i64(out)[row] = us / SPK_USEC_PER_SEC - (us % SPK_USEC_PER_SEC < 0);
	}
	return SPK_OK;
}

static const struct spk_function template_functions[] = {
	{ .name = "to_timestamp", .doc = "An instant from text by a template", SPK_ARGS2(TEXT, TEXT), SPK_RESULT(TIMESTAMPTZ), .can_fail = true,
	  .volatility = SPK_STABLE, .kernel = to_timestamp, .prepare = prepare },
	{ .name = "to_timestamp", .doc = "Flink: a local timestamp from its usual text", SPK_ARGS1(TEXT), SPK_RESULT(TIMESTAMP), .can_fail = true, .kernel = from_text },
	{ .name = "to_date", .doc = "Flink: a date from its usual text", SPK_ARGS1(TEXT), SPK_RESULT(DATE), .can_fail = true, .kernel = from_text },
	{ .name = "unix_timestamp", .doc = "Flink: seconds since 1970 of a local timestamp in text", SPK_ARGS1(TEXT), SPK_RESULT(BIGINT), .can_fail = true,
	  .volatility = SPK_STABLE, .kernel = unix_timestamp },
	{ .name = "to_date", .doc = "A date from text by a template", SPK_ARGS2(TEXT, TEXT), SPK_RESULT(DATE), .can_fail = true, .kernel = to_date, .prepare = prepare },
};

SPK_FUNCTION_FAMILY(template, template_functions)
