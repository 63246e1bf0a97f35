/*
 * Avro: schemas and what is wrong with them, what a writer's schema means for columns, every kind of value, data that are torn, and what was
 * written coming back. Bytes are put together by hand from the specification; tests/integration/test_avro.py has another implementation write and read.
 */
#include "connectors/format/avro.h"
#include "tests/connectors/fixture.h"

/* "02 61" to bytes. */
static size_t from_hex(const char *hex, char *out)
{
	size_t n = 0;

	for (; *hex; hex++) {
		unsigned v;

		if (*hex == ' ')
			continue;
		REQUIRE(sscanf(hex, "%2x", &v) == 1);
		out[n++] = (char)v;
		hex++;
	}
	return n;
}

/* --- a datum of a writer's schema, read by a table --- */

static spk_status resolve(struct fx *f, const char *writer, const char *reader, struct spk_avro_reader *r, const struct spk_avro_program **out)
{
	const struct spk_avro_type *type;
	struct spk_format_column *column;

	*r = (struct spk_avro_reader){ 0 };
	REQUIRE_OK(spk_format_columns(&f->spec, f->arena, &column, &r->columns, &r->skip, &f->err), f->err);
	r->column = column;
	REQUIRE_OK(spk_avro_parse(f->arena, writer, strlen(writer), &type, &f->err), f->err);
	if (reader)
		REQUIRE_OK(spk_avro_parse(f->arena, reader, strlen(reader), &r->schema, &f->err), f->err);
	return spk_avro_resolve(f->arena, type, r, out, &f->err);
}

/* Row `row` of f->batch, which has been made. */
static void read_datum(struct fx *f, const struct spk_avro_program *p, const struct spk_avro_reader *r, const char *hex, int row)
{
	struct spk_cells c = { .arena = f->batch->arena, .what = "field" };
	char bytes[4096];
	size_t size = from_hex(hex, bytes);
	const char *text = bytes;
	struct spk_view *raw = fx_raw(f->batch->arena, &text, &size, 1);
	struct spk_wire in = spk_cells_row(&c, raw);
	spk_status status = spk_avro_read(p, &c, &in, f->batch, row, &f->err);

	if (status == SPK_DATA)
		REQUIRE_OK(spk_cells_row_failed(&c, f->batch, row, r->skip, &f->errors, &f->err), f->err);
	else
		REQUIRE_OK(status, f->err);
	spk_cells_release(&c);
}

static void new_batch(struct fx *f, const struct spk_avro_reader *r, int rows)
{
	spk_batch_unref(f->batch);
	f->errors = (struct spk_row_errors){ 0 };
	REQUIRE_OK(spk_batch_new(&f->batch, f->spec.schema, NULL, &f->err), f->err);
	REQUIRE_OK(spk_cells_init_columns(f->batch, rows, r->skip, &f->err), f->err);
}

/* What a table of these columns has for one datum; "?" and the reason when the schemas do not fit. */
static void reads(const char *writer, const char *reader, const char *columns, const char *hex, const char *want)
{
	const struct spk_avro_program *p;
	struct spk_avro_reader r;
	struct fx f;

	fx_open(&f, columns);
	if (resolve(&f, writer, reader, &r, &p) != SPK_OK) {
		CHECK(f.err.code == SPK_DATA);
		CHECK(*want == '?');
		CHECK_HOLDS(f.err.message, want + 1);
	} else {
		new_batch(&f, &r, 1);
		read_datum(&f, p, &r, hex, 0);
		if (*want == '~')
			CHECK_HOLDS(fx_row(&f, 0), want + 1);
		else
			CHECK_EQ_STR(fx_row(&f, 0), want);
	}
	fx_close(&f);
}

/* A record of one field x. */
static void reads_value(const char *type, const char *column, const char *hex, const char *want)
{
	char *schema = spk_test_format("{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"x\",\"type\":%s}]}", type), *columns = spk_test_format("x %s", column);

	reads(schema, NULL, columns, hex, want);
	free(schema);
	free(columns);
}

#define LOGICAL(type, name) "{\"type\":\"" type "\",\"logicalType\":\"" name "\"}"

