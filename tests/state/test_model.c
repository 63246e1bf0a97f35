/*
 * State against a plain model: random gets, puts, deletes, takes, scans, flushes, snapshots and restarts from them with the shards split otherwise, with caches so
 * small that nearly everything is evicted all the time, and with failing RocksDB calls in between. Order is checked too.
 */
#include "core/base/check.h"
#include "core/base/fault.h"
#include "core/base/log.h"
#include "tests/state/support.h"

enum { KEYS = 400, VIEWS = 3, BUCKETS = 9, TABLES = 2 };
enum { KEYED, BUCKETED };

static const int64_t bucket_values[BUCKETS] = { INT64_MIN, -5000, -1, 0, 1, 256, 1000000, 1ll << 40, INT64_MAX - 1 };
/* Views are opened over one of these, another one after a restart. */
static const int splits[][VIEWS + 1] = { { 0, 5, 40, 64 }, { 0, 32, 40, 64 }, { 0, 20, 59, 64 }, { 0, 5, 33, 64 } };

/* Seed 0: no value. Size and bytes follow from the seed. */
struct model { uint32_t seed[TABLES][BUCKETS][KEYS]; };

struct world {
	spk_test_rng rng;
	struct key key[KEYS];              /* sorted by (shard, bytes) */
	int first_key[VIEWS + 1];          /* keys of view v: first_key[v] .. first_key[v + 1], those of the shards of the split at hand */
	struct model *now, *saved;
	struct spk_store *store;
	struct spk_store_options options;
	struct spk_state_view *view[TABLES][VIEWS];
	char *dir, *snapshot;
	int serial;
	bool exact;                        /* first_bucket has no excuse: nothing was deleted since the last restart */
	struct batch *batch;
	char bytes[32768];
	/* while a scan is checked */
	int table, taken, expected_at, expected_count;
	int expected[BUCKETS * KEYS];
	bool wrong;
};

static uint32_t value_size(uint32_t seed)
{
	if (seed % 61 == 0)
		return 9000 + seed % 9000;
	if (seed % 17 == 0)
		return 300 + seed % 1500;
	return seed % 13 == 0 ? 0 : seed % 50;
}

static void value_bytes(uint32_t seed, char *out)
{
	for (uint32_t i = 0; i < value_size(seed); i++)
		out[i] = (char)(seed + i * 7);
}

static bool is_value(struct world *w, uint32_t seed, const char *data, uint32_t size)
{
	value_bytes(seed, w->bytes);
	return seed && size == value_size(seed) && memcmp(data, w->bytes, size) == 0;
}

/* --- opening and closing --- */

static const int *split_keys(struct world *w)
{
	const int *shards = splits[spk_test_below(&w->rng, SPK_COUNT_OF(splits))];

	for (int v = 0, k = 0; v <= VIEWS; v++) {
		while (k < KEYS && spk_shard_of(w->key[k].hash).value < shards[v])
			k++;
		w->first_key[v] = k;
	}
	return shards;
}

static void open_world(struct world *w, const char *dir)
{
	const int *shards = split_keys(w);
	spk_error err = { 0 };

	REQUIRE_OK(spk_store_open(&w->store, dir, &w->options, &err), err);
	REQUIRE_OK(spk_store_add_table(w->store, "keyed-1", SPK_TABLE_KEYED, 1, "a, b", &err), err);
	REQUIRE_OK(spk_store_add_table(w->store, "bucketed-2", SPK_TABLE_BUCKETED, 3, "c", &err), err);
	for (int v = 0; v < VIEWS; v++) {
		REQUIRE_OK(spk_state_view_open(&w->view[KEYED][v], w->store, "keyed-1", shards[v], shards[v + 1], &err), err);
		REQUIRE_OK(spk_state_view_open(&w->view[BUCKETED][v], w->store, "bucketed-2", shards[v], shards[v + 1], &err), err);
	}
	w->exact = true;
}

