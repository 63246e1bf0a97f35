/*
 * Messages are flatbuffers, written here from front to back: a table is put down with holes for what it refers to, and what comes
 * later fills the hole that names it. Positions count from the flatbuffer's start, which is 8-aligned in the stream.
 * Slots of tables and numbers of unions are those of Schema.fbs and Message.fbs.
 */
#include "core/columnar/arrow_ipc.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/check.h"

enum { CONTINUES = -1, BODY_ALIGNMENT = 64, SLOTS = 7 };
enum { VERSION_5 = 4, HEADER_SCHEMA = 1, HEADER_BATCH = 3 };
enum { TYPE_INT = 2, TYPE_FLOAT = 3, TYPE_BINARY = 4, TYPE_UTF8 = 5, TYPE_BOOL = 6, TYPE_DECIMAL = 7, TYPE_DATE = 8, TYPE_TIME = 9,
	TYPE_TIMESTAMP = 10, TYPE_INTERVAL = 11, TYPE_LIST = 12, TYPE_STRUCT = 13 };
enum { MICROSECONDS = 2, MONTH_DAY_NANO = 2 };

/* ---- Flatbuffers ------------------------------------------------------------------------------------------------------ */

struct flat {
	struct spk_buffer *out;
	size_t start;
	spk_error *err;
};

/* A slot of a table. bytes 0: not there. REFERENCE: 4 bytes that are filled later, at `hole`. */
struct slot { int bytes; int64_t value; size_t hole; };
enum { REFERENCE = -4 };

static size_t here(const struct flat *f) { return f->out->size - f->start; }

static spk_status put(struct flat *f, const void *data, size_t size) { return spk_buffer_append(f->out, data, size, f->err); }

/* Zeros until the position is `rest` more than a multiple of `alignment`. */
static spk_status align(struct flat *f, size_t alignment, size_t rest)
{
	static const char zeros[BODY_ALIGNMENT];
	size_t over = (here(f) + alignment - rest) % alignment;

	return put(f, zeros, over ? alignment - over : 0);
}

/* What comes next is what the hole refers to. */
static void fill(struct flat *f, size_t hole)
{
	uint32_t distance = (uint32_t)(here(f) - hole);

	memcpy(f->out->data + f->start + hole, &distance, sizeof distance);
}

/* The table that `hole` refers to, behind its vtable. Fields lie in the order of their slots, each at a multiple of its size. */
static spk_status put_table(struct flat *f, size_t hole, struct slot *slot, int slots)
{
	uint16_t vtable[2 + SLOTS] = { 0 };
	char table[4 + 8 * SLOTS] = { 0 };
	int32_t back = 4 + 2 * slots;
	size_t size = sizeof back, at;

	for (int i = 0; i < slots; i++) {
		size_t bytes = (size_t)abs(slot[i].bytes);

		if (!bytes)
			continue;
		size = (size + bytes - 1) / bytes * bytes;
		vtable[2 + i] = (uint16_t)size;
		memcpy(table + size, &slot[i].value, slot[i].bytes > 0 ? bytes : 0);
		size += bytes;
	}
	vtable[0] = (uint16_t)back;
	vtable[1] = (uint16_t)size;
	memcpy(table, &back, sizeof back);
	SPK_TRY(align(f, 8, (size_t)(8 - back % 8) % 8));
	SPK_TRY(put(f, vtable, (size_t)back));
	fill(f, hole);
	at = here(f);
	for (int i = 0; i < slots; i++)
		slot[i].hole = at + vtable[2 + i];
	return put(f, table, size);
}

/* `size`: of the elements; what they begin at a multiple of. */
static spk_status put_vector_head(struct flat *f, size_t hole, uint32_t count, size_t alignment)
{
	SPK_TRY(align(f, alignment, (alignment - sizeof count) % alignment));
	fill(f, hole);
	return put(f, &count, sizeof count);
}

static spk_status put_string(struct flat *f, size_t hole, const char *text, size_t size)
{
	SPK_TRY(put_vector_head(f, hole, (uint32_t)size, 4));
	SPK_TRY(put(f, text, size));
	return put(f, "", 1);
}

