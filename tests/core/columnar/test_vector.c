/* Types, views, vectors of every layout, gather. */
#include "tests/core/columnar/random.h"

static struct spk_arena *arena;
static spk_error err;

static void begin(void) { arena = spk_arena_new(NULL); }
static void end(void) { spk_arena_unref(arena); }

static struct spk_type array_of(struct spk_type element)
{
	struct spk_schema *s = SPK_NEW(arena, struct spk_schema);

	s->count = 1;
	s->field = SPK_NEW(arena, struct spk_field);
	s->field[0] = (struct spk_field){ "element", element, true };
	return (struct spk_type){ .id = SPK_TYPE_ARRAY, .children = s };
}

static struct spk_type record_of(const char *a, struct spk_type x, const char *b, struct spk_type y)
{
	struct spk_schema *s = SPK_NEW(arena, struct spk_schema);

	s->count = 2;
	s->field = SPK_NEW_ARRAY(arena, struct spk_field, 2);
	s->field[0] = (struct spk_field){ a, x, true };
	s->field[1] = (struct spk_field){ b, y, true };
	return (struct spk_type){ .id = SPK_TYPE_ROW, .children = s };
}

static const char *name_of(struct spk_type type)
{
	static char name[80];

	return spk_type_format(type, name, sizeof(name));
}

static void types_have_postgresqls_names(void)
{
	char small[6];

	begin();
	CHECK_EQ_STR(name_of(spk_type(SPK_TYPE_BIGINT)), "bigint");
	CHECK_EQ_STR(name_of(spk_type(SPK_TYPE_DECIMAL)), "numeric");
	CHECK_EQ_STR(name_of(spk_type_decimal(10, 2)), "numeric(10,2)");
	CHECK_EQ_STR(name_of(spk_type(SPK_TYPE_TIMESTAMPTZ)), "timestamp with time zone");
	CHECK_EQ_STR(name_of((struct spk_type){ .id = SPK_TYPE_TEXT, .precision = 7 }), "character varying(7)");
	CHECK_EQ_STR(name_of(array_of(spk_type_decimal(3, 1))), "numeric(3,1)[]");
	CHECK_EQ_STR(name_of(record_of("a", spk_type(SPK_TYPE_TEXT), "b", spk_type(SPK_TYPE_TEXT))), "record");
	CHECK_EQ_STR(spk_type_format(array_of(spk_type(SPK_TYPE_INTEGER)), small, sizeof(small)), "integ");
	end();
}

static void types_are_compared_deep(void)
{
	struct spk_type integer = spk_type(SPK_TYPE_INTEGER), text = spk_type(SPK_TYPE_TEXT);

	begin();
	CHECK(spk_type_same(integer, integer));
	CHECK(!spk_type_same(integer, text));
	CHECK(!spk_type_same(spk_type_decimal(10, 2), spk_type_decimal(10, 3)));
	CHECK(spk_type_same(array_of(text), array_of(text)));
	CHECK(!spk_type_same(array_of(text), array_of(integer)));
	CHECK(spk_type_same(record_of("a", text, "b", integer), record_of("a", text, "b", integer)));
	CHECK(!spk_type_same(record_of("a", text, "b", integer), record_of("a", text, "c", integer)));
	CHECK(!spk_type_same(record_of("a", text, "b", integer), record_of("a", text, "b", text)));
	CHECK_EQ_INT(spk_schema_find(record_of("a", text, "b", text).children, "b"), 1);
	CHECK_EQ_INT(spk_schema_find(record_of("a", text, "b", text).children, "B"), -1);
	CHECK_EQ_INT(spk_type_width(text), 16);
	CHECK_EQ_INT(spk_type_width(record_of("a", text, "b", text)), 0);
	end();
}

static void views_are_equal_and_ordered_as_their_bytes(void)
{
	spk_test_rng rng = spk_test_rng_new(1);

	begin();
	for (int i = 0; i < 3000; i++) {
		struct spk_view a = random_view(&rng, arena), b = random_view(&rng, arena);
		uint32_t n = SPK_MIN(a.length, b.length);
		int want = memcmp(spk_view_data(&a), spk_view_data(&b), n);
		struct spk_view copy = spk_view(spk_arena_copy(arena, spk_view_data(&a), a.length), a.length);

		want = want ? want : (a.length > b.length) - (a.length < b.length);
		CHECK_EQ_INT((spk_view_compare(&a, &b) > 0) - (spk_view_compare(&a, &b) < 0), (want > 0) - (want < 0));
		CHECK_EQ_INT(spk_view_equal(&a, &b), want == 0);
		CHECK(spk_view_equal(&a, &copy));
	}
	end();
}

