/* Structs to vectors and back, member by member. See encoder.h. */
#include "session/encoder.h"

#include <protobuf-c/protobuf-c.h>
#include <string.h>

#include "core/base/check.h"
#include "core/base/utf8.h"
#include "core/columnar/decimal.h"

/* --- types --- */

static struct spk_type type_of_kind(enum spk_kind kind)
{
	static const enum spk_type_id id[] = {
#define KIND_TYPE(kind, c, sql) [SPK_KIND_##kind] = SPK_TYPE_##sql,
		SPK_KIND_LIST(KIND_TYPE)
#undef KIND_TYPE
	};

	return spk_type(id[spk_kind_of_value(kind)]);
}

static spk_status type_of_member(const struct spk_member *m, struct spk_arena *arena, struct spk_type *out, spk_error *err)
{
	struct spk_schema *children;

	if (m->kind == SPK_KIND_array) {
		*out = type_of_kind(m->element);
		return spk_type_array_of(arena, *out, out, err);
	}
	if (m->kind != SPK_KIND_nested) {
		*out = type_of_kind(m->kind);
		return SPK_OK;
	}
	SPK_TRY(spk_encoder_schema(m->nested, arena, &children, err));
	*out = spk_type(SPK_TYPE_ROW);
	out->children = children;
	return SPK_OK;
}

spk_status spk_encoder_schema(const struct spk_struct_encoder *e, struct spk_arena *arena, struct spk_schema **out, spk_error *err)
{
	struct spk_schema *s = SPK_NEW(arena, struct spk_schema);

	if (!e)
		return spk_fail(err, SPK_USAGE, "the encoder of the structs is NULL");
	SPK_TRY_PTR(s, err);
	s->field = SPK_NEW_ARRAY(arena, struct spk_field, e->members + 1);
	SPK_TRY_PTR(s->field, err);
	for (; s->count < e->members; s->count++) {
		const struct spk_member *m = &e->member[s->count];
		bool nullable = spk_kind_is_optional(m->kind) || m->form == SPK_FORM_POINTER;

		s->field[s->count] = (struct spk_field){ .name = m->name, .nullable = nullable };
		SPK_TRY(type_of_member(m, arena, &s->field[s->count].type, err));
	}
	*out = s;
	return SPK_OK;
}

bool spk_encoder_same(const struct spk_struct_encoder *a, const struct spk_struct_encoder *b)
{
	if (a == b)
		return true;
	if (a->members != b->members)
		return false;
	for (int i = 0; i < a->members; i++) {
		const struct spk_member *x = &a->member[i], *y = &b->member[i];

		if (spk_kind_of_value(x->kind) != spk_kind_of_value(y->kind) || strcmp(x->name, y->name) != 0)
			return false;
		if ((x->kind == SPK_KIND_array && x->element != y->element) || (x->kind == SPK_KIND_nested && !spk_encoder_same(x->nested, y->nested)))
			return false;
	}
	return true;
}

/* --- rows to structs --- */

struct decoding { bool deep; struct spk_arena *arena; };

static spk_status take_text(const struct decoding *d, const struct spk_view *v, struct spk_text *out, spk_error *err)
{
	const char *data = spk_view_data(v);

	if (d->deep)
		SPK_TRY_PTR(data = spk_arena_strndup(d->arena, data, v->length), err);
	*out = (struct spk_text){ data, v->length };
	return SPK_OK;
}

/* A value of a plain kind at `slot` to the C value at `to`. */
static spk_status take_value(const struct decoding *d, enum spk_kind kind, struct spk_type type, const void *data, uint32_t slot, void *to, spk_error *err)
{
	spk_int128 mantissa;
	int scale;

	switch (kind) {
	case SPK_KIND_boolean:
		*(bool *)to = ((const uint8_t *)data)[slot];
		return SPK_OK;
	case SPK_KIND_text:
	case SPK_KIND_bytes:
		return take_text(d, &((const struct spk_view *)data)[slot], to, err);
	case SPK_KIND_decimal:
		spk_decimal_unpack(type, ((const spk_int128 *)data)[slot], &mantissa, &scale);
		*(struct spk_decimal *)to = (struct spk_decimal){ mantissa, scale };
		return SPK_OK;
	default:
		memcpy(to, (const char *)data + (size_t)slot * (size_t)spk_type_width(type), (size_t)spk_type_width(type));
		return SPK_OK;
	}
}

