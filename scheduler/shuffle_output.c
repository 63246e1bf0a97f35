/* The batches of one attempt of a producer. See shuffle_output.h. */
#include "scheduler/shuffle_output.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "core/base/memory.h"

enum { STEP = 16 << 20 };        /* bytes that are moved before they are shown: what is freed at once */

struct spk_shuffle_output *spk_shuffle_output_new(struct spk_memory_account *account, _Atomic int64_t *total)
{
	struct spk_shuffle_output *o = spk_calloc(account, sizeof *o);

	if (o)
		*o = (struct spk_shuffle_output){ .account = account, .total = total };
	return o;
}

static void add_kept(struct spk_shuffle_output *o, int64_t bytes)
{
	o->kept += bytes;
	atomic_fetch_add_explicit(o->total, bytes, memory_order_relaxed);
}

void spk_shuffle_output_clear(struct spk_shuffle_output *o)
{
	for (int i = 0; i < o->items; i++)
		spk_batch_unref(o->item[i].batch);
	for (int i = 0; i < o->runs; i++)
		spk_spill_run_free(o->run[i]);
	o->items = o->runs = o->partitions = 0;
	o->orphan = false;
	add_kept(o, -o->kept);
}

void spk_shuffle_output_free(struct spk_shuffle_output *o)
{
	if (!o)
		return;
	spk_shuffle_output_clear(o);
	spk_free(o->account, o->item, (size_t)o->capacity * sizeof *o->item);
	spk_free(o->account, o->part, (size_t)o->part_capacity * sizeof *o->part);
	free(o->run);
	spk_free(o->account, o, sizeof *o);
}

int64_t spk_shuffle_bytes(const struct spk_batch *b)
{
	int64_t row = b->weight ? (int64_t)sizeof(*b->weight) : 0, texts = 0;

	for (int c = 0; b->schema && c < b->columns; c++) {
		struct spk_reader r = spk_vector_reader(&b->column[c]);

		row += spk_type_width(b->column[c].type);
		if (!spk_type_is_view(b->column[c].type))
			continue;
		SPK_EACH_ROW(b, i, at) {
			uint32_t slot = spk_reader_slot(&r, at), length = ((const struct spk_view *)r.data)[slot].length;

			texts += length > SPK_VIEW_INLINE && spk_reader_valid(&r, slot) ? length : 0;
		}
	}
	return row * b->selected + texts;
}

static spk_status grow(struct spk_shuffle_output *o, void *array, int *capacity, int count, size_t size, spk_error *err)
{
	int more = SPK_MAX(count, SPK_MAX(2 * *capacity, 8));
	void *old, *grown;

	if (count <= *capacity)
		return SPK_OK;
	memcpy(&old, array, sizeof old);
	grown = spk_realloc(o->account, old, (size_t)*capacity * size, (size_t)more * size);
	SPK_TRY_PTR(grown, err);
	memcpy(array, &grown, sizeof grown);
	*capacity = more;
	return SPK_OK;
}

spk_status spk_shuffle_output_write(struct spk_shuffle_output *o, int to, struct spk_batch *batch, struct spk_shuffle_stat *sum, spk_error *err)
{
	SPK_TRY(grow(o, &o->item, &o->capacity, o->items + 1, sizeof *o->item, err));
	int64_t bytes = spk_shuffle_bytes(batch);

	o->item[o->items++] = (struct spk_shuffle_item){ .batch = spk_batch_ref(batch), .schema = batch->schema, .to = to, .rows = batch->selected, .bytes = bytes };
	add_kept(o, bytes);
	sum->rows += batch->selected;
	sum->bytes += bytes;
	return SPK_OK;
}

/* Counts items, rows and bytes by partition; `start` of each is where its items begin. */
static void count_parts(struct spk_shuffle_output *o)
{
	int at = 0;

	memset(o->part, 0, (size_t)(o->partitions + 1) * sizeof *o->part);
	for (int i = 0; i < o->items; i++)
		o->part[o->item[i].to].start++;
	for (int p = 0; p <= o->partitions; p++) {
		int n = o->part[p].start;

		o->part[p].start = at;
		at += n;
	}
}

spk_status spk_shuffle_output_seal(struct spk_shuffle_output *o, spk_error *err)
{
	size_t size = (size_t)o->items * sizeof *o->item;
	struct spk_shuffle_item *sorted;

	SPK_TRY(grow(o, &o->part, &o->part_capacity, o->partitions + 1, sizeof *o->part, err));
	sorted = spk_malloc(o->account, size);
	SPK_TRY_PTR(sorted, err);
	count_parts(o);
	for (int i = 0; i < o->items; i++)
		sorted[o->part[o->item[i].to].start++] = o->item[i];
	if (size)
		memcpy(o->item, sorted, size);
	spk_free(o->account, sorted, size);
	count_parts(o);
	for (int i = 0; i < o->items; i++) {
		struct spk_shuffle_stat *stat = &o->part[o->item[i].to].stat;

		stat->rows += o->item[i].rows;
		stat->bytes += o->item[i].bytes;
	}
	return SPK_OK;
}

