/*
 * Typed datasets: relations whose rows are C structs, and functions of yours over them.
 *
 *   #define FLIGHT(S, FIELD, NESTED, ARRAY) \
 *           FIELD(S, text, carrier) \
 *           FIELD(S, i32, distance) \
 *           FIELD(S, optional_f64, dep_delay)
 *   SPK_STRUCT(flight, FLIGHT)                  struct flight, and flight_encoder
 *
 *   static bool is_late(const void *row, void *user) { const struct flight *f = row; return f->dep_delay.set && f->dep_delay.value > 60; }
 *
 *   struct spk_dataset *flights = spk_dataset_of_frame(frame, &flight_encoder);
 *   struct spk_dataset *late = spk_dataset_filter(flights, is_late, NULL);
 *
 * Datasets are lazy as frames are, belong to their session, never change, and carry errors to the first action. Under them are the same
 * plans: a dataset is a frame (spk_dataset_frame) whose columns an encoder turns into structs and back.
 *
 * Functions of yours run on worker threads, several at once, and may run again for the same rows when a task is repeated: they must give the
 * same for the same. `user` is yours; what it points to must be safe to share. Structs that they are given, with the text in them, live until
 * they return (in groups: until the group's function returns); what they hand out is copied at once. A function fails by spk_fail(err, ...) and
 * returning its code, which fails the action.
 */
#ifndef SPARKLET_DATASET_H
#define SPARKLET_DATASET_H

#include <stddef.h>
#include <stdint.h>

#include "sparklet/frame.h"
#include "sparklet/value.h"

/* --- structs --- */

/*
 * X(kind, C type, SQL type): kinds of members. date: days since 1970-01-01; time: microseconds of the day; timestamps: microseconds since
 * 1970-01-01 00:00 (timestamptz: UTC).
 */
#define SPK_KIND_LIST(X) \
	X(boolean, bool, BOOLEAN) \
	X(i16, int16_t, SMALLINT) \
	X(i32, int32_t, INTEGER) \
	X(i64, int64_t, BIGINT) \
	X(f32, float, REAL) \
	X(f64, double, DOUBLE) \
	X(text, struct spk_text, TEXT) \
	X(bytes, struct spk_text, BYTEA) \
	X(date, int32_t, DATE) \
	X(time, int64_t, TIME) \
	X(timestamp, int64_t, TIMESTAMP) \
	X(timestamptz, int64_t, TIMESTAMPTZ) \
	X(decimal, struct spk_decimal, DECIMAL)

enum spk_kind {
#define SPK_KIND_ENUM(kind, c, sql) SPK_KIND_##kind, SPK_KIND_optional_##kind,
	SPK_KIND_LIST(SPK_KIND_ENUM)
#undef SPK_KIND_ENUM
	SPK_KIND_nested,                 /* a struct of another encoder */
	SPK_KIND_array,
};

/* By kind: its C type, an optional one (NULL where it is not set), an array of it (count 0: empty). */
#define SPK_KIND_TYPES(kind, c, sql) \
	typedef c spk_c_##kind; \
	typedef struct spk_optional_##kind { bool set; c value; } spk_c_optional_##kind; \
	struct spk_array_##kind { const c *item; size_t count; };
SPK_KIND_LIST(SPK_KIND_TYPES)
#undef SPK_KIND_TYPES

struct spk_struct_encoder;

/* How a member lies in memory beyond what its kind says: protobuf-c's structs have it otherwise. */
enum spk_form { SPK_FORM_PLAIN, SPK_FORM_C_HAS, SPK_FORM_C_STRING, SPK_FORM_C_INT_BOOL, SPK_FORM_POINTER, SPK_FORM_BINARY, SPK_FORM_U32, SPK_FORM_U64 };

struct spk_member {
	const char *name;                /* of the column */
	enum spk_kind kind;              /* of an array: array */
	size_t offset;                   /* of the value; of an array: of the pointer to its items */
	size_t set;                      /* optional: of the flag: a bool in PLAIN form, else an int */
	size_t count;                    /* array: of the size_t */
	enum spk_kind element;           /* array */
	size_t element_size;
	enum spk_form form;
	const struct spk_struct_encoder *nested;/* of nested members and of arrays of them */
};

struct spk_struct_encoder {
	const char *name;
	size_t size;
	int members;
	const struct spk_member *member;
	const void *protobuf;            /* of a protobuf-c message: its descriptor, else NULL */
};

