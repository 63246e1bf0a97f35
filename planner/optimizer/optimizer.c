/* Applies the rules until nothing changes, and what they share. */
#include "planner/optimizer/rules.h"

#include <string.h>

#define RULE(id, name_) { .name = name_, .apply = spk_rule_##id },
static const struct spk_rule rules[] = { SPK_RULE_LIST(RULE) SPK_FIRST_RULE_LIST(RULE) SPK_LAST_RULE_LIST(RULE) };
#undef RULE
enum {
#define ONE(id, name) + 1
	REPEATED = 0 SPK_RULE_LIST(ONE),
	FIRST = 0 SPK_FIRST_RULE_LIST(ONE),
#undef ONE
};

const struct spk_rule *spk_rules(int *count)
{
	*count = (int)SPK_COUNT_OF(rules);
	return rules;
}

static bool skipped(const char *name, const char *const *skip)
{
	for (; skip && *skip; skip++)
		if (strcmp(*skip, name) == 0)
			return true;
	return false;
}

static spk_status apply(struct spk_arena *arena, struct spk_logical **root, const char *const *skip, int from, int to, spk_error *err)
{
	for (int i = from; i < to; i++)
		if (!skipped(rules[i].name, skip))
			SPK_TRY(rules[i].apply(arena, *root, root, err));
	return SPK_OK;
}

/* The rules that are repeated, until nothing changes. */
static spk_status settle(struct spk_arena *arena, struct spk_logical **root, const char *const *skip, spk_error *err)
{
	/* Every round moves filters and columns downwards or removes a node, so few are needed; the bound is a belt. */
	enum { ROUNDS_MAX = 32 };

	for (int round = 0; round < ROUNDS_MAX; round++) {
		struct spk_logical *before = *root;

		SPK_TRY(apply(arena, root, skip, 0, REPEATED, err));
		if (*root == before)
			break;
	}
	return SPK_OK;
}

spk_status spk_optimize(struct spk_arena *arena, struct spk_logical *root, const char *const *skip, struct spk_logical **out, spk_error *err)
{
	SPK_TRY(apply(arena, &root, skip, REPEATED, REPEATED + FIRST, err));
	SPK_TRY(settle(arena, &root, skip, err));
	SPK_TRY(apply(arena, &root, skip, REPEATED + FIRST, (int)SPK_COUNT_OF(rules), err));
	SPK_TRY(settle(arena, &root, skip, err));
	SPK_TRY(spk_logical_finish(arena, root, err));
	*out = root;
	return SPK_OK;
}

/* --- trees --- */

struct spk_logical *spk_logical_with(struct spk_arena *arena, struct spk_logical *l, struct spk_logical *const *input)
{
	struct spk_logical *copy;

	if (l->inputs == 0 || memcmp(l->input, input, sizeof *input * (size_t)l->inputs) == 0)
		return l;
	copy = spk_arena_copy(arena, l, sizeof *l);
	if (!copy)
		return NULL;
	copy->input = spk_arena_copy(arena, input, sizeof *input * (size_t)l->inputs);
	return copy->input ? copy : NULL;
}

spk_status spk_rule_walk(struct spk_arena *arena, struct spk_logical *root, spk_rule_node node, struct spk_logical **out, spk_error *err)
{
	struct spk_logical **input = SPK_NEW_ARRAY(arena, struct spk_logical *, root->inputs + 1);

	SPK_TRY_PTR(input, err);
	for (int i = 0; i < root->inputs; i++)
		SPK_TRY(spk_rule_walk(arena, root->input[i], node, &input[i], err));
	root = spk_logical_with(arena, root, input);
	SPK_TRY_PTR(root, err);
	return node(arena, root, out, err);
}

/* --- expressions of a node --- */

static spk_status change_list(struct spk_arena *arena, struct spk_expr ***list, int count, spk_rule_expr change, bool *changed, spk_error *err)
{
	struct spk_expr **made = SPK_NEW_ARRAY(arena, struct spk_expr *, count + 1);
	bool any = false;

	SPK_TRY_PTR(made, err);
	for (int i = 0; i < count; i++) {
		SPK_TRY(change(arena, (*list)[i], &made[i], err));
		any = any || made[i] != (*list)[i];
	}
	if (any)
		*list = made;
	*changed = *changed || any;
	return SPK_OK;
}

static spk_status change_one(struct spk_arena *arena, struct spk_expr **e, spk_rule_expr change, bool *changed, spk_error *err)
{
	struct spk_expr *made;

	if (!*e)
		return SPK_OK;
	SPK_TRY(change(arena, *e, &made, err));
	*changed = *changed || made != *e;
	*e = made;
	return SPK_OK;
}

static spk_status change_calls(struct spk_arena *arena, struct spk_logical *l, spk_rule_expr change, bool *changed, spk_error *err)
{
	struct spk_aggregate_call *call = spk_arena_copy(arena, l->aggregate, sizeof *call * (size_t)l->aggregate_count);
	bool any = false;

	SPK_TRY_PTR(call, err);
	for (int i = 0; i < l->aggregate_count; i++) {
		SPK_TRY(change_list(arena, &call[i].input, call[i].inputs, change, &any, err));
		SPK_TRY(change_one(arena, &call[i].filter, change, &any, err));
	}
	if (any)
		l->aggregate = call;
	*changed = *changed || any;
	return SPK_OK;
}

spk_status spk_rule_exprs(struct spk_arena *arena, struct spk_logical *l, spk_rule_expr change, struct spk_logical **out, spk_error *err)
{
	struct spk_logical copy = *l;
	bool changed = false;

	*out = l;
	SPK_TRY(change_one(arena, &copy.filter, change, &changed, err));
	if (copy.expr_count)
		SPK_TRY(change_list(arena, &copy.expr, copy.expr_count, change, &changed, err));
	if (copy.value_rows && copy.schema->count)
		SPK_TRY(change_list(arena, &copy.value, copy.value_rows * copy.schema->count, change, &changed, err));
	if (copy.aggregate_count)
		SPK_TRY(change_calls(arena, &copy, change, &changed, err));
	if (!changed)
		return SPK_OK;
	*out = spk_arena_copy(arena, &copy, sizeof copy);
	SPK_TRY_PTR(*out, err);
	return SPK_OK;
}

struct spk_logical *spk_filter_node(struct spk_arena *arena, struct spk_expr *predicate, struct spk_logical *input)
{
	struct spk_logical *l = spk_logical_new(arena, SPK_LOGICAL_FILTER, input->schema, &input, 1);

	if (l) {
		l->filter = predicate;
		if (predicate->position)
			l->position = predicate->position;
	}
	return l;
}

spk_status spk_conjoin(struct spk_arena *arena, struct spk_expr *a, struct spk_expr *b, struct spk_expr **out, spk_error *err)
{
	struct spk_expr *both[2] = { a, b };

	if (!a || !b) {
		*out = a ? a : b;
		return SPK_OK;
	}
	return spk_expr_make(arena, SPK_EXPR_AND, both, 2, false, a->position, out, err);
}
