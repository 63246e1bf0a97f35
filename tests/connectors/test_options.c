/* Options of tables: what is right passes, what is wrong is named with its place and a way out. */
#include "tests/connectors/fixture.h"

struct given { const char *key, *value; };
struct wrong { struct given option[8]; const char *at, *message, *hint; };

#define KAFKA { "connector", "kafka" }, { "topic", "x" }, { "properties.bootstrap.servers", "localhost:1" }

static void fill(struct fx *f, const struct given *option)
{
	for (; option->key; option++)
		fx_option(f, option->key, option->value);
	f->table.position = 999;
}

static void right_ones_pass(void)
{
	static const struct given cases[][9] = {
		{ { "connector", "filesystem" }, { "path", "/tmp/x" }, { "format", "json" }, { "json.timestamp-unit", "us" } },
		{ { "connector", "filesystem" }, { "path", "/tmp/x.csv" }, { "csv.header", "false" }, { "csv.delimiter", ";" }, { "csv.null", "\\N" } },
		{ { "connector", "filesystem" }, { "path", "/tmp/x.jsonl" } }, { { "connector", "print" } }, { { "connector", "print" }, { "format", "debezium-json" } }, { { "connector", "blackhole" } },
		{ { "connector", "datagen" }, { "number-of-rows", "5" }, { "fields.a.length", "7" } },
		{ KAFKA, { "format", "json" }, { "properties.fetch.min.bytes", "1" }, { "scan.startup.mode", "earliest-offset" } },
		{ KAFKA, { "value.format", "csv" }, { "key.format", "raw" } },
		{ KAFKA, { "format", "avro" }, { "avro.encoding", "binary" }, { "avro.timestamp_mapping.legacy", "false" } },
		{ KAFKA, { "format", "avro" }, { "avro.schema", "{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"A\",\"type\":\"string\"}]}" } },
		{ KAFKA, { "format", "avro-confluent" }, { "avro-confluent.url", "http://a:1,https://b:2/" }, { "avro-confluent.subject", "s" } },
		{ KAFKA, { "value.format", "avro-confluent" }, { "value.avro-confluent.url", "http://a:1" }, { "key.format", "avro-confluent" }, { "key.avro-confluent.url", "http://b:1" } },
		{ KAFKA, { "value.format", "csv" }, { "value.csv.delimiter", ";" } },
		{ KAFKA, { "format", "csv" }, { "csv.disable-quote-character", "true" }, { "csv.allow-comments", "true" }, { "csv.write-bigdecimal-in-scientific-notation", "false" } },
		{ KAFKA, { "format", "json" }, { "json.encode.ignore-null-fields", "true" }, { "json.encode.decimal-as-plain-number", "true" }, { "json.fail-on-missing-field", "false" } },
		{ KAFKA, { "format", "raw" }, { "raw.charset", "UTF-8" }, { "raw.endianness", "little-endian" } },
	};

	for (size_t i = 0; i < SPK_COUNT_OF(cases); i++) {
		struct fx f;

		fx_open(&f, "a text");
		fill(&f, cases[i]);
		CHECK_OK(spk_connector_check_table(&f.table, f.conf, &f.err), f.err);
		fx_close(&f);
	}
}

