/*
 * Rows on their way into sessions, where they still know where they come from.
 *
 *   input   rows with an event time, any order
 *   output  those that have a session: a time, and one whose own session (it alone and the gap) is not closed yet, late rows and all. Behind their columns those of
 *           enum spk_session_origin, filled in where a row is older than the watermark: only such a one may belong to a closed session
 *   state   none: judged by the watermark at the start of the epoch, so order inside the epoch cannot matter
 *
 * Without time_sources nothing is late: rows that are kept for good.
 */
#include "stream/operator/session.h"

struct session_input { struct spk_op base; };

/* What was found of the rows of a batch. */
struct verdict { int32_t *sel; int n; bool old; /* some are older than the watermark */ };

static spk_status judge(struct spk_op *op, const struct spk_batch *in, int64_t watermark, struct verdict *v, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(&in->column[op->plan->time_column]);

	SPK_EACH_ROW(in, i, row) {
		const uint32_t slot = spk_reader_slot(&r, row);
		int64_t time, end;

		if (!spk_reader_valid(&r, slot)) {
			SPK_TRY(spk_op_dead_letter(op, in, row, SPK_DATA, false, 0, "the event time is NULL: the row belongs to no window", err));
			continue;
		}
		time = ((const int64_t *)r.data)[slot];
		if (time == INT64_MIN || __builtin_add_overflow(time, op->plan->window_slide_us, &end) || end >= INT64_MAX - 1) {
			SPK_TRY(spk_op_dead_letter(op, in, row, SPK_DATA, false, 0, "the event time is out of range for a window", err));
			continue;
		}
		if (spk_session_later(end, op->plan->lateness_us) < watermark) {
			SPK_TRY(spk_late_report(op, in, row, end, watermark, err));
			continue;
		}
		v->old = v->old || time <= watermark;
		v->sel[v->n++] = row;
	}
	return SPK_OK;
}

/* Where the rows older than the watermark come from. */
static spk_status fill_origins(const struct spk_op *op, const struct spk_batch *in, int64_t watermark, const struct verdict *v, struct spk_batch *out, spk_error *err)
{
	struct spk_vector *column = out->column + in->columns;
	const struct spk_reader r = spk_vector_reader(&in->column[op->plan->time_column]);

	for (int i = 0; i < SPK_SESSION_ORIGINS; i++) {
		SPK_TRY(spk_vector_init(&column[i], out->schema->field[in->columns + i].type, in->rows, out->arena, err));
		SPK_TRY(spk_vector_need_valid(&column[i], in->rows, out->arena, err));
	}
	for (int i = 0; i < v->n; i++) {
		const int32_t row = v->sel[i];
		const bool known = ((const int64_t *)r.data)[spk_reader_slot(&r, row)] <= watermark && (in->origin || in->repeats);

		for (int c = 0; c < SPK_SESSION_ORIGINS && !known; c++)
			spk_bit_clear(column[c].valid, row);
		spk_vector_i32(&column[SPK_SESSION_SOURCE])[row] = in->repeats ? -1 : known ? in->origin->source : 0;
		spk_vector_i32(&column[SPK_SESSION_PARTITION])[row] = known && in->origin ? in->origin->partition : -1;
		spk_vector_i64(&column[SPK_SESSION_OFFSET])[row] = known && in->origin && in->origin->offset ? in->origin->offset[row] : -1;
		spk_vector_view(&column[SPK_SESSION_RAW])[row] = known && in->origin && in->origin->raw ? in->origin->raw[row] : spk_view("", 0);
	}
	return SPK_OK;
}

static spk_status add_origins(const struct spk_op *op, const struct spk_batch *in, int64_t watermark, const struct verdict *v, struct spk_batch *out, spk_error *err)
{
	if (out->schema->count == in->columns)
		return SPK_OK;
	if (v->old)
		return fill_origins(op, in, watermark, v, out, err);
	for (int i = in->columns; i < out->schema->count; i++)
		SPK_TRY(spk_vector_init_constant(&out->column[i], out->schema->field[i].type, NULL, out->arena, err));
	return SPK_OK;
}

static spk_status input_push(struct spk_op *op, int input, struct spk_batch *in, spk_error *err)
{
	const int64_t watermark = op->plan->time_sources ? spk_op_watermark_before(op) : SPK_WATERMARK_NONE;
	struct verdict v = { 0 };
	struct spk_batch *out;
	spk_status status;

	(void)input;
	SPK_TRY(spk_batch_derive(&out, in, op->plan->schema, err));
	memcpy(out->column, in->column, sizeof *in->column * (size_t)in->columns);
	v.sel = spk_arena_alloc(out->arena, sizeof *v.sel * (size_t)SPK_MAX(in->selected, 1));
	status = v.sel ? judge(op, in, watermark, &v, err) : spk_fail_memory(err);
	if (status == SPK_OK)
		status = add_origins(op, in, watermark, &v, out, err);
	out->sel = v.sel;
	out->selected = v.n;
	if (status == SPK_OK)
		status = spk_op_emit(op, out, err);
	spk_batch_unref(out);
	return status;
}

const struct spk_op_type spk_op_session_input = { .name = "session input", .size = sizeof(struct session_input), .push = input_push };
