/* Ordered rows against a sorted array: few rows and deep trees, rows taken back and cut off, walks from both ends, snapshots between; keyed and by bucket. */
#include "core/columnar/hash.h"
#include "stream/operator/ordered_rows.h"
#include "tests/stream/support.h"

enum { KEYS = 5, ROWS_MAX = 3000 };

/* A key's rows by the plain way: row number r, which is also its place, is there weight[r] times. */
struct model { int64_t weight[ROWS_MAX]; };

struct world {
	spk_test_rng rng;
	char *dir;
	int generation;
	struct spk_store *store;
	struct spk_ordered_rows kept;
	struct model *model;
};

static void open_world(struct world *w)
{
	struct spk_store_options options = { .cache_bytes = 64 * 1024, .block_cache_bytes = 1 << 20 };
	char *dir = spk_test_format("%s/state-%d", w->dir, w->generation);
	spk_error err = { 0 };

	REQUIRE_OK(spk_store_open(&w->store, dir, &options, &err), err);
	REQUIRE_OK(spk_store_add_table(w->store, "rows", w->kept.bucketed ? SPK_TABLE_BUCKETED : SPK_TABLE_KEYED, 1, "rows", &err), err);
	REQUIRE_OK(spk_state_view_open(&w->kept.view, w->store, "rows", 0, 64, &err), err);
	free(dir);
}

static void reopen(struct world *w)
{
	char *dir = spk_test_format("%s/state-%d", w->dir, w->generation + 1);
	spk_error err = { 0 };

	REQUIRE_OK(spk_store_snapshot(w->store, dir, &err), err);
	spk_state_view_close(w->kept.view);
	spk_store_close(w->store);
	w->generation++;
	open_world(w);
	free(dir);
}

/* Rows whose bytes are in the order of their numbers, four of which stand alike; some are longer than a page. */
static struct spk_ordered_entry row_of(int r, struct spk_arena *arena)
{
	char text[4096];
	const uint32_t order = (uint32_t)snprintf(text, sizeof text, "row %06d", r / 4), size = (uint32_t)snprintf(text + order, sizeof text - order, "|%06d", r) + order;

	memset(text + size, 'x', sizeof text - size);
	return (struct spk_ordered_entry){ .bytes = spk_arena_copy(arena, text, sizeof text), .size = r % 97 == 0 ? 3000 : size + (uint32_t)(r % 40), .order = order };
}

static int number_of(const struct spk_ordered_entry *row)
{
	char text[16] = "";

	memcpy(text, row->bytes + row->order + 1, 6);
	return atoi(text);
}

static struct spk_ordered_tree tree_of(int key, char *name, struct spk_arena *arena)
{
	const uint32_t size = (uint32_t)snprintf(name, 16, "key %d.", key);

	return (struct spk_ordered_tree){ .key = name, .key_size = size, .hash = spk_hash_bytes(name, size), .bucket = key % 3, .arena = arena };
}

static void add(struct world *w, struct model *m, struct spk_ordered_tree *tree, int r, int64_t weight)
{
	struct spk_ordered_entry row = row_of(r, tree->arena);
	spk_error err = { 0 };

	row.weight = weight < 0 ? SPK_MAX(weight, -m->weight[r]) : weight;
	m->weight[r] += row.weight;
	REQUIRE_OK(spk_ordered_add(&w->kept, tree, &row, &err), err);
}

static void cut(struct world *w, struct model *m, struct spk_ordered_tree *tree, int r)
{
	const struct spk_ordered_entry row = row_of(r, tree->arena);
	spk_error err = { 0 };

	const bool front = spk_test_one_in(&w->rng, 2), all = front && spk_test_one_in(&w->rng, 6);

	REQUIRE_OK(front ? spk_ordered_cut_front(&w->kept, tree, all ? NULL : &row, &err) : spk_ordered_cut(&w->kept, tree, &row, &err), err);
	for (int i = 0; i < ROWS_MAX; i++)
		m->weight[i] = all || (front ? i < r : i > r) ? 0 : m->weight[i];
}

/* Some changes of one key: here and there, upwards, downwards, or all of a range goes. */
static void change_tree(struct world *w, struct model *m, struct spk_ordered_tree *tree, int range)
{
	const int kind = (int)spk_test_below(&w->rng, 6), from = (int)spk_test_below(&w->rng, (uint64_t)range), n = (int)spk_test_below(&w->rng, (uint64_t)SPK_MIN(range, 500));

	for (int i = 0; i < n; i++) {
		const int r = kind == 0 ? SPK_MIN(from + i, range - 1) : kind == 1 ? SPK_MAX(from - i, 0) : (int)spk_test_below(&w->rng, (uint64_t)range);

		add(w, m, tree, r, kind > 1 && spk_test_one_in(&w->rng, 2) ? -2 : 1 + (int64_t)spk_test_below(&w->rng, 2));
	}
	for (int i = 0; i < range && kind == 4; i++)
		if (spk_test_one_in(&w->rng, 20) ? false : i >= from)
			add(w, m, tree, i, -m->weight[i]);
	if (kind == 5 && spk_test_one_in(&w->rng, 2))
		cut(w, m, tree, from);
}

