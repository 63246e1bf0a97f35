/*
 * What the files of the binder share. Private to planner/sql.
 *
 * The binder goes over PostgreSQL's parse tree once and makes logical nodes and bound expressions. Files:
 *   bind_select.c   SELECT: the order in which its clauses are bound      bind_group.c   GROUP BY and aggregates
 *   bind_order.c    ORDER BY, DISTINCT              bind_limit.c   LIMIT, OFFSET, FETCH
 *   bind_set.c      UNION, INTERSECT, EXCEPT        bind_values.c  VALUES, casts of a query's columns
 *   bind_over.c     window functions: f() OVER (...)        bind_frame.c    their frames
 *   bind_from.c     FROM: tables, views, subqueries bind_join.c     JOIN, and what several items of FROM make together
 *   bind_with.c     WITH                            bind_window.c, bind_file.c   window functions in FROM and GROUP BY, files in FROM
 *   bind_recursive.c   WITH RECURSIVE               hint.c         hints for joins, in comments
 *   bind_search.c   its SEARCH and CYCLE            bind_overlaps.c   OVERLAPS
 *   bind_sample.c   TABLESAMPLE                     bind_present.c  whole rows where an outer join may give none
 *   bind_sublink.c  subqueries in expressions       bind_unnest.c  set-returning functions
 *   bind_scope.c    columns by name                 bind_name.c   names of output columns
 *   bind_expr.c     expressions                     bind_operator.c, bind_function.c, bind_literal.c, bind_type.c, bind_array.c
 *   bind_args.c     arguments of calls              bind_record.c   records as tables: AS t (a int, b text)
 *   bind_aggregate.c   calls of aggregates           bind_sets.c   GROUPING SETS, GROUPING()
 *   bind_level.c    which query they belong to
 *   bind_as_of.c, bind_versions.c   joins by time
 *   macro.c         functions of other dialects that are expressions of PostgreSQL's, TRY_CAST
 */
#ifndef SPK_PLANNER_SQL_BIND_H
#define SPK_PLANNER_SQL_BIND_H

#include <pg_query/pg_query.pb-c.h>

#include "core/base/check.h"
#include "planner/sql/source.h"
#include "planner/sql/sql.h"

/* What a view is: its SELECT, the text it stands in, names for its columns. In the catalog's arena. */
struct spk_view_query {
	const PgQuery__SelectStmt *select;
	const struct spk_source *source;
	int names;
	const char **name;
};

struct spk_outer;

/* A WITH query that is being bound: one that may be recursive, as a whole, its first term or its step. */
enum spk_cte_state { SPK_CTE_IDLE, SPK_CTE_WHOLE, SPK_CTE_FIRST, SPK_CTE_STEP };

struct spk_cte {
	const char *name;
	const PgQuery__CommonTableExpr *cte;
	bool used;
	struct spk_outer *outer;               /* what it can see beside its own FROM */
	struct spk_cte *next;                  /* the one declared before it */
	struct spk_cte *seen;                  /* those that it can name */
	struct spk_logical *plan;              /* computed once, whoever uses it; NULL: not bound yet, or bound anew at every use */
	int number;                            /* of its SHARED nodes, and of its RECURSIVE one */
	bool recursive;                        /* WITH RECURSIVE */
	enum spk_cte_state state;
	const struct spk_schema *work;         /* STEP: its columns, behind them those of SEARCH and CYCLE */
	int plain;                             /* STEP: how many there are without those */
	const PgQuery__RangeVar *reference;    /* the one that it makes to itself */
	const PgQuery__SelectStmt *referrer;   /* whose FROM that is in */
};

/* How to join an item of FROM: a comment said so. */
struct spk_hint { enum spk_join_hint hint; const char *alias; const struct spk_hint *next; };

/* Views that are being bound, innermost first. */
struct spk_inlining { const char *name; const struct spk_inlining *outer; };

struct spk_sublinks;

struct spk_binder {
	struct spk_catalog *catalog;
	struct spk_conf *conf;
	struct spk_arena *arena;
	const struct spk_source *source;       /* the text that the tree at hand came from */
	int pinned;                            /* in a view of another text: the place of the view's name in this one; else 0 */
	struct spk_cte *cte;                   /* innermost first */
	struct spk_cte *recursing;             /* the innermost of WITH RECURSIVE that is being bound */
	const char *barrier;                   /* "a subquery": where it cannot be referred to; NULL: it can */
	const PgQuery__SelectStmt *selecting;  /* the innermost SELECT */
	const struct spk_hint *hint;           /* of its joins */
	const struct spk_inlining *inlining;
	int *inlined;                          /* queries put in place so far, over the whole statement */
	int calls;                             /* functions in SQL that are put in place around what is bound */
	int *dependents;                       /* dependent joins so far: the next gets that number + 1 */
	struct spk_outer *outer;               /* what can be seen beside a query's own FROM, innermost first */
	struct spk_sublinks *sublinks;         /* of the clauses that are being bound; NULL: no subqueries here */
	struct spk_outer *query;               /* `outer` as it was when the innermost query began: what is before it is its own FROM's */
};

