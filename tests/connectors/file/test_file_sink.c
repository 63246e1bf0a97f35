/*
 * A directory as a sink: what is visible when, and what is left after a failure at every step, in every epoch. A recovered directory
 * must hold exactly the rows of the committed epochs.
 */
#include "core/base/fault.h"
#include "tests/connectors/fixture.h"

struct dst {
	struct fx f;
	bool partitioned;             /* by b */
	struct spk_sink_spec spec;
	struct spk_sink *s;
	char *dir;
};

static spk_status open_sink(struct dst *t)
{
	static const int column = 1;

	t->f.table.partition = &column;
	t->f.table.partition_count = t->partitioned;
	t->spec = (struct spk_sink_spec){ .table = &t->f.table, .schema = &t->f.schema, .job = "job", .conf = t->f.conf };
	memset(&t->f.err, 0, sizeof(t->f.err));
	return spk_sink_type("filesystem")->open(&t->s, &t->spec, &t->f.err);
}

static void begin_as(struct dst *t, const char *format, bool partitioned)
{
	char *path;

	memset(t, 0, sizeof(*t));
	t->partitioned = partitioned;
	t->dir = spk_test_dir("sink");
	path = spk_test_format("%s/out", t->dir);
	fx_open(&t->f, "a bigint, b text");
	fx_option(&t->f, "connector", "filesystem");
	fx_option(&t->f, "format", format);
	fx_option(&t->f, "path", path);
	free(path);
	REQUIRE_OK(open_sink(t), t->f.err);
}

static void begin(struct dst *t, const char *format)
{
	begin_as(t, format, false);
}

static void end(struct dst *t)
{
	if (t->s)
		t->s->type->close(t->s);
	fx_close(&t->f);
	spk_test_remove(t->dir);
	free(t->dir);
}

static spk_status write_rows(struct dst *t, int64_t epoch, int task, int64_t first, int n)
{
	struct spk_sink_block *block = calloc(1, sizeof(*block));
	const char *row[64];
	spk_status status;

	for (int i = 0; i < n; i++)
		row[i] = spk_arena_printf(t->f.arena, "{\"a\":%lld,\"b\":\"task %d\"}", (long long)first + i, task);
	fx_decode(&t->f, &spk_format_json, row, NULL, n);
	block->task = task;
	REQUIRE_OK(spk_sink_encode(t->s, t->f.batch, block, NULL, &t->f.err), t->f.err);
	CHECK_EQ_INT(block->rows, n);
	status = t->s->type->write(t->s, epoch, block, &t->f.err);
	spk_sink_block_free(block);
	return status;
}

/* One epoch as the loop does it; the record is committed when prepare went well. */
static spk_status epoch(struct dst *t, int64_t number, int64_t *committed)
{
	spk_status status;

	for (int task = 0; task < 2; task++) {
		status = write_rows(t, number, task, number * 100 + task * 10, 3);
		if (status != SPK_OK)
			return status;
	}
	status = t->s->type->prepare(t->s, number, &t->f.err);
	if (status != SPK_OK)
		return status;
	*committed = number;
	return t->s->type->commit(t->s, number, &t->f.err);
}

/* Visible files and what is in them. */
static char *visible(struct dst *t)
{
	char *out;

	spk_test_run(&out, "cd %s/out && for f in *; do [ -e \"$f\" ] && echo \"== $f\" && cat \"$f\"; done", t->dir);
	return out;
}

static char *hidden(struct dst *t)
{
	char *out;

	spk_test_run(&out, "cd %s/out && ls -A | grep '^\\.' | grep -v '^.sparklet-job$'", t->dir);
	return out;
}

static void shows(struct dst *t, const char *want, const char *want_hidden)
{
	char *got = visible(t), *also = hidden(t);

	CHECK_EQ_STR(got, want);
	CHECK_EQ_STR(also, want_hidden);
	free(got);
	free(also);
}

