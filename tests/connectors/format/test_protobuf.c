/*
 * Protobuf: descriptor sets that protoc makes, fields in any order and in pieces, every kind of value, what is not there, torn messages, columns that
 * do not fit, and what was written coming back. Bytes are put together by hand; tests/integration/test_protobuf.py has another implementation write
 * and read.
 */
#include "connectors/format/protobuf.h"
#include "tests/connectors/fixture.h"

static const char timestamp_proto[] = "syntax = \"proto3\";\npackage google.protobuf;\nmessage Timestamp { int64 seconds = 1; int32 nanos = 2; }\n";

static const char three_proto[] =
	"syntax = \"proto3\";\npackage shop;\nimport \"google/protobuf/timestamp.proto\";\n"
	"enum Colour { NONE = 0; RED = 1; VERY_LONG_COLOUR = 2; }\n"
	"message Inner { string street = 1; repeated int32 no = 2; Inner again = 3; }\n"
	"message All {\n"
	"  double d = 1; float f = 2; int64 i64 = 3; uint64 u64 = 4; int32 i32 = 5; fixed64 x64 = 6; fixed32 x32 = 7; bool b = 8; string s = 9; bytes y = 10;\n"
	"  uint32 u32 = 11; Colour e = 12; sfixed32 sx32 = 13; sfixed64 sx64 = 14; sint32 s32 = 15; sint64 s64 = 16;\n"
	"  optional int64 maybe = 17; Inner inner = 18; repeated Inner many = 19; repeated int64 nums = 20; repeated string words = 21; map<string, int32> counts = 22;\n"
	"  google.protobuf.Timestamp at = 23; oneof which { int32 this = 24; string that = 25; Inner other = 26; } repeated Colour colours = 27; repeated double loose = 28 [packed = false];\n"
	"  map<int64, Inner> byno = 29; optional string text = 30;\n"
	"}\nmessage Order { message Item { int32 n = 1; } int64 id = 1; }\n";

static const char two_proto[] =
	"syntax = \"proto2\";\npackage old;\nmessage Two {\n"
	"  required int32 id = 1; optional string name = 2 [default = \"no\\\"body\"]; optional sint64 n = 3 [default = -7]; optional double d = 4 [default = 1.5]; optional bool b = 5 [default = true];\n"
	"  enum Kind { A = 3; B = 5; } optional Kind kind = 6 [default = B]; optional bytes raw = 7 [default = \"\\001x\"]; repeated int32 list = 8; optional group Grp = 9 { optional int32 a = 1; }\n"
	"  optional Two again = 10; optional float f = 11 [default = 0.5]; optional uint64 u = 12 [default = 18446744073709551615];\n"
	"}\n";

static char *set_path;

/* The descriptor set of both, made once. */
static void need_set(void)
{
	char *dir, *path, *out;

	if (set_path)
		return;
	dir = spk_test_dir("protobuf");
	CHECK_EQ_INT(spk_test_run(NULL, "mkdir -p %s/google/protobuf", dir), 0);
	path = spk_test_format("%s/google/protobuf/timestamp.proto", dir);
	spk_test_spew(path, timestamp_proto, strlen(timestamp_proto));
	free(path);
	path = spk_test_format("%s/three.proto", dir);
	spk_test_spew(path, three_proto, strlen(three_proto));
	free(path);
	path = spk_test_format("%s/two.proto", dir);
	spk_test_spew(path, two_proto, strlen(two_proto));
	free(path);
	set_path = spk_test_format("%s/all.set", dir);
	CHECK_EQ_INT(spk_test_run(&out, "protoc -I%s --include_imports --descriptor_set_out=%s %s/three.proto %s/two.proto 2>&1", dir, set_path, dir, dir), 0);
	CHECK_EQ_STR(out, "");
	free(out);
	free(dir);
}

static void open_table(struct fx *f, const char *columns, const char *message)
{
	need_set();
	fx_open(f, columns);
	fx_option(f, "protobuf.message-class-name", message);
	fx_option(f, "protobuf.descriptor-file", set_path);
}

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

static void check_row(struct fx *f, const char *hex, const char *want)
{
	char bytes[4096];
	size_t size = from_hex(hex, bytes);
	const char *text = bytes;

	fx_decode(f, &spk_format_protobuf, &text, &size, 1);
	if (*want == '~')
		CHECK_HOLDS(fx_row(f, 0), want + 1);
	else
		CHECK_EQ_STR(fx_row(f, 0), want);
}

