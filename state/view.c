/*
 * Views: batched reads and writes through the cache, and which cells leave it.
 *
 * Memory. The store bounds all caches together; a view over its even share gives way when that bound is passed, one below it never
 * does. A view cannot take from another: that may be in use by another thread. Room is made at the start of a read and at the end
 * of a write, when nobody holds pointers into cells, so a call may pass the bound by what one batch brings in. A call that is refused
 * memory writes out and drops what the view holds, and is done again from its start.
 */
#include "core/base/check.h"
#include "core/base/fault.h"
#include "core/base/memory.h"
#include "core/columnar/hash.h"
#include "state/internal.h"

/* Under this a view is not asked to give memory back to a process that runs short. */
enum { SMALL_VIEW = 256 * 1024, PRESSURE_PERCENT = 90 };

/* --- eviction --- */

/* Those that were not used for longest come first, within a call the smallest. */
static int by_use(const void *left, const void *right)
{
	const struct spk_bucket *a = *(struct spk_bucket *const *)left, *b = *(struct spk_bucket *const *)right;

	return a->used != b->used ? (a->used > b->used) - (a->used < b->used) : (a->bucket > b->bucket) - (a->bucket < b->bucket);
}

/* The buckets with anything in cache, the coldest first; NULL: no memory. Not from the budget: this is how memory is won when there is none left. */
static struct spk_bucket **list_by_use(const struct spk_state_view *view, int *count)
{
	struct spk_bucket **cached = malloc((size_t)view->buckets * sizeof(*cached) + 1);

	*count = 0;
	for (int i = 0; i < view->buckets && cached; i++)
		if (view->bucket[i]->cells.bytes)
			cached[(*count)++] = view->bucket[i];
	if (cached)
		qsort(cached, (size_t)*count, sizeof(*cached), by_use);
	return cached;
}

/* Whether a quarter or more of what goes with the oldest chunk is dirty. */
static bool goes_dirty(const struct spk_bucket *b, bool force)
{
	struct spk_cell_cursor at = { 0 };
	uint32_t going = 0, dirty = 0;

	for (const struct spk_cell *c; (c = spk_cells_next_oldest(&b->cells, &at)) != NULL;)
		if (force || !(c->flags & SPK_CELL_USED)) {
			going++;
			dirty += (c->flags & SPK_CELL_DIRTY) != 0;
		}
	return dirty && dirty * 4 >= going;
}

/*
 * Chunk by chunk dirty cells would go through memtables and small files. So before the first of them goes all that is dirty is written as one sorted file, as at a
 * flush: what goes next is clean until the cache has been filled anew.
 */
static spk_status write_ahead(struct spk_state_view *view, const struct spk_bucket *b, bool force, spk_error *err)
{
	const size_t dirty = view->memory.dirty;
	bool done;

	return dirty >= view->store->options.ingest_cells && goes_dirty(b, force) ? spk_state_ingest(view, dirty, &done, err) : SPK_OK;
}

/* Goes round the chunks twice at most: the first round takes the marks of use off, the second one all that is left. */
static spk_status evict_hot(struct spk_state_view *view, struct spk_bucket *b, size_t target, spk_error *err)
{
	for (int round = 0; round < 2; round++) {
		bool force = round > 0, going = true;

		for (uint32_t i = b->cells.chunks; i > 0 && going && b->cells.oldest && view->memory.bytes > target; i--) {
			SPK_TRY(write_ahead(view, b, force, err));
			SPK_TRY(spk_state_write(view, b, force ? SPK_WRITE_OLDEST : SPK_WRITE_OLDEST_UNUSED, err));
			going = spk_cells_evict_oldest(&b->cells, force);
		}
	}
	return SPK_OK;
}

static spk_status evict_bucket(struct spk_state_view *view, struct spk_bucket *b, size_t target, spk_error *err)
{
	if (b->used == view->clock && view->clock)
		SPK_TRY(evict_hot(view, b, target, err));
	if (view->memory.bytes <= target)
		return SPK_OK;
	SPK_TRY(spk_state_write(view, b, SPK_WRITE_ALL, err));
	spk_cells_clear(&b->cells);
	return SPK_OK;
}

