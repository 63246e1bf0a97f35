/*
 * Rows that are poison to a careless reader, after the manner of JSONTestSuite: y must be taken, n must be refused, i may go either
 * way but must not crash. Every case is the value of a member that is read as text, of one that is skipped, and the whole row.
 */
#include "tests/connectors/fixture.h"

struct poison { char kind; const char *text; size_t size; };

#define P(kind, text) { kind, text, sizeof(text) - 1 }
#define X10(s) s s s s s s s s s s

static const struct poison values[] = {
	/* numbers */
	P('y', "0"), P('y', "-0"), P('y', "0e1"), P('y', "0E+1"), P('y', "1e-2"), P('y', "-1.5"), P('y', "123.456789"), P('y', "1E22"), P('y', "0.5e-5"),
	P('y', "-0.0000000000000000000000000000000000000000000000000000000000000000000000000000001"), P('y', "1e400"), P('y', "-1e-400"),
	P('y', X10("1234567890")), P('y', "0." X10("1234567890")), P('y', "1e" "00000000000000000001"),
	P('n', "01"), P('n', "-01"), P('n', "00"), P('n', "1."), P('n', ".5"), P('n', "-.5"), P('n', "-"), P('n', "+1"), P('n', "--1"), P('n', "1e"), P('n', "1e+"),
	P('n', "1.e1"), P('n', "1.5e"), P('n', "0x10"), P('n', "1 2"), P('n', "1_000"), P('n', "1,000"), P('n', "Infinity"), P('n', "-Infinity"), P('n', "NaN"), P('n', "nan"),
	P('n', "1a"), P('n', "1\"\""), P('n', "0e"), P('n', "1ee2"), P('n', "1e2.5"), P('n', "1.2.3"), P('n', "\xef\xbc\x91"), P('n', "1\x00"), P('n', "- 1"), P('n', "1-"), P('n', "1+2"),
	/* literals */
	P('y', "true"), P('y', "false"), P('y', "null"),
	P('n', "True"), P('n', "TRUE"), P('n', "tru"), P('n', "truee"), P('n', "nul"), P('n', "nulll"), P('n', "fals"), P('n', "undefined"), P('n', "true false"), P('n', "truefalse"),
	P('n', "true\"\""), P('n', "nu ll"), P('n', "t"), P('n', "n"), P('n', "f"),
	/* strings */
	P('y', "\"\""), P('y', "\"\x7f\""), P('y', "\"\\u0061\""), P('y', "\"\\uD834\\uDd1e\""), P('y', "\"\xed\x9f\xbf\""), P('y', "\"\xee\x80\x80\""), P('y', "\"\xf4\x8f\xbf\xbf\""),
	P('y', "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), P('y', "\"\xe2\x80\xa8\""), P('y', "\"\xef\xbf\xbf\""), P('y', "\"/* x */\""), P('y', "\"" X10("0123456789") "\""),
	P('y', "\"\\uFFFF\""), P('y', "\"\\uDBFF\\uDFFF\""), P('y', "\"\\\\\\\\\\\\\""), P('y', "\"\\\\\\\"\""),
	P('i', "\"\\ud800\""), P('i', "\"\\udc00\""), P('i', "\"\\ud800\\ud800\""), P('i', "\"\\ud800x\""), P('i', "\"\\ud800\\n\""), P('i', "\"\\udc00\\ud800\""), P('i', "\"\\u0000\""),
	P('n', "\""), P('n', "\"\\\""), P('n', "\"\\"), P('n', "\"a"), P('n', "a\""), P('n', "'a'"), P('n', "\"\\x41\""), P('n', "\"\\u00\""), P('n', "\"\\u00g0\""), P('n', "\"\\u\""),
	P('n', "\"\\U0041\""), P('n', "\"\\a\""), P('n', "\"\\ud800\\u\""), P('n', "\"\\ud800\\u1\""), P('n', "\"\\ud800\\u1x\""), P('n', "\"\\'\""), P('n', "\"\n\""), P('n', "\"\t\""), P('n', "\"\x00\""), P('n', "\"\x1f\""),
	P('n', "\"a\" \"b\""), P('n', "\"a\"\"b\""), P('n', "\"a\"b"), P('n', "\"\\ \""), P('n', "\"\\\xc3\xa9\""), P('n', "\\u0061"), P('n', "\"\\u12\xc3\xa9\""),
	/* UTF-8 that is none */
	P('n', "\"\x80\""), P('n', "\"\xff\""), P('n', "\"\xc3\""), P('n', "\"\xc0\x80\""), P('n', "\"\xc1\xbf\""), P('n', "\"\xe0\x80\x80\""), P('n', "\"\xed\xa0\x80\""), P('n', "\"\xed\xbf\xbf\""),
	P('n', "\"\xf0\x80\x80\x80\""), P('n', "\"\xf4\x90\x80\x80\""), P('n', "\"\xf8\x88\x80\x80\x80\""), P('n', "\"\xe2\x82\""), P('n', "\"\xf0\x9f\x98\""), P('n', "\xe5"), P('n', "\"\xe2\x28\xa1\""),
	/* arrays and objects */
	P('y', "[]"), P('y', "[ ]"), P('y', "{}"), P('y', "{ }"), P('y', "[1,[2,[3]],{\"a\":{}}]"), P('y', "{\"a\":1,\"a\":2}"), P('y', "[null]"), P('y', "[\"\",0,{}]"), P('y', "{\"\":[]}"), P('y', "[[],[]]"), P('y', "[{},{}]"),
	P('n', "["), P('n', "]"), P('n', "{"), P('n', "}"), P('n', "[1"), P('n', "[1,"), P('n', "[1,]"), P('n', "[,1]"), P('n', "[,]"), P('n', "[1 2]"), P('n', "[1;2]"), P('n', "[1,,2]"), P('n', "[1]]"), P('n', "[1}"), P('n', "{\"a\"]"),
	P('n', "{\"a\"}"), P('n', "{\"a\":}"), P('n', "{:1}"), P('n', "{\"a\":1,}"), P('n', "{,}"), P('n', "{\"a\":1 \"b\":2}"), P('n', "{a:1}"), P('n', "{1:1}"), P('n', "{'a':1}"), P('n', "{\"a\":1:2}"), P('n', "{\"a\",1}"),
	P('n', "{\"a\":1,\"b\"}"), P('n', "{\"a\"::1}"), P('n', "{{}}"), P('n', "{[]:1}"), P('n', "[:]"), P('n', "[\"a\":1]"), P('n', "{\"a\" 1}"), P('n', "{null:1}"), P('n', "[1]x"), P('n', "[1],"), P('n', "{}{}"), P('n', "[][]"), P('n', "{\"a\\x\":1}"),
	P('n', "[1] // x"), P('n', "/* x */1"), P('n', "1 # x"), P('n', "<a/>"), P('n', "[\f1]"), P('n', "[\v1]"), P('n', "\xc2\xa0" "1"), P('n', "\xef\xbb\xbf" "1"), P('n', "[\"a\",\n4\n,1,"), P('n', "[-]"), P('n', "[1.]"), P('n', "[01]"), P('n', "[tru]"),
	P('n', "[\"\\x\"]"), P('n', "{\"a\":\"\\x\"}"), P('n', "[\xff]"), P('n', "*"), P('n', ","), P('n', ":"), P('n', "[1:1]"), P('n', "{\"a\":[}"), P('n', "{\"a\":[}]"), P('n', "[{]}"),
	P('n', "\x00"), P('n', "\x01"), P('n', "\x1b[0m"),
};

