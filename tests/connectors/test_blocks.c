/* From batches to the blocks that sinks write: rows by weight, keys, tombstones, hashes; and the sinks that keep nothing. */
#include <fcntl.h>
#include <unistd.h>

#include "connectors/print/print.h"
#include "tests/connectors/fixture.h"

static const char *const rows[] = { "{\"k\":1,\"v\":\"a\"}", "{\"k\":2,\"v\":\"b\"}", "{\"k\":3,\"v\":\"c\"}" };

struct out {
	struct fx f;
	struct spk_sink_spec spec;
	struct spk_sink sink, *s;
	struct spk_sink_block *block;
};

static const struct spk_sink_type upserting = { .name = "test", .takes_format = true, .upserts = true };

/* A sink of no connector, so that only what is common to all is tested. */
static void begin(struct out *o, const char *format, const char *key_fields, int keys)
{
	memset(o, 0, sizeof(*o));
	fx_open(&o->f, "k bigint, v text");
	fx_option(&o->f, "connector", "kafka");
	fx_option(&o->f, "format", format);
	if (key_fields)
		fx_option(&o->f, "key.fields", key_fields);
	o->f.table.key_count = keys;
	o->spec = (struct spk_sink_spec){ .table = &o->f.table, .schema = &o->f.schema, .conf = o->f.conf, .job = "job" };
	o->sink = (struct spk_sink){ .type = &upserting, .spec = &o->spec };
	o->block = calloc(1, sizeof(*o->block));
	fx_decode(&o->f, &spk_format_json, rows, NULL, 3);
}

static void end(struct out *o)
{
	spk_sink_close_format(&o->sink);
	spk_sink_block_free(o->block);
	fx_close(&o->f);
}

/* "key=value;", a tombstone as "key=~;". */
static const char *shown(const struct spk_sink_block *b)
{
	static char text[4096];
	uint32_t value = 0, key = 0;
	size_t used = 0;

	text[0] = '\0';
	for (int i = 0; i < b->rows; i++) {
		bool tombstone = b->flags && b->flags[i] & SPK_ROW_TOMBSTONE;

		if (b->flags && b->flags[i] & SPK_ROW_HAS_KEY)
			used += (size_t)sprintf(text + used, "%.*s=", (int)(b->key_end[i] - key), b->key.data + key);
		used += (size_t)sprintf(text + used, "%s%.*s;", tombstone ? "~" : "", (int)(b->value_end[i] - value), b->value.data + value);
		value = b->value_end[i];
		key = b->key_end[i];
	}
	return text;
}

static void rows_without_keys(void)
{
	static const int32_t sel[] = { 0, 2 };
	struct out o;

	begin(&o, "json", NULL, 0);
	REQUIRE_OK(spk_sink_open_format(&o.sink, &o.f.err), o.f.err);
	REQUIRE_OK(spk_sink_encode(&o.sink, o.f.batch, o.block, NULL, &o.f.err), o.f.err);
	o.f.batch->sel = sel;
	o.f.batch->selected = 2;
	REQUIRE_OK(spk_sink_encode(&o.sink, o.f.batch, o.block, NULL, &o.f.err), o.f.err);
	CHECK_EQ_STR(shown(o.block), "{\"k\":1,\"v\":\"a\"};{\"k\":2,\"v\":\"b\"};{\"k\":3,\"v\":\"c\"};{\"k\":1,\"v\":\"a\"};{\"k\":3,\"v\":\"c\"};");
	CHECK(!o.block->flags);
	end(&o);
}

static void rows_as_often_as_their_weight(void)
{
	static const int32_t weight[] = { 3, 1, 2 }, changes[] = { -2, 1, 0 };
	struct out o;

	begin(&o, "csv", NULL, 0);
	REQUIRE_OK(spk_sink_open_format(&o.sink, &o.f.err), o.f.err);
	o.f.batch->weight = weight;
	REQUIRE_OK(spk_sink_encode(&o.sink, o.f.batch, o.block, NULL, &o.f.err), o.f.err);
	CHECK_EQ_STR(shown(o.block), "1,a;1,a;1,a;2,b;3,c;3,c;");
	end(&o);
	begin(&o, "debezium-json", NULL, 0);
	REQUIRE_OK(spk_sink_open_format(&o.sink, &o.f.err), o.f.err);
	o.f.batch->weight = changes;
	REQUIRE_OK(spk_sink_encode(&o.sink, o.f.batch, o.block, NULL, &o.f.err), o.f.err);
	CHECK_EQ_STR(shown(o.block), "{\"op\":\"d\",\"before\":{\"k\":1,\"v\":\"a\"},\"after\":null};{\"op\":\"d\",\"before\":{\"k\":1,\"v\":\"a\"},\"after\":null};"
	                             "{\"op\":\"c\",\"before\":null,\"after\":{\"k\":2,\"v\":\"b\"}};");
	end(&o);
}

