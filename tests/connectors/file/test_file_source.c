/* Files as a source: what is found, positions, replay from any of them, what is said when files are not what they were. */
#include <sys/stat.h>
#include <unistd.h>

#include "tests/connectors/fixture.h"

struct src {
	struct fx f;
	struct spk_source_spec spec;
	struct spk_source *s;
	char *dir;
	bool batch;
};

static void put(const struct src *t, const char *name, const char *text)
{
	char *path = spk_test_format("%s/%s", t->dir, name);

	spk_test_spew(path, text, strlen(text));
	free(path);
}

static void begin(struct src *t, const char *columns)
{
	memset(t, 0, sizeof(*t));
	t->dir = spk_test_dir("files");
	fx_open(&t->f, columns);
	fx_option(&t->f, "connector", "filesystem");
}

static spk_status open_source(struct src *t, const char *path)
{
	spk_status status;
	char *whole = spk_test_format("%s%s%s", t->dir, *path ? "/" : "", path);
	int64_t start[64], at[64];

	fx_option(&t->f, "path", whole);
	free(whole);
	t->spec = (struct spk_source_spec){ .table = &t->f.table, .column = t->f.wanted, .columns = t->f.wanted_count, .schema = &t->f.wanted_schema, .job = "job",
	                                    .conf = t->f.conf, .batch = t->batch };
	memset(&t->f.err, 0, sizeof(t->f.err));
	status = spk_source_type("filesystem")->open(&t->s, &t->spec, &t->f.err);
	if (status != SPK_OK)
		return status;
	for (int i = 0; i < 64; i++)
		start[i] = SPK_POSITION_START;
	REQUIRE_OK(t->s->type->seek(t->s, start, at, &t->f.err), t->f.err);
	return SPK_OK;
}

static void end(struct src *t)
{
	if (t->s)
		t->s->type->close(t->s);
	fx_close(&t->f);
	spk_test_remove(t->dir);
	free(t->dir);
}

/* Rows of a partition from where it stands, "row;row;", at most so many at once; the sum of the chunks' hashes too. */
static char *read_all(struct src *t, int partition, int64_t stop, int max_rows, uint64_t *hash)
{
	struct spk_buffer out = { 0 };
	bool finished = false;
	char *text;

	*hash = 0;
	while (!finished) {
		struct spk_chunk chunk = { 0 };

		REQUIRE_OK(t->s->type->fetch(t->s, partition, stop, max_rows, 1 << 20, 0, &chunk, &t->f.err), t->f.err);
		finished = chunk.finished || (stop != INT64_MAX && chunk.end >= stop);
		*hash += chunk.hash;
		CHECK(chunk.rows <= max_rows);
		for (int from = 0; from < chunk.rows; from += SPK_BATCH_ROWS) {
			int n = chunk.rows - from < SPK_BATCH_ROWS ? chunk.rows - from : SPK_BATCH_ROWS;

			spk_batch_unref(t->f.batch);
			t->f.batch = NULL;
			t->f.errors = (struct spk_row_errors){ 0 };
			REQUIRE_OK(spk_source_decode(t->s, &chunk, from, n, &t->f.errors, &t->f.batch, &t->f.err), t->f.err);
			for (int i = 0; i < n; i++)
				REQUIRE_OK(spk_buffer_printf(&out, &t->f.err, "%s;", fx_row(&t->f, i)), t->f.err);
			CHECK(t->f.batch->origin != NULL);
			CHECK_EQ_INT(t->f.batch->origin->offset[0], chunk.position[from]);
		}
		spk_chunk_release(&chunk);
	}
	text = strdup(out.size ? spk_buffer_cstr(&out) : "");
	spk_buffer_release(&out);
	return text;
}

static void reads(struct src *t, int partition, const char *want)
{
	uint64_t hash;
	char *got = read_all(t, partition, INT64_MAX, 1000, &hash);

	CHECK_EQ_STR(got, want);
	free(got);
}

static void one_file_of_json(void)
{
	struct src t;

	begin(&t, "a bigint, b text");
	put(&t, "x.ndjson", "{\"a\":1,\"b\":\"x\"}\n\n{\"a\":2}\r\n{}\n{\"a\":\"z\"}\n{\"b\":\"no line end\"}");
	REQUIRE_OK(open_source(&t, "x.ndjson"), t.f.err);
	CHECK_EQ_INT(t.s->partitions, 1);
	reads(&t, 0, "1|x;2|NULL;NULL|NULL;!member \"a\": found \"z\", expected bigint;NULL|no line end;");
	end(&t);
}

static void csv_with_headers_in_other_orders(void)
{
	struct src t;

	begin(&t, "a bigint, b text");
	put(&t, "1.csv", "a,b\n1,x\n");
	put(&t, "2.csv", "\xef\xbb\xbf" "b,a\r\ny,2\r\n");
	put(&t, "3.csv", "B,extra,A\n\"multi\nline\",,3\n");
	put(&t, "4.csv", "");
	put(&t, "5.csv", "a,b\n");
	put(&t, ".hidden.csv", "nothing\n");
	put(&t, "_also.csv", "nothing\n");
	fx_option(&t.f, "format", "csv");
	REQUIRE_OK(open_source(&t, ""), t.f.err);
	CHECK_EQ_INT(t.s->partitions, 5);
	reads(&t, 0, "1|x;");
	reads(&t, 1, "2|y;");
	reads(&t, 2, "3|multi\nline;");
	reads(&t, 3, "");
	reads(&t, 4, "");
	CHECK_HOLDS(t.s->type->partition_name(t.s, 2), "/3.csv");
	end(&t);
}