/* A vector of `count` references; *holes is the first, each takes 4 bytes. */
static spk_status put_references(struct flat *f, size_t hole, int64_t count, size_t *holes)
{
	static const uint32_t empty;

	SPK_TRY(put_vector_head(f, hole, (uint32_t)count, 4));
	*holes = here(f);
	for (int64_t i = 0; i < count; i++)
		SPK_TRY(put(f, &empty, sizeof empty));
	return SPK_OK;
}

/* ---- Messages --------------------------------------------------------------------------------------------------------- */

/* The message's prefix and table; *header is the hole of what it carries. */
static spk_status begin_message(struct flat *f, int kind, int64_t body, size_t *header)
{
	struct slot message[] = { { 2, VERSION_5, 0 }, { 1, kind, 0 }, { REFERENCE, 0, 0 }, { 8, body, 0 } };
	int32_t prefix[2] = { CONTINUES, 0 };
	uint32_t root = 0;

	SPK_TRY(put(f, prefix, sizeof prefix));
	f->start = f->out->size;
	SPK_TRY(put(f, &root, sizeof root));
	SPK_TRY(put_table(f, 0, message, SPK_COUNT_OF(message)));
	*header = message[2].hole;
	return SPK_OK;
}

static spk_status end_message(struct flat *f)
{
	int32_t size;

	SPK_TRY(align(f, 8, 0));
	size = (int32_t)here(f);
	memcpy(f->out->data + f->start - sizeof size, &size, sizeof size);
	return SPK_OK;
}

/* ---- Schemas ---------------------------------------------------------------------------------------------------------- */

/* How a format is described: its number in the union and the slots of its table. */
struct type { int kind, slots; struct slot slot[3]; };

static const struct format { const char *format; struct type type; } formats[] = {
	{ "b", { TYPE_BOOL, 0, { { 0, 0, 0 } } } },
	{ "s", { TYPE_INT, 2, { { 4, 16, 0 }, { 1, 1, 0 } } } },
	{ "i", { TYPE_INT, 2, { { 4, 32, 0 }, { 1, 1, 0 } } } },
	{ "l", { TYPE_INT, 2, { { 4, 64, 0 }, { 1, 1, 0 } } } },
	{ "f", { TYPE_FLOAT, 1, { { 2, 1, 0 } } } },
	{ "g", { TYPE_FLOAT, 1, { { 2, 2, 0 } } } },
	{ "z", { TYPE_BINARY, 0, { { 0, 0, 0 } } } },
	{ "u", { TYPE_UTF8, 0, { { 0, 0, 0 } } } },
	{ "tdD", { TYPE_DATE, 1, { { 2, 0, 0 } } } },
	{ "ttu", { TYPE_TIME, 2, { { 2, MICROSECONDS, 0 }, { 4, 64, 0 } } } },
	{ "tin", { TYPE_INTERVAL, 1, { { 2, MONTH_DAY_NANO, 0 } } } },
	{ "+l", { TYPE_LIST, 0, { { 0, 0, 0 } } } },
	{ "+s", { TYPE_STRUCT, 0, { { 0, 0, 0 } } } },
};

/* "d:38,10" and "tsu:ZONE" have parameters; *zone is the latter's. */
static spk_status describe(const struct ArrowSchema *field, struct type *out, const char **zone, spk_error *err)
{
	int precision, scale;

	*zone = NULL;
	if (sscanf(field->format, "d:%d,%d", &precision, &scale) == 2) {
		*out = (struct type){ TYPE_DECIMAL, 3, { { 4, precision, 0 }, { 4, scale, 0 }, { 4, 128, 0 } } };
		return SPK_OK;
	}
	if (strncmp(field->format, "tsu:", 4) == 0) {
		*zone = field->format[4] ? field->format + 4 : NULL;
		*out = (struct type){ TYPE_TIMESTAMP, 2, { { 2, MICROSECONDS, 0 }, { *zone ? REFERENCE : 0, 0, 0 } } };
		return SPK_OK;
	}
	for (size_t i = 0; i < SPK_COUNT_OF(formats); i++) {
		if (strcmp(formats[i].format, field->format) == 0) {
			*out = formats[i].type;
			return SPK_OK;
		}
	}
	return spk_fail(err, SPK_UNSUPPORTED, "column \"%s\": no Arrow stream is written of format \"%s\"", field->name, field->format);
}

