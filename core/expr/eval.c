/*
 * Evaluation of trees, a batch at a time.
 *
 * Every node gets the rows it is to compute as (sel, n) over the physical rows of the input. Logic, CASE and COALESCE hand on
 * ever fewer rows; a strict call leaves out the rows where an argument is NULL; all others compute what they are told. A call
 * over constants is computed once and comes as a CONSTANT vector.
 */
#include "core/base/interrupt.h"
#include "core/expr/internal.h"

#include <stdarg.h>
#include <stdio.h>

static spk_status eval(const struct spk_expr *e, const struct spk_batch *in, const int32_t *sel, int n, struct spk_eval *ev, struct spk_vector *out, spk_error *err);

/* --- failing rows --- */

static spk_status collect(struct spk_eval *ev, int32_t row, spk_status code, const char *message, spk_error *err)
{
	struct spk_row_errors *list = ev->errors;

	if (list->count == list->capacity) {
		int capacity = list->capacity ? list->capacity * 2 : 16;
		struct spk_row_error *grown = spk_arena_alloc(ev->arena, sizeof(*grown) * (size_t)capacity);

		SPK_TRY_PTR(grown, err);
		if (list->count)
			memcpy(grown, list->list, sizeof(*grown) * (size_t)list->count);
		list->list = grown;
		list->capacity = capacity;
	}
	list->list[list->count++] = (struct spk_row_error){ .row = row, .code = code, .message = message };
	return SPK_OK;
}

spk_status spk_call_fail(const struct spk_call *call, struct spk_vector *out, int32_t row, spk_status code, spk_error *err, const char *format, ...)
{
	char text[512];
	const char *message;
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (!call->ev->errors) {
		spk_fail(err, code, "%s", text);
		if (err && call->expr)
			err->position = call->expr->position;
		return code;
	}
	message = spk_arena_strdup(call->ev->arena, text);
	SPK_TRY_PTR(message, err);
	SPK_TRY(spk_call_null(call, out, row, err));
	return collect(call->ev, row, code, message, err);
}

spk_status spk_call_fail_with(const struct spk_call *call, struct spk_vector *out, int32_t row, const spk_error *why, spk_error *err)
{
	spk_status status = spk_call_fail(call, out, row, why->code, err, "%s", why->message);

	return status && *why->hint ? spk_hint(err, "%s", why->hint) : status;
}

spk_status spk_call_text(const struct spk_call *call, struct spk_vector *out, int row, const char *data, size_t size, spk_error *err)
{
	struct spk_view *v = spk_vector_view(out) + row;
	const char *copy = data;

	if (size > SPK_VIEW_INLINE) {
		copy = spk_arena_copy(call->ev->arena, data, size);
		SPK_TRY_PTR(copy, err);
	}
	*v = spk_view(copy, (uint32_t)size);
	return SPK_OK;
}

/* --- NULLs --- */

static bool may_be_null(const struct spk_vector *v)
{
	return v->layout == SPK_DICTIONARY ? v->dictionary->valid != NULL : v->valid != NULL;
}

static bool is_constant_null(const struct spk_vector *v)
{
	return v->layout == SPK_CONSTANT && v->valid && !spk_bit(v->valid, 0);
}

/* Ands the NULLs of one argument into `valid` for the rows asked for. */
static void and_valid(uint64_t *valid, const struct spk_vector *v, int rows, const int32_t *sel, int n)
{
	const struct spk_reader r = spk_vector_reader(v);

	if (v->layout == SPK_FLAT) {
		for (size_t w = 0; w < spk_bitmap_words(rows); w++)
			valid[w] &= v->valid[w];
		return;
	}
	for (int i = 0; i < n; i++) {
		int row = sel ? sel[i] : i;

		if (spk_arg_is_null(&r, row))
			spk_bit_clear(valid, row);
	}
}

