/*
 * Memory that runs out at every allocation in turn: formats, sources and sinks must report it, leak nothing (built with SAN=address) and do
 * the same as ever when there is memory again.
 */
#include "core/base/fault.h"
#include "core/base/memory.h"
#include "tests/connectors/fixture.h"

typedef spk_status (*attempt)(struct fx *f);

/* Runs it with the n-th allocation failing, n = 1.. until none does. */
static void sweep(struct fx *f, attempt run)
{
	spk_status status = SPK_NO_MEMORY;
	int n;

	for (n = 1; status != SPK_OK && n < 2000; n++) {
		char *fault = spk_test_format("malloc:%d", n);

		memset(&f->err, 0, sizeof(f->err));
		REQUIRE_OK(spk_fault_set(fault, &f->err), f->err);
		status = run(f);
		spk_fault_set(NULL, NULL);
		if (status != SPK_OK) {
			CHECK(status == SPK_NO_MEMORY || status == SPK_MEMORY_LIMIT || status == SPK_IO);
			CHECK(f->err.message[0] != '\0');
		}
		free(fault);
	}
	CHECK_EQ_INT(status, SPK_OK);
	CHECK(n > 1);
}

static const char *const json_rows[] = {
	"{\"a\":1,\"b\":\"a text that is longer than twelve\",\"c\":\"aGVsbG8=\"}", "{\"a\":null,\"b\":\"esc\\naped and longer than twelve\"}", "{\"a\":\"bad\"}", "{\"a\":1,\"a\":2,\"b\":\"\\u00e9\"}", "not json",
};
static const char *const csv_rows[] = { "1,a text that is longer than twelve,\\x00ff", ",\"quoted and longer than twelve\",", "bad,,", "1,2" };

static struct spk_view *raw_json, *raw_csv;

static spk_status read_with(struct fx *f, const struct spk_format *format, const struct spk_view *raw, int n)
{
	struct spk_row_errors errors = { 0 };
	struct spk_batch *batch = NULL;
	struct spk_decoder *d;
	spk_status status = format->decoder_open(&d, &f->spec, &f->err);

	if (status != SPK_OK)
		return status;
	status = spk_batch_new(&batch, f->spec.schema, NULL, &f->err);
	if (status == SPK_OK)
		status = format->decode(d, raw, n, batch, &errors, &f->err);
	spk_batch_unref(batch);
	format->decoder_close(d);
	return status;
}

static spk_status read_json(struct fx *f) { return read_with(f, &spk_format_json, raw_json, 5); }
static spk_status read_csv(struct fx *f) { return read_with(f, &spk_format_csv, raw_csv, 4); }

static spk_status write_with(struct fx *f, const struct spk_format *format)
{
	struct spk_buffer out = { 0 };
	uint32_t end[8];
	struct spk_encoder *e;
	spk_status status = format->encoder_open(&e, &f->spec, &f->err);

	if (status != SPK_OK)
		return status;
	status = format->encode(e, f->batch, &out, end, &f->err);
	spk_buffer_release(&out);
	format->encoder_close(e);
	return status;
}

static spk_status write_json(struct fx *f) { return write_with(f, &spk_format_json); }
static spk_status write_csv(struct fx *f) { return write_with(f, &spk_format_csv); }
static spk_status write_envelopes(struct fx *f) { return write_with(f, &spk_format_debezium_json); }

static void formats(void)
{
	struct fx f;

	fx_open(&f, "a bigint, b text, c bytea");
	raw_json = fx_raw(f.arena, json_rows, NULL, 5);
	raw_csv = fx_raw(f.arena, csv_rows, NULL, 4);
	sweep(&f, read_json);
	sweep(&f, read_csv);
	fx_decode(&f, &spk_format_json, json_rows, NULL, 2);
	sweep(&f, write_json);
	sweep(&f, write_csv);
	sweep(&f, write_envelopes);
	fx_close(&f);
}

static const char *const typed_rows[] = {
	"{\"a\":1,\"b\":\"a text that is longer than twelve\",\"l\":[1,null,3],\"j\":{\"k\":[1,2]}}", "{\"l\":[],\"b\":\"x\"}", "{\"a\":2,\"l\":[7],\"j\":\"text\"}",
};
static struct spk_view raw_typed[4];

static spk_status write_avro(struct fx *f) { return write_with(f, &spk_format_avro); }
static spk_status read_avro(struct fx *f) { return read_with(f, &spk_format_avro, raw_typed, 4); }

/* Rows of JSON written as Avro are what is read; and one that is torn. */
static void avro(void)
{
	struct spk_buffer out = { 0 };
	struct spk_encoder *e;
	uint32_t end[4], start = 0;
	struct fx f;

	fx_open(&f, "a bigint, b text, l integer[], j jsonb");
	fx_decode(&f, &spk_format_json, typed_rows, NULL, 3);
	REQUIRE_OK(spk_format_avro.encoder_open(&e, &f.spec, &f.err), f.err);
	REQUIRE_OK(spk_format_avro.encode(e, f.batch, &out, end, &f.err), f.err);
	spk_format_avro.encoder_close(e);
	sweep(&f, write_avro);
	for (int i = 0; i < 4; start = end[i++]) {
		const char *text = out.data + (i < 3 ? start : 0);
		size_t size = i < 3 ? end[i] - start : 7;

		raw_typed[i] = *fx_raw(f.arena, &text, &size, 1);
		end[3] = end[2];
	}
	sweep(&f, read_avro);
	fx_option(&f, "avro.schema", "{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"a\",\"type\":[\"null\",\"long\"],\"aliases\":[\"aa\"]},{\"name\":\"b\",\"type\":[\"null\",\"string\"]},"
	          "{\"name\":\"l\",\"type\":[\"null\",{\"type\":\"array\",\"items\":[\"null\",\"int\"]}]},{\"name\":\"j\",\"type\":[\"null\",\"string\"],\"default\":null}]}");
	sweep(&f, read_avro);
	sweep(&f, write_avro);
	spk_buffer_release(&out);
	fx_close(&f);
}

