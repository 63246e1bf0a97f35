/* Arrow C Data: out and in again, foreign arrays by hand, release callbacks. test_arrow.py does the same with pyarrow. */
#include "core/base/fault.h"
#include "core/base/memory.h"
#include "core/columnar/arrow_c.h"
#include "core/columnar/hash.h"
#include "tests/core/columnar/random.h"

static spk_error err;

/* The first batch of `array`, which is released. */
static struct spk_batch *import(struct ArrowSchema *schema, struct ArrowArray *array, struct spk_arena *arena)
{
	struct spk_schema *types = NULL;
	struct spk_batch *b = NULL;
	int64_t from = 0, length = array->length;

	REQUIRE_OK(spk_arrow_import_schema(schema, arena, &types, &err), err);
	REQUIRE_OK(spk_arrow_import_batch(array, types, &from, &b, &err), err);
	CHECK_EQ_INT(from, length);
	CHECK(!array->release);
	return b;
}

static void every_type_goes_out_and_comes_back(void)
{
	spk_test_rng rng = spk_test_rng_new(1);
	struct spk_arena *arena = spk_arena_new(NULL);
	const struct spk_schema *schema = wide_schema(arena);

	for (int round = 0; round < 40; round++) {
		int rows = round == 5 ? SPK_BATCH_ROWS : (int)spk_test_below(&rng, 200);
		struct spk_batch *in = random_batch(&rng, schema, rows, false), *out;
		struct spk_schema *exact = NULL;
		struct ArrowSchema arrow_schema;
		struct ArrowArray array;

		for (int c = 0; c < schema->count; c++) {
			struct spk_vector *v = &in->column[c];

			/* Intervals become nanoseconds, varying numerics one scale: keep within what fits. */
			if (v->type.id == SPK_TYPE_INTERVAL || (v->type.id == SPK_TYPE_DECIMAL && v->type.scale < 0)) {
				REQUIRE_OK(spk_vector_init(v, v->type, rows, in->arena, &err), err);
				for (int i = 0; i < rows; i++) {
					if (v->type.id == SPK_TYPE_INTERVAL)
						spk_vector_interval(v)[i] = (struct spk_interval){ i, -i, spk_test_between(&rng, -(1ll << 52), 1ll << 52) };
					else
						REQUIRE(spk_numeric_pack(random_int128(&rng, 18), (int)spk_test_below(&rng, 19), &spk_vector_i128(v)[i]));
				}
			}
		}
		REQUIRE_OK(spk_arrow_exact_schema(&in, 1, schema, arena, &exact, &err), err);
		REQUIRE_OK(spk_arrow_export_schema(exact, &arrow_schema, &err), err);
		REQUIRE_OK(spk_arrow_export_batch_as(in, exact, &array, &err), err);
		CHECK_EQ_INT(array.length, in->selected);
		out = import(&arrow_schema, &array, arena);
		REQUIRE_EQ_INT(out->rows, in->selected);
		for (int c = 0; c < schema->count; c++) {
			uint64_t want[SPK_BATCH_ROWS], got[SPK_BATCH_ROWS];

			CHECK_EQ_INT(out->column[c].type.id, schema->field[c].type.id);
			CHECK_EQ_STR(out->schema->field[c].name, schema->field[c].name);
			spk_hash_column(&in->column[c], in->sel, in->selected, want);
			spk_hash_column(&out->column[c], NULL, out->rows, got);
			CHECK_EQ_MEM(got, want, 8 * (size_t)out->rows);
			for (int i = 0; i < out->rows; i++)
				CHECK_EQ_INT(spk_vector_is_null(&out->column[c], i), spk_vector_is_null(&in->column[c], spk_batch_row(in, i)));
		}
		arrow_schema.release(&arrow_schema);
		spk_batch_unref(in);
		spk_batch_unref(out);
	}
	spk_arena_unref(arena);
}

