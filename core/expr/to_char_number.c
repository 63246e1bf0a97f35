/*
 * to_char and to_number: numbers by templates such as 'FM999,990.00MI'.
 *
 * The number is first written plainly with as many digits behind the point as the template has places there; then the template's
 * cells are gone through from the left, each taking its digit. The sign comes right before the first digit that shows unless the
 * template gives it a place of its own.
 */
#include <ctype.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "core/expr/families.h"
#include "core/expr/internal.h"
#include "core/expr/locale.h"
#include "core/expr/template.h"
#include "core/expr/utf8.h"

enum cell_kind { CELL_9, CELL_0, CELL_POINT, CELL_GROUP, CELL_S, CELL_MI, CELL_PL, CELL_SG, CELL_CURRENCY, CELL_ORDINAL, CELL_V, CELL_TEXT };

struct cell { enum cell_kind kind; char text; };

struct layout {
	const char *wrong;                 /* the template is none; NULL: it is */
	int count, before, after, shift;   /* digit places on each side of the point; digits behind V */
	int first_zero;                    /* place of the first 0, -1: none */
	int last_zero_behind;              /* places behind the point up to the last 0 there */
	bool fill, brackets, own_sign, plus, s_first, s_last, point, scientific;
	char roman;                        /* R or r: a Roman numeral, in that case */
	struct cell cell[];
};

static const struct { const char *text; enum cell_kind kind; } words[] = {
	{ "MI", CELL_MI }, { "PL", CELL_PL }, { "SG", CELL_SG }, { "TH", CELL_ORDINAL }, { "9", CELL_9 }, { "0", CELL_0 }, { ".", CELL_POINT },
	{ "D", CELL_POINT }, { ",", CELL_GROUP }, { "G", CELL_GROUP }, { "S", CELL_S }, { "L", CELL_CURRENCY }, { "V", CELL_V },
};

/* Why this cell cannot follow what is there; NULL: it can. */
static const char *clash(const struct layout *l, enum cell_kind kind)
{
	const bool s = l->s_first || l->s_last;

	switch (kind) {
	case CELL_9: return l->brackets ? "\"9\" must be ahead of \"PR\"" : NULL;
	case CELL_0: return l->brackets ? "\"0\" must be ahead of \"PR\"" : NULL;
	case CELL_POINT: return l->point ? "multiple decimal points" : l->shift >= 0 ? "cannot use \"V\" and decimal point together" : NULL;
	case CELL_V: return l->point ? "cannot use \"V\" and decimal point together" : NULL;
	case CELL_S: return s ? "cannot use \"S\" twice" : l->own_sign || l->plus || l->brackets ? "cannot use \"S\" and \"PL\"/\"MI\"/\"SG\"/\"PR\" together" : NULL;
	case CELL_MI: return s ? "cannot use \"S\" and \"MI\" together" : NULL;
	case CELL_PL: return s ? "cannot use \"S\" and \"PL\" together" : NULL;
	case CELL_SG: return s ? "cannot use \"S\" and \"SG\" together" : NULL;
	default: return NULL;
	}
}

static void add_cell(struct layout *l, enum cell_kind kind, char text)
{
	l->cell[l->count++] = (struct cell){ kind, text };
	if (!l->wrong)
		l->wrong = clash(l, kind);
	switch (kind) {
	case CELL_0:
		if (l->point)
			l->last_zero_behind = l->after + 1;
		else if (l->first_zero < 0)
			l->first_zero = l->before;  /* fall through */
	case CELL_9:
		if (l->point)
			l->after++;
		else
			l->before++;
		l->shift += l->shift >= 0;
		break;
	case CELL_POINT: l->point = true; break;
	case CELL_V: l->shift = 0; break;
	case CELL_PL: l->plus = true; break;
	case CELL_MI:
	case CELL_SG: l->own_sign = true; break;
	case CELL_S:
		if (l->before + l->after == 0)
			l->s_first = true;
		else
			l->s_last = true;
		break;
	default: break;
	}
}

static struct layout *parse_layout(struct spk_arena *arena, const char *s, size_t size)
{
	struct layout *l = spk_arena_zalloc(arena, sizeof(*l) + sizeof(struct cell) * (size + 1));
	const char *end = s + size;

