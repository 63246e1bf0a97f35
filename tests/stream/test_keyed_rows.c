/* Rows kept by key against lists in memory: many pages and one, rows taken back and again added, snapshots between; keyed and by bucket, by hash and not, in pieces. */
#include "core/columnar/hash.h"
#include "stream/operator/keyed_rows.h"
#include "tests/stream/support.h"

enum { KEYS = 6, ROWS_MAX = 4000 };

/* A key's rows by the plain way: row number r is there weight[r] times, and meets met[r]. */
struct model { int64_t weight[ROWS_MAX], met[ROWS_MAX], total; };

struct world {
	spk_test_rng rng;
	char *dir;
	int generation;
	struct spk_store *store;
	struct spk_state_view *view;
	struct spk_keyed_rows kept;
	struct model *model;
};

static void open_world(struct world *w)
{
	struct spk_store_options options = { .cache_bytes = 64 * 1024, .block_cache_bytes = 1 << 20 };
	char *dir = spk_test_format("%s/state-%d", w->dir, w->generation);
	spk_error err = { 0 };

	REQUIRE_OK(spk_store_open(&w->store, dir, &options, &err), err);
	REQUIRE_OK(spk_store_add_table(w->store, "rows", w->kept.bucketed ? SPK_TABLE_BUCKETED : SPK_TABLE_KEYED, 1, "rows", &err), err);
	REQUIRE_OK(spk_state_view_open(&w->view, w->store, "rows", 0, 64, &err), err);
	w->kept.view = w->view;
	free(dir);
}

static void reopen(struct world *w)
{
	char *dir = spk_test_format("%s/state-%d", w->dir, w->generation + 1);
	spk_error err = { 0 };

	REQUIRE_OK(spk_store_snapshot(w->store, dir, &err), err);
	spk_state_view_close(w->view);
	spk_store_close(w->store);
	w->generation++;
	open_world(w);
	free(dir);
}

/* Row number r of any key: of every size, some longer than a page. */
static uint32_t row_text(int r, char *out)
{
	uint32_t size = (uint32_t)snprintf(out, 4096, "row %d ", r);

	memset(out + size, 'x', 4096 - size);
	return r % 97 == 0 ? 3000 : size + (uint32_t)(r % 50);
}

/* The number behind the first four bytes. */
static int number_in(const char *bytes, uint32_t size)
{
	char text[16] = "";

	memcpy(text, bytes + 4, SPK_MIN((size_t)size - 4, sizeof text - 1));
	return atoi(text);
}

static struct spk_row_group group_of(int key, char *name)
{
	uint32_t size = (uint32_t)snprintf(name, 16, "key %d.", key);

	return (struct spk_row_group){ .key = name, .key_size = size, .hash = spk_hash_bytes(name, size), .bucket = key % 3 };
}

static void take_or_add(struct world *w, struct model *m, struct spk_row_group *g, int r, int64_t weight, struct spk_arena *arena)
{
	char text[4096];
	struct spk_kept_row row = { .size = row_text(r, text), .weight = weight, .met = weight > 0 ? (int64_t)spk_test_below(&w->rng, 9) : 0 };
	int64_t taken = 0;
	spk_error err = { 0 };

	row.bytes = spk_arena_copy(arena, text, row.size);
	if (weight > 0) {
		/* Entries of one row are merged by hash alone: give all of them the same number that they meet. */
		row.met = m->weight[r] ? m->met[r] : row.met;
		REQUIRE_OK(spk_row_group_add(&w->kept, g, &row, arena, &err), err);
		m->met[r] = row.met;
		m->weight[r] += weight;
	} else {
		REQUIRE_OK(spk_row_group_take(&w->kept, g, row.bytes, row.size, -weight, &taken, arena, &err), err);
		CHECK_EQ_INT(taken, SPK_MIN(-weight, m->weight[r]));
		m->weight[r] -= taken;
	}
	m->total += weight > 0 ? weight : -taken;
}

/* What becomes of a row of some key. */
struct step { int row; int64_t weight; };

