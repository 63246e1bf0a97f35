/*
 * Aggregates by window and key; a window's rows come out once, when the watermark closes it.
 *
 *   input   partial states of this epoch (key, hash, state); windows that are still open
 *   output  final rows, append-only, ordered by window end, shard and key, whatever the order of arrival
 *   state   bucketed by window end; bounded by the watermark: a closed window is dropped whole
 */
#include "stream/operator/stream_operators.h"

static struct spk_stateful_groups *self(struct spk_op *op) { return spk_container_of(op, struct spk_stateful_groups, base); }

static spk_status window_finish(struct spk_op *op, spk_error *err)
{
	struct spk_stateful_groups *s = self(op);

	SPK_TRY(spk_stateful_fold(s, err));
	return spk_stateful_emit_windows(s, INT64_MIN, spk_op_watermark_after(op), true, err);
}

const struct spk_op_type spk_op_window_aggregate = {
	.name = "window aggregate",
	.size = sizeof(struct spk_stateful_groups),
	.open = spk_stateful_open,
	.begin = spk_stateful_begin,
	.push = spk_stateful_push,
	.finish = window_finish,
	.close = spk_stateful_close,
};
