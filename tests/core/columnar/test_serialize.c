/* Batches as bytes: every type and layout comes back, damaged bytes are refused, runs are cut into blocks. */
#include "core/columnar/serialize.h"

#include "core/base/memory.h"
#include "tests/core/columnar/random.h"

static spk_error err;

/* Arrays and records are compared element by element. */
static void check_same(const struct spk_vector *a, int x, const struct spk_vector *b, int y)
{
	struct spk_reader ra = spk_vector_reader(a), rb = spk_vector_reader(b);
	uint32_t sa = spk_reader_slot(&ra, x), sb = spk_reader_slot(&rb, y);
	const struct spk_vector *ca = a->layout == SPK_DICTIONARY ? a->dictionary->child : a->child, *cb = b->child;

	REQUIRE_EQ_INT(spk_reader_valid(&ra, sa), spk_reader_valid(&rb, sb));
	if (!spk_reader_valid(&ra, sa))
		return;
	if (a->type.id == SPK_TYPE_ROW) {
		for (int c = 0; c < a->type.children->count; c++)
			check_same(&ca[c], (int)sa, &cb[c], (int)sb);
	} else if (a->type.id == SPK_TYPE_ARRAY) {
		const int32_t *oa = ra.data, *ob = rb.data;

		REQUIRE_EQ_INT(oa[sa + 1] - oa[sa], ob[sb + 1] - ob[sb]);
		for (int i = 0; i < oa[sa + 1] - oa[sa]; i++)
			check_same(ca, oa[sa] + i, cb, ob[sb] + i);
	} else {
		struct spk_value v = spk_vector_value(a, x), w = spk_vector_value(b, y);

		CHECK(same_values(&v, &w));
	}
}

static void check_rows(const struct spk_batch *a, int from, const struct spk_batch *b)
{
	for (int i = 0; i < b->selected; i++) {
		int x = spk_batch_row(a, from + i), y = spk_batch_row(b, i);

		CHECK_EQ_INT(spk_batch_weight(a, x), spk_batch_weight(b, y));
		for (int c = 0; c < a->columns; c++)
			check_same(&a->column[c], x, &b->column[c], y);
	}
}

/* An array or record vector over children of random layout, FLAT or as a dictionary. */
static struct spk_vector nested_vector(spk_test_rng *rng, struct spk_type type, int rows, struct spk_arena *arena);

static struct spk_vector any_vector(spk_test_rng *rng, struct spk_type type, int rows, struct spk_arena *arena)
{
	if (type.id == SPK_TYPE_ARRAY || type.id == SPK_TYPE_ROW)
		return nested_vector(rng, type, rows, arena);
	return random_vector(rng, type, rows, spk_test_below(rng, 4), random_layout(rng), arena);
}

static void set_nulls(spk_test_rng *rng, struct spk_vector *v, int rows, struct spk_arena *arena)
{
	if (spk_test_one_in(rng, 2))
		return;
	REQUIRE_OK(spk_vector_need_valid(v, rows, arena, &err), err);
	for (int i = 0; i < rows; i++)
		if (spk_test_one_in(rng, 3))
			spk_bit_clear(v->valid, i);
}

static struct spk_vector nested_vector(spk_test_rng *rng, struct spk_type type, int rows, struct spk_arena *arena)
{
	struct spk_vector *v = SPK_NEW(arena, struct spk_vector);
	uint32_t *index = SPK_NEW_ARRAY(arena, uint32_t, rows + 1);
	int children = type.children->count, elements = rows;

	*v = (struct spk_vector){ .type = type, .child = SPK_NEW_ARRAY(arena, struct spk_vector, children) };
	if (type.id == SPK_TYPE_ARRAY) {
		int32_t *offset = SPK_NEW_ARRAY(arena, int32_t, rows + 2);

		for (int i = 0; i < rows; i++)
			offset[i + 1] = offset[i] + (int32_t)spk_test_below(rng, 5);
		elements = offset[rows];
		v->data = offset;
	}
	for (int c = 0; c < children; c++)
		v->child[c] = any_vector(rng, type.children->field[c].type, elements, arena);
	set_nulls(rng, v, rows, arena);
	if (rows == 0 || spk_test_one_in(rng, 2))
		return *v;
	for (int i = 0; i < rows; i++)
		index[i] = (uint32_t)spk_test_below(rng, (uint64_t)rows);
	return (struct spk_vector){ .type = type, .layout = SPK_DICTIONARY, .index = index, .dictionary = v };
}

