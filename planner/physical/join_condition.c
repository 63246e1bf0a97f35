/*
 * A join's condition, taken apart: conjuncts `left = right` (or IS NOT DISTINCT FROM) whose sides each look at one input become keys, which
 * an operator can hash or sort by; the rest must be computed for every pair that meets them.
 */
#include "planner/physical/build.h"

#include "core/base/check.h"
#include "core/expr/function.h"

enum side { SIDE_NONE, SIDE_LEFT, SIDE_RIGHT, SIDE_BOTH };

struct sides { int left_columns; enum side seen; };

static void see_column(int column, void *user)
{
	struct sides *s = user;

	s->seen |= column < s->left_columns ? SIDE_LEFT : SIDE_RIGHT;
}

/* Which inputs the expression looks at. */
static enum side sides_of(const struct spk_expr *e, int left_columns)
{
	struct sides s = { left_columns, SIDE_NONE };

	spk_expr_columns(e, see_column, &s);
	return s.seen;
}

static bool is_call(const struct spk_expr *e, const char *name)
{
	return e->kind == SPK_EXPR_CALL && e->args == 2 && strcmp(e->function->name, name) == 0;
}

/* COALESCE(x, false), which is what x IS TRUE is: x. */
static const struct spk_expr *is_true_of(const struct spk_expr *e)
{
	const struct spk_expr *otherwise = e->kind == SPK_EXPR_COALESCE && e->args == 2 ? e->arg[1] : NULL;

	return otherwise && otherwise->kind == SPK_EXPR_CONSTANT && !otherwise->value.null && !otherwise->value.boolean ? e->arg[0] : NULL;
}

static bool is_key_type(struct spk_type a, struct spk_type b)
{
	/* Equal jsonb values may differ in their bytes (1.0 and 1.00). */
	return a.id == b.id && a.id != SPK_TYPE_ARRAY && a.id != SPK_TYPE_ROW && !spk_type_is_json(a);
}

static int count_conjuncts(const struct spk_expr *e)
{
	int n = 0;

	if (e->kind != SPK_EXPR_AND)
		return 1;
	for (int i = 0; i < e->args; i++)
		n += count_conjuncts(e->arg[i]);
	return n;
}

/* Takes the conjunct as a key when it is one. */
static bool take_key(struct spk_join_condition *c, const struct spk_expr *e, int left_columns)
{
	const struct spk_expr *inner = is_true_of(e), *equal = inner ? inner : e;
	bool null_safe = is_call(equal, "is not distinct from");
	enum side first;

	if (!null_safe && !is_call(equal, "="))
		return false;
	if (!is_key_type(equal->arg[0]->type, equal->arg[1]->type) || !spk_expr_deterministic(equal))
		return false;
	first = sides_of(equal->arg[0], left_columns);
	if (first + sides_of(equal->arg[1], left_columns) != SIDE_LEFT + SIDE_RIGHT || first == SIDE_NONE || first == SIDE_BOTH)
		return false;
	c->left[c->keys] = equal->arg[first == SIDE_RIGHT];
	c->right[c->keys] = equal->arg[first == SIDE_LEFT];
	c->null_safe[c->keys] = null_safe;
	c->two_valued[c->keys++] = null_safe || inner;
	return true;
}

static void take_conjunct(struct spk_join_condition *c, struct spk_expr *e, int left_columns, struct spk_expr **rest, int *rests)
{
	if (e->kind == SPK_EXPR_AND) {
		for (int i = 0; i < e->args; i++)
			take_conjunct(c, e->arg[i], left_columns, rest, rests);
		return;
	}
	if (!take_key(c, e, left_columns))
		rest[(*rests)++] = e;
}

/* Right keys look at the right side alone, so their columns count from its first. */
static spk_status shift_right(struct spk_build *b, const struct spk_logical *l, struct spk_join_condition *c, spk_error *err)
{
	int left = l->input[0]->schema->count, right = l->input[1]->schema->count;
	struct spk_expr **by = SPK_NEW_ARRAY(b->arena, struct spk_expr *, left + right);

	SPK_TRY_PTR(by, err);
	for (int i = 0; i < right; i++)
		SPK_TRY_PTR(by[left + i] = spk_expr_column(b->arena, i, &l->input[1]->schema->field[i]), err);
	for (int k = 0; k < c->keys; k++)
		SPK_TRY_PTR(c->right[k] = spk_expr_substitute(b->arena, c->right[k], by), err);
	return SPK_OK;
}

spk_status spk_join_take_apart(struct spk_build *b, const struct spk_logical *l, struct spk_join_condition *out, spk_error *err)
{
	int n = l->filter ? count_conjuncts(l->filter) : 0, rests = 0;
	struct spk_expr **rest = SPK_NEW_ARRAY(b->arena, struct spk_expr *, n + 1);

	*out = (struct spk_join_condition){ 0 };
	out->left = SPK_NEW_ARRAY(b->arena, struct spk_expr *, n + 1);
	out->right = SPK_NEW_ARRAY(b->arena, struct spk_expr *, n + 1);
	out->null_safe = SPK_NEW_ARRAY(b->arena, bool, n + 1);
	out->two_valued = SPK_NEW_ARRAY(b->arena, bool, n + 1);
	SPK_TRY_PTR(rest && out->left && out->right && out->null_safe && out->two_valued, err);
	if (n)
		take_conjunct(out, l->filter, l->input[0]->schema->count, rest, &rests);
	if (rests == 1)
		out->rest = rest[0];
	else if (rests > 1)
		SPK_TRY(spk_expr_make(b->arena, SPK_EXPR_AND, rest, rests, false, rest[0]->position, &out->rest, err));
	return shift_right(b, l, out, err);
}
