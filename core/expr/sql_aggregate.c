/*
 * CREATE AGGREGATE: a state of an SQL type, taken from row to row by functions of the session. Made of the same functions as an aggregate in C
 * (user_aggregate.c), with PostgreSQL's rules for NULLs: a strict transition function does not see them; without an initial value it begins with the
 * first value that is not NULL, and a state that has become NULL stays NULL.
 */
#include <stdio.h>

#include "core/expr/aggregate_internal.h"
#include "core/expr/sql_value.h"
#include "core/expr/user_aggregate.h"

struct sql_aggregate {
	struct spk_user_aggregate user;
	struct spk_sql_aggregate_spec spec;
	struct spk_sql_value init;
};

/* `none`: no value was there yet, where the first one is the state. Text is in memory of the state. */
struct state { bool none; size_t room; struct spk_sql_value value; };

static bool has_text(const struct sql_aggregate *a)
{
	return a->spec.state.id == SPK_TYPE_TEXT || a->spec.state.id == SPK_TYPE_BYTEA;
}

static bool is_strict(const struct spk_user_function *f) { return f && !f->base.not_strict; }

static void release(struct spk_function_context *context, void *of)
{
	struct state *s = of;

	if (s->room)
		spk_function_resize(context, (void *)(uintptr_t)s->value.text.data, s->room, 0, NULL);
	*s = (struct state){ .none = false };
}

/* The new state. Its text may lie in the old one. */
static spk_status set(struct spk_function_context *context, struct state *s, const struct spk_sql_value *value, spk_error *err)
{
	const struct sql_aggregate *a = context->user;
	const size_t size = value->null || !has_text(a) ? 0 : value->text.size;
	struct spk_text old = s->value.text;

	s->none = false;
	if (!has_text(a)) {
		s->value = *value;
		return SPK_OK;
	}
	if (size > s->room) {
		/* Twice the size, so that a text that grows row by row is seldom moved; made beside the old one, of which the new may be a part. */
		char *room = spk_function_resize(context, NULL, 0, 2 * size, err);

		if (!room)
			return spk_fail_memory(err);
		memcpy(room, value->text.data, size);
		if (s->room)
			spk_function_resize(context, (void *)(uintptr_t)old.data, s->room, 0, NULL);
		s->room = 2 * size;
		s->value.text.data = room;
	} else if (size) {
		memmove((void *)(uintptr_t)s->value.text.data, value->text.data, size);
	}
	s->value.null = value->null;
	s->value.text.size = size;
	return SPK_OK;
}

static spk_status init(struct spk_function_context *context, void *of, spk_error *err)
{
	const struct sql_aggregate *a = context->user;
	struct state *s = of;

	SPK_TRY(set(context, s, &a->init, err));
	s->none = a->init.null && is_strict(a->spec.step);
	return SPK_OK;
}

/* The result of `f` over (state, arguments) as the new state. */
static spk_status call(struct spk_function_context *context, const struct spk_user_function *f, struct state *s, struct spk_sql_value *arg, spk_error *err)
{
	struct spk_function_context inner = { .user = f->user, .arena = context->arena, .account = context->account };
	struct spk_sql_value result = { 0 };
	spk_status status;

	arg[0] = s->value;
	status = f->call(&inner, arg, &result, err);
	if (status != SPK_OK)
		spk_error_context(err, "function %s", f->base.name);
	else
		status = set(context, s, &result, err);
	context->arena = inner.arena;
	if (context->arena)
		spk_arena_clear(context->arena);
	return status;
}

static struct spk_sql_value value_at(struct spk_type type, const struct spk_sql_column *c, int i)
{
	struct spk_sql_value v = { .null = c->null && c->null[i] };

	if (v.null)
		return v;
	switch (type.id) {
	case SPK_TYPE_BOOLEAN: v.boolean = c->boolean[i]; break;
	case SPK_TYPE_REAL:
	case SPK_TYPE_DOUBLE: v.real = c->real[i]; break;
	case SPK_TYPE_DECIMAL: v.decimal = c->decimal[i]; break;
	case SPK_TYPE_TEXT:
	case SPK_TYPE_BYTEA:
	case SPK_TYPE_JSON: case SPK_TYPE_JSONB: v.text = c->text[i]; break;
	default: v.integer = c->integer[i];
	}
	return v;
}

static spk_status update(struct spk_function_context *context, void *const *state, const struct spk_sql_column *column, int rows, spk_error *err)
{
	const struct sql_aggregate *a = context->user;
	struct spk_sql_value arg[SPK_AGGREGATE_ARGS_MAX + 1];

	for (int i = 0; i < rows; i++) {
		struct state *s = state[i];

		for (int k = 0; k < a->spec.args; k++)
			arg[k + 1] = value_at(a->spec.arg[k], &column[k], i);
		if (s->none)
			SPK_TRY(set(context, s, &arg[1], err));
		else if (!s->value.null || !is_strict(a->spec.step))
			SPK_TRY(call(context, a->spec.step, s, arg, err));
	}
	return SPK_OK;
}

static spk_status merge(struct spk_function_context *context, void *into, const void *from, spk_error *err)
{
	const struct sql_aggregate *a = context->user;
	const struct state *other = from;
	struct state *s = into;
	struct spk_sql_value arg[2] = { [1] = other->value };
	bool strict = is_strict(a->spec.combine);

	if (other->none || (strict && other->value.null))
		return SPK_OK;
	if (s->none || (strict && s->value.null))
		return set(context, s, &other->value, err);
	return call(context, a->spec.combine, s, arg, err);
}