static void csv_without_header(void)
{
	struct src t;

	begin(&t, "a bigint, b text");
	put(&t, "x.csv", "1,x\n2,y\n");
	fx_option(&t.f, "csv.header", "false");
	REQUIRE_OK(open_source(&t, "x.csv"), t.f.err);
	reads(&t, 0, "1|x;2|y;");
	end(&t);
}

static void a_header_without_a_column_is_an_error(void)
{
	struct spk_chunk chunk = { 0 };
	struct src t;

	begin(&t, "a bigint, missing text");
	put(&t, "x.csv", "a,b\n1,x\n");
	REQUIRE_OK(open_source(&t, "x.csv"), t.f.err);
	CHECK_FAILS(t.s->type->fetch(t.s, 0, INT64_MAX, 10, 1000, 0, &chunk, &t.f.err), SPK_DATA, t.f.err);
	CHECK_HOLDS(t.f.err.message, "x.csv': table \"t\": the CSV header has no column \"missing\"; it is: a,b");
	end(&t);
}

static void patterns_and_what_is_not_there(void)
{
	struct src t;

	begin(&t, "a bigint");
	put(&t, "p1.json", "{\"a\":1}\n");
	put(&t, "p2.json", "{\"a\":2}\n");
	put(&t, "q.json", "{\"a\":3}\n");
	REQUIRE_OK(open_source(&t, "p*.json"), t.f.err);
	CHECK_EQ_INT(t.s->partitions, 2);
	reads(&t, 1, "2;");
	t.s->type->close(t.s);
	t.s = NULL;
	CHECK_FAILS(open_source(&t, "z*.json"), SPK_NOT_FOUND, t.f.err);
	CHECK_FAILS(open_source(&t, "z.json"), SPK_NOT_FOUND, t.f.err);
	put(&t, "x.json.bz2", "");
	CHECK_FAILS(open_source(&t, "x.json.bz2"), SPK_UNSUPPORTED, t.f.err);
	CHECK_HOLDS(t.f.err.message, "x.json.bz2");
	end(&t);
}

static void metadata_columns(void)
{
	struct src t;

	begin(&t, "a bigint, at bigint, f text, p integer");
	t.f.metadata[1] = "offset";
	t.f.metadata[2] = "file.name";
	t.f.metadata[3] = "partition";
	put(&t, "x.json", "{\"a\":1}\n{\"a\":2,\"at\":5}\n");
	REQUIRE_OK(open_source(&t, "x.json"), t.f.err);
	reads(&t, 0, "1|0|x.json|0;2|8|x.json|0;");
	end(&t);
}

/* Every start, every end, every size of bite: the same rows at the same positions, and the same sum of hashes. */
static void any_bite_gives_the_same_rows(void)
{
	spk_test_rng rng = spk_test_rng_new(1);
	struct spk_buffer text = { 0 }, want = { 0 };
	struct src t;
	uint64_t whole, hash;
	char *all, *got;

	begin(&t, "a text, b text");
	REQUIRE_OK(spk_buffer_append_str(&text, "a,b\n", &t.f.err), t.f.err);
	for (int i = 0; i < 3000; i++) {
		REQUIRE_OK(spk_buffer_printf(&text, &t.f.err, i % 7 ? "%d,x%.*s\n" : "\"%d\n\",\"%.*s\"\r\n", i, (int)spk_test_below(&rng, 60), "............................................................"), t.f.err);
		if (spk_test_one_in(&rng, 50))
			REQUIRE_OK(spk_buffer_append_str(&text, "\n", &t.f.err), t.f.err);
	}
	put(&t, "x.csv", spk_buffer_cstr(&text));
	REQUIRE_OK(open_source(&t, "x.csv"), t.f.err);
	all = read_all(&t, 0, INT64_MAX, 4096, &whole);
	for (int round = 0; round < 30; round++) {
		int64_t start = SPK_POSITION_START, at;
		int bite = 1 + (int)spk_test_below(&rng, round % 2 ? 20 : 2000);

		REQUIRE_OK(t.s->type->seek(t.s, &start, &at, &t.f.err), t.f.err);
		got = read_all(&t, 0, INT64_MAX, bite, &hash);
		CHECK_EQ_STR(got, all);
		CHECK(hash == whole);
		free(got);
	}
	/* In two halves, cut where a chunk ended: that is a replay. */
	for (int round = 0; round < 30; round++) {
		int64_t start = SPK_POSITION_START, at;
		struct spk_chunk chunk = { 0 };
		uint64_t first;

		REQUIRE_OK(t.s->type->seek(t.s, &start, &at, &t.f.err), t.f.err);
		REQUIRE_OK(t.s->type->fetch(t.s, 0, INT64_MAX, 1 + (int)spk_test_below(&rng, 2500), 1 << 20, 0, &chunk, &t.f.err), t.f.err);
		start = chunk.end;
		first = chunk.hash;
		spk_chunk_release(&chunk);
		got = read_all(&t, 0, INT64_MAX, 500, &hash);
		CHECK_EQ_STR(got, all + strlen(all) - strlen(got));
		CHECK(hash + first == whole);
		free(got);
		at = 0;
		REQUIRE_OK(t.s->type->seek(t.s, &at, &at, &t.f.err), t.f.err);
		got = read_all(&t, 0, start, 700, &hash);
		CHECK(strncmp(got, all, strlen(got)) == 0);
		CHECK(hash == first);
		free(got);
	}
	spk_buffer_release(&text);
	spk_buffer_release(&want);
	free(all);
	end(&t);
}