static void scalars(void)
{
	static const char *const cases[][4] = {
		{ "\"boolean\"", "boolean", "01", "true" }, { "\"boolean\"", "boolean", "00", "false" }, { "\"boolean\"", "boolean", "02", "!field \"x\": found 2, expected boolean: a boolean is a byte 0 or 1" },
		{ "\"int\"", "integer", "00", "0" }, { "\"int\"", "integer", "01", "-1" }, { "\"int\"", "integer", "fe ff ff ff 0f", "2147483647" }, { "\"int\"", "integer", "ff ff ff ff 0f", "-2147483648" },
		{ "\"int\"", "integer", "80 80 80 80 10", "~ends before its schema does, or holds a number that is too long" },
		{ "\"int\"", "bigint", "80 80 80 80 10", "~too long" }, { "\"int\"", "bigint", "7f", "-64" }, { "\"int\"", "smallint", "fe ff 03", "32767" },
		{ "\"int\"", "smallint", "80 80 04", "!field \"x\": found 32768, expected smallint: out of range" },
		{ "\"long\"", "bigint", "fe ff ff ff ff ff ff ff ff 01", "9223372036854775807" }, { "\"long\"", "bigint", "ff ff ff ff ff ff ff ff ff 01", "-9223372036854775808" },
		{ "\"long\"", "bigint", "ff ff ff ff ff ff ff ff ff 02", "~too long" }, { "\"long\"", "bigint", "ff ff ff ff ff ff ff ff ff ff 01", "~too long" }, { "\"long\"", "bigint", "ff", "~ends before" },
		{ "\"float\"", "real", "00 00 c0 3f", "1.5" }, { "\"double\"", "double precision", "00 00 00 00 00 00 f8 7f", "NaN" }, { "\"double\"", "double precision", "00 00 00", "~ends before" },
		{ "\"string\"", "text", "06 66 6f 6f", "foo" }, { "\"string\"", "text", "00", "" }, { "\"string\"", "text", "06 66 6f", "~ends before" }, { "\"string\"", "text", "05 66 6f", "~ends before" },
		{ "\"string\"", "text", "02 ff", "!field \"x\": expected text: not UTF-8 text" }, { "\"string\"", "text", "02 00", "!field \"x\": expected text: a byte 0 cannot be in a text" },
		{ "\"string\"", "varchar(2)", "06 66 6f 6f", "!field \"x\": found foo, expected character varying(2): too long" }, { "\"string\"", "varchar(2)", "06 66 6f 20", "fo" },
		{ "\"bytes\"", "bytea", "04 61 62", "ab" }, { "{\"type\":\"fixed\",\"name\":\"f\",\"size\":3}", "bytea", "61 62 63", "abc" },
		{ "{\"type\":\"fixed\",\"name\":\"f\",\"size\":3}", "bytea", "61 62", "~ends before" },
		{ "{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"A\",\"LONGER_THAN_TWELVE\"]}", "text", "02", "LONGER_THAN_TWELVE" },
		{ "{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"A\",\"B\"]}", "text", "04", "!the Avro datum names symbol 2 of enum e, which has 2" },
		{ "{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"A\",\"BCD\"]}", "varchar(1)", "02", "~too long" },
		{ "[\"null\",\"long\"]", "bigint", "00", "NULL" }, { "[\"null\",\"long\"]", "bigint", "02 02", "1" }, { "[\"long\",\"null\"]", "bigint", "02", "NULL" },
		{ "[\"null\",\"long\"]", "bigint", "04", "!the Avro datum names branch 2 of a union that has 2" }, { "\"null\"", "bigint", "", "NULL" },
		{ "[\"int\",\"long\",\"string\"]", "bigint", "02 06", "3" }, { "[\"int\",\"string\"]", "bigint", "02 02 61", "!field \"x\" is string, which cannot be read as bigint" },
		{ "\"long\"", "bigint", "02 00", "!1 bytes are left behind the Avro datum: it was written with another schema" },
	};

	for (size_t i = 0; i < SPK_COUNT_OF(cases); i++)
		reads_value(cases[i][0], cases[i][1], cases[i][2], cases[i][3]);
}

static void logical_types(void)
{
	static const char *const cases[][4] = {
		{ LOGICAL("int", "date"), "date", "80 a6 02", "2021-07-08" }, { LOGICAL("int", "time-millis"), "time", "02", "00:00:00.001" },
		{ LOGICAL("long", "time-micros"), "time", "02", "00:00:00.000001" }, { LOGICAL("long", "time-micros"), "time", "01", "!field \"x\": found -1, expected time without time zone: out of range" },
		{ LOGICAL("long", "timestamp-millis"), "timestamp", "01", "1969-12-31 23:59:59.999" }, { LOGICAL("long", "timestamp-micros"), "timestamptz", "02", "1970-01-01 00:00:00.000001+00" },
		{ LOGICAL("long", "timestamp-nanos"), "timestamp", "d0 0f", "1970-01-01 00:00:00.000001" }, { LOGICAL("long", "timestamp-nanos"), "timestamp", "01", "1969-12-31 23:59:59.999999" },
		{ LOGICAL("long", "local-timestamp-millis"), "timestamp", "02", "1970-01-01 00:00:00.001" }, { LOGICAL("long", "local-timestamp-micros"), "timestamp", "02", "1970-01-01 00:00:00.000001" },
		{ LOGICAL("long", "local-timestamp-nanos"), "timestamp", "d0 0f", "1970-01-01 00:00:00.000001" },
		{ LOGICAL("long", "timestamp-millis"), "timestamp", "fe ff ff ff ff ff ff ff ff 01", "~out of range" }, { LOGICAL("long", "timestamp-millis"), "bigint", "02", "1" },
		{ LOGICAL("string", "uuid"), "text", "02 61", "a" }, { LOGICAL("int", "date"), "integer", "02", "1" }, { LOGICAL("string", "date"), "text", "02 61", "a" },
		{ "{\"type\":\"fixed\",\"name\":\"u\",\"size\":16,\"logicalType\":\"uuid\"}", "text", "00112233445566778899aabbccddeeff", "00112233-4455-6677-8899-aabbccddeeff" },
		{ "{\"type\":\"fixed\",\"name\":\"u\",\"size\":12,\"logicalType\":\"duration\"}", "interval", "0d000000 02000000 e8030000", "1 year 1 mon 2 days 00:00:01" },
		{ "{\"type\":\"fixed\",\"name\":\"u\",\"size\":12,\"logicalType\":\"duration\"}", "interval", "ffffffff 02000000 e8030000", "~out of range" },
		{ "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":6,\"scale\":2}", "numeric(10,2)", "04 ff 85", "-1.23" },
		{ "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":6,\"scale\":2}", "numeric(10,4)", "02 7b", "1.2300" },
		{ "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":6,\"scale\":2}", "numeric", "02 7b", "1.23" }, { "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":6,\"scale\":2}", "numeric(10,2)", "00", "0.00" },
		{ "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":6,\"scale\":2}", "numeric(3,2)", "04 03 e8", "~out of range" },
		{ "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":6,\"scale\":2}", "numeric(38,2)", "24 00000000000000000000000000000000007b", "1.23" },
		{ "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":6,\"scale\":2}", "numeric(38,2)", "24 01000000000000000000000000000000007b", "~out of range" },
		{ "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":6,\"scale\":2}", "numeric(38,2)", "22 ff00000000000000000000000000000001", "~out of range" },
		{ "{\"type\":\"fixed\",\"name\":\"d\",\"size\":4,\"logicalType\":\"decimal\",\"precision\":6,\"scale\":2}", "numeric(10,2)", "ffffff85", "-1.23" },
		{ "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":6,\"scale\":2}", "numeric(10,1)", "", "?field \"x\" is bytes (decimal), which cannot be read as numeric(10,1)" },
		{ LOGICAL("bytes", "decimal"), "bytea", "02 61", "a" },
	};

	for (size_t i = 0; i < SPK_COUNT_OF(cases); i++)
		reads_value(cases[i][0], cases[i][1], cases[i][2], cases[i][3]);
}

