/* Patterns to programs: recursive descent that emits code as it reads; repeats copy the code they repeat. */
#include <ctype.h>
#include <wctype.h>

#include "core/base/check.h"
#include "core/expr/locale.h"
#include "core/expr/regex_program.h"
#include "core/expr/utf8.h"

enum { CODE_MAX = 20000, REPEAT_MAX = 255, NESTING_MAX = 200, RANGES_MAX = 256 };

struct parser {
	struct spk_arena *arena;
	const char *s, *end, *pattern;
	size_t pattern_size;
	struct spk_regex_instruction *code;
	int count, capacity, groups, nesting, looking;
	uint64_t closed;               /* bit per group whose end has been read: those a back reference may name */
	bool back;
	bool icase, newline, lines, extended, literal;
	bool quantified, shortest;     /* the first quantifier decides the mode of the whole */
	spk_error *err;
};

static spk_status bad(struct parser *p, const char *why)
{
	return spk_fail(p->err, SPK_DATA, "invalid regular expression: %s", why);
}

static spk_status emit(struct parser *p, struct spk_regex_instruction i)
{
	if (p->count == CODE_MAX)
		return bad(p, "regular expression is too complex");
	if (p->count == p->capacity) {
		int capacity = p->capacity ? p->capacity * 2 : 32;
		struct spk_regex_instruction *grown = spk_arena_alloc(p->arena, sizeof(*grown) * (size_t)capacity);

		SPK_TRY_PTR(grown, p->err);
		if (p->count)
			memcpy(grown, p->code, sizeof(*grown) * (size_t)p->count);
		p->code = grown;
		p->capacity = capacity;
	}
	p->code[p->count++] = i;
	return SPK_OK;
}

/* Makes room for `n` instructions at `at`; targets behind it move along. */
static spk_status insert(struct parser *p, int at, int n)
{
	for (int i = 0; i < n; i++)
		SPK_TRY(emit(p, (struct spk_regex_instruction){ .op = SPK_REGEX_JUMP }));
	memmove(p->code + at + n, p->code + at, sizeof(*p->code) * (size_t)(p->count - at - n));
	for (int i = at + n; i < p->count; i++) {
		struct spk_regex_instruction *c = &p->code[i];

		if (c->op == SPK_REGEX_SPLIT || c->op == SPK_REGEX_JUMP) {
			c->x += c->x >= (uint32_t)at ? (uint32_t)n : 0;
			c->y += c->op == SPK_REGEX_SPLIT && c->y >= (uint32_t)at ? (uint32_t)n : 0;
		}
	}
	return SPK_OK;
}

/* Appends a copy of code[from..to). */
static spk_status copy(struct parser *p, int from, int to)
{
	int by = p->count - from;

	for (int i = from; i < to; i++) {
		struct spk_regex_instruction c = p->code[i];

		if (c.op == SPK_REGEX_SPLIT || c.op == SPK_REGEX_JUMP) {
			c.x += (uint32_t)by;
			c.y += (uint32_t)by;
		}
		SPK_TRY(emit(p, c));
	}
	return SPK_OK;
}

/* --- characters and sets --- */

static uint32_t fold(uint32_t c)
{
	return (uint32_t)towlower_l((wint_t)c, spk_locale());
}

static spk_status emit_char(struct parser *p, uint32_t c)
{
	return emit(p, (struct spk_regex_instruction){ .op = SPK_REGEX_CHAR, .x = p->icase ? fold(c) : c });
}

struct set_builder { struct spk_regex_set *set; struct spk_regex_range range[RANGES_MAX]; int ranges; };

static void set_ascii(struct spk_regex_set *set, uint32_t c)
{
	set->ascii[c >> 6] |= 1ull << (c & 63);
}

static bool add_range(struct parser *p, struct set_builder *b, uint32_t low, uint32_t high)
{
	for (uint32_t c = low; c <= high && c < 128; c++) {
		set_ascii(b->set, c);
		if (p->icase && isalpha((int)c))
			set_ascii(b->set, c ^ 0x20);
	}
	if (high < 128)
		return true;
	if (b->ranges + 2 > RANGES_MAX)
		return false;
	b->range[b->ranges++] = (struct spk_regex_range){ SPK_MAX(low, 128u), high };
	/* Of letters beyond ASCII the other case too, when the range is a single one. */
	if (p->icase && low == high)
		b->range[b->ranges++] = (struct spk_regex_range){ fold(low), fold(low) };
	return true;
}