static void wrong_ones_are_named(void)
{
	static const struct wrong cases[] = {
		{ { { "format", "json" } }, NULL, "has no 'connector'", "kafka, filesystem, nexmark, datagen, checkpoint, upsert-kafka, print, blackhole" },
		{ { { "connector", "kafak" } }, "connector", "unknown connector 'kafak'", "did you mean 'kafka'?" },
		{ { { "connector", "files" } }, "connector", "unknown connector 'files'", "there are: kafka" },
		{ { KAFKA, { "format", "jsn" } }, "format", "unknown 'format' = 'jsn'", "did you mean 'json'?" },
		{ { KAFKA, { "format", "parquet" } }, "format", "format 'parquet'", "there are: json, csv, debezium-json, changelog-json, maxwell-json, canal-json, raw, avro, avro-confluent, protobuf" },
		{ { KAFKA }, "connector", "has no 'format'", "json, csv" },
		{ { KAFKA, { "formt", "json" } }, "formt", "has no 'format'", "did you mean 'format' by 'formt'?" },
		{ { KAFKA, { "format", "json" }, { "key.format", "cvs" } }, "key.format", "unknown 'key.format' = 'cvs'", "did you mean 'csv'?" },
		{ { KAFKA, { "format", "json" }, { "scan.startup.mod", "x" } }, "scan.startup.mod", "connector 'kafka' has no option 'scan.startup.mod'", "did you mean 'scan.startup.mode'?" },
		{ { KAFKA, { "format", "json" }, { "csv.delimiter", ";" } }, "csv.delimiter", "no option 'csv.delimiter'", "belongs to format 'csv'" },
		{ { KAFKA, { "format", "json" }, { "json.timestamp-unit", "sec" } }, "json.timestamp-unit", "'json.timestamp-unit' = 'sec' is not a value", "s|ms|us" },
		{ { KAFKA, { "format", "json" }, { "scan.startup.mode", "earliest-offsets" } }, "scan.startup.mode", "is not a value of this option", "did you mean 'earliest-offset'?" },
		{ { KAFKA, { "format", "avro" }, { "avro.schema", "{" } }, "avro.schema", "'avro.schema': Avro schema: not JSON", "" },
		{ { KAFKA, { "format", "avro" }, { "avro.schema", "{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"b\",\"type\":\"string\"}]}" } }, "avro.schema", "has no field for column \"a\"", "add the field" },
		{ { KAFKA, { "format", "avro" }, { "avro.schema", "{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"a\",\"type\":\"long\"}]}" } }, "avro.schema", "field \"a\" is long, which cannot be read as text", "" },
		{ { KAFKA, { "format", "avro" }, { "avro.shema", "x" } }, "avro.shema", "no option 'avro.shema'", "did you mean 'avro.schema'?" },
		{ { KAFKA, { "format", "avro" }, { "avro.encoding", "json" } }, "avro.encoding", "'avro.encoding' = 'json'", "binary" },
		{ { KAFKA, { "format", "avro-confluent" } }, "format", "needs the option 'avro-confluent.url'", "http://localhost:8081" },
		{ { KAFKA, { "format", "avro-confluent" }, { "avro-confluent.url", "localhost:8081" } }, "avro-confluent.url", "'localhost:8081' is no address of a schema registry", "http://host:port" },
		{ { KAFKA, { "format", "avro-confluent" }, { "avro-confluent.url", "http://a" }, { "avro-confluent.basic-auth.credentials-source", "USER_INFO" } }, "avro-confluent.basic-auth.credentials-source", "needs 'avro-confluent.basic-auth.user-info'", "" },
		{ { KAFKA, { "format", "avro-confluent" }, { "avro-confluent.url", "http://a" }, { "avro-confluent.basic-auth.user-info", "me" } }, "avro-confluent.basic-auth.user-info", "is not user:password", "" },
		{ { KAFKA, { "format", "json" }, { "avro-confluent.url", "http://a" } }, "avro-confluent.url", "no option 'avro-confluent.url'", "belongs to format 'avro-confluent'" },
		{ { KAFKA, { "format", "json" }, { "key.format", "raw" }, { "key.json.timestamp-unit", "s" } }, "key.json.timestamp-unit", "no option 'key.json.timestamp-unit'", "" },
		{ { { "connector", "filesystem" }, { "path", "x" }, { "format", "avro" } }, "format", "format 'avro' with connector 'filesystem'", "'kafka' and 'upsert-kafka'" },
		{ { KAFKA, { "format", "json" }, { "json.fail-on-missing-field", "true" } }, "json.fail-on-missing-field", "'json.fail-on-missing-field' = 'true'", "it can only be 'false': a member that is missing is NULL" },
		{ { KAFKA, { "format", "json" }, { "json.encode.decimal-as-plain-number", "false" } }, "json.encode.decimal-as-plain-number", "= 'false' is not a value", "always written as plain numbers" },
		{ { KAFKA, { "format", "json" }, { "json.map-null-key.mode", "KEEP" } }, "json.map-null-key.mode", "'json.map-null-key.mode' = 'KEEP'", "FAIL|DROP|LITERAL" },
		{ { KAFKA, { "format", "csv" }, { "csv.array-element-delimiter", ";" } }, "csv.array-element-delimiter", "no option", "{1,2,3}" },
		{ { KAFKA, { "format", "csv" }, { "value.csv.ignore-parse-errors", "maybe" } }, "value.csv.ignore-parse-errors", "= 'maybe' is not a value", "true|false" },
		{ { KAFKA, { "format", "csv" }, { "value.csv.delimiter", ",," } }, "value.csv.delimiter", "must be one ASCII character", "" },
		{ { KAFKA, { "format", "avro" }, { "avro.ignore-parse-errors", "true" } }, "avro.ignore-parse-errors", "no option", "SET bad.rows = 'skip'" },
		{ { KAFKA, { "format", "avro" }, { "avro.codec", "snappy" } }, "avro.codec", "no option 'avro.codec'", "it is for files" },
		{ { KAFKA, { "format", "avro-confluent" }, { "avro-confluent.url", "http://a" }, { "avro-confluent.ssl.truststore.location", "x" } }, "avro-confluent.ssl.truststore.location", "no option", "those of the system" },
		{ { KAFKA, { "format", "raw" }, { "raw.charset", "latin1" } }, "raw.charset", "'raw.charset' = 'latin1'", "what is not can be read as bytea" },
		{ { KAFKA, { "format", "json" }, { "json.ignore-parse-errors", "yes" } }, "json.ignore-parse-errors", "'json.ignore-parse-errors' = 'yes'", "true|false" },
		{ { { "connector", "kafka" }, { "format", "json" }, { "topic", "x" } }, "connector", "needs the option 'properties.bootstrap.servers'", "host:port" },
		{ { { "connector", "filesystem" }, { "format", "json" } }, "connector", "needs the option 'path'", "directory" },
		{ { { "connector", "filesystem" }, { "path", "x" } }, "connector", "has no 'format'", "json, csv" },
		{ { { "connector", "filesystem" }, { "path", "" }, { "format", "csv" } }, "path", "'path' is empty", "" },
		{ { { "connector", "filesystem" }, { "path", "x.csv" }, { "csv.delimiter", ",," } }, "csv.delimiter", "'csv.delimiter' = ',,' must be one ASCII character", "" },
		{ { { "connector", "filesystem" }, { "path", "x.csv" }, { "csv.delimiter", "\"" } }, "csv.delimiter", "must be one ASCII character", "" },
		{ { { "connector", "filesystem" }, { "path", "x.csv" }, { "csv.null", "a,b" } }, "csv.null", "must not hold the delimiter", "" },
		{ { { "connector", "filesystem" }, { "path", "x.csv" }, { "csv.header", "yes" } }, "csv.header", "'csv.header' = 'yes'", "true|false" },
		{ { { "connector", "filesystem" }, { "path", "x.csv" }, { "source.monitor-interval", "soon" } }, "source.monitor-interval", "is not a time", "'10 s'" },
		{ { { "connector", "nexmark" } }, "connector", "its name does not say which events", "nexmark.table" },
		{ { { "connector", "nexmark" }, { "nexmark.table", "bids" } }, "nexmark.table", "'nexmark.table' = 'bids'", "did you mean 'bid'?" },
		{ { { "connector", "nexmark" }, { "nexmark.table", "bid" }, { "nexmark.events", "-1" } }, "nexmark.events", "'nexmark.events' = '-1' is not a number between 0", "" },
		{ { { "connector", "nexmark" }, { "nexmark.table", "bid" }, { "nexmark.event-rate", "fast" } }, "nexmark.event-rate", "'nexmark.event-rate' = 'fast'", "" },
		{ { { "connector", "nexmark" }, { "nexmark.table", "bid" } }, NULL, "these events have no column \"a\"", "auction bigint, bidder bigint, price bigint, channel text" },
		{ { { "connector", "datagen" }, { "fields.b.kind", "random" } }, "fields.b.kind", "no option 'fields.b.kind'", "a column of the table" },
		{ { { "connector", "datagen" }, { "fields.a.kin", "random" } }, "fields.a.kin", "no option 'fields.a.kin'", "kind, min, max" },
		{ { { "connector", "datagen" }, { "fields.a.kind", "rnd" } }, "fields.a.kind", "neither random nor sequence", "" },
		{ { { "connector", "datagen" }, { "rows-per-second", "0" } }, "rows-per-second", "is not an integer of at least 1", "" },
		{ { { "connector", "print" }, { "path", "x" } }, "path", "connector 'print' has no option 'path'", "" },
	};

	for (size_t i = 0; i < SPK_COUNT_OF(cases); i++) {
		int want = 999;
		struct fx f;

		fx_open(&f, "a text");
		f.table.connector = NULL;
		fill(&f, cases[i].option);
		CHECK(spk_connector_check_table(&f.table, f.conf, &f.err) != SPK_OK);
		CHECK_HOLDS(f.err.message, cases[i].message);
		CHECK_HOLDS(f.err.message, f.err.code == SPK_UNSUPPORTED ? "(table \"t\")" : "table \"t\"");
		CHECK_HOLDS(f.err.hint, cases[i].hint);
		for (int k = 0; cases[i].at && k < f.table.option_count; k++)
			if (!strcmp(f.option[k].key, cases[i].at))
				want = f.option[k].position;
		if (f.err.position != want)
			CHECK_EQ_STR(cases[i].message, "position");
		CHECK_EQ_INT(f.err.position, want);
		fx_close(&f);
	}
}

