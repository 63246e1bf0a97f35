/*
 * State of aggregates whose result is text put together from pieces (string_agg, json_agg, ...). What separates pieces stands before every
 * one, the first too: then states are merged by appending one to the other, and the result leaves out the first `skip` bytes.
 */
#ifndef SPK_CORE_EXPR_AGGREGATE_PIECES_H
#define SPK_CORE_EXPR_AGGREGATE_PIECES_H

#include "core/expr/aggregate_internal.h"

struct spk_pieces { struct spk_buffer bytes; uint32_t skip; bool any; };

/* Before each piece is appended to s->bytes: `separator` is the length of what will stand before it. */
void spk_pieces_begin(const struct spk_aggregate_call *call, struct spk_pieces *s, uint32_t separator);
/* After it: a result can have 2 GiB. */
spk_status spk_pieces_check(const struct spk_aggregate_call *call, const struct spk_pieces *s, spk_error *err);

spk_status spk_pieces_merge(const struct spk_aggregate_call *call, char *const *into, char *const *from, int n, spk_error *err);
spk_status spk_pieces_write(const struct spk_aggregate_call *call, const char *state, struct spk_buffer *out, spk_error *err);
spk_status spk_pieces_read(const struct spk_aggregate_call *call, char *state, const char **from, const char *end, spk_error *err);
void spk_pieces_release(const struct spk_aggregate_call *call, char *state);

#endif
