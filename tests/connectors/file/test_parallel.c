/*
 * Ranges of one file read by several tasks at once, as a query does: each row comes once, whoever is first to look at the file or to count its
 * quotes. SAN=thread shows whether what they share is guarded.
 */
#include <pthread.h>

#include "tests/connectors/fixture.h"

enum { THREADS = 4, ROWS = 4000 };

struct reading {
	struct spk_source *source;
	int *next;                 /* the range that nobody has yet */
	int64_t rows, sum;         /* of column a */
	spk_status status;
	spk_error err;
};

static void add_rows(struct reading *r, const struct spk_chunk *chunk)
{
	struct spk_batch *batch = NULL;

	for (int from = 0; from < chunk->rows && r->status == SPK_OK; from += SPK_BATCH_ROWS) {
		r->status = spk_source_decode(r->source, chunk, from, SPK_MIN(chunk->rows - from, SPK_BATCH_ROWS), NULL, &batch, &r->err);
		for (int i = 0; r->status == SPK_OK && i < batch->rows; i++)
			r->sum += spk_vector_value(&batch->column[0], i).i64;
		r->rows += r->status == SPK_OK ? batch->rows : 0;
		spk_batch_unref(batch);
		batch = NULL;
	}
}

static void *read_ranges(void *arg)
{
	struct reading *r = arg;
	int partition;

	while (r->status == SPK_OK && (partition = __atomic_fetch_add(r->next, 1, __ATOMIC_RELAXED)) < r->source->partitions) {
		bool finished = false;

		while (r->status == SPK_OK && !finished) {
			struct spk_chunk chunk = { 0 };

			r->status = r->source->type->fetch(r->source, partition, INT64_MAX, 1 << 16, 4 << 20, 0, &chunk, &r->err);
			finished = chunk.finished;
			add_rows(r, &chunk);
			spk_chunk_release(&chunk);
		}
	}
	return NULL;
}

/* All rows of the file at `path` in ranges of so many bytes, by THREADS threads. */
static void read_at_once(struct fx *f, const char *path, const char *range, int64_t *rows, int64_t *sum)
{
	struct reading r[THREADS] = { 0 };
	struct spk_source_spec spec = { .table = &f->table, .column = f->wanted, .columns = f->wanted_count, .schema = &f->wanted_schema, .job = "query", .conf = f->conf, .batch = true };
	pthread_t thread[THREADS];
	struct spk_source *s;
	int64_t *start;
	int next = 0;

	fx_option(f, "path", path);
	REQUIRE_OK(spk_conf_set(f->conf, "files.range", range, &f->err), f->err);
	REQUIRE_OK(spk_source_type("filesystem")->open(&s, &spec, &f->err), f->err);
	CHECK(s->partitions > 2 * THREADS);
	start = malloc(sizeof(*start) * (size_t)s->partitions * 2);
	for (int i = 0; i < s->partitions; i++)
		start[i] = SPK_POSITION_START;
	REQUIRE_OK(s->type->seek(s, start, start + s->partitions, &f->err), f->err);
	for (int i = 0; i < THREADS; i++) {
		r[i] = (struct reading){ .source = s, .next = &next };
		REQUIRE(pthread_create(&thread[i], NULL, read_ranges, &r[i]) == 0);
	}
	*rows = *sum = 0;
	for (int i = 0; i < THREADS; i++) {
		pthread_join(thread[i], NULL);
		CHECK_OK(r[i].status, r[i].err);
		*rows += r[i].rows;
		*sum += r[i].sum;
	}
	free(start);
	s->type->close(s);
	f->table.option_count--;
}

/* `text` behind each number; %d rows of it from 0 on. */
static void rows_come_once(const char *text, bool crlf)
{
	char *dir = spk_test_dir("parallel"), *path = spk_test_format("%s/x.csv", dir);
	struct spk_buffer bytes = { 0 };
	int64_t rows, sum;
	struct fx f;

	fx_open(&f, "a bigint, b text");
	fx_option(&f, "connector", "filesystem");
	REQUIRE_OK(spk_buffer_append_str(&bytes, "a,b\n", &f.err), f.err);
	for (int i = 0; i < ROWS; i++)
		REQUIRE_OK(spk_buffer_printf(&bytes, &f.err, "%d,%s%s", i, text, crlf ? "\r\n" : "\n"), f.err);
	spk_test_spew(path, bytes.data, bytes.size);
	for (int i = 0; i < 3; i++) {
		read_at_once(&f, path, (const char *const[]){ "100", "500", "2000" }[i], &rows, &sum);
		CHECK_EQ_INT(rows, ROWS);
		CHECK_EQ_INT(sum, (int64_t)ROWS * (ROWS - 1) / 2);
	}
	spk_buffer_release(&bytes);
	fx_close(&f);
	spk_test_remove(dir);
	free(path);
	free(dir);
}

static void without_quotes(void) { rows_come_once("text", false); }
static void quotes_that_tell(void) { rows_come_once("\"one, two\"", true); }

/* A quoted delimiter: both quotes stand between delimiters, which says nothing, so that every border is counted. */
static void quotes_that_tell_nothing(void) { rows_come_once("\",\"", false); }

SPK_TEST_SUITE("files read by several tasks", { "without quotes", without_quotes }, { "quotes that tell", quotes_that_tell }, { "quotes that tell nothing", quotes_that_tell_nothing })
