/*
 * What rows look like when they are written, and that they come back as they were: JSON, CSV, debezium-json, raw; all types, all
 * layouts of vectors.
 */
#include <math.h>

#include "core/columnar/decimal.h"
#include "tests/connectors/fixture.h"

/* The batch's rows as lines of a format. */
static char *encoded(struct fx *f, const struct spk_format *format, const struct spk_batch *batch)
{
	struct spk_buffer out = { 0 };
	struct spk_encoder *e;
	uint32_t *end = malloc(sizeof(*end) * (size_t)(batch->selected + 1)), start = 0;
	char *text, *p;

	REQUIRE_OK(format->encoder_open(&e, &f->spec, &f->err), f->err);
	REQUIRE_OK(format->encode(e, batch, &out, end, &f->err), f->err);
	p = text = malloc(out.size + (size_t)batch->selected + 1);
	for (int i = 0; i < batch->selected; i++) {
		if (end[i] > start)
			memcpy(p, out.data + start, end[i] - start);
		p += end[i] - start;
		*p++ = '\n';
		start = end[i];
	}
	*p = '\0';
	CHECK_EQ_INT(start, out.size);
	format->encoder_close(e);
	spk_buffer_release(&out);
	free(end);
	return text;
}

static void writes(const struct spk_format *format, const char *columns, const char *json, const char *want)
{
	struct fx f;
	char *got;

	fx_open(&f, columns);
	fx_decode(&f, &spk_format_json, &json, NULL, 1);
	REQUIRE(f.errors.count == 0);
	got = encoded(&f, format, f.batch);
	got[strlen(got) - 1] = '\0';
	CHECK_EQ_STR(got, want);
	free(got);
	fx_close(&f);
}

static void json_values(void)
{
	static const char *const cases[][3] = {
		{ "bigint", "-9223372036854775808", "-9223372036854775808" }, { "bigint", "100", "100" }, { "integer", "-7", "-7" }, { "smallint", "32767", "32767" }, { "bigint", "0", "0" },
		{ "boolean", "true", "true" }, { "boolean", "false", "false" }, { "boolean", "null", "null" }, { "text", "null", "null" }, { "bigint", "null", "null" },
		{ "double precision", "0.1", "0.1" }, { "double precision", "1e300", "1e+300" }, { "double precision", "\"NaN\"", "\"NaN\"" }, { "double precision", "\"-Infinity\"", "\"-Infinity\"" },
		{ "real", "0.1", "0.1" }, { "real", "\"Infinity\"", "\"Infinity\"" }, { "numeric(10,2)", "1.5", "1.50" }, { "numeric(10,0)", "15", "15" }, { "numeric", "1.500", "1.500" }, { "numeric(38,4)", "-0.0001", "-0.0001" },
		{ "text", "\"\"", "\"\"" }, { "text", "\"a\\\"b\\\\c/d\\b\\f\\n\\r\\t\\u0001\\u001f\"", "\"a\\\"b\\\\c/d\\b\\f\\n\\r\\t\\u0001\\u001f\"" }, { "text", "\"\xc3\xa9\x7f\"", "\"\xc3\xa9\x7f\"" },
		{ "bytea", "\"AP8=\"", "\"AP8=\"" }, { "date", "\"2024-02-29\"", "\"2024-02-29\"" }, { "time", "\"01:02:03.5\"", "\"01:02:03.5\"" },
		{ "timestamp", "\"2025-01-02 03:04:05\"", "\"2025-01-02 03:04:05\"" }, { "timestamp", "\"2025-01-02 03:04:05.120\"", "\"2025-01-02 03:04:05.12\"" }, { "timestamp", "\"2025-01-02 03:04:05.000001\"", "\"2025-01-02 03:04:05.000001\"" },
		{ "timestamp", "\"1969-12-31 23:59:59.999999\"", "\"1969-12-31 23:59:59.999999\"" }, { "timestamp", "\"0001-01-01 00:00:00\"", "\"0001-01-01 00:00:00\"" }, { "timestamp", "\"9999-12-31 23:59:59\"", "\"9999-12-31 23:59:59\"" },
		{ "timestamp", "\"0044-03-15 12:00:00 BC\"", "\"0044-03-15 12:00:00 BC\"" }, { "timestamp", "\"12345-01-01 00:00:00\"", "\"12345-01-01 00:00:00\"" }, { "timestamp", "\"-infinity\"", "\"-infinity\"" },
		{ "timestamptz", "\"2025-01-02 03:04:05Z\"", "\"2025-01-02 03:04:05+00\"" }, { "interval", "\"1 mon 2 days 03:00:00\"", "\"1 mon 2 days 03:00:00\"" }, { "jsonb", "{\"a\":[1,\"x\"]}", "{\"a\": [1, \"x\"]}" },
	};

	for (size_t i = 0; i < SPK_COUNT_OF(cases); i++) {
		char *columns = spk_test_format("v %s", cases[i][0]), *row = spk_test_format("{\"v\":%s}", cases[i][1]), *want = spk_test_format("{\"v\":%s}", cases[i][2]);

		writes(&spk_format_json, columns, row, want);
		free(columns);
		free(row);
		free(want);
	}
}