	if (!l)
		return NULL;
	l->first_zero = -1;
	l->shift = -1;
	while (s < end) {
		size_t i = 0;

		if (end - s >= 2 && strncasecmp(s, "FM", 2) == 0) {
			l->fill = true;
			s += 2;
		} else if (end - s >= 2 && strncasecmp(s, "PR", 2) == 0) {
			if (!l->wrong && (l->s_first || l->s_last || l->own_sign || l->plus))
				l->wrong = "cannot use \"PR\" and \"S\"/\"PL\"/\"MI\"/\"SG\" together";
			l->brackets = true;
			s += 2;
		} else if (end - s >= 2 && strncasecmp(s, "RN", 2) == 0) {
			l->roman = *s;
			s += 2;
		} else if (end - s >= 4 && strncasecmp(s, "EEEE", 4) == 0) {
			l->scientific = true;
			s += 4;
		} else if (*s == '"') {
			for (s++; s < end && *s != '"'; s++) {
				s += *s == '\\' && s + 1 < end;
				add_cell(l, CELL_TEXT, *s);
			}
			s += s < end;
		} else if (*s == '\\' && s + 1 < end && s[1] == '"') {
			add_cell(l, CELL_TEXT, '"');
			s += 2;
		} else {
			while (i < SPK_COUNT_OF(words) && ((size_t)(end - s) < strlen(words[i].text) || strncasecmp(s, words[i].text, strlen(words[i].text)) != 0))
				i++;
			add_cell(l, i < SPK_COUNT_OF(words) ? words[i].kind : CELL_TEXT, *s);
			s += i < SPK_COUNT_OF(words) ? strlen(words[i].text) : 1;
		}
	}
	if (l->shift < 0)
		l->shift = 0;
	return l;
}

/* --- writing --- */

struct pen { const struct layout *l; char *out; int place; bool negative, sign_due, any; const char *whole, *part; int whole_size; bool hide_zero, overflow, has_point; int part_shown; };

/* The sign goes before the first thing that shows. */
static void put_sign(struct pen *p)
{
	if (!p->sign_due)
		return;
	p->sign_due = false;
	if (p->l->brackets)
		*p->out++ = p->negative ? '<' : ' ';
	else if (p->l->s_first)
		*p->out++ = p->negative ? '-' : '+';
	else if (p->negative)
		*p->out++ = '-';
	else if (!p->l->fill)
		*p->out++ = ' ';
	if (p->l->brackets && !p->negative && p->l->fill)
		p->out--;
}

static void put_whole(struct pen *p)
{
	int from_right = p->l->before - 1 - p->place, index = p->whole_size - 1 - from_right;
	bool zeros = p->l->first_zero >= 0 && p->place >= p->l->first_zero;

	p->place++;
	if (p->overflow || (index >= 0 && !(p->hide_zero && !zeros))) {
		put_sign(p);
		*p->out++ = p->overflow ? '#' : p->whole[index];
		p->any = true;
	} else if (zeros) {
		put_sign(p);
		*p->out++ = '0';
		p->any = true;
	} else if (!p->l->fill) {
		*p->out++ = ' ';
	}
}

static void put_cell(struct pen *p, const struct cell *c, bool *behind, int *shown)
{
	int n;

	switch (c->kind) {
	case CELL_9:
	case CELL_0:
		if (!*behind) {
			put_whole(p);
		} else if (*shown < p->part_shown) {
			put_sign(p);
			*p->out++ = p->overflow ? '#' : p->part[*shown];
			++*shown;
		}
		break;
	case CELL_POINT:
		if (p->hide_zero && p->part_shown == 0 && p->l->fill && !p->any) {
			put_sign(p);
			*p->out++ = '0';
		}
		put_sign(p);
		*behind = true;
		if (p->has_point || p->overflow)
			*p->out++ = '.';
		break;
	case CELL_GROUP:
		if (p->any || *behind)
			*p->out++ = ',';
		else if (!p->l->fill)
			*p->out++ = ' ';
		break;
	case CELL_S:
		if (!p->l->s_first)
			*p->out++ = p->negative ? '-' : '+';
		break;
	case CELL_MI:
		if (p->negative)
			*p->out++ = '-';
		else if (!p->l->fill)
			*p->out++ = ' ';
		break;
	case CELL_PL:
		if (!p->negative)
			*p->out++ = '+';
		else if (!p->l->fill)
			*p->out++ = ' ';
		break;
	case CELL_SG: *p->out++ = p->negative ? '-' : '+'; break;
	case CELL_CURRENCY: *p->out++ = ' '; break;
	case CELL_ORDINAL:
		if (!p->negative && p->l->after == 0 && !p->overflow) {
			n = spk_text_ordinal(p->whole, p->whole_size, c->text == 'T', p->out);
			p->out += n;
		}
		break;
	case CELL_V: break;
	default: *p->out++ = c->text;
	}
}

