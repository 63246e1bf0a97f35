/* Random columns of every type for the tests of core/columnar, and the order that PostgreSQL gives values. */
#ifndef SPK_TESTS_CORE_COLUMNAR_RANDOM_H
#define SPK_TESTS_CORE_COLUMNAR_RANDOM_H

#include <math.h>

#include "core/base/check.h"
#include "core/columnar/batch.h"
#include "core/columnar/decimal.h"
#include "core/columnar/jsonb.h"
#include "tests/support/test.h"

/* Every type that a key may have, decimals in several forms. */
static inline int scalar_types(struct spk_type out[32])
{
	int n = 0;

	for (int id = SPK_TYPE_BOOLEAN; id < SPK_TYPE_ARRAY; id++)
		if (id != SPK_TYPE_DECIMAL)
			out[n++] = spk_type((enum spk_type_id)id);
	out[n++] = spk_type(SPK_TYPE_UUID);
	out[n++] = spk_type(SPK_TYPE_DECIMAL);
	out[n++] = spk_type_decimal(10, 2);
	out[n++] = spk_type_decimal(38, 0);
	out[n++] = spk_type_decimal(38, 20);
	out[n++] = spk_type_decimal(38, 38);
	return n;
}

static inline spk_int128 random_int128(spk_test_rng *rng, int digits)
{
	unsigned __int128 v = (unsigned __int128)spk_test_next(rng) << 64 | spk_test_next(rng);
	int keep = 1 + (int)spk_test_below(rng, (uint64_t)digits);

	v %= (unsigned __int128)spk_pow10(keep);
	/* Trailing zeros make equal values of different scales. */
	if (spk_test_one_in(rng, 3))
		v -= v % (unsigned __int128)spk_pow10((int)spk_test_below(rng, (uint64_t)keep));
	return spk_test_one_in(rng, 2) ? (spk_int128)v : -(spk_int128)v;
}

static inline double random_double(spk_test_rng *rng)
{
	static const double special[] = { 0.0, -0.0, 1.0, -1.0, INFINITY, -INFINITY, NAN, 5e-324, -5e-324, 1.7976931348623157e308, 0.1 };
	uint64_t bits = spk_test_next(rng);
	double v;

	if (spk_test_one_in(rng, 2))
		return special[spk_test_below(rng, SPK_COUNT_OF(special))];
	memcpy(&v, &bits, 8);
	return v;
}

/* Integers that are small, extreme or anything. */
static inline int64_t random_int(spk_test_rng *rng, int bits)
{
	int64_t low = bits == 64 ? INT64_MIN : -((int64_t)1 << (bits - 1)), high = -(low + 1);

	switch (spk_test_below(rng, 4)) {
	case 0: return spk_test_between(rng, -3, 3);
	case 1: return spk_test_one_in(rng, 2) ? low : high;
	default: return (int64_t)spk_test_next(rng) >> (64 - bits);
	}
}

static inline struct spk_view random_view(spk_test_rng *rng, struct spk_arena *arena)
{
	uint32_t size = (uint32_t)spk_test_below(rng, spk_test_one_in(rng, 8) ? 300 : 20);
	char *bytes = spk_arena_alloc(arena, size);

	for (uint32_t i = 0; i < size; i++)
		bytes[i] = spk_test_one_in(rng, 4) ? (char)spk_test_next(rng) : (char)("\0\1ab\xff"[spk_test_below(rng, 5)]);
	return spk_view(bytes, size);
}

/* JSON of a few levels. */
static inline void random_json(spk_test_rng *rng, int depth, struct spk_buffer *out)
{
	static const char *const scalars[] = { "null", "true", "false", "1", "1.0", "1.50", "-2", "1e3", "0", "-0.001", "\"\"", "\"a\"", "\"b\\n\"", "\"longer than twelve bytes\"", "123456789012345678901234567890.25",
	                                       "\"a text that is so much longer than all the others that a batch of such values is as large as one of texts; it goes on and on without saying more, and then a little further than that\"" };
	static const char *const names[] = { "a", "b", "aa", "\\n", "", "longer than twelve bytes" };
	bool object = spk_test_one_in(rng, 2);
	spk_error err;

	if (!depth || spk_test_one_in(rng, 2)) {
		spk_buffer_append_str(out, scalars[spk_test_below(rng, SPK_COUNT_OF(scalars))], &err);
		return;
	}
	spk_buffer_append_str(out, object ? "{" : "[", &err);
	for (uint64_t i = 0, n = spk_test_below(rng, 4); i < n; i++) {
		spk_buffer_append_str(out, i ? "," : "", &err);
		if (object)
			spk_buffer_printf(out, &err, "\"%s\":", names[spk_test_below(rng, SPK_COUNT_OF(names))]);
		random_json(rng, depth - 1, out);
	}
	spk_buffer_append_str(out, object ? "}" : "]", &err);
}

