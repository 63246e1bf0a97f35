/*
 * Sorting: whatever the types, the order and the memory, the rows come out as a stable sort by PostgreSQL's order gives them.
 *
 * The oracle sorts row numbers by compare_values. A batch is 1 MiB at the most here, so limits of a few MiB make many runs.
 */
#include "batch/operator/sorter.h"


#include "core/base/fault.h"
#include "tests/core/columnar/random.h"

static spk_error err;

/* An operator without a plan: just what the sorter asks for. */
struct bench {
	struct spk_run run;
	struct spk_pipeline pipeline;
	struct spk_op op;
	struct spk_sorter sorter;
	char *dir;
};

static void bench_open(struct bench *b, const char *name, size_t limit, bool spills)
{
	static const struct spk_op_type type = { .name = "sort" };

	*b = (struct bench){ .dir = spk_test_dir(name) };
	b->run.timezone = "UTC";
	b->pipeline = (struct spk_pipeline){ .run = &b->run, .account = spk_memory_account("sorting"), .batch_rows = SPK_BATCH_ROWS };
	if (spills)
		REQUIRE_OK(spk_spill_new(&b->pipeline.spill, b->dir, &err), err);
	b->op = (struct spk_op){ .type = &type, .pipeline = &b->pipeline };
	spk_memory_set_limit(limit);
}

static void bench_close(struct bench *b)
{
	spk_sorter_close(&b->sorter);
	spk_spill_free(b->pipeline.spill);
	CHECK_EQ_INT(spk_test_files(b->dir), 0);
	CHECK_EQ_INT(spk_memory_account_used(b->pipeline.account), 0);
	spk_memory_set_limit((size_t)1 << 30);
	free(b->dir);
}

/* Rows to be sorted: every type once, a text column that may be long, and last the row's number. */
struct data {
	struct spk_arena *arena;
	const struct spk_schema *schema;
	struct spk_batch **batch;
	int batches, keys;
	struct spk_sort_key *key;
	int *order;                      /* what the oracle says: row numbers */
	int rows;
	int *batch_of, *row_of;
};

static const struct spk_schema *data_schema(struct spk_arena *arena)
{
	const struct spk_schema *wide = wide_schema(arena);
	struct spk_schema *schema = SPK_NEW(arena, struct spk_schema);

	schema->count = wide->count + 1;
	schema->field = SPK_NEW_ARRAY(arena, struct spk_field, schema->count);
	memcpy(schema->field, wide->field, sizeof *wide->field * (size_t)wide->count);
	schema->field[wide->count] = (struct spk_field){ "number", spk_type(SPK_TYPE_INTEGER), false };
	return schema;
}

/* Rows [at, ...) of the data as a batch; `few` values make many equal keys. */
static struct spk_batch *data_batch(spk_test_rng *rng, struct data *d, int rows)
{
	struct spk_batch *b = random_batch(rng, d->schema, rows, spk_test_one_in(rng, 3));
	struct spk_vector *number = &b->column[d->schema->count - 1];

	REQUIRE_OK(spk_vector_init(number, spk_type(SPK_TYPE_INTEGER), rows, b->arena, &err), err);
	SPK_EACH_ROW(b, i, row)
		spk_vector_i32(number)[row] = d->rows + i;
	return b;
}

static const struct data *comparing;

static int compare_rows(const void *a, const void *b)
{
	const struct data *d = comparing;
	int x = *(const int *)a, y = *(const int *)b;

	for (int k = 0; k < d->keys; k++) {
		int c = d->key[k].expr->column;
		struct spk_value v = spk_vector_value(&d->batch[d->batch_of[x]]->column[c], d->row_of[x]);
		struct spk_value w = spk_vector_value(&d->batch[d->batch_of[y]]->column[c], d->row_of[y]);
		int order;

		if (v.null || w.null) {
			order = v.null == w.null ? 0 : v.null == d->key[k].nulls_first ? -1 : 1;
		} else {
			order = compare_values(&v, &w);
			order = d->key[k].descending ? -order : order;
		}
		if (order)
			return order;
	}
	return x - y;
}