static void keys_and_tombstones(void)
{
	static const int32_t weight[] = { 1, -1, 1 };
	struct out o;

	begin(&o, "json", NULL, 1);
	REQUIRE_OK(spk_sink_open_format(&o.sink, &o.f.err), o.f.err);
	o.f.batch->weight = weight;
	REQUIRE_OK(spk_sink_encode(&o.sink, o.f.batch, o.block, NULL, &o.f.err), o.f.err);
	CHECK_EQ_STR(shown(o.block), "{\"k\":1}={\"k\":1,\"v\":\"a\"};{\"k\":2}=~;{\"k\":3}={\"k\":3,\"v\":\"c\"};");
	end(&o);
}

static void keys_of_chosen_fields(void)
{
	struct out o;

	begin(&o, "json", "v;k", 0);
	fx_option(&o.f, "key.format", "csv");
	REQUIRE_OK(spk_sink_open_format(&o.sink, &o.f.err), o.f.err);
	REQUIRE_OK(spk_sink_encode(&o.sink, o.f.batch, o.block, NULL, &o.f.err), o.f.err);
	CHECK_EQ_STR(shown(o.block), "1,a={\"k\":1,\"v\":\"a\"};2,b={\"k\":2,\"v\":\"b\"};3,c={\"k\":3,\"v\":\"c\"};");
	end(&o);
	begin(&o, "json", "k", 0);
	fx_option(&o.f, "value.fields-include", "EXCEPT_KEY");
	REQUIRE_OK(spk_sink_open_format(&o.sink, &o.f.err), o.f.err);
	REQUIRE_OK(spk_sink_encode(&o.sink, o.f.batch, o.block, NULL, &o.f.err), o.f.err);
	CHECK_EQ_STR(shown(o.block), "{\"k\":1}={\"v\":\"a\"};{\"k\":2}={\"v\":\"b\"};{\"k\":3}={\"v\":\"c\"};");
	end(&o);
	begin(&o, "json", "v", 0);
	fx_option(&o.f, "key.format", "raw");
	REQUIRE_OK(spk_sink_open_format(&o.sink, &o.f.err), o.f.err);
	REQUIRE_OK(spk_sink_encode(&o.sink, o.f.batch, o.block, NULL, &o.f.err), o.f.err);
	CHECK_EQ_STR(shown(o.block), "a={\"k\":1,\"v\":\"a\"};b={\"k\":2,\"v\":\"b\"};c={\"k\":3,\"v\":\"c\"};");
	end(&o);
	begin(&o, "json", "v;x", 0);
	CHECK_FAILS(spk_sink_open_format(&o.sink, &o.f.err), SPK_USAGE, o.f.err);
	CHECK_HOLDS(o.f.err.message, "'key.fields' = 'v;x'");
	end(&o);
}

/* Of the rows, whatever their order and however they are spread over batches; of every byte of them. */
static void hashes_are_of_the_set_of_rows(void)
{
	static const int32_t order[][3] = { { 0, 1, 2 }, { 2, 0, 1 } };
	uint64_t hash[3];
	struct out o;

	for (int i = 0; i < 3; i++) {
		begin(&o, "json", NULL, 0);
		REQUIRE_OK(spk_sink_open_format(&o.sink, &o.f.err), o.f.err);
		o.f.batch->sel = order[i % 2];
		if (i == 2) {
			o.f.batch->selected = 1;
			REQUIRE_OK(spk_sink_encode(&o.sink, o.f.batch, o.block, NULL, &o.f.err), o.f.err);
			o.f.batch->sel++;
			o.f.batch->selected = 2;
		}
		REQUIRE_OK(spk_sink_encode(&o.sink, o.f.batch, o.block, NULL, &o.f.err), o.f.err);
		hash[i] = o.block->hash;
		if (i == 0) {
			spk_vector_i64(&o.f.batch->column[0])[1] = 4;
			o.block->hash = 0;
			REQUIRE_OK(spk_sink_encode(&o.sink, o.f.batch, o.block, NULL, &o.f.err), o.f.err);
			CHECK(o.block->hash != hash[0]);
			/* A row that is there twice is not a row that is not there. */
			hash[1] = o.block->hash;
			REQUIRE_OK(spk_sink_encode(&o.sink, o.f.batch, o.block, NULL, &o.f.err), o.f.err);
			CHECK(o.block->hash == 2 * hash[1]);
		}
		end(&o);
	}
	CHECK(hash[0] == hash[1]);
	CHECK(hash[0] == hash[2]);
}