static inline struct spk_view random_jsonb(spk_test_rng *rng, struct spk_arena *arena)
{
	struct spk_json_parser parser = { 0 };
	struct spk_buffer text = { 0 }, value = { 0 };
	struct spk_view v;
	spk_error err;

	random_json(rng, 3, &text);
	REQUIRE_OK(spk_jsonb_make(&parser, &value, text.data, text.size, arena, &v, &err), err);
	spk_buffer_release(&text);
	spk_buffer_release(&value);
	spk_json_parser_release(&parser);
	return v;
}

static inline struct spk_value random_value(spk_test_rng *rng, struct spk_type type, struct spk_arena *arena)
{
	struct spk_value v = { .type = type };
	int digits = type.scale < 0 ? 35 : type.precision;

	switch (type.id) {
	case SPK_TYPE_BOOLEAN: v.boolean = (uint8_t)spk_test_below(rng, 2); break;
	case SPK_TYPE_SMALLINT: v.i16 = (int16_t)random_int(rng, 16); break;
	case SPK_TYPE_INTEGER:
	case SPK_TYPE_DATE: v.i32 = (int32_t)random_int(rng, 32); break;
	case SPK_TYPE_REAL: v.f32 = (float)random_double(rng); break;
	case SPK_TYPE_DOUBLE: v.f64 = random_double(rng); break;
	case SPK_TYPE_DECIMAL:
		v.i128 = random_int128(rng, digits);
		if (type.scale < 0)
			REQUIRE(spk_numeric_pack(v.i128, (int)spk_test_below(rng, 39), &v.i128));
		break;
	case SPK_TYPE_UUID: v.i128 = (spk_int128)((unsigned __int128)random_int(rng, 64) << 64) | (uint64_t)random_int(rng, 64); break;
	case SPK_TYPE_INTERVAL:
		v.interval = (struct spk_interval){ (int32_t)random_int(rng, 32), (int32_t)random_int(rng, 32), random_int(rng, 64) };
		break;
	case SPK_TYPE_BIGINT:
	case SPK_TYPE_TIME:
	case SPK_TYPE_TIMESTAMP:
	case SPK_TYPE_TIMESTAMPTZ: v.i64 = random_int(rng, 64); break;
	case SPK_TYPE_JSONB: v.view = random_jsonb(rng, arena); break;
	default: v.view = random_view(rng, arena);
	}
	return v;
}

static inline struct spk_vector random_vector(spk_test_rng *rng, struct spk_type type, int rows, uint64_t nulls, enum spk_layout layout, struct spk_arena *arena);

/* An array or record, its children in any layout. */
static inline struct spk_vector random_nested(spk_test_rng *rng, struct spk_type type, int rows, uint64_t nulls, struct spk_arena *arena)
{
	struct spk_vector v = { 0 };
	int elements = 0;
	spk_error err;

	REQUIRE_OK(spk_vector_init(&v, type, rows, arena, &err), err);
	for (int i = 0; type.id == SPK_TYPE_ARRAY && i < rows; i++)
		spk_vector_i32(&v)[i + 1] = elements += (int)spk_test_below(rng, 4);
	for (int c = 0; c < type.children->count; c++)
		v.child[c] = random_vector(rng, type.children->field[c].type, type.id == SPK_TYPE_ARRAY ? SPK_MAX(elements, 1) : rows, nulls, (enum spk_layout)spk_test_below(rng, 3), arena);
	for (int i = 0; i < rows; i++) {
		if (nulls && spk_test_one_in(rng, nulls)) {
			REQUIRE_OK(spk_vector_need_valid(&v, rows, arena, &err), err);
			spk_bit_clear(v.valid, i);
		}
	}
	return v;
}