static spk_status write_protobuf(struct fx *f) { return write_with(f, &spk_format_protobuf); }
static spk_status read_protobuf(struct fx *f) { return read_with(f, &spk_format_protobuf, raw_typed, 3); }

static void protobuf(void)
{
	static const char *const rows[] = { "\x08\x01\x12\x02\x08\x05\x1a\x04\x0a\x02hi\x1a\x02\x10\x03\x22\x05\x0a\x01k\x10\x02", "", "\x08" };
	char *set = spk_test_source("examples/protobuf/transit.set");
	struct fx f;

	fx_open(&f, "id bigint, at timestamp, stops jsonb, fares jsonb");
	fx_option(&f, "protobuf.message-class-name", "transit.Trip");
	fx_option(&f, "protobuf.descriptor-file", set);
	for (int i = 0; i < 3; i++)
		raw_typed[i] = *fx_raw(f.arena, &rows[i], NULL, 1);
	sweep(&f, read_protobuf);
	fx_want(&f, "id,at");
	fx_decode(&f, &spk_format_protobuf, rows, NULL, 2);
	sweep(&f, write_protobuf);
	free(set);
	fx_close(&f);
}

static spk_status read_source(struct fx *f)
{
	struct spk_source_spec spec = { .table = &f->table, .column = f->wanted, .columns = f->wanted_count, .schema = &f->wanted_schema, .job = "job", .conf = f->conf };
	struct spk_chunk chunk = { 0 };
	struct spk_row_errors errors = { 0 };
	struct spk_batch *batch = NULL;
	struct spk_source *s;
	int64_t start = SPK_POSITION_START, at;
	spk_status status = spk_source_type(f->table.connector)->open(&s, &spec, &f->err);

	if (status != SPK_OK)
		return status;
	status = s->type->seek(s, &start, &at, &f->err);
	if (status == SPK_OK)
		status = s->type->fetch(s, 0, INT64_MAX, 100, 1 << 20, 0, &chunk, &f->err);
	if (status == SPK_OK)
		status = spk_source_decode(s, &chunk, 0, chunk.rows, &errors, &batch, &f->err);
	spk_batch_unref(batch);
	spk_chunk_release(&chunk);
	s->type->close(s);
	return status;
}

static void sources(void)
{
	char *dir = spk_test_dir("memory"), *path = spk_test_format("%s/x.csv", dir);
	struct fx f;

	spk_test_spew(path, "b,a\nx,1\n\"y\",2\nz,z\n", 18);
	fx_open(&f, "a bigint, b text, n text");
	f.metadata[2] = "file.name";
	fx_option(&f, "connector", "filesystem");
	fx_option(&f, "path", path);
	sweep(&f, read_source);
	fx_close(&f);
	fx_open(&f, "auction bigint, url text, extra text");
	fx_option(&f, "connector", "nexmark");
	fx_option(&f, "nexmark.table", "bid");
	fx_option(&f, "nexmark.events", "200");
	sweep(&f, read_source);
	fx_close(&f);
	free(path);
	free(dir);
}

static char *sink_dir;

static spk_status write_sink(struct fx *f)
{
	struct spk_sink_spec spec = { .table = &f->table, .schema = &f->schema, .conf = f->conf, .job = "job" };
	struct spk_sink_block *block = NULL;
	struct spk_sink *s;
	spk_status status;

	spk_test_remove(sink_dir);
	status = spk_sink_type(f->table.connector)->open(&s, &spec, &f->err);
	if (status != SPK_OK)
		return status;
	block = calloc(1, sizeof(*block));
	status = spk_sink_encode(s, f->batch, block, NULL, &f->err);
	if (status == SPK_OK)
		status = s->type->write(s, 1, block, &f->err);
	if (status == SPK_OK)
		status = s->type->prepare(s, 1, &f->err);
	if (status == SPK_OK)
		status = s->type->commit(s, 1, &f->err);
	if (status == SPK_OK)
		status = s->type->recover(s, 1, &f->err);
	spk_sink_block_free(block);
	s->type->close(s);
	return status;
}

static void sinks(void)
{
	struct fx f;

	sink_dir = spk_test_dir("memory-sink");
	fx_open(&f, "a bigint, b text, c bytea");
	fx_option(&f, "connector", "filesystem");
	fx_option(&f, "format", "csv");
	fx_option(&f, "path", sink_dir);
	fx_decode(&f, &spk_format_json, json_rows, NULL, 2);
	sweep(&f, write_sink);
	fx_close(&f);
	free(sink_dir);
}

SPK_TEST_SUITE("no memory", { "formats", formats }, { "avro", avro }, { "protobuf", protobuf }, { "sources", sources }, { "sinks", sinks })