static void data_make(struct data *d, spk_test_rng *rng, int rows, int keys)
{
	*d = (struct data){ .arena = spk_arena_new(NULL), .keys = keys };
	d->schema = data_schema(d->arena);
	d->batch = calloc((size_t)rows + 1, sizeof(*d->batch));
	d->batch_of = calloc((size_t)rows + SPK_BATCH_ROWS, sizeof *d->batch_of);
	d->row_of = calloc((size_t)rows + SPK_BATCH_ROWS, sizeof *d->row_of);
	while (d->rows < rows) {
		struct spk_batch *b = data_batch(rng, d, (int)spk_test_between(rng, 1, SPK_MIN(SPK_BATCH_ROWS, 2 * rows)));

		SPK_EACH_ROW(b, i, row) {
			if (d->rows + i >= rows) {
				b->selected = i;
				if (!b->sel)
					b->rows = i;
				break;
			}
			d->batch_of[d->rows + i] = d->batches;
			d->row_of[d->rows + i] = row;
		}
		d->rows += b->selected;
		d->batch[d->batches++] = b;
	}
	d->key = SPK_NEW_ARRAY(d->arena, struct spk_sort_key, keys + 1);
	for (int k = 0; k < keys; k++) {
		int c = (int)spk_test_below(rng, (uint64_t)d->schema->count - 1);

		d->key[k] = (struct spk_sort_key){ spk_expr_column(d->arena, c, &d->schema->field[c]), spk_test_one_in(rng, 2), spk_test_one_in(rng, 2) };
	}
	d->order = calloc((size_t)d->rows + 1, sizeof *d->order);
	for (int i = 0; i < d->rows; i++)
		d->order[i] = i;
	comparing = d;
	qsort(d->order, (size_t)d->rows, sizeof *d->order, compare_rows);
}

static void data_free(struct data *d)
{
	for (int i = 0; i < d->batches; i++)
		spk_batch_unref(d->batch[i]);
	free(d->batch);
	free(d->batch_of);
	free(d->row_of);
	free(d->order);
	spk_arena_unref(d->arena);
}

static void check_row(const struct data *d, const struct spk_batch *got, int row, int want)
{
	const struct spk_batch *in = d->batch[d->batch_of[want]];

	CHECK_EQ_INT(spk_batch_weight(got, row), spk_batch_weight(in, d->row_of[want]));
	for (int c = 0; c < d->schema->count; c++) {
		struct spk_value v = spk_vector_value(&in->column[c], d->row_of[want]), w = spk_vector_value(&got->column[c], row);

		CHECK(same_values(&v, &w));
	}
}

/* All rows in the order the oracle says; stops after `most`. */
static void check_sorted(struct bench *b, const struct data *d, int most)
{
	int n = 0;

	while (n < most) {
		struct spk_batch *got;

		REQUIRE_OK(spk_sorter_next(&b->sorter, &got, &err), err);
		if (!got)
			break;
		REQUIRE(n + got->selected <= d->rows);
		SPK_EACH_ROW(got, i, row) {
			int number = spk_vector_i32(&got->column[d->schema->count - 1])[row];

			REQUIRE_EQ_INT(number, d->order[n + i]);
			if (d->rows < 5000 || i % 64 == 0)
				check_row(d, got, row, number);
		}
		n += got->selected;
		spk_batch_unref(got);
	}
	if (most > d->rows)
		CHECK_EQ_INT(n, d->rows);
}

static void push_all(struct bench *b, const struct data *d)
{
	REQUIRE_OK(spk_sorter_begin(&b->sorter, &err), err);
	for (int i = 0; i < d->batches; i++)
		if (d->batch[i]->selected)
			REQUIRE_OK(spk_sorter_push(&b->sorter, d->batch[i], &err), err);
	REQUIRE_OK(spk_sorter_end(&b->sorter, &err), err);
}