static void close_world(struct world *w)
{
	for (int t = 0; t < TABLES; t++)
		for (int v = 0; v < VIEWS; v++)
			spk_state_view_close(w->view[t][v]);
	spk_store_close(w->store);
	CHECK_EQ_INT(account("state cache"), 0);
	CHECK_EQ_INT(account("rocksdb"), 0);
}

static struct world *world_new(uint64_t stream, size_t cache_bytes)
{
	struct world *w = calloc(1, sizeof(*w));

	w->rng = spk_test_rng_new(stream);
	w->now = calloc(1, sizeof(*w->now));
	w->batch = calloc(1, sizeof(*w->batch));
	for (int i = 0; i < KEYS; i++)
		w->key[i] = make_key((uint32_t)i);
	qsort(w->key, KEYS, sizeof(w->key[0]), compare_key);
	w->options.cache_bytes = cache_bytes;
	w->options.ingest_cells = (size_t[]){ 0, 1, 30 }[spk_test_below(&w->rng, 3)];
	w->dir = spk_test_dir("model");
	char *first = spk_test_format("%s/live-0", w->dir);

	open_world(w, first);
	free(first);
	return w;
}

static void world_free(struct world *w)
{
	close_world(w);
	spk_test_remove(w->dir);
	batch_free(w->batch);
	free(w->dir);
	free(w->snapshot);
	free(w->saved);
	free(w->now);
	free(w);
}

/* --- operations --- */

/* Fails one of the next RocksDB calls, now and then. */
static bool arm(struct world *w, const char *point)
{
	if (!spk_test_one_in(&w->rng, 6))
		return false;
	char *spec = spk_test_format("%s:%d", point, (int)spk_test_between(&w->rng, 1, 3));

	CHECK_EQ_INT(spk_fault_set(spec, NULL), SPK_OK);
	free(spec);
	return true;
}

/* True when the call is to be made once more: it failed as it was told to. */
static bool disarm(spk_status status, const spk_error *err)
{
	CHECK_EQ_INT(spk_fault_set(NULL, NULL), SPK_OK);
	if (status == SPK_OK)
		return false;
	CHECK_EQ_INT(err->code, SPK_IO);
	CHECK(err->retriable);
	return true;
}

static int any_bucket(struct world *w, int table)
{
	return table == KEYED ? 0 : (int)spk_test_below(&w->rng, BUCKETS);
}

/* A batch of random keys of the view, with values for a put. */
static void fill(struct world *w, int table, int v, int most)
{
	int keys = w->first_key[v + 1] - w->first_key[v], rows = (int)spk_test_between(&w->rng, 0, most), bucket = 0;

	batch_clear(w->batch);
	for (int i = 0; i < rows; i++) {
		if (i % 5 == 0)
			bucket = any_bucket(w, table);
		int id = w->first_key[v] + (int)spk_test_below(&w->rng, (uint64_t)keys);

		batch_add(w->batch, &w->key[id], bucket << 16 | id, table == KEYED ? 0 : bucket_values[bucket], (struct spk_state_value){ 0 });
	}
}

static void get(struct world *w, int table, int v)
{
	struct batch *b = w->batch;
	spk_error err = { 0 };
	const int64_t *bucket = table == KEYED ? NULL : b->bucket;

	fill(w, table, v, 150);
	arm(w, "state.read");
	spk_status status = spk_state_get(w->view[table][v], &b->keys, b->hash, bucket, b->value, &err);

	if (disarm(status, &err))
		REQUIRE_OK(spk_state_get(w->view[table][v], &b->keys, b->hash, bucket, b->value, &err), err);
	for (int i = 0; i < b->keys.count; i++) {
		uint32_t seed = w->now->seed[table][b->id[i] >> 16][b->id[i] & 65535];

		CHECK_EQ_INT(spk_state_found(&b->value[i]), seed != 0);
		if (seed && spk_state_found(&b->value[i]))
			CHECK(is_value(w, seed, b->value[i].data, b->value[i].size));
	}
}

