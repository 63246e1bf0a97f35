/*
 * CSV by its index, as batch queries read it: every set of instructions finds the same places as a plain walk, and whole columns hold
 * what reading row by row finds, with the same reasons for bad rows.
 */
#include "tests/connectors/fixture.h"

#include "connectors/format/csv.h"

static const char *const pieces[] = {
	"a", "bc,", ",", ",", "\"", "\"\"", "\n", "\r\n", "\r", " ", "\xc3\xa9", "1", "-23", "4.56", "12345678901234567", "\"x,y\"", "\"line\nend\"", ",\"\",", "NULL", "\\\"", "#", "\\", "'",
	"2024-02-29", "2023-02-29", "t", "false", "1e5", "0.1", "longer text without anything in it", "\xff", "\n\n", ",1,2\n", "7,text,1.25,2024-01-31\n", "8,\"text\",-1.5,2024-01-31\n",
};

static unsigned lot(spk_test_rng *rng, unsigned below) { return (unsigned)spk_test_below(rng, below); }

/* Random text with all that CSV makes something of; `odds` of a piece being a whole good row. */
static size_t make_text(spk_test_rng *rng, char *out, size_t most)
{
	size_t n = 0, want = lot(rng, (unsigned)most);
	bool tame = lot(rng, 2);

	while (n < want) {
		const char *p = pieces[tame && lot(rng, 20) ? SPK_COUNT_OF(pieces) - 1 - lot(rng, 2) : lot(rng, SPK_COUNT_OF(pieces))];

		if (n + strlen(p) > most)
			break;
		memcpy(out + n, p, strlen(p));
		n += strlen(p);
	}
	return n;
}

/* --- the pass --- */

struct walk { uint32_t place[8192]; size_t places, line_ends; bool open; };

static void walk(struct walk *w, const char *data, size_t size, char quote)
{
	bool inside = false;

	memset(w, 0, sizeof(*w));
	for (size_t i = 0; i < size; i++) {
		if (quote && data[i] == quote)
			inside = !inside;
		else if (!inside && (data[i] == ',' || data[i] == '\n')) {
			w->place[w->places++] = (uint32_t)i;
			w->line_ends += data[i] == '\n';
		}
	}
	w->open = inside;
}

/* Whether quotes stand at the two ends of fields only. */
static bool is_tame(const char *data, size_t size, char quote)
{
	for (size_t i = 0, start; i < size; i++) {
		bool quoted = quote && data[i] == quote;

		start = i;
		if (quoted)
			for (i++; i < size && data[i] != quote; i++)
				;
		else
			for (; i < size && data[i] != ',' && data[i] != '\n' && !(quote && data[i] == quote); i++)
				;
		if (i < size && quote && data[i] == quote && (!quoted || i == start))
			return false;
		if (quoted && i < size)
			i++;
		if (quoted && i + 1 < size && data[i] == '\r' && data[i + 1] == '\n')
			i++;
		if (i < size && data[i] != ',' && data[i] != '\n')
			return false;
	}
	return true;
}

static void all_passes_find_the_same(void)
{
	static uint32_t place[8192 + SPK_CSV_SLACK];
	static struct walk want;
	spk_test_rng rng = spk_test_rng_new(3);
	const struct spk_csv_pass *pass;
	int n = spk_csv_passes(&pass), rounds = spk_test_long() ? 100000 : 6000;

	CHECK(n >= 1);
	for (int round = 0; round < rounds; round++) {
		char text[4096 + SPK_CHUNK_PADDING], quote = lot(&rng, 8) ? '"' : 0;
		size_t size = make_text(&rng, text, 4000);

		memset(text + size, ",\"\n\""[round % 4], SPK_CHUNK_PADDING);
		walk(&want, text, size, quote);
		for (int i = 0; i < n; i++) {
			struct spk_csv_scan s = { .data = text, .size = (uint32_t)size, .delimiter = ',', .quote = quote, .place = place, .room = 8192 };

			pass[i].run(&s);
			CHECK_EQ_INT(s.at, size);
			CHECK_EQ_INT(s.places, want.places);
			CHECK_EQ_INT(s.line_ends, want.line_ends);
			CHECK(s.open == want.open);
			CHECK(memcmp(place, want.place, sizeof(*place) * want.places) == 0);
			CHECK(s.odd || want.open || is_tame(text, size, quote));
			if (s.odd && !want.open && is_tame(text, size, quote) && size)
				CHECK_EQ_STR(pass[i].name, "called odd what is not");
		}
	}
}

