/*
 * Groups of an aggregation: a map from encoded group keys to state rows. What the partial, final and streaming aggregates share.
 *
 * A state row is a header (number of rows, weighted) and the aggregates' states. Group columns are encoded with the window bound first
 * when there is one (plan->window_key), so that it can be read off the key.
 */
#ifndef SPK_BATCH_OPERATOR_GROUPS_H
#define SPK_BATCH_OPERATOR_GROUPS_H

#include "batch/operator/operator.h"
#include "core/columnar/keymap.h"

enum { SPK_GROUP_HEADER = 16, SPK_GROUP_COLUMNS = 64 };

struct spk_groups {
	const struct spk_physical *plan;
	struct spk_memory_account *account;
	struct spk_key_column *key_column;  /* in encoding order; .column is the group expression's index */
	int row_size;                       /* header + states */
	struct spk_keymap map;
	char *row;                          /* by group number */
	uint32_t rows;                      /* that are valid; all groups of the map, but after a failure */
	uint32_t rows_capacity;
	bool releases;                      /* some aggregate has memory of its own */
	struct spk_row_keys keys;           /* scratch: of the batch at hand */
};

spk_status spk_groups_init(struct spk_groups *g, const struct spk_physical *plan, struct spk_memory_account *account, struct spk_arena *arena, spk_error *err);
void spk_groups_clear(struct spk_groups *g);
void spk_groups_release(struct spk_groups *g);

static inline char *spk_groups_row(const struct spk_groups *g, uint32_t number) { return g->row + (size_t)number * (size_t)g->row_size; }
static inline char *spk_group_states(char *row) { return row + SPK_GROUP_HEADER; }
static inline int64_t *spk_group_count(char *row) { return (int64_t *)(void *)row; }

/* state[i]: the aggregates' states of the i-th selected row's group (group columns of `keys` in plan order), new groups zeroed. */
spk_status spk_groups_find(struct spk_groups *g, const struct spk_batch *keys, char **state, spk_error *err);
/* As find, for rows that come as (key, hash) from a partial aggregate. */
spk_status spk_groups_find_encoded(struct spk_groups *g, const struct spk_batch *in, char **state, spk_error *err);
/* Merges a batch of partial states (columns key, hash, state) into the groups. */
spk_status spk_groups_merge(struct spk_groups *g, const struct spk_batch *in, spk_error *err);

/* Makes sure of the groups that come out in any case, as far as this task of the reading stage owns them. */
spk_status spk_groups_add_empty_sets(struct spk_groups *g, int task, int tasks, spk_error *err);

/* The window bound at the front of an encoded key. */
int64_t spk_group_window(const char *key, uint32_t size);

/* Fills row `row` of the group columns (plan order, FLAT, capacity `rows`) from an encoded key. */
spk_status spk_groups_decode(const struct spk_groups *g, const char *key, uint32_t size, struct spk_vector *out, int row, int rows, struct spk_arena *arena, spk_error *err);
/* Final values of n state rows into columns expr_count... of `out` from row `at` on (vectors initialised with `rows` rows). */
spk_status spk_groups_final(const struct spk_groups *g, char *const *row, int n, struct spk_vector *out, int at, int rows, struct spk_arena *arena, spk_error *err);
/* A batch of the plan's output schema with FLAT, initialised vectors for `rows` rows. */
spk_status spk_groups_output(const struct spk_groups *g, int rows, struct spk_batch **out, spk_error *err);

#endif
