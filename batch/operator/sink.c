/*
 * The end of a job's branch: rows to the sink's encoded block of this task.
 *
 * Appending sinks get every batch as it comes. Upserting ones (plan->key_count > 0) get one row per key and epoch: the last +1, or a
 * tombstone when the key only lost its row. The exchange before has put all rows of a key into this task. That a +1 wins over any -1,
 * whichever comes first, stands on what operators with state give: one -1 and one +1 of a group or key at most, in the order of their tasks and not of time.
 */
#include "batch/operator/operator.h"

#include <stdlib.h>

#include "core/columnar/hash.h"
#include "core/columnar/keymap.h"

struct last_row { uint32_t batch; int32_t row; bool there; };

struct sink {
	struct spk_op base;
	struct spk_sink_block *block;
	/* upserts */
	struct spk_key_column *column;
	struct spk_arena *arena;
	struct spk_keymap map;
	struct spk_row_keys keys;
	struct last_row *last;              /* by key */
	uint32_t last_capacity;
	struct spk_batch **batch;           /* references */
	uint32_t batches, batch_capacity;
};

static spk_status sink_open(struct spk_op *op, spk_error *err)
{
	struct sink *s = (struct sink *)op;

	s->arena = spk_arena_new(op->pipeline->account);
	SPK_TRY_PTR(s->arena, err);
	s->column = SPK_NEW_ARRAY(s->arena, struct spk_key_column, op->plan->key_count);
	SPK_TRY_PTR(s->column, err);
	for (int i = 0; i < op->plan->key_count; i++)
		s->column[i] = (struct spk_key_column){ .column = op->plan->key[i], .type = op->plan->schema->field[op->plan->key[i]].type };
	s->map.account = op->pipeline->account;
	return SPK_OK;
}

static void drop_rows(struct sink *s)
{
	for (uint32_t i = 0; i < s->batches; i++)
		spk_batch_unref(s->batch[i]);
	s->batches = 0;
	spk_keymap_clear(&s->map);
}

static spk_status sink_begin(struct spk_op *op, spk_error *err)
{
	struct sink *s = (struct sink *)op;

	(void)err;
	drop_rows(s);
	spk_sink_block_free(s->block);
	s->block = NULL;
	return SPK_OK;
}

static spk_status encode(struct spk_op *op, const struct spk_batch *batch, spk_error *err)
{
	struct sink *s = (struct sink *)op;
	struct spk_row_errors errors = { 0 };

	if (!s->block) {
		s->block = calloc(1, sizeof *s->block);
		SPK_TRY_PTR(s->block, err);
		s->block->task = op->pipeline->task;
		s->block->value.account = s->block->key.account = spk_memory_account("encoded output");
	}
	SPK_TRY(spk_sink_encode(op->pipeline->run->sink[op->plan->sink], batch, s->block, spk_op_errors(op, &errors), err));
	for (int i = 0; i < errors.count; i++)
		SPK_TRY(spk_op_dead_letter(op, batch, errors.list[i].row, errors.list[i].code, false, 0, errors.list[i].message, err));
	return SPK_OK;
}

static spk_status keep_batch(struct sink *s, struct spk_batch *in, spk_error *err)
{
	struct spk_memory_account *account = s->base.pipeline->account;

	if (s->batches == s->batch_capacity) {
		uint32_t capacity = SPK_MAX(2 * s->batch_capacity, 16);
		struct spk_batch **grown = spk_realloc(account, s->batch, s->batch_capacity * sizeof *grown, capacity * sizeof *grown);

		SPK_TRY_PTR(grown, err);
		s->batch = grown;
		s->batch_capacity = capacity;
	}
	s->batch[s->batches++] = spk_batch_ref(in);
	return SPK_OK;
}