static void put(struct world *w, int table, int v)
{
	struct batch *b = w->batch;
	char *arena = malloc(BATCH_MAX * 100);
	size_t used = 0;
	spk_error err = { 0 };
	int deletes = (int)spk_test_between(&w->rng, 2, 6);

	fill(w, table, v, 60);
	for (int i = 0; i < b->keys.count; i++) {
		uint32_t *seed = &w->now->seed[table][b->id[i] >> 16][b->id[i] & 65535];

		*seed = spk_test_one_in(&w->rng, (uint64_t)deletes) ? 0 : (uint32_t)spk_test_between(&w->rng, 1, 1000000);
		if (*seed && used + value_size(*seed) > BATCH_MAX * 100)
			*seed = 1;
		if (!*seed) {
			b->value[i].size = UINT32_MAX;
			w->exact = false;
			continue;
		}
		value_bytes(*seed, arena + used);
		b->value[i] = (struct spk_state_value){ .data = arena + used, .size = value_size(*seed) };
		used += value_size(*seed);
	}
	/* Only making room can fail, and that comes last. */
	arm(w, "state.write");
	disarm(spk_state_put(w->view[table][v], &b->keys, b->hash, table == KEYED ? NULL : b->bucket, b->value, &err), &err);
	free(arena);
}

/* Writes what was just read, as an operator does that changes nothing. */
static void put_back(struct world *w, int table, int v)
{
	struct batch *b = w->batch;
	spk_error err = { 0 };
	struct spk_buffer copy = { 0 };

	get(w, table, v);
	for (int i = 0; i < b->keys.count; i++)
		if (spk_state_found(&b->value[i]))
			REQUIRE_OK(spk_buffer_append(&copy, b->value[i].data, b->value[i].size, &err), err);
	for (size_t i = 0, at = 0; i < (size_t)b->keys.count; i++)
		if (spk_state_found(&b->value[i])) {
			b->value[i].data = copy.data + at;
			at += b->value[i].size;
		}
	REQUIRE_OK(spk_state_put(w->view[table][v], &b->keys, b->hash, table == KEYED ? NULL : b->bucket, b->value, &err), err);
	spk_buffer_release(&copy);
}

/* Lists what the model has of the view (of one bucket, or of all when `only` is -1) in order of (shard, bucket, key). */
static void list_expected(struct world *w, int table, int v, int only)
{
	int end = 0;

	w->expected_count = w->expected_at = 0;
	for (int first = w->first_key[v]; first < w->first_key[v + 1]; first = end) {
		int shard = spk_shard_of(w->key[first].hash).value;

		for (end = first; end < w->first_key[v + 1] && spk_shard_of(w->key[end].hash).value == shard; end++)
			;
		for (int b = 0; b < (table == KEYED ? 1 : BUCKETS); b++)
			for (int k = first; k < end; k++)
				if ((only < 0 || only == b) && w->now->seed[table][b][k])
					w->expected[w->expected_count++] = b << 16 | k;
	}
}

static spk_status check_entry(void *user, int64_t bucket, const char *key, uint32_t key_size, const char *value, uint32_t size, spk_error *err)
{
	struct world *w = user;

	(void)err;
	if (w->expected_at == w->expected_count) {
		w->wrong = true;
		return SPK_OK;
	}
	int id = w->expected[w->expected_at++], at_bucket = id >> 16, at_key = id & 65535;
	const struct key *k = &w->key[at_key];

	w->wrong |= bucket != (w->table == KEYED ? 0 : bucket_values[at_bucket]) || k->size != key_size || memcmp(k->bytes, key, key_size) != 0;
	w->wrong |= !is_value(w, w->now->seed[w->table][at_bucket][at_key], value, size);
	return SPK_OK;
}

static spk_status check_taken(void *user, const char *key, uint32_t key_size, const char *value, uint32_t size, spk_error *err)
{
	struct world *w = user;

	return check_entry(w, bucket_values[w->taken], key, key_size, value, size, err);
}

