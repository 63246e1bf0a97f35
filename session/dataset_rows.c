/* Typed functions over rows one by one, and over all rows of a task. */
#include <stdlib.h>

#include "session/dataset.h"

/* --- going out --- */

spk_status spk_emitter_flush(struct spk_emitter *e, spk_error *err)
{
	struct spk_batch *batch = spk_struct_take(&e->writer);
	spk_status status = batch ? e->out->emit(e->out->op, batch, err) : SPK_OK;

	spk_batch_unref(batch);
	return status;
}

spk_status spk_emit(struct spk_emitter *e, const void *row, spk_error *err)
{
	struct spk_batch *full;
	spk_status status = SPK_OK;

	SPK_TRY(spk_struct_write(&e->writer, 0, e->encoder, row, err));
	full = spk_struct_end_row(&e->writer);
	if (full)
		status = e->out->emit(e->out->op, full, err);
	spk_batch_unref(full);
	return status;
}

/* --- coming in --- */

const void *spk_rows_next(struct spk_rows *r)
{
	if (r->status != SPK_OK)
		return NULL;
	if (!r->batch) {
		const char *row = r->at < r->end ? r->at : NULL;

		r->at += row ? r->encoder->size : 0;
		return row;
	}
	while (r->next < r->batches && r->row == r->batch[r->next]->selected) {
		r->next++;
		r->row = 0;
	}
	if (r->next == r->batches)
		return NULL;
	spk_arena_clear(r->arena);
	r->status = spk_struct_decode(r->encoder, r->batch[r->next]->column, spk_batch_row(r->batch[r->next], r->row), false, r->arena, r->current, &r->error);
	r->row++;
	return r->status == SPK_OK ? r->current : NULL;
}

/* --- states --- */

struct rows_state {
	const struct typed *t;
	struct spk_memory_account *account;
	struct spk_arena *arena;               /* what one row's struct needs beside itself */
	void *in, *out;
	struct spk_emitter emitter;
	struct spk_batch **batch;              /* map_partitions: all rows of the task */
	int batches, capacity;
};

static spk_status rows_begin(void *state, const struct spk_callback *c, struct spk_memory_account *account, spk_error *err)
{
	struct rows_state *s = state;

	*s = (struct rows_state){ .t = (const struct typed *)c, .account = account, .arena = spk_arena_new(account) };
	s->in = calloc(1, s->t->in->size + 1);
	s->out = calloc(1, (s->t->out ? s->t->out->size : 0) + (s->t->key ? s->t->key->size : 0) + 1);
	SPK_TRY_PTR(s->arena && s->in && s->out, err);
	s->emitter = (struct spk_emitter){ .writer = { .schema = c->schema, .account = account }, .encoder = s->t->out };
	return SPK_OK;
}

static void rows_end(void *state)
{
	struct rows_state *s = state;

	for (int i = 0; i < s->batches; i++)
		spk_batch_unref(s->batch[i]);
	free(s->batch);
	spk_struct_writer_release(&s->emitter.writer);
	spk_arena_unref(s->arena);
	free(s->in);
	free(s->out);
	*s = (struct rows_state){ 0 };
}

static spk_status decode(struct rows_state *s, const struct spk_batch *in, int row, spk_error *err)
{
	spk_arena_clear(s->arena);
	return spk_struct_decode(s->t->in, in->column, row, false, s->arena, s->in, err);
}

static spk_status rows_finish(void *state, const struct spk_callback_out *out, spk_error *err)
{
	struct rows_state *s = state;

	s->emitter.out = out;
	return spk_emitter_flush(&s->emitter, err);
}

spk_status spk_typed_ended(const struct typed *t, spk_status status, spk_error *err)
{
	if (status == SPK_OK || status == SPK_CANCELLED)
		return status;
	if (err && !*err->message)
		spk_fail(err, status, "its function failed with status %d and did not say why", (int)status);
	if (err)
		spk_error_context(err, "%s", t->base.type->name);
	return status;
}

/* --- map, flat_map, filter --- */

static spk_status map_push(void *state, struct spk_batch *in, const struct spk_callback_out *out, spk_error *err)
{
	struct rows_state *s = state;

	s->emitter.out = out;
	SPK_EACH_ROW(in, i, row) {
		SPK_TRY(decode(s, in, row, err));
		spk_struct_init(s->t->out, s->out);
		SPK_TRY(spk_typed_ended(s->t, s->t->map(s->in, s->out, s->t->user, err), err));
		SPK_TRY(spk_emit(&s->emitter, s->out, err));
	}
	return SPK_OK;
}

static spk_status flat_map_push(void *state, struct spk_batch *in, const struct spk_callback_out *out, spk_error *err)
{
	struct rows_state *s = state;

	s->emitter.out = out;
	SPK_EACH_ROW(in, i, row) {
		SPK_TRY(decode(s, in, row, err));
		SPK_TRY(spk_typed_ended(s->t, s->t->flat_map(s->in, &s->emitter, s->t->user, err), err));
	}
	return SPK_OK;
}

/* Rows are chosen, not made anew. */
static spk_status filter_push(void *state, struct spk_batch *in, const struct spk_callback_out *out, spk_error *err)
{
	struct rows_state *s = state;
	struct spk_batch *kept;
	spk_status status = SPK_OK;
	int32_t *sel;
	int n = 0;

	SPK_TRY(spk_batch_derive(&kept, in, in->schema, err));
	memcpy(kept->column, in->column, sizeof *in->column * (size_t)in->columns);
	sel = spk_arena_alloc(kept->arena, sizeof *sel * (size_t)SPK_MAX(in->selected, 1));
	if (!sel)
		status = spk_fail_memory(err);
	for (int i = 0; i < in->selected && status == SPK_OK; i++) {
		int row = spk_batch_row(in, i);

		status = decode(s, in, row, err);
		if (status == SPK_OK && s->t->filter(s->in, s->t->user))
			sel[n++] = row;
	}
	kept->sel = sel;
	kept->selected = n;
	if (status == SPK_OK)
		status = out->emit(out->op, kept, err);
	spk_batch_unref(kept);
	return status;
}

