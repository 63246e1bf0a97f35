/* to_char of timestamps and intervals, Flink's date_format. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/expr/families.h"
#include "core/expr/fields.h"
#include "core/expr/internal.h"
#include "core/expr/session.h"
#include "core/expr/template.h"

/* What there is to show. */
struct shown {
	int64_t days, of_day;
	struct spk_date_parts date;
	int64_t hour;                  /* of an interval it may be above 23 */
	int minute, second, micros;
	bool interval;
	int32_t offset;
	const char *zone;
};

static struct shown shown_timestamp(int64_t local, int32_t offset, const char *zone)
{
	struct shown v = { .offset = offset, .zone = zone };
	struct spk_time_parts t;

	spk_split_timestamp(local, &v.days, &v.of_day);
	v.date = spk_date_from_days(v.days);
	t = spk_time_from_micros(v.of_day);
	v.hour = t.hour;
	v.minute = t.minute;
	v.second = t.second;
	v.micros = t.micros;
	return v;
}

/* Week and year of ISO's calendar, which few templates ask for; an interval has none. */
static int iso_week(const struct shown *v, int64_t *year)
{
	*year = 0;
	return v->interval ? 0 : spk_iso_week(v->days, year);
}

static int64_t iso_year(const struct shown *v)
{
	int64_t year;

	iso_week(v, &year);
	return year;
}

static struct shown shown_interval(const struct spk_interval *i)
{
	struct shown v = { .interval = true, .zone = "" };

	v.date = (struct spk_date_parts){ i->months / 12, i->months % 12, i->days };
	v.hour = i->micros / SPK_USEC_PER_HOUR;
	v.minute = (int)(i->micros / SPK_USEC_PER_MINUTE % 60);
	v.second = (int)(i->micros / SPK_USEC_PER_SEC % 60);
	v.micros = (int)(i->micros % SPK_USEC_PER_SEC);
	v.of_day = i->micros;
	v.days = (int64_t)i->months * 30 + i->days;
	return v;
}

/* --- pieces --- */

static void put_case(char *s, enum spk_template_case letters)
{
	for (size_t i = 0; s[i]; i++)
		s[i] = (char)(letters == SPK_TEMPLATE_UPPER ? toupper((unsigned char)s[i]) : letters == SPK_TEMPLATE_LOWER || i > 0 ? tolower((unsigned char)s[i]) : s[i]);
}

static int put_name(char *out, const char *name, int size, int width, const struct spk_template_node *n)
{
	char text[16];

	snprintf(text, sizeof text, "%.*s", size, name);
	put_case(text, n->letters);
	return sprintf(out, "%-*s", n->fill ? 0 : width, text);
}

static int put_number(char *out, int64_t v, int width, const struct spk_template_node *n)
{
	char digits[24];
	int size = spk_text_bigint(v < 0 ? -v : v, digits), at = 0;

	if (v < 0)
		out[at++] = '-';
	for (int zeros = n->fill ? 0 : width - at - size; zeros > 0; zeros--)
		out[at++] = '0';
	memcpy(out + at, digits, (size_t)size);
	return at + size;
}

/* The same with room for a sign. */
static int put_signed(char *out, int64_t v, int width, const struct spk_template_node *n)
{
	return put_number(out, v, v < 0 ? width + 1 : width, n);
}

static int put_half_day(char *out, const struct shown *v, const struct spk_template_node *n, bool dots)
{
	bool pm = (v->hour % 24 + 24) % 24 >= 12;
	char text[8];

	snprintf(text, sizeof text, "%s", dots ? (pm ? "P.M." : "A.M.") : pm ? "PM" : "AM");
	if (n->letters == SPK_TEMPLATE_LOWER)
		put_case(text, SPK_TEMPLATE_LOWER);
	return sprintf(out, "%s", text);
}

