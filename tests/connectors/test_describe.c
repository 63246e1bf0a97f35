/* Tables described from files: names, types, what a later read makes of them. */
#include "tests/connectors/fixture.h"

static char *dir;

/* "name type, ..." of the table that the file's text gives, or "!message". */
static const char *described(const char *name, const char *text, const char *format)
{
	static char out[4096];
	char *path = spk_test_format("%s/%s", dir, name), type[64];
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_conf *conf = spk_conf_new();
	struct spk_table *t = NULL;
	spk_error err = { 0 };
	size_t used = 0;

	spk_test_spew(path, text, strlen(text));
	out[0] = '\0';
	if (spk_connector_describe_file(path, format, arena, &t, conf, &err) != SPK_OK) {
		snprintf(out, sizeof(out), "!%s", err.message);
	} else {
		for (int i = 0; i < t->schema->count; i++)
			used += (size_t)snprintf(out + used, sizeof(out) - used, "%s%s %s", i ? ", " : "", t->schema->field[i].name, spk_type_format(t->schema->field[i].type, type, sizeof(type)));
		CHECK_OK(spk_connector_check_table(t, conf, &err), err);
	}
	spk_arena_unref(arena);
	spk_conf_free(conf);
	free(path);
	return out;
}

static void csv(void)
{
	dir = spk_test_dir("describe");
	CHECK_EQ_STR(described("a.csv", "i,d,b,t,day,ts,tz,big\n1,1.5,true,x,2024-01-02,2024-01-02 03:04:05,2024-01-02T03:04:05Z,123456789012345678901\n-2,3,FALSE,,2024-02-29,2024-01-02 03:04:05.5,2024-01-02 03:04:05+01,1\n", NULL),
	             "i bigint, d double precision, b boolean, t text, day date, ts timestamp without time zone, tz timestamp with time zone, big numeric");
	CHECK_EQ_STR(described("a.csv", "a,b,c,d,e,f\n1,1,,2024-01-02,007,1\nx,1.5,,2024-01-02 00:00:01,7,\"\"\n", NULL), "a text, b double precision, c text, d timestamp without time zone, e text, f text");
	CHECK_EQ_STR(described("a.csv", "a;b\r\n1;2,5\r\n", NULL), "a bigint, b text");
	CHECK_EQ_STR(described("a.csv", "a\tb\n1\t2\n", NULL), "a bigint, b bigint");
	CHECK_EQ_STR(described("a.csv", "\xef\xbb\xbf\"quoted, name\",,x\n1,2,3\n1,2\n", NULL), "quoted, name bigint, column2 bigint, x bigint");
	CHECK_EQ_STR(described("a.csv", "a,b\n", NULL), "a text, b text");
	CHECK_EQ_STR(described("a.csv", "a,b\n1e5,-0.5\nNaN,2\n", NULL), "a text, b double precision");
	CHECK_HOLDS(described("a.csv", "", NULL), "a.csv': the file is empty");
	CHECK_EQ_STR(described("x.dat", "a\n1\n", "csv"), "a bigint");
	CHECK_HOLDS(described("x.dat", "a\n1\n", NULL), "does not say what it holds");
	free(dir);
}

static void json(void)
{
	dir = spk_test_dir("describe");
	CHECK_EQ_STR(described("a.json", "{\"i\":1,\"s\":\"x\",\"o\":{\"a\":1}}\n{\"i\":-5,\"d\":1.5,\"b\":true,\"t\":\"2024-01-02 03:04:05\",\"n\":null,\"a\":[1]}\n", NULL),
	             "i bigint, s text, o text, d double precision, b boolean, t timestamp without time zone, n text, a text");
	CHECK_EQ_STR(described("a.jsonl", "{\"i\":12345678901234567890,\"j\":1}\nbroken\n[1]\n{\"i\":1,\"j\":2}\n", NULL), "i numeric, j bigint");
	CHECK_EQ_STR(described("a.ndjson", "{\"a\":1}\n{\"a\":\"x\"}\n{\"\\u00e9\":\"2024-01-02\"}", NULL), "a text, \xc3\xa9 date");
	CHECK_HOLDS(described("a.json", "[1,2]\n", NULL), "no JSON object");
	CHECK_HOLDS(described("a.json", "", NULL), "no JSON object");
	CHECK_HOLDS(described("a.json", "{}", "avro"), "format 'avro'");
	free(dir);
}

static void not_outside_of_files_root(void)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_conf *conf = spk_conf_new();
	struct spk_table *t;
	spk_error err = { 0 };

	REQUIRE_OK(spk_conf_set(conf, "files.root", "/tmp", &err), err);
	CHECK_FAILS(spk_connector_describe_file("/etc/passwd", "csv", arena, &t, conf, &err), SPK_USAGE, err);
	CHECK_FAILS(spk_connector_describe_file("/tmp/there/is/no/such.csv", NULL, arena, &t, conf, &err), SPK_NOT_FOUND, err);
	spk_arena_unref(arena);
	spk_conf_free(conf);
}

SPK_TEST_SUITE("describe", { "csv", csv }, { "json", json }, { "not outside of files.root", not_outside_of_files_root })
