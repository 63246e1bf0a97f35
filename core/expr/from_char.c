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

struct parsed {
	int64_t year, iso_year, julian;
	int century, month, day, day_of_year, week, iso_week, iso_day, week_of_month;
	int hour, minute, second, micros;
	int64_t seconds_of_day;
	bool bc, pm, am, twelve, has_year, has_iso_year, has_julian, has_seconds, has_offset;
	int year_digits, offset_sign, offset_hour, offset_minute;
};

static const struct { const char *name; int digits; } fields[] = {
#define FIELD(id, text, digits) { text, digits },
	SPK_TEMPLATE_LIST(FIELD)
#undef FIELD
};

struct input { const char *s, *end; };

static void skip_spaces(struct input *in)
{
	while (in->s < in->end && isspace((unsigned char)*in->s))
		in->s++;
}

/* True when the next field must be told apart by counting digits. */
static bool digits_follow(const struct spk_template *t, int i)
{
	return i + 1 < t->count && t->node[i + 1].key != SPK_TEMPLATE_TEXT && fields[t->node[i + 1].key].digits > 0;
}

static spk_status no_value(const struct input *in, const struct spk_template_node *n, spk_error *err)
{
	int size = (int)SPK_MIN(in->end - in->s, SPK_MAX(fields[n->key].digits, 1));

	spk_fail(err, SPK_DATA, "invalid value \"%.*s\" for \"%s\"", size, in->s, fields[n->key].name);
	return spk_hint(err, fields[n->key].digits ? "Value must be an integer." : "The given value did not match any of the allowed values for this field.");
}