/* One item of FROM. */
struct spk_range {
	const char *alias;                     /* NULL: cannot be named */
	const struct spk_schema *schema;
	int first;                             /* its first column in the concatenated input */
	const int *at;                         /* by column: its place there, when they do not follow each other; else NULL */
	int key_count;                         /* a table's primary key, as columns of the schema; 0: none */
	const int *key;
	const char *table;                     /* a table under an alias: its own name, for errors; else NULL */
	bool scalar;                           /* a function that gives plain values: its name is the value, not a row */
	bool work;                             /* a recursive query's reference to itself */
	bool hidden_name;                      /* cannot be named: a join with an alias stands for it */
	bool filled;                           /* an outer join may give it no row */
	int present;                           /* then: 1 + place of the column that is true where there is one; 0: there is no such column */
	bool hidden_columns;                   /* its columns cannot be named alone, and are not in "*": a join stands for them */
};
/* tumble(...), hop(...), cumulate(...) or session(...) among the groups: the window that the query's rows are put into before they are grouped. */
struct spk_group_window {
	const PgQuery__FuncCall *call;         /* as it stands in GROUP BY, or in the output that GROUP BY names */
	struct spk_logical *node;              /* the WINDOW node; its last three columns are window_start, window_end, window_time */
	int first;                             /* the first of them */
	bool time;                             /* window_time was asked for, so it is a group as well */
	const char *name;                      /* GROUP BY window(...), tumble(...) AS w: a record of its bounds; NULL: none */
};
struct spk_scope {
	struct spk_logical *plan;
	int count;
	struct spk_range *range;
	struct spk_group_window *window;       /* NULL: none among the groups */
};

/*
 * A scope around the one being bound: a query around a subquery, or the items of FROM to the left of LATERAL. Its columns become OUTER
 * references with the number of the join that will put the two side by side.
 */
struct spk_outer {
	const struct spk_scope *scope;
	const struct spk_exprs *exprs;         /* where in its query a subquery stands; NULL: in FROM */
	struct spk_sublinks *sublinks;         /* that query's; NULL in FROM */
	int number;                            /* `dependent` of that join */
	bool used;                             /* such a reference was made */
	bool hidden;                           /* not to be seen (FROM without LATERAL): for errors only */
	bool barred;                           /* LATERAL behind RIGHT or FULL JOIN */
	struct spk_outer *next;
};

/*
 * A subquery met while expressions are bound. It stands in them as OUTER columns of the number -id, which is its place in the list + 1,
 * until it is attached: joined to a plan, where it gives a column. `condition` is that of IN and its like, the subquery's own columns
 * standing in it the same way.
 */
struct spk_sublink {
	enum spk_join_type join;               /* SINGLE: its first column; MARK: whether a row meets the condition */
	int number;                            /* `dependent` of its join */
	bool used;                             /* it refers to the query around it */
	struct spk_logical *plan;
	struct spk_expr *condition;            /* NULL: EXISTS */
	int column;                            /* once attached: where its first column is; -1 */
	int alike;                             /* id of the first that is the same query: its own, or an earlier one's */
	bool grouped;                          /* stands in what a group gives, or has moved: not to be attached */
	int moved;                             /* its number in the list of the query further out whose aggregate it stands in; 0 */
	int position;
};
struct spk_sublinks { int count, capacity; struct spk_sublink *sublink; };

/* GROUPING(a, b). */
struct spk_grouping { int args; struct spk_expr **arg; int position; };

/*
 * Aggregate calls met while expressions are bound. Call i stands in them as column SPK_AGGREGATE_COLUMN + i until bind_group.c puts it
 * right; so does GROUPING() as column SPK_GROUPING_COLUMN + i.
 */
enum { SPK_AGGREGATE_COLUMN = 1 << 22, SPK_GROUPING_COLUMN = 1 << 23 };
struct spk_aggregates {
	int count, capacity;
	struct spk_aggregate_call *call;
	int groupings;
	struct spk_grouping *grouping;
};

/*
 * Window functions met while expressions are bound. Call i stands in them as column SPK_OVER_COLUMN + i until bind_over.c puts
 * it right: behind anything that bind_group.c turns over.
 */
enum { SPK_OVER_COLUMN = 1 << 24 };
struct spk_over { struct spk_window_call call; int exprs; struct spk_expr **expr; int sorts; struct spk_sort_key *sort; };
struct spk_overs {
	const PgQuery__SelectStmt *select;     /* whose WINDOW clause names windows */
	int count, capacity;
	struct spk_over *over;
};

/* Where an expression stands. */
struct spk_exprs {
	struct spk_binder *b;
	const struct spk_scope *scope;         /* NULL: no columns here */
	struct spk_aggregates *aggregates;     /* NULL: none allowed here */
	struct spk_overs *overs;               /* NULL: no window functions here */
	const char *clause;                    /* "WHERE": for errors */
	bool inside_aggregate;
	bool inside_window;                    /* in a window function or its window */
	bool defines_window;                   /* in its window */
	bool sets_ok;                          /* set-returning functions may be called: whoever binds makes rows of their arrays */
	int params;                            /* what stands for $1, $2, ...; 0: they mean nothing here */
	struct spk_expr **param;
	const char *const *param_name;         /* by parameter: its name, "" for none; NULL: none has */
	const char *inside;                    /* "CASE", "COALESCE": what does not let them be called; NULL: the clause */
};

/* One output column of a SELECT, the hidden ones of ORDER BY last. */
struct spk_target { struct spk_expr *expr; const char *name; int position; };

struct spk_query {
	struct spk_binder *b;
	const PgQuery__SelectStmt *select;
	struct spk_scope scope;
	struct spk_aggregates aggregates;
	struct spk_overs overs;
	struct spk_sublinks sublinks;
	int targets, visible, capacity;
	struct spk_target *target;
	int groups;
	struct spk_expr **group;
	int sets;                              /* grouping sets; fewer than 2: GROUP BY is plain */
	uint64_t *set;                         /* bit i: group i is in it */
	int *shown;                            /* by group: the column of the AGGREGATE node to read it from */
	struct spk_schema *aggregated;         /* of the AGGREGATE node; grows while expressions are turned over to it */
	int group_position;
	struct spk_expr *having, *qualify;
	struct spk_expr **late;                /* by visible target: what is computed over the outputs DISTINCT ON leaves, else NULL; NULL: none is */
	int ons;                               /* DISTINCT ON: targets */
	int *on;
	int sorts;
	struct spk_sort_key *sort;             /* over the targets */
	int sort_position;
};

