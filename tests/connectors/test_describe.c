/* Tables described from files: names, types, what a later read makes of them. */
#include "tests/connectors/fixture.h"

static char *dir;

/* What read_csv or read_json say of the files at `path`: "name type, ..." or "!message (hint)". `options`: name and value in turn, NULL at the end. */
static const char *ask(const char *path, const char *format, const char *const *options)
{
	static char out[4096];
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_option option[16];
	struct spk_file_request file = { .path = path, .format = format, .option = option };
	struct spk_conf *conf = spk_conf_new();
	struct spk_table *t = NULL;
	spk_error err = { 0 };
	size_t used = 0;
	char type[64];

	for (; options && options[0]; options += 2, file.options++)
		option[file.options] = (struct spk_option){ options[0], options[1], 100 + file.options };
	out[0] = '\0';
	if (spk_connector_describe_file(&file, arena, &t, conf, &err) != SPK_OK) {
		snprintf(out, sizeof(out), "!%s (%s) at %d", err.message, err.hint, err.position);
	} else {
		for (int i = 0; i < t->schema->count; i++)
			used += (size_t)snprintf(out + used, sizeof(out) - used, "%s%s %s", i ? ", " : "", t->schema->field[i].name, spk_type_format(t->schema->field[i].type, type, sizeof(type)));
		CHECK_OK(spk_connector_check_table(t, conf, &err), err);
	}
	spk_arena_unref(arena);
	spk_conf_free(conf);
	return out;
}

static void put(const char *name, const char *text)
{
	char *path = spk_test_format("%s/%s", dir, name);

	spk_test_spew(path, text, strlen(text));
	free(path);
}

/* The same of one file in `dir`. */
static const char *described(const char *name, const char *text, const char *format)
{
	char *path = spk_test_format("%s/%s", dir, name);
	const char *out;

	put(name, text);
	out = ask(path, format, NULL);
	free(path);
	return out;
}

static const char *with(const char *name, const char *const *options)
{
	char *path = spk_test_format("%s/%s", dir, name);
	const char *out = ask(path, strstr(name, "json") ? "json" : "csv", options);

	free(path);
	return out;
}
#define WITH(name, ...) with(name, (const char *const[]){ __VA_ARGS__, NULL })

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
	             "i bigint, s text, o jsonb, d double precision, b boolean, t timestamp without time zone, n text, a jsonb");
	CHECK_EQ_STR(described("a.jsonl", "{\"i\":12345678901234567890,\"j\":1}\nbroken\n[1]\n{\"i\":1,\"j\":2}\n", NULL), "i numeric, j bigint");
	CHECK_EQ_STR(described("a.ndjson", "{\"a\":1}\n{\"a\":\"x\"}\n{\"\\u00e9\":\"2024-01-02\"}", NULL), "a text, \xc3\xa9 date");
	CHECK_EQ_STR(described("a.json", " [ {\"a\":1,\n\"b\":[2]} ,\n{\"a\":\"]\",\"c\":{\"x\":\"}\"}}]\n", NULL), "a text, b jsonb, c jsonb");
	CHECK_EQ_STR(described("a.json", "{\"t\":\"12:34:56.5\",\"j\":[1]}\n{\"t\":null,\"j\":2}", NULL), "t time without time zone, j text");
	CHECK_HOLDS(described("a.json", "[1,2]\n", NULL), "no JSON object");
	CHECK_HOLDS(described("a.json", "[{\"a\":1} {\"a\":2}]\n", NULL), "goes on with '{' where ',' or ']' should be");
	CHECK_HOLDS(described("a.json", "[{\"a\":1}", NULL), "does not end");
	CHECK_HOLDS(described("a.json", "", NULL), "no JSON object");
	CHECK_HOLDS(described("a.json", "{}", "avro"), "format 'avro'");
	free(dir);
}