static void partitions_are_for_files(void)
{
	static const int column = 0;
	static const struct given kafka[] = { KAFKA, { "format", "json" }, { NULL, NULL } };
	static const struct given envelopes[] = { { "connector", "filesystem" }, { "path", "x" }, { "format", "debezium-json" }, { NULL, NULL } };
	static const struct given fine[] = { { "connector", "filesystem" }, { "path", "x" }, { "format", "csv" }, { NULL, NULL } };
	static const struct { const struct given *option; const char *message; } cases[] = {
		{ kafka, "PARTITIONED BY with connector 'kafka'" }, { envelopes, "PARTITIONED BY with format 'debezium-json'" }, { fine, NULL },
	};

	for (size_t i = 0; i < SPK_COUNT_OF(cases); i++) {
		struct fx f;

		fx_open(&f, "a text, b text");
		f.table.connector = NULL;
		f.table.partition = &column;
		f.table.partition_count = 1;
		fill(&f, cases[i].option);
		CHECK_EQ_INT(spk_connector_check_table(&f.table, f.conf, &f.err), cases[i].message ? SPK_USAGE : SPK_OK);
		if (cases[i].message) {
			CHECK_HOLDS(f.err.message, cases[i].message);
			CHECK_HOLDS(f.err.hint, "in any format but debezium-json");
		}
		fx_close(&f);
	}
}

