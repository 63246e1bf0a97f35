/*
 * What reading and writing rows costs, per format: CPU seconds of this thread per million rows of Nexmark bids. No Kafka, no engine.
 *
 *   bench_format [ROWS]    default 2000000
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "connectors/connector.h"
#include "core/base/clock.h"
#include "core/expr/text.h"

enum { SET = 65536 };   /* different rows; walked over and over, 15 MB: more than the caches hold */

static spk_error err;

static void must(spk_status status)
{
	if (status == SPK_OK)
		return;
	fprintf(stderr, "bench_format: %s\n", err.message);
	exit(1);
}

static struct spk_field fields[] = {
	{ "auction", { .id = SPK_TYPE_BIGINT }, true }, { "bidder", { .id = SPK_TYPE_BIGINT }, true }, { "price", { .id = SPK_TYPE_BIGINT }, true },
	{ "channel", { .id = SPK_TYPE_TEXT }, true }, { "url", { .id = SPK_TYPE_TEXT }, true }, { "date_time", { .id = SPK_TYPE_TIMESTAMP }, true },
	{ "extra", { .id = SPK_TYPE_TEXT }, true },
};
static const struct spk_schema schema = { 7, fields };
static char set_path[] = "/tmp/sparklet-bench-XXXXXX";
static struct spk_option options[] = {
	{ "connector", "nexmark", 0 }, { "format", "json", 0 }, { "protobuf.message-class-name", "Bid", 0 }, { "protobuf.descriptor-file", set_path, 0 },
};
static const struct spk_table table = { .name = "bid", .connector = "nexmark", .schema = &schema, .option_count = 4, .option = options, .time_column = -1 };
static const int all[] = { 0, 1, 2, 3, 4, 5, 6 }, five[] = { 0, 1, 2, 5, 6 }, three[] = { 0, 2, 5 };

static struct spk_batch *batches[SET / SPK_BATCH_ROWS];

static void generate(double *cost)
{
	struct spk_source_spec spec = { .table = &table, .column = all, .columns = 7, .schema = &schema, .job = "bench" };
	const struct spk_source_type *type = spk_source_type("nexmark");
	struct spk_source *s;
	int64_t start = SPK_POSITION_START, at, begun = spk_clock_thread_cpu_us();

	must(type->open(&s, &spec, &err));
	must(type->seek(s, &start, &at, &err));
	for (size_t i = 0; i < SPK_COUNT_OF(batches); i++) {
		struct spk_chunk chunk = { 0 };

		must(type->fetch(s, 0, INT64_MAX, SPK_BATCH_ROWS, SIZE_MAX, 0, &chunk, &err));
		must(spk_source_decode(s, &chunk, 0, chunk.rows, NULL, &batches[i], &err));
		spk_chunk_release(&chunk);
	}
	type->close(s);
	*cost = (double)(spk_clock_thread_cpu_us() - begun) / SET;
}

/* Writes the whole set again and again; the rows of the last time stay in *out. */
static double encode(const struct spk_format *format, int rows, struct spk_buffer *out, uint32_t *end)
{
	struct spk_format_spec spec = { .table = &table, .column = all, .columns = 7, .schema = &schema };
	struct spk_encoder *e;
	int64_t begun;

	must(format->encoder_open(&e, &spec, &err));
	begun = spk_clock_thread_cpu_us();
	for (int done = 0; done < rows; done += SET) {
		out->size = 0;
		for (size_t i = 0; i < SPK_COUNT_OF(batches); i++)
			must(format->encode(e, batches[i], out, end + i * SPK_BATCH_ROWS, &err));
	}
	format->encoder_close(e);
	return (double)(spk_clock_thread_cpu_us() - begun) / ((rows + SET - 1) / SET * SET);
}

/* Rows as they lie in chunks: each with its padding. */
static struct spk_view *lay_out(const struct spk_buffer *text, const uint32_t *end, size_t *bytes)
{
	struct spk_view *raw = malloc(sizeof(*raw) * SET);
	char *p = calloc(1, text->size + (size_t)SET * SPK_CHUNK_PADDING);
	uint32_t start = 0;