/* Notes the last row of every key. */
static spk_status fold(struct sink *s, struct spk_batch *in, spk_error *err)
{
	uint64_t hash[SPK_BATCH_ROWS];
	uint32_t number[SPK_BATCH_ROWS], before = s->map.count;
	const struct spk_physical *plan = s->base.plan;

	SPK_TRY(spk_row_keys_encode(&s->keys, in, s->column, plan->key_count, false, err));
	spk_hash_columns(in, plan->key, plan->key_count, hash);
	SPK_TRY(spk_keymap_put(&s->map, &s->keys, hash, number, err));
	if (s->map.count > s->last_capacity) {
		uint32_t capacity = SPK_MAX(2 * s->last_capacity, s->map.count);
		struct last_row *grown = spk_realloc(s->base.pipeline->account, s->last, s->last_capacity * sizeof *grown, capacity * sizeof *grown);

		SPK_TRY_PTR(grown, err);
		s->last = grown;
		s->last_capacity = capacity;
	}
	memset(s->last + before, 0, (s->map.count - before) * sizeof *s->last);
	SPK_EACH_ROW(in, i, row) {
		struct last_row *last = &s->last[number[i]];
		bool insert = spk_batch_weight(in, row) > 0;

		if (insert || !last->there)
			*last = (struct last_row){ s->batches, row, insert };
	}
	return keep_batch(s, in, err);
}

static spk_status sink_push(struct spk_op *op, int input, struct spk_batch *in, spk_error *err)
{
	(void)input;
	return op->plan->key_count ? fold((struct sink *)op, in, err) : encode(op, in, err);
}

/* --- the last rows, in the order of their keys --- */

/* A run of rows of one batch that is shorter is copied to others; else the batch is encoded as it lies there. */
enum { RUN_LEAST = 16 };

static spk_status encode_copied(struct spk_op *op, struct spk_batch_builder *builder, spk_error *err)
{
	struct spk_batch *batch = spk_builder_take(builder);
	spk_status status = batch ? encode(op, batch, err) : SPK_OK;

	spk_batch_unref(batch);
	return status;
}

/* The last rows of keys from `from` on that are in one batch and, as a selection has to be, in its order. */
static int find_run(const struct sink *s, uint32_t from, int32_t *sel)
{
	const uint32_t end = SPK_MIN(s->map.count, from + SPK_BATCH_ROWS);
	int n = 0;

	for (uint32_t i = from; i < end && s->last[i].batch == s->last[from].batch && (!n || s->last[i].row > sel[n - 1]); i++)
		sel[n++] = s->last[i].row;
	return n;
}

static spk_status encode_run(struct sink *s, uint32_t batch, const int32_t *sel, int n, struct spk_batch_builder *builder, spk_error *err)
{
	struct spk_batch some = *s->batch[batch];

	if (n < RUN_LEAST) {
		for (int i = 0; i < n; i++) {
			SPK_TRY(spk_builder_append(builder, s->batch[batch], &sel[i], 1, err));
			if (spk_builder_room(builder) == 0)
				SPK_TRY(encode_copied(&s->base, builder, err));
		}
		return SPK_OK;
	}
	SPK_TRY(encode_copied(&s->base, builder, err));
	some.sel = sel;
	some.selected = n;
	return encode(&s->base, &some, err);
}

static spk_status encode_upserts(struct spk_op *op, spk_error *err)
{
	struct sink *s = (struct sink *)op;
	struct spk_batch_builder builder = { .schema = op->plan->schema, .account = op->pipeline->account };
	spk_status status = SPK_OK;
	int32_t sel[SPK_BATCH_ROWS];

	for (uint32_t i = 0, n; i < s->map.count && status == SPK_OK; i += n) {
		n = (uint32_t)find_run(s, i, sel);
		status = encode_run(s, s->last[i].batch, sel, (int)n, &builder, err);
	}
	if (status == SPK_OK)
		status = encode_copied(op, &builder, err);
	spk_builder_release(&builder);
	drop_rows(s);
	return status;
}

static spk_status sink_finish(struct spk_op *op, spk_error *err)
{
	struct sink *s = (struct sink *)op;

	if (op->plan->key_count)
		SPK_TRY(encode_upserts(op, err));
	op->pipeline->output.block[op->plan->sink] = s->block;
	s->block = NULL;
	return SPK_OK;
}

static void sink_close(struct spk_op *op)
{
	struct sink *s = (struct sink *)op;
	struct spk_memory_account *account = op->pipeline->account;

	drop_rows(s);
	spk_sink_block_free(s->block);
	spk_keymap_release(&s->map);
	spk_row_keys_release(&s->keys);
	spk_free(account, s->last, s->last_capacity * sizeof *s->last);
	spk_free(account, s->batch, s->batch_capacity * sizeof *s->batch);
	spk_arena_unref(s->arena);
}

const struct spk_op_type spk_op_sink = {
	.name = "sink",
	.size = sizeof(struct sink),
	.open = sink_open,
	.begin = sink_begin,
	.push = sink_push,
	.finish = sink_finish,
	.close = sink_close,
};