spk_status spk_state_evict(struct spk_state_view *view, size_t target, spk_error *err)
{
	struct spk_bucket **cached;
	spk_status status = SPK_OK;
	int count;

	if (view->memory.bytes <= target)
		return SPK_OK;
	cached = list_by_use(view, &count);
	if (!cached)
		return spk_fail(err, SPK_NO_MEMORY, "out of memory while making room in a state cache");
	for (int i = 0; i < count && status == SPK_OK && view->memory.bytes > target; i++)
		status = evict_bucket(view, cached[i], target, err);
	free(cached);
	SPK_TRY(status);
	spk_buckets_prune(view);
	return SPK_OK;
}

spk_status spk_state_trim(struct spk_state_view *view, spk_error *err)
{
	struct spk_store *store = view->store;
	const size_t bound = spk_store_cache_bound(store);
	bool over = spk_store_cached(store) > bound;
	bool short_of = view->memory.bytes > SMALL_VIEW && spk_memory_pressure(PRESSURE_PERCENT);

	if (SPK_LIKELY(!over && !short_of))
		return SPK_OK;
	/* What small views leave of the bound is for the others, by what they have. */
	size_t share = bound / (size_t)SPK_MAX(atomic_load(&store->view_count), 1), part = (size_t)((double)view->memory.bytes * (double)bound / (double)SPK_MAX(spk_store_cached(store), bound));
	size_t target = SPK_MAX(share, part);

	target -= target / 8;

	if (short_of)
		target = SPK_MIN(target, view->memory.bytes / 2);
	return view->memory.bytes > target ? spk_state_evict(view, target, err) : SPK_OK;
}

/* --- batches --- */

static spk_status need_rows(struct spk_state_view *view, int rows, spk_error *err)
{
	size_t each = sizeof(*view->at) + sizeof(*view->miss);

	if (rows <= view->row_capacity)
		return SPK_OK;
	char *grown = spk_malloc(view->store->cache_account, (size_t)rows * each);

	SPK_TRY_PTR(grown, err);
	spk_free(view->store->cache_account, view->at, (size_t)view->row_capacity * each);
	view->at = (struct spk_bucket **)(void *)grown;
	view->miss = (int32_t *)(void *)(view->at + rows);
	view->row_capacity = rows;
	return SPK_OK;
}

/* view->at[i] becomes the bucket of row i, NULL when it is not there and not `add`; the slots are on their way into the cache. */
static spk_status locate(struct spk_state_view *view, int rows, const uint64_t *hash, const int64_t *bucket, bool add, spk_error *err)
{
	struct spk_bucket *b = NULL;

	SPK_ASSERT((bucket != NULL) == (view->table->kind == SPK_TABLE_BUCKETED), "buckets are given for bucketed tables alone");
	SPK_TRY(need_rows(view, rows, err));
	view->clock++;
	for (int i = 0; i < rows; i++) {
		int shard = spk_shard_of(hash[i]).value;

		SPK_ASSERT(shard >= view->first_shard && shard < view->end_shard, "a view is for its own shards");
		/* Rows come in runs of the same bucket. */
		if (i == 0 || (bucket && bucket[i] != bucket[i - 1])) {
			int64_t wanted = bucket ? bucket[i] : 0;

			b = spk_bucket_find(view, wanted);
			if (!b && add)
				SPK_TRY(spk_bucket_add(view, wanted, &b, err));
			if (b)
				b->used = view->clock;
		}
		view->at[i] = b;
		if (b)
			spk_cells_prefetch_slot(&b->cells, hash[i]);
	}
	return SPK_OK;
}

enum { LOOKAHEAD = 32 };

/* Brings the cells of the next rows on their way, a group at a time. */
static void prefetch_cells(const struct spk_state_view *view, const uint64_t *hash, int from, int rows)
{
	for (int i = from; i < SPK_MIN(from + LOOKAHEAD, rows); i++)
		if (view->at[i])
			spk_cells_prefetch_cell(&view->at[i]->cells, hash[i]);
}

static struct spk_state_value value_of(const struct spk_cell *c)
{
	return (struct spk_state_value){ .data = spk_cell_value(c), .size = c->value_size };
}

/* --- reading --- */