/* FOR UPDATE and its like: checked, and then without effect. `q`: what was bound of a SELECT; NULL: it is none. */
spk_status spk_binder_locking(const struct spk_binder *b, const PgQuery__SelectStmt *s, const struct spk_query *q, spk_error *err);

/* --- errors and places --- */

/* Place in the user's text of a place in the tree, + 1; 0 unknown. */
int spk_binder_at(const struct spk_binder *b, int location);
/* Fills *err and returns its code; `location` as in the tree. */
spk_status spk_binder_fail(const struct spk_binder *b, int location, spk_status code, spk_error *err, const char *format, ...) SPK_PRINTF(5, 6);
spk_status spk_binder_unsupported(const struct spk_binder *b, int location, const char *what, spk_error *err);
/* Adds "Did you mean ..?" or, when `names` are few, the list of them. */
spk_status spk_binder_suggest(spk_error *err, const char *name, const char *const *names, int count, const char *what);
/* The first place known in a tree, -1 when there is none. */
int spk_node_location(const PgQuery__Node *n);
/* The string of a String node, else NULL. */
const char *spk_node_string(const PgQuery__Node *n);
/* The same for a query. */
int spk_select_location(const PgQuery__SelectStmt *s);
/* "SELECT", "JOIN": what a node is, for errors. */
const char *spk_node_what(const PgQuery__Node *n);

/* --- expressions --- */

