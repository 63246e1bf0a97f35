/* Functions of regular expressions: ~ and its like, regexp_replace, regexp_extract, substring, SIMILAR TO. */
#include <ctype.h>

#include "core/expr/families.h"
#include "core/expr/internal.h"
#include "core/expr/regex_program.h"
#include "core/expr/utf8.h"

/* --- compiling: at bind time for constant patterns, else again whenever the pattern changes --- */

struct source {
	const struct spk_regex *re;
	const struct spk_view *pattern, *flags;   /* flags: of SIMILAR TO the escape */
	struct spk_regex_matcher matcher;
};

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

/* `flags_at`: the argument that holds flags, when the call has so many. A bad pattern is left to fail its rows. */
static spk_status prepare_with(struct spk_arena *arena, struct spk_expr *e, int flags_at, spk_error *err)
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
	return prepare_with(arena, e, 2, err);
}

static spk_status prepare3(struct spk_arena *arena, struct spk_expr *e, spk_error *err)
{
	return prepare_with(arena, e, 3, err);
}

static spk_status prepare_plain(struct spk_arena *arena, struct spk_expr *e, spk_error *err)
{
	return prepare_with(arena, e, SPK_FUNCTION_ARGS_MAX, err);
}

static spk_status regex_at(const struct spk_call *call, struct source *from, const struct spk_view *pattern, const struct spk_view *flags, spk_error *err)
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

struct row_args { const struct spk_reader *r; int row; };

#define VIEW(k) (&SPK_ARG(struct spk_view, a.r[k], a.row))
#define INT(k) SPK_ARG(int32_t, a.r[k], a.row)

typedef spk_status (*row_function)(const struct spk_call *call, struct source *from, struct row_args a, struct spk_vector *out, bool *null, spk_error *err);

static spk_status each_row(const struct spk_call *call, row_function function, struct spk_vector *out, spk_error *err)
{
	struct spk_reader r[SPK_FUNCTION_ARGS_MAX];
	struct source from = { .re = NULL };
	spk_status status = SPK_OK;
	spk_error local = { 0 };

	for (int k = 0; k < call->args; k++)
		r[k] = spk_vector_reader(&call->arg[k]);
	for (int i = 0; i < call->n && status == SPK_OK; i++) {
		struct row_args a = { r, spk_call_row(call, i) };
		bool null = false;

		status = function(call, &from, a, out, &null, &local);
		if (status == SPK_DATA || status == SPK_UNSUPPORTED) {
			from.re = NULL;
			status = spk_call_fail(call, out, a.row, status, err, "%s", local.message);
		} else if (status != SPK_OK && err) {
			*err = local;
		} else if (status == SPK_OK && null) {
			status = spk_call_null(call, out, a.row, err);
		}
	}
	spk_regex_matcher_release(&from.matcher);
	return status;
}

static spk_status find(struct source *from, const struct spk_view *text, const char *at, bool *found, struct spk_regex_match *match, spk_error *err)
{
	const char *s = spk_view_data(text);

	return spk_regex_find(&from->matcher, from->re, s, s + text->length, at ? at : s, found, match, err);
}