static void reads(const char *message, const char *columns, const char *hex, const char *want)
{
	struct fx f;

	open_table(&f, columns, message);
	check_row(&f, hex, want);
	fx_close(&f);
}

static void scalars(void)
{
	static const char *const cases[][3] = {
		{ "d double precision", "09 000000000000f83f", "1.5" }, { "f real", "15 0000c03f", "1.5" }, { "f double precision", "15 0000c03f", "1.5" },
		{ "i64 bigint", "18 ff ff ff ff ff ff ff ff ff 01", "-1" }, { "i64 integer", "18 80 80 80 80 10", "!field \"i64\": found 4294967296, expected integer: out of range" }, { "i64 numeric", "18 05", "5" },
		{ "u64 bigint", "20 ff ff ff ff ff ff ff ff 7f", "9223372036854775807" }, { "u64 bigint", "20 ff ff ff ff ff ff ff ff ff 01", "!field \"u64\": found 18446744073709551615, expected bigint: out of range" },
		{ "u64 numeric", "20 ff ff ff ff ff ff ff ff ff 01", "18446744073709551615" }, { "u64 numeric(20,0)", "20 01", "1" },
		{ "i32 integer", "28 ff ff ff ff ff ff ff ff ff 01", "-1" }, { "i32 smallint", "28 ff ff 03", "!field \"i32\": found 65535, expected smallint: out of range" }, { "i32 double precision", "28 02", "2" },
		{ "x64 bigint", "31 0100000000000000", "1" }, { "x32 bigint", "3d ffffffff", "4294967295" }, { "b boolean", "40 02", "true" }, { "s text", "4a 02 68 69", "hi" }, { "s bytea", "4a 02 68 69", "hi" },
		{ "s text", "4a 01 ff", "!field \"s\": expected text: not UTF-8 text" }, { "y bytea", "52 02 61 62", "ab" }, { "u32 bigint", "58 ff ff ff ff 0f", "4294967295" },
		{ "e text", "60 02", "VERY_LONG_COLOUR" }, { "e text", "60 09", "9" }, { "e integer", "60 09", "9" }, { "sx32 integer", "6d ffffffff", "-1" }, { "sx64 bigint", "71 ffffffffffffffff", "-1" },
		{ "s32 integer", "78 03", "-2" }, { "s64 bigint", "80 01 03", "-2" },
		/* What is not there: NULL where that can be told, else the default. */
		{ "d double precision, i64 bigint, s text, b boolean, e text, maybe bigint, y bytea, text text", "", "0|0||false|NONE|NULL||NULL" }, { "maybe bigint, text text", "88 01 00 f2 01 00", "0|" },
		/* Another order, and the last of several. */
		{ "i64 bigint, s text", "4a 01 61 18 01 4a 01 62 18 02", "2|b" },
		/* Of a oneof the last. */
		{ "this integer, that text", "c0 01 05", "5|NULL" }, { "this integer, that text", "c0 01 05 ca 01 01 78", "NULL|x" }, { "this integer, that text, other jsonb", "d2 01 00 c0 01 05", "5|NULL|NULL" },
		/* Fields that are not known, groups among them; a known number with another wire type is as good as unknown. */
		{ "i64 bigint", "f8 07 01 fa 07 01 00 fd 07 00000000 f9 07 0000000000000000 fb 07 08 01 fb 07 fc 07 fc 07 18 07", "7" }, { "i64 bigint", "1a 01 00 18 07", "7" },
		/* Torn ones. */
		{ "i64 bigint", "18", "~ends in the middle of a field" }, { "i64 bigint", "18 ff ff ff ff ff ff ff ff ff 02", "~number that is too long" }, { "s text", "4a 05 61", "~ends in the middle" },
		{ "i64 bigint", "00", "~a tag that is none (0)" }, { "i64 bigint", "1e 00", "~a tag that is none" }, { "i64 bigint", "fb 07 08 01", "~ends in the middle" }, { "i64 bigint", "fc 07", "~ends a group that it did not begin" },
		{ "i64 bigint", "fb 07 84 08", "~ends a group that it did not begin" }, { "i64 bigint", "ff ff ff ff ff ff ff 7f 00", "~a tag that is none" },
		/* What is known and not read is checked. */
		{ "i64 bigint", "18 01 4a 01 ff", "!the string \"s\" of the protobuf message is not UTF-8 text, or holds a byte 0" }, { "i64 bigint", "18 01 92 01 02 0a 05", "~ends in the middle" },
		{ "i64 bigint", "18 01 a2 01 01 ff", "~ends in the middle" },
	};

	for (size_t i = 0; i < SPK_COUNT_OF(cases); i++)
		reads("shop.All", cases[i][0], cases[i][1], cases[i][2]);
}

