/*
 * Assigns rows to windows of fixed bounds: appends window_start, window_end and window_time to the input's columns. Stateless.
 *
 *   tumble     one after the other: a row is in one
 *   hop        one begins every slide: a row is in size / slide of them
 *   cumulate   they begin every size, and there is one for each step up to it: a row is in those that end behind it
 *
 * With plan->panes a row of hop or cumulate comes out once, with the pane of one slide or step that it is in: window_start is the pane's, window_end
 * the end of the last window that has the pane.
 *
 * Windows align to 1970-01-01 00:00 UTC plus an offset; with plan->zone to 00:00 of that zone, whose clocks may be put forward and back; window_time is one millisecond before the end, as Flink has it. A row
 * without event time belongs to no window: it is a bad row in a stream and left out of a batch query.
 *
 * A batch comes out once for every number of a window that some row has: the columns are shared, only the bounds differ. The windows that end last come
 * first: a row that is late for these is late for all, and only then it is told of.
 */
#include "batch/operator/operator.h"
#include "core/expr/zone.h"

struct window {
	struct spk_op base;
	const struct spk_zone *zone;     /* NULL: times are taken as they are */
};

static struct window *self(struct spk_op *op) { return spk_container_of(op, struct window, base); }

enum { WINDOW_TIME_BEFORE_END_US = 1000 };

struct bounds { int64_t start, end; };

/* The last multiple of `step` (from `offset` on) that is not behind t; false when there is none that is a timestamp. */
static bool step_down(int64_t t, int64_t step, int64_t offset, int64_t *out)
{
	int64_t shifted, r;

	if (t == INT64_MIN || t == INT64_MAX || __builtin_sub_overflow(t, offset, &shifted))
		return false;
	r = shifted % step;
	return !__builtin_sub_overflow(t, r < 0 ? r + step : r, out) && *out > INT64_MIN + WINDOW_TIME_BEFORE_END_US;
}

/* The pane of `t`, up to the end of its last window; false when there is none that is a timestamp. */
static bool find_pane(const struct spk_physical *plan, int64_t t, struct bounds *b)
{
	int64_t last;

	if (!step_down(t, plan->window_slide_us, plan->window_offset_us, &b->start))
		return false;
	last = b->start;
	if (plan->window == SPK_WINDOW_CUMULATE && !step_down(t, plan->window_size_us, plan->window_offset_us, &last))
		return false;
	return !__builtin_add_overflow(last, plan->window_size_us, &b->end);
}

/* The bounds of number `k` of the windows of local time `t`, from the one that ends last on; false when it has no more, or none at all that are timestamps. */
static bool find_local(const struct spk_physical *plan, int64_t t, int64_t k, struct bounds *b)
{
	const int64_t size = plan->window_size_us, step = plan->window_slide_us;
	int64_t back;

	if (plan->panes)
		return k == 0 && find_pane(plan, t, b);
	switch (plan->window) {
	case SPK_WINDOW_HOP:
		return step_down(t, step, plan->window_offset_us, &b->start) && !__builtin_mul_overflow(k, step, &back) && !__builtin_sub_overflow(b->start, back, &b->start) &&
		       b->start > INT64_MIN + WINDOW_TIME_BEFORE_END_US && !__builtin_add_overflow(b->start, size, &b->end) && b->end > t;
	case SPK_WINDOW_CUMULATE:
		if (!step_down(t, size, plan->window_offset_us, &b->start) || __builtin_add_overflow(b->start, size, &back))
			return false;
		b->end = back;
		return !__builtin_mul_overflow(k, step, &back) && !__builtin_sub_overflow(b->end, back, &b->end) && b->end > t;
	case SPK_WINDOW_TUMBLE:
	case SPK_WINDOW_SESSION:
		break;
	}
	return k == 0 && step_down(t, size, plan->window_offset_us, &b->start) && !__builtin_add_overflow(b->start, size, &b->end);
}

/* The earlier of the two instants that a local time has when clocks are put back; spk_zone_to_utc gives the later one. */
static int64_t first_instant(const struct spk_zone *zone, int64_t local)
{
	const int64_t before_us = 3 * 60 * 60 * 1000000ll, later = spk_zone_to_utc(zone, local), earlier = local - spk_zone_offset_at(zone, later - before_us) * 1000000ll;

	return earlier < later && earlier + spk_zone_offset_at(zone, earlier) * 1000000ll == local ? earlier : later;
}