spk_status spk_rows_narrow(const struct spk_vector *arg, int args, int rows, const int32_t **sel, int *n, uint64_t **valid, struct spk_arena *arena, spk_error *err)
{
	size_t words = spk_bitmap_words(rows);
	int32_t *keep;
	int kept = 0;
	bool any = false;

	*valid = NULL;
	for (int k = 0; k < args; k++)
		any = any || (may_be_null(&arg[k]) && arg[k].layout != SPK_CONSTANT);
	if (!any)
		return SPK_OK;
	*valid = spk_arena_alloc_vector(arena, words * 8);
	SPK_TRY_PTR(*valid, err);
	memset(*valid, 0xff, words * 8);
	for (int k = 0; k < args; k++)
		if (may_be_null(&arg[k]) && arg[k].layout != SPK_CONSTANT)
			and_valid(*valid, &arg[k], rows, *sel, *n);
	keep = spk_arena_alloc(arena, sizeof(*keep) * (size_t)SPK_MAX(*n, 1));
	SPK_TRY_PTR(keep, err);
	for (int i = 0; i < *n; i++) {
		int row = *sel ? (*sel)[i] : i;

		keep[kept] = row;
		kept += spk_bit(*valid, row);
	}
	if (kept < *n) {
		*sel = keep;
		*n = kept;
	}
	return SPK_OK;
}

/* --- constants --- */

static spk_status constant_null(struct spk_type type, struct spk_eval *ev, struct spk_vector *out, spk_error *err)
{
	return spk_vector_init_constant(out, type, NULL, ev->arena, err);
}

/* A FLAT vector of one row lies in memory as a CONSTANT one does. */
static spk_status constant_of(const struct spk_vector *one, struct spk_eval *ev, struct spk_vector *out, spk_error *err)
{
	SPK_TRY(spk_vector_flatten(one, 1, ev->arena, out, err));
	out->layout = SPK_CONSTANT;
	return SPK_OK;
}

/* All arguments are constants: one row is computed; when it fails, all rows that asked fail. */
static spk_status eval_once(const struct spk_expr *e, spk_kernel kernel, const struct spk_vector *arg, const int32_t *sel, int n, struct spk_eval *ev, struct spk_vector *out, spk_error *err)
{
	struct spk_eval alone = { .arena = ev->arena, .now_us = ev->now_us, .timezone = ev->timezone };
	struct spk_call call = { .expr = e, .arg = arg, .args = e->args, .rows = 1, .n = 1, .ev = &alone };
	struct spk_vector one;
	spk_error local = { 0 };
	spk_status status;
	const char *message;

	SPK_TRY(spk_vector_init(&one, e->type, 1, ev->arena, err));
	status = kernel(&call, &one, &local);
	if (status == SPK_OK)
		return constant_of(&one, ev, out, err);
	if ((status != SPK_DATA && status != SPK_UNSUPPORTED) || !ev->errors) {
		if (err)
			*err = local;
		return status;
	}
	message = spk_arena_strdup(ev->arena, local.message);
	SPK_TRY_PTR(message, err);
	for (int i = 0; i < n; i++)
		SPK_TRY(collect(ev, sel ? sel[i] : i, status, message, err));
	return constant_null(e->type, ev, out, err);
}

/* --- calls and casts --- */

static spk_status eval_args(const struct spk_expr *e, const struct spk_batch *in, const int32_t *sel, int n, struct spk_eval *ev, struct spk_vector **out, spk_error *err)
{
	struct spk_vector *arg = spk_arena_alloc(ev->arena, sizeof(*arg) * (size_t)SPK_MAX(e->args, 1));

	SPK_TRY_PTR(arg, err);
	for (int k = 0; k < e->args; k++)
		SPK_TRY(eval(e->arg[k], in, sel, n, ev, &arg[k], err));
	*out = arg;
	return SPK_OK;
}

