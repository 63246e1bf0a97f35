/*
 * Protobuf messages into columns, field by field as they come. Fields may come in any order and scattered: an array's elements are appended as
 * they come, of single values the last counts, of single messages that come more than once all are put together before they are read (which is what
 * merging them means). Fields that are not known are skipped; those that are known but not read are checked.
 */
#include "connectors/format/protobuf_take.h"

#include "core/columnar/decimal.h"
#include "connectors/format/put.h"

enum { SEEN_WORDS = 4 };

struct reading { struct spk_cells *c; spk_error *err; };

static spk_status read_message(struct reading *r, const struct spk_pb_plan *p, struct spk_wire in, struct spk_vector *child, int row, int rows, int depth);

/* --- scalars --- */

static spk_status read_integer(struct reading *r, const struct spk_pb_field *f, const struct spk_pb_step *s, uint64_t bits, struct spk_vector *v, int row)
{
	char text[24];
	bool large;
	int64_t n = integer_of(f->kind, bits, &large);

	if (SPK_LIKELY(!large))
		return spk_cells_integer(r->c, s->name, v, row, n);
	if (v->type.id == SPK_TYPE_DECIMAL && spk_decimal_store_declared(v->type, (spk_int128)bits, 0, spk_vector_i128(v) + row))
		return SPK_OK;
	*spk_put_u64(text, bits) = '\0';
	return spk_cells_misfit(r->c, s->name, v->type, text, "out of range");
}

/* A number that the enum has no symbol for is its digits. */
static spk_status read_symbol(struct reading *r, const struct spk_pb_field *f, const struct spk_pb_step *s, uint64_t bits, struct spk_vector *v, int row)
{
	const char *symbol = spk_pb_symbol(f->symbols, (int32_t)bits);
	char text[24];

	if (!symbol)
		*spk_put_i64(text, (int32_t)bits) = '\0';
	return spk_cells_plain_text(r->c, s->name, v, row, symbol ? symbol : text, (uint32_t)strlen(symbol ? symbol : text));
}

spk_status spk_pb_timestamp(struct spk_cells *c, struct spk_wire in, int64_t *us, bool *fits)
{
	int64_t seconds = 0, nanos = 0;
	enum spk_pb_wire wire;
	uint32_t number;
	struct value v;

	while (spk_wire_left(&in)) {
		SPK_TRY(take_tag(c, &in, &number, &wire));
		if (number > 2 || wire != SPK_PB_VARINT) {
			SPK_TRY(skip_field(c, &in, number, wire));
			continue;
		}
		SPK_TRY(take_value(c, &in, wire, &v));
		if (number == 1)
			seconds = (int64_t)v.bits;
		else
			nanos = (int32_t)v.bits;
	}
	*fits = nanos >= 0 && nanos < 1000000000 && !__builtin_mul_overflow(seconds, 1000000, us) && !__builtin_add_overflow(*us, nanos / 1000, us);
	return SPK_OK;
}

static spk_status read_timestamp(struct reading *r, const struct spk_pb_step *s, struct spk_wire in, struct spk_vector *v, int row)
{
	bool fits;

	SPK_TRY(spk_pb_timestamp(r->c, in, spk_vector_i64(v) + row, &fits));
	return fits ? SPK_OK : spk_cells_misfit(r->c, s->name, v->type, NULL, "seconds or nanoseconds out of range");
}

static struct spk_wire inside(const struct value *v)
{
	return (struct spk_wire){ (const uint8_t *)v->s, (const uint8_t *)v->s + v->n };
}

static spk_status check_text(struct spk_cells *c, const struct spk_pb_field *f, const struct value *v)
{
	if (f->kind == SPK_PB_STRING && !spk_cell_is_text(v->s, v->n))
		return spk_cells_bad(c, "the string \"%s\" of the protobuf message is not UTF-8 text, or holds a byte 0", f->name);
	return SPK_OK;
}

