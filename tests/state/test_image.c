/* Snapshots by images of cells: what they hold, when they are made, what they cost the next start, and what damaged ones say. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/fault.h"
#include "core/base/file.h"
#include "tests/state/support.h"

static bool has_image(const char *dir)
{
	char *path = spk_test_format("%s/cells.image", dir);
	struct stat st;
	bool there = stat(path, &st) == 0;

	free(path);
	return there;
}

static int64_t dirty_of(const struct spk_state_view *v)
{
	struct spk_state_stat stat;

	spk_state_view_stat(v, &stat);
	return stat.dirty;
}

/* Little that changed is in the image alone: keyed and bucketed, values and deletes, over other values in RocksDB. */
static void holds_what_changed(void)
{
	char *dir = spk_test_dir("holds"), *live = spk_test_format("%s/live", dir), *snap = spk_test_format("%s/snap", dir);
	struct spk_store *s = open_in(live);
	struct spk_state_view *k = open_view(s, "k", SPK_TABLE_KEYED), *w = open_view(s, "w", SPK_TABLE_BUCKETED);
	struct batch *b = calloc(1, sizeof(*b));
	struct key gone = make_key(7);
	int entries = 0;
	spk_error err = { 0 };

	REQUIRE_OK(put_range(k, b, 0, 100, 0, true, &err), err);
	REQUIRE_OK(spk_store_flush(s, &err), err);
	REQUIRE_OK(put_range(k, b, 90, 20, 0, true, &err), err);
	batch_clear(b);
	batch_add(b, &gone, 0, 0, (struct spk_state_value){ NULL, UINT32_MAX });
	REQUIRE_OK(spk_state_put(k, &b->keys, b->hash, NULL, b->value, &err), err);
	for (int64_t bucket = -1; bucket < 3; bucket++)
		REQUIRE_OK(put_range(w, b, 0, 10, bucket, false, &err), err);
	REQUIRE_OK(spk_store_snapshot(s, snap, &err), err);
	CHECK(has_image(snap));
	CHECK(dirty_of(k) == 21 && dirty_of(w) == 40);
	spk_state_view_close(k);
	spk_state_view_close(w);
	spk_store_close(s);

	s = open_in(snap);
	k = open_view(s, "k", SPK_TABLE_KEYED);
	w = open_view(s, "w", SPK_TABLE_BUCKETED);
	CHECK(dirty_of(k) == 21 && dirty_of(w) == 40);
	REQUIRE_OK(spk_state_scan(k, count_any, &entries, &err), err);
	CHECK_EQ_INT(entries, 109);
	CHECK_EQ_INT(get_range(k, b, 0, 200, 0, true), 109);
	CHECK_EQ_INT(get_range(k, b, 7, 1, 0, true), 0);
	CHECK_EQ_INT(spk_state_first_bucket(w), -1);
	for (int64_t bucket = -1; bucket < 3; bucket++)
		CHECK_EQ_INT(get_range(w, b, 0, 20, bucket, false), 10);
	/* A view that is closed gives its cells back; what was flushed is RocksDB's. */
	REQUIRE_OK(put_range(k, b, 300, 5, 0, true, &err), err);
	spk_state_view_close(k);
	k = open_view(s, "k", SPK_TABLE_KEYED);
	CHECK_EQ_INT(get_range(k, b, 0, 400, 0, true), 109);
	REQUIRE_OK(put_range(k, b, 300, 5, 0, true, &err), err);
	REQUIRE_OK(spk_store_flush(s, &err), err);
	spk_state_view_close(k);
	k = open_view(s, "k", SPK_TABLE_KEYED);
	CHECK_EQ_INT(dirty_of(k), 0);
	CHECK_EQ_INT(get_range(k, b, 0, 400, 0, true), 114);
	spk_state_view_close(k);
	spk_state_view_close(w);
	spk_store_close(s);
	CHECK_EQ_INT(account("state cache"), 0);
	batch_free(b);
	free(live);
	free(snap);
	free(dir);
}

