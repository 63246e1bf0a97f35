/*
 * What state costs per row: bench_state [keys]. CPU of the calling thread alone (compaction is RocksDB's threads'); batches of 4096 rows,
 * 12-byte keys, 24-byte values.
 *
 *   update   get and put of keys that are all in the cache
 *   window   a bucket is filled, then taken: never in RocksDB
 *   beyond   as update, but the cache holds an eighth of the keys
 *   flush    dirty cells to RocksDB
 *   restart  get of everything after opening a clone
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/check.h"
#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/columnar/hash.h"
#include "state/state.h"

enum { ROWS = 4096, KEY = 12, VALUE = 24 };

struct batch {
	struct spk_row_keys keys;
	uint32_t offset[ROWS + 1];
	char bytes[ROWS * KEY];
	uint64_t hash[ROWS];
	int64_t bucket[ROWS];
	struct spk_state_value value[ROWS];
	char values[ROWS * VALUE];
};

static char dir[] = "/tmp/bench_state.XXXXXX";

static void must(spk_status status, const spk_error *err)
{
	if (status == SPK_OK)
		return;
	fprintf(stderr, "%s: %s\n", spk_status_text(status), err->message);
	exit(1);
}

static void fill(struct batch *b, uint64_t first, uint64_t step, uint64_t keys, int64_t bucket)
{
	b->keys = (struct spk_row_keys){ .bytes = { .data = b->bytes, .size = sizeof(b->bytes) }, .offset = b->offset, .count = ROWS };
	for (int i = 0; i < ROWS; i++) {
		uint64_t key = __builtin_bswap64((first + (uint64_t)i * step) % keys);

		b->offset[i + 1] = (uint32_t)(i + 1) * KEY;
		memcpy(b->bytes + i * KEY + 4, &key, sizeof(key));
		b->hash[i] = spk_hash_bytes(b->bytes + i * KEY, KEY);
		b->bucket[i] = bucket;
		b->value[i] = (struct spk_state_value){ .data = b->values + i * VALUE, .size = VALUE };
	}
}

static void report(const char *what, int64_t start_us, uint64_t rows)
{
	printf("%-10s %8.1f ns/row %12llu rows  cache %6.1f MiB\n", what, (double)(spk_clock_thread_cpu_us() - start_us) * 1000 / (double)rows,
	       (unsigned long long)rows, (double)spk_memory_account_used(spk_memory_account("state cache")) / (1 << 20));
}

/* Reads and writes `rounds` batches of keys in an order that is not that of memory. */
static void update(struct spk_state_view *v, struct batch *b, uint64_t keys, int rounds, const char *what)
{
	struct spk_state_value *got = calloc(ROWS, sizeof(*got));
	spk_error err = { 0 };
	int64_t spent = 0;

	for (int r = 0; r < rounds; r++) {
		fill(b, (uint64_t)r * 7919, 104729, keys, 0);
		int64_t start = spk_clock_thread_cpu_us();

		must(spk_state_get(v, &b->keys, b->hash, NULL, got, &err), &err);
		must(spk_state_put(v, &b->keys, b->hash, NULL, b->value, &err), &err);
		spent += spk_clock_thread_cpu_us() - start;
	}
	report(what, spk_clock_thread_cpu_us() - spent, (uint64_t)rounds * ROWS);
	free(got);
}

static spk_status ignore(void *user, const char *key, uint32_t key_size, const char *value, uint32_t value_size, spk_error *err)
{
	(void)key;
	(void)value;
	(void)err;
	*(uint64_t *)user += key_size + value_size > 0;
	return SPK_OK;
}

static void windows(struct spk_store *s, struct batch *b, uint64_t keys)
{
	struct spk_state_view *v;
	spk_error err = { 0 };
	uint64_t put = 0, taken = 0;
	int64_t spent = 0;

	must(spk_store_add_table(s, "w", SPK_TABLE_BUCKETED, 1, "", &err), &err);
	must(spk_state_view_open(&v, s, "w", 0, SPK_SHARDS, &err), &err);
	for (int64_t w = 0; w < 3; w++) {
		int64_t start = spk_clock_thread_cpu_us();

		for (uint64_t k = 0; k < keys; k += ROWS, put += ROWS) {
			fill(b, k, 1, UINT64_MAX, w);
			must(spk_state_get(v, &b->keys, b->hash, b->bucket, b->value, &err), &err);
			fill(b, k, 1, UINT64_MAX, w);
			must(spk_state_put(v, &b->keys, b->hash, b->bucket, b->value, &err), &err);
		}
		if (w == 0)
			report("fill", start, put);
		start = spk_clock_thread_cpu_us();
		must(spk_state_take_bucket(v, w, ignore, &taken, &err), &err);
		spent += spk_clock_thread_cpu_us() - start;
	}
	report("take", spk_clock_thread_cpu_us() - spent, taken);
	spk_state_view_close(v);
}

static void keyed(size_t cache_bytes, struct batch *b, uint64_t keys, const char *name)
{
	struct spk_store_options options = { .cache_bytes = cache_bytes, .block_cache_bytes = 64 << 20 };
	struct spk_store *s;
	struct spk_state_view *v;
	spk_error err = { 0 };
	char live[64], snap[64];

	snprintf(live, sizeof(live), "%s/%s", dir, name);
	snprintf(snap, sizeof(snap), "%s/%s.snap", dir, name);
	must(spk_store_open(&s, live, &options, &err), &err);
	must(spk_store_add_table(s, "k", SPK_TABLE_KEYED, 1, "", &err), &err);
	must(spk_state_view_open(&v, s, "k", 0, SPK_SHARDS, &err), &err);
	for (uint64_t k = 0; k < keys; k += ROWS) {
		fill(b, k, 1, keys, 0);
		must(spk_state_put(v, &b->keys, b->hash, NULL, b->value, &err), &err);
	}
	update(v, b, keys, 200, name);
	int64_t start = spk_clock_thread_cpu_us();
	struct spk_state_stat stat;

	spk_state_view_stat(v, &stat);
	must(spk_store_flush(s, &err), &err);
	if (stat.dirty)
		report("flush", start, (uint64_t)stat.dirty);
	must(spk_store_snapshot(s, snap, &err), &err);
	windows(s, b, SPK_MIN(keys, 200000));
	spk_state_view_close(v);
	spk_store_close(s);

	must(spk_store_open(&s, snap, &options, &err), &err);
	must(spk_store_add_table(s, "k", SPK_TABLE_KEYED, 1, "", &err), &err);
	must(spk_state_view_open(&v, s, "k", 0, SPK_SHARDS, &err), &err);
	update(v, b, keys, 20, "restart");
	spk_state_view_close(v);
	spk_store_close(s);
}

int main(int argc, char **argv)
{
	uint64_t keys = argc > 1 ? strtoull(argv[1], NULL, 10) : 500000;
	struct batch *b = calloc(1, sizeof(*b));

	if (!b || !mkdtemp(dir) || !keys)
		return 1;
	spk_memory_set_limit((size_t)4 << 30);
	keyed((size_t)2 << 30, b, keys, "update");
	keyed(keys * 90 / 8, b, keys, "beyond");
	free(b);
	return spk_dir_remove(dir, NULL) != SPK_OK;
}