/* --- to disk --- */

/* Not from the budget: a pointer for megabytes that are about to be freed. */
static spk_status add_run(struct spk_shuffle_output *o, struct spk_spill_area *area, struct spk_spill_run **out, spk_error *err)
{
	if (o->runs == o->run_capacity) {
		int capacity = o->run_capacity ? 2 * o->run_capacity : 4;
		struct spk_spill_run **grown = realloc(o->run, (size_t)capacity * sizeof(*grown));

		SPK_TRY_PTR(grown, err);
		o->run = grown;
		o->run_capacity = capacity;
	}
	SPK_TRY(spk_spill_run_new(out, area, err));
	o->run[o->runs++] = *out;
	return SPK_OK;
}

/* Batches on their way to disk: held until their run is complete and may be shown. The lists are not from the budget either. */
struct moved { int item; struct spk_batch *batch; uint32_t block, at, size; };
struct moving {
	struct spk_shuffle_output *output;
	struct spk_shuffle_mover *mover;
	struct spk_spill_run *run;
	struct moved *moved;
	int count;
	int64_t bytes, total;              /* since they were last shown; in all */
};

static spk_status write_block(struct moving *m, spk_error *err)
{
	struct spk_run_scratch *scratch = &m->mover->scratch;

	if (scratch->raw.size == 0)
		return SPK_OK;
	SPK_TRY(spk_spill_run_append(m->run, scratch->raw.data, scratch->raw.size, &scratch->packed, err));
	spk_buffer_clear(&scratch->raw);
	return SPK_OK;
}

/* What is in complete blocks is on disk from now on; the rest stays in memory. */
static void show(struct moving *m)
{
	int64_t blocks = m->run ? spk_spill_run_blocks(m->run) : 0;

	pthread_mutex_lock(m->mover->lock);
	for (int i = 0; i < m->count; i++) {
		struct moved *moved = &m->moved[i];
		struct spk_shuffle_item *item = &m->output->item[moved->item];

		/* A reader may have let go of it meanwhile. */
		if (moved->block >= blocks || !item->batch)
			continue;
		spk_batch_unref(item->batch);
		item->batch = NULL;
		item->run = m->run;
		item->block = moved->block;
		item->at = moved->at;
		item->size = moved->size;
		add_kept(m->output, -item->bytes);
		m->total += item->bytes;
	}
	pthread_mutex_unlock(m->mover->lock);
	for (int i = 0; i < m->count; i++)
		spk_batch_unref(m->moved[i].batch);
	m->count = 0;
	m->bytes = 0;
	m->run = NULL;
}

static spk_status move_item(struct moving *m, int item, spk_error *err)
{
	struct spk_buffer *raw = &m->mover->scratch.raw;
	struct moved *moved = &m->moved[m->count];

	pthread_mutex_lock(m->mover->lock);
	moved->batch = m->output->item[item].batch;
	if (moved->batch)
		spk_batch_ref(moved->batch);
	pthread_mutex_unlock(m->mover->lock);
	if (!moved->batch)
		return SPK_OK;
	*moved = (struct moved){ .item = item, .batch = moved->batch, .block = UINT32_MAX };
	m->count++;
	if (!m->run)
		SPK_TRY(add_run(m->output, m->mover->area, &m->run, err));
	moved->at = (uint32_t)raw->size;
	SPK_TRY(spk_batch_serialize(moved->batch, 0, moved->batch->selected, raw, err));
	moved->block = (uint32_t)spk_spill_run_blocks(m->run);
	moved->size = (uint32_t)(raw->size - moved->at);
	m->bytes += m->output->item[item].bytes;
	if (raw->size >= SPK_SPILL_BLOCK)
		SPK_TRY(write_block(m, err));
	return SPK_OK;
}

/* Items by partition, in order of writing: so that a block is read by one reader. */
static void order_items(const struct spk_shuffle_output *o, int partitions, int *order, int *next)
{
	memset(next, 0, (size_t)(partitions + 1) * sizeof *next);
	for (int i = 0; i < o->items; i++)
		next[o->item[i].to + 1]++;
	for (int p = 0; p < partitions; p++)
		next[p + 1] += next[p];
	for (int i = 0; i < o->items; i++)
		order[next[o->item[i].to]++] = i;
}

