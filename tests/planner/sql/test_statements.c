/* What statements leave behind: tables, views, settings; where they stand in their script. */
#include <pthread.h>

#include "core/base/fault.h"
#include "tests/planner/corpus.h"
#include "tests/planner/support.h"

static const struct spk_table *create(struct session *s, const char *text)
{
	struct spk_script script;
	spk_error err;

	CHECK_OK(session_bind(s, text, &script, &err), err);
	return spk_catalog_table(s->catalog, "t");
}

static void a_table_has_all_that_was_declared(void)
{
	struct session *s = session_empty();
	const struct spk_table *t = create(s,
		"CREATE TEMPORARY TABLE t (\n"
		"  userId BIGINT COMMENT 'who', `dateTime` TIMESTAMP(3), \"Odd Name\" STRING NOT NULL, amount DECIMAL(10, 2),\n"
		"  twice AS userId * 2, four AS twice * 2, day text GENERATED ALWAYS AS (upper(\"Odd Name\")) STORED,\n"
		"  part INT METADATA FROM 'partition' VIRTUAL, \"offset\" BIGINT NOT NULL METADATA,\n"
		"  tags ARRAY<STRING> NOT NULL, place ROW<lon DOUBLE, deep ROW<a ARRAY<INT>, b DECIMAL(5, 1) NOT NULL>>, old integer[],\n"
		"  WATERMARK FOR `dateTime` AS `dateTime` - INTERVAL '1' MINUTE, PRIMARY KEY (userId, amount) NOT ENFORCED\n"
		") COMMENT 'a table' WITH ('connector' = 'kafka', 'properties.bootstrap.servers' = 'h:1', scan.startup.mode = 'earliest-offset', n = 5, f = 1.5,\n"
		"  on = true, format = json, 'it''s.\"odd\"' = 'v', 'an.option.with.a.key.that.is.longer.than.a.name.may.be.in.postgresql' = 'long')");

	REQUIRE(t);
	REQUIRE_EQ_INT(t->schema->count, 12);
	CHECK_EQ_STR(t->schema->field[0].name, "userId");
	CHECK_EQ_STR(t->schema->field[1].name, "dateTime");
	CHECK_EQ_STR(t->schema->field[2].name, "Odd Name");
	CHECK_EQ_INT(t->schema->field[0].nullable, false);  /* of the primary key */
	CHECK_EQ_INT(t->schema->field[1].nullable, true);
	CHECK_EQ_INT(t->schema->field[2].nullable, false);
	CHECK(t->computed[4] && t->computed[5] && t->computed[6] && !t->computed[0]);
	CHECK_EQ_INT(t->schema->field[5].type.id, SPK_TYPE_BIGINT);
	CHECK_EQ_INT(t->schema->field[6].type.id, SPK_TYPE_TEXT);
	CHECK_EQ_STR(t->metadata[7], "partition");
	CHECK_EQ_STR(t->metadata[8], "offset");
	CHECK(!t->metadata[0]);
	CHECK_EQ_INT(t->schema->field[9].type.id, SPK_TYPE_ARRAY);
	CHECK_EQ_INT(t->schema->field[9].type.children->field[0].type.id, SPK_TYPE_TEXT);
	CHECK_EQ_INT(t->schema->field[10].type.id, SPK_TYPE_ROW);
	CHECK_EQ_STR(t->schema->field[10].type.children->field[1].name, "deep");
	CHECK_EQ_INT(t->schema->field[10].type.children->field[1].type.children->field[1].type.scale, 1);
	CHECK_EQ_INT(t->schema->field[11].type.children->field[0].type.id, SPK_TYPE_INTEGER);
	CHECK_EQ_INT(t->time_column, 1);
	CHECK_EQ_INT(t->watermark_delay_us, 60000000);
	REQUIRE_EQ_INT(t->key_count, 2);
	CHECK_EQ_INT(t->key[0], 0);
	CHECK_EQ_INT(t->key[1], 3);
	CHECK_EQ_STR(t->connector, "kafka");
	CHECK_EQ_STR(spk_table_option(t, "properties.bootstrap.servers"), "h:1");
	CHECK_EQ_STR(spk_table_option(t, "scan.startup.mode"), "earliest-offset");
	CHECK_EQ_STR(spk_table_option(t, "n"), "5");
	CHECK_EQ_STR(spk_table_option(t, "f"), "1.5");
	CHECK_EQ_STR(spk_table_option(t, "on"), "true");
	CHECK_EQ_STR(spk_table_option(t, "format"), "json");
	CHECK_EQ_STR(spk_table_option(t, "it's.\"odd\""), "v");
	CHECK_EQ_STR(spk_table_option(t, "an.option.with.a.key.that.is.longer.than.a.name.may.be.in.postgresql"), "long");
	CHECK(!spk_table_option(t, "missing"));
	session_free(s);
}

