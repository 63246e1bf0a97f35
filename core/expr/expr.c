/*
 * Builders of expression trees, and what can be asked of a tree.
 *
 * Read this first, then resolve.c (which function a call means), cast.c (which casts exist) and eval.c (how trees run).
 */
#include "core/expr/internal.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

#include "core/expr/bits.h"

spk_status spk_bind_fail(spk_error *err, int position, const char *format, ...)
{
	char text[768];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	spk_fail(err, SPK_BIND, "%s", text);
	if (err)
		err->position = position;
	return SPK_BIND;
}

struct spk_expr *spk_expr_node(struct spk_arena *arena, enum spk_expr_kind kind, struct spk_type type, struct spk_expr **arg, int args, int position)
{
	struct spk_expr *e = SPK_NEW(arena, struct spk_expr);

	if (!e)
		return NULL;
	e->kind = kind;
	e->type = type;
	e->nullable = true;
	e->position = position;
	e->args = args;
	if (args > 0) {
		e->arg = spk_arena_copy(arena, arg, sizeof(struct spk_expr *) * (size_t)args);
		if (!e->arg)
			return NULL;
	}
	return e;
}

struct spk_expr *spk_expr_column(struct spk_arena *arena, int column, const struct spk_field *field)
{
	struct spk_expr *e = spk_expr_node(arena, SPK_EXPR_COLUMN, field->type, NULL, 0, 0);

	if (!e)
		return NULL;
	e->column = column;
	e->nullable = field->nullable;
	e->name = field->name ? spk_arena_strdup(arena, field->name) : NULL;
	return field->name && !e->name ? NULL : e;
}

struct spk_expr *spk_expr_outer(struct spk_arena *arena, int outer, int column, const struct spk_field *field)
{
	struct spk_expr *e = spk_expr_column(arena, column, field);

	if (!e)
		return NULL;
	e->kind = SPK_EXPR_OUTER;
	e->outer = outer;
	return e;
}

struct spk_expr *spk_expr_literal(struct spk_arena *arena, struct spk_value value)
{
	struct spk_expr *e = spk_expr_node(arena, SPK_EXPR_CONSTANT, value.type, NULL, 0, 0);

	if (!e)
		return NULL;
	e->value = value;
	e->nullable = value.null;
	if (!value.null && spk_type_is_view(value.type) && value.view.length > SPK_VIEW_INLINE) {
		const char *copy = spk_arena_copy(arena, value.view.ref.pointer, value.view.length);

		if (!copy)
			return NULL;
		e->value.view = spk_view(copy, value.view.length);
	}
	if (!value.null && spk_type_is_nested(value.type)) {
		struct spk_vector *own = SPK_NEW(arena, struct spk_vector);

		if (!own || spk_vector_init_constant(own, value.type, &value.nested, arena, NULL) != SPK_OK)
			return NULL;
		e->value.nested = (struct spk_nested){ own, 0 };
	}
	return e;
}

struct spk_expr *spk_expr_unknown(struct spk_arena *arena, const char *text)
{
	struct spk_value v = { .type = spk_type(SPK_TYPE_UNKNOWN), .null = !text };

	if (text)
		v.view = spk_view_str(text);
	return spk_expr_literal(arena, v);
}

/* --- casts --- */

/* As messages name types: without precision and scale. */
struct spk_type spk_type_bare(struct spk_type type)
{
	return type.id == SPK_TYPE_DECIMAL || (type.id == SPK_TYPE_TEXT && !spk_type_is_bits(type)) ? spk_type(type.id) : type;
}

const char *spk_type_format_bare(struct spk_type type, char *out, size_t size)
{
	char *open, *close;

	spk_type_format(type, out, size);
	while ((open = strchr(out, '(')) && (close = strchr(open, ')')))
		memmove(open, close + 1, strlen(close + 1) + 1);
	return out;
}

static spk_status cast_as_text(struct spk_arena *arena, const struct spk_expr *literal, struct spk_type type, int position, struct spk_expr **out, spk_error *err)
{
	struct spk_value t = { .type = spk_type(SPK_TYPE_TEXT), .view = literal->value.view };
	struct spk_expr *text = spk_expr_literal(arena, t);

	SPK_TRY_PTR(text, err);
	text->position = literal->position;
	return spk_expr_cast(arena, text, type, true, position, out, err);
}

