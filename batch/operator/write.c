/*
 * WRITE ends a stage and sends each row to the reader task that owns its key's shard; read.c begins the next stage. Of an exchange by ranges it is
 * the readers that know which rows are theirs: all go to one partition, and samples of their keys to another (range.h).
 *
 * In a stream rows are not copied: a reader gets the batch with a selection of its rows, and all of it is gone with the epoch. In a batch what
 * is exchanged may lie in memory for long, so rows are copied into full batches of the reader's own, and their input (a piece of a file, a
 * join's rows) is free at once. What is collected is handed on early where rows are long, and when the budget has no room for it.
 */
#include "batch/operator/groups.h"
#include "batch/operator/operator.h"
#include "batch/operator/range.h"

#include <stdlib.h>

#include "batch/spill.h"
#include "core/columnar/hash.h"
#include "core/columnar/serialize.h"
#include "planner/logical/changes.h"

enum { EVERYBODY = -1 };                 /* a row goes to all readers */
enum { BATCH_BYTES = 512 * 1024 };       /* of a batch that is collected: what a merge takes it to have (read.c) */

struct write {
	struct spk_op base;
	struct spk_batch_builder *builder;   /* batch: by reader; of a broadcast and of a spread exchange one */
	int builders;
	int at_once;                         /* rows of the batch at hand that make no more than BATCH_BYTES, about */
	int64_t written;                     /* batches of a spread exchange */
	struct spk_range_sampler sampler;
	bool rows;                           /* what is collected are rows that a partial aggregate passed on, not its states */
};

static const struct spk_exchange *exchange_of(const struct spk_op *op) { return &op->pipeline->plan->exchange[op->plan->exchange]; }

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
			if (target[i] == to || target[i] == EVERYBODY)
				sel[n++] = row;
		part->sel = sel;
		part->selected = n;
		status = spk_task_write(op->pipeline->task_handle, base + to, part, err);
	}
	spk_batch_unref(part);
	return status;
}

static spk_status write_open(struct spk_op *op, spk_error *err)
{
	struct write *w = (struct write *)op;

	if (exchange_of(op)->range)
		return spk_range_sampler_init(&w->sampler, op, err);
	if (op->pipeline->plan->streaming)
		return SPK_OK;
	w->builders = exchange_of(op)->spread ? 1 : op->pipeline->exchange_readers[op->plan->exchange];
	w->builder = calloc((size_t)w->builders, sizeof *w->builder);
	SPK_TRY_PTR(w->builder, err);
	for (int i = 0; i < w->builders; i++)
		w->builder[i] = (struct spk_batch_builder){ .schema = op->plan->schema, .account = op->pipeline->account };
	return SPK_OK;
}

static spk_status write_begin(struct spk_op *op, spk_error *err)
{
	struct write *w = (struct write *)op;

	(void)err;
	w->written = 0;
	spk_range_sampler_begin(&w->sampler);
	for (int i = 0; i < w->builders; i++)
		spk_builder_release(&w->builder[i]);
	return SPK_OK;
}

/* The partition of the stage's output for rows of builder `i`: of a spread exchange the next in turn. */
static int target_of(struct spk_op *op, int i)
{
	struct write *w = (struct write *)op;
	int base = op->pipeline->exchange_base[op->plan->exchange], readers = op->pipeline->exchange_readers[op->plan->exchange];

	return exchange_of(op)->spread ? base + (int)((op->pipeline->task + w->written++) % readers) : base + i;
}

/* What was collected for a reader goes off; a batch with room left is made to measure. */
static spk_status send_collected(struct spk_op *op, int i, spk_error *err)
{
	struct spk_batch *full = spk_builder_take(&((struct write *)op)->builder[i]), *exact = NULL;
	spk_status status = SPK_OK;

	if (full && full->rows < SPK_BATCH_ROWS / 2)
		status = spk_batch_compact(&exact, full, err);
	if (full && status == SPK_OK)
		status = spk_task_write(op->pipeline->task_handle, target_of(op, i), exact ? exact : full, err);
	spk_batch_unref(exact);
	spk_batch_unref(full);
	return status;
}

/* Rows that are handed on as they are: their own copy, no larger than they. */
static spk_status send_rows(struct spk_op *op, const struct spk_batch *in, int i, const int32_t *sel, int n, spk_error *err)
{
	struct spk_batch some = *in, *exact;
	spk_status status;

	some.sel = sel;
	some.selected = n;
	SPK_TRY(spk_batch_compact(&exact, &some, err));
	status = spk_task_write(op->pipeline->task_handle, target_of(op, i), exact, err);
	spk_batch_unref(exact);
	return status;
}

