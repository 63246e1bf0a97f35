/* Checkpoints of real state: what RocksDB snapshots hold, shared files, bit rot in any byte, and restores that go on. */
#include "core/columnar/hash.h"
#include "state/state.h"
#include "tests/checkpoint/store_support.h"

static struct spk_store *open_state(const char *dir, struct spk_state_view **view)
{
	struct spk_store_options options = { .cache_bytes = 1 << 20, .block_cache_bytes = 1 << 20 };
	struct spk_store *s = NULL;
	spk_error err = { 0 };

	REQUIRE_OK(spk_store_open(&s, dir, &options, &err), err);
	REQUIRE_OK(spk_store_add_table(s, "aggregate-1", SPK_TABLE_KEYED, 1, "count", &err), err);
	REQUIRE_OK(spk_state_view_open(view, s, "aggregate-1", 0, SPK_SHARDS, &err), err);
	return s;
}

static void close_state(struct spk_store *s, struct spk_state_view *v)
{
	spk_state_view_close(v);
	spk_store_close(s);
}

/* Key number n as a batch of one. */
struct one { struct spk_row_keys keys; uint32_t offset[2]; uint64_t hash; };

static void make_key(struct one *k, int n)
{
	*k = (struct one){ .keys = { .count = 1 }, .hash = spk_hash_bytes(&n, sizeof n) };
	spk_buffer_append(&k->keys.bytes, &n, sizeof n, NULL);
	k->offset[1] = sizeof n;
	k->keys.offset = k->offset;
}

static void put(struct spk_state_view *v, int n, int64_t number)
{
	struct spk_state_value value = { (const char *)&number, sizeof number };
	struct one k;
	spk_error err = { 0 };

	make_key(&k, n);
	REQUIRE_OK(spk_state_put(v, &k.keys, &k.hash, NULL, &value, &err), err);
	spk_buffer_release(&k.keys.bytes);
}

/* The number of a key, -1 when it is not there. */
static int64_t get(struct spk_state_view *v, int n)
{
	struct spk_state_value value;
	int64_t number = -1;
	struct one k;
	spk_error err = { 0 };

	make_key(&k, n);
	REQUIRE_OK(spk_state_get(v, &k.keys, &k.hash, NULL, &value, &err), err);
	if (spk_state_found(&value) && value.size == sizeof number)
		memcpy(&number, value.data, sizeof number);
	spk_buffer_release(&k.keys.bytes);
	return number;
}

/* Snapshots the state and saves it as the checkpoint of `epoch`. */
static void take(struct spk_store *state, struct spk_checkpoint_store *s, const char *dir, int64_t epoch)
{
	char *snapshot = spk_test_format("%s/snapshot", dir);
	spk_error err = { 0 };

	spk_test_remove(snapshot);
	REQUIRE_OK(spk_store_snapshot(state, snapshot, &err), err);
	REQUIRE_OK(save(s, snapshot, epoch, &err), err);
	spk_test_remove(snapshot);
	free(snapshot);
}

/* Restores `epoch` and compares all keys with want[0..n). */
static void check_state(struct spk_checkpoint_store *s, const char *dir, int64_t epoch, const int64_t *want, int n)
{
	char *clone = spk_test_format("%s/clone", dir);
	struct spk_state_view *v;
	struct spk_store *state;
	spk_error err = { 0 };
	int wrong = 0;

	spk_test_remove(clone);
	REQUIRE_OK(s->type->clone(s, epoch, clone, &err), err);
	state = open_state(clone, &v);
	for (int i = 0; i < n; i++)
		wrong += get(v, i) != want[i];
	CHECK_EQ_INT(wrong, 0);
	/* The clone is for writing: nothing of that may reach the store. */
	put(v, 0, 123456);
	REQUIRE_OK(spk_store_flush(state, &err), err);
	close_state(state, v);
	CHECK_OK(s->type->verify(s, epoch, &err), err);
	spk_test_remove(clone);
	free(clone);
}