static void sorts(const char *name, const struct data *d, size_t limit, bool spills)
{
	struct bench b;

	bench_open(&b, name, limit, spills);
	REQUIRE_OK(spk_sorter_init(&b.sorter, &b.op, d->schema, d->key, d->keys, &err), err);
	push_all(&b, d);
	check_sorted(&b, d, INT32_MAX);
	CHECK_EQ_INT(b.op.spilled_bytes > 0, spills);
	bench_close(&b);
}

static void in_memory(void)
{
	spk_test_rng rng = spk_test_rng_new(1);
	int rounds = spk_test_long() ? 400 : 60;

	for (int round = 0; round < rounds; round++) {
		struct data d;

		data_make(&d, &rng, (int)spk_test_below(&rng, spk_test_one_in(&rng, 6) ? 12000 : 300), (int)spk_test_below(&rng, 5));
		sorts("memory", &d, (size_t)1 << 30, false);
		data_free(&d);
	}
}

/* The data is counted to another account, so the limit stands above what it takes. */
static void spilled_is_as_in_memory_at_any_limit(void)
{
	spk_test_rng rng = spk_test_rng_new(2);
	int rounds = spk_test_long() ? 20 : 3;

	for (int round = 0; round < rounds; round++) {
		struct data d;

		data_make(&d, &rng, 60000, 1 + (int)spk_test_below(&rng, 3));
		for (size_t mib = 5; mib <= 20; mib += 5)
			sorts("spilled", &d, spk_memory_used() + (mib << 20), true);
		data_free(&d);
	}
}

static void keys_with_long_common_beginnings(void)
{
	spk_test_rng rng = spk_test_rng_new(3);
	struct spk_field field[2] = { { "t", { .id = SPK_TYPE_TEXT }, true }, { "number", { .id = SPK_TYPE_INTEGER }, false } };
	struct spk_schema schema = { 2, field };
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_sort_key key = { spk_expr_column(arena, 0, &field[0]), false, false };
	enum { ROWS = 3000, LENGTH = 4000 };
	char *common = spk_arena_alloc(arena, LENGTH), last[LENGTH + 1] = "";
	struct spk_batch *in, *got;
	struct bench b;
	int n = 0;

	memset(common, 'a', LENGTH);
	bench_open(&b, "common", (size_t)1 << 30, false);
	REQUIRE_OK(spk_sorter_init(&b.sorter, &b.op, &schema, &key, 1, &err), err);
	REQUIRE_OK(spk_sorter_begin(&b.sorter, &err), err);
	REQUIRE_OK(spk_batch_new(&in, &schema, NULL, &err), err);
	in->rows = in->selected = ROWS;
	for (int c = 0; c < 2; c++)
		REQUIRE_OK(spk_vector_init(&in->column[c], field[c].type, ROWS, in->arena, &err), err);
	for (int i = 0; i < ROWS; i++) {
		spk_vector_view(&in->column[0])[i] = spk_view(common, (uint32_t)spk_test_below(&rng, LENGTH));
		spk_vector_i32(&in->column[1])[i] = i;
	}
	REQUIRE_OK(spk_sorter_push(&b.sorter, in, &err), err);
	REQUIRE_OK(spk_sorter_end(&b.sorter, &err), err);
	int before = -1;
	uint32_t length = 0;

	for (;;) {
		REQUIRE_OK(spk_sorter_next(&b.sorter, &got, &err), err);
		if (!got)
			break;
		SPK_EACH_ROW(got, i, row) {
			const struct spk_view *v = &spk_vector_view(&got->column[0])[row];
			int number = spk_vector_i32(&got->column[1])[row];

			CHECK(v->length > length || (v->length == length && number > before) || n == 0);
			length = v->length;
			before = number;
			n++;
		}
		spk_batch_unref(got);
	}
	CHECK_EQ_INT(n, ROWS);
	(void)last;
	spk_batch_unref(in);
	bench_close(&b);
	spk_arena_unref(arena);
}

