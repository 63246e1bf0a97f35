/* Whole windows out of a bucketed table: a row for every group, in order of the buckets, shards and keys. */
#include "stream/operator/stream_operators.h"

/* Groups on their way out: the i-th one's states are in row[i], its group columns in row i of `batch`, which is made with the first and emitted when it is full. */
struct closed_groups {
	struct spk_stateful_groups *s;
	struct spk_batch *batch;
	char *row[SPK_BATCH_ROWS];        /* state rows in s->old_row */
	int n;
};

/* Forgets those that were not emitted. */
static void drop(struct closed_groups *c)
{
	for (int i = 0; i < c->n; i++)
		spk_stateful_release_row(c->s, c->row[i]);
	spk_batch_unref(c->batch);
	c->batch = NULL;
	c->n = 0;
}

static spk_status emit(struct closed_groups *c, spk_error *err)
{
	struct spk_stateful_groups *s = c->s;
	char *state[SPK_BATCH_ROWS];
	spk_status status;

	if (c->n == 0)
		return SPK_OK;
	for (int i = 0; i < c->n; i++)
		state[i] = spk_state_states(c->row[i]);
	status = spk_groups_final(&s->epoch, state, c->n, c->batch->column, 0, SPK_BATCH_ROWS, c->batch->arena, err);
	c->batch->rows = c->batch->selected = c->n;
	if (status == SPK_OK)
		status = spk_op_emit(&s->base, c->batch, err);
	drop(c);
	return status;
}

/* Room for one more: *row is to be zeroed or filled at once, and row n - 1 of the batch's group columns. */
static spk_status add(struct closed_groups *c, char **row, spk_error *err)
{
	struct spk_stateful_groups *s = c->s;

	if (c->n == SPK_BATCH_ROWS)
		SPK_TRY(emit(c, err));
	if (!c->batch)
		SPK_TRY(spk_groups_output(s->base.plan->schema, SPK_BATCH_ROWS, s->base.pipeline->account, &c->batch, err));
	*row = c->row[c->n] = s->old_row + (size_t)c->n * (size_t)s->row_size;
	c->n++;
	return SPK_OK;
}

static spk_status close_group(void *user, const char *key, uint32_t key_size, const char *value, uint32_t size, spk_error *err)
{
	struct closed_groups *c = user;
	char *row;

	SPK_TRY(add(c, &row, err));
	SPK_TRY(spk_stateful_read_row(c->s, row, value, size, err));
	return spk_groups_decode(&c->s->epoch, key, key_size, c->batch->column, c->n - 1, SPK_BATCH_ROWS, c->batch->arena, err);
}

static spk_status emit_bucket(struct closed_groups *c, int64_t bucket, bool take, spk_error *err)
{
	return take ? spk_state_take_bucket(c->s->view, bucket, close_group, c, err) : spk_state_scan_bucket(c->s->view, bucket, close_group, c, err);
}

spk_status spk_stateful_emit_windows(struct spk_stateful_groups *s, int64_t from, int64_t to, bool take, spk_error *err)
{
	struct closed_groups c = { .s = s };
	spk_status status = SPK_OK;

	for (int64_t bucket; status == SPK_OK && (bucket = spk_state_next_bucket(s->view, from)) <= to && bucket != INT64_MAX; from = bucket + 1)
		status = emit_bucket(&c, bucket, take, err);
	if (status == SPK_OK)
		status = emit(&c, err);
	drop(&c);
	return status;
}
