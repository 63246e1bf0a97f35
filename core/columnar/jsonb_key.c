/*
 * jsonb in row keys: bytes whose order is that of the values, from which the values come back (numbers with their least scale).
 *
 *   value    a head byte by its type, then:  string: its bytes, 00   number: see below   array, object: their count in 4 bytes,
 *            big-endian, and their elements or (name, 00, value)
 *   number   ZERO alone; else POSITIVE or NEGATIVE, the exponent in 4 bytes (0.ddd * 10^exponent), the digits, each plus 1, without
 *            zeros at either end, and 00; what follows NEGATIVE is inverted
 */
#include "core/columnar/jsonb.h"

#include "core/base/check.h"

/* HEAD_EMPTY: an empty array that is the whole value, which is below all. */
enum { HEAD_EMPTY = 1, HEAD_NULL, HEAD_STRING, HEAD_NUMBER, HEAD_FALSE, HEAD_TRUE, HEAD_ARRAY, HEAD_OBJECT };
enum { NEGATIVE = 1, ZERO, POSITIVE };
enum { DEPTH_MAX = 4000, DIGITS_MAX = 200000 };

/* Where bytes go; with `to` NULL they are only counted. */
struct pen { char *to; size_t size; };

static void put(struct pen *p, char c)
{
	if (p->to)
		p->to[p->size] = c;
	p->size++;
}

static void put32(struct pen *p, uint32_t v, char flip)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		put(p, (char)((char)(v >> shift) ^ flip));
}

static void put_string(struct pen *p, const char *s, const char *end)
{
	size_t n = (size_t)(end - s);

	if (memchr(s, '\\', n)) {
		/* To be counted it has to be written somewhere: byte by byte. */
		for (char c; s < end; put(p, c))
			s = spk_jsonb_take_byte(s, end, &c);
	} else {
		if (p->to && n)
			memcpy(p->to + p->size, s, n);
		p->size += n;
	}
	put(p, 0);
}

static void put_number(struct pen *p, const char *s, const char *end)
{
	bool negative = *s == '-';
	const char *point, *first, *last;
	char flip = negative ? (char)~0 : 0;
	int64_t exponent;

	s += negative;
	point = memchr(s, '.', (size_t)(end - s));
	if (!point)
		point = end;
	for (first = s; first < end && (*first == '0' || *first == '.'); first++)
		;
	if (first == end) {
		put(p, ZERO);
		return;
	}
	for (last = end - 1; last > first && (*last == '0' || *last == '.'); last--)
		;
	exponent = first < point ? point - first : point + 1 - first;
	put(p, negative ? NEGATIVE : POSITIVE);
	put32(p, (uint32_t)exponent ^ 0x80000000u, flip);
	for (const char *d = first; d <= last; d++)
		if (*d != '.')
			put(p, (char)((char)(*d - '0' + 1) ^ flip));
	put(p, flip);
}

static void put_value(struct pen *p, const char *s, const char *end)
{
	struct spk_jsonb_iterator i;

	switch (spk_jsonb_type(s)) {
	case SPK_JSONB_NULL: put(p, HEAD_NULL); return;
	case SPK_JSONB_BOOLEAN: put(p, *s == 't' ? HEAD_TRUE : HEAD_FALSE); return;
	case SPK_JSONB_STRING:
		put(p, HEAD_STRING);
		put_string(p, s + 1, spk_jsonb_string_end(s, end));
		return;
	case SPK_JSONB_NUMBER:
		put(p, HEAD_NUMBER);
		put_number(p, s, end);
		return;
	default: break;
	}
	put(p, *s == '[' ? HEAD_ARRAY : HEAD_OBJECT);
	put32(p, (uint32_t)spk_jsonb_count(s, end), 0);
	for (i = spk_jsonb_iterator(s, end); spk_jsonb_next(&i);) {
		if (i.object)
			put_string(p, i.key, i.key_end);
		put_value(p, i.value, i.value_end);
	}
}

static void put_whole(struct pen *p, const struct spk_view *v)
{
	const char *s = spk_view_data(v);

	if (v->length == 2 && s[0] == '[')
		put(p, HEAD_EMPTY);
	else if (v->length)
		put_value(p, s, s + v->length);
}

size_t spk_jsonb_key_size(const struct spk_view *v)
{
	struct pen p = { NULL, 0 };

	put_whole(&p, v);
	return p.size;
}

char *spk_jsonb_key_write(char *to, const struct spk_view *v)
{
	struct pen p = { to, 0 };

	put_whole(&p, v);
	return to + p.size;
}

/* --- reading --- */

