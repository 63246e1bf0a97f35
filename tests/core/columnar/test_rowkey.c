/* Row keys: byte order is the rows' order, decoding gives the values back, broken keys are refused. */
#include "core/base/fault.h"
#include "core/base/memory.h"
#include "core/columnar/rowkey.h"
#include "tests/core/columnar/random.h"

enum { MAX_COLUMNS = 4 };

static spk_error err;

static int sign(int x) { return (x > 0) - (x < 0); }

/* The order of two rows by the columns' own rules: what the keys must reproduce. */
static int compare_rows(const struct spk_batch *b, int x, int y, const struct spk_key_column *column, int columns)
{
	for (int c = 0; c < columns; c++) {
		struct spk_value a = spk_vector_value(&b->column[column[c].column], x), z = spk_vector_value(&b->column[column[c].column], y);
		int by = a.null || z.null ? (column[c].nulls_first ? z.null - a.null : a.null - z.null) : sign(compare_values(&a, &z)) * (column[c].descending ? -1 : 1);

		if (by)
			return by;
	}
	return 0;
}

static int compare_keys(const struct spk_row_keys *keys, int x, int y)
{
	uint32_t nx, ny;
	const char *a = spk_row_key(keys, x, &nx), *b = spk_row_key(keys, y, &ny);
	int by = memcmp(a, b, SPK_MIN(nx, ny));

	return by ? sign(by) : (nx > ny) - (nx < ny);
}

/* Interval equality in PostgreSQL goes by span and numeric equality by value: that is what "the same" means here. */
static void check_decoded(const struct spk_batch *b, const struct spk_row_keys *keys, const struct spk_key_column *column, int columns, struct spk_arena *arena)
{
	struct spk_vector out[MAX_COLUMNS];

	for (int c = 0; c < columns; c++)
		REQUIRE_OK(spk_vector_init(&out[c], column[c].type, b->selected, arena, &err), err);
	for (int k = 0; k < b->selected; k++) {
		uint32_t size;
		/* Only arrays ask for rows that ascend. */
		int i = spk_type_is_nested(column[0].type) || columns > 1 ? k : b->selected - 1 - k;
		const char *key = spk_row_key(keys, i, &size);

		REQUIRE_OK(spk_row_key_decode(key, size, column, columns, out, i, b->selected, arena, &err), err);
	}
	for (int c = 0; c < columns; c++) {
		for (int i = 0; i < b->selected; i++) {
			struct spk_value want = spk_vector_value(&b->column[column[c].column], spk_batch_row(b, i)), got = spk_vector_value(&out[c], i);

			CHECK(same_values(&want, &got));
		}
	}
}

static int random_columns(spk_test_rng *rng, const struct spk_schema *schema, struct spk_key_column *column)
{
	int columns = 1 + (int)spk_test_below(rng, MAX_COLUMNS);

	for (int c = 0; c < columns; c++) {
		int at = (int)spk_test_below(rng, (uint64_t)schema->count);

		column[c] = (struct spk_key_column){ at, schema->field[at].type, spk_test_one_in(rng, 2), spk_test_one_in(rng, 2) };
	}
	return columns;
}

static void every_column_of(const struct spk_schema *schema, struct spk_arena *arena)
{
	spk_test_rng rng = spk_test_rng_new(1);
	struct spk_row_keys keys = { 0 };

	for (int round = 0; round < 4 * schema->count; round++) {
		struct spk_batch *b = random_batch(&rng, schema, 150, false);
		int at = round / 4;
		struct spk_key_column column = { at, schema->field[at].type, round & 1, round & 2 };
		int fixed = spk_row_key_fixed_size(&column, 1);

		REQUIRE_OK(spk_row_keys_encode(&keys, b, &column, 1, false, &err), err);
		REQUIRE_EQ_INT(keys.count, b->selected);
		for (int i = 0; i < b->selected; i++) {
			if (fixed)
				CHECK_EQ_INT(keys.offset[i + 1] - keys.offset[i], fixed);
			for (int k = 0; k < b->selected; k++)
				CHECK_EQ_INT(compare_keys(&keys, i, k), compare_rows(b, spk_batch_row(b, i), spk_batch_row(b, k), &column, 1));
		}
		check_decoded(b, &keys, &column, 1, arena);
		spk_batch_unref(b);
	}
	spk_row_keys_release(&keys);
}

