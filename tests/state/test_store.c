/* Stores, tables, snapshots and their errors; memory; several threads. */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "core/base/fault.h"
#include "core/base/metrics.h"
#include "tests/state/support.h"

/* --- tables --- */

struct seen { int count, added; char text[256]; };

static spk_status see(void *user, const char *name, enum spk_table_kind kind, int version, const char *fingerprint, bool added, spk_error *err)
{
	struct seen *s = user;
	size_t at = strlen(s->text);

	(void)err;
	s->count++;
	s->added += added;
	snprintf(s->text + at, sizeof(s->text) - at, "%s %d %d %s;", name, (int)kind, version, fingerprint);
	return SPK_OK;
}

static void tables_keep_their_meaning(void)
{
	char *dir = spk_test_dir("tables"), *live = spk_test_format("%s/live", dir), *snap = spk_test_format("%s/snap", dir);
	struct spk_store *s = open_in(live);
	struct stat st;
	struct seen seen = { 0 };
	spk_error err = { 0 };

	CHECK(stat(live, &st) == 0 && (st.st_mode & 0777) == 0700);
	REQUIRE_OK(spk_store_add_table(s, "sum-4", SPK_TABLE_KEYED, 2, "sum(bigint)", &err), err);
	CHECK_OK(spk_store_add_table(s, "sum-4", SPK_TABLE_KEYED, 2, "sum(bigint)", &err), err);
	CHECK_FAILS(spk_store_add_table(s, "sum-4", SPK_TABLE_KEYED, 2, "sum(text)", &err), SPK_BIND, err);
	REQUIRE_OK(spk_store_add_table(s, "old", SPK_TABLE_BUCKETED, 1, "x", &err), err);
	CHECK_FAILS(spk_store_add_table(s, "default", SPK_TABLE_KEYED, 1, "x", &err), SPK_USAGE, err);
	REQUIRE_OK(spk_store_snapshot(s, snap, &err), err);
	spk_store_close(s);

	s = open_in(snap);
	CHECK_FAILS(spk_store_add_table(s, "sum-4", SPK_TABLE_KEYED, 2, "sum(numeric)", &err), SPK_BIND, err);
	CHECK_HOLDS(err.message, "sum(bigint)");
	CHECK_HOLDS(err.message, "sum(numeric)");
	CHECK_FAILS(spk_store_add_table(s, "sum-4", SPK_TABLE_BUCKETED, 2, "sum(bigint)", &err), SPK_BIND, err);
	CHECK_FAILS(spk_store_add_table(s, "sum-4", SPK_TABLE_KEYED, 3, "sum(bigint)", &err), SPK_BIND, err);
	CHECK_OK(spk_store_add_table(s, "sum-4", SPK_TABLE_KEYED, 2, "sum(bigint)", &err), err);
	REQUIRE_OK(spk_store_each_table(s, see, &seen, &err), err);
	CHECK_EQ_INT(seen.count, 2);
	CHECK_EQ_INT(seen.added, 1);
	CHECK_HOLDS(seen.text, "sum-4 0 2 sum(bigint);");
	CHECK_HOLDS(seen.text, "old 1 1 x;");
	CHECK_OK(spk_store_drop_table(s, "old", &err), err);
	CHECK_OK(spk_store_drop_table(s, "old", &err), err);
	CHECK_OK(spk_store_add_table(s, "old", SPK_TABLE_KEYED, 9, "y", &err), err);
	spk_store_close(s);
	free(snap);
	free(live);
	free(dir);
}

static void refuses_strange_directories(void)
{
	char *dir = spk_test_dir("strange"), *file = spk_test_format("%s/letter", dir), *below = spk_test_format("%s/letter/x", dir);
	struct spk_store *s = NULL;
	spk_error err = { 0 };

	spk_test_spew(file, "hello", 5);
	CHECK_FAILS(spk_store_open(&s, dir, &small, &err), SPK_EXISTS, err);
	CHECK(spk_store_open(&s, below, &small, &err) != SPK_OK);
	CHECK(s == NULL);
	CHECK_EQ_INT(account("rocksdb"), 0);
	free(below);
	free(file);
	free(dir);
}

static void refuses_a_locked_directory(void)
{
	char *dir = spk_test_dir("locked");
	struct spk_store *s = open_in(dir), *other = NULL;
	spk_error err = { 0 };

	CHECK_FAILS(spk_store_open(&other, dir, &small, &err), SPK_IO, err);
	CHECK_HOLDS(err.message, dir);
	spk_store_close(s);
	free(dir);
}