/* Two images of what is the same, then a flush, over a restart as well; more than half of a cache is flushed at once. */
static void flushes_now_and_then(void)
{
	const struct spk_store_options options = { .cache_bytes = 16 << 20 }, little = { .cache_bytes = 2 << 20 };
	char *dir = spk_test_dir("flushes"), *live = spk_test_format("%s/0", dir);
	struct spk_store *s = NULL;
	struct batch *b = calloc(1, sizeof(*b));
	spk_error err = { 0 };

	REQUIRE_OK(spk_store_open(&s, live, &options, &err), err);
	free(live);
	for (int i = 1; i <= 4; i++) {
		struct spk_state_view *v = open_view(s, "k", SPK_TABLE_KEYED);
		char *snap = spk_test_format("%s/%d", dir, i);

		for (int at = 0; at < 30000; at += 1000)
			REQUIRE_OK(put_range(v, b, at, 1000, 0, true, &err), err);
		REQUIRE_OK(spk_store_snapshot(s, snap, &err), err);
		CHECK_EQ_INT(has_image(snap), i != 3);
		CHECK_EQ_INT(count_files(snap, ".sst") > 1, i >= 3);  /* one describes the table */
		CHECK_EQ_INT(dirty_of(v), i == 3 ? 0 : 30000);
		spk_state_view_close(v);
		spk_store_close(s);
		s = NULL;
		REQUIRE_OK(spk_store_open(&s, snap, i == 4 ? &little : &options, &err), err);
		free(snap);
	}
	struct spk_state_view *v = open_view(s, "k", SPK_TABLE_KEYED);
	char *last = spk_test_format("%s/last", dir);

	for (int at = 0; at < 30000; at += 1000)
		CHECK_EQ_INT(get_range(v, b, at, 1000, 0, true), 1000);
	for (int at = 0; at < 20000; at += 1000)
		REQUIRE_OK(put_range(v, b, at, 1000, 0, true, &err), err);
	REQUIRE_OK(spk_store_snapshot(s, last, &err), err);
	CHECK(!has_image(last));
	spk_state_view_close(v);
	spk_store_close(s);
	free(last);
	batch_free(b);
	free(dir);
}

/* Cells of tables and shards that have no view go from image to image, until their table is dropped. */
static void carries_over(void)
{
	char *dir = spk_test_dir("carried"), *live = spk_test_format("%s/live", dir), *one = spk_test_format("%s/one", dir), *two = spk_test_format("%s/two", dir), *three = spk_test_format("%s/three", dir);
	struct spk_store *s = open_in(live);
	struct spk_state_view *a = open_view(s, "a", SPK_TABLE_KEYED), *c = open_view(s, "c", SPK_TABLE_BUCKETED), *part;
	struct batch *b = calloc(1, sizeof(*b));
	int entries = 0;
	spk_error err = { 0 };

	REQUIRE_OK(put_range(a, b, 0, 500, 0, true, &err), err);
	REQUIRE_OK(put_range(c, b, 0, 300, 9, false, &err), err);
	REQUIRE_OK(spk_store_snapshot(s, one, &err), err);
	spk_state_view_close(a);
	spk_state_view_close(c);
	spk_store_close(s);

	/* One part of one table is opened, and flushed. */
	s = open_in(one);
	REQUIRE_OK(spk_store_add_table(s, "a", SPK_TABLE_KEYED, 1, "f", &err), err);
	REQUIRE_OK(spk_state_view_open(&part, s, "a", 0, 20, &err), err);
	REQUIRE_OK(spk_state_scan(part, count_any, &entries, &err), err);
	CHECK(entries > 0 && entries < 500);
	REQUIRE_OK(spk_store_flush(s, &err), err);
	REQUIRE_OK(spk_store_snapshot(s, two, &err), err);
	CHECK(has_image(two));
	spk_state_view_close(part);
	spk_store_close(s);

	s = open_in(two);
	a = open_view(s, "a", SPK_TABLE_KEYED);
	CHECK_EQ_INT(dirty_of(a), 500 - entries);
	CHECK_EQ_INT(get_range(a, b, 0, 500, 0, true), 500);
	c = open_view(s, "c", SPK_TABLE_BUCKETED);
	CHECK_EQ_INT(get_range(c, b, 0, 300, 9, false), 300);
	spk_state_view_close(c);
	REQUIRE_OK(spk_store_drop_table(s, "c", &err), err);
	c = open_view(s, "c", SPK_TABLE_BUCKETED);
	CHECK_EQ_INT(spk_state_first_bucket(c), INT64_MAX);
	spk_state_view_close(c);
	REQUIRE_OK(spk_store_snapshot(s, three, &err), err);
	spk_state_view_close(a);
	spk_store_close(s);
	s = open_in(three);
	c = open_view(s, "c", SPK_TABLE_BUCKETED);
	CHECK_EQ_INT(spk_state_first_bucket(c), INT64_MAX);
	a = open_view(s, "a", SPK_TABLE_KEYED);
	CHECK_EQ_INT(get_range(a, b, 0, 500, 0, true), 500);
	spk_state_view_close(a);
	spk_state_view_close(c);
	spk_store_close(s);
	batch_free(b);
	free(three);
	free(two);
	free(one);
	free(live);
	free(dir);
}