/* strict: rows with a NULL argument are NULL; total: the kernel may see them all the same; once: constants give a constant. */
static spk_status apply(const struct spk_expr *e, spk_kernel kernel, bool strict, bool total, bool once, const struct spk_batch *in,
                        const int32_t *sel, int n, struct spk_eval *ev, struct spk_vector *out, spk_error *err)
{
	struct spk_call call = { .expr = e, .args = e->args, .rows = in->rows, .sel = sel, .n = n, .ev = ev };
	struct spk_vector *arg = NULL;
	uint64_t *valid = NULL;

	SPK_TRY(spk_check_interrupt(err));
	SPK_TRY(eval_args(e, in, sel, n, ev, &arg, err));
	for (int k = 0; k < e->args; k++) {
		if (strict && is_constant_null(&arg[k]))
			return constant_null(e->type, ev, out, err);
		once = once && arg[k].layout == SPK_CONSTANT;
	}
	if (once && n > 0)
		return eval_once(e, kernel, arg, sel, n, ev, out, err);
	call.arg = arg;
	if (strict)
		SPK_TRY(spk_rows_narrow(arg, e->args, in->rows, &call.sel, &call.n, &valid, ev->arena, err));
	if (total) {
		call.sel = sel;
		call.n = n;
	}
	SPK_TRY(spk_vector_init(out, e->type, in->rows, ev->arena, err));
	out->valid = valid;
	return call.n ? kernel(&call, out, err) : SPK_OK;
}

static spk_status eval_call(const struct spk_expr *e, const struct spk_batch *in, const int32_t *sel, int n, struct spk_eval *ev, struct spk_vector *out, spk_error *err)
{
	const struct spk_function *f = e->function;

	return apply(e, f->kernel, !f->not_strict, f->total, f->volatility != SPK_VOLATILE, in, sel, n, ev, out, err);
}

/* What the argument cannot give is an error all the same: it is computed before, and stands for a column of a batch of its own. */
static spk_status eval_forgiving(const struct spk_expr *e, const struct spk_cast *cast, const struct spk_batch *in, const int32_t *sel, int n, struct spk_eval *ev, struct spk_vector *out, spk_error *err)
{
	struct spk_row_errors ignored = { 0 };
	struct spk_expr column = { .kind = SPK_EXPR_COLUMN, .type = e->arg[0]->type, .nullable = true }, alone = *e, *arg = &column;
	struct spk_eval here = *ev;
	struct spk_vector value;
	struct spk_batch batch = { .rows = in->rows, .columns = 1, .column = &value, .arena = in->arena };

	SPK_TRY(eval(e->arg[0], in, sel, n, ev, &value, err));
	here.errors = &ignored;
	alone.arg = &arg;
	return apply(&alone, cast->kernel, true, false, true, &batch, sel, n, &here, out, err);
}

static spk_status eval_cast(const struct spk_expr *e, const struct spk_batch *in, const int32_t *sel, int n, struct spk_eval *ev, struct spk_vector *out, spk_error *err)
{
	const struct spk_cast *cast = e->prepared ? e->prepared : spk_cast_find(e->arg[0]->type, e->type);

	if (!cast)
		return spk_fail(err, SPK_INTERNAL, "a cast node without a cast");
	if (e->forgiving)
		return eval_forgiving(e, cast, in, sel, n, ev, out, err);
	return apply(e, cast->kernel, true, false, true, in, sel, n, ev, out, err);
}

static spk_status eval_in(const struct spk_expr *e, const struct spk_batch *in, const int32_t *sel, int n, struct spk_eval *ev, struct spk_vector *out, spk_error *err)
{
	struct spk_call call = { .expr = e, .args = 1, .rows = in->rows, .sel = sel, .n = n, .ev = ev };
	struct spk_vector x;
	uint64_t *valid;

	SPK_TRY(eval(e->arg[0], in, sel, n, ev, &x, err));
	if (is_constant_null(&x))
		return constant_null(e->type, ev, out, err);
	call.arg = &x;
	SPK_TRY(spk_rows_narrow(&x, 1, in->rows, &call.sel, &call.n, &valid, ev->arena, err));
	SPK_TRY(spk_vector_init(out, e->type, in->rows, ev->arena, err));
	out->valid = valid;
	return spk_set_eval(e->prepared, &call, e->negated, out, err);
}

/* --- logic --- */

