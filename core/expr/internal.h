/* What the files of core/expr share among themselves: casts, comparison of single values, sets, filters. */
#ifndef SPK_CORE_EXPR_INTERNAL_H
#define SPK_CORE_EXPR_INTERNAL_H

#include "core/expr/kernel.h"

/* --- casts (cast.c) --- */

/* Where a cast happens by itself: each context includes those after it. */
enum spk_cast_context { SPK_CAST_IMPLICIT, SPK_CAST_ASSIGNMENT, SPK_CAST_EXPLICIT, SPK_CAST_NEVER };

struct spk_cast {
	enum spk_type_id from, to;
	enum spk_cast_context context;    /* the least explicit one it is allowed in */
	bool can_fail, stable;            /* stable: depends on the session's time zone */
	spk_kernel kernel;
};
/* NULL: there is none. From and to differ, or are the same with other parameters. */
const struct spk_cast *spk_cast_find(struct spk_type from, struct spk_type to);
/* Where this cast happens by itself, and whether it depends on the session's zone: with elements and fields, as theirs do. */
enum spk_cast_context spk_cast_context(const struct spk_cast *cast, struct spk_type from, struct spk_type to);
bool spk_cast_is_stable(const struct spk_cast *cast, struct spk_type from, struct spk_type to);
/* The numeric type that holds any value of `from`: decimal(10,0) for integer; varying for what has no fixed scale. */
struct spk_type spk_numeric_type_of(struct spk_type from);
/* Whether any type within is one whose text depends on the session's zone. */
bool spk_type_has_zone(struct spk_type type);
/* Whether the cast can fail for these parameters: widening a numeric cannot. */
bool spk_cast_may_fail(const struct spk_cast *cast, struct spk_type from, struct spk_type to);
/* True when a value of `from` is, without work, one of `to`. */
bool spk_cast_is_noop(struct spk_type from, struct spk_type to);

/* --- literals (clock_words.c) --- */

/* 'now', 'today 10:30' and their like as dates and times: *found, and what stands for it. */
spk_status spk_expr_clock_literal(struct spk_arena *arena, const struct spk_view *text, struct spk_type type, int position, bool *found, struct spk_expr **out, spk_error *err);

/* --- what is not here (postgres_names.c) --- */

/* Whether PostgreSQL has a function of that name and the table has none. */
bool spk_postgres_has(const char *name);
bool spk_postgres_has_type(const char *name);

/* --- operators by other names (operator_names.c) --- */

/* The operator that is meant by `name` over arguments of these types, and the types that it takes, into want[2]; NULL: none. */
const char *spk_operator_of(const char *name, const struct spk_type *type, int args, struct spk_type *want);

/* --- single values (compare.c) --- */

/* Order of two non-NULL values of one type as spk_value_bytes and spk_slot_bytes give them: <0, 0, >0. */
typedef int (*spk_value_compare)(struct spk_type type, const void *a, const void *b);
spk_value_compare spk_value_comparer(struct spk_type type);
/* Arrays and records: pa and pb are struct spk_nested. */
int spk_nested_compare(struct spk_type type, const void *pa, const void *pb);
/* The same bytes, not only equal: 1.0 is not 1.00. */
bool spk_nested_identical(struct spk_nested a, struct spk_nested b);
/* Number of elements or fields. */
int spk_nested_count(struct spk_nested n);
/* Column against constant comparison as a selection; false: not such an expression, nothing done. */
bool spk_compare_filter(const struct spk_expr *e, const struct spk_batch *in, const int32_t *sel, int n, int32_t *keep, int *kept);

/* --- ANY and ALL (array_any.c) --- */

/* Whether the call was made by spk_expr_quantified: `prepared` is a tree then. */
bool spk_is_quantified(const struct spk_expr *e);

/* --- IN (set.c) --- */

struct spk_set;
/* The set of arg[1..] of an IN node, all constants. */
spk_status spk_set_prepare(struct spk_arena *arena, struct spk_expr *in, spk_error *err);
spk_status spk_set_eval(const struct spk_set *set, const struct spk_call *call, bool negated, struct spk_vector *out, spk_error *err);

/* --- evaluation helpers (eval.c) --- */

/* Rows of sel[0..n) where none of the vectors is NULL. *sel and *n are replaced when there are fewer; valid gets the
 * result's bitmap, or NULL when no row has one. */
spk_status spk_rows_narrow(const struct spk_vector *arg, int args, int rows, const int32_t **sel, int *n, uint64_t **valid, struct spk_arena *arena, spk_error *err);

/* --- resolving (resolve.c) --- */

char spk_type_category(enum spk_type_id id);
bool spk_type_preferred(enum spk_type_id id);
bool spk_can_coerce(struct spk_type from, struct spk_type to);
/* Casts `arg` to what a parameter of type `want` takes: numerics keep their scale, UNKNOWN wants anything. */
spk_status spk_expr_coerce(struct spk_arena *arena, struct spk_expr *arg, struct spk_type want, int position, struct spk_expr **out, spk_error *err);
struct spk_type spk_type_bare(struct spk_type type);
/* The BIND error for a function that does not exist, or not for these types. */
spk_status spk_no_function(const char *name, const struct spk_type *type, int args, int position, spk_error *err);
/* A BIND error at `position`. */
spk_status spk_bind_fail(spk_error *err, int position, const char *format, ...) SPK_PRINTF(3, 4);
struct spk_expr *spk_expr_node(struct spk_arena *arena, enum spk_expr_kind kind, struct spk_type type, struct spk_expr **arg, int args, int position);

#endif
