/* What the files of functions of regular expressions share. Private to core/expr. */
#ifndef SPK_CORE_EXPR_REGEX_CALL_H
#define SPK_CORE_EXPR_REGEX_CALL_H

#include "core/expr/array.h"
#include "core/expr/regex_program.h"

/* The pattern of a call: compiled at bind time when it is constant, else again whenever it changes from row to row. */
struct spk_regex_source {
	const struct spk_regex *re;
	const struct spk_view *pattern, *flags;   /* what `re` was made from; flags: of SIMILAR TO the escape */
	struct spk_regex_matcher matcher;
};

struct spk_regex_row { const struct spk_reader *r; int row; };

/* Computes one row; what fails with DATA or UNSUPPORTED fails the row. */
typedef spk_status (*spk_regex_one)(const struct spk_call *call, struct spk_regex_source *from, struct spk_regex_row a, struct spk_vector *out, bool *null, spk_error *err);
spk_status spk_regex_rows(const struct spk_call *call, spk_regex_one one, struct spk_vector *out, spk_error *err);

/* Makes from->re the pattern's program. Flags NULL: those of the function's name. */
spk_status spk_regex_at(const struct spk_call *call, struct spk_regex_source *from, const struct spk_view *pattern, const struct spk_view *flags, spk_error *err);
/* For prepare: argument 1 is the pattern, argument `flags_at` the flags when the call has so many. A bad pattern is left to fail its rows. */
spk_status spk_regex_prepare(struct spk_arena *arena, struct spk_expr *e, int flags_at, spk_error *err);
/* The first match at or behind `at` (NULL: the text's start). */
spk_status spk_regex_next(struct spk_regex_source *from, const struct spk_view *text, const char *at, bool *found, struct spk_regex_match *match, spk_error *err);
/* Where to look for the match behind `match`; behind the text's end: there is none. */
const char *spk_regex_behind(const struct spk_regex_match *match, const char *end);
/* Fails when flags ask for every match, which the function cannot give. */
spk_status spk_regex_no_global(const struct spk_call *call, const struct spk_view *flags, spk_error *err);
/* Fails for an argument below `least`. */
spk_status spk_regex_at_least(const char *parameter, int32_t v, int32_t least, spk_error *err);

#define SPK_REGEX_VIEW(k) (&SPK_ARG(struct spk_view, a.r[k], a.row))
#define SPK_REGEX_INT(k) SPK_ARG(int32_t, a.r[k], a.row)
#define SPK_REGEX_KERNEL(name) \
	static spk_status name(const struct spk_call *call, struct spk_vector *out, spk_error *err) { return spk_regex_rows(call, name##_row, out, err); }

#endif
