/*
 * Dirty cells to RocksDB, in sorted batches of bounded size, without its log: what is not in a checkpoint is replayed.
 *
 * A batch that fails leaves its cells dirty; those before it are clean. Nothing is lost either way.
 */
#include "core/base/check.h"
#include "core/base/fault.h"
#include "core/base/memory.h"
#include "core/columnar/hash.h"
#include "state/internal.h"

enum {
	CELLS_AT_ONCE = 8192,       /* sorted together */
	BATCH_BYTES = 256 * 1024,   /* of one write */
};

spk_status spk_state_full_key(struct spk_state_view *view, const struct spk_bucket *b, const struct spk_cell *c, spk_error *err)
{
	char prefix[SPK_STATE_PREFIX_MAX];
	int size = spk_state_prefix(view->table, spk_shard_of(c->hash).value, b->bucket, prefix);

	spk_buffer_clear(&view->keys);
	SPK_TRY(spk_buffer_append(&view->keys, prefix, (size_t)size, err));
	return spk_buffer_append(&view->keys, c->bytes, c->key_size, err);
}

static spk_status write_batch(struct spk_store *store, rocksdb_writebatch_t *batch, spk_error *err)
{
	char *message = NULL;

	SPK_TRY(spk_fault(SPK_FAULT_STATE_WRITE, err));
	rocksdb_write(store->db, store->write_options, batch, &message);
	return message ? spk_state_fail(store, message, "writing", err) : SPK_OK;
}

/* Writes cells[0 .. *done) in one batch, as many as fit. */
static spk_status write_some(struct spk_state_view *view, struct spk_bucket *b, struct spk_sorted_cell *cells, size_t count, rocksdb_writebatch_t *batch, size_t *done, spk_error *err)
{
	rocksdb_column_family_handle_t *cf = view->table->cf;
	size_t bytes = 0, n = 0;

	rocksdb_writebatch_clear(batch);
	for (; n < count && bytes < BATCH_BYTES; n++) {
		struct spk_cell *c = cells[n].cell;

		SPK_TRY(spk_state_full_key(view, b, c, err));
		bytes += view->keys.size + 16;
		if (c->value_size == UINT32_MAX) {
			rocksdb_writebatch_delete_cf(batch, cf, view->keys.data, view->keys.size);
			continue;
		}
		rocksdb_writebatch_put_cf(batch, cf, view->keys.data, view->keys.size, spk_cell_value(c), c->value_size);
		bytes += c->value_size;
		spk_bucket_announce(view, b, c);
	}
	SPK_TRY(write_batch(view->store, batch, err));
	for (size_t i = 0; i < n; i++)
		spk_cells_written(&b->cells, cells[i].cell);
	spk_metric_add(view->table->writes, (int64_t)n);
	*done = n;
	return SPK_OK;
}

static spk_status write_sorted(struct spk_state_view *view, struct spk_bucket *b, struct spk_sorted_cell *cells, size_t count, rocksdb_writebatch_t *batch, spk_error *err)
{
	spk_sort_cells(cells, cells + count, count);
	for (size_t at = 0, done; at < count; at += done)
		SPK_TRY(write_some(view, b, cells + at, count - at, batch, &done, err));
	return SPK_OK;
}

spk_status spk_state_write(struct spk_state_view *view, struct spk_bucket *b, enum spk_write_what what, spk_error *err)
{
	struct spk_cells *t = &b->cells;
	size_t limit = SPK_MIN((size_t)t->dirty, (size_t)CELLS_AT_ONCE), count = 0;
	struct spk_cell_cursor at = { 0 };
	spk_status status = SPK_OK;

	if (!t->dirty)
		return SPK_OK;
	/* Not from the budget: this is how memory is won when there is none left. At most 512 KiB a thread. Half is for sorting. */
	struct spk_sorted_cell *cells = malloc(2 * limit * sizeof(*cells));

	if (!cells)
		return spk_fail(err, SPK_NO_MEMORY, "out of memory while writing state");
	rocksdb_writebatch_t *batch = rocksdb_writebatch_create();

	for (struct spk_cell *c; status == SPK_OK;) {
		c = what == SPK_WRITE_ALL ? spk_cells_next(t, &at) : spk_cells_next_oldest(t, &at);
		if (c && c->flags & SPK_CELL_DIRTY && !(what == SPK_WRITE_OLDEST_UNUSED && c->flags & SPK_CELL_USED))
			cells[count++] = (struct spk_sorted_cell){ .bucket = b->bucket, .cell = c };
		if (count == limit || !c) {
			status = write_sorted(view, b, cells, count, batch, err);
			count = 0;
		}
		if (!c)
			break;
	}
	rocksdb_writebatch_destroy(batch);
	free(cells);
	return status;
}

spk_status spk_state_write_view(struct spk_state_view *view, spk_error *err)
{
	const size_t dirty = view->memory.dirty;
	bool done = false;

	if (dirty >= view->store->options.ingest_cells)
		SPK_TRY(spk_state_ingest(view, dirty, &done, err));
	if (done)
		return SPK_OK;
	for (int i = 0; i < view->buckets; i++)
		SPK_TRY(spk_state_write(view, view->bucket[i], SPK_WRITE_ALL, err));
	return SPK_OK;
}

spk_status spk_state_delete_stored(struct spk_state_view *view, struct spk_bucket *b, rocksdb_writebatch_t *keys, spk_error *err)
{
	char first[SPK_STATE_PREFIX_MAX], end[SPK_STATE_PREFIX_MAX];

	if (!b->stored)
		return SPK_OK;
	if (keys)
		return write_batch(view->store, keys, err);
	rocksdb_writebatch_t *batch = rocksdb_writebatch_create();

	for (int shard = view->first_shard; shard < view->end_shard; shard++) {
		if (!(b->stored >> shard & 1))
			continue;
		size_t size = (size_t)spk_state_prefix(view->table, shard, b->bucket, first);

		spk_state_prefix_end(first, (int)size, end);
		rocksdb_writebatch_delete_range_cf(batch, view->table->cf, first, size, end, size);
	}
	spk_status status = write_batch(view->store, batch, err);

	rocksdb_writebatch_destroy(batch);
	return status;
}
