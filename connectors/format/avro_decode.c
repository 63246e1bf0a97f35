/*
 * Avro data into columns, by the steps that schema resolution made: no tree in between, and no memory per row but what arrays, jsonb and
 * enums' texts need. All that is skipped is checked like what is read, UTF-8 too, so that a row is malformed, or not, whatever is read of it.
 */
#include "connectors/format/avro_step.h"
#include "connectors/format/avro_take.h"

#include <stdio.h>

#include "core/columnar/decimal.h"

static spk_status read_value(struct reading *r, const struct spk_avro_step *s, struct spk_vector *v, int row, int rows, spk_error *err);

/* --- skipping --- */

static spk_status skip(struct reading *r, const struct spk_avro_type *type, int depth);

static spk_status skip_blocks(struct reading *r, const struct spk_avro_type *type, int depth)
{
	uint64_t count;

	for (;;) {
		SPK_TRY(take_block(r, &count));
		if (!count)
			return SPK_OK;
		SPK_TRY(take_items(r, count));
		for (uint64_t i = 0; i < count; i++) {
			if (type->kind == SPK_AVRO_MAP)
				SPK_TRY(skip(r, &(struct spk_avro_type){ .kind = SPK_AVRO_STRING }, depth));
			SPK_TRY(skip(r, type->item[0], depth));
		}
	}
}

static spk_status skip_text(struct reading *r, const struct spk_avro_type *type)
{
	const char *s;
	uint32_t n;

	SPK_TRY(take_bytes(r, type, &s, &n));
	if (type->kind == SPK_AVRO_STRING && !spk_cell_is_text(s, n))
		return spk_cells_bad(r->c, "a string of the Avro datum is not UTF-8 text, or holds a byte 0");
	return SPK_OK;
}

static spk_status skip(struct reading *r, const struct spk_avro_type *type, int depth)
{
	const char *s;
	int64_t v;
	int branch;

	if (depth >= SPK_CELL_DEPTH)
		return spk_cells_bad(r->c, "the Avro datum is nested more than %d deep", SPK_CELL_DEPTH);
	switch (type->kind) {
	case SPK_AVRO_NULL:
		return SPK_OK;
	case SPK_AVRO_BOOLEAN:
		return spk_wire_bytes(r->in, 1, &s) ? SPK_OK : torn(r->c);
	case SPK_AVRO_INT: case SPK_AVRO_LONG:
		return take_long(r->in, &v) && (type->kind == SPK_AVRO_LONG || v == (int32_t)v) ? SPK_OK : torn(r->c);
	case SPK_AVRO_FLOAT: case SPK_AVRO_DOUBLE:
		return spk_wire_bytes(r->in, type->kind == SPK_AVRO_FLOAT ? 4 : 8, &s) ? SPK_OK : torn(r->c);
	case SPK_AVRO_BYTES: case SPK_AVRO_STRING: case SPK_AVRO_FIXED:
		return skip_text(r, type);
	case SPK_AVRO_ENUM:
		return take_symbol(r, type, &s);
	case SPK_AVRO_ARRAY: case SPK_AVRO_MAP:
		return skip_blocks(r, type, depth + 1);
	case SPK_AVRO_UNION:
		SPK_TRY(take_branch(r, type, &branch));
		return skip(r, type->item[branch], depth + 1);
	case SPK_AVRO_RECORD:
		break;
	}
	for (int i = 0; i < type->count; i++)
		SPK_TRY(skip(r, type->field[i].type, depth + 1));
	return SPK_OK;
}

/* --- scalars --- */

static spk_status read_scaled(struct reading *r, const struct spk_avro_step *s, struct spk_vector *v, int row)
{
	int64_t n, *out = spk_vector_i64(v) + row;

	if (!take_long(r->in, &n))
		return torn(r->c);
	if (s->factor < 0) {
		int64_t by = -s->factor;

		*out = n / by - (n % by < 0);
		return SPK_OK;
	}
	if (__builtin_mul_overflow(n, s->factor, out) || (v->type.id == SPK_TYPE_TIME && (*out < 0 || *out > INT64_C(86400000000))))
		return spk_cells_misfit_integer(r->c, s->name, v->type, n, "out of range");
	return SPK_OK;
}

