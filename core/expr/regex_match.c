/* Running programs of regex_program.h. */
#include <ctype.h>
#include <wctype.h>

#include "core/base/check.h"
#include "core/base/interrupt.h"
#include "core/expr/locale.h"
#include "core/expr/regex_program.h"
#include "core/expr/utf8.h"

enum { SLOTS = 2 * (SPK_REGEX_GROUPS_MAX + 1), STEPS = 1 << 14 };  /* steps: between two looks at whether to stop */

/* What is still to be tried: an instruction at a place (slot TRY), a group's border to be put back, or (LEAVE) split `at` to be left. */
enum { TRY = -1, LEAVE = -2 };
struct todo { uint32_t at; int32_t slot; const char *s; };

struct search {
	struct spk_regex_matcher *m;
	const struct spk_regex *re;
	const char *text, *end;
	uint64_t *visited;             /* bit per (place, split) */
	struct todo *stack;
	size_t todos, room;
	const char *slot[SLOTS], *best_slot[SLOTS];
	const char *best;              /* end of the best match so far */
	bool any;                      /* the first match found will do, and no groups are wanted */
	uint32_t steps;
	const char *must_end;          /* where a match has to end; NULL: anywhere */
	int64_t entered;               /* splits, with back references */
	spk_error *err;
};

void spk_regex_matcher_release(struct spk_regex_matcher *m)
{
	spk_buffer_release(&m->visited);
	spk_buffer_release(&m->stack);
}

static bool is_word(uint32_t c)
{
	return c < 128 ? isalnum((int)c) || c == '_' : iswalnum_l((wint_t)c, spk_locale()) != 0;
}

static bool word_before(const struct search *q, const char *s)
{
	const char *p = spk_utf8_back(q->text, s, 1);

	return s > q->text && is_word(spk_utf8_get(p, q->end));
}

static bool word_after(const struct search *q, const char *s)
{
	return s < q->end && is_word(spk_utf8_get(s, q->end));
}

static bool in_ranges(const struct spk_regex_set *set, uint32_t c)
{
	for (int i = 0; i < set->ranges; i++)
		if (c >= set->range[i].low && c <= set->range[i].high)
			return true;
	return false;
}

static bool in_set(const struct spk_regex *re, const struct spk_regex_set *set, uint32_t c)
{
	if (c < 128)
		return set->ascii[c >> 6] >> (c & 63) & 1;
	if (re->icase && in_ranges(set, (uint32_t)towlower_l((wint_t)c, spk_locale())))
		return !set->negated;
	return in_ranges(set, c) != set->negated;
}

static uint32_t fold(uint32_t c)
{
	return c < 128 ? (uint32_t)tolower((int)c) : (uint32_t)towlower_l((wint_t)c, spk_locale());
}

/* Takes a character at `s`; NULL when it does not fit. */
static const char *take(const struct search *q, const struct spk_regex_instruction *i, const char *s)
{
	uint32_t c;

	if (s == q->end)
		return NULL;
	c = spk_utf8_get(s, q->end);
	switch (i->op) {
	case SPK_REGEX_CHAR:
		return (q->re->icase ? fold(c) : c) == i->x ? spk_utf8_next(s, q->end) : NULL;
	case SPK_REGEX_ANY: return spk_utf8_next(s, q->end);
	case SPK_REGEX_ANY_NOT_NL: return c != '\n' ? spk_utf8_next(s, q->end) : NULL;
	default: return in_set(q->re, i->set, c) ? spk_utf8_next(s, q->end) : NULL;
	}
}

static bool holds(const struct search *q, enum spk_regex_op op, const char *s)
{
	switch (op) {
	case SPK_REGEX_START: return s == q->text;
	case SPK_REGEX_END: return s == q->end;
	case SPK_REGEX_LINE_START: return s == q->text || s[-1] == '\n';
	case SPK_REGEX_LINE_END: return s == q->end || *s == '\n';
	case SPK_REGEX_WORD_START: return !word_before(q, s) && word_after(q, s);
	case SPK_REGEX_WORD_END: return word_before(q, s) && !word_after(q, s);
	case SPK_REGEX_WORD_EDGE: return word_before(q, s) != word_after(q, s);
	default: return word_before(q, s) == word_after(q, s);
	}
}