static void formats_are_those_of_the_interface(void)
{
	static const char *const want[] = { "b", "s", "i", "l", "f", "g", "u", "z", "tdD", "ttu", "tsu:", "tsu:UTC", "tin", "u", "w:16", "d:38,16", "d:10,2",
		"d:38,0", "d:38,20", "d:38,38" };
	struct spk_arena *arena = spk_arena_new(NULL);
	const struct spk_schema *schema = wide_schema(arena);
	struct ArrowSchema out;

	REQUIRE_OK(spk_arrow_export_schema(schema, &out, &err), err);
	CHECK_EQ_STR(out.format, "+s");
	REQUIRE_EQ_INT(out.n_children, SPK_COUNT_OF(want));
	for (int c = 0; c < schema->count; c++) {
		CHECK_EQ_STR(out.children[c]->format, want[c]);
		CHECK_EQ_INT(out.children[c]->flags, ARROW_FLAG_NULLABLE);
		CHECK_EQ_INT(out.children[c]->metadata != NULL, spk_type_is_json(schema->field[c].type) || schema->field[c].type.id == SPK_TYPE_UUID);
	}
	out.release(&out);
	CHECK(!out.release);
	spk_arena_unref(arena);
}

/* A consumer may move a child away and release it after its parent. */
static void children_outlive_their_parents(void)
{
	struct spk_memory_account *account = spk_memory_account("test arrow");
	struct spk_field field = { "a", spk_type(SPK_TYPE_BIGINT), true };
	struct spk_schema schema = { 1, &field };
	struct spk_batch *b = NULL;
	struct ArrowArray array, child;
	struct ArrowSchema out, child_schema;

	REQUIRE_OK(spk_batch_new(&b, &schema, account, &err), err);
	REQUIRE_OK(spk_vector_init(&b->column[0], field.type, 3, b->arena, &err), err);
	memcpy(b->column[0].data, (int64_t[]){ 7, 8, 9 }, 24);
	b->rows = b->selected = 3;
	REQUIRE_OK(spk_arrow_export_batch(b, &array, &err), err);
	CHECK(array.children[0]->buffers[1] == b->column[0].data);
	spk_batch_unref(b);
	child = *array.children[0];
	array.children[0]->release = NULL;
	array.release(&array);
	CHECK(!array.release);
	CHECK(spk_memory_account_used(account) > 0);
	CHECK_EQ_INT(((const int64_t *)child.buffers[1])[2], 9);
	child.release(&child);
	CHECK_EQ_INT(spk_memory_account_used(account), 0);
	REQUIRE_OK(spk_arrow_export_schema(&schema, &out, &err), err);
	child_schema = *out.children[0];
	out.children[0]->release = NULL;
	out.release(&out);
	CHECK_EQ_STR(child_schema.name, "a");
	child_schema.release(&child_schema);
}

static void nested_columns_go_out_and_come_back(void)
{
	struct spk_field element = { "item", spk_type(SPK_TYPE_TEXT), true }, fields[2];
	struct spk_schema inner = { 1, &element }, schema = { 2, fields };
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_batch *b = NULL, *again;
	struct ArrowSchema out;
	struct ArrowArray array;

	fields[0] = (struct spk_field){ "list", { .id = SPK_TYPE_ARRAY, .children = &inner }, true };
	fields[1] = (struct spk_field){ "record", { .id = SPK_TYPE_ROW, .children = &inner }, true };
	REQUIRE_OK(spk_batch_new(&b, &schema, NULL, &err), err);
	REQUIRE_OK(spk_vector_init(&b->column[0], fields[0].type, 3, b->arena, &err), err);
	memcpy(b->column[0].data, (int32_t[]){ 0, 2, 2, 3 }, 16);
	REQUIRE_OK(spk_vector_init(&b->column[1], fields[1].type, 3, b->arena, &err), err);
	for (int i = 0; i < 3; i++) {
		spk_vector_view(b->column[0].child)[i] = spk_view_str("in a list");
		spk_vector_view(b->column[1].child)[i] = spk_view_str("in a record, and long");
	}
	b->rows = 3;
	b->sel = (int32_t[]){ 0, 2 };
	b->selected = 2;
	REQUIRE_OK(spk_arrow_export_schema(&schema, &out, &err), err);
	REQUIRE_OK(spk_arrow_export_batch(b, &array, &err), err);
	CHECK_EQ_STR(out.children[0]->format, "+l");
	CHECK_EQ_STR(out.children[1]->format, "+s");
	CHECK_EQ_INT(array.children[0]->children[0]->length, 3);
	CHECK_EQ_MEM(array.children[0]->buffers[1], ((int32_t[]){ 0, 2, 3 }), 12);
	CHECK_EQ_INT(array.children[1]->children[0]->length, 2);
	CHECK_EQ_MEM((const char *)array.children[1]->children[0]->buffers[2] + 21, "in a record, and long", 21);
	again = import(&out, &array, arena);
	CHECK_EQ_MEM(again->column[0].data, ((int32_t[]){ 0, 2, 3 }), 12);
	CHECK_EQ_STR(again->column[0].type.children->field[0].name, "item");
	for (int i = 0; i < 3; i++)
		CHECK(spk_view_equal(&spk_vector_view(again->column[0].child)[i], &(struct spk_view[]){ spk_view_str("in a list") }[0]));
	for (int i = 0; i < 2; i++)
		CHECK(spk_view_equal(&spk_vector_view(again->column[1].child)[i], &(struct spk_view[]){ spk_view_str("in a record, and long") }[0]));
	out.release(&out);
	spk_batch_unref(b);
	spk_batch_unref(again);
	spk_arena_unref(arena);
}

