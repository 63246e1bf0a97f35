/*
 * A hash table from row keys to dense numbers 0, 1, 2, ... in order of first appearance: the heart of aggregation, distinct,
 * joins and the fold of an epoch. Payloads live outside, in arrays indexed by those numbers.
 *
 * Open addressing on 64-bit hashes; key bytes are kept in the map. While all keys have one size, comparing them is a few
 * loads (sizes 8 to 32). Zero-initialised with an account (or without: "other") it is empty and valid.
 * Not thread-safe. Reserves from its memory account.
 */
#ifndef SPK_CORE_COLUMNAR_KEYMAP_H
#define SPK_CORE_COLUMNAR_KEYMAP_H

#include "core/columnar/rowkey.h"

struct spk_keymap {
	struct spk_memory_account *account;
	uint32_t *slot;                 /* number + 1, 0 = free; capacity is a power of two */
	uint32_t capacity;
	uint32_t count;
	uint64_t *hash;                 /* by number */
	uint32_t *key_offset;           /* by number, count + 1 */
	struct spk_buffer key_bytes;
	uint32_t numbers_capacity;
	uint32_t key_size;              /* of all keys while they have one size, SPK_KEY_SIZE_VARIES after */
};

enum { SPK_KEY_SIZE_VARIES = 0x7fffffff };

void spk_keymap_release(struct spk_keymap *m);
void spk_keymap_clear(struct spk_keymap *m);  /* keeps the memory */
/* number[i] of key i for all keys (hash[i] its hash), adding new ones. After a failure the keys before the one that did not
 * fit are in the map; the call may be repeated. MEMORY_LIMIT also beyond 4 GiB of key bytes. */
spk_status spk_keymap_put(struct spk_keymap *m, const struct spk_row_keys *keys, const uint64_t *hash, uint32_t *number, spk_error *err);
spk_status spk_keymap_put_one(struct spk_keymap *m, const char *key, uint32_t size, uint64_t hash, uint32_t *number, spk_error *err);
/* UINT32_MAX when it is not there. */
uint32_t spk_keymap_find(const struct spk_keymap *m, const char *key, uint32_t size, uint64_t hash);
static inline const char *spk_keymap_key(const struct spk_keymap *m, uint32_t number, uint32_t *size)
{
	*size = m->key_offset[number + 1] - m->key_offset[number];
	return m->key_bytes.data + m->key_offset[number];
}
/* Bytes held. */
size_t spk_keymap_bytes(const struct spk_keymap *m);

#endif