static spk_status eval_not(const struct spk_expr *e, const struct spk_batch *in, const int32_t *sel, int n, struct spk_eval *ev, struct spk_vector *out, spk_error *err)
{
	struct spk_vector x;
	struct spk_reader r;
	uint8_t *v;

	SPK_TRY(eval(e->arg[0], in, sel, n, ev, &x, err));
	if (x.layout == SPK_CONSTANT) {
		uint8_t not = !spk_vector_bool(&x)[0];

		return spk_vector_init_constant(out, e->type, is_constant_null(&x) ? NULL : &not, ev->arena, err);
	}
	SPK_TRY(spk_vector_init(out, e->type, in->rows, ev->arena, err));
	v = spk_vector_bool(out);
	if (x.layout == SPK_FLAT && !sel) {
		const uint8_t *b = spk_vector_bool(&x);

		for (int i = 0; i < n; i++)
			v[i] = !b[i];
		out->valid = x.valid;
		return SPK_OK;
	}
	r = spk_vector_reader(&x);
	for (int i = 0; i < n; i++)
		v[sel ? sel[i] : i] = !SPK_ARG(uint8_t, r, sel ? sel[i] : i);
	if (may_be_null(&x)) {
		SPK_TRY(spk_vector_need_valid(out, in->rows, ev->arena, err));
		and_valid(out->valid, &x, in->rows, sel, n);
	}
	return SPK_OK;
}

/* AND goes on with the rows that are not false yet, OR with those that are not true: `decides` is that value. */
static spk_status eval_logic(const struct spk_expr *e, uint8_t decides, const struct spk_batch *in, const int32_t *sel, int n, struct spk_eval *ev, struct spk_vector *out, spk_error *err)
{
	int32_t *open = spk_arena_alloc(ev->arena, sizeof(*open) * (size_t)SPK_MAX(n, 1));
	uint8_t *v;

	SPK_TRY_PTR(open, err);
	SPK_TRY(spk_vector_init(out, e->type, in->rows, ev->arena, err));
	v = spk_vector_bool(out);
	for (int i = 0; i < n; i++)
		v[sel ? sel[i] : i] = !decides;
	for (int k = 0; k < e->args && n > 0; k++) {
		struct spk_vector x;
		struct spk_reader r;
		int left = 0;

		SPK_TRY(eval(e->arg[k], in, sel, n, ev, &x, err));
		r = spk_vector_reader(&x);
		if (may_be_null(&x) && !out->valid)
			SPK_TRY(spk_vector_need_valid(out, in->rows, ev->arena, err));
		for (int i = 0; i < n; i++) {
			int row = sel ? sel[i] : i;
			uint32_t slot = spk_reader_slot(&r, row);
			bool null = !spk_reader_valid(&r, slot);
			bool decided = !null && ((const uint8_t *)r.data)[slot] == decides;

			if (null)
				spk_bit_clear(out->valid, row);
			if (decided) {
				v[row] = decides;
				if (out->valid)
					spk_bit_set(out->valid, row);
			}
			open[left] = row;
			left += !decided;
		}
		if (left < n) {
			sel = open;
			n = left;
		}
	}
	return SPK_OK;
}

static spk_status eval_is_null(const struct spk_expr *e, const struct spk_batch *in, const int32_t *sel, int n, struct spk_eval *ev, struct spk_vector *out, spk_error *err)
{
	struct spk_vector x;
	struct spk_reader r;
	uint8_t *v;

	SPK_TRY(eval(e->arg[0], in, sel, n, ev, &x, err));
	if (x.layout == SPK_CONSTANT || !may_be_null(&x)) {
		uint8_t all = is_constant_null(&x) != e->negated;

		return spk_vector_init_constant(out, e->type, &all, ev->arena, err);
	}
	SPK_TRY(spk_vector_init(out, e->type, in->rows, ev->arena, err));
	v = spk_vector_bool(out);
	r = spk_vector_reader(&x);
	for (int i = 0; i < n; i++) {
		int row = sel ? sel[i] : i;

		v[row] = spk_arg_is_null(&r, row) != e->negated;
	}
	return SPK_OK;
}

/* --- CASE and COALESCE --- */

#define PUT_ROWS(width) \
	for (int i = 0; i < n; i++) { \
		size_t row = (size_t)(sel ? sel[i] : i); \
		memcpy((char *)to->data + row * (width), (const char *)r.data + (size_t)spk_reader_slot(&r, (int)row) * (width), width); \
	}

