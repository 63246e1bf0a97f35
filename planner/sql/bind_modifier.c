/* What a type's modifiers do to a value: timestamp(3) rounds, INTERVAL DAY TO HOUR cuts, numeric(5, -2) rounds to hundreds. The types do not carry them. */
#include "core/expr/text.h"
#include "planner/sql/bind.h"

#include <string.h>

enum { MICROSECOND_DIGITS = 6, DECLARED_DIGITS = 1000 };

/* The modifier at that place; `otherwise` when there is none. */
static int modifier(const PgQuery__TypeName *t, size_t at, int otherwise)
{
	const PgQuery__Node *p = t->n_typmods > at ? t->typmods[at] : NULL;

	return p && p->node_case == PG_QUERY__NODE__NODE_A_CONST && p->a_const->val_case == PG_QUERY__A__CONST__VAL_IVAL ? p->a_const->ival->ival : otherwise;
}

int spk_binder_interval_fields(const PgQuery__TypeName *t) { return modifier(t, 0, SPK_INTERVAL_ALL); }

/* The functions that round are named like the types. */
static const char *rounder(struct spk_type type)
{
	switch (type.id) {
	case SPK_TYPE_TIME: return "time";
	case SPK_TYPE_TIMESTAMP: return "timestamp";
	case SPK_TYPE_TIMESTAMPTZ: return "timestamptz";
	case SPK_TYPE_INTERVAL: return "interval";
	default: return NULL;
	}
}

static spk_status call_with(const struct spk_binder *b, const char *name, int argument, int location, struct spk_expr **e, spk_error *err)
{
	struct spk_value v = { .type = spk_type(SPK_TYPE_INTEGER), .i32 = argument };
	struct spk_expr *arg[2] = { *e, spk_expr_literal(b->arena, v) };
	const bool constant = (*e)->kind == SPK_EXPR_CONSTANT;

	SPK_TRY_PTR(arg[1], err);
	SPK_TRY(spk_binder_call(b, name, arg, 2, location, e, err));
	if (constant)
		spk_expr_fold(b->arena, e);
	return SPK_OK;
}

spk_status spk_binder_modify(const struct spk_binder *b, const PgQuery__TypeName *t, struct spk_type type, int location, struct spk_expr **e, spk_error *err)
{
	const bool interval = type.id == SPK_TYPE_INTERVAL;
	const char *round = rounder(type);
	int digits;

	if (spk_type_is_bits(type) && modifier(t, 0, 0) > 0) {
		const bool constant = (*e)->kind == SPK_EXPR_CONSTANT;

		SPK_TRY(spk_bits_resize(b->arena, type, modifier(t, 0, 0), spk_binder_at(b, location), e, err));
		if (constant)
			spk_expr_fold(b->arena, e);
	}
	if (!round)
		return SPK_OK;
	if (interval && spk_binder_interval_fields(t) != SPK_INTERVAL_ALL)
		SPK_TRY(call_with(b, "interval of fields", spk_binder_interval_fields(t), location, e, err));
	digits = modifier(t, interval, MICROSECOND_DIGITS);
	return digits < MICROSECOND_DIGITS ? call_with(b, round, digits, location, e, err) : SPK_OK;
}

bool spk_binder_rounds_tens(const PgQuery__TypeName *t)
{
	const char *name = t->n_names ? spk_node_string(t->names[t->n_names - 1]) : NULL;

	return name && strcmp(name, "numeric") == 0 && !t->n_array_bounds && modifier(t, 1, 0) < 0;
}

spk_status spk_binder_round_tens(const struct spk_binder *b, const PgQuery__TypeName *t, int location, struct spk_expr **e, spk_error *err)
{
	const int digits = modifier(t, 0, 0), scale = modifier(t, 1, 0);

	if (digits < 1 || digits > DECLARED_DIGITS)
		return spk_binder_fail(b, t->location, SPK_BIND, err, "NUMERIC precision %d must be between 1 and %d", digits, DECLARED_DIGITS);
	if (scale < -DECLARED_DIGITS)
		return spk_binder_fail(b, t->location, SPK_BIND, err, "NUMERIC scale %d must be between %d and %d", scale, -DECLARED_DIGITS, DECLARED_DIGITS);
	SPK_TRY(call_with(b, "round", scale, location, e, err));
	return spk_expr_cast(b->arena, *e, spk_type_decimal(SPK_MIN(digits - scale, SPK_DECIMAL_DIGITS), 0), true, spk_binder_at(b, location), e, err);
}
