/* The pieces of protobuf messages, for those who walk over them. DATA: the message is malformed, and the cells' reason says how. */
#ifndef SPK_CONNECTORS_FORMAT_PROTOBUF_TAKE_H
#define SPK_CONNECTORS_FORMAT_PROTOBUF_TAKE_H

#include "connectors/format/protobuf.h"

/* A value as it lies on the wire: a number's bits, or bytes. */
struct value { uint64_t bits; const char *s; uint32_t n; };

static inline spk_status torn(struct spk_cells *c)
{
	return spk_cells_bad(c, "the protobuf message ends in the middle of a field, or holds a number that is too long");
}

static inline spk_status take_tag(struct spk_cells *c, struct spk_wire *in, uint32_t *number, enum spk_pb_wire *wire)
{
	uint64_t tag;

	if (!spk_wire_varint(in, &tag))
		return torn(c);
	*wire = (enum spk_pb_wire)(tag & 7);
	*number = (uint32_t)(tag >> 3);
	if (tag > UINT32_MAX || *number == 0 || *wire > SPK_PB_FIXED32)
		return spk_cells_bad(c, "the protobuf message holds a tag that is none (%llu)", (unsigned long long)tag);
	return SPK_OK;
}

/* Of any wire type but groups. */
static inline spk_status take_value(struct spk_cells *c, struct spk_wire *in, enum spk_pb_wire wire, struct value *out)
{
	uint64_t size;
	uint32_t word;

	switch (wire) {
	case SPK_PB_VARINT:
		return spk_wire_varint(in, &out->bits) ? SPK_OK : torn(c);
	case SPK_PB_FIXED64:
		return spk_wire_word(in, &out->bits, 8) ? SPK_OK : torn(c);
	case SPK_PB_FIXED32:
		if (!spk_wire_word(in, &word, 4))
			return torn(c);
		out->bits = word;
		return SPK_OK;
	default:
		if (!spk_wire_varint(in, &size) || !spk_wire_bytes(in, size, &out->s))
			return torn(c);
		out->n = (uint32_t)size;
		return SPK_OK;
	}
}

/* A field that is not known, groups with all that is in them. */
static inline spk_status skip_field(struct spk_cells *c, struct spk_wire *in, uint32_t number, enum spk_pb_wire wire)
{
	uint32_t open[SPK_CELL_DEPTH];
	struct value v;
	int depth = 0;

	for (;;) {
		if (wire == SPK_PB_START_GROUP) {
			if (depth == SPK_CELL_DEPTH)
				return spk_cells_bad(c, "the protobuf message is nested more than %d deep", SPK_CELL_DEPTH);
			open[depth++] = number;
		} else if (wire == SPK_PB_END_GROUP) {
			if (!depth || open[--depth] != number)
				return spk_cells_bad(c, "the protobuf message ends a group that it did not begin");
		} else {
			SPK_TRY(take_value(c, in, wire, &v));
		}
		if (!depth)
			return SPK_OK;
		SPK_TRY(take_tag(c, in, &number, &wire));
	}
}

/* The number that the bits on the wire are; of an unsigned one beyond 2^63 *large is set. */
static inline int64_t integer_of(enum spk_pb_kind kind, uint64_t bits, bool *large)
{
	*large = (kind == SPK_PB_UINT64 || kind == SPK_PB_FIXED64K) && bits > INT64_MAX;
	switch (kind) {
	case SPK_PB_INT32: case SPK_PB_ENUM: case SPK_PB_SFIXED32: return (int32_t)bits;
	case SPK_PB_UINT32: case SPK_PB_FIXED32K: return (uint32_t)bits;
	case SPK_PB_SINT32: return (int32_t)spk_wire_unzigzag((uint32_t)bits);
	case SPK_PB_SINT64: return spk_wire_unzigzag(bits);
	case SPK_PB_BOOL: return bits != 0;
	default: return (int64_t)bits;
	}
}

static inline double double_of(enum spk_pb_kind kind, uint64_t bits)
{
	uint32_t word = (uint32_t)bits;
	double d;
	float f;

	if (kind == SPK_PB_FLOAT) {
		memcpy(&f, &word, sizeof(f));
		return (double)f;
	}
	memcpy(&d, &bits, sizeof(d));
	return d;
}

/* Whether a value on the wire is one of the field, or many of them at once (*packed). What is neither is as good as unknown. */
static inline bool wire_fits(const struct spk_pb_field *f, enum spk_pb_wire wire, bool *packed)
{
	*packed = f->repeated && wire == SPK_PB_BYTES && f->wire != SPK_PB_BYTES && f->wire != SPK_PB_START_GROUP;
	return SPK_LIKELY(wire == f->wire && wire != SPK_PB_START_GROUP) || *packed;
}

/* Microseconds of a google.protobuf.Timestamp; false: out of range. */
spk_status spk_pb_timestamp(struct spk_cells *c, struct spk_wire in, int64_t *us, bool *fits);
/* Checks a message that goes nowhere. */
spk_status spk_pb_check(struct spk_cells *c, struct spk_wire in, const struct spk_pb_message *m, int depth, spk_error *err);
/* All occurrences of a field that is a message, as if they were one: the bytes of those that there are, one behind the other. */
spk_status spk_pb_gather(struct spk_cells *c, struct spk_wire in, const struct spk_pb_field *f, struct spk_wire *out, spk_error *err);

#endif