/* One value, or one element, into a place. */
static spk_status read_one(struct reading *r, const struct spk_pb_field *f, const struct spk_pb_step *s, const struct value *value, struct spk_vector *v, int row, int rows, int depth)
{
	spk_cell_valid(v, row);
	switch (s->op) {
	case SPK_PB_OP_BOOLEAN:
		spk_vector_bool(v)[row] = value->bits != 0;
		return SPK_OK;
	case SPK_PB_OP_PLAIN:
		spk_vector_i64(v)[row] = (int64_t)value->bits;
		return SPK_OK;
	case SPK_PB_OP_INTEGER: case SPK_PB_OP_UNSIGNED: return read_integer(r, f, s, value->bits, v, row);
	case SPK_PB_OP_FLOAT:
		spk_vector_f32(v)[row] = (float)double_of(f->kind, value->bits);
		return SPK_OK;
	case SPK_PB_OP_DOUBLE:
		spk_vector_f64(v)[row] = double_of(f->kind, value->bits);
		return SPK_OK;
	case SPK_PB_OP_TEXT: return spk_cells_text(r->c, s->name, v, row, value->s, value->n);
	case SPK_PB_OP_BYTES:
		SPK_TRY(check_text(r->c, f, value));
		spk_vector_view(v)[row] = spk_view_padded(value->s, value->n);
		return SPK_OK;
	case SPK_PB_OP_SYMBOL: return read_symbol(r, f, s, value->bits, v, row);
	case SPK_PB_OP_TIMESTAMP: return read_timestamp(r, s, inside(value), v, row);
	default: return read_message(r, s->plan, inside(value), v->child, row, rows, depth + 1);
	}
}

/* --- arrays --- */

static spk_status append_one(struct reading *r, const struct spk_pb_field *f, const struct spk_pb_step *s, const struct value *value, struct spk_vector *v, int row, int depth)
{
	int32_t *end = &spk_vector_i32(v)[row + 1];
	int rows;

	SPK_TRY(spk_cells_elements(r->c, s->name, v->child, *end, 1, &rows, r->err));
	SPK_TRY(read_one(r, f, s, value, v->child, *end, rows, depth));
	++*end;
	return SPK_OK;
}

/* Many numbers in one field. `v` NULL: they are checked only. */
static spk_status append_packed(struct reading *r, const struct spk_pb_field *f, const struct spk_pb_step *s, struct spk_wire in, struct spk_vector *v, int row, int depth)
{
	struct value value = { 0 };

	while (spk_wire_left(&in)) {
		SPK_TRY(take_value(r->c, &in, f->wire, &value));
		if (v)
			SPK_TRY(append_one(r, f, s, &value, v, row, depth));
	}
	return SPK_OK;
}

/* --- what goes nowhere --- */

static spk_status check_required(struct spk_cells *c, const struct spk_pb_message *m, const uint64_t *seen)
{
	for (int i = 0; m->required && i < m->count; i++)
		if (m->field[i].required && !spk_bit(seen, i))
			return spk_cells_bad(c, "the protobuf message %s has no field \"%s\", which is required", m->name, m->field[i].name);
	return SPK_OK;
}

static spk_status need_seen(struct spk_cells *c, const struct spk_pb_message *m, uint64_t room[SEEN_WORDS], uint64_t **out, spk_error *err)
{
	size_t words = spk_bitmap_words(m->count);

	*out = words <= SEEN_WORDS ? memset(room, 0, SEEN_WORDS * sizeof(*room)) : spk_arena_zalloc(c->arena, words * sizeof(**out));
	SPK_TRY_PTR(*out, err);
	return SPK_OK;
}

static spk_status check_value(struct spk_cells *c, struct spk_wire *in, const struct spk_pb_field *f, enum spk_pb_wire wire, bool packed, int depth, spk_error *err)
{
	struct reading r = { c, err };
	struct value v = { 0 };

	SPK_TRY(take_value(c, in, wire, &v));
	if (packed)
		return append_packed(&r, f, NULL, inside(&v), NULL, 0, depth);
	if (f->kind == SPK_PB_MESSAGE)
		return spk_pb_check(c, inside(&v), f->message, depth + 1, err);
	return check_text(c, f, &v);
}

