/*
 * The parts of a join over changelogs: stream_join.c collects an epoch's changes and works them off, some keys at a time; join_delta.c finds
 * what they change of one key; join_changes.c makes batches of it.
 */
#ifndef SPK_STREAM_OPERATOR_STREAM_JOIN_H
#define SPK_STREAM_OPERATOR_STREAM_JOIN_H

#include "stream/operator/keyed_rows.h"

/* A row that changes: two rows, or one and NULLs for the other side. */
struct spk_join_change { const struct spk_kept_row *left, *right; int64_t weight; bool mark; };

/* What changes, until there is enough of it. Rows taken back come out before others come. */
struct spk_join_changes {
	struct spk_op *op;
	struct spk_arena *arena;         /* in which the rows' bytes lie; batches hold it */
	struct spk_join_change *change;
	size_t count, capacity;
};

/* Notes a change; one of weight 0 is none. */
spk_status spk_join_changes_add(struct spk_join_changes *c, struct spk_join_change change, spk_error *err);
/* Emits them and forgets them. */
spk_status spk_join_changes_emit(struct spk_join_changes *c, spk_error *err);
void spk_join_changes_release(struct spk_join_changes *c);
/* A batch of n rows as `schema` has them, in an arena that holds `arena`. */
spk_status spk_kept_rows_batch(const struct spk_op *op, const struct spk_schema *schema, struct spk_arena *arena, const struct spk_kept_row *const *row, int n, struct spk_batch **out, spk_error *err);
/* A batch with the columns of left ++ right (sides[0] and [1]; NULL rows: NULLs) of n pairs, in an arena that holds `arena`. */
struct spk_join_pair { struct spk_kept_row *left, *right; int64_t weight, left_meets, right_meets; };
spk_status spk_join_pairs_batch(const struct spk_op *op, const struct spk_schema *schema, struct spk_arena *arena, const struct spk_join_pair *pair, int n, struct spk_batch **out, spk_error *err);

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
	struct spk_join_changes *changes;
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
