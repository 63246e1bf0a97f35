/* Single values as bytes. See plain.h. */
#include "core/columnar/plain.h"

#include "core/base/memory.h"

static spk_status write_slot(const struct spk_vector *v, const struct spk_reader *r, uint32_t slot, struct spk_buffer *out, spk_error *err);

static spk_status write_array(const struct spk_vector *child, const int32_t *offset, struct spk_buffer *out, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(child);
	const uint32_t count = (uint32_t)(offset[1] - offset[0]);

	SPK_TRY(spk_buffer_append(out, &count, sizeof count, err));
	for (int32_t i = offset[0]; i < offset[1]; i++)
		SPK_TRY(write_slot(child, &r, spk_reader_slot(&r, i), out, err));
	return SPK_OK;
}

static spk_status write_view(const struct spk_view *view, struct spk_buffer *out, spk_error *err)
{
	SPK_TRY(spk_buffer_append(out, &view->length, sizeof view->length, err));
	return spk_buffer_append(out, spk_view_data(view), view->length, err);
}

static spk_status write_slot(const struct spk_vector *v, const struct spk_reader *r, uint32_t slot, struct spk_buffer *out, spk_error *err)
{
	const struct spk_vector *child = spk_vector_children(v);
	const uint8_t valid = spk_reader_valid(r, slot);
	const size_t width = (size_t)spk_type_width(v->type);

	SPK_TRY(spk_buffer_append(out, &valid, 1, err));
	if (!valid)
		return SPK_OK;
	if (spk_type_is_view(v->type))
		return write_view((const struct spk_view *)r->data + slot, out, err);
	if (v->type.id == SPK_TYPE_ARRAY)
		return write_array(child, (const int32_t *)r->data + slot, out, err);
	if (v->type.id != SPK_TYPE_ROW)
		return spk_buffer_append(out, (const char *)r->data + slot * width, width, err);
	for (int c = 0; c < v->type.children->count; c++)
		SPK_TRY(spk_plain_write(&child[c], (int)slot, out, err));
	return SPK_OK;
}

spk_status spk_plain_write(const struct spk_vector *v, int row, struct spk_buffer *out, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(v);

	return write_slot(v, &r, spk_reader_slot(&r, row), out, err);
}

/* --- rows --- */

struct spk_plain_column {
	struct spk_reader reader;
	const struct spk_vector *vector;
	uint32_t width;                  /* of a value as it lies in the vector */
	bool view;
};

spk_status spk_plain_writer_begin(struct spk_plain_writer *w, const struct spk_vector *column, int columns, spk_error *err)
{
	if (columns > w->capacity) {
		struct spk_plain_column *grown = spk_realloc(w->account, w->column, sizeof *grown * (size_t)w->capacity, sizeof *grown * (size_t)columns);

		SPK_TRY_PTR(grown, err);
		w->column = grown;
		w->capacity = columns;
	}
	w->columns = columns;
	w->whole.account = w->account;
	w->nested = false;
	for (int c = 0; c < columns; c++) {
		w->column[c] = (struct spk_plain_column){ .reader = spk_vector_reader(&column[c]), .vector = &column[c], .width = (uint32_t)spk_type_width(column[c].type),
			.view = spk_type_is_view(column[c].type) };
		w->nested = w->nested || spk_type_is_nested(column[c].type);
	}
	return SPK_OK;
}

spk_status spk_plain_writer_measure(struct spk_plain_writer *w, int row, size_t *size, spk_error *err)
{
	*size = (size_t)w->columns;
	spk_buffer_clear(&w->whole);
	for (int c = 0; c < w->columns; c++) {
		const struct spk_plain_column *p = &w->column[c];
		const uint32_t slot = spk_reader_slot(&p->reader, row);

		if (w->nested)
			SPK_TRY(write_slot(p->vector, &p->reader, slot, &w->whole, err));
		else if (spk_reader_valid(&p->reader, slot))
			*size += p->view ? sizeof(uint32_t) + ((const struct spk_view *)p->reader.data)[slot].length : p->width;
	}
	if (w->nested)
		*size = w->whole.size;
	return SPK_OK;
}

/* The usual widths make a load and a store each. */
static inline char *put_fixed(char *out, const char *from, uint32_t width)
{
	if (width == 8)
		memcpy(out, from, 8);
	else if (width == 4)
		memcpy(out, from, 4);
	else
		memcpy(out, from, width);
	return out + width;
}

static inline char *put_view(char *out, const struct spk_view *view)
{
	out = put_fixed(out, (const char *)&view->length, sizeof view->length);
	memcpy(out, spk_view_data(view), view->length);
	return out + view->length;
}

void spk_plain_writer_write(const struct spk_plain_writer *w, int row, char *out)
{
	if (w->nested) {
		memcpy(out, w->whole.data, w->whole.size);
		return;
	}
	for (int c = 0; c < w->columns; c++) {
		const struct spk_plain_column *p = &w->column[c];
		const uint32_t slot = spk_reader_slot(&p->reader, row);
		const uint8_t valid = spk_reader_valid(&p->reader, slot);

		*out++ = (char)valid;
		if (valid)
			out = p->view ? put_view(out, (const struct spk_view *)p->reader.data + slot) : put_fixed(out, (const char *)p->reader.data + (size_t)slot * p->width, p->width);
	}
}

