/*
 * A batch: up to SPK_BATCH_ROWS rows as column vectors, the unit that flows between operators.
 *
 * A batch lies in its own arena and is kept alive by references to that arena: spk_batch_ref / spk_batch_unref. An operator
 * that makes a new batch from an old one (filter, project) makes a new arena that holds the old batch's arena, and may
 * then share its vectors. Batches are read-only once handed on, so they may be shared between threads and consumers.
 *
 * Selection: when `sel` is set only rows sel[0..selected) count, ascending; the vectors still have `rows` rows. Always loop
 * with SPK_EACH_ROW or hand (sel, selected) to kernels. `weight` (by physical row) is NULL when all are +1.
 */
#ifndef SPK_CORE_COLUMNAR_BATCH_H
#define SPK_CORE_COLUMNAR_BATCH_H

#include "core/columnar/vector.h"

enum { SPK_BATCH_ROWS = 4096 };

/* Where rows came from, kept through stateless operators so that a failing row can be dead-lettered with its bytes.
 * All arrays are by physical row. */
struct spk_origin {
	int source;                     /* index of the source in the job */
	int32_t partition;
	const int64_t *offset;
	const struct spk_view *raw;     /* the message's bytes */
};

struct spk_batch {
	struct spk_arena *arena;
	struct spk_memory_account *account;  /* what the arena counts to; derived and compacted batches inherit it */
	const struct spk_schema *schema;
	int rows;                       /* physical rows, <= SPK_BATCH_ROWS */
	int columns;
	struct spk_vector *column;
	const int32_t *sel;             /* NULL: all rows */
	int selected;                   /* number of rows that count: rows when sel is NULL */
	const int32_t *weight;          /* NULL: all +1 */
	const struct spk_origin *origin;  /* NULL: not (or no longer) known */
	bool repeats;                   /* its rows come in other batches, too: one that fails here is told of there */
};

/* An empty batch in a new arena (account as for spk_arena_new) with schema->count zeroed columns, one reference. */
spk_status spk_batch_new(struct spk_batch **out, const struct spk_schema *schema, struct spk_memory_account *account, spk_error *err);
/* A batch in a new arena that holds `in`'s: same rows, selection, weight and origin, but columns of `schema`, zeroed. */
spk_status spk_batch_derive(struct spk_batch **out, const struct spk_batch *in, const struct spk_schema *schema, spk_error *err);
/* The same with columns: column[i] of `in` for every field i of `schema`. */
spk_status spk_batch_pick(struct spk_batch **out, const struct spk_batch *in, const struct spk_schema *schema, const int *column, spk_error *err);
struct spk_batch *spk_batch_ref(struct spk_batch *batch);
void spk_batch_unref(struct spk_batch *batch);  /* NULL is fine */

/* A dense copy (no selection, flat vectors, own bytes) of up to SPK_BATCH_ROWS rows: for keeping rows after their input is
 * gone. Weights come along, the origin does not. */
spk_status spk_batch_compact(struct spk_batch **out, const struct spk_batch *in, spk_error *err);

/* Under SPARKLET_VERIFY=1 returns the batch re-encoded (constant, dictionary, sliced by selection, drawn from `seed`) to shake
 * out assumptions; otherwise `in` with one more reference. Consumes nothing. */
spk_status spk_batch_verify(struct spk_batch **out, struct spk_batch *in, uint64_t seed, spk_error *err);
/* What spk_batch_verify does when it is on. Weights and origin stay with their rows; rows between the selected ones are garbage. */
spk_status spk_batch_reencode(struct spk_batch **out, struct spk_batch *in, uint64_t seed, spk_error *err);

static inline int32_t spk_batch_row(const struct spk_batch *b, int i) { return b->sel ? b->sel[i] : i; }
static inline int32_t spk_batch_weight(const struct spk_batch *b, int row) { return b->weight ? b->weight[row] : 1; }

/* for (each selected row): `row` is the physical row. */
#define SPK_EACH_ROW(batch, i, row) \
	for (int i = 0, row = (batch)->selected ? spk_batch_row(batch, 0) : 0; i < (batch)->selected; \
	     i++, row = i < (batch)->selected ? spk_batch_row(batch, i) : 0)

/* Appends rows until SPK_BATCH_ROWS are there, then gives the full batch: collects many small results into full batches. */
struct spk_batch_builder {
	const struct spk_schema *schema;
	struct spk_memory_account *account;
	int capacity;                   /* rows of a full batch; 0: SPK_BATCH_ROWS */
	struct spk_batch *batch;        /* being filled, NULL at first */
	int32_t *weight;                /* by row, allocated when a weight other than +1 comes */
};
/* Appends `in`'s rows sel[0..n) (physical rows; NULL: 0..n), deep. The caller makes sure that they fit: see _room. After a
 * failure the batch holds what it held before. */
spk_status spk_builder_append(struct spk_batch_builder *b, const struct spk_batch *in, const int32_t *sel, int n, spk_error *err);
int spk_builder_room(const struct spk_batch_builder *b);
/* Bytes that the rows take beside the vectors, which have room for a full batch from the first row on: texts, elements of arrays. */
size_t spk_builder_texts(const struct spk_batch_builder *b);
/* Hands over the batch being filled (NULL when empty) and starts afresh. */
struct spk_batch *spk_builder_take(struct spk_batch_builder *b);
void spk_builder_release(struct spk_batch_builder *b);

#endif