static void change(struct world *w)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_ordered_tree tree[KEYS];
	char name[KEYS][16];
	spk_error err = { 0 };

	for (int k = 0; k < KEYS; k++)
		tree[k] = tree_of(k, name[k], arena);
	REQUIRE_OK(spk_ordered_open(&w->kept, tree, KEYS, &err), err);
	for (int k = 0; k < KEYS; k++)
		change_tree(w, &w->model[k], &tree[k], k == 0 ? ROWS_MAX : 1 << (2 * k));
	REQUIRE_OK(spk_ordered_write(&w->kept, tree, KEYS, &err), err);
	spk_arena_unref(arena);
}

/* --- what is there --- */

struct walk { int64_t seen[ROWS_MAX], weight; int rows, last, most; bool backwards, right; };

static spk_status visit(void *user, const struct spk_ordered_entry *row, bool *go, spk_error *err)
{
	struct walk *v = user;
	const int r = number_of(row);

	(void)err;
	v->right = v->right && (v->rows == 0 || (v->backwards ? r < v->last : r > v->last));
	v->seen[r] = row->weight;
	v->weight += row->weight;
	v->last = r;
	*go = ++v->rows < v->most;
	return SPK_OK;
}

static void check_walk(struct world *w, struct spk_ordered_tree *tree, const struct model *m, bool backwards, int most)
{
	struct walk *v = calloc(1, sizeof *v);
	int rows = 0;
	bool same = true;
	spk_error err = { 0 };

	v->backwards = backwards;
	v->right = true;
	v->most = most;
	REQUIRE_OK(spk_ordered_walk(&w->kept, tree, backwards, visit, v, &err), err);
	for (int i = 0; i < ROWS_MAX && rows < most; i++) {
		const int r = backwards ? ROWS_MAX - 1 - i : i;

		same = same && v->seen[r] == m->weight[r];
		rows += m->weight[r] > 0;
	}
	CHECK(v->right && same && v->rows == rows);
	free(v);
}

static void check_places(struct world *w, struct spk_ordered_tree *tree, const struct model *m)
{
	const struct spk_ordered_entry *row;
	int64_t total = 0, at;
	spk_error err = { 0 };

	for (int r = 0; r < ROWS_MAX; r++)
		total += m->weight[r];
	CHECK_EQ_INT(spk_ordered_weight(tree), total);
	at = total ? (int64_t)spk_test_below(&w->rng, (uint64_t)total) : 0;
	REQUIRE_OK(spk_ordered_at(&w->kept, tree, at, &row, &err), err);
	if (CHECK((row != NULL) == (total > 0)) && row) {
		for (int r = 0; r < number_of(row); r++)
			at -= m->weight[r];
		CHECK(at >= 0 && at < m->weight[number_of(row)]);
	}
	REQUIRE_OK(spk_ordered_at(&w->kept, tree, total, &row, &err), err);
	CHECK(row == NULL);
}

static void check_tree(struct world *w, struct spk_ordered_tree *tree, const struct model *m)
{
	check_walk(w, tree, m, false, ROWS_MAX);
	check_walk(w, tree, m, true, 1 + (int)spk_test_below(&w->rng, 30));
	check_places(w, tree, m);
}

static void check_all(struct world *w)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	char name[16];
	spk_error err = { 0 };

	for (int k = 0; k < KEYS; k++) {
		struct spk_ordered_tree tree = tree_of(k, name, arena);

		REQUIRE_OK(spk_ordered_open(&w->kept, &tree, 1, &err), err);
		check_tree(w, &tree, &w->model[k]);
	}
	spk_arena_unref(arena);
}

static void begin(struct world *w, bool bucketed, uint64_t stream)
{
	*w = (struct world){ .rng = spk_test_rng_new(stream), .dir = spk_test_dir("rows"), .kept = { .side = 'o', .bucketed = bucketed } };
	w->model = calloc(KEYS, sizeof *w->model);
	open_world(w);
}

static void end(struct world *w)
{
	spk_ordered_release(&w->kept);
	spk_state_view_close(w->kept.view);
	spk_store_close(w->store);
	spk_test_remove(w->dir);
	free(w->model);
	free(w->dir);
}

static spk_status count_entry(void *user, int64_t bucket, const char *key, uint32_t key_size, const char *value, uint32_t size, spk_error *err)
{
	(void)bucket, (void)key, (void)key_size, (void)value, (void)size, (void)err;
	++*(int *)user;
	return SPK_OK;
}

