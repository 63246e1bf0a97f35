/*
 * Streams of frames: what a function gets, epoch by epoch, adds up to the batch answer over the same rows, whatever the output mode; a function that is not ready,
 * fails or is slow; streams that are stopped, resumed, left to their session; wrong calls.
 */
#include <stdio.h>
#include <unistd.h>

#include "core/base/log.h"
#include "sparklet/stream.h"
#include "tests/support/test.h"

static struct spk_session *session;
static char *folder;
static spk_error err;

static const char *const columns = "carrier text, flight integer, origin text, dest text, time_hour timestamp, dep_delay integer";

static void begin(void)
{
	err = (spk_error){ 0 };
	folder = spk_test_dir("streams");
	REQUIRE_OK(spk_log_set_levels("error", &err), err);
	REQUIRE_OK(spk_session_new(&session, &err), err);
	REQUIRE_OK(spk_session_set(session, "epoch.max.rows", "3000", &err), err);
}

static void end(void)
{
	spk_session_free(session);
	free(folder);
}

/* --- rows that come --- */

enum { KEYS = 64 };

/* What a function was told: the value of every key by now, and how often it was called. */
struct told {
	struct { char key[16]; int64_t value, weight; } row[KEYS];
	int rows, calls, epochs_back, refusals;
	int64_t last_epoch, taken_back;
	spk_status fails;
	bool clears;        /* every call has the whole result */
};

static struct told *told_new(void) { return calloc(1, sizeof(struct told)); }

/* Adds weight to the row (key, value): the same pair is the same row. */
static void tell(struct told *t, const char *key, int size, int64_t value, int64_t weight)
{
	int i = 0;

	while (i < t->rows && !(t->row[i].value == value && (int)strlen(t->row[i].key) == size && memcmp(t->row[i].key, key, (size_t)size) == 0))
		i++;
	if (i == t->rows) {
		REQUIRE(t->rows < KEYS);
		snprintf(t->row[i].key, sizeof t->row[i].key, "%.*s", size, key);
		t->row[i].value = value;
		t->row[i].weight = 0;
		t->rows++;
	}
	t->row[i].weight += weight;
	if (!t->row[i].weight)
		t->row[i] = t->row[--t->rows];
}

/* Columns: a text and a bigint. */
static spk_status on_changes(void *user, int64_t epoch, struct ArrowArrayStream *changes, spk_error *error)
{
	struct told *t = user;
	struct ArrowArray batch;

	t->calls++;
	t->epochs_back += epoch <= t->last_epoch;
	if (t->refusals > 0) {
		t->refusals--;
		return SPK_UNAVAILABLE;
	}
	if (t->fails) {
		snprintf(error->message, sizeof error->message, "no room in the table");
		return t->fails;
	}
	t->last_epoch = epoch;
	if (t->clears)
		t->rows = 0;
	while (changes->get_next(changes, &batch) == 0 && batch.release) {
		const int32_t *at = batch.children[0]->buffers[1];
		const char *text = batch.children[0]->buffers[2];
		const int64_t *value = batch.children[1]->buffers[1], *weight = batch.children[2]->buffers[1];

		for (int64_t i = 0; i < batch.length; i++) {
			t->taken_back += weight[i] < 0;
			tell(t, text + at[i], at[i + 1] - at[i], value[i], weight[i]);
		}
		batch.release(&batch);
	}
	return SPK_OK;
}

/* What a batch says: rows of a text and a bigint. */
static void check_told(const struct told *t, const char *query)
{
	struct ArrowArrayStream rows;
	struct ArrowArray batch;
	int64_t seen = 0;

	if (!CHECK_OK(spk_session_query(session, query, &rows, &err), err))
		return;
	while (rows.get_next(&rows, &batch) == 0 && batch.release) {
		const int32_t *at = batch.children[0]->buffers[1];
		const char *text = batch.children[0]->buffers[2];
		const int64_t *value = batch.children[1]->buffers[1];

		for (int64_t i = 0; i < batch.length; i++, seen++) {
			bool found = false;

			for (int k = 0; k < t->rows; k++)
				found = found || (t->row[k].value == value[i] && t->row[k].weight == 1 && (int)strlen(t->row[k].key) == at[i + 1] - at[i] && memcmp(t->row[k].key, text + at[i], strlen(t->row[k].key)) == 0);
			CHECK(found);
		}
		batch.release(&batch);
	}
	rows.release(&rows);
	CHECK_EQ_INT(t->rows, seen);
	CHECK(seen > 0);
}

static struct spk_frame *flights(void)
{
	const char *const option[] = { "connector", "filesystem", "path", "examples/data/flights.csv", NULL };

	return spk_frame_read_stream(session, "flight", columns, option);
}