static void one_column_of_every_type(void)
{
	struct spk_arena *arena = spk_arena_new(NULL);

	every_column_of(wide_schema(arena), arena);
	spk_arena_unref(arena);
}

static void arrays_and_records(void)
{
	struct spk_arena *arena = spk_arena_new(NULL);

	every_column_of(arrays_schema(arena), arena);
	spk_arena_unref(arena);
}

static void several_columns(void)
{
	spk_test_rng rng = spk_test_rng_new(2);
	struct spk_arena *arena = spk_arena_new(NULL);
	const struct spk_schema *wide = wide_schema(arena), *nested = arrays_schema(arena);
	struct spk_row_keys keys = { 0 };

	for (int round = 0; round < (spk_test_long() ? 5000 : 100); round++) {
		const struct spk_schema *schema = round % 3 ? wide : nested;
		struct spk_batch *b = random_batch(&rng, schema, 60, false);
		struct spk_key_column column[MAX_COLUMNS];
		int columns = random_columns(&rng, schema, column);

		REQUIRE_OK(spk_row_keys_encode(&keys, b, column, columns, false, &err), err);
		for (int i = 0; i < b->selected; i++)
			for (int k = 0; k < b->selected; k++)
				CHECK_EQ_INT(compare_keys(&keys, i, k), compare_rows(b, spk_batch_row(b, i), spk_batch_row(b, k), column, columns));
		check_decoded(b, &keys, column, columns, arena);
		spk_batch_unref(b);
	}
	spk_row_keys_release(&keys);
	spk_arena_unref(arena);
}

static void more_appends_and_the_same_rows_give_the_same_keys(void)
{
	spk_test_rng rng = spk_test_rng_new(3);
	struct spk_arena *arena = spk_arena_new(NULL);
	const struct spk_schema *schema = wide_schema(arena);
	struct spk_memory_account *account = spk_memory_account("test keys");
	struct spk_row_keys all = { .bytes.account = account }, once = { 0 };

	for (int round = 0; round < 20; round++) {
		struct spk_key_column column[MAX_COLUMNS];
		int columns = random_columns(&rng, schema, column), count = 0;

		for (int part = 0; part < 3; part++) {
			struct spk_batch *b = random_batch(&rng, schema, 300, false), *compact = NULL;

			REQUIRE_OK(spk_batch_compact(&compact, b, &err), err);
			REQUIRE_OK(spk_row_keys_encode(&once, compact, column, columns, false, &err), err);
			REQUIRE_OK(spk_row_keys_encode(&all, b, column, columns, part > 0, &err), err);
			REQUIRE_EQ_INT(all.count, count + b->selected);
			for (int i = 0; i < b->selected; i++) {
				uint32_t n, m;
				const char *a = spk_row_key(&all, count + i, &n), *z = spk_row_key(&once, i, &m);

				REQUIRE_EQ_INT(n, m);
				CHECK_EQ_MEM(a, z, n);
			}
			count += b->selected;
			spk_batch_unref(b);
			spk_batch_unref(compact);
		}
	}
	CHECK(spk_memory_account_used(account) > 0);
	spk_row_keys_release(&all);
	CHECK_EQ_INT(spk_memory_account_used(account), 0);
	spk_row_keys_release(&once);
	spk_arena_unref(arena);
}

static void key_of(struct spk_row_keys *keys, struct spk_type type, const void *value, bool descending)
{
	struct spk_field field = { "a", type, true };
	struct spk_schema schema = { 1, &field };
	struct spk_key_column column = { 0, type, descending, descending };
	struct spk_batch *b = NULL;

	REQUIRE_OK(spk_batch_new(&b, &schema, NULL, &err), err);
	REQUIRE_OK(spk_vector_init_constant(&b->column[0], type, value, b->arena, &err), err);
	b->rows = b->selected = 1;
	REQUIRE_OK(spk_row_keys_encode(keys, b, &column, 1, false, &err), err);
	spk_batch_unref(b);
}