static bool in_class(const char *name, uint32_t c)
{
	wctype_t type = wctype_l(name, spk_locale());

	return type && iswctype_l((wint_t)c, type, spk_locale());
}

/* A class's ASCII characters by the locale; beyond ASCII only letters count, as word, alpha and alnum. */
static bool add_class(struct parser *p, struct set_builder *b, const char *name, bool negated)
{
	bool word = strcmp(name, "word") == 0, letters = word || strcmp(name, "alpha") == 0 || strcmp(name, "alnum") == 0;

	if (!word && !wctype_l(name, spk_locale()))
		return false;
	for (uint32_t c = 0; c < 128; c++) {
		bool in = word ? in_class("alnum", c) || c == '_' : in_class(name, c);

		if (p->icase && (strcmp(name, "upper") == 0 || strcmp(name, "lower") == 0))
			in = in_class("alpha", c);
		if (in != negated)
			set_ascii(b->set, c);
	}
	if (letters != negated && b->ranges < RANGES_MAX)
		b->range[b->ranges++] = (struct spk_regex_range){ 128, 0x10ffff };
	return true;
}

static const char *class_of_escape(char c)
{
	switch (c) {
	case 'd':
	case 'D': return "digit";
	case 's':
	case 'S': return "space";
	case 'w':
	case 'W': return "word";
	default: return NULL;
	}
}

static spk_status emit_set(struct parser *p, struct set_builder *b, bool negated)
{
	struct spk_regex_set *set = b->set;

	if (negated) {
		set->ascii[0] = ~set->ascii[0];
		set->ascii[1] = ~set->ascii[1];
		if (p->newline)
			set->ascii[0] &= ~(1ull << '\n');
	}
	set->negated = negated;
	set->ranges = b->ranges;
	set->range = spk_arena_copy(p->arena, b->range, sizeof(b->range[0]) * (size_t)b->ranges);
	SPK_TRY_PTR(set->range, p->err);
	return emit(p, (struct spk_regex_instruction){ .op = SPK_REGEX_SET, .set = set });
}

enum { MANY = 1 << 24 };  /* above every character */

static uint32_t read_hex(struct parser *p, int digits)
{
	uint32_t v = 0;

	for (; digits && p->s < p->end && isxdigit((unsigned char)*p->s); digits--, p->s++)
		v = (v < MANY ? v * 16 : MANY) + (uint32_t)(isdigit((unsigned char)*p->s) ? *p->s - '0' : (*p->s | 32) - 'a' + 10);
	return v;
}

/* The character that an escape (s is behind the backslash) stands for. */
static spk_status read_escape(struct parser *p, uint32_t *c)
{
	static const char from[] = "abBefnrtv", to[] = "\a\b\\\x1b\f\n\r\t\v";
	const char *at;

	if (p->s == p->end)
		return bad(p, "invalid escape \\ sequence");
	at = *p->s ? strchr(from, *p->s) : NULL;
	if (at) {
		*c = (unsigned char)to[at - from];
		p->s++;
	} else if (*p->s == 'x' || *p->s == 'u' || *p->s == 'U') {
		int digits = *p->s == 'x' ? 255 : *p->s == 'u' ? 4 : 8;

		p->s++;
		*c = read_hex(p, digits);
		if (*c > 0x10ffff)
			return bad(p, "invalid escape \\ sequence");
	} else if (*p->s == 'c' && p->s + 1 < p->end) {
		*c = (unsigned char)p->s[1] & 31u;
		p->s += 2;
	} else if (*p->s >= '0' && *p->s <= '7') {
		*c = 0;
		for (int digits = 0; digits < 3 && p->s < p->end && *p->s >= '0' && *p->s <= '7'; digits++)
			*c = *c * 8 + (uint32_t)(*p->s++ - '0');
	} else if (isalnum((unsigned char)*p->s)) {
		return bad(p, "invalid escape \\ sequence");
	} else {
		*c = spk_utf8_get(p->s, p->end);
		p->s = spk_utf8_next(p->s, p->end);
	}
	return SPK_OK;
}

