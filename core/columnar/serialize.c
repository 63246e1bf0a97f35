/*
 * Batches as bytes. See serialize.h.
 *
 *   batch     head, weights (int32 per row) if there are any, columns
 *   column    head, validity words if there is a NULL, then by type
 *             values of fixed width | lengths (uint32) and text bytes | offsets (int32, one more) and the child | the children
 *
 * Every part begins at a multiple of 16, so that vectors may point at it. Sizes are known before the first byte is written: one reservation,
 * and no growing buffer while memory is short.
 */
#include "core/columnar/serialize.h"

#include "core/base/memory.h"

enum { ALIGN = 16, MAGIC = 0x48435442 };

struct batch_head { uint32_t magic, columns, rows, weights; };
/* bytes: of all texts; elements of an array. */
struct column_head { uint8_t type, constant, nulls, zero; uint32_t rows; uint64_t bytes; };

_Static_assert(sizeof(struct batch_head) == ALIGN && sizeof(struct column_head) == ALIGN, "heads keep the alignment");

static size_t aligned(size_t n) { return (n + ALIGN - 1) & ~(size_t)(ALIGN - 1); }

/* Chosen rows of a vector: sel NULL is 0 .. n - 1. */
struct rows { const int32_t *sel; int n; };

static inline int row_at(const struct rows *r, int i) { return r->sel ? r->sel[i] : i; }

static bool nested(const struct spk_vector *v) { return v->type.id == SPK_TYPE_ARRAY || v->type.id == SPK_TYPE_ROW; }

static struct rows stored_rows(const struct spk_vector *v, struct rows rows, bool *constant)
{
	*constant = v->layout == SPK_CONSTANT && !nested(v) && rows.n > 0;
	return *constant ? (struct rows){ rows.sel, 1 } : rows;
}

static bool has_null(const struct spk_reader *r, const struct rows *rows)
{
	uint64_t all = 1;

	for (int i = 0; r->valid && i < rows->n; i++) {
		uint32_t slot = spk_reader_slot(r, row_at(rows, i));

		all &= r->valid[slot >> 6] >> (slot & 63);
	}
	return !(all & 1);
}

static const struct spk_vector *children_of(const struct spk_vector *v)
{
	return v->layout == SPK_DICTIONARY ? v->dictionary->child : v->child;
}

/* The child rows that these rows of an ARRAY or ROW stand for, in a list of the account's. */
struct child_rows { int32_t *list; int n; size_t size; };

static void child_rows_free(struct spk_memory_account *account, struct child_rows *c)
{
	spk_free(account, c->list, c->size);
}

static spk_status array_rows(const struct spk_vector *v, const struct rows *rows, struct spk_memory_account *account, struct child_rows *out, spk_error *err)
{
	struct spk_reader r = spk_vector_reader(v);
	const int32_t *offset = r.data;
	int64_t total = 0;

	for (int i = 0; i < rows->n; i++) {
		uint32_t slot = spk_reader_slot(&r, row_at(rows, i));

		total += spk_reader_valid(&r, slot) ? offset[slot + 1] - offset[slot] : 0;
	}
	if (total > INT32_MAX / 2)
		return spk_fail(err, SPK_UNSUPPORTED, "arrays of more than %d elements in one batch", INT32_MAX / 2);
	*out = (struct child_rows){ .size = (size_t)(total + 1) * sizeof(int32_t) };
	out->list = spk_malloc(account, out->size);
	SPK_TRY_PTR(out->list, err);
	for (int i = 0; i < rows->n; i++) {
		uint32_t slot = spk_reader_slot(&r, row_at(rows, i));

		for (int32_t k = offset[slot]; spk_reader_valid(&r, slot) && k < offset[slot + 1]; k++)
			out->list[out->n++] = k;
	}
	return SPK_OK;
}

static spk_status record_rows(const struct spk_vector *v, const struct rows *rows, struct spk_memory_account *account, struct child_rows *out, spk_error *err)
{
	struct spk_reader r = spk_vector_reader(v);

	*out = (struct child_rows){ .n = rows->n, .size = (size_t)(rows->n + 1) * sizeof(int32_t) };
	out->list = spk_malloc(account, out->size);
	SPK_TRY_PTR(out->list, err);
	for (int i = 0; i < rows->n; i++)
		out->list[i] = (int32_t)spk_reader_slot(&r, row_at(rows, i));
	return SPK_OK;
}

/* --- sizes --- */

