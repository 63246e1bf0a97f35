/* The operators of a stream by kind of node, and what they ask of an epoch's time. */
#include "stream/operator/stream_operators.h"

static const struct spk_op_type *const stream_types[SPK_PHYSICAL_COUNT] = {
	[SPK_PHYSICAL_LATE] = &spk_op_late,
	[SPK_PHYSICAL_TIMED] = &spk_op_timed,
	[SPK_PHYSICAL_WINDOW_AGGREGATE] = &spk_op_window_aggregate,
	[SPK_PHYSICAL_PANE_AGGREGATE] = &spk_op_pane_aggregate,
	[SPK_PHYSICAL_STREAM_AGGREGATE] = &spk_op_stream_aggregate,
	[SPK_PHYSICAL_FOLD_CHANGES] = &spk_op_fold_changes,
	[SPK_PHYSICAL_PACED_CHANGES] = &spk_op_paced_changes,
	[SPK_PHYSICAL_STREAM_JOIN] = &spk_op_stream_join,
	[SPK_PHYSICAL_INTERVAL_JOIN] = &spk_op_interval_join,
	[SPK_PHYSICAL_WINDOW_JOIN] = &spk_op_window_join,
	[SPK_PHYSICAL_NORMALIZE] = &spk_op_normalize,
	[SPK_PHYSICAL_STREAM_ASOF_JOIN] = &spk_op_stream_asof_join,
	[SPK_PHYSICAL_LOOKUP_JOIN] = &spk_op_lookup_join,
	[SPK_PHYSICAL_RECOMPUTE] = &spk_op_recompute,
	[SPK_PHYSICAL_TOP_N] = &spk_op_top_n,
	[SPK_PHYSICAL_HOLD] = &spk_op_hold,
	[SPK_PHYSICAL_TIME_OVER] = &spk_op_time_over,
	[SPK_PHYSICAL_RUNNING_OVER] = &spk_op_running_over,
	[SPK_PHYSICAL_SESSION_INPUT] = &spk_op_session_input,
	[SPK_PHYSICAL_SESSION] = &spk_op_session,
};

const struct spk_op_type *spk_stream_op_type(const struct spk_physical *node)
{
	if (node->kind == SPK_PHYSICAL_PACED_CHANGES && node->window == SPK_WINDOW_SESSION)
		return &spk_op_paced_sessions;
	return spk_top_n_is_first_row(node) ? &spk_op_first_row : stream_types[node->kind];
}

/* The end of all sources is the end of everything. */
static int64_t delayed(const struct spk_op *op, int64_t watermark)
{
	int64_t less;

	if (watermark == SPK_WATERMARK_END || watermark == SPK_WATERMARK_NONE || __builtin_sub_overflow(watermark, op->plan->time_lag_us, &less))
		return watermark == SPK_WATERMARK_END ? SPK_WATERMARK_END : SPK_WATERMARK_NONE;
	return less;
}

int64_t spk_op_watermark_before(const struct spk_op *op)
{
	return delayed(op, spk_run_watermark_before(op->pipeline->run, op->plan->time_sources));
}

int64_t spk_op_watermark_after(const struct spk_op *op)
{
	return delayed(op, spk_run_watermark_after(op->pipeline->run, op->plan->time_sources));
}

/* --- windows --- */

bool spk_op_window_speaks(const struct spk_op *op, int64_t bucket)
{
	return !op->plan->on_close || bucket - op->plan->lateness_us <= spk_op_watermark_before(op);
}

/* The last bucket of windows that the watermark has passed. */
static int64_t last_closed(const struct spk_op *op, int64_t watermark)
{
	int64_t bucket;

	if (watermark == SPK_WATERMARK_NONE)
		return INT64_MIN;
	return __builtin_add_overflow(watermark, op->plan->lateness_us, &bucket) ? INT64_MAX : bucket;
}

struct spk_closing_buckets spk_op_windows_closing(const struct spk_op *op)
{
	return (struct spk_closing_buckets){ last_closed(op, spk_op_watermark_before(op)), last_closed(op, spk_op_watermark_after(op)) };
}

spk_status spk_op_drop_windows(const struct spk_op *op, struct spk_state_view *view, spk_error *err)
{
	const int64_t watermark = spk_op_watermark_after(op);
	int64_t bucket;

	while ((bucket = spk_state_first_bucket(view)) <= watermark && bucket != INT64_MAX)
		SPK_TRY(spk_state_take_bucket(view, bucket, NULL, NULL, err));
	return SPK_OK;
}