/* The same for the ways in which protobuf-c has it. */
static spk_status take_form(const struct decoding *d, const struct spk_member *m, struct spk_type type, const void *data, uint32_t slot, void *to, spk_error *err)
{
	const struct spk_view *v = &((const struct spk_view *)data)[slot];
	struct spk_text text = { 0 };
	char *copy;

	switch (m->form) {
	case SPK_FORM_C_STRING:
		SPK_TRY_PTR(copy = spk_arena_strndup(d->arena, spk_view_data(v), v->length), err);
		memcpy(to, &copy, sizeof copy);
		return SPK_OK;
	case SPK_FORM_C_INT_BOOL:
		*(int *)to = ((const uint8_t *)data)[slot];
		return SPK_OK;
	case SPK_FORM_BINARY:  /* length, then pointer */
		SPK_TRY(take_text(d, v, &text, err));
		memcpy(to, &text.size, sizeof text.size);
		memcpy((char *)to + sizeof text.size, &text.data, sizeof text.data);
		return SPK_OK;
	case SPK_FORM_U32:
	case SPK_FORM_U64:
		if (((const int64_t *)data)[slot] < 0 || (m->form == SPK_FORM_U32 && ((const int64_t *)data)[slot] > UINT32_MAX))
			return spk_fail(err, SPK_DATA, "column \"%s\": %lld does not fit an unsigned field", m->name, (long long)((const int64_t *)data)[slot]);
		if (m->form == SPK_FORM_U32)
			*(uint32_t *)to = (uint32_t)((const int64_t *)data)[slot];
		else
			*(uint64_t *)to = (uint64_t)((const int64_t *)data)[slot];
		return SPK_OK;
	default:
		return take_value(d, spk_kind_of_value(m->kind), type, data, slot, to, err);
	}
}

static spk_status take_array(const struct decoding *d, const struct spk_member *m, const struct spk_vector *v, uint32_t slot, char *out, spk_error *err)
{
	const struct spk_vector *child = spk_vector_children(v);
	struct spk_reader r = spk_vector_reader(v), items = spk_vector_reader(child);
	const int32_t *offset = r.data;
	size_t n = (size_t)(offset[slot + 1] - offset[slot]);
	char *item = spk_arena_zalloc(d->arena, n * m->element_size + 1);

	SPK_TRY_PTR(item, err);
	for (size_t i = 0; i < n; i++) {
		uint32_t at = spk_reader_slot(&items, offset[slot] + (int)i);

		if (!spk_reader_valid(&items, at))
			return spk_fail(err, SPK_DATA, "an item of array \"%s\" is NULL, which its C type cannot say", m->name);
		SPK_TRY(take_value(d, spk_kind_of_value(m->element), child->type, items.data, at, item + i * m->element_size, err));
	}
	memcpy(out + m->offset, &item, sizeof item);
	memcpy(out + m->count, &n, sizeof n);
	return SPK_OK;
}

static spk_status take_nested(const struct decoding *d, const struct spk_member *m, const struct spk_vector *v, uint32_t slot, char *out, spk_error *err)
{
	char *to = out + m->offset;

	if (m->form == SPK_FORM_POINTER) {
		SPK_TRY_PTR(to = spk_arena_zalloc(d->arena, m->nested->size), err);
		memcpy(out + m->offset, &to, sizeof to);
	}
	return spk_struct_decode(m->nested, spk_vector_children(v), (int)slot, d->deep, d->arena, to, err);
}

static spk_status take_member(const struct decoding *d, const struct spk_struct_encoder *e, const struct spk_member *m, const struct spk_vector *v, int row, char *out, spk_error *err)
{
	struct spk_reader r = spk_vector_reader(v);
	uint32_t slot = spk_reader_slot(&r, row);

	if (!spk_reader_valid(&r, slot)) {
		if (spk_kind_is_optional(m->kind) || m->form == SPK_FORM_POINTER)
			return SPK_OK;
		spk_fail(err, SPK_DATA, "column \"%s\" is NULL, but member %s of struct %s is not optional", m->name, m->name, e->name);
		return spk_hint(err, "Declare it optional, or leave such rows out first: %s IS NOT NULL.", m->name);
	}
	if (spk_kind_is_optional(m->kind) && m->form == SPK_FORM_PLAIN)
		*(bool *)(out + m->set) = true;
	else if (spk_kind_is_optional(m->kind) && m->set != m->offset)
		*(int *)(void *)(out + m->set) = 1;
	if (m->kind == SPK_KIND_array)
		return take_array(d, m, v, slot, out, err);
	if (m->kind == SPK_KIND_nested)
		return take_nested(d, m, v, slot, out, err);
	return take_form(d, m, v->type, r.data, slot, out + m->offset, err);
}

void spk_struct_init(const struct spk_struct_encoder *e, void *out)
{
	memset(out, 0, e->size);
	if (e->protobuf)
		((const ProtobufCMessageDescriptor *)e->protobuf)->message_init(out);
}

