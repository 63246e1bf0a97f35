/*
 * Protobuf values as JSON text, for jsonb columns: messages as objects by their fields' names, repeated fields as arrays, maps as objects, enums as
 * symbols, bytes as base64, Timestamp as a text. What is not there is left out, unless the field cannot say so: then it has its default.
 */
#include "connectors/format/protobuf_take.h"

#include "connectors/format/put.h"

static spk_status put_message(struct spk_cells *c, struct spk_wire in, const struct spk_pb_message *m, int depth, spk_error *err);

static spk_status put_word(struct spk_cells *c, const char *word, spk_error *err)
{
	return spk_buffer_append_str(&c->json, word, err);
}

static spk_status put_integer(struct spk_cells *c, const struct spk_pb_field *f, uint64_t bits, spk_error *err)
{
	bool large;
	int64_t n = integer_of(f->kind, bits, &large);

	if (!large)
		return spk_put_json_integer(&c->json, n, err);
	SPK_TRY(spk_buffer_reserve(&c->json, 24, err));
	c->json.size = (size_t)(spk_put_u64(c->json.data + c->json.size, bits) - c->json.data);
	return SPK_OK;
}

static spk_status put_symbol(struct spk_cells *c, const struct spk_pb_field *f, uint64_t bits, spk_error *err)
{
	const char *symbol = spk_pb_symbol(f->symbols, (int32_t)bits);

	return symbol ? spk_jsonb_append_string(&c->json, symbol, strlen(symbol), err) : spk_put_json_integer(&c->json, (int32_t)bits, err);
}

static spk_status put_inner(struct spk_cells *c, struct spk_wire in, const struct spk_pb_message *m, int depth, spk_error *err)
{
	bool fits = false;
	int64_t us;

	if (m->timestamp)
		SPK_TRY(spk_pb_timestamp(c, in, &us, &fits));
	return fits ? spk_put_json_time(&c->json, spk_type(SPK_TYPE_TIMESTAMPTZ), &us, err) : put_message(c, in, m, depth + 1, err);
}

static spk_status put_value(struct spk_cells *c, const struct spk_pb_field *f, const struct value *v, int depth, spk_error *err)
{
	switch (f->kind) {
	case SPK_PB_BOOL: return put_word(c, v->bits ? "true" : "false", err);
	case SPK_PB_FLOAT: case SPK_PB_DOUBLE: return spk_put_json_double(&c->json, double_of(f->kind, v->bits), f->kind == SPK_PB_FLOAT, err);
	case SPK_PB_STRING: return spk_jsonb_append_string(&c->json, v->s, v->n, err);
	case SPK_PB_BYTESK: return spk_put_json_bytes(&c->json, v->s, v->n, err);
	case SPK_PB_ENUM: return put_symbol(c, f, v->bits, err);
	case SPK_PB_MESSAGE: return put_inner(c, (struct spk_wire){ (const uint8_t *)v->s, (const uint8_t *)v->s + v->n }, f->message, depth, err);
	default: return put_integer(c, f, v->bits, err);
	}
}

/* The next value of the field in the message, also within a packed run; *found false at the end. */
struct walk { struct spk_wire in, run; };

static spk_status next_value(struct spk_cells *c, struct walk *w, const struct spk_pb_field *f, struct value *out, bool *found)
{
	enum spk_pb_wire wire;
	uint32_t number;
	bool packed;

	for (;;) {
		*found = spk_wire_left(&w->run) || spk_wire_left(&w->in);
		if (!*found)
			return SPK_OK;
		if (spk_wire_left(&w->run))
			return take_value(c, &w->run, f->wire, out);
		SPK_TRY(take_tag(c, &w->in, &number, &wire));
		if (number != f->number || !wire_fits(f, wire, &packed)) {
			SPK_TRY(skip_field(c, &w->in, number, wire));
			continue;
		}
		SPK_TRY(take_value(c, &w->in, wire, out));
		if (!packed)
			return SPK_OK;
		w->run = (struct spk_wire){ (const uint8_t *)out->s, (const uint8_t *)out->s + out->n };
	}
}

/* The last value of a field that is there once; its default when it is not. */
static spk_status last_value(struct spk_cells *c, struct spk_wire in, const struct spk_pb_field *f, struct value *out, bool *there)
{
	struct walk w = { .in = in };
	struct value v = { 0 };
	bool found;

	*there = false;
	*out = (struct value){ f->default_bits, f->default_text, f->default_size };
	for (;;) {
		SPK_TRY(next_value(c, &w, f, &v, &found));
		if (!found)
			return SPK_OK;
		*out = v;
		*there = true;
	}
}