spk_status spk_binder_expr(struct spk_exprs *x, const PgQuery__Node *n, struct spk_expr **out, spk_error *err);
spk_status spk_binder_exprs(struct spk_exprs *x, PgQuery__Node *const *n, size_t count, struct spk_expr ***out, spk_error *err);
/* Makes it boolean, or fails with "argument of `what` must be type boolean". */
spk_status spk_binder_boolean(const struct spk_binder *b, const char *what, int location, struct spk_expr **e, spk_error *err);
/* A condition: must be boolean. */
spk_status spk_binder_condition(struct spk_exprs *x, const PgQuery__Node *n, struct spk_expr **out, spk_error *err);
spk_status spk_binder_literal(struct spk_exprs *x, const PgQuery__AConst *c, struct spk_expr **out, spk_error *err);
spk_status spk_binder_cast(struct spk_exprs *x, const PgQuery__TypeCast *c, struct spk_expr **out, spk_error *err);
/* The fields of an interval's type (SPK_INTERVAL_*). */
int spk_binder_interval_fields(const PgQuery__TypeName *t);
/* A value of type `type` as the modifiers behind the type's name want it: timestamp(3), interval(0), INTERVAL DAY TO HOUR. */
spk_status spk_binder_modify(const struct spk_binder *b, const PgQuery__TypeName *t, struct spk_type type, int location, struct spk_expr **e, spk_error *err);
/* Whether it is numeric(p, s) with s below 0, which rounds to tens, hundreds, ...; and the cast of a numeric to it. */
bool spk_binder_rounds_tens(const PgQuery__TypeName *t);
spk_status spk_binder_round_tens(const struct spk_binder *b, const PgQuery__TypeName *t, int location, struct spk_expr **e, spk_error *err);
spk_status spk_binder_operator(struct spk_exprs *x, const PgQuery__AExpr *e, struct spk_expr **out, spk_error *err);
/* ARRAY[...]; `element`: what its elements are cast to, NULL: their common type. */
spk_status spk_binder_array(struct spk_exprs *x, const PgQuery__AArrayExpr *a, const struct spk_type *element, struct spk_expr **out, spk_error *err);
/* The array of these values, of a dimension more where they are arrays themselves. */
spk_status spk_binder_make_array(struct spk_exprs *x, struct spk_expr **arg, int args, int location, struct spk_expr **out, spk_error *err);
/* MAP[key, value, ...] */
spk_status spk_binder_map(struct spk_exprs *x, struct spk_expr *const *arg, int args, int location, struct spk_expr **out, spk_error *err);
/* named_struct('a', x, ...): a record whose fields have these names. */
spk_status spk_binder_struct(struct spk_exprs *x, struct spk_expr *const *arg, int args, int location, struct spk_expr **out, spk_error *err);
/* The field of that name of the record *e, which `of` gives. */
spk_status spk_binder_field(struct spk_exprs *x, const PgQuery__Node *of, const char *name, int location, struct spk_expr **e, spk_error *err);
spk_status spk_binder_indirection(struct spk_exprs *x, const PgQuery__AIndirection *a, struct spk_expr **out, spk_error *err);
spk_status spk_binder_row(struct spk_exprs *x, const PgQuery__RowExpr *r, struct spk_expr **out, spk_error *err);
bool spk_is_row(const PgQuery__Node *n);
/* Rows of values compared pair by pair; and with those of a list. */
spk_status spk_binder_row_operator(struct spk_exprs *x, const char *name, const PgQuery__RowExpr *left, const PgQuery__RowExpr *right, int location, struct spk_expr **out, spk_error *err);
spk_status spk_binder_row_in(struct spk_exprs *x, const PgQuery__RowExpr *left, const PgQuery__List *list, bool negated, int location, struct spk_expr **out, spk_error *err);
/* x <op> ANY (array), or ALL. */
spk_status spk_binder_quantified(struct spk_exprs *x, const PgQuery__AExpr *e, const char *name, bool all, struct spk_expr **out, spk_error *err);
/* A call that becomes a constant when its arguments are. */
spk_status spk_binder_folded(const struct spk_binder *b, const char *name, struct spk_expr **arg, int args, int location, struct spk_expr **out, spk_error *err);
spk_status spk_binder_function(struct spk_exprs *x, const PgQuery__FuncCall *f, struct spk_expr **out, spk_error *err);
/* What versions are told apart by, and since when each is valid: columns of a relation. */
struct spk_versions { bool found; int time, keys; int *key; };
/* Those of a relation; of a view of the newest rows *right becomes all rows. found: it has any. */
spk_status spk_binder_versions(struct spk_binder *b, struct spk_logical **right, struct spk_versions *out, spk_error *err);
/* A function of another dialect that is an expression of PostgreSQL's: whether it is one, and the expression. */
bool spk_is_macro(const char *name, struct spk_expr *const *arg, int args);
/* Aggregates of other engines that are functions of array_agg (bind_list_aggregate.c). */
bool spk_is_list_aggregate(const PgQuery__FuncCall *f, const char *name);
spk_status spk_binder_list_aggregate(struct spk_exprs *x, const PgQuery__FuncCall *f, const char *name, struct spk_expr **out, spk_error *err);
/* A call of a function in SQL (ddl_sql_function.c): its body, with arguments of the declared types. */
spk_status spk_binder_sql_function(struct spk_exprs *x, const struct spk_function *f, struct spk_expr **arg, int args, int location, struct spk_expr **out, spk_error *err);
/* What is put in place of a call computes an argument as often as it stands there: one that changes from time to time (random()) may stand there once. */
spk_status spk_binder_check_repeats(const struct spk_binder *b, const char *name, struct spk_expr *const *arg, int args, const struct spk_expr *body, int location, spk_error *err);
spk_status spk_binder_macro(struct spk_exprs *x, const char *name, struct spk_expr **arg, int args, int location, struct spk_expr **out, spk_error *err);
/* A cast that gives NULL where it fails: TRY_CAST. */
spk_status spk_binder_try_cast(const struct spk_binder *b, struct spk_expr *arg, struct spk_type type, int location, struct spk_expr **out, spk_error *err);
/* (arg[0], arg[1]) OVERLAPS (arg[2], arg[3]). */
spk_status spk_binder_overlaps(struct spk_binder *b, struct spk_expr **arg, int location, struct spk_expr **out, spk_error *err);
/* The arguments of a call, in the function's order. */
spk_status spk_binder_args(struct spk_exprs *x, const PgQuery__FuncCall *f, const char *function, struct spk_expr ***out, int *count, spk_error *err);
/* A call of an aggregate: stands as a column of x->aggregates (see there). */
spk_status spk_binder_aggregate(struct spk_exprs *x, const PgQuery__FuncCall *f, const char *name, struct spk_expr **out, spk_error *err);
spk_status spk_binder_grouping(struct spk_exprs *x, const PgQuery__GroupingFunc *f, struct spk_expr **out, spk_error *err);
/* Whose columns expressions of the query at hand take. Begins as zeros. */
struct spk_level {
	bool local;                            /* its own, or a subquery in them does */
	bool nested;                           /* aggregates of `nearest` are among them */
	struct spk_outer *nearest;             /* the innermost of the queries around whose columns they take; NULL: none */
};
/* Adds what `count` expressions take. */
spk_status spk_binder_level(const struct spk_binder *b, struct spk_expr *const *e, int count, struct spk_level *out, spk_error *err);
/* Makes expressions that are nobody's nearer than `to` expressions of that query; subqueries in them become its own. */
spk_status spk_binder_to_level(struct spk_binder *b, struct spk_outer *to, struct spk_expr **e, int count, spk_error *err);
/* Index of the call among those of the query, adding it when it is new. */
spk_status spk_aggregates_add(const struct spk_binder *b, struct spk_aggregates *a, const struct spk_aggregate_call *call, int *out, spk_error *err);
/* The call alone, its arguments and FILTER bound as `x` says; whether it is allowed here was asked before. */
spk_status spk_binder_aggregate_call(const struct spk_exprs *x, const PgQuery__FuncCall *f, const char *name, struct spk_aggregate_call *out, spk_error *err);
/* The frame of `out`'s window, whose order is bound. */
spk_status spk_binder_frame(struct spk_exprs *x, const PgQuery__WindowDef *w, struct spk_over *out, spk_error *err);
/* True for row_number and its like, which are nothing without OVER. */
bool spk_window_function_known(const char *name);
/* Whether an aggregate has this name: a built-in one or one of the session. */
bool spk_binder_aggregate_known(const struct spk_binder *b, const char *name);
/* Direction and NULLs of a sort key, not its expression. */
spk_status spk_binder_sort_key(const struct spk_binder *b, const PgQuery__SortBy *s, struct spk_sort_key *out, spk_error *err);
/* A window function: f(...) OVER (...). */
spk_status spk_binder_over(struct spk_exprs *x, const PgQuery__FuncCall *f, const char *name, struct spk_expr **out, spk_error *err);
spk_status spk_binder_value_function(struct spk_exprs *x, const PgQuery__SQLValueFunction *f, struct spk_expr **out, spk_error *err);
/* Last name of a qualified function name, whose schema may be pg_catalog at most. */
spk_status spk_binder_function_name(const struct spk_binder *b, PgQuery__Node *const *names, size_t count, int location, const char **out, spk_error *err);
spk_status spk_binder_type(const struct spk_binder *b, const PgQuery__TypeName *t, struct spk_type *out, spk_error *err);
/* An expression without columns, now. *null: it is NULL. */
spk_status spk_binder_constant(struct spk_exprs *x, const PgQuery__Node *n, struct spk_type type, struct spk_value *out, spk_error *err);
/* An interval of a fixed length, over zero unless `zero_ok`. */
spk_status spk_binder_length(struct spk_exprs *x, const PgQuery__Node *n, bool zero_ok, int64_t *us, spk_error *err);
/* Untyped literals that nothing gave a type are text. */
spk_status spk_binder_known(const struct spk_binder *b, struct spk_expr **e, spk_error *err);
/* Values of the type can be told apart (DISTINCT, GROUP BY), and `ordered` as well: json cannot. */
spk_status spk_binder_comparable(const struct spk_binder *b, struct spk_type type, bool ordered, int location, spk_error *err);
/* Calls a function or operator; UNKNOWN operands and errors as the builder has them. */
spk_status spk_binder_call(const struct spk_binder *b, const char *name, struct spk_expr **arg, int args, int location, struct spk_expr **out, spk_error *err);