/* [:alpha:] inside brackets; s is behind the "[:". */
static spk_status read_class_name(struct parser *p, struct set_builder *b)
{
	const char *close = memmem(p->s, (size_t)(p->end - p->s), ":]", 2);
	char name[16];

	if (!close || close - p->s >= (ptrdiff_t)sizeof name)
		return bad(p, "invalid character class");
	memcpy(name, p->s, (size_t)(close - p->s));
	name[close - p->s] = 0;
	p->s = close + 2;
	return add_class(p, b, name, false) ? SPK_OK : bad(p, "invalid character class");
}

static spk_status read_set_char(struct parser *p, uint32_t *c)
{
	if (p->s == p->end)
		return bad(p, "brackets [] not balanced");
	if (*p->s == '\\') {
		p->s++;
		return read_escape(p, c);
	}
	*c = spk_utf8_get(p->s, p->end);
	p->s = spk_utf8_next(p->s, p->end);
	return SPK_OK;
}

static spk_status parse_brackets(struct parser *p)
{
	struct set_builder b = { .set = SPK_NEW(p->arena, struct spk_regex_set) };
	bool negated = false, first = true;

	SPK_TRY_PTR(b.set, p->err);
	if (p->s < p->end && *p->s == '^') {
		negated = true;
		p->s++;
	}
	for (; p->s < p->end && (*p->s != ']' || first); first = false) {
		uint32_t low, high;

		if (p->end - p->s >= 2 && p->s[0] == '[' && p->s[1] == ':') {
			p->s += 2;
			SPK_TRY(read_class_name(p, &b));
			continue;
		}
		if (p->end - p->s >= 2 && p->s[0] == '\\' && class_of_escape(p->s[1])) {
			if (!add_class(p, &b, class_of_escape(p->s[1]), isupper((unsigned char)p->s[1])))
				return bad(p, "invalid character class");
			p->s += 2;
			continue;
		}
		SPK_TRY(read_set_char(p, &low));
		high = low;
		if (p->end - p->s >= 2 && *p->s == '-' && p->s[1] != ']') {
			p->s++;
			SPK_TRY(read_set_char(p, &high));
			if (high < low)
				return bad(p, "invalid character range");
		}
		if (!add_range(p, &b, low, high))
			return bad(p, "regular expression is too complex");
	}
	if (p->s == p->end)
		return bad(p, "brackets [] not balanced");
	p->s++;
	return emit_set(p, &b, negated);
}

/* --- atoms --- */

static spk_status parse_alternatives(struct parser *p);

/* Digits behind a backslash: one alone always names a group, more of them only when there is such a group. False: it is a character. */
static bool read_back_reference(struct parser *p, int *group)
{
	const char *s = p->s;
	int n = 0;

	if (s == p->end || *s < '1' || *s > '9')
		return false;
	for (; s < p->end && isdigit((unsigned char)*s); s++)
		n = SPK_MIN(n * 10 + (*s - '0'), SPK_REGEX_GROUPS_MAX + 1);
	if (s - p->s > 1 && n > p->groups)
		return false;
	p->s = s;
	*group = n;
	return true;
}

static spk_status emit_back_reference(struct parser *p, int group)
{
	/* A constraint keeps no groups, neither its own nor those around it. */
	if (p->looking || group > p->groups || !(p->closed >> group & 1))
		return bad(p, "invalid backreference number");
	p->back = true;
	return emit(p, (struct spk_regex_instruction){ .op = SPK_REGEX_BACK, .x = (uint32_t)group });
}

static spk_status parse_escape_atom(struct parser *p)
{
	static const struct { char letter; enum spk_regex_op op; } edges[] = {
		{ 'm', SPK_REGEX_WORD_START }, { 'M', SPK_REGEX_WORD_END }, { 'y', SPK_REGEX_WORD_EDGE },
		{ 'Y', SPK_REGEX_NOT_WORD_EDGE }, { 'A', SPK_REGEX_START }, { 'Z', SPK_REGEX_END },
	};
	char c = p->s < p->end ? *p->s : 0;
	uint32_t literal;
	int group;

	if (read_back_reference(p, &group))
		return emit_back_reference(p, group);
	for (size_t i = 0; i < SPK_COUNT_OF(edges); i++) {
		if (edges[i].letter == c) {
			p->s++;
			return emit(p, (struct spk_regex_instruction){ .op = edges[i].op });
		}
	}
	if (class_of_escape(c)) {
		struct set_builder b = { .set = SPK_NEW(p->arena, struct spk_regex_set) };

		SPK_TRY_PTR(b.set, p->err);
		p->s++;
		add_class(p, &b, class_of_escape(c), isupper((unsigned char)c));
		return emit_set(p, &b, false);
	}
	SPK_TRY(read_escape(p, &literal));
	return emit_char(p, literal);
}

