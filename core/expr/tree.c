/* Questions about expression trees, and copies of them. */
#include "core/expr/internal.h"

static bool value_same(const struct spk_value *a, const struct spk_value *b)
{
	if (a->null || b->null)
		return a->null && b->null;
	if (spk_type_is_view(a->type))
		return spk_view_equal(&a->view, &b->view);
	if (spk_type_is_nested(a->type))
		return spk_nested_identical(a->nested, b->nested);
	return memcmp(spk_value_bytes(a), spk_value_bytes(b), (size_t)spk_type_width(a->type)) == 0;
}

bool spk_expr_same(const struct spk_expr *a, const struct spk_expr *b)
{
	if (a == b)
		return true;
	if (a->kind != b->kind || !spk_type_same(a->type, b->type) || a->negated != b->negated || a->assignment != b->assignment || a->forgiving != b->forgiving || a->args != b->args)
		return false;
	if (a->kind == SPK_EXPR_COLUMN)
		return a->column == b->column;
	if (a->kind == SPK_EXPR_OUTER)
		return a->outer == b->outer && a->column == b->column;
	if (a->kind == SPK_EXPR_CONSTANT)
		return value_same(&a->value, &b->value);
	if (a->kind == SPK_EXPR_CALL && (a->function != b->function || a->column != b->column))
		return false;
	if (a->kind == SPK_EXPR_CALL && spk_is_quantified(a) && !spk_expr_same(a->prepared, b->prepared))
		return false;
	for (int i = 0; i < a->args; i++)
		if (!spk_expr_same(a->arg[i], b->arg[i]))
			return false;
	return true;
}

void spk_expr_columns(const struct spk_expr *e, void (*visit)(int column, void *user), void *user)
{
	if (e->kind == SPK_EXPR_COLUMN)
		visit(e->column, user);
	for (int i = 0; i < e->args; i++)
		spk_expr_columns(e->arg[i], visit, user);
}

static void count_column(int column, void *user)
{
	(void)column;
	++*(int *)user;
}

int spk_expr_column_count(const struct spk_expr *e)
{
	int count = 0;

	spk_expr_columns(e, count_column, &count);
	return count;
}

/* Whether a copy of `e` must be computed anew: some column under it changes. */
struct spk_expr *spk_expr_substitute(struct spk_arena *arena, const struct spk_expr *e, struct spk_expr *const *by)
{
	struct spk_expr *copy;

	if (e->kind == SPK_EXPR_COLUMN)
		return by[e->column];
	copy = spk_arena_copy(arena, e, sizeof *e);
	if (!copy || e->args == 0)
		return copy;
	copy->arg = SPK_NEW_ARRAY(arena, struct spk_expr *, e->args);
	if (!copy->arg)
		return NULL;
	for (int i = 0; i < e->args; i++) {
		copy->arg[i] = spk_expr_substitute(arena, e->arg[i], by);
		if (!copy->arg[i])
			return NULL;
	}
	return copy;
}

static const struct spk_cast *cast_of(const struct spk_expr *e)
{
	return e->prepared ? e->prepared : spk_cast_find(e->arg[0]->type, e->type);
}

bool spk_expr_foldable(const struct spk_expr *e)
{
	if (e->kind == SPK_EXPR_COLUMN || e->kind == SPK_EXPR_OUTER)
		return false;
	if (e->kind == SPK_EXPR_CALL && e->function->volatility != SPK_IMMUTABLE)
		return false;
	if (e->kind == SPK_EXPR_CAST && (!cast_of(e) || spk_cast_is_stable(cast_of(e), e->arg[0]->type, e->type)))
		return false;
	for (int i = 0; i < e->args; i++)
		if (!spk_expr_foldable(e->arg[i]))
			return false;
	return true;
}

bool spk_expr_deterministic(const struct spk_expr *e)
{
	if (e->kind == SPK_EXPR_CALL && e->function->volatility == SPK_VOLATILE)
		return false;
	for (int i = 0; i < e->args; i++)
		if (!spk_expr_deterministic(e->arg[i]))
			return false;
	return true;
}

/* Stable functions without arguments are those of the clock and of the session; age() of one timestamp is that since today. */
static bool looks_at_clock(const struct spk_expr *e)
{
	return e->function->volatility == SPK_STABLE && (e->args == 0 || (e->args == 1 && strcmp(e->function->name, "age") == 0));
}

bool spk_expr_timeless(const struct spk_expr *e)
{
	if (e->kind == SPK_EXPR_CALL && (e->function->volatility == SPK_VOLATILE || looks_at_clock(e)))
		return false;
	for (int i = 0; i < e->args; i++)
		if (!spk_expr_timeless(e->arg[i]))
			return false;
	return true;
}

bool spk_expr_can_fail(const struct spk_expr *e)
{
	if (e->kind == SPK_EXPR_CALL && e->function->can_fail && !(e->function->safe_prepared && e->prepared))
		return true;
	if (e->kind == SPK_EXPR_CAST && !e->forgiving && (!cast_of(e) || spk_cast_may_fail(cast_of(e), e->arg[0]->type, e->type)))
		return true;
	for (int i = 0; i < e->args; i++)
		if (spk_expr_can_fail(e->arg[i]))
			return true;
	return false;
}