/* RocksDB's keys of `count` missed rows, behind each other in view->keys. */
static spk_status missed_keys(struct spk_state_view *view, const struct spk_row_keys *keys, const uint64_t *hash, const int32_t *miss, int count, const char **key, size_t *size, spk_error *err)
{
	char prefix[SPK_STATE_PREFIX_MAX];
	size_t at[SPK_STATE_READ_KEYS];

	spk_buffer_clear(&view->keys);
	for (int i = 0; i < count; i++) {
		uint32_t key_size;
		const char *bytes = spk_row_key(keys, miss[i], &key_size);
		int prefix_size = spk_state_prefix(view->table, spk_shard_of(hash[miss[i]]).value, view->at[miss[i]]->bucket, prefix);

		at[i] = view->keys.size;
		SPK_TRY(spk_buffer_append(&view->keys, prefix, (size_t)prefix_size, err));
		SPK_TRY(spk_buffer_append(&view->keys, bytes, key_size, err));
		size[i] = view->keys.size - at[i];
	}
	for (int i = 0; i < count; i++)
		key[i] = view->keys.data + at[i];
	return SPK_OK;
}

/* Puts what RocksDB said of a key (NULL: nothing) into the cache. */
static spk_status take_in(struct spk_bucket *b, const char *key, uint32_t key_size, uint64_t hash, const char *data, size_t size, struct spk_state_value *out, spk_error *err)
{
	struct spk_cell *c = spk_cells_find(&b->cells, key, key_size, hash);

	if (!c) {  /* else the batch has the key twice */
		SPK_TRY(spk_cells_add(&b->cells, key, key_size, hash, data ? (uint32_t)size : 0, &c, err));
		if (data)
			SPK_TRY(spk_cells_set(&b->cells, &c, data, (uint32_t)size, true, err));
		else
			c->flags |= SPK_CELL_NEW;
	}
	*out = value_of(c);
	return SPK_OK;
}

/* One MultiGet. */
static spk_status read_some(struct spk_state_view *view, const struct spk_row_keys *keys, const uint64_t *hash, const int32_t *miss, int count, struct spk_state_value *value, spk_error *err)
{
	struct spk_store *store = view->store;
	const char *key[SPK_STATE_READ_KEYS];
	size_t size[SPK_STATE_READ_KEYS];
	rocksdb_pinnableslice_t *found[SPK_STATE_READ_KEYS];
	char *message[SPK_STATE_READ_KEYS];
	spk_status status = SPK_OK;

	SPK_TRY(spk_fault(SPK_FAULT_STATE_READ, err));
	SPK_TRY(missed_keys(view, keys, hash, miss, count, key, size, err));
	rocksdb_batched_multi_get_cf(store->db, store->get_options, view->table->cf, (size_t)count, key, size, found, message, false);
	for (int i = 0; i < count; i++) {
		uint32_t key_size;
		const char *row_key = spk_row_key(keys, miss[i], &key_size);
		size_t bytes = 0;
		const char *data = found[i] ? rocksdb_pinnableslice_value(found[i], &bytes) : NULL;

		if (message[i] && status == SPK_OK)
			status = spk_state_fail(store, message[i], "reading", err);
		else
			rocksdb_free(message[i]);
		if (status == SPK_OK)
			status = take_in(view->at[miss[i]], row_key, key_size, hash[miss[i]], data, bytes, &value[miss[i]], err);
		if (found[i])
			rocksdb_pinnableslice_destroy(found[i]);
	}
	return status;
}

static spk_status get_rows(struct spk_state_view *view, const struct spk_row_keys *keys, const uint64_t *hash, const int64_t *bucket, struct spk_state_value *value, spk_error *err)
{
	int misses = 0;

	SPK_TRY(locate(view, keys->count, hash, bucket, false, err));
	for (int i = 0; i < keys->count; i++) {
		struct spk_bucket *b = view->at[i];
		uint32_t size;
		const char *key = spk_row_key(keys, i, &size);

		if (i % LOOKAHEAD == 0)
			prefetch_cells(view, hash, i, keys->count);
		struct spk_cell *c = b ? spk_cells_find(&b->cells, key, size, hash[i]) : NULL;

		value[i] = (struct spk_state_value){ .data = NULL, .size = UINT32_MAX };
		if (c) {
			/* Not at its first read, nor by writes: what is touched by one epoch alone is the first to go. */
			c->flags |= SPK_CELL_USED;
			value[i] = value_of(c);
		} else if (b && spk_bucket_may_hold(b, hash[i])) {
			view->miss[misses++] = i;
		}
	}
	spk_metric_add(view->table->reads, keys->count);
	if (misses)
		spk_metric_add(view->table->misses, misses);
	for (int at = 0; at < misses; at += SPK_STATE_READ_KEYS)
		SPK_TRY(read_some(view, keys, hash, view->miss + at, SPK_MIN(misses - at, SPK_STATE_READ_KEYS), value, err));
	return SPK_OK;
}