static void promotions(void)
{
	static const char *const cases[][4] = {
		{ "\"int\"", "bigint", "02", "1" }, { "\"int\"", "real", "02", "1" }, { "\"int\"", "double precision", "02", "1" }, { "\"long\"", "real", "02", "1" }, { "\"long\"", "double precision", "02", "1" },
		{ "\"float\"", "double precision", "00 00 c0 3f", "1.5" }, { "\"string\"", "bytea", "02 61", "a" }, { "\"bytes\"", "text", "02 61", "a" }, { "\"bytes\"", "text", "02 ff", "~not UTF-8" },
		{ "\"int\"", "numeric", "02", "1" }, { "\"long\"", "numeric(5,2)", "02", "1.00" }, { "\"long\"", "numeric(5,2)", "d0 0f", "!field \"x\": found 1000, expected numeric(5,2): out of range" },
		{ "\"long\"", "integer", "", "?field \"x\" is long, which cannot be read as integer; declare it bigint" }, { "\"double\"", "real", "", "?declare it double precision" },
		{ "\"double\"", "bigint", "", "?field \"x\" is double, which cannot be read as bigint" }, { "\"string\"", "bigint", "", "?field \"x\" is string" }, { "\"long\"", "text", "", "?field \"x\" is long" },
		{ "\"long\"", "timestamp", "", "?nothing says what it counts" }, { "\"int\"", "date", "", "?nothing says what it counts" }, { LOGICAL("long", "local-timestamp-millis"), "timestamptz", "", "?has no zone" },
		{ LOGICAL("long", "timestamp-millis"), "time", "", "?field \"x\" is long (timestamp-millis)" }, { "{\"type\":\"map\",\"values\":\"long\"}", "text", "", "?field \"x\" is map, which cannot be read as text; declare it jsonb" },
		{ "{\"type\":\"array\",\"items\":\"string\"}", "bigint[]", "", "?field \"x\" is string, which cannot be read as bigint" }, { "\"string\"", "bigint[]", "", "?field \"x\" is string" },
		{ "[\"null\",\"string\"]", "bigint", "", "?field \"x\" is string" }, { "{\"type\":\"fixed\",\"name\":\"f\",\"size\":1}", "text", "", "?field \"x\" is fixed f" },
		{ "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":6,\"scale\":2}", "text", "", "?field \"x\" is bytes (decimal)" },
	};

	for (size_t i = 0; i < SPK_COUNT_OF(cases); i++)
		reads_value(cases[i][0], cases[i][1], cases[i][2], cases[i][3]);
}