/* Several generations of state, restored in any order; a restored state is gone on with and checkpointed again. */
static void state_comes_back(void)
{
	enum { KEYS = 3000, GENERATIONS = 5 };
	static int64_t want[GENERATIONS + 1][KEYS];
	char *dir = spk_test_dir("state"), *live = spk_test_format("%s/live", dir), *store = spk_test_format("%s/store", dir);
	struct spk_checkpoint_store *s = open_store(store);
	spk_test_rng rng = spk_test_rng_new(1);
	struct spk_state_view *v;
	struct spk_store *state = open_state(live, &v);
	int64_t oldest;
	spk_error err = { 0 };

	memset(want, 0xff, sizeof want);
	for (int g = 1; g <= GENERATIONS; g++) {
		memcpy(want[g], want[g - 1], sizeof want[g]);
		for (int i = 0; i < KEYS / g; i++) {
			int key = (int)spk_test_below(&rng, KEYS);

			want[g][key] = (int64_t)(spk_test_next(&rng) >> 2);
			put(v, key, want[g][key]);
		}
		take(state, s, dir, g);
		if (g == 3) {
			/* A restart: from here on SST numbers come again with other contents. */
			close_state(state, v);
			spk_test_remove(live);
			REQUIRE_OK(s->type->clone(s, 2, live, &err), err);
			memcpy(want[g], want[2], sizeof want[g]);
			state = open_state(live, &v);
			take(state, s, dir, g);
		}
	}
	close_state(state, v);
	for (int g = GENERATIONS; g >= 1; g--)
		check_state(s, dir, g, want[g], KEYS);
	CHECK_OK(s->type->retain(s, 2, &oldest, &err), err);
	for (int g = GENERATIONS - 1; g <= GENERATIONS; g++)
		check_state(s, dir, g, want[g], KEYS);
	s->type->close(s);
	free(live);
	free(store);
	free(dir);
}

/* Table files that did not change since the last checkpoint are stored once. */
static void unchanged_tables_are_shared(void)
{
	char *dir = spk_test_dir("tables"), *live = spk_test_format("%s/live", dir), *store = spk_test_format("%s/store", dir);
	struct spk_checkpoint_store *s = open_store(store);
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_checkpoint *one = NULL, *two = NULL;
	struct spk_state_view *v;
	struct spk_store *state = open_state(live, &v);
	int tables = 0, shared = 0;
	spk_error err = { 0 };

	for (int i = 0; i < 1000; i++)
		put(v, i, i);
	take(state, s, dir, 1);
	put(v, 1, 2);
	take(state, s, dir, 2);
	close_state(state, v);
	REQUIRE_OK(s->type->read(s, 1, arena, &one, &err), err);
	REQUIRE_OK(s->type->read(s, 2, arena, &two, &err), err);
	for (int i = 0; i < one->files; i++)
		for (int k = 0; k < two->files; k++)
			if (strstr(one->file[i].name, ".sst") && strcmp(one->file[i].hash, two->file[k].hash) == 0)
				shared++;
	for (int i = 0; i < one->files; i++)
		tables += strstr(one->file[i].name, ".sst") != NULL;
	CHECK(tables > 0 && shared == tables);
	CHECK(count_files(store, "files") < one->files + two->files);
	spk_arena_unref(arena);
	s->type->close(s);
	free(live);
	free(store);
	free(dir);
}

/* One flipped bit in every byte of every file of a small checkpoint. */
static void every_flipped_byte_is_found(void)
{
	char *dir = spk_test_dir("rot"), *live = spk_test_format("%s/live", dir), *store = spk_test_format("%s/store", dir);
	struct spk_checkpoint_store *s = open_store(store);
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_checkpoint *c = NULL;
	struct spk_state_view *v;
	struct spk_store *state = open_state(live, &v);
	int64_t flipped = 0, refused = 0;
	spk_error err = { 0 };

	for (int i = 0; i < 20; i++)
		put(v, i, i);
	take(state, s, dir, 9);
	close_state(state, v);
	REQUIRE_OK(s->type->read(s, 9, arena, &c, &err), err);
	for (int i = 0; i < c->files; i++) {
		char *path = stored_path(store, c, i);
		FILE *f = fopen(path, "r+b");

		REQUIRE(f != NULL);
		setbuf(f, NULL);
		for (long at = 0; at < c->file[i].size; at++) {
			int was = (fseek(f, at, SEEK_SET), fgetc(f));

			fseek(f, at, SEEK_SET);
			fputc(was ^ 1 << at % 8, f);
			flipped++;
			refused += s->type->verify(s, 9, &err) == SPK_CORRUPT && strstr(err.message, "checkpoint of epoch 9") && strstr(err.message, c->file[i].name);
			fseek(f, at, SEEK_SET);
			fputc(was, f);
		}
		fclose(f);
		free(path);
	}
	CHECK(flipped > 1000);
	CHECK_EQ_INT(refused, flipped);
	CHECK_OK(s->type->verify(s, 9, &err), err);
	spk_arena_unref(arena);
	s->type->close(s);
	free(live);
	free(store);
	free(dir);
}

SPK_TEST_SUITE("checkpoints of state",
	{ "state comes back", state_comes_back },
	{ "unchanged tables are shared", unchanged_tables_are_shared },
	{ "every flipped byte is found", every_flipped_byte_is_found })
