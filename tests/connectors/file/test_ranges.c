/*
 * Files in batch: ranges of a file, one after the other, are the file; a range that was begun in the wrong place is found out; compressed
 * files; where bad rows are.
 */
#include <zlib.h>
#include <zstd.h>

#include "tests/connectors/fixture.h"

struct src {
	struct fx f;
	struct spk_source_spec spec;
	struct spk_source *s;
	char *dir;
	int options;               /* of the table but for its path */
	bool misjudged;
	spk_status status;         /* of the last reading */
};

static unsigned lot(spk_test_rng *rng, unsigned below) { return (unsigned)spk_test_below(rng, below); }

static void begin(struct src *t, const char *columns)
{
	memset(t, 0, sizeof(*t));
	t->dir = spk_test_dir("ranges");
	fx_open(&t->f, columns);
	fx_option(&t->f, "connector", "filesystem");
	t->options = t->f.table.option_count;
}

static void option(struct src *t, const char *key, const char *value)
{
	t->f.table.option_count = t->options;
	fx_option(&t->f, key, value);
	t->options++;
}

static void end(struct src *t)
{
	fx_close(&t->f);
	spk_test_remove(t->dir);
	free(t->dir);
}

static void put(const struct src *t, const char *name, const char *text, size_t size)
{
	char *path = spk_test_format("%s/%s", t->dir, name);

	spk_test_spew(path, text, size);
	free(path);
}

static void put_text(const struct src *t, const char *name, const char *text) { put(t, name, text, strlen(text)); }

static spk_status read_partition(struct src *t, int partition, struct spk_buffer *out)
{
	bool finished = false;

	while (!finished) {
		struct spk_chunk chunk = { 0 };

		SPK_TRY(t->s->type->fetch(t->s, partition, INT64_MAX, 1 << 16, 4 << 20, 0, &chunk, &t->f.err));
		finished = chunk.finished;
		for (int from = 0; from < chunk.rows; from += SPK_BATCH_ROWS) {
			spk_status status;

			spk_batch_unref(t->f.batch);
			t->f.batch = NULL;
			status = spk_source_decode(t->s, &chunk, from, SPK_MIN(chunk.rows - from, SPK_BATCH_ROWS), NULL, &t->f.batch, &t->f.err);
			if (status != SPK_OK) {
				spk_chunk_release(&chunk);
				return status;
			}
			for (int i = 0; i < t->f.batch->rows; i++)
				SPK_TRY(spk_buffer_printf(out, &t->f.err, "%s;", fx_row(&t->f, i)));
		}
		spk_chunk_release(&chunk);
	}
	return SPK_OK;
}

/* All rows of `name` in ranges of so many bytes (NULL: whole files), "row;row;". Freed by the caller; t->status says how it went. */
static char *read_all(struct src *t, const char *name, const char *range, int *partitions)
{
	char *path = spk_test_format("%s/%s", t->dir, name);
	int64_t start[4096], at[4096];
	struct spk_buffer out = { 0 };
	char *text;

	t->f.table.option_count = t->options;
	fx_option(&t->f, "path", path);
	free(path);
	REQUIRE_OK(spk_conf_set(t->f.conf, "files.range", range ? range : "0", &t->f.err), t->f.err);
	t->misjudged = false;
	t->spec = (struct spk_source_spec){ .table = &t->f.table, .column = t->f.wanted, .columns = t->f.wanted_count, .schema = &t->f.wanted_schema, .job = "query",
	                                    .conf = t->f.conf, .batch = true, .whole_files = !range, .misjudged = &t->misjudged };
	memset(&t->f.err, 0, sizeof(t->f.err));
	t->status = spk_source_type("filesystem")->open(&t->s, &t->spec, &t->f.err);
	if (t->status == SPK_OK) {
		REQUIRE(t->s->partitions <= (int)SPK_COUNT_OF(start));
		for (int i = 0; i < t->s->partitions; i++)
			start[i] = SPK_POSITION_START;
		REQUIRE_OK(t->s->type->seek(t->s, start, at, &t->f.err), t->f.err);
		for (int i = 0; i < t->s->partitions && t->status == SPK_OK; i++)
			t->status = read_partition(t, i, &out);
		if (partitions)
			*partitions = t->s->partitions;
		t->s->type->close(t->s);
		t->s = NULL;
	}
	text = strdup(out.size ? spk_buffer_cstr(&out) : "");
	spk_buffer_release(&out);
	return text;
}