static spk_status push(struct search *q, struct todo t)
{
	if (SPK_UNLIKELY(q->todos == q->room)) {
		struct spk_buffer *b = &q->m->stack;

		b->size = q->todos * sizeof t;
		SPK_TRY(spk_buffer_reserve(b, SPK_MAX(b->size, 64 * sizeof t), q->err));
		q->stack = (struct todo *)(void *)b->data;
		q->room = b->capacity / sizeof t;
	}
	q->stack[q->todos++] = t;
	return SPK_OK;
}

/*
 * True when the search may stop. Paths come in the order of preference, and a state that was visited has been left to the
 * better path through it: so the first path that ends at a place is the one whose groups count for a match ending there.
 */
static bool note_match(struct search *q, const char *s)
{
	if (q->must_end && s != q->must_end)
		return false;
	if (!q->best || (q->re->shortest ? s < q->best : s > q->best)) {
		q->best = s;
		memcpy(q->best_slot, q->slot, sizeof(q->slot[0]) * 2 * (size_t)(q->re->groups + 1));
	}
	return q->any || (!q->re->shortest && s == q->end);
}

/* --- look-around and back references --- */

static spk_status clear_visited(struct search *q);
static spk_status search_at(struct search *q, const char *s, bool *stop);

/* Whether a constraint holds at `s`. Of one that looks behind, all starts share what was visited: what did not end at `s` never will. */
static spk_status look(const struct search *q, const struct spk_regex_instruction *i, const char *s, bool *holds)
{
	struct spk_regex_matcher own = { .visited = { 0 } };
	struct search inner = { .m = &own, .re = i->look, .text = q->text, .end = q->end, .any = true, .err = q->err };
	const bool behind = i->x & SPK_REGEX_BEHIND;
	spk_status status = clear_visited(&inner);
	const char *from = s;
	bool stop = false;

	inner.must_end = behind ? s : NULL;
	while (status == SPK_OK) {
		status = search_at(&inner, from, &stop);
		if (inner.best || !behind || from == q->text)
			break;
		from = spk_utf8_back(q->text, from, 1);
	}
	spk_regex_matcher_release(&own);
	*holds = (inner.best != NULL) != ((i->x & SPK_REGEX_NEGATED) != 0);
	return status;
}

/* Takes what the group took; NULL when that is not here, or the group has taken nothing. */
static const char *take_again(const struct search *q, uint32_t group, const char *s)
{
	const char *p = q->slot[2 * group], *end = q->slot[2 * group + 1];

	if (!p || !end)
		return NULL;
	while (p < end) {
		uint32_t want = spk_utf8_get(p, end), have;

		if (s == q->end)
			return NULL;
		have = spk_utf8_get(s, q->end);
		if (want != have && !(q->re->icase && fold(want) == fold(have)))
			return NULL;
		p = spk_utf8_next(p, end);
		s = spk_utf8_next(s, q->end);
	}
	return s;
}

/*
 * Paths part at splits only, and every loop has one: that is where it is noted that a state has been tried. With back
 * references it is noted only while the path through it is followed, against loops that take nothing.
 */
static bool seen_before(struct search *q, const struct spk_regex_instruction *split, const char *s)
{
	size_t bit = (size_t)(s - q->text) * (size_t)q->re->splits + split->number;
	bool seen = q->visited[bit >> 6] >> (bit & 63) & 1;

	q->visited[bit >> 6] |= 1ull << (bit & 63);
	return seen;
}

static void leave(struct search *q, const struct spk_regex_instruction *split, const char *s)
{
	size_t bit = (size_t)(s - q->text) * (size_t)q->re->splits + split->number;

	q->visited[bit >> 6] &= ~(1ull << (bit & 63));
}

/* Takes note of both ways; the first is to be followed now. */
static spk_status enter(struct search *q, uint32_t at, const char *s)
{
	const struct spk_regex_instruction *i = &q->re->code[at];

	if (++q->entered > SPK_REGEX_STEPS_MAX)
		return spk_fail(q->err, SPK_UNSUPPORTED, "a regular expression with back references takes too long on this text");
	SPK_TRY(push(q, (struct todo){ .at = at, .slot = LEAVE, .s = s }));
	return push(q, (struct todo){ .at = i->y, .slot = TRY, .s = s });
}