static spk_status finish(struct parser *p, struct spk_regex *re);

static spk_status close_group(struct parser *p)
{
	if (p->s == p->end)
		return bad(p, "parentheses () not balanced");
	p->s++;
	p->nesting--;
	return SPK_OK;
}

/* (?= (?! (?<= (?<!: s is behind them. Its code becomes a program of its own; its quantifiers do not decide the mode of the whole. */
static spk_status parse_look(struct parser *p, uint32_t how)
{
	struct spk_regex *re = SPK_NEW(p->arena, struct spk_regex);
	const struct parser outer = *p;

	SPK_TRY_PTR(re, p->err);
	if (++p->nesting > NESTING_MAX)
		return bad(p, "regular expression is too complex");
	p->looking++;
	p->code = NULL;
	p->count = p->capacity = 0;
	SPK_TRY(parse_alternatives(p));
	SPK_TRY(close_group(p));
	SPK_TRY(finish(p, re));
	p->looking--;
	p->code = outer.code;
	p->count = outer.count;
	p->capacity = outer.capacity;
	p->quantified = outer.quantified;
	p->shortest = outer.shortest;
	return emit(p, (struct spk_regex_instruction){ .op = SPK_REGEX_LOOK, .x = how, .look = re });
}

static bool starts_with(const struct parser *p, const char *text)
{
	size_t n = strlen(text);

	return (size_t)(p->end - p->s) >= n && memcmp(p->s, text, n) == 0;
}

static spk_status parse_group(struct parser *p)
{
	static const struct { const char *text; uint32_t how; } looks[] = {
		{ "?=", 0 }, { "?!", SPK_REGEX_NEGATED }, { "?<=", SPK_REGEX_BEHIND }, { "?<!", SPK_REGEX_BEHIND | SPK_REGEX_NEGATED },
	};
	bool capture = !p->looking;
	int group = 0;

	for (size_t i = 0; i < SPK_COUNT_OF(looks); i++) {
		if (starts_with(p, looks[i].text)) {
			p->s += strlen(looks[i].text);
			return parse_look(p, looks[i].how);
		}
	}
	if (starts_with(p, "?")) {
		if (!starts_with(p, "?:"))
			return bad(p, "quantifier operand invalid");
		capture = false;
		p->s += 2;
	}
	if (++p->nesting > NESTING_MAX)
		return bad(p, "regular expression is too complex");
	if (capture) {
		group = ++p->groups;
		if (group > SPK_REGEX_GROUPS_MAX)
			return bad(p, "regular expression is too complex");
		SPK_TRY(emit(p, (struct spk_regex_instruction){ .op = SPK_REGEX_SAVE, .x = (uint32_t)group * 2 }));
	}
	SPK_TRY(parse_alternatives(p));
	SPK_TRY(close_group(p));
	p->closed |= capture ? 1ull << group : 0;
	return capture ? emit(p, (struct spk_regex_instruction){ .op = SPK_REGEX_SAVE, .x = (uint32_t)group * 2 + 1 }) : SPK_OK;
}

static spk_status parse_atom(struct parser *p)
{
	char c = *p->s;

	if (c == '(') {
		p->s++;
		return parse_group(p);
	}
	if (starts_with(p, "[[:<:]]") || starts_with(p, "[[:>:]]")) {
		enum spk_regex_op op = p->s[3] == '<' ? SPK_REGEX_WORD_START : SPK_REGEX_WORD_END;

		p->s += 7;
		return emit(p, (struct spk_regex_instruction){ .op = op });
	}
	if (c == '[') {
		p->s++;
		return parse_brackets(p);
	}
	if (c == '\\') {
		p->s++;
		return parse_escape_atom(p);
	}
	if (c == '*' || c == '+' || c == '?')
		return bad(p, "quantifier operand invalid");
	if (c == '.' || c == '^' || c == '$') {
		enum spk_regex_op op = c == '.' ? (p->newline ? SPK_REGEX_ANY_NOT_NL : SPK_REGEX_ANY) : c == '^' ? (p->lines ? SPK_REGEX_LINE_START : SPK_REGEX_START) : p->lines ? SPK_REGEX_LINE_END : SPK_REGEX_END;

		p->s++;
		return emit(p, (struct spk_regex_instruction){ .op = op });
	}
	SPK_TRY(emit_char(p, spk_utf8_get(p->s, p->end)));
	p->s = spk_utf8_next(p->s, p->end);
	return SPK_OK;
}