static void nulls_can_be_left_out(void)
{
	static const char *const cases[][2] = {
		{ "{\"a\":1,\"b\":\"x\",\"c\":[null]}", "{\"a\":1,\"b\":\"x\",\"c\":[null]}\n" }, { "{\"b\":\"x\"}", "{\"b\":\"x\"}\n" }, { "{\"c\":[1]}", "{\"c\":[1]}\n" }, { "{\"a\":1}", "{\"a\":1}\n" }, { "{}", "{}\n" },
	};

	for (size_t i = 0; i < SPK_COUNT_OF(cases); i++) {
		struct fx f;
		char *got;

		fx_open(&f, "a bigint, b text, c bigint[]");
		fx_option(&f, "json.encode.ignore-null-fields", "true");
		fx_decode(&f, &spk_format_json, &cases[i][0], NULL, 1);
		got = encoded(&f, &spk_format_json, f.batch);
		CHECK_EQ_STR(got, cases[i][1]);
		free(got);
		fx_close(&f);
	}
}

static void json_rows(void)
{
	struct fx f;
	char *got;
	const char *row = "{\"ts\":\"2025-01-02 03:04:05\"}";

	writes(&spk_format_json, "a bigint, some_name_that_is_longer_than_sixteen text, b text", "{\"a\":1,\"b\":\"y\",\"some_name_that_is_longer_than_sixteen\":\"x\"}",
	       "{\"a\":1,\"some_name_that_is_longer_than_sixteen\":\"x\",\"b\":\"y\"}");
	writes(&spk_format_json, "a bigint, b text, c text", "{}", "{\"a\":null,\"b\":null,\"c\":null}");
	fx_open(&f, "ts timestamp");
	fx_option(&f, "json.timestamp-format.standard", "ISO-8601");
	fx_decode(&f, &spk_format_json, &row, NULL, 1);
	got = encoded(&f, &spk_format_json, f.batch);
	CHECK_EQ_STR(got, "{\"ts\":\"2025-01-02T03:04:05\"}\n");
	free(got);
	f.field[0].name = "odd \"name\"\n";
	fx_want(&f, "*");
	got = encoded(&f, &spk_format_json, f.batch);
	CHECK_EQ_STR(got, "{\"odd \\\"name\\\"\\n\":\"2025-01-02T03:04:05\"}\n");
	free(got);
	fx_want(&f, "");
	got = encoded(&f, &spk_format_json, f.batch);
	CHECK_EQ_STR(got, "{}\n");
	free(got);
	fx_close(&f);
}

