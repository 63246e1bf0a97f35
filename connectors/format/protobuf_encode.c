/*
 * Columns into protobuf messages: fields in the order of their numbers, what is NULL left out, and what is the default of a field that cannot say
 * whether it is there. The length of a message within another stands before it: a byte is left for it, and more made room for where it needs them.
 */
#include "connectors/format/protobuf.h"

#include "core/columnar/decimal.h"

struct part {
	const struct spk_pb_field *field;
	int from;                     /* column or child, -1: there is none */
	struct spk_type type;         /* of an array: of its elements */
	bool array;
	const char *name;
	struct part *part;            /* message: by field */
};

struct spk_pb_writer { const struct spk_pb_message *message; struct part *part; const char *null_text; };

struct making { struct spk_arena *arena; const char *table; };

static spk_status make_parts(struct making *m, const struct spk_pb_message *message, const struct spk_schema *columns, const char *path, struct part **out, spk_error *err);

/* --- fitting --- */

static bool fits(const struct spk_pb_field *f, struct spk_type from)
{
	switch (f->kind) {
	case SPK_PB_BOOL: return from.id == SPK_TYPE_BOOLEAN;
	case SPK_PB_FLOAT: return from.id == SPK_TYPE_REAL;
	case SPK_PB_DOUBLE: return from.id == SPK_TYPE_REAL || from.id == SPK_TYPE_DOUBLE;
	case SPK_PB_STRING: return from.id == SPK_TYPE_TEXT || spk_type_is_json(from);
	case SPK_PB_BYTESK: return from.id == SPK_TYPE_BYTEA;
	case SPK_PB_ENUM: return from.id == SPK_TYPE_TEXT || from.id == SPK_TYPE_INTEGER;
	case SPK_PB_INT64: case SPK_PB_SINT64: case SPK_PB_SFIXED64: return spk_type_is_integer(from);
	case SPK_PB_UINT64: case SPK_PB_FIXED64K: return spk_type_is_integer(from) || from.id == SPK_TYPE_DECIMAL;
	case SPK_PB_UINT32: case SPK_PB_FIXED32K: return spk_type_is_integer(from);
	case SPK_PB_INT32: case SPK_PB_SINT32: case SPK_PB_SFIXED32: return from.id == SPK_TYPE_SMALLINT || from.id == SPK_TYPE_INTEGER;
	case SPK_PB_MESSAGE: return f->message->timestamp && (from.id == SPK_TYPE_TIMESTAMP || from.id == SPK_TYPE_TIMESTAMPTZ);
	default: return false;
	}
}

static spk_status misfit(struct making *m, const struct spk_pb_field *f, struct spk_type from, const char *name, spk_error *err)
{
	char text[64];

	return spk_fail(err, SPK_USAGE, "table \"%s\": column \"%s\" of type %s cannot be written as the protobuf field \"%s\" of type %s%s", m->table, name,
	                spk_type_format(from, text, sizeof(text)), f->name, f->repeated ? "repeated " : "", spk_pb_kind_name(f));
}

static spk_status make_part(struct making *m, const struct spk_pb_field *f, struct spk_type from, struct part *out, spk_error *err)
{
	out->array = from.id == SPK_TYPE_ARRAY;
	out->type = out->array ? spk_type_element(from) : from;
	if (out->array != f->repeated || spk_type_is_map(from) || (f->message && f->message->map_entry))
		return misfit(m, f, from, out->name, err);
	if (f->kind == SPK_PB_MESSAGE && out->type.id == SPK_TYPE_ROW)
		return make_parts(m, f->message, out->type.children, out->name, &out->part, err);
	return spk_type_is_nested(out->type) || !fits(f, out->type) ? misfit(m, f, from, out->name, err) : SPK_OK;
}

