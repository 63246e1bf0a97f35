/*
 * Conditions and joins. Those of a filter above, and the join's own, go to where they drop rows first:
 *
 *   of one side        into that side, where its rows do not come out for having found no match: the join's own then only say which pairs match
 *                      (left outer: own conditions of the right side), those above only which rows come out (left outer: of the left side)
 *   of both, above     an inner join's own: WHERE a.x = b.x over a cross join makes it a join by key
 *   inferred           where a.x = b.x must hold, what must hold for a.x must hold for b.x
 *
 * A condition that may fail goes to no side: the join may be there to protect it.
 */
#include "planner/optimizer/conjuncts.h"
#include "planner/optimizer/decorrelate.h"

/* Where conditions are on their way to. */
struct joining {
	struct spk_arena *arena;
	const struct spk_logical *l;
	int left, right;                 /* columns of the sides */
	struct spk_conjuncts side[2];    /* over left ++ right still */
	struct spk_conjuncts own, above;
	bool moved;
};

/* --- what the kind of join allows --- */

static bool above_goes(enum spk_join_type type, int side)
{
	switch (type) {
	case SPK_JOIN_INNER: return true;
	case SPK_JOIN_RIGHT: return side == 1;
	case SPK_JOIN_FULL: return false;
	case SPK_JOIN_LEFT:
	case SPK_JOIN_SEMI:
	case SPK_JOIN_ANTI:
	case SPK_JOIN_MARK:
	case SPK_JOIN_SINGLE:
	case SPK_JOIN_ASOF:
	case SPK_JOIN_ASOF_LEFT:
	case SPK_JOIN_LOOKUP:
	case SPK_JOIN_LOOKUP_LEFT: break;
	}
	return side == 0;
}

/* MARK asks whether pairs are false or NULL: a row may go only where its condition cannot be NULL. */
static bool own_goes(const struct spk_expr *e, enum spk_join_type type, int side)
{
	switch (type) {
	case SPK_JOIN_INNER:
	case SPK_JOIN_SEMI: return true;
	case SPK_JOIN_RIGHT: return side == 0;
	case SPK_JOIN_FULL:
	case SPK_JOIN_ASOF:
	case SPK_JOIN_ASOF_LEFT:
	case SPK_JOIN_LOOKUP:
	case SPK_JOIN_LOOKUP_LEFT: return false;
	case SPK_JOIN_MARK: return side == 1 && !e->nullable;
	case SPK_JOIN_LEFT:
	case SPK_JOIN_ANTI:
	case SPK_JOIN_SINGLE: break;
	}
	return side == 1;
}

/* Whether rows of the other side that do not meet what holds for this side's rows are of no use. */
static bool infers_from(enum spk_join_type type, int side)
{
	if (type == SPK_JOIN_INNER || type == SPK_JOIN_SEMI)
		return true;
	return type == SPK_JOIN_RIGHT ? side == 1 : side == 0 && (type == SPK_JOIN_LEFT || type == SPK_JOIN_ANTI || type == SPK_JOIN_SINGLE);
}

/* --- sorting conditions --- */

static spk_status sort_own(struct joining *j, struct spk_expr *e, spk_error *err)
{
	enum spk_sides sides = spk_expr_sides(e, j->left);
	int side = sides == SPK_SIDE_RIGHT;

	if (sides == SPK_SIDE_NONE || sides == SPK_SIDE_BOTH || !spk_expr_deterministic(e) || spk_expr_can_fail(e) || !own_goes(e, j->l->join, side))
		return spk_conjuncts_add(&j->own, e, err);
	j->moved = true;
	return spk_conjuncts_add_new(&j->side[side], e, err);
}

static spk_status sort_above(struct joining *j, struct spk_expr *e, spk_error *err)
{
	bool inner = j->l->join == SPK_JOIN_INNER, fails = spk_expr_can_fail(e);
	enum spk_sides sides = spk_expr_sides(e, j->left);
	int side = sides == SPK_SIDE_RIGHT;

	/* What may fail does not overtake what stays. */
	if (!spk_expr_deterministic(e) || sides == SPK_SIDE_NONE || (fails && j->above.count))
		return spk_conjuncts_add(&j->above, e, err);
	if (sides != SPK_SIDE_BOTH && !fails && above_goes(j->l->join, side)) {
		j->moved = true;
		return spk_conjuncts_add_new(&j->side[side], e, err);
	}
	if (!inner)
		return spk_conjuncts_add(&j->above, e, err);
	j->moved = true;
	return spk_conjuncts_add(&j->own, e, err);
}

/* MARK's column and what a filter says of it stay above; so does everything that looks at it. */
static bool looks_at_mark(const struct joining *j, const struct spk_expr *e)
{
	return j->l->join == SPK_JOIN_MARK && (spk_expr_sides(e, j->left) & SPK_SIDE_RIGHT);
}