/* Whole rows. */
static const struct poison rows[] = {
	P('y', "{}"), P('y', " {} "), P('y', "\t{\n}\r\n"), P('y', "{\"a\":1}"), P('y', "{\"\":0}"), P('y', "{\"\\u0000\":0}"), P('y', "{\"v\":\"x\",\"v\":\"y\"}"), P('y', "{\"\\ud800\":1}"),
	P('n', ""), P('n', " "), P('n', "\n"), P('n', "null"), P('n', "1"), P('n', "\"x\""), P('n', "[]"), P('n', "[{}]"), P('n', "{}}"), P('n', "{}{}"), P('n', "{} {}"), P('n', "{},"), P('n', "{}x"), P('n', "x{}"), P('n', "{} 1"), P('n', "{}\""),
	P('n', "{\"a\":1}}"), P('n', "{\"a\":1}]"), P('n', "{\"a\":1"), P('n', "{\"a\":"), P('n', "{\"a\""), P('n', "{\"a"), P('n', "{\""), P('n', "{"), P('n', "}"), P('n', "{\"a\":1,"), P('n', "{\"a\":1,}"), P('n', "{,\"a\":1}"), P('n', "{\"a\":1,,\"b\":2}"),
	P('n', "\xef\xbb\xbf{}"), P('n', "\xff\xfe{\x00}\x00"), P('n', "{\"a\":1}\x00"), P('n', "\x00{}"), P('n', "{\"a\":1\x00}"), P('n', "{\"\xff\":1}"), P('n', "{} \xff"), P('n', "{\"a\":0} true"), P('n', "{\"v\":\"x\"} \"y\""), P('n', "{'v':1}"), P('n', "{v:1}"),
	P('n', "{\"a\":b}"), P('n', "{\"a\" b}"), P('n', "{\"a\":\"a\" 123}"), P('n', "{\"a\":/*x*/1}"), P('n', "{\"a\":1/*"), P('n', "{\"id\":0,,,,,}"), P('n', "{\"a\":true} \"x\""), P('n', "{\"x\", null}"), P('n', "{\"x\"::\"b\"}"), P('n', "{\"a\":\"b\"}/**/"), P('n', "{\"a\":\"b\"}#"),
};

