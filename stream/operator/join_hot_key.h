/*
 * A key of a join with more rows than should be in memory together: its pages are gone through in pieces, each read, met with what changes on the other side, emitted and written
 * before the next one. Memory is what a piece and the key's changes take.
 */
#ifndef SPK_STREAM_OPERATOR_JOIN_HOT_KEY_H
#define SPK_STREAM_OPERATOR_JOIN_HOT_KEY_H

#include "stream/operator/join_op.h"

/* Pages, or changed rows, that are worked off together. */
uint32_t spk_join_piece(const struct spk_join_op *j);
/* The changed rows of key `number`: open[side] is the key's group as the table has it, wanted[side] which of its rows change or meet changes. d->changes->arena is for what outlives a piece. */
spk_status spk_join_hot_key(struct spk_join_op *j, struct spk_join_delta *d, uint32_t number, const struct spk_row_group *const open[2], const enum spk_rows_wanted wanted[2], spk_error *err);
/* Asks for the pages that the key's changed rows go to and come from (spk_row_group_ask). */
spk_status spk_join_ask(const struct spk_keyed_rows *k, struct spk_row_group *g, const struct spk_delta_rows *d, uint32_t number, struct spk_arena *arena, spk_error *err);

#endif
