/*
 * CSV: cutting files into rows and rows into fields, what becomes NULL, headers; against Python's csv module and expectations taken
 * from psql's \copy.
 */
#include "tests/connectors/fixture.h"

/* strndup looks at one byte more than it is told to, which the sanitizer rightly minds. */
static char *copy_bytes(const char *bytes, size_t size)
{
	char *copy = calloc(1, size + 1);

	if (copy && size)
		memcpy(copy, bytes, size);
	return copy;
}

/* Rows of a file's text by `split`, in pieces that end wherever `cut` says; NULL: whole. Each row as a fresh string. */
static int split_all(struct fx *f, const struct spk_format *format, const char *text, size_t size, spk_test_rng *rng, char **out, int most)
{
	size_t at = 0, piece = rng ? 1 + spk_test_below(rng, 40) : size;
	int total = 0;

	while (at < size) {
		struct spk_view rows[8];
		size_t take = piece < size - at ? piece : size - at, used;
		/* Exactly as long as said: reading beyond is seen by the sanitizer. */
		char *copy = malloc(take);
		int n;

		memcpy(copy, text + at, take);
		REQUIRE_OK(format->split(copy, take, at + take == size, rows, 1 + (rng ? (int)spk_test_below(rng, 8) : 7), &n, &used, &f->table, &f->err), f->err);
		REQUIRE(used <= take);
		for (int i = 0; i < n && total < most; i++)
			out[total++] = copy_bytes(rows[i].ref.pointer, rows[i].length);
		free(copy);
		at += used;
		piece = !used && take < size - at ? take * 2 : rng ? 1 + spk_test_below(rng, 40) : size - at;
		if (!used && at + take == size)
			break;
	}
	return total;
}

static void rows_of_a_file(void)
{
	static const struct { const char *text, *want; } cases[] = {
		{ "a,b\nc,d\n", "a,b|c,d" }, { "a,b\r\nc,d\r\n", "a,b|c,d" }, { "a,b\nc,d", "a,b|c,d" }, { "\n\na\n\nb\n\n", "a|b" }, { "", "" }, { "\n", "" },
		{ "\"a\nb\",c\nd\n", "\"a\nb\",c|d" }, { "\"a\r\nb\"\r\nc\r\n", "\"a\r\nb\"|c" }, { "\"a\"\"\nb\"\nc", "\"a\"\"\nb\"|c" }, { "x\"y\nz\"\nw\n", "x\"y\nz\"|w" },
		{ "\"\"\n\"\"\n", "\"\"|\"\"" }, { "\"open\nto the end", "\"open\nto the end" }, { "a\n\"b", "a|\"b" }, { "a\rb\n", "a\rb" },
	};

	for (size_t i = 0; i < SPK_COUNT_OF(cases); i++) {
		char *rows[16], joined[256] = "";
		struct fx f;
		int n;

		fx_open(&f, "a text, b text");
		n = split_all(&f, &spk_format_csv, cases[i].text, strlen(cases[i].text), NULL, rows, 16);
		for (int k = 0; k < n; k++) {
			sprintf(joined + strlen(joined), "%s%s", k ? "|" : "", rows[k]);
			free(rows[k]);
		}
		CHECK_EQ_STR(joined, cases[i].want);
		fx_close(&f);
	}
}

/* Blank lines are NULLs of a table with one column, as psql's \copy writes and reads them. */
static void blank_lines_of_one_column(void)
{
	char *rows[8];
	struct fx f;
	int n;

	fx_open(&f, "a text");
	n = split_all(&f, &spk_format_csv, "x\n\n\"\"\n\n", 7, NULL, rows, 8);
	CHECK_EQ_INT(n, 4);
	fx_decode(&f, &spk_format_csv, (const char *const *)rows, NULL, n);
	CHECK_EQ_STR(fx_row(&f, 0), "x");
	CHECK_EQ_STR(fx_row(&f, 1), "NULL");
	CHECK_EQ_STR(fx_row(&f, 2), "");
	while (n)
		free(rows[--n]);
	fx_close(&f);
}

