/*
 * Physical plans: how a query or a job is computed. A graph of operators cut into stages at exchanges; read-only once made,
 * shared by all tasks. A node may have several consumers: INSERTs of one job share the scan of a source.
 *
 * Inside a stage batches are pushed from leaves (SCAN, READ, VALUES) to their consumers. Leaves that meet in a join are a group: one
 * task drives them one after the other, the build side first. A stage's tasks are those of its groups, one after the other. Exchanges
 * are a WRITE node that ends a stage and a READ node that begins another.
 */
#ifndef SPK_PLANNER_PHYSICAL_PHYSICAL_H
#define SPK_PLANNER_PHYSICAL_PHYSICAL_H

#include "planner/logical/logical.h"

/* X(ID, "name in EXPLAIN") */
#define SPK_PHYSICAL_LIST(X) \
	X(SCAN, "Scan")                        /* leaf: rows of one source partition */ \
	X(VALUES, "Values")                    /* leaf: constant rows, one task unless `tasks` says more */ \
	X(READ, "Exchange")                    /* leaf: what WRITE nodes wrote for this task */ \
	X(WRITE, "ExchangeWrite")              /* to the shuffle, by hash of key columns or all to one */ \
	X(FILTER, "Filter") \
	X(PROJECT, "Project") \
	X(WINDOW, "Window")                    /* adds window_start, window_end, window_time */ \
	X(LATE, "LateFilter")                  /* drops rows of windows that were closed before this epoch */ \
	X(PARTIAL_AGGREGATE, "PartialAggregate")  /* folds an epoch's (or query's) rows per task */ \
	X(FINAL_AGGREGATE, "FinalAggregate")   /* batch: merges partial states, emits at the end */ \
	X(WINDOW_AGGREGATE, "WindowAggregate") /* stream: state by window, final rows as the watermark closes it */ \
	X(PANE_AGGREGATE, "PaneAggregate")     /* stream: state by pane; windows are made of their panes as the watermark closes them */ \
	X(NORMALIZE, "Normalize")              /* -1/+1 rows out of a source's changes by key; batch: the rows that are left; `history`: every version instead */ \
	X(TIMED, "Timed")                      /* changes of which versions are made: those without an event time are told of */ \
	X(STREAM_AGGREGATE, "StreamAggregate") /* stream: state by key, -1/+1 of every changed group each epoch */ \
	X(STREAM_JOIN, "StreamJoin")           /* stream: both sides kept by key; -1/+1 of every row that changes */ \
	X(INTERVAL_JOIN, "IntervalJoin")       /* stream: both sides kept until the watermark says that no partner comes; append-only */ \
	X(WINDOW_JOIN, "WindowJoin")           /* stream: the join of a window's rows, as the watermark closes it */ \
	X(STREAM_ASOF_JOIN, "StreamAsofJoin")  /* stream: left rows wait for the watermark, then meet the nearest right one; append-only */ \
	X(LOOKUP_JOIN, "LookupJoin")           /* stream: left rows meet what the right side has when they come; append-only */ \
	X(RECOMPUTE, "Recompute")              /* stream: rows kept by key; `inner` over those of every key that changes, before and after */ \
	X(TOP_N, "TopN")                       /* stream: the first rows of every key, kept in order */ \
	X(SESSION_INPUT, "SessionInput")       /* stream: drops rows of sessions that were closed before this epoch; notes where others came from */ \
	X(SESSION, "Session")                 /* stream: sessions by key; aggregates, or rows, of each as the watermark closes it */ \
	X(HOLD, "Hold")                        /* stream: rows until the watermark has passed their time, which is `time_column` */ \
	X(TIME_OVER, "TimeOver")               /* stream: window functions over rows that come in the order of time; `inner` over those kept and the new ones */ \
	X(RUNNING_OVER, "RunningOver")         /* stream: the same where every call goes on from its value for the row before */ \
	X(INPUT, "Input")                      /* leaf of an inner plan: the rows that the operator around it hands in */ \
	X(HASH_JOIN, "HashJoin")               /* batch: input 0 probes a table over input 1 */ \
	X(MERGE_JOIN, "MergeJoin")             /* batch: sorts both inputs by the keys */ \
	X(ASOF_JOIN, "AsofJoin")               /* batch: sorts both inputs by the keys, then by what is compared */ \
	X(LOOP_JOIN, "LoopJoin")               /* batch: every pair; input 1 is kept */ \
	X(OVER, "Over")                        /* batch: window functions over rows sorted by partition and order */ \
	X(EXPAND, "Expand") \
	X(UNNEST, "Unnest") \
	X(RECURSIVE, "Recursive")              /* batch */ \
	X(WORK_TABLE, "WorkTable")             /* leaf */ \
	X(CALLBACK, "Callback")                /* batch */ \
	X(SORT, "Sort")                        /* batch */ \
	X(TOP_K, "TopK")                       /* batch: SORT and LIMIT in one */ \
	X(LIMIT, "Limit")                      /* batch */ \
	X(PACED_CHANGES, "PacedChanges")       /* stream: changes of open windows, at an interval of their own */ \
	X(FOLD_CHANGES, "FoldChanges")         /* stream: an epoch's changes netted by key, in front of a sink of changes */ \
	X(SINK, "Sink") \
	X(COLLECT, "Collect")                  /* batch: rows to the caller */

