/* What the files of planner/physical share while a plan is made. Not for others. */
#ifndef SPK_PLANNER_PHYSICAL_BUILD_H
#define SPK_PLANNER_PHYSICAL_BUILD_H

#include "planner/physical/physical.h"

/* Output columns that hold the same value in every row. */
struct spk_partition_key { int columns; const int *column; };

/*
 * Which task a row is on: where the hash of these keys, in this order, sends it (spk_hash_columns; any column of a key stands for it). keys 0:
 * nothing is known.
 */
struct spk_partitioning {
	int keys;
	const struct spk_partition_key *key;
	bool range;                        /* not by hash: by ranges of the keys in some order. Rows that agree in all keys are together all the same */
	int sort_count;                    /* range: rows come sorted so, task after task; 0: no longer known */
	const struct spk_sort_key *sort;
};

/*
 * The producers of a relation. UNION ALL has no operator of its own: its consumers take edges from every port.
 * `window_source` etc. need no place here: they are in the logical node's properties.
 */
struct spk_ports {
	int count;
	struct spk_physical **node;
	bool retracts;
	struct spk_partitioning partitioned;  /* batch: so that rows that are together already need no exchange */
};

struct spk_build {
	struct spk_arena *arena;
	const struct spk_physical_options *options;
	struct spk_physical_plan *plan;
	int node_capacity;
	const char *root_name;
	/* By source: the shared SCAN node; what rows of the table come from, of a changelog the NORMALIZE above it, where there is one; and what gives all of its versions. */
	struct spk_physical **decoded, **scan, **history;
	bool spreads;                      /* what is built now pays to be made by several tasks: something above it takes parts, or keeps all rows */
	const struct spk_logical *range_sort;  /* the SORT whose rows several tasks take, range by range */
	struct spk_built *built;           /* stream: what was built so far, the newest first */
};

/* A node with edges from all ports; NULL when memory is out. */
struct spk_physical *spk_build_node(struct spk_build *b, enum spk_physical_kind kind, const struct spk_schema *schema, const struct spk_ports *from, const struct spk_logical *logical);
/* The same for a node with a second input, which is `build`. */
struct spk_physical *spk_build_join_node(struct spk_build *b, enum spk_physical_kind kind, const struct spk_schema *schema, const struct spk_ports *probe, const struct spk_ports *build, const struct spk_logical *logical);
struct spk_ports spk_build_port(struct spk_build *b, struct spk_physical *node, bool retracts);
/* A node of that kind as the logical one has it: FILTER, PROJECT, ... */
spk_status spk_build_simple(struct spk_build *b, const struct spk_logical *l, enum spk_physical_kind kind, const struct spk_ports *in, struct spk_ports *out, spk_error *err);
/* Computes `expr`, one per field of `schema`, over all ports, which become this one; nothing is known any more of which rows are together. */
spk_status spk_build_project(struct spk_build *b, const struct spk_logical *l, const struct spk_schema *schema, struct spk_expr **expr, struct spk_ports *ports, spk_error *err);
/* WRITE and READ around an exchange; returns the READ node. keys 0: all to one task; hash_column >= 0: the carried hash. */
spk_status spk_build_exchange(struct spk_build *b, const struct spk_ports *from, const int *key, int keys, int hash_column, struct spk_ports *out, spk_error *err);

/* Every reader task gets all rows: how many read it is decided by what else they read. */
/* To `readers` tasks (0: as many as usual), by the hash of key columns, or evenly when there are none; direct: the one key is the task's number. */
spk_status spk_build_repartition(struct spk_build *b, const struct spk_ports *from, const int *key, int keys, bool direct, int readers, struct spk_ports *out, spk_error *err);
/* By ranges of the order in which the rows are. */
spk_status spk_build_ranges(struct spk_build *b, const struct spk_ports *from, struct spk_sort_key *sort, int sort_count, struct spk_ports *out, spk_error *err);
spk_status spk_build_broadcast(struct spk_build *b, const struct spk_ports *from, struct spk_ports *out, spk_error *err);