/* What goes, then what comes; returns how many. */
static int choose_steps(struct world *w, int key, bool only_adds, struct step *step)
{
	const int range = key == 0 ? ROWS_MAX : 1 << (2 * key), changes = (int)spk_test_below(&w->rng, key == 0 ? 600 : 20);
	int n = 0;

	if (!only_adds && spk_test_one_in(&w->rng, 8))
		for (int r = 0; r < range; r++)
			step[n++] = (struct step){ r, -1000000 };
	for (int i = 0; i < changes; i++)
		if (!only_adds && spk_test_one_in(&w->rng, 2))
			step[n++] = (struct step){ (int)spk_test_below(&w->rng, (uint64_t)range), -(int64_t)(1 + spk_test_below(&w->rng, 2)) };
	for (int i = 0; i < changes; i++)
		step[n++] = (struct step){ (int)spk_test_below(&w->rng, (uint64_t)range), 1 + (int64_t)spk_test_below(&w->rng, 2) };
	return n;
}

static void ask_for(struct world *w, struct spk_row_group *g, const struct step *step, int n, struct spk_arena *arena)
{
	char text[4096];
	spk_error err = { 0 };

	for (int i = 0; i < n; i++) {
		const uint32_t size = row_text(step[i].row, text);

		REQUIRE_OK(spk_row_group_ask(&w->kept, g, text, size, step[i].weight > 0, arena, &err), err);
	}
}

/* Some changes of some keys in one go, as an epoch makes them. */
static void change(struct world *w)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_row_group group[KEYS];
	enum spk_rows_wanted wanted[KEYS];
	struct step *step[KEYS];
	int steps[KEYS];
	char name[KEYS][16];
	bool only_adds = spk_test_one_in(&w->rng, 2), all = spk_test_one_in(&w->rng, 4);
	spk_error err = { 0 };

	for (int k = 0; k < KEYS; k++) {
		group[k] = group_of(k, name[k]);
		wanted[k] = w->kept.by_hash && !all ? SPK_ROWS_ASKED : only_adds && !w->kept.by_hash ? SPK_ROWS_LAST : SPK_ROWS_ALL;
		step[k] = SPK_NEW_ARRAY(arena, struct step, 2 * ROWS_MAX);
		steps[k] = choose_steps(w, k, only_adds, step[k]);
	}
	REQUIRE_OK(spk_keyed_rows_open(&w->kept, group, KEYS, arena, &err), err);
	for (int k = 0; k < KEYS && w->kept.by_hash; k++)
		ask_for(w, &group[k], step[k], steps[k], arena);
	REQUIRE_OK(spk_keyed_rows_load(&w->kept, group, wanted, KEYS, arena, &err), err);
	for (int k = 0; k < KEYS; k++) {
		CHECK_EQ_INT(group[k].total, w->model[k].total);
		for (int i = 0; i < steps[k]; i++)
			take_or_add(w, &w->model[k], &group[k], step[k][i].row, step[k][i].weight, arena);
	}
	REQUIRE_OK(spk_keyed_rows_write(&w->kept, group, KEYS, arena, &err), err);
	spk_arena_unref(arena);
}

static void check_group(struct world *w, const struct spk_row_group *g, const struct model *m)
{
	int64_t *seen = calloc(ROWS_MAX, sizeof *seen);
	bool right = true;

	CHECK_EQ_INT(g->total, m->total);
	for (uint32_t i = 0; i < g->rows; i++) {
		char text[4096];
		int r = number_in(g->row[i].bytes, g->row[i].size);

		right = right && g->row[i].size == row_text(r, text) && memcmp(g->row[i].bytes, text, g->row[i].size) == 0 && (!w->kept.met || g->row[i].met == m->met[r]);
		seen[r] += g->row[i].weight;
	}
	CHECK(right);
	CHECK(memcmp(seen, m->weight, ROWS_MAX * sizeof *seen) == 0);
	free(seen);
}

static void check_all(struct world *w)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	char name[16];
	spk_error err = { 0 };

	for (int k = 0; k < KEYS; k++) {
		struct spk_row_group g = group_of(k, name);
		const enum spk_rows_wanted all = SPK_ROWS_ALL;

		REQUIRE_OK(spk_keyed_rows_open(&w->kept, &g, 1, arena, &err), err);
		REQUIRE_OK(spk_keyed_rows_load(&w->kept, &g, &all, 1, arena, &err), err);
		check_group(w, &g, &w->model[k]);
	}
	spk_arena_unref(arena);
}

static void begin(struct world *w, bool met, bool bucketed, bool by_hash, uint64_t stream)
{
	*w = (struct world){ .rng = spk_test_rng_new(stream), .dir = spk_test_dir("rows"), .kept = { .side = 'l', .met = met, .bucketed = bucketed, .by_hash = by_hash } };
	w->model = calloc(KEYS, sizeof *w->model);
	open_world(w);
}

