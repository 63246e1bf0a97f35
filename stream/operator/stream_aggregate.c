/*
 * Aggregates by key whose changed groups come out every epoch; without end, or by window for as long as it may change.
 *
 *   input   partial states of this epoch (key, hash, state), with rows taken back counted negative
 *   output  for every group whose values changed: -1 with the old row (if there was one), +1 with the new one (if any rows are left)
 *   state   keyed: group key -> row count and aggregate states; grows with the number of keys. By window it is bucketed by the window's end and what late rows
 *           are allowed (plan->lateness_us), and goes when the watermark passes that
 *
 * Groups that have not changed for plan->state_ttl_us are forgotten (expiry.h). Of one that is not known no more rows are taken back than come in the same epoch: then it is not
 * there. But they net first: one that is taken back for another, an update, leaves a count of 0, so the new row does not count either.
 *
 * By window and with plan->on_close a window says nothing before the watermark has passed its end; then all of it comes out, and after that what changes.
 *
 * A group is read and written once per epoch, however many of its rows arrive, and a group that ends where it began says nothing. The
 * one group of an aggregate without GROUP BY, and that of an empty grouping set, are there before the first row comes, and stay when the last one is taken back: count(*) is 0 then.
 */
#include "stream/operator/stream_operators.h"

static struct spk_stateful_groups *self(struct spk_op *op) { return spk_container_of(op, struct spk_stateful_groups, base); }

/* Rows 0..n of the batch are the old images, n..2n the new ones, so that -1 comes before +1. */
struct images {
	struct spk_batch *batch;
	int n;
	bool *had, *has;               /* by group: there is an old / a new row */
	bool *silent;                  /* by group: nothing is said of it now */
};

static bool same_value(const struct spk_vector *v, int a, int b)
{
	bool null_a = spk_vector_is_null(v, a), null_b = spk_vector_is_null(v, b);
	int width = spk_type_width(v->type);

	if (null_a || null_b)
		return null_a && null_b;
	if (v->type.id == SPK_TYPE_ARRAY || v->type.id == SPK_TYPE_ROW)
		return false;
	if (spk_type_is_view(v->type))
		return spk_view_equal(&spk_vector_view(v)[a], &spk_vector_view(v)[b]);
	return memcmp((char *)v->data + (size_t)a * (size_t)width, (char *)v->data + (size_t)b * (size_t)width, (size_t)width) == 0;
}

static bool unchanged(const struct spk_physical *plan, const struct images *im, int i)
{
	if (im->silent[i])
		return true;
	if (!im->had[i] || !im->has[i])
		return !im->had[i] && !im->has[i];
	for (int c = 0; c < plan->aggregate_count; c++)
		if (!same_value(&im->batch->column[plan->expr_count + c], i, im->n + i))
			return false;
	return true;
}

/* Values of the old images: taken before the merge changes the states. */
static spk_status take_old(struct spk_stateful_groups *s, const struct spk_slice *slice, struct images *im, spk_error *err)
{
	char *state[SPK_BATCH_ROWS];

	for (int i = 0; i < slice->n; i++) {
		im->had[i] = slice->old[i] != NULL;
		state[i] = spk_slice_states(s, slice, i);
	}
	return spk_groups_final(&s->epoch, state, slice->n, im->batch->column, 0, 2 * im->n, im->batch->arena, err);
}

static spk_status take_new(struct spk_stateful_groups *s, const struct spk_slice *slice, struct images *im, spk_error *err)
{
	char *state[SPK_BATCH_ROWS];

	for (int i = 0; i < slice->n; i++) {
		im->has[i] = *spk_slice_count(s, slice, i) > 0 || spk_stateful_stands(s, spk_slice_number(slice, i));
		state[i] = spk_slice_states(s, slice, i);
	}
	return spk_groups_final(&s->epoch, state, slice->n, im->batch->column, im->n, 2 * im->n, im->batch->arena, err);
}

/* Group columns of the images that come out: of few, often. */
static spk_status put_keys(struct spk_stateful_groups *s, const struct spk_slice *slice, struct images *im, spk_error *err)
{
	struct spk_batch *b = im->batch;

	for (int i = 0; i < b->selected; i++) {
		const int row = b->sel[i];
		uint32_t size;
		const char *key = spk_groups_key(&s->epoch, spk_slice_number(slice, row < im->n ? row : row - im->n), &size);

		SPK_TRY(spk_groups_decode(&s->epoch, key, size, b->column, row, 2 * im->n, b->arena, err));
	}
	return SPK_OK;
}

static spk_status emit_changes(struct spk_op *op, const struct spk_slice *slice, struct images *im, spk_error *err)
{
	struct spk_batch *b = im->batch;
	int32_t *sel = spk_arena_alloc(b->arena, sizeof *sel * 2 * (size_t)im->n);
	int32_t *weight = spk_arena_alloc(b->arena, sizeof *weight * 2 * (size_t)im->n);
	bool deletes = false;
	int n = 0;

	SPK_TRY_PTR(sel && weight, err);
	for (int i = 0; i < im->n; i++) {
		weight[i] = -1;
		weight[im->n + i] = 1;
		im->silent[i] = unchanged(op->plan, im, i);
		if (im->had[i] && !im->silent[i]) {
			sel[n++] = i;
			deletes = true;
		}
	}
	for (int i = 0; i < im->n; i++)
		if (im->has[i] && !im->silent[i])
			sel[n++] = im->n + i;
	b->sel = sel;
	b->selected = n;
	b->weight = deletes ? weight : NULL;
	SPK_TRY(put_keys(self(op), slice, im, err));
	return spk_op_emit(op, b, err);
}