static void rows_are_seen_after_the_commit(void)
{
	struct dst t;

	begin(&t, "json");
	REQUIRE_OK(write_rows(&t, 1, 0, 1, 2), t.f.err);
	REQUIRE_OK(write_rows(&t, 1, 3, 7, 1), t.f.err);
	REQUIRE_OK(write_rows(&t, 1, 0, 3, 1), t.f.err);
	shows(&t, "", ".epoch-000000000001-task-0.json.part\n.epoch-000000000001-task-3.json.part\n");
	REQUIRE_OK(t.s->type->prepare(t.s, 1, &t.f.err), t.f.err);
	shows(&t, "", ".epoch-000000000001-task-0.json.part\n.epoch-000000000001-task-3.json.part\n");
	REQUIRE_OK(t.s->type->commit(t.s, 1, &t.f.err), t.f.err);
	REQUIRE_OK(t.s->type->commit(t.s, 1, &t.f.err), t.f.err);
	shows(&t, "== epoch-000000000001-task-0.json\n{\"a\":1,\"b\":\"task 0\"}\n{\"a\":2,\"b\":\"task 0\"}\n{\"a\":3,\"b\":\"task 0\"}\n"
	          "== epoch-000000000001-task-3.json\n{\"a\":7,\"b\":\"task 3\"}\n", "");
	REQUIRE_OK(t.s->type->prepare(t.s, 2, &t.f.err), t.f.err);
	REQUIRE_OK(t.s->type->commit(t.s, 2, &t.f.err), t.f.err);
	end(&t);
}

static void csv_files_have_a_header(void)
{
	struct dst t;
	int64_t committed;

	begin(&t, "csv");
	REQUIRE_OK(epoch(&t, 1, &committed), t.f.err);
	shows(&t, "== epoch-000000000001-task-0.csv\na,b\n100,task 0\n101,task 0\n102,task 0\n== epoch-000000000001-task-1.csv\na,b\n110,task 1\n111,task 1\n112,task 1\n", "");
	end(&t);
}

static void an_aborted_epoch_leaves_nothing(void)
{
	struct dst t;
	int64_t committed;

	begin(&t, "csv");
	REQUIRE_OK(write_rows(&t, 1, 0, 1, 2), t.f.err);
	t.s->type->abort(t.s, 1);
	shows(&t, "", "");
	REQUIRE_OK(epoch(&t, 1, &committed), t.f.err);
	shows(&t, "== epoch-000000000001-task-0.csv\na,b\n100,task 0\n101,task 0\n102,task 0\n== epoch-000000000001-task-1.csv\na,b\n110,task 1\n111,task 1\n112,task 1\n", "");
	end(&t);
}

static void a_directory_belongs_to_one_job(void)
{
	struct dst t;

	begin(&t, "json");
	t.s->type->close(t.s);
	t.s = NULL;
	CHECK_OK(open_sink(&t), t.f.err);
	t.s->type->close(t.s);
	t.s = NULL;
	t.spec.job = "another";
	CHECK_FAILS(spk_sink_type("filesystem")->open(&t.s, &t.spec, &t.f.err), SPK_EXISTS, t.f.err);
	CHECK_HOLDS(t.f.err.message, "holds the output of job 'job'");
	end(&t);
}

/* The rows of epochs 1 to 4, whatever happened on the way. */
static void all_rows(struct dst *t, const char *what)
{
	char *got, *want = strdup(""), *more, *place = spk_test_format("%s", what);

	for (int64_t e = 1; e <= 4; e++) {
		for (int task = 0; task < 2; task++) {
			more = spk_test_format("%s== epoch-%012lld-task-%d.json\n", want, (long long)e, task);
			free(want);
			want = more;
			for (int i = 0; i < 3; i++) {
				more = spk_test_format("%s{\"a\":%lld,\"b\":\"task %d\"}\n", want, (long long)e * 100 + task * 10 + i, task);
				free(want);
				want = more;
			}
		}
	}
	got = visible(t);
	if (strcmp(got, want) != 0)
		CHECK_EQ_STR(place, "");
	CHECK_EQ_STR(got, want);
	free(got);
	got = hidden(t);
	CHECK_EQ_STR(got, "");
	free(got);
	free(want);
	free(place);
}