spk_status spk_struct_decode(const struct spk_struct_encoder *e, const struct spk_vector *column, int row, bool deep, struct spk_arena *arena, void *out, spk_error *err)
{
	const struct decoding d = { deep, arena };

	spk_struct_init(e, out);
	for (int i = 0; i < e->members; i++)
		SPK_TRY(take_member(&d, e, &e->member[i], &column[i], row, out, err));
	return SPK_OK;
}

/* --- structs to rows --- */

static spk_status start(struct spk_struct_writer *w, spk_error *err)
{
	spk_status status;

	if (w->batch)
		return SPK_OK;
	SPK_TRY(spk_batch_new(&w->batch, w->schema, w->account, err));
	status = SPK_OK;
	for (int i = 0; i < w->schema->count && status == SPK_OK; i++)
		status = spk_vector_init(&w->batch->column[i], w->schema->field[i].type, SPK_BATCH_ROWS, w->batch->arena, err);
	if (status != SPK_OK)
		spk_struct_writer_release(w);
	return status;
}

static spk_status put_text(struct spk_struct_writer *w, const char *name, bool utf8, struct spk_text text, struct spk_view *to, spk_error *err)
{
	const char *copy = text.data;

	if (text.size && !text.data)
		return spk_fail(err, SPK_USAGE, "member %s says that it has %zu bytes, and points nowhere", name, text.size);
	if (utf8 && spk_utf8_valid(text.data, text.size) != text.size)
		return spk_fail(err, SPK_DATA, "member %s is not UTF-8", name);
	if (text.size > UINT32_MAX / 2)
		return spk_fail(err, SPK_DATA, "member %s has %zu bytes, more than a text can have", name, text.size);
	if (text.size > SPK_VIEW_INLINE)
		SPK_TRY_PTR(copy = spk_arena_copy(w->batch->arena, text.data, text.size), err);
	*to = spk_view(text.size ? copy : "", (uint32_t)text.size);
	return SPK_OK;
}

static spk_status put_decimal(const char *name, const struct spk_decimal *d, spk_int128 *to, spk_error *err)
{
	if (d->scale >= 0 && d->scale <= SPK_DECIMAL_DIGITS && spk_numeric_pack(d->value, d->scale, to))
		return SPK_OK;
	return spk_fail(err, SPK_DATA, "member %s: a decimal has 36 digits and a scale of 0 to 38 at the most", name);
}

/* The C value at `from` into slot `row`. */
static spk_status put_value(struct spk_struct_writer *w, const char *name, enum spk_kind kind, struct spk_vector *v, int row, const void *from, spk_error *err)
{
	size_t width = (size_t)spk_type_width(v->type);

	switch (kind) {
	case SPK_KIND_boolean:
		spk_vector_bool(v)[row] = *(const bool *)from;
		return SPK_OK;
	case SPK_KIND_text:
	case SPK_KIND_bytes:
		return put_text(w, name, kind == SPK_KIND_text, *(const struct spk_text *)from, &spk_vector_view(v)[row], err);
	case SPK_KIND_decimal:
		return put_decimal(name, from, &spk_vector_i128(v)[row], err);
	default:
		memcpy((char *)v->data + (size_t)row * width, from, width);
		return SPK_OK;
	}
}

static spk_status put_form(struct spk_struct_writer *w, const struct spk_member *m, struct spk_vector *v, int row, const char *from, spk_error *err)
{
	bool utf8 = spk_kind_of_value(m->kind) == SPK_KIND_text;
	struct spk_text text = { 0 };
	uint64_t number;

	switch (m->form) {
	case SPK_FORM_C_STRING:
		memcpy(&text.data, from, sizeof text.data);
		text.size = text.data ? strlen(text.data) : 0;
		return put_text(w, m->name, utf8, text, &spk_vector_view(v)[row], err);
	case SPK_FORM_C_INT_BOOL:
		spk_vector_bool(v)[row] = *(const int *)(const void *)from != 0;
		return SPK_OK;
	case SPK_FORM_BINARY:
		memcpy(&text.size, from, sizeof text.size);
		memcpy(&text.data, from + sizeof text.size, sizeof text.data);
		return put_text(w, m->name, false, text, &spk_vector_view(v)[row], err);
	case SPK_FORM_U32:
	case SPK_FORM_U64:
		number = m->form == SPK_FORM_U32 ? *(const uint32_t *)(const void *)from : *(const uint64_t *)(const void *)from;
		if (number > INT64_MAX)
			return spk_fail(err, SPK_DATA, "member %s: %llu does not fit bigint", m->name, (unsigned long long)number);
		spk_vector_i64(v)[row] = (int64_t)number;
		return SPK_OK;
	default:
		return put_value(w, m->name, spk_kind_of_value(m->kind), v, row, from, err);
	}
}

