/* Regular expressions whose matches are taken out or cut at: regexp_match, regexp_matches, regexp_split_to_..., regexp_substr, regexp_instr. */
#include "core/expr/families.h"
#include "core/expr/regex_call.h"
#include "core/expr/utf8.h"

#define VIEW SPK_REGEX_VIEW
#define INT SPK_REGEX_INT

/* --- one match among several: regexp_substr and regexp_instr --- */

static const char *place(const struct spk_view *text, int32_t start)
{
	const char *s = spk_view_data(text);

	return spk_utf8_skip(s, s + text->length, (size_t)start - 1);
}

static spk_status nth_match(struct spk_regex_source *from, const struct spk_view *text, int32_t start, int32_t n, bool *found, struct spk_regex_match *match, spk_error *err)
{
	const char *end = spk_view_data(text) + text->length, *at = place(text, start);

	/* A start behind the end leaves nothing to match, not even an empty match. */
	*found = (size_t)start - 1 <= spk_utf8_count(spk_view_data(text), text->length);
	for (; *found && n > 0; n--) {
		*found = at <= end;
		if (*found)
			SPK_TRY(spk_regex_next(from, text, at, found, match, err));
		if (*found)
			at = spk_regex_behind(match, end);
	}
	return SPK_OK;
}

/* regexp_substr(text, pattern [, start [, n [, flags [, group]]]]) */
static spk_status substr_row(const struct spk_call *call, struct spk_regex_source *from, struct spk_regex_row a, struct spk_vector *out, bool *null, spk_error *err)
{
	int32_t start = call->args > 2 ? INT(2) : 1, n = call->args > 3 ? INT(3) : 1, group = call->args > 5 ? INT(5) : 0;
	const struct spk_view *flags = call->args > 4 ? VIEW(4) : NULL;
	struct spk_regex_match match;
	bool found;

	SPK_TRY(spk_regex_at_least("start", start, 1, err));
	SPK_TRY(spk_regex_at_least("n", n, 1, err));
	SPK_TRY(spk_regex_at_least("subexpr", group, 0, err));
	SPK_TRY(spk_regex_no_global(call, flags, err));
	SPK_TRY(spk_regex_at(call, from, VIEW(1), flags, err));
	SPK_TRY(nth_match(from, VIEW(0), start, n, &found, &match, err));
	*null = !found || group > from->re->groups || !match.start[group];
	if (!*null)
		spk_vector_view(out)[a.row] = spk_view(match.start[group], (uint32_t)(match.end[group] - match.start[group]));
	return SPK_OK;
}

/* regexp_instr(text, pattern [, start [, n [, end or start [, flags [, group]]]]]) */
static spk_status instr_row(const struct spk_call *call, struct spk_regex_source *from, struct spk_regex_row a, struct spk_vector *out, bool *null, spk_error *err)
{
	int32_t start = call->args > 2 ? INT(2) : 1, n = call->args > 3 ? INT(3) : 1, side = call->args > 4 ? INT(4) : 0, group = call->args > 6 ? INT(6) : 0;
	const struct spk_view *flags = call->args > 5 ? VIEW(5) : NULL;
	const char *s = spk_view_data(VIEW(0)), *at;
	struct spk_regex_match match;
	bool found;

	(void)null;
	SPK_TRY(spk_regex_at_least("start", start, 1, err));
	SPK_TRY(spk_regex_at_least("n", n, 1, err));
	if (side != 0 && side != 1)
		return spk_fail(err, SPK_DATA, "invalid value for parameter \"endoption\": %d", side);
	SPK_TRY(spk_regex_at_least("subexpr", group, 0, err));
	SPK_TRY(spk_regex_no_global(call, flags, err));
	SPK_TRY(spk_regex_at(call, from, VIEW(1), flags, err));
	SPK_TRY(nth_match(from, VIEW(0), start, n, &found, &match, err));
	at = found && group <= from->re->groups ? (side ? match.end : match.start)[group] : NULL;
	spk_vector_i32(out)[a.row] = at ? (int32_t)spk_utf8_count(s, (size_t)(at - s)) + 1 : 0;
	return SPK_OK;
}

/* --- arrays of parts --- */