/* '{1,2}' as an array, or jsonb: parsed now unless its elements' text depends on the session's zone. */
static spk_status cast_unknown_put(struct spk_arena *arena, struct spk_expr *arg, struct spk_type type, int position, struct spk_expr **out, spk_error *err)
{
	const struct spk_view text = arg->value.view;
	struct spk_value v = { .type = type };
	struct spk_vector one;
	spk_error local = { 0 };

	if (spk_cast_is_stable(spk_cast_find(spk_type(SPK_TYPE_TEXT), type), spk_type(SPK_TYPE_TEXT), type))
		return cast_as_text(arena, arg, type, position, out, err);
	SPK_TRY(spk_vector_init(&one, type, 1, arena, err));
	if (spk_text_put(&one, 0, 1, spk_view_data(&text), text.length, NULL, arena, &local) != SPK_OK) {
		local.code = local.code == SPK_DATA ? SPK_BIND : local.code;
		local.position = arg->position ? arg->position : position;
		if (err)
			*err = local;
		return local.code;
	}
	v = spk_vector_value(&one, 0);
	*out = spk_expr_literal(arena, v);
	SPK_TRY_PTR(*out, err);
	(*out)->position = arg->position ? arg->position : position;
	return SPK_OK;
}

/* An untyped literal becomes a constant of `type`; only session-zone timestamps must wait for the evaluation. */
static spk_status cast_unknown(struct spk_arena *arena, struct spk_expr *arg, struct spk_type type, int position, struct spk_expr **out, spk_error *err)
{
	struct spk_value v = { .type = type, .null = arg->value.null };
	const struct spk_view text = arg->value.view;
	bool clock = false;

	if (!v.null)
		SPK_TRY(spk_expr_clock_literal(arena, &text, type, arg->position ? arg->position : position, &clock, out, err));
	if (clock)
		return SPK_OK;
	if (!v.null && type.id == SPK_TYPE_ROW && !type.children)
		return spk_bind_fail(err, arg->position ? arg->position : position, "input of anonymous composite types is not implemented");
	if (!v.null && (spk_type_is_nested(type) || spk_type_is_json(type)))
		return cast_unknown_put(arena, arg, type, position, out, err);
	if (!v.null && (type.id == SPK_TYPE_BYTEA || (type.id == SPK_TYPE_TEXT && type.precision > 0)))
		return cast_as_text(arena, arg, type, arg->position ? arg->position : position, out, err);
	if (!v.null && type.id == SPK_TYPE_UNKNOWN)
		v.view = text;
	else if (!v.null) {
		union { char bytes[16]; spk_int128 align; } parsed = { { 0 } }, elsewhere = { { 0 } };
		const char *s = spk_view_data(&text);

		if (spk_text_to_value(type, s, text.length, NULL, &parsed, err) != SPK_OK) {
			if (err) {
				err->code = SPK_BIND;
				err->position = arg->position ? arg->position : position;
			}
			return SPK_BIND;
		}
		if (type.id == SPK_TYPE_TIMESTAMPTZ) {
			SPK_TRY(spk_text_to_value(type, s, text.length, "Etc/GMT+5", &elsewhere, err));
			if (memcmp(&parsed, &elsewhere, sizeof parsed) != 0)
				return cast_as_text(arena, arg, type, position, out, err);
		}
		memcpy(&v.boolean, &parsed, (size_t)spk_type_width(type));
	}
	*out = spk_expr_literal(arena, v);
	SPK_TRY_PTR(*out, err);
	(*out)->position = arg->position ? arg->position : position;
	return SPK_OK;
}