static void arrays_and_json(void)
{
	static const char *const cases[][4] = {
		{ "{\"type\":\"array\",\"items\":\"long\"}", "bigint[]", "00", "{}" }, { "{\"type\":\"array\",\"items\":\"long\"}", "bigint[]", "04 02 04 02 06 00", "{1,2,3}" },
		{ "{\"type\":\"array\",\"items\":\"long\"}", "bigint[]", "03 04 02 04 00", "{1,2}" }, { "{\"type\":\"array\",\"items\":[\"null\",\"string\"]}", "text[]", "04 00 02 02 61 00", "{NULL,a}" },
		{ "{\"type\":\"array\",\"items\":\"long\"}", "bigint[]", "02", "~ends before" }, { "{\"type\":\"array\",\"items\":\"long\"}", "bigint[]", "80 80 80 80 80 01 02", "~elements, more than its row can hold" },
		{ "{\"type\":\"array\",\"items\":\"null\"}", "bigint[]", "04 00", "{NULL,NULL}" }, { "{\"type\":\"array\",\"items\":\"null\"}", "bigint[]", "80 80 80 01 00", "~more than its row can hold" },
		{ "{\"type\":\"array\",\"items\":\"long\"}", "bigint[]", "ff ff ff ff ff ff ff ff ff 01 00", "~ends before" },
		{ "{\"type\":\"map\",\"values\":\"int\"}", "jsonb", "04 04 62 62 02 02 61 04 00", "{\"a\": 2, \"bb\": 1}" }, { "{\"type\":\"map\",\"values\":\"int\"}", "jsonb", "00", "{}" },
		{ "[\"null\",{\"type\":\"map\",\"values\":\"int\"}]", "jsonb", "00", "NULL" }, { "[\"null\",{\"type\":\"map\",\"values\":[\"null\",\"int\"]}]", "jsonb", "02 02 02 61 00 00", "{\"a\": null}" },
		{ "[\"string\",\"int\"]", "jsonb", "00 04 22 5c", "\"\\\"\\\\\"" }, { "[\"string\",\"int\"]", "jsonb", "02 04", "2" },
		{ "\"string\"", "jsonb", "0e 7b 22 61 22 3a 31 7d", "{\"a\": 1}" }, { "[\"null\",\"string\"]", "json", "02 06 5b 31 5d", "[1]" }, { "\"string\"", "json", "02 5b", "!field \"x\": expected json: invalid input syntax for type json" },
		{ "[\"null\",\"string\",\"int\"]", "jsonb", "02 02 61", "\"a\"" }, { "[\"null\",\"string\",\"int\"]", "jsonb", "00", "NULL" }, { "\"string\"", "jsonb", "02 61", "~invalid input syntax for type json" },
		 { "{\"type\":\"array\",\"items\":\"boolean\"}", "json", "04 01 00 00", "[true,false]" },
		{ "{\"type\":\"record\",\"name\":\"n\",\"fields\":[{\"name\":\"a\",\"type\":\"double\"},{\"name\":\"b\",\"type\":\"float\"}]}", "jsonb", "00 00 00 00 00 00 f8 3f 00 00 80 7f", "{\"a\": 1.5, \"b\": \"Infinity\"}" },
		{ "{\"type\":\"record\",\"name\":\"n\",\"fields\":[]}", "jsonb", "", "{}" }, { "\"bytes\"", "jsonb", "04 00 ff", "\"AP8=\"" }, { "\"string\"", "jsonb", "02 ff", "~not UTF-8" },
		{ LOGICAL("long", "timestamp-millis"), "jsonb", "02", "\"1970-01-01 00:00:00.001+00\"" }, { LOGICAL("long", "local-timestamp-micros"), "jsonb", "02", "\"1970-01-01 00:00:00.000001\"" },
		{ LOGICAL("int", "date"), "jsonb", "02", "\"1970-01-02\"" }, { LOGICAL("int", "time-millis"), "jsonb", "02", "\"00:00:00.001\"" }, { LOGICAL("int", "time-millis"), "jsonb", "01", "-1" },
		{ "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":6,\"scale\":2}", "jsonb", "02 7b", "1.23" },
		{ "{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"A\"]}", "jsonb", "00", "\"A\"" }, { "\"boolean\"", "jsonb", "02", "~ends before" },
		{ "{\"type\":\"record\",\"name\":\"l\",\"fields\":[{\"name\":\"v\",\"type\":\"int\"},{\"name\":\"next\",\"type\":[\"null\",\"l\"]}]}", "jsonb", "02 02 04 00", "{\"v\": 1, \"next\": {\"v\": 2, \"next\": null}}" },
	};
	char deep[2 * 300 + 1];

	for (size_t i = 0; i < SPK_COUNT_OF(cases); i++)
		reads_value(cases[i][0], cases[i][1], cases[i][2], cases[i][3]);
	/* A list of 300 links, read and skipped. */
	memset(deep, 0, sizeof(deep));
	for (int i = 0; i < 300; i++)
		memcpy(deep + 2 * i, "02", 2);
	reads_value("{\"type\":\"record\",\"name\":\"l\",\"fields\":[{\"name\":\"next\",\"type\":[\"null\",\"l\"]}]}", "jsonb", deep, "!the Avro datum is nested more than 128 deep");
	reads("{\"type\":\"record\",\"name\":\"l\",\"fields\":[{\"name\":\"next\",\"type\":[\"null\",\"l\"]}]}", NULL, "y bigint", deep, "!the Avro datum is nested more than 128 deep");
}

/* --- evolution --- */

#define RECORD(fields) "{\"type\":\"record\",\"name\":\"r\",\"fields\":[" fields "]}"
#define FIELD(name, type) "{\"name\":\"" name "\",\"type\":" type "}"

