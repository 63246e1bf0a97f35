/* Steps: what avro_resolve.c says and avro_decode.c does. */
#ifndef SPK_CONNECTORS_FORMAT_AVRO_STEP_H
#define SPK_CONNECTORS_FORMAT_AVRO_STEP_H

#include "connectors/format/avro.h"

enum spk_avro_op {
	SPK_AVRO_OP_NEVER,       /* the schemas do not fit here: `why` */
	SPK_AVRO_OP_NULL, SPK_AVRO_OP_BOOLEAN, SPK_AVRO_OP_INT, SPK_AVRO_OP_LONG,
	SPK_AVRO_OP_INTEGER,     /* int or long into another kind of number */
	SPK_AVRO_OP_SCALED,      /* int or long times `factor`, or divided by it when negative: times of any unit */
	SPK_AVRO_OP_FLOAT, SPK_AVRO_OP_FLOAT_DOUBLE, SPK_AVRO_OP_DOUBLE, SPK_AVRO_OP_TEXT, SPK_AVRO_OP_BYTES, SPK_AVRO_OP_ENUM, SPK_AVRO_OP_UUID, SPK_AVRO_OP_DECIMAL,
	SPK_AVRO_OP_DURATION, SPK_AVRO_OP_JSON, SPK_AVRO_OP_JSON_TEXT, SPK_AVRO_OP_ARRAY, SPK_AVRO_OP_RECORD, SPK_AVRO_OP_UNION,
};

struct spk_avro_step {
	enum spk_avro_op op;
	const struct spk_avro_type *from;
	const struct spk_avro_type *optional;  /* the union of `from` and null that the value is in; else NULL */
	const char *name;                /* of the place, for messages: "address.street" */
	const char *why;                 /* NEVER */
	int64_t factor;                  /* SCALED */
	struct spk_avro_step *step;      /* array: of its items; record: by field; union: by branch */
	int *to;                         /* record: by field, the child (column) it goes to, -1: it is skipped */
	struct spk_avro_fill *fill;      /* record: children that no field goes to */
	int fills;
};

/* What such a child is: a default, as a datum of the reader's type, or NULL (datum NULL). */
struct spk_avro_fill { int to; const char *datum; size_t size; struct spk_avro_step step; };

struct spk_avro_program {
	struct spk_avro_step root;
	const bool *skip;                /* by column of the batch */
	const struct spk_avro_type *wrapped;   /* the row is in a union with null; else NULL */
	bool plain;                      /* the datum is no record but the value of the one column `column` (-1: not read) */
	int column;
};

#endif