/* After a refusal: gives memory back, first half of what the view holds, then all of it. False: there is no more to give. */
static bool give_way(struct spk_state_view *view, spk_status status, int *round, spk_error *err)
{
	if ((status != SPK_MEMORY_LIMIT && status != SPK_NO_MEMORY) || *round == 2 || !view->memory.bytes)
		return false;
	return spk_state_evict(view, (*round)++ ? 0 : view->memory.bytes / 2, err) == SPK_OK;
}

spk_status spk_state_get(struct spk_state_view *view, const struct spk_row_keys *keys, const uint64_t *hash, const int64_t *bucket, struct spk_state_value *value, spk_error *err)
{
	int round = 0;
	spk_status status;

	SPK_TRY(spk_state_trim(view, err));
	do
		status = get_rows(view, keys, hash, bucket, value, err);
	while (status != SPK_OK && give_way(view, status, &round, err));
	return status;
}

/* --- writing --- */

static spk_status delete_one(struct spk_bucket *b, struct spk_cell *c, const char *key, uint32_t size, uint64_t hash, spk_error *err)
{
	bool stored = spk_bucket_may_hold(b, hash);

	if (!c && !stored)
		return SPK_OK;
	if (c && (!stored || c->flags & SPK_CELL_NEW)) {
		/* RocksDB never had it, so it need not hear of it. */
		spk_cells_remove(&b->cells, c);
		return SPK_OK;
	}
	if (!c)
		SPK_TRY(spk_cells_add(&b->cells, key, size, hash, 0, &c, err));
	return spk_cells_set(&b->cells, &c, NULL, UINT32_MAX, false, err);
}

static spk_status put_one(struct spk_bucket *b, const char *key, uint32_t size, uint64_t hash, const struct spk_state_value *value, spk_error *err)
{
	struct spk_cell *c = spk_cells_find(&b->cells, key, size, hash);

	if (!spk_state_found(value))
		return delete_one(b, c, key, size, hash, err);
	if (!c) {
		SPK_TRY(spk_cells_add(&b->cells, key, size, hash, value->size, &c, err));
		if (!spk_bucket_may_hold(b, hash))
			c->flags |= SPK_CELL_NEW;
	}
	return spk_cells_set(&b->cells, &c, value->data, value->size, false, err);
}

static spk_status put_rows(struct spk_state_view *view, const struct spk_row_keys *keys, const uint64_t *hash, const int64_t *bucket, const struct spk_state_value *value, spk_error *err)
{
	SPK_TRY(locate(view, keys->count, hash, bucket, true, err));
	for (int i = 0; i < keys->count; i++) {
		uint32_t size;
		const char *key = spk_row_key(keys, i, &size);

		if (i % LOOKAHEAD == 0)
			prefetch_cells(view, hash, i, keys->count);
		SPK_TRY(put_one(view->at[i], key, size, hash[i], &value[i], err));
	}
	return SPK_OK;
}

spk_status spk_state_put(struct spk_state_view *view, const struct spk_row_keys *keys, const uint64_t *hash, const int64_t *bucket, const struct spk_state_value *value, spk_error *err)
{
	int round = 0;
	spk_status status;

	/* Once more from the start: a put that was done does no harm. */
	do
		status = put_rows(view, keys, hash, bucket, value, err);
	while (status != SPK_OK && give_way(view, status, &round, err));
	SPK_TRY(status);
	for (int i = 0; i < keys->count; i++)
		if (i == 0 || view->at[i] != view->at[i - 1])
			spk_cells_compact(&view->at[i]->cells);
	return spk_state_trim(view, err);
}

/* --- the rest --- */