static uint64_t text_bytes(const struct spk_reader *r, const struct rows *rows)
{
	uint64_t bytes = 0;

	for (int i = 0; i < rows->n; i++) {
		uint32_t slot = spk_reader_slot(r, row_at(rows, i));

		bytes += spk_reader_valid(r, slot) ? ((const struct spk_view *)r->data)[slot].length : 0;
	}
	return bytes;
}

static spk_status column_size(const struct spk_vector *v, struct rows all, size_t *size, spk_error *err);

static spk_status children_size(const struct spk_vector *v, const struct rows *rows, size_t *size, spk_error *err)
{
	int count = v->type.id == SPK_TYPE_ARRAY ? 1 : v->type.children->count;
	struct child_rows c = { 0 };
	spk_status status = v->type.id == SPK_TYPE_ARRAY ? array_rows(v, rows, NULL, &c, err) : record_rows(v, rows, NULL, &c, err);

	for (int i = 0; i < count && status == SPK_OK; i++)
		status = column_size(&children_of(v)[i], (struct rows){ c.list, c.n }, size, err);
	child_rows_free(NULL, &c);
	return status;
}

static spk_status column_size(const struct spk_vector *v, struct rows all, size_t *size, spk_error *err)
{
	struct spk_reader r = spk_vector_reader(v);
	bool constant;
	struct rows rows = stored_rows(v, all, &constant);
	size_t n = (size_t)rows.n;

	*size += sizeof(struct column_head);
	if (has_null(&r, &rows))
		*size += aligned(spk_bitmap_words(rows.n) * sizeof(uint64_t));
	if (spk_type_is_view(v->type))
		*size += aligned(n * sizeof(uint32_t)) + aligned(text_bytes(&r, &rows));
	else if (v->type.id == SPK_TYPE_ARRAY)
		*size += aligned((n + 1) * sizeof(int32_t));
	else
		*size += aligned(n * (size_t)spk_type_width(v->type));
	return nested(v) ? children_size(v, &rows, size, err) : SPK_OK;
}

/* The rows [from, from + n) of the selection; `list` is room for SPK_BATCH_ROWS. */
static struct rows chosen(const struct spk_batch *batch, int from, int n, int32_t *list)
{
	if (batch->sel)
		return (struct rows){ batch->sel + from, n };
	if (from == 0)
		return (struct rows){ NULL, n };
	for (int i = 0; i < n; i++)
		list[i] = from + i;
	return (struct rows){ list, n };
}

static spk_status batch_size(const struct spk_batch *batch, struct rows rows, size_t *size, spk_error *err)
{
	*size = sizeof(struct batch_head) + (batch->weight ? aligned((size_t)rows.n * sizeof(int32_t)) : 0);
	for (int c = 0; c < batch->columns; c++)
		SPK_TRY(column_size(&batch->column[c], rows, size, err));
	return SPK_OK;
}

spk_status spk_batch_serialized_size(const struct spk_batch *batch, int from, int n, size_t *size, spk_error *err)
{
	int32_t list[SPK_BATCH_ROWS];

	return batch_size(batch, chosen(batch, from, n, list), size, err);
}

/* --- writing --- */

/* A part of `size` bytes, with zeros up to the alignment; the room was reserved. */
static char *part(struct spk_buffer *out, size_t size)
{
	char *at = out->data + out->size;

	memset(at + size, 0, aligned(size) - size);
	out->size += aligned(size);
	return at;
}

static void write_texts(const struct spk_reader *r, const struct rows *rows, uint64_t bytes, struct spk_buffer *out)
{
	uint32_t *length = (uint32_t *)(void *)part(out, (size_t)rows->n * sizeof(uint32_t));
	char *to = part(out, bytes);

	for (int i = 0; i < rows->n; i++) {
		uint32_t slot = spk_reader_slot(r, row_at(rows, i));
		const struct spk_view *v = &((const struct spk_view *)r->data)[slot];

		length[i] = spk_reader_valid(r, slot) ? v->length : 0;
		memcpy(to, spk_view_data(v), length[i]);
		to += length[i];
	}
}

static void write_offsets(const struct spk_reader *r, const struct rows *rows, struct spk_buffer *out)
{
	int32_t *to = (int32_t *)(void *)part(out, (size_t)(rows->n + 1) * sizeof(int32_t));
	const int32_t *offset = r->data;

	to[0] = 0;
	for (int i = 0; i < rows->n; i++) {
		uint32_t slot = spk_reader_slot(r, row_at(rows, i));

		to[i + 1] = to[i] + (spk_reader_valid(r, slot) ? offset[slot + 1] - offset[slot] : 0);
	}
}

