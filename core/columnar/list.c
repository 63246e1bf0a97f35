/* Arrays from picked elements, elements from arrays. */
#include "core/columnar/list.h"

enum { ELEMENTS_MAX = INT32_MAX / 2, FIRST_PICKS = 256 };

static spk_status grow(struct spk_list_builder *b, int more, spk_error *err)
{
	int capacity = SPK_MAX(b->capacity, FIRST_PICKS);
	int32_t *element;
	uint16_t *from;

	if (more > ELEMENTS_MAX - b->count)
		return spk_fail(err, SPK_UNSUPPORTED, "arrays of more than %d elements in one batch", ELEMENTS_MAX);
	while (capacity < b->count + more)
		capacity *= 2;
	element = spk_arena_alloc(b->arena, sizeof(*element) * (size_t)capacity);
	SPK_TRY_PTR(element, err);
	if (b->count)
		memcpy(element, b->element, sizeof(*element) * (size_t)b->count);
	if (b->from) {
		from = spk_arena_alloc(b->arena, sizeof(*from) * (size_t)capacity);
		SPK_TRY_PTR(from, err);
		memcpy(from, b->from, sizeof(*from) * (size_t)b->count);
		b->from = from;
	}
	b->element = element;
	b->capacity = capacity;
	return SPK_OK;
}

/* From now on picks remember their source; those so far came from the first. */
static spk_status remember_sources(struct spk_list_builder *b, spk_error *err)
{
	b->from = spk_arena_alloc(b->arena, sizeof(*b->from) * (size_t)SPK_MAX(b->capacity, 1));
	SPK_TRY_PTR(b->from, err);
	memset(b->from, 0, sizeof(*b->from) * (size_t)b->count);
	return SPK_OK;
}

spk_status spk_list_pick(struct spk_list_builder *b, int source, int32_t first, int32_t end, spk_error *err)
{
	int n = end - first;

	SPK_ASSERT(source == SPK_LIST_NULL || (source >= 0 && source < b->sources), "a source that is none");
	if (n > b->capacity - b->count)
		SPK_TRY(grow(b, n, err));
	if (source && !b->from)
		SPK_TRY(remember_sources(b, err));
	for (int i = 0; i < n; i++)
		b->element[b->count + i] = first + i;
	for (int i = 0; b->from && i < n; i++)
		b->from[b->count + i] = (uint16_t)source;
	b->count += SPK_MAX(n, 0);
	return SPK_OK;
}

void spk_list_end(struct spk_list_builder *b, int row)
{
	int32_t *offset = spk_vector_i32(b->out);

	SPK_ASSERT(row >= b->next && row < b->rows, "rows of arrays that do not ascend");
	for (int r = b->next + 1; r <= row; r++)
		offset[r] = offset[b->next];
	offset[row + 1] = b->count;
	b->next = row + 1;
}

/* The picks in the order of their sources, NULLs last: first[s] is where those of source s begin, place[i] where pick i is. */
static void sort_picks(const struct spk_list_builder *b, int32_t *first, int32_t *element, int32_t *place)
{
	for (int i = 0; i < b->count; i++)
		first[SPK_MIN(b->from[i], b->sources) + 1]++;
	for (int s = 0; s <= b->sources; s++)
		first[s + 1] += first[s];
	/* Filled from behind, which leaves first[s + 1] at the beginning of s. */
	for (int i = b->count - 1; i >= 0; i--) {
		int s = SPK_MIN(b->from[i], b->sources);

		place[i] = --first[s + 1];
		element[place[i]] = s == b->sources ? 0 : b->element[i];
	}
}

/* Every source is gathered into a pool, one behind the other; the pool in the order of the picks is the child. */
static spk_status gather_sources(struct spk_list_builder *b, struct spk_vector *child, int capacity, spk_error *err)
{
	int32_t *element = spk_arena_alloc(b->arena, sizeof(*element) * (size_t)b->count);
	int32_t *place = spk_arena_alloc(b->arena, sizeof(*place) * (size_t)b->count);
	int32_t *first = SPK_NEW_ARRAY(b->arena, int32_t, b->sources + 3);
	struct spk_vector pool, null;

	SPK_TRY_PTR(element, err);
	SPK_TRY_PTR(place, err);
	SPK_TRY_PTR(first, err);
	SPK_TRY(spk_vector_init(&pool, child->type, capacity, b->arena, err));
	SPK_TRY(spk_vector_init_constant(&null, child->type, NULL, b->arena, err));
	sort_picks(b, first, element, place);
	for (int s = 0; s <= b->sources; s++) {
		int base = first[s + 1], end = s < b->sources ? first[s + 2] : b->count;

		SPK_TRY(spk_vector_gather(&pool, base, capacity, s < b->sources ? &b->source[s] : &null, element + base, end - base, false, b->arena, err));
	}
	return spk_vector_gather(child, 0, capacity, &pool, place, b->count, false, b->arena, err);
}