/* --- quantifiers --- */

static const char *read_count(const char *s, const char *end, int *out)
{
	*out = 0;
	for (; s < end && isdigit((unsigned char)*s); s++)
		*out = SPK_MIN(*out * 10 + (*s - '0'), REPEAT_MAX + 1);
	return s;
}

/* {m}, {m,} or {m,n}; false when the brace is no quantifier. most -1: no bound. */
static bool read_bounds(struct parser *p, int *least, int *most)
{
	const char *s = p->s + 1;

	if (s >= p->end || !isdigit((unsigned char)*s))
		return false;
	s = read_count(s, p->end, least);
	*most = *least;
	if (s < p->end && *s == ',') {
		s++;
		*most = -1;
		if (s < p->end && isdigit((unsigned char)*s))
			s = read_count(s, p->end, most);
	}
	if (s >= p->end || *s != '}')
		return false;
	p->s = s + 1;
	return true;
}

/* The code from `at` on, at least and at most so many times. */
static spk_status repeat(struct parser *p, int at, int least, int most, bool lazy)
{
	int size = p->count - at, split;

#define SPLIT(take, leave) ((struct spk_regex_instruction){ .op = SPK_REGEX_SPLIT, .x = (uint32_t)(lazy ? (leave) : (take)), .y = (uint32_t)(lazy ? (take) : (leave)) })
	if (least == 0 && most == 0) {
		p->count = at;
		return SPK_OK;
	}
	for (int i = 1; i < least; i++)
		SPK_TRY(copy(p, at, at + size));
	if (most < 0 && least > 0)
		return emit(p, SPLIT(p->count - size, p->count + 1));
	if (most < 0) {
		SPK_TRY(insert(p, at, 1));
		p->code[at] = SPLIT(at + 1, p->count + 1);
		return emit(p, (struct spk_regex_instruction){ .op = SPK_REGEX_JUMP, .x = (uint32_t)at });
	}
	if (least == 0) {
		SPK_TRY(insert(p, at, 1));
		p->code[at] = SPLIT(at + 1, at + 1 + size);
		at++;
		least = 1;
	}
	for (int i = least; i < most; i++) {
		split = p->count;
		SPK_TRY(emit(p, SPLIT(split + 1, split + 1 + size)));
		SPK_TRY(copy(p, at, at + size));
	}
#undef SPLIT
	return SPK_OK;
}

/* An optional part that is left out leaves out all that follow it too: x{0,3} may stop after any. That is how repeat() lays it out. */
static spk_status parse_quantified(struct parser *p)
{
	int at = p->count, least = 0, most = -1;
	bool lazy = false;

	SPK_TRY(parse_atom(p));
	if (p->s == p->end)
		return SPK_OK;
	/* What takes no character cannot be repeated. */
	if (p->count == at + 1 && p->code[at].op >= SPK_REGEX_START && p->code[at].op <= SPK_REGEX_LOOK)
		return SPK_OK;
	switch (*p->s) {
	case '*': p->s++; break;
	case '+': least = 1; p->s++; break;
	case '?': most = 1; p->s++; break;
	case '{':
		if (!read_bounds(p, &least, &most))
			return isdigit((unsigned char)(p->s + 1 < p->end ? p->s[1] : 0)) ? bad(p, "invalid repetition count(s)") : SPK_OK;
		if (least > REPEAT_MAX || most > REPEAT_MAX || (most >= 0 && most < least))
			return bad(p, "invalid repetition count(s)");
		break;
	default: return SPK_OK;
	}
	if (p->s < p->end && *p->s == '?') {
		lazy = true;
		p->s++;
	}
	if (!p->quantified) {
		p->quantified = true;
		p->shortest = lazy;
	}
	if (p->s < p->end && (*p->s == '*' || *p->s == '+' || *p->s == '?'))
		return bad(p, "quantifier operand invalid");
	return repeat(p, at, least, most, lazy);
}

