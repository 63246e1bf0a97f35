/*
 * SQL's regular expressions: SIMILAR TO, and substring(text SIMILAR pattern ESCAPE escape), whose pattern has three parts between
 * escaped double quotes: the first matches as little as it can, the second, which is the result, as much as then is left.
 */
#include "core/expr/families.h"
#include "core/expr/regex_call.h"
#include "core/expr/utf8.h"

struct similar {
	const struct spk_regex *all;         /* NULL: not compiled yet */
	const struct spk_regex *part[3];
	int parts;
	const struct spk_view *pattern, *escape;
};

/* --- compiling --- */

static bool is_escape(const char *s, const char *next, const struct spk_view *escape)
{
	return (size_t)(next - s) == escape->length && memcmp(s, spk_view_data(escape), escape->length) == 0;
}

/* One part as a regular expression, up to an escaped double quote: % and _ become .* and ., what means nothing in SQL is escaped. */
static spk_status append_part(struct spk_buffer *to, const char **from, const char *end, const struct spk_view *escape, spk_error *err)
{
	const char *s = *from, *next;
	bool brackets = false;

	for (; s < end; s = next) {
		next = spk_utf8_next(s, end);
		if (is_escape(s, next, escape)) {
			s = next;
			if (s == end)
				break;
			next = spk_utf8_next(s, end);
			if (*s == '"' && !brackets)
				break;
			SPK_TRY(spk_buffer_append_str(to, "\\", err));
			SPK_TRY(spk_buffer_append(to, s, (size_t)(next - s), err));
			continue;
		}
		if (!brackets && strchr("%_(", *s)) {
			SPK_TRY(spk_buffer_append_str(to, *s == '%' ? ".*" : *s == '_' ? "." : "(?:", err));
			continue;
		}
		if (brackets ? *s == '\\' : strchr("\\.^$", *s) != NULL)
			SPK_TRY(spk_buffer_append_str(to, "\\", err));
		SPK_TRY(spk_buffer_append(to, s, (size_t)(next - s), err));
		brackets = brackets ? *s != ']' : *s == '[';
	}
	*from = s;
	return SPK_OK;
}

static spk_status compile_part(struct spk_arena *arena, const struct spk_buffer *text, size_t from, const struct spk_regex **out, spk_error *err)
{
	struct spk_buffer whole = { 0 };
	spk_status status = spk_buffer_append_str(&whole, "^(?:", err);

	status = status ? status : spk_buffer_append(&whole, text->data ? text->data + from : "", text->size - from, err);
	status = status ? status : spk_buffer_append_str(&whole, ")$", err);
	status = status ? status : spk_regex_compile(arena, whole.data, whole.size, "", 0, out, err);
	spk_buffer_release(&whole);
	return status;
}

static spk_status compile_parts(struct spk_arena *arena, bool separators, struct similar *out, struct spk_buffer *text, spk_error *err)
{
	const char *s = spk_view_data(out->pattern), *end = s + out->pattern->length;

	while (true) {
		size_t from = text->size;

		SPK_TRY(append_part(text, &s, end, out->escape, err));
		if (separators)
			SPK_TRY(compile_part(arena, text, from, &out->part[out->parts], err));
		out->parts++;
		if (s == end)
			break;
		s++;
		if (separators && out->parts == 3)
			return spk_fail(err, SPK_DATA, "SQL regular expression may not contain more than two escape-double-quote separators");
	}
	return compile_part(arena, text, 0, &out->all, err);
}

static spk_status compile(struct spk_arena *arena, const struct spk_view *pattern, const struct spk_view *escape, bool separators, struct similar *out, spk_error *err)
{
	static const struct spk_view backslash = { .length = 1, .inlined = "\\" };
	struct spk_buffer text = { 0 };
	spk_status status;

	*out = (struct similar){ .pattern = pattern, .escape = escape ? escape : &backslash };
	if (escape && spk_utf8_count(spk_view_data(escape), escape->length) > 1) {
		spk_fail(err, SPK_DATA, "invalid escape string");
		return spk_hint(err, "Escape string must be empty or one character.");
	}
	status = compile_parts(arena, separators, out, &text, err);
	if (status)
		out->all = NULL;
	spk_buffer_release(&text);
	return status;
}

/* --- rows --- */

struct work { struct similar similar; struct spk_regex_matcher matcher; struct spk_buffer marks; };

static spk_status matches(struct work *w, const struct spk_regex *re, const char *s, const char *end, bool *yes, spk_error *err)
{
	return spk_regex_find(&w->matcher, re, s, end, s, yes, NULL, err);
}

