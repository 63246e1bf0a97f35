/* Arrays in order: sorted, turned around, their largest and smallest elements. */
#include <stdlib.h>

#include "core/expr/array.h"
#include "core/expr/families.h"

/* What places are sorted by. */
struct order { struct spk_values in; bool descending; };

/* NULL is below all values. Elements that are equal stay as they were. */
static int by_value(const void *x, const void *y, void *user)
{
	const struct order *o = user;
	const int32_t a = *(const int32_t *)x, b = *(const int32_t *)y;
	const bool na = spk_values_null(&o->in, a), nb = spk_values_null(&o->in, b);
	const int order = na || nb ? nb - na : spk_values_compare(&o->in, a, &o->in, b);

	return order ? (o->descending ? -order : order) : (a > b) - (a < b);
}

/* place[0 .. end - first): the places of a row's elements in order. */
static spk_status sort_row(struct order *o, struct spk_buffer *places, int32_t first, int32_t end, spk_error *err)
{
	int32_t *place;

	spk_buffer_clear(places);
	SPK_TRY(spk_buffer_reserve(places, sizeof *place * (size_t)(end - first + 1), err));
	place = (int32_t *)(void *)places->data;
	for (int32_t e = first; e < end; e++)
		place[e - first] = e;
	qsort_r(place, (size_t)(end - first), sizeof *place, by_value, o);
	return SPK_OK;
}

/* Whether the second argument asks for the order from the largest on. */
static bool asks_descending(const struct spk_call *call, int row)
{
	const struct spk_reader r = spk_vector_reader(&call->arg[call->args - 1]);
	const uint32_t slot = spk_reader_slot(&r, row);

	return call->args > 1 && !((const uint8_t *)r.data)[slot];
}

static spk_status sort(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_array_reader a = spk_array_reader(&call->arg[0]);
	struct spk_list_builder b = spk_call_lists(call, out, a.child, 1);
	struct order o = { .in = spk_values(a.child) };
	struct spk_buffer places = { 0 };
	spk_status status = SPK_OK;
	int32_t first, end;

	SPK_EACH_CALL_ROW(call, row) {
		spk_array_row(&a, row, &first, &end);
		o.descending = asks_descending(call, row);
		if (status == SPK_OK)
			status = sort_row(&o, &places, first, end, err);
		for (int32_t i = 0; i < end - first && status == SPK_OK; i++) {
			const int32_t at = ((const int32_t *)(const void *)places.data)[i];

			status = spk_list_pick(&b, 0, at, at + 1, err);
		}
		spk_list_end(&b, row);
	}
	spk_buffer_release(&places);
	return status == SPK_OK ? spk_list_finish(&b, err) : status;
}

static spk_status reverse(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_array_reader a = spk_array_reader(&call->arg[0]);
	struct spk_list_builder b = spk_call_lists(call, out, a.child, 1);
	int32_t first, end;

	SPK_EACH_CALL_ROW(call, row) {
		spk_array_row(&a, row, &first, &end);
		for (int32_t e = end; e > first; e--)
			SPK_TRY(spk_list_pick(&b, 0, e - 1, e, err));
		spk_list_end(&b, row);
	}
	return spk_list_finish(&b, err);
}

/* The element that no other is before by `sign`: 1 the smallest, -1 the largest; NULLs do not count. */
static spk_status extreme(const struct spk_call *call, int sign, struct spk_vector *out, spk_error *err)
{
	const struct spk_array_reader a = spk_array_reader(&call->arg[0]);
	const struct spk_values in = spk_values(a.child);
	int32_t *index = spk_arena_alloc(call->ev->arena, sizeof *index * ((size_t)call->rows + 1)), first, end;

	SPK_TRY_PTR(index, err);
	SPK_EACH_CALL_ROW(call, row) {
		index[row] = -1;
		spk_array_row(&a, row, &first, &end);
		for (int32_t e = first; e < end; e++)
			if (!spk_values_null(&in, e) && (index[row] < 0 || spk_values_compare(&in, e, &in, index[row]) * sign < 0))
				index[row] = e;
	}
	return spk_vector_take(out, a.child, index, call->rows, call->sel, call->n, call->ev->arena, err);
}

static spk_status smallest(const struct spk_call *call, struct spk_vector *out, spk_error *err) { return extreme(call, 1, out, err); }
static spk_status largest(const struct spk_call *call, struct spk_vector *out, spk_error *err) { return extreme(call, -1, out, err); }

static spk_status prepare(struct spk_arena *arena, struct spk_expr *e, spk_error *err)
{
	(void)arena;
	if (spk_type_element(e->arg[0]->type).id != SPK_TYPE_JSON)
		return SPK_OK;
	spk_bind_fail(err, e->position, "could not identify a comparison function for type json");
	return spk_hint(err, "A cast to jsonb[] has one."), SPK_BIND;
}

#define OF_ARRAY(name_, result_, kernel_, doc_) { .name = name_, .doc = doc_, SPK_ARGS1(ARRAY), SPK_RESULT(result_), .alike = SPK_ALIKE_SAME, .kernel = kernel_, .prepare = prepare }

static const struct spk_function array_order_functions[] = {
	OF_ARRAY("array_sort", ARRAY, sort, "Sorted, NULLs first"),
	{ .name = "array_sort", .doc = "Sorted; false: from the largest on, NULLs last", SPK_ARGS2(ARRAY, BOOLEAN), SPK_RESULT(ARRAY), .alike = SPK_ALIKE_SAME, .kernel = sort, .prepare = prepare },
	OF_ARRAY("array_reverse", ARRAY, reverse, "From the last element to the first"),
	OF_ARRAY("array_max", UNKNOWN, largest, "Largest element; NULLs do not count"),
	OF_ARRAY("array_min", UNKNOWN, smallest, "Smallest element; NULLs do not count"),
};

SPK_FUNCTION_FAMILY(array_order, array_order_functions)