/* A vector of `rows` rows, one in `nulls` NULL (0: none), values from a pool so that they repeat, in the layout asked for. */
static inline struct spk_vector random_vector(spk_test_rng *rng, struct spk_type type, int rows, uint64_t nulls, enum spk_layout layout, struct spk_arena *arena)
{
	int entries = layout == SPK_DICTIONARY ? 1 + (int)spk_test_below(rng, (uint64_t)rows + 1) : rows;
	size_t width = (size_t)spk_type_width(type);
	struct spk_vector v = { 0 }, *flat = SPK_NEW(arena, struct spk_vector);
	uint32_t *index = SPK_NEW_ARRAY(arena, uint32_t, rows + 1);
	spk_error err;

	if (layout == SPK_CONSTANT) {
		struct spk_vector one = spk_type_is_nested(type) ? random_nested(rng, type, 1, 0, arena) : (struct spk_vector){ 0 };
		struct spk_value value = spk_type_is_nested(type) ? spk_vector_value(&one, 0) : random_value(rng, type, arena);

		REQUIRE_OK(spk_vector_init_constant(&v, type, nulls && spk_test_one_in(rng, nulls) ? NULL : spk_value_bytes(&value), arena, &err), err);
		return v;
	}
	if (spk_type_is_nested(type))
		*flat = random_nested(rng, type, entries, nulls, arena);
	else
		REQUIRE_OK(spk_vector_init(flat, type, entries, arena, &err), err);
	for (int i = 0; !spk_type_is_nested(type) && i < entries; i++) {
		struct spk_value value = random_value(rng, type, arena);
		const void *bytes = spk_value_bytes(&value);
		int other = (int)spk_test_below(rng, (uint64_t)i + 1);

		/* What lies under a NULL is no value of every type. */
		if (other < i && spk_test_one_in(rng, 3) && (!flat->valid || spk_bit(flat->valid, other)))
			bytes = (char *)flat->data + (size_t)other * width;
		memmove((char *)flat->data + (size_t)i * width, bytes, width);
		if (nulls && spk_test_one_in(rng, nulls)) {
			REQUIRE_OK(spk_vector_need_valid(flat, entries, arena, &err), err);
			spk_bit_clear(flat->valid, i);
			memset((char *)flat->data + (size_t)i * width, 0, width);
		}
	}
	if (layout == SPK_FLAT)
		return *flat;
	for (int i = 0; i < rows; i++)
		index[i] = (uint32_t)spk_test_below(rng, (uint64_t)entries);
	return (struct spk_vector){ .type = type, .layout = SPK_DICTIONARY, .index = index, .dictionary = flat };
}

static inline enum spk_layout random_layout(spk_test_rng *rng)
{
	return (enum spk_layout)spk_test_below(rng, 3);
}

/* Ascending rows of 0..rows, each there with even chance; their number in *n. */
static inline int32_t *random_selection(spk_test_rng *rng, int rows, int *n, struct spk_arena *arena)
{
	int32_t *sel = SPK_NEW_ARRAY(arena, int32_t, rows + 1);

	*n = 0;
	for (int i = 0; i < rows; i++)
		if (spk_test_one_in(rng, 2))
			sel[(*n)++] = i;
	return sel;
}

/* A batch of one column of every scalar type, in any layout, perhaps with a selection and weights. */
static inline struct spk_batch *random_batch(spk_test_rng *rng, const struct spk_schema *schema, int rows, bool weights)
{
	struct spk_batch *b = NULL;
	spk_error err;

	REQUIRE_OK(spk_batch_new(&b, schema, NULL, &err), err);
	for (int c = 0; c < schema->count; c++)
		b->column[c] = random_vector(rng, schema->field[c].type, rows, spk_test_below(rng, 4), random_layout(rng), b->arena);
	b->rows = b->selected = rows;
	if (spk_test_one_in(rng, 2))
		b->sel = random_selection(rng, rows, &b->selected, b->arena);
	if (weights) {
		int32_t *weight = SPK_NEW_ARRAY(b->arena, int32_t, rows + 1);

		for (int i = 0; i < rows; i++)
			weight[i] = (int32_t)spk_test_between(rng, -2, 2);
		b->weight = weight;
	}
	return b;
}

/* A schema with a column of every scalar type. */
static inline const struct spk_schema *wide_schema(struct spk_arena *arena)
{
	struct spk_type types[32];
	int n = scalar_types(types);
	struct spk_schema *schema = SPK_NEW(arena, struct spk_schema);

	schema->count = n;
	schema->field = SPK_NEW_ARRAY(arena, struct spk_field, n);
	for (int i = 0; i < n; i++)
		schema->field[i] = (struct spk_field){ spk_arena_printf(arena, "c%d", i), types[i], true };
	return schema;
}