spk_status spk_expr_cast(struct spk_arena *arena, struct spk_expr *arg, struct spk_type type, bool explicit_cast, int position, struct spk_expr **out, spk_error *err)
{
	const struct spk_cast *cast;
	struct spk_expr *e;
	char from[64], to[64];

	if (!spk_type_same(arg->type, type) && (spk_type_is_bits(arg->type) || spk_type_is_bits(type)))
		return spk_bits_cast(arena, arg, type, explicit_cast, position, out, err);
	if (arg->type.id == SPK_TYPE_UNKNOWN && arg->kind == SPK_EXPR_CONSTANT)
		return cast_unknown(arena, arg, type, position, out, err);
	if (spk_cast_is_noop(arg->type, type)) {
		*out = arg;
		if (spk_type_same(arg->type, type))
			return SPK_OK;
		/* varchar(n) as text and the like: the same bytes under another type. */
		e = SPK_NEW(arena, struct spk_expr);
		SPK_TRY_PTR(e, err);
		*e = *arg;
		e->type = type;
		if (e->kind == SPK_EXPR_CONSTANT)
			e->value.type = type;
		*out = e;
		return SPK_OK;
	}
	cast = spk_cast_find(arg->type, type);
	if (!cast || (!explicit_cast && spk_cast_context(cast, arg->type, type) == SPK_CAST_EXPLICIT)) {
		spk_type_format_bare(arg->type, from, sizeof from);
		spk_type_format_bare(type, to, sizeof to);
		spk_bind_fail(err, position, "cannot cast type %s to %s", from, to);
		if (cast)
			spk_hint(err, "Write the cast: CAST(... AS %s).", to);
		return SPK_BIND;
	}
	e = spk_expr_node(arena, SPK_EXPR_CAST, type, &arg, 1, position);
	SPK_TRY_PTR(e, err);
	e->prepared = cast;
	e->assignment = !explicit_cast;
	e->nullable = arg->nullable || spk_cast_may_fail(cast, arg->type, type);
	if (arg->kind == SPK_EXPR_CONSTANT)
		spk_expr_fold(arena, &e);
	*out = e;
	return SPK_OK;
}

/* --- common types --- */

static struct spk_type common_numeric(struct spk_type a, struct spk_type b)
{
	if (a.id == b.id && a.scale == b.scale && a.scale >= 0)
		return spk_type_decimal(SPK_MAX(a.precision, b.precision), a.scale);
	return spk_type(SPK_TYPE_DECIMAL);  /* PostgreSQL keeps each value's own scale */
}

/* Arrays by their elements: the type is one of the two, or has elements without parameters. */
static bool common_array(struct spk_type a, struct spk_type b, struct spk_type *out)
{
	struct spk_type element;

	if (spk_type_is_map(a) != spk_type_is_map(b))
		return false;
	if (spk_expr_common_type(spk_type_element(a), spk_type_element(b), &element, 0, NULL) != SPK_OK)
		return false;
	if (spk_type_same(element, spk_type_element(a)))
		*out = a;
	else if (spk_type_same(element, spk_type_element(b)))
		*out = b;
	else if (!spk_type_is_nested(element))
		*out = spk_type_array(element.id);
	else
		return false;
	return true;
}

spk_status spk_expr_common_type(struct spk_type a, struct spk_type b, struct spk_type *out, int position, spk_error *err)
{
	char ta[64], tb[64];

	if (a.id == SPK_TYPE_UNKNOWN || b.id == SPK_TYPE_UNKNOWN) {
		*out = a.id == SPK_TYPE_UNKNOWN ? b : a;
		if (out->id == SPK_TYPE_UNKNOWN)
			*out = spk_type(SPK_TYPE_TEXT);
		return SPK_OK;
	}
	if (spk_type_is_bits(a) != spk_type_is_bits(b)) {
		spk_type_format_bare(a, ta, sizeof ta);
		spk_type_format_bare(b, tb, sizeof tb);
		return spk_bind_fail(err, position, "types %s and %s cannot be matched", ta, tb);
	}
	if (spk_type_same(a, b)) {
		*out = a;
	} else if (spk_type_is_bits(a)) {
		*out = a;
	} else if (a.id == SPK_TYPE_DECIMAL && b.id == SPK_TYPE_DECIMAL) {
		*out = common_numeric(a, b);
	} else if (a.id == b.id && a.id == SPK_TYPE_TEXT) {
		*out = spk_type(SPK_TYPE_TEXT);
	} else if (a.id == SPK_TYPE_ARRAY && b.id == SPK_TYPE_ARRAY && common_array(a, b, out)) {
		return SPK_OK;
	} else if (spk_type_category(a.id) == spk_type_category(b.id) && spk_can_coerce(a, b) && !spk_can_coerce(b, a)) {
		*out = b;
	} else if (spk_type_category(a.id) == spk_type_category(b.id) && spk_can_coerce(b, a)) {
		*out = a;
	} else {
		spk_type_format_bare(a, ta, sizeof ta);
		spk_type_format_bare(b, tb, sizeof tb);
		return spk_bind_fail(err, position, "types %s and %s cannot be matched", ta, tb);
	}
	if (a.id != b.id && out->id == SPK_TYPE_DECIMAL)
		*out = spk_type(SPK_TYPE_DECIMAL);
	if (a.id != b.id && out->id == SPK_TYPE_TEXT)
		*out = spk_type(SPK_TYPE_TEXT);
	return SPK_OK;
}

