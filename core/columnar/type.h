/*
 * SQL types and how a value of each lies in memory. Semantics are PostgreSQL 15's (docs/sql.md names the exceptions).
 */
#ifndef SPK_CORE_COLUMNAR_TYPE_H
#define SPK_CORE_COLUMNAR_TYPE_H

#include <stdint.h>

#include "core/base/buffer.h"

struct spk_arena;

/*
 * X(ID, "name", bytes per value, arrow format or NULL when it depends on parameters)
 * UNKNOWN is the type of a bare NULL and of an untyped string literal before binding; no column ever has it.
 * BOOLEAN is a byte 0/1 here (a bit in Arrow, packed at export). TEXT, BYTEA, JSONB, JSON are struct spk_view.
 * JSON is text that is JSON, kept as it came; JSONB has one form (jsonb.h). DECIMAL is a 128-bit integer; see `scale` below. ARRAY: int32 offsets (rows + 1) and one child. ROW: children only.
 * A map is an ARRAY whose precision is SPK_ARRAY_MAP: its elements are records of a key and a value (core/expr/map.c).
 */
#define SPK_TYPE_LIST(X) \
	X(UNKNOWN, "unknown", 16) \
	X(BOOLEAN, "boolean", 1) \
	X(SMALLINT, "smallint", 2) \
	X(INTEGER, "integer", 4) \
	X(BIGINT, "bigint", 8) \
	X(REAL, "real", 4) \
	X(DOUBLE, "double precision", 8) \
	X(DECIMAL, "numeric", 16) \
	X(TEXT, "text", 16) \
	X(BYTEA, "bytea", 16) \
	X(DATE, "date", 4)                                 /* days since 1970-01-01 */ \
	X(TIME, "time without time zone", 8)               /* microseconds since midnight */ \
	X(TIMESTAMP, "timestamp without time zone", 8)     /* microseconds since 1970-01-01 00:00:00 */ \
	X(TIMESTAMPTZ, "timestamp with time zone", 8)      /* microseconds since 1970-01-01 00:00:00 UTC */ \
	X(INTERVAL, "interval", 16)                        /* struct spk_interval */ \
	X(JSONB, "jsonb", 16) \
	X(ARRAY, "array", 4) \
	X(ROW, "record", 0) \
	X(JSON, "json", 16) \
	X(UUID, "uuid", 16)                                /* spk_int128: the bytes as a big-endian number, its highest bit turned */

enum spk_type_id {
#define SPK_TYPE_ENUM(id, name, width) SPK_TYPE_##id,
	SPK_TYPE_LIST(SPK_TYPE_ENUM)
#undef SPK_TYPE_ENUM
	SPK_TYPE_COUNT
};

typedef __int128 spk_int128;

enum {
	SPK_DECIMAL_DIGITS = 38,
	/*
	 * The scale of a `numeric` whose scale is a property of each value (division, avg, a cast to bare numeric): the
	 * value's top byte holds its scale and the lower 120 bits its signed mantissa (36 digits). See decimal.h.
	 */
	SPK_SCALE_VARIES = -1,
};

/* The mark of arrays that are maps. */
enum { SPK_ARRAY_MAP = 1 };

/* A type is a small value: pass and compare it by value. `children` is borrowed from the arena of whoever made it. */
struct spk_type {
	enum spk_type_id id;
	int16_t precision;    /* DECIMAL: digits; TEXT: varchar(n)/char(n) bound, 0 none (scale: text.h); TIMESTAMP: 0..6 digits, unused; ARRAY: SPK_ARRAY_MAP or 0 */
	int16_t scale;        /* DECIMAL: digits after the point, or SPK_SCALE_VARIES */
	const struct spk_schema *children;  /* ARRAY: one field, the element; ROW: its fields; else NULL */
};

struct spk_field {
	const char *name;
	struct spk_type type;
	bool nullable;
};

/* Column names and types, in order. Borrowed memory, read-only once built. */
struct spk_schema {
	int count;
	struct spk_field *field;
};

struct spk_interval { int32_t months, days; int64_t micros; };

/* What PostgreSQL compares intervals by: microseconds, with a month of 30 days and a day of 24 hours. */
static inline spk_int128 spk_interval_span(struct spk_interval v)
{
	return (spk_int128)((int64_t)v.months * 30 + v.days) * 86400000000 + v.micros;
}

static inline struct spk_type spk_type(enum spk_type_id id)
{
	return (struct spk_type){ .id = id, .scale = id == SPK_TYPE_DECIMAL ? SPK_SCALE_VARIES : 0 };
}
/* An array of a type without parameters (any but ARRAY and ROW); its children are static. */
struct spk_type spk_type_array(enum spk_type_id element);
extern const struct spk_schema spk_element_schema[SPK_TYPE_COUNT];  /* those children, for constant tables */
/* The array type of any element type, its children in `arena` where they cannot be static. */
spk_status spk_type_array_of(struct spk_arena *arena, struct spk_type element, struct spk_type *out, spk_error *err);
static inline struct spk_type spk_type_decimal(int precision, int scale)
{
	return (struct spk_type){ .id = SPK_TYPE_DECIMAL, .precision = (int16_t)precision, .scale = (int16_t)scale };
}

/* Bytes of one value in a vector; 0 for ROW. */
int spk_type_width(struct spk_type type);
/* True for the types whose values are struct spk_view. */
static inline bool spk_type_is_view(struct spk_type t) { return t.id == SPK_TYPE_TEXT || t.id == SPK_TYPE_BYTEA || t.id == SPK_TYPE_JSONB || t.id == SPK_TYPE_JSON || t.id == SPK_TYPE_UNKNOWN; }
static inline bool spk_type_is_json(struct spk_type t) { return t.id == SPK_TYPE_JSON || t.id == SPK_TYPE_JSONB; }
static inline bool spk_type_is_integer(struct spk_type t) { return t.id >= SPK_TYPE_SMALLINT && t.id <= SPK_TYPE_BIGINT; }
static inline bool spk_type_is_number(struct spk_type t) { return t.id >= SPK_TYPE_SMALLINT && t.id <= SPK_TYPE_DECIMAL; }
static inline bool spk_type_is_nested(struct spk_type t) { return t.id == SPK_TYPE_ARRAY || t.id == SPK_TYPE_ROW; }
static inline bool spk_type_is_map(struct spk_type t) { return t.id == SPK_TYPE_ARRAY && t.precision == SPK_ARRAY_MAP; }
/* Whether it is a map, or an element, an entry or a field of it is one, at any depth: values of such types are not compared. */
bool spk_type_has_map(struct spk_type type);
/* The element type of an array; UNKNOWN when the type has no children. */
struct spk_type spk_type_element(struct spk_type array);
bool spk_type_same(struct spk_type a, struct spk_type b);  /* id and parameters, deep */
/* "numeric(10,2)", "timestamp without time zone", "integer[]" as PostgreSQL's format_type; into out, cut to size. */
const char *spk_type_format(struct spk_type type, char *out, size_t size);
/* Index of the column of that name (exact), or -1. */
int spk_schema_find(const struct spk_schema *schema, const char *name);

#endif