/* But those that Arrow cannot hold all values of (intervals, numerics of any scale) and arrays of arrays, which are refused. */
static void nested_values_of_every_type_go_out_and_come_back(void)
{
	spk_test_rng rng = spk_test_rng_new(3);
	struct spk_arena *arena = spk_arena_new(NULL);
	const struct spk_schema *all = arrays_schema(arena);
	struct spk_schema schema = { 0, SPK_NEW_ARRAY(arena, struct spk_field, all->count) }, *types = NULL;
	struct ArrowSchema out;

	for (int c = 0; c + 1 < all->count; c++) {
		struct spk_type element = all->field[c].type.children->field[0].type;

		if (element.id != SPK_TYPE_INTERVAL && !(element.id == SPK_TYPE_DECIMAL && element.scale < 0))
			schema.field[schema.count++] = all->field[c];
	}
	for (int round = 0; round < 30; round++) {
		struct spk_batch *in = random_batch(&rng, &schema, round == 5 ? SPK_BATCH_ROWS : (int)spk_test_below(&rng, 200), false), *again;
		struct ArrowArray array;

		REQUIRE_OK(spk_arrow_export_schema(&schema, &out, &err), err);
		REQUIRE_OK(spk_arrow_export_batch(in, &array, &err), err);
		again = import(&out, &array, arena);
		REQUIRE_EQ_INT(again->rows, in->selected);
		for (int c = 0; c < schema.count; c++) {
			SPK_EACH_ROW(in, i, row) {
				struct spk_value want = spk_vector_value(&in->column[c], row), got = spk_vector_value(&again->column[c], i);

				REQUIRE(same_values(&got, &want));
			}
		}
		out.release(&out);
		spk_batch_unref(in);
		spk_batch_unref(again);
	}
	REQUIRE_OK(spk_arrow_export_schema(all, &out, &err), err);
	CHECK_FAILS(spk_arrow_import_schema(&out, arena, &types, &err), SPK_UNSUPPORTED, err);
	CHECK_HOLDS(err.message, "lists of lists");
	out.release(&out);
	spk_arena_unref(arena);
}