/* Appends the rows to what is collected for a reader. Memory that others' rows wait in is worth more than full batches. */
static spk_status append(struct spk_op *op, const struct spk_batch *in, int i, const int32_t *sel, int n, spk_error *err)
{
	struct write *w = (struct write *)op;
	spk_status status = spk_builder_append(&w->builder[i], in, sel, n, err);

	if (status != SPK_MEMORY_LIMIT || !op->pipeline->spill)
		return status;
	for (int k = 0; k < w->builders; k++)
		SPK_TRY(send_collected(op, k, err));
	(void)spk_spill_reclaim(op->pipeline->spill);
	return send_rows(op, in, i, sel, n, err);
}

/* Physical rows sel[0..n) for a reader. */
static spk_status collect(struct spk_op *op, const struct spk_batch *in, int i, const int32_t *sel, int n, spk_error *err)
{
	const struct write *w = (struct write *)op;
	struct spk_batch_builder *b = &w->builder[i];

	for (int done = 0; done < n;) {
		int take = SPK_MIN(SPK_MIN(n - done, spk_builder_room(b)), w->at_once);

		SPK_TRY(append(op, in, i, sel + done, take, err));
		done += take;
		if (spk_builder_room(b) == 0 || spk_builder_texts(b) > BATCH_BYTES)
			SPK_TRY(send_collected(op, i, err));
	}
	return SPK_OK;
}

static spk_status collect_all(struct spk_op *op, const struct spk_batch *in, spk_error *err)
{
	int32_t sel[SPK_BATCH_ROWS];

	SPK_EACH_ROW(in, i, row)
		sel[i] = row;
	return collect(op, in, 0, sel, in->selected, err);
}

/* Rows by reader, those of a reader in their order. */
static spk_status collect_by_hash(struct spk_op *op, const struct spk_batch *in, const int32_t *target, const int *count, int readers, spk_error *err)
{
	int32_t sel[SPK_BATCH_ROWS];
	int at[SPK_SHARDS], from = 0;

	for (int to = 0; to < readers; to++) {
		at[to] = from;
		from += count[to];
	}
	SPK_EACH_ROW(in, i, row)
		sel[at[target[i]]++] = row;
	for (int to = 0; to < readers; to++)
		SPK_TRY(collect(op, in, to, sel + at[to] - count[to], count[to], err));
	return SPK_OK;
}

/* Rows by reader, some of which are for all. */
static spk_status collect_for_all(struct spk_op *op, const struct spk_batch *in, const int32_t *target, int readers, spk_error *err)
{
	int32_t sel[SPK_BATCH_ROWS];

	for (int to = 0; to < readers; to++) {
		int n = 0;

		SPK_EACH_ROW(in, i, row)
			if (target[i] == to || target[i] == EVERYBODY)
				sel[n++] = row;
		SPK_TRY(collect(op, in, to, sel, n, err));
	}
	return SPK_OK;
}

/* What is said of all rows of a table goes to everybody. Returns how many such rows there are. */
static int find_for_all(const struct spk_op *op, const struct spk_batch *in, int32_t *target)
{
	struct spk_reader r;
	int found = 0;

	if (op->plan->for_all < 0)
		return 0;
	r = spk_vector_reader(&in->column[op->plan->for_all]);
	SPK_EACH_ROW(in, i, row)
		if (((const int16_t *)r.data)[spk_reader_slot(&r, row)] == SPK_CHANGE_TRUNCATE) {
			target[i] = EVERYBODY;
			found++;
		}
	return found;
}

/* Tasks that the rows say themselves. */
static spk_status direct_targets(const struct spk_op *op, const struct spk_batch *in, int readers, int32_t *target, spk_error *err)
{
	struct spk_reader r = spk_vector_reader(&in->column[op->plan->key[0]]);

	SPK_EACH_ROW(in, i, row) {
		uint32_t slot = spk_reader_slot(&r, row);

		target[i] = spk_reader_valid(&r, slot) ? ((const int32_t *)r.data)[slot] : -1;
		if (target[i] < 0 || target[i] >= readers)
			return spk_fail(err, SPK_DATA, "a partitioner said task %d, of %d tasks from 0 on", (int)target[i], readers);
	}
	return SPK_OK;
}

