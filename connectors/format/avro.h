/*
 * Avro's inner parts (specification 1.12): schemas, what a writer's schema means for the columns of a table, bytes to columns, columns to bytes.
 *
 *   avro_schema.c    a schema's JSON into types
 *   avro_resolve.c   a writer's schema and the table's columns into steps: what is done with each value, or why it cannot be
 *   avro_decode.c    a datum through those steps into columns; skipping
 *   avro_json.c      a value of any type as JSON text, for jsonb columns; defaults of fields as datums
 *   avro_derive.c    the schema that a table's columns have
 *   avro_encode.c    columns into datums
 *   avro.c           options; the formats 'avro' and 'avro-confluent' as tables of functions
 *   registry.c       a schema registry over HTTP
 *
 * Types, steps and programs are read-only once made and lie in the arena that they were made with.
 */
#ifndef SPK_CONNECTORS_FORMAT_AVRO_H
#define SPK_CONNECTORS_FORMAT_AVRO_H

#include "connectors/format/cell.h"

#define SPK_AVRO_KIND_LIST(X) \
	X(NULL, "null") X(BOOLEAN, "boolean") X(INT, "int") X(LONG, "long") X(FLOAT, "float") X(DOUBLE, "double") X(BYTES, "bytes") X(STRING, "string") \
	X(RECORD, "record") X(ENUM, "enum") X(FIXED, "fixed") X(ARRAY, "array") X(MAP, "map") X(UNION, "union")
enum spk_avro_kind {
#define SPK_AVRO_ENUM(id, name) SPK_AVRO_##id,
	SPK_AVRO_KIND_LIST(SPK_AVRO_ENUM)
#undef SPK_AVRO_ENUM
};

/* X(ID, "name", the kind below it, and another that it may have instead). Where the kind does not fit, the name counts for nothing. */
#define SPK_AVRO_LOGICAL_LIST(X) \
	X(DECIMAL, "decimal", BYTES, FIXED) X(DATE, "date", INT, INT) X(TIME_MILLIS, "time-millis", INT, INT) X(TIME_MICROS, "time-micros", LONG, LONG) \
	X(TIMESTAMP_MILLIS, "timestamp-millis", LONG, LONG) X(TIMESTAMP_MICROS, "timestamp-micros", LONG, LONG) X(TIMESTAMP_NANOS, "timestamp-nanos", LONG, LONG) \
	X(LOCAL_MILLIS, "local-timestamp-millis", LONG, LONG) X(LOCAL_MICROS, "local-timestamp-micros", LONG, LONG) \
	X(LOCAL_NANOS, "local-timestamp-nanos", LONG, LONG) X(UUID, "uuid", STRING, FIXED) X(DURATION, "duration", FIXED, FIXED)
enum spk_avro_logical {
	SPK_AVRO_PLAIN,
#define SPK_AVRO_ENUM(id, name, kind, other) SPK_AVRO_##id,
	SPK_AVRO_LOGICAL_LIST(SPK_AVRO_ENUM)
#undef SPK_AVRO_ENUM
};

struct spk_avro_type;

struct spk_avro_field {
	const char *name;
	const struct spk_avro_type *type;
	int aliases;
	const char **alias;
	const char *by_default;          /* JSON text, NULL: there is none */
};

struct spk_avro_type {
	enum spk_avro_kind kind;
	enum spk_avro_logical logical;
	const char *name;                /* full name of a record, enum or fixed; else NULL */
	int precision, scale;            /* decimal */
	int size;                        /* fixed: bytes */
	int count;                       /* fields, symbols, branches; 1 for an array's or map's items */
	struct spk_avro_field *field;    /* record */
	const char **symbol;             /* enum */
	int default_symbol;              /* enum; -1: there is none */
	const struct spk_avro_type **item;   /* array, map: one; union: its branches */
};

/* Schema text into types; DATA with what is wrong and where. A record may hold itself. */
spk_status spk_avro_parse(struct spk_arena *arena, const char *json, size_t size, const struct spk_avro_type **out, spk_error *err);
/* The last of several texts, each with a NUL behind it (and at least one), which may use the names that those before it define. */
spk_status spk_avro_parse_all(struct spk_arena *arena, const char *texts, size_t size, const struct spk_avro_type **out, spk_error *err);
/* "long (timestamp-millis)", "record a.B", "union"; into out, cut to size. */
const char *spk_avro_type_format(const struct spk_avro_type *type, char *out, size_t size);
/* The branch of a union that is null, -1: none (or no union). */
int spk_avro_null_branch(const struct spk_avro_type *type);
/* Whether a symbol is of that enum; -1: it is not. */
int spk_avro_symbol(const struct spk_avro_type *type, const char *s, size_t n);
/* The field of a record that is meant by a name (spk_find_field). */
int spk_avro_find(const struct spk_avro_type *record, const char *name);

/* --- reading --- */

/* What the rows go into. */
struct spk_avro_reader {
	const struct spk_format_column *column;   /* all physical columns of the table */
	int columns;
	const struct spk_avro_type *schema;       /* the reader's schema, which has aliases and defaults; NULL: the columns are it */
	bool *skip;                               /* by column of the batch */
};

struct spk_avro_program;

/*
 * What is to be done with data of the writer's schema. Columns that are not read are resolved like others, so that the same schemas fit
 * whatever is read. DATA: the schemas cannot be resolved, with the reason; the arena then has some rubbish.
 */
spk_status spk_avro_resolve(struct spk_arena *arena, const struct spk_avro_type *writer, const struct spk_avro_reader *reader, const struct spk_avro_program **out, spk_error *err);
/* One datum, all of the bytes, into row `row`. DATA: c->reason says why not, and the row is to be failed. */
spk_status spk_avro_read(const struct spk_avro_program *p, struct spk_cells *c, struct spk_wire *in, struct spk_batch *batch, int row, spk_error *err);

/* --- values as JSON (avro_json.c) --- */

/* Appends the value at `in` as JSON text to c->json. */
spk_status spk_avro_to_json(struct spk_cells *c, struct spk_wire *in, const struct spk_avro_type *type, int depth, spk_error *err);
/* Appends the datum of a field's default; DATA when it is no value of the type. */
spk_status spk_avro_default(const struct spk_avro_type *type, const char *json, struct spk_buffer *out, spk_error *err);

/* --- writing --- */

/* The schema of those columns as JSON text. UNSUPPORTED: a column of a type that Avro has no word for. `local`: timestamps are local-timestamp-*. */
spk_status spk_avro_derive(const struct spk_schema *columns, bool local, const char *table, struct spk_buffer *out, spk_error *err);

struct spk_avro_writer;
/* From columns of a batch to a schema, into `arena`. USAGE: they do not fit, with column and field. */
spk_status spk_avro_writer(struct spk_arena *arena, const struct spk_avro_type *schema, const struct spk_schema *columns, const char *table, const struct spk_avro_writer **out, spk_error *err);
/* Appends one datum. DATA: a value that the schema has no room for. */
spk_status spk_avro_write(const struct spk_avro_writer *w, const struct spk_batch *batch, int row, struct spk_buffer *out, spk_error *err);

#endif