/* A key of a map: text, whatever it is. */
static spk_status put_key(struct spk_cells *c, struct spk_wire entry, const struct spk_pb_field *f, spk_error *err)
{
	struct value v;
	bool there;

	SPK_TRY(last_value(c, entry, f, &v, &there));
	if (f->kind == SPK_PB_STRING)
		return spk_jsonb_append_string(&c->json, v.s, v.n, err);
	SPK_TRY(put_word(c, "\"", err));
	SPK_TRY(put_value(c, f, &v, 0, err));
	return put_word(c, "\"", err);
}

static spk_status put_entry(struct spk_cells *c, const struct value *v, const struct spk_pb_message *entry, int depth, spk_error *err)
{
	struct spk_wire in = { (const uint8_t *)v->s, (const uint8_t *)v->s + v->n };
	struct value value;
	bool there;

	SPK_TRY(put_key(c, in, &entry->field[0], err));
	SPK_TRY(put_word(c, ":", err));
	SPK_TRY(last_value(c, in, &entry->field[1], &value, &there));
	if (!there && entry->field[1].kind == SPK_PB_MESSAGE)
		return put_message(c, (struct spk_wire){ NULL, NULL }, entry->field[1].message, depth + 1, err);
	return put_value(c, &entry->field[1], &value, depth + 1, err);
}

static spk_status put_repeated(struct spk_cells *c, struct spk_wire in, const struct spk_pb_field *f, int depth, spk_error *err)
{
	bool map = f->message && f->message->map_entry, found, first = true;
	struct walk w = { .in = in };
	struct value v = { 0 };

	SPK_TRY(put_word(c, map ? "{" : "[", err));
	for (;; first = false) {
		SPK_TRY(next_value(c, &w, f, &v, &found));
		if (!found)
			return put_word(c, map ? "}" : "]", err);
		if (!first)
			SPK_TRY(put_word(c, ",", err));
		SPK_TRY(map ? put_entry(c, &v, f->message, depth, err) : put_value(c, f, &v, depth, err));
	}
}

spk_status spk_pb_to_json(struct spk_cells *c, struct spk_wire in, const struct spk_pb_field *f, int depth, spk_error *err)
{
	struct spk_wire all;
	struct value v;
	bool there;

	if (f->repeated)
		return put_repeated(c, in, f, depth, err);
	if (f->kind != SPK_PB_MESSAGE) {
		SPK_TRY(last_value(c, in, f, &v, &there));
		return put_value(c, f, &v, depth, err);
	}
	SPK_TRY(spk_pb_gather(c, in, f, &all, err));
	return put_inner(c, all, f->message, depth, err);
}

/* Which of a message's fields are there, and of a oneof only the last. */
static spk_status find_there(struct spk_cells *c, struct spk_wire in, const struct spk_pb_message *m, uint64_t *seen)
{
	enum spk_pb_wire wire;
	uint32_t number;
	struct value v;
	bool packed;

	while (spk_wire_left(&in)) {
		const struct spk_pb_field *f;

		SPK_TRY(take_tag(c, &in, &number, &wire));
		f = spk_pb_find(m, number, 0);
		if (!f || !wire_fits(f, wire, &packed)) {
			SPK_TRY(skip_field(c, &in, number, wire));
			continue;
		}
		SPK_TRY(take_value(c, &in, wire, &v));
		if (packed && !v.n)
			continue;
		for (int i = 0; f->oneof >= 0 && i < m->count; i++)
			if (m->field[i].oneof == f->oneof)
				spk_bit_clear(seen, i);
		spk_bit_set(seen, (int)(f - m->field));
	}
	return SPK_OK;
}

static spk_status put_message(struct spk_cells *c, struct spk_wire in, const struct spk_pb_message *m, int depth, spk_error *err)
{
	uint64_t *seen = spk_arena_zalloc(c->arena, spk_bitmap_words(m->count) * sizeof(*seen) + sizeof(*seen));
	bool first = true;

	SPK_TRY_PTR(seen, err);
	if (depth >= SPK_CELL_DEPTH)
		return spk_cells_bad(c, "the protobuf message is nested more than %d deep", SPK_CELL_DEPTH);
	SPK_TRY(find_there(c, in, m, seen));
	SPK_TRY(put_word(c, "{", err));
	for (int i = 0; i < m->count; i++) {
		const struct spk_pb_field *f = &m->field[i];

		if (f->kind == SPK_PB_GROUP || (!spk_bit(seen, i) && (f->presence || f->repeated)))
			continue;
		if (!first)
			SPK_TRY(put_word(c, ",", err));
		SPK_TRY(spk_jsonb_append_string(&c->json, f->name, strlen(f->name), err));
		SPK_TRY(put_word(c, ":", err));
		SPK_TRY(spk_pb_to_json(c, in, f, depth, err));
		first = false;
	}
	return put_word(c, "}", err);
}
