/*
 * Cache and RocksDB as one sequence in order of (shard, bucket, key), whatever of it happens to be where: the order of emission, and
 * so a replay's bytes, depend on it.
 */
#include "core/base/check.h"
#include "core/base/fault.h"
#include "core/base/memory.h"
#include "core/columnar/hash.h"
#include "state/internal.h"

typedef spk_status (*scan_fn)(void *user, int64_t bucket, const char *key, uint32_t key_size, const char *value, uint32_t value_size, spk_error *err);

/* --- sorting cells --- */

/* The first eight bytes of a key as a number that orders alike; shorter ones padded. */
static uint64_t key_prefix(const struct spk_cell *c)
{
	unsigned char bytes[8] = { 0 };
	uint64_t word;

	memcpy(bytes, c->bytes, SPK_MIN(c->key_size, 8u));
	memcpy(&word, bytes, 8);
	return __builtin_bswap64(word);
}

static int compare_keys(const char *a, size_t a_size, const char *b, size_t b_size)
{
	size_t common = SPK_MIN(a_size, b_size);
	int c = common ? memcmp(a, b, common) : 0;

	return c ? c : (a_size > b_size) - (a_size < b_size);
}

static int compare_cells(const void *left, const void *right)
{
	const struct spk_sorted_cell *a = left, *b = right;
	int shard_a = spk_shard_of(a->cell->hash).value, shard_b = spk_shard_of(b->cell->hash).value;

	if (shard_a != shard_b)
		return shard_a < shard_b ? -1 : 1;
	if (a->bucket != b->bucket)
		return a->bucket < b->bucket ? -1 : 1;
	if (a->prefix != b->prefix)
		return a->prefix < b->prefix ? -1 : 1;
	return compare_keys(a->cell->bytes, a->cell->key_size, b->cell->bytes, b->cell->key_size);
}

void spk_sort_cells(struct spk_sorted_cell *cells, size_t count)
{
	for (size_t i = 0; i < count; i++)
		cells[i].prefix = key_prefix(cells[i].cell);
	if (count > 1)
		qsort(cells, count, sizeof(*cells), compare_cells);
}

/* --- merging --- */

struct merge {
	struct spk_state_view *view;
	struct spk_sorted_cell *cell;   /* sorted */
	size_t cells, at;
	int prefix_size;                /* of keys in RocksDB */
	const struct spk_bucket *only;  /* NULL: all buckets */
	scan_fn each;
	void *user;
};

static spk_status emit_cell(struct merge *m, const struct spk_sorted_cell *s, spk_error *err)
{
	const struct spk_cell *c = s->cell;

	if (c->value_size == UINT32_MAX)
		return SPK_OK;
	return m->each(m->user, s->bucket, c->bytes, c->key_size, spk_cell_value(c), c->value_size, err);
}

static spk_status emit_stored(struct merge *m, rocksdb_iterator_t *it, int64_t bucket, const char *key, size_t size, spk_error *err)
{
	size_t value_size;
	const char *value = rocksdb_iter_value(it, &value_size);

	return m->each(m->user, bucket, key + m->prefix_size, (uint32_t)size - (uint32_t)m->prefix_size, value, (uint32_t)value_size, err);
}

static bool in_shard(const struct merge *m, int shard)
{
	return m->at < m->cells && spk_shard_of(m->cell[m->at].cell->hash).value == shard;
}

/* Walks the iterator over one shard, and the shard's cells with it; a cell hides the stored entry of its key. */
static spk_status merge_stored(struct merge *m, rocksdb_iterator_t *it, int shard, spk_error *err)
{
	for (; rocksdb_iter_valid(it); rocksdb_iter_next(it)) {
		size_t size;
		const char *key = rocksdb_iter_key(it, &size);

		if (size < (size_t)m->prefix_size)
			return spk_fail(err, SPK_CORRUPT, "state table '%s' holds a key of %zu bytes", m->view->table->name, size);
		int64_t bucket = m->prefix_size == 1 ? 0 : spk_state_bucket_of(key);
		bool hidden = false;

		for (; in_shard(m, shard) && !hidden; m->at++) {
			const struct spk_sorted_cell *s = &m->cell[m->at];
			int order = s->bucket != bucket ? (s->bucket < bucket ? -1 : 1) :
			            compare_keys(s->cell->bytes, s->cell->key_size, key + m->prefix_size, size - (size_t)m->prefix_size);

			if (order > 0)
				break;
			hidden = order == 0;
			SPK_TRY(emit_cell(m, s, err));
		}
		if (!hidden)
			SPK_TRY(emit_stored(m, it, bucket, key, size, err));
	}
	return SPK_OK;
}

