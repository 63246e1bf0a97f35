/*
 * Bound expressions: a read-only tree over the columns of one input schema, evaluated a batch at a time.
 *
 * Built by the builders below (the SQL binder and the DataFrame API use the same ones), which resolve functions and
 * operators, insert implicit casts as PostgreSQL does, and compute result types. Trees live in the arena that the builders
 * are given. Read-only after building, so shared by all tasks.
 */
#ifndef SPK_CORE_EXPR_EXPR_H
#define SPK_CORE_EXPR_EXPR_H

#include "core/columnar/batch.h"

/* X(ID): the closed set of node kinds. */
#define SPK_EXPR_LIST(X) \
	X(COLUMN)    /* column `column` of the input */ \
	X(CONSTANT)  /* `value` */ \
	X(CALL)      /* `function` over args; strict unless the function says otherwise */ \
	X(CAST)      /* arg[0] to `type` (explicit or implicit) */ \
	X(AND)       /* args >= 2, three-valued, evaluated left to right on the rows still undecided */ \
	X(OR) \
	X(NOT) \
	X(IS_NULL)   /* `negated`: IS NOT NULL */ \
	X(CASE)      /* when, then, when, then, ..., else (always present, maybe constant NULL); args is odd */ \
	X(COALESCE) \
	X(IN)        /* arg[0] IN (arg[1..]), all constants of one type after binding; `negated`: NOT IN */ \
	X(OUTER)     /* column `column` of the left input of the dependent join `outer`, which is above; gone after decorrelation */

enum spk_expr_kind {
#define SPK_EXPR_ENUM(id) SPK_EXPR_##id,
	SPK_EXPR_LIST(SPK_EXPR_ENUM)
#undef SPK_EXPR_ENUM
};

struct spk_function;

struct spk_expr {
	enum spk_expr_kind kind;
	struct spk_type type;
	bool nullable;
	bool negated;
	bool forgiving;                        /* CAST: what does not fit is NULL, not an error */
	bool assignment;                       /* CAST: a text too long for varchar(n) is an error, not cut */
	int position;                          /* byte offset in the SQL text + 1; 0 unknown */
	int column;                            /* COLUMN, OUTER; CALL of spk_expr_field: which field */
	int outer;                             /* OUTER: `dependent` of the join that it looks up to */
	const char *name;                      /* COLUMN, OUTER: its name, for EXPLAIN */
	struct spk_value value;                /* CONSTANT */
	const struct spk_function *function;   /* CALL */
	int args;
	struct spk_expr **arg;
	const void *prepared;                  /* IN: lookup set; ANY, ALL: the comparison over (x, element); LIKE/regex/date_trunc with constant argument: compiled form; else NULL */
};

/* A key of ORDER BY: in a query, a window or an aggregate call. */
struct spk_sort_key { struct spk_expr *expr; bool descending, nulls_first; };

/* --- evaluation --- */

/* A row that could not be computed. The message lies in the arena of spk_eval. */
struct spk_row_error { int32_t row; spk_status code; const char *message; };
struct spk_row_errors { struct spk_row_error *list; int count, capacity; };

/* What evaluation needs beside the input. Cheap to make; one per evaluation of a batch. */
struct spk_eval {
	struct spk_arena *arena;         /* results and temporaries; usually the derived batch's arena */
	int64_t now_us;                  /* now(), CURRENT_TIMESTAMP: fixed per epoch or statement */
	const char *timezone;            /* session zone; NULL: UTC */
	struct spk_draws *draws;         /* draw.h; NULL: every draw of the process is another */
	struct spk_row_errors *errors;   /* collects failing rows; NULL: the first failing row fails the evaluation */
};

/*
 * Evaluates `e` for the physical rows sel[0..n) of `in` (sel NULL: rows 0..n). *out gets in->rows rows of which only the
 * selected ones are set; a constant result may come as a CONSTANT vector, a column reference shares the input's vector.
 * A failing row (overflow, division by zero, failed cast) is added to ev->errors and its value is NULL.
 */
spk_status spk_expr_eval(const struct spk_expr *e, const struct spk_batch *in, const int32_t *sel, int n, struct spk_eval *ev, struct spk_vector *out, spk_error *err);

/* Rows of sel[0..n) for which the boolean `e` is true (not false, not NULL), into keep[] (capacity n); returns their number in *kept. */
spk_status spk_expr_filter(const struct spk_expr *e, const struct spk_batch *in, const int32_t *sel, int n, struct spk_eval *ev, int32_t *keep, int *kept, spk_error *err);

/* Value of an expression without columns. */
spk_status spk_expr_constant_value(const struct spk_expr *e, struct spk_eval *ev, struct spk_value *out, spk_error *err);

/* --- building (all in `arena`; errors are SPK_BIND with err->position = position) --- */

struct spk_expr *spk_expr_column(struct spk_arena *arena, int column, const struct spk_field *field);  /* NULL: no memory */
struct spk_expr *spk_expr_outer(struct spk_arena *arena, int outer, int column, const struct spk_field *field);
struct spk_expr *spk_expr_literal(struct spk_arena *arena, struct spk_value value);
/* Untyped string literal (type UNKNOWN) that takes its type from where it is used. */
struct spk_expr *spk_expr_unknown(struct spk_arena *arena, const char *text);
/* A function or operator by SQL name ("lower", "+", "=", "like", "~"): resolves the overload as PostgreSQL does (exact match, then
 * implicit casts, unknown literals take the other side's type), casts the arguments. Names the candidates when none fits. */
