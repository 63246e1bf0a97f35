/*
 * Maps: arrays of entries, which are records of a key and a value, and of which each key has one. What makes a map sees to that: of a key that comes twice the
 * last value counts. Keys are never NULL. Entries are in the order in which they came, so that maps are not compared.
 */
#include "core/expr/map.h"

#include <stdlib.h>
#include <string.h>

#include "core/expr/array.h"
#include "core/expr/families.h"

enum { KEY, VALUE };

spk_status spk_type_map_of(struct spk_arena *arena, struct spk_type key, struct spk_type value, struct spk_type *out, spk_error *err)
{
	struct spk_schema *entry = SPK_NEW(arena, struct spk_schema);

	SPK_TRY_PTR(entry, err);
	SPK_TRY_PTR(entry->field = SPK_NEW_ARRAY(arena, struct spk_field, 2), err);
	entry->count = 2;
	entry->field[KEY] = (struct spk_field){ .name = "key", .type = key, .nullable = false };
	entry->field[VALUE] = (struct spk_field){ .name = "value", .type = value, .nullable = true };
	SPK_TRY(spk_type_array_of(arena, (struct spk_type){ .id = SPK_TYPE_ROW, .children = entry }, out, err));
	out->precision = SPK_ARRAY_MAP;
	return SPK_OK;
}

/* --- made of keys and values --- */

/* The places [first, end) in order of their keys. */
static void sort_places(const struct spk_values *keys, int32_t first, int32_t end, int32_t *place)
{
	for (int32_t at = first; at < end; at++)
		place[at - first] = at;
	spk_array_sort_by_value(keys, place, end - first);
}

spk_status spk_map_keys_repeat(const struct spk_vector *keys, int first, int end, struct spk_arena *arena, bool *twice, spk_error *err)
{
	struct spk_values in = spk_values(keys);
	int32_t *place = spk_arena_alloc(arena, sizeof *place * ((size_t)(end - first) + 1));

	SPK_TRY_PTR(place, err);
	sort_places(&in, first, end, place);
	*twice = false;
	for (int i = 1; i < end - first && !*twice; i++)
		*twice = spk_values_compare(&in, place[i - 1], &in, place[i]) == 0;
	return SPK_OK;
}

/* Leaves of the places [first, end) those whose key does not come again behind them; their number into *count. `place` holds end - first. */
static void last_of_each(struct spk_values *keys, int32_t first, int32_t end, int32_t *place, int *count)
{
	int left = 0;

	sort_places(keys, first, end, place);
	for (int32_t i = 0; i < end - first; i++)
		if (i + 1 == end - first || spk_values_compare(keys, place[i], keys, place[i + 1]) != 0)
			place[left++] = place[i];
	*count = left;
	spk_array_sort_places(place, left);
}

/* Why a row's arrays make no map; NULL: they do. */
static const char *why_no_map(const struct spk_values *keys, int32_t first, int32_t end, int32_t values)
{
	if (end - first != values)
		return "a map needs as many values as keys";
	for (int32_t at = first; at < end; at++)
		if (spk_values_null(keys, at))
			return "a key of a map must not be null";
	return NULL;
}

/* Keys and values at their places, as the entries of `out`. */
static spk_status take_entries(const struct spk_call *call, struct spk_vector *out, const struct spk_vector *const from[2], int32_t *const place[2], int count, spk_error *err)
{
	SPK_TRY(spk_vector_init(out->child, spk_type_element(out->type), count, call->ev->arena, err));
	for (int k = 0; k < 2; k++)
		SPK_TRY(spk_vector_take(&out->child->child[k], from[k], place[k], count, NULL, count, call->ev->arena, err));
	return SPK_OK;
}