/* Fails the n-th pass of a fault point, for every n until a run has no failure; then starts again and finishes the job. */
static void fail_at_every_step(bool partitioned, void (*check)(struct dst *t, const char *what))
{
	static const char *const points[] = { "file.write", "file.sync", "file.rename" };

	for (size_t p = 0; p < SPK_COUNT_OF(points); p++) {
		bool failed = true;

		for (int n = 1; failed && n < 100; n++) {
			char *fault = spk_test_format("%s:%d", points[p], n);
			int64_t committed = 0;
			spk_status status = SPK_OK;
			struct dst t;

			begin_as(&t, "json", partitioned);
			REQUIRE_OK(spk_fault_set(fault, &t.f.err), t.f.err);
			for (int64_t e = 1; e <= 4 && status == SPK_OK; e++)
				status = epoch(&t, e, &committed);
			failed = status != SPK_OK;
			spk_fault_set(NULL, NULL);
			/* The process is gone; another starts. */
			t.s->type->close(t.s);
			t.s = NULL;
			REQUIRE_OK(open_sink(&t), t.f.err);
			REQUIRE_OK(t.s->type->recover(t.s, committed, &t.f.err), t.f.err);
			REQUIRE_OK(t.s->type->recover(t.s, committed, &t.f.err), t.f.err);
			for (int64_t e = committed + 1; e <= 4; e++)
				REQUIRE_OK(epoch(&t, e, &committed), t.f.err);
			check(&t, fault);
			end(&t);
			free(fault);
		}
		CHECK(!failed);
	}
}

static void a_failure_at_every_step(void)
{
	fail_at_every_step(false, all_rows);
}

/* --- partitioned --- */

/* What a shell says in the directory. */
static void says(struct dst *t, const char *command, const char *want)
{
	char *got;

	spk_test_run(&got, "cd %s/out && %s", t->dir, command);
	CHECK_EQ_STR(got, want);
	free(got);
}

/* The rows of epochs 1 to 4 in folders by task, and nothing hidden. */
static void all_folders(struct dst *t, const char *what)
{
	char *want = strdup(""), *more, *got;

	for (int task = 0; task < 2; task++) {
		for (int n = 0; n < 12; n++) {
			more = spk_test_format("%sb=task %d {\"a\":%d}\n", want, task, (n / 3 + 1) * 100 + task * 10 + n % 3);
			free(want);
			want = more;
		}
	}
	spk_test_run(&got, "cd %s/out && for d in b=*; do for f in \"$d\"/epoch*.json; do sed \"s/^/$d /\" \"$f\"; done; done", t->dir);
	if (strcmp(got, want) != 0)
		CHECK_EQ_STR(what, "");
	CHECK_EQ_STR(got, want);
	says(t, "find . -name '.epoch*'", "");
	free(got);
	free(want);
}

static void a_failure_at_every_step_of_folders(void)
{
	fail_at_every_step(true, all_folders);
}

static spk_status write_texts(struct dst *t, int64_t epoch, const char *const *b, int n)
{
	struct spk_sink_block *block = calloc(1, sizeof(*block));
	const char **row = spk_arena_alloc(t->f.arena, sizeof(*row) * (size_t)n);
	spk_status status;

	for (int i = 0; i < n; i++)
		row[i] = spk_arena_printf(t->f.arena, "{\"a\":%d,\"b\":%s}", i, b[i]);
	fx_decode(&t->f, &spk_format_json, row, NULL, n);
	REQUIRE_OK(spk_sink_encode(t->s, t->f.batch, block, NULL, &t->f.err), t->f.err);
	status = t->s->type->write(t->s, epoch, block, &t->f.err);
	spk_sink_block_free(block);
	return status;
}

static void rows_go_into_folders(void)
{
	static const char *const texts[] = { "\"10:30\"", "null", "\"a/../b\"", "\"__HIVE_DEFAULT_PARTITION__\"", "\"\"", "\"10:30\"" };
	struct dst t;

	begin_as(&t, "csv", true);
	REQUIRE_OK(write_texts(&t, 1, texts, 6), t.f.err);
	says(&t, "find . -name 'epoch*'", "");
	REQUIRE_OK(t.s->type->prepare(t.s, 1, &t.f.err), t.f.err);
	REQUIRE_OK(t.s->type->commit(t.s, 1, &t.f.err), t.f.err);
	says(&t, "LC_ALL=C; for f in */epoch*; do echo \"$f\" $(cat \"$f\"); done",
	     "b=%5F_HIVE_DEFAULT_PARTITION__/epoch-000000000001-task-0.csv a 3\nb=/epoch-000000000001-task-0.csv a 4\nb=10%3A30/epoch-000000000001-task-0.csv a 0 5\n"
	     "b=__HIVE_DEFAULT_PARTITION__/epoch-000000000001-task-0.csv a 1\nb=a%2F..%2Fb/epoch-000000000001-task-0.csv a 2\n");
	end(&t);
}

