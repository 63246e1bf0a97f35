/* Reading jsonb values: going over them, finding things in them, comparing. */
#include "core/columnar/jsonb.h"

#include "core/base/check.h"

/* --- going over --- */

/* Byte behind a string whose first quote is at `p`. */
static const char *skip_string(const char *p, const char *end)
{
	for (p++; p < end && *p != '"'; p++)
		p += *p == '\\';
	return p < end ? p + 1 : end;
}

static bool is_blank(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

static const char *skip_blanks(const char *p, const char *end)
{
	while (p < end && is_blank(*p))
		p++;
	return p;
}

static const char *skip_number(const char *p, const char *end)
{
	while (p < end && *p != ',' && *p != ']' && *p != '}' && !is_blank(*p))
		p++;
	return p;
}

const char *spk_jsonb_skip(const char *p, const char *end)
{
	int depth = 0;

	switch (*p) {
	case '"': return skip_string(p, end);
	case 't':
	case 'n': return SPK_MIN(p + 4, end);
	case 'f': return SPK_MIN(p + 5, end);
	case '{':
	case '[': break;
	default: return skip_number(p, end);
	}
	do {
		if (*p == '"') {
			p = skip_string(p, end);
			continue;
		}
		depth += (*p == '{' || *p == '[') - (*p == '}' || *p == ']');
		p++;
	} while (depth && p < end);
	return p;
}

struct spk_jsonb_iterator spk_jsonb_iterator(const char *p, const char *end)
{
	return (struct spk_jsonb_iterator){ .p = p + 1, .end = end, .object = *p == '{' };
}

bool spk_jsonb_next(struct spk_jsonb_iterator *i)
{
	const char *p = skip_blanks(i->p, i->end);

	if (p >= i->end || *p == ']' || *p == '}')
		return false;
	if (*p == ',')
		p = skip_blanks(p + 1, i->end);
	if (i->object) {
		i->key = p + 1;
		p = skip_string(p, i->end);
		i->key_end = SPK_MAX(p - 1, i->key);
		p = skip_blanks(p, i->end);
		p = skip_blanks(p + 1, i->end);
	}
	if (p >= i->end)
		return false;
	i->value = p;
	i->p = i->value_end = spk_jsonb_skip(p, i->end);
	return true;
}

int spk_jsonb_count(const char *p, const char *end)
{
	struct spk_jsonb_iterator i = spk_jsonb_iterator(p, end);
	int n = 0;

	while (spk_jsonb_next(&i))
		n++;
	return n;
}

/* --- strings --- */

/* Of other characters it is some number, never undefined: bytes that were damaged are compared, too. */
static unsigned hex_digit(char c)
{
	return (unsigned)(c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
}

/* The byte that stands at *s: no escape there is stands for more. */
static inline char take_byte(const char **s, const char *end)
{
	static const char letters[128] = { ['b'] = '\b', ['f'] = '\f', ['n'] = '\n', ['r'] = '\r', ['t'] = '\t', ['"'] = '"', ['\\'] = '\\', ['/'] = '/' };
	const char *p = *s;

	if (*p != '\\' || end - p < 2) {
		++*s;
		return *p;
	}
	if (p[1] == 'u') {
		if (end - p < 6) {
			*s = end;
			return ' ';
		}
		*s += 6;
		return (char)(hex_digit(p[4]) << 4 | hex_digit(p[5]));
	}
	*s += 2;
	return letters[(unsigned char)p[1] & 127];
}

const char *spk_jsonb_take_byte(const char *s, const char *end, char *out)
{
	*out = take_byte(&s, end);
	return s;
}

static int code_at(const char *hex)
{
	return (int)(hex_digit(hex[0]) << 12 | hex_digit(hex[1]) << 8 | hex_digit(hex[2]) << 4 | hex_digit(hex[3]));
}

/* The character of a \u escape as UTF-8; the two escapes of a surrogate pair make one. Only the type json has such. */
static size_t take_unicode(const char **s, const char *end, char out[4])
{
	int c = code_at(*s + 2);

	*s += 6;
	if ((c & 0xfc00) == 0xd800 && end - *s >= 6 && (*s)[0] == '\\' && (*s)[1] == 'u' && (code_at(*s + 2) & 0xfc00) == 0xdc00) {
		c = 0x10000 + ((c & 0x3ff) << 10) + (code_at(*s + 2) & 0x3ff);
		*s += 6;
	}
	return spk_jsonb_put_utf8(out, (c & 0xf800) == 0xd800 && c < 0x10000 ? 0xfffd : c);
}

/* What stands at *s as bytes: one, or those of a \u escape. */
static inline size_t take_character(const char **s, const char *end, char out[4])
{
	if (end - *s >= 6 && (*s)[0] == '\\' && (*s)[1] == 'u')
		return take_unicode(s, end, out);
	out[0] = take_byte(s, end);
	return 1;
}

size_t spk_jsonb_unescape(const char *s, const char *end, char *out)
{
	size_t n = 0;

	if (!memchr(s, '\\', (size_t)(end - s))) {
		memcpy(out, s, (size_t)(end - s));
		return (size_t)(end - s);
	}
	while (s < end) {
		char bytes[4];
		size_t size = take_character(&s, end, bytes);

		memcpy(out + n, bytes, size);
		n += size;
	}
	return n;
}

bool spk_jsonb_string_is(const char *s, const char *end, const char *text, size_t size)
{
	size_t n = (size_t)(end - s);

	if (n < size)
		return false;
	if (n == size)
		return !size || (memcmp(s, text, size) == 0 && !memchr(s, '\\', size));
	if (!memchr(s, '\\', n))
		return false;
	for (size_t i = 0, more; i < size; i += more) {
		char bytes[4];

		if (s == end)
			return false;
		more = take_character(&s, end, bytes);
		if (more > size - i || memcmp(bytes, text + i, more) != 0)
			return false;
	}
	return s == end;
}

static size_t name_length(const char *s, const char *end)
{
	size_t n = 0;

	if (!memchr(s, '\\', (size_t)(end - s)))
		return (size_t)(end - s);
	for (; s < end; n++)
		take_byte(&s, end);
	return n;
}

static int compare_strings(const char *a, const char *a_end, const char *b, const char *b_end);

int spk_jsonb_compare_names(const char *a, const char *a_end, const char *b, const char *b_end)
{
	size_t na = name_length(a, a_end), nb = name_length(b, b_end);

	return na != nb ? (na < nb ? -1 : 1) : compare_strings(a, a_end, b, b_end);
}

bool spk_jsonb_member(const char *p, const char *end, const char *name, size_t size, const char **value, const char **value_end)
{
	struct spk_jsonb_iterator i = spk_jsonb_iterator(p, end);

	while (spk_jsonb_next(&i)) {
		if (!spk_jsonb_string_is(i.key, i.key_end, name, size))
			continue;
		*value = i.value;
		*value_end = i.value_end;
		return true;
	}
	return false;
}

bool spk_jsonb_element(const char *p, const char *end, int64_t n, const char **value, const char **value_end)
{
	struct spk_jsonb_iterator i = spk_jsonb_iterator(p, end);

	if (n < 0)
		n += spk_jsonb_count(p, end);
	for (int64_t k = 0; n >= 0 && spk_jsonb_next(&i); k++) {
		if (k != n)
			continue;
		*value = i.value;
		*value_end = i.value_end;
		return true;
	}
	return false;
}

/* --- comparing --- */

/* A number's parts: digits before and behind the point, without zeros that do not count. */
struct number { bool negative; const char *whole, *fraction; size_t wholes, fractions; };

static struct number number_of(const char *s, const char *end)
{
	struct number n = { .negative = *s == '-' };
	const char *point;

	s += n.negative;
	while (s < end && *s == '0')
		s++;
	point = memchr(s, '.', (size_t)(end - s));
	n.whole = s;
	n.wholes = (size_t)((point ? point : end) - s);
	n.fraction = point ? point + 1 : end;
	n.fractions = (size_t)(end - n.fraction);
	while (n.fractions && n.fraction[n.fractions - 1] == '0')
		n.fractions--;
	n.negative = n.negative && (n.wholes || n.fractions);
	return n;
}

static int order_bytes(const char *a, size_t na, const char *b, size_t nb)
{
	int order = SPK_MIN(na, nb) ? memcmp(a, b, SPK_MIN(na, nb)) : 0;

	return order ? order : (na > nb) - (na < nb);
}

static int compare_numbers(const char *a, const char *a_end, const char *b, const char *b_end)
{
	struct number x = number_of(a, a_end), y = number_of(b, b_end);
	int order;

	if (x.negative != y.negative)
		return x.negative ? -1 : 1;
	if (x.wholes != y.wholes)
		order = x.wholes < y.wholes ? -1 : 1;
	else
		order = order_bytes(x.whole, x.wholes, y.whole, y.wholes);
	if (!order)
		order = order_bytes(x.fraction, x.fractions, y.fraction, y.fractions);
	return x.negative ? -order : order;
}

/* Strings by the bytes that they stand for. */
static int compare_strings(const char *a, const char *a_end, const char *b, const char *b_end)
{
	while (a < a_end && b < b_end) {
		unsigned char x = (unsigned char)take_byte(&a, a_end), y = (unsigned char)take_byte(&b, b_end);

		if (x != y)
			return x < y ? -1 : 1;
	}
	return (a < a_end) - (b < b_end);
}

static int compare(const char *a, const char *a_end, const char *b, const char *b_end);

static int compare_containers(const char *a, const char *a_end, const char *b, const char *b_end)
{
	struct spk_jsonb_iterator x = spk_jsonb_iterator(a, a_end), y = spk_jsonb_iterator(b, b_end);
	int na = spk_jsonb_count(a, a_end), nb = spk_jsonb_count(b, b_end), order = 0;

	if (na != nb)
		return na < nb ? -1 : 1;
	while (!order && spk_jsonb_next(&x) && spk_jsonb_next(&y)) {
		if (x.object)
			order = compare_strings(x.key, x.key_end, y.key, y.key_end);
		if (!order)
			order = compare(x.value, x.value_end, y.value, y.value_end);
	}
	return order;
}

static int compare(const char *a, const char *a_end, const char *b, const char *b_end)
{
	enum spk_jsonb_type x = spk_jsonb_type(a), y = spk_jsonb_type(b);

	if (x != y)
		return x < y ? -1 : 1;
	switch (x) {
	case SPK_JSONB_NULL: return 0;
	case SPK_JSONB_BOOLEAN: return (*a == 't') - (*b == 't');
	case SPK_JSONB_STRING: return compare_strings(a + 1, spk_jsonb_string_end(a, a_end), b + 1, spk_jsonb_string_end(b, b_end));
	case SPK_JSONB_NUMBER: return compare_numbers(a, a_end, b, b_end);
	default: return compare_containers(a, a_end, b, b_end);
	}
}

/* PostgreSQL counts a scalar as an array of one element, whence the empty array is less than all. */
static bool is_empty_array(const char *p)
{
	return p[0] == '[' && p[1] == ']';
}

int spk_jsonb_compare(const struct spk_view *a, const struct spk_view *b)
{
	const char *x = spk_view_data(a), *y = spk_view_data(b);

	if (is_empty_array(x) != is_empty_array(y))
		return is_empty_array(x) ? -1 : 1;
	return compare(x, x + a->length, y, y + b->length);
}

/* --- the normal form --- */

/* Byte behind the digits of the fraction that count, at the point itself when there are none. */
static const char *trim_fraction(const char *point, const char *end)
{
	while (end > point && (end[-1] == '0' || end[-1] == '.'))
		if (*--end == '.')
			break;
	return end;
}

void spk_jsonb_normal(const char *s, size_t size, void (*piece)(const char *s, size_t size, void *user), void *user)
{
	const char *from = s, *end = s + size;

	while (s < end) {
		const char *point;

		if (*s == '"') {
			s = skip_string(s, end);
			continue;
		}
		if (*s != '.') {
			s++;
			continue;
		}
		point = s;
		s = skip_number(s, end);
		piece(from, (size_t)(trim_fraction(point, s) - from), user);
		from = s;
	}
	if (from < end)
		piece(from, (size_t)(end - from), user);
}