/* Where the value of a member lies within it: an optional one has its flag in front. */
enum spk_shift {
#define SPK_KIND_SHIFT(kind, c, sql) SPK_SHIFT_##kind = 0, SPK_SHIFT_optional_##kind = offsetof(struct spk_optional_##kind, value),
	SPK_KIND_LIST(SPK_KIND_SHIFT)
#undef SPK_KIND_SHIFT
};

#define SPK_STRUCT_FIELD_(S, kind, name) spk_c_##kind name;
#define SPK_STRUCT_NESTED_(S, type, name) struct type name;
#define SPK_STRUCT_ARRAY_(S, kind, name) struct spk_array_##kind name;
#define SPK_MEMBER_FIELD_(S, kind_, name_) \
	{ .name = #name_, .kind = SPK_KIND_##kind_, .offset = offsetof(struct S, name_) + SPK_SHIFT_##kind_, .set = offsetof(struct S, name_) },
#define SPK_MEMBER_NESTED_(S, type, name_) { .name = #name_, .kind = SPK_KIND_nested, .offset = offsetof(struct S, name_), .nested = &type##_encoder },
#define SPK_MEMBER_ARRAY_(S, kind_, name_) \
	{ .name = #name_, .kind = SPK_KIND_array, .offset = offsetof(struct S, name_), .count = offsetof(struct S, name_) + offsetof(struct spk_array_##kind_, count), \
	  .element = SPK_KIND_##kind_, .element_size = sizeof(spk_c_##kind_) },

/*
 * SPK_STRUCT(name, LIST) declares struct name and its encoder, name##_encoder. LIST(S, FIELD, NESTED, ARRAY) has a line per member, with S handed
 * on: FIELD(S, kind, member), FIELD(S, optional_kind, member), NESTED(S, struct name, member), ARRAY(S, kind, member). Columns have the
 * members' names. _DECLARE and _DEFINE are its halves, for a header and a source file.
 */
#define SPK_STRUCT_DECLARE(name, LIST) struct name { LIST(name, SPK_STRUCT_FIELD_, SPK_STRUCT_NESTED_, SPK_STRUCT_ARRAY_) };
#define SPK_STRUCT_DEFINE(name_, LIST) \
	static const struct spk_member name_##_members[] = { LIST(name_, SPK_MEMBER_FIELD_, SPK_MEMBER_NESTED_, SPK_MEMBER_ARRAY_) }; \
	static const struct spk_struct_encoder name_##_encoder = { .name = #name_, .size = sizeof(struct name_), .members = (int)(sizeof name_##_members / sizeof *name_##_members), .member = name_##_members };
#define SPK_STRUCT(name, LIST) SPK_STRUCT_DECLARE(name, LIST) SPK_STRUCT_DEFINE(name, LIST)

/*
 * The encoder of a protobuf-c message: its fields in order, under their names; optional ones and messages may be NULL, repeated ones are
 * arrays. descriptor: a const ProtobufCMessageDescriptor *. It lives as long as the session. UNSUPPORTED, by name, for oneofs and repeated messages.
 */
SPK_API spk_status spk_encoder_of_protobuf(struct spk_session *session, const void *descriptor, const struct spk_struct_encoder **out, spk_error *err);

/* --- where rows come from, and back to frames --- */

struct spk_dataset;

/*
 * The frame's rows as structs. Every member needs a column of its name whose type is the member's, or one that fits into it without loss;
 * other columns are left out. Checked now. A NULL for a member that is not optional fails the action, by name.
 */
SPK_API struct spk_dataset *spk_dataset_of_frame(struct spk_frame *frame, const struct spk_struct_encoder *encoder);
/* `count` structs, copied now. */
SPK_API struct spk_dataset *spk_dataset_of_rows(struct spk_session *session, const struct spk_struct_encoder *encoder, const void *rows, size_t count);
SPK_API struct spk_frame *spk_dataset_frame(struct spk_dataset *dataset);

/* --- row by row --- */

/* Takes a struct that a function makes. */
struct spk_emitter;
SPK_API spk_status spk_emit(struct spk_emitter *out, const void *row, spk_error *err);

typedef spk_status (*spk_map_function)(const void *row, void *out, void *user, spk_error *err);  /* *out is zeroed */
typedef bool (*spk_filter_function)(const void *row, void *user);
typedef spk_status (*spk_flat_map_function)(const void *row, struct spk_emitter *out, void *user, spk_error *err);

SPK_API struct spk_dataset *spk_dataset_map(struct spk_dataset *dataset, const struct spk_struct_encoder *out, spk_map_function map, void *user);
SPK_API struct spk_dataset *spk_dataset_filter(struct spk_dataset *dataset, spk_filter_function filter, void *user);
SPK_API struct spk_dataset *spk_dataset_flat_map(struct spk_dataset *dataset, const struct spk_struct_encoder *out, spk_flat_map_function flat_map, void *user);

/* All rows of one task. next: the next row, valid until the one after it; NULL at the end, or when the action is over for another reason. */
struct spk_rows;
SPK_API const void *spk_rows_next(struct spk_rows *rows);
typedef spk_status (*spk_partition_function)(struct spk_rows *rows, struct spk_emitter *out, void *user, spk_error *err);
SPK_API struct spk_dataset *spk_dataset_map_partitions(struct spk_dataset *dataset, const struct spk_struct_encoder *out, spk_partition_function map, void *user);

/* --- by key: `key_of` computes a struct of the encoder `key`; keys are equal when all their members are (NULL equals NULL) --- */

typedef spk_map_function spk_key_function;
struct spk_keyed;   /* a dataset whose rows have keys; belongs to the session */

SPK_API struct spk_keyed *spk_dataset_group_by_key(struct spk_dataset *dataset, const struct spk_struct_encoder *key, spk_key_function key_of, void *user);
/* Once per key: its rows in no particular order, but always in the same. */
typedef spk_status (*spk_group_function)(const void *key, struct spk_rows *rows, struct spk_emitter *out, void *user, spk_error *err);
SPK_API struct spk_dataset *spk_keyed_map_groups(struct spk_keyed *keyed, const struct spk_struct_encoder *out, spk_group_function map, void *user);
/* Folds the rows of a key into one: *into, which begins as the first, takes in `row`. Text that it keeps must be one of the two's. */
typedef spk_status (*spk_reduce_function)(void *into, const void *row, void *user, spk_error *err);
SPK_API struct spk_dataset *spk_keyed_reduce_groups(struct spk_keyed *keyed, spk_reduce_function reduce, void *user);
/* Once per key that either side has. Keys must have the same encoder. */
typedef spk_status (*spk_cogroup_function)(const void *key, struct spk_rows *left, struct spk_rows *right, struct spk_emitter *out, void *user, spk_error *err);
SPK_API struct spk_dataset *spk_keyed_cogroup(struct spk_keyed *left, struct spk_keyed *right, const struct spk_struct_encoder *out, spk_cogroup_function map, void *user);
/* Once per pair of rows of one key; left or right is NULL where an outer join has none. type: "inner", "left", "right", "full". */
typedef spk_status (*spk_join_function)(const void *left, const void *right, struct spk_emitter *out, void *user, spk_error *err);
SPK_API struct spk_dataset *spk_keyed_join(struct spk_keyed *left, struct spk_keyed *right, const char *type, const struct spk_struct_encoder *out, spk_join_function join, void *user);

/* In the order of the keys' members, one after the other. */
SPK_API struct spk_dataset *spk_dataset_sort_by(struct spk_dataset *dataset, const struct spk_struct_encoder *key, spk_key_function key_of, void *user);
/* Row to the task that `partition` says, 0 to tasks - 1. */
typedef int (*spk_partitioner_function)(const void *row, int tasks, void *user);
SPK_API struct spk_dataset *spk_dataset_partition_by(struct spk_dataset *dataset, int tasks, spk_partitioner_function partition, void *user);

/* --- beside the rows --- */

/* A sum that functions add to from any thread. A task that is repeated adds again: exact only when none was. Belongs to the session. */
struct spk_accumulator;
SPK_API struct spk_accumulator *spk_accumulator_new(struct spk_session *session);
SPK_API void spk_accumulator_add(struct spk_accumulator *a, int64_t n);
SPK_API int64_t spk_accumulator_value(const struct spk_accumulator *a);

/* A copy of `size` bytes that all functions may read: hand it to them as `user`, or in it. Belongs to the session. */
SPK_API const void *spk_broadcast(struct spk_session *session, const void *data, size_t size);

/* --- actions --- */

/* All rows, an array of structs; their text goes with them. */
struct spk_collected { const void *row; size_t count; };
SPK_API spk_status spk_dataset_collect(struct spk_dataset *dataset, struct spk_collected **out, spk_error *err);
SPK_API void spk_collected_free(struct spk_collected *rows);  /* NULL is fine */
/* Calls `each` for every row, in order, on one worker thread at a time. */
SPK_API spk_status spk_dataset_foreach(struct spk_dataset *dataset, spk_status (*each)(const void *row, void *user, spk_error *err), void *user, spk_error *err);
SPK_API spk_status spk_dataset_count(struct spk_dataset *dataset, int64_t *rows, spk_error *err);

#endif
