#include "core/expr/template.h"

#include <ctype.h>
#include <strings.h>

#include "core/expr/utf8.h"

static const struct { const char *text; enum spk_template_key key; } keys[] = {
#define KEY(id, text, digits) { text, SPK_TEMPLATE_##id },
	SPK_TEMPLATE_LIST(KEY)
#undef KEY
};

/* Names keep the case they are spelt in: DAY, Day, day. */
static enum spk_template_case case_of(const char *s, size_t size)
{
	if (islower((unsigned char)s[0]))
		return SPK_TEMPLATE_LOWER;
	return size > 1 && islower((unsigned char)s[1]) ? SPK_TEMPLATE_CAPITAL : SPK_TEMPLATE_UPPER;
}

static struct spk_template *new_template(struct spk_arena *arena, size_t size)
{
	return spk_arena_zalloc(arena, sizeof(struct spk_template) + sizeof(struct spk_template_node) * (size + 1));
}

static size_t add_text(struct spk_template *t, const char *s, const char *end, bool quoted)
{
	struct spk_template_node *n = &t->node[t->count++];
	const char *next = spk_utf8_next(s, end);

	n->key = SPK_TEMPLATE_TEXT;
	n->size = (char)(next - s);
	n->quoted = quoted || isalpha((unsigned char)*s) || (unsigned char)*s >= 0x80;
	memcpy(n->text, s, (size_t)(next - s));
	return (size_t)(next - s);
}

static size_t add_key(struct spk_template *t, const char *s, const char *end, bool fill)
{
	for (size_t i = 0; i < SPK_COUNT_OF(keys); i++) {
		size_t size = strlen(keys[i].text);
		struct spk_template_node *n = &t->node[t->count];

		if ((size_t)(end - s) < size || strncasecmp(s, keys[i].text, size) != 0)
			continue;
		*n = (struct spk_template_node){ .key = keys[i].key, .letters = case_of(s, size), .fill = fill };
		t->count++;
		if (end - s >= (ptrdiff_t)size + 2 && strncasecmp(s + size, "th", 2) == 0) {
			n->ordinal = s[size];
			size += 2;
		}
		return size;
	}
	return 0;
}

struct spk_template *spk_template_new(struct spk_arena *arena, const char *s, size_t size)
{
	struct spk_template *t = new_template(arena, size);
	const char *end = s + size;

	while (t && s < end) {
		bool fill = false;
		size_t n;

		while (end - s >= 2 && (strncasecmp(s, "FM", 2) == 0 || strncasecmp(s, "FX", 2) == 0 || strncasecmp(s, "TM", 2) == 0)) {
			fill = fill || (s[0] | 32) == 'f';
			t->exact = t->exact || ((s[0] | 32) == 'f' && (s[1] | 32) == 'x');
			fill = fill && !((s[1] | 32) == 'x');
			s += 2;
		}
		if (s == end)
			break;
		n = add_key(t, s, end, fill);
		if (n) {
			s += n;
		} else if (*s == '"') {
			for (s++; s < end && *s != '"';) {
				s += *s == '\\' && s + 1 < end;
				s += add_text(t, s, end, true);
			}
			s += s < end;
		} else {
			s += *s == '\\' && s + 1 < end && s[1] == '"';
			s += add_text(t, s, end, false);
		}
	}
	return t;
}

/* A run of one letter in Java's pattern. */
static void add_java(struct spk_template *t, char letter, size_t run)
{
	struct spk_template_node n = { .fill = run == 1, .letters = SPK_TEMPLATE_CAPITAL };

	switch (letter) {
	case 'y':
	case 'u': n.key = run == 2 ? SPK_TEMPLATE_YY : SPK_TEMPLATE_YYYY; break;
	case 'M':
	case 'L': n.key = run >= 4 ? SPK_TEMPLATE_MONTH : run == 3 ? SPK_TEMPLATE_MON : SPK_TEMPLATE_MM; break;
	case 'd': n.key = SPK_TEMPLATE_DD; break;
	case 'D': n.key = SPK_TEMPLATE_DDD; n.fill = run < 3; break;
	case 'E': n.key = run >= 4 ? SPK_TEMPLATE_DAY : SPK_TEMPLATE_DY; break;
	case 'Q':
	case 'q': n.key = SPK_TEMPLATE_Q; break;
	case 'w': n.key = SPK_TEMPLATE_IW; break;
	case 'H':
	case 'k': n.key = SPK_TEMPLATE_HH24; break;
	case 'h':
	case 'K': n.key = SPK_TEMPLATE_HH12; break;
	case 'm': n.key = SPK_TEMPLATE_MI; break;
	case 's': n.key = SPK_TEMPLATE_SS; break;
	case 'S': n.key = (enum spk_template_key)(SPK_TEMPLATE_FF1 + SPK_MIN(run, 6u) - 1); n.fill = false; break;
	case 'a': n.key = SPK_TEMPLATE_AM; n.letters = SPK_TEMPLATE_UPPER; break;
	case 'z':
	case 'V': n.key = SPK_TEMPLATE_TZ; n.letters = SPK_TEMPLATE_UPPER; break;
	default: n.key = SPK_TEMPLATE_OF; break;
	}
	if (n.key == SPK_TEMPLATE_MONTH || n.key == SPK_TEMPLATE_DAY)
		n.fill = true;
	t->node[t->count++] = n;
}

struct spk_template *spk_template_new_java(struct spk_arena *arena, const char *s, size_t size)
{
	struct spk_template *t = new_template(arena, size);
	const char *end = s + size;

	while (t && s < end) {
		size_t run = 1;

		if (*s == '\'') {
			if (s + 1 < end && s[1] == '\'') {
				s += 1 + add_text(t, s, end, true);
				continue;
			}
			for (s++; s < end && *s != '\'';)
				s += add_text(t, s, end, true);
			s += s < end;
		} else if (strchr("yuMLdDEQqwHkhKmsSazVxXZ", *s) && *s) {
			while (s + run < end && s[run] == *s)
				run++;
			add_java(t, *s, run);
			s += run;
		} else {
			s += add_text(t, s, end, false);
		}
	}
	return t;
}