static void long_rows(void)
{
	size_t n = 3 << 20;
	char *row = malloc(n + 64);
	struct spk_chunk chunk = { 0 };
	struct src t;

	begin(&t, "a text");
	memcpy(row, "{\"a\":\"", 6);
	memset(row + 6, 'x', n);
	strcpy(row + 6 + n, "\"}\n{\"a\":\"y\"}\n");
	put(&t, "x.json", row);
	REQUIRE_OK(open_source(&t, "x.json"), t.f.err);
	REQUIRE_OK(t.s->type->fetch(t.s, 0, INT64_MAX, 10, 1000, 0, &chunk, &t.f.err), t.f.err);
	CHECK_EQ_INT(chunk.raw[0].length, n + 8);
	REQUIRE_OK(spk_source_decode(t.s, &chunk, 0, 1, NULL, &t.f.batch, &t.f.err), t.f.err);
	CHECK_EQ_INT(spk_vector_view(&t.f.batch->column[0])[0].length, n);
	spk_chunk_release(&chunk);
	free(row);
	end(&t);
}

static void files_that_were_cut(void)
{
	struct spk_chunk chunk = { 0 };
	int64_t at = 8, resolved;
	struct src t;
	char *path;

	begin(&t, "a bigint");
	put(&t, "x.json", "{\"a\":1}\n");
	REQUIRE_OK(open_source(&t, "x.json"), t.f.err);
	CHECK_OK(t.s->type->seek(t.s, &at, &resolved, &t.f.err), t.f.err);
	at = 9;
	CHECK_FAILS(t.s->type->seek(t.s, &at, &resolved, &t.f.err), SPK_CORRUPT, t.f.err);
	CHECK_HOLDS(t.f.err.message, "x.json' has 8 bytes, but was read up to byte 9 before");
	at = 0;
	REQUIRE_OK(t.s->type->seek(t.s, &at, &resolved, &t.f.err), t.f.err);
	path = spk_test_format("%s/x.json", t.dir);
	REQUIRE(truncate(path, 3) == 0);
	CHECK_FAILS(t.s->type->fetch(t.s, 0, INT64_MAX, 10, 1000, 0, &chunk, &t.f.err), SPK_CORRUPT, t.f.err);
	CHECK_HOLDS(t.f.err.message, "was cut to 3 bytes");
	free(path);
	end(&t);
}

static void paths_stay_in_files_root(void)
{
	struct src t;
	char *outside = spk_test_dir("outside"), *link, *file;

	begin(&t, "a bigint");
	put(&t, "x.json", "{\"a\":1}\n");
	file = spk_test_format("%s/secret.json", outside);
	link = spk_test_format("%s/link.json", t.dir);
	spk_test_spew(file, "{}", 2);
	REQUIRE(symlink(file, link) == 0);
	REQUIRE_OK(spk_conf_set(t.f.conf, "files.root", t.dir, &t.f.err), t.f.err);
	CHECK_OK(open_source(&t, "x.json"), t.f.err);
	t.s->type->close(t.s);
	t.s = NULL;
	CHECK_FAILS(open_source(&t, "link.json"), SPK_USAGE, t.f.err);
	CHECK_HOLDS(t.f.err.message, "outside of files.root");
	CHECK_FAILS(open_source(&t, "../outside/secret.json"), SPK_USAGE, t.f.err);
	CHECK_FAILS(open_source(&t, "not/there/../../../x"), SPK_USAGE, t.f.err);
	CHECK_FAILS(open_source(&t, "new.json"), SPK_NOT_FOUND, t.f.err);
	free(outside);
	free(link);
	free(file);
	end(&t);
}

SPK_TEST_SUITE("file source",
	{ "one file of json", one_file_of_json },
	{ "csv with headers in other orders", csv_with_headers_in_other_orders },
	{ "csv without header", csv_without_header },
	{ "a header without a column is an error", a_header_without_a_column_is_an_error },
	{ "patterns, and what is not there", patterns_and_what_is_not_there },
	{ "metadata columns", metadata_columns },
	{ "any bite gives the same rows", any_bite_gives_the_same_rows },
	{ "long rows", long_rows },
	{ "files that were cut", files_that_were_cut },
	{ "paths stay in files.root", paths_stay_in_files_root })