/* The next text of the C interface's metadata: its size, then its bytes. */
static const char *next_text(const char **at, int32_t *size)
{
	const char *text = *at + sizeof *size;

	memcpy(size, *at, sizeof *size);
	*at = text + *size;
	return text;
}

static spk_status put_metadata(struct flat *f, size_t hole, const char *metadata)
{
	int32_t pairs, size;
	size_t holes;

	memcpy(&pairs, metadata, sizeof pairs);
	metadata += sizeof pairs;
	SPK_TRY(put_references(f, hole, pairs, &holes));
	for (int i = 0; i < pairs; i++) {
		struct slot pair[] = { { REFERENCE, 0, 0 }, { REFERENCE, 0, 0 } };

		SPK_TRY(put_table(f, holes + 4 * (size_t)i, pair, SPK_COUNT_OF(pair)));
		for (int k = 0; k < 2; k++) {
			const char *text = next_text(&metadata, &size);

			SPK_TRY(put_string(f, pair[k].hole, text, (size_t)size));
		}
	}
	return SPK_OK;
}

static spk_status put_fields(struct flat *f, size_t hole, const struct ArrowSchema *parent);

static spk_status put_field(struct flat *f, size_t hole, const struct ArrowSchema *field)
{
	struct type type;
	const char *zone;

	SPK_TRY(describe(field, &type, &zone, f->err));
	struct slot slot[] = {
		{ REFERENCE, 0, 0 }, { 1, (field->flags & ARROW_FLAG_NULLABLE) != 0, 0 }, { 1, type.kind, 0 }, { REFERENCE, 0, 0 }, { 0, 0, 0 },
		{ REFERENCE, 0, 0 }, { field->metadata ? REFERENCE : 0, 0, 0 },
	};
	SPK_TRY(put_table(f, hole, slot, SPK_COUNT_OF(slot)));
	SPK_TRY(put_string(f, slot[0].hole, field->name, strlen(field->name)));
	SPK_TRY(put_table(f, slot[3].hole, type.slot, type.slots));
	if (zone)
		SPK_TRY(put_string(f, type.slot[1].hole, zone, strlen(zone)));
	SPK_TRY(put_fields(f, slot[5].hole, field));
	return field->metadata ? put_metadata(f, slot[6].hole, field->metadata) : SPK_OK;
}

static spk_status put_fields(struct flat *f, size_t hole, const struct ArrowSchema *parent)
{
	size_t holes;

	SPK_TRY(put_references(f, hole, parent->n_children, &holes));
	for (int64_t i = 0; i < parent->n_children; i++)
		SPK_TRY(put_field(f, holes + 4 * (size_t)i, parent->children[i]));
	return SPK_OK;
}

spk_status spk_arrow_ipc_schema(const struct ArrowSchema *schema, struct spk_buffer *out, spk_error *err)
{
	struct flat f = { .out = out, .err = err };
	struct slot slot[] = { { 2, 0, 0 }, { REFERENCE, 0, 0 } };
	size_t header;

	SPK_TRY(begin_message(&f, HEADER_SCHEMA, 0, &header));
	SPK_TRY(put_table(&f, header, slot, SPK_COUNT_OF(slot)));
	SPK_TRY(put_fields(&f, slot[1].hole, schema));
	return end_message(&f);
}

/* ---- Batches ---------------------------------------------------------------------------------------------------------- */

struct piece { const void *data; int64_t offset, size; };   /* a buffer, and where it lies in the body */
struct node { int64_t length, nulls; };

/* The parts of a batch in the order of the format: fields depth first, each with its buffers. */
struct parts {
	struct spk_buffer nodes, pieces;
	int64_t body;
	spk_error *err;
};

static spk_status add_piece(struct parts *p, const void *data, int64_t size)
{
	struct piece piece = { data, p->body, data ? size : 0 };
	int64_t padded = (piece.size + BODY_ALIGNMENT - 1) / BODY_ALIGNMENT * BODY_ALIGNMENT;

	p->body += padded;
	return spk_buffer_append(&p->pieces, &piece, sizeof piece, p->err);
}

