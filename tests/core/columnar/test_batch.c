/* Batches: sharing, compacting, building, re-encoding. The rows that count stay the same through all of them. */
#include <pthread.h>

#include "core/base/fault.h"
#include "core/columnar/hash.h"
#include "tests/core/columnar/random.h"

static spk_error err;

/* Row i of `a`'s selected rows is row k of `b`'s, weight included. */
static void check_same_row(const struct spk_batch *a, int i, const struct spk_batch *b, int k)
{
	int x = spk_batch_row(a, i), y = spk_batch_row(b, k);

	CHECK_EQ_INT(spk_batch_weight(a, x), spk_batch_weight(b, y));
	for (int c = 0; c < a->columns; c++) {
		struct spk_value v = spk_vector_value(&a->column[c], x), w = spk_vector_value(&b->column[c], y);

		CHECK(same_values(&v, &w));
	}
}

static void check_same_rows(const struct spk_batch *a, const struct spk_batch *b)
{
	REQUIRE_EQ_INT(a->selected, b->selected);
	for (int i = 0; i < a->selected; i++)
		check_same_row(a, i, b, i);
}

static void loops_see_the_selected_rows(void)
{
	struct spk_schema none = { 0, NULL };
	struct spk_batch *b = NULL;
	int32_t sel[] = { 1, 4, 9 };
	int seen = 0;

	REQUIRE_OK(spk_batch_new(&b, &none, NULL, &err), err);
	SPK_EACH_ROW(b, i, row)
		seen += row + i + 1;
	CHECK_EQ_INT(seen, 0);
	b->rows = b->selected = 4;
	SPK_EACH_ROW(b, i, row) {
		CHECK_EQ_INT(i, row);
		seen++;
	}
	CHECK_EQ_INT(seen, 4);
	b->rows = 10;
	b->sel = sel;
	b->selected = 3;
	SPK_EACH_ROW(b, i, row)
		CHECK_EQ_INT(row, sel[i]);
	spk_batch_unref(b);
	spk_batch_unref(NULL);
}

static void a_derived_batch_keeps_its_input_alive(void)
{
	spk_test_rng rng = spk_test_rng_new(1);
	struct spk_arena *arena = spk_arena_new(NULL);
	const struct spk_schema *schema = wide_schema(arena);
	struct spk_batch *in = random_batch(&rng, schema, 100, true), *out = NULL;
	struct spk_schema one = { 1, schema->field + 12 };
	struct spk_value want = spk_vector_value(&in->column[12], 5), got;

	REQUIRE_OK(spk_batch_derive(&out, in, &one, &err), err);
	out->column[0] = in->column[12];
	CHECK(out->rows == in->rows && out->sel == in->sel && out->selected == in->selected && out->weight == in->weight);
	CHECK_EQ_INT(out->columns, 1);
	CHECK(spk_batch_ref(out) == out);
	spk_batch_unref(in);
	spk_batch_unref(out);
	got = spk_vector_value(&out->column[0], 5);
	CHECK(same_values(&want, &got));
	spk_batch_unref(out);
	spk_arena_unref(arena);
}

static void compacting_keeps_the_rows_and_nothing_else(void)
{
	spk_test_rng rng = spk_test_rng_new(2);
	struct spk_arena *arena = spk_arena_new(NULL);
	const struct spk_schema *schema = wide_schema(arena);

	for (int round = 0; round < 40; round++) {
		struct spk_batch *in = random_batch(&rng, schema, (int)spk_test_below(&rng, 300), round & 1), *out = NULL;

		REQUIRE_OK(spk_batch_compact(&out, in, &err), err);
		CHECK(!out->sel && out->rows == in->selected && out->selected == out->rows);
		CHECK_EQ_INT(!out->weight, !in->weight);
		for (int c = 0; c < out->columns; c++)
			CHECK_EQ_INT(out->column[c].layout, SPK_FLAT);
		check_same_rows(in, out);
		spk_batch_unref(in);
		/* Its own bytes: ASan sees a read of the input's. */
		for (int i = 0; i < out->rows; i++)
			check_same_row(out, i, out, i);
		spk_batch_unref(out);
	}
	spk_arena_unref(arena);
}

