/*
 * What changes in an operator's output: kept rows (keyed_rows.h) with weights, and batches of them.
 */
#ifndef SPK_STREAM_OPERATOR_ROW_CHANGES_H
#define SPK_STREAM_OPERATOR_ROW_CHANGES_H

#include "stream/operator/ordered_rows.h"

/* --- batches of kept rows --- */

/* An empty batch of n rows, whose arena holds `arena`: the one in which the rows' bytes lie. */
spk_status spk_kept_rows_begin(const struct spk_op *op, const struct spk_schema *schema, struct spk_arena *arena, int n, struct spk_batch **out, spk_error *err);
/* Its columns first, first + 1, ... from rows as `side` has them; NULL rows are NULLs in all of these. */
spk_status spk_kept_rows_read(struct spk_batch *out, int first, const struct spk_schema *side, const struct spk_kept_row *const *row, int n, spk_error *err);
/* Both for rows of one schema. */
spk_status spk_kept_rows_batch(const struct spk_op *op, const struct spk_schema *schema, struct spk_arena *arena, const struct spk_kept_row *const *row, int n, struct spk_batch **out, spk_error *err);

/* --- changes --- */

/* A row of the output: a row of the plan's left schema, or with one of its right schema beside it, either of which may be NULL. mark: a MARK join's answer. */
struct spk_row_change { const struct spk_kept_row *left, *right; int64_t weight; bool mark; };

/* Changes are noted until there are enough of them. Rows taken back come out before others come. */
struct spk_row_changes {
	struct spk_op *op;
	struct spk_arena *arena;         /* in which the rows' bytes lie; batches hold it */
	struct spk_row_change *change;
	size_t count, capacity;
};

/* Notes a change; one of weight 0 is none. */
spk_status spk_row_changes_add(struct spk_row_changes *c, struct spk_row_change change, spk_error *err);
/* Notes one of an ordered row of the left schema, whose bytes lie in `arena`; rank, if not NULL, is a last column behind it. */
spk_status spk_row_changes_add_ordered(struct spk_row_changes *c, const struct spk_ordered_entry *row, const int64_t *rank, int64_t weight, spk_error *err);
/* Emits them and forgets them. */
spk_status spk_row_changes_emit(struct spk_row_changes *c, spk_error *err);
void spk_row_changes_release(struct spk_row_changes *c);

#endif