static spk_status put_array(struct spk_struct_writer *w, const struct spk_member *m, struct spk_vector *v, int row, const char *from, spk_error *err)
{
	int used = spk_vector_i32(v)[row];
	const char *item;
	size_t count;

	memcpy(&item, from + m->offset, sizeof item);
	memcpy(&count, from + m->count, sizeof count);
	if (count && !item)
		return spk_fail(err, SPK_USAGE, "member %s says that it has %zu items, and points nowhere", m->name, count);
	if (count > (size_t)(INT32_MAX / 2 - used))
		return spk_fail(err, SPK_DATA, "member %s has %zu items, more than fit", m->name, count);
	SPK_TRY(spk_vector_grow_child(v->child, used, (int)count, w->batch->arena, err));
	for (size_t i = 0; i < count; i++)
		SPK_TRY(put_value(w, m->name, spk_kind_of_value(m->element), v->child, used + (int)i, item + i * m->element_size, err));
	spk_vector_i32(v)[row + 1] = used + (int)count;
	return SPK_OK;
}

static spk_status put_null(struct spk_struct_writer *w, struct spk_vector *v, int row, spk_error *err)
{
	SPK_TRY(spk_vector_need_valid(v, SPK_BATCH_ROWS, w->batch->arena, err));
	spk_bit_clear(v->valid, row);
	if (v->type.id == SPK_TYPE_ARRAY)
		spk_vector_i32(v)[row + 1] = spk_vector_i32(v)[row];
	for (int i = 0; v->type.id == SPK_TYPE_ROW && i < v->type.children->count; i++)
		SPK_TRY(put_null(w, &v->child[i], row, err));
	return SPK_OK;
}

static bool is_null(const struct spk_member *m, const char *from)
{
	const void *pointer;

	if (m->form == SPK_FORM_POINTER || (m->form == SPK_FORM_C_STRING && spk_kind_is_optional(m->kind))) {
		memcpy(&pointer, from + m->offset, sizeof pointer);
		return !pointer;
	}
	if (!spk_kind_is_optional(m->kind))
		return false;
	return m->form == SPK_FORM_PLAIN ? !*(const bool *)(from + m->set) : m->set != m->offset && !*(const int *)(const void *)(from + m->set);
}

static spk_status put_struct(struct spk_struct_writer *w, const struct spk_struct_encoder *e, struct spk_vector *column, int row, const char *from, spk_error *err);

static spk_status put_member(struct spk_struct_writer *w, const struct spk_member *m, struct spk_vector *v, int row, const char *from, spk_error *err)
{
	const char *nested = from + m->offset;

	if (is_null(m, from))
		return put_null(w, v, row, err);
	if (v->valid)
		spk_bit_set(v->valid, row);
	if (m->kind == SPK_KIND_array)
		return put_array(w, m, v, row, from, err);
	if (m->kind != SPK_KIND_nested)
		return put_form(w, m, v, row, from + m->offset, err);
	if (m->form == SPK_FORM_POINTER)
		memcpy(&nested, from + m->offset, sizeof nested);
	return put_struct(w, m->nested, v->child, row, nested, err);
}

static spk_status put_struct(struct spk_struct_writer *w, const struct spk_struct_encoder *e, struct spk_vector *column, int row, const char *from, spk_error *err)
{
	for (int i = 0; i < e->members; i++)
		SPK_TRY(put_member(w, &e->member[i], &column[i], row, from, err));
	return SPK_OK;
}

spk_status spk_struct_write(struct spk_struct_writer *w, int first, const struct spk_struct_encoder *e, const void *from, spk_error *err)
{
	SPK_TRY(start(w, err));
	return put_struct(w, e, w->batch->column + first, w->batch->rows, from, err);
}

spk_status spk_struct_write_null(struct spk_struct_writer *w, int first, const struct spk_struct_encoder *e, spk_error *err)
{
	SPK_TRY(start(w, err));
	for (int i = first; i < first + e->members; i++)
		SPK_TRY(put_null(w, &w->batch->column[i], w->batch->rows, err));
	return SPK_OK;
}

struct spk_batch *spk_struct_end_row(struct spk_struct_writer *w)
{
	w->batch->selected = ++w->batch->rows;
	return w->batch->rows == SPK_BATCH_ROWS ? spk_struct_take(w) : NULL;
}

struct spk_batch *spk_struct_take(struct spk_struct_writer *w)
{
	struct spk_batch *batch = w->batch;

	w->batch = NULL;
	if (batch && !batch->rows) {
		spk_batch_unref(batch);
		batch = NULL;
	}
	return batch;
}

void spk_struct_writer_release(struct spk_struct_writer *w)
{
	spk_batch_unref(w->batch);
	w->batch = NULL;
}
