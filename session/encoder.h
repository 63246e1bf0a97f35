/* Structs of a C program as rows, and back. See include/sparklet/dataset.h. */
#ifndef SPK_SESSION_ENCODER_H
#define SPK_SESSION_ENCODER_H

#include "core/columnar/batch.h"
#include "sparklet/dataset.h"

static inline bool spk_kind_is_optional(enum spk_kind kind) { return kind < SPK_KIND_nested && kind % 2; }
static inline enum spk_kind spk_kind_of_value(enum spk_kind kind) { return kind < SPK_KIND_nested ? (enum spk_kind)(kind & ~1u) : kind; }

/* The columns that the encoder's members are, in `arena`. */
spk_status spk_encoder_schema(const struct spk_struct_encoder *e, struct spk_arena *arena, struct spk_schema **out, spk_error *err);
bool spk_encoder_same(const struct spk_struct_encoder *a, const struct spk_struct_encoder *b);

/* An empty struct: zero, or a message's defaults. */
void spk_struct_init(const struct spk_struct_encoder *e, void *out);
/*
 * Row `row` of the columns as the struct at `out`. Text points into the columns' memory, or into `arena` when `deep`; items of arrays lie in
 * `arena` anyway. DATA when a member that is not optional is NULL.
 */
spk_status spk_struct_decode(const struct spk_struct_encoder *e, const struct spk_vector *column, int row, bool deep, struct spk_arena *arena, void *out, spk_error *err);

/* Writes structs into batches of `schema`: several encoders side by side make one row. */
struct spk_struct_writer {
	const struct spk_schema *schema;
	struct spk_memory_account *account;
	struct spk_batch *batch;             /* being filled, NULL at first */
};
/* The members of one struct, into the columns from `first` on, of the row that is being written. DATA for text that is not UTF-8 and the like. */
spk_status spk_struct_write(struct spk_struct_writer *w, int first, const struct spk_struct_encoder *e, const void *from, spk_error *err);
/* All columns of the encoder NULL: of an outer join's missing side. */
spk_status spk_struct_write_null(struct spk_struct_writer *w, int first, const struct spk_struct_encoder *e, spk_error *err);
/* Ends the row; gives the batch when it has no room for more, else NULL. */
struct spk_batch *spk_struct_end_row(struct spk_struct_writer *w);
/* What has been written so far; NULL: nothing. */
struct spk_batch *spk_struct_take(struct spk_struct_writer *w);
void spk_struct_writer_release(struct spk_struct_writer *w);

#endif
