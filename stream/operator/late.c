/*
 * Drops rows of windows that were closed before this epoch began, and rows under the watermark that may have missed what they would have met, into
 * the dead-letter sink.
 *
 *   input   rows with a window bound or an event time, any order
 *   output  the rows whose window is still open; those in time, and those without one
 *   state   none: judged by the watermark at the start of the epoch, so order inside the epoch cannot matter
 */
#include "stream/operator/stream_operators.h"

struct late { struct spk_op base; };

spk_status spk_late_report(struct spk_op *op, const struct spk_batch *in, int32_t row, int64_t end, int64_t watermark, spk_error *err)
{
	char end_text[SPK_TEXT_MAX], mark_text[SPK_TEXT_MAX], reason[3 * SPK_TEXT_MAX];
	int end_size = spk_text_timestamp(end, end_text), mark_size = spk_text_timestamp(watermark, mark_text);

	snprintf(reason, sizeof reason, "late: %s %.*s, the watermark was %.*s", op->plan->by_time ? "its event time was" : "its window ended at", end_size, end_text, mark_size, mark_text);
	return spk_op_dead_letter(op, in, row, SPK_DATA, true, watermark, reason, err);
}

/* Rows that are in time, into sel; late ones are reported. */
static spk_status judge(struct spk_op *op, const struct spk_batch *in, int64_t watermark, int32_t *sel, int *n, spk_error *err)
{
	struct spk_reader r = spk_vector_reader(&in->column[op->plan->window_key]);
	const bool by_time = op->plan->by_time;
	int kept = 0;

	SPK_EACH_ROW(in, i, row) {
		const uint32_t slot = spk_reader_slot(&r, row);
		const int64_t end = ((const int64_t *)r.data)[slot] + op->plan->window_add_us;

		if (SPK_LIKELY(end > watermark) || (by_time && (end == watermark || !spk_reader_valid(&r, slot))))
			sel[kept++] = row;
		else
			SPK_TRY(spk_late_report(op, in, row, end, watermark, err));
	}
	*n = kept;
	return SPK_OK;
}

static spk_status late_push(struct spk_op *op, int input, struct spk_batch *in, spk_error *err)
{
	int64_t watermark = spk_op_watermark_before(op);
	struct spk_batch *out;
	int32_t *sel;
	spk_status status;

	(void)input;
	if (watermark == SPK_WATERMARK_NONE)
		return spk_op_emit(op, in, err);
	SPK_TRY(spk_batch_derive(&out, in, in->schema, err));
	memcpy(out->column, in->column, sizeof *in->column * (size_t)in->columns);
	sel = spk_arena_alloc(out->arena, sizeof *sel * (size_t)in->selected);
	status = sel ? judge(op, in, watermark, sel, &out->selected, err) : spk_fail_memory(err);
	if (status == SPK_OK) {
		out->sel = sel;
		status = spk_op_emit(op, out->selected == in->selected ? in : out, err);
	}
	spk_batch_unref(out);
	return status;
}

const struct spk_op_type spk_op_late = { .name = "late filter", .size = sizeof(struct late), .push = late_push };