/* --- groups that do not change --- */

/* More rows were taken back than are known: they came before the group was forgotten. */
static void ignore_unknown(struct spk_stateful_groups *s, const struct spk_slice *slice)
{
	for (int i = 0; i < slice->n; i++) {
		int64_t *count = spk_slice_count(s, slice, i);

		*count = SPK_MAX(*count, 0);
	}
}

/* Those that are there in any case are not forgotten. */
static spk_status touch(struct spk_stateful_groups *s, const struct spk_slice *slice, spk_error *err)
{
	struct spk_view key[SPK_BATCH_ROWS];
	uint64_t hash[SPK_BATCH_ROWS];
	int n = 0;

	for (int i = 0; i < slice->n; i++) {
		uint32_t size;
		const char *bytes = spk_groups_key(&s->epoch, spk_slice_number(slice, i), &size);

		if (spk_stateful_stands(s, spk_slice_number(slice, i)))
			continue;
		hash[n] = slice->hash[i];
		key[n++] = spk_view(bytes, size);
	}
	return spk_expiry_touch(&s->expiry, 0, key, hash, n, err);
}

static spk_status forget_groups(void *user, const struct spk_expired *key, int n, spk_error *err)
{
	struct spk_stateful_groups *s = user;
	struct spk_view name[SPK_BATCH_ROWS];
	struct spk_state_value gone[SPK_BATCH_ROWS];
	int64_t bucket[SPK_BATCH_ROWS];
	uint64_t hash[SPK_BATCH_ROWS];
	struct spk_row_keys keys = { 0 };
	spk_status status;

	for (int i = 0; i < n; i++) {
		name[i] = spk_view(key[i].key, key[i].size);
		hash[i] = key[i].hash;
		bucket[i] = SPK_EXPIRY_DATA;
		gone[i] = (struct spk_state_value){ NULL, UINT32_MAX };
	}
	status = spk_row_keys_views(&keys, name, n, err);
	if (status == SPK_OK)
		status = spk_state_put(s->view, &keys, hash, bucket, gone, err);
	spk_row_keys_release(&keys);
	return status;
}

static spk_status stream_open(struct spk_op *op, spk_error *err)
{
	SPK_TRY(spk_stateful_open(op, err));
	spk_expiry_init(&self(op)->expiry, op, self(op)->view, forget_groups, self(op));
	return SPK_OK;
}

static spk_status update_slice(struct spk_op *op, struct spk_slice *slice, struct images *im, uint32_t from, int n, spk_error *err)
{
	struct spk_stateful_groups *s = self(op);

	SPK_TRY(spk_stateful_read(s, from, n, spk_physical_has_buckets(op->plan), slice, err));
	SPK_TRY(spk_groups_output(op->plan->schema, 2 * n, op->pipeline->account, &im->batch, err));
	im->had = SPK_NEW_ARRAY(im->batch->arena, bool, n);
	im->has = SPK_NEW_ARRAY(im->batch->arena, bool, n);
	im->silent = SPK_NEW_ARRAY(im->batch->arena, bool, n);
	SPK_TRY_PTR(im->had && im->has && im->silent, err);
	for (int i = 0; i < n; i++)
		im->silent[i] = slice->bucketed && !spk_op_window_speaks(op, slice->bucket[i]);
	SPK_TRY(take_old(s, slice, im, err));
	SPK_TRY(spk_stateful_merge(s, slice, err));
	if (spk_expires(op->plan))
		ignore_unknown(s, slice);
	SPK_TRY(take_new(s, slice, im, err));
	SPK_TRY(spk_stateful_write(s, slice, err));
	if (spk_expires(op->plan))
		SPK_TRY(touch(s, slice, err));
	return emit_changes(op, slice, im, err);
}

/* Windows that close in this epoch, where that is waited for; those that nothing may change any more are dropped. */
static spk_status pass_windows(struct spk_stateful_groups *s, spk_error *err)
{
	const struct spk_closing_buckets closing = spk_op_windows_closing(&s->base);

	if (s->base.plan->on_close && closing.behind != INT64_MAX)
		SPK_TRY(spk_stateful_emit_windows(s, closing.behind + 1, closing.to, false, err));
	return spk_op_drop_windows(&s->base, s->view, err);
}

static spk_status stream_finish(struct spk_op *op, spk_error *err)
{
	struct spk_stateful_groups *s = self(op);
	uint32_t count, step = SPK_BATCH_ROWS / 2;

	if (op->plan->window_key < 0)
		SPK_TRY(spk_stateful_add_standing(s, err));
	count = spk_groups_count(&s->epoch);
	for (uint32_t from = 0; from < count; from += step) {
		struct spk_slice slice = { 0 };
		struct images im = { .n = (int)SPK_MIN(count - from, step) };
		spk_status status = update_slice(op, &slice, &im, from, im.n, err);

		spk_batch_unref(im.batch);
		spk_stateful_slice_release(s, &slice);
		SPK_TRY(status);
	}
	spk_groups_clear(&s->epoch);
	s->began = true;
	if (spk_expires(op->plan))
		return spk_expiry_run(&s->expiry, err);
	return op->plan->window_key >= 0 ? pass_windows(s, err) : SPK_OK;
}

static void stream_close(struct spk_op *op)
{
	spk_expiry_release(&self(op)->expiry);
	spk_stateful_close(op);
}

const struct spk_op_type spk_op_stream_aggregate = {
	.name = "stream aggregate",
	.size = sizeof(struct spk_stateful_groups),
	.open = stream_open,
	.begin = spk_stateful_begin,
	.push = spk_stateful_push,
	.finish = stream_finish,
	.close = stream_close,
};