static void ranges_are_the_file(struct src *t, const char *name, spk_test_rng *rng, int *misjudged)
{
	char *want = read_all(t, name, NULL, NULL), *got, range[16];

	for (int i = 0; i < 4; i++) {
		spk_status status = t->status;

		snprintf(range, sizeof(range), "%u", 1 + lot(rng, i % 2 ? 40 : 400));
		got = read_all(t, name, range, NULL);
		if (t->misjudged) {
			CHECK_EQ_INT(t->status, SPK_DATA);
			++*misjudged;
		} else {
			CHECK_EQ_INT(t->status, status);
			if (status == SPK_OK)
				CHECK_EQ_STR(got, want);
		}
		t->status = status;
		free(got);
	}
	free(want);
}

static void put_gzip(const struct src *t, const char *name, const char *text, size_t size, bool append)
{
	char *path = spk_test_format("%s/%s", t->dir, name);
	gzFile f = gzopen(path, append ? "ab" : "wb");

	REQUIRE(f != NULL);
	if (size)
		CHECK_EQ_INT(gzwrite(f, text, (unsigned)size), size);
	gzclose(f);
	free(path);
}

static void put_zstd(const struct src *t, const char *name, const char *text, size_t size, int frames)
{
	char *out = malloc(ZSTD_compressBound(size) * (size_t)frames + 64);
	size_t n = 0, step = size / (size_t)frames;

	for (int i = 0; i < frames; i++)
		n += ZSTD_compress(out + n, ZSTD_compressBound(size), text + step * (size_t)i, i + 1 == frames ? size - step * (size_t)i : step, 1);
	put(t, name, out, n);
	free(out);
}

/* --- files as they should be --- */

static size_t put_field(spk_test_rng *rng, char *out)
{
	static const char *const bytes[] = { "a", "\xc3\xa9", " ", "1", ",", "\n", "\"\"", "\r\n", "x,y\n", "\"\",\"\"", "\",\"" };
	bool quoted = lot(rng, 2);
	size_t n = 0;

	if (quoted)
		out[n++] = '"';
	for (unsigned k = lot(rng, lot(rng, 8) ? 6 : 200); k; k--) {
		/* The last would end the field. */
		const char *b = bytes[lot(rng, quoted ? SPK_COUNT_OF(bytes) - 1 : 4)];

		memcpy(out + n, b, strlen(b));
		n += strlen(b);
	}
	if (quoted)
		out[n++] = '"';
	return n;
}

static size_t make_tidy(spk_test_rng *rng, char *out, int fields, bool crlf)
{
	size_t n = 0;

	for (unsigned row = lot(rng, 60); row; row--) {
		for (int i = 0; i < fields; i++) {
			n += put_field(rng, out + n);
			out[n++] = ',';
		}
		n--;
		if (row == 1 && lot(rng, 2))
			break;
		if (crlf)
			out[n++] = '\r';
		out[n++] = '\n';
		if (lot(rng, 30) == 0)
			out[n++] = '\n';
	}
	return n;
}

/* A field has no window to itself, so every judgement of such files has something to go by, or counts. */
static void tidy_files_are_never_misjudged(void)
{
	static char text[200000];
	spk_test_rng rng = spk_test_rng_new(7);
	int misjudged = 0;

	for (int round = 0; round < (spk_test_long() ? 5000 : 300); round++) {
		int fields = 1 + (int)lot(&rng, 4);
		struct src t;

		begin(&t, fields == 1 ? "a text" : fields == 2 ? "a text, b text" : fields == 3 ? "a text, b text, c text" : "a text, b text, c text, d text");
		option(&t, "csv.header", "false");
		put(&t, "x.csv", text, make_tidy(&rng, text, fields, lot(&rng, 2)));
		ranges_are_the_file(&t, "x.csv", &rng, &misjudged);
		end(&t);
	}
	CHECK_EQ_INT(misjudged, 0);
}