static void values_that_do_not_fit_are_named(void)
{
	struct spk_field field = { "amount", spk_type(SPK_TYPE_DECIMAL), true };
	struct spk_schema schema = { 1, &field };
	struct spk_batch *b = NULL;
	struct ArrowArray array;
	spk_int128 v;

	REQUIRE_OK(spk_batch_new(&b, &schema, NULL, &err), err);
	REQUIRE(spk_numeric_pack(spk_pow10(30), 1, &v));
	REQUIRE_OK(spk_vector_init_constant(&b->column[0], field.type, &v, b->arena, &err), err);
	b->rows = b->selected = 2;
	CHECK_FAILS(spk_arrow_export_batch(b, &array, &err), SPK_DATA, err);
	CHECK_HOLDS(err.message, "amount");
	CHECK_HOLDS(err.message, "100000000000000000000000000000.0");
	field.type = spk_type(SPK_TYPE_INTERVAL);
	REQUIRE_OK(spk_vector_init_constant(&b->column[0], field.type, &(struct spk_interval){ 0, 0, INT64_MAX }, b->arena, &err), err);
	CHECK_FAILS(spk_arrow_export_batch(b, &array, &err), SPK_DATA, err);
	spk_batch_unref(b);
}

/* --- arrays of others --- */

static int releases;

static void count_release(struct ArrowArray *a)
{
	releases++;
	a->release = NULL;
}

/* A table of one column; what it points to is the caller's. */
struct foreign {
	struct ArrowSchema schema, column_schema, values_schema, *schemas[1];
	struct ArrowArray array, column, values, *arrays[1];
	const void *none[1], *buffers[3], *value_buffers[3];
};

static void keep_schema(struct ArrowSchema *s) { s->release = NULL; }

static void make_foreign(struct foreign *f, const char *format, int64_t length, int64_t offset, const void *valid, const void *data, const void *more)
{
	memset(f, 0, sizeof(*f));
	f->column_schema = (struct ArrowSchema){ .format = format, .name = "x", .release = keep_schema, .flags = ARROW_FLAG_NULLABLE };
	f->schemas[0] = &f->column_schema;
	f->schema = (struct ArrowSchema){ .format = "+s", .n_children = 1, .children = f->schemas, .release = keep_schema };
	f->buffers[0] = valid;
	f->buffers[1] = data;
	f->buffers[2] = more;
	f->column = (struct ArrowArray){ .length = length, .null_count = -1, .offset = offset, .n_buffers = more ? 3 : 2, .buffers = f->buffers, .release = count_release };
	f->arrays[0] = &f->column;
	f->array = (struct ArrowArray){ .length = length, .n_buffers = 1, .buffers = f->none, .n_children = 1, .children = f->arrays, .release = count_release };
	releases = 0;
}

static spk_status try_import(struct foreign *f, struct spk_arena *arena, struct spk_batch **out)
{
	struct spk_schema *types = NULL;
	int64_t from = 0;

	SPK_TRY(spk_arrow_import_schema(&f->schema, arena, &types, &err));
	return spk_arrow_import_batch(&f->array, types, &from, out, &err);
}

static void foreign_arrays_are_read_at_their_offsets(void)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	uint8_t valid = 0xf6;  /* 0110 1111 from the lowest: rows 0 and 3 are NULL */
	int8_t small[] = { 1, 2, 3, 4, 5, -6 };
	struct foreign f;
	struct spk_batch *b;

	make_foreign(&f, "c", 4, 1, &valid, small, NULL);
	/* Rows 1.. of the table, whose column starts at 1. */
	f.array.offset = 1;
	f.array.length = 3;
	b = import(&f.schema, &f.array, arena);
	CHECK_EQ_INT(releases, 1);
	CHECK_EQ_INT(b->rows, 3);
	CHECK_EQ_INT(spk_vector_i16(&b->column[0])[0], 3);
	CHECK(spk_vector_is_null(&b->column[0], 1) && !spk_vector_is_null(&b->column[0], 2));
	CHECK_EQ_INT(spk_vector_i16(&b->column[0])[2], 5);
	spk_batch_unref(b);
	spk_arena_unref(arena);
}