static spk_status merge_from_rocksdb(struct merge *m, int shard, spk_error *err)
{
	struct spk_store *store = m->view->store;
	char first[SPK_STATE_PREFIX_MAX] = { (char)shard }, end[SPK_STATE_PREFIX_MAX];
	int size = m->only ? spk_state_prefix(m->view->table, shard, m->only->bucket, first) : 1;
	char *message = NULL;

	SPK_TRY(spk_fault(SPK_FAULT_STATE_READ, err));
	spk_state_prefix_end(first, size, end);
	rocksdb_readoptions_t *options = rocksdb_readoptions_create();

	rocksdb_readoptions_set_fill_cache(options, 0);
	rocksdb_readoptions_set_iterate_upper_bound(options, end, (size_t)size);
	rocksdb_iterator_t *it = rocksdb_create_iterator_cf(store->db, options, m->view->table->cf);

	rocksdb_iter_seek(it, first, (size_t)size);
	spk_status status = merge_stored(m, it, shard, err);

	rocksdb_iter_get_error(it, &message);
	rocksdb_iter_destroy(it);
	rocksdb_readoptions_destroy(options);
	if (message && status == SPK_OK)
		return spk_state_fail(store, message, "reading", err);
	rocksdb_free(message);
	return status;
}

static uint64_t stored_shards(const struct merge *m)
{
	uint64_t stored = 0;

	if (m->only)
		return m->only->stored;
	for (int i = 0; i < m->view->buckets; i++)
		stored |= m->view->bucket[i]->stored;
	return stored;
}

static spk_status merge_all(struct merge *m, spk_error *err)
{
	uint64_t stored = stored_shards(m);

	for (int shard = m->view->first_shard; shard < m->view->end_shard; shard++) {
		if (stored >> shard & 1)
			SPK_TRY(merge_from_rocksdb(m, shard, err));
		for (; in_shard(m, shard); m->at++)
			SPK_TRY(emit_cell(m, &m->cell[m->at], err));
	}
	return SPK_OK;
}

static void add_cells(struct merge *m, const struct spk_bucket *b)
{
	struct spk_cell_cursor at = { 0 };

	for (struct spk_cell *c; (c = spk_cells_next(&b->cells, &at)) != NULL;)
		m->cell[m->cells++] = (struct spk_sorted_cell){ .bucket = b->bucket, .cell = c };
}

/* Sorts what is cached of the bucket (or of all) and merges it with what is stored. */
static spk_status scan(struct spk_state_view *view, const struct spk_bucket *only, scan_fn each, void *user, spk_error *err)
{
	struct merge m = { .view = view, .only = only, .each = each, .user = user };
	size_t count = only ? only->cells.count : 0;

	m.prefix_size = view->table->kind == SPK_TABLE_BUCKETED ? SPK_STATE_PREFIX_MAX : 1;
	for (int i = 0; !only && i < view->buckets; i++)
		count += view->bucket[i]->cells.count;
	size_t size = SPK_MAX(count, 1u) * sizeof(*m.cell);

	m.cell = spk_malloc(view->store->cache_account, size);
	SPK_TRY_PTR(m.cell, err);
	for (int i = 0; !only && i < view->buckets; i++)
		add_cells(&m, view->bucket[i]);
	if (only)
		add_cells(&m, only);
	spk_sort_cells(m.cell, m.cells);
	spk_status status = merge_all(&m, err);

	spk_free(view->store->cache_account, m.cell, size);
	return status;
}

spk_status spk_state_scan(struct spk_state_view *view, spk_status (*each)(void *user, int64_t bucket, const char *key, uint32_t key_size, const char *value, uint32_t value_size, spk_error *err), void *user, spk_error *err)
{
	return scan(view, NULL, each, user, err);
}

/* spk_state_take_bucket's callback is not told the bucket. */
struct without_bucket {
	spk_status (*each)(void *user, const char *key, uint32_t key_size, const char *value, uint32_t value_size, spk_error *err);
	void *user;
};

static spk_status each_without_bucket(void *user, int64_t bucket, const char *key, uint32_t key_size, const char *value, uint32_t value_size, spk_error *err)
{
	struct without_bucket *w = user;

	(void)bucket;
	return w->each(w->user, key, key_size, value, value_size, err);
}

spk_status spk_state_take_bucket(struct spk_state_view *view, int64_t bucket, spk_status (*each)(void *user, const char *key, uint32_t key_size, const char *value, uint32_t value_size, spk_error *err), void *user, spk_error *err)
{
	struct without_bucket w = { .each = each, .user = user };

	SPK_ASSERT(view->table->kind == SPK_TABLE_BUCKETED, "only bucketed tables have buckets to take");
	struct spk_bucket *b = spk_bucket_find(view, bucket);

	if (!b)
		return SPK_OK;
	if (each)
		SPK_TRY(scan(view, b, each_without_bucket, &w, err));
	SPK_TRY(spk_state_delete_stored(view, b, err));
	spk_bucket_drop(view, b);
	return SPK_OK;
}