/* Quotes anywhere: a judgement may be wrong, but never unnoticed. */
static void wild_files_are_never_wrong(void)
{
	static const char *const bytes[] = { "a", ",", "\"", "\n", "\"\"", "\r\n", ",\"", "\",", "x,y\n", "\"x\",y\n", "1,\"2,3\"\n" };
	spk_test_rng rng = spk_test_rng_new(8);
	int misjudged = 0, rounds = spk_test_long() ? 5000 : 300;
	char text[4096];

	for (int round = 0; round < rounds; round++) {
		struct src t;
		size_t n = 0;

		begin(&t, "a text, b text");
		option(&t, "csv.header", "false");
		for (unsigned k = lot(&rng, 300); k; k--) {
			/* Mostly whole rows, or nothing of it could be read. */
			const char *b = bytes[lot(&rng, 30) ? 8 + lot(&rng, 3) : lot(&rng, SPK_COUNT_OF(bytes))];

			memcpy(text + n, b, strlen(b));
			n += strlen(b);
		}
		put(&t, "x.csv", text, n);
		ranges_are_the_file(&t, "x.csv", &rng, &misjudged);
		end(&t);
	}
	printf("misjudged: %d of %d\n", misjudged, 4 * rounds);
}

/* Text in quotes that is a file of its own, far larger than what is looked at. */
static void rows_in_quotes_are_found_out(void)
{
	struct spk_buffer text = { 0 };
	char *want, *got;
	struct src t;
	int n;

	begin(&t, "a bigint, b text");
	REQUIRE_OK(spk_buffer_append_str(&text, "a,b\n1,\"", &t.f.err), t.f.err);
	for (int i = 0; i < 40000; i++)
		REQUIRE_OK(spk_buffer_printf(&text, &t.f.err, "%d,text\n", i), t.f.err);
	REQUIRE_OK(spk_buffer_append_str(&text, "\"\n2,y\n", &t.f.err), t.f.err);
	put(&t, "x.csv", text.data, text.size);
	fx_want(&t.f, "a");
	want = read_all(&t, "x.csv", NULL, NULL);
	CHECK_EQ_STR(want, "1;2;");
	got = read_all(&t, "x.csv", "100000", &n);
	CHECK_EQ_INT(n, 5);
	CHECK(t.misjudged);
	CHECK_EQ_INT(t.status, SPK_DATA);
	CHECK_HOLDS(t.f.err.message, "looks like rows");
	CHECK_HOLDS(t.f.err.hint, "files.range");
	free(got);
	free(want);
	spk_buffer_release(&text);
	end(&t);
}

static void lines_of_json(void)
{
	spk_test_rng rng = spk_test_rng_new(9);
	struct spk_buffer text = { 0 };
	int misjudged = 0;
	struct src t;

	begin(&t, "a bigint, b text");
	for (int i = 0; i < 200; i++)
		REQUIRE_OK(spk_buffer_printf(&text, &t.f.err, "{\"a\":%d,\"b\":\"%.*s\"}%s", i, (int)lot(&rng, 50), "\\\" quotes \\\" and , and more of it, and so on and on", i % 7 ? "\n" : "\r\n\n"), t.f.err);
	put(&t, "x.json", text.data, text.size);
	for (int i = 0; i < 20; i++)
		ranges_are_the_file(&t, "x.json", &rng, &misjudged);
	CHECK_EQ_INT(misjudged, 0);
	spk_buffer_release(&text);
	end(&t);
}

