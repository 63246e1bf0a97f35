/*
 * Assigns rows to tumbling windows: appends window_start, window_end and window_time to the input's columns. Stateless.
 * Windows align to 1970-01-01 00:00 UTC plus an offset; window_time is one millisecond before the end, as Flink has it. A row
 * without event time belongs to no window: it is a bad row.
 */
#include "batch/operator/operator.h"

struct window { struct spk_op base; };

enum { WINDOW_TIME_BEFORE_END_US = 1000 };

static int64_t floor_to(int64_t t, int64_t size, int64_t offset)
{
	int64_t r = (t - offset) % size;

	return t - (r < 0 ? r + size : r);
}

static spk_status assign(const struct spk_physical *plan, const struct spk_batch *in, struct spk_batch *out, spk_error *err)
{
	struct spk_reader time = spk_vector_reader(&in->column[plan->time_column]);
	struct spk_type type = in->column[plan->time_column].type;
	int64_t *bound[3];

	for (int i = 0; i < 3; i++) {
		SPK_TRY(spk_vector_init(&out->column[in->columns + i], type, in->rows, out->arena, err));
		bound[i] = spk_vector_i64(&out->column[in->columns + i]);
	}
	SPK_EACH_ROW(in, i, row) {
		uint32_t slot = spk_reader_slot(&time, row);
		int64_t t = spk_reader_valid(&time, slot) ? ((const int64_t *)time.data)[slot] : 0;
		int64_t start = floor_to(t, plan->window_size_us, plan->window_offset_us);

		bound[0][row] = start;
		bound[1][row] = start + plan->window_size_us;
		bound[2][row] = start + plan->window_size_us - WINDOW_TIME_BEFORE_END_US;
	}
	return SPK_OK;
}

/* Takes rows without event time out. */
static spk_status reject_nulls(struct spk_op *op, const struct spk_batch *in, struct spk_batch *out, spk_error *err)
{
	const struct spk_vector *time = &in->column[op->plan->time_column];
	static const char reason[] = "the event time is NULL: the row belongs to no window";
	int kept = 0;
	int32_t *sel;

	sel = spk_op_selection(in, out->arena);
	SPK_TRY_PTR(sel, err);
	for (int i = 0; i < in->selected; i++) {
		int32_t row = sel[i];

		if (!spk_vector_is_null(time, row))
			sel[kept++] = row;
		else if (op->pipeline->run->streaming)
			SPK_TRY(spk_op_dead_letter(op, in, row, SPK_DATA, false, 0, reason, err));
	}
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
	status = assign(op->plan, in, out, err);
	if (status == SPK_OK && spk_vector_reader(&in->column[op->plan->time_column]).valid)
		status = reject_nulls(op, in, out, err);
	if (status == SPK_OK)
		status = spk_op_emit(op, out, err);
	spk_batch_unref(out);
	return status;
}

const struct spk_op_type spk_op_window = { .name = "window", .size = sizeof(struct window), .push = window_push };
