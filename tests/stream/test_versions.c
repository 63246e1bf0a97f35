/*
 * Joins with versions of a changelog, over random logs (key changes, truncates, values left out, repeats), cuts, partitions, watermarks, restarts and faults, against the
 * definition: of all that is known of a key when the watermark has passed a row, the last change that was not after it.
 */
#include "tests/stream/changelog.h"
#include "tests/stream/life.h"
#include "tests/stream/model.h"

enum { RATES = 1 };

static const char tables[] =
	"CREATE TABLE pairs (ta bigint, tb bigint, tt timestamp, ua bigint, ub bigint, v text, ut timestamp) WITH ('connector' = 'appends');\n"
	"CREATE TABLE worded (id bigint, a bigint, v text, at timestamp METADATA FROM 'value.source.timestamp' VIRTUAL, WATERMARK FOR at AS at - INTERVAL '1' SECOND, PRIMARY KEY (id) NOT ENFORCED)\n"
	"  WITH ('connector' = 'kafka', 'format' = 'debezium-json');\n"
	"CREATE TABLE numbered (id bigint, a bigint, v bigint, at timestamp METADATA FROM 'value.source.timestamp' VIRTUAL, WATERMARK FOR at AS at - INTERVAL '1' SECOND, PRIMARY KEY (id) NOT ENFORCED)\n"
	"  WITH ('connector' = 'kafka', 'format' = 'debezium-json');\n"
	"CREATE TABLE stamped (id bigint, a bigint, ts timestamp, WATERMARK FOR ts AS ts, PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = 'kafka', 'format' = 'debezium-json');\n"
	"CREATE TABLE keyless (id bigint, at timestamp METADATA FROM 'value.source.timestamp' VIRTUAL, WATERMARK FOR at AS at) WITH ('connector' = 'kafka', 'format' = 'debezium-json');\n"
	"CREATE VIEW newest AS SELECT id, a, at FROM (SELECT *, row_number() OVER (PARTITION BY id ORDER BY at DESC) AS n FROM numbered) AS x WHERE n = 1;\n";

/* --- what it must come to --- */

/* A row of t that waits, since when it was read; `end`: of the second that it is in. */
struct waiting { const struct event *event; int64_t end; };

struct trial {
	bool outer;
	struct life life;
	struct log *log;
	int read[PARTITIONS];            /* messages, by partition of the log */
	int waits;
	struct waiting *waiting;
	struct lines want;               /* of the epoch */
};

/* The message that says what the key's row was then: of those that were read the last in time, and of these in the log. */
static const struct message *version_of(const struct trial *l, int64_t key, int64_t time)
{
	const struct message *best = NULL;

	for (int p = 0; p < l->log->partitions; p++)
		for (int i = 0; i < l->read[p]; i++) {
			const struct message *m = &l->log->message[l->log->by_partition[p][i]];

			if (m->repeats || m->time > time || (m->key != key && m->key >= 0))
				continue;
			if (!best || m->time > best->time || (m->time == best->time && m > best))
				best = m;
		}
	return best && best->row.there ? best : NULL;
}

static void put_row(struct trial *l, const struct event *e, const struct message *m)
{
	char a[24], b[24], tt[SPK_TEXT_MAX], ut[SPK_TEXT_MAX], v[40];
	int n = e->ts_null ? snprintf(tt, sizeof tt, "NULL") : spk_text_timestamp(e->ts, tt), k;

	number_text(e->a_null, e->a, a);
	number_text(e->b_null, e->b, b);
	if (!m) {
		if (l->outer)
			put_line(&l->want, "+%s|%s|%.*s|NULL|NULL|NULL|NULL", a, b, n, tt);
		return;
	}
	k = spk_text_timestamp(m->time, ut);
	snprintf(v, sizeof v, l->log->text ? "text number %d" : "%d", m->row.v);
	put_line(&l->want, "+%s|%s|%.*s|%d|%lld|%s|%.*s", a, b, n, tt, m->key, (long long)m->row.a, v, k, ut);
}