/* Of {a,NULL,""}. */
static void key_of_array(struct spk_row_keys *keys, bool descending)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_vector v;
	struct spk_nested value = { &v, 0 };

	REQUIRE_OK(spk_vector_init(&v, spk_type_array(SPK_TYPE_TEXT), 1, arena, &err), err);
	spk_vector_i32(&v)[1] = 3;
	spk_vector_view(v.child)[0] = spk_view_str("a");
	REQUIRE_OK(spk_vector_need_valid(v.child, 3, arena, &err), err);
	spk_bit_clear(v.child->valid, 1);
	key_of(keys, v.type, &value, descending);
	spk_arena_unref(arena);
}

/* Keys are stored: these bytes may not change. */
static void the_format_never_changes(void)
{
	struct spk_row_keys keys = { 0 };
	struct spk_view text = spk_view("a\0b", 3);
	spk_int128 v = 1250;

#define CHECK_KEY(want) \
	do { \
		CHECK_EQ_INT(keys.bytes.size, sizeof(want) - 1); \
		CHECK_EQ_MEM(keys.bytes.data, want, sizeof(want) - 1); \
	} while (0)
	key_of(&keys, spk_type(SPK_TYPE_INTEGER), &(int32_t){ -2 }, false);
	CHECK_KEY("\2\x7f\xff\xff\xfe");
	key_of(&keys, spk_type(SPK_TYPE_INTEGER), &(int32_t){ -2 }, true);
	CHECK_KEY("\2\x80\0\0\1");
	key_of(&keys, spk_type(SPK_TYPE_INTEGER), NULL, false);
	CHECK_KEY("\3\0\0\0\0");
	key_of(&keys, spk_type(SPK_TYPE_INTEGER), NULL, true);
	CHECK_KEY("\1\0\0\0\0");
	key_of(&keys, spk_type(SPK_TYPE_TEXT), &text, false);
	CHECK_KEY("\2" "a\0\xff" "b\0\0");
	key_of(&keys, spk_type(SPK_TYPE_TEXT), &text, true);
	CHECK_KEY("\2\x9e\xff\0\x9d\xff\xff");
	key_of(&keys, spk_type(SPK_TYPE_TEXT), NULL, false);
	CHECK_KEY("\3");
	key_of(&keys, spk_type(SPK_TYPE_DOUBLE), &(double){ -0.0 }, false);
	CHECK_KEY("\2\x80\0\0\0\0\0\0\0");
	key_of(&keys, spk_type_decimal(10, 2), &v, false);
	CHECK_KEY("\2\xaa\x09\x67\x69\x95\x0b\x50\xd8\x8f\x41\x31\x44\x48\x00\x00\x00\x00");
	key_of(&keys, spk_type(SPK_TYPE_INTERVAL), &(struct spk_interval){ 1, 2, 3 }, false);
	CHECK_KEY("\2\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x83\xba\xec\x00\x03");
	key_of_array(&keys, false);
	CHECK_KEY("\2\2a\0\0\3\2\0\0\0");
	key_of_array(&keys, true);
	CHECK_KEY("\2\xfd\x9e\xff\xff\xfc\xfd\xff\xff\xff");
	spk_row_keys_release(&keys);
}

static void fixed_sizes_are_told(void)
{
	struct spk_key_column column[3] = { { .type = spk_type(SPK_TYPE_BIGINT) }, { .type = spk_type(SPK_TYPE_DECIMAL) }, { .type = spk_type(SPK_TYPE_TEXT) } };

	CHECK_EQ_INT(spk_row_key_fixed_size(column, 1), 9);
	CHECK_EQ_INT(spk_row_key_fixed_size(column, 2), 27);
	CHECK_EQ_INT(spk_row_key_fixed_size(column, 3), 0);
	CHECK_EQ_INT(spk_row_key_fixed_size(column, 0), 0);
}

static void rows_without_key_columns_have_empty_keys(void)
{
	spk_test_rng rng = spk_test_rng_new(4);
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_batch *b = random_batch(&rng, wide_schema(arena), 50, false);
	struct spk_row_keys keys = { 0 };

	REQUIRE_OK(spk_row_keys_encode(&keys, b, NULL, 0, false, &err), err);
	CHECK_EQ_INT(keys.count, b->selected);
	CHECK_EQ_INT(keys.offset[b->selected], 0);
	CHECK_OK(spk_row_key_decode("", 0, NULL, 0, NULL, 0, 1, arena, &err), err);
	spk_row_keys_release(&keys);
	spk_batch_unref(b);
	spk_arena_unref(arena);
}

