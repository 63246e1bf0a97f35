/* The rules and what they share. Private to planner/optimizer. */
#ifndef SPK_PLANNER_OPTIMIZER_RULES_H
#define SPK_PLANNER_OPTIMIZER_RULES_H

#include "core/base/check.h"
#include "planner/optimizer/optimizer.h"

/* X(id, "name"): in the order of their application. One file each. */
#define SPK_RULE_LIST(X) \
	X(decorrelate, "decorrelate")                /* subqueries that look at the query around them become joins */ \
	X(constant_folding, "constant-folding")      /* 1 + 1 becomes 2, true AND x becomes x */ \
	X(unwrap_cast, "unwrap-cast")                /* dates compared with timestamps compare dates */ \
	X(filter_simplify, "filter-simplify")        /* no filter for true, no rows for false, one filter for two */ \
	X(outer_join, "outer-join")                  /* no outer join where its NULLs are dropped further up */ \
	X(predicate_pushdown, "predicate-pushdown")  /* filters go towards the scans, and into them; over joins they become the joins' */ \
	X(project_merge, "project-merge")            /* one projection for two, none for one that does nothing */ \
	X(column_pruning, "column-pruning")          /* columns that nobody reads are not made, nor read */

/* X(id, "name"): applied once, before the others, and after them. */
#define SPK_FIRST_RULE_LIST(X) \
	X(or_factor, "or-factor")                    /* (a AND b) OR (a AND c) is a AND (b OR c), and what that says of each relation alone */
#define SPK_LAST_RULE_LIST(X) \
	X(semi_pushdown, "semi-pushdown")            /* semi and anti joins go below the joins of their left side */ \
	X(join_order, "join-order")                  /* the cheapest order of inner joins, by statistics */

#define SPK_RULE_DECLARE(id, name) spk_status spk_rule_##id(struct spk_arena *arena, struct spk_logical *root, struct spk_logical **out, spk_error *err);
SPK_RULE_LIST(SPK_RULE_DECLARE)
SPK_FIRST_RULE_LIST(SPK_RULE_DECLARE)
SPK_LAST_RULE_LIST(SPK_RULE_DECLARE)
#undef SPK_RULE_DECLARE

/* A copy of `l` with other inputs; `l` itself when they are the same. NULL: no memory. */
struct spk_logical *spk_logical_with(struct spk_arena *arena, struct spk_logical *l, struct spk_logical *const *input);

/* Calls `node` for every node of the tree, inputs first; it gives the node to put in its place. */
typedef spk_status (*spk_rule_node)(struct spk_arena *arena, struct spk_logical *l, struct spk_logical **out, spk_error *err);
spk_status spk_rule_walk(struct spk_arena *arena, struct spk_logical *root, spk_rule_node node, struct spk_logical **out, spk_error *err);

/* Calls `change` for every expression of a node (VALUES' too) and puts the results into a copy when any differs. */
typedef spk_status (*spk_rule_expr)(struct spk_arena *arena, struct spk_expr *e, struct spk_expr **out, spk_error *err);
spk_status spk_rule_exprs(struct spk_arena *arena, struct spk_logical *l, spk_rule_expr change, struct spk_logical **out, spk_error *err);

/* A filter node, pushed down as far as it goes (predicate_pushdown.c); a join, or a filter over one, its conditions pushed down (join_pushdown.c). */
spk_status spk_push_filter(struct spk_arena *arena, struct spk_logical *filter, struct spk_logical **out, spk_error *err);
spk_status spk_push_join(struct spk_arena *arena, struct spk_logical *node, struct spk_logical **out, spk_error *err);

struct spk_logical *spk_filter_node(struct spk_arena *arena, struct spk_expr *predicate, struct spk_logical *input);
/* a AND b, flat; either may be NULL. */
spk_status spk_conjoin(struct spk_arena *arena, struct spk_expr *a, struct spk_expr *b, struct spk_expr **out, spk_error *err);
static inline bool spk_is_true(const struct spk_expr *e) { return e->kind == SPK_EXPR_CONSTANT && e->type.id == SPK_TYPE_BOOLEAN && !e->value.null && e->value.boolean; }
/* FALSE or NULL: as a condition, never met. */
static inline bool spk_is_never(const struct spk_expr *e) { return e->kind == SPK_EXPR_CONSTANT && (e->value.null || (e->type.id == SPK_TYPE_BOOLEAN && !e->value.boolean)); }

#endif
