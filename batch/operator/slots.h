/*
 * Rows of many batches put together: what merges end in.
 *
 * A slot is a set of FLAT columns of one schema, with up to SPK_SLOT_ROWS rows; a row's number names its slot and its place there
 * (sort_order.h).
 */
#ifndef SPK_BATCH_OPERATOR_SLOTS_H
#define SPK_BATCH_OPERATOR_SLOTS_H

#include "batch/operator/sort_order.h"
#include "core/columnar/batch.h"

struct spk_slots {
	const struct spk_schema *schema;
	uint32_t capacity;
	const struct spk_vector **column;   /* by slot: its columns */
	const int32_t **weight;             /* by slot; NULL: all +1 */
	const void **data;                  /* [column][slot] */
	const uint64_t **valid;
	bool *nullable;                     /* by column: some slot has a bitmap */
	bool weighted;                      /* some slot has weights */
};

/* Room for `capacity` slots, in `arena`. */
spk_status spk_slots_init(struct spk_slots *s, const struct spk_schema *schema, uint32_t capacity, struct spk_arena *arena, spk_error *err);
/* What slot `i` is from now on. The columns must stay. */
void spk_slots_set(struct spk_slots *s, uint32_t i, const struct spk_vector *column, const int32_t *weight);
/* A new batch of n <= SPK_BATCH_ROWS rows by their numbers; it owns its bytes. */
spk_status spk_slots_gather(const struct spk_slots *s, const uint32_t *number, int n, struct spk_memory_account *account, struct spk_batch **out, spk_error *err);

#endif