static const struct spk_schema *nested_schema(struct spk_arena *arena)
{
	struct spk_schema *element = SPK_NEW(arena, struct spk_schema), *record = SPK_NEW(arena, struct spk_schema), *outer = SPK_NEW(arena, struct spk_schema),
			  *all = SPK_NEW(arena, struct spk_schema);
	struct spk_type texts = { .id = SPK_TYPE_ARRAY, .children = element }, row = { .id = SPK_TYPE_ROW, .children = record }, rows = { .id = SPK_TYPE_ARRAY, .children = outer };

	*element = (struct spk_schema){ 1, SPK_NEW(arena, struct spk_field) };
	element->field[0] = (struct spk_field){ "element", spk_type(SPK_TYPE_TEXT), true };
	*record = (struct spk_schema){ 3, SPK_NEW_ARRAY(arena, struct spk_field, 3) };
	record->field[0] = (struct spk_field){ "a", spk_type(SPK_TYPE_BIGINT), true };
	record->field[1] = (struct spk_field){ "b", texts, true };
	record->field[2] = (struct spk_field){ "c", spk_type(SPK_TYPE_DECIMAL), true };
	*outer = (struct spk_schema){ 1, SPK_NEW(arena, struct spk_field) };
	outer->field[0] = (struct spk_field){ "element", row, true };
	*all = (struct spk_schema){ 4, SPK_NEW_ARRAY(arena, struct spk_field, 4) };
	all->field[0] = (struct spk_field){ "i", spk_type(SPK_TYPE_INTEGER), true };
	all->field[1] = (struct spk_field){ "t", texts, true };
	all->field[2] = (struct spk_field){ "r", row, true };
	all->field[3] = (struct spk_field){ "rr", rows, true };
	return all;
}

static struct spk_batch *any_batch(spk_test_rng *rng, const struct spk_schema *schema, int rows)
{
	struct spk_batch *b;

	REQUIRE_OK(spk_batch_new(&b, schema, NULL, &err), err);
	for (int c = 0; c < schema->count; c++)
		b->column[c] = any_vector(rng, schema->field[c].type, rows, b->arena);
	b->rows = b->selected = rows;
	if (spk_test_one_in(rng, 2))
		b->sel = random_selection(rng, rows, &b->selected, b->arena);
	return b;
}

/* Serializes rows [from, from + n) and reads them back. */
static struct spk_batch *there_and_back(const struct spk_batch *in, int from, int n)
{
	struct spk_buffer bytes = { 0 };
	size_t size, used = 0;
	struct spk_batch *out;
	char *data;

	REQUIRE_OK(spk_buffer_append(&bytes, "0123456789abcdef", 16, &err), err);
	REQUIRE_OK(spk_batch_serialized_size(in, from, n, &size, &err), err);
	REQUIRE_OK(spk_batch_serialize(in, from, n, &bytes, &err), err);
	CHECK_EQ_INT(bytes.size, size + 16);
	REQUIRE_OK(spk_batch_new(&out, in->schema, NULL, &err), err);
	data = spk_arena_alloc_vector(out->arena, size);
	memcpy(data, bytes.data + 16, size);
	REQUIRE_OK(spk_batch_deserialize(out, data, size, &used, &err), err);
	CHECK_EQ_INT(used, size);
	CHECK_EQ_INT(out->selected, n);
	spk_buffer_release(&bytes);
	return out;
}

static void round_trips(struct spk_batch *(*make)(spk_test_rng *rng, const struct spk_schema *schema, int rows), const struct spk_schema *schema, uint64_t stream)
{
	spk_test_rng rng = spk_test_rng_new(stream);
	int rounds = spk_test_long() ? 500 : 60;

	for (int round = 0; round < rounds; round++) {
		struct spk_batch *in = make(&rng, schema, (int)spk_test_below(&rng, spk_test_one_in(&rng, 5) ? 1000 : 70)), *out;
		int from = (int)spk_test_below(&rng, (uint64_t)in->selected + 1), n = (int)spk_test_below(&rng, (uint64_t)(in->selected - from) + 1);

		out = there_and_back(in, from, n);
		check_rows(in, from, out);
		spk_batch_unref(in);
		spk_batch_unref(out);
	}
}

static struct spk_batch *weighted_batch(spk_test_rng *rng, const struct spk_schema *schema, int rows)
{
	return random_batch(rng, schema, rows, spk_test_one_in(rng, 2));
}

static void every_type_comes_back(void)
{
	struct spk_arena *arena = spk_arena_new(NULL);

	round_trips(weighted_batch, wide_schema(arena), 1);
	spk_arena_unref(arena);
}

static void arrays_and_records_come_back(void)
{
	struct spk_arena *arena = spk_arena_new(NULL);

	round_trips(any_batch, nested_schema(arena), 2);
	spk_arena_unref(arena);
}

static void constants_stay_constant(void)
{
	struct spk_field field = { "c", { .id = SPK_TYPE_TEXT }, true };
	struct spk_schema schema = { 1, &field };
	struct spk_view text = spk_view_str("a text that is longer than twelve bytes");
	struct spk_batch *in, *out;
	size_t size;

	REQUIRE_OK(spk_batch_new(&in, &schema, NULL, &err), err);
	REQUIRE_OK(spk_vector_init_constant(&in->column[0], field.type, &text, in->arena, &err), err);
	in->rows = in->selected = SPK_BATCH_ROWS;
	REQUIRE_OK(spk_batch_serialized_size(in, 0, SPK_BATCH_ROWS, &size, &err), err);
	CHECK(size < 200);
	out = there_and_back(in, 0, SPK_BATCH_ROWS);
	CHECK_EQ_INT(out->column[0].layout, SPK_CONSTANT);
	check_rows(in, 0, out);
	spk_batch_unref(in);
	spk_batch_unref(out);
}

