/*
 * The parts of a join in a stream (join_op.h): join_input.c collects an epoch's changes; stream_join.c, interval_join.c and window_join.c work them off, some keys at a
 * time; join_delta.c finds what they change of one key; row_changes.c makes batches of it.
 */
#ifndef SPK_STREAM_OPERATOR_STREAM_JOIN_H
#define SPK_STREAM_OPERATOR_STREAM_JOIN_H

#include "stream/operator/join_input.h"
#include "stream/operator/row_changes.h"

/* Two rows that may meet; the weight with which they come out if they do, and what that adds to how much each of them meets. */
struct spk_join_pair { struct spk_kept_row *left, *right; int64_t weight, left_meets, right_meets; };

/* What is at hand of one key: rows that are added (weights may be negative: taken back before they came) and taken back on either side. */
struct spk_join_rows { struct spk_kept_row *row; int count; };
struct spk_join_key { struct spk_row_group *group[2]; struct spk_join_rows added[2], taken[2]; };

/* Pairs to be decided, a batch of them at a time. */
struct spk_join_delta {
	const struct spk_join_setup *setup;
	struct spk_row_changes *changes;
	struct spk_join_pair *pair;      /* room for a batch */
	int pairs;
	bool again;                      /* pairs were decided before: only how much rows meet is wanted */
};

/* Finds what the key's changes change: afterwards rows know what they meet, but nothing is added to the groups yet. */
spk_status spk_join_delta_key(struct spk_join_delta *d, struct spk_join_key *key, spk_error *err);
/* Decides the pairs that wait; must be called after the last key of a group of keys and before spk_join_delta_alone. */
spk_status spk_join_delta_flush(struct spk_join_delta *d, spk_error *err);
/* Notes what changes of rows that come out alone. */
spk_status spk_join_delta_alone(struct spk_join_delta *d, const struct spk_join_key *key, spk_error *err);
/* The same of n rows of one side, of which the other side's total was `before` and is `now`. Those that know what they meet are told, where no pairs are looked at. */
spk_status spk_join_delta_alone_rows(struct spk_join_delta *d, int side, struct spk_kept_row *row, uint32_t n, int64_t before, int64_t now, spk_error *err);
/* Notes the rows of a side that have no key, a NULL being in it: they meet nothing whatever there is. */
spk_status spk_join_delta_keyless(struct spk_join_delta *d, int side, const struct spk_delta_rows *rows, spk_error *err);

#endif