/* A partial aggregate's batch holds states or rows: a reader can tell by the batch, so they must not get into one. */
static spk_status keep_apart(struct spk_op *op, const struct spk_batch *in, spk_error *err)
{
	struct write *w = (struct write *)op;
	bool rows;

	if (op->plan->input[0]->kind != SPK_PHYSICAL_PARTIAL_AGGREGATE || in->columns <= SPK_PARTIAL_COLUMNS || !in->selected)
		return SPK_OK;
	rows = spk_vector_is_null(&in->column[SPK_PARTIAL_STATE], spk_batch_row(in, 0));
	for (int i = 0; i < w->builders && rows != w->rows; i++)
		SPK_TRY(send_collected(op, i, err));
	w->rows = rows;
	return SPK_OK;
}

static spk_status measure_rows(struct write *w, const struct spk_batch *in, spk_error *err)
{
	size_t bytes;

	w->at_once = SPK_BATCH_ROWS;
	if (!in->selected)
		return SPK_OK;
	SPK_TRY(spk_batch_serialized_size(in, 0, in->selected, &bytes, err));
	w->at_once = (int)SPK_MIN(SPK_MAX(BATCH_BYTES / SPK_MAX(bytes / (size_t)in->selected, (size_t)1), (size_t)1), (size_t)SPK_BATCH_ROWS);
	return SPK_OK;
}

/* What a merge put together is handed on as it is. */
static bool is_merged(const struct spk_physical *write)
{
	return write->key_count == 0 && write->hash_column < 0 && write->inputs == 1 && write->input[0]->kind == SPK_PHYSICAL_READ && write->input[0]->sort_count;
}

static spk_status write_push(struct spk_op *op, int input, struct spk_batch *in, spk_error *err)
{
	int readers = op->pipeline->exchange_readers[op->plan->exchange];
	int base = op->pipeline->exchange_base[op->plan->exchange];
	bool copies = ((struct write *)op)->builder;
	uint64_t hash[SPK_BATCH_ROWS];
	int32_t target[SPK_BATCH_ROWS];
	int count[SPK_SHARDS] = { 0 }, for_all;

	(void)input;
	if (copies) {
		SPK_TRY(measure_rows((struct write *)op, in, err));
		SPK_TRY(keep_apart(op, in, err));
	}
	if (exchange_of(op)->range)
		SPK_TRY(spk_range_sampler_add(&((struct write *)op)->sampler, in, err));
	/* What comes sorted was put together for this: it owns its bytes and nothing else. */
	if (op->plan->sort_count || is_merged(op->plan))
		return spk_task_write(op->pipeline->task_handle, base, in, err);
	if (readers == 1 || exchange_of(op)->spread)
		return copies ? collect_all(op, in, err) : spk_task_write(op->pipeline->task_handle, target_of(op, 0), in, err);
	if (exchange_of(op)->direct) {
		SPK_TRY(direct_targets(op, in, readers, target, err));
	} else {
		SPK_TRY(row_hashes(op->plan, in, hash));
		for (int i = 0; i < in->selected; i++)
			target[i] = spk_shard_task(spk_shard_of(hash[i]), readers);
	}
	for_all = find_for_all(op, in, target);
	if (copies && for_all)
		return collect_for_all(op, in, target, readers, err);
	for (int i = 0; i < in->selected; i++)
		if (target[i] != EVERYBODY)
			count[target[i]]++;
	if (copies)
		return collect_by_hash(op, in, target, count, readers, err);
	for (int to = 0; to < readers; to++)
		if (count[to] + for_all)
			SPK_TRY(send_part(op, in, target, to, count[to] + for_all, base, err));
	return SPK_OK;
}

static spk_status write_finish(struct spk_op *op, spk_error *err)
{
	struct write *w = (struct write *)op;

	for (int i = 0; i < w->builders; i++)
		SPK_TRY(send_collected(op, i, err));
	return exchange_of(op)->range ? spk_range_sampler_write(&w->sampler, op->pipeline->exchange_base[op->plan->exchange] + 1, err) : SPK_OK;
}

static void write_close(struct spk_op *op)
{
	struct write *w = (struct write *)op;

	for (int i = 0; i < w->builders && w->builder; i++)
		spk_builder_release(&w->builder[i]);
	free(w->builder);
	spk_range_sampler_release(&w->sampler);
}

const struct spk_op_type spk_op_write = {
	.name = "exchange write",
	.size = sizeof(struct write),
	.open = write_open,
	.begin = write_begin,
	.push = write_push,
	.finish = write_finish,
	.close = write_close,
};