/* Computed columns are over the physical ones, whatever they were declared with. */
static void computed_columns_are_over_physical_ones(void)
{
	struct session *s = session_empty();
	struct spk_buffer text = { 0 };
	struct spk_script script;
	const struct spk_table *t;
	spk_error err;

	CHECK_FAILS(session_bind(s, "CREATE TABLE t (four AS twice * 2, a integer, twice AS a * 2) WITH (connector = 'print')", &script, &err), SPK_BIND, err);
	CHECK_HOLDS(err.message, "column \"twice\" does not exist");
	t = create(s, "CREATE TABLE t (a integer, twice AS a * 2, four AS twice * 2) WITH (connector = 'print')");
	REQUIRE(t);
	CHECK_OK(spk_expr_format(t->computed[2], &text, &err), err);
	CHECK_EQ_STR(spk_buffer_cstr(&text), "((a * 2) * 2)");
	spk_buffer_release(&text);
	session_free(s);
}

static void statements_know_their_place(void)
{
	static const char text[] = "  -- first\n SELECT 1 ;\n\tCREATE SOURCE `t` (a int) WITH ('connector' = 'print') ; /* x */ INSERT INTO t SELECT 2 -- end\n";
	struct session *s = session_empty();
	struct spk_script script;
	spk_error err;

	REQUIRE_OK(session_bind(s, text, &script, &err), err);
	REQUIRE_EQ_INT(script.count, 3);
	CHECK_EQ_STR(script.statement[0].text, "SELECT 1");
	CHECK_EQ_STR(script.statement[1].text, "CREATE SOURCE `t` (a int) WITH ('connector' = 'print')");
	CHECK_EQ_STR(script.statement[2].text, "INSERT INTO t SELECT 2");
	CHECK_EQ_STR(script.statement[0].tag, "SELECT");
	CHECK_EQ_STR(script.statement[1].tag, "CREATE TABLE");
	CHECK_EQ_STR(script.statement[2].tag, "INSERT");
	CHECK_EQ_INT(script.statement[0].kind, SPK_STATEMENT_SELECT);
	CHECK_EQ_INT(script.statement[1].kind, SPK_STATEMENT_DDL);
	CHECK_EQ_INT(script.statement[2].kind, SPK_STATEMENT_INSERT);
	for (int i = 0; i < 3; i++) {
		const struct spk_statement *st = &script.statement[i];

		CHECK_EQ_MEM(text + st->position - 1, st->text, (size_t)st->length);
	}
	CHECK_EQ_STR(script.text, text);
	session_free(s);
}