static int put_era(char *out, const struct shown *v, const struct spk_template_node *n, bool dots)
{
	bool bc = v->date.year <= 0;
	char text[8];

	if (v->interval)
		return 0;
	snprintf(text, sizeof text, "%s", dots ? (bc ? "B.C." : "A.D.") : bc ? "BC" : "AD");
	if (n->letters == SPK_TEMPLATE_LOWER)
		put_case(text, SPK_TEMPLATE_LOWER);
	return sprintf(out, "%s", text);
}

static int put_roman(char *out, const struct shown *v, const struct spk_template_node *n)
{
	static const char *const roman[] = { "XII", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI" };
	int month = v->date.month;
	char text[8];

	/* Of an interval -1 is XII, and whole years are XII, or I when they are negative. */
	if (v->interval && month == 0 && v->date.year == 0)
		return 0;
	if (v->interval && month <= 0)
		month = month < 0 ? 13 + month : v->date.year >= 0 ? 12 : 1;
	snprintf(text, sizeof text, "%s", roman[(month % 12 + 12) % 12]);
	put_case(text, n->letters == SPK_TEMPLATE_LOWER ? SPK_TEMPLATE_LOWER : SPK_TEMPLATE_UPPER);
	return sprintf(out, "%-*s", n->fill ? 0 : 4, text);
}

static int put_offset(char *out, int32_t offset, const struct spk_template_node *n)
{
	int hours = abs(offset) / 3600, minutes = abs(offset) / 60 % 60, at;

	at = sprintf(out, "%c%0*d", offset < 0 ? '-' : '+', n->fill ? 0 : 2, hours);
	return minutes ? at + sprintf(out + at, ":%02d", minutes) : at;
}

/* Years before 1 are shown as years BC. */
static int64_t year_shown(const struct shown *v, int64_t year)
{
	return v->interval || year > 0 ? year : 1 - year;
}

static int put_year(char *out, const struct shown *v, const struct spk_template_node *n)
{
	bool iso = n->key >= SPK_TEMPLATE_IYYY && n->key <= SPK_TEMPLATE_I;
	int64_t year = year_shown(v, iso ? iso_year(v) : v->date.year);

	switch (n->key) {
	case SPK_TEMPLATE_Y_YYY: return sprintf(out, "%lld,%03lld", (long long)(year / 1000), (long long)(year % 1000));
	case SPK_TEMPLATE_YYYY:
	case SPK_TEMPLATE_IYYY: return put_signed(out, year, 4, n);
	case SPK_TEMPLATE_YYY:
	case SPK_TEMPLATE_IYY: return put_number(out, year % 1000, 3, n);
	case SPK_TEMPLATE_YY:
	case SPK_TEMPLATE_IY: return put_number(out, year % 100, 2, n);
	default: return put_number(out, year % 10, 1, n);
	}
}

static int put_date(char *out, const struct shown *v, const struct spk_template_node *n)
{
	int month = v->date.month, weekday = spk_weekday(v->days);
	int64_t day_of_year = v->interval ? v->days : v->days - spk_days_from_date(v->date.year, 1, 1) + 1, century;

	switch (n->key) {
	case SPK_TEMPLATE_MONTH: return month ? put_name(out, spk_month_names[month], 9, 9, n) : 0;
	case SPK_TEMPLATE_MON: return month ? put_name(out, spk_month_names[month], 3, 0, n) : 0;
	case SPK_TEMPLATE_MM: return put_number(out, month, 2, n);
	case SPK_TEMPLATE_DAY: return v->interval ? 0 : put_name(out, spk_day_names[weekday], 9, 9, n);
	case SPK_TEMPLATE_DY: return v->interval ? 0 : put_name(out, spk_day_names[weekday], 3, 0, n);
	case SPK_TEMPLATE_DD: return put_number(out, v->date.day, 2, n);
	case SPK_TEMPLATE_DDD: return put_number(out, day_of_year, 3, n);
	case SPK_TEMPLATE_D: return put_number(out, weekday + 1, 1, n);
	case SPK_TEMPLATE_ID: return put_number(out, (weekday + 6) % 7 + 1, 1, n);
	case SPK_TEMPLATE_IDDD: return put_number(out, v->days - spk_iso_year_start(iso_year(v)) + 1, 3, n);
	case SPK_TEMPLATE_IW: return put_number(out, iso_week(v, &(int64_t){ 0 }), 2, n);
	case SPK_TEMPLATE_WW: return put_number(out, (day_of_year - 1) / 7 + 1, 2, n);
	case SPK_TEMPLATE_W: return put_number(out, (v->date.day - 1) / 7 + 1, 1, n);
	case SPK_TEMPLATE_Q: return month ? put_number(out, (month - 1) / 3 + 1, 1, n) : 0;
	case SPK_TEMPLATE_J: return put_number(out, v->days + 2440588, 1, n);
	case SPK_TEMPLATE_CC:
		century = v->interval ? v->date.year / 100 : v->date.year > 0 ? (v->date.year - 1) / 100 + 1 : v->date.year / 100 - 1;
		return put_signed(out, century, 2, n);
	default: return 0;
	}
}

static int put_time(char *out, const struct shown *v, const struct spk_template_node *n)
{
	static const int power[] = { 100000, 10000, 1000, 100, 10, 1 };
	int64_t twelve = v->hour % 12 == 0 ? 12 : v->hour % 12;

	switch (n->key) {
	case SPK_TEMPLATE_HH:
	case SPK_TEMPLATE_HH12: return put_signed(out, twelve, 2, n);
	case SPK_TEMPLATE_HH24: return put_signed(out, v->hour, 2, n);
	case SPK_TEMPLATE_MI: return put_signed(out, v->minute, 2, n);
	case SPK_TEMPLATE_SS: return put_signed(out, v->second, 2, n);
	case SPK_TEMPLATE_MS: return put_signed(out, v->micros / 1000, 3, &(struct spk_template_node){ 0 });
	case SPK_TEMPLATE_US: return put_signed(out, v->micros, 6, &(struct spk_template_node){ 0 });
	case SPK_TEMPLATE_SSSS:
	case SPK_TEMPLATE_SSSSS: return put_signed(out, v->of_day / SPK_USEC_PER_SEC, 1, n);
	default:
		return sprintf(out, "%0*d", (int)(n->key - SPK_TEMPLATE_FF1) + 1, v->micros / power[n->key - SPK_TEMPLATE_FF1]);
	}
}

static int put_zone(char *out, const struct shown *v, const struct spk_template_node *n)
{
	char text[32];

	switch (n->key) {
	case SPK_TEMPLATE_OF: return put_offset(out, v->offset, n);
	case SPK_TEMPLATE_TZH: return sprintf(out, "%c%02d", v->offset < 0 ? '-' : '+', abs(v->offset) / 3600);
	case SPK_TEMPLATE_TZM: return sprintf(out, "%02d", abs(v->offset) / 60 % 60);
	default:
		snprintf(text, sizeof text, "%s", v->zone);
		put_case(text, n->letters == SPK_TEMPLATE_LOWER ? SPK_TEMPLATE_LOWER : SPK_TEMPLATE_UPPER);
		return sprintf(out, "%s", text);
	}
}

/* At most 40 bytes. */
static int put_node(char *out, const struct shown *v, const struct spk_template_node *n)
{
	switch (n->key) {
	case SPK_TEMPLATE_TEXT:
		memcpy(out, n->text, (size_t)n->size);
		return n->size;
	case SPK_TEMPLATE_AM:
	case SPK_TEMPLATE_PM: return put_half_day(out, v, n, false);
	case SPK_TEMPLATE_AM_DOTS:
	case SPK_TEMPLATE_PM_DOTS: return put_half_day(out, v, n, true);
	case SPK_TEMPLATE_AD:
	case SPK_TEMPLATE_BC: return put_era(out, v, n, false);
	case SPK_TEMPLATE_AD_DOTS:
	case SPK_TEMPLATE_BC_DOTS: return put_era(out, v, n, true);
	case SPK_TEMPLATE_RM: return put_roman(out, v, n);
	case SPK_TEMPLATE_OF:
	case SPK_TEMPLATE_TZH:
	case SPK_TEMPLATE_TZM:
	case SPK_TEMPLATE_TZ: return put_zone(out, v, n);
	case SPK_TEMPLATE_Y_YYY:
	case SPK_TEMPLATE_YYYY:
	case SPK_TEMPLATE_YYY:
	case SPK_TEMPLATE_YY:
	case SPK_TEMPLATE_Y:
	case SPK_TEMPLATE_IYYY:
	case SPK_TEMPLATE_IYY:
	case SPK_TEMPLATE_IY:
	case SPK_TEMPLATE_I: return put_year(out, v, n);
	case SPK_TEMPLATE_HH24:
	case SPK_TEMPLATE_HH12:
	case SPK_TEMPLATE_HH:
	case SPK_TEMPLATE_MI:
	case SPK_TEMPLATE_SS:
	case SPK_TEMPLATE_SSSS:
	case SPK_TEMPLATE_SSSSS:
	case SPK_TEMPLATE_MS:
	case SPK_TEMPLATE_US:
	case SPK_TEMPLATE_FF1:
	case SPK_TEMPLATE_FF2:
	case SPK_TEMPLATE_FF3:
	case SPK_TEMPLATE_FF4:
	case SPK_TEMPLATE_FF5:
	case SPK_TEMPLATE_FF6: return put_time(out, v, n);
	default: return put_date(out, v, n);
	}
}

int spk_text_ordinal(const char *digits, int size, bool upper, char *out)
{
	const char *th = "th";
	char last = digits[size - 1];
	bool teen = size > 1 && digits[size - 2] == '1';

	if (size == 0 || last < '0' || last > '9')
		return 0;
	if (!teen && last >= '1' && last <= '3')
		th = last == '1' ? "st" : last == '2' ? "nd" : "rd";
	out[0] = (char)(upper ? toupper((unsigned char)th[0]) : th[0]);
	out[1] = (char)(upper ? toupper((unsigned char)th[1]) : th[1]);
	return 2;
}

static spk_status show(const struct spk_call *call, const struct spk_template *t, const struct shown *v, struct spk_vector *out, int row, spk_error *err)
{
	char *text = spk_arena_alloc(call->ev->arena, (size_t)t->count * 42 + 1), *p = text;

	SPK_TRY_PTR(text, err);
	for (int i = 0; i < t->count; i++) {
		int n = put_node(p, v, &t->node[i]);

		if (t->node[i].ordinal)
			n += spk_text_ordinal(p, n, t->node[i].ordinal == 'T', p + n);
		p += n;
	}
	spk_vector_view(out)[row] = spk_view(text, (uint32_t)(p - text));
	return SPK_OK;
}

/* --- the same text again --- */

/* How long texts of a template stay the same, in microseconds of local time; 1: nothing is said. */
static int64_t resolution(const struct spk_template *t)
{
	int64_t least = SPK_USEC_PER_DAY;

	for (int i = 0; i < t->count; i++) {
		switch (t->node[i].key) {
		case SPK_TEMPLATE_HH24: case SPK_TEMPLATE_HH12: case SPK_TEMPLATE_HH:
		case SPK_TEMPLATE_AM: case SPK_TEMPLATE_PM: case SPK_TEMPLATE_AM_DOTS: case SPK_TEMPLATE_PM_DOTS: least = SPK_MIN(least, SPK_USEC_PER_HOUR); break;
		case SPK_TEMPLATE_MI: least = SPK_MIN(least, SPK_USEC_PER_MINUTE); break;
		case SPK_TEMPLATE_SS: case SPK_TEMPLATE_SSSS: case SPK_TEMPLATE_SSSSS: least = SPK_MIN(least, SPK_USEC_PER_SEC); break;
		case SPK_TEMPLATE_FF1: case SPK_TEMPLATE_FF2: case SPK_TEMPLATE_FF3: case SPK_TEMPLATE_FF4: case SPK_TEMPLATE_FF5: case SPK_TEMPLATE_FF6:
		case SPK_TEMPLATE_MS: case SPK_TEMPLATE_US: case SPK_TEMPLATE_OF: case SPK_TEMPLATE_TZ: case SPK_TEMPLATE_TZH: case SPK_TEMPLATE_TZM: return 1;
		default: break;
		}
	}
	return least;
}

/* The row before: times that follow each other often show the same day or minute. */
struct before { const struct spk_template *t; int64_t unit, key; int row; };

/* Whether the row shows what the last one did, which it then has. */
static bool shows_again(struct before *b, const struct spk_template *t, int64_t local, struct spk_vector *out, int row)
{
	int64_t key;
	bool same;

	if (b->t != t)
		*b = (struct before){ t, resolution(t), 0, -1 };
	key = local / b->unit - (local % b->unit < 0);
	same = b->unit > 1 && b->row >= 0 && key == b->key;
	if (same)
		spk_vector_view(out)[row] = spk_vector_view(out)[b->row];
	b->key = key;
	b->row = row;
	return same;
}

/* --- kernels --- */

typedef struct spk_template *(*compiler)(struct spk_arena *arena, const char *s, size_t size);

static compiler compiler_of(const struct spk_expr *e)
{
	return strcmp(e->function->name, "to_char") != 0 ? spk_template_new_java : spk_template_new;
}

static spk_status prepare(struct spk_arena *arena, struct spk_expr *e, spk_error *err)
{
	const struct spk_value *text = spk_constant_arg(e, 1);

	if (!text)
		return SPK_OK;
	e->prepared = compiler_of(e)(arena, spk_view_data(&text->view), text->view.length);
	SPK_TRY_PTR(e->prepared, err);
	return SPK_OK;
}

static spk_status template_at(const struct spk_call *call, const struct spk_view *text, const struct spk_view **last, const struct spk_template **t, spk_error *err)
{
	if (call->expr->prepared) {
		*t = call->expr->prepared;
	} else if (*last != text) {
		*t = compiler_of(call->expr)(call->ev->arena, spk_view_data(text), text->length);
		SPK_TRY_PTR(*t, err);
	}
	*last = text;
	return SPK_OK;
}

static spk_status show_timestamps(const struct spk_call *call, bool zoned, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader rv = spk_vector_reader(&call->arg[0]), rt = spk_vector_reader(&call->arg[1]);
	const struct spk_view *last = NULL;
	const struct spk_template *t = NULL;
	const struct spk_zone *zone = NULL;
	struct before before = { 0 };

	if (zoned)
		SPK_TRY(spk_session_zone(call, &zone, err));
	SPK_EACH_CALL_ROW(call, row) {
		const struct spk_view *text = &SPK_ARG(struct spk_view, rt, row);
		int64_t us = SPK_ARG(int64_t, rv, row), local;
		struct shown v;

		SPK_TRY(template_at(call, text, &last, &t, err));
		if (!spk_timestamp_finite(us) || t->count == 0) {
			SPK_TRY(spk_call_null(call, out, row, err));
			continue;
		}
		local = spk_session_local(zone, us);
		if (shows_again(&before, t, local, out, row))
			continue;
		v = shown_timestamp(local, zone ? spk_zone_offset_at(zone, us) : 0, !zoned ? "" : zone ? spk_zone_abbreviation(zone, us) : "UTC");
		SPK_TRY(show(call, t, &v, out, row, err));
	}
	return SPK_OK;
}

static spk_status show_timestamp(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	return show_timestamps(call, false, out, err);
}

static spk_status show_timestamptz(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	return show_timestamps(call, true, out, err);
}

static spk_status show_interval(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader rv = spk_vector_reader(&call->arg[0]), rt = spk_vector_reader(&call->arg[1]);
	const struct spk_view *last = NULL;
	const struct spk_template *t = NULL;

	SPK_EACH_CALL_ROW(call, row) {
		const struct spk_view *text = &SPK_ARG(struct spk_view, rt, row);
		struct shown v = shown_interval(&SPK_ARG(struct spk_interval, rv, row));

		SPK_TRY(template_at(call, text, &last, &t, err));
		if (t->count == 0)
			SPK_TRY(spk_call_null(call, out, row, err));
		else
			SPK_TRY(show(call, t, &v, out, row, err));
	}
	return SPK_OK;
}

/* Flink's FROM_UNIXTIME(seconds [, pattern]). */
static spk_status from_unixtime(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	static const char usual[] = "yyyy-MM-dd HH:mm:ss";
	const struct spk_reader rv = spk_vector_reader(&call->arg[0]), rt = spk_vector_reader(&call->arg[call->args - 1]);
	const struct spk_template *t = spk_template_new_java(call->ev->arena, usual, sizeof usual - 1);
	const struct spk_view *last = NULL;
	const struct spk_zone *zone;
	struct before before = { 0 };

	SPK_TRY_PTR(t, err);
	SPK_TRY(spk_session_zone(call, &zone, err));
	SPK_EACH_CALL_ROW(call, row) {
		int64_t us, local;
		struct shown v;

		if (call->args > 1)
			SPK_TRY(template_at(call, &SPK_ARG(struct spk_view, rt, row), &last, &t, err));
		if (__builtin_mul_overflow(SPK_ARG(int64_t, rv, row), SPK_USEC_PER_SEC, &us) || !spk_timestamp_valid(us)) {
			SPK_TRY(spk_call_fail(call, out, row, SPK_DATA, err, "timestamp out of range"));
			continue;
		}
		local = spk_session_local(zone, us);
		if (shows_again(&before, t, local, out, row))
			continue;
		v = shown_timestamp(local, zone ? spk_zone_offset_at(zone, us) : 0, zone ? spk_zone_abbreviation(zone, us) : "UTC");
		SPK_TRY(show(call, t, &v, out, row, err));
	}
	return SPK_OK;
}

#define SHOW(name_, T, kernel_, stable, doc_) \
	{ .name = name_, .doc = doc_, SPK_ARGS2(T, TEXT), SPK_RESULT(TEXT), .volatility = stable, .kernel = kernel_, .prepare = prepare }

static const struct spk_function format_functions[] = {
	SHOW("to_char", TIMESTAMP, show_timestamp, SPK_IMMUTABLE, "By a template: YYYY-MM-DD HH24:MI:SS.US, Day, Mon, ..."),
	SHOW("to_char", TIMESTAMPTZ, show_timestamptz, SPK_STABLE, "By a template, in the session's zone"),
	SHOW("to_char", INTERVAL, show_interval, SPK_IMMUTABLE, "By a template"),
	SHOW("date_format", TIMESTAMP, show_timestamp, SPK_IMMUTABLE, "Flink: by a pattern of Java's: yyyy-MM-dd HH:mm:ss.SSS"),
	SHOW("date_format", TIMESTAMPTZ, show_timestamptz, SPK_STABLE, "Flink: by a pattern of Java's, in the session's zone"),
	{ .name = "from_unixtime", .doc = "Flink: seconds since 1970 as text, by a pattern of Java's", .args_min = 1, .args_max = 2, .arg = { SPK_T(BIGINT), SPK_T(TEXT) },
	  SPK_RESULT(TEXT), .can_fail = true, .volatility = SPK_STABLE, .kernel = from_unixtime, .prepare = prepare },
};

SPK_FUNCTION_FAMILY(format, format_functions)
