/* Columns into Avro data: a schema's fields by name from columns, which must fit them; a value at a time, appended to a buffer. */
#include "connectors/format/avro.h"

#include <stdio.h>

#include "core/columnar/decimal.h"

/* What is written for one value of a type. */
struct part {
	const struct spk_avro_type *type;   /* the union, where there is one */
	const struct spk_avro_type *as;     /* what the value is written as: the type, or its branch */
	const char *name;                   /* of the column or its part, for messages */
	int null, branch;                   /* of the union; null -1: it has none */
	struct spk_type from;
	int *child;                         /* record: by field, the column it comes from; -1: `datum` */
	struct part *part;                  /* record: by field; array: of its elements */
	struct spk_view *datum;             /* record: by field */
};

struct spk_avro_writer { struct part root; bool plain; };

struct making { struct spk_arena *arena; const char *table; };

static spk_status make(struct making *m, const struct spk_avro_type *type, struct spk_type from, const char *name, struct part *out, bool *fits, spk_error *err);

/* --- fitting --- */

static bool fits_logical(const struct spk_avro_type *type, struct spk_type from)
{
	bool stamp = from.id == SPK_TYPE_TIMESTAMP, zoned = from.id == SPK_TYPE_TIMESTAMPTZ;

	switch (type->logical) {
	case SPK_AVRO_DECIMAL: return from.id == SPK_TYPE_DECIMAL && type->scale <= SPK_DECIMAL_DIGITS && (from.scale < 0 || from.scale <= type->scale);
	case SPK_AVRO_DATE: return from.id == SPK_TYPE_DATE;
	case SPK_AVRO_TIME_MILLIS: case SPK_AVRO_TIME_MICROS: return from.id == SPK_TYPE_TIME;
	case SPK_AVRO_TIMESTAMP_MILLIS: case SPK_AVRO_TIMESTAMP_MICROS: case SPK_AVRO_TIMESTAMP_NANOS: return stamp || zoned;
	case SPK_AVRO_LOCAL_MILLIS: case SPK_AVRO_LOCAL_MICROS: case SPK_AVRO_LOCAL_NANOS: return stamp;
	case SPK_AVRO_DURATION: return from.id == SPK_TYPE_INTERVAL;
	default: return from.id == SPK_TYPE_TEXT && type->kind == SPK_AVRO_STRING;   /* uuid */
	}
}

static bool fits_scalar(const struct spk_avro_type *type, struct spk_type from)
{
	if (type->logical)
		return fits_logical(type, from);
	switch (type->kind) {
	case SPK_AVRO_BOOLEAN: return from.id == SPK_TYPE_BOOLEAN;
	case SPK_AVRO_INT: return from.id == SPK_TYPE_SMALLINT || from.id == SPK_TYPE_INTEGER;
	case SPK_AVRO_LONG: return spk_type_is_integer(from);
	case SPK_AVRO_FLOAT: return from.id == SPK_TYPE_REAL || from.id == SPK_TYPE_SMALLINT;
	case SPK_AVRO_DOUBLE: return from.id == SPK_TYPE_REAL || from.id == SPK_TYPE_DOUBLE || from.id == SPK_TYPE_SMALLINT || from.id == SPK_TYPE_INTEGER;
	case SPK_AVRO_STRING: return from.id == SPK_TYPE_TEXT || spk_type_is_json(from);
	case SPK_AVRO_ENUM: return from.id == SPK_TYPE_TEXT;
	case SPK_AVRO_BYTES: case SPK_AVRO_FIXED: return from.id == SPK_TYPE_BYTEA;
	default: return false;
	}
}

static spk_status misfit(struct making *m, const struct spk_avro_type *type, struct spk_type from, const char *name, spk_error *err)
{
	char avro[128], text[64];

	return spk_fail(err, SPK_USAGE, "table \"%s\": column \"%s\" of type %s cannot be written as the Avro schema's %s", m->table, name,
	                spk_type_format(from, text, sizeof(text)), spk_avro_type_format(type, avro, sizeof(avro)));
}

/* --- records --- */

/* A field that no column fills: its default. */
static spk_status make_default(struct making *m, const struct spk_avro_field *f, struct spk_view *out, spk_error *err)
{
	struct spk_buffer datum = { 0 };
	spk_status status;
	char *copy;

	if (!f->by_default) {
		spk_fail(err, SPK_USAGE, "table \"%s\": the Avro schema's field \"%s\" has no column, and no default", m->table, f->name);
		return spk_hint(err, "add the column, or give the field a default");
	}
	status = spk_avro_default(f->type, f->by_default, &datum, err);
	if (status == SPK_DATA && err)
		err->code = status = SPK_USAGE;
	copy = status == SPK_OK ? spk_arena_copy(m->arena, datum.data ? datum.data : "", datum.size) : NULL;
	if (status == SPK_OK && !copy)
		status = spk_fail_memory(err);
	*out = status == SPK_OK ? spk_view(copy, (uint32_t)datum.size) : (struct spk_view){ 0 };
	spk_buffer_release(&datum);
	return status;
}