/* In any order: the entry goes behind those that were seen. */
static spk_status check_visited(void *user, const char *key, uint32_t key_size, const char *value, uint32_t size, spk_error *err)
{
	struct world *w = user;

	for (int i = w->expected_at; i < w->expected_count; i++) {
		const struct key *k = &w->key[w->expected[i] & 65535];
		const int id = w->expected[i];

		if (k->size != key_size || memcmp(k->bytes, key, key_size) != 0)
			continue;
		w->expected[i] = w->expected[w->expected_at];
		w->expected[w->expected_at] = id;
		break;
	}
	return check_taken(user, key, key_size, value, size, err);
}

static void begin_check(struct world *w, int table, int v, int only)
{
	w->table = table;
	w->taken = only;
	w->wrong = false;
	list_expected(w, table, v, only);
}

static void scan(struct world *w, int table, int v)
{
	spk_error err = { 0 };

	if (!arm(w, "state.read") && spk_test_one_in(&w->rng, 3))
		CHECK_EQ_INT(spk_fault_set("malloc:1+", NULL), SPK_OK);  /* there is a way without */
	begin_check(w, table, v, -1);
	if (disarm(spk_state_scan(w->view[table][v], check_entry, w, &err), &err)) {
		begin_check(w, table, v, -1);
		REQUIRE_OK(spk_state_scan(w->view[table][v], check_entry, w, &err), err);
	}
	CHECK(!w->wrong);
	CHECK_EQ_INT(w->expected_at, w->expected_count);
}

static int64_t model_first_bucket(const struct world *w, int v)
{
	for (int b = 0; b < BUCKETS; b++)
		for (int k = w->first_key[v]; k < w->first_key[v + 1]; k++)
			if (w->now->seed[BUCKETED][b][k])
				return bucket_values[b];
	return INT64_MAX;
}

static void check_first_bucket(struct world *w, int v)
{
	int64_t got = spk_state_first_bucket(w->view[BUCKETED][v]), want = model_first_bucket(w, v);

	if (w->exact)
		CHECK_EQ_INT(got, want);
	CHECK(got <= want);
}

static void take(struct world *w, int v)
{
	int64_t first = spk_state_first_bucket(w->view[BUCKETED][v]);
	int bucket = (int)spk_test_below(&w->rng, BUCKETS);
	spk_error err = { 0 };

	check_first_bucket(w, v);
	for (int b = 0; b < BUCKETS && spk_test_one_in(&w->rng, 2); b++)
		if (bucket_values[b] == first)
			bucket = b;
	if (!arm(w, spk_test_one_in(&w->rng, 2) ? "state.read" : "state.write") && spk_test_one_in(&w->rng, 3))
		CHECK_EQ_INT(spk_fault_set("malloc:1+", NULL), SPK_OK);
	begin_check(w, BUCKETED, v, bucket);
	if (disarm(spk_state_take_bucket(w->view[BUCKETED][v], bucket_values[bucket], check_taken, w, &err), &err)) {
		begin_check(w, BUCKETED, v, bucket);
		REQUIRE_OK(spk_state_take_bucket(w->view[BUCKETED][v], bucket_values[bucket], check_taken, w, &err), err);
	}
	CHECK(!w->wrong);
	CHECK_EQ_INT(w->expected_at, w->expected_count);
	for (int k = w->first_key[v]; k < w->first_key[v + 1]; k++)
		w->now->seed[BUCKETED][bucket][k] = 0;
}

/* A bucket is looked at and stays. */
static void visit(struct world *w, int v)
{
	int bucket = (int)spk_test_below(&w->rng, BUCKETS), next = bucket;
	spk_error err = { 0 };

	arm(w, "state.read");
	begin_check(w, BUCKETED, v, bucket);
	if (disarm(spk_state_visit_bucket(w->view[BUCKETED][v], bucket_values[bucket], check_visited, w, &err), &err)) {
		begin_check(w, BUCKETED, v, bucket);
		REQUIRE_OK(spk_state_visit_bucket(w->view[BUCKETED][v], bucket_values[bucket], check_visited, w, &err), err);
	}
	CHECK(!w->wrong);
	CHECK_EQ_INT(w->expected_at, w->expected_count);
	/* The next one that has entries is not passed over. */
	for (; next < BUCKETS; next++) {
		list_expected(w, BUCKETED, v, next);
		if (w->expected_count)
			break;
	}
	CHECK(spk_state_next_bucket(w->view[BUCKETED][v], bucket_values[bucket]) <= (next < BUCKETS ? bucket_values[next] : INT64_MAX));
	CHECK(spk_state_next_bucket(w->view[BUCKETED][v], bucket_values[bucket]) >= bucket_values[bucket]);
}