/* Whatever the bytes are, reading them ends in a batch or in CORRUPT, and reads nothing outside (AddressSanitizer looks on). */
static void damaged_bytes_are_refused_or_harmless(void)
{
	spk_test_rng rng = spk_test_rng_new(3);
	struct spk_arena *arena = spk_arena_new(NULL);
	const struct spk_schema *schemas[] = { wide_schema(arena), nested_schema(arena) };
	int refused = 0;

	for (int round = 0; round < 400; round++) {
		const struct spk_schema *schema = schemas[round & 1];
		struct spk_batch *in = any_batch(&rng, schema, 30), *out;
		struct spk_buffer bytes = { 0 };
		size_t used, size;
		char *data;

		REQUIRE_OK(spk_batch_serialize(in, 0, in->selected, &bytes, &err), err);
		size = spk_test_one_in(&rng, 3) ? spk_test_below(&rng, bytes.size) : bytes.size;
		REQUIRE_OK(spk_batch_new(&out, schema, NULL, &err), err);
		data = spk_arena_alloc_vector(out->arena, size);
		memcpy(data, bytes.data, size);
		for (int i = 0; i < 3 && size; i++)
			data[spk_test_below(&rng, size)] = (char)spk_test_next(&rng);
		if (spk_batch_deserialize(out, data, size, &used, &err) != SPK_OK) {
			CHECK_EQ_INT(err.code, SPK_CORRUPT);
			refused++;
		}
		spk_buffer_release(&bytes);
		spk_batch_unref(in);
		spk_batch_unref(out);
	}
	CHECK(refused > 100);
	spk_arena_unref(arena);
}

static void a_run_gives_its_rows_back_in_blocks(void)
{
	spk_test_rng rng = spk_test_rng_new(4);
	char *dir = spk_test_dir("run");
	struct spk_arena *arena = spk_arena_new(NULL);
	const struct spk_schema *schema = wide_schema(arena);
	struct spk_batch *in[12], *got = NULL;
	struct spk_run_scratch scratch = { 0 };
	struct spk_spill_area *area;
	struct spk_spill_run *run;
	int64_t block = 0;
	size_t size = 0;
	int at = 0;

	REQUIRE_OK(spk_spill_area_new(&area, dir, &err), err);
	REQUIRE_OK(spk_spill_run_new(&run, area, &err), err);
	REQUIRE_OK(spk_run_scratch_reserve(&scratch, &err), err);
	for (int i = 0; i < 12; i++) {
		in[i] = random_batch(&rng, schema, i == 3 ? 0 : (int)spk_test_between(&rng, 1, SPK_BATCH_ROWS), i == 5);
		/* The last is more than a block holds, whatever the seed. */
		while (i == 11 && size <= SPK_SPILL_BLOCK) {
			spk_batch_unref(in[i]);
			in[i] = random_batch(&rng, schema, SPK_BATCH_ROWS, false);
			REQUIRE_OK(spk_batch_serialized_size(in[i], 0, in[i]->selected, &size, &err), err);
		}
		block = spk_spill_run_blocks(run);
		REQUIRE_OK(spk_run_put_batch(run, in[i], &scratch, &err), err);
		CHECK(in[i]->selected ? spk_spill_run_blocks(run) > block : spk_spill_run_blocks(run) == block);
	}
	CHECK(spk_spill_run_blocks(run) > block + 1);
	block = 0;
	for (int i = 0; i < 12; i++)
		for (int done = 0; done < in[i]->selected;) {
			if (!got) {
				CHECK(spk_spill_run_size(run, block) <= 2 * SPK_SPILL_BLOCK);
				REQUIRE_OK(spk_run_get_batch(run, block++, schema, NULL, &scratch, &got, &err), err);
				at = done;
				check_rows(in[i], at, got);
			}
			done += got->selected;
			spk_batch_unref(got);
			got = NULL;
		}
	CHECK_EQ_INT(block, spk_spill_run_blocks(run));
	for (int i = 0; i < 12; i++)
		spk_batch_unref(in[i]);
	spk_spill_run_free(run);
	spk_spill_area_free(area);
	spk_run_scratch_release(&scratch);
	spk_arena_unref(arena);
	free(dir);
}

SPK_TEST_SUITE("serialize", {"every type comes back, in any layout", every_type_comes_back}, {"arrays and records come back", arrays_and_records_come_back},
	{"constants stay constant", constants_stay_constant}, {"damaged bytes are refused or harmless", damaged_bytes_are_refused_or_harmless},
	{"a run gives its rows back in blocks", a_run_gives_its_rows_back_in_blocks})