static void end(struct world *w)
{
	spk_keyed_rows_release(&w->kept);
	spk_state_view_close(w->view);
	spk_store_close(w->store);
	spk_test_remove(w->dir);
	free(w->model);
	free(w->dir);
}

static void rows_come_and_go(void)
{
	for (int how = 0; how < 8; how++) {
		struct world w;

		begin(&w, how & 1, how & 2, how & 4, (uint64_t)how);
		for (int i = 0; i < (spk_test_long() ? 400 : 40); i++) {
			change(&w);
			if (spk_test_one_in(&w.rng, 6))
				reopen(&w);
			check_all(&w);
		}
		end(&w);
	}
}

/* --- in pieces --- */

/* Takes single rows of key 0 by their pages alone, then the totals. */
static void take_in_pieces(struct world *w)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	char name[16], text[4096];
	struct spk_row_group open = group_of(0, name), whole = open;
	const enum spk_rows_wanted asked = SPK_ROWS_ASKED;
	int64_t freed = 0, weight = 0;
	spk_error err = { 0 };

	REQUIRE_OK(spk_keyed_rows_open(&w->kept, &open, 1, arena, &err), err);
	for (int r = 0; r < ROWS_MAX && open.stored; r += 1 + (int)spk_test_below(&w->rng, 100)) {
		const uint32_t size = row_text(r, text), page = spk_row_group_page(&open, text, size);
		struct spk_row_group piece;
		int64_t taken;

		REQUIRE_OK(spk_keyed_rows_piece(&w->kept, &piece, &open, &page, 1, arena, &err), err);
		REQUIRE_OK(spk_row_group_take(&w->kept, &piece, text, size, 1000000, &taken, arena, &err), err);
		REQUIRE_OK(spk_keyed_rows_write(&w->kept, &piece, 1, arena, &err), err);
		CHECK_EQ_INT(taken, w->model[0].weight[r]);
		w->model[0].weight[r] = 0;
		w->model[0].total -= taken;
		freed += piece.bytes_before - piece.bytes;
		weight += taken;
	}
	REQUIRE_OK(spk_keyed_rows_open(&w->kept, &whole, 1, arena, &err), err);
	CHECK_EQ_INT(whole.total, open.total);
	CHECK_EQ_INT(whole.stored, open.stored);
	whole.total -= weight;
	whole.bytes -= freed;
	whole.changed = true;
	whole.going = 100;
	REQUIRE_OK(spk_keyed_rows_load(&w->kept, &whole, &asked, 1, arena, &err), err);
	REQUIRE_OK(spk_keyed_rows_write(&w->kept, &whole, 1, arena, &err), err);
	spk_arena_unref(arena);
}

static void pieces_leave_the_totals_alone(void)
{
	struct world w;

	begin(&w, true, false, true, 10);
	for (int i = 0; i < 30; i++) {
		change(&w);
		take_in_pieces(&w);
		check_all(&w);
	}
	end(&w);
}

/* As many pages as rows need: those that were taken are given back, step by step. */
static void pages_become_fewer(void)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	char name[16], text[4096];
	struct world w;
	uint32_t most = 0, last = 0;
	spk_error err = { 0 };

	begin(&w, false, false, true, 11);
	for (int from = -ROWS_MAX; from < ROWS_MAX; from += 100) {
		struct spk_row_group g = group_of(0, name);
		struct step step[100];
		const enum spk_rows_wanted asked = SPK_ROWS_ASKED;

		for (int i = 0; i < 100; i++)
			step[i] = from < 0 ? (struct step){ from + ROWS_MAX + i, 1 } : (struct step){ from + i, -1 };
		REQUIRE_OK(spk_keyed_rows_open(&w.kept, &g, 1, arena, &err), err);
		ask_for(&w, &g, step, 100, arena);
		REQUIRE_OK(spk_keyed_rows_load(&w.kept, &g, &asked, 1, arena, &err), err);
		/* Not all pages are read, but those of these rows and where pages part. */
		CHECK(g.loaded <= 4 * 100 + 2);
		for (int i = 0; i < 100; i++) {
			struct spk_kept_row row = { .size = row_text(step[i].row, text), .weight = 1 };
			int64_t taken;

			row.bytes = spk_arena_copy(arena, text, row.size);
			if (from < 0)
				REQUIRE_OK(spk_row_group_add(&w.kept, &g, &row, arena, &err), err);
			else
				REQUIRE_OK(spk_row_group_take(&w.kept, &g, row.bytes, row.size, 1, &taken, arena, &err), err);
		}
		REQUIRE_OK(spk_keyed_rows_write(&w.kept, &g, 1, arena, &err), err);
		most = SPK_MAX(most, g.pages);
		last = g.pages;
	}
	CHECK(most > 100 && last == 1);
	spk_arena_unref(arena);
	end(&w);
}