/* Takes all rows back: nothing is left in the table, no page either. */
static void empty(struct world *w)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	char name[16];
	int entries = 0;
	spk_error err = { 0 };

	for (int k = 0; k < KEYS; k++) {
		struct spk_ordered_tree tree = tree_of(k, name, arena);

		REQUIRE_OK(spk_ordered_open(&w->kept, &tree, 1, &err), err);
		for (int r = 0; r < ROWS_MAX; r++)
			if (w->model[k].weight[r])
				add(w, &w->model[k], &tree, r, -w->model[k].weight[r]);
		REQUIRE_OK(spk_ordered_write(&w->kept, &tree, 1, &err), err);
	}
	REQUIRE_OK(spk_state_scan(w->kept.view, count_entry, &entries, &err), err);
	CHECK_EQ_INT(entries, 0);
	spk_arena_unref(arena);
}

static void rows_come_and_go(void)
{
	for (int how = 0; how < 4; how++) {
		struct world w;

		begin(&w, how & 1, (uint64_t)how);
		for (int i = 0; i < (spk_test_long() ? 400 : 40); i++) {
			change(&w);
			if (spk_test_one_in(&w.rng, 6))
				reopen(&w);
			check_all(&w);
		}
		empty(&w);
		end(&w);
	}
}

/* --- buckets taken whole --- */

struct taking { struct spk_arena *arena; struct spk_ordered_tree tree[KEYS]; int keys; };

static spk_status take_entry(void *user, const char *key, uint32_t key_size, const char *value, uint32_t size, spk_error *err)
{
	const struct spk_state_entry entry = { key, key_size, value, size };
	struct taking *t = user;
	bool same = false;

	if (t->keys)
		SPK_TRY(spk_ordered_gather(&t->tree[t->keys - 1], &entry, &same, err));
	if (same)
		return SPK_OK;
	t->tree[t->keys++] = (struct spk_ordered_tree){ .arena = t->arena };
	return spk_ordered_gather(&t->tree[t->keys - 1], &entry, &same, err);
}

static void buckets_are_taken_whole(void)
{
	struct world w;
	int keys = 0;
	spk_error err = { 0 };

	begin(&w, true, 9);
	for (int i = 0; i < 20; i++)
		change(&w);
	for (int64_t bucket; (bucket = spk_state_first_bucket(w.kept.view)) != INT64_MAX;) {
		struct taking t = { .arena = spk_arena_new(NULL) };

		REQUIRE_OK(spk_state_take_bucket(w.kept.view, bucket, take_entry, &t, &err), err);
		for (int i = 0; i < t.keys; i++) {
			const int key = t.tree[i].key[4] - '0';

			CHECK_EQ_INT(key % 3, bucket);
			check_tree(&w, &t.tree[i], &w.model[key]);
		}
		keys += t.keys;
		spk_arena_unref(t.arena);
	}
	CHECK(keys > 0 && keys <= KEYS);
	end(&w);
}

/* --- damage --- */

static void damage_is_told(void)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	char name[16], page[17];
	const struct spk_ordered_tree tree = tree_of(1, name, arena);
	struct spk_row_keys keys = { 0 };
	struct spk_view view;
	const struct spk_vector v = { .type = spk_type(SPK_TYPE_BYTEA), .layout = SPK_FLAT, .data = &view };
	const struct spk_ordered_entry *row;
	struct world w;
	spk_error err = { 0 };

	begin(&w, false, 1);
	snprintf(page, sizeof page, "%so", name);
	view = spk_view_str(page);
	REQUIRE_OK(spk_row_keys_copy(&keys, &v, NULL, 1, &err), err);
	/* A root over one page, whose number is 7, and which is not there. */
	for (uint32_t size = 0; size <= 24; size++) {
		static const char bytes[24] = { 1, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 1 };
		struct spk_state_value value = { bytes, size };
		struct spk_ordered_tree copy = tree;

		REQUIRE_OK(spk_state_put(w.kept.view, &keys, &tree.hash, NULL, &value, &err), err);
		if (size == 8)   /* a head and no rows */
			continue;
		if (size < 24) {
			CHECK_FAILS(spk_ordered_open(&w.kept, &copy, 1, &err), SPK_CORRUPT, err);
			continue;
		}
		REQUIRE_OK(spk_ordered_open(&w.kept, &copy, 1, &err), err);
		CHECK_FAILS(spk_ordered_at(&w.kept, &copy, 0, &row, &err), SPK_CORRUPT, err);
	}
	spk_row_keys_release(&keys);
	spk_arena_unref(arena);
	end(&w);
}

SPK_TEST_SUITE("rows kept in order",
	{ "rows come and go", rows_come_and_go },
	{ "buckets are taken whole", buckets_are_taken_whole },
	{ "damage is told", damage_is_told })
