/*
 * One value's bytes held in a state: short ones lie in it, longer ones in memory of their own that counts to the call's account. Zeroed it
 * holds nothing. As bytes: a mark whether there is a value, its length, its bytes. Private to core/expr.
 */
#ifndef SPK_CORE_EXPR_AGGREGATE_HELD_H
#define SPK_CORE_EXPR_AGGREGATE_HELD_H

#include "core/expr/aggregate_internal.h"

enum { SPK_HELD_INLINE = 24 };

struct spk_held {
	uint32_t used;                     /* size + 1; 0: no value */
	uint32_t capacity;                 /* of pointer; 0: the bytes are inlined */
	union { char inlined[SPK_HELD_INLINE]; char *pointer; };
};

static inline bool spk_held_any(const struct spk_held *h) { return h->used != 0; }
static inline uint32_t spk_held_size(const struct spk_held *h) { return h->used - 1; }
static inline const char *spk_held_data(const struct spk_held *h) { return h->capacity ? h->pointer : h->inlined; }

/* Replaces the value; `data` may not lie in *h. */
spk_status spk_held_set(const struct spk_aggregate_call *call, struct spk_held *h, const void *data, size_t size, spk_error *err);
static inline spk_status spk_held_copy(const struct spk_aggregate_call *call, struct spk_held *h, const struct spk_held *from, spk_error *err)
{
	return spk_held_set(call, h, spk_held_data(from), spk_held_size(from), err);
}
void spk_held_release(const struct spk_aggregate_call *call, struct spk_held *h);
/* <0, 0, >0 by the bytes; both hold something. */
int spk_held_compare(const struct spk_held *h, const void *data, size_t size);
spk_status spk_held_write(const struct spk_held *h, struct spk_buffer *out, spk_error *err);
spk_status spk_held_read(const struct spk_aggregate_call *call, struct spk_held *h, const char **from, const char *end, spk_error *err);

#endif
