/*
 * Logical plans: what is to be computed. A tree of nodes in one arena, read-only after optimization (rules build new nodes).
 * Expressions of a node are over the concatenated columns of its inputs' schemas.
 */
#ifndef SPK_PLANNER_LOGICAL_LOGICAL_H
#define SPK_PLANNER_LOGICAL_LOGICAL_H

#include "core/expr/aggregate.h"
#include "planner/logical/callback.h"
#include "planner/logical/catalog.h"

/* X(ID, "name in EXPLAIN") */
#define SPK_LOGICAL_LIST(X) \
	X(SCAN, "Scan") \
	X(VALUES, "Values")        /* constant rows */ \
	X(FILTER, "Filter") \
	X(PROJECT, "Project") \
	X(WINDOW, "Window")        /* window TVF: adds window_start, window_end, window_time */ \
	X(AGGREGATE, "Aggregate")  /* output: group expressions, then aggregates */ \
	X(UNION, "Union")          /* UNION ALL, n inputs of one schema */ \
	X(JOIN, "Join")            /* two inputs, see enum spk_join_type */ \
	X(OVER, "Over")            /* window functions: input columns, then one column per call */ \
	X(EXPAND, "Expand")        /* every row once per set of expressions (GROUPING SETS) */ \
	X(UNNEST, "Unnest")        /* input columns, then what set-returning expressions give, row by row */ \
	X(SHARED, "Shared")        /* its input, computed once for all nodes of that number: they have equal inputs */ \
	X(RECURSIVE, "Recursive")  /* WITH RECURSIVE: input 0 the first rows, input 1 the step over WORK_TABLE */ \
	X(WORK_TABLE, "WorkTable") /* leaf: the rows that the last step of the RECURSIVE of that number made */ \
	X(REPARTITION, "Repartition") /* rows to `partitions` tasks by `expr`, or in turn when there are none */ \
	X(CALLBACK, "Callback")    /* an operator brought from above: callback.h; `expr`: its key columns */ \
	X(SORT, "Sort") \
	X(LIMIT, "Limit") \
	X(SINK, "Sink")

enum spk_logical_kind {
#define SPK_LOGICAL_ENUM(id, name) SPK_LOGICAL_##id,
	SPK_LOGICAL_LIST(SPK_LOGICAL_ENUM)
#undef SPK_LOGICAL_ENUM
};

enum spk_window_kind { SPK_WINDOW_TUMBLE, SPK_WINDOW_HOP, SPK_WINDOW_CUMULATE, SPK_WINDOW_SESSION };

/*
 * X(ID, "name in EXPLAIN"). Columns that come out: left ++ right; of SEMI and ANTI left; of MARK left and one nullable boolean.
 * MARK is what IN and ANY ask: true where some pair meets the condition, NULL where none does but some is NULL, else false.
 * SINGLE is a scalar subquery: LEFT, but more than one right row for a left one is an error.
 * ASOF pairs a left row with one right row at most: of those that meet the condition, which is one comparison beside equalities (join_asof.c), the nearest.
 * LOOKUP is INNER, but in a stream a left row meets what the right side has when it comes, and never anything else.
 */
#define SPK_JOIN_LIST(X) \
	X(INNER, "inner") \
	X(LEFT, "left") \
	X(RIGHT, "right") \
	X(FULL, "full") \
	X(SEMI, "semi") \
	X(ANTI, "anti") \
	X(MARK, "mark") \
	X(SINGLE, "single") \
	X(ASOF, "asof") \
	X(ASOF_LEFT, "asof left") \
	X(LOOKUP, "lookup") \
	X(LOOKUP_LEFT, "lookup left")

enum spk_join_type {
#define SPK_JOIN_ENUM(id, name) SPK_JOIN_##id,
	SPK_JOIN_LIST(SPK_JOIN_ENUM)
#undef SPK_JOIN_ENUM
};

/* How to run a join, when a hint says so. */
enum spk_join_hint { SPK_JOIN_ANY, SPK_JOIN_BROADCAST, SPK_JOIN_SHUFFLE_HASH, SPK_JOIN_MERGE, SPK_JOIN_LOOP };