/* Whatever bytes come: a value or CORRUPT, never a read past the end (ASan watches). */
static void broken_keys_are_refused(void)
{
	spk_test_rng rng = spk_test_rng_new(5);
	struct spk_arena *arena = spk_arena_new(NULL);
	const struct spk_schema *wide = wide_schema(arena), *nested = arrays_schema(arena);
	struct spk_row_keys keys = { 0 };
	int refused = 0, rounds = 300;

	for (int round = 0; round < rounds; round++) {
		const struct spk_schema *schema = round % 3 ? wide : nested;
		struct spk_batch *b = random_batch(&rng, schema, 20, false);
		struct spk_key_column column[MAX_COLUMNS];
		int columns = random_columns(&rng, schema, column);
		struct spk_vector out[MAX_COLUMNS];
		spk_status status = SPK_OK;

		for (int c = 0; c < columns; c++)
			REQUIRE_OK(spk_vector_init(&out[c], column[c].type, 1, arena, &err), err);
		REQUIRE_OK(spk_row_keys_encode(&keys, b, column, columns, false, &err), err);
		for (int i = 0; i < keys.count; i++) {
			uint32_t size;
			const char *key = spk_row_key(&keys, i, &size);
			char *copy = malloc(size + 1);

			memcpy(copy, key, size);
			copy[size] = 2;
			CHECK_FAILS(spk_row_key_decode(copy, size + 1, column, columns, out, 0, 1, arena, &err), SPK_CORRUPT, err);
			for (uint32_t cut = 0; cut < size; cut++) {
				char *shorter = malloc(cut ? cut : 1);

				memcpy(shorter, key, cut);
				CHECK_FAILS(spk_row_key_decode(shorter, cut, column, columns, out, 0, 1, arena, &err), SPK_CORRUPT, err);
				free(shorter);
			}
			for (int k = 0; k < 3; k++)
				copy[spk_test_below(&rng, size)] = (char)spk_test_next(&rng);
			status = spk_row_key_decode(copy, size, column, columns, out, 0, 1, arena, &err);
			CHECK(status == SPK_OK || status == SPK_CORRUPT);
			refused += status != SPK_OK;
			free(copy);
		}
		spk_batch_unref(b);
	}
	CHECK(refused > rounds);
	spk_row_keys_release(&keys);
	spk_arena_unref(arena);
}

static void a_refused_allocation_leaves_the_keys_as_they_were(void)
{
	spk_test_rng rng = spk_test_rng_new(6);
	struct spk_arena *arena = spk_arena_new(NULL);
	const struct spk_schema *schema = wide_schema(arena);
	struct spk_batch *b = random_batch(&rng, schema, 400, false);
	struct spk_key_column column = { 7, schema->field[7].type, false, false };
	int failures = 0;

	for (int nth = 1;; nth++) {
		struct spk_row_keys keys = { 0 };
		char *specification = spk_test_format("malloc:%d", nth);
		spk_status status;

		REQUIRE_OK(spk_fault_set(specification, &err), err);
		status = spk_row_keys_encode(&keys, b, &column, 1, false, &err);
		REQUIRE_OK(spk_fault_set(NULL, &err), err);
		free(specification);
		if (!status) {
			spk_row_keys_release(&keys);
			break;
		}
		failures++;
		CHECK_EQ_INT(keys.count, 0);
		CHECK_OK(spk_row_keys_encode(&keys, b, &column, 1, false, &err), err);
		spk_row_keys_release(&keys);
	}
	CHECK(failures >= 2);
	spk_batch_unref(b);
	spk_arena_unref(arena);
}

SPK_TEST_SUITE("core/columnar/rowkey",
	{"one column of every type", one_column_of_every_type},
	{"arrays and records", arrays_and_records},
	{"several columns", several_columns},
	{"more appends, and the same rows give the same keys", more_appends_and_the_same_rows_give_the_same_keys},
	{"the format never changes", the_format_never_changes},
	{"fixed sizes are told", fixed_sizes_are_told},
	{"rows without key columns have empty keys", rows_without_key_columns_have_empty_keys},
	{"broken keys are refused", broken_keys_are_refused},
	{"a refused allocation leaves the keys as they were", a_refused_allocation_leaves_the_keys_as_they_were})