/* (?# to the next parenthesis; with the flag x also blanks, and # to the end of the line. */
static void skip_comments(struct parser *p)
{
	while (starts_with(p, "(?#") || (p->extended && p->s < p->end && (isspace((unsigned char)*p->s) || *p->s == '#'))) {
		if (*p->s == '(') {
			const char *close = memchr(p->s, ')', (size_t)(p->end - p->s));

			p->s = close ? close + 1 : p->end;
		} else if (*p->s == '#') {
			while (p->s < p->end && *p->s != '\n')
				p->s++;
		} else {
			p->s++;
		}
	}
}

static spk_status parse_branch(struct parser *p)
{
	skip_comments(p);
	while (p->s < p->end && *p->s != '|' && !(*p->s == ')' && p->nesting > 0)) {
		if (*p->s == ')')
			return bad(p, "parentheses () not balanced");
		SPK_TRY(parse_quantified(p));
		skip_comments(p);
	}
	return SPK_OK;
}

/* a|b|c: split before each but the last, a jump to the end behind each but the last. */
static spk_status parse_alternatives(struct parser *p)
{
	int at = p->count, jumps[64], count = 0;

	SPK_TRY(parse_branch(p));
	while (p->s < p->end && *p->s == '|') {
		if (count == (int)SPK_COUNT_OF(jumps))
			return bad(p, "regular expression is too complex");
		p->s++;
		SPK_TRY(insert(p, at, 1));
		for (int i = 0; i < count; i++)
			jumps[i] += jumps[i] >= at;
		jumps[count++] = p->count;
		SPK_TRY(emit(p, (struct spk_regex_instruction){ .op = SPK_REGEX_JUMP }));
		p->code[at] = (struct spk_regex_instruction){ .op = SPK_REGEX_SPLIT, .x = (uint32_t)at + 1, .y = (uint32_t)p->count };
		at = p->count;
		SPK_TRY(parse_branch(p));
	}
	for (int i = 0; i < count; i++)
		p->code[jumps[i]].x = (uint32_t)p->count;
	return SPK_OK;
}

/* --- what speeds up the search --- */

/* Bytes that a match can start with; false when it can be empty or start with anything. */
static bool first_bytes(struct spk_regex *re, uint32_t at, bool *seen, bool *first)
{
	const struct spk_regex_instruction *i = &re->code[at];

	if (seen[at])
		return true;
	seen[at] = true;
	switch (i->op) {
	case SPK_REGEX_CHAR:
		if (i->x >= 128 || (re->icase && i->x >= 128))
			return false;
		first[i->x] = true;
		if (re->icase && isalpha((int)i->x)) {
			first[i->x ^ 0x20] = true;
			memset(first + 0xc0, true, 0x40);  /* letters whose lower case is ASCII, such as the Kelvin sign */
		}
		return true;
	case SPK_REGEX_SET:
		for (int c = 0; c < 128; c++)
			if (i->set->ascii[c >> 6] >> (c & 63) & 1)
				first[c] = true;
		memset(first + 0xc0, true, 0x40);
		return true;
	case SPK_REGEX_SPLIT: return first_bytes(re, i->x, seen, first) && first_bytes(re, i->y, seen, first);
	case SPK_REGEX_JUMP: return first_bytes(re, i->x, seen, first);
	case SPK_REGEX_START:
		re->try_start = true;  /* a branch that only the start of the text can take */
		return true;
	case SPK_REGEX_SAVE:
	case SPK_REGEX_WORD_START:
	case SPK_REGEX_WORD_EDGE: return first_bytes(re, at + 1, seen, first);
	default: return false;
	}
}

/* Longest run of plain characters outside any branch: no split jumps over it. */
static spk_status find_literal(struct parser *p, struct spk_regex *re)
{
	char *best = spk_arena_alloc(p->arena, (size_t)re->count * 4 + 1), *run = spk_arena_alloc(p->arena, (size_t)re->count * 4 + 1);
	size_t size = 0;
	int open = 0;  /* first instruction that no jump seen so far goes beyond */

	SPK_TRY_PTR(best, p->err);
	SPK_TRY_PTR(run, p->err);
	for (int i = 0; i < re->count; i++) {
		const struct spk_regex_instruction *c = &re->code[i];

		if (c->op == SPK_REGEX_SPLIT || c->op == SPK_REGEX_JUMP) {
			open = SPK_MAX(open, (int)SPK_MAX(c->x, c->op == SPK_REGEX_SPLIT ? c->y : 0));
			size = 0;
			continue;
		}
		if (c->op == SPK_REGEX_SAVE)
			continue;
		if (c->op != SPK_REGEX_CHAR || i < open) {
			size = 0;
			continue;
		}
		size += spk_utf8_put(c->x, run + size);
		if (size > re->literal_size) {
			memcpy(best, run, size);
			re->literal_size = size;
		}
	}
	re->literal = best;
	if (re->icase)
		re->literal_size = 0;
	return SPK_OK;
}