static void views_do_not_overlap(void)
{
	char *dir = spk_test_dir("views");
	struct spk_store *s = open_in(dir);
	struct spk_state_view *a, *b;
	spk_error err = { 0 };

	REQUIRE_OK(spk_store_add_table(s, "t", SPK_TABLE_KEYED, 1, "", &err), err);
	CHECK_FAILS(spk_state_view_open(&a, s, "u", 0, 64, &err), SPK_NOT_FOUND, err);
	REQUIRE_OK(spk_state_view_open(&a, s, "t", 0, 32, &err), err);
	CHECK_FAILS(spk_state_view_open(&b, s, "t", 31, 64, &err), SPK_INTERNAL, err);
	REQUIRE_OK(spk_state_view_open(&b, s, "t", 32, 64, &err), err);
	spk_state_view_close(a);
	REQUIRE_OK(spk_state_view_open(&a, s, "t", 3, 4, &err), err);
	spk_state_view_close(b);
	spk_state_view_close(a);
	spk_store_close(s);
	free(dir);
}

/* --- snapshots --- */

static void clones_live_beside_the_original(void)
{
	char *dir = spk_test_dir("clone"), *live = spk_test_format("%s/live", dir), *snap = spk_test_format("%s/snap", dir);
	struct spk_store *s = open_in(live), *clone;
	struct spk_state_view *k = open_view(s, "k", SPK_TABLE_KEYED), *w = open_view(s, "w", SPK_TABLE_BUCKETED), *ck, *cw;
	struct batch *b = calloc(1, sizeof(*b));
	int count = 0;
	spk_error err = { 0 };

	REQUIRE_OK(put_range(k, b, 0, 1000, 0, true, &err), err);
	for (int64_t bucket = 10; bucket < 20; bucket++)
		REQUIRE_OK(put_range(w, b, 0, 100, bucket, false, &err), err);
	REQUIRE_OK(spk_store_snapshot(s, snap, &err), err);
	CHECK_FAILS(spk_store_snapshot(s, snap, &err), SPK_IO, err);
	/* The original goes on... */
	REQUIRE_OK(put_range(k, b, 1000, 1000, 0, true, &err), err);
	REQUIRE_OK(spk_state_take_bucket(w, 10, NULL, NULL, &err), err);
	CHECK_EQ_INT(spk_state_first_bucket(w), 11);
	/* ...and the clone is as it was. */
	clone = open_in(snap);
	ck = open_view(clone, "k", SPK_TABLE_KEYED);
	cw = open_view(clone, "w", SPK_TABLE_BUCKETED);
	CHECK_EQ_INT(get_range(ck, b, 0, 2000, 0, true), 1000);
	CHECK_EQ_INT(spk_state_first_bucket(cw), 10);
	REQUIRE_OK(spk_state_take_bucket(cw, 10, count_entry, &count, &err), err);
	CHECK_EQ_INT(count, 100);
	REQUIRE_OK(put_range(ck, b, 5000, 10, 0, true, &err), err);
	REQUIRE_OK(spk_store_flush(clone, &err), err);
	REQUIRE_OK(spk_store_flush(s, &err), err);
	CHECK_EQ_INT(get_range(k, b, 0, 2000, 0, true), 2000);
	CHECK_EQ_INT(get_range(k, b, 5000, 10, 0, true), 0);
	CHECK(spk_store_bytes(s) > 0);
	spk_state_view_close(ck);
	spk_state_view_close(cw);
	spk_store_close(clone);
	spk_state_view_close(k);
	spk_state_view_close(w);
	spk_store_close(s);
	batch_free(b);
	free(snap);
	free(live);
	free(dir);
}

static void unsnapshotted_is_dropped(void)
{
	char *dir = spk_test_dir("dropped");
	struct spk_store *s = open_in(dir);
	struct spk_state_view *v = open_view(s, "k", SPK_TABLE_KEYED);
	struct batch *b = calloc(1, sizeof(*b));
	spk_error err = { 0 };

	REQUIRE_OK(put_range(v, b, 0, 100, 0, true, &err), err);
	spk_state_view_close(v);
	/* A view's cache is the view's. */
	v = open_view(s, "k", SPK_TABLE_KEYED);
	CHECK_EQ_INT(get_range(v, b, 0, 100, 0, true), 0);
	REQUIRE_OK(put_range(v, b, 0, 100, 0, true, &err), err);
	REQUIRE_OK(spk_store_flush(s, &err), err);
	spk_state_view_close(v);
	v = open_view(s, "k", SPK_TABLE_KEYED);
	CHECK_EQ_INT(get_range(v, b, 0, 100, 0, true), 100);
	spk_state_view_close(v);
	spk_store_close(s);
	batch_free(b);
	free(dir);
}