static void a_builder_collects_rows_in_order(void)
{
	spk_test_rng rng = spk_test_rng_new(3);
	struct spk_arena *arena = spk_arena_new(NULL);
	const struct spk_schema *schema = wide_schema(arena);
	struct spk_batch_builder b = { .schema = schema };

	for (int round = 0; round < 4; round++) {
		struct spk_batch *in[64], *full;
		int count = 0, at = 0;

		while (count < 64) {
			struct spk_batch *piece = random_batch(&rng, schema, (int)spk_test_below(&rng, 400), count > 3 && spk_test_one_in(&rng, 2));

			if (piece->selected > spk_builder_room(&b)) {
				spk_batch_unref(piece);
				break;
			}
			in[count++] = piece;
			REQUIRE_OK(spk_builder_append(&b, piece, piece->sel, piece->selected, &err), err);
		}
		full = spk_builder_take(&b);
		REQUIRE(full != NULL);
		CHECK_EQ_INT(spk_builder_room(&b), SPK_BATCH_ROWS);
		for (int p = 0; p < count; p++) {
			for (int i = 0; i < in[p]->selected; i++)
				check_same_row(in[p], i, full, at++);
			spk_batch_unref(in[p]);
		}
		CHECK_EQ_INT(full->rows, at);
		CHECK_EQ_INT(full->selected, at);
		spk_batch_unref(full);
	}
	CHECK(!spk_builder_take(&b));
	spk_builder_release(&b);
	spk_arena_unref(arena);
}

static void a_builder_without_other_weights_has_none(void)
{
	struct spk_field field = { "a", spk_type(SPK_TYPE_BIGINT), true };
	struct spk_schema schema = { 1, &field };
	struct spk_batch_builder b = { .schema = &schema };
	struct spk_batch *in = NULL, *out;
	int32_t weight[] = { 1, 1, -1 };

	REQUIRE_OK(spk_batch_new(&in, &schema, NULL, &err), err);
	REQUIRE_OK(spk_vector_init(&in->column[0], field.type, 3, in->arena, &err), err);
	memset(in->column[0].data, 0, 24);
	in->rows = in->selected = 3;
	in->weight = weight;
	REQUIRE_OK(spk_builder_append(&b, in, NULL, 2, &err), err);
	out = spk_builder_take(&b);
	CHECK(!out->weight);
	spk_batch_unref(out);
	REQUIRE_OK(spk_builder_append(&b, in, NULL, 2, &err), err);
	REQUIRE_OK(spk_builder_append(&b, in, NULL, 3, &err), err);
	out = spk_builder_take(&b);
	CHECK_EQ_MEM(out->weight, ((int32_t[]){ 1, 1, 1, 1, -1 }), 20);
	spk_batch_unref(out);
	/* With rows left in it. */
	REQUIRE_OK(spk_builder_append(&b, in, (int32_t[]){ 2 }, 1, &err), err);
	spk_builder_release(&b);
	spk_batch_unref(in);
}

static void a_failed_append_leaves_the_builder_as_it_was(void)
{
	spk_test_rng rng = spk_test_rng_new(4);
	struct spk_arena *arena = spk_arena_new(NULL);
	const struct spk_schema *schema = wide_schema(arena);
	struct spk_batch *in = random_batch(&rng, schema, 1500, true);
	int failures = 0;

	for (int nth = 1;; nth++) {
		struct spk_batch_builder b = { .schema = schema };
		char *specification = spk_test_format("malloc:%d", nth);
		struct spk_batch *out;
		spk_status status;

		REQUIRE_OK(spk_fault_set(specification, &err), err);
		status = spk_builder_append(&b, in, in->sel, in->selected, &err);
		REQUIRE_OK(spk_fault_set(NULL, &err), err);
		free(specification);
		if (status) {
			failures++;
			CHECK_EQ_INT(spk_builder_room(&b), SPK_BATCH_ROWS);
			REQUIRE_OK(spk_builder_append(&b, in, in->sel, in->selected, &err), err);
		}
		out = spk_builder_take(&b);
		check_same_rows(in, out);
		spk_batch_unref(out);
		if (!status)
			break;
	}
	CHECK(failures > 5);
	spk_batch_unref(in);
	spk_arena_unref(arena);
}