static spk_status make_parts(struct making *m, const struct spk_pb_message *message, const struct spk_schema *columns, const char *path, struct part **out, spk_error *err)
{
	struct part *part = SPK_NEW_ARRAY(m->arena, struct part, message->count + 1);

	SPK_TRY_PTR(part, err);
	for (int i = 0; i < message->count; i++)
		part[i] = (struct part){ .field = &message->field[i], .from = -1, .name = message->field[i].name };
	for (int c = 0; c < columns->count; c++) {
		const struct spk_field *column = &columns->field[c];
		const struct spk_pb_field *f = spk_pb_find_name(message, column->name);
		struct part *p = f ? &part[f - message->field] : NULL;

		if (!f || p->from >= 0)
			return spk_fail(err, SPK_USAGE, f ? "table \"%s\": two columns are the field for column \"%s\" of the protobuf message %s" : "table \"%s\": there is no field for column \"%s\" in the protobuf message %s", m->table, column->name, message->name);
		p->from = c;
		p->name = *path ? spk_arena_printf(m->arena, "%s.%s", path, column->name) : spk_arena_strdup(m->arena, column->name);
		SPK_TRY_PTR(p->name, err);
		SPK_TRY(make_part(m, f, column->type, p, err));
	}
	for (int i = 0; i < message->count; i++)
		if (part[i].from < 0 && message->field[i].required)
			return spk_fail(err, SPK_USAGE, "table \"%s\": the protobuf field \"%s\" is required, and there is no column for it", m->table, message->field[i].name);
	*out = part;
	return SPK_OK;
}

spk_status spk_pb_writer(struct spk_arena *arena, const struct spk_pb_message *m, const struct spk_schema *columns, const char *table, const char *null_text, const struct spk_pb_writer **out, spk_error *err)
{
	struct making making = { arena, table };
	struct spk_pb_writer *w = SPK_NEW(arena, struct spk_pb_writer);

	SPK_TRY_PTR(w, err);
	w->message = m;
	w->null_text = spk_arena_strdup(arena, null_text);
	SPK_TRY_PTR(w->null_text, err);
	SPK_TRY(make_parts(&making, m, columns, "", &w->part, err));
	*out = w;
	return SPK_OK;
}

/* --- values --- */

struct writing { const struct spk_pb_writer *w; struct spk_buffer *out; spk_error *err; };

static spk_status put_parts(struct writing *x, const struct part *part, int count, const struct spk_vector *child, int row);

static spk_status no_room(struct writing *x, const struct part *p, const char *why)
{
	return spk_fail(x->err, SPK_DATA, "column \"%s\" has a value that the protobuf field \"%s\" of type %s has no room for: %s", p->name, p->field->name, spk_pb_kind_name(p->field), why);
}

static spk_status put_varint(struct writing *x, uint64_t v)
{
	SPK_TRY(spk_buffer_reserve(x->out, SPK_VARINT_MAX, x->err));
	x->out->size = (size_t)(spk_wire_put_varint(x->out->data + x->out->size, v) - x->out->data);
	return SPK_OK;
}

static spk_status put_tag(struct writing *x, const struct part *p, enum spk_pb_wire wire)
{
	return put_varint(x, (uint64_t)p->field->number << 3 | wire);
}

static spk_status put_bytes(struct writing *x, const char *s, size_t n)
{
	SPK_TRY(put_varint(x, n));
	return spk_buffer_append(x->out, s, n, x->err);
}

/* Puts the length of what was written since `at` before it; a byte for it is there. */
static spk_status close_length(struct writing *x, size_t at)
{
	char length[SPK_VARINT_MAX];
	size_t n = x->out->size - at, bytes = (size_t)(spk_wire_put_varint(length, n) - length);

	SPK_TRY(spk_buffer_reserve(x->out, bytes, x->err));
	memmove(x->out->data + at + bytes - 1, x->out->data + at, n);
	memcpy(x->out->data + at - 1, length, bytes);
	x->out->size += bytes - 1;
	return SPK_OK;
}

static spk_status open_length(struct writing *x, size_t *at)
{
	SPK_TRY(spk_buffer_append(x->out, "", 1, x->err));
	*at = x->out->size;
	return SPK_OK;
}