spk_status spk_no_common_type(const char *what, struct spk_type a, struct spk_type b, int position, spk_error *err)
{
	char ta[64], tb[64];

	spk_type_format_bare(a, ta, sizeof ta);
	spk_type_format_bare(b, tb, sizeof tb);
	if (spk_type_category(a.id) == spk_type_category(b.id) && spk_type_is_bits(a) == spk_type_is_bits(b))
		return spk_bind_fail(err, position, "%s could not convert type %s to %s", what, tb, ta);
	return spk_bind_fail(err, position, "%s types %s and %s cannot be matched", what, ta, tb);
}

/* Casts arg[which[0]], arg[which[1]], ... to their common type; untyped literals have no say in it. */
static spk_status make_common(struct spk_arena *arena, struct spk_expr **arg, const int *which, int count, int position, struct spk_type *type, const char *what, spk_error *err)
{
	struct spk_type t = spk_type(SPK_TYPE_UNKNOWN);

	for (int i = 0; i < count; i++) {
		const struct spk_expr *a = arg[which[i]];

		if (a->type.id == SPK_TYPE_UNKNOWN)
			continue;
		if (t.id == SPK_TYPE_UNKNOWN) {
			t = a->type;
		} else if (spk_expr_common_type(t, a->type, &t, position, err) != SPK_OK) {
			return spk_no_common_type(what, t, a->type, a->position ? a->position : position, err);
		}
	}
	if (t.id == SPK_TYPE_UNKNOWN)
		t = spk_type(SPK_TYPE_TEXT);
	for (int i = 0; i < count; i++)
		SPK_TRY(spk_expr_cast(arena, arg[which[i]], t, true, position, &arg[which[i]], err));
	*type = t;
	return SPK_OK;
}

/* --- nodes --- */

static spk_status make_logic(struct spk_arena *arena, enum spk_expr_kind kind, struct spk_expr **arg, int args, int position, struct spk_expr **out, spk_error *err)
{
	static const char *const name[] = { [SPK_EXPR_AND] = "AND", [SPK_EXPR_OR] = "OR", [SPK_EXPR_NOT] = "NOT" };
	struct spk_type boolean = spk_type(SPK_TYPE_BOOLEAN);
	struct spk_expr **flat;
	int count = 0, n = 0;
	bool nullable = false;

	for (int i = 0; i < args; i++)
		count += arg[i]->kind == kind && kind != SPK_EXPR_NOT ? arg[i]->args : 1;
	flat = SPK_NEW_ARRAY(arena, struct spk_expr *, count);
	SPK_TRY_PTR(flat, err);
	for (int i = 0; i < args; i++) {
		struct spk_expr *a = arg[i];

		if (a->type.id == SPK_TYPE_UNKNOWN)
			SPK_TRY(spk_expr_cast(arena, a, boolean, true, position, &a, err));
		if (a->type.id != SPK_TYPE_BOOLEAN) {
			char t[64];

			spk_type_format_bare(a->type, t, sizeof t);
			return spk_bind_fail(err, a->position ? a->position : position, "argument of %s must be type boolean, not type %s", name[kind], t);
		}
		nullable = nullable || a->nullable;
		if (a->kind == kind && kind != SPK_EXPR_NOT) {
			memcpy(flat + n, a->arg, sizeof(*flat) * (size_t)a->args);
			n += a->args;
		} else {
			flat[n++] = a;
		}
	}
	if (n == 1 && kind != SPK_EXPR_NOT) {
		*out = flat[0];
		return SPK_OK;
	}
	*out = spk_expr_node(arena, kind, boolean, flat, n, position);
	SPK_TRY_PTR(*out, err);
	(*out)->nullable = nullable;
	return SPK_OK;
}

