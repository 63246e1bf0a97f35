/*
 * The lookup set of x IN (constants): integers, dates and times as 64-bit keys and strings by their hash in an open table;
 * everything else (floats, numerics, intervals) in an array sorted by value.
 */
#include "core/expr/internal.h"

#include <stdlib.h>

#include "core/columnar/hash.h"

enum set_kind { SET_WORDS, SET_VIEWS, SET_SORTED };

struct spk_set {
	enum set_kind kind;
	struct spk_type type;
	bool has_null;
	int count;
	uint32_t mask;                 /* capacity of the table - 1 */
	int64_t *word;                 /* SET_WORDS: by slot */
	struct spk_view *view;         /* SET_VIEWS: by slot */
	uint8_t *used;                 /* by slot */
	char *sorted;                  /* SET_SORTED: 16 bytes apart */
	spk_value_compare compare;
};

static int64_t word_at(struct spk_type type, const void *value)
{
	switch (spk_type_width(type)) {
	case 1: return *(const uint8_t *)value;
	case 2: return *(const int16_t *)value;
	case 4: return *(const int32_t *)value;
	default: return *(const int64_t *)value;
	}
}

static uint32_t word_hash(int64_t w)
{
	return (uint32_t)(((uint64_t)w * 0x9e3779b97f4a7c15ull) >> 32);
}

static uint32_t find_word(const struct spk_set *s, int64_t w)
{
	uint32_t i = word_hash(w) & s->mask;

	while (s->used[i] && s->word[i] != w)
		i = (i + 1) & s->mask;
	return i;
}

static uint32_t find_view(const struct spk_set *s, const struct spk_view *v)
{
	uint32_t i = (uint32_t)spk_hash_bytes(spk_view_data(v), v->length) & s->mask;

	while (s->used[i] && !spk_view_equal(&s->view[i], v))
		i = (i + 1) & s->mask;
	return i;
}

static enum set_kind kind_of(struct spk_type type)
{
	switch (type.id) {
	case SPK_TYPE_TEXT:
	case SPK_TYPE_BYTEA:
	case SPK_TYPE_JSON:
		return SET_VIEWS;
	case SPK_TYPE_REAL:
	case SPK_TYPE_DOUBLE:
	case SPK_TYPE_DECIMAL:
	case SPK_TYPE_INTERVAL:
	case SPK_TYPE_UUID:
	case SPK_TYPE_JSONB:
	case SPK_TYPE_ARRAY:
	case SPK_TYPE_ROW:
		return SET_SORTED;
	default:
		return SET_WORDS;
	}
}

/* Puts a value into the sorted array unless it is there. */
static void insert_sorted(struct spk_set *s, const void *value)
{
	int at = 0;

	while (at < s->count && s->compare(s->type, s->sorted + at * 16, value) < 0)
		at++;
	if (at < s->count && s->compare(s->type, s->sorted + at * 16, value) == 0)
		return;
	memmove(s->sorted + (at + 1) * 16, s->sorted + at * 16, (size_t)(s->count - at) * 16);
	memcpy(s->sorted + at * 16, value, spk_value_width(s->type));
	s->count++;
}

static void insert(struct spk_set *s, const struct spk_value *v)
{
	uint32_t i;

	if (v->null) {
		s->has_null = true;
	} else if (s->kind == SET_WORDS) {
		i = find_word(s, word_at(s->type, spk_value_bytes(v)));
		s->word[i] = word_at(s->type, spk_value_bytes(v));
		s->used[i] = 1;
	} else if (s->kind == SET_VIEWS) {
		i = find_view(s, &v->view);
		s->view[i] = v->view;
		s->used[i] = 1;
	} else {
		insert_sorted(s, spk_value_bytes(v));
	}
}

spk_status spk_set_prepare(struct spk_arena *arena, struct spk_expr *in, spk_error *err)
{
	struct spk_set *s = SPK_NEW(arena, struct spk_set);
	uint32_t capacity = 4;

	SPK_TRY_PTR(s, err);
	while (capacity < 2 * (uint32_t)in->args)
		capacity *= 2;
	s->kind = kind_of(in->arg[0]->type);
	s->type = in->arg[0]->type;
	s->mask = capacity - 1;
	s->compare = spk_value_comparer(s->type);
	s->used = spk_arena_zalloc(arena, capacity);
	s->word = SPK_NEW_ARRAY(arena, int64_t, s->kind == SET_WORDS ? capacity : 1);
	s->view = SPK_NEW_ARRAY(arena, struct spk_view, s->kind == SET_VIEWS ? capacity : 1);
	s->sorted = spk_arena_zalloc(arena, s->kind == SET_SORTED ? 16 * (size_t)in->args : 16);
	if (!s->used || !s->word || !s->view || !s->sorted)
		return spk_fail_memory(err);
	for (int i = 1; i < in->args; i++)
		insert(s, &in->arg[i]->value);
	in->nullable = in->arg[0]->nullable || s->has_null;
	in->prepared = s;
	return SPK_OK;
}

static bool in_sorted(const struct spk_set *s, const void *value)
{
	int low = 0, high = s->count;

	while (low < high) {
		int middle = (low + high) / 2, c = s->compare(s->type, s->sorted + middle * 16, value);

		if (c == 0)
			return true;
		if (c < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

spk_status spk_set_eval(const struct spk_set *s, const struct spk_call *call, bool negated, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(&call->arg[0]);
	uint8_t *v = spk_vector_bool(out);
	struct spk_nested nested;

	SPK_EACH_CALL_ROW(call, row) {
		const void *value = spk_slot_bytes(&call->arg[0], &r, spk_reader_slot(&r, row), &nested);
		bool found;

		if (s->kind == SET_WORDS)
			found = s->used[find_word(s, word_at(s->type, value))];
		else if (s->kind == SET_VIEWS)
			found = s->used[find_view(s, value)];
		else
			found = in_sorted(s, value);
		v[row] = found != negated;
		if (!found && s->has_null)
			SPK_TRY(spk_call_null(call, out, row, err));
	}
	return SPK_OK;
}