/* `plain` is [-]digits[.digits] with l->after digits behind the point; `out` has room for 2 * count + 8 bytes. */
static size_t write_number(const struct layout *l, const char *plain, size_t size, char *out)
{
	bool negative = *plain == '-';
	const char *s = plain + negative, *point = memchr(plain, '.', size), *end = plain + size;
	struct pen p = { .l = l, .out = out, .negative = negative, .whole = s, .part = point ? point + 1 : end };
	bool behind = false;
	int shown = 0;

	p.has_point = point != NULL;
	p.whole_size = (int)((point ? point : end) - s);
	p.overflow = p.whole_size > l->before;
	p.hide_zero = p.whole_size == 1 && *s == '0' && l->after > 0;
	p.part_shown = SPK_MIN(l->after, (int)(end - p.part));
	while (l->fill && p.part_shown > l->last_zero_behind && !p.overflow && p.part[p.part_shown - 1] == '0')
		p.part_shown--;
	p.sign_due = l->brackets || l->s_first || (!l->own_sign && !l->s_last);
	for (int i = 0; i < l->count; i++)
		put_cell(&p, &l->cell[i], &behind, &shown);
	if (l->brackets && (negative || !l->fill))
		*p.out++ = negative ? '>' : ' ';
	return (size_t)(p.out - out);
}

/* NaN or infinite, in the places before the point; more digits than there are places when it does not fit. */
static size_t special_text(double v, const struct layout *l, char *out)
{
	const char *word = isnan(v) ? "NaN" : "Infinity";
	size_t size = strlen(word);
	char *p = out;

	if (v < 0)
		*p++ = '-';
	if ((int)size > l->before) {
		memset(p, '9', (size_t)l->before + 1);
		p += l->before + 1;
		*p++ = '.';
		memset(p, '9', (size_t)l->after);
		return (size_t)(p - out) + (size_t)l->after - (l->after ? 0 : 1);
	}
	memcpy(p, word, size);
	return (size_t)(p - out) + size;
}

/* Plain text of the argument, rounded to the places of the template; of floats no more digits than they have. */
static size_t plain_text(struct spk_type type, const void *value, const struct layout *l, char *out, size_t room)
{
	spk_int128 m;
	int scale, n;
	double d;
	locale_t before;

	switch (type.id) {
	case SPK_TYPE_DOUBLE:
	case SPK_TYPE_REAL:
		d = type.id == SPK_TYPE_REAL ? (double)*(const float *)value : *(const double *)value;
		if (!isfinite(d))
			return special_text(d, l, out);
		before = uselocale(spk_locale());
		d *= l->shift > 0 ? pow(10, l->shift) : 1;
		n = snprintf(out, room, "%.0f", fabs(d));
		n = snprintf(out, room, "%.*f", SPK_MIN(l->after, SPK_MAX((type.id == SPK_TYPE_REAL ? FLT_DIG : DBL_DIG) - n, 0)), d);
		uselocale(before);
		return n < (int)room ? (size_t)n : 0;
	case SPK_TYPE_INTEGER: m = *(const int32_t *)value; scale = 0; break;
	case SPK_TYPE_BIGINT: m = *(const int64_t *)value; scale = 0; break;
	default: spk_decimal_unpack(type, *(const spk_int128 *)value, &m, &scale);
	}
	if (spk_decimal_is_special(m))
		return special_text(spk_decimal_to_double(m, scale), l, out);
	if (l->shift > 0) {
		scale -= l->shift;
		if (scale < 0 && !spk_decimal_rescale(m, scale, 0, &m))
			return 0;
		scale = SPK_MAX(scale, 0);
	}
	if (!spk_decimal_rescale(m, scale, SPK_MIN(l->after, SPK_DECIMAL_DIGITS), &m))
		return 0;
	return (size_t)spk_decimal_format(m, SPK_MIN(l->after, SPK_DECIMAL_DIGITS), out);
}