/* --- subqueries in expressions --- */

spk_status spk_binder_sublink(struct spk_exprs *x, const PgQuery__SubLink *s, struct spk_expr **out, spk_error *err);
/* (a, b) op (SELECT ...), which the parser gives as an operator. */
bool spk_is_row_sublink(const PgQuery__AExpr *e);
spk_status spk_binder_row_sublink(struct spk_exprs *x, const PgQuery__AExpr *e, struct spk_expr **out, spk_error *err);
/* Adds one to the list; *id: its number there. */
spk_status spk_sublinks_add(const struct spk_binder *b, struct spk_sublinks *s, const struct spk_sublink *link, int *id, spk_error *err);
/* Joins the subqueries in an expression over `plan` to it and makes the expression refer to their columns. */
spk_status spk_sublinks_attach(struct spk_binder *b, struct spk_sublinks *s, struct spk_logical **plan, struct spk_expr **e, spk_error *err);
/* A FILTER; conditions that are subqueries become semi and anti joins. */
spk_status spk_sublinks_filter(struct spk_binder *b, struct spk_sublinks *s, struct spk_logical **plan, struct spk_expr *predicate, spk_error *err);
/* The subqueries not yet attached now stand over the groups: what they refer to becomes columns of the AGGREGATE. */
spk_status spk_query_turn_over_sublinks(struct spk_query *q, const struct spk_schema *aggregated, spk_error *err);
/* Attaches what is in group expressions and arguments of the AGGREGATE to its input. */
spk_status spk_query_attach_groups(struct spk_query *q, struct spk_logical *aggregate, spk_error *err);
/* Attaches what is left in targets, window functions and QUALIFY; over windows, if a window function stands left of IN. */
enum spk_attach_phase { SPK_ATTACH_EARLY, SPK_ATTACH_OVER_WINDOWS };
spk_status spk_query_attach_targets(struct spk_query *q, enum spk_attach_phase phase, struct spk_logical **plan, spk_error *err);

/* --- sets --- */

/* A call of a set-returning function, which gives an array, becomes an expression of its rows' type. */
/* Whether there is a call of a set-returning function in it. */
bool spk_has_set(const struct spk_expr *e);
spk_status spk_binder_rows_of(const struct spk_binder *b, struct spk_expr **e, spk_error *err);
spk_status spk_binder_set_function(struct spk_binder *b, const PgQuery__RangeFunction *r, struct spk_scope *out, spk_error *err);
/* Functions that give records of columns which the query says. */
bool spk_gives_record(const char *function);
/* Whether it is json(b)_populate_record(set). */
bool spk_populates(const char *function);
/* The function that gives the document, or the documents, that such a function makes records of, all of them objects. */
const char *spk_record_source(struct spk_arena *arena, const char *function);
spk_status spk_binder_record_function(struct spk_binder *b, const PgQuery__RangeFunction *r, const PgQuery__FuncCall *f, const char *name, struct spk_scope *out, spk_error *err);
/* Puts UNNEST nodes over `plan` for the set-returning functions in GROUP BY, in windows, and for what is left of them among the targets. */
spk_status spk_query_group_sets(struct spk_query *q, struct spk_logical **plan, spk_error *err);
spk_status spk_query_window_sets(struct spk_query *q, struct spk_logical **plan, spk_error *err);
spk_status spk_query_sets(struct spk_query *q, struct spk_logical **plan, spk_error *err);
/* Those that were held back, over DISTINCT ON's rows. */
spk_status spk_query_late_sets(struct spk_query *q, struct spk_logical **plan, spk_error *err);

/* --- names --- */

/* "*", t.* and (record).*, and what they stand for; each expression's `name` is its column's. */
bool spk_is_star(const PgQuery__Node *n);
spk_status spk_binder_star(struct spk_exprs *x, const PgQuery__Node *n, struct spk_expr ***out, int *count, spk_error *err);
spk_status spk_binder_column(struct spk_exprs *x, const PgQuery__ColumnRef *c, struct spk_expr **out, spk_error *err);
/* Whether `have` is what `name` means: exactly, or without regard to case. A name with capitals was written in quotes and fits exactly only. */
bool spk_name_fits(const char *have, const char *name, bool exact);
/* Column of a schema by name: exactly, else without regard to case; -1 none, -2 several. */
int spk_schema_lookup(const struct spk_schema *schema, const char *name);
/* The range named so; fails with what there is. */
spk_status spk_binder_range(const struct spk_binder *b, const struct spk_scope *scope, const char *alias, int location, const struct spk_range **out, spk_error *err);
/* Where the range's column is in the concatenated input. */
static inline int spk_range_at(const struct spk_range *r, int column) { return r->at ? r->at[column] : r->first + column; }
struct spk_expr *spk_binder_range_column(const struct spk_binder *b, const struct spk_range *r, int column, int position);
/* PostgreSQL's name of an output column without AS. `bound`: gives columns the spelling they were declared with. */
const char *spk_target_name(const PgQuery__Node *n, const struct spk_expr *bound);
/* "table.column" of a column of the input. */
const char *spk_scope_column_name(const struct spk_binder *b, const struct spk_scope *scope, int column);

/* Before an outer join that may leave the ranges of `side` without rows: the column that tells, for those whose rows are asked for as values. */
spk_status spk_binder_mark_present(struct spk_binder *b, struct spk_scope *side, spk_error *err);
/* The row, or NULL where there was none. */
spk_status spk_binder_row_if_present(const struct spk_binder *b, struct spk_expr *present, struct spk_expr **row, spk_error *err);

/* --- queries --- */