/* --- print and blackhole --- */

/* What the sink writes to stdout in these epochs; the middle one is aborted. */
static char *printed(struct out *o, const char *connector, const int32_t *weight)
{
	char *dir = spk_test_dir("print"), *path = spk_test_format("%s/stdout", dir), *text;
	int saved = dup(STDOUT_FILENO), fd = open(path, O_CREAT | O_RDWR | O_TRUNC, 0600);

	REQUIRE_OK(spk_sink_type(connector)->open(&o->s, &o->spec, &o->f.err), o->f.err);
	o->f.batch->weight = weight;
	dup2(fd, STDOUT_FILENO);
	for (int64_t e = 1; e <= 3; e++) {
		struct spk_sink_block *b = calloc(1, sizeof(*b));

		REQUIRE_OK(spk_sink_encode(o->s, o->f.batch, b, NULL, &o->f.err), o->f.err);
		CHECK_EQ_INT(b->rows, 3);
		REQUIRE_OK(o->s->type->write(o->s, e, b, &o->f.err), o->f.err);
		spk_sink_block_free(b);
		if (e == 2) {
			o->s->type->abort(o->s, e);
			continue;
		}
		REQUIRE_OK(o->s->type->prepare(o->s, e, &o->f.err), o->f.err);
		REQUIRE_OK(o->s->type->commit(o->s, e, &o->f.err), o->f.err);
		REQUIRE_OK(o->s->type->commit(o->s, e, &o->f.err), o->f.err);
		o->f.batch->selected = 3;
	}
	dup2(saved, STDOUT_FILENO);
	close(saved);
	close(fd);
	o->s->type->close(o->s);
	text = spk_test_slurp(path, NULL);
	free(dir);
	free(path);
	return text;
}

static void print_writes_lines(void)
{
	static const int32_t weight[] = { 1, -1, 1 };
	struct out o;
	char *got;

	begin(&o, "csv", NULL, 0);
	got = printed(&o, "print", NULL);
	CHECK_EQ_STR(got, "1,a\n2,b\n3,c\n1,a\n2,b\n3,c\n");
	free(got);
	got = printed(&o, "print", weight);
	CHECK_HOLDS(got, "{\"op\":\"c\",\"before\":null,\"after\":{\"k\":1,\"v\":\"a\"}}\n{\"op\":\"d\",\"before\":{\"k\":2,\"v\":\"b\"},\"after\":null}\n");
	free(got);
	o.spec.retracts = true;
	got = printed(&o, "print", NULL);
	CHECK_HOLDS(got, "{\"op\":\"c\",\"before\":null,\"after\":{\"k\":1,\"v\":\"a\"}}\n");
	free(got);
	got = printed(&o, "blackhole", NULL);
	CHECK_EQ_STR(got, "");
	free(got);
	end(&o);
}

static void aligned_tables(void)
{
	struct spk_buffer text = { 0 };
	struct out o;

	begin(&o, "csv", NULL, 0);
	spk_vector_view(&o.f.batch->column[1])[1] = spk_view_str("l\xc3\xa9n\nt");
	REQUIRE_OK(spk_print_cells(o.f.batch, NULL, o.block, &o.f.err), o.f.err);
	REQUIRE_OK(spk_print_table(&o.f.schema, o.block->value.data, o.block->value.size, &text, &o.f.err), o.f.err);
	CHECK_EQ_STR(spk_buffer_cstr(&text), " k |   v    \n---+--------\n 1 | a\n 2 | l\xc3\xa9n\\nt\n 3 | c\n(3 rows)\n");
	spk_buffer_release(&text);
	end(&o);
}

SPK_TEST_SUITE("blocks",
	{ "rows without keys", rows_without_keys },
	{ "rows as often as their weight", rows_as_often_as_their_weight },
	{ "keys and tombstones", keys_and_tombstones },
	{ "keys of chosen fields", keys_of_chosen_fields },
	{ "hashes are of the set of rows", hashes_are_of_the_set_of_rows },
	{ "print writes lines", print_writes_lines },
	{ "aligned tables", aligned_tables })
