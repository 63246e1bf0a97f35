/* The buckets of a view, sorted. A keyed table's view has one bucket for everything, so that all else need not know the difference. */
#include "core/base/check.h"
#include "core/base/fault.h"
#include "core/base/memory.h"
#include "state/internal.h"

/* Index of the first bucket that is not below. */
static int lower(const struct spk_state_view *view, int64_t bucket)
{
	int low = 0, high = view->buckets;

	while (low < high) {
		int middle = low + (high - low) / 2;

		if (view->bucket[middle]->bucket < bucket)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct spk_bucket *spk_bucket_find(const struct spk_state_view *view, int64_t bucket)
{
	int at = lower(view, bucket);

	return at < view->buckets && view->bucket[at]->bucket == bucket ? view->bucket[at] : NULL;
}

int64_t spk_state_next_bucket(const struct spk_state_view *view, int64_t from)
{
	for (int i = lower(view, from); i < view->buckets; i++)
		if (view->bucket[i]->stored || view->bucket[i]->cells.live)
			return view->bucket[i]->bucket;
	return INT64_MAX;
}

int64_t spk_state_first_bucket(const struct spk_state_view *view)
{
	return spk_state_next_bucket(view, INT64_MIN);
}

/* Room for one more behind the last. Where many went at the front their places are used first. */
static spk_status make_room(struct spk_state_view *view, spk_error *err)
{
	const int gone = (int)(view->bucket - view->bucket_room);

	if (gone + view->buckets < view->bucket_capacity)
		return SPK_OK;
	if (gone && gone >= view->bucket_capacity / 4) {
		memmove(view->bucket_room, view->bucket, (size_t)view->buckets * sizeof(*view->bucket));
		view->bucket = view->bucket_room;
		return SPK_OK;
	}
	int capacity = view->bucket_capacity ? view->bucket_capacity * 2 : 8;
	struct spk_bucket **grown = spk_realloc(view->store->cache_account, view->bucket_room,
	                                        (size_t)view->bucket_capacity * sizeof(*grown), (size_t)capacity * sizeof(*grown));

	SPK_TRY_PTR(grown, err);
	view->bucket_room = grown;
	view->bucket = grown + gone;
	view->bucket_capacity = capacity;
	return SPK_OK;
}

spk_status spk_bucket_add(struct spk_state_view *view, int64_t bucket, struct spk_bucket **out, spk_error *err)
{
	int at = lower(view, bucket);

	if (at < view->buckets && view->bucket[at]->bucket == bucket) {
		*out = view->bucket[at];
		return SPK_OK;
	}
	SPK_TRY(make_room(view, err));
	struct spk_bucket *b = spk_calloc(view->store->cache_account, sizeof(*b));

	SPK_TRY_PTR(b, err);
	b->bucket = bucket;
	b->keys.account = view->store->cache_account;
	spk_cells_init(&b->cells, &view->memory);
	memmove(view->bucket + at + 1, view->bucket + at, (size_t)(view->buckets - at) * sizeof(*view->bucket));
	view->bucket[at] = b;
	view->buckets++;
	*out = b;
	return SPK_OK;
}

static void bucket_free(struct spk_state_view *view, struct spk_bucket *b)
{
	spk_cells_clear(&b->cells);
	spk_hash_filter_release(&b->keys);
	spk_free(view->store->cache_account, b, sizeof(*b));
}

void spk_bucket_drop(struct spk_state_view *view, struct spk_bucket *b)
{
	int at = lower(view, b->bucket);

	SPK_ASSERT(at < view->buckets && view->bucket[at] == b, "a bucket of the view");
	view->buckets--;
	/* The smaller ones are moved where they are fewer: it is mostly the first that goes, of many. */
	if (at < view->buckets / 2) {
		memmove(view->bucket + 1, view->bucket, (size_t)at * sizeof(*view->bucket));
		view->bucket++;
	} else {
		memmove(view->bucket + at, view->bucket + at + 1, (size_t)(view->buckets - at) * sizeof(*view->bucket));
	}
	bucket_free(view, b);
}

void spk_buckets_prune(struct spk_state_view *view)
{
	int kept = 0;

	if (view->table->kind != SPK_TABLE_BUCKETED)
		return;
	for (int i = 0; i < view->buckets; i++) {
		struct spk_bucket *b = view->bucket[i];

		if (b->stored || b->cells.count)
			view->bucket[kept++] = b;
		else
			bucket_free(view, b);
	}
	view->buckets = kept;
}

void spk_buckets_free(struct spk_state_view *view)
{
	for (int i = 0; i < view->buckets; i++)
		bucket_free(view, view->bucket[i]);
	spk_free(view->store->cache_account, view->bucket_room, (size_t)view->bucket_capacity * sizeof(*view->bucket));
	view->bucket = view->bucket_room = NULL;
	view->buckets = view->bucket_capacity = 0;
}

/* Notes the shard's buckets: reads a key, then seeks to the first one behind its bucket. */
static spk_status discover_shard(struct spk_state_view *view, rocksdb_iterator_t *it, int shard, spk_error *err)
{
	char prefix[SPK_STATE_PREFIX_MAX] = { (char)shard };
	int prefix_size = view->table->kind == SPK_TABLE_BUCKETED ? SPK_STATE_PREFIX_MAX : 1;

	for (rocksdb_iter_seek(it, prefix, 1); rocksdb_iter_valid(it); rocksdb_iter_seek(it, prefix, (size_t)prefix_size)) {
		size_t size;
		const char *key = rocksdb_iter_key(it, &size);
		struct spk_bucket *b;

		if (size < (size_t)prefix_size)
			return spk_fail(err, SPK_CORRUPT, "state table '%s' holds a key of %zu bytes", view->table->name, size);
		if (key[0] != (char)shard)
			break;
		SPK_TRY(spk_bucket_add(view, prefix_size == 1 ? 0 : spk_state_bucket_of(key), &b, err));
		b->stored |= 1ull << shard;
		spk_hash_filter_unknown(&b->keys);
		spk_state_prefix_end(key, prefix_size, prefix);
		if (prefix[0] != (char)shard)
			break;
	}
	return SPK_OK;
}

spk_status spk_buckets_discover(struct spk_state_view *view, spk_error *err)
{
	struct spk_store *store = view->store;
	spk_status status = spk_fault(SPK_FAULT_STATE_READ, err);
	char *message = NULL;

	if (status != SPK_OK || !atomic_load(&view->table->stored))
		return status;
	rocksdb_readoptions_t *options = rocksdb_readoptions_create();

	rocksdb_readoptions_set_fill_cache(options, 0);
	rocksdb_iterator_t *it = rocksdb_create_iterator_cf(store->db, options, view->table->cf);

	for (int shard = view->first_shard; shard < view->end_shard && status == SPK_OK; shard++)
		status = discover_shard(view, it, shard, err);
	rocksdb_iter_get_error(it, &message);
	rocksdb_iter_destroy(it);
	rocksdb_readoptions_destroy(options);
	if (message)
		return spk_state_fail(store, message, "looking for buckets", err);
	return status;
}
