/* The key map against a plain list of keys. */
#include "core/base/fault.h"
#include "core/base/memory.h"
#include "core/columnar/hash.h"
#include "core/columnar/keymap.h"
#include "tests/core/columnar/random.h"

static spk_error err;

/* Keys in order of first appearance, looked up one by one. */
struct list { char *key[20000]; uint32_t size[20000]; uint32_t count; };

static uint32_t list_number(struct list *l, const char *key, uint32_t size)
{
	for (uint32_t i = 0; i < l->count; i++)
		if (l->size[i] == size && !memcmp(l->key[i], key, size))
			return i;
	l->key[l->count] = memcpy(malloc(size + 1), key, size);
	l->size[l->count] = size;
	return l->count++;
}

static void list_clear(struct list *l)
{
	while (l->count)
		free(l->key[--l->count]);
}

/* `n` keys: of one size when `size` is not 0. Few enough different ones to repeat. Hashes may be poor on purpose. */
static void random_keys(spk_test_rng *rng, struct spk_row_keys *keys, uint64_t *hash, int n, uint32_t size, uint64_t different, bool poor)
{
	keys->bytes.size = 0;
	keys->count = n;
	for (int i = 0; i < n; i++) {
		char key[64] = { 0 };
		uint64_t id = spk_test_below(rng, different);
		uint32_t length = size ? size : (uint32_t)(id * 7 % 41);

		memcpy(key + (length < 8 ? 0 : length - 8), &id, SPK_MIN(length, 8u));
		keys->offset[i] = (uint32_t)keys->bytes.size;
		REQUIRE_OK(spk_buffer_append(&keys->bytes, key, length, &err), err);
		hash[i] = poor ? length % 3 : spk_hash_bytes(key, length);
	}
	keys->offset[n] = (uint32_t)keys->bytes.size;
}

static void check_against_list(struct spk_keymap *m, struct list *list, const struct spk_row_keys *keys, const uint64_t *hash)
{
	static uint32_t number[4096];

	REQUIRE_OK(spk_keymap_put(m, keys, hash, number, &err), err);
	for (int i = 0; i < keys->count; i++) {
		uint32_t size, held_size;
		const char *key = spk_row_key(keys, i, &size), *held;

		CHECK_EQ_INT(number[i], list_number(list, key, size));
		held = spk_keymap_key(m, number[i], &held_size);
		CHECK_EQ_INT(held_size, size);
		CHECK_EQ_MEM(held, key, size);
		CHECK_EQ_INT(spk_keymap_find(m, key, size, hash[i]), number[i]);
	}
	CHECK_EQ_INT(m->count, list->count);
}

static void numbers_are_those_of_a_plain_list(void)
{
	static const uint32_t sizes[] = { 0, 1, 5, 8, 9, 10, 16, 17, 18, 27, 32, 33, 40 };
	static uint64_t hash[4096];
	static struct list list;
	spk_test_rng rng = spk_test_rng_new(1);
	struct spk_memory_account *account = spk_memory_account("test keymap");
	struct spk_row_keys keys = { .offset = calloc(4097, sizeof(uint32_t)) };
	struct spk_keymap m = { .account = account };

	for (size_t s = 0; s < SPK_COUNT_OF(sizes); s++) {
		for (int turn = 0; turn < 3; turn++) {
			bool poor = turn == 2;

			for (int batch = 0; batch < 4; batch++) {
				/* Sizes may change between batches: the map then gives its fast path up. */
				uint32_t size = turn == 1 && batch == 2 ? 11 : sizes[s];

				random_keys(&rng, &keys, hash, poor ? 100 : 700, size, poor ? 60 : 1200, poor);
				check_against_list(&m, &list, &keys, hash);
			}
			CHECK(spk_keymap_bytes(&m) == spk_memory_account_used(account));
			spk_keymap_clear(&m);
			list_clear(&list);
			CHECK_EQ_INT(spk_keymap_find(&m, "", 0, spk_hash_bytes("", 0)), UINT32_MAX);
		}
	}
	spk_keymap_release(&m);
	CHECK_EQ_INT(spk_memory_account_used(account), 0);
	spk_buffer_release(&keys.bytes);
	free(keys.offset);
}