/* However a file is cut into pieces, its rows are the same. */
static void any_cut_gives_the_same_rows(void)
{
	static const char *const pieces[] = { "a", "bc,", ",", "\"", "\"\"", "\n", "\r\n", "\r", " ", "\xc3\xa9", "{\"x\":1}", "longer text without anything" };
	static const struct spk_format *const formats[] = { &spk_format_csv, &spk_format_json };
	spk_test_rng rng = spk_test_rng_new(1);
	int rounds = spk_test_long() ? 20000 : 1500;

	for (int round = 0; round < rounds; round++) {
		const struct spk_format *format = formats[round % 2];
		char text[2048] = "", *whole[256], *cut[256];
		int n = (int)spk_test_below(&rng, 60), a, b;
		struct fx f;

		fx_open(&f, round % 3 ? "a text, b text" : "a text");
		while (n--)
			strcat(text, pieces[spk_test_below(&rng, SPK_COUNT_OF(pieces))]);
		a = split_all(&f, format, text, strlen(text), NULL, whole, 256);
		b = split_all(&f, format, text, strlen(text), &rng, cut, 256);
		CHECK_EQ_INT(b, a);
		for (int i = 0; i < a && i < b; i++)
			if (strcmp(whole[i], cut[i]) != 0)
				CHECK_EQ_STR(cut[i], whole[i]);
		while (a)
			free(whole[--a]);
		while (b)
			free(cut[--b]);
		fx_close(&f);
	}
}

/* --- fields --- */

static void fields_of_a_row(void)
{
	static const struct { const char *row, *want; } cases[] = {
		{ "1,x,2", "1|x|2" }, { "1,,2", "1|NULL|2" }, { "1,\"\",2", "1||2" }, { ",,", "NULL|NULL|NULL" }, { "1,\"a,b\",2", "1|a,b|2" }, { "1,\"a\"\"b\",2", "1|a\"b|2" },
		{ "1,\"a\nb\",2", "1|a\nb|2" }, { "\"1\",x,\"2\"", "1|x|2" }, { "1, x ,2", "1| x |2" }, { "1,a\"b,c\"d,2", "1|ab,cd|2" }, { "1,\"a\"b\"c\",2", "1|abc|2" }, { "1,\"\"\"\",2", "1|\"|2" },
		{ "1,x", "!too few fields: expected 3, found 2 in \"1,x\"" }, { "1,x,2,3", "!too many fields: expected 3, found more in" }, { "1,x,2,", "!too many fields" }, { "1,\"x,2", "!a quoted field does not end" }, { "1,\"x\",2,3", "!too many" }, { "\"1\"", "!too few" },
		{ "a,x,2", "!column \"a\": found \"a\", expected bigint" }, { "\"\",x,2", "!expected bigint" }, { "1,x,2.5", "!column \"c\": found \"2.5\", expected integer" }, { "1,\xff,2", "!invalid UTF-8" },
		{ "9223372036854775807,x,-2147483648", "9223372036854775807|x|-2147483648" }, { "9223372036854775808,x,1", "!column \"a\"" }, { " 5 ,x,1", "5|x|1" }, { "+5,x,1", "5|x|1" },
		{ "1,0123456789abcdefghijklmnopqrstuvwxyz,2", "1|0123456789abcdefghijklmnopqrstuvwxyz|2" }, { "1,\"0123456789abcdefghijklm\"\"nopqrstuvwxyz\",2", "1|0123456789abcdefghijklm\"nopqrstuvwxyz|2" },
	};

	for (size_t i = 0; i < SPK_COUNT_OF(cases); i++) {
		struct fx f;
		const char *got;

		fx_open(&f, "a bigint, b text, c integer");
		got = fx_one(&f, &spk_format_csv, cases[i].row);
		if (cases[i].want[0] == '!' && got[0] == '!')
			CHECK_HOLDS(got, cases[i].want + 1);
		else
			CHECK_EQ_STR(got, cases[i].want);
		fx_close(&f);
	}
}

static void types(void)
{
	static const char row[] = "t,3,0.1,12.345,2024-02-29,23:59:59,2025-01-02 03:04:05.5,2025-01-02T03:04:05+02:00,1 day,\\x00ff,a\\\\b\\001";
	struct fx f;

	fx_open(&f, "a boolean, b smallint, c double precision, d numeric(8,2), e date, f time, g timestamp, h timestamptz, i interval, j bytea, k bytea");
	CHECK_EQ_STR(fx_one(&f, &spk_format_csv, row), "true|3|0.1|12.35|2024-02-29|23:59:59|2025-01-02 03:04:05.5|2025-01-02 01:04:05+00|1 day||a\\b\x01");
	fx_close(&f);
}

