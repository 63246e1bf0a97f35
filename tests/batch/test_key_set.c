/* Rows that were not there before come out once, in the order in which they came, however often the keys go to disk. */
#include "batch/key_set.h"


#include "core/base/fault.h"
#include "core/base/memory.h"
#include "tests/support/test.h"

static spk_error err;

/* Rows of a number and a text that depends on it; what came out of the set, and what should have. */
struct bench {
	struct spk_arena *arena;
	struct spk_schema *schema;
	struct spk_key_set *set;
	char *dir;
	int range;                       /* numbers are below */
	bool *known;
	int *want, *got, wants, gots;
	int capacity;
};

static spk_status note(void *user, struct spk_batch *fresh, spk_error *why)
{
	struct bench *b = user;
	struct spk_reader r = spk_vector_reader(&fresh->column[0]);

	(void)why;
	SPK_EACH_ROW(fresh, i, row) {
		REQUIRE(b->gots < b->capacity);
		b->got[b->gots++] = ((const int32_t *)r.data)[spk_reader_slot(&r, row)];
	}
	return SPK_OK;
}

static void bench_open(struct bench *b, int range, size_t limit)
{
	*b = (struct bench){ .dir = spk_test_dir("keys"), .range = range, .capacity = range, .arena = spk_arena_new(NULL) };
	b->schema = SPK_NEW(b->arena, struct spk_schema);
	b->schema->count = 2;
	b->schema->field = SPK_NEW_ARRAY(b->arena, struct spk_field, 2);
	b->schema->field[0] = (struct spk_field){ "n", spk_type(SPK_TYPE_INTEGER), true };
	b->schema->field[1] = (struct spk_field){ "t", spk_type(SPK_TYPE_TEXT), true };
	b->known = calloc((size_t)range, sizeof *b->known);
	b->want = calloc((size_t)range, sizeof *b->want);
	b->got = calloc((size_t)range, sizeof *b->got);
	spk_memory_set_limit(limit);
	REQUIRE_OK(spk_key_set_new(&b->set, b->schema, NULL, b->dir, note, b, &err), err);
}

static void bench_close(struct bench *b)
{
	spk_key_set_free(b->set);
	CHECK_EQ_INT(spk_memory_account_used(spk_memory_account("recursion")), 0);
	CHECK_EQ_INT(spk_test_files(b->dir), 0);
	spk_arena_unref(b->arena);
	free(b->known);
	free(b->want);
	free(b->got);
	free(b->dir);
	spk_memory_set_limit((size_t)1 << 30);
}

/* A batch of rows drawn at random, every other one selected; those that are new are wanted. */
static spk_status add(struct bench *b, spk_test_rng *rng, int low, int high)
{
	int rows = 1 + (int)spk_test_below(rng, SPK_BATCH_ROWS - 1), picked = 0;
	struct spk_batch *batch;
	spk_status status;
	int32_t *sel;

	REQUIRE_OK(spk_batch_new(&batch, b->schema, spk_memory_account("rows"), &err), err);
	batch->rows = rows;
	sel = SPK_NEW_ARRAY(batch->arena, int32_t, rows);
	for (int c = 0; c < 2; c++)
		REQUIRE_OK(spk_vector_init(&batch->column[c], b->schema->field[c].type, rows, batch->arena, &err), err);
	for (int i = 0; i < rows; i++) {
		int n = low + (int)spk_test_below(rng, (uint64_t)(high - low));
		char *text = spk_test_format("number %d of many that are here", n);

		spk_vector_i32(&batch->column[0])[i] = n;
		spk_vector_view(&batch->column[1])[i] = spk_view(spk_arena_strdup(batch->arena, text), (uint32_t)strlen(text));
		free(text);
		if (i % 2)
			continue;
		sel[picked++] = i;
		if (!b->known[n])
			b->want[b->wants++] = n;
		b->known[n] = true;
	}
	batch->sel = sel;
	batch->selected = picked;
	status = spk_key_set_add(b->set, batch, &err);
	spk_batch_unref(batch);
	return status;
}

static void check(struct bench *b)
{
	REQUIRE_OK(spk_key_set_settle(b->set, &err), err);
	CHECK_EQ_INT(b->gots, b->wants);
	CHECK_EQ_MEM(b->got, b->want, sizeof *b->got * (size_t)b->wants);
}