/* A JSON array is read whole, however its elements are spread over lines. */
static void arrays_of_json(void)
{
	static const struct { const char *text, *want; } cases[] = {
		{ "[]", "" }, { " [ ] \n", "" }, { "[{\"a\":1}]", "1|NULL;" }, { "\xef\xbb\xbf[\n{\"a\":1,\n\"b\":\"],}\"}\n, {\"b\":\"x\\\"\"}\r\n]\n\n", "1|],};NULL|x\";" },
		{ "[{\"a\":1},{\"a\":2}", "!does not end" }, { "[{\"a\":1},]", "!goes on with ']' where an element" }, { "[{\"a\":1}{\"a\":1}]", "!goes on with '{' where ',' or ']'" },
		{ "[{\"a\":1}] x", "!goes on with 'x' where nothing" }, { "[{\"a\":1},{\"a\":\"x\"}]", "!expected bigint" }, { "[1]", "!expected a JSON object" }, { "[,]", "!an element" }, { "[{\"a\":1", "!does not end" },
	};
	struct spk_buffer text = { 0 };
	char *got, *want;
	struct src t;
	int n;

	begin(&t, "a bigint, b text");
	for (size_t i = 0; i < SPK_COUNT_OF(cases); i++) {
		put(&t, "x.json", cases[i].text, strlen(cases[i].text));
		got = read_all(&t, "x.json", "4", &n);
		CHECK_EQ_INT(n, 1);
		if (cases[i].want[0] != '!') {
			CHECK_OK(t.status, t.f.err);
			CHECK_EQ_STR(got, cases[i].want);
		} else if (CHECK_FAILS(t.status, SPK_DATA, t.f.err)) {
			CHECK_HOLDS(t.f.err.message, cases[i].want + 1);
			CHECK_HOLDS(t.f.err.message, "x.json");
		}
		free(got);
	}
	for (int i = 0; i < 20000; i++)
		REQUIRE_OK(spk_buffer_printf(&text, &t.f.err, "{\"a\":%d,\"b\":\"%.*s\"}\n", i, i % 31, "[text, text] {and more of it} \\\" and so on and on \xc3\xa9"), t.f.err);
	put(&t, "x.json", text.data, text.size);
	want = read_all(&t, "x.json", NULL, NULL);
	for (size_t i = 0; i < text.size; i++)
		if (text.data[i] == '\n')
			text.data[i] = ',';
	text.data[text.size - 1] = ']';
	REQUIRE_OK(spk_buffer_append_str(&text, "\n[", &t.f.err), t.f.err);
	memmove(text.data + 1, text.data, text.size - 2);
	text.data[0] = '[';
	text.data[text.size - 1] = '\n';
	put(&t, "x.json", text.data, text.size);
	put_gzip(&t, "x.json.gz", text.data, text.size, false);
	for (int i = 0; i < 2; i++) {
		got = read_all(&t, i ? "x.json.gz" : "x.json", "1000", NULL);
		CHECK_OK(t.status, t.f.err);
		CHECK(strcmp(got, want) == 0);
		free(got);
	}
	free(want);
	spk_buffer_release(&text);
	end(&t);
}

static void columns_in_paths(void)
{
	static const char *const files[] = { "k=1/name=a%20b", "k=2/name=__HIVE_DEFAULT_PARTITION__", "k=x/name=" };
	struct src t;
	char *got;

	begin(&t, "K integer, a bigint, name text, again text");
	t.f.metadata[3] = "path.name";
	option(&t, "format", "csv");
	for (size_t i = 0; i < 2; i++) {
		char *command = spk_test_format("mkdir -p '%s/%s'; printf 'a\n%zu\n' > '%s/%s/x.csv'", t.dir, files[i], i, t.dir, files[i]);

		REQUIRE(system(command) == 0);
		free(command);
	}
	fx_want(&t.f, "*");
	got = read_all(&t, "", "1000", NULL);
	CHECK_OK(t.status, t.f.err);
	CHECK_EQ_STR(got, "1|0|a b|a b;2|1|NULL|NULL;");
	free(got);
	fx_want(&t.f, "K");
	got = read_all(&t, "*/*/x.csv", "1", NULL);
	CHECK_EQ_STR(got, "1;2;");
	free(got);
	option(&t, "hive.partitioning", "false");
	free(read_all(&t, "", "1000", NULL));
	CHECK_FAILS(t.status, SPK_DATA, t.f.err);
	CHECK_HOLDS(t.f.err.message, "has no column \"K\"");
	fx_option(&t.f, "hive.partitioning", "true");
	option(&t, "hive.partitioning", "true");
	got = spk_test_format("mkdir -p '%s/%s'; printf 'a\n1\n' > '%s/%s/x.csv'", t.dir, files[2], t.dir, files[2]);
	REQUIRE(system(got) == 0);
	free(got);
	free(read_all(&t, "", "1000", NULL));
	CHECK_FAILS(t.status, SPK_DATA, t.f.err);
	CHECK_HOLDS(t.f.err.message, "k=x: invalid input syntax for type integer: \"x\"");
	put_text(&t, "y.csv", "K,a,name\n1,2,3\n");
	fx_want(&t.f, "again");
	free(read_all(&t, "y.csv", "1000", NULL));
	CHECK_FAILS(t.status, SPK_DATA, t.f.err);
	CHECK_HOLDS(t.f.err.message, "lies in no directory named name=");
	end(&t);
}