/* Values of fixed width and the bitmap, by gather: into a vector that lies in the buffer. */
static spk_status write_fixed(const struct spk_vector *v, const struct rows *rows, bool nulls, bool values, struct spk_buffer *out, spk_error *err)
{
	size_t words = spk_bitmap_words(rows->n) * sizeof(uint64_t);
	struct spk_reader r = spk_vector_reader(v);
	struct spk_vector flat = { .type = v->type };

	if (nulls) {
		flat.valid = (uint64_t *)(void *)part(out, words);
		memset(flat.valid, 0, words);
		for (int i = 0; i < rows->n && !values; i++)
			if (spk_reader_valid(&r, spk_reader_slot(&r, row_at(rows, i))))
				spk_bit_set(flat.valid, i);
	}
	if (!values)
		return SPK_OK;
	flat.data = part(out, (size_t)rows->n * (size_t)spk_type_width(v->type));
	return spk_vector_gather(&flat, 0, rows->n, v, rows->sel, rows->n, false, NULL, err);
}

static spk_status write_column(const struct spk_vector *v, struct rows all, struct spk_buffer *out, spk_error *err);

static spk_status write_children(const struct spk_vector *v, const struct child_rows *c, struct spk_buffer *out, spk_error *err)
{
	int count = v->type.id == SPK_TYPE_ARRAY ? 1 : v->type.children->count;

	for (int i = 0; i < count; i++)
		SPK_TRY(write_column(&children_of(v)[i], (struct rows){ c->list, c->n }, out, err));
	return SPK_OK;
}

static spk_status write_nested(const struct spk_vector *v, const struct rows *rows, struct column_head *head, struct spk_buffer *out, spk_error *err)
{
	struct spk_reader r = spk_vector_reader(v);
	struct child_rows c = { 0 };
	spk_status status = v->type.id == SPK_TYPE_ARRAY ? array_rows(v, rows, out->account, &c, err) : record_rows(v, rows, out->account, &c, err);

	if (status == SPK_OK) {
		head->bytes = v->type.id == SPK_TYPE_ARRAY ? (uint64_t)c.n : 0;
		memcpy(part(out, sizeof *head), head, sizeof *head);
		status = write_fixed(v, rows, head->nulls, false, out, err);
	}
	if (status == SPK_OK && v->type.id == SPK_TYPE_ARRAY)
		write_offsets(&r, rows, out);
	if (status == SPK_OK)
		status = write_children(v, &c, out, err);
	child_rows_free(out->account, &c);
	return status;
}

static spk_status write_column(const struct spk_vector *v, struct rows all, struct spk_buffer *out, spk_error *err)
{
	struct spk_reader r = spk_vector_reader(v);
	bool constant, view = spk_type_is_view(v->type);
	struct rows rows = stored_rows(v, all, &constant);
	struct column_head head = { .type = (uint8_t)v->type.id, .constant = constant, .nulls = has_null(&r, &rows), .rows = (uint32_t)all.n };

	if (nested(v))
		return write_nested(v, &rows, &head, out, err);
	head.bytes = view ? text_bytes(&r, &rows) : 0;
	memcpy(part(out, sizeof head), &head, sizeof head);
	SPK_TRY(write_fixed(v, &rows, head.nulls, !view, out, err));
	if (view)
		write_texts(&r, &rows, head.bytes, out);
	return SPK_OK;
}

static spk_status write_batch(const struct spk_batch *batch, struct rows rows, struct spk_buffer *out, spk_error *err)
{
	struct batch_head head = { MAGIC, (uint32_t)batch->columns, (uint32_t)rows.n, batch->weight != NULL };

	memcpy(part(out, sizeof head), &head, sizeof head);
	if (batch->weight) {
		int32_t *weight = (int32_t *)(void *)part(out, (size_t)rows.n * sizeof *weight);

		for (int i = 0; i < rows.n; i++)
			weight[i] = batch->weight[row_at(&rows, i)];
	}
	for (int c = 0; c < batch->columns; c++)
		SPK_TRY(write_column(&batch->column[c], rows, out, err));
	return SPK_OK;
}

spk_status spk_batch_serialize(const struct spk_batch *batch, int from, int n, struct spk_buffer *out, spk_error *err)
{
	int32_t list[SPK_BATCH_ROWS];
	struct rows rows = chosen(batch, from, n, list);
	size_t before = out->size, size;
	spk_status status;

	SPK_ASSERT(before % ALIGN == 0, "a batch begins at a multiple of the alignment");
	SPK_ASSERT(from >= 0 && n >= 0 && from + n <= batch->selected, "rows of the batch");
	SPK_TRY(batch_size(batch, rows, &size, err));
	SPK_TRY(spk_buffer_reserve(out, size, err));
	status = write_batch(batch, rows, out, err);
	if (status != SPK_OK)
		out->size = before;
	else
		SPK_ASSERT(out->size == before + size, "a batch's size is known before it is written");
	return status;
}

