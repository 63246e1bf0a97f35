/*
 * Aggregates over frames. The state follows the frame from row to row: rows that enter are added; rows that leave are taken back where
 * the aggregate can do that exactly, otherwise the state is made anew, as PostgreSQL does, so that sums of floating-point numbers come out
 * the same. Rows with one frame get one result.
 */
#include "batch/operator/over.h"

static void clear(struct over_call *call)
{
	spk_aggregate_row_release(&call->aggregate, 1, call->state);
	memset(call->state, 0, (size_t)call->state_size);
}

/* Adds rows [from, to) to the state, or takes them back. */
static spk_status update(struct over *o, int c, int64_t from, int64_t to, bool take_back, spk_error *err)
{
	struct spk_aggregate_call *a = &o->call[c].aggregate;

	while (from < to) {
		int32_t row, sel[SPK_BATCH_ROWS];
		struct spk_reader filter = { 0 };
		struct over_page *page;
		int n, kept = 0;

		SPK_TRY(over_at(o, from, &page, &row, err));
		n = (int)SPK_MIN(to - from, page->in->rows - row);
		if (a->filter)
			filter = spk_vector_reader(&page->value[c].filter);
		for (int i = 0; i < n; i++) {
			uint32_t slot = a->filter ? spk_reader_slot(&filter, row + i) : 0;

			sel[kept] = row + i;
			kept += !a->filter || (spk_reader_valid(&filter, slot) && ((const uint8_t *)filter.data)[slot]);
		}
		if (kept)
			SPK_TRY(a->step->update(a, o->call[c].same_state, page->value[c].arg, sel, kept, take_back ? o->minus : NULL, err));
		from += n;
	}
	return SPK_OK;
}

static bool takes_back(const struct spk_aggregate_call *a)
{
	return a->step->retract && (!a->inputs || (a->input[0]->type.id != SPK_TYPE_DOUBLE && a->input[0]->type.id != SPK_TYPE_REAL));
}

/* Brings the state from rows [from, to) to the frame at hand. */
static spk_status follow(struct over *o, int c, const struct over_frame *f, int64_t row, spk_error *err)
{
	struct over_call *call = &o->call[c];
	bool whole = f->gap == f->gap_end;

	if (!whole || f->ties) {
		clear(call);
		SPK_TRY(update(o, c, f->start, f->gap, false, err));
		if (f->ties)
			SPK_TRY(update(o, c, row, row + 1, false, err));
		call->from = call->to = -1;
		return update(o, c, f->gap_end, f->stop, false, err);
	}
	if (call->from < 0 || f->start >= call->to || f->stop < call->to || (f->start > call->from && !takes_back(&call->aggregate))) {
		clear(call);
		call->from = call->to = f->start;
	}
	SPK_TRY(update(o, c, call->from, f->start, true, err));
	SPK_TRY(update(o, c, call->to, f->stop, false, err));
	call->from = f->start;
	call->to = f->stop;
	return SPK_OK;
}

/* The state's value for rows [from, to). */
static spk_status put(struct over *o, int c, int64_t from, int64_t to, spk_error *err)
{
	struct spk_aggregate_call *a = &o->call[c].aggregate;

	while (from < to) {
		struct over_target t;
		int n;

		SPK_TRY(over_target(o, c, from, &t, err));
		n = (int)SPK_MIN(to - from, t.rows - t.row);
		SPK_TRY(a->step->final(a, o->call[c].same_state, n, t.vector, t.row, t.rows, t.arena, err));
		from += n;
	}
	return SPK_OK;
}

static bool same_frame(const struct over_frame *f, int64_t start, int64_t stop)
{
	return f->start == start && f->stop == stop && f->gap == f->gap_end && !f->ties;
}

spk_status over_aggregate(struct over *o, int c, int64_t first, int64_t end, spk_error *err)
{
	struct over_call *call = &o->call[c];
	struct over_frame f;
	int64_t since = first, start = -1, stop = -1;

	clear(call);
	call->from = call->to = first;
	over_frame_begin(&f, o, c, first, end);
	for (int64_t r = first; r < end; r++) {
		SPK_TRY(over_frame_move(&f, r, err));
		if (r > first && same_frame(&f, start, stop))
			continue;
		SPK_TRY(put(o, c, since, r, err));
		SPK_TRY(follow(o, c, &f, r, err));
		since = r;
		start = f.gap == f.gap_end && !f.ties ? f.start : -1;
		stop = f.stop;
	}
	return put(o, c, since, end, err);
}