static void options_of_fields(void)
{
	struct fx f;

	fx_open(&f, "a text, b text");
	fx_option(&f, "csv.delimiter", "\\t");
	fx_option(&f, "csv.null", "\\N");
	CHECK_EQ_STR(fx_one(&f, &spk_format_csv, "x,y\t\\N"), "x,y|NULL");
	CHECK_EQ_STR(fx_one(&f, &spk_format_csv, "\t\"\\N\""), "|\\N");
	fx_close(&f);
}

/* --- headers --- */

static const char *with_header(struct fx *f, const char *header, const char *row)
{
	struct spk_decoder *d = NULL;
	spk_status status;

	f->spec.header = spk_view_str(header);
	memset(&f->err, 0, sizeof(f->err));
	status = spk_format_csv.decoder_open(&d, &f->spec, &f->err);
	if (status != SPK_OK)
		return f->err.message;
	REQUIRE_OK(fx_decode_with(f, d, fx_raw(f->arena, &row, NULL, 1), 1), f->err);
	spk_format_csv.decoder_close(d);
	return fx_row(f, 0);
}

static void headers_say_which_field_is_which(void)
{
	struct fx f;

	fx_open(&f, "a text, b text");
	CHECK_EQ_STR(with_header(&f, "b,a", "1,2"), "2|1");
	CHECK_EQ_STR(with_header(&f, "x,\"A\",y,B", "1,2,3,4"), "2|4");
	CHECK_EQ_STR(with_header(&f, "A,a,b", "1,2,3"), "2|3");
	CHECK_HOLDS(with_header(&f, "b,a,c", "1,2"), "!too few fields: expected 3");
	CHECK_HOLDS(with_header(&f, "a,c", "1,2"), "the CSV header has no column \"b\"; it is: a,c");
	CHECK_HOLDS(f.err.hint, "csv.header");
	CHECK_HOLDS(with_header(&f, "a,\"b", "1,2"), "quote that is not closed");
	fx_want(&f, "b");
	CHECK_EQ_STR(with_header(&f, "b,a", "1,2"), "1");
	fx_close(&f);
}

/* --- writing --- */

static void quotes_as_psql_does(void)
{
	static const struct { const char *null, *json, *want; } cases[] = {
		{ NULL, "{\"a\":\"x\",\"b\":null}", "x," }, { NULL, "{\"a\":\"\",\"b\":\"y\"}", "\"\",y" }, { NULL, "{\"a\":\"a,b\",\"b\":\"c\\\"d\"}", "\"a,b\",\"c\"\"d\"" },
		{ NULL, "{\"a\":\"l\\nm\",\"b\":\"l\\rm\"}", "\"l\nm\",\"l\rm\"" }, { NULL, "{\"a\":\" x \",\"b\":\"'\"}", " x ,'" }, { "NULL", "{\"a\":null,\"b\":\"NULL\"}", "NULL,\"NULL\"" },
		{ "NULL", "{\"a\":\"\",\"b\":\"NULLS\"}", ",NULLS" }, { NULL, "{\"a\":\"\\\\.\",\"b\":\"\\\\\"}", "\\.,\\" },
	};

	for (size_t i = 0; i < SPK_COUNT_OF(cases); i++) {
		struct spk_buffer out = { 0 };
		struct spk_encoder *e;
		uint32_t end;
		struct fx f;

		fx_open(&f, "a text, b text");
		if (cases[i].null)
			fx_option(&f, "csv.null", cases[i].null);
		fx_decode(&f, &spk_format_json, &cases[i].json, NULL, 1);
		REQUIRE_OK(spk_format_csv.encoder_open(&e, &f.spec, &f.err), f.err);
		REQUIRE_OK(spk_format_csv.encode(e, f.batch, &out, &end, &f.err), f.err);
		CHECK_EQ_STR(spk_buffer_cstr(&out), cases[i].want);
		spk_format_csv.encoder_close(e);
		spk_buffer_release(&out);
		fx_close(&f);
	}
}