static spk_status make_case(struct spk_arena *arena, struct spk_expr **arg, int args, int position, struct spk_expr **out, spk_error *err)
{
	struct spk_type boolean = spk_type(SPK_TYPE_BOOLEAN), type;
	int *which = SPK_NEW_ARRAY(arena, int, args);
	struct spk_expr **own = spk_arena_copy(arena, arg, sizeof(*arg) * (size_t)args);
	bool nullable = false;
	int n = 0;

	SPK_TRY_PTR(which, err);
	SPK_TRY_PTR(own, err);
	which[n++] = args - 1;  /* PostgreSQL lets ELSE decide first */
	for (int i = 0; i + 1 < args; i += 2) {
		if (own[i]->type.id == SPK_TYPE_UNKNOWN)
			SPK_TRY(spk_expr_cast(arena, own[i], boolean, true, position, &own[i], err));
		if (own[i]->type.id != SPK_TYPE_BOOLEAN)
			return spk_bind_fail(err, position, "argument of CASE/WHEN must be type boolean");
		which[n++] = i + 1;
	}
	SPK_TRY(make_common(arena, own, which, n, position, &type, "CASE", err));
	for (int i = 0; i < n; i++)
		nullable = nullable || own[which[i]]->nullable;
	*out = spk_expr_node(arena, SPK_EXPR_CASE, type, own, args, position);
	SPK_TRY_PTR(*out, err);
	(*out)->nullable = nullable;
	return SPK_OK;
}

static spk_status make_coalesce(struct spk_arena *arena, struct spk_expr **arg, int args, int position, struct spk_expr **out, spk_error *err)
{
	int *which = SPK_NEW_ARRAY(arena, int, args);
	struct spk_expr **own = spk_arena_copy(arena, arg, sizeof(*arg) * (size_t)args);
	struct spk_type type;
	bool nullable = true;

	SPK_TRY_PTR(which, err);
	SPK_TRY_PTR(own, err);
	for (int i = 0; i < args; i++)
		which[i] = i;
	SPK_TRY(make_common(arena, own, which, args, position, &type, "COALESCE", err));
	for (int i = 0; i < args; i++)
		nullable = nullable && own[i]->nullable;
	*out = spk_expr_node(arena, SPK_EXPR_COALESCE, type, own, args, position);
	SPK_TRY_PTR(*out, err);
	(*out)->nullable = nullable;
	return SPK_OK;
}

/* x IN (y, z) over anything but constants: x = y OR x = z. */
static spk_status make_in_list(struct spk_arena *arena, struct spk_expr **arg, int args, bool negated, int position, struct spk_expr **out, spk_error *err)
{
	struct spk_expr **equal = SPK_NEW_ARRAY(arena, struct spk_expr *, args);

	SPK_TRY_PTR(equal, err);
	for (int i = 1; i < args; i++) {
		struct spk_expr *pair[2] = { arg[0], arg[i] };

		SPK_TRY(spk_expr_call(arena, negated ? "<>" : "=", pair, 2, position, &equal[i - 1], err));
	}
	return make_logic(arena, negated ? SPK_EXPR_AND : SPK_EXPR_OR, equal, args - 1, position, out, err);
}