/* Opens a store whose image is `bytes` of data; its table's view if that works. Returns what failed. */
static spk_status open_damaged(const char *dir, const char *data, size_t bytes, spk_error *err)
{
	char *path = spk_test_format("%s/cells.image", dir);
	struct spk_state_view *v;
	struct spk_store *s;
	int fd = open(path, O_WRONLY | O_TRUNC);
	spk_status status;

	REQUIRE(fd >= 0 && write(fd, data, bytes) == (ssize_t)bytes);
	close(fd);
	free(path);
	status = spk_store_open(&s, dir, &small, err);
	if (status != SPK_OK)
		return status;
	status = spk_store_add_table(s, "k", SPK_TABLE_KEYED, 1, "f", err);
	if (status == SPK_OK)
		status = spk_state_view_open(&v, s, "k", 0, SPK_SHARDS, err);
	if (status == SPK_OK)
		spk_state_view_close(v);
	spk_store_close(s);
	return status;
}

/* Takes a snapshot of a store whose image nobody has taken. Returns what failed. */
static spk_status snapshot_damaged(const char *dir, spk_error *err)
{
	char *next = spk_test_format("%s-next", dir);
	struct spk_store *s = open_in(dir);
	spk_status status = spk_store_snapshot(s, next, err);
	struct stat st;

	CHECK(status == SPK_OK || stat(next, &st) != 0);
	spk_store_close(s);
	free(next);
	return status;
}

/* Checkpoints are verified by their hashes before, so this is for what those do not see: no crash, and an error that names the place. */
static void damage_is_named(void)
{
	char *dir = spk_test_dir("damage"), *live = spk_test_format("%s/live", dir), *snap = spk_test_format("%s/snap", dir), *path = spk_test_format("%s/cells.image", snap);
	struct spk_store *s = open_in(live);
	struct spk_state_view *k = open_view(s, "k", SPK_TABLE_KEYED);
	struct batch *b = calloc(1, sizeof(*b));
	struct spk_buffer image = { 0 };
	uint64_t many = 1000000;
	spk_error err = { 0 };

	REQUIRE_OK(put_range(k, b, 0, 50, 0, true, &err), err);
	REQUIRE_OK(spk_store_snapshot(s, snap, &err), err);
	spk_state_view_close(k);
	spk_store_close(s);
	REQUIRE_OK(spk_file_read_all(path, &image, &err), err);
	CHECK_OK(open_damaged(snap, image.data, image.size, &err), err);
	/* Cut off anywhere, the tail is not where it should be. */
	for (size_t n = 0; n < image.size; n += 37) {
		CHECK_FAILS(open_damaged(snap, image.data, n, &err), SPK_CORRUPT, err);
		CHECK_HOLDS(err.message, "cells.image");
	}
	/* More cells than there are, and a key that is longer than all. */
	memcpy(image.data + 8, &many, sizeof many);
	CHECK_FAILS(open_damaged(snap, image.data, image.size, &err), SPK_CORRUPT, err);
	CHECK_HOLDS(err.message, "cells.image, table 'k': it ends within a bucket");
	CHECK_HOLDS(err.hint, "checkpoint-*.json");
	memcpy(image.data + 16 + 8, &many, 4);
	CHECK_FAILS(open_damaged(snap, image.data, image.size, &err), SPK_CORRUPT, err);
	CHECK_HOLDS(err.message, "within a cell");
	/* A view that never comes is no reason to carry damage on. */
	CHECK_FAILS(snapshot_damaged(snap, &err), SPK_CORRUPT, err);
	CHECK_HOLDS(err.message, "cells.image, table 'k'");
	/* A tail whose index begins behind the file. */
	memset(image.data + image.size - 32, 0x7f, 8);
	CHECK_FAILS(open_damaged(snap, image.data, image.size, &err), SPK_CORRUPT, err);
	CHECK_HOLDS(err.message, "is no image of cells");
	spk_buffer_release(&image);
	batch_free(b);
	free(path);
	free(live);
	free(snap);
	free(dir);
}

