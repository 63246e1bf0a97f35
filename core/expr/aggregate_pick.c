/*
 * One of a group's values as it is: first, last, any_value, and arg_min / arg_max (also min_by / max_by), the value of the row where
 * another is smallest or largest. "First" is the order of the rows, or that of ORDER BY in the call. Values of any type are held as plain
 * bytes (core/columnar/plain.h), what arg_min compares as key bytes. min and max of arrays are arg_min and arg_max of themselves.
 */
#include "core/columnar/plain.h"
#include "core/columnar/rowkey.h"
#include "core/expr/aggregate_held.h"

struct pick { struct spk_held value, by; };

static spk_status hold(const struct spk_aggregate_call *call, struct pick *s, const struct spk_vector *v, int row, struct spk_buffer *scratch, spk_error *err)
{
	spk_buffer_clear(scratch);
	SPK_TRY(spk_plain_write(v, row, scratch, err));
	return spk_held_set(call, &s->value, scratch->data, scratch->size, err);
}

/* --- first, last, any_value --- */

/* The first row wins, unless `last`; rows with NULL count unless `skip_nulls`. */
static spk_status update_by_order(const struct spk_aggregate_call *call, char *const *state, const struct spk_vector *input, const int32_t *sel, int n, bool last, bool skip_nulls, spk_error *err)
{
	struct spk_buffer scratch = { .account = call->account };
	spk_status status = SPK_OK;

	for (int i = 0; i < n && status == SPK_OK; i++) {
		const int row = sel ? sel[i] : i;
		struct pick *s = SPK_STATE(pick, state, i);

		if ((!last && spk_held_any(&s->value)) || (skip_nulls && spk_vector_is_null(input, row)))
			continue;
		/* Of a run of rows of one group only the last one is to be held. */
		if (last && i + 1 < n && state[i + 1] == state[i])
			continue;
		status = hold(call, s, input, row, &scratch, err);
	}
	spk_buffer_release(&scratch);
	return status;
}

SPK_AGGREGATE_UPDATE(update_first) { (void)weight; return update_by_order(call, state, input, sel, n, false, false, err); }
SPK_AGGREGATE_UPDATE(update_last) { (void)weight; return update_by_order(call, state, input, sel, n, true, false, err); }
SPK_AGGREGATE_UPDATE(update_any) { (void)weight; return update_by_order(call, state, input, sel, n, false, true, err); }

static spk_status merge_by_order(const struct spk_aggregate_call *call, char *const *into, char *const *from, int n, bool last, spk_error *err)
{
	for (int i = 0; i < n; i++) {
		struct pick *a = SPK_STATE(pick, into, i);
		const struct pick *b = SPK_STATE(pick, from, i);

		if (spk_held_any(&b->value) && (last || !spk_held_any(&a->value)))
			SPK_TRY(spk_held_copy(call, &a->value, &b->value, err));
	}
	return SPK_OK;
}

SPK_AGGREGATE_MERGE(merge_first) { return merge_by_order(call, into, from, n, false, err); }
SPK_AGGREGATE_MERGE(merge_last) { return merge_by_order(call, into, from, n, true, err); }

/* --- arg_min, arg_max --- */

static spk_status encode_by(const struct spk_aggregate_call *call, const struct spk_vector *input, const int32_t *sel, int n, struct spk_row_keys *keys, spk_error *err)
{
	struct spk_vector by = input[call->args - 1];
	struct spk_field field = { call->aggregate->name, by.type, true };
	struct spk_schema schema = { 1, &field };
	const struct spk_batch batch = { .schema = &schema, .columns = 1, .column = &by, .sel = sel, .selected = n };
	const struct spk_key_column column = { .type = by.type };

	keys->bytes.account = call->account;
	return spk_row_keys_encode(keys, &batch, &column, 1, false, err);
}

static bool goes_before(const struct pick *s, const char *key, uint32_t size, bool max)
{
	int c;

	if (!spk_held_any(&s->value))
		return true;
	c = spk_held_compare(&s->by, key, size);
	return max ? c < 0 : c > 0;
}

static spk_status update_by_value(const struct spk_aggregate_call *call, char *const *state, const struct spk_vector *input, const int32_t *sel, int n, bool max, spk_error *err)
{
	struct spk_buffer scratch = { .account = call->account };
	struct spk_row_keys keys = { 0 };
	spk_status status = encode_by(call, input, sel, n, &keys, err);

	for (int i = 0; i < n && status == SPK_OK; i++) {
		const int row = sel ? sel[i] : i;
		struct pick *s = SPK_STATE(pick, state, i);
		uint32_t size;
		const char *key = spk_row_key(&keys, i, &size);

		if (spk_vector_is_null(&input[0], row) || spk_vector_is_null(&input[call->args - 1], row) || !goes_before(s, key, size, max))
			continue;
		status = hold(call, s, &input[0], row, &scratch, err);
		if (status == SPK_OK)
			status = spk_held_set(call, &s->by, key, size, err);
	}
	spk_row_keys_release(&keys);
	spk_buffer_release(&scratch);
	return status;
}