static void judge(struct fx *f, struct spk_decoder *d, const struct poison *p, const char *before, const char *after)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	size_t n = strlen(before), m = strlen(after), size = n + p->size + m;
	char *row = spk_arena_alloc(arena, size + 1);
	const char *text = row;
	bool taken;

	memcpy(row, before, n);
	memcpy(row + n, p->text, p->size);
	memcpy(row + n + p->size, after, m + 1);
	REQUIRE_OK(fx_decode_with(f, d, fx_raw(arena, &text, &size, 1), 1), f->err);
	taken = f->errors.count == 0;
	if (p->kind != 'i' && taken != (p->kind == 'y'))
		CHECK_EQ_STR(row, taken ? "(taken)" : fx_row(f, 0));
	else
		CHECK(true);
	/* What is said of it can be printed. */
	for (const char *c = taken ? "" : f->errors.list[0].message; *c; c++)
		if ((uint8_t)*c < 32) {
			CHECK_EQ_STR(row, f->errors.list[0].message);
			break;
		}
	spk_arena_unref(arena);
}

static void each_case(const struct poison *list, size_t count, const char *const (*frame)[2], size_t frames)
{
	struct spk_decoder *d;
	struct fx f;

	fx_open(&f, "v text, other bigint");
	REQUIRE_OK(spk_format_json.decoder_open(&d, &f.spec, &f.err), f.err);
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < frames; k++)
			judge(&f, d, &list[i], frame[k][0], frame[k][1]);
	spk_format_json.decoder_close(d);
	fx_close(&f);
}

static void values_read_and_skipped(void)
{
	static const char *const frame[][2] = {
		{ "{\"v\":", "}" }, { "{\"skipped\":", "}" }, { "{\"skipped\":[", "]}" }, { "{\"v\":{\"deep\":", "},\"other\":1}" }, { "{\"other\":1,\"v\":", ",\"w\":\"z\"}" }, { "{\"skipped\" : ", " , \"v\" : 1 } " },
	};

	each_case(values, SPK_COUNT_OF(values), frame, SPK_COUNT_OF(frame));
}

static void whole_rows(void)
{
	static const char *const frame[][2] = { { "", "" }, { " ", "" }, { "", " \t" }, { "\n", "\r\n" } };

	each_case(rows, SPK_COUNT_OF(rows), frame, SPK_COUNT_OF(frame));
}