static void settings_reach_the_configuration(void)
{
	struct session *s = session_empty();
	struct spk_script script;
	spk_error err;

	CHECK_OK(session_bind(s, "SET parallelism = 4; SET 'epoch.interval' = '250ms'; SET watermark.idle-timeout = '7s'; SET emit = on-close; SET emit TO 'on-update';"
		"SET event.log = off; SET TIME ZONE 'Europe/Berlin'; SET memory.limit = '64MiB'", &script, &err), err);
	CHECK_EQ_INT(script.count, 8);
	CHECK_EQ_INT(script.statement[0].kind, SPK_STATEMENT_SET);
	CHECK_EQ_INT(spk_conf_int(s->conf, SPK_CONF_PARALLELISM), 4);
	CHECK_EQ_INT(spk_conf_int(s->conf, SPK_CONF_EPOCH_INTERVAL), 250000);
	CHECK_EQ_INT(spk_conf_int(s->conf, SPK_CONF_IDLE_TIMEOUT), 7000000);
	CHECK_EQ_INT(spk_conf_int(s->conf, SPK_CONF_EMIT), 2);
	CHECK_EQ_INT(spk_conf_int(s->conf, SPK_CONF_EVENT_LOG), 0);
	CHECK_EQ_STR(spk_conf_text(s->conf, SPK_CONF_TIMEZONE), "Europe/Berlin");
	CHECK_OK(session_bind(s, "RESET parallelism; SET 'epoch.interval' = DEFAULT; RESET 'emit'", &script, &err), err);
	CHECK_EQ_INT(spk_conf_int(s->conf, SPK_CONF_PARALLELISM), 0);
	CHECK_EQ_INT(spk_conf_int(s->conf, SPK_CONF_EPOCH_INTERVAL), 100000);
	CHECK_EQ_INT(spk_conf_int(s->conf, SPK_CONF_EMIT), 0);
	session_free(s);
}

static void views_come_and_go(void)
{
	struct session *s = session_new();
	struct spk_script script;
	spk_error err;
	char *plan;

	CHECK_OK(session_bind(s, "CREATE TEMPORARY VIEW IF NOT EXISTS v AS SELECT price FROM bid", &script, &err), err);
	CHECK_OK(session_bind(s, "CREATE VIEW IF NOT EXISTS v AS SELECT auction FROM bid", &script, &err), err);
	plan = bind_text(s, "SELECT * FROM V", false, false);
	CHECK_HOLDS(plan, "Project price\n -> Project price");
	free(plan);
	CHECK_FAILS(session_bind(s, "CREATE VIEW v AS SELECT auction FROM bid", &script, &err), SPK_EXISTS, err);
	CHECK_OK(session_bind(s, "CREATE OR REPLACE VIEW v (x) AS SELECT auction FROM bid", &script, &err), err);
	plan = bind_text(s, "SELECT q.x FROM v AS q", false, false);
	CHECK_HOLDS(plan, "Project x\n -> Project auction");
	free(plan);
	CHECK_EQ_STR(spk_catalog_view(s->catalog, "v")->query_text, "CREATE OR REPLACE VIEW v (x) AS SELECT auction FROM bid");
	CHECK_OK(session_bind(s, "DROP VIEW v; DROP VIEW IF EXISTS v; DROP TEMPORARY TABLE IF EXISTS nothing", &script, &err), err);
	CHECK(!spk_catalog_view(s->catalog, "v"));
	CHECK_OK(session_bind(s, "CREATE TABLE IF NOT EXISTS bid (x int) WITH (connector = 'print')", &script, &err), err);
	CHECK_EQ_INT(spk_catalog_table(s->catalog, "bid")->schema->count, 7);
	session_free(s);
}

static void explain_keeps_its_options(void)
{
	struct session *s = session_new();
	struct spk_script script;
	spk_error err;

	REQUIRE_OK(session_bind(s, "EXPLAIN SELECT 1; EXPLAIN ANALYZE SELECT 1; EXPLAIN (ANALYZE false, VERBOSE) SELECT 1; EXPLAIN (ANALYZE) INSERT INTO sink (id) VALUES (1)", &script, &err), err);
	CHECK_EQ_INT(script.count, 4);
	for (int i = 0; i < 4; i++) {
		CHECK_EQ_INT(script.statement[i].kind, SPK_STATEMENT_EXPLAIN);
		CHECK_EQ_INT(script.statement[i].analyze, i % 2);
		CHECK(script.statement[i].plan != NULL);
	}
	session_free(s);
}

