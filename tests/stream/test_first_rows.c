/*
 * An epoch's rows against a plain computation: those that may be among the first of their key hold all that are, and not many more; rows that are only added
 * and rows that are folded are the same ones.
 */
#include "core/base/memory.h"
#include "stream/operator/first_rows.h"
#include "tests/stream/support.h"

enum { KEYS = 4, ROWS_MAX = 400 };

/* A row of a column with its number, which stands at a place in the order of its key. */
struct world {
	spk_test_rng rng;
	struct spk_arena *arena;
	struct spk_batch *batch;
	struct spk_delta_rows rows;
	struct spk_first_rows first;
	int count, key[ROWS_MAX], place[ROWS_MAX], taken;
	bool alike;                      /* some stand alike */
};

static struct spk_batch *numbers(int rows)
{
	static const struct spk_field field = { "n", { .id = SPK_TYPE_BIGINT }, false };
	static const struct spk_schema schema = { 1, (struct spk_field *)&field };
	struct spk_batch *out = NULL;
	spk_error err;

	REQUIRE_OK(spk_batch_new(&out, &schema, NULL, &err), err);
	REQUIRE_OK(spk_vector_init(&out->column[0], field.type, rows, out->arena, &err), err);
	for (int i = 0; i < rows; i++)
		spk_vector_i64(&out->column[0])[i] = i;
	out->rows = out->selected = rows;
	return out;
}

static void add_all(struct world *w)
{
	spk_error err;

	REQUIRE_OK(spk_delta_rows_begin(&w->rows, w->batch, 1, &err), err);
	for (int i = 0; i < w->count; i++) {
		char order[8];
		const struct spk_delta_frame frame = { .ordered = true, .order = order, .order_size = (uint32_t)snprintf(order, sizeof order, "%04d", w->place[i]) };

		if (w->first.bound && !spk_first_rows_may(&w->first, &w->rows, (uint32_t)w->key[i], order, frame.order_size))
			continue;
		REQUIRE_OK(spk_delta_rows_add(&w->rows, i, &frame, (uint32_t)w->key[i], 1, &err), err);
		if (w->first.bound)
			REQUIRE_OK(spk_first_rows_note(&w->first, &w->rows, (uint32_t)w->key[i], &err), err);
		w->taken++;
	}
	REQUIRE_OK(spk_delta_rows_chain(&w->rows, KEYS, w->arena, &err), err);
}

static int number_of(const struct spk_ordered_entry *row)
{
	int64_t n;

	memcpy(&n, row->bytes + row->order + 1, sizeof n);
	return (int)n;
}

/* The number of rows of the key in front of that one, whatever stands like it. */
static int before(const struct world *w, int row)
{
	int n = 0;

	for (int i = 0; i < w->count; i++)
		n += w->key[i] == w->key[row] && w->place[i] < w->place[row];
	return n;
}

static void check_key(struct world *w, int key)
{
	bool there[ROWS_MAX] = { false };
	int let_through = 0;

	for (uint32_t i = w->rows.first[key]; i; i = w->rows.next[i - 1]) {
		struct spk_ordered_entry row = { 0 };
		spk_error err;

		REQUIRE_OK(spk_delta_row_ordered(&w->rows, i - 1, w->arena, &row, &err), err);
		CHECK_EQ_INT(w->rows.weight[i - 1], 1);
		CHECK_EQ_INT(w->key[number_of(&row)], key);
		CHECK(!there[number_of(&row)]);
		there[number_of(&row)] = true;
		let_through++;
	}
	for (int i = 0; i < w->count; i++) {
		const bool is_first = w->key[i] == key && (!w->first.bound || before(w, i) < w->first.bound);

		CHECK(!is_first || there[i]);
	}
	CHECK(!w->first.bound || w->alike || let_through <= 2 * w->first.bound);
}

static void epoch(struct world *w)
{
	const int step = 1 + (int)spk_test_below(&w->rng, 400);

	w->arena = spk_arena_new(NULL);
	w->count = (int)spk_test_below(&w->rng, ROWS_MAX);
	w->alike = spk_test_one_in(&w->rng, 2);
	w->taken = 0;
	w->batch = numbers(w->count);
	for (int i = 0; i < w->count; i++) {
		w->key[i] = (int)spk_test_below(&w->rng, KEYS);
		/* 401 is a prime: all are different. */
		w->place[i] = w->alike ? (int)spk_test_below(&w->rng, 40) : (i + 1) * step % 401;
	}
	add_all(w);
	for (int k = 0; k < KEYS; k++)
		check_key(w, k);
	spk_batch_unref(w->batch);
	spk_delta_rows_clear(&w->rows);
	spk_first_rows_clear(&w->first);
	spk_arena_unref(w->arena);
}

static void run(bool appends, int64_t bound)
{
	struct world w = { .rng = spk_test_rng_new(71) };

	spk_delta_rows_init(&w.rows, appends, NULL);
	w.first.bound = bound;
	for (int i = 0; i < (spk_test_long() ? 300 : 20); i++)
		epoch(&w);
	spk_delta_rows_release(&w.rows);
	spk_first_rows_release(&w.first);
}

static void all(void)
{
	run(true, 0);
	run(false, 0);
}

static void bounded(void)
{
	for (int64_t bound = 1; bound < 30; bound += bound < 4 ? 1 : 7)
		run(true, bound);
}

static void many_alike(void)
{
	struct world w = { .rng = spk_test_rng_new(72), .first.bound = 3, .alike = true };

	spk_delta_rows_init(&w.rows, true, NULL);
	w.arena = spk_arena_new(NULL);
	w.count = ROWS_MAX;
	w.batch = numbers(w.count);
	for (int i = 0; i < w.count; i++)
		w.place[i] = i < 100 ? 7 : 9;
	add_all(&w);
	check_key(&w, 0);
	/* Once the first are known the others are not even taken. */
	CHECK(w.taken < 120);
	spk_batch_unref(w.batch);
	spk_delta_rows_release(&w.rows);
	spk_first_rows_release(&w.first);
	spk_arena_unref(w.arena);
}

SPK_TEST_SUITE("an epoch's rows", { "are all there", all }, { "are the first of their keys", bounded }, { "stand alike", many_alike })