/* A fixed-scale column keeps its type when every constant of the list has it exactly. */
static bool in_list_fits(const struct spk_expr *x, struct spk_expr **arg, int args)
{
	if (x->type.id != SPK_TYPE_DECIMAL || x->type.scale < 0)
		return false;
	for (int i = 1; i < args; i++) {
		spk_int128 m, r, back;
		int scale;

		if (arg[i]->kind != SPK_EXPR_CONSTANT || arg[i]->type.id != SPK_TYPE_DECIMAL)
			return false;
		if (arg[i]->value.null)
			continue;
		spk_decimal_unpack(arg[i]->type, arg[i]->value.i128, &m, &scale);
		if (!spk_decimal_rescale(m, scale, x->type.scale, &r) || !spk_decimal_rescale(r, x->type.scale, scale, &back) || back != m)
			return false;
		if (spk_decimal_digits(r) > x->type.precision)
			return false;
	}
	return true;
}

static spk_status make_in(struct spk_arena *arena, struct spk_expr **arg, int args, bool negated, int position, struct spk_expr **out, spk_error *err)
{
	struct spk_expr **own = spk_arena_copy(arena, arg, sizeof(*arg) * (size_t)args);
	int *which = SPK_NEW_ARRAY(arena, int, args);
	bool constants = true;
	struct spk_type type;

	SPK_TRY_PTR(own, err);
	SPK_TRY_PTR(which, err);
	for (int i = 0; i < args; i++)
		which[i] = i;
	for (int i = 1; i < args; i++)
		constants = constants && own[i]->kind == SPK_EXPR_CONSTANT;
	if (!constants)
		return make_in_list(arena, own, args, negated, position, out, err);
	for (int i = 1; i < args; i++)
		if (own[0]->type.id == SPK_TYPE_DECIMAL && spk_type_is_integer(own[i]->type))
			SPK_TRY(spk_expr_coerce(arena, own[i], spk_type(SPK_TYPE_DECIMAL), position, &own[i], err));
	if (in_list_fits(own[0], own, args)) {
		type = own[0]->type;
		for (int i = 1; i < args; i++)
			SPK_TRY(spk_expr_cast(arena, own[i], type, true, position, &own[i], err));
	} else {
		SPK_TRY(make_common(arena, own, which, args, position, &type, "IN", err));
	}
	for (int i = 1; i < args; i++)
		if (own[i]->kind != SPK_EXPR_CONSTANT)
			return make_in_list(arena, own, args, negated, position, out, err);
	*out = spk_expr_node(arena, SPK_EXPR_IN, spk_type(SPK_TYPE_BOOLEAN), own, args, position);
	SPK_TRY_PTR(*out, err);
	(*out)->negated = negated;
	return spk_set_prepare(arena, *out, err);
}

spk_status spk_expr_make(struct spk_arena *arena, enum spk_expr_kind kind, struct spk_expr **arg, int args, bool negated, int position, struct spk_expr **out, spk_error *err)
{
	switch (kind) {
	case SPK_EXPR_AND:
	case SPK_EXPR_OR:
	case SPK_EXPR_NOT:
		SPK_ASSERT(args >= 1 && (kind != SPK_EXPR_NOT || args == 1), "AND and OR take one or more, NOT one");
		return make_logic(arena, kind, arg, args, position, out, err);
	case SPK_EXPR_IS_NULL: {
		struct spk_expr *a = arg[0];

		if (a->type.id == SPK_TYPE_UNKNOWN)
			SPK_TRY(spk_expr_cast(arena, a, spk_type(SPK_TYPE_TEXT), true, position, &a, err));
		*out = spk_expr_node(arena, kind, spk_type(SPK_TYPE_BOOLEAN), &a, 1, position);
		SPK_TRY_PTR(*out, err);
		(*out)->negated = negated;
		(*out)->nullable = false;
		return SPK_OK;
	}
	case SPK_EXPR_CASE:
		SPK_ASSERT(args % 2 == 1, "CASE always has its ELSE");
		return make_case(arena, arg, args, position, out, err);
	case SPK_EXPR_COALESCE:
		return make_coalesce(arena, arg, args, position, out, err);
	case SPK_EXPR_IN:
		SPK_ASSERT(args >= 2, "IN has a list");
		return make_in(arena, arg, args, negated, position, out, err);
	default:
		return spk_fail(err, SPK_INTERNAL, "spk_expr_make does not make nodes of kind %d", (int)kind);
	}
}