/* What the epoch read, and what comes out of it. */
static int64_t expect(struct trial *l)
{
	const int64_t e = l->life.stream.epoch - 1;
	const struct cut *cut = &l->life.cut[e];
	const struct outcome *o = &l->life.outcome[e];
	const int64_t before = SPK_MIN(o->before[0], o->before[1]), after = SPK_MIN(o->after[0], o->after[1]);
	int64_t late = 0;
	int left = 0;

	for (int p = 0; p < l->log->partitions; p++)
		l->read[p] = cut->to[RATES][p];
	for (int p = 0; p < l->life.stream.partitions[0]; p++)
		for (int k = cut->from[0][p]; k < cut->to[0][p]; k++) {
			const struct event *t = &l->life.stream.partition[0][p].event[k];

			if (t->ts_null || (t->a_null && t->ts >= before))
				put_row(l, t, NULL);
			else if (t->ts < before)
				late++;
			else
				l->waiting[l->waits++] = (struct waiting){ t, t->ts - t->ts % SECOND + SECOND };
		}
	for (int i = 0; i < l->waits; i++)
		if (l->waiting[i].end <= after)
			put_row(l, l->waiting[i].event, version_of(l, l->waiting[i].event->a, l->waiting[i].event->ts));
		else
			l->waiting[left++] = l->waiting[i];
	l->waits = left;
	lines_sort(&l->want);
	return late;
}

static bool check_epoch(struct life *life)
{
	struct trial *l = spk_container_of(life, struct trial, life);
	const struct outcome *o = &l->life.outcome[l->life.stream.epoch - 1];
	bool good = CHECK_EQ_INT(o->late, expect(l)) & CHECK_EQ_INT(o->bad, 0);

	good = CHECK(lines_same(&o->out[0], &l->want)) && good;
	for (int i = 0, shown = 0; !good && i < SPK_MAX(o->out[0].count, l->want.count) && shown < 10; i++) {
		const char *got = i < o->out[0].count ? o->out[0].line[i] : "nothing", *want = i < l->want.count ? l->want.line[i] : "nothing";

		if (strcmp(got, want) != 0)
			printf("      line %d: got %s, want %s\n", ++shown, got, want);
	}
	lines_release(&l->want);
	return good;
}

/* --- trials --- */

/* The second source reads a log of as many partitions as the life has drawn. */
static void begin(struct trial *l, const char *sql, uint64_t stream, int events, bool text)
{
	struct stream *s = &l->life.stream;
	spk_error err = { 0 };
	int partitions;

	life_init(&l->life, sql, stream, events);
	REQUIRE_EQ_INT(s->plan->sources, 2);
	REQUIRE(strcmp(s->plan->source[0].table->name, "t") == 0);
	partitions = s->partitions[RATES];
	/* Of several partitions it is not known in which order they were read: a truncate, or a value that another partition has, may come behind what it tells of. */
	l->log = logs[RATES] = log_new(&l->life.rng, text && partitions == 1, 0, partitions, partitions == 1, 20 + (int)spk_test_below(&l->life.rng, (uint64_t)events * 2));
	for (int p = 0; p < partitions; p++)
		l->life.u[p].events = l->log->in_partition[p];
	s->source[RATES].base.type = &changes_type;
	s->messages = put_messages;
	REQUIRE_OK(spk_source_open_format(&s->source[RATES].base, (struct spk_view){ 0 }, &err), err);
	l->waiting = calloc((size_t)PARTITIONS * (size_t)events + 1, sizeof *l->waiting);
}

static void end(struct trial *l)
{
	spk_source_close_format(&l->life.stream.source[RATES].base);
	life_release(&l->life);
	log_free(l->log);
	logs[RATES] = NULL;
	free(l->waiting);
	free(l);
}

static void live(uint64_t stream, int events, int epochs)
{
	struct trial *l = calloc(1, sizeof *l);
	const bool text = stream % 3 == 0;
	char *sql;
	bool good;

	l->outer = stream % 2;
	sql = spk_test_format("%sINSERT INTO pairs SELECT t.a, t.b, t.ts, u.id, u.a, u.v::text, u.at FROM t %s %s FOR SYSTEM_TIME AS OF t.ts AS u ON t.a = u.id", tables, l->outer ? "LEFT JOIN" : "JOIN",
			      text ? "worded" : "numbered");
	begin(l, sql, stream, events, text);
	good = life_run(&l->life, epochs, check_epoch);
	if (!good)
		printf("      epoch %d of %s\n", (int)l->life.stream.epoch, sql);
	stream_settle(&l->life.stream);
	CHECK(!good || stream_entries(&l->life.stream, SPK_PHYSICAL_STREAM_ASOF_JOIN) == 0);
	end(l);
	free(sql);
}