/* Bytes of a value of a format with values of one width; 0: it has offsets or children instead. */
static int64_t value_width(const char *format)
{
	switch (*format) {
	case 's': return 2;
	case 'i': case 'f': return 4;
	case 'l': case 'g': return 8;
	case 'd': return 16;
	case 't': return strcmp(format, "tdD") == 0 ? 4 : strcmp(format, "tin") == 0 ? 16 : 8;
	default: return 0;
	}
}

static spk_status add_values(struct parts *p, const char *format, const struct ArrowArray *a)
{
	const int32_t *offset = a->n_buffers > 1 ? a->buffers[1] : NULL;

	if (*format == 'b')
		return add_piece(p, a->buffers[1], (a->length + 7) / 8);
	if (strcmp(format, "+s") == 0)
		return SPK_OK;
	if (value_width(format))
		return add_piece(p, a->buffers[1], a->length * value_width(format));
	SPK_TRY(add_piece(p, offset, (a->length + 1) * (int64_t)sizeof *offset));
	return strcmp(format, "+l") == 0 ? SPK_OK : add_piece(p, a->buffers[2], offset ? offset[a->length] : 0);
}

static spk_status add_fields(struct parts *p, const struct ArrowSchema *schema, const struct ArrowArray *array)
{
	for (int64_t i = 0; i < array->n_children; i++) {
		const struct ArrowArray *a = array->children[i];
		struct node node = { a->length, a->null_count };

		SPK_TRY(spk_buffer_append(&p->nodes, &node, sizeof node, p->err));
		SPK_TRY(add_piece(p, a->null_count ? a->buffers[0] : NULL, (a->length + 7) / 8));
		SPK_TRY(add_values(p, schema->children[i]->format, a));
		SPK_TRY(add_fields(p, schema->children[i], a));
	}
	return SPK_OK;
}

static spk_status put_metadata_of_batch(struct flat *f, const struct parts *p, int64_t rows)
{
	struct slot slot[] = { { 8, rows, 0 }, { REFERENCE, 0, 0 }, { REFERENCE, 0, 0 } };
	const struct piece *piece = (const void *)p->pieces.data;
	size_t pieces = p->pieces.size / sizeof *piece, header;

	SPK_TRY(begin_message(f, HEADER_BATCH, p->body, &header));
	SPK_TRY(put_table(f, header, slot, SPK_COUNT_OF(slot)));
	SPK_TRY(put_vector_head(f, slot[1].hole, (uint32_t)(p->nodes.size / sizeof(struct node)), 8));
	SPK_TRY(put(f, p->nodes.data, p->nodes.size));
	SPK_TRY(put_vector_head(f, slot[2].hole, (uint32_t)pieces, 8));
	for (size_t i = 0; i < pieces; i++)
		SPK_TRY(put(f, &piece[i].offset, 2 * sizeof piece[i].offset));
	return end_message(f);
}

static spk_status put_batch(const struct ArrowArray *batch, const struct parts *p, struct spk_buffer *out, spk_error *err)
{
	struct flat f = { .out = out, .err = err };
	const struct piece *piece = (const void *)p->pieces.data;

	SPK_TRY(put_metadata_of_batch(&f, p, batch->length));
	SPK_TRY(spk_buffer_reserve(out, (size_t)p->body, err));
	f.start = out->size;   /* of the body */
	for (size_t i = 0; i < p->pieces.size / sizeof *piece; i++) {
		SPK_TRY(put(&f, piece[i].data, (size_t)piece[i].size));
		SPK_TRY(align(&f, BODY_ALIGNMENT, 0));
	}
	return SPK_OK;
}

spk_status spk_arrow_ipc_batch(const struct ArrowSchema *schema, const struct ArrowArray *batch, struct spk_buffer *out, spk_error *err)
{
	struct parts p = { .err = err };
	spk_status status = add_fields(&p, schema, batch);

	if (status == SPK_OK)
		status = put_batch(batch, &p, out, err);
	spk_buffer_release(&p.nodes);
	spk_buffer_release(&p.pieces);
	return status;
}

spk_status spk_arrow_ipc_end(struct spk_buffer *out, spk_error *err)
{
	static const int32_t end[2] = { CONTINUES, 0 };

	return spk_buffer_append(out, end, sizeof end, err);
}