static spk_status read_number(struct input *in, const struct spk_template_node *n, bool limited, int64_t *out, int *digits, spk_error *err)
{
	int most = limited && !n->fill ? fields[n->key].digits : 18, sign = 1;
	const char *start;

	skip_spaces(in);
	if (in->s < in->end && (*in->s == '-' || *in->s == '+') && in->s + 1 < in->end && isdigit((unsigned char)in->s[1]))
		sign = *in->s++ == '-' ? -1 : 1;
	start = in->s;
	*out = 0;
	while (in->s < in->end && isdigit((unsigned char)*in->s) && in->s - start < most)
		*out = *out * 10 + (*in->s++ - '0');
	*digits = (int)(in->s - start);
	if (*digits == 0)
		return no_value(in, n, err);
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

static int micros_of(int64_t v, int digits)
{
	for (; digits < 6; digits++)
		v *= 10;
	for (; digits > 6; digits--)
		v /= 10;
	return (int)v;
}

static void take_year(struct parsed *p, enum spk_template_key key, int64_t v, int digits)
{
	if (key >= SPK_TEMPLATE_IYYY && key <= SPK_TEMPLATE_I) {
		p->iso_year = key == SPK_TEMPLATE_IYYY ? v : full_year(v, digits);
		p->has_iso_year = true;
		return;
	}
	p->year = key == SPK_TEMPLATE_YYYY ? v : full_year(v, digits);
	p->year_digits = key == SPK_TEMPLATE_YYYY ? 4 : digits;
	p->has_year = true;
}

static void take_number(struct parsed *p, enum spk_template_key key, int64_t v, int digits)
{
	switch (key) {
	case SPK_TEMPLATE_HH:
	case SPK_TEMPLATE_HH12: p->twelve = true;  /* fall through */
	case SPK_TEMPLATE_HH24: p->hour = (int)v; break;
	case SPK_TEMPLATE_MI: p->minute = (int)v; break;
	case SPK_TEMPLATE_SS: p->second = (int)v; break;
	case SPK_TEMPLATE_SSSS:
	case SPK_TEMPLATE_SSSSS: p->seconds_of_day = v; p->has_seconds = true; break;
	case SPK_TEMPLATE_MS: p->micros += digits <= 3 ? micros_of(v, digits) : (int)v * 1000; break;
	case SPK_TEMPLATE_US:
	case SPK_TEMPLATE_FF1:
	case SPK_TEMPLATE_FF2:
	case SPK_TEMPLATE_FF3:
	case SPK_TEMPLATE_FF4:
	case SPK_TEMPLATE_FF5:
	case SPK_TEMPLATE_FF6: p->micros += micros_of(v, digits); break;
	case SPK_TEMPLATE_MM: p->month = (int)v; break;
	case SPK_TEMPLATE_DD: p->day = (int)v; break;
	case SPK_TEMPLATE_DDD: p->day_of_year = (int)v; break;
	case SPK_TEMPLATE_WW: p->week = (int)v; break;
	case SPK_TEMPLATE_W: p->week_of_month = (int)v; break;
	case SPK_TEMPLATE_IW: p->iso_week = (int)v; break;
	case SPK_TEMPLATE_ID: p->iso_day = (int)v; break;
	case SPK_TEMPLATE_CC: p->century = (int)v; break;
	case SPK_TEMPLATE_J: p->julian = v; p->has_julian = true; break;
	case SPK_TEMPLATE_D:
	case SPK_TEMPLATE_Q: break;  /* read and not used, as in PostgreSQL */
	default: take_year(p, key, v, digits);
	}
}

static spk_status read_zone(struct input *in, const struct spk_template_node *n, struct parsed *p, spk_error *err)
{
	struct spk_template_node two = { .key = SPK_TEMPLATE_TZH };
	int64_t v;
	int digits;

	if (n->key == SPK_TEMPLATE_TZ)
		return spk_fail(err, SPK_DATA, "formatting field \"%s\" is only supported in to_char", fields[n->key].name);
	p->has_offset = true;
	if (n->key == SPK_TEMPLATE_TZM) {
		SPK_TRY(read_number(in, n, true, &v, &digits, err));
		p->offset_minute = (int)v;
		return SPK_OK;
	}
	skip_spaces(in);
	p->offset_sign = in->s < in->end && *in->s == '-' ? -1 : 1;
	if (in->s < in->end && (*in->s == '-' || *in->s == '+'))
		in->s++;
	two.key = SPK_TEMPLATE_TZM;
	SPK_TRY(read_number(in, &two, true, &v, &digits, err));
	p->offset_hour = (int)v;
	if (n->key == SPK_TEMPLATE_OF && in->s < in->end && *in->s == ':') {
		in->s++;
		SPK_TRY(read_number(in, &two, true, &v, &digits, err));
		p->offset_minute = (int)v;
	}
	return SPK_OK;
}

static spk_status read_node(struct input *in, const struct spk_template *t, int i, struct parsed *p, spk_error *err)
{
	const struct spk_template_node *n = &t->node[i];
	int64_t v;
	int digits, ignored;
	bool ok = true;

	switch (n->key) {
	case SPK_TEMPLATE_MONTH:
		ok = read_name(in, spk_month_names, 1, 13, true, &p->month);
		break;
	case SPK_TEMPLATE_MON:
		ok = read_name(in, spk_month_names, 1, 13, false, &p->month);
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
		ok = read_roman(in, &p->month);
		break;
	case SPK_TEMPLATE_TZ:
	case SPK_TEMPLATE_TZH:
	case SPK_TEMPLATE_TZM:
	case SPK_TEMPLATE_OF:
		return read_zone(in, n, p, err);
	case SPK_TEMPLATE_Y_YYY:
		SPK_TRY(read_number(in, n, true, &v, &digits, err));
		p->year = v * 1000;
		in->s += in->s < in->end && *in->s == ',';
		SPK_TRY(read_number(in, n, true, &v, &digits, err));
		p->year += v;
		p->has_year = true;
		return SPK_OK;
	default:
		SPK_TRY(read_number(in, n, digits_follow(t, i), &v, &digits, err));
		take_number(p, n->key, v, digits);
		return SPK_OK;
	}
	return ok ? SPK_OK : no_value(in, n, err);
}

/* Text of the template: a separator or space takes one of the input's if there is one; anything else one character. */
static void skip_text(struct input *in, const struct spk_template_node *n)
{
	if (n->quoted) {
		skip_spaces(in);
		if (in->s < in->end)
			in->s++;
		return;
	}
	if (isspace((unsigned char)n->text[0])) {
		if (in->s < in->end && (isspace((unsigned char)*in->s) || ispunct((unsigned char)*in->s)))
			in->s++;
		return;
	}
	skip_spaces(in);
	if (in->s < in->end && !isalnum((unsigned char)*in->s))
		in->s++;
}

/* A sign is part of the number when no separator of the template stands before it. */
static spk_status read_all(const struct spk_template *t, const char *s, size_t size, struct parsed *p, spk_error *err)
{
	struct input in = { s, s + size };

	for (int i = 0; i < t->count; i++) {
		if (t->node[i].key == SPK_TEMPLATE_TEXT) {
			skip_text(&in, &t->node[i]);
			continue;
		}
		skip_spaces(&in);
		if (in.s == in.end)
			break;
		SPK_TRY(read_node(&in, t, i, p, err));
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
	if (p->bc && year > 0)
		year = 1 - year;
	else if (year < 0)
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
	int hour = p->hour;

	if (p->has_seconds) {
		*of_day = p->seconds_of_day * SPK_USEC_PER_SEC + p->micros;
		return p->seconds_of_day < 86400;
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
	*of_day = hour * SPK_USEC_PER_HOUR + p->minute * SPK_USEC_PER_MINUTE + p->second * SPK_USEC_PER_SEC + p->micros;
	return hour >= 0 && hour < 24 && p->minute >= 0 && p->minute < 60 && p->second >= 0 && p->second < 60;
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
	struct input in = { s, s + size };

	for (int i = 0; i < t->count; i++) {
		const struct spk_template_node *n = &t->node[i];

		if (in.s == in.end)
			return spk_fail(err, SPK_DATA, "input string is too short for datetime format");
		if (n->key != SPK_TEMPLATE_TEXT) {
			skip_spaces(&in);
			SPK_TRY(read_node(&in, t, i, p, err));
		} else if (n->quoted) {
			skip_text(&in, n);
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
	return finish(p, spk_view_data(v), v->length, days, of_day, err);
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
