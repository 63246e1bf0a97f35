/*
 * Changes of which versions are made (NORMALIZE, `history`): those without an event time are told of here, where they still know where they come from.
 *
 *   input   a source's changes by key
 *   output  the same
 *   state   none
 *
 * They go on: what became of their key counts for what later changes leave out. A version without a time is valid at none.
 */
#include "stream/operator/stream_operators.h"

struct timed { struct spk_op base; };

static const char reason[] = "the change has no event time, so it is not known when its version of the row begins, or a deleted one ends";
static const char way_out[] = "Take the event time from what every message has: changed timestamptz METADATA FROM 'value.source.timestamp' (debezium-json), METADATA FROM 'timestamp' (any topic), or "
			      "ts AS coalesce(own_time, changed).";

/* Without one in a batch the query fails, as it does with any value that is wrong. */
static spk_status tell(struct spk_op *op, const struct spk_batch *in, int32_t row, spk_error *err)
{
	if (op->pipeline->run->streaming)
		return spk_op_dead_letter(op, in, row, SPK_DATA, false, 0, reason, err);
	spk_fail(err, SPK_DATA, "%s", reason);
	return spk_hint(err, "%s", way_out);
}

static spk_status look(struct spk_op *op, const struct spk_batch *in, struct spk_arena *arena, spk_error *err)
{
	struct spk_row_errors errors = { 0 };
	struct spk_eval ev = spk_op_eval(op, arena, &errors);
	struct spk_vector time;
	struct spk_reader r;

	SPK_TRY(spk_expr_eval(op->plan->expr[0], in, in->sel, in->selected, &ev, &time, err));
	r = spk_vector_reader(&time);
	SPK_EACH_ROW(in, i, row)
		if (!spk_reader_valid(&r, spk_reader_slot(&r, row)))
			SPK_TRY(tell(op, in, row, err));
	return SPK_OK;
}

static spk_status timed_push(struct spk_op *op, int input, struct spk_batch *in, spk_error *err)
{
	struct spk_arena *arena = spk_arena_new(op->pipeline->account);
	spk_status status = arena ? look(op, in, arena, err) : spk_fail_memory(err);

	(void)input;
	spk_arena_unref(arena);
	return status == SPK_OK ? spk_op_emit(op, in, err) : status;
}

const struct spk_op_type spk_op_timed = { .name = "timed", .size = sizeof(struct timed), .push = timed_push };