enum spk_physical_kind {
#define SPK_PHYSICAL_ENUM(id, name) SPK_PHYSICAL_##id,
	SPK_PHYSICAL_LIST(SPK_PHYSICAL_ENUM)
#undef SPK_PHYSICAL_ENUM
	SPK_PHYSICAL_COUNT
};

struct spk_physical;

struct spk_physical_edge { struct spk_physical *node; int input; };

/* An expression that passed rows take along. filter: the one (by place) that must be true where this is evaluated, -1 none. */
struct spk_pass { struct spk_expr *expr; int filter; };

/*
 * What a SCAN may leave out: rows that meet no row of a join's build side, which is complete before the scan begins (decision 33). `expr`,
 * over the scan's columns, is the probe's value of the join's key number `key`. expr NULL: only that there is nothing to meet at all.
 */
struct spk_runtime_filter { const struct spk_physical *join; int key; struct spk_expr *expr; };

struct spk_physical {
	enum spk_physical_kind kind;
	int id;                            /* index in the plan, in topological order */
	const char *state_table;           /* stateful nodes: stable name of the state table, else NULL */
	const char *fingerprint;           /* what its state means: must be the same for the state to be kept */
	const struct spk_schema *schema;   /* of its output */
	int stage;
	int inputs;
	struct spk_physical **input;
	int outputs;
	struct spk_physical_edge *output;
	const struct spk_logical *logical; /* the node that it came from, NULL for exchanges */
	double expected_rows;              /* that come out; -1: not asked for, or not known */
	bool retracts;                     /* output may carry weights other than +1 */
	enum spk_state_bound bound;