/* X(ID, "name", least and most arguments): window functions that are no aggregates. */
#define SPK_WINDOW_FUNCTION_LIST(X) \
	X(AGGREGATE, "", 0, 0)             /* `aggregate` over the frame */ \
	X(ROW_NUMBER, "row_number", 0, 0) \
	X(RANK, "rank", 0, 0) \
	X(DENSE_RANK, "dense_rank", 0, 0) \
	X(PERCENT_RANK, "percent_rank", 0, 0) \
	X(CUME_DIST, "cume_dist", 0, 0) \
	X(NTILE, "ntile", 1, 1) \
	X(LAG, "lag", 1, 3)                /* value, offset, default */ \
	X(LEAD, "lead", 1, 3) \
	X(FIRST_VALUE, "first_value", 1, 1) \
	X(LAST_VALUE, "last_value", 1, 1) \
	X(NTH_VALUE, "nth_value", 2, 2)

enum spk_window_function {
#define SPK_WINDOW_FUNCTION_ENUM(id, name, least, most) SPK_WINDOW_FUNCTION_##id,
	SPK_WINDOW_FUNCTION_LIST(SPK_WINDOW_FUNCTION_ENUM)
#undef SPK_WINDOW_FUNCTION_ENUM
};

enum spk_frame_mode { SPK_FRAME_RANGE, SPK_FRAME_ROWS, SPK_FRAME_GROUPS };
/* In this order: a frame's start never comes after its end here. */
enum spk_frame_bound { SPK_FRAME_FIRST, SPK_FRAME_PRECEDING, SPK_FRAME_CURRENT, SPK_FRAME_FOLLOWING, SPK_FRAME_LAST };
enum spk_frame_exclude { SPK_EXCLUDE_NONE, SPK_EXCLUDE_CURRENT, SPK_EXCLUDE_GROUP, SPK_EXCLUDE_TIES };

/*
 * Which rows of its partition a row's frame has. Offsets of ROWS and GROUPS are constants (bigint). With RANGE and an offset there is one
 * sort key; start_edge and end_edge give the key of the farthest row in the frame, over the input, of the type of `range_key`, and the
 * offsets are boolean constants instead: whether the offset is negative.
 */
struct spk_window_frame {
	enum spk_frame_mode mode;
	enum spk_frame_bound start, end;
	enum spk_frame_exclude exclude;
	struct spk_expr *start_offset, *end_offset;
	struct spk_expr *range_key, *start_edge, *end_edge;
};

/* One window function of an OVER node: lag(price) OVER (... ROWS ...). Partition and order are the node's. */
struct spk_window_call {
	enum spk_window_function function;
	struct spk_aggregate_call aggregate;   /* AGGREGATE */
	int args;
	struct spk_expr *arg[3];
	struct spk_window_frame frame;
	struct spk_type type;
	const char *name;                      /* output column */
	int position;
};

/*
 * What the condition of a join of two inputs that are only added to says of their event times. BY_WINDOW: pairs are in windows with one end.
 * BY_INTERVAL: a partner's time is at most reach_us[side] after that of a row of `side` (less than 0: it is before), INT64_MAX: there is no such bound.
 */
enum spk_join_time_kind { SPK_JOIN_TIMELESS, SPK_JOIN_BY_INTERVAL, SPK_JOIN_BY_WINDOW };
struct spk_join_time {
	enum spk_join_time_kind kind;
	int column[2];           /* of the left, of the right side: event time, or the window's end */
	int64_t reach_us[2];
	int64_t bucket_us;       /* BY_INTERVAL: rows are kept, and go, by so much of time together */
};

/* Time columns of a side of a join; -1: none. */
struct spk_other_times { int time, window_start, window_end; };

enum spk_state_bound { SPK_BOUND_STATELESS, SPK_BOUND_TIME, SPK_BOUND_IDLE, SPK_BOUND_KEY, SPK_BOUND_NOTHING };