/* A long series as several tasks, where that pays: series.c. */
void spk_build_series(const struct spk_build *b, struct spk_physical *unnest);

/* --- which rows are together: partitioning.c --- */

/* `e` without the casts around it that leave the hash as it is (integer to bigint): what may be hashed in its place. */
struct spk_expr *spk_build_hashed(struct spk_expr *e);
/* By columns 0..keys of the output, in order. */
spk_status spk_partitioned_by_first(struct spk_build *b, int keys, struct spk_partitioning *out, spk_error *err);
/* What is left of it behind a projection. */
spk_status spk_partitioned_behind(struct spk_build *b, const struct spk_partitioning *in, struct spk_expr *const *expr, int exprs, struct spk_partitioning *out, spk_error *err);
/* True when rows that agree in the columns `expr` are on one task: order[k] is the expression that is key k's. */
bool spk_partitioned_within(const struct spk_partitioning *in, struct spk_expr *const *expr, int exprs, int *order);

/* --- changelogs: changes.c --- */

/* What a source's batches have behind the table's columns. schema: of the table's columns, with room for the others. */
spk_status spk_build_change_columns(const struct spk_build *b, const struct spk_table *t, struct spk_schema *schema, spk_error *err);
int spk_build_change_fields(const struct spk_table *t);
/* The rows of a changelog as rows of the table, or as what changes of them; `from` is its SCAN. */
spk_status spk_build_changes(struct spk_build *b, const struct spk_logical *l, const struct spk_plan_source *s, const struct spk_ports *from, struct spk_ports *out, spk_error *err);
/* All versions of the rows of a changelog by key; `time`: their event time, over the decoded columns. */
spk_status spk_build_history(struct spk_build *b, const struct spk_logical *l, const struct spk_plan_source *s, struct spk_expr *time, const struct spk_ports *from, struct spk_ports *out, spk_error *err);
/* The column that it has behind the others. */
struct spk_field spk_build_version_field(void);

/* --- joins: join.c, join_condition.c --- */

/* A join's condition, taken apart. Keys of the left side are over its columns, those of the right one over its own. */
struct spk_join_condition {
	int keys;
	struct spk_expr **left, **right;
	bool *null_safe;             /* by key: NULL equals NULL */
	bool *two_valued;            /* by key: NULL gives false and not NULL (which only MARK can tell) */
	struct spk_expr *rest;       /* over left ++ right; NULL: nothing more */
};
spk_status spk_join_take_apart(struct spk_build *b, const struct spk_logical *l, struct spk_join_condition *out, spk_error *err);
/* A MARK join whose answer may be NULL as joins and an aggregate that a stream can keep up to date: mark_join.c. NULL: its condition has not that form. */
spk_status spk_build_unknown_mark(struct spk_build *b, const struct spk_logical *l, const struct spk_join_condition *c, struct spk_logical **out, spk_error *err);
spk_status spk_build_join(struct spk_build *b, const struct spk_logical *l, struct spk_ports *out, spk_error *err);
/* Rows that will come out of `l`, about, and bytes of one of them: estimate.c. The one place that statistics are to go to. */
double spk_build_rows(const struct spk_build *b, const struct spk_logical *l);
double spk_build_row_bytes(const struct spk_build *b, const struct spk_logical *l);

/* --- aggregates: aggregate.c, aggregate_pass.c, aggregate_distinct.c --- */

/* Fills in what `partial` passes rows with; its calls over these, whose columns begin at `first` of its output. */
spk_status spk_build_pass(struct spk_build *b, struct spk_physical *partial, int first, struct spk_aggregate_call **out, spk_error *err);
/* The AGGREGATE as two, for DISTINCT calls; NULL when one does it. */
spk_status spk_build_distinct_levels(struct spk_build *b, const struct spk_logical *l, struct spk_logical **lower, struct spk_logical **upper, spk_error *err);

