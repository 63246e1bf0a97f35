/* Which keys a bucketed table surely has nothing of. See bucket_filter.h. */
#include "stream/operator/bucket_filter.h"

#include <string.h>

#include "core/base/check.h"
#include "core/base/memory.h"

enum { LAYERS = 11, BLOCK_WORDS = 8, FIRST_BLOCKS = 8, GROWTH = 4, BITS_PER_KEY = 16, PROBES = 4 };

struct spk_bucket_keys {
	int64_t bucket;
	bool all;                        /* every key may be there */
	int layers;
	uint32_t keys;                   /* in the last layer */
	uint64_t *layer[LAYERS];
};

static uint32_t blocks_of(int layer)
{
	uint32_t blocks = FIRST_BLOCKS;

	for (int i = 0; i < layer; i++)
		blocks *= GROWTH;
	return blocks;
}

static size_t bytes_of(int layer) { return (size_t)blocks_of(layer) * BLOCK_WORDS * sizeof(uint64_t); }

/* The first one that is not smaller. */
static int place_of(const struct spk_bucket_filter *f, int64_t bucket)
{
	int from = 0, to = f->n;

	while (from < to) {
		const int middle = from + (to - from) / 2;

		if (f->at[middle].bucket < bucket)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

static struct spk_bucket_keys *find(const struct spk_bucket_filter *f, int64_t bucket)
{
	const int at = place_of(f, bucket);

	return at < f->n && f->at[at].bucket == bucket ? &f->at[at] : NULL;
}

static void forget_keys(struct spk_bucket_filter *f, struct spk_bucket_keys *b)
{
	for (int i = 0; i < b->layers; i++)
		spk_free(f->account, b->layer[i], bytes_of(i));
	b->layers = 0;
}

static spk_status make(struct spk_bucket_filter *f, int64_t bucket, struct spk_bucket_keys **out, spk_error *err)
{
	const int at = place_of(f, bucket);

	if (at < f->n && f->at[at].bucket == bucket) {
		*out = &f->at[at];
		return SPK_OK;
	}
	if (f->n == f->capacity) {
		const int capacity = SPK_MAX(2 * f->capacity, 16);
		struct spk_bucket_keys *grown = spk_realloc(f->account, f->at, sizeof *grown * (size_t)f->capacity, sizeof *grown * (size_t)capacity);

		SPK_TRY_PTR(grown, err);
		f->at = grown;
		f->capacity = capacity;
	}
	memmove(f->at + at + 1, f->at + at, sizeof *f->at * (size_t)(f->n - at));
	f->at[at] = (struct spk_bucket_keys){ .bucket = bucket };
	f->n++;
	*out = &f->at[at];
	return SPK_OK;
}

spk_status spk_bucket_filter_unknown(struct spk_bucket_filter *f, int64_t bucket, spk_error *err)
{
	struct spk_bucket_keys *b;

	SPK_TRY(make(f, bucket, &b, err));
	forget_keys(f, b);
	b->all = true;
	return SPK_OK;
}

/* --- keys --- */

/* Hashes of one view share their first bits, so they are mixed anew: the first 24 bits say the block, the last 36 which of its bits. */
static uint64_t mix(uint64_t hash)
{
	hash *= 0x9e3779b97f4a7c15ull;
	return (hash ^ hash >> 32) * 0xd6e8feb86659fd93ull;
}

static uint32_t bit_of(uint64_t mixed, int probe) { return (uint32_t)(mixed >> 9 * probe) & 511; }

static uint64_t *block_of(const struct spk_bucket_keys *b, int layer, uint64_t mixed)
{
	return b->layer[layer] + (size_t)((uint32_t)(mixed >> 40) & (blocks_of(layer) - 1)) * BLOCK_WORDS;
}

static bool is_in(const struct spk_bucket_keys *b, uint64_t mixed)
{
	for (int i = 0; i < b->layers; i++) {
		const uint64_t *block = block_of(b, i, mixed);
		bool all = true;

		for (int p = 0; p < PROBES; p++) {
			const uint32_t bit = bit_of(mixed, p);

			all = all && (block[bit / 64] >> bit % 64 & 1);
		}
		if (all)
			return true;
	}
	return false;
}

static bool has_room(const struct spk_bucket_keys *b)
{
	return b->layers && b->keys < blocks_of(b->layers - 1) * (BLOCK_WORDS * 64 / BITS_PER_KEY);
}

spk_status spk_bucket_filter_add(struct spk_bucket_filter *f, int64_t bucket, uint64_t hash, spk_error *err)
{
	const uint64_t mixed = mix(hash);
	struct spk_bucket_keys *b;
	uint64_t *block;

	SPK_TRY(make(f, bucket, &b, err));
	if (b->all || is_in(b, mixed))
		return SPK_OK;
	if (!has_room(b)) {
		uint64_t *layer = b->layers < LAYERS ? spk_calloc(f->account, bytes_of(b->layers)) : NULL;

		if (!layer)
			return spk_bucket_filter_unknown(f, bucket, err);
		b->layer[b->layers++] = layer;
		b->keys = 0;
	}
	block = block_of(b, b->layers - 1, mixed);
	for (int p = 0; p < PROBES; p++) {
		const uint32_t bit = bit_of(mixed, p);

		block[bit / 64] |= (uint64_t)1 << bit % 64;
	}
	b->keys++;
	return SPK_OK;
}

bool spk_bucket_filter_may(const struct spk_bucket_filter *f, int64_t bucket, uint64_t hash)
{
	const struct spk_bucket_keys *b = find(f, bucket);

	return b && (b->all || is_in(b, mix(hash)));
}

void spk_bucket_filter_drop(struct spk_bucket_filter *f, int64_t bucket)
{
	struct spk_bucket_keys *b = find(f, bucket);

	if (!b)
		return;
	forget_keys(f, b);
	f->n--;
	memmove(b, b + 1, sizeof *b * (size_t)(f->at + f->n - b));
}

void spk_bucket_filter_release(struct spk_bucket_filter *f)
{
	for (int i = 0; i < f->n; i++)
		forget_keys(f, &f->at[i]);
	spk_free(f->account, f->at, sizeof *f->at * (size_t)f->capacity);
	*f = (struct spk_bucket_filter){ .account = f->account };
}
