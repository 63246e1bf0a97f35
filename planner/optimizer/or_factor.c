/*
 * What an OR of ANDs says at once.
 *
 *   (a AND b) OR (a AND c)            a AND (b OR c): a may be a join's condition, or may be pushed down
 *   (a1 AND b1) OR (a2 AND b2)        with a1, a2 over one relation alone: also (a1 OR a2), which may be pushed down to it
 *
 * Applied once: the second form adds what follows from the first anyway. Nothing that may fail is moved to where it was not computed before.
 */
#include "planner/optimizer/rules.h"

#include <string.h>

/* The conjuncts of an expression. */
static int conjuncts(struct spk_expr *e, struct spk_expr *const **out, struct spk_expr **one)
{
	if (e->kind == SPK_EXPR_AND) {
		*out = e->arg;
		return e->args;
	}
	*one = e;
	*out = one;
	return 1;
}

static bool has_conjunct(struct spk_expr *branch, const struct spk_expr *e)
{
	struct spk_expr *one, *const *list;
	int n = conjuncts(branch, &list, &one);

	for (int i = 0; i < n; i++)
		if (spk_expr_same(list[i], e))
			return true;
	return false;
}

static bool in_all(const struct spk_expr *or, const struct spk_expr *e)
{
	for (int i = 0; i < or->args; i++)
		if (!has_conjunct(or->arg[i], e))
			return false;
	return spk_expr_deterministic(e);
}

/* A branch without what all have; NULL: nothing is left of it. */
static spk_status without_common(struct spk_arena *arena, struct spk_expr *branch, const struct spk_expr *or, struct spk_expr **out, spk_error *err)
{
	struct spk_expr *one, *const *list;
	int n = conjuncts(branch, &list, &one);

	*out = NULL;
	for (int i = 0; i < n; i++)
		if (!in_all(or, list[i]))
			SPK_TRY(spk_conjoin(arena, *out, list[i], out, err));
	return SPK_OK;
}

/* Takes out what all branches have. */
static spk_status factor(struct spk_arena *arena, struct spk_expr *or, struct spk_expr **out, spk_error *err)
{
	struct spk_expr *one, *const *list, **rest = SPK_NEW_ARRAY(arena, struct spk_expr *, or->args), *common = NULL, *left;
	int n = conjuncts(or->arg[0], &list, &one);
	bool all_left = true;

	*out = or;
	SPK_TRY_PTR(rest, err);
	for (int i = 0; i < n; i++)
		if (in_all(or, list[i]))
			SPK_TRY(spk_conjoin(arena, common, list[i], &common, err));
	if (!common)
		return SPK_OK;
	for (int i = 0; i < or->args; i++) {
		SPK_TRY(without_common(arena, or->arg[i], or, &rest[i], err));
		all_left = all_left && rest[i];
	}
	*out = common;
	if (!all_left)  /* a branch is the common part alone: the others say nothing more */
		return SPK_OK;
	SPK_TRY(spk_expr_make(arena, SPK_EXPR_OR, rest, or->args, false, or->position, &left, err));
	return spk_conjoin(arena, common, left, out, err);
}

/* --- what it says of one relation --- */

/* Columns [first, end) of the node are those of one relation below its joins. */
struct relation { int first, end; };

static int relations_of(const struct spk_logical *l, int first, struct relation *list, int count, int capacity)
{
	if (l->kind == SPK_LOGICAL_FILTER)
		return relations_of(l->input[0], first, list, count, capacity);
	if (l->kind == SPK_LOGICAL_JOIN && l->join <= SPK_JOIN_FULL) {
		count = relations_of(l->input[0], first, list, count, capacity);
		return relations_of(l->input[1], first + l->input[0]->schema->count, list, count, capacity);
	}
	if (count < capacity)
		list[count++] = (struct relation){ first, first + l->schema->count };
	return count;
}

struct within { struct relation r; int inside, outside; };

static void note(int column, void *user)
{
	struct within *w = user;

	column >= w->r.first && column < w->r.end ? w->inside++ : w->outside++;
}

static bool is_about(const struct spk_expr *e, struct relation r)
{
	struct within w = { .r = r };

	spk_expr_columns(e, note, &w);
	return w.inside && !w.outside && !spk_expr_can_fail(e) && spk_expr_deterministic(e);
}

/* OR of what each branch says of the relation alone; NULL when one says nothing of it. */
static spk_status implied(struct spk_arena *arena, struct spk_expr *or, struct relation r, struct spk_expr **out, spk_error *err)
{
	struct spk_expr **branch = SPK_NEW_ARRAY(arena, struct spk_expr *, or->args);

	*out = NULL;
	SPK_TRY_PTR(branch, err);
	for (int i = 0; i < or->args; i++) {
		struct spk_expr *one, *const *list;
		int n = conjuncts(or->arg[i], &list, &one);

		for (int k = 0; k < n; k++)
			if (is_about(list[k], r))
				SPK_TRY(spk_conjoin(arena, branch[i], list[k], &branch[i], err));
		if (!branch[i])
			return SPK_OK;
	}
	return spk_expr_make(arena, SPK_EXPR_OR, branch, or->args, false, or->position, out, err);
}

static spk_status add_implied(struct spk_arena *arena, const struct spk_logical *below, struct spk_expr *or, struct spk_expr **all, spk_error *err)
{
	enum { RELATIONS_MAX = 64 };
	struct relation list[RELATIONS_MAX];
	int count = relations_of(below, 0, list, 0, RELATIONS_MAX);

	for (int i = 0; i < count && count > 1; i++) {
		struct spk_expr *e;

		if (is_about(or, list[i]))
			return SPK_OK;
		SPK_TRY(implied(arena, or, list[i], &e, err));
		if (e)
			SPK_TRY(spk_conjoin(arena, *all, e, all, err));
	}
	return SPK_OK;
}

/* --- */

static spk_status change_filter(struct spk_arena *arena, struct spk_logical *l, struct spk_logical **out, spk_error *err)
{
	struct spk_expr *one, *const *list, *all = NULL;
	int n = conjuncts(l->filter, &list, &one);
	bool changed = false;

	*out = l;
	for (int i = 0; i < n; i++) {
		struct spk_expr *e = list[i], *again, *const *parts;
		int m;

		if (e->kind == SPK_EXPR_OR)
			SPK_TRY(factor(arena, e, &e, err));
		changed = changed || e != list[i];
		SPK_TRY(spk_conjoin(arena, all, e, &all, err));
		m = conjuncts(e, &parts, &again);
		for (int k = 0; k < m; k++) {
			struct spk_expr *before = all;

			if (parts[k]->kind == SPK_EXPR_OR)
				SPK_TRY(add_implied(arena, l->input[0], parts[k], &all, err));
			changed = changed || all != before;
		}
	}
	if (!changed)
		return SPK_OK;
	*out = spk_arena_copy(arena, l, sizeof *l);
	SPK_TRY_PTR(*out, err);
	(*out)->filter = all;
	return SPK_OK;
}

static spk_status change_node(struct spk_arena *arena, struct spk_logical *l, struct spk_logical **out, spk_error *err)
{
	*out = l;
	return l->kind == SPK_LOGICAL_FILTER ? change_filter(arena, l, out, err) : SPK_OK;
}

spk_status spk_rule_or_factor(struct spk_arena *arena, struct spk_logical *root, struct spk_logical **out, spk_error *err)
{
	return spk_rule_walk(arena, root, change_node, out, err);
}