/* A character that needs an escape at every place of strings of every length up to 70. */
static void escapes_at_every_place(void)
{
	static const char special[] = { '"', '\\', '\n', '\x01', '\x1f' };
	struct fx f;

	for (int length = 1; length <= 70; length++) {
		for (int at = 0; at < length; at++) {
			char text[80], want[200], *got, *w = want + sprintf(want, "{\"v\":\"");
			char c = special[(at + length) % 5];
			struct spk_vector *v;

			memset(text, 'a' + length % 26, sizeof(text));
			text[at] = c;
			for (int i = 0; i < length; i++)
				w += i != at ? sprintf(w, "%c", text[i]) : c == '\n' ? sprintf(w, "\\n") : c < 32 ? sprintf(w, "\\u00%02x", c) : sprintf(w, "\\%c", c);
			sprintf(w, "\"}\n");
			fx_open(&f, "v text");
			REQUIRE_OK(spk_batch_new(&f.batch, f.spec.schema, NULL, &f.err), f.err);
			f.batch->rows = f.batch->selected = 1;
			v = &f.batch->column[0];
			REQUIRE_OK(spk_vector_init(v, f.field[0].type, 1, f.batch->arena, &f.err), f.err);
			spk_vector_view(v)[0] = spk_view(spk_arena_copy(f.batch->arena, text, (size_t)length), (uint32_t)length);
			got = encoded(&f, &spk_format_json, f.batch);
			CHECK_EQ_STR(got, want);
			free(got);
			fx_close(&f);
		}
	}
}

static void changes_as_envelopes(void)
{
	static const char *const rows[] = { "{\"a\":1}", "{\"a\":2}", "{\"a\":3}" };
	static const int32_t weight[] = { 1, -1, 1 };
	struct fx f;
	char *got;

	fx_open(&f, "a bigint");
	fx_decode(&f, &spk_format_json, rows, NULL, 3);
	got = encoded(&f, &spk_format_debezium_json, f.batch);
	CHECK_EQ_STR(got, "{\"op\":\"c\",\"before\":null,\"after\":{\"a\":1}}\n{\"op\":\"c\",\"before\":null,\"after\":{\"a\":2}}\n{\"op\":\"c\",\"before\":null,\"after\":{\"a\":3}}\n");
	free(got);
	f.batch->weight = weight;
	got = encoded(&f, &spk_format_debezium_json, f.batch);
	CHECK_EQ_STR(got, "{\"op\":\"c\",\"before\":null,\"after\":{\"a\":1}}\n{\"op\":\"d\",\"before\":{\"a\":2},\"after\":null}\n{\"op\":\"c\",\"before\":null,\"after\":{\"a\":3}}\n");
	free(got);
	fx_close(&f);
}

/* --- everything comes back --- */

static const char every_type[] = "b boolean, s smallint, i integer, l bigint, r real, d double precision, n numeric(20,3), m numeric, t text, y bytea, da date, ti time, "
                                 "ts timestamp, tz timestamptz, iv interval, a_second_text_with_a_long_name text";

static struct spk_view draw_text(spk_test_rng *rng, struct spk_arena *arena, bool bytes)
{
	static const char *const pieces[] = { "a", "bcd", " ", "\"", "\\", "\n", "\r", "\t", ",", ";", "'", "\x01", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "0123456789abcdef", "NULL", "\\.", "\x7f" };
	char text[1024] = "";
	int n = spk_test_one_in(rng, 8) ? 0 : (int)spk_test_below(rng, spk_test_one_in(rng, 4) ? 40 : 6);
	size_t size;

	while (n--)
		strcat(text, pieces[spk_test_below(rng, SPK_COUNT_OF(pieces))]);
	size = strlen(text);
	if (bytes)
		spk_test_bytes(rng, text, size);
	return spk_view(spk_arena_copy(arena, text, size), (uint32_t)size);
}

