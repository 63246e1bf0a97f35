/*
 * Assigns rows to tumbling windows: appends window_start, window_end and window_time to the input's columns. Stateless.
 * Windows align to 1970-01-01 00:00 UTC plus an offset; window_time is one millisecond before the end, as Flink has it. A row
 * without event time belongs to no window: it is a bad row in a stream and left out of a batch query.
 */
#include "batch/operator/operator.h"

struct window { struct spk_op base; };

enum { WINDOW_TIME_BEFORE_END_US = 1000 };

/* Start of the window of `t`; false when the window has no bounds that are timestamps (infinity, the ends of time). */
static bool find_start(int64_t t, int64_t size, int64_t offset, int64_t *start)
{
	int64_t shifted, r, end;

	if (t == INT64_MIN || t == INT64_MAX || __builtin_sub_overflow(t, offset, &shifted))
		return false;
	r = shifted % size;
	return !__builtin_sub_overflow(t, r < 0 ? r + size : r, start) && !__builtin_add_overflow(*start, size, &end) && *start > INT64_MIN + WINDOW_TIME_BEFORE_END_US;
}

static spk_status reject(struct spk_op *op, const struct spk_batch *in, int32_t row, const char *reason, bool fails, spk_error *err)
{
	if (op->pipeline->run->streaming)
		return spk_op_dead_letter(op, in, row, SPK_DATA, false, 0, reason, err);
	return fails ? spk_fail(err, SPK_DATA, "%s", reason) : SPK_OK;
}

/* Fills the bounds of the rows that have a window into bound[] and those rows into sel[]. A batch query leaves out rows without time. */
static spk_status assign(struct spk_op *op, const struct spk_batch *in, int64_t *const *bound, int32_t *sel, int *n, spk_error *err)
{
	static const char no_time[] = "the event time is NULL: the row belongs to no window", out_of_range[] = "the event time is out of range for a window";
	struct spk_reader time = spk_vector_reader(&in->column[op->plan->time_column]);
	int64_t size = op->plan->window_size_us, offset = op->plan->window_offset_us;
	int kept = 0;

	SPK_EACH_ROW(in, i, row) {
		uint32_t slot = spk_reader_slot(&time, row);
		int64_t start;

		if (!spk_reader_valid(&time, slot)) {
			SPK_TRY(reject(op, in, row, no_time, false, err));
			continue;
		}
		if (!find_start(((const int64_t *)time.data)[slot], size, offset, &start)) {
			SPK_TRY(reject(op, in, row, out_of_range, true, err));
			continue;
		}
		bound[0][row] = start;
		bound[1][row] = start + size;
		bound[2][row] = start + size - WINDOW_TIME_BEFORE_END_US;
		sel[kept++] = row;
	}
	*n = kept;
	return SPK_OK;
}

static spk_status add_windows(struct spk_op *op, const struct spk_batch *in, struct spk_batch *out, spk_error *err)
{
	int32_t *sel = spk_arena_alloc(out->arena, sizeof *sel * (size_t)in->selected);
	int64_t *bound[3];
	int kept = 0;

	SPK_TRY_PTR(sel, err);
	for (int i = 0; i < 3; i++) {
		SPK_TRY(spk_vector_init(&out->column[in->columns + i], in->column[op->plan->time_column].type, in->rows, out->arena, err));
		bound[i] = spk_vector_i64(&out->column[in->columns + i]);
	}
	SPK_TRY(assign(op, in, bound, sel, &kept, err));
	if (kept == in->selected)
		return SPK_OK;
	out->sel = sel;
	out->selected = kept;
	return SPK_OK;
}

static spk_status window_push(struct spk_op *op, int input, struct spk_batch *in, spk_error *err)
{
	struct spk_batch *out = NULL;
	spk_status status;

	(void)input;
	SPK_TRY(spk_batch_derive(&out, in, op->plan->schema, err));
	memcpy(out->column, in->column, sizeof *in->column * (size_t)in->columns);
	status = add_windows(op, in, out, err);
	if (status == SPK_OK)
		status = spk_op_emit(op, out, err);
	spk_batch_unref(out);
	return status;
}

const struct spk_op_type spk_op_window = { .name = "window", .size = sizeof(struct window), .push = window_push };