bool spk_avro_unscaled(const char *s, uint32_t n, spk_int128 *out)
{
	const uint8_t *p = (const uint8_t *)s;
	unsigned __int128 v = n && p[0] >= 0x80 ? ~(unsigned __int128)0 : 0;
	uint8_t sign = n && p[0] >= 0x80 ? 0xff : 0;

	for (; n > 16; n--)
		if (*p++ != sign)
			return false;
	if (n == 16 && (const uint8_t *)s != p && (*p & 0x80) != (sign & 0x80))
		return false;
	for (uint32_t i = 0; i < n; i++)
		v = v << 8 | p[i];
	*out = (spk_int128)v;
	return !spk_decimal_is_special(*out);
}

static spk_status read_decimal(struct reading *r, const struct spk_avro_step *s, struct spk_vector *v, int row)
{
	const char *bytes;
	uint32_t n;
	spk_int128 m;

	SPK_TRY(take_bytes(r, s->from, &bytes, &n));
	if (!spk_avro_unscaled(bytes, n, &m) || !spk_decimal_store_declared(v->type, m, s->from->scale, spk_vector_i128(v) + row))
		return spk_cells_misfit(r->c, s->name, v->type, NULL, "out of range");
	return SPK_OK;
}

static spk_status read_bytes(struct reading *r, const struct spk_avro_step *s, struct spk_vector *v, int row)
{
	const char *bytes;
	uint32_t n;

	SPK_TRY(take_bytes(r, s->from, &bytes, &n));
	if (s->op == SPK_AVRO_OP_TEXT)
		return spk_cells_text(r->c, s->name, v, row, bytes, n);
	spk_vector_view(v)[row] = spk_view_padded(bytes, n);
	return SPK_OK;
}

static spk_status read_uuid(struct reading *r, const struct spk_avro_step *s, struct spk_vector *v, int row, spk_error *err)
{
	static const char hex[] = "0123456789abcdef";
	const char *bytes;
	char text[36], *p = text, *copy;
	uint32_t n;

	SPK_TRY(take_bytes(r, s->from, &bytes, &n));
	for (uint32_t i = 0; i < n; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*p++ = '-';
		*p++ = hex[(uint8_t)bytes[i] >> 4];
		*p++ = hex[bytes[i] & 15];
	}
	copy = spk_arena_copy(r->c->arena, text, sizeof(text));
	SPK_TRY_PTR(copy, err);
	return spk_cells_plain_text(r->c, s->name, v, row, copy, (uint32_t)(p - text));
}

/* Months, days and milliseconds, unsigned. */
static spk_status read_duration(struct reading *r, const struct spk_avro_step *s, struct spk_vector *v, int row)
{
	uint32_t part[3];

	if (!spk_wire_word(r->in, part, sizeof(part)))
		return torn(r->c);
	if (part[0] > INT32_MAX || part[1] > INT32_MAX)
		return spk_cells_misfit(r->c, s->name, v->type, NULL, "out of range");
	spk_vector_interval(v)[row] = (struct spk_interval){ (int32_t)part[0], (int32_t)part[1], (int64_t)part[2] * 1000 };
	return SPK_OK;
}

static spk_status read_json(struct reading *r, const struct spk_avro_step *s, struct spk_vector *v, int row, spk_error *err)
{
	const char *text;
	uint32_t n;

	spk_buffer_clear(&r->c->json);
	if (s->op == SPK_AVRO_OP_JSON_TEXT) {
		SPK_TRY(take_bytes(r, s->from, &text, &n));
		if (!spk_cell_is_text(text, n))
			return spk_cells_misfit(r->c, s->name, v->type, NULL, "not UTF-8 text");
		SPK_TRY(spk_buffer_append(&r->c->json, text, n, err));
	} else {
		SPK_TRY(spk_avro_to_json(r->c, r->in, s->from, 0, err));
	}
	return spk_cells_json(r->c, s->name, v, row, err);
}