/* A pass stops when its list is full, and says how far it came. */
static void passes_stop(void)
{
	uint32_t place[1024 + SPK_CSV_SLACK];
	const struct spk_csv_pass *pass;
	int n = spk_csv_passes(&pass);
	char text[1024 + SPK_CHUNK_PADDING];

	memset(text, ',', sizeof(text));
	for (int i = 0; i < n; i++) {
		struct spk_csv_scan s = { .data = text, .size = 1024, .delimiter = ',', .quote = '"', .place = place, .room = 100 };

		pass[i].run(&s);
		CHECK_EQ_INT(s.at, 128);
		CHECK_EQ_INT(s.places, 128);
	}
}

/* --- columns --- */

struct lines { char *line[2048]; int n; };

static void lines_free(struct lines *l)
{
	while (l->n)
		free(l->line[--l->n]);
}

static void add_lines(struct fx *f, struct lines *out)
{
	for (int i = 0; i < f->batch->rows; i++) {
		REQUIRE(out->n < (int)SPK_COUNT_OF(out->line));
		out->line[out->n++] = strdup(fx_row(f, i));
	}
}

/* Text in memory as a chunk's piece lies there. */
static char *padded(struct fx *f, const char *text, size_t size)
{
	char *data = spk_arena_alloc(f->arena, size + 2 * SPK_CHUNK_PADDING);

	memset(data, '7', size + 2 * SPK_CHUNK_PADDING);
	if (size)
		memcpy(data + SPK_CHUNK_PADDING, text, size);
	return data + SPK_CHUNK_PADDING;
}

/* Row by row. */
static void read_rows(struct fx *f, struct spk_decoder *d, const char *text, size_t size, struct lines *out)
{
	struct spk_view *row = SPK_NEW_ARRAY(f->arena, struct spk_view, size + 1);
	size_t used;
	int n;

	REQUIRE_OK(spk_format_csv.split(padded(f, text, size), size, true, row, (int)size + 1, &n, &used, &f->table, &f->err), f->err);
	CHECK_EQ_INT(used, size);
	for (int i = 0; i < n; i++)
		row[i] = spk_view(row[i].ref.pointer, row[i].length);
	for (int from = 0; from < n; from += SPK_BATCH_ROWS) {
		REQUIRE_OK(fx_decode_with(f, d, row + from, n - from < SPK_BATCH_ROWS ? n - from : SPK_BATCH_ROWS), f->err);
		add_lines(f, out);
	}
}

/* --- rows that a sieve keeps --- */

struct some { spk_test_rng *rng; bool first[FX_COLUMNS]; bool kept[SPK_BATCH_ROWS]; unsigned one_in; };

/* Any rows, many together or few. */
static spk_status keep_some(void *user, const struct spk_batch *batch, int32_t *sel, int *n, spk_error *err)
{
	struct some *s = user;
	int kept = 0;

	(void)err;
	CHECK_EQ_INT(*n, batch->rows);
	for (int i = 0; i < *n; i++) {
		s->kept[sel[i]] = lot(s->rng, s->one_in) == 0;
		sel[kept] = sel[i];
		kept += s->kept[sel[i]];
	}
	*n = kept;
	return SPK_OK;
}

/* Lines of rows that are not kept are "?". */
static void add_kept(struct fx *f, const struct some *s, struct lines *out)
{
	int n = 0;

	for (int i = 0; i < f->batch->rows; i++) {
		REQUIRE(out->n < (int)SPK_COUNT_OF(out->line));
		out->line[out->n++] = strdup(s->kept[i] ? fx_row(f, i) : "?");
		if (s->kept[i])
			CHECK(n < f->batch->selected && f->batch->sel[n] == i);
		n += s->kept[i];
	}
	CHECK_EQ_INT(n, f->batch->selected);
}

static void decode_some(struct fx *f, struct spk_decoder *d, const struct spk_piece *piece, int from, int n, spk_test_rng *rng, struct lines *out)
{
	struct some some = { .rng = rng, .one_in = 1 + lot(rng, 4) * lot(rng, 20) };
	struct spk_sieve sieve = { .first = some.first, .keep = keep_some, .user = &some };

	for (int c = 0; c < f->wanted_count; c++)
		some.first[c] = lot(rng, 2);
	REQUIRE_OK(spk_format_csv.decode_piece(d, piece, from, n, f->batch, &sieve, &f->errors, &f->err), f->err);
	add_kept(f, &some, out);
}