/* Out rows at.. equal the chosen in rows, for every type, layout and way of choosing. */
static void gather_copies_every_type_and_layout(void)
{
	spk_test_rng rng = spk_test_rng_new(2);
	struct spk_type types[32];
	int n_types = scalar_types(types);

	for (int round = 0; round < 12 * n_types; round++) {
		int rows = 1 + (int)spk_test_below(&rng, 200), n = rows, at = (int)spk_test_below(&rng, 130), capacity;
		struct spk_vector in, out;
		int32_t *sel = NULL;
		bool deep = spk_test_one_in(&rng, 2);

		begin();
		in = random_vector(&rng, types[round % n_types], rows, spk_test_below(&rng, 4), random_layout(&rng), arena);
		if (spk_test_one_in(&rng, 2))
			sel = random_selection(&rng, rows, &n, arena);
		capacity = at + n + (int)spk_test_below(&rng, 70);
		REQUIRE_OK(spk_vector_init(&out, in.type, capacity, arena, &err), err);
		if (spk_test_one_in(&rng, 2)) {
			REQUIRE_OK(spk_vector_need_valid(&out, capacity, arena, &err), err);
			memset(out.valid, 0, spk_bitmap_words(capacity) * 8);
		}
		REQUIRE_OK(spk_vector_gather(&out, at, capacity, &in, sel, n, deep, arena, &err), err);
		for (int i = 0; i < n; i++) {
			struct spk_value want = spk_vector_value(&in, sel ? sel[i] : i), got = spk_vector_value(&out, at + i);

			CHECK(same_values(&want, &got));
			if (deep && spk_type_is_view(in.type) && want.view.length > SPK_VIEW_INLINE)
				CHECK(want.view.ref.pointer != got.view.ref.pointer);
		}
		end();
	}
}

static void gather_keeps_columns_without_nulls_without_a_bitmap(void)
{
	struct spk_vector in, out;
	int32_t sel[] = { 0, 2 };

	begin();
	REQUIRE_OK(spk_vector_init(&in, spk_type(SPK_TYPE_INTEGER), 3, arena, &err), err);
	memset(in.data, 0, 12);
	REQUIRE_OK(spk_vector_need_valid(&in, 3, arena, &err), err);
	spk_bit_clear(in.valid, 1);
	REQUIRE_OK(spk_vector_init(&out, in.type, 3, arena, &err), err);
	REQUIRE_OK(spk_vector_gather(&out, 0, 3, &in, sel, 2, false, arena, &err), err);
	CHECK(!out.valid);
	REQUIRE_OK(spk_vector_gather(&out, 0, 3, &in, NULL, 3, false, arena, &err), err);
	CHECK(spk_vector_is_null(&out, 1) && !spk_vector_is_null(&out, 0));
	end();
}

static void deep_gather_shares_repeated_bytes(void)
{
	struct spk_vector in, out;
	struct spk_view text = spk_view_str("a text that is longer than twelve bytes");
	size_t before;

	begin();
	REQUIRE_OK(spk_vector_init_constant(&in, spk_type(SPK_TYPE_TEXT), &text, arena, &err), err);
	CHECK(spk_vector_view(&in)->ref.pointer != text.ref.pointer);
	REQUIRE_OK(spk_vector_init(&out, in.type, 4000, arena, &err), err);
	before = spk_arena_bytes(arena);
	REQUIRE_OK(spk_vector_gather(&out, 0, 4000, &in, NULL, 4000, true, arena, &err), err);
	CHECK(spk_arena_bytes(arena) - before < 20000);
	CHECK(spk_vector_view(&out)[0].ref.pointer == spk_vector_view(&out)[3999].ref.pointer);
	end();
}

static void constants_and_dictionaries_flatten(void)
{
	spk_test_rng rng = spk_test_rng_new(3);
	struct spk_type types[32];
	int n_types = scalar_types(types);

	for (int round = 0; round < 3 * n_types; round++) {
		struct spk_vector in, out;

		begin();
		in = random_vector(&rng, types[round / 3], 100, 3, (enum spk_layout)(round % 3), arena);
		REQUIRE_OK(spk_vector_flatten(&in, 100, arena, &out, &err), err);
		CHECK_EQ_INT(out.layout, SPK_FLAT);
		CHECK_EQ_INT(out.data == in.data, in.layout == SPK_FLAT);
		for (int i = 0; i < 100; i++) {
			struct spk_value a = spk_vector_value(&in, i), b = spk_vector_value(&out, i);

			CHECK(same_values(&a, &b));
		}
		end();
	}
}

/* Rows of "3 elements: 7, 8, 9" as text, whatever the layout. */
static void describe(struct spk_vector *v, int row, char *to)
{
	struct spk_reader r = spk_vector_reader(v);
	uint32_t slot = spk_reader_slot(&r, row);
	const struct spk_vector *child = v->layout == SPK_DICTIONARY ? v->dictionary->child : v->child;
	const int32_t *offset = r.data;

	if (!spk_reader_valid(&r, slot)) {
		strcpy(to, "NULL");
		return;
	}
	*to = 0;
	for (int32_t e = offset[slot]; e < offset[slot + 1]; e++) {
		struct spk_value value = spk_vector_value(child, e);

		sprintf(to + strlen(to), value.null ? "null " : "%.*s ", (int)value.view.length, spk_view_data(&value.view));
	}
}

