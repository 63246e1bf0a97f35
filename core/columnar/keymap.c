/*
 * The key map: linear probing over 32-bit numbers, at most half full.
 *
 * A probe reads a slot, then the hash of the number in it, then the key: three places. In a table larger than the caches
 * each is a miss, so a put of many keys asks for the first two some keys ahead.
 */
#include "core/columnar/keymap.h"

#include "core/base/memory.h"

enum {
	FIRST_CAPACITY = 64,
	FIRST_NUMBERS = 32,
	AHEAD = 16,                     /* keys between asking for a slot and probing it */
	PREFETCH_CAPACITY = 1 << 14,    /* smaller tables are in the cache anyway */
};

void spk_keymap_release(struct spk_keymap *m)
{
	size_t numbers = m->numbers_capacity;

	spk_free(m->account, m->slot, m->capacity * sizeof(*m->slot));
	spk_free(m->account, m->hash, numbers * sizeof(*m->hash));
	spk_free(m->account, m->key_offset, (numbers + 1) * sizeof(*m->key_offset));
	spk_buffer_release(&m->key_bytes);
	*m = (struct spk_keymap){ .account = m->account };
}

void spk_keymap_clear(struct spk_keymap *m)
{
	uint32_t mask = m->capacity - 1;

	/* A table that was large once must not cost its size at every clear: few numbers are looked up and taken out. */
	if (m->count < m->capacity / 16) {
		for (uint32_t n = 0; n < m->count; n++) {
			uint32_t at = (uint32_t)m->hash[n] & mask;

			while (m->slot[at] != n + 1)
				at = (at + 1) & mask;
			m->slot[at] = 0;
		}
	} else if (m->slot) {
		memset(m->slot, 0, m->capacity * sizeof(*m->slot));
	}
	m->count = 0;
	m->key_size = 0;
	spk_buffer_clear(&m->key_bytes);
}

static spk_status grow_slots(struct spk_keymap *m, spk_error *err)
{
	uint32_t capacity = m->capacity ? m->capacity * 2 : FIRST_CAPACITY, mask = capacity - 1;
	uint32_t *slot;

	if (m->capacity > UINT32_MAX / 2)
		return spk_fail(err, SPK_MEMORY_LIMIT, "a hash table of more than %u keys", m->capacity / 2);
	slot = spk_calloc(m->account, capacity * sizeof(*slot));
	SPK_TRY_PTR(slot, err);
	for (uint32_t n = 0; n < m->count; n++) {
		uint32_t at = (uint32_t)m->hash[n] & mask;

		while (slot[at])
			at = (at + 1) & mask;
		slot[at] = n + 1;
	}
	spk_free(m->account, m->slot, m->capacity * sizeof(*m->slot));
	m->slot = slot;
	m->capacity = capacity;
	return SPK_OK;
}

static spk_status grow_numbers(struct spk_keymap *m, spk_error *err)
{
	size_t old = m->numbers_capacity, now = old ? old * 2 : FIRST_NUMBERS;
	uint32_t *offset;
	uint64_t *hash;

	offset = spk_malloc(m->account, (now + 1) * sizeof(*offset));
	SPK_TRY_PTR(offset, err);
	hash = spk_realloc(m->account, m->hash, old * sizeof(*hash), now * sizeof(*hash));
	if (!hash) {
		spk_free(m->account, offset, (now + 1) * sizeof(*offset));
		return spk_fail_memory(err);
	}
	offset[0] = 0;
	if (old)
		memcpy(offset, m->key_offset, (old + 1) * sizeof(*offset));
	spk_free(m->account, m->key_offset, (old + 1) * sizeof(*offset));
	m->key_offset = offset;
	m->hash = hash;
	m->numbers_capacity = (uint32_t)now;
	return SPK_OK;
}

static inline uint64_t load64(const char *p)
{
	uint64_t w;

	memcpy(&w, p, 8);
	return w;
}

/* Sameness of two keys of one size: up to 32 bytes by words that may overlap. */
static inline bool same_bytes(const char *a, const char *b, uint32_t size)
{
	if (size - 8 <= 8)
		return !((load64(a) ^ load64(b)) | (load64(a + size - 8) ^ load64(b + size - 8)));
	if (size - 16 <= 16)
		return !((load64(a) ^ load64(b)) | (load64(a + 8) ^ load64(b + 8)) | (load64(a + size - 16) ^ load64(b + size - 16)) |
		         (load64(a + size - 8) ^ load64(b + size - 8)));
	return memcmp(a, b, size) == 0;
}

