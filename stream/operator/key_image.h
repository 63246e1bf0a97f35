/*
 * What NORMALIZE knows of a key of a changelog, as its state table has it and while an epoch is worked in.
 *
 *   row      the last row of the key, or none
 *   mask     columns of the row whose values are not known yet: they are those of the row that it was under another key, whose last change was not read
 *            yet (with several partitions the row that arrives may be read before the one that leaves). Such a row is kept, but not shown
 *   from     the move that is to bring them
 *
 * A row that goes to another key is two messages, one of each key, in any order. What is known of a move has a key of its own (spk_move_key) and the
 * same form:
 *
 *   row      as it left (mask, from as above), when that was read first: `count` is 1 then. Without a row: nobody knew one
 *   to       when the arrival was read first: the key or the move whose row waits for this one's values
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
static inline bool spk_change_before(const struct spk_change_time *a, const struct spk_change_time *b)
{
	return a->known && b->known && spk_change_time_compare(a, b) < 0;
}

struct spk_key_image {
	struct spk_bytes row, mask, from, to;
	struct spk_change_time at;       /* of the row, or of the move */
	bool snapshot;                   /* the row was read with the whole table: `at` is when that was done */
	int64_t count;                   /* of rows that have weights: how often it is there; of a move: 1 when the row has left */
};

/* Nothing of it is worth keeping. */
static inline bool spk_key_image_empty(const struct spk_key_image *i) { return !i->row.data && !i->to.data && !i->count; }
/* The row that others see; NULL: none. */
static inline const struct spk_bytes *spk_key_image_shown(const struct spk_key_image *i) { return i->row.data && !i->mask.data ? &i->row : NULL; }
bool spk_bytes_same(const struct spk_bytes *a, const struct spk_bytes *b);
bool spk_key_image_same(const struct spk_key_image *a, const struct spk_key_image *b);

void spk_key_image_clear(struct spk_key_image *i);

/* What no row's key begins with. A move is told by the key that it leaves, and its time: the same in both of its messages. */
enum { SPK_MOVE = 0xfc };
spk_status spk_move_key(const char *key, uint32_t size, const struct spk_change_time *at, struct spk_buffer *out, spk_error *err);
static inline bool spk_is_move(const char *key) { return (uint8_t)*key == SPK_MOVE; }

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