static void arrays_maps_and_times(void)
{
	static const char *const cases[][3] = {
		{ "nums bigint[]", "", "{}" }, { "nums bigint[]", "a2 01 03 01 02 03", "{1,2,3}" }, { "nums bigint[]", "a0 01 01 a0 01 02", "{1,2}" }, { "nums bigint[], words text[]", "a0 01 01 aa 01 01 61 a2 01 01 02 aa 01 00", "{1,2}|{a,\"\"}" },
		{ "colours text[]", "da 01 03 01 00 07", "{RED,NONE,7}" }, { "loose double precision[]", "e1 01 000000000000f83f", "{1.5}" }, { "loose double precision[]", "e2 01 08 000000000000f83f", "{1.5}" },
		{ "nums smallint[]", "a2 01 03 ff ff 03", "~out of range" }, { "nums jsonb", "a2 01 02 01 02", "[1, 2]" }, { "nums jsonb", "", "[]" }, { "words json", "aa 01 01 61", "[\"a\"]" },
		{ "counts jsonb", "b2 01 05 0a 01 62 10 02 b2 01 03 0a 01 61 b2 01 05 10 03 0a 01 63", "{\"a\": 0, \"b\": 2, \"c\": 3}" }, { "counts jsonb", "", "{}" },
		{ "byno jsonb", "ea 01 06 08 05 12 02 0a 00 ea 01 02 08 06", "{\"5\": {\"street\": \"\"}, \"6\": {\"street\": \"\"}}" },
		{ "at timestamp", "ba 01 06 08 01 10 c0 84 3d", "1970-01-01 00:00:01.001" }, { "at timestamptz", "ba 01 0b 08 ff ff ff ff ff ff ff ff ff 01", "1969-12-31 23:59:59+00" }, { "at timestamp", "", "NULL" }, { "at timestamp", "ba 01 00", "1970-01-01 00:00:00" },
		{ "at timestamp", "ba 01 06 10 ff ff ff ff 0f", "~out of range" }, { "at timestamp", "ba 01 06 10 80 94 eb dc 03", "!field \"at\": expected timestamp without time zone: seconds or nanoseconds out of range" },
		{ "at jsonb", "ba 01 02 08 01", "\"1970-01-01 00:00:01+00\"" }, { "at timestamp", "ba 01 02 08 01 ba 01 03 10 e8 07", "1970-01-01 00:00:01.000001" },
		{ "inner jsonb", "92 01 06 0a 01 61 12 01 05", "{\"no\": [5], \"street\": \"a\"}" }, { "inner jsonb", "92 01 03 0a 01 61 92 01 03 12 01 05", "{\"no\": [5], \"street\": \"a\"}" }, { "inner jsonb", "", "NULL" },
		{ "inner jsonb", "92 01 08 1a 06 1a 02 0a 00 12 00", "{\"again\": {\"again\": {\"street\": \"\"}, \"street\": \"\"}, \"street\": \"\"}" },
		{ "many jsonb", "9a 01 00 9a 01 03 0a 01 78", "[{\"street\": \"\"}, {\"street\": \"x\"}]" }, { "d jsonb, u64 jsonb, y jsonb, e jsonb, maybe jsonb", "20 ff ff ff ff ff ff ff ff ff 01 52 01 00 60 63", "0|18446744073709551615|\"AA==\"|99|NULL" },
	};
	char deep[2 * 400 + 1], *p = deep;

	for (size_t i = 0; i < SPK_COUNT_OF(cases); i++)
		reads("shop.All", cases[i][0], cases[i][1], cases[i][2]);
	/* Messages in messages: lengths are two bytes, so groups, which need none, show the bound on depth best. */
	for (int i = 0; i < 200; i++)
		p += sprintf(p, "fb07");
	reads("shop.All", "i64 bigint", deep, "~nested more than 128 deep");
}