/*
 * What bounds a node's state. TIME: goes as the watermark passes (windows). IDLE: goes when a key has not changed for some time (state.ttl). KEY: one entry per group, so a plain GROUP BY;
 * as many as there are distinct keys. NOTHING: grows with the rows.
 *
 * What the planner knows of a node's output (properties.c derives it bottom-up, for a run in which rows keep coming).
 */
struct spk_properties {
	bool append_only;        /* no row is ever taken back */
	bool bounded;            /* every source below is bounded */
	int time_column;         /* output column that carries a watermark, -1 none */
	int64_t lag_us;          /* rows come out when the watermark is so far behind their time, or their window's end, at the most */
	int window_start, window_end;  /* output columns that are bounds of windows over a watermark, -1 none */
	struct spk_other_times other;  /* columns that will do as well: of the other side of an INNER JOIN */
	struct spk_other_times either[2];  /* behind a FULL JOIN by time, by side: one of both is there, and coalesce() of them is the time, or the bound */
	int key_count;           /* unique key of the output, 0 unknown */
	const int *key;
	enum spk_state_bound bound;  /* what bounds the node's own state */
};

struct spk_logical {
	enum spk_logical_kind kind;
	int id;                            /* stable: pre-order number after optimization, from 1 */
	int position;                      /* byte offset in the SQL text + 1 */
	const struct spk_schema *schema;
	int inputs;
	struct spk_logical **input;
	struct spk_properties properties;

	/* SCAN: schema = columns column[0..schema->count) of the table; filter is over the scan's schema. */
	const struct spk_table *table;     /* also SINK's target */
	const char *alias;                 /* also SHARED: the materialized view that it is a use of; NULL for WITH */
	int *column;                       /* SCAN: table column by output column; SINK: target column by input column */
	bool history;                      /* SCAN of a changelog: every version that a key ever had, each valid from its event time on; never taken back */
	struct spk_expr *filter;           /* SCAN: pushed predicate or NULL; FILTER: the predicate */
	int expr_count;                    /* PROJECT: one per output column; AGGREGATE: group expressions */
	struct spk_expr **expr;
	int aggregate_count;               /* AGGREGATE */
	struct spk_aggregate_call *aggregate;
	int empty_sets;                    /* AGGREGATE over EXPAND: numbers (last group) of the sets without groups, whose row is there in any case */
	int64_t *empty_set;
	enum spk_window_kind window;       /* WINDOW */
	int time_column;                   /* WINDOW: input column */
	int64_t window_size_us, window_slide_us, window_offset_us;  /* slide: hop's slide, cumulate's step, session's gap */
	const char *zone;                  /* WINDOW over timestamptz but session: its bounds are local times of this zone; NULL: UTC */
	int partition_count;               /* WINDOW session: PARTITION BY columns of the input */
	int *partition;
	int sort_count;                    /* SORT */
	struct spk_sort_key *sort;
	int64_t limit, offset;             /* LIMIT: limit -1 = none */
	int value_rows;                    /* VALUES: rows x schema->count constants, row by row; EXPAND: sets x expressions */
	struct spk_expr **value;
	const struct spk_callback *callback; /* CALLBACK */
	bool direct;                       /* REPARTITION: the one column of `expr` is the number of the task */
	int partitions;                    /* REPARTITION: tasks, 0: as many as usual */
	int calls;                         /* OVER: partition by `expr`, order by `sort` */
	struct spk_window_call *call;
	bool ordinality, outer, expand;    /* UNNEST: one column more, the element's number; a row with NULLs for no elements; records as their fields */
	int number;                        /* SHARED, RECURSIVE, WORK_TABLE: which */
	bool distinct;                     /* RECURSIVE: no row twice (UNION) */
	enum spk_join_type join;           /* JOIN; its condition is `filter`, NULL: every pair */
	enum spk_join_hint hint;
	int dependent;                     /* JOIN: its right side has OUTER references of this number to its left columns; 0: none */
};