static struct spk_vector random_arrays(spk_test_rng *rng, int rows)
{
	struct spk_vector v;
	int total = 0;

	REQUIRE_OK(spk_vector_init(&v, array_of(spk_type(SPK_TYPE_TEXT)), rows, arena, &err), err);
	for (int i = 0; i < rows; i++)
		spk_vector_i32(&v)[i + 1] = total += (int)spk_test_below(rng, 6);
	REQUIRE_OK(spk_vector_init(v.child, spk_type(SPK_TYPE_TEXT), total, arena, &err), err);
	for (int e = 0; e < total; e++) {
		const char *s = spk_arena_printf(arena, "%d%s", e, spk_test_one_in(rng, 3) ? "-with-a-long-tail" : "");

		spk_vector_view(v.child)[e] = spk_view_str(s);
		if (spk_test_one_in(rng, 9)) {
			REQUIRE_OK(spk_vector_need_valid(v.child, total, arena, &err), err);
			spk_bit_clear(v.child->valid, e);
			spk_vector_view(v.child)[e] = spk_view_str("");
		}
	}
	for (int i = 0; i < rows; i += 7) {
		REQUIRE_OK(spk_vector_need_valid(&v, rows, arena, &err), err);
		spk_bit_clear(v.valid, i);
	}
	return v;
}

static void arrays_and_records_gather_with_their_children(void)
{
	spk_test_rng rng = spk_test_rng_new(4);

	for (int round = 0; round < 20; round++) {
		int at = 0, capacity = 600;
		struct spk_vector out, row_in, row_out;

		begin();
		REQUIRE_OK(spk_vector_init(&out, array_of(spk_type(SPK_TYPE_TEXT)), capacity, arena, &err), err);
		while (at < 500) {
			int rows = 1 + (int)spk_test_below(&rng, 100), n;
			struct spk_vector in = random_arrays(&rng, rows);
			int32_t *sel = random_selection(&rng, rows, &n, arena);
			char got[2000], want[2000];

			REQUIRE_OK(spk_vector_gather(&out, at, capacity, &in, sel, n, true, arena, &err), err);
			for (int i = 0; i < n; i++) {
				describe(&in, sel[i], want);
				describe(&out, at + i, got);
				CHECK_EQ_STR(got, want);
			}
			at += n;
		}
		REQUIRE_OK(spk_vector_init(&row_in, record_of("a", out.type, "b", spk_type(SPK_TYPE_BIGINT)), capacity, arena, &err), err);
		row_in.child[0] = out;
		row_in.child[1] = random_vector(&rng, spk_type(SPK_TYPE_BIGINT), capacity, 2, random_layout(&rng), arena);
		REQUIRE_OK(spk_vector_init(&row_out, row_in.type, 10, arena, &err), err);
		REQUIRE_OK(spk_vector_gather(&row_out, 0, 10, &row_in, (int32_t[]){ 3, 0, 77, 402 }, 4, true, arena, &err), err);
		for (int i = 0; i < 4; i++) {
			char got[2000], want[2000];
			struct spk_value a = spk_vector_value(&row_in.child[1], (int[]){ 3, 0, 77, 402 }[i]), b = spk_vector_value(&row_out.child[1], i);

			describe(&row_in.child[0], (int[]){ 3, 0, 77, 402 }[i], want);
			describe(&row_out.child[0], i, got);
			CHECK_EQ_STR(got, want);
			CHECK(same_values(&a, &b));
		}
		end();
	}
}

static void a_null_constant_of_any_type_can_be_made_and_spread(void)
{
	struct spk_type types[34];
	struct spk_vector null, flat;
	int n;

	begin();
	n = scalar_types(types);
	types[n++] = array_of(spk_type(SPK_TYPE_TEXT));
	types[n] = record_of("a", types[0], "b", types[n - 1]);
	n++;
	for (int i = 0; i < n; i++) {
		REQUIRE_OK(spk_vector_init_constant(&null, types[i], NULL, arena, &err), err);
		REQUIRE_OK(spk_vector_flatten(&null, 5, arena, &flat, &err), err);
		CHECK(spk_vector_is_null(&null, 3) && spk_vector_is_null(&flat, 4));
		CHECK(spk_vector_value(&flat, 0).null);
	}
	end();
}

SPK_TEST_SUITE("core/columnar/vector",
	{"types have PostgreSQL's names", types_have_postgresqls_names},
	{"types are compared deep", types_are_compared_deep},
	{"views are equal and ordered as their bytes", views_are_equal_and_ordered_as_their_bytes},
	{"gather copies every type and layout", gather_copies_every_type_and_layout},
	{"gather keeps columns without NULLs without a bitmap", gather_keeps_columns_without_nulls_without_a_bitmap},
	{"deep gather shares repeated bytes", deep_gather_shares_repeated_bytes},
	{"constants and dictionaries flatten", constants_and_dictionaries_flatten},
	{"arrays and records gather with their children", arrays_and_records_gather_with_their_children},
	{"a NULL constant of any type", a_null_constant_of_any_type_can_be_made_and_spread})
