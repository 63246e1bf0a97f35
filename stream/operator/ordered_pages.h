/* Pages of ordered rows, in a state table and in memory. Of ordered_rows.c alone. */
#ifndef SPK_STREAM_OPERATOR_ORDERED_PAGES_H
#define SPK_STREAM_OPERATOR_ORDERED_PAGES_H

#include "stream/operator/ordered_rows.h"

/* What an entry takes of its page. */
static inline uint32_t spk_ordered_entry_bytes(const struct spk_ordered_entry *e) { return e->size + 2 * (uint32_t)sizeof(uint32_t) + (uint32_t)sizeof(int64_t); }

/* A page that there was not. */
spk_status spk_ordered_page_new(struct spk_ordered_tree *tree, uint32_t level, struct spk_ordered_page **out, spk_error *err);
/* Its entry in the table is deleted when the tree is written. */
spk_status spk_ordered_page_gone(struct spk_ordered_tree *tree, uint32_t number, spk_error *err);
/* The page below entry `at`, read if it was not. */
spk_status spk_ordered_child(struct spk_ordered_rows *o, struct spk_ordered_tree *tree, struct spk_ordered_page *p, uint32_t at, struct spk_ordered_page **out, spk_error *err);

#endif
