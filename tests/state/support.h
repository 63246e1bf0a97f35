/* Batches of keys by number, and values that follow from a seed. */
#ifndef SPK_TESTS_STATE_SUPPORT_H
#define SPK_TESTS_STATE_SUPPORT_H

#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/columnar/hash.h"
#include "state/state.h"
#include "tests/support/test.h"

/* RocksDB is not built with ThreadSanitizer; what its threads do through libstdc++ is not told to be its own by tools/tsan.supp. */
__attribute__((visibility("default"), used)) const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void) { return "called_from_lib:libstdc++.so\n"; }

enum { KEY_MAX = 24, BATCH_MAX = 4096 };

struct key { char bytes[KEY_MAX]; uint32_t size; uint64_t hash; };

static inline int compare_key(const void *left, const void *right)
{
	const struct key *a = left, *b = right;
	uint32_t common = a->size < b->size ? a->size : b->size;
	int sa = spk_shard_of(a->hash).value, sb = spk_shard_of(b->hash).value;
	int c = sa != sb ? sa - sb : memcmp(a->bytes, b->bytes, common);

	return c ? c : (a->size > b->size) - (a->size < b->size);
}

/* Key number n: short or long, with zero bytes and common prefixes, all different. */
static inline struct key make_key(uint32_t n)
{
	struct key k = { .size = 0 };
	uint32_t mixed = n * 2654435761u, at = 0;

	if (n) {
		/* A third have their first 11 bytes in common. */
		k.bytes[at++] = (char)(n % 3 ? mixed >> 24 : 7);
		k.bytes[at++] = 0;
		at += n % 3 ? 0 : 9;
		memcpy(k.bytes + at, &n, sizeof(n));
		at += (uint32_t)sizeof(n);
		k.size = at + mixed % (KEY_MAX + 1 - at);
	}
	k.hash = spk_hash_bytes(k.bytes, k.size);
	return k;
}

/* A batch for the calls of state.h. */
struct batch {
	struct spk_row_keys keys;
	uint32_t offset[BATCH_MAX + 1];
	uint64_t hash[BATCH_MAX];
	int64_t bucket[BATCH_MAX];
	int id[BATCH_MAX];
	struct spk_state_value value[BATCH_MAX];
};

static inline void batch_clear(struct batch *b)
{
	spk_buffer_clear(&b->keys.bytes);
	b->keys.offset = b->offset;
	b->keys.count = 0;
	b->offset[0] = 0;
}

static inline void batch_add(struct batch *b, const struct key *k, int id, int64_t bucket, struct spk_state_value value)
{
	int i = b->keys.count++;
	spk_error err = { 0 };

	REQUIRE_OK(spk_buffer_append(&b->keys.bytes, k->bytes, k->size, &err), err);
	b->offset[i + 1] = b->offset[i] + k->size;
	b->hash[i] = k->hash;
	b->bucket[i] = bucket;
	b->id[i] = id;
	b->value[i] = value;
}

static inline void batch_free(struct batch *b)
{
	spk_buffer_release(&b->keys.bytes);
	free(b);
}

static inline size_t account(const char *name) { return spk_memory_account_used(spk_memory_account(name)); }

/* Files of the folder that have this in their name. */
static inline int count_files(const char *dir, const char *part)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_dir_entries e = { 0 };
	spk_error err = { 0 };
	int n = 0;

	REQUIRE_OK(spk_dir_list(dir, arena, &e, &err), err);
	for (int i = 0; i < e.count; i++)
		n += strstr(e.name[i], part) != NULL;
	spk_arena_unref(arena);
	return n;
}

/* --- stores with numbered keys --- */

static const struct spk_store_options small = { .cache_bytes = 256 * 1024, .block_cache_bytes = 1 << 20 };

static inline struct spk_store *open_in(const char *dir)
{
	struct spk_store *s = NULL;
	spk_error err = { 0 };

	REQUIRE_OK(spk_store_open(&s, dir, &small, &err), err);
	return s;
}

static inline struct spk_state_view *open_view(struct spk_store *s, const char *table, enum spk_table_kind kind)
{
	struct spk_state_view *v = NULL;
	spk_error err = { 0 };

	REQUIRE_OK(spk_store_add_table(s, table, kind, 1, "f", &err), err);
	REQUIRE_OK(spk_state_view_open(&v, s, table, 0, SPK_SHARDS, &err), err);
	return v;
}

/* Keys first .. first + count get their number as value, in the bucket (keyed: any). */
static inline spk_status put_range(struct spk_state_view *v, struct batch *b, int first, int count, int64_t bucket, bool keyed, spk_error *err)
{
	static int numbers[1 << 16];

	batch_clear(b);
	for (int i = 0; i < count; i++) {
		struct key k = make_key((uint32_t)(first + i));

		numbers[first + i] = first + i;
		batch_add(b, &k, 0, bucket, (struct spk_state_value){ .data = (char *)&numbers[first + i], .size = sizeof(int) });
	}
	return spk_state_put(v, &b->keys, b->hash, keyed ? NULL : b->bucket, b->value, err);
}

/* How many of the keys have their number as value. */
static inline int get_range(struct spk_state_view *v, struct batch *b, int first, int count, int64_t bucket, bool keyed)
{
	int found = 0;
	spk_error err = { 0 };

	batch_clear(b);
	for (int i = 0; i < count; i++) {
		struct key k = make_key((uint32_t)(first + i));

		batch_add(b, &k, 0, bucket, (struct spk_state_value){ 0 });
	}
	REQUIRE_OK(spk_state_get(v, &b->keys, b->hash, keyed ? NULL : b->bucket, b->value, &err), err);
	for (int i = 0; i < count; i++) {
		int want = first + i;

		found += spk_state_found(&b->value[i]) && b->value[i].size == sizeof(int) && memcmp(b->value[i].data, &want, sizeof(int)) == 0;
	}
	return found;
}

static inline spk_status count_entry(void *user, const char *key, uint32_t key_size, const char *value, uint32_t value_size, spk_error *err)
{
	(void)key;
	(void)key_size;
	(void)value;
	(void)value_size;
	(void)err;
	++*(int *)user;
	return SPK_OK;
}

static inline spk_status count_any(void *user, int64_t bucket, const char *key, uint32_t key_size, const char *value, uint32_t value_size, spk_error *err)
{
	(void)bucket;
	return count_entry(user, key, key_size, value, value_size, err);
}

#endif