static const char *column_name(const void *user, int i)
{
	return ((const struct spk_schema *)user)->field[i].name;
}

static spk_status make_record(struct making *m, const struct spk_avro_type *type, const struct spk_schema *columns, const char *name, struct part *out, spk_error *err)
{
	int used = 0;

	out->part = SPK_NEW_ARRAY(m->arena, struct part, type->count + 1);
	out->child = SPK_NEW_ARRAY(m->arena, int, type->count + 1);
	out->datum = SPK_NEW_ARRAY(m->arena, struct spk_view, type->count + 1);
	SPK_TRY_PTR(out->part && out->child && out->datum, err);
	for (int i = 0; i < type->count; i++) {
		const struct spk_avro_field *f = &type->field[i];
		int c = spk_find_field(f->name, columns->count, column_name, columns);
		const char *path;
		bool fits;

		out->child[i] = c;
		if (c < 0) {
			SPK_TRY(make_default(m, f, &out->datum[i], err));
			continue;
		}
		used++;
		path = *name ? spk_arena_printf(m->arena, "%s.%s", name, columns->field[c].name) : spk_arena_strdup(m->arena, columns->field[c].name);
		SPK_TRY_PTR(path, err);
		SPK_TRY(make(m, f->type, columns->field[c].type, path, &out->part[i], &fits, err));
		if (!fits)
			return misfit(m, f->type, columns->field[c].type, path, err);
	}
	for (int c = 0; used != columns->count && c < columns->count; c++) {
		if (spk_avro_find(type, columns->field[c].name) >= 0)
			continue;
		spk_fail(err, SPK_USAGE, "table \"%s\": the Avro schema has no field for column \"%s\"", m->table, columns->field[c].name);
		return spk_hint(err, "add the field, or leave the column out");
	}
	return SPK_OK;
}

/* --- all --- */

static spk_status make_union(struct making *m, const struct spk_avro_type *type, struct spk_type from, const char *name, struct part *out, bool *fits, spk_error *err)
{
	for (int i = 0; i < type->count; i++) {
		if (type->item[i]->kind == SPK_AVRO_NULL)
			continue;
		SPK_TRY(make(m, type->item[i], from, name, out, fits, err));
		if (!*fits)
			continue;
		out->type = type;
		out->branch = i;
		out->null = spk_avro_null_branch(type);
		return SPK_OK;
	}
	*fits = false;
	return SPK_OK;
}

static spk_status make(struct making *m, const struct spk_avro_type *type, struct spk_type from, const char *name, struct part *out, bool *fits, spk_error *err)
{
	if (type->kind == SPK_AVRO_UNION)
		return make_union(m, type, from, name, out, fits, err);
	*out = (struct part){ .type = type, .as = type, .name = name, .null = -1, .from = from };
	*fits = true;
	if (type->kind == SPK_AVRO_RECORD && from.id == SPK_TYPE_ROW)
		return make_record(m, type, from.children, name, out, err);
	if (type->kind == SPK_AVRO_ARRAY && from.id == SPK_TYPE_ARRAY && !spk_type_is_map(from)) {
		out->part = SPK_NEW(m->arena, struct part);
		SPK_TRY_PTR(out->part, err);
		return make(m, type->item[0], spk_type_element(from), name, out->part, fits, err);
	}
	*fits = !spk_type_is_nested(from) && fits_scalar(type, from);
	return SPK_OK;
}

spk_status spk_avro_writer(struct spk_arena *arena, const struct spk_avro_type *schema, const struct spk_schema *columns, const char *table, const struct spk_avro_writer **out, spk_error *err)
{
	struct making m = { arena, table };
	struct spk_avro_writer *w = SPK_NEW(arena, struct spk_avro_writer);
	bool fits;

	SPK_TRY_PTR(w, err);
	*out = w;
	if (schema->kind == SPK_AVRO_RECORD) {
		w->root = (struct part){ .type = schema, .as = schema, .name = "", .null = -1 };
		return make_record(&m, schema, columns, "", &w->root, err);
	}
	w->plain = true;
	if (columns->count != 1)
		return spk_fail(err, SPK_USAGE, "table \"%s\": the Avro schema is no record, which takes one column, not %d", table, columns->count);
	SPK_TRY(make(&m, schema, columns->field[0].type, columns->field[0].name, &w->root, &fits, err));
	return fits ? SPK_OK : misfit(&m, schema, columns->field[0].type, columns->field[0].name, err);
}

/* --- values --- */