/* A flush writes a view as one file: one that fails can be repeated, one without memory for the order goes by batches; nothing stays behind. */
static void flushes_are_files(void)
{
	static const char *const faults[] = { "state.write:1", "malloc:1+", NULL };
	char *dir = spk_test_dir("files"), *live = spk_test_format("%s/live", dir);
	struct spk_store_options options = small;
	struct spk_store *s = NULL;
	struct batch *b = calloc(1, sizeof(*b));
	struct spk_state_view *v;
	spk_error err = { 0 };

	options.ingest_cells = 10;
	REQUIRE_OK(spk_store_open(&s, live, &options, &err), err);
	v = open_view(s, "k", SPK_TABLE_KEYED);
	for (int i = 0; i < 3; i++) {
		REQUIRE_OK(put_range(v, b, i * 100, 200, 0, true, &err), err);
		if (faults[i])
			REQUIRE_OK(spk_fault_set(faults[i], &err), err);
		CHECK_EQ_INT(spk_store_flush(s, &err), i ? SPK_OK : SPK_IO);
		REQUIRE_OK(spk_fault_set(NULL, &err), err);
		CHECK_EQ_INT(count_files(live, "ingest"), 0);
		CHECK_OK(spk_store_flush(s, &err), err);
	}
	spk_state_view_close(v);
	v = open_view(s, "k", SPK_TABLE_KEYED);
	CHECK_EQ_INT(get_range(v, b, 0, 400, 0, true), 400);
	spk_state_view_close(v);
	spk_store_close(s);
	batch_free(b);
	free(live);
	free(dir);
}

/* Cells that are evicted are written as files, ahead of it; of keys that RocksDB was never given it is hardly asked, over a restart it is. */
static void what_is_evicted_is_found_again(void)
{
	char *dir = spk_test_dir("evicted"), *live = spk_test_format("%s/live", dir), *snap = spk_test_format("%s/snap", dir);
	struct spk_metric *misses = spk_metric(SPK_COUNTER, "state_misses_total", "table=evicted"), *writes = spk_metric(SPK_COUNTER, "state_writes_total", "table=evicted");
	struct spk_store_options options = { .cache_bytes = 512 * 1024, .ingest_cells = 500 };
	struct spk_store *s = NULL;
	struct batch *b = calloc(1, sizeof(*b));
	struct spk_state_view *v;
	int64_t before;
	spk_error err = { 0 };

	REQUIRE_OK(spk_store_open(&s, live, &options, &err), err);
	v = open_view(s, "evicted", SPK_TABLE_KEYED);
	for (int at = 0; at < 30000; at += 1000)
		REQUIRE_OK(put_range(v, b, at, 1000, 0, true, &err), err);
	CHECK(spk_metric_get(writes) > 15000);
	before = spk_metric_get(misses);
	for (int at = 30000; at < 40000; at += 1000)
		CHECK_EQ_INT(get_range(v, b, at, 1000, 0, true), 0);
	CHECK(spk_metric_get(misses) - before < 400);
	for (int at = 0; at < 30000; at += 1000)
		CHECK_EQ_INT(get_range(v, b, at, 1000, 0, true), 1000);
	CHECK(spk_metric_get(misses) - before > 15000);
	REQUIRE_OK(spk_store_snapshot(s, snap, &err), err);
	spk_state_view_close(v);
	spk_store_close(s);
	s = open_in(snap);
	v = open_view(s, "evicted", SPK_TABLE_KEYED);
	before = spk_metric_get(misses);
	for (int at = 0; at < 40000; at += 1000)
		CHECK_EQ_INT(get_range(v, b, at, 1000, 0, true), at < 30000 ? 1000 : 0);
	CHECK(spk_metric_get(misses) - before > 30000);
	spk_state_view_close(v);
	spk_store_close(s);
	CHECK_EQ_INT(account("state cache"), 0);
	batch_free(b);
	free(snap);
	free(live);
	free(dir);
}