spk_status spk_list_finish(struct spk_list_builder *b, spk_error *err)
{
	int32_t *offset = spk_vector_i32(b->out);
	int capacity = spk_vector_child_capacity(b->count);
	struct spk_vector child;

	for (int r = b->next + 1; r <= b->rows; r++)
		offset[r] = b->count;
	if (!b->count)
		return SPK_OK;
	SPK_TRY(spk_vector_init(&child, spk_type_element(b->out->type), capacity, b->arena, err));
	if (b->from)
		SPK_TRY(gather_sources(b, &child, capacity, err));
	else
		SPK_TRY(spk_vector_gather(&child, 0, capacity, b->source, b->element, b->count, false, b->arena, err));
	*b->out->child = child;
	return SPK_OK;
}

/* --- taking --- */

/* All rows, one after the other: a gather, and then the NULLs. */
static spk_status take_all(struct spk_vector *out, const struct spk_vector *from, const int32_t *index, int rows, struct spk_arena *arena, spk_error *err)
{
	int32_t *place = spk_arena_alloc(arena, sizeof(*place) * (size_t)SPK_MAX(rows, 1)), some = -1;

	SPK_TRY_PTR(place, err);
	for (int i = 0; i < rows && some < 0; i++)
		some = index[i];
	if (some < 0)
		return spk_vector_init_constant(out, from->type, NULL, arena, err);
	for (int i = 0; i < rows; i++)
		place[i] = index[i] < 0 ? some : index[i];
	SPK_TRY(spk_vector_init(out, from->type, rows, arena, err));
	SPK_TRY(spk_vector_gather(out, 0, rows, from, place, rows, false, arena, err));
	for (int i = 0; i < rows; i++) {
		if (index[i] >= 0)
			continue;
		SPK_TRY(spk_vector_need_valid(out, rows, arena, err));
		spk_bit_clear(out->valid, i);
	}
	return SPK_OK;
}

/* A dictionary whose entry 0 is NULL, and the index that leads every row to it. */
static spk_status start_dictionary(struct spk_vector *out, struct spk_type type, int entries, int rows, uint32_t **index, struct spk_vector **dictionary, struct spk_arena *arena, spk_error *err)
{
	*dictionary = SPK_NEW(arena, struct spk_vector);
	*index = SPK_NEW_ARRAY(arena, uint32_t, SPK_MAX(rows, 1));
	SPK_TRY_PTR(*dictionary, err);
	SPK_TRY_PTR(*index, err);
	SPK_TRY(spk_vector_init(*dictionary, type, entries + 1, arena, err));
	SPK_TRY(spk_vector_need_valid(*dictionary, entries + 1, arena, err));
	spk_bit_clear((*dictionary)->valid, 0);
	if (!spk_type_is_nested(type))
		memset((*dictionary)->data, 0, (size_t)spk_type_width(type));
	*out = (struct spk_vector){ .type = type, .layout = SPK_DICTIONARY, .index = *index, .dictionary = *dictionary };
	return SPK_OK;
}

spk_status spk_vector_take(struct spk_vector *out, const struct spk_vector *from, const int32_t *index, int rows, const int32_t *sel, int n, struct spk_arena *arena, spk_error *err)
{
	struct spk_vector *dictionary;
	int32_t *place;
	uint32_t *entry;
	int used = 0;

	if (!sel && n == rows)
		return take_all(out, from, index, rows, arena, err);
	place = spk_arena_alloc(arena, sizeof(*place) * (size_t)SPK_MAX(n, 1));
	SPK_TRY_PTR(place, err);
	SPK_TRY(start_dictionary(out, from->type, n, rows, &entry, &dictionary, arena, err));
	for (int i = 0; i < n; i++) {
		int row = sel ? sel[i] : i;

		if (index[row] < 0)
			continue;
		place[used++] = index[row];
		entry[row] = (uint32_t)used;
	}
	return spk_vector_gather(dictionary, 1, n + 1, from, place, used, false, arena, err);
}

spk_status spk_vector_join(struct spk_vector *out, struct spk_type type, const struct spk_vector_piece *piece, int pieces, int rows, struct spk_arena *arena, spk_error *err)
{
	struct spk_vector *dictionary;
	uint32_t *entry;
	int entries = 0, at = 1;

	for (int p = 0; p < pieces; p++)
		entries += piece[p].n;
	SPK_TRY(start_dictionary(out, type, entries, rows, &entry, &dictionary, arena, err));
	for (int p = 0; p < pieces; p++) {
		for (int i = 0; i < piece[p].n; i++)
			entry[piece[p].sel ? piece[p].sel[i] : i] = (uint32_t)(at + i);
		SPK_TRY(spk_vector_gather(dictionary, at, entries + 1, &piece[p].vector, piece[p].sel, piece[p].n, false, arena, err));
		at += piece[p].n;
	}
	return SPK_OK;
}
