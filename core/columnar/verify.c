/*
 * Re-encoding of batches, to shake out what code assumes about layouts (SPARKLET_VERIFY=1).
 *
 * The rows that count stay the same in the same order. Around them come garbage rows that no one may look at: extreme values
 * that overflow when computed with, NULLs, weights of a thousand. Each column is drawn anew: flat, a dictionary of permuted
 * entries, or a constant when all its values are the same.
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "core/columnar/batch.h"

enum { MAX_GARBAGE = 64, SPARE_ENTRIES = 3, GARBAGE_WEIGHT = 1000 };

struct shuffle {
	uint64_t random;
	const struct spk_batch *in;
	struct spk_batch *out;
	int32_t *source;      /* by new row: the row of `in`, -1 for garbage */
	int32_t *place;       /* scratch: by new row */
	int32_t *from;        /* scratch */
};

/* splitmix64 */
static uint64_t draw(struct shuffle *s)
{
	uint64_t z = s->random += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static int below(struct shuffle *s, int bound)
{
	return (int)(draw(s) % (uint64_t)bound);
}

/* --- garbage --- */

static spk_int128 extreme_decimal(struct spk_type type, bool negative)
{
	unsigned __int128 v = 0;

	/* As many nines as the type takes; 33 leave room for the top byte of a varying scale. */
	for (int i = 0; i < (type.scale < 0 ? 33 : type.precision ? type.precision : SPK_DECIMAL_DIGITS); i++)
		v = v * 10 + 9;
	v = negative ? -v : v;
	return (spk_int128)(type.scale < 0 ? v << 8 >> 8 : v);
}

/* A value that is valid for the type and as awkward as can be. */
static struct spk_value extreme(struct spk_type type, uint64_t random)
{
	struct spk_value v = { .type = type };
	bool low = random & 1;

	switch (type.id) {
	case SPK_TYPE_BOOLEAN: v.boolean = low; break;
	case SPK_TYPE_SMALLINT: v.i16 = low ? INT16_MIN : INT16_MAX; break;
	case SPK_TYPE_INTEGER:
	case SPK_TYPE_DATE: v.i32 = low ? INT32_MIN : INT32_MAX; break;
	case SPK_TYPE_BIGINT:
	case SPK_TYPE_TIME:
	case SPK_TYPE_TIMESTAMP:
	case SPK_TYPE_TIMESTAMPTZ: v.i64 = low ? INT64_MIN : INT64_MAX; break;
	case SPK_TYPE_REAL: v.f32 = low ? -__builtin_inff() : __builtin_nanf(""); break;
	case SPK_TYPE_DOUBLE: v.f64 = low ? -__builtin_inf() : __builtin_nan(""); break;
	case SPK_TYPE_DECIMAL: v.i128 = extreme_decimal(type, low); break;
	case SPK_TYPE_UUID: v.i128 = low ? 0 : -1; break;
	case SPK_TYPE_INTERVAL: v.interval = (struct spk_interval){ INT32_MAX, INT32_MIN, INT64_MAX }; break;
	default: v.view = low ? spk_view_str("") : spk_view_str("garbage in a row that does not count");
	}
	return v;
}

/* Fills row `row` of a FLAT vector of `rows` with garbage. An array or record that does not become NULL stays as it is. */
static spk_status spoil(struct shuffle *s, struct spk_vector *v, int row, int rows, spk_error *err)
{
	size_t width = (size_t)spk_type_width(v->type);

	if (below(s, 3) == 0) {
		SPK_TRY(spk_vector_need_valid(v, rows, s->out->arena, err));
		spk_bit_clear(v->valid, row);
	} else if (v->type.id != SPK_TYPE_ARRAY && v->type.id != SPK_TYPE_ROW) {
		struct spk_value value = extreme(v->type, draw(s));

		if (v->valid)
			spk_bit_set(v->valid, row);
		memcpy((char *)v->data + (size_t)row * width, spk_value_bytes(&value), width);
	}
	return SPK_OK;
}

/* Zeroes what was allocated for rows that may never be written, so that reading them is defined. */
static void clear_values(struct spk_vector *v, int rows)
{
	if (v->type.id == SPK_TYPE_ROW)
		for (int c = 0; c < v->type.children->count; c++)
			clear_values(&v->child[c], rows);
	else if (v->type.id != SPK_TYPE_ARRAY)
		memset(v->data, 0, (size_t)rows * (size_t)spk_type_width(v->type));
}

/* A FLAT vector of `rows` rows: row place[i] holds row from[i] of `in`, all others garbage. */
static spk_status scatter(struct shuffle *s, struct spk_vector *out, const struct spk_vector *in, int rows, const int32_t *place, const int32_t *from, int n, spk_error *err)
{
	struct spk_arena *arena = s->out->arena;
	int32_t *row = SPK_NEW_ARRAY(arena, int32_t, rows);
	bool *taken = SPK_NEW_ARRAY(arena, bool, rows);

	SPK_TRY_PTR(row, err);
	SPK_TRY_PTR(taken, err);
	SPK_TRY(spk_vector_init(out, in->type, rows, arena, err));
	clear_values(out, rows);
	if (n) {
		/* One gather of all rows, those to come as garbage as copies of a row that counts. */
		for (int i = 0; i < rows; i++)
			row[i] = from[0];
		for (int i = 0; i < n; i++) {
			row[place[i]] = from[i];
			taken[place[i]] = true;
		}
		SPK_TRY(spk_vector_gather(out, 0, rows, in, row, rows, false, arena, err));
	}
	for (int i = 0; i < rows; i++)
		if (!taken[i])
			SPK_TRY(spoil(s, out, i, rows, err));
	return SPK_OK;
}

/* --- columns --- */

static spk_status as_flat(struct shuffle *s, struct spk_vector *out, const struct spk_vector *in, spk_error *err)
{
	int n = 0;

	for (int i = 0; i < s->out->rows; i++) {
		if (s->source[i] >= 0) {
			s->place[n] = i;
			s->from[n++] = s->source[i];
		}
	}
	return scatter(s, out, in, s->out->rows, s->place, s->from, n, err);
}

/* Each row an entry of its own, in shuffled order, with some entries that no row uses. */
static spk_status as_dictionary(struct shuffle *s, struct spk_vector *out, const struct spk_vector *in, spk_error *err)
{
	int rows = s->out->rows, entries = rows + SPARE_ENTRIES, n = 0;
	uint32_t *index = SPK_NEW_ARRAY(s->out->arena, uint32_t, entries);
	struct spk_vector *dictionary = SPK_NEW(s->out->arena, struct spk_vector);

	SPK_TRY_PTR(index, err);
	SPK_TRY_PTR(dictionary, err);
	for (int i = 0; i < entries; i++)
		index[i] = (uint32_t)i;
	for (int i = entries - 1; i > 0; i--) {
		int k = below(s, i + 1);
		uint32_t swap = index[i];

		index[i] = index[k];
		index[k] = swap;
	}
	for (int i = 0; i < rows; i++) {
		if (s->source[i] >= 0) {
			s->place[n] = (int32_t)index[i];
			s->from[n++] = s->source[i];
		}
	}
	SPK_TRY(scatter(s, dictionary, in, entries, s->place, s->from, n, err));
	*out = (struct spk_vector){ .type = in->type, .layout = SPK_DICTIONARY, .index = index, .dictionary = dictionary };
	return SPK_OK;
}

static bool same_value(const struct spk_value *a, const struct spk_value *b)
{
	if (a->null || b->null)
		return a->null && b->null;
	if (spk_type_is_view(a->type))
		return spk_view_equal(&a->view, &b->view);
	return memcmp(spk_value_bytes(a), spk_value_bytes(b), (size_t)spk_type_width(a->type)) == 0;
}

static bool all_same(const struct shuffle *s, const struct spk_vector *v)
{
	struct spk_value first;

	if (!s->in->selected || v->type.id == SPK_TYPE_ARRAY || v->type.id == SPK_TYPE_ROW)
		return false;
	first = spk_vector_value(v, spk_batch_row(s->in, 0));
	for (int i = 1; i < s->in->selected; i++) {
		struct spk_value other = spk_vector_value(v, spk_batch_row(s->in, i));

		if (!same_value(&first, &other))
			return false;
	}
	return true;
}

static spk_status encode_column(struct shuffle *s, struct spk_vector *out, const struct spk_vector *in, spk_error *err)
{
	if (all_same(s, in) && below(s, 4)) {
		struct spk_value value = spk_vector_value(in, spk_batch_row(s->in, 0));

		return spk_vector_init_constant(out, in->type, value.null ? NULL : spk_value_bytes(&value), s->out->arena, err);
	}
	return below(s, 2) ? as_dictionary(s, out, in, err) : as_flat(s, out, in, err);
}

/* --- rows --- */

/* Spreads the rows that count over more rows, in order. Half of the time there is no garbage, and no selection. */
static spk_status choose_rows(struct shuffle *s, spk_error *err)
{
	int n = s->in->selected, room = SPK_MIN(SPK_BATCH_ROWS - n, MAX_GARBAGE), at = 0, i = 0;
	int garbage = room && (!n || below(s, 2)) ? 1 + below(s, room) : 0, rows = n + garbage;
	int32_t *sel = SPK_NEW_ARRAY(s->out->arena, int32_t, n + 1);

	s->source = SPK_NEW_ARRAY(s->out->arena, int32_t, rows);
	s->place = SPK_NEW_ARRAY(s->out->arena, int32_t, rows);
	s->from = SPK_NEW_ARRAY(s->out->arena, int32_t, rows);
	if (!sel || !s->source || !s->place || !s->from)
		return spk_fail_memory(err);
	for (; at < rows; at++) {
		/* Garbage comes here with the chance that its share of what is left gives it. */
		if (below(s, rows - at) < garbage) {
			garbage--;
			s->source[at] = -1;
		} else {
			sel[i] = at;
			s->source[at] = spk_batch_row(s->in, i++);
		}
	}
	s->out->rows = rows;
	s->out->selected = n;
	s->out->sel = rows > n ? sel : NULL;
	return SPK_OK;
}

static spk_status spread_weight(struct shuffle *s, spk_error *err)
{
	int32_t *weight;

	s->out->weight = NULL;
	if (!s->in->weight)
		return SPK_OK;
	weight = SPK_NEW_ARRAY(s->out->arena, int32_t, s->out->rows);
	SPK_TRY_PTR(weight, err);
	for (int i = 0; i < s->out->rows; i++)
		weight[i] = s->source[i] < 0 ? GARBAGE_WEIGHT : s->in->weight[s->source[i]];
	s->out->weight = weight;
	return SPK_OK;
}

static spk_status spread_origin(struct shuffle *s, spk_error *err)
{
	const struct spk_origin *old = s->in->origin;
	int rows = s->out->rows;
	struct spk_origin *origin;
	int64_t *offset;
	struct spk_view *raw;

	s->out->origin = NULL;
	if (!old)
		return SPK_OK;
	origin = spk_arena_copy(s->out->arena, old, sizeof(*old));
	offset = SPK_NEW_ARRAY(s->out->arena, int64_t, rows);
	raw = SPK_NEW_ARRAY(s->out->arena, struct spk_view, rows);
	if (!origin || !offset || !raw)
		return spk_fail_memory(err);
	for (int i = 0; i < rows; i++) {
		bool garbage = s->source[i] < 0;

		offset[i] = garbage || !old->offset ? -1 : old->offset[s->source[i]];
		raw[i] = garbage || !old->raw ? spk_view_str("") : old->raw[s->source[i]];
	}
	origin->offset = old->offset ? offset : NULL;
	origin->raw = old->raw ? raw : NULL;
	s->out->origin = origin;
	return SPK_OK;
}

static spk_status reencode(struct shuffle *s, spk_error *err)
{
	SPK_TRY(choose_rows(s, err));
	SPK_TRY(spread_weight(s, err));
	SPK_TRY(spread_origin(s, err));
	for (int c = 0; c < s->in->columns; c++)
		SPK_TRY(encode_column(s, &s->out->column[c], &s->in->column[c], err));
	return SPK_OK;
}

spk_status spk_batch_reencode(struct spk_batch **out, struct spk_batch *in, uint64_t seed, spk_error *err)
{
	struct shuffle s = { .random = seed, .in = in };
	spk_status status;

	SPK_TRY(spk_batch_derive(&s.out, in, in->schema, err));
	status = reencode(&s, err);
	if (status) {
		spk_batch_unref(s.out);
		return status;
	}
	*out = s.out;
	return SPK_OK;
}

/* 0 not asked yet, 1 off, 2 on. Threads that ask at once find the same. */
static _Atomic int verify_state;

spk_status spk_batch_verify(struct spk_batch **out, struct spk_batch *in, uint64_t seed, spk_error *err)
{
	int state = atomic_load_explicit(&verify_state, memory_order_relaxed);

	if (SPK_UNLIKELY(!state)) {
		const char *set = getenv("SPARKLET_VERIFY");

		state = set && *set && strcmp(set, "0") != 0 ? 2 : 1;
		atomic_store_explicit(&verify_state, state, memory_order_relaxed);
	}
	if (state == 2)
		return spk_batch_reencode(out, in, seed, err);
	*out = spk_batch_ref(in);
	return SPK_OK;
}