/* --- reading --- */

struct source { const char *at, *end; struct spk_arena *arena; };

static spk_status broken(const char *what, spk_error *err)
{
	return spk_fail(err, SPK_CORRUPT, "a stored batch does not fit its columns: %s", what);
}

static const void *take(struct source *in, size_t size)
{
	const char *at = in->at;

	if (size > (size_t)(in->end - in->at) || aligned(size) > (size_t)(in->end - in->at))
		return NULL;
	in->at += aligned(size);
	return at;
}

/* Vectors are read-only by contract, but their pointers are not const. */
static void *plain(const void *p)
{
	void *q;

	memcpy(&q, &p, sizeof q);
	return q;
}

/* A view of `length` bytes at `s`; 16 bytes may be read there, whatever the length. */
static inline struct spk_view make_view(const char *s, uint32_t length)
{
	struct spk_view v = { .length = length };
	unsigned __int128 bytes = 0;

	if (length > SPK_VIEW_INLINE) {
		memcpy(v.ref.prefix, s, 4);
		v.ref.pointer = s;
	} else if (length) {
		memcpy(&bytes, s, 12);
		bytes &= ~(unsigned __int128)0 >> (128 - 8 * length);
		memcpy(v.inlined, &bytes, 12);
	}
	return v;
}

static spk_status read_texts(struct spk_vector *v, int n, uint64_t bytes, struct source *in, spk_error *err)
{
	const uint32_t *length = take(in, (size_t)n * sizeof *length);
	const char *text = length && bytes <= SIZE_MAX / 2 ? take(in, bytes) : NULL;
	struct spk_view *view;
	uint64_t total = 0;

	if (!text)
		return broken("texts are missing", err);
	for (int i = 0; i < n; i++)
		total += length[i];
	if (total != bytes)
		return broken("lengths of texts", err);
	view = spk_arena_alloc_vector(in->arena, (size_t)n * sizeof *view);
	SPK_TRY_PTR(view, err);
	for (int i = 0; i < n; i++) {
		view[i] = make_view(text, length[i]);
		text += length[i];
	}
	v->data = view;
	return SPK_OK;
}

static spk_status read_column(struct spk_vector *v, struct spk_type type, int rows, struct source *in, spk_error *err);

static spk_status read_children(struct spk_vector *v, int n, struct source *in, spk_error *err)
{
	int count = v->type.id == SPK_TYPE_ARRAY ? 1 : v->type.children->count;

	v->child = SPK_NEW_ARRAY(in->arena, struct spk_vector, count);
	SPK_TRY_PTR(v->child, err);
	for (int i = 0; i < count; i++)
		SPK_TRY(read_column(&v->child[i], v->type.children->field[i].type, n, in, err));
	return SPK_OK;
}

static spk_status read_array(struct spk_vector *v, int n, uint64_t elements, struct source *in, spk_error *err)
{
	const int32_t *offset = take(in, (size_t)(n + 1) * sizeof *offset);

	if (!offset || elements > INT32_MAX / 2 || offset[0] != 0 || offset[n] != (int32_t)elements)
		return broken("offsets of arrays", err);
	for (int i = 0; i < n; i++)
		if (offset[i + 1] < offset[i])
			return broken("offsets of arrays", err);
	v->data = plain(offset);
	return read_children(v, (int)elements, in, err);
}

static spk_status read_column(struct spk_vector *v, struct spk_type type, int rows, struct source *in, spk_error *err)
{
	const struct column_head *head = take(in, sizeof *head);
	int n;

	if (!head || head->type != type.id || head->rows != (uint32_t)rows || head->constant > 1 || head->nulls > 1)
		return broken("the head of a column", err);
	*v = (struct spk_vector){ .type = type, .layout = head->constant ? SPK_CONSTANT : SPK_FLAT };
	n = head->constant ? 1 : rows;
	if (head->nulls) {
		v->valid = plain(take(in, spk_bitmap_words(n) * sizeof(uint64_t)));
		if (!v->valid)
			return broken("a bitmap is missing", err);
	}
	if (spk_type_is_view(type))
		return read_texts(v, n, head->bytes, in, err);
	if (type.id == SPK_TYPE_ARRAY)
		return read_array(v, n, head->bytes, in, err);
	if (type.id == SPK_TYPE_ROW)
		return read_children(v, n, in, err);
	v->data = plain(take(in, (size_t)n * (size_t)spk_type_width(type)));
	return v->data ? SPK_OK : broken("values are missing", err);
}

