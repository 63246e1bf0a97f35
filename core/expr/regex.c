/* Functions of regular expressions: ~ and its like, regexp_replace, regexp_extract, regexp_count, substring. */
#include <ctype.h>

#include "core/expr/families.h"
#include "core/expr/regex_call.h"
#include "core/expr/utf8.h"

/* --- compiling --- */

/* Flags of the operator or function itself: ~* has i. */
static const char *own_flags(const struct spk_expr *e)
{
	size_t n = strlen(e->function->name);

	return n && e->function->name[n - 1] == '*' ? "i" : "";
}

static spk_status compile(struct spk_arena *arena, const struct spk_expr *e, const struct spk_view *pattern, const struct spk_view *flags, const struct spk_regex **out, spk_error *err)
{
	const char *own = own_flags(e);

	if (flags)
		return spk_regex_compile(arena, spk_view_data(pattern), pattern->length, spk_view_data(flags), flags->length, out, err);
	return spk_regex_compile(arena, spk_view_data(pattern), pattern->length, own, strlen(own), out, err);
}

spk_status spk_regex_prepare(struct spk_arena *arena, struct spk_expr *e, int flags_at, spk_error *err)
{
	const struct spk_value *pattern = spk_constant_arg(e, 1), *flags = spk_constant_arg(e, flags_at);
	const struct spk_regex *re;
	spk_error local = { 0 };

	if (!pattern || (e->args > flags_at && !flags))
		return SPK_OK;
	if (compile(arena, e, &pattern->view, flags ? &flags->view : NULL, &re, &local) == SPK_OK)
		e->prepared = re;
	else if (local.code != SPK_DATA) {
		if (err)
			*err = local;
		return local.code;
	}
	return SPK_OK;
}

static spk_status prepare2(struct spk_arena *arena, struct spk_expr *e, spk_error *err)
{
	return spk_regex_prepare(arena, e, 2, err);
}

static spk_status prepare3(struct spk_arena *arena, struct spk_expr *e, spk_error *err)
{
	return spk_regex_prepare(arena, e, 3, err);
}

static spk_status prepare_plain(struct spk_arena *arena, struct spk_expr *e, spk_error *err)
{
	return spk_regex_prepare(arena, e, SPK_FUNCTION_ARGS_MAX, err);
}

spk_status spk_regex_at(const struct spk_call *call, struct spk_regex_source *from, const struct spk_view *pattern, const struct spk_view *flags, spk_error *err)
{
	if (call->expr->prepared) {
		from->re = call->expr->prepared;
		return SPK_OK;
	}
	if (!from->re || !from->pattern || !spk_view_equal(from->pattern, pattern) || !from->flags != !flags || (flags && !spk_view_equal(from->flags, flags)))
		SPK_TRY(compile(call->ev->arena, call->expr, pattern, flags, &from->re, err));
	from->pattern = pattern;
	from->flags = flags;
	return SPK_OK;
}

/* --- rows --- */

#define VIEW SPK_REGEX_VIEW
#define INT SPK_REGEX_INT

spk_status spk_regex_rows(const struct spk_call *call, spk_regex_one one, struct spk_vector *out, spk_error *err)
{
	struct spk_reader r[SPK_FUNCTION_ARGS_MAX];
	struct spk_regex_source from = { .re = NULL };
	spk_status status = SPK_OK;
	spk_error local = { 0 };

	for (int k = 0; k < call->args; k++)
		r[k] = spk_vector_reader(&call->arg[k]);
	for (int i = 0; i < call->n && status == SPK_OK; i++) {
		struct spk_regex_row a = { r, spk_call_row(call, i) };
		bool null = false;

		status = one(call, &from, a, out, &null, &local);
		if (status == SPK_DATA || status == SPK_UNSUPPORTED) {
			from.re = NULL;
			status = spk_call_fail_with(call, out, a.row, &local, err);
		} else if (status != SPK_OK && err) {
			*err = local;
		} else if (status == SPK_OK && null) {
			status = spk_call_null(call, out, a.row, err);
		}
	}
	spk_regex_matcher_release(&from.matcher);
	return status;
}

spk_status spk_regex_next(struct spk_regex_source *from, const struct spk_view *text, const char *at, bool *found, struct spk_regex_match *match, spk_error *err)
{
	const char *s = spk_view_data(text);

	return spk_regex_find(&from->matcher, from->re, s, s + text->length, at ? at : s, found, match, err);
}

const char *spk_regex_behind(const struct spk_regex_match *match, const char *end)
{
	if (match->end[0] > match->start[0])
		return match->end[0];
	return match->end[0] < end ? spk_utf8_next(match->end[0], end) : end + 1;
}

spk_status spk_regex_no_global(const struct spk_call *call, const struct spk_view *flags, spk_error *err)
{
	if (!flags || !memchr(spk_view_data(flags), 'g', flags->length))
		return SPK_OK;
	return spk_fail(err, SPK_DATA, "%s() does not support the \"global\" option", call->expr->function->name);
}