static void long_arrays_come_in_several_batches(void)
{
	enum { ROWS = 2 * SPK_BATCH_ROWS + 100 };
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_schema *types = NULL;
	int64_t *value = malloc(ROWS * sizeof(*value)), from = 0, at = 0;
	struct foreign f;
	int batches = 0;

	for (int i = 0; i < ROWS; i++)
		value[i] = i;
	make_foreign(&f, "l", ROWS, 0, NULL, value, NULL);
	REQUIRE_OK(spk_arrow_import_schema(&f.schema, arena, &types, &err), err);
	for (; from < ROWS; batches++) {
		struct spk_batch *b = NULL;

		CHECK_EQ_INT(releases, 0);
		REQUIRE_OK(spk_arrow_import_batch(&f.array, types, &from, &b, &err), err);
		for (int i = 0; i < b->rows; i++, at++)
			CHECK_EQ_INT(spk_vector_i64(&b->column[0])[i], at);
		spk_batch_unref(b);
	}
	CHECK_EQ_INT(batches, 3);
	CHECK_EQ_INT(releases, 1);
	free(value);
	spk_arena_unref(arena);
}

static void dictionaries_are_expanded(void)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	int32_t offsets[] = { 0, 3, 3, 33 };
	uint8_t index[] = { 2, 0, 9, 1, 2 }, valid = 0x1b, entry_valid = 0x5;
	struct foreign f;
	struct spk_batch *b = NULL;

	for (int broken = 0; broken < 2; broken++) {
		make_foreign(&f, "C", 5, 0, broken ? NULL : &valid, index, NULL);
		f.values_schema = (struct ArrowSchema){ .format = "u", .release = keep_schema };
		f.column_schema.dictionary = &f.values_schema;
		f.value_buffers[0] = &entry_valid;
		f.value_buffers[1] = offsets;
		f.value_buffers[2] = "onea text of thirty bytes, no less";
		f.values = (struct ArrowArray){ .length = 3, .null_count = 1, .n_buffers = 3, .buffers = f.value_buffers, .release = count_release };
		f.column.dictionary = &f.values;
		if (broken) {
			CHECK_FAILS(try_import(&f, arena, &b), SPK_CORRUPT, err);
		} else {
			b = import(&f.schema, &f.array, arena);
			CHECK(spk_vector_is_null(&b->column[0], 2) && spk_vector_is_null(&b->column[0], 3));
			CHECK_EQ_INT(spk_vector_view(&b->column[0])[0].length, 30);
			CHECK_EQ_MEM(spk_view_data(&spk_vector_view(&b->column[0])[4]), "a text of thirty bytes, no less", 30);
			CHECK_EQ_MEM(spk_view_data(&spk_vector_view(&b->column[0])[1]), "one", 3);
			spk_batch_unref(b);
		}
		CHECK_EQ_INT(releases, 1);
	}
	spk_arena_unref(arena);
}

static void malformed_arrays_are_refused_and_released(void)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	int32_t backwards[] = { 0, 5, 2 };
	int64_t wide[] = { 1, 0, 1, 0 }, late = INT64_MAX;
	struct spk_batch *b = NULL;
	struct foreign f;

	make_foreign(&f, "u", 2, 0, NULL, backwards, "hello");
	CHECK_FAILS(try_import(&f, arena, &b), SPK_CORRUPT, err);
	CHECK_EQ_INT(releases, 1);
	make_foreign(&f, "l", 1, 0, NULL, wide, NULL);
	f.array.length = 2;
	CHECK_FAILS(try_import(&f, arena, &b), SPK_CORRUPT, err);
	CHECK_EQ_INT(releases, 1);
	make_foreign(&f, "l", 1, 0, NULL, wide, "more");
	CHECK_FAILS(try_import(&f, arena, &b), SPK_CORRUPT, err);
	make_foreign(&f, "l", -1, 0, NULL, wide, NULL);
	CHECK_FAILS(try_import(&f, arena, &b), SPK_CORRUPT, err);
	make_foreign(&f, "l", 1, 0, NULL, wide, NULL);
	f.array.n_children = 0;
	CHECK_FAILS(try_import(&f, arena, &b), SPK_CORRUPT, err);
	make_foreign(&f, "d:76,0,256", 1, 0, NULL, wide, NULL);
	CHECK_FAILS(try_import(&f, arena, &b), SPK_DATA, err);
	make_foreign(&f, "tss:", 1, 0, NULL, &late, NULL);
	CHECK_FAILS(try_import(&f, arena, &b), SPK_DATA, err);
	CHECK_EQ_INT(releases, 1);
	spk_arena_unref(arena);
}

