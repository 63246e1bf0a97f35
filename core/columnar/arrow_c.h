/*
 * Export and import of batches through the Arrow C Data Interface.
 *
 * Export shares values: the ArrowArray keeps a reference to the batch until it is released. Integers, floats, date, time,
 * timestamps (unit us), fixed-scale decimals (decimal128) and validity are shared; booleans are packed to bits, views become
 * utf8/binary with offsets (copied once), intervals month_day_nano, varying numerics decimal128 of the largest scale there.
 * A selection or constant/dictionary layout is compacted first. Import shares what has our layout and converts the rest.
 */
#ifndef SPK_CORE_COLUMNAR_ARROW_C_H
#define SPK_CORE_COLUMNAR_ARROW_C_H

#include "core/columnar/batch.h"
#include "sparklet/arrow.h"

/* A struct-typed schema "+s" with one child per field. Release by its callback. */
spk_status spk_arrow_export_schema(const struct spk_schema *schema, struct ArrowSchema *out, spk_error *err);
spk_status spk_arrow_export_batch(struct spk_batch *batch, struct ArrowArray *out, spk_error *err);
/* The schema lies in `arena`. UNSUPPORTED names the column and its format. */
spk_status spk_arrow_import_schema(const struct ArrowSchema *in, struct spk_arena *arena, struct spk_schema **out, spk_error *err);
/* Takes `in` over (moves it; in->release becomes NULL) also on failure; rows beyond SPK_BATCH_ROWS come as further batches:
 * call with *from = 0 first and until *from == in's length. */
spk_status spk_arrow_import_batch(struct ArrowArray *in, const struct spk_schema *schema, int64_t *from, struct spk_batch **out, spk_error *err);

#endif