/* Arrays and records of everything, also of each other. */
static inline const struct spk_schema *arrays_schema(struct spk_arena *arena)
{
	struct spk_schema *schema = SPK_NEW(arena, struct spk_schema), *fields = SPK_NEW(arena, struct spk_schema);
	struct spk_type types[40], record = { .id = SPK_TYPE_ROW, .children = fields };
	spk_error err;
	int n = scalar_types(types);

	for (int i = 0; i < n; i++)
		REQUIRE_OK(spk_type_array_of(arena, types[i], &types[i], &err), err);
	fields->count = 3;
	fields->field = SPK_NEW_ARRAY(arena, struct spk_field, 3);
	fields->field[0] = (struct spk_field){ "a", spk_type(SPK_TYPE_INTEGER), true };
	fields->field[1] = (struct spk_field){ "b", spk_type(SPK_TYPE_TEXT), true };
	fields->field[2] = (struct spk_field){ "c", types[1], true };
	types[n++] = record;
	REQUIRE_OK(spk_type_array_of(arena, record, &types[n++], &err), err);
	REQUIRE_OK(spk_type_array_of(arena, types[0], &types[n++], &err), err);
	schema->count = n;
	schema->field = SPK_NEW_ARRAY(arena, struct spk_field, n);
	for (int i = 0; i < n; i++)
		schema->field[i] = (struct spk_field){ spk_arena_printf(arena, "n%d", i), types[i], true };
	return schema;
}

static inline int order(double a, double b)
{
	if (isnan(a) || isnan(b))
		return !!isnan(a) - !!isnan(b);
	return (a > b) - (a < b);
}

static inline int compare_values(const struct spk_value *a, const struct spk_value *b);

/* Elements or fields in order, NULL above all and equal to itself; then the number of them. */
static inline int compare_nested(const struct spk_value *a, const struct spk_value *b)
{
	const struct spk_vector *va = a->nested.vector, *vb = b->nested.vector;
	bool array = a->type.id == SPK_TYPE_ARRAY;
	int ra = (int)a->nested.row, rb = (int)b->nested.row, na = array ? spk_vector_i32(va)[ra + 1] - spk_vector_i32(va)[ra] : a->type.children->count;
	int nb = array ? spk_vector_i32(vb)[rb + 1] - spk_vector_i32(vb)[rb] : na;

	for (int i = 0; i < SPK_MIN(na, nb); i++) {
		struct spk_value x = spk_vector_value(&va->child[array ? 0 : i], array ? spk_vector_i32(va)[ra] + i : ra);
		struct spk_value y = spk_vector_value(&vb->child[array ? 0 : i], array ? spk_vector_i32(vb)[rb] + i : rb);
		int by = x.null || y.null ? x.null - y.null : compare_values(&x, &y);

		if (by)
			return by;
	}
	return (na > nb) - (na < nb);
}

/* <0, 0, >0 as PostgreSQL orders values of one type (jsonb: by spk_jsonb_compare). Neither is NULL. */
static inline int compare_values(const struct spk_value *a, const struct spk_value *b)
{
	spk_int128 x, y;
	int xs, ys;

	switch (a->type.id) {
	case SPK_TYPE_BOOLEAN: return a->boolean - b->boolean;
	case SPK_TYPE_SMALLINT: return a->i16 - b->i16;
	case SPK_TYPE_INTEGER:
	case SPK_TYPE_DATE: return (a->i32 > b->i32) - (a->i32 < b->i32);
	case SPK_TYPE_REAL: return order((double)a->f32, (double)b->f32);
	case SPK_TYPE_DOUBLE: return order(a->f64, b->f64);
	case SPK_TYPE_DECIMAL:
		spk_decimal_unpack(a->type, a->i128, &x, &xs);
		spk_decimal_unpack(b->type, b->i128, &y, &ys);
		return spk_decimal_compare(x, xs, y, ys);
	case SPK_TYPE_UUID: return (a->i128 > b->i128) - (a->i128 < b->i128);
	case SPK_TYPE_INTERVAL:
		x = spk_interval_span(a->interval);
		y = spk_interval_span(b->interval);
		return (x > y) - (x < y);
	case SPK_TYPE_BIGINT:
	case SPK_TYPE_TIME:
	case SPK_TYPE_TIMESTAMP:
	case SPK_TYPE_TIMESTAMPTZ: return (a->i64 > b->i64) - (a->i64 < b->i64);
	case SPK_TYPE_ARRAY:
	case SPK_TYPE_ROW: return compare_nested(a, b);
	case SPK_TYPE_JSONB: return spk_jsonb_compare(&a->view, &b->view);
	default: return spk_view_compare(&a->view, &b->view);
	}
}

static inline bool same_values(const struct spk_value *a, const struct spk_value *b)
{
	return a->null || b->null ? a->null && b->null : compare_values(a, b) == 0;
}

#endif