static spk_status read_number(struct reading *r, const struct spk_avro_step *s, struct spk_vector *v, int row)
{
	int64_t n;

	if (!take_long(r->in, &n) || (s->from->kind == SPK_AVRO_INT && n != (int32_t)n))
		return torn(r->c);
	return spk_cells_integer(r->c, s->name, v, row, n);
}

static spk_status read_float(struct reading *r, const struct spk_avro_step *s, struct spk_vector *v, int row)
{
	float f;

	if (s->op == SPK_AVRO_OP_DOUBLE)
		return spk_wire_word(r->in, spk_vector_f64(v) + row, 8) ? SPK_OK : torn(r->c);
	if (!spk_wire_word(r->in, &f, sizeof(f)))
		return torn(r->c);
	if (s->op == SPK_AVRO_OP_FLOAT)
		spk_vector_f32(v)[row] = f;
	else
		spk_vector_f64(v)[row] = (double)f;
	return SPK_OK;
}

static spk_status read_boolean(struct reading *r, const struct spk_avro_step *s, struct spk_vector *v, int row)
{
	uint8_t b;

	if (!spk_wire_word(r->in, &b, 1))
		return torn(r->c);
	if (b > 1)
		return spk_cells_misfit_integer(r->c, s->name, v->type, b, "a boolean is a byte 0 or 1");
	spk_vector_bool(v)[row] = b;
	return SPK_OK;
}

/* --- arrays and records --- */

static spk_status read_array(struct reading *r, const struct spk_avro_step *s, struct spk_vector *v, int row, spk_error *err)
{
	int32_t *offset = spk_vector_i32(v);
	int used = offset[row], rows;
	uint64_t count;

	for (;;) {
		SPK_TRY(take_block(r, &count));
		if (!count)
			break;
		SPK_TRY(spk_cells_elements(r->c, s->name, v->child, used, count, &rows, err));
		for (uint64_t i = 0; i < count; i++)
			SPK_TRY(read_value(r, s->step, v->child, used++, rows, err));
	}
	offset[row + 1] = used;
	return SPK_OK;
}

/* What the writer does not have. */
static spk_status fill(struct reading *r, const struct spk_avro_fill *f, struct spk_vector *v, int row, int rows, spk_error *err)
{
	struct spk_wire datum = { (const uint8_t *)f->datum, (const uint8_t *)f->datum + f->size };
	struct reading inner = { r->c, &datum };

	if (!f->datum)
		return spk_text_put_null(v, row, rows, r->c->arena, err);
	return read_value(&inner, &f->step, v, row, rows, err);
}

static spk_status read_fields(struct reading *r, const struct spk_avro_step *s, struct spk_vector *child, int row, int rows, spk_error *err)
{
	const struct spk_avro_type *from = s->from;

	for (int i = 0; i < from->count; i++) {
		if (s->to[i] < 0)
			SPK_TRY(skip(r, from->field[i].type, 0));
		else
			SPK_TRY(read_value(r, &s->step[i], &child[s->to[i]], row, rows, err));
	}
	for (int i = 0; i < s->fills; i++)
		SPK_TRY(fill(r, &s->fill[i], &child[s->fill[i].to], row, rows, err));
	return SPK_OK;
}

static spk_status read_union(struct reading *r, const struct spk_avro_step *s, struct spk_vector *v, int row, int rows, spk_error *err)
{
	int branch;

	SPK_TRY(take_branch(r, s->from, &branch));
	return read_value(r, &s->step[branch], v, row, rows, err);
}