/* Lists in lists of one link each. */
static void depth_is_bounded(void)
{
	struct spk_buffer out = { 0 };
	struct fx f;

	for (int i = 0; i < 200; i++) {
		struct spk_buffer outer = { 0 };
		char head[16], *p = head;

		*p++ = 0x1a;
		p = spk_wire_put_varint(p, out.size);
		CHECK(spk_buffer_append(&outer, head, (size_t)(p - head), NULL) == SPK_OK && spk_buffer_append(&outer, out.data ? out.data : "", out.size, NULL) == SPK_OK);
		spk_buffer_release(&out);
		out = outer;
	}
	for (int i = 0; i < 2; i++) {
		const char *text = out.data;

		open_table(&f, i ? "street text" : "again jsonb", "shop.Inner");
		fx_decode(&f, &spk_format_protobuf, &text, &out.size, 1);
		CHECK_EQ_STR(fx_row(&f, 0), "!the protobuf message is nested more than 128 deep");
		fx_close(&f);
	}
	spk_buffer_release(&out);
}

static struct spk_field inner_field[] = { { "street", { .id = SPK_TYPE_TEXT }, true }, { "no", { 0 }, true } };
static const struct spk_schema inner = { 2, inner_field };

static void open_with_records(struct fx *f)
{
	open_table(f, "inner text, many text", "shop.All");
	inner_field[1].type = spk_type_array(SPK_TYPE_INTEGER);
	f->field[0].type = (struct spk_type){ .id = SPK_TYPE_ROW, .children = &inner };
	REQUIRE_OK(spk_type_array_of(f->arena, f->field[0].type, &f->field[1].type, &f->err), f->err);
	fx_want(f, "*");
}

static void records(void)
{
	static const char *const hex[] = {
		"92 01 06 0a 01 61 12 01 05  9a 01 02 12 00  9a 01 06 10 07 10 08 0a 00", "", "92 01 02 10 01 9a 01 03 0a 01 78 92 01 05 10 02 0a 01 7a",
		"92 01 02 10 01 9a 01 03 0a 01 ff" /* not text: the row is bad */, "9a 01 04 12 02 01 02",
	};
	static const char *const want[] = { "(a,{5})|{\"(\\\"\\\",{})\",\"(\\\"\\\",\\\"{7,8}\\\")\"}", "NULL|{}", "(z,\"{1,2}\")|{\"(x,{})\"}", "~not UTF-8", "NULL|{\"(\\\"\\\",\\\"{1,2}\\\")\"}" };
	char bytes[SPK_COUNT_OF(hex)][256];
	const char *text[SPK_COUNT_OF(hex)];
	size_t size[SPK_COUNT_OF(hex)];
	struct fx f;

	open_with_records(&f);
	for (size_t i = 0; i < SPK_COUNT_OF(hex); i++) {
		size[i] = from_hex(hex[i], bytes[i]);
		text[i] = bytes[i];
	}
	fx_decode(&f, &spk_format_protobuf, text, size, SPK_COUNT_OF(hex));
	for (size_t i = 0; i < SPK_COUNT_OF(hex); i++) {
		if (*want[i] == '~')
			CHECK_HOLDS(fx_row(&f, (int)i), want[i] + 1);
		else
			CHECK_EQ_STR(fx_row(&f, (int)i), want[i]);
	}
	fx_close(&f);
}

static void proto2(void)
{
	static const char *const all = "id integer, name text, n bigint, d double precision, b boolean, kind text, raw bytea, list integer[], again jsonb, f real, u numeric";
	struct fx f;

	reads("old.Two", all, "08 01", "1|NULL|NULL|NULL|NULL|NULL|NULL|{}|NULL|NULL|NULL");
	reads("old.Two", all, "", "!the protobuf message old.Two has no field \"id\", which is required");
	reads("old.Two", "n bigint", "18 02", "!the protobuf message old.Two has no field \"id\", which is required");
	reads("old.Two", "id integer", "08 01 52 00", "~has no field \"id\"");
	reads("old.Two", "id integer, list integer[]", "08 01 40 05 40 06 42 02 07 08 4b 08 01 4c", "1|{5,6,7,8}");
	open_table(&f, all, "old.Two");
	fx_option(&f, "protobuf.read-default-values", "true");
	check_row(&f, "08 01", "1|no\"body|-7|1.5|true|B|\001x|{}|NULL|0.5|18446744073709551615");
	fx_close(&f);
}