void spk_plain_writer_release(struct spk_plain_writer *w)
{
	spk_free(w->account, w->column, sizeof *w->column * (size_t)w->capacity);
	spk_buffer_release(&w->whole);
	*w = (struct spk_plain_writer){ .account = w->account };
}

/* --- reading --- */

static spk_status cut_off(spk_error *err)
{
	return spk_fail(err, SPK_CORRUPT, "the bytes of a value are cut off");
}

static spk_status read_length(const char **from, const char *end, uint32_t *out, spk_error *err)
{
	if (end - *from < (ptrdiff_t)sizeof *out)
		return cut_off(err);
	memcpy(out, *from, sizeof *out);
	*from += sizeof *out;
	return SPK_OK;
}

/* The elements go into a vector of their own first: gather knows how to append to the child of an array. */
static spk_status read_array(const char **from, const char *end, struct spk_vector *out, int row, int rows, struct spk_arena *arena, spk_error *err)
{
	struct spk_vector one, child;
	int32_t *offset = spk_arena_alloc_vector(arena, 2 * sizeof *offset);
	uint32_t count = 0;

	SPK_TRY_PTR(offset, err);
	SPK_TRY(read_length(from, end, &count, err));
	if (count > (uint32_t)(end - *from))
		return cut_off(err);
	SPK_TRY(spk_vector_init(&child, out->type.children->field[0].type, (int)count, arena, err));
	for (int i = 0; i < (int)count; i++)
		SPK_TRY(spk_plain_read(from, end, &child, i, (int)count, arena, err));
	offset[0] = 0;
	offset[1] = (int32_t)count;
	one = (struct spk_vector){ .type = out->type, .data = offset, .child = &child };
	return spk_vector_gather(out, row, rows, &one, NULL, 1, false, arena, err);
}

/* An array's offsets ascend over NULLs too; the fields of a NULL row are NULL. */
static spk_status read_null(struct spk_vector *out, int row, int rows, struct spk_arena *arena, spk_error *err)
{
	SPK_TRY(spk_vector_need_valid(out, rows, arena, err));
	spk_bit_clear(out->valid, row);
	if (spk_type_is_view(out->type))
		spk_vector_view(out)[row] = (struct spk_view){ 0 };
	else if (out->type.id == SPK_TYPE_ARRAY)
		spk_vector_i32(out)[row + 1] = spk_vector_i32(out)[row];
	for (int c = 0; out->type.id == SPK_TYPE_ROW && c < out->type.children->count; c++)
		SPK_TRY(read_null(&out->child[c], row, rows, arena, err));
	return SPK_OK;
}

spk_status spk_plain_read(const char **from, const char *end, struct spk_vector *out, int row, int rows, struct spk_arena *arena, spk_error *err)
{
	const size_t width = (size_t)spk_type_width(out->type);
	uint32_t length = 0;

	if (*from >= end)
		return cut_off(err);
	if (!*(*from)++)
		return read_null(out, row, rows, arena, err);
	if (out->type.id == SPK_TYPE_ARRAY)
		return read_array(from, end, out, row, rows, arena, err);
	if (out->type.id == SPK_TYPE_ROW) {
		for (int c = 0; c < out->type.children->count; c++)
			SPK_TRY(spk_plain_read(from, end, &out->child[c], row, rows, arena, err));
		return SPK_OK;
	}
	if (spk_type_is_view(out->type)) {
		SPK_TRY(read_length(from, end, &length, err));
		if (length > (uint64_t)(end - *from))
			return cut_off(err);
		spk_vector_view(out)[row] = spk_view(*from, length);
		*from += length;
		return SPK_OK;
	}
	if ((size_t)(end - *from) < width)
		return cut_off(err);
	memcpy((char *)out->data + (size_t)row * width, *from, width);
	*from += width;
	return SPK_OK;
}

/* --- passing by --- */

spk_status spk_plain_skip(const char **from, const char *end, struct spk_type type, spk_error *err)
{
	uint32_t length = (uint32_t)spk_type_width(type);

	if (*from >= end)
		return cut_off(err);
	if (!*(*from)++)
		return SPK_OK;
	if (type.id == SPK_TYPE_ROW) {
		for (int c = 0; c < type.children->count; c++)
			SPK_TRY(spk_plain_skip(from, end, type.children->field[c].type, err));
		return SPK_OK;
	}
	if (type.id == SPK_TYPE_ARRAY) {
		SPK_TRY(read_length(from, end, &length, err));
		for (uint32_t i = 0; i < length; i++)
			SPK_TRY(spk_plain_skip(from, end, type.children->field[0].type, err));
		return SPK_OK;
	}
	if (spk_type_is_view(type))
		SPK_TRY(read_length(from, end, &length, err));
	if (length > (uint64_t)(end - *from))
		return cut_off(err);
	*from += length;
	return SPK_OK;
}