/* The tree that plans take their names from lives as long as the plans do. */
static void plans_outlive_the_text(void)
{
	struct session *s = session_new();
	char *text = strdup("SELECT price AS a_rather_long_name_of_a_column FROM bid AS an_alias_that_is_long_too WHERE channel = 'a string longer than twelve'");
	struct spk_script script;
	spk_error err;
	char *plan;

	REQUIRE_OK(session_bind(s, text, &script, &err), err);
	memset(text, 'x', strlen(text));
	free(text);
	plan = plan_text(script.statement[0].plan, true);
	CHECK_HOLDS(plan, "a_rather_long_name_of_a_column");
	CHECK_HOLDS(plan, "an_alias_that_is_long_too");
	CHECK_HOLDS(plan, "a string longer than twelve");
	free(plan);
	session_free(s);
}

/* libpg_query keeps its state per thread; sessions share nothing of ours. */
static void *bind_all(void *failures)
{
	for (int round = 0; round < 5; round++) {
		for (size_t i = 0; i < sizeof corpus_good / sizeof corpus_good[0]; i++) {
			struct session *s = session_new();
			struct spk_script script;
			spk_error err;

			*(int *)failures += session_bind(s, corpus_good[i], &script, &err) != SPK_OK;
			*(int *)failures += session_bind(s, corpus_wrong[i], &script, &err) == SPK_OK;
			session_free(s);
		}
	}
	return NULL;
}

static void threads_do_not_disturb_each_other(void)
{
	enum { THREADS = 4 };
	pthread_t thread[THREADS];
	int failures[THREADS] = { 0 };

	for (int i = 0; i < THREADS; i++)
		CHECK_EQ_INT(pthread_create(&thread[i], NULL, bind_all, &failures[i]), 0);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(thread[i], NULL);
		CHECK_EQ_INT(failures[i], 0);
	}
}

/* Every allocation fails once: an error, never a crash or half a result. */
static void memory_may_run_out_anywhere(void)
{
	for (size_t i = 0; i < sizeof corpus_good / sizeof corpus_good[0]; i++) {
		for (int n = 1;; n++) {
			struct session *s = session_new();
			char specification[32];
			struct spk_script script = { 0 };
			spk_error err, ignored = { 0 };
			spk_status status;
			bool passed;

			snprintf(specification, sizeof specification, "malloc:%d", n);
			REQUIRE_OK(spk_fault_set(specification, &ignored), ignored);
			status = session_bind(s, corpus_good[i], &script, &err);
			for (int k = 0; status == SPK_OK && k < script.count; k++)
				if (script.statement[k].plan)
					status = spk_optimize(s->arena, script.statement[k].plan, NULL, &script.statement[k].plan, &err);
			passed = spk_fault_passes(SPK_FAULT_MALLOC) < n;
			REQUIRE_OK(spk_fault_set(NULL, &ignored), ignored);
			if (passed)
				CHECK_OK(status, err);
			else
				CHECK(status == SPK_NO_MEMORY || status == SPK_MEMORY_LIMIT || status == SPK_OK);
			session_free(s);
			if (passed)
				break;
		}
	}
}

