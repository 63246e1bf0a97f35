/* Messages whose key and value have formats of their own: those without a value. */
#include "connectors/format/changelog.h"
#include "tests/connectors/fixture.h"

/* Three messages, the second of which has no value. */
static void decode(struct fx *f, struct spk_change_rows *rows)
{
	static const char *const key[] = { "{\"k\":1}", "{\"k\":2}", "{\"k\":3}" }, *const value[] = { "{\"v\":10}", "", "{\"v\":30}" };
	bool no_value[] = { false, true, false };
	struct spk_chunk chunk = { .arena = f->arena, .rows = 3, .no_value = no_value };
	struct spk_decoder *d = NULL;

	chunk.key = fx_raw(f->arena, key, NULL, 3);
	chunk.raw = fx_raw(f->arena, value, NULL, 3);
	REQUIRE_OK(spk_keyed_decoder_open(&d, &f->spec, &f->err), f->err);
	REQUIRE_OK(spk_batch_new(&f->batch, f->spec.schema, NULL, &f->err), f->err);
	REQUIRE_OK(d->format->decode_changes(d, &chunk, 0, 3, f->batch, rows, &f->errors, &f->err), f->err);
	d->format->decoder_close(d);
}

static void open_table(struct fx *f, const char *connector, const char *columns)
{
	fx_open(f, columns);
	fx_option(f, "connector", connector);
	fx_option(f, "key.format", "json");
	fx_option(f, "value.format", "json");
	fx_option(f, "value.fields-include", "EXCEPT_KEY");
}

static void rows_without_a_value(void)
{
	struct spk_change_rows rows = { 0 };
	struct fx f;

	open_table(&f, "kafka", "k integer, v integer");
	fx_option(&f, "key.fields", "k");
	decode(&f, &rows);
	CHECK_EQ_STR(fx_row(&f, 0), "1|10");
	CHECK_EQ_STR(fx_row(&f, 1), "!the message has no value, which only 'upsert-kafka' takes: as a deletion of its key");
	CHECK_EQ_STR(fx_row(&f, 2), "3|30");
	CHECK(rows.op == NULL);
	fx_close(&f);
}

static void rows_of_keys_alone(void)
{
	struct spk_change_rows rows = { 0 };
	struct fx f;

	open_table(&f, "kafka", "k integer");
	fx_option(&f, "key.fields", "k");
	decode(&f, &rows);
	CHECK_EQ_STR(fx_row(&f, 1), "2");
	CHECK_EQ_INT(f.errors.count, 0);
	fx_close(&f);
}

static void upserts(void)
{
	struct spk_change_rows rows = { 0 };
	struct fx f;

	open_table(&f, "upsert-kafka", "k integer, v integer");
	f.table.key_count = 1;
	decode(&f, &rows);
	CHECK_EQ_INT(f.errors.count, 0);
	CHECK_EQ_STR(fx_row(&f, 2), "3|30");
	CHECK_EQ_INT(rows.op[1], SPK_CHANGE_DELETE);
	CHECK_EQ_INT(rows.op[2], SPK_CHANGE_UPSERT);
	fx_close(&f);
}

SPK_TEST_SUITE("keyed", { "rows without a value", rows_without_a_value }, { "rows of keys alone", rows_of_keys_alone }, { "upserts", upserts })