/* Offsets, children and lengths that do not fit each other. */
static void malformed_lists_are_refused(void)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	static const struct { const char *format; int64_t length; int32_t offset[4]; int64_t elements; bool fits; } cases[] = {
		{ "+l", 2, { 0, 2, 3 }, 3, true }, { "+l", 2, { 0, 2, 4 }, 3, false }, { "+l", 2, { 0, 2, 1 }, 3, false }, { "+l", 2, { -1, 2, 3 }, 3, false },
		{ "+w:2", 2, { 0 }, 4, true }, { "+w:2", 2, { 0 }, 3, false }, { "+s", 2, { 0 }, 2, true }, { "+s", 2, { 0 }, 1, false },
	};

	for (size_t i = 0; i < SPK_COUNT_OF(cases); i++) {
		for (int lost = 0; lost < 2; lost++) {
			int64_t value[4] = { 1, 2, 3, 4 };
			const void *buffers[] = { NULL, value };
			struct ArrowSchema element = { .format = "l", .name = "item", .release = keep_schema }, *elements = &element;
			struct ArrowArray child = { .length = cases[i].elements, .n_buffers = 2, .buffers = buffers, .release = count_release }, *children = &child;
			struct spk_batch *b = NULL;
			struct foreign f;

			make_foreign(&f, cases[i].format, cases[i].length, 0, NULL, cases[i].offset, NULL);
			f.column.n_buffers = cases[i].format[1] == 'l' ? 2 : 1;
			f.column_schema.n_children = f.column.n_children = 1;
			f.column_schema.children = &elements;
			f.column.children = &children;
			if (lost)
				f.column.n_children = 0;
			if (cases[i].fits && !lost) {
				b = import(&f.schema, &f.array, arena);
				CHECK_EQ_INT(b->rows, 2);
				spk_batch_unref(b);
			} else {
				CHECK_FAILS(try_import(&f, arena, &b), SPK_CORRUPT, err);
			}
		}
	}
	spk_arena_unref(arena);
}

static void unknown_formats_are_named(void)
{
	static const char *const unknown[] = { "", "+l", "+m", "+w:", "+w:x", "+ud:0", "+r", "d:10", "d:10,-2", "d:10,2,99", "w:", "w:x", "ts", "tsu", "tsx:", "vx", "ttx", "uu" };
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_schema *types = NULL;
	struct foreign f;

	for (size_t i = 0; i < SPK_COUNT_OF(unknown); i++) {
		make_foreign(&f, unknown[i], 0, 0, NULL, NULL, NULL);
		CHECK_FAILS(spk_arrow_import_schema(&f.schema, arena, &types, &err), SPK_UNSUPPORTED, err);
		CHECK_HOLDS(err.message, "\"x\"");
	}
	make_foreign(&f, "l", 0, 0, NULL, NULL, NULL);
	CHECK_FAILS(spk_arrow_import_schema(&f.column_schema, arena, &types, &err), SPK_UNSUPPORTED, err);
	spk_arena_unref(arena);
}

/* Out and in again and all that batches do, with the n-th allocation refused, for every n: nothing may be left behind. */
static spk_status everything(struct spk_batch *in, const struct spk_schema *schema, struct spk_arena *arena)
{
	struct ArrowSchema arrow_schema = { 0 };
	struct ArrowArray array = { 0 };
	struct spk_batch *compact = NULL, *again = NULL, *imported = NULL;
	struct spk_schema *exact = NULL, *types = NULL;
	int64_t from = 0;
	spk_status status = spk_batch_compact(&compact, in, &err);

	status = status ? status : spk_batch_reencode(&again, compact, 1, &err);
	status = status ? status : spk_arrow_exact_schema(&again, 1, schema, arena, &exact, &err);
	status = status ? status : spk_arrow_export_schema(exact, &arrow_schema, &err);
	status = status ? status : spk_arrow_export_batch_as(again, exact, &array, &err);
	status = status ? status : spk_arrow_import_schema(&arrow_schema, arena, &types, &err);
	if (!status) {
		status = spk_arrow_import_batch(&array, types, &from, &imported, &err);
		CHECK(!array.release);
	}
	if (array.release)
		array.release(&array);
	if (arrow_schema.release)
		arrow_schema.release(&arrow_schema);
	spk_batch_unref(compact);
	spk_batch_unref(again);
	spk_batch_unref(imported);
	return status;
}