static void properties_that_load_code_are_refused(void)
{
	static const struct given option[] = { KAFKA, { "format", "json" }, { "properties.plugin.library.paths", "evil.so" }, { NULL, NULL } };
	struct fx f;

	fx_open(&f, "a text");
	fill(&f, option);
	CHECK(spk_connector_check_table(&f.table, f.conf, &f.err) != SPK_OK);
	CHECK_HOLDS(f.err.message, "plugin.library.paths");
	fx_close(&f);
}

static void paths_are_checked_against_files_root(void)
{
	static const struct given option[] = { { "connector", "filesystem" }, { "format", "json" }, { "path", "/etc/passwd" }, { NULL, NULL } };
	struct fx f;

	fx_open(&f, "a text");
	fill(&f, option);
	REQUIRE_OK(spk_conf_set(f.conf, "files.root", "/tmp", &f.err), f.err);
	CHECK_FAILS(spk_connector_check_table(&f.table, f.conf, &f.err), SPK_USAGE, f.err);
	CHECK_HOLDS(f.err.message, "table \"t\": path '/etc/passwd' is outside of files.root");
	CHECK_EQ_INT(f.err.position, f.option[2].position);
	fx_close(&f);
}

static void what_sinks_take(void)
{
	static const struct { struct given option[8]; int keys; bool upserts, deltas; } cases[] = {
		{ { KAFKA, { "format", "json" } }, 0, false, false }, { { KAFKA, { "format", "json" } }, 1, true, false }, { { KAFKA, { "format", "debezium-json" } }, 1, false, true },
		{ { { "connector", "print" } }, 0, false, true }, { { { "connector", "blackhole" } }, 0, false, true }, { { { "connector", "filesystem" }, { "path", "x.csv" } }, 0, false, false },
		{ { { "connector", "filesystem" }, { "path", "x" }, { "format", "debezium-json" } }, 0, false, true },
	};

	for (size_t i = 0; i < SPK_COUNT_OF(cases); i++) {
		bool upserts, deltas;
		struct fx f;

		fx_open(&f, "a text");
		fill(&f, cases[i].option);
		f.table.key_count = cases[i].keys;
		CHECK_OK(spk_connector_sink_takes(&f.table, &upserts, &deltas, &f.err), f.err);
		CHECK_EQ_INT(upserts, cases[i].upserts);
		CHECK_EQ_INT(deltas, cases[i].deltas);
		fx_close(&f);
	}
}

static void names(void)
{
	CHECK(spk_source_type("kafka") && spk_source_type("filesystem") && spk_source_type("nexmark"));
	CHECK(!spk_source_type("print") && !spk_source_type(NULL) && !spk_source_type("nothing"));
	CHECK(spk_sink_type("kafka") && spk_sink_type("upsert-kafka") && spk_sink_type("filesystem") && spk_sink_type("print") && spk_sink_type("blackhole"));
	CHECK(!spk_sink_type("nexmark") && !spk_sink_type(NULL));
	CHECK(spk_format("json") == &spk_format_json && !spk_format("xml"));
}

SPK_TEST_SUITE("options",
	{ "right ones pass", right_ones_pass },
	{ "wrong ones are named", wrong_ones_are_named },
	{ "partitions are for files", partitions_are_for_files },
	{ "properties that load code are refused", properties_that_load_code_are_refused },
	{ "paths are checked against files.root", paths_are_checked_against_files_root },
	{ "what sinks take", what_sinks_take },
	{ "names", names })