/* Number `n`'s key is these bytes. */
static inline bool same_key(const struct spk_keymap *m, uint32_t n, const char *key, uint32_t size)
{
	uint32_t length;
	const char *held;

	if (m->key_size == size)
		return !size || same_bytes(m->key_bytes.data + (size_t)n * size, key, size);
	held = spk_keymap_key(m, n, &length);
	return length == size && (!size || same_bytes(held, key, size));
}

/* The slot of the key, or the free one where it belongs. The table is never full. */
static inline uint32_t probe(const struct spk_keymap *m, const char *key, uint32_t size, uint64_t hash)
{
	uint32_t mask = m->capacity - 1, at = (uint32_t)hash & mask, held;

	while ((held = m->slot[at]) != 0) {
		if (m->hash[held - 1] == hash && same_key(m, held - 1, key, size))
			break;
		at = (at + 1) & mask;
	}
	return at;
}

static spk_status insert(struct spk_keymap *m, uint32_t at, const char *key, uint32_t size, uint64_t hash, spk_error *err)
{
	uint32_t n = m->count;

	if (m->key_bytes.size + size > UINT32_MAX)
		return spk_fail(err, SPK_MEMORY_LIMIT, "a hash table of more than 4 GiB of keys");
	if (n == m->numbers_capacity)
		SPK_TRY(grow_numbers(m, err));
	m->key_bytes.account = m->account;
	SPK_TRY(spk_buffer_append(&m->key_bytes, key, size, err));
	if (!n)
		m->key_size = size;
	else if (m->key_size != size)
		m->key_size = SPK_KEY_SIZE_VARIES;
	m->hash[n] = hash;
	m->key_offset[n + 1] = (uint32_t)m->key_bytes.size;
	m->slot[at] = n + 1;
	m->count = n + 1;
	return SPK_OK;
}

static inline spk_status put(struct spk_keymap *m, const char *key, uint32_t size, uint64_t hash, uint32_t *number, spk_error *err)
{
	uint32_t at = probe(m, key, size, hash);

	if (SPK_LIKELY(m->slot[at] != 0)) {
		*number = m->slot[at] - 1;
		return SPK_OK;
	}
	SPK_TRY(insert(m, at, key, size, hash, err));
	*number = m->count - 1;
	return SPK_OK;
}

/* Room for one key more. Doubling is asked for before the probe, because it moves the slots. */
static inline spk_status make_room(struct spk_keymap *m, spk_error *err)
{
	return SPK_UNLIKELY(m->count >= m->capacity / 2) ? grow_slots(m, err) : SPK_OK;
}

static inline void ask_ahead(const struct spk_keymap *m, const uint64_t *hash, int i, int n)
{
	uint32_t mask = m->capacity - 1, held;

	if (i + 2 * AHEAD < n)
		__builtin_prefetch(&m->slot[(uint32_t)hash[i + 2 * AHEAD] & mask]);
	if (i + AHEAD < n) {
		held = m->slot[(uint32_t)hash[i + AHEAD] & mask];
		if (held) {
			__builtin_prefetch(&m->hash[held - 1]);
			if (m->key_size != SPK_KEY_SIZE_VARIES)
				__builtin_prefetch(m->key_bytes.data + (size_t)(held - 1) * m->key_size);
			else
				__builtin_prefetch(&m->key_offset[held - 1]);
		}
	}
}

spk_status spk_keymap_put(struct spk_keymap *m, const struct spk_row_keys *keys, const uint64_t *hash, uint32_t *number, spk_error *err)
{
	for (int i = 0; i < keys->count; i++) {
		uint32_t size;
		const char *key = spk_row_key(keys, i, &size);

		SPK_TRY(make_room(m, err));
		if (m->capacity >= PREFETCH_CAPACITY)
			ask_ahead(m, hash, i, keys->count);
		SPK_TRY(put(m, key, size, hash[i], &number[i], err));
	}
	return SPK_OK;
}

spk_status spk_keymap_put_one(struct spk_keymap *m, const char *key, uint32_t size, uint64_t hash, uint32_t *number, spk_error *err)
{
	SPK_TRY(make_room(m, err));
	return put(m, key, size, hash, number, err);
}

uint32_t spk_keymap_find(const struct spk_keymap *m, const char *key, uint32_t size, uint64_t hash)
{
	return m->count ? m->slot[probe(m, key, size, hash)] - 1 : UINT32_MAX;
}

size_t spk_keymap_bytes(const struct spk_keymap *m)
{
	return m->capacity * sizeof(*m->slot) + m->numbers_capacity * (sizeof(*m->hash) + sizeof(*m->key_offset)) +
	       (m->key_offset ? sizeof(*m->key_offset) : 0) + m->key_bytes.capacity;
}
