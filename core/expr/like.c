/*
 * LIKE and ILIKE. A pattern is compiled once (at bind time when it is a constant) to the runs of text between its % signs;
 * each run is literals with a number of _ before each. The first run is tied to the start and the last to the end unless a %
 * is there; runs in between are found one after the other, leftmost first.
 */
#include "core/expr/families.h"
#include "core/expr/internal.h"
#include "core/expr/utf8.h"

struct piece { uint32_t skip, size; const char *text; };   /* `skip` characters, then the text */

struct run { struct piece *piece; int count; uint32_t characters; };

struct like {
	bool tied_start, tied_end;
	bool open_escape;              /* it ends in the escape character: matching fails where it comes to that before the text's end */
	int runs;
	struct run *run;
};

/* --- compiling --- */

struct builder { struct like *like; struct piece *piece; char *text; uint32_t skip; size_t size; int pieces; bool open; };

/* Ends the literal being read. */
static void end_piece(struct builder *b)
{
	struct run *r;

	if (!b->open)
		return;
	r = &b->like->run[b->like->runs];
	if (r->count == 0)
		r->piece = &b->piece[b->pieces];
	b->piece[b->pieces++] = (struct piece){ .skip = b->skip, .size = (uint32_t)b->size, .text = b->text };
	r->characters += b->skip + (uint32_t)spk_utf8_count(b->text, b->size);
	r->count++;
	b->text += b->size;
	b->size = 0;
	b->skip = 0;
	b->open = false;
}

static void end_run(struct builder *b)
{
	end_piece(b);
	if (b->like->run[b->like->runs].count)
		b->like->runs++;
}

/* `escape` is one character's bytes, or empty. */
static spk_status compile(struct spk_arena *arena, const char *p, size_t size, const char *escape, size_t escape_size, struct like **out, spk_error *err)
{
	struct like *like = SPK_NEW(arena, struct like);
	struct builder b = { .like = like };
	const char *end = p + size;

	SPK_TRY_PTR(like, err);
	b.piece = SPK_NEW_ARRAY(arena, struct piece, size + 1);
	b.text = spk_arena_alloc(arena, size + 1);
	like->run = SPK_NEW_ARRAY(arena, struct run, size + 1);
	if (!b.piece || !b.text || !like->run)
		return spk_fail_memory(err);
	like->tied_start = size == 0 || *p != '%' || (escape_size == 1 && *escape == '%');
	like->tied_end = true;
	while (p < end) {
		size_t n = spk_utf8_size(*p);

		n = SPK_MIN(n, (size_t)(end - p));
		if (escape_size && n == escape_size && memcmp(p, escape, n) == 0) {
			p += n;
			like->open_escape = p == end;
			if (p == end)
				break;
			n = SPK_MIN(spk_utf8_size(*p), (size_t)(end - p));
		} else if (*p == '%') {
			end_run(&b);
			like->tied_end = ++p < end;
			continue;
		} else if (*p == '_') {
			if (b.size)
				end_piece(&b);
			b.open = true;
			b.skip++;
			p++;
			continue;
		}
		b.open = true;
		memcpy(b.text + b.size, p, n);
		b.size += n;
		p += n;
	}
	end_run(&b);
	*out = like;
	return SPK_OK;
}

/* --- matching --- */

/* Where the run ends when it starts at `s`, or NULL. */
static const char *run_at(const struct run *r, const char *s, const char *end)
{
	for (int i = 0; i < r->count; i++) {
		const struct piece *p = &r->piece[i];

		for (uint32_t k = 0; k < p->skip; k++) {
			if (s == end)
				return NULL;
			s = spk_utf8_next(s, end);
		}
		if ((size_t)(end - s) < p->size || memcmp(s, p->text, p->size) != 0)
			return NULL;
		s += p->size;
	}
	return s;
}