static spk_status put(const struct part *p, const struct spk_vector *v, int row, struct spk_buffer *out, spk_error *err);

static inline void put_long(struct spk_buffer *out, int64_t v)
{
	out->size = (size_t)(spk_wire_put_varint(out->data + out->size, spk_wire_zigzag(v)) - out->data);
}

static spk_status put_bytes(struct spk_buffer *out, bool fixed, const char *s, size_t n, spk_error *err)
{
	SPK_TRY(spk_buffer_reserve(out, n + SPK_VARINT_MAX, err));
	if (!fixed)
		put_long(out, (int64_t)n);
	if (n)
		memcpy(out->data + out->size, s, n);
	out->size += n;
	return SPK_OK;
}

static spk_status no_room(const struct part *p, const char *why, spk_error *err)
{
	char avro[128];

	return spk_fail(err, SPK_DATA, "column \"%s\" has a value that the Avro schema's %s has no room for: %s", p->name, spk_avro_type_format(p->as, avro, sizeof(avro)), why);
}

/* Big-endian, as few bytes as hold the sign, or as many as a fixed has. */
static spk_status put_decimal(const struct part *p, spk_int128 stored, struct spk_buffer *out, spk_error *err)
{
	uint8_t bytes[16];
	spk_int128 m, scaled;
	int scale, first = 0, size = p->as->size;
	char sign;

	spk_decimal_unpack(p->from, stored, &m, &scale);
	if (spk_decimal_is_special(m) || !spk_decimal_rescale(m, scale, p->as->scale, &scaled) || spk_decimal_compare(scaled, p->as->scale, m, scale) != 0 || spk_decimal_digits(scaled) > p->as->precision)
		return no_room(p, "too many digits, or not finite", err);
	for (int i = 0; i < 16; i++)
		bytes[i] = (uint8_t)(scaled >> 8 * (15 - i));
	sign = scaled < 0 ? -1 : 0;
	while (first < 15 && bytes[first] == (uint8_t)sign && (bytes[first + 1] & 0x80) == (bytes[first] & 0x80))
		first++;
	if (p->as->kind != SPK_AVRO_FIXED)
		return put_bytes(out, false, (const char *)bytes + first, (size_t)(16 - first), err);
	if (size < 16 - first)
		return no_room(p, "too few bytes", err);
	SPK_TRY(spk_buffer_reserve(out, (size_t)size, err));
	memset(out->data + out->size, sign, (size_t)size);
	memcpy(out->data + out->size + size - (16 - first), bytes + first, (size_t)(16 - first));
	out->size += (size_t)size;
	return SPK_OK;
}

static spk_status put_time(const struct part *p, int64_t us, struct spk_buffer *out, spk_error *err)
{
	int64_t v = us;

	if (us == INT64_MAX || us == INT64_MIN)
		return no_room(p, "infinity", err);
	switch (p->as->logical) {
	case SPK_AVRO_TIME_MILLIS: case SPK_AVRO_TIMESTAMP_MILLIS: case SPK_AVRO_LOCAL_MILLIS:
		v = us / 1000 - (us % 1000 < 0);
		break;
	case SPK_AVRO_TIMESTAMP_NANOS: case SPK_AVRO_LOCAL_NANOS:
		if (__builtin_mul_overflow(us, 1000, &v))
			return no_room(p, "out of range", err);
		break;
	default:
		break;
	}
	SPK_TRY(spk_buffer_reserve(out, SPK_VARINT_MAX, err));
	put_long(out, v);
	return SPK_OK;
}

static spk_status put_duration(const struct part *p, const struct spk_interval *i, struct spk_buffer *out, spk_error *err)
{
	uint32_t part[3] = { (uint32_t)i->months, (uint32_t)i->days, (uint32_t)(i->micros / 1000) };

	if (i->months < 0 || i->days < 0 || i->micros < 0 || i->micros / 1000 > UINT32_MAX || i->micros % 1000)
		return no_room(p, "negative, too long, or finer than milliseconds", err);
	return spk_buffer_append(out, part, sizeof(part), err);
}

static int64_t integer_of(struct spk_type type, const void *slot)
{
	switch (type.id) {
	case SPK_TYPE_SMALLINT: return *(const int16_t *)slot;
	case SPK_TYPE_INTEGER: case SPK_TYPE_DATE: return *(const int32_t *)slot;
	default: return *(const int64_t *)slot;
	}
}

static spk_status put_float(const struct part *p, const void *slot, struct spk_buffer *out, spk_error *err)
{
	double d = p->from.id == SPK_TYPE_DOUBLE ? *(const double *)slot : p->from.id == SPK_TYPE_REAL ? (double)*(const float *)slot : (double)integer_of(p->from, slot);
	float f = (float)d;

	return p->as->kind == SPK_AVRO_FLOAT ? spk_buffer_append(out, &f, sizeof(f), err) : spk_buffer_append(out, &d, sizeof(d), err);
}

