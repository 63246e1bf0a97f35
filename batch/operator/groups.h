/*
 * Groups of an aggregation: from encoded group keys to the states of its aggregates. What the partial, final and streaming aggregates share.
 *
 * A group has a number, a note (in a stream its rows, weighted; in batch the task that they come from) and its states side by side. Group
 * columns are encoded with the window bound first when there is one (plan->window_key), so that it can be read off the key.
 *
 * A batch that a partial aggregate hands on (enum spk_partial_column) holds either partial states, each a group packed into bytes, or rows as
 * they are, with what the aggregates need of them. A final aggregate takes both.
 *
 * Folding. Sums of floats depend on the order of additions. So that a result does not depend on where a partial aggregate handed on what it
 * had, a final one keeps two sets of states for a group: those of the task whose rows are coming, which go on as if all its rows had come
 * one by one, and those of the tasks before it, merged. Batches come in order, those of one task after those of another.
 *
 * Files: groups.c (finding and updating), groups_bytes.c (packing and merging), groups_output.c.
 */
#ifndef SPK_BATCH_OPERATOR_GROUPS_H
#define SPK_BATCH_OPERATOR_GROUPS_H

#include "batch/operator/group_cache.h"
#include "batch/operator/group_table.h"
#include "batch/operator/operator.h"

enum { SPK_GROUP_COLUMNS = 64 };

/* Columns of what a partial aggregate hands on; behind them plan->pass: the groups, then inputs and filters of the calls. */
enum spk_partial_column {
	SPK_PARTIAL_HASH,                   /* BIGINT */
	SPK_PARTIAL_STATE,                  /* BYTEA; a constant NULL: rows */
	SPK_PARTIAL_TASK,                   /* INTEGER: which task it was, from 1 */
	SPK_PARTIAL_COLUMNS,
	SPK_PARTIAL_KEY = SPK_PARTIAL_COLUMNS  /* BIGINT, of panes: the hash of the group without its window */
};

struct spk_groups {
	const struct spk_physical *plan;
	struct spk_memory_account *meter;   /* of all that the groups hold */
	int calls;                          /* the plan's, and its hidden ones */
	struct spk_aggregate_call *call;    /* their states' memory counts to the meter */
	struct spk_aggregate_call *pass;    /* the same over passed rows; NULL */
	struct spk_key_column *key_column;  /* in encoding order; .column is the group expression's index */
	const struct spk_schema *key_schema;/* of the group expressions */
	struct spk_group_table table;
	struct spk_group_cache cache;
	bool releases;                      /* some aggregate has memory of its own */
	bool plain;                         /* states are their bytes */
	int open_at;                        /* folding: where the states of the task at hand are, behind the others; else 0 */
	struct spk_row_keys keys;           /* scratch: of the batch at hand */
};

/* folds: only where all of a group's rows come together, and only if some aggregate needs it. */
spk_status spk_groups_init(struct spk_groups *g, const struct spk_physical *plan, bool folds, struct spk_memory_account *account, struct spk_arena *arena, spk_error *err);
void spk_groups_clear(struct spk_groups *g);
/* After clear, because memory was short: the next groups grow from nothing, and not to as many as there were. */
static inline void spk_groups_start_small(struct spk_groups *g) { g->table.usual = 0; }
void spk_groups_release(struct spk_groups *g);

static inline uint32_t spk_groups_count(const struct spk_groups *g) { return g->table.count; }
static inline size_t spk_groups_bytes(const struct spk_groups *g) { return g->meter ? spk_memory_account_used(g->meter) : 0; }
static inline char *spk_groups_states(const struct spk_groups *g, uint32_t number) { return spk_group_payload(&g->table, number); }
static inline int64_t *spk_groups_note(const struct spk_groups *g, uint32_t number) { return spk_group_note(spk_group_row(&g->table, number)); }
static inline const char *spk_groups_key(const struct spk_groups *g, uint32_t number, uint32_t *size) { return spk_group_key(&g->table, number, size); }
static inline uint64_t spk_groups_hash(const struct spk_groups *g, uint32_t number) { return spk_group_hash(spk_group_row(&g->table, number)); }

/* --- rows --- */