static void faults_give_clean_errors(void)
{
	char *dir = spk_test_dir("faults"), *live = spk_test_format("%s/live", dir), *snap = spk_test_format("%s/snap", dir);
	struct spk_store *s = open_in(live);
	struct spk_state_view *v = open_view(s, "k", SPK_TABLE_KEYED), *other = NULL;
	struct batch *b = calloc(1, sizeof(*b));
	struct stat st;
	spk_error err = { 0 };

	REQUIRE_OK(put_range(v, b, 0, 100, 0, true, &err), err);
	REQUIRE_OK(spk_fault_set("state.snapshot:1", &err), err);
	CHECK_FAILS(spk_store_snapshot(s, snap, &err), SPK_IO, err);
	CHECK(err.retriable);
	CHECK(stat(snap, &st) != 0);
	REQUIRE_OK(spk_store_snapshot(s, snap, &err), err);
	REQUIRE_OK(put_range(v, b, 100, 10, 0, true, &err), err);
	REQUIRE_OK(spk_fault_set("state.write:1", &err), err);
	CHECK_FAILS(spk_store_flush(s, &err), SPK_IO, err);
	CHECK_FAILS((spk_fault_set("state.write:1", NULL), spk_store_add_table(s, "n", SPK_TABLE_KEYED, 1, "", &err)), SPK_IO, err);
	REQUIRE_OK(spk_fault_set(NULL, &err), err);
	CHECK_OK(spk_store_add_table(s, "n", SPK_TABLE_KEYED, 1, "", &err), err);
	CHECK_OK(spk_store_flush(s, &err), err);
	spk_state_view_close(v);
	REQUIRE_OK(spk_fault_set("state.read:1", &err), err);
	CHECK_FAILS(spk_state_view_open(&other, s, "k", 0, 64, &err), SPK_IO, err);
	REQUIRE_OK(spk_fault_set(NULL, &err), err);
	REQUIRE_OK(spk_state_view_open(&other, s, "k", 0, 64, &err), err);
	CHECK_EQ_INT(get_range(other, b, 0, 200, 0, true), 110);
	spk_state_view_close(other);
	spk_store_close(s);
	batch_free(b);
	free(snap);
	free(live);
	free(dir);
}

/* --- RocksDB is left alone where it can be --- */

static void short_lived_buckets_never_reach_rocksdb(void)
{
	char *dir = spk_test_dir("short");
	struct spk_store *s = open_in(dir);
	struct spk_state_view *v = open_view(s, "w", SPK_TABLE_BUCKETED);
	struct batch *b = calloc(1, sizeof(*b));
	spk_error err = { 0 };

	REQUIRE_OK(spk_fault_set("state.read:1+,state.write:1+", &err), err);
	for (int64_t bucket = 0; bucket < 100; bucket++) {
		int count = 0;

		CHECK_EQ_INT(get_range(v, b, 0, 50, bucket, false), 0);
		REQUIRE_OK(put_range(v, b, 0, 50, bucket, false, &err), err);
		CHECK_EQ_INT(spk_state_first_bucket(v), bucket);
		REQUIRE_OK(spk_state_take_bucket(v, bucket, count_entry, &count, &err), err);
		CHECK_EQ_INT(count, 50);
		CHECK_EQ_INT(spk_state_first_bucket(v), INT64_MAX);
	}
	CHECK_EQ_INT(spk_fault_passes(SPK_FAULT_STATE_READ) + spk_fault_passes(SPK_FAULT_STATE_WRITE), 0);
	REQUIRE_OK(spk_fault_set(NULL, &err), err);
	spk_state_view_close(v);
	spk_store_close(s);
	batch_free(b);
	free(dir);
}