	const struct spk_physical_plan *inner;  /* RECOMPUTE: a chain of batch operators from INPUT on, each the next one's only input; of no stage */
	bool complete;                     /* RECOMPUTE: the whole result of a key that changes comes out, not what changes of it */
	int source, sink;                  /* SCAN: source index; SINK: sink index */
	int runtime_filters;               /* SCAN in batch */
	struct spk_runtime_filter *runtime_filter;
	struct spk_expr *filter;           /* FILTER; SCAN: pushed predicate or NULL */
	int expr_count;                    /* PROJECT: outputs; aggregates: group expressions (PARTIAL: over its input) */
	struct spk_expr **expr;
	int aggregate_count, hidden_count; /* calls; hidden ones behind them do not come out by themselves */
	struct spk_aggregate_call *aggregate;
	const int *group_value;            /* FINAL_AGGREGATE: by group column the hidden call that gives its value, -1: its key does; NULL: none */
	int pass_count;                    /* PARTIAL_AGGREGATE: what rows that are passed as they are take along: the groups, inputs and filters */
	struct spk_pass *pass;
	struct spk_aggregate_call *pass_aggregate;  /* the aggregate behind it: the calls over passed rows */
	bool passes;                       /* PARTIAL_AGGREGATE: passes all rows: those of a group are on one task; SESSION: rows come out, not aggregates */
	bool panes;                        /* WINDOW: a row is in one pane, which windows share; PARTIAL_AGGREGATE: of these; its rows are spread by the groups without the pane */
	int state_size;                    /* aggregates: bytes of a state row */
	int empty_sets;                    /* FINAL_AGGREGATE, STREAM_AGGREGATE, RECOMPUTE over EXPAND: values of the last group whose row comes out in any case, the others NULL; of the
	                                      latter two also without groups: one, whatever its value */
	const int64_t *empty_set;
	const struct spk_callback *callback; /* CALLBACK */
	int calls;                         /* OVER: its input is sorted by `expr` (the partition), then `sort` */
	struct spk_window_call *call;
	int window_key;                    /* WINDOW_AGGREGATE, STREAM_AGGREGATE by window: group column that holds the window bound; LATE, RECOMPUTE, TOP_N by window: input column; else -1 */
	int64_t window_add_us;             /* add to it to get the window's end */
	int64_t lateness_us;               /* STREAM_AGGREGATE, RECOMPUTE, TOP_N by window (part of window_add_us), SESSION_INPUT, SESSION, WINDOW_JOIN: late rows are taken for so long behind its end */
	int64_t emit_interval_us;          /* PACED_CHANGES */
	bool on_close;                     /* STREAM_AGGREGATE, RECOMPUTE, TOP_N by window, SESSION: says nothing of a window before it closes */
	int time_column;                   /* WINDOW, SESSION_INPUT, SESSION: input column */
	enum spk_window_kind window;
	int64_t window_size_us, window_slide_us, window_offset_us;  /* slide: also a session's gap */
	bool by_time;                      /* LATE: window_key is an event time, and rows are late below the watermark */
	const char *zone;                  /* WINDOW: bounds are local times of this zone; NULL: UTC */
	/* STREAM_AGGREGATE, STREAM_JOIN (by input), TOP_N, RECOMPUTE: a key is forgotten so long after its last change, by the watermark of time_sources or, where there are
	 * none, by the times of epochs; 0: never. */
	int64_t state_ttl_us[2];
	uint64_t time_sources;             /* operators that go by the watermark: bit per source whose watermarks bound this operator */
	int64_t time_lag_us;               /* these: rows come so much behind them at the most */
	int key_count;                     /* WRITE: hash columns (0: by hash_column, or all to task 0); SINK: upserts by these; RECOMPUTE, TOP_N, SESSION, NORMALIZE: keeps by these */
	const int *key;
	int other_key;                     /* NORMALIZE: first input column of the other key; its changes' columns are before it */
	bool exact;                        /* NORMALIZE: rows have weights already: all columns are the key */
	/* NORMALIZE: a row for each version of a key, behind its columns a bigint that ascends in the order of the key's versions, odd: the row is gone. ASOF_JOIN, STREAM_ASOF_JOIN:
	 * the right side is that, its number behind the columns of `right`. */
	bool history;
	int for_all;                       /* WRITE: smallint column of a change (planner/logical/changes.h): TRUNCATE goes to all readers; else -1 */
	int hash_column;                   /* WRITE after PARTIAL: column with the carried hash, else -1 */
	int exchange;                      /* READ/WRITE: index of the exchange */
	enum spk_join_type join;           /* joins: from the logical node's point of view */
	bool build_left;                   /* joins: input 1, the one that is kept, is the logical left side */
	bool broadcast;                    /* joins: every task reads all of input 1, and they share what is made of it */
	/* Joins: the sides' columns. Inputs may have more behind them, for keys that are no columns; those do not come out. */
	const struct spk_schema *left, *right;
	int join_keys;                     /* joins: pairs of one type (numerics: of any scale) that must be equal; `filter` is the rest of the condition, over left ++ right */
	struct spk_expr **probe_key;       /* over input 0 */
	struct spk_expr **build_key;       /* over input 1 */
	bool *null_safe;                   /* by key: IS NOT DISTINCT FROM */
	bool *filters;                     /* HASH_JOIN, by key: a scan asks for its values on the build side; NULL: none does */
	bool takes[2];                     /* STREAM_JOIN: rows of the left side, of the right side may be taken back */
	struct spk_join_time time;         /* INTERVAL_JOIN, WINDOW_JOIN, STREAM_ASOF_JOIN */
	struct spk_asof asof;              /* ASOF_JOIN, STREAM_ASOF_JOIN: `right` over the right side's columns */
	bool waits;                        /* LOOKUP_JOIN: left rows wait until the sources of the right side (time_sources) are over */
	bool unknown;                      /* MARK: a NULL in a key makes the answer NULL where it is not true; `filter` is the whole condition, or NULL for a single key */
	int sort_count;                    /* SORT, TOP_K, TOP_N (columns), OVER; READ, WRITE: every producer's rows are sorted so, the reader merges them */
	struct spk_sort_key *sort;
	int64_t limit, offset;             /* LIMIT, TOP_K; TIME_OVER: rows that it looks back at, -1 all; TOP_N: ranks offset + 1 to offset + limit, of the one call or by row_number */
	struct spk_percentile { bool asked, between; double share; } percentile;  /* TOP_N: of each key the one row at that share of all; between: or what lies between two, in its last column */
	bool partial;                      /* SORT, TOP_K, LIMIT: of each task's rows, before an exchange */
	int value_rows;
	struct spk_expr **value;
	int tasks;                         /* VALUES of one row, UNNEST: so many tasks have that row, each makes its part of the series that UNNEST is; else 1 */
};