/* --- inference --- */

struct only { int column; bool other; };

static void look_at_only(int column, void *user)
{
	struct only *o = user;

	o->other = o->other || (o->column >= 0 && o->column != column);
	o->column = column;
}

/* The column that the expression looks at, when it is just one; else -1. */
static int only_column(const struct spk_expr *e)
{
	struct only o = { .column = -1 };

	spk_expr_columns(e, look_at_only, &o);
	return o.other ? -1 : o.column;
}

/* `e`, which is about `from`, said of `to`, a column of the other side. */
static spk_status say_of(struct joining *j, struct spk_expr *e, int from, struct spk_expr *to, struct spk_expr **out, spk_error *err)
{
	struct spk_expr **by = SPK_NEW_ARRAY(j->arena, struct spk_expr *, j->left + j->right + 1);

	SPK_TRY_PTR(by, err);
	by[from] = to;
	*out = spk_expr_substitute(j->arena, e, by);
	SPK_TRY_PTR(*out, err);
	return SPK_OK;
}

/* For every condition on its way to side s: the same of the columns that must be equal to its own. */
static spk_status infer(struct joining *j, int s, int count, spk_error *err)
{
	if (!infers_from(j->l->join, s))
		return SPK_OK;
	for (int i = 0; i < count; i++) {
		struct spk_expr *e = j->side[s].expr[i];
		int column = only_column(e);

		for (int k = 0; k < j->own.count && column >= 0; k++) {
			struct spk_expr *pair[2], *said;

			if (!spk_is_equality(j->own.expr[k], j->left, &pair[0], &pair[1]))
				continue;
			if (pair[s]->kind != SPK_EXPR_COLUMN || pair[s]->column != column || pair[!s]->kind != SPK_EXPR_COLUMN || !spk_type_same(pair[0]->type, pair[1]->type))
				continue;
			SPK_TRY(say_of(j, e, column, pair[!s], &said, err));
			SPK_TRY(spk_conjuncts_add_new(&j->side[!s], said, err));
		}
	}
	return SPK_OK;
}

/* --- the new tree --- */

/* The side's conditions over its own columns. */
static spk_status shift_side(struct joining *j, int s, spk_error *err)
{
	struct spk_move move = { .arena = j->arena, .shift = s ? -j->left : 0 };

	for (int i = 0; i < j->side[s].count; i++)
		SPK_TRY(spk_move_expr(&move, j->side[s].expr[i], &j->side[s].expr[i], err));
	return SPK_OK;
}

static spk_status build(struct joining *j, struct spk_logical **out, spk_error *err)
{
	struct spk_logical *input[2], *made = spk_arena_copy(j->arena, j->l, sizeof *made);
	struct spk_expr *above;
	int count[2] = { j->side[0].count, j->side[1].count };

	SPK_TRY_PTR(made, err);
	for (int s = 0; s < 2; s++)
		SPK_TRY(infer(j, s, count[s], err));
	for (int s = 0; s < 2; s++) {
		SPK_TRY(shift_side(j, s, err));
		SPK_TRY(spk_conjuncts_push(&j->side[s], j->l->input[s], &input[s], err));
	}
	made->input = spk_arena_copy(j->arena, input, sizeof input);
	SPK_TRY_PTR(made->input, err);
	SPK_TRY(spk_conjuncts_join(&j->own, &made->filter, err));
	*out = made;
	SPK_TRY(spk_conjuncts_join(&j->above, &above, err));
	if (!above)
		return SPK_OK;
	*out = spk_filter_node(j->arena, above, made);
	SPK_TRY_PTR(*out, err);
	return SPK_OK;
}

spk_status spk_push_join(struct spk_arena *arena, struct spk_logical *node, struct spk_logical **out, spk_error *err)
{
	const struct spk_logical *l = node->kind == SPK_LOGICAL_FILTER ? node->input[0] : node;
	struct joining j = { .arena = arena, .l = l, .left = l->input[0]->schema->count, .right = l->input[1]->schema->count,
		.side = { { .arena = arena }, { .arena = arena } }, .own = { .arena = arena }, .above = { .arena = arena } };
	struct spk_conjuncts own = { .arena = arena }, above = { .arena = arena };

	*out = node;
	if (l->dependent)
		return SPK_OK;
	SPK_TRY(spk_conjuncts_add(&own, l->filter, err));
	if (node != l)
		SPK_TRY(spk_conjuncts_add(&above, node->filter, err));
	for (int i = 0; i < own.count; i++)
		SPK_TRY(sort_own(&j, own.expr[i], err));
	for (int i = 0; i < above.count; i++)
		SPK_TRY(looks_at_mark(&j, above.expr[i]) ? spk_conjuncts_add(&j.above, above.expr[i], err) : sort_above(&j, above.expr[i], err));
	return j.moved ? build(&j, out, err) : SPK_OK;
}