static spk_status matches_row(const struct spk_call *call, struct source *from, struct row_args a, struct spk_vector *out, bool *null, spk_error *err)
{
	bool found;

	(void)null;
	SPK_TRY(regex_at(call, from, VIEW(1), call->args > 2 ? VIEW(2) : NULL, err));
	SPK_TRY(find(from, VIEW(0), NULL, &found, NULL, err));
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
static spk_status replace_from(struct source *from, const struct spk_view *text, const struct spk_view *by, const char *at, int nth, struct spk_buffer *to, spk_error *err)
{
	const char *s = spk_view_data(text), *end = s + text->length, *done = s;
	struct spk_regex_match match;
	int count = 0;

	while (at <= end) {
		bool found;

		SPK_TRY(find(from, text, at, &found, &match, err));
		if (!found)
			break;
		if (nth == 0 || ++count == nth) {
			SPK_TRY(spk_buffer_append(to, done, (size_t)(match.start[0] - done), err));
			SPK_TRY(append_replacement(to, by, from->re, &match, err));
			done = match.end[0];
			if (nth)
				break;
		}
		at = match.end[0];
		if (match.end[0] == match.start[0])
			at = at < end ? spk_utf8_next(at, end) : end + 1;
	}
	return spk_buffer_append(to, done, (size_t)(end - done), err);
}

/* regexp_replace(s, pattern, by [, flags]), or (s, pattern, by, start [, nth [, flags]]). */
static spk_status replace_row(const struct spk_call *call, struct source *from, struct row_args a, struct spk_vector *out, bool *null, spk_error *err)
{
	bool placed = call->args > 3 && call->arg[3].type.id == SPK_TYPE_INTEGER;
	const struct spk_view *text = VIEW(0), *flags = !placed && call->args > 3 ? VIEW(3) : call->args > 5 ? VIEW(5) : NULL;
	const char *s = spk_view_data(text), *end = s + text->length;
	int start = placed ? INT(3) : 1, nth = placed && call->args > 4 ? INT(4) : flags && memchr(spk_view_data(flags), 'g', flags->length) ? 0 : 1;
	struct spk_buffer to = { 0 };
	spk_status status;

	(void)null;
	if (start < 1 || nth < 0)
		return spk_fail(err, SPK_DATA, "invalid value for parameter \"%s\": %d", start < 1 ? "start" : "n", start < 1 ? start : nth);
	if (flags && flags->length && isdigit((unsigned char)spk_view_data(flags)[0])) {
		spk_fail(err, SPK_DATA, "invalid regular expression option: \"%c\"", spk_view_data(flags)[0]);
		return spk_hint(err, "If you meant to use regexp_replace() with a start parameter, cast the fourth argument to integer explicitly.");
	}
	SPK_TRY(regex_at(call, from, VIEW(1), flags, err));
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
static spk_status extract_row(const struct spk_call *call, struct source *from, struct row_args a, struct spk_vector *out, bool *null, spk_error *err)
{
	struct spk_regex_match match;
	int group = call->args > 2 ? INT(2) : 0;
	bool found;

	SPK_TRY(regex_at(call, from, VIEW(1), NULL, err));
	if (group < 0 || group > from->re->groups) {
		*null = true;
		return SPK_OK;
	}
	SPK_TRY(find(from, VIEW(0), NULL, &found, &match, err));
	*null = !found || !match.start[group];
	if (!*null)
		put_group(out, a.row, &match, group);
	return SPK_OK;
}

/* substring(s from pattern): the first group, or all when there is none. */
static spk_status substring_row(const struct spk_call *call, struct source *from, struct row_args a, struct spk_vector *out, bool *null, spk_error *err)
{
	struct spk_regex_match match;
	bool found;
	int group;

	SPK_TRY(regex_at(call, from, VIEW(1), NULL, err));
	SPK_TRY(find(from, VIEW(0), NULL, &found, &match, err));
	group = from->re->groups > 0;
	*null = !found || !match.start[group];
	if (!*null)
		put_group(out, a.row, &match, group);
	return SPK_OK;
}

static spk_status count_row(const struct spk_call *call, struct source *from, struct row_args a, struct spk_vector *out, bool *null, spk_error *err)
{
	const struct spk_view *text = VIEW(0);
	const char *s = spk_view_data(text), *end = s + text->length, *at = s;
	struct spk_regex_match match;
	int32_t count = 0;
	bool found = true;

	(void)null;
	SPK_TRY(regex_at(call, from, VIEW(1), call->args > 3 ? VIEW(3) : NULL, err));
	if (call->args > 2 && INT(2) < 1)
		return spk_fail(err, SPK_DATA, "invalid value for parameter \"start\": %d", INT(2));
	if (call->args > 2)
		at = spk_utf8_skip(s, end, (size_t)INT(2) - 1);
	while (at <= end) {
		SPK_TRY(find(from, text, at, &found, &match, err));
		if (!found)
			break;
		count++;
		at = match.end[0] > match.start[0] ? match.end[0] : match.end[0] < end ? spk_utf8_next(match.end[0], end) : end + 1;
	}
	spk_vector_i32(out)[a.row] = count;
	return SPK_OK;
}

/* --- SIMILAR TO --- */

/* The SQL pattern as a regular expression: % and _ become .* and ., what means nothing in SQL is escaped. */
static spk_status similar_pattern(struct spk_buffer *to, const struct spk_view *pattern, const struct spk_view *escape, spk_error *err)
{
	const char *s = spk_view_data(pattern), *end = s + pattern->length, *next;
	const char *e = escape ? spk_view_data(escape) : "\\";
	size_t e_size = escape ? escape->length : 1;
	bool brackets = false;

	SPK_TRY(spk_buffer_append_str(to, "^(?:", err));
	for (; s < end; s = next) {
		size_t size;

		next = spk_utf8_next(s, end);
		size = (size_t)(next - s);
		if (e_size && size == e_size && memcmp(s, e, size) == 0 && next < end) {
			s = next;
			next = spk_utf8_next(s, end);
			SPK_TRY(spk_buffer_append(to, "\\", isalnum((unsigned char)*s) ? 0 : 1, err));
			SPK_TRY(spk_buffer_append(to, s, (size_t)(next - s), err));
			continue;
		}
		if (brackets || *s == '[')
			brackets = *s != ']';
		if (!brackets && *s == '%')
			SPK_TRY(spk_buffer_append_str(to, ".*", err));
		else if (!brackets && *s == '_')
			SPK_TRY(spk_buffer_append_str(to, ".", err));
		else if (!brackets && *s == '(')
			SPK_TRY(spk_buffer_append_str(to, "(?:", err));
		else {
			if (strchr("\\.^$", *s) && !(brackets && *s == '^'))
				SPK_TRY(spk_buffer_append_str(to, "\\", err));
			SPK_TRY(spk_buffer_append(to, s, size, err));
		}
	}
	return spk_buffer_append_str(to, ")$", err);
}

static spk_status similar_row(const struct spk_call *call, struct source *from, struct row_args a, struct spk_vector *out, bool *null, spk_error *err)
{
	const struct spk_view *escape = call->args > 2 ? VIEW(2) : NULL;
	struct spk_buffer pattern = { 0 };
	spk_status status = similar_pattern(&pattern, VIEW(1), escape, err);
	bool found = false;

	(void)null;
	if (status == SPK_OK && (!from->re || from->pattern != VIEW(1) || from->flags != escape))
		status = spk_regex_compile(call->ev->arena, pattern.data, pattern.size, "", 0, &from->re, err);
	from->pattern = VIEW(1);
	from->flags = escape;
	spk_buffer_release(&pattern);
	SPK_TRY(status);
	SPK_TRY(find(from, VIEW(0), NULL, &found, NULL, err));
	spk_vector_bool(out)[a.row] = found;
	return SPK_OK;
}

/* --- the table --- */

#define KERNEL(name) \
	static spk_status name(const struct spk_call *call, struct spk_vector *out, spk_error *err) { return each_row(call, name##_row, out, err); }
KERNEL(matches)
KERNEL(replace)
KERNEL(extract)
KERNEL(substring)
KERNEL(count)
KERNEL(similar)

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
	REGEX("regexp_substr", 2, 2, TEXT, extract, prepare_plain, "The match; NULL without one", TT),
	REGEX("regexp_count", 2, 4, INTEGER, count, NULL, "Number of matches from a position on", TT, SPK_T(INTEGER), SPK_T(TEXT)),
	REGEX("substring", 2, 2, TEXT, substring, prepare_plain, "The first group of the match, or all of it", TT),
	REGEX("similar to", 2, 3, BOOLEAN, similar, NULL, "SQL's SIMILAR TO", TT, SPK_T(TEXT)),
};

SPK_FUNCTION_FAMILY(regex, regex_functions)