static struct spk_frame *by_carrier(struct spk_frame *f) { return spk_frame_agg(spk_frame_group_by(f, "carrier"), "count(*) AS n"); }

static const char *const by_carrier_sql = "SELECT carrier, count(*) FROM 'examples/data/flights.csv' GROUP BY carrier";

/* Runs the stream to its end, and expects that. */
static void run(struct spk_frame *f, const struct spk_stream_sink *sink, const char *name, const char *trigger, spk_status want)
{
	char dir[512];
	const struct spk_stream_options options = { .name = name, .dir = dir, .trigger = trigger };
	struct spk_stream *stream;

	snprintf(dir, sizeof dir, "%s/%s", folder, name);
	if (!CHECK_OK(spk_frame_write_stream(f, sink, &options, &stream, &err), err))
		return;
	CHECK_EQ_INT(spk_stream_await(stream, -1, &err), want);
	spk_stream_free(stream);
}

static void adds_up_in_every_mode(void)
{
	static const enum spk_output_mode mode[] = { SPK_OUTPUT_AUTO, SPK_OUTPUT_DELTA, SPK_OUTPUT_COMPLETE };
	struct spk_frame *f;

	begin();
	f = by_carrier(flights());
	for (size_t i = 0; i < sizeof mode / sizeof *mode; i++) {
		struct told *t = told_new();
		char name[16];

		t->clears = mode[i] == SPK_OUTPUT_COMPLETE;
		snprintf(name, sizeof name, "mode-%zu", i);
		run(f, &(struct spk_stream_sink){ .changes = on_changes, .user = t, .mode = mode[i] }, name, NULL, SPK_OK);
		check_told(t, by_carrier_sql);
		CHECK(t->calls > 5);
		CHECK_EQ_INT(t->epochs_back, 0);
		CHECK((t->taken_back > 0) == (mode[i] != SPK_OUTPUT_COMPLETE));
		free(t);
	}
	end();
}

/* Of a key only the new row comes. */
static spk_status on_upserts(void *user, int64_t epoch, struct ArrowArrayStream *changes, spk_error *error)
{
	struct told *t = user, now = { 0 };

	now.last_epoch = epoch - 1;
	if (on_changes(&now, epoch, changes, error) != SPK_OK)
		return SPK_INTERNAL;
	t->calls++;
	t->taken_back += now.taken_back;
	for (int i = 0; i < now.rows; i++) {
		for (int k = t->rows - 1; k >= 0; k--)
			if (strcmp(t->row[k].key, now.row[i].key) == 0)
				t->row[k] = t->row[--t->rows];
		tell(t, now.row[i].key, (int)strlen(now.row[i].key), now.row[i].value, now.row[i].weight);
	}
	return SPK_OK;
}

static void updates_by_key(void)
{
	struct told *t = told_new();

	begin();
	run(by_carrier(flights()), &(struct spk_stream_sink){ .changes = on_upserts, .user = t, .key = "carrier", .mode = SPK_OUTPUT_UPDATE }, "upserts", NULL, SPK_OK);
	check_told(t, by_carrier_sql);
	CHECK_EQ_INT(t->taken_back, 0);
	free(t);
	end();
}

static void windows_are_final(void)
{
	struct told *t = told_new();
	struct spk_frame *f;

	begin();
	f = spk_frame_tumble(spk_frame_with_watermark(flights(), "time_hour", "40 days"), "time_hour", "7 days");
	f = spk_frame_select(spk_frame_agg(spk_frame_group_by(f, "window_start, window_end"), "count(*) AS n"), "to_char(window_start, 'YYYYMMDD') AS week, n");
	run(f, &(struct spk_stream_sink){ .changes = on_changes, .user = t, .mode = SPK_OUTPUT_APPEND }, "windows", NULL, SPK_OK);
	check_told(t, "SELECT to_char(date_bin('7 days', time_hour::timestamp, '1970-01-01'), 'YYYYMMDD'), count(*) FROM 'examples/data/flights.csv' GROUP BY 1");
	CHECK_EQ_INT(t->taken_back, 0);
	free(t);
	end();
}

/* Departures of a carrier from an airport with at most nine hours between them, counted in DuckDB's manner: a session begins where no row is so near before. */
static void sessions_are_final(void)
{
	struct told *t = told_new();
	struct spk_frame *f;

	begin();
	f = spk_frame_session(spk_frame_with_watermark(flights(), "time_hour", "40 days"), "carrier, origin", "time_hour", "9 hours");
	f = spk_frame_agg(spk_frame_group_by(f, "window_start, window_end, carrier, origin"), "count(*) AS n");
	f = spk_frame_agg(spk_frame_group_by(f, "carrier || origin"), "count(*) AS sessions");
	run(f, &(struct spk_stream_sink){ .changes = on_changes, .user = t }, "sessions", NULL, SPK_OK);
	check_told(t,
		"SELECT carrier || origin, count(*) FROM (SELECT carrier, origin, time_hour::timestamp - lag(time_hour::timestamp) OVER (PARTITION BY carrier, origin ORDER BY time_hour) AS gap "
		"FROM 'examples/data/flights.csv') AS f WHERE gap IS NULL OR gap > INTERVAL '9 hours' GROUP BY 1");
	free(t);
	end();
}

