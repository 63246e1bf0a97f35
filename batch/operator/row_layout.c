/* Rows as records. See row_layout.h. Columns are written and read one after the other, over a few rows at a time that stay in the cache. */
#include "batch/operator/row_layout.h"

enum { STRIP = 256, LINE = 64, LINES_AHEAD = 3, LENGTH_BYTES = 4 };

spk_status spk_row_layout_init(struct spk_row_layout *l, const struct spk_schema *schema, bool keyed, struct spk_arena *arena, spk_error *err)
{
	int at = (schema->count + 7) / 8;

	*l = (struct spk_row_layout){ .schema = schema, .keyed = keyed, .offset = SPK_NEW_ARRAY(arena, int, schema->count + 1) };
	SPK_TRY_PTR(l->offset, err);
	l->weight = at;
	at += (int)sizeof(int32_t);
	for (int c = 0; c < schema->count; c++) {
		struct spk_type type = schema->field[c].type;

		l->nested = l->nested || spk_type_is_nested(type);
		l->offset[c] = at;
		at += spk_type_is_nested(type) ? 0 : spk_type_width(type);
	}
	l->side = at;
	l->fixed = at + (l->nested ? (int)sizeof(uint32_t) : 0);
	return SPK_OK;
}

static inline int row_at(const struct spk_row_input *r, int i) { return r->sel ? r->sel[i] : i; }

/* --- writing --- */

void spk_row_layout_sizes(const struct spk_row_layout *l, const struct spk_row_input *rows, size_t *size)
{
	for (int i = 0; i < rows->n; i++) {
		uint32_t key = 0;

		if (l->keyed)
			spk_row_input_key(rows, i, &key);
		size[i] = (size_t)l->fixed + (l->keyed ? LENGTH_BYTES + key : 0);
	}
	for (int c = 0; c < l->schema->count; c++) {
		struct spk_reader r = spk_vector_reader(&rows->in->column[c]);

		if (!spk_type_is_view(l->schema->field[c].type))
			continue;
		for (int i = 0; i < rows->n; i++) {
			uint32_t slot = spk_reader_slot(&r, row_at(rows, i));
			const struct spk_view *v = &((const struct spk_view *)r.data)[slot];

			size[i] += v->length > SPK_VIEW_INLINE && spk_reader_valid(&r, slot) ? v->length : 0;
		}
	}
}

#define CELL(width, kind) typedef kind __attribute__((may_alias, aligned(1))) cell##width;
CELL(1, uint8_t)
CELL(2, uint16_t)
CELL(4, uint32_t)
CELL(8, uint64_t)
CELL(16, unsigned __int128)