spk_status spk_regex_at_least(const char *parameter, int32_t v, int32_t least, spk_error *err)
{
	return v >= least ? SPK_OK : spk_fail(err, SPK_DATA, "invalid value for parameter \"%s\": %d", parameter, v);
}

static spk_status matches_row(const struct spk_call *call, struct spk_regex_source *from, struct spk_regex_row a, struct spk_vector *out, bool *null, spk_error *err)
{
	bool found;

	(void)null;
	SPK_TRY(spk_regex_no_global(call, call->args > 2 ? VIEW(2) : NULL, err));
	SPK_TRY(spk_regex_at(call, from, VIEW(1), call->args > 2 ? VIEW(2) : NULL, err));
	SPK_TRY(spk_regex_next(from, VIEW(0), NULL, &found, NULL, err));
	spk_vector_bool(out)[a.row] = found != (call->expr->function->name[0] == '!');
	return SPK_OK;
}

/* --- replacing --- */

/* \1..\9 and \& of the replacement. */
static spk_status append_replacement(struct spk_buffer *to, const struct spk_view *by, const struct spk_regex *re, const struct spk_regex_match *match, spk_error *err)
{
	const char *s = spk_view_data(by), *end = s + by->length;

	for (; s < end; s++) {
		int group = -1;

		if (*s == '\\' && s + 1 < end) {
			s++;
			group = *s == '&' ? 0 : *s >= '1' && *s <= '9' ? *s - '0' : -1;
			if (group < 0 && *s != '\\')
				SPK_TRY(spk_buffer_append(to, "\\", 1, err));
		}
		if (group < 0)
			SPK_TRY(spk_buffer_append(to, s, 1, err));
		else if (group <= re->groups && match->start[group])
			SPK_TRY(spk_buffer_append(to, match->start[group], (size_t)(match->end[group] - match->start[group]), err));
	}
	return SPK_OK;
}

/* Replaces the `nth` match from `at` on (0: all of them). */
static spk_status replace_from(struct spk_regex_source *from, const struct spk_view *text, const struct spk_view *by, const char *at, int nth, struct spk_buffer *to, spk_error *err)
{
	const char *s = spk_view_data(text), *end = s + text->length, *done = s;
	struct spk_regex_match match;
	int count = 0;

	while (at <= end) {
		bool found;

		SPK_TRY(spk_regex_next(from, text, at, &found, &match, err));
		if (!found)
			break;
		if (nth == 0 || ++count == nth) {
			SPK_TRY(spk_buffer_append(to, done, (size_t)(match.start[0] - done), err));
			SPK_TRY(append_replacement(to, by, from->re, &match, err));
			done = match.end[0];
			if (nth)
				break;
		}
		at = spk_regex_behind(&match, end);
	}
	return spk_buffer_append(to, done, (size_t)(end - done), err);
}

/* regexp_replace(s, pattern, by [, flags]), or (s, pattern, by, start [, nth [, flags]]). */
static spk_status replace_row(const struct spk_call *call, struct spk_regex_source *from, struct spk_regex_row a, struct spk_vector *out, bool *null, spk_error *err)
{
	bool placed = call->args > 3 && call->arg[3].type.id == SPK_TYPE_INTEGER;
	const struct spk_view *text = VIEW(0), *flags = !placed && call->args > 3 ? VIEW(3) : call->args > 5 ? VIEW(5) : NULL;
	const char *s = spk_view_data(text), *end = s + text->length;
	int start = placed ? INT(3) : 1, nth = placed && call->args > 4 ? INT(4) : flags && memchr(spk_view_data(flags), 'g', flags->length) ? 0 : 1;
	struct spk_buffer to = { 0 };
	spk_status status;

	(void)null;
	SPK_TRY(spk_regex_at_least("start", start, 1, err));
	SPK_TRY(spk_regex_at_least("n", nth, 0, err));
	if (flags && flags->length && isdigit((unsigned char)spk_view_data(flags)[0])) {
		spk_fail(err, SPK_DATA, "invalid regular expression option: \"%c\"", spk_view_data(flags)[0]);
		return spk_hint(err, "If you meant to use regexp_replace() with a start parameter, cast the fourth argument to integer explicitly.");
	}
	SPK_TRY(spk_regex_at(call, from, VIEW(1), flags, err));
	status = replace_from(from, text, VIEW(2), spk_utf8_skip(s, end, (size_t)start - 1), nth, &to, err);
	if (status == SPK_OK)
		status = spk_call_text(call, out, a.row, to.data ? to.data : "", to.size, err);
	spk_buffer_release(&to);
	return status;
}

/* --- taking out --- */

static void put_group(struct spk_vector *out, int row, const struct spk_regex_match *match, int group)
{
	spk_vector_view(out)[row] = spk_view(match->start[group], (uint32_t)(match->end[group] - match->start[group]));
}

