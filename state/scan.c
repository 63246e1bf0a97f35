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

/* --- merging --- */

/* Cells are sorted a shard at a time, so that this is all that is held for each. */
struct ref { struct spk_cell *cell; int64_t bucket; };

/*
 * A bucket's keys that are stored, to be deleted one by one while there are FEW. RocksDB goes over all deletes of ranges that it has not flushed whenever something
 * is read in order: with a bucket for each key (sessions) that would be most of the work.
 */
enum { FEW = 64 };
struct few { int n; rocksdb_writebatch_t *deletes; };

struct merge {
	struct spk_state_view *view;
	struct ref *ref;                /* all cells, by (shard, bucket) */
	size_t refs, work;              /* lengths of ref, and of cell with spare */
	size_t shard_end[SPK_SHARDS];   /* in ref */
	struct spk_sorted_cell *cell;   /* those of one shard, by (bucket, key) */
	struct spk_sorted_cell *spare;  /* for the sort */
	size_t cells, at;
	int prefix_size;                /* of keys in RocksDB */
	struct spk_bucket *only;        /* NULL: all buckets */
	struct few *few;                /* NULL: what is stored stays */
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

/* Walks the iterator over one shard, and the shard's cells with it; a cell hides the stored entry of its key. */
static spk_status merge_stored(struct merge *m, rocksdb_iterator_t *it, spk_error *err)
{
	for (; rocksdb_iter_valid(it); rocksdb_iter_next(it)) {
		size_t size;
		const char *key = rocksdb_iter_key(it, &size);

		if (size < (size_t)m->prefix_size)
			return spk_fail(err, SPK_CORRUPT, "state table '%s' holds a key of %zu bytes", m->view->table->name, size);
		int64_t bucket = m->prefix_size == 1 ? 0 : spk_state_bucket_of(key);
		bool hidden = false;

		if (m->few && m->few->n++ < FEW)
			rocksdb_writebatch_delete_cf(m->few->deletes, m->view->table->cf, key, size);
		for (; m->at < m->cells && !hidden; m->at++) {
			const struct spk_sorted_cell *s = &m->cell[m->at];
			int order = s->bucket != bucket ? (s->bucket < bucket ? -1 : 1) :
			            spk_compare_keys(s->cell->bytes, s->cell->key_size, key + m->prefix_size, size - (size_t)m->prefix_size);

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
	spk_status status = merge_stored(m, it, err);

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

/* The shard's cells into m->cell, each bucket's sorted; buckets come in order. */
static void sort_shard(struct merge *m, int shard)
{
	size_t from = shard ? m->shard_end[shard - 1] : 0, end = m->shard_end[shard];

	m->at = 0;
	m->cells = end - from;
	for (size_t i = 0; i < m->cells; i++)
		m->cell[i] = (struct spk_sorted_cell){ .bucket = m->ref[from + i].bucket, .cell = m->ref[from + i].cell };
	for (size_t i = 0, next; i < m->cells; i = next) {
		for (next = i + 1; next < m->cells && m->cell[next].bucket == m->cell[i].bucket; next++)
			;
		spk_sort_cells(m->cell + i, m->spare, next - i);
	}
}

static spk_status merge_all(struct merge *m, spk_error *err)
{
	uint64_t stored = stored_shards(m);

	for (int shard = m->view->first_shard; shard < m->view->end_shard; shard++) {
		sort_shard(m, shard);
		if (stored >> shard & 1)
			SPK_TRY(merge_from_rocksdb(m, shard, err));
		for (; m->at < m->cells; m->at++)
			SPK_TRY(emit_cell(m, &m->cell[m->at], err));
	}
	return SPK_OK;
}

/* Counts the cells by shard into shard_end, or puts them where those counts say. */
static void each_cell(struct merge *m, bool place)
{
	int buckets = m->only ? 1 : m->view->buckets;

	for (int i = 0; i < buckets; i++) {
		const struct spk_bucket *b = m->only ? m->only : m->view->bucket[i];
		struct spk_cell_cursor at = { 0 };

		for (struct spk_cell *c; (c = spk_cells_next(&b->cells, &at)) != NULL;) {
			size_t *end = &m->shard_end[spk_shard_of(c->hash).value];

			if (place)
				m->ref[*end] = (struct ref){ .cell = c, .bucket = b->bucket };
			++*end;
		}
	}
}

/* Makes room for the list and for the cells of the largest shard; shard_end becomes where each shard starts. False: no memory. */
static bool make_lists(struct merge *m, struct spk_memory_account *account)
{
	size_t most = 0;

	memset(m->shard_end, 0, sizeof(m->shard_end));
	m->refs = m->work = 0;
	each_cell(m, false);
	for (int shard = 0; shard < SPK_SHARDS; shard++) {
		size_t n = m->shard_end[shard];

		m->shard_end[shard] = m->refs;
		m->refs += n;
		most = SPK_MAX(most, n);
	}
	if (!m->refs)
		return true;
	m->work = 2 * most;
	m->ref = spk_malloc(account, m->refs * sizeof(*m->ref));
	m->cell = m->ref ? spk_malloc(account, m->work * sizeof(*m->cell)) : NULL;
	m->spare = m->cell + most;
	return m->cell != NULL;
}

static void free_lists(struct merge *m, struct spk_memory_account *account)
{
	spk_free(account, m->ref, m->refs * sizeof(*m->ref));
	spk_free(account, m->cell, m->work * sizeof(*m->cell));
	m->ref = NULL;
	m->cell = NULL;
}

/* Moves all cells to RocksDB: from there they come sorted. */
static spk_status empty_cache(struct merge *m, spk_error *err)
{
	int buckets = m->only ? 1 : m->view->buckets;

	for (int i = 0; i < buckets; i++) {
		struct spk_bucket *b = m->only ? m->only : m->view->bucket[i];

		SPK_TRY(spk_state_write(m->view, b, SPK_WRITE_ALL, err));
		spk_cells_clear(&b->cells);
	}
	return SPK_OK;
}

/* Lists what is cached of the bucket (or of all) by shard and merges it with what is stored. */
static spk_status scan(struct spk_state_view *view, struct spk_bucket *only, struct few *few, scan_fn each, void *user, spk_error *err)
{
	struct spk_memory_account *account = view->store->cache_account;
	struct merge m = { .view = view, .only = only, .few = few, .each = each, .user = user };
	spk_status status = SPK_OK;

	m.prefix_size = view->table->kind == SPK_TABLE_BUCKETED ? SPK_STATE_PREFIX_MAX : 1;
	if (!make_lists(&m, account)) {
		free_lists(&m, account);
		status = empty_cache(&m, err);
		memset(m.shard_end, 0, sizeof(m.shard_end));
		m.refs = 0;
	}
	if (status == SPK_OK) {
		each_cell(&m, m.refs > 0);
		status = merge_all(&m, err);
	}
	free_lists(&m, account);
	return status;
}

spk_status spk_state_scan(struct spk_state_view *view, spk_status (*each)(void *user, int64_t bucket, const char *key, uint32_t key_size, const char *value, uint32_t value_size, spk_error *err), void *user, spk_error *err)
{
	return scan(view, NULL, NULL, each, user, err);
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

spk_status spk_state_scan_bucket(struct spk_state_view *view, int64_t bucket, spk_status (*each)(void *user, const char *key, uint32_t key_size, const char *value, uint32_t value_size, spk_error *err), void *user, spk_error *err)
{
	struct without_bucket w = { .each = each, .user = user };
	struct spk_bucket *b = spk_bucket_find(view, bucket);

	return b ? scan(view, b, NULL, each_without_bucket, &w, err) : SPK_OK;
}

spk_status spk_state_visit_bucket(struct spk_state_view *view, int64_t bucket, spk_status (*each)(void *user, const char *key, uint32_t key_size, const char *value, uint32_t value_size, spk_error *err), void *user, spk_error *err)
{
	const struct spk_bucket *b = spk_bucket_find(view, bucket);
	struct spk_cell_cursor at = { 0 };

	if (!b)
		return SPK_OK;
	if (b->stored)
		return spk_state_scan_bucket(view, bucket, each, user, err);
	for (const struct spk_cell *c; (c = spk_cells_next(&b->cells, &at)) != NULL;)
		if (c->value_size != UINT32_MAX)
			SPK_TRY(each(user, c->bytes, c->key_size, spk_cell_value(c), c->value_size, err));
	return SPK_OK;
}

spk_status spk_state_take_bucket(struct spk_state_view *view, int64_t bucket, spk_status (*each)(void *user, const char *key, uint32_t key_size, const char *value, uint32_t value_size, spk_error *err), void *user, spk_error *err)
{
	struct without_bucket w = { .each = each, .user = user };
	struct few few = { 0 };
	spk_status status = SPK_OK;

	SPK_ASSERT(view->table->kind == SPK_TABLE_BUCKETED, "only bucketed tables have buckets to take");
	struct spk_bucket *b = spk_bucket_find(view, bucket);

	if (!b)
		return SPK_OK;
	if (each) {
		few.deletes = rocksdb_writebatch_create();
		status = scan(view, b, &few, each_without_bucket, &w, err);
	}
	if (status == SPK_OK)
		status = spk_state_delete_stored(view, b, each && few.n <= FEW ? few.deletes : NULL, err);
	if (each)
		rocksdb_writebatch_destroy(few.deletes);
	if (status == SPK_OK)
		spk_bucket_drop(view, b);
	return status;
}