static void every_version_is_found(void)
{
	const int rounds = spk_test_long() ? 600 : 60;

	spk_log_set_levels("error", NULL);
	for (int i = 0; i < rounds; i++)
		live(60000 + (uint64_t)i, i % 3 ? 60 : 250, 8 + i % 3 * 8);
}

/* --- state --- */

/* A log of so many changes of one key, each a second later than the one before, every fourth that it is deleted; then of another key. */
static struct log *long_log(int changes)
{
	struct log *l = calloc(1, sizeof *l);

	l->picture = calloc(LOG_MAX + 1, sizeof *l->picture);
	l->partitions = 1;
	l->time = (int64_t)1700000000 * SECOND;
	for (int i = 0; i < changes; i++) {
		const int key = i < changes / 2 ? 1 : 2;

		l->lsn++;
		l->time += SECOND;
		l->table[key] = (struct row){ .there = i % 4 != 3, .a = i, .v = i };
		send(l, key, i % 4 == 3 ? 'd' : 'c', i % 4 == 3 ? key_json(key) : NULL, i % 4 == 3 ? NULL : row_json(l, key, false), -1);
	}
	for (int i = 0; i < l->messages; i++)
		l->by_partition[0][l->in_partition[0]++] = i;
	return l;
}

static int kept_at_the_end(struct stream *s)
{
	stream_settle(s);
	return stream_entries(s, SPK_PHYSICAL_STREAM_ASOF_JOIN);
}

/* --- truncates --- */

static void send_at(struct log *l, int second, int partition, int key, char op)
{
	l->lsn = 1000 + second;
	l->time = ((int64_t)1700000000 + second) * SECOND;
	if (key >= 0)
		l->table[key] = (struct row){ .there = op != 't', .a = second, .v = second };
	send(l, key, op, NULL, key < 0 ? NULL : row_json(l, key, false), -1);
	l->message[l->messages - 1].partition = partition;
	l->by_partition[partition][l->in_partition[partition]++] = l->messages - 1;
}

/* A row from between two truncates that come in one epoch, read before them from another partition, ends with the second one. */
static void a_row_between_truncates_ends_with_the_second(void)
{
	static const char sql[] = "INSERT INTO pairs SELECT t.a, t.b, t.ts, u.id, u.a, u.v::text, u.at FROM t LEFT JOIN numbered FOR SYSTEM_TIME AS OF t.ts AS u ON t.a = u.id";
	struct event event[4];
	struct partition t[PARTITIONS] = { { .event = event, .events = 4 } }, u[PARTITIONS] = { { .events = 2 }, { .events = 1 } };
	char *text = spk_test_format("%s%s", tables, sql), *dir = spk_test_dir("truncates"), *state = spk_test_format("%s/state", dir);
	struct log *l = logs[RATES] = calloc(1, sizeof *l);
	struct cut cut = { .chunk = 50 };
	struct outcome out;
	struct stream s;
	spk_error err = { 0 };

	l->picture = calloc(LOG_MAX + 1, sizeof *l->picture);
	l->partitions = 2;
	send_at(l, 20, 1, 1, 'c');
	send_at(l, 10, 0, -1, 't');
	send_at(l, 30, 0, -1, 't');
	/* Rows of t before it, while it is there, and behind it; the last one lets the watermark pass them. */
	for (int i = 0; i < 4; i++)
		event[i] = (struct event){ .a = i < 3 ? 1 : 2, .ts = ((int64_t)1700000000 + (i < 3 ? 15 + 10 * i : 1000)) * SECOND };
	stream_init(&s, text, t, 1, u, 2);
	s.source[RATES].base.type = &changes_type;
	s.messages = put_messages;
	REQUIRE_OK(spk_source_open_format(&s.source[RATES].base, (struct spk_view){ 0 }, &err), err);
	stream_open(&s, state, 1, 4096, 1, false);
	cut.to[RATES][1] = 1;
	REQUIRE_OK(stream_epoch(&s, &cut, NULL, &out, &err), err);
	outcome_release(&out);
	cut.from[RATES][1] = 1;
	cut.to[RATES][0] = 2;
	cut.to[0][0] = 4;
	cut.finished[RATES][0] = cut.finished[RATES][1] = true;
	REQUIRE_OK(stream_epoch(&s, &cut, NULL, &out, &err), err);
	lines_sort(&out.out[0]);
	if (CHECK_EQ_INT(out.out[0].count, 3)) {
		CHECK_EQ_STR(out.out[0].line[0], "+1|0|2023-11-14 22:13:35|NULL|NULL|NULL|NULL");
		CHECK_EQ_STR(out.out[0].line[1], "+1|0|2023-11-14 22:13:45|1|20|20|2023-11-14 22:13:40");
		CHECK_EQ_STR(out.out[0].line[2], "+1|0|2023-11-14 22:13:55|NULL|NULL|NULL|NULL");
	}
	outcome_release(&out);
	spk_source_close_format(&s.source[RATES].base);
	stream_close(&s);
	stream_release(&s);
	log_free(l);
	logs[RATES] = NULL;
	free(text);
	free(dir);
	free(state);
}

