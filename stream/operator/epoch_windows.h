/*
 * Windows of an epoch's rows, by their ends, each with the numbers (of keys, of groups) that are in it, in the order in which they were added.
 */
#ifndef SPK_STREAM_OPERATOR_EPOCH_WINDOWS_H
#define SPK_STREAM_OPERATOR_EPOCH_WINDOWS_H

#include "core/base/arena.h"

struct spk_epoch_window { int64_t end; uint32_t first, last; };  /* numbers + 1 */

/* All of it lies in `arena`. next: by number, the next one + 1 of its window; 0: it is the last. */
struct spk_epoch_windows { struct spk_arena *arena; int n, capacity; struct spk_epoch_window *at; uint32_t *next; };

/* None yet, for numbers below `count`. */
spk_status spk_epoch_windows_begin(struct spk_epoch_windows *w, uint32_t count, struct spk_arena *arena, spk_error *err);
spk_status spk_epoch_windows_add(struct spk_epoch_windows *w, uint32_t number, int64_t end, spk_error *err);

#endif