/* regexp_extract(s, pattern [, group]) as in Flink: NULL without a match. */
static spk_status extract_row(const struct spk_call *call, struct spk_regex_source *from, struct spk_regex_row a, struct spk_vector *out, bool *null, spk_error *err)
{
	struct spk_regex_match match;
	int group = call->args > 2 ? INT(2) : 0;
	bool found;

	SPK_TRY(spk_regex_at(call, from, VIEW(1), NULL, err));
	if (group < 0 || group > from->re->groups) {
		*null = true;
		return SPK_OK;
	}
	SPK_TRY(spk_regex_next(from, VIEW(0), NULL, &found, &match, err));
	*null = !found || !match.start[group];
	if (!*null)
		put_group(out, a.row, &match, group);
	return SPK_OK;
}

/* substring(s from pattern): the first group, or all when there is none. */
static spk_status substring_row(const struct spk_call *call, struct spk_regex_source *from, struct spk_regex_row a, struct spk_vector *out, bool *null, spk_error *err)
{
	struct spk_regex_match match;
	bool found;
	int group;

	SPK_TRY(spk_regex_at(call, from, VIEW(1), NULL, err));
	SPK_TRY(spk_regex_next(from, VIEW(0), NULL, &found, &match, err));
	group = from->re->groups > 0;
	*null = !found || !match.start[group];
	if (!*null)
		put_group(out, a.row, &match, group);
	return SPK_OK;
}

static spk_status count_row(const struct spk_call *call, struct spk_regex_source *from, struct spk_regex_row a, struct spk_vector *out, bool *null, spk_error *err)
{
	const struct spk_view *text = VIEW(0);
	const char *s = spk_view_data(text), *end = s + text->length, *at = s;
	struct spk_regex_match match;
	int32_t count = 0;
	bool found = true;

	(void)null;
	if (call->args > 2)
		SPK_TRY(spk_regex_at_least("start", INT(2), 1, err));
	SPK_TRY(spk_regex_no_global(call, call->args > 3 ? VIEW(3) : NULL, err));
	SPK_TRY(spk_regex_at(call, from, VIEW(1), call->args > 3 ? VIEW(3) : NULL, err));
	if (call->args > 2)
		at = (size_t)INT(2) - 1 > spk_utf8_count(s, text->length) ? end + 1 : spk_utf8_skip(s, end, (size_t)INT(2) - 1);
	while (at <= end) {
		SPK_TRY(spk_regex_next(from, text, at, &found, &match, err));
		if (!found)
			break;
		count++;
		at = spk_regex_behind(&match, end);
	}
	spk_vector_i32(out)[a.row] = count;
	return SPK_OK;
}

/* --- the table --- */

SPK_REGEX_KERNEL(matches)
SPK_REGEX_KERNEL(replace)
SPK_REGEX_KERNEL(extract)
SPK_REGEX_KERNEL(substring)
SPK_REGEX_KERNEL(count)

#define TT SPK_T(TEXT), SPK_T(TEXT)
#define REGEX(name_, min, max, result_, kernel_, prepare_, doc_, ...) \
	{ .name = name_, .doc = doc_, .args_min = min, .args_max = max, .arg = { __VA_ARGS__ }, SPK_RESULT(result_), .can_fail = true, .kernel = kernel_, .prepare = prepare_ }

static const struct spk_function regex_functions[] = {
	REGEX("~", 2, 2, BOOLEAN, matches, prepare_plain, "Matches a regular expression", TT),
	REGEX("~*", 2, 2, BOOLEAN, matches, prepare_plain, "Matches it without regard to case", TT),
	REGEX("!~", 2, 2, BOOLEAN, matches, prepare_plain, "Does not match it", TT),
	REGEX("!~*", 2, 2, BOOLEAN, matches, prepare_plain, "Does not match it, without regard to case", TT),
	REGEX("regexp_like", 2, 3, BOOLEAN, matches, prepare2, "Matches a regular expression, with flags", TT, SPK_T(TEXT)),
	REGEX("regexp", 2, 2, BOOLEAN, matches, prepare_plain, "Flink: matches a regular expression", TT),
	REGEX("regexp_replace", 3, 4, TEXT, replace, prepare3, "The first match (with flag g every one) replaced; \\\\1 is a group, \\\\& the match", TT, TT),
	REGEX("regexp_replace", 4, 6, TEXT, replace, NULL, "The n-th match (0: every one) from a position on replaced", TT, SPK_T(TEXT), SPK_T(INTEGER), SPK_T(INTEGER), SPK_T(TEXT)),
	REGEX("regexp_extract", 2, 3, TEXT, extract, prepare_plain, "Flink: the match, or one of its groups; NULL without a match", TT, SPK_T(INTEGER)),
	REGEX("regexp_count", 2, 4, INTEGER, count, NULL, "Number of matches from a position on", TT, SPK_T(INTEGER), SPK_T(TEXT)),
	REGEX("substring", 2, 2, TEXT, substring, prepare_plain, "The first group of the match, or all of it", TT),
};

SPK_FUNCTION_FAMILY(regex, regex_functions)
