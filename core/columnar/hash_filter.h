/*
 * Which hashes were surely never added: what was not is told so, but for one in fifty.
 *
 * Bloom filters of blocks (F. Putze, P. Sanders, J. Singler, Cache-, Hash- and Space-Efficient Bloom Filters, 2007): four bits for a hash in one cache line, 16 bits
 * of room each, and another filter four times as large when one is full. The first is one line: there may be a filter for every few keys. Zero-initialised with
 * an account (NULL: "other") it is empty. Not thread-safe.
 */
#ifndef SPK_CORE_COLUMNAR_HASH_FILTER_H
#define SPK_CORE_COLUMNAR_HASH_FILTER_H

#include <stdbool.h>
#include <stdint.h>

struct spk_memory_account;

enum { SPK_HASH_FILTER_LAYERS = 12 };

struct spk_hash_filter {
	struct spk_memory_account *account;
	bool all;                        /* anything may have been added */
	int layers;
	uint32_t hashes;                 /* in the last layer */
	uint64_t *layer[SPK_HASH_FILTER_LAYERS];
};

/* Without memory for it, or when it would take a sixteenth of all there is at once, the filter becomes one of anything. */
void spk_hash_filter_add(struct spk_hash_filter *f, uint64_t hash);
bool spk_hash_filter_may(const struct spk_hash_filter *f, uint64_t hash);
/* Of what was added nobody has said anything; gives its memory back. */
void spk_hash_filter_unknown(struct spk_hash_filter *f);
/* Empty again. */
void spk_hash_filter_release(struct spk_hash_filter *f);

#endif