static void options(void)
{
	dir = spk_test_dir("describe");
	put("a.csv", "1;'x;y';NULL;# no\n# comment ; ' \n2;'it''s';5;\n");
	CHECK_EQ_STR(WITH("a.csv", "header", "false", "comment", "#", "quote", "'", "nullstr", "NULL"), "column1 bigint, column2 text, column3 bigint, column4 text");
	CHECK_EQ_STR(WITH("a.csv", "header", "false", "comment", "#", "quote", "'", "null-literal", "NULL", "delim", ";", "types", "COLUMN1 text, \"column3\" numeric(5,1)"),
	             "column1 text, column2 text, column3 numeric(5,1), column4 text");
	CHECK_EQ_STR(WITH("a.csv", "schema", "A bigint, \"b \"\"c\"\"\" varchar(10) , d numeric(10, 2)"), "a bigint, b \"c\" character varying(10), d numeric(10,2)");
	put("b.csv", "a,b\n1,2\n3,x\n");
	CHECK_EQ_STR(WITH("b.csv", "sample_rows", "2"), "a bigint, b bigint");
	CHECK_EQ_STR(WITH("b.csv", "sample_rows", "3", "header", "true", "escape", "\\"), "a bigint, b text");
	CHECK_EQ_STR(WITH("b.csv", "delimiter", "x"), "a,b text");
	CHECK_EQ_STR(WITH("b.csv", "headr", "true"), "!read_csv has no option \"headr\" (did you mean \"header\"?) at 100");
	CHECK_HOLDS(WITH("b.csv", "delim", ",", "zzzzzzzz", "true"), "(there are: header, delimiter, field_delimiter, quote");
	CHECK_HOLDS(WITH("b.csv", "header", "maybe"), "'csv.header' = 'maybe' is not a value of this option");
	CHECK_HOLDS(WITH("b.csv", "quote", "''"), "'csv.quote' = '\'\'' must be one ASCII character");
	CHECK_HOLDS(WITH("b.csv", "sample_rows", "0"), "sample_rows must be a number from 1 on, not '0'");
	CHECK_HOLDS(WITH("b.csv", "sample_files", "x"), "sample_files must be");
	CHECK_HOLDS(WITH("b.csv", "types", "c bigint"), "types: there is no column \"c\"");
	CHECK_HOLDS(WITH("b.csv", "types", "a wrong"), "types, column \"a\": ");
	CHECK_HOLDS(WITH("b.csv", "schema", "a bigint,"), "is not a list of names and types");
	CHECK_HOLDS(WITH("b.csv", "schema", ""), "is not a list of names and types");
	put("c.json", "{\"a\":1}\n{\"a\":\"x\"}\n");
	CHECK_EQ_STR(WITH("c.json", "sample_rows", "1"), "a bigint");
	CHECK_EQ_STR(WITH("c.json", "timestamp_unit", "ms", "schema", "a text, b timestamp"), "a text, b timestamp without time zone");
	CHECK_HOLDS(WITH("c.json", "delim", ","), "read_json has no option \"delim\"");
	free(dir);
}

static void several_files(void)
{
	char *path;

	dir = spk_test_dir("describe");
	put("a.csv", "a,b\n1,2\n");
	put("b.csv", "b,x,A\nz,3,4\n");
	put("c.csv", "a,b\n1.5,\n");
	path = spk_test_format("%s/*.csv", dir);
	CHECK_EQ_STR(ask(path, NULL, NULL), "a double precision, b text");
	CHECK_EQ_STR(ask(path, NULL, (const char *const[]){ "sample_files", "1", NULL }), "a bigint, b bigint");
	CHECK_EQ_STR(ask(dir, NULL, NULL), "a double precision, b text");
	free(path);
	put("e.json", "{\"a\":1}");
	put("f.json", "{\"b\":true}");
	path = spk_test_format("%s/?.json", dir);
	CHECK_EQ_STR(ask(path, NULL, NULL), "a bigint, b boolean");
	free(path);
	free(dir);
}

static void columns_in_paths(void)
{
	static const char *const paths[] = { "year=2013/month=01", "year=2013/month=02", "year=2014/month=__HIVE_DEFAULT_PARTITION__" };
	char *path;

	dir = spk_test_dir("describe");
	for (size_t i = 0; i < SPK_COUNT_OF(paths); i++) {
		path = spk_test_format("mkdir -p %s/%s; echo 'a\n1' > %s/%s/x.csv", dir, paths[i], dir, paths[i]);
		REQUIRE(system(path) == 0);
		free(path);
	}
	CHECK_EQ_STR(ask(dir, NULL, NULL), "a bigint, year bigint, month bigint");
	CHECK_EQ_STR(ask(dir, NULL, (const char *const[]){ "types", "year text", NULL }), "a bigint, year text, month bigint");
	CHECK_EQ_STR(ask(dir, NULL, (const char *const[]){ "hive_partitioning", "false", NULL }), "a bigint");
	path = spk_test_format("%s/year=2013/*/*.csv", dir);
	CHECK_EQ_STR(ask(path, NULL, NULL), "a bigint, month bigint");
	free(path);
	path = spk_test_format("%s/year=2013/month=01/x.csv", dir);
	CHECK_EQ_STR(ask(path, NULL, NULL), "a bigint");
	free(path);
	path = spk_test_format("%s/*", dir);
	CHECK_EQ_STR(ask(path, NULL, NULL), "a bigint, year bigint, month bigint");
	free(path);
	free(dir);
}

static void not_outside_of_files_root(void)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_conf *conf = spk_conf_new();
	struct spk_table *t;
	spk_error err = { 0 };

	REQUIRE_OK(spk_conf_set(conf, "files.root", "/tmp", &err), err);
	CHECK_FAILS(spk_connector_describe_file(&(struct spk_file_request){ .path = "/etc/passwd", .format = "csv" }, arena, &t, conf, &err), SPK_USAGE, err);
	CHECK_FAILS(spk_connector_describe_file(&(struct spk_file_request){ .path = "/tmp/there/is/no/such.csv" }, arena, &t, conf, &err), SPK_NOT_FOUND, err);
	spk_arena_unref(arena);
	spk_conf_free(conf);
}

SPK_TEST_SUITE("describe", { "csv", csv }, { "json", json }, { "options", options }, { "several files", several_files }, { "columns in paths", columns_in_paths }, { "not outside of files.root", not_outside_of_files_root })