/* Where the first place of the run in s..end ends, or NULL. */
static const char *find_run(const struct run *r, const char *s, const char *end)
{
	const struct piece *first = &r->piece[0];

	if (first->skip == 0 && first->size) {
		for (const char *at = s; (at = spk_find(at, (size_t)(end - at), first->text, first->size)) != NULL; at++) {
			const char *after = run_at(r, at, end);

			if (after)
				return after;
		}
		return NULL;
	}
	for (; s <= end; s = s < end ? spk_utf8_next(s, end) : end + 1) {
		const char *after = run_at(r, s, end);

		if (after || s == end)
			return after;
	}
	return NULL;
}

static bool match(const struct like *l, const char *s, size_t size)
{
	const char *end = s + size;
	int first = 0, last = l->runs;

	if (l->runs == 0)
		return size == 0 || !l->tied_start || !l->tied_end;
	if (l->tied_start) {
		s = run_at(&l->run[first++], s, end);
		if (!s)
			return false;
		if (first == last)
			return !l->tied_end || s == end;
	}
	if (l->tied_end) {
		const struct run *r = &l->run[--last];
		const char *at = spk_utf8_back(s, end, r->characters);

		if (run_at(r, at, end) != end || spk_utf8_count(at, (size_t)(end - at)) != r->characters)
			return false;
		end = at;
	}
	for (; first < last; first++) {
		s = find_run(&l->run[first], s, end);
		if (!s)
			return false;
	}
	return true;
}

/* Whether matching comes to the escape character at the pattern's end while there is text left; no text matches such a pattern. */
static bool comes_to_escape(const struct like *l, const char *s, size_t size)
{
	const char *end = s + size;

	for (int i = 0; i < l->runs && s; i++)
		s = i == 0 && l->tied_start ? run_at(&l->run[i], s, end) : find_run(&l->run[i], s, end);
	return s && s < end;
}

/* --- kernels --- */

struct text { const char *s; size_t size; };

static spk_status lowered(struct spk_arena *arena, const struct spk_view *v, struct text *out, spk_error *err)
{
	char *copy = spk_arena_alloc(arena, (size_t)v->length * 2 + 4);

	SPK_TRY_PTR(copy, err);
	*out = (struct text){ copy, spk_utf8_lower(spk_view_data(v), v->length, copy) };
	return SPK_OK;
}

static spk_status compile_view(struct spk_arena *arena, const struct spk_view *pattern, const struct spk_view *escape, bool fold, struct like **out, spk_error *err)
{
	struct text p = { spk_view_data(pattern), pattern->length };
	const char *e = escape ? spk_view_data(escape) : "\\";
	size_t escape_size = escape ? escape->length : 1;

	*out = NULL;
	if (escape_size && spk_utf8_size(*e) != escape_size) {
		spk_fail(err, SPK_DATA, "invalid escape string");
		return spk_hint(err, "Escape string must be empty or one character.");
	}
	if (fold)
		SPK_TRY(lowered(arena, pattern, &p, err));
	return compile(arena, p.s, p.size, e, escape_size, out, err);
}

/* Each row with a pattern of its own; the last one compiled is kept. */
static spk_status match_patterns(const struct spk_call *call, bool fold, bool negated, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader rs = spk_vector_reader(&call->arg[0]), rp = spk_vector_reader(&call->arg[1]);
	const struct spk_reader re = call->args > 2 ? spk_vector_reader(&call->arg[2]) : rp;
	const struct spk_view *last = NULL;
	struct like *like = NULL;
	spk_error local = { 0 };

	SPK_EACH_CALL_ROW(call, row) {
		const struct spk_view *v = &SPK_ARG(struct spk_view, rs, row), *p = &SPK_ARG(struct spk_view, rp, row);
		struct text s = { spk_view_data(v), v->length };

		if (!last || !spk_view_equal(last, p) || call->args > 2) {
			spk_status status = compile_view(call->ev->arena, p, call->args > 2 ? &SPK_ARG(struct spk_view, re, row) : NULL, fold, &like, &local);

			last = status == SPK_OK ? p : NULL;
			if (status != SPK_OK) {
				SPK_TRY(spk_call_fail(call, out, row, status, err, "%s", local.message));
				continue;
			}
		}
		if (fold)
			SPK_TRY(lowered(call->ev->arena, v, &s, err));
		if (like->open_escape && comes_to_escape(like, s.s, s.size))
			SPK_TRY(spk_call_fail(call, out, row, SPK_DATA, err, "LIKE pattern must not end with escape character"));
		spk_vector_bool(out)[row] = (!like->open_escape && match(like, s.s, s.size)) != negated;
	}
	return SPK_OK;
}

