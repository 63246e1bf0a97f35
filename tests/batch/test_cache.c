/* Kept relations: who gives way when memory is short, in which order, and that nobody who reads them notices. */
#include "batch/cache.h"

#include <dirent.h>

#include "core/base/fault.h"
#include "core/base/memory.h"
#include "core/base/metrics.h"
#include "tests/support/test.h"

enum { RELATIONS = 4, BATCHES = 8, ROWS = 4000, ONE = BATCHES * ROWS * 8 };

static spk_error err;
static struct spk_arena *arena;
static struct spk_schema *schema;
static struct spk_cache *cache;
static struct spk_cached *kept[RELATIONS];
static char *dir;

static void begin(size_t bytes)
{
	dir = spk_test_dir("cache");
	arena = spk_arena_new(NULL);
	schema = SPK_NEW(arena, struct spk_schema);
	schema->count = 1;
	schema->field = SPK_NEW_ARRAY(arena, struct spk_field, 1);
	schema->field[0] = (struct spk_field){ "n", spk_type(SPK_TYPE_BIGINT), true };
	REQUIRE_OK(spk_cache_new(&cache, dir, bytes, &err), err);
}

static void end(void)
{
	DIR *d;
	int n = -2;

	for (int i = 0; i < RELATIONS; i++) {
		spk_cached_unref(kept[i]);
		kept[i] = NULL;
	}
	spk_cache_free(cache);
	spk_arena_unref(arena);
	CHECK_EQ_INT(spk_memory_account_used(spk_memory_account("cached rows")), 0);
	CHECK_EQ_INT(spk_memory_account_used(spk_memory_account("rows")), 0);
	REQUIRE((d = opendir(dir)) != NULL);
	while (readdir(d))
		n++;
	closedir(d);
	CHECK_EQ_INT(n, 0);
	free(dir);
}

static spk_status add(struct spk_cached *c, int from)
{
	struct spk_batch *batch;
	spk_status status;

	REQUIRE_OK(spk_batch_new(&batch, schema, spk_memory_account("rows"), &err), err);
	batch->rows = batch->selected = ROWS;
	REQUIRE_OK(spk_vector_init(&batch->column[0], schema->field[0].type, ROWS, batch->arena, &err), err);
	for (int i = 0; i < ROWS; i++)
		spk_vector_i64(&batch->column[0])[i] = from + i;
	status = spk_cached_add(c, 0, batch, &err);
	spk_batch_unref(batch);
	return status;
}

/* Relation i: the numbers i, i + 1, ... */
static void fill(int i, enum spk_cache_level level)
{
	if (!kept[i])
		REQUIRE_OK(spk_cached_new(&kept[i], cache, schema, level, NULL, &err), err);
	REQUIRE_OK(spk_cached_begin(kept[i], 1, &err), err);
	for (int b = 0; b < BATCHES; b++)
		REQUIRE_OK(add(kept[i], i + b * ROWS), err);
	spk_cached_finish(kept[i]);
}

static void touch(int i)
{
	CHECK(spk_cached_pin(kept[i]));
	spk_cached_unpin(kept[i]);
}

static size_t in_memory(int i)
{
	size_t memory;
	int64_t disk;

	spk_cached_bytes(kept[i], &memory, &disk);
	return memory;
}

/* Reads a relation; after so many batches everything is taken out of memory. */
static void read_all(int i, int reclaim_after)
{
	static const int first[] = { 0 };
	struct spk_table *table;
	struct spk_source_spec spec = { .schema = schema, .column = first };
	struct spk_source *source;
	int64_t at = 0, rows = 0;

	REQUIRE(spk_cached_pin(kept[i]));
	REQUIRE_OK(spk_cached_table(kept[i], "kept", arena, &table, &err), err);
	spec.table = table;
	REQUIRE_OK(spk_rows_source.open(&source, &spec, &err), err);
	for (int n = 0;; n++) {
		struct spk_batch *batch;
		struct spk_reader r;

		if (n == reclaim_after)
			CHECK(spk_cache_reclaim(cache, SIZE_MAX) > 0);
		REQUIRE_OK(spk_rows_source.next(source, 0, &at, &batch, &err), err);
		if (!batch)
			break;
		r = spk_vector_reader(&batch->column[0]);
		SPK_EACH_ROW(batch, k, row)
			REQUIRE_EQ_INT(((const int64_t *)r.data)[spk_reader_slot(&r, row)], i + rows++);
		spk_batch_unref(batch);
	}
	CHECK_EQ_INT(rows, BATCHES * ROWS);
	spk_rows_source.close(source);
	spk_cached_unpin(kept[i]);
}

