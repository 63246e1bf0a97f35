/*
 * Decorrelation: makes plain joins of dependent ones, the innermost first; see decorrelate.h for the ways. Afterwards no OUTER reference
 * is left. A scalar subquery that has one row whatever its input (an aggregate without groups) needs no check of its number of rows.
 */
#include "planner/optimizer/decorrelate.h"

/* EXISTS: neither the columns nor how many rows there are matter, so what only changes those goes. */
static struct spk_logical *bare_existence(struct spk_logical *right)
{
	while (right->kind == SPK_LOGICAL_PROJECT || right->kind == SPK_LOGICAL_SORT || (right->kind == SPK_LOGICAL_LIMIT && right->limit != 0 && !right->offset))
		right = right->input[0];
	return right;
}

static spk_status simplify_exists(struct spk_arena *arena, struct spk_logical *l, struct spk_logical **out, spk_error *err)
{
	struct spk_logical *input[2];

	*out = l;
	if (l->kind != SPK_LOGICAL_JOIN || l->filter || (l->join != SPK_JOIN_SEMI && l->join != SPK_JOIN_ANTI && l->join != SPK_JOIN_MARK))
		return SPK_OK;
	input[0] = l->input[0];
	input[1] = bare_existence(l->input[1]);
	*out = spk_logical_with(arena, l, input);
	SPK_TRY_PTR(*out, err);
	return SPK_OK;
}

/* Exactly one row comes out. */
static bool is_one_row(const struct spk_logical *l)
{
	while (l->kind == SPK_LOGICAL_PROJECT || l->kind == SPK_LOGICAL_SORT)
		l = l->input[0];
	return (l->kind == SPK_LOGICAL_AGGREGATE && l->expr_count == 0) || (l->kind == SPK_LOGICAL_VALUES && l->value_rows == 1);
}

static spk_status simplify_single(struct spk_arena *arena, struct spk_logical *l, struct spk_logical **out, spk_error *err)
{
	struct spk_logical *copy;

	*out = l;
	if (l->kind != SPK_LOGICAL_JOIN || l->join != SPK_JOIN_SINGLE || l->filter || l->dependent || !is_one_row(l->input[1]))
		return SPK_OK;
	copy = spk_logical_clone(arena, l);
	SPK_TRY_PTR(copy, err);
	copy->join = SPK_JOIN_INNER;  /* its schema may stay: columns that could be NULL */
	*out = copy;
	return SPK_OK;
}

/* ON true is no condition. */
static spk_status drop_true(struct spk_arena *arena, struct spk_logical *l, struct spk_logical **out, spk_error *err)
{
	*out = l;
	if (l->kind != SPK_LOGICAL_JOIN || !l->filter || !spk_is_true(l->filter))
		return SPK_OK;
	*out = spk_logical_clone(arena, l);
	SPK_TRY_PTR(*out, err);
	(*out)->filter = NULL;
	return SPK_OK;
}

static spk_status decorrelate_node(struct spk_arena *arena, struct spk_logical *l, struct spk_logical **out, spk_error *err)
{
	struct spk_logical *made = NULL;

	SPK_TRY(drop_true(arena, l, &l, err));
	SPK_TRY(simplify_exists(arena, l, &l, err));
	SPK_TRY(simplify_single(arena, l, &l, err));
	*out = l;
	if (l->kind != SPK_LOGICAL_JOIN || !l->dependent)
		return SPK_OK;
	if (!spk_tree_has_outer(l->input[1], l->dependent)) {
		SPK_TRY_PTR(made = spk_logical_clone(arena, l), err);
		made->dependent = 0;
		return simplify_single(arena, made, out, err);
	}
	SPK_TRY(spk_decorrelate_graft(arena, l, &made, err));
	if (!made)
		SPK_TRY(spk_decorrelate_pull(arena, l, &made, err));
	if (!made)
		SPK_TRY(spk_decorrelate_push(arena, l, &made, err));
	*out = made;
	return SPK_OK;
}

spk_status spk_rule_decorrelate(struct spk_arena *arena, struct spk_logical *root, struct spk_logical **out, spk_error *err)
{
	SPK_TRY(spk_rule_walk(arena, root, decorrelate_node, out, err));
	if (*out != root && spk_tree_has_outer(*out, 0))
		return spk_fail(err, SPK_INTERNAL, "decorrelation left a reference to an outer query");
	return SPK_OK;
}