	for (int i = 0; i < SET; i++) {
		memcpy(p, text->data + start, end[i] - start);
		raw[i] = spk_view(p, end[i] - start);
		p += end[i] - start + SPK_CHUNK_PADDING;
		start = end[i];
	}
	*bytes = text->size / SET;
	return raw;
}

static double decode(const struct spk_format *format, const struct spk_view *raw, const int *column, int columns, int rows)
{
	struct spk_field wanted[7];
	struct spk_schema wanted_schema = { columns, wanted };
	struct spk_format_spec spec = { .table = &table, .column = column, .columns = columns, .schema = &wanted_schema };
	struct spk_decoder *d;
	int64_t begun;

	for (int i = 0; i < columns; i++)
		wanted[i] = fields[column[i]];
	must(format->decoder_open(&d, &spec, &err));
	begun = spk_clock_thread_cpu_us();
	for (int done = 0; done < rows; done += SPK_BATCH_ROWS) {
		struct spk_row_errors errors = { 0 };
		struct spk_batch *batch;

		must(spk_batch_new(&batch, &wanted_schema, NULL, &err));
		must(format->decode(d, raw + done % SET, SPK_BATCH_ROWS, batch, &errors, &err));
		if (errors.count)
			must(spk_fail(&err, SPK_DATA, "%s", errors.list[0].message));
		spk_batch_unref(batch);
	}
	format->decoder_close(d);
	return (double)(spk_clock_thread_cpu_us() - begun) / ((rows + SPK_BATCH_ROWS - 1) / SPK_BATCH_ROWS * SPK_BATCH_ROWS);
}

/* The descriptor set of the bids as a message. */
static void describe(void)
{
	int fd = mkstemp(set_path);
	char command[1024];

	if (fd < 0)
		must(spk_fail(&err, SPK_IO, "no temporary file"));
	close(fd);
	snprintf(command, sizeof(command),
	         "dir=$(mktemp -d) && printf 'syntax = \"proto3\"; import \"google/protobuf/timestamp.proto\"; message Bid { int64 auction = 1; int64 bidder = 2; int64 price = 3; string channel = 4; string url = 5; "
	         "google.protobuf.Timestamp date_time = 6; string extra = 7; }' > $dir/bid.proto && mkdir -p $dir/google/protobuf && "
	         "printf 'syntax = \"proto3\"; package google.protobuf; message Timestamp { int64 seconds = 1; int32 nanos = 2; }' > $dir/google/protobuf/timestamp.proto && "
	         "protoc -I$dir --include_imports --descriptor_set_out=%s bid.proto; status=$?; rm -rf $dir; exit $status", set_path);
	if (system(command) != 0)
		must(spk_fail(&err, SPK_IO, "protoc failed"));
}

int main(int argc, char **argv)
{
	static const struct spk_format *const formats[] = { &spk_format_json, &spk_format_csv, &spk_format_avro, &spk_format_protobuf };
	int rows = argc > 1 ? atoi(argv[1]) : 2000000;
	uint32_t *end = malloc(sizeof(*end) * SET);
	double cost;

	describe();
	generate(&cost);
	printf("%-28s %6.3f CPU-s per million\n", "generate bids, 7 columns", cost);
	for (size_t f = 0; f < SPK_COUNT_OF(formats); f++) {
		struct spk_buffer text = { 0 };
		struct spk_view *raw;
		size_t bytes;

		encode(formats[f], SET, &text, end);
		cost = encode(formats[f], rows, &text, end);
		raw = lay_out(&text, end, &bytes);
		printf("%-8s encode 7 columns         %6.3f CPU-s per million (%zu bytes a row)\n", formats[f]->name, cost, bytes);
		printf("%-8s decode 7 columns         %6.3f\n", formats[f]->name, decode(formats[f], raw, all, 7, rows));
		printf("%-8s decode 5 columns         %6.3f\n", formats[f]->name, decode(formats[f], raw, five, 5, rows));
		printf("%-8s decode 3 columns         %6.3f\n", formats[f]->name, decode(formats[f], raw, three, 3, rows));
		spk_buffer_release(&text);
	}
	unlink(set_path);
	return 0;
}