static void longest_ago_first(void)
{
	struct spk_metric *moved = spk_metric(SPK_COUNTER, "cache_evictions_total", "to=disk"), *dropped = spk_metric(SPK_COUNTER, "cache_evictions_total", "to=nowhere");
	int64_t moved_before = spk_metric_get(moved), dropped_before = spk_metric_get(dropped);

	begin(100 * ONE);
	for (int i = 0; i < RELATIONS; i++)
		fill(i, i == 2 ? SPK_CACHE_MEMORY : SPK_CACHE_BOTH);
	for (int i = 0; i < RELATIONS; i++)
		CHECK(in_memory(i) >= ONE && spk_cached_evicted(kept[i]) == 0);
	touch(3);
	touch(1);
	touch(2);
	touch(0);
	for (int i = 0; i < RELATIONS; i++)
		CHECK(spk_cache_reclaim(cache, 1) >= ONE);
	CHECK_EQ_INT(spk_cached_evicted(kept[3]), 1);
	CHECK_EQ_INT(spk_cached_evicted(kept[1]), 2);
	CHECK_EQ_INT(spk_cached_evicted(kept[2]), 3);
	CHECK_EQ_INT(spk_cached_evicted(kept[0]), 4);
	CHECK_EQ_INT(spk_metric_get(moved) - moved_before, 3);
	CHECK_EQ_INT(spk_metric_get(dropped) - dropped_before, 1);
	CHECK_EQ_INT(spk_cache_reclaim(cache, 1), 0);
	/* The one that was kept in memory alone is gone, the others are on disk. */
	CHECK(!spk_cached_pin(kept[2]));
	CHECK_EQ_INT(spk_cached_rows(kept[2]), 0);
	for (int i = 0; i < RELATIONS; i++)
		if (i != 2)
			read_all(i, -1);
	end();
}

static void over_the_bound(void)
{
	size_t one;

	begin(100 * ONE);
	fill(0, SPK_CACHE_BOTH);
	one = in_memory(0);
	end();
	begin(5 * one / 2);
	for (int i = 0; i < RELATIONS; i++)
		fill(i, SPK_CACHE_BOTH);
	/* Room for two and a half: the first two went, in the order in which they were made. */
	CHECK(spk_cached_evicted(kept[0]) > 0 && spk_cached_evicted(kept[0]) < spk_cached_evicted(kept[1]));
	CHECK_EQ_INT(in_memory(0) + in_memory(1), 0);
	CHECK(in_memory(2) && in_memory(3));
	for (int i = 0; i < RELATIONS; i++)
		read_all(i, -1);
	end();
}

/* What is pinned goes last, to disk at every level, in the middle of being read. */
static void read_meanwhile(void)
{
	static const enum spk_cache_level levels[] = { SPK_CACHE_MEMORY, SPK_CACHE_BOTH };

	begin(100 * ONE);
	for (int n = 0; n <= BATCHES; n++)
		for (int i = 0; i < 2; i++) {
			fill(i, levels[i]);
			read_all(i, n);
			CHECK_EQ_INT(in_memory(i), 0);
			read_all(i, -1);
		}
	fill(0, SPK_CACHE_MEMORY);
	fill(1, SPK_CACHE_BOTH);
	CHECK(spk_cached_pin(kept[0]));
	CHECK(spk_cache_reclaim(cache, 1) > 0);
	CHECK(in_memory(0) && !in_memory(1));
	spk_cached_unpin(kept[0]);
	end();
}

/* What is being filled gives way, and goes on being filled. */
static void fill_meanwhile(void)
{
	begin(100 * ONE);
	REQUIRE_OK(spk_cached_new(&kept[0], cache, schema, SPK_CACHE_MEMORY, NULL, &err), err);
	REQUIRE_OK(spk_cached_begin(kept[0], 1, &err), err);
	for (int b = 0; b < BATCHES; b++) {
		REQUIRE_OK(add(kept[0], b * ROWS), err);
		if (b == 3)
			CHECK(spk_cache_reclaim(cache, 1) > 0);
	}
	spk_cached_finish(kept[0]);
	CHECK_EQ_INT(in_memory(0), 0);
	read_all(0, -1);
	end();
}

/* A disk that is full: nothing gives way, nothing is lost. */
static void no_disk(void)
{
	begin(100 * ONE);
	fill(0, SPK_CACHE_BOTH);
	REQUIRE_OK(spk_fault_set("spill.write:1+", &err), err);
	CHECK_EQ_INT(spk_cache_reclaim(cache, 1), 0);
	CHECK(in_memory(0) >= ONE);
	REQUIRE_OK(spk_fault_set("spill.write:2", &err), err);
	(void)spk_cache_reclaim(cache, 1);
	REQUIRE_OK(spk_fault_set("", &err), err);
	read_all(0, -1);
	end();
}

SPK_TEST_SUITE("batch/cache",
	{ "who was used the longest ago gives way first", longest_ago_first },
	{ "beyond the bound", over_the_bound },
	{ "while it is read", read_meanwhile },
	{ "while it is filled", fill_meanwhile },
	{ "when the disk is full", no_disk })