/* --- what does not fit --- */

static void wrong_tables(void)
{
	static const struct { const char *message, *columns, *error, *hint; } cases[] = {
		{ "shop.Al", "d double precision", "'protobuf.message-class-name': there is no message 'shop.Al' in the descriptor set", "shop.All, shop.Order, shop.Order.Item" },
		{ "shop.All", "x bigint", "the protobuf message shop.All has no field for column \"x\"", "its fields are: d, f, i64" },
		{ "shop.All", "d bigint", "column \"d\" of type bigint cannot hold the protobuf field \"d\" of type double", "" },
		{ "shop.All", "s bigint", "of type string", "" }, { "shop.All", "nums bigint", "the protobuf field \"nums\" of type repeated int64", "declare it an array" },
		{ "shop.All", "d double precision[]", "of type double", "" }, { "shop.All", "counts text", "of type repeated shop.All.CountsEntry", "declare it jsonb" }, { "shop.All", "inner text", "of type shop.Inner", "jsonb" },
		{ "shop.All", "i64 real", "of type int64", "" }, { "shop.All", "nums jsonb[]", "of type repeated int64", "" }, { "old.Two", "grp jsonb", "of type old.Two.Grp", "" }, { "shop.All", "s interval", "of type string", "" },
		{ "shop.All", "d double precision, D double precision", "is meant by two columns", "" },
	};
	struct fx f;

	for (size_t i = 0; i < SPK_COUNT_OF(cases); i++) {
		open_table(&f, cases[i].columns, cases[i].message);
		CHECK_FAILS(spk_format_protobuf.check(&f.table, f.conf, &f.err), SPK_USAGE, f.err);
		CHECK_HOLDS(f.err.message, cases[i].error);
		CHECK_HOLDS(f.err.hint, cases[i].hint);
		fx_close(&f);
	}
	fx_open(&f, "d double precision");
	CHECK_FAILS(spk_format_protobuf.check(&f.table, f.conf, &f.err), SPK_USAGE, f.err);
	CHECK_HOLDS(f.err.message, "needs the option 'protobuf.message-class-name'");
	fx_option(&f, "protobuf.message-class-name", "shop.All");
	CHECK_FAILS(spk_format_protobuf.check(&f.table, f.conf, &f.err), SPK_USAGE, f.err);
	CHECK_HOLDS(f.err.message, "needs the option 'protobuf.descriptor-file'");
	fx_option(&f, "protobuf.descriptor-file", "/nowhere/at/all");
	CHECK_FAILS(spk_format_protobuf.check(&f.table, f.conf, &f.err), SPK_USAGE, f.err);
	CHECK_HOLDS(f.err.message, "/nowhere/at/all");
	fx_option(&f, "protobuf.descriptor-file", set_path);
	CHECK_OK(spk_format_protobuf.check(&f.table, f.conf, &f.err), f.err);
	REQUIRE_OK(spk_conf_set(f.conf, "files.root", "/usr/share", &f.err), f.err);
	CHECK_FAILS(spk_format_protobuf.check(&f.table, f.conf, &f.err), SPK_USAGE, f.err);
	CHECK_HOLDS(f.err.message, "outside of files.root");
	fx_close(&f);
}

