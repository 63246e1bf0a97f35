/*
 * The generator: the same events whatever is asked for and however; the proportions and hot keys that Nexmark has; pacing.
 */
#include "core/base/clock.h"
#include "tests/connectors/fixture.h"

static const char bid[] = "auction bigint, bidder bigint, price bigint, channel text, url text, date_time timestamp, extra text";
static const char person[] = "id bigint, name text, emailAddress text, creditCard text, city text, state text, dateTime timestamp, extra text";
static const char auction[] = "id bigint, itemName text, description text, initialBid bigint, reserve bigint, dateTime timestamp, expires timestamp, seller bigint, category bigint, extra text";

struct gen { struct fx f; struct spk_source_spec spec; struct spk_source *s; };

static void begin(struct gen *g, const char *table, const char *columns, const char *const *options)
{
	memset(g, 0, sizeof(*g));
	fx_open(&g->f, columns);
	fx_option(&g->f, "connector", "nexmark");
	fx_option(&g->f, "nexmark.table", table);
	for (; options && *options; options += 2)
		fx_option(&g->f, options[0], options[1]);
}

static void open_source(struct gen *g)
{
	int64_t start[8] = { -1, -1, -1, -1, -1, -1, -1, -1 }, at[8];

	g->spec = (struct spk_source_spec){ .table = &g->f.table, .column = g->f.wanted, .columns = g->f.wanted_count, .schema = &g->f.wanted_schema, .job = "job", .conf = g->f.conf };
	REQUIRE_OK(spk_connector_check_table(&g->f.table, g->f.conf, &g->f.err), g->f.err);
	REQUIRE_OK(spk_source_type("nexmark")->open(&g->s, &g->spec, &g->f.err), g->f.err);
	REQUIRE_OK(g->s->type->seek(g->s, start, at, &g->f.err), g->f.err);
}

static void end(struct gen *g)
{
	g->s->type->close(g->s);
	fx_close(&g->f);
}

/* Rows of a partition from where it stands up to position `stop`, a line each. */
static char *rows(struct gen *g, int partition, int64_t stop, int max_rows, uint64_t *hash)
{
	struct spk_buffer out = { 0 };
	bool finished = false;
	char *text;

	*hash = 0;
	while (!finished) {
		struct spk_chunk chunk = { 0 };

		REQUIRE_OK(g->s->type->fetch(g->s, partition, stop, max_rows, 1 << 20, 0, &chunk, &g->f.err), g->f.err);
		finished = chunk.finished || chunk.end >= stop;
		*hash += chunk.hash;
		for (int from = 0; from < chunk.rows; from += SPK_BATCH_ROWS) {
			int n = chunk.rows - from < SPK_BATCH_ROWS ? chunk.rows - from : SPK_BATCH_ROWS;

			spk_batch_unref(g->f.batch);
			REQUIRE_OK(spk_source_decode(g->s, &chunk, from, n, NULL, &g->f.batch, &g->f.err), g->f.err);
			for (int i = 0; i < n; i++) {
				REQUIRE_OK(spk_buffer_printf(&out, &g->f.err, "%s\n", fx_row(&g->f, i)), g->f.err);
				CHECK(g->f.batch->origin->offset[i] >= chunk.start && g->f.batch->origin->offset[i] < chunk.end);
			}
		}
		spk_chunk_release(&chunk);
	}
	text = strdup(out.size ? spk_buffer_cstr(&out) : "");
	spk_buffer_release(&out);
	return text;
}

static char *generate(const char *table, const char *columns, const char *want, const char *const *options, int max_rows, uint64_t *hash)
{
	struct gen g;
	char *text;

	begin(&g, table, columns, options);
	fx_want(&g.f, want);
	open_source(&g);
	text = rows(&g, 0, INT64_MAX, max_rows, hash);
	end(&g);
	return text;
}

static int count_lines(const char *s)
{
	int n = 0;

	for (; *s; s++)
		n += *s == '\n';
	return n;
}

static void the_same_every_time(void)
{
	static const char *const small[] = { "nexmark.events", "5000", NULL }, *const large[] = { "nexmark.events", "20000", NULL };
	static const char *const other[] = { "nexmark.events", "5000", "nexmark.seed", "2", NULL };
	static const char *const kind[][2] = { { "person", person }, { "auction", auction }, { "bid", bid } };
	static const int count[] = { 100, 300, 4600 };

	for (int i = 0; i < 3; i++) {
		uint64_t h[5];
		char *a = generate(kind[i][0], kind[i][1], "*", small, 4096, &h[0]), *b = generate(kind[i][0], kind[i][1], "*", small, 7, &h[1]);
		char *longer = generate(kind[i][0], kind[i][1], "*", large, 1000, &h[2]), *c = generate(kind[i][0], kind[i][1], "*", other, 4096, &h[3]);

		CHECK_EQ_INT(count_lines(a), count[i]);
		CHECK_EQ_STR(b, a);
		CHECK(h[0] == h[1]);
		CHECK(strncmp(longer, a, strlen(a)) == 0);
		CHECK_EQ_INT(count_lines(longer), 4 * count[i]);
		CHECK(strcmp(c, a) != 0 && h[3] != h[0]);
		free(a);
		free(b);
		free(c);
		free(longer);
	}
}