/* Index of the expression of `l` (groups, a partition) that is a window bound of its input, and what to add to it to get the window's end; -1: none. */
int spk_build_window_key(const struct spk_logical *l, int64_t *add_us);
/* Fills in a node's calls, and in batch hidden ones: first(group) where its key does not keep the value. */
spk_status spk_build_calls(struct spk_build *b, const struct spk_logical *l, struct spk_physical *node, spk_error *err);
/* What a call's state means. */
spk_status spk_build_call_meaning(const struct spk_aggregate_call *c, struct spk_buffer *out, spk_error *err);

/*
 * Stateful nodes that wait for a window and then give final rows: which of their columns (groups, input) is its bound, and what to add to get its end. key -1: they give
 * what changes every epoch.
 */
struct spk_closing { int key; int64_t add_us; bool changes; /* it gives changes, too, but only as long as the window may change */ };
/* Windows come out when they close, and nothing changes them then. */
static inline bool spk_build_says_once(struct spk_closing c) { return c.key >= 0 && !c.changes; }
/* Whether windows say more than their final rows: what they come to before they close, or late rows behind that. */
bool spk_build_windows_change(const struct spk_build *b);
/* Sessions below `l` that are kept for good change their bounds whenever a row comes, so that rows which are taken back may be of windows that are over. */
bool spk_build_bounds_change(const struct spk_build *b, const struct spk_logical *l);
/* A node, made for `l`, that goes by the windows of its column closing.key: says when they close and what late rows they take. */
void spk_build_by_window(const struct spk_build *b, const struct spk_logical *l, struct spk_closing closing, struct spk_physical *node);
/* Of a node by window, or a join of windows, which says more than final rows: what that means of its state, in front of the rest. */
spk_status spk_build_window_meaning(const struct spk_physical *node, struct spk_buffer *out, spk_error *err);
/*
 * Changes of open windows at an interval of their own (pace.c), where that is asked for and the rows of `ports` change. They must be together by these columns, in this
 * order; closing.key: which of them is the window's bound.
 */
spk_status spk_build_pace(struct spk_build *b, const struct spk_logical *l, const int *key, int keys, struct spk_closing closing, struct spk_ports *ports, spk_error *err);
/* The same for sessions, whose bounds change; `key`: what they are of, `end`: the column of their end. */
spk_status spk_build_pace_sessions(struct spk_build *b, const struct spk_logical *l, const int *key, int keys, int end, struct spk_ports *ports, spk_error *err);
/* The same for a join of windows; end: columns of the windows' ends, by side, -1: it may be missing. Where both are given either may be NULL, but not both. */
spk_status spk_build_pace_join(struct spk_build *b, const struct spk_logical *l, const int end[2], struct spk_ports *ports, spk_error *err);

/* Whether a key of this type gives the value back. */
bool spk_key_keeps(struct spk_type type);
/* What a PARTIAL_AGGREGATE hands on. */
spk_status spk_build_partial_schema(struct spk_build *b, struct spk_physical *partial, spk_error *err);
/* In a stream: an aggregation whose calls go on from their states; and its merging side alone, over partial aggregates that have their states laid out as `partial` has. */
spk_status spk_build_stream_level(struct spk_build *b, const struct spk_logical *l, const struct spk_ports *in, struct spk_closing closing, struct spk_ports *out, spk_error *err);
/* Tells the node which groups have a row in any case. */
void spk_build_standing(const struct spk_logical *l, struct spk_physical *node);
spk_status spk_build_stream_merging(struct spk_build *b, const struct spk_logical *l, const struct spk_physical *partial, struct spk_aggregate_call *pass, const struct spk_ports *in, struct spk_closing closing, struct spk_ports *out, spk_error *err);
/* The node over columns of `ports`, which get computed: groups, then arguments and filters (aggregate_rows.c). */
spk_status spk_build_aggregate_columns(struct spk_build *b, const struct spk_logical *l, struct spk_ports *ports, struct spk_logical **out, spk_error *err);
/* An aggregation of which some calls need more than a state, each by a branch of its own (aggregate_branches.c). *built: it can be done so. */
spk_status spk_build_aggregate_branches(struct spk_build *b, const struct spk_logical *l, const struct spk_ports *in, struct spk_closing closing, struct spk_ports *out, bool *built, spk_error *err);

/* --- state: state.c --- */