/* Every beginning of a good row is bad, wherever it is cut. */
static void rows_cut_off(void)
{
	static const char whole[] = "{\"v\":\"a\\u00e9b\",\"other\":-12,\"x\":[1.5e3,{\"y\":null,\"z\":[true,false]}],\"long\":\"0123456789012345678901234567890123456789\"}";
	struct spk_decoder *d;
	struct fx f;

	fx_open(&f, "v text, other bigint");
	REQUIRE_OK(spk_format_json.decoder_open(&d, &f.spec, &f.err), f.err);
	for (size_t n = 0; n < sizeof(whole); n++) {
		struct poison p = { n == sizeof(whole) - 1 ? 'y' : 'n', whole, n };

		judge(&f, d, &p, "", "");
	}
	spk_format_json.decoder_close(d);
	fx_close(&f);
}

/* A member's value of `depth` containers, one in the other, in the row's own object. */
static const char *nested(struct fx *f, const char *open, const char *inner, const char *close, int depth)
{
	size_t n = strlen(open), m = strlen(close);
	char *text = spk_arena_alloc(f->arena, (n + m) * (size_t)depth + 64), *p = text + sprintf(text, "{\"v\":");

	for (int i = 0; i < depth; i++, p += n)
		memcpy(p, open, n);
	p += sprintf(p, "%s", inner);
	for (int i = 0; i < depth; i++, p += m)
		memcpy(p, close, m);
	strcpy(p, "}");
	return text;
}

static void nesting_has_a_limit(void)
{
	static const char *const kinds[][2] = { { "[", "]" }, { "{\"a\":", "}" }, { "[{\"a\":[1,2],\"b\":", "}]" } };
	struct fx f;

	for (size_t i = 0; i < SPK_COUNT_OF(kinds); i++) {
		int per = i == 2 ? 2 : 1;

		fx_open(&f, "v text");
		CHECK(fx_one(&f, &spk_format_json, nested(&f, kinds[i][0], "1", kinds[i][1], 126 / per))[0] != '!');
		CHECK_HOLDS(fx_one(&f, &spk_format_json, nested(&f, kinds[i][0], "1", kinds[i][1], 128)), "nested deeper than 128");
		CHECK_HOLDS(fx_one(&f, &spk_format_json, nested(&f, kinds[i][0], "1", kinds[i][1], 100000)), "nested deeper than 128");
		CHECK(fx_one(&f, &spk_format_json, nested(&f, kinds[i][0], "", "", 100000))[0] == '!');
		fx_want(&f, "");
		CHECK_HOLDS(fx_one(&f, &spk_format_json, nested(&f, kinds[i][0], "1", kinds[i][1], 128)), "nested deeper than 128");
		fx_close(&f);
	}
	fx_open(&f, "v text");
	CHECK(fx_one(&f, &spk_format_json, nested(&f, "[", "", "]", 127))[0] == '[');
	CHECK(fx_one(&f, &spk_format_json, nested(&f, "[", "", "]", 128))[0] == '!');
	fx_close(&f);
}

/* A bad row between good ones takes nothing with it. */
static void neighbours_stay_whole(void)
{
	enum { N = 301 };
	static const char *bad[] = { "{\"v\":\"", "{", "", "{\"v\":1e", "\xff", "[[[", "{\"v\":\"a\"}}" };
	const char *row[N];
	struct fx f;

	fx_open(&f, "v text, other bigint");
	for (int i = 0; i < N; i++)
		row[i] = i % 3 ? spk_arena_printf(f.arena, "{\"other\":%d,\"v\":\"row %d of many\"}", i, i) : bad[i / 3 % 7];
	fx_decode(&f, &spk_format_json, row, NULL, N);
	CHECK_EQ_INT(f.errors.count, (N + 2) / 3);
	for (int i = 0; i < N; i++) {
		if (i % 3)
			CHECK_EQ_STR(fx_row(&f, i), spk_arena_printf(f.arena, "row %d of many|%d", i, i));
		else
			CHECK(fx_error(&f, i) != NULL && spk_vector_is_null(&f.batch->column[0], i) && spk_vector_is_null(&f.batch->column[1], i));
	}
	fx_close(&f);
}

SPK_TEST_SUITE("json poison",
	{ "values, read and skipped", values_read_and_skipped },
	{ "whole rows", whole_rows },
	{ "rows cut off", rows_cut_off },
	{ "nesting has a limit", nesting_has_a_limit },
	{ "neighbours stay whole", neighbours_stay_whole })
