/* The distinct values of an array, by the places where they come first: by sorting, since arrays of whole groups are long. */
#include "core/expr/array.h"

#include <stdlib.h>

/* NULL is a value like others here, the last one. */
int spk_values_order(const struct spk_values *a, int row, const struct spk_values *b, int other)
{
	const bool na = spk_values_null(a, row), nb = spk_values_null(b, other);

	return na || nb ? na - nb : spk_values_compare(a, row, b, other);
}

static int by_place(const void *x, const void *y)
{
	const int32_t a = *(const int32_t *)x, b = *(const int32_t *)y;

	return (a > b) - (a < b);
}

static int by_value(const void *x, const void *y, void *values)
{
	const int order = spk_values_order(values, *(const int32_t *)x, values, *(const int32_t *)y);

	return order ? order : by_place(x, y);
}

void spk_array_sort_by_value(const struct spk_values *values, int32_t *place, int n)
{
	struct spk_values v = *values;

	qsort_r(place, (size_t)n, sizeof *place, by_value, &v);
}

int spk_array_distinct(const struct spk_values *values, int32_t first, int32_t end, int32_t *place)
{
	int count = 0;

	for (int32_t at = first; at < end; at++)
		place[at - first] = at;
	spk_array_sort_by_value(values, place, end - first);
	for (int32_t i = 0; i < end - first; i++)
		if (!count || spk_values_order(values, place[count - 1], values, place[i]) != 0)
			place[count++] = place[i];
	return count;
}

void spk_array_sort_places(int32_t *place, int n)
{
	qsort(place, (size_t)n, sizeof *place, by_place);
}