/* The bits of a number as they go on the wire. */
static spk_status integer_bits(struct writing *x, const struct part *p, const void *slot, uint64_t *out)
{
	enum spk_pb_kind kind = p->field->kind;
	spk_int128 v, m;
	int scale;

	switch (p->type.id) {
	case SPK_TYPE_SMALLINT: v = *(const int16_t *)slot; break;
	case SPK_TYPE_INTEGER: v = *(const int32_t *)slot; break;
	case SPK_TYPE_BIGINT: v = *(const int64_t *)slot; break;
	default:
		spk_decimal_unpack(p->type, *(const spk_int128 *)slot, &m, &scale);
		if (spk_decimal_is_special(m) || !spk_decimal_rescale(m, scale, 0, &v) || spk_decimal_compare(v, 0, m, scale) != 0)
			return no_room(x, p, "not whole, or not finite");
	}
	if ((kind == SPK_PB_UINT32 || kind == SPK_PB_FIXED32K) && (v < 0 || v > UINT32_MAX))
		return no_room(x, p, "out of range");
	if ((kind == SPK_PB_UINT64 || kind == SPK_PB_FIXED64K) && (v < 0 || v > UINT64_MAX))
		return no_room(x, p, "out of range");
	*out = kind == SPK_PB_SINT32 || kind == SPK_PB_SINT64 ? spk_wire_zigzag((int64_t)v) : (uint64_t)v;
	return SPK_OK;
}

static spk_status enum_bits(struct writing *x, const struct part *p, const void *slot, uint64_t *out)
{
	const struct spk_view *v = slot;
	int32_t number = p->type.id == SPK_TYPE_INTEGER ? *(const int32_t *)slot : 0;

	if (p->type.id == SPK_TYPE_TEXT && !spk_pb_number(p->field->symbols, spk_view_data(v), v->length, &number))
		return no_room(x, p, "it is none of its symbols");
	*out = (uint64_t)(int64_t)number;
	return SPK_OK;
}

static spk_status number_bits(struct writing *x, const struct part *p, const void *slot, uint64_t *out)
{
	double d;

	switch (p->field->kind) {
	case SPK_PB_BOOL:
		*out = *(const uint8_t *)slot;
		return SPK_OK;
	case SPK_PB_FLOAT:
		*out = 0;
		memcpy(out, slot, 4);
		return SPK_OK;
	case SPK_PB_DOUBLE:
		d = p->type.id == SPK_TYPE_REAL ? (double)*(const float *)slot : *(const double *)slot;
		memcpy(out, &d, sizeof(d));
		return SPK_OK;
	case SPK_PB_ENUM: return enum_bits(x, p, slot, out);
	default: return integer_bits(x, p, slot, out);
	}
}

static spk_status put_bits(struct writing *x, enum spk_pb_wire wire, uint64_t bits)
{
	if (wire == SPK_PB_VARINT)
		return put_varint(x, bits);
	return spk_buffer_append(x->out, &bits, wire == SPK_PB_FIXED64 ? 8 : 4, x->err);
}

static spk_status put_timestamp(struct writing *x, const struct part *p, int64_t us)
{
	int64_t seconds = us / 1000000 - (us % 1000000 < 0);
	int64_t nanos = (us - seconds * 1000000) * 1000;
	size_t at;

	if (us == INT64_MAX || us == INT64_MIN)
		return no_room(x, p, "infinity");
	SPK_TRY(open_length(x, &at));
	if (seconds) {
		SPK_TRY(put_varint(x, 1 << 3));
		SPK_TRY(put_varint(x, (uint64_t)seconds));
	}
	if (nanos) {
		SPK_TRY(put_varint(x, 2 << 3));
		SPK_TRY(put_varint(x, (uint64_t)nanos));
	}
	return close_length(x, at);
}