/* Copies rows of a vector to the same rows of a FLAT one. */
static spk_status put_rows(struct spk_vector *to, const struct spk_vector *from, int rows, const int32_t *sel, int n, struct spk_arena *arena, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(from);

	switch (spk_type_width(to->type)) {
	case 1: PUT_ROWS(1) break;
	case 2: PUT_ROWS(2) break;
	case 4: PUT_ROWS(4) break;
	case 8: PUT_ROWS(8) break;
	default: PUT_ROWS(16)
	}
	if (!may_be_null(from) && !to->valid)
		return SPK_OK;
	SPK_TRY(spk_vector_need_valid(to, rows, arena, err));
	for (int i = 0; i < n; i++) {
		int row = sel ? sel[i] : i;

		if (spk_arg_is_null(&r, row))
			spk_bit_clear(to->valid, row);
		else
			spk_bit_set(to->valid, row);
	}
	return SPK_OK;
}

/* Splits rows into those marked by keep[] (ascending, a subset of sel) and the rest. */
static int rows_without(const int32_t *sel, int n, const int32_t *keep, int kept, int32_t *rest)
{
	int k = 0, left = 0;

	for (int i = 0; i < n; i++) {
		int32_t row = sel ? sel[i] : i;
		bool taken = k < kept && keep[k] == row;

		k += taken;
		rest[left] = row;
		left += !taken;
	}
	return left;
}

/*
 * The branches of a CASE or COALESCE put together. Scalars are copied to their rows of a FLAT vector; arrays and records,
 * which do not lie in slots, are kept as pieces and joined at the end.
 */
struct merge { struct spk_vector *out; struct spk_vector_piece *piece; int pieces; };

static spk_status merge_start(struct merge *m, const struct spk_expr *e, int branches, int rows, struct spk_vector *out, struct spk_arena *arena, spk_error *err)
{
	*m = (struct merge){ .out = out };
	if (!spk_type_is_nested(e->type))
		return spk_vector_init(out, e->type, rows, arena, err);
	m->piece = SPK_NEW_ARRAY(arena, struct spk_vector_piece, branches);
	return m->piece ? SPK_OK : spk_fail_memory(err);
}

/* The rows must stay as they are until the end: those of a piece are copied. */
static spk_status merge_put(struct merge *m, const struct spk_vector *from, int rows, const int32_t *sel, int n, struct spk_arena *arena, spk_error *err)
{
	int32_t *own;

	if (!m->piece)
		return put_rows(m->out, from, rows, sel, n, arena, err);
	own = spk_arena_alloc(arena, sizeof(*own) * (size_t)SPK_MAX(n, 1));
	SPK_TRY_PTR(own, err);
	for (int i = 0; i < n; i++)
		own[i] = sel ? sel[i] : i;
	m->piece[m->pieces++] = (struct spk_vector_piece){ *from, own, n };
	return SPK_OK;
}

static spk_status merge_end(struct merge *m, const struct spk_expr *e, int rows, struct spk_arena *arena, spk_error *err)
{
	return m->piece ? spk_vector_join(m->out, e->type, m->piece, m->pieces, rows, arena, err) : SPK_OK;
}

static spk_status eval_case(const struct spk_expr *e, const struct spk_batch *in, const int32_t *sel, int n, struct spk_eval *ev, struct spk_vector *out, spk_error *err)
{
	int32_t *keep = spk_arena_alloc(ev->arena, sizeof(*keep) * (size_t)SPK_MAX(n, 1));
	int32_t *rest = spk_arena_alloc(ev->arena, sizeof(*rest) * (size_t)SPK_MAX(n, 1));
	const int all = n;
	struct merge m;

	SPK_TRY_PTR(keep, err);
	SPK_TRY_PTR(rest, err);
	SPK_TRY(merge_start(&m, e, e->args / 2 + 1, in->rows, out, ev->arena, err));
	for (int k = 0; k < e->args && n > 0; k += 2) {
		const struct spk_expr *then = e->arg[k + 1 < e->args ? k + 1 : k];
		const int32_t *rows = sel;
		int kept = n, left;
		struct spk_vector x;

		if (k + 1 < e->args) {
			SPK_TRY(spk_expr_filter(e->arg[k], in, sel, n, ev, keep, &kept, err));
			if (kept == 0)
				continue;
			rows = kept == n ? sel : keep;
		}
		SPK_TRY(eval(then, in, rows, kept, ev, &x, err));
		if (kept == all && x.layout != SPK_DICTIONARY) {
			*out = x;
			return SPK_OK;
		}
		SPK_TRY(merge_put(&m, &x, in->rows, rows, kept, ev->arena, err));
		if (k + 1 == e->args || kept == n)
			break;
		left = rows_without(sel, n, keep, kept, rest);
		sel = rest;
		n = left;
	}
	return merge_end(&m, e, in->rows, ev->arena, err);
}

