/*
 * Semi and anti joins are filters: they go below the joins of their left side, to the input that they look at, when that has hardly more rows
 * than what comes out of the join. Rows are then dropped before they are joined, and the order of joins is chosen by what is left.
 */
#include "planner/logical/statistics.h"
#include "planner/optimizer/conjuncts.h"

/* How many more rows the input may have than the join. */
static const double MORE_ROWS = 1.2;

static double rows_of(struct spk_arena *arena, const struct spk_logical *l)
{
	struct spk_estimate e;

	return spk_estimate(arena, l, &e, NULL) == SPK_OK ? e.rows : 0;
}

/* Whether a filter over the join may as well stand over its input. */
static bool passes(enum spk_join_type type, int side)
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

/* Which inputs of the join below are looked at by a condition over its columns, and then others from `beyond` on. */
struct looker { int split, beyond; enum spk_sides sides; };

static void look(int column, void *user)
{
	struct looker *k = user;

	if (column < k->beyond)
		k->sides |= column < k->split ? SPK_SIDE_LEFT : SPK_SIDE_RIGHT;
}

/* The semi join with another left side, whose column i is by[i]'s of the old one; NULL in by[]: not looked at. */
static spk_status over(struct spk_arena *arena, const struct spk_logical *semi, struct spk_logical *left, struct spk_expr **by, struct spk_logical **out, spk_error *err)
{
	struct spk_logical *made = spk_arena_copy(arena, semi, sizeof *made), *input[2] = { left, semi->input[1] };
	int old = semi->input[0]->schema->count, right = semi->input[1]->schema->count;

	SPK_TRY_PTR(made, err);
	made->input = spk_arena_copy(arena, input, sizeof input);
	SPK_TRY_PTR(made->input, err);
	for (int i = 0; i < right; i++)
		SPK_TRY_PTR(by[old + i] = spk_expr_column(arena, left->schema->count + i, &semi->input[1]->schema->field[i]), err);
	made->filter = spk_expr_substitute(arena, semi->filter, by);
	SPK_TRY_PTR(made->filter, err);
	made->schema = left->schema;
	*out = made;
	return SPK_OK;
}

static spk_status push(struct spk_arena *arena, struct spk_logical *semi, struct spk_logical **out, spk_error *err);

/* By old column of the semi join's left side and, behind them, of its right one; to be filled. */
static struct spk_expr **columns_of(struct spk_arena *arena, const struct spk_logical *semi)
{
	return SPK_NEW_ARRAY(arena, struct spk_expr *, semi->input[0]->schema->count + semi->input[1]->schema->count + 1);
}

/* Below an input of the join that is its left side. */
static spk_status below_join(struct spk_arena *arena, const struct spk_logical *semi, struct spk_logical **out, spk_error *err)
{
	const struct spk_logical *join = semi->input[0];
	struct looker k = { join->input[0]->schema->count, join->schema->count, SPK_SIDE_NONE };
	struct spk_expr **by = columns_of(arena, semi);
	struct spk_logical *input[2] = { join->input[0], join->input[1] }, *moved;
	int side, first;

	SPK_TRY_PTR(by, err);
	spk_expr_columns(semi->filter, look, &k);
	side = k.sides == SPK_SIDE_RIGHT;
	first = side ? k.split : 0;
	if ((k.sides != SPK_SIDE_LEFT && k.sides != SPK_SIDE_RIGHT) || !passes(join->join, side))
		return SPK_OK;
	if (rows_of(arena, input[side]) > MORE_ROWS * rows_of(arena, join))
		return SPK_OK;
	for (int i = 0; i < input[side]->schema->count; i++)
		SPK_TRY_PTR(by[first + i] = spk_expr_column(arena, i, &input[side]->schema->field[i]), err);
	SPK_TRY(over(arena, semi, input[side], by, &moved, err));
	SPK_TRY(push(arena, moved, &input[side], err));
	*out = spk_arena_copy(arena, join, sizeof *join);
	SPK_TRY_PTR(*out, err);
	(*out)->input = spk_arena_copy(arena, input, sizeof input);
	return (*out)->input ? SPK_OK : spk_fail_memory(err);
}

/* Below a projection, when it can go on from there. */
static spk_status below_project(struct spk_arena *arena, const struct spk_logical *semi, struct spk_logical **out, spk_error *err)
{
	const struct spk_logical *project = semi->input[0];
	struct spk_expr **by = columns_of(arena, semi);
	struct spk_logical *moved, *pushed;

	SPK_TRY_PTR(by, err);
	for (int i = 0; i < project->expr_count; i++) {
		if (!spk_expr_deterministic(project->expr[i]) || spk_expr_can_fail(project->expr[i]))
			return SPK_OK;
		by[i] = project->expr[i];
	}
	SPK_TRY(over(arena, semi, project->input[0], by, &moved, err));
	SPK_TRY(push(arena, moved, &pushed, err));
	if (pushed == moved)
		return SPK_OK;
	*out = spk_logical_with(arena, (struct spk_logical *)(uintptr_t)project, &pushed);
	return *out ? SPK_OK : spk_fail_memory(err);
}

static spk_status push(struct spk_arena *arena, struct spk_logical *semi, struct spk_logical **out, spk_error *err)
{
	const struct spk_logical *below = semi->input[0];

	*out = semi;
	if (!semi->filter || spk_expr_can_fail(semi->filter) || !spk_expr_deterministic(semi->filter))
		return SPK_OK;
	if (below->kind == SPK_LOGICAL_JOIN && !below->dependent)
		return below_join(arena, semi, out, err);
	return below->kind == SPK_LOGICAL_PROJECT ? below_project(arena, semi, out, err) : SPK_OK;
}

static spk_status push_node(struct spk_arena *arena, struct spk_logical *l, struct spk_logical **out, spk_error *err)
{
	*out = l;
	if (l->kind != SPK_LOGICAL_JOIN || l->dependent || (l->join != SPK_JOIN_SEMI && l->join != SPK_JOIN_ANTI))
		return SPK_OK;
	SPK_TRY(push(arena, l, out, err));
	/* At the top the names are the result's. */
	(*out)->schema = l->schema;
	return SPK_OK;
}

spk_status spk_rule_semi_pushdown(struct spk_arena *arena, struct spk_logical *root, struct spk_logical **out, spk_error *err)
{
	return spk_rule_walk(arena, root, push_node, out, err);
}
