/* Lists of conjuncts. See conjuncts.h. */
#include "planner/optimizer/conjuncts.h"

#include <string.h>

#include "core/expr/function.h"

static spk_status add_one(struct spk_conjuncts *c, struct spk_expr *e, spk_error *err)
{
	if (c->count == c->capacity) {
		int capacity = c->capacity ? 2 * c->capacity : 8;
		struct spk_expr **grown = SPK_NEW_ARRAY(c->arena, struct spk_expr *, capacity);

		SPK_TRY_PTR(grown, err);
		if (c->count)
			memcpy(grown, c->expr, sizeof(*grown) * (size_t)c->count);
		c->expr = grown;
		c->capacity = capacity;
	}
	c->expr[c->count++] = e;
	return SPK_OK;
}

spk_status spk_conjuncts_add(struct spk_conjuncts *c, struct spk_expr *e, spk_error *err)
{
	if (!e)
		return SPK_OK;
	if (e->kind != SPK_EXPR_AND)
		return add_one(c, e, err);
	for (int i = 0; i < e->args; i++)
		SPK_TRY(spk_conjuncts_add(c, e->arg[i], err));
	return SPK_OK;
}

bool spk_conjuncts_hold(const struct spk_conjuncts *c, const struct spk_expr *e)
{
	for (int i = 0; i < c->count; i++)
		if (spk_expr_same(c->expr[i], e))
			return true;
	return false;
}

spk_status spk_conjuncts_add_new(struct spk_conjuncts *c, struct spk_expr *e, spk_error *err)
{
	return spk_conjuncts_hold(c, e) ? SPK_OK : spk_conjuncts_add(c, e, err);
}

spk_status spk_conjuncts_join(const struct spk_conjuncts *c, struct spk_expr **out, spk_error *err)
{
	*out = c->count ? c->expr[0] : NULL;
	return c->count > 1 ? spk_expr_make(c->arena, SPK_EXPR_AND, c->expr, c->count, false, c->expr[0]->position, out, err) : SPK_OK;
}

spk_status spk_conjuncts_push(const struct spk_conjuncts *c, struct spk_logical *input, struct spk_logical **out, spk_error *err)
{
	struct spk_logical *filter;
	struct spk_expr *all;

	*out = input;
	if (!c->count)
		return SPK_OK;
	SPK_TRY(spk_conjuncts_join(c, &all, err));
	filter = spk_filter_node(c->arena, all, input);
	SPK_TRY_PTR(filter, err);
	return spk_push_filter(c->arena, filter, out, err);
}

/* --- sides --- */

struct looker { int left_columns; enum spk_sides sides; };

static void look(int column, void *user)
{
	struct looker *l = user;

	l->sides |= column < l->left_columns ? SPK_SIDE_LEFT : SPK_SIDE_RIGHT;
}

enum spk_sides spk_expr_sides(const struct spk_expr *e, int left_columns)
{
	struct looker l = { left_columns, SPK_SIDE_NONE };

	spk_expr_columns(e, look, &l);
	return l.sides;
}

bool spk_is_equality(const struct spk_expr *e, int left_columns, struct spk_expr **left, struct spk_expr **right)
{
	enum spk_sides first, second;

	if (e->kind != SPK_EXPR_CALL || e->args != 2 || strcmp(e->function->name, "=") != 0)
		return false;
	first = spk_expr_sides(e->arg[0], left_columns);
	second = spk_expr_sides(e->arg[1], left_columns);
	*left = e->arg[first == SPK_SIDE_RIGHT];
	*right = e->arg[first == SPK_SIDE_LEFT];
	return (first == SPK_SIDE_LEFT && second == SPK_SIDE_RIGHT) || (first == SPK_SIDE_RIGHT && second == SPK_SIDE_LEFT);
}
