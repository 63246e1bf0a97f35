/*
 * Outer joins that need not be: where rows with NULLs for a side would be dropped further up anyway, they are not made. LEFT becomes INNER,
 * FULL becomes LEFT, RIGHT or INNER.
 *
 * From the root down, every node is told of which of its columns a NULL means that the row does not count: those that a filter or a join's
 * condition is never true for.
 */
#include <string.h>

#include "core/expr/function.h"
#include "planner/optimizer/conjuncts.h"

struct walk { struct spk_arena *arena; };

static spk_status simplify(struct walk *w, struct spk_logical *l, const bool *rejected, struct spk_logical **out, spk_error *err);

/* --- what a NULL does to an expression --- */

static void merge(bool *into, const bool *from, int n)
{
	for (int i = 0; i < n; i++)
		into[i] = into[i] || from[i];
}

static void meet(bool *into, const bool *from, int n)
{
	for (int i = 0; i < n; i++)
		into[i] = into[i] && from[i];
}

typedef spk_status (*columns_of)(struct walk *w, const struct spk_expr *e, bool *out, int n, spk_error *err);

/* The columns that `ask` gives of every argument, or of any. */
static spk_status of_args(struct walk *w, const struct spk_expr *e, columns_of ask, bool every, bool *out, int n, spk_error *err)
{
	for (int i = 0; i < e->args; i++) {
		bool *one = SPK_NEW_ARRAY(w->arena, bool, n + 1);

		SPK_TRY_PTR(one, err);
		SPK_TRY(ask(w, e->arg[i], one, n, err));
		if (every && i > 0)
			meet(out, one, n);
		else
			merge(out, one, n);
	}
	return SPK_OK;
}

/* Marks in out[0..n), all false before, the columns that make the expression NULL when they are. */
static spk_status makes_null(struct walk *w, const struct spk_expr *e, bool *out, int n, spk_error *err)
{
	switch (e->kind) {
	case SPK_EXPR_COLUMN:
		out[e->column] = true;
		return SPK_OK;
	case SPK_EXPR_CALL:
		return e->function->not_strict ? SPK_OK : of_args(w, e, makes_null, false, out, n, err);
	case SPK_EXPR_CAST:
	case SPK_EXPR_NOT:
	case SPK_EXPR_IN:
		return makes_null(w, e->arg[0], out, n, err);
	case SPK_EXPR_AND:
	case SPK_EXPR_OR:
		return of_args(w, e, makes_null, true, out, n, err);
	default:
		return SPK_OK;
	}
}

static bool is_false(const struct spk_expr *e)
{
	return e->kind == SPK_EXPR_CONSTANT && e->type.id == SPK_TYPE_BOOLEAN && !e->value.null && !e->value.boolean;
}

/* ... that keep it from being true when they are. */
static spk_status denies(struct walk *w, const struct spk_expr *e, bool *out, int n, spk_error *err)
{
	if (e->kind == SPK_EXPR_AND || e->kind == SPK_EXPR_OR)
		return of_args(w, e, denies, e->kind == SPK_EXPR_OR, out, n, err);
	if (e->kind == SPK_EXPR_IS_NULL)
		return e->negated ? makes_null(w, e->arg[0], out, n, err) : SPK_OK;
	if (e->kind == SPK_EXPR_COALESCE && e->args == 2 && is_false(e->arg[1]))
		return denies(w, e->arg[0], out, n, err);
	return makes_null(w, e, out, n, err);
}

/* --- nodes --- */

static bool any(const bool *set, int from, int n)
{
	for (int i = 0; i < n; i++)
		if (set[from + i])
			return true;
	return false;
}

/* The type that is left when rows with NULLs for these sides need not come out. */
static enum spk_join_type narrow(enum spk_join_type type, bool no_left, bool no_right)
{
	switch (type) {
	case SPK_JOIN_LEFT: return no_right ? SPK_JOIN_INNER : type;
	case SPK_JOIN_RIGHT: return no_left ? SPK_JOIN_INNER : type;
	case SPK_JOIN_FULL: return no_left && no_right ? SPK_JOIN_INNER : no_left ? SPK_JOIN_LEFT : no_right ? SPK_JOIN_RIGHT : type;
	default: return type;
	}
}