static void fields_come_and_go(void)
{
	/* Another order, a field more, a field less. */
	reads(RECORD(FIELD("b", "\"string\"") "," FIELD("gone", "{\"type\":\"array\",\"items\":{\"type\":\"map\",\"values\":\"long\"}}") "," FIELD("a", "\"long\"")), NULL, "a bigint, b text, c text",
	      "02 78 02 02 02 6b 04 00 00 0e", "7|x|NULL");
	/* Names without regard to case, where only one fits. */
	reads(RECORD(FIELD("userId", "\"long\"")), NULL, "userid bigint", "02", "1");
	reads(RECORD(FIELD("Id", "\"long\"") "," FIELD("ID", "\"long\"")), NULL, "id bigint", "02 04", "NULL");
	reads(RECORD(FIELD("Id", "\"long\"") "," FIELD("id", "\"long\"")), NULL, "id bigint", "02 04", "2");
	reads(RECORD(FIELD("a", "\"long\"")), NULL, "a bigint, A bigint", "02", "?is meant by two columns");
	/* By the reader's schema: an alias, a default, null as a default. */
	reads(RECORD(FIELD("old", "\"long\"")), RECORD("{\"name\":\"a\",\"type\":\"long\",\"aliases\":[\"older\",\"old\"]}"), "a bigint", "02", "1");
	reads(RECORD(FIELD("z", "\"long\"")), RECORD("{\"name\":\"a\",\"type\":[\"null\",\"long\"],\"default\":null},{\"name\":\"b\",\"type\":\"string\",\"default\":\"none\"},"
	      "{\"name\":\"c\",\"type\":{\"type\":\"array\",\"items\":\"int\"},\"default\":[1,2]},{\"name\":\"d\",\"type\":\"bytes\",\"default\":\"\\u0000\\u00ff\"},{\"name\":\"e\",\"type\":{\"type\":\"int\",\"logicalType\":\"date\"},\"default\":1},"
	      "{\"name\":\"f\",\"type\":\"boolean\",\"default\":true},{\"name\":\"g\",\"type\":\"double\",\"default\":1.5},{\"name\":\"h\",\"type\":{\"type\":\"map\",\"values\":\"int\"},\"default\":{\"k\":1}},"
	      "{\"name\":\"i\",\"type\":{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"A\",\"B\"]},\"default\":\"B\"},{\"name\":\"j\",\"type\":{\"type\":\"record\",\"name\":\"n\",\"fields\":[{\"name\":\"p\",\"type\":\"int\",\"default\":3}]},\"default\":{}}"),
	      "a bigint, b text, c integer[], e date, f boolean, g double precision, h jsonb, i text, j jsonb", "02", "NULL|none|{1,2}|1970-01-02|true|1.5|{\"k\": 1}|B|{\"p\": 3}");
	/* The reader's logical type counts where the writer has none. */
	reads(RECORD(FIELD("a", "\"long\"")), RECORD(FIELD("a", LOGICAL("long", "timestamp-millis"))), "a timestamp", "02", "1970-01-01 00:00:00.001");
	reads(RECORD(FIELD("a", LOGICAL("long", "timestamp-micros"))), RECORD(FIELD("a", LOGICAL("long", "timestamp-millis"))), "a timestamp", "02", "1970-01-01 00:00:00.000001");
	reads(RECORD(FIELD("z", "\"long\"")), RECORD("{\"name\":\"a\",\"type\":\"long\",\"default\":\"x\"}"), "a bigint", "02", "?the default \"x\" is no value of type long");
	/* The row in a union, and a datum that is no record. */
	reads("[\"null\"," RECORD(FIELD("a", "\"long\"")) "]", NULL, "a bigint, b text", "02 02", "1|NULL");
	reads("[\"null\"," RECORD(FIELD("a", "\"long\"")) "]", NULL, "a bigint, b text", "00", "NULL|NULL");
	reads("\"string\"", NULL, "k text", "02 61", "a");
	reads("[\"null\",\"string\"]", NULL, "k text", "00", "NULL");
	reads("\"string\"", NULL, "k text, l text", "", "?the schema is string and no record of columns");
}

/* A row that fails in the middle of an array leaves the rows after it as they are. */
static void failed_rows_leave_no_trace(void)
{
	const char *writer = RECORD(FIELD("a", "{\"type\":\"array\",\"items\":[\"null\",\"string\"]}") "," FIELD("b", "\"int\""));
	const struct spk_avro_program *p;
	struct spk_avro_reader r;
	struct fx f;

	fx_open(&f, "a text[], b smallint");
	REQUIRE_OK(resolve(&f, writer, NULL, &r, &p), f.err);
	new_batch(&f, &r, 4);
	read_datum(&f, p, &r, "02 02 02 78 00 02", 0);
	read_datum(&f, p, &r, "04 00 00 00 80 80 04", 1);           /* b does not fit */
	read_datum(&f, p, &r, "04 02 02 79 02 02 7a 00 04", 2);
	read_datum(&f, p, &r, "06 00 02 02", 3);                     /* torn */
	CHECK_EQ_STR(fx_row(&f, 0), "{x}|1");
	CHECK_EQ_STR(fx_row(&f, 1), "!field \"b\": found 32768, expected smallint: out of range");
	CHECK_EQ_STR(fx_row(&f, 2), "{y,z}|2");
	CHECK_HOLDS(fx_row(&f, 3), "ends before");
	CHECK(spk_vector_is_null(&f.batch->column[0], 1) && spk_vector_is_null(&f.batch->column[0], 3) && spk_vector_is_null(&f.batch->column[1], 1));
	fx_close(&f);
}

static void unread_columns_are_resolved_and_checked(void)
{
	const struct spk_avro_program *p;
	struct spk_avro_reader r;
	struct fx f;

	fx_open(&f, "a bigint, b text, c bigint");
	fx_want(&f, "a");
	REQUIRE_OK(resolve(&f, RECORD(FIELD("a", "\"long\"") "," FIELD("b", "\"string\"")), NULL, &r, &p), f.err);
	new_batch(&f, &r, 2);
	read_datum(&f, p, &r, "02 02 61", 0);
	read_datum(&f, p, &r, "02 02 ff", 1);
	CHECK_EQ_STR(fx_row(&f, 0), "1");
	CHECK_EQ_STR(fx_row(&f, 1), "!a string of the Avro datum is not UTF-8 text, or holds a byte 0");
	CHECK_FAILS(resolve(&f, RECORD(FIELD("a", "\"long\"") "," FIELD("c", "\"string\"")), NULL, &r, &p), SPK_DATA, f.err);
	CHECK_HOLDS(f.err.message, "field \"c\" is string");
	fx_close(&f);
}

/* --- records in records --- */

static struct spk_field address_field[] = { { "street", { .id = SPK_TYPE_TEXT }, true }, { "tags", { 0 }, true }, { "new", { .id = SPK_TYPE_INTEGER }, true } };
static const struct spk_schema address = { 3, address_field };

static void open_with_record(struct fx *f)
{
	fx_open(f, "id bigint, a text, l text");
	address_field[1].type = spk_type_array(SPK_TYPE_INTEGER);
	f->field[1].type = (struct spk_type){ .id = SPK_TYPE_ROW, .children = &address };
	REQUIRE_OK(spk_type_array_of(f->arena, f->field[1].type, &f->field[2].type, &f->err), f->err);
	fx_want(f, "*");
}