/* Not ready: the epoch comes again under its number, and nothing is lost or twice. */
static void waits_for_a_function(void)
{
	struct told *t = told_new();

	begin();
	t->refusals = 3;
	run(by_carrier(flights()), &(struct spk_stream_sink){ .changes = on_changes, .user = t }, "patient", NULL, SPK_OK);
	CHECK_EQ_INT(t->refusals, 0);
	check_told(t, by_carrier_sql);
	free(t);
	end();
}

/* Failed: the stream ends with the function's own words; the next one goes on behind the last epoch that was taken. */
static void goes_on_after_a_failure(void)
{
	struct told *t = told_new();
	struct spk_frame *f;

	begin();
	f = by_carrier(flights());
	t->fails = SPK_DATA;
	run(f, &(struct spk_stream_sink){ .changes = on_changes, .user = t }, "failing", NULL, SPK_DATA);
	CHECK_HOLDS(err.message, "no room in the table");
	CHECK_EQ_INT(t->calls, 1);
	t->fails = SPK_OK;
	run(f, &(struct spk_stream_sink){ .changes = on_changes, .user = t }, "failing", NULL, SPK_OK);
	check_told(t, by_carrier_sql);
	free(t);
	end();
}

/* A session that ends takes its streams along; the next process goes on. A generator has no end. */
static void stops_and_resumes(void)
{
	const char *const option[] = { "connector", "datagen", "rows-per-second", "2000", "fields.n.kind", "sequence", "fields.n.start", "1", "fields.n.end", "1000000", NULL };
	struct told *t = told_new();
	char *dir = spk_test_dir("resumed");
	int64_t last = 0;

	for (int round = 0; round < 3; round++) {
		struct spk_frame *f;
		struct spk_stream *stream = NULL;
		struct spk_stream_progress progress = { 0 };

		begin();
		f = spk_frame_select(spk_frame_read_stream(session, "number", "n bigint", option), "'all' AS k, n");
		f = spk_frame_agg(spk_frame_group_by(f, "k"), "count(*) AS n");
		if (!CHECK_OK(spk_frame_write_stream(f, &(struct spk_stream_sink){ .changes = on_changes, .user = t }, &(struct spk_stream_options){ .name = "resumed", .dir = dir, .trigger = "10ms" }, &stream, &err), err))
			break;
		while (progress.epoch < last + 3 && spk_stream_await(stream, 5, &err) == SPK_TIMEOUT)
			spk_stream_progress(stream, &progress);
		CHECK(progress.epoch >= last + 3);
		if (round == 1)
			spk_stream_stop(stream);
		if (round == 1)
			CHECK_OK(spk_stream_await(stream, -1, &err), err);
		if (round < 2)
			end();   /* frees the stream */
		else
			spk_stream_free(stream);
		CHECK_EQ_INT(t->rows, 1);
		CHECK(t->last_epoch > last);
		CHECK_EQ_INT(t->epochs_back, 0);
		last = t->last_epoch;
	}
	free(dir);
	free(t);
	end();
}

static void shares_sources_among_sinks(void)
{
	struct told *a = told_new(), *b = told_new();
	struct spk_frame *f;
	struct spk_stream *stream;
	char dir[512];

	begin();
	snprintf(dir, sizeof dir, "%s/two", folder);
	f = flights();
	struct spk_stream_sink sink[] = {
		{ .frame = by_carrier(f), .name = "carriers", .changes = on_changes, .user = a },
		{ .frame = spk_frame_agg(spk_frame_group_by(f, "origin"), "sum(dep_delay) AS delay"), .name = "origins", .changes = on_changes, .user = b },
	};
	if (CHECK_OK(spk_stream_start(session, sink, 2, &(struct spk_stream_options){ .name = "two", .dir = dir }, &stream, &err), err)) {
		struct spk_stream_progress progress;

		CHECK_OK(spk_stream_await(stream, -1, &err), err);
		spk_stream_progress(stream, &progress);
		CHECK_EQ_STR(progress.phase, "done");
		CHECK_EQ_INT(progress.rows_in, 27004);   /* read once, for both */
		CHECK_EQ_INT(progress.watermark_us, INT64_MAX);
		spk_stream_free(stream);
	}
	check_told(a, by_carrier_sql);
	check_told(b, "SELECT origin, sum(dep_delay)::bigint FROM 'examples/data/flights.csv' GROUP BY origin");
	free(a);
	free(b);
	end();
}

