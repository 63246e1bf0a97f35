/*
 * All dirty cells of a view as one sorted file that RocksDB takes in as it is: at a checkpoint there are many, and each is spared the memtable,
 * which would sort them once more, and where the file overlaps nothing also the first compactions.
 *
 * A failure leaves all cells dirty; a file that was not taken in is removed, at the latest with the store's directory, which is scratch.
 */
#include <stdio.h>
#include <unistd.h>

#include "core/base/check.h"
#include "core/base/fault.h"
#include "core/base/memory.h"
#include "core/columnar/hash.h"
#include "state/internal.h"

struct entry { struct spk_bucket *bucket; struct spk_cell *cell; };

/* The dirty cells by shard, within a shard by bucket; those of shard s are entry[start[s] .. start[s + 1]). */
struct load {
	struct spk_state_view *view;
	struct entry *entry;
	size_t entries, start[SPK_SHARDS + 1];
	struct spk_sorted_cell *sorted;  /* of one shard and bucket; twice as many as the most of these, half is for sorting */
	size_t most;
	rocksdb_sstfilewriter_t *writer;
	char *path;
};

static int shard_of(const struct spk_cell *c)
{
	return spk_shard_of(c->hash).value;
}

static void each_dirty(struct load *l, void (*each)(struct load *l, struct spk_bucket *b, struct spk_cell *c))
{
	for (int i = 0; i < l->view->buckets; i++) {
		struct spk_cell_cursor at = { 0 };

		for (struct spk_cell *c; (c = spk_cells_next(&l->view->bucket[i]->cells, &at)) != NULL;)
			if (c->flags & SPK_CELL_DIRTY)
				each(l, l->view->bucket[i], c);
	}
}

static void count(struct load *l, struct spk_bucket *b, struct spk_cell *c)
{
	(void)b;
	l->start[shard_of(c) + 1]++;
}

/* start[s + 1] is where the next one of shard s goes; in the end that is where s ends. */
static void place(struct load *l, struct spk_bucket *b, struct spk_cell *c)
{
	l->entry[l->start[shard_of(c) + 1]++] = (struct entry){ b, c };
}

static void order_by_shard(struct load *l)
{
	size_t at = 0;

	each_dirty(l, count);
	for (int s = 0; s < SPK_SHARDS; s++) {
		size_t n = l->start[s + 1];

		l->start[s + 1] = at;
		at += n;
		l->most = SPK_MAX(l->most, n);
	}
	each_dirty(l, place);
}

static spk_status take_message(const struct load *l, char *message, spk_error *err)
{
	return message ? spk_state_fail(l->view->store, message, "writing a file", err) : SPK_OK;
}

static spk_status add_cell(struct load *l, struct spk_bucket *b, struct spk_cell *c, spk_error *err)
{
	struct spk_buffer *key = &l->view->keys;
	char *message = NULL;

	SPK_TRY(spk_state_full_key(l->view, b, c, err));
	if (c->value_size == UINT32_MAX) {
		rocksdb_sstfilewriter_delete(l->writer, key->data, key->size, &message);
	} else {
		rocksdb_sstfilewriter_put(l->writer, key->data, key->size, spk_cell_value(c), c->value_size, &message);
		spk_bucket_announce(l->view, b, c);
	}
	return take_message(l, message, err);
}

/* Entries of one shard and bucket. */
static spk_status add_run(struct load *l, const struct entry *entry, size_t n, spk_error *err)
{
	for (size_t i = 0; i < n; i++)
		l->sorted[i] = (struct spk_sorted_cell){ .bucket = entry->bucket->bucket, .cell = entry[i].cell };
	spk_sort_cells(l->sorted, l->sorted + n, n);
	for (size_t i = 0; i < n; i++) {
		if (i + SPK_CELLS_AHEAD < n)
			spk_cell_prefetch(l->sorted[i + SPK_CELLS_AHEAD].cell);
		SPK_TRY(add_cell(l, entry->bucket, l->sorted[i].cell, err));
	}
	return SPK_OK;
}

static spk_status write_file(struct load *l, spk_error *err)
{
	char *message = NULL;

	unlink(l->path);  /* never into what RocksDB might have kept a link to */
	rocksdb_sstfilewriter_open(l->writer, l->path, &message);
	SPK_TRY(take_message(l, message, err));
	for (size_t i = 0, end; i < l->entries; i = end) {
		for (end = i + 1; end < l->entries && l->entry[end].bucket == l->entry[i].bucket && shard_of(l->entry[end].cell) == shard_of(l->entry[i].cell); end++)
			;
		SPK_TRY(add_run(l, l->entry + i, end - i, err));
	}
	rocksdb_sstfilewriter_finish(l->writer, &message);
	return take_message(l, message, err);
}

static spk_status take_in(struct load *l, spk_error *err)
{
	rocksdb_ingestexternalfileoptions_t *options = rocksdb_ingestexternalfileoptions_create();
	const char *path = l->path;
	char *message = NULL;

	rocksdb_ingestexternalfileoptions_set_move_files(options, 1);
	/* Nobody reads an older version meanwhile. */
	rocksdb_ingestexternalfileoptions_set_snapshot_consistency(options, 0);
	rocksdb_ingest_external_file_cf(l->view->store->db, l->view->table->cf, &path, 1, options, &message);
	rocksdb_ingestexternalfileoptions_destroy(options);
	return take_message(l, message, err);
}

static spk_status run(struct load *l, spk_error *err)
{
	rocksdb_envoptions_t *env = rocksdb_envoptions_create();
	spk_status status;

	l->writer = rocksdb_sstfilewriter_create(env, l->view->store->db_options);
	status = write_file(l, err);
	rocksdb_sstfilewriter_destroy(l->writer);
	rocksdb_envoptions_destroy(env);
	if (status == SPK_OK)
		status = spk_fault(SPK_FAULT_STATE_WRITE, err);
	if (status == SPK_OK)
		status = take_in(l, err);
	if (status != SPK_OK) {
		unlink(l->path);
		return status;
	}
	for (size_t i = 0; i < l->entries; i++) {
		if (i + SPK_CELLS_AHEAD < l->entries)
			__builtin_prefetch(l->entry[i + SPK_CELLS_AHEAD].cell, 1);
		spk_cells_written(&l->entry[i].bucket->cells, l->entry[i].cell);
	}
	spk_metric_add(l->view->table->writes, (int64_t)l->entries);
	return SPK_OK;
}

spk_status spk_state_ingest(struct spk_state_view *view, size_t dirty, bool *done, spk_error *err)
{
	struct spk_memory_account *account = view->store->cache_account;
	struct load l = { .view = view, .entries = dirty };
	spk_status status = SPK_OK;

	*done = false;
	l.entry = spk_malloc(account, dirty * sizeof(*l.entry));
	if (!l.entry)
		return SPK_OK;
	order_by_shard(&l);
	l.sorted = spk_malloc(account, 2 * l.most * sizeof(*l.sorted));
	/* Views write at the same time when they make room. */
	if (l.sorted && asprintf(&l.path, "%s/ingest-%p.sst", view->store->dir, (void *)view) >= 0) {
		status = run(&l, err);
		*done = status == SPK_OK;
		free(l.path);
	}
	spk_free(account, l.sorted, 2 * l.most * sizeof(*l.sorted));
	spk_free(account, l.entry, dirty * sizeof(*l.entry));
	return status;
}