/* Over the size from which the map asks for memory ahead. */
static void large_maps_grow(void)
{
	static uint64_t hash[4096];
	static uint32_t number[4096];
	struct spk_keymap m = { 0 };
	struct spk_row_keys keys = { .offset = calloc(4097, sizeof(uint32_t)) };

	for (uint64_t at = 0; at < 300000; at += 4096) {
		keys.bytes.size = 0;
		keys.count = 4096;
		for (uint64_t i = 0; i < 4096; i++) {
			uint64_t key[2] = { at + i, 7 };

			keys.offset[i] = (uint32_t)keys.bytes.size;
			REQUIRE_OK(spk_buffer_append(&keys.bytes, key, 16, &err), err);
			hash[i] = spk_hash_bytes(key, 16);
		}
		keys.offset[4096] = (uint32_t)keys.bytes.size;
		REQUIRE_OK(spk_keymap_put(&m, &keys, hash, number, &err), err);
		CHECK_EQ_INT(number[0], at);
		CHECK_EQ_INT(number[4095], at + 4095);
	}
	for (uint64_t i = 0; i < 300000; i += 777) {
		uint64_t key[2] = { i, 7 }, absent[2] = { i, 8 };

		CHECK_EQ_INT(spk_keymap_find(&m, (char *)key, 16, spk_hash_bytes(key, 16)), i);
		CHECK_EQ_INT(spk_keymap_find(&m, (char *)absent, 16, spk_hash_bytes(absent, 16)), UINT32_MAX);
	}
	spk_keymap_release(&m);
	spk_buffer_release(&keys.bytes);
	free(keys.offset);
}

static void clearing_keeps_the_memory_and_empties_the_map(void)
{
	struct spk_keymap m = { 0 };
	uint32_t number;
	size_t bytes;

	for (uint32_t i = 0; i < 5000; i++)
		REQUIRE_OK(spk_keymap_put_one(&m, (char *)&i, 4, spk_hash_bytes(&i, 4), &number, &err), err);
	bytes = spk_keymap_bytes(&m);
	/* Full, then nearly empty: both ways of clearing. */
	for (int turn = 0; turn < 3; turn++) {
		spk_keymap_clear(&m);
		CHECK_EQ_INT(spk_keymap_bytes(&m), bytes);
		for (uint32_t i = 0; i < m.capacity; i++)
			CHECK(m.slot[i] == 0);
		for (uint32_t i = 0; i < 40; i++) {
			uint32_t key = i * 3;

			/* One hash for all, so that they lie in a row. */
			REQUIRE_OK(spk_keymap_put_one(&m, (char *)&key, 4, m.capacity - 5, &number, &err), err);
			CHECK_EQ_INT(number, i);
		}
	}
	spk_keymap_release(&m);
	spk_keymap_release(&m);
}

static void a_refused_allocation_can_be_tried_again(void)
{
	int failures = 0;

	for (int nth = 1;; nth++) {
		struct spk_keymap m = { 0 };
		char *specification = spk_test_format("malloc:%d", nth);
		uint32_t number, at = 0;
		int64_t passes;

		REQUIRE_OK(spk_fault_set(specification, &err), err);
		while (at < 500) {
			if (spk_keymap_put_one(&m, (char *)&at, 4, spk_hash_bytes(&at, 4), &number, &err)) {
				failures++;
				continue;
			}
			CHECK_EQ_INT(number, at);
			at++;
		}
		passes = spk_fault_passes(SPK_FAULT_MALLOC);
		REQUIRE_OK(spk_fault_set(NULL, &err), err);
		free(specification);
		for (uint32_t i = 0; i < 500; i++)
			CHECK_EQ_INT(spk_keymap_find(&m, (char *)&i, 4, spk_hash_bytes(&i, 4)), i);
		spk_keymap_release(&m);
		if (passes < nth)
			break;
	}
	CHECK(failures > 8);
}

SPK_TEST_SUITE("core/columnar/keymap",
	{"numbers are those of a plain list", numbers_are_those_of_a_plain_list},
	{"large maps grow", large_maps_grow},
	{"clearing keeps the memory and empties the map", clearing_keeps_the_memory_and_empties_the_map},
	{"a refused allocation can be tried again", a_refused_allocation_can_be_tried_again})