static void refused_allocations_leave_nothing_behind(void)
{
	spk_test_rng rng = spk_test_rng_new(2);
	struct spk_arena *types = spk_arena_new(NULL);
	const struct spk_schema *schema = wide_schema(types);
	struct spk_batch *in = random_batch(&rng, schema, 900, true);
	size_t before;
	int failures = 0;

	for (int c = 0; c < schema->count; c++)
		if (schema->field[c].type.id == SPK_TYPE_INTERVAL || (schema->field[c].type.id == SPK_TYPE_DECIMAL && schema->field[c].type.scale < 0))
			REQUIRE_OK(spk_vector_init_constant(&in->column[c], schema->field[c].type, NULL, in->arena, &err), err);
	before = spk_memory_used();
	for (int nth = 1;; nth++) {
		char *specification = spk_test_format("malloc:%d", nth);
		struct spk_arena *arena = spk_arena_new(NULL);
		int64_t passes;
		spk_status status;

		REQUIRE_OK(spk_fault_set(specification, &err), err);
		status = everything(in, schema, arena);
		passes = spk_fault_passes(SPK_FAULT_MALLOC);
		REQUIRE_OK(spk_fault_set(NULL, &err), err);
		free(specification);
		spk_arena_unref(arena);
		CHECK(status == (passes < nth ? SPK_OK : SPK_NO_MEMORY));
		CHECK_EQ_INT(spk_memory_used(), before);
		failures += status != SPK_OK;
		if (passes < nth)
			break;
	}
	CHECK(failures > 10);
	spk_batch_unref(in);
	spk_arena_unref(types);
}

static void half_floats_are_widened(void)
{
	static const struct { uint16_t half; float want; } cases[] = { { 0x3c00, 1 }, { 0xc000, -2 }, { 0x7bff, 65504 }, { 0x0001, 5.9604644775390625e-8f },
		{ 0x7c00, INFINITY }, { 0xfc00, -INFINITY }, { 0x3555, 0.333251953125f }, { 0, 0 } };
	struct spk_arena *arena = spk_arena_new(NULL);

	for (size_t i = 0; i < SPK_COUNT_OF(cases); i++) {
		struct foreign f;
		struct spk_batch *b;

		make_foreign(&f, "e", 1, 0, NULL, &cases[i].half, NULL);
		b = import(&f.schema, &f.array, arena);
		CHECK_EQ_MEM(spk_vector_f32(&b->column[0]), &cases[i].want, 4);
		spk_batch_unref(b);
	}
	spk_arena_unref(arena);
}

SPK_TEST_SUITE("core/columnar/arrow",
	{"every type goes out and comes back", every_type_goes_out_and_comes_back},
	{"formats are those of the interface", formats_are_those_of_the_interface},
	{"children outlive their parents", children_outlive_their_parents},
	{"nested columns go out and come back", nested_columns_go_out_and_come_back},
	{"nested values of every type go out and come back", nested_values_of_every_type_go_out_and_come_back},
	{"malformed lists are refused", malformed_lists_are_refused},
	{"values that do not fit are named", values_that_do_not_fit_are_named},
	{"foreign arrays are read at their offsets", foreign_arrays_are_read_at_their_offsets},
	{"long arrays come in several batches", long_arrays_come_in_several_batches},
	{"dictionaries are expanded", dictionaries_are_expanded},
	{"malformed arrays are refused and released", malformed_arrays_are_refused_and_released},
	{"unknown formats are named", unknown_formats_are_named},
	{"refused allocations leave nothing behind", refused_allocations_leave_nothing_behind},
	{"half floats are widened", half_floats_are_widened})
