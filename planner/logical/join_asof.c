/* The condition of an ASOF join: equalities, and one comparison that says what is nearest. */
#include "planner/logical/logical.h"

#include <string.h>

#include "core/expr/function.h"

struct sides { int left; bool uses[2]; };

static void note(int column, void *user)
{
	struct sides *s = user;

	s->uses[column >= s->left] = true;
}

int spk_join_side_of(const struct spk_expr *e, int left)
{
	struct sides s = { .left = left };

	spk_expr_columns(e, note, &s);
	return s.uses[0] == s.uses[1] ? -1 : s.uses[1];
}

static bool take(const struct spk_logical *l, struct spk_expr *e, struct spk_asof *out)
{
	const char *op = e->kind == SPK_EXPR_CALL && e->args == 2 ? e->function->name : "";
	const int left = l->input[0]->schema->count;
	const bool less = strcmp(op, "<") == 0 || strcmp(op, "<=") == 0;
	int first;

	if (e->kind == SPK_EXPR_AND) {
		for (int i = 0; i < e->args; i++)
			if (!take(l, e->arg[i], out))
				return false;
		return true;
	}
	if (e->kind != SPK_EXPR_CALL || e->args != 2)
		return false;
	first = spk_join_side_of(e->arg[0], left);
	if (first < 0 || spk_join_side_of(e->arg[1], left) != !first)
		return false;
	if (strcmp(op, "=") == 0 || strcmp(op, "is not distinct from") == 0)
		return true;
	if (out->left || (!less && strcmp(op, ">") != 0 && strcmp(op, ">=") != 0))
		return false;
	*out = (struct spk_asof){ .left = e->arg[first], .right = e->arg[!first], .backward = less == (first == 1), .strict = !op[1] };
	return true;
}

bool spk_join_asof(const struct spk_logical *l, struct spk_asof *out)
{
	*out = (struct spk_asof){ 0 };
	return l->filter && take(l, l->filter, out) && out->left;
}
