/* Trees with other leaves: what moves an expression from one input to another. */
#include "core/expr/internal.h"

/* Whether the node may be NULL, its operands being new. */
static bool may_be_null(const struct spk_expr *e)
{
	bool all = true, any = e->nullable;

	if (e->kind == SPK_EXPR_IS_NULL)
		return false;
	if (e->kind == SPK_EXPR_CASE) {
		for (int i = 1; i < e->args; i += 2)
			any = any || e->arg[i]->nullable;
		return any || e->arg[e->args - 1]->nullable;
	}
	for (int i = 0; i < e->args; i++) {
		all = all && e->arg[i]->nullable;
		any = any || e->arg[i]->nullable;
	}
	return e->kind == SPK_EXPR_COALESCE ? all : any;
}

spk_status spk_expr_rewrite(struct spk_arena *arena, struct spk_expr *e, spk_expr_leaf leaf, void *user, struct spk_expr **out, spk_error *err)
{
	struct spk_expr **arg;
	bool changed = false;

	*out = e;
	if (e->kind == SPK_EXPR_COLUMN || e->kind == SPK_EXPR_OUTER)
		return leaf(e, user, out, err);
	if (!e->args)
		return SPK_OK;
	arg = SPK_NEW_ARRAY(arena, struct spk_expr *, e->args);
	SPK_TRY_PTR(arg, err);
	for (int i = 0; i < e->args; i++) {
		SPK_TRY(spk_expr_rewrite(arena, e->arg[i], leaf, user, &arg[i], err));
		changed = changed || arg[i] != e->arg[i];
	}
	if (!changed)
		return SPK_OK;
	*out = spk_arena_copy(arena, e, sizeof *e);
	SPK_TRY_PTR(*out, err);
	(*out)->arg = arg;
	(*out)->nullable = may_be_null(*out);
	return SPK_OK;
}
