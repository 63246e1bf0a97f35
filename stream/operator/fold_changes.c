/*
 * What an epoch changes of a sink's rows, key by key: rows that come and go within it are no change, and what is left of a key comes out together, rows taken back
 * before rows that come. So a sink of changes can tell that a row became another one, whichever operators and tasks its two images come from.
 *
 *   input   changes by the hash of the key columns
 *   output  the same, netted; a key's rows are next to one another, in one batch where they fit
 */
#include "core/base/memory.h"
#include "core/columnar/hash.h"
#include "stream/operator/delta_rows.h"
#include "stream/operator/row_changes.h"
#include "stream/operator/stream_operators.h"

struct fold {
	struct spk_op base;
	struct spk_arena *arena;
	struct spk_key_column *column;
	struct spk_keymap keys;
	struct spk_row_keys encoded;     /* scratch */
	struct spk_delta_rows delta;
};

static struct fold *self(struct spk_op *op) { return spk_container_of(op, struct fold, base); }

static spk_status fold_open(struct spk_op *op, spk_error *err)
{
	struct fold *f = self(op);
	struct spk_memory_account *account = op->pipeline->account;

	f->arena = spk_arena_new(account);
	SPK_TRY_PTR(f->arena, err);
	f->column = SPK_NEW_ARRAY(f->arena, struct spk_key_column, op->plan->key_count + 1);
	SPK_TRY_PTR(f->column, err);
	for (int i = 0; i < op->plan->key_count; i++)
		f->column[i] = (struct spk_key_column){ .column = op->plan->key[i], .type = op->plan->schema->field[op->plan->key[i]].type };
	f->keys.account = f->encoded.bytes.account = account;
	spk_delta_rows_init(&f->delta, false, account);
	return SPK_OK;
}

static spk_status fold_begin(struct spk_op *op, spk_error *err)
{
	(void)err;
	spk_keymap_clear(&self(op)->keys);
	spk_delta_rows_clear(&self(op)->delta);
	return SPK_OK;
}

static spk_status fold_push(struct spk_op *op, int input, struct spk_batch *in, spk_error *err)
{
	struct fold *f = self(op);
	uint64_t hash[SPK_BATCH_ROWS];
	uint32_t number[SPK_BATCH_ROWS];

	(void)input;
	spk_hash_columns(in, op->plan->key, op->plan->key_count, hash);
	SPK_TRY(spk_row_keys_encode(&f->encoded, in, f->column, op->plan->key_count, false, err));
	SPK_TRY(spk_keymap_put(&f->keys, &f->encoded, hash, number, err));
	SPK_TRY(spk_delta_rows_begin(&f->delta, in, in->columns, err));
	SPK_EACH_ROW(in, i, row)
		SPK_TRY(spk_delta_rows_add(&f->delta, row, NULL, number[i], spk_batch_weight(in, row), err));
	return SPK_OK;
}

/* --- what is left --- */

/* Rows that fill a batch. */
struct output { struct fold *f; struct spk_arena *arena; int n; struct spk_kept_row row[SPK_BATCH_ROWS]; };

static spk_status emit(struct output *o, spk_error *err)
{
	const struct spk_kept_row **row = SPK_NEW_ARRAY(o->arena, const struct spk_kept_row *, o->n + 1);
	struct spk_op *op = &o->f->base;
	struct spk_batch *batch = NULL;
	int32_t *weight;
	spk_status status;

	SPK_TRY_PTR(row, err);
	if (!o->n)
		return SPK_OK;
	for (int i = 0; i < o->n; i++)
		row[i] = &o->row[i];
	status = spk_kept_rows_batch(op, op->plan->schema, o->arena, row, o->n, &batch, err);
	if (status == SPK_OK) {
		weight = SPK_NEW_ARRAY(batch->arena, int32_t, o->n);
		for (int i = 0; i < o->n && weight; i++)
			weight[i] = (int32_t)o->row[i].weight;
		batch->weight = weight;
		status = weight ? spk_op_emit(op, batch, err) : spk_fail_memory(err);
	}
	spk_batch_unref(batch);
	o->n = 0;
	return status;
}

/* Bytes are copied: a batch may be kept for longer than what is folded. */
static spk_status add_rows(struct output *o, uint32_t key, bool comes, spk_error *err)
{
	const struct spk_delta_rows *d = &o->f->delta;

	for (uint32_t i = d->first[key]; i; i = d->next[i - 1]) {
		struct spk_kept_row *row = &o->row[o->n];

		if ((d->weight[i - 1] > 0) != comes)
			continue;
		*row = (struct spk_kept_row){ .weight = d->weight[i - 1] };
		SPK_TRY(spk_delta_row_own(d, i - 1, o->arena, row, err));
		if (++o->n == o->f->base.pipeline->batch_rows)
			SPK_TRY(emit(o, err));
	}
	return SPK_OK;
}

static spk_status emit_all(struct fold *f, struct spk_arena *arena, spk_error *err)
{
	struct output *o = SPK_NEW(arena, struct output);

	SPK_TRY_PTR(o, err);
	o->f = f;
	o->arena = arena;
	SPK_TRY(spk_delta_rows_chain(&f->delta, f->keys.count, arena, err));
	for (uint32_t k = 0; k < f->keys.count; k++) {
		if (o->n + spk_delta_rows_sum(&f->delta, k).rows > f->base.pipeline->batch_rows)
			SPK_TRY(emit(o, err));
		SPK_TRY(add_rows(o, k, false, err));
		SPK_TRY(add_rows(o, k, true, err));
	}
	return emit(o, err);
}

static spk_status fold_finish(struct spk_op *op, spk_error *err)
{
	struct fold *f = self(op);
	struct spk_arena *arena = spk_arena_new(op->pipeline->account);
	spk_status status = arena ? emit_all(f, arena, err) : spk_fail_memory(err);

	spk_arena_unref(arena);
	spk_keymap_clear(&f->keys);
	spk_delta_rows_clear(&f->delta);
	return status;
}

static void fold_close(struct spk_op *op)
{
	struct fold *f = self(op);

	spk_keymap_release(&f->keys);
	spk_row_keys_release(&f->encoded);
	spk_delta_rows_release(&f->delta);
	spk_arena_unref(f->arena);
}

const struct spk_op_type spk_op_fold_changes = {
	.name = "fold changes",
	.size = sizeof(struct fold),
	.open = fold_open,
	.begin = fold_begin,
	.push = fold_push,
	.finish = fold_finish,
	.close = fold_close,
};
