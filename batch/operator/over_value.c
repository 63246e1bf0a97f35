/* lag, lead, first_value, last_value, nth_value: values of other rows, copied a run of neighbours at a time. */
#include "batch/operator/over.h"

/* Rows [to, to + n) get the values of argument `arg` at rows [from, from + n). */
struct run { struct over *o; int call, arg; int64_t to, from, n; };

static spk_status flush(struct run *run, spk_error *err)
{
	while (run->n > 0) {
		int32_t at, row, sel[SPK_BATCH_ROWS];
		struct over_batch *into = over_at(run->o, run->to, &at), *of = over_at(run->o, run->from, &row);
		int n = (int)SPK_MIN(run->n, SPK_MIN(into->in->rows - at, of->in->rows - row));

		for (int i = 0; i < n; i++)
			sel[i] = row + i;
		SPK_TRY(spk_vector_gather(over_result(run->o, into, run->call), at, into->in->rows, &of->value[run->call].arg[run->arg], sel, n, true, into->out->arena, err));
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

/* A 32-bit argument of row `r`; false when it is NULL. */
static bool number_arg(const struct over *o, int c, int arg, int64_t r, int64_t *out)
{
	int32_t row;
	struct spk_reader v = spk_vector_reader(&over_at(o, r, &row)->value[c].arg[arg]);
	uint32_t slot = spk_reader_slot(&v, row);

	*out = spk_reader_valid(&v, slot) ? ((const int32_t *)v.data)[slot] : 0;
	return spk_reader_valid(&v, slot);
}

spk_status over_offset(struct over *o, int c, int64_t first, int64_t end, spk_error *err)
{
	const struct spk_window_call *call = o->call[c].call;
	struct run run = { .o = o, .call = c };

	for (int64_t r = first; r < end; r++) {
		int64_t by = 1, from;

		if (call->args > 1 && !number_arg(o, c, 1, r, &by)) {
			SPK_TRY(over_set_null(o, c, r, err));
			continue;
		}
		from = call->function == SPK_WINDOW_FUNCTION_LAG ? r - by : r + by;
		if (from >= first && from < end)
			SPK_TRY(copy(&run, 0, r, from, err));
		else if (call->args > 2)
			SPK_TRY(copy(&run, 2, r, r, err));
		else
			SPK_TRY(over_set_null(o, c, r, err));
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

	SPK_TRY(over_frame_begin(&f, o, c, first, end, err));
	for (int64_t r = first; r < end; r++) {
		int64_t n = function == SPK_WINDOW_FUNCTION_LAST_VALUE ? -1 : 0, from;
		bool known = true;

		if (function == SPK_WINDOW_FUNCTION_NTH_VALUE) {
			known = number_arg(o, c, 1, r, &n);
			if (known && n-- <= 0)
				return spk_fail(err, SPK_DATA, "argument of nth_value must be greater than zero");
		}
		over_frame_move(&f, r);
		from = known ? nth_row(&f, r, n) : -1;
		SPK_TRY(from < 0 ? over_set_null(o, c, r, err) : copy(&run, 0, r, from, err));
	}
	return flush(&run, err);
}