/*
 * Gives a stateful node the name of its table, "<root>.<what>-<n>", and what its state means. Tables are numbered by root, so that an
 * INSERT more or less does not rename those of the others; two INSERTs may have one target.
 */
spk_status spk_build_state(struct spk_build *b, struct spk_physical *node, const char *what, const struct spk_buffer *meaning, spk_error *err);

/*
 * In a stream, what decides over rows that may be taken back must say the same when they are: PLAN error where an expression of the node looks at the
 * clock or draws lots.
 */
spk_status spk_build_check_timeless(const struct spk_build *b, const struct spk_logical *l, bool retracts, spk_error *err);

/* --- what a stream keeps up to date by computing it again: recompute.c --- */

/* Builds the operators over `in`, all of whose rows are in one task. */
typedef spk_status (*spk_build_inner)(struct spk_build *b, const struct spk_logical *l, struct spk_ports *in, struct spk_ports *out, spk_error *err);
/*
 * Keeps the rows of `in` by these columns and does `inner` for keys that change; closing.key: by the windows of that column, -1: in every
 * epoch. complete: all that comes of a key that changes comes out, and not what changes of it. inner NULL: the rows as they are; keeps: so what comes out
 * takes rows back only if what goes in does.
 */
struct spk_recompute { const struct spk_logical *l; const int *key; int keys; spk_build_inner inner; struct spk_closing closing; bool complete, keeps; const char *what; };
spk_status spk_build_recompute(struct spk_build *b, const struct spk_recompute *r, const struct spk_ports *in, struct spk_ports *out, spk_error *err);
/* The operators of a batch for `l` over one input of that schema, on one task: a plan of its own. */
spk_status spk_build_inner_plan(struct spk_build *b, const struct spk_logical *l, spk_build_inner build, const struct spk_schema *schema, const struct spk_physical_plan **plan, const struct spk_schema **out, spk_error *err);
/* In a stream: aggregates that need all rows of a group (aggregate_rows.c). */
bool spk_aggregate_needs_rows(const struct spk_logical *l, bool retracts);
/* Its state has all values of a group, which a branch finds the result of without going over them (aggregate_branches.c). */
bool spk_aggregate_gathers(const struct spk_aggregate_call *c);
spk_status spk_build_rows_aggregate(struct spk_build *b, const struct spk_logical *l, const struct spk_ports *in, struct spk_closing closing, spk_build_inner inner, struct spk_ports *out, spk_error *err);

/* The projection in the making: what calls look at, each once. */
struct spk_call_columns { struct spk_build *b; int count; struct spk_expr **expr; struct spk_field *field; };
/* Room for the calls of `l` and `more` columns. */
spk_status spk_call_columns_init(struct spk_call_columns *c, struct spk_build *b, const struct spk_logical *l, int more, spk_error *err);
/* The column that holds `e`; fresh: one of its own. */
spk_status spk_call_columns_add(struct spk_call_columns *c, struct spk_expr *e, bool fresh, struct spk_expr **out, spk_error *err);
/* The call over the projection's columns. */
spk_status spk_call_columns_take(struct spk_call_columns *c, struct spk_aggregate_call *call, spk_error *err);

/* Sessions (session.c): the WINDOW over `in`; and, in a stream, an AGGREGATE over one as one operator, from its input on, where *taken. */
spk_status spk_build_session(struct spk_build *b, const struct spk_logical *l, struct spk_ports *in, struct spk_ports *out, spk_error *err);
/* In a stream: whether its sessions go by the watermark. Others, whose rows may be taken back, are kept for good, and nothing is late for them. */
bool spk_build_session_is_by_time(const struct spk_build *b, const struct spk_logical *w);
spk_status spk_build_session_groups(struct spk_build *b, const struct spk_logical *l, bool *taken, struct spk_ports *out, spk_error *err);

/* --- aggregates made of windows as they grow: window_groups.c, panes.c --- */

