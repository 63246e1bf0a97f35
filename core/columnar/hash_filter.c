/* Which hashes were surely never added. See hash_filter.h. */
#include "core/columnar/hash_filter.h"

#include <stddef.h>

#include "core/base/check.h"
#include "core/base/memory.h"

enum { BLOCK_WORDS = 8, FIRST_BLOCKS = 1, GROWTH = 4, BITS_PER_HASH = 16, PROBES = 4, MOST_PART = 16 };

static uint32_t blocks_of(int layer)
{
	uint32_t blocks = FIRST_BLOCKS;

	for (int i = 0; i < layer; i++)
		blocks *= GROWTH;
	return blocks;
}

static size_t bytes_of(int layer) { return (size_t)blocks_of(layer) * BLOCK_WORDS * sizeof(uint64_t); }

/* Hashes of one task share their first bits, so they are mixed anew: the first 24 bits say the block, the last 36 which of its bits. */
static uint64_t mix(uint64_t hash)
{
	hash *= 0x9e3779b97f4a7c15ull;
	return (hash ^ hash >> 32) * 0xd6e8feb86659fd93ull;
}

static uint32_t bit_of(uint64_t mixed, int probe) { return (uint32_t)(mixed >> 9 * probe) & 511; }

static uint64_t *block_of(const struct spk_hash_filter *f, int layer, uint64_t mixed)
{
	return f->layer[layer] + (size_t)((uint32_t)(mixed >> 40) & (blocks_of(layer) - 1)) * BLOCK_WORDS;
}

static bool is_in(const struct spk_hash_filter *f, uint64_t mixed)
{
	/* The last one has most of them. */
	for (int i = f->layers - 1; i >= 0; i--) {
		const uint64_t *block = block_of(f, i, mixed);
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

static bool has_room(const struct spk_hash_filter *f)
{
	return f->layers && f->hashes < blocks_of(f->layers - 1) * (BLOCK_WORDS * 64 / BITS_PER_HASH);
}

void spk_hash_filter_add(struct spk_hash_filter *f, uint64_t hash)
{
	const uint64_t mixed = mix(hash);
	uint64_t *block;

	if (f->all || is_in(f, mixed))
		return;
	if (!has_room(f)) {
		const bool small = f->layers < SPK_HASH_FILTER_LAYERS && bytes_of(f->layers) <= spk_memory_limit() / MOST_PART;
		uint64_t *layer = small ? spk_calloc(f->account, bytes_of(f->layers)) : NULL;

		if (!layer) {
			spk_hash_filter_unknown(f);
			return;
		}
		f->layer[f->layers++] = layer;
		f->hashes = 0;
	}
	block = block_of(f, f->layers - 1, mixed);
	for (int p = 0; p < PROBES; p++) {
		const uint32_t bit = bit_of(mixed, p);

		block[bit / 64] |= (uint64_t)1 << bit % 64;
	}
	f->hashes++;
}

bool spk_hash_filter_may(const struct spk_hash_filter *f, uint64_t hash)
{
	return f->all || is_in(f, mix(hash));
}

void spk_hash_filter_unknown(struct spk_hash_filter *f)
{
	spk_hash_filter_release(f);
	f->all = true;
}

void spk_hash_filter_release(struct spk_hash_filter *f)
{
	for (int i = 0; i < f->layers; i++)
		spk_free(f->account, f->layer[i], bytes_of(i));
	*f = (struct spk_hash_filter){ .account = f->account };
}