static void flush(struct world *w)
{
	spk_error err = { 0 };
	struct spk_state_stat stat;

	arm(w, "state.write");
	if (disarm(spk_store_flush(w->store, &err), &err))
		REQUIRE_OK(spk_store_flush(w->store, &err), err);
	for (int t = 0; t < TABLES; t++)
		for (int v = 0; v < VIEWS; v++) {
			spk_state_view_stat(w->view[t][v], &stat);
			CHECK_EQ_INT(stat.dirty, 0);
		}
}

static void snapshot(struct world *w)
{
	spk_error err = { 0 };

	if (w->snapshot)
		spk_test_remove(w->snapshot);
	free(w->snapshot);
	w->snapshot = spk_test_format("%s/snapshot-%d", w->dir, w->serial++);
	arm(w, "state.snapshot");
	if (disarm(spk_store_snapshot(w->store, w->snapshot, &err), &err))
		REQUIRE_OK(spk_store_snapshot(w->store, w->snapshot, &err), err);
	if (!w->saved)
		w->saved = malloc(sizeof(*w->saved));
	*w->saved = *w->now;
}

/* Everything since the snapshot is gone, everything in it is there. */
static void restart(struct world *w)
{
	if (!w->snapshot)
		return;
	char *live = spk_test_format("%s/live-%d", w->dir, ++w->serial);

	close_world(w);
	REQUIRE_EQ_INT(spk_test_run(NULL, "cp -r '%s' '%s'", w->snapshot, live), 0);
	*w->now = *w->saved;
	open_world(w, live);
	free(live);
	for (int v = 0; v < VIEWS; v++)
		check_first_bucket(w, v);
}

static void step(struct world *w)
{
	int table = (int)spk_test_below(&w->rng, TABLES), v = (int)spk_test_below(&w->rng, VIEWS);
	uint64_t what = spk_test_below(&w->rng, 1000);

	if (what < 430)
		get(w, table, v);
	else if (what < 800)
		put(w, table, v);
	else if (what < 860)
		put_back(w, table, v);
	else if (what < 920)
		take(w, v);
	else if (what < 940)
		visit(w, v);
	else if (what < 960)
		scan(w, table, v);
	else if (what < 985)
		flush(w);
	else if (what < 995)
		snapshot(w);
	else
		restart(w);
}

static void check_against_model(uint64_t stream, size_t cache_bytes, int steps)
{
	struct world *w = world_new(stream, cache_bytes);

	for (int i = 0; i < steps; i++)
		step(w);
	for (int t = 0; t < TABLES; t++)
		for (int v = 0; v < VIEWS; v++)
			scan(w, t, v);
	world_free(w);
}

static int steps(void) { return spk_test_long() ? 30000 : 1500; }

static void hardly_any_cache(void) { check_against_model(1, 1, steps()); }
static void tiny_cache(void) { check_against_model(2, 24 * 1024, steps()); }
static void small_cache(void) { check_against_model(3, 200 * 1024, steps()); }
static void ample_cache(void) { check_against_model(4, 64 << 20, steps()); }

static void drop_line(const char *line, int size, void *user)
{
	(void)line;
	(void)size;
	(void)user;
}

static void quiet(void)
{
	spk_log_set_sink(drop_line, NULL);
	CHECK(make_key(0).size == 0);
}

SPK_TEST_SUITE("state/model",
	{ "the log is turned down", quiet },
	{ "hardly any cache: all goes through RocksDB", hardly_any_cache },
	{ "a tiny cache: eviction all the time", tiny_cache },
	{ "a small cache: second chances", small_cache },
	{ "an ample cache: RocksDB only at flushes", ample_cache })