/* Few keys are deleted one by one, many by ranges: of either nothing is left, and what comes to the bucket then stays. */
static void taken_buckets_are_gone(void)
{
	static const int keys[] = { 1, 63, 64, 65, 700 };
	char *dir = spk_test_dir("taken"), *snap = spk_test_format("%s/snap", dir), *live = spk_test_format("%s/live", dir);
	struct spk_store *s = open_in(live);
	struct spk_state_view *v = open_view(s, "w", SPK_TABLE_BUCKETED);
	struct batch *b = calloc(1, sizeof(*b));
	spk_error err = { 0 };

	for (size_t i = 0; i < SPK_COUNT_OF(keys); i++)
		REQUIRE_OK(put_range(v, b, 1, keys[i], (int64_t)i, false, &err), err);
	REQUIRE_OK(spk_store_flush(s, &err), err);
	for (size_t i = 0; i < SPK_COUNT_OF(keys); i++) {
		int count = 0;

		/* One that is stored is changed, one more is not. */
		REQUIRE_OK(put_range(v, b, 1, 1, (int64_t)i, false, &err), err);
		REQUIRE_OK(put_range(v, b, 1000, 1, (int64_t)i, false, &err), err);
		REQUIRE_OK(spk_state_take_bucket(v, (int64_t)i, count_entry, &count, &err), err);
		CHECK_EQ_INT(count, keys[i] + 1);
		CHECK_EQ_INT(get_range(v, b, 0, 1001, (int64_t)i, false), 0);
		REQUIRE_OK(put_range(v, b, 2000, 2, (int64_t)i, false, &err), err);
	}
	REQUIRE_OK(spk_store_snapshot(s, snap, &err), err);
	spk_state_view_close(v);
	spk_store_close(s);
	s = open_in(snap);
	v = open_view(s, "w", SPK_TABLE_BUCKETED);
	for (size_t i = 0; i < SPK_COUNT_OF(keys); i++)
		CHECK_EQ_INT(get_range(v, b, 0, 3000, (int64_t)i, false), 2);
	spk_state_view_close(v);
	spk_store_close(s);
	batch_free(b);
	free(live);
	free(snap);
	free(dir);
}

/* --- memory --- */

/* A bucket for every key, as sessions have: far more than the cache holds come, are read in another order and are taken from the front, the end and between. */
static void many_buckets_come_and_go(void)
{
	enum { MANY = 20000, AT_ONCE = 500 };
	char *dir = spk_test_dir("many");
	struct spk_store *s = open_in(dir);
	struct spk_state_view *v = open_view(s, "w", SPK_TABLE_BUCKETED);
	struct batch *b = calloc(1, sizeof(*b));
	struct spk_state_stat stat;
	int number = 7, entries = 0;
	int64_t at;
	spk_error err = { 0 };

	for (int round = 0, first = 0; first < MANY; first += AT_ONCE) {
		batch_clear(b);
		for (int i = first; i < first + AT_ONCE; i++) {
			struct key k = make_key((uint32_t)i);

			batch_add(b, &k, 0, i, (struct spk_state_value){ .data = (char *)&number, .size = sizeof(number) });
		}
		REQUIRE_OK(spk_state_put(v, &b->keys, b->hash, b->bucket, b->value, &err), err);
		/* Places at the front are free now and then while more come. */
		for (int i = 0; i < AT_ONCE / 5; i++)
			REQUIRE_OK(spk_state_take_bucket(v, round++, count_entry, &entries, &err), err);
	}
	CHECK_EQ_INT(entries, MANY / 5);
	spk_state_view_stat(v, &stat);
	CHECK(stat.cached_bytes <= (int64_t)small.cache_bytes);
	for (int i = 0; i < 3000; i++) {
		struct key k = make_key((uint32_t)(MANY / 5 + i * 7919 % (MANY - MANY / 5)));

		batch_clear(b);
		batch_add(b, &k, 0, MANY / 5 + i * 7919 % (MANY - MANY / 5), (struct spk_state_value){ 0 });
		REQUIRE_OK(spk_state_get(v, &b->keys, b->hash, b->bucket, b->value, &err), err);
		CHECK(spk_state_found(&b->value[0]));
	}
	for (int i = 0; i < 1000; i++) {
		REQUIRE_OK(spk_state_take_bucket(v, MANY - 1 - i, count_entry, &entries, &err), err);
		REQUIRE_OK(spk_state_take_bucket(v, MANY / 2 + i, count_entry, &entries, &err), err);
	}
	for (int64_t last = -1; (at = spk_state_first_bucket(v)) != INT64_MAX; last = at) {
		CHECK(at > last);
		REQUIRE_OK(spk_state_take_bucket(v, at, count_entry, &entries, &err), err);
	}
	CHECK_EQ_INT(entries, MANY);
	spk_state_view_close(v);
	spk_store_close(s);
	CHECK_EQ_INT(account("state cache"), 0);
	batch_free(b);
	free(dir);
}