/* A zeroed node of that kind in `arena` with copies of the input pointers; NULL when memory is out. */
struct spk_logical *spk_logical_new(struct spk_arena *arena, enum spk_logical_kind kind, const struct spk_schema *schema, struct spk_logical *const *input, int inputs);
/* A copy of the node that shares its inputs, but whose expressions may be replaced. */
struct spk_logical *spk_logical_clone(struct spk_arena *arena, const struct spk_logical *l);
/* Calls `change` for every expression of the node (not of its inputs), which may put another in its place. */
typedef spk_status (*spk_logical_change)(struct spk_expr **e, void *user, spk_error *err);
spk_status spk_logical_each_expr(struct spk_logical *l, spk_logical_change change, void *user, spk_error *err);
/* A copy of all nodes, so that a plan may stand in another one several times; expressions are shared. NULL: no memory. */
struct spk_logical *spk_logical_copy_tree(struct spk_arena *arena, const struct spk_logical *root);
/* Numbers of OUTER references that mean the same in two plans: `a` in the first, `b` in the second. Innermost first. */
struct spk_same_outer { int a, b; const struct spk_same_outer *next; };
/* Whether two plans are the same query: the same nodes, names, types and expressions. What a volatile function gives is not looked at. */
bool spk_logical_same(const struct spk_logical *a, const struct spk_logical *b, const struct spk_same_outer *outer);
/* The same of two expressions; NULL is like NULL only. */
bool spk_expr_same_but(const struct spk_expr *a, const struct spk_expr *b, const struct spk_same_outer *outer);
const char *spk_logical_kind_name(enum spk_logical_kind kind);
const char *spk_join_name(enum spk_join_type join);
const char *spk_window_function_name(enum spk_window_function function);
/* What the condition of a JOIN whose inputs have their properties says of time. */
struct spk_join_time spk_join_time_of(const struct spk_logical *l);
/*
 * What an ASOF join compares beside its equalities: `left` over the left side's columns, `right` over both sides' (as in the condition). backward: the right
 * value is below the left one, and the greatest is the nearest; strict: not equal to it. False: the condition has not that form.
 */
struct spk_asof { struct spk_expr *left, *right; bool backward, strict; };
/* In a stream an ASOF join's left rows wait for the watermark by so much of time together. */
enum { SPK_ASOF_BUCKET_US = 1000000 };
bool spk_join_asof(const struct spk_logical *l, struct spk_asof *out);
/* The one side of a join, whose left one has `left` columns, that an expression over both looks at; -1: none, or both. */
int spk_join_side_of(const struct spk_expr *e, int left);
static inline bool spk_join_is_asof(enum spk_join_type join) { return join == SPK_JOIN_ASOF || join == SPK_JOIN_ASOF_LEFT; }
static inline bool spk_join_is_lookup(enum spk_join_type join) { return join == SPK_JOIN_LOOKUP || join == SPK_JOIN_LOOKUP_LEFT; }
/* Whether columns of the right side come out; whether rows may have NULLs in that side's columns for want of a partner. */
bool spk_join_shows_right(enum spk_join_type join);
bool spk_join_extends_with_null(enum spk_join_type join, int side);
/* Whether rows of that side come out for having met nothing. */
bool spk_join_comes_alone(enum spk_join_type join, int side);
/* In a stream: the input's column with the time that the watermark must have passed for an OVER's row to be final (over_time.c); -1: none will do. */
int spk_over_time_column(const struct spk_logical *l);
/* So many rows, and so far back in time (-1: not at all), its frames look at those before a row; rows -1: at all of them. */
struct spk_over_reach { int64_t rows, time_us; };
struct spk_over_reach spk_over_reach_of(const struct spk_logical *l);
/* All its calls go on from the values of the row before: running totals and numbers. */
bool spk_over_runs(const struct spk_logical *l);
/* Derives properties for the whole tree, bottom-up, and numbers the nodes. */
spk_status spk_logical_finish(struct spk_arena *arena, struct spk_logical *root, spk_error *err);
/* The tree as text, one node a line, with properties when `verbose`. */
spk_status spk_logical_format(const struct spk_logical *root, bool verbose, struct spk_buffer *out, spk_error *err);

#endif
