/*
 * Regular expressions: PostgreSQL's advanced syntax, on UTF-8.
 *
 * A pattern becomes a small program; matching explores it by depth-first search that never goes on from the same split
 * at the same place twice, so it takes program size times text length at most. The leftmost match counts; of those the longest (or
 * the shortest, when the pattern's first quantifier is a non-greedy one), and inside it groups take what they can from the left.
 * A look-around constraint is a program of its own, run where it stands. A back reference makes the rest of a path depend on what groups have
 * taken, so with one in the pattern nothing is known of a place once visited: such a search is cut off after SPK_REGEX_STEPS_MAX steps.
 * Programs are read-only and shared by threads; a matcher is one thread's working memory.
 */
#ifndef SPK_CORE_EXPR_REGEX_PROGRAM_H
#define SPK_CORE_EXPR_REGEX_PROGRAM_H

#include "core/base/arena.h"
#include "core/base/buffer.h"

enum { SPK_REGEX_GROUPS_MAX = 32, SPK_REGEX_STEPS_MAX = 50000000 };

enum spk_regex_op {
	SPK_REGEX_CHAR,        /* one code point */
	SPK_REGEX_ANY,
	SPK_REGEX_ANY_NOT_NL,
	SPK_REGEX_SET,
	SPK_REGEX_SPLIT,       /* first x, then y */
	SPK_REGEX_JUMP,
	SPK_REGEX_SAVE,        /* slot x */
	SPK_REGEX_START, SPK_REGEX_END,             /* of the text */
	SPK_REGEX_LINE_START, SPK_REGEX_LINE_END,
	SPK_REGEX_WORD_START, SPK_REGEX_WORD_END, SPK_REGEX_WORD_EDGE, SPK_REGEX_NOT_WORD_EDGE,
	SPK_REGEX_LOOK,        /* x: SPK_REGEX_BEHIND, SPK_REGEX_NEGATED */
	SPK_REGEX_BACK,        /* what group x has taken, once more */
	SPK_REGEX_MATCH,
};

enum { SPK_REGEX_BEHIND = 1, SPK_REGEX_NEGATED = 2 };

struct spk_regex_range { uint32_t low, high; };

struct spk_regex_set {
	uint64_t ascii[2];             /* bit per character below 128 */
	bool negated;                  /* applies to characters above 127; the ascii bits have it in them */
	int ranges;
	struct spk_regex_range *range; /* above 127 */
};

struct spk_regex_instruction {
	enum spk_regex_op op;
	uint32_t x, y, number;         /* number: of a split */
	union { const struct spk_regex_set *set; const struct spk_regex *look; };
};

struct spk_regex {
	int count, groups, splits;     /* groups without the whole match */
	struct spk_regex_instruction *code;
	bool icase, shortest, anchored, back;  /* back: has back references */
	bool byte_first[256];          /* bytes a match can start with, when `has_first`; at the start of the text `try_start` says more */
	bool has_first, try_start;
	const char *literal;           /* bytes that every match has in it; "" none */
	size_t literal_size;
};

/* flags as in regexp_replace: i, c, n, m, s, x, g (ignored here). SPK_DATA with PostgreSQL's message on a bad pattern. */
spk_status spk_regex_compile(struct spk_arena *arena, const char *pattern, size_t size, const char *flags, size_t flags_size, const struct spk_regex **out, spk_error *err);

struct spk_regex_match { const char *start[SPK_REGEX_GROUPS_MAX + 1], *end[SPK_REGEX_GROUPS_MAX + 1]; };  /* NULL: group not taken */

struct spk_regex_matcher { struct spk_buffer visited, stack; };  /* zero-initialised */

void spk_regex_matcher_release(struct spk_regex_matcher *m);
/* Looks for a match from `from` on in s..end. With `match` NULL only whether there is one. */
spk_status spk_regex_find(struct spk_regex_matcher *m, const struct spk_regex *re, const char *s, const char *end, const char *from, bool *found, struct spk_regex_match *match, spk_error *err);

#endif