struct reader { const char *at, *end; char flip; struct spk_buffer *out; spk_error *err; int depth; };

static bool cut_off(struct reader *r)
{
	spk_fail(r->err, SPK_CORRUPT, "a row key's part of type jsonb: no value");
	return false;
}

static bool take(struct reader *r, unsigned char *c)
{
	if (r->at == r->end)
		return cut_off(r);
	*c = (unsigned char)(*r->at++ ^ r->flip);
	return true;
}

static bool take32(struct reader *r, char flip, uint32_t *v)
{
	unsigned char c = 0;

	*v = 0;
	for (int i = 0; i < 4; i++) {
		if (!take(r, &c))
			return false;
		*v = *v << 8 | (unsigned char)(c ^ (unsigned char)flip);
	}
	return true;
}

static bool write(struct reader *r, const char *s, size_t size)
{
	return spk_buffer_append(r->out, s, size, r->err) == SPK_OK;
}

static bool take_string(struct reader *r)
{
	struct spk_buffer text = { 0 };
	unsigned char c = 1;
	bool ok = true;

	while (ok && (ok = take(r, &c)) && c)
		ok = spk_buffer_append(&text, &c, 1, r->err) == SPK_OK;
	ok = ok && spk_jsonb_append_string(r->out, text.data ? text.data : "", text.size, r->err) == SPK_OK;
	spk_buffer_release(&text);
	return ok;
}

/* Zeros up to the digit before which the point stands, or behind it. */
static bool write_zeros(struct reader *r, int64_t n)
{
	bool ok = true;

	for (int64_t i = 0; i < n && ok; i++)
		ok = write(r, "0", 1);
	return ok;
}

static bool take_digits(struct reader *r, char flip, int64_t exponent)
{
	int64_t n = 0;
	unsigned char c;

	if (exponent <= 0 && !(write(r, "0.", 2) && write_zeros(r, -exponent)))
		return false;
	for (;; n++) {
		char digit;

		if (!take(r, &c))
			return false;
		c ^= (unsigned char)flip;
		if (!c)
			break;
		if (c > 10)
			return cut_off(r);
		digit = (char)('0' + c - 1);
		if (n == exponent && n > 0 && !write(r, ".", 1))
			return false;
		if (!write(r, &digit, 1))
			return false;
	}
	return n > 0 ? write_zeros(r, exponent - n) : cut_off(r);
}

static bool take_number(struct reader *r)
{
	unsigned char sign;
	uint32_t exponent;
	char flip;

	if (!take(r, &sign))
		return false;
	if (sign == ZERO)
		return write(r, "0", 1);
	if (sign != POSITIVE && sign != NEGATIVE)
		return cut_off(r);
	flip = sign == NEGATIVE ? (char)~0 : 0;
	if (!take32(r, flip, &exponent))
		return false;
	exponent ^= 0x80000000u;
	if ((int32_t)exponent > DIGITS_MAX || (int32_t)exponent < -DIGITS_MAX)
		return cut_off(r);
	return (sign == POSITIVE || write(r, "-", 1)) && take_digits(r, flip, (int32_t)exponent);
}

static bool take_value(struct reader *r);

static bool take_container(struct reader *r, bool object)
{
	uint32_t n;

	if (r->depth == DEPTH_MAX || !take32(r, 0, &n))
		return cut_off(r);
	r->depth++;
	if (!write(r, object ? "{" : "[", 1))
		return false;
	for (uint32_t i = 0; i < n; i++) {
		if (i && !write(r, ", ", 2))
			return false;
		if (object && !(take_string(r) && write(r, ": ", 2)))
			return false;
		if (!take_value(r))
			return false;
	}
	r->depth--;
	return write(r, object ? "}" : "]", 1);
}

static bool take_value(struct reader *r)
{
	unsigned char head;

	if (!take(r, &head))
		return false;
	switch (head) {
	case HEAD_EMPTY: return write(r, "[]", 2);
	case HEAD_NULL: return write(r, "null", 4);
	case HEAD_FALSE: return write(r, "false", 5);
	case HEAD_TRUE: return write(r, "true", 4);
	case HEAD_STRING: return take_string(r);
	case HEAD_NUMBER: return take_number(r);
	case HEAD_ARRAY: return take_container(r, false);
	case HEAD_OBJECT: return take_container(r, true);
	default: return cut_off(r);
	}
}

const char *spk_jsonb_key_read(const char *at, const char *end, char flip, struct spk_buffer *out, spk_error *err)
{
	struct reader r = { .at = at, .end = end, .flip = flip, .out = out, .err = err };

	return take_value(&r) ? r.at : NULL;
}