/* --- map_partitions --- */

static spk_status partitions_push(void *state, struct spk_batch *in, const struct spk_callback_out *out, spk_error *err)
{
	struct rows_state *s = state;

	(void)out;
	if (s->batches == s->capacity) {
		int capacity = SPK_MAX(2 * s->capacity, 16);
		struct spk_batch **grown = realloc(s->batch, sizeof(*grown) * (size_t)capacity);

		SPK_TRY_PTR(grown, err);
		s->batch = grown;
		s->capacity = capacity;
	}
	s->batch[s->batches++] = spk_batch_ref(in);
	return SPK_OK;
}

static spk_status partitions_finish(void *state, const struct spk_callback_out *out, spk_error *err)
{
	struct rows_state *s = state;
	struct spk_batch *none = NULL;
	struct spk_rows rows = { .encoder = s->t->in, .batch = s->batch ? s->batch : &none, .batches = s->batches, .arena = s->arena, .current = s->in };

	s->emitter.out = out;
	SPK_TRY(spk_typed_ended(s->t, s->t->partition(&rows, &s->emitter, s->t->user, err), err));
	if (rows.status != SPK_OK) {
		if (err)
			*err = rows.error;
		return rows.status;
	}
	return spk_emitter_flush(&s->emitter, err);
}

/* --- keys and task numbers: new columns in front of the row's own, which stay as they are --- */

static spk_status put_key(struct rows_state *s, struct spk_struct_writer *w, spk_error *err)
{
	spk_struct_init(s->t->key, s->out);
	SPK_TRY(spk_typed_ended(s->t, s->t->map(s->in, s->out, s->t->user, err), err));
	return spk_struct_write(w, 0, s->t->key, s->out, err);
}

static spk_status front_columns(struct rows_state *s, const struct spk_batch *in, struct spk_struct_writer *w, spk_error *err)
{
	for (int row = 0; row < in->rows; row++) {
		SPK_TRY(decode(s, in, row, err));
		SPK_TRY(put_key(s, w, err));
		w->batch->selected = ++w->batch->rows;
	}
	return SPK_OK;
}

/* `front`'s columns, then those of `in`, as one batch that keeps both alive. */
static spk_status emit_wide(struct rows_state *s, struct spk_batch *in, struct spk_batch *front, const struct spk_callback_out *out, spk_error *err)
{
	struct spk_batch *wide;
	spk_status status;

	SPK_TRY(spk_batch_derive(&wide, in, s->t->base.schema, err));
	status = spk_arena_hold(wide->arena, front->arena, err);
	memcpy(wide->column, front->column, sizeof *front->column * (size_t)front->columns);
	memcpy(wide->column + front->columns, in->column, sizeof *in->column * (size_t)in->columns);
	if (status == SPK_OK)
		status = out->emit(out->op, wide, err);
	spk_batch_unref(wide);
	return status;
}

static spk_status key_push(void *state, struct spk_batch *in, const struct spk_callback_out *out, spk_error *err)
{
	struct rows_state *s = state;
	struct spk_schema front = { s->t->key->members, s->t->base.schema->field };
	struct spk_struct_writer w = { .schema = &front, .account = s->account };
	struct spk_batch *dense;
	spk_status status;

	if (in->selected == 0)
		return SPK_OK;
	SPK_TRY(spk_batch_compact(&dense, in, err));
	status = front_columns(s, dense, &w, err);
	if (status == SPK_OK)
		status = emit_wide(s, dense, w.batch, out, err);
	spk_struct_writer_release(&w);
	spk_batch_unref(dense);
	return status;
}

static spk_status partition_push(void *state, struct spk_batch *in, const struct spk_callback_out *out, spk_error *err)
{
	struct rows_state *s = state;
	struct spk_schema front = { 1, s->t->base.schema->field };
	struct spk_batch *numbers;
	spk_status status;

	SPK_TRY(spk_batch_new(&numbers, &front, s->account, err));
	status = spk_vector_init(&numbers->column[0], spk_type(SPK_TYPE_INTEGER), in->rows, numbers->arena, err);
	for (int i = 0; i < in->selected && status == SPK_OK; i++) {
		int row = spk_batch_row(in, i);

		status = decode(s, in, row, err);
		if (status == SPK_OK)
			spk_vector_i32(&numbers->column[0])[row] = s->t->partitioner(s->in, s->t->tasks, s->t->user);
	}
	if (status == SPK_OK)
		status = emit_wide(s, in, numbers, out, err);
	spk_batch_unref(numbers);
	return status;
}

#define ROWS_TYPE(id, name_, push_, finish_) \
	const struct spk_callback_type spk_typed_##id = { .name = name_, .state_size = sizeof(struct rows_state), .begin = rows_begin, .push = push_, .finish = finish_, .end = rows_end };
ROWS_TYPE(map, "map", map_push, rows_finish)
ROWS_TYPE(flat_map, "flat_map", flat_map_push, rows_finish)
ROWS_TYPE(filter, "filter", filter_push, rows_finish)
ROWS_TYPE(partitions, "map_partitions", partitions_push, partitions_finish)
ROWS_TYPE(key, "key", key_push, rows_finish)
ROWS_TYPE(partition, "partition", partition_push, rows_finish)