static struct spk_origin *origin_of(struct spk_batch *b)
{
	struct spk_origin *origin = SPK_NEW(b->arena, struct spk_origin);
	int64_t *offset = SPK_NEW_ARRAY(b->arena, int64_t, b->rows);
	struct spk_view *raw = SPK_NEW_ARRAY(b->arena, struct spk_view, b->rows);

	for (int i = 0; i < b->rows; i++) {
		offset[i] = 1000 + i;
		raw[i] = spk_view_str(spk_arena_printf(b->arena, "the message at offset %d", 1000 + i));
	}
	*origin = (struct spk_origin){ 2, 7, offset, raw };
	return origin;
}

static void reencoding_keeps_rows_weights_and_origin(void)
{
	spk_test_rng rng = spk_test_rng_new(5);
	struct spk_arena *arena = spk_arena_new(NULL);
	const struct spk_schema *schema = wide_schema(arena);
	int layouts[3] = { 0 }, padded = 0;

	for (int round = 0; round < 60; round++) {
		struct spk_batch *in = random_batch(&rng, schema, round == 7 ? SPK_BATCH_ROWS : (int)spk_test_below(&rng, 200), round & 1);
		struct spk_batch *out = NULL, *again = NULL;

		in->origin = origin_of(in);
		REQUIRE_OK(spk_batch_reencode(&out, in, (uint64_t)round, &err), err);
		REQUIRE_OK(spk_batch_reencode(&again, in, (uint64_t)round, &err), err);
		CHECK_EQ_INT(out->rows, again->rows);
		spk_batch_unref(again);
		check_same_rows(in, out);
		CHECK_EQ_INT(!out->weight, !in->weight);
		CHECK(out->rows <= SPK_BATCH_ROWS && out->origin->source == 2 && out->origin->partition == 7);
		for (int i = 0; i < out->selected; i++) {
			int row = spk_batch_row(out, i), old = spk_batch_row(in, i);

			CHECK(row < out->rows && (!i || row > spk_batch_row(out, i - 1)));
			CHECK_EQ_INT(out->origin->offset[row], 1000 + old);
			CHECK(spk_view_equal(&out->origin->raw[row], &in->origin->raw[old]));
		}
		padded += out->sel != NULL;
		/* Garbage rows may be read and hashed, whatever they hold. */
		for (int c = 0; c < out->columns; c++) {
			uint64_t hash[SPK_BATCH_ROWS];

			spk_hash_column(&out->column[c], NULL, out->rows, hash);
			layouts[out->column[c].layout]++;
		}
		spk_batch_unref(in);
		spk_batch_unref(out);
	}
	CHECK(layouts[SPK_FLAT] && layouts[SPK_DICTIONARY] && layouts[SPK_CONSTANT] && padded);
	spk_arena_unref(arena);
}

static void reencoding_takes_arrays_and_records(void)
{
	struct spk_field element = { "element", spk_type(SPK_TYPE_BIGINT), true }, fields[2];
	struct spk_schema inner = { 1, &element }, schema = { 2, fields };

	fields[0] = (struct spk_field){ "list", { .id = SPK_TYPE_ARRAY, .children = &inner }, true };
	fields[1] = (struct spk_field){ "record", { .id = SPK_TYPE_ROW, .children = &inner }, true };
	for (uint64_t seed = 0; seed < 30; seed++) {
		struct spk_batch *in = NULL, *out = NULL;
		uint64_t before[4], after[4];

		REQUIRE_OK(spk_batch_new(&in, &schema, NULL, &err), err);
		REQUIRE_OK(spk_vector_init(&in->column[0], fields[0].type, 4, in->arena, &err), err);
		memcpy(in->column[0].data, (int32_t[]){ 0, 2, 2, 3, 6 }, 20);
		memcpy(in->column[0].child->data, (int64_t[]){ 1, 2, 3, 4, 5, 6 }, 48);
		REQUIRE_OK(spk_vector_init(&in->column[1], fields[1].type, 4, in->arena, &err), err);
		memcpy(in->column[1].child->data, (int64_t[]){ 1, 2, 3, 4 }, 32);
		in->rows = 4;
		in->selected = seed % 5 ? 4 : 0;
		in->sel = seed % 5 ? NULL : (int32_t[]){ 0 };
		REQUIRE_OK(spk_batch_reencode(&out, in, seed, &err), err);
		CHECK_EQ_INT(out->selected, in->selected);
		for (int c = 0; c < 2; c++) {
			spk_hash_column(&in->column[c], in->sel, in->selected, before);
			spk_hash_column(&out->column[c], out->sel, out->selected, after);
			CHECK_EQ_MEM(before, after, 8 * (size_t)in->selected);
		}
		spk_batch_unref(in);
		spk_batch_unref(out);
	}
}