/* The number and borders of ranges are the files' alone. */
static void how_many_ranges(void)
{
	char text[1000], *got;
	struct src t;
	int n;

	begin(&t, "a text");
	option(&t, "format", "csv");
	for (int i = 0; i < 100; i++)
		memcpy(text + 10 * i, "012345678\n", 10);
	memcpy(text, "a", 1);
	put(&t, "x.csv", text, sizeof(text));
	memcpy(text, "a\n", 2);
	put(&t, "y.csv", text, 500);
	free(read_all(&t, "x.csv", "100", &n));
	CHECK_EQ_INT(n, 10);
	free(read_all(&t, "y.csv", "500", &n));
	CHECK_EQ_INT(n, 1);
	got = read_all(&t, "", "250", &n);
	CHECK_EQ_INT(n, 6);
	free(got);
	free(read_all(&t, "", "0", &n));
	CHECK_EQ_INT(n, 2);
	/* A column of partition numbers keeps files whole. */
	t.f.metadata[0] = "partition";
	t.f.field[0].type = spk_type(SPK_TYPE_INTEGER);
	fx_want(&t.f, "*");
	option(&t, "csv.header", "false");
	free(read_all(&t, "x.csv", "100", &n));
	CHECK_EQ_INT(n, 1);
	end(&t);
}

static void places_of_rows(void)
{
	char *got;
	struct src t;

	begin(&t, "a text, at bigint, f text");
	t.f.metadata[1] = "offset";
	t.f.metadata[2] = "file.name";
	fx_want(&t.f, "*");
	put_text(&t, "x.csv", "a\nx\ny\n\nlong\nz");
	got = read_all(&t, "x.csv", "3", NULL);
	CHECK_EQ_STR(got, "x|2|x.csv;y|4|x.csv;NULL|6|x.csv;long|7|x.csv;z|12|x.csv;");
	free(got);
	end(&t);
}

/* --- compressed files --- */

static void compressed_files(void)
{
	struct spk_buffer text = { 0 };
	char *want, *got;
	struct src t;
	int n;

	begin(&t, "a bigint, b text");
	REQUIRE_OK(spk_buffer_append_str(&text, "a,b\n", &t.f.err), t.f.err);
	for (int i = 0; i < 100000; i++)
		REQUIRE_OK(spk_buffer_printf(&text, &t.f.err, "%d,\"text, %d\"\n", i, i * 7919 % 1000), t.f.err);
	put(&t, "x.csv", text.data, text.size);
	put_gzip(&t, "x.csv.gz", text.data, text.size, false);
	put_gzip(&t, "y.csv.gz", text.data, text.size / 2, false);
	put_gzip(&t, "y.csv.gz", text.data + text.size / 2, text.size - text.size / 2, true);
	put_zstd(&t, "x.csv.zst", text.data, text.size, 1);
	put_zstd(&t, "y.csv.zst", text.data, text.size, 3);
	want = read_all(&t, "x.csv", NULL, NULL);
	for (int i = 0; i < 4; i++) {
		got = read_all(&t, (const char *const[]){ "x.csv.gz", "y.csv.gz", "x.csv.zst", "y.csv.zst" }[i], "1000", &n);
		CHECK_EQ_INT(n, 1);
		CHECK(strcmp(got, want) == 0);
		free(got);
	}
	put_gzip(&t, "e.csv.gz", "", 0, false);
	put_gzip(&t, "h.csv.gz", "a,b", 3, false);
	for (int i = 0; i < 2; i++) {
		got = read_all(&t, i ? "h.csv.gz" : "e.csv.gz", "1000", &n);
		CHECK_OK(t.status, t.f.err);
		CHECK_EQ_STR(got, "");
		free(got);
	}
	free(want);
	spk_buffer_release(&text);
	end(&t);
}