/* Text, or NULL for a group that took no part, as the next element. */
static spk_status add(struct spk_array_writer *w, const char *s, const char *end, spk_error *err)
{
	if (!s)
		return spk_array_null(w, err);
	SPK_TRY(spk_array_room(w, 1, err));
	if (w->child->valid)
		spk_bit_set(w->child->valid, w->used);
	spk_vector_view(w->child)[w->used++] = spk_view(s, (uint32_t)(end - s));
	return SPK_OK;
}

/* The groups of a match, or all of it when the pattern has none. */
static spk_status add_groups(struct spk_array_writer *w, const struct spk_regex *re, const struct spk_regex_match *match, spk_error *err)
{
	for (int g = re->groups > 0; g <= re->groups; g++)
		SPK_TRY(add(w, match->start[g], match->end[g], err));
	return SPK_OK;
}

/* What these kernels have from row to row. `w` writes texts; those of regexp_matches are arrays within arrays, which `sets` counts. */
struct parts {
	struct spk_regex_source from;
	struct spk_array_writer w;
	struct spk_array_writer sets;
};
typedef spk_status (*parts_row)(const struct spk_call *call, struct parts *p, struct spk_regex_row a, bool *null, spk_error *err);

static spk_status match_row(const struct spk_call *call, struct parts *p, struct spk_regex_row a, bool *null, spk_error *err)
{
	const struct spk_view *flags = call->args > 2 ? VIEW(2) : NULL;
	struct spk_regex_match match;
	bool found;

	if (spk_regex_no_global(call, flags, err))
		return spk_hint(err, "Use the regexp_matches function instead.");
	SPK_TRY(spk_regex_at(call, &p->from, VIEW(1), flags, err));
	SPK_TRY(spk_regex_next(&p->from, VIEW(0), NULL, &found, &match, err));
	*null = !found;
	return found ? add_groups(&p->w, p->from.re, &match, err) : SPK_OK;
}

static spk_status matches_row(const struct spk_call *call, struct parts *p, struct spk_regex_row a, bool *null, spk_error *err)
{
	const struct spk_view *text = VIEW(0), *flags = call->args > 2 ? VIEW(2) : NULL;
	bool found = true, all = flags && memchr(spk_view_data(flags), 'g', flags->length);
	const char *at = spk_view_data(text), *end = at + text->length;
	struct spk_regex_match match;

	(void)null;
	SPK_TRY(spk_regex_at(call, &p->from, VIEW(1), flags, err));
	while (at <= end) {
		SPK_TRY(spk_regex_next(&p->from, text, at, &found, &match, err));
		if (!found)
			break;
		SPK_TRY(add_groups(&p->w, p->from.re, &match, err));
		SPK_TRY(spk_array_room(&p->sets, 1, err));
		spk_vector_i32(p->sets.child)[++p->sets.used] = p->w.used;
		at = all ? spk_regex_behind(&match, end) : end + 1;
	}
	return SPK_OK;
}

/* Between matches; an empty match at the text's ends or right behind another does not split. */
static spk_status split_row(const struct spk_call *call, struct parts *p, struct spk_regex_row a, bool *null, spk_error *err)
{
	const struct spk_view *text = VIEW(0), *flags = call->args > 2 ? VIEW(2) : NULL;
	const char *s = spk_view_data(text), *at = s, *end = s + text->length, *done = s, *last = s;
	struct spk_regex_match match;
	bool found;

	(void)null;
	SPK_TRY(spk_regex_no_global(call, flags, err));
	SPK_TRY(spk_regex_at(call, &p->from, VIEW(1), flags, err));
	while (at <= end) {
		SPK_TRY(spk_regex_next(&p->from, text, at, &found, &match, err));
		if (!found)
			break;
		if (match.start[0] < end && match.end[0] > last) {
			SPK_TRY(add(&p->w, done, match.start[0], err));
			done = match.end[0];
		}
		last = match.end[0];
		at = spk_regex_behind(&match, end);
	}
	return add(&p->w, done, end, err);
}

