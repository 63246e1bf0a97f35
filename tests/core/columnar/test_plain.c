/* Single values as bytes: what was written comes back, bit by bit, in any layout; bytes that end too early are found out. */
#include "core/columnar/plain.h"
#include "tests/core/columnar/random.h"

enum { ROWS = 60 };

static struct spk_type random_plain_type(spk_test_rng *rng, struct spk_arena *arena, int depth)
{
	struct spk_type scalar[32], made;
	struct spk_field *field;
	struct spk_schema *schema;
	int count = scalar_types(scalar);
	spk_error err;

	if (depth == 0 || spk_test_one_in(rng, 2))
		return scalar[spk_test_below(rng, (uint64_t)count)];
	if (spk_test_one_in(rng, 2)) {
		REQUIRE_OK(spk_type_array_of(arena, random_plain_type(rng, arena, depth - 1), &made, &err), err);
		return made;
	}
	schema = SPK_NEW(arena, struct spk_schema);
	schema->count = 1 + (int)spk_test_below(rng, 3);
	schema->field = field = SPK_NEW_ARRAY(arena, struct spk_field, schema->count);
	for (int i = 0; i < schema->count; i++)
		field[i] = (struct spk_field){ "f", random_plain_type(rng, arena, depth - 1), true };
	return (struct spk_type){ .id = SPK_TYPE_ROW, .children = schema };
}

static void write_all(const struct spk_vector *v, struct spk_buffer *out)
{
	spk_error err;

	spk_buffer_clear(out);
	for (int i = 0; i < ROWS; i++)
		CHECK_OK(spk_plain_write(v, i, out, &err), err);
}

static void round_trip(void)
{
	spk_test_rng rng = spk_test_rng_new(4);

	for (int round = 0; round < (spk_test_long() ? 3000 : 200); round++) {
		struct spk_arena *arena = spk_arena_new(NULL);
		struct spk_type type = random_plain_type(&rng, arena, 3);
		struct spk_vector v = random_vector(&rng, type, ROWS, spk_test_below(&rng, 4), random_layout(&rng), arena), back;
		struct spk_buffer first = { 0 }, second = { 0 };
		const char *from;
		spk_error err;

		write_all(&v, &first);
		REQUIRE_OK(spk_vector_init(&back, type, ROWS, arena, &err), err);
		from = first.data;
		for (int i = 0; i < ROWS; i++) {
			CHECK_OK(spk_plain_read(&from, first.data + first.size, &back, i, ROWS, arena, &err), err);
			CHECK_EQ_INT(spk_vector_is_null(&back, i), spk_vector_is_null(&v, i));
		}
		CHECK(from == first.data + first.size);
		write_all(&back, &second);
		CHECK(first.size == second.size && memcmp(first.data, second.data, first.size) == 0);
		spk_buffer_release(&first);
		spk_buffer_release(&second);
		spk_arena_unref(arena);
	}
}

static void cut_off(void)
{
	spk_test_rng rng = spk_test_rng_new(5);

	for (int round = 0; round < 200; round++) {
		struct spk_arena *arena = spk_arena_new(NULL);
		struct spk_type type = random_plain_type(&rng, arena, 3);
		struct spk_vector v = random_vector(&rng, type, ROWS, 4, SPK_FLAT, arena), back;
		struct spk_buffer bytes = { 0 };
		spk_error err;

		CHECK_OK(spk_plain_write(&v, 0, &bytes, &err), err);
		for (size_t size = 0; size < bytes.size; size++) {
			char *copy = spk_arena_copy(arena, bytes.data, size);
			const char *from = copy;

			REQUIRE_OK(spk_vector_init(&back, type, 1, arena, &err), err);
			CHECK_FAILS(spk_plain_read(&from, copy + size, &back, 0, 1, arena, &err), SPK_CORRUPT, err);
		}
		spk_buffer_release(&bytes);
		spk_arena_unref(arena);
	}
}

/* Rows of several columns, written by what knows their size before: byte by byte the same as their values. */
static void rows(void)
{
	spk_test_rng rng = spk_test_rng_new(6);
	struct spk_plain_writer writer = { 0 };

	for (int round = 0; round < (spk_test_long() ? 3000 : 200); round++) {
		struct spk_arena *arena = spk_arena_new(NULL);
		const int columns = (int)spk_test_below(&rng, 6);
		struct spk_vector column[6];
		spk_error err;

		for (int c = 0; c < columns; c++)
			column[c] = random_vector(&rng, random_plain_type(&rng, arena, spk_test_one_in(&rng, 3) ? 2 : 0), ROWS, spk_test_below(&rng, 4), random_layout(&rng), arena);
		REQUIRE_OK(spk_plain_writer_begin(&writer, column, columns, &err), err);
		for (int row = 0; row < ROWS; row++) {
			struct spk_buffer values = { 0 };
			size_t size;
			char *bytes;

			for (int c = 0; c < columns; c++)
				CHECK_OK(spk_plain_write(&column[c], row, &values, &err), err);
			REQUIRE_OK(spk_plain_writer_measure(&writer, row, &size, &err), err);
			bytes = spk_arena_alloc(arena, size);
			spk_plain_writer_write(&writer, row, bytes);
			CHECK_EQ_INT(size, values.size);
			CHECK(size == values.size && (!size || memcmp(bytes, values.data, size) == 0));
			spk_buffer_release(&values);
		}
		spk_arena_unref(arena);
	}
	spk_plain_writer_release(&writer);
}

SPK_TEST_SUITE("plain values", { "are rows of many columns", rows }, { "come back as they were", round_trip }, { "are missed when cut off", cut_off })
