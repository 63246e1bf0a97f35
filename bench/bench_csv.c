/*
 * What reading CSV in batch costs: the pass over the bytes with every set of instructions this machine has, the index, and each column's values.
 * Rows are like TPC-H's lineitem. `bench_csv [rounds]`; nanoseconds of CPU per byte, row or value.
 */
#include <stdio.h>
#include <stdlib.h>

#include "connectors/connector.h"
#include "connectors/format/csv.h"
#include "core/base/check.h"
#include "core/base/clock.h"
#include "core/expr/text.h"

enum { ROWS = 4096, FIELDS = 16 };

static const char *const columns[FIELDS][2] = {
	{ "orderkey", "bigint" }, { "partkey", "bigint" }, { "suppkey", "bigint" }, { "linenumber", "integer" }, { "quantity", "numeric(15,2)" },
	{ "price", "numeric(15,2)" }, { "discount", "numeric(15,2)" }, { "tax", "double precision" }, { "returnflag", "text" }, { "linestatus", "text" },
	{ "shipdate", "date" }, { "commitdate", "date" }, { "received", "timestamp" }, { "instruct", "text" }, { "mode", "text" }, { "comment", "text" },
};
static spk_error err;

static void must(spk_status status)
{
	if (status == SPK_OK)
		return;
	fprintf(stderr, "%s\n", err.message);
	exit(1);
}

static unsigned lot(unsigned below)
{
	static uint64_t state = 1;

	state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (unsigned)(state >> 33) % below;
}

static void generate(struct spk_buffer *out)
{
	static const char *const instruct[] = { "DELIVER IN PERSON", "COLLECT COD", "NONE", "TAKE BACK RETURN" }, *const mode[] = { "AIR", "REG AIR", "SHIP", "TRUCK", "MAIL", "FOB", "RAIL" };
	static const char words[] = "carefully final deposits detect slyly against the furiously regular pinto beans haggle blithely";

	for (unsigned i = 0; i < ROWS; i++) {
		unsigned start = lot(40);

		must(spk_buffer_printf(out, &err, "%u,%u,%u,%u,%u,%u.%02u,0.%02u,0.%02u,%c,%c,199%u-%02u-%02u,199%u-%02u-%02u,199%u-%02u-%02u 12:00:%02u,%s,%s,\"%.*s\"\n", 6000000 + i / 4,
		                       lot(200000), lot(10000), i % 4, 1 + lot(50), 900 + lot(99999), lot(100), lot(11), lot(9), "ANR"[lot(3)], "OF"[lot(2)], lot(10), 1 + lot(12),
		                       1 + lot(28), lot(10), 1 + lot(12), 1 + lot(28), lot(10), 1 + lot(12), 1 + lot(28), lot(60), instruct[lot(4)], mode[lot(7)], (int)(10 + lot(34)), words + start));
	}
}

static void time_passes(const char *data, size_t size, int rounds)
{
	uint32_t *place = malloc(sizeof(*place) * (size + SPK_CSV_SLACK));
	const struct spk_csv_pass *pass;
	int n = spk_csv_passes(&pass);

	for (int i = 0; i < n; i++) {
		int64_t begun = spk_clock_thread_cpu_us();

		for (int k = 0; k < rounds; k++) {
			struct spk_csv_scan s = { .data = data, .size = (uint32_t)size, .delimiter = ',', .quote = '"', .place = place, .room = size };

			pass[i].run(&s);
		}
		printf("pass %-14s %7.3f ns a byte\n", pass[i].name, (double)(spk_clock_thread_cpu_us() - begun) * 1000 / (double)size / rounds);
	}
	free(place);
}

static void time_column(const struct spk_table *table, int column, int count, const char *data, size_t size, int rounds)
{
	int read[FIELDS];
	struct spk_schema schema = { count, table->schema->field + column };
	struct spk_format_spec spec = { .table = table, .column = read, .columns = count, .schema = &schema };
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_decoder *d;
	struct spk_piece *piece;
	struct spk_batch *batch;
	size_t used;
	int64_t begun;

	for (int i = 0; i < count; i++)
		read[i] = column + i;
	must(spk_format_csv.decoder_open(&d, &spec, &err));
	must(spk_format_csv.index(d, data, size, true, ROWS, arena, &piece, &used, &err));
	begun = spk_clock_thread_cpu_us();
	for (int k = 0; k < rounds; k++) {
		must(spk_batch_new(&batch, &schema, NULL, &err));
		must(spk_format_csv.decode_piece(d, piece, 0, piece->rows, batch, NULL, NULL, &err));
		spk_batch_unref(batch);
	}
	printf("%-14s %-14s %7.2f ns a row\n", count == 1 ? columns[column][0] : "all", count == 1 ? columns[column][1] : "", (double)(spk_clock_thread_cpu_us() - begun) * 1000 / ROWS / rounds);
	spk_format_csv.decoder_close(d);
	spk_arena_unref(arena);
}

int main(int argc, char **argv)
{
	static struct spk_field field[FIELDS];
	static struct spk_schema schema = { FIELDS, field };
	static const struct spk_table table = { .name = "lineitem", .connector = "filesystem", .schema = &schema, .time_column = -1 };
	int rounds = argc > 1 ? atoi(argv[1]) : 500;
	struct spk_buffer text = { 0 };
	size_t size;
	char *data;

	for (int i = 0; i < FIELDS; i++) {
		field[i] = (struct spk_field){ .name = columns[i][0], .nullable = true };
		must(spk_type_parse(columns[i][1], &field[i].type, &err));
	}
	must(spk_buffer_append(&text, "0123456789012345678901234567890123456789012345678901234567890123", SPK_CHUNK_PADDING, &err));
	generate(&text);
	size = text.size - SPK_CHUNK_PADDING;
	must(spk_buffer_append(&text, "0123456789012345678901234567890123456789012345678901234567890123", SPK_CHUNK_PADDING, &err));
	data = text.data + SPK_CHUNK_PADDING;
	printf("%d rows of %zu bytes\n", ROWS, size / ROWS);
	time_passes(data, size, rounds);
	for (int i = 0; i < FIELDS; i++)
		time_column(&table, i, 1, data, size, rounds);
	time_column(&table, 0, FIELDS, data, size, rounds);
	spk_buffer_release(&text);
	return 0;
}
