/*
 * The parts of a join over changelogs: stream_join.c collects an epoch's changes and works them off, some keys at a time; join_delta.c finds
 * what they change of one key; row_changes.c makes batches of it.
 */
#ifndef SPK_STREAM_OPERATOR_STREAM_JOIN_H
#define SPK_STREAM_OPERATOR_STREAM_JOIN_H

#include "stream/operator/row_changes.h"

/* Two rows that may meet; the weight with which they come out if they do, and what that adds to how much each of them meets. */
struct spk_join_pair { struct spk_kept_row *left, *right; int64_t weight, left_meets, right_meets; };

/* How the kind of join treats a side. */
struct spk_join_role {
	bool alone;                      /* its rows come out by themselves, for meeting nothing or something */
	bool met;                        /* how many a row meets must be kept by row: the keys do not tell */
};

struct spk_join_setup {
	struct spk_op *op;
	enum spk_join_type type;
	bool pairs;                      /* rows of both sides come out together */
	struct spk_join_role role[2];    /* left, right */
	struct spk_schema both;          /* left ++ right */
};

/* What is at hand of one key: rows that are added (weights may be negative: taken back before they came) and taken back on either side. */
struct spk_join_rows { struct spk_kept_row *row; int count; };
struct spk_join_key { struct spk_row_group *group[2]; struct spk_join_rows added[2], taken[2]; };

/* Pairs to be decided, a batch of them at a time. */
struct spk_join_delta {
	const struct spk_join_setup *setup;
	struct spk_row_changes *changes;
	struct spk_join_pair *pair;      /* room for a batch */
	int pairs;
};

/* Finds what the key's changes change: afterwards rows know what they meet, but nothing is added to the groups yet. */
spk_status spk_join_delta_key(struct spk_join_delta *d, struct spk_join_key *key, spk_error *err);
/* Decides the pairs that wait; must be called after the last key of a group of keys and before spk_join_delta_alone. */
spk_status spk_join_delta_flush(struct spk_join_delta *d, spk_error *err);
/* Notes what changes of rows that come out alone. */
spk_status spk_join_delta_alone(struct spk_join_delta *d, const struct spk_join_key *key, spk_error *err);
/* A row whose key has a NULL meets nothing. */
spk_status spk_join_delta_unmatched(struct spk_join_delta *d, int side, struct spk_kept_row *row, spk_error *err);

#endif