/* The same of an instant: a window has all instants of its local time, so a day may be of 23 or of 25 hours. */
static bool find_window(const struct window *w, int64_t t, int64_t k, struct bounds *b)
{
	int64_t local;

	if (!w->zone)
		return find_local(w->base.plan, t, k, b);
	if (t == INT64_MIN || t == INT64_MAX || __builtin_add_overflow(t, spk_zone_offset_at(w->zone, t) * 1000000ll, &local) || !find_local(w->base.plan, local, k, b))
		return false;
	*b = (struct bounds){ first_instant(w->zone, b->start), spk_zone_to_utc(w->zone, b->end) };
	return true;
}

static spk_status reject(struct spk_op *op, const struct spk_batch *in, int32_t row, const char *reason, bool fails, spk_error *err)
{
	if (op->pipeline->run->streaming)
		return spk_op_dead_letter(op, in, row, SPK_DATA, false, 0, reason, err);
	return fails ? spk_fail(err, SPK_DATA, "%s", reason) : SPK_OK;
}

/* The rows that have a window, into sel[0..n); the others are told of. A batch query leaves out rows without time. */
static spk_status with_window(struct spk_op *op, const struct spk_batch *in, int32_t *sel, int *n, spk_error *err)
{
	static const char no_time[] = "the event time is NULL: the row belongs to no window", out_of_range[] = "the event time is out of range for a window";
	const struct spk_reader time = spk_vector_reader(&in->column[op->plan->time_column]);
	int kept = 0;

	SPK_EACH_ROW(in, i, row) {
		uint32_t slot = spk_reader_slot(&time, row);
		struct bounds ignored;

		if (!spk_reader_valid(&time, slot))
			SPK_TRY(reject(op, in, row, no_time, false, err));
		else if (!find_window(self(op), ((const int64_t *)time.data)[slot], 0, &ignored))
			SPK_TRY(reject(op, in, row, out_of_range, true, err));
		else
			sel[kept++] = row;
	}
	*n = kept;
	return SPK_OK;
}

/* Fills in the bounds of window number k, and leaves in sel[0..n) the rows that have it. */
static spk_status add_windows(struct spk_op *op, const struct spk_batch *in, int64_t k, struct spk_batch *out, int32_t *sel, int *n, spk_error *err)
{
	const struct spk_vector *v = &in->column[op->plan->time_column];
	const struct spk_reader time = spk_vector_reader(v);
	int64_t *bound[3];
	int kept = 0;

	for (int i = 0; i < 3; i++) {
		SPK_TRY(spk_vector_init(&out->column[in->columns + i], v->type, in->rows, out->arena, err));
		bound[i] = spk_vector_i64(&out->column[in->columns + i]);
	}
	for (int i = 0; i < *n; i++) {
		const int32_t row = sel[i];
		struct bounds b;

		if (!find_window(self(op), ((const int64_t *)time.data)[spk_reader_slot(&time, row)], k, &b))
			continue;
		bound[0][row] = b.start;
		bound[1][row] = b.end;
		bound[2][row] = b.end - WINDOW_TIME_BEFORE_END_US;
		sel[kept++] = row;
	}
	*n = kept;
	return SPK_OK;
}

/* Window number k of the rows sel[0..n), which become those that have it. */
static spk_status emit_windows(struct spk_op *op, struct spk_batch *in, int64_t k, int32_t *sel, int *n, spk_error *err)
{
	struct spk_batch *out = NULL;
	spk_status status;

	SPK_TRY(spk_batch_derive(&out, in, op->plan->schema, err));
	memcpy(out->column, in->column, sizeof *in->column * (size_t)in->columns);
	out->repeats = in->repeats || k > 0;
	status = add_windows(op, in, k, out, sel, n, err);
	if (status == SPK_OK && *n < in->selected) {
		out->sel = spk_arena_copy(out->arena, sel, sizeof *sel * (size_t)*n);
		out->selected = *n;
		status = out->sel ? SPK_OK : spk_fail_memory(err);
	}
	if (status == SPK_OK)
		status = spk_op_emit(op, out, err);
	spk_batch_unref(out);
	return status;
}

static spk_status window_push(struct spk_op *op, int input, struct spk_batch *in, spk_error *err)
{
	int32_t sel[SPK_BATCH_ROWS];
	int n;

	(void)input;
	SPK_TRY(with_window(op, in, sel, &n, err));
	for (int64_t k = 0; n > 0; k++)
		SPK_TRY(emit_windows(op, in, k, sel, &n, err));
	return SPK_OK;
}

static spk_status window_open(struct spk_op *op, spk_error *err)
{
	const char *zone = op->plan->zone;

	if (!zone)
		return SPK_OK;
	self(op)->zone = spk_zone_find(zone, strlen(zone));
	return self(op)->zone ? SPK_OK : spk_fail(err, SPK_BIND, "time zone \"%s\" not recognized", zone);
}

const struct spk_op_type spk_op_window = { .name = "window", .size = sizeof(struct window), .open = window_open, .push = window_push };