/* What psql 15 wrote by \copy ... csv comes out as it was when it is read and written. */
static void psql_comes_back(void)
{
	static const char text[] =
		"x,,t,1e+20,2025-01-02 03:04:05.12,\\x00ff,1.50,1 day 02:00:00\n"
		"\"\",\"l\nm\",f,NaN,infinity,\\x,-0.01,-1 mons\n"
		"\"a,b\",\"c\"\"d\",,0.1,,,,\n"
		" x ,\"l\rm\",t,0,0044-03-15 00:00:00 BC,\\x616263,0.00,00:00:00\n"
		"\\.,\\,t,1e-07,2025-01-01 00:00:00,\\x5c,12.00,1 year 2 mons 3 days 04:05:06.7\n";
	static const char one[] = "\"\\.\"\n\n\"\"\n";
	static const char nested[] =
		"\"{1,NULL,3}\",\"{\"\"a b\"\",NULL,\"\"\"\",\"\"q\\\"\"\"\"}\",\"{\"\"a\"\": 1, \"\"b\"\": [1.50]}\"\n"
		"{},{},[]\n"
		",,null\n"
		"{5},\"{a,b}\",5\n";
	static const char *const files[] = { text, one, nested };
	static const char *const columns[] = { "a text, b text, c boolean, d double precision, e timestamp, f bytea, g numeric(6,2), h interval", "a text", "a integer[], b text[], c jsonb" };

	for (size_t i = 0; i < SPK_COUNT_OF(files); i++) {
		const char *file = files[i];
		struct spk_buffer out = { 0 }, lines = { 0 };
		struct spk_encoder *e;
		uint32_t end[8], start = 0;
		char *rows[8];
		struct fx f;
		int n;

		fx_open(&f, columns[i]);
		n = split_all(&f, &spk_format_csv, file, strlen(file), NULL, rows, 8);
		fx_decode(&f, &spk_format_csv, (const char *const *)rows, NULL, n);
		CHECK_EQ_INT(f.errors.count, 0);
		REQUIRE_OK(spk_format_csv.encoder_open(&e, &f.spec, &f.err), f.err);
		REQUIRE_OK(spk_format_csv.encode(e, f.batch, &out, end, &f.err), f.err);
		for (int k = 0; k < n; start = end[k++]) {
			REQUIRE_OK(spk_buffer_printf(&lines, &f.err, "%.*s\n", (int)(end[k] - start), out.data + start), f.err);
			free(rows[k]);
		}
		CHECK_EQ_STR(spk_buffer_cstr(&lines), file);
		spk_format_csv.encoder_close(e);
		spk_buffer_release(&out);
		spk_buffer_release(&lines);
		fx_close(&f);
	}
}

static void heads_of_files(void)
{
	struct spk_buffer out = { 0 };
	struct spk_encoder *e;
	struct fx f;

	fx_open(&f, "a text, b text");
	f.field[1].name = "odd, \"name\"";
	fx_want(&f, "*");
	REQUIRE_OK(spk_format_csv.encoder_open(&e, &f.spec, &f.err), f.err);
	REQUIRE_OK(spk_format_csv.file_head(e, &out, &f.err), f.err);
	CHECK_EQ_STR(spk_buffer_cstr(&out), "a,\"odd, \"\"name\"\"\"\n");
	spk_format_csv.encoder_close(e);
	spk_buffer_release(&out);
	fx_close(&f);
}

/* --- against Python's csv module --- */

static const char python[] =
	"import csv, json, sys\n"
	"rows = [json.loads(line) for line in open(sys.argv[1])]\n"
	"csv.writer(open(sys.argv[2], 'w', newline=''), lineterminator='\\n', quoting=csv.QUOTE_ALL).writerows(rows)\n"
	"got = list(csv.reader(open(sys.argv[3], newline='')))\n"
	"assert got == rows, [(a, b) for a, b in zip(got, rows) if a != b][:1]\n";

static void draw_field(spk_test_rng *rng, char *out)
{
	static const char *const pieces[] = { "a", "b c", ",", "\"", "\n", ";", "\t", "\xc3\xa9", "0", "long piece of plain text", "\\", "'" };
	int n = 1 + (int)spk_test_below(rng, 6);

	*out = '\0';
	while (n--)
		strcat(out, pieces[spk_test_below(rng, SPK_COUNT_OF(pieces))]);
}