/* Makes room for the groups of the selected rows of `keys` (group columns in plan order): what the budget may refuse without anything having changed. */
spk_status spk_groups_room(struct spk_groups *g, const struct spk_batch *keys, spk_error *err);
/* hash[i]: of the i-th selected row's group. A window's bound comes first in it, wherever it stands, so a hash of the columns in plan order is another one. */
void spk_groups_hash_keys(const struct spk_groups *g, const struct spk_batch *keys, uint64_t *hash);
/* number[i]: the group of the i-th selected row; new ones are added. There must be room. hash: carried ones by selected row; NULL: computed. */
spk_status spk_groups_find(struct spk_groups *g, const struct spk_batch *keys, const uint64_t *hash, uint32_t *number, spk_error *err);
/* In a stream: adds the selected rows' weights to their groups' notes. */
void spk_groups_count_rows(const struct spk_groups *g, const struct spk_batch *in, const uint32_t *number);
/* Evaluates the calls (g->call or g->pass) over the rows sel[0..n) (NULL: 0..n) of `in`, whose groups are number[], and updates the states. */
struct spk_group_rows { const struct spk_batch *in; const int32_t *sel; int n; const uint32_t *number; };
spk_status spk_groups_update(struct spk_groups *g, const struct spk_aggregate_call *call, const struct spk_group_rows *rows, struct spk_eval *ev, spk_error *err);

/* --- what a partial aggregate handed on --- */

/* Makes room for the batch; see spk_groups_room. */
spk_status spk_groups_room_for(struct spk_groups *g, const struct spk_batch *in, spk_error *err);
/* States or rows. There must be room. */
spk_status spk_groups_absorb(struct spk_groups *g, const struct spk_op *op, const struct spk_batch *in, spk_error *err);
/* Makes the room and takes the batch. */
spk_status spk_groups_take_in(struct spk_groups *g, const struct spk_op *op, const struct spk_batch *in, spk_error *err);
/* Makes sure of the groups that come out in any case, as far as this task of the reading stage owns them. number[]: by set, UINT32_MAX: another task's; may be NULL. */
spk_status spk_groups_add_empty_sets(struct spk_groups *g, int task, int tasks, uint32_t *number, spk_error *err);

/* --- as bytes: note, key, states (of groups that fold both sets) --- */

struct spk_packed_group { uint64_t hash; const char *data; uint32_t size; };

/* Appends the group. */
spk_status spk_groups_pack(const struct spk_groups *g, uint32_t number, struct spk_buffer *out, spk_error *err);
/*
 * Takes packed groups back, in order: those of this table, which spk_groups_pack wrote. After a failure with *changed some may be there: states
 * with memory of their own can be refused late, and then it must not be done again.
 */
spk_status spk_groups_restore(struct spk_groups *g, const struct spk_packed_group *group, int n, bool *changed, spk_error *err);
/* Merges groups packed by others with this plan into those that are there, in order; notes are added up. It may fail for want of memory half-way. */
spk_status spk_groups_merge(struct spk_groups *g, const struct spk_packed_group *group, int n, spk_error *err);
/* A set of states (zeroed before), and back. */
spk_status spk_groups_write_states(const struct spk_groups *g, const char *states, struct spk_buffer *out, spk_error *err);
spk_status spk_groups_read_states(const struct spk_groups *g, char *states, const char *data, size_t size, spk_error *err);
/* Groups from, from + 1, ... from + n - 1 as a batch of states; task: of SPK_PARTIAL_TASK. */
spk_status spk_groups_partial(const struct spk_groups *g, uint32_t from, int n, int task, struct spk_memory_account *account, struct spk_batch **out, spk_error *err);

/* --- output --- */

/* How many groups to hand on at once: a batch's, or fewer where keys and states are long. */
int spk_groups_piece(const struct spk_groups *g);

/* The window bound at the front of an encoded key; what is behind it; and another bound in its place. */
enum { SPK_GROUP_WINDOW_SIZE = 9 };
int64_t spk_group_window(const char *key, uint32_t size);
uint64_t spk_group_hash_behind_window(const char *key, uint32_t size);
void spk_group_put_window(char *key, int64_t bound);
/* Fills row `row` of the group columns (plan order, FLAT, capacity `rows`) from an encoded key. */
spk_status spk_groups_decode(const struct spk_groups *g, const char *key, uint32_t size, struct spk_vector *out, int row, int rows, struct spk_arena *arena, spk_error *err);
/* Final values of n groups' states into columns expr_count... of `out` from row `at` on (vectors initialised with `rows` rows). */
spk_status spk_groups_final(const struct spk_groups *g, char *const *states, int n, struct spk_vector *out, int at, int rows, struct spk_arena *arena, spk_error *err);
/* A batch of `schema` with FLAT, initialised vectors for `rows` rows. */
spk_status spk_groups_output(const struct spk_schema *schema, int rows, struct spk_memory_account *account, struct spk_batch **out, spk_error *err);
/* Final rows of the groups order[0..n). */
spk_status spk_groups_rows(struct spk_groups *g, const uint32_t *order, int n, struct spk_memory_account *account, struct spk_batch **out, spk_error *err);

#endif
