/*
 * JSON's grammar over the token list: skipping with full checks, numbers, escapes. RFC 8259.
 */
#include "connectors/format/json.h"

#include <stdio.h>

#include "core/base/check.h"

const uint8_t spk_json_ends_scalar[256] = {
	[' '] = 1, ['\t'] = 1, ['\n'] = 1, ['\r'] = 1, [','] = 1, ['}'] = 1, [']'] = 1, [':'] = 1, ['['] = 1, ['{'] = 1,
};

bool spk_json_row_init(struct spk_json_row *r, struct spk_simdjson *parser, const char *text, uint32_t size, bool *no_memory)
{
	struct spk_json_index index;
	const char *wrong;

	r->text = text;
	r->size = size;
	*no_memory = false;
	wrong = spk_simdjson_index(parser, r->text, r->size, &index);
	if (SPK_UNLIKELY(wrong)) {
		*no_memory = wrong == spk_simdjson_no_memory;
		snprintf(r->reason, sizeof(r->reason), "not JSON: %s", wrong);
		return false;
	}
	r->at = index.at;
	r->count = index.count;
	r->escapes = memchr(r->text, '\\', r->size) != NULL;
	return true;
}

bool spk_json_unexpected(struct spk_json_row *r, uint32_t k, const char *expected)
{
	char shown[SPK_SHOWN];
	uint32_t at = k < r->count ? r->at[k] : r->size;

	if (at >= r->size)
		snprintf(r->reason, sizeof(r->reason), "not JSON: the row ends where %s is expected", expected);
	else
		snprintf(r->reason, sizeof(r->reason), "not JSON: found %s at byte %u, expected %s",
		         spk_field_shown_most(r->text + at, r->size - at, 12, shown), at, expected);
	return false;
}

/* --- scalars --- */

uint32_t spk_json_number(const char *p, const char *end, bool *integer)
{
	const char *s = p + (*p == '-'), *digits = s;

	*integer = true;
	while (s < end && *s >= '0' && *s <= '9')
		s++;
	if (s == digits || (*digits == '0' && s - digits > 1))
		return 0;
	if (s < end && *s == '.') {
		*integer = false;
		digits = ++s;
		while (s < end && *s >= '0' && *s <= '9')
			s++;
		if (s == digits)
			return 0;
	}
	if (s < end && (*s == 'e' || *s == 'E')) {
		*integer = false;
		s++;
		s += s < end && (*s == '+' || *s == '-');
		digits = s;
		while (s < end && *s >= '0' && *s <= '9')
			s++;
		if (s == digits)
			return 0;
	}
	return s == end || spk_json_ends_scalar[(uint8_t)*s] ? (uint32_t)(s - p) : 0;
}

static bool is_literal(const struct spk_json_row *r, uint32_t at, const char *word, uint32_t length)
{
	return r->size - at >= length && memcmp(r->text + at, word, length) == 0 &&
	       (r->size - at == length || spk_json_ends_scalar[(uint8_t)r->text[at + length]]);
}

static bool skip_string(struct spk_json_row *r, uint32_t k)
{
	uint32_t length, plain;
	const char *s;

	if (SPK_LIKELY(!r->escapes))
		return true;
	if (k + 1 >= r->count)
		return spk_json_unexpected(r, k + 1, "',' or '}'");
	s = spk_json_string(r, k, &length);
	return spk_json_unescape(s, length, NULL, &plain) != SPK_JSON_ESCAPE_BAD ||
	       spk_json_unexpected(r, k, "a string with valid escapes");
}

static bool skip_scalar(struct spk_json_row *r, uint32_t k)
{
	uint32_t at = r->at[k];
	bool integer;

	switch (r->text[at]) {
	case '"':
		return skip_string(r, k);
	case 't':
		return is_literal(r, at, "true", 4) || spk_json_unexpected(r, k, "a value");
	case 'f':
		return is_literal(r, at, "false", 5) || spk_json_unexpected(r, k, "a value");
	case 'n':
		return is_literal(r, at, "null", 4) || spk_json_unexpected(r, k, "a value");
	default:
		return spk_json_number(r->text + at, r->text + r->size, &integer) || spk_json_unexpected(r, k, "a value");
	}
}

/* --- containers: a loop and a bit per level, so that depth costs no stack --- */

struct nest { uint64_t object[SPK_JSON_DEPTH / 64 + 1]; int depth, outside; };

static bool in_object(const struct nest *n) { return n->object[n->depth >> 6] >> (n->depth & 63) & 1; }

static bool enter(struct spk_json_row *r, struct nest *n, uint32_t k)
{
	uint64_t bit;

	if (n->depth + n->outside >= SPK_JSON_DEPTH) {
		snprintf(r->reason, sizeof(r->reason), "nested deeper than %d at byte %u", SPK_JSON_DEPTH, r->at[k]);
		return false;
	}
	n->depth++;
	bit = 1ull << (n->depth & 63);
	n->object[n->depth >> 6] &= ~bit;
	if (r->text[r->at[k]] == '{')
		n->object[n->depth >> 6] |= bit;
	return true;
}