static spk_status like_rows(const struct spk_call *call, bool fold, bool negated, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader rs = spk_vector_reader(&call->arg[0]);
	const struct like *like = call->expr->prepared;

	if (!like)
		return match_patterns(call, fold, negated, out, err);
	SPK_EACH_CALL_ROW(call, row) {
		const struct spk_view *v = &SPK_ARG(struct spk_view, rs, row);
		struct text s = { spk_view_data(v), v->length };

		if (fold)
			SPK_TRY(lowered(call->ev->arena, v, &s, err));
		spk_vector_bool(out)[row] = match(like, s.s, s.size) != negated;
	}
	return SPK_OK;
}

#define LIKE_KERNEL(name, fold, negated) \
	static spk_status name(const struct spk_call *call, struct spk_vector *out, spk_error *err) { return like_rows(call, fold, negated, out, err); }
LIKE_KERNEL(like_kernel, false, false)
LIKE_KERNEL(not_like_kernel, false, true)
LIKE_KERNEL(ilike_kernel, true, false)
LIKE_KERNEL(not_ilike_kernel, true, true)

/* A pattern that cannot be compiled, or may fail, is left to fail its rows. */
static spk_status prepare(struct spk_arena *arena, struct spk_expr *e, bool fold, spk_error *err)
{
	const struct spk_value *pattern = spk_constant_arg(e, 1), *escape = spk_constant_arg(e, 2);
	struct like *like;
	spk_error local = { 0 };

	if (!pattern || (e->args > 2 && !escape))
		return SPK_OK;
	if (compile_view(arena, &pattern->view, escape ? &escape->view : NULL, fold, &like, &local) == SPK_OK)
		e->prepared = like->open_escape ? NULL : like;
	else if (local.code != SPK_DATA) {
		if (err)
			*err = local;
		return local.code;
	}
	return SPK_OK;
}

static spk_status prepare_like(struct spk_arena *arena, struct spk_expr *e, spk_error *err)
{
	return prepare(arena, e, false, err);
}

static spk_status prepare_ilike(struct spk_arena *arena, struct spk_expr *e, spk_error *err)
{
	return prepare(arena, e, true, err);
}

#define LIKE_ROW(name_, max, kernel_, prepare_, doc_) \
	{ .name = name_, .doc = doc_, .args_min = 2, .args_max = max, .arg = { SPK_T(TEXT), SPK_T(TEXT), SPK_T(TEXT) }, SPK_RESULT(BOOLEAN), \
	  .can_fail = true, .safe_prepared = true, .kernel = kernel_, .prepare = prepare_ }

static const struct spk_function like_functions[] = {
	LIKE_ROW("like", 3, like_kernel, prepare_like, "Pattern with % and _; a third argument is the escape character"),
	LIKE_ROW("ilike", 3, ilike_kernel, prepare_ilike, "LIKE without regard to case"),
	LIKE_ROW("~~", 2, like_kernel, prepare_like, "LIKE"),
	LIKE_ROW("~~*", 2, ilike_kernel, prepare_ilike, "ILIKE"),
	LIKE_ROW("!~~", 2, not_like_kernel, prepare_like, "NOT LIKE"),
	LIKE_ROW("!~~*", 2, not_ilike_kernel, prepare_ilike, "NOT ILIKE"),
};

SPK_FUNCTION_FAMILY(like, like_functions)