static void stays_within_its_bound(void)
{
	char *dir = spk_test_dir("bound");
	struct spk_store *s = open_in(dir);
	struct spk_state_view *k = open_view(s, "k", SPK_TABLE_KEYED), *w = open_view(s, "w", SPK_TABLE_BUCKETED);
	struct batch *b = calloc(1, sizeof(*b));
	size_t most = 0;
	spk_error err = { 0 };

	CHECK_EQ_INT(account("rocksdb"), small.block_cache_bytes);
	for (int i = 0; i < 60; i++) {
		REQUIRE_OK(put_range(k, b, i * 500, 500, 0, true, &err), err);
		REQUIRE_OK(put_range(w, b, i * 500, 500, i / 10, false, &err), err);
		most = account("state cache") > most ? account("state cache") : most;
	}
	/* One batch's worth over, and the scratch of two views. */
	CHECK(most < small.cache_bytes + 256 * 1024);
	CHECK_EQ_INT(get_range(k, b, 0, 4000, 0, true), 4000);
	CHECK_EQ_INT(get_range(k, b, 26000, 4000, 0, true), 4000);
	for (int i = 0; i < 60; i++)
		CHECK_EQ_INT(get_range(w, b, i * 500, 500, i / 10, false), 500);
	spk_state_view_close(k);
	spk_state_view_close(w);
	spk_store_close(s);
	CHECK_EQ_INT(account("state cache"), 0);
	CHECK_EQ_INT(account("rocksdb"), 0);
	batch_free(b);
	free(dir);
}

/* One life of a store: errors come up, but what was put and not refused is there. True when it went through. */
static bool live_once(const char *dir, struct batch *b, const char *fault)
{
	struct spk_store *s = NULL;
	struct spk_state_view *v = NULL;
	bool through = false;
	int count = 0;
	spk_error err = { 0 };

	REQUIRE_OK(spk_fault_set(fault, &err), err);
	if (spk_store_open(&s, dir, &small, &err) == SPK_OK && spk_store_add_table(s, "w", SPK_TABLE_BUCKETED, 1, "", &err) == SPK_OK &&
	    spk_state_view_open(&v, s, "w", 0, SPK_SHARDS, &err) == SPK_OK) {
		spk_status status = SPK_OK;

		for (int i = 0; i < 8 && status == SPK_OK; i++)
			status = put_range(v, b, i * 500, 500, i / 4, false, &err);
		if (status == SPK_OK)
			status = spk_store_flush(s, &err);
		if (status == SPK_OK)
			status = spk_state_scan(v, count_any, &count, &err);
		through = status == SPK_OK;
		if (through)
			CHECK_EQ_INT(count, 4000);
	}
	if (!through)
		CHECK(err.code == SPK_MEMORY_LIMIT || err.code == SPK_NO_MEMORY || err.code == SPK_IO);
	CHECK_OK(spk_fault_set(NULL, NULL), err);
	spk_state_view_close(v);
	spk_store_close(s);
	CHECK_EQ_INT(account("state cache"), 0);
	CHECK_EQ_INT(account("rocksdb"), 0);
	return through;
}

/* Every reservation fails once: a clean error, or what was asked for all the same. */
static void survives_refused_memory(void)
{
	char *dir = spk_test_dir("refused");
	struct batch *b = calloc(1, sizeof(*b));
	spk_error err = { 0 };
	int n = 1;

	REQUIRE_OK(spk_buffer_reserve(&b->keys.bytes, BATCH_MAX * KEY_MAX, &err), err);
	for (int quiet = 0; quiet < 20 && n < 2000; n++) {
		char *spec = spk_test_format("malloc:%d", n), *live = spk_test_format("%s/%d", dir, n);

		/* Evictions go on without the memory they asked for, so one success is not the end. */
		quiet = live_once(live, b, spec) ? quiet + 1 : 0;
		spk_test_remove(live);
		free(live);
		free(spec);
	}
	CHECK(n > 30);
	batch_free(b);
	free(dir);
}