spk_status spk_pb_check(struct spk_cells *c, struct spk_wire in, const struct spk_pb_message *m, int depth, spk_error *err)
{
	uint64_t room[SEEN_WORDS], *seen;
	enum spk_pb_wire wire;
	uint32_t number;
	int next = 0;
	bool packed;

	if (depth >= SPK_CELL_DEPTH)
		return spk_cells_bad(c, "the protobuf message is nested more than %d deep", SPK_CELL_DEPTH);
	SPK_TRY(need_seen(c, m, room, &seen, err));
	while (spk_wire_left(&in)) {
		const struct spk_pb_field *f;

		SPK_TRY(take_tag(c, &in, &number, &wire));
		f = spk_pb_find(m, number, next);
		if (!f || !wire_fits(f, wire, &packed)) {
			SPK_TRY(skip_field(c, &in, number, wire));
			continue;
		}
		next = (int)(f - m->field) + 1;
		spk_bit_set(seen, next - 1);
		SPK_TRY(check_value(c, &in, f, wire, packed, depth, err));
	}
	return check_required(c, m, seen);
}

spk_status spk_pb_gather(struct spk_cells *c, struct spk_wire in, const struct spk_pb_field *f, struct spk_wire *out, spk_error *err)
{
	char *copy = spk_arena_alloc(c->arena, spk_wire_left(&in) + 16);
	enum spk_pb_wire wire;
	uint32_t number;
	struct value v;
	size_t size = 0;

	SPK_TRY_PTR(copy, err);
	while (spk_wire_left(&in)) {
		SPK_TRY(take_tag(c, &in, &number, &wire));
		if (number != f->number || wire != SPK_PB_BYTES) {
			SPK_TRY(skip_field(c, &in, number, wire));
			continue;
		}
		SPK_TRY(take_value(c, &in, wire, &v));
		memcpy(copy + size, v.s, v.n);
		size += v.n;
	}
	memset(copy + size, 0, 16);
	*out = (struct spk_wire){ (const uint8_t *)copy, (const uint8_t *)copy + size };
	return SPK_OK;
}

/* --- messages --- */

/* One message being read into the children of a record, or the columns of the row. */
struct target {
	const struct spk_pb_plan *plan;
	struct spk_vector *child;
	int row, rows, depth;
	uint64_t *seen;
	bool twice;         /* a single message came more than once */
};

/* Of a oneof only the last counts. */
static void forget_others(const struct target *t, const struct spk_pb_field *f)
{
	const struct spk_pb_message *m = t->plan->message;

	for (int i = 0; i < m->count; i++)
		if (m->field[i].oneof == f->oneof && &m->field[i] != f)
			spk_bit_clear(t->seen, i);
}

static spk_status read_field(struct reading *r, struct target *t, const struct spk_pb_field *f, struct spk_wire *in, enum spk_pb_wire wire, bool packed)
{
	int i = (int)(f - t->plan->message->field);
	const struct spk_pb_step *s = &t->plan->step[i];
	bool again = spk_bit(t->seen, i);
	struct spk_vector *v;
	struct value value = { 0 };

	spk_bit_set(t->seen, i);
	if (f->oneof >= 0)
		forget_others(t, f);
	if (s->op == SPK_PB_OP_CHECK || s->op == SPK_PB_OP_JSON)  /* JSON is made when all of it is there */
		return check_value(r->c, in, f, wire, packed, t->depth, r->err);
	v = &t->child[s->to];
	SPK_TRY(take_value(r->c, in, wire, &value));
	if (packed)
		return append_packed(r, f, s, inside(&value), v, t->row, t->depth);
	if (s->array)
		return append_one(r, f, s, &value, v, t->row, t->depth);
	if (again && f->kind == SPK_PB_MESSAGE) {
		t->twice = true;
		return spk_pb_check(r->c, inside(&value), f->message, t->depth + 1, r->err);
	}
	return read_one(r, f, s, &value, v, t->row, t->rows, t->depth);
}

/* Arrays begin empty: elements are appended as they come. */
static void begin_arrays(const struct target *t)
{
	for (int i = 0; i < t->plan->message->count; i++) {
		const struct spk_pb_step *s = &t->plan->step[i];

		if (!s->array || s->op == SPK_PB_OP_CHECK)
			continue;
		spk_cell_valid(&t->child[s->to], t->row);
		spk_vector_i32(&t->child[s->to])[t->row + 1] = spk_vector_i32(&t->child[s->to])[t->row];
	}
}