/* A column has the values it has when all are made. */
static void any_columns_alone(void)
{
	static const char *const options[] = { "nexmark.events", "1000", NULL }, *const kind[][2] = { { "person", person }, { "auction", auction }, { "bid", bid } };

	for (int k = 0; k < 3; k++) {
		struct gen all, one;
		struct spk_chunk a = { 0 }, b = { 0 };

		begin(&all, kind[k][0], kind[k][1], options);
		open_source(&all);
		REQUIRE_OK(all.s->type->fetch(all.s, 0, INT64_MAX, 4096, 1 << 20, 0, &a, &all.f.err), all.f.err);
		REQUIRE_OK(spk_source_decode(all.s, &a, 0, a.rows, NULL, &all.f.batch, &all.f.err), all.f.err);
		for (int c = 0; c < all.f.schema.count; c++) {
			int from = a.rows / 3;

			begin(&one, kind[k][0], kind[k][1], options);
			fx_want(&one.f, all.f.field[c].name);
			open_source(&one);
			REQUIRE_OK(one.s->type->fetch(one.s, 0, INT64_MAX, 4096, 1 << 20, 0, &b, &one.f.err), one.f.err);
			REQUIRE_OK(spk_source_decode(one.s, &b, from, b.rows - from, NULL, &one.f.batch, &one.f.err), one.f.err);
			for (int i = from; i < a.rows; i++) {
				char x[1024], y[1024];

				fx_value(&all.f.batch->column[c], i, x, sizeof(x));
				fx_value(&one.f.batch->column[0], i - from, y, sizeof(y));
				CHECK_EQ_STR(y, x);
			}
			spk_chunk_release(&b);
			end(&one);
		}
		spk_chunk_release(&a);
		end(&all);
	}
}