/* Java's names of classes, and files that are no sets. */
static void names_and_files(void)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	const struct spk_pb_message *m;
	spk_error err = { 0 };
	size_t size;
	char *set, *alone;

	need_set();
	set = spk_test_slurp(set_path, &size);
	REQUIRE_OK(spk_pb_load(arena, set, size, "com.example.ShopProtos$Order", &m, &err), err);
	CHECK_EQ_STR(m->name, "shop.Order");
	REQUIRE_OK(spk_pb_load(arena, set, size, "com.example.Order$Item", &m, &err), err);
	CHECK_EQ_STR(m->name, "shop.Order.Item");
	REQUIRE_OK(spk_pb_load(arena, set, size, "All", &m, &err), err);
	CHECK_FAILS(spk_pb_load(arena, set, size, "shop.Colour", &m, &err), SPK_NOT_FOUND, err);
	CHECK_FAILS(spk_pb_load(arena, "", 0, "shop.All", &m, &err), SPK_DATA, err);
	CHECK_FAILS(spk_pb_load(arena, "nonsense", 8, "shop.All", &m, &err), SPK_DATA, err);
	CHECK_HOLDS(err.hint, "--include_imports");
	/* Cut anywhere it is an error, or a smaller set: never worse. */
	for (size_t i = 0; i < size; i += 7)
		CHECK(spk_pb_load(arena, set, i, "shop.All", &m, &err) != SPK_INTERNAL);
	free(set);
	/* A file without what it imports. */
	alone = spk_test_format("%.*s/alone.set", (int)(strrchr(set_path, '/') - set_path), set_path);
	CHECK_EQ_INT(spk_test_run(NULL, "cd %.*s && protoc -I. --descriptor_set_out=%s three.proto", (int)(strrchr(set_path, '/') - set_path), set_path, alone), 0);
	set = spk_test_slurp(alone, &size);
	CHECK_FAILS(spk_pb_load(arena, set, size, "shop.All", &m, &err), SPK_DATA, err);
	CHECK_HOLDS(err.message, "type \".google.protobuf.Timestamp\" of field \"at\" is not in the descriptor set");
	free(set);
	free(alone);
	spk_arena_unref(arena);
}

/* --- writing --- */

static void writes(const char *message, const char *columns, const char *json, const char *want)
{
	struct spk_encoder *e = NULL;
	struct spk_buffer out = { 0 };
	uint32_t end[1];
	char hex[4096] = "";
	struct fx f;

	open_table(&f, columns, message);
	fx_option(&f, "protobuf.write-null-string-literal", "null");
	fx_decode(&f, &spk_format_json, &json, NULL, 1);
	REQUIRE(f.errors.count == 0);
	if (spk_format_protobuf.encoder_open(&e, &f.spec, &f.err) != SPK_OK || spk_format_protobuf.encode(e, f.batch, &out, end, &f.err) != SPK_OK)
		snprintf(hex, sizeof(hex), "!%s", f.err.message);
	for (size_t i = 0; *hex != '!' && i < out.size; i++)
		sprintf(hex + 2 * i, "%02x", (uint8_t)out.data[i]);
	if (*want == '!')
		CHECK_HOLDS(hex, want + 1);
	else
		CHECK_EQ_STR(hex, want);
	if (e)
		spk_format_protobuf.encoder_close(e);
	spk_buffer_release(&out);
	fx_close(&f);
}