static void create_table_as_declares_and_fills(void)
{
	struct session *s = session_new();
	struct spk_script script;
	const struct spk_table *t;
	spk_error err;

	REQUIRE_OK(session_bind(s, "CREATE TABLE made (k, \"V\") WITH ('connector' = 'print', 'a.b' = 'c') AS SELECT price, ARRAY[channel] FROM bid", &script, &err), err);
	CHECK_EQ_INT(script.statement[0].kind, SPK_STATEMENT_INSERT);
	CHECK_EQ_STR(script.statement[0].tag, "CREATE TABLE AS");
	REQUIRE(t = spk_catalog_table(s->catalog, "made"));
	CHECK(script.statement[0].plan->table == t);
	CHECK_EQ_STR(spk_table_option(t, "a.b"), "c");
	CHECK_EQ_INT(t->schema->count, 2);
	CHECK_EQ_STR(t->schema->field[1].name, "V");
	CHECK_EQ_INT(t->schema->field[1].type.id, SPK_TYPE_ARRAY);
	CHECK_FAILS(session_bind(s, "CREATE TABLE made WITH ('connector' = 'print') AS SELECT 1 AS a", &script, &err), SPK_EXISTS, err);
	REQUIRE_OK(session_bind(s, "CREATE TABLE IF NOT EXISTS made WITH ('connector' = 'print') AS SELECT 1 AS a", &script, &err), err);
	CHECK_EQ_INT(script.statement[0].kind, SPK_STATEMENT_DDL);
	REQUIRE_OK(session_bind(s, "DROP TABLE public.made", &script, &err), err);
	CHECK(!spk_catalog_table(s->catalog, "made"));
	session_free(s);
}

static void show_gives_rows(void)
{
	struct session *s = session_new();
	char *one = bind_text(s, "SET watermark.idle-timeout = '3s'; SHOW watermark.idle-timeout", false, false), *all = bind_text(s, "SHOW ALL", false, false);

	CHECK_EQ_STR(one, "Values ('3s')\n");
	CHECK(strstr(all, "'parallelism', "));
	free(one);
	free(all);
	session_free(s);
}

static void hints_are_for_the_joins_of_their_select(void)
{
	static const struct { const char *sql, *plan; } cases[] = {
		{ "SELECT /*+ BROADCAST(b), x(y) MERGE (c) */ 1 FROM file a JOIN file b ON true JOIN file c ON true",
		  "Project 1 AS ?column?\n -> Join inner by merge on true\n    -> Join inner by broadcast on true\n       -> Scan file AS a (x, y)\n       -> Scan file AS b (x, y)\n    -> Scan file AS c (x, y)\n" },
		{ "SELECT /*+ LOOP(A) */ DISTINCT a.x FROM file a, (SELECT c.x FROM file a, file c) b",
		  "Aggregate distinct x\n -> Project x\n    -> Join inner by loop\n       -> Scan file AS a (x, y)\n       -> Project x\n          -> Join inner\n             -> Scan file AS a (x, y)\n             -> Scan file AS c (x, y)\n" },
		{ "SELECT /* + LOOP(a) */ 1 FROM file a, file b",
		  "Project 1 AS ?column?\n -> Join inner\n    -> Scan file AS a (x, y)\n    -> Scan file AS b (x, y)\n" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct session *s = session_new();
		char *text = bind_text(s, cases[i].sql, false, false);

		CHECK_EQ_STR(text, cases[i].plan);
		free(text);
		session_free(s);
	}
}

SPK_TEST_SUITE("sql statements", { "a table has all that was declared", a_table_has_all_that_was_declared },
	{ "computed columns are over physical ones", computed_columns_are_over_physical_ones },
	{ "statements know their place", statements_know_their_place }, { "settings reach the configuration", settings_reach_the_configuration },
	{ "views come and go", views_come_and_go }, { "explain keeps its options", explain_keeps_its_options },
	{ "plans outlive the text", plans_outlive_the_text }, { "threads do not disturb each other", threads_do_not_disturb_each_other },
	{ "memory may run out anywhere", memory_may_run_out_anywhere },
	{ "CREATE TABLE AS declares and fills", create_table_as_declares_and_fills }, { "SHOW gives rows", show_gives_rows },
	{ "hints are for the joins of their SELECT", hints_are_for_the_joins_of_their_select })
