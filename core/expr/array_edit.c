/* Arrays made of others: appended to, joined, with elements left out or replaced. None of these mind NULL arrays. */
#include "core/expr/array.h"
#include "core/expr/families.h"

/* Whether an array may become a part of one of several dimensions; an empty or NULL one is left out. */
enum fit { FITS, IS_NOTHING, DIFFERS };

static enum fit fit_part(const struct spk_vector *parts, int32_t first, int32_t end, const struct spk_vector *v, int row)
{
	int32_t dim[SPK_ARRAY_DIMS_MAX];

	if (!spk_array_shape(v, row, dim))
		return IS_NOTHING;
	return first == end || spk_array_same_shape(parts, first, v, row) ? FITS : DIFFERS;
}

/* append, prepend: `at` is the array's argument, the other one the element's. */
static spk_status extend(const struct spk_call *call, int at, struct spk_vector *out, spk_error *err)
{
	const struct spk_array_reader a = spk_array_reader(&call->arg[at]);
	struct spk_vector source[2] = { call->arg[0], call->arg[1] };
	struct spk_list_builder b = spk_call_lists(call, out, source, 2);
	int32_t first, end;

	source[at] = *a.child;
	SPK_EACH_CALL_ROW(call, row) {
		enum fit fit = FITS;

		spk_array_row(&a, row, &first, &end);
		if (a.child->type.id == SPK_TYPE_ARRAY)
			fit = fit_part(a.child, first, end, &source[1 - at], row);
		if (fit == DIFFERS)
			SPK_TRY(spk_call_fail(call, out, row, SPK_DATA, err, "cannot concatenate incompatible arrays"));
		for (int k = 0; k < 2; k++)
			if (k == at || fit == FITS)
				SPK_TRY(spk_list_pick(&b, k, k == at ? first : row, k == at ? end : row + 1, err));
		spk_list_end(&b, row);
	}
	return spk_list_finish(&b, err);
}

static spk_status append(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	return extend(call, 0, out, err);
}

static spk_status prepend(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	return extend(call, 1, out, err);
}

static spk_status cat(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_array_reader a[2] = { spk_array_reader(&call->arg[0]), spk_array_reader(&call->arg[1]) };
	const struct spk_vector source[2] = { *a[0].child, *a[1].child };
	struct spk_list_builder b = spk_call_lists(call, out, source, 2);
	int32_t first, end;

	SPK_EACH_CALL_ROW(call, row) {
		bool known = false, alike = true;
		int32_t other = 0;

		for (int k = 0; k < 2; k++) {
			known = spk_array_row(&a[k], row, &first, &end) || known;
			/* Parts of the two are of one shape. */
			if (k == 1 && other >= 0 && first < end && source[0].type.id == SPK_TYPE_ARRAY)
				alike = spk_array_same_shape(&source[0], other, &source[1], first);
			other = first < end ? first : -1;
			SPK_TRY(spk_list_pick(&b, k, first, end, err));
		}
		spk_list_end(&b, row);
		if (!known)
			SPK_TRY(spk_call_null(call, out, row, err));
		if (!alike)
			SPK_TRY(spk_call_fail(call, out, row, SPK_DATA, err, "cannot concatenate incompatible arrays"));
	}
	return spk_list_finish(&b, err);
}

/* The array's elements but those that are argument 1; with a third argument that one in their place. NULL is found, too. */
static spk_status leave_out(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_array_reader a = spk_array_reader(&call->arg[0]);
	const struct spk_values elements = spk_values(a.child), wanted = spk_values(&call->arg[1]);
	struct spk_vector source[2] = { *a.child, call->arg[call->args - 1] };
	struct spk_list_builder b = spk_call_lists(call, out, source, call->args - 1);
	int32_t first, end;

	SPK_EACH_CALL_ROW(call, row) {
		if (!spk_array_row(&a, row, &first, &end))
			SPK_TRY(spk_call_null(call, out, row, err));
		for (int32_t e = first; e < end; e++) {
			if (!spk_values_same(&elements, e, &wanted, row))
				SPK_TRY(spk_list_pick(&b, 0, e, e + 1, err));
			else if (call->args == 3)
				SPK_TRY(spk_list_pick(&b, 1, row, row + 1, err));
		}
		spk_list_end(&b, row);
	}
	return spk_list_finish(&b, err);
}

/* Room for the places of every row's elements, the longest array's. */
static spk_status place_room(const struct spk_call *call, const struct spk_array_reader *a, int32_t **out, spk_error *err)
{
	int32_t first, end, most = 0;

	SPK_EACH_CALL_ROW(call, row)
		if (spk_array_row(a, row, &first, &end))
			most = SPK_MAX(most, end - first);
	SPK_TRY_PTR(*out = spk_arena_alloc(call->ev->arena, sizeof **out * ((size_t)most + 1)), err);
	return SPK_OK;
}

static spk_status pick_places(struct spk_list_builder *b, int32_t *place, int n, spk_error *err)
{
	spk_array_sort_places(place, n);
	for (int i = 0; i < n; i++)
		SPK_TRY(spk_list_pick(b, 0, place[i], place[i] + 1, err));
	return SPK_OK;
}