spk_status spk_batch_deserialize(struct spk_batch *batch, const char *data, size_t size, size_t *used, spk_error *err)
{
	struct source in = { data, data + size, batch->arena };
	const struct batch_head *head = take(&in, sizeof *head);

	if (!head || head->magic != MAGIC || head->columns != (uint32_t)batch->columns || head->rows > SPK_BATCH_ROWS || head->weights > 1)
		return broken("the head of the batch", err);
	batch->rows = batch->selected = (int)head->rows;
	if (head->weights) {
		batch->weight = take(&in, (size_t)batch->rows * sizeof *batch->weight);
		if (!batch->weight)
			return broken("weights are missing", err);
	}
	for (int c = 0; c < batch->columns; c++)
		SPK_TRY(read_column(&batch->column[c], batch->schema->field[c].type, batch->rows, &in, err));
	*used = (size_t)(in.at - data);
	return SPK_OK;
}

/* --- runs --- */

void spk_run_scratch_release(struct spk_run_scratch *scratch)
{
	spk_buffer_release(&scratch->raw);
	spk_buffer_release(&scratch->packed);
}

spk_status spk_run_scratch_reserve(struct spk_run_scratch *scratch, spk_error *err)
{
	spk_buffer_clear(&scratch->raw);
	spk_buffer_clear(&scratch->packed);
	SPK_TRY(spk_buffer_reserve(&scratch->raw, SPK_SPILL_BLOCK, err));
	return spk_buffer_reserve(&scratch->packed, spk_spill_scratch(SPK_SPILL_BLOCK), err);
}

spk_status spk_batch_rows_per_block(const struct spk_batch *batch, int *rows, spk_error *err)
{
	size_t size;
	int pieces;

	SPK_TRY(spk_batch_serialized_size(batch, 0, batch->selected, &size, err));
	pieces = (int)SPK_MIN((size + SPK_SPILL_BLOCK - 1) / SPK_SPILL_BLOCK, (size_t)batch->selected);
	*rows = (batch->selected + pieces - 1) / pieces;
	return SPK_OK;
}

spk_status spk_run_put_block(struct spk_spill_run *run, const struct spk_batch *batch, int from, int n, struct spk_run_scratch *scratch, spk_error *err)
{
	spk_buffer_clear(&scratch->raw);
	SPK_TRY(spk_batch_serialize(batch, from, n, &scratch->raw, err));
	if (scratch->raw.size > SPK_SPILL_BLOCK_MAX)
		return spk_fail(err, SPK_UNSUPPORTED, "rows of more than %d MiB cannot be put on disk (memory.limit is used up)", SPK_SPILL_BLOCK_MAX >> 20);
	return spk_spill_run_append(run, scratch->raw.data, scratch->raw.size, &scratch->packed, err);
}

spk_status spk_run_put_batch(struct spk_spill_run *run, const struct spk_batch *batch, struct spk_run_scratch *scratch, spk_error *err)
{
	int n;

	if (batch->selected == 0)
		return SPK_OK;
	SPK_TRY(spk_batch_rows_per_block(batch, &n, err));
	for (int from = 0; from < batch->selected; from += n)
		SPK_TRY(spk_run_put_block(run, batch, from, SPK_MIN(n, batch->selected - from), scratch, err));
	return SPK_OK;
}

static spk_status fill(const struct spk_spill_run *run, int64_t i, struct spk_batch *batch, struct spk_run_scratch *scratch, spk_error *err)
{
	size_t size = spk_spill_run_size(run, i), used;
	/* alloc_vector leaves 64 readable bytes behind: make_view reads past short texts. */
	char *data = spk_arena_alloc_vector(batch->arena, size);

	SPK_TRY_PTR(data, err);
	SPK_TRY(spk_spill_run_read(run, i, data, &scratch->packed, err));
	return spk_batch_deserialize(batch, data, size, &used, err);
}

spk_status spk_run_get_batch(const struct spk_spill_run *run, int64_t i, const struct spk_schema *schema, struct spk_memory_account *account, struct spk_run_scratch *scratch, struct spk_batch **out, spk_error *err)
{
	struct spk_batch *batch;
	spk_status status;

	SPK_TRY(spk_batch_new(&batch, schema, account, err));
	status = fill(run, i, batch, scratch, err);
	if (status != SPK_OK) {
		spk_batch_unref(batch);
		return status;
	}
	*out = batch;
	return SPK_OK;
}