/* --- Roman numerals and powers of ten --- */

enum { ROMAN_WIDTH = 15, SCIENTIFIC_MAX = 512 };

/* The number rounded to a whole one, or 0 when it is none from 1 to 3999. */
static int roman_value(struct spk_type type, const void *value)
{
	const struct layout whole = { .after = 0 };
	char text[512] = { 0 };
	size_t size = plain_text(type, value, &whole, text, sizeof text - 1);
	int v = size && size <= 4 ? atoi(text) : 0;

	return v >= 1 && v <= 3999 ? v : 0;
}

static size_t write_roman(const struct layout *l, int v, char *out)
{
	static const struct { int value; const char *text; } step[] = {
		{ 1000, "M" }, { 900, "CM" }, { 500, "D" }, { 400, "CD" }, { 100, "C" }, { 90, "XC" }, { 50, "L" }, { 40, "XL" }, { 10, "X" }, { 9, "IX" }, { 5, "V" }, { 4, "IV" }, { 1, "I" },
	};
	char text[ROMAN_WIDTH + 1] = "";
	bool none = v == 0;

	for (size_t i = 0; i < SPK_COUNT_OF(step); i++)
		for (; v >= step[i].value; v -= step[i].value)
			strcat(text, step[i].text);
	if (none)
		memset(text, '#', ROMAN_WIDTH);
	for (char *c = text; l->roman == 'r' && *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return (size_t)sprintf(out, "%*s", l->fill ? 0 : ROMAN_WIDTH, text);
}

/* A numeric: its digits with a point before the last `after` of them. As in PostgreSQL 9.99 rounded to 10.0 keeps its exponent. */
static int scientific_decimal(spk_int128 m, int scale, int after, char *out)
{
	char digits[64];
	int n = spk_decimal_format(m < 0 ? -m : m, 0, digits), exponent = m ? n - 1 - scale : 0;
	spk_int128 head = m;

	if (n - 1 > after && spk_decimal_rescale(m, n - 1, after, &head))
		n = spk_decimal_format(head < 0 ? -head : head, 0, digits);
	for (; n < after + 1; n++)
		digits[n] = '0';
	return sprintf(out, "%c%.*s%s%.*se%+03d", m < 0 ? '-' : ' ', n - after, digits, after ? "." : "", after, digits + n - after, exponent);
}

static size_t scientific_double(const struct layout *l, double d, int after, char *out)
{
	const int before = SPK_MIN(l->before, SPK_DECIMAL_DIGITS);
	locale_t locale;
	int n;

	if (isfinite(d)) {
		locale = uselocale(spk_locale());
		n = snprintf(out, SCIENTIFIC_MAX, "% .*e", after, d);
		uselocale(locale);
		return (size_t)n;
	}
	memset(out, '#', (size_t)(before + after + 6));
	out[0] = ' ';
	out[before + 1] = '.';
	return (size_t)(before + after + 6);
}

static size_t write_scientific(const struct layout *l, struct spk_type type, const void *value, char *out)
{
	const int after = SPK_MIN(l->after, SPK_DECIMAL_DIGITS);
	spk_int128 m;
	int scale = 0;

	switch (type.id) {
	case SPK_TYPE_DOUBLE: return scientific_double(l, *(const double *)value, after, out);
	case SPK_TYPE_REAL: return scientific_double(l, (double)*(const float *)value, after, out);
	case SPK_TYPE_INTEGER: return scientific_double(l, *(const int32_t *)value, after, out);
	case SPK_TYPE_BIGINT: m = *(const int64_t *)value; break;
	default: spk_decimal_unpack(type, *(const spk_int128 *)value, &m, &scale);
	}
	if (spk_decimal_is_special(m))
		return scientific_double(l, spk_decimal_to_double(m, scale), after, out);
	return (size_t)scientific_decimal(m, scale, after, out);
}

static spk_status layout_at(const struct spk_call *call, const struct spk_view *text, const struct spk_view **last, const struct layout **l, spk_error *err)
{
	if (text != *last) {
		*l = parse_layout(call->ev->arena, spk_view_data(text), text->length);
		SPK_TRY_PTR(*l, err);
	}
	*last = text;
	return SPK_OK;
}

/* NaN or infinite: a sign and the word, to the right of the places before the point. */
static size_t write_special(const struct layout *l, const char *plain, size_t size, char *out)
{
	const bool negative = *plain == '-';

	return (size_t)sprintf(out, "%*s%s%.*s", l->fill ? 0 : l->before - (int)(size - negative), "", negative ? "-" : l->fill ? "" : " ", (int)(size - negative), plain + negative);
}

/* Size of the text at `out`, which has room for it; 0: there is none. */
static size_t write_by(const struct layout *l, struct spk_type type, const void *value, char *out)
{
	char plain[512];
	size_t size;

	if (l->roman)
		return write_roman(l, roman_value(type, value), out);
	if (l->scientific)
		return write_scientific(l, type, value, out);
	size = plain_text(type, value, l, plain, sizeof plain);
	if (size && isalpha((unsigned char)plain[size - 1]))
		return write_special(l, plain, size, out);
	return size ? write_number(l, plain, size, out) : 0;
}

static spk_status to_char(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_type type = call->arg[0].type;
	const size_t width = (size_t)spk_type_width(type);
	const struct spk_reader rv = spk_vector_reader(&call->arg[0]), rt = spk_vector_reader(&call->arg[1]);
	const struct spk_view *last = NULL;
	const struct layout *l = NULL;

	SPK_EACH_CALL_ROW(call, row) {
		const char *value = (const char *)rv.data + width * spk_reader_slot(&rv, row);
		const char *wrong = NULL;
		char *text;
		size_t size = 0;

		SPK_TRY(layout_at(call, &SPK_ARG(struct spk_view, rt, row), &last, &l, err));
		text = spk_arena_alloc(call->ev->arena, l->roman || l->scientific ? SCIENTIFIC_MAX : (size_t)l->count * 2 + 8);
		SPK_TRY_PTR(text, err);
		if (l->wrong)
			wrong = l->wrong;
		else if (l->scientific && (l->brackets || l->own_sign || l->s_first || l->s_last || l->shift || l->fill || l->roman))
			wrong = "\"EEEE\" is incompatible with other formats";
		else if (!l->count && !l->roman)
			size = 0;
		else if ((size = write_by(l, type, value, text)) == 0)
			wrong = "the number has no such text";
		spk_vector_view(out)[row] = spk_view(text, (uint32_t)size);
		if (wrong)
			SPK_TRY(spk_call_fail(call, out, row, SPK_DATA, err, "%s", wrong));
	}
	return SPK_OK;
}

/* --- reading --- */

/* What the cells of the template have taken from the input so far. */
struct eye { const char *s, *end; char digits[64]; size_t count; int whole, part; bool negative, behind, signed_; };

static void take_sign(struct eye *e, const char *signs)
{
	if (e->signed_ || e->s == e->end || !strchr(signs, *e->s))
		return;
	e->negative = *e->s++ != '+';
	e->signed_ = true;
}

/* A digit or the point; false: neither is there. */
static bool take_digit(struct eye *e, const struct layout *l)
{
	if (*e->s >= '0' && *e->s <= '9') {
		if ((e->behind && e->part == l->after) || e->count + 1 >= sizeof e->digits)
			return false;
		e->whole += !e->behind;
		e->part += e->behind;
	} else if (*e->s != '.' || !l->point || e->behind) {
		return false;
	} else {
		e->behind = true;
	}
	e->digits[e->count++] = *e->s;
	return true;
}

/* One place for a digit. A sign may come before all digits, and where no place of the template fits it, behind them. */
static void read_digit(struct eye *e, const struct layout *l, bool point)
{
	const bool s = l->s_first || l->s_last;
	bool taken;

	e->s += *e->s == ' ';
	if (!point && e->whole + e->part == 0)
		take_sign(e, l->brackets ? "+-<" : "+-");
	if (e->s == e->end)
		return;
	taken = take_digit(e, l);
	if (e->whole + e->part == 0) {
		e->s++;
	} else if (s && taken) {
		e->s++;
		take_sign(e, "+-");
	} else if (!s && !taken && !e->signed_ && strchr("+-", *e->s)) {
		take_sign(e, "+-");
	} else {
		e->s++;
	}
}

/* Up to `n` characters that cannot be of a number. */
static void pass_over(struct eye *e, int n)
{
	for (; n && e->s < e->end && !strchr("0123456789.,+-", *e->s); n--)
		e->s = spk_utf8_next(e->s, e->end);
}

static void read_cell(struct eye *e, const struct layout *l, const struct cell *c)
{
	switch (c->kind) {
	case CELL_9:
	case CELL_0:
	case CELL_POINT: read_digit(e, l, c->kind == CELL_POINT); break;
	case CELL_GROUP: e->s += *e->s == ','; break;
	case CELL_MI:
	case CELL_PL:
	case CELL_SG:
		if (strchr(c->kind == CELL_MI ? "-" : c->kind == CELL_PL ? "+" : "+-", *e->s)) {
			e->negative = *e->s++ == '-';
			e->signed_ = true;
		} else {
			pass_over(e, 1);
		}
		break;
	case CELL_CURRENCY: pass_over(e, 1); break;
	case CELL_ORDINAL: pass_over(e, 2); break;
	case CELL_S:
	case CELL_V: break;
	default: e->s = spk_utf8_next(e->s, e->end);
	}
}

static spk_status read_number(const struct spk_call *call, struct spk_vector *out, int row, const struct layout *l, const struct spk_view *v, spk_error *err)
{
	const char *s = spk_view_data(v);
	struct eye e = { .s = s, .end = s + v->length, .count = 1 };
	spk_int128 m;
	int scale;

	for (int i = 0; i < l->count && e.s < e.end; i++)
		read_cell(&e, l, &l->cell[i]);
	e.digits[0] = e.negative ? '-' : '+';
	if (e.count == 1 || (e.count == 2 && e.behind))
		return spk_call_fail(call, out, row, SPK_DATA, err, "invalid input syntax for type numeric: \" \"");
	if (e.digits[e.count - 1] == '.')
		e.count--;
	if (e.whole > l->before && e.digits[1] != '0')
		return spk_call_fail(call, out, row, SPK_DATA, err, "numeric field overflow");
	if (!spk_decimal_parse(e.digits, e.count, &m, &scale) || !spk_decimal_store(out->type, m, scale, spk_vector_i128(out) + row))
		return spk_call_fail(call, out, row, SPK_DATA, err, "value overflows numeric format");
	return SPK_OK;
}

static spk_status to_number(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader rv = spk_vector_reader(&call->arg[0]), rt = spk_vector_reader(&call->arg[1]);
	const struct spk_view *last = NULL;
	const struct layout *l = NULL;

	SPK_EACH_CALL_ROW(call, row) {
		SPK_TRY(layout_at(call, &SPK_ARG(struct spk_view, rt, row), &last, &l, err));
		if (l->wrong)
			SPK_TRY(spk_call_fail(call, out, row, SPK_DATA, err, "%s", l->wrong));
		else if (l->roman || l->scientific)
			SPK_TRY(spk_call_fail(call, out, row, SPK_UNSUPPORTED, err, "\"%s\" not supported for input", l->roman ? "RN" : "EEEE"));
		else
			SPK_TRY(read_number(call, out, row, l, &SPK_ARG(struct spk_view, rv, row), err));
	}
	return SPK_OK;
}

#define TO_CHAR(T) \
	{ .name = "to_char", .doc = "By a number template: 9, 0, '.', ',', FM, S, MI, PL, PR, TH, V, EEEE, RN", SPK_ARGS2(T, TEXT), SPK_RESULT(TEXT), .can_fail = true, .kernel = to_char }

static const struct spk_function number_format_functions[] = {
	TO_CHAR(INTEGER),
	TO_CHAR(BIGINT),
	TO_CHAR(DECIMAL),
	TO_CHAR(REAL),
	TO_CHAR(DOUBLE),
	{ .name = "to_number", .doc = "A number from text by a number template", SPK_ARGS2(TEXT, TEXT), SPK_RESULT(DECIMAL), .can_fail = true, .kernel = to_number },
};

SPK_FUNCTION_FAMILY(number_format, number_format_functions)
