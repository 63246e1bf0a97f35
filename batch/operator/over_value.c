/* lag, lead, first_value, last_value, nth_value: values of other rows, copied a run of neighbours at a time. */
#include "batch/operator/over.h"

/* Rows [to, to + n) get the values of argument `arg` at rows [from, from + n). */
struct run { struct over *o; int call, arg; int64_t to, from, n; };

static spk_status flush(struct run *run, spk_error *err)
{
	while (run->n > 0) {
		int32_t row, sel[SPK_BATCH_ROWS];
		struct over_target into;
		struct over_page *of;
		int n;

		SPK_TRY(over_target(run->o, run->call, run->to, &into, err));
		SPK_TRY(over_at(run->o, run->from, &of, &row, err));
		n = (int)SPK_MIN(run->n, SPK_MIN(into.rows - into.row, of->in->rows - row));
		for (int i = 0; i < n; i++)
			sel[i] = row + i;
		SPK_TRY(spk_vector_gather(into.vector, into.row, into.rows, &of->value[run->call].arg[run->arg], sel, n, true, into.arena, err));
		run->to += n;
		run->from += n;
		run->n -= n;
	}
	return SPK_OK;
}

static spk_status copy(struct run *run, int arg, int64_t to, int64_t from, spk_error *err)
{
	if (run->n && run->arg == arg && run->to + run->n == to && run->from + run->n == from) {
		run->n++;
		return SPK_OK;
	}
	SPK_TRY(flush(run, err));
	run->arg = arg;
	run->to = to;
	run->from = from;
	run->n = 1;
	return SPK_OK;
}

/* What was put off comes first: results are written in order. */
static spk_status set_null(struct run *run, int64_t r, spk_error *err)
{
	SPK_TRY(flush(run, err));
	return over_set_null(run->o, run->call, r, err);
}

/* A 32-bit argument of row `r`; *known false when it is NULL. */
static spk_status number_arg(struct over *o, int c, int arg, int64_t r, bool *known, int64_t *out, spk_error *err)
{
	struct over_page *page;
	struct spk_reader v;
	uint32_t slot;
	int32_t row;

	SPK_TRY(over_at(o, r, &page, &row, err));
	v = spk_vector_reader(&page->value[c].arg[arg]);
	slot = spk_reader_slot(&v, row);
	*known = spk_reader_valid(&v, slot);
	*out = *known ? ((const int32_t *)v.data)[slot] : 0;
	return SPK_OK;
}

spk_status over_offset(struct over *o, int c, int64_t first, int64_t end, spk_error *err)
{
	const struct spk_window_call *call = o->call[c].call;
	struct run run = { .o = o, .call = c };

	for (int64_t r = first; r < end; r++) {
		int64_t by = 1, from;
		bool known = true;

		if (call->args > 1)
			SPK_TRY(number_arg(o, c, 1, r, &known, &by, err));
		from = call->function == SPK_WINDOW_FUNCTION_LAG ? r - by : r + by;
		if (known && from >= first && from < end)
			SPK_TRY(copy(&run, 0, r, from, err));
		else if (known && call->args > 2)
			SPK_TRY(copy(&run, 2, r, r, err));
		else
			SPK_TRY(set_null(&run, r, err));
	}
	return flush(&run, err);
}

/* The n-th row of the frame from its start (n >= 0), or from its end (n < 0); -1: it has none. */
static int64_t nth_row(const struct over_frame *f, int64_t row, int64_t n)
{
	int64_t before = f->gap - f->start, after = f->stop - f->gap_end, tie = f->ties ? 1 : 0;

	if (n < 0)
		n += before + after + tie;
	if (n < 0 || n >= before + after + tie)
		return -1;
	if (n < before)
		return f->start + n;
	if (n == before && tie)
		return row;
	return f->gap_end + n - before - tie;
}

spk_status over_value(struct over *o, int c, int64_t first, int64_t end, spk_error *err)
{
	enum spk_window_function function = o->call[c].call->function;
	struct run run = { .o = o, .call = c };
	struct over_frame f;

	over_frame_begin(&f, o, c, first, end);
	for (int64_t r = first; r < end; r++) {
		int64_t n = function == SPK_WINDOW_FUNCTION_LAST_VALUE ? -1 : 0, from;
		bool known = true;

		if (function == SPK_WINDOW_FUNCTION_NTH_VALUE) {
			SPK_TRY(number_arg(o, c, 1, r, &known, &n, err));
			if (known && n-- <= 0)
				return spk_fail(err, SPK_DATA, "argument of nth_value must be greater than zero");
		}
		SPK_TRY(over_frame_move(&f, r, err));
		from = known ? nth_row(&f, r, n) : -1;
		SPK_TRY(from < 0 ? set_null(&run, r, err) : copy(&run, 0, r, from, err));
	}
	return flush(&run, err);
}