/* By width alone: integers, times and floats alike. */
#define WRITE_KERNEL(width) \
	static void write##width(const struct spk_reader *r, const struct spk_row_input *rows, char *const *at, int offset) \
	{ \
		for (int i = 0; i < rows->n; i++) \
			*(cell##width *)(at[i] + offset) = ((const cell##width *)r->data)[spk_reader_slot(r, row_at(rows, i))]; \
	}
WRITE_KERNEL(1)
WRITE_KERNEL(2)
WRITE_KERNEL(4)
WRITE_KERNEL(8)
WRITE_KERNEL(16)

static void write_texts(const struct spk_reader *r, const struct spk_row_input *rows, char *const *at, int offset, char **free_at)
{
	for (int i = 0; i < rows->n; i++) {
		uint32_t slot = spk_reader_slot(r, row_at(rows, i));
		struct spk_view v = { 0 };

		if (spk_reader_valid(r, slot))
			v = ((const struct spk_view *)r->data)[slot];
		if (v.length > SPK_VIEW_INLINE) {
			v.ref.pointer = memcpy(free_at[i], v.ref.pointer, v.length);
			free_at[i] += v.length;
		}
		memcpy(at[i] + offset, &v, sizeof v);
	}
}

static void write_nulls(const struct spk_reader *r, const struct spk_row_input *rows, char *const *at, int column, bool *seen)
{
	for (int i = 0; r->valid && i < rows->n; i++) {
		uint32_t slot = spk_reader_slot(r, row_at(rows, i));

		if (spk_bit(r->valid, (int)slot))
			continue;
		at[i][column / 8] = (char)(at[i][column / 8] | 1 << column % 8);
		*seen = true;
	}
}

static void write_head(const struct spk_row_layout *l, const struct spk_row_input *rows, char *const *at, uint32_t side, char **free_at)
{
	for (int i = 0; i < rows->n; i++) {
		int32_t weight = spk_batch_weight(rows->in, row_at(rows, i));
		uint32_t number = side + (uint32_t)i, size;

		memset(at[i], 0, (size_t)l->weight);
		memcpy(at[i] + l->weight, &weight, sizeof weight);
		if (l->nested)
			memcpy(at[i] + l->side, &number, sizeof number);
		free_at[i] = at[i] + l->fixed;
		if (l->keyed) {
			const char *key = spk_row_input_key(rows, i, &size);

			memcpy(free_at[i], &size, LENGTH_BYTES);
			memcpy(free_at[i] + LENGTH_BYTES, key, size);
			free_at[i] += LENGTH_BYTES + size;
		}
	}
}

void spk_row_layout_write(const struct spk_row_layout *l, const struct spk_row_input *rows, char *const *at, uint32_t side, bool *seen_null)
{
	char *free_at[SPK_BATCH_ROWS];

	write_head(l, rows, at, side, free_at);
	for (int c = 0; c < l->schema->count; c++) {
		struct spk_reader r = spk_vector_reader(&rows->in->column[c]);
		struct spk_type type = l->schema->field[c].type;

		if (spk_type_is_nested(type))
			continue;
		write_nulls(&r, rows, at, c, &seen_null[c]);
		if (spk_type_is_view(type)) {
			write_texts(&r, rows, at, l->offset[c], free_at);
			continue;
		}
		switch (spk_type_width(type)) {
		case 1: write1(&r, rows, at, l->offset[c]); break;
		case 2: write2(&r, rows, at, l->offset[c]); break;
		case 4: write4(&r, rows, at, l->offset[c]); break;
		case 8: write8(&r, rows, at, l->offset[c]); break;
		default: write16(&r, rows, at, l->offset[c]);
		}
	}
}

/* --- reading --- */

#define READ_KERNEL(width) \
	static void read##width(void *to, char *const *at, int n, int offset) \
	{ \
		for (int i = 0; i < n; i++) \
			((cell##width *)to)[i] = *(const cell##width *)(at[i] + offset); \
	}
READ_KERNEL(1)
READ_KERNEL(2)
READ_KERNEL(4)
READ_KERNEL(8)
READ_KERNEL(16)

static void read_fixed(void *to, int width, char *const *at, int n, int offset)
{
	switch (width) {
	case 1: read1(to, at, n, offset); break;
	case 2: read2(to, at, n, offset); break;
	case 4: read4(to, at, n, offset); break;
	case 8: read8(to, at, n, offset); break;
	default: read16(to, at, n, offset);
	}
}

static void read_nulls(uint64_t *valid, int from, char *const *at, int n, int column)
{
	for (int i = 0; i < n; i++)
		if (at[i][column / 8] >> column % 8 & 1)
			spk_bit_clear(valid, from + i);
}

/* Rows [from, from + n) of all columns. */
static spk_status read_strip(const struct spk_row_layout *l, char *const *at, int from, int n, struct spk_batch *out, spk_error *err)
{
	for (int c = 0; c < l->schema->count; c++) {
		struct spk_type type = l->schema->field[c].type;
		struct spk_vector *v = &out->column[c];
		int width = spk_type_width(type);

		if (spk_type_is_nested(type))
			continue;
		read_fixed((char *)v->data + (size_t)from * (size_t)width, width, at + from, n, l->offset[c]);
		if (v->valid)
			read_nulls(v->valid, from, at + from, n, c);
		if (spk_type_is_view(type))
			SPK_TRY(spk_views_own(spk_vector_view(v) + from, n, out->arena, err));
	}
	return SPK_OK;
}

static void prefetch(char *const *at, int n)
{
	for (int i = 0; i < n; i++)
		for (int line = 0; line < LINES_AHEAD; line++)
			__builtin_prefetch(at[i] + line * LINE);
}

static spk_status init_columns(const struct spk_row_layout *l, int n, const bool *nullable, struct spk_batch *out, spk_error *err)
{
	for (int c = 0; c < l->schema->count; c++) {
		SPK_TRY(spk_vector_init(&out->column[c], l->schema->field[c].type, n, out->arena, err));
		if (nullable[c] && !spk_type_is_nested(l->schema->field[c].type))
			SPK_TRY(spk_vector_need_valid(&out->column[c], n, out->arena, err));
	}
	return SPK_OK;
}

spk_status spk_row_layout_read(const struct spk_row_layout *l, char *const *at, int n, const bool *nullable, bool weighted, struct spk_batch *out, spk_error *err)
{
	int32_t *weight = weighted ? spk_arena_alloc(out->arena, (size_t)n * sizeof *weight) : NULL;

	SPK_TRY_PTR(weight || !weighted, err);
	SPK_TRY(init_columns(l, n, nullable, out, err));
	prefetch(at, SPK_MIN(n, STRIP));
	for (int from = 0; from < n; from += STRIP) {
		int rows = SPK_MIN(n - from, STRIP), next = from + rows;

		prefetch(at + next, SPK_MIN(n - next, STRIP));
		SPK_TRY(read_strip(l, at, from, rows, out, err));
		for (int i = from; weighted && i < next; i++)
			memcpy(&weight[i], at[i] + l->weight, sizeof *weight);
	}
	out->weight = weight;
	return SPK_OK;
}
