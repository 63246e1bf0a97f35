/*
 * Two projections in a row are one, unless that would compute something twice; one that gives its input's columns as they are
 * goes (at the top only when their names are the same, too: they are the result's; a SHARED may give way to its own input, whose names are others).
 */
#include "planner/optimizer/rules.h"

#include <string.h>

static void count_use(int column, void *user) { ((int *)user)[column]++; }

static bool is_cheap(const struct spk_expr *e) { return e->kind == SPK_EXPR_COLUMN || e->kind == SPK_EXPR_CONSTANT; }

static bool can_merge(const struct spk_logical *upper, const struct spk_logical *lower, int *uses)
{
	for (int i = 0; i < upper->expr_count; i++)
		spk_expr_columns(upper->expr[i], count_use, uses);
	for (int i = 0; i < lower->expr_count; i++)
		if (!is_cheap(lower->expr[i]) && (uses[i] > 1 || !spk_expr_deterministic(lower->expr[i])))
			return false;
	return true;
}

static bool is_identity(const struct spk_logical *l)
{
	const struct spk_schema *in = l->input[0]->schema;

	if (l->expr_count != in->count)
		return false;
	for (int i = 0; i < l->expr_count; i++)
		if (l->expr[i]->kind != SPK_EXPR_COLUMN || l->expr[i]->column != i || !spk_type_same(l->expr[i]->type, in->field[i].type))
			return false;
	return true;
}

static bool same_names(const struct spk_schema *a, const struct spk_schema *b)
{
	for (int i = 0; i < a->count; i++)
		if (strcmp(a->field[i].name, b->field[i].name) != 0)
			return false;
	return true;
}

static spk_status merge_one(struct spk_arena *arena, struct spk_logical *l, struct spk_logical **out, spk_error *err)
{
	struct spk_logical *lower = l->input[0];
	int *uses = SPK_NEW_ARRAY(arena, int, lower->schema->count + 1);
	struct spk_expr **expr;

	SPK_TRY_PTR(uses, err);
	if (lower->kind != SPK_LOGICAL_PROJECT || !can_merge(l, lower, uses))
		return SPK_OK;
	expr = SPK_NEW_ARRAY(arena, struct spk_expr *, l->expr_count + 1);
	SPK_TRY_PTR(expr, err);
	for (int i = 0; i < l->expr_count; i++)
		SPK_TRY_PTR(expr[i] = spk_expr_substitute(arena, l->expr[i], lower->expr), err);
	*out = spk_logical_new(arena, SPK_LOGICAL_PROJECT, l->schema, lower->input, 1);
	SPK_TRY_PTR(*out, err);
	(*out)->expr = expr;
	(*out)->expr_count = l->expr_count;
	(*out)->position = l->position;
	return SPK_OK;
}

static spk_status merge(struct spk_arena *arena, struct spk_logical *l, bool top, struct spk_logical **out, spk_error *err)
{
	struct spk_logical **input = SPK_NEW_ARRAY(arena, struct spk_logical *, l->inputs + 1);

	SPK_TRY_PTR(input, err);
	for (int i = 0; i < l->inputs; i++)
		SPK_TRY(merge(arena, l->input[i], false, &input[i], err));
	l = spk_logical_with(arena, l, input);
	SPK_TRY_PTR(l, err);
	*out = l;
	if (l->kind != SPK_LOGICAL_PROJECT)
		return SPK_OK;
	if (is_identity(l) && (!top || (l->input[0]->kind != SPK_LOGICAL_SHARED && same_names(l->schema, l->input[0]->schema)))) {
		*out = l->input[0];
		return SPK_OK;
	}
	return merge_one(arena, l, out, err);
}

spk_status spk_rule_project_merge(struct spk_arena *arena, struct spk_logical *root, struct spk_logical **out, spk_error *err)
{
	return merge(arena, root, true, out, err);
}
