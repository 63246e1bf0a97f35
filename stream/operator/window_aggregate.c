/*
 * Aggregates by window and key; a window's rows come out once, when the watermark closes it.
 *
 *   input   partial states of this epoch (key, hash, state); windows that are still open
 *   output  final rows, append-only, ordered by window end, shard and key, whatever the order of arrival
 *   state   bucketed by window end; bounded by the watermark: a closed window is dropped whole
 */
#include "stream/operator/stream_operators.h"

static struct spk_stateful_groups *self(struct spk_op *op) { return spk_container_of(op, struct spk_stateful_groups, base); }

/* Closed rows on their way out. */
struct closing {
	struct spk_stateful_groups *s;
	struct spk_batch *out;
	char *row[SPK_BATCH_ROWS];     /* in s->old_row */
	int n;
};

static void drop_closed(struct closing *c)
{
	for (int i = 0; i < c->n; i++)
		spk_stateful_release_row(c->s, c->row[i]);
	spk_batch_unref(c->out);
	c->out = NULL;
	c->n = 0;
}

static spk_status emit_closed(struct closing *c, spk_error *err)
{
	struct spk_stateful_groups *s = c->s;
	char *state[SPK_BATCH_ROWS];
	spk_status status;

	if (c->n == 0)
		return SPK_OK;
	for (int i = 0; i < c->n; i++)
		state[i] = spk_state_states(c->row[i]);
	status = spk_groups_final(&s->epoch, state, c->n, c->out->column, 0, SPK_BATCH_ROWS, c->out->arena, err);
	c->out->rows = c->out->selected = c->n;
	if (status == SPK_OK)
		status = spk_op_emit(&s->base, c->out, err);
	drop_closed(c);
	return status;
}

static spk_status close_group(void *user, const char *key, uint32_t key_size, const char *value, uint32_t size, spk_error *err)
{
	struct closing *c = user;
	struct spk_stateful_groups *s = c->s;
	char *row;

	if (c->n == SPK_BATCH_ROWS)
		SPK_TRY(emit_closed(c, err));
	if (!c->out)
		SPK_TRY(spk_groups_output(s->base.plan->schema, SPK_BATCH_ROWS, s->base.pipeline->account, &c->out, err));
	row = s->old_row + (size_t)c->n * (size_t)s->row_size;
	c->row[c->n++] = row;
	SPK_TRY(spk_stateful_read_row(s, row, value, size, err));
	return spk_groups_decode(&s->epoch, key, key_size, c->out->column, c->n - 1, SPK_BATCH_ROWS, c->out->arena, err);
}

static spk_status close_windows(struct spk_stateful_groups *s, int64_t watermark, spk_error *err)
{
	struct closing c = { .s = s };
	spk_status status = SPK_OK;
	int64_t bucket;

	while (status == SPK_OK && (bucket = spk_state_first_bucket(s->view)) <= watermark && bucket != INT64_MAX)
		status = spk_state_take_bucket(s->view, bucket, close_group, &c, err);
	if (status == SPK_OK)
		status = emit_closed(&c, err);
	drop_closed(&c);
	return status;
}

static spk_status window_finish(struct spk_op *op, spk_error *err)
{
	struct spk_stateful_groups *s = self(op);

	SPK_TRY(spk_stateful_fold(s, err));
	return close_windows(s, spk_op_watermark_after(op), err);
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