/* Any query. keep_unknown: untyped literals among its columns are left for the caller to cast (spk_binder_retype). */
spk_status spk_binder_query(struct spk_binder *b, const PgQuery__SelectStmt *s, bool keep_unknown, struct spk_logical **out, spk_error *err);
/* A query of WITH RECURSIVE: a RECURSIVE node if it refers to itself. */
spk_status spk_binder_recursive(struct spk_binder *b, struct spk_cte *cte, struct spk_logical **out, spk_error *err);
spk_status spk_binder_self_reference(struct spk_binder *b, struct spk_cte *cte, const PgQuery__RangeVar *v, struct spk_scope *out, spk_error *err);
/* The columns of SEARCH and CYCLE, behind the others: of the first term, and of the step, over the plan below its outputs. */
spk_status spk_binder_search_first(struct spk_binder *b, struct spk_cte *cte, struct spk_logical **first, spk_error *err);
spk_status spk_query_search(struct spk_query *q, struct spk_logical **plan, spk_error *err);
/* The SELECT that refers to the recursive query must not aggregate. */
spk_status spk_binder_check_recursive(const struct spk_binder *b, const PgQuery__SelectStmt *s, const struct spk_aggregates *aggregates, spk_error *err);
spk_status spk_binder_push_with(struct spk_binder *b, const PgQuery__WithClause *with, spk_error *err);
spk_status spk_binder_check_with(struct spk_binder *b, const struct spk_cte *until, spk_error *err);
spk_status spk_binder_select(struct spk_binder *b, const PgQuery__SelectStmt *s, bool keep_unknown, struct spk_logical **out, spk_error *err);
/* The rows of VALUES as they are, the columns' types not yet known; subqueries stand in them until spk_values_attach. */
spk_status spk_binder_rows(struct spk_binder *b, const PgQuery__SelectStmt *s, struct spk_sublinks *sublinks, struct spk_logical **out, spk_error *err);
/* With subqueries: a UNION of rows, each over the joins that it needs. */
spk_status spk_values_attach(struct spk_binder *b, struct spk_sublinks *sublinks, struct spk_logical **values, spk_error *err);
spk_status spk_binder_values(struct spk_binder *b, const PgQuery__SelectStmt *s, bool keep_unknown, struct spk_logical **out, spk_error *err);
spk_status spk_binder_set_operation(struct spk_binder *b, const PgQuery__SelectStmt *s, struct spk_logical **out, spk_error *err);
/* Casts an untyped literal column of a query made with keep_unknown. */
spk_status spk_binder_retype(const struct spk_binder *b, struct spk_logical *query, int column, struct spk_type type, int location, spk_error *err);
spk_status spk_binder_from(struct spk_binder *b, PgQuery__Node *const *from, size_t count, struct spk_scope *out, spk_error *err);
/* One item of FROM: `n` may be a join. */
spk_status spk_binder_from_item(struct spk_binder *b, const PgQuery__Node *n, struct spk_scope *out, spk_error *err);
/* The hints in a comment behind the SELECT, and that for a join of these two. */
spk_status spk_binder_hints(const struct spk_binder *b, const PgQuery__SelectStmt *s, const struct spk_hint **out, spk_error *err);
enum spk_join_hint spk_binder_hint_of(const struct spk_binder *b, const struct spk_scope *left, const struct spk_scope *right);
spk_status spk_binder_join(struct spk_binder *b, const PgQuery__JoinExpr *j, struct spk_scope *out, spk_error *err);
/* The scope `left` with the next item of FROM beside it. */
spk_status spk_binder_cross(struct spk_binder *b, struct spk_scope *left, const PgQuery__Node *right, spk_error *err);
spk_status spk_binder_sample(struct spk_binder *b, const PgQuery__RangeTableSample *s, struct spk_scope *out, spk_error *err);
/* A WITH query by name; NULL: none. */
struct spk_cte *spk_binder_find_cte(const struct spk_binder *b, const char *name);
spk_status spk_binder_cte(struct spk_binder *b, struct spk_cte *cte, struct spk_scope *out, spk_error *err);
/* Counts a query that is put in place once more; too many are an error. */
spk_status spk_binder_count_inlined(const struct spk_binder *b, int location, const char *name, spk_error *err);
/* The range's columns under other names; the plan's own stay. `what` it is, for errors: "table". */
spk_status spk_binder_rename(const struct spk_binder *b, const PgQuery__Alias *alias, const char *what, int location, struct spk_range *r, spk_error *err);
/* --- joins by time: bind_as_of.c --- */

/* The condition of an ASOF JOIN, NULL: it is another one; or whether it has USING, then a mark before the columns. Makes `join`, which is bound, one. */
const PgQuery__Node *spk_asof_condition(const PgQuery__Node *quals);
bool spk_asof_using(const PgQuery__JoinExpr *j);
spk_status spk_binder_asof(struct spk_binder *b, struct spk_logical *join, int location, spk_error *err);
/* Whether an item of FROM is a table FOR SYSTEM_TIME AS OF something; the table; and what the bound join of it is. */
bool spk_is_as_of(const PgQuery__Node *item);
spk_status spk_binder_as_of_table(struct spk_binder *b, const PgQuery__Node *item, struct spk_scope *out, spk_error *err);
spk_status spk_binder_as_of(struct spk_binder *b, const PgQuery__Node *item, const struct spk_scope *left, struct spk_logical *join, spk_error *err);

spk_status spk_binder_relation(struct spk_binder *b, const PgQuery__RangeVar *v, struct spk_scope *out, spk_error *err);
spk_status spk_binder_table_function(struct spk_binder *b, const PgQuery__RangeFunction *f, struct spk_scope *out, spk_error *err);
/* A file as a range; format NULL: by the path's ending. */
spk_status spk_binder_file(struct spk_binder *b, const PgQuery__FuncCall *f, const char *format, const PgQuery__RangeFunction *r, struct spk_scope *out, spk_error *err);
/* A scope of one range over `plan`, its columns renamed as `alias` says (NULL: not). */
spk_status spk_binder_one_range(const struct spk_binder *b, struct spk_logical *plan, const char *name, const PgQuery__Alias *alias, int location, struct spk_scope *out, spk_error *err);
spk_status spk_binder_scan(const struct spk_binder *b, const struct spk_table *table, const char *alias, int location, struct spk_logical **out, spk_error *err);

