/* Rows out of nothing: sequences, ranges, NULLs, the end; the same however they are fetched. */
#include "tests/connectors/fixture.h"

static char *made(const char *columns, const char *const *option, int bite)
{
	struct spk_buffer out = { 0 };
	struct spk_source_spec spec;
	struct spk_source *s;
	int64_t start = -1, at;
	char *text;
	struct fx f;

	fx_open(&f, columns);
	fx_option(&f, "connector", "datagen");
	for (; *option; option += 2)
		fx_option(&f, option[0], option[1]);
	REQUIRE_OK(spk_connector_check_table(&f.table, f.conf, &f.err), f.err);
	spec = (struct spk_source_spec){ .table = &f.table, .column = f.wanted, .columns = f.wanted_count, .schema = &f.wanted_schema, .job = "job", .conf = f.conf };
	REQUIRE_OK(spk_source_type("datagen")->open(&s, &spec, &f.err), f.err);
	REQUIRE_OK(s->type->seek(s, &start, &at, &f.err), f.err);
	for (bool finished = false; !finished;) {
		struct spk_chunk chunk = { 0 };

		REQUIRE_OK(s->type->fetch(s, 0, INT64_MAX, bite, 1 << 20, 100000, &chunk, &f.err), f.err);
		finished = chunk.finished;
		spk_batch_unref(f.batch);
		REQUIRE_OK(spk_source_decode(s, &chunk, 0, chunk.rows, NULL, &f.batch, &f.err), f.err);
		for (int i = 0; i < chunk.rows; i++)
			REQUIRE_OK(spk_buffer_printf(&out, &f.err, "%s\n", fx_row(&f, i)), f.err);
		spk_chunk_release(&chunk);
	}
	s->type->close(s);
	fx_close(&f);
	text = strdup(out.size ? spk_buffer_cstr(&out) : "");
	spk_buffer_release(&out);
	return text;
}

static void sequences_end(void)
{
	static const char *const option[] = { "fields.a.kind", "sequence", "fields.a.start", "-1", "fields.a.end", "2", "fields.b.kind", "sequence", "fields.b.start", "10", "rows-per-second", "1000000", NULL };
	char *got = made("a bigint, b text, c timestamp", option, 3);

	CHECK_EQ_STR(got, "-1|10|2025-01-01 00:00:00\n0|11|2025-01-01 00:00:00.000001\n1|12|2025-01-01 00:00:00.000002\n2|13|2025-01-01 00:00:00.000003\n");
	free(got);
}

static void the_same_however_fetched(void)
{
	static const char *const option[] = { "number-of-rows", "500", "rows-per-second", "1000000", "fields.b.length", "20", "fields.c.min", "5", "fields.c.max", "7", "fields.c.null-rate", "0.25", NULL };
	static const char columns[] = "a bigint, b text, c integer, d double precision, e boolean, f numeric(6,2), g smallint, h date, i time, j real";
	char *a = made(columns, option, 4096), *b = made(columns, option, 7), *save = NULL;
	int rows = 0, nulls = 0;

	CHECK_EQ_STR(b, a);
	for (char *line = strtok_r(b, "\n", &save); line; line = strtok_r(NULL, "\n", &save), rows++) {
		char text[64], c[16];

		REQUIRE(sscanf(line, "%*[^|]|%63[^|]|%15[^|]|", text, c) == 2);
		CHECK_EQ_INT(strlen(text), 20);
		nulls += !strcmp(c, "NULL");
		CHECK(!strcmp(c, "NULL") || (c[0] >= '5' && c[0] <= '7' && !c[1]));
	}
	CHECK_EQ_INT(rows, 500);
	CHECK_NEAR(nulls, 125, 40);
	free(a);
	free(b);
}

SPK_TEST_SUITE("datagen", { "sequences end", sequences_end }, { "the same however fetched", the_same_however_fetched })
