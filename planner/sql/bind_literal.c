/* Constants: numbers, strings, typed literals, intervals with fields, and what must be known while binding. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/columnar/decimal.h"
#include "core/expr/interval.h"
#include "core/expr/text.h"
#include "planner/sql/bind.h"

/* --- numbers and strings --- */

static spk_status number(struct spk_exprs *x, const char *text, int location, struct spk_value *out, spk_error *err)
{
	struct spk_value v = { 0 };
	char *end;
	spk_int128 mantissa;
	int scale;
	long long integer;

	errno = 0;
	integer = strtoll(text, &end, 10);
	if (!*end && !errno) {
		v.type = spk_type(SPK_TYPE_BIGINT);
		v.i64 = integer;
		*out = v;
		return SPK_OK;
	}
	if (!spk_decimal_parse(text, strlen(text), &mantissa, &scale) || scale > SPK_DECIMAL_DIGITS) {
		spk_binder_fail(x->b, location, SPK_BIND, err, "the number %.60s does not fit in a numeric of %d digits", text, SPK_DECIMAL_DIGITS);
		return spk_hint(err, "Write it as a double: '%.60s'::double precision.", text);
	}
	if (scale < 0 && !spk_decimal_rescale(mantissa, scale, 0, &mantissa))
		return spk_binder_fail(x->b, location, SPK_BIND, err, "the number %.60s does not fit in a numeric of %d digits", text, SPK_DECIMAL_DIGITS);
	scale = SPK_MAX(scale, 0);
	v.type = spk_type_decimal(SPK_MAX(spk_decimal_digits(mantissa), SPK_MAX(scale, 1)), scale);
	v.i128 = mantissa;
	*out = v;
	return SPK_OK;
}

/* B'101' or X'1F', the letter before the digits. */
static spk_status bit_string(struct spk_exprs *x, const PgQuery__AConst *c, struct spk_expr **out, spk_error *err)
{
	const struct spk_type type = { .id = SPK_TYPE_TEXT, .scale = SPK_TEXT_BITS };
	struct spk_expr *digits = spk_expr_unknown(x->b->arena, c->bsval->bsval);

	SPK_TRY_PTR(digits, err);
	digits->position = spk_binder_at(x->b, c->location);
	return spk_expr_cast(x->b->arena, digits, type, true, digits->position, out, err);
}

spk_status spk_binder_literal(struct spk_exprs *x, const PgQuery__AConst *c, struct spk_expr **out, spk_error *err)
{
	struct spk_value v = { 0 };

	if (c->isnull) {
		*out = spk_expr_unknown(x->b->arena, NULL);
	} else {
		switch (c->val_case) {
		case PG_QUERY__A__CONST__VAL_IVAL:
			v.type = spk_type(SPK_TYPE_INTEGER);
			v.i32 = c->ival->ival;
			break;
		case PG_QUERY__A__CONST__VAL_FVAL:
			SPK_TRY(number(x, c->fval->fval, c->location, &v, err));
			break;
		case PG_QUERY__A__CONST__VAL_BOOLVAL:
			v.type = spk_type(SPK_TYPE_BOOLEAN);
			v.boolean = c->boolval->boolval != 0;
			break;
		case PG_QUERY__A__CONST__VAL_SVAL:
			break;
		case PG_QUERY__A__CONST__VAL_BSVAL:
			return bit_string(x, c, out, err);
		default:
			return spk_binder_unsupported(x->b, c->location, "this kind of constant", err);
		}
		*out = c->val_case == PG_QUERY__A__CONST__VAL_SVAL ? spk_expr_unknown(x->b->arena, c->sval->sval) : spk_expr_literal(x->b->arena, v);
	}
	SPK_TRY_PTR(*out, err);
	(*out)->position = spk_binder_at(x->b, c->location);
	return SPK_OK;
}

/* --- intervals with fields: INTERVAL '10' SECOND, '1-2' YEAR TO MONTH --- */

static spk_status interval_literal(struct spk_exprs *x, const PgQuery__TypeCast *c, struct spk_expr **out, spk_error *err)
{
	const PgQuery__AConst *text = c->arg->a_const;
	struct spk_value v = { .type = spk_type(SPK_TYPE_INTERVAL) };
	const char *s = text->sval->sval;

	if (spk_text_interval_of(s, strlen(s), spk_binder_interval_fields(c->type_name), &v.interval, err) != SPK_OK) {
		if (err) {
			err->code = SPK_BIND;
			err->position = spk_binder_at(x->b, text->location);
		}
		return SPK_BIND;
	}
	*out = spk_expr_literal(x->b->arena, v);
	return *out ? SPK_OK : spk_fail_memory(err);
}

/* --- casts --- */

/* A JSON path is a text here, of one form. */
static bool names_path(const PgQuery__TypeName *t)
{
	const char *name = t->n_names ? spk_node_string(t->names[t->n_names - 1]) : NULL;

	return name && strcmp(name, "jsonpath") == 0;
}

static spk_status cast_plain(struct spk_exprs *x, const PgQuery__TypeCast *c, struct spk_type type, struct spk_expr **out, spk_error *err);

static int cast_location(const PgQuery__TypeCast *c) { return c->location >= 0 ? c->location : spk_node_location(c->arg); }

