/*
 * What a join in a stream takes in during an epoch: the changed rows of both sides, folded, by the number of their key; and how its kind treats
 * them.
 */
#ifndef SPK_STREAM_OPERATOR_JOIN_INPUT_H
#define SPK_STREAM_OPERATOR_JOIN_INPUT_H

#include "stream/operator/delta_rows.h"
#include "stream/operator/keyed_rows.h"

/* How the kind of join treats a side. */
struct spk_join_role {
	bool alone;                      /* its rows come out by themselves, for meeting nothing or something */
	bool met;                        /* how many a row meets must be kept by row: the keys do not tell */
};

struct spk_join_setup {
	struct spk_op *op;
	enum spk_join_type type;
	bool pairs;                      /* rows of both sides come out together */
	bool by_row;                     /* how much rows meet is kept by row, whatever the condition */
	struct spk_join_role role[2];    /* left, right */
	struct spk_schema both;          /* left ++ right */
};

spk_status spk_join_setup_init(struct spk_join_setup *setup, struct spk_op *op, bool by_row, struct spk_arena *arena, spk_error *err);
/* The right side's rows are only counted. */
bool spk_join_counts_right(const struct spk_join_setup *setup);

struct spk_join_input {
	const struct spk_join_setup *setup;
	bool timed;                      /* rows are followed by their value in the join's time column; one without a value meets nothing. Before that versions have their number */
	struct spk_schema key_schema[2];
	struct spk_key_column *key_column[2];
	int *key_number;
	struct spk_keymap keys;          /* of the epoch */
	struct spk_delta_rows side[2];   /* by key of `keys`; rows that meet nothing whatever there is have none, and are only there if they come out alone */
	struct spk_row_keys encoded;     /* scratch */
};

/* `setup` must outlive it, as must `arena`. */
spk_status spk_join_input_init(struct spk_join_input *in, const struct spk_join_setup *setup, bool timed, struct spk_arena *arena, spk_error *err);
/* Takes in rows of a side. */
spk_status spk_join_input_push(struct spk_join_input *in, int side, const struct spk_batch *batch, spk_error *err);
/* When all are there: chains rows by key (delta_rows.h). */
spk_status spk_join_input_chain(struct spk_join_input *in, struct spk_arena *arena, spk_error *err);
void spk_join_input_clear(struct spk_join_input *in);
void spk_join_input_release(struct spk_join_input *in);

/* A copy of the row's bytes with a number behind them, which its columns do not see; NULL: no memory. */
static inline char *spk_join_row_with(const struct spk_kept_row *row, int64_t number, struct spk_arena *arena)
{
	char *bytes = spk_arena_alloc(arena, row->size + sizeof number);

	if (bytes) {
		memcpy(bytes, row->bytes, row->size);
		memcpy(bytes + row->size, &number, sizeof number);
	}
	return bytes;
}

/* The number that a row's bytes end in: of timed input its time. */
static inline int64_t spk_join_row_number(const char *bytes, uint32_t size)
{
	int64_t time;

	memcpy(&time, bytes + size - sizeof time, sizeof time);
	return time;
}

#endif