static void draw_value(spk_test_rng *rng, struct spk_vector *v, int row, struct spk_arena *arena)
{
	const int64_t day = INT64_C(86400000000);
	bool wide = spk_test_one_in(rng, 3);

	switch (v->type.id) {
	case SPK_TYPE_BOOLEAN: spk_vector_bool(v)[row] = (uint8_t)spk_test_below(rng, 2); break;
	case SPK_TYPE_SMALLINT: spk_vector_i16(v)[row] = (int16_t)spk_test_next(rng); break;
	case SPK_TYPE_INTEGER: spk_vector_i32(v)[row] = (int32_t)spk_test_next(rng) >> (wide ? 0 : 20); break;
	case SPK_TYPE_BIGINT: spk_vector_i64(v)[row] = (int64_t)spk_test_next(rng) >> (wide ? 0 : spk_test_below(rng, 63)); break;
	case SPK_TYPE_REAL: spk_vector_f32(v)[row] = wide ? (float)(spk_test_unit(rng) * 1e30) : (float)spk_test_between(rng, -100, 100) / 8; break;
	case SPK_TYPE_DOUBLE:
		spk_vector_f64(v)[row] = spk_test_one_in(rng, 20) ? NAN : spk_test_one_in(rng, 20) ? -INFINITY : (spk_test_unit(rng) - 0.5) * pow(10, (double)spk_test_between(rng, -300, 300));
		break;
	case SPK_TYPE_DECIMAL: {
		spk_int128 m = wide ? (spk_int128)(int64_t)spk_test_next(rng) * spk_test_between(rng, 1, 10) : spk_test_between(rng, -1000, 1000);

		REQUIRE(spk_decimal_store(v->type, m, v->type.scale < 0 ? (int)spk_test_below(rng, 12) : v->type.scale, spk_vector_i128(v) + row));
		break;
	}
	case SPK_TYPE_TEXT: case SPK_TYPE_BYTEA: spk_vector_view(v)[row] = draw_text(rng, arena, v->type.id == SPK_TYPE_BYTEA); break;
	case SPK_TYPE_DATE: spk_vector_i32(v)[row] = (int32_t)spk_test_between(rng, -700000, 700000); break;
	case SPK_TYPE_TIME: spk_vector_i64(v)[row] = spk_test_between(rng, 0, day - 1); break;
	case SPK_TYPE_INTERVAL:
		spk_vector_interval(v)[row] = (struct spk_interval){ (int32_t)spk_test_between(rng, -50, 50), (int32_t)spk_test_between(rng, -50, 50), spk_test_between(rng, -day, day) };
		break;
	default:
		spk_vector_i64(v)[row] = spk_test_between(rng, wide ? -70000 : 20000, wide ? 70000 : 20003) * day + spk_test_between(rng, 0, 86399) * 1000000 +
		                         (spk_test_one_in(rng, 2) ? 0 : spk_test_between(rng, 0, 999) * (spk_test_one_in(rng, 2) ? 1 : 1000));
	}
}

static void draw_batch(spk_test_rng *rng, struct fx *f, int rows)
{
	REQUIRE_OK(spk_batch_new(&f->batch, f->spec.schema, NULL, &f->err), f->err);
	f->batch->rows = f->batch->selected = rows;
	for (int c = 0; c < f->batch->columns; c++) {
		struct spk_vector *v = &f->batch->column[c];

		REQUIRE_OK(spk_vector_init(v, f->wanted_field[c].type, rows, f->batch->arena, &f->err), f->err);
		for (int i = 0; i < rows; i++) {
			draw_value(rng, v, i, f->batch->arena);
			if (!spk_test_one_in(rng, 6))
				continue;
			REQUIRE_OK(spk_vector_need_valid(v, rows, f->batch->arena, &f->err), f->err);
			spk_bit_clear(v->valid, i);
			if (spk_type_is_view(v->type))
				spk_vector_view(v)[i] = (struct spk_view){ 0 };
		}
	}
}

/* Same text for every value of the row. */
static void same_rows(const struct spk_batch *a, int row, const struct spk_batch *b, int other)
{
	char x[4096], y[4096];

	for (int c = 0; c < a->columns; c++) {
		fx_value(&a->column[c], row, x, sizeof(x));
		fx_value(&b->column[c], other, y, sizeof(y));
		if (strcmp(x, y) != 0)
			CHECK_EQ_STR(y, x);
	}
	CHECK(true);
}

