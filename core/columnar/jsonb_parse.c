/*
 * JSON text to jsonb's one form.
 *
 * Values are appended to the output as they are read. An object's members are written in the order they come in, and put in order
 * when it ends, if they were not: most are written by machines, many in order.
 */
#include <stdio.h>

#include "core/columnar/jsonb.h"

enum { DEPTH_MAX = 4000, INTEGER_DIGITS_MAX = 131072, SCALE_MAX = 16383 };

/* A member as it lies in the output: its name from `start` + 1 on. */
struct member { size_t start, key_end, end; uint32_t length; uint32_t order; };  /* length: of the name without escapes */

void spk_json_parser_release(struct spk_json_parser *p)
{
	spk_buffer_release(&p->members);
	spk_buffer_release(&p->scratch);
}

static spk_status invalid(spk_error *err)
{
	return spk_fail(err, SPK_DATA, "invalid input syntax for type json");
}

static void skip_blanks(struct spk_json_parser *p)
{
	while (p->p < p->end && (*p->p == ' ' || *p->p == '\t' || *p->p == '\n' || *p->p == '\r'))
		p->p++;
}

/* --- strings --- */

static spk_status append_escape(struct spk_buffer *out, unsigned char c, spk_error *err)
{
	static const char letter[32] = { ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r' };
	char text[8] = { '\\', (char)c };

	if (c >= 32)
		return spk_buffer_append(out, text, 2, err);
	if (letter[c]) {
		text[1] = letter[c];
		return spk_buffer_append(out, text, 2, err);
	}
	snprintf(text, sizeof text, "\\u%04x", c);
	return spk_buffer_append(out, text, 6, err);
}

static bool must_escape(unsigned char c)
{
	return c < 32 || c == '"' || c == '\\';
}

/* Bytes of a string, what must be escaped escaped. */
static spk_status append_bytes(struct spk_buffer *out, const char *s, size_t size, spk_error *err)
{
	size_t from = 0;

	for (size_t i = 0; i < size; i++) {
		if (!must_escape((unsigned char)s[i]))
			continue;
		SPK_TRY(spk_buffer_append(out, s + from, i - from, err));
		SPK_TRY(append_escape(out, (unsigned char)s[i], err));
		from = i + 1;
	}
	return spk_buffer_append(out, s + from, size - from, err);
}

spk_status spk_jsonb_append_string(struct spk_buffer *out, const char *s, size_t size, spk_error *err)
{
	SPK_TRY(spk_buffer_append(out, "\"", 1, err));
	SPK_TRY(append_bytes(out, s, size, err));
	return spk_buffer_append(out, "\"", 1, err);
}

/* Four hexadecimal digits; -1: they are none. */
static int take_hex(struct spk_json_parser *p)
{
	int v = 0;

	if (p->end - p->p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		char c = *p->p++;

		if (c >= '0' && c <= '9')
			v = v * 16 + c - '0';
		else if ((c | 32) >= 'a' && (c | 32) <= 'f')
			v = v * 16 + (c | 32) - 'a' + 10;
		else
			return -1;
	}
	return v;
}

size_t spk_jsonb_put_utf8(char *to, int c)
{
	if (c < 0x80) {
		to[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		to[0] = (char)(0xc0 | c >> 6);
		to[1] = (char)(0x80 | (c & 63));
		return 2;
	}
	if (c < 0x10000) {
		to[0] = (char)(0xe0 | c >> 12);
		to[1] = (char)(0x80 | (c >> 6 & 63));
		to[2] = (char)(0x80 | (c & 63));
		return 3;
	}
	to[0] = (char)(0xf0 | c >> 18);
	to[1] = (char)(0x80 | (c >> 12 & 63));
	to[2] = (char)(0x80 | (c >> 6 & 63));
	to[3] = (char)(0x80 | (c & 63));
	return 4;
}

/* Behind \u: one code point, of two halves when the first is a surrogate. */
static spk_status take_unicode(struct spk_json_parser *p, uint32_t *length, spk_error *err)
{
	int c = take_hex(p), low;
	char text[4];
	size_t n;

	if (c >= 0 && p->verbatim)
		return SPK_OK;
	if (c < 0 || (c & 0xfc00) == 0xdc00)
		return invalid(err);
	if (c == 0)
		return spk_fail(err, SPK_DATA, "unsupported Unicode escape sequence");
	if ((c & 0xfc00) == 0xd800) {
		if (p->end - p->p < 6 || p->p[0] != '\\' || p->p[1] != 'u')
			return invalid(err);
		p->p += 2;
		low = take_hex(p);
		if (low < 0 || (low & 0xfc00) != 0xdc00)
			return invalid(err);
		c = 0x10000 + ((c & 0x3ff) << 10) + (low & 0x3ff);
	}
	n = spk_jsonb_put_utf8(text, c);
	*length += (uint32_t)n;
	return append_bytes(p->out, text, n, err);
}

static spk_status take_escape(struct spk_json_parser *p, uint32_t *length, spk_error *err)
{
	static const char letters[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
	char c;

	if (p->p == p->end)
		return invalid(err);
	c = *p->p++;
	if (c == 'u')
		return take_unicode(p, length, err);
	for (size_t i = 0; i + 1 < sizeof letters; i += 2) {
		if (letters[i] != c)
			continue;
		++*length;
		return append_bytes(p->out, letters + i + 1, 1, err);
	}
	return invalid(err);
}

/* A string, behind its first quote; *length: without escapes. */
static spk_status take_string(struct spk_json_parser *p, uint32_t *length, spk_error *err)
{
	const char *from = p->p;

	*length = 0;
	SPK_TRY(spk_buffer_append(p->out, "\"", 1, err));
	for (;;) {
		while (p->p < p->end && !must_escape((unsigned char)*p->p))
			p->p++;
		SPK_TRY(spk_buffer_append(p->out, from, (size_t)(p->p - from), err));
		*length += (uint32_t)(p->p - from);
		if (p->p == p->end || (unsigned char)*p->p < 32)
			return invalid(err);
		if (*p->p++ == '"')
			return spk_buffer_append(p->out, "\"", 1, err);
		SPK_TRY(take_escape(p, length, err));
		from = p->p;
	}
}

/* --- numbers --- */

/* A number's digits, the point taken out, and where it belongs. */
struct digits { const char *whole, *fraction; size_t wholes, fractions; int64_t exponent; };

static char digit_at(const struct digits *d, int64_t i)
{
	int64_t wholes = (int64_t)d->wholes;

	if (i < 0 || i >= wholes + (int64_t)d->fractions)
		return '0';
	return i < wholes ? d->whole[i] : d->fraction[i - wholes];
}

/* Writes the number out without its exponent, as numeric does. */
static spk_status expand(struct spk_json_parser *p, const struct digits *d, bool negative, spk_error *err)
{
	int64_t point = (int64_t)d->wholes + d->exponent, first = 0;
	int64_t scale = SPK_MAX((int64_t)d->fractions - d->exponent, 0), total = (int64_t)(d->wholes + d->fractions);
	char *to;

	while (first < total && digit_at(d, first) == '0')
		first++;
	/* Zero is zero, whatever its exponent. */
	if (first == total)
		point = first = 0;
	if (point - first > INTEGER_DIGITS_MAX || scale > SCALE_MAX)
		return spk_fail(err, SPK_DATA, "value overflows numeric format");
	SPK_TRY(spk_buffer_reserve(p->out, (size_t)(SPK_MAX(point - first, 1) + scale + 3), err));
	to = p->out->data + p->out->size;
	if (negative)
		*to++ = '-';
	if (point <= first)
		*to++ = '0';
	for (int64_t i = first; i < point; i++)
		*to++ = digit_at(d, i);
	if (scale)
		*to++ = '.';
	for (int64_t i = point; i < point + scale; i++)
		*to++ = digit_at(d, i);
	p->out->size = (size_t)(to - p->out->data);
	return SPK_OK;
}

static size_t take_digits(struct spk_json_parser *p)
{
	const char *from = p->p;

	while (p->p < p->end && *p->p >= '0' && *p->p <= '9')
		p->p++;
	return (size_t)(p->p - from);
}

static bool take(struct spk_json_parser *p, char c)
{
	if (p->p == p->end || *p->p != c)
		return false;
	p->p++;
	return true;
}

static spk_status take_exponent(struct spk_json_parser *p, int64_t *out, spk_error *err)
{
	bool negative = take(p, '-');
	const char *from;
	size_t n;

	if (!negative)
		take(p, '+');
	from = p->p;
	n = take_digits(p);
	if (!n)
		return invalid(err);
	for (; n && *from == '0'; from++)
		n--;
	if (p->verbatim)
		return SPK_OK;
	if (n > 9)
		return spk_fail(err, SPK_DATA, "value overflows numeric format");
	for (size_t i = 0; i < n; i++)
		*out = *out * 10 + from[i] - '0';
	if (negative)
		*out = -*out;
	return SPK_OK;
}

static bool is_zero(const struct digits *d)
{
	for (int64_t i = 0; i < (int64_t)(d->wholes + d->fractions); i++)
		if (digit_at(d, i) != '0')
			return false;
	return true;
}

static spk_status take_number(struct spk_json_parser *p, spk_error *err)
{
	const char *start = p->p;
	bool negative = take(p, '-');
	struct digits d = { .whole = p->p };

	d.wholes = take_digits(p);
	if (!d.wholes || (d.wholes > 1 && d.whole[0] == '0'))
		return invalid(err);
	if (take(p, '.')) {
		d.fraction = p->p;
		d.fractions = take_digits(p);
		if (!d.fractions)
			return invalid(err);
	}
	if (take(p, 'e') || take(p, 'E'))
		SPK_TRY(take_exponent(p, &d.exponent, err));
	/* A word that goes on is no number. */
	if (p->p < p->end && ((*p->p | 32) >= 'a' && (*p->p | 32) <= 'z'))
		return invalid(err);
	if (p->verbatim)
		return SPK_OK;
	negative = negative && !is_zero(&d);
	if (d.exponent || negative != (*start == '-') || d.fractions > SCALE_MAX || d.wholes > INTEGER_DIGITS_MAX)
		return expand(p, &d, negative, err);
	return spk_buffer_append(p->out, start, (size_t)(p->p - start), err);
}

/* --- objects --- */

/* Names by length, then bytes; those of one name in the order they came. */
static int compare_names(const char *data, const struct member *a, const struct member *b)
{
	int order;

	if (a->length != b->length)
		return a->length < b->length ? -1 : 1;
	order = spk_jsonb_compare_names(data + a->start + 1, data + a->key_end - 1, data + b->start + 1, data + b->key_end - 1);
	return order ? order : (a->order > b->order) - (a->order < b->order);
}

/* A heap: no recursion and no memory, whatever comes in. */
static void sort_members(const char *data, struct member *m, int n)
{
	for (int start = n / 2 - 1, end = n; end > 1;) {
		int root;

		if (start >= 0) {
			root = start--;
		} else {
			struct member first = m[0];

			m[0] = m[--end];
			m[end] = first;
			root = 0;
		}
		for (int child; (child = 2 * root + 1) < end; root = child) {
			struct member parent = m[root];

			if (child + 1 < end && compare_names(data, &m[child], &m[child + 1]) < 0)
				child++;
			if (compare_names(data, &parent, &m[child]) >= 0)
				break;
			m[root] = m[child];
			m[child] = parent;
		}
	}
}

static bool same_name(const char *data, const struct member *a, const struct member *b)
{
	struct member same = *b;

	same.order = a->order;
	return compare_names(data, a, &same) == 0;
}

/* Writes the members from `at` on in order; of one name the last. */
static spk_status put_in_order(struct spk_json_parser *p, size_t at, struct member *m, int n, spk_error *err)
{
	const char *data = p->out->data;
	bool sorted = true, begun = false;
	char *to = p->out->data + at;

	for (int i = 1; i < n && sorted; i++)
		sorted = compare_names(data, &m[i - 1], &m[i]) < 0 && !same_name(data, &m[i - 1], &m[i]);
	if (sorted)
		return SPK_OK;
	sort_members(data, m, n);
	spk_buffer_clear(&p->scratch);
	SPK_TRY(spk_buffer_append(&p->scratch, data, p->out->size, err));
	data = p->scratch.data;
	for (int i = 0; i < n; i++) {
		size_t length = m[i].end - m[i].start;

		if (i + 1 < n && same_name(data, &m[i], &m[i + 1]))
			continue;
		if (begun) {
			memcpy(to, ", ", 2);
			to += 2;
		}
		memcpy(to, data + m[i].start, length);
		to += length;
		begun = true;
	}
	p->out->size = (size_t)(to - p->out->data);
	return SPK_OK;
}

static spk_status take_value(struct spk_json_parser *p, spk_error *err);

static spk_status take_member(struct spk_json_parser *p, struct member *m, spk_error *err)
{
	m->start = p->out->size;
	skip_blanks(p);
	if (!take(p, '"'))
		return invalid(err);
	SPK_TRY(take_string(p, &m->length, err));
	m->key_end = p->out->size;
	skip_blanks(p);
	if (!take(p, ':'))
		return invalid(err);
	SPK_TRY(spk_buffer_append(p->out, ": ", 2, err));
	SPK_TRY(take_value(p, err));
	m->end = p->out->size;
	return SPK_OK;
}

static spk_status take_object(struct spk_json_parser *p, spk_error *err)
{
	size_t first = p->members.size, at;
	int n = 0;

	SPK_TRY(spk_buffer_append(p->out, "{", 1, err));
	at = p->out->size;
	skip_blanks(p);
	if (take(p, '}'))
		return spk_buffer_append(p->out, "}", 1, err);
	do {
		struct member m = { .order = (uint32_t)n };

		if (n++)
			SPK_TRY(spk_buffer_append(p->out, ", ", 2, err));
		SPK_TRY(take_member(p, &m, err));
		SPK_TRY(spk_buffer_append(&p->members, &m, sizeof m, err));
		skip_blanks(p);
	} while (take(p, ','));
	if (!take(p, '}'))
		return invalid(err);
	if (!p->verbatim)
		SPK_TRY(put_in_order(p, at, (struct member *)(void *)(p->members.data + first), n, err));
	p->members.size = first;
	return spk_buffer_append(p->out, "}", 1, err);
}

static spk_status take_array(struct spk_json_parser *p, spk_error *err)
{
	int n = 0;

	SPK_TRY(spk_buffer_append(p->out, "[", 1, err));
	skip_blanks(p);
	if (take(p, ']'))
		return spk_buffer_append(p->out, "]", 1, err);
	do {
		if (n++)
			SPK_TRY(spk_buffer_append(p->out, ", ", 2, err));
		SPK_TRY(take_value(p, err));
		skip_blanks(p);
	} while (take(p, ','));
	if (!take(p, ']'))
		return invalid(err);
	return spk_buffer_append(p->out, "]", 1, err);
}

static spk_status take_word(struct spk_json_parser *p, const char *word, spk_error *err)
{
	size_t n = strlen(word);

	if ((size_t)(p->end - p->p) < n || memcmp(p->p, word, n) != 0)
		return invalid(err);
	p->p += n;
	if (p->p < p->end && (((*p->p | 32) >= 'a' && (*p->p | 32) <= 'z') || (*p->p >= '0' && *p->p <= '9') || *p->p == '_'))
		return invalid(err);
	return spk_buffer_append(p->out, word, n, err);
}

static spk_status take_value(struct spk_json_parser *p, spk_error *err)
{
	spk_status status;
	uint32_t length;

	skip_blanks(p);
	if (p->p == p->end)
		return invalid(err);
	switch (*p->p) {
	case '{':
	case '[':
		if (p->depth == DEPTH_MAX)
			return spk_fail(err, SPK_DATA, "stack depth limit exceeded");
		p->depth++;
		status = *p->p++ == '{' ? take_object(p, err) : take_array(p, err);
		p->depth--;
		return status;
	case '"':
		p->p++;
		return take_string(p, &length, err);
	case 't': return take_word(p, "true", err);
	case 'f': return take_word(p, "false", err);
	case 'n': return take_word(p, "null", err);
	default: return take_number(p, err);
	}
}

spk_status spk_jsonb_parse(struct spk_json_parser *p, const char *s, size_t size, struct spk_buffer *out, spk_error *err)
{
	p->p = s;
	p->end = s + size;
	p->out = out;
	p->depth = 0;
	spk_buffer_clear(&p->members);
	SPK_TRY(take_value(p, err));
	skip_blanks(p);
	return p->p == p->end ? SPK_OK : invalid(err);
}

spk_status spk_json_check(struct spk_json_parser *p, struct spk_buffer *text, const char *s, size_t size, spk_error *err)
{
	spk_status status;

	spk_buffer_clear(text);
	p->verbatim = true;
	status = spk_jsonb_parse(p, s, size, text, err);
	p->verbatim = false;
	return status;
}

spk_status spk_jsonb_make(struct spk_json_parser *p, struct spk_buffer *text, const char *s, size_t size, struct spk_arena *arena, struct spk_view *out, spk_error *err)
{
	const char *copy;

	spk_buffer_clear(text);
	SPK_TRY(spk_jsonb_parse(p, s, size, text, err));
	if (text->size > UINT32_MAX)
		return spk_fail(err, SPK_UNSUPPORTED, "a jsonb value of %zu bytes", text->size);
	copy = text->data;
	if (text->size > SPK_VIEW_INLINE) {
		copy = spk_arena_copy(arena, text->data, text->size);
		SPK_TRY_PTR(copy, err);
	}
	*out = spk_view(copy, (uint32_t)text->size);
	return SPK_OK;
}
