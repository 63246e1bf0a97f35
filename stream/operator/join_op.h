/*
 * What all joins in a stream are made of: their kind, what an epoch brought, how rows are kept. Each has its own `finish`.
 */
#ifndef SPK_STREAM_OPERATOR_JOIN_OP_H
#define SPK_STREAM_OPERATOR_JOIN_OP_H

#include "stream/operator/expiry.h"
#include "stream/operator/stream_join.h"

struct spk_join_op {
	struct spk_op base;
	struct spk_arena *arena;
	struct spk_join_setup setup;
	struct spk_keyed_rows kept[3];   /* left, right, and a third kind that only ASOF has */
	struct spk_bucket_filter filter[2];
	struct spk_state_view *view;
	struct spk_join_input in;
	struct spk_join_pair *pair;      /* room for a batch */
	struct spk_expiry expiry;        /* of keys that do not change; STREAM_JOIN alone */
};

static inline struct spk_join_op *spk_join_op_of(struct spk_op *op) { return spk_container_of(op, struct spk_join_op, base); }

/* by_row, timed: see spk_join_setup and spk_join_input. met: kept rows know how much they meet, where they come out alone. */
spk_status spk_join_op_open(struct spk_op *op, bool by_row, bool timed, bool met, spk_error *err);
/* Behind it: of buckets that begin from now on it is known which keys have rows there. */
spk_status spk_join_op_filter(struct spk_join_op *j, spk_error *err);
spk_status spk_join_op_begin(struct spk_op *op, spk_error *err);
spk_status spk_join_op_push(struct spk_op *op, int input, struct spk_batch *in, spk_error *err);
void spk_join_op_close(struct spk_op *op);

/* Timed input of a join by window: the end of the window in which key `number` is. */
int64_t spk_join_window(const struct spk_join_op *j, uint32_t number);
/*
 * Of an open key's changed rows of a side takes back what is there to be taken (the pages that have it are loaded), into key->taken; what is not there, and what comes,
 * is to be added: key->added.
 */
spk_status spk_join_take_rows(struct spk_join_op *j, uint32_t number, int side, struct spk_join_key *key, struct spk_arena *arena, spk_error *err);

/* Emits the epoch's rows that meet nothing whatever there is, a value that is compared being NULL: those that come out alone. */
spk_status spk_join_op_emit_keyless(struct spk_join_op *j, spk_error *err);

#endif