static spk_status put_view(const struct part *p, const struct spk_view *v, struct spk_buffer *out, spk_error *err)
{
	int symbol;

	if (p->as->kind == SPK_AVRO_ENUM) {
		symbol = spk_avro_symbol(p->as, spk_view_data(v), v->length);
		if (symbol < 0)
			return no_room(p, "it is none of its symbols", err);
		SPK_TRY(spk_buffer_reserve(out, SPK_VARINT_MAX, err));
		put_long(out, symbol);
		return SPK_OK;
	}
	if (p->as->kind == SPK_AVRO_FIXED && v->length != (uint32_t)p->as->size)
		return no_room(p, "another number of bytes", err);
	return put_bytes(out, p->as->kind == SPK_AVRO_FIXED, spk_view_data(v), v->length, err);
}

static spk_status put_scalar(const struct part *p, const void *slot, struct spk_buffer *out, spk_error *err)
{
	if (p->as->logical == SPK_AVRO_DECIMAL)
		return put_decimal(p, *(const spk_int128 *)slot, out, err);
	if (p->as->logical == SPK_AVRO_DURATION)
		return put_duration(p, slot, out, err);
	if (p->as->logical && p->as->logical != SPK_AVRO_DATE && p->as->logical != SPK_AVRO_UUID)
		return put_time(p, *(const int64_t *)slot, out, err);
	switch (p->as->kind) {
	case SPK_AVRO_BOOLEAN:
		return spk_buffer_append(out, slot, 1, err);
	case SPK_AVRO_INT: case SPK_AVRO_LONG:
		SPK_TRY(spk_buffer_reserve(out, SPK_VARINT_MAX, err));
		put_long(out, integer_of(p->from, slot));
		return SPK_OK;
	case SPK_AVRO_FLOAT: case SPK_AVRO_DOUBLE:
		return put_float(p, slot, out, err);
	default:
		return put_view(p, slot, out, err);
	}
}

/* --- parts --- */

static spk_status put_array(const struct part *p, const struct spk_vector *v, uint32_t slot, struct spk_buffer *out, spk_error *err)
{
	const int32_t *offset = (const int32_t *)spk_vector_reader(v).data + slot;

	SPK_TRY(spk_buffer_reserve(out, 2 * SPK_VARINT_MAX, err));
	if (offset[1] > offset[0])
		put_long(out, offset[1] - offset[0]);
	for (int32_t i = offset[0]; i < offset[1]; i++)
		SPK_TRY(put(p->part, spk_vector_children(v), i, out, err));
	SPK_TRY(spk_buffer_reserve(out, 1, err));
	put_long(out, 0);
	return SPK_OK;
}

static spk_status put_fields(const struct part *p, const struct spk_vector *child, int row, struct spk_buffer *out, spk_error *err)
{
	for (int i = 0; i < p->as->count; i++) {
		if (p->child[i] < 0)
			SPK_TRY(spk_buffer_append(out, spk_view_data(&p->datum[i]), p->datum[i].length, err));
		else
			SPK_TRY(put(&p->part[i], &child[p->child[i]], row, out, err));
	}
	return SPK_OK;
}

/* Row `row` of a vector in any layout. */
static spk_status put(const struct part *p, const struct spk_vector *v, int row, struct spk_buffer *out, spk_error *err)
{
	struct spk_reader r = spk_vector_reader(v);
	uint32_t slot = spk_reader_slot(&r, row);
	bool null = !spk_reader_valid(&r, slot);

	if (null && p->null < 0) {
		spk_fail(err, SPK_DATA, "column \"%s\" is NULL, for which the Avro schema has no place", p->name);
		return spk_hint(err, "declare the column without NOT NULL, or its field as a union with null");
	}
	if (p->type->kind == SPK_AVRO_UNION) {
		SPK_TRY(spk_buffer_reserve(out, SPK_VARINT_MAX, err));
		put_long(out, null ? p->null : p->branch);
	}
	if (null)
		return SPK_OK;
	if (p->as->kind == SPK_AVRO_RECORD)
		return put_fields(p, spk_vector_children(v), (int)slot, out, err);
	if (p->as->kind == SPK_AVRO_ARRAY)
		return put_array(p, v, slot, out, err);
	return put_scalar(p, (const char *)r.data + (size_t)slot * (size_t)spk_type_width(p->from), out, err);
}

spk_status spk_avro_write(const struct spk_avro_writer *w, const struct spk_batch *batch, int row, struct spk_buffer *out, spk_error *err)
{
	return w->plain ? put(&w->root, batch->column, row, out, err) : put_fields(&w->root, batch->column, row, out, err);
}