static spk_status read_flags(struct parser *p, const char *flags, size_t size, bool embedded)
{
	for (size_t i = 0; i < size; i++) {
		switch (flags[i]) {
		case 'i': p->icase = true; break;
		case 'c': p->icase = false; break;
		case 'g': break;
		case 'm':
		case 'n': p->newline = p->lines = true; break;
		case 'p': p->newline = true; p->lines = false; break;
		case 'w': p->newline = false; p->lines = true; break;
		case 's': p->newline = p->lines = false; break;
		case 'x': p->extended = true; break;
		case 'q': p->literal = true; break;
		case 'b':
		case 'e': return spk_fail(p->err, SPK_UNSUPPORTED, "regular expression option \"%c\" is not supported", flags[i]);
		case 't': p->extended = false; break;
		default: return embedded ? bad(p, "invalid embedded option") : spk_fail(p->err, SPK_DATA, "invalid regular expression option: \"%c\"", flags[i]);
		}
	}
	return SPK_OK;
}

/* "***:" and "(?flags)" at the start of the pattern. */
static spk_status read_prefix(struct parser *p)
{
	const char *close;

	if (starts_with(p, "***=")) {
		p->s += 4;
		p->literal = true;
		return SPK_OK;
	}
	if (starts_with(p, "***?"))
		return bad(p, "invalid regexp (reg version 0.8)");
	if (starts_with(p, "***:"))
		p->s += 4;
	if (p->end - p->s < 3 || p->s[0] != '(' || p->s[1] != '?' || !isalpha((unsigned char)p->s[2]))
		return SPK_OK;
	close = memchr(p->s, ')', (size_t)(p->end - p->s));
	if (!close)
		return bad(p, "parentheses () not balanced");
	SPK_TRY(read_flags(p, p->s + 2, (size_t)(close - p->s - 2), true));
	p->s = close + 1;
	return SPK_OK;
}

/* The code read so far, ended, as a program. */
static spk_status finish(struct parser *p, struct spk_regex *re)
{
	SPK_TRY(emit(p, (struct spk_regex_instruction){ .op = SPK_REGEX_MATCH }));
	re->code = p->code;
	re->count = p->count;
	re->groups = p->groups;
	re->icase = p->icase;
	for (int i = 0; i < p->count; i++)
		if (p->code[i].op == SPK_REGEX_SPLIT)
			p->code[i].number = (uint32_t)re->splits++;
	return SPK_OK;
}

spk_status spk_regex_compile(struct spk_arena *arena, const char *pattern, size_t size, const char *flags, size_t flags_size, const struct spk_regex **out, spk_error *err)
{
	struct parser p = { .arena = arena, .s = pattern, .end = pattern + size, .pattern = pattern, .pattern_size = size, .err = err };
	struct spk_regex *re = SPK_NEW(arena, struct spk_regex);
	bool *seen;

	SPK_TRY_PTR(re, err);
	SPK_TRY(read_flags(&p, flags, flags_size, false));
	SPK_TRY(read_prefix(&p));
	SPK_TRY(emit(&p, (struct spk_regex_instruction){ .op = SPK_REGEX_SAVE, .x = 0 }));
	for (; p.literal && p.s < p.end; p.s = spk_utf8_next(p.s, p.end))
		SPK_TRY(emit_char(&p, spk_utf8_get(p.s, p.end)));
	SPK_TRY(parse_alternatives(&p));
	if (p.s < p.end)
		return bad(&p, "parentheses () not balanced");
	SPK_TRY(emit(&p, (struct spk_regex_instruction){ .op = SPK_REGEX_SAVE, .x = 1 }));
	SPK_TRY(finish(&p, re));
	re->back = p.back;
	re->shortest = p.shortest;
	re->anchored = p.code[1].op == SPK_REGEX_START;
	seen = SPK_NEW_ARRAY(arena, bool, p.count);
	SPK_TRY_PTR(seen, err);
	re->has_first = first_bytes(re, 0, seen, re->byte_first);
	*out = re;
	return find_literal(&p, re);
}