static void damaged_files(void)
{
	static const char *const name[] = { "x.csv.gz", "x.csv.zst" };
	char text[20000];
	struct src t;

	begin(&t, "a text");
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = i % 50 == 49 ? '\n' : (char)('a' + i * i * 7 % 26);
	for (int i = 0; i < 2; i++) {
		char *path = spk_test_format("%s/%s", t.dir, name[i]), *bytes;
		size_t size;

		if (i)
			put_zstd(&t, name[i], text, sizeof(text), 1);
		else
			put_gzip(&t, name[i], text, sizeof(text), false);
		bytes = spk_test_slurp(path, &size);
		put(&t, name[i], bytes, size / 2);
		free(read_all(&t, name[i], NULL, NULL));
		CHECK_FAILS(t.status, SPK_CORRUPT, t.f.err);
		CHECK_HOLDS(t.f.err.message, "ends too early");
		CHECK_HOLDS(t.f.err.message, name[i]);
		memset(bytes + size / 2, 'x', size - size / 2);
		put(&t, name[i], bytes, size);
		free(read_all(&t, name[i], NULL, NULL));
		CHECK_FAILS(t.status, SPK_CORRUPT, t.f.err);
		put(&t, name[i], "a\nx\n", 4);
		free(read_all(&t, name[i], NULL, NULL));
		CHECK_FAILS(t.status, SPK_CORRUPT, t.f.err);
		free(bytes);
		free(path);
	}
	end(&t);
}

/* --- estimates --- */

static struct spk_source_estimate estimated(struct src *t, const char *name)
{
	char *path = spk_test_format("%s/%s", t->dir, name);

	t->f.table.option_count = t->options;
	fx_option(&t->f, "path", path);
	free(path);
	return spk_connector_estimate(&t->f.table, t->f.conf);
}

static void estimates(void)
{
	struct spk_buffer text = { 0 };
	struct src t;

	begin(&t, "a bigint, b text");
	option(&t, "format", "csv");
	put_text(&t, "few.csv", "a,b\n1,x\n\n2,\"y\nz\"");
	put_text(&t, "none.csv", "a,b\n");
	put_text(&t, "empty.csv", "");
	CHECK_EQ_INT(estimated(&t, "few.csv").rows, 2);
	CHECK_EQ_INT(estimated(&t, "none.csv").rows, 0);
	CHECK_EQ_INT(estimated(&t, "empty.csv").rows, 0);
	CHECK_EQ_INT(estimated(&t, "no.csv").rows, -1);
	REQUIRE_OK(spk_buffer_append_str(&text, "a,b\n", &t.f.err), t.f.err);
	for (int i = 0; i < 50000; i++)
		REQUIRE_OK(spk_buffer_printf(&text, &t.f.err, "%d,\"text, %d\"\n", i + 100000, i * 7919 % 1000), t.f.err);
	put(&t, "x.csv", text.data, text.size);
	put_gzip(&t, "x.csv.gz", text.data, text.size, false);
	put_zstd(&t, "x.csv.zst", text.data, text.size, 2);
	CHECK_NEAR(estimated(&t, "x.csv").rows, 50000, 500);
	CHECK_NEAR(estimated(&t, "x.csv").bytes, (double)text.size, (double)text.size / 100);
	/* What is compressed is read in blocks, so less is known of it. */
	CHECK_NEAR(estimated(&t, "x.csv.gz").rows, 50000, 25000);
	CHECK_NEAR(estimated(&t, "x.csv.zst").rows, 50000, 25000);
	CHECK_NEAR(estimated(&t, "*.csv").rows, 50002, 600);
	CHECK_NEAR(estimated(&t, "").rows, 150002, 100000);
	spk_buffer_release(&text);
	end(&t);
}