/* What we write Python reads, and what Python writes we read. */
static void python_reads_and_writes_the_same(void)
{
	enum { ROWS = 400 };
	char *dir = spk_test_dir("csv"), *ours = spk_test_format("%s/ours.csv", dir), *json = spk_test_format("%s/rows.json", dir);
	char *theirs = spk_test_format("%s/theirs.csv", dir), *script = spk_test_format("%s/check.py", dir), *text, *rows[ROWS], *output;
	spk_test_rng rng = spk_test_rng_new(2);
	struct spk_buffer lines = { 0 }, out = { 0 };
	struct spk_encoder *e;
	uint32_t end[ROWS], start = 0;
	struct spk_view *v[3];
	size_t size;
	struct fx f;

	fx_open(&f, "a text, b text, c text");
	REQUIRE_OK(spk_batch_new(&f.batch, f.spec.schema, NULL, &f.err), f.err);
	f.batch->rows = f.batch->selected = ROWS;
	for (int c = 0; c < 3; c++) {
		REQUIRE_OK(spk_vector_init(&f.batch->column[c], f.field[c].type, ROWS, f.batch->arena, &f.err), f.err);
		v[c] = spk_vector_view(&f.batch->column[c]);
		for (int i = 0; i < ROWS; i++) {
			char field[256];

			draw_field(&rng, field);
			v[c][i] = spk_view_str(spk_arena_strdup(f.batch->arena, field));
		}
	}
	/* The rows as JSON arrays for Python: values of objects whose names are dropped. */
	REQUIRE_OK(spk_format_json.encoder_open(&e, &f.spec, &f.err), f.err);
	REQUIRE_OK(spk_format_json.encode(e, f.batch, &out, end, &f.err), f.err);
	for (int i = 0; i < ROWS; start = end[i++])
		REQUIRE_OK(spk_buffer_printf(&lines, &f.err, "%.*s\n", (int)(end[i] - start), out.data + start), f.err);
	spk_test_spew(json, lines.data, lines.size);
	spk_format_json.encoder_close(e);
	out.size = lines.size = start = 0;
	REQUIRE_OK(spk_format_csv.encoder_open(&e, &f.spec, &f.err), f.err);
	REQUIRE_OK(spk_format_csv.encode(e, f.batch, &out, end, &f.err), f.err);
	for (int i = 0; i < ROWS; start = end[i++])
		REQUIRE_OK(spk_buffer_printf(&lines, &f.err, "%.*s\n", (int)(end[i] - start), out.data + start), f.err);
	spk_test_spew(ours, lines.data, lines.size);
	spk_format_csv.encoder_close(e);
	spk_test_spew(script, python, sizeof(python) - 1);
	CHECK_EQ_INT(spk_test_run(&output, "sed -i 's/json.loads(line)/list(json.loads(line).values())/' %s && python3 %s %s %s %s 2>&1", script, script, json, theirs, ours), 0);
	CHECK_EQ_STR(output, "");
	free(output);
	text = spk_test_slurp(theirs, &size);
	REQUIRE(text != NULL);
	CHECK_EQ_INT(split_all(&f, &spk_format_csv, text, size, &rng, rows, ROWS), ROWS);
	{
		struct spk_batch *first = spk_batch_ref(f.batch);

		fx_decode(&f, &spk_format_csv, (const char *const *)rows, NULL, ROWS);
		CHECK_EQ_INT(f.errors.count, 0);
		for (int i = 0; i < ROWS; i++) {
			for (int c = 0; c < 3; c++)
				CHECK(spk_view_equal(&spk_vector_view(&f.batch->column[c])[i], &v[c][i]));
			free(rows[i]);
		}
		spk_batch_unref(first);
	}
	spk_buffer_release(&out);
	spk_buffer_release(&lines);
	fx_close(&f);
	free(text);
	free(dir);
	free(ours);
	free(json);
	free(theirs);
	free(script);
}

SPK_TEST_SUITE("csv",
	{ "rows of a file", rows_of_a_file },
	{ "blank lines of one column", blank_lines_of_one_column },
	{ "any cut gives the same rows", any_cut_gives_the_same_rows },
	{ "fields of a row", fields_of_a_row },
	{ "types", types },
	{ "options of fields", options_of_fields },
	{ "headers say which field is which", headers_say_which_field_is_which },
	{ "quotes as psql does", quotes_as_psql_does },
	{ "psql comes back", psql_comes_back },
	{ "heads of files", heads_of_files },
	{ "python reads and writes the same", python_reads_and_writes_the_same })