/* The second part of a text that matches all three: the first place where the first part can end, then the last for the second. */
static spk_status find_part(struct work *w, const char *s, const char *end, struct spk_view *out, spk_error *err)
{
	const struct spk_regex *last = w->similar.parts > 2 ? w->similar.part[2] : NULL;
	bool yes;

	*out = spk_view(s, (uint32_t)(end - s));
	if (w->similar.parts < 2)
		return SPK_OK;
	/* Where the third part can start. */
	spk_buffer_clear(&w->marks);
	for (const char *p = s; p <= end; p++) {
		yes = p == end && !last;
		if (last && (p == end || spk_utf8_is_start(*p)))
			SPK_TRY(matches(w, last, p, end, &yes, err));
		SPK_TRY(spk_buffer_append(&w->marks, yes ? "1" : "0", 1, err));
	}
	for (const char *p = s; p <= end; p++) {
		yes = p == end || spk_utf8_is_start(*p);
		if (yes)
			SPK_TRY(matches(w, w->similar.part[0], s, p, &yes, err));
		for (const char *q = end; yes && q >= p; q--) {
			bool fits = w->marks.data[q - s] == '1';

			if (fits)
				SPK_TRY(matches(w, w->similar.part[1], p, q, &fits, err));
			if (fits) {
				*out = spk_view(p, (uint32_t)(q - p));
				return SPK_OK;
			}
		}
	}
	return SPK_OK;
}

static spk_status one_row(const struct spk_call *call, struct work *w, const struct spk_reader *r, int row, bool part, struct spk_vector *out, spk_error *err)
{
	const struct spk_view *text = &SPK_ARG(struct spk_view, r[0], row), *pattern = &SPK_ARG(struct spk_view, r[1], row);
	const struct spk_view *escape = call->args > 2 ? &SPK_ARG(struct spk_view, r[2], row) : NULL;
	const char *s = spk_view_data(text), *end = s + text->length;
	bool yes;

	if (call->expr->prepared)
		w->similar = *(const struct similar *)call->expr->prepared;
	else if (!w->similar.all || !spk_view_equal(w->similar.pattern, pattern) || (escape && !spk_view_equal(w->similar.escape, escape)))
		SPK_TRY(compile(call->ev->arena, pattern, escape, part, &w->similar, err));
	SPK_TRY(matches(w, w->similar.all, s, end, &yes, err));
	if (!part)
		spk_vector_bool(out)[row] = yes;
	else if (!yes)
		return spk_call_null(call, out, row, err);
	else
		return find_part(w, s, end, spk_vector_view(out) + row, err);
	return SPK_OK;
}

static spk_status each_row(const struct spk_call *call, bool part, struct spk_vector *out, spk_error *err)
{
	struct spk_reader r[3] = { spk_vector_reader(&call->arg[0]), spk_vector_reader(&call->arg[1]), spk_vector_reader(&call->arg[call->args - 1]) };
	struct work w = { .similar = { .parts = 0 } };
	spk_status status = SPK_OK;
	spk_error local = { 0 };

	for (int i = 0; i < call->n && status == SPK_OK; i++) {
		int row = spk_call_row(call, i);

		status = one_row(call, &w, r, row, part, out, &local);
		if (status == SPK_DATA || status == SPK_UNSUPPORTED)
			status = spk_call_fail_with(call, out, row, &local, err);
		else if (status != SPK_OK && err)
			*err = local;
	}
	spk_regex_matcher_release(&w.matcher);
	spk_buffer_release(&w.marks);
	return status;
}

static spk_status similar_to(const struct spk_call *call, struct spk_vector *out, spk_error *err) { return each_row(call, false, out, err); }
static spk_status substring(const struct spk_call *call, struct spk_vector *out, spk_error *err) { return each_row(call, true, out, err); }

/* A pattern that is none is left to fail its rows. */
static spk_status prepare(struct spk_arena *arena, struct spk_expr *e, spk_error *err)
{
	const struct spk_value *pattern = spk_constant_arg(e, 1), *escape = spk_constant_arg(e, 2);
	struct similar *similar = SPK_NEW(arena, struct similar);
	spk_error local = { 0 };

	SPK_TRY_PTR(similar, err);
	if (!pattern || (e->args > 2 && !escape))
		return SPK_OK;
	if (compile(arena, &pattern->view, escape ? &escape->view : NULL, e->type.id == SPK_TYPE_TEXT, similar, &local) == SPK_OK)
		e->prepared = similar;
	else if (local.code != SPK_DATA && local.code != SPK_UNSUPPORTED) {
		if (err)
			*err = local;
		return local.code;
	}
	return SPK_OK;
}

static const struct spk_function similar_functions[] = {
	{ .name = "similar to", .doc = "SQL's SIMILAR TO; a third argument is the escape character", .args_min = 2, .args_max = 3, .arg = { SPK_T(TEXT), SPK_T(TEXT), SPK_T(TEXT) },
	  SPK_RESULT(BOOLEAN), .can_fail = true, .kernel = similar_to, .prepare = prepare },
	{ .name = "substring", .doc = "What matches the part of an SQL pattern between two escaped double quotes; the third argument is the escape character",
	  SPK_ARGS3(TEXT, TEXT, TEXT), SPK_RESULT(TEXT), .can_fail = true, .kernel = substring, .prepare = prepare },
};

SPK_FUNCTION_FAMILY(similar, similar_functions)