/* A snapshot that fails leaves nothing behind, and the next one is whole; so is a start. */
static void failures_can_be_repeated(void)
{
	static const char *const faults[] = { "state.write:1", "file.write:1", "state.snapshot:1", "malloc:1+" };
	char *dir = spk_test_dir("faults"), *live = spk_test_format("%s/live", dir), *part = spk_test_format("%s/cells.image.part", live);
	struct spk_store *s = open_in(live), *clone;
	struct spk_state_view *k = open_view(s, "k", SPK_TABLE_KEYED), *again;
	struct batch *b = calloc(1, sizeof(*b));
	struct stat st;
	spk_error err = { 0 };

	REQUIRE_OK(put_range(k, b, 0, 50, 0, true, &err), err);
	for (size_t i = 0; i < SPK_COUNT_OF(faults); i++) {
		char *snap = spk_test_format("%s/snap-%zu", dir, i);

		REQUIRE_OK(spk_fault_set(faults[i], &err), err);
		CHECK(spk_store_snapshot(s, snap, &err) != SPK_OK || i == 3);
		REQUIRE_OK(spk_fault_set(NULL, &err), err);
		CHECK(stat(part, &st) != 0);
		if (i < 3) {
			CHECK(stat(snap, &st) != 0);
			REQUIRE_OK(spk_store_snapshot(s, snap, &err), err);
		} else if (stat(snap, &st) != 0) {
			REQUIRE_OK(spk_store_snapshot(s, snap, &err), err);
		}
		clone = open_in(snap);
		REQUIRE_OK(spk_store_add_table(clone, "k", SPK_TABLE_KEYED, 1, "f", &err), err);
		REQUIRE_OK(spk_fault_set("state.read:1", &err), err);
		CHECK_FAILS(spk_state_view_open(&again, clone, "k", 0, SPK_SHARDS, &err), SPK_IO, err);
		REQUIRE_OK(spk_fault_set(NULL, &err), err);
		REQUIRE_OK(spk_state_view_open(&again, clone, "k", 0, SPK_SHARDS, &err), err);
		CHECK_EQ_INT(get_range(again, b, 0, 50, 0, true), 50);
		spk_state_view_close(again);
		spk_store_close(clone);
		free(snap);
	}
	spk_state_view_close(k);
	spk_store_close(s);
	batch_free(b);
	free(part);
	free(live);
	free(dir);
}

