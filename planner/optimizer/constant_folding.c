/*
 * Constant folding: what has no columns is computed now, if that works; if it fails (1 / 0) it is left for the row that
 * gets there; so is a series, whose values need not be in memory together. AND and OR lose what decides nothing; NOT, IS NULL, CASE and COALESCE over constants go.
 *
 * An operand that decides AND (false) cuts off only what stands behind it: what is evaluated before it may fail first.
 */
#include "core/base/clock.h"
#include "core/base/interrupt.h"
#include "core/base/memory.h"
#include "core/expr/series.h"
#include "planner/optimizer/rules.h"

static struct spk_expr *boolean(struct spk_arena *arena, bool value, int position)
{
	struct spk_expr *e = spk_expr_literal(arena, (struct spk_value){ .type = spk_type(SPK_TYPE_BOOLEAN), .boolean = value });

	if (e)
		e->position = position;
	return e;
}

/* The value of a tree without columns, as a constant; *out stays when it cannot be had. `own` holds the value, and what it took when there is none. */
static spk_status evaluate_in(struct spk_arena *own, struct spk_arena *arena, struct spk_expr *e, struct spk_expr **out, spk_error *err)
{
	struct spk_eval ev = { .arena = own, .now_us = 0 };
	spk_error why = { 0 };
	struct spk_value v;
	spk_status status = spk_expr_constant_value(e, &ev, &v, &why);

	if (status == SPK_CANCELLED && err)
		*err = why;
	if (status != SPK_OK)
		return status == SPK_CANCELLED ? status : SPK_OK;
	v.type = e->type;
	SPK_TRY_PTR(*out = spk_expr_literal(arena, v), err);
	(*out)->position = e->position;
	return spk_arena_hold(arena, own, err);
}

static spk_status evaluate(struct spk_arena *arena, struct spk_expr *e, struct spk_expr **out, spk_error *err)
{
	struct spk_arena *own;
	spk_status status;

	if (e->kind == SPK_EXPR_CONSTANT || spk_is_series(e) || !spk_expr_foldable(e))
		return SPK_OK;
	SPK_TRY(spk_check_interrupt(err));
	own = spk_arena_new(spk_memory_account("plan"));
	status = own ? evaluate_in(own, arena, e, out, err) : spk_fail_memory(err);
	spk_arena_unref(own);
	return status;
}

static bool is_constant(const struct spk_expr *e, bool value)
{
	return e->kind == SPK_EXPR_CONSTANT && !e->value.null && e->type.id == SPK_TYPE_BOOLEAN && (e->value.boolean != 0) == value;
}

static spk_status fold_logic(struct spk_arena *arena, struct spk_expr *e, struct spk_expr **out, spk_error *err)
{
	bool decides = e->kind == SPK_EXPR_OR;  /* true decides OR, false decides AND */
	struct spk_expr **kept = SPK_NEW_ARRAY(arena, struct spk_expr *, e->args);
	bool may_fail = false;
	int n = 0;

	SPK_TRY_PTR(kept, err);
	for (int i = 0; i < e->args; i++) {
		struct spk_expr *a = e->arg[i];

		if (is_constant(a, !decides))
			continue;
		if (is_constant(a, decides) && !may_fail) {
			*out = a;
			return SPK_OK;
		}
		may_fail = may_fail || spk_expr_can_fail(a);
		kept[n++] = a;
		if (is_constant(a, decides))
			break;
	}
	if (n == e->args)
		return SPK_OK;
	if (n == 0) {
		*out = boolean(arena, !decides, e->position);
		SPK_TRY_PTR(*out, err);
		return SPK_OK;
	}
	return spk_expr_make(arena, e->kind, kept, n, false, e->position, out, err);
}

/* Arms that are never taken go; an arm that is always taken is the ELSE. */
static spk_status fold_case(struct spk_arena *arena, struct spk_expr *e, struct spk_expr **out, spk_error *err)
{
	struct spk_expr **kept = SPK_NEW_ARRAY(arena, struct spk_expr *, e->args), *last = e->arg[e->args - 1], *made;
	int n = 0;

	SPK_TRY_PTR(kept, err);
	for (int i = 0; i + 1 < e->args; i += 2) {
		if (spk_is_never(e->arg[i]))
			continue;
		if (spk_is_true(e->arg[i])) {
			last = e->arg[i + 1];
			break;
		}
		kept[n++] = e->arg[i];
		kept[n++] = e->arg[i + 1];
	}
	if (n + 1 == e->args)
		return SPK_OK;
	if (n == 0) {
		*out = last;
		return SPK_OK;
	}
	kept[n++] = last;
	made = spk_arena_copy(arena, e, sizeof *e);
	SPK_TRY_PTR(made, err);
	made->arg = kept;
	made->args = n;
	*out = made;
	return SPK_OK;
}

static spk_status fold_coalesce(struct spk_arena *arena, struct spk_expr *e, struct spk_expr **out, spk_error *err)
{
	struct spk_expr **kept = SPK_NEW_ARRAY(arena, struct spk_expr *, e->args), *made;
	int n = 0;

	SPK_TRY_PTR(kept, err);
	for (int i = 0; i < e->args; i++) {
		bool constant = e->arg[i]->kind == SPK_EXPR_CONSTANT;

		if (constant && e->arg[i]->value.null && (n || i + 1 < e->args))
			continue;
		kept[n++] = e->arg[i];
		if (constant || !e->arg[i]->nullable)
			break;
	}
	if (n == 1) {
		*out = kept[0];
		return SPK_OK;
	}
	if (n == e->args)
		return SPK_OK;
	made = spk_arena_copy(arena, e, sizeof *e);
	SPK_TRY_PTR(made, err);
	made->arg = kept;
	made->args = n;
	*out = made;
	return SPK_OK;
}

static spk_status fold(struct spk_arena *arena, struct spk_expr *e, struct spk_expr **out, spk_error *err)
{
	struct spk_expr **arg = SPK_NEW_ARRAY(arena, struct spk_expr *, e->args + 1), *copy;
	bool changed = false;

	SPK_TRY_PTR(arg, err);
	for (int i = 0; i < e->args; i++) {
		SPK_TRY(fold(arena, e->arg[i], &arg[i], err));
		changed = changed || arg[i] != e->arg[i];
	}
	if (changed) {
		copy = spk_arena_copy(arena, e, sizeof *e);
		SPK_TRY_PTR(copy, err);
		copy->arg = arg;
		e = copy;
	}
	*out = e;
	SPK_TRY(evaluate(arena, e, out, err));
	if (*out != e)
		return SPK_OK;
	switch (e->kind) {
	case SPK_EXPR_AND:
	case SPK_EXPR_OR: return fold_logic(arena, e, out, err);
	case SPK_EXPR_CASE: return fold_case(arena, e, out, err);
	case SPK_EXPR_COALESCE: return fold_coalesce(arena, e, out, err);
	case SPK_EXPR_IS_NULL:
		if (e->arg[0]->nullable || spk_expr_can_fail(e->arg[0]))
			return SPK_OK;
		*out = boolean(arena, e->negated, e->position);
		SPK_TRY_PTR(*out, err);
		return SPK_OK;
	default: return SPK_OK;
	}
}

static spk_status fold_node(struct spk_arena *arena, struct spk_logical *l, struct spk_logical **out, spk_error *err)
{
	return spk_rule_exprs(arena, l, fold, out, err);
}

spk_status spk_rule_constant_folding(struct spk_arena *arena, struct spk_logical *root, struct spk_logical **out, spk_error *err)
{
	return spk_rule_walk(arena, root, fold_node, out, err);
}