static void round_trip(const struct spk_format *format, const char *option, const char *value, uint64_t stream)
{
	spk_test_rng rng = spk_test_rng_new(stream);
	int rounds = spk_test_long() ? 500 : 12;

	for (int round = 0; round < rounds; round++) {
		struct spk_batch *original, *shaken;
		struct spk_buffer out = { 0 };
		struct spk_encoder *e;
		struct spk_decoder *d;
		struct fx f;
		int rows = (int)spk_test_between(&rng, 1, 300);
		uint32_t end[300];
		const char *text[300];
		size_t size[300];

		fx_open(&f, every_type);
		if (option)
			fx_option(&f, option, value);
		draw_batch(&rng, &f, rows);
		original = spk_batch_ref(f.batch);
		REQUIRE_OK(spk_batch_reencode(&shaken, original, spk_test_next(&rng), &f.err), f.err);
		REQUIRE_OK(format->encoder_open(&e, &f.spec, &f.err), f.err);
		REQUIRE_OK(format->encode(e, shaken, &out, end, &f.err), f.err);
		for (int i = 0; i < shaken->selected; i++) {
			text[i] = out.data + (i ? end[i - 1] : 0);
			size[i] = end[i] - (i ? end[i - 1] : 0);
		}
		REQUIRE_OK(format->decoder_open(&d, &f.spec, &f.err), f.err);
		REQUIRE_OK(fx_decode_with(&f, d, fx_raw(f.arena, text, size, shaken->selected), shaken->selected), f.err);
		if (f.errors.count)
			CHECK_EQ_STR(f.errors.list[0].message, "");
		for (int i = 0; i < shaken->selected && !f.errors.count; i++)
			same_rows(shaken, spk_batch_row(shaken, i), f.batch, i);
		format->encoder_close(e);
		format->decoder_close(d);
		spk_buffer_release(&out);
		spk_batch_unref(shaken);
		spk_batch_unref(original);
		fx_close(&f);
	}
}

static void json_comes_back(void) { round_trip(&spk_format_json, NULL, NULL, 1); }
static void csv_comes_back(void)
{
	round_trip(&spk_format_csv, NULL, NULL, 2);
	round_trip(&spk_format_csv, "csv.delimiter", ";", 3);
	round_trip(&spk_format_csv, "csv.null", "\\N", 4);
}

static void raw_comes_back(void)
{
	static const char *const rows[] = { "plain", "", "{\"v\": 1}, \"x\"" };
	struct fx f;
	char *got;

	fx_open(&f, "v text");
	fx_decode(&f, &spk_format_raw, rows, NULL, 3);
	got = encoded(&f, &spk_format_raw, f.batch);
	CHECK_EQ_STR(got, "plain\n\n{\"v\": 1}, \"x\"\n");
	free(got);
	CHECK_HOLDS(fx_one(&f, &spk_format_raw, "a\xff"), "!the value is not UTF-8");
	fx_close(&f);
}

