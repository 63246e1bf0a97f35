/*
 * The format 'protobuf': messages of one type, which a descriptor set describes.
 *
 *   protobuf_schema.c   a descriptor set into messages and fields
 *   protobuf_plan.c     a message's fields and the columns of a table: what goes where
 *   protobuf_decode.c   a message's bytes into columns
 *   protobuf_json.c     a value of any kind as JSON text, for jsonb columns
 *   protobuf_encode.c   columns into messages
 *   protobuf.c          options; the format as a table of functions
 *
 * Messages, fields and plans are read-only once made and lie in an arena.
 */
#ifndef SPK_CONNECTORS_FORMAT_PROTOBUF_H
#define SPK_CONNECTORS_FORMAT_PROTOBUF_H

#include "connectors/format/cell.h"

/* Bytes of a value on the wire: the lower 3 bits of a tag. */
enum spk_pb_wire { SPK_PB_VARINT, SPK_PB_FIXED64, SPK_PB_BYTES, SPK_PB_START_GROUP, SPK_PB_END_GROUP, SPK_PB_FIXED32 };

/* X(NAME, "name", number in descriptors, how it lies on the wire) */
#define SPK_PB_KIND_LIST(X) \
	X(DOUBLE, "double", 1, FIXED64) X(FLOAT, "float", 2, FIXED32) X(INT64, "int64", 3, VARINT) X(UINT64, "uint64", 4, VARINT) X(INT32, "int32", 5, VARINT) \
	X(FIXED64K, "fixed64", 6, FIXED64) X(FIXED32K, "fixed32", 7, FIXED32) X(BOOL, "bool", 8, VARINT) X(STRING, "string", 9, BYTES) X(GROUP, "group", 10, START_GROUP) \
	X(MESSAGE, "message", 11, BYTES) X(BYTESK, "bytes", 12, BYTES) X(UINT32, "uint32", 13, VARINT) X(ENUM, "enum", 14, VARINT) X(SFIXED32, "sfixed32", 15, FIXED32) \
	X(SFIXED64, "sfixed64", 16, FIXED64) X(SINT32, "sint32", 17, VARINT) X(SINT64, "sint64", 18, VARINT)
enum spk_pb_kind {
	SPK_PB_NONE,
#define SPK_PB_ENUM_(id, name, number, wire) SPK_PB_##id = number,
	SPK_PB_KIND_LIST(SPK_PB_ENUM_)
#undef SPK_PB_ENUM_
};

struct spk_pb_enum { const char *name; int count; const char **symbol; int32_t *number; };

struct spk_pb_message;
struct spk_pb_field {
	const char *name;
	uint32_t number;
	enum spk_pb_kind kind;
	enum spk_pb_wire wire;               /* how one value lies there */
	bool repeated, required, packed;
	bool presence;                       /* whether a message can say that it is not there; else it has its default then */
	int oneof;                           /* number of the oneof that it is in, -1: none */
	const struct spk_pb_message *message;
	const struct spk_pb_enum *symbols;
	/* What it is when it is not there. */
	uint64_t default_bits;               /* numbers as on the wire */
	const char *default_text;            /* string and bytes */
	uint32_t default_size;
};
struct spk_pb_message {
	const char *name;                    /* with its package */
	int count;
	struct spk_pb_field *field;          /* by number, ascending */
	bool map_entry;
	bool required;                       /* it has required fields */
	bool timestamp;                      /* google.protobuf.Timestamp */
};

/* The message of that name out of the bytes of a descriptor set. The name may be that of a Java class: then it is the message whose own name is
 * the last part of it. DATA: the bytes are none, or something in them is not known; NOT_FOUND with names that there are. */
spk_status spk_pb_load(struct spk_arena *arena, const char *bytes, size_t size, const char *name, const struct spk_pb_message **out, spk_error *err);
const char *spk_pb_kind_name(const struct spk_pb_field *f);
/* The symbol of a number, NULL: none. The number of a symbol: false when there is none. */
const char *spk_pb_symbol(const struct spk_pb_enum *e, int32_t number);
bool spk_pb_number(const struct spk_pb_enum *e, const char *s, size_t n, int32_t *out);
/* The field of a number, NULL: unknown. `guess` is tried first. */
const struct spk_pb_field *spk_pb_find(const struct spk_pb_message *m, uint32_t number, int guess);
/* The field that is meant by a column's name (spk_find_field), NULL: none. */
const struct spk_pb_field *spk_pb_find_name(const struct spk_pb_message *m, const char *name);

/* --- plans: fields to columns --- */

enum spk_pb_op {
	SPK_PB_OP_CHECK,                     /* it goes nowhere, but must be sound */
	SPK_PB_OP_BOOLEAN, SPK_PB_OP_PLAIN /* bits as they are, into bigint */, SPK_PB_OP_INTEGER, SPK_PB_OP_UNSIGNED, SPK_PB_OP_FLOAT, SPK_PB_OP_DOUBLE, SPK_PB_OP_TEXT, SPK_PB_OP_BYTES, SPK_PB_OP_SYMBOL,
	SPK_PB_OP_TIMESTAMP, SPK_PB_OP_ROW, SPK_PB_OP_JSON,
};
struct spk_pb_plan;
struct spk_pb_step {
	enum spk_pb_op op;                   /* of an array: of its elements */
	bool array;
	int to;                              /* the child (column), -1: none */
	const char *name;                    /* of the place, for messages */
	struct spk_pb_plan *plan;            /* ROW */
};
struct spk_pb_plan {
	const struct spk_pb_message *message;
	struct spk_pb_step *step;            /* by field */
	bool defaults;                       /* 'protobuf.read-default-values' */
};
struct spk_pb_reader { const struct spk_format_column *column; int columns; bool defaults; };
/* USAGE: a column without a field, or of another type, with column and field. All columns are looked at, read or not. */
spk_status spk_pb_plan(struct spk_arena *arena, const struct spk_pb_message *m, const struct spk_pb_reader *r, const char *table, const struct spk_pb_plan **out, spk_error *err);

/* --- reading --- */

/* One message, all of the bytes, into row `row`. DATA: c->reason says why not, and the row is to be failed. */
spk_status spk_pb_read(const struct spk_pb_plan *p, struct spk_cells *c, struct spk_wire *in, struct spk_batch *batch, int row, spk_error *err);
/* Appends the message's value of a field as JSON text to c->json, which must be there (or be repeated). */
spk_status spk_pb_to_json(struct spk_cells *c, struct spk_wire in, const struct spk_pb_field *f, int depth, spk_error *err);

/* --- writing --- */

struct spk_pb_writer;
/* USAGE: columns that do not fit. `null_text`: what a string that is NULL is within an array. */
spk_status spk_pb_writer(struct spk_arena *arena, const struct spk_pb_message *m, const struct spk_schema *columns, const char *table, const char *null_text, const struct spk_pb_writer **out, spk_error *err);
/* Appends one message. DATA: a value that its field has no room for. */
spk_status spk_pb_write(const struct spk_pb_writer *w, const struct spk_batch *batch, int row, struct spk_buffer *out, spk_error *err);

#endif
