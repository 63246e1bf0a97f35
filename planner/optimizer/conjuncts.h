/* Conditions as lists of their conjuncts, and what rules ask about one. Private to planner/optimizer. */
#ifndef SPK_PLANNER_OPTIMIZER_CONJUNCTS_H
#define SPK_PLANNER_OPTIMIZER_CONJUNCTS_H

#include "planner/optimizer/rules.h"

struct spk_conjuncts {
	struct spk_arena *arena;
	int count, capacity;
	struct spk_expr **expr;
};

/* Appends the conjuncts of `e` (NULL: none), in order. */
spk_status spk_conjuncts_add(struct spk_conjuncts *c, struct spk_expr *e, spk_error *err);
/* As that, but leaves out what is in the list already. */
spk_status spk_conjuncts_add_new(struct spk_conjuncts *c, struct spk_expr *e, spk_error *err);
bool spk_conjuncts_hold(const struct spk_conjuncts *c, const struct spk_expr *e);
/* All of them, by AND; NULL when there is none. */
spk_status spk_conjuncts_join(const struct spk_conjuncts *c, struct spk_expr **out, spk_error *err);
/* A filter with these over `input`, pushed down; `input` itself when there is none. */
spk_status spk_conjuncts_push(const struct spk_conjuncts *c, struct spk_logical *input, struct spk_logical **out, spk_error *err);

/* Which inputs of a join an expression over left ++ right looks at. */
enum spk_sides { SPK_SIDE_NONE, SPK_SIDE_LEFT, SPK_SIDE_RIGHT, SPK_SIDE_BOTH };
enum spk_sides spk_expr_sides(const struct spk_expr *e, int left_columns);

/* When it is `a = b` with a over the left side and b over the right one (or the other way round): those two. */
bool spk_is_equality(const struct spk_expr *e, int left_columns, struct spk_expr **left, struct spk_expr **right);

#endif
