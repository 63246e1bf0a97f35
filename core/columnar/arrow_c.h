/*
 * Export and import of batches through the Arrow C Data Interface.
 *
 * Export shares values: every ArrowArray, children too, keeps a reference to the batch until it is released, so children may be
 * moved away. Integers, floats, date, time, timestamps (unit us), fixed-scale decimals (decimal128) and validity are shared;
 * booleans are packed to bits, views become utf8/binary with offsets (copied once), intervals month_day_nano, jsonb utf8 with
 * the extension name arrow.json (back in, it is jsonb only when it was ours: else text to be cast). A selection or constant/dictionary layout is compacted first.
 *
 * A numeric of varying scale has no Arrow type: a schema is exported before its rows are known. It goes out as decimal128(38,
 * SPK_ARROW_SCALE), rounded; whoever has all rows first uses spk_arrow_exact_schema, which finds the largest scale there.
 *
 * Import copies values out of the foreign memory, a batch at a time (a memcpy where layouts agree), so that what lives on is
 * in an arena and in the budget. It takes every format that has a type here, also the narrower and wider ones: int8 and unsigned
 * integers to the next type that holds them, half floats, large and view strings, fixed-size binary, all units of dates, times,
 * timestamps (finer ones rounded down to us), durations and intervals, decimal32/64/256, dictionaries. Lists (large and
 * fixed ones too) become arrays, maps arrays of (key, value), structs records, all of whose parts may be NULL. Unions, list views,
 * run-end encoded columns and lists of lists are UNSUPPORTED.
 */
#ifndef SPK_CORE_COLUMNAR_ARROW_C_H
#define SPK_CORE_COLUMNAR_ARROW_C_H

#include "core/columnar/batch.h"
#include "sparklet/arrow.h"

enum { SPK_ARROW_SCALE = 16 };

/* A struct-typed schema "+s" with one child per field. Release by its callback. */
spk_status spk_arrow_export_schema(const struct spk_schema *schema, struct ArrowSchema *out, spk_error *err);
/* DATA when a value does not fit: a numeric after the change of its scale, an interval in nanoseconds, 2 GiB of text. */
spk_status spk_arrow_export_batch(struct spk_batch *batch, struct ArrowArray *out, spk_error *err);
/* Whether a numeric in it, also within arrays and rows, has a scale that varies. */
bool spk_arrow_varies(const struct spk_schema *schema);
/* As `schema` but with a fixed scale for every numeric of varying scale: the largest in these batches. In `arena`. */
spk_status spk_arrow_exact_schema(struct spk_batch *const *batch, int batches, const struct spk_schema *schema, struct spk_arena *arena, struct spk_schema **out, spk_error *err);
/* Exports with the numeric scales of `schema`, which differs from batch->schema in those alone. */
spk_status spk_arrow_export_batch_as(struct spk_batch *batch, const struct spk_schema *schema, struct ArrowArray *out, spk_error *err);
/* The schema lies in `arena`. UNSUPPORTED names the column and its format. */
spk_status spk_arrow_import_schema(const struct ArrowSchema *in, struct spk_arena *arena, struct spk_schema **out, spk_error *err);
/*
 * Rows *from.. of `in`, as a batch of at most SPK_BATCH_ROWS rows counted to the account "arrow": call with *from = 0 first and
 * until *from == in's length (read before: the last call releases `in`). `schema` is the very one that spk_arrow_import_schema gave: it remembers the Arrow formats. `in`
 * is taken over: it is released (in->release becomes NULL) with its last row and on failure; whoever stops earlier calls
 * in->release as for any array. An array without rows gives an empty batch.
 */
spk_status spk_arrow_import_batch(struct ArrowArray *in, const struct spk_schema *schema, int64_t *from, struct spk_batch **out, spk_error *err);

#endif
