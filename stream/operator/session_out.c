/* Sessions on their way out: aggregates of each, or its rows with its bounds, with weights. See session.h. */
#include "core/base/memory.h"
#include "stream/operator/row_changes.h"
#include "stream/operator/session.h"

enum { ROWS_AT_ONCE = 1 << 14, BYTES_AT_ONCE = 1 << 22, WINDOW_TIME_BEFORE_END_US = 1000 };

struct spk_session_out {
	struct spk_sessions *x;
	int n;
	bool weighted;                   /* some weights are not 1 */
	int32_t *weight;                 /* of what there is */
	/* aggregates */
	struct spk_batch *batch;
	char *states;                    /* scratch */
	/* rows, and their sessions' bounds */
	struct spk_arena *rows;
	const struct spk_kept_row **kept;
	int64_t *start, *end;
	size_t bytes;
};

spk_status spk_session_out_new(struct spk_sessions *x, struct spk_session_out **out, spk_error *err)
{
	SPK_TRY_PTR(*out = SPK_NEW(x->work, struct spk_session_out), err);
	(*out)->x = x;
	SPK_TRY_PTR((*out)->states = spk_arena_alloc(x->work, (size_t)x->s.base.plan->state_size + 1), err);
	return SPK_OK;
}

void spk_session_out_drop(struct spk_session_out *o)
{
	if (!o)
		return;
	spk_batch_unref(o->batch);
	spk_arena_unref(o->rows);
	o->batch = NULL;
	o->rows = NULL;
	o->n = 0;
	o->bytes = 0;
	o->weighted = false;
}

/* --- aggregates --- */

static spk_status begin_batch(struct spk_session_out *o, spk_error *err)
{
	const struct spk_op *op = &o->x->s.base;

	SPK_TRY(spk_groups_output(op->plan->schema, SPK_BATCH_ROWS, op->pipeline->account, &o->batch, err));
	SPK_TRY_PTR(o->weight = spk_arena_alloc(o->batch->arena, sizeof *o->weight * SPK_BATCH_ROWS), err);
	return SPK_OK;
}

static spk_status put_values(struct spk_session_out *o, const struct spk_session *session, spk_error *err)
{
	struct spk_groups *g = &o->x->s.epoch;
	spk_status status;

	memset(o->states, 0, (size_t)o->x->s.base.plan->state_size);
	status = spk_groups_read_states(g, o->states, session->data, session->size, err);
	if (status == SPK_OK)
		status = spk_groups_final(g, &o->states, 1, o->batch->column, o->n, SPK_BATCH_ROWS, o->batch->arena, err);
	spk_aggregate_row_release(g->call, g->calls, o->states);
	return status;
}

static spk_status put_aggregates(struct spk_session_out *o, struct spk_view key, const struct spk_session *session, int32_t weight, spk_error *err)
{
	const struct spk_physical *plan = o->x->s.base.plan;
	const int columns = plan->schema->count;
	struct spk_vector *column;

	if (o->n == SPK_BATCH_ROWS)
		SPK_TRY(spk_session_out_emit(o, err));
	if (!o->batch)
		SPK_TRY(begin_batch(o, err));
	column = o->batch->column;
	SPK_TRY(put_values(o, session, err));
	spk_vector_i64(&column[0])[o->n] = session->first;
	spk_vector_i64(&column[columns - 2])[o->n] = session->last + o->x->gap;
	spk_vector_i64(&column[columns - 1])[o->n] = session->last + o->x->gap - WINDOW_TIME_BEFORE_END_US;
	SPK_TRY(spk_row_key_decode(spk_view_data(&key), key.length, o->x->key_column, plan->key_count, column + 1, o->n, SPK_BATCH_ROWS, o->batch->arena, err));
	o->weighted = o->weighted || weight != 1;
	o->weight[o->n++] = weight;
	return SPK_OK;
}

static spk_status emit_aggregates(struct spk_session_out *o, spk_error *err)
{
	o->batch->rows = o->batch->selected = o->n;
	o->batch->weight = o->weighted ? o->weight : NULL;
	return spk_op_emit(&o->x->s.base, o->batch, err);
}

/* --- rows --- */

static spk_status fill_bounds(struct spk_session_out *o, int from, struct spk_batch *out, spk_error *err)
{
	const int columns = out->schema->count;

	for (int i = columns - 3; i < columns; i++)
		SPK_TRY(spk_vector_init(&out->column[i], out->schema->field[i].type, out->rows, out->arena, err));
	memcpy(spk_vector_i64(&out->column[columns - 3]), o->start + from, sizeof(int64_t) * (size_t)out->rows);
	memcpy(spk_vector_i64(&out->column[columns - 2]), o->end + from, sizeof(int64_t) * (size_t)out->rows);
	for (int i = 0; i < out->rows; i++)
		spk_vector_i64(&out->column[columns - 1])[i] = o->end[from + i] - WINDOW_TIME_BEFORE_END_US;
	out->weight = o->weighted ? o->weight + from : NULL;
	return SPK_OK;
}