/* Opens the views of a clone where the reservation `fault` says is refused, then without: all is there, whatever the first ones moved to RocksDB before they gave up. */
static bool loads_after(const char *dir, const char *fault, struct batch *b)
{
	struct spk_store *s = open_in(dir);
	struct spk_state_view *k = NULL, *w = NULL;
	size_t before = account("state cache");
	spk_error err = { 0 };
	bool refused;

	REQUIRE_OK(spk_store_add_table(s, "k", SPK_TABLE_KEYED, 1, "f", &err), err);
	REQUIRE_OK(spk_store_add_table(s, "w", SPK_TABLE_BUCKETED, 1, "f", &err), err);
	REQUIRE_OK(spk_fault_set(fault, &err), err);
	refused = spk_state_view_open(&k, s, "k", 0, SPK_SHARDS, &err) != SPK_OK || spk_state_view_open(&w, s, "w", 10, SPK_SHARDS, &err) != SPK_OK;
	CHECK(!refused || err.code == SPK_MEMORY_LIMIT || err.code == SPK_NO_MEMORY);
	REQUIRE_OK(spk_fault_set(NULL, &err), err);
	spk_state_view_close(k);
	spk_state_view_close(w);
	CHECK_EQ_INT(account("state cache"), before);
	k = open_view(s, "k", SPK_TABLE_KEYED);
	w = open_view(s, "w", SPK_TABLE_BUCKETED);
	CHECK_EQ_INT(get_range(k, b, 0, 3000, 0, true), 2900);
	CHECK_EQ_INT(get_range(w, b, 0, 1500, 5, false), 1500);
	spk_state_view_close(k);
	spk_state_view_close(w);
	spk_store_close(s);
	return refused;
}

/* Memory that is refused anywhere in the middle of a load, of an image that is larger than the cache. */
static void loads_may_be_refused(void)
{
	const struct spk_store_options ample = { .cache_bytes = 16 << 20 };
	char *dir = spk_test_dir("refused"), *live = spk_test_format("%s/live", dir), *snap = spk_test_format("%s/snap", dir);
	struct spk_store *s = NULL;
	struct batch *b = calloc(1, sizeof(*b));
	struct spk_state_view *k, *w;
	int refused = 0;
	spk_error err = { 0 };

	REQUIRE_OK(spk_store_open(&s, live, &ample, &err), err);
	k = open_view(s, "k", SPK_TABLE_KEYED);
	w = open_view(s, "w", SPK_TABLE_BUCKETED);
	REQUIRE_OK(put_range(k, b, 0, 2000, 0, true, &err), err);
	REQUIRE_OK(spk_store_flush(s, &err), err);
	REQUIRE_OK(put_range(k, b, 1000, 2000, 0, true, &err), err);
	REQUIRE_OK(put_range(w, b, 0, 1500, 5, false, &err), err);
	batch_clear(b);
	for (uint32_t i = 0; i < 100; i++) {
		const struct key gone = make_key(i * 20);

		batch_add(b, &gone, 0, 0, (struct spk_state_value){ NULL, UINT32_MAX });
	}
	REQUIRE_OK(spk_state_put(k, &b->keys, b->hash, NULL, b->value, &err), err);
	REQUIRE_OK(spk_store_snapshot(s, snap, &err), err);
	CHECK(has_image(snap));
	spk_state_view_close(k);
	spk_state_view_close(w);
	spk_store_close(s);
	for (int n = 1, step = 1; n < 150; n += step, step = n < 12 ? 1 : 9)
		for (int on = 0; on < 2; on++) {
			char *clone = spk_test_format("%s/clone-%d-%d", dir, n, on), *fault = spk_test_format("malloc:%d%s", n, on ? "+" : "");

			REQUIRE_EQ_INT(spk_test_run(NULL, "cp -r '%s' '%s'", snap, clone), 0);
			refused += loads_after(clone, fault, b);
			spk_test_remove(clone);
			free(fault);
			free(clone);
		}
	CHECK(refused > 5);
	batch_free(b);
	free(live);
	free(snap);
	free(dir);
}

SPK_TEST_SUITE("state/image",
	{ "an image holds what RocksDB was not given", holds_what_changed },
	{ "now and then, and when it is much, cells are flushed instead", flushes_now_and_then },
	{ "cells that nobody took are carried over", carries_over },
	{ "damaged images say so", damage_is_named },
	{ "failures leave nothing behind and can be repeated", failures_can_be_repeated },
	{ "a load may be refused memory anywhere", loads_may_be_refused })
