/*
 * Exchange: WRITE ends a stage and sends each row to the reader task that owns its key's shard; READ begins the next stage. Rows are not
 * copied: a reader gets the batch with a selection of its rows. A single reader gets the batches as they are.
 */
#include "batch/operator/operator.h"

#include "core/columnar/hash.h"

enum { SPARSE = 4 };

struct write { struct spk_op base; int64_t written; };
struct read { struct spk_op base; };

/* Hashes of the selected rows, in order. */
static spk_status row_hashes(const struct spk_physical *plan, const struct spk_batch *in, uint64_t *hash)
{
	if (plan->hash_column < 0) {
		spk_hash_columns(in, plan->key, plan->key_count, hash);
		return SPK_OK;
	}
	struct spk_reader r = spk_vector_reader(&in->column[plan->hash_column]);

	SPK_EACH_ROW(in, i, row)
		hash[i] = (uint64_t)((const int64_t *)r.data)[spk_reader_slot(&r, row)];
	return SPK_OK;
}

/* The rows of `in` that go to reader `to`. */
static spk_status send_part(struct spk_op *op, struct spk_batch *in, const int32_t *target, int to, int count, int base, spk_error *err)
{
	struct spk_batch *part;
	int32_t *sel;
	int n = 0;
	spk_status status;

	SPK_TRY(spk_batch_derive(&part, in, in->schema, err));
	memcpy(part->column, in->column, sizeof *in->column * (size_t)in->columns);
	sel = spk_arena_alloc(part->arena, sizeof *sel * (size_t)count);
	status = sel ? SPK_OK : spk_fail_memory(err);
	if (sel) {
		SPK_EACH_ROW(in, i, row)
			if (target[i] == to)
				sel[n++] = row;
		part->sel = sel;
		part->selected = n;
		status = spk_task_write(op->pipeline->task_handle, base + to, part, err);
	}
	spk_batch_unref(part);
	return status;
}

static spk_status write_begin(struct spk_op *op, spk_error *err)
{
	(void)err;
	((struct write *)op)->written = 0;
	return SPK_OK;
}

static spk_status write_rows(struct spk_op *op, struct spk_batch *in, spk_error *err)
{
	int readers = op->pipeline->exchange_readers[op->plan->exchange];
	int base = op->pipeline->exchange_base[op->plan->exchange];
	uint64_t hash[SPK_BATCH_ROWS];
	int32_t target[SPK_BATCH_ROWS];
	int count[SPK_SHARDS] = { 0 };

	if (op->pipeline->plan->exchange[op->plan->exchange].spread)
		return spk_task_write(op->pipeline->task_handle, base + (int)((op->pipeline->task + ((struct write *)op)->written++) % readers), in, err);
	if (readers == 1)
		return spk_task_write(op->pipeline->task_handle, base, in, err);
	SPK_TRY(row_hashes(op->plan, in, hash));
	for (int i = 0; i < in->selected; i++) {
		target[i] = spk_shard_task(spk_shard_of(hash[i]), readers);
		count[target[i]]++;
	}
	for (int to = 0; to < readers; to++)
		if (count[to])
			SPK_TRY(send_part(op, in, target, to, count[to], base, err));
	return SPK_OK;
}

/* Few rows of a large batch are copied: a batch that waits for its reader keeps all its memory. */
static spk_status write_push(struct spk_op *op, int input, struct spk_batch *in, spk_error *err)
{
	struct spk_batch *dense;
	spk_status status;

	(void)input;
	/* In a stream the origin of rows goes along, for dead letters. */
	if (op->pipeline->run->streaming || in->selected > in->rows / SPARSE)
		return write_rows(op, in, err);
	SPK_TRY(spk_batch_compact(&dense, in, err));
	status = write_rows(op, dense, err);
	spk_batch_unref(dense);
	return status;
}

static spk_status read_lead(struct spk_op *op, spk_error *err)
{
	int input = op->pipeline->exchange_input[op->plan->exchange];

	while (!op->done) {
		struct spk_batch *batch;

		SPK_TRY(spk_task_fetch(op->pipeline->task_handle, input, &batch, err));
		if (!batch)
			return SPK_OK;
		SPK_TRY(spk_op_emit(op, batch, err));
	}
	return SPK_OK;
}

const struct spk_op_type spk_op_write = { .name = "exchange write", .size = sizeof(struct write), .begin = write_begin, .push = write_push };
const struct spk_op_type spk_op_read = { .name = "exchange read", .size = sizeof(struct read), .lead = read_lead };