/* What the watermark has passed goes, but for the last version of each key; and that, too, if the key is gone. */
static void state_is_bounded(void)
{
	static const char sql[] = "INSERT INTO pairs SELECT t.a, t.b, t.ts, u.id, u.a, u.v::text, u.at FROM t JOIN numbered FOR SYSTEM_TIME AS OF t.ts AS u ON t.a = u.id";

	for (int changes = 400; changes <= 401; changes++) {
		struct event *now = calloc(1, sizeof *now);
		struct partition t[PARTITIONS] = { { .event = now, .events = 1 } }, u[PARTITIONS] = { { .events = changes } };
		char *text = spk_test_format("%s%s", tables, sql), *dir = spk_test_dir("versions"), *state = spk_test_format("%s/state", dir), *then = spk_test_format("%s/then", dir);
		struct cut cut = { .chunk = 50 };
		struct outcome out;
		struct stream s;
		spk_error err = { 0 };

		/* The one row of t is behind all changes, so that the watermark passes them. */
		*now = (struct event){ .a = 1, .ts = (int64_t)1700001000 * SECOND };
		logs[RATES] = long_log(changes);
		stream_init(&s, text, t, 1, u, 1);
		s.source[RATES].base.type = &changes_type;
		s.messages = put_messages;
		REQUIRE_OK(spk_source_open_format(&s.source[RATES].base, (struct spk_view){ 0 }, &err), err);
		stream_open(&s, state, 1, 4096, 1, false);
		cut.to[0][0] = 1;
		for (int from = 0; from < changes; from += 50) {
			cut.from[RATES][0] = from;
			cut.to[RATES][0] = SPK_MIN(from + 50, changes);
			REQUIRE_OK(stream_epoch(&s, &cut, NULL, &out, &err), err);
			outcome_release(&out);
			cut.from[0][0] = 1;
		}
		/* Of the last two seconds, which the watermark has not passed: the row of t, a page, two marks. Key 1 ended in a deletion. */
		CHECK_EQ_INT(kept_at_the_end(&s), 4);
		spk_source_close_format(&s.source[RATES].base);
		stream_close(&s);
		stream_release(&s);
		log_free(logs[RATES]);
		logs[RATES] = NULL;
		free(now);
		free(text);
		free(dir);
		free(state);
		free(then);
	}
}

/* --- plans --- */

static int count_nodes(const struct spk_physical_plan *plan, enum spk_physical_kind kind)
{
	int n = 0;

	for (int i = 0; i < plan->nodes; i++)
		n += plan->node[i]->kind == kind;
	return n;
}