static void nested_values(void)
{
	static const struct spk_field part[] = { { "x", { .id = SPK_TYPE_BIGINT }, true }, { "y \"z\"", { .id = SPK_TYPE_TEXT }, true } }, element = { "e", { .id = SPK_TYPE_TEXT }, true };
	static const struct spk_schema row = { 2, (struct spk_field *)part }, array = { 1, (struct spk_field *)&element };
	struct spk_vector *v;
	struct fx f;
	char *got;

	fx_open(&f, "r bigint, a bigint");
	f.field[0].type = (struct spk_type){ .id = SPK_TYPE_ROW, .children = &row };
	f.field[1].type = (struct spk_type){ .id = SPK_TYPE_ARRAY, .children = &array };
	fx_want(&f, "*");
	REQUIRE_OK(spk_batch_new(&f.batch, f.spec.schema, NULL, &f.err), f.err);
	f.batch->rows = f.batch->selected = 2;
	for (int c = 0; c < 2; c++)
		REQUIRE_OK(spk_vector_init(&f.batch->column[c], f.field[c].type, 2, f.batch->arena, &f.err), f.err);
	v = f.batch->column[0].child;
	spk_vector_i64(&v[0])[0] = 1;
	spk_vector_i64(&v[0])[1] = -2;
	spk_vector_view(&v[1])[0] = spk_view_str("a\"b");
	REQUIRE_OK(spk_vector_need_valid(&v[1], 2, f.batch->arena, &f.err), f.err);
	spk_bit_clear(v[1].valid, 1);
	v = &f.batch->column[1];
	memcpy(v->data, (int32_t[]){ 0, 0, 2 }, 12);
	spk_vector_view(v->child)[0] = spk_view_str("some text that is longer than twelve\n");
	spk_vector_view(v->child)[1] = spk_view_str("q");
	got = encoded(&f, &spk_format_json, f.batch);
	CHECK_EQ_STR(got, "{\"r\":{\"x\":1,\"y \\\"z\\\"\":\"a\\\"b\"},\"a\":[]}\n{\"r\":{\"x\":-2,\"y \\\"z\\\"\":null},\"a\":[\"some text that is longer than twelve\\n\",\"q\"]}\n");
	free(got);
	fx_close(&f);
}

/* Arrays whose texts are far more than what the rows were expected to need. */
static void large_arrays(void)
{
	enum { ROWS = 3, ELEMENTS = 2000 };
	static const struct spk_field element = { "e", { .id = SPK_TYPE_TEXT }, true };
	static const struct spk_schema array = { 1, (struct spk_field *)&element };
	struct spk_vector *v, child;
	struct fx f;
	char *got;

	fx_open(&f, "a bigint, t text");
	f.field[0].type = (struct spk_type){ .id = SPK_TYPE_ARRAY, .children = &array };
	fx_want(&f, "*");
	REQUIRE_OK(spk_batch_new(&f.batch, f.spec.schema, NULL, &f.err), f.err);
	f.batch->rows = f.batch->selected = ROWS;
	for (int c = 0; c < 2; c++)
		REQUIRE_OK(spk_vector_init(&f.batch->column[c], f.field[c].type, ROWS, f.batch->arena, &f.err), f.err);
	v = &f.batch->column[0];
	REQUIRE_OK(spk_vector_init(&child, element.type, ROWS * ELEMENTS, f.batch->arena, &f.err), f.err);
	*v->child = child;
	for (int i = 0; i <= ROWS; i++)
		spk_vector_i32(v)[i] = i * ELEMENTS;
	for (int i = 0; i < ROWS * ELEMENTS; i++)
		spk_vector_view(&child)[i] = i % 2 ? spk_view_str("a text of more than twelve bytes") : spk_view_str("\n\n\n\n\n\n");
	for (int i = 0; i < ROWS; i++)
		spk_vector_view(&f.batch->column[1])[i] = spk_view_str("\"\"\"\"\"\"\"\"");
	got = encoded(&f, &spk_format_json, f.batch);
	CHECK_EQ_INT(strlen(got), ROWS * (5 + ELEMENTS / 2 * (1 + 14 + 1 + 34) + 1 + 5 + 18 + 1 + 1));
	free(got);
	fx_close(&f);
}

SPK_TEST_SUITE("encode",
	{ "json values", json_values },
	{ "json rows", json_rows },
	{ "nulls can be left out", nulls_can_be_left_out },
	{ "escapes at every place", escapes_at_every_place },
	{ "changes as envelopes", changes_as_envelopes },
	{ "json comes back", json_comes_back },
	{ "csv comes back", csv_comes_back },
	{ "raw comes back", raw_comes_back },
	{ "nested values", nested_values },
	{ "large arrays", large_arrays })