/* More folders than files are kept open for, in turn, so that each is opened again. */
static void many_folders(void)
{
	enum { FOLDERS = 90, ROUNDS = 3 };
	const char *texts[FOLDERS * ROUNDS];
	struct dst t;

	begin_as(&t, "json", true);
	for (int i = 0; i < FOLDERS * ROUNDS; i++)
		texts[i] = spk_arena_printf(t.f.arena, "\"%d\"", i % FOLDERS);
	REQUIRE_OK(write_texts(&t, 1, texts, FOLDERS * ROUNDS), t.f.err);
	says(&t, "test $(ls /proc/$PPID/fd | wc -l) -lt 85 && echo few", "few\n");
	REQUIRE_OK(t.s->type->prepare(t.s, 1, &t.f.err), t.f.err);
	REQUIRE_OK(t.s->type->commit(t.s, 1, &t.f.err), t.f.err);
	says(&t, "ls | wc -l; cat b=7/*; cat */epoch* | sort -u | wc -l", "90\n{\"a\":7}\n{\"a\":97}\n{\"a\":187}\n270\n");
	end(&t);
}

/* What a killed INSERT has left in folders is taken away by the next; what is visible stays, and then the directory is not free. */
static void an_insert_takes_over_folders(void)
{
	static const char *const texts[] = { "\"x\"", "\"y\"" };
	struct dst t;

	begin_as(&t, "json", true);
	t.s->type->close(t.s);
	says(&t, "echo -n sql-12-34 > .sparklet-job", "");
	t.spec.job = "sql-12-34";
	t.spec.once = true;
	REQUIRE_OK(spk_sink_type("filesystem")->open(&t.s, &t.spec, &t.f.err), t.f.err);
	REQUIRE_OK(write_texts(&t, 1, texts, 2), t.f.err);
	t.s->type->close(t.s);
	says(&t, "find . -name '.epoch*' | wc -l", "2\n");
	t.spec.job = "sql-56-78";
	REQUIRE_OK(spk_sink_type("filesystem")->open(&t.s, &t.spec, &t.f.err), t.f.err);
	says(&t, "find . -name '.epoch*' | wc -l", "0\n");
	REQUIRE_OK(write_texts(&t, 1, texts, 2), t.f.err);
	REQUIRE_OK(t.s->type->prepare(t.s, 1, &t.f.err), t.f.err);
	REQUIRE_OK(t.s->type->commit(t.s, 1, &t.f.err), t.f.err);
	t.s->type->close(t.s);
	t.s = NULL;
	t.spec.job = "sql-90-12";
	CHECK_FAILS(spk_sink_type("filesystem")->open(&t.s, &t.spec, &t.f.err), SPK_EXISTS, t.f.err);
	end(&t);
}

/* Files of epochs that were visible but whose record was lost go away; others' files stay. */
static void recovery_drops_what_came_later(void)
{
	struct dst t;
	int64_t committed;
	char *path, *got;

	begin(&t, "json");
	for (int64_t e = 1; e <= 6; e++)
		REQUIRE_OK(epoch(&t, e, &committed), t.f.err);
	path = spk_test_format("%s/out/epoch-x.json", t.dir);
	spk_test_spew(path, "", 0);
	REQUIRE_OK(t.s->type->recover(t.s, 4, &t.f.err), t.f.err);
	spk_test_run(&got, "ls %s/out | tail -2", t.dir);
	CHECK_EQ_STR(got, "epoch-000000000004-task-1.json\nepoch-x.json\n");
	free(got);
	spk_test_remove(path);
	all_rows(&t, "recover 4");
	free(path);
	end(&t);
}

SPK_TEST_SUITE("file sink",
	{ "rows are seen after the commit", rows_are_seen_after_the_commit },
	{ "csv files have a header", csv_files_have_a_header },
	{ "an aborted epoch leaves nothing", an_aborted_epoch_leaves_nothing },
	{ "a directory belongs to one job", a_directory_belongs_to_one_job },
	{ "a failure at every step", a_failure_at_every_step },
	{ "recovery drops what came later", recovery_drops_what_came_later },
	{ "rows go into folders", rows_go_into_folders },
	{ "a failure at every step, of folders", a_failure_at_every_step_of_folders },
	{ "many folders", many_folders },
	{ "an INSERT takes over folders", an_insert_takes_over_folders })