/* TOP_N: rows behind the bounds may come into them. */
static inline bool spk_top_n_keeps_all(const struct spk_physical *n) { return n->input[0]->retracts || n->percentile.asked; }

/* TOP_N: the rank is its last column. */
static inline bool spk_top_n_shows_rank(const struct spk_physical *n) { return n->schema->count > n->input[0]->schema->count; }
/* TOP_N: one row of a key is kept, and no other ever comes back; rows of windows are kept in order until they come out. */
static inline bool spk_top_n_is_first_row(const struct spk_physical *n)
{
	return n->kind == SPK_PHYSICAL_TOP_N && !spk_top_n_keeps_all(n) && n->window_key < 0 && n->offset == 0 && n->limit == 1 &&
	       (!n->calls || n->call->function == SPK_WINDOW_FUNCTION_ROW_NUMBER);
}

/*
 * What one task drives: leaf after leaf, so that all that a join keeps is there before the first row probes it. Its tasks are those of
 * leaf[partitioned]; the others have as many, or are read whole by every task (broadcast).
 */
struct spk_leaf_group {
	int leaves, partitioned;
	struct spk_physical **leaf;
	/* Batch, with exchanges that may be shared out anew at run time (scheduler/README.md): */
	bool coalesces;                    /* a task may read several partitions of all of them */
	int splits;                        /* leaf whose partitions several tasks may read a part of each, and the other leaves' whole; -1: none */
	bool cuts;                         /* a part of what one task wrote, too: its rows come in the same order whenever it runs */
};

struct spk_physical_stage {
	int nodes;
	struct spk_physical **node;        /* topological */
	int groups;
	struct spk_leaf_group *group;
	bool stateful;                     /* has a node with state */
};

struct spk_exchange {
	int write_stage, read_stage;
	bool single;                       /* one reader task */
	bool broadcast;                    /* every reader task gets all rows */
	bool direct;                       /* to the task whose number the one key column holds */
	bool spread;                       /* batches in turn, whatever is in them */
	bool range;                        /* sorted; a reader gets the rows between two keys, those with equal keys together (batch/operator/range.h) */
	bool asked_for;                    /* by the user, who may count on the partitions */
	int readers;                       /* reader tasks when not as many as usual, else 0 */
	/* Batch, a join's probe side: left out when the sides that its rows meet have no more bytes together; 0: never (decision 47). */
	int64_t left_out_bytes;
	bool unlikely;                     /* it is expected to be left out */
	bool whole;                        /* of a join's build side: so that it is then read whole */
};

/* A source of the job, shared by all scans of its table in a stream; in a batch of one scan. */
struct spk_plan_source {
	const struct spk_table *table;
	const struct spk_logical *scan;    /* the first of its scans */
	int columns;
	int *column;                       /* table columns to decode, ascending */
	const struct spk_schema *schema;   /* of the decoded batch */
	struct spk_expr *time;             /* event time of a row, over the decoded batch; NULL: no watermark */
	int64_t watermark_delay_us;
	int files_read, files;             /* batch: how many files are read, of how many, by the scan's filter; 0: not known */
};

struct spk_plan_sink {
	const struct spk_table *table;
	const struct spk_schema *schema;
	bool retracts;
	struct spk_physical *node;
};

struct spk_physical_plan {
	bool streaming;
	int nodes;
	struct spk_physical **node;        /* topological */
	int stages;
	struct spk_physical_stage *stage;
	int exchanges;
	struct spk_exchange *exchange;
	double spread_bytes;               /* batch: of the largest exchange by hash, about */
	int sources;
	struct spk_plan_source *source;
	int sinks;
	struct spk_plan_sink *sink;
	struct spk_physical *collect;      /* batch query: its COLLECT node */
	uint64_t hash;                     /* of the plan's text: changes when the job's meaning may have changed */
	const char *text;                  /* what was hashed */
};

/* In the order of 'join.runtime-filters'; a zeroed spk_physical_options has AUTO. */
enum spk_runtime_filters { SPK_RUNTIME_FILTERS_AUTO, SPK_RUNTIME_FILTERS_ALWAYS, SPK_RUNTIME_FILTERS_NEVER };