spk_status spk_query_add_target(struct spk_query *q, struct spk_expr *e, const char *name, int position, spk_error *err);
/* The target that PostgreSQL's GROUP BY and ORDER BY mean by an ordinal or an output name; -1 when `n` is an expression. */
spk_status spk_query_find_target(struct spk_query *q, const PgQuery__Node *n, const char *clause, bool columns_first, int *out, spk_error *err);
spk_status spk_query_bind_groups(struct spk_query *q, spk_error *err);
/* Puts a WINDOW node on `plan` when a window function is among the groups; the other groups are what a session is of, once they are bound. */
spk_status spk_query_group_window(struct spk_query *q, struct spk_logical **plan, spk_error *err);
/* Puts the bounds of windows that are records behind the columns of a relation in FROM; the range does not show them. */
spk_status spk_binder_show_bounds(const struct spk_binder *b, struct spk_scope *scope, spk_error *err);
/* Puts the event time of the one table below behind a plan's columns where it is not among them; *column stays -1 where there is none. */
spk_status spk_binder_show_time(const struct spk_binder *b, struct spk_logical **plan, int *column, spk_error *err);
/* The bounds, over the plan, of an expression that is a window as a record. */
spk_status spk_binder_window_bounds(const struct spk_binder *b, const struct spk_logical *plan, const struct spk_expr *e, struct spk_expr *bound[2], bool *found, spk_error *err);
/* Windows among keys become their bounds. */
spk_status spk_binder_open_windows(const struct spk_binder *b, const struct spk_logical *plan, struct spk_expr ***expr, int *count, spk_error *err);
/* Equal windows in a condition over a plan, of a join or of WHERE, become equal bounds. */
spk_status spk_binder_join_windows(const struct spk_binder *b, const struct spk_logical *plan, struct spk_expr **on, spk_error *err);
/* Makes a table one without options, in which the rows of its INSERTs are. */
spk_status spk_create_memory(struct spk_binder *b, struct spk_table *t, spk_error *err);
/* An expression over a table's columns over what is inserted into them, which may be NULL where they are NOT NULL. */
spk_status spk_binder_over_inserted(struct spk_binder *b, const struct spk_table *t, const struct spk_expr *e, struct spk_expr **by, struct spk_expr **out, spk_error *err);
/* Notes an INSERT into one; *late: the table was read before. */
spk_status spk_binder_memory_insert(struct spk_binder *b, const struct spk_table *t, const PgQuery__InsertStmt *s, bool *late, spk_error *err);
spk_status spk_binder_memory_rows(struct spk_binder *b, const struct spk_table *t, int location, struct spk_logical **out, spk_error *err);
/* SPK_MARK_WITHIN: of the condition of a join. */
spk_status spk_binder_within(struct spk_exprs *x, const PgQuery__FuncCall *f, struct spk_expr **out, spk_error *err);
/* Whether a GROUP BY of `count` items is GROUP BY ALL. */
bool spk_is_group_by_all(PgQuery__Node *const *n, size_t count);
/* The window that GROUP BY gave a name, or a bound of it; *out stays NULL where the column means nothing of that kind. */
spk_status spk_binder_named_window(struct spk_exprs *x, const PgQuery__ColumnRef *c, struct spk_expr **out, spk_error *err);
spk_status spk_query_session_keys(struct spk_query *q, spk_error *err);
/* The column with the watermark, where the plan is over one table; -1: none, or not plain. */
int spk_watermark_column(const struct spk_logical *l);
/* Whether the expression is the query's window as a whole: a record of its start and end. */
bool spk_query_is_window(const struct spk_query *q, const struct spk_expr *e);
/* tumble(...) as a value, tumble_start(...) and their like. */
bool spk_is_group_window_call(const char *name);
spk_status spk_binder_group_window_call(struct spk_exprs *x, const PgQuery__FuncCall *f, const char *name, struct spk_expr **out, spk_error *err);
/* any_value(e): of equal values, one. */
spk_status spk_binder_any_value(const struct spk_binder *b, const struct spk_expr *e, struct spk_aggregate_call *out, spk_error *err);
/* Whether values that are equal, and one key, may be shown with different scales. */
bool spk_loses_scale(struct spk_type type);
/* Makes an AGGREGATE that groups by its first columns give them as a row has them, by a projection on top. */
spk_status spk_binder_show_keys(const struct spk_binder *b, struct spk_logical **aggregate, spk_error *err);
/* Number of the group expression, adding it when it is new; a window is `count` groups from there on, else it is 1. */
spk_status spk_query_add_group(struct spk_query *q, const PgQuery__Node *n, int *out, int *count, spk_error *err);
/* Whether two expressions of the query are the same; two subqueries are, if one could stand for the other. */
bool spk_query_same(const struct spk_query *q, const struct spk_expr *a, const struct spk_expr *b);
/* The group that is this expression, -1 when none is. */
int spk_query_find_group(const struct spk_query *q, const struct spk_expr *e);
bool spk_query_has_sets(const struct spk_query *q);
spk_status spk_query_bind_sets(struct spk_query *q, spk_error *err);
bool spk_query_in_every_set(const struct spk_query *q, int group);
/* Puts EXPAND below the aggregate when there are several sets. */
spk_status spk_query_expand(struct spk_query *q, struct spk_logical *aggregate, spk_error *err);
/* Direct arguments of ordered sets are the group's: they read EXPAND's groups, NULL where the set lacks them; rows are the input's. */
spk_status spk_query_expand_direct(const struct spk_query *q, const struct spk_logical *aggregate, spk_error *err);
/* Every argument of GROUPING() is one of the groups. */
spk_status spk_query_check_groupings(const struct spk_query *q, spk_error *err);
/* GROUPING() over the aggregate's output. */
spk_status spk_query_grouping(struct spk_query *q, const struct spk_expr *e, struct spk_expr **out, spk_error *err);
/* Puts FILTER, AGGREGATE and HAVING over `plan` when the query needs them, and makes all targets refer to what comes out. */
spk_status spk_query_aggregate(struct spk_query *q, struct spk_logical **plan, spk_error *err);
spk_status spk_query_turn_over(struct spk_query *q, const struct spk_schema *aggregated, struct spk_expr **e, spk_error *err);
/* Turns the window functions' expressions over to the AGGREGATE node, as those of the targets. */
spk_status spk_query_turn_over_windows(struct spk_query *q, const struct spk_schema *aggregated, spk_error *err);
spk_status spk_query_check_windows(struct spk_query *q, spk_error *err);
/* Puts OVER nodes on `plan` when the query needs them, and makes all targets refer to what comes out. */
spk_status spk_query_windows(struct spk_query *q, struct spk_logical **plan, spk_error *err);
/* The condition of QUALIFY, which the rewrite put into the WINDOW clause; NULL when there is none. */
const PgQuery__Node *spk_query_qualify(const PgQuery__SelectStmt *s);
spk_status spk_query_bind_distinct_on(struct spk_query *q, spk_error *err);
spk_status spk_query_bind_order(struct spk_query *q, spk_error *err);
/* DISTINCT, SORT, LIMIT and the removal of hidden columns, over the projected targets. */
spk_status spk_query_finish(struct spk_query *q, struct spk_logical **plan, spk_error *err);
/* ORDER BY of set operations and VALUES: output columns only; then LIMIT. */
spk_status spk_binder_order_output(struct spk_binder *b, const PgQuery__SelectStmt *s, struct spk_logical **plan, spk_error *err);
spk_status spk_binder_sort(const struct spk_binder *b, struct spk_sort_key *key, int count, int position, struct spk_logical **plan, spk_error *err);
/* ORDER BY, LIMIT and OFFSET. `scope`: what their expressions must not refer to (NULL: there is nothing to refer to). */
struct spk_limit_order { struct spk_sort_key *key; int keys, position; };
spk_status spk_binder_limit(struct spk_binder *b, const PgQuery__SelectStmt *s, const struct spk_scope *scope, const struct spk_limit_order *order, struct spk_logical **plan, spk_error *err);
spk_status spk_binder_distinct(const struct spk_binder *b, struct spk_logical **plan, int position, spk_error *err);
struct spk_schema *spk_schema_new(struct spk_arena *arena, int columns);
/* Takes off the columns that were added behind those of `schema`. */
spk_status spk_binder_first_columns(const struct spk_binder *b, const struct spk_schema *schema, struct spk_logical **plan, spk_error *err);
struct spk_logical *spk_binder_project(const struct spk_binder *b, struct spk_logical *input, struct spk_expr **expr, const struct spk_schema *schema);