/* `sets`: every row is an array of arrays. */
static spk_status each_row(const struct spk_call *call, parts_row one, bool sets, struct spk_vector *out, spk_error *err)
{
	struct spk_reader r[SPK_FUNCTION_ARGS_MAX];
	struct parts p = { .w = spk_array_writer(call, out), .sets = spk_array_writer(call, out) };
	struct spk_array_writer *rows = sets ? &p.sets : &p.w;
	spk_status status = SPK_OK;
	spk_error local = { 0 };

	if (sets)
		p.w.child = out->child->child;
	for (int k = 0; k < call->args; k++)
		r[k] = spk_vector_reader(&call->arg[k]);
	for (int i = 0; i < call->n && status == SPK_OK; i++) {
		struct spk_regex_row a = { r, spk_call_row(call, i) };
		int texts = p.w.used, arrays = p.sets.used;
		bool null = false;

		status = one(call, &p, a, &null, &local);
		if (status == SPK_DATA || status == SPK_UNSUPPORTED) {
			p.from.re = NULL;
			p.w.used = texts;
			p.sets.used = arrays;
			status = spk_call_fail_with(call, out, a.row, &local, err);
		} else if (status != SPK_OK && err) {
			*err = local;
		} else if (status == SPK_OK && null) {
			status = spk_call_null(call, out, a.row, err);
		}
		spk_array_end(rows, a.row);
	}
	spk_array_end(rows, call->rows);
	spk_regex_matcher_release(&p.from.matcher);
	return status;
}

/* --- the table --- */

#define KERNEL(name, sets) \
	static spk_status name(const struct spk_call *call, struct spk_vector *out, spk_error *err) { return each_row(call, name##_row, sets, out, err); }
KERNEL(match, false)
KERNEL(matches, true)
KERNEL(split, false)
SPK_REGEX_KERNEL(substr)
SPK_REGEX_KERNEL(instr)

static spk_status prepare(struct spk_arena *arena, struct spk_expr *e, spk_error *err)
{
	return spk_regex_prepare(arena, e, 2, err);
}

static spk_status prepare_substr(struct spk_arena *arena, struct spk_expr *e, spk_error *err)
{
	return spk_regex_prepare(arena, e, 4, err);
}

static spk_status prepare_instr(struct spk_arena *arena, struct spk_expr *e, spk_error *err)
{
	return spk_regex_prepare(arena, e, 5, err);
}

static const struct spk_field texts_field = { "item", SPK_TA(TEXT), true };
static const struct spk_schema texts_schema = { 1, (struct spk_field *)&texts_field };

#define T SPK_T(TEXT)
#define I SPK_T(INTEGER)
#define REGEX(name_, max, result_, kernel_, prepare_, doc_, ...) \
	{ .name = name_, .doc = doc_, .args_min = 2, .args_max = max, .result = result_, .can_fail = true, .kernel = kernel_, .prepare = prepare_, __VA_ARGS__ }

static const struct spk_function regex_parts_functions[] = {
	REGEX("regexp_match", 3, SPK_TA(TEXT), match, prepare, "The groups of the first match, or all of it when there are none; NULL without a match", .arg = { T, T, T }),
	REGEX("regexp_matches", 3, ((struct spk_type){ SPK_TYPE_ARRAY, 0, 0, &texts_schema }), matches, prepare, "The same for the first match, with flag g for every one", .arg = { T, T, T }, .set_returning = true),
	REGEX("regexp_split_to_array", 3, SPK_TA(TEXT), split, prepare, "What lies between the matches", .arg = { T, T, T }),
	REGEX("regexp_split_to_table", 3, SPK_TA(TEXT), split, prepare, "What lies between the matches", .arg = { T, T, T }, .set_returning = true),
	REGEX("regexp_substr", 6, SPK_T(TEXT), substr, prepare_substr, "The n-th match from a position on, with flags, or a group of it; NULL when there is none", .arg = { T, T, I, I, T, I }),
	REGEX("regexp_instr", 7, SPK_T(INTEGER), instr, prepare_instr, "Where the n-th match from a position on starts (1: what follows it), with flags, or a group of it; 0 when there is none", .arg = { T, T, I, I, I, T, I }),
};

SPK_FUNCTION_FAMILY(regex_parts, regex_parts_functions)