/* In the order of 'sort.ranges'; a zeroed spk_physical_options has AUTO. */
enum spk_sort_ranges { SPK_SORT_RANGES_AUTO, SPK_SORT_RANGES_ALWAYS, SPK_SORT_RANGES_NEVER };

enum spk_emit { SPK_EMIT_AUTO, SPK_EMIT_ON_CLOSE, SPK_EMIT_ON_UPDATE };

struct spk_physical_options {
	bool streaming;
	bool estimate;                     /* say what rows are expected of each node */
	enum spk_runtime_filters runtime_filters;  /* batch: see runtime_filter.c */
	enum spk_sort_ranges sort_ranges;  /* batch: see sort.c */
	bool adaptive_joins;               /* batch: joins are settled when their kept side's size is known (adaptive.c) */
	int64_t broadcast_bytes;           /* a join's kept side is read whole by every task up to so many bytes; 0: 64 MiB */
	bool keep;                         /* a query whose rows are kept: every task keeps its own, in no order among them */
	enum spk_emit emit;
	int64_t emit_interval_us;          /* with ON_UPDATE: changes of windows that are open come so often; 0: with every epoch */
	int64_t state_ttl_us;              /* keys that have not changed for so long are forgotten, but for tables that say otherwise; 0: never */
	int64_t lateness_us;               /* windows take late rows for so long after they have closed, and change */
	/* Whether a sink table takes changes by key or as +/- rows: asked of the connectors by whoever plans. */
	spk_status (*sink_takes)(const struct spk_table *table, bool *upserts, bool *deltas, void *user, spk_error *err);
	/* Batch: how many files a scan reads, of how many (spk_plan_source). May be NULL. */
	void (*files)(const struct spk_logical *scan, int *read, int *all, void *user);
	void *user;
};

/*
 * Makes the physical plan of optimized logical plans: SINK roots of one job, or one query (then a COLLECT is put on top). All lies in
 * `arena`. PLAN errors name the node and the ways out (a retracting query into an append-only sink, ORDER BY in a stream, ...).
 */
spk_status spk_physical_plan_make(struct spk_arena *arena, struct spk_logical *const *root, int roots, const struct spk_physical_options *options, struct spk_physical_plan **out, spk_error *err);

/* The plan as a tree (text), roots first; `annotate` may append to each node's line (EXPLAIN ANALYZE), may be NULL. */
spk_status spk_physical_format(const struct spk_physical_plan *plan, spk_status (*annotate)(const struct spk_physical *node, struct spk_buffer *out, void *user, spk_error *err), void *user, struct spk_buffer *out, spk_error *err);
/* The same as JSON: {"plan":[{"id":..,"kind":..,"inputs":[..],...}]}. */
spk_status spk_physical_format_json(const struct spk_physical_plan *plan, struct spk_buffer *out, spk_error *err);
/* An inner plan on one line, from its input on. */
spk_status spk_physical_format_chain(const struct spk_physical_plan *plan, struct spk_buffer *out, spk_error *err);
/* Whether the node's state table has buckets, which go when the watermark passes them. */
bool spk_physical_has_buckets(const struct spk_physical *node);
/* Whether it has keys of which nothing but their age says when they may go: state.ttl counts. */
bool spk_physical_may_expire(const struct spk_physical *node);

/* --- what a stream keeps: explain_state.c --- */

/* Every node with state: what comes out of it, by what it is kept, how large an entry is, what bounds it, and a warning with a way out where nothing does. */
spk_status spk_physical_format_state(const struct spk_physical_plan *plan, struct spk_buffer *out, spk_error *err);
/* "append"; "retract": rows with +1 and -1; "upsert": a sink's, by its key. */
const char *spk_physical_changelog(const struct spk_physical *n);
/* Bytes of one entry of a node's state, guessed from its types, and what an entry is. */
int spk_physical_entry_bytes(const struct spk_physical *n, const char **what);
/* The columns that a node's state is kept by, as a list of names; nothing when there are none. */
spk_status spk_physical_put_state_key(const struct spk_physical *n, struct spk_buffer *out, spk_error *err);
/* How to write the query instead; NULL: something bounds the state, or there is none. */
const char *spk_physical_way_out(const struct spk_physical *n);
const char *spk_physical_bound_text(enum spk_state_bound bound);
const char *spk_physical_kind_name(enum spk_physical_kind kind);

#endif