static spk_status move_items(struct moving *m, const int *order, int64_t most, spk_error *err)
{
	for (int i = 0; i < m->output->items && m->total + m->bytes < most; i++) {
		int to = m->output->item[order[i]].to;
		bool last = i + 1 == m->output->items || m->output->item[order[i + 1]].to != to;

		SPK_TRY(move_item(m, order[i], err));
		if (last)
			SPK_TRY(write_block(m, err));
		if (m->bytes >= STEP) {
			SPK_TRY(write_block(m, err));
			show(m);
		}
	}
	return write_block(m, err);
}

spk_status spk_shuffle_output_move(struct spk_shuffle_output *o, struct spk_shuffle_mover *mover, int64_t most, int64_t *moved, spk_error *err)
{
	struct moving m = { .output = o, .mover = mover, .moved = malloc((size_t)(o->items + 1) * sizeof *m.moved) };
	int *order = malloc((size_t)(o->items + o->partitions + 2) * sizeof *order);
	spk_status status = m.moved && order ? SPK_OK : spk_fail_memory(err);

	spk_buffer_clear(&mover->scratch.raw);
	if (status == SPK_OK) {
		order_items(o, o->partitions, order, order + o->items);
		status = move_items(&m, order, most, err);
	}
	/* Also after a failure: complete blocks are good. */
	show(&m);
	free(m.moved);
	free(order);
	*moved = m.total;
	return status;
}

/* --- reading --- */

static spk_status read_stored(struct spk_shuffle_reader *reader, const struct spk_shuffle_item *item, struct spk_memory_account *account, struct spk_batch **out, spk_error *err)
{
	size_t size = spk_spill_run_size(item->run, item->block), used;
	struct spk_buffer scratch = { .account = account };
	struct spk_batch *batch;
	spk_status status = SPK_OK;

	if (!reader->block || reader->run != item->run || reader->number != item->block) {
		spk_arena_unref(reader->block);
		reader->block = spk_arena_new(account);
		SPK_TRY_PTR(reader->block, err);
		reader->run = NULL;
		reader->data = spk_arena_alloc_vector(reader->block, size);
		SPK_TRY_PTR(reader->data, err);
		status = spk_spill_run_read(item->run, item->block, reader->data, &scratch, err);
		spk_buffer_release(&scratch);
		SPK_TRY(status);
		reader->run = item->run;
		reader->number = item->block;
	}
	SPK_TRY(spk_batch_new(&batch, item->schema, account, err));
	status = spk_arena_hold(batch->arena, reader->block, err);
	if (status == SPK_OK)
		status = spk_batch_deserialize(batch, reader->data + item->at, item->size, &used, err);
	if (status != SPK_OK) {
		spk_batch_unref(batch);
		return status;
	}
	*out = batch;
	return SPK_OK;
}

/* Whole batches that the caller would drop need not be loaded. */
static void pass_over(struct spk_shuffle_reader *reader)
{
	const struct spk_shuffle_output *o = reader->output;

	while (o && reader->skip && o->part[reader->partition].start + reader->next < o->part[reader->partition + 1].start) {
		const struct spk_shuffle_item *item = &o->item[o->part[reader->partition].start + reader->next];

		if (item->rows > reader->skip)
			return;
		reader->skip -= item->rows;
		reader->next++;
	}
}

spk_status spk_shuffle_output_read(struct spk_shuffle_reader *reader, bool go, pthread_mutex_t *lock, struct spk_batch **out, spk_error *err)
{
	struct spk_shuffle_output *o = reader->output;
	struct spk_shuffle_item item, *at;
	struct spk_batch *gone = NULL;

	*out = NULL;
	pthread_mutex_lock(lock);
	pass_over(reader);
	if (!o || o->part[reader->partition].start + reader->next >= o->part[reader->partition + 1].start) {
		pthread_mutex_unlock(lock);
		return SPK_OK;
	}
	at = &o->item[o->part[reader->partition].start + reader->next];
	item = *at;
	if (item.batch)
		*out = spk_batch_ref(item.batch);
	if (item.batch && go) {
		gone = at->batch;
		at->batch = NULL;
		add_kept(o, -item.bytes);
		o->part[reader->partition].gone = true;
	}
	pthread_mutex_unlock(lock);
	spk_batch_unref(gone);
	if (!item.batch && !item.run)
		return spk_fail(err, SPK_NOT_FOUND, "the output of task %d in shuffle %d was let go of", o->producer, (int)o->id.value);
	if (!item.batch)
		SPK_TRY(read_stored(reader, &item, o->account, out, err));
	reader->next++;
	reader->sum.rows += item.rows;
	reader->sum.bytes += item.bytes;
	return SPK_OK;
}