static spk_status from_arrays(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_array_reader a[2] = { spk_array_reader(&call->arg[KEY]), spk_array_reader(&call->arg[VALUE]) };
	struct spk_values keys = spk_values(a[KEY].child);
	const struct spk_vector *const from[2] = { a[KEY].child, a[VALUE].child };
	int32_t *offset = spk_vector_i32(out), *place[2] = { NULL, NULL }, first[2], end[2];
	size_t room = 1;
	int used = 0, next = 0, count;

	SPK_EACH_CALL_ROW(call, row) {
		spk_array_row(&a[KEY], row, &first[KEY], &end[KEY]);
		room += (size_t)(end[KEY] - first[KEY]);
	}
	for (int k = 0; k < 2; k++)
		SPK_TRY_PTR(place[k] = spk_arena_alloc(call->ev->arena, sizeof(int32_t) * room), err);
	SPK_EACH_CALL_ROW(call, row) {
		const char *wrong;

		for (; next <= row; next++)
			offset[next] = used;
		for (int k = 0; k < 2; k++)
			spk_array_row(&a[k], row, &first[k], &end[k]);
		wrong = why_no_map(&keys, first[KEY], end[KEY], end[VALUE] - first[VALUE]);
		if (wrong) {
			SPK_TRY(spk_call_fail(call, out, row, SPK_DATA, err, "%s", wrong));
			continue;
		}
		last_of_each(&keys, first[KEY], end[KEY], place[KEY] + used, &count);
		for (int i = 0; i < count; i++)
			place[VALUE][used + i] = place[KEY][used + i] - first[KEY] + first[VALUE];
		used += count;
	}
	for (; next <= call->rows; next++)
		offset[next] = used;
	return take_entries(call, out, from, place, used, err);
}

static spk_status prepare_map(struct spk_arena *arena, struct spk_expr *e, spk_error *err)
{
	const struct spk_type key = spk_type_element(e->arg[KEY]->type);

	if (!spk_type_may_be_key(key))
		return spk_bind_fail(err, e->position, "keys of a map must be scalar values");
	return spk_type_map_of(arena, key, spk_type_element(e->arg[VALUE]->type), &e->type, err);
}

/* --- how often each value comes --- */

static spk_status prepare_counts(struct spk_arena *arena, struct spk_expr *e, spk_error *err)
{
	const struct spk_type key = spk_type_element(e->arg[0]->type);

	if (!spk_type_may_be_key(key))
		return spk_bind_fail(err, e->position, "values that are counted must be scalar");
	return spk_type_map_of(arena, key, spk_type(SPK_TYPE_BIGINT), &e->type, err);
}

/* The values at the places of a row's array, NULLs left out, each once, in order, into `place`; how often into `times`. Returns their number. */
static int count_values(struct spk_values *values, int32_t first, int32_t end, int32_t *place, int64_t *times)
{
	int count = 0, known = 0;

	for (int32_t at = first; at < end; at++)
		if (!spk_values_null(values, at))
			place[known++] = at;
	spk_array_sort_by_value(values, place, known);
	for (int i = 0; i < known; i++) {
		if (!count || spk_values_compare(values, place[count - 1], values, place[i]) != 0) {
			place[count] = place[i];
			times[count++] = 0;
		}
		times[count - 1]++;
	}
	return count;
}

static spk_status value_counts(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_array_reader a = spk_array_reader(&call->arg[0]);
	struct spk_values values = spk_values(a.child);
	int32_t *offset = spk_vector_i32(out), *place, first, end;
	size_t room = 1;
	int64_t *times;
	int used = 0, next = 0;

	SPK_EACH_CALL_ROW(call, row) {
		spk_array_row(&a, row, &first, &end);
		room += (size_t)(end - first);
	}
	SPK_TRY_PTR(place = spk_arena_alloc(call->ev->arena, sizeof *place * room), err);
	SPK_TRY_PTR(times = spk_arena_alloc(call->ev->arena, sizeof *times * room), err);
	SPK_EACH_CALL_ROW(call, row) {
		for (; next <= row; next++)
			offset[next] = used;
		spk_array_row(&a, row, &first, &end);
		used += count_values(&values, first, end, place + used, times + used);
	}
	for (; next <= call->rows; next++)
		offset[next] = used;
	SPK_TRY(spk_vector_init(out->child, spk_type_element(out->type), used, call->ev->arena, err));
	SPK_TRY(spk_vector_take(&out->child->child[KEY], a.child, place, used, NULL, used, call->ev->arena, err));
	memcpy(spk_vector_i64(&out->child->child[VALUE]), times, sizeof *times * (size_t)used);
	return SPK_OK;
}

/* --- taken apart --- */

/* The entries of a map: which row of `part` a place among the elements is. */
struct entries { struct spk_array_reader a; struct spk_reader r; const struct spk_vector *part; };

static struct entries entries_of(const struct spk_vector *map)
{
	struct entries e = { .a = spk_array_reader(map) };

	e.r = spk_vector_reader(e.a.child);
	e.part = spk_vector_children(e.a.child);
	return e;
}