/* --- buckets taken whole --- */

struct taking { struct world *w; struct spk_arena *arena; struct spk_row_group group[KEYS]; int keys; };

static spk_status take_entry(void *user, const char *key, uint32_t key_size, const char *value, uint32_t size, spk_error *err)
{
	const struct spk_state_entry entry = { key, key_size, value, size };
	struct taking *t = user;
	bool same = false;

	if (t->keys)
		SPK_TRY(spk_keyed_rows_gather(&t->w->kept, &t->group[t->keys - 1], &entry, &same, t->arena, err));
	if (same)
		return SPK_OK;
	t->group[t->keys++] = (struct spk_row_group){ 0 };
	return spk_keyed_rows_gather(&t->w->kept, &t->group[t->keys - 1], &entry, &same, t->arena, err);
}

static void buckets_are_taken_whole(void)
{
	struct world w;
	int keys = 0;
	spk_error err = { 0 };

	begin(&w, false, true, false, 9);
	for (int i = 0; i < 20; i++)
		change(&w);
	for (int64_t bucket; (bucket = spk_state_first_bucket(w.view)) != INT64_MAX;) {
		struct taking t = { .w = &w, .arena = spk_arena_new(NULL) };

		REQUIRE_OK(spk_state_take_bucket(w.view, bucket, take_entry, &t, &err), err);
		for (int i = 0; i < t.keys; i++) {
			int key = number_in(t.group[i].key, t.group[i].key_size);

			CHECK_EQ_INT(key % 3, bucket);
			check_group(&w, &t.group[i], &w.model[key]);
		}
		keys += t.keys;
		spk_arena_unref(t.arena);
	}
	CHECK_EQ_INT(keys, KEYS);
	end(&w);
}

/* --- damage --- */

static void damage_is_told(void)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	char name[16], page[17];
	struct spk_row_group g = group_of(1, name);
	struct spk_row_keys keys = { 0 };
	struct spk_view view;
	const struct spk_vector v = { .type = spk_type(SPK_TYPE_BYTEA), .layout = SPK_FLAT, .data = &view };
	struct world w;
	spk_error err = { 0 };

	begin(&w, false, false, false, 1);
	snprintf(page, sizeof page, "%sl", name);
	view = spk_view_str(page);
	REQUIRE_OK(spk_row_keys_copy(&keys, &v, NULL, 1, &err), err);
	for (uint32_t size = 0; size < 40; size++) {
		static const char bytes[40] = { 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 99 };
		struct spk_state_value value = { bytes, size };
		struct spk_row_group copy = g;

		if (size == 16)   /* a head and no rows */
			continue;
		REQUIRE_OK(spk_state_put(w.view, &keys, &g.hash, NULL, &value, &err), err);
		CHECK_FAILS(spk_keyed_rows_open(&w.kept, &copy, 1, arena, &err), SPK_CORRUPT, err);
	}
	/* By hash the head of several pages has the bytes of all rows; and pages that it counts must be there. */
	w.kept.by_hash = true;
	for (uint32_t size = 16; size <= 24; size++) {
		static const char bytes[24] = { 1, 0, 0, 0, 0, 0, 0, 0, 2 };
		const enum spk_rows_wanted all = SPK_ROWS_ALL;
		struct spk_row_group copy = g;
		spk_status status;

		REQUIRE_OK(spk_state_put(w.view, &keys, &g.hash, NULL, &(struct spk_state_value){ bytes, size }, &err), err);
		status = spk_keyed_rows_open(&w.kept, &copy, 1, arena, &err);
		CHECK_EQ_INT(status, size < 24 ? SPK_CORRUPT : SPK_OK);
		if (status == SPK_OK)
			CHECK_FAILS(spk_keyed_rows_load(&w.kept, &copy, &all, 1, arena, &err), SPK_CORRUPT, err);
	}
	spk_row_keys_release(&keys);
	spk_arena_unref(arena);
	end(&w);
}

SPK_TEST_SUITE("rows kept by key",
	{ "rows come and go", rows_come_and_go },
	{ "pieces leave the totals alone", pieces_leave_the_totals_alone },
	{ "pages become fewer", pages_become_fewer },
	{ "buckets are taken whole", buckets_are_taken_whole },
	{ "damage is told", damage_is_told })