static spk_status eval_coalesce(const struct spk_expr *e, const struct spk_batch *in, const int32_t *sel, int n, struct spk_eval *ev, struct spk_vector *out, spk_error *err)
{
	int32_t *open = spk_arena_alloc(ev->arena, sizeof(*open) * (size_t)SPK_MAX(n, 1));
	struct merge m;

	SPK_TRY_PTR(open, err);
	for (int k = 0; k < e->args && (n > 0 || k == 0); k++) {
		struct spk_vector x;
		struct spk_reader r;
		int left = 0;

		SPK_TRY(eval(e->arg[k], in, sel, n, ev, &x, err));
		if (k == 0 && (!may_be_null(&x) || (x.layout == SPK_CONSTANT && !is_constant_null(&x)))) {
			*out = x;
			return SPK_OK;
		}
		if (k == 0)
			SPK_TRY(merge_start(&m, e, e->args, in->rows, out, ev->arena, err));
		SPK_TRY(merge_put(&m, &x, in->rows, sel, n, ev->arena, err));
		r = spk_vector_reader(&x);
		for (int i = 0; i < n; i++) {
			int32_t row = sel ? sel[i] : i;

			open[left] = row;
			left += spk_arg_is_null(&r, row);
		}
		sel = open;
		n = left;
	}
	return merge_end(&m, e, in->rows, ev->arena, err);
}

/* --- the entry points --- */

static spk_status eval(const struct spk_expr *e, const struct spk_batch *in, const int32_t *sel, int n, struct spk_eval *ev, struct spk_vector *out, spk_error *err)
{
	switch (e->kind) {
	case SPK_EXPR_COLUMN:
		*out = in->column[e->column];
		return SPK_OK;
	case SPK_EXPR_OUTER:
		return spk_fail(err, SPK_INTERNAL, "the reference outer.%s was not decorrelated", e->name ? e->name : "?");
	case SPK_EXPR_CONSTANT:
		return spk_vector_init_constant(out, e->type, e->value.null ? NULL : spk_value_bytes(&e->value), ev->arena, err);
	case SPK_EXPR_CALL:
		return eval_call(e, in, sel, n, ev, out, err);
	case SPK_EXPR_CAST:
		return eval_cast(e, in, sel, n, ev, out, err);
	case SPK_EXPR_AND:
		return eval_logic(e, false, in, sel, n, ev, out, err);
	case SPK_EXPR_OR:
		return eval_logic(e, true, in, sel, n, ev, out, err);
	case SPK_EXPR_NOT:
		return eval_not(e, in, sel, n, ev, out, err);
	case SPK_EXPR_IS_NULL:
		return eval_is_null(e, in, sel, n, ev, out, err);
	case SPK_EXPR_CASE:
		return eval_case(e, in, sel, n, ev, out, err);
	case SPK_EXPR_COALESCE:
		return eval_coalesce(e, in, sel, n, ev, out, err);
	case SPK_EXPR_IN:
		return eval_in(e, in, sel, n, ev, out, err);
	}
	return spk_fail(err, SPK_INTERNAL, "no such expression node: %d", (int)e->kind);
}