/* Whether the calls of an AGGREGATE look at the rows alone, not at the bounds that WINDOW `w` puts behind them. */
bool spk_build_looks_at_rows(const struct spk_logical *w, const struct spk_logical *l);
/* Rows of such a plan are never taken back, as long as windows come out when they close. */
bool spk_build_only_appends(const struct spk_logical *l);
/* The same, also where windows change. */
bool spk_build_only_adds(const struct spk_build *b, const struct spk_logical *l);
/* An AGGREGATE over the window itself: projections between are put into its expressions. */
spk_status spk_build_onto_window(struct spk_build *b, const struct spk_logical *l, struct spk_logical **out, spk_error *err);
/* In a stream, an AGGREGATE over hop or cumulate by panes that their windows share, from its input on, where *taken. */
spk_status spk_build_panes(struct spk_build *b, const struct spk_logical *l, bool *taken, struct spk_ports *out, spk_error *err);
/* The two halves of an aggregate: PARTIAL_AGGREGATE, and what merges its states. */
spk_status spk_build_partial(struct spk_build *b, const struct spk_logical *l, const struct spk_ports *in, int window_key, struct spk_physical **out, struct spk_aggregate_call **pass, spk_error *err);
spk_status spk_build_merging(struct spk_build *b, const struct spk_logical *l, enum spk_physical_kind kind, const struct spk_physical *partial, struct spk_aggregate_call *pass, const struct spk_ports *in, struct spk_physical **out, spk_error *err);
/* What their state means: groups and calls with their types. */
spk_status spk_build_groups_meaning(const struct spk_physical *node, const struct spk_logical *l, struct spk_buffer *out, spk_error *err);

/* Window functions in a stream (over_rows.c). */
/*
 * What an OVER looks at as columns of `ports`, computed where it is none; *out is the node over these: the input's columns, computed ones, then the calls. keys: the
 * partition.
 */
struct spk_over_keys { int *column, count; };
spk_status spk_build_over_columns(struct spk_build *b, const struct spk_logical *l, struct spk_ports *ports, struct spk_logical **out, struct spk_over_keys *keys, spk_error *err);
/* Whether it may wait for the windows that are part of its partition: late rows are then sorted out. */
spk_status spk_build_over_closes(struct spk_build *b, const struct spk_logical *l, struct spk_ports *ports, struct spk_closing *out, spk_error *err);
/* Fills in by what columns rows of a partition, node->key, are told apart: no constants, nor columns of its key. */
spk_status spk_build_order(struct spk_build *b, const struct spk_logical *l, struct spk_physical *node, spk_error *err);
/* Whether it may wait for the watermark row by row (over_time.c): held until then, by the time that it is ordered by and by `keys`; and the calls over such rows. */
bool spk_build_goes_by_time(const struct spk_build *b, const struct spk_logical *l, const struct spk_ports *in);
spk_status spk_build_hold(struct spk_build *b, const struct spk_logical *l, const struct spk_over_keys *keys, struct spk_ports *ports, spk_error *err);
spk_status spk_build_time_over(struct spk_build *b, const struct spk_logical *l, const struct spk_ports *in, struct spk_ports *out, spk_error *err);
/* One row of every key, columns 0 .. keys of `ports`, by this order: the first, or the one at a share of all; `l` is what it is for. */
spk_status spk_build_first_row(struct spk_build *b, const struct spk_logical *l, int keys, struct spk_sort_key *sort, int sorts, struct spk_closing closing, struct spk_ports *ports, spk_error *err);
spk_status spk_build_percentile(struct spk_build *b, const struct spk_logical *l, int keys, struct spk_sort_key *sort, struct spk_percentile percentile, struct spk_closing closing, struct spk_ports *ports, spk_error *err);
/* The first rows of partitions, and LIMIT (top_n.c). *built: `l`, with what is below it, is such. */
spk_status spk_build_top_n(struct spk_build *b, const struct spk_logical *l, struct spk_ports *out, bool *built, spk_error *err);
spk_status spk_build_rows_over(struct spk_build *b, const struct spk_logical *l, const struct spk_ports *in, struct spk_ports *out, spk_error *err);

/* --- what several INSERTs have in common: equal.c, view.c --- */