enum { THREADS = 4 };

struct reader { pthread_t thread; struct spk_batch *batch; uint64_t seed, sum; bool failed; };

/* Reads the shared batch in all the ways there are, and drops a reference to it. */
static void *read_shared(void *user)
{
	struct reader *r = user;
	spk_error error;

	for (int round = 0; round < 20; round++) {
		struct spk_batch *compact = NULL, *again = NULL;
		uint64_t hash[SPK_BATCH_ROWS];

		r->failed |= spk_batch_compact(&compact, r->batch, &error) || spk_batch_reencode(&again, r->batch, r->seed + (uint64_t)round, &error);
		if (r->failed)
			break;
		spk_hash_columns(again, (int[]){ 1, 7 }, 2, hash);
		for (int i = 0; i < again->selected; i++)
			r->sum += hash[i];
		spk_batch_unref(compact);
		spk_batch_unref(again);
	}
	spk_batch_unref(r->batch);
	return NULL;
}

static void threads_may_share_a_batch(void)
{
	spk_test_rng rng = spk_test_rng_new(7);
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_batch *in = random_batch(&rng, wide_schema(arena), 300, true);
	struct reader reader[THREADS] = { 0 };

	for (int t = 0; t < THREADS; t++) {
		reader[t].batch = spk_batch_ref(in);
		reader[t].seed = (uint64_t)t * 1000;
		REQUIRE_EQ_INT(pthread_create(&reader[t].thread, NULL, read_shared, &reader[t]), 0);
	}
	spk_batch_unref(in);
	for (int t = 0; t < THREADS; t++)
		pthread_join(reader[t].thread, NULL);
	for (int t = 0; t < THREADS; t++) {
		CHECK(!reader[t].failed);
		CHECK(reader[t].sum == reader[0].sum);
	}
	spk_arena_unref(arena);
}

static void verify_follows_the_environment(void)
{
	const char *set = getenv("SPARKLET_VERIFY");
	spk_test_rng rng = spk_test_rng_new(6);
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_batch *in = random_batch(&rng, wide_schema(arena), 50, true), *out = NULL;

	REQUIRE_OK(spk_batch_verify(&out, in, 1, &err), err);
	CHECK_EQ_INT(out == in, !(set && *set && strcmp(set, "0") != 0));
	check_same_rows(in, out);
	spk_batch_unref(in);
	spk_batch_unref(out);
	spk_arena_unref(arena);
}

SPK_TEST_SUITE("core/columnar/batch",
	{"loops see the selected rows", loops_see_the_selected_rows},
	{"a derived batch keeps its input alive", a_derived_batch_keeps_its_input_alive},
	{"compacting keeps the rows and nothing else", compacting_keeps_the_rows_and_nothing_else},
	{"a builder collects rows in order", a_builder_collects_rows_in_order},
	{"a builder without other weights has none", a_builder_without_other_weights_has_none},
	{"a failed append leaves the builder as it was", a_failed_append_leaves_the_builder_as_it_was},
	{"re-encoding keeps rows, weights and origin", reencoding_keeps_rows_weights_and_origin},
	{"re-encoding takes arrays and records", reencoding_takes_arrays_and_records},
	{"threads may share a batch", threads_may_share_a_batch},
	{"verify follows the environment", verify_follows_the_environment})
