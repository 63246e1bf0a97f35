/*
 * What the files of decorrelation share. Private to planner/optimizer.
 *
 * A dependent join has OUTER references to its left columns in its right side. Three ways to be rid of them, the cheapest first:
 *
 *   graft  the right side computes rows out of nothing but the left row (LATERAL over VALUES, UNNEST): it goes on top of the left side
 *   pull   conditions with OUTER references go up into the join's; under an aggregate only equalities, whose inner side becomes a
 *          group: semi, anti and left joins as one would write them by hand
 *   push   everything else (Neumann, Kemper: Unnesting Arbitrary Queries): the distinct values that the references take go down as a
 *          relation of its own, are carried up through every node as its first columns, and are joined to the left side again
 */
#ifndef SPK_PLANNER_OPTIMIZER_DECORRELATE_H
#define SPK_PLANNER_OPTIMIZER_DECORRELATE_H

#include "planner/optimizer/rules.h"

/* Where the leaves of an expression go: COLUMN c is column[c], or column c + shift; OUTER(outer, c) is by[c]. */
struct spk_move {
	struct spk_arena *arena;
	struct spk_expr *const *column;  /* NULL: shift */
	int shift;
	int outer;                       /* 0: none */
	struct spk_expr *const *by;
};
spk_status spk_move_expr(const struct spk_move *m, struct spk_expr *e, struct spk_expr **out, spk_error *err);
/* A copy of the node over other inputs, all of its expressions moved; `schema` NULL: its own. */
spk_status spk_move_node(const struct spk_move *m, const struct spk_logical *l, struct spk_logical *const *input, const struct spk_schema *schema, struct spk_logical **out, spk_error *err);

/* True when there is an OUTER of that number (0: of any) in the expression, in the node's own, in the tree. */
bool spk_expr_has_outer(const struct spk_expr *e, int outer);
bool spk_node_has_outer(const struct spk_logical *l, int outer);
bool spk_tree_has_outer(const struct spk_logical *l, int outer);

/* A list of columns in the making, for PROJECT. */
struct spk_columns { struct spk_arena *arena; int count, capacity; struct spk_expr **expr; struct spk_schema *schema; };
spk_status spk_columns_add(struct spk_columns *c, struct spk_expr *e, const char *name, spk_error *err);
/* Columns from .. from + count - 1 of a schema as they are. */
spk_status spk_columns_add_all(struct spk_columns *c, const struct spk_schema *s, int from, int count, spk_error *err);
spk_status spk_columns_project(const struct spk_columns *c, struct spk_logical *input, struct spk_logical **out, spk_error *err);

/* Columns 0 .. count - 1 of a schema as expressions, each `shift` further right. */
spk_status spk_column_exprs(struct spk_arena *arena, const struct spk_schema *s, int shift, struct spk_expr ***out, spk_error *err);
/* A join; condition NULL: every pair. */
spk_status spk_join_node(struct spk_arena *arena, enum spk_join_type join, struct spk_logical *left, struct spk_logical *right, struct spk_expr *condition, int position, struct spk_logical **out, spk_error *err);
/* a = b, NULLs being equal. */
spk_status spk_null_safe_equal(struct spk_arena *arena, struct spk_expr *a, struct spk_expr *b, struct spk_expr **out, spk_error *err);
/* What the aggregate gives over no rows, as a constant. */
spk_status spk_empty_aggregate(struct spk_arena *arena, const struct spk_aggregate_call *c, struct spk_expr **out, spk_error *err);
/* row_number() over the rows of `input` in that order within each partition, as one column more. */
spk_status spk_row_number(struct spk_arena *arena, struct spk_logical *input, struct spk_expr **partition, int partitions, struct spk_sort_key *sort, int sorts, struct spk_logical **out, spk_error *err);
/* The rows numbered offset + 1 .. offset + limit of those (as LIMIT has them), without the number. */
spk_status spk_limit_per_partition(struct spk_arena *arena, const struct spk_logical *limit, struct spk_logical *input, struct spk_expr **partition, int partitions, struct spk_sort_key *sort, int sorts, struct spk_logical **out, spk_error *err);
spk_status spk_decorrelate_unsupported(const struct spk_logical *l, const char *what, spk_error *err);

/* --- pulling --- */

struct spk_pull { struct spk_arena *arena; int outer; };

struct spk_pulled {
	struct spk_logical *node;      /* NULL: this way does not lead on */
	struct spk_expr **out;         /* by column of the old node: over `node` and the left side */
	int conditions, capacity;
	struct spk_expr **condition;   /* over the same, in the order in which they stood */
	bool scalar;                   /* `node` is grouped, the old one has one row per left row: `out` holds also where there is no group */
	struct spk_expr *having;       /* scalar: the row is there only where this is true, NULL always */
};

/* The right side `l` without what refers to the left one. */
spk_status spk_pull(struct spk_pull *p, struct spk_logical *l, struct spk_pulled *r, spk_error *err);

/* Each makes plain joins of a dependent one; *out NULL: it cannot. */
spk_status spk_decorrelate_graft(struct spk_arena *arena, const struct spk_logical *join, struct spk_logical **out, spk_error *err);
spk_status spk_decorrelate_pull(struct spk_arena *arena, const struct spk_logical *join, struct spk_logical **out, spk_error *err);
spk_status spk_decorrelate_push(struct spk_arena *arena, const struct spk_logical *join, struct spk_logical **out, spk_error *err);

#endif
