/* What the files of the dataset API share. Not for others. */
#ifndef SPK_SESSION_DATASET_H
#define SPK_SESSION_DATASET_H

#include "session/encoder.h"
#include "session/frame.h"

/* A frame whose columns are just the encoder's, in order. In the session's arena. */
struct spk_dataset {
	struct spk_session *session;
	const struct spk_struct_encoder *encoder;
	struct spk_frame *frame;
};

/* The same with the key's columns in front. */
struct spk_keyed {
	struct spk_session *session;
	const struct spk_struct_encoder *key, *value;
	struct spk_frame *frame;
};

/* A typed function as an operator of a plan. */
struct typed {
	struct spk_callback base;
	const struct spk_struct_encoder *in, *right, *out, *key;  /* right: of the other side of cogroup and join; which has a column `side` behind the key */
	bool keep_left, keep_right;                        /* join: rows without a partner come out */
	void *user;
	union {
		spk_map_function map;              /* also key_of */
		spk_filter_function filter;
		spk_flat_map_function flat_map;
		spk_partition_function partition;
		spk_partitioner_function partitioner;
		spk_group_function group;
		spk_reduce_function reduce;
		spk_cogroup_function cogroup;
		spk_join_function join;
	};
	int tasks;                                         /* partitioner */
};

/* Their types, dataset_rows.c and dataset_groups.c. KEY puts the key's columns before the row's, PARTITION the task's number. */
extern const struct spk_callback_type spk_typed_map, spk_typed_filter, spk_typed_flat_map, spk_typed_partitions, spk_typed_key, spk_typed_partition,
	spk_typed_groups, spk_typed_reduce, spk_typed_cogroup, spk_typed_join;

/* How a call of the user's function ended: a failure says which call it was of, and something in any case. */
spk_status spk_typed_ended(const struct typed *t, spk_status status, spk_error *err);

/* Structs on their way out of a function. */
struct spk_emitter {
	struct spk_struct_writer writer;
	const struct spk_struct_encoder *encoder;
	const struct spk_callback_out *out;
};
/* Hands on what is there. */
spk_status spk_emitter_flush(struct spk_emitter *e, spk_error *err);

/* Structs that a function goes over: an array, or the rows of batches. */
struct spk_rows {
	const struct spk_struct_encoder *encoder;
	const char *at, *end;              /* array of structs */
	struct spk_batch **batch;          /* or batches */
	int batches, next, row;
	struct spk_arena *arena;           /* of the struct at hand */
	void *current;
	spk_status status;                 /* decoding failed: the function sees the end, the operator the error */
	spk_error error;
};

struct spk_accumulator { _Atomic int64_t value; };

#endif