/* --- statements --- */

spk_status spk_binder_insert(struct spk_binder *b, const PgQuery__InsertStmt *s, struct spk_logical **out, spk_error *err);
/* The columns of PARTITIONED BY into the table, whose own columns are there. */
spk_status spk_binder_partitioned(struct spk_binder *b, const PgQuery__PartitionSpec *s, struct spk_table *t, spk_error *err);
spk_status spk_binder_create_table(struct spk_binder *b, const PgQuery__CreateStmt *s, int position, spk_error *err);
spk_status spk_binder_create_type(struct spk_binder *b, const PgQuery__CompositeTypeStmt *s, int position, spk_error *err);
spk_status spk_binder_drop_type(struct spk_binder *b, const PgQuery__DropStmt *s, int position, spk_error *err);
/* text: the body behind AS; NULL: it is the statement's RETURN. strict: NULL for NULLs. */
spk_status spk_binder_create_sql_function(struct spk_binder *b, const PgQuery__CreateFunctionStmt *s, const char *name, const char *text, bool strict, spk_error *err);
spk_status spk_binder_create_function(struct spk_binder *b, const PgQuery__CreateFunctionStmt *s, spk_error *err);
spk_status spk_binder_create_aggregate(struct spk_binder *b, const PgQuery__DefineStmt *s, int position, spk_error *err);
spk_status spk_binder_drop_function(struct spk_binder *b, const PgQuery__DropStmt *s, int position, spk_error *err);
/* *out: a SINK that fills it; NULL: nothing is to be done. */
spk_status spk_binder_create_table_as(struct spk_binder *b, const PgQuery__CreateTableAsStmt *s, int position, struct spk_logical **out, spk_error *err);
spk_status spk_binder_create_view(struct spk_binder *b, const PgQuery__ViewStmt *s, const char *text, int position, spk_error *err);
/* *out: a SINK by which a job keeps it; NULL: it was there. */
spk_status spk_binder_create_materialized_view(struct spk_binder *b, const PgQuery__CreateTableAsStmt *s, const char *text, int position, struct spk_logical **out, spk_error *err);
spk_status spk_binder_drop(struct spk_binder *b, const PgQuery__DropStmt *s, int position, spk_error *err);
spk_status spk_binder_set(struct spk_binder *b, const PgQuery__VariableSetStmt *s, int position, spk_error *err);
spk_status spk_binder_show(struct spk_binder *b, const PgQuery__VariableShowStmt *s, int position, struct spk_logical **out, spk_error *err);
/* Name of a table or view, whose schema may be public. */
spk_status spk_binder_simple_name(const struct spk_binder *b, const PgQuery__RangeVar *v, const char **out, spk_error *err);

#endif
