/*
 * What NORMALIZE knows of a key of a changelog, as its state table has it and while an epoch is worked in.
 *
 *   row      the last row of the key, or none
 *   mask     columns of the row whose values are not known yet: they are those of the row that it was under another key, `from`, whose last change was not
 *            read yet (with several partitions the row that arrives may be read before the one that leaves). Such a row is kept, but not shown
 *   from     the key that the row came from, until it says that it is gone
 *   gone     the row as it left for the key `gone_to`, which was not read there yet; gone_mask and gone_from as mask and from. gone_to without gone: a row
 *            left that nobody knew
 *
 * Rows are bytes (plain.h), keys are bytes (rowkey.h).
 */
#ifndef SPK_STREAM_OPERATOR_KEY_IMAGE_H
#define SPK_STREAM_OPERATOR_KEY_IMAGE_H

#include "batch/operator/operator.h"

struct spk_bytes { const char *data; uint32_t size; };   /* data NULL: none */

/* When a change happened; `known` false: its message does not say. */
struct spk_change_time { bool known; int64_t commit, own; };

/* < 0, 0, > 0; both known. */
static inline int spk_change_time_compare(const struct spk_change_time *a, const struct spk_change_time *b)
{
	if (a->commit != b->commit)
		return a->commit < b->commit ? -1 : 1;
	return (a->own > b->own) - (a->own < b->own);
}
/* Also when neither is known. */
static inline bool spk_change_same_time(const struct spk_change_time *a, const struct spk_change_time *b)
{
	return a->known == b->known && (!a->known || spk_change_time_compare(a, b) == 0);
}
static inline bool spk_change_before(const struct spk_change_time *a, const struct spk_change_time *b)
{
	return a->known && b->known && spk_change_time_compare(a, b) < 0;
}

struct spk_key_image {
	struct spk_bytes row, mask, from, gone, gone_to, gone_mask, gone_from;
	struct spk_change_time at;       /* of the row */
	struct spk_change_time from_at, gone_at, gone_from_at;   /* when it moved: the two messages of a move have one time */
	bool snapshot;                   /* the row was read with the whole table: `at` is when that was done */
	int64_t count;                   /* of rows that have weights: how often it is there */
};

/* Nothing of it is worth keeping. */
static inline bool spk_key_image_empty(const struct spk_key_image *i) { return !i->row.data && !i->from.data && !i->gone_to.data && !i->count; }
/* The row that others see; NULL: none. */
static inline const struct spk_bytes *spk_key_image_shown(const struct spk_key_image *i) { return i->row.data && !i->mask.data ? &i->row : NULL; }
bool spk_bytes_same(const struct spk_bytes *a, const struct spk_bytes *b);
bool spk_key_image_same(const struct spk_key_image *a, const struct spk_key_image *b);

/* Parts of it, with their times. drop_row leaves that the row came from another key: that key has yet to say that it is gone. */
void spk_key_image_drop_row(struct spk_key_image *i);
void spk_key_image_drop_gone(struct spk_key_image *i);
void spk_key_image_drop_from(struct spk_key_image *i);
/* All that is not known to be of later than t. */
void spk_key_image_truncate(struct spk_key_image *i, const struct spk_change_time *t);

spk_status spk_key_image_write(const struct spk_key_image *image, struct spk_buffer *out, spk_error *err);
/* Points into the value. CORRUPT when it is no image. */
spk_status spk_key_image_read(const char *value, uint32_t size, struct spk_key_image *out, spk_error *err);

/* A copy in `arena`; data is not NULL also of none bytes. */
spk_status spk_bytes_copy(const void *data, uint32_t size, struct spk_arena *arena, struct spk_bytes *out, spk_error *err);

static inline bool spk_mask_has(const struct spk_bytes *mask, int column)
{
	return mask->data && (uint32_t)column / 8 < mask->size && (uint8_t)mask->data[column / 8] >> column % 8 & 1;
}
/* What both masks have; none of it: no mask. In `arena`. */
spk_status spk_mask_both(const struct spk_bytes *a, const struct spk_bytes *b, struct spk_arena *arena, struct spk_bytes *out, spk_error *err);
/* `row` with the columns of the mask as `other` has them, in `arena`. Both are rows of `schema`. */
spk_status spk_row_fill(const struct spk_schema *schema, const struct spk_bytes *row, const struct spk_bytes *mask, const struct spk_bytes *other, struct spk_arena *arena, struct spk_bytes *out, spk_error *err);

#endif
