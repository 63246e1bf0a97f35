/*
 * Merges sorted inputs into one: streaming, stable (rows of an earlier input come first among equals), a page per input in memory.
 */
#ifndef SPK_BATCH_OPERATOR_MERGE_H
#define SPK_BATCH_OPERATOR_MERGE_H

#include "batch/operator/slots.h"

/* Sorted rows of one input: flat columns, no selection. Item and key (NULL when items hold whole keys) by row, in the batch's arena. */
struct spk_merge_page { struct spk_batch *batch; const spk_sort_item *item; const struct spk_key_ref *key; };

/* The next page of an input, the reference to its batch with it; page->batch NULL at the end. See spk_merge_loads_again. */
typedef spk_status (*spk_merge_load)(void *user, int input, struct spk_merge_page *page, spk_error *err);

struct spk_merge;

/* schema: of what comes out, the first columns of the pages' batches. */
spk_status spk_merge_new(struct spk_merge **out, const struct spk_schema *schema, int inputs, spk_merge_load load, void *user, struct spk_memory_account *account, spk_error *err);
void spk_merge_free(struct spk_merge *m);
/* `load` that failed with MEMORY_LIMIT gives the same page when it is asked again: then it is, once rows that were taken made room. */
void spk_merge_loads_again(struct spk_merge *m);
/* The next rows in order, at most `most`; the batch is the caller's and owns its bytes. NULL at the end. Where
 * memory is short there are fewer rows. */
spk_status spk_merge_next(struct spk_merge *m, int most, struct spk_batch **out, spk_error *err);

#endif