static spk_status emit_piece(struct spk_session_out *o, const struct spk_schema *schema, int from, int n, spk_error *err)
{
	struct spk_op *op = &o->x->s.base;
	struct spk_batch *out = NULL;
	spk_status status = spk_kept_rows_begin(op, op->plan->schema, o->rows, n, &out, err);

	if (status == SPK_OK)
		status = spk_kept_rows_read(out, 0, schema, o->kept + from, n, err);
	if (status == SPK_OK)
		status = fill_bounds(o, from, out, err);
	if (status == SPK_OK)
		status = spk_op_emit(op, out, err);
	spk_batch_unref(out);
	return status;
}

static spk_status emit_rows(struct spk_session_out *o, spk_error *err)
{
	const struct spk_physical *plan = o->x->s.base.plan;
	const struct spk_schema schema = { .count = plan->schema->count - 3, .field = plan->schema->field };
	spk_status status = SPK_OK;

	for (int from = 0; from < o->n && status == SPK_OK; from += SPK_BATCH_ROWS)
		status = emit_piece(o, &schema, from, SPK_MIN(o->n - from, SPK_BATCH_ROWS), err);
	return status;
}

static spk_status begin_rows(struct spk_session_out *o, spk_error *err)
{
	o->rows = spk_arena_new(o->x->s.base.pipeline->account);
	SPK_TRY_PTR(o->rows, err);
	o->kept = SPK_NEW_ARRAY(o->rows, const struct spk_kept_row *, ROWS_AT_ONCE);
	o->start = SPK_NEW_ARRAY(o->rows, int64_t, ROWS_AT_ONCE);
	o->end = SPK_NEW_ARRAY(o->rows, int64_t, ROWS_AT_ONCE);
	o->weight = SPK_NEW_ARRAY(o->rows, int32_t, ROWS_AT_ONCE);
	SPK_TRY_PTR(o->kept && o->start && o->end && o->weight, err);
	return SPK_OK;
}

static spk_status put_row(struct spk_session_out *o, const struct spk_session *session, const char *bytes, uint32_t size, int32_t weight, spk_error *err)
{
	struct spk_kept_row *row;

	if (o->n == ROWS_AT_ONCE || o->bytes > BYTES_AT_ONCE)
		SPK_TRY(spk_session_out_emit(o, err));
	if (!o->rows)
		SPK_TRY(begin_rows(o, err));
	row = SPK_NEW(o->rows, struct spk_kept_row);
	SPK_TRY_PTR(row, err);
	*row = (struct spk_kept_row){ .bytes = spk_arena_copy(o->rows, bytes, size), .size = size };
	SPK_TRY_PTR(row->bytes, err);
	o->kept[o->n] = row;
	o->start[o->n] = session->first;
	o->end[o->n] = session->last + o->x->gap;
	o->weighted = o->weighted || weight != 1;
	o->weight[o->n++] = weight;
	o->bytes += size;
	return SPK_OK;
}

static spk_status put_rows(struct spk_session_out *o, const struct spk_session *session, int32_t weight, spk_error *err)
{
	const char *at = session->data, *end = at + session->size;
	uint32_t size;

	for (; at < end; at += size) {
		if ((size_t)(end - at) < sizeof size)
			return spk_fail(err, SPK_CORRUPT, "the rows of a session end within one");
		memcpy(&size, at, sizeof size);
		at += sizeof size;
		if (size > (size_t)(end - at))
			return spk_fail(err, SPK_CORRUPT, "the rows of a session end within one");
		SPK_TRY(put_row(o, session, at, size, weight, err));
	}
	return SPK_OK;
}

/* --- either --- */

spk_status spk_session_out_put(struct spk_session_out *o, struct spk_view key, const struct spk_session *session, int32_t weight, spk_error *err)
{
	return spk_sessions_keep_rows(o->x) ? put_rows(o, session, weight, err) : put_aggregates(o, key, session, weight, err);
}

spk_status spk_session_out_emit(struct spk_session_out *o, spk_error *err)
{
	spk_status status = SPK_OK;

	if (o->n)
		status = spk_sessions_keep_rows(o->x) ? emit_rows(o, err) : emit_aggregates(o, err);
	spk_session_out_drop(o);
	return status;
}