static spk_status final(struct spk_function_context *context, const void *state, struct spk_sql_value *result, spk_error *err)
{
	const struct sql_aggregate *a = context->user;
	const struct spk_user_function *f = a->spec.final;
	const struct state *s = state;
	struct spk_function_context inner = { .arena = context->arena, .account = context->account };
	spk_status status;

	if (!f || (s->value.null && is_strict(f))) {
		*result = s->value;
		return SPK_OK;
	}
	inner.user = f->user;
	status = f->call(&inner, &s->value, result, err);
	context->arena = inner.arena;
	if (status != SPK_OK)
		spk_error_context(err, "function %s", f->base.name);
	return status;
}

/* --- as bytes: only of text; other states are plain. Two marks, the text. --- */

static spk_status serialize(struct spk_function_context *context, const void *state, struct spk_text *bytes, spk_error *err)
{
	const struct state *s = state;
	const size_t size = s->value.null ? 0 : s->value.text.size;
	char *p = spk_function_memory(context, size + 2, err);

	if (!p)
		return spk_fail_memory(err);
	p[0] = s->none;
	p[1] = s->value.null;
	if (size)
		memcpy(p + 2, s->value.text.data, size);
	*bytes = (struct spk_text){ p, size + 2 };
	return SPK_OK;
}

static spk_status deserialize(struct spk_function_context *context, void *state, struct spk_text bytes, spk_error *err)
{
	struct state *s = state;

	if (bytes.size < 2)
		return spk_fail(err, SPK_CORRUPT, "its state is cut off");
	SPK_TRY(set(context, s, &(struct spk_sql_value){ .null = bytes.data[1] != 0, .text = { bytes.data + 2, bytes.size - 2 } }, err));
	s->none = bytes.data[0] != 0;
	return SPK_OK;
}

/* --- making --- */

static const char *signature(const struct spk_type *type, int count, char *text, size_t size)
{
	size_t at = 0;
	char t[64];

	text[0] = 0;
	for (int i = 0; i < count && at < size; i++)
		at += (size_t)snprintf(text + at, size - at, "%s%s", i ? ", " : "", spk_type_format(spk_type_bare(type[i]), t, sizeof t));
	return text;
}

static bool same_type(struct spk_type a, struct spk_type b) { return spk_type_same(spk_type_bare(a), spk_type_bare(b)); }

static spk_status check_function(const struct spk_user_function *f, const struct spk_type *arg, int args, spk_error *err)
{
	bool fits = f->base.args_min == args;
	char text[512];

	for (int i = 0; fits && i < args; i++)
		fits = same_type(f->base.arg[i], arg[i]);
	return fits ? SPK_OK : spk_fail(err, SPK_BIND, "function %s(%s) does not exist", f->base.name, signature(arg, args, text, sizeof text));
}

static spk_status check_returns(const char *what, const struct spk_user_function *f, struct spk_type type, spk_error *err)
{
	char text[64];

	return same_type(f->base.result, type) ? SPK_OK : spk_fail(err, SPK_BIND, "return type of %s function %s is not %s", what, f->base.name, spk_type_format(spk_type_bare(type), text, sizeof text));
}

static spk_status check(const struct spk_sql_aggregate_spec *s, spk_error *err)
{
	struct spk_type arg[SPK_AGGREGATE_ARGS_MAX + 1] = { s->state };

	for (int i = 0; i < s->args; i++)
		arg[i + 1] = s->arg[i];
	SPK_TRY(check_function(s->step, arg, s->args + 1, err));
	SPK_TRY(check_returns("transition", s->step, s->state, err));
	if (is_strict(s->step) && !s->init && (s->args < 1 || !same_type(s->arg[0], s->state)))
		return spk_fail(err, SPK_BIND, "must not omit initial value when transition function is strict and transition type is not compatible with input type");
	if (s->final)
		SPK_TRY(check_function(s->final, arg, 1, err));
	if (!s->combine)
		return SPK_OK;
	arg[1] = s->state;
	SPK_TRY(check_function(s->combine, arg, 2, err));
	return check_returns("combine", s->combine, s->state, err);
}

spk_status spk_sql_aggregate_make(struct spk_arena *arena, const struct spk_sql_aggregate_spec *spec, struct spk_user_aggregate **out, spk_error *err)
{
	struct sql_aggregate *a = SPK_NEW(arena, struct sql_aggregate);
	struct spk_aggregate_spec functions = { .state_size = sizeof(struct state), .called_on_null = !is_strict(spec->step), .init = init, .update = update,
		.merge = spec->combine ? merge : NULL, .final = final, .user = a };

	SPK_TRY_PTR(a, err);
	SPK_TRY(check(spec, err));
	a->spec = *spec;
	a->init = spec->init ? spk_sql_value_of(spec->init) : (struct spk_sql_value){ .null = true };
	if (has_text(a)) {
		if (!a->init.null)
			SPK_TRY_PTR(a->init.text.data = spk_arena_strndup(arena, a->init.text.data, a->init.text.size), err);
		functions.serialize = serialize;
		functions.deserialize = deserialize;
		functions.release = release;
	}
	*out = &a->user;
	return spk_user_aggregate_init(&a->user, spec->name, spec->arg, spec->args, spec->final ? spec->final->base.result : spec->state, &functions, err);
}
