/* What JSON values become in columns of each type, and what is said of those that do not fit. */
#include <pthread.h>

#include "tests/connectors/fixture.h"

struct one { const char *type, *json, *want; };

/* want: the value as text; "!part" for a bad row whose reason has the part. */
static const struct one cases[] = {
	{ "bigint", "1", "1" }, { "bigint", "-1", "-1" }, { "bigint", "0", "0" }, { "bigint", "-0", "0" },
	{ "bigint", "9223372036854775807", "9223372036854775807" }, { "bigint", "-9223372036854775808", "-9223372036854775808" },
	{ "bigint", "9007199254740993", "9007199254740993" }, { "bigint", "123456789012345678", "123456789012345678" },
	{ "bigint", "1234567890123456789", "1234567890123456789" },
	{ "bigint", "9223372036854775808", "!out of range" }, { "bigint", "-9223372036854775809", "!out of range" },
	{ "bigint", "1e3", "1000" }, { "bigint", "1.0", "1" }, { "bigint", "12.50e1", "125" }, { "bigint", "1.5", "!expected bigint" },
	{ "bigint", "1e400", "!expected bigint" }, { "bigint", "\"42\"", "42" }, { "bigint", "\"4x2\"", "!found \"4x2\", expected bigint" },
	{ "bigint", "\"\"", "!expected bigint" }, { "bigint", "true", "!found true, expected bigint" }, { "bigint", "null", "NULL" },
	{ "bigint", "{\"a\":1}", "!found {\"a\":1}, expected bigint" }, { "bigint", "[1]", "!expected bigint" },
	{ "integer", "2147483647", "2147483647" }, { "integer", "2147483648", "!out of range" }, { "integer", "-2147483648", "-2147483648" },
	{ "smallint", "32767", "32767" }, { "smallint", "32768", "!out of range" }, { "smallint", "\"-5\"", "-5" },
	{ "boolean", "true", "true" }, { "boolean", "false", "false" }, { "boolean", "\"true\"", "true" }, { "boolean", "1", "!expected boolean" },
	{ "boolean", "null", "NULL" }, { "boolean", "\"maybe\"", "!expected boolean" },
	{ "double precision", "1", "1" }, { "double precision", "0.1", "0.1" }, { "double precision", "1e308", "1e+308" },
	{ "double precision", "1e309", "!out of range" }, { "double precision", "-2.5e-3", "-0.0025" }, { "double precision", "\"NaN\"", "NaN" },
	{ "double precision", "\"-Infinity\"", "-Infinity" }, { "double precision", "9007199254740993", "9.007199254740992e+15" },
	{ "double precision", "2.2250738585072011e-308", "2.225073858507201e-308" },
	{ "real", "0.1", "0.1" }, { "real", "1e39", "!out of range" }, { "real", "16777217", "1.6777216e+07" },
	{ "numeric(10,2)", "12.345", "12.35" }, { "numeric(10,2)", "-0.005", "-0.01" }, { "numeric(10,2)", "\"12.3\"", "12.30" },
	{ "numeric(10,2)", "99999999.99", "99999999.99" }, { "numeric(10,2)", "100000000", "!out of range" }, { "numeric(10,2)", "1e2", "100.00" },
	{ "numeric", "12345678901234567890.123456789", "12345678901234567890.123456789" }, { "numeric", "0.10", "0.10" },
	{ "numeric", "0.1000000000000000055511151231257827", "0.1000000000000000055511151231257827" }, { "numeric", "\"abc\"", "!expected numeric" },
	{ "numeric(38,0)", "99999999999999999999999999999999999999", "99999999999999999999999999999999999999" },
	{ "numeric(38,0)", "100000000000000000000000000000000000000", "!expected numeric" },
	{ "text", "\"x\"", "x" }, { "text", "\"\"", "" }, { "text", "12.50", "12.50" }, { "text", "-1e5", "-1e5" }, { "text", "true", "true" },
	{ "text", "false", "false" }, { "text", "null", "NULL" }, { "text", "{ \"a\" : [1, 2] }", "{ \"a\" : [1, 2] }" }, { "text", "[]", "[]" },
	{ "text", "\"a\\\"b\\\\c\\/d\\b\\f\\n\\r\\te\"", "a\"b\\c/d\b\f\n\r\te" }, { "text", "\"\\u00e9\\u20ac\\ud83d\\ude00\"", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80" },
	{ "text", "\"\\ud83d\"", "!surrogate" }, { "text", "\"\\ude00x\"", "!surrogate" }, { "text", "\"\\u12g4\"", "!escapes" }, { "text", "\"\\x\"", "!escapes" },
	{ "text", "\"a\\u0000b\"", "!\\u0000" }, { "text", "\"0123456789ab\"", "0123456789ab" }, { "text", "\"0123456789abc\"", "0123456789abc" },
	{ "varchar(3)", "\"abc\"", "abc" }, { "varchar(3)", "\"abcd\"", "!too long" }, { "varchar(3)", "\"abc  \"", "abc" },
	{ "varchar(2)", "\"\xc3\xa9\xc3\xa9\"", "\xc3\xa9\xc3\xa9" },
	{ "bytea", "\"aGVsbG8=\"", "hello" }, { "bytea", "\"aGVsbG8\"", "hello" }, { "bytea", "\"\"", "" }, { "bytea", "\"a\"", "!base64" }, { "bytea", "\"a===\"", "!base64" },
	{ "bytea", "\"aG!s\"", "!base64" }, { "bytea", "12", "!expected bytea" },
	{ "date", "\"2024-02-29\"", "2024-02-29" }, { "date", "\"2023-02-29\"", "!expected date" }, { "date", "\"1969-12-31\"", "1969-12-31" }, { "date", "5", "!expected date" },
	{ "time", "\"23:59:59.5\"", "23:59:59.5" }, { "time", "\"25:00\"", "!expected time" },
	{ "timestamp", "\"2025-01-02 03:04:05\"", "2025-01-02 03:04:05" }, { "timestamp", "\"2025-01-02 03:04:05.120\"", "2025-01-02 03:04:05.12" },
	{ "timestamp", "\"2025-01-02T03:04:05.123456\"", "2025-01-02 03:04:05.123456" }, { "timestamp", "\"2025-01-02T03:04:05Z\"", "2025-01-02 03:04:05" },
	{ "timestamp", "\"2025-01-02T03:04:05+02:00\"", "2025-01-02 01:04:05" }, { "timestamp", "\"2025-01-02 03:04:05.1234567\"", "2025-01-02 03:04:05.123457" },
	{ "timestamp", "\"2025-01-02\"", "2025-01-02 00:00:00" }, { "timestamp", "\"infinity\"", "infinity" }, { "timestamp", "\"1969-12-31 23:59:59.999999\"", "1969-12-31 23:59:59.999999" },
	{ "timestamp", "\"2025-13-02 03:04:05\"", "!expected timestamp" }, { "timestamp", "\"yesterday-ish\"", "!expected timestamp" },
	{ "timestamp", "1735787045123", "2025-01-02 03:04:05.123" }, { "timestamp", "1735787045123.5", "2025-01-02 03:04:05.1235" }, { "timestamp", "-1", "1969-12-31 23:59:59.999" },
	{ "timestamptz", "\"2025-01-02T03:04:05+02:00\"", "2025-01-02 01:04:05+00" }, { "timestamptz", "\"2025-01-02 03:04:05\"", "2025-01-02 03:04:05+00" },
	{ "timestamptz", "0", "1970-01-01 00:00:00+00" },
	{ "interval", "\"1 day 02:03:04\"", "1 day 02:03:04" }, { "interval", "\"P1DT2H\"", "1 day 02:00:00" }, { "interval", "\"soon\"", "!expected interval" }, { "interval", "5", "!expected interval" },
	{ "integer[]", "[1,null,3]", "{1,NULL,3}" }, { "integer[]", "[]", "{}" }, { "integer[]", "null", "NULL" }, { "integer[]", "[\"7\"]", "{7}" }, { "integer[]", "[1.5]", "!expected integer[]: invalid input syntax for type integer" },
	{ "integer[]", "5", "!found JSON 5, expected integer[]" }, { "integer[]", "{\"a\":1}", "!expected integer[]" }, { "text[]", "[\"a\\nb\",1,true,{\"x\":1},\"a longer text than twelve bytes\"]", "{\"a\nb\",1,true,\"{\\\"x\\\": 1}\",\"a longer text than twelve bytes\"}" },
	{ "timestamp[]", "[\"2025-01-02T03:04:05\"]", "{\"2025-01-02 03:04:05\"}" }, { "boolean[]", "[true,false,null]", "{t,f,NULL}" }, { "jsonb[]", "[{\"b\":1,\"a\":2}]", "{\"{\\\"a\\\": 2, \\\"b\\\": 1}\"}" },
	{ "jsonb", "{\"b\":1.50,\"a\":[1,2],\"b\":1e2}", "{\"a\": [1, 2], \"b\": 100}" }, { "jsonb", "\"\\u0000\"", "!unsupported Unicode escape sequence" },
	{ "jsonb", "{\"a\":[1,2]}", "{\"a\": [1, 2]}" }, { "jsonb", "\"x\"", "\"x\"" }, { "jsonb", "12", "12" }, { "jsonb", "true", "true" }, { "jsonb", "null", "NULL" },
};

/* Each value first, in the middle and last in its row, with and without blanks. */
static void each_value_of_each_type(void)
{
	static const char *const frame[] = { "{\"v\":%s}", "{\"before\":[1,{\"v\":2}],\"v\":%s,\"after\":\"x\"}", " { \"x\" : null , \"v\" : %s } ", "{\n\t\"v\"\t:\t%s\n}\r" };

	for (size_t i = 0; i < SPK_COUNT_OF(cases); i++) {
		for (size_t k = 0; k < SPK_COUNT_OF(frame); k++) {
			char *columns = spk_test_format("v %s", cases[i].type), *row = spk_test_format(frame[k], cases[i].json);
			const char *got;
			struct fx f;

			fx_open(&f, columns);
			got = fx_one(&f, &spk_format_json, row);
			if (cases[i].want[0] == '!' ? got[0] != '!' || !strstr(got, cases[i].want + 1) : strcmp(got, cases[i].want) != 0) {
				char *what = spk_test_format("%s of %s: got %s, want %s", cases[i].type, row, got, cases[i].want);

				CHECK_EQ_STR(what, "");
				free(what);
			} else {
				CHECK(true);
			}
			fx_close(&f);
			free(columns);
			free(row);
		}
	}
}

static void names_match_exactly_then_by_case(void)
{
	struct fx f;

	fx_open(&f, "aB bigint, ab bigint, other bigint");
	CHECK_EQ_STR(fx_one(&f, &spk_format_json, "{\"aB\":1,\"ab\":2,\"OTHER\":3}"), "1|2|3");
	CHECK_EQ_STR(fx_one(&f, &spk_format_json, "{\"AB\":1}"), "1|NULL|NULL");
	CHECK_EQ_STR(fx_one(&f, &spk_format_json, "{\"Other\":1,\"other\":2,\"OTHER\":3}"), "NULL|NULL|2");
	CHECK_EQ_STR(fx_one(&f, &spk_format_json, "{\"oth\\u0065r\":7}"), "NULL|NULL|7");
	/* A column that is not read still takes its own name. */
	fx_want(&f, "ab");
	CHECK_EQ_STR(fx_one(&f, &spk_format_json, "{\"aB\":1,\"other\":3}"), "NULL");
	fx_close(&f);
}

static void of_duplicates_the_last_wins(void)
{
	struct fx f;

	fx_open(&f, "a bigint, b text");
	CHECK_EQ_STR(fx_one(&f, &spk_format_json, "{\"a\":1,\"b\":\"x\",\"a\":2}"), "2|x");
	CHECK_EQ_STR(fx_one(&f, &spk_format_json, "{\"a\":\"bad\",\"b\":\"x\",\"a\":2}"), "2|x");
	CHECK_HOLDS(fx_one(&f, &spk_format_json, "{\"a\":1,\"b\":\"x\",\"a\":\"bad\"}"), "!member \"a\"");
	CHECK_EQ_STR(fx_one(&f, &spk_format_json, "{\"a\":1,\"b\":\"x\",\"a\":null}"), "NULL|x");
	CHECK_EQ_STR(fx_one(&f, &spk_format_json, "{\"a\":null,\"a\":3}"), "3|NULL");
	fx_close(&f);
}

/* Rows of many shapes in one batch: what was learned from one must not be believed of the next. */
static void rows_may_differ_from_each_other(void)
{
	static const char *const rows[] = {
		"{\"a\":1,\"b\":\"x\",\"c\":2}", "{\"a\":1,\"c\":2}", "{\"c\":3,\"b\":\"y\",\"a\":1}", "{}", "{\"a\":1,\"u1\":1,\"b\":\"z\",\"u2\":{},\"c\":4}",
		"{\"b\":\"w\"}", "{\"a\":5,\"b\":\"v\",\"c\":6}", "{\"aa\":5,\"bb\":\"v\",\"cc\":6}", "[1]", "{\"a\":1,\"b\":\"x\",\"c\":2}",
	};
	static const char *const want[] = { "1|x|2", "1|NULL|2", "1|y|3", "NULL|NULL|NULL", "1|z|4", "NULL|w|NULL", "5|v|6", "NULL|NULL|NULL", "!not JSON: found [1]", "1|x|2" };
	struct fx f;

	fx_open(&f, "a bigint, b text, c integer");
	fx_decode(&f, &spk_format_json, rows, NULL, (int)SPK_COUNT_OF(rows));
	for (int i = 0; i < (int)SPK_COUNT_OF(rows); i++) {
		if (want[i][0] == '!')
			CHECK_HOLDS(fx_row(&f, i), want[i]);
		else
			CHECK_EQ_STR(fx_row(&f, i), want[i]);
	}
	CHECK_EQ_INT(f.errors.count, 1);
	CHECK(spk_vector_is_null(&f.batch->column[0], 8));
	fx_close(&f);
}

static void numbers_as_times_have_a_unit(void)
{
	static const char *const unit[] = { "s", "ms", "us" }, *const number[] = { "1735787045", "1735787045000", "1735787045000000" };
	struct fx f;

	for (int i = 0; i < 3; i++) {
		fx_open(&f, "v timestamp");
		fx_option(&f, "json.timestamp-unit", unit[i]);
		CHECK_EQ_STR(fx_one(&f, &spk_format_json, spk_arena_printf(f.arena, "{\"v\":%s}", number[i])), "2025-01-02 03:04:05");
		fx_close(&f);
		fx_open(&f, "v timestamp");
		REQUIRE_OK(spk_conf_set(f.conf, "json.timestamp-unit", unit[i], &f.err), f.err);
		CHECK_EQ_STR(fx_one(&f, &spk_format_json, spk_arena_printf(f.arena, "{\"v\":%s}", number[i])), "2025-01-02 03:04:05");
		fx_close(&f);
	}
}

static void long_strings_are_not_copied(void)
{
	const char *row = "{\"v\":\"a string that is longer than twelve bytes\"}";
	struct spk_decoder *d;
	struct spk_view *raw;
	struct fx f;

	fx_open(&f, "v text");
	raw = fx_raw(f.arena, &row, NULL, 1);
	REQUIRE_OK(spk_format_json.decoder_open(&d, &f.spec, &f.err), f.err);
	REQUIRE_OK(fx_decode_with(&f, d, raw, 1), f.err);
	CHECK(spk_view_data(&spk_vector_view(&f.batch->column[0])[0]) == spk_view_data(raw) + 6);
	spk_format_json.decoder_close(d);
	fx_close(&f);
}

static void the_first_bad_row_fails_when_nobody_collects(void)
{
	const char *row = "{\"v\":\"x\"}";
	struct spk_decoder *d;
	struct fx f;

	fx_open(&f, "v bigint");
	REQUIRE_OK(spk_format_json.decoder_open(&d, &f.spec, &f.err), f.err);
	REQUIRE_OK(spk_batch_new(&f.batch, f.spec.schema, NULL, &f.err), f.err);
	CHECK_FAILS(spk_format_json.decode(d, fx_raw(f.arena, &row, NULL, 1), 1, f.batch, NULL, &f.err), SPK_DATA, f.err);
	CHECK_EQ_STR(f.err.message, "member \"v\": found \"x\", expected bigint");
	spk_format_json.decoder_close(d);
	fx_close(&f);
}

/* Members by name, exactly or by case; one that is missing is NULL, one that is unknown is skipped. */
static void records_are_read_from_objects(void)
{
	static struct spk_field inner[] = { { "x", { .id = SPK_TYPE_INTEGER }, true }, { "Name", { .id = SPK_TYPE_TEXT }, true }, { "l", { 0 }, true } };
	static const struct spk_schema child = { 3, inner };
	static const char *const rows[][2] = {
		{ "{\"v\":{\"x\":1,\"Name\":\"n\",\"l\":[1,2]}}", "(1,n,\"{1,2}\")" }, { "{\"v\":{\"NAME\":\"n\",\"other\":[]}}", "(,n,)" }, { "{\"v\":{}}", "(,,)" }, { "{\"v\":null}", "NULL" }, { "{}", "NULL" },
		{ "{\"v\":{\"x\":\"y\"}}", "!expected record: invalid input syntax for type integer" }, { "{\"v\":[1]}", "!found JSON [1], expected record" }, { "{\"v\":{\"l\":{}}}", "!found JSON {}, expected bigint[]" },
	};
	const char *all[SPK_COUNT_OF(rows)];
	struct fx f;

	inner[2].type = spk_type_array(SPK_TYPE_BIGINT);
	fx_open(&f, "v bigint");
	f.field[0].type = (struct spk_type){ .id = SPK_TYPE_ROW, .children = &child };
	fx_want(&f, "*");
	for (size_t i = 0; i < SPK_COUNT_OF(rows); i++)
		all[i] = rows[i][0];
	fx_decode(&f, &spk_format_json, all, NULL, (int)SPK_COUNT_OF(rows));
	for (size_t i = 0; i < SPK_COUNT_OF(rows); i++) {
		const char *got = fx_row(&f, (int)i), *want = rows[i][1];

		if (*want == '!')
			CHECK_HOLDS(got, want + 1);
		else
			CHECK_EQ_STR(got, want);
	}
	fx_close(&f);
}

struct shared { struct fx *f; struct spk_decoder *d; const struct spk_view *raw; int n, wrong; };

static void *decode_on_a_thread(void *user)
{
	struct shared *s = user;

	for (int round = 0; round < 50; round++) {
		struct spk_row_errors errors = { 0 };
		struct spk_batch *batch;
		spk_error err;

		if (spk_batch_new(&batch, s->f->spec.schema, NULL, &err) != SPK_OK || s->d->format->decode(s->d, s->raw, s->n, batch, &errors, &err) != SPK_OK || errors.count) {
			s->wrong++;
			continue;
		}
		for (int i = 0; i < s->n; i++)
			s->wrong += spk_vector_i64(&batch->column[0])[i] != i;
		spk_batch_unref(batch);
	}
	return NULL;
}

static void one_decoder_serves_several_threads(void)
{
	enum { THREADS = 4, ROWS = 200 };
	const char *row[ROWS];
	struct shared shared[THREADS];
	pthread_t thread[THREADS];
	struct spk_view *raw;
	struct spk_decoder *d;
	struct fx f;

	fx_open(&f, "a bigint, b text");
	for (int i = 0; i < ROWS; i++)
		row[i] = spk_arena_printf(f.arena, i % 2 ? "{\"a\":%d,\"b\":\"x\"}" : "{\"b\":\"a\\nb\",\"a\":%d}", i);
	raw = fx_raw(f.arena, row, NULL, ROWS);
	REQUIRE_OK(spk_format_json.decoder_open(&d, &f.spec, &f.err), f.err);
	for (int i = 0; i < THREADS; i++) {
		shared[i] = (struct shared){ &f, d, raw, ROWS, 0 };
		REQUIRE(pthread_create(&thread[i], NULL, decode_on_a_thread, &shared[i]) == 0);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(thread[i], NULL);
		CHECK_EQ_INT(shared[i].wrong, 0);
	}
	spk_format_json.decoder_close(d);
	fx_close(&f);
}

static void messages_are_text(void)
{
	struct fx f;

	fx_open(&f, "v bigint");
	CHECK_EQ_STR(fx_one(&f, &spk_format_json, "{\"v\":\"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\"}"),
	             "!member \"v\": found \"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9..., expected bigint");
	CHECK_EQ_STR(fx_one(&f, &spk_format_json, "{\"v\":1}\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"),
	             "!not JSON: found \xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9... at byte 7, expected the end of the row after its object");
	CHECK_EQ_STR(fx_one(&f, &spk_format_json, "{\"v\":"), "!not JSON: the row ends where a member's name and value is expected");
	CHECK_EQ_STR(fx_one(&f, &spk_format_json, ""), "!not JSON: empty, expected a JSON object");
	fx_close(&f);
}

SPK_TEST_SUITE("json decode",
	{ "one decoder serves several threads", one_decoder_serves_several_threads },
	{ "messages are text", messages_are_text },
	{ "each value of each type", each_value_of_each_type },
	{ "names match exactly, then by case", names_match_exactly_then_by_case },
	{ "of duplicates the last wins", of_duplicates_the_last_wins },
	{ "rows may differ from each other", rows_may_differ_from_each_other },
	{ "numbers as times have a unit", numbers_as_times_have_a_unit },
	{ "long strings are not copied", long_strings_are_not_copied },
	{ "the first bad row fails when nobody collects", the_first_bad_row_fails_when_nobody_collects },
	{ "records are read from objects", records_are_read_from_objects })