static int compare_text(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

/* Lines of a text, sorted. */
static void sort_lines(char *text)
{
	int n = count_lines(text);
	char **line = malloc(sizeof(*line) * (size_t)(n + 1)), *save = NULL, *copy = strdup(text), *p = text;

	line[0] = strtok_r(copy, "\n", &save);
	for (int i = 1; i < n; i++)
		line[i] = strtok_r(NULL, "\n", &save);
	qsort(line, (size_t)n, sizeof(*line), compare_text);
	for (int i = 0; i < n; i++)
		p += sprintf(p, "%s\n", line[i]);
	free(line);
	free(copy);
}

static void partitions_share_the_rows(void)
{
	static const char *const options[] = { "nexmark.events", "3000", "nexmark.partitions", "3", NULL };
	struct gen g;
	uint64_t hash;
	char *whole = generate("bid", bid, "*", (const char *const[]){ "nexmark.events", "3000", NULL }, 4096, &hash), *all = calloc(1, strlen(whole) + 1);

	begin(&g, "bid", bid, options);
	open_source(&g);
	CHECK_EQ_INT(g.s->partitions, 3);
	for (int p = 0; p < 3; p++) {
		char *mine = rows(&g, p, INT64_MAX, 100 + p, &hash);

		CHECK_EQ_INT(count_lines(mine), 920);
		strcat(all, mine);
		free(mine);
	}
	sort_lines(whole);
	sort_lines(all);
	CHECK_EQ_STR(all, whole);
	free(whole);
	free(all);
	end(&g);
}

/* From any position to any other: what lies between. */
static void any_range(void)
{
	static const char *const options[] = { "nexmark.events", "3000", "nexmark.partitions", "2", NULL };
	spk_test_rng rng = spk_test_rng_new(1);
	struct gen g;
	uint64_t whole, a, b, c;
	char *all;

	begin(&g, "auction", auction, options);
	open_source(&g);
	all = rows(&g, 1, INT64_MAX, 4096, &whole);
	for (int round = 0; round < 50; round++) {
		int64_t first = spk_test_between(&rng, 0, 3000), last = spk_test_between(&rng, first, 3000), at[2] = { 0, 0 }, got[2];
		char *x, *y, *z, *joined;

		REQUIRE_OK(g.s->type->seek(g.s, at, got, &g.f.err), g.f.err);
		x = rows(&g, 1, first, 10, &a);
		y = rows(&g, 1, last, 13, &b);
		at[1] = last;
		REQUIRE_OK(g.s->type->seek(g.s, at, got, &g.f.err), g.f.err);
		z = rows(&g, 1, INT64_MAX, 4096, &c);
		joined = spk_test_format("%s%s%s", x, y, z);
		CHECK_EQ_STR(joined, all);
		CHECK(a + b + c == whole);
		free(x);
		free(y);
		free(z);
		free(joined);
	}
	free(all);
	end(&g);
}

static void proportions_and_hot_keys(void)
{
	static const char *const options[] = { "nexmark.events", "200000", NULL };
	int64_t n = 0, hot_auction = 0, hot_bidder = 0, hot_channel = 0, text = 0, last = 0, cheap = 0;
	struct spk_chunk chunk = { 0 };
	struct gen g;

	begin(&g, "bid", bid, options);
	open_source(&g);
	for (bool finished = false; !finished;) {
		REQUIRE_OK(g.s->type->fetch(g.s, 0, INT64_MAX, 4096, 1 << 20, 0, &chunk, &g.f.err), g.f.err);
		finished = chunk.finished;
		spk_batch_unref(g.f.batch);
		g.f.batch = NULL;
		REQUIRE_OK(spk_source_decode(g.s, &chunk, 0, chunk.rows, NULL, &g.f.batch, &g.f.err), g.f.err);
		for (int i = 0; i < chunk.rows; i++, n++) {
			const struct spk_vector *v = g.f.batch->column;
			int64_t price = spk_vector_i64(&v[2])[i];

			hot_auction += (spk_vector_i64(&v[0])[i] - 1000) % 100 == 0;
			hot_bidder += (spk_vector_i64(&v[1])[i] - 1000) % 100 == 1;
			hot_channel += spk_view_data(&spk_vector_view(&v[3])[i])[0] != 'c';
			text += spk_vector_view(&v[6])[i].length;
			cheap += price < 100000;
			CHECK(price >= 100 && price <= 100000000);
			CHECK(spk_vector_i64(&v[5])[i] >= last);
			last = spk_vector_i64(&v[5])[i];
		}
		spk_chunk_release(&chunk);
	}
	CHECK_EQ_INT(n, 184000);
	CHECK_NEAR((double)hot_auction / (double)n, 0.505, 0.01);
	CHECK_NEAR((double)hot_bidder / (double)n, 0.7525, 0.01);
	CHECK_NEAR((double)hot_channel / (double)n, 0.5, 0.01);
	CHECK_NEAR((double)cheap / (double)n, 0.5, 0.01);
	CHECK_NEAR((double)text / (double)n, 68, 1);
	CHECK_EQ_INT(last, INT64_C(1735689600000000) + INT64_C(199999) * 100 / 1000 * 1000);
	end(&g);
}

static void ends_and_pacing(void)
{
	struct gen g;
	struct spk_chunk chunk = { 0 };
	int64_t stop, begun;

	begin(&g, "bid", bid, NULL);
	open_source(&g);
	CHECK_OK(g.s->type->ends(g.s, true, &stop, &g.f.err), g.f.err);
	CHECK(stop == INT64_MAX);
	CHECK_FAILS(g.s->type->ends(g.s, false, &stop, &g.f.err), SPK_USAGE, g.f.err);
	CHECK_EQ_INT(g.s->type->wake_fd(g.s), -1);
	end(&g);
	begin(&g, "bid", bid, (const char *const[]){ "nexmark.rate", "1000", "nexmark.events", "100000", NULL });
	open_source(&g);
	CHECK(g.s->type->wake_fd(g.s) >= 0);
	begun = spk_clock_monotonic_us();
	for (int n = 0; n < 100;) {
		chunk = (struct spk_chunk){ 0 };
		REQUIRE_OK(g.s->type->fetch(g.s, 0, INT64_MAX, 100 - n, 1 << 20, 20000, &chunk, &g.f.err), g.f.err);
		CHECK(chunk.rows || chunk.end == chunk.start);
		n += chunk.rows;
		spk_chunk_release(&chunk);
	}
	CHECK(spk_clock_monotonic_us() - begun >= 95000);
	end(&g);
}

SPK_TEST_SUITE("nexmark",
	{ "the same every time", the_same_every_time },
	{ "any columns alone", any_columns_alone },
	{ "partitions share the rows", partitions_share_the_rows },
	{ "any range", any_range },
	{ "proportions and hot keys", proportions_and_hot_keys },
	{ "ends and pacing", ends_and_pacing })