spk_status spk_binder_cast(struct spk_exprs *x, const PgQuery__TypeCast *c, struct spk_expr **out, spk_error *err)
{
	struct spk_type type;

	if (spk_binder_rounds_tens(c->type_name)) {
		SPK_TRY(cast_plain(x, c, spk_type(SPK_TYPE_DECIMAL), out, err));
		return spk_binder_round_tens(x->b, c->type_name, cast_location(c), out, err);
	}
	SPK_TRY(spk_binder_type(x->b, c->type_name, &type, err));
	SPK_TRY(cast_plain(x, c, type, out, err));
	if (names_path(c->type_name) && type.id == SPK_TYPE_TEXT) {
		SPK_TRY(spk_binder_call(x->b, "jsonpath", out, 1, spk_node_location(c->arg), out, err));
		spk_expr_fold(x->b->arena, out);
	}
	return spk_binder_modify(x->b, c->type_name, type, c->location, out, err);
}

/* A number that no numeric holds may still be a double. */
static const char *large_number(const PgQuery__Node *arg, struct spk_type type)
{
	spk_int128 mantissa;
	int scale;

	if (arg->node_case != PG_QUERY__NODE__NODE_A_CONST || arg->a_const->isnull || arg->a_const->val_case != PG_QUERY__A__CONST__VAL_FVAL ||
	    (type.id != SPK_TYPE_DOUBLE && type.id != SPK_TYPE_REAL) || spk_decimal_parse(arg->a_const->fval->fval, strlen(arg->a_const->fval->fval), &mantissa, &scale))
		return NULL;
	return arg->a_const->fval->fval;
}

static spk_status cast_plain(struct spk_exprs *x, const PgQuery__TypeCast *c, struct spk_type type, struct spk_expr **out, spk_error *err)
{
	const PgQuery__Node *arg = c->arg;
	bool string = arg->node_case == PG_QUERY__NODE__NODE_A_CONST && arg->a_const->val_case == PG_QUERY__A__CONST__VAL_SVAL && !arg->a_const->isnull;
	int location = cast_location(c);
	const char *large = large_number(arg, type);
	struct spk_expr *e;

	if (string && type.id == SPK_TYPE_INTERVAL)
		return interval_literal(x, c, out, err);
	if (arg->node_case == PG_QUERY__NODE__NODE_A_ARRAY_EXPR && type.id == SPK_TYPE_ARRAY && !spk_type_is_map(type)) {
		struct spk_type element = spk_type_element(type);

		while (element.id == SPK_TYPE_ARRAY)
			element = spk_type_element(element);

		return spk_binder_array(x, arg->a_array_expr, &element, out, err);
	}
	if (large)
		SPK_TRY_PTR(e = spk_expr_unknown(x->b->arena, large), err);
	else
		SPK_TRY(spk_binder_expr(x, arg, &e, err));
	SPK_TRY(spk_expr_cast_dims(x->b->arena, e, &type, err));
	SPK_TRY(spk_expr_cast(x->b->arena, e, type, true, spk_binder_at(x->b, location), out, err));
	return SPK_OK;
}

spk_status spk_binder_known(const struct spk_binder *b, struct spk_expr **e, spk_error *err)
{
	if ((*e)->type.id != SPK_TYPE_UNKNOWN)
		return SPK_OK;
	return spk_expr_cast(b->arena, *e, spk_type(SPK_TYPE_TEXT), true, (*e)->position, e, err);
}

/* --- values that binding needs --- */

spk_status spk_binder_constant(struct spk_exprs *x, const PgQuery__Node *n, struct spk_type type, struct spk_value *out, spk_error *err)
{
	struct spk_exprs here = *x;
	struct spk_eval ev = { .arena = x->b->arena, .now_us = spk_clock_wall_us() };
	int position = spk_binder_at(x->b, spk_node_location(n));
	spk_status status;
	struct spk_expr *e;

	here.scope = NULL;
	here.aggregates = NULL;
	SPK_TRY(spk_binder_expr(&here, n, &e, err));
	SPK_TRY(spk_expr_cast(x->b->arena, e, type, false, position, &e, err));
	if (!spk_expr_foldable(e))
		return spk_binder_fail(x->b, spk_node_location(n), SPK_BIND, err, "%s must be a constant", x->clause);
	status = spk_expr_constant_value(e, &ev, out, err);
	if (status != SPK_OK && err && !err->position)
		err->position = position;
	return status;
}

spk_status spk_binder_length(struct spk_exprs *x, const PgQuery__Node *n, bool zero_ok, int64_t *us, spk_error *err)
{
	struct spk_value v;

	SPK_TRY(spk_binder_constant(x, n, spk_type(SPK_TYPE_INTERVAL), &v, err));
	if (v.null)
		return spk_binder_fail(x->b, spk_node_location(n), SPK_BIND, err, "%s must not be NULL", x->clause);
	if (v.interval.months) {
		spk_binder_fail(x->b, spk_node_location(n), SPK_BIND, err, "%s must have a fixed length; months do not", x->clause);
		return spk_hint(err, "Give it in days.");
	}
	if (!spk_interval_micros(v.interval, us))
		return spk_binder_fail(x->b, spk_node_location(n), SPK_BIND, err, "%s is out of range", x->clause);
	if (zero_ok ? *us < 0 : *us <= 0)
		return spk_binder_fail(x->b, spk_node_location(n), SPK_BIND, err, "%s must be %s", x->clause, zero_ok ? "zero or more" : "more than zero");
	return SPK_OK;
}