/* *entry: the fields of a call's first argument, which must be a map. */
static spk_status fields_of(const struct spk_expr *e, const struct spk_schema **entry, spk_error *err)
{
	if (!spk_type_is_map(e->arg[0]->type))
		return spk_bind_fail(err, e->position, "%s takes a map", e->function->name);
	*entry = spk_type_element(e->arg[0]->type).children;
	return SPK_OK;
}

static spk_status prepare_element(struct spk_arena *arena, struct spk_expr *e, spk_error *err)
{
	const struct spk_schema *entry = NULL;

	(void)arena;
	SPK_TRY(fields_of(e, &entry, err));
	if (!spk_type_same(e->arg[1]->type, entry->field[KEY].type))
		return spk_bind_fail(err, e->position, "a key of another type than the map's");
	e->type = entry->field[VALUE].type;
	e->nullable = true;
	return SPK_OK;
}

static spk_status element(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct entries e = entries_of(&call->arg[0]);
	const struct spk_values keys = spk_values(&e.part[KEY]), wanted = spk_values(&call->arg[1]);
	int32_t *index = spk_arena_alloc(call->ev->arena, sizeof *index * ((size_t)call->rows + 1)), first, end;

	SPK_TRY_PTR(index, err);
	SPK_EACH_CALL_ROW(call, row) {
		index[row] = -1;
		spk_array_row(&e.a, row, &first, &end);
		for (int32_t at = first; at < end && index[row] < 0; at++)
			if (spk_values_same(&keys, (int)spk_reader_slot(&e.r, at), &wanted, row))
				index[row] = (int32_t)spk_reader_slot(&e.r, at);
	}
	return spk_vector_take(out, &e.part[VALUE], index, call->rows, call->sel, call->n, call->ev->arena, err);
}

static spk_status part_of(const struct spk_call *call, int part, struct spk_vector *out, spk_error *err)
{
	const struct entries e = entries_of(&call->arg[0]);
	struct spk_list_builder b = spk_call_lists(call, out, &e.part[part], 1);
	int32_t first, end;

	SPK_EACH_CALL_ROW(call, row) {
		spk_array_row(&e.a, row, &first, &end);
		for (int32_t at = first; at < end; at++) {
			const int32_t slot = (int32_t)spk_reader_slot(&e.r, at);

			SPK_TRY(spk_list_pick(&b, 0, slot, slot + 1, err));
		}
		spk_list_end(&b, row);
	}
	return spk_list_finish(&b, err);
}

static spk_status keys_of(const struct spk_call *call, struct spk_vector *out, spk_error *err) { return part_of(call, KEY, out, err); }
static spk_status values_of(const struct spk_call *call, struct spk_vector *out, spk_error *err) { return part_of(call, VALUE, out, err); }

static spk_status prepare_part(struct spk_arena *arena, struct spk_expr *e, int part, spk_error *err)
{
	const struct spk_schema *entry = NULL;

	SPK_TRY(fields_of(e, &entry, err));
	return spk_type_array_of(arena, entry->field[part].type, &e->type, err);
}

static spk_status prepare_keys(struct spk_arena *arena, struct spk_expr *e, spk_error *err) { return prepare_part(arena, e, KEY, err); }
static spk_status prepare_values(struct spk_arena *arena, struct spk_expr *e, spk_error *err) { return prepare_part(arena, e, VALUE, err); }

static const struct spk_function map_functions[] = {
	{ .name = "map_from_arrays", .doc = "A map of the keys in the first array with the values in the second", SPK_ARGS2(ARRAY, ARRAY), SPK_RESULT(ARRAY), .can_fail = true,
	  .kernel = from_arrays, .prepare = prepare_map },
	{ .name = "value_counts", .doc = "A map of the values in an array, NULLs left out, with how often each is there; a NULL array is an empty one", SPK_ARGS1(ARRAY), SPK_RESULT(ARRAY),
	  .not_strict = true, .kernel = value_counts, .prepare = prepare_counts },
	{ .name = "map element", .doc = "m['key']: the value of a key; NULL when there is none", SPK_ARGS2(ARRAY, UNKNOWN), SPK_RESULT(UNKNOWN), .kernel = element, .prepare = prepare_element },
	{ .name = "map_keys", .doc = "The keys of a map", SPK_ARGS1(ARRAY), SPK_RESULT(ARRAY), .kernel = keys_of, .prepare = prepare_keys },
	{ .name = "map_values", .doc = "The values of a map, in the order of its keys", SPK_ARGS1(ARRAY), SPK_RESULT(ARRAY), .kernel = values_of, .prepare = prepare_values },
};

SPK_FUNCTION_FAMILY(map, map_functions)
