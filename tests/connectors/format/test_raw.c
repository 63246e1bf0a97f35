/* The format raw over numbers: their bytes in both orders, NULL as no bytes, and where they cannot be. */
#include "tests/connectors/fixture.h"

static void open_column(struct fx *f, const char *type, const char *order)
{
	char *column = spk_test_format("v %s", type);

	fx_open(f, column);
	fx_option(f, "connector", "kafka");
	if (order)
		fx_option(f, "raw.endianness", order);
	free(column);
}

static void numbers_come_back(void)
{
	static const struct { const char *type, *order, *bytes; size_t size; const char *want; } cases[] = {
		{ "boolean", NULL, "\1", 1, "true" }, { "boolean", NULL, "\0", 1, "false" }, { "smallint", NULL, "\1\2", 2, "258" }, { "smallint", "little-endian", "\1\2", 2, "513" },
		{ "integer", "big-endian", "\xff\xff\xff\xfe", 4, "-2" }, { "integer", "little-endian", "\xfe\xff\xff\xff", 4, "-2" }, { "bigint", NULL, "\0\0\0\0\0\0\1\0", 8, "256" },
		{ "real", NULL, "\x3f\xc0\0\0", 4, "1.5" }, { "double precision", "little-endian", "\0\0\0\0\0\0\xf8\x3f", 8, "1.5" }, { "bigint", NULL, "", 0, "NULL" }, { "text", NULL, "", 0, "" },
		{ "text", NULL, "\xc3\xa9", 2, "\xc3\xa9" }, { "text", NULL, "\xff", 1, "!the value is not UTF-8 text" }, { "bigint", NULL, "1234567", 7, "!the value has another number of bytes than its type" },
		{ "boolean", NULL, "\1\1", 2, "!the value has another number of bytes than its type" },
	};

	for (size_t i = 0; i < SPK_COUNT_OF(cases); i++) {
		struct spk_buffer out = { 0 };
		struct spk_encoder *e;
		uint32_t end;
		struct fx f;

		open_column(&f, cases[i].type, cases[i].order);
		fx_decode(&f, &spk_format_raw, &cases[i].bytes, &cases[i].size, 1);
		CHECK_EQ_STR(fx_row(&f, 0), cases[i].want);
		if (*cases[i].want != '!') {
			REQUIRE_OK(spk_format_raw.encoder_open(&e, &f.spec, &f.err), f.err);
			REQUIRE_OK(spk_format_raw.encode(e, f.batch, &out, &end, &f.err), f.err);
			CHECK_EQ_INT(end, cases[i].size);
			CHECK(end == 0 || memcmp(out.data, cases[i].bytes, end) == 0);
			spk_format_raw.encoder_close(e);
			spk_buffer_release(&out);
		}
		fx_close(&f);
	}
}

static void where_they_cannot_be(void)
{
	static const struct { const char *columns, *connector, *hint; } cases[] = {
		{ "v bigint", "filesystem", "numbers are for messages" }, { "v date", "kafka", "of a message also boolean, smallint" }, { "v text, w text", "kafka", "" }, { "v text[]", "kafka", "of a message also" },
	};

	for (size_t i = 0; i < SPK_COUNT_OF(cases); i++) {
		struct spk_decoder *d;
		struct spk_encoder *e;
		struct fx f;

		fx_open(&f, cases[i].columns);
		fx_option(&f, "connector", cases[i].connector);
		CHECK_FAILS(spk_format_raw.decoder_open(&d, &f.spec, &f.err), SPK_USAGE, f.err);
		CHECK_HOLDS(f.err.message, "needs one column of type text, bytea, json or jsonb");
		CHECK_HOLDS(f.err.hint, cases[i].hint);
		CHECK_FAILS(spk_format_raw.encoder_open(&e, &f.spec, &f.err), SPK_USAGE, f.err);
		fx_close(&f);
	}
}

SPK_TEST_SUITE("raw", { "numbers come back", numbers_come_back }, { "where they cannot be", where_they_cannot_be })
