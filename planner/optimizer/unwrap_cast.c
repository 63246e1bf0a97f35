/*
 * Comparisons of a date with a timestamp constant (which is what date + interval gives) compare dates instead: nothing is converted per row,
 * nothing can fail, and so the condition may be pushed down like any other.
 *
 *   d::timestamp <  '1995-01-01 00:00'      d <  '1995-01-01'
 *   d::timestamp <  '1995-01-01 10:00'      d <= '1995-01-01'
 *   d::timestamp >= '1995-01-01 10:00'      d >  '1995-01-01'
 */
#include "core/expr/function.h"
#include "planner/optimizer/rules.h"

#include <string.h>

static const int64_t DAY_US = INT64_C(86400000000);

static const char *mirrored(const char *op)
{
	static const char *const pair[][2] = { { "<", ">" }, { "<=", ">=" }, { ">", "<" }, { ">=", "<=" }, { "=", "=" }, { "<>", "<>" } };

	for (size_t i = 0; i < SPK_COUNT_OF(pair); i++)
		if (strcmp(op, pair[i][0]) == 0)
			return pair[i][1];
	return NULL;
}

/* The operator over dates for a constant within the day; NULL: there is none. */
static const char *within_day(const char *op)
{
	return op[0] == '<' && op[1] != '>' ? "<=" : op[0] == '>' ? ">" : NULL;
}

static spk_status unwrap(struct spk_arena *arena, struct spk_expr *e, struct spk_expr **out, spk_error *err)
{
	int cast = e->arg[0]->kind == SPK_EXPR_CAST ? 0 : 1;
	const struct spk_expr *constant = e->arg[!cast], *date = e->arg[cast];
	const char *op = cast == 0 ? e->function->name : mirrored(e->function->name);
	struct spk_expr *pair[2];
	int64_t us, day;

	*out = e;
	if (date->kind != SPK_EXPR_CAST || date->type.id != SPK_TYPE_TIMESTAMP || date->arg[0]->type.id != SPK_TYPE_DATE)
		return SPK_OK;
	if (constant->kind != SPK_EXPR_CONSTANT || constant->value.null || constant->type.id != SPK_TYPE_TIMESTAMP)
		return SPK_OK;
	us = constant->value.i64;
	if (us == INT64_MAX || us == INT64_MIN)
		return SPK_OK;
	day = us / DAY_US - (us % DAY_US < 0);
	if (us != day * DAY_US)
		op = within_day(op);
	if (!op || day > INT32_MAX || day < INT32_MIN)
		return SPK_OK;
	pair[0] = date->arg[0];
	pair[1] = spk_expr_literal(arena, (struct spk_value){ .type = spk_type(SPK_TYPE_DATE), .i32 = (int32_t)day });
	SPK_TRY_PTR(pair[1], err);
	return spk_expr_call(arena, op, pair, 2, e->position, out, err);
}

static spk_status change(struct spk_arena *arena, struct spk_expr *e, struct spk_expr **out, spk_error *err)
{
	struct spk_expr **arg = NULL, *copy;

	for (int i = 0; i < e->args; i++) {
		struct spk_expr *made;

		SPK_TRY(change(arena, e->arg[i], &made, err));
		if (made == e->arg[i])
			continue;
		if (!arg)
			SPK_TRY_PTR(arg = spk_arena_copy(arena, e->arg, sizeof(*arg) * (size_t)e->args), err);
		arg[i] = made;
	}
	copy = e;
	if (arg) {
		SPK_TRY_PTR(copy = spk_arena_copy(arena, e, sizeof *e), err);
		copy->arg = arg;
	}
	*out = copy;
	return copy->kind == SPK_EXPR_CALL && copy->args == 2 && mirrored(copy->function->name) ? unwrap(arena, copy, out, err) : SPK_OK;
}

static spk_status change_node(struct spk_arena *arena, struct spk_logical *l, struct spk_logical **out, spk_error *err)
{
	return spk_rule_exprs(arena, l, change, out, err);
}

spk_status spk_rule_unwrap_cast(struct spk_arena *arena, struct spk_logical *root, struct spk_logical **out, spk_error *err)
{
	return spk_rule_walk(arena, root, change_node, out, err);
}
