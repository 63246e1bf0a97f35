/* How the columns of an imported Arrow schema lie in memory. Not for other folders. */
#ifndef SPK_CORE_COLUMNAR_ARROW_FORMAT_H
#define SPK_CORE_COLUMNAR_ARROW_FORMAT_H

#include "core/columnar/arrow_c.h"

/* How a format's values become ours. */
enum arrow_read {
	READ_NOTHING,       /* the null type */
	READ_SAME,          /* a copy of bytes */
	READ_BITS,
	READ_I8, READ_U8, READ_U16, READ_U32, READ_U64, READ_HALF,
	READ_DECIMAL,       /* of `width` bytes */
	READ_BYTES32,       /* 32-bit offsets */
	READ_BYTES64,
	READ_BYTES_VIEW,
	READ_BYTES_FIXED,   /* of `width` bytes */
	READ_UUID,          /* 16 bytes */
	READ_DAYS64,        /* milliseconds to days */
	READ_TIME32,        /* times `unit`, from 32 bits */
	READ_TIME64,        /* times `unit`, or by -`unit` when that is negative */
	READ_MONTHS, READ_DAY_TIME, READ_MONTH_DAY_NANO,
	READ_DURATION,      /* `unit` as for TIME64 */
	READ_LIST32,        /* 32-bit offsets, one child */
	READ_LIST64,
	READ_LIST_FIXED,    /* of `width` elements */
	READ_STRUCT,        /* children of the same rows */
};

struct arrow_format {
	enum arrow_read read;
	struct spk_type type;              /* ours */
	int64_t unit;
	int width;
	const struct arrow_format *index;  /* dictionary: the format of the indices; the others are the values' */
	struct arrow_format *child;        /* as many as type.children has fields */
};

/* What spk_arrow_import_schema makes: the schema it hands out lies at the end of this. */
struct arrow_schema {
	uint64_t magic;                    /* ARROW_SCHEMA_MAGIC */
	struct arrow_format *column;
	struct spk_schema schema;
};

#define ARROW_SCHEMA_MAGIC UINT64_C(0x5b41727253706b6c)

#endif
