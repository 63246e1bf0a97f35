/*
 * Filters that are always met go; those that never are make an empty VALUES of what is below; neighbours become one, the lower
 * one's conditions first, since they protect the upper one's.
 */
#include "planner/optimizer/rules.h"

static spk_status no_rows(struct spk_arena *arena, const struct spk_logical *l, struct spk_logical **out, spk_error *err)
{
	*out = spk_logical_new(arena, SPK_LOGICAL_VALUES, l->schema, NULL, 0);
	SPK_TRY_PTR(*out, err);
	(*out)->position = l->position;
	return SPK_OK;
}

static bool is_empty(const struct spk_logical *l) { return l->kind == SPK_LOGICAL_VALUES && l->value_rows == 0; }

/* Branches of a UNION that give no rows go, unless none is left. */
static spk_status simplify_union(struct spk_arena *arena, struct spk_logical *l, struct spk_logical **out, spk_error *err)
{
	struct spk_logical **kept = SPK_NEW_ARRAY(arena, struct spk_logical *, l->inputs);
	int n = 0;

	SPK_TRY_PTR(kept, err);
	for (int i = 0; i < l->inputs; i++)
		if (!is_empty(l->input[i]))
			kept[n++] = l->input[i];
	if (n == l->inputs)
		return SPK_OK;
	if (n == 0)
		return no_rows(arena, l, out, err);
	*out = spk_logical_new(arena, SPK_LOGICAL_UNION, l->schema, kept, n);
	SPK_TRY_PTR(*out, err);
	(*out)->position = l->position;
	return SPK_OK;
}

/* A join with a side of no rows has none itself, unless the other side's come out anyway. */
static bool joins_nothing(const struct spk_logical *l)
{
	bool left = is_empty(l->input[0]), right = is_empty(l->input[1]);

	switch (l->join) {
	case SPK_JOIN_INNER:
	case SPK_JOIN_SEMI: return left || right;
	case SPK_JOIN_RIGHT: return right;
	case SPK_JOIN_FULL: return left && right;
	case SPK_JOIN_LEFT:
	case SPK_JOIN_ANTI:
	case SPK_JOIN_MARK:
	case SPK_JOIN_SINGLE:
	case SPK_JOIN_ASOF:
	case SPK_JOIN_ASOF_LEFT:
	case SPK_JOIN_LOOKUP:
	case SPK_JOIN_LOOKUP_LEFT: break;
	}
	return left;
}

static spk_status simplify(struct spk_arena *arena, struct spk_logical *l, struct spk_logical **out, spk_error *err)
{
	struct spk_expr *both;

	*out = l;
	if (l->kind == SPK_LOGICAL_UNION)
		return simplify_union(arena, l, out, err);
	if ((l->kind == SPK_LOGICAL_PROJECT || l->kind == SPK_LOGICAL_WINDOW || l->kind == SPK_LOGICAL_SORT || l->kind == SPK_LOGICAL_LIMIT || l->kind == SPK_LOGICAL_FILTER) &&
	    is_empty(l->input[0]))
		return no_rows(arena, l, out, err);
	if (l->kind == SPK_LOGICAL_JOIN && joins_nothing(l))
		return no_rows(arena, l, out, err);
	if (l->kind == SPK_LOGICAL_LIMIT && l->limit == 0)
		return no_rows(arena, l, out, err);
	if (l->kind == SPK_LOGICAL_SCAN && l->filter && spk_is_never(l->filter))
		return no_rows(arena, l, out, err);
	if (l->kind != SPK_LOGICAL_FILTER)
		return SPK_OK;
	if (spk_is_true(l->filter)) {
		*out = l->input[0];
		return SPK_OK;
	}
	if (spk_is_never(l->filter))
		return no_rows(arena, l, out, err);
	if (l->input[0]->kind != SPK_LOGICAL_FILTER)
		return SPK_OK;
	SPK_TRY(spk_conjoin(arena, l->input[0]->filter, l->filter, &both, err));
	*out = spk_filter_node(arena, both, l->input[0]->input[0]);
	SPK_TRY_PTR(*out, err);
	return SPK_OK;
}

spk_status spk_rule_filter_simplify(struct spk_arena *arena, struct spk_logical *root, struct spk_logical **out, spk_error *err)
{
	return spk_rule_walk(arena, root, simplify, out, err);
}
