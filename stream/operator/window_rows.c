/* Whole windows out of a bucketed table: a row for every group, in order of the buckets, shards and keys. */
#include "stream/operator/stream_operators.h"

/* Rows on their way out. */
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

static spk_status emit_bucket(struct closing *c, int64_t bucket, bool take, spk_error *err)
{
	return take ? spk_state_take_bucket(c->s->view, bucket, close_group, c, err) : spk_state_scan_bucket(c->s->view, bucket, close_group, c, err);
}

spk_status spk_stateful_emit_windows(struct spk_stateful_groups *s, int64_t from, int64_t to, bool take, spk_error *err)
{
	struct closing c = { .s = s };
	spk_status status = SPK_OK;

	for (int64_t bucket; status == SPK_OK && (bucket = spk_state_next_bucket(s->view, from)) <= to && bucket != INT64_MAX; from = bucket + 1)
		status = emit_bucket(&c, bucket, take, err);
	if (status == SPK_OK)
		status = emit_closed(&c, err);
	drop_closed(&c);
	return status;
}
