/*
 * Batches as bytes, and as blocks of a spill run: for what leaves memory for a while (spilled runs, spilled exchanges, caches).
 *
 * The form is dense: selected rows alone, whatever the layout, text bytes behind one another. Constant columns stay constant. Weights come
 * along, the origin does not. Reading gives vectors that point into the bytes. The form is of this build and this kind of machine:
 * what outlives the process must say so, and count its format up with it (connectors/stored).
 */
#ifndef SPK_CORE_COLUMNAR_SERIALIZE_H
#define SPK_CORE_COLUMNAR_SERIALIZE_H

#include "core/base/spillfile.h"
#include "core/columnar/batch.h"

/* Bytes of the selected rows from, from + 1, ... from + n - 1 in this form. Also a good measure of what these rows take in memory. */
spk_status spk_batch_serialized_size(const struct spk_batch *batch, int from, int n, size_t *size, spk_error *err);
/* Appends these rows to `out`, whose size must be a multiple of 16; it is one afterwards. */
spk_status spk_batch_serialize(const struct spk_batch *batch, int from, int n, struct spk_buffer *out, spk_error *err);
/*
 * Fills a batch made by spk_batch_new with what lies at `data`, which is 16-byte aligned, has 16 readable bytes behind it and lives as long as
 * the batch's arena (best: in it); *used gets its size. CORRUPT when it does not fit the schema: checked, as the bytes come from a disk.
 */
spk_status spk_batch_deserialize(struct spk_batch *batch, const char *data, size_t size, size_t *used, spk_error *err);

/* How many of the batch's selected rows make a block of about SPK_SPILL_BLOCK bytes, rows of much the same size assumed; there is a row at least. */
spk_status spk_batch_rows_per_block(const struct spk_batch *batch, int *rows, spk_error *err);

/* What writing and reading runs needs beside the run: kept from call to call. Zero but for the accounts is valid. */
struct spk_run_scratch { struct spk_buffer raw, packed; };
void spk_run_scratch_release(struct spk_run_scratch *scratch);
/* Reserves what blocks of SPK_SPILL_BLOCK need, while there is memory. */
spk_status spk_run_scratch_reserve(struct spk_run_scratch *scratch, spk_error *err);

/* Appends the batch's selected rows as blocks of about SPK_SPILL_BLOCK bytes each. */
spk_status spk_run_put_batch(struct spk_spill_run *run, const struct spk_batch *batch, struct spk_run_scratch *scratch, spk_error *err);
/* Appends the selected rows from, from + 1, ... from + n - 1 (n > 0) as one block, whatever their size: so that block i is what was put i-th. */
spk_status spk_run_put_block(struct spk_spill_run *run, const struct spk_batch *batch, int from, int n, struct spk_run_scratch *scratch, spk_error *err);
/* Block `i` as a batch of its own arena, counted to `account`. */
spk_status spk_run_get_batch(const struct spk_spill_run *run, int64_t i, const struct spk_schema *schema, struct spk_memory_account *account, struct spk_run_scratch *scratch, struct spk_batch **out, spk_error *err);

#endif