static void estimates_of_json(void)
{
	struct spk_buffer text = { 0 };
	struct src t;

	begin(&t, "a bigint");
	option(&t, "format", "json");
	put_text(&t, "few.json", "{\"a\":1}\n\n{}");
	put_text(&t, "array.json", "[{\"a\":1},\n{},{}]");
	CHECK_EQ_INT(estimated(&t, "few.json").rows, 2);
	CHECK_EQ_INT(estimated(&t, "array.json").rows, 3);
	for (int i = 0; i < 30000; i++)
		REQUIRE_OK(spk_buffer_printf(&text, &t.f.err, "%c{\"a\":%d}", i ? ',' : '[', i + 100000), t.f.err);
	REQUIRE_OK(spk_buffer_append_str(&text, "]", &t.f.err), t.f.err);
	put(&t, "long.json", text.data, text.size);
	CHECK_NEAR(estimated(&t, "long.json").rows, 30000, 300);
	t.f.table.connector = "kafka";
	CHECK_EQ_INT(estimated(&t, "long.json").rows, -1);
	spk_buffer_release(&text);
	end(&t);
}

/* --- bad rows --- */

static void where_bad_rows_are(void)
{
	static const struct { const char *name, *text, *want; } cases[] = {
		{ "v.csv", "a,b\n1,x\n2,\"two\nlines\"\nz,x\n", "v.csv', line 5: column \"a\": found \"z\", expected bigint" },
		{ "n.csv", "a,b\n1,x\n\n3\n", "n.csv', line 4: too few fields: expected 2, found 1 in \"3\"" },
		{ "m.csv", "a,b\n1,x,y\n", "m.csv', line 2: too many fields: expected 2, found more in \"1,x,y\"" },
		{ "q.csv", "a,b\n1,x\n2,\"y\n", "q.csv', line 3: a quoted field does not end" },
		{ "u.csv", "a,b\n1,x\n2,\xff\n", "u.csv', line 3: invalid UTF-8" },
		{ "r.csv", "a,b\n1,x\n99999999999999999999,x\n", "r.csv', line 3: column \"a\": found \"99999999999999999999\", expected bigint: value \"99999999999999999999\" is out of range" },
		{ "j.json", "{\"a\":1}\n{\"a\":\"z\"}\n", "j.json', line 2: member \"a\": found \"z\", expected bigint" },
	};
	struct src t;

	begin(&t, "a bigint, b text");
	for (size_t i = 0; i < SPK_COUNT_OF(cases); i++) {
		put(&t, cases[i].name, cases[i].text, strlen(cases[i].text));
		for (int k = 0; k < 2; k++) {
			free(read_all(&t, cases[i].name, k ? "8" : NULL, NULL));
			CHECK_FAILS(t.status, SPK_DATA, t.f.err);
			CHECK_HOLDS(t.f.err.message, cases[i].want);
		}
	}
	end(&t);
}

SPK_TEST_SUITE("ranges of files", {"tidy files are never misjudged", tidy_files_are_never_misjudged}, {"wild files are never wrong", wild_files_are_never_wrong},
               {"rows in quotes are found out", rows_in_quotes_are_found_out}, {"lines of JSON", lines_of_json}, {"arrays of JSON", arrays_of_json}, {"columns in paths", columns_in_paths}, {"how many ranges", how_many_ranges},
               {"places of rows", places_of_rows}, {"compressed files", compressed_files}, {"damaged files", damaged_files}, {"estimates", estimates}, {"estimates of JSON", estimates_of_json},
               {"where bad rows are", where_bad_rows_are})