/* Each value once, where it comes first. */
static spk_status distinct(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_array_reader a = spk_array_reader(&call->arg[0]);
	const struct spk_values elements = spk_values(a.child);
	const struct spk_vector source[1] = { *a.child };
	struct spk_list_builder b = spk_call_lists(call, out, source, 1);
	int32_t first, end, *place;

	SPK_TRY(place_room(call, &a, &place, err));
	SPK_EACH_CALL_ROW(call, row) {
		if (!spk_array_row(&a, row, &first, &end))
			SPK_TRY(spk_call_null(call, out, row, err));
		SPK_TRY(pick_places(&b, place, spk_array_distinct(&elements, first, end, place), err));
		spk_list_end(&b, row);
	}
	return spk_list_finish(&b, err);
}

/* Of places in the order of their values those whose value is among the others (`both`), or is not. Returns their number. */
static int choose_places(const struct spk_values *elements, int32_t *place, int n, const struct spk_values *others, const int32_t *other, int m, bool both)
{
	int kept = 0;

	for (int i = 0, k = 0; i < n; i++) {
		while (k < m && spk_values_order(others, other[k], elements, place[i]) < 0)
			k++;
		if ((k < m && spk_values_order(others, other[k], elements, place[i]) == 0) == both)
			place[kept++] = place[i];
	}
	return kept;
}

/* The values of the first array that are in the second as well (`both`), or are not, each once. */
static spk_status pick_values(const struct spk_call *call, bool both, struct spk_vector *out, spk_error *err)
{
	const struct spk_array_reader a = spk_array_reader(&call->arg[0]), b = spk_array_reader(&call->arg[1]);
	const struct spk_values elements = spk_values(a.child), others = spk_values(b.child);
	const struct spk_vector source[1] = { *a.child };
	struct spk_list_builder lists = spk_call_lists(call, out, source, 1);
	int32_t first, end, from, to, *place, *other;

	SPK_TRY(place_room(call, &a, &place, err));
	SPK_TRY(place_room(call, &b, &other, err));
	SPK_EACH_CALL_ROW(call, row) {
		const bool known = spk_array_row(&a, row, &first, &end) && spk_array_row(&b, row, &from, &to);
		int n = 0;

		if (!known)
			SPK_TRY(spk_call_null(call, out, row, err));
		else
			n = choose_places(&elements, place, spk_array_distinct(&elements, first, end, place), &others, other, spk_array_distinct(&others, from, to, other), both);
		SPK_TRY(pick_places(&lists, place, n, err));
		spk_list_end(&lists, row);
	}
	return spk_list_finish(&lists, err);
}

static spk_status intersect(const struct spk_call *call, struct spk_vector *out, spk_error *err) { return pick_values(call, true, out, err); }
static spk_status except(const struct spk_call *call, struct spk_vector *out, spk_error *err) { return pick_values(call, false, out, err); }

#define EDIT(name_, kernel_, doc_, ...) \
	{ .name = name_, .doc = doc_, __VA_ARGS__, SPK_RESULT(ARRAY), .alike = SPK_ALIKE_COMPATIBLE, .not_strict = true, .can_fail = true, .kernel = kernel_ }

static const struct spk_function array_edit_functions[] = {
	EDIT("array_append", append, "With a value behind its elements", SPK_ARGS2(ARRAY, UNKNOWN)),
	EDIT("array_prepend", prepend, "With a value before its elements", SPK_ARGS2(UNKNOWN, ARRAY)),
	EDIT("array_cat", cat, "The elements of both", SPK_ARGS2(ARRAY, ARRAY)),
	EDIT("array_cat", append, "The elements of both, or an array of one dimension less as one more part", SPK_ARGS2(ARRAY, UNKNOWN)),
	EDIT("array_cat", prepend, "The elements of both, or an array of one dimension less as one more part", SPK_ARGS2(UNKNOWN, ARRAY)),
	EDIT("||", cat, "Arrays joined, or with a value before or behind", SPK_ARGS2(ARRAY, ARRAY)),
	EDIT("||", append, "Arrays joined, or with a value before or behind", SPK_ARGS2(ARRAY, UNKNOWN)),
	EDIT("||", prepend, "Arrays joined, or with a value before or behind", SPK_ARGS2(UNKNOWN, ARRAY)),
	EDIT("array_distinct", distinct, "Each of its values once, in the order in which they come first", SPK_ARGS1(ARRAY)),
	EDIT("array_intersect", intersect, "The values that are in both, each once, in the order of the first", SPK_ARGS2(ARRAY, ARRAY)),
	EDIT("array_except", except, "The values of the first that are not in the second, each once", SPK_ARGS2(ARRAY, ARRAY)),
	EDIT("array_remove", leave_out, "Without the elements that are equal to a value", SPK_ARGS2(ARRAY, UNKNOWN)),
	EDIT("array_replace", leave_out, "With every element equal to the second argument replaced by the third", SPK_ARGS3(ARRAY, UNKNOWN, UNKNOWN)),
};

SPK_FUNCTION_FAMILY(array_edit, array_edit_functions)