/* A value that is not a number: behind its tag. NULL `slot`: what stands for NULL within an array. */
static spk_status put_long(struct writing *x, const struct part *p, const struct spk_vector *v, const void *slot, int row)
{
	const struct spk_view *view = slot;
	size_t at;

	SPK_TRY(put_tag(x, p, SPK_PB_BYTES));
	if (!slot)
		return p->field->kind == SPK_PB_STRING ? put_bytes(x, x->w->null_text, strlen(x->w->null_text)) : put_bytes(x, "", 0);
	if (p->field->kind != SPK_PB_MESSAGE)
		return put_bytes(x, spk_view_data(view), view->length);
	if (!p->part)
		return put_timestamp(x, p, *(const int64_t *)slot);
	SPK_TRY(open_length(x, &at));
	SPK_TRY(put_parts(x, p->part, p->field->message->count, spk_vector_children(v), row));
	return close_length(x, at);
}

static const void *slot_of(const struct part *p, const struct spk_reader *r, uint32_t slot)
{
	return p->part ? (const void *)r : (const char *)r->data + (size_t)slot * (size_t)spk_type_width(p->type);
}

static spk_status put_array(struct writing *x, const struct part *p, const struct spk_vector *v, const int32_t *offset)
{
	const struct spk_vector *child = spk_vector_children(v);
	struct spk_reader r = spk_vector_reader(child);
	enum spk_pb_wire wire = p->field->wire;
	size_t at = 0;

	if (offset[0] == offset[1])
		return SPK_OK;
	if (p->field->packed) {
		SPK_TRY(put_tag(x, p, SPK_PB_BYTES));
		SPK_TRY(open_length(x, &at));
	}
	for (int32_t i = offset[0]; i < offset[1]; i++) {
		uint32_t slot = spk_reader_slot(&r, i);
		bool null = !spk_reader_valid(&r, slot);
		uint64_t bits = p->field->default_bits;

		if (wire == SPK_PB_BYTES) {
			SPK_TRY(put_long(x, p, child, null ? NULL : slot_of(p, &r, slot), (int)slot));
			continue;
		}
		if (!null)
			SPK_TRY(number_bits(x, p, slot_of(p, &r, slot), &bits));
		if (!p->field->packed)
			SPK_TRY(put_tag(x, p, wire));
		SPK_TRY(put_bits(x, wire, bits));
	}
	return p->field->packed ? close_length(x, at) : SPK_OK;
}

static spk_status put_one(struct writing *x, const struct part *p, const struct spk_vector *v, const struct spk_reader *r, uint32_t slot)
{
	enum spk_pb_wire wire = p->field->wire;
	const void *value = slot_of(p, r, slot);
	uint64_t bits;

	if (wire == SPK_PB_BYTES) {
		bool empty = p->field->kind != SPK_PB_MESSAGE && ((const struct spk_view *)value)->length == 0;

		return empty && !p->field->presence ? SPK_OK : put_long(x, p, v, value, (int)slot);
	}
	SPK_TRY(number_bits(x, p, value, &bits));
	if (!bits && !p->field->presence)
		return SPK_OK;
	SPK_TRY(put_tag(x, p, wire));
	return put_bits(x, wire, bits);
}

static spk_status put_part(struct writing *x, const struct part *p, const struct spk_vector *v, int row)
{
	struct spk_reader r = spk_vector_reader(v);
	uint32_t slot = spk_reader_slot(&r, row);

	if (!spk_reader_valid(&r, slot)) {
		if (!p->field->required)
			return SPK_OK;
		return spk_fail(x->err, SPK_DATA, "column \"%s\" is NULL, but the protobuf field \"%s\" is required", p->name, p->field->name);
	}
	return p->array ? put_array(x, p, v, (const int32_t *)r.data + slot) : put_one(x, p, v, &r, slot);
}

static spk_status put_parts(struct writing *x, const struct part *part, int count, const struct spk_vector *child, int row)
{
	for (int i = 0; i < count; i++)
		if (part[i].from >= 0)
			SPK_TRY(put_part(x, &part[i], &child[part[i].from], row));
	return SPK_OK;
}

spk_status spk_pb_write(const struct spk_pb_writer *w, const struct spk_batch *batch, int row, struct spk_buffer *out, spk_error *err)
{
	struct writing x = { w, out, err };

	return put_parts(&x, w->part, w->message->count, batch->column, row);
}