void spk_state_view_stat(const struct spk_state_view *view, struct spk_state_stat *out)
{
	uint64_t stored = 0, keys = 0;

	*out = (struct spk_state_stat){ .cached_bytes = (int64_t)view->memory.bytes, .dirty = (int64_t)view->memory.dirty };
	for (int i = 0; i < view->buckets; i++) {
		out->cached += view->bucket[i]->cells.count;
		stored |= view->bucket[i]->stored;
	}
	if (stored && rocksdb_property_int_cf(view->store->db, view->table->cf, "rocksdb.estimate-num-keys", &keys) == 0)
		out->stored_estimate = (int64_t)keys * (view->end_shard - view->first_shard) / SPK_SHARDS;
}

uint64_t spk_view_shards(const struct spk_state_view *view)
{
	uint64_t below = view->end_shard == SPK_SHARDS ? UINT64_MAX : (1ull << view->end_shard) - 1;

	return below & ~((1ull << view->first_shard) - 1);
}

/* Enters the view into the store's lists; fails when its shards are taken. */
static spk_status enlist(struct spk_state_view *view, spk_error *err)
{
	struct spk_store *store = view->store;
	uint64_t mask = spk_view_shards(view);

	pthread_mutex_lock(&store->lock);
	bool taken = view->table->shards & mask;

	if (!taken) {
		view->table->shards |= mask;
		view->next = store->views;
		if (store->views)
			store->views->previous = view;
		store->views = view;
		atomic_fetch_add(&store->view_count, 1);
	}
	pthread_mutex_unlock(&store->lock);
	if (!taken)
		return SPK_OK;
	return spk_fail(err, SPK_INTERNAL, "shards %d to %d of state table '%s' have a view already", view->first_shard,
	                view->end_shard - 1, view->table->name);
}

static void free_view(struct spk_state_view *view)
{
	struct spk_memory_account *account = view->store->cache_account;

	spk_buckets_free(view);
	SPK_ASSERT(!view->memory.bytes, "a view gives all its memory back");
	spk_free(account, view->at, (size_t)view->row_capacity * (sizeof(*view->at) + sizeof(*view->miss)));
	spk_buffer_release(&view->keys);
	spk_free(account, view, sizeof(*view));
}

void spk_state_view_close(struct spk_state_view *view)
{
	if (!view)
		return;
	struct spk_store *store = view->store;

	spk_image_give_back(view);
	pthread_mutex_lock(&store->lock);
	if (view->previous)
		view->previous->next = view->next;
	else
		store->views = view->next;
	if (view->next)
		view->next->previous = view->previous;
	view->table->shards &= ~spk_view_shards(view);
	atomic_fetch_sub(&store->view_count, 1);
	pthread_mutex_unlock(&store->lock);
	free_view(view);
}

/* What RocksDB holds already, so that nobody asks it for anything else. */
static spk_status look_up_stored(struct spk_state_view *view, spk_error *err)
{
	struct spk_bucket *all;

	if (view->table->kind == SPK_TABLE_KEYED)
		SPK_TRY(spk_bucket_add(view, 0, &all, err));
	return spk_buckets_discover(view, err);
}

spk_status spk_state_view_open(struct spk_state_view **out, struct spk_store *store, const char *table, int first_shard, int end_shard, spk_error *err)
{
	struct spk_table *t = spk_store_table(store, table);

	if (!t || !t->added)
		return spk_fail(err, SPK_NOT_FOUND, "no state table '%s' was added", table);
	SPK_ASSERT(first_shard >= 0 && first_shard < end_shard && end_shard <= SPK_SHARDS, "a view has a range of shards");
	struct spk_state_view *view = spk_calloc(store->cache_account, sizeof(*view));

	SPK_TRY_PTR(view, err);
	view->store = store;
	view->table = t;
	view->first_shard = first_shard;
	view->end_shard = end_shard;
	view->memory = (struct spk_cell_memory){ .account = store->cache_account, .total = &store->cached };
	view->keys.account = store->cache_account;
	/* Enough for most writes to need no more: they must not be refused memory when they are to win some. */
	spk_status status = spk_buffer_reserve(&view->keys, 1024, err);

	if (status == SPK_OK)
		status = look_up_stored(view, err);
	if (status == SPK_OK)
		status = enlist(view, err);
	if (status != SPK_OK) {
		free_view(view);
		return status;
	}
	status = spk_image_load(view, err);
	if (status == SPK_OK)
		*out = view;
	else
		spk_state_view_close(view);
	return status;
}