/* Another bound holds from the next call on, in both directions. */
static void follows_its_bound(void)
{
	char *dir = spk_test_dir("follows");
	const struct spk_store_options large = { .cache_bytes = 64 << 20 };
	struct batch *b = calloc(1, sizeof(*b));
	struct spk_store *s;
	spk_error err = { 0 };

	REQUIRE_OK(spk_store_open(&s, dir, &large, &err), err);
	struct spk_state_view *v = open_view(s, "k", SPK_TABLE_KEYED);

	CHECK_EQ_INT(spk_store_cache_bound(s), large.cache_bytes);
	for (int i = 0; i < 20; i++)
		REQUIRE_OK(put_range(v, b, i * 1000, 1000, 0, true, &err), err);
	CHECK(spk_store_cached(s) > 1 << 20);
	spk_store_bound_cache(s, 512 << 10);
	CHECK_EQ_INT(get_range(v, b, 0, 10, 0, true), 10);
	CHECK(spk_store_cached(s) <= 512 << 10);
	for (int i = 0; i < 20; i++)
		CHECK_EQ_INT(get_range(v, b, i * 1000, 1000, 0, true), 1000);
	spk_store_bound_cache(s, 64 << 20);
	for (int i = 0; i < 20; i++)
		CHECK_EQ_INT(get_range(v, b, i * 1000, 1000, 0, true), 1000);
	CHECK(spk_store_cached(s) > 1 << 20);
	spk_state_view_close(v);
	spk_store_close(s);
	batch_free(b);
	free(dir);
}

/* When the process runs short, views give half of what they hold. */
static void gives_way_under_pressure(void)
{
	char *dir = spk_test_dir("pressure");
	const struct spk_store_options large = { .cache_bytes = 64 << 20 };
	struct batch *b = calloc(1, sizeof(*b));
	struct spk_store *s;
	size_t limit = spk_memory_limit(), held;
	spk_error err = { 0 };

	REQUIRE_OK(spk_store_open(&s, dir, &large, &err), err);
	struct spk_state_view *v = open_view(s, "k", SPK_TABLE_KEYED);

	for (int i = 0; i < 20; i++)
		REQUIRE_OK(put_range(v, b, i * 1000, 1000, 0, true, &err), err);
	held = account("state cache");
	spk_memory_set_limit(spk_memory_used() + spk_memory_used() / 20);
	CHECK_EQ_INT(get_range(v, b, 0, 10, 0, true), 10);
	CHECK(account("state cache") < held * 6 / 10);
	/* With no room at all it goes on through RocksDB. */
	for (int i = 20; i < 40; i++) {
		spk_memory_set_limit(spk_memory_used() + 1000);
		REQUIRE_OK(put_range(v, b, i * 1000, 1000, 0, true, &err), err);
		CHECK_EQ_INT(get_range(v, b, (i - 20) * 1000, 1000, 0, true), 1000);
	}
	spk_memory_set_limit(limit);
	for (int i = 0; i < 40; i++)
		CHECK_EQ_INT(get_range(v, b, i * 1000, 1000, 0, true), 1000);
	spk_state_view_close(v);
	spk_store_close(s);
	spk_store_close(NULL);
	spk_state_view_close(NULL);
	batch_free(b);
	free(dir);
}

/* A damaged file is an error when it is read, never a wrong value. */
static void damage_is_noticed(void)
{
	char *dir = spk_test_dir("damage"), *live = spk_test_format("%s/live", dir), *snap = spk_test_format("%s/snap", dir), *path, *bytes;
	struct batch *b = calloc(1, sizeof(*b));
	struct spk_store *s = open_in(live);
	struct spk_state_view *v = open_view(s, "k", SPK_TABLE_KEYED);
	size_t size;
	spk_error err = { 0 };

	REQUIRE_OK(put_range(v, b, 0, 3000, 0, true, &err), err);
	REQUIRE_OK(spk_store_snapshot(s, snap, &err), err);
	spk_state_view_close(v);
	spk_store_close(s);
	REQUIRE_EQ_INT(spk_test_run(&path, "ls -S '%s'/*.sst | head -1 | tr -d '\\n'", snap), 0);
	bytes = spk_test_slurp(path, &size);
	REQUIRE(bytes && size > 4000);
	for (size_t i = 100; i < size - 2000; i += 50)
		bytes[i] ^= 1;
	spk_test_remove(path);  /* the original shares it */
	spk_test_spew(path, bytes, size);
	s = open_in(snap);
	REQUIRE_OK(spk_store_add_table(s, "k", SPK_TABLE_KEYED, 1, "f", &err), err);
	spk_status status = spk_state_view_open(&v, s, "k", 0, SPK_SHARDS, &err);

	if (status == SPK_OK) {
		int count = 0;

		status = spk_state_scan(v, count_any, &count, &err);
		spk_state_view_close(v);
	}
	CHECK_EQ_INT(status, SPK_CORRUPT);
	CHECK_HOLDS(err.message, snap);
	spk_store_close(s);
	batch_free(b);
	free(bytes);
	free(path);
	free(snap);
	free(live);
	free(dir);
}