/* In a stream, the ports of a relation that was built before and is the same; false: there is none. */
bool spk_build_find_equal(const struct spk_build *b, const struct spk_logical *l, struct spk_ports *out);
spk_status spk_build_remember(struct spk_build *b, const struct spk_logical *l, const struct spk_ports *ports, spk_error *err);
/* A use of a materialized view: its rows are kept under its name, and what changes of them goes on. */
spk_status spk_build_view(struct spk_build *b, const struct spk_logical *l, struct spk_ports *out, spk_error *err);

/* One file each. */
spk_status spk_build_sources(struct spk_build *b, struct spk_logical *const *root, int roots, spk_error *err);
spk_status spk_build_scan(struct spk_build *b, const struct spk_logical *l, struct spk_ports *out, spk_error *err);
spk_status spk_build_aggregate(struct spk_build *b, const struct spk_logical *l, const struct spk_ports *in, struct spk_ports *out, spk_error *err);
spk_status spk_build_over(struct spk_build *b, const struct spk_logical *l, struct spk_ports *in, struct spk_ports *out, spk_error *err);
/* Takes off again what was computed for window functions, behind the input's columns. */
spk_status spk_build_over_drop(struct spk_build *b, const struct spk_logical *l, struct spk_ports *ports, spk_error *err);
spk_status spk_build_callback(struct spk_build *b, const struct spk_logical *l, const struct spk_ports *in, struct spk_ports *out, spk_error *err);
/* Of `in`, the rows of l's input; of LIMIT over SORT, the rows of SORT's. */
spk_status spk_build_sort(struct spk_build *b, const struct spk_logical *l, struct spk_ports *in, struct spk_ports *out, spk_error *err);
/* Before the inputs of `l` are built (NULL: rows are kept by those tasks that have them): notes a SORT below whose rows it takes from several tasks. */
void spk_build_note_sort(struct spk_build *b, const struct spk_logical *l, const struct spk_logical *input);
spk_status spk_build_limit(struct spk_build *b, const struct spk_logical *l, struct spk_ports *in, struct spk_ports *out, spk_error *err);
/* All rows are on one task. */
bool spk_build_is_single(const struct spk_build *b, const struct spk_ports *ports);
spk_status spk_build_sink(struct spk_build *b, const struct spk_logical *l, const struct spk_ports *in, spk_error *err);
spk_status spk_build_relation(struct spk_build *b, const struct spk_logical *l, struct spk_ports *out, spk_error *err);
/* Bits of the sources below `l`: those with a watermark, or all. */
uint64_t spk_build_sources_below(const struct spk_build *b, const struct spk_logical *l, bool all);
/* The watermark that a node which goes by the time of the rows of l's inputs has: of all sources below, less how long rows may be under way. */
void spk_build_time(const struct spk_build *b, const struct spk_logical *l, struct spk_physical *node);
/*
 * Drops late rows: those of windows that are closed, `column` + add_us being their ends, or, by_time, those whose time in `column` is under the
 * watermark. l: the node that goes by it.
 */
spk_status spk_build_late(struct spk_build *b, const struct spk_logical *l, int column, int64_t add_us, bool by_time, struct spk_ports *ports, spk_error *err);
spk_status spk_build_stages(struct spk_build *b, spk_error *err);
spk_status spk_build_leaf_groups(struct spk_build *b, int stage, spk_error *err);
/* Whether rows of that side may be looked up by several tasks that do not know of each other: none comes out for having found no match, or only once. */
bool spk_join_may_share(enum spk_join_type join, int side);
/*
 * Which exchanges of joins may be left out at run time, the stages being known: adaptive.c. *again: one is not worth having if it may not be, so it is
 * gone, and stages are to be cut anew.
 */
spk_status spk_build_adaptive(struct spk_build *b, bool *again, spk_error *err);
/* How the partitions of a group of leaves may be shared out at run time: sharing.c. */
void spk_build_sharing(const struct spk_build *b, const struct spk_physical_stage *stage, struct spk_leaf_group *group);
/* Of a batch plan whose stages are known: tells scans what joins above them need not see. */
spk_status spk_build_runtime_filters(struct spk_build *b, spk_error *err);

#endif