static void read_piece(struct fx *f, struct spk_decoder *d, const struct spk_piece *piece, spk_test_rng *rng, struct lines *out)
{
	for (int from = 0, n; from < piece->rows; from += n) {
		n = 1 + (int)lot(rng, 700);
		n = n < piece->rows - from ? n : piece->rows - from;
		spk_batch_unref(f->batch);
		f->batch = NULL;
		f->errors = (struct spk_row_errors){ 0 };
		REQUIRE_OK(spk_batch_new(&f->batch, f->spec.schema, NULL, &f->err), f->err);
		if (lot(rng, 3) == 0) {
			decode_some(f, d, piece, from, n, rng, out);
			continue;
		}
		REQUIRE_OK(spk_format_csv.decode_piece(d, piece, from, n, f->batch, NULL, &f->errors, &f->err), f->err);
		add_lines(f, out);
	}
}

/* By pieces of any size, and any number of rows at a time. */
static void read_pieces(struct fx *f, struct spk_decoder *d, const char *text, size_t size, spk_test_rng *rng, struct lines *out)
{
	size_t at = 0, take = 1 + lot(rng, 3000);

	while (at < size) {
		struct spk_arena *arena = spk_arena_new(NULL);
		struct spk_piece *piece;
		size_t used;

		take = take < size - at ? take : size - at;
		REQUIRE_OK(spk_format_csv.index(d, padded(f, text + at, take), take, at + take == size, 1 + (int)lot(rng, 900), arena, &piece, &used, &f->err), f->err);
		REQUIRE(used <= take && (used > 0 || piece->rows == 0));
		read_piece(f, d, piece, rng, out);
		at += used;
		REQUIRE(used || take < size - at + used);
		take = used ? 1 + lot(rng, 3000) : take * 2;
		spk_arena_unref(arena);
	}
}

static void compare(const char *text, size_t size, const struct lines *want, const struct lines *got)
{
	CHECK_EQ_INT(got->n, want->n);
	for (int i = 0; i < want->n && i < got->n; i++) {
		if (strcmp(want->line[i], got->line[i]) == 0 || strcmp(got->line[i], "?") == 0)
			continue;
		CHECK_EQ_STR(got->line[i], want->line[i]);
		printf("row %d of:\n%.*s\n", i, (int)size, text);
		return;
	}
}

static void same_both_ways(const char *columns, const char *wanted, const char *const option[][2], const char *text, size_t size, spk_test_rng *rng)
{
	static struct lines want, got;
	struct spk_decoder *d = NULL;
	struct fx f;

	fx_open(&f, columns);
	fx_option(&f, "csv.header", "false");
	for (int i = 0; option && option[i][0]; i++)
		fx_option(&f, option[i][0], option[i][1]);
	fx_want(&f, wanted);
	REQUIRE_OK(spk_format_csv.decoder_open(&d, &f.spec, &f.err), f.err);
	read_rows(&f, d, text, size, &want);
	read_pieces(&f, d, text, size, rng, &got);
	compare(text, size, &want, &got);
	lines_free(&want);
	lines_free(&got);
	spk_format_csv.decoder_close(d);
	fx_close(&f);
}

static void columns_as_rows(void)
{
	static const char *const tables[][2] = {
		{ "a bigint, b text, c numeric(10,2), d date", "*" }, { "a bigint, b text, c numeric(10,2), d date", "b" }, { "a text, b text, c text, d text", "*" }, { "a text", "*" },
		{ "a integer, b varchar(3), c double precision, d timestamp", "*" }, { "a smallint, b boolean, c numeric, d time", "*" }, { "a bigint, b text, c numeric(38,0), d bytea", "a,d" },
		{ "a bigint, b text", "*" },
	};
	static const char *const options[][4][2] = {
		{ { 0 } }, { { 0 } }, { { "csv.null", "NULL" } }, { { "csv.quote", "" } }, { { "csv.quote", "'" } }, { { "csv.escape", "\\" } }, { { "csv.comment", "#" } },
		{ { "csv.quote", "'" }, { "csv.escape", "\\" }, { "csv.comment", "#" } }, { { "csv.delimiter", "a" } }, { { "csv.null", "1" } },
	};
	spk_test_rng rng = spk_test_rng_new(4);
	int rounds = spk_test_long() ? 40000 : 2500;
	char text[6000];

	for (int round = 0; round < rounds; round++) {
		size_t size = make_text(&rng, text, round % 3 ? sizeof(text) : 200);
		unsigned t = lot(&rng, SPK_COUNT_OF(tables)), o = lot(&rng, SPK_COUNT_OF(options));

		same_both_ways(tables[t][0], tables[t][1], options[o], text, size, &rng);
	}
}