static spk_status read_default(struct reading *r, const struct target *t, const struct spk_pb_field *f, const struct spk_pb_step *s)
{
	const struct value value = { f->default_bits, f->default_text, f->default_size };

	if (f->kind == SPK_PB_MESSAGE || (f->presence && !t->plan->defaults))
		return spk_text_put_null(&t->child[s->to], t->row, t->rows, r->c->arena, r->err);
	return read_one(r, f, s, &value, &t->child[s->to], t->row, t->rows, t->depth);
}

static spk_status make_json(struct reading *r, const struct target *t, const struct spk_pb_field *f, const struct spk_pb_step *s, struct spk_wire whole, bool there)
{
	struct spk_vector *v = &t->child[s->to];

	if (!there && !f->repeated && (f->presence && !t->plan->defaults))
		return spk_text_put_null(v, t->row, t->rows, r->c->arena, r->err);
	if (!there && f->kind == SPK_PB_MESSAGE && !f->repeated)
		return spk_text_put_null(v, t->row, t->rows, r->c->arena, r->err);
	spk_cell_valid(v, t->row);
	spk_buffer_clear(&r->c->json);
	SPK_TRY(spk_pb_to_json(r->c, whole, f, t->depth, r->err));
	return spk_cells_json(r->c, s->name, v, t->row, r->err);
}

/* What only can be said when the message has been gone through: what is not there, JSON, messages that came in pieces. */
static spk_status finish(struct reading *r, const struct target *t, struct spk_wire whole)
{
	const struct spk_pb_message *m = t->plan->message;

	SPK_TRY(check_required(r->c, m, t->seen));
	for (int i = 0; i < m->count; i++) {
		const struct spk_pb_step *s = &t->plan->step[i];
		bool there = spk_bit(t->seen, i);

		if (s->op == SPK_PB_OP_JSON)
			SPK_TRY(make_json(r, t, &m->field[i], s, whole, there));
		else if (!there && s->op != SPK_PB_OP_CHECK && !s->array)
			SPK_TRY(read_default(r, t, &m->field[i], s));
		if (SPK_UNLIKELY(t->twice) && there && (s->op == SPK_PB_OP_ROW || s->op == SPK_PB_OP_TIMESTAMP) && !s->array) {
			struct value value = { 0 };
			struct spk_wire all;

			SPK_TRY(spk_pb_gather(r->c, whole, &m->field[i], &all, r->err));
			value.s = (const char *)all.p;
			value.n = (uint32_t)spk_wire_left(&all);
			SPK_TRY(read_one(r, &m->field[i], s, &value, &t->child[s->to], t->row, t->rows, t->depth));
		}
	}
	return SPK_OK;
}

static spk_status read_message(struct reading *r, const struct spk_pb_plan *p, struct spk_wire in, struct spk_vector *child, int row, int rows, int depth)
{
	struct target t = { p, child, row, rows, depth, NULL, false };
	struct spk_wire whole = in;
	uint64_t room[SEEN_WORDS];
	enum spk_pb_wire wire;
	uint32_t number;
	int next = 0;
	bool packed;

	if (depth >= SPK_CELL_DEPTH)
		return spk_cells_bad(r->c, "the protobuf message is nested more than %d deep", SPK_CELL_DEPTH);
	SPK_TRY(need_seen(r->c, p->message, room, &t.seen, r->err));
	begin_arrays(&t);
	while (spk_wire_left(&in)) {
		const struct spk_pb_field *f;

		SPK_TRY(take_tag(r->c, &in, &number, &wire));
		f = spk_pb_find(p->message, number, next);
		if (!f || !wire_fits(f, wire, &packed)) {
			SPK_TRY(skip_field(r->c, &in, number, wire));
			continue;
		}
		next = (int)(f - p->message->field) + 1;
		SPK_TRY(read_field(r, &t, f, &in, wire, packed));
	}
	return finish(r, &t, whole);
}

spk_status spk_pb_read(const struct spk_pb_plan *p, struct spk_cells *c, struct spk_wire *in, struct spk_batch *batch, int row, spk_error *err)
{
	struct reading r = { c, err };

	return read_message(&r, p, *in, batch->column, row, batch->rows, 0);
}