/* After a value inside a container: a comma (then the next member's key) or any number of closing brackets. */
static bool after_value(struct spk_json_row *r, struct nest *n, uint32_t *k, bool *key_next)
{
	*key_next = false;
	while (n->depth) {
		char c = *k < r->count ? r->text[r->at[*k]] : '\0';
		bool object = in_object(n);

		if (c == ',') {
			++*k;
			*key_next = object;
			return true;
		}
		if (c != (object ? '}' : ']'))
			return spk_json_unexpected(r, *k, object ? "',' or '}'" : "',' or ']'");
		n->depth--;
		++*k;
	}
	return true;
}

static bool skip_key(struct spk_json_row *r, uint32_t *k)
{
	if (*k + 1 >= r->count || r->text[r->at[*k]] != '"')
		return spk_json_unexpected(r, *k, "a member's name");
	if (r->text[r->at[*k + 1]] != ':')
		return spk_json_unexpected(r, *k + 1, "':'");
	if (!skip_string(r, *k))
		return false;
	*k += 2;
	return true;
}

bool spk_json_skip(struct spk_json_row *r, uint32_t *k, int depth)
{
	struct nest n = { .outside = depth };
	bool key_next = false;

	do {
		char c;

		if (key_next && !skip_key(r, k))
			return false;
		if (*k >= r->count)
			return spk_json_unexpected(r, *k, "a value");
		c = r->text[r->at[*k]];
		if (c == '{' || c == '[') {
			char next = *k + 1 < r->count ? r->text[r->at[*k + 1]] : '\0';

			if (!enter(r, &n, *k))
				return false;
			++*k;
			key_next = c == '{';
			if (next != (c == '{' ? '}' : ']'))
				continue;
		} else {
			if (!skip_scalar(r, *k))
				return false;
			++*k;
		}
		if (!after_value(r, &n, k, &key_next))
			return false;
	} while (n.depth);
	return true;
}

/* --- escapes --- */

static int hex4(const char *s)
{
	int v = 0;

	for (int i = 0; i < 4; i++) {
		int c = (uint8_t)s[i], digit = c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;

		if (digit < 0 || digit > 15 || (c > '9' && (c | 0x20) < 'a'))
			return -1;
		v = v << 4 | digit;
	}
	return v;
}

static uint32_t put_utf8(char *out, uint32_t c)
{
	uint8_t *o = (uint8_t *)out;

	if (c < 0x80) {
		o[0] = (uint8_t)c;
		return 1;
	}
	if (c < 0x800) {
		o[0] = (uint8_t)(0xc0 | c >> 6);
		o[1] = (uint8_t)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		o[0] = (uint8_t)(0xe0 | c >> 12);
		o[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
		o[2] = (uint8_t)(0x80 | (c & 0x3f));
		return 3;
	}
	o[0] = (uint8_t)(0xf0 | c >> 18);
	o[1] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
	o[2] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
	o[3] = (uint8_t)(0x80 | (c & 0x3f));
	return 4;
}

/* \uXXXX at s (behind the u), maybe a pair: *used bytes from s. */
static enum spk_json_escape unicode(const char *s, const char *end, uint32_t *c, uint32_t *used)
{
	int high = end - s >= 4 ? hex4(s) : -1, low;

	*used = 4;
	if (high < 0)
		return SPK_JSON_ESCAPE_BAD;
	*c = (uint32_t)high;
	if (high < 0xd800 || high > 0xdfff)
		return SPK_JSON_ESCAPE_OK;
	if (high > 0xdbff || end - s < 10 || s[4] != '\\' || s[5] != 'u')
		return SPK_JSON_ESCAPE_SURROGATE;
	low = hex4(s + 6);
	if (low < 0)
		return SPK_JSON_ESCAPE_BAD;
	if (low < 0xdc00 || low > 0xdfff)
		return SPK_JSON_ESCAPE_SURROGATE;
	*c = 0x10000 + (((uint32_t)high - 0xd800) << 10) + ((uint32_t)low - 0xdc00);
	*used = 10;
	return SPK_JSON_ESCAPE_OK;
}

/* The character that \c stands for, 0 when there is none. */
static const char simple_escape[256] = {
	['"'] = '"', ['\\'] = '\\', ['/'] = '/', ['b'] = '\b', ['f'] = '\f', ['n'] = '\n', ['r'] = '\r', ['t'] = '\t',
};

enum spk_json_escape spk_json_unescape(const char *s, uint32_t n, char *out, uint32_t *length)
{
	const char *end = s + n;
	enum spk_json_escape verdict = SPK_JSON_ESCAPE_OK;
	char scratch[4];
	uint32_t done = 0;

	while (s < end) {
		const char *next = memchr(s, '\\', (size_t)(end - s));
		uint32_t plain = (uint32_t)((next ? next : end) - s), used = 0, c = 0;

		if (out)
			memcpy(out + done, s, plain);
		done += plain;
		if (!next)
			break;
		s = next + 2;
		if (s > end)
			return SPK_JSON_ESCAPE_BAD;
		if (s[-1] == 'u') {
			enum spk_json_escape one = unicode(s, end, &c, &used);

			if (one == SPK_JSON_ESCAPE_BAD)
				return one;
			verdict = SPK_MAX(verdict, one);
			s += used;
			done += put_utf8(out ? out + done : scratch, c);
		} else {
			char plain_char = simple_escape[(uint8_t)s[-1]];

			if (!plain_char)
				return SPK_JSON_ESCAPE_BAD;
			if (out)
				out[done] = plain_char;
			done++;
		}
	}
	*length = done;
	return verdict;
}
