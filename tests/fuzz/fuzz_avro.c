/*
 * Avro out of anything: the first half of an input is a schema, up to a line end, the rest a datum. What must hold for every input:
 *   no crash, no byte read beyond the padding (build with SAN=address);
 *   a schema is one, or an error that says what is wrong;
 *   a datum that is malformed is so whatever columns are read of it;
 *   a row that was taken is the same after it was written, by the schema that its columns have, and read again.
 *
 * With clang: -fsanitize=fuzzer -DSPK_FUZZ_ENGINE. Else its own loop: see fuzz_json.c.
 */
#include "connectors/format/avro.h"
#include "tests/fuzz/fuzz.h"

/* Columns that most schemas of the corpus have some of: a field goes where its type fits, or the schema is refused. */
static const struct { const char *name; struct spk_type type; } avro_columns[] = {
	{ "a", { .id = SPK_TYPE_BIGINT } }, { "b", { .id = SPK_TYPE_TEXT } }, { "c", { .id = SPK_TYPE_DOUBLE } }, { "d", { .id = SPK_TYPE_DECIMAL, .precision = 20, .scale = 4 } }, { "e", { .id = SPK_TYPE_TIMESTAMP } },
	{ "f", { .id = SPK_TYPE_BYTEA } }, { "g", { .id = SPK_TYPE_BOOLEAN } }, { "h", { .id = SPK_TYPE_DATE } }, { "i", { .id = SPK_TYPE_TIME } }, { "j", { .id = SPK_TYPE_REAL } }, { "k", { .id = SPK_TYPE_TIMESTAMPTZ } },
	{ "l", { .id = SPK_TYPE_TEXT, .precision = 3 } }, { "m", { .id = SPK_TYPE_JSON } }, { "n", { .id = SPK_TYPE_SMALLINT } }, { "o", { .id = SPK_TYPE_INTEGER } },
};

enum { AVRO_COLUMNS = SPK_COUNT_OF(avro_columns) };

static void avro_table(struct fuzz_table *t, int columns)
{
	memset(t, 0, sizeof(*t));
	for (int i = 0; i < AVRO_COLUMNS; i++)
		fuzz_column(t, avro_columns[i].name, avro_columns[i].type);
	fuzz_column(t, "p", spk_type_array(SPK_TYPE_INTEGER));
	fuzz_column(t, "q", spk_type_array(SPK_TYPE_TEXT));
	fuzz_column(t, "r", (struct spk_type){ .id = SPK_TYPE_JSONB });
	fuzz_table_done(t, columns < 0 ? t->schema.count : columns);
}

static bool avro_refused;

/* As fuzz_read, for a writer's schema; sets avro_refused when the schema does not fit the columns. */
static void avro_read(struct fuzz_row *row, const struct fuzz_table *t, const struct spk_avro_type *writer, const char *data, size_t size)
{
	struct spk_avro_reader reader = { 0 };
	struct spk_format_column *column;
	const struct spk_avro_program *p;
	struct spk_row_errors errors = { 0 };
	struct spk_cells c = { .what = "field" };
	spk_error err = { 0 };
	spk_status status;
	char *copy;

	*row = (struct fuzz_row){ .arena = spk_arena_new(NULL) };
	fuzz_must(spk_format_columns(&t->spec, row->arena, &column, &reader.columns, &reader.skip, &err) == SPK_OK, data, size, err.message);
	reader.column = column;
	status = spk_avro_resolve(row->arena, writer, &reader, &p, &err);
	fuzz_must(status == SPK_OK || status == SPK_DATA, data, size, err.message);
	avro_refused = status != SPK_OK;
	if (avro_refused)
		return;
	copy = spk_arena_alloc(row->arena, size + SPK_CHUNK_PADDING);
	memcpy(copy, data, size);
	memset(copy + size, '1', SPK_CHUNK_PADDING);
	fuzz_must(spk_batch_new(&row->batch, &t->wanted, NULL, &err) == SPK_OK && spk_cells_init_columns(row->batch, 1, reader.skip, &err) == SPK_OK, data, size, err.message);
	c.arena = row->batch->arena;
	{
		struct spk_view raw = spk_view(copy, (uint32_t)size);
		struct spk_wire in = spk_cells_row(&c, &raw);

		status = spk_avro_read(p, &c, &in, row->batch, 0, &err);
	}
	fuzz_must(status == SPK_OK || status == SPK_DATA, data, size, err.message);
	if (status == SPK_DATA)
		fuzz_must(spk_cells_row_failed(&c, row->batch, 0, reader.skip, &errors, &err) == SPK_OK, data, size, err.message);
	row->reason = errors.count ? errors.list[0].message : NULL;
	spk_cells_release(&c);
}

/* Written by the schema of its columns and read again. What Avro has no word for in those is no infinity of a time. */
static void avro_again(struct fuzz_row *row, const struct fuzz_table *t)
{
	struct spk_encoder *e = NULL;
	struct spk_buffer out = { 0 };
	struct fuzz_row again;
	spk_error err = { 0 };
	uint32_t end;

	fuzz_must(spk_format_avro.encoder_open(&e, &t->spec, &err) == SPK_OK, "", 0, err.message);
	if (spk_format_avro.encode(e, row->batch, &out, &end, &err) == SPK_OK) {
		fuzz_read(&again, t, &spk_format_avro, out.data, out.size);
		fuzz_must(!again.reason, out.data, out.size, again.reason);
		fuzz_must(fuzz_same(row, &again), out.data, out.size, "a row changed when it was written and read again");
		fuzz_row_done(&again);
	} else {
		fuzz_must(strstr(err.message, "infinity") != NULL, out.data, out.size, err.message);
	}
	spk_format_avro.encoder_close(e);
	spk_buffer_release(&out);
}

static void fuzz_avro_one(const char *data, size_t size)
{
	const char *line = size ? memchr(data, '\n', size) : NULL;
	size_t schema = line ? (size_t)(line - data) : size, datum = line ? size - schema - 1 : 0;
	struct spk_arena *arena = spk_arena_new(NULL);
	const struct spk_avro_type *writer;
	struct fuzz_table all, none;
	struct fuzz_row first, skipped;
	spk_error err = { 0 };
	spk_status status = spk_avro_parse(arena, data, schema, &writer, &err);

	fuzz_must(status == SPK_OK || (status == SPK_DATA && *err.message), data, size, "a schema is neither one nor wrong");
	if (status == SPK_OK) {
		avro_table(&all, -1);
		avro_table(&none, 0);
		avro_read(&first, &all, writer, data + size - datum, datum);
		if (!avro_refused) {
			avro_read(&skipped, &none, writer, data + size - datum, datum);
			/* Bad when nothing is read of it means malformed, and then it is bad for everyone. */
			fuzz_must(!skipped.reason || first.reason, data, size, "a malformed datum was taken");
			fuzz_must(!first.reason || skipped.reason || !strncmp(first.reason, "field \"", 7), data, size, first.reason ? first.reason : "");
			if (!first.reason)
				avro_again(&first, &all);
			fuzz_row_done(&skipped);
		}
		fuzz_row_done(&first);
	}
	spk_arena_unref(arena);
}

FUZZ_PROGRAM(fuzz_avro_one)