/* --- threads --- */

struct worker { struct spk_store *store; int first, end; _Atomic int bad; };

static void *work(void *user)
{
	struct worker *w = user;
	struct spk_state_view *v = NULL;
	struct batch *b = calloc(1, sizeof(*b));
	struct key key[300];
	int keys = 0, number = 0;

	if (spk_state_view_open(&v, w->store, "t", w->first, w->end, NULL) != SPK_OK)
		atomic_fetch_add(&w->bad, 1000);
	for (uint32_t n = 0; keys < 300; n++) {
		key[keys] = make_key(n);
		int shard = spk_shard_of(key[keys].hash).value;

		keys += shard >= w->first && shard < w->end;
	}
	for (int round = 0; v && round < 60; round++) {
		int64_t bucket = round / 4;

		batch_clear(b);
		for (int i = 0; i < keys; i++)
			batch_add(b, &key[i], 0, bucket, (struct spk_state_value){ .data = (char *)&number, .size = sizeof(number) });
		number = round;
		atomic_fetch_add(&w->bad, spk_state_put(v, &b->keys, b->hash, b->bucket, b->value, NULL) != SPK_OK);
		atomic_fetch_add(&w->bad, spk_state_get(v, &b->keys, b->hash, b->bucket, b->value, NULL) != SPK_OK);
		for (int i = 0; i < keys; i++)
			atomic_fetch_add(&w->bad, !spk_state_found(&b->value[i]) || memcmp(b->value[i].data, &round, sizeof(round)) != 0);
		int count = 0;

		if (round % 4 == 3) {
			atomic_fetch_add(&w->bad, spk_state_take_bucket(v, bucket, count_entry, &count, NULL) != SPK_OK);
			atomic_fetch_add(&w->bad, count != keys);
		}
	}
	spk_state_view_close(v);
	batch_free(b);
	return NULL;
}

/* Cells that make room go by batches, and from some number on as files. */
static void views_by_threads(void)
{
	for (size_t cells = 10; cells <= 1000; cells *= 100) {
		char *dir = spk_test_dir("threads");
		const struct spk_store_options tiny = { .cache_bytes = 20 * 1024, .ingest_cells = cells };
		struct spk_store *s;
		struct worker w[3];
		pthread_t thread[3];
		spk_error err = { 0 };

		REQUIRE_OK(spk_store_open(&s, dir, &tiny, &err), err);
		REQUIRE_OK(spk_store_add_table(s, "t", SPK_TABLE_BUCKETED, 1, "", &err), err);
		for (int i = 0; i < 3; i++) {
			w[i] = (struct worker){ .store = s, .first = i * 20, .end = i * 20 + 20 };
			REQUIRE(pthread_create(&thread[i], NULL, work, &w[i]) == 0);
		}
		for (int i = 0; i < 3; i++) {
			pthread_join(thread[i], NULL);
			CHECK_EQ_INT(w[i].bad, 0);
		}
		CHECK_EQ_INT(count_files(dir, "ingest"), 0);
		spk_store_close(s);
		CHECK_EQ_INT(account("state cache"), 0);
		free(dir);
	}
}

SPK_TEST_SUITE("state/store",
	{ "tables keep kind, version and fingerprint", tables_keep_their_meaning },
	{ "directories with other things in them are refused", refuses_strange_directories },
	{ "a directory has one store at a time", refuses_a_locked_directory },
	{ "views of a table do not overlap", views_do_not_overlap },
	{ "a clone and its original do not see each other", clones_live_beside_the_original },
	{ "what was not flushed is the view's own", unsnapshotted_is_dropped },
	{ "a flush of much is a file", flushes_are_files },
	{ "what is evicted is found again, what never was is not looked for", what_is_evicted_is_found_again },
	{ "injected failures come out clean and can be repeated", faults_give_clean_errors },
	{ "buckets that live in the cache never reach RocksDB", short_lived_buckets_never_reach_rocksdb },
	{ "what is taken is gone, few keys or many", taken_buckets_are_gone },
	{ "buckets may be many more than the cache holds", many_buckets_come_and_go },
	{ "caches stay within their bound", stays_within_its_bound },
	{ "caches follow their bound", follows_its_bound },
	{ "any reservation may be refused", survives_refused_memory },
	{ "a process that runs short gets half back", gives_way_under_pressure },
	{ "damaged files are noticed", damage_is_noticed },
	{ "views are used by several threads", views_by_threads })