/* --- values --- */

/* Numbers and dates near every border that a kernel has. */
static const char *make_value(spk_test_rng *rng, char *out)
{
	static const char *const forms[] = { "%s%s", "-%s%s", "%s.%s", "-%s.%s", "%s,%s", "+%s%s", "%s.%s.", "%s %s", "%.1s%s", "199%.1s-0%.1s-21", "%.4s-%.2s-%.2s" };
	char digits[2][24] = { "", "" };

	for (int k = 0; k < 2; k++)
		for (unsigned n = lot(rng, k ? 6 : 21); n; n--)
			sprintf(digits[k] + strlen(digits[k]), "%u", lot(rng, 3) ? lot(rng, 10) : lot(rng, 2) * 9);
	if (lot(rng, 3) == 0)
		sprintf(out, "%04u-%02u-%02u%s", lot(rng, 10001), lot(rng, 14), lot(rng, 33), lot(rng, 2) ? "" : " 12:34:56.789");
	else
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-extra-args"
#pragma GCC diagnostic ignored "-Wformat-overflow"
		sprintf(out, forms[lot(rng, SPK_COUNT_OF(forms))], digits[0], digits[1], digits[0]);
#pragma GCC diagnostic pop
	return out;
}

static void values_as_rows(void)
{
	static const char *const types[] = { "smallint", "integer", "bigint", "numeric(15,2)", "numeric(38,10)", "numeric(5,0)", "numeric(18,18)", "numeric(3,1)", "numeric", "date", "timestamp",
		                             "double precision", "real", "boolean", "varchar(4)", "text" };
	spk_test_rng rng = spk_test_rng_new(5);
	int rounds = spk_test_long() ? 2000 : 100;

	for (int round = 0; round < rounds; round++) {
		for (size_t t = 0; t < SPK_COUNT_OF(types); t++) {
			char text[40000] = "", columns[64], value[128];
			size_t n = 0;

			for (int i = 0; i < 300; i++)
				n += (size_t)sprintf(text + n, "%u;%s\n", lot(&rng, 10), make_value(&rng, value));
			snprintf(columns, sizeof(columns), "k integer, v %s", types[t]);
			same_both_ways(columns, "*", (const char *const[][2]){ { "csv.delimiter", ";" }, { 0 } }, text, n, &rng);
		}
	}
}

/* A row that is longer than all that one index has room for; fields without end; nothing. */
static void extremes(void)
{
	static char text[300000];
	spk_test_rng rng = spk_test_rng_new(6);
	size_t n;

	same_both_ways("a text, b text", "*", NULL, "", 0, &rng);
	same_both_ways("a text, b text", "*", NULL, "\n", 1, &rng);
	same_both_ways("a text, b text", "*", NULL, "\r\n", 2, &rng);
	same_both_ways("a text, b text", "*", NULL, "\"", 1, &rng);
	same_both_ways("a text, b text", "*", NULL, ",", 1, &rng);
	same_both_ways("a text, b text", "*", NULL, "x,y\r", 4, &rng);
	same_both_ways("a text", "*", NULL, "\n\nx\n\r\n\"\"\n", 9, &rng);
	memset(text, ',', sizeof(text));
	memcpy(text + 200000, "\n1,2\n", 5);
	same_both_ways("a text, b text", "*", NULL, text, 200005, &rng);
	n = (size_t)sprintf(text, "1,\"");
	memset(text + n, 'x', 250000);
	n += 250000;
	n += (size_t)sprintf(text + n, "\"\n2,y\n");
	text[100000] = '\n';
	same_both_ways("a bigint, b text", "a", NULL, text, n, &rng);
}

SPK_TEST_SUITE("csv index", {"all passes find the same", all_passes_find_the_same}, {"passes stop when their list is full", passes_stop},
               {"columns hold what rows hold", columns_as_rows}, {"values near borders", values_as_rows}, {"extremes", extremes})