static void records(void)
{
	const char *inner = "{\"type\":\"record\",\"name\":\"addr\",\"fields\":[{\"name\":\"tags\",\"type\":{\"type\":\"array\",\"items\":\"int\"}},{\"name\":\"extra\",\"type\":\"string\"},{\"name\":\"street\",\"type\":\"string\"}]}";
	char *writer = spk_test_format("{\"type\":\"record\",\"name\":\"r\",\"namespace\":\"n\",\"fields\":[{\"name\":\"id\",\"type\":\"long\"},{\"name\":\"a\",\"type\":[\"null\",%s]},"
	                               "{\"name\":\"l\",\"type\":{\"type\":\"array\",\"items\":[\"null\",\"n.addr\"]}}]}", inner);
	const struct spk_avro_program *p;
	struct spk_avro_reader r;
	struct fx f;

	open_with_record(&f);
	REQUIRE_OK(resolve(&f, writer, NULL, &r, &p), f.err);
	new_batch(&f, &r, 3);
	read_datum(&f, p, &r, "02  02 04 02 04 00 02 7a 04 6d 61   04 02 00 02 65 02 73 00 00", 0);
	read_datum(&f, p, &r, "04  00  00", 1);
	read_datum(&f, p, &r, "06  02 00 02 7a 02 71  02 02 02 0e 00 00 02 77 00", 2);
	CHECK_EQ_STR(fx_row(&f, 0), "1|(ma,\"{1,2}\",)|{\"(s,{},)\",NULL}");
	CHECK_EQ_STR(fx_row(&f, 1), "2|NULL|{}");
	CHECK_EQ_STR(fx_row(&f, 2), "3|(q,{},)|{\"(w,{7},)\"}");
	fx_close(&f);
	free(writer);
}

/* --- schemas --- */

static void schemas_that_are_none(void)
{
	static const char *const cases[][2] = {
		{ "{", "not JSON, line 1" }, { "\"strin\"", "a type that is not defined in \"strin\"" }, { "{\"type\":\"strin\"}", "not defined" }, { "42", "should be a name, an object or a list" },
		{ "{}", "should be a name" }, { RECORD("{\"name\":\"a\"}"), "field \"a\": Avro schema: a type is missing" }, { RECORD("{\"type\":\"long\"}"), "a field needs a name" }, { RECORD("{\"name\":\"a b\",\"type\":\"long\"}"), "a field needs a name" },
		{ RECORD(FIELD("a", "\"long\"") "," FIELD("a", "\"int\"")), "a field comes twice" }, { "{\"type\":\"record\",\"fields\":[]}", "needs a name" }, { "{\"type\":\"record\",\"name\":\"r\"}", "has no fields" },
		{ "{\"type\":\"record\",\"name\":\"r..s\",\"fields\":[]}", "needs a name" }, { RECORD(FIELD("a", "{\"type\":\"fixed\",\"name\":\"r\",\"size\":1}")), "a name is defined twice" },
		{ "{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[]}", "an enum has no symbols" }, { "{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[1]}", "holds something else" },
		{ "{\"type\":\"fixed\",\"name\":\"f\"}", "a fixed needs a size" }, { "{\"type\":\"fixed\",\"name\":\"f\",\"size\":-1}", "a fixed needs a size" }, { "[]", "a union has no branches" }, { "[\"null\",[\"int\"]]", "a union directly in a union" },
		{ "{\"type\":\"array\"}", "a type is missing" },
	};
	struct spk_arena *arena = spk_arena_new(NULL);
	const struct spk_avro_type *type;
	spk_error err = { 0 };
	char deep[70 * 25 + 8] = "\"int\"";

	for (size_t i = 0; i < SPK_COUNT_OF(cases); i++) {
		CHECK_FAILS(spk_avro_parse(arena, cases[i][0], strlen(cases[i][0]), &type, &err), SPK_DATA, err);
		CHECK_HOLDS(err.message, cases[i][1]);
	}
	for (int i = 0; i < 66; i++) {
		char *longer = spk_test_format("{\"type\":\"array\",\"items\":%s}", deep);

		snprintf(deep, sizeof(deep), "%s", longer);
		free(longer);
	}
	CHECK_FAILS(spk_avro_parse(arena, deep, strlen(deep), &type, &err), SPK_DATA, err);
	spk_arena_unref(arena);
}

static const char *derived(struct fx *f, bool local)
{
	struct spk_buffer out = { 0 };
	const char *text;

	if (spk_avro_derive(&f->schema, local, "t", &out, &f->err) != SPK_OK)
		text = "";
	else
		text = spk_arena_strndup(f->arena, out.data, out.size);
	spk_buffer_release(&out);
	return text;
}