static spk_status merge_by_value(const struct spk_aggregate_call *call, char *const *into, char *const *from, int n, bool max, spk_error *err)
{
	for (int i = 0; i < n; i++) {
		struct pick *a = SPK_STATE(pick, into, i);
		const struct pick *b = SPK_STATE(pick, from, i);

		if (!spk_held_any(&b->value) || !goes_before(a, spk_held_data(&b->by), spk_held_size(&b->by), max))
			continue;
		SPK_TRY(spk_held_copy(call, &a->value, &b->value, err));
		SPK_TRY(spk_held_copy(call, &a->by, &b->by, err));
	}
	return SPK_OK;
}

SPK_AGGREGATE_UPDATE(update_min) { (void)weight; return update_by_value(call, state, input, sel, n, false, err); }
SPK_AGGREGATE_UPDATE(update_max) { (void)weight; return update_by_value(call, state, input, sel, n, true, err); }
SPK_AGGREGATE_MERGE(merge_min) { return merge_by_value(call, into, from, n, false, err); }
SPK_AGGREGATE_MERGE(merge_max) { return merge_by_value(call, into, from, n, true, err); }

/* --- what all share --- */

SPK_AGGREGATE_FINAL(final_value)
{
	for (int i = 0; i < n; i++) {
		const struct pick *s = SPK_STATE(pick, state, i);
		const char *from, null[1] = { 0 };
		size_t size = 1;

		from = null;
		if (spk_held_any(&s->value)) {
			size = spk_held_size(&s->value);
			/* Texts of the result point into the bytes. */
			from = spk_arena_copy(arena, spk_held_data(&s->value), size);
			SPK_TRY_PTR(from, err);
		}
		SPK_TRY(spk_plain_read(&from, from + size, out, at + i, rows, arena, err));
	}
	return SPK_OK;
}

SPK_AGGREGATE_WRITE(write_pick)
{
	const struct pick *s = (const struct pick *)(const void *)state;

	(void)call;
	SPK_TRY(spk_held_write(&s->value, out, err));
	return spk_held_write(&s->by, out, err);
}

SPK_AGGREGATE_READ(read_pick)
{
	struct pick *s = (struct pick *)(void *)state;

	SPK_TRY(spk_held_read(call, &s->value, from, end, err));
	return spk_held_read(call, &s->by, from, end, err);
}

static void release_pick(const struct spk_aggregate_call *call, char *state)
{
	struct pick *s = (struct pick *)(void *)state;

	spk_held_release(call, &s->value);
	spk_held_release(call, &s->by);
}

#define PICK_OF(T, name_, doc_, args_, update_, merge_, ...) \
	{ .name = name_, .doc = doc_, .args = args_, .arg = { SPK_T(T), SPK_T(T) }, .result_of = spk_type_of_arg, \
	  .state_size = (int)sizeof(struct pick), .update = update_, .merge = merge_, .final = final_value, \
	  .write = write_pick, .read = read_pick, .release = release_pick, __VA_ARGS__ }
#define PICK(...) PICK_OF(UNKNOWN, __VA_ARGS__)
#define FIRST "Value of the first row, NULL if it is; the order is that of ORDER BY in the call, else of the input"
#define LAST "Value of the last row, NULL if it is; the order is that of ORDER BY in the call, else of the input"
#define BY_MIN "First argument where the second is smallest (the first such row); rows where either is NULL do not count"
#define BY_MAX "First argument where the second is largest (the first such row); rows where either is NULL do not count"

static const struct spk_aggregate aggregates[] = {
	PICK("first", FIRST, 1, update_first, merge_first, .idempotent = false),
	PICK("last", LAST, 1, update_last, merge_last, .idempotent = false),
	PICK("any_value", "A value that is not NULL: that of the first such row", 1, update_any, merge_first, .idempotent = true),
	PICK("arg_min", BY_MIN, 2, update_min, merge_min, .idempotent = true),
	PICK("arg_max", BY_MAX, 2, update_max, merge_max, .idempotent = true),
	PICK("min_by", BY_MIN, 2, update_min, merge_min, .idempotent = true),
	PICK("max_by", BY_MAX, 2, update_max, merge_max, .idempotent = true),
	PICK_OF(ARRAY, "min", "Smallest value", 1, update_min, merge_min, .idempotent = true, .unordered = true),
	PICK_OF(ARRAY, "max", "Largest value", 1, update_max, merge_max, .idempotent = true, .unordered = true),
};

SPK_AGGREGATE_FAMILY(pick, aggregates)