/* The n-th write, read or allocation fails: the sorter says so, gives everything back, and can be used again. */
static void failures_leave_nothing_behind(void)
{
	static const char *const points[] = { "spill.write", "spill.read", "malloc" };
	spk_test_rng rng = spk_test_rng_new(4);
	struct data d;
	struct bench b;
	int failed = 0;

	data_make(&d, &rng, 30000, 2);
	bench_open(&b, "failures", spk_memory_used() + (6 << 20), true);
	REQUIRE_OK(spk_sorter_init(&b.sorter, &b.op, d.schema, d.key, d.keys, &err), err);
	for (size_t p = 0; p < SPK_COUNT_OF(points); p++)
		for (int n = 1; n < 4000; n += 1 + n / 3) {
			char *fault = spk_test_format("%s:%d", points[p], n);
			struct spk_batch *got = NULL;
			spk_status status;

			REQUIRE_OK(spk_fault_set(fault, &err), err);
			status = spk_sorter_begin(&b.sorter, &err);
			for (int i = 0; i < d.batches && status == SPK_OK; i++)
				status = d.batch[i]->selected ? spk_sorter_push(&b.sorter, d.batch[i], &err) : SPK_OK;
			if (status == SPK_OK)
				status = spk_sorter_end(&b.sorter, &err);
			do {
				spk_batch_unref(got);
				got = NULL;
				if (status == SPK_OK)
					status = spk_sorter_next(&b.sorter, &got, &err);
			} while (status == SPK_OK && got);
			if (status != SPK_OK) {
				CHECK(status == SPK_IO || status == SPK_NO_MEMORY);
				failed++;
			}
			spk_fault_set(NULL, NULL);
			free(fault);
		}
	CHECK(failed > 20);
	push_all(&b, &d);
	check_sorted(&b, &d, INT32_MAX);
	bench_close(&b);
	data_free(&d);
}

static void given_up_early_it_gives_everything_back(void)
{
	spk_test_rng rng = spk_test_rng_new(5);
	struct data d;
	struct bench b;

	data_make(&d, &rng, 30000, 1);
	bench_open(&b, "early", spk_memory_used() + (6 << 20), true);
	REQUIRE_OK(spk_sorter_init(&b.sorter, &b.op, d.schema, d.key, d.keys, &err), err);
	push_all(&b, &d);
	check_sorted(&b, &d, 5000);
	push_all(&b, &d);
	check_sorted(&b, &d, 1);
	spk_sorter_clear(&b.sorter);
	bench_close(&b);
	data_free(&d);
}

static void without_spill_space_the_budget_says_no(void)
{
	spk_test_rng rng = spk_test_rng_new(6);
	spk_status status = SPK_OK;
	struct data d;
	struct bench b;

	data_make(&d, &rng, 30000, 1);
	bench_open(&b, "none", spk_memory_used() + (6 << 20), false);
	REQUIRE_OK(spk_sorter_init(&b.sorter, &b.op, d.schema, d.key, d.keys, &err), err);
	REQUIRE_OK(spk_sorter_begin(&b.sorter, &err), err);
	for (int i = 0; i < d.batches && status == SPK_OK; i++)
		status = spk_sorter_push(&b.sorter, d.batch[i], &err);
	CHECK_EQ_INT(status, SPK_MEMORY_LIMIT);
	bench_close(&b);
	data_free(&d);
}

SPK_TEST_SUITE("sorter", {"sorts in memory as a stable sort does", in_memory}, {"spilled is as in memory, at any limit", spilled_is_as_in_memory_at_any_limit},
	{"keys with long common beginnings", keys_with_long_common_beginnings}, {"failures leave nothing behind", failures_leave_nothing_behind},
	{"given up early it gives everything back", given_up_early_it_gives_everything_back},
	{"without spill space the budget says no", without_spill_space_the_budget_says_no})