static void schemas_of_columns(void)
{
	struct fx f;

	fx_open(&f, "a bigint, b numeric(10,2), c timestamp(3), d text[], e timestamptz");
	f.field[0].nullable = false;
	f.field[2].type.precision = 3;
	CHECK_EQ_STR(derived(&f, true), "{\"type\":\"record\",\"name\":\"record\",\"namespace\":\"org.apache.flink.avro.generated\",\"fields\":[{\"name\":\"a\",\"type\":\"long\"},"
	             "{\"name\":\"b\",\"type\":[\"null\",{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":10,\"scale\":2}],\"default\":null},"
	             "{\"name\":\"c\",\"type\":[\"null\",{\"type\":\"long\",\"logicalType\":\"local-timestamp-millis\"}],\"default\":null},"
	             "{\"name\":\"d\",\"type\":[\"null\",{\"type\":\"array\",\"items\":[\"null\",\"string\"]}],\"default\":null},"
	             "{\"name\":\"e\",\"type\":[\"null\",{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}],\"default\":null}]}");
	fx_close(&f);
	open_with_record(&f);
	f.schema.count = 2;
	CHECK_HOLDS(derived(&f, false), "{\"name\":\"a\",\"type\":[\"null\",{\"type\":\"record\",\"name\":\"record_a\",\"fields\":[{\"name\":\"street\"");
	fx_close(&f);
	fx_open(&f, "a numeric");
	CHECK_EQ_STR(derived(&f, false), "");
	CHECK_EQ_STR(f.err.message, "table \"t\": Avro has no type for column \"a\" of type numeric");
	CHECK_HOLDS(f.err.hint, "numeric(p, s)");
	fx_close(&f);
	fx_open(&f, "a interval");
	CHECK_EQ_STR(derived(&f, false), "");
	CHECK(f.err.code == SPK_UNSUPPORTED);
	fx_close(&f);
	fx_open(&f, "a-b bigint");
	CHECK_EQ_STR(derived(&f, false), "");
	CHECK_HOLDS(f.err.message, "its columns make no Avro schema");
	fx_close(&f);
}

/* --- writing --- */

/* The row of JSON in columns, written with a schema (NULL: the columns'), as hexadecimal digits; or "!" and why not. */
static char *written(const char *columns, const char *schema, const char *json)
{
	struct spk_encoder *e = NULL;
	struct spk_buffer out = { 0 };
	uint32_t end[1];
	char *hex;
	struct fx f;

	fx_open(&f, columns);
	if (schema)
		fx_option(&f, "avro.schema", schema);
	fx_decode(&f, &spk_format_json, &json, NULL, 1);
	REQUIRE(f.errors.count == 0);
	hex = calloc(1, 4096);
	if (spk_format_avro.encoder_open(&e, &f.spec, &f.err) != SPK_OK || spk_format_avro.encode(e, f.batch, &out, end, &f.err) != SPK_OK)
		snprintf(hex, 4096, "!%s", f.err.message);
	for (size_t i = 0; *hex != '!' && i < out.size; i++)
		sprintf(hex + 2 * i, "%02x", (uint8_t)out.data[i]);
	if (e)
		spk_format_avro.encoder_close(e);
	spk_buffer_release(&out);
	fx_close(&f);
	return hex;
}

static void writes(const char *columns, const char *schema, const char *json, const char *want)
{
	char *hex = written(columns, schema, json);

	if (*want == '!')
		CHECK_HOLDS(hex, want + 1);
	else
		CHECK_EQ_STR(hex, want);
	free(hex);
}

static void writing(void)
{
	writes("x bigint", NULL, "{\"x\":-1}", "0201");
	writes("x bigint", NULL, "{}", "00");
	writes("x text, y boolean", NULL, "{\"x\":\"ab\",\"y\":true}", "020461620201");
	writes("x numeric(10,2)", NULL, "{\"x\":-1.23}", "020285");
	writes("x numeric(10,2)", NULL, "{\"x\":1.28}", "02040080");
	writes("x integer[]", NULL, "{\"x\":[1,null]}", "02040202" "0000");
	writes("x integer[]", NULL, "{\"x\":[]}", "0200");
	writes("x double precision, y real", NULL, "{\"x\":1.5,\"y\":1.5}", "02000000000000f83f" "020000c03f");
	writes("x timestamp, y date, z time", NULL, "{\"x\":\"1970-01-01 00:00:00.001\",\"y\":\"1970-01-02\",\"z\":\"00:00:00.000001\"}", "02d00f" "0202" "0202");
	writes("x jsonb, y bytea", NULL, "{\"x\":[1],\"y\":\"AP8=\"}", "02065b315d" "020400ff");
	/* By a schema: order, defaults, another unit, a fixed, an enum. */
	writes("a bigint, b text", RECORD(FIELD("b", "\"string\"") ",{\"name\":\"c\",\"type\":\"int\",\"default\":7}," FIELD("a", "[\"long\",\"null\"]")), "{\"b\":\"x\"}", "02780e02");
	writes("a timestamp", RECORD(FIELD("a", LOGICAL("long", "timestamp-millis"))), "{\"a\":\"1969-12-31 23:59:59.9985\"}", "03");
	writes("a timestamp", RECORD(FIELD("a", LOGICAL("long", "timestamp-nanos"))), "{\"a\":\"1970-01-01 00:00:00.000001\"}", "d00f");
	writes("a numeric(6,2)", RECORD(FIELD("a", "{\"type\":\"fixed\",\"name\":\"f\",\"size\":4,\"logicalType\":\"decimal\",\"precision\":8,\"scale\":3}")), "{\"a\":-1.23}", "fffffb32");
	writes("a text", RECORD(FIELD("a", "{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"A\",\"B\"]}")), "{\"a\":\"B\"}", "02");
	writes("a bytea", RECORD(FIELD("a", "{\"type\":\"fixed\",\"name\":\"f\",\"size\":2}")), "{\"a\":\"AP8=\"}", "00ff");
	writes("a interval", RECORD(FIELD("a", "{\"type\":\"fixed\",\"name\":\"f\",\"size\":12,\"logicalType\":\"duration\"}")), "{\"a\":\"1 mon 2 days 00:00:01\"}", "0100000002000000e8030000");
	writes("a text", "\"string\"", "{\"a\":\"B\"}", "0242");
	/* What does not fit, at the start and later. */
	writes("a bigint", RECORD(FIELD("b", "\"long\"")), "{}", "!the Avro schema's field \"b\" has no column, and no default");
	writes("a bigint, c bigint", RECORD(FIELD("a", "\"long\"")), "{}", "!the Avro schema has no field for column \"c\"");
	writes("a bigint", RECORD(FIELD("a", "\"int\"")), "{}", "!column \"a\" of type bigint cannot be written as the Avro schema's int");
	writes("a bigint", "\"string\"", "{}", "!column \"a\" of type bigint cannot be written as the Avro schema's string");
	writes("a bigint, b text", "\"string\"", "{}", "!takes one column, not 2");
	writes("a bigint", "{", "{}", "!table \"t\", 'avro.schema': Avro schema: not JSON");
	writes("a bigint", RECORD(FIELD("a", "\"long\"")), "{}", "!column \"a\" is NULL, for which the Avro schema has no place");
	writes("a text", RECORD(FIELD("a", "{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"A\",\"B\"]}")), "{\"a\":\"C\"}", "!it is none of its symbols");
	writes("a bytea", RECORD(FIELD("a", "{\"type\":\"fixed\",\"name\":\"f\",\"size\":2}")), "{\"a\":\"AA==\"}", "!another number of bytes");
	writes("a numeric(6,2)", RECORD(FIELD("a", "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":3,\"scale\":2}")), "{\"a\":12.34}", "!too many digits");
	writes("a numeric", RECORD(FIELD("a", "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":5,\"scale\":2}")), "{\"a\":1.234}", "!too many digits");
	writes("a numeric(20,0)", RECORD(FIELD("a", "{\"type\":\"fixed\",\"name\":\"f\",\"size\":2,\"logicalType\":\"decimal\",\"precision\":20,\"scale\":0}")), "{\"a\":1234567}", "!too few bytes");
	writes("a timestamp", NULL, "{\"a\":\"infinity\"}", "!infinity");
	writes("a timestamp", RECORD(FIELD("a", LOGICAL("long", "timestamp-nanos"))), "{\"a\":\"9999-01-01 00:00:00\"}", "!out of range");
	writes("a interval", RECORD(FIELD("a", "{\"type\":\"fixed\",\"name\":\"f\",\"size\":12,\"logicalType\":\"duration\"}")), "{\"a\":\"-1 day\"}", "!negative");
}

