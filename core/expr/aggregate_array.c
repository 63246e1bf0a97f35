/* array_agg: all values as an array, NULLs too; NULL when there is no row. */
#include "core/expr/aggregate_rows.h"
#include "core/expr/array.h"

enum { ELEMENTS_MAX = INT32_MAX / 2 };

/* Arrays become the parts of one of a dimension more. */
static spk_status check_parts(const struct spk_vector *parts, int n, spk_error *err)
{
	int32_t dim[SPK_ARRAY_DIMS_MAX];

	for (int i = 0; i < n; i++) {
		if (spk_vector_is_null(parts, i))
			return spk_fail(err, SPK_DATA, "cannot accumulate null arrays");
		if (!spk_array_shape(parts, i, dim))
			return spk_fail(err, SPK_DATA, "cannot accumulate empty arrays");
		if (!spk_array_same_shape(parts, 0, parts, i))
			return spk_fail(err, SPK_DATA, "cannot accumulate arrays of different dimensionality");
	}
	return SPK_OK;
}

/* One group's rows as elements behind those that are there. */
static spk_status put_group(const struct spk_sorted *rows, struct spk_vector *out, int at, struct spk_arena *scratch, struct spk_arena *arena, spk_error *err)
{
	int32_t *offset = spk_vector_i32(out) + at;
	const int n = (int)rows->count, used = offset[0];
	struct spk_vector values;

	SPK_TRY(spk_vector_init(&values, out->child->type, n, scratch, err));
	for (int i = 0; i < n; i++)
		SPK_TRY(spk_record_read(rows->row[i].record, &values, 1, i, n, scratch, err));
	if (values.type.id == SPK_TYPE_ARRAY)
		SPK_TRY(check_parts(&values, n, err));
	SPK_TRY(spk_vector_grow_child(out->child, used, n, arena, err));
	SPK_TRY(spk_vector_gather(out->child, used, spk_vector_child_capacity(used + n), &values, NULL, n, true, arena, err));
	offset[1] = used + n;
	return SPK_OK;
}

static spk_status one_group(const struct spk_aggregate_call *call, const struct spk_rows *rows, struct spk_vector *out, int at, int capacity, struct spk_arena *scratch, struct spk_arena *arena, spk_error *err)
{
	struct spk_sorted sorted;

	spk_vector_i32(out)[at + 1] = spk_vector_i32(out)[at];
	if (!rows->count)
		return spk_aggregate_null(out, at, capacity, arena, err);
	if (rows->count > ELEMENTS_MAX - (uint64_t)spk_vector_i32(out)[at])
		return spk_fail(err, SPK_UNSUPPORTED, "arrays of more than %d elements in one batch", ELEMENTS_MAX);
	spk_arena_clear(scratch);
	SPK_TRY(spk_rows_sort(call, rows, scratch, &sorted, err));
	return put_group(&sorted, out, at, scratch, arena, err);
}

SPK_AGGREGATE_FINAL(final)
{
	struct spk_arena *scratch = spk_arena_new(call->account);
	spk_status status = SPK_OK;

	SPK_TRY_PTR(scratch, err);
	for (int i = 0; i < n && status == SPK_OK; i++)
		status = one_group(call, SPK_STATE(spk_rows, state, i), out, at + i, rows, scratch, arena, err);
	spk_arena_unref(scratch);
	return status;
}

static const struct spk_aggregate aggregates[] = {
	{ .name = "array_agg", .doc = "All values as an array, NULLs too; NULL when there is no row", .args = 1, .arg = { SPK_T(UNKNOWN) },
	  .result_of = spk_type_array_of_arg, .gathers = true, SPK_ROWS_STATE, .final = final },
};

SPK_AGGREGATE_FAMILY(array, aggregates)