/* Whether rows of a side without a match are of no use, so that what the condition says of that side must hold. */
static bool must_match(enum spk_join_type type, int side)
{
	switch (type) {
	case SPK_JOIN_INNER:
	case SPK_JOIN_SEMI: return true;
	case SPK_JOIN_LEFT:
	case SPK_JOIN_ANTI:
	case SPK_JOIN_SINGLE: return side == 1;
	case SPK_JOIN_RIGHT: return side == 0;
	case SPK_JOIN_FULL:
	case SPK_JOIN_MARK:
	case SPK_JOIN_ASOF:
	case SPK_JOIN_ASOF_LEFT:
	case SPK_JOIN_LOOKUP:
	case SPK_JOIN_LOOKUP_LEFT: break;
	}
	return false;
}

static spk_status simplify_join(struct walk *w, struct spk_logical *l, const bool *rejected, struct spk_logical **out, spk_error *err)
{
	int n[2] = { l->input[0]->schema->count, l->input[1]->schema->count }, first[2] = { 0, n[0] };
	bool shows_right = l->join != SPK_JOIN_SEMI && l->join != SPK_JOIN_ANTI && l->join != SPK_JOIN_MARK;
	enum spk_join_type type = narrow(l->join, any(rejected, 0, n[0]), shows_right && any(rejected, n[0], n[1]));
	bool *condition = SPK_NEW_ARRAY(w->arena, bool, n[0] + n[1] + 1);
	struct spk_logical *input[2];

	SPK_TRY_PTR(condition, err);
	if (l->filter)
		SPK_TRY(denies(w, l->filter, condition, n[0] + n[1], err));
	for (int s = 0; s < 2; s++) {
		bool *below = SPK_NEW_ARRAY(w->arena, bool, n[s] + 1);

		SPK_TRY_PTR(below, err);
		if (s == 0 || shows_right)
			merge(below, rejected + first[s], n[s]);
		if (must_match(type, s))
			merge(below, condition + first[s], n[s]);
		SPK_TRY(simplify(w, l->input[s], below, &input[s], err));
	}
	*out = spk_logical_with(w->arena, l, input);
	SPK_TRY_PTR(*out, err);
	if (type == l->join)
		return SPK_OK;
	*out = spk_arena_copy(w->arena, *out, sizeof **out);
	SPK_TRY_PTR(*out, err);
	(*out)->join = type;  /* its schema may stay: columns that could be NULL */
	return SPK_OK;
}

/* What is known of the node's columns, said of its only input's; all false where nothing can be said. */
static spk_status look_below(struct walk *w, const struct spk_logical *l, const bool *rejected, bool *below, spk_error *err)
{
	int n = l->input[0]->schema->count;

	switch (l->kind) {
	case SPK_LOGICAL_FILTER:
		merge(below, rejected, n);
		return denies(w, l->filter, below, n, err);
	case SPK_LOGICAL_SORT:
		merge(below, rejected, n);
		return SPK_OK;
	case SPK_LOGICAL_PROJECT:
	case SPK_LOGICAL_AGGREGATE:
		for (int i = 0; i < l->expr_count; i++)
			if (rejected[i])
				SPK_TRY(makes_null(w, l->expr[i], below, n, err));
		return SPK_OK;
	default:
		return SPK_OK;
	}
}

static spk_status simplify(struct walk *w, struct spk_logical *l, const bool *rejected, struct spk_logical **out, spk_error *err)
{
	struct spk_logical **input = SPK_NEW_ARRAY(w->arena, struct spk_logical *, l->inputs + 1);

	SPK_TRY_PTR(input, err);
	if (l->kind == SPK_LOGICAL_JOIN && !l->dependent)
		return simplify_join(w, l, rejected, out, err);
	for (int i = 0; i < l->inputs; i++) {
		bool *below = SPK_NEW_ARRAY(w->arena, bool, l->input[i]->schema->count + 1);

		SPK_TRY_PTR(below, err);
		if (l->inputs == 1)
			SPK_TRY(look_below(w, l, rejected, below, err));
		else if (l->kind == SPK_LOGICAL_UNION)
			merge(below, rejected, l->schema->count);
		SPK_TRY(simplify(w, l->input[i], below, &input[i], err));
	}
	*out = spk_logical_with(w->arena, l, input);
	SPK_TRY_PTR(*out, err);
	return SPK_OK;
}

spk_status spk_rule_outer_join(struct spk_arena *arena, struct spk_logical *root, struct spk_logical **out, spk_error *err)
{
	struct walk w = { arena };
	bool *nothing = SPK_NEW_ARRAY(arena, bool, root->schema->count + 1);

	SPK_TRY_PTR(nothing, err);
	return simplify(&w, root, nothing, out, err);
}