/* Rows of all types, with NULLs, in every layout, through bytes and back. */
static void comes_back(void)
{
	static const char columns[] = "a bigint, b text, c double precision, d numeric(12,3), e timestamp, f bytea, g boolean, h date, i time, j real, k timestamptz, l smallint, m integer[], n text[], o json, p integer, q numeric(38,10)";
	static const char *const rows[] = {
		"{\"a\":1,\"b\":\"x\",\"c\":0.1,\"d\":-12.345,\"e\":\"2025-01-02 03:04:05.000006\",\"f\":\"AP8=\",\"g\":true,\"h\":\"2024-02-29\",\"i\":\"01:02:03.5\",\"j\":0.1,\"k\":\"2025-01-02 03:04:05Z\",\"l\":-5,\"m\":[1,null,3],\"n\":[\"\",\"longer than an inline text\"],\"o\":{\"b\":1},\"p\":-7,\"q\":-1234567890123456789012345678.0123456789}",
		"{}", "{\"a\":-9223372036854775808,\"b\":\"\xc3\xa9 and more than twelve bytes\",\"c\":\"-Infinity\",\"d\":0,\"e\":\"0001-01-01 00:00:00\",\"m\":[],\"n\":[null],\"p\":2147483647}",
	};
	struct spk_encoder *e;
	struct spk_buffer out = { 0 };
	struct spk_batch *again;
	const char *text[8] = { NULL };
	char *want[8];
	size_t size[8] = { 0 };
	uint32_t end[8], start = 0;
	int n = 0;
	struct fx f;

	fx_open(&f, columns);
	fx_decode(&f, &spk_format_json, rows, NULL, 3);
	REQUIRE(f.errors.count == 0);
	REQUIRE_OK(spk_format_avro.encoder_open(&e, &f.spec, &f.err), f.err);
	REQUIRE_OK(spk_batch_reencode(&again, f.batch, spk_test_seed(), &f.err), f.err);
	REQUIRE_OK(spk_format_avro.encode(e, again, &out, end, &f.err), f.err);
	spk_format_avro.encoder_close(e);
	SPK_EACH_ROW(again, i, row) {
		struct spk_batch *kept = f.batch;

		f.batch = again;
		want[n] = strdup(fx_row(&f, row));
		f.batch = kept;
		text[n] = out.data + start;
		size[n++] = end[i] - start;
		start = end[i];
	}
	fx_decode(&f, &spk_format_avro, text, size, n);
	for (int i = 0; i < n; i++) {
		CHECK_EQ_STR(fx_row(&f, i), want[i]);
		free(want[i]);
	}
	CHECK(n > 0);
	spk_batch_unref(again);
	spk_buffer_release(&out);
	fx_close(&f);
}

SPK_TEST_SUITE("avro", { "scalars", scalars }, { "logical types", logical_types }, { "promotions", promotions }, { "arrays and json", arrays_and_json }, { "fields come and go", fields_come_and_go },
               { "failed rows leave no trace", failed_rows_leave_no_trace }, { "unread columns are resolved and checked", unread_columns_are_resolved_and_checked }, { "records", records },
               { "schemas that are none", schemas_that_are_none }, { "schemas of columns", schemas_of_columns }, { "writing", writing }, { "what was written comes back", comes_back })