/* Who asks for rows and who asks for versions share the source, and nothing else. */
static void a_table_is_read_once(void)
{
	static const char sql[] = "CREATE TABLE counts (id bigint, n bigint) WITH ('connector' = 'deltas');\n"
		"INSERT INTO pairs SELECT t.a, t.b, t.ts, u.id, u.a, u.v::text, u.at FROM t JOIN numbered FOR SYSTEM_TIME AS OF t.ts AS u ON t.a = u.id;\n"
		"INSERT INTO counts SELECT u.id, count(*) FROM t JOIN numbered FOR SYSTEM_TIME AS OF t.ts AS u ON t.a = u.id GROUP BY u.id;\n"
		"INSERT INTO deltas SELECT id, a FROM numbered;";
	char *text = spk_test_format("%s%s", tables, sql);
	struct spk_buffer plan = { 0 };
	struct stream s = { 0 };

	stream_plan(&s, text);
	CHECK_EQ_INT(count_nodes(s.plan, SPK_PHYSICAL_SCAN), 2);
	CHECK_EQ_INT(count_nodes(s.plan, SPK_PHYSICAL_NORMALIZE), 2);
	spk_physical_format(s.plan, NULL, NULL, &plan, NULL);
	CHECK_HOLDS(spk_buffer_cstr(&plan), "; the version with the last at <= ts]");
	CHECK_HOLDS(spk_buffer_cstr(&plan), " [every version by id]");
	CHECK_HOLDS(spk_buffer_cstr(&plan), " [last row by id]");
	spk_buffer_release(&plan);
	stream_release(&s);
	free(text);
}

static void what_cannot_be_is_refused(void)
{
	static const struct { const char *from, *message, *hint; } list[] = {
		{ "t JOIN numbered FOR SYSTEM_TIME AS OF t.ts AS u ON t.a = u.id AND t.b = u.a", "may have nothing but an equality for each column of the key", "in WHERE" },
		{ "t JOIN keyless FOR SYSTEM_TIME AS OF t.ts AS u ON t.a = u.id", "needs a table with a PRIMARY KEY and a WATERMARK", "Declare both" },
		{ "t JOIN newest FOR SYSTEM_TIME AS OF t.ts AS u ON t.a = u.id", "needs a table with a PRIMARY KEY and a WATERMARK", "Declare both" },
		{ "numbered AS t JOIN stamped FOR SYSTEM_TIME AS OF t.at AS u ON t.a = u.id", "rows that may be taken back cannot be joined with versions of a table", "Join first" },
		{ "t ASOF JOIN numbered AS u ON t.a = u.id AND t.ts >= u.at", "an ASOF JOIN of rows that may be taken back is not supported", "PROCTIME()" },
	};

	for (size_t i = 0; i < SPK_COUNT_OF(list); i++) {
		char *sql = spk_test_format("%s%sINSERT INTO deltas SELECT t.a, u.id FROM %s", stream_tables, tables, list[i].from);
		struct spk_physical_options options = { .streaming = true, .sink_takes = stream_sink_takes };
		struct spk_arena *arena = spk_arena_new(NULL);
		struct spk_conf *conf = spk_conf_new();
		struct spk_catalog_hooks hooks = { 0 };
		struct spk_physical_plan *plan;
		struct spk_logical *root = NULL;
		struct spk_catalog *catalog;
		struct spk_script script;
		spk_error err = { 0 };
		spk_status status;

		REQUIRE_OK(spk_catalog_new(&catalog, &hooks, &err), err);
		status = spk_sql_bind(sql, catalog, conf, arena, &script, &err);
		if (status == SPK_OK)
			status = spk_optimize(arena, script.statement[script.count - 1].plan, NULL, &root, &err);
		if (status == SPK_OK)
			status = spk_physical_plan_make(arena, &root, 1, &options, &plan, &err);
		CHECK(status != SPK_OK);
		CHECK_HOLDS(err.message, list[i].message);
		CHECK_HOLDS(err.hint, list[i].hint);
		spk_catalog_free(catalog);
		spk_conf_free(conf);
		spk_arena_unref(arena);
		free(sql);
	}
}

SPK_TEST_SUITE("versions of a changelog", { "every version is found", every_version_is_found }, { "state is bounded", state_is_bounded },
	       { "a row between truncates ends with the second", a_row_between_truncates_ends_with_the_second }, { "a table is read once", a_table_is_read_once },
	       { "what cannot be is refused", what_cannot_be_is_refused })