static void writing(void)
{
	static const char *const cases[][3] = {
		{ "i64 bigint, s text", "{\"i64\":-1,\"s\":\"hi\"}", "18ffffffffffffffffff014a026869" }, { "i64 bigint, s text", "{}", "" }, { "i64 bigint, s text, b boolean, d double precision", "{\"i64\":0,\"s\":\"\",\"b\":false,\"d\":0}", "" },
		{ "maybe bigint, text text", "{\"maybe\":0,\"text\":\"\"}", "880100f20100" }, { "s32 integer, s64 bigint", "{\"s32\":-2,\"s64\":-2}", "7803800103" }, { "x32 bigint, sx64 bigint", "{\"x32\":4294967295,\"sx64\":-1}", "3dffffffff71ffffffffffffffff" },
		{ "u64 numeric", "{\"u64\":18446744073709551615}", "20ffffffffffffffffff01" }, { "e text", "{\"e\":\"RED\"}", "6001" }, { "e integer", "{\"e\":9}", "6009" }, { "f real, d real", "{\"f\":1.5,\"d\":1.5}", "09000000000000f83f150000c03f" },
		{ "nums bigint[], words text[]", "{\"nums\":[1,null,3],\"words\":[\"a\",null]}", "a20103010003aa010161aa01046e756c6c" }, { "loose double precision[]", "{\"loose\":[1.5]}", "e101000000000000f83f" }, { "nums bigint[]", "{\"nums\":[]}", "" },
		{ "at timestamp", "{\"at\":\"1970-01-01 00:00:01.001\"}", "ba0106080110c0843d" }, { "at timestamptz", "{\"at\":\"1969-12-31 23:59:59.5Z\"}", "ba011108ffffffffffffffffff011080cab5ee01" }, { "y bytea, s jsonb", "{\"y\":\"AP8=\",\"s\":[1]}", "4a035b315d520200ff" },
		{ "u64 bigint", "{\"u64\":-1}", "!column \"u64\" has a value that the protobuf field \"u64\" of type uint64 has no room for: out of range" }, { "u32 bigint", "{\"u32\":4294967296}", "!out of range" }, { "u64 numeric", "{\"u64\":1.5}", "!not whole" },
		{ "e text", "{\"e\":\"PINK\"}", "!none of its symbols" }, { "at timestamp", "{\"at\":\"infinity\"}", "!infinity" },
		{ "counts jsonb", "{}", "!column \"counts\" of type jsonb cannot be written" }, { "i32 bigint", "{}", "!cannot be written as the protobuf field \"i32\"" }, { "x bigint", "{}", "!no field for column \"x\"" },
		{ "nums bigint", "{}", "!cannot be written as the protobuf field \"nums\" of type repeated int64" },
	};

	for (size_t i = 0; i < SPK_COUNT_OF(cases); i++)
		writes("shop.All", cases[i][0], cases[i][1], cases[i][2]);
	writes("old.Two", "id integer, n bigint", "{\"id\":0,\"n\":0}", "08001800");
	writes("old.Two", "id integer", "{}", "!column \"id\" is NULL, but the protobuf field \"id\" is required");
	writes("old.Two", "n bigint", "{}", "!the protobuf field \"id\" is required, and there is no column for it");
}

/* Rows with records in them through bytes and back, in every layout; one longer than 127 bytes. */
static void comes_back(void)
{
	static const char *const hex[] = { "92 01 06 0a 01 61 12 01 05  9a 01 02 12 00  9a 01 06 10 07 10 08 0a 00", "", "9a 01 00" };
	struct spk_encoder *e;
	struct spk_buffer out = { 0 };
	struct spk_batch *again;
	char bytes[4][1024], *want[4];
	const char *text[4] = { NULL };
	size_t size[4] = { 0 };
	uint32_t end[4], start = 0;
	int n = 0;
	struct fx f;

	open_with_records(&f);
	for (int i = 0; i < 3; i++) {
		size[i] = from_hex(hex[i], bytes[i]);
		text[i] = bytes[i];
	}
	memset(bytes[3], 'x', sizeof(bytes[3]));
	memcpy(bytes[3], "\x92\x01\xcf\x03\x0a\xcc\x03", 7);  /* a street of 460 bytes */
	text[3] = bytes[3];
	size[3] = 7 + 460;
	fx_decode(&f, &spk_format_protobuf, text, size, 4);
	REQUIRE(f.errors.count == 0);
	REQUIRE_OK(spk_format_protobuf.encoder_open(&e, &f.spec, &f.err), f.err);
	REQUIRE_OK(spk_batch_reencode(&again, f.batch, spk_test_seed(), &f.err), f.err);
	REQUIRE_OK(spk_format_protobuf.encode(e, again, &out, end, &f.err), f.err);
	spk_format_protobuf.encoder_close(e);
	SPK_EACH_ROW(again, i, row) {
		struct spk_batch *kept = f.batch;

		f.batch = again;
		want[n] = strdup(fx_row(&f, row));
		f.batch = kept;
		text[n] = out.data + start;
		size[n++] = end[i] - start;
		start = end[i];
	}
	fx_decode(&f, &spk_format_protobuf, text, size, n);
	for (int i = 0; i < n; i++) {
		CHECK_EQ_STR(fx_row(&f, i), want[i]);
		free(want[i]);
	}
	CHECK(n > 0);
	spk_batch_unref(again);
	spk_buffer_release(&out);
	fx_close(&f);
}

SPK_TEST_SUITE("protobuf", { "scalars", scalars }, { "arrays, maps and times", arrays_maps_and_times }, { "depth is bounded", depth_is_bounded }, { "records", records }, { "proto2", proto2 }, { "wrong tables", wrong_tables },
               { "names and files", names_and_files }, { "writing", writing }, { "what was written comes back", comes_back })