spk_status spk_expr_call(struct spk_arena *arena, const char *name, struct spk_expr **arg, int args, int position, struct spk_expr **out, spk_error *err);
/* A call of this very function: casts the arguments; BIND when their number or types do not fit. */
spk_status spk_expr_call_function(struct spk_arena *arena, const struct spk_function *f, struct spk_expr **arg, int args, int position, struct spk_expr **out, spk_error *err);
/* f(a, VARIADIC array): the elements of the last argument, an array, are arguments of the call. */
spk_status spk_expr_spread(struct spk_arena *arena, const char *name, struct spk_expr **arg, int args, int position, struct spk_expr **out, spk_error *err);
/* json(b)_populate_record(base, json): a record of the base's type. */
spk_status spk_expr_populate(struct spk_arena *arena, struct spk_expr *base, struct spk_expr *json, int position, struct spk_expr **out, spk_error *err);
/* Any other node; AND/OR/NOT check for booleans, CASE/COALESCE/IN find the common type and cast to it. */
spk_status spk_expr_make(struct spk_arena *arena, enum spk_expr_kind kind, struct spk_expr **arg, int args, bool negated, int position, struct spk_expr **out, spk_error *err);
/* A type without dimensions, or an array's number of them; and the array type of that many dimensions of an array's elements. */
int spk_type_dims(struct spk_type type);
spk_status spk_type_of_dims(struct spk_arena *arena, struct spk_type array, int dims, struct spk_type *out, spk_error *err);
/* What a cast that is written gives: an array type names no number of dimensions, the value that is cast has one. */
spk_status spk_expr_cast_dims(struct spk_arena *arena, const struct spk_expr *arg, struct spk_type *type, spk_error *err);
spk_status spk_expr_cast(struct spk_arena *arena, struct spk_expr *arg, struct spk_type type, bool explicit_cast, int position, struct spk_expr **out, spk_error *err);
/* A bit string as one of bit(length), or of bit varying(length): cut, or filled up. */
spk_status spk_bits_resize(struct spk_arena *arena, struct spk_type type, int length, int position, struct spk_expr **e, spk_error *err);
/* x <op> ANY (array), or ALL. An untyped array literal is one of x's type. */
spk_status spk_expr_quantified(struct spk_arena *arena, const char *op, struct spk_expr *x, struct spk_expr *array, bool all_of, int position, struct spk_expr **out, spk_error *err);
/* Field `at` of a record. */
spk_status spk_expr_field(struct spk_arena *arena, struct spk_expr *record, int at, int position, struct spk_expr **out, spk_error *err);
/* The common type PostgreSQL picks for UNION, CASE, COALESCE, IN; BIND when there is none. UNKNOWNs give text. */
spk_status spk_expr_common_type(struct spk_type a, struct spk_type b, struct spk_type *out, int position, spk_error *err);
/* "numeric" of numeric(10,2): a type as PostgreSQL's errors show it; into out, cut to size. */
const char *spk_type_format_bare(struct spk_type type, char *out, size_t size);
/* The error for such types of `what` (CASE, UNION), in PostgreSQL's words; gives SPK_BIND. */
spk_status spk_no_common_type(const char *what, struct spk_type a, struct spk_type b, int position, spk_error *err);

/* Makes *e a CONSTANT when it has no columns and can be computed now without failing; else leaves it as it is. */
void spk_expr_fold(struct spk_arena *arena, struct spk_expr **e);

/* --- looking at trees --- */

bool spk_expr_same(const struct spk_expr *a, const struct spk_expr *b);
/* Calls visit for every column reference. */
void spk_expr_columns(const struct spk_expr *e, void (*visit)(int column, void *user), void *user);
/* How many columns it refers to, with repetition. */
int spk_expr_column_count(const struct spk_expr *e);
/* A copy with column i replaced by by[i] (an expression over another input); used by pushdown and inlining. */
struct spk_expr *spk_expr_substitute(struct spk_arena *arena, const struct spk_expr *e, struct spk_expr *const *by);
/*
 * The same with `leaf` asked for what stands in place of every COLUMN and OUTER (*out comes in as the leaf itself). Whether the nodes above
 * may be NULL is found anew. A tree without a change comes back as it is.
 */
typedef spk_status (*spk_expr_leaf)(struct spk_expr *e, void *user, struct spk_expr **out, spk_error *err);
spk_status spk_expr_rewrite(struct spk_arena *arena, struct spk_expr *e, spk_expr_leaf leaf, void *user, struct spk_expr **out, spk_error *err);
/* True when it has no column and no volatile function: can be folded. Stable functions (now()) are not foldable. */
bool spk_expr_foldable(const struct spk_expr *e);
/* True when the same input always gives the same output (no random()); now() counts as deterministic: fixed per epoch. */
bool spk_expr_deterministic(const struct spk_expr *e);
/* True when it gives the same for the same input in every epoch: it neither draws lots nor looks at the clock. */
bool spk_expr_timeless(const struct spk_expr *e);
/* True when it may fail for some row (casts, arithmetic that can overflow): such an expression must not be moved above a
 * filter's protection nor evaluated on rows that would not have reached it. */
bool spk_expr_can_fail(const struct spk_expr *e);
/* SQL-like text for EXPLAIN, e.g. (price * 0.908) > 10::numeric. */
spk_status spk_expr_format(const struct spk_expr *e, struct spk_buffer *out, spk_error *err);

#endif