/* Rounds of a few batches over a window of numbers that moves on, as the front of a search does. */
static void fill(struct bench *b, spk_test_rng *rng, int rounds)
{
	for (int r = 0; r < rounds; r++) {
		int low = (int)((int64_t)b->range * 3 / 4 * r / rounds);

		for (int i = 0, n = 1 + (int)spk_test_below(rng, 6); i < n; i++)
			REQUIRE_OK(add(b, rng, low, low + b->range / 4), err);
		check(b);
	}
}

static void in_memory(void)
{
	spk_test_rng rng = spk_test_rng_new(1);
	struct bench b;

	bench_open(&b, 40000, (size_t)1 << 30);
	fill(&b, &rng, 10);
	CHECK(b.gots > 10000);
	bench_close(&b);
}

/* Keys go to disk at every batch, or at some; without a filter (it asks for memory, and is refused) all of them have to be looked for. */
static void on_disk(void)
{
	static const char *const faults[] = { "spill.wanted:1+", "spill.wanted:3,spill.wanted:7,spill.wanted:20", "spill.wanted:2" };

	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
		spk_test_rng rng = spk_test_rng_new(2 + i);
		struct bench b;

		bench_open(&b, 40000, (size_t)1 << 30);
		REQUIRE_OK(spk_fault_set(faults[i], &err), err);
		fill(&b, &rng, 12);
		CHECK(spk_fault_passes(SPK_FAULT_SPILL_WRITE) > 0);
		CHECK(spk_fault_passes(SPK_FAULT_SPILL_READ) > 0);
		REQUIRE_OK(spk_fault_set("", &err), err);
		bench_close(&b);
	}
}

/* Ten times the limit and more, within the limit. */
static void little_memory(void)
{
	spk_test_rng rng = spk_test_rng_new(9);
	struct bench b;

	bench_open(&b, 1200000, 8 << 20);
	spk_memory_peak_restart();
	for (int r = 0; r < 12; r++) {
		for (int i = 0; i < (spk_test_sanitized() ? 5 : 60); i++)
			REQUIRE_OK(add(&b, &rng, r * 80000, r * 80000 + 240000), err);
		check(&b);
	}
	CHECK(spk_memory_peak() <= 8 << 20);
	bench_close(&b);
}

/* Others hold nearly all memory: the budget refuses in the middle of batches, which are gone on with. */
static void refusals(void)
{
	enum { LIMIT = 16 << 20, LEFT = 5 << 20 };
	struct spk_memory_account *others = spk_memory_account("others");
	spk_test_rng rng = spk_test_rng_new(20);
	struct bench b;

	bench_open(&b, 300000, LIMIT);
	REQUIRE_OK(spk_memory_reserve(others, LIMIT - LEFT, &err), err);
	for (int i = 0; i < 100; i++)
		REQUIRE_OK(add(&b, &rng, 0, 300000), err);
	check(&b);
	spk_memory_unreserve(others, LIMIT - LEFT);
	bench_close(&b);
}

/* A disk that fails is an error, and leaves nothing. */
static void disk_fails(void)
{
	static const char *const faults[] = { "spill.wanted:1+,spill.write:1", "spill.wanted:1+,spill.write:9", "spill.wanted:1+,spill.read:1", "spill.wanted:1+,spill.read:5" };

	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
		spk_test_rng rng = spk_test_rng_new(50 + i);
		spk_status status = SPK_OK;
		struct bench b;

		bench_open(&b, 8000, (size_t)1 << 30);
		REQUIRE_OK(spk_fault_set(faults[i], &err), err);
		for (int k = 0; k < 20 && status == SPK_OK; k++) {
			status = add(&b, &rng, 0, 8000);
			if (status == SPK_OK && k % 2)
				status = spk_key_set_settle(b.set, &err);
		}
		CHECK_EQ_INT(status, SPK_IO);
		CHECK_HOLDS(err.message, "spill.");
		REQUIRE_OK(spk_fault_set("", &err), err);
		bench_close(&b);
	}
}

SPK_TEST_SUITE("batch/key_set",
	{ "keys in memory", in_memory },
	{ "keys on disk", on_disk },
	{ "ten times the memory, within the memory", little_memory },
	{ "memory that is refused", refusals },
	{ "a disk that fails", disk_fails })