static spk_status read_value(struct reading *r, const struct spk_avro_step *s, struct spk_vector *v, int row, int rows, spk_error *err)
{
	const char *symbol;
	int64_t n;
	int branch;

	if (s->optional) {
		SPK_TRY(take_branch(r, s->optional, &branch));
		if (s->optional->item[branch]->kind == SPK_AVRO_NULL)
			return spk_text_put_null(v, row, rows, r->c->arena, err);
	}
	if (s->op == SPK_AVRO_OP_UNION)
		return read_union(r, s, v, row, rows, err);
	if (s->op == SPK_AVRO_OP_NULL)
		return spk_text_put_null(v, row, rows, r->c->arena, err);
	spk_cell_valid(v, row);
	switch (s->op) {
	case SPK_AVRO_OP_LONG:
		return take_long(r->in, spk_vector_i64(v) + row) ? SPK_OK : torn(r->c);
	case SPK_AVRO_OP_INT:
		if (!take_long(r->in, &n) || n != (int32_t)n)
			return torn(r->c);
		spk_vector_i32(v)[row] = (int32_t)n;
		return SPK_OK;
	case SPK_AVRO_OP_TEXT: case SPK_AVRO_OP_BYTES: return read_bytes(r, s, v, row);
	case SPK_AVRO_OP_SCALED: return read_scaled(r, s, v, row);
	case SPK_AVRO_OP_INTEGER: return read_number(r, s, v, row);
	case SPK_AVRO_OP_FLOAT: case SPK_AVRO_OP_FLOAT_DOUBLE: case SPK_AVRO_OP_DOUBLE: return read_float(r, s, v, row);
	case SPK_AVRO_OP_BOOLEAN: return read_boolean(r, s, v, row);
	case SPK_AVRO_OP_DECIMAL: return read_decimal(r, s, v, row);
	case SPK_AVRO_OP_ENUM:
		SPK_TRY(take_symbol(r, s->from, &symbol));
		return spk_cells_plain_text(r->c, s->name, v, row, symbol, (uint32_t)strlen(symbol));
	case SPK_AVRO_OP_UUID: return read_uuid(r, s, v, row, err);
	case SPK_AVRO_OP_DURATION: return read_duration(r, s, v, row);
	case SPK_AVRO_OP_JSON: case SPK_AVRO_OP_JSON_TEXT: return read_json(r, s, v, row, err);
	case SPK_AVRO_OP_ARRAY: return read_array(r, s, v, row, err);
	case SPK_AVRO_OP_RECORD: return read_fields(r, s, v->child, row, rows, err);
	default: return spk_cells_bad(r->c, "%s", s->why);
	}
}

/* --- the row --- */

static spk_status null_row(struct spk_cells *c, struct spk_batch *batch, int row, const bool *skips, spk_error *err)
{
	for (int i = 0; i < batch->columns; i++)
		if (!skips[i])
			SPK_TRY(spk_text_put_null(&batch->column[i], row, batch->rows, c->arena, err));
	return SPK_OK;
}

static spk_status read_row(struct reading *r, const struct spk_avro_program *p, struct spk_batch *batch, int row, spk_error *err)
{
	int branch;

	if (p->plain && p->column < 0)
		return skip(r, p->root.from, 0);
	if (p->plain)
		return read_value(r, &p->root, &batch->column[p->column], row, batch->rows, err);
	if (p->wrapped) {
		SPK_TRY(take_branch(r, p->wrapped, &branch));
		if (p->wrapped->item[branch]->kind == SPK_AVRO_NULL)
			return null_row(r->c, batch, row, p->skip, err);
	}
	return read_fields(r, &p->root, batch->column, row, batch->rows, err);
}

spk_status spk_avro_read(const struct spk_avro_program *p, struct spk_cells *c, struct spk_wire *in, struct spk_batch *batch, int row, spk_error *err)
{
	struct reading r = { c, in };

	SPK_TRY(read_row(&r, p, batch, row, err));
	if (spk_wire_left(in))
		return spk_cells_bad(c, "%zu bytes are left behind the Avro datum: it was written with another schema", spk_wire_left(in));
	return SPK_OK;
}