spk_status spk_expr_eval(const struct spk_expr *e, const struct spk_batch *in, const int32_t *sel, int n, struct spk_eval *ev, struct spk_vector *out, spk_error *err)
{
	return eval(e, in, sel, n, ev, out, err);
}

/* Rows where a boolean vector is true. */
static int select_true(const struct spk_vector *x, const int32_t *sel, int n, int32_t *keep)
{
	const struct spk_reader r = spk_vector_reader(x);
	int kept = 0;

	for (int i = 0; i < n; i++) {
		int row = sel ? sel[i] : i;
		uint32_t slot = spk_reader_slot(&r, row);

		keep[kept] = row;
		kept += spk_reader_valid(&r, slot) && ((const uint8_t *)r.data)[slot];
	}
	return kept;
}

/* Rows that any branch keeps: later branches see only the rows that none took before. */
static spk_status filter_or(const struct spk_expr *e, const struct spk_batch *in, const int32_t *sel, int n, struct spk_eval *ev, int32_t *keep, int *kept, spk_error *err)
{
	uint8_t *taken = spk_arena_zalloc(ev->arena, (size_t)SPK_MAX(in->rows, 1));
	int32_t *some = spk_arena_alloc(ev->arena, sizeof(*some) * (size_t)SPK_MAX(n, 1) * 2);
	int32_t *rest = some + SPK_MAX(n, 1);
	const int32_t *open = sel;
	int left = n, all = 0;

	SPK_TRY_PTR(taken, err);
	SPK_TRY_PTR(some, err);
	for (int k = 0; k < e->args && left > 0; k++) {
		int count;

		SPK_TRY(spk_expr_filter(e->arg[k], in, open, left, ev, some, &count, err));
		for (int i = 0; i < count; i++)
			taken[some[i]] = 1;
		left = rows_without(open, left, some, count, rest);
		open = rest;
	}
	for (int i = 0; i < n; i++) {
		int32_t row = sel ? sel[i] : i;

		keep[all] = row;
		all += taken[row];
	}
	*kept = all;
	return SPK_OK;
}

spk_status spk_expr_filter(const struct spk_expr *e, const struct spk_batch *in, const int32_t *sel, int n, struct spk_eval *ev, int32_t *keep, int *kept, spk_error *err)
{
	struct spk_vector x;

	SPK_ASSERT(e->type.id == SPK_TYPE_BOOLEAN, "a filter is a boolean expression");
	*kept = 0;
	if (n == 0 || spk_compare_filter(e, in, sel, n, keep, kept))
		return SPK_OK;
	if (e->kind == SPK_EXPR_AND) {
		for (int k = 0; k < e->args && n > 0; k++) {
			SPK_TRY(spk_expr_filter(e->arg[k], in, sel, n, ev, keep, &n, err));
			sel = keep;
		}
		*kept = n;
		return SPK_OK;
	}
	if (e->kind == SPK_EXPR_OR)
		return filter_or(e, in, sel, n, ev, keep, kept, err);
	SPK_TRY(eval(e, in, sel, n, ev, &x, err));
	*kept = select_true(&x, sel, n, keep);
	return SPK_OK;
}

spk_status spk_expr_constant_value(const struct spk_expr *e, struct spk_eval *ev, struct spk_value *out, spk_error *err)
{
	struct spk_batch one = { .arena = ev->arena, .rows = 1, .selected = 1 };
	struct spk_vector *v = SPK_NEW(ev->arena, struct spk_vector);  /* nested values refer to it */

	SPK_TRY_PTR(v, err);
	SPK_TRY(eval(e, &one, NULL, 1, ev, v, err));
	*out = spk_vector_value(v, 0);
	out->type = e->type;
	return SPK_OK;
}

void spk_expr_fold(struct spk_arena *arena, struct spk_expr **e)
{
	struct spk_eval ev = { .arena = arena };
	struct spk_value v;
	struct spk_expr *constant;

	if (!spk_expr_foldable(*e) || spk_expr_constant_value(*e, &ev, &v, NULL) != SPK_OK)
		return;
	v.type = (*e)->type;
	constant = spk_expr_literal(arena, v);
	if (!constant)
		return;
	constant->position = (*e)->position;
	*e = constant;
}