static void check_refused(struct spk_frame *f, struct spk_stream_sink sink, const char *name, spk_status code, const char *message)
{
	char dir[512];
	struct spk_stream *stream = NULL;

	snprintf(dir, sizeof dir, "%s/refused", folder);
	err = (spk_error){ 0 };
	CHECK_FAILS(spk_frame_write_stream(f, &sink, &(struct spk_stream_options){ .name = name, .dir = dir }, &stream, &err), code, err);
	CHECK_HOLDS(err.message, message);
	CHECK(!stream);
}

static void says_what_is_wrong(void)
{
	const char *const csv[] = { "connector", "filesystem", "path", "out", "format", "csv", NULL }, *const typo[] = { "connector", "filesystm", NULL };
	struct told *t = told_new();
	struct spk_stream_sink to = { .changes = on_changes, .user = t }, append = to, update = to, both = to, wrong = { .option = typo }, delta = { .option = csv, .mode = SPK_OUTPUT_DELTA };
	struct spk_frame *f, *endless;
	int64_t n;
	char *text;

	begin();
	append.mode = SPK_OUTPUT_APPEND;
	update.mode = SPK_OUTPUT_UPDATE;
	both.option = csv;
	f = by_carrier(flights());
	check_refused(f, append, "a", SPK_PLAN, "takes rows back");
	check_refused(f, update, "a", SPK_PLAN, "cannot take changes by key");
	CHECK_HOLDS(err.hint, "PRIMARY KEY");
	check_refused(f, delta, "a", SPK_PLAN, "cannot take rows with weights");
	check_refused(f, both, "a", SPK_USAGE, "both");
	check_refused(f, wrong, "a", SPK_USAGE, "filesystm");
	check_refused(f, (struct spk_stream_sink){ 0 }, "a", SPK_USAGE, "neither");
	check_refused(f, to, "a/b", SPK_USAGE, "cannot be a job's name");
	check_refused(f, to, NULL, SPK_USAGE, "needs a name");
	check_refused(spk_frame_filter(flights(), "x > 1"), to, "a", SPK_EXISTS, "read_stream(\"flight\")");
	f = spk_frame_table(session, "flight");
	check_refused(spk_frame_with_watermark(f, "origin", "1 second"), to, "a", SPK_BIND, "with_watermark(\"origin\", \"1 second\"): a watermark needs a timestamp");
	check_refused(spk_frame_with_watermark(f, "nope", "1 second"), to, "a", SPK_BIND, "does not exist");
	check_refused(spk_frame_with_watermark(f, "time_hour", "1 month"), to, "a", SPK_BIND, "fixed length");
	check_refused(spk_frame_with_watermark(f, "time_hour", "soon"), to, "a", SPK_DATA, "soon");
	check_refused(spk_frame_with_watermark(spk_frame_with_watermark(f, "time_hour", "1 day"), "time_hour", "1 day"), to, "a", SPK_PLAN, "already");
	check_refused(spk_frame_with_watermark(by_carrier(f), "n", "1 day"), to, "a", SPK_BIND, "timestamp");
	check_refused(spk_frame_with_watermark(spk_frame_with_column(f, "t", "time_hour + interval '1 day'"), "t", "1 day"), to, "a", SPK_PLAN, "computed");
	check_refused(spk_frame_tumble(f, "time_hour", "soon"), to, "a", SPK_BIND, "tumble");
	check_refused(spk_frame_hop(f, "time_hour", "1 day", NULL), to, "a", SPK_USAGE, "hop: its size is NULL");
	/* What needs an end says that there is none. */
	endless = spk_frame_read_stream(session, "endless", "n bigint", (const char *const[]){ "connector", "datagen", NULL });
	CHECK_FAILS(spk_frame_count(endless, &n, &err), SPK_PLAN, err);
	CHECK_HOLDS(err.message, "has no end");
	if (CHECK_OK(spk_frame_explain(spk_frame_agg(spk_frame_group_by(endless, "n"), "count(*) AS c"), &text, &err), err)) {
		CHECK_HOLDS(text, "StreamAggregate");
		free(text);
	}
	free(t);
	end();
}

SPK_TEST_SUITE("streams of frames",
	{"what a function is told adds up to the batch answer", adds_up_in_every_mode},
	{"by key the new row comes alone", updates_by_key},
	{"windows come once, when they are over", windows_are_final},
	{"sessions come once, when they are over", sessions_are_final},
	{"an epoch that a function cannot take now comes again", waits_for_a_function},
	{"a function that fails ends the stream, and the next one goes on", goes_on_after_a_failure},
	{"stopped, left to the session, resumed", stops_and_resumes},
	{"two sinks of one stream read the source once", shares_sources_among_sinks},
	{"what is wrong is said", says_what_is_wrong})