/* Follows one path until it ends; *stop when the search is over. */
static spk_status follow(struct search *q, uint32_t at, const char *s, bool *stop)
{
	while (true) {
		const struct spk_regex_instruction *i = &q->re->code[at];
		bool flag;

		switch (i->op) {
		case SPK_REGEX_MATCH:
			*stop = note_match(q, s);
			return SPK_OK;
		case SPK_REGEX_JUMP:
			at = i->x;
			break;
		case SPK_REGEX_SPLIT:
			if (seen_before(q, i, s))
				return SPK_OK;
			SPK_TRY(q->re->back ? enter(q, at, s) : push(q, (struct todo){ .at = i->y, .slot = TRY, .s = s }));
			at = i->x;
			break;
		case SPK_REGEX_SAVE:
			if (!q->any || q->re->back) {
				SPK_TRY(push(q, (struct todo){ .slot = (int32_t)i->x, .s = q->slot[i->x] }));
				q->slot[i->x] = s;
			}
			at++;
			break;
		case SPK_REGEX_CHAR:
		case SPK_REGEX_ANY:
		case SPK_REGEX_ANY_NOT_NL:
		case SPK_REGEX_SET:
			s = take(q, i, s);
			if (!s)
				return SPK_OK;
			at++;
			break;
		case SPK_REGEX_BACK:
			s = take_again(q, i->x, s);
			if (!s)
				return SPK_OK;
			at++;
			break;
		case SPK_REGEX_LOOK:
			SPK_TRY(look(q, i, s, &flag));
			if (!flag)
				return SPK_OK;
			at++;
			break;
		default:
			if (!holds(q, i->op, s))
				return SPK_OK;
			at++;
		}
	}
}

static spk_status search_at(struct search *q, const char *s, bool *stop)
{
	struct todo t = { .at = 0, .slot = TRY, .s = s };

	*stop = false;
	q->todos = 0;
	SPK_TRY(follow(q, t.at, t.s, stop));
	while (!*stop && q->todos) {
		if (++q->steps % STEPS == 0)
			SPK_TRY(spk_check_interrupt(q->err));
		t = q->stack[--q->todos];
		if (t.slot >= 0)
			q->slot[t.slot] = t.s;
		else if (t.slot == LEAVE)
			leave(q, &q->re->code[t.at], t.s);
		else
			SPK_TRY(follow(q, t.at, t.s, stop));
	}
	return SPK_OK;
}

static spk_status clear_visited(struct search *q)
{
	size_t words = ((size_t)(q->end - q->text + 1) * (size_t)q->re->splits + 63) / 64;

	spk_buffer_clear(&q->m->visited);
	SPK_TRY(spk_buffer_reserve(&q->m->visited, words * 8 + 8, q->err));
	memset(q->m->visited.data, 0, words * 8);
	q->visited = (uint64_t *)(void *)q->m->visited.data;
	return SPK_OK;
}

static void take_groups(const struct search *q, struct spk_regex_match *match)
{
	for (int g = 0; g <= q->re->groups; g++) {
		bool taken = q->best_slot[2 * g] && q->best_slot[2 * g + 1];

		match->start[g] = taken ? q->best_slot[2 * g] : NULL;
		match->end[g] = taken ? q->best_slot[2 * g + 1] : NULL;
	}
}

spk_status spk_regex_find(struct spk_regex_matcher *m, const struct spk_regex *re, const char *s, const char *end, const char *from, bool *found, struct spk_regex_match *match, spk_error *err)
{
	struct search q;

	*found = false;
	if (re->literal_size && !spk_find(from, (size_t)(end - from), re->literal, re->literal_size))
		return SPK_OK;
	q.m = m;
	q.re = re;
	q.text = s;
	q.end = end;
	q.stack = (struct todo *)(void *)m->stack.data;
	q.room = m->stack.capacity / sizeof(struct todo);
	q.best = NULL;
	q.steps = 0;
	q.any = !match;
	q.err = err;
	q.must_end = NULL;
	q.entered = 0;
	memset(q.slot, 0, sizeof(q.slot[0]) * 2 * (size_t)(re->groups + 1));
	SPK_TRY(clear_visited(&q));
	for (; from <= end; from = from < end ? spk_utf8_next(from, end) : end + 1) {
		bool stop;

		if (re->has_first && !(re->try_start && from == s)) {
			while (from < end && !re->byte_first[(unsigned char)*from])
				from++;
			if (from == end)
				return SPK_OK;
		}
		SPK_TRY(search_at(&q, from, &stop));
		if (q.best) {
			*found = true;
			if (match)
				take_groups(&q, match);
			return SPK_OK;
		}
		if (re->anchored)
			return SPK_OK;
	}
	return SPK_OK;
}
